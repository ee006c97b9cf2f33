//! What several runs say together: a mean, and how far it may be off.

/// A mean over runs with its 95 % interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// Of the runs that have a value.
    pub mean: f64,
    /// Half the width of the interval; `None` for a single run.
    pub half_width: Option<f64>,
}

impl Estimate {
    /// Whether a value lies within the interval.
    pub fn covers(&self, value: f64) -> bool {
        self.half_width
            .is_some_and(|half| (value - self.mean).abs() <= half)
    }
}

/// Student's t at 97.5 %, by degrees of freedom from 1.
const T: [f64; 30] = [
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160,
    2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056,
    2.052, 2.048, 2.045, 2.042,
];

fn student(freedom: usize) -> f64 {
    // Beyond the table: 1.96 + 2.4 / df is within 0.001.
    let known = freedom.checked_sub(1).and_then(|at| T.get(at)).copied();
    known.unwrap_or(1.96 + 2.4 / freedom.max(1) as f64)
}

/// The estimate from the values of independent runs; `None` where no run has one.
pub fn estimate(values: &[Option<f64>]) -> Option<Estimate> {
    let values: Vec<f64> = values.iter().copied().flatten().collect();
    let n = values.len() as f64;
    if values.is_empty() {
        return None;
    }
    let mean = values.iter().sum::<f64>() / n;
    let half_width = (values.len() > 1).then(|| {
        let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0);
        student(values.len() - 1) * (variance / n).sqrt()
    });
    Some(Estimate { mean, half_width })
}

/// The share that (met, of) have over all runs, which differ in how many there are: a mean of
/// each run's own share would give quiet runs too much weight. The interval is that of the ratio
/// estimator (Law, *Simulation Modeling and Analysis*, ch. 9). `None` where there is nothing.
pub fn ratio(runs: &[(f64, f64)]) -> Option<Estimate> {
    let n = runs.len() as f64;
    let (met, of) = runs
        .iter()
        .fold((0.0, 0.0), |sum, run| (sum.0 + run.0, sum.1 + run.1));
    if of <= 0.0 {
        return None;
    }
    let share = met / of;
    let half_width = (runs.len() > 1).then(|| {
        let squares = runs.iter().map(|(met, of)| (met - share * of).powi(2));
        let variance = squares.sum::<f64>() / (n - 1.0);
        student(runs.len() - 1) * (variance / n).sqrt() / (of / n)
    });
    Some(Estimate {
        mean: share,
        half_width,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_is_students() {
        let found = estimate(&[Some(1.0), None, Some(2.0), Some(3.0)]).unwrap();
        assert_eq!(found.mean, 2.0);
        // s = 1, n = 3: 4.303 / √3.
        assert!((found.half_width.unwrap() - 2.484).abs() < 0.001);
        assert_eq!(estimate(&[None]), None);
        assert_eq!(estimate(&[Some(4.0)]).unwrap().half_width, None);
    }

    #[test]
    fn a_share_counts_every_contact_once() {
        let found = ratio(&[(1.0, 1.0), (10.0, 99.0)]).unwrap();
        assert_eq!(found.mean, 0.11);
        assert!(found.covers(0.11) && !found.covers(0.9));
        assert_eq!(ratio(&[(0.0, 0.0)]), None);
        // Where all runs have as many, it is the mean of the shares with its interval.
        let even = ratio(&[(1.0, 10.0), (2.0, 10.0), (3.0, 10.0)]).unwrap();
        let plain = estimate(&[Some(0.1), Some(0.2), Some(0.3)]).unwrap();
        assert!((even.mean - plain.mean).abs() < 1e-12);
        let halves = (even.half_width.unwrap(), plain.half_width.unwrap());
        assert!((halves.0 - halves.1).abs() < 1e-12);
    }
}
