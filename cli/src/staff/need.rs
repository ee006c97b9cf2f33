//! `--forecast`: the agents that each interval and team requires, verified by simulation.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, Result, bail, ensure};
use trunkline_routing::{Span, Time};
use trunkline_tenant::Tenant;
use trunkline_tenant::crds::TeamName;
use trunkline_workforce::simulate::{Law, Laws, Presence, working_hours};
use trunkline_workforce::staffing::{
    self, MOST_ERLANGS, Problem, Staffing, StaffingError, gaps, staff,
};

use super::Format;
use super::print;
use crate::demand::{self, Expected, Given, Patience};
use crate::documents;
use crate::outcome::Outcome;
use crate::simulate::{moment, seconds, share_of_level};
use crate::stdio::note;

/// What is asked for.
#[derive(clap::Args)]
pub struct Options {
    /// Calls expected by interval, as `forecast` prints them: CSV with a header: at (seconds from
    /// the start, or a time), calls, and optionally queue, handle, patience (distributions, as
    /// --handle). Finds the least agents of each team in each interval; at most 2,000 erlangs in
    /// one, and a million calls in all
    #[arg(long, value_name = "F.csv")]
    pub forecast: Option<PathBuf>,
    /// The queue of a forecast that has no column for it
    #[arg(long, value_name = "QUEUE", requires = "forecast")]
    queue: Option<String>,
    /// Length of an interval; without it, the least distance of two
    #[arg(long, value_name = "SECONDS", value_parser = seconds::parse, requires = "forecast")]
    per: Option<Span>,
    /// Talk and hold, where the forecast says nothing: `180` (exponential), `fixed:180`,
    /// `lognormal:185:1.2`, `empirical:F.csv`. Wrap-up comes on top, as declared
    #[arg(long, value_name = "LAW", value_parser = demand::handle, requires = "forecast")]
    handle: Option<Law>,
    /// Patience, where the forecast says nothing, as --handle; `inf`, or none: they wait for ever
    #[arg(long, value_name = "LAW", value_parser = demand::patience, requires = "forecast")]
    patience: Option<Patience>,
    /// Seconds until an agent accepts
    #[arg(long, default_value = "0", value_parser = seconds::parse, value_name = "SECONDS", requires = "forecast")]
    ring: Span,
    /// Everyone's wrap-up, in place of what is declared
    #[arg(long, value_parser = seconds::parse, value_name = "SECONDS", requires = "forecast")]
    wrap_up: Option<Span>,
    /// The date of the start: calendars and training then apply
    #[arg(long, value_name = "RFC3339", value_parser = moment, requires = "forecast")]
    start: Option<Time>,
    /// How busy whole days are, beside chance: the coefficient of variation of a day's level
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, value_parser = share_of_level, requires = "forecast")]
    swing: f64,
    /// Take each interval for itself, as if it had gone on for ever; so is a single one. Else
    /// the day is followed as it goes, from empty queues
    #[arg(long, requires = "forecast")]
    steady: bool,
    /// Say, too, what lacks of the people who are there by the documents' shifts, as with
    /// `simulate --shifts`, and what would cure it. Needs dates
    #[arg(long, requires = "forecast")]
    shifts: bool,
    /// What an agent of a team costs beside one of another, as `back=1.5`; 1 where nothing is said
    #[arg(long, value_name = "TEAM=COST", value_parser = cost, requires = "forecast")]
    cost: Vec<(TeamName, f64)>,
    /// Contacts simulated in each try of the search: more are surer and slower
    #[arg(long, value_name = "N", default_value_t = 20_000, value_parser = clap::value_parser!(u32).range(1_000..=10_000_000), requires = "forecast")]
    effort: u32,
}

fn cost(text: &str) -> Result<(TeamName, f64), String> {
    let bad = || format!("`{text}` is no cost of a team: write it as back=1.5");
    let (team, cost) = text.split_once('=').ok_or_else(bad)?;
    let cost = cost.parse::<f64>().map_err(|_| bad())?;
    Ok((TeamName::from(team), cost))
}

/// Finds the least agents and prints them.
///
/// # Errors
/// Where a file is missing or a cell can't be read, with its row and column.
pub fn run(files: &[String], options: &Options, seed: u64, format: Format) -> Result<Outcome> {
    let Some(tenant) = documents::tenant(files)? else {
        return Ok(Outcome::Found);
    };
    let tenant = Arc::new(tenant);
    let path = options.forecast.clone().unwrap_or_default();
    let name = path.display().to_string();
    let expected = expected(options, &tenant).with_context(|| name.clone())?;
    let periods = expected.demands.iter().flat_map(|demand| &demand.periods);
    ensure!(
        periods.into_iter().all(|period| period.laws.is_some()),
        "{name}: there is no column handle; give --handle, as --handle 180"
    );
    let steady = options.steady || expected.intervals.len() == 1;
    let asked = staffing::Options {
        seed,
        start: expected.start,
        ring: options.ring,
        wrap_up: options.wrap_up,
        steady,
        costs: options.cost.iter().cloned().collect::<BTreeMap<_, _>>(),
        swing: options.swing,
        effort: options.effort as usize,
    };
    let intervals: Vec<(Span, Span)> = expected
        .intervals
        .iter()
        .map(|interval| (interval.from, interval.to))
        .collect();
    let problem = match Problem::new(&tenant, &expected.demands, &intervals, asked) {
        Ok(problem) => problem,
        Err(error @ StaffingError::OutOfRange { .. }) => return Err(error.into()),
        Err(error @ StaffingError::TooMany { .. }) => return Err(error).context(name),
        Err(StaffingError::TooMuch {
            queue,
            interval,
            erlangs,
        }) => {
            let row = expected.row(&queue, intervals[interval].0);
            let row = row.map_or_else(String::new, |row| format!("row {row}, column calls: "));
            let erlangs = (10.0 * erlangs).round() / 10.0;
            bail!(
                "{name}: {row}{erlangs} erlangs are expected in this interval (calls × handling time over its length); at most {MOST_ERLANGS:.0} can be staffed for"
            )
        }
        Err(error) => {
            note!("error: {error}");
            return Ok(Outcome::Found);
        }
    };
    let there = options
        .shifts
        .then(|| on_shift(&expected, &tenant))
        .transpose()?;
    let answer: Staffing = staff(&problem);
    let gaps = there.map(|there| gaps(&tenant, &answer, &there));
    let labels: Vec<&str> = expected
        .intervals
        .iter()
        .map(|interval| interval.label.as_str())
        .collect();
    let shown = print::Shown {
        tenant: &tenant,
        problem: &problem,
        answer: &answer,
        gaps: gaps.as_deref(),
        labels: &labels,
    };
    print::print(&shown, format)?;
    for unmet in &answer.unmet {
        note!("error: {}: {}", labels[unmet.interval], unmet.why);
    }
    notes(&tenant, &answer, &labels);
    Ok(if answer.unmet.is_empty() {
        Outcome::Fine
    } else {
        Outcome::Found
    })
}

/// Who works when, by the documents' shifts.
fn on_shift(expected: &Expected, tenant: &Tenant) -> Result<Vec<Presence>> {
    let start = expected.start.context(
        "--shifts: shifts start at times of the day; give the date of the start, as --start 2027-01-04T08:00:00+01:00",
    )?;
    let ends = expected.intervals.iter().map(|interval| interval.to);
    Ok(working_hours(tenant, start, ends.max().unwrap_or_default()))
}

fn expected(options: &Options, tenant: &Tenant) -> Result<Expected> {
    let queue = options.queue.as_deref();
    let queue = queue
        .map(|text| demand::queue(text, tenant).context("--queue"))
        .transpose()?;
    let laws = options.handle.clone().map(|handle| Laws {
        handle,
        patience: options.patience.clone().and_then(|patience| patience.0),
    });
    let given = Given {
        queue: queue.as_ref(),
        per: options.per,
        start: options.start,
        laws,
    };
    demand::read(
        &options.forecast.clone().unwrap_or_default(),
        tenant,
        &given,
    )
}

/// What is guaranteed to clients and not there is worth knowing, though the targets hold.
fn notes(tenant: &Tenant, answer: &Staffing, labels: &[&str]) {
    let mut guaranteed: BTreeMap<&TeamName, BTreeMap<_, u32>> = BTreeMap::new();
    for (id, queue) in &tenant.queues {
        for share in queue.teams.iter().filter(|share| share.guaranteed > 0) {
            let of_client = guaranteed.entry(&share.name).or_default();
            let most = of_client.entry(id.client()).or_default();
            *most = share.guaranteed.max(*most);
        }
    }
    for (team, of_client) in guaranteed {
        let promised: u32 = of_client.values().sum();
        let need = |at: usize| {
            answer.intervals[at]
                .teams
                .iter()
                .find(|need| need.team == *team)
        };
        let below =
            (0..labels.len()).filter(|&at| need(at).is_some_and(|need| need.required < promised));
        let below: Vec<usize> = below.collect();
        if let Some(first) = below.first() {
            note!(
                "note: team {team}: {} of {} intervals require fewer agents than the {promised} that clients are guaranteed, the first at {}",
                below.len(),
                labels.len(),
                labels[*first]
            );
        }
    }
}
