//! A client that speaks only what the AsyncAPI document says: it makes no message that the
//! document doesn't list, and takes none in that it doesn't list; that each fits is the desk's to see.

use serde_json::{Map, Value, json};
use trunkline_engine::run::{Engine, Voice};

use crate::session::Desk;
use crate::support::contract::{Document, asyncapi};
use crate::support::{Client, engine, key};

/// The document, as the engine serves it to anybody.
struct Documented(&'static Document);

impl Documented {
    async fn of(engine: &Engine) -> Self {
        let document = asyncapi(engine.api).await;
        assert_eq!(document.value["asyncapi"], "3.0.0");
        Self(document)
    }

    /// Whether an operation names the message.
    fn lists(&self, operation: &str, name: &str) -> bool {
        let listed = self.0.value["operations"][operation]["messages"].as_array();
        let reference = format!("#/channels/session/messages/{name}");
        listed.unwrap().contains(&json!({"$ref": reference}))
    }

    /// A command, made from the document: a field that it doesn't know can't be sent.
    fn command(&self, name: &str, fields: Value) -> Value {
        assert!(self.lists("command", name), "`{name}` is not documented");
        let mut command = Map::from_iter([("do".to_owned(), json!(name))]);
        command.extend(fields.as_object().unwrap().clone());
        Value::Object(command)
    }

    /// An event is one that the document describes.
    fn event(&self, event: &Value) {
        let name = event["event"].as_str().unwrap();
        assert!(self.lists("tell", name), "`{name}` is not documented");
    }
}

/// A desk that says and hears only what is documented.
struct DocumentedDesk<'a> {
    desk: Desk,
    document: &'a Documented,
    next: u64,
    /// The newest view of the session: an answer may have come after it.
    view: Value,
}

impl<'a> DocumentedDesk<'a> {
    async fn open(engine: &Engine, document: &'a Documented, agent: &str) -> Self {
        let desk = Desk::open(engine, agent, &key().agent_token(agent))
            .await
            .unwrap();
        Self {
            desk,
            document,
            next: 0,
            view: Value::Null,
        }
    }

    async fn hear(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        loop {
            let event = self.desk.next(|_| true).await;
            self.document.event(&event);
            if event["event"] == "session" {
                self.view = event.clone();
            }
            if wanted(&event) {
                return event;
            }
        }
    }

    /// Says a command and waits for its answer.
    async fn say(&mut self, name: &str, mut fields: Value) -> Value {
        self.next += 1;
        let id = self.next;
        fields["id"] = json!(id);
        self.desk.says(self.document.command(name, fields)).await;
        self.hear(|event| event["id"] == id).await
    }

    /// What is in the agent's hands, once it is as wanted.
    async fn sees(&mut self, state: &str) -> Value {
        let shows = |event: &Value| {
            let contacts = event["contacts"].as_array();
            contacts.is_some_and(|all| all.iter().any(|one| one["state"] == state))
        };
        if !shows(&self.view) {
            self.hear(shows).await;
        }
        let contacts = self.view["contacts"].as_array().unwrap();
        let found = contacts.iter().find(|one| one["state"] == state);
        found.unwrap().clone()
    }

    async fn accept(&mut self) -> Value {
        let offer = self.sees("offered").await;
        let which = json!({"contact": offer["id"], "generation": offer["generation"]});
        assert_eq!(self.say("accept", which).await["ok"], true);
        offer["id"].clone()
    }
}

#[tokio::test]
async fn two_agents_consult_confer_and_hand_over_by_the_document_alone() {
    let dir = tempfile::tempdir().unwrap();
    let engine = engine(dir.path(), Voice::None).await;
    let document = Documented::of(&engine).await;
    let admin = Client::admin(&engine);
    let mut maria = DocumentedDesk::open(&engine, &document, "maria").await;
    let ready = || json!({"ready": true});
    assert_eq!(maria.say("signIn", ready()).await["ok"], true);
    let new = json!({"queue": "chats", "reference": "a", "customer": "max"});
    admin.post("/api/v1/contacts", new).await;
    let contact = maria.accept().await;

    let mut noah = DocumentedDesk::open(&engine, &document, "noah").await;
    noah.say("signIn", ready()).await;
    let about = || json!({"contact": contact});
    let mut whom = about();
    whom["to"] = json!({"agent": "noah"});
    assert_eq!(maria.say("consult", whom.clone()).await["ok"], true);
    let early = maria.say("completeConsult", about()).await;
    assert_eq!(early["ok"], false, "nobody has answered");
    assert_eq!(
        noah.say("conference", about()).await["ok"],
        false,
        "the contact is not Noah's"
    );
    let consult = noah.accept().await;
    let shown = admin.get(&format!("/api/v1/contacts/{consult}")).await.1;
    assert_eq!(shown["consultOf"], contact);
    maria.sees("held").await;
    assert_eq!(maria.say("conference", about()).await["ok"], true);
    maria.sees("talking").await;
    assert_eq!(maria.say("completeConsult", about()).await["ok"], true);
    let shown = admin.get(&format!("/api/v1/contacts/{contact}")).await.1;
    assert_eq!(
        (&shown["agent"], &shown["state"]),
        (&json!("noah"), &json!("talking"))
    );
    assert_eq!(
        maria.say("end", about()).await["ok"],
        false,
        "an agent can do nothing with another's contact"
    );
    assert_eq!(noah.say("end", about()).await["ok"], true);
    noah.say("wrapUpDone", json!({"codes": ["settled"]})).await;
    let commands = &document.0.value["operations"]["command"]["messages"];
    assert!(commands.as_array().unwrap().len() >= 17);
    engine.stop().await.unwrap();
}
