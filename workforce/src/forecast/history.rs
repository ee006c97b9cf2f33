//! Past counts by day and interval, cleaned with every repair said.

use std::collections::BTreeMap;
use std::fmt;

use super::calendar::Date;

/// Fewer days say nothing about weekdays.
pub(crate) const LEAST_DAYS: usize = 10;

/// A day with less of its intervals than this share is left out.
const LEAST_SHARE: f64 = 0.5;

/// A day is a spike or a slump if the logarithm of its total lies so many scaled median
/// deviations from the median of its weekday.
const SPIKE: f64 = 8.0;

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
    pub(crate) fn cleaned(&self) -> (Vec<CleanDay>, Vec<Note>) {
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
        let profile = profile(&usable, self.slots);
        let mut clean: Vec<CleanDay> = usable
            .into_iter()
            .map(|day| fill(day, &profile, &mut notes))
            .collect();
        drop_outliers(&mut clean, &mut notes);
        (clean, notes)
    }
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
