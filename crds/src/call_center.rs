//! `CallCenter` (`cc`): the centre itself, written by the platform team.

use std::collections::BTreeMap;

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::common::*;
use crate::names::*;
use crate::values::*;

/// A call centre: departments, roles, skills, teams, shifts, calendars, in-house queues, capacity.
#[derive(CustomResource, Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "trunkline.dev",
    version = "v1alpha1",
    kind = "CallCenter",
    plural = "callcenters",
    shortname = "cc",
    category = "callcenter",
    namespaced,
    status = "CallCenterStatus",
    derive = "PartialEq",
    doc = "A call centre: its teams, queues, capacity, telephony and storage.",
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].status"
    ),
    printcolumn(
        name = "Clients",
        type_ = "integer",
        json_path = ".status.counts.clients"
    ),
    printcolumn(
        name = "Trunks",
        type_ = "integer",
        json_path = ".status.counts.trunks"
    ),
    printcolumn(
        name = "Agents",
        type_ = "integer",
        json_path = ".status.counts.agents"
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
pub struct CallCenterSpec {
    /// The zone that the centre's calendars and shifts are read in.
    #[serde(default = "utc")]
    pub time_zone: TimeZone,
    /// When things are open.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub calendars: Vec<Calendar>,
    /// Places outside the centre that calls are handed over to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub departments: Vec<Department>,
    /// The skills that routes may ask for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256), extend("x-kubernetes-list-type" = "set"))]
    pub skills: Vec<SkillName>,
    /// Roles beside the built-in ones.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 50), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub roles: Vec<Role>,
    /// Recordings that callers hear.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 500), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub prompts: Vec<Prompt>,
    /// Training that clients may ask of agents.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 200), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub courses: Vec<Course>,
    /// Groups of agents.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 200), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub teams: Vec<Team>,
    /// When people work.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub shifts: Vec<Shift>,
    /// The centre's own queues.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 500), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub queues: Vec<CentreQueue>,
    /// How capacity is planned.
    #[serde(default)]
    pub capacity: Capacity,
    /// The routing engine's pods.
    #[serde(default)]
    pub engine: Engine,
    /// The media pods and how carriers reach them.
    #[serde(default)]
    pub telephony: Telephony,
    /// Where the journal lives.
    #[serde(default)]
    pub storage: Storage,
    /// The rooms that people work in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub facility: Option<Facility>,
    /// Whether all pods are put to sleep, claims kept.
    #[serde(default)]
    pub hibernate: bool,
}

fn utc() -> TimeZone {
    "UTC".into()
}

/// Opening hours and the days that are closed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Calendar {
    /// Unique in the centre.
    pub name: CalendarName,
    /// Windows of opening; a window over midnight is written as two.
    #[serde(default)]
    #[schemars(length(max = 50))]
    pub open: Vec<OpenWindow>,
    /// Days on which it is closed whatever `open` says.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 400))]
    pub closed: Vec<Date>,
}

/// A window on some days of the week.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OpenWindow {
    /// Which days.
    #[serde(default = "every_day")]
    #[schemars(length(min = 1, max = 7))]
    pub days: Vec<Weekday>,
    /// From this time on.
    #[serde(default = "midnight")]
    pub from: TimeOfDay,
    /// Up to, not including, this time.
    #[serde(default = "end_of_day")]
    pub to: TimeOfDay,
}

fn every_day() -> Vec<Weekday> {
    use Weekday::*;
    vec![Mon, Tue, Wed, Thu, Fri, Sat, Sun]
}
fn midnight() -> TimeOfDay {
    "00:00".into()
}
fn end_of_day() -> TimeOfDay {
    "24:00".into()
}

/// A day of the week.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[schemars(inline)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Weekday {
    Mon,
    Tue,
    Wed,
    Thu,
    Fri,
    Sat,
    Sun,
}

/// A department outside the centre.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Department {
    /// Unique in the centre.
    pub name: DepartmentName,
    /// Who answers for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63))]
    pub owner: Option<String>,
    /// How soon it promises to answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer_within: Option<Seconds>,
    /// A `sip:` address or a phone number. An address is called whatever `prefixes` the trunks permit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(max = 255),
        regex(pattern = r"^(sips?:[^ ]+|\+[1-9][0-9]{1,14})$")
    )]
    pub transfer_to: Option<String>,
    /// When it can be reached; absent: always.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calendar: Option<CalendarName>,
}

/// A role made of others, or widened by single permissions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Role {
    /// Unique in the centre, and none of the built-in names.
    pub name: RoleName,
    /// Roles whose permissions it has.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20))]
    pub includes: Vec<RoleName>,
    /// Single permissions, as `recordings.listen`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 50),
        inner(length(max = 63), regex(pattern = r"^[a-z]+(\.[a-z]+)+$"))
    )]
    pub may: Vec<String>,
}

/// A recording.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Prompt {
    /// Unique in the centre.
    pub name: PromptName,
    /// Where the audio is: a WAV file, 8 kHz 16 bit mono.
    pub from: ConfigMapKey,
}

/// A training course.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Course {
    /// Unique in the centre.
    pub name: CourseName,
    /// How long it takes, in hours.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 2000.0))]
    pub hours: f64,
}

/// People, or software agents as pods.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[schemars(inline)]
pub enum TeamKind {
    /// People, each an `Agent`.
    Human,
    /// Software agents, as pods.
    Virtual,
}

/// How many contacts of each medium an agent may have at once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MediaCapacity {
    /// Calls; at most 1 for a person.
    #[serde(default)]
    #[schemars(range(min = 0, max = 100))]
    pub voice: u32,
    /// Chats.
    #[serde(default)]
    #[schemars(range(min = 0, max = 100))]
    pub chat: u32,
    /// E-mails.
    #[serde(default)]
    #[schemars(range(min = 0, max = 100))]
    pub email: u32,
}

impl Default for MediaCapacity {
    fn default() -> Self {
        Self {
            voice: 1,
            chat: 0,
            email: 0,
        }
    }
}

/// Which medium may be offered while another is being handled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Interrupt {
    /// The medium that may break in.
    pub by: Medium,
    /// The medium being handled.
    pub during: Medium,
}

/// A group of agents.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Team {
    /// Unique in the centre.
    pub name: TeamName,
    /// Who leads it: an `Agent`'s name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lead: Option<AgentName>,
    /// People or software.
    pub kind: TeamKind,
    /// Contacts at once, by medium.
    #[serde(default)]
    pub media: MediaCapacity,
    /// Which medium may break into which; absent pairs may not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub interrupts: Vec<Interrupt>,
    /// Skills that every member has; an agent's own level overrides.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "own_levels")]
    pub skills: BTreeMap<SkillName, Level>,
    /// Work places, shared by the shifts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 100_000))]
    pub seats: Option<u32>,
    /// The shifts that its members work.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 50), extend("x-kubernetes-list-type" = "set"))]
    pub shifts: Vec<ShiftName>,
    /// Paid time that isn't spent on contacts, per cent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shrinkage: Option<Shrinkage>,
    /// After-call work, before the agent is offered the next contact.
    #[serde(default)]
    pub wrap_up: Seconds,
    /// How its pods run; with `kind: Virtual`, and only then.
    #[serde(default, rename = "virtual", skip_serializing_if = "Option::is_none")]
    pub virtual_agents: Option<VirtualAgents>,
}

/// Shrinkage in and out of the plan.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Shrinkage {
    /// Leave, training, meetings: per cent.
    #[serde(default)]
    pub planned: Percent,
    /// Sickness, lateness, outages: per cent.
    #[serde(default)]
    pub unplanned: Percent,
}

/// The pods of a virtual team.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct VirtualAgents {
    /// The agent's image.
    #[schemars(length(min = 1, max = 512))]
    pub image: String,
    /// Contacts that one pod handles at once.
    #[serde(default = "one")]
    #[schemars(range(min = 1, max = 1000))]
    pub contacts_per_pod: u32,
    /// Never fewer pods.
    #[serde(default)]
    #[schemars(range(min = 0, max = 1000))]
    pub min_pods: u32,
    /// Never more pods.
    #[serde(default = "one")]
    #[schemars(range(min = 0, max = 1000))]
    pub max_pods: u32,
}

fn one() -> u32 {
    1
}

/// A work shift.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Shift {
    /// Unique in the centre.
    pub name: ShiftName,
    /// When it begins, in the centre's zone.
    pub start: TimeOfDay,
    /// How long it lasts, breaks included.
    pub length: Seconds,
    /// Fixed breaks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8))]
    pub breaks: Vec<Break>,
}

/// A fixed break.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Break {
    /// Counted from the shift's start.
    pub after: Seconds,
    /// How long it lasts.
    pub length: Seconds,
}

/// A queue of the centre's own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CentreQueue {
    /// Unique in the centre.
    pub name: QueueName,
    /// Whose agents serve it.
    #[schemars(length(min = 1, max = 50), extend("x-kubernetes-list-type" = "set"))]
    pub teams: Vec<TeamName>,
    /// What all queues have.
    #[serde(flatten)]
    pub common: QueueCommon,
}

/// How capacity is planned.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Capacity {
    /// The highest share of signed-in time spent on contacts, per cent.
    #[serde(default = "eighty_five")]
    pub max_occupancy: Percent,
    /// How far ahead is looked.
    #[serde(default = "half_an_hour")]
    pub horizon: Seconds,
    /// Pods over all virtual teams; absent: each team's own maximum.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 10_000))]
    pub virtual_budget: Option<u32>,
    /// How long before a break no contact is offered that would overrun it; 0: off.
    #[serde(default)]
    pub break_guard: Seconds,
}

fn eighty_five() -> Percent {
    Percent(85.0)
}
fn half_an_hour() -> Seconds {
    Seconds::minutes(30)
}

impl Default for Capacity {
    fn default() -> Self {
        Self {
            max_occupancy: eighty_five(),
            horizon: half_an_hour(),
            virtual_budget: None,
            break_guard: Seconds(0),
        }
    }
}

/// The routing engine's pods.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Engine {
    /// Only to override the release's image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 512))]
    pub image: Option<String>,
    /// Requests and limits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources: Option<Resources>,
}

/// Requests and limits of a container.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Resources {
    /// What is set aside for it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 8))]
    pub requests: BTreeMap<String, Quantity>,
    /// What it may not exceed.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 8))]
    pub limits: BTreeMap<String, Quantity>,
}

/// A Kubernetes quantity, `200m` or `128Mi`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(inline)]
pub struct Quantity(
    #[schemars(
        length(min = 1, max = 32),
        regex(pattern = r"^[0-9]+(\.[0-9]+)?(m|k|M|G|T|Ki|Mi|Gi|Ti)?$")
    )]
    pub String,
);

/// Media pods, exposure, recording.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Telephony {
    /// How many media pods, and how they roll.
    #[serde(default)]
    pub media: Media,
    /// How carriers and phones reach the media pods.
    #[serde(default)]
    pub exposure: Exposure,
    /// Whether and how calls are recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recording: Option<Recording>,
}

/// Which disruptions may end a pod that has calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub enum Disruption {
    /// A drain and an upgrade may, when the deadline comes.
    Always,
    /// An upgrade may, when the deadline comes.
    #[default]
    OnUpgrade,
    /// None: pods wait for their last call.
    Never,
}

/// The media pods.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Media {
    /// Never fewer pods.
    #[serde(default = "one")]
    #[schemars(range(min = 1, max = 100))]
    pub min_pods: u32,
    /// Never more pods.
    #[serde(default = "one")]
    #[schemars(range(min = 1, max = 100))]
    pub max_pods: u32,
    /// Concurrent calls that one pod carries.
    #[serde(default = "two_hundred")]
    #[schemars(range(min = 1, max = 2000))]
    pub calls_per_pod: u32,
    /// Which disruptions may end a pod that has calls.
    #[serde(default)]
    pub disruption: Disruption,
    /// How long a drain waits for the last call.
    #[serde(default = "drain_deadline_default")]
    pub drain_deadline: Seconds,
    /// Only to override the release's image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 512))]
    pub image: Option<String>,
}

fn two_hundred() -> u32 {
    200
}

impl Default for Media {
    fn default() -> Self {
        Self {
            min_pods: 1,
            max_pods: 1,
            calls_per_pod: two_hundred(),
            disruption: Disruption::default(),
            drain_deadline: drain_deadline_default(),
            image: None,
        }
    }
}

/// How media pods are reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub enum ExposureType {
    /// Pod addresses are routed to the carriers.
    #[default]
    PodIP,
    /// Each media pod has a Service of its own with its RTP ports.
    PerPodService,
    /// The node's own network.
    HostNetwork,
}

/// How media pods are reached.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Exposure {
    /// The way.
    #[serde(default, rename = "type")]
    pub kind: ExposureType,
}

/// Recording of calls.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Recording {
    /// The share of calls recorded, per cent.
    #[serde(default)]
    pub sample: Percent,
    /// How long recordings are kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retention: Option<Seconds>,
    /// Whether recording stops while a payment is taken.
    #[serde(default)]
    pub pause_on_payment: bool,
}

/// Where the tenant's state lives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Storage {
    /// The journal of every input.
    #[serde(default)]
    pub journal: Journal,
    /// What each media pod keeps of recordings and messages.
    #[serde(default)]
    pub recordings: RecordingsStore,
    /// Whether claims outlive the CallCenter.
    #[serde(default = "yes")]
    pub keep_on_delete: bool,
}

fn yes() -> bool {
    true
}

impl Default for Storage {
    fn default() -> Self {
        Self {
            journal: Journal::default(),
            recordings: RecordingsStore::default(),
            keep_on_delete: true,
        }
    }
}

/// The journal's store: SQLite unless Postgres is named.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Journal {
    /// One file on a claim of the engine's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sqlite: Option<SqliteJournal>,
    /// A Postgres server, with a standby engine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub postgres: Option<PostgresJournal>,
}

/// SQLite on a claim.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SqliteJournal {
    /// The claim's size.
    #[serde(default = "five_gibibytes")]
    pub size: Quantity,
}

impl Default for SqliteJournal {
    fn default() -> Self {
        Self {
            size: five_gibibytes(),
        }
    }
}

/// Recordings and messages, on a claim of each media pod's own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RecordingsStore {
    /// The size of each claim.
    #[serde(default = "five_gibibytes")]
    pub size: Quantity,
}

impl Default for RecordingsStore {
    fn default() -> Self {
        Self {
            size: five_gibibytes(),
        }
    }
}

fn five_gibibytes() -> Quantity {
    Quantity("5Gi".to_owned())
}

/// A Postgres server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PostgresJournal {
    /// A Secret with the key `uri`.
    pub secret_ref: SecretReference,
}

/// The rooms that people work in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Facility {
    /// Floor, in square metres.
    #[serde(rename = "areaM2")]
    #[schemars(range(min = 0.0, max = 1_000_000.0))]
    pub area_m2: f64,
    /// Clear height, in metres.
    #[serde(rename = "heightM")]
    #[schemars(range(min = 0.0, max = 100.0))]
    pub height_m: f64,
}

/// What the operator reports of a centre.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CallCenterStatus {
    /// The generation that the conditions speak of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// `Ready`, `Reconciling`, `Stalled`, `EngineReady`, `MediaReady`, `ConfigApplied`, `CapacityMet`, `ServiceLevelAtRisk`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Conditions,
    /// How many documents the tenant is made of.
    #[serde(default)]
    pub counts: Counts,
    /// The hash of the configuration that engines should run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_hash: Option<String>,
    /// The addresses that carriers send calls to, as `host:port`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<String>,
    /// Each team's people.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub teams: Vec<TeamStatus>,
}

/// How many documents the tenant is made of.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Counts {
    /// `Client` documents in use.
    pub clients: u32,
    /// `Trunk` documents in use.
    pub trunks: u32,
    /// `Agent` documents in use.
    pub agents: u32,
}

/// A team's people, now.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TeamStatus {
    /// The team.
    pub name: String,
    /// Agents that the current load asks for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub required: Option<u32>,
    /// Agents that the plan has on shift.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheduled: Option<u32>,
    /// Agents declared and employed.
    #[serde(default)]
    pub staffed: u32,
    /// Agents signed in and ready, rounded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ready: Option<u32>,
    /// Pods of a virtual team.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pods: Option<u32>,
}
