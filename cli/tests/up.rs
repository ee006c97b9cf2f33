//! `trunkline up`, as a person at a terminal and a script see it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

#[path = "common/running.rs"]
mod running;

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::sleep;
use std::time::Duration;

use running::{Up, eventually, names};

const CENTRE: &str = "
apiVersion: trunkline.dev/v1alpha1
kind: CallCenter
metadata: {name: small, namespace: small}
spec:
  timeZone: Europe/Berlin
  teams: [{name: frontline, kind: Human, media: {voice: 1}, wrapUp: 1s}]
  queues: [{name: desk, medium: Voice, teams: [frontline], onExhausted: {action: Hold}}]
";
const REST: &str = "
apiVersion: trunkline.dev/v1alpha1
kind: Trunk
metadata: {name: carrier, namespace: small}
spec:
  callCenter: small
  carrier: {host: 192.0.2.1}
  auth: {type: Address, match: [192.0.2.1/32]}
  numbers: [\"+4930*\"]
---
apiVersion: trunkline.dev/v1alpha1
kind: Client
metadata: {name: acme, namespace: small}
spec:
  callCenter: small
  displayName: Acme
  numbers: [\"+4930100\"]
  trunks: [carrier]
  queues: [{name: orders, medium: Voice, teams: [{name: frontline}], onExhausted: {action: Hold}}]
---
apiVersion: trunkline.dev/v1alpha1
kind: Agent
metadata: {name: maria, namespace: small}
spec: {callCenter: small, displayName: Maria, team: frontline}
---
apiVersion: trunkline.dev/v1alpha1
kind: Agent
metadata: {name: jonas, namespace: small}
spec: {callCenter: small, displayName: Jonas, team: frontline}
";

/// A folder of documents, and an empty one for what is temporary.
fn folders() -> (tempfile::TempDir, PathBuf, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let (files, temporary) = (dir.path().join("files"), dir.path().join("temporary"));
    std::fs::create_dir(&files).unwrap();
    std::fs::create_dir(&temporary).unwrap();
    std::fs::write(files.join("centre.yaml"), CENTRE).unwrap();
    std::fs::write(files.join("rest.yaml"), REST).unwrap();
    (dir, files, temporary)
}

/// With simulated callers, whatever this machine has installed.
fn simulated(files: &Path, temporary: &Path, more: &[&str]) -> Up {
    Up::start(Up::command(files, temporary).arg("--sim").args(more))
}

const BUSY: [&str; 4] = ["--calls-per-hour", "7200", "--talk", "1s"];

#[test]
fn simulated_callers_are_answered_and_sigterm_ends_it_and_leaves_nothing() {
    let (_dir, files, temporary) = folders();
    let up = simulated(&files, &temporary, &BUSY);
    assert_eq!(names(&temporary).len(), 1);
    assert_eq!(up.get("/api/v1/contacts", "guessed").0, 401);
    eventually("three answered callers", || {
        let ended = up.list("/api/v1/contacts?state=ended");
        ended.iter().filter(|c| c["outcome"] == "answered").count() >= 3
    });
    let agents = up.list("/api/v1/agents");
    let at_work = agents.iter().filter(|agent| agent["state"] != "signedOut");
    assert_eq!(at_work.count(), 2, "{agents:?}");

    let (status, said) = up.signal("TERM");
    assert_eq!(status.code(), Some(0), "{said}");
    assert_eq!(names(&temporary), [""; 0]);
    for word in [
        "callers are SIMULATED",
        "arrives   acme/orders, from +49",
        "offered   to maria",
        "answered  by maria after",
        "ended     answered, after",
        "service level",
    ] {
        assert!(said.contains(word), "no `{word}` in:\n{said}");
    }
}

#[test]
fn who_missed_a_call_comes_back_by_themselves() {
    let (_dir, files, temporary) = folders();
    // A short ring, so that many a call rings out.
    let rest = REST.replace("name: orders,", "name: orders, ring: 2s,");
    std::fs::write(files.join("rest.yaml"), rest).unwrap();
    let up = simulated(&files, &temporary, &BUSY);
    // A third miss by two agents: one of them has been back.
    eventually("a third call that rings out", || {
        up.said().matches("is not ready: rona").count() > 2
    });
}

#[test]
fn a_document_saved_while_it_runs_is_live_and_one_with_an_error_is_shown_and_not_used() {
    let (_dir, files, temporary) = folders();
    let up = simulated(&files, &temporary, &["--calls-per-hour", "0.001"]);
    let queues = || -> Vec<String> {
        let queues = up.list("/api/v1/queues");
        let names = queues.iter().map(|queue| queue["queue"].as_str());
        names
            .map(|name| name.unwrap_or_default().to_owned())
            .collect()
    };
    eventually("the first documents", || queues().len() == 2);
    let centre = files.join("centre.yaml");
    let broken = CENTRE.replace("teams: [frontline]", "teams: [ghosts]");
    std::fs::write(&centre, broken).unwrap();
    sleep(Duration::from_secs(2));
    assert!(queues().contains(&"desk".to_owned()), "{:?}", queues());
    std::fs::write(&centre, CENTRE.replace("name: desk", "name: lobby")).unwrap();
    eventually("the queue's new name", || {
        queues().contains(&"lobby".to_owned())
    });
    let (status, said) = up.signal("TERM");
    assert_eq!(status.code(), Some(0));
    assert!(said.contains("error[unknown-team]"), "{said}");
    assert!(said.contains("the last good documents run on"), "{said}");
}

#[test]
fn a_state_folder_keeps_the_token_and_the_contacts_and_opens_for_one_process_only() {
    let (dir, files, temporary) = folders();
    let state = dir.path().join("kept");
    let kept = ["--state", state.to_str().unwrap()];
    let first = simulated(&files, &temporary, &[&kept[..], &BUSY].concat());
    let token = first.token.clone();
    eventually("a caller who has been answered", || {
        let ended = first.list("/api/v1/contacts?state=ended");
        ended.iter().any(|contact| contact["outcome"] == "answered")
    });
    let second = Command::new(env!("CARGO_BIN_EXE_trunkline"))
        .arg("up")
        .arg(&files)
        .args(["--sim", "--port", "0", "--for", "5s", "--state"])
        .arg(&state)
        .output()
        .unwrap();
    assert_eq!(second.status.code(), Some(2), "{second:?}");
    let why = String::from_utf8(second.stderr).unwrap();
    assert!(why.contains("journal"), "{why}");
    assert_eq!(first.signal("TERM").0.code(), Some(0));

    let quiet = ["--calls-per-hour", "0.001", "--for", "3s"];
    let mut again = simulated(&files, &temporary, &[&kept[..], &quiet].concat());
    assert_eq!(again.token, token);
    let ended = again.list("/api/v1/contacts?state=ended");
    assert!(ended.iter().any(|contact| contact["outcome"] == "answered"));
    let (status, _) = again.ended();
    assert_eq!(status.code(), Some(0), "--for ends it");
    assert_eq!(names(&temporary), [""; 0]);
}

#[test]
fn documents_with_an_error_and_a_taken_port_end_it_at_once() {
    let (_dir, files, _) = folders();
    let run = |files: &Path, port: &str| {
        let ended = Command::new(env!("CARGO_BIN_EXE_trunkline"))
            .arg("up")
            .arg(files)
            .args(["--sim", "--for", "5s", "--port", port])
            .output()
            .unwrap();
        let said = String::from_utf8(ended.stderr).unwrap();
        (ended.status.code(), ended.stdout, said)
    };
    let spoilt = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/documents/spoilt.yaml");
    let (code, stdout, said) = run(Path::new(spoilt), "0");
    assert_eq!((code, stdout), (Some(1), Vec::new()));
    assert!(said.contains("error[unknown-team]"), "{said}");

    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let (code, _, said) = run(&files, &port);
    assert_eq!(code, Some(2));
    assert!(said.contains("--port"), "{said}");
}

/// A folder with a program `asterisk` that says this version, and ends at once with anything else.
fn asterisk_that_says(dir: &Path, version: &str) -> PathBuf {
    let folder = dir.join("bin");
    std::fs::create_dir(&folder).unwrap();
    let program = folder.join("asterisk");
    let text = format!(
        "#!/bin/sh\n[ \"$1\" = -V ] && echo 'Asterisk {version}' && exit\necho \"fake: $*\"; exit 9\n"
    );
    std::fs::write(&program, text).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    folder
}

/// What it says that ends by itself; its exit code, stdout and stderr.
fn said(command: &mut Command) -> (Option<i32>, String, String) {
    let ended = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (ended.status.code(), text(ended.stdout), text(ended.stderr))
}

#[test]
fn the_example_runs_as_it_is_and_says_that_there_is_no_asterisk_or_one_that_is_too_old() {
    let (dir, _, temporary) = folders();
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/northwind");
    let run = |path: &Path| {
        let mut command = Up::command(&example, &temporary);
        said(command.args(["--for", "5s"]).env("PATH", path))
    };
    let (code, stdout, told) = run(&temporary);
    assert_eq!(code, Some(0), "{told}");
    assert!(
        stdout.contains("TRUNKLINE_API=http://127.0.0.1:"),
        "{stdout}"
    );
    for word in [
        "northwind: 3 queues, 2 agents, 1 number",
        "callers are SIMULATED",
        "there is no `asterisk` in PATH",
        "arrives   acme/orders",
    ] {
        assert!(told.contains(word), "no `{word}` in:\n{told}");
    }
    let (code, _, told) = run(&asterisk_that_says(dir.path(), "18.10.0~dfsg"));
    assert_eq!(code, Some(0), "{told}");
    let lines: Vec<&str> = told
        .lines()
        .filter(|line| line.contains("SIMULATED"))
        .collect();
    let [line] = lines[..] else { panic!("{told}") };
    assert!(
        line.contains("`Asterisk 18.10.0~dfsg`, and 22 or newer is wanted"),
        "{line}"
    );
    assert_eq!(names(&temporary), [""; 0]);
}

#[test]
fn a_sip_port_that_is_taken_and_an_asterisk_that_will_not_run_end_it_with_the_reason() {
    let (dir, files, temporary) = folders();
    let bin = asterisk_that_says(dir.path(), "22.10.1");
    let run = |sip: &str, more: &[&str]| {
        let mut command = Up::command(&files, &temporary);
        // The fake is a shell's script.
        let path = format!("{}:/usr/bin:/bin", bin.display());
        command.args(["--sip", sip]).args(more).env("PATH", path);
        said(&mut command)
    };
    let taken = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    let (code, stdout, told) = run(&taken, &[]);
    assert_eq!((code, stdout.as_str()), (Some(2), ""), "{told}");
    assert!(
        told.contains(&format!("SIP can't listen at {taken} over UDP: --sip")),
        "{told}"
    );

    let (code, _, told) = run(&taken, &["--sim", "--for", "1s"]);
    assert_eq!(code, Some(0), "{told}");
    assert!(
        told.contains("SIMULATED") && told.contains("--sim says so"),
        "{told}"
    );

    let (code, stdout, told) = run("127.0.0.1:0", &[]);
    assert_eq!((code, stdout.as_str()), (Some(2), ""), "{told}");
    assert!(
        told.contains("Asterisk has ended 3 times soon after its start"),
        "{told}"
    );
    assert!(told.contains("fake: -f -C "), "the end of its log: {told}");
    assert_eq!(names(&temporary), [""; 0]);
}
