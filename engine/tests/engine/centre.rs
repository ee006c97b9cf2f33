//! A centre of a test's own, spoken to by its API alone. Its agents' desks beat by themselves: here a session that
//! is known by a telephone, of which nobody says that it is gone.

use std::cell::Cell;

use reqwest::StatusCode;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use trunkline_engine::run::{Engine, Voice};
use trunkline_tenant::crds::AgentName;
use trunkline_tenant::{Queue, QueueId, Tenant};

use crate::support::{Client, engine_on, eventually, fixture};

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

impl Centre {
    /// With the fixture's tenant and a queue of callbacks.
    pub async fn open(change: impl FnOnce(&mut Tenant)) -> Self {
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
        let engine = engine_on(dir.path(), config, Voice::None).await;
        Self {
            admin: Client::admin(&engine),
            engine,
            dir,
            references: Cell::new(0),
        }
    }

    /// The tenant changes; returns when it is live.
    pub async fn change(&self, change: impl FnOnce(&mut Tenant)) {
        let config = self.dir.path().join("tenant.json");
        let text = std::fs::read_to_string(&config).unwrap();
        let mut tenant: Tenant = serde_json::from_str(&text).unwrap();
        change(&mut tenant);
        let hash = async || self.admin.get("/api/v1/config").await.1["configHash"].clone();
        let before = hash().await;
        std::fs::write(&config, serde_json::to_vec(&tenant).unwrap()).unwrap();
        eventually("the new configuration", async || hash().await != before).await;
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

    pub async fn contact(&self, id: u64) -> Value {
        let (status, shown) = self.admin.get(&format!("/api/v1/contacts/{id}")).await;
        assert_eq!(status, StatusCode::OK, "{shown}");
        shown
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
