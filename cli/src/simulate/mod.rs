//! `trunkline simulate`: the tenant on these arrivals, on the real routing core.

mod arrivals;
mod fleet;
mod presence;
mod print;
pub mod seconds;

use std::cell::Cell;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use chrono::DateTime;
use clap::ValueEnum;
use trunkline_routing::{Span, Time};
use trunkline_tenant::crds::TeamName;
use trunkline_tenant::{QueueId, Tenant};
use trunkline_workforce::simulate::{
    Contact, Demand, Law, Laws, MOST_REDIALS, Presence, Redial, Rotas, Run, Setup,
    arrivals as made_from, rotas, run_with, working_hours,
};

use fleet::{Plans, Scaled};
pub use presence::everyone;

use crate::demand::{self, Given, Patience};
use crate::documents;
use crate::outcome::Outcome;
use crate::stdio::note;

/// `trunkline simulate FILES --arrivals F.csv`
#[derive(clap::Args)]
pub struct Args {
    /// Files or folders of YAML, or `-`
    #[arg(required = true, value_name = "FILES")]
    files: Vec<String>,
    /// CSV with a header: at (seconds from the start, or RFC 3339), queue (`client/queue`, or
    /// `queue` of the centre), and optionally handle, patience (seconds; empty: for ever),
    /// priority, customer
    #[arg(
        long,
        value_name = "F.csv",
        required_unless_present = "rates",
        conflicts_with = "rates"
    )]
    arrivals: Option<PathBuf>,
    /// In place of --arrivals, calls expected by interval, as `forecast` prints them: CSV with a
    /// header: at (seconds from the start, or a time), calls, and optionally queue, handle,
    /// patience (distributions, as --handle). Callers come at random, anew in each run
    #[arg(long, value_name = "F.csv")]
    rates: Option<PathBuf>,
    /// The queue of a --rates file that has no column for it
    #[arg(
        long,
        value_name = "QUEUE",
        requires = "rates",
        conflicts_with = "arrivals"
    )]
    queue: Option<String>,
    /// Length of an interval of --rates; without it, the least distance of two
    #[arg(long, value_name = "SECONDS", value_parser = seconds::parse, requires = "rates", conflicts_with = "arrivals")]
    per: Option<Span>,
    /// How busy whole days are, beside chance: the coefficient of variation of a day's level
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, value_parser = share_of_level, requires = "rates", conflicts_with = "arrivals")]
    swing: f64,
    /// CSV agent,from,to (seconds, or RFC 3339; an empty `to`: to the end): who is there when.
    /// Without it everyone whom the documents list, from the start
    #[arg(long, value_name = "F.csv")]
    agents: Option<PathBuf>,
    /// Everyone works a shift of theirs each day, with its breaks; those with several take turns,
    /// a week each. Needs dates
    #[arg(long, conflicts_with = "agents")]
    shifts: bool,
    /// Let a virtual team's pods come and go, as `bots=120`: the capacity policy asks for them
    /// between minPods and maxPods, as if the team were alone on its queues; each takes contacts so many
    /// seconds after it is asked for, and free ones are drained. It looks ahead at the calls of
    /// --rates, or at how many of --arrivals each half hour has. Without it there are minPods
    #[arg(long, value_name = "TEAM=SECONDS", value_parser = fleet::scaled)]
    scale: Vec<Scaled>,
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
    /// `lognormal:185:1.2` (mean, sigma of the logarithm), `empirical:F.csv` (a column seconds
    /// and, if wanted, weight)
    #[arg(long, value_name = "LAW", value_parser = demand::handle)]
    handle: Option<Law>,
    /// Patience where the arrivals have none, as --handle; `inf`, or none: they wait for ever
    #[arg(long, value_name = "LAW", value_parser = demand::patience)]
    patience: Option<Patience>,
    /// Share of those who give up that call again, 0 or more and below 1, with the same work and
    /// patience anew; nobody calls again more than 100 times
    #[arg(long, value_name = "SHARE", value_parser = share_below_one)]
    redial: Option<f64>,
    /// After how long they call again, as --handle
    #[arg(long, value_name = "LAW", default_value = "300", value_parser = demand::handle, requires = "redial")]
    redial_after: Law,
    /// Everyone's wrap-up, in place of what is declared
    #[arg(long, value_parser = seconds::parse, value_name = "SECONDS")]
    wrap_up: Option<Span>,
    /// The date of the start: calendars, employment and training then apply, and breaks and ends of
    /// shifts are kept free by capacity.breakGuard
    #[arg(long, value_name = "RFC3339", value_parser = moment)]
    start: Option<Time>,
    /// Print figures by stretches of so many seconds, too
    #[arg(long, value_name = "SECONDS", value_parser = seconds::parse)]
    every: Option<Span>,
    /// Print each contact's fate too (of the first run), and which of them waited for somebody's
    /// break
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

pub fn moment(text: &str) -> Result<Time, String> {
    DateTime::parse_from_rfc3339(text)
        .map(|moment| Time(moment.timestamp_micros()))
        .map_err(|error| format!("{error}: write it as 2027-01-04T08:00:00+01:00"))
}

fn share(text: &str) -> Result<f64, String> {
    let share = text.parse::<f64>().ok();
    share
        .filter(|share| (0.0..=1.0).contains(share))
        .ok_or_else(|| format!("`{text}` is no share from 0 to 1"))
}

/// Were it 1, whom nobody answers would call for ever.
fn share_below_one(text: &str) -> Result<f64, String> {
    let share = share(text)?;
    if share < 1.0 {
        return Ok(share);
    }
    Err(format!(
        "`{text}`: somebody gives up calling in the end; give a share of 0 or more that is below 1, as 0.5"
    ))
}

pub fn share_of_level(text: &str) -> Result<f64, String> {
    share(text).map_err(|why| format!("{why}; 0.06 is a bank's"))
}

/// Where the callers of each run come from.
enum Callers {
    /// The same in each run.
    Trace(Vec<Contact>),
    /// Made anew.
    Rates(Vec<Demand>, f64),
}

impl Callers {
    fn of_run(&self, seed: u64) -> Vec<Contact> {
        match self {
            Self::Trace(contacts) => contacts.clone(),
            Self::Rates(demands, swing) => made_from(demands, seed, *swing),
        }
    }

    /// When the last of them may come.
    fn last(&self) -> Span {
        match self {
            Self::Trace(contacts) => contacts.iter().map(|one| one.at).max().unwrap_or_default(),
            Self::Rates(demands, _) => {
                let periods = demands.iter().flat_map(|demand| &demand.periods);
                periods.map(|period| period.to).max().unwrap_or_default()
            }
        }
    }
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
    let (callers, start) = callers(&args, &tenant)?;
    let presences = presences(&args, &tenant, &callers, start)?;
    let mut setup = Setup {
        seed: args.seed,
        ring: args.ring,
        handle: args.handle.clone(),
        patience: args.patience.clone().and_then(|patience| patience.0),
        wrap_up: args.wrap_up,
        start,
        redial: args.redial.map(|share| Redial {
            share,
            after: args.redial_after.clone(),
        }),
        slices: slices(args.every, callers.last())?,
        rotas: Rotas::new(),
    };
    let plans = Plans::new(&args.scale, &tenant, &callers, &setup, args.swing)?;
    let presences = plans.others(presences, args.agents.is_some())?;
    if let Some(start) = start {
        setup.rotas = rotas(&tenant, &presences, start);
    }
    let mut runs: Vec<Run> = Vec::new();
    for number in 0..u64::from(args.runs) {
        setup.seed = args.seed.wrapping_add(number);
        let desired = vec![Cell::new(0); plans.each.len()];
        let mut fleets = plans.fleets(&desired);
        let contacts = callers.of_run(setup.seed);
        let mut done = run_with(&tenant, &contacts, &presences, &setup, &mut fleets);
        if runs.is_empty() {
            say_who_lacks(&tenant, &contacts, &presences, &plans);
            done.refusals.iter().for_each(|why| note!("warning: {why}"));
        } else {
            // Only the first run's are printed.
            done.fates = Vec::new();
        }
        runs.push(done);
    }
    let worn_out: u64 = runs.iter().map(|run| u64::from(run.worn_out)).sum();
    if worn_out > 0 {
        note!(
            "note: {worn_out} callers would have called again for the {}st time, and nobody does",
            MOST_REDIALS + 1
        );
    }
    let shown = print::Shown {
        tenant: &tenant,
        runs: &runs,
        contacts: args.contacts,
        edges: &setup.slices,
        rotas: !setup.rotas.is_empty(),
    };
    match args.output {
        Format::Json => print::json(&shown)?,
        Format::Text => print::text(&shown)?,
    }
    Ok(Outcome::Fine)
}

/// The callers, and the date of the start if there is one.
fn callers(args: &Args, tenant: &Tenant) -> Result<(Callers, Option<Time>)> {
    if let Some(path) = &args.rates {
        let name = path.display().to_string();
        let queue = args.queue.as_deref();
        let queue = queue
            .map(|text| demand::queue(text, tenant).context("--queue"))
            .transpose()?;
        let laws = args.handle.clone().map(|handle| Laws {
            handle,
            patience: args.patience.clone().and_then(|patience| patience.0),
        });
        let given = Given {
            queue: queue.as_ref(),
            per: args.per,
            start: args.start,
            laws,
        };
        let expected = demand::read(path, tenant, &given).with_context(|| name.clone())?;
        let periods = expected.demands.iter().flat_map(|demand| &demand.periods);
        let has_handle = periods.into_iter().all(|period| period.laws.is_some());
        ensure!(
            has_handle,
            "{name}: there is no column handle; give --handle, as --handle 180"
        );
        let callers = Callers::Rates(expected.demands, args.swing);
        return Ok((callers, expected.start));
    }
    let path = args.arrivals.clone().unwrap_or_default();
    let arrivals =
        arrivals::read(&path, tenant, args.start).with_context(|| path.display().to_string())?;
    let has_handle = arrivals.contacts.iter().all(|one| one.handle.is_some());
    ensure!(
        args.handle.is_some() || has_handle,
        "{}: there is no column handle; give --handle, as --handle 180",
        path.display()
    );
    Ok((Callers::Trace(arrivals.contacts), arrivals.start))
}

fn presences(
    args: &Args,
    tenant: &Tenant,
    callers: &Callers,
    start: Option<Time>,
) -> Result<Vec<Presence>> {
    if let Some(path) = &args.agents {
        let read = presence::read(path, tenant, start);
        return read.with_context(|| path.display().to_string());
    }
    if !args.shifts {
        return Ok(presence::everyone(tenant));
    }
    let start = start.context(
        "--shifts: shifts start at times of the day; give the date of the start, as --start 2027-01-04T08:00:00+01:00",
    )?;
    // A shift that is under way when the last caller comes is worked to its end.
    let length = Span(callers.last().0 + 1);
    Ok(working_hours(tenant, start, length))
}

fn slices(every: Option<Span>, last: Span) -> Result<Vec<Span>> {
    /// More lines than anybody reads.
    const MOST: i64 = 100_000;
    let Some(every) = every else {
        return Ok(Vec::new());
    };
    ensure!(
        every.0 > 0 && last.0 / every.0 < MOST,
        "--every {}: give a length that cuts the run into less than {MOST} stretches",
        every.as_secs_f64()
    );
    let edges = last.0 / every.0 + 1;
    Ok((0..=edges).map(|at| Span(at * every.0)).collect())
}

/// Names the queues where somebody calls and none of whose people ever come.
fn say_who_lacks(tenant: &Tenant, contacts: &[Contact], presences: &[Presence], plans: &Plans) {
    let of_presence = |presence: &Presence| {
        let listed = tenant.agents.get(&presence.agent);
        let team = listed.and_then(|agent| agent.team.clone());
        team.or_else(|| presence.team.clone())
    };
    let there: BTreeSet<TeamName> = presences
        .iter()
        .filter_map(of_presence)
        .chain(plans.each.iter().map(|plan| plan.team.clone()))
        .collect();
    let called: BTreeSet<&QueueId> = contacts.iter().map(|contact| &contact.queue).collect();
    for (id, queue) in tenant.queues.iter().filter(|(id, _)| called.contains(id)) {
        if !queue.teams.iter().any(|share| there.contains(&share.name)) {
            note!("note: queue {id}: of its teams nobody is there at any time");
        }
    }
}
