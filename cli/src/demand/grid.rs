//! Times of intervals, and the grid that they make.

use anyhow::{Result, ensure};
use chrono::{DateTime, NaiveDate, NaiveDateTime, TimeZone as _};
use chrono_tz::Tz;
use trunkline_routing::{Span, Time};

use crate::simulate::seconds;

/// Intervals that are planned by.
const SHORTEST: Span = Span::seconds(60);
const LONGEST: Span = Span::seconds(86_400);

/// When an interval starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// From the start of the run.
    Seconds(Span),
    /// By the calendar, with the day on the centre's own.
    Date(Time, NaiveDate),
}

/// An interval with what it is called in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interval {
    /// From when, from the start.
    pub from: Span,
    /// Until when.
    pub to: Span,
    /// As the file has it.
    pub label: String,
}

impl When {
    /// Reads seconds, RFC 3339, or a date and time on the centre's own clock.
    pub fn read(text: &str, zone: Tz) -> Result<Self, String> {
        if !text.contains(['T', 't', ':', ' ']) {
            let span = seconds::parse(text);
            return span
                .map(Self::Seconds)
                .map_err(|why| format!("{why}, nor a time as 2026-11-02T08:00"));
        }
        if let Ok(date) = DateTime::parse_from_rfc3339(text) {
            let day = date.with_timezone(&zone).date_naive();
            return Ok(Self::Date(Time(date.timestamp_micros()), day));
        }
        const FORMS: [&str; 4] = [
            "%Y-%m-%dT%H:%M:%S",
            "%Y-%m-%dT%H:%M",
            "%Y-%m-%d %H:%M:%S",
            "%Y-%m-%d %H:%M",
        ];
        let plain = FORMS
            .iter()
            .find_map(|form| NaiveDateTime::parse_from_str(text, form).ok())
            .ok_or_else(|| {
                format!("`{text}` is no time: write seconds, 2026-11-02T08:00 or RFC 3339")
            })?;
        let moment = zone.from_local_datetime(&plain).earliest();
        let moment = moment
            .ok_or_else(|| format!("`{text}` does not exist in {zone}: clocks jump over it"))?;
        Ok(Self::Date(Time(moment.timestamp_micros()), plain.date()))
    }

    /// The date, if it is one.
    pub fn date(self) -> Option<Time> {
        match self {
            Self::Date(at, _) => Some(at),
            Self::Seconds(_) => None,
        }
    }

    fn day(self) -> Option<NaiveDate> {
        match self {
            Self::Date(_, day) => Some(day),
            Self::Seconds(_) => None,
        }
    }

    /// From the start of the run.
    pub fn since(self, start: Option<Time>) -> Span {
        match (self, start) {
            (Self::Date(at, _), Some(start)) => at - start,
            // Without a date there is none to count from.
            (Self::Date(..), None) => Span(0),
            (Self::Seconds(at), _) => at,
        }
    }
}

/// The length of an interval: what is said, else the least distance of two.
pub fn length(
    queues: impl Iterator<Item = impl Iterator<Item = Span>>,
    said: Option<Span>,
) -> Result<Span> {
    let least = queues.filter_map(|queue| {
        let starts: Vec<Span> = queue.collect();
        starts.windows(2).map(|two| two[1].0 - two[0].0).min()
    });
    let least = least.min().map(Span);
    ensure!(
        said.or(least).is_some(),
        "there is one interval only, so its length is not known: say it, as --per 1800"
    );
    let length = said.or(least).unwrap_or(SHORTEST);
    ensure!(
        (SHORTEST..=LONGEST).contains(&length),
        "intervals of {} s: they last from {} s to a day; --per says how long",
        length.as_secs_f64(),
        SHORTEST.as_secs_f64()
    );
    Ok(length)
}

/// An interval of one queue, and its row.
pub struct Mark {
    pub at: Span,
    pub row: usize,
    pub when: When,
}

/// Refuses what is off the grid, and holes: a night between two days is none.
pub fn check(marks: impl Iterator<Item = Mark>, length: Span) -> Result<()> {
    let mut before: Option<Mark> = None;
    for mark in marks {
        if let Some(before) = &before {
            let gap = mark.at.0 - before.at.0;
            ensure!(
                gap >= length.0 && gap % length.0 == 0,
                "row {}, column at: intervals of {} s, and this one starts {} s after that of row {}",
                mark.row,
                length.as_secs_f64(),
                Span(gap).as_secs_f64(),
                before.row
            );
            let overnight = mark.when.day() != before.when.day();
            ensure!(
                gap == length.0 || overnight,
                "row {}, column at: {} intervals are missing before it (row {} is the one before): write 0 where no calls are expected",
                mark.row,
                gap / length.0 - 1,
                before.row
            );
        }
        before = Some(mark);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_read_on_the_centres_own_clock() {
        let berlin: Tz = "Europe/Berlin".parse().unwrap();
        let plain = When::read("2026-11-02T08:00", berlin).unwrap();
        let told = When::read("2026-11-02T07:00:00Z", berlin).unwrap();
        assert_eq!(plain, told);
        assert_eq!(
            When::read("1800", berlin),
            Ok(When::Seconds(Span::seconds(1800)))
        );
        let skipped = When::read("2026-03-29T02:30", berlin).unwrap_err();
        assert!(skipped.contains("does not exist"), "{skipped}");
        assert!(When::read("monday", berlin).is_err());
    }
}
