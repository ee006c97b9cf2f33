//! The claims: the SQLite journal's, and each media pod's for what was recorded.

use serde_json::{Value, json};
use trunkline_crds::{Quantity, RecordingsStore};

use super::{Blueprint, Child, Kind};
use crate::names::{Component, LABEL_CENTER, LABEL_MANAGED_BY, MANAGER};

/// Claims of our own: they can grow, and whether they outlive the CallCenter can change.
pub(super) fn build(plan: &Blueprint<'_>) -> Vec<Child> {
    let storage = &plan.tenant.storage;
    let journal = plan.on_sqlite().then(|| {
        let size = storage.journal.sqlite.clone().unwrap_or_default().size;
        claim(plan, Component::Engine, plan.names.journal(), &size)
    });
    // A claim whose pod is gone holds messages all the same, and is still the spec's to keep or not.
    let pods = if plan.tenant.hibernate {
        0
    } else {
        plan.media_replicas
    };
    let recordings = (0..pods.max(plan.media_claims)).map(|ordinal| {
        let name = plan.names.recordings(ordinal);
        claim(plan, Component::Media, name, &storage.recordings.size)
    });
    journal.into_iter().chain(recordings).collect()
}

fn claim(plan: &Blueprint<'_>, of: Component, name: String, size: &Quantity) -> Child {
    let claim = plan.child(
        of,
        Kind::PersistentVolumeClaim,
        name,
        json!({"spec": claim_spec(size)}),
    );
    match plan.tenant.storage.keep_on_delete {
        true => claim.kept(),
        false => claim,
    }
}

fn claim_spec(size: &Quantity) -> Value {
    json!({
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": size.0}},
    })
}

/// By which the StatefulSet gives each media pod the claim of its ordinal. The operator has made it by then; where
/// somebody has taken it away the StatefulSet makes another, which the labels let the operator know as its own. A template
/// can never change, so nothing of the spec's is in it.
pub(super) fn recordings_template(plan: &Blueprint<'_>) -> Value {
    json!({
        "metadata": {
            "name": RECORDINGS,
            "labels": {LABEL_MANAGED_BY: MANAGER, LABEL_CENTER: plan.names.center()},
        },
        "spec": claim_spec(&RecordingsStore::default().size),
    })
}

/// The volume of a media pod, and the first part of its claim's name.
pub(super) const RECORDINGS: &str = "recordings";
