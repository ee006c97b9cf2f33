//! The rules that need several media, clients, hand-overs and configurations, each with a test
//! named for it.

#![allow(clippy::unwrap_used)]

mod world;

use std::sync::Arc;

use trunkline_routing::*;
use world::{World, at, refused, tenant};

const MEDIA: &str = "
  teams: [
    {name: desk, kind: Human, media: {voice: 1, chat: 3, email: 2}, interrupts: [{by: Voice, during: Email}]},
    {name: plain, kind: Human, media: {voice: 1, chat: 3}}],
  queues: [
    {name: calls, medium: Voice, teams: [desk, plain], onExhausted: {action: Hold}},
    {name: chats, medium: Chat, teams: [desk, plain], onExhausted: {action: Hold}},
    {name: mails, medium: Email, teams: [desk], onExhausted: {action: Hold}}]";

#[test]
fn rule_10_an_agent_takes_as_many_of_a_medium_as_the_team_says() {
    let mut world = World::new(&tenant(MEDIA, "ann team: desk\nbob team: plain", ""));
    world.sign_in(0.0, "ann");
    for id in 1..=4 {
        world.arrive(id as f64, id, "chats");
    }
    for id in 1..=3 {
        assert_eq!(world.with_whom(id).as_deref(), Some("ann"));
        world.answer(10.0 + id as f64, id);
    }
    assert_eq!(world.with_whom(4), None, "three chats are her capacity");
    world.arrive(20.0, 5, "calls");
    assert_eq!(world.with_whom(5), None, "a call may not come during chats");
    world.done(21.0, 2);
    assert_eq!(world.with_whom(4).as_deref(), Some("ann"));
}

#[test]
fn rule_10_only_what_the_matrix_names_interrupts() {
    let mut world = World::new(&tenant(MEDIA, "ann team: desk", ""));
    world.sign_in(0.0, "ann");
    world.arrive(1.0, 1, "mails");
    world.answer(2.0, 1);
    world.arrive(3.0, 2, "chats");
    assert_eq!(
        world.with_whom(2),
        None,
        "a chat does not interrupt an e-mail"
    );
    world.arrive(4.0, 3, "calls");
    assert_eq!(world.with_whom(3).as_deref(), Some("ann"), "a call does");
    world.answer(5.0, 3);
    world.arrive(6.0, 4, "mails");
    assert_eq!(
        world.with_whom(4),
        None,
        "an e-mail does not interrupt the call"
    );
    world.done(7.0, 3);
    assert_eq!(world.with_whom(4).as_deref(), Some("ann"));
}

#[test]
fn rule_5_whoever_frees_gets_the_first_in_rank_of_all_queues_whose_step_they_satisfy() {
    let queues = "
  skills: [english, law],
  teams: [{name: front, kind: Human, skills: {english: 3}}, {name: back, kind: Human}],
  queues: [
    {name: lawyers, medium: Voice, teams: [front], route: [{require: {law: 1}}], onExhausted: {action: Hold}},
    {name: others, medium: Voice, teams: [back], onExhausted: {action: Hold}},
    {name: sales, medium: Voice, teams: [front], route: [{require: {english: 2}}], onExhausted: {action: Hold}},
    {name: service, medium: Voice, teams: [front, back], onExhausted: {action: Hold}},
    {name: urgent, medium: Voice, priority: 1, teams: [front], onExhausted: {action: Hold}}]";
    let mut world = World::new(&tenant(queues, "ann team: front", ""));
    let waiting = ["lawyers", "others", "service", "sales", "service", "urgent"];
    for (id, queue) in (1..).zip(waiting) {
        world.arrive(id as f64, id, queue);
    }
    world.sign_in(50.0, "ann");
    // The last to come is ahead by its minute of priority; then by age, whatever the queue. The two
    // that are older still are not hers to take.
    let first = world.core.agent(&"ann".into()).unwrap().offer.unwrap();
    let mut order = vec![first.contact.0];
    for turn in 0..3 {
        order.push(next_of(&mut world, 60.0 + 20.0 * f64::from(turn), "ann"));
    }
    assert_eq!(order, [6, 3, 4, 5]);
    assert_eq!(
        next_of(&mut world, 200.0, "ann"),
        0,
        "nobody is left whom she may take"
    );
}

#[test]
fn rule_1_what_waited_for_an_agent_who_goes_and_what_they_did_not_take_are_served_by_rank() {
    let spec = "teams: [{name: front, kind: Human}],
      queues: [{name: desk, medium: Voice, teams: [front], ring: 10s, lastAgent: {for: 60s},
                onExhausted: {action: Hold}}]";
    let mut world = World::new(&tenant(spec, "ann team: front\nbob team: front", ""));
    world.sign_in(0.0, "ann");
    world.arrive_as(1.0, 1, "desk", 0, Some("eve"));
    world.answer(1.5, 1);
    world.sign_in(2.0, "bob");
    world.done(3.0, 1);
    world.arrive(5.0, 3, "desk");
    let offer = world.offer_of(3);
    let cause = DeclineCause::Failed;
    world.input(6.0, Input::Decline { offer, cause });
    assert_eq!(world.with_whom(3).as_deref(), Some("ann"));
    world.arrive_as(7.0, 4, "desk", 1, Some("eve"));
    assert_eq!(world.with_whom(4), None, "she waits for ann");
    world.tick(16.0);
    assert_eq!(world.with_whom(4).as_deref(), Some("bob"), "she is first");
    assert_eq!(world.with_whom(3), None);
}

const SHARED: &str = "
  teams: [{name: front, kind: Human}],
  queues: [{name: own, medium: Voice, teams: [front], onExhausted: {action: Hold}}]";
const CLIENTS: &str = "
  Client acme timeZone: UTC, numbers: ['+18005550100'], trunks: [carrier],
    queues: [{name: q, medium: Voice, onExhausted: {action: Hold}, teams: [{name: front, guaranteed: 1}]}]
  ---
  Client bolt timeZone: UTC, numbers: ['+18005550101'], trunks: [carrier],
    queues: [{name: q, medium: Voice, onExhausted: {action: Hold}, teams: [{name: front, weight: 3}]}]
  ---
  Trunk carrier carrier: {host: sip.example}, auth: {type: Address, match: [203.0.113.10/32]},
    codecs: [alaw], numbers: ['+1800*']";

/// Frees the agent of the contact at this second, and says what they are asked for next.
fn next_of(world: &mut World, second: f64, agent: &str) -> u64 {
    let asked = world
        .core
        .agent(&agent.into())
        .unwrap()
        .offer
        .unwrap()
        .contact
        .0;
    world.answer(second, asked);
    world.done(second + 10.0, asked);
    world
        .core
        .agent(&agent.into())
        .unwrap()
        .offer
        .map_or(0, |offer| offer.contact.0)
}

#[test]
fn rule_11_who_is_below_the_guarantee_comes_first_whatever_the_age() {
    let mut world = World::new(&tenant(SHARED, "ann team: front\nbob team: front", CLIENTS));
    for id in 1..=3 {
        world.arrive(id as f64, id, "bolt/q");
    }
    world.arrive(4.0, 10, "acme/q");
    world.arrive(5.0, 11, "acme/q");
    world.sign_in(6.0, "ann");
    assert_eq!(
        world.with_whom(10).as_deref(),
        Some("ann"),
        "acme has none of its one"
    );
    world.sign_in(7.0, "bob");
    assert_eq!(
        world.with_whom(1).as_deref(),
        Some("bob"),
        "now the guarantee is met"
    );
}

#[test]
fn rule_11_of_those_below_their_guarantees_the_most_below_comes_first() {
    let clients = CLIENTS
        .replace("guaranteed: 1", "guaranteed: 2")
        .replace("weight: 3", "guaranteed: 3");
    let people =
        "ann team: front\nbob team: front\ncal team: front\ndee team: front\nlea team: front";
    let mut world = World::new(&tenant(SHARED, people, &clients));
    for id in 1..=3 {
        world.arrive(id as f64, id, "acme/q");
        world.arrive(10.0 + id as f64, 100 + id, "bolt/q");
    }
    let mut served = Vec::new();
    for (second, agent) in (20..).zip(["ann", "bob", "cal", "dee", "lea"]) {
        world.sign_in(f64::from(second), agent);
        let offer = world.core.agent(&agent.into()).unwrap().offer.unwrap();
        served.push(offer.contact.0);
    }
    // Bolt is three below and acme two, though acme's are older. Then both are two below, and age
    // decides; then bolt is again; then both are one below; then bolt alone.
    assert_eq!(served, [101, 1, 102, 2, 103]);
}

#[test]
fn rule_11_beyond_guarantees_clients_are_served_by_weight() {
    let clients = CLIENTS.replace("guaranteed: 1", "weight: 1");
    let mut world = World::new(&tenant(SHARED, "ann team: front", &clients));
    for id in 1..=40 {
        world.arrive(id as f64, id, "acme/q");
        world.arrive(id as f64, 100 + id, "bolt/q");
    }
    world.sign_in(50.0, "ann");
    let mut bolt = 0;
    for turn in 0..40 {
        let next = next_of(&mut world, 60.0 + 20.0 * f64::from(turn), "ann");
        bolt += i32::from(next > 100);
    }
    assert_eq!(bolt, 30, "three of four are bolt's, at equal handle times");
}

#[test]
fn rule_11_a_contact_that_changes_its_step_or_its_rank_or_comes_back_from_an_offer_wakes_nobody() {
    let spec = SHARED.replace("teams: [{name", "skills: [law], teams: [{name");
    let clients = CLIENTS
        .replace("weight: 3", "weight: 1")
        .replace("guaranteed: 1", "weight: 1")
        .replacen(
            "queues: [{name: q, medium: Voice,",
            "queues: [{name: other, medium: Voice, onExhausted: {action: Hold}, teams: [{name: front, weight: 1}]},
              {name: q, medium: Voice, route: [{require: {law: 5}, for: 600s}, {}],",
            1,
        );
    let people = "ann team: front\nbob team: front";
    for what in ["its step", "its rank", "an offer"] {
        let mut world = World::new(&tenant(&spec, people, &clients));
        world.sign_in(0.0, "ann");
        world.arrive(0.0, 101, "bolt/q");
        world.answer(0.0, 101);
        for id in 102..=104 {
            world.arrive(1.0, id, "bolt/q");
        }
        world.arrive(2.0, 1, "acme/q");
        // Bolt has used 600 s of the team; acme's first waits under a step that nobody there meets.
        world.done(600.0, 101);
        world.answer(600.0, 102);
        if what == "its rank" {
            let (contact, priority) = (ContactId(1), 0);
            world.input(601.0, Input::Prioritise { contact, priority });
        }
        world.tick(602.0);
        world.arrive(603.0, 2, "acme/other");
        if what == "an offer" {
            world.sign_in(603.5, "bob");
            assert_eq!(world.with_whom(1).as_deref(), Some("bob"));
            let offer = world.offer_of(1);
            let cause = DeclineCause::Refused;
            world.input(603.6, Input::Decline { offer, cause });
        }
        world.done(604.0, 102);
        assert_eq!(world.with_whom(1).as_deref(), Some("ann"), "{what}");
        world.answer(604.0, 1);
        world.done(664.0, 1);
        // Acme has used 60 s and bolt 604.
        assert_eq!(world.with_whom(2).as_deref(), Some("ann"), "{what}");
    }
}

#[test]
fn rule_11_who_slept_has_no_claim_on_the_past() {
    let clients = CLIENTS
        .replace("guaranteed: 1", "weight: 1")
        .replace("weight: 3", "weight: 1");
    let mut world = World::new(&tenant(SHARED, "ann team: front", &clients));
    world.sign_in(0.0, "ann");
    for id in 1..=20 {
        world.arrive(0.0, id, "acme/q");
    }
    for turn in 0..10 {
        next_of(&mut world, 10.0 + 20.0 * f64::from(turn), "ann");
    }
    for id in 101..=110 {
        world.arrive(205.0, id, "bolt/q");
    }
    let mut bolt = 0;
    for turn in 0..10 {
        bolt += i32::from(next_of(&mut world, 210.0 + 20.0 * f64::from(turn), "ann") > 100);
    }
    assert!(
        (4..=6).contains(&bolt),
        "turn and turn about, not {bolt} of ten"
    );
}

/// What each client has had of a team in handle time, its contacts always waiting: `agents` people, of each client
/// its weight and how long its contacts take in turn, in seconds; for so many conversations.
fn had_of_a_team(agents: usize, clients: &[(u64, Vec<u64>)], conversations: usize) -> Vec<i64> {
    const WRAP_UP: u64 = 7;
    let spec = SHARED.replace(
        "kind: Human}",
        &format!("kind: Human, wrapUp: {WRAP_UP}s}}"),
    );
    let names: Vec<String> = (0..agents).map(|n| format!("a{n}")).collect();
    let people: Vec<String> = names
        .iter()
        .map(|name| format!("{name} team: front"))
        .collect();
    let mut others: Vec<String> = (0..)
        .zip(clients)
        .map(|(n, (weight, _))| {
            format!(
                "Client c{n} timeZone: UTC, numbers: ['+1800555010{n}'], trunks: [carrier], queues: [{{name: q, \
                 medium: Voice, onExhausted: {{action: Hold}}, teams: [{{name: front, weight: {weight}}}]}}]"
            )
        })
        .collect();
    others.push(CLIENTS.split("---").last().unwrap().trim().to_owned());
    let mut world = World::new(&tenant(&spec, &people.join("\n"), &others.join("\n---\n")));
    // So many that none runs out: each who becomes free is asked at once.
    let per_client = (conversations + agents + 1) as u64;
    for id in 0..per_client {
        for n in 0..clients.len() as u64 {
            world.arrive(0.0, n * per_client + id, &format!("c{n}/q"));
        }
    }
    for name in &names {
        world.sign_in(1.0, name);
    }
    let (mut had, mut taken) = (vec![0; clients.len()], vec![0; clients.len()]);
    // When a talk ends, and whose; when a wrap-up ends, with none.
    let mut due = std::collections::BTreeSet::from([(1, None)]);
    while taken.iter().sum::<usize>() < conversations {
        let (now, ends) = due.pop_first().unwrap();
        let second = now as f64;
        match ends {
            Some(contact) => {
                world.done(second, contact);
                due.insert((now + WRAP_UP, None));
            }
            None => {
                // What is due at this very second happens with the input that comes next.
                world.tick(second);
            }
        }
        for name in &names {
            let asked = world.core.agent(&name.as_str().into()).unwrap().offer;
            let Some(contact) = asked.map(|offer| offer.contact.0) else {
                continue;
            };
            world.answer(second, contact);
            let client = (contact / per_client) as usize;
            let handles = &clients[client].1;
            let took = handles[taken[client] % handles.len()];
            taken[client] += 1;
            had[client] += (took + WRAP_UP) as i64;
            due.insert((now + took, Some(contact)));
        }
    }
    had
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(48))]

    /// While all keep waiting, a client is ahead of another in handle time by weight by no more than what the agents
    /// may have of it in hand at once: the last of that was begun when it was the least served.
    #[test]
    fn rule_11_what_clients_who_keep_waiting_have_had_by_weight_never_comes_apart(
        agents in 1usize..6,
        clients in proptest::collection::vec(
            (1u64..=8, proptest::collection::vec(1u64..300, 1..6)), 2..4
        ),
    ) {
        let had = had_of_a_team(agents, &clients, 150);
        let longest = clients.iter().flat_map(|(_, handles)| handles).max().unwrap() + 7;
        let in_hand = (agents as u64 * longest) as i64;
        let weights: Vec<i64> = clients.iter().map(|(weight, _)| *weight as i64).collect();
        for (ahead, weight) in had.iter().zip(&weights) {
            for (behind, other) in had.iter().zip(&weights) {
                // What the one has by weight less what the other has, times both weights.
                proptest::prop_assert!(
                    *ahead > 0 && ahead * other - behind * weight <= in_hand * other,
                    "{had:?} s by {weights:?}, with {agents} agents and handle times {clients:?}"
                );
            }
        }
    }
}

#[test]
fn rule_11_idle_capacity_is_never_withheld() {
    let mut world = World::new(&tenant(SHARED, "ann team: front", CLIENTS));
    world.sign_in(0.0, "ann");
    world.arrive(1.0, 1, "own");
    assert_eq!(
        world.with_whom(1).as_deref(),
        Some("ann"),
        "though acme is owed one"
    );
}

const DESKS: &str = "
  departments: [{name: legal, transferTo: '+4930123', answerWithin: 30s}],
  teams: [{name: front, kind: Human, wrapUp: 5s}, {name: law, kind: Human}],
  queues: [{name: desk, medium: Voice, teams: [front], ring: 10s, onExhausted: {action: Hold}},
           {name: laws, medium: Voice, teams: [law], onExhausted: {action: Hold}}]";
const PEOPLE: &str = "ann team: front\nbob team: front\nlea team: law";

fn talking() -> World {
    let mut world = World::new(&tenant(DESKS, PEOPLE, ""));
    world.sign_in(0.0, "ann");
    world.arrive(1.0, 1, "desk");
    world.answer(2.0, 1);
    world
}

fn hand_over(world: &mut World, second: f64, to: Target) -> Vec<Output> {
    world.input(
        second,
        Input::Transfer {
            contact: ContactId(1),
            to,
        },
    )
}

#[test]
fn rule_13_a_hand_over_to_a_queue_keeps_the_age_and_opens_a_new_stretch() {
    let mut world = talking();
    world.arrive(3.0, 2, "laws");
    hand_over(&mut world, 60.0, Target::Queue("laws".parse().unwrap()));
    world.sign_in(61.0, "lea");
    assert_eq!(
        world.with_whom(1).as_deref(),
        Some("lea"),
        "it came before contact 2"
    );
    let answered = world.answer(62.0, 1);
    let wait = answered.iter().find_map(|output| match output {
        Output::Answered { wait, .. } => Some(*wait),
        _ => None,
    });
    assert_eq!(wait, Some(Span::seconds(2)), "from its entry to this queue");
    world.done(70.0, 1);
    let rows: Vec<_> = world
        .records()
        .into_iter()
        .filter(|row| row.contact.0 == 1)
        .collect();
    assert_eq!(
        rows.iter()
            .map(|row| (row.index, row.again))
            .collect::<Vec<_>>(),
        [(0, false), (1, true)]
    );
    assert_eq!(rows[1].arrived, at(1.0));
}

#[test]
fn rule_13_what_the_target_does_not_answer_returns_to_who_handed_it_over() {
    let mut world = talking();
    world.sign_in(3.0, "bob");
    assert!(
        refused(&hand_over(&mut world, 4.0, Target::Agent("lea".into()))),
        "lea is not there"
    );
    hand_over(&mut world, 5.0, Target::Agent("bob".into()));
    assert_eq!(world.with_whom(1).as_deref(), Some("bob"));
    world.tick(15.0);
    assert_eq!(world.with_whom(1).as_deref(), Some("ann"), "back to ann");
}

#[test]
fn rule_13_a_department_outside_takes_it_or_it_comes_back() {
    let mut world = talking();
    let out = hand_over(&mut world, 5.0, Target::Department("legal".into()));
    let deadline = out.iter().find_map(|output| match output {
        Output::HandOver { deadline, .. } => Some(*deadline),
        _ => None,
    });
    assert_eq!(deadline, Some(at(35.0)));
    world.tick(35.0);
    assert_eq!(world.with_whom(1).as_deref(), Some("ann"));
    world.answer(36.0, 1);
    hand_over(&mut world, 40.0, Target::Department("legal".into()));
    let out = world.input(
        45.0,
        Input::HandedOver {
            contact: ContactId(1),
            taken: true,
        },
    );
    assert!(out.iter().any(|output| matches!(
        output,
        Output::Ended {
            outcome: Outcome::Transferred,
            ..
        }
    )));
}

#[test]
fn rule_13_a_specialist_team_is_asked_as_a_whole() {
    let mut world = talking();
    world.sign_in(4.0, "lea");
    hand_over(&mut world, 5.0, Target::Team("law".into()));
    assert_eq!(world.with_whom(1).as_deref(), Some("lea"));
}

const STRATEGY: &str = "
  skills: [law, art],
  teams: [{name: front, kind: Human}],
  queues: [
    {name: skilled, medium: Voice, teams: [front], strategy: MostSkilled,
     route: [{require: {law: 1}}], onExhausted: {action: Hold}},
    {name: turns, medium: Voice, teams: [front], strategy: RoundRobin, onExhausted: {action: Hold}},
    {name: least, medium: Voice, teams: [front], strategy: LeastOccupied, onExhausted: {action: Hold}},
    {name: prefers, medium: Voice, teams: [front], route: [{prefer: {art: 3}}], onExhausted: {action: Hold}}]";
const STAFF: &str = "
  ann team: front, skills: {law: 2}
  bob team: front, skills: {law: 4}
  cal team: front, skills: {law: 4, art: 3}";

fn strategies() -> World {
    let mut world = World::new(&tenant(STRATEGY, STAFF, ""));
    for (second, agent) in [(0.0, "ann"), (1.0, "cal"), (2.0, "bob")] {
        world.sign_in(second, agent);
    }
    world
}

/// Whom a contact of the queue is offered to; it is answered and ended at once.
fn asked(world: &mut World, second: f64, id: u64, queue: &str, talk: f64) -> String {
    world.arrive(second, id, queue);
    let agent = world.with_whom(id).unwrap();
    world.answer(second, id);
    world.done(second + talk, id);
    agent
}

#[test]
fn rule_4_the_most_skilled_by_what_the_step_asks_for_ties_by_name() {
    assert_eq!(asked(&mut strategies(), 10.0, 1, "skilled", 1.0), "bob");
}

#[test]
fn rule_4_round_robin_goes_round_by_name() {
    let mut world = strategies();
    let order: Vec<String> = (1..=4)
        .map(|id| asked(&mut world, 10.0 * id as f64, id, "turns", 1.0))
        .collect();
    assert_eq!(order, ["ann", "bob", "cal", "ann"]);
}

#[test]
fn rule_4_the_least_occupied_has_worked_the_least_of_the_time() {
    let mut world = strategies();
    assert_eq!(asked(&mut world, 10.0, 1, "least", 50.0), "ann");
    assert_eq!(asked(&mut world, 70.0, 2, "least", 5.0), "bob");
    assert_eq!(asked(&mut world, 80.0, 3, "least", 40.0), "cal");
    assert_eq!(asked(&mut world, 130.0, 4, "least", 1.0), "bob");
}

#[test]
fn rule_4_a_preference_orders_and_never_excludes() {
    let mut world = strategies();
    world.arrive(10.0, 1, "prefers");
    assert_eq!(
        world.with_whom(1).as_deref(),
        Some("cal"),
        "art is preferred"
    );
    world.arrive(11.0, 2, "prefers");
    assert_eq!(
        world.with_whom(2).as_deref(),
        Some("ann"),
        "then the longest idle"
    );
}

#[test]
fn rule_4_the_last_agent_is_tried_first_for_a_time_of_its_own() {
    let spec = "teams: [{name: front, kind: Human}],
      queues: [{name: desk, medium: Voice, teams: [front], lastAgent: {for: 8s}, onExhausted: {action: Hold}}]";
    let mut world = World::new(&tenant(spec, "ann team: front\nbob team: front", ""));
    world.sign_in(0.0, "ann");
    world.arrive_as(1.0, 1, "desk", 0, Some("eve"));
    world.answer(2.0, 1);
    world.sign_in(3.0, "bob");
    world.arrive_as(4.0, 2, "desk", 0, Some("eve"));
    assert_eq!(world.with_whom(2), None, "ann is busy, eve waits for her");
    world.tick(12.0);
    assert_eq!(
        world.with_whom(2).as_deref(),
        Some("bob"),
        "for eight seconds"
    );
    world.input(
        13.0,
        Input::SignOut {
            agent: "ann".into(),
        },
    );
    world.done(14.0, 1);
    world.answer(15.0, 2);
    world.done(16.0, 2);
    world.arrive_as(17.0, 3, "desk", 0, Some("eve"));
    assert_eq!(
        world.with_whom(3).as_deref(),
        Some("bob"),
        "nobody waits for one who isn't there"
    );
}

#[test]
fn rule_16_an_offer_or_a_hand_over_that_leads_to_nothing_after_its_queue_was_removed_goes_by_its_end()
 {
    let spec = |queues: &str| {
        format!("
      teams: [{{name: front, kind: Human}}, {{name: back, kind: Human}}],
      queues: [{queues} {{name: desk, medium: Voice, teams: [front], onExhausted: {{action: Hold}}}}]")
    };
    let old = "{name: old, medium: Voice, teams: [back], ring: 20s, onExhausted: {action: Overflow, queue: desk}},";
    let people = "ann team: back\nbob team: back\nlea team: front";
    let mut world = World::new(&tenant(&spec(old), people, ""));
    for (id, agent) in [(1, "ann"), (2, "bob")] {
        world.sign_in(id as f64, agent);
        world.arrive(id as f64, id, "old");
        assert_eq!(world.with_whom(id).as_deref(), Some(agent));
    }
    world.answer(3.0, 1);
    let tenant = tenant(&spec(""), people, "");
    world.input(10.0, Input::Configure { tenant });
    let place = |world: &World, id| {
        let contact = world.core.contact(ContactId(id)).unwrap();
        (contact.queue.to_string(), contact.stage)
    };
    assert_eq!(world.with_whom(2).as_deref(), Some("bob"), "it rings on");
    world.tick(22.0);
    assert_eq!(place(&world, 2), ("desk".into(), StageView::Waiting));
    // Lea doesn't take what ann hands over, and ann doesn't take it back.
    world.restart();
    world.sign_in(30.0, "lea");
    world.answer(31.0, 2);
    world.done(32.0, 2);
    let (contact, to) = (ContactId(1), Target::Agent("lea".into()));
    let out = world.input(40.0, Input::Transfer { contact, to });
    assert!(!refused(&out), "{out:?}");
    world.tick(100.0);
    assert_eq!(place(&world, 1), ("desk".into(), StageView::Waiting));
}

#[test]
fn rule_16_what_a_removed_queue_held_goes_by_its_end_and_the_rest_is_untouched() {
    let spec = |queues: &str| {
        format!("
      skills: [law], teams: [{{name: front, kind: Human, wrapUp: 5s}}],
      queues: [{queues} {{name: desk, medium: Voice, teams: [front], onExhausted: {{action: Hold}}}}]")
    };
    let old = "
      {name: over, medium: Voice, teams: [front], route: [{require: {law: 5}, for: 90s}],
       onExhausted: {action: Overflow, queue: desk}},
      {name: hold, medium: Voice, teams: [front], route: [{require: {law: 5}, for: 90s}],
       onExhausted: {action: Hold}},
      {name: later, medium: Voice, teams: [front], route: [{require: {law: 5}, for: 90s}],
       onExhausted: {action: Callback}},";
    let people = "ann team: front\nbob team: front\nlea team: front, skills: {law: 5}";
    let mut world = World::new(&tenant(&spec(old), people, ""));
    world.sign_in(0.0, "ann");
    world.arrive(1.0, 1, "desk");
    world.answer(2.0, 1);
    for (id, queue) in [(2, "over"), (3, "hold"), (6, "later")] {
        world.arrive(3.0, id, queue);
    }
    world.arrive_as(3.0, 4, "later", 0, Some("+491"));
    world.sign_in(4.0, "bob");
    world.arrive(5.0, 5, "desk");
    let bob = world.offer_of(5);
    let tenant = tenant(&spec(""), people, "");
    world.input(
        10.0,
        Input::Configure {
            tenant: Arc::clone(&tenant),
        },
    );
    assert_eq!(
        world.core.contact(ContactId(2)).unwrap().queue.to_string(),
        "desk"
    );
    assert_eq!(
        world.core.contact(ContactId(3)).unwrap().queue.to_string(),
        "hold",
        "it waits on"
    );
    let number = |id| world.core.contact(ContactId(id)).unwrap().calls;
    assert_eq!(number(4).as_deref(), Some("+491"), "to be called back");
    assert_eq!(
        number(6),
        None,
        "it waits on, for nobody knows their number"
    );
    assert_eq!(
        world.with_whom(1).as_deref(),
        Some("ann"),
        "the call goes on"
    );
    assert_eq!(world.offer_of(5), bob, "the phone rings on");
    world.restart();
    world.sign_in(11.0, "lea");
    assert_eq!(
        world.with_whom(2).as_deref(),
        Some("lea"),
        "the first in rank"
    );
    assert!(
        refused(&world.arrive(12.0, 9, "hold")),
        "nobody new comes in"
    );
    world.gone(13.0, 2);
    assert_eq!(
        world.with_whom(3).as_deref(),
        Some("lea"),
        "who waited on is still served"
    );
}

#[test]
fn rule_16_an_agent_who_is_removed_finishes_the_call_and_leaves() {
    let spec = "teams: [{name: front, kind: Human}],
      queues: [{name: desk, medium: Voice, teams: [front], onExhausted: {action: Hold}}]";
    let mut world = World::new(&tenant(spec, "ann team: front\nbob team: front", ""));
    world.sign_in(0.0, "ann");
    world.arrive(1.0, 1, "desk");
    world.answer(2.0, 1);
    world.arrive(3.0, 2, "desk");
    world.input(
        4.0,
        Input::Configure {
            tenant: tenant(spec, "bob team: front", ""),
        },
    );
    assert_eq!(world.with_whom(1).as_deref(), Some("ann"));
    world.done(9.0, 1);
    assert_eq!(world.with_whom(2), None);
    assert!(world.core.agent(&"ann".into()).is_none());
}

#[test]
fn calendars_apply_where_times_are_dates() {
    let spec = "
      calendars: [{name: office, open: [{days: [Mon], from: '08:00', to: '20:00'}]}],
      teams: [{name: front, kind: Human}],
      queues: [{name: desk, medium: Voice, teams: [front], calendar: office, onExhausted: {action: Hold},
                closed: {action: Voicemail}}]";
    let tenant = tenant(spec, "ann team: front", "");
    // Monday 4 January 2027, 08:00 in Berlin is 07:00 UTC.
    let monday = 1_799_046_000.0;
    let mut world = World {
        core: Core::new(Options::default()),
        log: Vec::new(),
    };
    world.input(monday - 3600.0, Input::Configure { tenant });
    let out = world.arrive(monday - 1.0, 1, "desk");
    assert!(out.iter().any(|output| matches!(
        output,
        Output::Ended {
            outcome: Outcome::Voicemail,
            ..
        }
    )));
    world.arrive(monday, 2, "desk");
    assert!(world.core.contact(ContactId(2)).is_some());
}

#[test]
fn rule_15_the_core_says_why_a_pair_was_or_was_not_matched_also_later_from_the_journal() {
    let spec = "
      skills: [law, art],
      teams: [{name: front, kind: Human, wrapUp: 30s}, {name: back, kind: Human}],
      queues: [{name: desk, medium: Voice, teams: [front], ring: 10s, route: [{require: {law: 3}}],
                onExhausted: {action: Hold}}]";
    let people = "
      ann team: front, skills: {law: 4}
      bob team: front, skills: {law: 1}
      cal team: back
      lea team: front, skills: {law: 3}";
    let tenant = tenant(spec, people, "");
    let arrive = |id| Input::Arrive {
        contact: ContactId(id),
        queue: "desk".parse().unwrap(),
        since: None,
        priority: 0,
        customer: None,
        callable: true,
    };
    let here = |agent: &str| Input::SignIn {
        agent: agent.into(),
        ready: true,
        team: None,
    };
    let offer = OfferId {
        contact: ContactId(1),
        generation: 1,
    };
    let journal = vec![
        (at(0.0), Input::Configure { tenant }),
        (at(1.0), here("ann")),
        (at(1.0), here("bob")),
        (at(1.0), here("cal")),
        (at(2.0), arrive(1)),
        (at(3.0), Input::Accept { offer }),
        (at(3.0), Input::Connected { offer }),
        (at(4.0), arrive(2)),
        (
            at(20.0),
            Input::AgentDone {
                contact: ContactId(1),
            },
        ),
    ];
    let options = Options {
        dates: false,
        ..Options::default()
    };
    let why = |second: f64, contact: u64, agent: &str| -> Vec<String> {
        let core = Core::replay(options, journal.clone(), at(second));
        let reasons = core.explain(ContactId(contact), &agent.into());
        reasons.iter().map(ToString::to_string).collect()
    };
    assert_eq!(why(2.5, 1, "ann"), ["they are together, by offer 1-1"]);
    assert_eq!(
        why(2.5, 1, "bob"),
        [
            "the contact is with ann",
            "the step asks for law at 3, the agent has 1"
        ]
    );
    assert_eq!(why(5.0, 2, "ann"), ["the agent has no room for Voice now"]);
    assert_eq!(
        why(5.0, 2, "lea"),
        ["the agent is not signed in, or is leaving"]
    );
    let cal = why(5.0, 2, "cal");
    assert_eq!(cal[0], "the step asks front, the agent's team is back");
    assert_eq!(why(21.0, 2, "ann"), ["the agent wraps up until 50.000000"]);
    assert_eq!(
        why(1.0, 2, "ann"),
        ["the contact has not arrived, or is over"]
    );
}
