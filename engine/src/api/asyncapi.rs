//! The AsyncAPI 3.0 document of the agent's session, made from the types that it speaks.

use axum::Json;
use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use super::auth::PROTOCOL_PREFIX;
use super::command::AgentCommand;
use super::session::{Event, PROTOCOL};

pub(super) async fn document() -> Json<Value> {
    Json(asyncapi())
}

/// The alternatives of an enum's schema, each with the word that its tag is.
fn variants(schema: &Value, tag: &str) -> Vec<(String, Value)> {
    let alternatives = schema.get("oneOf").and_then(Value::as_array);
    alternatives
        .into_iter()
        .flatten()
        .filter_map(|one| {
            let word = one.pointer(&format!("/properties/{tag}/const"))?.as_str()?;
            Some((word.to_owned(), one.clone()))
        })
        .collect()
}

/// A command may bring an `id` of the client's own, which its answer repeats.
fn with_id(mut schema: Value) -> Value {
    if let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) {
        properties.insert(
            "id".to_owned(),
            json!({"description": "Your own word for it: its answer repeats it"}),
        );
    }
    schema
}

fn message(name: &str, payload: Value) -> Value {
    json!({
        "name": name,
        "contentType": "application/json",
        "summary": payload.get("description").cloned().unwrap_or_default(),
        "payload": payload,
    })
}

/// The document that `/api/v1/asyncapi.json` serves.
pub fn asyncapi() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.definitions_path = "/components/schemas".into();
        settings.meta_schema = None;
        settings.inline_subschemas = false;
    });
    let mut generator = settings.into_generator();
    let commands = schema_of::<AgentCommand>(&mut generator);
    let events = schema_of::<Event>(&mut generator);
    let mut messages = Map::new();
    let mut names = |schema: &Value, tag: &str, prepare: fn(Value) -> Value| -> Vec<Value> {
        let found = variants(schema, tag).into_iter();
        found
            .map(|(name, payload)| {
                messages.insert(name.clone(), message(&name, prepare(payload)));
                json!({"$ref": format!("#/channels/session/messages/{name}")})
            })
            .collect()
    };
    let received = names(&commands, "do", with_id);
    let sent = names(&events, "event", |payload| payload);
    let of_channel: Map<String, Value> = messages
        .keys()
        .map(|name| {
            let at = format!("#/components/messages/{name}");
            (name.clone(), json!({"$ref": at}))
        })
        .collect();
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "Trunkline agent session",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "One WebSocket for each agent: commands in, what concerns the agent out. While it is open \
                            it is the agent's heartbeat. The same commands are in the HTTP API.",
            "license": {"name": "Apache-2.0"},
        },
        "channels": {"session": {
            "address": "/api/v1/agents/{agent}/session",
            "description": "The token goes in the header `Authorization: Bearer TOKEN`, or, from a browser, \
                            as a second subprotocol: `trunkline.v1, bearer.TOKEN`. An agent's token opens that agent's \
                            session alone. Of more than eight of one agent the eldest is closed (1008). A frame \
                            has 16 KiB at most.",
            "parameters": {"agent": {"description": "The agent's name"}},
            "messages": of_channel,
            "bindings": {"ws": {"method": "GET", "headers": {
                "type": "object",
                "properties": {
                    "Authorization": {"type": "string", "pattern": "^Bearer .+$"},
                    "Sec-WebSocket-Protocol": {"type": "string", "pattern": subprotocols()},
                },
            }}},
        }},
        "operations": {
            "command": {
                "action": "receive",
                "summary": "The agent does something; each is answered",
                "channel": {"$ref": "#/channels/session"},
                "messages": received,
                "reply": {
                    "channel": {"$ref": "#/channels/session"},
                    "messages": [{"$ref": "#/channels/session/messages/answer"}],
                },
            },
            "tell": {
                "action": "send",
                "summary": "What concerns the agent",
                "channel": {"$ref": "#/channels/session"},
                "messages": sent,
            },
        },
        "components": {
            "messages": messages,
            "schemas": generator.take_definitions(true),
        },
    })
}

/// The session's own subprotocol, and the token's where no header brings it.
fn subprotocols() -> String {
    let literally = |word: &str| word.replace('.', r"\.");
    let (ours, token) = (literally(PROTOCOL), literally(PROTOCOL_PREFIX));
    format!("^{ours}(, *{token}[^ ,]+)?$")
}

fn schema_of<T: schemars::JsonSchema>(generator: &mut SchemaGenerator) -> Value {
    T::json_schema(generator).to_value()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_and_event_is_in_the_document_and_every_reference_in_it_resolves() {
        let document = asyncapi();
        let received = document.pointer("/operations/command/messages").unwrap();
        let commands = [
            "signIn",
            "signOut",
            "heartbeat",
            "ready",
            "notReady",
            "accept",
            "decline",
            "hold",
            "end",
            "transfer",
            "consult",
            "conference",
            "completeConsult",
            "cancelConsult",
            "bookCallback",
            "wrapUpDone",
            "extendWrapUp",
        ];
        let schema = schema_of::<AgentCommand>(&mut SchemaGenerator::default());
        let all = schema["oneOf"].as_array().unwrap().len();
        assert_eq!(all, commands.len(), "a command that this list forgot");
        assert_eq!(received.as_array().unwrap().len(), commands.len());
        for name in commands.into_iter().chain(["session", "answer"]) {
            let payload = document.pointer(&format!("/components/messages/{name}/payload"));
            assert!(payload.is_some(), "{name}");
        }
        let text = document.to_string();
        let mut found = 0;
        for reference in text.split("\"$ref\":\"#").skip(1) {
            let pointer = reference.split('"').next().unwrap();
            assert!(document.pointer(pointer).is_some(), "{pointer}");
            found += 1;
        }
        assert!(found > 20, "{found}");
    }
}
