//! `trunkline up`, as a person at a terminal and a script see it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::{JoinHandle, sleep};
use std::time::{Duration, Instant};

use serde_json::Value;

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

/// A running `trunkline up`, ended however the test ends.
struct Up {
    child: Child,
    api: String,
    token: String,
    said: Arc<Mutex<String>>,
    listens: Option<JoinHandle<()>>,
}

impl Drop for Up {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Up {
    fn start(files: &Path, temporary: &Path, more: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_trunkline"))
            .arg("up")
            .arg(files)
            .args(["--port", "0"])
            .args(more)
            .env("TMPDIR", temporary)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stderr: ChildStderr = child.stderr.take().unwrap();
        let said = Arc::new(Mutex::new(String::new()));
        let heard = Arc::clone(&said);
        let listens = std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines() {
                let mut said = heard.lock().unwrap();
                said.push_str(&line.unwrap());
                said.push('\n');
            }
        });
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let told: BTreeMap<String, String> = stdout
            .lines()
            .take(2)
            .filter_map(|line| {
                let line = line.unwrap();
                let (name, value) = line.split_once('=')?;
                Some((name.to_owned(), value.to_owned()))
            })
            .collect();
        let Some(api) = told.get("TRUNKLINE_API") else {
            let _ = child.wait();
            listens.join().unwrap();
            panic!("it never ran: {}", said.lock().unwrap());
        };
        Self {
            child,
            api: api.strip_prefix("http://").unwrap().to_owned(),
            token: told["TRUNKLINE_TOKEN"].clone(),
            said,
            listens: Some(listens),
        }
    }

    /// What the API answers to this token: its status, and its JSON.
    fn get(&self, path: &str, token: &str) -> (u16, Value) {
        let mut stream = TcpStream::connect(&self.api).unwrap();
        write!(
            stream,
            "GET {path} HTTP/1.1\r\nHost: trunkline\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\r\n"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, serde_json::from_str(body).unwrap_or(Value::Null))
    }

    fn list(&self, path: &str) -> Vec<Value> {
        let (status, body) = self.get(path, &self.token);
        assert_eq!(status, 200, "{path}: {body}");
        body.as_array().unwrap().clone()
    }

    fn said(&self) -> String {
        self.said.lock().unwrap().clone()
    }

    /// SIGTERM, as a supervisor sends it; how it ended, and all that it said.
    fn terminate(mut self) -> (ExitStatus, String) {
        let kill = format!("kill -TERM {}", self.child.id());
        let sent = Command::new("sh").args(["-c", &kill]).status();
        assert!(sent.unwrap().success());
        self.ended()
    }

    fn ended(&mut self) -> (ExitStatus, String) {
        let status = self.child.wait().unwrap();
        self.listens.take().unwrap().join().unwrap();
        (status, self.said())
    }
}

fn eventually(what: &str, done: impl Fn() -> bool) {
    let begun = Instant::now();
    while !done() {
        let patient = begun.elapsed() < Duration::from_secs(30);
        assert!(patient, "waited in vain for {what}");
        sleep(Duration::from_millis(200));
    }
}

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

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

const BUSY: [&str; 4] = ["--calls-per-hour", "7200", "--talk", "1s"];

#[test]
fn simulated_callers_are_answered_and_sigterm_ends_it_and_leaves_nothing() {
    let (_dir, files, temporary) = folders();
    let up = Up::start(&files, &temporary, &BUSY);
    assert_eq!(names(&temporary).len(), 1);
    assert_eq!(up.get("/api/v1/contacts", "guessed").0, 401);
    eventually("three answered callers", || {
        let ended = up.list("/api/v1/contacts?state=ended");
        ended.iter().filter(|c| c["outcome"] == "answered").count() >= 3
    });
    let agents = up.list("/api/v1/agents");
    let at_work = agents.iter().filter(|agent| agent["state"] != "signedOut");
    assert_eq!(at_work.count(), 2, "{agents:?}");

    let (status, said) = up.terminate();
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
    let up = Up::start(&files, &temporary, &BUSY);
    // A third miss by two agents: one of them has been back.
    eventually("a third call that rings out", || {
        up.said().matches("is not ready: rona").count() > 2
    });
}

#[test]
fn a_document_saved_while_it_runs_is_live_and_one_with_an_error_is_shown_and_not_used() {
    let (_dir, files, temporary) = folders();
    let up = Up::start(&files, &temporary, &["--calls-per-hour", "0.001"]);
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
    let (status, said) = up.terminate();
    assert_eq!(status.code(), Some(0));
    assert!(said.contains("error[unknown-team]"), "{said}");
    assert!(said.contains("the last good documents run on"), "{said}");
}

#[test]
fn a_state_folder_keeps_the_token_and_the_contacts_and_opens_for_one_process_only() {
    let (dir, files, temporary) = folders();
    let state = dir.path().join("kept");
    let kept = ["--state", state.to_str().unwrap()];
    let first = Up::start(&files, &temporary, &[&kept[..], &BUSY].concat());
    let token = first.token.clone();
    eventually("a caller who has been answered", || {
        let ended = first.list("/api/v1/contacts?state=ended");
        ended.iter().any(|contact| contact["outcome"] == "answered")
    });
    let second = Command::new(env!("CARGO_BIN_EXE_trunkline"))
        .arg("up")
        .arg(&files)
        .args(["--port", "0", "--for", "5s", "--state"])
        .arg(&state)
        .output()
        .unwrap();
    assert_eq!(second.status.code(), Some(2), "{second:?}");
    let why = String::from_utf8(second.stderr).unwrap();
    assert!(why.contains("journal"), "{why}");
    assert_eq!(first.terminate().0.code(), Some(0));

    let quiet = ["--calls-per-hour", "0.001", "--for", "3s"];
    let mut again = Up::start(&files, &temporary, &[&kept[..], &quiet].concat());
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
            .args(["--for", "5s", "--port", port])
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
