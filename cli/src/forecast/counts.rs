//! Counts from a CSV, set out by day and interval.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use chrono_tz::Tz;
use trunkline_workforce::forecast::{Date, Day, History};

use super::clock::{Clock, Grid, Moment, Read};
use crate::number::read_within;
use crate::table::no_column_twice;

/// Intervals that a forecast can be asked for.
const SHORTEST: u32 = 300;
const LONGEST: u32 = 7_200;

const MOST_CALLS: f64 = 1e9;

/// The counts of one queue, or of the whole file.
pub struct Series {
    /// The queue, if the file tells queues apart.
    pub queue: Option<String>,
    /// How a day is divided.
    pub grid: Grid,
    /// Days that are over.
    pub history: History,
    /// The last of them.
    pub last: Date,
    /// The last day of the file, if its later intervals have not come yet.
    pub in_progress: Option<Day>,
    /// How rows were read that could be read otherwise.
    pub notes: Vec<String>,
}

/// The rows of a queue.
#[derive(Default)]
struct Rows {
    counts: BTreeMap<Moment, f64>,
    /// Local times without an offset that come twice, and in how many rows they are.
    twice: BTreeMap<(Date, u32), usize>,
}

impl Rows {
    /// Takes in a count; whether its time was free.
    fn insert(&mut self, moment: Moment, calls: f64) -> bool {
        self.counts.insert(moment, calls).is_none()
    }

    /// As [`Self::insert`], for a local time that comes twice: the first row of it is the earlier.
    fn insert_twice(&mut self, (earlier, later): (Moment, Moment), calls: f64) -> bool {
        *self
            .twice
            .entry((earlier.date, earlier.second))
            .or_default() += 1;
        let moment = if self.counts.contains_key(&earlier) {
            later
        } else {
            earlier
        };
        self.insert(moment, calls)
    }

    fn notes(&self) -> Vec<String> {
        let mut days: BTreeMap<Date, [Option<u32>; 2]> = BTreeMap::new();
        for ((date, second), rows) in &self.twice {
            let first = &mut days.entry(*date).or_default()[usize::from(*rows > 1)];
            first.get_or_insert(*second);
        }
        let clock = |second: u32| format!("{:02}:{:02}", second / 3_600, second / 60 % 60);
        let mut notes = Vec::new();
        for (date, [once, both]) in days {
            if let Some(second) = both {
                notes.push(format!(
                    "{date}: from {} on the clock shows the same twice, and so do the rows; the first of two is read as the one before clocks went back",
                    clock(second)
                ));
            }
            if let Some(second) = once {
                notes.push(format!(
                    "{date}: from {} on the clock shows the same twice, but the rows don't; each is read as the count of one of the two intervals",
                    clock(second)
                ));
            }
        }
        notes
    }
}

/// Reads every series of the file.
pub fn read(path: &Path, zone: Option<Tz>) -> Result<Vec<Series>> {
    let mut rows = csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .from_path(path)?;
    let header = rows.headers()?.clone();
    no_column_twice(&header)?;
    let find = |name: &str| header.iter().position(|column| column == name);
    let at = find("at").context("there is no column named at")?;
    let count = find("count")
        .or_else(|| find("calls"))
        .context("there is no column named count or calls")?;
    ensure!(
        find("count").is_none() || find("calls").is_none(),
        "row 1: there is a column count and a column calls: leave one out"
    );
    let queue = find("queue");

    let clock = Clock::new(zone);
    let mut queues: BTreeMap<Option<String>, Rows> = BTreeMap::new();
    for (index, row) in rows.records().enumerate() {
        let number = index + 1;
        let row = row.with_context(|| format!("row {number}"))?;
        let cell = |column: usize| row.get(column).unwrap_or_default();
        let Some(read) = clock.read(cell(at)) else {
            bail!(
                "row {number}: at: '{}' is not a time; write 2026-03-02T07:30 or RFC 3339",
                cell(at)
            );
        };
        let field = format!("row {number}: {}", &header[count]);
        let calls = read_within(&field, cell(count), 0.0, MOST_CALLS)?.to_f64();
        let series = queues.entry(queue.map(|q| cell(q).to_owned())).or_default();
        let is_new = match (read, zone) {
            (Read::Once(moment), _) => series.insert(moment, calls),
            (Read::Twice(earlier, later), _) => series.insert_twice((earlier, later), calls),
            // Nobody called in an hour that wasn't.
            (Read::Never, _) if calls == 0.0 => true,
            (Read::Never, zone) => bail!(
                "row {number}: at: {} does not exist in {}: clocks go forward over it",
                cell(at),
                zone.map_or("UTC", |zone| zone.name())
            ),
        };
        let hint = if zone.is_none() && is_local(read) {
            "; where clocks went back, --zone says which zone it is"
        } else {
            ""
        };
        ensure!(
            is_new,
            "row {number}: at: {} is given twice{hint}",
            cell(at)
        );
    }
    ensure!(!queues.is_empty(), "it has no rows");
    queues
        .into_iter()
        .map(|(queue, counts)| set_out(queue, &counts))
        .collect()
}

fn is_local(read: Read) -> bool {
    matches!(read, Read::Once(moment) if moment.offset.is_none())
}

fn set_out(queue: Option<String>, rows: &Rows) -> Result<Series> {
    let counts = &rows.counts;
    let of = queue
        .as_ref()
        .map_or_else(String::new, |queue| format!("queue {queue}: "));
    ensure!(
        counts.values().any(|calls| *calls > 0.0),
        "{of}there is not one call in all {} intervals: nothing can be forecast from that",
        counts.len()
    );
    let grid = grid(counts)?;
    let latest = counts.keys().map(|moment| moment.second).max().unwrap_or(0);
    let slots = ((latest - grid.first) / grid.interval + 1) as usize;
    let mut days: BTreeMap<Date, Vec<Vec<f64>>> = BTreeMap::new();
    for (moment, calls) in counts {
        let since = moment.second - grid.first;
        ensure!(
            since % grid.interval == 0,
            "{}: intervals of {} s start at {} s after midnight, but one at {} s",
            moment.date,
            grid.interval,
            grid.first,
            moment.second
        );
        let day = days
            .entry(moment.date)
            .or_insert_with(|| vec![Vec::new(); slots]);
        day[(since / grid.interval) as usize].push(*calls);
    }
    let mut days: Vec<Day> = days
        .into_iter()
        .map(|(date, slots)| Day {
            date,
            counts: slots.iter().map(|seen| mean(seen)).collect(),
        })
        .collect();
    let in_progress = days.pop_if(|day| is_in_progress(day));
    let last = match (days.last(), &in_progress) {
        (Some(day), _) => day.date,
        (None, Some(day)) => bail!("{} is in progress and no day before it is known", day.date),
        (None, None) => bail!("there are no days"),
    };
    Ok(Series {
        queue,
        grid,
        history: History::new(days)?,
        last,
        in_progress,
        notes: rows.notes(),
    })
}

/// An hour that came twice counts as one of its mean.
fn mean(seen: &[f64]) -> Option<f64> {
    (!seen.is_empty()).then(|| seen.iter().sum::<f64>() / seen.len() as f64)
}

/// A day is in progress if it has its first intervals and none after some hour.
fn is_in_progress(day: &Day) -> bool {
    let known = day.counts.iter().rposition(Option::is_some);
    known.is_some_and(|last| last + 1 < day.counts.len())
}

/// The interval is the smallest step between two times of one day.
fn grid(counts: &BTreeMap<Moment, f64>) -> Result<Grid> {
    let moments: Vec<&Moment> = counts.keys().collect();
    let interval = moments
        .windows(2)
        .filter(|pair| pair[0].date == pair[1].date)
        .map(|pair| pair[1].second - pair[0].second)
        .filter(|step| *step > 0)
        .min()
        .context("no day has two intervals, so their length is unknown")?;
    ensure!(
        (SHORTEST..=LONGEST).contains(&interval),
        "intervals of {interval} s cannot be forecast; {SHORTEST} to {LONGEST} s can"
    );
    let first = moments
        .iter()
        .map(|moment| moment.second)
        .min()
        .unwrap_or(0);
    Ok(Grid { first, interval })
}
