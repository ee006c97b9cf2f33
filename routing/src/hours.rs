//! What a moment is on a calendar's wall clock.

use chrono::{DateTime, Datelike, NaiveDate, Offset, TimeZone, Timelike};
use chrono_tz::Tz;
use trunkline_tenant::OpeningHours;

use crate::{Time, Window};

/// The zone's wall clock at a moment; the far ends of time are clamped to the epoch.
fn local(now: Time, zone: Tz) -> DateTime<Tz> {
    let utc = DateTime::from_timestamp_micros(now.0).unwrap_or_default();
    zone.from_utc_datetime(&utc.naive_utc())
}

/// The day that it is in the zone.
pub(crate) fn day(now: Time, zone: Tz) -> NaiveDate {
    local(now, zone).date_naive()
}

/// When a wall-clock minute of a day comes: the earlier of two, the first after one that is skipped.
pub fn moment(day: NaiveDate, minute: i64, zone: Tz) -> Option<Time> {
    let midnight = day.and_hms_opt(0, 0, 0)?;
    (0..=180).find_map(|later| {
        let wall = midnight.checked_add_signed(chrono::Duration::minutes(minute + later))?;
        zone.from_local_datetime(&wall)
            .earliest()
            .map(|moment| Time(moment.timestamp_micros()))
    })
}

/// Whether the calendar is open, read in the zone.
pub fn is_open(hours: &OpeningHours, zone: Tz, now: Time) -> bool {
    let local = local(now, zone);
    if hours.closed.contains(&local.date_naive()) {
        return false;
    }
    let minute = (local.hour() * 60 + local.minute()) as u16;
    hours.week[local.weekday().num_days_from_monday() as usize]
        .iter()
        .any(|&(from, to)| (from..to).contains(&minute))
}

/// The first moment from `from` on at which the calendar is open, within a year; `None`: none.
pub(crate) fn opens(hours: &OpeningHours, zone: Tz, from: Time) -> Option<Time> {
    let windows = |day| windows_of(hours, day);
    let wall = Wall { zone, windows };
    wall.opens(from)
}

/// When the calendar, open at `now`, closes next, or is to be looked at again.
pub(crate) fn closes(hours: &OpeningHours, zone: Tz, now: Time) -> Option<Time> {
    let windows = |day| windows_of(hours, day);
    Wall { zone, windows }.closes(now)
}

fn windows_of(hours: &OpeningHours, day: NaiveDate) -> Vec<(u16, u16)> {
    if hours.closed.contains(&day) {
        return Vec::new();
    }
    hours.week[day.weekday().num_days_from_monday() as usize].clone()
}

/// When a daily window next lets somebody be called, from `from` on.
pub(crate) fn daily_opens(window: &Window, from: Time) -> Option<Time> {
    let windows = |_| vec![(window.from, window.to)];
    let zone = window.zone;
    Wall { zone, windows }.opens(from)
}

/// When a daily window that lets somebody be called now ends, or is to be looked at again.
pub(crate) fn daily_closes(window: &Window, now: Time) -> Option<Time> {
    let windows = |_| vec![(window.from, window.to)];
    let zone = window.zone;
    Wall { zone, windows }.closes(now)
}

/// Windows of each day on a zone's wall clock. Where that is set back, a window may come twice, or
/// in two parts; where it jumps, a window begins or ends by that.
struct Wall<W> {
    zone: Tz,
    windows: W,
}

impl<W: Fn(NaiveDate) -> Vec<(u16, u16)>> Wall<W> {
    fn holds(&self, at: Time) -> bool {
        let local = local(at, self.zone);
        let minute = (local.hour() * 60 + local.minute()) as u16;
        (self.windows)(local.date_naive())
            .iter()
            .any(|&(from, to)| (from..to).contains(&minute))
    }

    fn opens(&self, from: Time) -> Option<Time> {
        if self.holds(from) {
            return Some(from);
        }
        self.next(from, true, 366)
    }

    /// Windows that go on from day to day end nowhere: two days on is soon enough to look again.
    fn closes(&self, now: Time) -> Option<Time> {
        let again = || moment(day(now, self.zone).succ_opt()?.succ_opt()?, 0, self.zone);
        self.next(now, false, 1).or_else(again)
    }

    /// The first moment after `from` at which the windows hold, or no longer do.
    fn next(&self, from: Time, wanted: bool, days: usize) -> Option<Time> {
        let mut day = day(from, self.zone);
        for _ in 0..=days {
            let mut changes = self.changes(day);
            changes.sort_unstable();
            let found = changes
                .into_iter()
                .find(|at| *at > from && self.holds(*at) == wanted);
            if found.is_some() {
                return found;
            }
            day = day.succ_opt()?;
        }
        None
    }

    /// The moments of a day at which the windows may begin or end to hold.
    fn changes(&self, day: NaiveDate) -> Vec<Time> {
        let windows = (self.windows)(day);
        let bounds = windows.iter().flat_map(|&(from, to)| [from, to]);
        let mut changes = Vec::new();
        for minute in bounds.chain([0]) {
            let wall = day.and_hms_opt(0, 0, 0).and_then(|midnight| {
                midnight.checked_add_signed(chrono::Duration::minutes(i64::from(minute)))
            });
            let moments = wall.map(|wall| self.zone.from_local_datetime(&wall));
            let moments = moments
                .into_iter()
                .flat_map(|it| [it.earliest(), it.latest()]);
            changes.extend(moments.flatten().map(|it| Time(it.timestamp_micros())));
        }
        changes.extend(self.clock_change(day));
        changes
    }

    /// When the zone's clock is set forward or back on a day, to the second.
    fn clock_change(&self, day: NaiveDate) -> Option<Time> {
        let offset = |at: i64| local(Time(at * 1_000_000), self.zone).offset().fix();
        let midnight = |day| Some(moment(day, 0, self.zone)?.0 / 1_000_000);
        let (mut before, mut after) = (midnight(day)?, midnight(day.succ_opt()?)?);
        let old = offset(before);
        if offset(after) == old {
            return None;
        }
        while after - before > 1 {
            let middle = before + (after - before) / 2;
            if offset(middle) == old {
                before = middle;
            } else {
                after = middle;
            }
        }
        Some(Time(after * 1_000_000))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Time {
        Time(
            DateTime::parse_from_rfc3339(text)
                .unwrap()
                .timestamp_micros(),
        )
    }

    #[test]
    fn hours_are_read_on_the_zones_own_clock_on_both_sides_of_a_clock_change() {
        let mut hours = OpeningHours::default();
        hours.week[6] = vec![(8 * 60, 20 * 60)];
        let berlin: Tz = "Europe/Berlin".parse().unwrap();
        // 25 October 2026: clocks go back; 08:00 is 07:00 UTC, and was 06:00 the week before.
        assert!(is_open(&hours, berlin, at("2026-10-25T07:00:00Z")));
        assert!(!is_open(&hours, berlin, at("2026-10-25T06:59:59Z")));
        assert!(is_open(&hours, berlin, at("2026-10-18T06:00:00Z")));
        hours
            .closed
            .insert(NaiveDate::from_ymd_opt(2026, 10, 25).unwrap());
        assert!(!is_open(&hours, berlin, at("2026-10-25T12:00:00Z")));
    }

    #[test]
    fn a_window_holds_by_the_wall_clock_where_that_is_set_back_or_jumps() {
        let window = |zone: &str, from, to| Window {
            zone: zone.parse().unwrap(),
            from,
            to,
        };
        // Berlin, 25 October 2026: 03:00 becomes 02:00 again at 01:00 UTC.
        let late = window("Europe/Berlin", 2 * 60 + 30, 4 * 60);
        let opened = at("2026-10-25T00:40:00Z");
        assert_eq!(daily_opens(&late, opened), Some(opened));
        assert_eq!(
            daily_closes(&late, opened),
            Some(at("2026-10-25T01:00:00Z"))
        );
        assert_eq!(
            daily_opens(&late, at("2026-10-25T01:00:00Z")),
            Some(at("2026-10-25T01:30:00Z")),
            "half past two comes twice"
        );
        // Santiago, 4 April 2026: midnight becomes 23:00 again.
        let evening = window("America/Santiago", 20 * 60, 23 * 60 + 30);
        assert_eq!(
            daily_opens(&evening, at("2026-04-05T02:40:00Z")),
            Some(at("2026-04-05T03:00:00Z"))
        );
        // Berlin, 28 March 2027: 02:00 becomes 03:00 at 01:00 UTC.
        let skipped = window("Europe/Berlin", 2 * 60, 3 * 60);
        assert_eq!(
            daily_opens(&skipped, at("2027-03-28T00:00:00Z")),
            Some(at("2027-03-29T00:00:00Z")),
            "that day it does not come at all"
        );
    }

    #[test]
    fn what_is_open_round_the_clock_closes_before_a_holiday() {
        let mut hours = OpeningHours::default();
        hours.week.fill(vec![(0, 24 * 60)]);
        let berlin: Tz = "Europe/Berlin".parse().unwrap();
        let now = at("2027-01-04T11:00:00Z");
        assert_eq!(
            closes(&hours, berlin, now),
            Some(at("2027-01-05T23:00:00Z")),
            "looked at again two days on"
        );
        let tuesday = NaiveDate::from_ymd_opt(2027, 1, 5).unwrap();
        hours.closed.insert(tuesday);
        assert_eq!(
            closes(&hours, berlin, now),
            Some(at("2027-01-04T23:00:00Z"))
        );
        assert_eq!(
            opens(&hours, berlin, at("2027-01-05T11:00:00Z")),
            Some(at("2027-01-05T23:00:00Z"))
        );
    }

    #[test]
    fn a_skipped_minute_comes_when_the_clock_has_jumped() {
        let berlin: Tz = "Europe/Berlin".parse().unwrap();
        let spring = NaiveDate::from_ymd_opt(2027, 3, 28).unwrap();
        assert_eq!(
            moment(spring, 150, berlin),
            Some(at("2027-03-28T01:00:00Z"))
        );
        assert_eq!(
            moment(spring, 240, berlin),
            Some(at("2027-03-28T02:00:00Z"))
        );
    }
}
