//! `Trunk` (`cct`): a carrier, written by the IT administrator.

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::common::*;
use crate::names::*;
use crate::values::*;

/// A carrier: address, authentication, limits, numbers.
#[derive(CustomResource, Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "trunkline.dev",
    version = "v1alpha1",
    kind = "Trunk",
    plural = "trunks",
    shortname = "cct",
    category = "callcenter",
    namespaced,
    status = "TrunkStatus",
    derive = "PartialEq",
    doc = "A SIP trunk to a carrier.",
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].status"
    ),
    printcolumn(name = "Carrier", type_ = "string", json_path = ".spec.carrier.host"),
    printcolumn(
        name = "Registered",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Registered\")].status"
    ),
    printcolumn(
        name = "Reachable",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Reachable\")].status"
    ),
    printcolumn(
        name = "Message",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].message"
    ),
    printcolumn(
        name = "Age",
        type_ = "date",
        json_path = ".metadata.creationTimestamp"
    )
)]
#[serde(rename_all = "camelCase")]
pub struct TrunkSpec {
    /// The centre, by name, in the same namespace.
    pub call_center: CallCenterName,
    /// Where the carrier is; a trunk that only brings calls in may leave it out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub carrier: Option<Carrier>,
    /// How the two know each other.
    #[serde(default)]
    pub auth: TrunkAuth,
    /// Codecs in order of preference.
    #[serde(default = "g711")]
    #[schemars(length(min = 1, max = 5), extend("x-kubernetes-list-type" = "set"))]
    pub codecs: Vec<Codec>,
    /// The numbers that it may bring in; a prefix ends in `*`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 2000), extend("x-kubernetes-list-type" = "set"))]
    pub numbers: Vec<NumberPattern>,
    /// What it may carry.
    #[serde(default)]
    pub limits: TrunkLimits,
    /// What may go out by it; absent: nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outbound: Option<Outbound>,
    /// How long its deletion waits for its last call.
    #[serde(default = "drain_deadline_default")]
    pub drain_deadline: Seconds,
}

fn g711() -> Vec<Codec> {
    vec![Codec::Alaw, Codec::Ulaw]
}

/// How SIP travels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
#[allow(
    clippy::upper_case_acronyms,
    missing_docs,
    reason = "the field writes them so"
)]
pub enum Transport {
    #[default]
    UDP,
    TCP,
    TLS,
}

/// Where the carrier is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Carrier {
    /// A host name or an address.
    #[schemars(
        length(min = 1, max = 253),
        regex(pattern = r"^[A-Za-z0-9]([-A-Za-z0-9.:]*[A-Za-z0-9])?$")
    )]
    pub host: String,
    /// Its SIP port.
    #[serde(default = "sip_port")]
    #[schemars(range(min = 1, max = 65535))]
    pub port: u16,
    /// How SIP travels.
    #[serde(default)]
    pub transport: Transport,
    /// Whether media is encrypted.
    #[serde(default)]
    pub srtp: bool,
}

fn sip_port() -> u16 {
    5060
}

/// The way of authentication.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub enum TrunkAuthType {
    /// We register with the carrier, by the Secret's `username` and `password`.
    Registration,
    /// The carrier is known by the addresses that it sends from.
    #[default]
    Address,
}

/// How the two know each other.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TrunkAuth {
    /// The way.
    #[serde(default, rename = "type")]
    pub kind: TrunkAuthType,
    /// A Secret with `username` and `password`; with `Registration`, and only then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<SecretReference>,
    /// Addresses or networks that the carrier sends from.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 50), inner(length(max = 49), regex(pattern = r"^[0-9a-fA-F.:]+(/[0-9]{1,3})?$")), extend("x-kubernetes-list-type" = "set"))]
    pub r#match: Vec<String>,
}

/// A codec, by Asterisk's name for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Codec {
    Alaw,
    Ulaw,
    G722,
    Opus,
    Gsm,
}

impl Codec {
    /// Asterisk's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Alaw => "alaw",
            Self::Ulaw => "ulaw",
            Self::G722 => "g722",
            Self::Opus => "opus",
            Self::Gsm => "gsm",
        }
    }
}

/// What a trunk may carry.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TrunkLimits {
    /// Concurrent calls, both ways.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 100_000))]
    pub channels: Option<u32>,
    /// New calls a second, both ways.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 10_000))]
    pub calls_per_second: Option<u32>,
    /// Outbound calls stop for the day when this is spent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub daily_spend: Option<Money>,
}

/// Whose number the called party sees.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub enum CallerId {
    /// The client's first number.
    #[default]
    Client,
    /// The trunk's own.
    Trunk,
    /// None.
    Anonymous,
}

/// What may go out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Outbound {
    /// Numbers may be called that begin so; none: nothing goes out.
    #[serde(default)]
    #[schemars(length(max = 300), inner(length(max = 16), regex(pattern = r"^\+[0-9]{1,15}$")), extend("x-kubernetes-list-type" = "set"))]
    pub prefixes: Vec<String>,
    /// Whose number is shown.
    #[serde(default)]
    pub caller_id: CallerId,
}

/// What the operator reports of a trunk.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TrunkStatus {
    /// The generation that the conditions speak of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// `Ready`, `Reconciling`, `Stalled`, `Registered`, `Reachable`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Conditions,
    /// What last went wrong, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_failure: Option<String>,
}
