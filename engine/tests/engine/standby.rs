//! An engine that stands by on a database that another leads.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use reqwest::StatusCode;
use trunkline_engine::api::Tokens;
use trunkline_engine::journal::{DatabaseUrl, Location, Writer};
use trunkline_engine::run::{Engine, Options, Place, RETENTION, Role, Voice};

use crate::database::Server;
use crate::session::Desk;
use crate::support::{ADMIN, Client, eventually, fixture, key};

/// A leader who gives signs of life and whose API answers nobody.
struct Leader {
    location: Location,
    beats: tokio::task::JoinHandle<()>,
}

impl Leader {
    async fn at(address: SocketAddr) -> Self {
        let server = tokio::task::spawn_blocking(Server::shared).await.unwrap();
        let url = tokio::task::spawn_blocking(|| server.database())
            .await
            .unwrap();
        let location = Location::Postgres(DatabaseUrl::new(&url, None).unwrap());
        let opened = location.clone();
        let store = tokio::task::spawn_blocking(move || opened.open().unwrap());
        let writer = Arc::new(Writer::start(store.await.unwrap()).unwrap());
        let epoch = writer
            .acquire(format!("process 1 {address}"))
            .await
            .unwrap();
        let beats = tokio::spawn(async move {
            loop {
                writer.beat(epoch).await.unwrap();
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        });
        Self { location, beats }
    }
}

async fn begins(location: Location, listen: SocketAddr) -> Engine {
    let options = Options {
        place: Place::Machine {
            config: fixture(),
            hosts: Vec::new(),
            pods: Vec::new(),
            reached_at: None,
        },
        journal: location,
        retention: RETENTION,
        listen,
        metrics: None,
        telephony: Voice::None,
        key: key(),
        tokens: Tokens::new(ADMIN, key()),
    };
    Engine::start(options).await.unwrap()
}

/// As one that is begun again while the database still thinks that it lives, and as one on another machine, where the
/// leader's loopback address means itself.
#[tokio::test(flavor = "multi_thread")]
async fn who_stands_by_leads_nobody_on_to_itself_and_keeps_no_desk_from_whoever_comes_to_lead() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = free.local_addr().unwrap();
    drop(free);
    let leader = Leader::at(address).await;
    let engine = begins(leader.location.clone(), address).await;
    // It has seen who leads by then.
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(*engine.handle.role().borrow(), Role::Standby);

    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let request = http.get(format!("http://{address}/api/v1/agents"));
    let request = request.bearer_auth(ADMIN).timeout(Duration::from_secs(10));
    let answer = request.send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    // The next request goes elsewhere: this connection would lead to the one that stands by for ever.
    assert_eq!(answer.headers()["connection"], "close");
    let (status, runs) = Client::admin(&engine).get("/api/v1/config").await;
    assert_eq!(
        (status, runs["role"].as_str()),
        (StatusCode::OK, Some("standby"))
    );
    let token = key().agent_token("maria");
    let refused = Desk::open(&engine, "maria", &token).await;
    assert!(refused.err().unwrap().contains("503"));

    leader.beats.abort();
    let client = Client::admin(&engine);
    eventually("it leads", async || {
        client.get("/readyz").await.0 == StatusCode::OK
    })
    .await;
    let mut desk = Desk::open(&engine, "maria", &token).await.unwrap();
    assert_eq!(desk.next(|_| true).await["event"], "session");
    engine.stop().await.unwrap();
}
