//! Past counts by day and interval, cleaned with every repair said.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::calendar::{Calendar, Date};

/// Fewer days say nothing about weekdays.
pub(crate) const LEAST_DAYS: usize = 10;

/// A day with less of its intervals than this share is left out.
const LEAST_SHARE: f64 = 0.5;

/// A day is a spike or a slump if the logarithm of its total lies so many scaled median
/// deviations from the median of its weekday.
const SPIKE: f64 = 8.0;

/// Where so many contacts are usual in a day, a day with none at all was no open one: chance has
/// it once in a thousand days (e⁻⁷).
const NEVER_NONE: f64 = 7.0;

/// Counts of one day; `None` where there is no record.
#[derive(Debug, Clone, PartialEq)]
pub struct Day {
    /// Which day.
    pub date: Date,
    /// Contacts in each interval of the day.
    pub counts: Vec<Option<f64>>,
}

/// Past days, in order.
#[derive(Debug, Clone, PartialEq)]
pub struct History {
    days: Vec<Day>,
    slots: usize,
}

/// Why a history cannot be used.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum HistoryError {
    /// Nothing recorded.
    #[error("the history is empty")]
    Empty,
    /// Days of unequal length.
    #[error("{date} has {got} intervals, the days before it {expected}")]
    Uneven {
        /// The first that differs.
        date: Date,
        /// Its intervals.
        got: usize,
        /// The others'.
        expected: usize,
    },
    /// One date twice.
    #[error("{0} is given twice")]
    Twice(Date),
    /// A count that is none.
    #[error("{date}, interval {interval}: {count} is not a count; it is zero or more, and finite")]
    NotACount {
        /// On which day.
        date: Date,
        /// In which interval, from 0.
        interval: usize,
        /// As given.
        count: f64,
    },
    /// Too little to learn from.
    #[error("{usable} usable days are too few to forecast from; {LEAST_DAYS} are needed")]
    TooFewDays {
        /// Days that could be used.
        usable: usize,
    },
}

/// What was repaired or passed over, for the reader to know.
#[derive(Debug, Clone, PartialEq)]
pub enum Note {
    /// Intervals without a record, filled from the day's level and the usual profile.
    Filled {
        /// On which day.
        date: Date,
        /// How many.
        intervals: usize,
    },
    /// Too few intervals recorded: the day is left out.
    LeftOut {
        /// Which day.
        date: Date,
        /// Intervals recorded.
        recorded: usize,
    },
    /// Far from every like day: left out.
    Outlier {
        /// Which day.
        date: Date,
        /// Its total.
        total: f64,
        /// The median total of its weekday.
        usual: f64,
    },
    /// Days without any record, of weekdays that are open, and no holidays: read as closures.
    Missing {
        /// The first of them.
        first: Date,
        /// The last, with recorded days before and behind but none between.
        last: Date,
        /// How many.
        days: usize,
    },
    /// Every interval is 0: read as a closure, and left out.
    ZeroDay {
        /// Which day.
        date: Date,
        /// The median total of its weekday.
        usual: f64,
    },
    /// Every interval of every such day is 0: read as closed.
    ZeroWeekday {
        /// 0 is Monday.
        weekday: usize,
        /// How many there are.
        days: usize,
    },
    /// A weekday asked for that was never seen open.
    NeverOpen {
        /// The date asked for.
        date: Date,
    },
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Note::Filled { date, intervals } => write!(
                f,
                "{date}: {intervals} intervals without a record were filled from the day's level"
            ),
            Note::LeftOut { date, recorded } => {
                write!(
                    f,
                    "{date}: only {recorded} intervals are recorded; the day is left out"
                )
            }
            Note::Outlier { date, total, usual } => write!(
                f,
                "{date}: {total:.0} contacts are far from the usual {usual:.0}; the day is left out"
            ),
            Note::Missing { first, last, days } if first == last => write!(
                f,
                "{first}: {days} day without a record, though no holiday and of a weekday that is open; it is read as a closure"
            ),
            Note::Missing { first, last, days } => write!(
                f,
                "{first} to {last}: {days} days without a record, though no holidays and of weekdays that are open; they are read as closures"
            ),
            Note::ZeroDay { date, usual } => write!(
                f,
                "{date}: every interval is 0 where {usual:.0} contacts are usual; the day is read as a closure and left out"
            ),
            Note::ZeroWeekday { weekday, days } => {
                const NAMES: [&str; 7] = [
                    "Mondays",
                    "Tuesdays",
                    "Wednesdays",
                    "Thursdays",
                    "Fridays",
                    "Saturdays",
                    "Sundays",
                ];
                let name = NAMES.get(*weekday).copied().unwrap_or("days");
                write!(
                    f,
                    "{name}: every interval of all {days} is 0; they are read as closed"
                )
            }
            Note::NeverOpen { date } => {
                write!(
                    f,
                    "{date}: this weekday was never open; nothing is forecast for it"
                )
            }
        }
    }
}

impl History {
    /// Days in any order.
    ///
    /// # Errors
    /// If there are none, they differ in length, repeat, or hold what is no count.
    pub fn new(mut days: Vec<Day>) -> Result<Self, HistoryError> {
        let slots = days.first().ok_or(HistoryError::Empty)?.counts.len();
        if slots == 0 {
            return Err(HistoryError::Empty);
        }
        days.sort_by_key(|day| day.date);
        for pair in days.windows(2) {
            if pair[0].date == pair[1].date {
                return Err(HistoryError::Twice(pair[0].date));
            }
        }
        for day in &days {
            if day.counts.len() != slots {
                return Err(HistoryError::Uneven {
                    date: day.date,
                    got: day.counts.len(),
                    expected: slots,
                });
            }
            for (interval, count) in day.counts.iter().enumerate() {
                if let Some(count) = *count
                    && !(count >= 0.0 && count.is_finite())
                {
                    return Err(HistoryError::NotACount {
                        date: day.date,
                        interval,
                        count,
                    });
                }
            }
        }
        Ok(Self { days, slots })
    }

    /// Intervals a day.
    pub fn slots(&self) -> usize {
        self.slots
    }

    /// The days, in order.
    pub fn days(&self) -> &[Day] {
        &self.days
    }

    /// Complete, ordinary days, and what was done to make them so.
    pub(crate) fn cleaned(&self, calendar: &Calendar) -> Cleaned {
        let mut notes = Vec::new();
        let mut usable = Vec::new();
        let least = LEAST_SHARE * self.slots as f64;
        for day in &self.days {
            let recorded = day.counts.iter().flatten().count();
            if (recorded as f64) < least {
                notes.push(Note::LeftOut {
                    date: day.date,
                    recorded,
                });
            } else {
                usable.push(day);
            }
        }
        let closed = closures(&usable, calendar, &mut notes);
        usable.retain(|day| !closed.contains(&day.date));
        let profile = profile(&usable, self.slots);
        let mut clean: Vec<CleanDay> = usable
            .into_iter()
            .map(|day| fill(day, &profile, &mut notes))
            .collect();
        drop_outliers(&mut clean, &mut notes);
        Cleaned {
            days: clean,
            closed,
            notes,
        }
    }

    /// Days between the first and the last that have no record, though these weekdays are open and
    /// no holiday says why.
    pub(crate) fn missing(&self, calendar: &Calendar, open: &[bool; 7]) -> Vec<Note> {
        let gaps = self.days.windows(2).filter_map(|pair| {
            let between = (pair[0].date.0 + 1..pair[1].date.0).map(Date);
            let expected = |date: &Date| open[date.weekday()] && !calendar.holidays.contains(date);
            let mut missing = between.filter(expected);
            let first = missing.next()?;
            let (days, last) = missing.fold((1, first), |(days, _), date| (days + 1, date));
            Some(Note::Missing { first, last, days })
        });
        gaps.collect()
    }
}

/// What is made of a history.
pub(crate) struct Cleaned {
    /// Complete, ordinary days.
    pub days: Vec<CleanDay>,
    /// Recorded, and read as closures.
    pub closed: BTreeSet<Date>,
    pub notes: Vec<Note>,
}

/// Days of 0 in every interval where that is no chance. A queue that nobody ever calls has none.
fn closures(days: &[&Day], calendar: &Calendar, notes: &mut Vec<Note>) -> BTreeSet<Date> {
    let total = |day: &Day| day.counts.iter().flatten().sum::<f64>();
    let called = days
        .iter()
        .map(|day| total(day))
        .filter(|total| *total > 0.0);
    let over_all = median(called.collect());
    let mut closed = BTreeSet::new();
    for weekday in 0..7 {
        let alike = || days.iter().filter(|day| day.date.weekday() == weekday);
        let called = alike().map(|day| total(day)).filter(|total| *total > 0.0);
        let called: Vec<f64> = called.collect();
        let never = called.is_empty();
        let usual = if never { over_all } else { median(called) };
        if usual < NEVER_NONE {
            continue;
        }
        let zero = alike().filter(|day| total(day) == 0.0);
        let zero: Vec<Date> = zero.map(|day| day.date).collect();
        let unsaid = zero.iter().filter(|date| !calendar.holidays.contains(date));
        if never {
            let days = unsaid.count();
            notes.extend((days > 0).then_some(Note::ZeroWeekday { weekday, days }));
        } else {
            notes.extend(unsaid.map(|date| Note::ZeroDay { date: *date, usual }));
        }
        closed.extend(zero);
    }
    closed
}

/// A day with a count in every interval.
#[derive(Debug, Clone)]
pub(crate) struct CleanDay {
    pub date: Date,
    pub counts: Vec<f64>,
}

/// Mean count by interval, over the days that have it.
fn profile(days: &[&Day], slots: usize) -> Vec<f64> {
    (0..slots)
        .map(|slot| {
            let seen: Vec<f64> = days.iter().filter_map(|day| day.counts[slot]).collect();
            seen.iter().sum::<f64>() / (seen.len().max(1)) as f64
        })
        .collect()
}

fn fill(day: &Day, profile: &[f64], notes: &mut Vec<Note>) -> CleanDay {
    let recorded = |(count, usual): (&Option<f64>, &f64)| count.map(|count| (count, *usual));
    let (seen, usual) = day
        .counts
        .iter()
        .zip(profile)
        .filter_map(recorded)
        .fold((0.0, 0.0), |(s, u), (count, usual)| (s + count, u + usual));
    let level = if usual > 0.0 { seen / usual } else { 1.0 };
    let missing = day.counts.iter().filter(|count| count.is_none()).count();
    if missing > 0 {
        notes.push(Note::Filled {
            date: day.date,
            intervals: missing,
        });
    }
    CleanDay {
        date: day.date,
        counts: day
            .counts
            .iter()
            .zip(profile)
            .map(|(count, usual)| count.unwrap_or(usual * level))
            .collect(),
    }
}

fn drop_outliers(days: &mut Vec<CleanDay>, notes: &mut Vec<Note>) {
    let log_total = |day: &CleanDay| (day.counts.iter().sum::<f64>() + 1.0).ln();
    let mut by_weekday: BTreeMap<usize, Vec<f64>> = BTreeMap::new();
    for day in days.iter() {
        by_weekday
            .entry(day.date.weekday())
            .or_default()
            .push(log_total(day));
    }
    let medians: BTreeMap<usize, f64> = by_weekday
        .into_iter()
        .map(|(weekday, totals)| (weekday, median(totals)))
        .collect();
    let from_median = |day: &CleanDay| (log_total(day) - medians[&day.date.weekday()]).abs();
    let spread = 1.4826 * median(days.iter().map(from_median).collect());
    // Below a twentieth of the level, the odd day is no spike however calm the rest.
    let limit = SPIKE * spread.max(0.05);
    days.retain(|day| {
        let keep = from_median(day) <= limit;
        if !keep {
            notes.push(Note::Outlier {
                date: day.date,
                total: day.counts.iter().sum(),
                usual: medians[&day.date.weekday()].exp() - 1.0,
            });
        }
        keep
    });
}

/// The middle value; 0 of none.
fn median(mut values: Vec<f64>) -> f64 {
    if values.is_empty() {
        return 0.0;
    }
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len() % 2 == 1 {
        values[middle]
    } else {
        0.5 * (values[middle - 1] + values[middle])
    }
}
