//! A while in which nothing could be decided, as when the journal's database stalls: nobody is blamed for it, and
//! what came meanwhile counts.

#![allow(clippy::unwrap_used, clippy::panic)]

mod world;

use trunkline_routing::*;
use world::{World, at, refused, tenant};

const CENTRE: &str = "
  skills: [law],
  departments: [{name: legal, transferTo: '+4930123', answerWithin: 30s}],
  teams: [{name: front, kind: Human, wrapUp: 10s, media: {voice: 1, chat: 2}}],
  queues: [
    {name: desk, medium: Voice, teams: [front], ring: 20s, onExhausted: {action: Hold}},
    {name: chats, medium: Chat, teams: [front], ring: 20s, onExhausted: {action: Hold}},
    {name: speak, medium: Voice, teams: [front], route: [{require: {law: 5}, for: 5s}],
     onExhausted: {action: Voicemail}}]";

fn centre() -> World {
    World::new(&tenant(CENTRE, "ann team: front\nbob team: front", ""))
}

impl World {
    /// Nothing was decided between two moments; the snapshot holds it too.
    fn stalls(&mut self, from: f64, until: f64) {
        self.input(from, Input::Stalled { until: at(until) });
        self.restart();
    }
}

fn deadline(world: &World, id: u64) -> Time {
    match world.core.contact(ContactId(id)).unwrap().stage {
        StageView::Offered { deadline, .. }
        | StageView::Connecting { deadline, .. }
        | StageView::Outside { deadline, .. } => deadline,
        other => panic!("{other:?}"),
    }
}

#[test]
fn who_is_asked_has_so_much_longer_and_is_away_by_rona_only_then() {
    let mut world = centre();
    world.sign_in(0.0, "ann");
    world.arrive(10.0, 1, "desk");
    assert_eq!(deadline(&world, 1), at(30.0));
    // Longer than a whole ring; one second of it was left.
    world.stalls(29.0, 60.0);
    assert_eq!(deadline(&world, 1), at(61.0));
    assert_eq!(world.tick(60.9), []);
    let out = world.tick(61.0);
    assert!(
        (out.iter()).any(|it| matches!(
            it,
            Output::CancelOffer {
                why: CancelReason::Rona,
                ..
            }
        )),
        "{out:?}"
    );
}

#[test]
fn who_answered_meanwhile_is_heard_and_joined_and_who_came_meanwhile_rings_for_a_whole_ring() {
    let mut world = centre();
    world.sign_in(0.0, "ann");
    world.sign_in(1.0, "bob");
    world.arrive(10.0, 1, "desk");
    let offer = world.offer_of(1);
    world.stalls(12.0, 50.0);
    // The second caller came first, and was held since.
    let came = Input::Arrive {
        contact: ContactId(2),
        queue: world::queue("desk"),
        since: Some(at(14.0)),
        priority: 0,
        customer: None,
    };
    world.late(50.0, came);
    assert!(!refused(&world.late(50.0, Input::Accept { offer })));
    assert!(!refused(&world.late(50.0, Input::Connected { offer })));
    assert_eq!(world.with_whom(1).as_deref(), Some("ann"));
    assert_eq!(world.with_whom(2).as_deref(), Some("bob"));
    assert_eq!(deadline(&world, 2), at(70.0));
    assert_eq!(world.core.contact(ContactId(2)).unwrap().entered, at(14.0));
}

#[test]
fn legs_that_could_not_be_joined_meanwhile_are_joined_after_it() {
    let mut world = centre();
    world.sign_in(0.0, "ann");
    world.arrive(10.0, 1, "chats");
    let offer = world.offer_of(1);
    world.input(11.0, Input::Accept { offer });
    world.stalls(11.0, 40.0);
    assert!(!refused(&world.late(41.0, Input::Connected { offer })));
    assert_eq!(world.with_whom(1).as_deref(), Some("ann"));
}

#[test]
fn a_place_outside_that_answered_meanwhile_has_taken_the_customer() {
    let mut world = centre();
    world.sign_in(0.0, "ann");
    world.arrive(10.0, 1, "desk");
    world.answer(11.0, 1);
    let transfer = Input::Transfer {
        contact: ContactId(1),
        to: Target::Department("legal".into()),
    };
    world.input(20.0, transfer);
    assert_eq!(deadline(&world, 1), at(50.0));
    world.stalls(21.0, 58.0);
    let taken = Input::HandedOver {
        contact: ContactId(1),
        taken: true,
    };
    assert!(!refused(&world.late(58.0, taken)));
    world.tick(200.0);
    assert_eq!(
        world.with_whom(1),
        None,
        "nobody pulls them out of that talk"
    );
}

#[test]
fn codes_that_came_meanwhile_are_those_of_the_wrap_up_that_was_open_then() {
    let mut world = centre();
    world.sign_in(0.0, "ann");
    for id in [1, 2] {
        world.arrive(1.0, id, "chats");
        world.answer(2.0, id);
    }
    world.done(10.0, 1);
    world.done(19.0, 2);
    world.stalls(19.5, 25.0);
    let done = |code: &str| Input::WrapUpDone {
        agent: "ann".into(),
        codes: vec![code.into()],
    };
    // The first one's ten seconds are over, and her word about it comes only now.
    world.late(25.0, done("first"));
    world.late(25.0, done("second"));
    let codes: Vec<_> = (world.records().iter())
        .map(|row| (row.contact.0, row.codes.clone()))
        .collect();
    assert_eq!(
        codes,
        [
            (1, vec!["first".to_owned()]),
            (2, vec!["second".to_owned()])
        ]
    );
}

#[test]
fn a_wrap_up_ends_when_it_would_have_but_not_before_what_came_meanwhile_is_heard() {
    let mut world = centre();
    world.sign_in(0.0, "ann");
    world.arrive(1.0, 1, "desk");
    world.answer(2.0, 1);
    world.done(10.0, 1);
    world.stalls(11.0, 15.0);
    world.stalls(15.0, 16.0);
    world.tick(19.9);
    assert_eq!(world.records(), [], "it has its ten seconds");
    world.stalls(19.9, 24.0);
    world.late(24.0, Input::Tick);
    assert_eq!(world.records(), []);
    world.late(24.000_001, Input::Tick);
    assert_eq!(world.records().len(), 1);
}

#[test]
fn a_key_for_a_callback_that_was_pressed_meanwhile_goes_before_the_end_of_the_step() {
    let mut world = centre();
    world.sign_in(0.0, "ann");
    world.arrive_as(10.0, 1, "speak", 0, Some("+49301"));
    world.stalls(11.0, 18.0);
    let key = Input::CallMeBack {
        contact: ContactId(1),
        number: None,
        window: None,
    };
    assert!(!refused(&world.late(18.0, key)));
    world.tick(30.0);
    let view = world.core.contact(ContactId(1)).unwrap();
    assert!(view.calls.is_some(), "{view:?}");
}

#[test]
fn a_step_that_ended_meanwhile_ends_right_after_it_and_no_later_one_is_put_off() {
    let mut world = centre();
    world.arrive(10.0, 1, "speak");
    world.arrive(12.0, 2, "speak");
    world.stalls(13.0, 16.0);
    let ended = |out: Vec<Output>| {
        let ended = out.into_iter().filter_map(|output| match output {
            Output::Ended { contact, .. } => Some(contact.0),
            _ => None,
        });
        ended.collect::<Vec<_>>()
    };
    assert!(ended(world.late(16.0, Input::Tick)).is_empty());
    assert_eq!(ended(world.late(16.000_001, Input::Tick)), [1]);
    assert!(ended(world.tick(16.999_999)).is_empty());
    assert_eq!(ended(world.tick(17.0)), [2]);
}

#[test]
fn a_stall_that_ended_before_it_began_changes_nothing() {
    let mut world = centre();
    world.sign_in(0.0, "ann");
    world.arrive(10.0, 1, "desk");
    world.stalls(12.0, 11.0);
    assert_eq!(deadline(&world, 1), at(30.0));
}
