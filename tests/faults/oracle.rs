//! What judges: a namespace's state with all that may differ between two runs taken out, and
//! an independent reading of whether a spec is satisfied.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{ConfigMap, Pod};
use kube::api::{Api, DynamicObject, ListParams};
use serde_json::{Value, json};
use trunkline_operator::children::Kind;
use trunkline_tenant::Kind as DocKind;

use super::home::{Home, condition_of};
use super::puppet::tenant_of;

/// Children by kind and name, with what is owned of them; documents with their conditions.
pub async fn state(home: &Home) -> BTreeMap<String, Value> {
    let mut all = BTreeMap::new();
    for kind in Kind::ALL {
        for object in children(home, kind).await {
            let name = object.metadata.name.clone().unwrap();
            all.insert(format!("{kind}/{name}"), normal(home, &object));
        }
    }
    for kind in DocKind::ALL {
        for object in home.docs(kind).list(&ListParams::default()).await.unwrap() {
            let name = object.metadata.name.clone().unwrap();
            let conditions = object
                .data
                .pointer("/status/conditions")
                .and_then(Value::as_array)
                .cloned();
            let told: BTreeMap<String, String> = conditions
                .unwrap_or_default()
                .iter()
                .map(|c| {
                    (
                        c["type"].to_string(),
                        format!("{} {}", c["status"], c["reason"]),
                    )
                })
                .collect();
            all.insert(
                format!("{kind}/{name}"),
                json!({"finalizers": object.metadata.finalizers, "conditions": told}),
            );
        }
    }
    all
}

/// The children of a kind, by label.
pub async fn children(home: &Home, kind: Kind) -> Vec<DynamicObject> {
    let api: Api<DynamicObject> =
        Api::namespaced_with(home.admin.clone(), &home.namespace, &kind.resource());
    let ours = ListParams::default().labels("app.kubernetes.io/managed-by=trunkline-operator");
    api.list(&ours).await.unwrap().items
}

fn normal(home: &Home, object: &DynamicObject) -> Value {
    let mut value = serde_json::to_value(object).unwrap();
    let controller = object.metadata.owner_references.clone().unwrap_or_default();
    let secret_keys: Vec<String> = ["/data", "/binaryData"]
        .iter()
        .filter_map(|path| value.pointer(path)?.as_object())
        .flat_map(|map| map.keys().cloned())
        .collect();
    let uid_label = value
        .pointer("/metadata/labels/trunkline.dev~1owner")
        .cloned();
    let top = value.as_object_mut().unwrap();
    let labels = top["metadata"]["labels"].take();
    let annotations = top["metadata"]["annotations"].clone();
    top.insert(
        "metadata".into(),
        json!({
            "labels": labels,
            "marked": annotations["trunkline.dev/applied"].is_string(),
            "owners": controller.iter().map(|owner| json!([owner.kind, owner.name, owner.controller])).collect::<Vec<_>>(),
        }),
    );
    top.remove("status");
    // Values are random, derived, or name the namespace: that they are there is what counts.
    top.remove("data");
    top.remove("binaryData");
    top.insert("keys".into(), json!(secret_keys));
    let mut text = value.to_string().replace(&home.namespace, "NAMESPACE");
    if let Some(Value::String(uid)) = uid_label {
        text = text.replace(&uid, "UID");
    }
    let mut value: Value = serde_json::from_str(&text).unwrap();
    for path in [
        "clusterIP",
        "clusterIPs",
        "volumeName",
        "healthCheckNodePort",
    ] {
        if let Some(spec) = value["spec"].as_object_mut() {
            spec.remove(path);
        }
    }
    if let Some(ports) = value
        .pointer_mut("/spec/ports")
        .and_then(Value::as_array_mut)
    {
        for port in ports {
            port.as_object_mut().unwrap().remove("nodePort");
        }
    }
    value
}

/// Whether the CallCenter's spec is satisfied, by what the cluster holds; written without the
/// operator's own code for it. `marker`: the wrap-up, in seconds, that the spec now asks for.
pub async fn satisfied(home: &Home, center: &str, marker: u64) -> Result<(), String> {
    let configs: Api<ConfigMap> = Api::namespaced(home.admin.clone(), &home.namespace);
    let config = configs
        .get_opt(&format!("{center}-tenant"))
        .await
        .unwrap()
        .ok_or("no tenant ConfigMap")?;
    let (_, tenant, hash) = tenant_of(&config).ok_or("the tenant ConfigMap can't be read")?;
    let runs = tenant.teams.values().next().ok_or("no team")?.wrap_up.get();
    if runs != marker {
        return Err(format!(
            "the configuration has {runs} s of wrap-up, the spec {marker} s"
        ));
    }
    let report = configs
        .get_opt(&format!("{center}-engine-report"))
        .await
        .unwrap()
        .ok_or("no report")?;
    let report: Value = serde_json::from_str(
        report
            .data
            .as_ref()
            .and_then(|data| data.get("leader"))
            .ok_or("no engine reports")?,
    )
    .map_err(|error| error.to_string())?;
    if report["configHash"] != json!(hash) {
        return Err("the engine runs another configuration".to_owned());
    }
    let pods: Api<Pod> = Api::namespaced(home.admin.clone(), &home.namespace);
    for component in ["engine", "media"] {
        let selector =
            format!("trunkline.dev/call-center={center},app.kubernetes.io/component={component}");
        let pods = pods
            .list(&ListParams::default().labels(&selector))
            .await
            .unwrap();
        let ready = pods.iter().any(|pod| {
            pod.metadata.deletion_timestamp.is_none()
                && pod
                    .status
                    .as_ref()
                    .and_then(|status| status.conditions.as_ref())
                    .is_some_and(|list| {
                        list.iter()
                            .any(|c| c.type_ == "Ready" && c.status == "True")
                    })
        });
        if !ready {
            return Err(format!("no {component} pod is Ready"));
        }
    }
    Ok(())
}

/// What the CallCenter claims: its generation, where it calls itself Ready for that.
pub async fn claims_ready(home: &Home, center: &str) -> Option<i64> {
    let object = home.get(DocKind::CallCenter, center).await?;
    let observed = object
        .data
        .pointer("/status/observedGeneration")
        .and_then(Value::as_i64);
    let ready = condition_of(&object, "Ready").0 == "True";
    (ready && observed == object.metadata.generation).then_some(observed?)
}
