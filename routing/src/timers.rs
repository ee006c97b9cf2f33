//! Deadlines in order. An entry that no longer matches what its owner waits for is void and
//! skipped, so nothing is ever cancelled; all are swept when most of them are void.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use crate::ix::{AgentIx, Slot};
use crate::{Span, Time};

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

/// Lanes for answers: offers and the joining of legs. One more is for wrap-ups.
const ANSWERS: usize = 2;
const LANES: usize = ANSWERS + 1;
/// Later ones stand in no lane, for nothing sooner could stand behind them.
const FAR: Span = Span::seconds(120);

/// Most deadlines are a short while after now, the same for each of a kind, so they are armed in their
/// order: they stand in lanes, where each step takes the same time however many there are. The others are in
/// a heap.
#[derive(Clone, Debug, Default)]
pub(crate) struct Timers {
    /// Each in order.
    lanes: [VecDeque<Deadline>; LANES],
    heap: BinaryHeap<Reverse<Deadline>>,
    /// The first of all, and its lane; [`LANES`]: the heap.
    next: Option<(Deadline, usize)>,
}

impl Timers {
    pub(crate) fn arm(&mut self, now: Time, deadline: Deadline) {
        let lane = self.lane_for(now, &deadline);
        match lane {
            Some(lane) => self.lanes[lane].push_back(deadline),
            None => self.heap.push(Reverse(deadline)),
        }
        if self.next.is_none_or(|(next, _)| deadline < next) {
            self.next = Some((deadline, lane.unwrap_or(LANES)));
        }
    }
    /// The first lane of its kind that it may stand behind.
    fn lane_for(&self, now: Time, deadline: &Deadline) -> Option<usize> {
        let mut lanes = match deadline.owner {
            Owner::Asked(_) => 0..ANSWERS,
            Owner::WrapUp(_) => ANSWERS..LANES,
            _ => return None,
        };
        if deadline.at - now > FAR {
            return None;
        }
        lanes.find(|&lane| self.lanes[lane].back().is_none_or(|last| last <= deadline))
    }
    fn find_next(&mut self) {
        let mut next: Option<(&Deadline, usize)> = None;
        let heads = self.lanes.iter().map(VecDeque::front);
        let heads = heads.chain([self.heap.peek().map(|entry| &entry.0)]);
        for (lane, head) in heads.enumerate() {
            if let Some(head) = head
                && next.is_none_or(|(first, _)| head < first)
            {
                next = Some((head, lane));
            }
        }
        self.next = next.map(|(first, lane)| (*first, lane));
    }
    pub(crate) fn peek(&self) -> Option<&Deadline> {
        self.next.as_ref().map(|(deadline, _)| deadline)
    }
    pub(crate) fn pop(&mut self) -> Option<Deadline> {
        let (deadline, lane) = self.next?;
        match self.lanes.get_mut(lane) {
            Some(lane) => _ = lane.pop_front(),
            None => _ = self.heap.pop(),
        }
        self.find_next();
        Some(deadline)
    }
    pub(crate) fn len(&self) -> usize {
        self.heap.len() + self.lanes.iter().map(VecDeque::len).sum::<usize>()
    }
    pub(crate) fn keep(&mut self, mut valid: impl FnMut(&Deadline) -> bool) {
        for lane in &mut self.lanes {
            lane.retain(&mut valid);
        }
        self.heap.retain(|entry| valid(&entry.0));
        self.find_next();
    }
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn deadline(kind: u8, at: i64, key: u64) -> Deadline {
        let (phase, owner) = match kind {
            0 => (Phase::Presence, Owner::Asked(Slot::new(key as usize))),
            1 => (Phase::Ends, Owner::WrapUp(AgentIx::new(key as usize))),
            _ => (Phase::Steps, Owner::Step(Slot::new(key as usize))),
        };
        let at = Time(0) + Span::seconds(at);
        Deadline {
            at,
            phase,
            key,
            owner,
        }
    }

    proptest! {
        #[test]
        fn deadlines_come_in_order_whatever_lane_they_stand_in(
            armed in prop::collection::vec((0u8..3, 0i64..300, 0u64..50, 0usize..3), 1..200)
        ) {
            let mut timers = Timers::default();
            let mut sorted = std::collections::BTreeSet::new();
            for (kind, after, key, popped) in armed {
                let now = sorted.first().map_or(0, |it: &Deadline| it.at.0 / 1_000_000);
                let it = deadline(kind, now + after, key);
                if sorted.insert(it) {
                    timers.arm(Time(0) + Span::seconds(now), it);
                }
                for _ in 0..popped {
                    prop_assert_eq!(timers.peek(), sorted.first());
                    prop_assert_eq!(timers.pop(), sorted.pop_first());
                }
                timers.keep(|it| it.key != 7);
                sorted.retain(|it| it.key != 7);
                prop_assert_eq!(timers.len(), sorted.len());
            }
            while let Some(it) = sorted.pop_first() {
                prop_assert_eq!(timers.pop(), Some(it));
            }
            prop_assert_eq!(timers.pop(), None);
        }
    }
}
