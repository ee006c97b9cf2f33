//! Two replicas, one leader.

use std::sync::Arc;
use std::time::{Duration, Instant};

use k8s_openapi::api::coordination::v1::Lease;
use kube::Api;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use trunkline_operator::lease::{Election, LeaseName, TAKEOVER};
use trunkline_operator::telemetry::Metrics;
use trunkline_tenant::Kind as DocKind;

use crate::faults::home::{Home, Started, client, eventually};
use crate::faults::tenant;

/// An operator that takes part in the election.
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

/// Waits until the leader has renewed once more.
async fn renewed(home: &Home) {
    let leases: Api<Lease> = Api::namespaced(home.admin.clone(), &home.namespace);
    let renewal = async || {
        let lease = leases.get("trunkline-operator").await.unwrap();
        lease.spec.unwrap().renew_time
    };
    let before = renewal().await;
    eventually("the leader's next renewal", async || {
        match renewal().await == before {
            true => Err("none".to_owned()),
            false => Ok(()),
        }
    })
    .await;
}

/// A promise is kept by what is usual: other tests make this machine late now and then.
fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

/// How often each end of a leader is seen.
const TIMES: usize = 3;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a control plane: tests/run.sh cluster"]
async fn a_second_replica_takes_over_within_five_seconds_of_a_death_and_two_of_a_farewell() {
    let home = Home::new("lease").await;
    let mut leader = replica(&home, "first").await;
    leader.leads.wait_for(|leads| *leads).await.unwrap();
    for document in tenant::all("centre") {
        home.apply(&document).await;
    }
    home.until(DocKind::CallCenter, "centre", "Ready", "True", "")
        .await;
    let (mut deaths, mut farewells) = (Vec::new(), Vec::new());
    for round in 0..2 * TIMES {
        let mut heir = replica(&home, &format!("heir-{round}")).await;
        // It knows the tenant, and has seen the leader renew.
        heir.operator.caught_up().await;
        renewed(&home).await;
        assert!(*leader.leads.borrow() && !*heir.leads.borrow());
        assert_eq!(
            heir.operator.metrics.reconciles(),
            0,
            "who doesn't lead doesn't reconcile"
        );
        let dies = round < TIMES;
        let ended = if dies {
            // Without a word.
            let ended = Instant::now();
            leader.election.abort();
            leader.operator.crash().await;
            ended
        } else {
            leader.operator.stop().await;
            let ended = Instant::now();
            leader.resign.send(true).unwrap();
            ended
        };
        heir.leads.wait_for(|leads| *leads).await.unwrap();
        let took = ended.elapsed();
        if dies { &mut deaths } else { &mut farewells }.push(took);
        eventually("the successor's first look", async || {
            match heir.operator.metrics.reconciles() {
                0 => Err("none".to_owned()),
                _ => Ok(()),
            }
        })
        .await;
        leader = heir;
    }
    println!("takeovers after a death: {deaths:?}; after a farewell: {farewells:?}");
    assert!(median(deaths.clone()) < TAKEOVER, "{deaths:?}");
    assert!(
        median(farewells.clone()) < Duration::from_secs(2),
        "{farewells:?}: the farewell was for nothing"
    );
    leader.operator.stop().await;
    home.end().await;
}
