//! Dates, weekdays and the days that are like no other.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

/// A day of the proleptic Gregorian calendar, counted from 1970-01-01.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date(pub i32);

/// A text that is no date.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not a date; write it as 2026-03-29")]
pub struct NotADate(pub String);

impl Date {
    /// From year, month and day of the month, if there is such a day.
    pub fn new(year: i32, month: u32, day: u32) -> Option<Self> {
        if !(1..=9999).contains(&year) || !(1..=12).contains(&month) || day == 0 {
            return None;
        }
        let date = Self::unchecked(year, month, day);
        (date.parts() == (year, month, day)).then_some(date)
    }

    /// Days from civil, after Hinnant: years begin in March, so that a leap day ends one.
    fn unchecked(year: i32, month: u32, day: u32) -> Self {
        let year = if month <= 2 { year - 1 } else { year };
        let era = year.div_euclid(400);
        let of_era = year.rem_euclid(400);
        let shifted = (month as i32 + 9) % 12;
        let of_year = (153 * shifted + 2) / 5 + day as i32 - 1;
        let days = of_era * 365 + of_era / 4 - of_era / 100 + of_year;
        Self(era * 146_097 + days - 719_468)
    }

    /// Year, month and day of the month.
    pub fn parts(self) -> (i32, u32, u32) {
        let days = self.0 + 719_468;
        let era = days.div_euclid(146_097);
        let of_era = days.rem_euclid(146_097);
        let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted = (5 * of_year + 2) / 153;
        let day = of_year - (153 * shifted + 2) / 5 + 1;
        let month = if shifted < 10 {
            shifted + 3
        } else {
            shifted - 9
        };
        let year = year_of_era + era * 400 + i32::from(month <= 2);
        (year, month as u32, day as u32)
    }

    /// 0 is Monday, 6 Sunday.
    pub fn weekday(self) -> usize {
        // 1970-01-01 was a Thursday; the remainder is never negative.
        (self.0 + 3).rem_euclid(7) as usize
    }

    /// The day so many days on.
    pub fn plus(self, days: i32) -> Self {
        Self(self.0 + days)
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.parts();
        write!(f, "{year:04}-{month:02}-{day:02}")
    }
}

impl FromStr for Date {
    type Err = NotADate;

    fn from_str(text: &str) -> Result<Self, NotADate> {
        let refuse = || NotADate(text.to_owned());
        let mut parts = text.trim().splitn(3, '-');
        let mut next = |width: usize| {
            parts
                .next()
                .filter(|part| part.len() == width && part.bytes().all(|b| b.is_ascii_digit()))
                .and_then(|part| part.parse::<u32>().ok())
                .ok_or_else(refuse)
        };
        let (year, month, day) = (next(4)?, next(2)?, next(2)?);
        i32::try_from(year)
            .ok()
            .and_then(|year| Self::new(year, month, day))
            .ok_or_else(refuse)
    }
}

/// What kind of day a day is; days of one kind share their mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DayClass {
    /// A weekday, 0 Monday.
    Weekday(usize),
    /// A public holiday.
    Holiday,
}

/// Which weekdays are open, and which dates are holidays.
#[derive(Debug, Clone, Default)]
pub struct Calendar {
    /// Public holidays, past and to come.
    pub holidays: BTreeSet<Date>,
}

impl Calendar {
    /// The class of a date, given the last open day before it. The first day after a closure
    /// that is no weekly one is busy as the first day after the weekly one is: a Tuesday
    /// after a bank holiday counts as a Monday.
    pub(crate) fn class(&self, date: Date, before: Option<Date>, open: &[bool; 7]) -> DayClass {
        if self.holidays.contains(&date) {
            return DayClass::Holiday;
        }
        let weekday = date.weekday();
        let skipped_open_day = before.is_some_and(|before| {
            (before.0 + 1..date.0).any(|day| open[Date(day).weekday()])
                || self.holidays.contains(&date.plus(-1)) && open[date.plus(-1).weekday()]
        });
        let after_weekly_closure = (0..7).find(|&day| open[day] && !open[(day + 6) % 7]);
        match after_weekly_closure {
            Some(first) if skipped_open_day => DayClass::Weekday(first),
            _ => DayClass::Weekday(weekday),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_survive_the_way_to_text_and_back() {
        for days in (-200_000..200_000).step_by(97) {
            let date = Date(days);
            assert_eq!(date.to_string().parse(), Ok(date));
        }
        assert_eq!("2003-03-03".parse::<Date>().unwrap().weekday(), 0);
        assert_eq!("1970-01-01".parse(), Ok(Date(0)));
    }

    #[test]
    fn days_that_never_were_are_refused() {
        for text in [
            "2003-02-29",
            "2003-13-01",
            "2003-00-10",
            "3-3-2003",
            "2003-03",
            "x",
        ] {
            assert!(text.parse::<Date>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_day_after_a_holiday_is_like_a_monday() {
        let open = [true, true, true, true, true, false, false];
        let date = |text: &str| text.parse::<Date>().unwrap();
        let calendar = Calendar::default();
        let class = |at, before| calendar.class(date(at), Some(date(before)), &open);
        assert_eq!(class("2003-05-27", "2003-05-23"), DayClass::Weekday(0));
        assert_eq!(class("2003-05-28", "2003-05-27"), DayClass::Weekday(2));
        assert_eq!(class("2003-06-02", "2003-05-30"), DayClass::Weekday(0));
    }
}
