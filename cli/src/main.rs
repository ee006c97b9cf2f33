//! `trunkline`: the command that planners, pipelines and project managers use.
//!
//! This file wires and decides nothing: each command is a module with an `Args`
//! and a `run(Args) -> anyhow::Result<Outcome>`; a new one is a module, a variant
//! of [`Command`] and an arm of the dispatch. Data goes to stdout, everything
//! else to stderr.

mod compile;
mod demand;
mod documents;
mod erlang;
mod explain;
mod fit;
mod forecast;
mod hire;
mod number;
mod outcome;
mod simulate;
mod staff;
mod stdio;
mod table;
mod up;
mod validate;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(
    name = "trunkline",
    version,
    about = "Validate, simulate, staff and run call-centre tenants"
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Check documents against every rule, offline
    Validate(validate::Args),
    /// Print what the documents mean together, as JSON
    Compile(compile::Args),
    /// Exact Erlang B, C and A, and their inverses
    Erlang(Box<erlang::Args>),
    /// Why a contact went, or did not go, to an agent, from the journal alone
    #[command(long_about = explain::ABOUT)]
    Explain(explain::Args),
    /// Patience and handling times from a log of calls
    Fit(fit::Args),
    /// Counts to come, with intervals, from counts that came
    Forecast(forecast::Args),
    /// Classes, seats and floor space from turnover and a requirement
    Hire(Box<hire::Args>),
    /// Run the tenant on arrivals, on the real routing core
    Simulate(Box<simulate::Args>),
    /// The least agents by interval and team (--forecast), and who works when (--plan)
    Staff(Box<staff::Args>),
    /// Run the tenant on this machine, with no cluster: real calls where Asterisk is, else simulated ones
    #[command(long_about = up::ABOUT)]
    Up(Box<up::Args>),
    /// The part of `up` that becomes Asterisk
    #[command(hide = true)]
    UpAsterisk(up::Becomes),
}

/// Exit code for wrong usage, a missing file, or text that cannot be read;
/// clap uses the same for what it rejects itself.
const WRONG_USAGE: u8 = 2;

fn main() -> ExitCode {
    let ended = match Cli::parse().command {
        Command::Validate(args) => validate::run(args),
        Command::Compile(args) => compile::run(args),
        Command::Erlang(args) => erlang::run(*args),
        Command::Explain(args) => explain::run(args),
        Command::Fit(args) => fit::run(args),
        Command::Forecast(args) => forecast::run(args),
        Command::Hire(args) => hire::run(*args),
        Command::Simulate(args) => simulate::run_command(*args),
        Command::Staff(args) => staff::run(*args),
        Command::Up(args) => up::run(*args),
        Command::UpAsterisk(args) => up::become_it(args),
    };
    match ended {
        Ok(outcome) => outcome.into(),
        Err(error) if stdio::nobody_reads(&error) => ExitCode::SUCCESS,
        Err(error) => {
            stdio::note!("error: {error:#}");
            ExitCode::from(WRONG_USAGE)
        }
    }
}
