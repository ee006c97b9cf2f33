//! The arrivals to come, corrected by those that came.

/// The forecast from a moment on, and how wrong its level usually is.
#[derive(Debug, Clone, PartialEq)]
pub struct Outlook {
    /// Arrivals per second, by interval.
    pub rates: Vec<f64>,
    /// Seconds an interval.
    pub interval: f64,
    /// When the first interval begins, in the same seconds as `now` later on.
    pub start: f64,
    /// Coefficient of variation of the forecast's level: 0.063 for a day ahead at a bank.
    pub level_cv: f64,
    /// Variance over mean of counts given the level: 1 for Poisson.
    pub dispersion: f64,
}

/// By what to multiply the rates, and how far off that may be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Level {
    pub factor: f64,
    /// A coefficient of variation.
    pub doubt: f64,
}

/// Contacts that will be there.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ahead {
    pub mean: f64,
    pub variance: f64,
}

impl Outlook {
    /// Arrivals per second at a time; the first and the last interval go on without end.
    pub fn rate(&self, at: f64) -> f64 {
        let index = ((at - self.start) / self.interval).floor().max(0.0) as usize;
        match self.rates.get(index) {
            Some(&rate) => rate,
            None => self.rates.last().copied().unwrap_or(0.0),
        }
    }

    /// Expected arrivals between two times.
    pub fn expected(&self, from: f64, to: f64) -> f64 {
        let mut sum = 0.0;
        let mut at = from;
        while at < to {
            let next = self.boundary_after(at).min(to);
            sum += self.rate(at) * (next - at);
            at = next;
        }
        sum
    }

    /// By what to multiply the rates, `seen` having arrived where `expected` were forecast.
    /// Gamma–Poisson: the level is gamma about 1, and the counts tell of it, each less than
    /// one's worth if they are overdispersed.
    pub fn correction(&self, seen: f64, expected: f64) -> f64 {
        if self.level_cv <= 0.0 {
            return 1.0;
        }
        let belief = 1.0 / (self.level_cv * self.level_cv);
        let worth = self.dispersion.max(1.0).recip();
        (belief + seen * worth) / (belief + expected * worth)
    }

    /// The coefficient of variation that the correction still has.
    pub(crate) fn doubt(&self, seen: f64) -> f64 {
        if self.level_cv <= 0.0 {
            return 0.0;
        }
        let belief = 1.0 / (self.level_cv * self.level_cv);
        (belief + seen / self.dispersion.max(1.0)).sqrt().recip()
    }

    /// Contacts that will be there at a time, nobody waiting, with the variance of their number:
    /// of those there now each stays with probability `e^(−t/AHT)`, and those to come follow the
    /// modified offered load, `m′ = factor·λ − m/AHT`. In the long run the mean is that load and,
    /// for Poisson arrivals of a known rate, so is the variance.
    pub(crate) fn ahead(&self, from: f64, to: f64, there: f64, aht: f64, level: Level) -> Ahead {
        let stays = (-(to - from) / aht).exp();
        let new = self.follow(from, to, 0.0, aht, level.factor);
        let doubt = level.doubt * new;
        Ahead {
            mean: there * stays + new,
            variance: there * stays * (1.0 - stays) + self.dispersion * new + doubt * doubt,
        }
    }

    /// Where the rate changes between two times, and the later of them.
    pub(crate) fn changes(&self, from: f64, to: f64) -> Vec<f64> {
        let mut times = Vec::new();
        let mut at = from;
        while at < to {
            at = self.boundary_after(at).min(to);
            times.push(at);
        }
        times
    }

    /// Follows m from one time to another.
    fn follow(&self, from: f64, to: f64, mut load: f64, aht: f64, factor: f64) -> f64 {
        let mut at = from;
        while at < to {
            let next = self.boundary_after(at).min(to);
            let target = factor * self.rate(at) * aht;
            load = target + (load - target) * (-(next - at) / aht).exp();
            at = next;
        }
        load
    }

    fn boundary_after(&self, at: f64) -> f64 {
        let passed = ((at - self.start) / self.interval).floor().max(-1.0);
        let next = self.start + (passed + 1.0) * self.interval;
        // Rounding must not make a boundary follow itself.
        if next > at { next } else { at + self.interval }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outlook() -> Outlook {
        Outlook {
            rates: vec![0.1, 0.3],
            interval: 900.0,
            start: 0.0,
            level_cv: 0.063,
            dispersion: 1.39,
        }
    }

    #[test]
    fn expected_arrivals_add_up_over_the_boundary() {
        assert!((outlook().expected(450.0, 1350.0) - 180.0).abs() < 1e-9);
        assert!(
            (outlook().expected(1800.0, 1900.0) - 30.0).abs() < 1e-9,
            "the last goes on"
        );
    }

    #[test]
    fn a_busier_morning_raises_the_rest_a_little_and_a_busier_day_more() {
        let outlook = outlook();
        let early = outlook.correction(66.0, 60.0);
        let late = outlook.correction(6_600.0, 6_000.0);
        assert!(1.0 < early && early < 1.03, "{early}");
        assert!(1.09 < late && late < 1.1, "{late}");
        assert!((outlook.correction(60.0, 60.0) - 1.0).abs() < 1e-12);
    }

    #[test]
    fn what_is_there_is_what_will_be_there_soon_and_the_load_in_the_long_run() {
        let outlook = Outlook {
            dispersion: 1.0,
            ..outlook()
        };
        let level = Level {
            factor: 1.0,
            doubt: 0.0,
        };
        let at = |to| outlook.ahead(900.0, to, 30.0, 200.0, level);
        let soon = at(910.0);
        assert!((30.0..32.0).contains(&soon.mean), "{soon:?}");
        assert!(soon.variance < 5.0, "{soon:?}");
        let late = at(9_000.0);
        assert!((late.mean - 60.0).abs() < 1e-6, "{late:?}");
        assert!((late.variance - 60.0).abs() < 1e-6, "{late:?}");
    }

    #[test]
    fn the_more_was_seen_the_less_the_level_is_in_doubt() {
        assert!((outlook().doubt(0.0) - 0.063).abs() < 1e-12);
        assert!(outlook().doubt(10_000.0) < 0.012);
    }
}
