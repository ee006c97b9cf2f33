//! The wait that a caller is told: from the pace of late, with an interval that the errors of earlier
//! estimates give. `cargo run --release -p trunkline-bench-routing -- estimate` is the long back-test.

mod world;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use trunkline_routing::*;
use world::{World, at, queue, tenant};

const CENTRE: &str = "
  teams: [{name: front, kind: Human}],
  queues: [{name: desk, medium: Voice, teams: [front], ring: 20s, onExhausted: {action: Hold}}]";

/// One agent, who serves a caller each minute; `callers` who all came at 0, served up to `served`.
fn minutes(callers: u64, served: u64) -> World {
    let mut world = World::new(&tenant(CENTRE, "ann team: front", ""));
    world.sign_in(0.0, "ann");
    for id in 1..=callers {
        world.arrive(0.0, id, "desk");
    }
    for id in 1..=served {
        let now = 60.0 * (id - 1) as f64;
        world.answer(now, id);
        if id < served {
            world.input(
                60.0 * id as f64,
                Input::AgentDone {
                    contact: ContactId(id),
                },
            );
        }
    }
    world
}

#[test]
fn nobody_is_told_a_wait_before_eight_who_waited_were_served() {
    let told = |served| minutes(20, served).core.estimate(ContactId(20));
    // The first did not wait, so the ninth is the eighth who did.
    assert_eq!(told(8), None);
    assert!(told(9).is_some());
}

#[test]
fn a_wait_is_the_place_in_line_times_the_pace_and_the_interval_narrows_with_the_place() {
    let world = minutes(20, 9);
    for (id, position) in [(10, 1), (11, 2), (13, 4), (18, 9)] {
        let told = world.core.estimate(ContactId(id)).unwrap();
        assert_eq!(told.position, position);
        let minutes = position as f64;
        // Before sixteen errors are known those of a Poisson stream stand in: (−1 … 1.4) / √place.
        let root = minutes.sqrt();
        let near = |span: Span, want: f64| (span.0 as f64 / 6e7 - want).abs() < 1e-6;
        assert!(near(told.likely, minutes), "{told:?}");
        assert!(near(told.low, minutes * (1.0 - 1.0 / root)), "{told:?}");
        assert!(near(told.high, minutes * (1.0 + 1.4 / root)), "{told:?}");
    }
}

#[test]
fn where_an_agent_is_free_a_caller_waits_as_long_as_phones_ring() {
    let mut world = World::new(&tenant(CENTRE, "ann team: front", ""));
    world.sign_in(0.0, "ann");
    for id in 1..=20 {
        let now = 100.0 * id as f64;
        world.arrive(now, id, "desk");
        world.answer(now + 4.0, id);
        world.input(
            now + 50.0,
            Input::AgentDone {
                contact: ContactId(id),
            },
        );
    }
    let told = world.core.estimate_for(&queue("desk")).unwrap();
    assert_eq!((told.position, told.low), (1, Span(0)));
    assert_eq!(told.likely, Span::seconds(4));
    assert_eq!(told.high, Span::seconds(20), "the ring of the queue");
    assert_eq!(world.core.estimate(ContactId(20)), None, "it waits no more");
}

#[test]
fn eight_in_ten_true_waits_fall_inside_what_was_told() {
    let agents: String = (0..10).map(|n| format!("a{n} team: front\n")).collect();
    let mut world = World::new(&tenant(CENTRE, &agents, ""));
    for n in 0..10 {
        world.sign_in(0.0, &format!("a{n}"));
    }
    // 10 agents, 3 minutes a call, 9.6 erlangs, patient callers.
    let mut dice = 7_u64;
    let mut exponential = |mean: f64| {
        dice = dice
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let share = (dice >> 11) as f64 / (1_u64 << 53) as f64;
        -mean * (1.0 - share).ln()
    };
    let mut calls = BinaryHeap::from([Reverse((at(1.0), None))]);
    let mut told: BTreeMap<u64, (Time, Estimate)> = BTreeMap::new();
    let (mut next, mut inside, mut shorter, mut longer) = (1, 0, 0, 0);
    while next < 20_000 {
        let Reverse((now, done)) = calls.pop().unwrap();
        let mut out = Vec::new();
        match done {
            Some(contact) => world
                .core
                .handle(now, Input::AgentDone { contact }, &mut out),
            None => {
                let contact = ContactId(next);
                next += 1;
                let input = Input::Arrive {
                    contact,
                    queue: queue("desk"),
                    since: None,
                    priority: 0,
                    customer: None,
                    callable: true,
                };
                world.core.handle(now, input, &mut out);
                if let Some(estimate) = world.core.estimate(contact)
                    && !out
                        .iter()
                        .any(|output| matches!(output, Output::Offer { .. }))
                {
                    told.insert(contact.0, (now, estimate));
                }
                let gap = Time(now.0 + (exponential(180.0 / 9.6) * 1e6) as i64);
                calls.push(Reverse((gap, None)));
            }
        }
        for output in out {
            let Output::Offer { offer, .. } = output else {
                continue;
            };
            let mut joined = Vec::new();
            world.core.handle(now, Input::Accept { offer }, &mut joined);
            world
                .core
                .handle(now, Input::Connected { offer }, &mut joined);
            let end = Time(now.0 + (exponential(180.0) * 1e6) as i64);
            calls.push(Reverse((end, Some(offer.contact))));
            if let Some((since, estimate)) = told.remove(&offer.contact.0) {
                let wait = now - since;
                *if wait < estimate.low {
                    &mut shorter
                } else if wait > estimate.high {
                    &mut longer
                } else {
                    &mut inside
                } += 1;
            }
        }
    }
    let all = f64::from(inside + shorter + longer);
    assert!(all > 10_000.0, "{all} were told");
    let share = f64::from(inside) / all;
    assert!(
        (0.72..0.88).contains(&share),
        "{share}: {shorter} shorter, {longer} longer of {all}"
    );
    assert!(
        f64::from(longer) / all < 0.2,
        "{longer} of {all} waited longer than was told"
    );
}
