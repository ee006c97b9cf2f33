//! `trunkline forecast`: from a CSV of counts to the counts to come.

mod clock;
mod counts;

use std::collections::BTreeSet;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use clap::ValueEnum;
use serde_json::{Value, json};
use trunkline_workforce::forecast::{Calendar, Date, DayForecast, Model};

pub(crate) use self::clock::plain;
use self::clock::{Clock, Grid};
use self::counts::Series;
use crate::number::{read_within, shown};
use crate::outcome::Outcome;
use crate::stdio::{data, note};

/// Nobody can see further than a year of days.
const MOST_DAYS: usize = 366;

/// `trunkline forecast COUNTS.csv …`
#[derive(clap::Args)]
pub struct Args {
    /// CSV with a header: at (the interval's start, as 2026-03-02T07:30 or RFC 3339), count
    /// (or calls), and optionally queue. An open day without rows, or with 0 in all of them, is
    /// read as a closure, with a note
    counts: PathBuf,
    /// Open days to forecast after the last one known
    #[arg(long, value_name = "N", default_value_t = 5)]
    days: usize,
    /// Dates that are holidays, past and to come: 2026-12-25,2026-12-26 or a file with a
    /// date a line
    #[arg(long, value_name = "DATES|FILE")]
    holidays: Option<String>,
    /// Zone of the centre, as Europe/Berlin: on the days when clocks change, hours that do
    /// not exist get no forecast and hours that come twice get two; in the counts, too, a time
    /// may come twice then: without an offset, the first row is the one before clocks went back
    #[arg(long, value_name = "ZONE")]
    zone: Option<chrono_tz::Tz>,
    /// Probability of the interval low..high
    #[arg(long, value_name = "SHARE", default_value = "0.9")]
    level: String,
    /// How to print
    #[arg(short, long, value_enum, default_value_t = Format::Csv)]
    output: Format,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// at,queue,calls,low,high
    Csv,
    /// The same with day totals
    Json,
}

/// What a reader of the forecast should know.
#[derive(Default)]
struct Notes(Vec<Value>);

impl Notes {
    fn add(&mut self, path: &str, queue: Option<&str>, note: &str) {
        match queue {
            Some(queue) => note!("note: {path}: queue {queue}: {note}"),
            None => note!("note: {path}: {note}"),
        }
        self.0.push(json!({"queue": queue, "note": note}));
    }
}

/// One line of the forecast.
struct Row {
    at: String,
    queue: Option<String>,
    expected: trunkline_workforce::forecast::Expected,
}

/// Prints the forecast.
pub fn run(args: Args) -> Result<Outcome> {
    ensure!(
        (1..=MOST_DAYS).contains(&args.days),
        "--days: {} is out of range; it must lie between 1 and {MOST_DAYS}",
        args.days
    );
    let level = read_within("--level", &args.level, 0.01, 0.999)?.to_f64();
    let calendar = Calendar {
        holidays: holidays(args.holidays.as_deref())?,
    };
    let path = args.counts.display().to_string();
    let series = counts::read(&args.counts, args.zone).with_context(|| path.clone())?;

    let mut rows = Vec::new();
    let mut totals = Vec::new();
    let mut notes = Notes::default();
    for series in series {
        let mut note = |note: &str| notes.add(&path, series.queue.as_deref(), note);
        series.notes.iter().for_each(|one| note(one));
        let days =
            forecast(&series, &calendar, args.days, &mut note).with_context(|| {
                match &series.queue {
                    Some(queue) => format!("{path}: queue {queue}"),
                    None => path.clone(),
                }
            })?;
        for day in &days {
            let total = day.total(level);
            totals.push(json!({
                "date": day.date.to_string(),
                "queue": series.queue,
                "calls": shown(total.mean),
                "low": shown(total.low),
                "high": shown(total.high),
            }));
            rows.extend(lines(day, &series, args.zone, level));
        }
    }
    match args.output {
        Format::Csv => print_csv(&rows)?,
        Format::Json => data!("{}", in_json(&rows, &totals, level, &notes))?,
    }
    Ok(Outcome::Fine)
}

fn holidays(given: Option<&str>) -> Result<BTreeSet<Date>> {
    let Some(given) = given else {
        return Ok(BTreeSet::new());
    };
    let first = given.split(',').next().unwrap_or_default();
    if first.parse::<Date>().is_ok() || looks_like_a_date(first) {
        let dates = given.split(',').map(|date| date.trim().parse::<Date>());
        return dates
            .map(|date| date.with_context(|| format!("--holidays {given}")))
            .collect();
    }
    let text = std::fs::read_to_string(given).with_context(|| {
        format!("--holidays {given}: it is no date as 2026-12-25, nor a file that can be read")
    })?;
    text.lines()
        .map(|line| line.split(',').next().unwrap_or_default().trim())
        .enumerate()
        .filter(|(index, line)| !(line.is_empty() || *index == 0 && *line == "date"))
        .map(|(index, line)| {
            line.parse::<Date>()
                .with_context(|| format!("--holidays: line {}", index + 1))
        })
        .collect()
}

/// Whether a text is meant for a date, if a wrong one: nobody calls a file so.
fn looks_like_a_date(text: &str) -> bool {
    let parts: Vec<&str> = text.trim().split(['-', '/', '.', ' ']).collect();
    let digits = |part: &&str| part.bytes().all(|byte| byte.is_ascii_digit());
    let digits_only = parts.iter().all(|part| !part.is_empty()) && parts.iter().all(digits);
    digits_only && (parts.len() == 3 || parts.len() == 1 && parts[0].len() == 8)
}

/// The day in progress, if the last one is, and the days after.
fn forecast(
    series: &Series,
    calendar: &Calendar,
    days: usize,
    note: &mut impl FnMut(&str),
) -> Result<Vec<DayForecast>> {
    let (model, notes) = Model::fit(&series.history, calendar.clone())?;
    for one in notes {
        note(&one.to_string());
    }
    let Some(today) = &series.in_progress else {
        let ahead = model.ahead(series.last, days)?;
        return Ok(ahead);
    };
    let mut ahead = model.ahead(today.date.plus(-1), days + 1)?;
    match ahead.first() {
        Some(first) if first.date == today.date => {
            let known = today.counts.iter().flatten().count();
            note(&format!(
                "{} is in progress; its first {known} intervals sharpen the rest",
                today.date
            ));
            ahead[0] = first.update(&today.counts)?;
        }
        _ => note(&format!(
            "{} is in progress, but is usually closed; it is passed over",
            today.date
        )),
    }
    Ok(ahead)
}

/// The intervals of a day as the clocks of that day show them.
fn lines(day: &DayForecast, series: &Series, zone: Option<chrono_tz::Tz>, level: f64) -> Vec<Row> {
    let grid: Grid = series.grid;
    (0..day.slots())
        .flat_map(|slot| {
            Clock::new(zone)
                .shown(day.date, grid.start(slot))
                .into_iter()
                .map(move |at| Row {
                    at,
                    queue: series.queue.clone(),
                    expected: day.expect(slot, level),
                })
        })
        .collect()
}

fn print_csv(rows: &[Row]) -> Result<()> {
    let mut out = csv::Writer::from_writer(std::io::stdout().lock());
    let queues = rows.iter().any(|row| row.queue.is_some());
    if queues {
        out.write_record(["at", "queue", "calls", "low", "high"])?;
    } else {
        out.write_record(["at", "calls", "low", "high"])?;
    }
    for row in rows {
        let numbers = [row.expected.mean, row.expected.low, row.expected.high];
        let numbers = numbers.map(|number| format!("{number:.3}"));
        let mut record = vec![row.at.as_str()];
        if queues {
            record.push(row.queue.as_deref().unwrap_or_default());
        }
        record.extend(numbers.iter().map(String::as_str));
        out.write_record(record)?;
    }
    out.flush()?;
    Ok(())
}

fn in_json(rows: &[Row], totals: &[Value], level: f64, notes: &Notes) -> Value {
    let intervals: Vec<Value> = rows
        .iter()
        .map(|row| {
            json!({
                "at": row.at,
                "queue": row.queue,
                "calls": shown(row.expected.mean),
                "low": shown(row.expected.low),
                "high": shown(row.expected.high),
            })
        })
        .collect();
    json!({"level": level, "days": totals, "intervals": intervals, "notes": notes.0})
}
