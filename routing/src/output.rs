//! What the core asks of the world, and what it reports.

use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use trunkline_tenant::QueueId;
use trunkline_tenant::crds::{AgentName, ClientName, Formula, PromptName, TeamName};

use crate::metrics::{RotaVersion, Terms};
use crate::{ContactId, OfferId, Span, Target, Time};

/// An effect to bring about, or a fact to record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(
    tag = "type",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
// A tag as wide as a word, for what stands behind it is moved in whole words then, as it was written.
#[repr(u64)]
pub enum Output {
    /// Ask this agent; the core itself takes the offer back at `deadline`.
    Offer {
        /// Which offer.
        offer: OfferId,
        /// Whom.
        agent: AgentName,
        /// When it lapses.
        deadline: Time,
    },
    /// Stop asking; if the agent has just said yes, they are told and released.
    CancelOffer {
        /// Which offer.
        offer: OfferId,
        /// Whom.
        agent: AgentName,
        /// Why.
        why: CancelReason,
    },
    /// The contact waits in this queue now (it arrived, overflowed, or came back from an offer).
    Waiting {
        /// Which contact.
        contact: ContactId,
        /// Where.
        queue: QueueId,
    },
    /// It began a step of its route: 0, 1, … `Widen` adds one behind the last.
    Step {
        /// Which contact.
        contact: ContactId,
        /// Which step.
        step: usize,
    },
    /// It went on to another queue, with its age.
    Overflowed {
        /// Which contact.
        contact: ContactId,
        /// From here.
        from: QueueId,
        /// To there.
        to: QueueId,
    },
    /// It is talking: answered.
    Answered {
        /// Which contact.
        contact: ContactId,
        /// By whom.
        agent: AgentName,
        /// From its entry to this queue until now.
        wait: Span,
    },
    /// Connect the customer to a place outside the centre; say with
    /// [`HandedOver`](crate::Input::HandedOver) whether it was taken.
    HandOver {
        /// Which contact.
        contact: ContactId,
        /// A department or a number.
        to: Target,
        /// When it goes back to who handed it over.
        deadline: Time,
    },
    /// An agent consults. The customer is on hold from now; offers and hand-overs of `consult`
    /// follow, and its [`Answered`](Output::Answered), or [`HandedOver`](crate::Input::HandedOver)
    /// taken, joins it with `agent` alone.
    Consulting {
        /// The customer's contact.
        contact: ContactId,
        /// The consult, a contact too.
        consult: ContactId,
        /// Who asks.
        agent: AgentName,
        /// Whom.
        to: Target,
    },
    /// Join the customer, the agent and who was consulted.
    Conferenced {
        /// The customer's contact.
        contact: ContactId,
        /// The consult.
        consult: ContactId,
    },
    /// A consult is over. Unless completed, the agent goes on with the customer, off hold; its
    /// [`Ended`](Output::Ended) follows.
    ConsultOver {
        /// The customer's contact.
        contact: ContactId,
        /// The consult.
        consult: ContactId,
        /// How.
        how: ConsultEnd,
    },
    /// Book what is to be called back, and release the caller who is on the line, if one is: the
    /// contact lives on. From now until it ends its offers ring an agent for whom nobody waits on
    /// the line yet.
    CallbackBooked {
        /// Which contact.
        contact: ContactId,
        /// In whose name it is called.
        queue: QueueId,
        /// The number to call.
        customer: String,
        /// Not before.
        due: Time,
        /// Played to a caller who is on the line.
        prompt: Option<PromptName>,
        /// We lost the call: nobody is on the line.
        rescue: bool,
    },
    /// The agent has accepted the callback: call the customer, join the two, and say
    /// [`Connected`](crate::Input::Connected), or [`NotReached`](crate::Input::NotReached). At the
    /// deadline the core takes it for unanswered and cancels the offer.
    Dial {
        /// Under which offer.
        offer: OfferId,
        /// For whom.
        agent: AgentName,
        /// The number.
        customer: String,
        /// In whose name: the queue, and the client that it belongs to.
        queue: QueueId,
        /// When it counts as not answered.
        deadline: Time,
    },
    /// It is over; release what it held.
    Ended {
        /// Which contact.
        contact: ContactId,
        /// How.
        outcome: Outcome,
        /// Played to the customer first.
        prompt: Option<PromptName>,
    },
    /// One stretch of a contact in one queue is complete: the row that figures are folded from.
    Record(Box<Segment>),
    /// What is planned for an agent from now on: the row that adherence is folded from.
    Rota(Box<RotaVersion>),
    /// The agent's state changed.
    Agent {
        /// Whose.
        agent: AgentName,
        /// To what.
        state: AgentState,
    },
    /// The input could not be applied; nothing was changed by it.
    Refused {
        /// Why, and what would be right.
        why: String,
    },
}

/// Why an offer is taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum CancelReason {
    /// Nobody answered in `ring`: the agent goes not ready.
    Rona,
    /// The customer has gone.
    CustomerGone,
    /// The agent's session or endpoint was lost, or they signed out.
    AgentGone,
    /// The legs were not joined in time.
    NotConnected,
    /// We lost the contact.
    Dropped,
    /// Its queue or its agent is no longer configured.
    Reconfigured,
    /// The customer of the callback was not reached.
    NotReached,
    /// The customer called again: that call takes the callback's place.
    Merged,
    /// The callback, or the consult, was cancelled.
    Cancelled,
    /// The hours in which the customer of the callback may be called have ended.
    Closed,
}

/// How a consult ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "how", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum ConsultEnd {
    /// The customer goes on with this agent, on the leg of the consult's offer.
    TakenOver {
        /// Who.
        agent: AgentName,
        /// Under which offer of the consult they were joined.
        offer: OfferId,
    },
    /// The customer goes on with the party outside; their contact ends as transferred.
    Outside,
    /// Nobody took it.
    NotAnswered,
    /// The agent let it go.
    Cancelled,
    /// Who was consulted left.
    Left,
    /// The customer's contact is over.
    ContactOver,
}

/// What became of a contact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// An agent talked with the customer.
    Answered,
    /// The customer left unanswered.
    Abandoned,
    /// Ended by `Close`, on exhaustion or outside hours.
    Closed,
    /// To be called back.
    Callback,
    /// Sent to leave a message.
    Voicemail,
    /// Lost by us.
    Dropped,
    /// Handed over to somebody outside the centre.
    Transferred,
    /// A callback whose customer was never reached.
    Unreached,
    /// A callback whose customer called again first: that contact was served instead.
    Merged,
    /// A callback that was cancelled.
    Cancelled,
    /// A consult between agents that is over; its customer's contact has an outcome of its own.
    Consulted,
}

impl Outcome {
    /// In one word, as it is serialised.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Abandoned => "abandoned",
            Self::Closed => "closed",
            Self::Callback => "callback",
            Self::Voicemail => "voicemail",
            Self::Dropped => "dropped",
            Self::Transferred => "transferred",
            Self::Unreached => "unreached",
            Self::Merged => "merged",
            Self::Cancelled => "cancelled",
            Self::Consulted => "consulted",
        }
    }
}

/// How a stretch of a contact in one queue ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum SegmentEnd {
    /// Answered, and since ended or handed over.
    Answered,
    /// Abandoned.
    Abandoned,
    /// Went to another queue.
    Overflow,
    /// Became a callback.
    Callback,
    /// Became a voicemail.
    Voicemail,
    /// Closed.
    Closed,
    /// Dropped by us.
    Dropped,
    /// A callback whose customer was never reached.
    Unreached,
    /// A callback whose customer called again first.
    Merged,
    /// A callback, or a consult, that was cancelled or that nobody took.
    Cancelled,
    /// Not over: it waits, or talks. Only in what is asked of the core, never recorded.
    Open,
}

/// One stretch of a contact in one queue.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Segment {
    /// Which contact.
    pub contact: ContactId,
    /// Which of its stretches: 0, 1, …
    pub index: u32,
    /// In which queue.
    pub queue: QueueId,
    /// Whose contact it is, wherever it went; `None`: the centre's.
    pub client: Option<ClientName>,
    /// When the contact first arrived anywhere.
    pub arrived: Time,
    /// When it entered this queue.
    pub entered: Time,
    /// When both legs were joined.
    pub answered: Option<Time>,
    /// When the conversation, or the wait, ended; wrap-up excluded.
    pub ended: Time,
    /// Who talked.
    pub agent: Option<AgentName>,
    /// Time on hold in the conversation.
    pub hold: Span,
    /// Wrap-up; known once it is over, so a row is complete only then.
    pub wrap_up: Span,
    /// What the agent said it was about.
    pub codes: Vec<String>,
    /// How it ended.
    pub end: SegmentEnd,
    /// The contact was answered before this stretch: it was handed over or called back.
    #[serde(default)]
    pub again: bool,
    /// What it is judged by: the terms that were known when it ended, so that a later change of
    /// a contract doesn't change the past; of a contract with a first day, where the stretch came by then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terms: Option<RowTerms>,
    /// Where it counts, as it was when the row was written; absent in rows of an older release.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<RowPlace>,
    /// What kind of stretch it is: what queues are judged by, or work beside it.
    #[serde(default, skip_serializing_if = "StretchKind::is_plain")]
    pub kind: StretchKind,
}

impl Segment {
    /// With nothing in it.
    pub(crate) const BLANK: Self = Self {
        contact: ContactId(u64::MAX),
        index: 0,
        queue: QueueId::NONE,
        client: None,
        arrived: Time(0),
        entered: Time(0),
        answered: None,
        ended: Time(0),
        agent: None,
        hold: Span(0),
        wrap_up: Span(0),
        codes: Vec::new(),
        end: SegmentEnd::Open,
        again: false,
        terms: None,
        place: None,
        kind: StretchKind::Plain,
    };
}

/// What a stretch is judged by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RowTerms {
    /// For the queue.
    pub queue: Judged,
    /// For the client: its contract, or the queue's where it has none, or none yet.
    pub client: Judged,
}

/// Where a stretch counts, so that who changes teams, or moves, takes no past along.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RowPlace {
    /// The zone of the client's intervals, or of the centre's.
    pub zone: Tz,
    /// The agent's team; `None`: there was no agent, or they had none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub team: Option<TeamName>,
}

/// Terms, and the formula of the service level over them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Judged {
    /// T, and what is a short abandonment.
    pub terms: Terms,
    /// The formula.
    pub formula: Formula,
}

/// What kind of stretch it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum StretchKind {
    /// A customer waited, and was answered or not: the figures of its queue are made of these.
    #[default]
    Plain,
    /// A caller was called back. The wait on the line was a stretch of its own, which flowed out:
    /// this one is work, and no second contact.
    CalledBack,
    /// An agent asked another about this contact.
    Consult(ContactId),
}

impl StretchKind {
    fn is_plain(&self) -> bool {
        *self == Self::Plain
    }
}

/// What an agent is at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    tag = "state",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
pub enum AgentState {
    /// Not signed in.
    SignedOut,
    /// Signed in, takes no contacts.
    NotReady {
        /// Why: the agent's own word, or `rona`, `refused`, `session lost`, `unreachable`.
        reason: String,
    },
    /// Waits for a contact.
    Idle,
    /// Is being asked.
    Offered,
    /// Has taken an offer or talks.
    Busy,
    /// After-call work.
    WrapUp {
        /// Until when at most.
        until: Time,
    },
}
