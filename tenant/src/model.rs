//! The Tenant: what the documents mean together, with every reference resolved.
//!
//! It is plain data, ordered, and serialises the same way each time, so that its hash
//! names it. It holds no secret: a Secret is a name here.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use trunkline_crds::*;

use crate::ids::QueueId;
use crate::rules::parse_date;

/// One call centre with its clients, trunks and people.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Tenant {
    /// The CallCenter's name.
    pub name: CallCenterName,
    /// The namespace, the tenant's home.
    pub namespace: String,
    /// The zone of the centre's own calendars and shifts.
    pub time_zone: Tz,
    /// Opening hours, by name; zones come with who uses them.
    pub calendars: BTreeMap<CalendarName, OpeningHours>,
    /// Places outside the centre.
    pub departments: BTreeMap<DepartmentName, Department>,
    /// Declared roles.
    pub roles: BTreeMap<RoleName, Role>,
    /// Recordings.
    pub prompts: BTreeMap<PromptName, ConfigMapKey>,
    /// Courses, with their length in hours.
    pub courses: BTreeMap<CourseName, f64>,
    /// Shifts.
    pub shifts: BTreeMap<ShiftName, WorkShift>,
    /// Teams.
    pub teams: BTreeMap<TeamName, TenantTeam>,
    /// Every queue, the centre's and the clients'.
    pub queues: BTreeMap<QueueId, Queue>,
    /// Clients.
    pub clients: BTreeMap<ClientName, TenantClient>,
    /// Trunks.
    pub trunks: BTreeMap<TrunkName, TenantTrunk>,
    /// People.
    pub agents: BTreeMap<AgentName, TenantAgent>,
    /// Which client a called number belongs to.
    pub numbers: BTreeMap<PhoneNumber, ClientName>,
    /// How capacity is planned.
    pub capacity: Capacity,
    /// The engine's pods.
    pub engine: Engine,
    /// Media pods, exposure, recording.
    pub telephony: Telephony,
    /// The journal's store.
    pub storage: Storage,
    /// The rooms.
    pub facility: Option<Facility>,
    /// Whether its pods sleep.
    pub hibernate: bool,
}

/// A calendar as minutes of the day.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpeningHours {
    /// For Monday (0) to Sunday (6): the open windows `[from, to)` in minutes after
    /// midnight, sorted, not touching.
    pub week: [Vec<(u16, u16)>; 7],
    /// Days closed whatever the week says.
    pub closed: BTreeSet<NaiveDate>,
}

/// A calendar and the zone that it is read in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hours {
    /// Which calendar.
    pub calendar: CalendarName,
    /// In whose zone: the client's for a client's queue, else the centre's.
    pub zone: Tz,
}

/// A shift with times as numbers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkShift {
    /// Minutes after midnight in the centre's zone.
    pub start_minute: u16,
    /// Breaks included.
    pub length: Seconds,
    /// Breaks in order, none overlapping another.
    pub breaks: Vec<Break>,
}

/// A team; its agents are in [`Tenant::agents`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TenantTeam {
    /// People or software.
    pub kind: TeamKind,
    /// Who leads it.
    pub lead: Option<AgentName>,
    /// Contacts at once, by medium.
    pub media: MediaCapacity,
    /// Which medium may break into which.
    pub interrupts: Vec<Interrupt>,
    /// What every member can do.
    pub skills: BTreeMap<SkillName, u8>,
    /// Work places.
    pub seats: Option<u32>,
    /// The shifts that its members work.
    pub shifts: Vec<ShiftName>,
    /// Shrinkage, per cent.
    pub shrinkage: Shrinkage,
    /// After-call work.
    pub wrap_up: Seconds,
    /// How its pods run; `Some` exactly for a virtual team.
    pub virtual_agents: Option<VirtualAgents>,
}

/// The team, the pod and the slot in the name of a virtual agent, `<team>-<pod>-<slot>`; `None` where it has not
/// that form. A team's name may have a dash in it, a pod's and a slot's have none.
pub fn slot_parts(agent: &str) -> Option<(&str, &str, &str)> {
    let mut parts = agent.rsplitn(3, '-');
    let (slot, pod, team) = (parts.next()?, parts.next()?, parts.next()?);
    Some((team, pod, slot))
}

/// A queue with everything that its client or centre lends it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Queue {
    /// What its contacts come in by.
    pub medium: Medium,
    /// Whose agents serve it, with the client's share of each team.
    pub teams: Vec<TeamShare>,
    /// When it is open; `None`: always. A client's queue without a calendar has the client's hours.
    pub hours: Option<Hours>,
    /// Whom to ask, in steps; never empty: a queue without a route has one step that asks for nothing.
    pub route: Vec<Step>,
    /// What happens when the route ends.
    pub on_exhausted: Exhausted,
    /// Which of the qualified agents is asked first.
    pub strategy: Strategy,
    /// How long an agent is asked.
    pub ring: Seconds,
    /// Minutes of age that its contacts start with.
    pub priority: i32,
    /// An abandonment sooner than this is short.
    pub short_abandon: Seconds,
    /// For how long the customer's last agent alone is tried.
    pub last_agent: Option<Seconds>,
    /// What happens outside its hours.
    pub closed: Shut,
    /// Its own target, or its client's contract's.
    pub service_level: Option<ServiceLevel>,
    /// Whether that is the contract's: figures go by it from the contract's first day on, routing and planning
    /// at once.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub level_of_contract: bool,
    /// Its own bound, or its client's contract's; per cent.
    pub max_abandonment: Option<Percent>,
    /// What a waiting caller hears.
    pub announcements: Announcements,
    /// How its customers who are to be called back are tried.
    #[serde(default, skip_serializing_if = "as_by_default")]
    pub callbacks: Callbacks,
    /// Courses that an agent must have completed.
    pub training: BTreeSet<CourseName>,
    /// What agents say: a ConfigMap's name.
    pub script: Option<String>,
}

/// Left out, so that a tenant whose documents say nothing of it is the one that it was.
fn as_by_default(callbacks: &Callbacks) -> bool {
    *callbacks == Callbacks::default()
}

/// One step of a route.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// Levels that an agent must reach, all of them.
    pub require: BTreeMap<SkillName, u8>,
    /// Levels that put an agent first.
    pub prefer: BTreeMap<SkillName, u8>,
    /// How long the step lasts; `None`: until the caller goes.
    pub duration: Option<Seconds>,
}

/// What happens when the route ends, with the queue that it names resolved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Exhausted {
    /// It waits on under its last step.
    Hold,
    /// One more step: any agent of the queue's teams.
    Widen,
    /// It goes to that queue, with its age.
    Overflow(QueueId),
    /// The customer is called back; who can't be called waits on.
    Callback(Option<PromptName>),
    /// The customer may leave a message.
    Voicemail(Option<PromptName>),
    /// The contact is ended.
    Close(Option<PromptName>),
}

/// What happens outside the queue's hours.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Shut {
    /// The contact is ended.
    Close(Option<PromptName>),
    /// It goes to that queue.
    Overflow(QueueId),
    /// The customer is called back in opening hours; who can't be called is let go without the prompt.
    Callback(Option<PromptName>),
    /// The customer may leave a message.
    Voicemail(Option<PromptName>),
}

/// A client; its queues are in [`Tenant::queues`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TenantClient {
    /// As people call it.
    pub display_name: String,
    /// Who answers for it.
    pub project_manager: Option<String>,
    /// The zone that its calendars and reports are read in.
    pub time_zone: Tz,
    /// What was agreed.
    pub contract: Option<Contract>,
    /// The numbers that its customers call and that it holds.
    pub numbers: BTreeSet<PhoneNumber>,
    /// When it is open; `None`: always.
    pub hours: Option<Hours>,
    /// Its trunks in outbound order.
    pub trunks: Vec<TrunkName>,
    /// Whether it takes calls only after somebody has said go.
    pub manual_go_live: bool,
    /// Somebody has said go.
    pub approved: bool,
    /// What a caller may choose.
    pub menu: Option<TenantMenu>,
    /// Where a caller goes without a choice: its first voice queue.
    pub entry: Option<QueueId>,
    /// What its performance is watched by.
    pub kpis: Vec<Kpi>,
    /// How long its deletion waits for its last call.
    pub drain_deadline: Seconds,
}

impl TenantClient {
    /// The first day of its contract, on its own calendar; `None`: there is no contract, or it counts always.
    pub fn contract_from(&self) -> Option<NaiveDate> {
        parse_date(self.contract.as_ref()?.from.as_ref()?)
    }
}

/// A menu with resolved queues.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TenantMenu {
    /// What is played.
    pub prompt: Option<PromptName>,
    /// Key → queue.
    pub choices: BTreeMap<String, QueueId>,
}

/// A trunk.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TenantTrunk {
    /// Where the carrier is; `None`: it only brings calls in.
    pub carrier: Option<Carrier>,
    /// How the two know each other.
    pub auth: TrunkAuth,
    /// Codecs in order of preference.
    pub codecs: Vec<Codec>,
    /// The numbers that it may bring in.
    pub numbers: Vec<NumberPattern>,
    /// What it may carry.
    pub limits: TrunkLimits,
    /// What may go out; `None`: nothing.
    pub outbound: Option<Outbound>,
    /// How long its deletion waits for its last call.
    pub drain_deadline: Seconds,
}

/// A person.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TenantAgent {
    /// As people call them.
    pub display_name: String,
    /// Their team; `None`: they take no contacts.
    pub team: Option<TeamName>,
    /// Their roles.
    pub roles: Vec<RoleName>,
    /// Their team's skills, overridden by their own.
    pub skills: BTreeMap<SkillName, u8>,
    /// Their own shifts, else their team's.
    pub shifts: Vec<ShiftName>,
    /// First day; `None`: always employed.
    pub employed_from: Option<NaiveDate>,
    /// Last day.
    pub employed_to: Option<NaiveDate>,
    /// Contracted hours a week.
    pub hours_per_week: Option<f64>,
    /// Whether they work from elsewhere.
    pub remote: bool,
    /// Courses completed, with the day.
    pub trained: BTreeMap<CourseName, NaiveDate>,
    /// Where their calls ring.
    pub endpoint: Endpoint,
}
