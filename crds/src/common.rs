//! What several kinds share: queues, routes, service levels, references.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::names::*;
use crate::values::*;

/// What a contact comes in by.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[schemars(inline)]
pub enum Medium {
    /// A telephone call.
    Voice,
    /// A chat.
    Chat,
    /// An e-mail.
    Email,
    /// A call that we place because the customer asked for it.
    Callback,
}

impl Medium {
    /// Whether it is a call, whoever places it.
    pub const fn is_call(self) -> bool {
        matches!(self, Self::Voice | Self::Callback)
    }

    /// Whether what comes by the one can go on in a queue for the other.
    pub const fn is_like(self, other: Self) -> bool {
        self as u8 == other as u8 || (self.is_call() && other.is_call())
    }
}

/// Which of the qualified agents is asked first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub enum Strategy {
    /// Who has been idle longest.
    #[default]
    LongestIdle,
    /// Who has the highest levels in what the step asks for and prefers.
    MostSkilled,
    /// Who has been least busy since sign-in.
    LeastOccupied,
    /// Each in turn.
    RoundRobin,
}

/// What happens to a contact when the last step of its route ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub enum ExhaustedAction {
    /// It waits on under its last step.
    Hold,
    /// Any agent of the queue's teams may take it.
    Widen,
    /// It goes to another queue, with its age.
    Overflow,
    /// The customer is called back.
    Callback,
    /// The customer may leave a message.
    Voicemail,
    /// The contact is ended with a prompt.
    Close,
}

/// `onExhausted`: always written, for vendors differ here silently.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OnExhausted {
    /// What to do. With `Callback`, a caller whose number is withheld or can't be dialled waits on instead.
    pub action: ExhaustedAction,
    /// The queue to go to; with `Overflow`, and only then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue: Option<QueueReference>,
    /// Played before `Close`, `Callback` or `Voicemail`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt: Option<PromptName>,
}

/// What a caller meets outside the queue's calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub enum ClosedAction {
    /// The contact is ended with a prompt.
    Close,
    /// It goes to another queue.
    Overflow,
    /// The customer is called back in opening hours.
    Callback,
    /// The customer may leave a message.
    Voicemail,
}

/// What a queue does outside its calendar.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Closed {
    /// What to do. With `Callback`, a caller whose number is withheld or can't be dialled is hung up, without the prompt.
    pub action: ClosedAction,
    /// Played first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt: Option<PromptName>,
    /// The queue to go to; with `Overflow`, and only then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue: Option<QueueReference>,
}

/// A queue by name: a bare name is the document's own, `centre/orders` is the centre's.
#[derive(
    Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(transparent)]
#[schemars(inline)]
pub struct QueueReference(
    #[schemars(
        length(min = 1, max = 70),
        regex(pattern = r"^(centre/)?[a-z0-9]([-a-z0-9]*[a-z0-9])?$")
    )]
    pub String,
);

/// One step of a route. The step's timer runs from entry into the step.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RouteStep {
    /// Skills that an agent must have, each at this level or above.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "step_levels")]
    pub require: BTreeMap<SkillName, Level>,
    /// Skills that put an agent first; never a reason to leave one out.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "step_levels")]
    pub prefer: BTreeMap<SkillName, Level>,
    /// How long the step lasts; may be absent in the last step only.
    #[serde(default, rename = "for", skip_serializing_if = "Option::is_none")]
    pub duration: Option<Seconds>,
}

/// How a service level is counted; the metric contract gives the formulas.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    JsonSchema,
)]
#[schemars(inline)]
pub enum Formula {
    /// A_T / (A + B − B_s)
    #[default]
    ExcludeShortAbandons,
    /// A_T / (A + B)
    AllOffered,
    /// A_T / A
    AnsweredOnly,
    /// (A_T + B_T) / (A + B)
    AbandonsCount,
    /// (A_T + B_T + callbacks_T) / queued
    RemovedFromQueue,
    /// A_T / (A + B + F)
    WithFlowOuts,
}

/// A service level: so many per cent within so many seconds, by a named formula.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServiceLevel {
    /// The share that must be met, 0 to 100.
    #[serde(default = "eighty")]
    pub percent: Percent,
    /// The threshold T.
    #[serde(default = "twenty_seconds")]
    pub within: Seconds,
    /// How the share is counted.
    #[serde(default)]
    pub formula: Formula,
}

impl Default for ServiceLevel {
    fn default() -> Self {
        Self {
            percent: eighty(),
            within: twenty_seconds(),
            formula: Formula::default(),
        }
    }
}

fn eighty() -> Percent {
    Percent(80.0)
}
fn twenty_seconds() -> Seconds {
    Seconds::new(20)
}
pub(crate) fn ring_default() -> Seconds {
    Seconds::new(20)
}
pub(crate) fn short_abandon_default() -> Seconds {
    Seconds::new(5)
}
pub(crate) fn attempts_default() -> u32 {
    3
}
pub(crate) fn retry_after_default() -> Seconds {
    Seconds::minutes(10)
}
pub(crate) fn drain_deadline_default() -> Seconds {
    Seconds::minutes(30)
}

/// The last agent of this customer is tried first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LastAgent {
    /// For how long the agent alone is tried.
    #[serde(rename = "for")]
    pub duration: Seconds,
}

/// What a caller hears while waiting.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Announcements {
    /// Played once, when the call is answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub greeting: Option<PromptName>,
    /// Whether the place in the queue is told.
    #[serde(default)]
    pub position: bool,
    /// Whether the estimated wait is told.
    #[serde(default)]
    pub estimated_wait: bool,
    /// A callback in place of the wait, by a key; absent: none is offered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub callback: Option<CallbackOffer>,
}

/// A callback that a waiting caller may choose: their place is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CallbackOffer {
    /// The key that chooses it: 0 to 9, `*` or `#`.
    #[schemars(length(max = 1), regex(pattern = r"^[0-9*#]$"))]
    pub key: String,
    /// What tells callers of it, and of the key.
    pub prompt: PromptName,
    /// Played to who has chosen it, before they are let go.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirmation: Option<PromptName>,
}

/// How customers who are to be called back are tried.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Callbacks {
    /// Calls in vain after which nobody tries again.
    #[serde(default = "attempts_default")]
    #[schemars(range(min = 1, max = 10))]
    pub attempts: u32,
    /// From a call in vain to the next.
    #[serde(default = "retry_after_default")]
    pub retry_after: Seconds,
}

impl Default for Callbacks {
    fn default() -> Self {
        Self {
            attempts: attempts_default(),
            retry_after: retry_after_default(),
        }
    }
}

/// What the centre's and a client's queues have in common.
///
/// Flattened into both, so that a queue reads the same wherever it stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct QueueCommon {
    /// What its contacts come in by.
    pub medium: Medium,
    /// When it is open; absent: always.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calendar: Option<CalendarName>,
    /// Whom to ask, in steps; empty: any agent of its teams.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10))]
    pub route: Vec<RouteStep>,
    /// What happens when the route ends.
    pub on_exhausted: OnExhausted,
    /// Which of the qualified agents is asked first.
    #[serde(default)]
    pub strategy: Strategy,
    /// How long an agent is asked before the offer goes to another.
    #[serde(default = "ring_default")]
    pub ring: Seconds,
    /// Larger is more urgent: one point is a minute of age.
    #[serde(default)]
    #[schemars(range(min = -100, max = 100))]
    pub priority: i32,
    /// An abandonment sooner than this is short.
    #[serde(default = "short_abandon_default")]
    pub short_abandon: Seconds,
    /// Whether the customer's last agent is tried first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_agent: Option<LastAgent>,
    /// What happens outside the calendar; absent: the contact is closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed: Option<Closed>,
    /// The target that the queue is measured and staffed by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_level: Option<ServiceLevel>,
    /// The highest share of abandoned contacts, per cent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_abandonment: Option<Percent>,
    /// What a waiting caller hears.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub announcements: Option<Announcements>,
    /// How customers who are to be called back are tried; absent: three times, ten minutes apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub callbacks: Option<Callbacks>,
}

/// One key of a ConfigMap in the same namespace.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConfigMapKey {
    /// The ConfigMap's name.
    #[schemars(length(min = 1, max = 253))]
    pub config_map: String,
    /// The key in it.
    #[schemars(length(min = 1, max = 253))]
    pub key: String,
}

/// A Secret in the same namespace, by name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct SecretReference {
    /// The Secret's name.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
}

/// An amount in a currency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Money {
    /// How much, as a decimal string.
    pub amount: Amount,
    /// Of what.
    pub currency: Currency,
}

/// Conditions in the Kubernetes form; their reasons are set by the operator.
pub type Conditions = Vec<k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition>;
