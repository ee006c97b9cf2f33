//! `trunkline erlang priority`: the waits of callers of whom some go before others.

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use trunkline_workforce::erlang::{LARGEST, SMALLEST, priority_waits};

use super::UNSTABLE;
use super::solve::{LEAST_TIME, MOST_TIME};
use crate::number::{read_within, shown, shown_if};
use crate::outcome::Outcome;
use crate::stdio::{data, note};

const MOST_CLASSES: usize = 100;

/// `trunkline erlang priority …`
#[derive(clap::Args)]
pub struct Args {
    /// Calls in the period of each class, the first before the second and so on: 20,50,30.
    /// Nobody is interrupted, and nobody hangs up
    #[arg(long, value_name = "N,…")]
    calls: String,
    /// The period
    #[arg(long, value_name = "SECONDS", default_value = "3600")]
    per: String,
    /// Mean handling time of all classes, wrap-up included
    #[arg(long, value_name = "SECONDS")]
    aht: String,
    /// Number of agents; need not be whole
    #[arg(long, value_name = "N")]
    agents: String,
}

/// Prints the mean wait of each class, as one JSON object.
///
/// # Errors
/// Where an option can't be read.
pub fn run(args: &Args) -> Result<Outcome> {
    let time = |option: &str, text: &str| -> Result<f64> {
        Ok(read_within(option, text, LEAST_TIME, MOST_TIME)?.to_f64())
    };
    let (per, aht) = (time("--per", &args.per)?, time("--aht", &args.aht)?);
    let agents = read_within("--agents", &args.agents, SMALLEST, LARGEST)?.to_f64();
    let calls = args.calls.split(',').map(|text| {
        let calls = read_within("--calls", text, f64::MIN_POSITIVE, 1e300)?;
        Ok(calls.to_f64())
    });
    let calls: Vec<f64> = calls.collect::<Result<_>>()?;
    ensure!(
        calls.len() <= MOST_CLASSES,
        "--calls: {} classes are too many; at most {MOST_CLASSES}",
        calls.len()
    );
    let rates: Vec<f64> = calls.iter().map(|calls| calls / per).collect();
    let load: f64 = rates.iter().map(|rate| rate * aht).sum();
    ensure!(
        (SMALLEST..=LARGEST).contains(&load),
        "--calls and --aht: together they offer {load:e} erlangs; {SMALLEST:e} to {LARGEST:e} can be computed"
    );
    let waits = priority_waits(&rates, aht, agents).context("--calls")?;
    let stable = waits.iter().all(Option::is_some);
    if !stable {
        note!("warning: {UNSTABLE}, that of the classes without a mean_wait");
    }
    let classes = calls.iter().zip(&waits);
    let classes: Vec<Value> = classes
        .map(|(calls, wait)| json!({"calls": shown(*calls), "mean_wait": shown_if(*wait)}))
        .collect();
    let object = json!({
        "offered_load": shown(load),
        "agents": shown(agents),
        "stable": stable,
        "classes": classes,
    });
    data!("{object}")?;
    Ok(Outcome::Fine)
}
