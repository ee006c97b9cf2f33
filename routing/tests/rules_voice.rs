//! The rules of routing that a voice queue shows, each with a test named for it.

mod world;

use trunkline_routing::*;
use world::{World, refused, tenant};

const CENTRE: &str = "
  skills: [english, law],
  teams: [{name: front, kind: Human, wrapUp: 10s, skills: {english: 3}},
          {name: back, kind: Human, skills: {english: 1}}],
  queues: [
    {name: desk, medium: Voice, teams: [front, back], onExhausted: {action: Hold}},
    {name: stepped, medium: Voice, teams: [front, back], ring: 15s,
     route: [{require: {english: 4}, for: 20s}, {require: {law: 2}, for: 10s}],
     onExhausted: {action: Widen}},
    {name: over, medium: Voice, teams: [front], route: [{require: {law: 5}, for: 5s}],
     onExhausted: {action: Overflow, queue: desk}},
    {name: back-later, medium: Voice, teams: [front], route: [{require: {law: 5}, for: 5s}],
     onExhausted: {action: Callback}},
    {name: speak, medium: Voice, teams: [front], route: [{require: {law: 5}, for: 5s}],
     onExhausted: {action: Voicemail}},
    {name: shut, medium: Voice, teams: [front], route: [{require: {law: 5}, for: 5s}],
     onExhausted: {action: Close}},
    {name: held, medium: Voice, teams: [front], route: [{require: {english: 5}, for: 5s}],
     onExhausted: {action: Hold}}]";
const AGENTS: &str = "
  ann team: front
  bob team: front, skills: {english: 5, law: 2}
  cal team: back
  lea team: front, skills: {law: 5, english: 5}";

fn centre() -> World {
    World::new(&tenant(CENTRE, AGENTS, ""))
}

fn ended(out: &[Output]) -> Option<Outcome> {
    out.iter().find_map(|output| match output {
        Output::Ended { outcome, .. } => Some(*outcome),
        _ => None,
    })
}

#[test]
fn rule_1_the_first_in_rank_is_served_first_and_a_point_of_priority_is_a_minute() {
    let mut world = centre();
    world.arrive(0.0, 1, "desk");
    world.arrive_as(59.0, 2, "desk", 1, None);
    world.arrive_as(62.0, 3, "desk", 1, None);
    world.arrive(62.0, 4, "desk");
    world.sign_in(70.0, "ann");
    assert_eq!(
        world.with_whom(2).as_deref(),
        Some("ann"),
        "59 − 60 is before 0"
    );
    for (second, next) in [(80.0, 1), (90.0, 3), (100.0, 4)] {
        let talking = world
            .core
            .agent(&"ann".into())
            .unwrap()
            .offer
            .unwrap()
            .contact
            .0;
        world.answer(second, talking);
        world.done(second, talking);
        world.input(
            second,
            Input::WrapUpDone {
                agent: "ann".into(),
                codes: vec![],
            },
        );
        assert_eq!(world.with_whom(next).as_deref(), Some("ann"));
    }
}

#[test]
fn rule_1_a_change_of_priority_is_a_re_rank() {
    let mut world = centre();
    world.arrive(0.0, 1, "desk");
    world.arrive(30.0, 2, "desk");
    world.input(
        31.0,
        Input::Prioritise {
            contact: ContactId(2),
            priority: 1,
        },
    );
    assert_eq!(world.core.position(ContactId(2)), Some(1));
    world.sign_in(32.0, "cal");
    assert_eq!(world.with_whom(2).as_deref(), Some("cal"));
}

#[test]
fn rule_2_each_step_asks_for_its_own_levels_and_its_timer_runs_from_its_entry() {
    let mut world = centre();
    world.sign_in(0.0, "ann");
    world.arrive(1.0, 1, "stepped");
    assert_eq!(
        world.with_whom(1),
        None,
        "ann speaks english at 3, the step asks for 4"
    );
    world.tick(20.9);
    assert_eq!(world.core.contact(ContactId(1)).unwrap().step, Some(0));
    world.tick(21.0);
    assert_eq!(world.core.contact(ContactId(1)).unwrap().step, Some(1));
    assert_eq!(world.with_whom(1), None, "steps do not add up");
    world.tick(31.0);
    assert_eq!(
        world.with_whom(1).as_deref(),
        Some("ann"),
        "widened to any agent of its teams"
    );
}

#[test]
fn rule_2_a_step_does_not_expire_during_a_live_offer() {
    let mut world = centre();
    world.arrive(0.0, 1, "stepped");
    world.sign_in(15.0, "bob");
    assert_eq!(world.with_whom(1).as_deref(), Some("bob"));
    world.tick(25.0);
    assert_eq!(
        world.core.contact(ContactId(1)).unwrap().step,
        Some(0),
        "over at 20 but ringing"
    );
    world.tick(30.0);
    assert_eq!(
        world.core.contact(ContactId(1)).unwrap().step,
        Some(1),
        "over once it rang out"
    );
}

#[test]
fn rule_3_each_end_of_a_route_does_what_it_says() {
    let mut world = centre();
    world.sign_in(0.0, "ann");
    for (id, queue, outcome) in [
        (2, "speak", Outcome::Voicemail),
        (3, "shut", Outcome::Closed),
    ] {
        world.arrive(10.0 * id as f64, id, queue);
        assert_eq!(ended(&world.tick(10.0 * id as f64 + 5.0)), Some(outcome));
        assert!(world.core.contact(ContactId(id)).is_none());
    }
    world.arrive_as(40.0, 1, "back-later", 0, Some("+491"));
    let booked = |output: &Output| matches!(output, Output::CallbackBooked { contact, .. } if contact.0 == 1);
    assert!(world.tick(45.0).iter().any(booked));
    let cancel = Input::CancelCallback {
        contact: ContactId(1),
    };
    world.input(46.0, cancel);
    world.arrive(50.0, 4, "held");
    // Nobody knows where to call them.
    world.arrive(50.0, 6, "back-later");
    let out = world.tick(60.0);
    assert!(!out.iter().any(booked) && ended(&out).is_none(), "{out:?}");
    for id in [4, 6] {
        assert_eq!(
            world.with_whom(id),
            None,
            "it waits on under its last step, ann is not asked"
        );
        assert!(world.core.contact(ContactId(id)).is_some());
    }
    world.arrive(70.0, 5, "over");
    world.tick(75.0);
    assert_eq!(
        world.with_whom(5).as_deref(),
        Some("ann"),
        "overflowed to the desk"
    );
    let records = world.records();
    let overflow = records
        .iter()
        .find(|row| row.contact == ContactId(5))
        .unwrap();
    assert_eq!(overflow.end, SegmentEnd::Overflow);
    assert_eq!(
        world.core.contact(ContactId(5)).unwrap().arrived,
        world::at(70.0),
        "its age stays"
    );
}

#[test]
fn rule_4_the_longest_idle_is_asked_and_the_lesser_name_at_a_tie() {
    let mut world = centre();
    world.sign_in(0.0, "cal");
    world.sign_in(0.0, "ann");
    world.arrive(5.0, 1, "desk");
    assert_eq!(world.with_whom(1).as_deref(), Some("ann"));
    world.arrive(6.0, 2, "desk");
    assert_eq!(world.with_whom(2).as_deref(), Some("cal"));
    world.answer(7.0, 2);
    world.answer(7.0, 1);
    world.done(10.0, 1);
    world.done(12.0, 2);
    world.tick(30.0);
    world.arrive(31.0, 3, "desk");
    assert_eq!(
        world.with_whom(3).as_deref(),
        Some("cal"),
        "cal is free since 12, ann since 20"
    );
}

#[test]
fn rule_6_an_answer_to_an_older_offer_is_void_and_told_so() {
    let mut world = centre();
    world.sign_in(0.0, "ann");
    world.sign_in(1.0, "bob");
    world.arrive(2.0, 1, "stepped");
    let first = world.offer_of(1);
    world.tick(17.0);
    assert_eq!(world.with_whom(1), None);
    let out = world.input(17.5, Input::Accept { offer: first });
    assert!(
        out.iter()
            .any(|output| matches!(output, Output::CancelOffer { offer, .. } if *offer == first)),
        "{out:?}"
    );
    assert!(world.core.agent(&"bob".into()).unwrap().contacts.is_empty());
}

#[test]
fn rule_6_an_accepted_offer_whose_legs_are_not_joined_goes_back_in_line() {
    let mut world = centre();
    world.sign_in(0.0, "ann");
    world.arrive(1.0, 1, "desk");
    let offer = world.offer_of(1);
    world.input(2.0, Input::Accept { offer });
    assert_eq!(
        world.core.next_deadline(),
        Some(world::at(12.0)),
        "no state without an exit"
    );
    let out = world.tick(12.0);
    assert!(out.iter().any(|output| matches!(
        output,
        Output::CancelOffer {
            why: CancelReason::NotConnected,
            ..
        }
    )));
    assert_eq!(
        world.with_whom(1),
        None,
        "the only agent is not tried again at once"
    );
    world.tick(13.0);
    assert_eq!(
        world.with_whom(1).as_deref(),
        Some("ann"),
        "but after a moment"
    );
}

#[test]
fn rule_7_an_unanswered_offer_makes_the_agent_not_ready_and_another_is_asked() {
    let mut world = centre();
    world.sign_in(0.0, "ann");
    world.sign_in(1.0, "cal");
    world.arrive(2.0, 1, "desk");
    world.arrive(3.0, 2, "desk");
    world.answer(4.0, 2);
    world.tick(22.0);
    assert_eq!(
        world.state("ann"),
        AgentState::NotReady {
            reason: "rona".into()
        }
    );
    world.input(
        23.0,
        Input::Ready {
            agent: "ann".into(),
        },
    );
    assert_eq!(
        world.with_whom(1),
        None,
        "cal qualifies, though busy: ann is not asked again"
    );
    world.done(30.0, 2);
    assert_eq!(
        world.with_whom(1).as_deref(),
        Some("cal"),
        "at its old rank"
    );
}

#[test]
fn rule_7_who_let_it_ring_is_asked_again_where_nobody_else_qualifies() {
    let mut world = centre();
    world.sign_in(0.0, "ann");
    world.sign_in(0.0, "cal");
    world.arrive(2.0, 1, "desk");
    world.tick(22.0);
    assert_eq!(world.with_whom(1).as_deref(), Some("cal"));
    world.tick(42.0);
    world.input(
        43.0,
        Input::Ready {
            agent: "ann".into(),
        },
    );
    assert_eq!(
        world.with_whom(1).as_deref(),
        Some("ann"),
        "cal has refused too and is not ready"
    );
}

#[test]
fn rule_8_a_waiting_contact_ends_only_when_the_customer_does() {
    let mut world = centre();
    world.arrive(0.0, 1, "held");
    world.tick(400_000.0);
    assert!(world.core.contact(ContactId(1)).is_some());
    assert_eq!(ended(&world.gone(400_001.0, 1)), Some(Outcome::Abandoned));
    assert_eq!(world.records()[0].end, SegmentEnd::Abandoned);
}

#[test]
fn rule_9_a_dead_session_or_endpoint_leaves_the_pool_at_once_and_a_talking_call_goes_on() {
    let mut world = centre();
    world.sign_in(0.0, "ann");
    world.arrive(1.0, 1, "desk");
    let out = world.input(
        2.0,
        Input::Session {
            agent: "ann".into(),
            alive: false,
        },
    );
    assert!(out.iter().any(|output| matches!(
        output,
        Output::CancelOffer {
            why: CancelReason::AgentGone,
            ..
        }
    )));
    assert_eq!(world.with_whom(1), None);
    world.input(
        3.0,
        Input::Session {
            agent: "ann".into(),
            alive: true,
        },
    );
    world.answer(4.0, 1);
    world.input(
        5.0,
        Input::Session {
            agent: "ann".into(),
            alive: false,
        },
    );
    assert_eq!(world.with_whom(1).as_deref(), Some("ann"));
    world.arrive(6.0, 2, "desk");
    world.done(7.0, 1);
    world.tick(60.0);
    assert_eq!(world.with_whom(2), None, "ann is absent");
    world.input(
        61.0,
        Input::Endpoint {
            agent: "ann".into(),
            reachable: false,
        },
    );
    world.input(
        62.0,
        Input::Session {
            agent: "ann".into(),
            alive: true,
        },
    );
    assert_eq!(world.with_whom(2), None, "ann's phone is away");
    world.input(
        63.0,
        Input::Endpoint {
            agent: "ann".into(),
            reachable: true,
        },
    );
    assert_eq!(world.with_whom(2).as_deref(), Some("ann"));
}

#[test]
fn rule_10_wrap_up_has_its_own_deadline_and_is_extended_once_with_codes() {
    let mut world = centre();
    world.sign_in(0.0, "ann");
    world.arrive(0.0, 1, "desk");
    world.answer(1.0, 1);
    world.done(5.0, 1);
    assert_eq!(
        world.state("ann"),
        AgentState::WrapUp {
            until: world::at(15.0)
        }
    );
    world.arrive(6.0, 2, "desk");
    assert_eq!(world.with_whom(2), None);
    world.input(
        7.0,
        Input::ExtendWrapUp {
            agent: "ann".into(),
        },
    );
    assert!(refused(&world.input(
        8.0,
        Input::ExtendWrapUp {
            agent: "ann".into()
        }
    )));
    assert_eq!(
        world.state("ann"),
        AgentState::WrapUp {
            until: world::at(25.0)
        }
    );
    world.tick(16.0);
    assert_eq!(world.with_whom(2), None);
    let codes = vec!["order".to_owned()];
    world.input(
        19.0,
        Input::WrapUpDone {
            agent: "ann".into(),
            codes: codes.clone(),
        },
    );
    assert_eq!(world.with_whom(2).as_deref(), Some("ann"));
    let row = &world.records()[0];
    assert_eq!((row.wrap_up, &row.codes), (Span::seconds(14), &codes));
}

#[test]
fn who_signs_out_finishes_the_contact_and_the_wrap_up() {
    let mut world = centre();
    world.sign_in(0.0, "ann");
    world.arrive(0.0, 1, "desk");
    world.answer(1.0, 1);
    world.input(
        2.0,
        Input::SignOut {
            agent: "ann".into(),
        },
    );
    world.arrive(3.0, 2, "desk");
    world.done(4.0, 1);
    assert_eq!(
        world.state("ann"),
        AgentState::WrapUp {
            until: world::at(14.0)
        }
    );
    world.tick(14.0);
    assert_eq!(world.state("ann"), AgentState::SignedOut);
    assert_eq!(world.with_whom(2), None);
}

#[test]
fn hold_time_is_counted_in_the_record() {
    let mut world = centre();
    world.sign_in(0.0, "cal");
    world.arrive(0.0, 1, "desk");
    world.answer(1.0, 1);
    world.input(
        5.0,
        Input::Hold {
            contact: ContactId(1),
            on: true,
        },
    );
    world.input(
        8.0,
        Input::Hold {
            contact: ContactId(1),
            on: false,
        },
    );
    world.input(
        9.0,
        Input::Hold {
            contact: ContactId(1),
            on: true,
        },
    );
    world.gone(10.0, 1);
    let row = &world.records()[0];
    assert_eq!(row.hold, Span::seconds(4));
    assert_eq!(
        (row.end, row.answered),
        (SegmentEnd::Answered, Some(world::at(1.0)))
    );
}

#[test]
fn a_caller_who_held_while_no_engine_was_there_keeps_age_and_wait() {
    let mut world = centre();
    world.arrive(100.0, 1, "desk");
    let input = Input::Arrive {
        contact: ContactId(2),
        queue: world::queue("desk"),
        since: Some(world::at(40.0)),
        priority: 0,
        customer: None,
        callable: true,
    };
    world.input(101.0, input);
    world.sign_in(110.0, "cal");
    assert_eq!(world.with_whom(2).as_deref(), Some("cal"));
    let out = world.answer(111.0, 2);
    assert!(out.iter().any(|output| matches!(
        output,
        Output::Answered { wait, .. } if *wait == Span::seconds(71)
    )));
}

#[test]
fn a_snapshot_comes_back_the_same_byte_for_byte_and_goes_on_the_same() {
    let mut world = centre();
    let mut twin = centre();
    for world in [&mut world, &mut twin] {
        for agent in ["ann", "bob", "cal"] {
            world.sign_in(0.0, agent);
        }
        for id in 1..=6 {
            world.arrive(id as f64, id, if id % 2 == 0 { "desk" } else { "stepped" });
        }
        world.answer(7.0, 2);
        world.done(9.0, 2);
    }
    twin.restart();
    for world in [&mut world, &mut twin] {
        world.tick(23.5);
        world.gone(24.0, 5);
        world.input(
            30.0,
            Input::Ready {
                agent: "bob".into(),
            },
        );
        world.tick(60.0);
    }
    assert_eq!(world.log, twin.log);
    assert_eq!(world.core.snapshot(), twin.core.snapshot());
}

#[test]
fn what_is_not_known_is_refused_with_words_and_changes_nothing() {
    let mut world = centre();
    world.sign_in(0.0, "ann");
    let before = world.core.snapshot();
    let offer = OfferId {
        contact: ContactId(9),
        generation: 1,
    };
    for input in [
        Input::Accept { offer },
        Input::Connected { offer },
        Input::Decline {
            offer,
            cause: DeclineCause::Failed,
        },
        Input::CustomerGone {
            contact: ContactId(9),
        },
        Input::AgentDone {
            contact: ContactId(9),
        },
        Input::Hold {
            contact: ContactId(9),
            on: true,
        },
        Input::Dropped {
            contact: ContactId(9),
            cause: "node".into(),
        },
        Input::SignOut {
            agent: "zoe".into(),
        },
        Input::SignIn {
            agent: "zoe".into(),
            ready: true,
            team: None,
        },
        Input::WrapUpDone {
            agent: "ann".into(),
            codes: vec![],
        },
        Input::Transfer {
            contact: ContactId(9),
            to: Target::Agent("ann".into()),
        },
    ] {
        assert!(refused(&world.input(0.0, input.clone())), "{input:?}");
    }
    assert!(refused(&world.arrive(0.0, 9, "nowhere")));
    assert_eq!(world.core.snapshot(), before);
}
