//! What several runs say together: a mean, and how far it may be off.

/// A mean over runs with its 95 % interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// Of the runs that have a value.
    pub mean: f64,
    /// Half the width of the interval; `None` for a single run.
    pub half_width: Option<f64>,
}

/// Student's t at 97.5 %, by degrees of freedom from 1.
const T: [f64; 30] = [
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160,
    2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056,
    2.052, 2.048, 2.045, 2.042,
];

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
        // Beyond the table: 1.96 + 2.4 / df is within 0.001.
        let t = T
            .get(values.len() - 2)
            .copied()
            .unwrap_or(1.96 + 2.4 / (n - 1.0));
        t * (variance / n).sqrt()
    });
    Some(Estimate { mean, half_width })
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
}
