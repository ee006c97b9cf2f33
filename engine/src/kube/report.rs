//! The engine's word on what it runs, for the operator: a ConfigMap, patched at transitions only.

use std::collections::BTreeMap;
use std::time::Duration;

use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{Patch, PatchParams};
use serde_json::json;
use trunkline_routing::AgentState;
use trunkline_routing::metrics::Scope;
use trunkline_tenant::crds::{ClientName, TeamName};
use trunkline_tenant::report::{ClientReport, EngineReport, LEADER_KEY, TeamReport};

use super::Cluster;
use crate::figures::Figure;
use crate::state::Directory;

impl Cluster {
    /// Writes the report; the API server's absence is waited out by the caller.
    pub(crate) async fn report(&self, report: &EngineReport) -> Result<(), kube::Error> {
        let text = serde_json::to_string(report).map_err(kube::Error::SerdeError)?;
        let patch = json!({"data": {LEADER_KEY: text}});
        self.api::<ConfigMap>()
            .patch(
                &self.named("engine-report"),
                &PatchParams::default(),
                &Patch::Merge(patch),
            )
            .await
            .map(drop)
    }
}

/// How often at most a report changes for the sake of its counts.
pub(crate) const SETTLE: Duration = Duration::from_secs(5);

/// What a directory says of teams and clients, rounded.
pub(crate) fn counts(
    directory: &Directory,
    today: &[Figure],
) -> (
    BTreeMap<TeamName, TeamReport>,
    BTreeMap<ClientName, ClientReport>,
) {
    let mut teams: BTreeMap<TeamName, TeamReport> = BTreeMap::new();
    let mut clients = BTreeMap::new();
    let Some(tenant) = &directory.tenant else {
        return (teams, clients);
    };
    for name in tenant.teams.keys() {
        teams.insert(name.clone(), TeamReport::default());
    }
    for (name, view) in &directory.agents {
        let ready = view.signed_in
            && view.alive
            && !matches!(
                view.state,
                AgentState::SignedOut | AgentState::NotReady { .. }
            );
        let team = tenant
            .agents
            .get(name)
            .and_then(|agent| agent.team.as_ref());
        if let Some(report) = team.and_then(|team| teams.get_mut(team))
            && ready
        {
            report.ready += 1;
        }
    }
    for report in teams.values_mut() {
        report.ready = rounded(report.ready);
    }
    for name in tenant.clients.keys() {
        let report = ClientReport {
            first_answered: directory
                .first_answered
                .get(name)
                .and_then(|at| chrono::DateTime::from_timestamp_micros(at.0)),
            service_level: today
                .iter()
                .find(|figure| figure.scope == Scope::Client(Some(name.clone())))
                .and_then(against_contract),
        };
        clients.insert(name.clone(), report);
    }
    (teams, clients)
}

/// `92% of 90%`: whole percents, so that it changes seldom.
fn against_contract(figure: &Figure) -> Option<String> {
    let (level, terms) = (figure.service_level()?, figure.terms.as_ref()?);
    Some(format!("{:.0}% of {}%", level * 100.0, terms.percent.0))
}

/// Down to two digits of 1, 2 or 5 and zeros: 0 1 2 5 10 20 50 …
fn rounded(count: u32) -> u32 {
    let mut best = 0;
    let mut unit = 1;
    while unit <= count {
        for digit in [1, 2, 5] {
            if digit * unit <= count {
                best = digit * unit;
            }
        }
        unit *= 10;
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_is_rounded_so_that_it_changes_seldom() {
        let rounded: Vec<u32> = [0, 1, 2, 4, 5, 9, 10, 19, 49, 50, 999, 1000]
            .into_iter()
            .map(rounded)
            .collect();
        assert_eq!(rounded, [0, 1, 2, 2, 5, 5, 10, 10, 20, 50, 500, 1000]);
    }
}
