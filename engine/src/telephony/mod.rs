//! Telephony: from what the routing core decides to calls, and from what calls do to the core's
//! inputs.
//!
//! # The seam
//!
//! Whoever carries calls — Asterisk ([`driver`]) or imagined ones ([`sim`]) — is a [`Telephony`]:
//! a pair of queues. The engine's loop sends [`Command`]s, which never wait, and takes
//! [`Report`]s. Telephony has no clock of the core's, keeps no queue, decides nothing about who
//! gets which call. The engine's loop stays this simple:
//!
//! ```text
//! report = telephony.reports.recv().report
//!   Arrived(a)  → number the contact, journal `Arrive` together with a.call, core.handle,
//!                 send Admit { contact, call, queue }, then Do(output) for each output
//!   Input(i)    → journal it, core.handle, send Do(output) for each output
//!   Agent(a, i) → as Input(i); refused where another has taken a's conversation over meanwhile
//!   Unheard(c)  → journal `Unheard`, until the moment of the report
//!   Host { .. } → readiness and metrics
//!   SteppedDown → stop leading; drop the Telephony
//! ```
//!
//! *Every* output may be sent: outputs about contacts that were never admitted (chats, e-mails)
//! and outputs that ask nothing of a call are ignored. Inputs of an agent's session that a call
//! must follow are commands too: after [`Input::Hold`] is journalled, send [`Command::Hold`] (a
//! hold that telephony itself reported may be sent back; it is known as done).
//! (`AgentDone`, `CustomerGone` and the rest come back as outputs by themselves.)
//!
//! An input may come late or twice: an `Accept` for an offer that the core has just taken back,
//! a `CustomerGone` for a contact that has ended. The core refuses it, and telephony follows the
//! outputs. The core always wins.
//!
//! # Ids
//!
//! The caller's channel keeps Asterisk's own id, which [`CallRef`] holds with its host; the
//! engine journals it beside `Arrive`. What we make is named for what it serves, so a command
//! repeated by a successor finds what its predecessor made: the agent's leg `o-CONTACT-GENERATION`,
//! the bridge `b-CONTACT`. The caller's channel carries `TRUNKLINE_CONTACT`.
//!
//! # Takeover
//!
//! A new leader replays its journal, says what the core holds ([`Recovered`]), and gives the
//! hosts with the password of its epoch. Telephony connects to each, lists its channels and
//! bridges, and makes the two agree: talking calls are left alone, waiting callers hear music, a
//! caller the journal doesn't know arrives with its channel's creation time, a leg without an
//! offer is hung up, a contact whose channel is gone ends. The same comparison runs again every ten
//! seconds, for what events failed to tell.

pub mod ari;
pub mod driver;
pub mod sim;

use std::sync::Arc;
use std::time::Instant;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use trunkline_routing::{ContactId, Input, OfferId, Output, Span, Time};
use trunkline_tenant::crds::AgentName;
use trunkline_tenant::{QueueId, Tenant};

use ari::{ChannelId, Host, HostName};

/// Where a caller's leg is: enough to find it again after a restart.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct CallRef {
    /// The media host.
    pub host: HostName,
    /// The caller's channel there.
    pub channel: ChannelId,
}

/// A caller who asks to be let in. Nothing has been answered yet.
#[derive(Clone, Debug, PartialEq)]
pub struct Arrival {
    /// The call.
    pub call: CallRef,
    /// The number dialled, as the tenant writes it.
    pub number: String,
    /// The queue that the number leads to.
    pub queue: QueueId,
    /// The caller's number, where the carrier tells it.
    pub customer: Option<String>,
    /// Whether that number, where it is told, can be dialled. Goes into [`Input::Arrive`] as it is.
    pub callable: bool,
    /// When the call came, if that was before now: nobody led, and it held on. Goes into
    /// [`Input::Arrive`] as it is.
    pub since: Option<Time>,
}

/// What telephony tells the engine.
#[derive(Clone, Debug, PartialEq)]
pub enum Report {
    /// A caller is here. Answer with [`Command::Admit`] or [`Command::TurnAway`].
    Arrived(Arrival),
    /// Something happened to a call, in the core's words.
    Input(Input),
    /// What an agent did to their conversation by their phone, in the core's words.
    Agent {
        /// Whose phone.
        agent: AgentName,
        /// What they did.
        input: Input,
    },
    /// A waiting caller is to be told where they stand. Answer with [`Command::Tell`], or not at all.
    Asks {
        /// Which contact.
        contact: ContactId,
    },
    /// Their media host is not heard: whoever is asked or called for these contacts, or is being joined, may have done
    /// what nobody knows. Told about once a second while it goes on, and at its end, before what was missed. It ends where
    /// the host is heard again, or is given up ([`Input::Dropped`]).
    Unheard {
        /// Which contacts.
        contacts: Vec<ContactId>,
        /// Since when; where it was told before, since then.
        since: Instant,
    },
    /// A media host can be commanded, or no longer.
    Host {
        /// Which.
        host: HostName,
        /// Connected, listed and adopted.
        up: bool,
    },
    /// Another engine leads: its password is set, or it connected under our app's name. No
    /// further command will be carried out; no call has been touched.
    SteppedDown {
        /// The host that told us.
        host: HostName,
        /// In its words.
        why: String,
    },
}

impl Report {
    /// What happened, in the core's words, where it is that.
    pub fn input(&self) -> Option<&Input> {
        match self {
            Self::Input(input) | Self::Agent { input, .. } => Some(input),
            _ => None,
        }
    }
}

/// A report, and when it was made: whoever takes it may be late.
#[derive(Clone, Debug, PartialEq)]
pub struct Told {
    /// When.
    pub at: Instant,
    /// What.
    pub report: Report,
}

impl From<Report> for Told {
    /// Made now.
    fn from(report: Report) -> Self {
        let at = Instant::now();
        Self { at, report }
    }
}

/// The audio of one leg, in RTP packets, as the media server counts them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LegAudio {
    /// From the phone to us.
    pub received: u64,
    /// From us to the phone.
    pub sent: u64,
    /// On the way to us.
    pub received_lost: u64,
    /// On the way to the phone, as its end says.
    pub sent_lost: u64,
}

/// The audio of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct CallAudio {
    /// The customer's leg.
    pub customer: LegAudio,
    /// The agent's, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent: Option<LegAudio>,
}

/// The media hosts that there are.
#[derive(Clone, Debug, Default)]
pub struct MediaHosts {
    /// Those that take our commands, with the password of this epoch.
    pub ours: Vec<Host>,
    /// Those that don't yet: they live, and so do their calls.
    pub expected: Vec<HostName>,
}

impl From<Vec<Host>> for MediaHosts {
    fn from(ours: Vec<Host>) -> Self {
        Self {
            ours,
            expected: Vec::new(),
        }
    }
}

/// Where a waiting contact stands, as the core says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// 1: next. `None`: not known.
    pub position: Option<usize>,
    /// The wait that is left, as an interval. `None`: too little is known to be honest.
    pub wait: Option<(Span, Span)>,
}

/// What the engine asks of telephony.
#[derive(Clone, Debug)]
pub enum Command {
    /// The tenant from now on: numbers, greetings, agents' endpoints. Calls are not touched.
    Configure(Arc<Tenant>),
    /// The media hosts that there are now. A new one is connected; the callers of one that is
    /// neither named nor expected any more are [`Input::Dropped`]. Don't send it before it is
    /// known which there are: that would drop every call that a predecessor left.
    Hosts(MediaHosts),
    /// The contact is in the journal: answer, greet, play music.
    Admit {
        /// The contact's number.
        contact: ContactId,
        /// As [`Arrival::call`].
        call: CallRef,
        /// Where it waits: its greeting is played.
        queue: QueueId,
    },
    /// The core would not have it: hang up, unanswered.
    TurnAway {
        /// As [`Arrival::call`].
        call: CallRef,
    },
    /// Carry out what the core put out, as far as it concerns a call.
    Do(Output),
    /// The agent's session put the caller on hold, or took them back.
    Hold {
        /// Which contact.
        contact: ContactId,
        /// On, or off.
        on: bool,
    },
    /// Where a waiting contact stands: told to its caller.
    Tell {
        /// Which contact.
        contact: ContactId,
        /// How it stands.
        standing: Standing,
    },
    /// Fetch what a caller has left as a message. The answer closes unsent where there is none.
    Fetch {
        /// Whose caller.
        contact: ContactId,
        /// Where to: a WAV file.
        answer: mpsc::Sender<Vec<u8>>,
    },
    /// Delete what a caller has left as a message. The answer says whether it is gone: `false` where its media host can't
    /// be asked.
    Forget {
        /// Whose caller.
        contact: ContactId,
        /// Where it was kept.
        host: HostName,
        /// Where to.
        answer: mpsc::Sender<bool>,
    },
    /// Count a call's audio. Nothing is sent where there is no such call, or its host can't say.
    Measure {
        /// Which contact.
        contact: ContactId,
        /// Where to.
        answer: mpsc::Sender<CallAudio>,
    },
}

/// A contact that the core holds at takeover, as the journal knows it.
#[derive(Clone, Debug, PartialEq)]
pub struct RecoveredCall {
    /// Its number.
    pub contact: ContactId,
    /// Where its caller is.
    pub call: CallRef,
    /// Its queue.
    pub queue: QueueId,
    /// What it is at.
    pub stage: RecoveredStage,
}

/// What a recovered contact is at.
#[derive(Clone, Debug, PartialEq)]
pub enum RecoveredStage {
    /// It waits.
    Waiting,
    /// An agent is being asked.
    Offered {
        /// Which offer.
        offer: OfferId,
        /// Whom.
        agent: AgentName,
        /// When it lapses.
        deadline: Time,
    },
    /// The agent said yes; whether the legs were joined is seen from the bridge.
    Accepted {
        /// Which offer.
        offer: OfferId,
        /// Who.
        agent: AgentName,
    },
    /// Somebody outside the centre is called for it.
    Outside {
        /// The offer that led to the talk that it comes from: it names their leg.
        talk: OfferId,
        /// They have answered, and talk: a consult goes on.
        together: bool,
    },
    /// It talks.
    Talking {
        /// The offer that led to it: it names the agent's leg.
        offer: OfferId,
        /// With whom.
        agent: AgentName,
        /// Whether the caller is on hold.
        held: bool,
    },
}

impl RecoveredStage {
    /// The offer under which an agent is asked or talks.
    pub fn offer(&self) -> Option<OfferId> {
        match self {
            Self::Waiting | Self::Outside { .. } => None,
            Self::Offered { offer, .. }
            | Self::Accepted { offer, .. }
            | Self::Talking { offer, .. } => Some(*offer),
        }
    }
}

/// A contact that has no caller's channel of its own, as the journal knows it.
#[derive(Clone, Debug, PartialEq)]
pub struct RecoveredOther {
    /// Its number.
    pub contact: ContactId,
    /// Its queue.
    pub queue: QueueId,
    /// What it is.
    pub what: Beside,
    /// What it is at.
    pub stage: RecoveredStage,
}

/// A contact that has no caller's channel of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Beside {
    /// An agent consults about another contact.
    Consult {
        /// About which.
        of: ContactId,
    },
    /// A customer is to be called.
    Callback {
        /// Their number.
        customer: String,
    },
    /// A customer who was called, and has been handed over since: they are on one of the hosts.
    Called,
}

/// What a leader knows when it begins. Empty for one without a past.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Recovered {
    /// The live voice contacts.
    pub calls: Vec<RecoveredCall>,
    /// The live contacts without a caller: consults and callbacks.
    pub others: Vec<RecoveredOther>,
    /// Contacts that ended lately whose caller was to leave a message, and where; how that went is not known.
    pub speaking: Vec<(ContactId, CallRef)>,
    /// The highest contact number that the journal knows. A caller whose channel carries a
    /// lower one, that is not among `calls`, had ended; a higher one means that the journal
    /// lost it, and the caller arrives anew.
    pub newest: Option<ContactId>,
}

impl Recovered {
    /// What is due by the journal's clock, which showed `last` when it was decided last, is due as long after `now`: telephony
    /// has the wall's, and what went by since then is not taken from what rings.
    #[must_use]
    pub fn due_after(mut self, last: Time, now: Time) -> Self {
        let calls = self.calls.iter_mut().map(|call| &mut call.stage);
        let others = self.others.iter_mut().map(|other| &mut other.stage);
        for stage in calls.chain(others) {
            if let RecoveredStage::Offered { deadline, .. } = stage {
                *deadline = now + (*deadline - last);
            }
        }
        self
    }

    /// The journal has names of its own for customers: whoever calls them back needs their numbers, and shows them. One
    /// that isn't found stays as it is, which nobody can dial.
    #[must_use]
    pub fn by_number(mut self, number_of: impl Fn(&str) -> Option<String>) -> Self {
        for other in &mut self.others {
            if let Beside::Callback { customer } = &mut other.what
                && let Some(number) = number_of(customer)
            {
                *customer = number;
            }
        }
        self
    }
}

/// Whoever carries calls. Dropping it disconnects and touches no call.
#[derive(Debug)]
pub struct Telephony {
    /// Where commands go; never blocks.
    pub commands: mpsc::UnboundedSender<Command>,
    /// What happened, in order for each call.
    pub reports: mpsc::UnboundedReceiver<Told>,
}
