//! Claims: what a pod leaves behind is there for the next of its place, and outlives its CallCenter or goes with it.

use k8s_openapi::api::core::v1::{PersistentVolumeClaim, Pod};
use kube::ResourceExt;
use kube::api::{Api, DeleteParams};
use serde_json::json;
use trunkline_tenant::Kind as DocKind;

use crate::faults::home::{Home, eventually};
use crate::faults::tenant;

const JOURNAL: &str = "centre-engine-journal";
const RECORDINGS: &str = "recordings-centre-media-0";

fn claims(home: &Home) -> Api<PersistentVolumeClaim> {
    Api::namespaced(home.admin.clone(), &home.namespace)
}

/// The claim's UID, where it is there and stays.
async fn claim(home: &Home, name: &str) -> Option<String> {
    let claim = claims(home).get_opt(name).await.unwrap()?;
    claim.metadata.deletion_timestamp.is_none().then_some(())?;
    claim.uid()
}

async fn deleted(home: &Home) {
    home.docs(DocKind::CallCenter)
        .delete("centre", &DeleteParams::default())
        .await
        .unwrap();
    eventually("the CallCenter gone", async || {
        match home.get(DocKind::CallCenter, "centre").await {
            None => Ok(()),
            Some(object) => Err(format!("{:?}", object.metadata.finalizers)),
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a control plane: tests/run.sh cluster"]
async fn a_media_pod_that_is_replaced_finds_its_own_recordings() {
    let home = Home::new("recordings").await;
    let operator = home.operator();
    for mut document in tenant::all("centre") {
        if document["kind"] == "CallCenter" {
            document["spec"]["storage"] = json!({"recordings": {"size": "7Gi"}});
        }
        home.apply(&document).await;
    }
    home.at_rest().await;
    let before = claim(&home, RECORDINGS).await.expect("a claim");
    let live = claims(&home).get(RECORDINGS).await.unwrap();
    let requests = live.spec.unwrap().resources.unwrap().requests.unwrap();
    assert_eq!(requests["storage"].0, "7Gi");
    assert_eq!(live.status.unwrap().phase.as_deref(), Some("Bound"));
    let pods: Api<Pod> = Api::namespaced(home.admin.clone(), &home.namespace);
    let old = pods.get("centre-media-0").await.unwrap();
    pods.delete("centre-media-0", &DeleteParams::default().grace_period(0))
        .await
        .unwrap();
    eventually("another pod of that name", async || {
        let new = pods.get_opt("centre-media-0").await.unwrap();
        let new = new.filter(|new| new.uid() != old.uid()).ok_or("none")?;
        let volumes = new.spec.unwrap().volumes.unwrap();
        let claimed = volumes.into_iter().find(|v| v.name == "recordings");
        let claimed = claimed.and_then(|volume| volume.persistent_volume_claim);
        assert_eq!(claimed.expect("on a claim").claim_name, RECORDINGS);
        Ok(())
    })
    .await;
    home.at_rest().await;
    assert_eq!(claim(&home, RECORDINGS).await, Some(before));
    operator.stop().await;
    home.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a control plane: tests/run.sh cluster"]
async fn claims_outlive_their_call_center_and_serve_the_next_of_its_name() {
    let home = Home::new("keep").await;
    let operator = home.operator();
    for document in tenant::all("centre") {
        home.apply(&document).await;
    }
    home.at_rest().await;
    let before = [
        claim(&home, JOURNAL).await.expect("a journal"),
        claim(&home, RECORDINGS).await.expect("recordings"),
    ];
    deleted(&home).await;
    home.quiet().await;
    for (name, uid) in [JOURNAL, RECORDINGS].into_iter().zip(&before) {
        assert_eq!(claim(&home, name).await.as_ref(), Some(uid), "{name}");
    }
    home.apply(&tenant::center("centre", 5)).await;
    home.at_rest().await;
    for (name, uid) in [JOURNAL, RECORDINGS].into_iter().zip(&before) {
        assert_eq!(claim(&home, name).await.as_ref(), Some(uid), "{name}");
    }
    operator.stop().await;
    home.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a control plane: tests/run.sh cluster"]
async fn claims_go_with_their_call_center_where_the_spec_says_so_be_it_at_the_last_moment() {
    let home = Home::new("dont-keep").await;
    let operator = home.operator();
    for document in tenant::all("centre") {
        home.apply(&document).await;
    }
    home.at_rest().await;
    let mut center = tenant::center("centre", 5);
    center["spec"]["storage"] = json!({"keepOnDelete": false});
    home.apply(&center).await;
    home.at_rest().await;
    for name in [JOURNAL, RECORDINGS] {
        assert!(claim(&home, name).await.is_some(), "{name}");
    }
    deleted(&home).await;
    for name in [JOURNAL, RECORDINGS] {
        eventually(&format!("{name} gone"), async || {
            claims(&home)
                .get_opt(name)
                .await
                .unwrap()
                .map_or(Ok(()), |_| Err("there".to_owned()))
        })
        .await;
    }
    operator.stop().await;
    home.end().await;
}
