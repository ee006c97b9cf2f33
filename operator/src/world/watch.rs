//! The watches that feed the cache. Each stream backs off by itself, starts over by itself,
//! and tells which tenants its events matter to.

use std::collections::BTreeSet;

use futures::StreamExt;
use kube::api::{ApiResource, DynamicObject};
use kube::core::{DynamicResourceScope, ObjectMeta, PartialObjectMeta};
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::{self, Event};
use kube::{Api, Client, Resource};
use serde_json::Value;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use trunkline_crds::{GROUP, VERSION};
use trunkline_tenant::Kind as DocKind;

use super::TenantKey;
use super::cache::{Cache, Stream};
use super::facts::{ChildFact, DocFact, Fact, PodFact, ReportFact, WorkloadFact};
use crate::children::{ApiAddress, Kind};
use crate::names::{LABEL_CENTER, LABEL_MANAGED_BY, LABEL_REPORT, MANAGER};
use crate::settings::Scope;

/// The watches at work.
#[derive(Debug)]
pub struct Watching {
    /// How many streams have not yet had their first whole list.
    behind: watch::Sender<usize>,
    tasks: JoinSet<()>,
}

impl Watching {
    /// Waits until every stream has had its first whole list.
    pub async fn caught_up(&self) {
        // The sender is here, so it lives.
        let _ = self
            .behind
            .subscribe()
            .wait_for(|behind| *behind == 0)
            .await;
    }

    /// Ends all of them.
    pub async fn stop(mut self) {
        self.tasks.shutdown().await;
    }
}

/// What is watched with, and for whom.
#[derive(Clone)]
pub struct Watcher {
    /// The API.
    pub client: Client,
    /// In which namespaces.
    pub scope: Scope,
    /// What the watches feed.
    pub cache: Cache,
    /// Hears of each tenant that should be looked at.
    pub touched: mpsc::UnboundedSender<TenantKey>,
}

impl Watcher {
    /// Starts every watch of the scope but those that not every cluster has.
    pub fn start(&self) -> Watching {
        let docs = DocKind::ALL.into_iter().map(Stream::Doc);
        let children = Kind::ALL
            .into_iter()
            // Secrets come by the stream of all Secrets.
            .filter(|kind| !matches!(kind, Kind::Secret | Kind::ServiceMonitor))
            .map(Stream::Child);
        let others = [Stream::Pods, Stream::Reports, Stream::Secrets];
        let mut places = self.places(docs.chain(children).chain(others));
        if self.scope == Scope::Cluster {
            places.push((Stream::ApiServer, Some("default".to_owned())));
        }
        self.follow(places)
    }

    /// Starts the watches of ServiceMonitors, in a cluster that knows them.
    pub fn start_monitors(&self) -> Watching {
        self.follow(self.places([Stream::Child(Kind::ServiceMonitor)]))
    }

    fn places(&self, streams: impl IntoIterator<Item = Stream>) -> Vec<(Stream, Option<String>)> {
        let namespaces: Vec<Option<String>> = match &self.scope {
            Scope::Cluster => vec![None],
            Scope::Namespaces(names) => names.iter().cloned().map(Some).collect(),
        };
        let everywhere = |stream| namespaces.iter().map(move |n| (stream, n.clone()));
        streams.into_iter().flat_map(everywhere).collect()
    }

    fn follow(&self, places: Vec<(Stream, Option<String>)>) -> Watching {
        let behind = watch::Sender::new(places.len());
        let mut tasks = JoinSet::new();
        for (stream, namespace) in places {
            let follower = Follower {
                stream,
                namespace,
                cache: self.cache.clone(),
                touched: self.touched.clone(),
                behind: behind.clone(),
                seen: BTreeSet::new(),
                caught_up: false,
            };
            tasks.spawn(follower.run(self.client.clone()));
        }
        Watching { behind, tasks }
    }
}

/// Follows one stream.
struct Follower {
    stream: Stream,
    namespace: Option<String>,
    cache: Cache,
    touched: mpsc::UnboundedSender<TenantKey>,
    behind: watch::Sender<usize>,
    /// What the list that is coming in has shown so far.
    seen: BTreeSet<(String, String)>,
    caught_up: bool,
}

impl Follower {
    async fn run(mut self, client: Client) {
        let (resource, config, metadata_only) = what(self.stream);
        if metadata_only {
            let api = api::<PartialObjectMeta<DynamicObject>>(client, &self.namespace, &resource);
            let events = watcher::watcher(api, config)
                .map(|event| event.map(|event| map(event, |partial| bare(partial.metadata))))
                .default_backoff();
            self.follow(events).await;
        } else {
            let api = api::<DynamicObject>(client, &self.namespace, &resource);
            self.follow(watcher::watcher(api, config).default_backoff())
                .await;
        }
    }

    async fn follow(
        &mut self,
        events: impl futures::Stream<Item = Result<Event<DynamicObject>, watcher::Error>>,
    ) {
        let mut events = std::pin::pin!(events);
        while let Some(event) = events.next().await {
            match event {
                Ok(event) => self.take(event),
                Err(error) => {
                    tracing::warn!(stream = ?self.stream, namespace = self.namespace, error = %error, "watch failed, trying again");
                }
            }
        }
    }

    fn take(&mut self, event: Event<DynamicObject>) {
        match event {
            Event::Init => self.seen.clear(),
            Event::InitApply(object) => {
                self.seen.insert(place(&object.metadata));
                self.put(&object);
            }
            Event::InitDone => {
                let seen = std::mem::take(&mut self.seen);
                self.forget_the_rest(&seen);
                if !self.caught_up {
                    self.caught_up = true;
                    self.behind.send_modify(|behind| *behind -= 1);
                }
            }
            Event::Apply(object) => self.put(&object),
            Event::Delete(object) => self.remove(&object.metadata),
        }
    }

    fn tell(&self, tenants: impl IntoIterator<Item = TenantKey>) {
        for tenant in tenants {
            // Nobody listens any more when the operator is ending.
            let _ = self.touched.send(tenant);
        }
    }

    fn put(&self, object: &DynamicObject) {
        let (namespace, name) = place(&object.metadata);
        if self.stream == Stream::ApiServer {
            self.tell(self.cache.put_api_servers(api_servers(object)));
            return;
        }
        if self.stream == Stream::Secrets {
            let version = object.metadata.resource_version.clone().unwrap_or_default();
            self.tell(self.cache.put_secret(&namespace, &name, Some(version)));
            if !is_ours(&object.metadata) {
                self.drop_child(&namespace, &name);
                return;
            }
        }
        let stream = self.filed_under();
        match read(stream, object) {
            Some((tenant, fact)) => {
                self.tell(self.cache.put(stream, &namespace, &name, tenant, fact));
            }
            // It has lost what we know it by.
            None => self.tell(self.cache.remove(stream, &namespace, &name)),
        }
    }

    fn remove(&self, metadata: &ObjectMeta) {
        let (namespace, name) = place(metadata);
        match self.stream {
            Stream::ApiServer => {}
            Stream::Secrets => {
                self.tell(self.cache.put_secret(&namespace, &name, None));
                self.drop_child(&namespace, &name);
            }
            stream => self.tell(self.cache.remove(stream, &namespace, &name)),
        }
    }

    fn drop_child(&self, namespace: &str, name: &str) {
        self.tell(
            self.cache
                .remove(Stream::Child(Kind::Secret), namespace, name),
        );
    }

    fn forget_the_rest(&self, seen: &BTreeSet<(String, String)>) {
        let within = self.namespace.as_deref();
        if self.stream == Stream::Secrets {
            for (namespace, name) in self.cache.secret_names(within) {
                if !seen.contains(&(namespace.clone(), name.clone())) {
                    self.tell(self.cache.put_secret(&namespace, &name, None));
                }
            }
        }
        self.tell(self.cache.keep_only(self.filed_under(), within, seen));
    }

    /// Our own Secrets are children like others.
    fn filed_under(&self) -> Stream {
        match self.stream {
            Stream::Secrets => Stream::Child(Kind::Secret),
            stream => stream,
        }
    }
}

fn api<K>(client: Client, namespace: &Option<String>, resource: &ApiResource) -> Api<K>
where
    K: Resource<DynamicType = ApiResource, Scope = DynamicResourceScope>,
{
    match namespace {
        Some(namespace) => Api::namespaced_with(client, namespace, resource),
        None => Api::all_with(client, resource),
    }
}

/// What is watched for a stream, by which selector, and whether its metadata is enough.
fn what(stream: Stream) -> (ApiResource, watcher::Config, bool) {
    let config = watcher::Config::default().page_size(100);
    let core = |plural: &str, kind: &str| ApiResource {
        group: String::new(),
        version: "v1".to_owned(),
        api_version: "v1".to_owned(),
        kind: kind.to_owned(),
        plural: plural.to_owned(),
    };
    let ours = format!("{LABEL_MANAGED_BY}={MANAGER},{LABEL_CENTER}");
    match stream {
        Stream::Doc(kind) => {
            let plural = match kind {
                DocKind::CallCenter => "callcenters",
                DocKind::Client => "clients",
                DocKind::Trunk => "trunks",
                DocKind::Agent => "agents",
            };
            let resource = ApiResource {
                group: GROUP.to_owned(),
                version: VERSION.to_owned(),
                api_version: format!("{GROUP}/{VERSION}"),
                kind: kind.as_str().to_owned(),
                plural: plural.to_owned(),
            };
            (resource, config, false)
        }
        Stream::Child(kind @ (Kind::StatefulSet | Kind::Deployment)) => {
            (kind.resource(), config.labels(&ours), false)
        }
        Stream::Child(kind) => (kind.resource(), config.labels(&ours), true),
        Stream::Pods => (core("pods", "Pod"), config.labels(LABEL_CENTER), false),
        Stream::Reports => (
            core("configmaps", "ConfigMap"),
            config.labels(&format!("{LABEL_CENTER},{LABEL_REPORT}")),
            false,
        ),
        // Service account tokens and helm's releases are nobody's reference.
        Stream::Secrets => (
            core("secrets", "Secret"),
            config.fields("type!=kubernetes.io/service-account-token,type!=helm.sh/release.v1"),
            true,
        ),
        Stream::ApiServer => (
            ApiResource {
                group: "discovery.k8s.io".to_owned(),
                version: "v1".to_owned(),
                api_version: "discovery.k8s.io/v1".to_owned(),
                kind: "EndpointSlice".to_owned(),
                plural: "endpointslices".to_owned(),
            },
            config.labels("kubernetes.io/service-name=kubernetes"),
            false,
        ),
    }
}

/// The fact in an object, and the tenant that it is of.
fn read(stream: Stream, object: &DynamicObject) -> Option<(TenantKey, Fact)> {
    let metadata = &object.metadata;
    let by_label = || {
        Some(TenantKey {
            namespace: metadata.namespace.clone()?,
            name: metadata.labels.as_ref()?.get(LABEL_CENTER)?.clone(),
        })
    };
    let is_report = metadata
        .labels
        .as_ref()
        .is_some_and(|labels| labels.contains_key(LABEL_REPORT));
    match stream {
        Stream::Doc(_) => {
            let doc = DocFact::read(object)?;
            let tenant = TenantKey {
                namespace: metadata.namespace.clone()?,
                name: doc.document.call_center()?.to_owned(),
            };
            Some((tenant, Fact::Doc(doc)))
        }
        Stream::Child(kind @ (Kind::StatefulSet | Kind::Deployment)) => {
            let child = ChildFact::read(kind, metadata, false)?;
            Some((
                by_label()?,
                Fact::Workload(child, WorkloadFact::read(object)),
            ))
        }
        Stream::Child(kind) => Some((
            by_label()?,
            Fact::Child(ChildFact::read(kind, metadata, is_report)?),
        )),
        Stream::Pods => Some((by_label()?, Fact::Pod(PodFact::read(object)?))),
        Stream::Reports => Some((by_label()?, Fact::Report(ReportFact::read(object)?))),
        Stream::Secrets | Stream::ApiServer => None,
    }
}

fn is_ours(metadata: &ObjectMeta) -> bool {
    metadata.labels.as_ref().is_some_and(|labels| {
        labels.contains_key(LABEL_CENTER)
            && labels.get(LABEL_MANAGED_BY).map(String::as_str) == Some(MANAGER)
    })
}

fn place(metadata: &ObjectMeta) -> (String, String) {
    (
        metadata.namespace.clone().unwrap_or_default(),
        metadata.name.clone().unwrap_or_default(),
    )
}

/// An object of which only the metadata came.
fn bare(metadata: ObjectMeta) -> DynamicObject {
    DynamicObject {
        types: None,
        metadata,
        data: Value::Null,
    }
}

fn map<A, B>(event: Event<A>, with: impl Fn(A) -> B) -> Event<B> {
    match event {
        Event::Apply(object) => Event::Apply(with(object)),
        Event::Delete(object) => Event::Delete(with(object)),
        Event::Init => Event::Init,
        Event::InitApply(object) => Event::InitApply(with(object)),
        Event::InitDone => Event::InitDone,
    }
}

fn api_servers(slice: &DynamicObject) -> Vec<ApiAddress> {
    let list = |path: &str| {
        slice
            .data
            .get(path)
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default()
    };
    let mut servers: Vec<ApiAddress> = list("endpoints")
        .iter()
        .filter_map(|endpoint| endpoint.get("addresses")?.as_array())
        .flatten()
        .filter_map(Value::as_str)
        .flat_map(|ip| {
            list("ports").into_iter().filter_map(move |port| {
                Some(ApiAddress {
                    ip: ip.to_owned(),
                    port: i32::try_from(port.get("port")?.as_i64()?).ok()?,
                })
            })
        })
        .collect();
    servers.sort();
    servers
}
