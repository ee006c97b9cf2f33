//! Draws that depend on the seed, the contact and the purpose alone, never on their order.

use std::fmt;
use std::str::FromStr;

use trunkline_routing::Span;

/// How handle times or patience are distributed; seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
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
        }
    }
}

/// What a draw is for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Purpose {
    Handle,
    Patience,
}

impl Law {
    /// The draw of a contact, to a microsecond.
    pub(super) fn draw(&self, seed: u64, contact: u64, purpose: Purpose) -> Span {
        let mut state = mix(seed ^ mix(contact.wrapping_mul(2) + purpose as u64));
        let mut uniform = || {
            state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
            // 53 bits, shifted off zero: in (0, 1).
            ((mix(state) >> 11) as f64 + 0.5) / (1u64 << 53) as f64
        };
        let seconds = match *self {
            Self::Fixed(value) => value,
            Self::Exponential(mean) => -mean * uniform().ln(),
            Self::Lognormal { mean, sigma } => {
                // Box–Muller.
                let radius = (-2.0 * uniform().ln()).sqrt();
                let normal = radius * (std::f64::consts::TAU * uniform()).cos();
                mean * (sigma * normal - sigma * sigma / 2.0).exp()
            }
        };
        Span((seconds.min(1e9) * 1e6).round() as i64)
    }
}

/// The finaliser of SplitMix64 (Steele, Lea & Flood 2014).
fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_have_the_mean_that_their_law_names_and_the_same_seed_draws_the_same() {
        for text in ["180", "lognormal:180:1.2", "fixed:180"] {
            let law: Law = text.parse().unwrap();
            let draws: Vec<f64> = (0..200_000)
                .map(|id| law.draw(7, id, Purpose::Handle).as_secs_f64())
                .collect();
            let mean = draws.iter().sum::<f64>() / draws.len() as f64;
            assert!((mean - 180.0).abs() < 3.0, "{text}: {mean}");
            assert_eq!(
                law.draw(7, 3, Purpose::Handle),
                law.draw(7, 3, Purpose::Handle)
            );
        }
        let law = Law::Exponential(60.0);
        assert_ne!(
            law.draw(7, 3, Purpose::Handle),
            law.draw(7, 3, Purpose::Patience)
        );
        assert_ne!(
            law.draw(7, 3, Purpose::Handle),
            law.draw(8, 3, Purpose::Handle)
        );
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
    }
}
