//! At rest nothing is written: by the API server's own audit log, over a minute, with a
//! hundred tenants.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use kube::api::{ListParams, Patch, PatchParams};
use serde_json::json;
use trunkline_tenant::Kind as DocKind;

use crate::faults::home::{Home, condition_of, root, run};
use crate::faults::tenant;

const TENANTS: usize = 100;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a control plane: tests/run.sh cluster"]
async fn a_hundred_tenants_at_rest_cost_no_write_in_a_minute() {
    let state = std::env::var_os("STATE").expect(
        "STATE names the control plane's folder, with audit.log in it: run `tests/run.sh cluster`",
    );
    let log = PathBuf::from(state).join("audit.log");
    assert!(
        log.exists(),
        "{} isn't there: start the control plane with --audit",
        log.display()
    );
    let home = Home::new("fixpoint").await;
    home.apply(&tenant::secret()).await;
    let operator = home.operator();
    for n in 0..TENANTS {
        let name = format!("c{n}");
        for document in [
            tenant::center(&name, 5),
            tenant::registering(&name),
            tenant::by_address(&name),
            tenant::client(&name, &format!("+1800555{n:04}")),
            tenant::agent(&name, "maria"),
        ] {
            home.apply(&document).await;
        }
    }
    let centers = home.docs(DocKind::CallCenter);
    for _ in 0..240 {
        let all = centers.list(&ListParams::default()).await.unwrap();
        let ready = all
            .iter()
            .filter(|object| {
                condition_of(object, "Ready").0 == "True"
                    && condition_of(object, "Reconciling").0 == "False"
            })
            .count();
        if ready == TENANTS {
            break;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    home.quiet().await;
    let looks = operator.metrics.reconciles();
    let since = chrono::Utc::now();
    tokio::time::sleep(Duration::from_secs(30)).await;
    // Looks at tenants of which nothing has changed write nothing, either.
    for n in 0..TENANTS {
        let touch = json!({"metadata": {"annotations": {"somebody": "looked"}}});
        centers
            .patch(
                &format!("c{n}"),
                &PatchParams::default(),
                &Patch::Merge(touch),
            )
            .await
            .unwrap();
    }
    tokio::time::sleep(Duration::from_secs(30)).await;
    let all = centers.list(&ListParams::default()).await.unwrap();
    let ready = all
        .iter()
        .filter(|object| condition_of(object, "Ready").0 == "True")
        .count();
    assert_eq!(
        ready, TENANTS,
        "all of them at rest means all of them Ready"
    );
    assert!(
        operator.metrics.reconciles() >= looks + TENANTS as u64,
        "it did look"
    );
    // By the API server's own word, of this test's namespace: what the operator asked for, all along or since then.
    let audit = |more: &[&str]| -> Vec<String> {
        run(Command::new("python3")
            .arg(root().join("tests/cluster/audit.py"))
            .arg(&log)
            .args(["--agent", "^trunkline-operator", "--list"])
            .args(more))
        .lines()
        .filter(|line| line.split_whitespace().any(|word| word == home.namespace))
        .map(str::to_owned)
        .collect()
    };
    let since = since.format("%Y-%m-%dT%H:%M:%S%.6fZ").to_string();
    // What sees no write at rest must have seen those that made the tenants.
    let made = audit(&["--writes"]).len();
    assert!(
        made >= 20 * TENANTS,
        "the audit log shows {made} writes of an operator that made {TENANTS} tenants"
    );
    let ours = audit(&["--writes", "--since", &since]);
    assert!(ours.is_empty(), "{} writes at rest: {ours:#?}", ours.len());
    println!(
        "{TENANTS} tenants, a minute, {} looks: 0 writes ({made} before), {} reads",
        operator.metrics.reconciles() - looks,
        audit(&["--since", &since]).len()
    );
    operator.stop().await;
    home.end().await;
}
