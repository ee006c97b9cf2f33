//! A whole engine, its journal and its core, with real calls.

use reqwest::StatusCode;
use serde_json::{Value, json};
use trunkline_engine::api::Tokens;
use trunkline_engine::run::{Engine, Options, Place, RETENTION, Voice};
use trunkline_engine::telephony::ari::{Ari, Host};
use trunkline_engine::telephony::driver::Settings;
use trunkline_routing::Span;
use trunkline_tenant::Tenant;

use crate::desk::*;
use crate::support::{ADMIN, Client, eventually, key, reconfigure};

/// What was seen last, told where it was waited for in vain.
#[derive(Default)]
struct Last(std::cell::RefCell<String>);

impl Drop for Last {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("what was there last: {}", self.0.borrow());
        }
    }
}

/// A centre that leads, with its files in a folder of its own.
pub struct Centre {
    engine: Option<Engine>,
    pub api: Client,
    pub ari: Ari,
    hosts: Vec<Host>,
    folder: tempfile::TempDir,
}

impl Centre {
    pub async fn open(change: impl FnOnce(&mut Tenant)) -> Self {
        Self::open_on(vec![host()], change).await
    }

    /// With these media hosts, of which the first is asked what it holds.
    pub async fn open_on(hosts: Vec<Host>, change: impl FnOnce(&mut Tenant)) -> Self {
        clear().await;
        let folder = tempfile::tempdir().unwrap();
        let tenant = serde_json::to_vec(&*changed(change)).unwrap();
        std::fs::write(folder.path().join("tenant.json"), tenant).unwrap();
        let engine = Self::start(folder.path(), &hosts).await;
        Self {
            api: Client::admin(&engine),
            engine: Some(engine),
            ari: Ari::new(hosts[0].clone()).unwrap(),
            hosts,
            folder,
        }
    }

    async fn start(folder: &std::path::Path, hosts: &[Host]) -> Engine {
        let engine = Engine::start(Options {
            place: Place::Machine {
                config: folder.join("tenant.json"),
                hosts: hosts.to_vec(),
                pods: Vec::new(),
                reached_at: None,
            },
            journal: folder.join("journal.sqlite").into(),
            retention: RETENTION,
            listen: "127.0.0.1:0".parse().unwrap(),
            metrics: None,
            telephony: Voice::Ari(Settings {
                news_every: Span::seconds(3),
                ..Settings::default()
            }),
            key: key(),
            tokens: Tokens::new(ADMIN, key()),
        })
        .await
        .unwrap();
        let client = Client::admin(&engine);
        eventually("a configuration", async || {
            client.get("/readyz").await.0 == StatusCode::OK
        })
        .await;
        engine
    }

    /// Ends the engine and starts its successor on the same journal.
    pub async fn succeed(&mut self) {
        self.engine.take().unwrap().stop().await.unwrap();
        let engine = Self::start(self.folder.path(), &self.hosts).await;
        self.api = Client::admin(&engine);
        self.engine = Some(engine);
    }

    /// The documents change while it runs.
    pub async fn change(&self, change: impl FnOnce(&mut Tenant)) {
        reconfigure(&self.api, &self.folder.path().join("tenant.json"), change).await;
    }

    pub async fn does(&self, agent: &str, command: Value) {
        let (status, told) = self.api.does(agent, command.clone()).await;
        assert_eq!(status, StatusCode::NO_CONTENT, "{agent} {command}: {told}");
    }

    pub async fn works(&self, agent: &str) {
        self.does(
            agent,
            json!({"do": "signIn", "ready": true, "presence": "endpoint"}),
        )
        .await;
    }

    pub async fn contacts(&self) -> Vec<Value> {
        let (_, contacts) = self.api.get("/api/v1/contacts").await;
        contacts.as_array().unwrap().clone()
    }

    /// Waits until a contact is so; its number.
    pub async fn contact(&self, state: &str, agent: Option<&str>) -> u64 {
        let found = std::cell::Cell::new(0);
        let what = format!("a contact that is {state} with {agent:?}");
        let last = Last::default();
        eventually(&what, async || {
            let contacts = self.contacts().await;
            let shown = format!("{contacts:?}");
            if !last.0.borrow().starts_with(&shown) {
                let agents = self.api.get("/api/v1/agents").await.1;
                last.0.replace(format!("{shown}, {agents}"));
            }
            let one = contacts.iter().find(|contact| {
                contact["state"] == state && agent.is_none_or(|agent| contact["agent"] == agent)
            });
            one.is_some_and(|contact| {
                found.set(contact["id"].as_u64().unwrap());
                true
            })
        })
        .await;
        found.get()
    }

    pub async fn ended(&self, contact: u64) -> Value {
        let path = format!("/api/v1/contacts/{contact}");
        eventually("the contact's end", async || {
            self.api.get(&path).await.1["state"] == "ended"
        })
        .await;
        self.api.get(&path).await.1
    }

    pub async fn close(mut self) {
        eventually("no channel is left", async || {
            self.ari.channels().await.unwrap().is_empty()
        })
        .await;
        self.engine.take().unwrap().stop().await.unwrap();
    }
}

fn acme_orders(tenant: &mut Tenant) -> &mut trunkline_tenant::Queue {
    tenant
        .queues
        .get_mut(&trunkline_tenant::QueueId::of("acme", "orders"))
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs live/run.sh"]
async fn on_a_holiday_in_the_clients_zone_the_caller_hears_why_and_may_leave_a_message() {
    prompt("holiday", 600.0, 2);
    let centre = Centre::open(|tenant| {
        let zone = chrono_tz::America::New_York;
        let today = chrono::Utc::now().with_timezone(&zone).date_naive();
        let always = json!({"week": vec![json!([[0, 1440]]); 7], "closed": [today]});
        tenant
            .calendars
            .insert("office".into(), serde_json::from_value(always).unwrap());
        let hours = json!({"calendar": "office", "zone": "America/New_York"});
        let queue = acme_orders(tenant);
        queue.hours = serde_json::from_value(hours).unwrap();
        queue.closed = serde_json::from_value(json!({"Voicemail": "holiday"})).unwrap();
    })
    .await;
    let ear = Ear::at("10.88.0.10", 600.0, &["600"]);
    let caller = Party::caller(&["--until-bye"]);
    spoken(1, 2).await;
    caller.hangs_up().await;
    assert!(caller.ended_well().await);
    let heard = ear.heard_by_now().await;
    assert!((0.6..=1.1).contains(&heard["600"]), "{heard:?}");
    let record = centre.ended(1).await;
    assert_eq!(record["outcome"], "voicemail");
    let path = "/api/v1/contacts/1/voicemail";
    eventually("the message", async || {
        centre.api.get(path).await.0 == StatusCode::OK
    })
    .await;
    let (_, record) = centre.api.get("/api/v1/contacts/1").await;
    assert!(
        record["voicemail"]["seconds"].as_f64().unwrap() >= 1.0,
        "{record}"
    );
    let engine = centre.engine.as_ref().unwrap();
    let stranger = Client::new(engine.api, "nobody");
    assert_eq!(stranger.get(path).await.0, StatusCode::UNAUTHORIZED);
    let maria = Client::agent(engine, "maria");
    assert_eq!(maria.get(path).await.0, StatusCode::FORBIDDEN);
    assert_eq!(
        centre.api.get("/api/v1/contacts/2/voicemail").await.0,
        StatusCode::NOT_FOUND
    );
    // Erased, what they said goes with what they are known by.
    let who = json!({"customer": record["customer"]});
    let (status, told) = centre.api.post("/api/v1/erasures", who.clone()).await;
    assert_eq!(status, StatusCode::OK, "{told}");
    assert_eq!(centre.api.get(path).await.0, StatusCode::NOT_FOUND);
    assert_eq!(
        centre.api.post("/api/v1/erasures", who).await.0,
        StatusCode::NOT_FOUND
    );
    centre.close().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs live/run.sh"]
async fn rule_13_an_agent_consults_has_all_three_talk_and_leaves_the_customer_with_the_other() {
    let mut centre = Centre::open(|_| {}).await;
    let _maria = Party::maria(&["--tone", "1000"]);
    let _noah = Party::noah(&["--tone", "700"]);
    centre.works("maria").await;
    let caller = Party::caller(&["--until-bye", "--tone", "440"]);
    let contact = centre.contact("talking", Some("maria")).await;
    centre.works("noah").await;
    let ask = json!({"do": "consult", "contact": contact, "to": {"agent": "noah"}});
    centre.does("maria", ask).await;
    eventually("noah is asked", async || centre.contacts().await.len() == 2).await;
    centre.contact("talking", Some("noah")).await;

    centre.succeed().await; // in the midst of it
    // Between themselves: neither hears the customer, who hears music.
    let ears = ["10.88.0.20", "10.88.0.21", "10.88.0.10"]
        .map(|at| Ear::at(at, 3.0, &["440", "700", "1000"]));
    let [maria, noah, customer] = heard_by(ears).await;
    assert!(
        maria["700"] > 0.5 && maria["440"] == 0.0,
        "maria hears noah alone: {maria:?}"
    );
    assert!(
        noah["1000"] > 0.5 && noah["440"] == 0.0,
        "noah hears maria alone: {noah:?}"
    );
    assert!(
        customer["700"] + customer["1000"] == 0.0,
        "the customer hears neither: {customer:?}"
    );

    centre
        .does("maria", json!({"do": "conference", "contact": contact}))
        .await;
    eventually("three in one bridge", async || {
        let bridges = centre.ari.bridges().await.unwrap();
        bridges.iter().any(|bridge| bridge.channels.len() == 3)
    })
    .await;

    centre
        .does(
            "maria",
            json!({"do": "completeConsult", "contact": contact}),
        )
        .await;
    let noahs = centre.contact("talking", Some("noah")).await;
    assert_eq!(
        noahs, contact,
        "it is the customer's own contact that noah has now"
    );
    eventually("maria's phone is released", async || {
        let channels = centre.ari.channels().await.unwrap();
        channels.len() == 2
    })
    .await;
    // Also for a successor.
    centre.succeed().await;
    let ears = ["10.88.0.21", "10.88.0.10"].map(|at| Ear::at(at, 3.0, &["440", "700", "1000"]));
    let [noah, customer] = heard_by(ears).await;
    assert!(noah["440"] > 0.5, "noah hears the customer: {noah:?}");
    assert!(
        customer["700"] > 0.5,
        "the customer hears noah: {customer:?}"
    );
    centre
        .does("noah", json!({"do": "end", "contact": contact}))
        .await;
    assert!(caller.ended_well().await);
    centre.close().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs live/run.sh"]
async fn rule_13_a_consult_that_nobody_answers_gives_the_agent_back_to_the_customer() {
    let centre = Centre::open(|_| {}).await;
    let _maria = Party::maria(&[]);
    let _noah = Party::noah(&["--reject", "603"]);
    centre.works("maria").await;
    let caller = Party::caller(&["--until-bye"]);
    let contact = centre.contact("talking", Some("maria")).await;
    centre.works("noah").await;
    let ask = json!({"do": "consult", "contact": contact, "to": {"agent": "noah"}});
    centre.does("maria", ask).await;
    eventually("the consult is over", async || {
        centre.contacts().await.len() == 1
    })
    .await;
    let ear = Ear::at("10.88.0.10", 3.0, &["1000"]);
    let heard = ear.heard().await;
    assert!(
        heard["1000"] > 0.5,
        "the customer hears maria again: {heard:?}"
    );
    centre
        .does("maria", json!({"do": "end", "contact": contact}))
        .await;
    assert!(caller.ended_well().await);
    centre.close().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs live/run.sh"]
async fn rule_14_a_waiting_caller_asks_by_a_key_to_be_called_back_keeps_their_place_and_is_called()
{
    let mut centre = Centre::open(calls_back).await;
    let ear = Ear::at("10.88.0.10", 600.0, &["600", "800"]);
    // They are told of it after three seconds, and press it a good while later.
    let asks = Party::caller(&["--digits", "1", "--digits-after", "7", "--until-bye"]);
    let contact = centre.contact("waiting", None).await;
    assert!(asks.ended_well().await, "the centre lets the caller go");
    let heard = ear.heard_by_now().await;
    assert!(
        heard["600"] > 0.2 && heard["800"] > 0.2,
        "the offer and the confirmation: {heard:?}"
    );
    assert_eq!(
        centre.contact("waiting", None).await,
        contact,
        "it waits on"
    );
    centre.succeed().await;

    let _maria = Party::maria(&["--tone", "1000"]);
    let of_customer = Party::phone("customer", "10.88.0.11", &["--tone", "700"]);
    centre.works("maria").await;
    assert_eq!(centre.contact("talking", Some("maria")).await, contact);
    they_talk(("10.88.0.20", "1000"), ("10.88.0.11", "700")).await;
    let offered = log("customer");
    assert!(
        offered.contains("+18005550100"),
        "it is the client who calls: {offered}"
    );
    of_customer.hangs_up().await;
    let record = centre.ended(contact).await;
    assert_eq!(record["outcome"], "answered", "{record}");
    centre.close().await;
}

/// Acme's callers may ask to be called back, by carrier b.
pub fn calls_back(tenant: &mut Tenant) {
    prompt("press-one", 600.0, 1);
    prompt("we-call", 800.0, 1);
    let from = json!({"configMap": "prompts", "key": "x"});
    for name in ["press-one", "we-call"] {
        let from = serde_json::from_value(from.clone()).unwrap();
        tenant.prompts.insert(name.into(), from);
    }
    acme_orders(tenant).announcements.callback = serde_json::from_value(
        json!({"key": "1", "prompt": "press-one", "confirmation": "we-call"}),
    )
    .unwrap();
    let trunk = json!({
        "carrier": {"host": "10.88.0.11", "port": 5070}, "auth": {"type": "Address"}, "codecs": ["alaw"],
        "numbers": ["+493055500"], "limits": {},
        "outbound": {"prefixes": ["+49"], "callerId": "Client"}, "drainDeadline": "30m"
    });
    let trunk = serde_json::from_value(trunk).unwrap();
    tenant.trunks.insert("carrier-b".into(), trunk);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs live/run.sh"]
async fn rule_13_who_was_called_back_is_handed_over_to_another_agent_by_another_engine_and_talks() {
    let mut centre = Centre::open(calls_back).await;
    let asks = Party::caller(&["--digits", "1", "--digits-after", "5", "--until-bye"]);
    let contact = centre.contact("waiting", None).await;
    assert!(asks.ended_well().await, "the centre lets the caller go");
    let maria = Party::maria(&["--tone", "1000"]);
    let of_customer = Party::phone("customer", "10.88.0.11", &["--tone", "700"]);
    centre.works("maria").await;
    assert_eq!(centre.contact("talking", Some("maria")).await, contact);
    let to_noah = json!({"do": "transfer", "contact": contact, "to": {"agent": "noah"}});
    let _noah = Party::noah(&["--answer", "3", "--tone", "1200"]);
    centre.works("noah").await;
    centre.does("maria", to_noah).await;
    assert_eq!(centre.contact("offered", Some("noah")).await, contact);
    drop(maria);
    // Noah's phone rings, and the customer hears music, while the engine is replaced.
    centre.succeed().await;
    assert_eq!(centre.contact("talking", Some("noah")).await, contact);
    they_talk(("10.88.0.21", "1200"), ("10.88.0.11", "700")).await;
    of_customer.hangs_up().await;
    let record = centre.ended(contact).await;
    assert_eq!(record["outcome"], "answered", "{record}");
    centre.close().await;
}

/// An agent and a customer, each at an address and with a tone of their own, hear each other.
pub async fn they_talk(agent: (&str, &str), customer: (&str, &str)) {
    let ears = [agent.0, customer.0].map(|at| Ear::at(at, 3.0, &[customer.1, agent.1]));
    let [told, answered] = heard_by(ears).await;
    assert!(
        told[customer.1] > 0.5 && answered[agent.1] > 0.5,
        "they talk: {told:?} {answered:?}"
    );
}

/// What each of them heard in the same seconds.
pub async fn heard_by<const N: usize>(ears: [Ear; N]) -> [Heard; N] {
    let mut heard = Vec::new();
    for ear in ears {
        heard.push(ear.heard().await);
    }
    heard.try_into().unwrap()
}
