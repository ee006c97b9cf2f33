//! Rule 13: consult and conference, with everybody whom an agent may ask.

#![allow(clippy::unwrap_used)]

mod world;

use trunkline_routing::*;
use world::{World, at, refused, tenant};

const DESKS: &str = "
  departments: [{name: legal, transferTo: '+4930123', answerWithin: 30s}],
  teams: [{name: front, kind: Human, wrapUp: 5s}, {name: law, kind: Human, wrapUp: 7s}],
  queues: [{name: desk, medium: Voice, teams: [front], ring: 10s, onExhausted: {action: Hold}},
           {name: laws, medium: Voice, teams: [law], ring: 8s, route: [{for: 20s}],
            onExhausted: {action: Close}}]";
const PEOPLE: &str = "ann team: front\nbob team: front\nlea team: law\nlou team: law";

/// Ann talks with contact 1 since second 2; lea is free.
fn talking() -> World {
    let mut world = World::new(&tenant(DESKS, PEOPLE, ""));
    world.sign_in(0.0, "ann");
    world.sign_in(0.0, "lea");
    world.arrive(1.0, 1, "desk");
    world.answer(2.0, 1);
    world
}

fn consult(world: &mut World, second: f64, to: Target) -> Vec<Output> {
    let (contact, consult) = (ContactId(1), ContactId(90));
    world.input(
        second,
        Input::Consult {
            contact,
            consult,
            to,
        },
    )
}

fn of_one(world: &mut World, second: f64, input: fn(ContactId) -> Input) -> Vec<Output> {
    world.input(second, input(ContactId(1)))
}

fn complete(contact: ContactId) -> Input {
    Input::CompleteConsult { contact }
}
fn cancel(contact: ContactId) -> Input {
    Input::CancelConsult { contact }
}
fn conference(contact: ContactId) -> Input {
    Input::Conference { contact }
}

fn over(out: &[Output]) -> Option<&ConsultEnd> {
    out.iter().find_map(|output| match output {
        Output::ConsultOver { how, .. } => Some(how),
        _ => None,
    })
}

fn on_hold(world: &World) -> bool {
    matches!(
        world.core.contact(ContactId(1)).unwrap().stage,
        StageView::Talking { on_hold: true, .. }
    )
}

#[test]
fn rule_13_a_consult_holds_the_customer_and_is_offered_like_any_contact_with_the_customers_age() {
    let mut world = talking();
    let out = consult(&mut world, 10.0, Target::Agent("lea".into()));
    assert!(matches!(
        &out[0],
        Output::Consulting { consult: ContactId(90), agent, .. } if agent.as_str() == "ann"
    ));
    assert_eq!(world.with_whom(90).as_deref(), Some("lea"));
    assert!(on_hold(&world));
    assert_eq!(world.core.contact(ContactId(90)).unwrap().arrived, at(1.0));
    world.answer(12.0, 90);
    assert!(on_hold(&world), "the two talk in private");
    world.restart();
    let out = of_one(&mut world, 20.0, cancel);
    assert_eq!(over(&out), Some(&ConsultEnd::Cancelled));
    assert!(!on_hold(&world));
    assert!(matches!(world.state("lea"), AgentState::WrapUp { .. }));
    world.done(30.0, 1);
    world.tick(60.0);
    let rows = world.records();
    let kinds: Vec<_> = rows.iter().map(|row| (row.contact.0, row.kind)).collect();
    assert_eq!(
        kinds,
        [
            (90, StretchKind::Consult(ContactId(1))),
            (1, StretchKind::Plain)
        ]
    );
    assert_eq!(rows[1].hold, Span::seconds(10), "from 10 to 20");
    assert_eq!(rows[0].wrap_up, Span::seconds(7));
}

#[test]
fn rule_13_a_completed_consult_hands_over_to_who_was_asked_at_once_and_opens_a_new_stretch() {
    let mut world = talking();
    consult(&mut world, 10.0, Target::Queue("laws".parse().unwrap()));
    assert!(
        refused(&of_one(&mut world, 11.0, complete)),
        "nobody has answered yet"
    );
    let offer = world.offer_of(90);
    world.answer(12.0, 90);
    let out = of_one(&mut world, 30.0, complete);
    assert_eq!(
        over(&out),
        Some(&ConsultEnd::TakenOver {
            agent: "lea".into(),
            offer
        })
    );
    assert_eq!(world.with_whom(1).as_deref(), Some("lea"));
    assert!(!on_hold(&world));
    assert!(world.core.contact(ContactId(90)).is_none());
    assert!(matches!(world.state("ann"), AgentState::WrapUp { .. }));
    assert_eq!(world.state("lea"), AgentState::Busy);
    world.restart();
    world.done(50.0, 1);
    world.tick(99.0);
    let rows: Vec<_> = world
        .records()
        .into_iter()
        .filter(|row| row.contact.0 == 1)
        .collect();
    let shown: Vec<_> = rows
        .iter()
        .map(|row| (row.index, row.queue.to_string(), row.again, row.hold))
        .collect();
    assert_eq!(
        shown,
        [
            (0, "desk".to_owned(), false, Span::seconds(20)),
            (1, "laws".to_owned(), true, Span(0))
        ]
    );
    assert_eq!(rows[1].answered, Some(at(30.0)), "without a wait");
    assert_eq!(rows[1].arrived, at(1.0), "the customer's age is kept");
}

#[test]
fn rule_13_a_conference_joins_three_and_any_of_the_agents_may_leave() {
    let mut world = talking();
    consult(&mut world, 10.0, Target::Team("law".into()));
    assert!(
        refused(&of_one(&mut world, 11.0, conference)),
        "one who has not answered joins nothing"
    );
    world.answer(12.0, 90);
    let out = of_one(&mut world, 15.0, conference);
    assert!(matches!(out[0], Output::Conferenced { .. }));
    assert!(!on_hold(&world));
    // Lea leaves: ann goes on.
    let out = world.done(20.0, 90);
    assert_eq!(over(&out), Some(&ConsultEnd::Left));
    assert_eq!(world.with_whom(1).as_deref(), Some("ann"));
    // The second time ann leaves: lea goes on.
    world.input(
        30.0,
        Input::Consult {
            contact: ContactId(1),
            consult: ContactId(91),
            to: Target::Agent("lea".into()),
        },
    );
    world.answer(31.0, 91);
    of_one(&mut world, 32.0, conference);
    of_one(&mut world, 40.0, complete);
    assert_eq!(world.with_whom(1).as_deref(), Some("lea"));
}

#[test]
fn rule_13_a_consult_that_nobody_answers_returns_to_the_customer() {
    let mut world = talking();
    consult(&mut world, 10.0, Target::Agent("lea".into()));
    world.tick(20.0);
    assert!(!on_hold(&world), "lea let it ring");
    assert!(world.core.contact(ContactId(90)).is_none());
    assert_eq!(
        world.state("lea"),
        AgentState::NotReady {
            reason: "rona".into()
        }
    );
    // A queue whose route ends, and a team with nobody there.
    for (id, to) in [
        (91, Target::Queue("laws".parse().unwrap())),
        (92, Target::Team("law".into())),
    ] {
        let second = id as f64 * 10.0;
        world.input(
            second,
            Input::Consult {
                contact: ContactId(1),
                consult: ContactId(id),
                to,
            },
        );
        assert!(on_hold(&world));
        world.tick(second + 20.0);
        assert!(!on_hold(&world), "consult {id} failed");
    }
}

#[test]
fn rule_13_a_consult_never_comes_to_who_asks_and_does_not_outlive_its_contact() {
    let mut world = talking();
    consult(&mut world, 10.0, Target::Team("front".into()));
    assert_eq!(world.with_whom(90), None, "ann alone is there, and asks");
    world.sign_in(11.0, "bob");
    assert_eq!(world.with_whom(90).as_deref(), Some("bob"));
    world.answer(12.0, 90);
    let out = world.gone(15.0, 1);
    assert_eq!(over(&out), Some(&ConsultEnd::ContactOver));
    let ended: Vec<_> = out
        .iter()
        .filter_map(|output| match output {
            Output::Ended {
                contact, outcome, ..
            } => Some((contact.0, *outcome)),
            _ => None,
        })
        .collect();
    assert_eq!(ended, [(90, Outcome::Consulted), (1, Outcome::Answered)]);
}

#[test]
fn rule_13_a_consult_of_a_team_that_is_removed_fails_and_does_not_come_to_who_asks() {
    let desks = DESKS.replace(
        "{name: front, kind: Human, wrapUp: 5s}",
        "{name: front, kind: Human, wrapUp: 5s, media: {voice: 2}}",
    );
    let without = desks.replace(", {name: law, kind: Human, wrapUp: 7s}", "");
    let without = without.replace("teams: [law]", "teams: [front]");
    for offered in [false, true] {
        let mut world = World::new(&tenant(&desks, PEOPLE, ""));
        world.sign_in(0.0, "ann");
        world.arrive(1.0, 1, "desk");
        world.answer(2.0, 1);
        if offered {
            world.sign_in(3.0, "lea");
        }
        consult(&mut world, 10.0, Target::Team("law".into()));
        assert_eq!(world.with_whom(90).is_some(), offered);
        let tenant = tenant(&without, "ann team: front\nbob team: front", "");
        let out = world.input(11.0, Input::Configure { tenant });
        world.restart();
        assert_eq!(world.with_whom(90), None, "not to ann, who has room for it");
        if !offered {
            assert_eq!(over(&out), Some(&ConsultEnd::NotAnswered));
        }
        world.tick(60.0);
        assert!(world.core.contact(ContactId(90)).is_none());
        assert!(!on_hold(&world), "she goes on with the customer");
    }
}

#[test]
fn rule_13_a_department_outside_is_consulted_and_may_take_the_customer() {
    let mut world = talking();
    let out = consult(&mut world, 10.0, Target::Department("legal".into()));
    assert!(out.iter().any(|output| matches!(
        output,
        Output::HandOver { contact: ContactId(90), deadline, .. } if *deadline == at(40.0)
    )));
    let taken = |taken| Input::HandedOver {
        contact: ContactId(90),
        taken,
    };
    world.input(15.0, taken(true));
    assert!(on_hold(&world));
    of_one(&mut world, 18.0, conference);
    let out = of_one(&mut world, 25.0, complete);
    assert_eq!(over(&out), Some(&ConsultEnd::Outside));
    assert!(out.iter().any(|output| matches!(
        output,
        Output::Ended {
            contact: ContactId(1),
            outcome: Outcome::Transferred,
            ..
        }
    )));
    assert!(matches!(world.state("ann"), AgentState::WrapUp { .. }));
}

#[test]
fn rule_13_an_outside_number_that_hangs_up_or_stays_silent_leaves_the_agent_with_the_customer() {
    let mut world = talking();
    consult(&mut world, 10.0, Target::Number("+4930999".into()));
    world.tick(70.0);
    assert!(!on_hold(&world), "nobody answered within a minute");
    world.input(
        80.0,
        Input::Consult {
            contact: ContactId(1),
            consult: ContactId(91),
            to: Target::Number("+4930999".into()),
        },
    );
    world.input(
        82.0,
        Input::HandedOver {
            contact: ContactId(91),
            taken: true,
        },
    );
    let out = world.input(
        90.0,
        Input::OutsideGone {
            contact: ContactId(91),
        },
    );
    assert_eq!(over(&out), Some(&ConsultEnd::Left));
    assert_eq!(world.with_whom(1).as_deref(), Some("ann"));
    assert!(!on_hold(&world));
}

#[test]
fn rule_13_consults_are_counted_apart_from_contacts() {
    let mut world = talking();
    consult(&mut world, 10.0, Target::Queue("laws".parse().unwrap()));
    world.answer(12.0, 90);
    of_one(&mut world, 20.0, cancel);
    world.tick(60.0);
    let terms = metrics::Terms {
        within: Span::seconds(20),
        short: Span::seconds(5),
    };
    let mut counts = metrics::Counts::default();
    for row in world.records() {
        counts.add(&row, terms, metrics::View::Queue);
    }
    assert_eq!((counts.offered, counts.consults, counts.handled), (0, 1, 0));
    assert!(counts.is_balanced());
}

#[test]
fn rule_13_a_transfer_or_a_hold_waits_until_the_consult_is_over() {
    let mut world = talking();
    consult(&mut world, 10.0, Target::Agent("lea".into()));
    let contact = ContactId(1);
    let to = Target::Queue("laws".parse().unwrap());
    assert!(refused(&world.input(11.0, Input::Transfer { contact, to })));
    assert!(refused(
        &world.input(11.0, Input::Hold { contact, on: false })
    ));
    let out = consult(&mut world, 12.0, Target::Agent("lou".into()));
    assert!(refused(&out), "one at a time");
}

#[test]
fn rule_13_of_a_consult_only_the_customers_contact_is_handed_over() {
    let mut world = talking();
    consult(&mut world, 10.0, Target::Agent("lea".into()));
    world.answer(12.0, 90);
    let contact = ContactId(90);
    for to in [
        Target::Queue("desk".parse().unwrap()),
        Target::Team("law".into()),
        Target::Number("+49301".into()),
    ] {
        assert!(refused(&world.input(13.0, Input::Transfer { contact, to })));
    }
    assert_eq!(world.with_whom(90).as_deref(), Some("lea"));
    of_one(&mut world, 14.0, complete);
    assert_eq!(world.with_whom(1).as_deref(), Some("lea"));
}
