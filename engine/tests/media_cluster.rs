//! The side-car against a real API server: it follows what the operator writes with no more rights
//! than the operator gives it, and reports.
//!
//! `KUBECONFIG=… cargo test -p trunkline-engine --test media_cluster -- --ignored`

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test"
)]

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use k8s_openapi::ByteString;
use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Secret, ServiceAccount};
use k8s_openapi::api::rbac::v1::{Role, RoleBinding};
use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use kube::config::Kubeconfig;
use kube::{Api, Client};
use serde::de::DeserializeOwned;
use serde_json::{Value as Json, json};
use tokio::process::Command;
use tokio::time::{Instant, sleep};
use trunkline_engine::config::{HASH_KEY, TENANT_KEY, pack};
use trunkline_tenant::Tenant;
use trunkline_tenant::report::MediaReport;

const POD: &str = "northwind-media-0";

/// Two seconds are promised; a machine that is busy with other tests may take a few more.
const SOON: Duration = Duration::from_secs(10);

/// The small tenant with two trunks; the second's number may come by the first too, or not.
fn tenant(numbers: Json) -> Tenant {
    let read = |text| serde_json::from_str::<Json>(text).unwrap();
    let mut tenant = read(include_str!("fixtures/tenant.json"));
    for (key, value) in read(include_str!("fixtures/media.json"))
        .as_object()
        .unwrap()
    {
        tenant[key] = value.clone();
    }
    tenant["trunks"]["carrier-a"]["numbers"] = numbers;
    serde_json::from_value(tenant).unwrap()
}

/// A namespace of its own.
struct Home {
    client: Client,
    name: String,
}

impl Home {
    async fn new() -> Self {
        let client = Client::try_default()
            .await
            .expect("KUBECONFIG names a cluster");
        let name = format!("media-{}", std::process::id());
        let namespaces: Api<Namespace> = Api::all(client.clone());
        let namespace = serde_json::from_value(json!({"metadata": {"name": name}})).unwrap();
        namespaces
            .create(&PostParams::default(), &namespace)
            .await
            .unwrap();
        Self { client, name }
    }

    fn api<K>(&self) -> Api<K>
    where
        K: kube::Resource<Scope = k8s_openapi::NamespaceResourceScope, DynamicType = ()>,
    {
        Api::namespaced(self.client.clone(), &self.name)
    }

    async fn put<K>(&self, name: &str, object: Json)
    where
        K: kube::Resource<Scope = k8s_openapi::NamespaceResourceScope, DynamicType = ()>
            + Clone
            + DeserializeOwned
            + serde::Serialize
            + std::fmt::Debug,
    {
        let mut object = object;
        object["apiVersion"] = json!(K::api_version(&()));
        object["kind"] = json!(K::kind(&()));
        object["metadata"] = json!({"name": name});
        let params = PatchParams::apply("test").force();
        let patched = self
            .api::<K>()
            .patch(name, &params, &Patch::Apply(object))
            .await;
        patched.unwrap();
    }

    async fn put_tenant(&self, tenant: &Tenant) -> String {
        let (packed, hash) = pack(tenant).unwrap();
        let config = json!({
            "data": {HASH_KEY: hash},
            "binaryData": {TENANT_KEY: ByteString(packed)},
        });
        self.put::<ConfigMap>("northwind-tenant", config).await;
        hash
    }

    async fn put_secret(&self, name: &str, data: &[(&str, &str)]) {
        let data: BTreeMap<_, _> = data.iter().copied().collect();
        self.put::<Secret>(name, json!({"stringData": data})).await;
    }

    /// A kubeconfig with the rights of a media pod's side-car, by name, and no other.
    async fn kubeconfig(&self, path: &Path) {
        self.put::<ServiceAccount>("media", json!({})).await;
        let named = |resource: &str, names: Json, verbs: Json| json!({"apiGroups": [""], "resources": [resource], "resourceNames": names, "verbs": verbs});
        let read = json!(["get", "list", "watch"]);
        let rules = json!({"rules": [
            named("configmaps", json!(["northwind-tenant", "northwind-prompts"]), read.clone()),
            named("secrets", json!(["northwind-agents-0", "carrier-b"]), read),
            named("configmaps", json!(["northwind-media-report"]), json!(["get", "patch"])),
        ]});
        self.put::<Role>("media", rules).await;
        let binding = json!({
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "media"},
            "subjects": [{"kind": "ServiceAccount", "name": "media", "namespace": self.name}],
        });
        self.put::<RoleBinding>("media", binding).await;
        let request = TokenRequest {
            spec: Some(TokenRequestSpec::default()),
            ..TokenRequest::default()
        };
        let accounts: Api<ServiceAccount> = self.api();
        let token = accounts
            .create_token_request("media", &PostParams::default(), &request)
            .await
            .unwrap();
        let mut config = serde_json::to_value(Kubeconfig::read().unwrap()).unwrap();
        let token = token.status.unwrap().token;
        for user in config["users"].as_array_mut().unwrap() {
            user["user"] = json!({"token": token});
        }
        std::fs::write(path, config.to_string()).unwrap();
    }

    async fn report(&self) -> Option<MediaReport> {
        let reports: Api<ConfigMap> = self.api();
        let data = reports.get("northwind-media-report").await.unwrap().data?;
        Some(serde_json::from_str(data.get(POD)?).unwrap())
    }
}

/// How long until the file says so.
async fn until(path: &Path, holds: impl Fn(&str) -> bool) -> Duration {
    let begun = Instant::now();
    loop {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        if holds(&text) {
            return begun.elapsed();
        }
        assert!(
            begun.elapsed() < Duration::from_secs(45),
            "{}: {text}",
            path.display()
        );
        sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
#[ignore = "needs a cluster"]
async fn a_change_of_the_tenant_or_of_a_secret_is_rendered_within_two_seconds() {
    let home = Home::new().await;
    let scratch = tempfile::tempdir().unwrap();
    let path = |name: &str| scratch.path().join(name);
    std::fs::write(path("key"), "0123456789abcdef").unwrap();
    home.put::<ConfigMap>("northwind-media-report", json!({}))
        .await;
    home.put_secret("northwind-agents-0", &[("maria", "first"), ("noah", "n")])
        .await;
    home.kubeconfig(&path("kubeconfig")).await;
    let one = home.put_tenant(&tenant(json!(["+18005550100"]))).await;

    let _side_car = Command::new(env!("CARGO_BIN_EXE_trunkline-engine"))
        .args([
            "media-sidecar",
            "--call-center",
            "northwind",
            "--namespace",
            &home.name,
        ])
        .args(["--pod", POD, "--pod-uid", "uid-1", "--pod-ip", "127.0.0.1"])
        .args([
            "--ami",
            "127.0.0.1:1",
            "--ari-port",
            "1",
            "--listen",
            "127.0.0.1:0",
        ])
        .arg("--key")
        .arg(path("key"))
        .arg("--etc")
        .arg(path("etc"))
        .arg("--lib")
        .arg(path("lib"))
        .env("KUBECONFIG", path("kubeconfig"))
        .env_remove("KUBERNETES_SERVICE_HOST")
        .kill_on_drop(true)
        .spawn()
        .unwrap();

    let agents = path("etc/pjsip.d/agents.conf");
    let dialplan = path("etc/extensions.conf");
    until(&agents, |text| text.contains("password = first")).await;
    assert!(
        !path("etc/pjsip.d/trunk-carrier-b.conf").exists(),
        "its Secret isn't there yet"
    );
    let report = loop {
        match home.report().await {
            Some(report) if !report.trunks.is_empty() || report.problem.is_some() => break report,
            _ => sleep(Duration::from_millis(50)).await,
        }
    };
    assert_eq!(
        (report.pod_uid.as_str(), report.config_hash.as_str()),
        ("uid-1", "")
    );
    assert!(
        report
            .problem
            .unwrap()
            .contains("northwind-prompts has no key welcome.wav")
    );

    home.put_secret("northwind-agents-0", &[("maria", "second"), ("noah", "n")])
        .await;
    let secret = until(&agents, |text| text.contains("password = second")).await;
    let two = home.put_tenant(&tenant(json!(["+4930*"]))).await;
    assert_ne!(one, two);
    let config = until(&dialplan, |text| {
        let (_, a) = text
            .split_once("[trunk_carrier-a.numbers]")
            .unwrap_or_default();
        a.contains("+493055500") && !a.contains("+18005550100")
    })
    .await;
    home.put_secret("carrier-b", &[("username", "u"), ("password", "p")])
        .await;
    let trunk = until(&path("etc/pjsip.d/trunk-carrier-b.conf"), |text| {
        text.contains("type = registration")
    })
    .await;
    println!("rendered after: a Secret {secret:?}, the tenant {config:?}, a new Secret {trunk:?}");
    assert!(secret.max(config).max(trunk) < SOON);

    let namespaces: Api<Namespace> = Api::all(home.client.clone());
    namespaces
        .delete(&home.name, &DeleteParams::default())
        .await
        .unwrap();
}
