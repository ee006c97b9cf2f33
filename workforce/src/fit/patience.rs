//! Patience from waits. Who was answered would have waited longer, we do not know how long:
//! a mean of the abandoned waits alone takes the impatient for all.

use super::NORMAL_95;

/// How a wait ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// By an agent: patience was at least this long.
    Answered,
    /// By the caller: patience was exactly this long.
    Abandoned,
}

/// One caller's wait.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Wait {
    /// Seconds, zero or more.
    pub seconds: f64,
    /// How it ended.
    pub ending: Ending,
}

/// What the waits say.
#[derive(Debug, Clone, PartialEq)]
pub struct Patience {
    /// Callers, and how many of them abandoned.
    pub callers: usize,
    /// Those who abandoned.
    pub abandoned: usize,
    /// Mean of the exponential patience of greatest likelihood, in seconds: all the time
    /// spent waiting over the number who gave up.
    pub mean: f64,
    /// The mean's 95 % interval, from the asymptotic normal law of its logarithm.
    pub interval: (f64, f64),
    /// Kaplan–Meier: the share whose patience outlasts each time of abandonment. Assumes no
    /// shape; against the exponential it shows where that fails.
    pub survival: Vec<Step>,
    /// The greatest vertical distance of the two before the last abandonment.
    pub distance: f64,
    /// Median by Kaplan–Meier, in seconds; `None` where fewer than half were seen to give up.
    pub median: Option<f64>,
}

/// One step of the survival curve.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Step {
    /// Time waited, in seconds.
    pub seconds: f64,
    /// Share still waiting just after it.
    pub survival: f64,
}

/// Why there is no fit.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum PatienceError {
    /// No waits at all.
    #[error("there are no waits to fit")]
    Empty,
    /// A wait that is no time.
    #[error("wait {index} is {seconds} seconds; a wait is zero or more, and finite")]
    NotATime {
        /// Which, from 0.
        index: usize,
        /// As given.
        seconds: f64,
    },
    /// Nobody gave up: no patience is too long to explain it.
    #[error("none of {callers} callers abandoned, so patience has no upper bound here")]
    NobodyAbandoned {
        /// Callers seen.
        callers: usize,
    },
    /// Nobody waited at all.
    #[error("every wait is zero, so nothing is known about longer ones")]
    NobodyWaited,
}

/// Fits patience to waits.
///
/// # Errors
/// If the waits cannot be fitted; the message says why.
pub fn fit_patience(waits: &[Wait]) -> Result<Patience, PatienceError> {
    if waits.is_empty() {
        return Err(PatienceError::Empty);
    }
    if let Some((index, wait)) = waits
        .iter()
        .enumerate()
        .find(|(_, wait)| !(wait.seconds >= 0.0 && wait.seconds.is_finite()))
    {
        return Err(PatienceError::NotATime {
            index,
            seconds: wait.seconds,
        });
    }
    let abandoned = waits
        .iter()
        .filter(|wait| wait.ending == Ending::Abandoned)
        .count();
    if abandoned == 0 {
        return Err(PatienceError::NobodyAbandoned {
            callers: waits.len(),
        });
    }
    let waited: f64 = waits.iter().map(|wait| wait.seconds).sum();
    if waited == 0.0 {
        return Err(PatienceError::NobodyWaited);
    }
    let mean = waited / abandoned as f64;
    let spread = (NORMAL_95 / (abandoned as f64).sqrt()).exp();
    let survival = kaplan_meier(waits);
    Ok(Patience {
        callers: waits.len(),
        abandoned,
        mean,
        interval: (mean / spread, mean * spread),
        distance: distance(&survival, mean),
        median: survival
            .iter()
            .find(|step| step.survival <= 0.5)
            .map(|step| step.seconds),
        survival,
    })
}

/// Kaplan & Meier 1958: at each time of abandonment the share of those still waiting who do
/// not go then. Who is answered at that very time still counts as waiting.
fn kaplan_meier(waits: &[Wait]) -> Vec<Step> {
    let mut sorted = waits.to_vec();
    sorted.sort_by(|a, b| a.seconds.total_cmp(&b.seconds));
    let mut waiting = sorted.len();
    let mut survival = 1.0;
    let mut steps = Vec::new();
    for same_time in sorted.chunk_by(|a, b| a.seconds == b.seconds) {
        let gone = same_time
            .iter()
            .filter(|wait| wait.ending == Ending::Abandoned)
            .count();
        if gone > 0 {
            survival *= 1.0 - gone as f64 / waiting as f64;
            steps.push(Step {
                seconds: same_time[0].seconds,
                survival,
            });
        }
        waiting -= same_time.len();
    }
    steps
}

fn distance(survival: &[Step], mean: f64) -> f64 {
    let mut before = 1.0;
    let mut most = 0.0_f64;
    for step in survival {
        let fitted = (-step.seconds / mean).exp();
        most = most
            .max((before - fitted).abs())
            .max((step.survival - fitted).abs());
        before = step.survival;
    }
    most
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wait(seconds: f64, ending: Ending) -> Wait {
        Wait { seconds, ending }
    }

    #[test]
    fn kaplan_meier_gives_the_textbook_curve() {
        use Ending::{Abandoned, Answered};
        // 6, 6, 6, 6+, 7, 9+, 10: Freireich's remission times, shortened.
        let waits = [
            wait(6.0, Abandoned),
            wait(6.0, Abandoned),
            wait(6.0, Abandoned),
            wait(6.0, Answered),
            wait(7.0, Abandoned),
            wait(9.0, Answered),
            wait(10.0, Abandoned),
        ];
        let fitted = fit_patience(&waits).unwrap();
        let curve: Vec<_> = fitted
            .survival
            .iter()
            .map(|step| (step.seconds, (step.survival * 1e6).round() / 1e6))
            .collect();
        assert_eq!(curve, [(6.0, 0.571_429), (7.0, 0.380_952), (10.0, 0.0)]);
        assert_eq!(fitted.median, Some(7.0));
        assert!((fitted.mean - 50.0 / 5.0).abs() < 1e-12);
    }

    #[test]
    fn censored_waits_do_not_shorten_the_patience_that_is_found() {
        // Patience 409 s against offered waits of mean 95 s, by a fixed low-discrepancy draw.
        let golden = 0.618_033_988_749_895;
        let silver = 0.414_213_562_373_095;
        let waits: Vec<Wait> = (1..=40_000)
            .map(|i| {
                let i = f64::from(i);
                let patience = -409.0 * (1.0 - (i * golden).fract()).ln();
                let offered = -95.0 * (1.0 - (i * silver).fract()).ln();
                if patience < offered {
                    wait(patience, Ending::Abandoned)
                } else {
                    wait(offered, Ending::Answered)
                }
            })
            .collect();
        let fitted = fit_patience(&waits).unwrap();
        let share = fitted.abandoned as f64 / fitted.callers as f64;
        assert!((share - 95.0 / 504.0).abs() < 0.005, "{share} abandon");
        assert!((fitted.mean / 409.0 - 1.0).abs() < 0.01, "{}", fitted.mean);
        assert!(fitted.interval.0 < 409.0 && 409.0 < fitted.interval.1);
        assert!(fitted.distance < 0.05, "{}", fitted.distance);
    }

    #[test]
    fn waits_that_say_nothing_are_refused_with_the_reason() {
        use Ending::{Abandoned, Answered};
        assert_eq!(fit_patience(&[]), Err(PatienceError::Empty));
        let happy = [wait(3.0, Answered); 4];
        let refused = fit_patience(&happy);
        assert_eq!(refused, Err(PatienceError::NobodyAbandoned { callers: 4 }));
        let at_once = [wait(0.0, Abandoned)];
        assert_eq!(fit_patience(&at_once), Err(PatienceError::NobodyWaited));
        let backwards = [wait(1.0, Abandoned), wait(-1.0, Answered)];
        let said = fit_patience(&backwards).unwrap_err().to_string();
        assert!(said.starts_with("wait 1 is -1 seconds"), "{said}");
    }
}
