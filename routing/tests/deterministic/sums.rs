//! What rows add up to in the figures of a queue, a client, a team and an agent, by the metric contract: folded here from
//! the rows that each contact must have, by nothing of `routing/src/metrics`.

use std::collections::BTreeMap;

use trunkline_routing::metrics::{Counts, Scope, Terms};
use trunkline_routing::*;

use crate::tally::{Row, quarter};

/// Of what, in the quarter of an hour that begins then.
pub type Key = (Scope, Time);

/// All that rows say of one scope in a quarter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sum {
    pub offered: u64,
    pub answered: u64,
    pub answered_within: u64,
    pub abandoned: u64,
    pub abandoned_within: u64,
    pub short_abandons: u64,
    pub flowed_out: u64,
    pub callbacks_within: u64,
    pub dropped: u64,
    pub dropped_talking: u64,
    pub waiting: u64,
    pub called_back: u64,
    pub consults: u64,
    pub handled: u64,
    pub answered_wait: i64,
    pub max_wait: i64,
    pub talk: i64,
    pub hold: i64,
    pub wrap_up: i64,
}

impl Sum {
    pub fn of(counts: &Counts) -> Self {
        Self {
            offered: counts.offered,
            answered: counts.answered,
            answered_within: counts.answered_within,
            abandoned: counts.abandoned,
            abandoned_within: counts.abandoned_within,
            short_abandons: counts.short_abandons,
            flowed_out: counts.flowed_out,
            callbacks_within: counts.callbacks_within,
            dropped: counts.dropped,
            dropped_talking: counts.dropped_talking,
            waiting: counts.waiting,
            called_back: counts.called_back,
            consults: counts.consults,
            handled: counts.handled,
            answered_wait: counts.answered_wait.0,
            max_wait: counts.max_wait.0,
            talk: counts.talk.0,
            hold: counts.hold.0,
            wrap_up: counts.wrap_up.0,
        }
    }

    fn add(&mut self, row: &Row, wrap_up: Span, terms: Terms, from: Option<Time>) {
        let is_consult = matches!(row.kind, StretchKind::Consult(_));
        let over = row.answered.filter(|_| row.end != SegmentEnd::Open);
        if let Some(answered) = over.filter(|_| !is_consult) {
            self.handled += 1;
            self.talk += (row.ended - answered).0 - row.hold.0;
            self.hold += row.hold.0;
            self.wrap_up += wrap_up.0;
        }
        match row.kind {
            StretchKind::Consult(_) => self.consults += u64::from(row.answered.is_some()),
            StretchKind::CalledBack => self.called_back += u64::from(row.answered.is_some()),
            StretchKind::Plain => {
                if let Some(from) = from {
                    let unanswered = row.answered.is_none().then_some(row.end);
                    let wait = row.answered.unwrap_or(row.ended) - from;
                    self.add_wait(wait, unanswered, terms);
                    let dropped = row.answered.is_some() && row.end == SegmentEnd::Dropped;
                    self.dropped_talking += u64::from(dropped);
                }
            }
        }
    }

    /// A customer's wait, which has ended: by an answer where it ended in nothing else.
    pub fn add_wait(&mut self, wait: Span, unanswered: Option<SegmentEnd>, terms: Terms) {
        let within = u64::from(wait.0 <= terms.within.0);
        self.offered += 1;
        self.max_wait = self.max_wait.max(wait.0);
        match unanswered {
            None => {
                self.answered += 1;
                self.answered_within += within;
                self.answered_wait += wait.0;
            }
            Some(SegmentEnd::Open) => self.waiting += 1,
            Some(SegmentEnd::Dropped) => self.dropped += 1,
            Some(SegmentEnd::Abandoned) => {
                self.abandoned += 1;
                self.abandoned_within += within;
                self.short_abandons += u64::from(wait.0 < terms.short.0);
            }
            Some(end) => {
                self.flowed_out += 1;
                self.callbacks_within += within * u64::from(end == SegmentEnd::Callback);
            }
        }
    }

    fn merge(&mut self, other: &Self) {
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
        self.called_back += other.called_back;
        self.consults += other.consults;
        self.handled += other.handled;
        self.answered_wait += other.answered_wait;
        self.max_wait = self.max_wait.max(other.max_wait);
        self.talk += other.talk;
        self.hold += other.hold;
        self.wrap_up += other.wrap_up;
    }
}

#[derive(Default)]
pub struct Sums(BTreeMap<Key, Sum>);

impl Sums {
    /// A queue, a team and an agent count from the entry to the queue, a client each contact once from its arrival.
    pub fn add(&mut self, row: &Row, wrap_up: Span) {
        let counts_for_client = !row.again && row.end != SegmentEnd::Overflow;
        for (scope, start) in keys(row) {
            let (terms, from) = match scope {
                Scope::Client(_) => (
                    row.terms.client.terms,
                    counts_for_client.then_some(row.arrived),
                ),
                _ => (row.terms.queue.terms, Some(row.entered)),
            };
            let sum = self.0.entry((scope, start)).or_default();
            sum.add(row, wrap_up, terms, from);
        }
    }

    pub fn with(&self, others: &Self, key: &Key) -> Sum {
        let mut sum = self.0.get(key).copied().unwrap_or_default();
        if let Some(other) = others.0.get(key) {
            sum.merge(other);
        }
        sum
    }
}

/// Where a row counts: for its agent, and for the team in which they talked.
pub fn keys(row: &Row) -> impl Iterator<Item = Key> {
    let entered = quarter(row.entered);
    let agent = row.agent.clone().map(|it| (Scope::Agent(it), entered));
    let team = row.place.team.clone();
    let team = team.filter(|_| agent.is_some());
    let team = team.map(|it| (Scope::Team(it), entered));
    let queue = (Scope::Queue(row.queue.clone()), entered);
    let client = (Scope::Client(row.client.clone()), quarter(row.arrived));
    [queue, client].into_iter().chain(agent).chain(team)
}
