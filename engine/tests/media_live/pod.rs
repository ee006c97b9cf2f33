//! A media pod without a cluster: a world of its own, the side-car and Asterisk in it.

use std::path::{Path, PathBuf};
use std::process::Command as Blocking;
use std::time::Duration;

use reqwest::StatusCode;
use serde_json::{Value as Json, json};
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep, timeout};
use trunkline_engine::journal::Epoch;
use trunkline_engine::keys::TenantKey;
use trunkline_engine::telephony::ari::{Ari, Channel, EventKind, EventStream, Host, HostName};

/// The environment variable under which a test finds its world, once it is inside.
const WORLD: &str = "TRUNKLINE_TEST_WORLD";
/// So long a machine may take that has much else to do.
const PATIENCE: Duration = Duration::from_secs(60);
const KEY: &[u8] = b"0123456789abcdef0123456789abcdef";
const POD: &str = "northwind-media-0";
pub const SIDECAR: &str = "http://10.88.0.1:8090";

pub fn epoch(number: u64) -> Epoch {
    Epoch(number)
}

fn script(name: &str) -> PathBuf {
    let voip = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/voip");
    voip.canonicalize().unwrap().join(name)
}

/// Takes the world down, however the test ends.
struct World(tempfile::TempDir);

impl Drop for World {
    fn drop(&mut self) {
        // nothing can be done about a world that won't end; its owner's watcher ends it too
        let _ = Blocking::new(script("world.sh"))
            .arg("down")
            .env("WORLD", self.0.path().join("w"))
            .status();
    }
}

/// Runs the test in a network of its own: this process makes it, and runs itself inside.
pub fn in_a_world(name: &str, test: impl AsyncFnOnce()) {
    if std::env::var_os(WORLD).is_some() {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build();
        runtime.unwrap().block_on(test());
        return;
    }
    let world = World(tempfile::tempdir().unwrap());
    let path = world.0.path().join("w");
    let up = Blocking::new(script("world.sh"))
        .args(["up", "--alone", "--owner", &std::process::id().to_string()])
        .env("WORLD", &path)
        .status();
    assert!(
        up.unwrap().success(),
        "no world: is this root, or can it sudo?"
    );
    let first = std::fs::read_to_string(path.join("pid")).unwrap();
    let (program, before): (_, &[&str]) = match Blocking::new("id").arg("-u").output() {
        Ok(id) if id.stdout == b"0\n" => ("nsenter", &[]),
        _ => ("sudo", &["-E", "nsenter"]),
    };
    let inside = Blocking::new(program)
        .args(before)
        .args(["--net", "--target", first.trim()])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", name, "--ignored", "--nocapture"])
        .env("WORLD", &path)
        .env(WORLD, &path)
        .output()
        .unwrap();
    // Moved in, so that nobody who counts what cargo test says counts a test twice.
    for line in [&inside.stdout, &inside.stderr]
        .iter()
        .flat_map(|said| said.split(|byte| *byte == b'\n'))
    {
        println!("  {}", String::from_utf8_lossy(line));
    }
    assert!(
        inside.status.success(),
        "{name} failed in its world; see above"
    );
}

pub struct Pod {
    world: PathBuf,
    side_car: Option<Child>,
}

impl Pod {
    /// The small tenant with two trunks, changed, and everything that it names.
    pub async fn start(change: impl FnOnce(&mut Json)) -> Self {
        let world = PathBuf::from(std::env::var_os(WORLD).unwrap());
        let mut pod = Self {
            world,
            side_car: None,
        };
        let read = |text| serde_json::from_str::<Json>(text).unwrap();
        let mut tenant = read(include_str!("../fixtures/tenant.json"));
        let more = read(include_str!("../fixtures/media.json"));
        for (key, value) in more.as_object().unwrap() {
            tenant[key] = value.clone();
        }
        change(&mut tenant);
        for (path, bytes) in [
            ("tenant.json", tenant.to_string().as_bytes()),
            ("key", KEY),
            ("secrets/carrier-b/username", b"4930555"),
            ("secrets/carrier-b/password", b"carrier-pw"),
            ("secrets/northwind-agents-0/maria", b"pw;maria"),
            ("secrets/northwind-agents-0/noah", b"pw-noah"),
            ("configmaps/northwind-prompts/welcome.wav", &silence()),
        ] {
            let path = pod.dir(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, bytes).unwrap();
        }
        std::fs::create_dir_all(pod.home()).unwrap();
        // the side-car and Asterisk run as the media pod's user
        let owned = Blocking::new("chown")
            .args(["-R", "101:101"])
            .args([pod.dir(""), pod.home()])
            .status();
        assert!(owned.unwrap().success());
        pod.start_sidecar().await;
        pod.start_asterisk();
        pod.eventually("Asterisk answers", async || {
            pod.get("/livez").await.0 == StatusCode::OK
        })
        .await;
        pod.report_where(|r| r["configHash"] != "").await;
        pod
    }

    fn home(&self) -> PathBuf {
        self.world.join("asterisk").join(POD)
    }

    pub fn dir(&self, path: &str) -> PathBuf {
        self.world.join("dir").join(path)
    }

    pub fn world_file(&self, path: &str) -> String {
        std::fs::read_to_string(self.world.join(path)).unwrap()
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(self.home().join("out.log")).unwrap()
    }

    async fn start_sidecar(&mut self) {
        // the temporary folder is one user's alone: the way through it is opened for the pod's
        let folder = self.world.parent().unwrap();
        let opened = Blocking::new("chmod").arg("a+x").arg(folder).status();
        assert!(opened.unwrap().success());
        let binary = self.world.join("trunkline-engine");
        if !binary.exists() {
            std::fs::copy(env!("CARGO_BIN_EXE_trunkline-engine"), &binary).unwrap();
        }
        let child = Command::new("setpriv")
            .args(["--reuid", "101", "--regid", "101", "--clear-groups"])
            .arg(binary)
            .args([
                "media-sidecar",
                "--pod",
                POD,
                "--pod-uid",
                "uid",
                "--pod-ip",
                "10.88.0.1",
            ])
            .arg("--dir")
            .arg(self.dir(""))
            .arg("--key")
            .arg(self.dir("key"))
            .arg("--etc")
            .arg(self.home().join("etc"))
            .arg("--lib")
            .arg(self.home().join("lib"))
            .kill_on_drop(true)
            .spawn();
        self.side_car = Some(child.unwrap());
        self.eventually("files are rendered", async || {
            self.get("/startz").await.0 == StatusCode::OK
        })
        .await;
    }

    /// Ends it the hard way, and starts it again.
    pub async fn restart_sidecar(&mut self) {
        let mut child = self.side_car.take().unwrap();
        child.kill().await.unwrap();
        self.start_sidecar().await;
    }

    fn asterisk(&self, arguments: &[&str]) {
        let done = Blocking::new(script("asterisk.sh"))
            .args(arguments)
            .status();
        assert!(done.unwrap().success(), "asterisk.sh {arguments:?}");
    }

    /// What Asterisk answers to a command at its console.
    pub fn cli(&self, command: &str) -> String {
        let told = Blocking::new(script("asterisk.sh"))
            .args(["cli", POD, command])
            .output()
            .unwrap();
        assert!(told.status.success(), "{command}: {told:?}");
        String::from_utf8(told.stdout).unwrap()
    }

    pub fn start_asterisk(&self) {
        let etc = self.home().join("etc");
        self.asterisk(&["start", POD, etc.to_str().unwrap()]);
    }

    pub fn stop_asterisk(&self) {
        self.asterisk(&["stop", POD]);
    }

    /// One of tests/voip's scripts, ended with its handle.
    pub fn script(&self, name: &str) -> Command {
        let mut command = Command::new(script(name));
        command.kill_on_drop(true);
        command
    }

    /// A caller behind the carrier that is known by its address, unless said otherwise.
    pub fn caller(&self, number: &str, more: &[&str]) -> Command {
        let mut command = self.script("caller.sh");
        command
            .args(["--to", "10.88.0.1:5060", "--number", number])
            .args(more);
        command
    }

    /// Waits for a word in the log of a caller or a phone.
    pub async fn said(&self, name: &str, word: &str) {
        let log = self.world.join(format!("log/{name}/events.log"));
        self.eventually(&format!("{name}: {word}"), async || {
            std::fs::read_to_string(&log).is_ok_and(|said| said.contains(word))
        })
        .await;
    }

    /// Waits until they have a call that was answered, then has them end it.
    pub async fn hangs_up(&self, name: &str) {
        self.said(name, "answered").await;
        let done = self.script("hang-up.sh").arg(name).status().await;
        assert!(done.unwrap().success(), "{name} can't hang up");
    }

    /// What a caller who is refused is told.
    pub async fn refused(&self, number: &str, from: &str) -> String {
        let more = ["--from", from, "--name", "refused", "--talk", "1"];
        let status = self.caller(number, &more).status().await.unwrap();
        assert!(!status.success(), "{number} from {from} was let in");
        self.world_file("log/refused/errors.log")
    }

    pub async fn get(&self, path: &str) -> (StatusCode, String) {
        get(format!("{SIDECAR}{path}")).await
    }

    pub async fn is_ready(&self) -> bool {
        self.get("/readyz").await.0 == StatusCode::OK
    }

    pub async fn ready(&self) {
        self.eventually("ready", async || self.is_ready().await)
            .await;
    }

    pub fn key(&self) -> TenantKey {
        TenantKey::new(KEY).unwrap()
    }

    pub async fn fence(&self, number: u64) -> (StatusCode, Json) {
        let token = self.key().fence_token(epoch(number));
        self.fence_with(number, &token).await
    }

    pub async fn fence_with(&self, number: u64, token: &str) -> (StatusCode, Json) {
        let request = reqwest::Client::new()
            .post(format!("{SIDECAR}/fence"))
            .bearer_auth(token)
            .json(&json!({"epoch": number}));
        let response = request.send().await.unwrap();
        (response.status(), response.json().await.unwrap_or_default())
    }

    pub fn engine_ari(&self, number: u64) -> Ari {
        Ari::new(Host {
            name: HostName::new(POD),
            address: "http://10.88.0.1:8088/ari".into(),
            user: "engine".into(),
            password: self.key().ari_password(epoch(number)),
            app: "acd".into(),
        })
        .unwrap()
    }

    /// Fences, and connects as the leader of that epoch.
    pub async fn lead(&self, number: u64) -> Leader {
        let (status, told) = self.fence(number).await;
        assert_eq!(status, StatusCode::OK, "{told}");
        let ari = self.engine_ari(number);
        let events = ari.events().await.unwrap();
        Leader { ari, events }
    }

    /// The file of the side-car's own passwords.
    pub fn kept(&self) -> PathBuf {
        self.home().join("lib/trunkline/kept.json")
    }

    fn own_password(&self) -> String {
        let kept: Json = serde_json::from_slice(&std::fs::read(self.kept()).unwrap()).unwrap();
        kept["sidecar"].as_str().unwrap().to_owned()
    }

    /// ARI under the side-car's own user, whoever leads.
    pub fn own_ari(&self) -> Ari {
        Ari::new(Host {
            name: HostName::new(POD),
            address: "http://10.88.0.1:8088/ari".into(),
            user: "sidecar".into(),
            password: self.own_password(),
            app: "acd".into(),
        })
        .unwrap()
    }

    /// The state of a phone, as ARI has it.
    pub async fn online(&self, endpoint: &str) -> String {
        let password = self.own_password();
        let url = format!("http://10.88.0.1:8088/ari/endpoints/PJSIP/{endpoint}");
        let request = reqwest::Client::new()
            .get(url)
            .basic_auth("sidecar", Some(password));
        let endpoint: Json = request.send().await.unwrap().json().await.unwrap();
        endpoint["state"].as_str().unwrap_or_default().to_owned()
    }

    /// Changes the tenant.
    pub fn change(&self, change: impl FnOnce(&mut Json)) {
        let path = self.dir("tenant.json");
        let mut tenant: Json = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        change(&mut tenant);
        let new = self.dir("tenant.json.new");
        std::fs::write(&new, tenant.to_string()).unwrap();
        std::fs::rename(new, path).unwrap();
    }

    pub fn report(&self) -> Json {
        let path = self.dir(&format!("report/{POD}.json"));
        let bytes = std::fs::read(path).unwrap_or_default();
        serde_json::from_slice(&bytes).unwrap_or_default()
    }

    pub async fn report_where(&self, holds: impl Fn(&Json) -> bool) -> Json {
        let until = Instant::now() + PATIENCE;
        loop {
            let report = self.report();
            if report.is_object() && holds(&report) {
                return report;
            }
            assert!(
                Instant::now() < until,
                "no such report came; the last: {report:#}\n{}",
                self.log()
            );
            sleep(Duration::from_millis(20)).await;
        }
    }

    pub async fn eventually(&self, what: &str, holds: impl AsyncFn() -> bool) {
        let until = Instant::now() + PATIENCE;
        while !holds().await {
            assert!(Instant::now() < until, "not within {PATIENCE:?}: {what}");
            sleep(Duration::from_millis(50)).await;
        }
    }
}

/// An engine that leads.
pub struct Leader {
    pub ari: Ari,
    events: EventStream,
}

impl Leader {
    /// The next call that comes in.
    pub async fn call(&mut self) -> (Vec<String>, Channel) {
        let next = async {
            loop {
                let event = self.events.next().await.expect("the stream goes on");
                if let EventKind::StasisStart { args, channel } = event.kind {
                    return (args, channel);
                }
            }
        };
        timeout(PATIENCE, next).await.expect("a call comes")
    }
}

pub async fn get(url: String) -> (StatusCode, String) {
    match reqwest::get(url).await {
        Ok(response) => (response.status(), response.text().await.unwrap_or_default()),
        Err(error) => (StatusCode::BAD_GATEWAY, error.to_string()),
    }
}

/// A tenth of a second of nothing, as Asterisk wants it.
fn silence() -> Vec<u8> {
    let mut wav = b"RIFF\x64\x06\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0".to_vec();
    wav.extend(8000_u32.to_le_bytes());
    wav.extend(16000_u32.to_le_bytes());
    wav.extend([2, 0, 16, 0]);
    wav.extend(b"data\x40\x06\0\0");
    wav.extend([0; 1600]);
    wav
}
