//! Who has read enough, as `head` has, ends a command quietly.

// Clippy takes helpers outside #[test] functions for production code.
#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

fn in_tree(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

#[test]
fn a_command_whose_reader_has_gone_ends_quietly() {
    let file = |path: &str| in_tree(path).display().to_string();
    let counts = file("docs/guides/data/counts.csv");
    let calls = file("docs/guides/data/calls.csv");
    let northwind = file("examples/northwind");
    let arrivals = file("docs/guides/data/arrivals.csv");
    let spoilt = file("cli/tests/documents/spoilt.yaml");
    let commands: &[&[&str]] = &[
        &["forecast", &counts],
        &["forecast", &counts, "-o", "json"],
        &["fit", &calls],
        &["fit", &calls, "-o", "json"],
        &["compile", &northwind],
        &["validate", &spoilt],
        &["validate", &spoilt, "-o", "json"],
        &["validate", &spoilt, "-o", "junit"],
        &[
            "erlang", "b", "--calls", "100", "--aht", "180", "--agents", "9",
        ],
        &[
            "hire",
            "--required",
            "100",
            "--tenured",
            "104",
            "--attrition",
            "0.03",
        ],
        &[
            "hire",
            "--required",
            "9",
            "--tenured",
            "10",
            "--attrition",
            "0.03",
            "-o",
            "json",
        ],
        &[
            "simulate",
            &northwind,
            "--arrivals",
            &arrivals,
            "--handle",
            "180",
        ],
        &[
            "simulate",
            &northwind,
            "--arrivals",
            &arrivals,
            "--handle",
            "180",
            "-o",
            "json",
        ],
    ];
    for words in commands {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let ended = Command::new(env!("CARGO_BIN_EXE_trunkline"))
            .args(*words)
            .stdout(writer)
            .stderr(Stdio::piped())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&ended.stderr);
        assert_eq!(ended.status.code(), Some(0), "{words:?}: {said}");
        assert!(
            !said.contains("panicked") && !said.contains("ipe"),
            "{words:?}: {said}"
        );
    }
}

#[test]
fn nobody_on_stderr_stops_nothing() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let ended = Command::new(env!("CARGO_BIN_EXE_trunkline"))
        .arg("validate")
        .arg(in_tree("cli/tests/documents/spoilt.yaml"))
        .stderr(writer)
        .output()
        .unwrap();
    assert_eq!(ended.status.code(), Some(1));
    assert!(!ended.stdout.is_empty());
}
