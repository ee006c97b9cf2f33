//! Asterisk next door, over ARI as the side-car's own user: reload, read back, count, drain.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::Deserialize;
use tokio::time::{Instant, sleep};

use super::inputs::{Access, PodFacts};
use super::render::{MARK_VARIABLE, MARKER, Rendered};
use crate::keys::ARI_USER;
use crate::telephony::ari::{Ari, AriError, Endpoint, Host, HostName};

/// The side-car's ARI user.
const OWN_USER: &str = "sidecar";
/// The app that engines connect under.
pub(super) const APP: &str = "acd";
/// A reload is over within milliseconds; reading back is tried for so long.
const CONFIRM_FOR: Duration = Duration::from_secs(3);
const CONFIRM_EVERY: Duration = Duration::from_millis(20);

/// What can change while Asterisk runs, and the module that reads it.
pub(super) const RELOADED: [(&str, &str); 3] = [
    // all SIP objects: identify and registration live in the same store
    ("etc/pjsip.d/", "res_pjsip.so"),
    ("etc/extensions.conf", "pbx_config.so"),
    ("etc/ari.conf", "res_ari.so"),
];

/// Asterisk did not do what it was told.
#[derive(Debug, thiserror::Error)]
pub enum AsteriskError {
    /// ARI refused or didn't answer.
    #[error(transparent)]
    Ari(#[from] AriError),
    /// After the reload Asterisk still runs something else: it has rejected what it read.
    #[error(
        "Asterisk reloaded and does not run what was rendered ({what} is not the new one): its log says which object it rejected"
    )]
    NotTaken {
        /// Which part of the configuration.
        what: &'static str,
    },
    /// The new leader's password doesn't open ARI, or the old one still does.
    #[error("ARI does not follow the fence: the password of the {which} epoch {what}")]
    NotFenced {
        /// `new` or `old`.
        which: &'static str,
        /// What it does instead.
        what: &'static str,
    },
}

/// Commands to the Asterisk of this pod.
#[derive(Clone, Debug)]
pub(super) struct Asterisk {
    own: Ari,
    host: Host,
}

#[derive(Deserialize)]
struct Variable {
    value: String,
}

impl Asterisk {
    pub(super) fn new(facts: &PodFacts, access: &Access) -> Result<Self, AriError> {
        let host = Host {
            name: HostName::new(facts.pod.clone()),
            address: facts.ari_address(),
            user: OWN_USER.into(),
            password: access.sidecar.clone(),
            app: APP.into(),
        };
        Ok(Self {
            own: Ari::new(host.clone())?,
            host,
        })
    }

    /// Does it answer?
    pub(super) async fn answers(&self) -> bool {
        self.own.ping().await.is_ok()
    }

    /// Is an engine connected?
    pub(super) async fn has_engine(&self) -> bool {
        matches!(self.engine_connected().await, Ok(true))
    }

    /// Is an engine connected? An Asterisk that doesn't answer is no witness to either.
    pub(super) async fn engine_connected(&self) -> Result<bool, AriError> {
        Ok(self.own.application(APP).await?.is_some())
    }

    /// Whether the endpoint's contact answers, as far as Asterisk knows: one that was never asked
    /// reads like one that didn't answer.
    pub(super) async fn is_online(&self, endpoint: &str) -> bool {
        let read = self.own.get(&["endpoints", "PJSIP", endpoint], &[]).await;
        read.is_ok_and(|e: Endpoint| e.state.as_deref() == Some("online"))
    }

    /// Live channels.
    pub(super) async fn channels(&self) -> Result<usize, AriError> {
        Ok(self.own.channels().await?.len())
    }

    /// What the dialplan answers new calls with: 503, or an engine.
    pub(super) async fn set_drain(&self, on: bool) -> Result<(), AriError> {
        self.own
            .set_global("DRAIN", if on { "1" } else { "" })
            .await
    }

    /// Reloads what the changed files belong to.
    pub(super) async fn reload(&self, changed: &BTreeSet<String>) -> Result<(), AriError> {
        for (prefix, module) in RELOADED {
            if changed.iter().any(|key| key.starts_with(prefix)) {
                self.own.reload_module(module).await?;
            }
        }
        Ok(())
    }

    /// Whether Asterisk runs what was rendered, by the markers.
    pub(super) async fn runs(&self, rendered: &Rendered) -> Result<bool, AriError> {
        Ok(self.missing(rendered).await?.is_none())
    }

    /// Waits until it does.
    pub(super) async fn confirm(&self, rendered: &Rendered) -> Result<(), AsteriskError> {
        let until = Instant::now() + CONFIRM_FOR;
        loop {
            let missing = self.missing(rendered).await?;
            match missing {
                None => return Ok(()),
                Some(what) if Instant::now() > until => {
                    return Err(AsteriskError::NotTaken { what });
                }
                Some(_) => sleep(CONFIRM_EVERY).await,
            }
        }
    }

    /// The first part of the configuration that isn't the rendered one.
    async fn missing(&self, rendered: &Rendered) -> Result<Option<&'static str>, AriError> {
        for (kind, attribute) in [
            ("endpoint", "accountcode"),
            ("auth", "username"),
            ("aor", "mailboxes"),
        ] {
            let object = self.own.dynamic_config("res_pjsip", kind, MARKER).await?;
            let marked = object.is_some_and(|tuples| {
                tuples
                    .iter()
                    .any(|t| t.attribute == attribute && t.value == rendered.pjsip_mark)
            });
            if !marked {
                return Ok(Some(kind));
            }
        }
        // no marker for these: one would be dialled, or register. They are few: ask for each.
        for (trunk, id) in &rendered.registrations {
            let read = |kind| self.own.dynamic_config("res_pjsip", kind, id);
            if read("registration").await?.is_none() {
                tracing::debug!(%trunk, "no registration yet");
                return Ok(Some("registration"));
            }
        }
        let variable: Variable = self
            .own
            .get(
                &["asterisk", "variable"],
                &[("variable", Some(MARK_VARIABLE))],
            )
            .await?;
        Ok((variable.value != rendered.dialplan_mark).then_some("dialplan"))
    }

    /// After a fence: the new password opens, the old one doesn't.
    pub(super) async fn confirm_fence(
        &self,
        new: &str,
        old: Option<&str>,
    ) -> Result<(), AsteriskError> {
        let until = Instant::now() + CONFIRM_FOR;
        loop {
            let fault = match (self.opens(new).await?, old) {
                (false, _) => Some(("new", "is refused")),
                (true, Some(old)) if self.opens(old).await? => Some(("old", "still opens it")),
                _ => None,
            };
            match fault {
                None => return Ok(()),
                Some((which, what)) if Instant::now() > until => {
                    return Err(AsteriskError::NotFenced { which, what });
                }
                Some(_) => sleep(CONFIRM_EVERY).await,
            }
        }
    }

    async fn opens(&self, password: &str) -> Result<bool, AriError> {
        let engine = Ari::new(Host {
            user: ARI_USER.into(),
            password: password.to_owned(),
            ..self.host.clone()
        })?;
        match engine.ping().await {
            Ok(_) => Ok(true),
            Err(AriError::Fenced { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::{Arc, Mutex};

    use axum::Json;
    use axum::extract::{Path, Query, State};
    use axum::http::StatusCode;
    use axum::routing::get;
    use serde_json::{Value, json};

    use super::*;
    use crate::media::inputs::Places;

    /// What Asterisk runs: objects by `type/id` with one attribute, and the dialplan's mark.
    type Runs = Arc<Mutex<(BTreeMap<String, Value>, String)>>;

    async fn asterisk(runs: Runs) -> Asterisk {
        async fn object(
            State(runs): State<Runs>,
            Path((kind, id)): Path<(String, String)>,
        ) -> (StatusCode, Json<Value>) {
            match runs.lock().unwrap().0.get(&format!("{kind}/{id}")) {
                Some(tuple) => (StatusCode::OK, Json(json!([tuple]))),
                None => (StatusCode::NOT_FOUND, Json(json!({"message": "not found"}))),
            }
        }
        async fn variable(
            State(runs): State<Runs>,
            Query(asked): Query<BTreeMap<String, String>>,
        ) -> Json<Value> {
            assert_eq!(asked["variable"], MARK_VARIABLE);
            Json(json!({"value": runs.lock().unwrap().1}))
        }
        let app = axum::Router::new()
            .route(
                "/ari/asterisk/config/dynamic/res_pjsip/{kind}/{id}",
                get(object),
            )
            .route("/ari/asterisk/variable", get(variable))
            .with_state(runs);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        let facts = PodFacts {
            pod: "media-0".into(),
            uid: String::new(),
            ip: at.ip(),
            sip_port: 5060,
            ari: at,
            ami: at,
            rtp: (10_000, 20_000),
            external: None,
            places: Places::default(),
        };
        Asterisk::new(&facts, &Access::default()).unwrap()
    }

    fn marker(attribute: &str, mark: &str) -> Value {
        json!({"attribute": attribute, "value": mark})
    }

    #[tokio::test]
    async fn a_type_that_asterisk_rejected_is_seen_by_its_old_marker() {
        let of = |kind: &str| format!("{kind}/{MARKER}");
        let runs: Runs = Arc::new(Mutex::new((
            BTreeMap::from([
                (of("endpoint"), marker("accountcode", "new")),
                (of("auth"), marker("username", "new")),
                (of("aor"), marker("mailboxes", "new")),
            ]),
            "plan".into(),
        )));
        let rendered = Rendered {
            pjsip_mark: "new".into(),
            dialplan_mark: "plan".into(),
            registrations: [("b".into(), "trunk_b".to_owned())].into(),
            ..Rendered::default()
        };
        let asterisk = asterisk(runs.clone()).await;
        let missing = async || asterisk.missing(&rendered).await.unwrap();
        assert_eq!(missing().await, Some("registration"));
        let registration = marker("server_uri", "sip:b");
        let put = |key: String, tuple| runs.lock().unwrap().0.insert(key, tuple);
        put("registration/trunk_b".into(), registration);
        assert_eq!(missing().await, None);
        put(of("aor"), marker("mailboxes", "old"));
        assert_eq!(missing().await, Some("aor"));
        runs.lock().unwrap().0.remove(&of("endpoint"));
        assert_eq!(missing().await, Some("endpoint"));
        let error = asterisk.confirm(&rendered).await.unwrap_err();
        assert!(error.to_string().contains("its log says which"), "{error}");
        put(of("endpoint"), marker("accountcode", "new"));
        put(of("aor"), marker("mailboxes", "new"));
        runs.lock().unwrap().1 = "another".into();
        assert_eq!(missing().await, Some("dialplan"));
    }
}
