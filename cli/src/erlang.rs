//! `trunkline erlang`: exact queueing formulae from the command line.

use anyhow::{Result, ensure};
use clap::Subcommand;
use trunkline_workforce::erlang;

use crate::outcome::Outcome;

/// `trunkline erlang b …`
#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    model: Model,
}

#[derive(Subcommand)]
enum Model {
    /// Blocked callers are lost
    B {
        /// Offered load in erlangs
        #[arg(long)]
        load: f64,
        /// Number of agents or lines
        #[arg(long)]
        agents: f64,
    },
}

/// Prints one JSON object for the case asked for.
pub fn run(args: Args) -> Result<Outcome> {
    let Model::B { load, agents } = args.model;
    ensure!(
        load > 0.0 && load.is_finite(),
        "--load: {load} is not a positive number of erlangs"
    );
    ensure!(
        agents >= 0.0 && agents.is_finite(),
        "--agents: {agents} is not a number of agents"
    );
    let blocking = 1.0 / erlang::inverse_blocking(agents, load);
    println!("{{\"offered_load\":{load},\"agents\":{agents},\"p_block\":{blocking}}}");
    Ok(Outcome::Fine)
}
