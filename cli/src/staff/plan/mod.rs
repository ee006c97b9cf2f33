//! `--plan`: from agents required to who works which shift on which day, with their breaks.
//!
//! Each team is planned for itself: it has its own people, shifts and seats.

mod calendar;
mod into;
mod print;
mod required;
mod roster;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use trunkline_tenant::crds::{Seconds, TeamName};
use trunkline_workforce::rota::{self, Effort, Lack, Plan};

use super::Format;
use crate::documents;
use crate::outcome::Outcome;
use crate::stdio::note;
use roster::Roster;

/// How people are planned.
#[derive(clap::Args)]
#[group(id = "planning")]
pub struct Options {
    /// CSV with a header: at (the interval's start, RFC 3339 or the centre's local time), team,
    /// required (whole agents), and optionally skill (of the team; `german` or `german:3`) and
    /// scheduled (the same with shrinkage). Plans who works which of the declared shifts
    #[arg(long, value_name = "REQUIRED.csv")]
    pub plan: Option<PathBuf>,
    /// Write shifts.csv, intervals.csv, people.csv, presence.csv (for `simulate --agents`) and
    /// calendars/AGENT.ics into this folder
    #[arg(long, value_name = "DIR", requires = "plan")]
    into: Option<PathBuf>,
    /// Plan for `required` as it stands, without the teams' shrinkage
    #[arg(long, requires = "plan")]
    net: bool,
    /// Between two shifts of a person, at least
    #[arg(
        long,
        requires = "plan",
        value_name = "DURATION",
        default_value = "11h"
    )]
    rest: Seconds,
    /// Days that a person works of any seven in a row, at most
    #[arg(long, requires = "plan", value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u8).range(1..=7))]
    days_in_seven: u8,
    /// Hours a week, at most, of who has no `employment.hoursPerWeek`
    #[arg(long, requires = "plan", value_name = "HOURS", default_value_t = 48, value_parser = clap::value_parser!(u8).range(1..=168))]
    max_hours: u8,
    /// Breaks of this length or longer don't count as hours worked
    #[arg(
        long,
        requires = "plan",
        value_name = "DURATION",
        default_value = "30m"
    )]
    unpaid_breaks: Seconds,
    /// For so long after a shift its seat stays taken
    #[arg(long, requires = "plan", value_name = "DURATION", default_value = "0s")]
    hand_over: Seconds,
    /// What a missing agent may cost in paid time: 100 covers whatever can be covered, 8 leaves
    /// out an odd quarter of an hour that would cost a whole shift
    #[arg(long, requires = "plan", value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    shortage: u32,
    /// Moves of the search: more are better and slower
    #[arg(long, requires = "plan", value_name = "N", default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1..=1_000_000_000))]
    moves: u64,
    /// End with 1 where anybody is missing
    #[arg(long, requires = "plan")]
    strict: bool,
}

/// A team, its plan, and what it would take where that falls short.
struct Planned {
    roster: Roster,
    plan: Plan,
    /// Seats that would be taken if there were enough, where they are too few.
    seats_wanted: Option<u32>,
}

/// Plans each team of the file.
///
/// # Errors
/// Where a file is missing, a cell can't be read, or a team can't be planned at all.
pub fn run(
    files: &[String],
    required: &Path,
    options: &Options,
    seed: u64,
    output: Format,
) -> Result<Outcome> {
    let Some(tenant) = documents::tenant(files)? else {
        return Ok(Outcome::Found);
    };
    let path = required.display();
    let teams = required::read(required, &tenant, options.net).with_context(|| path.to_string())?;
    let mut planned = Vec::new();
    for (team, wanted) in teams {
        let roster = roster::of(&tenant, &team, &wanted, options)
            .with_context(|| format!("{path}: team {team}"))?;
        planned.push(solve(roster, options, seed, &team)?);
    }
    ensure!(
        !planned.is_empty(),
        "{path}: no row is of a team of people, so there is nobody to plan"
    );
    if let Some(folder) = &options.into {
        into::write(folder, &planned).with_context(|| format!("--into {}", folder.display()))?;
    }
    match output {
        Format::Text => print::text(&planned)?,
        Format::Csv => print::shifts(std::io::stdout().lock(), &planned)?,
        Format::Json => print::json(&planned)?,
    }
    let short = planned
        .iter()
        .any(|one| one.plan.rows.iter().any(|row| row.gap > 0.0));
    Ok(if short && options.strict {
        Outcome::Found
    } else {
        Outcome::Fine
    })
}

fn solve(roster: Roster, options: &Options, seed: u64, team: &TeamName) -> Result<Planned> {
    let effort = Effort {
        moves: options.moves,
        seed,
        ..Effort::default()
    };
    let named = || format!("team {team}");
    let plan = rota::plan(&roster.rota, &effort).with_context(named)?;
    let lacks_seats = plan.rows.iter().any(|row| row.lack == Some(Lack::Seat));
    let seats_wanted = if lacks_seats {
        let mut enough = roster.rota.clone();
        enough.rules.seats = None;
        let wanted = rota::plan(&enough, &effort).with_context(named)?;
        wanted.peak.map(|peak| peak.seats)
    } else {
        None
    };
    for line in &roster.notes {
        note!("note: team {team}: {line}");
    }
    Ok(Planned {
        roster,
        plan,
        seats_wanted,
    })
}
