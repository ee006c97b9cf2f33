//! Deadlines in a heap. An entry that no longer matches what its owner waits for is void and
//! skipped, so nothing is ever cancelled; the heap is swept when most of it is void.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::Time;
use crate::ix::{AgentIx, Slot};

/// Whose deadline it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Owner {
    /// The calendar day ends.
    Day,
    /// An agent's wrap-up ends.
    WrapUp(AgentIx),
    /// A contact's offer lapses, its legs were not joined, or its hand-over was not taken.
    Asked(Slot),
    /// A contact's step ends.
    Step(Slot),
    /// A contact may be put to an agent again.
    Again(Slot),
    /// A callback's time comes, or its hours end.
    Due(Slot),
    /// An agent comes near to a break or the end of a shift, or is past it.
    Guard(AgentIx),
}

/// At one instant: wrap-ups first, then what makes agents leave, then contacts' steps; each by name or id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Deadline {
    pub(crate) at: Time,
    pub(crate) phase: Phase,
    /// An agent's place in name order, or a contact's id.
    pub(crate) key: u64,
    pub(crate) owner: Owner,
}

/// What comes first at one instant.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "camelCase")]
pub enum Phase {
    /// Ends of contacts and of wrap-ups, by agent.
    Ends,
    /// Sign-ins and sign-outs, and what else moves agents, by agent.
    Presence,
    /// Customers who leave, by contact.
    Gone,
    /// Steps that end, by contact.
    Steps,
    /// Contacts that arrive, by contact.
    Arrivals,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Timers {
    heap: BinaryHeap<Reverse<Deadline>>,
}

impl Timers {
    pub(crate) fn arm(&mut self, deadline: Deadline) {
        self.heap.push(Reverse(deadline));
    }
    pub(crate) fn peek(&self) -> Option<Deadline> {
        self.heap.peek().map(|entry| entry.0)
    }
    pub(crate) fn pop(&mut self) -> Option<Deadline> {
        self.heap.pop().map(|entry| entry.0)
    }
    pub(crate) fn len(&self) -> usize {
        self.heap.len()
    }
    pub(crate) fn keep(&mut self, mut valid: impl FnMut(&Deadline) -> bool) {
        self.heap.retain(|entry| valid(&entry.0));
    }
    pub(crate) fn clear(&mut self) {
        self.heap.clear();
    }
}
