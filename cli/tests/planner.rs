//! Every figure that the planner's guide shows is what the commands in it print.
//!
//! In the guide a command is an indented block that begins with `trunkline`; the indented block
//! after it, if the next paragraph is one, is what it prints, `…` standing for lines left out.
//! In a table after a command that prints an object, a row begins with a field and its value.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn guide() -> String {
    std::fs::read_to_string(root().join("docs/guides/planner.md")).unwrap()
}

/// Stdout of a line for the shell, from a folder that holds what the repository's root does, so
/// that what is written is not written there. Exit 1 is an answer, too.
fn printed(line: &str) -> String {
    let here = tempfile::tempdir().unwrap();
    for folder in ["docs", "examples"] {
        std::os::unix::fs::symlink(
            root().canonicalize().unwrap().join(folder),
            here.path().join(folder),
        )
        .unwrap();
    }
    let program = Path::new(env!("CARGO_BIN_EXE_trunkline"));
    let folder = program.parent().unwrap();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = format!("{}:{}", folder.display(), path.to_string_lossy());
    let ended = Command::new("sh")
        .args(["-c", line])
        .current_dir(here.path())
        .env("PATH", path)
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert!(
        matches!(ended.status.code(), Some(0 | 1)),
        "{line}: {stderr}"
    );
    String::from_utf8(ended.stdout).unwrap()
}

/// Indented blocks and tables, in order, with anything else as an empty end between them.
enum Part {
    Block(Vec<String>),
    Table(Vec<Vec<String>>),
    Text,
}

fn parts(guide: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    for paragraph in guide.split("\n\n") {
        let lines: Vec<&str> = paragraph.lines().collect();
        if !lines.is_empty() && lines.iter().all(|line| line.starts_with("    ")) {
            parts.push(Part::Block(
                lines.iter().map(|line| line[4..].to_owned()).collect(),
            ));
        } else if lines.iter().any(|line| line.starts_with("| ")) {
            let rows = lines.iter().filter(|line| line.starts_with("| "));
            let cells = |line: &&str| {
                let cells = line.trim_matches('|').split('|');
                cells.map(|cell| cell.trim().to_owned()).collect()
            };
            parts.push(Part::Table(rows.map(cells).collect()));
        } else {
            parts.push(Part::Text);
        }
    }
    parts
}

fn is_command(block: &[String]) -> bool {
    block
        .first()
        .is_some_and(|line| line.starts_with("trunkline "))
}

/// Each expected line comes in the output, in this order, with nothing between but where `…` is.
fn follows(command: &str, expected: &[String], output: &str) {
    let mut lines = output
        .lines()
        .map(str::trim_end)
        .filter(|line| !line.is_empty());
    let mut gap = true;
    for wanted in expected.iter().map(|line| line.trim_end()) {
        if wanted.trim() == "…" {
            gap = true;
            continue;
        }
        let found = if gap {
            lines.find(|line| *line == wanted)
        } else {
            lines.next()
        };
        assert_eq!(found, Some(wanted), "{command}\nprints\n{output}");
        gap = false;
    }
}

/// Whether the shown number is the value, rounded to as many digits as are shown.
fn shows(shown: &str, value: &Value) -> bool {
    match value {
        Value::Bool(value) => shown == value.to_string(),
        _ => {
            let digits = shown.split_once('.').map_or(0, |(_, part)| part.len());
            value
                .as_f64()
                .is_some_and(|value| format!("{value:.digits$}") == shown)
        }
    }
}

#[test]
fn every_command_prints_what_the_guide_shows() {
    let (mut blocks, mut fields) = (0, 0);
    // The last command, its output once that was wanted, and whether blocks still show it.
    let mut last: Option<(String, Option<String>)> = None;
    let mut shown = false;
    for part in parts(&guide()) {
        match part {
            Part::Block(block) if is_command(&block) => {
                last = Some((block.join("\n"), None));
                shown = true;
            }
            Part::Block(block) => {
                if let Some((line, output)) = last.as_mut().filter(|_| shown) {
                    follows(line, &block, output.get_or_insert_with(|| printed(line)));
                    blocks += 1;
                }
            }
            Part::Table(rows) => {
                shown = false;
                let Some((line, output)) = &mut last else {
                    continue;
                };
                let output = output.get_or_insert_with(|| printed(line));
                let Ok(object) = serde_json::from_str::<Value>(output) else {
                    continue;
                };
                for row in rows {
                    let Some(field) = row[0]
                        .strip_prefix('`')
                        .and_then(|name| name.strip_suffix('`'))
                    else {
                        continue;
                    };
                    let value = object.get(field).unwrap_or(&object["service_level"][field]);
                    if value.is_null() {
                        continue;
                    }
                    assert!(
                        shows(&row[1], value),
                        "{line}: {field} is {value}, not {}",
                        row[1]
                    );
                    fields += 1;
                }
            }
            Part::Text => shown = false,
        }
    }
    assert!(blocks >= 6, "{blocks} outputs were compared");
    assert!(fields >= 13, "{fields} fields were compared");
}
