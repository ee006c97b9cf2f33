//! A ServiceMonitor, where the cluster knows such a thing.

use serde_json::json;

use super::{Blueprint, Child, Kind};
use crate::names::{Component, LABEL_CENTER, LABEL_COMPONENT};

pub(super) fn build(plan: &Blueprint<'_>) -> Option<Child> {
    plan.service_monitors.then(|| {
        plan.child(
            Component::Tenant,
            Kind::ServiceMonitor,
            plan.names.center().to_owned(),
            json!({"spec": {
                "selector": {"matchLabels": {LABEL_CENTER: plan.names.center(), LABEL_COMPONENT: "engine"}},
                "endpoints": [{"port": "metrics", "path": "/metrics"}],
            }}),
        )
    })
}
