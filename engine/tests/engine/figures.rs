//! Where agents' time went, and how they kept to their rotas, over the API, from one engine to the next.

use std::collections::BTreeSet;
use std::iter::repeat_n;

use chrono::{DateTime, Duration, Timelike, Utc};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use trunkline_engine::journal::{Location, Rows};
use trunkline_engine::run::Voice;
use trunkline_routing::metrics::Spell;
use trunkline_routing::{AgentState, ContactId, Segment, SegmentEnd, Span, StretchKind, Time};
use trunkline_tenant::crds::ClientName;
use trunkline_tenant::{QueueId, Tenant};

use crate::centre::{add_queue, set};
use crate::support::{Client, engine, engine_on, eventually, fixture};

/// What is said of a scope, each interval's.
fn told(figures: &Value, of: &str, name: &str) -> Vec<Value> {
    let all = figures.as_array().unwrap().iter();
    all.filter(|it| it["of"] == of && it["name"] == name)
        .cloned()
        .collect()
}

fn seconds(figures: &[Value], what: &[&str]) -> f64 {
    let each = figures
        .iter()
        .flat_map(|figure| what.iter().map(move |what| figure[what].as_f64()));
    each.map(Option::unwrap_or_default).sum()
}

const SPENT: [&str; 3] = ["contactSeconds", "idleSeconds", "notReadySeconds"];

/// `Z`, for `+` is a space in a query.
fn moment(at: DateTime<Utc>) -> String {
    at.format("%FT%TZ").to_string()
}

async fn history(admin: &Client, around: DateTime<Utc>, more: &str) -> Value {
    let hour = Duration::hours(1);
    between(admin, (around - hour, around + hour), more).await
}

async fn between(admin: &Client, (from, to): (DateTime<Utc>, DateTime<Utc>), more: &str) -> Value {
    let path = format!(
        "/api/v1/figures/history?from={}&to={}{more}",
        moment(from),
        moment(to)
    );
    let (status, figures) = admin.get(&path).await;
    assert_eq!(status, StatusCode::OK, "{figures}");
    figures
}

async fn state_is(admin: &Client, agent: &str, state: &str) {
    eventually(state, async || {
        let (_, told) = admin.get(&format!("/api/v1/agents/{agent}")).await;
        told["state"] == state
    })
    .await;
}

#[tokio::test]
async fn where_agents_time_went_is_told_alike_by_an_engine_and_by_its_successor() {
    let dir = tempfile::tempdir().unwrap();
    let first = engine(dir.path(), Voice::None).await;
    let admin = Client::admin(&first);
    let began = Utc::now();
    // Presence by telephone: nobody sends heartbeats here.
    let sign_in = json!({"do": "signIn", "ready": true, "presence": "endpoint"});
    for agent in ["maria", "noah"] {
        admin.does(agent, sign_in.clone()).await;
    }
    let chat = json!({"queue": "chats", "reference": "chat-1"});
    admin.post("/api/v1/contacts", chat).await;
    state_is(&admin, "maria", "offered").await;
    let (_, mine) = admin.get("/api/v1/agents/maria/contacts").await;
    let accept = json!({"do": "accept", "contact": 1, "generation": mine[0]["generation"]});
    admin.does("maria", accept).await;
    state_is(&admin, "maria", "busy").await;
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    admin
        .does("maria", json!({"do": "end", "contact": 1}))
        .await;
    admin.does("maria", json!({"do": "wrapUpDone"})).await;
    state_is(&admin, "maria", "idle").await;
    admin
        .does("maria", json!({"do": "notReady", "reason": "lunch"}))
        .await;
    admin.does("maria", json!({"do": "signOut"})).await;
    state_is(&admin, "maria", "signedOut").await;
    let passed = (Utc::now() - began).as_seconds_f64();

    let past = history(&admin, began, "&occupancy=true&of=agent&name=maria").await;
    let maria = told(&past, "agent", "maria");
    assert_eq!(maria.len(), past.as_array().unwrap().len());
    assert!(seconds(&maria, &["contactSeconds"]) >= 0.3, "{past}");
    assert!(seconds(&maria, &SPENT) <= passed, "{past}");
    let load = maria.iter().filter_map(|it| it["load"].as_f64());
    let most = load.fold(0.0, f64::max);
    // One chat, where there is room for nine contacts.
    assert!(most > 0.0 && most <= 1.0 / 9.0, "{past}");
    let plain = history(&admin, began, "&of=agent&name=maria").await;
    assert_eq!(plain[0]["occupancy"], Value::Null);
    assert_eq!(plain[0]["load"], Value::Null);
    // Who took no contact is listed all the same.
    let whole = history(&admin, began, "&occupancy=true").await;
    let noah = told(&whole, "agent", "noah");
    assert!(seconds(&noah, &["idleSeconds"]) > 0.0, "{whole}");
    assert!(noah.iter().all(|it| it["offered"] == 0));
    let (_, today) = admin.get("/api/v1/figures?occupancy=true").await;
    let today = |name: &str| told(&today, "agent", name);
    let (today_maria, today_noah) = (today("maria"), today("noah"));
    assert!(today_maria[0]["occupancy"].as_f64().unwrap() > 0.0);
    first.stop().await.unwrap();

    let second = engine(dir.path(), Voice::None).await;
    let admin = Client::admin(&second);
    let again = history(&admin, began, "&occupancy=true&of=agent&name=maria").await;
    assert_eq!(again, past);
    let (_, after) = admin.get("/api/v1/figures?occupancy=true").await;
    assert_eq!(told(&after, "agent", "maria"), today_maria);
    // He has been idle all along, under both.
    let idle = |it: &[Value]| seconds(it, &["idleSeconds"]);
    let since = (Utc::now() - began).as_seconds_f64();
    let noah = told(&after, "agent", "noah");
    assert!(idle(&noah) >= idle(&today_noah), "{after}");
    assert!(idle(&noah) <= since, "{after}");
    let team = told(&after, "team", "frontline");
    assert!(idle(&team) >= idle(&noah), "{after}");
    assert_eq!(team[0]["load"], 0.0);
    second.stop().await.unwrap();
}

#[tokio::test]
async fn an_intervals_load_is_the_same_whatever_range_is_asked_also_of_a_chat_that_began_before_it()
{
    let dir = tempfile::tempdir().unwrap();
    let ten: DateTime<Utc> = "2026-01-05T10:00:00Z".parse().unwrap();
    let minute = |n: i64| ten + Duration::minutes(n);
    let time = |n: i64| Time(minute(n).timestamp_micros());
    let chat = Segment {
        contact: ContactId(1),
        index: 0,
        queue: "chats".parse().unwrap(),
        client: None,
        arrived: time(4),
        entered: time(4),
        answered: Some(time(5)),
        ended: time(50),
        agent: Some("maria".into()),
        hold: Span(0),
        wrap_up: Span(0),
        codes: Vec::new(),
        end: SegmentEnd::Answered,
        again: false,
        terms: None,
        place: None,
        kind: Default::default(),
    };
    let hour = Spell {
        agent: "maria".into(),
        team: Some("frontline".into()),
        capacity: 9,
        from: time(0),
        to: time(60),
        state: AgentState::Busy,
    };
    let location = Location::from(dir.path().join("journal.sqlite"));
    let mut journal = location.open().unwrap();
    let epoch = journal.acquire("before").unwrap();
    let rows = Rows {
        segments: vec![chat],
        spells: vec![hour],
        ..Rows::default()
    };
    journal.project(epoch, &rows).unwrap();
    drop(journal);

    let engine = engine(dir.path(), Voice::None).await;
    let admin = Client::admin(&engine);
    let asked = async |from, to| {
        let range = (minute(from), minute(to));
        between(&admin, range, "&occupancy=true&of=agent&name=maria").await
    };
    let load = |figures: &Value, start: i64| {
        let all = told(figures, "agent", "maria");
        let mut all = all.iter();
        let one = all.find(|it| it["from"] == moment(minute(start)));
        one.and_then(|it| it["load"].as_f64())
    };
    let whole = asked(0, 60).await;
    // One chat all the quarter, and for five minutes of it, where there is room for nine contacts.
    for (start, share) in [(30, 1.0), (45, 1.0 / 3.0)] {
        let whole = load(&whole, start);
        assert!((whole.unwrap() - share / 9.0).abs() < 1e-9, "{whole:?}");
        for from in [15, 30, 45] {
            let part = asked(from, 60).await;
            let expected = whole.filter(|_| from <= start);
            assert_eq!(load(&part, start), expected, "{part}");
            // It counts where it came, which nobody asked for here.
            assert_eq!(part[0]["offered"], 0, "{part}");
        }
    }
    assert_eq!(whole[0]["offered"], 1, "{whole}");
    engine.stop().await.unwrap();
}

#[tokio::test]
async fn the_counts_of_aht_are_told_of_each_interval_and_add_up_to_the_aht_of_both() {
    let dir = tempfile::tempdir().unwrap();
    let ten: DateTime<Utc> = "2026-01-05T10:00:00Z".parse().unwrap();
    let time = |n: i64| Time((ten + Duration::seconds(n)).timestamp_micros());
    let of = |contact, from, talk: i64, hold: i64, wrap_up: i64| Segment {
        contact: ContactId(contact),
        index: 0,
        queue: "chats".parse().unwrap(),
        client: None,
        arrived: time(from),
        entered: time(from),
        answered: Some(time(from + 4)),
        ended: time(from + 4 + talk + hold),
        agent: Some("maria".into()),
        hold: Span::seconds(hold),
        wrap_up: Span::seconds(wrap_up),
        codes: Vec::new(),
        end: SegmentEnd::Answered,
        again: false,
        terms: None,
        place: None,
        kind: Default::default(),
    };
    let location = Location::from(dir.path().join("journal.sqlite"));
    let mut journal = location.open().unwrap();
    let epoch = journal.acquire("before").unwrap();
    let rows = Rows {
        segments: vec![
            of(1, 0, 60, 10, 20),
            of(2, 900, 100, 0, 5),
            of(3, 1000, 20, 40, 5),
        ],
        ..Rows::default()
    };
    journal.project(epoch, &rows).unwrap();
    drop(journal);

    let engine = engine(dir.path(), Voice::None).await;
    let admin = Client::admin(&engine);
    let asked = |more: &'static str| {
        let range = (ten, ten + Duration::minutes(30));
        let admin = &admin;
        async move {
            let path = format!("&of=queue&name=chats{more}");
            let figures = between(admin, range, &path).await;
            figures.as_array().unwrap().clone()
        }
    };
    let spent = ["talkSeconds", "holdSeconds", "wrapUpSeconds"];
    let parts = |one: &Value| spent.map(|what| one[what].as_f64().unwrap());
    let quarters = asked("").await;
    let told: Vec<_> = quarters
        .iter()
        .map(|one| (one["handled"].as_u64().unwrap(), parts(one)))
        .collect();
    assert_eq!(
        told,
        [(1, [60.0, 10.0, 20.0]), (2, [120.0, 40.0, 10.0])],
        "{quarters:?}"
    );
    for one in &quarters {
        let aht = parts(one).iter().sum::<f64>() / one["handled"].as_f64().unwrap();
        assert_eq!(one["ahtSeconds"], aht);
    }
    let half = asked("&minutes=30").await;
    assert_eq!(half[0]["ahtSeconds"], seconds(&quarters, &spent) / 3.0);
    assert_eq!(half[0]["handled"], 3);
    engine.stop().await.unwrap();
}

#[tokio::test]
async fn adherence_is_told_as_planned_and_as_amended_alike_by_an_engine_and_by_its_successor() {
    let dir = tempfile::tempdir().unwrap();
    let first = engine(dir.path(), Voice::None).await;
    let admin = Client::admin(&first);
    let began = Utc::now();
    let moment = |minutes: i64| (began + Duration::minutes(minutes)).to_rfc3339();
    let give = async |admin: &Client, agent: &str, breaks: Value| {
        let shift = json!({"from": moment(-10), "to": moment(60), "breaks": breaks});
        let path = format!("/api/v1/agents/{agent}/rota");
        let rota = json!({"shifts": [shift]});
        admin.ask(Method::PUT, &path, Some(rota)).await.0
    };
    for agent in ["maria", "noah"] {
        assert_eq!(give(&admin, agent, json!([])).await, StatusCode::NO_CONTENT);
    }
    let sign_in = json!({"do": "signIn", "ready": true, "presence": "endpoint"});
    admin.does("maria", sign_in).await;
    state_is(&admin, "maria", "idle").await;
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    // The ten minutes before she had a rota are excused: a break, and she was signed out.
    let excused = json!([{"from": moment(-10), "to": moment(0)}]);
    assert_eq!(give(&admin, "maria", excused).await, StatusCode::NO_CONTENT);
    let refused = give(
        &admin,
        "noah",
        json!([{"from": moment(90), "to": moment(95)}]),
    )
    .await;
    assert_eq!(refused, StatusCode::CONFLICT);
    admin.does("maria", json!({"do": "signOut"})).await;
    state_is(&admin, "maria", "signedOut").await;

    let query = "&adherence=true&of=agent&name=maria";
    let today = async |admin: &Client, of: &str, name: &str| -> Value {
        let (_, today) = admin.get("/api/v1/figures?adherence=true").await;
        told(&today, of, name)[0].clone()
    };
    let of = |figures: &Value, plan: &str, what: &str| -> f64 {
        let each = figures.as_array().unwrap().iter();
        each.map(|it| it["adherence"][plan][what].as_f64().unwrap_or_default())
            .sum()
    };
    let past = history(&admin, began, query).await;
    // Nothing had been planned before the rota was given; afterwards ten minutes were, all of them kept.
    let (stood, amended) = ("asPlanned", "asAmended");
    let since = (Utc::now() - began).as_seconds_f64();
    assert!(of(&past, stood, "scheduledSeconds") <= since, "{past}");
    assert!(of(&past, stood, "adherentSeconds") >= 0.3, "{past}");
    let whole = of(&past, amended, "scheduledSeconds");
    assert!(whole >= 600.0 && whole <= 600.0 + since, "{past}");
    let kept = of(&past, amended, "adherentSeconds");
    assert!(kept >= 600.3 && kept < whole, "{past}");
    let plain = history(&admin, began, "&of=agent&name=maria&occupancy=true").await;
    assert_eq!(plain[0]["adherence"], Value::Null);
    assert!(plain[0]["idleSeconds"].as_f64().unwrap() >= 0.3, "{plain}");
    assert_eq!(past[0]["idleSeconds"], Value::Null);
    // Who never came is listed all the same, and is in the team's.
    let noah = today(&admin, "agent", "noah").await["adherence"].clone();
    assert_eq!(noah[stood]["ratio"], 0.0, "{noah}");
    let team = today(&admin, "team", "frontline").await["adherence"].clone();
    let ratio = team[stood]["ratio"].as_f64().unwrap();
    assert!(ratio > 0.0 && ratio < 1.0, "{team}");
    let before = Utc::now();
    first.stop().await.unwrap();

    // What was planned for her goes on: more of it has passed, and none of that was kept.
    let second = engine(dir.path(), Voice::None).await;
    let admin = Client::admin(&second);
    let again = history(&admin, began, query).await;
    for plan in [stood, amended] {
        let kept = |figures: &Value| of(figures, plan, "adherentSeconds");
        assert_eq!(kept(&again), kept(&past), "{again}");
        let more = of(&again, plan, "scheduledSeconds") - of(&past, plan, "scheduledSeconds");
        let passed = (Utc::now() - before).as_seconds_f64() + 2.0;
        assert!(more > 0.0 && more < passed, "{again}");
    }
    second.stop().await.unwrap();
}

/// What is counted of a queue or a client, as the API calls it and as `/metrics` does, if it tells it.
const COUNTED: [(&str, Option<&str>); 14] = [
    ("offered", Some("offered")),
    ("answered", Some("answered")),
    ("answeredWithin", Some("answered-within")),
    ("abandoned", Some("abandoned")),
    ("abandonedWithin", Some("abandoned-within")),
    ("shortAbandons", Some("short-abandoned")),
    ("flowedOut", Some("flowed-out")),
    ("callbacksWithin", Some("callback-within")),
    ("dropped", Some("dropped")),
    ("droppedTalking", Some("dropped-talking")),
    ("calledBack", Some("called-back")),
    ("waiting", Some("waiting")),
    ("handled", Some("handled")),
    ("consults", None),
];

/// The six formulas, and what each makes of the worked example of the metric contract, in per cent.
const WORKED: [(&str, &str); 6] = [
    ("ExcludeShortAbandons", "76.9"),
    ("AllOffered", "73.7"),
    ("AnsweredOnly", "82.4"),
    ("AbandonsCount", "82.1"),
    ("RemovedFromQueue", "83.0"),
    ("WithFlowOuts", "70.0"),
];

/// A client whose contract has one formula, and whose queue has another: T is 20 s by both.
fn add_client(tenant: &mut Tenant, name: &str, of_queue: &str, of_client: &str) {
    let level = |formula: &str| json!({"percent": 80, "within": "20s", "formula": formula});
    let mut client = tenant.clients[&ClientName::from("acme")].clone();
    let contract = json!({"from": null, "serviceLevel": level(of_client)});
    let zone = tenant.time_zone;
    set(
        &mut client,
        json!({"numbers": [], "entry": null, "timeZone": zone, "contract": contract}),
    );
    tenant.clients.insert(name.into(), client);
    let fields = json!({"serviceLevel": level(of_queue)});
    add_queue(tenant, &format!("{name}/desk"), fields);
}

/// Somebody who came to a client's queue half an hour ago and waited so long; who was answered talked with Maria.
fn one(client: &str, wait: i64, end: SegmentEnd) -> Segment {
    let entered = Time((Utc::now() - Duration::minutes(30)).timestamp_micros());
    let over = entered + Span::seconds(wait);
    let answered = end == SegmentEnd::Answered;
    Segment {
        contact: ContactId(0),
        index: 0,
        queue: QueueId::of(client, "desk"),
        client: Some(client.into()),
        arrived: entered,
        entered,
        answered: answered.then_some(over),
        ended: if answered {
            over + Span::seconds(30)
        } else {
            over
        },
        agent: answered.then(|| "maria".into()),
        hold: Span(0),
        wrap_up: Span(0),
        codes: Vec::new(),
        end,
        again: false,
        terms: None,
        place: None,
        kind: StretchKind::Plain,
    }
}

/// The worked example: 85 answered, 70 of them within T; 10 abandoned, 4 short, 8 within T; 5 callbacks within T.
fn worked(client: &str) -> Vec<(usize, Segment)> {
    let of = |wait, end| one(client, wait, end);
    vec![
        (70, of(20, SegmentEnd::Answered)),
        (15, of(21, SegmentEnd::Answered)),
        (4, of(4, SegmentEnd::Abandoned)),
        (4, of(5, SegmentEnd::Abandoned)),
        (2, of(60, SegmentEnd::Abandoned)),
        (5, of(19, SegmentEnd::Callback)),
    ]
}

/// Of everything another number, but for the two who wait.
fn uneven(client: &str) -> Vec<(usize, Segment)> {
    let of = |wait, end| one(client, wait, end);
    let lost = Segment {
        end: SegmentEnd::Dropped,
        ..of(12, SegmentEnd::Answered)
    };
    let called_back = |end| Segment {
        kind: StretchKind::CalledBack,
        ..of(30, end)
    };
    let consult = Segment {
        kind: StretchKind::Consult(ContactId(1)),
        ..of(3, SegmentEnd::Answered)
    };
    vec![
        (40, of(7, SegmentEnd::Answered)),
        (9, of(40, SegmentEnd::Answered)),
        (3, lost),
        (4, of(4, SegmentEnd::Abandoned)),
        (6, of(10, SegmentEnd::Abandoned)),
        (8, of(50, SegmentEnd::Abandoned)),
        (5, of(15, SegmentEnd::Callback)),
        (2, of(25, SegmentEnd::Callback)),
        (6, of(18, SegmentEnd::Voicemail)),
        // The client has them once, where they went.
        (1, of(18, SegmentEnd::Overflow)),
        (7, of(9, SegmentEnd::Dropped)),
        (11, called_back(SegmentEnd::Answered)),
        (1, called_back(SegmentEnd::Unreached)),
        (12, consult),
    ]
}

/// The counts of a queue or a client, in the order of [`COUNTED`], and its service level, which are to be told.
struct Expected {
    of: &'static str,
    name: String,
    counts: [u64; 14],
    level: &'static str,
}

impl Expected {
    fn lines(&self) -> impl Iterator<Item = String> {
        let counts = COUNTED.iter().zip(self.counts);
        counts.filter_map(|((_, what), n)| {
            let labels = format!(r#"{}="{}",what="{}""#, self.of, self.name, (*what)?);
            Some(format!(
                "trunkline_engine_{}_contacts_today{{{labels}}} {n}",
                self.of
            ))
        })
    }
}

#[tokio::test]
async fn the_worked_example_of_the_metric_contract_is_told_by_the_api_and_by_metrics_count_by_count_and_by_six_formulas()
 {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("tenant.json");
    let text = std::fs::read_to_string(fixture()).unwrap();
    let mut tenant: Tenant = serde_json::from_str(&text).unwrap();
    // Where it is noon now: what came half an hour ago came today.
    let zone = format!("Etc/GMT{:+}", i64::from(Utc::now().hour()) - 12);
    set(&mut tenant, json!({"timeZone": zone}));
    let mut made = Vec::new();
    let mut expected = Vec::new();
    let mut expect = |client: &str, queue: ([u64; 14], _), contract: ([u64; 14], _)| {
        let (name, of_client) = (client.to_owned(), contract);
        for (of, name, (counts, level)) in [
            ("queue", format!("{client}/desk"), queue),
            ("client", name, of_client),
        ] {
            expected.push(Expected {
                of,
                name,
                counts,
                level,
            });
        }
    };
    for (at, (formula, level)) in WORKED.into_iter().enumerate() {
        // By its queue's formula a client would have another level.
        let (other, of_client) = WORKED[(at + 1) % WORKED.len()];
        let client = formula.to_lowercase();
        add_client(&mut tenant, &client, formula, other);
        made.extend(worked(&client));
        let counts = [100, 85, 70, 10, 8, 4, 5, 5, 0, 0, 0, 0, 85, 0];
        expect(&client, (counts, level), (counts, of_client));
    }
    add_client(
        &mut tenant,
        "uneven",
        "RemovedFromQueue",
        "ExcludeShortAbandons",
    );
    made.extend(uneven("uneven"));
    // (43 + 10 + 5) / (52 + 18 + 14 + 7), who is lost while they wait among them; 43 / (52 + 18 − 4).
    expect(
        "uneven",
        ([93, 52, 43, 18, 10, 4, 14, 5, 7, 3, 11, 2, 63, 12], "63.7"),
        ([92, 52, 43, 18, 10, 4, 13, 5, 7, 3, 11, 2, 63, 12], "65.2"),
    );
    std::fs::write(&config, serde_json::to_vec(&tenant).unwrap()).unwrap();

    // What is of today is looked for in the journal of who leads by a configuration.
    let first = engine_on(dir.path(), config.clone(), Voice::None).await;
    first.stop().await.unwrap();
    let mut segments: Vec<Segment> = made
        .into_iter()
        .flat_map(|(number, one)| repeat_n(one, number))
        .collect();
    for (row, number) in segments.iter_mut().zip(1000..) {
        row.contact = ContactId(number);
    }
    let mut journal = Location::from(dir.path().join("journal.sqlite"))
        .open()
        .unwrap();
    let epoch = journal.acquire("between").unwrap();
    let rows = Rows {
        segments,
        ..Rows::default()
    };
    journal.project(epoch, &rows).unwrap();
    drop(journal);

    let engine = engine_on(dir.path(), config, Voice::None).await;
    let admin = Client::admin(&engine);
    for reference in ["one", "two"] {
        let chat = json!({"queue": "uneven/desk", "reference": reference});
        assert_eq!(admin.post("/api/v1/contacts", chat).await.0, 201);
    }
    let (_, today) = admin.get("/api/v1/figures").await;
    let (_, metrics) = admin.get("/metrics").await;
    let metrics = metrics.as_str().unwrap();
    let percent = |level: f64| format!("{:.1}", level * 100.0);
    for one in &expected {
        let (of, name) = (one.of, one.name.as_str());
        let figures = told(&today, of, name);
        let [figure] = figures.as_slice() else {
            panic!("{of} {name}: {today}");
        };
        for ((what, _), n) in COUNTED.iter().zip(one.counts) {
            assert_eq!(figure[*what], n, "{what} of {of} {name}: {figure}");
        }
        let level = figure["serviceLevel"].as_f64().unwrap();
        assert_eq!(percent(level), one.level, "{figure}");
        let series = format!(r#"trunkline_engine_{of}_service_level{{{of}="{name}"}} "#);
        let level = metrics.lines().find_map(|line| line.strip_prefix(&series));
        let level = level.unwrap_or_else(|| panic!("{series}{metrics}"));
        assert_eq!(percent(level.parse().unwrap()), one.level, "{series}");
    }
    // Of Maria, and of her team, whom she answered and who of them is gone: 6 × 85 and those of the last queue.
    let work = [("team", "frontline"), ("agent", "maria")];
    for (of, name) in work {
        let figure = told(&today, of, name)[0].clone();
        for (what, n) in [("answered", 562), ("handled", 573), ("consults", 12)] {
            assert_eq!(figure[what], n, "{what} of {of} {name}: {figure}");
        }
    }
    let of_work = work.into_iter().flat_map(|(of, name)| {
        [("answered", 562), ("handled", 573)].map(|(what, n)| {
            format!(r#"trunkline_engine_{of}_contacts_today{{{of}="{name}",what="{what}"}} {n}"#)
        })
    });
    let lines: BTreeSet<String> = expected
        .iter()
        .flat_map(Expected::lines)
        .chain(of_work)
        .collect();
    let found: BTreeSet<String> = metrics
        .lines()
        .filter(|line| line.contains("_contacts_today{"))
        .map(str::to_owned)
        .collect();
    assert_eq!(found, lines);
    engine.stop().await.unwrap();
}
