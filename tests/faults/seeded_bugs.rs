//! R13: operators with known bugs. An oracle that doesn't catch its bug proves nothing.

use std::sync::Arc;

use kube::api::{Patch, PatchParams};
use serde_json::json;
use trunkline_tenant::Kind as DocKind;

use super::home::{Home, Started};
use super::layer::{Fault, Mutant};
use super::{r1_crash, r6_tamper, r9_truth, tenant};

/// A tenant as an operator, sound or not, leaves it; the operator runs on.
async fn made(home: &Home, mutant: Option<Mutant>) -> Started {
    for document in tenant::all("centre") {
        home.apply(&document).await;
    }
    let operator = home.operator();
    home.settled(mutant).await;
    operator
}

/// How many writes a look at an unchanged tenant costs.
pub async fn writes_of_a_look(home: &Home) -> usize {
    home.layer.set(Fault::None);
    let touch = json!({"metadata": {"annotations": {"somebody": "looked"}}});
    home.docs(DocKind::CallCenter)
        .patch("centre", &PatchParams::default(), &Patch::Merge(touch))
        .await
        .unwrap();
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    home.layer.writes().len()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a control plane: tests/run.sh cluster"]
async fn an_operator_that_never_repairs_is_caught() {
    for (mutant, caught) in [(None, false), (Some(Mutant::NeverRepairs), true)] {
        let home = Home::with("bug-repair", mutant).await;
        let operator = made(&home, mutant).await;
        assert_eq!(
            r6_tamper::repairs(&home).await.is_err(),
            caught,
            "{mutant:?}"
        );
        operator.stop().await;
        home.end().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a control plane: tests/run.sh cluster"]
async fn an_operator_that_calls_itself_ready_whatever_is_so_is_caught() {
    let home = Arc::new(Home::with("bug-ready", Some(Mutant::AlwaysReady)).await);
    let (lies, _) = r9_truth::life(&home).await;
    assert!(!lies.is_empty());
    Arc::into_inner(home).unwrap().end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a control plane: tests/run.sh cluster"]
async fn an_operator_that_is_never_at_rest_is_caught() {
    for (mutant, caught) in [(None, false), (Some(Mutant::NeverAtRest), true)] {
        let home = Home::with("bug-rest", mutant).await;
        let operator = made(&home, mutant).await;
        assert_eq!(writes_of_a_look(&home).await > 0, caught, "{mutant:?}");
        operator.stop().await;
        home.end().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a control plane: tests/run.sh cluster"]
async fn an_operator_that_adopts_a_strangers_object_is_caught() {
    let home = Home::with("bug-adopt", Some(Mutant::Adopts)).await;
    let found = r6_tamper::stranger_is_left_alone(&home).await;
    assert!(found.is_err());
    home.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a control plane: tests/run.sh cluster"]
async fn an_operator_that_loses_a_child_is_caught() {
    assert_eq!(
        r1_crash::lacks(Mutant::LosesChild).await,
        ["PodDisruptionBudget/centre-media"]
    );
}
