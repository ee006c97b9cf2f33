//! An e-mail's life over HTTP and an agent's session.

use std::time::Duration;

use serde_json::json;
use tokio::time::sleep;

use crate::centre::{Centre, add_queue, queue, set, transfer};
use crate::session::Desk;
use crate::support::{Client, key};

#[tokio::test]
async fn an_e_mail_is_offered_accepted_set_aside_ended_and_recorded_and_its_service_level_is_in_hours()
 {
    let centre = Centre::open(|_| {}).await;
    let mut desk = Desk::open(&centre.engine, "maria", &key().agent_token("maria"))
        .await
        .unwrap();
    desk.says(json!({"id": 1, "do": "signIn", "ready": true}))
        .await;
    desk.next(|event| event["agent"]["state"] == "idle").await;
    let new = json!({"customer": "kim@example.com"});
    let mail = centre.comes_with("mails", new).await;
    let offered = desk
        .next(|event| event["contacts"][0]["state"] == "offered")
        .await;
    let offer = &offered["contacts"][0];
    assert_eq!(
        (&offer["medium"], &offer["queue"]),
        (&json!("Email"), &json!("mails"))
    );
    assert_eq!(
        (&offer["customer"], &offer["id"]),
        (&json!("kim@example.com"), &json!(mail))
    );
    let generation = offer["generation"].clone();
    desk.says(json!({"id": 2, "do": "accept", "contact": mail, "generation": generation}))
        .await;
    desk.next(|event| event["contacts"][0]["state"] == "talking")
        .await;
    desk.says(json!({"id": 3, "do": "hold", "contact": mail, "on": true}))
        .await;
    desk.next(|event| event["contacts"][0]["state"] == "held")
        .await;
    sleep(Duration::from_millis(300)).await;
    desk.says(json!({"id": 4, "do": "hold", "contact": mail, "on": false}))
        .await;
    desk.next(|event| event["contacts"][0]["state"] == "talking")
        .await;
    desk.says(json!({"id": 5, "do": "end", "contact": mail}))
        .await;
    desk.next(|event| event["agent"]["state"] == "wrapUp").await;
    desk.says(json!({"id": 6, "do": "wrapUpDone", "codes": ["returns"]}))
        .await;
    desk.next(|event| event["agent"]["state"] == "idle").await;

    let record = centre.contact(mail).await;
    assert_eq!(
        (&record["outcome"], &record["medium"]),
        (&json!("answered"), &json!("Email"))
    );
    assert_eq!(record["segments"][0]["codes"], json!(["returns"]));
    assert!(record["holdSeconds"].as_f64().unwrap() >= 0.3, "{record}");
    let of_queue = centre.figures("mails").await;
    assert_eq!(of_queue["withinSeconds"], 4.0 * 3600.0);
    assert_eq!(
        (&of_queue["answeredWithin"], &of_queue["serviceLevel"]),
        (&json!(1), &json!(1.0))
    );
    let (_, ended) = centre
        .admin
        .get("/api/v1/contacts?state=ended&queue=mails")
        .await;
    assert_eq!(ended[0]["id"], mail);
    centre.close().await;
}

#[tokio::test]
async fn rule_10_an_agent_has_as_many_e_mails_open_as_the_team_says_and_a_chat_only_where_it_may_interrupt_them()
 {
    let centre = Centre::open(|tenant| {
        let team = tenant.teams.get_mut("frontline").unwrap();
        set(
            team,
            json!({"interrupts": [{"by": "Chat", "during": "Email"}]}),
        );
    })
    .await;
    centre.works("maria").await;
    let mut open = Vec::new();
    for _ in 0..5 {
        let mail = centre.comes("mails").await;
        centre.takes("maria", mail).await;
        open.push(mail);
    }
    let sixth = centre.comes("mails").await;
    centre.is(sixth, "waiting", None).await;
    let (_, why) = centre
        .admin
        .get(&format!("/api/v1/contacts/{sixth}/explain?agent=maria"))
        .await;
    let reasons = why["agents"][0]["reasons"].to_string();
    assert!(reasons.contains("no room for Email now"), "{reasons}");
    // A chat may come while e-mails are open, a call may not.
    let call = centre
        .comes_with("calls", json!({"customer": "+4930100"}))
        .await;
    centre.is(call, "waiting", None).await;
    let chat = centre.comes("chats").await;
    centre.takes("maria", chat).await;
    // No e-mail comes while a chat is open, though there is room for one.
    centre.ends("maria", open[0]).await;
    centre.is(sixth, "waiting", None).await;
    centre.ends("maria", chat).await;
    centre.takes("maria", sixth).await;
    assert_eq!(centre.in_hand("maria", "talking").await.len(), 5);
    centre.close().await;
}

#[tokio::test]
async fn an_e_mail_goes_back_in_line_at_its_age_when_it_is_refused_left_or_handed_to_another_queue()
{
    let centre = Centre::open(|tenant| {
        add_queue(tenant, "second-line", json!({"medium": "Email"}));
        set(queue(tenant, "mails"), json!({"serviceLevel": null}));
    })
    .await;
    centre.works("maria").await;
    let mail = centre.comes("mails").await;
    let arrived = centre.contact(mail).await["arrived"].clone();
    let decline = centre.answer(mail, "decline").await;
    centre.does("maria", decline).await;
    centre.is(mail, "waiting", None).await;
    centre.works("noah").await;
    centre.is(mail, "offered", Some("noah")).await;
    centre.does("noah", json!({"do": "signOut"})).await;
    centre.is(mail, "waiting", None).await;
    centre.does("maria", json!({"do": "ready"})).await;
    centre.takes("maria", mail).await;
    let hand_over = json!({"do": "transfer", "contact": mail, "to": {"queue": "second-line"}});
    centre.does("maria", hand_over).await;
    centre.does("maria", json!({"do": "wrapUpDone"})).await;
    let shown = centre.contact(mail).await;
    assert_eq!(
        (&shown["queue"], &shown["arrived"]),
        (&json!("second-line"), &arrived)
    );
    centre.works("noah").await;
    centre.becomes(mail, "offered", None).await;
    let agent = centre.contact(mail).await["agent"]
        .as_str()
        .unwrap()
        .to_owned();
    centre.takes(&agent, mail).await;
    centre.ends(&agent, mail).await;
    let record = centre.contact(mail).await;
    let queues: Vec<_> = record["segments"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["queue"])
        .collect();
    assert_eq!(queues, ["mails", "second-line"]);

    // One whose sender withdraws it while it waits.
    centre
        .does(&agent, json!({"do": "notReady", "reason": "x"}))
        .await;
    let (_, agents) = centre.admin.get("/api/v1/agents").await;
    for one in agents
        .as_array()
        .unwrap()
        .iter()
        .filter(|one| one["state"] == "idle")
    {
        let name = one["name"].as_str().unwrap();
        centre
            .does(name, json!({"do": "notReady", "reason": "x"}))
            .await;
    }
    let withdrawn = centre.comes("mails").await;
    centre.is(withdrawn, "waiting", None).await;
    let gone = format!("/api/v1/contacts/{withdrawn}/gone");
    let maria = Client::agent(&centre.engine, "maria");
    assert_eq!(maria.post(&gone, json!({})).await.0, 403);
    assert_eq!(centre.admin.post(&gone, json!({})).await.0, 204);
    assert_eq!(centre.contact(withdrawn).await["outcome"], "abandoned");
    centre.close().await;
}

#[tokio::test]
async fn a_mail_or_chat_that_an_agent_moves_counts_in_each_queue_by_that_queues_target() {
    const MEDIA: [(&str, &str, &str); 2] = [
        ("Email", "slow-mails", "quick-mails"),
        ("Chat", "slow-chats", "quick-chats"),
    ];
    // Longer than is within the target of one, and than no machine takes within that of the other.
    let too_long = || sleep(Duration::from_millis(1100));
    let centre = Centre::open(|tenant| {
        for (medium, slow, quick) in MEDIA {
            for (name, within) in [(slow, "4h"), (quick, "1s")] {
                let level =
                    json!({"percent": 80, "within": within, "formula": "ExcludeShortAbandons"});
                add_queue(
                    tenant,
                    name,
                    json!({"medium": medium, "serviceLevel": level}),
                );
            }
        }
    })
    .await;
    centre.works("maria").await;
    for (_, slow, quick) in MEDIA {
        let moved = centre.comes(slow).await;
        too_long().await;
        centre.takes("maria", moved).await;
        for to in [quick, slow] {
            centre
                .does("maria", transfer(moved, json!({"queue": to})))
                .await;
            too_long().await;
            centre.does("maria", json!({"do": "wrapUpDone"})).await;
            centre.takes("maria", moved).await;
        }
        centre.ends("maria", moved).await;
        // What was promised where it had been before, or after, clings to neither.
        for (name, within, counts, level) in
            [(slow, 14_400.0, (2, 2), 1.0), (quick, 1.0, (1, 0), 0.0)]
        {
            let figures = centre.figures(name).await;
            assert_eq!(figures["withinSeconds"], within, "{figures}");
            assert_eq!(
                (&figures["answered"], &figures["answeredWithin"]),
                (&json!(counts.0), &json!(counts.1)),
                "{figures}"
            );
            assert_eq!(figures["serviceLevel"], level, "{figures}");
        }
    }
    centre.close().await;
}
