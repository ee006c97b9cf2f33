//! What the core asks of the world, and what it reports.

use serde::{Deserialize, Serialize};
use trunkline_tenant::QueueId;
use trunkline_tenant::crds::{AgentName, ClientName, PromptName};

use crate::{ContactId, OfferId, Span, Target, Time};

/// An effect to bring about, or a fact to record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(
    tag = "type",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
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
