//! Sixteen-point Gauss–Legendre rule, computed once.

use std::sync::LazyLock;

/// Points of the rule. With 16, `∫₀¹ e^(−kx) dx` is right to 1e-15 for k up to 16.
pub(crate) const POINTS: usize = 16;

/// Abscissae in (0, 1) and their weights, which sum to one.
pub(crate) struct Rule {
    pub at: [f64; POINTS],
    pub weight: [f64; POINTS],
}

/// The rule on the unit interval.
pub(crate) static UNIT: LazyLock<Rule> = LazyLock::new(|| {
    let mut rule = Rule {
        at: [0.0; POINTS],
        weight: [0.0; POINTS],
    };
    let n = POINTS as f64;
    for i in 0..POINTS {
        // Newton from Tricomi's first approximation of the i-th root of P_n.
        let mut z = (std::f64::consts::PI * (i as f64 + 0.75) / (n + 0.5)).cos();
        let mut slope = 1.0;
        for _ in 0..8 {
            let (mut p, mut before) = (1.0, 0.0);
            for j in 1..=POINTS {
                let j = j as f64;
                (p, before) = (((2.0 * j - 1.0) * z * p - (j - 1.0) * before) / j, p);
            }
            slope = n * (z * p - before) / (z * z - 1.0);
            z -= p / slope;
        }
        rule.at[i] = 0.5 * (1.0 - z);
        rule.weight[i] = 1.0 / ((1.0 - z * z) * slope * slope);
    }
    rule
});

#[cfg(test)]
mod tests {
    use super::UNIT;

    #[test]
    fn a_polynomial_of_degree_thirty_one_is_integrated_exactly() {
        let sum: f64 = (0..16).map(|i| UNIT.weight[i] * UNIT.at[i].powi(31)).sum();
        assert!((sum * 32.0 - 1.0).abs() < 1e-14, "{sum}");
    }
}
