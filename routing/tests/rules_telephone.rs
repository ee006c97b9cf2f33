//! Rule 9 for who has no telephone just now: what needs one doesn't come to them, the rest does, by the usual order.

#![allow(clippy::unwrap_used)]

mod world;

use trunkline_routing::*;
use world::{World, tenant};

/// Whether the agent can be called from now on.
fn telephone(world: &mut World, second: f64, agent: &str, reachable: bool) {
    let agent = agent.into();
    world.input(second, Input::Endpoint { agent, reachable });
}

#[test]
fn rule_9_who_has_no_telephone_is_offered_chats_and_no_calls() {
    let spec = "teams: [
        {name: front, kind: Human, media: {voice: 1, chat: 2}},
        {name: calls, kind: Human, media: {voice: 1}}],
      queues: [
        {name: desk, medium: Voice, teams: [front, calls], onExhausted: {action: Hold}},
        {name: chats, medium: Chat, teams: [front], onExhausted: {action: Hold}}]";
    let mut world = World::new(&tenant(spec, "ann team: front\nbob team: calls", ""));
    world.sign_in(0.0, "ann");
    telephone(&mut world, 1.0, "ann", false);
    assert_eq!(world.state("ann"), AgentState::Idle, "there are chats");
    world.arrive(2.0, 1, "desk");
    world.arrive(3.0, 2, "chats");
    assert_eq!(world.with_whom(1), None);
    assert_eq!(world.with_whom(2).as_deref(), Some("ann"));
    let why = world.core.explain(ContactId(1), &"ann".into());
    assert!(why.contains(&Reason::Unreachable), "{why:?}");
    world.answer(4.0, 2);
    world.done(5.0, 2);

    // With a telephone she is called; without it again, an offer of a call is taken back at once, one of a
    // chat stands.
    telephone(&mut world, 6.0, "ann", true);
    assert_eq!(world.with_whom(1).as_deref(), Some("ann"));
    world.arrive(6.5, 3, "chats");
    assert_eq!(world.with_whom(3), None, "one offer at a time");
    telephone(&mut world, 7.0, "ann", false);
    assert_eq!(world.with_whom(1), None);
    assert_eq!(world.with_whom(3).as_deref(), Some("ann"));
    telephone(&mut world, 9.0, "ann", true);
    telephone(&mut world, 10.0, "ann", false);
    assert_eq!(world.with_whom(3).as_deref(), Some("ann"));
    let why = world.core.explain(ContactId(3), &"ann".into());
    assert!(matches!(why[..], [Reason::Together { .. }]), "{why:?}");
    world.restart();
    world.answer(11.0, 3);
    world.arrive(12.0, 4, "chats");
    assert_eq!(world.with_whom(4).as_deref(), Some("ann"));

    // Who takes nothing but calls is not ready without a telephone.
    world.sign_in(13.0, "bob");
    telephone(&mut world, 14.0, "bob", false);
    let reason = "unreachable".to_owned();
    assert_eq!(world.state("bob"), AgentState::NotReady { reason });
}

#[test]
fn rule_9_a_chat_whose_offer_fails_for_want_of_a_telephone_is_not_asked_of_the_same_agent_at_once()
{
    let spec = "teams: [{name: front, kind: Human, media: {voice: 1, chat: 2}}],
      queues: [{name: chats, medium: Chat, teams: [front], onExhausted: {action: Hold}}]";
    let mut world = World::new(&tenant(spec, "ann team: front", ""));
    world.sign_in(0.0, "ann");
    world.arrive(1.0, 1, "chats");
    let offer = world.offer_of(1);
    let cause = DeclineCause::Unreachable;
    world.input(2.0, Input::Decline { offer, cause });
    assert_eq!(world.with_whom(1), None);
    world.tick(4.0);
    assert_eq!(world.with_whom(1).as_deref(), Some("ann"));
}

#[test]
fn rule_5_without_a_telephone_the_first_in_rank_comes_before_a_chat_that_failed_before() {
    let spec = "teams: [{name: front, kind: Human, media: {voice: 1, chat: 1}}],
      queues: [{name: chats, medium: Chat, teams: [front], onExhausted: {action: Hold}}]";
    let mut world = World::new(&tenant(spec, "ann team: front", ""));
    world.sign_in(0.0, "ann");
    telephone(&mut world, 0.0, "ann", false);
    let fails = |world: &mut World, second, id| {
        let (offer, cause) = (world.offer_of(id), DeclineCause::Failed);
        world.input(second, Input::Decline { offer, cause });
    };
    world.arrive(1.0, 1, "chats");
    fails(&mut world, 2.0, 1);
    world.arrive(2.5, 2, "chats");
    world.arrive_as(10.0, 3, "chats", 1, None);
    // Contact 1 may be asked again, and has the later rank of the two who wait.
    fails(&mut world, 11.0, 2);
    assert_eq!(world.with_whom(3).as_deref(), Some("ann"));
}

#[test]
fn rule_16_who_comes_to_a_team_of_calls_without_a_telephone_is_said_to_be_not_ready() {
    let centre = |team: &str| {
        let spec = "teams: [
            {name: front, kind: Human, media: {voice: 1, chat: 2}},
            {name: calls, kind: Human, media: {voice: 1}}],
          queues: [
            {name: desk, medium: Voice, teams: [front, calls], onExhausted: {action: Hold}},
            {name: chats, medium: Chat, teams: [front], onExhausted: {action: Hold}}]";
        tenant(spec, &format!("ann team: {team}"), "")
    };
    let mut world = World::new(&centre("front"));
    world.sign_in(0.0, "ann");
    telephone(&mut world, 1.0, "ann", false);
    let said = |out: Vec<Output>| -> Vec<AgentState> {
        let said = out.into_iter().filter_map(|output| match output {
            Output::Agent { state, .. } => Some(state),
            _ => None,
        });
        said.collect()
    };
    let configure = |tenant| Input::Configure { tenant };
    let out = world.input(2.0, configure(centre("calls")));
    let reason = "unreachable".to_owned();
    assert_eq!(said(out), [AgentState::NotReady { reason }]);
    let out = world.input(3.0, configure(centre("front")));
    assert_eq!(said(out), [AgentState::Idle], "there are chats again");
}
