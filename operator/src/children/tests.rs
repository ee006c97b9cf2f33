//! The children of a small tenant, whole, as golden files: what changes in them is seen in review.

use serde_json::{Value, json};
use trunkline_tenant::{Compiled, Document, compile};

use super::{Blueprint, Child, Children, Kind, Knobs, Owner, Packed};
use crate::names::Names;
use crate::settings::Images;

fn document(kind: &str, name: &str, spec: Value) -> Document {
    Document::from_object(json!({
        "apiVersion": "trunkline.dev/v1alpha1", "kind": kind,
        "metadata": {"name": name, "namespace": "home", "uid": format!("uid-of-{name}"), "generation": 1},
        "spec": spec,
    }))
    .unwrap()
}

fn children(journal: Value, exposure: &str) -> Vec<Child> {
    let documents = [
        document(
            "CallCenter",
            "northwind",
            json!({
                "teams": [{"name": "frontline", "kind": "Human"}],
                "queues": [{"name": "front-desk", "medium": "Voice", "teams": ["frontline"], "onExhausted": {"action": "Hold"}}],
                "storage": {"journal": journal},
                "telephony": {"exposure": {"type": exposure}, "media": {"minPods": 1, "maxPods": 2, "disruption": "Never"}},
            }),
        ),
        document(
            "Trunk",
            "carrier-a",
            json!({
                "callCenter": "northwind", "carrier": {"host": "192.0.2.1"},
                "auth": {"type": "Registration", "secretRef": {"name": "carrier-a"}},
            }),
        ),
        document(
            "Agent",
            "maria",
            json!({"callCenter": "northwind", "team": "frontline"}),
        ),
    ];
    let Compiled {
        tenant: Some(tenant),
        sources,
        findings,
        ..
    } = compile(&documents, None)
    else {
        panic!("the documents compile")
    };
    assert!(
        findings.iter().all(|finding| !finding.is_error()),
        "{findings:?}"
    );
    let owner = Owner {
        name: "northwind".into(),
        namespace: "home".into(),
        uid: "uid-of-northwind".into(),
    };
    let packed = Packed::new(&tenant, &sources).unwrap();
    Children::of(&Blueprint {
        owner: &owner,
        names: &Names::of(&tenant.name),
        tenant: &tenant,
        packed: &packed,
        images: &Images {
            engine: "registry.example/engine:1".into(),
            media: "registry.example/media:1".into(),
            pull_policy: "IfNotPresent".into(),
        },
        knobs: &Knobs::default(),
        agents: &[("maria".into(), String::new())],
        media_replicas: 1,
        media_claims: 0,
        api_servers: &[],
        service_monitors: true,
    })
    .in_order()
}

/// Without the packed Tenant, whose form is `trunkline-tenant`'s to test.
fn golden(mut child: Child) -> Value {
    if child.body["binaryData"].is_object() {
        child.body["binaryData"] = json!("the Tenant and its sources");
        child.body["data"] = json!("its hash");
    }
    child.body
}

#[test]
fn the_children_on_sqlite_are_these() {
    for child in children(json!({}), "PodIP") {
        let name = format!("{}-{}", child.key.kind, child.key.name);
        insta::assert_yaml_snapshot!(name, golden(child));
    }
}

#[test]
fn the_engine_on_postgres_is_a_deployment_of_two_with_a_budget_and_no_claim() {
    let all = children(
        json!({"postgres": {"secretRef": {"name": "journal-db"}}}),
        "PodIP",
    );
    let has = |kind| all.iter().filter(|child| child.key.kind == kind).count();
    let claim = |child: &&Child| child.key.kind == Kind::PersistentVolumeClaim;
    let claims: Vec<&str> = all.iter().filter(claim).map(|c| &*c.key.name).collect();
    assert_eq!(claims, ["recordings-northwind-media-0"]);
    assert_eq!(has(Kind::PodDisruptionBudget), 2);
    let engine = all
        .iter()
        .find(|child| child.key.kind == Kind::Deployment)
        .unwrap();
    assert_eq!(engine.body["spec"]["replicas"], 2);
    let pod = &engine.body["spec"]["template"]["spec"];
    let container = &pod["containers"][0];
    let probed = &container["readinessProbe"]["httpGet"]["path"];
    assert_eq!(probed, "/readyz?standby=ok", "or no roll would end");
    let env = container["env"].as_array().unwrap();
    let file = env.iter().find(|e| e["name"] == "JOURNAL_FILE").unwrap();
    assert_eq!(file["value"], "/etc/trunkline/journal/uri");
    assert!(env.iter().all(|e| e["name"] != "JOURNAL"));
    let volumes = pod["volumes"].as_array().unwrap();
    let mounted = volumes.iter().find(|v| v["name"] == "journal").unwrap();
    assert_eq!(mounted["secret"]["secretName"], "journal-db");
}

#[test]
fn workloads_are_applied_last_and_nothing_is_named_twice() {
    let all = children(json!({}), "PerPodService");
    let workload = |child: &&Child| matches!(child.key.kind, Kind::StatefulSet | Kind::Deployment);
    let first = all.iter().position(|child| workload(&child)).unwrap();
    assert!(all[first..].iter().all(|child| workload(&child)));
    let mut keys: Vec<_> = all.iter().map(|child| &child.key).collect();
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), all.len());
    assert_eq!(
        all.iter()
            .filter(|child| child.key.name.starts_with("northwind-media-")
                && child.key.kind == Kind::Service)
            .count(),
        2
    );
}

#[test]
fn an_engine_may_touch_its_configuration_its_report_and_its_lease_by_name_and_little_else() {
    let all = children(json!({}), "PodIP");
    let role = all
        .iter()
        .find(|child| child.key.kind == Kind::Role && child.key.name == "northwind-engine");
    let rules = role.unwrap().body["rules"].as_array().unwrap().clone();
    let (named, unnamed): (Vec<Value>, Vec<Value>) = rules
        .into_iter()
        .partition(|rule| rule["resourceNames"].is_array());
    let what = |rule: &Value| {
        json!([
            rule["resources"][0],
            rule["resourceNames"][0],
            rule["verbs"]
        ])
    };
    assert_eq!(
        named.iter().map(what).collect::<Vec<_>>(),
        [
            json!(["configmaps", "northwind-tenant", ["get", "list", "watch"]]),
            json!(["configmaps", "northwind-engine-report", ["get", "patch"]]),
            json!(["leases", "northwind-engine", ["get", "update"]]),
        ]
    );
    assert!(
        named
            .iter()
            .all(|rule| rule["resourceNames"].as_array().map(Vec::len) == Some(1))
    );
    assert_eq!(
        unnamed.iter().map(what).collect::<Vec<_>>(),
        [
            json!(["leases", null, ["create"]]),
            json!(["endpointslices", null, ["list", "watch"]]),
        ]
    );
}

#[test]
fn every_pod_is_restricted_and_only_the_side_car_of_a_media_pod_has_a_token() {
    for child in children(json!({}), "PodIP") {
        if child.key.kind != Kind::StatefulSet {
            continue;
        }
        let pod = &child.body["spec"]["template"]["spec"];
        assert_eq!(pod["automountServiceAccountToken"], false);
        assert_eq!(pod["securityContext"]["runAsNonRoot"], true);
        let containers = [&pod["containers"], &pod["initContainers"]];
        for container in containers.into_iter().filter_map(Value::as_array).flatten() {
            assert_eq!(container["securityContext"]["readOnlyRootFilesystem"], true);
            assert_eq!(
                container["securityContext"]["capabilities"]["drop"],
                json!(["ALL"])
            );
            let has_token = container["volumeMounts"].to_string().contains("api-access");
            assert_eq!(
                has_token,
                container["name"] != "asterisk",
                "{}",
                container["name"]
            );
        }
    }
}
