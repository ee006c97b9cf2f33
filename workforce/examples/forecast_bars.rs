//! Rolling-origin forecasts of a file of daily counts (`date,count,count,…` a line, no
//! header): WAPE and interval coverage a day, a week and two weeks ahead, and for the rest
//! of the day after an update. Further arguments are holidays known beforehand. `bench/workforce/forecast.py` feeds it the bank's days.

use std::error::Error;

use trunkline_workforce::forecast::{Calendar, Day, DayForecast, History, Model};

/// Days that only ever train; the rest are forecast one by one.
const WARM_UP: usize = 60;

const LEVEL: f64 = 0.9;

#[derive(Default)]
struct Score {
    error: f64,
    volume: f64,
    inside: usize,
    counted: usize,
}

impl Score {
    fn add(&mut self, forecast: &DayForecast, actual: &Day, from: usize) {
        for (slot, count) in actual.counts.iter().enumerate().skip(from) {
            let Some(count) = *count else { continue };
            let expected = forecast.expect(slot, LEVEL);
            self.error += (expected.mean - count).abs();
            self.volume += count;
            self.inside += usize::from((expected.low..=expected.high).contains(&count));
            self.counted += 1;
        }
    }

    fn print(&self, what: &str) {
        let wape = 100.0 * self.error / self.volume;
        let coverage = 100.0 * self.inside as f64 / self.counted as f64;
        println!("{what},{wape:.3},{coverage:.2},{}", self.counted);
    }
}

fn read(path: &str) -> Result<Vec<Day>, Box<dyn Error>> {
    std::fs::read_to_string(path)?
        .lines()
        .map(|line| {
            let (date, counts) = line.split_once(',').ok_or("a line without a comma")?;
            let counts: Result<Vec<_>, _> = counts
                .split(',')
                .map(|count| count.parse::<f64>().map(Some))
                .collect();
            Ok(Day {
                date: date.parse()?,
                counts: counts?,
            })
        })
        .collect()
}

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args()
        .nth(1)
        .ok_or("usage: forecast_bars DAYS.csv HOLIDAY…")?;
    let mut calendar = Calendar::default();
    for holiday in std::env::args().skip(2) {
        calendar.holidays.insert(holiday.parse()?);
    }
    let days = read(&path)?;
    println!("what,wape,coverage,intervals");
    for ahead in [1, 5, 10] {
        let mut score = Score::default();
        for target in WARM_UP..days.len() {
            let known = target + 1 - ahead;
            let forecasts = forecast(&days[..known], &calendar, ahead + 4)?;
            // A date that the calendar takes for open but the data skip (a holiday) must not
            // shift the comparison.
            if let Some(forecast) = forecasts.iter().find(|f| f.date == days[target].date) {
                score.add(forecast, &days[target], 0);
            }
        }
        score.print(&format!("{ahead} days ahead"));
    }
    let slots = days.first().map_or(0, |day| day.counts.len());
    for share in [0.15, 0.36, 0.57] {
        let from = (share * slots as f64).round() as usize;
        let (mut updated, mut unmoved) = (Score::default(), Score::default());
        for target in WARM_UP..days.len() {
            let actual = &days[target];
            let forecasts = forecast(&days[..target], &calendar, 5)?;
            if let Some(forecast) = forecasts.iter().find(|f| f.date == actual.date) {
                let mut seen = actual.counts.clone();
                seen[from..].fill(None);
                unmoved.add(forecast, actual, from);
                updated.add(&forecast.update(&seen)?, actual, from);
            }
        }
        unmoved.print(&format!("rest of day from interval {from} without update"));
        updated.print(&format!("rest of day from interval {from} updated"));
    }
    Ok(())
}

fn forecast(
    known: &[Day],
    calendar: &Calendar,
    count: usize,
) -> Result<Vec<DayForecast>, Box<dyn Error>> {
    let history = History::new(known.to_vec())?;
    let (model, _) = Model::fit(&history, calendar.clone())?;
    Ok(model.ahead(known[known.len() - 1].date, count)?)
}
