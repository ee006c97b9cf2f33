//! PodDisruptionBudgets: how many pods an eviction may take at once.

use serde_json::json;
use trunkline_crds::Disruption;

use super::{Blueprint, Child, Kind};
use crate::names::Component;

/// Media: one at a time, and preStop holds it until its calls end; none where the spec says
/// `Never`. Engines: one of the two on Postgres; none on SQLite, for a drain must move it.
pub(super) fn build(plan: &Blueprint<'_>) -> Vec<Child> {
    let budget = |component, name, unavailable: u32| {
        plan.child(
            component,
            Kind::PodDisruptionBudget,
            name,
            json!({"spec": {
                "maxUnavailable": unavailable,
                "selector": {"matchLabels": plan.names.selector(component)},
                "unhealthyPodEvictionPolicy": "AlwaysAllow",
            }}),
        )
    };
    let may_go = match plan.tenant.telephony.media.disruption {
        Disruption::Always | Disruption::OnUpgrade => 1,
        Disruption::Never => 0,
    };
    let mut all = vec![budget(Component::Media, plan.names.media(), may_go)];
    if !plan.on_sqlite() {
        all.push(budget(Component::Engine, plan.names.engine(), 1));
    }
    all
}
