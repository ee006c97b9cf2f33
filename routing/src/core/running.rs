//! What the core knows of each queue from its own past: today's counts, for the debt of rule 12;
//! how long its contacts are handled; and the pace at which it is served, for estimated waits.

use serde::{Deserialize, Serialize};

use super::Core;
use crate::bug::Bug;
use crate::ix::{QueueIx, Slot};
use crate::metrics::Counts;
use crate::{ContactId, Segment, SegmentEnd, Span, StretchKind, Time};

/// Expected of a queue none of whose contacts has been handled yet.
const UNKNOWN_HANDLE: Span = Span::seconds(180);
/// The weight of the newest handle time is one in so many.
const HANDLE_MEMORY: i64 = 16;
/// Gaps between services that the pace is the mean of.
const GAPS: usize = 32;
/// Fewer say nothing yet.
const FEWEST_GAPS: usize = 8;
/// Past errors that an interval is read from.
const ERRORS: usize = 128;
/// Fewer say nothing yet, and the errors of a Poisson stream stand in.
const FEWEST_ERRORS: usize = 16;

/// A queue's past, in short.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Running {
    /// Since midnight, the answered from the moment of the answer.
    today: Counts,
    /// A moving mean, µs; of how many, up to [`HANDLE_MEMORY`].
    handle: i64,
    handled: i64,
    /// When somebody was last served who had had to wait.
    last_service: Option<Time>,
    /// µs between such services while somebody waited; the eldest at `next_gap`.
    gaps: Vec<i64>,
    next_gap: usize,
    /// Of all gaps; worked out anew from them. Wraps, as gaps may be absurd: what leaves it is what came into it.
    #[serde(skip)]
    gap_sum: i64,
    /// From being asked for to being answered, a moving mean, µs.
    ring: i64,
    rings: i64,
    /// Errors of past estimates: (wait / estimate − 1) × √position, in thousandths.
    errors: Vec<i32>,
    next_error: usize,
    /// Who waits in line now; worked out anew from the contacts.
    #[serde(skip)]
    pub(crate) in_line: u32,
}

/// How long a contact will still wait until it is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Estimate {
    /// Its place among those who wait in its queue: 1 is next.
    pub position: usize,
    /// One in ten waits is shorter.
    pub low: Span,
    /// The middle.
    pub likely: Span,
    /// One in ten waits is longer.
    pub high: Span,
}

fn moving_mean(mean: &mut i64, count: &mut i64, value: i64) {
    *count = (*count + 1).min(HANDLE_MEMORY);
    *mean += (value - *mean) / *count;
}

/// The eldest is forgotten for it, and returned, where they are so many already.
fn remember<T>(ring: &mut Vec<T>, next: &mut usize, most: usize, value: T) -> Option<T> {
    if ring.len() < most {
        ring.push(value);
        return None;
    }
    let eldest = std::mem::replace(&mut ring[*next], value);
    *next = (*next + 1) % most;
    Some(eldest)
}

impl Running {
    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// From a snapshot, which has nothing in it that follows from the rest.
    pub(crate) fn restored(self) -> Self {
        let gap_sum = self
            .gaps
            .iter()
            .fold(0, |sum: i64, gap| sum.wrapping_add(*gap));
        Self { gap_sum, ..self }
    }

    /// Without who waits now, and what follows from the rest.
    pub(crate) fn past(&self) -> Self {
        Self {
            in_line: 0,
            gap_sum: 0,
            ..self.clone()
        }
    }

    fn mean_gap(&self) -> Option<i64> {
        let n = self.gaps.len();
        (n >= FEWEST_GAPS).then(|| self.gap_sum / n as i64)
    }

    /// The middle of the wait from a position, µs.
    fn likely(&self, position: usize) -> Option<i64> {
        let to_offer = self.mean_gap()?.saturating_mul(position as i64);
        Some(to_offer.saturating_add(self.ring).max(1))
    }

    /// An estimate from the pace of late, with an interval that held for eight in ten of the
    /// estimates before. The error of a sum of `p` gaps falls as 1/√p, so that errors of all
    /// positions are comparable once multiplied by √p.
    fn estimate(&self, position: usize) -> Option<Estimate> {
        let middle = self.likely(position)? as f64;
        let (low, mid, high) = if self.errors.len() < FEWEST_ERRORS {
            (-1.0, 0.0, 1.4)
        } else {
            let mut errors = self.errors.clone();
            errors.sort_unstable();
            let at = |share: f64| {
                let place = (errors.len() - 1) as f64 * share;
                f64::from(errors[place.round() as usize]) / 1000.0
            };
            (at(0.1), at(0.5), at(0.9))
        };
        let root = (position as f64).sqrt();
        let span = |error: f64| Span((middle * (1.0 + error / root)).max(0.0) as i64);
        Some(Estimate {
            position,
            low: span(low),
            likely: span(mid),
            high: span(high),
        })
    }
}

impl Core {
    /// A contact's stretch ends unanswered: that counts at once, for today's service level.
    pub(super) fn count_unserved(&mut self, slot: Slot, end: SegmentEnd) {
        let contact = &self.contacts[slot.at()];
        if contact.kind() != StretchKind::Plain {
            return;
        }
        let (queue, wait) = (contact.queue, self.now - contact.entered);
        let terms = self.plan.queues[queue.at()].judged.terms;
        let today = &mut self.running[queue.at()].today;
        today.add_wait(wait, false, end, terms);
        self.guarded_may_gain();
    }

    /// A contact is answered.
    pub(super) fn count_answered(&mut self, slot: Slot) {
        let contact = &self.contacts[slot.at()];
        if contact.kind() != StretchKind::Plain {
            return;
        }
        let (queue, reckoned) = (contact.queue, contact.reckoned);
        let wait = self.now - contact.entered;
        let rang = (self.now - contact.asked_at).0;
        let terms = self.plan.queues[queue.at()].judged.terms;
        let running = &mut self.running[queue.at()];
        let today = &mut running.today;
        today.add_wait(wait, true, SegmentEnd::Answered, terms);
        moving_mean(&mut running.ring, &mut running.rings, rang);
        if let Some((position, likely)) = reckoned {
            let error = (wait.0 as f64 / likely as f64 - 1.0) * f64::from(position).sqrt();
            let error = (error * 1000.0).clamp(-1e6, 1e6) as i32;
            remember(&mut running.errors, &mut running.next_error, ERRORS, error);
        }
        self.guarded_may_gain();
    }

    /// A contact that had to wait is offered: its queue moves on by one.
    pub(super) fn queue_moves(&mut self, slot: Slot) {
        let now = self.now;
        let contact = &mut self.contacts[slot.at()];
        contact.asked_at = now;
        contact.begins(now);
        let (entered, queue) = (contact.entered, contact.queue);
        if contact.generation > 1 || entered == now || contact.kind() != StretchKind::Plain {
            return;
        }
        let running = &mut self.running[queue.at()];
        let since = running
            .last_service
            .map_or(entered, |last| last.max(entered));
        running.last_service = Some(now);
        let gap = (now - since).0;
        let eldest = remember(&mut running.gaps, &mut running.next_gap, GAPS, gap);
        let sum = running.gap_sum.wrapping_add(gap);
        running.gap_sum = sum.wrapping_sub(eldest.unwrap_or(0));
    }

    /// What a contact that must wait is told, to be compared with its wait later.
    pub(super) fn reckon(&mut self, slot: Slot) {
        let contact = &self.contacts[slot.at()];
        if contact.reckoned.is_some() || contact.entered != self.now {
            return;
        }
        let running = &self.running[contact.queue.at()];
        let position = running.in_line.max(1);
        let likely = running.likely(position as usize);
        self.contacts[slot.at()].reckoned = likely.map(|likely| (position, likely));
    }

    /// A conversation and its wrap-up are over.
    pub(super) fn count_handled(&mut self, queue: QueueIx, row: &Segment) {
        let Some(answered) = row.answered else {
            return;
        };
        if matches!(row.kind, StretchKind::Consult(_)) {
            return;
        }
        let took = (row.ended - answered).0 + row.wrap_up.0;
        let running = &mut self.running[queue.at()];
        moving_mean(&mut running.handle, &mut running.handled, took);
        self.guarded_may_gain();
    }

    /// How long a contact of the queue is expected to be handled, wrap-up included.
    pub(super) fn expected_handle(&self, queue: QueueIx) -> Span {
        let running = &self.running[queue.at()];
        if running.handled == 0 {
            UNKNOWN_HANDLE
        } else {
            Span(running.handle)
        }
    }

    /// Whether the queue is below its service level today, by its own formula. One without a
    /// target owes nobody.
    pub(super) fn in_debt(&self, queue: QueueIx) -> bool {
        let level = self.plan.queues[queue.at()]
            .definition
            .service_level
            .as_ref();
        if self.has(Bug::DebtForgotten) || self.has(Bug::DebtAssumed) {
            return level.is_some() && self.has(Bug::DebtAssumed);
        }
        level.is_some_and(|level| {
            let today = &self.running[queue.at()].today;
            let reached = today.service_level(level.formula);
            reached.is_some_and(|reached| reached * 100.0 < level.percent.0)
        })
    }

    pub(super) fn forget_today(&mut self) {
        for running in &mut self.running {
            running.today = Counts::default();
        }
    }

    /// How long a waiting contact will still wait; `None`: it doesn't wait, or too little is known
    /// yet to say so honestly. Where it can't be served out of turn this is by its rank.
    pub fn estimate(&self, id: ContactId) -> Option<Estimate> {
        let position = self.position(id)?;
        let contact = &self.contacts[self.slot(id)?.at()];
        self.running[contact.queue.at()].estimate(position)
    }

    /// How long one who came now would wait; nobody waits where an agent is free.
    pub fn estimate_for(&self, queue: &trunkline_tenant::QueueId) -> Option<Estimate> {
        let queue = *self.plan.queue_of.get(queue)?;
        let running = &self.running[queue.at()];
        let plan = &self.plan.queues[queue.at()];
        let capacity = crate::plan::slot_of(plan.medium);
        let mut free = self.pool.free(&self.plan, plan.steps[0].need, capacity);
        if running.in_line == 0 && free.next().is_some() {
            let ring = Span(running.ring);
            return Some(Estimate {
                position: 1,
                low: Span(0),
                likely: ring,
                high: plan.ring.max(ring),
            });
        }
        running.estimate(running.in_line as usize + 1)
    }
}
