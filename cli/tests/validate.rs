//! `trunkline validate` and `trunkline compile`, as scripts see them.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

use std::io::Write as _;
use std::process::{Command, Stdio};

use serde_json::Value;

struct Ended {
    code: i32,
    stdout: String,
    stderr: String,
}

fn trunkline(args: &[&str], stdin: &str) -> Ended {
    let mut child = Command::new(env!("CARGO_BIN_EXE_trunkline"))
        .args(args)
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/documents"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(stdin.as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    Ended {
        code: output.status.code().unwrap(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

fn findings(args: &[&str], stdin: &str) -> (i32, Vec<Value>) {
    let ended = trunkline(args, stdin);
    (
        ended.code,
        serde_json::from_str(&ended.stdout).expect(&ended.stderr),
    )
}

const SOUND: &str = include_str!("documents/sound.yaml");

#[test]
fn a_sound_file_has_no_findings_and_ends_with_0() {
    let ended = trunkline(&["validate", "sound.yaml"], "");
    assert_eq!((ended.code, ended.stdout.as_str()), (0, ""));
    assert_eq!(
        ended.stderr,
        "2 documents of trunkline.dev, 0 errors, 0 warnings\n"
    );
}

#[test]
fn every_fault_of_every_document_is_found_in_one_run_with_its_line() {
    let ended = trunkline(&["validate", "spoilt.yaml"], "");
    assert_eq!(ended.code, 1);
    insta::assert_snapshot!("text", ended.stdout);
}

#[test]
fn the_same_as_json_has_the_fixed_names() {
    let ended = trunkline(&["validate", "spoilt.yaml", "-o", "json"], "");
    assert_eq!(ended.code, 1);
    insta::assert_snapshot!("json", ended.stdout);
    let rows: Vec<serde_json::Map<String, Value>> = serde_json::from_str(&ended.stdout).unwrap();
    let mut wanted = [
        "code", "severity", "file", "line", "kind", "name", "field", "message", "hint",
    ];
    wanted.sort_unstable();
    for row in rows {
        let mut names: Vec<_> = row.keys().map(String::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, wanted);
    }
}

#[test]
fn a_field_starts_at_spec_or_metadata_also_where_the_fault_stands_beside_them() {
    let kind = SOUND.replacen("kind: CallCenter", "kind: Queue", 1);
    let version = SOUND.replacen("trunkline.dev/v1alpha1", "trunkline.dev/v7", 1);
    let stray = SOUND.replacen("kind: CallCenter", "kind: CallCenter\nspce: {}", 1);
    for (spoilt, line, says) in [
        (kind, 7, "no kind `Queue`"),
        (version, 7, "trunkline.dev/v7"),
        (stray, 8, "`spce` is no field"),
    ] {
        let (code, rows) = findings(&["validate", "-", "-o", "json"], &spoilt);
        assert_eq!(code, 1);
        for row in &rows {
            let field = row["field"].as_str().unwrap();
            let starts = field.split(['.', '[']).next().unwrap();
            assert!(["spec", "metadata"].contains(&starts), "{row:#?}");
        }
        let told = rows
            .iter()
            .find(|row| row["message"].as_str().unwrap().contains(says));
        let told = told.unwrap_or_else(|| panic!("{says}: {rows:#?}"));
        assert_eq!(
            (&told["field"], &told["line"]),
            (&"metadata".into(), &line.into())
        );
    }
}

#[test]
fn the_same_as_junit_fails_a_case_for_each_broken_document() {
    let ended = trunkline(
        &["validate", "spoilt.yaml", "sound.yaml", "-o", "junit"],
        "",
    );
    assert_eq!(ended.code, 1);
    insta::assert_snapshot!("junit", ended.stdout);
}

#[test]
fn the_same_as_sarif_names_rules_and_lines() {
    let ended = trunkline(&["validate", "spoilt.yaml", "-o", "sarif"], "");
    let log: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(log["version"], "2.1.0");
    let run = &log["runs"][0];
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    let results = run["results"].as_array().unwrap();
    assert!(results.len() > 8);
    for result in results {
        assert!(
            rules.iter().any(|r| r["id"] == result["ruleId"]),
            "{result}"
        );
        let place = &result["locations"][0]["physicalLocation"];
        assert_eq!(place["artifactLocation"]["uri"], "spoilt.yaml");
        assert!(place["region"]["startLine"].as_u64().unwrap() > 1);
    }
}

#[test]
fn a_warning_fails_only_with_strict() {
    let waits = SOUND.replace("skills: {english: 5}", "skills: {}").replace(
        "onExhausted: {action: Hold}",
        "onExhausted: {action: Hold}\n      route: [{require: {english: 2}}]",
    );
    let (code, rows) = findings(&["validate", "-", "-o", "json"], &waits);
    assert_eq!(code, 0);
    assert_eq!(rows.len(), 1, "{rows:#?}");
    assert_eq!(rows[0]["severity"], "warning");
    assert_eq!(rows[0]["file"], "-");
    assert_eq!(rows[0]["field"], "spec.queues[0].route[0].require");
    assert_eq!(trunkline(&["validate", "-", "--strict"], &waits).code, 1);
}

#[test]
fn a_folder_is_searched_and_what_is_found_twice_is_read_once() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("inner")).unwrap();
    let file = folder.path().join("inner/sound.yml");
    std::fs::write(&file, SOUND).unwrap();
    std::fs::write(folder.path().join("notes.txt"), "a: b: c").unwrap();
    let ended = trunkline(
        &[
            "validate",
            folder.path().to_str().unwrap(),
            file.to_str().unwrap(),
        ],
        "",
    );
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(ended.stderr.starts_with("2 documents"), "{}", ended.stderr);
}

#[test]
fn what_is_no_yaml_what_is_missing_and_wrong_usage_end_with_2() {
    let cases: [(&[&str], &str, &str); 6] = [
        (&["validate", "-"], "a: [b", "not YAML"),
        (
            &["validate", "-"],
            "a: 1\na: 2\n",
            "duplicate entry with key \"a\"",
        ),
        (
            &["validate", "nowhere.yaml"],
            "",
            "nowhere.yaml: no such file",
        ),
        (&["validate"], "", "FILES"),
        (&["validate", "sound.yaml", "-o", "xml"], "", "xml"),
        (&["compile", "-"], "kind: Pod\n", "no CallCenter"),
    ];
    for (args, stdin, says) in cases {
        let ended = trunkline(args, stdin);
        assert_eq!(ended.code, 2, "{args:?} {stdin:?}: {}", ended.stderr);
        assert_eq!(ended.stdout, "", "{args:?}");
        assert!(ended.stderr.contains(says), "{args:?}: {}", ended.stderr);
    }
}

#[test]
fn compile_prints_the_tenant_and_nothing_where_there_is_an_error() {
    let ended = trunkline(&["compile", "sound.yaml"], "");
    assert_eq!(ended.code, 0);
    insta::assert_snapshot!("compiled", ended.stdout);
    let spoilt = trunkline(&["compile", "spoilt.yaml"], "");
    assert_eq!((spoilt.code, spoilt.stdout.as_str()), (1, ""));
    assert!(
        spoilt
            .stderr
            .contains("spoilt.yaml:7: error[bad-time-zone]"),
        "{}",
        spoilt.stderr
    );
}
