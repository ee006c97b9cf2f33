//! `trunkline explain`: why a contact went, or did not go, to an agent.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow, bail};
use chrono::{DateTime, SecondsFormat, Utc};
use trunkline_engine::explain::{Explanation, Question, explain};
use trunkline_engine::journal::Location;
use trunkline_routing::{ContactId, Time};

use crate::outcome::Outcome;

/// What `trunkline explain --help` begins with.
pub const ABOUT: &str = "Why a contact went, or did not go, to an agent, from the journal alone

Replays the journal to the instant and asks the routing core, so it answers months later as on the
day. The journal is that of `trunkline up --state DIR` once it has stopped (a running engine holds
it), a copy of an engine's volume, or a database, which may be in use: nothing is written to it. A
running engine is asked over its API with --engine and --token. Prints what became of the contact,
then each agent with everything that decided it.";

/// `trunkline explain CONTACT`
#[derive(clap::Args)]
pub struct Args {
    /// The contact's number
    contact: u64,
    /// Only about this agent
    #[arg(long, value_name = "NAME")]
    agent: Option<String>,
    /// As things stood then (RFC 3339); unless told, when the contact last moved
    #[arg(long, value_name = "TIME")]
    at: Option<DateTime<Utc>>,
    /// The journal's file, or the folder of `trunkline up --state`
    #[arg(
        long,
        value_name = "PATH",
        conflicts_with = "engine",
        required_unless_present_any = ["engine", "journal_url_file"]
    )]
    journal: Option<PathBuf>,
    /// The journal's database: a file with its URL, as the engine takes it; `ca.crt` beside it is
    /// what the server is known by
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with_all = ["journal", "engine"]
    )]
    journal_url_file: Option<PathBuf>,
    /// A running engine's API, as `http://127.0.0.1:8080`
    #[arg(long, value_name = "URL", requires = "token")]
    engine: Option<String>,
    /// Its administration's token
    #[arg(long, env = "TRUNKLINE_TOKEN", hide_env_values = true)]
    token: Option<String>,
    /// As one JSON object, as the API answers
    #[arg(long)]
    json: bool,
}

/// Answers.
///
/// # Errors
/// Where the journal or the engine can't be read, or doesn't know the contact.
pub fn run(args: Args) -> Result<Outcome> {
    let explanation = match (&args.journal, &args.journal_url_file, &args.engine) {
        (Some(path), ..) => from_journal(&args, &of_file(path))?,
        (None, Some(file), _) => from_journal(&args, &Location::read(file)?)?,
        (None, None, Some(engine)) => from_engine(&args, engine)?,
        (None, None, None) => {
            bail!("name a journal by --journal or --journal-url-file, or an engine by --engine")
        }
    };
    let mut out = std::io::stdout().lock();
    if args.json {
        serde_json::to_writer_pretty(&mut out, &explanation)?;
        writeln!(out)?;
    } else {
        print(&mut out, &explanation)?;
    }
    Ok(Outcome::Fine)
}

fn of_file(path: &Path) -> Location {
    if path.is_dir() {
        path.join("journal.sqlite").into()
    } else {
        path.to_path_buf().into()
    }
}

fn from_journal(args: &Args, location: &Location) -> Result<Explanation> {
    let opened = location.open_to_read();
    let mut journal =
        opened.context("the journal can't be read; a running engine is asked by --engine")?;
    let question = Question {
        contact: ContactId(args.contact),
        agent: args.agent.as_deref().map(Into::into),
        at: args.at.map(|at| Time(at.timestamp_micros())),
    };
    Ok(explain(journal.as_mut(), question)?)
}

fn from_engine(args: &Args, engine: &str) -> Result<Explanation> {
    let mut query = Vec::new();
    if let Some(agent) = &args.agent {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
        if !agent.chars().all(plain) {
            bail!("`{agent}` is no agent's name");
        }
        query.push(format!("agent={agent}"));
    }
    if let Some(at) = args.at {
        let at = at.to_rfc3339_opts(SecondsFormat::Micros, true);
        query.push(format!("at={at}"));
    }
    let base = engine.trim_end_matches('/');
    let url = format!(
        "{base}/api/v1/contacts/{}/explain?{}",
        args.contact,
        query.join("&")
    );
    let token = args.token.clone().unwrap_or_default();
    let asked = async {
        let client = reqwest::Client::builder().build()?;
        let response = client
            .get(&url)
            .bearer_auth(token)
            .send()
            .await
            .with_context(|| format!("can't reach the engine at {base}"))?;
        let status = response.status();
        let text = response.text().await?;
        if !status.is_success() {
            return Err(anyhow!("the engine answers {status}: {text}"));
        }
        serde_json::from_str(&text).context("the engine's answer is of another release")
    };
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(asked)
}

fn print(out: &mut impl Write, explanation: &Explanation) -> Result<()> {
    let clock = |at: &DateTime<Utc>| at.format("%Y-%m-%d %H:%M:%S%.3fZ").to_string();
    writeln!(out, "contact {}", explanation.contact)?;
    for event in &explanation.history {
        writeln!(out, "  {}  {}", clock(&event.at), event.what)?;
    }
    if let Some(otherwise) = &explanation.decided_otherwise {
        writeln!(out, "  note: {otherwise}")?;
    }
    writeln!(out, "agents at {}", clock(&explanation.at))?;
    for verdict in &explanation.agents {
        writeln!(out, "  {}: {}", verdict.agent, verdict.reasons.join("; "))?;
    }
    Ok(())
}
