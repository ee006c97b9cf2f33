//! `trunkline staff`: who is needed when, and who works when.

mod need;
mod plan;
mod print;

use anyhow::Result;
use clap::ValueEnum;

use crate::outcome::Outcome;

/// `trunkline staff FILES --forecast F.csv`, or `--plan REQUIRED.csv`
#[derive(clap::Args)]
#[group(id = "asked", required = true, args = ["forecast", "plan"])]
pub struct Args {
    /// Files or folders of YAML, or `-`
    #[arg(required = true, value_name = "FILES")]
    files: Vec<String>,
    #[command(flatten)]
    need: need::Options,
    #[command(flatten)]
    plan: plan::Options,
    /// What is drawn is drawn from it: the same seed, the same answer
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How to print
    #[arg(short, long, value_enum, default_value_t = Format::Text)]
    output: Format,
}

/// How to print.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// at,team,required,scheduled; of a plan, its shifts and breaks
    Csv,
    /// All of it
    Json,
}

/// Finds who is needed, or plans who works.
///
/// # Errors
/// Where a file is missing or a cell can't be read, with its row and column.
pub fn run(args: Args) -> Result<Outcome> {
    if let Some(required) = &args.plan.plan {
        return plan::run(&args.files, required, &args.plan, args.seed, args.output);
    }
    need::run(&args.files, &args.need, args.seed, args.output)
}
