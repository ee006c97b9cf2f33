//! A namespace of a test's own, and operators that serve it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::Namespace;
use kube::api::{Api, DeleteParams, DynamicObject, Patch, PatchParams, PostParams};
use kube::{Client, Config};
use rand::Rng;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use trunkline_operator::controller::apply::doc_resource;
use trunkline_operator::controller::{Operator, Running};
use trunkline_operator::settings::{Images, Scope};
use trunkline_operator::telemetry::Metrics;
use trunkline_tenant::Kind as DocKind;

use super::layer::{Layer, Mutant};
use super::puppet::Puppet;

/// How long anything may take on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(45);

/// The repository's root.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Runs a command of the test's own set-up.
pub fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| {
        panic!(
            "{command:?}: {error}; PATH is {:?}",
            std::env::var_os("PATH")
        )
    });
    assert!(
        output.status.success(),
        "{command:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

/// The control plane that the tests are given, with the CRDs and pretended nodes in it.
pub fn kubeconfig() -> &'static Path {
    static READY: OnceLock<PathBuf> = OnceLock::new();
    READY.get_or_init(|| {
        let path = std::env::var_os("TRUNKLINE_TEST_KUBECONFIG")
            .or_else(|| std::env::var_os("KUBECONFIG"))
            .expect("these tests need a control plane of their own: run `tests/run.sh cluster`");
        let path = PathBuf::from(path);
        run(Command::new("kubectl")
            .arg("--kubeconfig")
            .arg(&path)
            .args(["apply", "--server-side", "-f"])
            .arg(root().join("crds/manifests"))
            // As a cluster with the Prometheus operator has it.
            .arg("-f")
            .arg(root().join("tests/faults/servicemonitors.yaml")));
        run(Command::new("kubectl")
            .arg("--kubeconfig")
            .arg(&path)
            .args([
                "wait",
                "--for=condition=Established",
                "crd/callcenters.trunkline.dev",
                "crd/clients.trunkline.dev",
                "crd/trunks.trunkline.dev",
                "crd/agents.trunkline.dev",
                "crd/servicemonitors.monitoring.coreos.com",
            ]));
        run(
            Command::new(root().join("tests/cluster/kwok.sh")) // Claims are kept when their tenants go, so no volume serves twice.
                .args(["up", "4", "900"]),
        );
        path
    })
}

/// A client under a name that the audit log shows.
pub async fn client(agent: &str) -> Client {
    let file = kube::config::Kubeconfig::read_from(kubeconfig()).unwrap();
    let mut config = Config::from_custom_kubeconfig(file, &Default::default())
        .await
        .unwrap();
    config.headers.push((
        http::header::USER_AGENT,
        http::HeaderValue::from_str(agent).unwrap(),
    ));
    Client::try_from(config).unwrap()
}

/// A namespace of a test's own.
pub struct Home {
    pub namespace: String,
    /// The test's own hands.
    pub admin: Client,
    /// What stands before the operator.
    pub layer: Arc<Layer>,
    operator: Client,
    /// Pretends the pods' reports, for as long as it is there.
    pub puppet: Puppet,
}

impl Home {
    /// A new namespace, under the restricted pod security standard.
    pub async fn new(name: &str) -> Self {
        Self::with(name, None).await
    }

    /// With a bug in the operators to come.
    pub async fn with(name: &str, mutant: Option<Mutant>) -> Self {
        let admin = client("trunkline-tests").await;
        let namespace = format!("{name}-{:05x}", rand::rng().random::<u32>() & 0xf_ffff);
        let object: Namespace = serde_json::from_value(json!({"metadata": {
            "name": namespace,
            "labels": {"pod-security.kubernetes.io/enforce": "restricted"},
        }}))
        .unwrap();
        Api::<Namespace>::all(admin.clone())
            .create(&PostParams::default(), &object)
            .await
            .unwrap();
        let layer = Layer::new(mutant);
        Self {
            operator: layer.client(client("trunkline-operator").await),
            puppet: Puppet::start(admin.clone(), namespace.clone()),
            namespace,
            admin,
            layer,
        }
    }

    /// An operator for this namespace that leads.
    pub fn operator(&self) -> Started {
        let (leads, heard) = watch::channel(true);
        self.operator_that(leads, heard)
    }

    /// An operator that leads when it is told.
    pub fn operator_that(
        &self,
        leads: watch::Sender<bool>,
        heard: watch::Receiver<bool>,
    ) -> Started {
        let metrics = Arc::new(Metrics::default());
        let operator = Operator {
            client: self.operator.clone(),
            images: Images {
                engine: "registry.example/engine:1".into(),
                media: "registry.example/media:1".into(),
                pull_policy: "IfNotPresent".into(),
            },
            scope: Scope::Namespaces(vec![self.namespace.clone()]),
            concurrency: 8,
            instance: "test".into(),
            metrics: metrics.clone(),
        };
        let (stop, stopped) = watch::channel(false);
        let (ready, caught_up) = watch::channel(false);
        let task = tokio::spawn(operator.run(Running {
            leads: heard,
            ready,
            stop: stopped,
        }));
        Started {
            task,
            stop,
            metrics,
            caught_up,
            _leads: leads,
        }
    }

    pub fn docs(&self, kind: DocKind) -> Api<DynamicObject> {
        Api::namespaced_with(self.admin.clone(), &self.namespace, &doc_resource(kind))
    }

    /// Applies a document as a person would.
    pub async fn apply(&self, document: &Value) {
        let resource = match document["kind"].as_str().unwrap() {
            "Secret" => kube::api::ApiResource::erase::<k8s_openapi::api::core::v1::Secret>(&()),
            kind => doc_resource(
                DocKind::ALL
                    .into_iter()
                    .find(|known| known.as_str() == kind)
                    .unwrap(),
            ),
        };
        let api: Api<DynamicObject> =
            Api::namespaced_with(self.admin.clone(), &self.namespace, &resource);
        let params = PatchParams::apply("person").force();
        api.patch(
            document["metadata"]["name"].as_str().unwrap(),
            &params,
            &Patch::Apply(document),
        )
        .await
        .unwrap();
    }

    /// A document as it stands.
    pub async fn get(&self, kind: DocKind, name: &str) -> Option<DynamicObject> {
        self.docs(kind).get_opt(name).await.unwrap()
    }

    /// A condition's status and reason.
    pub async fn condition(&self, kind: DocKind, name: &str, condition: &str) -> (String, String) {
        let Some(object) = self.get(kind, name).await else {
            return (String::new(), String::new());
        };
        condition_of(&object, condition)
    }

    /// Waits until a document has a condition with that status and reason.
    pub async fn until(
        &self,
        kind: DocKind,
        name: &str,
        condition: &str,
        status: &str,
        reason: &str,
    ) {
        let wanted = (status.to_owned(), reason.to_owned());
        eventually(
            &format!("{kind} {name}: {condition}={status} ({reason})"),
            async || {
                let is = self.condition(kind, name, condition).await;
                let good = is.0 == wanted.0 && (reason.is_empty() || is.1 == wanted.1);
                if good { Ok(()) } else { Err(format!("{is:?}")) }
            },
        )
        .await;
    }

    /// Waits until everything is Ready at its newest generation, and nothing is written any more.
    pub async fn at_rest(&self) {
        eventually("the tenant at rest", async || {
            for kind in DocKind::ALL {
                for object in self.docs(kind).list(&Default::default()).await.unwrap() {
                    let ready = condition_of(&object, "Ready");
                    let rolling = condition_of(&object, "Reconciling");
                    let observed = object
                        .data
                        .pointer("/status/observedGeneration")
                        .and_then(Value::as_i64);
                    if ready.0 != "True"
                        || rolling.0 == "True"
                        || observed != object.metadata.generation
                    {
                        return Err(format!(
                            "{kind} {}: {ready:?} {rolling:?}: {}",
                            object.metadata.name.clone().unwrap(),
                            object.data["status"]["conditions"]
                        ));
                    }
                }
            }
            Ok(())
        })
        .await;
        self.quiet().await;
    }

    /// Waits until an operator, sound or not, has done what it will: at rest if it is sound.
    pub async fn settled(&self, mutant: Option<Mutant>) {
        if mutant.is_none() {
            self.at_rest().await;
            return;
        }
        let resource = trunkline_operator::children::Kind::StatefulSet.resource();
        let api: Api<DynamicObject> =
            Api::namespaced_with(self.admin.clone(), &self.namespace, &resource);
        eventually("the last child", async || {
            let engine = api.get_opt("centre-engine").await.unwrap();
            engine.map(drop).ok_or_else(|| "not yet".to_owned())
        })
        .await;
        tokio::time::sleep(Duration::from_secs(3)).await;
    }

    /// Waits until the operator has written nothing for a while.
    pub async fn quiet(&self) {
        let begun = Instant::now();
        let mut last = (self.layer.writes().len(), Instant::now());
        while last.1.elapsed() < Duration::from_millis(1200) {
            assert!(
                begun.elapsed() < PATIENCE,
                "still writing: {:?}",
                self.layer.writes()
            );
            tokio::time::sleep(Duration::from_millis(100)).await;
            let now = self.layer.writes().len();
            if now != last.0 {
                last = (now, Instant::now());
            }
        }
    }

    /// Everything goes; the namespace's end is not waited for.
    pub async fn end(self) {
        self.puppet.stop();
        for kind in DocKind::ALL {
            let api = self.docs(kind);
            for object in api.list(&Default::default()).await.unwrap() {
                let name = object.metadata.name.unwrap();
                let patch = json!({"metadata": {"finalizers": null}});
                let _ = api
                    .patch(&name, &PatchParams::default(), &Patch::Merge(patch))
                    .await;
            }
        }
        let _ = Api::<Namespace>::all(self.admin.clone())
            .delete(&self.namespace, &DeleteParams::default())
            .await;
    }
}

/// A condition's status and reason; empty where it isn't there.
pub fn condition_of(object: &DynamicObject, condition: &str) -> (String, String) {
    let text = |value: &Value, key: &str| value[key].as_str().unwrap_or_default().to_owned();
    object
        .data
        .pointer("/status/conditions")
        .and_then(Value::as_array)
        .and_then(|list| list.iter().find(|c| c["type"] == condition))
        .map(|found| (text(found, "status"), text(found, "reason")))
        .unwrap_or_default()
}

/// Tries until it holds; tells what was so at the end.
pub async fn eventually(what: &str, mut attempt: impl AsyncFnMut() -> Result<(), String>) {
    let begun = Instant::now();
    loop {
        match attempt().await {
            Ok(()) => return,
            Err(so) => assert!(
                begun.elapsed() < PATIENCE,
                "never came about: {what}; at the end {so}"
            ),
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// An operator that runs.
pub struct Started {
    task: JoinHandle<()>,
    stop: watch::Sender<bool>,
    pub metrics: Arc<Metrics>,
    caught_up: watch::Receiver<bool>,
    _leads: watch::Sender<bool>,
}

impl Started {
    /// Waits until its caches are whole.
    pub async fn caught_up(&self) {
        let mut caught_up = self.caught_up.clone();
        caught_up.wait_for(|whole| *whole).await.unwrap();
    }

    /// It dies where it stands.
    pub async fn crash(self) {
        self.task.abort();
        let _ = self.task.await;
    }

    /// It ends in order.
    pub async fn stop(self) {
        let _ = self.stop.send(true);
        self.task.await.unwrap();
    }
}
