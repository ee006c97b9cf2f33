//! Real callers: the media side-car as a task of this process, Asterisk as its child, all of it below the
//! state folder and, but for SIP, on loopback.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use serde::Deserialize;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
use trunkline_engine::leader::MediaPod;
use trunkline_engine::media::{OnMachine, Places, TEST_CALLER, run_until};
use trunkline_engine::run::Voice;
use trunkline_engine::telephony::driver::Settings;
use trunkline_tenant::Tenant;
use trunkline_tenant::crds::TrunkAuthType;

use super::asterisk::{Asterisk, Installed, tail};
use super::folder::Folder;
use super::say;
use super::shelf::{Shelf, private_folder, with_a_phone};

/// Asterisk takes a second or two, on a busy machine more.
const START: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_millis(100);
/// `PATH_MAX` of a socket is 108 bytes; this is for what we add to the state folder.
const LONGEST_STATE: usize = 80;

/// What real callers come by, before any of it runs.
pub struct Real {
    installed: Installed,
    machine: OnMachine,
    pub shelf: Shelf,
}

/// All of it, running; ended when this is dropped.
pub struct Running {
    /// First: it would tell that Asterisk has gone.
    sidecar: JoinSet<Result<()>>,
    asterisk: Asterisk,
}

impl Real {
    /// Chooses the ports.
    ///
    /// # Errors
    /// Where SIP's is taken.
    pub fn new(
        installed: Installed,
        sip: SocketAddr,
        tenant: &Tenant,
        folder: &Folder,
    ) -> Result<Self> {
        let state = folder.path();
        ensure!(
            state.as_os_str().len() <= LONGEST_STATE,
            "{}: too long a path for Asterisk's socket, which has {LONGEST_STATE} bytes for it; --state names another",
            state.display()
        );
        let sip = free_for_sip(sip)?;
        let [ari, ami, listen] = free_ports()?;
        let below = |name: &str| state.join("asterisk").join(name);
        let (modules, data) = where_installed(Path::new("/etc/asterisk/asterisk.conf"));
        Ok(Self {
            installed,
            shelf: Shelf::new(state, folder.key()?),
            machine: OnMachine {
                name: format!("{}-media-0", tenant.name),
                dir: state.to_owned(),
                key: folder.key_file(),
                sip,
                ari,
                ami,
                listen,
                places: Places {
                    etc: below("etc"),
                    lib: below("lib"),
                    spool: below("spool"),
                    run: below("run"),
                    log: below("log"),
                    modules,
                    data,
                },
            },
        })
    }

    /// How the engine carries calls.
    pub fn voice(&self) -> Voice {
        let prompts = self.machine.places.lib.join("prompts");
        Voice::Ari(Settings {
            prompts: prompts.to_string_lossy().into_owned(),
            ..Settings::default()
        })
    }

    /// The media pod that isn't one.
    pub fn pod(&self) -> MediaPod {
        MediaPod {
            name: self.machine.name.clone(),
            uid: String::new(),
            address: self.machine.listen.ip(),
            sidecar_port: self.machine.listen.port(),
            ari_port: self.machine.ari.port(),
        }
    }

    fn log(&self) -> PathBuf {
        self.machine.places.log.join("asterisk.log")
    }

    /// Starts side-car and Asterisk; returns once the engine, which leads by now, is connected.
    ///
    /// # Errors
    /// Where that doesn't come to be.
    pub async fn start(&self) -> Result<Running> {
        let places = &self.machine.places;
        for folder in [&places.etc, &places.run] {
            // Files of an earlier run have its ports; phones' contacts are as old.
            match std::fs::remove_dir_all(folder) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(error).with_context(|| format!("can't clear {}", folder.display()));
                }
                _ => {}
            }
        }
        let spool = [&places.spool.join("recording"), &places.spool.join("tmp")];
        for folder in [&places.etc, &places.lib, &places.run, &places.log]
            .into_iter()
            .chain(spool)
        {
            private_folder(folder).with_context(|| format!("can't make {}", folder.display()))?;
        }
        let mut sidecar = JoinSet::new();
        // It ends with its task, when all else has ended.
        sidecar.spawn(run_until(
            self.machine.clone().into(),
            std::future::pending(),
        ));
        let until = Instant::now() + START;
        let http = reqwest::Client::builder()
            .no_proxy()
            .timeout(Duration::from_secs(2))
            .build()?;
        let side = |path: &str| format!("http://{}/{path}", self.machine.listen);
        while !answers_ok(&http, &side("startz")).await {
            still_starting(&mut sidecar, until, "no configuration is rendered")?;
            sleep(LOOK).await;
        }
        let conf = places.etc.join("asterisk.conf");
        let asterisk = Asterisk::start(self.installed.program.clone(), conf, self.log())?;
        let running = async {
            while !engine_is_connected(&http, &side("engine")).await {
                still_starting(&mut sidecar, until, "no engine is connected to Asterisk")
                    .with_context(|| {
                        let log = self.log();
                        format!("the last of {}:\n{}", log.display(), tail(&log))
                    })?;
                sleep(LOOK).await;
            }
            anyhow::Ok(())
        };
        tokio::select! {
            running = running => running?,
            why = asterisk.lost() => bail!(why),
        }
        Ok(Running { sidecar, asterisk })
    }

    /// Says who calls, how, and where what they need for it is.
    pub fn announce(&self, tenant: &Tenant) {
        let sip = self.machine.sip;
        say(format_args!(
            "callers are REAL: Asterisk {} ({}) takes SIP at {sip}, UDP and TCP",
            self.installed.version,
            self.installed.program.display()
        ));
        if sip.ip().is_loopback() {
            say(
                "  for phones of this machine, for that is loopback; carriers and other phones want --sip ADDRESS:PORT",
            );
        }
        let numbers: Vec<&str> = tenant
            .numbers
            .keys()
            .map(|number| number.as_str())
            .collect();
        match numbers.as_slice() {
            [] => say("warning: no live Client has a number, so nobody can call"),
            some => say(format_args!(
                "call: with a SIP phone as user {TEST_CALLER}, password in {}; dial {}",
                self.shelf.test_caller().display(),
                few(some)
            )),
        }
        let agents: Vec<&str> = with_a_phone(tenant).map(|agent| agent.as_str()).collect();
        if agents.is_empty() {
            say("warning: no agent has a SIP phone, so nobody answers");
        } else {
            say(format_args!(
                "answer: with a SIP phone as user {}; password in {}/USER. Whose phone registers is signed in, and nobody else is",
                few(&agents),
                self.shelf.agents(tenant).display()
            ));
        }
        for (name, trunk) in &tenant.trunks {
            let secret = trunk.auth.secret_ref.as_ref();
            if secret.is_some_and(|secret| !self.shelf.has_login(&secret.name)) {
                continue; // told as missing
            }
            let carrier = trunk.carrier.as_ref();
            let carrier = carrier.map(|carrier| format!("{}:{}", carrier.host, carrier.port));
            let how = match trunk.auth.kind {
                TrunkAuthType::Registration => format!(
                    "registers with {}, by its Secret",
                    carrier.unwrap_or_default()
                ),
                TrunkAuthType::Address => "brings in calls from its addresses".into(),
            };
            say(format_args!("trunk {name}: {how}"));
        }
        say(format_args!("Asterisk's log: {}", self.log().display()));
    }
}

impl Running {
    /// Over when calls can be carried no longer, with the reason.
    pub async fn lost(&mut self) -> anyhow::Error {
        let Self { asterisk, sidecar } = self;
        tokio::select! {
            why = asterisk.lost() => anyhow!(why),
            end = sidecar.join_next() => ended(end),
        }
    }
}

/// A few of many, in words.
fn few(some: &[&str]) -> String {
    const SHOWN: usize = 5;
    let more = some.len().saturating_sub(SHOWN);
    let shown = some[..some.len() - more].join(", ");
    match more {
        0 => shown,
        more => format!("{shown} or {more} more"),
    }
}

type Ended = Option<Result<Result<()>, tokio::task::JoinError>>;

fn ended(end: Ended) -> anyhow::Error {
    match end {
        Some(Ok(Err(error))) => error.context("the media side-car has ended"),
        Some(Err(error)) => anyhow!(error).context("the media side-car has ended"),
        Some(Ok(Ok(()))) | None => anyhow!("the media side-car has ended by itself"),
    }
}

fn still_starting(sidecar: &mut JoinSet<Result<()>>, until: Instant, lacks: &str) -> Result<()> {
    if let Some(end) = sidecar.try_join_next() {
        return Err(ended(Some(end)));
    }
    ensure!(Instant::now() < until, "{lacks} after {START:?}");
    Ok(())
}

async fn answers_ok(http: &reqwest::Client, url: &str) -> bool {
    let answer = http.get(url).send().await;
    answer.is_ok_and(|answer| answer.status().is_success())
}

async fn engine_is_connected(http: &reqwest::Client, url: &str) -> bool {
    #[derive(Deserialize)]
    struct Connected {
        connected: bool,
    }
    let Ok(answer) = http.get(url).send().await else {
        return false;
    };
    let told = answer.json::<Connected>().await;
    told.is_ok_and(|told| told.connected)
}

/// Whether SIP can listen there: over UDP and TCP, and over TLS at the next port. Port 0: any where it can.
fn free_for_sip(wanted: SocketAddr) -> Result<SocketAddr> {
    let taken = |at: SocketAddr, how: &str, error: std::io::Error| {
        anyhow!(error).context(format!(
            "SIP can't listen at {at} over {how}: --sip ADDRESS:PORT names another place, --sim does without"
        ))
    };
    for _ in 0..50 {
        let udp = UdpSocket::bind(wanted).map_err(|error| taken(wanted, "UDP", error))?;
        let at = udp.local_addr()?;
        let next = SocketAddr::new(at.ip(), at.port().saturating_add(1));
        let free = TcpListener::bind(at)
            .map_err(|error| taken(at, "TCP", error))
            .and_then(|_| TcpListener::bind(next).map_err(|error| taken(next, "TLS", error)));
        match free {
            Ok(_) => return Ok(at),
            Err(error) if wanted.port() != 0 => return Err(error),
            Err(_) => {}
        }
    }
    bail!("no port of {} is free for SIP", wanted.ip())
}

/// Ports of loopback that nobody has now.
fn free_ports<const N: usize>() -> Result<[SocketAddr; N]> {
    let none = "no port of 127.0.0.1 is free";
    // All are held until all are known, or one would be told twice.
    let held: Vec<TcpListener> = (0..N)
        .map(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))
        .collect::<std::io::Result<_>>()
        .context(none)?;
    let mut ports = [SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0); N];
    for (port, held) in ports.iter_mut().zip(&held) {
        *port = held.local_addr().context(none)?;
    }
    Ok(ports)
}

/// Where this machine's Asterisk has its modules, and its sounds and music: as the configuration says that
/// came with it; else where distributions put them.
fn where_installed(conf: &Path) -> (PathBuf, PathBuf) {
    let text = std::fs::read_to_string(conf).unwrap_or_default();
    let told = |option: &str| {
        let lines = text.lines().filter_map(|line| line.split_once("=>"));
        lines
            .filter(|(name, _)| name.trim() == option)
            .map(|(_, value)| value.split(';').next().unwrap_or_default().trim())
            .find(|value| value.starts_with('/'))
            .map(PathBuf::from)
    };
    let usual = Places::default();
    let first = |folders: &[&str], holds: &str| {
        let mut folders = folders.iter().map(Path::new);
        folders
            .find(|folder| folder.join(holds).exists())
            .map(Path::to_owned)
    };
    let modules = told("astmoddir").filter(|folder| folder.join("chan_pjsip.so").exists());
    let elsewhere = [
        "/usr/lib64/asterisk/modules",
        "/usr/lib/asterisk/modules",
        "/usr/local/lib/asterisk/modules",
    ];
    let modules = modules.or_else(|| {
        let usual = usual.modules.join("chan_pjsip.so").exists();
        if usual {
            None
        } else {
            first(&elsewhere, "chan_pjsip.so")
        }
    });
    let data = told("astdatadir").filter(|folder| folder.join("sounds").exists());
    let data = data.or_else(|| {
        let usual = usual.data.join("sounds").exists();
        let elsewhere = ["/var/lib/asterisk", "/usr/local/share/asterisk"];
        if usual {
            None
        } else {
            first(&elsewhere, "sounds")
        }
    });
    (modules.unwrap_or(usual.modules), data.unwrap_or(usual.data))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_that_is_taken_for_sip_is_told_with_what_helps() {
        let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
        let free = free_for_sip(any).unwrap();
        assert_ne!(free.port(), 0);
        let held = UdpSocket::bind(any).unwrap();
        let told = free_for_sip(held.local_addr().unwrap())
            .unwrap_err()
            .to_string();
        assert!(
            told.contains("over UDP") && told.contains("--sip"),
            "{told}"
        );
        let held = TcpListener::bind(any).unwrap();
        let told = free_for_sip(held.local_addr().unwrap())
            .unwrap_err()
            .to_string();
        assert!(
            told.contains("over TCP") && told.contains("--sim"),
            "{told}"
        );
    }

    #[test]
    fn asterisks_own_configuration_says_where_it_is_installed() {
        let scratch = tempfile::tempdir().unwrap();
        let conf = scratch.path().join("asterisk.conf");
        assert_eq!(
            where_installed(&conf).1,
            where_installed(Path::new("/nowhere")).1
        );
        let at = scratch.path().display();
        std::fs::write(
            &conf,
            format!("[directories]\n;astmoddir => /no\nastmoddir => {at}/mod ; ours\nastdatadir => {at}/data\n"),
        )
        .unwrap();
        for (folder, holds) in [("mod", "chan_pjsip.so"), ("data", "sounds")] {
            std::fs::create_dir(scratch.path().join(folder)).unwrap();
            std::fs::write(scratch.path().join(folder).join(holds), "").unwrap();
        }
        let found = where_installed(&conf);
        assert_eq!(
            found,
            (scratch.path().join("mod"), scratch.path().join("data"))
        );
    }

    #[test]
    fn of_many_a_few_are_shown() {
        assert_eq!(few(&["a", "b"]), "a, b");
        assert_eq!(
            few(&["1", "2", "3", "4", "5", "6", "7"]),
            "1, 2, 3, 4, 5 or 2 more"
        );
    }
}
