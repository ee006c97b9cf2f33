//! `trunkline fit` on logs of calls.

// Clippy takes helpers outside #[test] functions for production code.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::io::Write;
use std::process::{Command, Output};

use serde_json::Value;

fn fit(log: &str) -> Output {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(log.as_bytes()).unwrap();
    Command::new(env!("CARGO_BIN_EXE_trunkline"))
        .arg("fit")
        .arg(file.path())
        .args(["-o", "json"])
        .output()
        .unwrap()
}

#[test]
fn patience_counts_the_waits_of_the_answered_too() {
    let output = fit("queue,wait,outcome,handle\n\
         a,30,answered,100\na,50,abandoned,\nb,20,answered,200\nb,100,abandoned,\n");
    assert_eq!(output.status.code(), Some(0));
    let fit: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(fit["all"]["patience"]["mean"], 100);
    assert_eq!(fit["queues"]["a"]["patience"]["mean"], 80);
    assert_eq!(fit["all"]["handle"]["sample_mean"], 150);
}

#[test]
fn a_log_without_abandonment_says_why_it_has_no_patience() {
    let output = fit("wait,outcome,handle\n3,answered,10\n4,answered,20\n");
    let fit: Value = serde_json::from_slice(&output.stdout).unwrap();
    let reason = fit["all"]["patience"]["reason"].as_str().unwrap();
    assert!(reason.contains("none of 2 callers abandoned"), "{reason}");
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn bad_rows_are_named() {
    for (log, name) in [
        ("wait,outcome\n3,answered\nx,answered\n", "row 2: wait"),
        ("wait,outcome\n3,lost\n", "row 1: outcome"),
        ("wait,outcome\n-3,answered\n", "row 1: wait"),
        ("wait,outcome,handle\n3,answered,1e99\n", "row 1: handle"),
        ("wait,outcome,handle\n3,abandoned,10\n", "row 1: handle"),
        ("wait,outcome\n3\n", "row 1"),
        ("wait\n3\n", "outcome"),
        ("wait,outcome\n", "no rows"),
        (
            "wait,wait,outcome\n3,4,answered\n",
            "row 1, column 2: there is a column wait already",
        ),
    ] {
        let output = fit(log);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{log}: {said}");
        assert!(said.contains(name), "{log}: {said}");
    }
}
