//! The tenant from the API server: the ConfigMap that the operator writes, and the Secrets and
//! ConfigMaps that it names, each watched by its name. Mounted volumes would show a change after
//! up to a minute; a watch shows it at once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures::{StreamExt, TryStreamExt};
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::api::{Patch, PatchParams};
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, Client};
use serde_json::json;
use tokio::sync::mpsc;
use tokio::task::{AbortHandle, JoinSet};
use trunkline_tenant::crds::CallCenterName;
use trunkline_tenant::report::MediaReport;

use super::assemble::{Content, Named, assemble, named};
use crate::config::{HASH_KEY, Loaded, TENANT_KEY};
use crate::media::inputs::{Inputs, SecretData};
use crate::media::keeper::Order;

/// The key in the tenant's ConfigMap under which the operator may name the pod that registers
/// the trunks.
const REGISTRAR_KEY: &str = "registrar";

/// Whose tenant, and for which pod.
#[derive(Clone)]
pub(in crate::media) struct Cluster {
    pub(in crate::media) client: Client,
    pub(in crate::media) namespace: String,
    pub(in crate::media) center: CallCenterName,
    pub(in crate::media) pod: String,
}

/// What a watch has seen.
enum Seen {
    Tenant(Option<Box<ConfigMap>>),
    Object(Named, Content),
}

impl Cluster {
    pub(super) async fn follow(self, orders: mpsc::Sender<Order>) {
        let (seen, mut changes) = mpsc::channel(64);
        let mut picture = Picture {
            watches: JoinSet::new(),
            watched: BTreeMap::new(),
            cluster: self,
            tenant: None,
            contents: BTreeMap::new(),
            last: None,
            seen,
        };
        picture.watch_tenant();
        while let Some(change) = changes.recv().await {
            picture.take(change);
            // what came together is rendered together
            while let Ok(change) = changes.try_recv() {
                picture.take(change);
            }
            if let Some(inputs) = picture.changed_inputs()
                && orders.send(Order::Run(Arc::new(inputs))).await.is_err()
            {
                return;
            }
        }
    }

    fn configs(&self) -> Api<ConfigMap> {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    /// A merge patch of the own key: no pod overwrites another, and nothing is read first.
    pub(super) async fn write_report(&self, pod: &str, report: &MediaReport) -> anyhow::Result<()> {
        let name = format!("{}-media-report", self.center);
        let patch = json!({"data": {pod: serde_json::to_string(report)?}});
        let (api, params) = (self.configs(), PatchParams::default());
        api.patch(&name, &params, &Patch::Merge(patch)).await?;
        Ok(())
    }
}

struct Picture {
    cluster: Cluster,
    seen: mpsc::Sender<Seen>,
    watches: JoinSet<()>,
    watched: BTreeMap<Named, AbortHandle>,
    tenant: Option<(Loaded, Option<String>)>,
    contents: BTreeMap<Named, Content>,
    last: Option<Inputs>,
}

impl Picture {
    fn take(&mut self, change: Seen) {
        match change {
            Seen::Object(named, content) => {
                if self.watched.contains_key(&named) {
                    self.contents.insert(named, content);
                }
            }
            Seen::Tenant(None) => {
                tracing::warn!("the tenant's ConfigMap isn't there; what runs goes on");
            }
            Seen::Tenant(Some(config)) => match unpack(&config) {
                Ok(tenant) => {
                    self.watch_only(&named(&tenant.0.tenant));
                    self.tenant = Some(tenant);
                }
                Err(error) => {
                    tracing::error!(
                        error = format!("{error:#}"),
                        "the tenant can't be read; what runs goes on"
                    );
                }
            },
        }
    }

    /// What is to be run, once everything that the tenant names has been looked for, and only
    /// where it differs from what was sent last.
    fn changed_inputs(&mut self) -> Option<Inputs> {
        let (loaded, registrar) = self.tenant.as_ref()?;
        if self
            .watched
            .keys()
            .any(|named| !self.contents.contains_key(named))
        {
            return None;
        }
        let pod = &self.cluster.pod;
        let inputs = assemble(loaded, &self.contents, registrar.as_deref(), pod);
        if self.last.as_ref().is_some_and(|last| last.same(&inputs)) {
            return None;
        }
        self.last = Some(inputs.clone());
        Some(inputs)
    }

    fn watch_tenant(&mut self) {
        let name = format!("{}-tenant", self.cluster.center);
        let seen = self.seen.clone();
        self.watches.spawn(watch(
            self.cluster.configs(),
            name,
            move |config: Option<Option<ConfigMap>>| {
                let seen = seen.clone();
                async move {
                    match config {
                        Some(config) => {
                            let config = config.map(Box::new);
                            seen.send(Seen::Tenant(config)).await.is_ok()
                        }
                        None => true,
                    }
                }
            },
        ));
    }

    fn watch_only(&mut self, wanted: &BTreeSet<Named>) {
        self.watched.retain(|named, watch| {
            let keep = wanted.contains(named);
            if !keep {
                watch.abort();
                self.contents.remove(named);
            }
            keep
        });
        for named in wanted {
            if !self.watched.contains_key(named) {
                let handle = self.watch_object(named.clone());
                self.watched.insert(named.clone(), handle);
            }
        }
    }

    fn watch_object(&mut self, named: Named) -> AbortHandle {
        let client = self.cluster.client.clone();
        let namespace = self.cluster.namespace.clone();
        let report = Report {
            named: named.clone(),
            seen: self.seen.clone(),
        };
        match named {
            Named::Secret(name) => {
                let api: Api<Secret> = Api::namespaced(client, &namespace);
                self.watches.spawn(watch(api, name, move |found| {
                    report
                        .clone()
                        .send(found.map(|found| found.map(secret_data)))
                }))
            }
            Named::ConfigMap(name) => {
                let api: Api<ConfigMap> = Api::namespaced(client, &namespace);
                self.watches.spawn(watch(api, name, move |found| {
                    report
                        .clone()
                        .send(found.map(|found| found.map(config_data)))
                }))
            }
        }
    }
}

/// Tells what a watch of one object sees.
#[derive(Clone)]
struct Report {
    named: Named,
    seen: mpsc::Sender<Seen>,
}

impl Report {
    /// One that can't be read counts as absent: the rest of the tenant doesn't wait for it.
    async fn send(self, found: Option<Content>) -> bool {
        let change = Seen::Object(self.named, found.flatten());
        self.seen.send(change).await.is_ok()
    }
}

/// Follows one object for ever. `tell` gets what is there, `Some(None)` when it isn't, and `None`
/// when it could not be read before anything was; it answers whether anybody still listens.
async fn watch<K, F>(api: Api<K>, name: String, tell: impl Fn(Option<Option<K>>) -> F)
where
    K: kube::Resource + Clone + std::fmt::Debug + serde::de::DeserializeOwned + Send + 'static,
    F: Future<Output = bool>,
{
    let mut known = false;
    let mut stream = watcher::watch_object(api, &name).default_backoff().boxed();
    loop {
        let told = match stream.try_next().await {
            Ok(Some(found)) => {
                known = true;
                tell(Some(found)).await
            }
            Ok(None) => return,
            Err(error) => {
                tracing::warn!(
                    name,
                    error = format!("{:#}", anyhow::Error::from(error)),
                    "watch failed; trying again"
                );
                known || tell(None).await
            }
        };
        if !told {
            return;
        }
    }
}

fn unpack(config: &ConfigMap) -> anyhow::Result<(Loaded, Option<String>)> {
    let text = |key: &str| config.data.as_ref().and_then(|data| data.get(key));
    let binary = config.binary_data.as_ref();
    let packed = binary.and_then(|data| data.get(TENANT_KEY));
    let packed = packed.ok_or_else(|| anyhow::anyhow!("no binaryData {TENANT_KEY}"))?;
    let loaded = Loaded::unpack(&packed.0, text(HASH_KEY).map(String::as_str))?;
    Ok((loaded, text(REGISTRAR_KEY).cloned()))
}

fn secret_data(secret: Secret) -> SecretData {
    let data = secret.data.unwrap_or_default();
    data.into_iter()
        .map(|(key, value)| (key, value.0))
        .collect()
}

fn config_data(config: ConfigMap) -> SecretData {
    let text = config.data.unwrap_or_default();
    let binary = config.binary_data.unwrap_or_default();
    let text = text
        .into_iter()
        .map(|(key, value)| (key, value.into_bytes()));
    text.chain(binary.into_iter().map(|(key, value)| (key, value.0)))
        .collect()
}
