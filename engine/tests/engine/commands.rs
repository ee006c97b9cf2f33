//! What an agent does beside taking and ending: hands over, refuses, rests, needs longer. Each over HTTP and over the
//! session, with what the record shows afterwards and what is said where it can't be.

use serde_json::{Value, json};
use trunkline_engine::run::Voice;

use crate::centre::{Centre, add_queue, queue, set, sofia_is_a_specialist, stretch};
use crate::session::Desk;
use crate::support::{Client, eventually, key};

/// Maria talks with a chat; Noah is there.
pub async fn maria_talks(centre: &Centre) -> u64 {
    centre.works("maria").await;
    let chat = centre.comes("chats").await;
    centre.takes("maria", chat).await;
    centre.works("noah").await;
    chat
}

fn transfer(contact: u64, to: Value) -> Value {
    json!({"do": "transfer", "contact": contact, "to": to})
}

async fn queue_now(centre: &Centre, name: &str) -> (u64, u64) {
    let (_, queues) = centre.admin.get("/api/v1/queues").await;
    let queues = queues.as_array().unwrap();
    let found = queues.iter().find(|one| one["queue"] == name).unwrap();
    (
        found["waiting"].as_u64().unwrap(),
        found["talking"].as_u64().unwrap(),
    )
}

#[tokio::test]
async fn rule_13_a_chat_transferred_to_an_agent_keeps_its_age_and_opens_a_new_stretch() {
    let centre = Centre::open(|_| {}).await;
    let chat = maria_talks(&centre).await;
    let arrived = centre.contact(chat).await["arrived"].clone();
    centre
        .does("maria", transfer(chat, json!({"agent": "noah"})))
        .await;
    assert_eq!(centre.agent("maria").await["state"], "wrapUp");
    assert_eq!(queue_now(&centre, "chats").await, (1, 0));
    centre.takes("noah", chat).await;
    assert_eq!(queue_now(&centre, "chats").await, (0, 1));
    centre
        .does(
            "maria",
            json!({"do": "wrapUpDone", "codes": ["handed over"]}),
        )
        .await;
    let why = centre
        .refused("maria", json!({"do": "end", "contact": chat}))
        .await;
    assert!(why.contains("does not talk"), "it is Noah's now: {why}");
    centre.ends("noah", chat).await;
    let of = [stretch("chats", "maria"), stretch("chats", "noah")];
    assert_eq!(centre.stretches(chat).await, of);
    let record = centre.contact(chat).await;
    assert_eq!(record["arrived"], arrived);
    assert_eq!(record["segments"][0]["codes"], json!(["handed over"]));
    assert_eq!(
        (&record["agent"], &record["outcome"]),
        (&json!("noah"), &json!("answered"))
    );
    centre.close().await;
}

#[tokio::test]
async fn rule_13_a_chat_transferred_to_a_queue_waits_there_before_those_who_came_later() {
    let centre = Centre::open(|tenant| add_queue(tenant, "billing", json!({}))).await;
    let chat = maria_talks(&centre).await;
    centre
        .does("noah", json!({"do": "notReady", "reason": "paperwork"}))
        .await;
    let later = centre.comes("billing").await;
    // Who handed it over is asked last, and Maria has the later one offered after her wrap-up.
    centre
        .does("maria", transfer(chat, json!({"queue": "billing"})))
        .await;
    let shown = centre.contact(chat).await;
    assert_eq!(
        (&shown["queue"], &shown["state"]),
        (&json!("billing"), &json!("waiting"))
    );
    assert_eq!(queue_now(&centre, "billing").await.1, 0);
    centre.does("noah", json!({"do": "ready"})).await;
    centre.is(chat, "offered", Some("noah")).await;
    assert_ne!(centre.contact(later).await["agent"], "noah");
    centre.takes("noah", chat).await;
    centre.ends("noah", chat).await;
    // Noah's stretch is complete before Maria's, which was the first.
    assert_eq!(centre.contact(chat).await["complete"], false);
    centre.does("maria", json!({"do": "wrapUpDone"})).await;
    let of = [stretch("chats", "maria"), stretch("billing", "noah")];
    assert_eq!(centre.stretches(chat).await, of);
    let record = centre.contact(chat).await;
    assert_eq!(
        (&record["agent"], &record["complete"]),
        (&json!("noah"), &json!(true))
    );
    centre.close().await;
}

#[tokio::test]
async fn rule_13_a_chat_transferred_to_a_team_that_does_not_answer_returns_to_who_handed_it_over() {
    let centre = Centre::open(|tenant| {
        sofia_is_a_specialist(tenant);
        set(queue(tenant, "chats"), json!({"ring": "3s"}));
    })
    .await;
    let chat = maria_talks(&centre).await;
    centre.works("sofia").await;
    let specialists = json!({"team": "specialists"});
    centre
        .does("maria", transfer(chat, specialists.clone()))
        .await;
    centre.is(chat, "offered", Some("sofia")).await;
    centre.does("maria", json!({"do": "wrapUpDone"})).await;
    centre.becomes(chat, "offered", Some("maria")).await;
    centre.takes("maria", chat).await;
    assert_eq!(centre.agent("sofia").await["reason"], "rona");

    centre.does("sofia", json!({"do": "ready"})).await;
    centre.does("maria", transfer(chat, specialists)).await;
    centre.takes("sofia", chat).await;
    centre.does("maria", json!({"do": "wrapUpDone"})).await;
    centre.ends("sofia", chat).await;
    let of = ["maria", "maria", "sofia"].map(|agent| stretch("chats", agent));
    assert_eq!(centre.stretches(chat).await, of);
    centre.close().await;
}

#[tokio::test]
async fn rule_13_a_transfer_that_cannot_be_leaves_the_chat_where_it_is_and_says_why() {
    let centre = Centre::open(|_| {}).await;
    let chat = maria_talks(&centre).await;
    let busy = centre.comes("mails").await;
    centre.takes("noah", busy).await;
    for (to, why) in [
        (json!({"agent": "maria"}), "maria has it already"),
        (json!({"agent": "noah"}), "agent noah is not free"),
        (json!({"agent": "nobody"}), "agent nobody is not free"),
        (json!({"queue": "nowhere"}), "there is no queue nowhere"),
        (json!({"team": "nobodies"}), "there is no team nobodies"),
        (json!({"department": "legal"}), "legal"),
        (json!({"number": "+4930100"}), "+4930100"),
    ] {
        let told = centre.refused("maria", transfer(chat, to.clone())).await;
        assert!(told.contains(why), "{to}: {told}");
        centre.is(chat, "talking", Some("maria")).await;
    }
    let told = centre
        .refused("noah", transfer(chat, json!({"queue": "mails"})))
        .await;
    assert!(told.contains("noah does not talk with contact"), "{told}");
    let waits = centre.comes("mails").await;
    let told = centre
        .refused("maria", transfer(waits, json!({"queue": "mails"})))
        .await;
    assert!(told.contains("maria does not talk with contact"), "{told}");
    let maria = Client::agent(&centre.engine, "maria");
    for wrong in [
        json!({"queue": "a/b/c"}),
        json!({"planet": "mars"}),
        json!({"agent": "noah", "queue": "chats"}),
    ] {
        let (status, told) = maria.does("maria", transfer(chat, wrong.clone())).await;
        assert_eq!(status, 422, "{wrong}: {told}");
    }
    // While somebody is consulted, nobody is handed anything.
    centre.ends("noah", busy).await;
    let consult = json!({"do": "consult", "contact": chat, "to": {"agent": "noah"}});
    centre
        .does("noah", json!({"do": "notReady", "reason": "x"}))
        .await;
    let told = centre.refused("maria", consult.clone()).await;
    assert!(told.contains("noah is not free"), "{told}");
    centre.does("noah", json!({"do": "ready"})).await;
    centre.close().await;
}

/// A carrier that may call German numbers, and a department at an address.
pub fn calls_out(tenant: &mut trunkline_tenant::Tenant) {
    let trunk = json!({
        "carrier": {"host": "carrier.example"}, "auth": {"type": "Address"}, "codecs": ["alaw"],
        "numbers": ["+493055500"], "limits": {},
        "outbound": {"prefixes": ["+49"], "callerId": "Client"}, "drainDeadline": "30m"
    });
    let trunk = serde_json::from_value(trunk).unwrap();
    tenant.trunks.insert("carrier".into(), trunk);
    let legal = json!({"name": "legal", "transferTo": "sip:legal@pbx.example"});
    let legal = serde_json::from_value(legal).unwrap();
    tenant.departments.insert("legal".into(), legal);
}

#[tokio::test]
async fn an_agent_and_the_api_name_numbers_alone_and_no_address_past_the_trunks_prefixes() {
    const PREMIUM: &str = "sip:+19005550100@carrier";
    let centre = Centre::open(calls_out).await;
    let chat = maria_talks(&centre).await;
    for (number, why) in [
        (PREMIUM, "want a number in E.164"),
        ("sips:+19005550100@carrier", "want a number in E.164"),
        ("+19005550100", "carrier permits +49"),
    ] {
        let to = json!({"number": number});
        let told = centre.refused("maria", transfer(chat, to.clone())).await;
        assert!(told.contains(why), "{number}: {told}");
        let consult = json!({"do": "consult", "contact": chat, "to": to});
        let told = centre.refused("maria", consult).await;
        assert!(told.contains(why), "{number}: {told}");
        centre.is(chat, "talking", Some("maria")).await;
    }
    let maria = Client::agent(&centre.engine, "maria");
    let reference = json!("to be called");
    for customer in [PREMIUM, "030123456", "alice"] {
        let book = json!({"do": "bookCallback", "queue": "calls", "customer": customer});
        let asked = [
            maria.does("maria", book).await,
            (centre.admin)
                .post(
                    "/api/v1/callbacks",
                    json!({"queue": "calls", "customer": customer}),
                )
                .await,
            (centre.admin)
                .post(
                    "/api/v1/contacts",
                    json!({"queue": "calls", "reference": reference, "customer": customer}),
                )
                .await,
        ];
        for (status, told) in asked {
            assert_eq!(status, 422, "{customer}: {told}");
            let why = told["error"].as_str().unwrap();
            assert!(why.contains("want a number in E.164"), "{why}");
        }
    }
    let (_, booked) = centre.admin.get("/api/v1/callbacks").await;
    assert_eq!(booked, json!([]));
    // Where a document of the centre's says so, an address is called.
    let legal = json!({"department": "legal"});
    centre.does("maria", transfer(chat, legal)).await;
    centre.close().await;
}

#[tokio::test]
async fn rule_13_a_warm_transfer_asks_first_and_one_who_is_let_go_leaves_the_chat_with_its_agent() {
    let centre = Centre::open(|_| {}).await;
    let chat = maria_talks(&centre).await;
    let consult = json!({"do": "consult", "contact": chat, "to": {"agent": "noah"}});
    centre.does("maria", consult.clone()).await;
    centre.is(chat, "held", Some("maria")).await;
    let about = |word: &str| json!({"do": word, "contact": chat});
    let told = centre
        .refused("maria", transfer(chat, json!({"queue": "mails"})))
        .await;
    assert!(told.contains("complete it, or cancel it first"), "{told}");
    let told = centre.refused("maria", about("completeConsult")).await;
    assert!(!told.is_empty());
    centre.does("maria", about("cancelConsult")).await;
    centre.is(chat, "talking", Some("maria")).await;
    assert!(centre.in_hand("noah", "offered").await.is_empty());
    let told = centre.refused("maria", about("cancelConsult")).await;
    assert!(!told.is_empty());

    centre.does("maria", consult).await;
    let asked = centre.in_hand("noah", "offered").await[0];
    centre.takes("noah", asked).await;
    centre.does("maria", about("completeConsult")).await;
    centre.is(chat, "talking", Some("noah")).await;
    centre.does("maria", json!({"do": "wrapUpDone"})).await;
    centre.ends("noah", chat).await;
    let of = [stretch("chats", "maria"), stretch("chats", "noah")];
    assert_eq!(centre.stretches(chat).await, of);
    centre.close().await;
}

#[tokio::test]
async fn who_rejects_a_chat_is_not_ready_with_that_reason_and_the_next_is_asked() {
    let centre = Centre::open(|_| {}).await;
    centre.works("maria").await;
    let chat = centre.comes("chats").await;
    centre.works("noah").await;
    let decline = centre.answer(chat, "decline").await;
    let told = centre.refused("noah", decline.clone()).await;
    assert!(told.contains("not (or no longer) noah's"), "{told}");
    centre.does("maria", decline.clone()).await;
    let maria = centre.agent("maria").await;
    assert_eq!(
        (&maria["state"], &maria["reason"]),
        (&json!("notReady"), &json!("refused"))
    );
    centre.is(chat, "offered", Some("noah")).await;
    let told = centre.refused("maria", decline).await;
    assert!(told.contains("not (or no longer) maria's"), "{told}");
    centre.takes("noah", chat).await;
    let (_, why) = centre
        .admin
        .get(&format!("/api/v1/contacts/{chat}/explain"))
        .await;
    assert!(
        why["history"].to_string().contains("is declined: Refused"),
        "{why}"
    );
    centre.ends("noah", chat).await;
    assert_eq!(centre.stretches(chat).await, [stretch("chats", "noah")]);
    centre.close().await;
}

#[tokio::test]
async fn who_is_not_ready_says_why_finishes_what_they_have_and_is_offered_nothing_until_ready() {
    let centre = Centre::open(|_| {}).await;
    let rest = |reason: &str| json!({"do": "notReady", "reason": reason});
    let told = centre.refused("maria", rest("lunch")).await;
    assert!(told.contains("not signed in"), "{told}");
    centre.works("maria").await;
    let chat = centre.comes("chats").await;
    centre.takes("maria", chat).await;
    centre.does("maria", rest("lunch")).await;
    assert_eq!(centre.agent("maria").await["state"], "busy", "it goes on");
    centre.ends("maria", chat).await;
    let maria = centre.agent("maria").await;
    assert_eq!(
        (&maria["state"], &maria["reason"]),
        (&json!("notReady"), &json!("lunch"))
    );
    let next = centre.comes("chats").await;
    centre.is(next, "waiting", None).await;
    let (_, why) = centre
        .admin
        .get(&format!("/api/v1/contacts/{next}/explain?agent=maria"))
        .await;
    assert!(
        why["agents"][0]["reasons"]
            .to_string()
            .contains("not ready: lunch"),
        "{why}"
    );
    centre.does("maria", rest("training")).await;
    assert_eq!(centre.agent("maria").await["reason"], "training");
    // And so another engine tells it.
    let centre = centre.succeeded(Voice::None, Vec::new()).await;
    let maria = centre.agent("maria").await;
    assert_eq!(
        (&maria["state"], &maria["reason"]),
        (&json!("notReady"), &json!("training"))
    );
    centre.is(next, "waiting", None).await;
    let client = Client::agent(&centre.engine, "maria");
    for wrong in [rest(""), json!({"do": "notReady"})] {
        assert_eq!(client.does("maria", wrong.clone()).await.0, 422, "{wrong}");
    }
    centre.does("maria", json!({"do": "ready"})).await;
    assert_eq!(centre.agent("maria").await["reason"], Value::Null);
    centre.is(next, "offered", Some("maria")).await;
    centre.close().await;
}

#[tokio::test]
async fn rule_10_a_wrap_up_is_extended_once_by_its_own_length_and_nothing_is_offered_meanwhile() {
    let centre = Centre::open(|tenant| {
        set(
            tenant.teams.get_mut("frontline").unwrap(),
            json!({"wrapUp": "2s"}),
        );
    })
    .await;
    centre.works("maria").await;
    let extend = json!({"do": "extendWrapUp"});
    let told = centre.refused("maria", extend.clone()).await;
    assert!(told.contains("nothing to wrap up"), "{told}");
    let chat = centre.comes("chats").await;
    centre.takes("maria", chat).await;
    centre
        .does("maria", json!({"do": "end", "contact": chat}))
        .await;
    let until = async || {
        let until = centre.agent("maria").await["until"].clone();
        let until = chrono::DateTime::parse_from_rfc3339(until.as_str().unwrap());
        until.unwrap()
    };
    let first = until().await;
    centre.does("maria", extend.clone()).await;
    assert_eq!((until().await - first).num_milliseconds(), 2000);
    let told = centre.refused("maria", extend).await;
    assert!(told.contains("extended this wrap-up already"), "{told}");
    let next = centre.comes("chats").await;
    centre.is(next, "waiting", None).await;
    assert_eq!(centre.contact(chat).await["complete"], false);
    centre.becomes(next, "offered", Some("maria")).await;
    let record = centre.contact(chat).await;
    assert_eq!(record["complete"], true);
    assert_eq!(record["wrapUpSeconds"], 4.0, "{record}");
    let told = centre.refused("maria", json!({"do": "wrapUpDone"})).await;
    assert!(told.contains("nothing to wrap up"), "{told}");
    centre.close().await;
}

#[tokio::test]
async fn over_their_session_an_agent_rests_rejects_transfers_and_needs_longer_too() {
    let centre = Centre::open(|_| {}).await;
    let mut desk = Desk::open(&centre.engine, "maria", &key().agent_token("maria"))
        .await
        .unwrap();
    let mut next = 0;
    let mut say = async |command: Value| {
        next += 1;
        let mut command = command;
        command["id"] = json!(next);
        desk.says(command).await;
        desk.next(|event| event["id"] == json!(next)).await
    };
    let ok = |answer: &Value| assert_eq!(answer["ok"], true, "{answer}");
    ok(&say(json!({"do": "signIn", "ready": true})).await);
    ok(&say(json!({"do": "notReady", "reason": "lunch"})).await);
    assert_eq!(centre.agent("maria").await["reason"], "lunch");
    ok(&say(json!({"do": "ready"})).await);
    let chat = centre.comes("chats").await;
    ok(&say(centre.answer(chat, "decline").await).await);
    assert_eq!(centre.agent("maria").await["reason"], "refused");
    centre.is(chat, "waiting", None).await;
    ok(&say(json!({"do": "ready"})).await);
    // Nobody else qualifies, and she is ready: it is hers again.
    centre.is(chat, "offered", Some("maria")).await;
    ok(&say(centre.answer(chat, "accept").await).await);
    let refused = say(transfer(chat, json!({"agent": "noah"}))).await;
    assert_eq!(refused["ok"], false);
    assert!(
        refused["error"]
            .as_str()
            .unwrap()
            .contains("noah is not free"),
        "{refused}"
    );
    centre.works("noah").await;
    ok(&say(transfer(chat, json!({"agent": "noah"}))).await);
    centre.is(chat, "offered", Some("noah")).await;
    ok(&say(json!({"do": "extendWrapUp"})).await);
    let again = say(json!({"do": "extendWrapUp"})).await;
    assert!(
        again["error"].as_str().unwrap().contains("extended"),
        "{again}"
    );
    ok(&say(json!({"do": "wrapUpDone", "codes": ["order", "late"]})).await);
    centre.takes("noah", chat).await;
    centre.ends("noah", chat).await;
    let record = centre.contact(chat).await;
    assert_eq!(record["segments"][0]["codes"], json!(["order", "late"]));
    ok(&say(json!({"do": "signOut"})).await);
    eventually("maria is gone", async || {
        centre.agent("maria").await["state"] == "signedOut"
    })
    .await;
    centre.close().await;
}

#[tokio::test]
async fn a_virtual_agents_pod_signs_in_by_its_slot_and_serves_and_nobody_else_joins_a_team_unlisted()
 {
    let centre = Centre::open(|tenant| {
        let mut robots = tenant.teams["frontline"].clone();
        let pods = json!({"image": "robot:1", "contactsPerPod": 2, "minPods": 0, "maxPods": 3});
        set(
            &mut robots,
            json!({"kind": "Virtual", "virtualAgents": pods}),
        );
        tenant.teams.insert("robots".into(), robots);
        let teams = json!([{"name": "robots", "guaranteed": 0}]);
        set(queue(tenant, "chats"), json!({"teams": teams}));
    })
    .await;
    let joins =
        |team: &str| json!({"do": "signIn", "ready": true, "presence": "endpoint", "team": team});
    for (who, team, why) in [
        ("eve", "frontline", "team of people"),
        ("frontline-a1-0", "frontline", "team of people"),
        ("eve", "robots", "robots-<pod>-<slot>"),
        ("robots-0", "robots", "robots-<pod>-<slot>"),
        ("robots-a1-b2-0", "robots", "robots-<pod>-<slot>"),
        ("robots-a1-2", "robots", "from 0 to 1"),
        ("eve", "robotz", "no team `robotz`"),
    ] {
        let client = Client::agent(&centre.engine, who);
        let (status, told) = client.does(who, joins(team)).await;
        assert!(
            status == 403 || status == 404,
            "{who} in {team}: {status} {told}"
        );
        assert!(told["error"].as_str().unwrap().contains(why), "{told}");
        assert_eq!(
            centre.admin.get(&format!("/api/v1/agents/{who}")).await.0,
            404
        );
    }
    // A text that a database doesn't take.
    let (status, told) = centre.admin.does("robots-a%001-0", joins("robots")).await;
    assert_eq!(status, 422, "{told}");
    centre.does("robots-a1-1", joins("robots")).await;
    let chat = centre.comes("chats").await;
    centre.becomes(chat, "offered", Some("robots-a1-1")).await;
    centre.takes("robots-a1-1", chat).await;
    centre.ends("robots-a1-1", chat).await;
    assert_eq!(
        centre.stretches(chat).await,
        [stretch("chats", "robots-a1-1")]
    );
    // And over the session, as a pod does it.
    let slot = "robots-a1-0";
    let mut pod = Desk::open(&centre.engine, slot, &key().agent_token(slot))
        .await
        .unwrap();
    pod.says(json!({"id": 1, "do": "signIn", "ready": true, "team": "robots"}))
        .await;
    pod.next(|told| told["agent"]["state"] == "idle").await;
    centre.does("robots-a1-1", json!({"do": "signOut"})).await;
    let chat = centre.comes("chats").await;
    let asked = pod
        .next(|told| told["contacts"][0]["state"] == "offered")
        .await;
    assert_eq!(asked["contacts"][0]["id"], chat);
    // Each pod has names of its own: who has signed out is no agent any more.
    let listed = async |who: &str| centre.admin.get(&format!("/api/v1/agents/{who}")).await.0;
    assert_eq!(listed("robots-a1-1").await, 404);
    assert_eq!(listed(slot).await, 200);
    centre.close().await;
}

#[tokio::test]
async fn rule_13_nothing_is_handed_to_a_queue_of_another_medium_where_nobody_could_take_it() {
    let centre = Centre::open(|_| {}).await;
    centre.works("maria").await;
    let chat = centre.comes("chats").await;
    centre.takes("maria", chat).await;
    for way in ["transfer", "consult"] {
        let hands_over = json!({"do": way, "contact": chat, "to": {"queue": "mails"}});
        let (status, told) = centre.admin.does("maria", hands_over).await;
        assert_eq!(status, 409, "{told}");
        let why = told["error"].as_str().unwrap();
        assert!(
            why.contains("mails is a queue for Email, and this is Chat"),
            "{why}"
        );
    }
    centre.becomes(chat, "talking", Some("maria")).await;
    centre.ends("maria", chat).await;
    centre.close().await;
}
