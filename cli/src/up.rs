//! `trunkline up`: the tenant on this machine, with no cluster.
//!
//! The same engine as in a cluster, on the same compiled Tenant, with its journal in a folder of
//! its own. Where Asterisk is installed it carries calls here as in a media pod, with the same
//! side-car; where it isn't, callers and telephones are simulated.

mod asterisk;
mod folder;
mod follow;
mod lines;
mod real;
mod shelf;
mod staff;
mod table;

use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow};
use tokio::sync::broadcast::Receiver;
use tokio::task::JoinSet;
use tracing_subscriber::EnvFilter;
use trunkline_crds::Seconds;
use trunkline_engine::api::Tokens;
use trunkline_engine::process::terminated;
use trunkline_engine::run::{Decision, Engine, LoopEnd, Options, Place, RETENTION, Role, Voice};
use trunkline_engine::telephony::sim::{self, SimSettings};
use trunkline_tenant::Tenant;

use crate::documents::{self, Whole};
use crate::outcome::Outcome;
pub use asterisk::{Becomes, become_it};
use folder::Folder;
use real::{Real, Running};
use staff::There;

/// More than this is not a call centre but a benchmark.
const MOST_CALLS_PER_HOUR: f64 = 1e6;

/// What `trunkline up --help` begins with.
pub const ABOUT: &str = "Run the tenant on this machine, with no cluster: real calls where Asterisk is, else simulated ones

The engine that a cluster would run, with the same routing, journal and HTTP API. A document that is
saved while this runs is live within two seconds; one with an error is shown, and the last good ones
run on. Chats and e-mails come by the API alone.

Where an `asterisk` of version 22 or newer is in PATH, it runs as a part of this, with the media
side-car of the pods and folders of its own: real SIP at --sip, everything else on loopback. Call with
any SIP phone as the user that is said at the start, or by a trunk whose carrier reaches --sip;
Secrets and ConfigMaps that stand beside the documents are used. A trunk that registers does so. An
agent's phone registers under the agent's name; from then on they are signed in, and they come back
soon after a call that they missed or refused. What asks a password has it in a file, and says which.

Where there is none, or with --sim, callers and telephones are simulated: no SIP, no audio.
Everyone whom the documents list is signed in, answers most calls, and comes back soon after one
that they missed; a simulated agent answers no chat.

On stdout: the API's address and its token, as two assignments that a shell can read. On stderr:
a line for each event, and a table now and then. Ends at Ctrl-C, at SIGTERM or after --for.";

/// `trunkline up FILES`
#[derive(clap::Args)]
pub struct Args {
    /// Files or folders of YAML, or `-`
    #[arg(required = true, value_name = "FILES")]
    files: Vec<String>,
    /// Where the API listens on 127.0.0.1; 0: any free port
    #[arg(long, default_value_t = 8080)]
    port: u16,
    /// Simulate callers and telephones, though Asterisk is there
    #[arg(long)]
    sim: bool,
    /// Where Asterisk takes SIP, UDP and TCP; port 0: any free one. TLS is at the next port
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:5060")]
    sip: SocketAddr,
    /// Keep journal, key, token and passwords in this folder, and go on from what it holds; without
    /// it they are in a temporary one that is removed at the end
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
    /// Stop after this long, as `30s` or `10m`
    #[arg(long = "for", value_name = "DURATION")]
    length: Option<Seconds>,
    /// Simulated callers in an hour, on average; the first comes within two seconds
    #[arg(long, value_name = "N", default_value = "180", value_parser = calls_per_hour)]
    calls_per_hour: f64,
    /// How long a simulated caller and agent talk, on average
    #[arg(long, value_name = "DURATION", default_value = "25s")]
    talk: Seconds,
    /// How long a simulated caller waits before giving up, on average
    #[arg(long, value_name = "DURATION", default_value = "90s")]
    patience: Seconds,
    /// Simulated callers, their patience and their talk are drawn from it
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Between two status tables
    #[arg(long, value_name = "DURATION", default_value = "15s", value_parser = some_time)]
    table: Seconds,
}

fn calls_per_hour(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(rate) if (1e-3..=MOST_CALLS_PER_HOUR).contains(&rate) => Ok(rate),
        _ => Err(format!(
            "want a number from 0.001 to {MOST_CALLS_PER_HOUR}, as 180"
        )),
    }
}

fn some_time(text: &str) -> Result<Seconds, String> {
    let time: Seconds = text.parse().map_err(|error| format!("{error}"))?;
    if time.get() == 0 {
        return Err("want a second or more, as 15s".into());
    }
    Ok(time)
}

/// Writes a line for people. Nobody may be reading, which is no reason to stop.
fn say(line: impl std::fmt::Display) {
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}

/// Runs the tenant until it is told to stop.
///
/// # Errors
/// Where the files hold no one tenant, the folder can't be used, or the port is taken.
pub fn run(args: Args) -> Result<Outcome> {
    // Before the files are read: what is saved from now on is a change.
    let read_at = documents::stamps(&args.files);
    let Some(whole) = documents::whole(&args.files)? else {
        return Ok(Outcome::Found);
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(crate::validate::colour(&std::io::stderr()))
        .init();
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("no threads to run on")?
        .block_on(up(args, whole, read_at))
}

/// What calls come by.
enum Callers {
    Real(Box<Real>),
    /// And why, in words.
    Simulated(String),
}

impl Callers {
    fn choose(args: &Args, whole: &Whole, folder: &Folder) -> Result<Self> {
        if args.sim {
            return Ok(Self::Simulated("--sim says so".into()));
        }
        match asterisk::look() {
            Err(why) => Ok(Self::Simulated(why)),
            Ok(installed) => {
                let real = Real::new(installed, args.sip, &whole.tenant, folder)?;
                Ok(Self::Real(Box::new(real)))
            }
        }
    }

    fn real(&self) -> Option<&Real> {
        match self {
            Self::Real(real) => Some(real),
            Self::Simulated(_) => None,
        }
    }
}

async fn up(args: Args, whole: Whole, read_at: follow::Stamps) -> Result<Outcome> {
    let mut terminated = std::pin::pin!(terminated()?);
    let folder = Folder::open(args.state.clone())?;
    let (key, token) = (folder.key()?, folder.token()?);
    let callers = Callers::choose(&args, &whole, &folder)?;
    let real = callers.real();
    let config = folder.config(real.map(|real| real.shelf.clone()));
    let missing = config.put(&whole)?;
    let engine = Engine::start(Options {
        place: Place::Machine {
            config: folder.tenant(),
            hosts: Vec::new(),
            pods: real.map(Real::pod).into_iter().collect(),
            reached_at: None,
        },
        journal: folder.journal().into(),
        retention: RETENTION,
        listen: SocketAddr::from((Ipv4Addr::LOCALHOST, args.port)),
        metrics: None,
        telephony: real.map_or_else(|| Voice::Sim(settings(&args)), Real::voice),
        tokens: Tokens::new(token.clone(), key.clone()),
        key,
    })
    .await
    .context("--port names another, and --port 0 any free one")?;
    let heard = [engine.handle.decisions(), engine.handle.decisions()];
    let engine = leading(engine)
        .await
        .with_context(|| format!("nothing runs on {}", folder.path().display()))?;
    let mut running = match real {
        None => None,
        Some(real) => tokio::select! {
            running = real.start() => Some(running.context("no real calls; --sim does without")?),
            () = &mut terminated => return engine.stop().await.map(|_| Outcome::Fine),
        },
    };
    announce(&whole.tenant, &folder, &engine, &token)?;
    callers.announce(&args, &whole.tenant);
    missing.iter().for_each(say);
    say(match args.length {
        Some(length) => format!("it ends in {length}, or at Ctrl-C\n"),
        None => "Ctrl-C ends it\n".into(),
    });

    let handle = engine.handle.clone();
    let mut tasks = attend(&engine, heard, &args, real.is_some());
    if !args.files.iter().any(|file| file == "-") {
        tasks.spawn(follow::follow(args.files.clone(), read_at, config));
    }
    let mut broken = None;
    let until = async {
        tokio::select! {
            () = terminated => {}
            () = enough(args.length) => {}
            why = lost(running.as_mut()) => broken = Some(why),
        }
    };
    let end = engine.run_until(until).await;
    drop(tasks);
    // Asterisk after the engine, which has no quarrel then with calls that end.
    drop(running);
    table::show(&handle);
    let wrong = match (end, broken) {
        (Ok(LoopEnd::Stopped), None) => return Ok(Outcome::Fine),
        (_, Some(why)) => why,
        (Ok(LoopEnd::SteppedDown(why)), None) => anyhow!(why),
        (Err(error), None) => error,
    };
    say(format_args!("error: it ended by itself: {wrong:#}"));
    Ok(Outcome::Found)
}

/// Those who look after it while it runs.
fn attend(
    engine: &Engine,
    [heard, heard_too]: [Receiver<Arc<Decision>>; 2],
    args: &Args,
    is_real: bool,
) -> JoinSet<()> {
    let handle = &engine.handle;
    let there = if is_real {
        There::phones(heard_too)
    } else {
        There::Everyone
    };
    let mut tasks = JoinSet::new();
    tasks.spawn(lines::follow(handle.clone(), heard));
    tasks.spawn(staff::keep_at_work(handle.clone(), there));
    tasks.spawn(table::every(handle.clone(), seconds(args.table)));
    tasks
}

async fn enough(length: Option<Seconds>) {
    match length {
        Some(length) => tokio::time::sleep(seconds(length)).await,
        None => std::future::pending().await,
    }
}

async fn lost(running: Option<&mut Running>) -> anyhow::Error {
    match running {
        Some(running) => running.lost().await,
        None => std::future::pending().await,
    }
}

fn seconds(length: Seconds) -> Duration {
    Duration::from_secs(length.get())
}

fn settings(args: &Args) -> SimSettings {
    SimSettings {
        seed: args.seed,
        between_callers: Duration::from_secs_f64(3600.0 / args.calls_per_hour),
        patience: seconds(args.patience),
        talk: seconds(args.talk),
        ..SimSettings::default()
    }
}

/// Waits until the engine leads, or has ended for a reason.
async fn leading(engine: Engine) -> Result<Engine> {
    let mut role = engine.handle.role();
    let settled = role
        .wait_for(|role| matches!(role, Role::Leading(_) | Role::Ended))
        .await
        .is_ok_and(|role| matches!(*role, Role::Leading(_)));
    if settled {
        return Ok(engine);
    }
    let end = engine.stop().await?;
    Err(anyhow!("the engine ended before it led: {end:?}"))
}

/// Says what runs, where, and how to look at it.
fn announce(tenant: &Tenant, folder: &Folder, engine: &Engine, token: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "TRUNKLINE_API=http://{}", engine.api)?;
    writeln!(out, "TRUNKLINE_TOKEN={token}")?;
    out.flush()?;
    say(format_args!("{}: {}", tenant.name, lines::sizes(tenant)));
    if folder.is_kept() {
        say(format_args!("state: {}", folder.path().display()));
    } else {
        say(format_args!(
            "state: {}, removed at the end (--state DIR keeps it)",
            folder.path().display()
        ));
    }
    say(format_args!(
        "look: curl -H \"Authorization: Bearer $TRUNKLINE_TOKEN\" http://{}/api/v1/contacts",
        engine.api
    ));
    Ok(())
}

impl Callers {
    fn announce(&self, args: &Args, tenant: &Tenant) {
        match self {
            Self::Real(real) => real.announce(tenant),
            Self::Simulated(why) => {
                let (rate, seed) = (args.calls_per_hour, args.seed);
                say(format_args!(
                    "callers are SIMULATED ({rate} an hour, seed {seed}), no SIP and no audio: {why}"
                ));
                if sim::entries(tenant).is_empty() {
                    say("warning: no number of a live Client leads to a queue, so nobody can call");
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_of_no_calls_and_a_table_without_pause_are_refused() {
        for text in ["0", "-1", "nan", "inf", "1e7", "many"] {
            assert!(calls_per_hour(text).is_err(), "{text}");
        }
        assert_eq!(calls_per_hour("7200"), Ok(7200.0));
        assert!(some_time("0s").is_err());
        assert_eq!(some_time("2m"), Ok(Seconds::minutes(2)));
    }
}
