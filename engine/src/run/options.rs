//! How an engine is to run.

use std::net::SocketAddr;
use std::path::PathBuf;

use trunkline_routing::Span;

use crate::api::Tokens;
use crate::journal::Location;
use crate::keys::TenantKey;
use crate::kube::Cluster;
use crate::leader::{Me, MediaPod};
use crate::telephony::ari::Host;
use crate::telephony::driver::Settings;
use crate::telephony::sim::SimSettings;

/// Thirteen months: last year's months can be explained beside this year's.
pub const RETENTION: Span = Span::seconds(400 * 86_400);

/// Everything that a process is told.
#[derive(Debug)]
pub struct Options {
    /// Where it runs, and with that: where its configuration is, who leads, which media pods there are.
    pub place: Place,
    /// Where the journal is.
    pub journal: Location,
    /// How long entries and customers are kept; snapshots, records and figures are for good.
    pub retention: Span,
    /// Where the API and the health checks listen; port 0: any free one.
    pub listen: SocketAddr,
    /// Where `/metrics` listens.
    pub metrics: Option<SocketAddr>,
    /// How calls are carried.
    pub telephony: Voice,
    /// The tenant's key.
    pub key: TenantKey,
    /// Who may use the API.
    pub tokens: Tokens,
}

/// Where an engine runs.
#[derive(Debug)]
pub enum Place {
    /// On one machine, from files; the journal says who leads: a file by its lock, a database by
    /// the signs of life in it.
    Machine {
        /// A compiled Tenant, a manifest, or a folder of manifests.
        config: PathBuf,
        /// The media hosts, fixed, that take any engine with their password.
        hosts: Vec<Host>,
        /// The media pods, fixed, whose side-cars are told of each new leader.
        pods: Vec<MediaPod>,
        /// Where the other engine on the same database reaches this one's API; `None`: where it listens, by the loopback where
        /// that is everywhere.
        reached_at: Option<SocketAddr>,
    },
    /// In a cluster, as a pod.
    Pod {
        /// The way to the API server.
        cluster: Cluster,
        /// This process.
        me: Me,
        /// Whether this pod is the only one of its name at a time (a StatefulSet's).
        unique: bool,
        /// Where other engines reach this one: `http://10.244.1.7:8080`.
        address: String,
    },
}

/// How calls are carried.
#[derive(Debug)]
pub enum Voice {
    /// By Asterisk, over ARI.
    Ari(Settings),
    /// By imagined callers and telephones.
    Sim(SimSettings),
    /// Not at all: chats and e-mails only.
    None,
}
