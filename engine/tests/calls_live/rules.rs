//! The rules of who is asked, with real callers and phones: what the core's own tests say of seconds and numbers,
//! said of who talks with whom.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use trunkline_engine::telephony::ari::{ChannelId, ChannelState};
use trunkline_tenant::crds::{AgentName, ClientName};
use trunkline_tenant::{Queue, QueueId, Tenant};

use crate::callbacks::offers;
use crate::centre::{Centre, they_talk};
use crate::desk::*;
use crate::support::eventually;

/// A second client, with a number and a queue of its own.
pub const BOLT: &str = "+493099900";

pub fn orders<'a>(tenant: &'a mut Tenant, client: &str) -> &'a mut Queue {
    tenant
        .queues
        .get_mut(&QueueId::of(client, "orders"))
        .unwrap()
}

pub fn with_bolt(tenant: &mut Tenant) {
    let mut bolt = tenant.clients[&ClientName::from("acme")].clone();
    bolt.display_name = "Bolt".into();
    bolt.numbers = [BOLT.into()].into();
    bolt.entry = Some(QueueId::of("bolt", "orders"));
    tenant.numbers.insert(BOLT.into(), "bolt".into());
    tenant.clients.insert("bolt".into(), bolt);
    let queue = orders(tenant, "acme").clone();
    tenant.queues.insert(QueueId::of("bolt", "orders"), queue);
}

/// Steps that ask for a level of `orders`, each for so many seconds.
pub fn route(queue: &mut Queue, steps: &[(u8, Option<u32>)]) {
    let step = |(level, seconds): &(u8, Option<u32>)| {
        let seconds = seconds.map(|seconds| format!("{seconds}s"));
        json!({"require": {"orders": level}, "prefer": {}, "duration": seconds})
    };
    let steps: Vec<Value> = steps.iter().map(step).collect();
    queue.route = serde_json::from_value(steps.into()).unwrap();
}

/// Noah knows orders at 5, everybody else at 3.
pub fn noah_knows_more(tenant: &mut Tenant) {
    let noah = tenant.agents.get_mut(&AgentName::new("noah")).unwrap();
    noah.skills.insert("orders".into(), 5);
}

fn team(tenant: &mut Tenant, fields: Value) {
    let team = tenant.teams.get_mut("frontline").unwrap();
    let mut whole = serde_json::to_value(&*team).unwrap();
    for (name, field) in fields.as_object().unwrap() {
        whole[name] = field.clone();
    }
    *team = serde_json::from_value(whole).unwrap();
}

/// A caller of their own port, who stays until the centre ends it.
pub fn caller(number: &str, port: u16) -> Party {
    let from = format!("10.88.0.10:{port}");
    Party::to(number, &["--until-bye", "--from", &from])
}

impl Centre {
    /// Waits until a queue has a waiting caller; its number.
    pub async fn waits_in(&self, queue: &str) -> u64 {
        let waiting = async || {
            let contacts = self.contacts().await;
            let mut found = contacts.into_iter().filter(|one| one["queue"] == queue);
            found
                .find(|one| one["state"] == "waiting")
                .map(|one| one["id"].as_u64().unwrap())
        };
        eventually(&format!("a caller in {queue}"), async || {
            waiting().await.is_some()
        })
        .await;
        waiting().await.unwrap()
    }

    pub async fn lets_go(&self, agent: &str, contact: u64) {
        self.does(agent, json!({"do": "end", "contact": contact}))
            .await;
        // Their second of it may be over by now.
        let (status, told) = self.api.does(agent, json!({"do": "wrapUpDone"})).await;
        let path = format!("/api/v1/agents/{agent}");
        assert!(
            status == StatusCode::NO_CONTENT || self.api.get(&path).await.1["state"] != "wrapUp",
            "{told}"
        );
    }

    async fn chat(&self, reference: &str) -> u64 {
        let new = json!({"queue": "chats", "reference": reference});
        let (status, made) = self.api.post("/api/v1/contacts", new).await;
        assert_eq!(status, StatusCode::CREATED, "{made}");
        made["id"].as_u64().unwrap()
    }

    async fn takes_the_chat(&self, agent: &str, chat: u64) {
        let shown = self.api.get(&format!("/api/v1/contacts/{chat}")).await.1;
        assert_eq!(
            (&shown["state"], &shown["agent"]),
            (&json!("offered"), &json!(agent))
        );
        let generation = &shown["generation"];
        self.does(
            agent,
            json!({"do": "accept", "contact": chat, "generation": generation}),
        )
        .await;
    }

    pub async fn state_of(&self, contact: u64) -> String {
        let shown = self.api.get(&format!("/api/v1/contacts/{contact}")).await.1;
        shown["state"].as_str().unwrap().to_owned()
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs live/run.sh"]
async fn rule_1_a_caller_whose_queue_has_priority_goes_before_elder_ones_and_these_by_their_age() {
    let centre = Centre::open(|tenant| {
        with_bolt(tenant);
        orders(tenant, "bolt").priority = 5;
    })
    .await;
    let _maria = Party::maria(&[]);
    let elder = caller(NUMBER, 5081);
    let first = centre.waits_in("acme/orders").await;
    let younger = caller(NUMBER, 5082);
    // Numbers rise one by one.
    let second = first + 1;
    eventually("two callers wait", async || {
        let contacts = centre.contacts().await;
        let waits = |one: &Value| one["id"] == second && one["state"] == "waiting";
        contacts.iter().any(waits)
    })
    .await;
    let preferred = caller(BOLT, 5083);
    let third = centre.waits_in("bolt/orders").await;
    centre.works("maria").await;
    for contact in [third, first, second] {
        assert_eq!(centre.contact("talking", Some("maria")).await, contact);
        centre.lets_go("maria", contact).await;
    }
    assert!(preferred.ended_well().await);
    assert!(elder.ended_well().await && younger.ended_well().await);
    centre.close().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs live/run.sh"]
async fn rule_2_a_caller_goes_on_to_the_next_step_when_nobody_had_what_the_first_asked_for() {
    let centre =
        Centre::open(|tenant| route(orders(tenant, "acme"), &[(5, Some(5)), (3, None)])).await;
    let _maria = Party::maria(&[]);
    centre.works("maria").await;
    let calls = caller(NUMBER, 5081);
    let contact = centre.waits_in("acme/orders").await;
    assert!(
        !log("maria").contains("offered"),
        "her phone is silent in the first step"
    );
    assert_eq!(centre.contact("talking", Some("maria")).await, contact);
    centre.lets_go("maria", contact).await;
    assert!(calls.ended_well().await);
    let record = centre.ended(contact).await;
    let wait = record["waitSeconds"].as_f64().unwrap();
    assert!(wait >= 5.0, "the first step had its time: {wait}");
    centre.close().await;
}

/// Nobody has what the route asks for; after a second it ends.
fn ends_with(queue: &mut Queue, end: Value) {
    route(queue, &[(5, Some(1))]);
    queue.on_exhausted = serde_json::from_value(end).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs live/run.sh"]
async fn rule_3_at_the_end_of_its_route_a_call_overflows_with_its_age_and_then_rings_at_anybody_of_the_team()
 {
    let centre = Centre::open(|tenant| {
        with_bolt(tenant);
        ends_with(orders(tenant, "acme"), json!({"Overflow": "bolt/orders"}));
        ends_with(orders(tenant, "bolt"), json!("Widen"));
    })
    .await;
    let _maria = Party::maria(&[]);
    centre.works("maria").await;
    let calls = caller(NUMBER, 5081);
    let contact = centre.contact("talking", Some("maria")).await;
    let shown = (centre.api.get(&format!("/api/v1/contacts/{contact}")).await).1;
    assert_eq!(shown["queue"], "bolt/orders", "{shown}");
    let arrived = shown["arrived"].as_str().unwrap();
    let age =
        chrono::Utc::now().fixed_offset() - chrono::DateTime::parse_from_rfc3339(arrived).unwrap();
    assert!(age.num_milliseconds() >= 2_000, "two routes ended: {shown}");
    centre.lets_go("maria", contact).await;
    assert!(calls.ended_well().await);
    centre.close().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs live/run.sh"]
async fn rule_3_at_the_end_of_its_route_a_caller_is_told_goodbye_or_leaves_a_message() {
    prompt("goodbye", 600.0, 2);
    let centre = Centre::open(|tenant| {
        with_bolt(tenant);
        ends_with(orders(tenant, "acme"), json!({"Close": "goodbye"}));
        ends_with(orders(tenant, "bolt"), json!({"Voicemail": "goodbye"}));
    })
    .await;
    let ear = Ear::at("10.88.0.10", 60.0, &["600"]);
    let told = caller(NUMBER, 5081);
    let contact = centre.waits_in("acme/orders").await;
    assert_eq!(centre.ended(contact).await["outcome"], "closed");
    assert!(told.ended_well().await, "the centre hangs up");
    let heard = ear.heard_by_now().await;
    assert!(heard["600"] > 0.5, "they hear why: {heard:?}");
    let speaks = Party::to(
        BOLT,
        &["--until-bye", "--from", "10.88.0.10:5082", "--tone", "440"],
    );
    let contact = centre.waits_in("bolt/orders").await;
    assert_eq!(centre.ended(contact).await["outcome"], "voicemail");
    let path = format!("/api/v1/contacts/{contact}/voicemail");
    tokio::time::sleep(std::time::Duration::from_secs(4)).await;
    speaks.hangs_up().await;
    eventually("the message", async || {
        centre.api.get(&path).await.0 == StatusCode::OK
    })
    .await;
    centre.close().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs live/run.sh"]
async fn rule_16_callers_of_a_removed_queue_go_by_its_end_and_who_talks_or_whose_queue_stays_is_not_touched()
 {
    let centre = Centre::open(|tenant| {
        with_bolt(tenant);
        orders(tenant, "bolt").on_exhausted =
            serde_json::from_value(json!({"Overflow": "acme/orders"})).unwrap();
    })
    .await;
    let _maria = Party::maria(&[]);
    centre.works("maria").await;
    let talks = caller(BOLT, 5081);
    let first = centre.contact("talking", Some("maria")).await;
    let moves = caller(BOLT, 5082);
    let second = centre.waits_in("bolt/orders").await;
    let stays = caller(NUMBER, 5083);
    let third = centre.waits_in("acme/orders").await;
    centre
        .change(|tenant| {
            tenant.queues.remove(&QueueId::of("bolt", "orders"));
            tenant.clients.remove(&ClientName::from("bolt"));
            tenant.numbers.remove(&BOLT.into());
        })
        .await;
    let shown = async |contact: u64| {
        let path = format!("/api/v1/contacts/{contact}");
        let shown = centre.api.get(&path).await.1;
        (shown["queue"].clone(), shown["state"].clone())
    };
    assert_eq!(
        shown(second).await,
        (json!("acme/orders"), json!("waiting")),
        "as the end of its route says"
    );
    assert_eq!(shown(third).await.1, "waiting");
    assert_eq!(shown(first).await.1, "talking");
    for contact in [first, second, third] {
        assert_eq!(
            centre.contact("talking", Some("maria")).await,
            contact,
            "with their age"
        );
        centre.lets_go("maria", contact).await;
    }
    for caller in [talks, moves, stays] {
        assert!(caller.ended_well().await);
    }
    centre.close().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs live/run.sh"]
async fn rule_4_the_phone_of_the_longest_idle_rings_and_where_the_queue_says_so_of_the_most_skilled()
 {
    let centre = Centre::open(|tenant| {
        with_bolt(tenant);
        noah_knows_more(tenant);
        let queue = orders(tenant, "bolt");
        route(queue, &[(1, None)]);
        queue.strategy = serde_json::from_value(json!("MostSkilled")).unwrap();
    })
    .await;
    let _maria = Party::maria(&[]);
    let _noah = Party::noah(&[]);
    centre.works("maria").await;
    centre.works("noah").await;
    for (number, agent, port) in [
        (NUMBER, "maria", 5081),
        // Maria's idle time has begun anew.
        (NUMBER, "noah", 5082),
        // Now hers is the longer, and Noah knows more.
        (BOLT, "noah", 5083),
    ] {
        let calls = caller(number, port);
        let contact = centre.contact("talking", None).await;
        let shown = centre
            .api
            .get(&format!("/api/v1/contacts/{contact}"))
            .await
            .1;
        assert_eq!(shown["agent"], agent, "{shown}");
        centre.lets_go(agent, contact).await;
        assert!(calls.ended_well().await);
    }
    centre.close().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs live/run.sh"]
async fn rule_4_a_preferred_skill_a_turn_and_the_last_agent_go_before_who_is_idle_for_longer() {
    let centre = Centre::open(noah_knows_more).await;
    let _maria = Party::maria(&[]);
    let _noah = Party::noah(&[]);
    centre.works("maria").await;
    centre.works("noah").await;
    let prefers = |queue: &mut Queue| {
        queue.route[0].prefer.insert("orders".into(), 5);
    };
    let goes_round = |queue: &mut Queue| {
        queue.route[0].prefer.clear();
        queue.strategy = serde_json::from_value(json!("RoundRobin")).unwrap();
    };
    let tries_the_last = |queue: &mut Queue| {
        queue.strategy = serde_json::from_value(json!("LongestIdle")).unwrap();
        queue.last_agent = Some(serde_json::from_value(json!("20s")).unwrap());
    };
    type Way<'a> = &'a dyn Fn(&mut Queue);
    let ways: [(Way, &[&str]); 3] = [
        // Maria's phone would be the longest idle one both times.
        (&prefers, &["noah", "noah"]),
        // By name: the third time his would be the longest idle one.
        (&goes_round, &["maria", "noah", "maria"]),
        // The first is his as the longest idle one, and the second as whom the customer talked with last.
        (&tries_the_last, &["noah", "noah"]),
    ];
    let mut port = 5081;
    for (way, asked) in ways {
        centre.change(|tenant| way(orders(tenant, "acme"))).await;
        for (n, agent) in asked.iter().enumerate() {
            if asked.len() == 3 && n == 2 {
                // So that it is his that is idle for longer.
                for command in [
                    json!({"do": "notReady", "reason": "a word"}),
                    json!({"do": "ready"}),
                ] {
                    centre.does("maria", command).await;
                }
            }
            let calls = caller(NUMBER, port);
            port += 1;
            let contact = centre.contact("talking", None).await;
            let path = format!("/api/v1/contacts/{contact}");
            let shown = centre.api.get(&path).await.1;
            assert_eq!(shown["agent"], *agent, "call {n} of {asked:?}: {shown}");
            centre.lets_go(agent, contact).await;
            assert!(calls.ended_well().await);
        }
    }
    centre.close().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs live/run.sh"]
async fn rule_5_who_frees_gets_the_first_of_the_callers_whose_step_they_satisfy() {
    let centre = Centre::open(|tenant| {
        with_bolt(tenant);
        noah_knows_more(tenant);
        route(orders(tenant, "bolt"), &[(5, None)]);
    })
    .await;
    let _maria = Party::maria(&[]);
    let _noah = Party::noah(&[]);
    let elder = caller(BOLT, 5081);
    let for_noah = centre.waits_in("bolt/orders").await;
    let younger = caller(NUMBER, 5082);
    let for_anybody = centre.waits_in("acme/orders").await;
    centre.works("maria").await;
    assert_eq!(centre.contact("talking", Some("maria")).await, for_anybody);
    centre.works("noah").await;
    assert_eq!(centre.contact("talking", Some("noah")).await, for_noah);
    centre.lets_go("maria", for_anybody).await;
    centre.lets_go("noah", for_noah).await;
    assert!(elder.ended_well().await && younger.ended_well().await);
    centre.close().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs live/run.sh"]
async fn rule_9_an_agent_whose_phone_is_away_is_offered_a_chat_and_no_call() {
    let centre = Centre::open(|_| {}).await;
    // Otto's phone has never registered; his desk says that he is there.
    centre
        .does("otto", json!({"do": "signIn", "ready": true}))
        .await;
    let calls = caller(NUMBER, 5081);
    let contact = centre.waits_in("acme/orders").await;
    let chat = centre.chat("otto's").await;
    centre.takes_the_chat("otto", chat).await;
    assert_eq!(centre.state_of(contact).await, "waiting");
    let path = format!("/api/v1/contacts/{contact}/explain?agent=otto");
    let (_, why) = centre.api.get(&path).await;
    let reasons = why["agents"][0]["reasons"].to_string();
    assert!(reasons.contains("endpoint can't be reached"), "{why}");
    centre.lets_go("otto", chat).await;
    let _maria = Party::maria(&[]);
    centre.works("maria").await;
    assert_eq!(centre.contact("talking", Some("maria")).await, contact);
    centre.lets_go("maria", contact).await;
    assert!(calls.ended_well().await);
    centre.close().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs live/run.sh"]
async fn rule_9_whose_desk_falls_silent_in_a_talk_talks_on_and_is_rung_again_only_when_it_is_heard()
{
    let centre = Centre::open(|_| {}).await;
    let maria = Party::maria(&["--tone", "1000"]);
    let _noah = Party::noah(&[]);
    // Her desk is to say every few seconds that she is there, and says nothing more.
    let signs_in = json!({"do": "signIn", "ready": true});
    centre.does("maria", signs_in).await;
    let talks = Party::to(
        NUMBER,
        &["--until-bye", "--from", "10.88.0.10:5081", "--tone", "440"],
    );
    let first = centre.contact("talking", Some("maria")).await;
    centre.works("noah").await;
    let of_maria = async || centre.api.get("/api/v1/agents/maria").await.1;
    eventually("her session is taken for dead", async || {
        of_maria().await["alive"] == false
    })
    .await;
    they_talk(("10.88.0.20", "1000"), ("10.88.0.10", "440")).await;
    let shown = centre.api.get(&format!("/api/v1/contacts/{first}")).await.1;
    let still = (&shown["state"], &shown["agent"], &shown["generation"]);
    assert_eq!(still, (&json!("talking"), &json!("maria"), &json!(1)));
    assert_eq!(offers("noah"), 0, "nobody else is rung for it");
    // Noah is free, and gets the next.
    let next = caller(NUMBER, 5082);
    let second = centre.contact("talking", Some("noah")).await;
    let last = caller(NUMBER, 5083);
    let third = centre.waits_in("acme/orders").await;
    // Her phone is all that she has.
    maria.hangs_up().await;
    assert!(talks.ended_well().await);
    eventually("she has wrapped up", async || {
        of_maria().await["state"] == "notReady"
    })
    .await;
    assert_eq!(of_maria().await["reason"], "session lost");
    assert_eq!(centre.ended(first).await["outcome"], "answered");
    assert_eq!(centre.state_of(third).await, "waiting");
    assert_eq!(offers("maria"), 1, "her phone is silent");
    centre.does("maria", json!({"do": "heartbeat"})).await;
    assert_eq!(centre.contact("talking", Some("maria")).await, third);
    assert_eq!(offers("maria"), 2);
    centre.lets_go("maria", third).await;
    centre.lets_go("noah", second).await;
    assert!(next.ended_well().await && last.ended_well().await);
    centre.close().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs live/run.sh"]
async fn rule_16_a_phone_that_rings_as_the_configuration_changes_rings_on_under_its_offer_and_is_answered()
 {
    let centre = Centre::open(|_| {}).await;
    let maria = Party::maria(&["--answer", "8"]);
    let _noah = Party::noah(&[]);
    centre.works("maria").await;
    centre.works("noah").await;
    let calls = caller(NUMBER, 5081);
    let contact = centre.contact("offered", Some("maria")).await;
    maria.said("offered").await;
    // Whoever came now would ring at Noah's alone, and not for long.
    centre
        .change(|tenant| {
            noah_knows_more(tenant);
            let queue = orders(tenant, "acme");
            route(queue, &[(5, None)]);
            queue.ring = serde_json::from_value(json!("15s")).unwrap();
        })
        .await;
    let path = format!("/api/v1/contacts/{contact}");
    let shown = centre.api.get(&path).await.1;
    let still = (&shown["state"], &shown["agent"], &shown["generation"]);
    assert_eq!(still, (&json!("offered"), &json!("maria"), &json!(1)));
    let leg = ChannelId::new(format!("o-{contact}-1"));
    let ringing = centre.ari.channel(&leg).await.unwrap();
    assert_eq!(ringing.state, ChannelState::Ringing, "it rings on");
    assert_eq!(centre.contact("talking", Some("maria")).await, contact);
    let shown = centre.api.get(&path).await.1;
    assert_eq!(shown["generation"], 1, "of that offer: {shown}");
    assert_eq!((offers("maria"), offers("noah")), (1, 0));
    // The new configuration is there for the next.
    let next = caller(NUMBER, 5082);
    let second = centre.contact("talking", Some("noah")).await;
    centre.lets_go("maria", contact).await;
    centre.lets_go("noah", second).await;
    assert!(calls.ended_well().await && next.ended_well().await);
    centre.close().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs live/run.sh"]
async fn rule_10_a_call_rings_during_chats_where_it_may_and_the_next_waits_for_the_wrap_up() {
    let centre = Centre::open(|tenant| {
        let fields = json!({"wrapUp": "4s", "interrupts": [{"by": "Voice", "during": "Chat"}]});
        team(tenant, fields);
    })
    .await;
    let _maria = Party::maria(&[]);
    centre.works("maria").await;
    for reference in ["one", "two"] {
        let chat = centre.chat(reference).await;
        centre.takes_the_chat("maria", chat).await;
    }
    let first = caller(NUMBER, 5081);
    // Both chats are open, and the phone rings.
    eventually("a call beside two chats", async || {
        let contacts = centre.contacts().await;
        let talks = contacts
            .iter()
            .filter(|one| one["state"] == "talking" && one["agent"] == "maria");
        talks.count() == 3
    })
    .await;
    let third = centre.chat("three").await;
    assert_eq!(
        centre.state_of(third).await,
        "waiting",
        "no chat interrupts a call"
    );
    // Else it would come before the next caller, who comes later.
    let gone = format!("/api/v1/contacts/{third}/gone");
    assert_eq!(centre.api.post(&gone, json!({})).await.0, 204);
    let second = caller(NUMBER, 5082);
    let waits = centre.waits_in("acme/orders").await;
    let call = centre
        .contacts()
        .await
        .into_iter()
        .find(|one| one["state"] == "talking" && one["queue"] == "acme/orders");
    let call = call.unwrap()["id"].as_u64().unwrap();
    centre
        .does("maria", json!({"do": "end", "contact": call}))
        .await;
    assert_eq!(centre.state_of(waits).await, "waiting", "she wraps up");
    assert!(first.ended_well().await);
    eventually("the next call", async || {
        centre.state_of(waits).await == "talking"
    })
    .await;
    let ended = centre.ended(call).await;
    assert!(ended["wrapUpSeconds"].as_f64().unwrap() >= 4.0, "{ended}");
    centre.lets_go("maria", waits).await;
    assert!(second.ended_well().await);
    centre.close().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs live/run.sh"]
async fn rule_11_the_caller_of_a_client_below_its_guarantee_is_put_through_before_an_elder_one() {
    let centre = Centre::open(|tenant| {
        with_bolt(tenant);
        orders(tenant, "acme").teams[0].guaranteed = 1;
        orders(tenant, "acme").teams[0].weight = Some(1);
        orders(tenant, "bolt").teams[0].weight = Some(1);
    })
    .await;
    let _maria = Party::maria(&[]);
    let _noah = Party::noah(&[]);
    let elder = caller(BOLT, 5081);
    let bolts = centre.waits_in("bolt/orders").await;
    let younger = caller(NUMBER, 5082);
    let acmes = centre.waits_in("acme/orders").await;
    centre.works("maria").await;
    assert_eq!(centre.contact("talking", Some("maria")).await, acmes);
    assert_eq!(centre.state_of(bolts).await, "waiting");
    centre.works("noah").await;
    assert_eq!(centre.contact("talking", Some("noah")).await, bolts);
    centre.lets_go("maria", acmes).await;
    centre.lets_go("noah", bolts).await;
    assert!(elder.ended_well().await && younger.ended_well().await);
    centre.close().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs live/run.sh"]
async fn rule_12_before_a_break_the_phone_stays_silent_and_another_agent_takes_the_call() {
    let centre = Centre::open(|tenant| {
        let mut capacity = serde_json::to_value(&tenant.capacity).unwrap();
        capacity["breakGuard"] = json!("10m");
        tenant.capacity = serde_json::from_value(capacity).unwrap();
        // In no debt: without a service level it can't be.
        orders(tenant, "acme").service_level = None;
    })
    .await;
    let _maria = Party::maria(&[]);
    let _noah = Party::noah(&[]);
    let now = chrono::Utc::now();
    let soon = now + chrono::Duration::minutes(1);
    let rota = json!({"shifts": [{
        "from": now - chrono::Duration::hours(1), "to": now + chrono::Duration::hours(7),
        "breaks": [{"from": soon, "to": soon + chrono::Duration::minutes(15)}],
    }]});
    let path = "/api/v1/agents/maria/rota";
    let (status, told) = centre.api.ask(Method::PUT, path, Some(rota)).await;
    assert_eq!(status, StatusCode::NO_CONTENT, "{told}");
    centre.works("maria").await;
    let calls = caller(NUMBER, 5081);
    let contact = centre.waits_in("acme/orders").await;
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    assert_eq!(centre.state_of(contact).await, "waiting");
    assert!(!log("maria").contains("offered"), "her phone is silent");
    centre.works("noah").await;
    assert_eq!(centre.contact("talking", Some("noah")).await, contact);
    centre.lets_go("noah", contact).await;
    assert!(calls.ended_well().await);
    centre.close().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs live/run.sh"]
async fn rule_6_one_phone_at_a_time_rings_and_who_picks_up_too_late_is_told_so_by_silence() {
    let centre = Centre::open(|tenant| {
        orders(tenant, "acme").ring = serde_json::from_value(json!("4s")).unwrap();
    })
    .await;
    let late = Party::maria(&["--answer", "8"]);
    let _noah = Party::noah(&["--answer", "0.5"]);
    centre.works("maria").await;
    centre.works("noah").await;
    let calls = caller(NUMBER, 5082);
    let contact = centre.contact("offered", Some("maria")).await;
    assert!(!log("noah").contains("offered"), "one phone rings");
    // Rule 7: her four seconds are over, and the other's begin.
    assert_eq!(centre.contact("talking", Some("noah")).await, contact);
    let (_, maria) = centre.api.get("/api/v1/agents/maria").await;
    assert_eq!(
        (&maria["state"], &maria["reason"]),
        (&json!("notReady"), &json!("rona"))
    );
    late.said("withdrawn").await;
    centre.lets_go("noah", contact).await;
    assert!(calls.ended_well().await);
    let ended = centre.ended(contact).await;
    assert_eq!(ended["outcome"], "answered", "{ended}");
    centre.close().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs live/run.sh"]
async fn rule_7_who_lets_it_ring_is_not_ready_and_the_caller_goes_to_another_before_younger_ones() {
    let centre = Centre::open(|tenant| {
        orders(tenant, "acme").ring = serde_json::from_value(json!("3s")).unwrap();
    })
    .await;
    let silent = Party::maria(&["--no-answer"]);
    let _noah = Party::noah(&[]);
    centre.works("maria").await;
    let elder = caller(NUMBER, 5081);
    let first = centre.contact("offered", Some("maria")).await;
    let younger = caller(NUMBER, 5082);
    let let_it_ring = async |contact: u64| {
        eventually("nobody answered", async || {
            let maria = centre.api.get("/api/v1/agents/maria").await.1;
            maria["reason"] == "rona" && centre.state_of(contact).await == "waiting"
        })
        .await;
    };
    let_it_ring(first).await;
    silent.said("withdrawn").await;
    let second = first + 1;
    // Alone she is asked again, for the elder first.
    centre.does("maria", json!({"do": "ready"})).await;
    assert_eq!(centre.contact("offered", Some("maria")).await, first);
    let_it_ring(first).await;
    centre.works("noah").await;
    assert_eq!(
        centre.contact("talking", Some("noah")).await,
        first,
        "at its old rank"
    );
    assert_eq!(centre.state_of(second).await, "waiting");
    centre.lets_go("noah", first).await;
    assert_eq!(centre.contact("talking", Some("noah")).await, second);
    centre.lets_go("noah", second).await;
    assert!(elder.ended_well().await && younger.ended_well().await);
    centre.close().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs live/run.sh"]
async fn rule_15_the_api_says_why_a_caller_waits_and_afterwards_why_they_went_where_they_went() {
    let centre = Centre::open(|tenant| {
        noah_knows_more(tenant);
        route(orders(tenant, "acme"), &[(5, None)]);
    })
    .await;
    let _maria = Party::maria(&[]);
    let _noah = Party::noah(&[]);
    centre.works("maria").await;
    let calls = caller(NUMBER, 5081);
    let contact = centre.waits_in("acme/orders").await;
    let of = async |agent: &str, at: &str| {
        let path = format!("/api/v1/contacts/{contact}/explain?agent={agent}{at}");
        let (status, why) = centre.api.get(&path).await;
        assert_eq!(status, StatusCode::OK, "{why}");
        (
            why["history"].to_string(),
            why["agents"][0]["reasons"].to_string(),
        )
    };
    let short = "the step asks for orders at 5, the agent has 3";
    let (history, maria) = of("maria", "").await;
    assert!(maria.contains(short), "{maria}");
    assert!(history.contains("arrives in acme/orders"), "{history}");
    let (_, noah) = of("noah", "").await;
    assert!(noah.contains("not signed in"), "he isn't there: {noah}");
    let before = chrono::Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Micros, true);
    centre.works("noah").await;
    assert_eq!(centre.contact("talking", Some("noah")).await, contact);
    centre.lets_go("noah", contact).await;
    assert!(calls.ended_well().await);
    centre.ended(contact).await;
    // Of a call that is over, and of a moment that has gone.
    let (history, _) = of("noah", "").await;
    for what in ["is offered to noah", "talks with noah"] {
        assert!(history.contains(what), "{what}: {history}");
    }
    let (history, then) = of("maria", &format!("&at={before}")).await;
    assert!(then.contains(short), "{then}");
    assert!(!history.contains("noah"), "{history}");
    centre.close().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs live/run.sh"]
async fn rule_8_a_caller_waits_on_after_the_route_until_they_hang_up_and_is_abandoned_by_nobody_else()
 {
    let centre = Centre::open(|tenant| {
        let orders = orders(tenant, "acme");
        route(orders, &[(5, Some(1))]);
        orders.on_exhausted = serde_json::from_value(json!("Hold")).unwrap();
    })
    .await;
    let from = "10.88.0.10:5083";
    let stays = Party::to(NUMBER, &["--until-bye", "--from", from]);
    let contact = centre.waits_in("acme/orders").await;
    tokio::time::sleep(std::time::Duration::from_secs(4)).await;
    assert_eq!(centre.state_of(contact).await, "waiting");
    stays.hangs_up().await;
    let ended = centre.ended(contact).await;
    assert_eq!(ended["outcome"], "abandoned", "{ended}");
    centre.close().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs live/run.sh"]
async fn rule_13_who_is_handed_over_outside_comes_back_where_nobody_answers_there_and_else_talks_on()
 {
    let centre = Centre::open(crate::outside::way_out).await;
    let _maria = Party::maria(&[]);
    centre.works("maria").await;
    let calls = caller(NUMBER, 5084);
    let contact = centre.contact("talking", Some("maria")).await;
    let silent = crate::outside::outsider(&["--no-answer"]);
    let to = |department| json!({"do": "transfer", "contact": contact, "to": {"department": department}});
    centre.does("maria", to("legal")).await;
    let outside = async |state: &str| {
        eventually(&format!("the contact is {state}"), async || {
            centre.state_of(contact).await == state
        })
        .await;
    };
    outside("outside").await;
    // Nobody answers there within its time: back to who handed them over.
    assert_eq!(centre.contact("talking", Some("maria")).await, contact);
    silent.said("withdrawn").await;
    drop(silent);
    let answers = crate::outside::outsider(&[]);
    centre.does("maria", to("press")).await;
    let ended = centre.ended(contact).await;
    assert_eq!(ended["outcome"], "transferred", "{ended}");
    answers.hangs_up().await;
    assert!(calls.ended_well().await, "when they hang up there");
    centre.close().await;
}
