//! `trunkline erlang b|c|a`: exact queueing formulae and their inverses; and `priority` and
//! `transient`, for queues that no one of these describes.

mod classes;
mod moving;
mod options;
mod print;
mod solve;

use std::fs::File;
use std::io::{BufWriter, Write, stdout};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use clap::ValueEnum;

use self::options::Options;
use self::solve::{Answer, solve};
use crate::outcome::Outcome;
use crate::stdio::{data, note};

/// `trunkline erlang b|c|a …`
#[derive(clap::Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct Args {
    #[command(subcommand)]
    beyond: Option<Beyond>,
    /// What callers do who find every agent busy
    #[arg(required = true)]
    model: Option<Model>,
    #[command(flatten)]
    options: Options,
    /// Read the options from the columns of this CSV, one case a row; options given here
    /// hold where a row has none. Prints one JSON object a line
    #[arg(long, value_name = "FILE")]
    batch: Option<PathBuf>,
}

/// Queues beyond one class of callers at one rate.
#[derive(clap::Subcommand)]
enum Beyond {
    /// Mean waits where some callers go before others
    Priority(classes::Args),
    /// What callers meet while load and agents move, interval by interval: after a rush those
    /// who wait still are the next interval's, too
    Transient(moving::Args),
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Model {
    /// They are turned away
    B,
    /// They wait for ever
    C,
    /// They wait as long as their patience lasts
    A,
}

const UNSTABLE: &str = "unstable: the queue grows without end at this load";

/// Prints the case asked for, or each row's.
pub fn run(args: Args) -> Result<Outcome> {
    match &args.beyond {
        Some(Beyond::Priority(args)) => return classes::run(args),
        Some(Beyond::Transient(args)) => return moving::run(args),
        None => {}
    }
    let model = args
        .model
        .context("which model? b, c or a; or priority or transient")?;
    match &args.batch {
        Some(path) => batch(model, &args.options, path),
        None => match solve(model, &args.options, "--")? {
            Answer::Found(object) => {
                if !object.stable {
                    note!("warning: {UNSTABLE}");
                }
                data!("{}", serde_json::to_string(&object)?)?;
                Ok(Outcome::Fine)
            }
            Answer::Impossible(why) => {
                note!("error: {why}");
                Ok(Outcome::Found)
            }
        },
    }
}

/// A row that cannot be answered gets a line too, so that lines and rows stay in step.
fn batch(model: Model, defaults: &Options, path: &Path) -> Result<Outcome> {
    let file = File::open(path).with_context(|| format!("--batch {}", path.display()))?;
    let mut rows = csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .from_reader(file);
    let named = |what: &str| format!("--batch {}: {what}", path.display());
    let columns = rows.headers().with_context(|| named("header"))?.clone();
    options::check_columns(&columns).with_context(|| named("header"))?;

    let mut out = BufWriter::new(stdout().lock());
    let mut outcome = Outcome::Fine;
    let mut answered = 0;
    for (index, row) in rows.records().enumerate() {
        let number = index + 1;
        answered = number;
        let answer = row
            .map_err(anyhow::Error::from)
            .and_then(|row| solve(model, &defaults.with_row(&columns, &row), ""));
        let why = match answer {
            Ok(Answer::Found(object)) => {
                if !object.stable {
                    note!("warning: {}: row {number}: {UNSTABLE}", path.display());
                }
                writeln!(out, "{}", serde_json::to_string(&object)?)?;
                continue;
            }
            Ok(Answer::Impossible(why)) => why,
            Err(error) => format!("{error:#}"),
        };
        outcome = Outcome::Found;
        note!("error: {}: row {number}: {why}", path.display());
        writeln!(out, "{}", serde_json::json!({"row": number, "error": why}))?;
    }
    out.flush()?;
    ensure!(answered > 0, named("it has no rows: nothing is asked"));
    Ok(outcome)
}
