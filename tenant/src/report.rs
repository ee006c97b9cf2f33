//! Runtime reports: what engines and media side-cars say that they run.
//!
//! The operator makes two ConfigMaps for each tenant, empty; the pods patch their own key
//! into them (a merge patch, so that one pod never overwrites another) and the operator
//! watches them. A report is written at a transition only: what merely counts goes to
//! metrics. An entry whose `podUid` is no living pod's is nobody's word and is ignored.
//!
//! | ConfigMap | key under `data` | value |
//! |---|---|---|
//! | `<cc>-engine-report` | `leader` | [`EngineReport`] as JSON, by the engine that leads |
//! | `<cc>-media-report` | the pod's name | [`MediaReport`] as JSON, by each side-car |

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use trunkline_crds::{ClientName, TeamName, TrunkName};

/// The key under which the leading engine reports.
pub const LEADER_KEY: &str = "leader";

/// What the leading engine runs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct EngineReport {
    /// The pod's name.
    pub pod: String,
    /// The pod's UID.
    pub pod_uid: String,
    /// The hash of the Tenant that it runs, as in the tenant ConfigMap's `hash`.
    pub config_hash: String,
    /// The journal's epoch of this leadership.
    pub epoch: u64,
    /// Why the newest configuration isn't run, in words; absent while it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// Clients that are no longer in the configuration and still have contacts.
    pub draining_clients: BTreeSet<ClientName>,
    /// Trunks that are no longer in the configuration and still have calls.
    pub draining_trunks: BTreeSet<TrunkName>,
    /// What is known of each client.
    pub clients: BTreeMap<ClientName, ClientReport>,
    /// What is known of each team.
    pub teams: BTreeMap<TeamName, TeamReport>,
}

/// What the engine knows of a client.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ClientReport {
    /// When an agent first answered one of its contacts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_answered: Option<DateTime<Utc>>,
    /// Today's service level against the contract, rounded, as `92% of 90%`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_level: Option<String>,
}

/// What the engine knows of a team, rounded so that it changes seldom.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TeamReport {
    /// Agents signed in and ready, rounded.
    pub ready: u32,
}

/// What one media pod's side-car runs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct MediaReport {
    /// The pod's UID.
    pub pod_uid: String,
    /// The hash of the Tenant that was rendered, reloaded and read back.
    pub config_hash: String,
    /// Serving, draining or drained.
    pub state: MediaState,
    /// Why the newest configuration isn't run, in words; absent while it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// Each trunk as this pod sees it.
    pub trunks: BTreeMap<TrunkName, TrunkReport>,
}

/// How far a media pod's drain has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum MediaState {
    /// Not serving yet.
    #[default]
    Starting,
    /// It takes calls.
    Serving,
    /// It takes no new call and waits for its last.
    Draining,
    /// Its last call has ended.
    Drained,
}

/// A trunk as one media pod sees it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TrunkReport {
    /// What became of the registration with the carrier.
    pub registration: Registration,
    /// Whether the carrier answers OPTIONS; absent: not known, or nothing to ask.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reachable: Option<bool>,
    /// What last went wrong, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_failure: Option<String>,
    /// Since when registration and reachability are as they are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<DateTime<Utc>>,
}

/// What became of a registration with a carrier.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Registration {
    /// This pod doesn't register the trunk: it needs none, or another pod is the registrar.
    #[default]
    None,
    /// It was asked for and not answered yet.
    Trying,
    /// The carrier has accepted it.
    Registered,
    /// The carrier has refused it, or doesn't answer.
    Failed,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_of_an_older_pod_reads_with_what_it_lacks_left_at_its_default() {
        let report: MediaReport =
            serde_json::from_str(r#"{"podUid":"u","state":"Serving","trunks":{"a":{}}}"#).unwrap();
        assert_eq!(report.state, MediaState::Serving);
        assert_eq!(
            report.trunks[&TrunkName::from("a")].registration,
            Registration::None
        );
        let report: EngineReport = serde_json::from_str(r#"{"configHash":"h","later":1}"#).unwrap();
        assert_eq!(report.config_hash, "h");
    }
}
