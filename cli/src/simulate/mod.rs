//! `trunkline simulate`: the tenant on these arrivals, on the real routing core.

mod arrivals;
mod presence;
mod print;
mod seconds;

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use chrono::DateTime;
use clap::ValueEnum;
use trunkline_routing::{Span, Time};
use trunkline_workforce::simulate::{Law, Setup, run};

pub use presence::everyone;

use crate::documents;
use crate::outcome::Outcome;

/// `trunkline simulate FILES --arrivals F.csv`
#[derive(clap::Args)]
pub struct Args {
    /// Files or folders of YAML, or `-`
    #[arg(required = true, value_name = "FILES")]
    files: Vec<String>,
    /// CSV with a header: at (seconds from the start, or RFC 3339), queue (`client/queue`, or
    /// `queue` of the centre), and optionally handle, patience (seconds; empty: for ever),
    /// priority, customer
    #[arg(long, value_name = "F.csv")]
    arrivals: PathBuf,
    /// CSV agent,from,to (seconds; an empty `to`: to the end): who is there when. Without it
    /// everyone whom the documents list, from the start
    #[arg(long, value_name = "F.csv")]
    agents: Option<PathBuf>,
    /// What is drawn is drawn from it
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// So many runs, with seeds from --seed on: means and their 95 % intervals
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    runs: u32,
    /// Seconds until an agent accepts
    #[arg(long, default_value = "0", value_parser = seconds::parse, value_name = "SECONDS")]
    ring: Span,
    /// Handle times where the arrivals have none: `180` (exponential), `fixed:180`,
    /// `lognormal:185:1.2`
    #[arg(long, value_name = "LAW")]
    handle: Option<Law>,
    /// Patience where the arrivals have none, as --handle; without it they wait for ever
    #[arg(long, value_name = "LAW")]
    patience: Option<Law>,
    /// Everyone's wrap-up, in place of what is declared
    #[arg(long, value_parser = seconds::parse, value_name = "SECONDS")]
    wrap_up: Option<Span>,
    /// The date of the start: calendars, employment and training then apply
    #[arg(long, value_name = "RFC3339", value_parser = moment)]
    start: Option<Time>,
    /// Print each contact's fate too
    #[arg(long)]
    contacts: bool,
    /// How to print
    #[arg(short, long, value_enum, default_value_t = Format::Text)]
    output: Format,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Json,
}

fn moment(text: &str) -> Result<Time, String> {
    DateTime::parse_from_rfc3339(text)
        .map(|moment| Time(moment.timestamp_micros()))
        .map_err(|error| format!("{error}: write it as 2027-01-04T08:00:00+01:00"))
}

/// Runs the tenant and prints what came of it.
///
/// # Errors
/// Where a file is missing or a cell can't be read, with its row and column.
pub fn run_command(args: Args) -> Result<Outcome> {
    let Some(tenant) = documents::tenant(&args.files)? else {
        return Ok(Outcome::Found);
    };
    let tenant = Arc::new(tenant);
    let arrivals = arrivals::read(&args.arrivals, &tenant, args.start)
        .with_context(|| args.arrivals.display().to_string())?;
    ensure!(
        args.handle.is_some()
            || arrivals
                .contacts
                .iter()
                .all(|contact| contact.handle.is_some()),
        "{}: there is no column handle; give --handle, as --handle 180",
        args.arrivals.display()
    );
    let presences = match &args.agents {
        Some(path) => presence::read(path, &tenant).with_context(|| path.display().to_string())?,
        None => presence::everyone(&tenant),
    };
    let mut runs = Vec::new();
    let mut setup = Setup {
        seed: args.seed,
        ring: args.ring,
        handle: args.handle,
        patience: args.patience,
        wrap_up: args.wrap_up,
        start: arrivals.start,
    };
    for number in 0..u64::from(args.runs) {
        setup.seed = args.seed.wrapping_add(number);
        let done = run(&tenant, &arrivals.contacts, &presences, &setup);
        if runs.is_empty() {
            done.refusals
                .iter()
                .for_each(|why| eprintln!("warning: {why}"));
        }
        runs.push(done);
    }
    match args.output {
        Format::Json => print::json(&runs, args.contacts)?,
        Format::Text => print::text(&runs, args.contacts)?,
    }
    Ok(Outcome::Fine)
}
