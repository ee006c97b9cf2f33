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

/// What a day is thought to bring.
pub struct Foreseen {
    /// By half hours.
    forecast: DayForecast,
    /// How a half hour's calls are spread over its five minutes.
    spread: Vec<[f64; STEPS]>,
}

/// Five minutes of a half hour.
const STEPS: usize = 6;

/// Learns the day from those before it.
pub fn foresee(before: &[Calls], holidays: &Calendar) -> Result<Foreseen> {
    let history = History::new(before.iter().map(Calls::half_hours).collect())?;
    let last = before
        .last()
        .map_or(trunkline_workforce::forecast::Date(0), |day| day.date);
    let (model, _) = Model::fit(&history, holidays.clone())?;
    let mut ahead = model.ahead(last, 1)?;
    let forecast = ahead
        .pop()
        .ok_or_else(|| anyhow::anyhow!("no day is open after {last}"))?;
    let calls = |slot: usize| before.iter().map(|day| f64::from(day.counts[slot])).sum();
    let spread = (0..HALF_HOURS).map(|half_hour| {
        let steps: [f64; STEPS] = std::array::from_fn(|step| calls(STEPS * half_hour + step));
        let sum: f64 = steps.iter().sum();
        // Of a half hour without calls there is nothing to spread.
        steps.map(|calls| calls / sum.max(1.0))
    });
    Ok(Foreseen {
        forecast,
        spread: spread.collect(),
    })
}

/// The policy and what it remembers of the day.
pub struct Ours<'a> {
    settings: Settings,
    foreseen: &'a Foreseen,
    outlook: Outlook,
    known: Vec<Option<f64>>,
    /// Arrivals, and late ones, before the half hour that runs.
    counted: (u64, u64),
    half_hour: usize,
}

impl<'a> Ours<'a> {
    pub fn new(settings: Settings, foreseen: &'a Foreseen) -> Self {
        Self {
            settings,
            outlook: outlook(&foreseen.forecast, &foreseen.spread),
            foreseen,
            known: vec![None; HALF_HOURS],
            counted: (0, 0),
            half_hour: 0,
        }
    }
}

impl Scale for Ours<'_> {
    fn pods(&mut self, sight: &Sight) -> u32 {
        let now = sight.now.as_secs_f64();
        let half_hour = (now / HALF_HOUR) as usize;
        if half_hour > self.half_hour && half_hour <= HALF_HOURS {
            self.known[half_hour - 1] = Some((sight.arrived - self.counted.0) as f64);
            self.counted = (sight.arrived, sight.late);
            self.half_hour = half_hour;
            if let Ok(sharper) = self.foreseen.forecast.update(&self.known) {
                self.outlook = outlook(&sharper, &self.foreseen.spread);
            }
        }
        let arrived = (sight.arrived - self.counted.0) as f64;
        let since = self.half_hour as f64 * HALF_HOUR;
        let seen = trunkline_workforce::capacity::Sight {
            now,
            ready: sight.ready,
            starting: sight.starting,
            in_progress: sight.busy,
            waiting: sight.waiting,
            seen: arrived,
            seen_since: since,
            judged_since: since,
            judged: arrived,
            missed: (sight.late - self.counted.1) as f64,
        };
        match decide(&self.settings, &self.outlook, &seen) {
            Ok(decision) => decision.pods,
            Err(_) => sight.ready + sight.starting,
        }
    }
}

/// Five-minute rates whose half hours hold what is forecast.
fn outlook(forecast: &DayForecast, spread: &[[f64; STEPS]]) -> Outlook {
    let half_hour = |(slot, steps): (usize, &[f64; STEPS])| {
        let calls = forecast.expect(slot, 0.9).mean;
        steps.map(|share| calls * share / SLOT)
    };
    Outlook {
        rates: spread.iter().enumerate().flat_map(half_hour).collect(),
        interval: SLOT,
        start: 0.0,
        level_cv: LEVEL_CV,
        dispersion: DISPERSION,
    }
}
