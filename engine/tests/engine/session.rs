use std::time::Duration;

use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};
use trunkline_engine::run::{Engine, Voice};

use crate::centre::{Centre, queue, set, sofia_is_a_specialist, stretch, transfer};
use crate::support::contract::{Document, asyncapi};
use crate::support::{Client, engine, eventually, key};

/// Where the document says by what headers a session is opened.
const HANDSHAKE: &str = "/channels/session/bindings/ws/headers";

/// A desk that is opened as the AsyncAPI document says, and says and hears only what it describes.
pub struct Desk(
    WebSocketStream<MaybeTlsStream<TcpStream>>,
    &'static Document,
);

impl Desk {
    /// As a browser would: the token is a subprotocol.
    pub async fn open(engine: &Engine, agent: &str, token: &str) -> Result<Self, String> {
        let url = format!("ws://{}/api/v1/agents/{agent}/session", engine.api);
        let mut request = url.into_client_request().unwrap();
        let document = asyncapi(engine.api).await;
        let protocols = format!("trunkline.v1, bearer.{token}");
        document
            .fits(HANDSHAKE, &json!({"Sec-WebSocket-Protocol": protocols}))
            .unwrap();
        request
            .headers_mut()
            .insert("Sec-WebSocket-Protocol", protocols.parse().unwrap());
        match connect_async(request).await {
            Ok((socket, _)) => Ok(Self(socket, document)),
            Err(error) => Err(error.to_string()),
        }
    }

    pub async fn next(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        let found = async {
            loop {
                if let Message::Text(text) = self.0.next().await.unwrap().unwrap() {
                    let value: Value = serde_json::from_str(&text).unwrap();
                    documented(self.1, "event", &value);
                    if wanted(&value) {
                        return value;
                    }
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(20), found)
            .await
            .unwrap()
    }

    pub async fn says(&mut self, command: Value) {
        documented(self.1, "do", &command);
        self.0
            .send(Message::Text(command.to_string().into()))
            .await
            .unwrap();
    }
}

/// A message is one that the document describes, by the word that says which it is.
fn documented(document: &Document, tag: &str, message: &Value) {
    let name = message[tag].as_str().unwrap();
    let payload = format!("/components/messages/{name}/payload");
    document.fits(&payload, message).unwrap();
}

#[tokio::test]
async fn a_desk_signs_in_is_offered_a_chat_takes_it_and_ends_it_over_one_socket() {
    let dir = tempfile::tempdir().unwrap();
    let engine = engine(dir.path(), Voice::None).await;
    let mut desk = Desk::open(&engine, "maria", &key().agent_token("maria"))
        .await
        .unwrap();
    let first = desk.next(|_| true).await;
    assert_eq!(
        (&first["event"], &first["agent"]["state"]),
        (&json!("session"), &json!("signedOut"))
    );
    desk.says(json!({"id": 1, "do": "signIn", "ready": true}))
        .await;
    desk.next(|value| value["agent"]["state"] == "idle").await;

    let admin = Client::admin(&engine);
    admin
        .post(
            "/api/v1/contacts",
            json!({"queue": "chats", "reference": "a"}),
        )
        .await;
    let offered = desk
        .next(|value| value["contacts"][0]["state"] == "offered")
        .await;
    let offer = &offered["contacts"][0];
    desk.says(
        json!({"id": 2, "do": "accept", "contact": offer["id"], "generation": offer["generation"]}),
    )
    .await;
    desk.next(|value| value["contacts"][0]["state"] == "talking")
        .await;
    desk.says(json!({"id": 3, "do": "end", "contact": offer["id"]}))
        .await;
    let answer = desk.next(|value| value["id"] == 3).await;
    assert_eq!(answer["ok"], true);
    desk.says(json!({"id": 4, "do": "end", "contact": offer["id"]}))
        .await;
    let answer = desk.next(|value| value["id"] == 4).await;
    assert_eq!(answer["ok"], false);
    assert!(answer["error"].as_str().unwrap().contains("does not talk"));
    engine.stop().await.unwrap();
}

#[tokio::test]
async fn a_desk_opens_for_its_own_agent_alone() {
    let dir = tempfile::tempdir().unwrap();
    let engine = engine(dir.path(), Voice::None).await;
    let refused = Desk::open(&engine, "noah", &key().agent_token("maria")).await;
    assert!(refused.err().unwrap().contains("403"));
    let refused = Desk::open(&engine, "maria", "maria.forged").await;
    assert!(refused.err().unwrap().contains("401"));
    engine.stop().await.unwrap();
}

#[tokio::test]
async fn the_eldest_of_too_many_sessions_of_an_agent_is_closed_and_so_is_one_that_says_too_much() {
    let dir = tempfile::tempdir().unwrap();
    let engine = engine(dir.path(), Voice::None).await;
    let mut desks = Vec::new();
    for _ in 0..9 {
        let desk = Desk::open(&engine, "maria", &key().agent_token("maria")).await;
        let mut desk = desk.unwrap();
        desk.next(|value| value["event"] == "session").await;
        desks.push(desk);
    }
    let mut first = desks.remove(0);
    let end = async |desk: &mut Desk| {
        let closed = async {
            loop {
                match desk.0.next().await {
                    Some(Ok(Message::Close(why))) => return why.map(|why| u16::from(why.code)),
                    Some(Ok(_)) => {}
                    Some(Err(_)) | None => return None,
                }
            }
        };
        let patience = Duration::from_secs(10);
        tokio::time::timeout(patience, closed).await.unwrap()
    };
    assert_eq!(end(&mut first).await, Some(1008));
    // The others go on: the next in age answers.
    let mut second = desks.remove(0);
    second.says(json!({"do": "signIn", "ready": true})).await;
    second.next(|value| value["event"] == "answer").await;
    // A frame that is too long is not waited for to its end.
    let mut third = desks.remove(0);
    let long = Message::text("x".repeat(17 << 10));
    // It may be closed before all of it is sent.
    let _ = third.0.send(long).await;
    end(&mut third).await;
    second.says(json!({"do": "heartbeat"})).await;
    second.next(|value| value["event"] == "answer").await;
    engine.stop().await.unwrap();
}

#[tokio::test]
async fn an_agent_whose_desk_falls_silent_is_no_longer_offered_anything_and_comes_back_with_it() {
    let dir = tempfile::tempdir().unwrap();
    let engine = engine(dir.path(), Voice::None).await;
    let admin = Client::admin(&engine);
    let alive =
        async |agent: &str| admin.get(&format!("/api/v1/agents/{agent}")).await.1["alive"].clone();
    // Noah is idle for longer: he would be asked, were he there.
    admin
        .does("noah", json!({"do": "signIn", "ready": true}))
        .await;
    let mut desk = Desk::open(&engine, "maria", &key().agent_token("maria"))
        .await
        .unwrap();
    desk.says(json!({"do": "signIn", "ready": true})).await;
    desk.next(|value| value["agent"]["state"] == "idle").await;

    // Maria's desk stays open and answers pings; Noah has none and is silent.
    let reading = tokio::spawn(async move { while desk.0.next().await.is_some() {} });
    tokio::time::sleep(trunkline_engine::run::SILENCE + Duration::from_secs(3)).await;
    assert_eq!(alive("noah").await, false);
    assert_eq!(alive("maria").await, true);
    admin
        .post(
            "/api/v1/contacts",
            json!({"queue": "chats", "reference": "a"}),
        )
        .await;
    assert_eq!(admin.get("/api/v1/contacts/1").await.1["agent"], "maria");
    admin.does("noah", json!({"do": "heartbeat"})).await;
    eventually("noah", async || alive("noah").await == true).await;
    admin
        .post(
            "/api/v1/contacts",
            json!({"queue": "chats", "reference": "b"}),
        )
        .await;
    assert_eq!(admin.get("/api/v1/contacts/2").await.1["agent"], "noah");
    reading.abort();
    engine.stop().await.unwrap();
}

#[tokio::test]
async fn rule_9_a_chat_goes_on_when_its_agents_session_dies_and_they_get_nothing_new_until_they_are_back()
 {
    // Longer than it takes until a silent desk is given up.
    let centre = Centre::open(|tenant| set(queue(tenant, "chats"), json!({"ring": "2m"}))).await;
    let token = key().agent_token("maria");
    let mut desk = Desk::open(&centre.engine, "maria", &token).await.unwrap();
    desk.says(json!({"do": "signIn", "ready": true})).await;
    desk.next(|event| event["agent"]["state"] == "idle").await;
    let chat = centre.comes("chats").await;
    centre.takes("maria", chat).await;
    // There is room for another, which she is asked about as her machine dies.
    let next = centre.comes("chats").await;
    centre.is(next, "offered", Some("maria")).await;
    drop(desk);
    eventually("her session is lost", async || {
        centre.agent("maria").await["alive"] == false
    })
    .await;
    centre.is(chat, "talking", Some("maria")).await;
    assert_eq!(centre.agent("maria").await["state"], "busy");
    let last = centre.comes("chats").await;
    for waits in [next, last] {
        centre.is(waits, "waiting", None).await;
        let (_, reasons) = centre.explained(waits, "maria").await;
        assert!(reasons.contains("session is lost"), "{reasons}");
    }

    // She comes back, finds it as she left it, and is asked again.
    let mut desk = Desk::open(&centre.engine, "maria", &token).await.unwrap();
    let shown = desk.next(|event| event["event"] == "session").await;
    let mine = &shown["contacts"];
    assert_eq!(
        (&mine[0]["id"], &mine[0]["state"], mine[1].is_null()),
        (&json!(chat), &json!("talking"), true),
        "{shown}"
    );
    desk.says(json!({"do": "heartbeat"})).await;
    centre.becomes(next, "offered", Some("maria")).await;
    centre.ends("maria", chat).await;
    assert_eq!(
        centre.stretches(chat).await,
        [stretch("chats", "maria")],
        "one conversation"
    );
    centre.takes("maria", next).await;
    centre.close().await;
}

#[tokio::test]
async fn what_an_agent_hands_on_leaves_their_desk_though_they_stay_busy_with_the_rest() {
    let centre = Centre::open(sofia_is_a_specialist).await;
    let token = key().agent_token("maria");
    let mut desk = Desk::open(&centre.engine, "maria", &token).await.unwrap();
    desk.says(json!({"do": "signIn", "ready": true})).await;
    desk.next(|event| event["agent"]["state"] == "idle").await;
    let mut chats = Vec::new();
    for _ in 0..3 {
        let chat = centre.comes("chats").await;
        centre.takes("maria", chat).await;
        chats.push(chat);
    }
    let shows = |event: &Value, wanted: &[u64]| {
        let contacts = event["contacts"].as_array().map_or(&[][..], Vec::as_slice);
        let talks = contacts.iter().all(|one| one["state"] == "talking");
        let shown: Vec<_> = contacts.iter().map(|one| one["id"].as_u64()).collect();
        talks && shown.into_iter().eq(wanted.iter().map(|id| Some(*id)))
    };
    desk.next(|event| shows(event, &chats)).await;
    // To a team of which nobody is there, and to one who is asked.
    let nobody = transfer(chats[0], json!({"team": "specialists"}));
    centre.does("maria", nobody).await;
    desk.next(|event| shows(event, &chats[1..])).await;
    centre.works("noah").await;
    let noah = transfer(chats[1], json!({"agent": "noah"}));
    centre.does("maria", noah).await;
    desk.next(|event| shows(event, &chats[2..])).await;
    assert_eq!(centre.agent("maria").await["state"], "busy");
    centre.close().await;
}
