//! `trunkline up`: the tenant on this machine, with no cluster.
//!
//! The same engine as in a cluster, on the same compiled Tenant, with its journal in a folder of
//! its own; its callers and telephones are simulated.

mod folder;
mod follow;
mod lines;
mod staff;
mod table;

use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow};
use tokio::task::JoinSet;
use tracing_subscriber::EnvFilter;
use trunkline_crds::Seconds;
use trunkline_engine::api::Tokens;
use trunkline_engine::process::terminated;
use trunkline_engine::run::{Engine, LoopEnd, Options, Place, RETENTION, Role, Voice};
use trunkline_engine::telephony::sim::{self, SimSettings};
use trunkline_tenant::Tenant;

use crate::documents;
use crate::outcome::Outcome;
use folder::Folder;

/// More than this is not a call centre but a benchmark.
const MOST_CALLS_PER_HOUR: f64 = 1e6;

/// What `trunkline up --help` begins with.
pub const ABOUT: &str = "Run the tenant on this machine, with no cluster and simulated callers

The engine that a cluster would run, with the same routing, journal and HTTP API. Callers and
telephones are simulated, whether Asterisk is installed or not: there is no SIP and no audio
here; `make demo` has real calls. Everyone whom the documents list is signed in, answers most
calls, and comes back soon after one that they missed. Chats and e-mails come by the API alone,
and a simulated agent answers none. A document that is saved while this runs is live within two
seconds; one with an error is shown, and the last good ones run on.

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
    /// Keep journal, key and token in this folder, and go on from what it holds; without it they
    /// are in a temporary one that is removed at the end
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
    /// Stop after this long, as `30s` or `10m`
    #[arg(long = "for", value_name = "DURATION")]
    length: Option<Seconds>,
    /// Simulated callers in an hour, on average; the first comes within two seconds
    #[arg(long, value_name = "N", default_value = "180", value_parser = calls_per_hour)]
    calls_per_hour: f64,
    /// How long caller and agent talk, on average
    #[arg(long, value_name = "DURATION", default_value = "25s")]
    talk: Seconds,
    /// How long a caller waits before giving up, on average
    #[arg(long, value_name = "DURATION", default_value = "90s")]
    patience: Seconds,
    /// Callers, their patience and their talk are drawn from it
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
    let Some(tenant) = documents::tenant(&args.files)? else {
        return Ok(Outcome::Found);
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .init();
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("no threads to run on")?
        .block_on(up(args, tenant, read_at))
}

async fn up(args: Args, tenant: Tenant, read_at: follow::Stamps) -> Result<Outcome> {
    let terminated = terminated()?;
    let folder = Folder::open(args.state.clone())?;
    folder.put(&tenant)?;
    let (key, token) = (folder.key()?, folder.token()?);
    let engine = Engine::start(Options {
        place: Place::Machine {
            config: folder.tenant(),
            hosts: Vec::new(),
            pods: Vec::new(),
        },
        journal: folder.journal().into(),
        retention: RETENTION,
        listen: SocketAddr::from((Ipv4Addr::LOCALHOST, args.port)),
        metrics: None,
        telephony: Voice::Sim(settings(&args)),
        tokens: Tokens::new(token.clone(), key.clone()),
        key,
    })
    .await
    .context("--port names another, and --port 0 any free one")?;
    let decisions = engine.handle.decisions();
    let engine = leading(engine)
        .await
        .with_context(|| format!("nothing runs on {}", folder.path().display()))?;
    announce(&args, &tenant, &folder, &engine, &token)?;

    let handle = engine.handle.clone();
    let mut tasks = JoinSet::new();
    tasks.spawn(lines::follow(handle.clone(), decisions));
    tasks.spawn(staff::keep_at_work(handle.clone()));
    tasks.spawn(table::every(handle.clone(), seconds(args.table)));
    if !args.files.iter().any(|file| file == "-") {
        let config = folder.config();
        tasks.spawn(follow::follow(args.files.clone(), read_at, config));
    }
    let enough = async {
        match args.length {
            Some(length) => tokio::time::sleep(seconds(length)).await,
            None => std::future::pending().await,
        }
    };
    let until = async {
        tokio::select! {
            () = terminated => {}
            () = enough => {}
        }
    };
    let end = engine.run_until(until).await;
    drop(tasks);
    table::show(&handle);
    match end {
        Ok(LoopEnd::Stopped) => Ok(Outcome::Fine),
        Ok(LoopEnd::SteppedDown(why)) => {
            say(format_args!("error: it ended by itself: {why}"));
            Ok(Outcome::Found)
        }
        Err(error) => {
            say(format_args!("error: it ended by itself: {error:#}"));
            Ok(Outcome::Found)
        }
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
fn announce(
    args: &Args,
    tenant: &Tenant,
    folder: &Folder,
    engine: &Engine,
    token: &str,
) -> Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "TRUNKLINE_API=http://{}", engine.api)?;
    writeln!(out, "TRUNKLINE_TOKEN={token}")?;
    out.flush()?;
    let rate = args.calls_per_hour;
    say(format_args!("{}: {}", tenant.name, lines::sizes(tenant)));
    say(format_args!(
        "callers are SIMULATED ({rate} an hour, seed {}): no SIP, no audio, no Asterisk",
        args.seed
    ));
    if sim::entries(tenant).is_empty() {
        say("warning: no number of a live Client leads to a queue, so nobody can call");
    }
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
    match args.length {
        Some(length) => say(format_args!("it ends in {length}, or at Ctrl-C\n")),
        None => say("Ctrl-C ends it\n"),
    }
    Ok(())
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
