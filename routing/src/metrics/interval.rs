//! Intervals of 15 or 30 minutes on a zone's wall clock.

use chrono::{DateTime, NaiveDate, TimeZone, Timelike};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use crate::{Span, Time, hours};

/// How long an interval is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Interval {
    /// 15 minutes.
    #[default]
    Quarter,
    /// 30 minutes.
    Half,
}

impl Interval {
    /// Its length.
    pub const fn length(self) -> Span {
        match self {
            Self::Quarter => Span::seconds(15 * 60),
            Self::Half => Span::seconds(30 * 60),
        }
    }

    /// When the interval that holds the moment began.
    pub fn start(self, at: Time, zone: Tz) -> Time {
        let utc = DateTime::from_timestamp_micros(at.0).unwrap_or_default();
        let local = zone.from_utc_datetime(&utc.naive_utc());
        let since_midnight = i64::from(local.num_seconds_from_midnight()) * 1_000_000
            + i64::from(local.nanosecond() / 1_000);
        Time(at.0 - since_midnight.rem_euclid(self.length().0))
    }

    /// The starts of a day's intervals: 92 or 100 quarters where the clocks change.
    pub fn of_day(self, day: NaiveDate, zone: Tz) -> Vec<Time> {
        let next = day.succ_opt().and_then(|next| hours::moment(next, 0, zone));
        let (Some(mut at), Some(end)) = (hours::moment(day, 0, zone), next) else {
            return Vec::new();
        };
        let mut starts = Vec::new();
        while at < end {
            starts.push(at);
            at = at + self.length();
        }
        starts
    }
}

/// A stretch of time cut at the bounds of the intervals that it crosses: (start, part).
pub fn clip(from: Time, to: Time, interval: Interval, zone: Tz) -> Vec<(Time, Span)> {
    let mut parts = Vec::new();
    let mut at = from;
    while at < to {
        let start = interval.start(at, zone);
        let end = to.min(start + interval.length());
        parts.push((start, end - at));
        at = end;
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_has_96_quarters_and_92_or_100_where_the_clocks_change() {
        let day = |m, d| NaiveDate::from_ymd_opt(2027, m, d).unwrap();
        let new_york: Tz = "America/New_York".parse().unwrap();
        assert_eq!(Interval::Quarter.of_day(day(1, 4), new_york).len(), 96);
        assert_eq!(Interval::Quarter.of_day(day(3, 14), new_york).len(), 92);
        assert_eq!(Interval::Quarter.of_day(day(11, 7), new_york).len(), 100);
        assert_eq!(Interval::Half.of_day(day(11, 7), new_york).len(), 50);
        let howe: Tz = "Australia/Lord_Howe".parse().unwrap();
        assert_eq!(
            Interval::Quarter.of_day(day(4, 4), howe).len(),
            98,
            "half an hour back"
        );
    }

    #[test]
    fn intervals_begin_on_the_zones_own_half_hours() {
        let kathmandu: Tz = "Asia/Kathmandu".parse().unwrap();
        let starts = Interval::Half.of_day(NaiveDate::from_ymd_opt(2027, 1, 4).unwrap(), kathmandu);
        for start in starts {
            assert_eq!(
                Interval::Half.start(start + Span::seconds(1799), kathmandu),
                start
            );
            assert_eq!(Interval::Half.start(start, kathmandu), start);
        }
    }

    #[test]
    fn a_duration_is_clipped_and_nothing_of_it_is_lost() {
        let from = Time(1_000_000_123);
        let to = from + Span::seconds(5000);
        let parts = clip(from, to, Interval::Quarter, chrono_tz::UTC);
        assert_eq!(parts.len(), 6);
        assert_eq!(
            parts.iter().map(|(_, part)| part.0).sum::<i64>(),
            5_000_000_000
        );
    }
}
