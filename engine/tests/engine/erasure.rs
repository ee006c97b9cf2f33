//! A customer's number is nowhere in the database's files, and erased it leads nowhere.

use std::io::BufRead as _;
use std::path::{Path, PathBuf};

use reqwest::StatusCode;
use serde_json::{Value, json};
use trunkline_engine::journal::{DatabaseUrl, Location, Seq};
use trunkline_engine::run::{Engine, Voice};
use trunkline_engine::state::State;

use crate::centre::{Centre, transfer};
use crate::commands::{calls_out, maria_talks};
use crate::database::Server;
use crate::support::{Client, engine_at, eventually, fixture};

const ANNA: &str = "+4930987654321";
const BERT: &str = "+4930123456789";

/// The files that hold these bytes.
fn holding(files: &[PathBuf], bytes: &[u8]) -> Vec<PathBuf> {
    let (first, rest) = bytes.split_first().unwrap();
    let holds = |file: &&PathBuf| {
        let content = std::fs::read(file).unwrap_or_default();
        let mut ahead = content.as_slice();
        // By the standard library's own search: each byte looked at here takes minutes without the optimiser.
        while ahead.skip_until(*first).unwrap() > 0 {
            if ahead.starts_with(rest) {
                return true;
            }
        }
        false
    };
    files.iter().filter(holds).cloned().collect()
}

fn below(dir: &Path) -> Vec<PathBuf> {
    let all = std::fs::read_dir(dir).unwrap().flatten();
    all.map(|entry| entry.path())
        .filter(|path| path.is_file())
        .collect()
}

async fn served(admin: &Client, customer: &str, number: u64) {
    let chat =
        json!({"queue": "chats", "reference": format!("chat-{number}"), "customer": customer});
    assert_eq!(
        admin.post("/api/v1/contacts", chat).await.0,
        StatusCode::CREATED
    );
    eventually("it is offered", async || {
        let (_, mine) = admin.get("/api/v1/agents/maria/contacts").await;
        mine[0]["state"] == "offered"
    })
    .await;
    let (_, mine) = admin.get("/api/v1/agents/maria/contacts").await;
    assert_eq!(mine[0]["customer"], customer, "the agent sees who it is");
    assert_eq!(mine[0]["reference"], format!("chat-{number}"));
    let accept =
        json!({"do": "accept", "contact": mine[0]["id"], "generation": mine[0]["generation"]});
    admin.does("maria", accept).await;
    admin
        .does("maria", json!({"do": "end", "contact": mine[0]["id"]}))
        .await;
    admin.does("maria", json!({"do": "wrapUpDone"})).await;
    eventually("maria is idle", async || {
        admin.get("/api/v1/agents/maria").await.1["state"] == "idle"
    })
    .await;
}

async fn shown(admin: &Client) -> (Value, Value) {
    let (_, contacts) = admin.get("/api/v1/contacts?state=ended").await;
    let (_, figures) = admin.get("/api/v1/figures").await;
    (contacts, figures)
}

fn replayed(location: &Location) -> (State, State) {
    let mut journal = location.open().unwrap();
    let mut whole = State::default();
    for entry in journal.read(Seq(0), usize::MAX).unwrap() {
        whole.apply(&entry);
    }
    let snapshot = journal.snapshot().unwrap().unwrap();
    (whole, State::restore(&snapshot).unwrap())
}

async fn erased_without_a_trace(
    dir: &Path,
    location: Location,
    files: impl Fn() -> Vec<PathBuf>,
    flushed: impl Fn(),
    gone: impl Fn(&[Vec<u8>]),
) {
    let start = async || -> Engine { engine_at(fixture(), location.clone(), Voice::None).await };
    let engine = start().await;
    let admin = Client::admin(&engine);
    admin
        .does("maria", json!({"do": "signIn", "ready": true}))
        .await;
    for (number, customer) in [(1, ANNA), (2, BERT), (3, ANNA)] {
        served(&admin, customer, number).await;
    }
    let (before, figures) = shown(&admin).await;
    assert_eq!(before[0]["customer"], ANNA);
    engine.stop().await.unwrap();
    // Sealed: the bytes were never written in the open, in no entry, no snapshot, no log.
    flushed();
    for open in [ANNA, "chat-1", "chat-2", "chat-3"] {
        assert_eq!(
            holding(&files(), open.as_bytes()),
            [] as [PathBuf; 0],
            "{open}"
        );
    }
    assert_ne!(
        holding(&files(), b"maria"),
        [] as [PathBuf; 0],
        "the search sees"
    );

    // A successor knows them all the same.
    let engine = start().await;
    let admin = Client::admin(&engine);
    assert_eq!(shown(&admin).await, (before.clone(), figures.clone()));
    let unknown = json!({"customer": "+1"});
    assert_eq!(
        admin.post("/api/v1/erasures", unknown).await.0,
        StatusCode::NOT_FOUND
    );
    let agents_own = Client::agent(&engine, "maria");
    let erase = json!({"customer": ANNA});
    let forbidden = agents_own.post("/api/v1/erasures", erase.clone()).await.0;
    assert_eq!(forbidden, StatusCode::FORBIDDEN);

    let sealed = tokio::task::block_in_place(|| row(&location, dir));
    for column in &sealed {
        let found = holding(&files(), column);
        assert_ne!(found, [] as [PathBuf; 0], "the row is in a file");
    }
    let (status, erased) = admin.post("/api/v1/erasures", erase.clone()).await;
    assert_eq!(status, StatusCode::OK, "{erased}");
    let again = admin.post("/api/v1/erasures", erase).await.0;
    assert_eq!(again, StatusCode::NOT_FOUND, "she is erased already");
    let (after, figures_after) = shown(&admin).await;
    let customers: Vec<&Value> = after
        .as_array()
        .unwrap()
        .iter()
        .map(|c| &c["customer"])
        .collect();
    assert_eq!(customers, [&Value::Null, &json!(BERT), &Value::Null]);
    let references: Vec<&Value> = after
        .as_array()
        .unwrap()
        .iter()
        .map(|c| &c["reference"])
        .collect();
    assert_eq!(references, [&Value::Null, &json!("chat-2"), &Value::Null]);
    assert_eq!(figures_after, figures, "the figures stay");
    let (_, audit) = admin.get("/api/v1/erasures").await;
    assert_eq!(audit[0]["by"], "admin");
    assert!(!audit.to_string().contains(ANNA));
    engine.stop().await.unwrap();

    flushed();
    assert_eq!(holding(&files(), ANNA.as_bytes()), [] as [PathBuf; 0]);
    gone(&sealed);
    let (whole, snapshot) = tokio::task::block_in_place(|| replayed(&location));
    assert_eq!(
        whole.snapshot().unwrap().state,
        snapshot.snapshot().unwrap().state,
        "the replay of all entries is the live state, byte for byte"
    );
    let engine = start().await;
    let (later, _) = shown(&Client::admin(&engine)).await;
    assert_eq!(later, after);
    engine.stop().await.unwrap();
}

/// What anna's row is found by, her wrapped key, and her number, sealed.
fn row(location: &Location, dir: &Path) -> [Vec<u8>; 3] {
    // She came last.
    let select = "SELECT lookup, key, text FROM customer ORDER BY seen DESC LIMIT 1";
    match location {
        Location::Sqlite(_) => {
            let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
            let file = dir.join("journal.sqlite");
            let reader = rusqlite::Connection::open_with_flags(file, flags).unwrap();
            let columns = |row: &rusqlite::Row<'_>| Ok([row.get(0)?, row.get(1)?, row.get(2)?]);
            reader.query_row(select, [], columns).unwrap()
        }
        Location::Postgres(_) => {
            let url = std::fs::read_to_string(dir.join("uri")).unwrap();
            let mut reader = postgres::Client::connect(&url, postgres::NoTls).unwrap();
            reader.batch_execute("CHECKPOINT").unwrap();
            let row = reader.query_one(select, &[]).unwrap();
            [0, 1, 2].map(|column| row.get(column))
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erased_customer_is_nowhere_in_the_files_and_replay_is_the_live_state_on_sqlite() {
    let dir = tempfile::tempdir().unwrap();
    let location = Location::Sqlite(dir.path().join("journal.sqlite"));
    let files = || below(dir.path());
    let gone = |sealed: &[Vec<u8>]| {
        for column in sealed {
            assert_eq!(holding(&files(), column), [] as [PathBuf; 0]);
        }
    };
    erased_without_a_trace(dir.path(), location, files, || {}, gone).await;
}

/// The number is nowhere, and never was. The row, sealed under the tenant's key, is in no table; its bytes remain in
/// the table's file until that is rewritten, as the guide says, and in the server's own log until that is let go.
#[tokio::test(flavor = "multi_thread")]
async fn an_erased_customer_is_in_no_file_of_postgres_once_the_table_is_rewritten_and_the_log_let_go_and_replay_is_the_live_state()
 {
    let dir = tempfile::tempdir().unwrap();
    let server = tokio::task::block_in_place(Server::start);
    let url = tokio::task::block_in_place(|| server.database());
    std::fs::write(dir.path().join("uri"), &url).unwrap();
    let location = Location::Postgres(DatabaseUrl::new(&url, None).unwrap());
    let told = |statements: &[&str]| {
        tokio::task::block_in_place(|| {
            let mut admin = postgres::Client::connect(&url, postgres::NoTls).unwrap();
            for statement in statements {
                admin.batch_execute(statement).unwrap();
            }
        });
    };
    let flushed = || told(&["CHECKPOINT"]);
    let gone = |sealed: &[Vec<u8>]| {
        told(&["VACUUM FULL customer", "CHECKPOINT"]);
        let log = server.files().into_iter();
        let (log, tables): (Vec<_>, Vec<_>) =
            log.partition(|file| file.components().any(|part| part.as_os_str() == "pg_wal"));
        for column in sealed {
            assert_eq!(holding(&tables, column), [] as [PathBuf; 0]);
            assert_ne!(holding(&log, column), [] as [PathBuf; 0]);
        }
        told(&[
            "ALTER SYSTEM SET wal_recycle = off",
            "SELECT pg_reload_conf()",
            "SELECT pg_switch_wal()",
            "CHECKPOINT",
        ]);
        for column in sealed {
            assert_eq!(holding(&server.files(), column), [] as [PathBuf; 0]);
        }
    };
    erased_without_a_trace(dir.path(), location, || server.files(), flushed, gone).await;
}

/// The reference is sealed in the entries; whoever repeats it gets the contact that lives all the same.
#[tokio::test(flavor = "multi_thread")]
async fn a_customers_reference_is_known_again_by_a_successor_until_they_are_erased() {
    let dir = tempfile::tempdir().unwrap();
    let location = Location::Sqlite(dir.path().join("journal.sqlite"));
    let start = async || engine_at(fixture(), location.clone(), Voice::None).await;
    let chat = |customer| json!({"queue": "chats", "reference": "ticket-7", "customer": customer});
    let engine = start().await;
    let admin = Client::admin(&engine);
    let (status, first) = admin.post("/api/v1/contacts", chat(ANNA)).await;
    assert_eq!(status, StatusCode::CREATED, "{first}");
    for again in [chat(ANNA), chat(BERT)] {
        let (status, known) = admin.post("/api/v1/contacts", again).await;
        assert_eq!((status, &known), (StatusCode::OK, &first));
    }
    engine.stop().await.unwrap();

    let engine = start().await;
    let admin = Client::admin(&engine);
    let (status, known) = admin.post("/api/v1/contacts", chat(ANNA)).await;
    assert_eq!((status, &known), (StatusCode::OK, &first));
    let (_, waiting) = admin.get("/api/v1/contacts").await;
    assert_eq!(waiting[0]["reference"], "ticket-7");
    let erase = json!({"customer": ANNA});
    let (status, told) = admin.post("/api/v1/erasures", erase).await;
    assert_eq!(status, StatusCode::OK, "{told}");
    // Nobody can tell any more what it was called: another contact may come under it.
    let (status, other) = admin.post("/api/v1/contacts", chat(BERT)).await;
    assert_eq!(status, StatusCode::CREATED, "{other}");
    assert_ne!(other, first);
    let (_, waiting) = admin.get("/api/v1/contacts").await;
    assert_eq!(
        [&waiting[0]["reference"], &waiting[1]["reference"]],
        [&Value::Null, &json!("ticket-7")]
    );
    engine.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_erased_is_not_called_back() {
    let dir = tempfile::tempdir().unwrap();
    let location = Location::Sqlite(dir.path().join("journal.sqlite"));
    let engine = engine_at(fixture(), location, Voice::None).await;
    let admin = Client::admin(&engine);
    for customer in [ANNA, BERT] {
        let book = json!({"queue": "orders", "customer": customer});
        let (status, told) = admin.post("/api/v1/callbacks", book).await;
        assert_eq!(status, StatusCode::CREATED, "{told}");
    }
    let erase = json!({"customer": ANNA});
    let (status, told) = admin.post("/api/v1/erasures", erase).await;
    assert_eq!(status, StatusCode::OK, "{told}");
    let (_, booked) = admin.get("/api/v1/callbacks").await;
    let customers: Vec<&Value> = booked
        .as_array()
        .unwrap()
        .iter()
        .map(|callback| &callback["customer"])
        .collect();
    assert_eq!(customers, [BERT], "{booked}");
    engine.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_came_under_two_spellings_of_a_number_is_one_and_erased_by_either() {
    let dir = tempfile::tempdir().unwrap();
    let location = Location::Sqlite(dir.path().join("journal.sqlite"));
    let engine = engine_at(fixture(), location, Voice::None).await;
    let admin = Client::admin(&engine);
    for (number, customer) in ["004930987654321", ANNA, BERT].into_iter().enumerate() {
        let reference = format!("chat-{number}");
        let chat = json!({"queue": "chats", "reference": reference, "customer": customer});
        let (status, told) = admin.post("/api/v1/contacts", chat).await;
        assert_eq!(status, StatusCode::CREATED, "{told}");
    }
    let customers = async || -> Vec<Value> {
        let (_, waiting) = admin.get("/api/v1/contacts").await;
        let waiting = waiting.as_array().unwrap().iter();
        waiting.map(|chat| chat["customer"].clone()).collect()
    };
    let first = "004930987654321";
    assert_eq!(customers().await, [first, first, BERT], "as first told");
    let erase = json!({"customer": "+49 30 987654321"});
    let (status, told) = admin.post("/api/v1/erasures", erase).await;
    assert_eq!(status, StatusCode::OK, "{told}");
    assert_eq!(customers().await, [Value::Null, Value::Null, json!(BERT)]);
    engine.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_outside_that_was_called_for_a_customer_is_erased_by_itself() {
    let centre = Centre::open(calls_out).await;
    let chat = maria_talks(&centre).await;
    let legal = json!({"number": "+49 30 900009"});
    centre.does("maria", transfer(chat, legal)).await;
    let erase = async || {
        let erase = json!({"customer": "+4930900009"});
        centre.admin.post("/api/v1/erasures", erase).await.0
    };
    assert_eq!(erase().await, StatusCode::OK);
    assert_eq!(erase().await, StatusCode::NOT_FOUND);
    centre.close().await;
}
