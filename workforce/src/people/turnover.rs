//! A year's turnover as a monthly rate: three readings of one number, of which a plan has to
//! say which it means. At 30 % a year they differ by 0.46 points a month.

/// What is wrong with a turnover.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[error("a yearly turnover of {0} cannot be used: it is leavers over average headcount, 0 or more")]
pub struct TurnoverError(f64);

/// The monthly rates that a yearly turnover `a` can mean, each a share of the heads at the
/// month's start.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MonthlyRates {
    /// `a/12`: leavers of the year over average headcount, spread evenly. The usual reading.
    pub simple: f64,
    /// `1 − (1−a)^(1/12)`: `a` is the share of a cohort gone after a year. `None` if a ≥ 1.
    pub cohort: Option<f64>,
    /// `1 − e^(−a/12)`: constant hazard, headcount kept level.
    pub hazard: f64,
    /// `1 − e^(−a)`: the share of a cohort gone after a year under that hazard.
    pub cohort_gone_after_a_year: f64,
}

/// The monthly readings of a yearly turnover.
///
/// # Errors
/// If it is negative or not finite.
pub fn monthly_rates(yearly: f64) -> Result<MonthlyRates, TurnoverError> {
    if !(yearly >= 0.0 && yearly.is_finite()) {
        return Err(TurnoverError(yearly));
    }
    let cohort = (yearly < 1.0).then(|| -((-yearly).ln_1p() / 12.0).exp_m1());
    Ok(MonthlyRates {
        simple: yearly / 12.0,
        cohort,
        hazard: -(-yearly / 12.0).exp_m1(),
        cohort_gone_after_a_year: -(-yearly).exp_m1(),
    })
}
