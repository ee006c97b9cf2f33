//! Days of arrivals like a large bank's, made from published facts.
//!
//! For tests and benches where no real data may be shipped: half-hour counts from 07:00 to
//! 21:00 whose weekdays, profile, day-level swing and noise are those measured by Weinberg,
//! Brown & Stroud (2007) and on the same counts since. Deterministic from a seed.

use std::f64::consts::TAU;

use crate::forecast::{Date, Day};

/// Half hours of a day, from 07:00.
pub const HALF_HOURS: usize = 28;

/// Contacts on a mean Monday to Friday.
const WEEKDAY_MEANS: [f64; 5] = [36_339.0, 32_596.0, 30_728.0, 30_702.0, 31_919.0];

/// Share of the day in each half hour.
const PROFILE: [f64; HALF_HOURS] = [
    0.0148, 0.0165, 0.0256, 0.0338, 0.0473, 0.0520, 0.0525, 0.0523, 0.0514, 0.0499, 0.0484, 0.0476,
    0.0463, 0.0458, 0.0449, 0.0447, 0.0434, 0.0424, 0.0399, 0.0358, 0.0304, 0.0266, 0.0233, 0.0208,
    0.0183, 0.0167, 0.0150, 0.0137,
];

/// Standard deviation of the logarithm of a day's level, and its lag-1 correlation.
const LEVEL_SPREAD: f64 = 0.063;
const LEVEL_MEMORY: f64 = 0.64;

/// Variance over mean of a half hour's count, given the day's level.
const DISPERSION: f64 = 1.39;

/// A small, seedable generator (SplitMix64, Steele et al. 2014); good enough for noise.
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// From any seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Uniform in [0, 1).
    pub fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Exponential with mean 1.
    pub fn exponential(&mut self) -> f64 {
        -(1.0 - self.uniform()).ln()
    }

    /// Standard normal (Box & Muller 1958).
    pub fn normal(&mut self) -> f64 {
        (2.0 * self.exponential()).sqrt() * (TAU * self.uniform()).cos()
    }

    /// Gamma with this shape, at least 1, and scale 1 (Marsaglia & Tsang 2000).
    fn gamma(&mut self, shape: f64) -> f64 {
        let d = shape - 1.0 / 3.0;
        let c = 1.0 / (9.0 * d).sqrt();
        loop {
            let x = self.normal();
            let v = (1.0 + c * x).powi(3);
            let accept = |u: f64| u.ln() < 0.5 * x * x + d - d * v + d * v.ln();
            if v > 0.0 && accept(1.0 - self.uniform()) {
                return d * v;
            }
        }
    }

    /// Poisson, by the gaps of a process of rate 1.
    fn poisson(&mut self, mean: f64) -> f64 {
        let mut count = 0.0;
        let mut time = self.exponential();
        while time < mean {
            count += 1.0;
            time += self.exponential();
        }
        count
    }
}

/// So many working days from a date on (weekends are closed), of half-hour counts; `scale` 1
/// is the whole bank, with a mean of 32,392 contacts a day.
pub fn bank_days(seed: u64, from: Date, count: usize, scale: f64) -> Vec<Day> {
    let mut random = Random::new(seed);
    let mut level = LEVEL_SPREAD * random.normal();
    let innovation = LEVEL_SPREAD * (1.0 - LEVEL_MEMORY * LEVEL_MEMORY).sqrt();
    let mut days = Vec::with_capacity(count);
    let mut date = from;
    while days.len() < count {
        if let Some(mean) = WEEKDAY_MEANS.get(date.weekday()) {
            level = LEVEL_MEMORY * level + innovation * random.normal();
            let factor = (level - LEVEL_SPREAD * LEVEL_SPREAD / 2.0).exp();
            let counts = PROFILE
                .iter()
                .map(|share| Some(overdispersed(&mut random, scale * mean * factor * share)))
                .collect();
            days.push(Day { date, counts });
        }
        date = date.plus(1);
    }
    days
}

/// A Poisson count whose mean is itself gamma: variance `DISPERSION` × mean.
fn overdispersed(random: &mut Random, mean: f64) -> f64 {
    let scale = DISPERSION - 1.0;
    let shape = mean / scale;
    let rate = if shape >= 1.0 {
        random.gamma(shape) * scale
    } else {
        mean
    };
    random.poisson(rate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_days_have_the_facts_they_are_made_from() {
        let days = bank_days(7, Date(0), 2_000, 1.0);
        let totals: Vec<f64> = days
            .iter()
            .map(|day| day.counts.iter().flatten().sum())
            .collect();
        let mean = totals.iter().sum::<f64>() / totals.len() as f64;
        assert!((mean / 32_392.0 - 1.0).abs() < 0.01, "{mean} a day");

        let factors: Vec<f64> = days
            .iter()
            .zip(&totals)
            .map(|(day, total)| total / WEEKDAY_MEANS[day.date.weekday()] - 1.0)
            .collect();
        let square: f64 = factors.iter().map(|f| f * f).sum();
        let lagged: f64 = factors.windows(2).map(|f| f[0] * f[1]).sum();
        let cv = (square / factors.len() as f64).sqrt();
        assert!((cv - 0.063).abs() < 0.006, "cv {cv}");
        assert!((lagged / square - 0.64).abs() < 0.06, "{}", lagged / square);

        let spread: f64 = days
            .iter()
            .zip(&totals)
            .flat_map(|(day, total)| {
                day.counts
                    .iter()
                    .flatten()
                    .zip(&PROFILE)
                    .map(move |(count, share)| (count - total * share).powi(2) / (total * share))
            })
            .sum::<f64>()
            / (days.len() * (HALF_HOURS - 1)) as f64;
        assert!((spread - 1.39).abs() < 0.05, "dispersion {spread}");
    }
}
