//! Handling times: lognormal, as call centres' have been found to be (Brown et al. 2005).

use super::NORMAL_95;

/// A lognormal law and what it was drawn from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Handling {
    /// Times that were fitted.
    pub count: usize,
    /// Times of zero seconds, which have no logarithm: left out, and said.
    pub zeros: usize,
    /// Mean of the logarithms of the seconds.
    pub mu: f64,
    /// Standard deviation of the logarithms, of greatest likelihood.
    pub sigma: f64,
    /// The law's mean, `e^(μ + σ²/2)`, in seconds.
    pub mean: f64,
    /// That mean's 95 % interval (Cox's method).
    pub interval: (f64, f64),
    /// The plain mean of the times fitted, in seconds: far from `mean`, the law fits badly.
    pub sample_mean: f64,
}

/// Why there is no fit.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum HandlingError {
    /// Fewer than two times above zero.
    #[error("{count} handling times above zero are too few; two are needed")]
    TooFew {
        /// How many there are.
        count: usize,
    },
    /// A time that is no time.
    #[error("handling time {index} is {seconds} seconds; it is zero or more, and finite")]
    NotATime {
        /// Which, from 0.
        index: usize,
        /// As given.
        seconds: f64,
    },
}

/// Fits a lognormal law to handling times in seconds.
///
/// # Errors
/// If a time is negative or not finite, or fewer than two are above zero.
pub fn fit_handling(seconds: &[f64]) -> Result<Handling, HandlingError> {
    if let Some((index, &seconds)) = seconds
        .iter()
        .enumerate()
        .find(|(_, seconds)| !(**seconds >= 0.0 && seconds.is_finite()))
    {
        return Err(HandlingError::NotATime { index, seconds });
    }
    let logs: Vec<f64> = seconds
        .iter()
        .filter(|seconds| **seconds > 0.0)
        .map(|seconds| seconds.ln())
        .collect();
    let count = logs.len();
    if count < 2 {
        return Err(HandlingError::TooFew { count });
    }
    let n = count as f64;
    let mu = logs.iter().sum::<f64>() / n;
    let variance = logs.iter().map(|log| (log - mu).powi(2)).sum::<f64>() / n;
    let log_mean = mu + variance / 2.0;
    let error = NORMAL_95 * (variance / n + variance * variance / (2.0 * n)).sqrt();
    Ok(Handling {
        count,
        zeros: seconds.len() - count,
        mu,
        sigma: variance.sqrt(),
        mean: log_mean.exp(),
        interval: ((log_mean - error).exp(), (log_mean + error).exp()),
        sample_mean: seconds.iter().sum::<f64>() / n,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_logarithms_of_a_lognormal_are_found_again() {
        // e^(μ ± σ) in equal number has exactly these parameters.
        let (mu, sigma) = (4.5_f64, 1.2_f64);
        let times = [(mu - sigma).exp(), (mu + sigma).exp()].repeat(500);
        let fitted = fit_handling(&times).unwrap();
        assert!((fitted.mu - mu).abs() < 1e-12 && (fitted.sigma - sigma).abs() < 1e-12);
        assert!((fitted.mean - (mu + 0.72).exp()).abs() < 1e-9);
        assert!(fitted.interval.0 < fitted.mean && fitted.mean < fitted.interval.1);
    }

    #[test]
    fn calls_of_no_length_are_left_out_and_counted() {
        let fitted = fit_handling(&[0.0, 10.0, 20.0]).unwrap();
        assert_eq!((fitted.count, fitted.zeros), (2, 1));
        assert!((fitted.sample_mean - 15.0).abs() < 1e-12);
    }

    #[test]
    fn times_that_say_nothing_are_refused() {
        let too_few = fit_handling(&[0.0, 3.0]);
        assert_eq!(too_few, Err(HandlingError::TooFew { count: 1 }));
        let said = fit_handling(&[1.0, f64::NAN]).unwrap_err().to_string();
        assert!(said.starts_with("handling time 1 is NaN"), "{said}");
    }
}
