//! The greatest load that a number of agents carries within bounds.

use super::blocking::inverse_blocking;
use super::{Bounds, Callers, Horizons, LARGEST, Queue, SMALLEST, Unreachable};
use crate::exact::Precise;
use crate::root::bracketed;

/// The load, in erlangs, of which `servers` turn away the share `target` (0 < target < 1);
/// `None` if that load lies outside [`SMALLEST`] to [`LARGEST`].
///
/// Solved in the odds `B/(1 − B) = 1/(I − 1)`, which keep their digits at both ends.
pub fn load_for_blocking(servers: f64, target: f64) -> Option<f64> {
    let wanted = (-target).ln_1p() - target.ln();
    let excess = |log_load: f64| {
        let load = log_load.exp();
        // I(n) − 1 = (n/a)·I(n−1), free of cancellation.
        (servers / load * inverse_blocking(servers - 1.0, load)).ln() - wanted
    };
    let (least, most) = (SMALLEST.ln(), LARGEST.ln());
    if excess(least) < 0.0 || excess(most) > 0.0 {
        return None;
    }
    // ln(odds) may be infinite at the lower end; halve it away before interpolating.
    let (mut lo, mut hi) = (least, most);
    while !excess(lo).is_finite() || hi - lo > 1.0 {
        let middle = 0.5 * (lo + hi);
        if excess(middle) > 0.0 {
            lo = middle;
        } else {
            hi = middle;
        }
    }
    Some(polish(bracketed(excess, lo, hi).exp(), servers, wanted))
}

/// One Newton step in the load itself: the logarithm of a large load has lost digits.
fn polish(load: f64, servers: f64, wanted: f64) -> f64 {
    let below = inverse_blocking(servers - 1.0, load);
    let odds = servers / load * below;
    let carried = odds / (1.0 + odds);
    let slope = -(servers / carried - load);
    load * (1.0 - (odds.ln() - wanted) / slope)
}

/// The greatest load, in erlangs, at which `agents` keep every bound, to 14 digits.
///
/// # Errors
/// If a bound cannot be asked for, or is broken even at a vanishing load.
pub fn greatest_load(
    agents: Precise,
    aht: f64,
    callers: Callers,
    bounds: &Bounds,
    horizons: Horizons,
) -> Result<f64, Unreachable> {
    bounds.check(callers, horizons)?;
    let keeps = |load: f64| {
        let queue = Queue {
            load: Precise::from(load),
            aht,
            callers,
        };
        let measured = queue.measure(agents, horizons);
        // The cap's certain number of agents belongs to another load.
        let occupied = bounds
            .max_occupancy
            .is_none_or(|cap| measured.occupancy <= cap.most);
        occupied && bounds.kept_by(&measured)
    };
    let (mut lo, mut hi) = (SMALLEST, LARGEST);
    if !keeps(lo) {
        return Err(Unreachable::Beyond { load: lo });
    }
    if keeps(hi) {
        return Ok(hi);
    }
    while hi / lo > 1.0 + 4.0 * f64::EPSILON {
        let middle = if hi / lo > 2.0 {
            (lo * hi).sqrt()
        } else {
            lo + 0.5 * (hi - lo)
        };
        if keeps(middle) {
            lo = middle;
        } else {
            hi = middle;
        }
    }
    Ok(lo)
}
