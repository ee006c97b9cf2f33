//! The figures of queues, clients, teams and agents: a fold of the journal's records.

use chrono::{DateTime, Utc};
use trunkline_routing::metrics::{Counts, Interval, Ledger, Scope};
use trunkline_routing::{Segment, Span, Time};
use trunkline_tenant::Tenant;
use trunkline_tenant::crds::ServiceLevel;

/// How far back figures are at hand; older ones are in the journal. Two days hold today in
/// every zone.
pub const AT_HAND: Span = Span::seconds(2 * 86_400);

/// Figures by quarter of an hour.
#[derive(Debug)]
pub struct Figures {
    ledger: Ledger,
}

impl Default for Figures {
    fn default() -> Self {
        Self {
            ledger: Ledger::new(Interval::Quarter),
        }
    }
}

/// The figures of one scope in a stretch of time.
#[derive(Clone, Debug, PartialEq)]
pub struct Figure {
    /// What of.
    pub scope: Scope,
    /// From when.
    pub from: Time,
    /// The counts.
    pub counts: Counts,
    /// The terms that the service level is by, with its formula: a queue's, or a client's contract.
    pub terms: Option<ServiceLevel>,
}

impl Figure {
    /// In 0..1, by its own formula; `None` where there are no terms, or nothing counts.
    pub fn service_level(&self) -> Option<f64> {
        let terms = self.terms.as_ref()?;
        self.counts.service_level(terms.formula)
    }
}

impl Figures {
    /// Takes complete stretches in.
    pub fn add(&mut self, rows: &[Segment], tenant: &Tenant) {
        for row in rows {
            self.ledger.add(row, tenant);
        }
    }

    /// Everything since midnight, each in its own zone. A stretch counts once its wrap-up is
    /// over.
    pub fn today(&self, tenant: &Tenant, now: Time) -> Vec<Figure> {
        self.ledger
            .scopes()
            .into_iter()
            .map(|scope| {
                let from = midnight(&scope, tenant, now);
                Figure {
                    counts: self.ledger.between(&scope, from, Time(i64::MAX)),
                    terms: terms(&scope, tenant),
                    scope,
                    from,
                }
            })
            .filter(|figure| figure.counts != Counts::default())
            .collect()
    }
}

fn midnight(scope: &Scope, tenant: &Tenant, now: Time) -> Time {
    let client = match scope {
        Scope::Queue(queue) => queue.client.as_ref(),
        Scope::Client(client) => client.as_ref(),
        Scope::Team(_) | Scope::Agent(_) => None,
    };
    let zone = client
        .and_then(|name| tenant.clients.get(name))
        .map_or(tenant.time_zone, |client| client.time_zone);
    let utc: DateTime<Utc> = DateTime::from_timestamp_micros(now.0).unwrap_or_default();
    let day = utc.with_timezone(&zone).date_naive();
    // A day without quarters there is none; then everything at hand is shown.
    let first = Interval::Quarter.of_day(day, zone).into_iter().next();
    first.unwrap_or(now - AT_HAND)
}

fn terms(scope: &Scope, tenant: &Tenant) -> Option<ServiceLevel> {
    match scope {
        Scope::Queue(queue) => {
            let queue = tenant.queues.get(queue)?;
            Some(queue.service_level.clone().unwrap_or_default())
        }
        Scope::Client(Some(client)) => {
            let contract = tenant.clients.get(client)?.contract.as_ref()?;
            contract.service_level.clone()
        }
        Scope::Client(None) | Scope::Team(_) | Scope::Agent(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use trunkline_routing::{ContactId, SegmentEnd};
    use trunkline_tenant::QueueId;

    use super::*;
    use crate::testing::small_tenant;

    #[test]
    fn today_begins_at_the_clients_own_midnight() {
        let tenant = small_tenant();
        // 2027-01-05 03:00 UTC: still the 4th in New York, where acme's day began at 05:00 UTC.
        let now = Time(1_799_118_000_000_000);
        let queue = QueueId::of("acme", "orders");
        let at = midnight(&Scope::Queue(queue.clone()), &tenant, now);
        assert_eq!((now - at).as_secs_f64(), 22.0 * 3600.0);
        let mut figures = Figures::default();
        let row = |entered: Time| Segment {
            contact: ContactId(1),
            index: 0,
            queue: queue.clone(),
            client: queue.client.clone(),
            arrived: entered,
            entered,
            answered: Some(entered + Span::seconds(7)),
            ended: entered + Span::seconds(67),
            agent: None,
            hold: Span(0),
            wrap_up: Span(0),
            codes: Vec::new(),
            end: SegmentEnd::Answered,
            again: false,
        };
        figures.add(&[row(at - Span::seconds(1)), row(at), row(now)], &tenant);
        let today = figures.today(&tenant, now);
        let of_queue = today
            .iter()
            .find(|f| f.scope == Scope::Queue(queue.clone()));
        let of_queue = of_queue.unwrap();
        assert_eq!(of_queue.counts.answered, 2);
        assert_eq!(of_queue.service_level(), Some(1.0));
        assert_eq!(of_queue.counts.asa(), Some(7.0));
    }
}
