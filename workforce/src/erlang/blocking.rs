//! Erlang B for any real number of servers, as its reciprocal.
//!
//! With `I(x, a) = 1/B(x, a) = ∫₀^∞ e^(−u) (1 + u/a)^x du` (Jagerman 1974), integration by
//! parts gives `I(x) = 1 + (x/a)·I(x−1)`: all terms positive, so the upward recursion is
//! stable, and a relative error made at `x−1` reaches `x` multiplied by `1 − B(x) < 1`.

use super::{Measures, Queue, ServiceLevels};
use crate::exact::Precise;

/// How far below the load the recursion starts, in standard deviations: a start value that
/// is wrong by a factor of two is damped by `e^(−9²/2) ≈ 3e-18`.
const FORGETTING: f64 = 9.0;

/// Erlang B: the probability that all `servers` are busy at `load` erlangs.
pub fn blocking(servers: f64, load: f64) -> f64 {
    inverse_blocking(servers, load).recip()
}

/// `1 − B(servers, load)` without cancellation: `(n/a)·I(n−1)/I(n)`.
pub(crate) fn carried(servers: f64, load: f64) -> f64 {
    let (at, below) = (
        inverse_blocking(servers, load),
        inverse_blocking(servers - 1.0, load),
    );
    if at.is_infinite() {
        1.0
    } else {
        servers / load * below / at
    }
}

pub(crate) fn measure(queue: &Queue, agents: Precise) -> Measures {
    let (servers, load) = (agents.hi, queue.load.hi);
    Measures {
        offered_load: load,
        agents: servers,
        stable: true,
        occupancy: load * carried(servers, load) / servers,
        p_wait: None,
        p_block: Some(blocking(servers, load)),
        p_abandon: None,
        mean_wait: None,
        asa: None,
        queue_length: None,
        service_level: ServiceLevels::default(),
    }
}

/// `1/B(servers, load)`, for `servers > −1` and `load > 0` (erlangs).
///
/// Infinite where `B` is below the smallest double. Takes O(√load) steps.
pub fn inverse_blocking(servers: f64, load: f64) -> f64 {
    let reach = (FORGETTING * load.sqrt()).ceil() + 2.0;
    // The last point at or below both the load and the servers by `reach`, on the same
    // fractional grid as `servers`.
    let surplus = (servers - load).max(0.0).ceil();
    let far = servers - surplus - reach;
    let (mut x, mut inverse) = if far > 1.0 {
        (far, load / (load - far))
    } else {
        let fraction = servers - servers.floor();
        let first = if servers < 0.0 { servers } else { fraction };
        (first, near_zero(first, load))
    };
    let per_load = load.recip();
    let steps = (servers - x).round();
    let mut done = 0.0;
    while done < steps {
        done += 1.0;
        x += 1.0;
        inverse = (x * per_load).mul_add(inverse, 1.0);
        if inverse.is_infinite() {
            break;
        }
    }
    inverse
}

/// `I(x, a)` for −1 < x < 1 by the trapezoidal rule after `u = exp(t − exp(−t))`, which
/// turns both ends into double-exponential decay (Takahasi & Mori 1974).
fn near_zero(x: f64, load: f64) -> f64 {
    const STEP: f64 = 1.0 / 16.0;
    const REACH: i32 = 72; // t in ±4.5: u from 1e-41 to 89
    if x == 0.0 {
        return 1.0;
    }
    let mut sum = 0.0;
    for i in -REACH..=REACH {
        let t = f64::from(i) * STEP;
        let shrink = (-t).exp();
        let u = (t - shrink).exp();
        sum += (x * (u / load).ln_1p() - u).exp() * u * (1.0 + shrink);
    }
    sum * STEP
}

#[cfg(test)]
mod tests {
    use super::inverse_blocking;

    #[test]
    fn blocking_of_ten_servers_at_eight_erlangs_is_the_known_value() {
        let b = 1.0 / inverse_blocking(10.0, 8.0);
        assert!((b / 0.121_661_064_252_951_5 - 1.0).abs() < 1e-14, "{b}");
    }

    #[test]
    fn blocking_is_defined_between_the_whole_numbers() {
        let b = 1.0 / inverse_blocking(13.5, 10.0);
        assert!((b / 0.069_626_033_481_754_61 - 1.0).abs() < 1e-14, "{b}");
    }
}
