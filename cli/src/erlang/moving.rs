//! `trunkline erlang transient`: a queue whose load moves, from interval to interval as it truly
//! goes.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow, ensure};
use csv::StringRecord;
use serde_json::{Value, json};
use trunkline_workforce::erlang::{
    Behaviour, OfferedLoad, Passage, Period, modified_offered_load, transient,
};

use super::solve::{LEAST_TIME, MOST_TIME};
use crate::number::{read_within, shown};
use crate::outcome::Outcome;
use crate::table::Table;

/// Intervals; a year of half hours is another matter.
const MOST_ROWS: usize = 1_000;
const MOST_CALLS: f64 = 1e9;
const MOST_AGENTS: f64 = 1e5;

/// `trunkline erlang transient …`
#[derive(clap::Args)]
pub struct Args {
    /// CSV with a header, an interval a row, in order, from an empty queue: calls, and optionally
    /// agents (whole) and per (seconds); id and note are not read. Prints one JSON object a line
    #[arg(long, value_name = "FILE")]
    batch: PathBuf,
    /// Mean handling time, wrap-up included
    #[arg(long, value_name = "SECONDS")]
    aht: String,
    /// Mean patience; 'inf' for callers who never hang up
    #[arg(long, value_name = "SECONDS")]
    patience: String,
    /// T, the time to answer within
    #[arg(long, value_name = "SECONDS")]
    within: String,
    /// Number of agents, where a row says none
    #[arg(long, value_name = "N")]
    agents: Option<String>,
    /// Length of an interval, where a row says none
    #[arg(long, value_name = "SECONDS", default_value = "3600")]
    per: String,
}

struct Row {
    calls: f64,
    period: Period,
}

/// Prints what the callers of each interval meet.
///
/// # Errors
/// Where the file is missing or a cell can't be read, with its row and column, or the queue is too
/// large to follow.
pub fn run(args: &Args) -> Result<Outcome> {
    let time = |option: &str, text: &str, least: f64| -> Result<f64> {
        Ok(read_within(option, text, least, MOST_TIME)?.to_f64())
    };
    let behaviour = Behaviour {
        aht: time("--aht", &args.aht, LEAST_TIME)?,
        patience: match args.patience.as_str() {
            "inf" | "infinity" | "infinite" => f64::INFINITY,
            text => time("--patience", text, LEAST_TIME)?,
        },
        within: time("--within", &args.within, 0.0)?,
    };
    let name = format!("--batch {}", args.batch.display());
    let rows = read(&args.batch, args).with_context(|| name.clone())?;
    let periods: Vec<Period> = rows.iter().map(|row| row.period).collect();
    let passages = transient(&periods, behaviour).context(name)?;
    let mut out = std::io::stdout().lock();
    let mut left = 0.0;
    for (row, passage) in rows.iter().zip(&passages) {
        let (rate, seconds) = (row.period.arrivals, row.period.seconds);
        let moved = modified_offered_load(&[rate], seconds, behaviour.aht, left);
        // One rate has one load.
        let moved = moved.first().copied().context("no load")?;
        left = moved.end;
        writeln!(out, "{}", printed(row, behaviour.aht, moved, passage))?;
    }
    Ok(Outcome::Fine)
}

fn printed(row: &Row, aht: f64, moved: OfferedLoad, passage: &Passage) -> Value {
    json!({
        "calls": shown(row.calls),
        "per": shown(row.period.seconds),
        "agents": row.period.agents,
        "offered_load": shown(row.period.arrivals * aht),
        "modified_offered_load": shown(moved.mean),
        "p_wait": shown(passage.p_wait),
        "queue_length": shown(passage.queue_length),
        "callers": shown(passage.mean_callers),
        "callers_at_end": shown(passage.end_callers),
        "service_level": {"answered_of_offered": shown(passage.answered_of_offered)},
    })
}

fn read(path: &Path, args: &Args) -> Result<Vec<Row>> {
    let table = Table::open(path, &["id", "note", "calls", "agents", "per"], "intervals")?;
    let calls = table.must("calls")?;
    let (agents, per) = (table.find("agents"), table.find("per"));
    let mut rows = Vec::new();
    table.each(|number, record| {
        ensure!(
            rows.len() < MOST_ROWS,
            "row {number}: at most {MOST_ROWS} intervals can be followed"
        );
        rows.push(row(record, number, (calls, agents, per), args)?);
        Ok(())
    })?;
    ensure!(!rows.is_empty(), "it has no rows: nothing is asked");
    Ok(rows)
}

fn row(
    record: &StringRecord,
    number: usize,
    (calls, agents, per): (usize, Option<usize>, Option<usize>),
    args: &Args,
) -> Result<Row> {
    let own = |at: Option<usize>| {
        let cell = at.and_then(|at| record.get(at));
        cell.filter(|cell| !cell.is_empty())
    };
    let column = |name: &str| format!("row {number}, column {name}");
    let calls = own(Some(calls)).unwrap_or_default();
    let calls = read_within(&column("calls"), calls, 0.0, MOST_CALLS)?.to_f64();
    let seconds = match own(per) {
        Some(text) => read_within(&column("per"), text, LEAST_TIME, MOST_TIME)?,
        None => read_within("--per", &args.per, LEAST_TIME, MOST_TIME)?,
    };
    let seconds = seconds.to_f64();
    let agents = match (own(agents), &args.agents) {
        (Some(text), _) => read_within(&column("agents"), text, 0.0, MOST_AGENTS)?,
        (None, Some(text)) => read_within("--agents", text, 0.0, MOST_AGENTS)?,
        (None, None) => {
            return Err(anyhow!(
                "{}: it is missing, and so is --agents",
                column("agents")
            ));
        }
    };
    ensure!(
        agents.is_whole(),
        "row {number}: {agents} agents are no whole number"
    );
    Ok(Row {
        calls,
        period: Period {
            seconds,
            arrivals: calls / seconds,
            agents: agents.to_f64() as usize,
        },
    })
}
