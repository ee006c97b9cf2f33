//! R6: children are deleted, edited, stripped; strangers have their names. What is ours is
//! repaired, what isn't is left alone.

use std::time::Duration;

use futures::future::join_all;
use kube::api::{Api, DynamicObject, Patch, PatchParams, PostParams};
use serde_json::{Value, json};
use trunkline_operator::children::Kind;
use trunkline_tenant::Kind as DocKind;

use super::home::{Home, eventually};
use super::leaves::{self, Step};
use super::{oracle, tenant};

const MANAGER: &str = "trunkline-operator";
/// Leaves that are changed in one go.
const IN_ONE_GO: usize = 12;

async fn tenant_at_rest(home: &Home) {
    for document in tenant::all("centre") {
        home.apply(&document).await;
    }
    home.at_rest().await;
}

/// The same with its journal on Postgres.
async fn pair_at_rest(home: &Home) {
    home.apply(&tenant::journal_secret()).await;
    home.apply(&tenant::on_postgres(tenant::center("centre", 5)))
        .await;
    for document in tenant::all("centre") {
        if document["kind"] != "CallCenter" {
            home.apply(&document).await;
        }
    }
    home.at_rest().await;
}

fn api(home: &Home, kind: Kind) -> Api<DynamicObject> {
    Api::namespaced_with(home.admin.clone(), &home.namespace, &kind.resource())
}

async fn every_child(home: &Home) -> Vec<(Kind, DynamicObject)> {
    let mut all = Vec::new();
    for kind in Kind::ALL {
        all.extend(
            oracle::children(home, kind)
                .await
                .into_iter()
                .map(|object| (kind, object)),
        );
    }
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a control plane: tests/run.sh cluster"]
async fn a_child_that_is_deleted_comes_back() {
    let home = Home::new("r6-delete").await;
    let operator = home.operator();
    tenant_at_rest(&home).await;
    let children = every_child(&home).await;
    assert!(children.len() >= 23, "{}", children.len());
    deleted_and_made_again(&home, &children).await;
    home.at_rest().await;
    assert_eq!(
        every_child(&home).await.len(),
        children.len(),
        "no more and no fewer"
    );
    operator.stop().await;
    home.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a control plane: tests/run.sh cluster"]
async fn every_owned_field_is_repaired_and_foreign_fields_are_kept() {
    let home = Home::new("r6-fields").await;
    let operator = home.operator();
    tenant_at_rest(&home).await;
    let children = every_child(&home).await;
    for (kind, object) in &children {
        let foreign = json!({"metadata": {"labels": {"foreign": "kept"}, "annotations": {"foreign": "kept"}}});
        let name = object.metadata.name.as_deref().unwrap();
        api(&home, *kind)
            .patch(name, &PatchParams::default(), &Patch::Merge(foreign))
            .await
            .unwrap();
    }
    let repaired = every_field_repaired(&home, &children).await;
    assert!(repaired > 300, "{repaired}");
    for (kind, object) in &children {
        let name = object.metadata.name.as_deref().unwrap();
        let live = api(&home, *kind).get(name).await.unwrap();
        assert_eq!(
            live.metadata
                .labels
                .unwrap()
                .get("foreign")
                .map(String::as_str),
            Some("kept"),
            "{kind}/{name}"
        );
        assert_eq!(
            live.metadata
                .annotations
                .unwrap()
                .get("foreign")
                .map(String::as_str),
            Some("kept"),
            "{kind}/{name}"
        );
    }
    home.at_rest().await;
    operator.stop().await;
    home.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a control plane: tests/run.sh cluster"]
async fn what_a_tenant_on_postgres_has_of_its_own_is_repaired_too() {
    let home = Home::new("r6-pair").await;
    let operator = home.operator();
    pair_at_rest(&home).await;
    let mut children = every_child(&home).await;
    children.retain(|(kind, object)| {
        let of_the_engine = object.metadata.name.as_deref() == Some("centre-engine");
        of_the_engine && matches!(kind, Kind::Deployment | Kind::PodDisruptionBudget)
    });
    assert_eq!(children.len(), 2);
    let repaired = every_field_repaired(&home, &children).await;
    assert!(repaired > 60, "{repaired}");
    home.at_rest().await;
    deleted_and_made_again(&home, &children).await;
    home.at_rest().await;
    operator.stop().await;
    home.end().await;
}

/// Deletes these, and waits until another of each is there.
async fn deleted_and_made_again(home: &Home, children: &[(Kind, DynamicObject)]) {
    // A claim in use is protected; that is Kubernetes' own.
    let protected = |kind: &Kind| *kind == Kind::PersistentVolumeClaim;
    for (kind, object) in children.iter().filter(|(kind, _)| !protected(kind)) {
        let name = object.metadata.name.as_deref().unwrap();
        api(home, *kind)
            .delete(name, &Default::default())
            .await
            .unwrap();
    }
    for (kind, object) in children {
        let name = object.metadata.name.as_deref().unwrap();
        eventually(&format!("{kind}/{name} back"), async || {
            let live = api(home, *kind).get_opt(name).await.unwrap();
            let Some(live) = live.map(|live| live.metadata) else {
                return Err("not there".to_owned());
            };
            let another = live.uid != object.metadata.uid || protected(kind);
            if another && live.deletion_timestamp.is_none() {
                Ok(())
            } else {
                Err("the old one is there".to_owned())
            }
        })
        .await;
    }
}

/// Tampers with all of these; tells how many fields were repaired.
async fn every_field_repaired(home: &Home, children: &[(Kind, DynamicObject)]) -> usize {
    let each = children.iter();
    let tampered = join_all(each.map(|(kind, object)| tamper(home, *kind, object))).await;
    let (repaired, refused) = tampered
        .into_iter()
        .fold((0, 0), |all, one| (all.0 + one.0, all.1 + one.1));
    println!(
        "{repaired} owned fields tampered with and repaired, {refused} refused by the API server"
    );
    repaired
}

/// Changes everything that the operator owns of a child; tells how much was repaired, and how
/// much the API server wouldn't have.
async fn tamper(home: &Home, kind: Kind, object: &DynamicObject) -> (usize, usize) {
    let name = object.metadata.name.as_deref().unwrap();
    let paths = leaves::owned(&serde_json::to_value(object).unwrap(), MANAGER);
    assert!(!paths.is_empty(), "{kind}/{name} has no field of ours");
    let (mut repaired, mut refused) = (0, 0);
    // A claim that is kept has no owner: by one label or another it must be known.
    let in_one_go = if kind == Kind::PersistentVolumeClaim {
        1
    } else {
        IN_ONE_GO
    };
    for some in paths.chunks(in_one_go) {
        if change(home, kind, name, some).await {
            repaired += some.len();
            mended(home, kind, name, some).await;
            continue;
        }
        for one in some.chunks(1) {
            if change(home, kind, name, one).await {
                repaired += 1;
                mended(home, kind, name, one).await;
            } else {
                refused += 1;
            }
        }
    }
    (repaired, refused)
}

fn is_secret_value(kind: Kind, path: &[Step]) -> bool {
    let first = matches!(path.first(), Some(Step::Key(key)) if key == "data");
    kind == Kind::Secret && first
}

/// Writes another value to each path, as somebody else; `false` where the API server won't.
async fn change(home: &Home, kind: Kind, name: &str, paths: &[Vec<Step>]) -> bool {
    let api = api(home, kind);
    for _ in 0..20 {
        let Some(live) = api.get_opt(name).await.unwrap() else {
            return false;
        };
        let mut value = serde_json::to_value(&live).unwrap();
        value["metadata"]["managedFields"] = Value::Null;
        for path in paths {
            let binary = is_secret_value(kind, path)
                || matches!(path.first(), Some(Step::Key(key)) if key == "binaryData");
            if let Some(field) = leaves::at(&mut value, path) {
                *field = if binary {
                    json!("dGFtcGVyZWQ=")
                } else {
                    leaves::other(field)
                };
            }
        }
        let other: DynamicObject = serde_json::from_value(value).unwrap();
        match api
            .replace(
                name,
                &PostParams {
                    field_manager: Some("stranger".into()),
                    ..Default::default()
                },
                &other,
            )
            .await
        {
            Ok(_) => return true,
            // Somebody was faster: the operator, or a controller with a status.
            Err(kube::Error::Api(status)) if status.code == 409 => {
                tokio::time::sleep(Duration::from_millis(50)).await
            }
            Err(_) => return false,
        }
    }
    false
}

/// Waits until the fields are the operator's again.
async fn mended(home: &Home, kind: Kind, name: &str, paths: &[Vec<Step>]) {
    eventually(
        &format!("{kind}/{name} mended at {:?}", paths.first()),
        async || {
            let Some(live) = api(home, kind).get_opt(name).await.unwrap() else {
                return Err("gone".to_owned());
            };
            let mut value = serde_json::to_value(&live).unwrap();
            let owned = leaves::owned(&value, MANAGER);
            for path in paths {
                // Whoever changes a field owns it; it is the operator's again when it has been put right.
                if !owned.contains(path) {
                    return Err(format!("{path:?} is a stranger's"));
                }
                let field = leaves::at(&mut value, path).cloned().unwrap_or_default();
                if field == json!("dGFtcGVyZWQ=") {
                    return Err(format!("{path:?} is as the stranger left it"));
                }
            }
            Ok(())
        },
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a control plane: tests/run.sh cluster"]
async fn a_child_without_its_labels_or_its_owner_is_known_and_mended() {
    let home = Home::new("r6-strip").await;
    let operator = home.operator();
    tenant_at_rest(&home).await;
    let children = every_child(&home).await;
    for strip in [
        json!({"metadata": {"labels": null}}),
        json!({"metadata": {"ownerReferences": null}}),
    ] {
        for (kind, object) in &children {
            let name = object.metadata.name.as_deref().unwrap();
            // A claim that is kept has no owner; its label is how it is known.
            if object.metadata.owner_references.is_none() {
                continue;
            }
            api(&home, *kind)
                .patch(name, &PatchParams::default(), &Patch::Merge(&strip))
                .await
                .unwrap();
        }
        for (kind, object) in &children {
            let name = object.metadata.name.as_deref().unwrap();
            eventually(&format!("{kind}/{name} mended after {strip}"), async || {
                let live = api(&home, *kind).get(name).await.unwrap();
                let same_uid = live.metadata.uid == object.metadata.uid;
                let labels = live.metadata.labels.unwrap_or_default();
                let whole = labels.contains_key("trunkline.dev/owner")
                    && live.metadata.owner_references.is_some()
                        == object.metadata.owner_references.is_some();
                if same_uid && whole {
                    Ok(())
                } else {
                    Err(format!("same: {same_uid}, labels {labels:?}"))
                }
            })
            .await;
        }
    }
    operator.stop().await;
    home.end().await;
}

/// Puts a stranger where a child should be, and tells whether it was left alone and told of.
pub async fn stranger_is_left_alone(home: &Home) -> Result<(), String> {
    let service = json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": "centre-sip", "labels": {"whose": "a-stranger"}},
        "spec": {"ports": [{"name": "http", "port": 80, "protocol": "TCP"}]},
    });
    let object: DynamicObject = serde_json::from_value(service).unwrap();
    api(home, Kind::Service)
        .create(&PostParams::default(), &object)
        .await
        .unwrap();
    for document in tenant::all("centre") {
        home.apply(&document).await;
    }
    let operator = home.operator();
    eventually("the tenant's last child", async || {
        let engine = api(home, Kind::StatefulSet)
            .get_opt("centre-engine")
            .await
            .unwrap();
        engine.map(drop).ok_or_else(|| "not yet".to_owned())
    })
    .await;
    home.quiet().await;
    let told = home
        .condition(DocKind::CallCenter, "centre", "Stalled")
        .await;
    let live = api(home, Kind::Service).get("centre-sip").await.unwrap();
    operator.stop().await;
    let labels = live.metadata.labels.unwrap_or_default();
    if labels.len() != 1 || live.metadata.owner_references.is_some() {
        return Err(format!("the stranger was adopted: {labels:?}"));
    }
    if told != ("True".to_owned(), "NameTaken".to_owned()) {
        return Err(format!("nobody is told: Stalled is {told:?}"));
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a control plane: tests/run.sh cluster"]
async fn a_strangers_object_is_not_adopted_and_the_condition_says_so_until_it_goes() {
    let home = Home::new("r6-foreign").await;
    stranger_is_left_alone(&home).await.unwrap();
    let operator = home.operator();
    api(&home, Kind::Service)
        .delete("centre-sip", &Default::default())
        .await
        .unwrap();
    // Nothing of ours was there, so no event tells of its going; the back-off looks again.
    home.at_rest().await;
    operator.stop().await;
    home.end().await;
}

/// Deletes nothing, changes one label of one child; tells whether that is repaired.
pub async fn repairs(home: &Home) -> Result<(), String> {
    let patch = json!({"spec": {"selector": {"trunkline.dev/call-center": "another"}}});
    api(home, Kind::Service)
        .patch("centre-api", &PatchParams::default(), &Patch::Merge(patch))
        .await
        .unwrap();
    tokio::time::sleep(Duration::from_secs(3)).await;
    let live = api(home, Kind::Service).get("centre-api").await.unwrap();
    match live
        .data
        .pointer("/spec/selector/trunkline.dev~1call-center")
    {
        Some(name) if name == "centre" => Ok(()),
        other => Err(format!("the Service still selects {other:?}")),
    }
}
