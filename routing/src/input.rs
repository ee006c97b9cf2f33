//! What the world tells the core. Each input is written to the journal before its effects
//! are commanded, so every type here serialises, and replaying the same inputs at the same
//! times gives the same state, bit for bit.

use std::fmt;
use std::sync::Arc;

use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use trunkline_tenant::crds::{AgentName, DepartmentName, TeamName};
use trunkline_tenant::{QueueId, Tenant};

use crate::{Span, Time};

/// A contact, numbered by whoever drives the core; numbers only rise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ContactId(pub u64);

impl fmt::Display for ContactId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// One asking of one agent. A contact's generation rises with each offer, so what comes
/// late for an older offer is recognised and void.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct OfferId {
    /// The contact that is offered.
    pub contact: ContactId,
    /// Which of its offers: 1, 2, …
    pub generation: u32,
}

impl fmt::Display for OfferId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.contact, self.generation)
    }
}

pub(crate) const fn yes() -> bool {
    true
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it so")]
pub(crate) const fn is_true(it: &bool) -> bool {
    *it
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(
    tag = "type",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
// As outputs are.
#[repr(u64)]
pub enum Input {
    /// A new Tenant. Nothing waiting, ringing or talking is lost; what a removed queue held
    /// goes by the `onExhausted` that it had.
    Configure {
        /// The tenant from now on.
        tenant: Arc<Tenant>,
    },
    /// An agent's session begins. Signing in again only renews it.
    SignIn {
        /// Who.
        agent: AgentName,
        /// Whether contacts may come at once.
        ready: bool,
        /// The team of one who is not listed by name, as a virtual team's
        /// `<team>-<pod>-<slot>`; the list goes before it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        team: Option<TeamName>,
    },
    /// An agent leaves; what they have in hand is finished first.
    SignOut {
        /// Who.
        agent: AgentName,
    },
    /// The heartbeat stopped (`alive: false`) or is back. Without it the agent leaves the pool
    /// at once; a talking call goes on.
    Session {
        /// Whose.
        agent: AgentName,
        /// Whether it lives.
        alive: bool,
    },
    /// The agent's endpoint can be reached, or no longer. Reachable until told otherwise.
    Endpoint {
        /// Whose.
        agent: AgentName,
        /// Whether it can be reached.
        reachable: bool,
    },
    /// The agent takes contacts from now on.
    Ready {
        /// Who.
        agent: AgentName,
    },
    /// The agent takes no contacts from now on; what they have in hand goes on.
    NotReady {
        /// Who.
        agent: AgentName,
        /// Why: one of the tenant's words, as `lunch`.
        reason: String,
    },
    /// A contact enters a queue for the first time.
    Arrive {
        /// Its number.
        contact: ContactId,
        /// Where to.
        queue: QueueId,
        /// When it first arrived, where that was before now (a caller who held while no engine
        /// was there). Its rank and its waits count from then.
        since: Option<Time>,
        /// Added to the queue's priority; a point is a minute of age.
        priority: i32,
        /// Who it is from, where that is known: for the last agent and for merging callbacks.
        customer: Option<String>,
        /// Whether that is a number that can be dialled, where it is a call: who can't be called is not promised
        /// a call. `true` where nobody said.
        #[serde(default = "yes", skip_serializing_if = "is_true")]
        callable: bool,
    },
    /// The customer has gone, whatever the contact was at: an abandonment while it waits or
    /// rings, the end of it while it talks. Of a callback it means something only while it talks.
    CustomerGone {
        /// Which contact.
        contact: ContactId,
    },
    /// The agent has taken the offer; the legs are being joined.
    Accept {
        /// Which offer.
        offer: OfferId,
    },
    /// Both legs are joined: the contact counts as answered from now.
    Connected {
        /// Which offer.
        offer: OfferId,
    },
    /// The agent has refused the offer, or it could not be put to them.
    Decline {
        /// Which offer.
        offer: OfferId,
        /// Why.
        cause: DeclineCause,
    },
    /// The conversation is put on hold, or resumed.
    Hold {
        /// Which contact.
        contact: ContactId,
        /// On, or off.
        on: bool,
    },
    /// The agent ends the contact.
    AgentDone {
        /// Which contact.
        contact: ContactId,
    },
    /// We lost it: a media pod or a trunk failed. Never counted among the abandons. A caller whose
    /// number is known gets a rescue callback, first in line, under the same contact.
    Dropped {
        /// Which contact.
        contact: ContactId,
        /// In words.
        cause: String,
    },
    /// The agent hands the contact over; its age is kept, a new segment begins.
    Transfer {
        /// Which contact.
        contact: ContactId,
        /// Where to.
        to: Target,
    },
    /// Whether the place outside the centre took what was handed over to it, or was asked in a
    /// consult (then `contact` is the consult).
    HandedOver {
        /// Which contact.
        contact: ContactId,
        /// `false`: nobody answered there, and it goes back to who handed it over.
        taken: bool,
    },
    /// The agent asks somebody else while the customer is on hold. The consult is a contact of
    /// its own, with the customer's age: it waits, is offered, taken and ended like any other.
    Consult {
        /// The contact that the agent talks with.
        contact: ContactId,
        /// A new number, for the consult.
        consult: ContactId,
        /// Whom to ask.
        to: Target,
    },
    /// The customer joins the consult: three talk.
    Conference {
        /// The customer's contact.
        contact: ContactId,
    },
    /// The agent leaves, and the customer goes on with who was consulted, private or in a
    /// conference. Before anybody has answered it is refused: cancel, or wait.
    CompleteConsult {
        /// The customer's contact.
        contact: ContactId,
    },
    /// Who was asked, or is being asked, is let go; the agent goes on with the customer.
    CancelConsult {
        /// The customer's contact.
        contact: ContactId,
    },
    /// The party outside the centre that a consult had reached has hung up.
    OutsideGone {
        /// The consult.
        contact: ContactId,
    },
    /// A waiting caller would rather be called back: the contact keeps its number and its place.
    CallMeBack {
        /// Which contact.
        contact: ContactId,
        /// Where to; `None`: the number that it came from.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        number: Option<String>,
        /// When the customer may be called; `None`: whenever the queue is open.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        window: Option<Window>,
    },
    /// A callback is booked for a time. It arrives in its queue then, and ranks from then.
    BookCallback {
        /// A new number.
        contact: ContactId,
        /// Where agents for it are sought.
        queue: QueueId,
        /// The number to call: who the contact is from.
        customer: String,
        /// Not before; `None`: now.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        due: Option<Time>,
        /// When the customer may be called; `None`: whenever the queue is open.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        window: Option<Window>,
        /// Who is tried first.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        agent: Option<AgentName>,
        /// Beside the queue's priority.
        #[serde(default)]
        priority: i32,
    },
    /// A callback that nobody needs any more. One that talks is ended like any other contact.
    CancelCallback {
        /// Which contact.
        contact: ContactId,
    },
    /// The customer of a callback could not be reached; the agent is free again, and it is tried
    /// later, a few times.
    NotReached {
        /// Under which offer they were called.
        offer: OfferId,
        /// Why.
        cause: Unreached,
    },
    /// A caller whose contact ended with [`Outcome::Voicemail`](crate::Outcome::Voicemail) has left
    /// a message. The core keeps nothing of it: it stands in the journal beside the contact.
    VoicemailLeft {
        /// Which contact.
        contact: ContactId,
        /// What the recording is called in the store.
        recording: String,
        /// How long it is.
        length: Span,
    },
    /// An agent's dated rota from now on, in place of any before: what breaks are kept free by.
    Rota {
        /// Whose.
        agent: AgentName,
        /// In order, none overlapping another.
        shifts: Vec<RotaShift>,
    },
    /// A larger or lesser priority from now on: a re-rank.
    Prioritise {
        /// Which contact.
        contact: ContactId,
        /// The new priority, beside its queue's.
        priority: i32,
    },
    /// The agent's wrap-up is done, with the codes that they chose.
    WrapUpDone {
        /// Who.
        agent: AgentName,
        /// What the contact was about.
        codes: Vec<String>,
    },
    /// The agent needs as much wrap-up again; granted once a contact.
    ExtendWrapUp {
        /// Who.
        agent: AgentName,
    },
    /// Nothing was decided from one moment until another, as when the journal stalled: what came meanwhile has not been
    /// heard yet. What was due until then is due right after that moment, when all that came by then has been taken in; and who was
    /// asked by the last decisions before has been asked only now.
    Stalled {
        /// When the last decisions were taken that were late.
        since: Time,
        /// When it was over.
        until: Time,
        /// When telephony will have told what it has seen meanwhile, where that is later, as at a takeover: who is asked is
        /// not given up before.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        listed: Option<Time>,
    },
    /// What was done on the lines of some contacts was not heard from one moment until another, as when their media host
    /// falls silent: for who is asked or called for them, or is being joined, that time does not count, up to 25 s in all. Told
    /// again while it goes on, and once more at its end.
    Unheard {
        /// Which contacts; what is over, or waits, or talks is left alone.
        contacts: Vec<ContactId>,
        /// When they were heard last, or until when it was told before.
        since: Time,
        /// Until when this tells it.
        until: Time,
        /// Nobody is given up before that: by then it is told again, or all that was done has been.
        listed: Time,
    },
    /// Nothing but the passing of time: what is due is done. What was late happens at the time of
    /// the input that finds it due, so that nobody is rung into the past after an outage; a
    /// journal holds ticks like any other input.
    Tick,
}

/// Why an offer was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum DeclineCause {
    /// The agent said no: not ready, as after a RONA, with its own reason.
    Refused,
    /// Their endpoint was busy, away or failed: no calls until told otherwise.
    Unreachable,
    /// We could not place it (a media error): the agent is not to blame and stays ready.
    Failed,
}

/// Why the customer of a callback was not reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Unreached {
    /// It rang, and nobody answered.
    NoAnswer,
    /// Busy, or refused.
    Busy,
    /// The call could not be placed (no trunk, no such number), or its agent hung up before anybody talked.
    Failed,
}

/// When a customer may be called, every day, on their own wall clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Window {
    /// The customer's zone.
    pub zone: Tz,
    /// Minutes after midnight: not before.
    pub from: u16,
    /// Minutes after midnight, after `from`: not at or after.
    pub to: u16,
}

/// One shift of a dated rota.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RotaShift {
    /// Work begins.
    pub from: Time,
    /// Work ends.
    pub to: Time,
    /// Breaks within it, in order: from, to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub breaks: Vec<(Time, Time)>,
}

/// Where a contact is handed over to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Target {
    /// Another queue: it waits there, with its age.
    Queue(QueueId),
    /// A named agent, who must be free.
    Agent(AgentName),
    /// Any free agent of a team, as of specialists.
    Team(TeamName),
    /// A department outside the centre.
    Department(DepartmentName),
    /// A number outside the centre.
    Number(String),
}
