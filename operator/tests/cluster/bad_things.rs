//! What goes wrong around a tenant shows as a condition with a reason and as an Event, and
//! clears when it is mended.

use k8s_openapi::api::core::v1::{Pod, Secret};
use k8s_openapi::api::events::v1::Event;
use kube::api::{Api, DeleteParams, Patch, PatchParams};
use serde_json::{Value, json};
use trunkline_tenant::Kind as DocKind;
use trunkline_tenant::report::{Registration, TrunkReport};

use crate::faults::home::{Home, eventually};
use crate::faults::tenant;

async fn told_once(home: &Home, about: &str, reason: &str) {
    told_once_of(home, about, "Ready", reason).await;
}

async fn told_once_of(home: &Home, about: &str, condition: &str, reason: &str) {
    let events: Api<Event> = Api::namespaced(home.admin.clone(), &home.namespace);
    eventually(&format!("an Event {reason} about {about}"), async || {
        let all = events.list(&Default::default()).await.unwrap();
        let of: Vec<_> = all
            .iter()
            .filter(|event| event.reason.as_deref() == Some(reason))
            .filter(|event| event.regarding.as_ref().and_then(|r| r.name.as_deref()) == Some(about))
            .filter(|event| event.action.as_deref() == Some(condition))
            .collect();
        match of.len() {
            1 => Ok(()),
            n => Err(format!("{n} Events")),
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a control plane: tests/run.sh cluster"]
async fn a_secret_that_isnt_there_is_told_and_clears_when_it_comes() {
    let home = Home::new("bad-secret").await;
    let operator = home.operator();
    for document in tenant::all("centre")
        .into_iter()
        .filter(|d| d["kind"] != "Secret")
    {
        home.apply(&document).await;
    }
    home.until(
        DocKind::Trunk,
        "centre-reg",
        "Stalled",
        "True",
        "SecretMissing",
    )
    .await;
    told_once(&home, "centre-reg", "SecretMissing").await;
    let mut half = tenant::secret();
    half["stringData"] = json!({"username": "u"});
    home.apply(&half).await;
    home.until(
        DocKind::Trunk,
        "centre-reg",
        "Stalled",
        "True",
        "SecretIncomplete",
    )
    .await;
    told_once(&home, "centre-reg", "SecretIncomplete").await;
    home.until(DocKind::CallCenter, "centre", "Ready", "True", "")
        .await;
    home.apply(&tenant::secret()).await;
    home.until(DocKind::Trunk, "centre-reg", "Stalled", "False", "")
        .await;
    home.at_rest().await;
    operator.stop().await;
    home.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a control plane: tests/run.sh cluster"]
async fn an_image_that_cant_be_pulled_is_told_and_clears_when_it_can() {
    let home = Home::new("bad-image").await;
    let operator = home.operator();
    for document in tenant::all("centre") {
        home.apply(&document).await;
    }
    home.at_rest().await;
    // What a kubelet would say; the pretended node says nothing more of this pod.
    let pods: Api<Pod> = Api::namespaced(home.admin.clone(), &home.namespace);
    let status = json!({"status": {
        "conditions": [{"type": "Ready", "status": "False"}],
        "containerStatuses": [{
            "name": "engine", "image": "registry.example/engine:1", "imageID": "", "ready": false, "restartCount": 0,
            "state": {"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}, "running": null},
        }],
    }});
    pods.patch_status(
        "centre-engine-0",
        &PatchParams::default(),
        &Patch::Strategic(status),
    )
    .await
    .unwrap();
    home.until(
        DocKind::CallCenter,
        "centre",
        "EngineReady",
        "False",
        "ErrImagePull",
    )
    .await;
    home.until(
        DocKind::Client,
        "centre-acme",
        "Ready",
        "False",
        "ErrImagePull",
    )
    .await;
    told_once(&home, "centre", "ErrImagePull").await;
    pods.delete("centre-engine-0", &DeleteParams::default().grace_period(0))
        .await
        .unwrap();
    home.at_rest().await;
    operator.stop().await;
    home.end().await;
}

/// A roll to an image that can't be pulled: the tenant serves, and says what holds the roll up, until the spec is mended.
async fn held_up_by_an_image(home: &Home, bad: Value, good: Value) {
    let operator = home.operator();
    for document in tenant::all("centre") {
        if document["kind"] != "CallCenter" {
            home.apply(&document).await;
        }
    }
    home.apply(&tenant::journal_secret()).await;
    home.apply(&good).await;
    home.at_rest().await;
    home.apply(&bad).await;
    home.until(
        DocKind::CallCenter,
        "centre",
        "Reconciling",
        "True",
        "ErrImagePull",
    )
    .await;
    let object = home.get(DocKind::CallCenter, "centre").await.unwrap();
    let conditions = object.data["status"]["conditions"].as_array().unwrap();
    let under_way = conditions.iter().find(|c| c["type"] == "Reconciling");
    let message = under_way.unwrap()["message"].as_str().unwrap();
    assert!(message.contains(":missing"), "which image: {message}");
    told_once_of(home, "centre", "Reconciling", "ErrImagePull").await;
    home.until(DocKind::CallCenter, "centre", "Ready", "True", "Serving")
        .await;
    home.quiet().await;
    home.apply(&good).await;
    home.until(DocKind::CallCenter, "centre", "Reconciling", "False", "")
        .await;
    home.at_rest().await;
    operator.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a control plane: tests/run.sh cluster"]
async fn a_media_image_that_cant_be_pulled_is_told_while_the_old_pod_serves_and_clears_when_mended()
{
    let home = Home::new("bad-media").await;
    let mut bad = tenant::center("centre", 5);
    bad["spec"]["telephony"] = json!({"media": {"image": "registry.example/media:missing"}});
    held_up_by_an_image(&home, bad, tenant::center("centre", 5)).await;
    home.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a control plane: tests/run.sh cluster"]
async fn an_engine_image_that_cant_be_pulled_is_told_while_the_pair_on_postgres_serves() {
    let home = Home::new("bad-engine").await;
    let good = tenant::on_postgres(tenant::center("centre", 5));
    let mut bad = good.clone();
    bad["spec"]["engine"] = json!({"image": "registry.example/engine:missing"});
    held_up_by_an_image(&home, bad, good).await;
    home.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a control plane: tests/run.sh cluster"]
async fn a_journals_secret_that_isnt_there_or_lacks_its_uri_is_told_and_clears_when_mended() {
    let home = Home::new("bad-journal").await;
    let operator = home.operator();
    for document in tenant::all("centre") {
        if document["kind"] != "CallCenter" {
            home.apply(&document).await;
        }
    }
    home.apply(&tenant::on_postgres(tenant::center("centre", 5)))
        .await;
    let stalled = async |status, reason| {
        home.until(DocKind::CallCenter, "centre", "Stalled", status, reason)
            .await;
    };
    stalled("True", "SecretMissing").await;
    told_once(&home, "centre", "SecretMissing").await;
    let mut other = tenant::journal_secret();
    other["stringData"] = json!({"url": "postgres://journal"});
    home.apply(&other).await;
    stalled("True", "SecretIncomplete").await;
    told_once(&home, "centre", "SecretIncomplete").await;
    let object = home.get(DocKind::CallCenter, "centre").await.unwrap();
    let conditions = object.data["status"]["conditions"].as_array().unwrap();
    let message = conditions.iter().find(|c| c["type"] == "Stalled").unwrap()["message"]
        .as_str()
        .unwrap();
    assert!(
        message.contains("spec.storage.journal.postgres.secretRef") && message.contains("`uri`"),
        "{message}"
    );
    home.apply(&tenant::journal_secret()).await;
    stalled("False", "").await;
    home.at_rest().await;
    // One that is taken away again is told again.
    let secrets: Api<Secret> = Api::namespaced(home.admin.clone(), &home.namespace);
    secrets
        .delete("journal-db", &DeleteParams::default())
        .await
        .unwrap();
    stalled("True", "SecretMissing").await;
    home.apply(&tenant::journal_secret()).await;
    home.at_rest().await;
    operator.stop().await;
    home.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a control plane: tests/run.sh cluster"]
async fn a_carrier_that_doesnt_answer_is_told_and_the_client_stays_ready_while_another_does() {
    let home = Home::new("bad-carrier").await;
    let operator = home.operator();
    for document in tenant::all("centre") {
        home.apply(&document).await;
    }
    home.at_rest().await;
    let dead = TrunkReport {
        registration: Registration::Failed,
        reachable: Some(false),
        last_failure: Some("408 after 32 s".into()),
        since: Some(chrono::Utc::now() - chrono::TimeDelta::minutes(2)),
    };
    let script = home.puppet.script.clone();
    script
        .lock()
        .unwrap()
        .trunks
        .insert("centre-reg".into(), dead.clone());
    home.until(
        DocKind::Trunk,
        "centre-reg",
        "Reachable",
        "False",
        "NoAnswer",
    )
    .await;
    home.until(
        DocKind::Trunk,
        "centre-reg",
        "Registered",
        "False",
        "RegistrationFailed",
    )
    .await;
    home.until(
        DocKind::Trunk,
        "centre-reg",
        "Ready",
        "False",
        "RegistrationFailed",
    )
    .await;
    told_once(&home, "centre-reg", "RegistrationFailed").await;
    home.until(DocKind::Client, "centre-acme", "Ready", "True", "")
        .await;
    home.until(
        DocKind::Client,
        "centre-acme",
        "TrunksVerified",
        "False",
        "",
    )
    .await;
    script
        .lock()
        .unwrap()
        .trunks
        .insert("centre-ip".into(), dead);
    home.until(
        DocKind::Client,
        "centre-acme",
        "Ready",
        "False",
        "CarriersUnreachable",
    )
    .await;
    home.until(DocKind::CallCenter, "centre", "Ready", "True", "")
        .await;
    script.lock().unwrap().trunks.clear();
    home.at_rest().await;
    operator.stop().await;
    home.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a control plane: tests/run.sh cluster"]
async fn a_document_that_cant_be_used_is_told_with_field_and_hint_and_the_tenant_runs_on() {
    let home = Home::new("bad-doc").await;
    let operator = home.operator();
    for document in tenant::all("centre") {
        home.apply(&document).await;
    }
    home.at_rest().await;
    let hash = async || {
        let object = home.get(DocKind::CallCenter, "centre").await.unwrap();
        object.data["status"]["configHash"].clone()
    };
    let before = hash().await;
    let mut spoiled = tenant::client("centre", "+18005550100");
    spoiled["spec"]["queues"][0]["teams"] = json!([{"name": "frontlyne"}]);
    home.apply(&spoiled).await;
    home.until(
        DocKind::Client,
        "centre-acme",
        "Stalled",
        "True",
        "UnknownTeam",
    )
    .await;
    let object = home.get(DocKind::Client, "centre-acme").await.unwrap();
    let conditions = object.data["status"]["conditions"].as_array().unwrap();
    let message = conditions.iter().find(|c| c["type"] == "Stalled").unwrap()["message"]
        .as_str()
        .unwrap();
    assert!(message.contains("spec.queues[0].teams[0]"), "{message}");
    assert!(message.contains("frontline"), "a hint: {message}");
    home.until(DocKind::CallCenter, "centre", "Ready", "True", "")
        .await;
    assert_eq!(hash().await, before, "what ran runs on");
    home.apply(&tenant::client("centre", "+18005550100")).await;
    home.until(DocKind::Client, "centre-acme", "Ready", "True", "")
        .await;
    operator.stop().await;
    home.end().await;
}
