//! Forecasts on days made from the facts of a real bank.

// Clippy takes helpers outside #[test] functions for production code.
#![allow(clippy::unwrap_used, clippy::panic)]

use trunkline_workforce::arrivals::bank_days;
use trunkline_workforce::forecast::{
    Calendar, Date, Day, DayForecast, ForecastError, History, HistoryError, Model, Note,
};

const WARM_UP: usize = 60;

fn start() -> Date {
    "2024-01-01".parse().unwrap()
}

fn next_day(known: &[Day], ahead: usize) -> DayForecast {
    let history = History::new(known.to_vec()).unwrap();
    let (model, _) = Model::fit(&history, Calendar::default()).unwrap();
    let mut days = model.ahead(known[known.len() - 1].date, ahead).unwrap();
    days.pop().unwrap()
}

/// WAPE and coverage of 90 % intervals over the slots from `from` on.
fn score(pairs: &[(DayForecast, &Day)], from: usize) -> (f64, f64) {
    let (mut error, mut volume, mut inside, mut counted) = (0.0, 0.0, 0, 0);
    for (forecast, day) in pairs {
        for (slot, count) in day.counts.iter().enumerate().skip(from) {
            let (count, expected) = (count.unwrap(), forecast.expect(slot, 0.9));
            error += (expected.mean - count).abs();
            volume += count;
            inside += u32::from((expected.low..=expected.high).contains(&count));
            counted += 1;
        }
    }
    (error / volume, f64::from(inside) / f64::from(counted))
}

#[test]
fn a_day_ahead_is_forecast_as_well_as_its_noise_allows_with_honest_intervals() {
    // Levels a week apart are one level: one history alone says little about coverage.
    let histories: Vec<_> = (11..19)
        .map(|seed| bank_days(seed, start(), 164, 1.0))
        .collect();
    for (ahead, most) in [(1, 0.056), (5, 0.066)] {
        let pairs: Vec<_> = histories
            .iter()
            .flat_map(|days| {
                (WARM_UP..days.len()).map(move |target| {
                    let known = &days[..target + 1 - ahead];
                    (next_day(known, ahead), &days[target])
                })
            })
            .collect();
        let (wape, coverage) = score(&pairs, 0);
        assert!(wape < most, "WAPE {wape} {ahead} days ahead");
        assert!(
            (0.87..=0.93).contains(&coverage),
            "coverage {coverage} {ahead} days ahead"
        );
    }
}

#[test]
fn the_first_hours_sharpen_the_rest_of_the_day() {
    let days = bank_days(12, start(), 164, 1.0);
    let seen = 10;
    let (mut before, mut after) = (Vec::new(), Vec::new());
    for target in WARM_UP..days.len() {
        let forecast = next_day(&days[..target], 1);
        let mut observed = days[target].counts.clone();
        observed[seen..].fill(None);
        after.push((forecast.update(&observed).unwrap(), &days[target]));
        before.push((forecast, &days[target]));
    }
    let ((old, _), (new, coverage)) = (score(&before, seen), score(&after, seen));
    assert!(new < 0.85 * old, "{new} after, {old} before");
    assert!((0.87..=0.93).contains(&coverage), "coverage {coverage}");
}

#[test]
fn the_day_total_is_as_uncertain_as_the_day_level() {
    let days = bank_days(13, start(), 164, 1.0);
    let mut inside = 0;
    let targets = WARM_UP..days.len();
    for target in targets.clone() {
        let total = next_day(&days[..target], 1).total(0.9);
        let actual: f64 = days[target].counts.iter().flatten().sum();
        inside += u32::from((total.low..=total.high).contains(&actual));
    }
    let coverage = f64::from(inside) / targets.len() as f64;
    assert!(
        (0.80..=0.97).contains(&coverage),
        "coverage of totals {coverage}"
    );
}

#[test]
fn weekends_and_holidays_are_passed_over_and_the_day_after_is_like_a_monday() {
    let days = bank_days(14, start(), 60, 1.0);
    let last = days[days.len() - 1].date;
    let next_monday = (1..8)
        .map(|i| last.plus(i))
        .find(|date| date.weekday() == 0)
        .unwrap();
    let forecast = |calendar: Calendar| {
        let history = History::new(days.clone()).unwrap();
        let (model, _) = Model::fit(&history, calendar).unwrap();
        model.ahead(last, 10).unwrap()
    };
    let plain = forecast(Calendar::default());
    assert!(plain.iter().all(|day| day.date.weekday() < 5));

    let mut calendar = Calendar::default();
    calendar.holidays.insert(next_monday);
    let with_holiday = forecast(calendar);
    assert!(with_holiday.iter().all(|day| day.date != next_monday));
    let total = |days: &[DayForecast], date: Date| {
        let day = days.iter().find(|day| day.date == date).unwrap();
        day.total(0.9).mean
    };
    let tuesday = next_monday.plus(1);
    assert!(
        total(&with_holiday, tuesday) > 1.05 * total(&plain, tuesday),
        "the Tuesday after a holiday takes Monday's calls"
    );
}

#[test]
fn holes_and_spikes_are_repaired_and_said() {
    let mut days = bank_days(15, start(), 60, 1.0);
    let clean = next_day(&days, 1).total(0.9).mean;
    days[20].counts[3..9].fill(None);
    days[30]
        .counts
        .iter_mut()
        .flatten()
        .for_each(|count| *count *= 20.0);
    days[40].counts[2..].fill(None);
    let history = History::new(days.clone()).unwrap();
    let (model, notes) = Model::fit(&history, Calendar::default()).unwrap();
    let said = |date: Date, what: fn(&Note) -> Option<Date>| {
        notes.iter().filter_map(what).any(|noted| noted == date)
    };
    assert!(said(days[20].date, |note| match note {
        Note::Filled { date, intervals: 6 } => Some(*date),
        _ => None,
    }));
    assert!(said(days[30].date, |note| match note {
        Note::Outlier { date, .. } => Some(*date),
        _ => None,
    }));
    assert!(said(days[40].date, |note| match note {
        Note::LeftOut { date, recorded: 2 } => Some(*date),
        _ => None,
    }));
    let repaired = model.ahead(days[59].date, 1).unwrap()[0].total(0.9).mean;
    assert!(
        (repaired / clean - 1.0).abs() < 0.02,
        "{repaired} for {clean}"
    );
}

#[test]
fn too_little_history_is_refused() {
    assert_eq!(History::new(Vec::new()), Err(HistoryError::Empty));
    let day = bank_days(16, start(), 1, 1.0);
    let history = History::new(day).unwrap();
    let refused = Model::fit(&history, Calendar::default()).unwrap_err();
    let too_few = HistoryError::TooFewDays { usable: 1 };
    assert_eq!(refused, ForecastError::History(too_few));
}

#[test]
fn counts_that_are_none_are_refused_by_day_and_interval() {
    let mut days = bank_days(17, start(), 12, 1.0);
    days[3].counts[4] = Some(f64::NAN);
    let said = History::new(days).unwrap_err().to_string();
    assert!(said.contains("2024-01-04, interval 4: NaN"), "{said}");
}
