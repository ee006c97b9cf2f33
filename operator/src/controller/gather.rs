//! The only step that reads: a tenant from the caches, and the little that isn't in them.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use k8s_openapi::api::core::v1::{ConfigMap, Secret, Service};
use kube::{Api, Client};
use sha2::{Digest, Sha256};
use trunkline_tenant::{Kind as DocKind, Last, Sources, Tenant};

use super::ReconcileError;
use crate::children::{ChildKey, HASH_KEY, Kind, LAST_KEY, TENANT_KEY, hex, unpack};
use crate::names::Names;
use crate::world::{Cache, ChildFact, DocFact, TenantKey, View};

/// Everything that a decision may rest on, of one moment.
#[derive(Clone, Debug)]
pub struct Gathered {
    /// Which tenant.
    pub key: TenantKey,
    /// The moment.
    pub now: DateTime<Utc>,
    /// What the caches hold.
    pub view: View,
    /// What ran before.
    pub last: Option<Last>,
    /// The Secrets that documents name.
    pub secrets: BTreeMap<String, SecretFact>,
    /// The entry Service, where it is ours.
    pub entry: Option<EntryFact>,
}

/// Where the entry Service is reached, as the cluster has decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EntryFact {
    /// Inside the cluster, at this address.
    Cluster(String),
    /// At this port of each node that has a media pod.
    Nodes(i32),
    /// At the load balancer's addresses or names; none yet, maybe.
    Balancer(Vec<String>),
}

impl EntryFact {
    /// From the Service; `None` where the cluster has not yet decided.
    fn read(service: &Service) -> Option<Self> {
        let spec = service.spec.as_ref()?;
        match spec.type_.as_deref() {
            Some("LoadBalancer") => {
                let balancer = service
                    .status
                    .as_ref()
                    .and_then(|s| s.load_balancer.clone());
                let ingress = balancer.and_then(|b| b.ingress).unwrap_or_default();
                let places = ingress.into_iter().filter_map(|at| at.ip.or(at.hostname));
                Some(Self::Balancer(places.collect()))
            }
            Some("NodePort") => Some(Self::Nodes(spec.ports.as_ref()?.first()?.node_port?)),
            _ => Some(Self::Cluster(spec.cluster_ip.clone()?)),
        }
    }
}

/// What is known of a Secret: never a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretFact {
    /// There is none of that name.
    Missing,
    /// It is there, with these keys.
    Present(Vec<String>),
}

impl Gathered {
    /// The CallCenter's document.
    pub fn center(&self) -> Option<&Arc<DocFact>> {
        self.view.of_kind(DocKind::CallCenter).next()
    }
}

/// What is remembered between reconciles, so that the same isn't read twice. Losing it costs
/// reads and nothing else.
#[derive(Debug, Default)]
pub struct Memory {
    last: Mutex<HashMap<TenantKey, ReadAt>>,
    secrets: Mutex<HashMap<(String, String), KeysAt>>,
    entries: Mutex<HashMap<TenantKey, EntryAt>>,
}

/// The fingerprint of the ConfigMap that a Tenant was read from, and the Tenant.
type ReadAt = (Option<u64>, Arc<LastPacked>);
/// A Secret's version, and the keys that it has.
type KeysAt = (String, Vec<String>);
/// The fingerprint of the entry Service, and what was read then.
type EntryAt = (u64, Option<EntryFact>);

#[derive(Debug)]
struct LastPacked {
    /// The CallCenter that it was compiled for.
    owner: String,
    tenant: Vec<u8>,
    sources: Vec<u8>,
}

impl Memory {
    /// Forgets a tenant that is gone.
    pub fn forget(&self, key: &TenantKey) {
        lock(&self.last).remove(key);
        lock(&self.entries).remove(key);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Reads a tenant.
///
/// # Errors
/// When the API server can't be read.
pub async fn gather(
    client: &Client,
    cache: &Cache,
    memory: &Memory,
    key: &TenantKey,
) -> Result<Gathered, ReconcileError> {
    let view = cache.view(key);
    let secrets = secrets(client, memory, key, &view).await?;
    let mut gathered = Gathered {
        key: key.clone(),
        now: Utc::now(),
        view,
        last: None,
        secrets,
        entry: None,
    };
    gathered.entry = entry(client, memory, &gathered).await?;
    gathered.last = last(client, memory, &gathered).await?;
    Ok(gathered)
}

async fn secrets(
    client: &Client,
    memory: &Memory,
    key: &TenantKey,
    view: &View,
) -> Result<BTreeMap<String, SecretFact>, ReconcileError> {
    let mut facts = BTreeMap::new();
    let named = view.docs.values().filter_map(|doc| {
        let spec = &doc.document.value;
        let path = match doc.document.id.kind {
            DocKind::Trunk => "/spec/auth/secretRef/name",
            DocKind::CallCenter => "/spec/storage/journal/postgres/secretRef/name",
            DocKind::Client | DocKind::Agent => return None,
        };
        spec.pointer(path)?.as_str().map(str::to_owned)
    });
    for name in named {
        let Some(version) = view.secrets.get(&name) else {
            facts.insert(name, SecretFact::Missing);
            continue;
        };
        let place = (key.namespace.clone(), name.clone());
        let known = lock(&memory.secrets)
            .get(&place)
            .filter(|(at, _)| at == version)
            .map(|(_, keys)| keys.clone());
        let keys = match known {
            Some(keys) => keys,
            None => {
                let api: Api<Secret> = Api::namespaced(client.clone(), &key.namespace);
                let Some(secret) = api.get_opt(&name).await.map_err(ReconcileError::Read)? else {
                    facts.insert(name, SecretFact::Missing);
                    continue;
                };
                let keys: Vec<String> = secret
                    .data
                    .unwrap_or_default()
                    .into_iter()
                    .filter(|(_, value)| !value.0.is_empty())
                    .map(|(key, _)| key)
                    .collect();
                lock(&memory.secrets).insert(place, (version.clone(), keys.clone()));
                keys
            }
        };
        facts.insert(name, SecretFact::Present(keys));
    }
    Ok(facts)
}

/// Where the tenant is reached, from memory where the Service is still as it was read.
async fn entry(
    client: &Client,
    memory: &Memory,
    gathered: &Gathered,
) -> Result<Option<EntryFact>, ReconcileError> {
    let key = ChildKey {
        kind: Kind::Service,
        name: Names::of(&gathered.key.name.as_str().into()).sip(),
    };
    let owner = gathered.center().map(|center| center.uid.as_str());
    let ours = |child: &&Arc<ChildFact>| child.owner.as_deref() == owner && owner.is_some();
    let Some(child) = gathered.view.children.get(&key).filter(ours) else {
        return Ok(None);
    };
    let known = lock(&memory.entries)
        .get(&gathered.key)
        .filter(|(at, _)| *at == child.fingerprint)
        .map(|(_, entry)| entry.clone());
    if let Some(entry) = known {
        return Ok(entry);
    }
    let api: Api<Service> = Api::namespaced(client.clone(), &gathered.key.namespace);
    let service = api.get_opt(&key.name).await.map_err(ReconcileError::Read)?;
    let entry = service.as_ref().and_then(EntryFact::read);
    lock(&memory.entries).insert(gathered.key.clone(), (child.fingerprint, entry.clone()));
    Ok(entry)
}

/// What ran before, from memory where the ConfigMap is still the one it was read from.
async fn last(
    client: &Client,
    memory: &Memory,
    gathered: &Gathered,
) -> Result<Option<Last>, ReconcileError> {
    let Some(center) = gathered.center() else {
        return Ok(None);
    };
    let name = Names::of(&gathered.key.name.as_str().into()).tenant();
    let child = gathered.view.children.get(&ChildKey {
        kind: Kind::ConfigMap,
        name: name.clone(),
    });
    let fingerprint = child.map(|child| child.fingerprint);
    let remembered = lock(&memory.last)
        .get(&gathered.key)
        .filter(|(_, packed)| packed.owner == center.uid)
        .cloned();
    let is_ours = child.is_some_and(|child| child.owner.as_deref() == Some(&center.uid));
    let packed = match remembered {
        Some((at, packed)) if at == fingerprint || !is_ours => Some(packed),
        remembered if is_ours => {
            let api: Api<ConfigMap> = Api::namespaced(client.clone(), &gathered.key.namespace);
            let read = api
                .get_opt(&name)
                .await
                .map_err(ReconcileError::Read)?
                .and_then(|config| read_last(config, &center.uid));
            // What somebody has tampered with isn't what ran; what we remember is.
            let packed = read.map(Arc::new).or(remembered.map(|(_, packed)| packed));
            if let Some(packed) = &packed {
                lock(&memory.last).insert(gathered.key.clone(), (fingerprint, packed.clone()));
            }
            packed
        }
        _ => None,
    };
    Ok(packed.and_then(|packed| decode(&packed)))
}

fn read_last(config: ConfigMap, owner: &str) -> Option<LastPacked> {
    let mut binary = config.binary_data?;
    let packed = LastPacked {
        owner: owner.to_owned(),
        tenant: binary.remove(TENANT_KEY)?.0,
        sources: binary.remove(LAST_KEY)?.0,
    };
    let json = unpack(&packed.tenant).ok()?;
    let announced = config.data?.remove(HASH_KEY)?;
    (hex(&Sha256::digest(&json)) == announced).then_some(packed)
}

fn decode(packed: &LastPacked) -> Option<Last> {
    let tenant: Tenant = serde_json::from_slice(&unpack(&packed.tenant).ok()?).ok()?;
    let sources: Sources = serde_json::from_slice(&unpack(&packed.sources).ok()?).ok()?;
    Some(Last { tenant, sources })
}

/// Base64 as Secrets carry it.
pub fn encode(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}
