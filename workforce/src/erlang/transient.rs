//! The queue as it truly moves: M(t)/M/n(t)+M by uniformisation, rates and agents constant
//! within a period. After a rush the stationary formula sees only the quiet that follows;
//! this sees the callers whom the rush left behind.
//!
//! The number of callers is a birth–death chain; its law after a time L is a Poisson mixture
//! of powers of a stochastic matrix (Jensen 1953), every term positive. Whether a caller who
//! finds k before her is answered in time is a second chain, the tagged caller's, run
//! backwards from her deadline, through a change of shift if one comes first.
//!
//! Where agents leave with callers on the line, those callers are handed to whoever stays:
//! with n agents no more than n are served.

use super::quadrature::{POINTS, UNIT};

/// Above this many callers in the system, or chain steps, the answer is refused.
const MOST_STATES: usize = 200_000;
const MOST_WORK: f64 = 5e9;

/// Poisson weights below this share of the greatest are left out.
const NEGLIGIBLE: f64 = 1e-18;

/// A stretch of constant rates.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Period {
    /// Length, in seconds.
    pub seconds: f64,
    /// Arrivals per second.
    pub arrivals: f64,
    /// Agents on the queue.
    pub agents: usize,
}

/// How callers behave throughout.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Behaviour {
    /// Mean handling time, seconds.
    pub aht: f64,
    /// Mean patience, seconds; infinite for callers who never hang up.
    pub patience: f64,
    /// T, the time to answer within, seconds.
    pub within: f64,
}

/// What a period's callers met.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Passage {
    /// P(answered within T) of those who arrived in the period.
    pub answered_of_offered: f64,
    /// P(every agent busy), averaged over the period.
    pub p_wait: f64,
    /// Mean number of callers in the system over the period, and at its end.
    pub mean_callers: f64,
    /// At the period's end.
    pub end_callers: f64,
    /// Mean number who wait over the period.
    pub queue_length: f64,
}

/// Why no passage was computed.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum TransientError {
    /// A number that is negative, or not finite.
    #[error("{field} is {value}; it must be {needs}")]
    OutOfRange {
        /// Which input, as `periods[3].arrivals`.
        field: String,
        /// As given.
        value: f64,
        /// What would be right.
        needs: &'static str,
    },
    /// More callers, or more events, than can be followed.
    #[error("up to {callers} callers over {events:e} events are too many to follow exactly")]
    TooLarge {
        /// Callers in the system that would have to be told apart.
        callers: usize,
        /// Events in all periods.
        events: f64,
    },
}

/// Follows the queue from empty through all periods.
///
/// # Errors
/// If a number is out of range, or the queue too large to follow.
pub fn transient(periods: &[Period], behaviour: Behaviour) -> Result<Vec<Passage>, TransientError> {
    check(periods, behaviour)?;
    let states = states_needed(periods, behaviour);
    let events = periods
        .iter()
        .map(|period| Chain::new(*period, behaviour, states).events(period.seconds))
        .sum::<f64>();
    if states > MOST_STATES || events * states as f64 > MOST_WORK {
        return Err(TransientError::TooLarge {
            callers: states,
            events,
        });
    }
    let mut law = vec![0.0; states];
    law[0] = 1.0;
    Ok((0..periods.len())
        .map(|at| pass(periods, at, behaviour, &mut law))
        .collect())
}

fn check(periods: &[Period], behaviour: Behaviour) -> Result<(), TransientError> {
    let refuse = |field: String, value: f64, needs| {
        Err(TransientError::OutOfRange {
            field,
            value,
            needs,
        })
    };
    const POSITIVE: &str = "above zero and finite";
    let positive = |value: f64| value > 0.0 && value.is_finite();
    if !positive(behaviour.aht) {
        return refuse("aht".into(), behaviour.aht, POSITIVE);
    }
    if behaviour.patience.is_nan() || behaviour.patience <= 0.0 {
        return refuse("patience".into(), behaviour.patience, "above zero");
    }
    if !(behaviour.within >= 0.0 && behaviour.within.is_finite()) {
        return refuse(
            "within".into(),
            behaviour.within,
            "zero or more, and finite",
        );
    }
    for (at, period) in periods.iter().enumerate() {
        if !positive(period.seconds) {
            return refuse(format!("periods[{at}].seconds"), period.seconds, POSITIVE);
        }
        if !(period.arrivals >= 0.0 && period.arrivals.is_finite()) {
            return refuse(
                format!("periods[{at}].arrivals"),
                period.arrivals,
                "zero or more, and finite",
            );
        }
    }
    Ok(())
}

/// Enough states that those beyond hold no mass worth counting: the callers who would be
/// there if every one stayed as long as the slower of service and patience lets them, ten
/// standard deviations above their mean.
fn states_needed(periods: &[Period], behaviour: Behaviour) -> usize {
    let (mut mean, mut most) = (0.0_f64, 0.0_f64);
    for period in periods {
        // Fluid balance with the slowest possible way out, stepped finely enough.
        const STEPS: usize = 64;
        let dt = period.seconds / STEPS as f64;
        for _ in 0..STEPS {
            let served = mean.min(period.agents as f64) / behaviour.aht;
            let gone = (mean - period.agents as f64).max(0.0) / behaviour.patience;
            let target = mean + dt * (period.arrivals - served - gone);
            mean = target.max(0.0);
            most = most.max(mean + period.arrivals * dt);
        }
        most = most.max(period.agents as f64);
    }
    let spread = 12.0 * (most + 1.0).sqrt();
    // Near saturation without abandonment the queue wanders as far as √(events) carries it.
    let events: f64 = periods.iter().map(|p| 2.0 * p.arrivals * p.seconds).sum();
    let wander = if behaviour.patience.is_finite() {
        let calm = behaviour.patience.max(behaviour.aht);
        let rate = periods.iter().map(|p| p.arrivals).fold(0.0, f64::max);
        (2.0 * rate * calm).min(events)
    } else {
        events
    };
    let states = most + spread + 10.0 * wander.sqrt() + 40.0;
    // Saturates for absurd inputs, which are then refused as too large.
    states as usize
}

/// Carries `law` through period `at` and says what its callers met.
fn pass(periods: &[Period], at: usize, behaviour: Behaviour, law: &mut Vec<f64>) -> Passage {
    let period = periods[at];
    let chain = Chain::new(period, behaviour, law.len());
    let settled = in_time(&[(behaviour.within, period.agents)], behaviour, law.len());
    let shift_changes = periods[at + 1..]
        .iter()
        .any(|later| later.agents != period.agents);
    // Arrivals this late may still wait when the shift changes.
    let late = if shift_changes {
        behaviour.within.min(period.seconds)
    } else {
        0.0
    };
    let early = period.seconds - late;

    let mut answered = 0.0;
    let mut mean = vec![0.0; law.len()];
    if early > 0.0 {
        let average = chain.advance(law, early);
        answered += early * dot(&average, &settled);
        accumulate(&mut mean, &average, early);
    }
    if late > 0.0 {
        let mut since = 0.0;
        for i in 0..POINTS {
            let next = late * UNIT.at[i];
            let average = chain.advance(law, next - since);
            accumulate(&mut mean, &average, next - since);
            let ahead = road_ahead(periods, at, late - next, behaviour.within);
            let chances = in_time(&ahead, behaviour, law.len());
            answered += late * UNIT.weight[i] * dot(law, &chances);
            since = next;
        }
        let average = chain.advance(law, late - since);
        accumulate(&mut mean, &average, late - since);
    }
    mean.iter_mut().for_each(|p| *p /= period.seconds);
    let n = period.agents;
    Passage {
        answered_of_offered: (answered / period.seconds).min(1.0),
        p_wait: mean.iter().skip(n).sum::<f64>().min(1.0),
        mean_callers: count(&mean, 0),
        end_callers: count(law, 0),
        queue_length: count(&mean, n),
    }
}

/// The agents whom a caller meets within T of arriving `left` seconds before period `at`
/// ends: stretches of time and agents.
fn road_ahead(periods: &[Period], at: usize, left: f64, within: f64) -> Vec<(f64, usize)> {
    let mut road = vec![(left.min(within), periods[at].agents)];
    let mut remaining = within - left;
    for later in &periods[at + 1..] {
        if remaining <= 0.0 {
            break;
        }
        road.push((later.seconds.min(remaining), later.agents));
        remaining -= later.seconds;
    }
    if remaining > 0.0
        && let Some(last) = road.last_mut()
    {
        last.0 += remaining; // the last shift stays on
    }
    road
}

/// For each number of callers found on arrival, P(answered before the road ends).
fn in_time(road: &[(f64, usize)], behaviour: Behaviour, states: usize) -> Vec<f64> {
    let mut chance = vec![0.0; states];
    for &(seconds, agents) in road.iter().rev() {
        let free = agents.min(states);
        chance[..free].fill(1.0);
        if agents > 0 || behaviour.patience.is_finite() {
            tagged(&mut chance, seconds, agents, behaviour);
        }
    }
    chance
}

/// Runs the tagged caller's chain backwards: with j ≥ n before her, one of them goes at rate
/// nμ + (j − n)θ, and she hangs up at rate θ.
fn tagged(chance: &mut [f64], seconds: f64, agents: usize, behaviour: Behaviour) {
    let (mu, theta) = (behaviour.aht.recip(), behaviour.patience.recip());
    let states = chance.len();
    if agents >= states {
        return;
    }
    let ahead = |j: usize| agents as f64 * mu + (j - agents) as f64 * theta;
    let rate = ahead(states - 1) + theta;
    let mut power = chance.to_vec();
    let mut result = vec![0.0; states];
    for weight in Poisson::new(rate * seconds).weights() {
        accumulate(&mut result, &power, weight);
        for j in (agents..states).rev() {
            let before = if j == 0 { 1.0 } else { power[j - 1] };
            let advance = ahead(j);
            power[j] += (advance * (before - power[j]) - theta * power[j]) / rate;
        }
    }
    chance[agents..].copy_from_slice(&result[agents..]);
}

/// The number of callers in one period.
struct Chain {
    birth: f64,
    death: Vec<f64>,
    rate: f64,
}

impl Chain {
    fn new(period: Period, behaviour: Behaviour, states: usize) -> Self {
        let (n, mu, theta) = (
            period.agents,
            behaviour.aht.recip(),
            behaviour.patience.recip(),
        );
        let death: Vec<f64> = (0..states.min(MOST_STATES))
            .map(|k| k.min(n) as f64 * mu + k.saturating_sub(n) as f64 * theta)
            .collect();
        let rate = period.arrivals + death.last().copied().unwrap_or(0.0);
        Self {
            birth: period.arrivals,
            death,
            rate,
        }
    }

    fn events(&self, seconds: f64) -> f64 {
        self.rate * seconds
    }

    /// Moves `law` on by `seconds` and returns its average over them.
    fn advance(&self, law: &mut Vec<f64>, seconds: f64) -> Vec<f64> {
        let mut average = vec![0.0; law.len()];
        let events = self.events(seconds);
        if events <= 0.0 {
            average.copy_from_slice(law);
            return average;
        }
        let poisson = Poisson::new(events);
        let mut power = std::mem::take(law);
        let mut end = vec![0.0; power.len()];
        // ∫ p = Σ vₖ·P(N > k)/Λ: every power counts until the Poisson count has passed it.
        let mut beyond = 1.0;
        for weight in poisson.weights() {
            beyond -= weight;
            accumulate(&mut end, &power, weight);
            accumulate(&mut average, &power, beyond.max(0.0) / events);
            self.step(&mut power);
        }
        // What rounding and the cut tails have cost goes back in proportion.
        normalise(&mut end);
        normalise(&mut average);
        *law = end;
        average
    }

    /// One step of the uniformised chain, in place.
    fn step(&self, law: &mut [f64]) {
        let last = law.len() - 1;
        let mut from_below = 0.0;
        for k in 0..=last {
            let here = law[k];
            let birth = if k == last { 0.0 } else { self.birth };
            let above = if k == last {
                0.0
            } else {
                self.death[k + 1] * law[k + 1]
            };
            law[k] = here + (from_below + above - (birth + self.death[k]) * here) / self.rate;
            from_below = birth * here;
        }
    }
}

/// Poisson weights from 0 to where they no longer count, without underflow at the start.
struct Poisson {
    mean: f64,
}

impl Poisson {
    fn new(mean: f64) -> Self {
        Self { mean }
    }

    fn weights(&self) -> Vec<f64> {
        let mode = self.mean.floor() as usize;
        let mut below = Vec::new();
        let mut weight = 1.0;
        for k in (1..=mode).rev() {
            weight *= k as f64 / self.mean;
            below.push(weight);
            if weight < NEGLIGIBLE {
                break;
            }
        }
        let skipped = mode - below.len();
        let mut weights = vec![0.0; skipped];
        weights.extend(below.into_iter().rev());
        weight = 1.0;
        let mut k = mode;
        while weight > NEGLIGIBLE {
            weights.push(weight);
            k += 1;
            weight *= self.mean / k as f64;
        }
        normalise(&mut weights);
        weights
    }
}

fn normalise(values: &mut [f64]) {
    let total: f64 = values.iter().sum();
    values.iter_mut().for_each(|value| *value /= total);
}

fn accumulate(sum: &mut [f64], values: &[f64], weight: f64) {
    if weight != 0.0 {
        for (s, v) in sum.iter_mut().zip(values) {
            *s += weight * v;
        }
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Mean of `(k − from)⁺`.
fn count(law: &[f64], from: usize) -> f64 {
    law.iter()
        .skip(from)
        .enumerate()
        .map(|(above, p)| above as f64 * p)
        .sum()
}

#[cfg(test)]
mod tests {
    use super::super::{Callers, Horizons, Queue, modified_offered_load};
    use super::*;

    const CALLS: Behaviour = Behaviour {
        aht: 240.0,
        patience: 120.0,
        within: 20.0,
    };

    fn period(calls: f64, agents: usize) -> Period {
        Period {
            seconds: 900.0,
            arrivals: calls / 900.0,
            agents,
        }
    }

    fn stationary(period: Period, behaviour: Behaviour) -> f64 {
        let queue = Queue {
            load: (period.arrivals * behaviour.aht).into(),
            aht: behaviour.aht,
            callers: if behaviour.patience.is_finite() {
                Callers::Impatient(behaviour.patience)
            } else {
                Callers::Patient
            },
        };
        let horizons = Horizons {
            within: Some(behaviour.within),
            short: None,
        };
        queue
            .measure((period.agents as f64).into(), horizons)
            .service_level
            .answered_of_offered
            .unwrap()
    }

    #[test]
    fn a_constant_rate_settles_at_erlang_a_and_at_erlang_c() {
        for patience in [120.0, f64::INFINITY] {
            let behaviour = Behaviour { patience, ..CALLS };
            let settled = period(37.5, 12);
            let passages = transient(&[settled; 90], behaviour).unwrap();
            let last = passages[89].answered_of_offered;
            let known = stationary(settled, behaviour);
            assert!(
                (last - known).abs() < 1e-7,
                "{last} for {known}, patience {patience}"
            );
        }
    }

    #[test]
    fn with_agents_for_all_the_mean_is_the_modified_offered_load() {
        let periods = [period(20.0, 200), period(60.0, 200), period(5.0, 200)];
        let passages = transient(&periods, CALLS).unwrap();
        let rates: Vec<f64> = periods.iter().map(|p| p.arrivals).collect();
        let loads = modified_offered_load(&rates, 900.0, 240.0, 0.0);
        for (passage, load) in passages.iter().zip(loads) {
            assert!((passage.mean_callers - load.mean).abs() < 1e-9);
            assert!((passage.end_callers - load.end).abs() < 1e-9);
            assert!((passage.answered_of_offered - 1.0).abs() < 1e-12);
        }
    }

    #[test]
    fn after_a_rush_the_quiet_interval_is_worse_than_its_own_rate_says() {
        let patient = Behaviour {
            patience: 300.0,
            ..CALLS
        };
        let quiet = period(20.0, 11);
        let rush = period(80.0, 11);
        let passages = transient(&[quiet, quiet, rush, quiet], patient).unwrap();
        let (truth, formula) = (passages[3].answered_of_offered, stationary(quiet, patient));
        assert!(formula > 0.98, "{formula}");
        assert!(
            truth < formula - 0.1,
            "{truth} after the rush, {formula} by formula"
        );
        assert!(passages[1].answered_of_offered > 0.98);
    }

    #[test]
    fn a_coming_shift_answers_callers_who_still_wait() {
        let short = Behaviour {
            within: 300.0,
            ..CALLS
        };
        let alone = transient(&[period(60.0, 5), period(60.0, 5)], short).unwrap();
        let relieved = transient(&[period(60.0, 5), period(60.0, 40)], short).unwrap();
        let gain = relieved[0].answered_of_offered - alone[0].answered_of_offered;
        assert!(gain > 0.02, "late callers of the first period gain {gain}");
    }

    #[test]
    fn absurd_inputs_are_refused_by_name() {
        let endless = Behaviour {
            aht: f64::NAN,
            ..CALLS
        };
        let refused = transient(&[period(1.0, 1)], endless).unwrap_err();
        assert!(refused.to_string().starts_with("aht is NaN"), "{refused}");
        let flood = Period {
            arrivals: 1e12,
            ..period(1.0, 1)
        };
        let refused = transient(&[flood], CALLS).unwrap_err();
        assert!(
            matches!(refused, TransientError::TooLarge { .. }),
            "{refused}"
        );
    }
}
