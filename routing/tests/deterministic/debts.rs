//! Rule 12's exception: which queues are below their service level today, counted from the waits that have ended there
//! since the centre's midnight. The formulas are those of the metric contract.

use std::collections::{BTreeMap, BTreeSet};

use trunkline_routing::{SegmentEnd, Span};
use trunkline_tenant::crds::{Formula, ServiceLevel};
use trunkline_tenant::{Queue, QueueId};

/// A wait in a queue that has ended: by an answer where there is no `end`.
pub struct Wait {
    pub queue: QueueId,
    pub length: Span,
    pub end: Option<SegmentEnd>,
}

#[derive(Default)]
struct Today {
    answered: u64,
    answered_within: u64,
    abandoned: u64,
    abandoned_within: u64,
    short: u64,
    flowed_out: u64,
    callbacks_within: u64,
    dropped: u64,
}

#[derive(Default)]
pub struct Debts(BTreeMap<QueueId, Today>);

impl Debts {
    pub fn new_day(&mut self) {
        self.0.clear();
    }

    /// Queues without a past any more lose it.
    pub fn retain(&mut self, has_past: impl Fn(&QueueId) -> bool) {
        self.0.retain(|id, _| has_past(id));
    }

    pub fn count(&mut self, wait: Wait, queues: &BTreeMap<QueueId, Queue>) {
        let queue = &queues[&wait.queue];
        let plain = ServiceLevel::default();
        let level = queue.service_level.as_ref().unwrap_or(&plain);
        let within = u64::from(wait.length <= Span::from(level.within));
        let today = self.0.entry(wait.queue).or_default();
        match wait.end {
            None => {
                today.answered += 1;
                today.answered_within += within;
            }
            Some(SegmentEnd::Abandoned) => {
                today.abandoned += 1;
                today.abandoned_within += within;
                today.short += u64::from(wait.length < Span::from(queue.short_abandon));
            }
            Some(SegmentEnd::Dropped) => today.dropped += 1,
            Some(end) => {
                today.flowed_out += 1;
                today.callbacks_within += within * u64::from(end == SegmentEnd::Callback);
            }
        }
    }

    /// The queues that may be served near a break.
    pub fn owing(&self, queues: &BTreeMap<QueueId, Queue>) -> BTreeSet<QueueId> {
        let with_level = queues
            .iter()
            .filter(|(_, queue)| queue.service_level.is_some());
        let owing = with_level.filter(|(id, queue)| self.owes(id, queue));
        owing.map(|(id, _)| id.clone()).collect()
    }

    pub fn owes(&self, id: &QueueId, queue: &Queue) -> bool {
        let (Some(level), Some(today)) = (&queue.service_level, self.0.get(id)) else {
            return false;
        };
        let ended = today.answered + today.abandoned;
        let within = today.answered_within;
        let (met, of) = match level.formula {
            Formula::ExcludeShortAbandons => (within, ended - today.short),
            Formula::AllOffered => (within, ended),
            Formula::AnsweredOnly => (within, today.answered),
            Formula::AbandonsCount => (within + today.abandoned_within, ended),
            Formula::RemovedFromQueue => (
                within + today.abandoned_within + today.callbacks_within,
                ended + today.flowed_out + today.dropped,
            ),
            Formula::WithFlowOuts => (within, ended + today.flowed_out),
        };
        of > 0 && ((met * 100) as f64) < level.percent.0 * of as f64
    }
}
