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
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context as _, Result, bail};
use trunkline_tenant::Tenant;
use trunkline_workforce::capacity::Settings;
use trunkline_workforce::erlang::Formula;
use trunkline_workforce::forecast::Calendar;

use days::Calls;
use ours::{Foreseen, Ours};
use rivals::{Family, Scale};
use site::Score;

/// Start-up in seconds, and erlangs of the mean day's busiest half hour.
const SITES: [(f64, f64); 5] = [
    (30.0, 56.0),
    (120.0, 56.0),
    (300.0, 56.0),
    (120.0, 7.0),
    (300.0, 7.0),
];

/// The last eight days are judged, once; the settings come from 40 of the days before.
const TEST_DAYS: usize = 8;
const TRAINING_DAYS: usize = 40;
const TRAINING_STEP: usize = 2;

/// What the rivals' settings are chosen from, in hindsight.
const TARGETS: [f64; 10] = [0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95];

/// Public holidays of the bank's span, as any calendar has them.
const HOLIDAYS: [&str; 3] = ["2003-05-26", "2003-07-04", "2003-09-01"];

/// A site with everything that its days need.
struct Ground {
    start_up: f64,
    erlangs: f64,
    tenant: Arc<Tenant>,
    days: Vec<Calls>,
    /// By day, of those that are run.
    forecasts: Vec<Option<Foreseen>>,
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
        let mut forecasts: Vec<Option<Foreseen>> = days.iter().map(|_| None).collect();
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

    /// A day under a rule that is made anew for it.
    fn day(&self, day: usize, rule: Rule, settings: &Settings) -> Score {
        let under = |tick, scale: &mut dyn Scale| {
            site::day(
                &self.tenant,
                &self.days[day],
                self.start_up,
                tick,
                self.opening,
                scale,
            )
        };
        match (rule, &self.forecasts[day]) {
            (Rule::Rival(family, target), _) => {
                let mut rule = family.rule(target, self.start_up);
                under(family.tick(), rule.as_mut())
            }
            (Rule::Ours, Some(forecast)) => {
                let settings = Settings {
                    start_up: self.start_up,
                    ..*settings
                };
                under(15, &mut Ours::new(settings, forecast))
            }
            (Rule::Ours, None) => Score::default(),
        }
    }
}

#[derive(Clone, Copy)]
enum Rule {
    Ours,
    /// With its target.
    Rival(Family, f64),
}

impl Rule {
    fn all(with_rivals: bool) -> Vec<Self> {
        let rival = |family| TARGETS.map(|target| Self::Rival(family, target));
        let rivals = Family::ALL.into_iter().flat_map(rival);
        let rivals = rivals.filter(|_| with_rivals);
        std::iter::once(Self::Ours).chain(rivals).collect()
    }
}

/// Each piece of work by its number, as many at once as there are processors for us.
fn in_parallel(pieces: usize, work: impl Fn(usize) -> Score + Sync) -> Result<Vec<Score>> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let next = AtomicUsize::new(0);
    let one_thread = || {
        let mut done = Vec::new();
        loop {
            let piece = next.fetch_add(1, Ordering::Relaxed);
            if piece >= pieces {
                return done;
            }
            done.push((piece, work(piece)));
        }
    };
    let mut scores = vec![Score::default(); pieces];
    std::thread::scope(|scope| {
        let begun: Vec<_> = (0..threads).map(|_| scope.spawn(one_thread)).collect();
        for thread in begun {
            let done = thread
                .join()
                .map_err(|_| anyhow::anyhow!("a day's run has panicked"))?;
            for (piece, score) in done {
                scores[piece] = score;
            }
        }
        Ok(scores)
    })
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
    let grounds: Vec<Ground> = SITES
        .iter()
        .map(|&(start_up, erlangs)| Ground::new(start_up, erlangs, &all, &run))
        .collect::<Result<_>>()?;
    let rules = Rule::all(!only_ours);
    let lines: Vec<(&Ground, Rule)> = grounds
        .iter()
        .flat_map(|ground| rules.iter().map(move |rule| (ground, *rule)))
        .collect();
    let scores = in_parallel(lines.len() * run.len(), |piece| {
        let (ground, rule) = lines[piece / run.len()];
        ground.day(run[piece % run.len()], rule, &settings)
    })?;
    for ((ground, rule), days) in lines.iter().zip(scores.chunks(run.len())) {
        let score = days.iter().copied().fold(Score::default(), Score::plus);
        let (name, target) = match rule {
            Rule::Ours => ("ours", String::new()),
            Rule::Rival(family, target) => (family.name(), format!("{target:.2}")),
        };
        println!("{}", line(ground, name, &target, &score));
    }
    Ok(())
}
