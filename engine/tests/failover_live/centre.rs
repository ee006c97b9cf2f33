//! A centre as plain processes: engines on one of the stores, a media pod, phones and callers.

use std::collections::BTreeMap;
use std::fs::File;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Mutex;
use std::time::Duration;

use reqwest::StatusCode;
use serde_json::{Value as Json, json};
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep};
use trunkline_engine::journal::{Entry, Location, Seq};
use trunkline_engine::telephony::ari::{ChannelId, ChannelState};
use trunkline_routing::ContactId;

use super::database::Server;
use super::pod::Pod;
use super::witness::Witness;

const POD: &str = "northwind-media-0";
const ARI_PORT: u16 = 8088;
/// The engines' user: by it a firewall can tell them from everybody else.
const USER: &str = "102";
const AGENTS: [(&str, &str, &str); 2] = [
    ("maria", "pw;maria", "10.88.0.20:5070"),
    ("noah", "pw-noah", "10.88.0.21:5070"),
];
const NUMBER: &str = "+18005550100";
/// So long a phone is to ring on when a fault is brought about: on a busy machine that itself may take a while.
const BEFORE_THE_FAULT: Duration = Duration::from_secs(3);
/// Of a client whose callers go before everybody else's, by [`Centre::prefers_a_client`].
pub const PREFERRED: &str = "+493099900";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Store {
    Sqlite,
    Postgres,
}

/// From which ports the engines are connected to ARI.
fn engines_ports() -> Vec<String> {
    let port = |address: &str| {
        let (_, port) = address.rsplit_once(':')?;
        u16::from_str_radix(port, 16).ok()
    };
    let table = std::fs::read_to_string("/proc/thread-self/net/tcp").unwrap();
    let lines = table.lines().skip(1).map(str::split_whitespace);
    let of_engine = lines.filter_map(|line| {
        let fields: Vec<&str> = line.collect();
        let theirs = port(fields.get(2)?)? == ARI_PORT && *fields.get(7)? == USER;
        theirs.then(|| port(fields[1])).flatten()
    });
    of_engine.map(|port| port.to_string()).collect()
}

/// How many packets each rule of the cut has dropped, by its chain.
fn swallowed() -> BTreeMap<String, u64> {
    let listed = std::process::Command::new("nft")
        .args(["--json", "list", "table", "inet", "cut"])
        .output()
        .unwrap();
    assert!(listed.status.success(), "{listed:?}");
    let listed: Json = serde_json::from_slice(&listed.stdout).unwrap();
    let rules = listed["nftables"].as_array().unwrap().iter();
    let rules = rules.filter_map(|item| item.get("rule"));
    let counted = rules.map(|rule| {
        let parts = rule["expr"].as_array().unwrap();
        let counter = parts.iter().find_map(|part| part.get("counter"));
        let packets = counter.expect("a rule that counts")["packets"].as_u64();
        (rule["chain"].as_str().unwrap().to_owned(), packets.unwrap())
    });
    counted.collect()
}

/// An engine's process.
pub struct Engine {
    child: Child,
    at: String,
    log: PathBuf,
}

impl Engine {
    fn pid(&self) -> String {
        self.child.id().expect("it runs").to_string()
    }
}

/// sipp behind a script; ended with the test.
pub struct Party(Child);

impl Party {
    async fn ends_well(&mut self) -> bool {
        self.0.wait().await.unwrap().success()
    }
}

impl Drop for Party {
    fn drop(&mut self) {
        // The script, not sipp alone: it ends sipp with itself.
        if let Some(id) = self.0.id() {
            let _ = std::process::Command::new("kill")
                .arg(id.to_string())
                .status();
        }
    }
}

pub struct Centre {
    pub pod: Pod,
    pub witness: Witness,
    store: Store,
    server: Option<Server>,
    dir: PathBuf,
    engines: Vec<Engine>,
    phones: Vec<Party>,
    http: reqwest::Client,
    started: usize,
    calling: u16,
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

fn signal(name: &str, pid: &str) {
    let done = std::process::Command::new("kill")
        .args(["-s", name, pid])
        .status();
    assert!(done.unwrap().success(), "kill -s {name} {pid}");
}

fn run(program: &str, arguments: &[&str]) {
    let done = std::process::Command::new(program).args(arguments).status();
    assert!(done.unwrap().success(), "{program} {arguments:?}");
}

impl Centre {
    /// One engine leads (with Postgres another stands by), both agents are ready, nobody calls.
    pub async fn open(store: Store) -> Self {
        let pod = Pod::start(|_| {}).await;
        let kept = pod.kept();
        let witness = Witness::open(move || {
            let kept: Json = serde_json::from_slice(&std::fs::read(&kept).unwrap()).unwrap();
            kept["sidecar"].as_str().unwrap().to_owned()
        })
        .await;
        let dir = pod.dir("../engine");
        std::fs::create_dir_all(&dir).unwrap();
        let server = (store == Store::Postgres).then(|| tokio::task::block_in_place(Server::start));
        if let Some(server) = &server {
            let url = tokio::task::block_in_place(|| server.database());
            std::fs::write(dir.join("uri"), url).unwrap();
        }
        run("chown", &["-R", USER, dir.to_str().unwrap()]);
        let mut centre = Self {
            pod,
            witness,
            store,
            server,
            dir,
            engines: Vec::new(),
            phones: Vec::new(),
            http: reqwest::Client::builder()
                .no_proxy()
                .timeout(Duration::from_secs(2))
                .build()
                .unwrap(),
            started: 0,
            calling: 0,
        };
        centre.start_engines().await;
        centre.phones_again().await;
        for (agent, _, _) in AGENTS {
            let command = json!({"do": "signIn", "ready": true, "presence": "endpoint"});
            let path = format!("/api/v1/agents/{agent}/commands");
            let (status, told) = centre.ask(&path, Some(command)).await;
            assert_eq!(status, StatusCode::NO_CONTENT, "{agent}: {told}");
        }
        centre
            .until("both agents are idle", async |centre| {
                centre.agents_in("idle").await == AGENTS.len()
            })
            .await;
        centre
    }

    /// As many as the store takes, the first of which leads.
    pub async fn start_engines(&mut self) {
        self.start_engine();
        self.until("an engine leads", async |centre| centre.ready("").await)
            .await;
        if self.store == Store::Postgres {
            self.stand_by_again().await;
        }
    }

    fn start_engine(&mut self) {
        let port = free_port();
        self.started += 1;
        let log = self.dir.join(format!("engine-{}.log", self.started));
        let mut command = Command::new("setpriv");
        command
            .args(["--reuid", USER, "--regid", USER, "--clear-groups"])
            .arg(self.pod.dir("../trunkline-engine"))
            .args(["run", "--logs", "text", "--metrics-listen", "127.0.0.1:0"])
            .args(["--listen", &format!("127.0.0.1:{port}")])
            .args(["--media-pod", &format!("{POD}=10.88.0.1:8090")])
            .arg("--config")
            .arg(self.pod.dir("tenant.json"))
            .arg("--tenant-key-file")
            .arg(self.pod.dir("key"))
            .arg("--admin-token-file")
            .arg(self.dir.join("admin"));
        match self.store {
            Store::Sqlite => command.arg("--journal").arg(self.dir.join("journal")),
            Store::Postgres => command.arg("--journal-url-file").arg(self.dir.join("uri")),
        };
        let child = command
            .stdout(Stdio::null())
            .stderr(File::create(&log).unwrap())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        self.engines.push(Engine {
            child,
            at: format!("127.0.0.1:{port}"),
            log,
        });
    }

    /// On Postgres there are two again; the other stands by, and has read the journal.
    pub async fn stand_by_again(&mut self) {
        if self.store == Store::Sqlite {
            return;
        }
        while self.engines.len() < 2 {
            self.start_engine();
        }
        let newest = self.engines.last().unwrap().at.clone();
        let url = format!("http://{newest}/readyz?standby=ok");
        self.until("the other stands by", async |centre| {
            let answer = centre.http.get(&url).send().await;
            answer.is_ok_and(|answer| answer.status().is_success())
        })
        .await;
        // It reads along from its first look on.
        sleep(Duration::from_millis(500)).await;
    }

    async fn ready(&self, query: &str) -> bool {
        for engine in &self.engines {
            let url = format!("http://{}/readyz{query}", engine.at);
            let answer = self.http.get(url).send().await;
            if answer.is_ok_and(|answer| answer.status().is_success()) {
                return true;
            }
        }
        false
    }

    fn request(&self, engine: &Engine, path: &str, body: &Option<Json>) -> reqwest::RequestBuilder {
        let token = std::fs::read_to_string(self.dir.join("admin")).unwrap_or_default();
        let url = format!("http://{}{path}", engine.at);
        let request = match body {
            None => self.http.get(url),
            Some(body) => self.http.post(url).json(body),
        };
        request.bearer_auth(token.trim())
    }

    /// Of whichever engine leads; waits until one does.
    pub async fn ask(&self, path: &str, body: Option<Json>) -> (StatusCode, Json) {
        let until = Instant::now() + Duration::from_secs(60);
        let mut last = String::new();
        while Instant::now() < until {
            for engine in &self.engines {
                match self.request(engine, path, &body).send().await {
                    Ok(answer) if answer.status() == StatusCode::SERVICE_UNAVAILABLE => {}
                    Ok(answer) => {
                        let status = answer.status();
                        return (status, answer.json().await.unwrap_or_default());
                    }
                    Err(error) => last = error.to_string(),
                }
            }
            sleep(Duration::from_millis(100)).await;
        }
        panic!("no engine answers {path} in 60 s: {last}\n{}", self.logs());
    }

    /// The ends of what callers saw go wrong.
    fn what_sipp_says(&self) -> String {
        let mut told = String::new();
        for log in std::fs::read_dir(self.pod.dir("../log"))
            .into_iter()
            .flatten()
        {
            let path = log.unwrap().path().join("errors.log");
            let text = std::fs::read_to_string(&path).unwrap_or_default();
            let lines: Vec<&str> = text.lines().collect();
            let last = lines[lines.len().saturating_sub(20)..].join("\n");
            told += &format!("--- {}\n{last}\n", path.display());
        }
        told
    }

    fn logs(&self) -> String {
        let logs = self.engines.iter().map(|engine| {
            let text = std::fs::read_to_string(&engine.log).unwrap_or_default();
            let lines: Vec<&str> = text.lines().collect();
            format!(
                "--- {}\n{}",
                engine.log.display(),
                lines[lines.len().saturating_sub(25)..].join("\n")
            )
        });
        logs.collect::<Vec<_>>().join("\n")
    }

    pub async fn until(&self, what: &str, holds: impl AsyncFn(&Self) -> bool) {
        let until = Instant::now() + Duration::from_secs(60);
        while !holds(self).await {
            assert!(
                Instant::now() < until,
                "not in 60 s: {what}\n{}",
                self.logs()
            );
            sleep(Duration::from_millis(30)).await;
        }
    }

    async fn agents_in(&self, state: &str) -> usize {
        let (_, agents) = self.ask("/api/v1/agents", None).await;
        let agents = agents.as_array().cloned().unwrap_or_default();
        agents
            .iter()
            .filter(|agent| agent["state"] == state)
            .count()
    }

    /// The contacts that live, if that is what the engine answers.
    async fn live(&self) -> Option<Vec<Json>> {
        let path = "/api/v1/contacts?state=live&limit=1000";
        let (_, contacts) = self.ask(path, None).await;
        contacts.as_array().cloned()
    }

    async fn contacts_in(&self, states: &[&str]) -> usize {
        let contacts = self.live().await.unwrap_or_default();
        let within = |contact: &&Json| states.iter().any(|state| contact["state"] == *state);
        contacts.iter().filter(within).count()
    }

    /// What the leader says of itself, once there is one: who stands by, or has just begun, answers too.
    async fn leads(&self) -> Json {
        let leader = &self.engines[self.leader().await];
        let asked = self.request(leader, "/api/v1/config", &None).send().await;
        let config: Json = asked.unwrap().json().await.unwrap();
        assert_eq!(config["role"], "leading", "{config}\n{}", self.logs());
        config
    }

    pub async fn epoch(&self) -> u64 {
        self.leads().await["epoch"].as_u64().unwrap()
    }

    /// The phones register, and answer each call after 0.3 s, for a second.
    pub async fn phones_again(&mut self) {
        self.phones_that_answer_after("0.3").await;
    }

    pub async fn phones_that_answer_after(&mut self, seconds: &str) {
        self.phones_that(seconds, "1").await;
    }

    /// The phones register, answer each call after so many seconds, and hang up after so many more.
    pub async fn phones_that(&mut self, answer: &str, talk: &str) {
        self.phones_of([(answer, talk), (answer, talk)]).await;
    }

    /// One phone rings for so long each time, so that it can ring when a fault comes; the other is answered after 0.3 s.
    pub async fn one_phone_rings_for(&mut self, ring: Duration) {
        let ring = ring.as_secs_f64().to_string();
        self.phones_of([(&ring, "1"), ("0.3", "1")]).await;
    }

    async fn phones_of(&mut self, ways: [(&str, &str); AGENTS.len()]) {
        self.phones.clear();
        for ((agent, password, at), (answer, talk)) in AGENTS.into_iter().zip(ways) {
            let ready = self.pod.dir(&format!("../log/{agent}/ready"));
            let _ = std::fs::remove_file(&ready);
            let start = || {
                self.pod
                    .script("phone.sh")
                    .args(["--at", at, "--register", "10.88.0.1:5060", "--user", agent])
                    .args(["--password", password, "--name", agent])
                    .args(["--answer", answer, "--talk", talk])
                    .spawn()
                    .unwrap()
            };
            let mut child = start();
            let until = Instant::now() + Duration::from_secs(60);
            while !ready.exists() {
                assert!(
                    Instant::now() < until,
                    "{agent} is not registered in 60 s\n{}",
                    self.logs()
                );
                // It gives up after its third attempt, which a phone doesn't.
                if child.try_wait().unwrap().is_some() {
                    child = start();
                }
                sleep(Duration::from_millis(30)).await;
            }
            self.phones.push(Party(child));
        }
        let pod = &self.pod;
        pod.eventually("the phones are online", async || {
            for (agent, _, _) in AGENTS {
                if pod.online(agent).await != "online" {
                    return false;
                }
            }
            true
        })
        .await;
    }

    /// Whoever is called behind the carrier picks up, and talks until the agent is done.
    pub fn customers_pick_up(&self) -> Party {
        let mut customers = self.pod.script("phone.sh");
        customers.args(["--at", "10.88.0.10:5080", "--answer", "0.3"]);
        Party(customers.args(["--name", "customers"]).spawn().unwrap())
    }

    pub fn callers(&mut self, calls: u32, rate: f64) -> Party {
        self.callers_to(NUMBER, calls, rate)
    }

    pub fn callers_to(&mut self, number: &str, calls: u32, rate: f64) -> Party {
        // Callers of the same carrier, from a port of their own.
        self.calling += 1;
        let from = format!("10.88.0.10:{}", 5100 + self.calling * 2);
        let mut caller = self.pod.caller(number, &["--until-bye", "--from", &from]);
        caller.args(["--calls", &calls.to_string(), "--rate", &rate.to_string()]);
        // Each is a customer of their own: who calls again would be merged with their callback.
        let number = format!("4930123{:02}[call_number]", self.calling);
        caller.args(["--caller", &number]);
        Party(caller.spawn().unwrap())
    }

    /// One talks, another's phone rings and isn't answered for [`BEFORE_THE_FAULT`] yet, and at least three wait.
    pub async fn one_talks_one_rings_some_wait(&self, ring: Duration) {
        let rings = Mutex::new(BTreeMap::new());
        self.until("one talks, one rings, some wait", async |centre| {
            let now = Instant::now();
            let legs = centre.ringing().await.into_iter();
            let since: BTreeMap<ChannelId, Instant> = {
                let mut rings = rings.lock().unwrap();
                let known = legs.map(|leg| (rings.get(&leg).copied().unwrap_or(now), leg));
                *rings = known.map(|(since, leg)| (leg, since)).collect();
                rings.clone()
            };
            centre.contacts_in(&["talking"]).await >= 1
                && centre.contacts_in(&["waiting"]).await >= 3
                && since
                    .values()
                    .any(|since| since.elapsed() + BEFORE_THE_FAULT < ring)
        })
        .await;
    }

    /// Asked as a fault has just come, of Asterisk itself: it came while a phone rang.
    pub async fn a_phone_still_rings(&self) {
        let legs = self.ringing().await;
        println!("as the fault comes {legs:?} ring");
        assert!(!legs.is_empty(), "no phone rings as the fault comes");
    }

    /// So many have come, whatever became of them.
    pub async fn have_come(&self, calls: usize) {
        self.until("all have come", async |centre| {
            let live = centre.live().await.map_or(0, |live| live.len());
            let (_, ended) = centre.ask("/api/v1/contacts?state=ended", None).await;
            live + ended.as_array().map_or(0, Vec::len) >= calls
        })
        .await;
    }

    pub async fn someone_talks(&self) {
        self.until("someone talks", async |centre| {
            centre.contacts_in(&["talking"]).await >= 1
        })
        .await;
    }

    /// Every one of them was answered and let go in order; nobody is left.
    pub async fn served(&mut self, callers: &mut Party) {
        let ended = tokio::time::timeout(Duration::from_secs(90), callers.ends_well()).await;
        match ended {
            Ok(true) => {}
            Ok(false) => {
                eprintln!("{}", self.what_sipp_says());
                self.panics("sipp: a caller was not served").await;
            }
            Err(_) => self.panics("callers are not served in 90 s").await,
        }
        let until = Instant::now() + Duration::from_secs(30);
        while self.agents_in("idle").await != AGENTS.len() {
            if Instant::now() > until {
                self.panics("an agent is stuck").await;
            }
            sleep(Duration::from_millis(30)).await;
        }
    }

    /// Nobody waits, talks or is still to be called back.
    pub async fn nobody_is_left(&self) {
        self.until("nobody is left", async |centre| {
            centre.live().await.is_some_and(|live| live.is_empty())
        })
        .await;
    }

    /// With what the engine and Asterisk know.
    async fn panics(&self, what: &str) -> ! {
        let (_, agents) = self.ask("/api/v1/agents", None).await;
        let (_, live) = self.ask("/api/v1/contacts?state=live", None).await;
        let (_, ended) = self.ask("/api/v1/contacts?state=ended", None).await;
        let channels = self.pod.own_ari().channels().await;
        panic!(
            "{what}: {agents:#}\n{live:#}\n{ended:#}\n{channels:#?}\n{}",
            self.logs()
        );
    }

    /// The engine that leads, by its own word.
    async fn leader(&self) -> usize {
        let until = Instant::now() + Duration::from_secs(60);
        loop {
            for (index, engine) in self.engines.iter().enumerate() {
                let url = format!("http://{}/readyz", engine.at);
                let answer = self.http.get(url).send().await;
                if answer.is_ok_and(|answer| answer.status().is_success()) {
                    return index;
                }
            }
            assert!(Instant::now() < until, "nobody leads\n{}", self.logs());
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// Kills it with no warning. On SQLite its successor is started at once, as the kubelet does.
    pub async fn kill_leader(&mut self) {
        let mut killed = self.engines.remove(self.leader().await);
        signal("KILL", &killed.pid());
        killed.child.wait().await.unwrap();
        if self.store == Store::Sqlite {
            self.start_engine();
        }
    }

    pub async fn kill_all(&mut self) {
        for mut engine in self.engines.drain(..) {
            signal("KILL", &engine.pid());
            engine.child.wait().await.unwrap();
        }
    }

    /// Freezes the leader; its process id.
    pub async fn pause_leader(&mut self) -> String {
        let leader = &self.engines[self.leader().await];
        let pid = leader.pid();
        signal("STOP", &pid);
        pid
    }

    pub fn wake(&self, pid: &str) {
        signal("CONT", pid);
    }

    /// On a file: whoever is begun beside whom holds it ends at once, and says why.
    pub async fn another_is_kept_out(&mut self) {
        self.start_engine();
        let mut other = self.engines.pop().unwrap();
        let ended = tokio::time::timeout(Duration::from_secs(20), other.child.wait()).await;
        let log = std::fs::read_to_string(&other.log).unwrap();
        let status = ended.unwrap_or_else(|_| panic!("two have the file:\n{log}"));
        assert_eq!(status.unwrap().code(), Some(1), "{log}");
        assert!(
            log.contains("held by another engine") && !log.contains("leading"),
            "{log}"
        );
    }

    pub async fn another_leads(&mut self, frozen: &str) {
        self.until("another leads", async |centre| {
            for engine in centre
                .engines
                .iter()
                .filter(|engine| engine.pid() != frozen)
            {
                let url = format!("http://{}/readyz", engine.at);
                let answer = centre.http.get(url).send().await;
                if answer.is_ok_and(|answer| answer.status().is_success()) {
                    return true;
                }
            }
            false
        })
        .await;
    }

    /// A stale leader that wakes up ends by itself, and says that it steps down.
    pub async fn ends_stale(&mut self, pid: String) {
        let at = self.engines.iter().position(|engine| engine.pid() == pid);
        let mut stale = self.engines.remove(at.unwrap());
        let ended = tokio::time::timeout(Duration::from_secs(20), stale.child.wait()).await;
        let log = std::fs::read_to_string(&stale.log).unwrap();
        let status = ended.unwrap_or_else(|_| panic!("the stale leader runs on:\n{log}"));
        assert_eq!(status.unwrap().code(), Some(3), "{log}");
    }

    /// What the engines send to ARI is lost from now on: nothing is refused, nothing closed.
    pub fn loses_what_is_sent_to_ari(&self) {
        run("nft", &["add", "table", "inet", "cut"]);
        let chain = "add chain inet cut out { type filter hook output priority 0; }";
        run("nft", &[chain]);
        let sent = format!("meta skuid {USER} tcp dport {ARI_PORT}");
        run(
            "nft",
            &[&format!("add rule inet cut out {sent} counter drop")],
        );
    }

    /// And so is what ARI tells them, but not what it tells the witness. New connections come to nothing by what
    /// is sent for them.
    pub fn cut_ari_off(&self) {
        self.loses_what_is_sent_to_ari();
        let ports = engines_ports();
        assert!(!ports.is_empty(), "no engine speaks to ARI");
        let chain = "add chain inet cut in { type filter hook input priority 0; }";
        run("nft", &[chain]);
        let told = format!("tcp sport {ARI_PORT} tcp dport {{ {} }}", ports.join(", "));
        run(
            "nft",
            &[&format!("add rule inet cut in {told} counter drop")],
        );
    }

    /// Cut off from ARI so, for so long, and until the leader has said that it doesn't hear Asterisk: a cut that nobody
    /// notices is none.
    pub async fn cut_for(&self, long: Duration, cut: impl FnOnce(&Self)) {
        let before = self.hosts_lost();
        let began = Instant::now();
        cut(self);
        self.a_phone_still_rings().await;
        self.until("the leader says that it lost Asterisk", async |centre| {
            centre.hosts_lost() > before
        })
        .await;
        println!("Asterisk is lost {:?} after the cut", began.elapsed());
        sleep(long.saturating_sub(began.elapsed())).await;
        Self::join_ari();
    }

    /// How often an engine has said that it lost a media host.
    fn hosts_lost(&self) -> usize {
        let logs = self.engines.iter().map(|engine| &engine.log);
        let said = logs.map(|log| {
            let text = std::fs::read_to_string(log).unwrap();
            let lost = |line: &&str| line.contains("media host") && line.contains("up=false");
            text.lines().filter(lost).count()
        });
        said.sum()
    }

    /// Each rule must have swallowed something: else nothing was cut.
    fn join_ari() {
        let swallowed = swallowed();
        run("nft", &["delete", "table", "inet", "cut"]);
        println!("the cut has swallowed {swallowed:?} packets");
        assert!(
            !swallowed.is_empty() && swallowed.values().all(|packets| *packets > 0),
            "a rule of the cut matched nothing: {swallowed:?}"
        );
    }

    /// The store answers nothing for a while, and then everything.
    pub async fn stall_journal(&self, long: Duration) {
        match &self.server {
            Some(server) => {
                server.signal("STOP");
                sleep(long).await;
                server.signal("CONT");
            }
            None => {
                let path = self.dir.join("journal");
                let held = tokio::task::spawn_blocking(move || {
                    let other = rusqlite::Connection::open(path).unwrap();
                    other.busy_timeout(Duration::from_secs(10)).unwrap();
                    other.execute_batch("BEGIN IMMEDIATE").unwrap();
                    std::thread::sleep(long);
                    other.execute_batch("ROLLBACK").unwrap();
                });
                held.await.unwrap();
            }
        }
    }

    /// Another ring time, another queue beside; live once this returns.
    pub async fn reconfigure(&self, step: u32) {
        self.change(|tenant| {
            let queue = tenant["queues"]["acme/orders"].clone();
            tenant["queues"]["acme/orders"]["ring"] = json!(format!("{}s", 15 + step));
            tenant["queues"][format!("acme/more-{step}")] = queue;
        })
        .await;
    }

    /// The callers of another client, for the same agents, are five minutes ahead of everybody else's.
    pub async fn prefers_a_client(&self) {
        self.change(|tenant| {
            let mut queue = tenant["queues"]["acme/orders"].clone();
            queue["priority"] = json!(5);
            tenant["queues"]["bolt/orders"] = queue;
            let mut client = tenant["clients"]["acme"].clone();
            client["displayName"] = json!("Bolt");
            client["numbers"] = json!([PREFERRED]);
            client["entry"] = json!("bolt/orders");
            tenant["clients"]["bolt"] = client;
            tenant["numbers"][PREFERRED] = json!("bolt");
        })
        .await;
    }

    /// So many of that client wait, and nobody talks with any of them: who they are.
    pub async fn preferred_wait(&self, callers: usize) -> Vec<ContactId> {
        let waiting = async || {
            let live = self.live().await.unwrap_or_default();
            let of_client = live.iter().filter(|contact| {
                contact["queue"] == "bolt/orders" && contact["state"] == "waiting"
            });
            let ids = of_client.filter_map(|contact| contact["id"].as_u64());
            ids.map(ContactId).collect::<Vec<_>>()
        };
        self.until("those of the preferred client wait", async |_| {
            waiting().await.len() == callers
        })
        .await;
        waiting().await
    }

    /// Phones ring for so long from now on.
    pub async fn rings_for(&self, ring: &str) {
        self.change(|tenant| tenant["queues"]["acme/orders"]["ring"] = json!(ring))
            .await;
    }

    /// At least so many, as Asterisk itself says.
    pub async fn phones_ring(&self, phones: usize) {
        self.until("phones ring", async |centre| {
            centre.ringing().await.len() >= phones
        })
        .await;
    }

    /// The agents' legs that ring, as Asterisk itself says.
    async fn ringing(&self) -> Vec<ChannelId> {
        let channels = self.pod.own_ari().channels().await.unwrap_or_default();
        let legs = channels
            .into_iter()
            .filter(|leg| leg.id.as_str().starts_with("o-") && leg.state == ChannelState::Ringing);
        legs.map(|leg| leg.id).collect()
    }

    /// All three at once.
    pub async fn one_talks_one_rings_one_waits(&self) {
        self.until("one talks, one rings, one waits", async |centre| {
            centre.contacts_in(&["talking"]).await == 1
                && centre.contacts_in(&["waiting"]).await == 1
                && centre.ringing().await.len() == 1
        })
        .await;
    }

    async fn change(&self, change: impl FnOnce(&mut Json)) {
        let before = self.leads().await["configHash"].clone();
        self.pod.change(change);
        self.until("the new configuration runs", async |centre| {
            centre.leads().await["configHash"] != before
        })
        .await;
    }

    async fn agents_do(&self, command: Json) {
        for (agent, _, _) in AGENTS {
            let path = format!("/api/v1/agents/{agent}/commands");
            let (status, told) = self.ask(&path, Some(command.clone())).await;
            assert_eq!(status, StatusCode::NO_CONTENT, "{agent}: {told}");
        }
    }

    pub async fn agents_are_ready(&self) {
        self.agents_do(json!({"do": "ready"})).await;
    }

    /// Nobody is asked for anything until the agents are ready again: their phones are none before they have registered anew,
    /// and Asterisk may take them for what they were.
    pub async fn asterisk_dies_and_comes_back(&self) {
        let pid = std::fs::read_to_string(self.pod.dir(&format!("../asterisk/{POD}/pid"))).unwrap();
        signal("KILL", pid.trim());
        let rest = json!({"do": "notReady", "reason": "no telephone"});
        self.agents_do(rest).await;
        sleep(Duration::from_secs(1)).await;
        self.pod.start_asterisk();
        self.until("whose call died is to be called back", async |centre| {
            let live = centre.live().await.map(|live| live.len());
            let (_, booked) = centre.ask("/api/v1/callbacks", None).await;
            live.is_some() && live == booked.as_array().map(Vec::len)
        })
        .await;
    }

    /// No channel and no bridge is left.
    pub async fn nothing_is_left_in_asterisk(&self) {
        let sidecar = self.pod.own_ari();
        self.until("Asterisk is empty", async |_| {
            let (channels, bridges) = (sidecar.channels().await, sidecar.bridges().await);
            channels.is_ok_and(|c| c.is_empty()) && bridges.is_ok_and(|b| b.is_empty())
        })
        .await;
    }

    /// Ends the engines in order and reads what they left.
    pub async fn end_engines(mut self) -> Vec<Entry> {
        for mut engine in self.engines.drain(..) {
            signal("TERM", &engine.pid());
            let ended = tokio::time::timeout(Duration::from_secs(20), engine.child.wait()).await;
            let log = std::fs::read_to_string(&engine.log).unwrap();
            let status = ended.unwrap_or_else(|_| panic!("it doesn't end:\n{log}"));
            assert!(status.unwrap().success(), "{log}");
        }
        let location = match self.store {
            Store::Sqlite => Location::Sqlite(self.dir.join("journal")),
            Store::Postgres => Location::read(&self.dir.join("uri")).unwrap(),
        };
        tokio::task::block_in_place(|| location.open().unwrap().read(Seq(0), usize::MAX).unwrap())
    }
}
