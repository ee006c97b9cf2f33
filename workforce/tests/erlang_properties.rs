//! Limits, monotonicity and identities that hold whatever the numbers.
// Clippy takes helpers outside #[test] functions for production code.
#![allow(clippy::unwrap_used, clippy::panic, clippy::excessive_precision)]

use proptest::prelude::*;
use trunkline_workforce::erlang::{
    Bounds, Callers, Formula, Horizons, Measures, OccupancyCap, Queue, blocking, greatest_load,
    inverse_blocking, least_agents, load_for_blocking, with_redials,
};
use trunkline_workforce::exact::Exact;

const AHT: f64 = 180.0;

const FORMULAE: [Formula; 6] = [
    Formula::AllOffered,
    Formula::AnsweredOnly,
    Formula::ExcludingShortAbandons,
    Formula::AbandonsCount,
    Formula::Virtual,
    Formula::ExcludeShortAbandons,
];

fn measure(load: f64, callers: Callers, agents: f64, within: f64) -> Measures {
    let queue = Queue {
        load: load.into(),
        aht: AHT,
        callers,
    };
    let horizons = Horizons {
        within: Some(within),
        short: Some(within / 4.0),
    };
    queue.measure(agents.into(), horizons)
}

fn close(a: f64, b: f64, tolerance: f64) -> bool {
    (a - b).abs() <= tolerance * a.abs().max(b.abs()).max(1e-290)
}

fn level(m: &Measures, formula: Formula) -> f64 {
    m.service_level.by(formula).unwrap()
}

prop_compose! {
    /// 0.01 to 100,000 erlangs, even in the logarithm.
    fn load()(exponent in -2.0..5.0_f64) -> f64 { 10f64.powf(exponent) }
}

prop_compose! {
    /// A load and a number of agents near it, or far from it, whole or not.
    fn station()(load in load(), z in -6.0..9.0_f64, share in 0.05..3.0_f64, far in any::<bool>())
        -> (f64, f64)
    {
        let agents = if far { load * share } else { load + z * load.sqrt() };
        (load, agents.max(0.01))
    }
}

prop_compose! {
    fn patience()(exponent in -3.0..4.0_f64) -> f64 { AHT * 10f64.powf(exponent) }
}

prop_compose! {
    fn horizon()(exponent in -3.0..2.0_f64, zero in 0..5) -> f64 {
        if zero == 0 { 0.0 } else { AHT * 10f64.powf(exponent) }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn blocking_obeys_its_recursion((load, n) in station()) {
        let (at, next) = (inverse_blocking(n, load), inverse_blocking(n + 1.0, load));
        prop_assume!(next.is_finite());
        prop_assert!(close(next, 1.0 + (n + 1.0) / load * at, 1e-11));
    }

    #[test]
    fn every_probability_lies_between_zero_and_one(
        (load, n) in station(), patience in patience(), t in horizon()
    ) {
        for callers in [Callers::Blocked, Callers::Patient, Callers::Impatient(patience)] {
            let m = measure(load, callers, n, t);
            let levels = FORMULAE.map(|formula| m.service_level.by(formula));
            let others = [m.p_wait, m.p_block, m.p_abandon, Some(m.occupancy)];
            for p in levels.iter().chain(&others).flatten() {
                prop_assert!((0.0..=1.0).contains(p), "{p} in {m:?}");
            }
            for time in [m.mean_wait, m.asa, m.queue_length].into_iter().flatten() {
                prop_assert!(time.is_finite() && time >= 0.0, "{time} in {m:?}");
            }
        }
    }

    #[test]
    fn service_levels_stand_in_their_order(
        (load, n) in station(), patience in patience(), t in horizon()
    ) {
        let m = measure(load, Callers::Impatient(patience), n, t);
        let [offered, answered, without_short, wait, patient, _] =
            FORMULAE.map(|formula| level(&m, formula));
        let slack = 1e-12;
        prop_assert!(offered <= without_short + slack);
        prop_assert!(without_short <= wait + slack, "an abandonment counted is better than left out");
        prop_assert!(without_short <= answered + slack);
        prop_assert!(offered <= patient + slack && patient <= wait + slack);
    }

    #[test]
    fn what_is_carried_and_what_is_lost_make_up_what_is_offered(
        (load, n) in station(), patience in patience()
    ) {
        let m = measure(load, Callers::Impatient(patience), n, 20.0);
        prop_assert!(close(m.occupancy * n + load * m.p_abandon.unwrap(), load, 1e-11));
        prop_assert!(close(m.queue_length.unwrap(), load * m.mean_wait.unwrap() / AHT, 1e-12));
        prop_assert!(close(m.p_abandon.unwrap(), m.mean_wait.unwrap() / patience, 1e-12));
    }

    #[test]
    fn an_answer_at_once_is_an_answer_without_wait(
        (load, n) in station(), patience in patience()
    ) {
        let m = measure(load, Callers::Impatient(patience), n, 0.0);
        prop_assert!((level(&m, Formula::AllOffered) + m.p_wait.unwrap() - 1.0).abs() < 1e-12);
        let at_last = measure(load, Callers::Impatient(patience), n, 1e9 * AHT);
        let answered = 1.0 - at_last.p_abandon.unwrap();
        prop_assert!((level(&at_last, Formula::AllOffered) - answered).abs() < 1e-11);
    }

    #[test]
    fn one_more_agent_never_serves_worse(
        (load, n) in station(), patience in patience(), t in horizon()
    ) {
        let callers = Callers::Impatient(patience);
        let (m, more) = (measure(load, callers, n, t), measure(load, callers, n + 1.0, t));
        for formula in FORMULAE {
            prop_assert!(level(&m, formula) <= level(&more, formula) + 1e-12, "{formula:?}");
        }
        prop_assert!(more.p_wait.unwrap() <= m.p_wait.unwrap() * (1.0 + 1e-12));
        prop_assert!(more.p_abandon.unwrap() <= m.p_abandon.unwrap() * (1.0 + 1e-12));
        prop_assert!(more.asa.unwrap() <= m.asa.unwrap() * (1.0 + 1e-11));
        prop_assert!(more.occupancy <= m.occupancy * (1.0 + 1e-12));
    }

    #[test]
    fn endless_patience_is_erlang_c(load in load(), z in 0.3..6.0_f64, t in horizon()) {
        let n = load + z * load.sqrt() + 0.01;
        let c = measure(load, Callers::Patient, n, t);
        let a = measure(load, Callers::Impatient(1e12 * AHT), n, t);
        prop_assert!(close(a.p_wait.unwrap(), c.p_wait.unwrap(), 1e-6));
        prop_assert!(close(a.mean_wait.unwrap(), c.mean_wait.unwrap(), 1e-6));
        prop_assert!((level(&a, Formula::AllOffered) - level(&c, Formula::AllOffered)).abs() < 1e-6);
    }

    #[test]
    fn no_patience_is_erlang_b((load, n) in station()) {
        let b = blocking(n, load);
        prop_assume!(b > 1e-250);
        let at_once = measure(load, Callers::Impatient(0.0), n, 20.0);
        prop_assert!(close(at_once.p_abandon.unwrap(), b, 1e-12));
        let nearly = measure(load, Callers::Impatient(1e-9), n, 20.0);
        prop_assert!(close(nearly.p_abandon.unwrap(), b, 1e-4), "{nearly:?} {b}");
    }

    #[test]
    fn the_least_agents_hold_and_one_fewer_do_not(
        load in load(), patience in patience(), t in 1.0..100.0_f64,
        target in 0.05..0.999_f64, which in 0..6_usize, impatient in any::<bool>(),
        max_abandon in proptest::option::of(0.001..0.5_f64),
        max_asa in proptest::option::of(0.1..300.0_f64),
    ) {
        let callers = if impatient { Callers::Impatient(patience) } else { Callers::Patient };
        let queue = Queue { load: load.into(), aht: AHT, callers };
        let bounds = Bounds {
            service_level: Some((FORMULAE[which], target)),
            max_abandon,
            max_asa,
            ..Bounds::default()
        };
        let horizons = Horizons { within: Some(t), short: Some(5.0) };
        let least = least_agents(&queue, 0.0, &bounds, horizons).unwrap();
        prop_assert!(bounds.kept_by(&queue.measure((least as f64).into(), horizons)));
        if least > 1 {
            let fewer = queue.measure(((least - 1) as f64).into(), horizons);
            prop_assert!(!bounds.kept_by(&fewer), "{least} is not the least: {fewer:?}");
        }
    }

    #[test]
    fn the_load_for_a_blocking_has_that_blocking(n in 0.5..5000.0_f64, exponent in -12.0..-0.01_f64) {
        let target = 10f64.powf(exponent);
        let load = load_for_blocking(n, target).unwrap();
        prop_assert!(close(blocking(n, load), target, 1e-10));
    }

    #[test]
    fn the_greatest_load_holds_and_a_little_more_does_not(
        n in 2.0..500.0_f64, patience in patience(), target in 0.3..0.95_f64
    ) {
        let callers = Callers::Impatient(patience);
        let bounds = Bounds {
            service_level: Some((Formula::AllOffered, target)),
            ..Bounds::default()
        };
        let horizons = Horizons { within: Some(20.0), short: None };
        let load = greatest_load(n.into(), AHT, callers, &bounds, horizons).unwrap();
        let at = |load: f64| Queue { load: load.into(), aht: AHT, callers }
            .measure(n.into(), horizons).service_level.answered_of_offered.unwrap();
        prop_assert!(at(load) >= target);
        prop_assert!(at(load * (1.0 + 1e-9)) < target);
    }

    #[test]
    fn redials_balance((load, n) in station(), patience in patience(), r in 0.0..0.99_f64) {
        prop_assume!(load < 10_000.0);
        let queue = Queue { load: load.into(), aht: AHT, callers: Callers::Impatient(patience) };
        let Some(m) = with_redials(&queue, r, n.into(), Horizons::default()) else {
            panic!("endless at r = {r}");
        };
        let total = m.offered_load;
        prop_assert!(close(total, load + r * m.p_abandon.unwrap() * total, 1e-11));
    }
}

#[test]
fn redials_without_loss_of_heart_never_settle_above_capacity() {
    let queue = Queue {
        load: 20.0.into(),
        aht: AHT,
        callers: Callers::Impatient(60.0),
    };
    let endless = with_redials(&queue, 1.0, 18.0.into(), Horizons::default());
    assert_eq!(endless, None);
}

#[test]
fn patience_lets_fewer_agents_than_erlangs_keep_the_bounds() {
    let least = |load: u64, aht: f64, patience: f64, bounds: Bounds| {
        let queue = Queue {
            load: Exact::from(load).to_precise(),
            aht,
            callers: Callers::Impatient(patience),
        };
        let horizons = Horizons {
            within: Some(20.0),
            short: None,
        };
        least_agents(&queue, 0.0, &bounds, horizons).unwrap()
    };
    let level = Bounds {
        service_level: Some((Formula::AllOffered, 0.8)),
        ..Bounds::default()
    };
    assert_eq!(least(500, 300.0, 180.0, level), 475);
    let few_abandon = Bounds {
        max_abandon: Some(0.2),
        ..Bounds::default()
    };
    assert_eq!(least(10, AHT, 120.0, few_abandon), 9);
}

#[test]
fn long_horizons_neither_underflow_nor_overflow() {
    // Where a sum of Poisson terms from e^(−n μ T) upwards gives 0.348 and 0.350.
    let level = |load: f64, agents: f64, aht: f64, patience: f64, t: f64| {
        let queue = Queue {
            load: load.into(),
            aht,
            callers: Callers::Impatient(patience),
        };
        let horizons = Horizons {
            within: Some(t),
            short: None,
        };
        queue
            .measure(agents.into(), horizons)
            .service_level
            .answered_of_offered
            .unwrap()
    };
    for (load, agents, t) in [(300.0, 300.0, 600.0), (500.0, 500.0, 300.0)] {
        let long = level(load, agents, 180.0, 180.0, t);
        assert!(long > 0.97 && long < 1.0, "{load} erlangs: {long}");
    }
}

#[test]
fn a_cap_reached_exactly_is_kept() {
    let load: Exact = "2.1".parse().unwrap();
    let bounds = Bounds {
        max_occupancy: OccupancyCap::new(&load, &"0.7".parse().unwrap()),
        ..Bounds::default()
    };
    for callers in [Callers::Patient, Callers::Impatient(1e9)] {
        let queue = Queue {
            load: load.to_precise(),
            aht: AHT,
            callers,
        };
        let least = least_agents(&queue, 0.0, &bounds, Horizons::default());
        assert_eq!(least, Ok(3), "{callers:?}");
    }
}
