//! Rule 14: callbacks, from the place in line to the last attempt.

#![allow(clippy::unwrap_used)]

mod world;

use trunkline_routing::*;
use world::{World, at, queue, refused, tenant};

const CENTRE: &str = "
  calendars: [{name: office, open: [{days: [Mon, Tue, Wed, Thu, Fri], from: '08:00', to: '18:00'}]}],
  prompts: [{name: we-call, from: {configMap: prompts, key: we-call}}],
  teams: [{name: front, kind: Human, media: {voice: 1, chat: 1}}],
  queues: [
    {name: desk, medium: Voice, teams: [front], ring: 10s, onExhausted: {action: Hold}},
    {name: brief, medium: Voice, teams: [front], ring: 10s, route: [{for: 30s}],
     onExhausted: {action: Callback, prompt: we-call}},
    {name: keen, medium: Voice, teams: [front], ring: 10s, callbacks: {attempts: 2, retryAfter: 30s},
     onExhausted: {action: Hold}},
    {name: calls, medium: Callback, teams: [front], ring: 10s, onExhausted: {action: Hold}},
    {name: known, medium: Callback, teams: [front], lastAgent: {for: 7s}, ring: 10s, onExhausted: {action: Hold}},
    {name: hours, medium: Voice, teams: [front], calendar: office,
     closed: {action: Callback, prompt: we-call}, onExhausted: {action: Hold}},
    {name: shop, medium: Voice, teams: [front], calendar: office,
     closed: {action: Overflow, queue: hours}, onExhausted: {action: Hold}},
    {name: over, medium: Voice, teams: [front], ring: 10s, route: [{for: 30s}],
     onExhausted: {action: Overflow, queue: hours}},
    {name: shut, medium: Voice, teams: [front], calendar: office, closed: {action: Close},
     onExhausted: {action: Hold}},
    {name: chats, medium: Chat, teams: [front], onExhausted: {action: Hold}}]";
const PEOPLE: &str = "ann team: front\nbob team: front";

fn centre() -> World {
    World::new(&tenant(CENTRE, PEOPLE, ""))
}

fn call_me_back(world: &mut World, second: f64, id: u64) -> Vec<Output> {
    world.input(
        second,
        Input::CallMeBack {
            contact: ContactId(id),
            number: None,
            window: None,
        },
    )
}

fn booked(out: &[Output]) -> Option<(u64, Time, bool)> {
    out.iter().find_map(|output| match output {
        Output::CallbackBooked {
            contact,
            due,
            rescue,
            ..
        } => Some((contact.0, *due, *rescue)),
        _ => None,
    })
}

fn ended(out: &[Output], id: u64) -> Option<Outcome> {
    out.iter().find_map(|output| match output {
        Output::Ended {
            contact, outcome, ..
        } if contact.0 == id => Some(*outcome),
        _ => None,
    })
}

fn dialled(out: &[Output]) -> Option<String> {
    out.iter().find_map(|output| match output {
        Output::Dial { customer, .. } => Some(customer.clone()),
        _ => None,
    })
}

fn accept(world: &mut World, second: f64, id: u64) -> Vec<Output> {
    let offer = world.offer_of(id);
    world.input(second, Input::Accept { offer })
}

fn not_reached(world: &mut World, second: f64, id: u64) -> Vec<Output> {
    let (offer, cause) = (world.offer_of(id), Unreached::NoAnswer);
    world.input(second, Input::NotReached { offer, cause })
}

#[test]
fn rule_4_who_is_to_be_called_is_called_by_whom_they_talked_with_last_where_the_queue_wants_that() {
    let mut world = centre();
    world.sign_in(0.0, "ann");
    world.sign_in(1.0, "bob");
    let comes = |world: &mut World, second: f64, id: u64, agent: Option<&str>| {
        world.input(
            second,
            Input::BookCallback {
                contact: ContactId(id),
                queue: queue("known"),
                customer: "+49301".into(),
                due: None,
                window: None,
                agent: agent.map(Into::into),
                priority: 0,
            },
        );
    };
    comes(&mut world, 2.0, 1, None);
    world.answer(3.0, 1);
    world.done(4.0, 1);
    // Bob has been idle for longer.
    comes(&mut world, 10.0, 2, None);
    assert_eq!(world.with_whom(2).as_deref(), Some("ann"));
    // While she talks she is waited for as long as the queue says.
    world.answer(11.0, 2);
    comes(&mut world, 12.0, 3, None);
    world.tick(18.9);
    assert_eq!(world.with_whom(3), None);
    world.tick(19.0);
    assert_eq!(world.with_whom(3).as_deref(), Some("bob"));
    // Whoever was named when it was booked goes before.
    world.answer(20.0, 3);
    world.done(21.0, 2);
    world.done(22.0, 3);
    comes(&mut world, 30.0, 4, Some("ann"));
    assert_eq!(world.with_whom(4).as_deref(), Some("ann"));
}

#[test]
fn rule_14_who_would_rather_be_called_back_keeps_the_place_in_line() {
    let mut world = centre();
    world.arrive_as(1.0, 1, "desk", 0, Some("+491"));
    world.arrive_as(2.0, 2, "desk", 0, Some("+492"));
    let out = call_me_back(&mut world, 30.0, 1);
    assert_eq!(booked(&out), Some((1, at(30.0), false)));
    assert_eq!(ended(&out, 1), None, "the contact lives on");
    world.restart();
    world.sign_in(40.0, "ann");
    assert_eq!(
        world.with_whom(1).as_deref(),
        Some("ann"),
        "before the second"
    );
    let out = accept(&mut world, 41.0, 1);
    assert_eq!(dialled(&out).as_deref(), Some("+491"));
    let offer = world.offer_of(1);
    world.input(50.0, Input::Connected { offer });
    assert_eq!(world.state("ann"), AgentState::Busy);
    world.gone(90.0, 1);
    let rows: Vec<_> = world
        .records()
        .into_iter()
        .map(|r| (r.end, r.kind))
        .collect();
    assert_eq!(
        rows,
        [
            (SegmentEnd::Callback, StretchKind::Plain),
            (SegmentEnd::Answered, StretchKind::CalledBack)
        ]
    );
}

#[test]
fn rule_14_a_callback_is_counted_once_as_flowed_out_and_its_handling_as_work() {
    let mut world = centre();
    world.arrive_as(1.0, 1, "desk", 0, Some("+491"));
    call_me_back(&mut world, 15.0, 1);
    world.sign_in(60.0, "ann");
    world.answer(61.0, 1);
    world.done(100.0, 1);
    let terms = metrics::Terms {
        within: Span::seconds(20),
        short: Span::seconds(5),
    };
    for view in [metrics::View::Queue, metrics::View::Contact] {
        let mut counts = metrics::Counts::default();
        for row in world.records() {
            counts.add(&row, terms, view);
        }
        assert_eq!((counts.offered, counts.answered), (1, 0));
        assert_eq!((counts.flowed_out, counts.callbacks_within), (1, 1));
        assert_eq!((counts.called_back, counts.handled), (1, 1));
        assert!(counts.is_balanced());
    }
}

#[test]
fn rule_14_who_overflows_into_a_closed_queue_is_called_back_from_the_first_step_of_its_route() {
    let spec = CENTRE
        .replace("calendars: [", "skills: [law], calendars: [")
        .replace(
            "{name: chats,",
            "{name: first, medium: Voice, teams: [front], route: [{for: 10s}],
               onExhausted: {action: Overflow, queue: steps}},
             {name: steps, medium: Voice, teams: [front], calendar: office, closed: {action: Callback},
               route: [{require: {law: 5}, for: 60s}, {}], onExhausted: {action: Hold}},
             {name: chats,",
        );
    let people = "ann team: front\nlea team: front, skills: {law: 5}";
    let mut world = World::with(&tenant(&spec, people, ""), Options::default());
    let night = second("2027-01-09T21:00:00Z"); // a Saturday
    world.arrive_as(night, 1, "first", 0, Some("+491"));
    let out = world.tick(night + 10.0);
    let opens = second("2027-01-11T07:00:00Z");
    assert_eq!(booked(&out), Some((1, at(opens), false)));
    world.sign_in(opens - 10.0, "ann");
    world.tick(opens);
    assert_eq!(world.with_whom(1), None, "ann doesn't know the law");
    world.sign_in(opens + 5.0, "lea");
    assert_eq!(world.with_whom(1).as_deref(), Some("lea"));
}

#[test]
fn rule_14_a_callback_that_talks_hides_no_other_of_its_customer_after_a_restart() {
    let spec = CENTRE
        .replace("calendars: [", "skills: [law], calendars: [")
        .replace(
            "{name: chats,",
            "{name: law, medium: Voice, teams: [front], route: [{require: {law: 5}}], onExhausted: {action: Hold}},
             {name: chats,",
        );
    let mut world = World::new(&tenant(&spec, PEOPLE, ""));
    world.arrive_as(1.0, 1, "law", 0, Some("+491"));
    world.input(2.0, book(2, "desk", None, None));
    world.sign_in(3.0, "ann");
    world.answer(4.0, 2);
    call_me_back(&mut world, 20.0, 1);
    world.restart();
    let out = world.arrive_as(30.0, 3, "law", 0, Some("+491"));
    assert_eq!(ended(&out, 1), Some(Outcome::Merged), "{out:?}");
}

#[test]
fn rule_14_a_route_that_ends_in_a_callback_calls_who_can_be_called_and_the_others_wait_on() {
    let mut world = centre();
    world.arrive_as(0.0, 1, "brief", 0, Some("+491"));
    world.arrive(0.0, 2, "brief");
    world.arrive_uncallable(0.0, 3, "brief", "030123456");
    world.restart();
    let out = world.tick(30.0);
    assert_eq!(booked(&out), Some((1, at(30.0), false)));
    for (id, why) in [(2, "withheld"), (3, "can't be dialled")] {
        let promised = |output: &Output| {
            matches!(output, Output::CallbackBooked { contact, .. } | Output::Ended { contact, .. }
                if contact.0 == id)
        };
        assert!(!out.iter().any(promised), "the number is {why}: {out:?}");
        assert_eq!(stage(&world, id), StageView::Waiting, "{why}");
    }
    world.restart();
    world.tick(3600.0);
    world.sign_in(3600.0, "ann");
    for id in 1..=3 {
        assert_eq!(world.with_whom(id).as_deref(), Some("ann"), "by rank");
        world.answer(3600.0 + 5.0 * id as f64, id);
        world.done(3602.0 + 5.0 * id as f64, id);
    }
    let ends: Vec<_> = world
        .records()
        .iter()
        .map(|row| (row.contact.0, row.end))
        .collect();
    assert_eq!(
        ends,
        [
            (1, SegmentEnd::Callback),
            (1, SegmentEnd::Answered),
            (2, SegmentEnd::Answered),
            (3, SegmentEnd::Answered)
        ]
    );
}

#[test]
fn rule_14_outside_the_hours_who_cannot_be_called_is_not_told_that_they_will_be() {
    let mut world = dated();
    let night = second("2027-01-09T21:00:00Z"); // a Saturday
    let prompt = |out: &[Output]| {
        out.iter().find_map(|output| match output {
            Output::CallbackBooked { prompt, .. } | Output::Ended { prompt, .. } => {
                Some(prompt.as_ref().map(ToString::to_string))
            }
            _ => None,
        })
    };
    let out = world.arrive_as(night, 1, "hours", 0, Some("+491"));
    assert_eq!(prompt(&out), Some(Some("we-call".into())));
    let withheld = world.arrive(night, 2, "hours");
    let national = world.arrive_uncallable(night, 3, "hours", "030123456");
    for (id, out) in [(2, withheld), (3, national)] {
        assert_eq!(booked(&out), None, "{out:?}");
        assert_eq!(ended(&out, id), Some(Outcome::Closed));
        assert_eq!(prompt(&out), Some(None), "no promise is played");
    }
    let ends: Vec<_> = world.records().iter().map(|row| row.end).collect();
    let closed = SegmentEnd::Closed;
    assert_eq!(ends, [SegmentEnd::Callback, closed, closed]);
}

#[test]
fn rule_14_who_has_waited_or_talked_and_cannot_be_called_waits_on_where_the_next_queue_is_closed() {
    let mut world = dated();
    let night = second("2027-01-09T21:00:00Z"); // a Saturday
    world.arrive_uncallable(night, 1, "over", "030123456");
    world.arrive_as(night, 2, "over", 0, Some("+491"));
    let out = world.tick(night + 30.0);
    let view = |world: &World| world.core.contact(ContactId(1)).unwrap();
    assert_eq!((ended(&out, 1), view(&world).queue), (None, queue("hours")));
    assert_eq!(view(&world).stage, StageView::Waiting);
    assert_eq!(
        booked(&out).map(|(id, ..)| id),
        Some(2),
        "who can be called is"
    );

    world.sign_in(night + 40.0, "ann");
    world.answer(night + 41.0, 1);
    let to = Target::Queue(queue("hours"));
    let contact = ContactId(1);
    let out = world.input(night + 50.0, Input::Transfer { contact, to });
    assert_eq!(ended(&out, 1), None, "{out:?}");
    assert_eq!(view(&world).queue, queue("hours"));
}

#[test]
fn rule_14_who_cannot_be_called_at_their_own_number_is_called_at_another_that_they_give() {
    let mut world = centre();
    world.sign_in(0.0, "bob");
    world.arrive(0.5, 9, "desk");
    world.answer(0.7, 9);
    world.arrive_uncallable(1.0, 1, "desk", "alice");
    assert!(refused(&call_me_back(&mut world, 2.0, 1)), "not at `alice`");
    let contact = ContactId(1);
    let number = Some("+491".to_owned());
    let window = None;
    world.input(
        3.0,
        Input::CallMeBack {
            contact,
            number,
            window,
        },
    );
    world.restart();
    world.sign_in(4.0, "ann");
    let out = accept(&mut world, 5.0, 1);
    assert_eq!(dialled(&out).as_deref(), Some("+491"));
    let offer = world.offer_of(1);
    world.input(6.0, Input::Connected { offer });
    // The line breaks: where they were reached they are called again.
    let cause = "trunk".to_owned();
    let out = world.input(10.0, Input::Dropped { contact, cause });
    assert_eq!(booked(&out), Some((1, at(10.0), true)));
    let out = accept(&mut world, 11.0, 1);
    assert_eq!(dialled(&out).as_deref(), Some("+491"));
}

#[test]
fn rule_14_no_callback_comes_in_whose_number_cannot_be_dialled() {
    let mut world = centre();
    world.sign_in(0.0, "ann");
    assert!(refused(&world.arrive_uncallable(1.0, 1, "calls", "alice")));
    assert!(world.core.contact(ContactId(1)).is_none());
}

#[test]
fn an_arrival_in_a_journal_of_before_is_from_one_who_can_be_called_and_is_written_as_it_was() {
    let text = r#"{"type":"arrive","contact":1,"queue":"desk","since":null,"priority":0,"customer":"+491"}"#;
    let input: Input = serde_json::from_str(text).unwrap();
    assert!(matches!(input, Input::Arrive { callable: true, .. }));
    assert_eq!(serde_json::to_string(&input).unwrap(), text);
    let mut world = centre();
    world.arrive_as(1.0, 1, "desk", 0, Some("+491"));
    let snapshot = serde_json::to_string(&world.core.snapshot()).unwrap();
    assert!(!snapshot.contains("callable"), "{snapshot}");
    world.arrive_uncallable(2.0, 2, "desk", "alice");
    let snapshot = serde_json::to_string(&world.core.snapshot()).unwrap();
    assert!(snapshot.contains(r#""callable":false"#), "{snapshot}");
}

#[test]
fn rule_14_a_customer_who_is_not_reached_is_tried_again_and_the_agent_is_free_at_once() {
    let mut world = centre();
    world.sign_in(0.0, "ann");
    world.arrive_as(1.0, 1, "calls", 0, Some("+491"));
    accept(&mut world, 2.0, 1);
    not_reached(&mut world, 20.0, 1);
    assert_eq!(world.state("ann"), AgentState::Idle);
    assert_eq!(world.with_whom(1), None);
    world.tick(619.0);
    assert_eq!(world.with_whom(1), None, "not within ten minutes");
    world.tick(620.0);
    assert_eq!(world.with_whom(1).as_deref(), Some("ann"));
    accept(&mut world, 621.0, 1);
    // Telephony says nothing: the core does not wait for ever.
    world.tick(621.0 + 45.0);
    assert_eq!(world.state("ann"), AgentState::Idle);
    world.restart();
    world.tick(1266.0);
    accept(&mut world, 1267.0, 1);
    let out = not_reached(&mut world, 1270.0, 1);
    assert_eq!(ended(&out, 1), Some(Outcome::Unreached), "the third time");
    assert_eq!(world.records()[0].end, SegmentEnd::Unreached);
}

#[test]
fn rule_14_a_queue_says_how_often_its_customers_are_tried_and_how_far_apart() {
    let mut world = centre();
    world.arrive_as(1.0, 1, "keen", 0, Some("+491"));
    call_me_back(&mut world, 2.0, 1);
    world.sign_in(3.0, "ann");
    accept(&mut world, 4.0, 1);
    not_reached(&mut world, 20.0, 1);
    world.tick(49.0);
    assert_eq!(world.with_whom(1), None, "not within half a minute");
    world.tick(50.0);
    assert_eq!(world.with_whom(1).as_deref(), Some("ann"));
    accept(&mut world, 51.0, 1);
    let out = not_reached(&mut world, 60.0, 1);
    assert_eq!(ended(&out, 1), Some(Outcome::Unreached), "the second time");
}

#[test]
fn rule_14_a_customer_who_calls_again_is_merged_with_the_callback_and_has_its_place() {
    let mut world = centre();
    world.arrive_as(1.0, 1, "desk", 0, Some("+491"));
    world.arrive_as(2.0, 2, "desk", 0, Some("+492"));
    call_me_back(&mut world, 10.0, 1);
    world.tick(60.0);
    let log = world.arrive_as(90.0, 3, "desk", 0, Some("+491"));
    assert_eq!(ended(&log, 1), Some(Outcome::Merged));
    world.sign_in(95.0, "ann");
    assert_eq!(
        world.with_whom(3).as_deref(),
        Some("ann"),
        "before contact 2"
    );
    // Another customer's callback is left alone, and so is the same number of another medium.
    call_me_back(&mut world, 96.0, 2);
    world.arrive_as(97.0, 4, "chats", 0, Some("+492"));
    assert!(world.core.contact(ContactId(2)).is_some());
}

#[test]
fn rule_14_a_customer_who_calls_while_being_called_is_merged_too() {
    let mut world = centre();
    world.sign_in(0.0, "ann");
    world.arrive_as(1.0, 1, "calls", 0, Some("+491"));
    accept(&mut world, 2.0, 1);
    let out = world.arrive_as(5.0, 2, "desk", 0, Some("+491"));
    assert!(out.iter().any(|output| matches!(
        output,
        Output::CancelOffer {
            why: CancelReason::Merged,
            ..
        }
    )));
    assert_eq!(ended(&out, 1), Some(Outcome::Merged));
    assert_eq!(
        world.with_whom(2).as_deref(),
        Some("ann"),
        "she is free for them"
    );
}

#[test]
fn rule_14_who_is_freed_by_a_merged_callback_takes_the_first_in_rank_also_near_a_break() {
    for guard in ["0s", "30m"] {
        let spec = format!("capacity: {{breakGuard: {guard}}}, {CENTRE}");
        let mut world = World::new(&tenant(&spec, "ann team: front", ""));
        let rota = Input::Rota {
            agent: "ann".into(),
            shifts: vec![RotaShift {
                from: at(0.0),
                to: at(1200.0),
                breaks: Vec::new(),
            }],
        };
        world.input(0.0, rota);
        for (id, customer) in [(1, "+491"), (2, "+492")] {
            let booking = Input::BookCallback {
                contact: ContactId(id),
                queue: queue("calls"),
                customer: customer.into(),
                due: Some(at(100.0)),
                window: None,
                agent: None,
                priority: 0,
            };
            world.input(1.0, booking);
        }
        world.sign_in(200.0, "ann");
        assert_eq!(world.with_whom(1).as_deref(), Some("ann"));
        // It has the place of the first, as old as the second to the instant, and the later number.
        world.arrive_as(205.0, 3, "calls", 0, Some("+491"));
        assert_eq!(world.with_whom(2).as_deref(), Some("ann"), "guard {guard}");
    }
}

#[test]
fn rule_14_a_callback_is_booked_for_a_time_and_with_an_agent_in_mind() {
    let mut world = centre();
    world.sign_in(0.0, "ann");
    world.sign_in(1.0, "bob");
    let book = |id: u64, due: f64| Input::BookCallback {
        contact: ContactId(id),
        queue: queue("desk"),
        customer: "+491".into(),
        due: Some(at(due)),
        window: None,
        agent: Some("bob".into()),
        priority: 0,
    };
    let out = world.input(2.0, book(1, 600.0));
    assert_eq!(booked(&out), Some((1, at(600.0), false)));
    assert!(refused(&world.input(3.0, book(2, 700.0))), "booked already");
    world.restart();
    world.tick(599.0);
    assert_eq!(world.with_whom(1), None);
    world.tick(600.0);
    assert_eq!(
        world.with_whom(1).as_deref(),
        Some("bob"),
        "though ann has been idle longer"
    );
    world.answer(605.0, 1);
    world.done(700.0, 1);
    let row = &world.records()[0];
    assert_eq!((row.entered, row.kind), (at(600.0), StretchKind::Plain));
}

#[test]
fn rule_14_a_callback_that_nobody_needs_is_cancelled() {
    let mut world = centre();
    world.sign_in(0.0, "ann");
    world.arrive_as(1.0, 1, "calls", 0, Some("+491"));
    assert!(
        refused(&world.gone(2.0, 1)),
        "its customer is not on the line"
    );
    let cancel = Input::CancelCallback {
        contact: ContactId(1),
    };
    let out = world.input(3.0, cancel.clone());
    assert_eq!(ended(&out, 1), Some(Outcome::Cancelled));
    assert_eq!(world.state("ann"), AgentState::Idle);
    assert!(refused(&world.input(4.0, cancel)));
    let needs_number = world.arrive(5.0, 2, "calls");
    assert!(refused(&needs_number), "there must be a number to call");
}

fn dated() -> World {
    World::with(&tenant(CENTRE, PEOPLE, ""), Options::default())
}

/// Seconds since the epoch of a moment in 2027.
fn second(text: &str) -> f64 {
    let moment: chrono::DateTime<chrono::Utc> = text.parse().unwrap();
    moment.timestamp() as f64
}

#[test]
fn rule_14_a_customer_is_called_in_their_own_window_and_while_the_queue_is_open() {
    let mut world = dated();
    let now = second("2027-01-04T10:00:00Z"); // Monday 11:00 in Berlin, 05:00 in New York
    world.sign_in(now, "ann");
    let window = Window {
        zone: "America/New_York".parse().unwrap(),
        from: 9 * 60,
        to: 12 * 60,
    };
    let out = world.input(
        now + 1.0,
        Input::BookCallback {
            contact: ContactId(1),
            queue: queue("hours"),
            customer: "+1212".into(),
            due: None,
            window: Some(window),
            agent: None,
            priority: 0,
        },
    );
    let opens = second("2027-01-04T14:00:00Z");
    assert_eq!(
        booked(&out),
        Some((1, at(opens), false)),
        "09:00 in New York"
    );
    world.tick(opens);
    assert_eq!(world.with_whom(1).as_deref(), Some("ann"));
    accept(&mut world, opens + 1.0, 1);
    // Not reached at 16:55 UTC: ten minutes later it is past noon there, and past six here.
    let late = second("2027-01-04T16:55:00Z");
    not_reached(&mut world, opens + 10.0, 1);
    world.tick(opens + 610.0);
    accept(&mut world, opens + 611.0, 1);
    world.tick(late);
    let next = world.core.contact(ContactId(1)).unwrap().stage;
    assert!(matches!(
        next,
        StageView::Offered { .. } | StageView::Later { .. } | StageView::Waiting
    ));
}

#[test]
fn rule_14_a_callback_leaves_the_line_when_its_window_ends_and_comes_back_the_next_day() {
    let mut world = dated();
    let noon = second("2027-01-04T11:00:00Z"); // 12:00 in Berlin
    world.arrive_as(noon, 1, "hours", 0, Some("+491"));
    let window = Window {
        zone: "Europe/Berlin".parse().unwrap(),
        from: 9 * 60,
        to: 13 * 60,
    };
    let contact = ContactId(1);
    world.input(
        noon + 1.0,
        Input::CallMeBack {
            contact,
            number: None,
            window: Some(window),
        },
    );
    world.tick(second("2027-01-04T12:00:00Z"));
    let tomorrow = at(second("2027-01-05T08:00:00Z"));
    assert_eq!(
        world.core.contact(contact).unwrap().stage,
        StageView::Later { until: tomorrow }
    );
    world.restart();
    world.sign_in(second("2027-01-04T12:30:00Z"), "ann");
    assert_eq!(world.with_whom(1), None, "not in the afternoon");
    world.tick(second("2027-01-05T08:00:00Z"));
    assert_eq!(world.with_whom(1).as_deref(), Some("ann"));
    let refusal = world.input(
        second("2027-01-05T08:01:00Z"),
        Input::CallMeBack {
            contact,
            number: None,
            window: None,
        },
    );
    assert!(refused(&refusal), "it is one already");
}

#[test]
fn rule_14_a_callback_stays_when_its_customer_calls_and_is_turned_away() {
    let mut world = dated();
    let night = second("2027-01-04T20:00:00Z");
    world.input(night, book(1, "desk", None, None));
    let out = world.arrive_as(night + 60.0, 2, "shut", 0, Some("+491"));
    assert_eq!(ended(&out, 2), Some(Outcome::Closed));
    assert_eq!(stage(&world, 1), StageView::Waiting);
    // By day the two are one.
    let day = second("2027-01-05T08:00:00Z");
    let out = world.arrive_as(day, 3, "shut", 0, Some("+491"));
    assert_eq!(ended(&out, 1), Some(Outcome::Merged));
    assert_eq!(stage(&world, 3), StageView::Waiting);
}

#[test]
fn rule_14_a_callback_is_merged_with_who_waits_at_closed_doors_for_they_cannot_be_called() {
    let mut world = dated();
    let night = second("2027-01-04T20:00:00Z");
    world.input(night, book(1, "desk", None, None));
    let out = world.arrive_uncallable(night + 60.0, 2, "shop", "+491");
    assert_eq!(ended(&out, 1), Some(Outcome::Merged), "{out:?}");
    assert_eq!(stage(&world, 2), StageView::Waiting);
}

#[test]
fn rule_14_a_caller_out_of_hours_is_called_when_the_queue_opens() {
    let mut world = dated();
    let night = second("2027-01-09T21:00:00Z"); // a Saturday
    let out = world.arrive_as(night, 1, "hours", 0, Some("+491"));
    let monday = at(second("2027-01-11T07:00:00Z"));
    assert_eq!(booked(&out), Some((1, monday, false)));
    world.sign_in(night + 1.0, "ann");
    assert_eq!(world.with_whom(1), None);
    world.tick(second("2027-01-11T07:00:00Z"));
    assert_eq!(world.with_whom(1).as_deref(), Some("ann"));
}

#[test]
fn rule_14_a_caller_whom_we_lose_is_called_back_first_of_all_by_the_same_agent() {
    let mut world = centre();
    world.sign_in(0.0, "ann");
    world.sign_in(0.5, "bob");
    world.arrive_as(1.0, 1, "desk", 0, Some("+491"));
    world.answer(2.0, 1);
    world.arrive_as(3.0, 2, "desk", 0, Some("+492"));
    world.answer(4.0, 2);
    world.arrive_as(5.0, 3, "desk", 9, Some("+493"));
    let lost = |id| Input::Dropped {
        contact: ContactId(id),
        cause: "the media pod died".into(),
    };
    let out = world.input(60.0, lost(2));
    assert_eq!(booked(&out), Some((2, at(60.0), true)));
    assert_eq!(
        world.with_whom(2).as_deref(),
        Some("bob"),
        "before contact 3, which has waited for a minute with priority"
    );
    // One who waited is called by whoever is free first, before everybody.
    world.input(61.0, lost(3));
    assert_eq!(world.records().last().unwrap().end, SegmentEnd::Dropped);
    world.restart();
    world.done(70.0, 1);
    assert_eq!(world.with_whom(3).as_deref(), Some("ann"));
    let dropped: Vec<_> = world
        .records()
        .iter()
        .map(|row| (row.contact.0, row.end))
        .collect();
    assert!(dropped.contains(&(2, SegmentEnd::Dropped)), "{dropped:?}");
    assert!(dropped.contains(&(3, SegmentEnd::Dropped)), "{dropped:?}");
}

#[test]
fn rule_14_whom_nobody_can_call_is_dropped_and_nothing_else() {
    let mut world = centre();
    world.sign_in(0.0, "ann");
    world.arrive(1.0, 1, "desk");
    world.arrive_as(1.0, 2, "chats", 0, Some("max@example.net"));
    world.arrive_uncallable(1.0, 3, "desk", "030123456");
    let lost = |id| Input::Dropped {
        contact: ContactId(id),
        cause: "node".into(),
    };
    assert_eq!(
        ended(&world.input(2.0, lost(1)), 1),
        Some(Outcome::Dropped),
        "no number is known"
    );
    assert_eq!(
        ended(&world.input(3.0, lost(2)), 2),
        Some(Outcome::Dropped),
        "a chat is no call"
    );
    let out = world.input(4.0, lost(3));
    assert_eq!(booked(&out), None, "their number can't be dialled");
    assert_eq!(ended(&out, 3), Some(Outcome::Dropped));
}

#[test]
fn rule_14_a_line_that_breaks_again_and_again_is_given_up() {
    let mut world = centre();
    world.sign_in(0.0, "ann");
    world.arrive_as(1.0, 1, "desk", 0, Some("+491"));
    for round in 0..4 {
        let second = 10.0 * f64::from(round) + 5.0;
        world.answer(second, 1);
        let out = world.input(
            second + 2.0,
            Input::Dropped {
                contact: ContactId(1),
                cause: "trunk".into(),
            },
        );
        let last = round == 3;
        assert_eq!(booked(&out).is_none(), last, "round {round}: {out:?}");
        assert_eq!(ended(&out, 1).is_some(), last);
    }
}

fn cancelled(out: &[Output]) -> Option<CancelReason> {
    out.iter().find_map(|output| match output {
        Output::CancelOffer { why, .. } => Some(*why),
        _ => None,
    })
}

fn book(id: u64, to: &str, due: Option<f64>, window: Option<Window>) -> Input {
    Input::BookCallback {
        contact: ContactId(id),
        queue: queue(to),
        customer: "+491".into(),
        due: due.map(at),
        window,
        agent: None,
        priority: 0,
    }
}

fn stage(world: &World, id: u64) -> StageView {
    world.core.contact(ContactId(id)).unwrap().stage
}

#[test]
fn rule_14_a_callback_that_is_given_up_before_its_time_has_not_waited() {
    let mut world = centre();
    world.input(1.0, book(1, "desk", Some(600.0), None));
    let contact = ContactId(1);
    world.input(5.0, Input::CancelCallback { contact });
    let row = &world.records()[0];
    assert_eq!(
        (row.arrived, row.entered, row.ended),
        (at(5.0), at(5.0), at(5.0))
    );
}

#[test]
fn rule_14_an_offer_that_stands_when_the_hours_end_is_withdrawn() {
    let mut world = dated();
    let close = second("2027-01-04T17:00:00Z"); // 18:00 in Berlin
    world.sign_in(close - 9.0, "ann");
    world.input(close - 5.0, book(1, "hours", None, None));
    assert_eq!(world.with_whom(1).as_deref(), Some("ann"));
    world.restart();
    let out = world.tick(close);
    assert_eq!(cancelled(&out), Some(CancelReason::Closed));
    let until = at(second("2027-01-05T07:00:00Z"));
    assert_eq!(stage(&world, 1), StageView::Later { until });
    assert_eq!(world.state("ann"), AgentState::Idle);
}

#[test]
fn rule_14_when_the_hours_end_nobody_is_asked_for_the_next_whose_hours_end_too() {
    let mut world = dated();
    let close = second("2027-01-04T17:00:00Z");
    world.sign_in(close - 9.0, "ann");
    for id in 1..=4 {
        let mut booking = book(id, "hours", None, None);
        if let Input::BookCallback { customer, .. } = &mut booking {
            *customer = format!("+49{id}");
        }
        world.input(close - 5.0, booking);
    }
    let taken_back = |out: &[Output]| {
        let of = |output: &&Output| matches!(output, Output::CancelOffer { .. });
        out.iter().filter(of).count()
    };
    let offers = |out: &[Output]| {
        let of = |output: &&Output| matches!(output, Output::Offer { .. });
        out.iter().filter(of).count()
    };
    let out = world.tick(close);
    assert_eq!((taken_back(&out), offers(&out)), (1, 0), "{out:?}");
    for id in 1..=4 {
        assert!(matches!(stage(&world, id), StageView::Later { .. }));
    }
    // The same by a change of the hours; ann has not answered in the morning.
    let open = close + 15.0 * 3600.0;
    world.sign_in(open, "bob");
    let early = CENTRE.replace("from: '08:00'", "from: '12:00'");
    let tenant = tenant(&early, PEOPLE, "");
    let out = world.input(open + 1.0, Input::Configure { tenant });
    assert_eq!((taken_back(&out), offers(&out)), (1, 0), "{out:?}");
}

#[test]
fn rule_16_what_is_given_back_while_its_customer_is_called_goes_by_the_new_hours() {
    let mut world = dated();
    let noon = second("2027-01-04T11:00:00Z");
    world.sign_in(noon - 9.0, "ann");
    world.sign_in(noon - 8.0, "bob");
    world.input(noon, book(1, "hours", None, None));
    assert!(dialled(&accept(&mut world, noon + 1.0, 1)).is_some());
    let spec = CENTRE.replace("to: '18:00'", "to: '11:30'");
    let tenant = tenant(&spec, PEOPLE, "");
    world.input(noon + 2.0, Input::Configure { tenant });
    let offer = world.offer_of(1);
    let cause = DeclineCause::Failed;
    world.input(noon + 3.0, Input::Decline { offer, cause });
    let until = at(second("2027-01-05T07:00:00Z"));
    assert_eq!(stage(&world, 1), StageView::Later { until });
}

#[test]
fn rule_14_who_says_yes_when_the_hours_have_ended_calls_nobody() {
    let mut world = dated();
    let close = second("2027-01-04T17:00:00Z");
    world.sign_in(close - 9.0, "ann");
    world.input(close - 5.0, book(1, "hours", None, None));
    let offer = world.offer_of(1);
    let out = world.input(close, Input::Accept { offer });
    assert_eq!(dialled(&out), None);
    assert!(matches!(stage(&world, 1), StageView::Later { .. }));
}

#[test]
fn rule_14_what_an_agent_gives_back_after_hours_is_put_to_nobody_else() {
    let mut world = dated();
    let close = second("2027-01-04T17:00:00Z");
    world.sign_in(close - 9.0, "ann");
    world.sign_in(close - 8.0, "bob");
    world.input(close - 5.0, book(1, "hours", None, None));
    assert!(dialled(&accept(&mut world, close - 1.0, 1)).is_some());
    let offer = world.offer_of(1);
    let cause = DeclineCause::Failed;
    world.input(close + 5.0, Input::Decline { offer, cause });
    let until = at(second("2027-01-05T07:00:00Z"));
    assert_eq!(stage(&world, 1), StageView::Later { until });
}

#[test]
fn rule_14_hours_that_go_on_at_midnight_end_no_offer() {
    let open = CENTRE.replace("from: '08:00', to: '18:00'", "from: '00:00', to: '24:00'");
    let mut world = World::with(&tenant(&open, PEOPLE, ""), Options::default());
    let midnight = second("2027-01-04T23:00:00Z");
    world.sign_in(midnight - 9.0, "ann");
    world.input(midnight - 5.0, book(1, "hours", None, None));
    world.tick(midnight + 1.0);
    assert_eq!(world.with_whom(1).as_deref(), Some("ann"));
}

#[test]
fn rule_16_new_hours_hold_for_callbacks_that_are_here() {
    let mut world = dated();
    let noon = second("2027-01-04T11:00:00Z"); // 12:00 in Berlin
    let open_until = |hour: &str| {
        let spec = CENTRE.replace("to: '18:00'", &format!("to: '{hour}'"));
        Input::Configure {
            tenant: tenant(&spec, PEOPLE, ""),
        }
    };
    world.input(noon, book(1, "hours", None, None));
    assert_eq!(stage(&world, 1), StageView::Waiting);
    world.input(noon + 1.0, open_until("11:30"));
    let until = at(second("2027-01-05T07:00:00Z"));
    assert_eq!(stage(&world, 1), StageView::Later { until }, "shorter");
    world.restart();
    world.input(noon + 2.0, open_until("18:00"));
    assert_eq!(stage(&world, 1), StageView::Waiting, "longer");
    world.sign_in(noon + 3.0, "ann");
    assert_eq!(world.with_whom(1).as_deref(), Some("ann"));
    let out = world.input(noon + 4.0, open_until("12:00"));
    assert_eq!(cancelled(&out), Some(CancelReason::Closed), "while asked");
    // What was promised for a later time is not called before.
    world.input(noon + 5.0, open_until("18:00"));
    accept(&mut world, noon + 6.0, 1);
    not_reached(&mut world, noon + 7.0, 1);
    world.input(noon + 8.0, open_until("19:00"));
    let until = at(noon + 607.0);
    assert_eq!(stage(&world, 1), StageView::Later { until });
}

#[test]
fn rule_16_a_booked_callback_whose_queue_is_removed_arrives_when_it_is_due_and_is_called_in_its_window()
 {
    let mut world = dated();
    let noon = second("2027-01-04T11:00:00Z"); // 12:00 in Berlin
    let window = Window {
        zone: "Europe/Berlin".parse().unwrap(),
        from: 9 * 60,
        to: 13 * 60,
    };
    world.input(noon, book(1, "calls", Some(noon + 60.0), Some(window)));
    let calls =
        "{name: calls, medium: Callback, teams: [front], ring: 10s, onExhausted: {action: Hold}},";
    let tenant = tenant(&CENTRE.replace(calls, ""), PEOPLE, "");
    world.input(noon + 1.0, Input::Configure { tenant });
    assert!(world.core.open_row(ContactId(1)).is_none(), "not due yet");
    world.tick(noon + 60.0);
    let row = world.core.open_row(ContactId(1)).unwrap();
    assert_eq!((row.entered, row.end), (at(noon + 60.0), SegmentEnd::Open));
    world.restart();
    world.sign_in(noon + 3600.0, "ann");
    assert_eq!(world.with_whom(1), None, "not in the afternoon");
    world.tick(second("2027-01-05T08:00:00Z"));
    assert_eq!(world.with_whom(1).as_deref(), Some("ann"));
}

#[test]
fn rule_14_who_is_lost_on_the_way_out_is_called_back_and_no_stretch_is_missing() {
    let mut world = centre();
    world.sign_in(0.0, "ann");
    world.arrive_as(1.0, 1, "desk", 0, Some("+491"));
    world.answer(2.0, 1);
    let contact = ContactId(1);
    let to = Target::Number("+493".into());
    world.input(5.0, Input::Transfer { contact, to });
    let cause = "trunk".to_owned();
    world.input(8.0, Input::Dropped { contact, cause });
    world.answer(9.0, 1);
    world.done(12.0, 1);
    let rows = world.records();
    let rows: Vec<_> = rows.iter().map(|row| (row.index, row.kind)).collect();
    assert_eq!(
        rows,
        [(0, StretchKind::Plain), (1, StretchKind::CalledBack)]
    );
}
