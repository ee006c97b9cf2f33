//! The rules that the other files play with chats, for e-mails over HTTP.

use serde_json::{Value, json};

use crate::centre::{
    Centre, acme_and_bolt_take_turns, add_closed_queue, add_queue, comes_back_from_sofias_team,
    noah_knows_more, queue, set, sofia_is_a_specialist, step, stretch, transfer, two_clients_share,
};
use crate::support::eventually;

fn add_mails(tenant: &mut trunkline_tenant::Tenant, name: &str, mut fields: Value) {
    fields["medium"] = json!("Email");
    add_queue(tenant, name, fields);
}

/// Maria talks with a mail, if that is the word; Noah is there.
async fn maria_has_one(centre: &Centre) -> u64 {
    centre.works("maria").await;
    let mail = centre.comes("mails").await;
    centre.takes("maria", mail).await;
    centre.works("noah").await;
    mail
}

#[tokio::test]
async fn rule_2_a_mail_stays_with_who_is_asked_when_its_step_is_over_and_is_for_the_next_step_then()
{
    let centre = Centre::open(|tenant| {
        noah_knows_more(tenant);
        let route = json!([step(3, Some(1)), step(5, None)]);
        add_mails(tenant, "narrows", json!({"route": route}));
    })
    .await;
    centre.works("maria").await;
    let asked = centre.comes("narrows").await;
    let waits = centre.comes("narrows").await;
    // What came later has had its first step, so what came before has, too.
    eventually("the second step", async || {
        let (history, _) = centre.explained(waits, "maria").await;
        history.contains("begins step 2")
    })
    .await;
    centre.is(asked, "offered", Some("maria")).await;
    let (history, _) = centre.explained(asked, "maria").await;
    assert!(!history.contains("begins step 2"), "{history}");
    let decline = centre.answer(asked, "decline").await;
    centre.does("maria", decline).await;
    centre.does("maria", json!({"do": "ready"})).await;
    for mail in [asked, waits] {
        let (_, reasons) = centre.explained(mail, "maria").await;
        assert!(reasons.contains("asks for orders at 5"), "{reasons}");
    }
    centre.works("noah").await;
    centre.takes("noah", asked).await;
    centre.takes("noah", waits).await;
    centre.close().await;
}

#[tokio::test]
async fn rule_3_each_end_of_a_route_and_each_closed_queue_does_what_it_says_to_a_mail() {
    let centre = Centre::open(|tenant| {
        add_mails(tenant, "elsewhere", json!({"route": [step(5, None)]}));
        for (name, end) in [
            ("holds", json!("Hold")),
            ("widens", json!("Widen")),
            ("flows", json!({"Overflow": "elsewhere"})),
            ("closes", json!({"Close": null})),
            ("records", json!({"Voicemail": null})),
            ("calls-back", json!({"Callback": null})),
        ] {
            let fields = json!({"route": [step(5, Some(1))], "onExhausted": end});
            add_mails(tenant, name, fields);
        }
        for (name, closed) in [
            ("shut", json!({"Close": null})),
            ("shut-flows", json!({"Overflow": "elsewhere"})),
            ("shut-records", json!({"Voicemail": null})),
            ("shut-calls-back", json!({"Callback": null})),
        ] {
            add_closed_queue(tenant, name, "Email", closed);
        }
    })
    .await;
    centre.works("maria").await;
    for (name, outcome) in [
        ("shut", "closed"),
        ("shut-records", "voicemail"),
        ("shut-calls-back", "callback"),
    ] {
        let turned_away = centre.comes(name).await;
        centre.is_over(turned_away, outcome).await;
    }
    let sent_on = centre.comes("shut-flows").await;
    assert_eq!(centre.contact(sent_on).await["queue"], "elsewhere");

    let holds = centre.comes("holds").await;
    let flows = centre.comes("flows").await;
    let arrived = centre.contact(flows).await["arrived"].clone();
    let closes = centre.comes("closes").await;
    let records = centre.comes("records").await;
    let calls_back = centre.comes("calls-back").await;
    // The last to come, so the last whose route ends.
    let widens = centre.comes("widens").await;
    centre.becomes(widens, "offered", Some("maria")).await;
    centre.is_over(closes, "closed").await;
    centre.is_over(records, "voicemail").await;
    centre.is_over(calls_back, "callback").await;
    let moved = centre.contact(flows).await;
    assert_eq!(
        (&moved["queue"], &moved["state"], &moved["arrived"]),
        (&json!("elsewhere"), &json!("waiting"), &arrived)
    );
    centre.is(holds, "waiting", None).await;
    // What holds waits on under its last step: it is not Maria's.
    let (_, reasons) = centre.explained(holds, "maria").await;
    assert!(reasons.contains("asks for orders at 5"), "{reasons}");
    centre.close().await;
}

#[tokio::test]
async fn rule_4_a_mail_goes_to_the_agent_whom_its_queues_strategy_names_or_who_had_its_sender_last()
{
    let centre = Centre::open(|tenant| {
        noah_knows_more(tenant);
        let skilled = json!({"strategy": "MostSkilled", "route": [step(1, None)]});
        add_mails(tenant, "skilled", skilled);
        add_mails(tenant, "known", json!({"lastAgent": "5s"}));
        add_mails(tenant, "turns", json!({"strategy": "RoundRobin"}));
        add_mails(tenant, "least", json!({"strategy": "LeastOccupied"}));
    })
    .await;
    centre.works("maria").await;
    centre.works("noah").await;
    let first = centre.comes("mails").await;
    centre.takes("maria", first).await;
    centre.ends("maria", first).await;
    // Maria's idle time begins now.
    let second = centre.comes("mails").await;
    centre.takes("noah", second).await;
    centre.ends("noah", second).await;

    // From here on Maria has been idle for longer whenever it is Noah who is asked.
    let skilled = centre.comes("skilled").await;
    centre.takes("noah", skilled).await;
    centre.ends("noah", skilled).await;

    let kim = json!({"customer": "kim@example.com"});
    let once = centre.comes_with("known", kim.clone()).await;
    centre.takes("maria", once).await;
    centre.ends("maria", once).await;
    let again = centre.comes_with("known", kim).await;
    centre.takes("maria", again).await;
    centre.ends("maria", again).await;
    let stranger = centre.comes("known").await;
    centre.takes("noah", stranger).await;
    centre.ends("noah", stranger).await;

    for (name, agent) in [("turns", "maria"), ("turns", "noah"), ("turns", "maria")] {
        let mail = centre.comes(name).await;
        centre.takes(agent, mail).await;
    }
    // Maria has two open, Noah one.
    let least = centre.comes("least").await;
    centre.takes("noah", least).await;
    centre.close().await;
}

#[tokio::test]
async fn rule_6_a_mail_is_offered_to_one_agent_and_who_is_asked_is_asked_nothing_else() {
    let centre = Centre::open(|_| {}).await;
    centre.works("maria").await;
    let mail = centre.comes("mails").await;
    let other = centre.comes("mails").await;
    assert_eq!(centre.in_hand("maria", "offered").await, [mail]);
    centre.is(other, "waiting", None).await;
    let first = centre.answer(mail, "accept").await;
    // With room for five she is asked for the next once she has answered.
    centre.does("maria", first.clone()).await;
    centre.is(other, "offered", Some("maria")).await;
    let why = centre.refused("maria", first).await;
    assert!(why.contains("it may have lapsed or been taken"), "{why}");

    let early = centre.answer(other, "accept").await;
    let decline = centre.answer(other, "decline").await;
    centre.works("noah").await;
    centre.does("maria", decline).await;
    centre.is(other, "offered", Some("noah")).await;
    for agent in ["maria", "noah"] {
        let why = centre.refused(agent, early.clone()).await;
        assert!(why.contains(&format!("no longer) {agent}'s")), "{why}");
    }
    let second = centre.answer(other, "accept").await;
    assert_eq!(second["generation"], 2);
    // Its sender withdraws it: nobody has it, and Noah is none the worse.
    centre.goes(other).await;
    let why = centre.refused("noah", second).await;
    assert!(why.contains("no longer) noah's"), "{why}");
    assert_eq!(centre.agent("noah").await["state"], "idle");
    centre.is_over(other, "abandoned").await;
    centre.close().await;
}

#[tokio::test]
async fn rule_9_a_mail_is_for_nobody_who_is_away_and_who_leaves_finishes_those_they_have() {
    let centre = Centre::open(|_| {}).await;
    let mail = centre.comes("mails").await;
    centre.is(mail, "waiting", None).await;
    centre
        .does("maria", json!({"do": "signIn", "presence": "endpoint"}))
        .await;
    centre.is(mail, "waiting", None).await;
    centre.does("maria", json!({"do": "ready"})).await;
    centre.takes("maria", mail).await;
    let second = centre.comes("mails").await;
    centre.takes("maria", second).await;
    let third = centre.comes("mails").await;
    centre.is(third, "offered", Some("maria")).await;
    centre.does("maria", json!({"do": "signOut"})).await;
    centre.is(third, "waiting", None).await;
    centre.ends("maria", mail).await;
    assert_eq!(centre.agent("maria").await["state"], "busy");
    centre.is(second, "talking", Some("maria")).await;
    centre.ends("maria", second).await;
    assert_eq!(centre.agent("maria").await["state"], "signedOut");
    centre.is(third, "waiting", None).await;
    centre.close().await;
}

#[tokio::test]
async fn rule_10_while_one_mail_is_wrapped_up_nothing_comes_though_others_are_open_and_there_is_room()
 {
    let centre = Centre::open(|_| {}).await;
    centre.works("maria").await;
    let mail = centre.comes("mails").await;
    centre.takes("maria", mail).await;
    let open = centre.comes("mails").await;
    centre.takes("maria", open).await;
    centre
        .does("maria", json!({"do": "end", "contact": mail}))
        .await;
    let next = centre.comes("mails").await;
    centre.is(next, "waiting", None).await;
    let (_, reasons) = centre.explained(next, "maria").await;
    assert!(reasons.contains("wraps up until"), "{reasons}");
    assert_eq!(centre.contact(mail).await["complete"], false);
    centre.does("maria", json!({"do": "wrapUpDone"})).await;
    assert_eq!(centre.contact(mail).await["complete"], true);
    centre.takes("maria", next).await;
    assert_eq!(centre.in_hand("maria", "talking").await, [open, next]);
    centre.close().await;
}

#[tokio::test]
async fn rule_11_the_mail_of_who_has_used_less_comes_first_but_for_one_agent_who_is_guaranteed() {
    let centre = Centre::open(|tenant| {
        two_clients_share(tenant, "Email");
        let team = tenant.teams.get_mut("frontline").unwrap();
        set(team, json!({"media": {"voice": 1, "chat": 1, "email": 1}}));
    })
    .await;
    acme_and_bolt_take_turns(centre, async |centre, queue| centre.comes(queue).await).await;
}

#[tokio::test]
async fn rule_12_near_a_break_an_agent_is_offered_no_mail_that_would_overrun_it() {
    let centre = Centre::open(|tenant| {
        set(&mut tenant.capacity, json!({"breakGuard": "10m"}));
        // In no debt: without a service level it can't be.
        set(queue(tenant, "mails"), json!({"serviceLevel": null}));
    })
    .await;
    centre.works("maria").await;
    centre.breaks_in("maria", 1).await;
    let mail = centre.comes("mails").await;
    centre.is(mail, "waiting", None).await;
    let (_, reasons) = centre.explained(mail, "maria").await;
    assert!(reasons.contains("should be free by"), "{reasons}");
    centre.works("noah").await;
    centre.takes("noah", mail).await;
    // Six minutes are enough for the three that a mail is expected to take.
    centre.breaks_in("maria", 6).await;
    let second = centre.comes("mails").await;
    centre.takes("maria", second).await;
    centre.close().await;
}

#[tokio::test]
async fn rule_13_a_mail_that_is_handed_over_keeps_its_age_and_is_before_those_that_came_later() {
    let centre = Centre::open(|tenant| add_mails(tenant, "billing", json!({}))).await;
    let mail = maria_has_one(&centre).await;
    let arrived = centre.contact(mail).await["arrived"].clone();
    centre
        .does("maria", transfer(mail, json!({"agent": "noah"})))
        .await;
    centre
        .does("maria", json!({"do": "wrapUpDone", "codes": ["not mine"]}))
        .await;
    centre.takes("noah", mail).await;
    let why = centre
        .refused("maria", json!({"do": "end", "contact": mail}))
        .await;
    assert!(why.contains("does not talk"), "{why}");

    centre
        .does("maria", json!({"do": "notReady", "reason": "paperwork"}))
        .await;
    let later = centre.comes("billing").await;
    centre.takes("noah", later).await;
    centre.ends("noah", later).await;
    centre
        .does("noah", json!({"do": "notReady", "reason": "paperwork"}))
        .await;
    let later = centre.comes("billing").await;
    centre
        .does("noah", transfer(mail, json!({"queue": "billing"})))
        .await;
    centre.does("noah", json!({"do": "wrapUpDone"})).await;
    let shown = centre.contact(mail).await;
    assert_eq!(
        (&shown["queue"], &shown["state"]),
        (&json!("billing"), &json!("waiting"))
    );
    centre.does("maria", json!({"do": "ready"})).await;
    centre.takes("maria", mail).await;
    centre.is(later, "offered", Some("maria")).await;
    centre.ends("maria", mail).await;
    let of = [
        stretch("mails", "maria"),
        stretch("mails", "noah"),
        stretch("billing", "maria"),
    ];
    assert_eq!(centre.stretches(mail).await, of);
    let record = centre.contact(mail).await;
    assert_eq!(record["arrived"], arrived);
    assert_eq!(record["segments"][0]["codes"], json!(["not mine"]));
    centre.close().await;
}

#[tokio::test]
async fn rule_13_a_mail_that_a_team_does_not_take_returns_to_who_handed_it_over() {
    let centre = Centre::open(|tenant| {
        sofia_is_a_specialist(tenant);
        set(queue(tenant, "mails"), json!({"ring": "5s"}));
    })
    .await;
    let mail = maria_has_one(&centre).await;
    comes_back_from_sofias_team(centre, mail, "mails").await;
}

#[tokio::test]
async fn rule_13_about_a_mail_another_is_asked_joins_and_has_it_or_is_let_go() {
    let centre = Centre::open(|_| {}).await;
    let mail = maria_has_one(&centre).await;
    let consult = json!({"do": "consult", "contact": mail, "to": {"agent": "noah"}});
    let about = |word: &str| json!({"do": word, "contact": mail});
    centre.does("maria", consult.clone()).await;
    centre.is(mail, "held", Some("maria")).await;
    let why = centre
        .refused("maria", transfer(mail, json!({"queue": "mails"})))
        .await;
    assert!(why.contains("complete it, or cancel it first"), "{why}");
    centre.does("maria", about("cancelConsult")).await;
    centre.is(mail, "talking", Some("maria")).await;
    assert!(centre.in_hand("noah", "offered").await.is_empty());

    centre.does("maria", consult).await;
    let why = centre.refused("maria", about("completeConsult")).await;
    assert!(why.contains("nobody has answered"), "{why}");
    let asked = centre.in_hand("noah", "offered").await[0];
    assert_eq!(centre.contact(asked).await["consultOf"], mail);
    centre.takes("noah", asked).await;
    centre.does("maria", about("conference")).await;
    centre.is(mail, "talking", Some("maria")).await;
    centre.does("maria", about("completeConsult")).await;
    centre.is(mail, "talking", Some("noah")).await;
    centre.is_over(asked, "consulted").await;
    centre.does("maria", json!({"do": "wrapUpDone"})).await;
    centre.ends("noah", mail).await;
    let of = [stretch("mails", "maria"), stretch("mails", "noah")];
    assert_eq!(centre.stretches(mail).await, of);
    centre.close().await;
}

#[tokio::test]
async fn rule_14_who_writes_or_chats_is_called_back_by_a_contact_of_its_own_and_merged_with_none() {
    let centre = Centre::open(|_| {}).await;
    let kim = json!({"customer": "+4930100"});
    centre.works("maria").await;
    let mail = centre.comes_with("mails", kim.clone()).await;
    centre.takes("maria", mail).await;
    let book = json!({"do": "bookCallback", "queue": "calls", "customer": "+4930100"});
    centre.does("maria", book).await;
    let (_, callbacks) = centre.admin.get("/api/v1/callbacks").await;
    let callbacks = callbacks.as_array().unwrap();
    assert_eq!(callbacks.len(), 1, "the mail is none");
    let callback = callbacks[0]["id"].as_u64().unwrap();
    assert_ne!(callback, mail);
    assert_eq!(callbacks[0]["calls"], "+4930100");
    // Kim writes again, and chats: the call is still to come.
    for name in ["mails", "chats"] {
        let more = centre.comes_with(name, kim.clone()).await;
        assert_eq!(centre.contact(more).await.get("calls"), None);
        centre.goes(more).await;
        centre.is(callback, "waiting", None).await;
    }
    centre.is(mail, "talking", Some("maria")).await;
    centre.ends("maria", mail).await;
    centre.is_over(mail, "answered").await;
    centre.takes("maria", callback).await;
    centre.close().await;
}

#[tokio::test]
async fn rule_16_mails_of_a_removed_queue_go_by_its_end_and_those_that_are_open_or_offered_go_on() {
    let centre = Centre::open(|tenant| {
        add_mails(tenant, "old", json!({"onExhausted": {"Overflow": "mails"}}));
        add_mails(tenant, "shut", json!({"onExhausted": {"Close": null}}));
    })
    .await;
    centre.works("maria").await;
    let open = centre.comes("old").await;
    centre.takes("maria", open).await;
    let offered = centre.comes("shut").await;
    centre.is(offered, "offered", Some("maria")).await;
    let moves = centre.comes("old").await;
    let closes = centre.comes("shut").await;
    let arrived = centre.contact(moves).await["arrived"].clone();
    centre
        .change(|tenant| {
            tenant.queues.remove(&"old".parse().unwrap());
            tenant.queues.remove(&"shut".parse().unwrap());
        })
        .await;
    let moved = centre.contact(moves).await;
    assert_eq!(
        (&moved["queue"], &moved["state"], &moved["arrived"]),
        (&json!("mails"), &json!("waiting"), &arrived)
    );
    centre.is_over(closes, "closed").await;
    centre.takes("maria", offered).await;
    centre.takes("maria", moves).await;
    for mail in [open, offered, moves] {
        centre.ends("maria", mail).await;
        centre.is_over(mail, "answered").await;
    }
    centre.close().await;
}
