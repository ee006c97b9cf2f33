//! The rules of offers and of who may have them, for chats, e-mails and callbacks over HTTP.

use chrono::{Duration as Length, Utc};
use reqwest::Method;
use serde_json::json;

use crate::centre::{Centre, acme_and_bolt_take_turns, queue, set, step, two_clients_share};
use crate::support::{Client, eventually};

#[tokio::test]
async fn rule_6_an_offer_is_one_agents_and_an_answer_to_an_older_one_is_void_and_told_so() {
    let centre = Centre::open(|tenant| set(queue(tenant, "chats"), json!({"ring": "2s"}))).await;
    centre.works("maria").await;
    let chat = centre.comes("chats").await;
    let other = centre.comes("chats").await;
    assert_eq!(
        centre.in_hand("maria", "offered").await,
        [chat],
        "one at a time"
    );
    centre.is(other, "waiting", None).await;
    let first = centre.answer(chat, "accept").await;
    centre.works("noah").await;
    centre.is(other, "offered", Some("noah")).await;
    let others = centre.answer(other, "accept").await;
    let why = centre.refused("maria", others.clone()).await;
    assert!(why.contains("not (or no longer) maria's"), "{why}");
    centre.does("noah", others).await;

    // Maria lets it ring: it is offered under a new generation, and hers is void.
    centre.becomes(chat, "offered", Some("noah")).await;
    let why = centre.refused("maria", first.clone()).await;
    assert!(why.contains("it may have lapsed"), "{why}");
    let why = centre.refused("noah", first).await;
    assert!(why.contains("not (or no longer) noah's"), "{why}");
    let second = centre.answer(chat, "accept").await;
    assert_eq!(second["generation"], 2);
    centre.does("noah", second).await;
    centre.is(chat, "talking", Some("noah")).await;
    centre.close().await;
}

#[tokio::test]
async fn rule_7_a_mail_that_is_not_taken_goes_to_the_next_at_its_old_rank_and_who_let_it_lie_is_not_ready()
 {
    let centre = Centre::open(|tenant| set(queue(tenant, "mails"), json!({"ring": "2s"}))).await;
    centre.works("maria").await;
    let mail = centre.comes("mails").await;
    let arrived = centre.contact(mail).await["arrived"].clone();
    centre.becomes(mail, "waiting", None).await;
    let maria = centre.agent("maria").await;
    assert_eq!(
        (&maria["state"], &maria["reason"]),
        (&json!("notReady"), &json!("rona"))
    );
    let later = centre.comes("mails").await;
    centre.works("noah").await;
    centre.is(mail, "offered", Some("noah")).await;
    assert_eq!(centre.contact(mail).await["arrived"], arrived);
    // While another qualifies, it is not Maria's again.
    centre.does("maria", json!({"do": "ready"})).await;
    centre.is(later, "offered", Some("maria")).await;
    centre.takes("noah", mail).await;
    centre.close().await;
}

#[tokio::test]
async fn rule_7_a_chat_that_is_not_taken_goes_to_the_next_and_who_let_it_lie_gets_it_again_if_alone()
 {
    let centre = Centre::open(|tenant| set(queue(tenant, "chats"), json!({"ring": "2s"}))).await;
    centre.works("maria").await;
    let chat = centre.comes("chats").await;
    let arrived = centre.contact(chat).await["arrived"].clone();
    centre.becomes(chat, "waiting", None).await;
    assert_eq!(centre.agent("maria").await["reason"], "rona");
    // What follows may take its time.
    centre
        .change(|tenant| set(queue(tenant, "chats"), json!({"ring": "1m"})))
        .await;
    let later = centre.comes("chats").await;
    centre.works("noah").await;
    centre.is(chat, "offered", Some("noah")).await;
    assert_eq!(centre.contact(chat).await["arrived"], arrived);
    // While another qualifies, it is not Maria's again.
    centre.does("maria", json!({"do": "ready"})).await;
    centre.is(later, "offered", Some("maria")).await;
    centre.takes("maria", later).await;
    centre.does("noah", json!({"do": "signOut"})).await;
    centre.takes("maria", chat).await;
    centre.close().await;
}

#[tokio::test]
async fn rule_9_who_is_not_there_or_not_ready_is_offered_nothing_and_who_leaves_finishes_what_they_have()
 {
    let centre = Centre::open(|_| {}).await;
    let chat = centre.comes("chats").await;
    centre.is(chat, "waiting", None).await;
    centre
        .does("maria", json!({"do": "signIn", "presence": "endpoint"}))
        .await;
    centre.is(chat, "waiting", None).await;
    centre.does("maria", json!({"do": "ready"})).await;
    centre.takes("maria", chat).await;
    let mail = centre.comes("mails").await;
    centre.is(mail, "waiting", None).await;
    let second = centre.comes("chats").await;
    centre.is(second, "offered", Some("maria")).await;
    centre.does("maria", json!({"do": "signOut"})).await;
    centre.is(second, "waiting", None).await;
    centre.is(chat, "talking", Some("maria")).await;
    assert_eq!(centre.agent("maria").await["state"], "busy");
    centre.ends("maria", chat).await;
    assert_eq!(centre.agent("maria").await["state"], "signedOut");
    centre.is(second, "waiting", None).await;
    let why = centre.refused("maria", json!({"do": "ready"})).await;
    assert!(why.contains("not signed in"), "{why}");
    centre.close().await;
}

#[tokio::test]
async fn rule_10_as_many_chats_as_the_team_says_and_only_what_the_matrix_names_interrupts_them() {
    let centre = Centre::open(|tenant| {
        let team = tenant.teams.get_mut("frontline").unwrap();
        set(
            team,
            json!({"interrupts": [{"by": "Callback", "during": "Chat"}]}),
        );
    })
    .await;
    centre.works("maria").await;
    for _ in 0..3 {
        let chat = centre.comes("chats").await;
        centre.takes("maria", chat).await;
    }
    let fourth = centre.comes("chats").await;
    centre.is(fourth, "waiting", None).await;
    let mail = centre.comes("mails").await;
    centre.is(mail, "waiting", None).await;
    let call = centre
        .comes_with("calls", json!({"customer": "+4930100"}))
        .await;
    centre.takes("maria", call).await;
    let another = centre
        .comes_with("calls", json!({"customer": "+4930101"}))
        .await;
    centre.is(another, "waiting", None).await;
    // During a call no chat comes, room or not: the matrix has only the other way.
    centre.ends("maria", 1).await;
    centre.is(fourth, "waiting", None).await;
    centre.ends("maria", call).await;
    centre.takes("maria", fourth).await;
    centre.is(mail, "waiting", None).await;
    centre.is(another, "offered", Some("maria")).await;
    centre.close().await;
}

#[tokio::test]
async fn rule_11_the_chat_of_who_has_used_less_comes_first_but_for_one_agent_who_is_guaranteed() {
    let centre = Centre::open(|tenant| {
        two_clients_share(tenant, "Chat");
        let team = tenant.teams.get_mut("frontline").unwrap();
        set(team, json!({"media": {"voice": 1, "chat": 1, "email": 5}}));
    })
    .await;
    acme_and_bolt_take_turns(centre, async |centre, queue| centre.comes(queue).await).await;
}

#[tokio::test]
async fn rule_12_near_a_break_an_agent_is_offered_no_chat_that_would_overrun_it() {
    let centre = Centre::open(|tenant| {
        set(&mut tenant.capacity, json!({"breakGuard": "10m"}));
        // In no debt: without a service level it can't be.
        set(queue(tenant, "chats"), json!({"serviceLevel": null}));
    })
    .await;
    centre.works("maria").await;
    let now = Utc::now();
    let rota = |minutes: i64| {
        let from = now + Length::minutes(minutes);
        json!({"shifts": [{
            "from": now - Length::hours(1), "to": now + Length::hours(7),
            "breaks": [{"from": from, "to": from + Length::minutes(15)}],
        }]})
    };
    let put = async |minutes| {
        let path = "/api/v1/agents/maria/rota";
        let given = rota(minutes);
        let (status, told) = centre
            .admin
            .ask(Method::PUT, path, Some(given.clone()))
            .await;
        assert_eq!(status, 204, "{told}");
        let maria = Client::agent(&centre.engine, "maria");
        assert_eq!(maria.get(path).await.0, 200, "an agent sees their own");
        assert_eq!(maria.ask(Method::PUT, path, Some(given)).await.0, 403);
    };
    put(1).await;
    let chat = centre.comes("chats").await;
    centre.is(chat, "waiting", None).await;
    let why = centre
        .admin
        .get(&format!("/api/v1/contacts/{chat}/explain?agent=maria"))
        .await
        .1;
    let reasons = why["agents"][0]["reasons"].to_string();
    assert!(reasons.contains("should be free by"), "{reasons}");
    // Noah has no break.
    centre.works("noah").await;
    centre.takes("noah", chat).await;
    // Hers is moved away.
    put(120).await;
    let second = centre.comes("chats").await;
    centre.takes("maria", second).await;
    let backwards = json!({"shifts": [{"from": now, "to": now - Length::hours(1)}]});
    let path = "/api/v1/agents/maria/rota";
    let (status, told) = centre.admin.ask(Method::PUT, path, Some(backwards)).await;
    assert_eq!(status, 409);
    assert!(
        told["error"]
            .as_str()
            .unwrap()
            .contains("ends before it begins"),
        "{told}"
    );
    centre.close().await;
}

#[tokio::test]
async fn rule_12_near_a_break_an_agent_is_asked_all_the_same_by_a_queue_that_owes_its_customers() {
    const QUEUES: [&str; 3] = ["chats", "mails", "calls"];
    let centre = Centre::open(|tenant| {
        set(&mut tenant.capacity, json!({"breakGuard": "10m"}));
        // By which who leaves counts, and a callback that is cancelled.
        let level = json!({"percent": 80, "within": "4h", "formula": "WithFlowOuts"});
        for name in QUEUES {
            set(queue(tenant, name), json!({"serviceLevel": level}));
        }
    })
    .await;
    centre.works("maria").await;
    // Of each of them nothing has been handled, so three minutes are expected.
    centre.breaks_in("maria", 2).await;
    for name in QUEUES {
        let waits = centre.wants_a_call(name).await;
        let leaves = centre.wants_a_call(name).await;
        centre.is(waits, "waiting", None).await;
        let (_, reasons) = centre.explained(waits, "maria").await;
        assert!(reasons.contains("should be free by"), "{reasons}");
        assert_eq!(centre.figures(name).await.get("serviceLevel"), None);
        // Nobody is on the line of a callback, to leave it.
        if name == "calls" {
            let path = format!("/api/v1/callbacks/{leaves}");
            assert_eq!(centre.admin.ask(Method::DELETE, &path, None).await.0, 204);
        } else {
            centre.goes(leaves).await;
        }
        let figures = centre.figures(name).await;
        assert_eq!(
            (&figures["serviceLevel"], &figures["target"]),
            (&json!(0.0), &json!(0.8)),
            "{figures}"
        );
        centre.takes("maria", waits).await;
        centre.ends("maria", waits).await;
    }
    centre.close().await;
}

#[tokio::test]
async fn rule_14_a_callback_is_booked_for_a_time_and_taken_by_the_agent_in_mind() {
    let centre = Centre::open(|_| {}).await;
    let book = async |more: serde_json::Value| {
        let mut new = json!({"queue": "calls", "customer": "+4930100"});
        for (name, value) in more.as_object().unwrap() {
            new[name] = value.clone();
        }
        centre.admin.post("/api/v1/callbacks", new).await
    };
    let due = Utc::now() + Length::seconds(2);
    let (status, made) = book(json!({"due": due, "agent": "noah"})).await;
    assert_eq!(status, 201, "{made}");
    let callback = made["id"].as_u64().unwrap();
    centre.is(callback, "later", None).await;
    assert_eq!(centre.contact(callback).await["calls"], "+4930100");
    let (status, told) = book(json!({})).await;
    assert_eq!(status, 409, "once is enough");
    assert!(
        told["error"]
            .as_str()
            .unwrap()
            .contains("called back already"),
        "{told}"
    );
    centre.works("maria").await;
    centre.works("noah").await;
    centre.is(callback, "later", None).await;
    // Maria has been idle for longer; it was booked with Noah in mind.
    centre.becomes(callback, "offered", Some("noah")).await;
    centre.takes("noah", callback).await;
    centre.ends("noah", callback).await;
    let record = centre.contact(callback).await;
    assert_eq!(
        (&record["outcome"], &record["complete"]),
        (&json!("answered"), &json!(true))
    );
    let (_, figures) = centre.admin.get("/api/v1/figures").await;
    let figures = figures.as_array().unwrap().iter();
    let mut of_queue = figures.filter(|f| f["of"] == "queue" && f["name"] == "calls");
    assert_eq!(of_queue.next().unwrap()["answered"], 1);

    for (wrong, status) in [
        (json!({"queue": "chats"}), 409),
        (json!({"queue": "nowhere"}), 409),
        (json!({"customer": ""}), 422),
        (json!({"customer": "sip:+19005550100@carrier"}), 422),
        (json!({"customer": "030123456"}), 422),
        (json!({"customer": "kim@example.com"}), 422),
        (json!({"due": "2199-01-01T00:00:00Z"}), 422),
        (
            json!({"window": {"zone": "Europe/Nowhere", "from": "09:00", "to": "17:00"}}),
            422,
        ),
        (
            json!({"window": {"zone": "Europe/Berlin", "from": "9 am", "to": "17:00"}}),
            422,
        ),
    ] {
        let (was, told) = book(wrong.clone()).await;
        assert_eq!(was, status, "{wrong}: {told}");
    }
    centre.close().await;
}

#[tokio::test]
async fn rule_14_a_customer_who_comes_again_has_the_callbacks_place_and_one_that_nobody_needs_is_cancelled()
 {
    let centre = Centre::open(|_| {}).await;
    let list = async || {
        centre
            .admin
            .get("/api/v1/callbacks")
            .await
            .1
            .as_array()
            .unwrap()
            .len()
    };
    // An agent books one too, for a customer of theirs.
    centre.works("maria").await;
    let due = Utc::now() + Length::hours(1);
    let book = json!({"do": "bookCallback", "queue": "calls", "customer": "+4930100", "due": due});
    centre.does("maria", book.clone()).await;
    let why = centre.refused("maria", book).await;
    assert!(why.contains("called back already"), "{why}");
    assert_eq!(list().await, 1);
    let elder = centre.contact(1).await;
    let again = centre
        .comes_with("calls", json!({"customer": "+4930100"}))
        .await;
    assert_eq!(centre.contact(1).await["outcome"], "merged", "{elder}");
    centre.is(again, "offered", Some("maria")).await;

    let due = Utc::now() + Length::hours(1);
    let new = json!({"queue": "calls", "customer": "+4930101", "due": due});
    let (_, made) = centre.admin.post("/api/v1/callbacks", new).await;
    let path = format!("/api/v1/callbacks/{}", made["id"]);
    assert_eq!(centre.admin.ask(Method::DELETE, &path, None).await.0, 204);
    let cancelled = centre.contact(made["id"].as_u64().unwrap()).await;
    assert_eq!(cancelled["outcome"], "cancelled");
    assert_eq!(centre.admin.ask(Method::DELETE, &path, None).await.0, 404);
    let maria = Client::agent(&centre.engine, "maria");
    assert_eq!(maria.ask(Method::DELETE, &path, None).await.0, 403);
    eventually("one callback is left", async || list().await == 1).await;
    centre.close().await;
}

#[tokio::test]
async fn rule_15_the_api_says_why_a_chat_waits_for_one_agent_and_not_for_another() {
    let centre = Centre::open(|tenant| {
        set(queue(tenant, "chats"), json!({"route": [step(3, None)]}));
        let noah = tenant.agents.get_mut("noah").unwrap();
        set(noah, json!({"skills": {"orders": 1}}));
    })
    .await;
    centre.works("maria").await;
    centre.works("noah").await;
    let mail = centre.comes("mails").await;
    centre.takes("maria", mail).await;
    let chat = centre.comes("chats").await;
    let (history, of_maria) = centre.explained(chat, "maria").await;
    for what in ["arrives in chats", "waits in chats", "begins step 1"] {
        assert!(history.contains(what), "{what}: {history}");
    }
    assert!(of_maria.contains("no room for Chat now"), "{of_maria}");
    let (_, of_noah) = centre.explained(chat, "noah").await;
    let why = "the step asks for orders at 3, the agent has 1";
    assert!(of_noah.contains(why), "{of_noah}");
    centre.close().await;
}

#[tokio::test]
async fn rule_15_the_api_says_why_a_mail_went_to_one_agent_and_not_to_another() {
    let centre = Centre::open(|tenant| {
        set(queue(tenant, "mails"), json!({"route": [step(3, None)]}));
        let noah = tenant.agents.get_mut("noah").unwrap();
        set(noah, json!({"skills": {"orders": 1}}));
    })
    .await;
    centre.works("maria").await;
    centre.works("noah").await;
    let mail = centre.comes("mails").await;
    let before = Utc::now();
    centre.takes("maria", mail).await;
    let explain = format!("/api/v1/contacts/{mail}/explain");
    let (status, why) = centre.admin.get(&explain).await;
    assert_eq!(status, 200, "{why}");
    let history: Vec<&str> = why["history"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| event["what"].as_str().unwrap())
        .collect();
    assert_eq!(history[0], "arrives in mails");
    assert!(
        history
            .iter()
            .any(|what| what.starts_with("is offered to maria")),
        "{history:?}"
    );
    assert!(
        history.last().unwrap().starts_with("talks with maria"),
        "{history:?}"
    );
    let of = |agent: &str| {
        let agents = why["agents"].as_array().unwrap();
        let found = agents.iter().find(|verdict| verdict["agent"] == agent);
        found.unwrap()["reasons"].to_string()
    };
    assert!(of("maria").contains("they are together"), "{why}");
    assert!(
        of("noah").contains("the step asks for orders at 3, the agent has 1"),
        "{why}"
    );

    // Then, and about one agent: there was no conversation yet.
    let at = before.to_rfc3339_opts(chrono::SecondsFormat::Micros, true);
    let (_, then) = centre
        .admin
        .get(&format!("{explain}?agent=noah&at={at}"))
        .await;
    assert_eq!(then["agents"].as_array().unwrap().len(), 1);
    assert!(
        !then["history"].to_string().contains("talks with"),
        "{then}"
    );
    for (path, status) in [
        ("/api/v1/contacts/99/explain".to_owned(), 404),
        (format!("{explain}?agent=nobody"), 404),
        (format!("{explain}?at=2001-01-01T00:00:00Z"), 404),
        (format!("{explain}?at=yesterday"), 422),
        (format!("{explain}?who=maria"), 422),
    ] {
        let (was, told) = centre.admin.get(&path).await;
        assert_eq!(was, status, "{path}: {told}");
    }
    let maria = Client::agent(&centre.engine, "maria");
    assert_eq!(maria.get(&explain).await.0, 403, "it tells of others");
    centre.close().await;
}
