//! The rules of who waits and who is asked, for chats and e-mails over HTTP.

use std::time::Duration;

use serde_json::json;
use tokio::time::sleep;

use crate::centre::{Centre, add_queue, noah_knows_more, queue, set, step};

#[tokio::test]
async fn rule_1_chats_and_mails_are_served_by_rank_and_a_re_rank_moves_one_that_waits() {
    // One at a time, that each is a choice.
    let centre = Centre::open(|tenant| {
        let team = tenant.teams.get_mut("frontline").unwrap();
        set(team, json!({"media": {"voice": 1, "chat": 1, "email": 1}}));
    })
    .await;
    let mail = centre.comes("mails").await;
    let chat = centre.comes("chats").await;
    let raised = centre.comes("chats").await;
    let urgent = centre.comes_with("mails", json!({"priority": 2})).await;
    let path = format!("/api/v1/contacts/{raised}/priority");
    let (status, _) = centre.admin.post(&path, json!({"priority": 5})).await;
    assert_eq!(status, 204);
    centre.works("maria").await;
    for next in [raised, urgent, mail, chat] {
        centre.takes("maria", next).await;
        centre.ends("maria", next).await;
    }
    centre.close().await;
}

#[tokio::test]
async fn rule_2_a_chat_goes_on_to_its_next_step_when_the_first_has_had_its_time_but_not_while_it_is_offered()
 {
    let centre = Centre::open(|tenant| {
        set(
            queue(tenant, "mails"),
            json!({"route": [step(5, Some(1)), step(0, None)]}),
        );
        add_queue(
            tenant,
            "narrows",
            json!({"route": [step(3, Some(1)), step(5, None)]}),
        );
    })
    .await;
    centre.works("maria").await;
    // Nobody has what its first step asks for.
    let mail = centre.comes("mails").await;
    centre.is(mail, "waiting", None).await;
    centre.becomes(mail, "offered", Some("maria")).await;
    let wait = centre.contact(mail).await["waitSeconds"].as_f64().unwrap();
    assert!(wait >= 1.0, "the step had its second: {wait}");
    centre.takes("maria", mail).await;
    centre.ends("maria", mail).await;

    // Maria has what the first asks for and not what the second does: the offer outlasts the step.
    let chat = centre.comes("narrows").await;
    centre.is(chat, "offered", Some("maria")).await;
    sleep(Duration::from_millis(1500)).await;
    centre.takes("maria", chat).await;
    centre.ends("maria", chat).await;
    let late = centre.comes("narrows").await;
    let decline = centre.answer(late, "decline").await;
    centre.does("maria", decline).await;
    sleep(Duration::from_millis(1200)).await;
    centre.does("maria", json!({"do": "ready"})).await;
    centre.is(late, "waiting", None).await;
    centre.close().await;
}

#[tokio::test]
async fn rule_3_each_end_of_a_route_does_what_it_says_to_a_chat() {
    let centre = Centre::open(|tenant| {
        add_queue(tenant, "elsewhere", json!({"route": [step(5, None)]}));
        for (name, end) in [
            ("holds", json!("Hold")),
            ("widens", json!("Widen")),
            ("flows", json!({"Overflow": "elsewhere"})),
            ("closes", json!({"Close": null})),
            ("records", json!({"Voicemail": null})),
            ("calls-back", json!({"Callback": null})),
        ] {
            let fields = json!({"route": [step(5, Some(1))], "onExhausted": end});
            add_queue(tenant, name, fields);
        }
    })
    .await;
    centre.works("maria").await;
    let holds = centre.comes("holds").await;
    let widens = centre.comes("widens").await;
    let flows = centre.comes("flows").await;
    let closes = centre.comes("closes").await;
    let records = centre.comes("records").await;
    let calls_back = centre.comes("calls-back").await;
    centre.becomes(widens, "offered", Some("maria")).await;
    for (contact, outcome) in [
        (closes, "closed"),
        (records, "voicemail"),
        (calls_back, "callback"),
    ] {
        centre.becomes(contact, "ended", None).await;
        let ended = centre.contact(contact).await;
        assert_eq!(ended["outcome"], outcome, "{ended}");
    }
    crate::support::eventually("the overflow", async || {
        centre.contact(flows).await["queue"] == "elsewhere"
    })
    .await;
    centre.is(flows, "waiting", None).await;
    centre.is(holds, "waiting", None).await;
    centre.close().await;
}

#[tokio::test]
async fn rule_4_a_chat_goes_to_the_longest_idle_and_where_the_queue_says_so_to_the_most_skilled_or_the_last()
 {
    let centre = Centre::open(|tenant| {
        noah_knows_more(tenant);
        let fields = json!({"strategy": "MostSkilled", "route": [step(1, None)]});
        add_queue(tenant, "skilled", fields);
        add_queue(tenant, "known", json!({"lastAgent": "5s"}));
    })
    .await;
    centre.works("maria").await;
    centre.works("noah").await;
    let first = centre.comes("chats").await;
    centre.takes("maria", first).await;
    centre.ends("maria", first).await;
    // Maria's idle time begins now.
    let second = centre.comes("mails").await;
    centre.takes("noah", second).await;
    centre.ends("noah", second).await;

    let skilled = centre.comes("skilled").await;
    centre.takes("noah", skilled).await;
    centre.ends("noah", skilled).await;

    let kim = json!({"customer": "kim"});
    let once = centre.comes_with("known", kim.clone()).await;
    centre.takes("maria", once).await;
    centre.ends("maria", once).await;
    // Noah has been idle for longer now, and Kim's last agent was Maria.
    let again = centre.comes_with("known", kim).await;
    centre.is(again, "offered", Some("maria")).await;
    let stranger = centre.comes("known").await;
    centre.is(stranger, "offered", Some("noah")).await;
    centre.close().await;
}

#[tokio::test]
async fn rule_4_a_chat_a_mail_and_a_callback_go_first_to_who_has_the_skill_that_is_preferred_and_else_to_anybody()
 {
    const QUEUES: [(&str, &str); 3] = [
        ("Chat", "prefers-chats"),
        ("Email", "prefers-mails"),
        ("Callback", "prefers-calls"),
    ];
    let centre = Centre::open(|tenant| {
        noah_knows_more(tenant);
        for (medium, name) in QUEUES {
            let mut route = step(0, None);
            route["prefer"] = json!({"orders": 5});
            add_queue(tenant, name, json!({"medium": medium, "route": [route]}));
        }
    })
    .await;
    // Maria has been idle for longer than Noah all along, and is before him by name.
    centre.works("maria").await;
    centre.works("noah").await;
    for (_, name) in QUEUES {
        let contact = centre.wants_a_call(name).await;
        centre.takes("noah", contact).await;
        centre.ends("noah", contact).await;
    }
    // She is as good where he is not there.
    let rest = json!({"do": "notReady", "reason": "paperwork"});
    centre.does("noah", rest).await;
    for (_, name) in QUEUES {
        let contact = centre.wants_a_call(name).await;
        centre.takes("maria", contact).await;
        centre.ends("maria", contact).await;
    }
    centre.close().await;
}

/// Who of the two has been idle for longer is whom a queue of the longest idle asks.
async fn has_had_one(centre: &Centre, agent: &str) {
    let chat = centre.comes("chats").await;
    centre.takes(agent, chat).await;
    centre.ends(agent, chat).await;
}

#[tokio::test]
async fn rule_4_a_chat_goes_round_by_name_where_the_queue_says_so() {
    let centre = Centre::open(|tenant| {
        add_queue(tenant, "turns", json!({"strategy": "RoundRobin"}));
    })
    .await;
    centre.works("maria").await;
    centre.works("noah").await;
    for agent in ["maria", "noah", "maria"] {
        // Whose turn it is has been idle for less.
        let other = if agent == "maria" { "noah" } else { "maria" };
        let rest = json!({"do": "notReady", "reason": "paperwork"});
        centre.does(other, rest).await;
        has_had_one(&centre, agent).await;
        centre.does(other, json!({"do": "ready"})).await;
        let chat = centre.comes("turns").await;
        centre.takes(agent, chat).await;
        centre.ends(agent, chat).await;
    }
    centre.close().await;
}

#[tokio::test]
async fn rule_4_a_chat_goes_to_who_has_least_in_hand_where_the_queue_says_so() {
    let centre = Centre::open(|tenant| {
        add_queue(tenant, "least", json!({"strategy": "LeastOccupied"}));
    })
    .await;
    centre.works("maria").await;
    let open = centre.comes("least").await;
    centre.takes("maria", open).await;
    centre.works("noah").await;
    // There is room for two more with Maria, who has been idle for longer and is before Noah by name.
    for _ in 0..2 {
        let chat = centre.comes("least").await;
        centre.takes("noah", chat).await;
        centre.ends("noah", chat).await;
    }
    centre.close().await;
}

#[tokio::test]
async fn rule_5_who_frees_gets_the_first_in_rank_of_the_chats_and_mails_whose_step_they_satisfy() {
    let centre = Centre::open(|tenant| {
        noah_knows_more(tenant);
        let fields = json!({"medium": "Email", "route": [step(5, None)]});
        add_queue(tenant, "deep", fields);
    })
    .await;
    let deep = centre.comes("deep").await;
    let mail = centre.comes("mails").await;
    let chat = centre.comes("chats").await;
    centre.works("maria").await;
    centre.takes("maria", mail).await;
    centre.works("noah").await;
    centre.takes("noah", deep).await;
    centre.ends("maria", mail).await;
    centre.is(chat, "offered", Some("maria")).await;
    centre.close().await;
}

#[tokio::test]
async fn rule_8_a_chat_or_mail_waits_on_after_its_route_until_the_customer_goes() {
    let centre = Centre::open(|tenant| {
        set(queue(tenant, "chats"), json!({"route": [step(5, Some(1))]}));
        set(queue(tenant, "mails"), json!({"route": [step(5, Some(1))]}));
    })
    .await;
    centre.works("maria").await;
    let chat = centre.comes("chats").await;
    let mail = centre.comes("mails").await;
    sleep(Duration::from_millis(2200)).await;
    for contact in [chat, mail] {
        centre.is(contact, "waiting", None).await;
        let gone = format!("/api/v1/contacts/{contact}/gone");
        assert_eq!(centre.admin.post(&gone, json!({})).await.0, 204);
        assert_eq!(centre.contact(contact).await["outcome"], "abandoned");
        let again = centre.admin.post(&gone, json!({})).await;
        assert_eq!(again.0, 404, "{}", again.1);
    }

    // One that talks was answered, whoever ends it.
    centre
        .change(|tenant| set(queue(tenant, "chats"), json!({"route": [step(0, None)]})))
        .await;
    let talks = centre.comes("chats").await;
    centre.takes("maria", talks).await;
    let gone = format!("/api/v1/contacts/{talks}/gone");
    assert_eq!(centre.admin.post(&gone, json!({})).await.0, 204);
    assert_eq!(centre.contact(talks).await["outcome"], "answered");
    assert_eq!(centre.agent("maria").await["state"], "wrapUp");
    centre.close().await;
}

#[tokio::test]
async fn rule_16_what_a_removed_queue_held_goes_by_its_end_and_a_chat_that_talks_goes_on() {
    let centre = Centre::open(|tenant| {
        add_queue(tenant, "old", json!({"onExhausted": {"Overflow": "chats"}}));
        add_queue(tenant, "shut", json!({"onExhausted": {"Close": null}}));
    })
    .await;
    centre.works("maria").await;
    let talks = centre.comes("old").await;
    centre.takes("maria", talks).await;
    centre
        .does("maria", json!({"do": "notReady", "reason": "busy"}))
        .await;
    let moves = centre.comes("old").await;
    let closes = centre.comes("shut").await;
    let stays = centre.comes("mails").await;
    let arrived = centre.contact(moves).await["arrived"].clone();
    centre
        .change(|tenant| {
            tenant.queues.remove(&"old".parse().unwrap());
            tenant.queues.remove(&"shut".parse().unwrap());
        })
        .await;
    let moved = centre.contact(moves).await;
    assert_eq!(
        (&moved["queue"], &moved["state"]),
        (&json!("chats"), &json!("waiting"))
    );
    assert_eq!(moved["arrived"], arrived, "with its age");
    assert_eq!(centre.contact(closes).await["outcome"], "closed");
    centre.is(stays, "waiting", None).await;
    centre.is(talks, "talking", Some("maria")).await;
    centre
        .does("maria", json!({"do": "end", "contact": talks}))
        .await;
    assert_eq!(centre.contact(talks).await["outcome"], "answered");
    centre.close().await;
}
