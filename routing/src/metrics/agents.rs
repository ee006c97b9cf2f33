//! What agents' time went to.

use serde::{Deserialize, Serialize};
use trunkline_tenant::crds::{AgentName, TeamName};

use crate::{AgentState, Span, Time};

/// Where time went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Hours {
    /// With contacts, being joined, and in wrap-up.
    pub contact: Span,
    /// Free and ready.
    pub idle: Span,
    /// Being asked; in no one's occupancy.
    pub offered: Span,
    /// Signed in, not ready.
    pub not_ready: Span,
}

impl Hours {
    /// Contact time / (contact + idle); `None` for one who was never ready.
    pub fn occupancy(&self) -> Option<f64> {
        let ready = self.contact.0 + self.idle.0;
        (ready > 0).then(|| self.contact.0 as f64 / ready as f64)
    }

    /// Adds another's.
    pub fn merge(&mut self, other: &Self) {
        self.contact.0 += other.contact.0;
        self.idle.0 += other.idle.0;
        self.offered.0 += other.offered.0;
        self.not_ready.0 += other.not_ready.0;
    }

    pub(super) fn add(&mut self, state: &AgentState, time: Span) {
        match state {
            AgentState::SignedOut => {}
            AgentState::NotReady { .. } => self.not_ready.0 += time.0,
            AgentState::Idle => self.idle.0 += time.0,
            AgentState::Offered => self.offered.0 += time.0,
            AgentState::Busy | AgentState::WrapUp { .. } => self.contact.0 += time.0,
        }
    }
}

/// How full agents' hands were, all media together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Load {
    /// In conversations, the time of each by itself.
    pub used: Span,
    /// Signed in and ready, times the conversations that there is room for at once.
    pub capacity: Span,
}

impl Load {
    /// Capacity in use over what there was; `None` where there was none.
    pub fn ratio(&self) -> Option<f64> {
        (self.capacity.0 > 0).then(|| self.used.0 as f64 / self.capacity.0 as f64)
    }

    /// Adds another's.
    pub fn merge(&mut self, other: &Self) {
        self.used.0 += other.used.0;
        self.capacity.0 += other.capacity.0;
    }
}

/// Time that an agent spent in one state: the row that occupancy is folded from, complete once the
/// state has changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Spell {
    /// Whose.
    pub agent: AgentName,
    /// Their team when it began: who changes teams takes no past along.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub team: Option<TeamName>,
    /// For how many contacts at once they had room then, all media together; 0 in a row of an older release.
    #[serde(default, skip_serializing_if = "is_none")]
    pub capacity: u32,
    /// Since when.
    pub from: Time,
    /// Until when.
    pub to: Time,
    /// In what.
    #[serde(flatten)]
    pub state: AgentState,
}

const fn is_none(capacity: &u32) -> bool {
    *capacity == 0
}

impl Spell {
    /// What it adds to the room for contacts.
    pub(super) fn room(&self, time: Span) -> Span {
        match self.state {
            AgentState::SignedOut | AgentState::NotReady { .. } => Span(0),
            _ => Span(time.0 * i64::from(self.capacity)),
        }
    }
}
