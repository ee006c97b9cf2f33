//! A Trunk's status: what the side-cars say of its carrier.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use trunkline_crds::{TrunkAuthType, TrunkStatus};
use trunkline_tenant::report::{Registration, TrunkReport};

use super::{Conditions, DocStatus, Is, Scene, Verdict, finished};
use crate::controller::gather::SecretFact;
use crate::world::DocFact;

/// How a trunk is, for itself and for the clients that use it.
#[derive(Clone, Debug)]
pub(super) struct TrunkState {
    pub registered: Verdict,
    pub reachable: Verdict,
    pub credentials: Option<Verdict>,
    pub last_failure: Option<String>,
    /// Since when no pod has reached the carrier.
    pub unreachable_since: Option<DateTime<Utc>>,
}

impl TrunkState {
    /// Whether calls can come and go.
    pub fn works(&self) -> bool {
        self.registered.holds() && self.reachable.is != Is::False
    }
}

pub(super) fn state(scene: &Scene<'_>, doc: &DocFact) -> TrunkState {
    let name = doc.document.id.name.as_str();
    let reports: Vec<&TrunkReport> = scene
        .plan
        .reports
        .media
        .iter()
        .filter_map(|(_, report)| report.trunks.get(name))
        .collect();
    let trunk = scene.tenant.and_then(|tenant| tenant.trunks.get(name));
    let last_failure = reports
        .iter()
        .find_map(|report| report.last_failure.clone());
    let credentials = trunk
        .and_then(|trunk| trunk.auth.secret_ref.as_ref())
        .and_then(|reference| credentials(scene, &reference.name));
    let why = |failure: &Option<String>| failure.clone().unwrap_or_else(|| "no answer".to_owned());
    let registered = match trunk.map(|trunk| trunk.auth.kind) {
        None => Verdict::unknown("NotReported", "the trunk isn't in use yet"),
        Some(TrunkAuthType::Address) => {
            Verdict::yes("NotNeeded", "the carrier is known by its address")
        }
        Some(TrunkAuthType::Registration) => {
            let any = |state| reports.iter().any(|report| report.registration == state);
            if let Some(missing) = &credentials {
                Verdict::no(&missing.reason, missing.message.clone())
            } else if any(Registration::Registered) {
                Verdict::yes("Registered", "the carrier has accepted the registration")
            } else if any(Registration::Failed) {
                Verdict::no(
                    "RegistrationFailed",
                    format!(
                        "the carrier doesn't accept the registration: {}",
                        why(&last_failure)
                    ),
                )
            } else {
                Verdict::unknown("NotReported", "no media pod has tried yet")
            }
        }
    };
    let has_carrier = trunk.is_some_and(|trunk| trunk.carrier.is_some());
    let reachable = if trunk.is_some() && !has_carrier {
        Verdict::yes("NotNeeded", "it only brings calls in")
    } else if reports.iter().any(|report| report.reachable == Some(true)) {
        Verdict::yes("Answers", "the carrier answers")
    } else if reports.iter().any(|report| report.reachable == Some(false)) {
        Verdict::no(
            "NoAnswer",
            format!(
                "the carrier doesn't answer ({}); are spec.carrier.host, port and transport right, and is the way there open?",
                why(&last_failure)
            ),
        )
    } else {
        Verdict::unknown("NotReported", "no media pod has asked the carrier yet")
    };
    let unreachable_since = (reachable.is == Is::False)
        .then(|| reports.iter().filter_map(|report| report.since).max())
        .flatten();
    TrunkState {
        registered,
        reachable,
        credentials,
        last_failure,
        unreachable_since,
    }
}

/// What is wrong with the Secret that a trunk names.
fn credentials(scene: &Scene<'_>, name: &str) -> Option<Verdict> {
    let needed = ["username", "password"];
    match scene.gathered.secrets.get(name) {
        None | Some(SecretFact::Missing) => Some(Verdict::yes(
            "SecretMissing",
            format!(
                "spec.auth.secretRef.name: there is no Secret `{name}` in the namespace; make it with the keys `username` and `password`"
            ),
        )),
        Some(SecretFact::Present(keys)) => {
            let missing = needed
                .iter()
                .find(|key| !keys.iter().any(|have| have == *key))?;
            Some(Verdict::yes(
                "SecretIncomplete",
                format!(
                    "spec.auth.secretRef.name: the Secret `{name}` has no `{missing}`; it needs the keys `username` and `password`"
                ),
            ))
        }
    }
}

pub(super) fn status(
    scene: &Scene<'_>,
    doc: &DocFact,
    trunks: &BTreeMap<String, TrunkState>,
) -> DocStatus {
    let mut conditions = Conditions::after(&doc.status, doc.generation, scene.gathered.now);
    let id = &doc.document.id;
    let state = trunks.get(&id.name);
    let stuck = scene
        .stuck(id)
        .or_else(|| state.and_then(|state| state.credentials.clone()));
    let unknown = Verdict::unknown("NotReported", "");
    let registered = state.map_or(&unknown, |state| &state.registered);
    let reachable = state.map_or(&unknown, |state| &state.reachable);
    let serving = scene.serving();
    let ready = match &stuck {
        _ if doc.deleting.is_some() => Verdict::no("Deleting", "its live calls may end"),
        Some(stuck) => Verdict::no(&stuck.reason, stuck.message.clone()),
        None if !serving.holds() => serving,
        None if !registered.holds() => Verdict {
            is: Is::False,
            ..registered.clone()
        },
        None if !reachable.holds() => Verdict {
            is: Is::False,
            ..reachable.clone()
        },
        None => Verdict::yes("Working", "the carrier answers"),
    };
    let under_way = (!ready.holds()).then(|| Verdict::yes(&ready.reason, ready.message.clone()));
    conditions.summary(&ready, under_way.as_ref(), stuck.as_ref());
    conditions.set("Registered", registered);
    conditions.set("Reachable", reachable);
    let status = TrunkStatus {
        observed_generation: Some(doc.generation),
        conditions: conditions.list(),
        last_failure: state.and_then(|state| state.last_failure.clone()),
    };
    finished(doc, &status, &conditions)
}
