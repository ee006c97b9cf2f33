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
    {name: short, medium: Voice, teams: [front], ring: 20s, route: [{for: 5s}], onExhausted: {action: Voicemail}},
    {name: speak, medium: Voice, teams: [front], route: [{require: {law: 5}, for: 5s}],
     onExhausted: {action: Voicemail}}]";

fn centre() -> World {
    World::new(&tenant(
        CENTRE,
        "ann team: front\nbob team: front\ncal team: front",
        "",
    ))
}

impl World {
    /// Nothing was decided between two moments; the snapshot holds it too.
    fn stalls(&mut self, since: f64, until: f64) {
        self.stalls_until_listed(since, until, None);
    }

    fn stalls_until_listed(&mut self, since: f64, until: f64, listed: Option<f64>) {
        let input = Input::Stalled {
            since: at(since),
            until: at(until),
            listed: listed.map(at),
        };
        self.input(since, input);
        self.restart();
    }
}

/// The least that a time can be after another.
const NEXT: f64 = 0.000_001;

fn rona(out: &[Output]) -> bool {
    let why = |output: &Output| match output {
        Output::CancelOffer { why, .. } => Some(*why),
        _ => None,
    };
    out.iter()
        .filter_map(why)
        .any(|why| why == CancelReason::Rona)
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
fn who_is_asked_is_away_by_rona_when_all_that_came_meanwhile_is_in_and_not_before() {
    let mut world = centre();
    world.sign_in(0.0, "ann");
    world.arrive(10.0, 1, "desk");
    world.stalls(29.0, 60.0);
    assert!(!rona(&world.late(60.0, Input::Tick)));
    assert!(rona(&world.late(60.0 + NEXT, Input::Tick)));
}

#[test]
fn a_deadline_behind_the_stall_stays_as_it_was() {
    let mut world = centre();
    world.sign_in(0.0, "ann");
    world.arrive(10.0, 1, "desk");
    world.stalls(11.0, 16.0);
    assert_eq!(deadline(&world, 1), at(30.0));
}

#[test]
fn who_was_asked_by_the_very_decisions_that_were_late_is_asked_for_a_whole_ring() {
    let mut world = centre();
    world.sign_in(0.0, "ann");
    world.arrive(10.0, 1, "desk");
    world.stalls(10.0, 17.0);
    assert_eq!(deadline(&world, 1), at(37.0));
}

#[test]
fn one_stall_after_another_keeps_nothing_from_ending() {
    let mut world = centre();
    world.sign_in(0.0, "ann");
    world.sign_in(0.0, "bob");
    world.sign_in(0.0, "cal");
    world.arrive(0.5, 3, "chats");
    let joining = world.offer_of(3);
    world.arrive(1.0, 1, "desk");
    world.answer(2.0, 1);
    world.done(10.0, 1);
    world.arrive(11.0, 2, "desk");
    world.input(12.0, Input::Accept { offer: joining });
    let mut over = (None, None, None);
    for turn in 0..200_u32 {
        let since = 12.0 + f64::from(turn) * 0.25;
        // There is always something to do.
        world.late(since, Input::Tick);
        let stalled = Input::Stalled {
            since: at(since),
            until: at(since + 0.25),
            listed: None,
        };
        let out = world.late(since + NEXT, stalled);
        if rona(&out) {
            over.0.get_or_insert(since);
        }
        if out.iter().any(|output| {
            matches!(
                output,
                Output::CancelOffer {
                    why: CancelReason::NotConnected,
                    ..
                }
            )
        }) {
            over.2.get_or_insert(since);
        }
        if !world.records().is_empty() {
            over.1.get_or_insert(since);
        }
    }
    assert_eq!(over, (Some(31.0), Some(20.0), Some(22.25)));
}

#[test]
fn at_a_takeover_nobody_is_given_up_before_telephony_can_tell() {
    let mut world = centre();
    world.sign_in(0.0, "ann");
    world.arrive(10.0, 1, "desk");
    world.stalls_until_listed(29.0, 33.0, Some(38.0));
    assert_eq!(deadline(&world, 1), at(38.0 + NEXT));
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
        callable: true,
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
    world.stalls(15.0, 40.0);
    assert!(!refused(&world.late(40.0, Input::Connected { offer })));
    assert_eq!(world.with_whom(1).as_deref(), Some("ann"));
}

#[test]
fn legs_whose_joining_began_with_the_stall_have_all_their_time_after_it() {
    let mut world = centre();
    world.sign_in(0.0, "ann");
    world.arrive(10.0, 1, "chats");
    let offer = world.offer_of(1);
    world.input(11.0, Input::Accept { offer });
    world.stalls(11.0, 40.0);
    assert!(!refused(&world.late(49.0, Input::Connected { offer })));
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
    world.stalls(20.0, 30.0);
    assert_eq!(deadline(&world, 1), at(60.0), "they were called only then");
    world.stalls(31.0, 68.0);
    let taken = Input::HandedOver {
        contact: ContactId(1),
        taken: true,
    };
    assert!(!refused(&world.late(68.0, taken)));
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
    // They were over ten and six seconds after the conversations.
    let long: Vec<_> = world.records().iter().map(|row| row.wrap_up).collect();
    assert_eq!(long, [Span::seconds(10), Span::seconds(6)]);
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
    let rows = world.records();
    assert_eq!(rows.len(), 1);
    assert_eq!(
        rows[0].wrap_up,
        Span::seconds(10),
        "nobody worked longer for that"
    );
}

#[test]
fn a_step_that_ended_while_an_offer_was_out_waits_for_the_key_that_was_pressed_meanwhile_too() {
    let mut world = centre();
    world.sign_in(0.0, "ann");
    world.arrive_as(10.0, 1, "short", 0, Some("+49301"));
    let offer = world.offer_of(1);
    world.stalls(11.0, 18.0);
    let cause = DeclineCause::Refused;
    world.late(18.0, Input::Decline { offer, cause });
    let key = Input::CallMeBack {
        contact: ContactId(1),
        number: None,
        window: None,
    };
    assert!(!refused(&world.late(18.0, key)));
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
    world.input(
        12.0,
        Input::Stalled {
            since: at(10.0),
            until: at(9.0),
            listed: None,
        },
    );
    assert_eq!(deadline(&world, 1), at(30.0));
}
