//! The engine's side of the seam, and the callers and phones on the other.

use std::process::{Child, Command as Process};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

use tokio::time::{sleep, timeout};
use trunkline_engine::telephony::ari::{Ari, Cause, ChannelId, ChannelState, Host};
use trunkline_engine::telephony::driver::{self, Settings};
use trunkline_engine::telephony::{
    Arrival, Command, Recovered, RecoveredCall, RecoveredStage, Report, Telephony,
};
use trunkline_routing::{CancelReason, ContactId, Input, OfferId, Outcome, Output, Span, Time};
use trunkline_tenant::Tenant;
use trunkline_tenant::crds::AgentName;

pub const NUMBER: &str = "+18005550100";

pub fn needed(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} isn't set: run live/run.sh"))
}

pub fn host() -> Host {
    Host {
        name: "media-0".into(),
        address: needed("TRUNKLINE_TEST_ARI"),
        user: "engine".into(),
        password: needed("TRUNKLINE_TEST_ARI_PASSWORD"),
        app: "acd".into(),
    }
}

pub fn tenant() -> Arc<Tenant> {
    changed(|_| {})
}

/// The tenant of these tests, with something changed in it.
pub fn changed(change: impl FnOnce(&mut Tenant)) -> Arc<Tenant> {
    let mut tenant: Tenant = serde_json::from_str(include_str!("../fixtures/tenant.json")).unwrap();
    let otto = tenant.agents[&AgentName::new("maria")].clone();
    tenant.agents.insert(AgentName::new("otto"), otto);
    change(&mut tenant);
    Arc::new(tenant)
}

pub fn now() -> Time {
    Time(chrono::Utc::now().timestamp_micros())
}

/// sipp behind a script; ended with the test.
pub struct Party(Child, String);

impl Party {
    /// Its log has its name, which each has for itself.
    pub fn start(script: &str, name: &str, args: &[&str]) -> Self {
        let script = format!("{}/{script}", needed("VOIP"));
        // What an earlier one of that name said is not this one's.
        let _ = std::fs::remove_file(format!("{}/log/{name}/events.log", needed("WORLD")));
        let mut all = vec!["--name", name];
        all.extend(args);
        let child = Process::new(script).args(all).spawn().unwrap();
        Self(child, name.to_owned())
    }

    /// A phone that listens when this returns.
    pub fn phone(name: &str, at: &str, args: &[&str]) -> Self {
        let ready = format!("{}/log/{name}/ready", needed("WORLD"));
        let _ = std::fs::remove_file(&ready);
        let mut all = vec!["--at", at, "--answer", "0.3"];
        all.extend(args);
        let phone = Self::start("phone.sh", name, &all);
        // `ready` is touched just before sipp starts, and listens.
        at_last(&format!("the phone {name} listens"), || {
            std::fs::exists(&ready).unwrap() && listens(at, 5070)
        });
        phone
    }

    pub fn maria(args: &[&str]) -> Self {
        Self::phone("maria", "10.88.0.20", args)
    }

    pub fn noah(args: &[&str]) -> Self {
        Self::phone("noah", "10.88.0.21", args)
    }

    pub fn caller(args: &[&str]) -> Self {
        Self::to(NUMBER, args)
    }

    pub fn to(number: &str, args: &[&str]) -> Self {
        Self::named(
            &format!("caller-{}", CALLERS.fetch_add(1, Relaxed)),
            number,
            args,
        )
    }

    pub fn named(name: &str, number: &str, args: &[&str]) -> Self {
        let mut all = vec!["--to", "10.88.0.1", "--number", number];
        all.extend(args);
        Self::start("caller.sh", name, &all)
    }

    /// Waits until they have a call that was answered, then has them end it.
    pub async fn hangs_up(&self) {
        self.said("answered").await;
        let script = format!("{}/hang-up.sh", needed("VOIP"));
        let done = Process::new(script).arg(&self.1).status();
        assert!(done.unwrap().success(), "{} can't hang up", self.1);
    }

    /// Waits for a word in their log.
    pub async fn said(&self, word: &str) {
        let end = Instant::now() + PATIENCE;
        while !log(&self.1).contains(word) {
            assert!(Instant::now() < end, "{}: never {word}", self.1);
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits for its end; whether all went as it should for sipp.
    pub async fn ended_well(mut self) -> bool {
        let end = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.0.try_wait().unwrap() {
                return status.success();
            }
            assert!(Instant::now() < end, "sipp goes on for {PATIENCE:?}");
            sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Party {
    /// For whoever looks into a failure.
    fn tells_what_it_did(&mut self) {
        let folder = format!("{}/log/{}", needed("WORLD"), self.1);
        println!("{}: {:?}", self.1, self.0.try_wait());
        for file in ["events.log", "errors.log", "sipp.log"] {
            let text = std::fs::read_to_string(format!("{folder}/{file}")).unwrap_or_default();
            println!("{file}:\n{text}");
        }
    }
}

impl Drop for Party {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.tells_what_it_did();
        }
        if !matches!(self.0.try_wait(), Ok(None)) {
            return; // reaped: its number may be another's by now
        }
        let id = self.0.id().to_string();
        let _ = Process::new("kill").arg(&id).status();
        let _ = self.0.wait();
        // Its sipp ends a little later, and whoever comes next may want the same port.
        let at = format!("{}/log/{}/at", needed("WORLD"), self.1);
        let Ok(at) = std::fs::read_to_string(at) else {
            return;
        };
        let (at, port) = at.trim().split_once(' ').unwrap();
        for _ in 0..500 {
            if !listens(at, port.parse().unwrap()) {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

/// So long a machine may take that has much else to do.
pub const PATIENCE: Duration = Duration::from_secs(60);
static CALLERS: AtomicUsize = AtomicUsize::new(0);

fn at_last(what: &str, mut done: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !done() {
        assert!(Instant::now() < end, "not in {PATIENCE:?}: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Whether somebody has this UDP port, by the kernel's own list (which has addresses in its own byte order).
fn listens(at: &str, port: u16) -> bool {
    let address: std::net::Ipv4Addr = at.parse().unwrap();
    let address = u32::from_ne_bytes(address.octets());
    let socket = format!(" {address:08X}:{port:04X} ");
    std::fs::read_to_string("/proc/net/udp")
        .unwrap()
        .contains(&socket)
}

/// The engine's side of the seam.
pub struct Desk {
    pub telephony: Telephony,
    pub ari: Ari,
    /// What was reported and not waited for.
    passed: Vec<Report>,
}

impl Desk {
    pub async fn open(recovered: Recovered) -> Self {
        Self::of(tenant(), recovered).await
    }

    /// With news for waiting callers every three seconds.
    pub async fn of(tenant: Arc<Tenant>, recovered: Recovered) -> Self {
        let settings = Settings {
            news_every: Span::seconds(3),
            ..Settings::default()
        };
        let telephony = driver::start(settings, recovered);
        let desk = Self {
            telephony,
            ari: Ari::new(host()).unwrap(),
            passed: Vec::new(),
        };
        desk.send(Command::Configure(tenant));
        desk.send(Command::Hosts(vec![host()].into()));
        desk
    }

    /// With no call in Asterisk from an earlier test.
    pub async fn fresh() -> Self {
        Self::fresh_of(tenant()).await
    }

    pub async fn fresh_of(tenant: Arc<Tenant>) -> Self {
        clear().await;
        let mut desk = Self::of(tenant, Recovered::default()).await;
        desk.has_its_host().await;
        desk
    }

    /// Waits until it is connected; what is reported before that is lost.
    pub async fn has_its_host(&mut self) {
        self.wait(|report| matches!(report, Report::Host { up: true, .. }).then_some(()))
            .await;
    }

    pub fn send(&self, command: Command) {
        self.telephony.commands.send(command).unwrap();
    }

    pub async fn wait<T>(&mut self, mut pick: impl FnMut(&Report) -> Option<T>) -> T {
        let found = timeout(PATIENCE, async {
            loop {
                let told = self.telephony.reports.recv().await.expect("it goes on");
                let report = told.report;
                if let Some(found) = pick(&report) {
                    return found;
                }
                self.passed.push(report);
            }
        })
        .await;
        found.unwrap_or_else(|_| {
            panic!(
                "not reported in {PATIENCE:?}; all that was, in vain: {:#?}",
                self.passed
            )
        })
    }

    pub async fn input(&mut self, wanted: Input) {
        self.wait(|report| (report.input() == Some(&wanted)).then_some(()))
            .await;
    }

    pub async fn arrival(&mut self) -> Arrival {
        self.wait(|report| match report {
            Report::Arrived(arrival) => Some(arrival.clone()),
            _ => None,
        })
        .await
    }

    /// Lets the next caller in as `contact`.
    pub async fn admit(&mut self, contact: u64) -> Arrival {
        let arrival = self.arrival().await;
        self.send(Command::Admit {
            contact: ContactId(contact),
            call: arrival.call.clone(),
            queue: arrival.queue.clone(),
        });
        arrival
    }

    pub fn offer(&self, contact: u64, generation: u32, agent: &str) -> OfferId {
        let offer = OfferId {
            contact: ContactId(contact),
            generation,
        };
        self.send(Command::Do(Output::Offer {
            offer,
            agent: AgentName::new(agent),
            deadline: now() + Span::seconds(20),
        }));
        offer
    }

    pub fn cancel(&self, offer: OfferId, agent: &str, why: CancelReason) {
        self.send(Command::Do(Output::CancelOffer {
            offer,
            agent: AgentName::new(agent),
            why,
        }));
    }

    pub fn end(&self, contact: u64, outcome: Outcome) {
        self.send(Command::Do(Output::Ended {
            contact: ContactId(contact),
            outcome,
            prompt: None,
        }));
    }

    /// A caller and maria, talking as contact `contact`.
    pub async fn talking(&mut self, contact: u64) -> (Arrival, OfferId) {
        let arrival = self.admit(contact).await;
        let offer = self.offer(contact, 1, "maria");
        self.input(Input::Accept { offer }).await;
        self.input(Input::Connected { offer }).await;
        (arrival, offer)
    }

    /// RTP counted by Asterisk on a leg: (received, sent).
    pub async fn rtp(&self, leg: &ChannelId) -> (u64, u64) {
        let counts = self.ari.rtp_statistics(leg).await.unwrap();
        (counts.rxcount, counts.txcount)
    }

    pub async fn rings(&self, leg: &ChannelId) {
        self.until(&format!("{leg} rings"), async || {
            let channel = self.ari.channel(leg).await;
            channel.is_ok_and(|channel| channel.state == ChannelState::Ringing)
        })
        .await;
    }

    pub async fn is_gone(&self, leg: &ChannelId) {
        self.until(&format!("{leg} is gone"), async || {
            let channel = self.ari.channel(leg).await;
            channel.is_err_and(|error| error.is_gone())
        })
        .await;
    }

    pub async fn until(&self, what: &str, holds: impl AsyncFn() -> bool) {
        let end = Instant::now() + PATIENCE;
        while !holds().await {
            assert!(Instant::now() < end, "not in {PATIENCE:?}: {what}");
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until so many packets more are sent to a leg.
    pub async fn is_sent(&self, leg: &ChannelId, more: u64) {
        let (_, before) = self.rtp(leg).await;
        self.until(&format!("{leg} is sent {more} packets"), async || {
            self.rtp(leg).await.1 >= before + more
        })
        .await;
    }

    /// Both legs receive and send 50 packets a second, at some time; a machine that is busy may need a while to show it. Ten
    /// fewer or more are taken for as many. Both must still be there: whoever ends the call does so after this.
    pub async fn audio_flows_both_ways(&self, legs: [&ChannelId; 2]) {
        let mut seen = Vec::new();
        let end = Instant::now() + PATIENCE;
        while Instant::now() < end {
            let mut before = Vec::new();
            for leg in legs {
                before.push(self.counted(leg).await);
            }
            sleep(Duration::from_secs(1)).await;
            let mut flows = true;
            for (leg, before) in legs.into_iter().zip(before) {
                let after = self.counted(leg).await;
                // Each count is of some moment of its reading: the packets are of no more time, and of no less.
                let longest = (after.read - before.asked).as_secs_f64();
                let shortest = (after.asked - before.read).as_secs_f64();
                let (received, sent) = (after.received - before.received, after.sent - before.sent);
                flows &= [received, sent].iter().all(|count| {
                    let count = *count as f64;
                    count >= 40.0 * shortest && count <= 60.0 * longest
                }) && longest < 1.5 * shortest;
                seen.push(format!(
                    "{leg}: {received} packets received, {sent} sent in {shortest:.2} to {longest:.2} s"
                ));
            }
            if flows {
                return println!("{}", seen.join("; "));
            }
        }
        panic!("no second of 50 packets: {seen:#?}");
    }

    async fn counted(&self, leg: &ChannelId) -> Counted {
        let asked = Instant::now();
        let (received, sent) = self.rtp(leg).await;
        Counted {
            asked,
            read: Instant::now(),
            received,
            sent,
        }
    }

    /// No channel and no bridge is left.
    pub async fn nothing_is_left(&self) {
        let end = Instant::now() + PATIENCE;
        loop {
            let channels = self.ari.channels().await.unwrap();
            let bridges = self.ari.bridges().await.unwrap();
            if channels.is_empty() && bridges.is_empty() {
                return;
            }
            assert!(Instant::now() < end, "left: {channels:#?} {bridges:#?}");
            sleep(Duration::from_millis(50)).await;
        }
    }
}

/// What a leg's counters said at some time between two moments.
struct Counted {
    asked: Instant,
    read: Instant,
    received: u64,
    sent: u64,
}

pub fn leg(offer: OfferId) -> ChannelId {
    ChannelId::new(format!("o-{offer}"))
}

pub fn recovered(arrival: &Arrival, contact: u64, stage: RecoveredStage) -> Recovered {
    Recovered {
        calls: vec![RecoveredCall {
            contact: ContactId(contact),
            call: arrival.call.clone(),
            queue: arrival.queue.clone(),
            stage,
        }],
        newest: Some(ContactId(contact)),
        ..Recovered::default()
    }
}

/// asterisk.sh, and what it printed.
pub fn asterisk(args: &[&str]) -> String {
    let script = format!("{}/asterisk.sh", needed("VOIP"));
    let out = Process::new(script).args(args).output().unwrap();
    assert!(out.status.success(), "{out:?}");
    String::from_utf8(out.stdout).unwrap().trim().to_owned()
}

pub fn signal(signal: &str, pid: &str) {
    assert!(
        Process::new("kill")
            .args([signal, pid])
            .status()
            .unwrap()
            .success()
    );
}

/// Waits until Asterisk has so many callers, whoever leads.
pub async fn callers_are(count: usize) {
    let ari = Ari::new(host()).unwrap();
    let end = Instant::now() + PATIENCE;
    loop {
        let channels = ari.channels().await.unwrap();
        let callers = channels
            .iter()
            .filter(|channel| channel.name.starts_with("PJSIP/carrier-"));
        if callers.count() == count {
            return;
        }
        assert!(Instant::now() < end, "not {count}: {channels:#?}");
        sleep(Duration::from_millis(20)).await;
    }
}

/// Hangs up what a test that failed has left, and waits until it is gone: the next test has an Asterisk with no call.
pub async fn clear() {
    let ari = Ari::new(host()).unwrap();
    let end = Instant::now() + PATIENCE;
    loop {
        let channels = ari.channels().await.unwrap();
        let bridges = ari.bridges().await.unwrap();
        if channels.is_empty() && bridges.is_empty() {
            return;
        }
        assert!(Instant::now() < end, "left: {channels:#?} {bridges:#?}");
        for channel in channels {
            let _ = ari.hangup(&channel.id, Cause::Normal).await;
        }
        for bridge in bridges {
            let _ = ari.destroy_bridge(&bridge.id).await;
        }
        sleep(Duration::from_millis(50)).await;
    }
}

/// Half a second of a tone as a prompt of the tenant's, repeated `times`.
pub fn prompt(name: &str, hertz: f64, times: usize) {
    let samples: Vec<u8> = (0..4000 * times)
        .map(|n| f64::from(u32::try_from(n).unwrap()) / 8000.0)
        .map(|at| (8000.0 * (std::f64::consts::TAU * hertz * at).sin()) as i16)
        .flat_map(i16::to_le_bytes)
        .collect();
    let size = u32::try_from(samples.len()).unwrap();
    let mut wav = b"RIFF".to_vec();
    wav.extend((36 + size).to_le_bytes());
    wav.extend(b"WAVEfmt \x10\0\0\0\x01\0\x01\0");
    wav.extend(8000_u32.to_le_bytes());
    wav.extend(16_000_u32.to_le_bytes());
    wav.extend([2, 0, 16, 0]);
    wav.extend(b"data");
    wav.extend(size.to_le_bytes());
    wav.extend(samples);
    let folder = format!("{}/asterisk/media-0/lib/prompts", needed("WORLD"));
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(format!("{folder}/{name}.wav"), wav).unwrap();
}

/// Waits until so many seconds of a contact's message are in its file. Asterisk writes two seconds at a time.
pub async fn spoken(contact: u64, seconds: u64) {
    let file = format!(
        "{}/asterisk/media-0/spool/recording/v-{contact}.wav",
        needed("WORLD")
    );
    let end = Instant::now() + PATIENCE;
    while std::fs::metadata(&file).map_or(0, |file| file.len()) < seconds * 16_000 {
        assert!(Instant::now() < end, "no {seconds} s in {file}");
        sleep(Duration::from_millis(50)).await;
    }
}

/// What somebody is sent, as tones: `hear.py`.
pub struct Ear(Option<Child>, Vec<String>);

impl Drop for Ear {
    fn drop(&mut self) {
        if let Some(child) = &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Ear {
    /// Listens from now on, for so many seconds.
    pub fn at(address: &str, seconds: f64, tones: &[&str]) -> Self {
        let script = format!("{}/hear.py", needed("VOIP"));
        let mut child = Process::new(script)
            .arg(seconds.to_string())
            .arg(address)
            .args(tones)
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        // It says when it listens; the rest is read at its end.
        let mut said = [0; 10];
        std::io::Read::read_exact(child.stdout.as_mut().unwrap(), &mut said).unwrap();
        let words = tones.iter().chain(&["other", "silence"]);
        Self(Some(child), words.map(|word| (*word).to_owned()).collect())
    }

    /// What was heard until now.
    pub async fn heard_by_now(self) -> Heard {
        let child = self.0.as_ref().unwrap();
        signal("-TERM", &child.id().to_string());
        self.heard().await
    }

    /// Seconds of each tone, of `other` and of `silence`, over all flows to the address.
    pub async fn heard(self) -> Heard {
        let mut all = Heard::new();
        for flow in self.flows().await {
            for (tone, seconds) in flow {
                *all.entry(tone).or_default() += seconds;
            }
        }
        all
    }

    /// The same of each flow to the address: of each call that it has. One without any where there is none.
    pub async fn flows(mut self) -> Vec<Heard> {
        let child = self.0.take().unwrap();
        let words = std::mem::take(&mut self.1);
        let output = tokio::task::spawn_blocking(move || child.wait_with_output().unwrap());
        let text = String::from_utf8(output.await.unwrap().stdout).unwrap();
        println!("heard: {}", text.trim());
        let nothing: Heard = words.into_iter().map(|word| (word, 0.0)).collect();
        let mut flows = Vec::new();
        for line in text.lines().filter(|line| line.contains(" > ")) {
            let words: Vec<&str> = line.split(' ').skip(3).collect();
            let mut heard = nothing.clone();
            for pair in words.chunks_exact(2) {
                heard.insert(pair[0].to_owned(), pair[1].parse().unwrap());
            }
            flows.push(heard);
        }
        if flows.is_empty() {
            flows.push(nothing);
        }
        flows
    }
}

/// Seconds by what was heard.
pub type Heard = std::collections::BTreeMap<String, f64>;

/// What a party wrote into its log.
pub fn log(name: &str) -> String {
    let path = format!("{}/log/{name}/events.log", needed("WORLD"));
    std::fs::read_to_string(path).unwrap_or_default()
}
