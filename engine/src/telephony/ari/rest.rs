//! Sending commands: one HTTP client a host, addresses built by us, answers sorted by what the
//! caller can do about them.

use std::time::Duration;

use reqwest::{Method, StatusCode, Url};
use serde::de::DeserializeOwned;

use super::error::AriError;
use super::ids::HostName;

/// A command takes 3 ms; one that takes this long is lost, and is safe to send again.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(3);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// Asterisk closes an idle connection after its `session_keep_alive` (15 s in our http.conf):
/// let go before it does, or a command meets a closed socket.
const POOL_IDLE: Duration = Duration::from_secs(10);

/// One media host: where its ARI is and how to get in.
#[derive(Clone, PartialEq, Eq)]
pub struct Host {
    /// The pod's name, which is Asterisk's `systemname` and begins its channel ids.
    pub name: HostName,
    /// `http://10.244.1.7:8088/ari`.
    pub address: String,
    /// ARI user.
    pub user: String,
    /// ARI password, of this leader's epoch.
    pub password: String,
    /// The app under which the tenant's calls come: `acd`.
    pub app: String,
}

impl std::fmt::Debug for Host {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Host")
            .field("name", &self.name)
            .field("address", &self.address)
            .field("user", &self.user)
            .field("app", &self.app)
            .finish_non_exhaustive()
    }
}

/// What an idempotent command found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Done {
    /// The command did it.
    Now,
    /// It was so already: a repeat, or the far end was faster.
    Already,
}

/// Commands to one Asterisk. Cheap to clone: clones share the connections.
#[derive(Clone, Debug)]
pub struct Ari {
    http: reqwest::Client,
    base: Url,
    host: std::sync::Arc<Host>,
}

/// Query parameters: names are ARI's own, absent values are left out.
pub(crate) type Query<'a> = &'a [(&'a str, Option<&'a str>)];

impl Ari {
    /// A client for `host`; connects when first used.
    ///
    /// # Errors
    /// [`AriError::Address`] where the address is no plain `http` URL.
    pub fn new(host: Host) -> Result<Self, AriError> {
        let bad = |reason: String| AriError::Address {
            host: host.name.to_string(),
            address: host.address.clone(),
            reason,
        };
        let base = Url::parse(host.address.trim_end_matches('/'))
            .map_err(|error| bad(error.to_string()))?;
        if base.scheme() != "http" || base.host_str().is_none() {
            return Err(bad(
                "only plain http, inside the pod network, is spoken".into()
            ));
        }
        let http = reqwest::Client::builder()
            .timeout(COMMAND_TIMEOUT)
            .connect_timeout(CONNECT_TIMEOUT)
            .pool_idle_timeout(POOL_IDLE)
            .tcp_nodelay(true)
            .no_proxy()
            .build()
            .map_err(|error| bad(error.to_string()))?;
        Ok(Self {
            http,
            base,
            host: std::sync::Arc::new(host),
        })
    }

    /// The host it commands.
    pub fn host(&self) -> &Host {
        &self.host
    }

    pub(crate) fn base(&self) -> &Url {
        &self.base
    }

    /// `segments` are encoded one by one: an id with a slash or a space stays one segment.
    fn url(&self, segments: &[&str], query: Query<'_>) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.extend(segments);
        }
        if query.iter().any(|(_, value)| value.is_some()) {
            let mut pairs = url.query_pairs_mut();
            for (name, value) in query {
                if let Some(value) = value {
                    pairs.append_pair(name, value);
                }
            }
        }
        url
    }

    pub(crate) async fn send(
        &self,
        method: Method,
        segments: &[&str],
        query: Query<'_>,
        body: Option<&serde_json::Value>,
    ) -> Result<Vec<u8>, AriError> {
        let url = self.url(segments, query);
        let path = || segments.join("/");
        let unreachable = |source: reqwest::Error| AriError::Unreachable {
            host: self.host.name.to_string(),
            method: method.clone(),
            path: path(),
            source: source.without_url(),
        };
        let mut request = self
            .http
            .request(method.clone(), url)
            .basic_auth(&self.host.user, Some(&self.host.password));
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await.map_err(unreachable)?;
        let status = response.status();
        let bytes = response.bytes().await.map_err(unreachable)?;
        if status.is_success() {
            return Ok(bytes.to_vec());
        }
        let host = self.host.name.to_string();
        let message = refusal_message(&bytes);
        Err(match status {
            StatusCode::UNAUTHORIZED => AriError::Fenced { host },
            StatusCode::NOT_FOUND => AriError::Gone {
                host,
                method,
                path: path(),
                message,
            },
            status => AriError::Refused {
                host,
                method,
                path: path(),
                status,
                message,
            },
        })
    }

    pub(crate) async fn read<T: DeserializeOwned>(
        &self,
        method: Method,
        segments: &[&str],
        query: Query<'_>,
        body: Option<&serde_json::Value>,
    ) -> Result<T, AriError> {
        let bytes = self.send(method.clone(), segments, query, body).await?;
        serde_json::from_slice(&bytes).map_err(|source| AriError::Unreadable {
            host: self.host.name.to_string(),
            method,
            path: segments.join("/"),
            source,
        })
    }

    pub(crate) async fn get<T: DeserializeOwned>(
        &self,
        segments: &[&str],
        query: Query<'_>,
    ) -> Result<T, AriError> {
        self.read(Method::GET, segments, query, None).await
    }

    pub(crate) async fn post(&self, segments: &[&str], query: Query<'_>) -> Result<(), AriError> {
        self.send(Method::POST, segments, query, None)
            .await
            .map(drop)
    }

    pub(crate) async fn delete(&self, segments: &[&str], query: Query<'_>) -> Result<(), AriError> {
        self.send(Method::DELETE, segments, query, None)
            .await
            .map(drop)
    }
}

/// ARI refuses with `{"message": …}` (or `error`); anything else is told as it came.
fn refusal_message(bytes: &[u8]) -> String {
    let told = serde_json::from_slice::<serde_json::Value>(bytes)
        .ok()
        .and_then(|value| {
            ["message", "error"]
                .iter()
                .find_map(|key| value.get(key)?.as_str().map(str::to_owned))
        });
    told.unwrap_or_else(|| String::from_utf8_lossy(bytes).trim().to_owned())
}

/// Maps the refusals that mean "it is so already" to [`Done::Already`].
pub(crate) fn already(
    result: Result<(), AriError>,
    is_already: impl Fn(&AriError) -> bool,
) -> Result<Done, AriError> {
    match result {
        Ok(()) => Ok(Done::Now),
        Err(error) if is_already(&error) => Ok(Done::Already),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
impl Ari {
    /// A host that a test plays, at its address.
    pub(crate) fn of_test(address: &str) -> Self {
        Self::new(Host {
            name: "media-0".into(),
            address: address.into(),
            user: "engine".into(),
            password: "secret".into(),
            app: "acd".into(),
        })
        .unwrap()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ari() -> Ari {
        Ari::of_test("http://127.0.0.1:8088/ari/")
    }

    #[test]
    fn an_id_with_odd_characters_stays_one_path_segment() {
        let url = ari().url(
            &["channels", "a b/c?d", "variable"],
            &[
                ("variable", Some("PJSIP_HEADER(read,X-Q)")),
                ("value", None),
            ],
        );
        assert_eq!(
            url.as_str(),
            "http://127.0.0.1:8088/ari/channels/a%20b%2Fc%3Fd/variable?variable=PJSIP_HEADER%28read%2CX-Q%29"
        );
    }

    #[test]
    fn a_refusal_tells_asterisks_own_words() {
        assert_eq!(
            refusal_message(br#"{"message":"Channel not found"}"#),
            "Channel not found"
        );
        assert_eq!(refusal_message(b"<h1>Moved</h1>\n"), "<h1>Moved</h1>");
    }

    #[test]
    fn the_password_is_never_printed() {
        assert!(!format!("{:?}", ari()).contains("secret"));
    }

    #[test]
    fn an_address_that_is_not_plain_http_is_refused_with_what_would_be_right() {
        let host = Host {
            address: "https://x/ari".into(),
            ..ari().host().clone()
        };
        let told = Ari::new(host).unwrap_err().to_string();
        assert!(told.contains("want http://HOST:PORT/ari"), "{told}");
    }
}
