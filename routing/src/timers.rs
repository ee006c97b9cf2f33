//! Deadlines in order, those of guards before whatever else is due. An entry that no longer matches what its owner waits for is void and
//! skipped, so nothing is ever cancelled; those that are void are swept out from time to time.

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

/// At one instant: guards and wrap-ups first, then what makes agents leave, then contacts' steps; each by
/// name or id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Deadline {
    pub(crate) at: Time,
    pub(crate) phase: Phase,
    /// An agent's place in name order, or a contact's id.
    pub(crate) key: u64,
    pub(crate) owner: Owner,
}

impl Deadline {
    /// As the order says; nearly always by the time alone, which is quicker asked first.
    #[inline]
    fn is_before(&self, other: &Self) -> bool {
        if self.at != other.at {
            return self.at < other.at;
        }
        // As derived, but part by part: no part is laid out in memory for it, see [`Timers::arm`].
        if self.phase != other.phase {
            return self.phase < other.phase;
        }
        if self.key != other.key {
            return self.key < other.key;
        }
        self.owner < other.owner
    }
}

/// What comes first at one instant.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "camelCase")]
pub enum Phase {
    /// Agents come near to a break or are past it, by agent.
    Rota,
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
///
/// Guards have a heap of their own. What comes due late, after a pause, happens as at that late moment, so
/// all that a rota says up to it has to be known by then: guards go before what was due sooner.
#[derive(Clone, Debug, Default)]
pub(crate) struct Timers {
    /// Each in order.
    lanes: [VecDeque<Deadline>; LANES],
    heap: BinaryHeap<Reverse<Deadline>>,
    guards: BinaryHeap<Reverse<Deadline>>,
    /// The first of all but guards, and its lane; [`LANES`]: the heap.
    next: Option<(Deadline, usize)>,
    /// Of all of them.
    len: usize,
}

impl Timers {
    // Inlined where it is made, for one that is made elsewhere has to be read back as a whole just after it was
    // written in parts.
    #[inline(always)]
    pub(crate) fn arm(&mut self, now: Time, deadline: Deadline) {
        self.len += 1;
        if let Owner::Guard(_) = deadline.owner {
            return self.guards.push(Reverse(deadline));
        }
        let lane = self.lane_for(now, &deadline);
        match lane {
            Some(lane) => self.lanes[lane].push_back(deadline),
            None => self.heap.push(Reverse(deadline)),
        }
        if (self.next.as_ref()).is_none_or(|(next, _)| deadline.is_before(next)) {
            self.next = Some((deadline, lane.unwrap_or(LANES)));
        }
    }
    /// The first lane of its kind that it may stand behind.
    #[inline(always)]
    fn lane_for(&self, now: Time, deadline: &Deadline) -> Option<usize> {
        let lanes = match deadline.owner {
            Owner::Asked(_) => 0..ANSWERS,
            Owner::WrapUp(_) => ANSWERS..LANES,
            _ => return None,
        };
        if deadline.at - now > FAR {
            return None;
        }
        // No iterator is told where the deadline is, which would have to be in memory then: see [`arm`](Self::arm).
        for lane in lanes {
            let last = self.lanes[lane].back();
            if last.is_none_or(|last| !deadline.is_before(last)) {
                return Some(lane);
            }
        }
        None
    }
    /// The first of a lane, or of the heap.
    fn head(&self, lane: usize) -> Option<&Deadline> {
        match self.lanes.get(lane) {
            Some(lane) => lane.front(),
            None => self.heap.peek().map(|entry| &entry.0),
        }
    }
    pub(crate) fn find_next(&mut self) {
        let mut next: Option<(&Deadline, usize)> = None;
        for lane in 0..=LANES {
            if let Some(head) = self.head(lane)
                && next.is_none_or(|(first, _)| head.is_before(first))
            {
                next = Some((head, lane));
            }
        }
        self.next = next.map(|(first, lane)| (*first, lane));
    }
    #[inline]
    pub(crate) fn peek(&self) -> Option<&Deadline> {
        if self.guards.is_empty() {
            return self.next.as_ref().map(|(deadline, _)| deadline);
        }
        self.peek_with_guards()
    }
    #[inline(never)]
    fn peek_with_guards(&self) -> Option<&Deadline> {
        let next = self.next.as_ref().map(|(deadline, _)| deadline);
        let guard = self.guards.peek().map(|entry| &entry.0);
        next.into_iter().chain(guard).min()
    }
    /// What is to be done now; `None` where nothing is due.
    pub(crate) fn pop_due(&mut self, now: Time) -> Option<Deadline> {
        if self.guards.peek().is_some_and(|entry| entry.0.at <= now) {
            self.len -= 1;
            return self.guards.pop().map(|entry| entry.0);
        }
        let (deadline, lane) = self.next.filter(|(next, _)| next.at <= now)?;
        self.len -= 1;
        match self.lanes.get_mut(lane) {
            Some(lane) => _ = lane.pop_front(),
            None => _ = self.heap.pop(),
        }
        self.find_next();
        Some(deadline)
    }
    /// The lane that the top stands in; `None`: it is a guard, or in the heap.
    pub(crate) fn top_lane(&self) -> Option<usize> {
        let (next, lane) = self.next.as_ref()?;
        let guard = self.guards.peek();
        let is_top = guard.is_none_or(|guard| next.is_before(&guard.0));
        (*lane < LANES && is_top).then_some(*lane)
    }
    /// Drops the first of a lane, and says which is first there now. All of them are dropped that should be before
    /// [`find_next`](Self::find_next) says which is next.
    pub(crate) fn drop_first(&mut self, lane: usize) -> Option<Deadline> {
        let lane = &mut self.lanes[lane];
        self.len -= usize::from(lane.pop_front().is_some());
        lane.front().copied()
    }
    pub(crate) fn len(&self) -> usize {
        self.len
    }
    pub(crate) fn keep(&mut self, mut valid: impl FnMut(&Deadline) -> bool) {
        for lane in &mut self.lanes {
            lane.retain(&mut valid);
        }
        self.heap.retain(|entry| valid(&entry.0));
        self.guards.retain(|entry| valid(&entry.0));
        let in_lanes: usize = self.lanes.iter().map(VecDeque::len).sum();
        self.len = in_lanes + self.heap.len() + self.guards.len();
        self.find_next();
    }
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn deadline(kind: u8, at: i64, key: u64) -> Deadline {
        let (phase, owner) = match kind {
            0 => (Phase::Presence, Owner::Asked(Slot::new(key as usize))),
            1 => (Phase::Ends, Owner::WrapUp(AgentIx::new(key as usize))),
            2 => (Phase::Rota, Owner::Guard(AgentIx::new(key as usize))),
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

    fn pop_sorted(sorted: &mut BTreeSet<Deadline>, now: Time) -> Option<Deadline> {
        let is_guard = |it: &&Deadline| matches!(it.owner, Owner::Guard(_));
        let due = |it: &&Deadline| it.at <= now;
        let guard = sorted.iter().filter(is_guard).find(due);
        let first = guard.or_else(|| sorted.first().filter(due)).copied()?;
        sorted.take(&first)
    }

    proptest! {
        #[test]
        fn deadlines_come_in_order_whatever_lane_they_stand_in(
            armed in prop::collection::vec((0u8..4, 0i64..300, 0u64..50, 0usize..3, 0i64..40), 1..200)
        ) {
            let mut timers = Timers::default();
            let mut sorted = BTreeSet::new();
            let mut now = 0;
            for (kind, after, key, popped, passed) in armed {
                let it = deadline(kind, now + after, key);
                if sorted.insert(it) {
                    timers.arm(Time(0) + Span::seconds(now), it);
                }
                now += passed;
                let late = Time(0) + Span::seconds(now);
                for _ in 0..popped {
                    prop_assert_eq!(timers.peek(), sorted.first());
                    prop_assert_eq!(timers.pop_due(late), pop_sorted(&mut sorted, late));
                }
                timers.keep(|it| it.key != 7);
                sorted.retain(|it| it.key != 7);
                prop_assert_eq!(timers.len(), sorted.len());
            }
            let end = Time(i64::MAX);
            while let Some(it) = pop_sorted(&mut sorted, end) {
                prop_assert_eq!(timers.pop_due(end), Some(it));
            }
            prop_assert_eq!(timers.pop_due(end), None);
        }
    }
}
