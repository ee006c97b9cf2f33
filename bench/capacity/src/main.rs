//! Our autoscaling policy beside HPA, KEDA, Knative's and a predictive HPA, on real arrivals:
//! one day after another on the routing core, pods starting and draining as each rule asks.
//!
//! `capacity DAYS.csv|generated train|test|ours [FIELD=VALUE…]`. Rivals are tuned in hindsight, on
//! the days that are judged; ours is fixed beforehand, on others.

mod days;
mod ours;
mod rivals;
mod site;

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use trunkline_tenant::Tenant;
use trunkline_workforce::capacity::Settings;
use trunkline_workforce::erlang::Formula;
use trunkline_workforce::forecast::{Calendar, DayForecast};

use days::Calls;
use ours::Ours;
use rivals::Family;
use site::Score;

/// Start-up in seconds, and erlangs of the mean day's busiest half hour.
const SITES: [(f64, f64); 5] = [
    (30.0, 56.0),
    (120.0, 56.0),
    (300.0, 56.0),
    (120.0, 7.0),
    (300.0, 7.0),
];

/// The last eight days are judged, once; the settings come from 16 of the days before.
const TEST_DAYS: usize = 8;
const TRAINING_DAYS: usize = 16;
const TRAINING_STEP: usize = 4;

/// Public holidays of the bank's span, as any calendar has them.
const HOLIDAYS: [&str; 3] = ["2003-05-26", "2003-07-04", "2003-09-01"];

/// A site with everything that its days need.
struct Ground {
    start_up: f64,
    erlangs: f64,
    tenant: Arc<Tenant>,
    days: Vec<Calls>,
    /// By day, of those that are run.
    forecasts: Vec<Option<DayForecast>>,
    opening: u32,
}

impl Ground {
    fn new(start_up: f64, erlangs: f64, all: &[Calls], run: &[usize]) -> Result<Self> {
        // Its size is that of the days before the judged ones.
        let known = &all[..all.len() - TEST_DAYS];
        let mean = |slot: usize| {
            let calls = known
                .iter()
                .map(|day| f64::from(day.counts[6 * slot..6 * slot + 6].iter().sum::<u32>()));
            calls.sum::<f64>() / known.len() as f64 * site::AHT / days::HALF_HOUR
        };
        let peak = (0..days::HALF_HOURS).map(mean).fold(0.0, f64::max);
        let share = erlangs / peak;
        let days = days::thin(all, share, erlangs as u64);
        let holidays = HOLIDAYS
            .iter()
            .filter_map(|date| date.parse().ok())
            .collect();
        let calendar = Calendar { holidays };
        let mut forecasts: Vec<Option<DayForecast>> = vec![None; days.len()];
        for &day in run {
            forecasts[day] = Some(ours::foresee(&days[..day], &calendar)?);
        }
        Ok(Self {
            start_up,
            erlangs,
            tenant: site::tenant()?,
            opening: site::opening(share * mean(0)),
            days,
            forecasts,
        })
    }

    /// The days under a rule that is made anew for each.
    fn score(&self, run: &[usize], one: impl Fn(usize) -> Score + Sync) -> Score {
        let half = run.len().div_ceil(2);
        let sum = |days: &[usize]| {
            days.iter()
                .map(|&day| one(day))
                .fold(Score::default(), Score::plus)
        };
        std::thread::scope(|scope| {
            let first = scope.spawn(|| sum(&run[..half]));
            let second = sum(&run[half..]);
            first.join().unwrap_or_default().plus(second)
        })
    }

    fn rival(&self, run: &[usize], family: Family, target: f64) -> Score {
        self.score(run, |day| {
            let mut rule = family.rule(target, self.start_up);
            site::day(
                &self.tenant,
                &self.days[day],
                self.start_up,
                family.tick(),
                self.opening,
                rule.as_mut(),
            )
        })
    }

    fn ours(&self, run: &[usize], settings: &Settings) -> Score {
        let settings = Settings {
            start_up: self.start_up,
            ..*settings
        };
        self.score(run, |day| match &self.forecasts[day] {
            Some(forecast) => {
                let mut rule = Ours::new(settings, forecast);
                site::day(
                    &self.tenant,
                    &self.days[day],
                    self.start_up,
                    15,
                    self.opening,
                    &mut rule,
                )
            }
            None => Score::default(),
        })
    }
}

/// Ours, the same at every site but for the start-up; chosen on the training days.
fn settings() -> Settings {
    Settings {
        aht: site::AHT,
        patience: site::PATIENCE,
        service_level: (Formula::AllOffered, site::TARGET, site::WITHIN),
        most: 400,
        ..Settings::default()
    }
}

fn with(mut settings: Settings, changes: &[String]) -> Result<Settings> {
    for change in changes {
        let (field, value) = change.split_once('=').context("FIELD=VALUE")?;
        let value: f64 = value.parse()?;
        match field {
            "hold" => settings.hold = value,
            "margin" => settings.margin = value,
            "clear_within" => settings.clear_within = value,
            "slack" => settings.slack = value,
            "surety" => settings.surety = value,
            _ => bail!("{field} is no setting that can be tried"),
        }
    }
    Ok(settings)
}

fn line(ground: &Ground, name: &str, target: &str, score: &Score) -> String {
    format!(
        "{},{},{name},{target},{:.1},{:.2},{:.1},{:.0},{:.0},{}",
        ground.start_up,
        ground.erlangs,
        100.0 * score.met_share(),
        100.0 * score.abandoned / score.offered.max(1.0),
        score.hours(),
        score.changes / score.days.max(1.0),
        score.hit / score.days.max(1.0),
        score.cut,
    )
}

fn main() -> Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [source, mode, changes @ ..] = &words[..] else {
        bail!("usage: capacity DAYS.csv|generated train|test|ours [FIELD=VALUE…]");
    };
    let all = match source.as_str() {
        "generated" => days::generated(164),
        path => days::read(Path::new(path))?,
    };
    let first_judged = all.len() - TEST_DAYS;
    let run: Vec<usize> = match mode.as_str() {
        "test" | "ours" => (first_judged..all.len()).collect(),
        "train" => (0..TRAINING_DAYS)
            .map(|at| first_judged - 1 - TRAINING_STEP * at)
            .collect(),
        other => bail!("{other} is none of train, test and ours"),
    };
    let settings = with(settings(), changes)?;
    println!(
        "start_up,erlangs,rule,target,met_percent,abandoned_percent,pod_hours_a_day,changes_a_day,busy_hit_a_day,cut"
    );
    let only_ours = mode == "ours" || mode == "train" && !changes.is_empty();
    let of_site = &|(start_up, erlangs): (f64, f64)| -> Result<Vec<String>> {
        let ground = Ground::new(start_up, erlangs, &all, &run)?;
        let mut lines = vec![line(&ground, "ours", "", &ground.ours(&run, &settings))];
        for family in Family::ALL.into_iter().filter(|_| !only_ours) {
            for step in 0..10 {
                let target = 0.5 + 0.05 * f64::from(step);
                let score = ground.rival(&run, family, target);
                lines.push(line(
                    &ground,
                    family.name(),
                    &format!("{target:.2}"),
                    &score,
                ));
            }
        }
        Ok(lines)
    };
    let sites = std::thread::scope(|scope| {
        let begun: Vec<_> = SITES
            .iter()
            .map(|site| scope.spawn(|| of_site(*site)))
            .collect();
        let ended = begun.into_iter().map(|site| site.join());
        ended.collect::<Vec<_>>()
    });
    for site in sites {
        let lines = site.map_err(|_| anyhow::anyhow!("a site's run has panicked"))??;
        lines.iter().for_each(|line| println!("{line}"));
    }
    Ok(())
}
