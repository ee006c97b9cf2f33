//! Contacts whose lines can't be heard for a while, as when their media host falls silent: nobody is blamed for what was
//! not told, and whatever is heard goes on.

#![allow(clippy::unwrap_used, clippy::panic)]

mod world;

use trunkline_routing::*;
use world::{World, at, refused, tenant};

const CENTRE: &str = "
  departments: [{name: legal, transferTo: '+4930123', answerWithin: 30s}],
  teams: [{name: front, kind: Human, wrapUp: 10s, media: {voice: 1, chat: 1}}],
  queues: [
    {name: desk, medium: Voice, teams: [front], ring: 20s, onExhausted: {action: Hold}},
    {name: chats, medium: Chat, teams: [front], ring: 20s, onExhausted: {action: Hold}}]";

/// Contact 1 rings at ann's since 10 s, until 30 s.
fn ringing() -> World {
    let mut world = World::new(&tenant(CENTRE, "ann team: front\nbob team: front", ""));
    world.sign_in(0.0, "ann");
    world.arrive(10.0, 1, "desk");
    world
}

impl World {
    /// Contacts were not heard between two moments, and it is told again within three seconds; the snapshot holds it too.
    fn unheard(&mut self, contacts: &[u64], since: f64, until: f64) {
        let input = Input::Unheard {
            contacts: contacts.iter().copied().map(ContactId).collect(),
            since: at(since),
            until: at(until),
            listed: at(until + 3.0),
        };
        let out = self.late(until, input);
        assert_eq!(why(&out), None);
        self.restart();
    }

    fn deadline(&self, id: u64) -> Time {
        match self.core.contact(ContactId(id)).unwrap().stage {
            StageView::Offered { deadline, .. }
            | StageView::Connecting { deadline, .. }
            | StageView::Outside { deadline, .. } => deadline,
            other => panic!("{other:?}"),
        }
    }
}

fn why(out: &[Output]) -> Option<CancelReason> {
    out.iter().find_map(|output| match output {
        Output::CancelOffer { why, .. } => Some(*why),
        _ => None,
    })
}

#[test]
fn a_ring_that_is_not_heard_goes_on_for_as_long_after_it() {
    let mut world = ringing();
    world.unheard(&[1], 12.0, 17.0);
    assert_eq!(world.deadline(1), at(35.0));
    assert_eq!(why(&world.tick(34.9)), None);
    assert_eq!(why(&world.tick(35.0)), Some(CancelReason::Rona));
}

#[test]
fn told_again_and_again_it_counts_once_and_who_is_asked_outlasts_it() {
    let mut world = ringing();
    for second in 28..40_u32 {
        let since = f64::from(second);
        world.unheard(&[1], since, since + 1.0);
    }
    // Two seconds of the ring were left; three at least it is waited to be told again.
    assert_eq!(world.deadline(1), at(43.0));
    let offer = world.offer_of(1);
    assert!(!refused(&world.late(40.5, Input::Accept { offer })));
    assert!(!refused(&world.late(40.5, Input::Connected { offer })));
    assert_eq!(world.with_whom(1).as_deref(), Some("ann"));
}

#[test]
fn gaps_that_recur_put_one_offer_off_by_twenty_five_seconds_in_all_and_the_next_begins_anew() {
    let mut world = ringing();
    let mut given_up = None;
    for gap in 0..20_u32 {
        let since = 12.0 + 3.0 * f64::from(gap);
        let input = Input::Unheard {
            contacts: vec![ContactId(1)],
            since: at(since),
            until: at(since + 2.0),
            listed: at(since + 5.0),
        };
        let out = world.late(since + 2.0, input);
        world.restart();
        if why(&out).or_else(|| why(&world.tick(since + 2.9))) == Some(CancelReason::Rona) {
            given_up = Some(since + 2.9);
            break;
        }
    }
    // The ring of 20 s and 25 more, and the look after that.
    assert_eq!(given_up, Some(56.9));
    world.sign_in(57.0, "bob");
    let rung = world.deadline(1);
    world.unheard(&[1], 60.0, 65.0);
    assert_eq!(world.deadline(1), rung + Span::seconds(5));
}

#[test]
fn who_is_asked_meanwhile_loses_only_what_is_left_of_it() {
    let mut world = ringing();
    world.unheard(&[1], 5.0, 12.0);
    assert_eq!(world.deadline(1), at(32.0));
}

#[test]
fn what_is_not_named_ends_when_it_would_have() {
    let mut world = ringing();
    world.sign_in(10.0, "bob");
    world.arrive(10.0, 2, "chats");
    world.unheard(&[1], 12.0, 17.0);
    assert_eq!(world.deadline(2), at(30.0));
    assert_eq!(why(&world.tick(30.0)), Some(CancelReason::Rona));
    assert_eq!(world.deadline(1), at(35.0));
}

#[test]
fn a_joining_that_is_not_heard_of_has_as_long_after_it() {
    let mut world = ringing();
    let offer = world.offer_of(1);
    world.input(11.0, Input::Accept { offer });
    let whole = world.deadline(1);
    world.unheard(&[1], 10.5, 19.0);
    assert_eq!(world.deadline(1), whole + Span::seconds(8));
}

#[test]
fn a_place_outside_that_is_not_heard_is_called_for_as_long_after_it() {
    let mut world = ringing();
    world.answer(11.0, 1);
    let transfer = Input::Transfer {
        contact: ContactId(1),
        to: Target::Department("legal".into()),
    };
    world.input(20.0, transfer);
    assert_eq!(world.deadline(1), at(50.0));
    world.unheard(&[1], 21.0, 31.0);
    assert_eq!(world.deadline(1), at(60.0));
}

#[test]
fn who_is_dropped_with_their_host_blames_nobody() {
    let mut world = ringing();
    world.unheard(&[1], 28.0, 29.0);
    world.unheard(&[1], 29.0, 31.0);
    let cause = "media host gone".to_owned();
    let dropped = Input::Dropped {
        contact: ContactId(1),
        cause,
    };
    assert_eq!(why(&world.late(31.0, dropped)), Some(CancelReason::Dropped));
    world.tick(60.0);
    let ann = world.core.agent(&"ann".into()).unwrap();
    assert_eq!(ann.state, AgentState::Idle);
}

#[test]
fn who_waits_or_talks_or_is_gone_is_left_alone_and_so_is_a_while_that_ends_before_it_begins() {
    let mut world = ringing();
    world.answer(11.0, 1);
    world.arrive(12.0, 2, "desk");
    world.sign_in(12.0, "bob");
    world.arrive(12.0, 3, "desk");
    let asked = world.deadline(2);
    let text = |world: &World| serde_json::to_string(&world.core.snapshot()).unwrap();
    world.tick(14.0);
    let before = text(&world);
    world.unheard(&[1, 3, 99], 13.0, 14.0);
    assert_eq!(text(&world), before);
    world.unheard(&[2], 20.0, 15.0);
    assert_eq!(world.deadline(2), asked);
}
