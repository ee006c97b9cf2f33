//! Pretends what engines and side-cars would report; kwok pretends that their pods run.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use k8s_openapi::api::core::v1::{ConfigMap, Pod};
use kube::api::{Api, ListParams, Patch, PatchParams};
use kube::{Client, ResourceExt};
use serde_json::json;
use tokio::task::JoinHandle;
use trunkline_tenant::Tenant;
use trunkline_tenant::crds::TrunkAuthType;
use trunkline_tenant::report::{
    EngineReport, LEADER_KEY, MediaReport, MediaState, Registration, TrunkReport,
};

/// What it pretends, beside that all is well.
#[derive(Clone, Debug, Default)]
pub struct Script {
    /// What carriers do, where they don't answer: trunk → report.
    pub trunks: BTreeMap<String, TrunkReport>,
    /// Clients said to have contacts though they are no longer in the configuration.
    pub draining: Vec<String>,
    /// It says nothing new.
    pub silent: bool,
}

/// Reports for the pods of a namespace.
pub struct Puppet {
    task: JoinHandle<()>,
    /// What it pretends.
    pub script: Arc<Mutex<Script>>,
}

impl Puppet {
    /// Starts it.
    pub fn start(client: Client, namespace: String) -> Self {
        let script = Arc::new(Mutex::new(Script::default()));
        let told = script.clone();
        let task = tokio::spawn(async move {
            loop {
                // The namespace may be going, objects may be half there: the next round tells.
                let _ = round(&client, &namespace, &told).await;
                tokio::time::sleep(Duration::from_millis(300)).await;
            }
        });
        Self { task, script }
    }

    /// Ends it.
    pub fn stop(&self) {
        self.task.abort();
    }
}

async fn round(client: &Client, namespace: &str, told: &Mutex<Script>) -> kube::Result<()> {
    let configs: Api<ConfigMap> = Api::namespaced(client.clone(), namespace);
    let pods: Api<Pod> = Api::namespaced(client.clone(), namespace);
    let pods = pods.list(&ListParams::default()).await?;
    let all = configs.list(&ListParams::default()).await?;
    // Only now: whoever runs the newest of these configurations was told all that came before it.
    let script = told.lock().unwrap().clone();
    if script.silent {
        return Ok(());
    }
    let data = |name: &str| {
        all.iter()
            .find(|config| config.name_any() == name)
            .map(|config| config.data.clone().unwrap_or_default())
    };
    for config in &all {
        let Some((center, tenant, hash)) = tenant_of(config) else {
            continue;
        };
        let of = |component: &str| {
            let center = center.clone();
            let component = component.to_owned();
            pods.iter().filter(move |pod| {
                pod.labels().get("trunkline.dev/call-center") == Some(&center)
                    && pod.labels().get("app.kubernetes.io/component") == Some(&component)
                    && pod.metadata.deletion_timestamp.is_none()
            })
        };
        if let Some(pod) = of("engine").next() {
            let report = EngineReport {
                pod: pod.name_any(),
                pod_uid: pod.uid().unwrap_or_default(),
                config_hash: hash.clone(),
                epoch: 1,
                draining_clients: script
                    .draining
                    .iter()
                    .map(|name| name.as_str().into())
                    .collect(),
                ..EngineReport::default()
            };
            let text = serde_json::to_string(&report).unwrap();
            let name = format!("{center}-engine-report");
            say(&configs, data(&name), &name, LEADER_KEY, text).await?;
        }
        for pod in of("media") {
            let trunks = tenant.trunks.iter().map(|(name, trunk)| {
                let well = TrunkReport {
                    registration: match trunk.auth.kind {
                        TrunkAuthType::Registration => Registration::Registered,
                        TrunkAuthType::Address => Registration::None,
                    },
                    reachable: Some(true),
                    ..TrunkReport::default()
                };
                (
                    name.clone(),
                    script.trunks.get(name.as_str()).cloned().unwrap_or(well),
                )
            });
            let report = MediaReport {
                pod_uid: pod.uid().unwrap_or_default(),
                config_hash: hash.clone(),
                state: MediaState::Serving,
                problem: None,
                trunks: trunks.collect(),
            };
            let text = serde_json::to_string(&report).unwrap();
            let name = format!("{center}-media-report");
            say(&configs, data(&name), &name, &pod.name_any(), text).await?;
        }
    }
    Ok(())
}

/// The CallCenter, the Tenant and its hash in a tenant ConfigMap.
pub fn tenant_of(config: &ConfigMap) -> Option<(String, Tenant, String)> {
    let hash = config.data.as_ref()?.get("hash")?.clone();
    let packed = config.binary_data.as_ref()?.get("tenant.json.gz")?;
    let json = trunkline_operator::children::unpack(&packed.0).ok()?;
    let tenant: Tenant = serde_json::from_slice(&json).ok()?;
    Some((tenant.name.to_string(), tenant, hash))
}

async fn say(
    configs: &Api<ConfigMap>,
    before: Option<BTreeMap<String, String>>,
    name: &str,
    key: &str,
    text: String,
) -> kube::Result<()> {
    let Some(before) = before else { return Ok(()) };
    if before.get(key) == Some(&text) {
        return Ok(());
    }
    let patch = json!({"data": {key: text}});
    configs
        .patch(name, &PatchParams::default(), &Patch::Merge(patch))
        .await
        .map(drop)
}
