//! The claim of the SQLite journal.

use serde_json::json;

use super::{Blueprint, Child, Kind};
use crate::names::Component;

/// A claim of its own rather than a StatefulSet's template: it can grow, and whether it
/// outlives the CallCenter can change.
pub(super) fn build(plan: &Blueprint<'_>) -> Option<Child> {
    if !plan.on_sqlite() {
        return None;
    }
    let size = plan
        .tenant
        .storage
        .journal
        .sqlite
        .clone()
        .unwrap_or_default()
        .size;
    let claim = plan.child(
        Component::Engine,
        Kind::PersistentVolumeClaim,
        plan.names.journal(),
        json!({"spec": {
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": size.0}},
        }}),
    );
    Some(if plan.tenant.storage.keep_on_delete {
        claim.kept()
    } else {
        claim
    })
}
