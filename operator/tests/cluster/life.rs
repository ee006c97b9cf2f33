//! A tenant's life: made by the rights that the chart gives, changed, drained, taken down.

use std::process::{Command, Stdio};
use std::time::Duration;

use kube::api::{Api, DynamicObject, Patch, PatchParams};
use serde_json::{Value, json};
use trunkline_operator::children::Kind;
use trunkline_tenant::Kind as DocKind;

use crate::faults::home::{Home, eventually, kubeconfig, root, run};
use crate::faults::tenant;

fn children(home: &Home, kind: Kind) -> Api<DynamicObject> {
    Api::namespaced_with(home.admin.clone(), &home.namespace, &kind.resource())
}

/// The operator's own program, as the account that the chart makes, in one namespace.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a control plane: tests/run.sh cluster"]
async fn the_chart_gives_the_operator_the_rights_that_it_needs() {
    let home = Home::new("chart").await;
    let kubectl = || {
        let mut command = Command::new("kubectl");
        command.arg("--kubeconfig").arg(kubeconfig());
        command
    };
    let rendered = run(Command::new("helm")
        .args(["template", "trunkline"])
        .arg(root().join("charts/trunkline"))
        .args([
            "-n",
            &home.namespace,
            "--set",
            &format!("namespaces={{{}}}", home.namespace),
            "--set",
            "userRoles.enabled=false",
        ]));
    let mut apply = kubectl()
        .args(["apply", "--server-side", "-n", &home.namespace, "-f", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    std::io::Write::write_all(apply.stdin.as_mut().unwrap(), rendered.as_bytes()).unwrap();
    assert!(apply.wait().unwrap().success());
    let token = run(kubectl().args([
        "-n",
        &home.namespace,
        "create",
        "token",
        "trunkline-operator",
    ]));
    let config = tempfile::NamedTempFile::new().unwrap();
    std::fs::copy(kubeconfig(), config.path()).unwrap();
    let with = |args: &[&str]| {
        run(Command::new("kubectl")
            .arg("--kubeconfig")
            .arg(config.path())
            .args(args));
    };
    with(&[
        "config",
        "set-credentials",
        "operator",
        "--token",
        token.trim(),
    ]);
    with(&["config", "set-context", "--current", "--user", "operator"]);
    let mut operator = Command::new(env!("CARGO_BIN_EXE_trunkline-operator"))
        .env("KUBECONFIG", config.path())
        .env("POD_NAMESPACE", &home.namespace)
        .args([
            "--engine-image=e:1",
            "--media-image=m:1",
            "--listen=127.0.0.1:0",
        ])
        .args(["--namespaces", &home.namespace])
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    for document in tenant::all("centre") {
        home.apply(&document).await;
    }
    let ready = tokio::time::timeout(
        Duration::from_secs(40),
        home.until(DocKind::CallCenter, "centre", "Ready", "True", "Serving"),
    )
    .await;
    run(Command::new("kill").arg(operator.id().to_string()));
    let ended = operator.wait().unwrap();
    ready.unwrap();
    assert!(ended.success(), "it ends well when told to: {ended}");
    let stalled = home
        .condition(DocKind::CallCenter, "centre", "Stalled")
        .await;
    assert_eq!(stalled.0, "False", "{stalled:?}");
    home.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a control plane: tests/run.sh cluster"]
async fn a_deleted_client_is_held_until_its_contacts_have_ended() {
    let home = Home::new("drain").await;
    let operator = home.operator();
    for document in tenant::all("centre") {
        home.apply(&document).await;
    }
    home.at_rest().await;
    home.puppet.script.lock().unwrap().draining = vec!["centre-acme".into()];
    home.docs(DocKind::Client)
        .delete("centre-acme", &Default::default())
        .await
        .unwrap();
    home.until(DocKind::Client, "centre-acme", "Ready", "False", "Deleting")
        .await;
    home.until(DocKind::CallCenter, "centre", "Ready", "True", "")
        .await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(
        home.get(DocKind::Client, "centre-acme").await.is_some(),
        "calls go on"
    );
    home.puppet.script.lock().unwrap().draining.clear();
    eventually("the Client gone", async || {
        home.get(DocKind::Client, "centre-acme")
            .await
            .map_or(Ok(()), |_| Err("there".to_owned()))
    })
    .await;
    // A Trunk that nobody uses, and a deadline that nobody waits for.
    let mut trunk = tenant::by_address("centre");
    trunk["spec"]["drainDeadline"] = json!("2s");
    home.apply(&trunk).await;
    home.at_rest().await;
    home.puppet.script.lock().unwrap().silent = true;
    home.docs(DocKind::Trunk)
        .delete("centre-ip", &Default::default())
        .await
        .unwrap();
    eventually("the Trunk gone by its deadline", async || {
        home.get(DocKind::Trunk, "centre-ip")
            .await
            .map_or(Ok(()), |_| Err("there".to_owned()))
    })
    .await;
    operator.stop().await;
    home.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a control plane: tests/run.sh cluster"]
async fn a_media_image_is_rolled_by_adding_a_pod_before_one_goes() {
    let home = Home::new("roll").await;
    let operator = home.operator();
    for document in tenant::all("centre") {
        home.apply(&document).await;
    }
    home.at_rest().await;
    let mut center = tenant::center("centre", 5);
    center["spec"]["telephony"] = json!({"media": {"image": "registry.example/media:2"}});
    home.apply(&center).await;
    let pods: Api<k8s_openapi::api::core::v1::Pod> =
        Api::namespaced(home.admin.clone(), &home.namespace);
    let mut fewest = usize::MAX;
    let mut most = 0;
    eventually("the roll's end", async || {
        let media: Vec<_> = pods
            .list(&Default::default())
            .await
            .unwrap()
            .items
            .into_iter()
            .filter(|pod| {
                pod.metadata
                    .name
                    .as_deref()
                    .unwrap()
                    .starts_with("centre-media-")
            })
            .collect();
        let serve = media.iter().filter(|pod| {
            let conditions = pod
                .status
                .as_ref()
                .and_then(|s| s.conditions.clone())
                .unwrap_or_default();
            pod.metadata.deletion_timestamp.is_none()
                && conditions
                    .iter()
                    .any(|c| c.type_ == "Ready" && c.status == "True")
        });
        fewest = fewest.min(serve.count());
        most = most.max(media.len());
        let new = |pod: &&k8s_openapi::api::core::v1::Pod| {
            pod.spec
                .as_ref()
                .unwrap()
                .containers
                .iter()
                .any(|c| c.image.as_deref() == Some("registry.example/media:2"))
        };
        if media.len() == 1 && media.iter().filter(new).count() == 1 && most == 2 {
            Ok(())
        } else {
            Err(format!("{} pods, most {most}", media.len()))
        }
    })
    .await;
    assert!(fewest >= 1, "a moment without a media pod");
    home.at_rest().await;
    operator.stop().await;
    home.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a control plane: tests/run.sh cluster"]
async fn a_paused_tenant_is_left_alone_and_a_sleeping_one_has_no_pods() {
    let home = Home::new("pause").await;
    let operator = home.operator();
    for document in tenant::all("centre") {
        home.apply(&document).await;
    }
    home.at_rest().await;
    let annotate = async |word: Option<&str>| {
        let patch = json!({"metadata": {"annotations": {"trunkline.dev/pause": word}}});
        home.docs(DocKind::CallCenter)
            .patch("centre", &PatchParams::default(), &Patch::Merge(patch))
            .await
            .unwrap();
    };
    annotate(Some("All")).await;
    home.quiet().await;
    children(&home, Kind::Service)
        .delete("centre-api", &Default::default())
        .await
        .unwrap();
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert!(
        children(&home, Kind::Service)
            .get_opt("centre-api")
            .await
            .unwrap()
            .is_none()
    );
    annotate(None).await;
    eventually("the Service back", async || {
        children(&home, Kind::Service)
            .get_opt("centre-api")
            .await
            .unwrap()
            .map(drop)
            .ok_or_else(|| "not there".to_owned())
    })
    .await;
    let mut center = tenant::center("centre", 5);
    center["spec"]["hibernate"] = json!(true);
    home.apply(&center).await;
    home.until(
        DocKind::CallCenter,
        "centre",
        "Ready",
        "False",
        "Hibernating",
    )
    .await;
    eventually("no pods", async || {
        let media = children(&home, Kind::StatefulSet)
            .get("centre-media")
            .await
            .unwrap();
        match media.data.pointer("/spec/replicas").and_then(Value::as_i64) {
            Some(0) => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
    .await;
    home.apply(&tenant::center("centre", 5)).await;
    home.at_rest().await;
    operator.stop().await;
    home.end().await;
}
