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

    /// The modified offered load at a time, `m′ = factor·λ − m/AHT`, in erlangs, settled at
    /// the first interval's rate when that begins.
    pub(crate) fn load_at(&self, at: f64, aht: f64, factor: f64) -> f64 {
        /// Handling times after which nothing is left of what was before: e^−40.
        const FORGOTTEN: f64 = 40.0;
        let from = self.start.max(at - FORGOTTEN * aht).min(at);
        let settled = factor * self.rate(from) * aht;
        self.follow(from, at, settled, aht, factor, |_| ())
    }

    /// The greatest load, in erlangs, over [now + delay, now + delay + hold] for
    /// `window` = (delay, hold), from `load` now. Within an interval m moves one way, so its
    /// ends suffice.
    pub(crate) fn greatest_load(
        &self,
        now: f64,
        load: f64,
        aht: f64,
        factor: f64,
        window: (f64, f64),
    ) -> f64 {
        let opens = now + window.0;
        let mut greatest = self.follow(now, opens, load, aht, factor, |_| ());
        self.follow(opens, opens + window.1, greatest, aht, factor, |load| {
            greatest = greatest.max(load);
        });
        greatest
    }

    /// Follows m from one time to another, showing it at every interval's end.
    fn follow(
        &self,
        from: f64,
        to: f64,
        mut load: f64,
        aht: f64,
        factor: f64,
        mut show: impl FnMut(f64),
    ) -> f64 {
        let mut at = from;
        while at < to {
            let next = self.boundary_after(at).min(to);
            let target = factor * self.rate(at) * aht;
            load = target + (load - target) * (-(next - at) / aht).exp();
            at = next;
            show(load);
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
    fn the_load_ahead_lags_behind_the_rate() {
        let load = |delay| outlook().greatest_load(800.0, 20.0, 200.0, 1.0, (delay, 0.0));
        assert!(load(100.0) < 21.0, "the rise has only begun");
        assert!(
            (load(5_000.0) - 60.0).abs() < 1e-6,
            "and is complete at last"
        );
    }
}
