//! The engine's side of the seam, and the callers and phones on the other.

use std::process::{Child, Command as Process};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::time::{sleep, timeout};
use trunkline_engine::telephony::ari::{Ari, Cause, ChannelId, Host};
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
pub struct Party(Child);

impl Party {
    pub fn start(script: &str, args: &[&str]) -> Self {
        let script = format!("{}/{script}", needed("VOIP"));
        Self(Process::new(script).args(args).spawn().unwrap())
    }

    /// A phone that listens when this returns.
    pub fn phone(name: &str, at: &str, args: &[&str]) -> Self {
        let ready = format!("{}/log/{name}/ready", needed("WORLD"));
        let _ = std::fs::remove_file(&ready);
        let mut all = vec!["--at", at, "--answer", "0.3", "--name", name];
        all.extend(args);
        let phone = Self::start("phone.sh", &all);
        for _ in 0..500 {
            if std::fs::exists(&ready).unwrap() {
                // It is touched just before sipp starts.
                std::thread::sleep(Duration::from_millis(300));
                return phone;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("the phone {name} isn't up after 5 s");
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
        let mut all = vec!["--to", "10.88.0.1", "--number", number];
        all.extend(args);
        Self::start("caller.sh", &all)
    }

    /// Waits for its end; whether all went as it should for sipp.
    pub async fn ended_well(mut self) -> bool {
        let end = Instant::now() + Duration::from_secs(60);
        loop {
            if let Some(status) = self.0.try_wait().unwrap() {
                return status.success();
            }
            assert!(Instant::now() < end, "sipp goes on for 60 s");
            sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for Party {
    fn drop(&mut self) {
        if !matches!(self.0.try_wait(), Ok(None)) {
            return; // reaped: its number may be another's by now
        }
        let id = self.0.id().to_string();
        let _ = Process::new("kill").arg(&id).status();
        let _ = self.0.wait();
    }
}

/// The engine's side of the seam.
pub struct Desk {
    pub telephony: Telephony,
    pub ari: Ari,
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
        desk.wait(|report| matches!(report, Report::Host { up: true, .. }).then_some(()))
            .await;
        desk
    }

    pub fn send(&self, command: Command) {
        self.telephony.commands.send(command).unwrap();
    }

    pub async fn wait<T>(&mut self, mut pick: impl FnMut(&Report) -> Option<T>) -> T {
        let mut seen = Vec::new();
        let found = timeout(Duration::from_secs(30), async {
            loop {
                let told = self.telephony.reports.recv().await.expect("it goes on");
                let report = told.report;
                if let Some(found) = pick(&report) {
                    return found;
                }
                seen.push(report);
            }
        })
        .await;
        found.unwrap_or_else(|_| panic!("not reported within 15 s; instead: {seen:#?}"))
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

    /// Both legs receive and send 50 packets a second; a machine that is busy may need a few to show it.
    pub async fn audio_flows_both_ways(&self, legs: [&ChannelId; 2]) {
        let mut seen = Vec::new();
        for _ in 0..8 {
            let before = [self.rtp(legs[0]).await, self.rtp(legs[1]).await];
            sleep(Duration::from_secs(1)).await;
            let mut flows = true;
            for (leg, before) in legs.into_iter().zip(before) {
                let after = self.rtp(leg).await;
                let (received, sent) = (after.0 - before.0, after.1 - before.1);
                flows &= [received, sent]
                    .iter()
                    .all(|count| (40..=60).contains(count));
                seen.push(format!(
                    "{leg}: {received} packets received, {sent} sent in a second"
                ));
            }
            if flows {
                return println!("{}", seen.join("; "));
            }
        }
        panic!("no second of 50 packets: {seen:#?}");
    }

    /// No channel and no bridge is left.
    pub async fn nothing_is_left(&self) {
        let end = Instant::now() + Duration::from_secs(20);
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

/// Hangs up what a test that failed has left.
pub async fn clear() {
    let ari = Ari::new(host()).unwrap();
    for channel in ari.channels().await.unwrap() {
        let _ = ari.hangup(&channel.id, Cause::Normal).await;
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

/// What somebody is sent, as tones: `hear.py`.
pub struct Ear(std::process::Child, Vec<String>);

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
        Self(child, words.map(|word| (*word).to_owned()).collect())
    }

    /// What was heard until now.
    pub async fn heard_by_now(self) -> std::collections::BTreeMap<String, f64> {
        signal("-TERM", &self.0.id().to_string());
        self.heard().await
    }

    /// Seconds of each tone, of `other` and of `silence`, over all flows to the address.
    pub async fn heard(self) -> std::collections::BTreeMap<String, f64> {
        let Self(child, words) = self;
        let output = tokio::task::spawn_blocking(move || child.wait_with_output().unwrap());
        let text = String::from_utf8(output.await.unwrap().stdout).unwrap();
        println!("heard: {}", text.trim());
        let mut heard: std::collections::BTreeMap<String, f64> =
            words.into_iter().map(|word| (word, 0.0)).collect();
        for line in text.lines().filter(|line| line.contains(" > ")) {
            let words: Vec<&str> = line.split(' ').skip(3).collect();
            for pair in words.chunks_exact(2) {
                *heard.entry(pair[0].to_owned()).or_default() += pair[1].parse::<f64>().unwrap();
            }
        }
        heard
    }
}

/// What a party wrote into its log.
pub fn log(name: &str) -> String {
    let path = format!("{}/log/{name}/events.log", needed("WORLD"));
    std::fs::read_to_string(path).unwrap_or_default()
}
