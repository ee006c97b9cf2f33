//! `Client` (`ccl`): one outsourced client, written by a project manager.

use std::collections::BTreeMap;

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::common::*;
use crate::names::*;
use crate::values::*;

/// One outsourced client: contract, numbers, hours, queues, scripts, KPIs.
#[derive(CustomResource, Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "trunkline.dev",
    version = "v1alpha1",
    kind = "Client",
    plural = "clients",
    shortname = "ccl",
    category = "callcenter",
    namespaced,
    status = "ClientStatus",
    derive = "PartialEq",
    doc = "A client whose calls the centre takes: contract, numbers, hours, queues, training.",
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].status"
    ),
    printcolumn(
        name = "Live",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Live\")].status"
    ),
    printcolumn(
        name = "Service Level",
        type_ = "string",
        json_path = ".status.serviceLevel"
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
pub struct ClientSpec {
    /// The centre, by name, in the same namespace.
    pub call_center: CallCenterName,
    /// As people call it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 128))]
    pub display_name: Option<String>,
    /// Who answers for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 128))]
    pub project_manager: Option<String>,
    /// The zone that the client's calendars are read in; absent: the centre's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<TimeZone>,
    /// What was agreed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contract: Option<Contract>,
    /// The numbers that its customers call.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 2000), extend("x-kubernetes-list-type" = "set"))]
    pub numbers: Vec<PhoneNumber>,
    /// A calendar, read in the client's zone; absent: always open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hours: Option<CalendarName>,
    /// Its trunks in outbound order; any of them may bring calls in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20), extend("x-kubernetes-list-type" = "set"))]
    pub trunks: Vec<TrunkName>,
    /// Whether it goes live by itself when its gates are passed.
    #[serde(default)]
    pub go_live: GoLive,
    /// With `goLive: Manual`: somebody has said go.
    #[serde(default)]
    pub approved: bool,
    /// What a caller may choose; absent: the first queue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub menu: Option<Menu>,
    /// Its queues.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 500), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub queues: Vec<ClientQueue>,
    /// Training that its contacts ask of an agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub training: Option<TrainingNeeded>,
    /// What its performance is watched by.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 50))]
    pub kpis: Vec<Kpi>,
    /// How long its deletion waits for its last call.
    #[serde(default = "drain_deadline_default")]
    pub drain_deadline: Seconds,
}

/// When a client goes live.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub enum GoLive {
    /// When its gates are passed.
    #[default]
    Automatic,
    /// When, besides, `approved` is true.
    Manual,
}

/// What was agreed with the client.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Contract {
    /// The day from which its terms and billing count; never a matter of routing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Date>,
    /// What is paid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub billing: Option<Billing>,
    /// The service level promised.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_level: Option<ServiceLevel>,
    /// The highest share of abandoned contacts, per cent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_abandonment: Option<Percent>,
}

/// What a bill counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub enum BillingModel {
    /// Minutes of handling.
    PerMinute,
    /// Answered contacts.
    PerContact,
    /// Seats a month.
    PerSeat,
}

/// What is paid.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Billing {
    /// What is counted.
    pub model: BillingModel,
    /// The price of one.
    pub rate: Amount,
    /// In which currency.
    pub currency: Currency,
    /// The least a month costs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub monthly_minimum: Option<Amount>,
}

/// A menu by keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Menu {
    /// What is played.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt: Option<PromptName>,
    /// Key → queue.
    #[serde(default)]
    #[schemars(extend("maxProperties" = 12))]
    pub choices: BTreeMap<String, QueueReference>,
}

/// A team's share in a client's queue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TeamShare {
    /// The team.
    pub name: TeamName,
    /// Agents of the team that are this client's before anyone else's.
    #[serde(default)]
    #[schemars(range(min = 0, max = 100_000))]
    pub guaranteed: u32,
    /// Its weight among clients beyond the guarantees; absent: 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1000))]
    pub weight: Option<u32>,
}

/// A queue of a client.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ClientQueue {
    /// Unique within the client.
    pub name: QueueName,
    /// Whose agents serve it, and with what share.
    #[schemars(length(min = 1, max = 50), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub teams: Vec<TeamShare>,
    /// What agents say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub script: Option<Script>,
    /// What all queues have.
    #[serde(flatten)]
    pub common: QueueCommon,
}

/// What agents say, as a ConfigMap of texts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Script {
    /// The ConfigMap's name.
    #[schemars(length(min = 1, max = 253))]
    pub config_map: String,
}

/// Training that a client's contacts ask of an agent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TrainingNeeded {
    /// All of these.
    #[serde(default)]
    #[schemars(length(max = 50), extend("x-kubernetes-list-type" = "set"))]
    pub courses: Vec<CourseName>,
}

/// What is watched, and its bounds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Kpi {
    /// Which figure.
    pub metric: KpiMetric,
    /// Not above: a number, or a duration for AHT and ASA.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<Bound>,
    /// Not below.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min: Option<Bound>,
}

/// A figure that a client is watched by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
#[allow(clippy::upper_case_acronyms, reason = "the field writes them so")]
pub enum KpiMetric {
    /// Average handle time.
    AHT,
    /// Average speed of answer.
    ASA,
    /// Service level, per cent.
    ServiceLevel,
    /// Abandoned of offered, per cent.
    Abandonment,
    /// Occupancy, per cent.
    Occupancy,
    /// Quality score, per cent.
    Quality,
    /// First-contact resolution, per cent.
    FirstContactResolution,
}

/// A bound: a number, or a duration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Bound {
    /// Per cent or a count.
    Number(f64),
    /// A length of time.
    Duration(Seconds),
}

impl JsonSchema for Bound {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Bound".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        // A structural schema has no "number or string"; Kubernetes' own extension is for
        // integers and strings, which is what a percentage or a duration is written as.
        schemars::json_schema!({"x-kubernetes-int-or-string": true})
    }
}

/// What the operator reports of a client.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClientStatus {
    /// The generation that the conditions speak of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// `Ready`, `Reconciling`, `Stalled`, and the gates: `TrunksVerified`, `NumbersRouted`, `TeamStaffed`,
    /// `AgentsTrained`, `TestCallPassed`, then `Live`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Conditions,
    /// Today's service level against the contract, rounded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_level: Option<String>,
}
