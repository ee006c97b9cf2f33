//! Our policy as a controller would call it: the forecast of the days before, sharpened every
//! half hour by what came, and at each tick what is seen now.

use anyhow::Result;
use trunkline_workforce::capacity::{Outlook, Settings, decide};
use trunkline_workforce::forecast::{Calendar, DayForecast, History, Model};
use trunkline_workforce::simulate::Sight;

use crate::days::{Calls, HALF_HOUR, HALF_HOURS, SLOT};
use crate::rivals::Scale;

/// How far the rest of a day usually is from its forecast once it is sharpened, and how much
/// counts vary beyond Poisson: of a bank's days, published.
const LEVEL_CV: f64 = 0.063;
const DISPERSION: f64 = 1.39;

/// Learns the day from those before it.
pub fn foresee(before: &[Calls], holidays: &Calendar) -> Result<DayForecast> {
    let history = History::new(before.iter().map(Calls::half_hours).collect())?;
    let last = before
        .last()
        .map_or(trunkline_workforce::forecast::Date(0), |day| day.date);
    let (model, _) = Model::fit(&history, holidays.clone())?;
    let mut ahead = model.ahead(last, 1)?;
    ahead
        .pop()
        .ok_or_else(|| anyhow::anyhow!("no day is open after {last}"))
}

/// The policy and what it remembers of the day.
pub struct Ours<'a> {
    settings: Settings,
    forecast: &'a DayForecast,
    outlook: Outlook,
    known: Vec<Option<f64>>,
    /// Arrivals before the half hour that runs.
    counted: u64,
    half_hour: usize,
}

impl<'a> Ours<'a> {
    pub fn new(settings: Settings, forecast: &'a DayForecast) -> Self {
        Self {
            settings,
            outlook: outlook(forecast),
            forecast,
            known: vec![None; HALF_HOURS],
            counted: 0,
            half_hour: 0,
        }
    }
}

impl Scale for Ours<'_> {
    fn pods(&mut self, sight: &Sight) -> u32 {
        let now = sight.now.as_secs_f64();
        let half_hour = (now / HALF_HOUR) as usize;
        if half_hour > self.half_hour && half_hour <= HALF_HOURS {
            self.known[half_hour - 1] = Some((sight.arrived - self.counted) as f64);
            self.counted = sight.arrived;
            self.half_hour = half_hour;
            if let Ok(sharper) = self.forecast.update(&self.known) {
                self.outlook = outlook(&sharper);
            }
        }
        let seen = trunkline_workforce::capacity::Sight {
            now,
            ready: sight.ready,
            starting: sight.starting,
            in_progress: sight.busy,
            waiting: sight.waiting,
            seen: (sight.arrived - self.counted) as f64,
            seen_since: self.half_hour as f64 * HALF_HOUR,
        };
        match decide(&self.settings, &self.outlook, &seen) {
            Ok(decision) => decision.pods,
            Err(_) => sight.ready + sight.starting,
        }
    }
}

/// Five-minute rates whose half hours hold what is forecast: straight lines between their
/// middles, each half hour then scaled to its own count.
fn outlook(forecast: &DayForecast) -> Outlook {
    let counts: Vec<f64> = (0..HALF_HOURS)
        .map(|slot| forecast.expect(slot, 0.9).mean)
        .collect();
    let mut rates = Vec::with_capacity(6 * HALF_HOURS);
    for slot in 0..HALF_HOURS {
        let at = |step: usize| {
            // From the middle of the half hour, in half hours.
            let from = (step as f64 + 0.5) / 6.0 - 0.5;
            let other = if from < 0.0 {
                slot.saturating_sub(1)
            } else {
                (slot + 1).min(HALF_HOURS - 1)
            };
            counts[slot] + from.abs() * (counts[other] - counts[slot])
        };
        let line: Vec<f64> = (0..6).map(at).collect();
        let sum: f64 = line.iter().sum();
        let scale = if sum > 0.0 {
            counts[slot] / sum / SLOT
        } else {
            0.0
        };
        rates.extend(line.iter().map(|calls| calls * scale));
    }
    Outlook {
        rates,
        interval: SLOT,
        start: 0.0,
        level_cv: LEVEL_CV,
        dispersion: DISPERSION,
    }
}
