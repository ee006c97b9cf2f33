//! One reconcile, five rooms: gather → compile → plan → apply → status.

pub mod apply;
pub mod gather;
mod knobs;
pub mod plan;
mod queue;
mod run;

use std::sync::Arc;
use std::time::Instant;

use chrono::{DateTime, TimeDelta, Utc};
use kube::Client;
use trunkline_tenant::DocumentId;

pub use queue::Queue;
pub use run::{Operator, Running};

use crate::children::ChildKey;
use crate::settings::Images;
use crate::status::{self, Reporter};
use crate::telemetry::Metrics;
use crate::world::{Cache, TenantKey};
use apply::Applier;
use gather::Memory;

/// A reconcile that has to be tried again.
#[derive(Debug, thiserror::Error)]
pub enum ReconcileError {
    /// The API server can't be read.
    #[error("can't read what the tenant rests on: {0}")]
    Read(#[source] kube::Error),
    /// A child couldn't be read or written.
    #[error("can't bring about {0}: {1}")]
    Child(ChildKey, #[source] kube::Error),
    /// A document's finalizer or status couldn't be written.
    #[error("can't write to {0}: {1}")]
    Document(DocumentId, #[source] kube::Error),
    /// The Secret that others are derived from has no key.
    #[error("the Secret {0} has no tenant-key")]
    NoTenantKey(String),
    /// Something that a person must mend; looked at again more and more seldom.
    #[error("{0} of the tenant's children can't be brought about, the first: {1}")]
    Children(usize, String),
}

impl ReconcileError {
    /// A few words for a metric's label.
    pub fn category(&self) -> &'static str {
        match self {
            Self::Read(_) => "read",
            Self::Child(_, kube::Error::Api(status)) if status.code == 409 => "conflict",
            Self::Child(..) => "child",
            Self::Document(..) => "document",
            Self::NoTenantKey(_) => "key",
            Self::Children(..) => "refused",
        }
    }
}

/// What reconciles share.
#[derive(Clone)]
pub struct Context {
    /// The API.
    pub client: Client,
    /// What is seen.
    pub cache: Cache,
    /// What is remembered.
    pub memory: Arc<Memory>,
    /// What writes children.
    pub applier: Applier,
    /// What writes statuses and Events.
    pub reporter: Reporter,
    /// What pods are made of.
    pub images: Images,
    /// Whether the cluster knows ServiceMonitors.
    pub service_monitors: tokio::sync::watch::Receiver<bool>,
    /// What is counted.
    pub metrics: Arc<Metrics>,
}

/// Brings one tenant nearer to what its documents say. It doesn't know why it was called.
///
/// # Errors
/// Where it should be tried again; `Ok` says when to look again though nothing has changed.
#[tracing::instrument(skip_all, fields(tenant = %key))]
pub async fn reconcile(
    context: &Context,
    key: &TenantKey,
) -> Result<Option<DateTime<Utc>>, ReconcileError> {
    let started = Instant::now();
    let outcome = rooms(context, key).await;
    context.metrics.reconciled(
        started.elapsed(),
        outcome.as_ref().err().map(ReconcileError::category),
    );
    if let Err(error) = &outcome {
        tracing::warn!(error = %error, "reconcile failed, to be tried again");
    }
    outcome
}

async fn rooms(
    context: &Context,
    key: &TenantKey,
) -> Result<Option<DateTime<Utc>>, ReconcileError> {
    let gathered = gather::gather(&context.client, &context.cache, &context.memory, key).await?;
    let service_monitors = *context.service_monitors.borrow();
    let plan = plan::plan(&gathered, &context.images, service_monitors);
    let applied = context.applier.apply(key, &gathered.view, &plan).await?;
    let statuses = status::of(&gathered, &plan, &applied);
    context.reporter.write(&gathered, &statuses).await?;
    if gathered.view.docs.is_empty() {
        context.memory.forget(key);
        context.applier.forget(key);
    }
    match applied.problems.first() {
        Some(first) => Err(ReconcileError::Children(
            applied.problems.len(),
            first.message.clone(),
        )),
        // What was written may change nothing that is watched, and the status says `Applying`.
        None if applied.wrote => {
            let soon = gathered.now + TimeDelta::seconds(1);
            Ok(Some(plan.wake.map_or(soon, |wake| wake.min(soon))))
        }
        None => Ok(plan.wake),
    }
}
