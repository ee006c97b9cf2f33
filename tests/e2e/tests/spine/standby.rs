//! A centre whose journal is a database: two engines, one of which leads. The database is known by
//! its name and by a certificate, as it is in a real cluster.

use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use trunkline_e2e::centre::repository;
use trunkline_e2e::cluster::Cluster;
use trunkline_e2e::engine::Engine;
use trunkline_e2e::progress::Progress;

use super::fixture::{Held, SOON, centre};
use super::takeover::kill_process;

const LEDGER: &str = "ledger";
const NAME: &str = "journal-db.ledger.svc";
const KILLS: usize = 5;

/// A Postgres server outside the cluster.
struct Database {
    dir: PathBuf,
}

impl Database {
    fn start(address: &str) -> Self {
        let dir = std::env::temp_dir().join(format!("trunkline-db-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&dir);
        std::fs::create_dir_all(&dir).unwrap();
        let database = Self {
            dir: dir.join("postgres"),
        };
        database.script("start", &["--listen", address, NAME]);
        database
    }

    /// In the world's network, and ended with it at the latest.
    fn script(&self, command: &str, more: &[&str]) -> String {
        let tests = repository().join("tests");
        let done = Command::new(tests.join("voip/world.sh"))
            .arg("exec")
            .arg(tests.join("postgres.sh"))
            .arg(command)
            .arg(&self.dir)
            .args(more)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success(), "postgres.sh {command}: {said}");
        String::from_utf8(done.stdout).unwrap()
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        self.script("stop", &["immediate"]);
        let _ = std::fs::remove_dir_all(self.dir.parent().unwrap());
    }
}

/// Everything of the tenant's in one YAML stream of JSON documents.
fn documents(address: &str, url: &str, authority: &str) -> String {
    let meta = |name: &str| json!({"name": name, "namespace": LEDGER});
    let calls = "trunkline.dev/v1alpha1";
    [
        json!({"apiVersion": "v1", "kind": "Service", "metadata": meta("journal-db"),
            "spec": {"clusterIP": "None", "ports": [{"port": 5432}]}}),
        json!({"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
            "metadata": {"name": "journal-db", "namespace": LEDGER,
                "labels": {"kubernetes.io/service-name": "journal-db"}},
            "addressType": "IPv4", "ports": [{"port": 5432}], "endpoints": [{"addresses": [address]}]}),
        json!({"apiVersion": "v1", "kind": "Secret", "metadata": meta("journal-db"),
            "stringData": {"uri": url.trim(), "ca.crt": authority}}),
        json!({"apiVersion": calls, "kind": "CallCenter", "metadata": meta(LEDGER), "spec": {
            "timeZone": "Europe/Berlin",
            "calendars": [{"name": "always", "open": [{"from": "00:00", "to": "24:00"}]}],
            "teams": [{"name": "desk", "kind": "Human", "media": {"chat": 1}, "wrapUp": "1s"}],
            "queues": [{"name": "chats", "medium": "Chat", "teams": ["desk"], "calendar": "always",
                "onExhausted": {"action": "Hold"}}],
            "telephony": {"media": {"minPods": 1, "maxPods": 1, "callsPerPod": 10},
                "exposure": {"type": "PodIP"}},
            "storage": {"journal": {"postgres": {"secretRef": {"name": "journal-db"}}}},
        }}),
        json!({"apiVersion": calls, "kind": "Agent", "metadata": meta("lena"), "spec": {
            "callCenter": LEDGER, "displayName": "Lena Roth", "team": "desk", "roles": ["agent"],
            "employment": {"from": "2024-03-01", "hoursPerWeek": 40}, "endpoint": {"type": "Phone", "number": "+493023125009"}}}),
    ]
    .map(|document| document.to_string())
    .join("\n---\n")
}

/// Which of the pods leads, by the Lease.
fn leader(cluster: &Cluster) -> String {
    let lease = cluster.get(LEDGER, "lease", "ledger-engine").unwrap();
    let holder = lease.expect("the Lease")["spec"]["holderIdentity"].clone();
    let holder = holder.as_str().expect("a holder").to_owned();
    holder.split('/').next().unwrap_or_default().to_owned()
}

fn epoch_of(engine: &mut Engine) -> u64 {
    engine.get("/api/v1/config").unwrap()["epoch"]
        .as_u64()
        .unwrap()
}

fn chat(engine: &mut Engine, number: usize) -> Result<u64, String> {
    let body = json!({"queue": "chats", "reference": format!("chat-{number}")});
    let made = engine.post("/api/v1/contacts", &body);
    let made = made.map_err(|error| error.to_string())?;
    made["id"].as_u64().ok_or_else(|| made.to_string())
}

/// Waits until a contact is in a state; the engine may be on its way from one to the other. Lena is
/// there meanwhile.
fn becomes(progress: &Progress, engine: &mut Engine, contact: u64, state: &str) -> Value {
    let what = format!("chat {contact} to be {state}");
    let look = Duration::from_millis(50);
    progress
        .wait(&what, SOON, look, || {
            // Whoever leads next hears the next one.
            let _ = engine.agent("lena", &json!({"do": "heartbeat"}));
            let now = engine.contact(contact).map_err(|e| e.to_string())?;
            if now["state"] == state {
                Ok(now)
            } else {
                Err(format!("it is {}", now["state"]))
            }
        })
        .unwrap()
}

/// The pods that run an engine of the tenant's and are ready.
fn serving(cluster: &Cluster) -> Vec<String> {
    let pods = cluster.list(LEDGER, "pods").unwrap();
    let ready = |pod: &&Value| {
        let name = pod["metadata"]["name"].as_str().unwrap_or_default();
        let gone = !pod["metadata"]["deletionTimestamp"].is_null();
        let status = &pod["status"]["containerStatuses"][0];
        name.starts_with("ledger-engine") && !gone && status["ready"] == true
    };
    let name = |pod: &Value| pod["metadata"]["name"].as_str().unwrap().to_owned();
    pods.iter().filter(ready).map(name).collect()
}

#[test]
fn on_postgres_one_engine_stands_by_and_succeeds_the_other_without_losing_a_chat() {
    let fixture: Held = centre();
    let (cluster, progress) = (&fixture.centre.cluster, &fixture.centre.progress);
    let address = fixture.centre.world.address("carrier-b").unwrap();
    let database = Database::start(&address);
    let url = database.script("url", &[]);
    let authority = std::fs::read_to_string(database.dir.join("ca.crt")).unwrap();
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": LEDGER}});
    cluster.apply(&namespace.to_string()).unwrap();
    let tenant = documents(&address, &url, &authority);
    cluster.apply(&tenant).unwrap();
    let minutes = Duration::from_secs(120);
    let ready =
        |condition| cluster.wait_condition(progress, LEDGER, "cc/ledger", condition, minutes);
    ready("Ready").unwrap();
    let both = || {
        let look = Duration::from_millis(200);
        progress
            .wait("both engines", minutes, look, || match serving(cluster) {
                two if two.len() == 2 => Ok(two),
                other => Err(format!("ready are {other:?}")),
            })
            .unwrap()
    };
    both();
    let mut engine = Engine::of(cluster, LEDGER, LEDGER).unwrap();
    // A centre is ready as soon as its engines are; the agent's own document may come to them a moment later.
    let sign_in = json!({"do": "signIn", "ready": true});
    let look = Duration::from_millis(200);
    progress
        .wait("lena to be known", minutes, look, || {
            let signed_in = engine.agent("lena", &sign_in);
            signed_in.map(drop).map_err(|why| why.to_string())
        })
        .unwrap();

    let (mut contacts, mut stood_by) = (Vec::new(), 0);
    for kill in 0..KILLS {
        let talks = chat(&mut engine, 2 * kill).unwrap();
        let offered = becomes(progress, &mut engine, talks, "offered");
        let accept = json!({"do": "accept", "contact": talks, "generation": offered["generation"]});
        engine.agent("lena", &accept).unwrap();
        let waits = chat(&mut engine, 2 * kill + 1).unwrap();
        let (before, epoch) = (leader(cluster), epoch_of(&mut engine));
        let began = Instant::now();
        kill_process(cluster, LEDGER, &before);
        // Nobody is asked twice and nobody is forgotten: the one talks on, the other is offered next.
        becomes(progress, &mut engine, talks, "talking");
        becomes(progress, &mut engine, waits, "waiting");
        progress.say(format!(
            "kill {kill}: the successor of {before} answered after {:.1} s",
            began.elapsed().as_secs_f64()
        ));
        // One that Kubernetes started a moment ago may not stand by yet: then the dead one's own
        // successor is as quick.
        stood_by += usize::from(leader(cluster) != before);
        assert!(
            epoch_of(&mut engine) > epoch,
            "a new leader has a new epoch"
        );
        for contact in [talks, waits] {
            if contact == waits {
                let offered = becomes(progress, &mut engine, waits, "offered");
                let accept =
                    json!({"do": "accept", "contact": waits, "generation": offered["generation"]});
                engine.agent("lena", &accept).unwrap();
            }
            let end = json!({"do": "end", "contact": contact});
            engine.agent("lena", &end).unwrap();
            engine.agent("lena", &json!({"do": "wrapUpDone"})).unwrap();
            contacts.push(contact);
        }
        // Kubernetes takes longer each time; after the last kill nobody needs the other one.
        if kill + 1 < KILLS {
            both();
        }
    }
    assert!(stood_by > 0, "nobody who stood by ever led");
    let outcomes = engine.ended().unwrap();
    assert_eq!(outcomes.len(), contacts.len(), "each is one record");
    for record in &outcomes {
        assert_eq!(record["outcome"], "answered", "{record}");
        assert_eq!(record["agent"], "lena", "{record}");
    }

    let delete = ["delete", "namespace", LEDGER, "--timeout=120s"];
    cluster.kubectl(&delete).unwrap();
}
