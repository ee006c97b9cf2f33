//! The simulator against what is known exactly: Erlang C and A by every service level, other laws of
//! handling times where there is a formula for any law, the true transient, redials; and what it
//! promises of fleets, seeds and slices.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::sync::Arc;

use trunkline_routing::{Outcome, Span};
use trunkline_tenant::{Tenant, compile, manifest};
use trunkline_workforce::erlang::{
    Behaviour, Callers, Horizons, Period as Truth, Queue, ServiceLevels, blocking, transient,
    with_redials,
};
use trunkline_workforce::simulate::{
    Contact, Demand, Empirical, Estimate, Fate, Fleet, Law, Period, Presence, Redial, Removal, Run,
    Setup, Sight, arrivals, estimate, ratio, run, run_with,
};

const WITHIN: f64 = 20.0;

fn tenant() -> Arc<Tenant> {
    let text = "
apiVersion: trunkline.dev/v1alpha1
kind: CallCenter
metadata: {name: c, namespace: c}
spec:
  timeZone: UTC
  calendars: [{name: always, open: [{from: '00:00', to: '24:00'}]}]
  teams:
  - {name: front, kind: Virtual, media: {voice: 1}, virtual: {image: a, minPods: 0, maxPods: 1000}}
  queues:
  - {name: desk, medium: Voice, teams: [front], calendar: always, onExhausted: {action: Hold},
     serviceLevel: {percent: 80, within: 20s, formula: AllOffered}}
  engine: {}
  telephony: {media: {minPods: 1, maxPods: 1, callsPerPod: 10}, exposure: {type: PodIP}}
  storage: {journal: {sqlite: {size: 1Gi}}}
";
    let compiled = compile(&manifest::read("c.yaml", text).unwrap().documents, None);
    let findings = compiled.findings;
    Arc::new(compiled.tenant.unwrap_or_else(|| panic!("{findings:?}")))
}

fn seconds(seconds: f64) -> Span {
    Span((seconds * 1e6) as i64)
}

fn agents(
    from: f64,
    to: Option<f64>,
    first: usize,
    count: usize,
) -> impl Iterator<Item = Presence> {
    (first..first + count).map(move |number| Presence {
        agent: format!("front-{number:03}-0").as_str().into(),
        team: Some("front".into()),
        from: seconds(from),
        to: to.map(seconds),
    })
}

fn demand(periods: &[(f64, f64)]) -> Vec<Demand> {
    let mut from = 0.0;
    let periods = periods.iter().map(|&(length, calls)| {
        let period = Period {
            from: seconds(from),
            to: seconds(from + length),
            calls,
            laws: None,
        };
        from += length;
        period
    });
    vec![Demand {
        queue: "desk".parse().unwrap(),
        periods: periods.collect(),
    }]
}

fn wait(fate: &Fate) -> f64 {
    fate.answered_at.or(fate.ended_at).unwrap().as_secs_f64() - fate.at.as_secs_f64()
}

/// (met, of) of one run by each definition, in the order of [`ServiceLevels`].
fn levels(fates: &[&Fate]) -> [(f64, f64); 6] {
    let count = |is: &dyn Fn(&Fate) -> bool| fates.iter().filter(|fate| is(fate)).count() as f64;
    let answered = |fate: &Fate| fate.answered_at.is_some();
    let in_time = |fate: &Fate| wait(fate) <= WITHIN;
    let all = fates.len() as f64;
    let good = count(&|fate| answered(fate) && in_time(fate));
    let gone = count(&|fate| !answered(fate) && in_time(fate));
    let short = count(&|fate| !answered(fate) && wait(fate) < 5.0);
    [
        (good, all),
        (good, count(&answered)),
        (good, all - gone),
        (good + gone, all),
        (virtually_within(fates) * all, all),
        (good, all - short),
    ]
}

/// P(V ≤ T), V the wait of one who never gives up, by Kaplan & Meier: who gave up is only known
/// to have had longer to wait.
fn virtually_within(fates: &[&Fate]) -> f64 {
    let mut waits: Vec<(f64, bool)> = fates
        .iter()
        .map(|fate| (wait(fate), fate.answered_at.is_some()))
        .collect();
    // Of one time, answers before those who gave up.
    waits.sort_by(|a, b| a.0.total_cmp(&b.0).then(b.1.cmp(&a.1)));
    let mut waiting = waits.len() as f64;
    let mut longer = 1.0;
    for (wait, answered) in waits {
        if wait > WITHIN {
            break;
        }
        if answered {
            longer *= 1.0 - 1.0 / waiting;
        }
        waiting -= 1.0;
    }
    1.0 - longer
}

/// Every definition against the formula's. Of six figures, each within 1.6 of its own 95 %
/// half widths (3.1 standard errors), and no more than one beyond the interval itself.
fn agrees(name: &str, runs: &[Vec<&Fate>], exact: &ServiceLevels) {
    let by_run: Vec<[(f64, f64); 6]> = runs.iter().map(|fates| levels(fates)).collect();
    let exact = [
        exact.answered_of_offered,
        exact.answered_of_answered,
        exact.excluding_short_abandons,
        exact.wait_within,
        exact.virtual_wait,
        exact.exclude_short_abandons,
    ];
    let mut beyond = 0;
    for (at, exact) in exact.into_iter().enumerate() {
        let shares: Vec<(f64, f64)> = by_run.iter().map(|run| run[at]).collect();
        let found = ratio(&shares).unwrap();
        within(
            &format!("{name}, level {at}"),
            found,
            exact.unwrap(),
            &mut beyond,
        );
    }
    assert!(
        beyond <= 1,
        "{name}: {beyond} of 6 levels beyond their intervals"
    );
}

fn within(name: &str, found: Estimate, exact: f64, beyond: &mut u32) {
    let half = found.half_width.unwrap();
    let off = (found.mean - exact).abs();
    assert!(
        half < 0.02 * exact.max(0.2),
        "{name}: ± {half} says too little"
    );
    assert!(
        off <= 1.6 * half,
        "{name}: {} ± {half}, exactly {exact}",
        found.mean
    );
    *beyond += u32::from(off > half);
}

/// Runs of a station at one rate, each after two hours of warm-up.
fn stationary(load: f64, agents_there: usize, setup: &Setup, runs: u64, hours: f64) -> Vec<Run> {
    let tenant = tenant();
    let there: Vec<Presence> = agents(0.0, None, 0, agents_there).collect();
    let calls = load / 180.0 * 3600.0;
    (0..runs)
        .map(|seed| {
            let contacts = arrivals(&demand(&[(hours * 3600.0, hours * calls)]), seed, 0.0);
            let setup = Setup {
                seed,
                ..setup.clone()
            };
            let done = run(&tenant, &contacts, &there, &setup);
            assert!(done.refusals.is_empty(), "{:?}", done.refusals);
            done
        })
        .collect()
}

fn after_warm_up(runs: &[Run]) -> Vec<Vec<&Fate>> {
    let warm = |fate: &&Fate| fate.at >= Span::seconds(7200);
    let fates = runs.iter().map(|run| run.fates.iter().filter(warm));
    fates.map(Iterator::collect).collect()
}

fn calls_of_three_minutes(patience: Option<f64>) -> Setup {
    Setup {
        handle: Some(Law::Exponential(180.0)),
        patience: patience.map(Law::Exponential),
        ..Setup::default()
    }
}

#[test]
fn it_agrees_with_erlang_c_and_a_by_every_service_level() {
    let horizons = Horizons {
        within: Some(WITHIN),
        short: Some(5.0),
    };
    for (load, there, patience, hours) in [
        (10.0, 13, None, 150.0),
        (10.0, 9, Some(120.0), 100.0),
        (40.0, 41, Some(300.0), 50.0),
    ] {
        let queue = Queue {
            load: load.into(),
            aht: 180.0,
            callers: patience.map_or(Callers::Patient, Callers::Impatient),
        };
        let exact = queue.measure((there as f64).into(), horizons);
        let runs = stationary(load, there, &calls_of_three_minutes(patience), 40, hours);
        let fates = after_warm_up(&runs);
        let name = format!("{load} erlangs, {there} agents, patience {patience:?}");
        agrees(&name, &fates, &exact.service_level);
        if let Some(share) = exact.p_abandon {
            let gone: Vec<(f64, f64)> = fates
                .iter()
                .map(|fates| {
                    let gone = fates.iter().filter(|fate| fate.answered_at.is_none());
                    (gone.count() as f64, fates.len() as f64)
                })
                .collect();
            let found = ratio(&gone).unwrap();
            let half = found.half_width.unwrap();
            assert!(
                (found.mean - share).abs() <= 1.6 * half,
                "{name}: {found:?}, {share}"
            );
        }
    }
}

/// Laws of the same mean and of squared coefficients of variation 0, 0.9, 3.2 and 0.7.
fn laws_of_two_minutes() -> [(&'static str, Law, f64); 4] {
    let lognormal = |sigma: f64| Law::Lognormal { mean: 120.0, sigma };
    // As a log has them: most matters are short, some are long.
    let seen = [(60.0, 7.0), (180.0, 2.0), (420.0, 1.0)];
    let weighted = |of: fn(f64) -> f64| seen.iter().map(|&(x, w)| of(x) * w).sum::<f64>() / 10.0;
    assert_eq!(weighted(|x| x), 120.0);
    let second_moment = |sigma: f64| 120.0_f64.powi(2) * (sigma * sigma).exp();
    [
        ("fixed", Law::Fixed(120.0), 120.0_f64.powi(2)),
        ("lognormal 0.8", lognormal(0.8), second_moment(0.8)),
        // A bank's calls.
        ("lognormal 1.2", lognormal(1.2), second_moment(1.2)),
        (
            "empirical",
            Law::Empirical(Empirical::new(&seen).unwrap()),
            weighted(|x| x * x),
        ),
    ]
}

/// Runs of so many agents whose calls take two minutes by this law.
fn by_law(law: &Law, calls: f64, there: usize, patience: Option<f64>, hours: f64) -> Vec<Run> {
    let tenant = tenant();
    let there: Vec<Presence> = agents(0.0, None, 0, there).collect();
    let setup = Setup {
        handle: Some(law.clone()),
        patience: patience.map(Law::Fixed),
        ..Setup::default()
    };
    let demands = demand(&[(hours * 3600.0, hours * calls)]);
    let one = |seed| {
        let contacts = arrivals(&demands, seed, 0.0);
        let setup = Setup {
            seed,
            ..setup.clone()
        };
        run(&tenant, &contacts, &there, &setup)
    };
    (0..60).map(one).collect()
}

/// Within 1.6 of the run's own half widths, as [`within`], and within one of these but for one
/// figure in so many.
fn near(name: &str, shares: &[(f64, f64)], exact: f64, widest: f64, beyond: &mut u32) {
    let found = ratio(shares).unwrap();
    let half = found.half_width.unwrap();
    let off = (found.mean - exact).abs();
    println!("{name}: {} ± {half}, exactly {exact}", found.mean);
    assert!(half < widest * exact, "{name}: ± {half} says too little");
    assert!(off <= 1.6 * half, "{name}: {found:?}, exactly {exact}");
    *beyond += u32::from(off > half);
}

/// M/G/1: Pollaczek 1930, Khinchine 1932: E\[W\] = λE\[S²\] / 2(1 − ρ), and P(wait) = ρ whatever
/// the law.
#[test]
fn one_agent_keeps_callers_waiting_as_pollaczek_and_khinchine_say_for_any_law_of_handling_time() {
    const CALLS: f64 = 18.0;
    let (rate, busy) = (CALLS / 3600.0, CALLS * 120.0 / 3600.0);
    let mut beyond = 0;
    for (name, law, second_moment) in laws_of_two_minutes() {
        let runs = by_law(&law, CALLS, 1, None, 400.0);
        let of = |what: &dyn Fn(&Fate) -> f64| -> Vec<(f64, f64)> {
            let sums = |fates: &Vec<&Fate>| fates.iter().map(|fate| what(fate)).sum();
            let runs = after_warm_up(&runs);
            let each = runs.iter().map(|fates| (sums(fates), fates.len() as f64));
            each.collect()
        };
        let waits = |fate: &Fate| f64::from(u8::from(wait(fate) > 0.0));
        near(
            &format!("{name}, P(wait)"),
            &of(&waits),
            busy,
            0.05,
            &mut beyond,
        );
        let mean = rate * second_moment / (2.0 * (1.0 - busy));
        near(&format!("{name}, E[W]"), &of(&wait), mean, 0.1, &mut beyond);
    }
    assert!(beyond <= 1, "{beyond} of 8 figures beyond their intervals");
}

/// M/G/n/n: who finds everybody busy leaves at once, and Erlang B holds for any law of the same
/// mean (Sevastyanov 1957).
#[test]
fn without_patience_erlang_b_holds_for_any_law_of_handling_time() {
    let exact = blocking(10.0, 8.0);
    let mut beyond = 0;
    for (name, law, _) in laws_of_two_minutes() {
        let runs = by_law(&law, 240.0, 10, Some(0.0), 40.0);
        let runs = after_warm_up(&runs);
        let lost = runs.iter().map(|fates| {
            let lost = fates.iter().filter(|fate| fate.answered_at.is_none());
            (lost.count() as f64, fates.len() as f64)
        });
        let lost: Vec<(f64, f64)> = lost.collect();
        near(name, &lost, exact, 0.03, &mut beyond);
    }
    assert!(beyond <= 1, "{beyond} of 4 figures beyond their intervals");
}

#[test]
fn after_a_rush_it_agrees_with_the_true_transient_and_not_with_the_formula() {
    // 4 × as many calls for half an hour, on the agents of a quiet time.
    const AGENTS: usize = 12;
    const PERIODS: [(f64, f64); 4] = [
        (1800.0, 40.0),
        (1800.0, 160.0),
        (1800.0, 40.0),
        (1800.0, 40.0),
    ];
    let behaviour = Behaviour {
        aht: 240.0,
        patience: 300.0,
        within: WITHIN,
    };
    let periods: Vec<Truth> = PERIODS
        .iter()
        .map(|&(seconds, calls)| Truth {
            seconds,
            arrivals: calls / seconds,
            agents: AGENTS,
        })
        .collect();
    let truth = transient(&periods, behaviour).unwrap();
    let formula = Queue {
        load: (40.0 / 1800.0 * 240.0).into(),
        aht: 240.0,
        callers: Callers::Impatient(300.0),
    };
    let horizons = Horizons {
        within: Some(WITHIN),
        short: None,
    };
    let formula = formula
        .measure((AGENTS as f64).into(), horizons)
        .service_level;
    let formula = formula.answered_of_offered.unwrap();

    let there: Vec<Presence> = agents(0.0, None, 0, AGENTS).collect();
    let setup = Setup {
        handle: Some(Law::Exponential(240.0)),
        patience: Some(Law::Exponential(300.0)),
        slices: (0..=4).map(|at| Span::seconds(1800 * at)).collect(),
        ..Setup::default()
    };
    let tenant = tenant();
    let runs: Vec<Run> = (0..3_000)
        .map(|seed| {
            let setup = Setup {
                seed,
                ..setup.clone()
            };
            run(
                &tenant,
                &arrivals(&demand(&PERIODS), seed, 0.0),
                &there,
                &setup,
            )
        })
        .collect();
    let mut beyond = 0;
    for (at, exact) in truth.iter().enumerate() {
        let shares: Vec<(f64, f64)> = runs
            .iter()
            .map(|run| {
                let counts = &run.slices.queues[0].1[at];
                (counts.answered_within as f64, counts.offered as f64)
            })
            .collect();
        let found = ratio(&shares).unwrap();
        let exact = exact.answered_of_offered;
        let name = format!("period {at}");
        within(&name, found, exact, &mut beyond);
        if at == 2 {
            println!("after the rush: {exact} in truth, {found:?} found, {formula} by formula");
            assert!(
                formula > 0.99 && exact < 0.9,
                "{exact} after the rush, {formula} by formula"
            );
            assert!(!found.covers(formula), "{found:?}, {formula}");
        }
    }
    assert!(beyond <= 1, "{beyond} of 4 periods beyond their intervals");
}

#[test]
fn those_who_call_again_make_the_load_that_the_fixed_point_says() {
    let setup = Setup {
        // An hour later, so that calls again come like fresh ones, as the fixed point has it.
        redial: Some(Redial {
            share: 0.6,
            after: Law::Exponential(3600.0),
        }),
        ..calls_of_three_minutes(Some(120.0))
    };
    let queue = Queue {
        load: 10.0.into(),
        aht: 180.0,
        callers: Callers::Impatient(120.0),
    };
    let exact = with_redials(&queue, 0.6, 9.0.into(), Horizons::default()).unwrap();
    let runs = stationary(10.0, 9, &setup, 30, 100.0);
    // Attempts while fresh ones come and calls again have settled, as a load.
    let loads: Vec<Option<f64>> = runs
        .iter()
        .map(|run| {
            let settled = |fate: &&Fate| {
                (Span::seconds(20 * 3600)..Span::seconds(100 * 3600)).contains(&fate.at)
            };
            let attempts = run.fates.iter().filter(settled).count() as f64;
            Some(attempts / (80.0 * 3600.0) * 180.0)
        })
        .collect();
    let found = estimate(&loads).unwrap();
    assert!(
        (found.mean / exact.offered_load - 1.0).abs() < 0.01,
        "{found:?}, {exact:?}"
    );
    let again = runs[0]
        .fates
        .iter()
        .find(|fate| fate.redial_of.is_some())
        .unwrap();
    let before = &runs[0].fates[again.redial_of.unwrap() as usize];
    assert_eq!(before.outcome, Some(Outcome::Abandoned));
    assert!(before.ended_at.unwrap() <= again.at);
}

#[test]
fn the_same_callers_meet_two_configurations() {
    let tenant = tenant();
    let contacts = arrivals(&demand(&[(7200.0, 200.0)]), 5, 0.0);
    let setup = calls_of_three_minutes(Some(120.0));
    let with = |count| {
        let there: Vec<Presence> = agents(0.0, None, 0, count).collect();
        run(&tenant, &contacts, &there, &setup)
    };
    let (few, many) = (with(3), with(30));
    let handled = |fate: &Fate| Some(fate.ended_at?.0 - fate.answered_at?.0);
    let mut both = 0;
    for (few, many) in few.fates.iter().zip(&many.fates) {
        if let (Some(few), Some(many)) = (handled(few), handled(many)) {
            assert_eq!(few, many);
            both += 1;
        }
    }
    assert!(both > 20);
    assert_eq!(with(3), few, "the same seed, the same run");
}

fn fleet<'a>(policy: impl FnMut(&Sight) -> u32 + 'a) -> Fleet<'a> {
    Fleet {
        team: "front".into(),
        policy: Box::new(policy),
        tick: Span::seconds(15),
        until: Span::seconds(4 * 3600),
        start_up: Span::seconds(120),
        per_pod: 2,
        at_start: 3,
        removal: Removal::IdleFirst,
        lifetime: None,
    }
}

fn busy_hours() -> Vec<Contact> {
    arrivals(
        &demand(&[(3600.0, 60.0), (3600.0, 300.0), (7200.0, 60.0)]),
        11,
        0.0,
    )
}

#[test]
fn a_fleet_sees_the_truth_starts_late_and_is_drained_without_cutting_a_contact() {
    let tenant = tenant();
    let contacts = busy_hours();
    let mut seen = Vec::new();
    let mut fleets = [fleet(|sight| {
        seen.push(*sight);
        // Four pods of two for a quiet hour, twelve for the busy one.
        if (3600..7200).contains(&(sight.now.0 / 1_000_000)) {
            12
        } else {
            4
        }
    })];
    let done = run_with(
        &tenant,
        &contacts,
        &[],
        &calls_of_three_minutes(Some(120.0)),
        &mut fleets,
    );
    let figures = done.fleets[0].clone();
    drop(fleets);
    assert!(done.refusals.is_empty(), "{:?}", done.refusals);
    let served = |fate: &&Fate| fate.outcome == Some(Outcome::Answered);
    assert!(done.fates.iter().filter(served).count() > 300);
    assert_eq!(
        (figures.cut, figures.changes.len(), figures.most),
        (0, 2, 12)
    );
    assert_eq!((figures.started, figures.removed), (9, 8));
    // Twelve for an hour, four for three and until the last contact is over, and a little: pods
    // that start are paid, and busy ones go when they are free.
    assert!((24.0..25.5).contains(&figures.pod_hours), "{figures:?}");
    let at = |second: i64| {
        seen.iter()
            .find(|sight| sight.now == Span::seconds(second))
            .unwrap()
    };
    assert_eq!((at(0).ready, at(0).starting), (3, 0));
    assert_eq!((at(15).ready, at(15).starting), (3, 1));
    assert_eq!((at(120).ready, at(120).starting), (4, 0));
    assert_eq!((at(3615).ready, at(3615).starting), (4, 8));
    assert!(
        seen.iter()
            .all(|sight| sight.busy <= sight.ready && sight.in_progress <= 2 * sight.busy)
    );
    assert!(seen.iter().any(|sight| sight.waiting > 0));
    assert_eq!(seen.last().unwrap().arrived, contacts.len() as u64);
    for sight in &seen {
        let came = contacts.iter().filter(|one| one.at < sight.now).count() as u64;
        let open = done.fates.iter().filter(|fate| {
            fate.at < sight.now && fate.ended_at.is_none_or(|ended| ended > sight.now)
        });
        assert!(sight.arrived.abs_diff(came) <= 1);
        assert!(u64::from(sight.waiting + sight.in_progress).abs_diff(open.count() as u64) <= 1);
    }
}

#[test]
fn blind_removal_and_death_cut_contacts_and_count_them_as_dropped() {
    let tenant = tenant();
    let setup = calls_of_three_minutes(Some(120.0));
    let up_and_down = |sight: &Sight| {
        if sight.now.0 / 600_000_000 % 2 == 0 {
            12
        } else {
            6
        }
    };
    let mut fleets = [Fleet {
        removal: Removal::Blind,
        ..fleet(up_and_down)
    }];
    let blind = run_with(&tenant, &busy_hours(), &[], &setup, &mut fleets);
    let dropped = |run: &Run| {
        let lost = |fate: &&Fate| fate.outcome == Some(Outcome::Dropped);
        run.fates.iter().filter(lost).count() as u32
    };
    assert!(blind.fleets[0].cut > 10, "{:?}", blind.fleets[0]);
    assert_eq!(dropped(&blind), blind.fleets[0].cut);

    let mut fleets = [Fleet {
        lifetime: Some(Law::Exponential(1800.0)),
        ..fleet(|_| 12)
    }];
    let mortal = run_with(&tenant, &busy_hours(), &[], &setup, &mut fleets);
    let figures = &mortal.fleets[0];
    assert!(
        figures.died > 30 && figures.started + 3 >= figures.died,
        "{figures:?}"
    );
    assert!(figures.cut > 5, "{figures:?}");
    assert_eq!(dropped(&mortal), figures.cut);
    assert!(mortal.summary.queues[0].counts.is_balanced());
}

#[test]
fn slices_add_up_to_the_run() {
    let tenant = tenant();
    let there: Vec<Presence> = agents(0.0, Some(9_000.0), 0, 8).collect();
    let setup = Setup {
        slices: (0..=40).map(|at| Span::seconds(900 * at)).collect(),
        ..calls_of_three_minutes(Some(120.0))
    };
    let done = run(&tenant, &busy_hours(), &there, &setup);
    let mut sum = trunkline_routing::metrics::Counts::default();
    done.slices.queues[0]
        .1
        .iter()
        .for_each(|part| sum.merge(part));
    assert_eq!(sum, done.summary.queues[0].counts);
    let team = &done.slices.teams[0].1;
    let hours =
        |of: &dyn Fn(usize) -> Span| (0..team.len()).map(|at| of(at).0).sum::<i64>() as f64 / 3.6e9;
    let figures = &done.summary.teams[0];
    assert!((hours(&|at| team[at].contact) - figures.contact_hours).abs() < 1e-9);
    assert!((hours(&|at| team[at].idle) - figures.idle_hours).abs() < 1e-9);
}
