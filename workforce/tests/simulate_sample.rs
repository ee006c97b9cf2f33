//! The fate of each contact in a recorded trace, against an independent reference.
#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;
use trunkline_routing::{Outcome, Span};
use trunkline_tenant::{compile, manifest};
use trunkline_workforce::simulate::{Contact, Presence, Setup, run};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/routing-sample")
}

fn text(name: &str) -> String {
    std::fs::read_to_string(folder().join(name)).unwrap()
}

fn micros(seconds: f64) -> Span {
    Span((seconds * 1e6).round() as i64)
}

fn span(cell: &str) -> Option<Span> {
    (!cell.is_empty()).then(|| micros(cell.parse().unwrap()))
}

#[test]
fn the_sample_trace_ends_for_each_contact_as_the_reference_says_to_the_microsecond() {
    let documents = manifest::read("tenant.yaml", &text("tenant.yaml"))
        .unwrap()
        .documents;
    let tenant = Arc::new(compile(&documents, None).tenant.unwrap());
    let rows = |name: &str| -> Vec<csv::StringRecord> {
        let mut reader = csv::Reader::from_path(folder().join(name)).unwrap();
        reader.records().map(Result::unwrap).collect()
    };
    let contacts: Vec<Contact> = rows("arrivals.csv")
        .iter()
        .map(|row| Contact {
            handle: span(&row[2]),
            patience: Some(span(&row[3])),
            priority: row[4].parse().unwrap(),
            ..Contact::new(span(&row[0]).unwrap(), row[1].parse().unwrap())
        })
        .collect();
    let presences: Vec<Presence> = rows("agents.csv")
        .iter()
        .map(|row| Presence {
            agent: row[0].into(),
            team: None,
            from: span(&row[1]).unwrap(),
            to: span(&row[2]),
        })
        .collect();
    let setup = Setup::default();
    let done = run(&tenant, &contacts, &presences, &setup);
    let expected: Value = serde_json::from_str(&text("expected.json")).unwrap();
    let expected = expected["contacts"].as_array().unwrap();
    assert_eq!(done.fates.len(), expected.len());
    for (fate, expected) in done.fates.iter().zip(expected) {
        let time = |name: &str| expected[name].as_f64().map(micros);
        assert_eq!(fate.queue.to_string(), expected["queue"], "{expected}");
        assert_eq!(fate.answered_at, time("answered_at"), "{expected}");
        assert_eq!(fate.ended_at, time("ended_at"), "{expected}");
        assert_eq!(
            fate.agent.as_ref().map(|agent| agent.as_str()),
            expected["agent"].as_str()
        );
        let outcome = match fate.outcome {
            Some(Outcome::Answered) => "answered",
            Some(Outcome::Abandoned) => "abandoned",
            other => panic!("{other:?} for {expected}"),
        };
        assert_eq!(outcome, expected["outcome"]);
    }
}
