//! Callers who abandon and call again.

use super::{Callers, Horizons, LARGEST, Measures, Queue};
use crate::exact::Precise;
use crate::root::bracketed;

/// Solves `λ = λ₀ + r·P_ab(λ)·λ` for the rate of attempts λ and measures the station there.
/// `queue.load` is the fresh load `λ₀·AHT`; `redial`, r, is the probability (0..=1) that one
/// who abandons calls again. `None` if redials feed on themselves and no finite load satisfies
/// the balance. Redials are taken as fresh arrivals, spread over time. Callers of endless patience
/// don't abandon, so none of them calls again: where the load is too great the queue grows without
/// end, and the measures say so.
///
/// With `P_ab·λ = λ − carried`, the balance `(1 − r)λ + r·carried(λ) = λ₀` rises in λ, so
/// there is one root, between λ₀ and λ₀/(1 − r).
pub fn with_redials(
    queue: &Queue,
    redial: f64,
    agents: Precise,
    horizons: Horizons,
) -> Option<Measures> {
    if queue.callers == Callers::Patient {
        return Some(queue.measure(agents, horizons));
    }
    let at = |load: Precise, horizons| Queue { load, ..*queue }.measure(agents, horizons);
    let fresh = queue.load.hi;
    let balance = |load: f64| {
        let measured = at(Precise::from(load), Horizons::default());
        let carried = measured.occupancy * agents.hi;
        (1.0 - redial) * load + redial * carried - fresh
    };
    let most = (fresh / (1.0 - redial)).min(LARGEST);
    if redial == 0.0 || balance(fresh) >= 0.0 {
        return Some(at(queue.load, horizons));
    }
    // The root may sit at the very end, within rounding, when almost everyone abandons.
    if balance(most) < -1e-12 * fresh {
        return None;
    }
    let load = bracketed(balance, fresh, most);
    Some(at(Precise::from(load), horizons))
}
