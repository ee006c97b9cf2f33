//! The real binary, killed with no warning.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Client, fixture};

struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

async fn start(dir: &Path) -> (Process, Client) {
    let port = free_port();
    let child = Command::new(env!("CARGO_BIN_EXE_trunkline-engine"))
        .args([
            "run",
            "--telephony",
            "none",
            "--metrics-listen",
            "127.0.0.1:0",
        ])
        .args(["--listen", &format!("127.0.0.1:{port}")])
        .arg("--config")
        .arg(fixture())
        .arg("--journal")
        .arg(dir.join("journal"))
        .arg("--tenant-key-file")
        .arg(dir.join("key"))
        .arg("--admin-token-file")
        .arg(dir.join("admin"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let process = Process(child);
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    for _ in 0..500 {
        let ready = http
            .get(format!("http://127.0.0.1:{port}/readyz"))
            .send()
            .await;
        if ready.is_ok_and(|answer| answer.status().is_success()) {
            let token = std::fs::read_to_string(dir.join("admin")).unwrap();
            return (process, Client::new(format!("127.0.0.1:{port}"), token));
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the engine is not ready in 10 s");
}

fn by_id(contacts: &Value) -> Vec<(u64, String)> {
    let contacts = contacts.as_array().unwrap().iter();
    contacts
        .map(|c| {
            (
                c["id"].as_u64().unwrap(),
                c["arrived"].as_str().unwrap().to_owned(),
            )
        })
        .collect()
}

#[tokio::test]
async fn ten_engines_killed_in_a_row_lose_no_contact_that_was_acknowledged() {
    let dir = tempfile::tempdir().unwrap();
    let mut acknowledged = 0;
    let mut seen: Vec<(u64, String)> = Vec::new();
    for life in 1..=10_u64 {
        let (mut process, client) = start(dir.path()).await;
        assert_eq!(
            client.get("/api/v1/config").await.1["epoch"],
            life,
            "the epoch rises"
        );
        let (_, found) = client.get("/api/v1/contacts?limit=1000").await;
        let found = by_id(&found);
        assert!(found.len() >= acknowledged, "life {life}");
        assert_eq!(
            found[..seen.len()],
            seen[..],
            "the same contacts with the same age"
        );
        // One after another; the last request is under way when the process dies.
        for number in 0..7 {
            let chat = json!({"queue": "chats", "reference": format!("{life}-{number}")});
            let (_, made) = client.post("/api/v1/contacts", chat).await;
            let id = made["id"].as_u64().unwrap();
            assert!(seen.iter().all(|(old, _)| *old < id), "numbers only rise");
        }
        let (_, now) = client.get("/api/v1/contacts?limit=1000").await;
        seen = by_id(&now);
        acknowledged = seen.len();
        // The last request is under way when the process dies: whether it was made durable, nobody
        // knows.
        let body = json!({"queue": "chats", "reference": format!("{life}-last")});
        let dying = client.try_post("/api/v1/contacts", body);
        let kill = async {
            tokio::time::sleep(Duration::from_micros(300 * life)).await;
            process.0.kill().unwrap();
        };
        let _ = tokio::join!(dying, kill);
    }
}
