//! The ConfigMaps in which pods say what they run. Made empty; their data is the pods'.

use serde_json::json;

use super::{Blueprint, Child, Content, Kind};
use crate::names::{Component, LABEL_REPORT};

pub(super) fn build(plan: &Blueprint<'_>) -> Vec<Child> {
    [
        (Component::Engine, plan.names.engine_report()),
        (Component::Media, plan.names.media_report()),
    ]
    .map(|(component, name)| {
        plan.child(
            component,
            Kind::ConfigMap,
            name,
            json!({"metadata": {"labels": {LABEL_REPORT: component.as_str()}}}),
        )
        .with(Content::Metadata)
    })
    .into()
}
