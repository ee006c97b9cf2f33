//! A centre of a test's own, spoken to by its API alone. Its agents' desks beat by themselves: here a session that
//! is known by a telephone, of which nobody says that it is gone.

use std::cell::Cell;

use chrono::{Duration, Utc};
use reqwest::{Method, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use trunkline_engine::run::{Engine, Voice};
use trunkline_engine::telephony::ari::Host;
use trunkline_tenant::crds::{AgentName, ClientName};
use trunkline_tenant::{Queue, QueueId, Tenant};

use crate::support::{Client, engine_with, eventually, fixture, reconfigure};

pub struct Centre {
    pub engine: Engine,
    pub admin: Client,
    dir: tempfile::TempDir,
    references: Cell<u32>,
}

/// Some fields of a document's part, written over.
pub fn set<T: Serialize + DeserializeOwned>(part: &mut T, fields: Value) {
    let mut whole = serde_json::to_value(&*part).unwrap();
    let Value::Object(fields) = fields else {
        panic!("{fields} is no object");
    };
    for (name, field) in fields {
        let old = whole.get_mut(&name);
        *old.unwrap_or_else(|| panic!("there is no field `{name}`")) = field;
    }
    *part = serde_json::from_value(whole).unwrap();
}

pub fn queue<'a>(tenant: &'a mut Tenant, name: &str) -> &'a mut Queue {
    tenant.queues.get_mut(&id(name)).unwrap()
}

fn id(name: &str) -> QueueId {
    name.parse().unwrap()
}

/// Another queue of chats, with some fields of its own.
pub fn add_queue(tenant: &mut Tenant, name: &str, fields: Value) {
    let mut new = tenant.queues[&id("chats")].clone();
    set(&mut new, fields);
    tenant.queues.insert(id(name), new);
}

/// Only one who has this level of `orders` may take it, for `seconds`, where a number is given.
pub fn step(level: u8, seconds: Option<u32>) -> Value {
    let require = if level > 0 {
        json!({"orders": level})
    } else {
        json!({})
    };
    let duration = seconds.map(|seconds| format!("{seconds}s"));
    json!({"require": require, "prefer": {}, "duration": duration})
}

/// Noah knows orders at 5, Maria at 3.
pub fn noah_knows_more(tenant: &mut Tenant) {
    let noah = tenant.agents.get_mut(&AgentName::new("noah")).unwrap();
    set(noah, json!({"skills": {"english": 4, "orders": 5}}));
}

/// Sofia, who knows what Maria does, is in a team of her own.
pub fn sofia_is_a_specialist(tenant: &mut Tenant) {
    let team = tenant.teams["frontline"].clone();
    tenant.teams.insert("specialists".into(), team);
    let mut sofia = tenant.agents["maria"].clone();
    set(
        &mut sofia,
        json!({"displayName": "Sofia", "team": "specialists"}),
    );
    tenant.agents.insert("sofia".into(), sofia);
}

/// `acme/shared` and `bolt/shared` are for one team, of which Acme has one agent by right.
pub fn two_clients_share(tenant: &mut Tenant, medium: &str) {
    let mut bolt = tenant.clients[&ClientName::from("acme")].clone();
    set(
        &mut bolt,
        json!({"displayName": "Bolt", "numbers": [], "entry": null}),
    );
    tenant.clients.insert("bolt".into(), bolt);
    for (name, guaranteed) in [("acme/shared", 1), ("bolt/shared", 0)] {
        let teams = json!([{"name": "frontline", "guaranteed": guaranteed, "weight": 1}]);
        add_queue(tenant, name, json!({"medium": medium, "teams": teams}));
    }
}

/// A queue that opens on no day, and what it does with who comes.
pub fn add_closed_queue(tenant: &mut Tenant, name: &str, medium: &str, closed: Value) {
    let never = json!({"week": vec![json!([]); 7], "closed": []});
    let never = serde_json::from_value(never).unwrap();
    tenant.calendars.insert("never".into(), never);
    let hours = json!({"calendar": "never", "zone": "Europe/Berlin"});
    let fields = json!({"medium": medium, "hours": hours, "closed": closed});
    add_queue(tenant, name, fields);
}

/// A stretch of a contact that an agent answered, as [`Centre::stretches`] tells it.
pub fn stretch(queue: &str, agent: &str) -> (String, String, String) {
    (queue.into(), agent.into(), "answered".into())
}

pub fn transfer(contact: u64, to: Value) -> Value {
    json!({"do": "transfer", "contact": contact, "to": to})
}

/// Rule 11 in [`two_clients_share`], where an agent has room for one: with whom Maria and Noah are busy, in turn.
pub async fn acme_and_bolt_take_turns(centre: Centre, comes: impl AsyncFn(&Centre, &str) -> u64) {
    let mut acmes = Vec::new();
    for _ in 0..3 {
        acmes.push(comes(&centre, "acme/shared").await);
    }
    let bolts = comes(&centre, "bolt/shared").await;
    centre.works("maria").await;
    centre.takes("maria", acmes[0]).await;
    centre.ends("maria", acmes[0]).await;
    // Acme has used some of the team now, and has nobody: the one who is its by right.
    centre.takes("maria", acmes[1]).await;
    // It has its one: Bolt's is first, which came last.
    centre.works("noah").await;
    centre.takes("noah", bolts).await;
    let bolts_second = comes(&centre, "bolt/shared").await;
    centre.ends("maria", acmes[1]).await;
    centre.takes("maria", acmes[2]).await;
    // Idle agents are withheld from nobody.
    centre.ends("noah", bolts).await;
    centre.is(bolts_second, "offered", Some("noah")).await;
    centre.close().await;
}

/// Rule 13: what Maria has of a queue that rings for a few seconds, handed to [`sofia_is_a_specialist`]'s team, where she
/// doesn't answer.
pub async fn comes_back_from_sofias_team(centre: Centre, contact: u64, queue: &str) {
    centre.works("sofia").await;
    centre
        .does("maria", transfer(contact, json!({"team": "specialists"})))
        .await;
    centre.is(contact, "offered", Some("sofia")).await;
    centre.does("maria", json!({"do": "wrapUpDone"})).await;
    // Noah is free, and not of the team.
    centre.becomes(contact, "offered", Some("maria")).await;
    centre.takes("maria", contact).await;
    assert_eq!(centre.agent("sofia").await["reason"], "rona");
    centre.ends("maria", contact).await;
    let of = ["maria", "maria"].map(|agent| stretch(queue, agent));
    assert_eq!(centre.stretches(contact).await, of);
    centre.close().await;
}

impl Centre {
    /// With the fixture's tenant and a queue of callbacks.
    pub async fn open(change: impl FnOnce(&mut Tenant)) -> Self {
        Self::open_with(Voice::None, Vec::new(), change).await
    }

    pub async fn open_with(
        voice: Voice,
        hosts: Vec<Host>,
        change: impl FnOnce(&mut Tenant),
    ) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let config = dir.path().join("tenant.json");
        let text = std::fs::read_to_string(fixture()).unwrap();
        let mut tenant: Tenant = serde_json::from_str(&text).unwrap();
        add_queue(&mut tenant, "calls", json!({"medium": "Callback"}));
        // Longer than any test takes: what is wrapped up is told to be done.
        set(
            tenant.teams.get_mut("frontline").unwrap(),
            json!({"wrapUp": "1m"}),
        );
        change(&mut tenant);
        std::fs::write(&config, serde_json::to_vec(&tenant).unwrap()).unwrap();
        let journal = dir.path().join("journal.sqlite").into();
        let engine = engine_with(config, journal, voice, hosts).await;
        Self {
            admin: Client::admin(&engine),
            engine,
            dir,
            references: Cell::new(0),
        }
    }

    /// Its engine ends, and another leads on the same journal.
    pub async fn succeeded(self, voice: Voice, hosts: Vec<Host>) -> Self {
        self.engine.stop().await.unwrap();
        let config = self.dir.path().join("tenant.json");
        let journal = self.dir.path().join("journal.sqlite").into();
        let engine = engine_with(config, journal, voice, hosts).await;
        Self {
            admin: Client::admin(&engine),
            engine,
            dir: self.dir,
            references: self.references,
        }
    }

    /// The tenant changes; returns when it is live.
    pub async fn change(&self, change: impl FnOnce(&mut Tenant)) {
        reconfigure(&self.admin, &self.dir.path().join("tenant.json"), change).await;
    }

    /// A contact comes in; its number.
    pub async fn comes(&self, queue: &str) -> u64 {
        self.comes_with(queue, json!({})).await
    }

    pub async fn comes_with(&self, queue: &str, more: Value) -> u64 {
        self.references.set(self.references.get() + 1);
        let mut new = json!({"queue": queue, "reference": format!("r{}", self.references.get())});
        for (name, value) in more.as_object().unwrap() {
            new[name] = value.clone();
        }
        let (status, made) = self.admin.post("/api/v1/contacts", new).await;
        assert_eq!(status, StatusCode::CREATED, "{made}");
        made["id"].as_u64().unwrap()
    }

    /// A customer wants to be called, at a number that nobody else has.
    pub async fn wants_a_call(&self, queue: &str) -> u64 {
        let customer = format!("+4930{}", 1000 + self.references.get());
        self.comes_with(queue, json!({"customer": customer})).await
    }

    pub async fn contact(&self, id: u64) -> Value {
        let (status, shown) = self.admin.get(&format!("/api/v1/contacts/{id}")).await;
        assert_eq!(status, StatusCode::OK, "{shown}");
        shown
    }

    /// Who had each stretch of a contact, and how it ended.
    pub async fn stretches(&self, id: u64) -> Vec<(String, String, String)> {
        let shown = self.contact(id).await;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let segments = shown["segments"].as_array().unwrap().iter();
        segments
            .map(|one| (text(&one["queue"]), text(&one["agent"]), text(&one["end"])))
            .collect()
    }

    /// What has become of a contact, and what keeps an agent from it.
    pub async fn explained(&self, id: u64, agent: &str) -> (String, String) {
        let path = format!("/api/v1/contacts/{id}/explain?agent={agent}");
        let (status, why) = self.admin.get(&path).await;
        assert_eq!(status, StatusCode::OK, "{why}");
        let reasons = why["agents"][0]["reasons"].to_string();
        (why["history"].to_string(), reasons)
    }

    /// A queue's figures of today.
    pub async fn figures(&self, queue: &str) -> Value {
        let (_, figures) = self.admin.get("/api/v1/figures").await;
        let mut figures = figures.as_array().unwrap().iter();
        let found = figures.find(|one| one["of"] == "queue" && one["name"] == queue);
        found.unwrap().clone()
    }

    /// The customer of a contact leaves, and may.
    pub async fn goes(&self, id: u64) {
        let gone = format!("/api/v1/contacts/{id}/gone");
        let (status, told) = self.admin.post(&gone, json!({})).await;
        assert_eq!(status, StatusCode::NO_CONTENT, "{told}");
    }

    pub async fn is_over(&self, id: u64, outcome: &str) {
        let ended = self.contact(id).await;
        assert_eq!(
            (&ended["state"], &ended["outcome"]),
            (&json!("ended"), &json!(outcome)),
            "{ended}"
        );
    }

    /// The agent works for hours and has a break in so many minutes.
    pub async fn breaks_in(&self, agent: &str, minutes: i64) {
        let now = Utc::now();
        let from = now + Duration::minutes(minutes);
        let rota = json!({"shifts": [{
            "from": now - Duration::hours(1), "to": now + Duration::hours(7),
            "breaks": [{"from": from, "to": from + Duration::minutes(15)}],
        }]});
        let path = format!("/api/v1/agents/{agent}/rota");
        let (status, told) = self.admin.ask(Method::PUT, &path, Some(rota)).await;
        assert_eq!(status, StatusCode::NO_CONTENT, "{told}");
    }

    pub async fn agent(&self, name: &str) -> Value {
        self.admin.get(&format!("/api/v1/agents/{name}")).await.1
    }

    /// An agent does something with their own token.
    pub async fn does(&self, agent: &str, command: Value) {
        let client = Client::agent(&self.engine, agent);
        let (status, told) = client.does(agent, command.clone()).await;
        assert_eq!(status, StatusCode::NO_CONTENT, "{agent} {command}: {told}");
    }

    /// What an agent is told who tries what can't be as things stand.
    pub async fn refused(&self, agent: &str, command: Value) -> String {
        let client = Client::agent(&self.engine, agent);
        let (status, told) = client.does(agent, command.clone()).await;
        assert_eq!(status, StatusCode::CONFLICT, "{agent} {command}: {told}");
        told["error"].as_str().unwrap().to_owned()
    }

    pub async fn works(&self, agent: &str) {
        self.does(
            agent,
            json!({"do": "signIn", "ready": true, "presence": "endpoint"}),
        )
        .await;
    }

    /// The numbers of what is in an agent's hands in this state.
    pub async fn in_hand(&self, agent: &str, state: &str) -> Vec<u64> {
        let client = Client::agent(&self.engine, agent);
        let path = format!("/api/v1/agents/{agent}/contacts");
        let (_, contacts) = client.get(&path).await;
        let contacts = contacts.as_array().unwrap().iter();
        contacts
            .filter(|contact| contact["state"] == state)
            .map(|contact| contact["id"].as_u64().unwrap())
            .collect()
    }

    /// The answer, `accept` or `decline`, to the offer that a contact is under now.
    pub async fn answer(&self, id: u64, word: &str) -> Value {
        json!({"do": word, "contact": id, "generation": self.contact(id).await["generation"]})
    }

    /// The agent accepts what they are offered, which is this contact.
    pub async fn takes(&self, agent: &str, id: u64) {
        assert_eq!(self.in_hand(agent, "offered").await, [id], "{agent}");
        let accept = self.answer(id, "accept").await;
        self.does(agent, accept).await;
        assert_eq!(self.contact(id).await["state"], "talking");
    }

    /// The agent ends a contact and has nothing to write up.
    pub async fn ends(&self, agent: &str, id: u64) {
        self.does(agent, json!({"do": "end", "contact": id})).await;
        self.does(agent, json!({"do": "wrapUpDone"})).await;
    }

    /// A contact is so now, and with that agent, if with any.
    pub async fn is(&self, id: u64, state: &str, agent: Option<&str>) {
        let shown = self.contact(id).await;
        assert_eq!(shown["state"], state, "{shown}");
        if matches!(state, "offered" | "talking" | "held") || agent.is_some() {
            assert_eq!(shown["agent"].as_str(), agent, "{shown}");
        }
    }

    /// Waits until a contact is so.
    pub async fn becomes(&self, id: u64, state: &str, agent: Option<&str>) {
        eventually(&format!("{state} with {agent:?}"), async || {
            let shown = self.contact(id).await;
            shown["state"] == state && (agent.is_none() || shown["agent"].as_str() == agent)
        })
        .await;
    }

    pub async fn close(self) {
        self.engine.stop().await.unwrap();
    }
}
