//! A pretended Asterisk: as much of ARI as callers and agents' phones take, on a listener of its own. It can fall silent,
//! as one does that gets no time to run: its sockets stay open, and nobody answers on them.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use axum::Router;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{Query, State};
use axum::http::{Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use chrono::{Duration, Utc};
use serde_json::{Value, json};
use tokio::sync::{mpsc, watch};
use trunkline_engine::telephony::ari::Host;

use crate::support::eventually;

pub const NUMBER: &str = "+18005550100";

#[derive(Default)]
struct Held {
    channels: BTreeMap<String, Value>,
    bridges: BTreeMap<String, Vec<String>>,
    /// Where events go: to whoever connected last.
    events: Option<mpsc::UnboundedSender<Value>>,
    made: usize,
}

impl Held {
    fn tell(&self, event: Value) {
        if let Some(events) = &self.events {
            // One that is connected no more hears nothing.
            let _ = events.send(event);
        }
    }

    fn bridge(&self, id: &str) -> Option<Value> {
        let channels = self.bridges.get(id)?;
        Some(json!({"id": id, "bridge_type": "mixing", "channels": channels}))
    }
}

#[derive(Clone)]
struct Shared {
    name: &'static str,
    held: Arc<Mutex<Held>>,
    answers: Arc<watch::Sender<bool>>,
    /// It falls silent when the next two are to be joined.
    joins_nobody: Arc<AtomicBool>,
}

impl Shared {
    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap()
    }

    async fn is_heard(&self) {
        // Its test is over where nobody can say so any more.
        let _ = self.answers.subscribe().wait_for(|answers| *answers).await;
    }
}

pub struct Asterisk {
    shared: Shared,
    at: std::net::SocketAddr,
}

fn channel(id: &str, name: &str, state: &str, args: &str) -> Value {
    let made = Utc::now().format("%Y-%m-%dT%H:%M:%S%.3f%z").to_string();
    json!({
        "id": id, "name": name, "state": state, "caller": {"name": "", "number": "+4930900001"},
        "dialplan": {"app_name": "Stasis", "app_data": format!("acd,{args}")},
        "creationtime": made, "channelvars": {},
    })
}

impl Asterisk {
    pub async fn start(name: &'static str) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        let shared = Shared {
            name,
            held: Arc::default(),
            answers: Arc::new(watch::Sender::new(true)),
            joins_nobody: Arc::default(),
        };
        let app = Router::new()
            .route("/ari/events", get(events))
            .fallback(command)
            .with_state(shared.clone());
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { shared, at }
    }

    pub fn host(&self) -> Host {
        Host {
            name: self.shared.name.into(),
            address: format!("http://{}/ari", self.at),
            user: "engine".into(),
            password: "secret".into(),
            app: "acd".into(),
        }
    }

    pub fn falls_silent(&self) {
        self.shared.answers.send_replace(false);
    }

    /// When the next two are to be joined.
    pub fn will_fall_silent(&self) {
        self.shared.joins_nobody.store(true, Ordering::Relaxed);
    }

    pub fn is_silent(&self) -> bool {
        !*self.shared.answers.borrow()
    }

    pub fn is_heard_again(&self) {
        self.shared.answers.send_replace(true);
    }

    /// A caller comes.
    pub fn is_called(&self) {
        let mut held = self.shared.held();
        held.made += 1;
        let now = Utc::now().timestamp();
        let id = format!("{}-{now}.{}", self.shared.name, held.made);
        let name = format!("PJSIP/carrier-{:08}", held.made);
        let caller = channel(&id, &name, "Ring", &format!("inbound,{NUMBER}"));
        held.channels.insert(id, caller.clone());
        held.tell(json!({"type": "StasisStart", "args": ["inbound", NUMBER], "channel": caller}));
    }

    fn leg_of(&self, agent: &str) -> Option<Value> {
        let endpoint = format!("PJSIP/{agent}-");
        let held = self.shared.held();
        let mut legs = held.channels.values();
        let ours = |leg: &&Value| leg["name"].as_str().unwrap().starts_with(&endpoint);
        legs.find(ours).cloned()
    }

    pub async fn rings(&self, agent: &str) {
        eventually(&format!("{agent}'s phone rings"), async || {
            self.leg_of(agent).is_some()
        })
        .await;
    }

    /// Whom the phone of an agent that rings shows as who calls.
    pub fn shown_to(&self, agent: &str) -> Option<String> {
        Some(self.leg_of(agent)?["shown"].as_str()?.to_owned())
    }

    /// Their leg ends, as of one who picked up when nobody was connected to be told of it.
    pub fn lets_go(&self, agent: &str) {
        let leg = self.leg_of(agent).unwrap();
        let id = leg["id"].as_str().unwrap();
        self.shared.held().channels.remove(id);
    }

    pub fn picks_up(&self, agent: &str) {
        let mut leg = self.leg_of(agent).unwrap();
        leg["state"] = json!("Up");
        let id = leg["id"].as_str().unwrap().to_owned();
        let args = ["leg", id.strip_prefix("o-").unwrap()];
        let mut held = self.shared.held();
        held.channels.insert(id.clone(), leg.clone());
        held.tell(json!({"type": "StasisStart", "args": args, "channel": leg}));
    }
}

async fn events(State(shared): State<Shared>, socket: WebSocketUpgrade) -> Response {
    shared.is_heard().await;
    let (events, queue) = mpsc::unbounded_channel();
    shared.held().events = Some(events);
    socket.on_upgrade(async move |socket| speak(shared, socket, queue).await)
}

async fn speak(shared: Shared, mut socket: WebSocket, mut queue: mpsc::UnboundedReceiver<Value>) {
    let mut answers = shared.answers.subscribe();
    loop {
        shared.is_heard().await;
        let event = tokio::select! {
            _ = answers.changed() => continue,
            // Whoever reads answers pings.
            Some(Ok(_)) = socket.recv() => continue,
            Some(event) = queue.recv() => event,
            else => return,
        };
        shared.is_heard().await;
        let text = event.to_string();
        if socket.send(Message::Text(text.into())).await.is_err() {
            return;
        }
    }
}

async fn command(
    State(shared): State<Shared>,
    method: Method,
    uri: Uri,
    Query(query): Query<BTreeMap<String, String>>,
) -> Response {
    let joins = method == Method::POST && uri.path() == "/ari/bridges";
    if joins && shared.joins_nobody.swap(false, Ordering::Relaxed) {
        shared.answers.send_replace(false);
    }
    shared.is_heard().await;
    let path = uri.path().trim_start_matches("/ari/").to_owned();
    let path: Vec<&str> = path.split('/').collect();
    let mut held = shared.held();
    let done = || StatusCode::NO_CONTENT.into_response();
    let gone = || StatusCode::NOT_FOUND.into_response();
    match (method.as_str(), &path[..]) {
        ("GET", ["asterisk", "info"]) => {
            let began = (Utc::now() - Duration::hours(1)).format("%Y-%m-%dT00:00:00.000+0000");
            let began = began.to_string();
            axum::Json(json!({
                "system": {"version": "22"}, "config": {"name": shared.name},
                "status": {"startup_time": began, "last_reload_time": began},
            }))
            .into_response()
        }
        ("GET", ["channels"]) => {
            axum::Json(held.channels.values().cloned().collect::<Vec<_>>()).into_response()
        }
        ("GET", ["bridges"]) => {
            let bridges = held.bridges.keys().filter_map(|id| held.bridge(id));
            axum::Json(bridges.collect::<Vec<_>>()).into_response()
        }
        ("GET", ["bridges", id]) => held
            .bridge(id)
            .map_or_else(gone, |bridge| axum::Json(bridge).into_response()),
        ("GET", ["endpoints"]) => {
            let phones = ["maria", "noah", "sofia"]
                .map(|agent| json!({"technology": "PJSIP", "resource": agent, "state": "online"}));
            axum::Json(phones).into_response()
        }
        ("GET", _) => gone(),
        ("POST", ["channels"]) => {
            let id = &query["channelId"];
            if held.channels.contains_key(id) {
                return StatusCode::CONFLICT.into_response();
            }
            held.made += 1;
            let name = format!("{}-{:08}", query["endpoint"], held.made);
            let mut leg = channel(id, &name, "Ringing", &query["appArgs"]);
            leg["shown"] = json!(query.get("callerId"));
            held.channels.insert(id.clone(), leg.clone());
            axum::Json(leg).into_response()
        }
        ("POST", ["channels", id, "answer"]) => match held.channels.get_mut(*id) {
            Some(channel) => {
                channel["state"] = json!("Up");
                done()
            }
            None => gone(),
        },
        ("DELETE", ["channels", id]) => {
            let Some(channel) = held.channels.remove(*id) else {
                return gone();
            };
            for there in held.bridges.values_mut() {
                there.retain(|other| other != id);
            }
            held.tell(json!({"type": "ChannelDestroyed", "cause": 16, "channel": channel}));
            done()
        }
        ("POST", ["bridges"]) => {
            let id = query["bridgeId"].clone();
            if held.bridges.contains_key(&id) {
                return StatusCode::CONFLICT.into_response();
            }
            held.bridges.insert(id, Vec::new());
            done()
        }
        ("POST", ["bridges", id, "addChannel"]) => {
            for leg in query["channel"].split(',') {
                let Some(channel) = held.channels.get(leg).cloned() else {
                    return StatusCode::BAD_REQUEST.into_response();
                };
                let Some(there) = held.bridges.get_mut(*id) else {
                    return gone();
                };
                there.push(leg.to_owned());
                let bridge = held.bridge(id);
                held.tell(
                    json!({"type": "ChannelEnteredBridge", "bridge": bridge, "channel": channel}),
                );
            }
            done()
        }
        ("POST", ["bridges", _, "removeChannel"]) => gone(),
        ("DELETE", ["bridges", id]) => {
            held.bridges.remove(*id);
            done()
        }
        _ => done(),
    }
}
