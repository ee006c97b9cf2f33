//! The figures of queues, clients, teams and agents: a fold of the journal's rows.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use trunkline_routing::metrics::{
    Adherence, Counts, Hours, Interval, Ledger, Scope, Sums, Terms, level_of_client, level_of_queue,
};
use trunkline_routing::{AgentState, Core, Judged, Span, Time};
use trunkline_tenant::Tenant;
use trunkline_tenant::crds::ServiceLevel;

use crate::journal::Rows;
use crate::state::State;

/// How far back figures are at hand; older ones are in the journal. Two days hold today in
/// every zone.
pub const AT_HAND: Span = Span::seconds(2 * 86_400);

/// Intervals that are no longer at hand are let go this often.
const SWEEP: Span = Span::seconds(3600);

/// Figures by quarter of an hour.
#[derive(Debug)]
pub struct Figures {
    ledger: Ledger,
    swept: Time,
}

impl Default for Figures {
    fn default() -> Self {
        Self {
            ledger: Ledger::new(Interval::Quarter),
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
    /// What is agreed now: of a client nothing before its contract's first day.
    pub terms: Option<ServiceLevel>,
    /// Of agents and teams: where their time went.
    pub hours: Option<Hours>,
    /// Of agents and teams: capacity in use over what there is; of those who are ready now, or over an interval.
    pub load: Option<f64>,
    /// Of agents and teams: how they kept to their plans, where anything was planned.
    pub adherence: Option<Adherence>,
}

impl Figure {
    fn new(scope: Scope, from: Time, sums: &Sums, terms: Option<ServiceLevel>) -> Self {
        Self {
            terms,
            scope,
            from,
            interval: None,
            counts: sums.counts,
            judged: sums.judged,
            hours: (sums.hours != Hours::default()).then_some(sums.hours),
            load: sums.load.ratio(),
            adherence: None,
        }
    }

    /// Nothing is told: neither a contact, nor what agents did or were to do.
    pub fn is_empty(&self) -> bool {
        self.counts == Counts::default()
            && self.hours.is_none()
            && self.load.is_none()
            && self.adherence.is_none()
    }

    /// In 0..1, by its own formula; `None` where there are no terms, or nothing counts.
    pub fn service_level(&self) -> Option<f64> {
        self.counts.service_level(self.judged?.formula)
    }
}

impl Figures {
    /// Takes rows in that are complete.
    pub fn add(&mut self, rows: &Rows, tenant: &Tenant) {
        fold(&mut self.ledger, rows, tenant);
        let ends = rows.segments.iter().map(|row| row.ended);
        let newest = ends.chain(rows.spells.iter().map(|row| row.to)).max();
        if let Some(newest) = newest.filter(|newest| *newest - self.swept > SWEEP) {
            self.swept = newest;
            self.ledger.forget_before(newest - AT_HAND);
        }
    }

    /// Everything since midnight, each in its own zone: what is complete, and of the state what is
    /// open up to now.
    pub fn today(&self, state: &State, now: Time) -> Vec<Figure> {
        let Some(tenant) = &state.directory.tenant else {
            return Vec::new();
        };
        let mut open = Ledger::new(Interval::Quarter);
        fold(&mut open, &state.open_rows(now), tenant);
        let loads = loads(&state.core);
        // A rota is an agent's or a team's: their midnight is the centre's.
        let day = (midnight(&Scope::Client(None), tenant, now), now);
        let adherence = self.ledger.adherence(&open, day);
        let mut scopes = self.ledger.scopes();
        scopes.extend(open.scopes());
        scopes.extend(loads.keys().cloned());
        scopes.extend(adherence.keys().cloned());
        scopes.sort_unstable();
        scopes.dedup();
        let figures = scopes.into_iter().map(|scope| {
            let from = midnight(&scope, tenant, now);
            let mut sums = self.ledger.since(&scope, from);
            sums.merge(&open.since(&scope, from));
            let (load, adherence) = (loads.get(&scope).copied(), adherence.get(&scope).copied());
            let agreed = terms(&scope, tenant, now);
            let mut figure = Figure::new(scope, from, &sums, agreed);
            // Each row is counted by what was agreed when it came, and the newest says the formula. Before
            // the first one it is what is agreed now.
            figure.judged = figure.judged.or_else(|| figure.terms.as_ref().map(judged));
            figure.load = load;
            figure.adherence = adherence;
            figure
        });
        figures.filter(|figure| !figure.is_empty()).collect()
    }
}

/// Past intervals, each by the terms that were in force then.
#[derive(Debug)]
pub struct Past<'a> {
    ledger: Ledger,
    interval: Interval,
    tenant: &'a Tenant,
}

impl<'a> Past<'a> {
    /// Of which no rows are known yet.
    pub fn new(tenant: &'a Tenant, interval: Interval) -> Self {
        Self {
            ledger: Ledger::new(interval),
            interval,
            tenant,
        }
    }

    /// Takes rows in, complete ones or open ones. Those of contacts come in the order of their beginnings.
    pub fn add(&mut self, rows: &Rows) {
        fold(&mut self.ledger, rows, self.tenant);
    }

    /// The intervals that begin between two moments, where all rows that touch them have been taken in; what is
    /// planned counts up to `now`.
    pub fn told(self, (from, to): (Time, Time), now: Time) -> Vec<Figure> {
        let mut told: BTreeMap<(Scope, Time), (Sums, Option<Adherence>)> = BTreeMap::new();
        for scope in self.ledger.scopes() {
            for (start, sums) in self.ledger.intervals(&scope) {
                told.insert((scope.clone(), start), (*sums, None));
            }
        }
        let length = self.interval.length();
        let until = now.min(to + length);
        for (cell, adherence) in self.ledger.adherence_by_interval((from, until)) {
            told.entry(cell).or_default().1 = Some(adherence);
        }
        let inside = |start: &Time| from <= *start && *start < to;
        let told = told.into_iter().filter(|((_, start), _)| inside(start));
        let figures = told.map(|((scope, start), (sums, adherence))| {
            let agreed = terms(&scope, self.tenant, now);
            Figure {
                interval: Some(length),
                adherence,
                ..Figure::new(scope, start, &sums, agreed)
            }
        });
        figures.filter(|figure| !figure.is_empty()).collect()
    }
}

/// See [`Past`], of rows that are all at hand.
#[cfg(test)]
pub(crate) fn history(
    rows: &Rows,
    tenant: &Tenant,
    interval: Interval,
    within: (Time, Time),
    now: Time,
) -> Vec<Figure> {
    let mut past = Past::new(tenant, interval);
    past.add(rows);
    past.told(within, now)
}

fn fold(ledger: &mut Ledger, rows: &Rows, tenant: &Tenant) {
    for row in &rows.segments {
        ledger.add(row, tenant);
    }
    for spell in &rows.spells {
        ledger.add_spell(spell, tenant);
    }
    for version in &rows.rotas {
        ledger.add_rota(version);
    }
}

/// Of agents who are signed in and ready, and of their teams: capacity in use over what there is.
fn loads(core: &Core) -> BTreeMap<Scope, f64> {
    let mut used: BTreeMap<Scope, (u32, u32)> = BTreeMap::new();
    for view in core.agents() {
        let ready = !matches!(
            view.state,
            AgentState::SignedOut | AgentState::NotReady { .. }
        );
        // Without a team there is no capacity.
        let Some(team) = view.team.filter(|_| ready) else {
            continue;
        };
        for scope in [Scope::Team(team), Scope::Agent(view.name)] {
            let (busy, all) = used.entry(scope).or_default();
            *busy += view.used;
            *all += view.capacity;
        }
    }
    let ratio = |(busy, all): (u32, u32)| f64::from(busy) / f64::from(all.max(1));
    used.into_iter()
        .map(|(scope, parts)| (scope, ratio(parts)))
        .collect()
}

fn midnight(scope: &Scope, tenant: &Tenant, now: Time) -> Time {
    let client = match scope {
        Scope::Queue(queue) => queue.client(),
        Scope::Client(client) => client.clone(),
        Scope::Team(_) | Scope::Agent(_) => None,
    };
    let zone = tenant.zone_of(client.as_ref());
    let utc: DateTime<Utc> = DateTime::from_timestamp_micros(now.0).unwrap_or_default();
    let day = utc.with_timezone(&zone).date_naive();
    // A day without quarters there is none; then everything at hand is shown.
    let first = Interval::Quarter.of_day(day, zone).into_iter().next();
    first.unwrap_or(now - AT_HAND)
}

/// What a row that came now would be judged by.
fn judged(by: &ServiceLevel) -> Judged {
    Judged {
        terms: Terms::new(by, Span(0)),
        formula: by.formula,
    }
}

fn terms(scope: &Scope, tenant: &Tenant, now: Time) -> Option<ServiceLevel> {
    match scope {
        Scope::Queue(queue) => level_of_queue(tenant, queue, now),
        Scope::Client(client) => level_of_client(tenant, client.as_ref(), now).cloned(),
        Scope::Team(_) | Scope::Agent(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use trunkline_routing::{ContactId, Input, RowTerms, Segment, SegmentEnd};
    use trunkline_tenant::QueueId;
    use trunkline_tenant::crds::Formula;

    use super::*;
    use crate::testing::{Replay, small_tenant};

    /// Answered after some seconds, talked with for 37 more.
    fn row(entered: Time, wait: i64, terms: Option<RowTerms>) -> Segment {
        let queue = QueueId::of("acme", "orders");
        let answered = entered + Span::seconds(wait);
        Segment {
            contact: ContactId(1),
            index: 0,
            client: queue.client(),
            queue,
            arrived: entered,
            entered,
            answered: Some(answered),
            ended: answered + Span::seconds(37),
            agent: None,
            hold: Span(0),
            wrap_up: Span(0),
            codes: Vec::new(),
            end: SegmentEnd::Answered,
            again: false,
            terms,
            place: None,
            kind: Default::default(),
        }
    }

    fn rows(segments: Vec<Segment>) -> Rows {
        Rows {
            segments,
            ..Rows::default()
        }
    }

    /// The figures of today in a centre of which all is known, by scope.
    fn present(centre: &Replay, second: i64) -> impl Fn(Scope) -> Figure + use<> {
        let mut figures = Figures::default();
        figures.add(&centre.rows, centre.tenant());
        let today = figures.today(&centre.state, centre.second(second));
        move |scope| today.iter().find(|it| it.scope == scope).cloned().unwrap()
    }

    fn hours(contact: i64, idle: i64, offered: i64, not_ready: i64) -> Option<Hours> {
        Some(Hours {
            contact: Span::seconds(contact),
            idle: Span::seconds(idle),
            offered: Span::seconds(offered),
            not_ready: Span::seconds(not_ready),
        })
    }

    #[test]
    fn today_begins_at_the_clients_own_midnight() {
        let centre = Replay::new();
        // 03:00 UTC: still the 4th in New York, where acme's day began at 05:00 UTC.
        let now = centre.second(3 * 3600);
        let queue = Scope::Queue(QueueId::of("acme", "orders"));
        let at = midnight(&queue, centre.tenant(), now);
        assert_eq!((now - at).as_secs_f64(), 22.0 * 3600.0);
        let mut figures = Figures::default();
        let begun = [at - Span::seconds(1), at, now].map(|entered| row(entered, 7, None));
        figures.add(&rows(begun.to_vec()), centre.tenant());
        let today = figures.today(&centre.state, now);
        let of_queue = today.iter().find(|it| it.scope == queue).unwrap();
        assert_eq!(of_queue.counts.answered, 2);
        assert_eq!(of_queue.service_level(), Some(1.0));
        assert_eq!(of_queue.counts.asa(), Some(7.0));
    }

    #[test]
    fn today_is_judged_by_what_its_rows_were_and_before_the_first_by_what_is_agreed() {
        let centre = Replay::new();
        let queue = Scope::Queue(QueueId::of("acme", "orders"));
        let now = centre.second(11 * 3600);
        let of_queue = |figures: &Figures| {
            let today = figures.today(&centre.state, now);
            today.into_iter().find(|it| it.scope == queue)
        };
        let mut figures = Figures::default();
        // The queue says 80 % in 20 s; when this one came it was a minute, of all who are offered.
        let then = Judged {
            terms: Terms {
                within: Span::seconds(60),
                short: Span::seconds(5),
            },
            formula: Formula::AllOffered,
        };
        let by = RowTerms {
            queue: then,
            client: then,
        };
        figures.add(
            &rows(vec![row(centre.second(10 * 3600), 30, Some(by))]),
            centre.tenant(),
        );
        let told = of_queue(&figures).unwrap();
        assert_eq!((told.judged, told.service_level()), (Some(then), Some(1.0)));
        let agreed = judged(&terms(&queue, centre.tenant(), now).unwrap());
        assert_eq!(agreed.terms.within, Span::seconds(20));
        let mut figures = Figures::default();
        figures.add(
            &rows(vec![row(centre.second(10 * 3600), 30, None)]),
            centre.tenant(),
        );
        assert_eq!(of_queue(&figures).unwrap().judged, Some(agreed));
    }

    #[test]
    fn before_its_contracts_first_day_a_client_goes_by_the_queues_terms_and_from_its_own_midnight_by_the_contracts()
     {
        let mut tenant = serde_json::to_value(small_tenant()).unwrap();
        tenant["clients"]["acme"]["contract"] = serde_json::json!({
            "from": "2027-01-06",
            "serviceLevel": {"percent": 90.0, "within": "5s", "formula": "AllOffered"},
        });
        let mut centre = Replay::of(serde_json::from_value(tenant).unwrap());
        // In New York the 6th begins at 05:00 UTC.
        let midnight = 29 * 3600;
        centre.sign_in(36_000, "maria");
        let mut told = |contact, second| {
            centre.arrive(second, contact, "acme/orders");
            centre.answer(second + 10, contact);
            centre.done(second + 20, contact);
            centre.at(second + 40, Input::Tick);
            let of = present(&centre, second + 40);
            let figure = of(Scope::Client(Some("acme".into())));
            let within = figure.judged.unwrap().terms.within;
            let target = figure.terms.as_ref().map(|terms| terms.percent.0);
            (within, figure.service_level(), target)
        };
        let before = told(1, midnight - 100);
        assert_eq!(before, (Span::seconds(20), Some(1.0), None));
        let after = told(2, midnight + 100);
        assert_eq!(after, (Span::seconds(5), Some(0.0), Some(90.0)));
    }

    #[test]
    fn a_past_interval_keeps_the_terms_that_were_in_force_whatever_is_agreed_later() {
        let start = Time(1_799_118_000_000_000);
        let judged = |within: i64, formula| Judged {
            terms: Terms {
                within: Span::seconds(within),
                short: Span::seconds(5),
            },
            formula,
        };
        let by = |judged| {
            Some(RowTerms {
                queue: judged,
                client: judged,
            })
        };
        let then = judged(60, Formula::AllOffered);
        let now = judged(20, Formula::AnsweredOnly);
        let half = Interval::Half.length();
        let rows = rows(vec![
            row(start, 30, by(then)),
            row(start + half, 30, by(now)),
        ]);
        let figures = history(
            &rows,
            &small_tenant(),
            Interval::Half,
            (start - half, start + Span(2 * half.0)),
            start + half,
        );
        let queue = Scope::Queue(QueueId::of("acme", "orders"));
        let of_queue: Vec<_> = figures
            .iter()
            .filter(|figure| figure.scope == queue)
            .map(|figure| (figure.judged, figure.service_level()))
            .collect();
        assert_eq!(of_queue, [(Some(then), Some(1.0)), (Some(now), Some(0.0))]);
    }

    #[test]
    fn the_present_figures_hold_who_waits_who_talks_and_what_agents_are_at_up_to_now() {
        let mut centre = Replay::new();
        let ten = 36_000;
        centre.sign_in(ten, "maria");
        centre.sign_in(ten, "noah");
        centre.arrive(ten + 100, 1, "acme/orders");
        centre.answer(ten + 110, 1);
        let (agent, reason) = ("noah".into(), "lunch".into());
        centre.at(ten + 200, Input::NotReady { agent, reason });
        centre.arrive(ten + 300, 2, "acme/orders");
        let of = present(&centre, ten + 400);
        let queue = of(Scope::Queue(QueueId::of("acme", "orders"))).counts;
        assert!(queue.is_balanced());
        let counted = (queue.offered, queue.answered, queue.waiting, queue.handled);
        assert_eq!(counted, (2, 1, 1, 0));
        assert_eq!(queue.asa(), Some(10.0));
        assert_eq!(queue.max_wait, Span::seconds(100));
        let maria = of(Scope::Agent("maria".into()));
        assert_eq!(maria.hours, hours(290, 100, 10, 0));
        let noah = of(Scope::Agent("noah".into()));
        assert_eq!(noah.hours, hours(0, 200, 0, 200));
        let team = of(Scope::Team("frontline".into()));
        assert_eq!(team.hours, hours(290, 300, 10, 200));
        let occupancy = team.hours.and_then(|hours| hours.occupancy());
        assert_eq!(occupancy, Some(290.0 / 590.0));

        // In wrap-up, which takes a second, half of it; then all of it, and the next is offered.
        centre.done(ten + 410, 1);
        let half = centre.second(ten + 410) + Span(500_000);
        let mut figures = Figures::default();
        figures.add(&centre.rows, centre.tenant());
        let today = figures.today(&centre.state, half);
        let agent = today
            .iter()
            .find(|it| it.scope == Scope::Agent("maria".into()));
        assert_eq!(agent.unwrap().counts.aht(), Some(300.5));
        centre.at(ten + 420, Input::Tick);
        let of = present(&centre, ten + 420);
        let maria = of(Scope::Agent("maria".into()));
        assert_eq!(maria.counts.aht(), Some(301.0));
        assert_eq!(maria.hours, hours(301, 100, 19, 0));
    }

    #[test]
    fn load_is_the_capacity_in_use_over_that_of_those_who_are_ready() {
        let mut centre = Replay::new();
        centre.sign_in(10, "maria");
        centre.sign_in(20, "noah");
        for contact in [1, 2, 3] {
            centre.arrive(30, contact, "chats");
        }
        // Maria, who has waited longest; noah; and, as soon as she has room for another, maria.
        centre.answer(40, 1);
        centre.answer(41, 2);
        centre.answer(42, 3);
        let loads = |centre: &Replay, second: i64| {
            let figures = Figures::default().today(&centre.state, centre.second(second));
            let of = |scope: Scope| figures.iter().find(|it| it.scope == scope)?.load;
            let of_queue = of(Scope::Queue(QueueId::centre("chats")));
            assert_eq!(of_queue, None, "a queue has no capacity");
            [
                of(Scope::Agent("maria".into())),
                of(Scope::Agent("noah".into())),
                of(Scope::Team("frontline".into())),
            ]
        };
        // Voice 1, chat 3, e-mail 5: nine each.
        let expected = [2.0 / 9.0, 1.0 / 9.0, 3.0 / 18.0].map(Some);
        assert_eq!(loads(&centre, 50), expected);
        // Who has nothing in hand and is not ready counts on neither side of it.
        centre.done(60, 2);
        let (agent, reason) = ("noah".into(), "lunch".into());
        centre.at(70, Input::NotReady { agent, reason });
        let expected = [Some(2.0 / 9.0), None, Some(2.0 / 9.0)];
        assert_eq!(loads(&centre, 80), expected);
    }

    #[test]
    fn a_past_interval_tells_of_agents_who_took_no_contact_and_counts_them_to_now_and_no_further() {
        let mut centre = Replay::new();
        let ten = 36_000;
        centre.sign_in(ten + 120, "maria");
        let now = centre.second(ten + 1200);
        let mut rows = centre.rows.clone();
        rows.add_open(centre.state.open_rows(now));
        let hour = (centre.second(ten), centre.second(ten + 3600));
        let of = |interval, scope: Scope| -> Vec<_> {
            let all = history(&rows, centre.tenant(), interval, hour, now);
            let mine = all.into_iter().filter(|it| it.scope == scope);
            mine.map(|it| (it.from, it.hours)).collect()
        };
        let quarter = |n: i64| centre.second(ten + n * 900);
        for scope in [
            Scope::Agent("maria".into()),
            Scope::Team("frontline".into()),
        ] {
            assert_eq!(
                of(Interval::Quarter, scope.clone()),
                [
                    (quarter(0), hours(0, 780, 0, 0)),
                    (quarter(1), hours(0, 300, 0, 0))
                ]
            );
            assert_eq!(
                of(Interval::Half, scope),
                [(quarter(0), hours(0, 1080, 0, 0))]
            );
        }
    }

    /// Seconds planned and kept, as the plan stood and as it was amended.
    fn adherence(figure: &Figure) -> Option<[(i64, i64); 2]> {
        let each = figure.adherence.map(|it| [it.as_planned, it.as_amended]);
        each.map(|each| each.map(|it| (it.scheduled.0 / 1_000_000, it.adherent.0 / 1_000_000)))
    }

    #[test]
    fn adherence_counts_up_to_now_of_who_never_came_too_and_an_amendment_changes_what_was() {
        let mut centre = Replay::new();
        let ten = 36_000;
        let (shift, rest) = ((ten, ten + 7200), (ten + 3000, ten + 3600));
        for agent in ["maria", "noah"] {
            centre.rota(ten - 900, agent, shift, rest);
        }
        centre.sign_in(ten + 300, "maria");
        let early = present(&centre, ten + 600);
        let maria = adherence(&early(Scope::Agent("maria".into())));
        assert_eq!(maria, Some([(600, 300), (600, 300)]));
        let noah = early(Scope::Agent("noah".into()));
        assert_eq!((noah.hours, noah.counts), (None, Counts::default()));
        assert_eq!(adherence(&noah), Some([(600, 0), (600, 0)]));
        let team = adherence(&early(Scope::Team("frontline".into())));
        assert_eq!(team, Some([(1200, 300), (1200, 300)]));
        // Her first five minutes are excused.
        centre.rota(ten + 900, "maria", shift, (ten, ten + 300));
        let (from, to) = (centre.second(ten - 900), centre.second(ten + 7200));
        let now = centre.second(ten + 1200);
        let late = present(&centre, ten + 1200);
        let maria = adherence(&late(Scope::Agent("maria".into())));
        assert_eq!(maria, Some([(1200, 900), (1200, 1200)]));
        let mut rows = centre.rows.clone();
        rows.add_open(centre.state.open_rows(now));
        let quarters = history(&rows, centre.tenant(), Interval::Quarter, (from, to), now);
        let of = |name: &str| -> Vec<_> {
            let scope = Scope::Agent(name.into());
            let mine = quarters.iter().filter(|it| it.scope == scope);
            mine.map(|it| (it.from - from, adherence(it).unwrap()))
                .collect()
        };
        // Nothing is told of what is planned for later.
        let (first, second) = (Span::seconds(900), Span::seconds(1800));
        assert_eq!(
            of("maria"),
            [
                (first, [(900, 600), (900, 900)]),
                (second, [(300, 300), (300, 300)])
            ]
        );
        assert_eq!(
            of("noah"),
            [
                (first, [(900, 0), (900, 0)]),
                (second, [(300, 0), (300, 0)])
            ]
        );
    }

    #[test]
    fn an_agent_who_changes_teams_leaves_the_time_before_with_the_old_one() {
        let mut centre = Replay::new();
        centre.sign_in(100, "maria");
        let mut tenant = small_tenant();
        let other = tenant.teams["frontline"].clone();
        tenant.teams.insert("backline".into(), other);
        tenant.agents.get_mut("maria").unwrap().team = Some("backline".into());
        let tenant = tenant.into();
        centre.at(200, Input::Configure { tenant });
        let (agent, reason) = ("maria".into(), "lunch".into());
        centre.at(300, Input::NotReady { agent, reason });
        let agent = "maria".into();
        centre.at(350, Input::Ready { agent });
        let of = present(&centre, 400);
        let team = |name: &str| of(Scope::Team(name.into())).hours;
        assert_eq!(team("frontline"), hours(0, 200, 0, 0), "idle since 100");
        assert_eq!(team("backline"), hours(0, 50, 0, 50));
    }
}
