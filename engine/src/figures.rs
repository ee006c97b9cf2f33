//! The figures of queues, clients, teams and agents: a fold of the journal's records.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use trunkline_routing::metrics::{AgentTimes, Counts, Hours, Interval, Ledger, Scope, Terms};
use trunkline_routing::{Judged, Output, Segment, Span, Time};
use trunkline_tenant::Tenant;
use trunkline_tenant::crds::{AgentName, ServiceLevel, TeamName};

/// How far back figures are at hand; older ones are in the journal. Two days hold today in
/// every zone.
pub const AT_HAND: Span = Span::seconds(2 * 86_400);

/// Intervals that are no longer at hand are let go this often.
const SWEEP: Span = Span::seconds(3600);

/// Figures by quarter of an hour.
#[derive(Debug)]
pub struct Figures {
    ledger: Ledger,
    times: AgentTimes,
    swept: Time,
}

impl Default for Figures {
    fn default() -> Self {
        Self {
            ledger: Ledger::new(Interval::Quarter),
            times: AgentTimes::new(Interval::Quarter, Tz::UTC),
            swept: Time::default(),
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
    /// How long the interval is, where it is one.
    pub interval: Option<Span>,
    /// The counts.
    pub counts: Counts,
    /// What the service level is by: T and the formula that were in force.
    pub judged: Option<Judged>,
    /// What is agreed now.
    pub terms: Option<ServiceLevel>,
    /// Of agents and teams: where their time went.
    pub hours: Option<Hours>,
}

impl Figure {
    /// In 0..1, by its own formula; `None` where there are no terms, or nothing counts.
    pub fn service_level(&self) -> Option<f64> {
        self.counts.service_level(self.judged?.formula)
    }
}

impl Figures {
    /// Takes complete stretches in.
    pub fn add(&mut self, rows: &[Segment], tenant: &Tenant) {
        for row in rows {
            self.ledger.add(row, tenant);
        }
        if let Some(row) = rows.last().filter(|row| row.ended - self.swept > SWEEP) {
            self.swept = row.ended;
            self.ledger.forget_before(row.ended - AT_HAND);
            self.times.forget_before(row.ended - AT_HAND);
        }
    }

    /// Takes what agents became.
    pub fn follow(&mut self, at: Time, outputs: &[Output]) {
        for output in outputs {
            if let Output::Agent { agent, state } = output {
                self.times.changed(at, agent, state.clone());
            }
        }
    }

    /// Everything since midnight, each in its own zone. A stretch counts once its wrap-up is
    /// over; agents' time counts from when this engine began to lead, or what it replayed.
    pub fn today(&self, tenant: &Tenant, now: Time) -> Vec<Figure> {
        let mut scopes = self.ledger.scopes();
        scopes.extend(self.times.agents().cloned().map(Scope::Agent));
        scopes.extend(tenant.teams.keys().cloned().map(Scope::Team));
        scopes.sort_unstable();
        scopes.dedup();
        scopes
            .into_iter()
            .map(|scope| {
                let from = midnight(&scope, tenant, now);
                let terms = terms(&scope, tenant);
                Figure {
                    counts: self.ledger.between(&scope, from, Time(i64::MAX)),
                    judged: terms.as_ref().map(|terms| Judged {
                        terms: Terms::new(terms, Span(0)),
                        formula: terms.formula,
                    }),
                    terms,
                    hours: hours(&self.times, &scope, tenant, from, now),
                    interval: None,
                    scope,
                    from,
                }
            })
            .filter(|figure| figure.counts != Counts::default() || figure.hours.is_some())
            .collect()
    }
}

/// Past intervals between two moments, each by the terms that were in force then. `rows` are the
/// journal's of stretches that began at `from` or later; `times` those of its agents, if asked for.
pub fn history(
    rows: &[Segment],
    times: Option<&AgentTimes>,
    tenant: &Tenant,
    interval: Interval,
    (from, to): (Time, Time),
) -> Vec<Figure> {
    let mut ledger = Ledger::new(interval);
    for row in rows {
        ledger.add(row, tenant);
    }
    let mut figures = Vec::new();
    for scope in ledger.scopes() {
        let terms = terms(&scope, tenant);
        let inside = |start: &Time| from <= *start && *start < to;
        for (start, counts) in ledger.intervals(&scope).filter(|(start, _)| inside(start)) {
            let end = start + interval.length();
            figures.push(Figure {
                scope: scope.clone(),
                from: start,
                interval: Some(interval.length()),
                counts: *counts,
                judged: ledger.judged(&scope, start),
                terms: terms.clone(),
                hours: times.and_then(|times| hours(times, &scope, tenant, start, end)),
            });
        }
    }
    figures
}

/// Where the time of an agent, or of a team's agents, went.
fn hours(
    times: &AgentTimes,
    scope: &Scope,
    tenant: &Tenant,
    from: Time,
    to: Time,
) -> Option<Hours> {
    let of_team = |team: &TeamName, agent: &AgentName| {
        let listed = tenant.agents.get(agent);
        match listed {
            Some(listed) => listed.team.as_ref() == Some(team),
            // One of a virtual team's: `<team>-<pod>-<slot>`.
            None => agent.as_str().rsplitn(3, '-').nth(2) == Some(team.as_str()),
        }
    };
    let mut sum = Hours::default();
    for agent in times.agents() {
        let wanted = match scope {
            Scope::Agent(name) => name == agent,
            Scope::Team(team) => of_team(team, agent),
            Scope::Queue(_) | Scope::Client(_) => false,
        };
        if wanted {
            sum.merge(&times.between(agent, from, to));
        }
    }
    (sum != Hours::default()).then_some(sum)
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
    use trunkline_tenant::crds::Formula;

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
            terms: None,
            kind: Default::default(),
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

    #[test]
    fn a_past_interval_keeps_the_terms_that_were_in_force_whatever_is_agreed_later() {
        let tenant = small_tenant();
        let queue = QueueId::of("acme", "orders");
        let start = Time(1_799_118_000_000_000);
        let judged = |within: i64, formula| Judged {
            terms: Terms {
                within: Span::seconds(within),
                short: Span::seconds(5),
            },
            formula,
        };
        let row = |entered: Time, judged: Judged| Segment {
            contact: ContactId(1),
            index: 0,
            queue: queue.clone(),
            client: queue.client.clone(),
            arrived: entered,
            entered,
            answered: Some(entered + Span::seconds(30)),
            ended: entered + Span::seconds(67),
            agent: None,
            hold: Span(0),
            wrap_up: Span(0),
            codes: Vec::new(),
            end: SegmentEnd::Answered,
            again: false,
            terms: Some(trunkline_routing::RowTerms {
                queue: judged,
                client: judged,
            }),
            kind: Default::default(),
        };
        let then = judged(60, Formula::AllOffered);
        let now = judged(20, Formula::AnsweredOnly);
        let half = Interval::Half.length();
        let rows = [row(start, then), row(start + half, now)];
        let figures = history(
            &rows,
            None,
            &tenant,
            Interval::Half,
            (start - half, start + Span(2 * half.0)),
        );
        let of_queue: Vec<_> = figures
            .iter()
            .filter(|figure| figure.scope == Scope::Queue(queue.clone()))
            .map(|figure| (figure.judged, figure.service_level()))
            .collect();
        assert_eq!(of_queue, [(Some(then), Some(1.0)), (Some(now), Some(0.0))]);
    }
}
