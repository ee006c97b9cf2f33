//! Adherence: rotas beside what agents did, worked out by hand, and against a second model that looks at
//! every minute by itself.

#![allow(clippy::unwrap_used, clippy::panic)]

mod world;

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::NaiveDate;
use chrono_tz::Europe::Berlin;
use proptest::prelude::*;
use trunkline_routing::metrics::{
    Adherence, Hours, Interval, Kept, Ledger, RotaVersion, Scope, Spell,
};
use trunkline_routing::*;
use trunkline_tenant::Tenant;
use world::{World, refused, tenant};

const CENTRE: &str = "
  teams: [{name: desk, kind: Human}, {name: law, kind: Human}],
  queues: [{name: calls, medium: Voice, teams: [desk, law], onExhausted: {action: Hold}}]";

fn centre(agents: &str) -> Arc<Tenant> {
    tenant(CENTRE, agents, "")
}

/// A moment by its minute.
fn minute(minute: i64) -> Time {
    Time(0) + Span::seconds(60 * minute)
}

fn shift(from: i64, to: i64, breaks: &[(i64, i64)]) -> RotaShift {
    RotaShift {
        from: minute(from),
        to: minute(to),
        breaks: breaks
            .iter()
            .map(|&(from, to)| (minute(from), minute(to)))
            .collect(),
    }
}

/// Ann's rota, of the desk's.
fn rota(given: i64, shifts: Vec<RotaShift>) -> RotaVersion {
    RotaVersion {
        agent: "ann".into(),
        given: minute(given),
        place: RowPlace {
            zone: Berlin,
            team: Some("desk".into()),
        },
        shifts,
    }
}

fn spell(from: i64, to: i64, state: AgentState) -> Spell {
    Spell {
        agent: "ann".into(),
        team: Some("desk".into()),
        capacity: 1,
        from: minute(from),
        to: minute(to),
        state,
    }
}

fn away() -> AgentState {
    AgentState::NotReady {
        reason: "lunch".into(),
    }
}

fn folded(rotas: &[RotaVersion], spells: &[Spell]) -> Ledger {
    let tenant = centre("ann team: desk");
    let mut ledger = Ledger::new(Interval::Quarter);
    for version in rotas {
        ledger.add_rota(version);
    }
    for spell in spells {
        ledger.add_spell(spell, &tenant);
    }
    ledger
}

/// Of ann between two minutes; her team's is the same.
fn ann(ledger: &Ledger, from: i64, to: i64) -> Adherence {
    let open = Ledger::new(Interval::Quarter);
    let sums = ledger.adherence(&open, (minute(from), minute(to)));
    let of = |scope: Scope| sums.get(&scope).copied().unwrap_or_default();
    let team = of(Scope::Team("desk".into()));
    assert_eq!(of(Scope::Agent("ann".into())), team);
    team
}

/// So many minutes planned, and so many of them kept.
fn kept(scheduled: i64, adherent: i64) -> Kept {
    Kept {
        scheduled: Span::seconds(60 * scheduled),
        adherent: Span::seconds(60 * adherent),
    }
}

const DAY: (i64, i64) = (0, 1440);

/// From 60 to 540 with half an hour's break at 240: 480 minutes.
fn plan() -> Vec<RotaShift> {
    vec![shift(60, 540, &[(240, 270)])]
}

#[test]
fn adherence_is_planned_work_at_work_and_planned_breaks_away_over_all_that_was_planned() {
    let until = minute(90);
    let spells = [
        // Before the shift: nothing is planned, so nothing counts.
        spell(20, 50, AgentState::Idle),
        // Ten minutes late.
        spell(70, 80, AgentState::Idle),
        spell(80, 81, AgentState::Offered),
        spell(81, 88, AgentState::Busy),
        spell(88, 90, AgentState::WrapUp { until }),
        spell(90, 240, AgentState::Idle),
        // Ten minutes longer away than planned.
        spell(240, 280, away()),
        // Gone ten minutes early, and back after the end.
        spell(280, 530, AgentState::Idle),
        spell(550, 560, AgentState::Idle),
    ];
    let ledger = folded(&[rota(0, plan())], &spells);
    // 480 planned; 170 of 180 before the break, 30 of 30 in it, 250 of 270 behind it.
    let whole = ann(&ledger, DAY.0, DAY.1);
    assert_eq!(whole.as_planned, kept(480, 450));
    assert_eq!(whole.as_amended, kept(480, 450));
    assert_eq!(whole.as_planned.ratio(), Some(450.0 / 480.0));
    // Up to a moment in the overrun: 170 + 30 of 180 + 30 + 5.
    assert_eq!(ann(&ledger, DAY.0, 275).as_planned, kept(215, 200));
    // Outside shifts nothing is planned.
    let outside = ann(&ledger, 540, 1440);
    assert_eq!(outside, Adherence::default());
    assert_eq!(outside.as_planned.ratio(), None);
    // By quarters: the one of the late sign-in, the break's first, that of the overrun's end.
    let quarters = ledger.adherence_by_interval((minute(DAY.0), minute(DAY.1)));
    let quarter = |at: i64| quarters[&(Scope::Agent("ann".into()), minute(at))].as_planned;
    assert_eq!(quarter(60), kept(15, 5));
    assert_eq!(quarter(240), kept(15, 15));
    assert_eq!(quarter(270), kept(15, 5));
    assert_eq!(
        quarters.len(),
        2 * 32,
        "eight hours, of ann and of her team"
    );
}

#[test]
fn a_break_that_is_worked_through_is_not_kept() {
    let ledger = folded(
        &[rota(0, plan())],
        &[spell(60, 540, AgentState::Busy), spell(250, 255, away())],
    );
    // Rows that contradict each other there are not; who is at work by one is at work.
    assert_eq!(ann(&ledger, DAY.0, DAY.1).as_planned, kept(480, 450));
}

#[test]
fn a_break_that_is_moved_before_it_begins_is_moved_by_both_readings() {
    let moved = rota(200, vec![shift(60, 540, &[(300, 330)])]);
    let spells = [
        spell(60, 300, AgentState::Idle),
        spell(300, 330, away()),
        spell(330, 540, AgentState::Idle),
    ];
    let both = ann(&folded(&[rota(0, plan()), moved], &spells), DAY.0, DAY.1);
    assert_eq!(both.as_planned, kept(480, 480));
    assert_eq!(both.as_amended, kept(480, 480));
}

#[test]
fn what_is_excused_afterwards_is_kept_as_amended_and_not_as_it_stood() {
    let excused = rota(400, vec![shift(60, 540, &[(240, 270), (300, 320)])]);
    let spells = [
        spell(60, 240, AgentState::Idle),
        spell(240, 270, away()),
        spell(270, 300, AgentState::Idle),
        spell(300, 320, away()),
        spell(320, 540, AgentState::Idle),
    ];
    let before = ann(&folded(&[rota(0, plan())], &spells), DAY.0, DAY.1);
    assert_eq!(before.as_amended, kept(480, 460));
    let after = ann(&folded(&[rota(0, plan()), excused], &spells), DAY.0, DAY.1);
    // Twenty minutes, which nobody had planned when they were taken.
    assert_eq!(after.as_planned, kept(480, 460));
    assert_eq!(after.as_amended, kept(480, 480));
    // Of the time in front of its first shift an amendment says nothing: an absence is excused by a break.
    let put_off = rota(400, vec![shift(300, 540, &[])]);
    let put_off = ann(&folded(&[rota(0, plan()), put_off], &[]), DAY.0, DAY.1);
    assert_eq!(put_off.as_amended.scheduled, put_off.as_planned.scheduled);
    // A shift that is only known once it has begun was no plan until then.
    let late = folded(&[rota(100, plan())], &[spell(60, 540, AgentState::Idle)]);
    let late = ann(&late, DAY.0, DAY.1);
    assert_eq!(late.as_planned, kept(440, 410));
    assert_eq!(late.as_amended, kept(480, 450));
}

#[test]
fn a_rota_that_lists_only_what_is_to_come_wipes_out_nothing_of_what_was() {
    let tomorrow = |given| rota(given, vec![shift(1500, 1980, &[])]);
    let spells = [spell(60, 540, AgentState::Idle)];
    let both = |given| {
        let ledger = folded(&[rota(0, plan()), tomorrow(given)], &spells);
        let it = ann(&ledger, DAY.0, DAY.1);
        assert_eq!(it.as_planned, it.as_amended);
        it.as_planned
    };
    assert_eq!(both(600), kept(480, 450));
    // Given in the middle of a shift it says that the rest of it is off: 60 to 300.
    assert_eq!(both(300), kept(240, 210));
    // And one that lists nothing at all ends the plan.
    let none = folded(&[rota(0, plan()), rota(300, Vec::new())], &spells);
    assert_eq!(ann(&none, DAY.0, DAY.1).as_amended, kept(240, 210));
}

#[test]
fn on_a_day_of_25_hours_a_shift_over_the_change_has_an_hour_more_and_the_day_100_quarters() {
    // The clocks in Berlin go back at 03:00 on 31 October 2027.
    let day = NaiveDate::from_ymd_opt(2027, 10, 31).unwrap();
    let starts = Interval::Quarter.of_day(day, Berlin);
    assert_eq!(starts.len(), 100);
    let midnight = starts[0];
    let hours = |n: i64| midnight + Span::seconds(3600 * n);
    let (end, next) = (hours(7), hours(25));
    let late = hours(6);
    let version = |shifts| RotaVersion {
        given: midnight,
        ..rota(0, shifts)
    };
    let night = RotaShift {
        from: midnight,
        to: end,
        breaks: vec![(hours(2), hours(3))],
    };
    // Away in the first of the two hours from two to three, as planned, and for the last of the shift.
    let idle = |from, to| Spell {
        from,
        to,
        ..spell(0, 0, AgentState::Idle)
    };
    let spells = [idle(midnight, hours(2)), idle(hours(3), late)];
    let ledger = folded(&[version(vec![night])], &spells);
    let agent = Scope::Agent("ann".into());
    let open = Ledger::new(Interval::Quarter);
    let whole = ledger.adherence(&open, (midnight, next))[&agent];
    // From midnight to six on the clock.
    assert_eq!(whole.as_planned, kept(7 * 60, 6 * 60));
    let quarters = ledger.adherence_by_interval((midnight, next));
    let of_ann = || quarters.iter().filter(|((scope, _), _)| *scope == agent);
    assert_eq!(of_ann().count(), 28);
    for ((_, start), it) in of_ann() {
        let adherent = if *start < late { 15 } else { 0 };
        assert_eq!(it.as_planned, kept(15, adherent));
    }
    let all_day = RotaShift {
        from: midnight,
        to: next,
        breaks: Vec::new(),
    };
    let ledger = folded(&[version(vec![all_day])], &[]);
    let quarters = ledger.adherence_by_interval((midnight, next));
    let told = quarters.keys().filter(|(scope, _)| *scope == agent);
    assert_eq!(told.map(|(_, start)| *start).collect::<Vec<_>>(), starts);
}

#[test]
fn a_team_has_the_sum_of_its_agents_and_nobody_counts_for_a_team_of_another_time() {
    let of = |name: &str, team: &str, given: i64, shifts: Vec<RotaShift>| {
        let mut version = rota(given, shifts);
        version.agent = name.into();
        version.place.team = Some(team.into());
        version
    };
    let ledger = folded(
        &[
            // Ann goes over to law at 300, and her morning is amended when she is there.
            of("ann", "desk", 0, plan()),
            of("ann", "law", 300, vec![shift(300, 540, &[])]),
            of("ann", "law", 600, vec![shift(60, 540, &[(100, 120)])]),
            of("bob", "desk", 0, plan()),
        ],
        &[spell(60, 540, AgentState::Idle)],
    );
    let open = Ledger::new(Interval::Quarter);
    let sums = ledger.adherence(&open, (minute(DAY.0), minute(DAY.1)));
    let desk = sums[&Scope::Team("desk".into())];
    // Ann from 60 to 300, away from her break; bob all day long, and not there but for the break.
    assert_eq!(desk.as_planned, kept(240 + 480, 210 + 30));
    // As amended she should have rested from 100 to 120 instead.
    assert_eq!(desk.as_amended, kept(240 + 480, 220 + 30));
    let law = sums[&Scope::Team("law".into())];
    assert_eq!(law.as_planned, kept(240, 240));
    assert_eq!(law.as_amended, kept(240, 240));
}

#[test]
fn the_core_makes_a_row_of_each_rota_that_it_takes_and_of_no_other() {
    let mut world = World::new(&centre("ann team: desk"));
    let give = |agent: &str, shifts: &[RotaShift]| Input::Rota {
        agent: agent.into(),
        shifts: shifts.to_vec(),
    };
    let rows = |out: &[Output]| -> Vec<RotaVersion> {
        let row = |output: &Output| match output {
            Output::Rota(row) => Some(row.as_ref().clone()),
            _ => None,
        };
        out.iter().filter_map(row).collect()
    };
    let out = world.input(60.0, give("ann", &plan()));
    assert_eq!(rows(&out), [rota(1, plan())]);
    let out = world.input(120.0, give("ann", &plan()));
    assert_eq!(rows(&out), [], "it is given again, unchanged");
    world.restart();
    let out = world.input(120.0, give("ann", &plan()));
    assert_eq!(rows(&out), []);
    for (agent, shifts) in [
        ("nobody", plan()),
        ("ann", vec![shift(60, 50, &[])]),
        ("ann", vec![shift(60, 540, &[(500, 600)])]),
    ] {
        let out = world.input(130.0, give(agent, &shifts));
        assert!(refused(&out) && rows(&out).is_empty());
    }
    let out = world.input(180.0, give("ann", &[]));
    assert_eq!(rows(&out), [rota(3, Vec::new())]);
}

#[test]
fn who_changes_teams_or_leaves_has_a_row_that_says_so_of_what_is_ahead() {
    let mut world = World::new(&centre("ann team: desk"));
    let shifts = vec![shift(10, 50, &[]), shift(60, 540, &[(90, 110), (240, 270)])];
    let agent = "ann".into();
    world.input(0.0, Input::Rota { agent, shifts });
    let mut configured = |second: f64, agents: &str| -> Vec<RotaVersion> {
        let tenant = centre(agents);
        let out = world.input(second, Input::Configure { tenant });
        let row = |output: Output| match output {
            Output::Rota(row) => Some(*row),
            _ => None,
        };
        out.into_iter().filter_map(row).collect()
    };
    assert_eq!(configured(60.0 * 95.0, "ann team: desk"), []);
    let mut law = rota(100, vec![shift(100, 540, &[(100, 110), (240, 270)])]);
    law.place.team = Some("law".into());
    assert_eq!(configured(60.0 * 100.0, "ann team: law"), [law.clone()]);
    let gone = RotaVersion {
        given: minute(120),
        shifts: Vec::new(),
        ..law.clone()
    };
    assert_eq!(configured(60.0 * 120.0, "bob team: law"), [gone]);
    let back = RotaVersion {
        given: minute(500),
        shifts: vec![shift(500, 540, &[])],
        ..law
    };
    assert_eq!(configured(60.0 * 500.0, "ann team: law"), [back]);
    assert_eq!(configured(60.0 * 600.0, "ann team: desk"), [], "it is over");
}

#[test]
fn a_rota_of_a_release_that_made_no_rows_has_one_from_the_next_configuration_on() {
    let tenant = centre("ann team: desk");
    let mut world = World::new(&tenant);
    let (agent, shifts) = ("ann".into(), plan());
    world.input(0.0, Input::Rota { agent, shifts });
    let mut saved = serde_json::to_value(world.core.snapshot()).unwrap();
    let told = saved["agents"][0].as_object_mut().unwrap();
    assert!(told.remove("rotaTold").is_some());
    world.core = Core::restore(serde_json::from_value(saved).unwrap()).unwrap();
    let out = world.input(60.0 * 250.0, Input::Configure { tenant });
    let row = out.into_iter().find_map(|output| match output {
        Output::Rota(row) => Some(*row),
        _ => None,
    });
    let ahead = vec![shift(250, 540, &[(250, 270)])];
    assert_eq!(row, Some(rota(250, ahead)));
}

#[test]
fn time_that_is_not_over_counts_up_to_now_and_is_in_no_sum_for_good() {
    let tenant = centre("ann team: desk");
    let ledger = folded(&[rota(0, plan())], &[spell(60, 100, AgentState::Idle)]);
    let up_to = |now: i64, state: AgentState| {
        let mut open = Ledger::new(Interval::Quarter);
        open.add_spell(&spell(100, now, state), &tenant);
        let sums = ledger.adherence(&open, (minute(0), minute(now)));
        sums[&Scope::Agent("ann".into())].as_planned
    };
    assert_eq!(up_to(130, AgentState::Busy), kept(70, 70));
    assert_eq!(up_to(130, away()), kept(70, 40));
    assert_eq!(ledger.since(&Scope::Team("desk".into()), Time(0)).hours, {
        Hours {
            idle: Span::seconds(40 * 60),
            ..Hours::default()
        }
    });
}

/// Minutes at which a random plan changes, in pairs: shifts, with a break where there is room for one.
fn shifts_of(bounds: &BTreeSet<i64>) -> Vec<RotaShift> {
    let bounds: Vec<i64> = bounds.iter().copied().collect();
    let shift_of = |pair: &[i64]| {
        let (from, to) = (pair[0], pair[1]);
        let rest = (from + (to - from) / 3, from + (to - from) / 2);
        let breaks: &[_] = if rest.0 < rest.1 { &[rest] } else { &[] };
        shift(from, to, breaks)
    };
    bounds.chunks_exact(2).map(shift_of).collect()
}

/// What a version plans for a minute: work, a break, or nothing.
fn planned(version: &RotaVersion, at: Time) -> Option<bool> {
    let shift = version
        .shifts
        .iter()
        .find(|it| it.from <= at && at < it.to)?;
    Some(shift.breaks.iter().any(|&(from, to)| from <= at && at < to))
}

/// The second model: each minute by itself, and all versions are looked through.
fn by_the_minute(rotas: &[RotaVersion], spells: &[Spell], from: i64, to: i64) -> Adherence {
    let mut sum = Adherence::default();
    for at in (from..to).map(minute) {
        let away = |it: &Spell| {
            matches!(
                it.state,
                AgentState::NotReady { .. } | AgentState::SignedOut
            )
        };
        let works = spells
            .iter()
            .any(|it| it.from <= at && at < it.to && !away(it));
        let latest = |known: &dyn Fn(&RotaVersion) -> bool| {
            let known = rotas.iter().filter(|it| known(it));
            known
                .max_by_key(|it| it.given)
                .and_then(|it| planned(it, at))
        };
        let stood = latest(&|it| it.given <= at);
        let amended =
            latest(&|it| it.given <= at || it.shifts.first().is_some_and(|shift| shift.from <= at));
        let one = |rests: Option<bool>| match rests {
            None => kept(0, 0),
            Some(rests) => kept(1, i64::from(works != rests)),
        };
        sum.merge(&Adherence {
            as_planned: one(stood),
            as_amended: one(amended),
        });
    }
    sum
}

prop_compose! {
    fn rotas()(
        versions in prop::collection::btree_map(
            0..600_i64, prop::collection::btree_set(0..600_i64, 0..8), 0..5),
    ) -> Vec<RotaVersion> {
        versions.iter().map(|(given, bounds)| rota(*given, shifts_of(bounds))).collect()
    }
}

prop_compose! {
    fn spells()(
        bounds in prop::collection::btree_set(0..600_i64, 0..14),
        states in prop::collection::vec(0..5_usize, 14),
    ) -> Vec<Spell> {
        let bounds: Vec<i64> = bounds.into_iter().collect();
        let state = |n: usize| match states[n] {
            0 => AgentState::SignedOut,
            1 => away(),
            2 => AgentState::Idle,
            3 => AgentState::Offered,
            _ => AgentState::Busy,
        };
        bounds.windows(2).enumerate().map(|(n, it)| spell(it[0], it[1], state(n))).collect()
    }
}

proptest! {
    #[test]
    fn adherence_is_what_every_minute_by_itself_says(rotas in rotas(), spells in spells(), from in 0..600_i64, long in 0..600_i64) {
        let to = from + long;
        let found = ann(&folded(&rotas, &spells), from, to);
        prop_assert_eq!(found, by_the_minute(&rotas, &spells, from, to));
        for kept in [found.as_planned, found.as_amended] {
            prop_assert!(Span(0) <= kept.adherent && kept.adherent <= kept.scheduled);
            prop_assert!(kept.scheduled.0 <= Span::seconds(60 * long).0);
        }
    }

    #[test]
    fn adherence_of_a_time_is_the_sum_of_its_parts_however_it_is_cut(
        rotas in rotas(), spells in spells(), mut cuts in prop::collection::vec(0..700_i64, 3),
    ) {
        cuts.sort_unstable();
        let ledger = folded(&rotas, &spells);
        let whole = ann(&ledger, cuts[0], cuts[2]);
        let mut parts = ann(&ledger, cuts[0], cuts[1]);
        parts.merge(&ann(&ledger, cuts[1], cuts[2]));
        prop_assert_eq!(parts, whole);
        let mut quarters = Adherence::default();
        for ((scope, _), sum) in ledger.adherence_by_interval((minute(cuts[0]), minute(cuts[2]))) {
            if scope == Scope::Agent("ann".into()) {
                quarters.merge(&sum);
            }
        }
        prop_assert_eq!(quarters, whole);
    }

    #[test]
    fn adherence_depends_on_no_order_of_the_rows_and_what_is_forgotten_says_nothing_of_what_follows(
        rotas in rotas(), spells in spells(), moment in 0..600_i64,
    ) {
        let whole = ann(&folded(&rotas, &spells), moment, 700);
        let (mut rotas, mut spells) = (rotas, spells);
        rotas.reverse();
        spells.reverse();
        spells.extend(spells.clone());
        let mut again = folded(&rotas, &spells);
        again.forget_before(minute(moment));
        prop_assert_eq!(ann(&again, moment, 700), whole);
    }
}
