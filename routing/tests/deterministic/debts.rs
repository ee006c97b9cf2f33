//! Rule 12's exception: which queues are below their service level today, counted from the waits that have ended there
//! since the centre's midnight. The formulas are those of the metric contract.

use std::collections::{BTreeMap, BTreeSet};

use trunkline_routing::metrics::Terms;
use trunkline_routing::{Judged, SegmentEnd, Span};
use trunkline_tenant::crds::Formula;
use trunkline_tenant::{Queue, QueueId};

use crate::sums::Sum;

/// A wait in a queue that has ended: by an answer where there is no `end`.
pub struct Wait {
    pub queue: QueueId,
    pub length: Span,
    pub end: Option<SegmentEnd>,
}

#[derive(Default)]
pub struct Debts(BTreeMap<QueueId, Sum>);

/// By what a queue is judged.
pub fn judged(queue: &Queue) -> Judged {
    let level = queue.service_level.clone().unwrap_or_default();
    Judged {
        terms: Terms {
            within: level.within.into(),
            short: queue.short_abandon.into(),
        },
        formula: level.formula,
    }
}

impl Debts {
    pub fn new_day(&mut self) {
        self.0.clear();
    }

    /// Queues without a past any more lose it.
    pub fn retain(&mut self, has_past: impl Fn(&QueueId) -> bool) {
        self.0.retain(|id, _| has_past(id));
    }

    pub fn count(&mut self, wait: Wait, queues: &BTreeMap<QueueId, Queue>) {
        let terms = judged(&queues[&wait.queue]).terms;
        let today = self.0.entry(wait.queue).or_default();
        today.add_wait(wait.length, wait.end, terms);
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
            Formula::ExcludeShortAbandons => (within, ended - today.short_abandons),
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
