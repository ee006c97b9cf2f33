//! Rule 13 outside the centre: customers handed over to numbers and departments, by trunks.

use std::sync::Arc;

use serde_json::json;
use trunkline_engine::telephony::{Command, Recovered, RecoveredStage};
use trunkline_routing::{ContactId, Input, OfferId, Outcome, Output, Span, Target};
use trunkline_tenant::Tenant;
use trunkline_tenant::crds::{AgentName, Department, TrunkName};

use crate::centre::{Centre, heard_by};
use crate::desk::*;
use crate::support::eventually;

/// carrier-b may call German numbers in the client's name; legal is one of those.
fn with_a_way_out() -> Arc<Tenant> {
    changed(way_out)
}

pub fn way_out(tenant: &mut Tenant) {
    let trunk = serde_json::json!({
        "carrier": {"host": "10.88.0.11", "port": 5070}, "auth": {"type": "Address"}, "codecs": ["alaw"],
        "numbers": ["+493055500"], "limits": {"channels": 1},
        "outbound": {"prefixes": ["+49"], "callerId": "Client"}, "drainDeadline": "30m"
    });
    let legal =
        serde_json::json!({"name": "legal", "transferTo": "+493012345", "answerWithin": "3s"});
    // Another, who have all the time that they may need.
    let press =
        serde_json::json!({"name": "press", "transferTo": "+493012345", "answerWithin": "60s"});
    for department in [legal, press] {
        let department: Department = serde_json::from_value(department).unwrap();
        tenant
            .departments
            .insert(department.name.clone(), department);
    }
    let trunk = serde_json::from_value(trunk).unwrap();
    tenant.trunks.insert(TrunkName::from("carrier-b"), trunk);
}

/// Whoever answers at the far end of carrier-b.
pub fn outsider(args: &[&str]) -> Party {
    Party::phone("outsider", "10.88.0.11", args)
}

impl Desk {
    fn hand_over(&self, contact: u64, to: Target, seconds: i64) {
        self.send(Command::Do(Output::HandOver {
            contact: ContactId(contact),
            to,
            deadline: now() + Span::seconds(seconds),
        }));
    }

    async fn handed_over(&mut self, contact: u64, taken: bool) {
        let contact = ContactId(contact);
        self.input(Input::HandedOver { contact, taken }).await;
    }
}

fn outside_leg(talk: OfferId) -> trunkline_engine::telephony::ari::ChannelId {
    trunkline_engine::telephony::ari::ChannelId::new(format!("x-{talk}"))
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs live/run.sh"]
async fn rule_13_a_customer_handed_over_to_a_department_talks_on_without_the_agent_and_without_us()
{
    let mut desk = Desk::fresh_of(with_a_way_out()).await;
    let _maria = Party::maria(&[]);
    let legals = outsider(&["--tone", "700"]);
    let caller = Party::caller(&["--until-bye"]);
    let (arrival, offer) = desk.talking(60).await;
    desk.hand_over(60, Target::Department("legal".into()), 30);
    desk.handed_over(60, true).await;
    desk.end(60, Outcome::Transferred);
    // The agent is released.
    desk.is_gone(&leg(offer)).await;
    let legs = [&arrival.call.channel, &outside_leg(offer)];
    desk.audio_flows_both_ways(legs).await;
    let offered = log("outsider");
    assert!(
        offered.contains("+18005550100"),
        "they see the client's number: {offered}"
    );
    assert!(
        log("maria").contains("493012345"),
        "the agent saw the caller's number"
    );
    // A successor finds two who talk, and leaves them alone.
    drop(desk);
    let mut desk = Desk::of(
        with_a_way_out(),
        Recovered {
            newest: Some(ContactId(60)),
            ..Recovered::default()
        },
    )
    .await;
    desk.has_its_host().await;
    let ear = Ear::at("10.88.0.10", 2.0, &["700", "1000"]);
    desk.audio_flows_both_ways(legs).await;
    let heard = ear.heard().await;
    assert!(heard["700"] > 0.7, "the customer hears legal: {heard:?}");
    legals.hangs_up().await;
    assert!(
        caller.ended_well().await,
        "legal hangs up, and so the customer is hung up"
    );
    desk.nothing_is_left().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs live/run.sh"]
async fn rule_13_who_does_not_answer_outside_gives_the_customer_back_to_the_agent() {
    let mut desk = Desk::fresh_of(with_a_way_out()).await;
    let _maria = Party::maria(&[]);
    let silent = outsider(&["--no-answer"]);
    let caller = Party::caller(&["--until-bye"]);
    let (arrival, offer) = desk.talking(61).await;
    let contact = ContactId(61);
    desk.hand_over(61, Target::Number("+493098765".into()), 30);
    desk.rings(&outside_leg(offer)).await;
    // The core's deadline: back in line, then the agent is asked again.
    desk.send(Command::Do(Output::Waiting {
        contact,
        queue: arrival.queue.clone(),
    }));
    let offer = desk.offer(61, 2, "maria");
    desk.input(Input::Accept { offer }).await;
    desk.input(Input::Connected { offer }).await;
    desk.audio_flows_both_ways([&arrival.call.channel, &leg(offer)])
        .await;
    silent.said("withdrawn").await;
    drop(silent);

    // One who refuses is told at once, and a number that no trunk permits is not even called.
    let _busy = outsider(&["--reject", "486"]);
    desk.hand_over(61, Target::Number("+493098765".into()), 20);
    desk.handed_over(61, false).await;
    desk.hand_over(61, Target::Number("+882998765".into()), 20);
    desk.handed_over(61, false).await;
    desk.end(61, Outcome::Answered);
    assert!(caller.ended_well().await);
    desk.nothing_is_left().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs live/run.sh"]
async fn a_trunk_carries_no_more_calls_than_its_limits_say_and_a_successor_still_knows() {
    let mut desk = Desk::fresh_of(with_a_way_out()).await;
    let _maria = Party::maria(&[]);
    let _noah = Party::noah(&[]);
    let legals = outsider(&[]);
    let first = Party::caller(&["--until-bye", "--from", "10.88.0.10:5081"]);
    let (one, talk) = desk.talking(62).await;
    let second = Party::caller(&["--until-bye", "--from", "10.88.0.10:5082"]);
    let two = desk.admit(63).await;
    let offer = desk.offer(63, 1, "noah");
    desk.input(Input::Connected { offer }).await;
    desk.hand_over(62, Target::Department("legal".into()), 30);
    desk.handed_over(62, true).await;
    drop(desk);
    let mut held = recovered(
        &one,
        62,
        RecoveredStage::Outside {
            talk,
            together: false,
        },
    );
    let talks = RecoveredStage::Talking {
        offer,
        agent: AgentName::new("noah"),
        held: false,
    };
    held.calls.extend(recovered(&two, 63, talks).calls);
    held.newest = Some(ContactId(63));
    let mut desk = Desk::of(with_a_way_out(), held).await;
    // Found joined, it is told again.
    desk.handed_over(62, true).await;
    desk.end(62, Outcome::Transferred);
    desk.hand_over(63, Target::Department("legal".into()), 10);
    desk.handed_over(63, false).await;
    desk.end(63, Outcome::Answered);
    assert!(second.ended_well().await);
    legals.hangs_up().await;
    assert!(first.ended_well().await, "legal hangs up");
    desk.nothing_is_left().await;
}

/// Who is outside rings for eight seconds, so that the first engine ends while they do.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs live/run.sh"]
async fn rule_13_a_consult_outside_rings_and_becomes_a_conference_under_one_engine_after_another() {
    let mut centre = Centre::open(way_out).await;
    let phone = Party::maria(&["--tone", "1000"]);
    centre.works("maria").await;
    let caller = Party::caller(&["--until-bye", "--tone", "440"]);
    let contact = centre.contact("talking", Some("maria")).await;
    let outside = outsider(&["--answer", "8", "--tone", "700"]);
    let ask = json!({"do": "consult", "contact": contact, "to": {"department": "press"}});
    centre.does("maria", ask).await;
    centre.contact("outside", None).await;
    outside.said("offered").await;

    centre.succeed().await; // as it rings
    let consult = centre.contact("away", None).await;
    assert_ne!(consult, contact);
    let ears = || {
        ["10.88.0.20", "10.88.0.11", "10.88.0.10"]
            .map(|at| Ear::at(at, 3.0, &["440", "700", "1000"]))
    };
    let [maria, other, customer] = heard_by(ears()).await;
    assert!(
        maria["700"] > 0.5 && maria["440"] == 0.0,
        "maria hears who is outside: {maria:?}"
    );
    assert!(other["1000"] > 0.5 && other["440"] == 0.0, "{other:?}");
    assert!(customer["700"] + customer["1000"] == 0.0, "{customer:?}");

    let conference = json!({"do": "conference", "contact": contact});
    centre.does("maria", conference).await;
    eventually("three in one bridge", async || {
        let bridges = centre.ari.bridges().await.unwrap();
        bridges.iter().any(|bridge| bridge.channels.len() == 3)
    })
    .await;
    centre.succeed().await; // as they confer
    // Beyond the listing with which it begins, and the one that comes ten seconds later.
    tokio::time::sleep(std::time::Duration::from_secs(12)).await;
    let bridges = centre.ari.bridges().await.unwrap();
    assert!(bridges.iter().any(|bridge| bridge.channels.len() == 3));
    let [maria, other, customer] = heard_by(ears()).await;
    for heard in [maria, other] {
        // Two at once are mostly no tone of one of them.
        assert!(
            heard["other"] > 0.2,
            "they hear the customer too: {heard:?}"
        );
    }
    assert!(customer["silence"] < 1.0, "{customer:?}");

    // The agent puts the phone down: the two go on.
    phone.hangs_up().await;
    let ended = centre.ended(contact).await;
    assert_eq!(ended["outcome"], "transferred", "{ended}");
    let ears = ["10.88.0.11", "10.88.0.10"].map(|at| Ear::at(at, 3.0, &["440", "700"]));
    let [other, customer] = heard_by(ears).await;
    assert!(
        other["440"] > 0.5 && customer["700"] > 0.5,
        "{other:?} {customer:?}"
    );
    outside.hangs_up().await;
    assert!(caller.ended_well().await);
    centre.close().await;
}
