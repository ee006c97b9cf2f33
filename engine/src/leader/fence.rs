//! Fencing the media pods: each is told the epoch before the leader connects to it.
//!
//! `POST http://POD:8090/fence {"epoch": N}` with a token that is good for this epoch alone. The
//! side-car sets the ARI password of the epoch, reloads and reads back before it answers 200. An
//! epoch not above its highest it refuses (409), and names its highest.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use reqwest::StatusCode;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use crate::journal::Epoch;
use crate::keys::{ARI_USER, TenantKey};
use crate::telephony::MediaHosts;
use crate::telephony::ari::{Host, HostName};

/// The app that the tenant's calls come under.
pub const APP: &str = "acd";
const TIMEOUT: Duration = Duration::from_secs(5);
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// A media pod as the cluster shows it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MediaPod {
    /// Its name, Asterisk's `systemname`.
    pub name: String,
    /// Another UID is another pod, however it is named.
    pub uid: String,
    /// Its address.
    pub address: IpAddr,
    /// Where its side-car listens.
    pub sidecar_port: u16,
    /// Where its ARI listens.
    pub ari_port: u16,
}

impl MediaPod {
    fn fence_url(&self) -> String {
        self.sidecar("fence")
    }

    pub(super) fn sidecar(&self, path: &str) -> String {
        let at = std::net::SocketAddr::new(self.address, self.sidecar_port);
        format!("http://{at}/{path}")
    }
}

/// Fences pods as they come, and names those that are fenced.
#[derive(Debug)]
pub struct Fence {
    epoch: Epoch,
    key: TenantKey,
    http: reqwest::Client,
}

/// A side-car's refusal.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
struct Refusal {
    error: String,
    /// The highest epoch that it knows.
    epoch: Option<Epoch>,
}

enum Answer {
    Fenced,
    Newer(String),
    Again(String),
}

impl Fence {
    /// For one leadership.
    ///
    /// # Errors
    /// Where no HTTP client can be made.
    pub fn new(epoch: Epoch, key: TenantKey) -> Result<Self, reqwest::Error> {
        let http = reqwest::Client::builder()
            .timeout(TIMEOUT)
            .no_proxy()
            .build()?;
        Ok(Self { epoch, key, http })
    }

    /// Keeps `hosts` at the pods of `pods` that are fenced, until `pods` closes. Ends early, with
    /// the reason, where a pod knows a newer leader.
    pub async fn run(
        self,
        mut pods: watch::Receiver<Option<Vec<MediaPod>>>,
        hosts: watch::Sender<Option<MediaHosts>>,
    ) -> Option<String> {
        let (tell, mut told) = mpsc::unbounded_channel();
        let mut known: BTreeMap<MediaPod, bool> = BTreeMap::new();
        let mut tasks = JoinSet::new();
        pods.mark_changed();
        loop {
            tokio::select! {
                changed = pods.changed() => {
                    if changed.is_err() {
                        return None;
                    }
                    let Some(now) = pods.borrow_and_update().clone() else {
                        continue; // not listed yet: that is not "none"
                    };
                    known.retain(|pod, _| now.contains(pod));
                    for pod in now {
                        if !known.contains_key(&pod) {
                            known.insert(pod.clone(), false);
                            tasks.spawn(self.fencing(pod, tell.clone()));
                        }
                    }
                    self.publish(&known, &hosts);
                }
                Some((pod, newer)) = told.recv() => match newer {
                    Some(why) => return Some(format!("{}: {why}", pod.name)),
                    None => {
                        tracing::info!(pod = pod.name, epoch = self.epoch.0, "fenced");
                        if let Some(fenced) = known.get_mut(&pod) {
                            *fenced = true;
                        }
                        self.publish(&known, &hosts);
                    }
                },
                Some(_) = tasks.join_next() => {}
            }
        }
    }

    /// Tries until the pod answers. A pod that is gone meanwhile costs a request every 2 s until
    /// this leadership ends or the pod's address is another's, who refuses.
    fn fencing(
        &self,
        pod: MediaPod,
        tell: mpsc::UnboundedSender<(MediaPod, Option<String>)>,
    ) -> impl Future<Output = ()> + Send + 'static {
        let (http, epoch) = (self.http.clone(), self.epoch);
        let token = self.key.fence_token(epoch);
        async move {
            let mut pause = FIRST_PAUSE;
            loop {
                match ask(&http, &pod, epoch, &token).await {
                    Answer::Fenced => return drop(tell.send((pod, None))),
                    Answer::Newer(why) => return drop(tell.send((pod, Some(why)))),
                    Answer::Again(why) => {
                        tracing::debug!(pod = pod.name, why, "not fenced yet");
                    }
                }
                if tell.is_closed() {
                    return;
                }
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        }
    }

    fn publish(&self, known: &BTreeMap<MediaPod, bool>, hosts: &watch::Sender<Option<MediaHosts>>) {
        let fenced = |wanted: bool| known.iter().filter(move |(_, fenced)| **fenced == wanted);
        hosts.send_replace(Some(MediaHosts {
            ours: fenced(true).map(|(pod, _)| self.host(pod)).collect(),
            expected: fenced(false)
                .map(|(pod, _)| HostName::new(&pod.name))
                .collect(),
        }));
    }

    fn host(&self, pod: &MediaPod) -> Host {
        let at = std::net::SocketAddr::new(pod.address, pod.ari_port);
        Host {
            name: HostName::new(&pod.name),
            address: format!("http://{at}/ari"),
            user: ARI_USER.into(),
            password: self.key.ari_password(self.epoch),
            app: APP.into(),
        }
    }
}

async fn ask(http: &reqwest::Client, pod: &MediaPod, epoch: Epoch, token: &str) -> Answer {
    let request = http
        .post(pod.fence_url())
        .bearer_auth(token)
        .json(&serde_json::json!({"epoch": epoch.0}));
    match request.send().await {
        Ok(response) if response.status().is_success() => Answer::Fenced,
        Ok(response) if response.status() == StatusCode::CONFLICT => {
            let refusal = response.json::<Refusal>().await.unwrap_or_default();
            match refusal.epoch {
                // We had fenced it already, and the answer got lost.
                Some(highest) if highest == epoch => Answer::Fenced,
                Some(_) => Answer::Newer(refusal.error),
                None => Answer::Again("the side-car refuses, and names no epoch".into()),
            }
        }
        Ok(response) => Answer::Again(format!("the side-car answers {}", response.status())),
        Err(error) => Answer::Again(error.without_url().to_string()),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    use axum::extract::State;
    use axum::http::HeaderMap;
    use axum::routing::post;
    use serde_json::json;

    use super::*;

    fn key() -> TenantKey {
        TenantKey::new(b"0123456789abcdef").unwrap()
    }

    /// A side-car's rule, as the module's description has it, on a real listener; fails the first request.
    async fn sidecar(highest: Arc<AtomicU64>) -> MediaPod {
        async fn fence(
            State((highest, asked)): State<(Arc<AtomicU64>, Arc<AtomicU64>)>,
            headers: HeaderMap,
            axum::Json(body): axum::Json<serde_json::Value>,
        ) -> Result<(), (axum::http::StatusCode, axum::Json<serde_json::Value>)> {
            if asked.fetch_add(1, Ordering::SeqCst) == 0 {
                return Err((
                    axum::http::StatusCode::SERVICE_UNAVAILABLE,
                    axum::Json(json!({})),
                ));
            }
            let epoch = body["epoch"].as_u64().unwrap();
            let want = format!("Bearer {}", key().fence_token(Epoch(epoch)));
            assert_eq!(headers["authorization"].to_str().unwrap(), want);
            let known = highest.load(Ordering::SeqCst);
            if epoch <= known {
                let refusal = json!({"error": "newer", "epoch": known});
                return Err((axum::http::StatusCode::CONFLICT, axum::Json(refusal)));
            }
            highest.store(epoch, Ordering::SeqCst);
            Ok(())
        }
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        let app = axum::Router::new()
            .route("/fence", post(fence))
            .with_state((highest, Arc::new(AtomicU64::new(0))));
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        MediaPod {
            name: "media-0".into(),
            uid: "u".into(),
            address: at.ip(),
            sidecar_port: at.port(),
            ari_port: 8088,
        }
    }

    fn ours(there: &Option<MediaHosts>) -> Option<usize> {
        there.as_ref().map(|there| there.ours.len())
    }

    #[tokio::test]
    async fn a_pod_is_named_once_it_is_fenced_and_no_longer_when_it_is_gone() {
        let highest = Arc::new(AtomicU64::new(0));
        let pod = sidecar(Arc::clone(&highest)).await;
        let (pods, seen) = watch::channel(None);
        let (hosts, mut named) = watch::channel(None);
        let fence = Fence::new(Epoch(7), key()).unwrap();
        let running = tokio::spawn(fence.run(seen, hosts));
        tokio::task::yield_now().await;
        assert!(
            named.borrow().is_none(),
            "nothing is known before the first listing"
        );
        pods.send_replace(Some(vec![pod]));
        // It lives, so its calls are kept, before it takes our commands.
        named
            .wait_for(|there| there.as_ref().is_some_and(|t| t.expected.len() == 1))
            .await
            .unwrap();
        named
            .wait_for(|there| ours(there) == Some(1))
            .await
            .unwrap();
        assert_eq!(highest.load(Ordering::SeqCst), 7);
        let there = named.borrow().clone().unwrap();
        assert_eq!(there.ours[0].password, key().ari_password(Epoch(7)));
        assert!(there.expected.is_empty());
        pods.send_replace(Some(Vec::new()));
        named
            .wait_for(|there| ours(there) == Some(0))
            .await
            .unwrap();
        drop(pods);
        assert_eq!(running.await.unwrap(), None);
    }

    #[tokio::test]
    async fn a_pod_that_has_fenced_for_us_already_is_ours() {
        let pod = sidecar(Arc::new(AtomicU64::new(7))).await;
        let (_pods, seen) = watch::channel(Some(vec![pod]));
        let (hosts, mut named) = watch::channel(None);
        let fence = Fence::new(Epoch(7), key()).unwrap();
        let running = tokio::spawn(fence.run(seen, hosts));
        named
            .wait_for(|there| ours(there) == Some(1))
            .await
            .unwrap();
        running.abort();
    }

    #[tokio::test]
    async fn a_stale_leader_learns_from_the_first_pod_that_it_is_one() {
        let pod = sidecar(Arc::new(AtomicU64::new(8))).await;
        let (_pods, seen) = watch::channel(Some(vec![pod]));
        let (hosts, named) = watch::channel(None);
        let fence = Fence::new(Epoch(7), key()).unwrap();
        let why = fence.run(seen, hosts).await;
        assert_eq!(why.as_deref(), Some("media-0: newer"));
        assert_eq!(ours(&named.borrow()), Some(0));
    }
}
