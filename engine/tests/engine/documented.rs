//! A client that speaks only what the AsyncAPI document says: it makes no message that the
//! document doesn't describe, and takes none in that doesn't fit it.

use serde_json::{Map, Value, json};
use trunkline_engine::run::{Engine, Voice};

use crate::session::Desk;
use crate::support::{Client, engine, key};

/// The document, as the engine serves it to anybody.
struct Documented(Value);

impl Documented {
    async fn of(engine: &Engine) -> Self {
        let (status, document) = Client::new(engine.api, "")
            .get("/api/v1/asyncapi.json")
            .await;
        assert_eq!(status, 200);
        assert_eq!(document["asyncapi"], "3.0.0");
        Self(document)
    }

    fn resolve<'a>(&'a self, value: &'a Value) -> &'a Value {
        match value.get("$ref").and_then(Value::as_str) {
            Some(reference) => self.resolve(self.0.pointer(&reference[1..]).unwrap()),
            None => value,
        }
    }

    /// The payload's schema of a message that an operation names.
    fn payload(&self, operation: &str, name: &str) -> &Value {
        let listed = self.0["operations"][operation]["messages"]
            .as_array()
            .unwrap();
        let found = listed
            .iter()
            .map(|message| self.resolve(message))
            .find(|message| message["name"] == name);
        &found.unwrap_or_else(|| panic!("`{name}` is not documented"))["payload"]
    }

    /// A command, made from the document: a field that it doesn't know can't be sent.
    fn command(&self, name: &str, fields: Value) -> Value {
        let mut command = Map::from_iter([("do".to_owned(), json!(name))]);
        command.extend(fields.as_object().unwrap().clone());
        let command = Value::Object(command);
        self.fits(self.payload("command", name), &command)
            .unwrap_or_else(|why| panic!("{command}: {why}"));
        command
    }

    /// An event is one that the document describes.
    fn event(&self, event: &Value) {
        let name = event["event"].as_str().unwrap();
        self.fits(self.payload("tell", name), event)
            .unwrap_or_else(|why| panic!("{event}: {why}"));
    }

    /// Whether a value fits a schema, as far as our documents use the language.
    fn fits(&self, schema: &Value, value: &Value) -> Result<(), String> {
        if schema == &Value::Bool(true) {
            return Ok(());
        }
        if schema.get("$ref").is_some() {
            return self.fits(self.resolve(schema), value);
        }
        for (key, rule) in schema.as_object().unwrap() {
            let fits = match key.as_str() {
                "const" => value == rule,
                "enum" => rule.as_array().unwrap().contains(value),
                "type" => match rule {
                    Value::Array(kinds) => kinds.iter().any(|kind| is_a(value, kind)),
                    kind => is_a(value, kind),
                },
                "oneOf" | "anyOf" => {
                    let mut all = rule.as_array().unwrap().iter();
                    all.any(|one| self.fits(one, value).is_ok())
                }
                "required" => rule
                    .as_array()
                    .unwrap()
                    .iter()
                    .all(|name| value.get(name.as_str().unwrap()).is_some()),
                "properties" => {
                    for (name, schema) in rule.as_object().unwrap() {
                        if let Some(field) = value.get(name) {
                            self.fits(schema, field)
                                .map_err(|why| format!("{name}: {why}"))?;
                        }
                    }
                    true
                }
                "additionalProperties" if rule == &json!(false) => {
                    let known = &schema["properties"];
                    let mut fields = value.as_object().into_iter().flat_map(Map::keys);
                    fields.all(|name| known.get(name).is_some())
                }
                "items" => {
                    for item in value.as_array().into_iter().flatten() {
                        self.fits(rule, item)?;
                    }
                    true
                }
                "minimum" => value.as_f64().is_none_or(|n| n >= rule.as_f64().unwrap()),
                "maximum" => value.as_f64().is_none_or(|n| n <= rule.as_f64().unwrap()),
                // Words for people, and formats.
                "description" | "title" | "format" | "default" | "additionalProperties" => true,
                other => return Err(format!("the test doesn't know the keyword `{other}`")),
            };
            if !fits {
                return Err(format!("{value} does not fit {key}: {rule}"));
            }
        }
        Ok(())
    }
}

fn is_a(value: &Value, kind: &Value) -> bool {
    match kind.as_str().unwrap() {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        other => panic!("{other}"),
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
    let undocumented = document.0["operations"]["command"]["messages"]
        .as_array()
        .unwrap();
    assert!(undocumented.len() >= 17);
    engine.stop().await.unwrap();
}
