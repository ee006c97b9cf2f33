//! Draws that depend on the seed, the customer and the purpose alone, never on their order: the
//! same customer brings the same work and the same patience to every tenant that is tried.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use trunkline_routing::Span;
use trunkline_tenant::QueueId;

/// How handle times or patience are distributed; seconds.
#[derive(Clone, Debug, PartialEq)]
pub enum Law {
    /// Always the same.
    Fixed(f64),
    /// Exponential with this mean.
    Exponential(f64),
    /// Lognormal with this mean, and the standard deviation of the logarithm.
    Lognormal {
        /// Of the times themselves.
        mean: f64,
        /// Of their logarithms.
        sigma: f64,
    },
    /// One of the values that were seen, by their weights.
    Empirical(Empirical),
}

/// Values that were seen, and how often. An infinite one is a caller who never gives up.
#[derive(Clone, Debug, PartialEq)]
pub struct Empirical {
    /// Ascending, with the share of all that is no larger.
    steps: Arc<[(f64, f64)]>,
}

/// Why values make no distribution.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum BadValues {
    /// None at all.
    #[error("there are no values")]
    Empty,
    /// A value that is no time, or a weight that is none.
    #[error(
        "value {index} is {value} with weight {weight}; a value is 0 or more, a weight above 0 and finite"
    )]
    NotATime {
        /// Which, from 0.
        index: usize,
        /// As given.
        value: f64,
        /// As given.
        weight: f64,
    },
}

impl Empirical {
    /// From (seconds, weight).
    ///
    /// # Errors
    /// Where there are none, or one is negative or not a number.
    pub fn new(values: &[(f64, f64)]) -> Result<Self, BadValues> {
        for (index, &(value, weight)) in values.iter().enumerate() {
            let good = value >= 0.0 && weight > 0.0 && weight.is_finite();
            if !good {
                return Err(BadValues::NotATime {
                    index,
                    value,
                    weight,
                });
            }
        }
        let mut sorted = values.to_vec();
        sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
        let total: f64 = sorted.iter().map(|(_, weight)| weight).sum();
        if sorted.is_empty() || !total.is_finite() {
            return Err(BadValues::Empty);
        }
        let mut sum = 0.0;
        let steps = sorted.into_iter().map(|(value, weight)| {
            sum += weight;
            (value, sum / total)
        });
        Ok(Self {
            steps: steps.collect(),
        })
    }

    /// How many values there are.
    pub fn len(&self) -> usize {
        self.steps.len()
    }

    /// Never: it is made of one value at least.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// Whether every value is finite.
    pub fn is_finite(&self) -> bool {
        self.steps
            .last()
            .is_some_and(|(value, _)| value.is_finite())
    }

    fn at(&self, share: f64) -> f64 {
        let at = self.steps.partition_point(|(_, below)| *below < share);
        self.steps[at.min(self.steps.len() - 1)].0
    }

    fn mean(&self) -> f64 {
        let mut below = 0.0;
        let parts = self.steps.iter().map(|&(value, upto)| {
            let weight = upto - below;
            below = upto;
            value * weight
        });
        parts.sum()
    }
}

/// A text that names no law.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no distribution: write `180` or `exponential:180`, `fixed:180`, or `lognormal:185:1.2` (mean in seconds, sigma of the logarithm)"
)]
pub struct BadLaw(String);

impl FromStr for Law {
    type Err = BadLaw;
    fn from_str(text: &str) -> Result<Self, BadLaw> {
        let bad = || BadLaw(text.to_owned());
        let number = |text: &str| {
            let number = text.trim().parse::<f64>().ok();
            number
                .filter(|n| n.is_finite() && *n >= 0.0 && *n <= 1e9)
                .ok_or_else(bad)
        };
        let parts: Vec<&str> = text.split(':').collect();
        match parts[..] {
            [mean] | ["exponential", mean] => Ok(Self::Exponential(number(mean)?)),
            ["fixed", value] => Ok(Self::Fixed(number(value)?)),
            ["lognormal", mean, sigma] => {
                let (mean, sigma) = (number(mean)?, number(sigma)?);
                if sigma > 10.0 {
                    Err(bad())
                } else {
                    Ok(Self::Lognormal { mean, sigma })
                }
            }
            _ => Err(bad()),
        }
    }
}

impl fmt::Display for Law {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(value) => write!(f, "fixed:{value}"),
            Self::Exponential(mean) => write!(f, "exponential:{mean}"),
            Self::Lognormal { mean, sigma } => write!(f, "lognormal:{mean}:{sigma}"),
            Self::Empirical(values) => write!(f, "empirical of {} values", values.len()),
        }
    }
}

impl Law {
    /// Its mean, seconds; infinite where somebody never gives up.
    pub fn mean(&self) -> f64 {
        match self {
            Self::Fixed(mean) | Self::Exponential(mean) | Self::Lognormal { mean, .. } => *mean,
            Self::Empirical(values) => values.mean(),
        }
    }

    /// One draw, seconds.
    pub(super) fn draw(&self, stream: &mut Stream) -> f64 {
        match self {
            Self::Fixed(value) => *value,
            Self::Exponential(mean) => mean * stream.exponential(),
            Self::Lognormal { mean, sigma } => {
                mean * (sigma * stream.normal() - sigma * sigma / 2.0).exp()
            }
            Self::Empirical(values) => values.at(stream.uniform()),
        }
    }

    /// One draw, to a microsecond; `None`: without end.
    pub(super) fn span(&self, stream: &mut Stream) -> Option<Span> {
        let seconds = self.draw(stream);
        seconds
            .is_finite()
            .then(|| Span((seconds.min(1e9) * 1e6).round() as i64))
    }
}

/// What a draw is for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Purpose {
    Handle,
    Patience,
    /// Between two arrivals.
    Gap,
    /// Whether one who gave up calls again, and when.
    Redial,
    /// How long a pod lives.
    Life,
    /// How busy the whole day is.
    Day,
    /// Which pod goes where nobody looks.
    Victim,
}

/// Numbers for one customer (or queue, or pod) and purpose.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stream(u64);

impl Stream {
    pub(super) fn new(seed: u64, of: u64, purpose: Purpose) -> Self {
        Self(mix(mix(seed) ^ mix(of.wrapping_mul(16) + purpose as u64)))
    }

    /// In (0, 1), both excluded.
    pub(super) fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        // 53 bits, shifted off zero.
        ((mix(self.0) >> 11) as f64 + 0.5) / (1u64 << 53) as f64
    }

    /// With mean 1.
    pub(super) fn exponential(&mut self) -> f64 {
        -self.uniform().ln()
    }

    /// Standard normal (Box & Muller 1958).
    pub(super) fn normal(&mut self) -> f64 {
        let radius = (-2.0 * self.uniform().ln()).sqrt();
        radius * (std::f64::consts::TAU * self.uniform()).cos()
    }
}

/// A queue's number, for its streams: of its name alone, so that another queue changes nothing.
pub(super) fn number_of(queue: &QueueId) -> u64 {
    // FNV-1a.
    let bytes = queue.to_string();
    let hash = bytes.bytes().fold(0xCBF2_9CE4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3)
    });
    mix(hash)
}

/// The finaliser of SplitMix64 (Steele, Lea & Flood 2014).
pub(super) fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draw(law: &Law, seed: u64, customer: u64, purpose: Purpose) -> f64 {
        law.draw(&mut Stream::new(seed, customer, purpose))
    }

    #[test]
    fn draws_have_the_mean_that_their_law_names_and_the_same_seed_draws_the_same() {
        let seen = Empirical::new(&[(60.0, 2.0), (420.0, 1.0)]).unwrap();
        let named = ["180", "lognormal:180:1.2", "fixed:180"].map(|text| text.parse().unwrap());
        for law in named.into_iter().chain([Law::Empirical(seen)]) {
            let draws = (0..200_000).map(|id| draw(&law, 7, id, Purpose::Handle));
            let mean = draws.sum::<f64>() / 200_000.0;
            assert!((mean - 180.0).abs() < 3.0, "{law}: {mean}");
            assert!((law.mean() - 180.0).abs() < 1e-9, "{law}: {}", law.mean());
            assert_eq!(
                draw(&law, 7, 3, Purpose::Handle),
                draw(&law, 7, 3, Purpose::Handle)
            );
        }
        let law = Law::Exponential(60.0);
        let first = draw(&law, 7, 3, Purpose::Handle);
        assert_ne!(first, draw(&law, 7, 3, Purpose::Patience));
        assert_ne!(first, draw(&law, 8, 3, Purpose::Handle));
    }

    #[test]
    fn who_was_never_seen_to_give_up_waits_for_ever() {
        let law = Law::Empirical(Empirical::new(&[(30.0, 1.0), (f64::INFINITY, 3.0)]).unwrap());
        let draws = (0..10_000).map(|id| law.span(&mut Stream::new(1, id, Purpose::Patience)));
        let endless = draws.filter(Option::is_none).count();
        assert!((7_300..7_700).contains(&endless), "{endless}");
        assert_eq!(law.mean(), f64::INFINITY);
    }

    #[test]
    fn a_text_that_is_no_distribution_says_what_would_be_one() {
        for text in ["", "fast", "-1", "lognormal:3", "nan", "fixed:inf"] {
            assert!(
                text.parse::<Law>()
                    .unwrap_err()
                    .to_string()
                    .contains("lognormal:185:1.2")
            );
        }
        assert_eq!(Empirical::new(&[]), Err(BadValues::Empty));
        assert!(Empirical::new(&[(1.0, 1.0), (-1.0, 1.0)]).is_err());
        assert!(Empirical::new(&[(f64::NAN, 1.0)]).is_err());
    }
}
