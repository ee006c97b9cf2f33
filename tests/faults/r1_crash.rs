//! R1: the operator dies before or after every single write, or a write's answer is lost; the
//! next one brings the tenant to the state that an undisturbed run ends in, and rests.

use futures::StreamExt;
use trunkline_tenant::Kind;

use super::home::{Home, condition_of, eventually};
use super::layer::{Fault, Mutant};
use super::{oracle, tenant};

/// Runs at once: each has a namespace and a tenant of its own.
const AT_ONCE: usize = 8;

/// What is done to a tenant.
#[derive(Clone, Copy, Debug)]
enum Scenario {
    /// It is made.
    Create,
    /// A running one changes in many places at once.
    Change,
    /// A running one is deleted.
    Delete,
}

impl Scenario {
    /// What comes before the faults.
    async fn prepare(self, home: &Home) {
        match self {
            Self::Create => {}
            Self::Change | Self::Delete => {
                apply_all(home).await;
                let operator = home.operator();
                asleep(home).await;
                operator.stop().await;
            }
        }
    }

    /// What the operator has to deal with under faults.
    async fn act(self, home: &Home) {
        match self {
            Self::Create => apply_all(home).await,
            Self::Change => {
                let mut center = tenant::center("centre", 9);
                center["spec"]["engine"] =
                    serde_json::json!({"image": "registry.example/engine:2"});
                center["spec"]["telephony"] = serde_json::json!({"media": {"disruption": "Never"}});
                center["metadata"]["annotations"] =
                    serde_json::json!({"trunkline.dev/rotate": "2"});
                home.apply(&sleeping(center)).await;
                home.apply(&tenant::agent("centre", "ann")).await;
            }
            Self::Delete => {
                let api = home.docs(Kind::CallCenter);
                api.delete("centre", &Default::default()).await.unwrap();
            }
        }
    }

    /// Waits until an operator without faults is done.
    async fn done(self, home: &Home) {
        match self {
            Self::Create | Self::Change => asleep(home).await,
            Self::Delete => {
                eventually("the CallCenter gone", async || {
                    match home.get(Kind::CallCenter, "centre").await {
                        None => Ok(()),
                        Some(object) => Err(format!("{:?}", object.metadata.finalizers)),
                    }
                })
                .await;
                // Who is left behind is told that there is no centre any more.
                home.until(
                    Kind::Client,
                    "centre-acme",
                    "Stalled",
                    "True",
                    "UnknownCallCenter",
                )
                .await;
                home.quiet().await;
            }
        }
    }
}

/// The tenant sleeps: it has all of its children but the pods, which are others' to make and
/// would only make the runs slow.
fn sleeping(mut document: serde_json::Value) -> serde_json::Value {
    if document["kind"] == "CallCenter" {
        document["spec"]["hibernate"] = true.into();
    }
    document
}

async fn apply_all(home: &Home) {
    home.puppet.stop();
    for document in tenant::all("centre") {
        home.apply(&sleeping(document)).await;
    }
}

/// Waits until the newest generation has been dealt with, and nothing is written any more.
async fn asleep(home: &Home) {
    eventually("the tenant asleep", async || {
        let Some(object) = home.get(Kind::CallCenter, "centre").await else {
            return Err("no CallCenter".to_owned());
        };
        let observed = object.data.pointer("/status/observedGeneration");
        let ready = condition_of(&object, "Ready");
        let under_way = condition_of(&object, "Reconciling");
        let dealt_with = observed.and_then(serde_json::Value::as_i64) == object.metadata.generation;
        match (dealt_with, ready.1.as_str(), under_way.0.as_str()) {
            (true, "Hibernating", "False") => Ok(()),
            _ => Err(format!("{observed:?} {ready:?} {under_way:?}")),
        }
    })
    .await;
    home.quiet().await;
}

type State = std::collections::BTreeMap<String, serde_json::Value>;

/// One run with a fault; gives the state at its end and the number of writes without a fault.
async fn one(scenario: Scenario, fault: Fault, mutant: Option<Mutant>) -> (State, usize) {
    let home = Home::with("r1", mutant).await;
    scenario.prepare(&home).await;
    home.layer.set(fault);
    let operator = home.operator();
    scenario.act(&home).await;
    match fault {
        Fault::CrashBefore(_) | Fault::CrashAfter(_) => {
            // By a debounce the number of writes may differ: one that doesn't come is no fault.
            tokio::select! {
                () = home.layer.crashed() => {}
                () = scenario.done(&home) => {}
            }
            operator.crash().await;
            home.layer.set(Fault::None);
            let successor = home.operator();
            scenario.done(&home).await;
            rests(&home, scenario, fault).await;
            successor.stop().await;
        }
        Fault::LoseAnswer(_) | Fault::None => {
            match mutant {
                None => scenario.done(&home).await,
                Some(_) => home.settled(mutant).await,
            }
            if fault != Fault::None {
                rests(&home, scenario, fault).await;
            }
            operator.stop().await;
        }
    }
    let writes = home.layer.writes().len();
    let mut state = oracle::state(&home).await;
    if let Scenario::Delete = scenario {
        // What goes with its owner goes in the API server's own time, and where no garbage
        // collector runs it doesn't: what counts is what the operator takes down.
        state.retain(|key, _| key.starts_with("StatefulSet/") || key.starts_with("CallCenter/"));
    }
    home.end().await;
    (state, writes)
}

/// A second look writes nothing.
async fn rests(home: &Home, scenario: Scenario, fault: Fault) {
    home.layer.set(Fault::None);
    let fresh = home.operator();
    tokio::time::sleep(std::time::Duration::from_millis(800)).await;
    assert!(
        home.layer.writes().is_empty(),
        "{scenario:?} after {fault:?}: at rest and still it writes {:?}",
        home.layer.writes()
    );
    fresh.stop().await;
}

async fn survives_every_crash(scenario: Scenario, modes: &[fn(usize) -> Fault]) {
    let (clean, writes) = one(scenario, Fault::None, None).await;
    assert!(writes > 0);
    // Dying before a write is, for the API server, dying after the one before it.
    let faults: Vec<Fault> = std::iter::once(Fault::CrashBefore(1))
        .chain(modes.iter().flat_map(|mode| (1..=writes).map(mode)))
        .collect();
    let runs = faults.len();
    let mut outcomes = futures::stream::iter(faults)
        .map(|fault| async move { (fault, one(scenario, fault, None).await.0) })
        .buffer_unordered(AT_ONCE);
    while let Some((fault, state)) = outcomes.next().await {
        for (key, wanted) in &clean {
            assert_eq!(
                state.get(key),
                Some(wanted),
                "{scenario:?} after {fault:?}: {key}"
            );
        }
        assert_eq!(state.len(), clean.len(), "{scenario:?} after {fault:?}");
    }
    println!("{scenario:?}: {writes} writes, {runs} faults survived");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a control plane: tests/run.sh cluster"]
async fn a_tenant_is_made_whole_though_the_operator_dies_at_any_write() {
    survives_every_crash(Scenario::Create, &[Fault::CrashAfter]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a control plane: tests/run.sh cluster"]
async fn a_lost_answer_is_made_good() {
    survives_every_crash(Scenario::Create, &[Fault::LoseAnswer]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a control plane: tests/run.sh cluster"]
async fn a_change_in_many_places_is_carried_through_though_the_operator_dies_at_any_write() {
    survives_every_crash(Scenario::Change, &[Fault::CrashAfter]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a control plane: tests/run.sh cluster"]
async fn a_tenant_is_taken_down_though_the_operator_dies_at_any_write() {
    survives_every_crash(Scenario::Delete, &[Fault::CrashAfter]).await;
}

/// What R1 says of an operator with a bug: the children that it lacks beside a good one's.
pub async fn lacks(mutant: Mutant) -> Vec<String> {
    let (good, _) = one(Scenario::Create, Fault::None, None).await;
    let (bad, _) = one(Scenario::Create, Fault::None, Some(mutant)).await;
    good.keys()
        .filter(|key| !bad.contains_key(*key))
        .cloned()
        .collect()
}
