//! When something is open: calendars in their zone, with daylight saving and holidays.
//!
//! Opening is a matter of the wall clock: an hour that comes twice in autumn is open twice, one
//! that spring leaves out is open not at all.

use chrono::{DateTime, Datelike, Duration, MappedLocalTime, NaiveDate, TimeZone, Timelike, Utc};
use chrono_tz::Tz;

use trunkline_crds::ClientName;

use crate::model::{Hours, OpeningHours, Tenant};

impl Tenant {
    /// The zone that a client's reports are in; the centre's, where it is nobody's or no longer there.
    pub fn zone_of(&self, client: Option<&ClientName>) -> Tz {
        let client = client.and_then(|name| self.clients.get(name));
        client.map_or(self.time_zone, |client| client.time_zone)
    }

    /// Whether these hours are open at an instant; no hours: always.
    pub fn is_open(&self, hours: Option<&Hours>, at: DateTime<Utc>) -> bool {
        hours.is_none_or(|h| {
            let calendar = self.calendars.get(&h.calendar);
            calendar.is_some_and(|c| c.is_open(h.zone, at))
        })
    }

    /// The first instant from `at` on at which these hours are open; `None`: never again.
    pub fn next_open(&self, hours: Option<&Hours>, at: DateTime<Utc>) -> Option<DateTime<Utc>> {
        match hours {
            None => Some(at),
            Some(h) => self.calendars.get(&h.calendar)?.next_open(h.zone, at),
        }
    }

    /// The first instant after `at` at which these hours open or close; `None`: they never do.
    pub fn next_change(&self, hours: Option<&Hours>, at: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let h = hours?;
        self.calendars.get(&h.calendar)?.next_change(h.zone, at)
    }
}

impl OpeningHours {
    /// Whether the calendar, read in this zone, is open at an instant.
    pub fn is_open(&self, zone: Tz, at: DateTime<Utc>) -> bool {
        let local = at.with_timezone(&zone);
        let minute = (local.hour() * 60 + local.minute()) as u16;
        self.windows(local.date_naive())
            .iter()
            .any(|&(from, to)| (from..to).contains(&minute))
    }

    /// The first instant from `at` on at which it is open.
    pub fn next_open(&self, zone: Tz, at: DateTime<Utc>) -> Option<DateTime<Utc>> {
        if self.is_open(zone, at) {
            return Some(at);
        }
        self.next_change(zone, at)
    }

    /// The first instant after `at` at which it opens or closes.
    pub fn next_change(&self, zone: Tz, at: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let open = self.is_open(zone, at);
        let first = at.with_timezone(&zone).date_naive();
        // One day before, for a day that comes twice; two weeks after the last holiday every
        // weekday has been seen without one.
        let horizon =
            self.closed.last().map_or(first, |last| first.max(*last)) + Duration::days(15);
        let mut day = first - Duration::days(1);
        let change_on = |day: NaiveDate| {
            let edges = self.edges(zone, day).into_iter();
            edges
                .filter(|&edge| edge > at && self.is_open(zone, edge) != open)
                .min()
        };
        while day <= horizon {
            if let Some(change) = change_on(day) {
                // Where the clock goes back over midnight, the next day has begun before this one ends.
                let sooner = change_on(day + Duration::days(1));
                return Some(sooner.map_or(change, |next| next.min(change)));
            }
            day += Duration::days(1);
        }
        None
    }

    fn windows(&self, day: NaiveDate) -> &[(u16, u16)] {
        if self.closed.contains(&day) {
            return &[];
        }
        &self.week[day.weekday().num_days_from_monday() as usize]
    }

    /// Every instant of a day at which it may open or close: the windows' edges, midnight, and
    /// the jumps of the clock.
    fn edges(&self, zone: Tz, day: NaiveDate) -> Vec<DateTime<Utc>> {
        let mut edges = Vec::new();
        let inner = self.windows(day).iter().flat_map(|&(from, to)| [from, to]);
        for minute in inner.chain([0, 1440]) {
            let Some(midnight) = day.and_hms_opt(0, 0, 0) else {
                continue;
            };
            let local = midnight + Duration::minutes(i64::from(minute));
            match zone.from_local_datetime(&local) {
                MappedLocalTime::Single(one) => edges.push(one.to_utc()),
                MappedLocalTime::Ambiguous(first, second) => {
                    edges.extend([first.to_utc(), second.to_utc()]);
                }
                // The clock jumps over it: the jump itself is among the edges.
                MappedLocalTime::None => {}
            }
        }
        edges.extend(jumps(zone, day));
        edges
    }
}

/// The instants of a day at which the zone's offset changes.
fn jumps(zone: Tz, day: NaiveDate) -> Vec<DateTime<Utc>> {
    let Some(midnight) = day.and_hms_opt(0, 0, 0) else {
        return Vec::new();
    };
    // No zone is further than 14 hours from UTC.
    let start = midnight.and_utc() - Duration::hours(15);
    let offset = |at: DateTime<Utc>| {
        use chrono::Offset as _;
        zone.offset_from_utc_datetime(&at.naive_utc())
            .fix()
            .local_minus_utc()
    };
    let mut found = Vec::new();
    for hour in 0..54 {
        let (mut before, mut after) = (
            start + Duration::hours(hour),
            start + Duration::hours(hour + 1),
        );
        if offset(before) == offset(after) {
            continue;
        }
        let old = offset(before);
        while after - before > Duration::seconds(1) {
            let middle = before + (after - before) / 2;
            if offset(middle) == old {
                before = middle;
            } else {
                after = middle;
            }
        }
        // Halving doesn't keep to whole seconds; the zones do.
        let jump = after.with_nanosecond(0).unwrap_or(after);
        let date = |at: DateTime<Utc>| at.with_timezone(&zone).date_naive();
        if date(jump) == day || date(jump - Duration::seconds(1)) == day {
            found.push(jump);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn hours(weekly: &[(u16, u16)]) -> OpeningHours {
        OpeningHours {
            week: std::array::from_fn(|_| weekly.to_vec()),
            closed: Default::default(),
        }
    }

    fn utc(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn opening_follows_the_wall_clock_through_both_changes_of_the_year() {
        let day = hours(&[(480, 1200)]);
        let zone = chrono_tz::Europe::Berlin;
        // Winter time: 08:00 is 07:00 UTC; summer time: 06:00 UTC.
        for (closed, open) in [
            ("2026-03-28T06:59:59Z", "2026-03-28T07:00:00Z"),
            ("2026-03-29T05:59:59Z", "2026-03-29T06:00:00Z"),
            ("2026-10-25T06:59:59Z", "2026-10-25T07:00:00Z"),
        ] {
            assert!(!day.is_open(zone, utc(closed)), "{closed}");
            assert!(day.is_open(zone, utc(open)), "{open}");
            assert_eq!(day.next_open(zone, utc(closed)), Some(utc(open)));
        }
    }

    #[test]
    fn an_hour_that_comes_twice_is_open_twice_and_one_that_is_left_out_not_at_all() {
        let night = hours(&[(120, 180)]);
        let zone = chrono_tz::Europe::Berlin;
        // 25 October 2026: 02:00–03:00 from 00:00 to 02:00 UTC, as one stretch of two hours.
        assert_eq!(
            night.next_open(zone, utc("2026-10-24T12:00:00Z")),
            Some(utc("2026-10-25T00:00:00Z"))
        );
        assert_eq!(
            night.next_change(zone, utc("2026-10-25T00:00:00Z")),
            Some(utc("2026-10-25T02:00:00Z"))
        );
        // 29 March 2026: the clock jumps from 02:00 to 03:00.
        assert_eq!(
            night.next_open(zone, utc("2026-03-28T12:00:00Z")),
            Some(utc("2026-03-30T00:00:00Z"))
        );
    }

    #[test]
    fn a_holiday_is_closed_in_the_zone_of_who_asks() {
        let mut all = hours(&[(0, 1440)]);
        all.closed
            .insert(NaiveDate::from_ymd_opt(2026, 12, 25).unwrap());
        let eve = utc("2026-12-24T23:30:00Z");
        assert!(!all.is_open(chrono_tz::Europe::Berlin, eve));
        assert!(all.is_open(chrono_tz::America::New_York, eve));
        assert_eq!(
            all.next_open(chrono_tz::Europe::Berlin, eve),
            Some(utc("2026-12-25T23:00:00Z"))
        );
    }

    #[test]
    fn what_never_opens_has_no_next_opening_and_what_never_closes_no_change() {
        let zone = chrono_tz::Europe::Berlin;
        assert_eq!(
            hours(&[]).next_open(zone, utc("2026-01-01T00:00:00Z")),
            None
        );
        assert_eq!(
            hours(&[(0, 1440)]).next_change(zone, utc("2026-01-01T00:00:00Z")),
            None
        );
    }

    /// By trying every minute.
    fn by_minutes(
        hours: &OpeningHours,
        zone: Tz,
        at: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Option<DateTime<Utc>> {
        let open = hours.is_open(zone, at);
        let mut minute = at.with_second(0).unwrap() + Duration::minutes(1);
        while minute < until {
            if hours.is_open(zone, minute) != open {
                return Some(minute);
            }
            minute += Duration::minutes(1);
        }
        None
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]
        #[test]
        fn the_next_change_is_the_first_minute_at_which_it_differs(
            zone in prop::sample::select(vec![
                chrono_tz::Europe::Berlin, chrono_tz::America::New_York, chrono_tz::Australia::Lord_Howe,
                chrono_tz::Asia::Beirut, chrono_tz::America::Havana, chrono_tz::Asia::Kathmandu,
            ]),
            // Around the changes of spring and autumn, 2026, and a quiet week.
            start in prop::sample::select(vec![
                "2026-03-07T00:00:00Z", "2026-03-28T00:00:00Z", "2026-04-04T00:00:00Z",
                "2026-10-03T00:00:00Z", "2026-10-24T00:00:00Z", "2026-10-31T00:00:00Z", "2026-06-10T00:00:00Z",
            ]),
            offset in 0i64..(48 * 3600),
            windows in prop::collection::vec((0u16..=1439, 1u16..=300), 0..3),
            holiday in prop::option::of(0i64..4),
        ) {
            let at = utc(start) + Duration::seconds(offset);
            let mut weekly: Vec<(u16, u16)> = windows
                .into_iter()
                .map(|(from, length)| (from, (from + length).min(1440)))
                .collect();
            weekly.sort_unstable();
            weekly.dedup_by(|later, earlier| {
                let joins = later.0 <= earlier.1;
                if joins { earlier.1 = earlier.1.max(later.1); }
                joins
            });
            let mut calendar = hours(&weekly);
            if let Some(days) = holiday {
                calendar.closed.insert(utc(start).date_naive() + Duration::days(days));
            }
            let until = at + Duration::days(4);
            let found = calendar.next_change(zone, at).filter(|c| *c < until);
            prop_assert_eq!(found, by_minutes(&calendar, zone, at, until));
        }
    }
}
