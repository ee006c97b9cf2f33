//! What the clock on the centre's wall shows.

use chrono::{
    DateTime, LocalResult, NaiveDate, NaiveDateTime, NaiveTime, Offset, TimeZone, Timelike,
};
use chrono_tz::Tz;
use trunkline_workforce::forecast::Date;

const DAY: u32 = 86_400;

/// Intervals of a day by the clock: from `first` seconds after midnight, each so long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grid {
    /// Seconds from midnight to the first interval.
    pub first: u32,
    /// Seconds an interval.
    pub interval: u32,
}

impl Grid {
    /// Seconds from midnight to the start of an interval.
    pub fn start(self, slot: usize) -> u32 {
        // Slots come from times of one day, so the sum stays below 86,400.
        self.first + slot as u32 * self.interval
    }
}

/// A moment as the wall shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment {
    /// Which day.
    pub date: Date,
    /// Seconds since midnight by the clock.
    pub second: u32,
    /// Offset from UTC in seconds, where text or zone give one: tells the two apart when an hour
    /// comes twice.
    pub offset: Option<i32>,
}

/// What a time in the file says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Read {
    /// One moment.
    Once(Moment),
    /// A local time that comes twice, because clocks go back: the earlier and the later.
    Twice(Moment, Moment),
    /// A local time that clocks go forward over.
    Never,
}

/// The centre's clock.
pub struct Clock {
    zone: Option<Tz>,
}

impl Clock {
    /// In this zone, or wherever the file was written.
    pub fn new(zone: Option<Tz>) -> Self {
        Self { zone }
    }

    /// Reads a time; `None` if it is none.
    pub fn read(&self, text: &str) -> Option<Read> {
        if let Ok(time) = DateTime::parse_from_rfc3339(text) {
            let moment = match self.zone {
                Some(zone) => of(&time.with_timezone(&zone)),
                None => of(&time),
            };
            return Some(Read::Once(moment?));
        }
        let local = plain(text)?;
        let Some(zone) = self.zone else {
            return Some(Read::Once(at(local, None)?));
        };
        Some(match zone.from_local_datetime(&local) {
            LocalResult::Single(time) => Read::Once(of(&time)?),
            LocalResult::Ambiguous(earlier, later) => Read::Twice(of(&earlier)?, of(&later)?),
            LocalResult::None => Read::Never,
        })
    }

    /// A local time as text: once, on some days twice, or not at all.
    pub fn shown(&self, date: Date, second: u32) -> Vec<String> {
        let (year, month, day) = date.parts();
        let local = NaiveDate::from_ymd_opt(year, month, day).and_then(|date| {
            let time = NaiveTime::from_num_seconds_from_midnight_opt(second % DAY, 0)?;
            Some(date.and_time(time))
        });
        let Some(local) = local else {
            return Vec::new();
        };
        let Some(zone) = self.zone else {
            return vec![local.format("%Y-%m-%dT%H:%M:%S").to_string()];
        };
        match zone.from_local_datetime(&local) {
            LocalResult::None => Vec::new(),
            LocalResult::Single(time) => vec![time.to_rfc3339()],
            LocalResult::Ambiguous(first, second) => {
                vec![first.to_rfc3339(), second.to_rfc3339()]
            }
        }
    }
}

fn of<Z: TimeZone>(time: &DateTime<Z>) -> Option<Moment> {
    at(
        time.naive_local(),
        Some(time.offset().fix().local_minus_utc()),
    )
}

fn at(local: NaiveDateTime, offset: Option<i32>) -> Option<Moment> {
    let epoch = NaiveDate::from_ymd_opt(1970, 1, 1)?;
    let days = local.date().signed_duration_since(epoch).num_days();
    Some(Moment {
        date: Date(i32::try_from(days).ok()?),
        second: local.time().num_seconds_from_midnight(),
        offset,
    })
}

pub(crate) fn plain(text: &str) -> Option<NaiveDateTime> {
    const FORMS: [&str; 4] = [
        "%Y-%m-%dT%H:%M:%S",
        "%Y-%m-%dT%H:%M",
        "%Y-%m-%d %H:%M:%S",
        "%Y-%m-%d %H:%M",
    ];
    FORMS
        .iter()
        .find_map(|form| NaiveDateTime::parse_from_str(text, form).ok())
}
