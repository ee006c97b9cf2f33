//! `trunkline-engine`: the routing engine of a tenant, and the side-car of its media pods under
//! another subcommand. This file wires and decides nothing.

mod args;

use std::num::NonZero;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::{Parser, Subcommand};
use trunkline_engine::media;
use trunkline_engine::process;
use trunkline_engine::run::LoopEnd;

#[derive(Parser)]
#[command(
    name = "trunkline-engine",
    version,
    about = "Trunkline's routing engine and media side-car"
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Route a tenant's contacts
    Run(Box<args::RunArgs>),
    /// Print the token with which an agent uses the API
    AgentToken(args::TokenArgs),
    /// Asterisk's other half in a media pod: renders, has it run, reports, drains
    MediaSidecar(Box<media::SidecarArgs>),
}

/// Another engine leads: the kubelet starts us again, as a standby.
const STEPPED_DOWN: u8 = 3;

fn main() -> ExitCode {
    let command = Cli::parse().command;
    // Two threads at least, also on one core: a long report must not stand in the main loop's way.
    let threads = std::thread::available_parallelism()
        .map_or(1, NonZero::get)
        .max(2);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(threads)
        .enable_all()
        .build();
    let done = runtime
        .context("no threads can be had")
        .and_then(|runtime| runtime.block_on(dispatch(command)));
    match done {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn dispatch(command: Command) -> Result<ExitCode> {
    match command {
        Command::Run(args) => {
            args::init_logs(args.logs);
            let until = process::terminated()?;
            let end = trunkline_engine::run::run(args.options()?, until).await?;
            Ok(match end {
                LoopEnd::Stopped => ExitCode::SUCCESS,
                LoopEnd::SteppedDown(_) => ExitCode::from(STEPPED_DOWN),
            })
        }
        Command::AgentToken(args) => {
            println!("{}", args.token()?);
            Ok(ExitCode::SUCCESS)
        }
        Command::MediaSidecar(args) => {
            args::init_logs(args::Logs::Json);
            media::run(*args).await?;
            Ok(ExitCode::SUCCESS)
        }
    }
}
