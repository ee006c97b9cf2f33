use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use trunkline_engine::run::{Engine, LoopEnd, Voice};

use crate::centre::Centre;
use crate::support::{ADMIN, Client, engine, engine_on, eventually, fixture, key};

#[tokio::test]
async fn a_chat_is_offered_accepted_held_ended_and_recorded() {
    let dir = tempfile::tempdir().unwrap();
    let engine = engine(dir.path(), Voice::None).await;
    let (admin, maria) = (Client::admin(&engine), Client::agent(&engine, "maria"));
    let chat = json!({"queue": "chats", "reference": "chat-1", "customer": "kim"});
    let (status, made) = admin.post("/api/v1/contacts", chat.clone()).await;
    assert_eq!((status, &made), (StatusCode::CREATED, &json!({"id": 1})));
    let (status, again) = admin.post("/api/v1/contacts", chat).await;
    assert_eq!(
        (status, again),
        (StatusCode::OK, made),
        "the same reference is the same contact"
    );

    let signed_in = maria
        .does("maria", json!({"do": "signIn", "ready": true}))
        .await;
    assert_eq!(signed_in.0, StatusCode::NO_CONTENT);
    let (_, mine) = maria.get("/api/v1/agents/maria/contacts").await;
    assert_eq!(
        (&mine[0]["id"], &mine[0]["state"]),
        (&json!(1), &json!("offered"))
    );
    let generation = &mine[0]["generation"];
    let accept = json!({"do": "accept", "contact": 1, "generation": generation});
    assert_eq!(
        maria.does("maria", accept.clone()).await.0,
        StatusCode::NO_CONTENT
    );
    assert_eq!(
        maria.does("maria", accept).await.0,
        StatusCode::CONFLICT,
        "it is taken already"
    );
    let hold = |on: bool| json!({"do": "hold", "contact": 1, "on": on});
    assert_eq!(
        maria.does("maria", hold(true)).await.0,
        StatusCode::NO_CONTENT
    );
    let (_, held) = maria.get("/api/v1/contacts/1").await;
    assert_eq!(held["state"], "held");
    assert_eq!(
        maria.does("maria", hold(false)).await.0,
        StatusCode::NO_CONTENT
    );
    let end = json!({"do": "end", "contact": 1});
    assert_eq!(maria.does("maria", end).await.0, StatusCode::NO_CONTENT);
    let done = json!({"do": "wrapUpDone", "codes": ["order"]});
    assert_eq!(maria.does("maria", done).await.0, StatusCode::NO_CONTENT);

    let (_, record) = admin.get("/api/v1/contacts/1").await;
    assert_eq!(record["outcome"], "answered");
    assert_eq!(record["agent"], "maria");
    assert_eq!(record["complete"], true);
    assert_eq!(record["segments"][0]["codes"], json!(["order"]));
    assert!(record["holdSeconds"].as_f64().unwrap() > 0.0);
    let (_, figures) = admin.get("/api/v1/figures").await;
    let figures = figures.as_array().unwrap().iter();
    let of_queue: Vec<_> = figures
        .filter(|f| f["of"] == "queue" && f["name"] == "chats")
        .collect();
    assert_eq!(
        (&of_queue[0]["answered"], &of_queue[0]["serviceLevel"]),
        (&json!(1), &json!(1.0))
    );
    assert_eq!(of_queue[0]["formula"], "ExcludeShortAbandons");
    let (_, ended) = admin.get("/api/v1/contacts?state=ended&queue=chats").await;
    assert_eq!(ended.as_array().unwrap().len(), 1);
    assert_eq!(engine.stop().await.unwrap(), LoopEnd::Stopped);
}

#[tokio::test]
async fn nobody_gets_in_without_a_token_and_an_agent_does_nothing_for_another() {
    let dir = tempfile::tempdir().unwrap();
    let engine = engine(dir.path(), Voice::None).await;
    let maria = Client::agent(&engine, "maria");
    for token in ["", "nonsense", "maria.0000", "maria."] {
        let stranger = Client::new(engine.api, token);
        for path in [
            "/api/v1/config",
            "/api/v1/agents/maria",
            "/api/v1/contacts",
            "/metrics",
        ] {
            assert_eq!(
                stranger.get(path).await.0,
                StatusCode::UNAUTHORIZED,
                "{token} {path}"
            );
        }
        let sign_in = stranger.does("maria", json!({"do": "signIn"})).await;
        assert_eq!(sign_in.0, StatusCode::UNAUTHORIZED);
    }
    let forbidden = maria
        .does("noah", json!({"do": "signIn", "ready": true}))
        .await;
    assert_eq!(forbidden.0, StatusCode::FORBIDDEN);
    for path in [
        "/api/v1/agents/noah",
        "/api/v1/agents",
        "/api/v1/contacts",
        "/api/v1/queues",
        "/metrics",
    ] {
        assert_eq!(maria.get(path).await.0, StatusCode::FORBIDDEN, "{path}");
    }

    // Noah talks with a customer: for Maria that contact isn't even there.
    let admin = Client::admin(&engine);
    admin
        .does("noah", json!({"do": "signIn", "ready": true}))
        .await;
    let chat = json!({"queue": "chats", "reference": "chat-1"});
    admin.post("/api/v1/contacts", chat).await;
    assert_eq!(
        maria.get("/api/v1/contacts/1").await.0,
        StatusCode::NOT_FOUND
    );
    maria
        .does("maria", json!({"do": "signIn", "ready": true}))
        .await;
    let steal = json!({"do": "accept", "contact": 1, "generation": 1});
    assert_eq!(maria.does("maria", steal).await.0, StatusCode::CONFLICT);
    for word in ["hold", "end"] {
        let act = json!({"do": word, "contact": 1, "on": true});
        let act = if word == "end" {
            json!({"do": "end", "contact": 1})
        } else {
            act
        };
        assert_eq!(
            maria.does("maria", act).await.0,
            StatusCode::CONFLICT,
            "{word}"
        );
    }
    engine.stop().await.unwrap();
}

/// Values that a schema of the document allows: the least of each of its choices.
fn samples(document: &Value, schema: &Value) -> Vec<Value> {
    if let Some(reference) = schema["$ref"].as_str() {
        let referred = document.pointer(reference.trim_start_matches('#'));
        return samples(document, referred.unwrap());
    }
    let choices = schema.get("oneOf").or(schema.get("anyOf"));
    if let Some(choices) = choices.and_then(Value::as_array) {
        return choices
            .iter()
            .flat_map(|choice| samples(document, choice))
            .collect();
    }
    if let Some(only) = schema.get("const").or(schema["enum"].get(0)) {
        return vec![only.clone()];
    }
    let one = match schema["type"].as_str() {
        Some("object") => {
            let required = schema["required"].as_array().into_iter().flatten();
            let fields = required.map(|name| {
                let name = name.as_str().unwrap();
                let of = samples(document, &schema["properties"][name]);
                (name.to_owned(), of[0].clone())
            });
            Value::Object(fields.collect())
        }
        Some("array") => json!([]),
        Some("integer") => json!(1),
        Some("boolean") => json!(true),
        Some("string") if schema["format"] == "date-time" => json!("2026-01-05T10:00:00Z"),
        Some("string") => json!("x"),
        _ => panic!("there is no sample of {schema}"),
    };
    vec![one]
}

/// Whom an operation's document lets in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum For {
    Anybody,
    AnyToken,
    /// The agent whom the path names, and the administration.
    TheAgent,
    TheAdministration,
}

/// An operation of the served document, with all that it could be asked.
struct Operation {
    method: Method,
    path: String,
    is_for: For,
    query: String,
    bodies: Vec<Option<Value>>,
    is_socket: bool,
}

impl Operation {
    fn all(document: &Value) -> Vec<Self> {
        let paths = document["paths"].as_object().unwrap().iter();
        let operations = paths.flat_map(|(path, item)| {
            let item = item.as_object().unwrap().iter();
            item.map(move |(method, operation)| Self::of(document, method, path, operation))
        });
        operations.collect()
    }

    fn of(document: &Value, method: &str, path: &str, operation: &Value) -> Self {
        let security = &operation["security"];
        let is_for = match security.to_string().as_str() {
            "[]" => For::Anybody,
            r#"[{"token":[]}]"# => For::AnyToken,
            r#"[{"token":["agent"]},{"token":["administration"]}]"# => For::TheAgent,
            r#"[{"token":["administration"]}]"# => For::TheAdministration,
            _ => panic!("{method} {path}: for whom is {security}?"),
        };
        // A moment is what some can't do without; the rest may be left away.
        let parameters = operation["parameters"].as_array().unwrap().iter();
        let moments = parameters.filter(|one| {
            let description = one["description"].as_str().unwrap_or_default();
            one["in"] == "query" && description.contains("RFC 3339")
        });
        let query: Vec<String> = moments
            .map(|one| format!("{}=2026-01-05T10:00:00Z", one["name"].as_str().unwrap()))
            .collect();
        let body = &operation["requestBody"]["content"]["application/json"]["schema"];
        let bodies = if body.is_null() {
            vec![None]
        } else {
            samples(document, body).into_iter().map(Some).collect()
        };
        Self {
            method: method.to_uppercase().parse().unwrap(),
            path: path.to_owned(),
            is_for,
            query: query.join("&"),
            bodies,
            is_socket: operation["responses"].get("101").is_some(),
        }
    }

    fn name(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    /// What each of its bodies is answered to who has this token, where its path names this agent.
    async fn asked(&self, engine: &Engine, token: &str, agent: &str) -> Vec<StatusCode> {
        let path = self
            .path
            .replace("{agent}", agent)
            .replace("{contact}", "1");
        assert!(!path.contains('{'), "{path}: what is there?");
        let path = if self.query.is_empty() {
            path
        } else {
            format!("{path}?{}", self.query)
        };
        if self.is_socket {
            // What isn't a WebSocket's beginning would be refused for that.
            let http = reqwest::Client::builder().no_proxy().build().unwrap();
            let request = http
                .request(self.method.clone(), format!("http://{}{path}", engine.api))
                .bearer_auth(token)
                .header("connection", "Upgrade")
                .header("upgrade", "websocket")
                .header("sec-websocket-version", "13")
                .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
            return vec![request.send().await.unwrap().status()];
        }
        let client = Client::new(engine.api, token);
        let mut answers = Vec::new();
        for body in &self.bodies {
            let (status, _) = client.ask(self.method.clone(), &path, body.clone()).await;
            answers.push(status);
        }
        answers
    }
}

#[tokio::test]
async fn every_operation_is_refused_to_who_has_no_token_and_to_every_agent_for_whom_it_is_not() {
    let centre = Centre::open(|_| {}).await;
    centre.works("noah").await;
    // The one that paths name is Noah's.
    assert_eq!(centre.comes("chats").await, 1);
    centre.takes("noah", 1).await;
    let (_, document) = centre.admin.get("/api/v1/openapi.json").await;
    let operations = Operation::all(&document);
    let (maria, noah) = (key().agent_token("maria"), key().agent_token("noah"));
    let all = |answers: &[StatusCode], status: StatusCode, what: String| {
        assert!(!answers.is_empty(), "{what}");
        assert!(
            answers.iter().all(|answer| *answer == status),
            "{what}: {answers:?}"
        );
    };
    let refused = StatusCode::FORBIDDEN;
    for one in &operations {
        let stranger = one.asked(&centre.engine, "", "noah").await;
        let welcome = match one.is_for {
            For::Anybody => StatusCode::OK,
            _ => StatusCode::UNAUTHORIZED,
        };
        all(&stranger, welcome, format!("{} to nobody", one.name()));
        // For another: nothing. For oneself: not what is the administration's.
        let another = one.asked(&centre.engine, &maria, "noah").await;
        match one.is_for {
            For::Anybody | For::AnyToken => {}
            For::TheAgent | For::TheAdministration => {
                all(&another, refused, format!("{} to Maria", one.name()));
            }
        }
        if one.is_for == For::TheAdministration {
            let own = one.asked(&centre.engine, &noah, "noah").await;
            all(&own, refused, format!("{} to Noah", one.name()));
        }
    }
    // Nothing of all this has been done.
    centre.is(1, "talking", Some("noah")).await;
    assert_eq!(centre.agent("maria").await["state"], "signedOut");

    // What any token opens must itself see to it that an agent learns nothing of others: the next test is about the
    // second of these. One more wants a test of its own.
    let of = |is_for: For| {
        let these = operations.iter().filter(|one| one.is_for == is_for);
        these.map(Operation::name).collect::<Vec<_>>()
    };
    let any_token = ["GET /api/v1/config", "GET /api/v1/contacts/{contact}"];
    assert_eq!(of(For::AnyToken), any_token);
    let documents = ["GET /api/v1/asyncapi.json", "GET /api/v1/openapi.json"];
    assert_eq!(of(For::Anybody), documents);

    // All of it was asked as it may be: whom it is for is refused nothing for who they are.
    for one in &operations {
        let mut welcome = vec![(ADMIN, "noah")];
        if one.is_for == For::TheAgent {
            welcome.push((&noah, "noah"));
        }
        for (token, agent) in welcome {
            let answers = one.asked(&centre.engine, token, agent).await;
            let turned_away = [refused, StatusCode::UNAUTHORIZED];
            let none = answers.iter().all(|answer| !turned_away.contains(answer));
            assert!(none, "{}: {answers:?}", one.name());
        }
    }
    centre.close().await;
}

#[tokio::test]
async fn an_agent_can_not_tell_anothers_contact_from_one_that_is_over_or_never_was() {
    let centre = Centre::open(|_| {}).await;
    let maria = Client::agent(&centre.engine, "maria");
    let path = "/api/v1/contacts/1";
    let before = maria.get(path).await;
    assert_eq!(before.0, StatusCode::NOT_FOUND);
    centre.works("noah").await;
    assert_eq!(centre.comes("chats").await, 1);
    assert_eq!(maria.get(path).await, before, "it is offered to Noah");
    centre.takes("noah", 1).await;
    assert_eq!(maria.get(path).await, before, "he has it");
    let noah = Client::agent(&centre.engine, "noah");
    assert_eq!(noah.get(path).await.0, StatusCode::OK);
    centre.ends("noah", 1).await;
    assert_eq!(maria.get(path).await, before, "he had it");
    assert_eq!(noah.get(path).await, before, "it is in nobody's hands");
    centre.is_over(1, "answered").await;
    centre.close().await;
}

#[tokio::test]
async fn what_cannot_be_is_refused_with_what_would_be_right() {
    let dir = tempfile::tempdir().unwrap();
    let engine = engine(dir.path(), Voice::None).await;
    let admin = Client::admin(&engine);
    let nowhere = json!({"queue": "nowhere", "reference": "x"});
    let (status, problem) = admin.post("/api/v1/contacts", nowhere).await;
    assert_eq!(status, StatusCode::CONFLICT);
    assert!(
        problem["error"].as_str().unwrap().contains("nowhere"),
        "{problem}"
    );
    let typo = json!({"queue": "chats", "reference": "x", "prioritty": 1});
    let (status, problem) = admin.post("/api/v1/contacts", typo).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        problem["error"].as_str().unwrap().contains("prioritty"),
        "{problem}"
    );
    assert_eq!(
        admin.does("nobody", json!({"do": "ready"})).await.0,
        StatusCode::NOT_FOUND
    );
    assert_eq!(
        admin.does("maria", json!({"do": "ready"})).await.0,
        StatusCode::CONFLICT
    );
    assert_eq!(
        admin.does("maria", json!({"do": "dance"})).await.0,
        StatusCode::UNPROCESSABLE_ENTITY
    );
    for customer in [String::new(), "1".repeat(201)] {
        let new = json!({"queue": "chats", "reference": "x", "customer": customer});
        let (status, problem) = admin.post("/api/v1/contacts", new).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{problem}");
    }
    let chat = json!({"queue": "chats", "reference": "x"});
    admin.post("/api/v1/contacts", chat).await;
    let ahead = "/api/v1/contacts/1/explain?at=9999-01-01T00:00:00Z";
    let (status, problem) = admin.get(ahead).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{problem}");
    let long = json!({"do": "notReady", "reason": "x".repeat(65)});
    assert_eq!(
        admin.does("maria", long).await.0,
        StatusCode::UNPROCESSABLE_ENTITY
    );
    for none in ["99", "one", "-1"] {
        let (status, problem) = admin.get(&format!("/api/v1/contacts/{none}")).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{problem}");
        assert!(
            problem["error"].is_string(),
            "in the API's own shape: {problem}"
        );
    }
    engine.stop().await.unwrap();
}

#[tokio::test]
async fn an_engine_that_begins_again_knows_who_waits_who_is_signed_in_and_what_was() {
    let dir = tempfile::tempdir().unwrap();
    let first = engine(dir.path(), Voice::None).await;
    let admin = Client::admin(&first);
    let (_, running) = admin.get("/api/v1/config").await;
    admin
        .does(
            "maria",
            json!({"do": "signIn", "ready": true, "presence": "endpoint"}),
        )
        .await;
    for number in 1..=6 {
        let chat = json!({"queue": "chats", "reference": format!("chat-{number}")});
        admin.post("/api/v1/contacts", chat).await;
    }
    admin.post("/api/v1/contacts/6/gone", json!({})).await;
    let (_, before) = admin.get("/api/v1/contacts").await;
    let (_, agents) = admin.get("/api/v1/agents").await;
    first.stop().await.unwrap();

    let second = engine(dir.path(), Voice::None).await;
    let admin = Client::admin(&second);
    let (_, after) = admin.get("/api/v1/contacts").await;
    let ids = |list: &serde_json::Value| -> Vec<_> {
        let list = list.as_array().unwrap().iter();
        list.map(|c| (c["id"].clone(), c["state"].clone(), c["arrived"].clone()))
            .collect()
    };
    assert_eq!(ids(&after), ids(&before));
    assert_eq!(admin.get("/api/v1/agents").await.1, agents);
    assert_eq!(
        admin.get("/api/v1/contacts/6").await.1["outcome"],
        "abandoned"
    );
    let (_, runs) = admin.get("/api/v1/config").await;
    assert_eq!(runs["configHash"], running["configHash"]);
    assert_eq!(runs["epoch"], 2);
    let chat = json!({"queue": "chats", "reference": "chat-7"});
    assert_eq!(
        admin.post("/api/v1/contacts", chat).await.1["id"],
        7,
        "numbers only rise"
    );
    second.stop().await.unwrap();
}

#[tokio::test]
async fn a_changed_configuration_is_live_in_two_seconds_and_touches_nobody() {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("tenant.json");
    let text = std::fs::read_to_string(fixture()).unwrap();
    std::fs::write(&config, &text).unwrap();
    let engine = engine_on(dir.path(), config.clone(), Voice::None).await;
    let admin = Client::admin(&engine);
    let (_, before) = admin.get("/api/v1/config").await;
    admin
        .post(
            "/api/v1/contacts",
            json!({"queue": "chats", "reference": "a"}),
        )
        .await;

    let mut took = Vec::new();
    let mut runs = before["configHash"].clone();
    for change in 0..5 {
        let started = std::time::Instant::now();
        let other = format!("\"talks-{change}\"");
        std::fs::write(&config, text.replace("\"chats\"", &other)).unwrap();
        eventually("the new configuration", async || {
            admin.get("/api/v1/config").await.1["configHash"] != runs
        })
        .await;
        took.push(started.elapsed());
        runs = admin.get("/api/v1/config").await.1["configHash"].clone();
    }
    println!("live after {took:?}");
    // A machine that is busy may stand still for one of them.
    took.sort();
    assert!(took[2] < std::time::Duration::from_secs(2), "{took:?}");
    let (status, _) = admin
        .post(
            "/api/v1/contacts",
            json!({"queue": "talks-4", "reference": "b"}),
        )
        .await;
    assert_eq!(status, StatusCode::CREATED);
    assert_eq!(admin.get("/api/v1/contacts/1").await.1["state"], "waiting");
    engine.stop().await.unwrap();
}

#[tokio::test]
async fn past_figures_are_refused_where_the_question_makes_no_sense_and_filtered_where_it_does() {
    let dir = tempfile::tempdir().unwrap();
    let engine = engine(dir.path(), Voice::None).await;
    let admin = Client::admin(&engine);
    let chat = json!({"queue": "chats", "reference": "a"});
    admin.post("/api/v1/contacts", chat).await;
    let now = chrono::Utc::now();
    let moment = |days: i64| (now + chrono::Duration::days(days)).format("%FT%TZ");
    let ask = async |from: i64, to: i64, more: &str| {
        let path = format!("from={}&to={}{more}", moment(from), moment(to));
        admin.get(&format!("/api/v1/figures/history?{path}")).await
    };
    for (from, to, more, why) in [
        (-1, 1, "&minutes=7", "15 or 30"),
        (1, -1, "", "before"),
        (-1, -1, "", "before"),
        (-101, 1, "", "100 days"),
        (-1, 1, "&of=foo", "foo"),
        (-1, 1, "&minute=30", "minute"),
    ] {
        let (status, problem) = ask(from, to, more).await;
        let told = problem["error"].as_str().unwrap_or_default();
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{more}: {told}");
        assert!(told.contains(why), "{more}: {told}");
    }
    let (_, by_half) = ask(-1, 1, "&minutes=30&of=queue&name=chats").await;
    let by_half = by_half.as_array().unwrap();
    assert_eq!(by_half.len(), 1, "{by_half:?}");
    assert_eq!(by_half[0]["minutes"], 30);
    assert_eq!(by_half[0]["offered"], 1);
    engine.stop().await.unwrap();
}

#[tokio::test]
async fn the_openapi_document_and_health_are_public_and_metrics_have_no_contact_in_them() {
    let dir = tempfile::tempdir().unwrap();
    let engine = engine(dir.path(), Voice::None).await;
    let stranger = Client::new(engine.api, "");
    assert_eq!(stranger.get("/livez").await.0, StatusCode::OK);
    assert_eq!(stranger.get("/readyz").await.0, StatusCode::OK);
    let (status, document) = stranger.get("/api/v1/openapi.json").await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(document, trunkline_engine::api::openapi());

    let admin = Client::admin(&engine);
    let chat = json!({"queue": "chats", "reference": "secret-reference", "customer": "kim"});
    admin.post("/api/v1/contacts", chat).await;
    let (_, by_api) = admin.get("/metrics").await;
    let alone = Client::new(engine.metrics.unwrap(), "");
    for text in [by_api, alone.get("/metrics").await.1] {
        let text = text.as_str().unwrap();
        assert!(
            text.contains(r#"trunkline_engine_contacts{queue="chats",stage="waiting"} 1"#),
            "{text}"
        );
        assert!(!text.contains("kim") && !text.contains("secret"));
    }
    engine.stop().await.unwrap();
}
