//! A mean profile plus a few shapes of day, the shapes' scores remembered from day to day.
//!
//! With `x = √(count + ¼)` by day and interval: the shapes are the leading right singular
//! vectors of the centred days, a day's scores its projections on them. A score is the mean
//! of its class of day plus an AR(1) remainder. What the shapes leave is noise, independent
//! from interval to interval. A forecast is so a normal law of the day's roots; observed
//! intervals condition it, and its squares are the counts.

use std::collections::BTreeSet;

use super::calendar::{Calendar, Date, DayClass};
use super::history::{CleanDay, Cleaned, History, HistoryError, LEAST_DAYS, Note};
use super::linear::Symmetric;
use super::normal::quantile;

/// Shapes at most; a day's level, its tilt and two more.
const MOST_SHAPES: usize = 4;

/// A shape needs so many days to be learnt.
const DAYS_PER_SHAPE: usize = 8;

/// A remainder that never fades would carry one odd day for ever.
const GREATEST_MEMORY: f64 = 0.98;

/// Anscombe's shift: it steadies the root of small counts.
const SHIFT: f64 = 0.25;

/// What was learnt from a history.
#[derive(Debug, Clone)]
pub struct Model {
    calendar: Calendar,
    open: [bool; 7],
    last: Date,
    profile: Vec<f64>,
    shapes: Vec<Shape>,
    noise: Vec<f64>,
}

#[derive(Debug, Clone)]
struct Shape {
    /// By interval, of length one.
    form: Vec<f64>,
    by_weekday: [f64; 7],
    holiday: Option<f64>,
    /// AR(1) coefficient, last remainder, variance of what is new each day.
    memory: f64,
    remainder: f64,
    innovation: f64,
    /// Days that it was learnt from.
    days: f64,
}

/// Why nothing was learnt, or nothing can be said.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ForecastError {
    /// The history will not do.
    #[error(transparent)]
    History(#[from] HistoryError),
    /// A day that is past.
    #[error("{date} is not after {last}, the last day known")]
    NotAhead {
        /// Asked for.
        date: Date,
        /// The last of the history.
        last: Date,
    },
    /// Observed intervals that do not fit the day.
    #[error("{got} observed intervals do not fit a day of {expected}")]
    Uneven {
        /// As given.
        got: usize,
        /// As learnt.
        expected: usize,
    },
}

/// A count to expect, with the bounds of an interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Expected {
    /// Mean.
    pub mean: f64,
    /// Lower bound.
    pub low: f64,
    /// Upper bound.
    pub high: f64,
}

/// The law of one day's counts.
#[derive(Debug, Clone)]
pub struct DayForecast {
    /// Which day.
    pub date: Date,
    /// Of the roots, by interval.
    means: Vec<f64>,
    covariance: Symmetric,
    /// What is already known of the day.
    known: Vec<Option<f64>>,
}

impl Model {
    /// Learns from a history. Also says what of it was repaired or left out.
    ///
    /// # Errors
    /// If too little of it is usable.
    pub fn fit(history: &History, calendar: Calendar) -> Result<(Self, Vec<Note>), ForecastError> {
        let Cleaned {
            days,
            closed,
            mut notes,
        } = history.cleaned(&calendar);
        if days.len() < LEAST_DAYS {
            return Err(HistoryError::TooFewDays { usable: days.len() }.into());
        }
        let n = days.len() as f64;
        let slots = history.slots();
        let roots: Vec<Vec<f64>> = days
            .iter()
            .map(|day| day.counts.iter().map(|c| (c + SHIFT).sqrt()).collect())
            .collect();
        let profile: Vec<f64> = (0..slots)
            .map(|slot| roots.iter().map(|day| day[slot]).sum::<f64>() / n)
            .collect();
        let mut covariance = Symmetric::zero(slots);
        let centred: Vec<Vec<f64>> = roots
            .iter()
            .map(|day| day.iter().zip(&profile).map(|(x, m)| x - m).collect())
            .collect();
        for day in &centred {
            covariance.add_outer(day, 1.0 / n);
        }
        let count = MOST_SHAPES
            .min(days.len() / DAYS_PER_SHAPE)
            .max(1)
            .min(slots);
        let forms = covariance.leading(count);

        let open = open_weekdays(&days, &calendar);
        notes.extend(history.missing(&calendar, &open));
        let classes = classes(&days, history, &closed, &calendar, &open);
        let noise = noise(&centred, &forms);
        let shapes = forms
            .into_iter()
            .map(|form| {
                let scores: Vec<f64> = centred.iter().map(|day| dot(day, &form)).collect();
                Shape::learn(form, &scores, &classes)
            })
            .collect();
        // `days` is not empty: it was counted above.
        let last = days[days.len() - 1].date;
        Ok((
            Self {
                calendar,
                open,
                last,
                profile,
                shapes,
                noise,
            },
            notes,
        ))
    }

    /// Forecasts the next `count` calendar days that are open, from the day after `from`.
    /// Weekdays never seen open are passed over; so are holidays, unless past ones were open.
    ///
    /// # Errors
    /// If `from` is before the last day known.
    pub fn ahead(&self, from: Date, count: usize) -> Result<Vec<DayForecast>, ForecastError> {
        if from < self.last {
            return Err(ForecastError::NotAhead {
                date: from.plus(1),
                last: self.last,
            });
        }
        let mut days = Vec::with_capacity(count);
        let (mut date, mut before, mut steps) = (self.last, self.last, 0);
        // An open weekday comes round within a week; holidays in a row end within a year.
        let limit = from.plus(7 * (count as i32 + 1) + 366);
        while days.len() < count && date < limit {
            date = date.plus(1);
            if !self.is_open(date) {
                continue;
            }
            steps += 1;
            let class = self.calendar.class(date, Some(before), &self.open);
            before = date;
            if date > from {
                days.push(self.day(date, class, steps));
            }
        }
        Ok(days)
    }

    /// Whether contacts are expected on a day at all.
    pub fn is_open(&self, date: Date) -> bool {
        let holiday = self.calendar.holidays.contains(&date);
        let holidays_known = self.shapes.iter().all(|shape| shape.holiday.is_some());
        self.open[date.weekday()] && (!holiday || holidays_known)
    }

    fn day(&self, date: Date, class: DayClass, steps: i32) -> DayForecast {
        let mut means = self.profile.clone();
        let mut covariance = Symmetric::zero(means.len());
        for shape in &self.shapes {
            let (score, variance) = shape.ahead(class, steps);
            for (mean, form) in means.iter_mut().zip(&shape.form) {
                *mean += score * form;
            }
            covariance.add_outer(&shape.form, variance);
        }
        for (slot, noise) in self.noise.iter().enumerate() {
            covariance.add(slot, slot, *noise);
        }
        DayForecast {
            date,
            known: vec![None; means.len()],
            means,
            covariance,
        }
    }
}

/// Weekdays on which at least half of the weeks of the history have a day.
fn open_weekdays(days: &[CleanDay], calendar: &Calendar) -> [bool; 7] {
    let mut seen = [0_usize; 7];
    for day in days {
        if !calendar.holidays.contains(&day.date) {
            seen[day.date.weekday()] += 1;
        }
    }
    let weeks = seen.iter().copied().max().unwrap_or(0);
    seen.map(|count| count > 0 && 2 * count >= weeks)
}

/// A day left out of the learning was open all the same: the day after it follows no closure.
fn classes(
    days: &[CleanDay],
    history: &History,
    closed: &BTreeSet<Date>,
    calendar: &Calendar,
    open: &[bool; 7],
) -> Vec<DayClass> {
    let recorded = history.days().iter().map(|day| day.date);
    let recorded: Vec<Date> = recorded.filter(|date| !closed.contains(date)).collect();
    days.iter()
        .map(|day| {
            let at = recorded.partition_point(|other| *other < day.date);
            let before = at.checked_sub(1).map(|before| recorded[before]);
            calendar.class(day.date, before, open)
        })
        .collect()
}

/// Variance by interval of what the shapes leave, with the freedom they took given back.
fn noise(centred: &[Vec<f64>], forms: &[Vec<f64>]) -> Vec<f64> {
    let (n, slots, k) = (
        centred.len() as f64,
        centred[0].len() as f64,
        forms.len() as f64,
    );
    let mut squares = vec![0.0; centred[0].len()];
    for day in centred {
        let scores: Vec<f64> = forms.iter().map(|form| dot(day, form)).collect();
        for (slot, square) in squares.iter_mut().enumerate() {
            let shaped: f64 = forms.iter().zip(&scores).map(|(f, s)| f[slot] * s).sum();
            *square += (day[slot] - shaped).powi(2);
        }
    }
    let freedom = (n - k - 1.0).max(1.0) * ((slots - k) / slots).max(1.0 / slots);
    squares.into_iter().map(|square| square / freedom).collect()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

impl Shape {
    fn learn(form: Vec<f64>, scores: &[f64], classes: &[DayClass]) -> Self {
        let mean_of = |wanted: DayClass| {
            let of_class: Vec<f64> = scores
                .iter()
                .zip(classes)
                .filter(|(_, class)| **class == wanted)
                .map(|(score, _)| *score)
                .collect();
            (!of_class.is_empty()).then(|| of_class.iter().sum::<f64>() / of_class.len() as f64)
        };
        // Scores are centred: a weekday never seen has the mean of all, zero.
        let by_weekday = std::array::from_fn(|day| mean_of(DayClass::Weekday(day)).unwrap_or(0.0));
        let mut shape = Self {
            form,
            by_weekday,
            holiday: mean_of(DayClass::Holiday),
            memory: 0.0,
            remainder: 0.0,
            innovation: 0.0,
            days: scores.len() as f64,
        };
        let rest: Vec<f64> = scores
            .iter()
            .zip(classes)
            .map(|(score, class)| score - shape.mean(*class))
            .collect();
        let (mut products, mut squares) = (0.0, 0.0);
        for pair in rest.windows(2) {
            products += pair[0] * pair[1];
            squares += pair[0] * pair[0];
        }
        if squares > 0.0 {
            // A short series remembers less than its source: Kendall's (1954) correction.
            let seen = products / squares;
            let unbiased = seen + (1.0 + 3.0 * seen) / rest.len() as f64;
            shape.memory = unbiased.clamp(0.0, GREATEST_MEMORY);
        }
        let new: f64 = rest
            .windows(2)
            .map(|pair| (pair[1] - shape.memory * pair[0]).powi(2))
            .sum();
        shape.innovation = new / (rest.len() - 1) as f64;
        shape.remainder = rest[rest.len() - 1];
        shape
    }

    fn mean(&self, class: DayClass) -> f64 {
        match class {
            DayClass::Weekday(day) => self.by_weekday[day],
            DayClass::Holiday => self.holiday.unwrap_or(0.0),
        }
    }

    /// Mean and variance of the score so many open days ahead.
    fn ahead(&self, class: DayClass, steps: i32) -> (f64, f64) {
        /// Weekdays share the history among them.
        const CLASSES: f64 = 5.0;
        let fading = self.memory.powi(steps);
        let stationary = self.innovation / (1.0 - self.memory * self.memory);
        // The means were learnt too: the level from as many days as are worth a fresh one
        // each, a weekday's difference from its share of the days. What the last remainder
        // already tells is not uncertain twice.
        let level = (1.0 + self.memory) / (1.0 - self.memory) / self.days;
        let learnt = (level.min(1.0) + CLASSES / self.days) * (1.0 - fading).powi(2);
        let variance = stationary * (1.0 - fading * fading + learnt);
        (self.mean(class) + fading * self.remainder, variance)
    }
}

impl DayForecast {
    /// Learns what the day has shown so far; `None` where it has not come yet.
    ///
    /// # Errors
    /// If there are more or fewer intervals than the day has.
    pub fn update(&self, observed: &[Option<f64>]) -> Result<Self, ForecastError> {
        if observed.len() != self.means.len() {
            return Err(ForecastError::Uneven {
                got: observed.len(),
                expected: self.means.len(),
            });
        }
        let seen: Vec<usize> = (0..observed.len())
            .filter(|&slot| observed[slot].is_some() && self.covariance.at(slot, slot) > 0.0)
            .collect();
        let surprise: Vec<f64> = seen
            .iter()
            .map(|&slot| (observed[slot].unwrap_or(0.0) + SHIFT).sqrt() - self.means[slot])
            .collect();
        let mut sides: Vec<Vec<f64>> = (0..self.means.len())
            .map(|slot| seen.iter().map(|&s| self.covariance.at(s, slot)).collect())
            .collect();
        let columns = sides.clone();
        sides.push(surprise);
        let mut updated = self.clone();
        updated.known = observed.to_vec();
        // Noise on the diagonal keeps the observed part positive definite.
        let Some(mut solved) = self.covariance.part(&seen).solve(&sides) else {
            return Ok(updated);
        };
        let weights = solved.pop().unwrap_or_default();
        for slot in 0..self.means.len() {
            updated.means[slot] += dot(&columns[slot], &weights);
            for (other, column) in columns.iter().enumerate() {
                updated
                    .covariance
                    .add(slot, other, -dot(column, &solved[slot]));
            }
        }
        Ok(updated)
    }

    /// Intervals of the day.
    pub fn slots(&self) -> usize {
        self.means.len()
    }

    /// What to expect in one interval, with a central interval of probability `level`
    /// (0 < level < 1). An interval already observed is what it was.
    pub fn expect(&self, slot: usize, level: f64) -> Expected {
        if let Some(count) = self.known[slot] {
            return Expected {
                mean: count,
                low: count,
                high: count,
            };
        }
        let mean = self.means[slot];
        let variance = self.covariance.at(slot, slot).max(0.0);
        let reach = quantile(0.5 + level / 2.0) * variance.sqrt();
        let square = |root: f64| (root.max(0.0).powi(2) - SHIFT).max(0.0);
        Expected {
            mean: (mean * mean + variance - SHIFT).max(0.0),
            low: square(mean - reach),
            high: square(mean + reach),
        }
    }

    /// What to expect of the whole day. The interval counts in that a busy hour comes on a
    /// busy day: it is far wider than independent intervals would give.
    pub fn total(&self, level: f64) -> Expected {
        let (mut mean, mut variance) = (0.0, 0.0);
        for slot in 0..self.slots() {
            mean += self.expect(slot, level).mean;
            if self.known[slot].is_some() {
                continue;
            }
            for other in (0..self.slots()).filter(|&other| self.known[other].is_none()) {
                // d(x²) = 2x dx
                variance += 4.0
                    * self.means[slot].max(0.0)
                    * self.means[other].max(0.0)
                    * self.covariance.at(slot, other);
            }
        }
        let reach = quantile(0.5 + level / 2.0) * variance.max(0.0).sqrt();
        Expected {
            mean,
            low: (mean - reach).max(0.0),
            high: mean + reach,
        }
    }
}
