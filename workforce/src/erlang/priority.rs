//! Waits under priorities. Cobham 1954; several servers: Kella & Yechiali 1985.

use super::blocking::inverse_blocking;
use super::waiting::Delay;

/// What cannot be computed.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum PriorityError {
    /// A rate, time or number that is not positive and finite.
    #[error("{field} is {value}; it must be above zero and finite")]
    NotPositive {
        /// Which input, as `lambda[2]`.
        field: String,
        /// As given.
        value: f64,
    },
}

/// Mean wait in seconds of each class, highest first, where a higher class goes before a
/// lower one and no call is interrupted; callers never hang up, all have one mean handling
/// time `aht` (seconds, exponential), `rates` are arrivals per second.
///
/// `W_k = C·AHT/n / ((1 − σ_{k−1})(1 − σ_k))`, σ_k the load per agent of the classes up to k
/// and C Erlang C at the whole load (1 if that exceeds the agents). `None` where the class
/// waits without end.
///
/// # Errors
/// On inputs that are not positive and finite.
pub fn priority_waits(
    rates: &[f64],
    aht: f64,
    agents: f64,
) -> Result<Vec<Option<f64>>, PriorityError> {
    let positive = |field: String, value: f64| {
        if value > 0.0 && value.is_finite() {
            Ok(())
        } else {
            Err(PriorityError::NotPositive { field, value })
        }
    };
    for (class, &rate) in rates.iter().enumerate() {
        positive(format!("lambda[{class}]"), rate)?;
    }
    positive("aht".to_owned(), aht)?;
    positive("agents".to_owned(), agents)?;

    let load: f64 = rates.iter().map(|rate| rate * aht).sum();
    let spare = agents - load;
    let p_wait = if spare > 0.0 {
        Delay::new(agents, spare, inverse_blocking(agents, load)).p_wait
    } else {
        1.0
    };
    let mut unused = agents;
    Ok(rates
        .iter()
        .map(|rate| {
            let before = unused;
            unused -= rate * aht;
            (unused > 0.0).then(|| p_wait * aht * agents / (before * unused))
        })
        .collect())
}
