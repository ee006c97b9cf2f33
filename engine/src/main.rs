//! `trunkline-engine`: the routing engine, and the media pods' side-car under another subcommand.

use clap::{Parser, Subcommand};
use tracing_subscriber::EnvFilter;
use trunkline_engine::media;

#[derive(Parser)]
#[command(version, about = "Trunkline's routing engine and media side-car")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Asterisk's other half in a media pod: renders, has it run, reports, drains
    MediaSidecar(media::SidecarArgs),
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .json()
        .with_env_filter(filter)
        .init();
    match Cli::parse().command {
        Command::MediaSidecar(args) => media::run(args).await,
    }
}
