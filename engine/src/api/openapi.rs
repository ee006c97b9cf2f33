//! The OpenAPI 3.1 document, made from the table of routes and the types themselves.

use axum::Json;
use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use super::error::Problem;
use super::routes::{Access, Answer, ROUTES, Route};

pub(super) async fn document() -> Json<Value> {
    Json(openapi())
}

/// The document that `/api/v1/openapi.json` serves.
pub fn openapi() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.definitions_path = "/components/schemas".into();
        settings.meta_schema = None;
    });
    let mut generator = settings.into_generator();
    let problem = generator.subschema_for::<Problem>().to_value();
    let mut paths = Map::new();
    for route in ROUTES {
        let operation = operation(route, &mut generator, &problem);
        let item = paths.entry(route.path).or_insert_with(|| json!({}));
        if let Value::Object(item) = item {
            item.insert(route.method.to_owned(), operation);
        }
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Trunkline engine",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "The sessions of agents, contacts, queues and records of one call centre.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": paths,
        "components": {
            "schemas": generator.take_definitions(true),
            "securitySchemes": {"token": {
                "type": "http",
                "scheme": "bearer",
                "description": "The administration's, or an agent's. Where an operation names roles: `administration` \
                                is the administration, `agent` the agent whom the path names. Where it names none, any \
                                token will do.",
            }},
        },
    })
}

fn operation(route: &Route, generator: &mut SchemaGenerator, problem: &Value) -> Value {
    let content = match route.answer {
        Answer::Nothing => None,
        Answer::Json(make) => Some(json!({"application/json": {"schema": make(generator)}})),
        Answer::Wav => Some(json!({"audio/wav": {}})),
    };
    let mut responses = Map::new();
    let also = route.also.iter().copied();
    for (status, description) in [(route.status, "Done")].into_iter().chain(also) {
        if status >= 400 {
            continue;
        }
        let mut answer = json!({"description": description});
        if let Some(content) = &content {
            answer["content"] = content.clone();
        }
        responses.insert(status.to_string(), answer);
    }
    let mut refuse = |status: u16, description: &str| {
        let refusal = json!({
            "description": description,
            "content": {"application/json": {"schema": problem}},
        });
        responses.insert(status.to_string(), refusal);
    };
    for (status, description) in route.also.iter().filter(|(status, _)| *status >= 400) {
        refuse(*status, description);
    }
    if route.access != Access::Public {
        refuse(401, "No token, or none of ours");
        refuse(503, "This engine does not lead now: ask again in a second");
    }
    if matches!(route.access, Access::Own | Access::Admin) {
        refuse(403, "The token's holder may not");
    }
    if route.path.contains('{') {
        refuse(404, "Not there");
    }
    if route.method != "get" {
        refuse(409, "Not as things stand");
    }
    if route.body.is_some() || !route.query.is_empty() {
        refuse(422, "Can't be understood");
    }
    let in_path = route
        .path
        .split('/')
        .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
        .map(|name| {
            let number = json!({"type": "integer", "minimum": 0});
            let schema = if name == "contact" {
                number
            } else {
                json!({"type": "string"})
            };
            json!({"name": name, "in": "path", "required": true, "schema": schema})
        });
    let in_query = route.query.iter().map(
        |(name, what)| json!({"name": name, "in": "query", "description": what, "schema": {"type": "string"}}),
    );
    let parameters: Vec<Value> = in_path.chain(in_query).collect();
    let mut operation = json!({
        "summary": route.summary,
        "parameters": parameters,
        "responses": responses,
        "security": security(route.access),
    });
    if let Some(make) = route.body {
        operation["requestBody"] = json!({
            "required": true,
            "content": {"application/json": {"schema": make(generator)}},
        });
    }
    operation
}

/// One of these opens it. What is in brackets are roles, which OpenAPI 3.1 allows for any scheme.
fn security(access: Access) -> Value {
    match access {
        Access::Public => json!([]),
        Access::Token => json!([{"token": []}]),
        Access::Own => json!([{"token": ["agent"]}, {"token": ["administration"]}]),
        Access::Admin => json!([{"token": ["administration"]}]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_route_is_in_the_document_and_every_reference_in_it_resolves() {
        let document = openapi();
        for route in ROUTES {
            let at = format!("/paths/{}/{}", route.path.replace('/', "~1"), route.method);
            assert!(document.pointer(&at).is_some(), "{at}");
        }
        let text = document.to_string();
        let mut found = 0;
        for reference in text.split("\"$ref\":\"#").skip(1) {
            let pointer = reference.split('"').next().unwrap();
            assert!(document.pointer(pointer).is_some(), "{pointer}");
            found += 1;
        }
        assert!(found > 10, "{found}");
    }
}
