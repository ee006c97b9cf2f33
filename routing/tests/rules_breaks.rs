//! Rule 12: breaks and shift ends are kept free, unless the queue owes its customers.

#![allow(clippy::unwrap_used)]

mod world;

use trunkline_routing::*;
use world::{World, at, refused, tenant};

const CENTRE: &str = "
  capacity: {breakGuard: 5m},
  teams: [{name: front, kind: Human}],
  queues: [
    {name: desk, medium: Voice, teams: [front], ring: 10s, onExhausted: {action: Hold}},
    {name: quick, medium: Voice, teams: [front], ring: 10s, onExhausted: {action: Hold}},
    {name: owed, medium: Voice, teams: [front], ring: 10s, onExhausted: {action: Hold},
     serviceLevel: {percent: 80, within: 20s}}]";

fn rota(agent: &str, from: f64, to: f64, breaks: &[(f64, f64)]) -> Input {
    Input::Rota {
        agent: agent.into(),
        shifts: vec![RotaShift {
            from: at(from),
            to: at(to),
            breaks: breaks.iter().map(|&(a, b)| (at(a), at(b))).collect(),
        }],
    }
}

/// A conversation of so many seconds in a queue, with ann, who is free at both ends.
fn talk(world: &mut World, second: f64, id: u64, queue: &str, seconds: f64) {
    world.arrive(second, id, queue);
    world.answer(second, id);
    world.done(second + seconds, id);
}

/// Ann has a break from 3600 to 4500 and works until 7200; desk talks take 240 s, quick ones 30 s.
fn centre() -> World {
    let mut world = World::new(&tenant(CENTRE, "ann team: front\nbob team: front", ""));
    world.sign_in(0.0, "ann");
    world.input(1.0, rota("ann", 0.0, 7200.0, &[(3600.0, 4500.0)]));
    talk(&mut world, 10.0, 1, "desk", 240.0);
    talk(&mut world, 300.0, 2, "quick", 30.0);
    talk(&mut world, 400.0, 3, "owed", 240.0);
    world
}

#[test]
fn rule_12_near_a_break_only_what_ends_before_it_is_offered() {
    let mut world = centre();
    world.arrive(3299.0, 10, "desk");
    assert_eq!(world.with_whom(10).as_deref(), Some("ann"), "not near yet");
    world.answer(3299.0, 10);
    world.done(3310.0, 10);
    world.arrive(3490.0, 11, "desk");
    assert_eq!(
        world.with_whom(11),
        None,
        "(240 + 11) / 2 s are expected, and 110 s are left"
    );
    world.restart();
    world.arrive(3491.0, 12, "quick");
    assert_eq!(
        world.with_whom(12).as_deref(),
        Some("ann"),
        "a short one does"
    );
    world.answer(3492.0, 12);
    world.done(3500.0, 12);
    assert_eq!(world.with_whom(11), None, "nor when she is free again");
    let why = world.core.explain(ContactId(11), &"ann".into());
    assert!(
        why.iter().any(
            |reason| matches!(reason, Reason::BreakSoon { free_by, .. } if *free_by == at(3600.0))
        ),
        "{why:?}"
    );
    world.tick(4500.0);
    assert_eq!(
        world.with_whom(11).as_deref(),
        Some("ann"),
        "after the break"
    );
}

#[test]
fn rule_12_a_break_that_came_near_while_the_engine_stood_still_is_kept() {
    let mut world = centre();
    world.arrive(3285.0, 10, "desk");
    let offer = world.offer_of(10);
    world.input(3286.0, Input::Accept { offer });
    world.arrive(3287.0, 11, "desk");
    // Nothing is heard from 3287 to 3500: by 3296 the legs were not joined, and the guard began at 3300.
    world.late(3500.0, Input::Tick);
    assert_eq!(
        (world.with_whom(10), world.with_whom(11)),
        (None, None),
        "100 s are left, and a talk takes 125"
    );
    world.arrive(3501.0, 12, "quick");
    assert_eq!(
        world.with_whom(12).as_deref(),
        Some("ann"),
        "she is free, and a short one does"
    );
}

#[test]
fn rule_12_another_agent_takes_it_and_a_short_one_goes_by_the_usual_order() {
    let mut world = centre();
    world.sign_in(3400.0, "bob");
    world.arrive(3410.0, 11, "desk");
    assert_eq!(world.with_whom(11).as_deref(), Some("bob"));
    world.arrive(3411.0, 12, "quick");
    assert_eq!(world.with_whom(12).as_deref(), Some("ann"));
}

#[test]
fn rule_12_the_end_of_a_shift_is_kept_like_a_break() {
    let mut world = centre();
    world.arrive(7000.0, 11, "desk");
    assert_eq!(world.with_whom(11), None);
    world.tick(7500.0);
    assert_eq!(
        world.with_whom(11).as_deref(),
        Some("ann"),
        "who is still there five minutes later works on"
    );
}

#[test]
fn rule_12_a_queue_in_debt_is_served_up_to_the_break() {
    let mut world = centre();
    // Its only contact so far was answered at once: no debt.
    world.arrive(3400.0, 11, "owed");
    assert_eq!(world.with_whom(11), None);
    // Two that waited too long and gave up: 1 of 3 within the time.
    world.arrive(3401.0, 12, "owed");
    world.gone(3430.0, 12);
    assert_eq!(
        world.with_whom(11).as_deref(),
        Some("ann"),
        "the debt begins, and she is asked at once"
    );
}

#[test]
fn rule_12_of_two_near_a_break_the_longest_idle_is_looked_at_first() {
    let mut world = centre();
    world.sign_in(650.0, "bob");
    world.input(651.0, rota("bob", 0.0, 7200.0, &[(3600.0, 4500.0)]));
    world.arrive(700.0, 4, "quick");
    assert_eq!(world.with_whom(4).as_deref(), Some("ann"));
    world.answer(700.0, 4);
    world.done(730.0, 4);
    world.arrive(3400.0, 11, "owed");
    world.arrive(3401.0, 12, "owed");
    assert_eq!(world.with_whom(11), None);
    world.gone(3430.0, 12);
    assert_eq!(
        world.with_whom(11).as_deref(),
        Some("bob"),
        "the debt begins, and he is idle since 650, she since 730"
    );
}

#[test]
fn rule_12_a_rota_that_makes_no_sense_is_refused_and_a_new_one_takes_the_place_of_the_old() {
    let mut world = centre();
    assert!(refused(&world.input(500.0, rota("ann", 600.0, 500.0, &[]))));
    assert!(refused(
        &world.input(500.0, rota("ann", 0.0, 900.0, &[(800.0, 950.0)]))
    ));
    assert!(refused(&world.input(500.0, rota("zoe", 0.0, 900.0, &[]))));
    world.input(3400.0, rota("ann", 0.0, 9000.0, &[]));
    world.arrive(3500.0, 11, "desk");
    assert_eq!(
        world.with_whom(11).as_deref(),
        Some("ann"),
        "no break any more"
    );
}

#[test]
fn rule_12_without_a_guard_no_break_is_kept() {
    let plain = CENTRE.replace("capacity: {breakGuard: 5m},", "");
    let mut world = World::new(&tenant(&plain, "ann team: front", ""));
    world.sign_in(0.0, "ann");
    world.input(1.0, rota("ann", 0.0, 7200.0, &[(3600.0, 4500.0)]));
    world.arrive(3599.0, 1, "desk");
    assert_eq!(world.with_whom(1).as_deref(), Some("ann"));
}

#[test]
fn rule_12_a_rota_outlives_a_configuration_that_leaves_its_agent_out_and_is_taken_back() {
    let mut world = centre();
    let with = tenant(CENTRE, "ann team: front\nbob team: front", "");
    let without = tenant(CENTRE, "bob team: front", "");
    let configure = |tenant: &std::sync::Arc<trunkline_tenant::Tenant>| Input::Configure {
        tenant: std::sync::Arc::clone(tenant),
    };
    world.input(1000.0, configure(&without));
    world.restart();
    world.input(1001.0, configure(&with));
    world.sign_in(1002.0, "ann");
    world.arrive(3490.0, 11, "desk");
    assert_eq!(world.with_whom(11), None, "her break is 110 s away");
}
