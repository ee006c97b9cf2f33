//! The metric contract on a small centre whose every second is known: what each scope counts, worked
//! out by hand.

#![allow(clippy::unwrap_used)]

mod world;

use std::sync::Arc;

use trunkline_routing::metrics::{Counts, Hours, Interval, Ledger, Load, Scope, Spell, Sums};
use trunkline_routing::*;
use trunkline_tenant::Tenant;
use trunkline_tenant::crds::Formula;
use world::{World, at, queue, tenant};

const CENTRE: &str = "
  teams: [{name: desk, kind: Human, wrapUp: 10s}, {name: law, kind: Human, wrapUp: 20s}],
  queues: [
    {name: calls, medium: Voice, teams: [desk], route: [{for: 30s}], onExhausted: {action: Overflow, queue: later}},
    {name: later, medium: Voice, teams: [law], onExhausted: {action: Hold}}]";
const CLIENT: &str = "
  Client acme timeZone: America/New_York, numbers: ['+18005550100'], trunks: [carrier],
    queues: [{name: q, medium: Voice, teams: [{name: desk}], onExhausted: {action: Hold}}]
  ---
  Trunk carrier carrier: {host: sip.example}, auth: {type: Address, match: [203.0.113.10/32]},
    codecs: [alaw], numbers: ['+1800*']";

fn centre(agents: &str) -> Arc<Tenant> {
    tenant(CENTRE, agents, CLIENT)
}

/// Five calls: one that goes on to another queue and is answered there after a hold, one of a
/// client's that is answered late, one gone at once, one answered at once, one gone after a while.
fn five_calls() -> (Arc<Tenant>, Vec<Segment>) {
    let tenant = centre("ann team: desk\nbob team: law");
    let mut world = World::new(&tenant);
    world.arrive(40.0, 1, "calls");
    world.arrive(80.0, 2, "acme/q");
    world.arrive(90.0, 3, "calls");
    world.gone(93.0, 3);
    world.sign_in(100.0, "ann");
    world.sign_in(100.0, "bob");
    world.answer(104.0, 2);
    world.answer(110.0, 1);
    for (second, on) in [(120.0, true), (135.0, false)] {
        let contact = ContactId(1);
        world.input(second, Input::Hold { contact, on });
    }
    world.done(164.0, 2);
    world.done(170.0, 1);
    world.arrive(200.0, 4, "calls");
    world.arrive(201.0, 5, "acme/q");
    world.answer(206.0, 4);
    world.gone(231.0, 5);
    world.done(300.0, 4);
    world.tick(400.0);
    (tenant, world.records())
}

fn folded(rows: &[Segment], tenant: &Tenant) -> Ledger {
    let mut ledger = Ledger::new(Interval::Quarter);
    for row in rows {
        ledger.add(row, tenant);
    }
    ledger
}

fn counts(ledger: &Ledger, scope: Scope) -> Counts {
    ledger.since(&scope, Time(0)).counts
}

#[test]
fn asa_is_the_wait_of_the_answered_over_their_number_ring_time_in_it() {
    let (tenant, rows) = five_calls();
    let ledger = folded(&rows, &tenant);
    let asa = |scope| counts(&ledger, scope).asa();
    // Contact 4 was offered the second it came, and rang for six.
    assert_eq!(asa(Scope::Queue(queue("calls"))), Some(6.0));
    // From its entry to this queue: 70 to 110.
    assert_eq!(asa(Scope::Queue(queue("later"))), Some(40.0));
    assert_eq!(asa(Scope::Queue(queue("acme/q"))), Some(24.0));
    // From first arrival: (70 + 6) / 2.
    assert_eq!(asa(Scope::Client(None)), Some(38.0));
    assert_eq!(asa(Scope::Team("desk".into())), Some((24.0 + 6.0) / 2.0));
    let nothing = counts(&ledger, Scope::Queue(queue("none")));
    assert_eq!((nothing.asa(), nothing.aht()), (None, None));
}

#[test]
fn aht_is_talk_and_hold_and_wrap_up_over_those_who_were_handled() {
    let (tenant, rows) = five_calls();
    let ledger = folded(&rows, &tenant);
    let parts = |scope| {
        let counts = counts(&ledger, scope);
        let parts = [counts.talk, counts.hold, counts.wrap_up].map(Span::as_secs_f64);
        (counts.handled, parts, counts.aht())
    };
    let later = parts(Scope::Queue(queue("later")));
    assert_eq!(later, (1, [45.0, 15.0, 20.0], Some(80.0)));
    let client = parts(Scope::Client(Some("acme".into())));
    assert_eq!(client, (1, [60.0, 0.0, 10.0], Some(70.0)));
    // (80 + 104) / 2.
    let own = parts(Scope::Client(None));
    assert_eq!(own, (2, [139.0, 15.0, 30.0], Some(92.0)));
    let ann = parts(Scope::Agent("ann".into()));
    assert_eq!(ann, (2, [154.0, 0.0, 20.0], Some(87.0)));
}

#[test]
fn a_queue_counts_stretches_a_client_contacts_once_and_a_team_and_an_agent_what_they_answered() {
    let (tenant, rows) = five_calls();
    let ledger = folded(&rows, &tenant);
    let told = |scope: Scope| {
        let it = counts(&ledger, scope);
        assert!(it.is_balanced());
        let level = it.service_level(Formula::ExcludeShortAbandons);
        let ends = [it.answered, it.abandoned, it.short_abandons, it.flowed_out];
        (it.offered, ends, level)
    };
    let calls = Scope::Queue(queue("calls"));
    assert_eq!(told(calls), (3, [1, 1, 1, 1], Some(1.0)));
    let later = Scope::Queue(queue("later"));
    assert_eq!(told(later), (1, [1, 0, 0, 0], Some(0.0)));
    let of_client = Scope::Queue(queue("acme/q"));
    assert_eq!(told(of_client), (2, [1, 1, 0, 0], Some(0.0)));
    assert_eq!(
        told(Scope::Client(None)),
        (3, [2, 1, 1, 0], Some(0.5)),
        "who overflowed is one contact, and no flow-out: 70 s late"
    );
    let acme = Scope::Client(Some("acme".into()));
    assert_eq!(told(acme), (2, [1, 1, 0, 0], Some(0.0)));
    for desk in [Scope::Team("desk".into()), Scope::Agent("ann".into())] {
        assert_eq!(told(desk), (2, [2, 0, 0, 0], Some(0.5)));
    }
    for law in [Scope::Team("law".into()), Scope::Agent("bob".into())] {
        assert_eq!(told(law), (1, [1, 0, 0, 0], Some(0.0)));
    }
    assert_eq!(ledger.scopes().len(), 3 + 2 + 2 + 2);
}

#[test]
fn short_abandons_are_those_sooner_than_the_queue_says_and_are_told_apart() {
    let spec = "
      teams: [{name: desk, kind: Human}],
      queues: [
        {name: plain, medium: Voice, teams: [desk], onExhausted: {action: Hold},
          serviceLevel: {percent: 80, within: 20s}},
        {name: patient, medium: Voice, teams: [desk], onExhausted: {action: Hold}, shortAbandon: 8s,
          serviceLevel: {percent: 80, within: 20s}}]";
    let tenant = tenant(spec, "ann team: desk", "");
    let mut world = World::new(&tenant);
    // Gone after 4.9, 5, 7.9 and 8 seconds, in both; then one is answered at once.
    let waits = [4.9, 5.0, 7.9, 8.0];
    for (n, queue) in [(0, "plain"), (10, "patient")] {
        for (id, wait) in (n..).zip(waits) {
            let comes = 100.0 * (id + 1) as f64;
            world.arrive(comes, id, queue);
            world.gone(comes + wait, id);
        }
    }
    world.sign_in(5_000.0, "ann");
    for (id, queue) in [(20, "plain"), (21, "patient")] {
        let comes = 6_000.0 + 100.0 * id as f64;
        world.arrive(comes, id, queue);
        world.answer(comes + 2.0, id);
        world.done(comes + 10.0, id);
    }
    world.tick(9_000.0);
    let ledger = folded(&world.records(), &tenant);
    let told = |name| {
        let it = counts(&ledger, Scope::Queue(queue(name)));
        let level = it.service_level(Formula::ExcludeShortAbandons);
        ([it.abandoned, it.short_abandons, it.dropped], level)
    };
    // The threshold itself is not short. 1 answered in time of 1 + 4 - 1, and of 1 + 4 - 3.
    assert_eq!(told("plain"), ([4, 1, 0], Some(0.25)));
    assert_eq!(told("patient"), ([4, 3, 0], Some(0.5)));
}

#[test]
fn with_the_rows_that_are_open_every_contact_counts_from_the_moment_it_comes() {
    let tenant = centre("ann team: desk");
    let mut world = World::new(&tenant);
    world.sign_in(0.0, "ann");
    for (id, second) in [(1, 10.0), (2, 11.0), (3, 12.0)] {
        world.arrive(second, id, "acme/q");
    }
    world.answer(14.0, 1);
    world.gone(20.0, 3);
    let present = |world: &World| {
        let mut rows = world.records();
        rows.extend(world.core.open_rows());
        let counts = counts(&folded(&rows, &tenant), Scope::Queue(queue("acme/q")));
        assert!(counts.is_balanced());
        (
            counts.answered,
            counts.abandoned,
            counts.waiting,
            counts.handled,
        )
    };
    assert_eq!(present(&world), (1, 1, 1, 0), "one talks, one waits");
    world.done(30.0, 1);
    assert_eq!(present(&world), (1, 1, 1, 1), "in wrap-up");
    world.tick(45.0);
    assert_eq!(present(&world), (1, 1, 1, 1), "recorded");
}

#[test]
fn who_changes_teams_takes_no_past_along_and_a_client_that_moves_leaves_its_past_where_it_was() {
    let (then, rows) = five_calls();
    let before = folded(&rows, &then);
    let moved = CLIENT.replace("America/New_York", "Asia/Kathmandu");
    let now = tenant(CENTRE, "ann team: law\nbob team: law", &moved);
    let after = folded(&rows, &now);
    for scope in before.scopes() {
        let intervals = |ledger: &Ledger| -> Vec<(Time, Sums)> {
            let all = ledger.intervals(&scope);
            all.map(|(start, sums)| (start, *sums)).collect()
        };
        assert_eq!(intervals(&after), intervals(&before), "{scope:?}");
    }
    assert_eq!(after.scopes(), before.scopes());
    // Rows of an older release don't say: they go by what is so now.
    let bare = rows.into_iter().map(|row| Segment { place: None, ..row });
    let bare = folded(&bare.collect::<Vec<_>>(), &now);
    assert_eq!(counts(&bare, Scope::Team("law".into())).answered, 3);
    assert_eq!(counts(&bare, Scope::Team("desk".into())).answered, 0);
}

#[test]
fn a_contracts_terms_count_from_its_first_midnight_on_the_clients_clock_and_the_queues_own_before()
{
    let contract = "contract: {from: '1970-01-02',
        serviceLevel: {percent: 90, within: 10s, formula: AllOffered}},
      queues: [{name: own, medium: Voice, teams: [{name: desk}], onExhausted: {action: Hold},
        serviceLevel: {percent: 80, within: 60s}}, ";
    let client = CLIENT.replace("queues: [", contract);
    let tenant = tenant(CENTRE, "ann team: desk", &client);
    // In New York.
    let midnight = 86_400.0 + 5.0 * 3600.0;
    let calls = |options| {
        let mut world = World::with(&tenant, options);
        world.sign_in(100.0, "ann");
        for (id, after, to) in [
            (1, -300.0, "acme/q"),
            (2, -200.0, "acme/own"),
            // It counts on the day on which it came.
            (3, -5.0, "acme/q"),
            (4, 200.0, "acme/q"),
            (5, 300.0, "acme/own"),
        ] {
            let comes = midnight + after;
            world.arrive(comes, id, to);
            world.answer(comes + 12.0, id);
            world.done(comes + 20.0, id);
        }
        world.tick(midnight + 400.0);
        world.records()
    };
    let judged = |rows: &[Segment]| -> Vec<_> {
        let terms = rows.iter().map(|row| row.terms.unwrap());
        let both = terms.map(|it| [it.queue, it.client]);
        both.map(|both| both.map(|it| (it.terms.within, it.formula)))
            .collect()
    };
    let plain = (Span::seconds(20), Formula::ExcludeShortAbandons);
    let own = (Span::seconds(60), Formula::ExcludeShortAbandons);
    let promised = (Span::seconds(10), Formula::AllOffered);
    let rows = calls(Options::default());
    assert_eq!(
        judged(&rows),
        [
            [plain, plain],
            [own, own],
            [plain, plain],
            [promised, promised],
            [own, promised]
        ]
    );
    // Rows of an older release don't say: they go by what the tenant says of their day.
    let bare = rows.iter().cloned();
    let bare = bare.map(|row| Segment { terms: None, ..row });
    for rows in [rows.clone(), bare.collect()] {
        let ledger = folded(&rows, &tenant);
        let within = |scope| counts(&ledger, scope).answered_within;
        assert_eq!(within(Scope::Queue(queue("acme/q"))), 2);
        assert_eq!(within(Scope::Queue(queue("acme/own"))), 2);
        assert_eq!(within(Scope::Client(Some("acme".into()))), 3);
    }
    // Where times are no dates it counts always.
    let undated = calls(Options {
        dates: false,
        ..Options::default()
    });
    let always = [[promised, promised], [own, promised]];
    assert_eq!(judged(&undated)[..2], always);
}

/// Ann's conversation.
fn talk(from: f64, to: f64) -> Segment {
    let (_, rows) = five_calls();
    let row = rows
        .into_iter()
        .find(|row| row.agent == Some("ann".into()))
        .unwrap();
    Segment {
        arrived: at(from),
        entered: at(from),
        answered: Some(at(from)),
        ended: at(to),
        ..row
    }
}

#[test]
fn agents_time_counts_for_agent_and_team_clipped_to_the_quarter_and_breaks_in_no_occupancy() {
    let tenant = centre("ann team: desk\nbob team: desk");
    let spell = |agent: &str, from: f64, to: f64, state: AgentState| Spell {
        agent: agent.into(),
        team: Some("desk".into()),
        capacity: 4,
        from: at(from),
        to: at(to),
        state,
    };
    let lunch = AgentState::NotReady {
        reason: "lunch".into(),
    };
    let until = at(1010.0);
    let mut ledger = Ledger::new(Interval::Quarter);
    for spell in [
        spell("ann", 0.0, 600.0, AgentState::Idle),
        spell("ann", 600.0, 610.0, AgentState::Offered),
        spell("ann", 610.0, 1000.0, AgentState::Busy),
        spell("ann", 1000.0, 1010.0, AgentState::WrapUp { until }),
        spell("ann", 1010.0, 1700.0, lunch),
        spell("ann", 1700.0, 1800.0, AgentState::Idle),
        spell("ann", 1800.0, 90_000.0, AgentState::SignedOut),
        spell("bob", 800.0, 1000.0, AgentState::Idle),
    ] {
        ledger.add_spell(&spell, &tenant);
    }
    let quarters = |scope: Scope| -> Vec<(Time, Hours)> {
        let all = ledger.intervals(&scope);
        all.map(|(start, sums)| (start, sums.hours)).collect()
    };
    let hours = |contact, idle, offered, not_ready| Hours {
        contact: Span::seconds(contact),
        idle: Span::seconds(idle),
        offered: Span::seconds(offered),
        not_ready: Span::seconds(not_ready),
    };
    let (first, second) = (at(0.0), at(900.0));
    assert_eq!(
        quarters(Scope::Agent("ann".into())),
        [
            (first, hours(290, 600, 10, 0)),
            (second, hours(110, 100, 0, 690))
        ]
    );
    assert_eq!(
        quarters(Scope::Team("desk".into())),
        [
            (first, hours(290, 700, 10, 0)),
            (second, hours(110, 200, 0, 690))
        ]
    );
    // Two chats at once, over the bound of the quarters, with room for four contacts; breaks are no room.
    for (from, to) in [(610.0, 1000.0), (700.0, 910.0)] {
        ledger.add(&talk(from, to), &tenant);
    }
    let load = |quarter: Time| {
        let scope = Scope::Agent("ann".into());
        let mut all = ledger.intervals(&scope);
        let (_, sums) = all.find(|(start, _)| *start == quarter).unwrap();
        sums.load
    };
    let full = |used, capacity: i64| Load {
        used: Span::seconds(used),
        capacity: Span::seconds(4 * capacity),
    };
    assert_eq!(load(first), full(290 + 200, 900));
    assert_eq!(load(second), full(100 + 10, 210));
    assert_eq!(load(second).ratio(), Some(110.0 / 840.0));
    assert_eq!(Load::default().ratio(), None);
    let ann = ledger.since(&Scope::Agent("ann".into()), first).hours;
    // (290 + 110) of (400 + 700).
    assert_eq!(ann.occupancy(), Some(400.0 / 1100.0));
    assert_eq!(hours(0, 0, 5, 60).occupancy(), None, "was never ready");
}
