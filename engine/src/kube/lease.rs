//! The Lease `<callcenter>-engine`: read, take, renew, give back.

use std::time::{Duration, Instant};

use k8s_openapi::api::coordination::v1::{Lease as KubeLease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use kube::Api;
use kube::api::{ObjectMeta, PostParams};

use super::{Cluster, now};
use crate::leader::{DURATION, Holder, Lease, Me, RENEW, Verdict, Witness, decide};

/// Where the holder answers, so that a standby can ask whether it lives.
const ADDRESS: &str = "trunkline.dev/leader-address";
const POLL: Duration = Duration::from_millis(500);
const HEARTBEAT_TIMEOUT: Duration = Duration::from_millis(700);
/// A single request; a request that hangs must not delay a takeover.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(3);

/// Takes part in the election.
#[derive(Debug)]
pub struct Election {
    cluster: Cluster,
    me: Me,
    /// A StatefulSet's pod: a holder of our name is our predecessor.
    unique: bool,
    address: String,
    http: reqwest::Client,
}

/// What was seen of a holder, by our own clock.
struct Seen {
    version: Option<String>,
    since: Instant,
    silent_since: Option<Instant>,
}

impl Election {
    /// For this process, which answers at `address`.
    ///
    /// # Errors
    /// Where no HTTP client can be made.
    pub fn new(
        cluster: Cluster,
        me: Me,
        unique: bool,
        address: String,
    ) -> Result<Self, reqwest::Error> {
        let http = reqwest::Client::builder()
            .timeout(HEARTBEAT_TIMEOUT)
            .no_proxy()
            .build()?;
        Ok(Self {
            cluster,
            me,
            unique,
            address,
            http,
        })
    }

    fn api(&self) -> Api<KubeLease> {
        self.cluster.api()
    }

    fn name(&self) -> String {
        self.cluster.named("engine")
    }

    /// Waits until this process holds the Lease. The `beside` is asked only where the holder is
    /// silent; how long it has been, is known here.
    pub async fn win<F: Future<Output = Witness>>(&self, beside: impl Fn() -> F) {
        let mut seen = Seen {
            version: None,
            since: Instant::now(),
            silent_since: None,
        };
        loop {
            match self.attempt(&mut seen, &beside).await {
                Ok(true) => return,
                Ok(false) => {}
                Err(error) => {
                    tracing::warn!(%error, "the Lease can't be read or taken; trying again")
                }
            }
            tokio::time::sleep(POLL).await;
        }
    }

    async fn attempt<F: Future<Output = Witness>>(
        &self,
        seen: &mut Seen,
        beside: &impl Fn() -> F,
    ) -> Result<bool, Failed> {
        let current = timely(self.api().get_opt(&self.name())).await?;
        let lease = current.as_ref().map(|lease| seen.look(lease));
        let mut witness = Witness::default();
        if let Some(Holder {
            identity,
            address: Some(address),
        }) = lease.as_ref().and_then(|lease| lease.holder.as_ref())
            && *identity != self.me.identity()
        {
            let answers = self.answers(address).await;
            if let Some(silent) = seen.heard(answers) {
                witness = beside().await;
                witness.silent_for = Some(silent);
            }
        }
        match decide(&self.me, self.unique, lease.as_ref(), witness) {
            Verdict::Wait => Ok(false),
            Verdict::Ours => Ok(true),
            Verdict::Take(why) => {
                self.take(current).await?;
                tracing::info!(why, identity = self.me.identity(), "took the Lease");
                Ok(true)
            }
        }
    }

    async fn answers(&self, address: &str) -> bool {
        let answer = self.http.get(format!("{address}/livez")).send().await;
        answer.is_ok_and(|answer| answer.status().is_success())
    }

    async fn take(&self, current: Option<KubeLease>) -> Result<(), Failed> {
        let transitions = current
            .as_ref()
            .and_then(|lease| lease.spec.as_ref()?.lease_transitions)
            .map_or(0, |n| n.saturating_add(1));
        let create = current.is_none();
        let mut lease = current.unwrap_or_else(|| KubeLease {
            metadata: ObjectMeta {
                name: Some(self.name()),
                ..ObjectMeta::default()
            },
            spec: None,
        });
        let stamp = MicroTime(now());
        lease.spec = Some(LeaseSpec {
            holder_identity: Some(self.me.identity()),
            lease_duration_seconds: i32::try_from(DURATION.as_secs()).ok(),
            acquire_time: Some(stamp.clone()),
            renew_time: Some(stamp),
            lease_transitions: Some(transitions),
            ..LeaseSpec::default()
        });
        lease
            .metadata
            .annotations
            .get_or_insert_default()
            .insert(ADDRESS.into(), self.address.clone());
        // With the resource version that was read: two that take at once can't both succeed.
        let (api, params, name) = (self.api(), PostParams::default(), self.name());
        if create {
            timely(api.create(&params, &lease)).await?;
        } else {
            timely(api.replace(&name, &params, &lease)).await?;
        }
        Ok(())
    }

    /// Renews until another holds the Lease, and says who. An API server that can't be reached
    /// changes nothing; a Lease that was deleted is made again.
    pub async fn keep(&self) -> String {
        loop {
            tokio::time::sleep(RENEW).await;
            match self.renew().await {
                Ok(None) => {}
                Ok(Some(other)) => return format!("the Lease is {other}'s now"),
                Err(error) => {
                    tracing::warn!(%error, "the Lease can't be renewed; leading on until fenced");
                }
            }
        }
    }

    async fn renew(&self) -> Result<Option<String>, Failed> {
        let Some(mut lease) = timely(self.api().get_opt(&self.name())).await? else {
            self.take(None).await?;
            return Ok(None);
        };
        let spec = lease.spec.get_or_insert_default();
        match spec.holder_identity.as_deref() {
            Some(holder) if holder == self.me.identity() => {}
            Some(holder) if !holder.is_empty() => return Ok(Some(holder.to_owned())),
            _ => {
                self.take(Some(lease)).await?;
                return Ok(None);
            }
        }
        spec.renew_time = Some(MicroTime(now()));
        let (api, params, name) = (self.api(), PostParams::default(), self.name());
        timely(api.replace(&name, &params, &lease)).await?;
        Ok(None)
    }

    /// Gives the Lease back, so that nobody waits for it.
    pub async fn give_back(&self) {
        let given = async {
            let Some(mut lease) = timely(self.api().get_opt(&self.name())).await? else {
                return Ok(());
            };
            let spec = lease.spec.get_or_insert_default();
            if spec.holder_identity.as_deref() != Some(&self.me.identity()) {
                return Ok(());
            }
            spec.holder_identity = None;
            let (api, params, name) = (self.api(), PostParams::default(), self.name());
            timely(api.replace(&name, &params, &lease)).await.map(drop)
        };
        let given: Result<(), Failed> = given.await;
        if let Err(error) = given {
            tracing::warn!(%error, "the Lease could not be given back: a successor waits for it");
        }
    }
}

#[derive(Debug, thiserror::Error)]
enum Failed {
    #[error("no answer from the API server in {REQUEST_TIMEOUT:?}")]
    Late,
    #[error(transparent)]
    Kube(#[from] kube::Error),
}

async fn timely<T>(request: impl Future<Output = Result<T, kube::Error>>) -> Result<T, Failed> {
    match tokio::time::timeout(REQUEST_TIMEOUT, request).await {
        Ok(answer) => Ok(answer?),
        Err(_) => Err(Failed::Late),
    }
}

impl Seen {
    fn look(&mut self, lease: &KubeLease) -> Lease {
        let now = Instant::now();
        if self.version != lease.metadata.resource_version {
            self.version.clone_from(&lease.metadata.resource_version);
            self.since = now;
        }
        let spec = lease.spec.as_ref();
        let holder = spec
            .and_then(|spec| spec.holder_identity.clone())
            .filter(|identity| !identity.is_empty())
            .map(|identity| Holder {
                identity,
                address: lease
                    .metadata
                    .annotations
                    .as_ref()
                    .and_then(|all| all.get(ADDRESS).cloned()),
            });
        Lease {
            holder,
            unchanged_for: now - self.since,
        }
    }

    fn heard(&mut self, answers: bool) -> Option<Duration> {
        if answers {
            self.silent_since = None;
            return None;
        }
        let since = *self.silent_since.get_or_insert_with(Instant::now);
        Some(since.elapsed())
    }
}
