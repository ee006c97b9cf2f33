//! The documents that an engine serves of itself, as contracts: whatever the tests' clients send and get over HTTP
//! must be what `openapi.json` says, and over a session what `asyncapi.json` says. A field that they don't name is
//! as wrong as one of another type.

use std::collections::HashMap;
use std::fmt::Display;

use boon::{Compiler, Draft, SchemaIndex, Schemas};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::sync::OnceCell;

/// A document and the schemas in it, by their JSON pointers.
pub struct Document {
    pub value: Value,
    schemas: Schemas,
    compiled: HashMap<String, SchemaIndex>,
}

impl Document {
    /// As the engine serves it to anybody.
    async fn of(at: &str, name: &str) -> Self {
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let url = format!("{at}/api/v1/{name}");
        let response = http.get(url).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK, "{name} is anybody's");
        Self::new(response.json().await.unwrap())
    }

    pub fn new(value: Value) -> Self {
        const AT: &str = "http://engine/document.json";
        let mut closed = value.clone();
        close(&mut closed);
        let mut compiler = Compiler::new();
        compiler.set_default_draft(Draft::V2020_12);
        compiler.enable_format_assertions();
        compiler.add_resource(AT, closed).unwrap();
        let mut pointers = Vec::new();
        find(&value, String::new(), &mut pointers);
        let mut schemas = Schemas::new();
        let compiled = pointers.into_iter().map(|pointer| {
            let fragment = pointer.replace('{', "%7B").replace('}', "%7D");
            let schema = compiler.compile(&format!("{AT}#{fragment}"), &mut schemas);
            let schema = schema.unwrap_or_else(|why| panic!("{pointer} is no schema: {why:#}"));
            (pointer, schema)
        });
        let compiled = compiled.collect();
        Self {
            value,
            schemas,
            compiled,
        }
    }

    /// Whether a value is what the schema there says.
    pub fn fits(&self, pointer: &str, value: &Value) -> Result<(), String> {
        let schema = self.compiled.get(pointer);
        let schema = *schema.ok_or_else(|| format!("there is no schema at {pointer}"))?;
        let valid = self.schemas.validate(value, schema);
        valid.map_err(|why| format!("{value} is not as {pointer} says: {why:#}"))
    }
}

/// What is not named may not be there.
fn close(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            if fields.get("type") == Some(&json!("object")) && fields.contains_key("properties") {
                fields.entry("additionalProperties").or_insert(json!(false));
            }
            fields.values_mut().for_each(close);
        }
        Value::Array(items) => items.iter_mut().for_each(close),
        _ => {}
    }
}

/// Where the schemas are: under `schema` in OpenAPI, under `payload` and a socket's `headers` in AsyncAPI.
fn find(value: &Value, at: String, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (name, inner) in fields {
                let below = format!("{at}/{}", name.replace('~', "~0").replace('/', "~1"));
                // In OpenAPI `headers` are so many schemas by name.
                let is_headers = name == "headers" && inner["type"] == "object";
                if name == "schema" || name == "payload" || is_headers {
                    found.push(below);
                } else {
                    find(inner, below, found);
                }
            }
        }
        Value::Array(items) => {
            for (index, inner) in items.iter().enumerate() {
                find(inner, format!("{at}/{index}"), found);
            }
        }
        _ => {}
    }
}

/// One exchange over HTTP.
pub struct Exchange<'a> {
    pub method: &'a Method,
    /// With its query.
    pub path: &'a str,
    pub sent: Option<&'a Value>,
    pub status: StatusCode,
    /// The answer's content type and text.
    pub kind: &'a str,
    pub text: &'a str,
}

static OPENAPI: OnceCell<Document> = OnceCell::const_new();
static ASYNCAPI: OnceCell<Document> = OnceCell::const_new();

/// The document of the sessions; all engines of a test's process serve the same.
pub async fn asyncapi(at: impl Display) -> &'static Document {
    let at = format!("http://{at}");
    ASYNCAPI
        .get_or_init(|| async move { Document::of(&at, "asyncapi.json").await })
        .await
}

/// Fails where the exchange is not as the engine's own document says. What is not of the API passes.
pub async fn check(base: &str, exchange: &Exchange<'_>) {
    if !exchange.path.starts_with("/api/v1/") {
        return;
    }
    let document = OPENAPI
        .get_or_init(|| Document::of(base, "openapi.json"))
        .await;
    if let Err(why) = judge(document, exchange) {
        let Exchange { method, path, .. } = exchange;
        panic!("{method} {path} is not as documented: {why}");
    }
}

/// Why an exchange is not as the document says.
pub fn judge(document: &Document, exchange: &Exchange<'_>) -> Result<(), String> {
    let (path, query) = exchange.path.split_once('?').unwrap_or((exchange.path, ""));
    let template = template(document, path).ok_or("no such path")?;
    let method = exchange.method.as_str().to_lowercase();
    let at = format!("/paths/{}/{method}", template.replace('/', "~1"));
    let operation = document.value.pointer(&at).ok_or("no such method")?;
    let status = exchange.status.as_u16().to_string();
    let refused = exchange.status == StatusCode::UNPROCESSABLE_ENTITY
        || exchange.status == StatusCode::UNAUTHORIZED;
    if !refused {
        asked(document, operation, &at, exchange, query)?;
    }
    let response = &operation["responses"][&status];
    if response.is_null() {
        return Err(format!("it answers {status}: {}", exchange.text));
    }
    let Some(content) = response["content"].as_object() else {
        let empty = exchange.text.is_empty();
        return empty
            .then_some(())
            .ok_or(format!("{status} has a body: {}", exchange.text));
    };
    let kind = exchange.kind.split(';').next().unwrap_or_default();
    if !content.contains_key(kind) {
        return Err(format!("{status} is of the type `{kind}`"));
    }
    if kind == "application/json" {
        let value = serde_json::from_str(exchange.text).map_err(|why| why.to_string())?;
        document.fits(
            &format!("{at}/responses/{status}/content/application~1json/schema"),
            &value,
        )?;
    }
    Ok(())
}

/// What was asked and not refused as unreadable is what the document lets one ask.
fn asked(
    document: &Document,
    operation: &Value,
    at: &str,
    exchange: &Exchange<'_>,
    query: &str,
) -> Result<(), String> {
    let parameters = operation["parameters"].as_array().unwrap();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let known = parameters
            .iter()
            .position(|one| one["in"] == "query" && one["name"] == name);
        let known = known.ok_or(format!("it takes `{name}` in the query"))?;
        let value = match value.parse::<i64>() {
            Ok(number) if parameters[known]["schema"]["type"] == "integer" => json!(number),
            _ => json!(value),
        };
        document.fits(&format!("{at}/parameters/{known}/schema"), &value)?;
    }
    match (exchange.sent, operation.get("requestBody")) {
        (Some(sent), Some(_)) => document.fits(
            &format!("{at}/requestBody/content/application~1json/schema"),
            sent,
        ),
        (None, Some(_)) => Err("it wants no body".into()),
        // `{}` to say that there is nothing to say.
        (Some(sent), None) if *sent != json!({}) => Err(format!("it takes the body {sent}")),
        _ => Ok(()),
    }
}

/// The path of the document that this one is of: the one with the fewest parameters.
fn template<'a>(document: &'a Document, path: &str) -> Option<&'a str> {
    let paths = document.value["paths"].as_object().unwrap().keys();
    let is = |template: &str| {
        let (mut of, mut parts) = (template.split('/'), path.split('/'));
        loop {
            match (of.next(), parts.next()) {
                (None, None) => return true,
                (Some(name), Some(part)) if name.starts_with('{') && !part.is_empty() => {}
                (Some(name), Some(part)) if name == part => {}
                _ => return false,
            }
        }
    };
    paths
        .filter(|template| is(template))
        .min_by_key(|template| template.matches('{').count())
        .map(String::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document() -> Document {
        Document::new(trunkline_engine::api::openapi())
    }

    fn answer<'a>(method: &'a Method, path: &'a str, status: u16, text: &'a str) -> Exchange<'a> {
        Exchange {
            method,
            path,
            sent: None,
            status: StatusCode::from_u16(status).unwrap(),
            kind: "application/json",
            text,
        }
    }

    #[test]
    fn what_the_openapi_document_does_not_say_is_seen() {
        let document = document();
        let config = "/api/v1/config";
        let judge = |exchange: &Exchange<'_>| judge(&document, exchange);
        let sound = r#"{"role":"leading","epoch":3}"#;
        judge(&answer(&Method::GET, config, 200, sound)).unwrap();
        for (path, method, status, text) in [
            (
                config,
                Method::GET,
                200,
                r#"{"role":"leading","epoch":"3"}"#,
            ),
            (config, Method::GET, 200, r#"{"role":"leading","epock":3}"#),
            (config, Method::GET, 200, r#"{"epoch":3}"#),
            (config, Method::GET, 200, r#"{"role":"asleep","epoch":3}"#),
            (config, Method::GET, 418, r#"{"error":"x"}"#),
            (config, Method::GET, 401, r#"{"problem":"x"}"#),
            (config, Method::PUT, 200, sound),
            ("/api/v1/konfig", Method::GET, 200, sound),
            ("/api/v1/config?verbose=1", Method::GET, 200, sound),
            (
                "/api/v1/agents/maria/rota",
                Method::GET,
                200,
                r#"{"shifts":[{"from":"yesterday","to":"2026-01-01T00:00:00Z"}]}"#,
            ),
        ] {
            let exchange = answer(&method, path, status, text);
            assert!(judge(&exchange).is_err(), "{method} {path} {status} {text}");
        }
    }

    #[test]
    fn a_session_is_opened_by_either_header_that_the_asyncapi_document_tells_and_by_no_other_words()
    {
        let document = Document::new(trunkline_engine::api::asyncapi());
        let fits = |header: &str, value: &str| {
            let at = "/channels/session/bindings/ws/headers";
            document.fits(at, &json!({header: value})).is_ok()
        };
        assert!(fits("Authorization", "Bearer maria.abc"));
        assert!(fits("Sec-WebSocket-Protocol", "trunkline.v1"));
        assert!(fits(
            "Sec-WebSocket-Protocol",
            "trunkline.v1, bearer.maria.abc"
        ));
        assert!(!fits("Authorization", "maria.abc"));
        for other in [
            "trunkline.v2",
            "trunklinexv1",
            "bearer.maria.abc",
            "trunkline.v1, bearer.",
        ] {
            assert!(!fits("Sec-WebSocket-Protocol", other), "{other}");
        }
    }

    #[test]
    fn a_request_that_is_taken_though_the_document_does_not_describe_it_is_seen() {
        let document = document();
        let path = "/api/v1/agents/maria/commands";
        for (sent, status, fine) in [
            (json!({"do": "ready"}), 204, true),
            (json!({"do": "dance"}), 204, false),
            (json!({"do": "ready", "at": 3}), 204, false),
            (
                json!({"do": "accept", "contact": -1, "generation": 1}),
                409,
                false,
            ),
            (json!({"do": "dance"}), 422, true),
        ] {
            let problem = r#"{"error":"x"}"#;
            let mut exchange = answer(&Method::POST, path, status, problem);
            if status == 204 {
                exchange.text = "";
            }
            exchange.sent = Some(&sent);
            assert_eq!(judge(&document, &exchange).is_ok(), fine, "{sent} {status}");
        }
    }
}
