//! The seam between the main loop and whatever makes the calls (ARI, or the simulation).
//!
//! The main loop is the only writer: it journals each input, lets the routing core decide, and
//! then tells telephony the whole [`Decision`], in order. Telephony brings the outputs about and
//! reports what happens as [`Report`]s. It holds no truth of its own: what it must know after a
//! restart is in [`Recovered`].

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, watch};
use trunkline_routing::{ContactId, Input, OfferId, Output, Time};
use trunkline_tenant::crds::AgentName;
use trunkline_tenant::{QueueId, Tenant};

use super::ari::Host;

/// Which leadership this is: rises at every acquisition, minted by the journal.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Epoch(pub u64);

impl std::fmt::Display for Epoch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// Where a contact came from. It is journalled with the arrival, so that a successor knows which
/// channel is which contact though the predecessor died before it could mark the channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    tag = "kind",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
pub enum Origin {
    /// A call on a media host.
    Call {
        /// The media host's name (Asterisk's `systemname`).
        host: String,
        /// The caller's channel; unique over all hosts, for the `systemname` is in it.
        channel: String,
        /// The number dialled.
        called: Option<String>,
        /// The caller's number, as the carrier says.
        caller: Option<String>,
    },
    /// A chat, an e-mail or a callback that came through the HTTP API.
    Api {
        /// The caller's own word for it; a repeat of the same word is the same contact.
        reference: String,
    },
}

impl Origin {
    /// What makes it unique: a second arrival with the same key is the same contact.
    pub fn key(&self) -> String {
        match self {
            Self::Call { channel, .. } => format!("call:{channel}"),
            Self::Api { reference } => format!("api:{reference}"),
        }
    }
}

/// What telephony tells the main loop. The main loop gives it its time.
#[derive(Clone, Debug, PartialEq)]
pub enum Report {
    /// A caller is through with greeting and menu and wants this queue. The main loop numbers
    /// the contact and answers with a [`Decision`] whose input is `Arrive` and whose `origin` is
    /// this one. Reporting the same channel again is harmless: a live contact is never numbered
    /// twice, and the report is then dropped.
    Arrived {
        /// Which call.
        origin: Origin,
        /// Where it wants to go.
        queue: QueueId,
        /// When it first came, where that was before now: a channel adopted after an outage.
        since: Option<Time>,
        /// Beside the queue's priority.
        priority: i32,
        /// Who calls, where known.
        customer: Option<String>,
    },
    /// Something happened to what the core knows of. `Arrive` does not belong here.
    Fact(Input),
}

/// One input as it was journalled, with everything that the core made of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// When, on the journal's clock.
    pub at: Time,
    /// What happened. `Configure` carries a new Tenant; `Hold` and the like, when they come from
    /// an agent's session, are to be brought about though no output repeats them.
    pub input: Arc<Input>,
    /// With an `Arrive`: which call it is.
    pub origin: Option<Origin>,
    /// What the core asks for, in order.
    pub outputs: Vec<Output>,
}

/// At what a live contact was when the journal ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stage {
    /// It waits.
    Waiting,
    /// An agent is being asked.
    Offered {
        /// Which offer.
        offer: OfferId,
        /// Whom.
        agent: AgentName,
    },
    /// The agent took it; the legs were being joined.
    Connecting {
        /// Which offer.
        offer: OfferId,
        /// By whom.
        agent: AgentName,
    },
    /// It talks.
    Talking {
        /// Which offer.
        offer: OfferId,
        /// With whom.
        agent: AgentName,
        /// Whether it is on hold.
        held: bool,
    },
}

/// A contact that lives, as the journal has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveContact {
    /// Its number.
    pub contact: ContactId,
    /// Which call it is.
    pub origin: Origin,
    /// The queue that it is in, or was answered from.
    pub queue: QueueId,
    /// At what it is.
    pub stage: Stage,
}

/// What the journal says at the moment a leader begins: compare it with what the media hosts
/// have, adopt what lives, report what has gone.
#[derive(Clone, Debug)]
pub struct Recovered {
    /// The tenant that runs.
    pub tenant: Arc<Tenant>,
    /// Every live contact, in the order of their numbers.
    pub contacts: Vec<LiveContact>,
}

/// What telephony is given. It ends when `decisions` closes, or with a reason of its own.
#[derive(Debug)]
pub struct Seam {
    /// The leadership under which it commands.
    pub epoch: Epoch,
    /// The state to begin from; the first decision comes after it.
    pub recovered: Recovered,
    /// Decisions, in the order of the journal. Never blocks the main loop: take them at once.
    pub decisions: mpsc::UnboundedReceiver<Arc<Decision>>,
    /// Where reports go.
    pub reports: mpsc::Sender<Report>,
    /// The media hosts of the moment, each already fenced with this epoch's password. One that
    /// disappears from here is dead or drained: its calls are gone.
    pub hosts: watch::Receiver<Vec<Host>>,
}

/// Why telephony ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TelephonyEnd {
    /// The main loop closed `decisions`.
    Stopped,
    /// Another leader is at work (`ApplicationReplaced`, or the password refused): this process
    /// must command nothing more.
    SteppedDown,
}
