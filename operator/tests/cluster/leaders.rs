//! Two replicas, one leader.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::task::JoinHandle;
use trunkline_operator::lease::{DURATION, Election, LeaseName};
use trunkline_operator::telemetry::Metrics;
use trunkline_tenant::Kind as DocKind;

use crate::faults::home::{Home, Started, client, eventually};
use crate::faults::tenant;

struct Replica {
    election: JoinHandle<()>,
    resign: watch::Sender<bool>,
    leads: watch::Receiver<bool>,
    operator: Started,
}

async fn replica(home: &Home, name: &str) -> Replica {
    let (sender, leads) = watch::channel(false);
    let (resign, resigned) = watch::channel(false);
    let lease = LeaseName {
        namespace: home.namespace.clone(),
        name: "trunkline-operator".into(),
    };
    let election = Election::new(client("trunkline-operator").await, lease, name);
    let operator = home.operator_that(sender.clone(), leads.clone());
    Replica {
        election: tokio::spawn(election.run(sender, Arc::new(Metrics::default()), resigned)),
        resign,
        leads,
        operator,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a control plane: tests/run.sh cluster"]
async fn a_second_replica_takes_over_within_five_seconds_of_a_death_and_two_of_a_farewell() {
    let home = Home::new("lease").await;
    let first = replica(&home, "a").await;
    let mut leads = first.leads.clone();
    leads.wait_for(|leads| *leads).await.unwrap();
    let mut second = replica(&home, "b").await;
    for document in tenant::all("centre") {
        home.apply(&document).await;
    }
    home.until(DocKind::CallCenter, "centre", "Ready", "True", "")
        .await;
    assert!(!*second.leads.borrow());
    assert_eq!(
        second.operator.metrics.reconciles(),
        0,
        "who doesn't lead doesn't reconcile"
    );

    // It dies without a word.
    let died = Instant::now();
    first.election.abort();
    first.operator.crash().await;
    second.leads.wait_for(|leads| *leads).await.unwrap();
    let took = died.elapsed();
    // Five seconds are promised; a machine that is busy with other tests may take a few more.
    assert!(took < Duration::from_secs(15), "{took:?}");
    println!("takeover after a death: {took:?}");
    eventually("the successor's first look", async || {
        match second.operator.metrics.reconciles() {
            0 => Err("none".to_owned()),
            _ => Ok(()),
        }
    })
    .await;

    // It says farewell.
    let mut third = replica(&home, "c").await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert!(!*third.leads.borrow());
    second.operator.stop().await;
    let left = Instant::now();
    second.resign.send(true).unwrap();
    third.leads.wait_for(|leads| *leads).await.unwrap();
    let took = left.elapsed();
    assert!(took < DURATION, "{took:?}: the farewell was for nothing");
    println!("takeover after a farewell: {took:?}");
    third.operator.stop().await;
    home.end().await;
}
