//! `trunkline compile`: what the documents mean together, as JSON.

use std::io::Write as _;

use anyhow::Result;

use crate::documents;
use crate::outcome::Outcome;

/// `trunkline compile FILES`
#[derive(clap::Args)]
pub struct Args {
    /// Files or folders of YAML, or `-`
    #[arg(required = true, value_name = "FILES")]
    files: Vec<String>,
}

/// Prints the Tenant; where there is an error, only that, on stderr.
pub fn run(args: Args) -> Result<Outcome> {
    let Some(tenant) = documents::tenant(&args.files)? else {
        return Ok(Outcome::Found);
    };
    let mut out = std::io::stdout().lock();
    serde_json::to_writer_pretty(&mut out, &tenant)?;
    writeln!(out)?;
    Ok(Outcome::Fine)
}
