//! Children that come and go with the spec, and what is told of them.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{Secret, Service};
use kube::ResourceExt;
use kube::api::{Api, DynamicObject, Patch, PatchParams, PostParams};
use serde_json::{Value, json};
use trunkline_operator::children::Kind;
use trunkline_tenant::Kind as DocKind;

use crate::faults::home::{Home, eventually};
use crate::faults::tenant;

async fn annotate(home: &Home, annotations: Value) {
    let patch = json!({"metadata": {"annotations": annotations}});
    home.docs(DocKind::CallCenter)
        .patch("centre", &PatchParams::default(), &Patch::Merge(patch))
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a control plane: tests/run.sh cluster"]
async fn services_that_the_spec_no_longer_wants_go_and_a_strangers_stay() {
    let home = Home::new("sweep").await;
    let operator = home.operator();
    for document in tenant::all("centre") {
        home.apply(&document).await;
    }
    // Ports that no other Service is given by chance.
    annotate(&home, json!({"trunkline.dev/rtp-base": "30000"})).await;
    let mut center = tenant::center("centre", 5);
    center["spec"]["telephony"] = json!({"exposure": {"type": "PerPodService"}});
    home.apply(&center).await;
    home.at_rest().await;
    let services: Api<Service> = Api::namespaced(home.admin.clone(), &home.namespace);
    let names = async || -> BTreeSet<String> {
        let all = services.list(&Default::default()).await.unwrap();
        all.iter().map(ResourceExt::name_any).collect()
    };
    assert!(names().await.contains("centre-media-0"));
    // By their labels they could be ours; one is nobody's, one was made for a CallCenter that is no more.
    for (name, owner) in [("nobodys", None), ("anothers", Some("another-uid"))] {
        let mut labels = json!({
            "app.kubernetes.io/managed-by": "trunkline-operator",
            "trunkline.dev/call-center": "centre",
        });
        if let Some(owner) = owner {
            labels["trunkline.dev/owner"] = json!(owner);
        }
        let stranger: Service = serde_json::from_value(json!({
            "metadata": {"name": name, "labels": labels},
            "spec": {"ports": [{"name": "http", "port": 80, "protocol": "TCP"}]},
        }))
        .unwrap();
        services
            .create(&PostParams::default(), &stranger)
            .await
            .unwrap();
    }
    home.apply(&tenant::center("centre", 5)).await;
    eventually("the pod's own Service gone", async || match names().await {
        names if names.contains("centre-media-0") => Err(format!("{names:?}")),
        _ => Ok(()),
    })
    .await;
    home.at_rest().await;
    let wanted = [
        "anothers",
        "centre-api",
        "centre-media",
        "centre-sip",
        "nobodys",
    ];
    assert_eq!(names().await, wanted.map(str::to_owned).into());
    operator.stop().await;
    home.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a control plane: tests/run.sh cluster"]
async fn a_tenant_that_sleeps_is_given_new_secrets_when_its_annotation_asks_for_them() {
    let home = Home::new("rotate").await;
    let operator = home.operator();
    for document in tenant::all("centre") {
        home.apply(&document).await;
    }
    home.at_rest().await;
    let secrets: Api<Secret> = Api::namespaced(home.admin.clone(), &home.namespace);
    let values = async || {
        let value = async |name: &str, key: &str| {
            let data = secrets.get(name).await.unwrap().data.unwrap();
            data[key].0.clone()
        };
        [
            value("centre-keys", "tenant-key").await,
            value("centre-api", "admin-token").await,
            // Derived from the tenant's key.
            value("centre-agents-0", "centre-maria").await,
        ]
    };
    let mut center = tenant::center("centre", 5);
    center["spec"]["hibernate"] = json!(true);
    home.apply(&center).await;
    let asleep = async || {
        home.until(
            DocKind::CallCenter,
            "centre",
            "Ready",
            "False",
            "Hibernating",
        )
        .await;
        home.quiet().await;
    };
    asleep().await;
    let before = values().await;
    annotate(&home, json!({"somebody": "looked"})).await;
    asleep().await;
    assert_eq!(values().await, before, "nobody has asked");
    annotate(&home, json!({"trunkline.dev/rotate": "2"})).await;
    eventually("new secrets", async || {
        let now = values().await;
        let old = now.iter().zip(&before).filter(|(now, old)| now == old);
        match old.count() {
            0 => Ok(()),
            n => Err(format!("{n} are the old ones")),
        }
    })
    .await;
    home.quiet().await;
    let after = values().await;
    center["spec"]["hibernate"] = json!(false);
    home.apply(&center).await;
    home.at_rest().await;
    assert_eq!(values().await, after, "made once");
    operator.stop().await;
    home.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a control plane: tests/run.sh cluster"]
async fn service_monitors_are_made_where_the_cluster_knows_them_and_when_it_comes_to() {
    let home = Home::new("monitor").await;
    let resource = Kind::ServiceMonitor.resource();
    let monitors: Api<DynamicObject> =
        Api::namespaced_with(home.admin.clone(), &home.namespace, &resource);
    let there = async || monitors.get_opt("centre").await.unwrap().is_some();
    home.layer.hide(Some("/apis/monitoring.coreos.com"));
    let operator = home.operator();
    for document in tenant::all("centre") {
        home.apply(&document).await;
    }
    home.at_rest().await;
    assert!(!there().await, "this cluster doesn't know them yet");
    home.layer.hide(None);
    eventually("a ServiceMonitor", async || {
        there().await.then_some(()).ok_or_else(|| "none".to_owned())
    })
    .await;
    home.at_rest().await;
    // It is watched from then on.
    monitors
        .delete("centre", &Default::default())
        .await
        .unwrap();
    eventually("the ServiceMonitor back", async || {
        there().await.then_some(()).ok_or_else(|| "none".to_owned())
    })
    .await;
    let monitor = monitors.get("centre").await.unwrap();
    let labels = &monitor.data["spec"]["selector"]["matchLabels"];
    let port = &monitor.data["spec"]["endpoints"][0]["port"];
    let services: Api<Service> = Api::namespaced(home.admin.clone(), &home.namespace);
    let selected: Vec<Service> = services
        .list(&Default::default())
        .await
        .unwrap()
        .into_iter()
        .filter(|service| {
            let wanted = labels.as_object().unwrap();
            wanted
                .iter()
                .all(|(k, v)| service.labels().get(k).map(String::as_str) == v.as_str())
        })
        .collect();
    let names: Vec<String> = selected.iter().map(ResourceExt::name_any).collect();
    assert_eq!(names, ["centre-api"], "what it selects");
    let ports = selected[0].spec.as_ref().unwrap().ports.as_ref().unwrap();
    assert!(ports.iter().any(|p| p.name.as_deref() == port.as_str()));
    home.at_rest().await;
    operator.stop().await;
    // An operator that starts where they are known finds all as it should be.
    let successor = home.operator();
    successor.caught_up().await;
    home.at_rest().await;
    assert!(there().await);
    successor.stop().await;
    home.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a control plane: tests/run.sh cluster"]
async fn the_status_says_where_carriers_send_their_calls_by_whatever_way_the_entry_service_is_reached()
 {
    let home = Home::new("entry").await;
    let operator = home.operator();
    for document in tenant::all("centre") {
        home.apply(&document).await;
    }
    home.at_rest().await;
    let services: Api<Service> = Api::namespaced(home.admin.clone(), &home.namespace);
    let pods: Api<k8s_openapi::api::core::v1::Pod> =
        Api::namespaced(home.admin.clone(), &home.namespace);
    let spec = async || services.get("centre-sip").await.unwrap().spec.unwrap();
    let told = async |wanted: &[String]| {
        eventually(&format!("addresses {wanted:?}"), async || {
            let object = home.get(DocKind::CallCenter, "centre").await.unwrap();
            let told = object.data["status"].get("addresses").cloned();
            let told = told.unwrap_or(json!([]));
            match told == json!(wanted) {
                true => Ok(()),
                false => Err(told.to_string()),
            }
        })
        .await;
    };
    let media = pods.get("centre-media-0").await.unwrap();
    let node = media.status.unwrap().host_ip.unwrap();
    let port = spec().await.ports.unwrap()[0].node_port.unwrap();
    told(&[format!("{node}:{port}")]).await;

    annotate(&home, json!({"trunkline.dev/sip-service": "ClusterIP"})).await;
    eventually("a Service inside the cluster", async || {
        let kind = spec().await.type_;
        (kind.as_deref() == Some("ClusterIP"))
            .then_some(())
            .ok_or(format!("{kind:?}"))
    })
    .await;
    told(&[format!("{}:5060", spec().await.cluster_ip.unwrap())]).await;

    annotate(&home, json!({"trunkline.dev/sip-service": "LoadBalancer"})).await;
    told(&[]).await;
    // What a cloud's controller would say.
    let balancer = json!({"status": {"loadBalancer": {"ingress": [
        {"ip": "2001:db8::7", "ipMode": "VIP"}, {"hostname": "lb.example"},
    ]}}});
    services
        .patch_status(
            "centre-sip",
            &PatchParams::default(),
            &Patch::Merge(balancer),
        )
        .await
        .unwrap();
    told(&[
        "[2001:db8::7]:5060".to_owned(),
        "lb.example:5060".to_owned(),
    ])
    .await;
    home.at_rest().await;
    operator.stop().await;
    home.end().await;
}
