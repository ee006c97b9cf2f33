//! Counts and sums of a queue, client, team, agent or interval, and the formulas over them.

use serde::{Deserialize, Serialize};
use trunkline_tenant::Queue;
use trunkline_tenant::crds::{Formula, ServiceLevel};

use crate::{Segment, SegmentEnd, Span, StretchKind};

/// What a contract or a queue counts by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Terms {
    /// T: an answer no later than this is within the service level.
    pub within: Span,
    /// An abandonment sooner than this is short.
    pub short: Span,
}

impl Terms {
    /// Of a queue: its own service level, or its client's, or the plain one.
    pub(crate) fn of(queue: &Queue) -> Self {
        let level = queue.service_level.clone().unwrap_or_default();
        Self::new(&level, queue.short_abandon)
    }

    /// Of a service level, with the threshold of short abandonments.
    pub fn new(level: &ServiceLevel, short: impl Into<Span>) -> Self {
        Self {
            within: level.within.into(),
            short: short.into(),
        }
    }
}

/// From when waits count, and what counts as one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum View {
    /// Each stretch in a queue, from entry to it.
    Queue,
    /// Each contact once, from its first arrival.
    Contact,
}

/// Counts and sums; those of two parts add up to those of the whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Counts {
    /// O.
    pub offered: u64,
    /// A.
    pub answered: u64,
    /// A_T.
    pub answered_within: u64,
    /// B.
    pub abandoned: u64,
    /// B_T.
    pub abandoned_within: u64,
    /// B_s.
    pub short_abandons: u64,
    /// F: overflow, callback, voicemail, closed; and callbacks that came to nothing.
    pub flowed_out: u64,
    /// Of these, callbacks within T.
    pub callbacks_within: u64,
    /// D: lost by us while they waited.
    pub dropped: u64,
    /// Lost by us in conversation; each is among the answered too.
    pub dropped_talking: u64,
    /// Not yet any of these.
    pub waiting: u64,
    /// Σ wait of the answered.
    pub answered_wait: Span,
    /// The longest wait, however it ended.
    pub max_wait: Span,
    /// Callers who were called back, and reached; their wait on the line flowed out before.
    pub called_back: u64,
    /// Consults that were answered: they are in agents' time, and in no queue's contacts or handle time.
    pub consults: u64,
    /// Conversations that ended.
    pub handled: u64,
    /// Σ talk of these, without hold.
    pub talk: Span,
    /// Σ hold.
    pub hold: Span,
    /// Σ wrap-up.
    pub wrap_up: Span,
}

impl Counts {
    /// Takes a row in.
    pub fn add(&mut self, row: &Segment, terms: Terms, view: View) {
        if let StretchKind::Consult(_) = row.kind {
            self.consults += u64::from(row.answered.is_some());
            return;
        }
        if let Some(answered) = row.answered.filter(|_| row.end != SegmentEnd::Open) {
            self.handled += 1;
            self.talk.0 += (row.ended - answered).0 - row.hold.0;
            self.hold.0 += row.hold.0;
            self.wrap_up.0 += row.wrap_up.0;
        }
        if row.kind == StretchKind::CalledBack {
            self.called_back += u64::from(row.answered.is_some());
            return;
        }
        let from = match view {
            View::Queue => row.entered,
            // A later stretch of one who was answered, or one that is gone through, is no new contact.
            View::Contact if row.again || row.end == SegmentEnd::Overflow => return,
            View::Contact => row.arrived,
        };
        let wait = row.answered.unwrap_or(row.ended) - from;
        self.add_wait(wait, row.answered.is_some(), row.end, terms);
    }

    /// Takes in how a wait ended, and when.
    pub(crate) fn add_wait(&mut self, wait: Span, answered: bool, end: SegmentEnd, terms: Terms) {
        self.offered += 1;
        self.max_wait = self.max_wait.max(wait);
        let within = u64::from(wait <= terms.within);
        if answered {
            self.answered += 1;
            self.answered_within += within;
            self.answered_wait.0 += wait.0;
            self.dropped_talking += u64::from(end == SegmentEnd::Dropped);
            return;
        }
        match end {
            SegmentEnd::Abandoned => {
                self.abandoned += 1;
                self.abandoned_within += within;
                self.short_abandons += u64::from(wait < terms.short);
            }
            SegmentEnd::Overflow
            | SegmentEnd::Voicemail
            | SegmentEnd::Closed
            | SegmentEnd::Unreached
            | SegmentEnd::Merged
            | SegmentEnd::Cancelled => self.flowed_out += 1,
            SegmentEnd::Callback => {
                self.flowed_out += 1;
                self.callbacks_within += within;
            }
            SegmentEnd::Dropped => self.dropped += 1,
            SegmentEnd::Open | SegmentEnd::Answered => self.waiting += 1,
        }
    }

    /// Adds the counts of another part.
    pub fn merge(&mut self, other: &Self) {
        self.offered += other.offered;
        self.answered += other.answered;
        self.answered_within += other.answered_within;
        self.abandoned += other.abandoned;
        self.abandoned_within += other.abandoned_within;
        self.short_abandons += other.short_abandons;
        self.flowed_out += other.flowed_out;
        self.callbacks_within += other.callbacks_within;
        self.dropped += other.dropped;
        self.dropped_talking += other.dropped_talking;
        self.waiting += other.waiting;
        self.answered_wait.0 += other.answered_wait.0;
        self.max_wait = self.max_wait.max(other.max_wait);
        self.called_back += other.called_back;
        self.consults += other.consults;
        self.handled += other.handled;
        self.talk.0 += other.talk.0;
        self.hold.0 += other.hold.0;
        self.wrap_up.0 += other.wrap_up.0;
    }

    /// The service level in 0..1; `None` where nothing counts.
    pub fn service_level(&self, formula: Formula) -> Option<f64> {
        let (met, of) = self.level_counts(formula);
        ratio(met as f64, of as f64)
    }

    /// What the service level is the ratio of: contacts within it, and contacts that count.
    pub fn level_counts(&self, formula: Formula) -> (u64, u64) {
        let (a, b, f) = (self.answered, self.abandoned, self.flowed_out);
        match formula {
            Formula::ExcludeShortAbandons => (self.answered_within, a + b - self.short_abandons),
            Formula::AllOffered => (self.answered_within, a + b),
            Formula::AnsweredOnly => (self.answered_within, a),
            Formula::AbandonsCount => (self.answered_within + self.abandoned_within, a + b),
            Formula::RemovedFromQueue => (
                self.answered_within + self.abandoned_within + self.callbacks_within,
                a + b + f + self.dropped,
            ),
            Formula::WithFlowOuts => (self.answered_within, a + b + f),
        }
    }

    /// Average speed of answer, in seconds.
    pub fn asa(&self) -> Option<f64> {
        ratio(self.answered_wait.as_secs_f64(), self.answered as f64)
    }

    /// Average handle time, in seconds: (talk + hold + wrap-up) / handled.
    pub fn aht(&self) -> Option<f64> {
        let time = self.talk.as_secs_f64() + self.hold.as_secs_f64() + self.wrap_up.as_secs_f64();
        ratio(time, self.handled as f64)
    }

    /// O = A + B + F + D + waiting.
    pub fn is_balanced(&self) -> bool {
        let ended = self.answered + self.abandoned + self.flowed_out + self.dropped;
        self.offered == ended + self.waiting
    }
}

fn ratio(part: f64, whole: f64) -> Option<f64> {
    (whole > 0.0).then(|| part / whole)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ContactId, Time};

    fn row(end: SegmentEnd, wait: i64) -> Segment {
        let ended = Time::default() + Span::seconds(wait);
        Segment {
            contact: ContactId(1),
            index: 0,
            queue: "desk".parse().unwrap(),
            client: None,
            arrived: Time(0),
            entered: Time(0),
            answered: (end == SegmentEnd::Answered).then_some(ended),
            ended,
            agent: None,
            hold: Span(0),
            wrap_up: Span(0),
            codes: vec![],
            end,
            again: false,
            terms: None,
            place: None,
            kind: StretchKind::Plain,
        }
    }

    #[test]
    fn the_worked_example_of_the_metric_contract_holds_to_the_tenth_of_a_percent() {
        let terms = Terms {
            within: Span::seconds(20),
            short: Span::seconds(5),
        };
        let mut counts = Counts::default();
        let mut add = |number: usize, end: SegmentEnd, wait: i64| {
            (0..number).for_each(|_| counts.add(&row(end, wait), terms, View::Queue));
        };
        add(70, SegmentEnd::Answered, 20);
        add(15, SegmentEnd::Answered, 21);
        add(4, SegmentEnd::Abandoned, 4);
        add(4, SegmentEnd::Abandoned, 5);
        add(2, SegmentEnd::Abandoned, 60);
        add(5, SegmentEnd::Callback, 19);
        assert!(counts.is_balanced());
        assert_eq!(
            (counts.offered, counts.answered, counts.abandoned),
            (100, 85, 10)
        );
        for (formula, percent) in [
            (Formula::ExcludeShortAbandons, 76.9),
            (Formula::AllOffered, 73.7),
            (Formula::AnsweredOnly, 82.4),
            (Formula::AbandonsCount, 82.1),
            (Formula::RemovedFromQueue, 83.0),
            (Formula::WithFlowOuts, 70.0),
        ] {
            let level = counts.service_level(formula).unwrap() * 100.0;
            assert!((level - percent).abs() < 0.05, "{formula:?}: {level}");
        }
    }

    #[test]
    fn a_queue_counts_its_own_wait_and_a_client_each_contact_once_from_its_arrival() {
        let terms = Terms {
            within: Span::seconds(20),
            short: Span::seconds(5),
        };
        let mut over = row(SegmentEnd::Overflow, 15);
        over.index = 0;
        let mut served = row(SegmentEnd::Answered, 25);
        served.entered = Time(15_000_000);
        let mut again = row(SegmentEnd::Answered, 300);
        again.again = true;
        let (mut queues, mut client) = (Counts::default(), Counts::default());
        for row in [&over, &served, &again] {
            queues.add(row, terms, View::Queue);
            client.add(row, terms, View::Contact);
        }
        assert_eq!(
            (queues.offered, queues.answered, queues.flowed_out),
            (3, 2, 1)
        );
        assert_eq!(queues.answered_within, 1, "ten seconds in the second queue");
        assert_eq!(
            (client.offered, client.answered, client.answered_within),
            (1, 1, 0)
        );
        assert_eq!(client.handled, 2, "both conversations cost time");
    }

    #[test]
    fn what_we_drop_is_never_among_the_abandons() {
        let terms = Terms {
            within: Span::seconds(20),
            short: Span::seconds(5),
        };
        let mut counts = Counts::default();
        counts.add(&row(SegmentEnd::Dropped, 1), terms, View::Queue);
        let mut talking = row(SegmentEnd::Dropped, 30);
        talking.answered = Some(Time(3_000_000));
        counts.add(&talking, terms, View::Queue);
        assert_eq!(
            (counts.abandoned, counts.dropped, counts.dropped_talking),
            (0, 1, 1)
        );
        assert_eq!((counts.answered, counts.is_balanced()), (1, true));
    }
}
