//! A `trunkline up` that a test runs.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::{JoinHandle, sleep};
use std::time::{Duration, Instant};

use serde_json::Value;

/// A running `trunkline up`, ended however the test ends.
pub struct Up {
    pub child: Child,
    api: String,
    pub token: String,
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
    /// Of these documents, with its temporary files in that folder, and on any free port.
    pub fn command(files: &Path, temporary: &Path) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_trunkline"));
        command
            .arg("up")
            .arg(files)
            .args(["--port", "0"])
            .env("TMPDIR", temporary);
        command
    }

    pub fn start(command: &mut Command) -> Self {
        let mut child = command
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
    pub fn get(&self, path: &str, token: &str) -> (u16, Value) {
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

    pub fn list(&self, path: &str) -> Vec<Value> {
        let (status, body) = self.get(path, &self.token);
        assert_eq!(status, 200, "{path}: {body}");
        body.as_array().unwrap().clone()
    }

    pub fn said(&self) -> String {
        self.said.lock().unwrap().clone()
    }

    /// A signal, as TERM, INT or KILL; how it ended, and all that it said.
    pub fn signal(mut self, signal: &str) -> (ExitStatus, String) {
        let kill = format!("kill -{signal} {}", self.child.id());
        let sent = Command::new("sh").args(["-c", &kill]).status();
        assert!(sent.unwrap().success());
        self.ended()
    }

    pub fn ended(&mut self) -> (ExitStatus, String) {
        let status = self.child.wait().unwrap();
        self.listens.take().unwrap().join().unwrap();
        (status, self.said())
    }
}

pub fn eventually(what: &str, done: impl Fn() -> bool) {
    let begun = Instant::now();
    while !done() {
        let patient = begun.elapsed() < Duration::from_secs(30);
        assert!(patient, "waited in vain for {what}");
        sleep(Duration::from_millis(200));
    }
}

pub fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}
