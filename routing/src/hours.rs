//! What a moment is on a calendar's wall clock.

use chrono::{DateTime, Datelike, NaiveDate, TimeZone, Timelike};
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
    window_from(zone, from, |day| {
        if hours.closed.contains(&day) {
            return Vec::new();
        }
        hours.week[day.weekday().num_days_from_monday() as usize].clone()
    })
    .map(|(opens, _)| opens)
}

/// When the calendar, open at `now`, closes next.
pub(crate) fn closes(hours: &OpeningHours, zone: Tz, now: Time) -> Option<Time> {
    let open = |day: NaiveDate| hours.week[day.weekday().num_days_from_monday() as usize].clone();
    window_from(zone, now, open).map(|(_, closes)| closes)
}

/// When a daily window next lets somebody be called, from `from` on, and until when.
pub(crate) fn daily(window: &Window, from: Time) -> Option<(Time, Time)> {
    window_from(window.zone, from, |_| vec![(window.from, window.to)])
}

/// The first stretch of the days' windows that ends behind `from`, cut to begin there.
fn window_from(
    zone: Tz,
    from: Time,
    windows: impl Fn(NaiveDate) -> Vec<(u16, u16)>,
) -> Option<(Time, Time)> {
    let mut day = day(from, zone);
    for _ in 0..=366 {
        for (opens, closes) in windows(day) {
            let opens = moment(day, i64::from(opens), zone)?.max(from);
            let closes = moment(day, i64::from(closes), zone)?;
            if opens < closes {
                return Some((opens, closes));
            }
        }
        day = day.succ_opt()?;
    }
    None
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
