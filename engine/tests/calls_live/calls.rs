//! A call's life: answered, queued, offered, joined, held, ended.

use std::time::{Duration, Instant};

use tokio::time::sleep;
use trunkline_engine::telephony::ari::ChannelState;
use trunkline_engine::telephony::{Command, Recovered, Report};
use trunkline_routing::{CancelReason, ContactId, DeclineCause, Input, Outcome};
use trunkline_tenant::Tenant;
use trunkline_tenant::crds::AgentName;

use crate::centre::Centre;
use crate::desk::*;
use crate::support::eventually;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs live/run.sh"]
async fn a_call_is_answered_queued_offered_and_bridged_and_the_agent_ends_it() {
    let mut desk = Desk::fresh().await;
    let maria = Party::maria(&[]);
    let caller = Party::caller(&["--until-bye"]);
    let arrival = desk.admit(1).await;
    assert_eq!(arrival.number, NUMBER);
    assert_eq!(arrival.queue.to_string(), "acme/orders");
    assert_eq!(arrival.since, None);
    assert!(arrival.call.channel.as_str().starts_with("media-0-"));
    caller.said("answered").await;
    // Music.
    desk.is_sent(&arrival.call.channel, 11).await;
    let waiting = desk.ari.channel(&arrival.call.channel).await.unwrap();
    assert_eq!(waiting.state, ChannelState::Up);
    assert_eq!(waiting.variable("TRUNKLINE_CONTACT"), Some("1"));

    let offer = desk.offer(1, 1, "maria");
    desk.input(Input::Accept { offer }).await;
    desk.input(Input::Connected { offer }).await;
    desk.audio_flows_both_ways([&arrival.call.channel, &leg(offer)])
        .await;
    maria.hangs_up().await;
    desk.input(Input::AgentDone {
        contact: ContactId(1),
    })
    .await;
    desk.end(1, Outcome::Answered);
    assert!(caller.ended_well().await, "the centre hangs up");
    desk.nothing_is_left().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs live/run.sh"]
async fn the_caller_ends_it_and_the_agents_phone_is_released() {
    let mut desk = Desk::fresh().await;
    let _maria = Party::maria(&[]);
    let caller = Party::caller(&["--until-bye"]);
    desk.talking(2).await;
    caller.hangs_up().await;
    desk.input(Input::CustomerGone {
        contact: ContactId(2),
    })
    .await;
    desk.end(2, Outcome::Answered);
    assert!(caller.ended_well().await);
    desk.nothing_is_left().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs live/run.sh"]
async fn an_agent_who_does_not_answer_is_withdrawn_and_the_other_gets_the_caller() {
    let mut desk = Desk::fresh().await;
    let maria = Party::maria(&["--no-answer"]);
    let noah = Party::noah(&[]);
    let caller = Party::caller(&["--until-bye"]);
    let arrival = desk.admit(3).await;
    let first = desk.offer(3, 1, "maria");
    desk.rings(&leg(first)).await;
    desk.cancel(first, "maria", CancelReason::Rona);
    let second = desk.offer(3, 2, "noah");
    desk.input(Input::Accept { offer: second }).await;
    desk.input(Input::Connected { offer: second }).await;
    desk.is_gone(&leg(first)).await;
    desk.audio_flows_both_ways([&arrival.call.channel, &leg(second)])
        .await;
    noah.hangs_up().await;
    desk.input(Input::AgentDone {
        contact: ContactId(3),
    })
    .await;
    desk.end(3, Outcome::Answered);
    assert!(caller.ended_well().await);
    desk.nothing_is_left().await;
    maria.said("withdrawn").await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs live/run.sh"]
async fn a_caller_who_leaves_while_it_rings_leaves_no_ringing_phone() {
    let mut desk = Desk::fresh().await;
    let _maria = Party::maria(&["--no-answer"]);
    let caller = Party::caller(&["--until-bye"]);
    desk.admit(4).await;
    let offer = desk.offer(4, 1, "maria");
    desk.rings(&leg(offer)).await;
    caller.hangs_up().await;
    desk.input(Input::CustomerGone {
        contact: ContactId(4),
    })
    .await;
    desk.cancel(offer, "maria", CancelReason::CustomerGone);
    desk.end(4, Outcome::Abandoned);
    assert!(caller.ended_well().await);
    desk.nothing_is_left().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs live/run.sh"]
async fn an_agent_who_answers_as_the_offer_is_withdrawn_is_let_go() {
    let mut desk = Desk::fresh().await;
    let _maria = Party::maria(&["--answer", "0.005"]);
    let caller = Party::caller(&["--until-bye"]);
    desk.admit(5).await;
    for generation in 1..=10 {
        let offer = desk.offer(5, generation, "maria");
        // Somewhere between INVITE and answer, by turns.
        sleep(Duration::from_millis(u64::from(generation) * 3)).await;
        desk.cancel(offer, "maria", CancelReason::Rona);
    }
    caller.hangs_up().await;
    desk.input(Input::CustomerGone {
        contact: ContactId(5),
    })
    .await;
    desk.end(5, Outcome::Abandoned);
    desk.nothing_is_left().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs live/run.sh"]
async fn a_number_that_nobody_has_is_refused_unanswered_with_404() {
    let mut desk = Desk::fresh().await;
    let caller = Party::named("wrong", "+4930000", &["--talk", "1"]);
    assert!(!caller.ended_well().await, "it is not answered");
    let errors = format!("{}/log/wrong/errors.log", needed("WORLD"));
    let errors = std::fs::read_to_string(errors).unwrap();
    assert!(errors.contains("404"), "{errors}");
    desk.nothing_is_left().await;
    while let Ok(told) = desk.telephony.reports.try_recv() {
        assert!(!matches!(told.report, Report::Arrived(_)), "{told:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs live/run.sh"]
async fn phones_that_refuse_or_are_nowhere_are_told_apart() {
    clear().await;
    let mut desk = Desk::open(Recovered::default()).await;
    let otto = AgentName::new("otto");
    desk.input(Input::Endpoint {
        agent: otto.clone(),
        reachable: false,
    })
    .await;
    let _maria = Party::maria(&["--reject", "603"]);
    let caller = Party::caller(&["--until-bye"]);
    desk.admit(6).await;
    let offer = desk.offer(6, 1, "maria");
    let cause = DeclineCause::Refused;
    desk.input(Input::Decline { offer, cause }).await;
    let offer = desk.offer(6, 2, "otto");
    let cause = DeclineCause::Unreachable;
    desk.input(Input::Decline { offer, cause }).await;
    caller.hangs_up().await;
    desk.input(Input::CustomerGone {
        contact: ContactId(6),
    })
    .await;
    desk.end(6, Outcome::Abandoned);
    assert!(caller.ended_well().await);
    desk.nothing_is_left().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs live/run.sh"]
async fn a_caller_on_hold_hears_music_and_comes_back_to_the_agent() {
    let mut desk = Desk::fresh().await;
    let _maria = Party::maria(&[]);
    let caller = Party::caller(&["--until-bye"]);
    let (arrival, offer) = desk.talking(7).await;
    let contact = ContactId(7);
    desk.send(Command::Hold { contact, on: true });
    let together = async || desk.ari.bridge(&"b-7".into()).await.unwrap().channels;
    desk.until("the agent waits alone", async || {
        together().await == [leg(offer)]
    })
    .await;
    // Music.
    desk.is_sent(&arrival.call.channel, 16).await;
    desk.send(Command::Hold { contact, on: false });
    desk.until("both are together", async || together().await.len() == 2)
        .await;
    desk.audio_flows_both_ways([&arrival.call.channel, &leg(offer)])
        .await;
    // The agent ends it at their desk, not at their phone.
    desk.end(7, Outcome::Answered);
    assert!(caller.ended_well().await);
    desk.nothing_is_left().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs live/run.sh"]
async fn a_phone_that_registers_is_reachable_at_once_and_no_longer_when_it_goes() {
    clear().await;
    let mut desk = Desk::open(Recovered::default()).await;
    let told = |reachable| Input::Endpoint {
        agent: AgentName::new("otto"),
        reachable,
    };
    desk.input(told(false)).await;
    let register = |expires| {
        let at = [
            "--at",
            "10.88.0.22",
            "--register",
            "10.88.0.1",
            "--user",
            "otto",
        ];
        let rest = ["--password", "otto-secret", "--expires", expires];
        Party::start(
            "phone.sh",
            "otto",
            &[at.as_slice(), rest.as_slice()].concat(),
        )
    };
    let phone = register("60");
    let begun = Instant::now();
    desk.input(told(true)).await;
    println!(
        "reachable {:?} after the phone was switched on",
        begun.elapsed()
    );
    drop(phone);
    let _gone = register("0");
    desk.input(told(false)).await;
}

/// Lena is as maria is, with a phone of her own.
pub fn with_lena(tenant: &mut Tenant) {
    let lena = tenant.agents[&AgentName::new("maria")].clone();
    tenant.agents.insert(AgentName::new("lena"), lena);
}

/// Nothing gets to this address or from it, until this is dropped.
struct Cut;

impl Cut {
    fn off(address: &str) -> Self {
        let cut = Self;
        let chain = "type filter hook input priority 0";
        let rules = format!(
            "table ip cut {{\nchain in {{\n{chain}\nip saddr {address} drop\nip daddr {address} drop\n}}\n}}"
        );
        let done = std::process::Command::new("nft").arg(rules).status();
        assert!(done.unwrap().success(), "{address} can't be cut off");
        cut
    }
}

impl Drop for Cut {
    fn drop(&mut self) {
        let cut = ["delete", "table", "ip", "cut"];
        let _ = std::process::Command::new("nft").args(cut).status();
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs live/run.sh"]
async fn a_phone_that_vanishes_in_a_talk_is_let_go_after_its_silence_and_its_caller_is_not_left_in_it()
 {
    let centre = Centre::open(with_lena).await;
    let at = "10.88.0.23";
    let _lena = Party::phone("lena", at, &["--tone", "700"]);
    centre.works("lena").await;
    let caller = Party::caller(&["--until-bye"]);
    let contact = centre.contact("talking", Some("lena")).await;
    let heard = Ear::at("10.88.0.10", 7.0, &["700"]).heard().await;
    assert!(
        heard["700"] > 5.5,
        "for longer than a silence may be: {heard:?}"
    );
    let cut = Cut::off(at);
    let since = Instant::now();
    assert!(caller.ended_well().await, "the centre hangs up");
    let silent = since.elapsed();
    println!("let go {silent:?} after the phone vanished");
    assert!(silent > Duration::from_secs(4), "not at once: {silent:?}");
    let record = centre.ended(contact).await;
    assert_eq!(record["outcome"], "answered", "{record}");
    eventually("the agent has nobody", async || {
        centre.api.get("/api/v1/agents/lena").await.1["state"] == "idle"
    })
    .await;
    drop(cut);
    centre.close().await;
}
