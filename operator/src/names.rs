//! Names that the operator gives and the words that others find its children by.

use std::collections::BTreeMap;

use trunkline_crds::CallCenterName;

/// The one field manager of everything that the operator applies.
pub const MANAGER: &str = "trunkline-operator";

/// Which CallCenter a child belongs to.
pub const LABEL_CENTER: &str = "trunkline.dev/call-center";
/// The UID of the CallCenter that a child was made for.
pub const LABEL_OWNER: &str = "trunkline.dev/owner";
/// What kind of report a ConfigMap holds: `engine` or `media`.
pub const LABEL_REPORT: &str = "trunkline.dev/report";
/// Kubernetes' own label for who manages an object.
pub const LABEL_MANAGED_BY: &str = "app.kubernetes.io/managed-by";
/// Kubernetes' own label for the part that an object plays.
pub const LABEL_COMPONENT: &str = "app.kubernetes.io/component";

/// The hash of what was applied.
pub const ANNOTATION_APPLIED: &str = "trunkline.dev/applied";
/// On a CallCenter: `Status`, `Capacity` or `All`, what the operator shall leave alone.
pub const ANNOTATION_PAUSE: &str = "trunkline.dev/pause";
/// On a CallCenter or Agent: any other text than before makes new secrets.
pub const ANNOTATION_ROTATE: &str = "trunkline.dev/rotate";
/// On a CallCenter: the type of its entry Service, `NodePort` (default), `LoadBalancer` or `ClusterIP`.
pub const ANNOTATION_SIP_SERVICE: &str = "trunkline.dev/sip-service";
/// On a CallCenter: the node port of its entry Service; absent: the cluster chooses.
pub const ANNOTATION_SIP_NODE_PORT: &str = "trunkline.dev/sip-node-port";
/// On a CallCenter with `exposure: PerPodService`: the first of its RTP node ports.
pub const ANNOTATION_RTP_BASE: &str = "trunkline.dev/rtp-base";

/// On a CallCenter: its children are taken down in order before it goes.
pub const FINALIZER_TENANT: &str = "trunkline.dev/tenant";
/// On a Client or a Trunk: its live calls end, or its deadline comes, before it goes.
pub const FINALIZER_DRAIN: &str = "trunkline.dev/drain";

/// The engine's HTTP API, health and metrics.
pub const PORT_API: i32 = 8080;
/// The engine's metrics, without a token.
pub const PORT_METRICS: i32 = 9090;
/// The side-car's health, drain and fence.
pub const PORT_SIDECAR: i32 = 8090;
/// Asterisk's REST interface.
pub const PORT_ARI: i32 = 8088;
/// SIP.
pub const PORT_SIP: i32 = 5060;
/// The RTP ports of a media pod that is reached at its own address, first and last.
pub const PORTS_RTP: (i32, i32) = (10_000, 20_000);

/// How many agents' SIP credentials one Secret holds at most.
///
/// The tenant's agents, sorted by name, are cut into pieces of this size; piece `n` is the
/// Secret `<cc>-agents-<n>`, and its keys are the agents' names.
pub const AGENTS_PER_SECRET: usize = 500;

/// The part of a tenant that a child belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Component {
    /// The tenant as a whole.
    Tenant,
    /// The routing engine.
    Engine,
    /// Asterisk and its side-car.
    Media,
}

impl Component {
    /// As the label's value.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tenant => "tenant",
            Self::Engine => "engine",
            Self::Media => "media",
        }
    }
}

/// The names of a tenant's children.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names(CallCenterName);

impl Names {
    /// The names for this CallCenter.
    pub fn of(center: &CallCenterName) -> Self {
        Self(center.clone())
    }
    fn with(&self, suffix: &str) -> String {
        format!("{}-{suffix}", self.0)
    }
    /// The CallCenter's own name, also the engine's Lease.
    pub fn center(&self) -> &str {
        self.0.as_str()
    }
    /// ConfigMap: the compiled Tenant.
    pub fn tenant(&self) -> String {
        self.with("tenant")
    }
    /// Everything of the engine's.
    pub fn engine(&self) -> String {
        self.with("engine")
    }
    /// Everything of the media pods'.
    pub fn media(&self) -> String {
        self.with("media")
    }
    /// Claim: the SQLite journal.
    pub fn journal(&self) -> String {
        self.with("engine-journal")
    }
    /// ConfigMap: what the leading engine runs.
    pub fn engine_report(&self) -> String {
        self.with("engine-report")
    }
    /// ConfigMap: what the side-cars run.
    pub fn media_report(&self) -> String {
        self.with("media-report")
    }
    /// Secret with `tenant-key`: ARI passwords and SIP credentials are derived from it.
    pub fn keys(&self) -> String {
        self.with("keys")
    }
    /// Secret with `admin-token`, and the Service of the engine's API.
    pub fn api(&self) -> String {
        self.with("api")
    }
    /// Service that carriers send initial INVITEs to.
    pub fn sip(&self) -> String {
        self.with("sip")
    }
    /// Secret: SIP credentials, one key an agent.
    pub fn agents(&self, shard: usize) -> String {
        format!("{}-agents-{shard}", self.0)
    }
    /// The media pod of that ordinal, and its own Service.
    pub fn media_pod(&self, ordinal: u32) -> String {
        format!("{}-media-{ordinal}", self.0)
    }
    /// Claim: what the media pod of that ordinal has recorded; named as its StatefulSet names it.
    pub fn recordings(&self, ordinal: u32) -> String {
        format!("recordings-{}", self.media_pod(ordinal))
    }
    /// The engine's Lease.
    pub fn lease(&self) -> String {
        self.with("engine")
    }
    /// What the pods of a component are selected by; immutable for as long as the tenant lives.
    pub fn selector(&self, component: Component) -> BTreeMap<&'static str, String> {
        BTreeMap::from([
            (LABEL_CENTER, self.0.to_string()),
            (LABEL_COMPONENT, component.as_str().to_owned()),
        ])
    }
}
