//! `trunkline fit`: patience and handling times from a CSV of calls.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use clap::ValueEnum;
use csv::StringRecord;
use serde_json::{Value, json};
use trunkline_workforce::fit::{Ending, Wait, fit_handling, fit_patience};

use crate::number::{read_within, shown, shown_if};
use crate::outcome::Outcome;
use crate::stdio::data;
use crate::table::no_column_twice;

/// Longer waits and calls than a month are slips of the log.
const MOST_SECONDS: f64 = 31.0 * 86_400.0;

/// As many points of a survival curve as a reader can use.
const CURVE_POINTS: usize = 20;

/// `trunkline fit CALLS.csv`
#[derive(clap::Args)]
pub struct Args {
    /// CSV with a header: wait (seconds), outcome (answered or abandoned), and optionally
    /// handle (seconds, of the answered) and queue
    calls: PathBuf,
    /// How to print
    #[arg(short, long, value_enum, default_value_t = Format::Text)]
    output: Format,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Json,
}

/// What a log tells of one queue, or of all.
#[derive(Default, Clone)]
struct Log {
    waits: Vec<Wait>,
    handling: Vec<f64>,
}

/// Prints the fits.
pub fn run(args: Args) -> Result<Outcome> {
    let logs = read(&args.calls).with_context(|| args.calls.display().to_string())?;
    let all = fitted(&logs.all);
    let queues: serde_json::Map<String, Value> = logs
        .queues
        .iter()
        .map(|(queue, log)| (queue.clone(), fitted(log)))
        .collect();
    match args.output {
        Format::Json => data!("{}", json!({"all": all, "queues": queues}))?,
        Format::Text => {
            print_text("all", &all)?;
            for (queue, fit) in &queues {
                print_text(queue, fit)?;
            }
        }
    }
    // A log that fits neither law has told nothing.
    let told = |part: &str| all[part].get("reason").is_none();
    Ok(if told("patience") || told("handle") {
        Outcome::Fine
    } else {
        Outcome::Found
    })
}

struct Logs {
    all: Log,
    queues: BTreeMap<String, Log>,
}

struct Columns {
    wait: usize,
    outcome: usize,
    handle: Option<usize>,
    queue: Option<usize>,
}

impl Columns {
    fn find(header: &StringRecord) -> Result<Self> {
        let at = |name: &str| header.iter().position(|column| column == name);
        let must = |name: &str| {
            at(name).with_context(|| {
                format!("there is no column named {name}; it needs wait and outcome, and may have handle and queue")
            })
        };
        Ok(Self {
            wait: must("wait")?,
            outcome: must("outcome")?,
            handle: at("handle"),
            queue: at("queue"),
        })
    }
}

fn read(path: &Path) -> Result<Logs> {
    let mut rows = csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .from_path(path)?;
    no_column_twice(rows.headers()?)?;
    let columns = Columns::find(rows.headers()?)?;
    let mut logs = Logs {
        all: Log::default(),
        queues: BTreeMap::new(),
    };
    for (index, row) in rows.records().enumerate() {
        let number = index + 1;
        let row = row.with_context(|| format!("row {number}"))?;
        let call = call(&columns, &row, number)?;
        logs.all.add(&call);
        if let Some(queue) = columns.queue.and_then(|at| row.get(at)) {
            logs.queues.entry(queue.to_owned()).or_default().add(&call);
        }
    }
    ensure!(!logs.all.waits.is_empty(), "it has no rows");
    Ok(logs)
}

struct Call {
    wait: Wait,
    handle: Option<f64>,
}

fn call(columns: &Columns, row: &StringRecord, number: usize) -> Result<Call> {
    let cell = |at: usize| row.get(at).unwrap_or_default();
    let seconds = |name: &str, text: &str| -> Result<f64> {
        let field = format!("row {number}: {name}");
        Ok(read_within(&field, text, 0.0, MOST_SECONDS)?.to_f64())
    };
    let ending = match cell(columns.outcome) {
        "answered" => Ending::Answered,
        "abandoned" => Ending::Abandoned,
        other => bail!("row {number}: outcome: '{other}' is neither answered nor abandoned"),
    };
    let handle = columns.handle.map(cell).filter(|text| !text.is_empty());
    let handle = handle.map(|text| seconds("handle", text)).transpose()?;
    ensure!(
        handle.is_none() || ending == Ending::Answered,
        "row {number}: handle: an abandoned call has no handling time"
    );
    Ok(Call {
        wait: Wait {
            seconds: seconds("wait", cell(columns.wait))?,
            ending,
        },
        handle,
    })
}

impl Log {
    fn add(&mut self, call: &Call) {
        self.waits.push(call.wait);
        self.handling.extend(call.handle);
    }
}

fn fitted(log: &Log) -> Value {
    let patience = match fit_patience(&log.waits) {
        Err(why) => json!({"mean": null, "reason": why.to_string()}),
        Ok(fit) => {
            let every = fit.survival.len().div_ceil(CURVE_POINTS).max(1);
            let curve: Vec<Value> = fit
                .survival
                .iter()
                .skip(every - 1)
                .step_by(every)
                .map(|step| json!([shown(step.seconds), shown(step.survival)]))
                .collect();
            json!({
                "mean": shown(fit.mean),
                "interval_95": [shown(fit.interval.0), shown(fit.interval.1)],
                "abandoned": fit.abandoned,
                "median_kaplan_meier": shown_if(fit.median),
                "distance": shown(fit.distance),
                "survival": curve,
            })
        }
    };
    let handle = match fit_handling(&log.handling) {
        Err(why) => json!({"mean": null, "reason": why.to_string()}),
        Ok(fit) => json!({
            "mu": shown(fit.mu),
            "sigma": shown(fit.sigma),
            "mean": shown(fit.mean),
            "interval_95": [shown(fit.interval.0), shown(fit.interval.1)],
            "sample_mean": shown(fit.sample_mean),
            "count": fit.count,
            "zeros": fit.zeros,
        }),
    };
    json!({"calls": log.waits.len(), "patience": patience, "handle": handle})
}

fn print_text(name: &str, fit: &Value) -> Result<()> {
    let (patience, handle) = (&fit["patience"], &fit["handle"]);
    data!("{name}: {} calls", fit["calls"])?;
    match patience.get("reason").and_then(Value::as_str) {
        Some(why) => data!("  patience: {why}")?,
        None => data!(
            "  patience: mean {} s (95 %: {} to {}), {} abandoned, at most {} from Kaplan-Meier",
            patience["mean"],
            patience["interval_95"][0],
            patience["interval_95"][1],
            patience["abandoned"],
            patience["distance"],
        )?,
    }
    match handle.get("reason").and_then(Value::as_str) {
        Some(why) => data!("  handling: {why}")?,
        None => data!(
            "  handling: lognormal mu {}, sigma {}, mean {} s (of the calls themselves {} s; {} of no length left out)",
            handle["mu"],
            handle["sigma"],
            handle["mean"],
            handle["sample_mean"],
            handle["zeros"],
        )?,
    }
    Ok(())
}
