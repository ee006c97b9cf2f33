//! The rules that the other files play with chats, for callbacks over HTTP. No telephone rings here: who accepts one
//! has its customer on the line at once.

use chrono::{DateTime, Duration, Timelike, Utc};
use reqwest::Method;
use serde_json::{Value, json};

use crate::centre::{
    Centre, acme_and_bolt_take_turns, add_closed_queue, add_queue, comes_back_from_sofias_team,
    noah_knows_more, queue, set, sofia_is_a_specialist, step, stretch, transfer, two_clients_share,
};
use crate::support::eventually;

fn add_calls(tenant: &mut trunkline_tenant::Tenant, name: &str, mut fields: Value) {
    fields["medium"] = json!("Callback");
    add_queue(tenant, name, fields);
}

async fn books(centre: &Centre, customer: &str, more: Value) -> u64 {
    let mut new = json!({"queue": "calls", "customer": customer});
    for (name, value) in more.as_object().unwrap() {
        new[name] = value.clone();
    }
    let (status, made) = centre.admin.post("/api/v1/callbacks", new).await;
    assert_eq!(status, 201, "{made}");
    made["id"].as_u64().unwrap()
}

/// Maria talks with a customer whom she has called; Noah is there.
async fn maria_calls_one(centre: &Centre) -> u64 {
    centre.works("maria").await;
    let call = centre.wants_a_call("calls").await;
    centre.takes("maria", call).await;
    centre.works("noah").await;
    call
}

#[tokio::test]
async fn rule_1_callbacks_are_served_by_rank_a_booked_one_by_when_it_was_due() {
    let centre = Centre::open(|_| {}).await;
    let due = Utc::now() + Duration::seconds(3);
    let booked = books(&centre, "+4930100", json!({"due": due})).await;
    let plain = centre.wants_a_call("calls").await;
    let raised = centre.wants_a_call("calls").await;
    let urgent = json!({"customer": "+4930101", "priority": 2});
    let urgent = centre.comes_with("calls", urgent).await;
    let path = format!("/api/v1/contacts/{raised}/priority");
    let (status, _) = centre.admin.post(&path, json!({"priority": 5})).await;
    assert_eq!(status, 204);
    centre.becomes(booked, "waiting", None).await;
    let arrived = async |id| {
        let arrived = centre.contact(id).await["arrived"].clone();
        DateTime::parse_from_rfc3339(arrived.as_str().unwrap()).unwrap()
    };
    let (of_booked, of_plain) = (arrived(booked).await, arrived(plain).await);
    assert_eq!(of_booked.timestamp_micros(), due.timestamp_micros());
    let mut order = vec![raised, urgent, plain, booked];
    if of_plain > of_booked {
        order.swap(2, 3);
    }
    centre.works("maria").await;
    for next in order {
        centre.takes("maria", next).await;
        centre.ends("maria", next).await;
    }
    centre.close().await;
}

#[tokio::test]
async fn rule_2_a_callback_stays_with_who_is_asked_when_its_step_is_over_and_else_is_for_the_next()
{
    let centre = Centre::open(|tenant| {
        noah_knows_more(tenant);
        let route = json!([step(3, Some(1)), step(5, None)]);
        add_calls(tenant, "narrows", json!({"route": route}));
    })
    .await;
    centre.works("maria").await;
    let asked = centre.wants_a_call("narrows").await;
    let waits = centre.wants_a_call("narrows").await;
    // What came later has had its first step, so what came before has, too.
    eventually("the second step", async || {
        let (history, _) = centre.explained(waits, "maria").await;
        history.contains("begins step 2")
    })
    .await;
    centre.is(asked, "offered", Some("maria")).await;
    let decline = centre.answer(asked, "decline").await;
    centre.does("maria", decline).await;
    centre.does("maria", json!({"do": "ready"})).await;
    for call in [asked, waits] {
        let (_, reasons) = centre.explained(call, "maria").await;
        assert!(reasons.contains("asks for orders at 5"), "{reasons}");
    }
    centre.works("noah").await;
    for call in [asked, waits] {
        centre.takes("noah", call).await;
        centre.ends("noah", call).await;
    }
    centre.close().await;
}

#[tokio::test]
async fn rule_3_a_route_that_ends_widens_or_overflows_a_callback_and_what_would_end_it_keeps_it() {
    let centre = Centre::open(|tenant| {
        noah_knows_more(tenant);
        add_calls(tenant, "elsewhere", json!({"route": [step(5, None)]}));
        for (name, end) in [
            ("holds", json!("Hold")),
            ("closes", json!({"Close": null})),
            ("records", json!({"Voicemail": null})),
            ("calls-back", json!({"Callback": null})),
            ("flows", json!({"Overflow": "elsewhere"})),
            ("widens", json!("Widen")),
        ] {
            let fields = json!({"route": [step(5, Some(1))], "onExhausted": end});
            add_calls(tenant, name, fields);
        }
        add_closed_queue(tenant, "shut", "Callback", json!({"Close": null}));
    })
    .await;
    centre.works("maria").await;
    // In a closed queue nobody is turned away who is to be called when it opens.
    let not_now = centre.wants_a_call("shut").await;
    centre.is(not_now, "later", None).await;
    let mut wait_on = Vec::new();
    for name in ["holds", "closes", "records", "calls-back", "flows"] {
        wait_on.push(centre.wants_a_call(name).await);
    }
    // The last to come, so the last whose route ends.
    let widens = centre.wants_a_call("widens").await;
    centre.becomes(widens, "offered", Some("maria")).await;
    centre.takes("maria", widens).await;
    for call in &wait_on {
        centre.is(*call, "waiting", None).await;
    }
    let flows = centre.contact(wait_on[4]).await;
    assert_eq!(flows["queue"], "elsewhere");
    assert_eq!(flows["segments"][0]["end"], "overflow");
    // Who has what their last step asks for calls them, in their order.
    centre.works("noah").await;
    for call in wait_on {
        centre.takes("noah", call).await;
        centre.ends("noah", call).await;
        centre.is_over(call, "answered").await;
    }
    centre.close().await;
}

#[tokio::test]
async fn rule_4_a_callback_goes_to_the_agent_whom_its_queues_strategy_names_or_who_talked_last() {
    let centre = Centre::open(|tenant| {
        noah_knows_more(tenant);
        let team = tenant.teams.get_mut("frontline").unwrap();
        set(
            team,
            json!({"interrupts": [{"by": "Callback", "during": "Chat"}]}),
        );
        let skilled = json!({"strategy": "MostSkilled", "route": [step(1, None)]});
        add_calls(tenant, "skilled", skilled);
        add_calls(tenant, "turns", json!({"strategy": "RoundRobin"}));
        add_calls(tenant, "known", json!({"lastAgent": "30s"}));
        add_calls(tenant, "least", json!({"strategy": "LeastOccupied"}));
    })
    .await;
    centre.works("maria").await;
    centre.works("noah").await;
    for (name, agent) in [
        // By the longest idle: Maria, and then Noah.
        ("calls", "maria"),
        ("calls", "noah"),
        // From here on it is Maria who has been idle for longer when Noah is asked.
        ("skilled", "noah"),
        ("turns", "maria"),
        ("calls", "noah"),
        ("turns", "noah"),
        ("turns", "maria"),
        ("calls", "noah"),
    ] {
        let call = centre.wants_a_call(name).await;
        centre.takes(agent, call).await;
        centre.ends(agent, call).await;
    }
    for agent in ["maria", "maria"] {
        // The first is the longest idle; and then, though the other has been idle for longer, the one whom they know.
        let call = json!({"customer": "+4930900007"});
        let call = centre.comes_with("known", call).await;
        centre.takes(agent, call).await;
        let listed = centre.admin.get("/api/v1/callbacks").await.1;
        assert_eq!(listed, json!([]), "who talks is no callback to come");
        centre.ends(agent, call).await;
    }
    let chat = centre.comes("chats").await;
    centre.takes("noah", chat).await;
    let least = centre.wants_a_call("least").await;
    centre.takes("maria", least).await;
    centre.close().await;
}

#[tokio::test]
async fn rule_5_who_frees_gets_the_first_in_rank_of_the_callbacks_and_chats_whose_step_they_satisfy()
 {
    let centre = Centre::open(|tenant| {
        noah_knows_more(tenant);
        add_calls(tenant, "deep", json!({"route": [step(5, None)]}));
    })
    .await;
    let deep = centre.wants_a_call("deep").await;
    let first = centre.wants_a_call("calls").await;
    let second = centre.wants_a_call("calls").await;
    let chat = centre.comes("chats").await;
    let third = centre.wants_a_call("calls").await;
    centre.works("maria").await;
    centre.takes("maria", first).await;
    centre.works("noah").await;
    centre.takes("noah", deep).await;
    centre.ends("maria", first).await;
    centre.takes("maria", second).await;
    centre.ends("noah", deep).await;
    centre.takes("noah", chat).await;
    centre.ends("maria", second).await;
    centre.is(third, "offered", Some("maria")).await;
    centre.close().await;
}

#[tokio::test]
async fn rule_6_a_callback_is_offered_to_one_agent_and_an_answer_to_an_older_offer_calls_nobody() {
    let centre = Centre::open(|_| {}).await;
    centre.works("maria").await;
    let call = centre.wants_a_call("calls").await;
    let chat = centre.comes("chats").await;
    assert_eq!(centre.in_hand("maria", "offered").await, [call]);
    centre.is(chat, "waiting", None).await;
    let early = centre.answer(call, "accept").await;
    let decline = centre.answer(call, "decline").await;
    centre.works("noah").await;
    centre.takes("noah", chat).await;
    centre.ends("noah", chat).await;
    centre.does("maria", decline).await;
    centre.is(call, "offered", Some("noah")).await;
    for agent in ["maria", "noah"] {
        let why = centre.refused(agent, early.clone()).await;
        assert!(why.contains(&format!("no longer) {agent}'s")), "{why}");
    }
    let (history, _) = centre.explained(call, "noah").await;
    assert!(!history.contains("its customer is called"), "{history}");
    let second = centre.answer(call, "accept").await;
    assert_eq!(second["generation"], 2);
    // Nobody needs it any more: nobody has it, and Noah is none the worse.
    let path = format!("/api/v1/callbacks/{call}");
    assert_eq!(centre.admin.ask(Method::DELETE, &path, None).await.0, 204);
    let why = centre.refused("noah", second).await;
    assert!(why.contains("no longer) noah's"), "{why}");
    assert_eq!(centre.agent("noah").await["state"], "idle");
    centre.is_over(call, "cancelled").await;
    centre.close().await;
}

#[tokio::test]
async fn rule_7_a_callback_that_is_not_taken_goes_to_the_next_at_its_old_rank_and_calls_nobody() {
    let centre = Centre::open(|tenant| set(queue(tenant, "calls"), json!({"ring": "2s"}))).await;
    centre.works("maria").await;
    let call = centre.wants_a_call("calls").await;
    let arrived = centre.contact(call).await["arrived"].clone();
    centre.becomes(call, "waiting", None).await;
    let maria = centre.agent("maria").await;
    assert_eq!(
        (&maria["state"], &maria["reason"]),
        (&json!("notReady"), &json!("rona"))
    );
    // What follows may take its time.
    centre
        .change(|tenant| set(queue(tenant, "calls"), json!({"ring": "1m"})))
        .await;
    let later = centre.wants_a_call("calls").await;
    centre.works("noah").await;
    centre.is(call, "offered", Some("noah")).await;
    assert_eq!(centre.contact(call).await["arrived"], arrived);
    let (history, _) = centre.explained(call, "noah").await;
    assert!(!history.contains("its customer is called"), "{history}");
    // While another qualifies, it is not Maria's again.
    centre.does("maria", json!({"do": "ready"})).await;
    centre.is(later, "offered", Some("maria")).await;
    centre.takes("noah", call).await;
    centre.close().await;
}

#[tokio::test]
async fn rule_8_a_callbacks_customer_can_leave_it_only_once_they_are_on_the_line() {
    let centre = Centre::open(|tenant| {
        add_calls(tenant, "deep", json!({"route": [step(5, Some(1))]}));
        let fields = json!({"route": [step(5, Some(1))], "onExhausted": "Widen"});
        add_calls(tenant, "widens", fields);
    })
    .await;
    centre.works("maria").await;
    let waits = centre.wants_a_call("deep").await;
    let asked = centre.wants_a_call("widens").await;
    // Its route is over, and so is that of the one before.
    centre.becomes(asked, "offered", Some("maria")).await;
    let due = Utc::now() + Duration::hours(1);
    let later = books(&centre, "+4930100", json!({"due": due})).await;
    for (call, state) in [(waits, "waiting"), (asked, "offered"), (later, "later")] {
        let gone = format!("/api/v1/contacts/{call}/gone");
        let (status, told) = centre.admin.post(&gone, json!({})).await;
        assert_eq!(status, 409, "{told}");
        let why = told["error"].as_str().unwrap();
        assert!(why.contains("its customer is not on the line"), "{why}");
        assert_eq!(centre.contact(call).await["state"], state);
    }
    centre.takes("maria", asked).await;
    centre.goes(asked).await;
    centre.is_over(asked, "answered").await;
    assert_eq!(centre.agent("maria").await["state"], "wrapUp");
    centre.close().await;
}

#[tokio::test]
async fn rule_9_a_callback_is_for_nobody_who_is_away_not_even_for_whom_it_was_booked() {
    let centre = Centre::open(|_| {}).await;
    let call = books(&centre, "+4930100", json!({"agent": "noah"})).await;
    centre.is(call, "waiting", None).await;
    centre
        .does("maria", json!({"do": "signIn", "presence": "endpoint"}))
        .await;
    centre.is(call, "waiting", None).await;
    centre.does("maria", json!({"do": "ready"})).await;
    centre.is(call, "offered", Some("maria")).await;
    centre.does("maria", json!({"do": "signOut"})).await;
    centre.is(call, "waiting", None).await;
    assert_eq!(centre.agent("maria").await["state"], "signedOut");
    centre.works("noah").await;
    centre.takes("noah", call).await;
    let next = centre.wants_a_call("calls").await;
    centre.does("noah", json!({"do": "signOut"})).await;
    centre.is(call, "talking", Some("noah")).await;
    centre.ends("noah", call).await;
    assert_eq!(centre.agent("noah").await["state"], "signedOut");
    centre.is(next, "waiting", None).await;
    centre.close().await;
}

#[tokio::test]
async fn rule_10_a_callback_takes_the_room_of_a_call_and_its_wrap_up_keeps_the_next_away() {
    let centre = Centre::open(|tenant| {
        let team = tenant.teams.get_mut("frontline").unwrap();
        set(team, json!({"media": {"voice": 2, "chat": 3, "email": 5}}));
    })
    .await;
    centre.works("maria").await;
    let first = centre.wants_a_call("calls").await;
    centre.takes("maria", first).await;
    let second = centre.wants_a_call("calls").await;
    centre.takes("maria", second).await;
    let third = centre.wants_a_call("calls").await;
    let chat = centre.comes("chats").await;
    for (contact, medium) in [(third, "Callback"), (chat, "Chat")] {
        centre.is(contact, "waiting", None).await;
        let (_, reasons) = centre.explained(contact, "maria").await;
        let why = format!("no room for {medium} now");
        assert!(reasons.contains(&why), "{reasons}");
    }
    centre
        .does("maria", json!({"do": "end", "contact": first}))
        .await;
    centre.is(third, "waiting", None).await;
    let fourth = centre.wants_a_call("calls").await;
    let (_, reasons) = centre.explained(fourth, "maria").await;
    assert!(reasons.contains("wraps up until"), "{reasons}");
    assert!(!reasons.contains("no room"), "{reasons}");
    centre.does("maria", json!({"do": "wrapUpDone"})).await;
    centre.takes("maria", third).await;
    centre.is(fourth, "waiting", None).await;
    centre.is(chat, "waiting", None).await;
    centre.close().await;
}

#[tokio::test]
async fn rule_11_the_callback_of_who_has_used_less_comes_first_but_for_one_agent_who_is_guaranteed()
{
    let centre = Centre::open(|tenant| two_clients_share(tenant, "Callback")).await;
    acme_and_bolt_take_turns(centre, async |centre, queue| {
        centre.wants_a_call(queue).await
    })
    .await;
}

#[tokio::test]
async fn rule_12_near_a_break_an_agent_is_offered_no_callback_that_would_overrun_it() {
    let centre = Centre::open(|tenant| {
        set(&mut tenant.capacity, json!({"breakGuard": "10m"}));
        // In no debt: without a service level it can't be.
        set(queue(tenant, "calls"), json!({"serviceLevel": null}));
    })
    .await;
    centre.works("maria").await;
    centre.breaks_in("maria", 1).await;
    // Not even where it was booked with her in mind.
    let call = books(&centre, "+4930100", json!({"agent": "maria"})).await;
    centre.is(call, "waiting", None).await;
    let (_, reasons) = centre.explained(call, "maria").await;
    assert!(reasons.contains("should be free by"), "{reasons}");
    let other = centre.wants_a_call("calls").await;
    centre.is(other, "waiting", None).await;
    centre.works("noah").await;
    centre.takes("noah", other).await;
    // Six minutes are enough for the three that a call is expected to take.
    centre.breaks_in("maria", 6).await;
    centre.takes("maria", call).await;
    centre.close().await;
}

#[tokio::test]
async fn rule_13_a_callback_that_is_handed_over_keeps_its_age_and_its_customer_on_the_line() {
    let centre = Centre::open(|tenant| add_calls(tenant, "billing", json!({}))).await;
    let call = maria_calls_one(&centre).await;
    let arrived = centre.contact(call).await["arrived"].clone();
    centre
        .does("maria", transfer(call, json!({"agent": "noah"})))
        .await;
    centre.does("maria", json!({"do": "wrapUpDone"})).await;
    centre.takes("noah", call).await;
    let why = centre
        .refused("maria", json!({"do": "end", "contact": call}))
        .await;
    assert!(why.contains("does not talk"), "{why}");

    centre
        .does("maria", json!({"do": "notReady", "reason": "paperwork"}))
        .await;
    let later = centre.wants_a_call("billing").await;
    centre
        .does("noah", transfer(call, json!({"queue": "billing"})))
        .await;
    let shown = centre.contact(call).await;
    assert_eq!(
        (&shown["queue"], &shown["state"], &shown["arrived"]),
        (&json!("billing"), &json!("waiting"), &arrived)
    );
    centre.does("maria", json!({"do": "ready"})).await;
    centre.is(call, "offered", Some("maria")).await;
    centre.is(later, "waiting", None).await;
    // Nobody has to be called any more: who waits in line can leave it.
    centre.goes(call).await;
    centre.is_over(call, "abandoned").await;
    centre.is(later, "offered", Some("maria")).await;
    centre.does("noah", json!({"do": "wrapUpDone"})).await;
    let of = [
        stretch("calls", "maria"),
        stretch("calls", "noah"),
        ("billing".into(), String::new(), "abandoned".into()),
    ];
    assert_eq!(centre.stretches(call).await, of);
    centre.close().await;
}

#[tokio::test]
async fn rule_13_a_callback_that_a_team_does_not_take_returns_to_who_handed_it_over() {
    let centre = Centre::open(|tenant| {
        sofia_is_a_specialist(tenant);
        set(queue(tenant, "calls"), json!({"ring": "5s"}));
    })
    .await;
    let call = maria_calls_one(&centre).await;
    comes_back_from_sofias_team(centre, call, "calls").await;
}

#[tokio::test]
async fn rule_13_about_a_callback_another_is_asked_joins_and_has_it_or_is_let_go() {
    let centre = Centre::open(|_| {}).await;
    let call = maria_calls_one(&centre).await;
    let consult = json!({"do": "consult", "contact": call, "to": {"agent": "noah"}});
    let about = |word: &str| json!({"do": word, "contact": call});
    centre.does("maria", consult.clone()).await;
    centre.is(call, "held", Some("maria")).await;
    centre.does("maria", about("cancelConsult")).await;
    centre.is(call, "talking", Some("maria")).await;
    assert!(centre.in_hand("noah", "offered").await.is_empty());

    centre.does("maria", consult).await;
    let asked = centre.in_hand("noah", "offered").await[0];
    let shown = centre.contact(asked).await;
    assert_eq!(
        (&shown["consultOf"], shown.get("calls")),
        (&json!(call), None)
    );
    centre.takes("noah", asked).await;
    centre.does("maria", about("conference")).await;
    centre.is(call, "talking", Some("maria")).await;
    centre.does("maria", about("completeConsult")).await;
    centre.is(call, "talking", Some("noah")).await;
    centre.is_over(asked, "consulted").await;
    centre.does("maria", json!({"do": "wrapUpDone"})).await;
    centre.ends("noah", call).await;
    let of = [stretch("calls", "maria"), stretch("calls", "noah")];
    assert_eq!(centre.stretches(call).await, of);
    centre.close().await;
}

#[tokio::test]
async fn rule_13_before_its_customer_is_on_the_line_nobody_hands_a_callback_over_or_asks_about_it()
{
    let centre = Centre::open(|_| {}).await;
    centre.works("maria").await;
    let asked = centre.wants_a_call("calls").await;
    let waits = centre.wants_a_call("calls").await;
    let due = Utc::now() + Duration::hours(1);
    let later = books(&centre, "+4930100", json!({"due": due})).await;
    centre
        .does("noah", json!({"do": "signIn", "presence": "endpoint"}))
        .await;
    for (call, state) in [(asked, "offered"), (waits, "waiting"), (later, "later")] {
        for word in ["transfer", "consult"] {
            let command = json!({"do": word, "contact": call, "to": {"queue": "calls"}});
            let why = centre.refused("maria", command).await;
            assert!(why.contains("maria does not talk with contact"), "{why}");
        }
        assert_eq!(centre.contact(call).await["state"], state);
    }
    centre.close().await;
}

#[tokio::test]
async fn rule_14_a_callback_is_in_line_in_its_customers_own_hours_alone() {
    let centre = Centre::open(|_| {}).await;
    // A zone in which it is a little past noon. POSIX counts them westwards.
    let ahead = 12 - i64::from(Utc::now().hour());
    let zone = format!("Etc/GMT{:+}", -ahead);
    let window = |from: &str, to: &str| json!({"zone": zone, "from": from, "to": to});
    let early = json!({"window": window("14:00", "18:00")});
    let early = books(&centre, "+4930100", early).await;
    let late = json!({"window": window("08:00", "11:30")});
    let late = books(&centre, "+4930101", late).await;
    let now = json!({"window": window("11:30", "13:30")});
    let now = books(&centre, "+4930102", now).await;
    centre.works("maria").await;
    centre.works("noah").await;
    centre.is(now, "offered", Some("maria")).await;
    for (call, hour, days) in [(early, 14, 0), (late, 8, 1)] {
        centre.is(call, "later", None).await;
        let due = centre.contact(call).await["due"].clone();
        let due = DateTime::parse_from_rfc3339(due.as_str().unwrap()).unwrap();
        let theirs = |at: DateTime<Utc>| at.naive_utc() + Duration::hours(ahead);
        let due = theirs(due.to_utc());
        assert_eq!((due.hour(), due.minute(), due.second()), (hour, 0, 0));
        let today = theirs(Utc::now()).date();
        assert_eq!(due.date() - today, Duration::days(days), "{due}");
    }
    centre.close().await;
}

#[tokio::test]
async fn rule_15_the_api_says_why_a_callback_waits_and_whom_it_went_to() {
    let centre = Centre::open(|_| {}).await;
    centre.works("noah").await;
    let call = books(&centre, "+4930100", json!({})).await;
    centre.takes("noah", call).await;
    let (history, reasons) = centre.explained(call, "maria").await;
    let mut at = 0;
    for what in [
        "is booked as a callback in calls",
        "is to be called back from",
        "is offered to noah",
        "its customer is called for noah",
        "talks with noah",
    ] {
        let found = history[at..].find(what);
        at += found.unwrap_or_else(|| panic!("no `{what}` behind {at} in {history}"));
    }
    assert!(reasons.contains("the contact is with noah"), "{reasons}");
    assert!(reasons.contains("not signed in"), "{reasons}");

    let for_noah = books(&centre, "+4930101", json!({"agent": "noah"})).await;
    let due = Utc::now() + Duration::hours(1);
    let later = books(&centre, "+4930102", json!({"due": due})).await;
    centre.works("maria").await;
    centre.is(for_noah, "waiting", None).await;
    for (contact, agent, why) in [
        (for_noah, "noah", "no room for Callback now"),
        (for_noah, "maria", "the contact waits for noah by name"),
        (later, "maria", "the contact is to be called back at"),
    ] {
        let (_, reasons) = centre.explained(contact, agent).await;
        assert!(reasons.contains(why), "{contact} and {agent}: {reasons}");
    }
    centre.close().await;
}

#[tokio::test]
async fn rule_16_callbacks_of_a_removed_queue_flow_on_or_are_called_all_the_same_and_new_hours_hold()
 {
    let centre = Centre::open(|tenant| {
        add_calls(tenant, "old", json!({"onExhausted": {"Overflow": "calls"}}));
        add_calls(tenant, "shut", json!({"onExhausted": {"Close": null}}));
    })
    .await;
    centre.works("maria").await;
    let talks = centre.wants_a_call("old").await;
    centre.takes("maria", talks).await;
    centre.works("noah").await;
    let asked = centre.wants_a_call("old").await;
    centre.is(asked, "offered", Some("noah")).await;
    let moves = centre.wants_a_call("old").await;
    let stays = centre.wants_a_call("shut").await;
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
        (&json!("calls"), &json!("waiting"), &arrived)
    );
    centre.is(stays, "waiting", None).await;
    centre.is(talks, "talking", Some("maria")).await;
    // Who was asked is still, and calls them.
    centre.takes("noah", asked).await;
    centre.ends("noah", asked).await;
    centre.takes("noah", moves).await;
    centre.ends("noah", moves).await;
    centre.is(stays, "offered", Some("noah")).await;
    centre.takes("noah", stays).await;
    centre.ends("maria", talks).await;
    let next = centre.wants_a_call("calls").await;
    centre.is(next, "offered", Some("maria")).await;
    // The queue's hours end: nobody is asked to call any more, and who talks goes on.
    centre
        .change(|tenant| {
            add_closed_queue(tenant, "calls", "Callback", json!({"Close": null}));
        })
        .await;
    centre.becomes(next, "later", None).await;
    assert_eq!(centre.agent("maria").await["state"], "idle");
    centre.is(stays, "talking", Some("noah")).await;
    centre.close().await;
}

#[tokio::test]
async fn rule_14_who_was_booked_with_blanks_in_their_number_and_comes_again_is_called_back_no_more()
{
    let centre = Centre::open(|_| {}).await;
    let due = json!({"due": Utc::now() + Duration::hours(1)});
    let booked = books(&centre, "+49 30 900001", due.clone()).await;
    let path = "/api/v1/callbacks";
    for same in ["+4930900001", "004930900001"] {
        let again = json!({"queue": "calls", "customer": same, "due": due["due"]});
        let (status, told) = centre.admin.post(path, again).await;
        assert_eq!(status, 409, "once is enough: {told}");
    }
    centre.works("maria").await;
    let again = json!({"customer": "4930900001"});
    let again = centre.comes_with("calls", again).await;
    centre.is_over(booked, "merged").await;
    centre.is(again, "offered", Some("maria")).await;
    centre.close().await;
}
