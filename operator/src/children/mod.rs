//! What a tenant becomes: one builder a file, all of them pure.

mod access;
mod child;
mod disruption;
mod engine;
mod media;
mod monitor;
mod network;
mod reports;
mod secrets;
mod services;
mod storage;
mod tenant_config;

pub use child::{Child, ChildKey, Content, Kind, Owner, hex, holds};
pub use secrets::{sip_password, sip_purpose};
pub use tenant_config::{HASH_KEY, LAST_KEY, PackError, Packed, TENANT_KEY, unpack};

use trunkline_tenant::Tenant;

use crate::names::Names;
use crate::settings::Images;

/// What a CallCenter's annotations ask for, beside its spec.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Knobs {
    /// Any other text than before makes new secrets.
    pub rotation: String,
    /// The entry Service's type.
    pub sip_service: SipService,
    /// The entry Service's node port; `None`: the cluster chooses.
    pub sip_node_port: Option<u16>,
    /// The first RTP node port of `PerPodService`.
    pub rtp_base: Option<u16>,
}

/// The entry Service's type.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are Kubernetes' own")]
pub enum SipService {
    #[default]
    NodePort,
    LoadBalancer,
    ClusterIP,
}

/// Where the API server listens, for network policies.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ApiAddress {
    /// Its address.
    pub ip: String,
    /// Its port.
    pub port: i32,
}

/// All that the builders know.
#[derive(Clone, Copy, Debug)]
pub struct Blueprint<'a> {
    /// Whose children they are.
    pub owner: &'a Owner,
    /// What they are called.
    pub names: &'a Names,
    /// What the documents mean.
    pub tenant: &'a Tenant,
    /// The Tenant as it is handed to the engines.
    pub packed: &'a Packed,
    /// What the pods run.
    pub images: &'a Images,
    /// What annotations ask for.
    pub knobs: &'a Knobs,
    /// Agents with their own rotation text, sorted by name.
    pub agents: &'a [(String, String)],
    /// How many media pods there shall be just now.
    pub media_replicas: u32,
    /// How many ordinals of media pods have a claim already, from 0 on.
    pub media_claims: u32,
    /// Where the API server listens; empty: not known.
    pub api_servers: &'a [ApiAddress],
    /// Whether the cluster knows ServiceMonitors.
    pub service_monitors: bool,
}

impl Blueprint<'_> {
    /// Whether the journal is one SQLite file on a claim.
    pub fn on_sqlite(&self) -> bool {
        self.tenant.storage.journal.postgres.is_none()
    }
    /// A child of this tenant.
    fn child(
        &self,
        component: crate::names::Component,
        kind: Kind,
        name: String,
        fields: serde_json::Value,
    ) -> Child {
        Child::new(self.owner, component, kind, name, fields)
    }
}

/// Every child of a tenant. It is taken apart in one place, without `..`, so that a child
/// that is built is a child that is applied.
#[derive(Clone, Debug)]
pub struct Children {
    accounts: Vec<Child>,
    secrets: Vec<Child>,
    tenant_config: Child,
    reports: Vec<Child>,
    roles: Vec<Child>,
    policies: Vec<Child>,
    services: Vec<Child>,
    claims: Vec<Child>,
    budgets: Vec<Child>,
    monitor: Option<Child>,
    media: Child,
    engine: Child,
}

impl Children {
    /// The children of a tenant.
    pub fn of(plan: &Blueprint<'_>) -> Self {
        Self {
            accounts: access::accounts(plan),
            secrets: secrets::build(plan),
            tenant_config: tenant_config::build(plan),
            reports: reports::build(plan),
            roles: access::roles(plan),
            policies: network::build(plan),
            services: services::build(plan),
            claims: storage::build(plan),
            budgets: disruption::build(plan),
            monitor: monitor::build(plan),
            media: media::build(plan),
            engine: engine::build(plan),
        }
    }

    /// In the order of application: what others name first, workloads last.
    pub fn in_order(self) -> Vec<Child> {
        let Self {
            accounts,
            secrets,
            tenant_config,
            reports,
            roles,
            policies,
            services,
            claims,
            budgets,
            monitor,
            media,
            engine,
        } = self;
        let mut all = accounts;
        all.extend(secrets);
        all.push(tenant_config);
        all.extend(reports);
        all.extend(roles);
        all.extend(policies);
        all.extend(services);
        all.extend(claims);
        all.extend(budgets);
        all.extend(monitor);
        all.push(media);
        all.push(engine);
        all
    }
}

#[cfg(test)]
mod tests;
