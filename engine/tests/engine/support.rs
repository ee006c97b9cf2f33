//! An engine in this process, and a client of its API that fails where an answer isn't as the API's document says.

#[path = "contract.rs"]
pub mod contract;

use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::Value;
use trunkline_engine::api::Tokens;
use trunkline_engine::journal::Location;
use trunkline_engine::keys::TenantKey;
use trunkline_engine::run::{Engine, Options, Place, RETENTION, Role, Voice};
use trunkline_engine::telephony::ari::Host;
use trunkline_tenant::Tenant;

pub const ADMIN: &str = "the-administrations-token";

pub fn key() -> TenantKey {
    TenantKey::new(b"0123456789abcdef0123456789abcdef").unwrap()
}

pub fn fixture() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/tenant.json")
}

pub async fn engine(dir: &Path, telephony: Voice) -> Engine {
    engine_on(dir, fixture(), telephony).await
}

/// An engine that leads.
pub async fn engine_on(dir: &Path, config: PathBuf, telephony: Voice) -> Engine {
    let journal = dir.join("journal.sqlite").into();
    engine_at(config, journal, telephony).await
}

/// An engine that leads, on this journal.
pub async fn engine_at(config: PathBuf, journal: Location, telephony: Voice) -> Engine {
    engine_with(config, journal, telephony, Vec::new()).await
}

/// An engine that leads, on this journal, with these media hosts.
pub async fn engine_with(
    config: PathBuf,
    journal: Location,
    telephony: Voice,
    hosts: Vec<Host>,
) -> Engine {
    let engine = Engine::start(Options {
        place: Place::Machine {
            config,
            hosts,
            pods: Vec::new(),
            reached_at: None,
        },
        journal,
        retention: RETENTION,
        listen: "127.0.0.1:0".parse().unwrap(),
        metrics: Some("127.0.0.1:0".parse().unwrap()),
        telephony,
        key: key(),
        tokens: Tokens::new(ADMIN, key()),
    })
    .await
    .unwrap();
    let mut role = engine.handle.role();
    let leads = role.wait_for(|role| matches!(role, Role::Leading(_)));
    tokio::time::timeout(Duration::from_secs(30), leads)
        .await
        .unwrap()
        .unwrap();
    let client = Client::admin(&engine);
    eventually("a configuration", async || {
        client.get("/readyz").await.0 == StatusCode::OK
    })
    .await;
    engine
}

/// Waits until `done`, a minute at most: machines are busy.
pub async fn eventually(what: &str, done: impl AsyncFn() -> bool) {
    let end = tokio::time::Instant::now() + Duration::from_secs(60);
    while !done().await {
        assert!(
            tokio::time::Instant::now() < end,
            "waited in vain for {what}"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Changes an engine's documents while it runs, and waits until it has taken them in.
pub async fn reconfigure(admin: &Client, config: &Path, change: impl FnOnce(&mut Tenant)) {
    let mut tenant = serde_json::from_slice(&std::fs::read(config).unwrap()).unwrap();
    change(&mut tenant);
    let hash = async || admin.get("/api/v1/config").await.1["configHash"].clone();
    let before = hash().await;
    std::fs::write(config, serde_json::to_vec(&tenant).unwrap()).unwrap();
    eventually("the new configuration", async || hash().await != before).await;
}

pub struct Client {
    http: reqwest::Client,
    base: String,
    token: String,
}

impl Client {
    pub fn new(at: impl std::fmt::Display, token: impl Into<String>) -> Self {
        Self {
            http: reqwest::Client::builder().no_proxy().build().unwrap(),
            base: format!("http://{at}"),
            token: token.into(),
        }
    }

    pub fn admin(engine: &Engine) -> Self {
        Self::new(engine.api, ADMIN)
    }

    pub fn agent(engine: &Engine, agent: &str) -> Self {
        Self::new(engine.api, key().agent_token(agent))
    }

    pub async fn ask(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> (StatusCode, Value) {
        let mut request = self
            .http
            .request(method.clone(), format!("{}{path}", self.base))
            .bearer_auth(&self.token);
        if let Some(body) = &body {
            request = request.json(body);
        }
        let response = request.send().await.unwrap();
        let status = response.status();
        let kind = response.headers().get("content-type").cloned();
        let bytes = response.bytes().await.unwrap();
        // A recording is no text; nobody here listens to it.
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let exchange = contract::Exchange {
            method: &method,
            path,
            sent: body.as_ref(),
            status,
            kind: kind.as_ref().map_or("", |kind| kind.to_str().unwrap()),
            text: &text,
        };
        contract::check(&self.base, &exchange).await;
        (
            status,
            serde_json::from_str(&text).unwrap_or(Value::String(text)),
        )
    }

    pub async fn get(&self, path: &str) -> (StatusCode, Value) {
        self.ask(Method::GET, path, None).await
    }

    pub async fn post(&self, path: &str, body: Value) -> (StatusCode, Value) {
        self.ask(Method::POST, path, Some(body)).await
    }

    /// Of a server that may die meanwhile.
    pub async fn try_post(&self, path: &str, body: Value) -> reqwest::Result<reqwest::Response> {
        let request = self.http.post(format!("{}{path}", self.base));
        request.bearer_auth(&self.token).json(&body).send().await
    }

    /// As the agent, or for them.
    pub async fn does(&self, agent: &str, command: Value) -> (StatusCode, Value) {
        self.post(&format!("/api/v1/agents/{agent}/commands"), command)
            .await
    }
}
