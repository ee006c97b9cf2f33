//! The shapes that the API speaks: times are RFC 3339, lengths are seconds.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use trunkline_routing::{AgentState, ContactId, Outcome, Segment, SegmentEnd, Span, Time};
use trunkline_tenant::crds::{AgentName, Medium};
use trunkline_tenant::{QueueId, Tenant};

use crate::journal::{Names, Presence};
use crate::state::{AgentView, ContactRecord, LiveContact, Stage};

/// A contact, living or ended.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Contact {
    /// Its number.
    pub(super) id: u64,
    /// The queue that it is in, or was answered from: `queue` or `client/queue`.
    queue: String,
    /// Whose it is; absent: the centre's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    client: Option<String>,
    /// `Voice`, `Chat`, `Email`, `Callback`; absent where the queue is no longer configured.
    #[serde(skip_serializing_if = "Option::is_none")]
    medium: Option<Medium>,
    /// `waiting`, `offered`, `accepted`, `talking`, `held`, `outside`, `away` (a consult with a
    /// party outside), `later` (a callback whose time has not come) or `ended`.
    #[schemars(extend("enum" = ["waiting", "offered", "accepted", "talking", "held", "outside", "away", "later", "ended"]))]
    state: &'static str,
    /// How it ended: `answered`, `abandoned`, `closed`, `callback`, `voicemail`, `dropped`,
    /// `transferred`, `unreached`, `merged`, `cancelled`, `consulted`.
    #[schemars(extend("enum" = ["answered", "abandoned", "closed", "callback", "voicemail", "dropped", "transferred",
        "unreached", "merged", "cancelled", "consulted"]))]
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<String>,
    /// Who is asked, talks or talked last.
    #[serde(skip_serializing_if = "Option::is_none")]
    agent: Option<String>,
    /// The offer's generation, while an agent is asked or talks.
    #[serde(skip_serializing_if = "Option::is_none")]
    generation: Option<u32>,
    /// The number dialled.
    #[serde(skip_serializing_if = "Option::is_none")]
    number: Option<String>,
    /// Who it is from, unless they are erased.
    #[serde(skip_serializing_if = "Option::is_none")]
    customer: Option<String>,
    /// The word under which it came through the API.
    #[serde(skip_serializing_if = "Option::is_none")]
    reference: Option<String>,
    /// The number to call, of a callback.
    #[serde(skip_serializing_if = "Option::is_none")]
    calls: Option<String>,
    /// When the time of a callback comes, where it has not.
    #[serde(skip_serializing_if = "Option::is_none")]
    due: Option<DateTime<Utc>>,
    /// The contact that this is a consult about.
    #[serde(skip_serializing_if = "Option::is_none")]
    consult_of: Option<u64>,
    /// The consult about this contact.
    #[serde(skip_serializing_if = "Option::is_none")]
    consult: Option<u64>,
    /// The message that its caller left.
    #[serde(skip_serializing_if = "Option::is_none")]
    voicemail: Option<Message>,
    /// When it first arrived.
    arrived: DateTime<Utc>,
    /// When both legs were first joined.
    #[serde(skip_serializing_if = "Option::is_none")]
    answered: Option<DateTime<Utc>>,
    /// When it ended; wrap-up excluded.
    #[serde(skip_serializing_if = "Option::is_none")]
    ended: Option<DateTime<Utc>>,
    /// From its first arrival until it was answered, or ended, or now.
    wait_seconds: f64,
    /// In conversation, holds excluded, over all its stretches.
    talk_seconds: f64,
    /// On hold, over all its stretches.
    hold_seconds: f64,
    /// After-call work; a stretch whose wrap-up goes on is not in it yet.
    wrap_up_seconds: f64,
    /// Whether every wrap-up of it is over, so that nothing here will change.
    complete: bool,
    /// Its complete stretches, one for each queue that it passed through.
    segments: Vec<Stretch>,
}

/// A message that a caller left.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Message {
    /// What the recording is called in the store.
    recording: String,
    seconds: f64,
}

/// A contact's stretch in one queue.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Stretch {
    index: u32,
    queue: String,
    entered: DateTime<Utc>,
    #[serde(skip_serializing_if = "Option::is_none")]
    answered: Option<DateTime<Utc>>,
    ended: DateTime<Utc>,
    #[serde(skip_serializing_if = "Option::is_none")]
    agent: Option<String>,
    /// From its entry to this queue.
    wait_seconds: f64,
    talk_seconds: f64,
    hold_seconds: f64,
    wrap_up_seconds: f64,
    /// What the agent said it was about.
    codes: Vec<String>,
    /// How it ended.
    end: String,
}

pub(super) fn rfc3339(time: Time) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(time.0).unwrap_or_default()
}

/// A word as serde writes it.
fn word<T: Serialize>(value: &T) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        _ => String::new(),
    }
}

/// A sum that is 0 where there is nothing; `Sum` makes it -0.
fn seconds(parts: impl Iterator<Item = f64>) -> f64 {
    parts.fold(0.0, |sum, part| sum + part)
}

fn talk(segment: &Segment) -> f64 {
    segment.answered.map_or(0.0, |answered| {
        ((segment.ended - answered).as_secs_f64() - segment.hold.as_secs_f64()).max(0.0)
    })
}

impl From<&Segment> for Stretch {
    fn from(segment: &Segment) -> Self {
        let until = segment.answered.unwrap_or(segment.ended);
        Self {
            index: segment.index,
            queue: segment.queue.to_string(),
            entered: rfc3339(segment.entered),
            answered: segment.answered.map(rfc3339),
            ended: rfc3339(segment.ended),
            agent: segment.agent.as_ref().map(ToString::to_string),
            wait_seconds: (until - segment.entered).as_secs_f64(),
            talk_seconds: talk(segment),
            hold_seconds: segment.hold.as_secs_f64(),
            wrap_up_seconds: segment.wrap_up.as_secs_f64(),
            codes: segment.codes.clone(),
            end: word(&segment.end),
        }
    }
}

/// What a contact's totals are summed from.
struct Sums<'a> {
    segments: &'a [Segment],
    /// The conversation under way, or whose wrap-up is: since when, until when, on hold for.
    open: Option<(Time, Time, Span)>,
}

impl Sums<'_> {
    fn answered(&self) -> Option<Time> {
        let complete = self.segments.iter().filter_map(|s| s.answered).min();
        complete.or(self.open.map(|(since, ..)| since))
    }
    fn talk(&self) -> f64 {
        let open = self.open.map_or(0.0, |(since, until, hold)| {
            ((until - since).as_secs_f64() - hold.as_secs_f64()).max(0.0)
        });
        seconds(self.segments.iter().map(talk)) + open
    }
    fn hold(&self) -> f64 {
        let open = self.open.map_or(0.0, |(.., hold)| hold.as_secs_f64());
        let complete = seconds(self.segments.iter().map(|s| s.hold.as_secs_f64()));
        complete + open
    }
    fn wrap_up(&self) -> f64 {
        seconds(self.segments.iter().map(|s| s.wrap_up.as_secs_f64()))
    }
}

fn medium(tenant: Option<&Tenant>, queue: &QueueId) -> Option<Medium> {
    Some(tenant?.queues.get(queue)?.medium)
}

impl Contact {
    /// One that lives; `now` ends what is still under way.
    pub(crate) fn living(
        id: ContactId,
        live: &LiveContact,
        tenant: Option<&Tenant>,
        now: Time,
    ) -> Self {
        let sums = Sums {
            segments: &live.segments,
            open: open_talk(&live.stage, now),
        };
        let mut contact = Self::of(id, live, tenant, &sums, now);
        contact.state = match &live.stage {
            Stage::Talking {
                held_since: Some(_),
                ..
            } => "held",
            stage => stage.word(),
        };
        contact.generation = live.stage.offer().map(|offer| offer.generation);
        contact
    }

    /// One that has ended.
    pub(crate) fn ended(record: &ContactRecord, tenant: Option<&Tenant>) -> Self {
        let talked = matches!(record.last.stage, Stage::Talking { .. });
        let summed = record
            .segments
            .last()
            .is_some_and(|segment| segment.ended >= record.ended);
        let sums = Sums {
            segments: &record.segments,
            open: if summed {
                None
            } else {
                open_talk(&record.last.stage, record.ended)
            },
        };
        let mut contact = Self::of(record.contact, &record.last, tenant, &sums, record.ended);
        contact.state = "ended";
        contact.outcome = Some(word(&record.outcome));
        contact.ended = Some(rfc3339(record.ended));
        // Who handed it over may wrap up still.
        let mut indices = (0..).zip(&record.segments);
        let whole = indices.all(|(index, segment)| segment.index == index);
        contact.complete = whole && (summed || !talked);
        contact
    }

    /// One that only the journal remembers, by its stretches; `None` where there are none.
    pub(crate) fn journalled(
        id: ContactId,
        segments: &[Segment],
        tenant: Option<&Tenant>,
    ) -> Option<Self> {
        let last = segments.last()?;
        let sums = Sums {
            segments,
            open: None,
        };
        let live = LiveContact {
            entered: last.entered,
            segments: segments.to_vec(),
            ..LiveContact::new(last.queue.clone(), last.arrived)
        };
        let mut contact = Self::of(id, &live, tenant, &sums, last.ended);
        contact.state = "ended";
        contact.outcome = Some(word(&outcome_of(segments)));
        contact.ended = Some(rfc3339(last.ended));
        contact.complete = true;
        Some(contact)
    }

    /// With the customer's own number or address, and the reference of their contact; without, once they
    /// are erased.
    pub(crate) fn named(mut self, names: &Names) -> Self {
        if self.customer.is_some() {
            self.reference = self.reference.and_then(|sealed| names.reference(&sealed));
        }
        self.customer = self.customer.and_then(|customer| names.of(&customer));
        self.calls = self.calls.and_then(|customer| names.of(&customer));
        self
    }

    fn of(
        id: ContactId,
        live: &LiveContact,
        tenant: Option<&Tenant>,
        sums: &Sums<'_>,
        now: Time,
    ) -> Self {
        let answered = sums.answered();
        let last_agent = || sums.segments.iter().rev().find_map(|s| s.agent.as_ref());
        Self {
            id: id.0,
            queue: live.queue.to_string(),
            client: live.queue.client().map(|it| it.to_string()),
            medium: medium(tenant, &live.queue),
            state: "",
            outcome: None,
            agent: live
                .stage
                .agent()
                .or_else(last_agent)
                .map(ToString::to_string),
            generation: None,
            number: live.number.clone(),
            customer: live.customer.clone(),
            reference: live.reference.clone(),
            calls: live.calls.clone(),
            due: match live.stage {
                Stage::Later { until } => Some(rfc3339(until)),
                _ => None,
            },
            consult_of: live.consult_of.map(|id| id.0),
            consult: live.consult.map(|id| id.0),
            voicemail: live.voicemail.as_ref().map(|left| Message {
                recording: left.recording.clone(),
                seconds: left.length.as_secs_f64(),
            }),
            arrived: rfc3339(live.arrived),
            answered: answered.map(rfc3339),
            ended: None,
            // A callback may be booked for later than now.
            wait_seconds: (answered.unwrap_or(now) - live.arrived)
                .as_secs_f64()
                .max(0.0),
            talk_seconds: sums.talk(),
            hold_seconds: sums.hold(),
            wrap_up_seconds: sums.wrap_up(),
            complete: false,
            segments: sums.segments.iter().map(Stretch::from).collect(),
        }
    }
}

fn outcome_of(segments: &[Segment]) -> Outcome {
    let answered = segments.iter().any(|s| s.end == SegmentEnd::Answered);
    match segments.last().map(|s| s.end) {
        _ if answered => Outcome::Answered,
        Some(SegmentEnd::Callback) => Outcome::Callback,
        Some(SegmentEnd::Voicemail) => Outcome::Voicemail,
        Some(SegmentEnd::Closed) => Outcome::Closed,
        Some(SegmentEnd::Dropped) => Outcome::Dropped,
        Some(SegmentEnd::Unreached) => Outcome::Unreached,
        Some(SegmentEnd::Merged) => Outcome::Merged,
        Some(SegmentEnd::Cancelled) => Outcome::Cancelled,
        _ => Outcome::Abandoned,
    }
}

fn open_talk(stage: &Stage, now: Time) -> Option<(Time, Time, Span)> {
    match stage {
        Stage::Talking {
            since,
            held_since,
            hold,
            ..
        } => {
            let held = held_since.map_or(0, |from| (now - from).0);
            Some((*since, now, Span(hold.0 + held)))
        }
        _ => None,
    }
}

/// An agent.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Agent {
    name: String,
    display_name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    team: Option<String>,
    /// `signedOut`, `notReady`, `idle`, `offered`, `busy` or `wrapUp`.
    #[schemars(extend("enum" = ["signedOut", "notReady", "idle", "offered", "busy", "wrapUp"]))]
    state: String,
    /// Why not ready.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// Until when at most the wrap-up lasts.
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<DateTime<Utc>>,
    /// Since when the state is this.
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<DateTime<Utc>>,
    /// Whether the session lives.
    alive: bool,
    /// How that is known: `heartbeat` or `endpoint`.
    presence: SignInPresence,
}

impl Agent {
    pub(crate) fn new(name: &AgentName, view: Option<&AgentView>, tenant: Option<&Tenant>) -> Self {
        let person = tenant.and_then(|tenant| tenant.agents.get(name));
        let state = view.map_or(&AgentState::SignedOut, |view| &view.state);
        let (state, reason, until) = match state {
            AgentState::SignedOut => ("signedOut", None, None),
            AgentState::NotReady { reason } => ("notReady", Some(reason.clone()), None),
            AgentState::Idle => ("idle", None, None),
            AgentState::Offered => ("offered", None, None),
            AgentState::Busy => ("busy", None, None),
            AgentState::WrapUp { until } => ("wrapUp", None, Some(rfc3339(*until))),
        };
        Self {
            name: name.to_string(),
            display_name: person
                .map(|person| person.display_name.clone())
                .unwrap_or_default(),
            team: person.and_then(|person| person.team.as_ref().map(ToString::to_string)),
            state: state.to_owned(),
            reason,
            until,
            since: view.map(|view| rfc3339(view.since)),
            alive: view.is_some_and(|view| view.alive),
            presence: view
                .map_or(Presence::default(), |view| view.presence)
                .into(),
        }
    }
}

/// A queue as it is now.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct QueueNow {
    /// `queue` or `client/queue`.
    pub(crate) queue: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) client: Option<String>,
    pub(crate) medium: Medium,
    /// Waiting, being offered or being joined. Consults are not among them: they are about a contact.
    pub(crate) waiting: usize,
    /// In conversation.
    pub(crate) talking: usize,
    /// Callbacks that are booked for a time that has not come.
    pub(crate) later: usize,
    /// Of those who wait, since their first arrival.
    pub(crate) longest_wait_seconds: f64,
}

/// What runs.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Running {
    /// The CallCenter.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) call_center: Option<String>,
    /// The hash of the Tenant that runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) config_hash: Option<String>,
    /// `standby`, `recovering`, `leading` or `ended`.
    #[schemars(extend("enum" = ["standby", "recovering", "leading", "ended"]))]
    pub(crate) role: &'static str,
    /// Under which epoch it leads.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) epoch: Option<u64>,
}

/// A chat, an e-mail or a callback that comes in.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct NewContact {
    /// `queue` or `client/queue`.
    pub(crate) queue: String,
    /// Your own word for it: repeating it while the contact lives is harmless. With a `customer` it is sealed
    /// and erased with them; without, it is kept as it is for as long as the contact's entries.
    pub(crate) reference: String,
    /// Who it is from; of a call, or a callback, the number, in E.164, as `+493012345`.
    #[serde(default)]
    pub(crate) customer: Option<String>,
    /// Beside the queue's priority; a point is a minute of age.
    #[serde(default)]
    pub(crate) priority: i32,
}

/// A contact's number.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct ContactNumber {
    pub(crate) id: u64,
}

/// A new priority.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewPriority {
    pub(crate) priority: i32,
}

/// How an agent's presence is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) enum SignInPresence {
    /// Their desk says so: by an open session, or by heartbeats every five seconds.
    #[default]
    Heartbeat,
    /// Their telephone is registered.
    Endpoint,
}

impl From<SignInPresence> for Presence {
    fn from(presence: SignInPresence) -> Self {
        match presence {
            SignInPresence::Heartbeat => Self::Heartbeat,
            SignInPresence::Endpoint => Self::Endpoint,
        }
    }
}
impl From<Presence> for SignInPresence {
    fn from(presence: Presence) -> Self {
        match presence {
            Presence::Heartbeat => Self::Heartbeat,
            Presence::Endpoint => Self::Endpoint,
        }
    }
}
