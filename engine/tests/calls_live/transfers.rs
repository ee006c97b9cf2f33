//! Rule 13 within the centre: customers handed over to other queues and to teams, by real phones.

use serde_json::{Value, json};
use trunkline_tenant::crds::{AgentName, ClientName, TeamName};
use trunkline_tenant::{QueueId, Tenant};

use crate::callbacks::offers;
use crate::calls::with_lena;
use crate::centre::{Centre, heard_by};
use crate::desk::*;
use crate::rules::{BOLT, orders, with_bolt};
use crate::support::eventually;

/// Noah is of a team of his own, whose queue the centre's `orders` is: bolt's number leads there.
fn noah_is_of_another_team(tenant: &mut Tenant) {
    with_bolt(tenant);
    let second = TeamName::from("second");
    let team = tenant.teams["frontline"].clone();
    tenant.teams.insert(second.clone(), team);
    let noah = tenant.agents.get_mut(&AgentName::new("noah")).unwrap();
    noah.team = Some(second.clone());
    let theirs = QueueId::centre("orders");
    tenant.queues.get_mut(&theirs).unwrap().teams[0].name = second;
    let bolt = tenant.clients.get_mut(&ClientName::from("bolt")).unwrap();
    bolt.entry = Some(theirs);
}

/// A caller of the tone 440.
fn sings(number: &str, port: u16) -> Party {
    let from = format!("10.88.0.10:{port}");
    Party::to(number, &["--until-bye", "--from", &from, "--tone", "440"])
}

const TONES: [&str; 3] = ["440", "700", "1000"];

/// An agent's tone is heard by the customer, and theirs by the agent; nobody hears the other agent.
async fn talk(agent: (&str, &str), other: &str) {
    let ears = [agent.0, "10.88.0.10"].map(|at| Ear::at(at, 3.0, &TONES));
    let [told, customer] = heard_by(ears).await;
    assert!(told["440"] > 0.5, "the agent hears them: {told:?}");
    assert!(customer[agent.1] > 0.5, "they hear the agent: {customer:?}");
    assert_eq!(customer[other], 0.0, "and nobody else: {customer:?}");
}

const MARIA: (&str, &str) = ("10.88.0.20", "1000");
const NOAH: (&str, &str) = ("10.88.0.21", "700");

/// Nobody but music, in each call at the carrier's address.
async fn all_hear_music(callers: usize) {
    let flows = Ear::at("10.88.0.10", 5.0, &TONES).flows().await;
    assert_eq!(flows.len(), callers, "{flows:?}");
    for heard in flows {
        assert!(heard["other"] > 1.0, "music: {heard:?}");
        assert_eq!(heard["1000"] + heard["700"], 0.0, "no agent: {heard:?}");
    }
}

impl Centre {
    /// Queue and agent of each stretch of a contact that is over.
    async fn stretches(&self, contact: u64) -> Vec<(String, String)> {
        let path = format!("/api/v1/contacts/{contact}");
        eventually("all its rows", async || {
            self.api.get(&path).await.1["complete"] == true
        })
        .await;
        let record = self.api.get(&path).await.1;
        let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let rows = record["segments"].as_array().unwrap().iter();
        rows.map(|row| (word(&row["queue"]), word(&row["agent"])))
            .collect()
    }

    async fn hands_over(&self, agent: &str, contact: u64, to: Value) {
        let transfer = json!({"do": "transfer", "contact": contact, "to": to});
        self.does(agent, transfer).await;
    }
}

fn row(queue: &str, agent: &str) -> (String, String) {
    (queue.into(), agent.into())
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs live/run.sh"]
async fn rule_13_who_is_handed_over_to_a_queue_hears_music_there_and_talks_before_those_who_came_later()
 {
    let mut centre = Centre::open(noah_is_of_another_team).await;
    let maria = Party::maria(&["--tone", "1000"]);
    let _noah = Party::noah(&["--tone", "700"]);
    centre.works("maria").await;
    let calls = sings(NUMBER, 5081);
    let contact = centre.contact("talking", Some("maria")).await;
    talk(MARIA, "700").await;
    let later = sings(BOLT, 5082);
    let other = centre.waits_in("orders").await;
    centre
        .hands_over("maria", contact, json!({"queue": "orders"}))
        .await;
    maria.said("ended by the other side").await;
    all_hear_music(2).await;
    // Nobody of that queue is there, and she, who is free again, is not of it.
    assert_eq!(centre.state_of(contact).await, "waiting");
    centre.succeed().await;
    all_hear_music(2).await;
    centre.works("noah").await;
    assert_eq!(centre.contact("talking", Some("noah")).await, contact);
    talk(NOAH, "1000").await;
    centre.lets_go("noah", contact).await;
    assert!(calls.ended_well().await);
    assert_eq!(centre.contact("talking", Some("noah")).await, other);
    centre.lets_go("noah", other).await;
    assert!(later.ended_well().await);
    let of = [row("acme/orders", "maria"), row("orders", "noah")];
    assert_eq!(centre.stretches(contact).await, of);
    assert_eq!(offers("maria"), 1);
    centre.close().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs live/run.sh"]
async fn rule_13_who_is_handed_over_to_a_team_hears_music_while_it_rings_and_returns_where_nobody_answers()
 {
    let centre = Centre::open(|tenant| {
        noah_is_of_another_team(tenant);
        orders(tenant, "acme").ring = serde_json::from_value(json!("8s")).unwrap();
        with_lena(tenant);
    })
    .await;
    let _maria = Party::maria(&["--tone", "1000"]);
    let silent = Party::noah(&["--no-answer"]);
    centre.works("maria").await;
    centre.works("noah").await;
    let calls = sings(NUMBER, 5081);
    let contact = centre.contact("talking", Some("maria")).await;
    // Of the first team, and free: in line she would be asked before who has just talked.
    let _lena = Party::phone("lena", "10.88.0.23", &[]);
    centre.works("lena").await;
    let second = || json!({"team": "second"});
    centre.hands_over("maria", contact, second()).await;
    assert_eq!(centre.contact("offered", Some("noah")).await, contact);
    silent.said(" offered ").await;
    all_hear_music(1).await;
    // Eight seconds in vain: back to who handed them over.
    assert_eq!(centre.contact("talking", Some("maria")).await, contact);
    silent.said("withdrawn").await;
    talk(MARIA, "700").await;
    drop(silent);
    let _noah = Party::noah(&["--answer", "1", "--tone", "700"]);
    centre.does("noah", json!({"do": "ready"})).await;
    centre.hands_over("maria", contact, second()).await;
    assert_eq!(centre.contact("talking", Some("noah")).await, contact);
    talk(NOAH, "1000").await;
    centre.lets_go("noah", contact).await;
    assert!(calls.ended_well().await);
    let of = [
        row("acme/orders", "maria"),
        row("acme/orders", "maria"),
        row("acme/orders", "noah"),
    ];
    assert_eq!(centre.stretches(contact).await, of);
    assert_eq!(offers("lena"), 0);
    centre.close().await;
}
