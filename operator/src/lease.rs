//! Which replica leads: a Lease, renewed every second, given up at the end.
//!
//! Time is judged by this replica's own clock alone: a holder counts as gone when its Lease
//! hasn't changed for the Lease's duration since *we* first saw it so. Another takes over within
//! 5 s of a death: at worst it sees the last renewal a look late, waits for the Lease's duration, and
//! notices a look late that it has passed.

use std::sync::Arc;
use std::time::{Duration, Instant};

use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use k8s_openapi::jiff::Timestamp;
use kube::api::{ObjectMeta, PostParams};
use kube::{Api, Client};
use rand::Rng;
use tokio::sync::watch;

use crate::telemetry::Metrics;

/// How long a silent holder still holds.
pub const DURATION: Duration = Duration::from_secs(3);
/// How often the holder renews.
const RENEW: Duration = Duration::from_secs(1);
/// How often the others look, and the holder tries again where it couldn't renew.
const LOOK: Duration = Duration::from_millis(500);
/// How long the API server may take for one look or renewal.
const REQUEST: Duration = Duration::from_secs(1);
/// A holder that hasn't renewed for so long stops leading: before another may begin.
const RENEW_DEADLINE: Duration = Duration::from_secs(2);
/// How soon another leads when a holder has died.
pub const TAKEOVER: Duration = Duration::from_secs(5);

// Two looks late, and half a second is left for the requests themselves.
const _: () = assert!(DURATION.as_millis() + 3 * LOOK.as_millis() < TAKEOVER.as_millis());
// Whoever stops leading has a second to spare before another may begin.
const _: () = assert!(RENEW_DEADLINE.as_millis() + 1000 <= DURATION.as_millis());

/// Where the Lease is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaseName {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

/// One replica's part in the election.
pub struct Election {
    api: Api<Lease>,
    name: String,
    identity: String,
    /// What was last seen of the Lease, and when it was first seen so.
    seen: Option<(Lease, Instant)>,
    leads: bool,
    /// When the last renewal that was granted was asked for.
    renewed: Instant,
    /// Whether the newest attempt was granted.
    fresh: bool,
}

impl Election {
    /// A replica with an identity that no other and no earlier one has.
    pub fn new(client: Client, name: LeaseName, pod: &str) -> Self {
        let nonce: u32 = rand::rng().random();
        Self {
            api: Api::namespaced(client, &name.namespace),
            name: name.name,
            identity: format!("{pod}-{nonce:08x}"),
            seen: None,
            leads: false,
            renewed: Instant::now(),
            fresh: false,
        }
    }

    /// Takes part until `stop` is set, and gives up the Lease then, so that another can begin
    /// at once. Set it when the work that leadership allows has ended.
    pub async fn run(
        mut self,
        leads: watch::Sender<bool>,
        metrics: Arc<Metrics>,
        mut stop: watch::Receiver<bool>,
    ) {
        loop {
            self.round().await;
            let changed =
                leads.send_if_modified(|was| std::mem::replace(was, self.leads) != self.leads);
            if changed {
                tracing::info!(identity = self.identity, leads = self.leads, "leadership");
                metrics.leads(self.leads);
            }
            tokio::select! {
                () = tokio::time::sleep(self.pause()) => {}
                _ = stop.wait_for(|stop| *stop) => break,
            }
        }
        self.give_up().await;
    }

    /// How long a holder may still lead unless it renews.
    fn left(&self) -> Duration {
        RENEW_DEADLINE.saturating_sub(self.renewed.elapsed())
    }

    /// Until the next look. A holder's deadline isn't slept over.
    fn pause(&self) -> Duration {
        match self.leads {
            true if self.fresh => RENEW,
            true => LOOK.min(self.left()),
            false => LOOK,
        }
    }

    async fn round(&mut self) {
        // A renewal counts from when it was asked for: from then on others may see it.
        let asked = Instant::now();
        let patience = match self.leads {
            true => REQUEST.min(self.left()),
            false => REQUEST,
        };
        let outcome = tokio::time::timeout(patience, self.attempt()).await;
        self.fresh = matches!(outcome, Ok(Ok(true)));
        match outcome {
            Ok(Ok(leads)) => {
                self.leads = leads;
                if leads {
                    self.renewed = asked;
                }
            }
            Ok(Err(error)) => tracing::warn!(error = %error, "can't renew the Lease"),
            Err(_) => tracing::warn!("can't renew the Lease: no answer within {patience:?}"),
        }
        if self.leads && self.left().is_zero() {
            self.leads = false;
        }
    }

    /// Looks, and takes or renews where it may. A write carries the version that was read, so
    /// of two that try one fails.
    async fn attempt(&mut self) -> kube::Result<bool> {
        let Some(lease) = self.api.get_opt(&self.name).await? else {
            let lease = Lease {
                metadata: ObjectMeta {
                    name: Some(self.name.clone()),
                    ..ObjectMeta::default()
                },
                spec: Some(self.spec(0)),
            };
            return taken(self.api.create(&PostParams::default(), &lease).await);
        };
        if self
            .seen
            .as_ref()
            .is_none_or(|(seen, _)| seen.spec != lease.spec)
        {
            self.seen = Some((lease.clone(), Instant::now()));
        }
        let spec = lease.spec.clone().unwrap_or_default();
        let holder = spec.holder_identity.clone().unwrap_or_default();
        let silent = self
            .seen
            .as_ref()
            .is_some_and(|(_, since)| since.elapsed() > DURATION);
        if holder != self.identity && !holder.is_empty() && !silent {
            return Ok(false);
        }
        let transitions = spec.lease_transitions.unwrap_or(0) + i32::from(holder != self.identity);
        let mut wanted = self.spec(transitions);
        if holder == self.identity {
            wanted.acquire_time = spec.acquire_time;
        }
        let next = Lease {
            spec: Some(wanted),
            ..lease
        };
        taken(
            self.api
                .replace(&self.name, &PostParams::default(), &next)
                .await,
        )
    }

    fn spec(&self, transitions: i32) -> LeaseSpec {
        let now = MicroTime(Timestamp::now());
        LeaseSpec {
            holder_identity: Some(self.identity.clone()),
            lease_duration_seconds: i32::try_from(DURATION.as_secs()).ok(),
            acquire_time: Some(now.clone()),
            renew_time: Some(now),
            lease_transitions: Some(transitions),
            ..LeaseSpec::default()
        }
    }

    async fn give_up(&mut self) {
        if !self.leads {
            return;
        }
        let Ok(Some(lease)) = self.api.get_opt(&self.name).await else {
            return;
        };
        let mut spec = lease.spec.clone().unwrap_or_default();
        if spec.holder_identity.as_deref() != Some(&self.identity) {
            return;
        }
        spec.holder_identity = None;
        let next = Lease {
            spec: Some(spec),
            ..lease
        };
        if let Err(error) = self
            .api
            .replace(&self.name, &PostParams::default(), &next)
            .await
        {
            tracing::warn!(error = %error, "can't give up the Lease; it runs out by itself");
        }
    }
}

/// A conflict means that another was faster.
fn taken(outcome: kube::Result<Lease>) -> kube::Result<bool> {
    match outcome {
        Ok(_) => Ok(true),
        Err(kube::Error::Api(status)) if status.code == 409 => Ok(false),
        Err(error) => Err(error),
    }
}
