//! Arrivals made from rates: a Poisson process whose rate changes with the time of day.

use std::sync::Arc;

use trunkline_routing::Span;
use trunkline_tenant::QueueId;

use super::draw::{Law, Purpose, Stream, mix, number_of};
use super::run::Contact;

/// What callers of one kind bring.
#[derive(Clone, Debug, PartialEq)]
pub struct Laws {
    /// Talk and hold.
    pub handle: Law,
    /// How long they wait; `None`: for ever.
    pub patience: Option<Law>,
}

/// What a queue expects.
#[derive(Clone, Debug, PartialEq)]
pub struct Demand {
    /// Which.
    pub queue: QueueId,
    /// In order of time, none overlapping another; between them nobody calls.
    pub periods: Vec<Period>,
}

/// A stretch of constant rate.
#[derive(Clone, Debug, PartialEq)]
pub struct Period {
    /// From when, from the start of the run.
    pub from: Span,
    /// Until when.
    pub to: Span,
    /// Calls expected in it.
    pub calls: f64,
    /// What its callers bring; `None`: what the [`Setup`](super::Setup) says.
    pub laws: Option<Arc<Laws>>,
}

/// The contacts of one run, in order of time. Each queue's come from a stream of its own, and a
/// higher rate only brings the same callers sooner. `swing` is the coefficient of variation of
/// how busy the whole day is (gamma-like, here lognormal, of mean 1; 0: as expected).
pub fn arrivals(demands: &[Demand], seed: u64, swing: f64) -> Vec<Contact> {
    let spread = (swing * swing).ln_1p();
    let normal = Stream::new(seed, 0, Purpose::Day).normal();
    let level = (spread.sqrt() * normal - spread / 2.0).exp();
    let mut contacts = Vec::new();
    for demand in demands {
        let number = number_of(&demand.queue);
        let mut stream = Stream::new(seed, number, Purpose::Gap);
        let mut ordinal = 0;
        // In the process's own time, where calls come at rate 1.
        let (mut next, mut passed) = (stream.exponential(), 0.0);
        for period in &demand.periods {
            let calls = period.calls * level;
            while next < passed + calls {
                let share = (next - passed) / calls;
                let length = (period.to.0 - period.from.0) as f64;
                contacts.push(Contact {
                    stream: Some(mix(number ^ ordinal)),
                    laws: period.laws.clone(),
                    ..Contact::new(
                        Span(period.from.0 + (share * length) as i64),
                        demand.queue.clone(),
                    )
                });
                ordinal += 1;
                next += stream.exponential();
            }
            passed += calls;
        }
    }
    contacts.sort_by_key(|contact| contact.at);
    contacts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn demand(queue: &str, calls: [f64; 2]) -> Demand {
        let period = |at: i64, calls: f64| Period {
            from: Span::seconds(at * 1800),
            to: Span::seconds((at + 1) * 1800),
            calls,
            laws: None,
        };
        Demand {
            queue: queue.parse().unwrap(),
            periods: vec![period(0, calls[0]), period(2, calls[1])],
        }
    }

    #[test]
    fn counts_have_the_mean_and_the_variance_of_a_poisson_process() {
        let counts: Vec<[f64; 2]> = (0..4_000)
            .map(|seed| {
                let contacts = arrivals(&[demand("desk", [20.0, 5.0])], seed, 0.0);
                let early = contacts.iter().filter(|one| one.at < Span::seconds(1800));
                let early = early.count();
                let between = contacts
                    .iter()
                    .filter(|one| (1800..3600).contains(&(one.at.0 / 1_000_000)));
                assert_eq!(between.count(), 0, "nobody calls between two periods");
                [early as f64, (contacts.len() - early) as f64]
            })
            .collect();
        for (at, mean) in [(0, 20.0), (1, 5.0)] {
            let values = counts.iter().map(|count| count[at]);
            let found = values.clone().sum::<f64>() / 4_000.0;
            let variance = values.map(|n| (n - found).powi(2)).sum::<f64>() / 4_000.0;
            assert!((found - mean).abs() < 0.05 * mean, "{found}");
            assert!((variance / mean - 1.0).abs() < 0.1, "{variance}");
        }
    }

    #[test]
    fn a_queue_beside_it_changes_no_caller() {
        let alone = arrivals(&[demand("desk", [20.0, 5.0])], 3, 0.0);
        let both = arrivals(
            &[demand("bills", [9.0, 9.0]), demand("desk", [20.0, 5.0])],
            3,
            0.0,
        );
        let desk = both.into_iter().filter(|one| one.queue == alone[0].queue);
        assert_eq!(desk.collect::<Vec<_>>(), alone);
    }

    #[test]
    fn a_swing_makes_whole_days_busy_or_quiet() {
        let totals: Vec<f64> = (0..3_000)
            .map(|seed| arrivals(&[demand("desk", [500.0, 500.0])], seed, 0.1).len() as f64)
            .collect();
        let mean = totals.iter().sum::<f64>() / 3_000.0;
        let variance = totals.iter().map(|n| (n - mean).powi(2)).sum::<f64>() / 3_000.0;
        assert!((mean / 1_000.0 - 1.0).abs() < 0.01, "{mean}");
        // 1,000 of chance, and (0.1 × 1,000)² of the day.
        assert!((variance / 11_000.0 - 1.0).abs() < 0.1, "{variance}");
    }
}
