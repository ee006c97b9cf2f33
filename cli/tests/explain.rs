//! `trunkline explain`: from the file of an engine that has ended, from a database, and from an engine that runs.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

mod common;
#[allow(dead_code, reason = "other tests use more of it")]
#[path = "../../engine/tests/support/database.rs"]
mod database;

use std::path::Path;

use common::trunkline;
use serde_json::{Value, json};
use trunkline_engine::api::Tokens;
use trunkline_engine::journal::{Context, DatabaseUrl, Entry, Journal, Location, Seq};
use trunkline_engine::keys::TenantKey;
use trunkline_engine::run::{Engine, Options, Place, RETENTION, Role, Voice};
use trunkline_routing::{ContactId, DeclineCause, Input, OfferId, Time};
use trunkline_tenant::Tenant;

const TENANT: &str = include_str!("../../engine/tests/fixtures/tenant.json");
const START: i64 = 1_800_000_000;

/// Maria rejects a chat, Noah takes it, and months go by.
fn fill(journal: &mut dyn Journal) {
    let tenant: Tenant = serde_json::from_str(TENANT).unwrap();
    let sign_in = |agent: &str| Input::SignIn {
        agent: agent.into(),
        ready: true,
        team: None,
    };
    let contact = ContactId(1);
    let offer = |generation| OfferId {
        contact,
        generation,
    };
    let arrives = Input::Arrive {
        contact,
        queue: "chats".parse().unwrap(),
        since: None,
        priority: 0,
        customer: None,
        callable: true,
    };
    let declined = Input::Decline {
        offer: offer(1),
        cause: DeclineCause::Refused,
    };
    let tenant = tenant.into();
    let inputs = [
        (0, Input::Configure { tenant }),
        (1, sign_in("maria")),
        (2, sign_in("noah")),
        (10, arrives),
        (12, declined),
        (14, Input::Accept { offer: offer(2) }),
        (14, Input::Connected { offer: offer(2) }),
        (90, Input::AgentDone { contact }),
        (90 * 86_400, Input::Tick),
    ];
    let entries = (1..).zip(inputs).map(|(seq, (second, input))| Entry {
        seq: Seq(seq),
        at: Time((START + second) * 1_000_000),
        input,
        context: Context::default(),
    });
    let entries: Vec<Entry> = entries.collect();
    let epoch = journal.acquire("a test").unwrap();
    journal.append(epoch, &entries).unwrap();
}

/// What `explain` says of that contact, wherever the journal is.
fn says_why(journal: &[&str]) {
    let ask = |words: &[&str]| {
        let all: Vec<&str> = ["explain"]
            .iter()
            .chain(words)
            .chain(journal)
            .copied()
            .collect();
        trunkline(&all, &[])
    };
    let (code, text, errors) = ask(&["1"]);
    assert_eq!(code, Some(0), "{errors}");
    for line in [
        "contact 1\n  2027-01-15 08:00:10.000Z  arrives in chats\n",
        "2027-01-15 08:00:12.000Z  offer 1-1 is declined: Refused\n",
        "2027-01-15 08:00:14.000Z  talks with noah, after 4.0 s\n",
        "2027-01-15 08:01:30.000Z  is over: answered\n",
        "\nagents at 2027-01-15 08:00:14.000Z\n",
        "\n  noah: they are together, by offer 1-2\n",
    ] {
        assert!(text.contains(line), "{line} in: {text}");
    }

    let at = [
        "1",
        "--agent",
        "maria",
        "--at",
        "2027-01-15T08:00:13Z",
        "--json",
    ];
    let (code, text, errors) = ask(&at);
    assert_eq!(code, Some(0), "{errors}");
    let said: Value = serde_json::from_str(&text).unwrap();
    let maria = &said["agents"][0];
    assert_eq!(
        (&maria["agent"], said["agents"].as_array().unwrap().len()),
        (&json!("maria"), 1)
    );
    let reasons = maria["reasons"].to_string();
    assert!(reasons.contains("the contact is with noah"), "{reasons}");
    assert!(
        reasons.contains("the agent is not ready: refused"),
        "{reasons}"
    );
    assert!(!said["history"].to_string().contains("is over"), "{said}");

    for (words, why) in [
        (&["2"][..], "contact 2 is not in the journal"),
        (&["1", "--agent", "nobody"][..], "no agent `nobody`"),
        (
            &["1", "--at", "2026-01-01T00:00:00Z"][..],
            "had not arrived by 2026-01-01",
        ),
        (&["1", "--at", "yesterday"][..], "--at"),
    ] {
        let (code, text, errors) = ask(words);
        assert_eq!((code, text.as_str()), (Some(2), ""), "{words:?}: {errors}");
        assert!(errors.contains(why), "{words:?}: {errors}");
    }
}

#[test]
fn rule_15_the_file_of_an_engine_that_has_ended_says_why_a_contact_went_to_an_agent() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("journal.sqlite");
    fill(Location::from(file.clone()).open().unwrap().as_mut());
    says_why(&["--journal", &file.display().to_string()]);
    // The folder of `up --state` will do as well.
    says_why(&["--journal", &dir.path().display().to_string()]);
}

#[test]
fn rule_15_a_database_that_an_engine_leads_with_says_so_too() {
    let dir = tempfile::tempdir().unwrap();
    let url = database::Server::shared().database();
    let location = Location::Postgres(DatabaseUrl::new(&url, None).unwrap());
    let file = dir.path().join("uri");
    std::fs::write(&file, url).unwrap();
    let file = file.display().to_string();
    let from = ["--journal-url-file", &file];

    // Nothing is made in a database that has none: it may be the wrong one.
    for _ in 0..2 {
        let (code, _, errors) = trunkline(&["explain", "1", from[0], from[1]], &[]);
        assert_eq!(code, Some(2));
        assert!(
            errors.contains("there is no journal in the database"),
            "{errors}"
        );
    }
    let mut leader = location.open().unwrap();
    fill(leader.as_mut());
    says_why(&from);
    // It leads still.
    let epoch = leader.leadership().unwrap().epoch;
    leader.beat(epoch).unwrap();
}

#[test]
fn where_there_is_no_journal_or_it_is_held_that_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().display().to_string();
    let ask = || trunkline(&["explain", "1", "--journal", &folder], &[]);
    let (code, _, errors) = ask();
    assert_eq!(code, Some(2));
    assert!(errors.contains("there is no journal in"), "{errors}");
    assert!(
        !Path::new(&folder).join("journal.sqlite").exists(),
        "none is made"
    );
    let held = Location::from(dir.path().join("journal.sqlite"))
        .open()
        .unwrap();
    let (code, _, errors) = ask();
    assert_eq!(code, Some(2));
    assert!(
        errors.contains("a running engine is asked by --engine"),
        "{errors}"
    );
    drop(held);
    let (code, _, errors) = trunkline(&["explain", "1"], &[]);
    assert_eq!(code, Some(2));
    assert!(errors.contains("--journal"), "{errors}");
}

/// Runs an engine for as long as `ask` takes, which is given what names it.
fn with_an_engine(journal: Location, config: &Path, ask: impl FnOnce(&[&str])) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    let key = || TenantKey::new(b"0123456789abcdef0123456789abcdef").unwrap();
    let options = Options {
        place: Place::Machine {
            config: config.to_path_buf(),
            hosts: Vec::new(),
            pods: Vec::new(),
            reached_at: None,
        },
        journal,
        retention: RETENTION,
        listen: "127.0.0.1:0".parse().unwrap(),
        metrics: None,
        telephony: Voice::None,
        key: key(),
        tokens: Tokens::new("the-token", key()),
    };
    let engine = runtime.block_on(async {
        let engine = Engine::start(options).await.unwrap();
        let mut role = engine.handle.role();
        let leads = role.wait_for(|role| matches!(role, Role::Leading(_)));
        let leads = tokio::time::timeout(std::time::Duration::from_secs(30), leads);
        leads.await.unwrap().unwrap();
        engine
    });
    let at = format!("http://{}", engine.api);
    ask(&["--engine", &at, "--token", "the-token"]);
    let (code, _, errors) = trunkline(&["explain", "1", "--engine", &at, "--token", "forged"], &[]);
    assert_eq!(code, Some(2));
    assert!(errors.contains("401"), "{errors}");
    runtime.block_on(engine.stop()).unwrap();
}

#[test]
fn a_running_engine_is_asked_over_its_api_and_says_what_its_journal_does() {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("tenant.json");
    std::fs::write(&config, TENANT).unwrap();
    let url = database::Server::shared().database();
    for journal in [
        Location::Sqlite(dir.path().join("journal.sqlite")),
        Location::Postgres(DatabaseUrl::new(&url, None).unwrap()),
    ] {
        fill(journal.open().unwrap().as_mut());
        with_an_engine(journal, &config, |engine| {
            let words = [
                "explain",
                "1",
                "--agent",
                "maria",
                "--at",
                "2027-01-15T08:00:13Z",
            ];
            let all: Vec<&str> = words.iter().chain(engine).copied().collect();
            let (code, text, errors) = trunkline(&all, &[]);
            assert_eq!(code, Some(0), "{errors}");
            assert!(text.contains("maria: the contact is with noah"), "{text}");
            let all: Vec<&str> = ["explain", "7"].iter().chain(engine).copied().collect();
            let (code, _, errors) = trunkline(&all, &[]);
            assert_eq!(code, Some(2));
            assert!(
                errors.contains("contact 7 is not in the journal"),
                "{errors}"
            );
        });
    }
}
