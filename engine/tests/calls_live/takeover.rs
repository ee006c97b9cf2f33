//! What a leader leaves, and its successor finds.

use std::time::{Duration, Instant};

use serde_json::json;
use tokio::time::sleep;
use trunkline_engine::telephony::{Command, Recovered, RecoveredStage, Report};
use trunkline_routing::{ContactId, Input, OfferId, Outcome, Output, Span};
use trunkline_tenant::crds::AgentName;

use crate::centre::{Centre, heard_by, they_talk};
use crate::desk::*;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs live/run.sh"]
async fn a_bridged_call_outlives_the_engine_and_is_adopted_by_its_successor() {
    let mut desk = Desk::fresh().await;
    let maria = Party::maria(&[]);
    let caller = Party::caller(&["--until-bye"]);
    let (arrival, offer) = desk.talking(8).await;
    let legs = [&arrival.call.channel, &leg(offer)];
    drop(desk);
    let stage = RecoveredStage::Talking {
        offer,
        agent: AgentName::new("maria"),
        held: false,
    };
    let begun = Instant::now();
    let mut desk = Desk::open(recovered(&arrival, 8, stage)).await;
    desk.has_its_host().await;
    println!("adopted in {:?}", begun.elapsed());
    desk.audio_flows_both_ways(legs).await;
    maria.hangs_up().await;
    desk.input(Input::AgentDone {
        contact: ContactId(8),
    })
    .await;
    desk.end(8, Outcome::Answered);
    assert!(caller.ended_well().await);
    desk.nothing_is_left().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs live/run.sh"]
async fn what_happened_while_nobody_led_is_found_out() {
    let mut desk = Desk::fresh().await;
    let maria = Party::maria(&["--answer", "0.5"]);
    // One waits, known to the journal; one leaves meanwhile; one comes meanwhile; and a leg rings
    // for an offer that was made just before the end, and is answered meanwhile.
    let stays = Party::caller(&["--until-bye", "--from", "10.88.0.10:5081"]);
    let kept = desk.admit(20).await;
    let leaves = Party::caller(&["--until-bye", "--from", "10.88.0.10:5082"]);
    let left = desk.admit(21).await;
    desk.offer(20, 1, "maria");
    maria.said("offered").await;
    drop(desk);
    leaves.hangs_up().await;
    assert!(leaves.ended_well().await);
    maria.said("answered").await;
    let comes = Party::caller(&["--until-bye", "--from", "10.88.0.10:5083"]);
    callers_are(2).await;
    sleep(Duration::from_secs(3)).await;
    let offer = OfferId {
        contact: ContactId(20),
        generation: 1,
    };
    let mut held = recovered(
        &kept,
        20,
        RecoveredStage::Offered {
            offer,
            agent: AgentName::new("maria"),
            deadline: now() + Span::seconds(10),
        },
    );
    held.calls
        .extend(recovered(&left, 21, RecoveredStage::Waiting).calls);
    held.newest = Some(ContactId(21));
    let mut desk = Desk::open(held).await;
    let (mut gone, mut accepted, mut connected, mut came) = (false, false, false, None);
    desk.wait(|report| {
        match report {
            Report::Input(Input::CustomerGone {
                contact: ContactId(21),
            }) => gone = true,
            Report::Input(Input::Accept { offer: of }) if *of == offer => accepted = true,
            Report::Input(Input::Connected { offer: of }) if *of == offer => connected = true,
            Report::Arrived(arrival) => came = Some(arrival.clone()),
            _ => {}
        }
        (gone && accepted && connected && came.is_some()).then_some(())
    })
    .await;
    let came = came.unwrap();
    let age = now() - came.since.expect("it came before now");
    assert!(
        age > Span::seconds(2),
        "its wait counts from its call: {age:?}"
    );
    desk.send(Command::TurnAway { call: came.call });
    drop(comes);
    desk.end(21, Outcome::Abandoned);
    desk.end(20, Outcome::Answered);
    assert!(stays.ended_well().await);
    desk.nothing_is_left().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs live/run.sh"]
async fn legs_and_callers_of_contacts_that_have_ended_are_hung_up_at_takeover() {
    let mut desk = Desk::fresh().await;
    let maria = Party::maria(&["--no-answer"]);
    let caller = Party::caller(&["--until-bye"]);
    desk.admit(30).await;
    desk.offer(30, 1, "maria");
    maria.said("offered").await;
    drop(desk);
    let desk = Desk::open(Recovered {
        newest: Some(ContactId(30)),
        ..Recovered::default()
    })
    .await;
    assert!(caller.ended_well().await);
    desk.nothing_is_left().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs live/run.sh"]
async fn a_second_leader_makes_the_first_step_down_and_loses_no_call() {
    let mut old = Desk::fresh().await;
    let _maria = Party::maria(&[]);
    let caller = Party::caller(&["--until-bye"]);
    let (arrival, offer) = old.talking(9).await;
    let stage = RecoveredStage::Talking {
        offer,
        agent: AgentName::new("maria"),
        held: false,
    };
    let new = Desk::open(recovered(&arrival, 9, stage)).await;
    old.wait(|report| matches!(report, Report::SteppedDown { .. }).then_some(()))
        .await;
    // The old one, still running, may command what it likes.
    let _ = old.telephony.commands.send(Command::Do(Output::Ended {
        contact: ContactId(9),
        outcome: Outcome::Answered,
        prompt: None,
    }));
    new.audio_flows_both_ways([&arrival.call.channel, &leg(offer)])
        .await;
    new.end(9, Outcome::Answered);
    assert!(caller.ended_well().await);
    new.nothing_is_left().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs live/run.sh"]
async fn who_is_on_hold_as_the_engine_ends_hears_music_and_talks_again_when_the_next_one_is_told_to()
 {
    let mut centre = Centre::open(|_| {}).await;
    let (agent, customer) = (("10.88.0.20", "1000"), ("10.88.0.10", "700"));
    let _maria = Party::maria(&["--tone", agent.1]);
    centre.works("maria").await;
    let from = format!("{}:5081", customer.0);
    let caller = Party::caller(&["--until-bye", "--tone", customer.1, "--from", &from]);
    let contact = centre.contact("talking", Some("maria")).await;
    they_talk(agent, customer).await;
    let hold = |on: bool| json!({"do": "hold", "contact": contact, "on": on});
    centre.does("maria", hold(true)).await;
    centre.succeed().await;
    assert_eq!(centre.contact("held", Some("maria")).await, contact);
    let [heard] = heard_by([Ear::at(agent.0, 3.0, &[customer.1])]).await;
    assert!(heard[customer.1] < 0.1, "still on hold: {heard:?}");
    centre.does("maria", hold(false)).await;
    assert_eq!(centre.contact("talking", Some("maria")).await, contact);
    they_talk(agent, customer).await;
    centre.lets_go("maria", contact).await;
    assert!(caller.ended_well().await);
    let record = centre.ended(contact).await;
    let held = record["holdSeconds"].as_f64().unwrap();
    assert!(held >= 3.0, "{record}");
    centre.close().await;
}
