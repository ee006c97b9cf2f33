//! Rule 14: who is to be called back, and calls again.

use std::time::Instant;

use serde_json::json;

use crate::centre::{Centre, calls_back, they_talk};
use crate::desk::*;
use crate::rules::{noah_knows_more, orders, route};
use crate::support::eventually;

/// The customer calls, from a port of their own.
fn calls(port: u16, more: &[&str]) -> Party {
    let from = format!("10.88.0.10:{port}");
    let mut all = vec!["--until-bye", "--from", &from];
    all.extend(more);
    Party::to(NUMBER, &all)
}

/// Somebody else does.
fn another(port: u16) -> Party {
    calls(port, &["--caller", "493099999"])
}

/// The telephone at which the customer is called back.
pub fn telephone(args: &[&str]) -> Party {
    Party::phone("customer", "10.88.0.11", args)
}

pub fn offers(name: &str) -> usize {
    log(name).matches(" offered ").count()
}

impl Centre {
    /// The customer asks by a key to be called back; their contact.
    async fn asks_to_be_called(&self) -> u64 {
        let asks = calls(5080, &["--digits", "1", "--digits-after", "5"]);
        let contact = self.contact("waiting", None).await;
        assert!(asks.ended_well().await, "the centre lets the caller go");
        contact
    }

    pub async fn to_be_called(&self) -> usize {
        let (_, booked) = self.api.get("/api/v1/callbacks").await;
        booked.as_array().unwrap().len()
    }

    async fn is(&self, agent: &str, state: &str) {
        let path = format!("/api/v1/agents/{agent}");
        eventually(&format!("{agent} is {state}"), async || {
            self.api.get(&path).await.1["state"] == state
        })
        .await;
    }

    /// A contact that came after another.
    pub async fn next_after(&self, contact: u64) -> u64 {
        let found = std::cell::Cell::new(0);
        eventually("one more contact", async || {
            let contacts = self.contacts().await;
            let ids = contacts.iter().filter_map(|one| one["id"].as_u64());
            found.set(ids.max().unwrap_or_default());
            found.get() > contact
        })
        .await;
        found.get()
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs live/run.sh"]
async fn rule_14_who_is_to_be_called_back_and_calls_again_has_the_callbacks_place_and_is_called_by_nobody()
 {
    let centre = Centre::open(calls_back).await;
    let callback = centre.asks_to_be_called().await;
    let elder = another(5082);
    let second = centre.next_after(callback).await;
    let again = calls(5084, &["--tone", "440"]);
    let third = centre.next_after(second).await;
    let merged = centre.ended(callback).await;
    assert_eq!(merged["outcome"], "merged", "{merged}");
    assert_eq!(centre.to_be_called().await, 0);
    let of_customer = telephone(&[]);
    let _maria = Party::maria(&["--tone", "1000"]);
    centre.works("maria").await;
    assert_eq!(
        centre.contact("talking", Some("maria")).await,
        third,
        "before who came between the callback and the new call"
    );
    they_talk(("10.88.0.20", "1000"), ("10.88.0.10", "440")).await;
    centre.lets_go("maria", third).await;
    assert!(again.ended_well().await);
    assert_eq!(centre.contact("talking", Some("maria")).await, second);
    centre.lets_go("maria", second).await;
    assert!(elder.ended_well().await);
    centre.is("maria", "idle").await;
    // She is free, and there is nobody left to call.
    assert!(centre.contacts().await.is_empty());
    assert_eq!((offers("maria"), offers("customer")), (2, 0));
    drop(of_customer);
    centre.close().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs live/run.sh"]
async fn rule_14_who_calls_again_while_they_are_being_called_is_rung_no_more_and_talks() {
    let centre = Centre::open(calls_back).await;
    let callback = centre.asks_to_be_called().await;
    let of_customer = telephone(&["--no-answer"]);
    let maria = Party::maria(&["--tone", "1000"]);
    centre.works("maria").await;
    of_customer.said(" offered ").await;
    let again = calls(5084, &["--tone", "440"]);
    let contact = centre.next_after(callback).await;
    // Their telephone stops ringing, and so does she hear who called.
    of_customer.said("withdrawn").await;
    assert_eq!(centre.ended(callback).await["outcome"], "merged");
    assert_eq!(centre.contact("talking", Some("maria")).await, contact);
    they_talk(("10.88.0.20", "1000"), ("10.88.0.10", "440")).await;
    // Once for the callback, once for the call.
    assert_eq!((offers("maria"), offers("customer")), (2, 1));
    maria.hangs_up().await;
    assert!(again.ended_well().await);
    let record = centre.ended(contact).await;
    assert_eq!(record["outcome"], "answered", "{record}");
    assert_eq!(centre.to_be_called().await, 0);
    centre.close().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs live/run.sh"]
async fn rule_14_who_was_sent_away_at_the_routes_end_to_be_called_and_calls_again_is_served_in_its_place()
 {
    let centre = Centre::open(|tenant| {
        calls_back(tenant);
        noah_knows_more(tenant);
        let orders = orders(tenant, "acme");
        // Nobody is there who knows as much.
        route(orders, &[(5, Some(1))]);
        orders.on_exhausted = serde_json::from_value(json!({"Callback": null})).unwrap();
    })
    .await;
    let sent_away = calls(5080, &[]);
    assert!(
        sent_away.ended_well().await,
        "the centre lets the caller go"
    );
    assert_eq!(centre.to_be_called().await, 1);
    let callback = centre.contact("waiting", None).await;
    // From now on who calls waits.
    centre
        .change(|tenant| {
            let orders = orders(tenant, "acme");
            route(orders, &[(5, None)]);
            orders.on_exhausted = serde_json::from_value(json!("Hold")).unwrap();
        })
        .await;
    let elder = another(5082);
    let second = centre.next_after(callback).await;
    let again = calls(5084, &[]);
    let third = centre.next_after(second).await;
    assert_eq!(centre.ended(callback).await["outcome"], "merged");
    let of_customer = telephone(&[]);
    let _noah = Party::noah(&[]);
    centre.works("noah").await;
    for contact in [third, second] {
        assert_eq!(centre.contact("talking", Some("noah")).await, contact);
        centre.lets_go("noah", contact).await;
    }
    assert!(again.ended_well().await && elder.ended_well().await);
    assert!(centre.contacts().await.is_empty());
    assert_eq!((offers("noah"), offers("customer")), (2, 0));
    drop(of_customer);
    centre.close().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs live/run.sh"]
async fn rule_14_who_cannot_be_called_is_promised_nothing_they_wait_on_at_the_routes_end_and_are_answered()
 {
    let centre = Centre::open(|tenant| {
        calls_back(tenant);
        noah_knows_more(tenant);
        let orders = orders(tenant, "acme");
        // Nobody is there who knows as much.
        route(orders, &[(5, Some(1))]);
        orders.on_exhausted = serde_json::from_value(json!({"Callback": "we-call"})).unwrap();
    })
    .await;
    let national = calls(5080, &["--caller", "030123456", "--tone", "440"]);
    let contact = centre.contact("waiting", None).await;
    let withheld = calls(5082, &["--caller", "anonymous"]);
    let second = centre.next_after(contact).await;
    // Who can be called is, and is let go by that.
    let sent_away = calls(5084, &[]);
    assert!(sent_away.ended_well().await);
    assert_eq!(centre.to_be_called().await, 1);
    let callback = centre.next_after(second).await;
    for waits in [contact, second] {
        assert_eq!(centre.state_of(waits).await, "waiting");
    }
    let of_customer = telephone(&["--tone", "700"]);
    let _noah = Party::noah(&["--tone", "1200"]);
    centre.works("noah").await;
    assert_eq!(centre.contact("talking", Some("noah")).await, contact);
    they_talk(("10.88.0.21", "1200"), ("10.88.0.10", "440")).await;
    centre.lets_go("noah", contact).await;
    assert!(national.ended_well().await);
    assert_eq!(centre.contact("talking", Some("noah")).await, second);
    centre.lets_go("noah", second).await;
    assert!(withheld.ended_well().await);
    assert_eq!(centre.contact("talking", Some("noah")).await, callback);
    of_customer.hangs_up().await;
    for contact in [contact, second, callback] {
        assert_eq!(centre.ended(contact).await["outcome"], "answered");
    }
    assert_eq!((offers("noah"), offers("customer")), (3, 1));
    centre.close().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs live/run.sh"]
async fn rule_14_who_is_busy_or_does_not_answer_is_called_again_after_the_queues_wait_until_they_talk()
 {
    let mut centre = Centre::open(|tenant| {
        calls_back(tenant);
        let often = json!({"attempts": 10, "retryAfter": "8s"});
        orders(tenant, "acme").callbacks = serde_json::from_value(often).unwrap();
    })
    .await;
    let callback = centre.asks_to_be_called().await;
    let of_customer = telephone(&["--reject", "486"]);
    let _maria = Party::maria(&["--tone", "1000"]);
    centre.works("maria").await;
    of_customer.said("refused with 486").await;
    let refused = Instant::now();
    centre.is("maria", "idle").await;
    assert_eq!((offers("maria"), centre.to_be_called().await), (1, 1));
    eventually("another call", async || {
        log("customer").matches("refused with 486").count() == 2
    })
    .await;
    let apart = refused.elapsed();
    assert!(apart.as_secs_f64() > 7.0, "called again after {apart:?}");
    // Away while the telephone is exchanged, so that nobody calls meanwhile.
    let away = json!({"do": "notReady", "reason": "away"});
    centre.is("maria", "idle").await;
    centre.does("maria", away.clone()).await;
    drop(of_customer);
    centre.succeed().await;

    let of_customer = telephone(&["--no-answer"]);
    centre.does("maria", json!({"do": "ready"})).await;
    of_customer.said(" offered ").await;
    of_customer.said("withdrawn").await;
    centre.is("maria", "idle").await;
    centre.does("maria", away).await;
    drop(of_customer);

    let of_customer = telephone(&["--tone", "700"]);
    centre.does("maria", json!({"do": "ready"})).await;
    assert_eq!(centre.contact("talking", Some("maria")).await, callback);
    they_talk(("10.88.0.20", "1000"), ("10.88.0.11", "700")).await;
    of_customer.hangs_up().await;
    let record = centre.ended(callback).await;
    assert_eq!(record["outcome"], "answered", "{record}");
    centre.is("maria", "idle").await;
    assert_eq!((offers("maria"), centre.to_be_called().await), (4, 0));
    centre.close().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs live/run.sh"]
async fn rule_14_a_callback_that_is_booked_for_later_rings_nobody_before_and_then_they_talk() {
    let mut centre = Centre::open(calls_back).await;
    let of_customer = telephone(&["--tone", "700"]);
    let _maria = Party::maria(&["--tone", "1000"]);
    centre.works("maria").await;
    let due = chrono::Utc::now() + chrono::Duration::seconds(10);
    let new = json!({"queue": "acme/orders", "customer": "+4930900001", "due": due});
    let (status, made) = centre.api.post("/api/v1/callbacks", new).await;
    assert_eq!(status, reqwest::StatusCode::CREATED, "{made}");
    let contact = centre.contact("later", None).await;
    // Also by who leads when it comes.
    centre.succeed().await;
    eventually("her phone rings", async || offers("maria") > 0).await;
    let late = chrono::Utc::now() - due;
    assert!(late >= chrono::Duration::zero(), "{late} before it was due");
    assert_eq!(centre.contact("talking", Some("maria")).await, contact);
    they_talk(("10.88.0.20", "1000"), ("10.88.0.11", "700")).await;
    assert_eq!((offers("maria"), offers("customer")), (1, 1));
    of_customer.hangs_up().await;
    let record = centre.ended(contact).await;
    assert_eq!(record["outcome"], "answered", "{record}");
    centre.close().await;
}
