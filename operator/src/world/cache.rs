//! The cache: facts by tenant, kept whole by each stream of watch events.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, PoisonError, RwLock};

use trunkline_tenant::{DocumentId, Kind as DocKind};

use super::TenantKey;
use super::facts::{ChildFact, DocFact, Fact, PodFact, ReportFact, WorkloadFact};
use crate::children::{ApiAddress, ChildKey, Kind};

/// What a stream of events is about; each keeps its own part of the cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stream {
    /// One of the four kinds.
    Doc(DocKind),
    /// Children of a kind.
    Child(Kind),
    /// Pods.
    Pods,
    /// Report ConfigMaps.
    Reports,
    /// Secrets of all, by name and version only.
    Secrets,
    /// Where the API server listens.
    ApiServer,
}

/// One tenant as it was seen at one moment.
#[derive(Clone, Debug, Default)]
pub struct View {
    /// The CallCenter, Clients, Trunks and Agents.
    pub docs: BTreeMap<DocumentId, Arc<DocFact>>,
    /// Children by kind and name.
    pub children: BTreeMap<ChildKey, Arc<ChildFact>>,
    /// The status of those that are workloads.
    pub workloads: BTreeMap<ChildKey, Arc<WorkloadFact>>,
    /// Pods by name.
    pub pods: BTreeMap<String, Arc<PodFact>>,
    /// Reports by ConfigMap.
    pub reports: BTreeMap<String, Arc<ReportFact>>,
    /// The namespace's Secrets: name → version.
    pub secrets: Arc<BTreeMap<String, String>>,
    /// Where the API server listens.
    pub api_servers: Arc<Vec<ApiAddress>>,
}

impl View {
    /// The documents of a kind, by name.
    pub fn of_kind(&self, kind: DocKind) -> impl Iterator<Item = &Arc<DocFact>> {
        self.docs
            .values()
            .filter(move |doc| doc.document.id.kind == kind)
    }
}

/// Where an object is: stream, namespace, name.
type Place = (Stream, String, String);

#[derive(Debug, Default)]
struct Inner {
    tenants: HashMap<TenantKey, View>,
    /// Which tenant an object was last filed under: a Client may move to another.
    filed: BTreeMap<Place, TenantKey>,
    secrets: HashMap<String, Arc<BTreeMap<String, String>>>,
    api_servers: Arc<Vec<ApiAddress>>,
}

/// Facts by tenant.
#[derive(Clone, Debug, Default)]
pub struct Cache(Arc<RwLock<Inner>>);

impl Cache {
    fn write<T>(&self, change: impl FnOnce(&mut Inner) -> T) -> T {
        // A panic elsewhere leaves the cache as whole as any single step left it.
        change(&mut self.0.write().unwrap_or_else(PoisonError::into_inner))
    }

    /// One tenant, all of one moment.
    pub fn view(&self, key: &TenantKey) -> View {
        let inner = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let mut view = inner.tenants.get(key).cloned().unwrap_or_default();
        view.secrets = inner
            .secrets
            .get(&key.namespace)
            .cloned()
            .unwrap_or_default();
        view.api_servers = inner.api_servers.clone();
        view
    }

    /// Every tenant that anything speaks of.
    pub fn tenants(&self) -> Vec<TenantKey> {
        let inner = self.0.read().unwrap_or_else(PoisonError::into_inner);
        inner.tenants.keys().cloned().collect()
    }

    /// Whether anything speaks of that tenant.
    pub fn knows(&self, key: &TenantKey) -> bool {
        let inner = self.0.read().unwrap_or_else(PoisonError::into_inner);
        inner.tenants.contains_key(key)
    }

    /// Files a fact; tells which tenants it matters to.
    pub fn put(
        &self,
        stream: Stream,
        namespace: &str,
        name: &str,
        tenant: TenantKey,
        fact: Fact,
    ) -> Vec<TenantKey> {
        self.write(|inner| {
            let place = (stream, namespace.to_owned(), name.to_owned());
            let mut touched = Vec::new();
            let before = match inner.filed.get(&place) {
                Some(filed) if *filed != tenant => {
                    let former = filed.clone();
                    inner.take(&place, &former);
                    touched.push(former);
                    None
                }
                Some(_) => inner.fact(&place, &tenant),
                None => None,
            };
            if before.is_none_or(|before| fact.matters_after(&before)) {
                touched.push(tenant.clone());
            }
            inner.filed.insert(place, tenant.clone());
            inner.tenants.entry(tenant).or_default().put(fact);
            touched
        })
    }

    /// Takes an object out; tells which tenant it was filed under.
    pub fn remove(&self, stream: Stream, namespace: &str, name: &str) -> Option<TenantKey> {
        self.write(|inner| {
            let place = (stream, namespace.to_owned(), name.to_owned());
            let tenant = inner.filed.remove(&place)?;
            inner.take(&place, &tenant);
            Some(tenant)
        })
    }

    /// After a new list: takes out what wasn't on it. `within`: the stream's own namespace,
    /// where it watches only one.
    pub fn keep_only(
        &self,
        stream: Stream,
        within: Option<&str>,
        seen: &BTreeSet<(String, String)>,
    ) -> Vec<TenantKey> {
        let gone: Vec<Place> = {
            let inner = self.0.read().unwrap_or_else(PoisonError::into_inner);
            inner
                .filed
                .keys()
                .filter(|(s, namespace, name)| {
                    *s == stream
                        && within.is_none_or(|within| within == namespace)
                        && !seen.contains(&(namespace.clone(), name.clone()))
                })
                .cloned()
                .collect()
        };
        gone.iter()
            .filter_map(|(stream, namespace, name)| self.remove(*stream, namespace, name))
            .collect()
    }

    /// A Secret's version, or that it is gone; tells which tenants name it.
    pub fn put_secret(
        &self,
        namespace: &str,
        name: &str,
        version: Option<String>,
    ) -> Vec<TenantKey> {
        self.write(|inner| {
            let secrets = Arc::make_mut(inner.secrets.entry(namespace.to_owned()).or_default());
            let before = match version {
                Some(version) => secrets.insert(name.to_owned(), version.clone()) == Some(version),
                None => secrets.remove(name).is_none(),
            };
            if before {
                return Vec::new();
            }
            inner
                .tenants
                .iter()
                .filter(|(key, view)| key.namespace == namespace && view.names_secret(name))
                .map(|(key, _)| key.clone())
                .collect()
        })
    }

    /// The names of a namespace's Secrets, for a new list to be compared with.
    pub fn secret_names(&self, within: Option<&str>) -> Vec<(String, String)> {
        let inner = self.0.read().unwrap_or_else(PoisonError::into_inner);
        inner
            .secrets
            .iter()
            .filter(|(namespace, _)| within.is_none_or(|within| within == *namespace))
            .flat_map(|(namespace, names)| {
                names
                    .keys()
                    .map(move |name| (namespace.clone(), name.clone()))
            })
            .collect()
    }

    /// Where the API server listens; tells every tenant if that changed.
    pub fn put_api_servers(&self, servers: Vec<ApiAddress>) -> Vec<TenantKey> {
        self.write(|inner| {
            if *inner.api_servers == servers {
                return Vec::new();
            }
            inner.api_servers = Arc::new(servers);
            inner.tenants.keys().cloned().collect()
        })
    }
}

impl Inner {
    fn fact(&self, place: &Place, tenant: &TenantKey) -> Option<Fact> {
        let view = self.tenants.get(tenant)?;
        let (stream, namespace, name) = place;
        Some(match stream {
            Stream::Doc(kind) => Fact::Doc(DocFact::clone(
                view.docs.get(&doc_id(*kind, namespace, name))?,
            )),
            Stream::Child(kind) => {
                let key = ChildKey {
                    kind: *kind,
                    name: name.clone(),
                };
                let child = ChildFact::clone(view.children.get(&key)?);
                match view.workloads.get(&key) {
                    Some(workload) => Fact::Workload(child, WorkloadFact::clone(workload)),
                    None => Fact::Child(child),
                }
            }
            Stream::Pods => Fact::Pod(PodFact::clone(view.pods.get(name)?)),
            Stream::Reports => Fact::Report(ReportFact::clone(view.reports.get(name)?)),
            Stream::Secrets | Stream::ApiServer => return None,
        })
    }

    fn take(&mut self, place: &Place, tenant: &TenantKey) {
        let Some(view) = self.tenants.get_mut(tenant) else {
            return;
        };
        let (stream, namespace, name) = place;
        match stream {
            Stream::Doc(kind) => {
                view.docs.remove(&doc_id(*kind, namespace, name));
            }
            Stream::Child(kind) => {
                let key = ChildKey {
                    kind: *kind,
                    name: name.clone(),
                };
                view.workloads.remove(&key);
                view.children.remove(&key);
            }
            Stream::Pods => {
                view.pods.remove(name);
            }
            Stream::Reports => {
                view.reports.remove(name);
            }
            Stream::Secrets | Stream::ApiServer => {}
        }
        if view.is_empty() {
            self.tenants.remove(tenant);
        }
    }
}

fn doc_id(kind: DocKind, namespace: &str, name: &str) -> DocumentId {
    DocumentId {
        kind,
        namespace: namespace.to_owned(),
        name: name.to_owned(),
    }
}

impl View {
    fn put(&mut self, fact: Fact) {
        match fact {
            Fact::Doc(doc) => {
                self.docs.insert(doc.document.id.clone(), Arc::new(doc));
            }
            Fact::Child(child) => {
                self.children.insert(child.key.clone(), Arc::new(child));
            }
            Fact::Workload(child, workload) => {
                self.workloads.insert(child.key.clone(), Arc::new(workload));
                self.children.insert(child.key.clone(), Arc::new(child));
            }
            Fact::Pod(pod) => {
                self.pods.insert(pod.name.clone(), Arc::new(pod));
            }
            Fact::Report(report) => {
                self.reports.insert(report.name.clone(), Arc::new(report));
            }
        }
    }

    fn is_empty(&self) -> bool {
        self.docs.is_empty()
            && self.children.is_empty()
            && self.pods.is_empty()
            && self.reports.is_empty()
    }

    fn names_secret(&self, name: &str) -> bool {
        self.docs.values().any(|doc| {
            [
                "/spec/auth/secretRef/name",
                "/spec/storage/journal/postgres/secretRef/name",
            ]
            .iter()
            .any(|path| doc.document.value.pointer(path).and_then(|v| v.as_str()) == Some(name))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use trunkline_tenant::Document;

    fn key(name: &str) -> TenantKey {
        TenantKey {
            namespace: "n".into(),
            name: name.into(),
        }
    }

    fn client(center: &str, generation: i64) -> Fact {
        Fact::Doc(DocFact {
            document: Document::from_object(json!({
                "apiVersion": "trunkline.dev/v1alpha1", "kind": "Client",
                "metadata": {"name": "acme", "namespace": "n"},
                "spec": {"callCenter": center},
            }))
            .unwrap(),
            status: json!(null),
            uid: "u".into(),
            generation,
            deleting: None,
            finalizers: vec![],
            annotations: BTreeMap::new(),
        })
    }

    #[test]
    fn a_client_that_moves_touches_the_centre_that_it_leaves_and_the_one_that_it_joins() {
        let cache = Cache::default();
        let stream = Stream::Doc(DocKind::Client);
        assert_eq!(
            cache.put(stream, "n", "acme", key("a"), client("a", 1)),
            [key("a")]
        );
        assert_eq!(
            cache.put(stream, "n", "acme", key("b"), client("b", 2)),
            [key("a"), key("b")]
        );
        assert_eq!(cache.tenants(), [key("b")]);
        assert_eq!(cache.remove(stream, "n", "acme"), Some(key("b")));
        assert!(cache.tenants().is_empty());
    }

    #[test]
    fn what_changes_nothing_touches_nobody() {
        let cache = Cache::default();
        let stream = Stream::Doc(DocKind::Client);
        cache.put(stream, "n", "acme", key("a"), client("a", 1));
        assert!(
            cache
                .put(stream, "n", "acme", key("a"), client("a", 1))
                .is_empty()
        );
    }

    #[test]
    fn what_a_new_list_lacks_is_gone_but_only_in_the_lists_own_namespace() {
        let cache = Cache::default();
        let stream = Stream::Doc(DocKind::Client);
        cache.put(stream, "n", "acme", key("a"), client("a", 1));
        assert!(
            cache
                .keep_only(stream, Some("other"), &BTreeSet::new())
                .is_empty()
        );
        assert_eq!(cache.keep_only(stream, None, &BTreeSet::new()), [key("a")]);
    }
}
