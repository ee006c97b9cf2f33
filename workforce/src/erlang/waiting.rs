//! Erlang C: callers wait for ever. Erlang 1917; for real n as `C = nB/(n − a(1 − B))`.

use super::blocking::inverse_blocking;
use super::{Horizons, Measures, Queue, ServiceLevels};
use crate::exact::Precise;

/// P(wait) and its complement, for a stable station (`spare` = agents − load > 0).
///
/// With `I = 1/B`: `C = a/(spare·(I) … )` becomes `C = n/(n + spare·(I − 1))`, and
/// `1 − C = spare·(I − 1)/(…)`, neither of which cancels.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Delay {
    pub p_wait: f64,
    pub p_no_wait: f64,
}

impl Delay {
    /// From the reciprocal of Erlang B.
    pub(crate) fn new(agents: f64, spare: f64, inverse_blocking: f64) -> Self {
        let free = spare * (inverse_blocking - 1.0);
        if free.is_infinite() {
            return Self {
                p_wait: 0.0,
                p_no_wait: 1.0,
            };
        }
        let p_wait = agents / (agents + free);
        Self {
            p_wait,
            p_no_wait: free / (agents + free),
        }
    }

    /// P(wait ≤ t), t in handling times.
    pub(crate) fn within(self, spare: f64, t: f64) -> f64 {
        (self.p_no_wait - self.p_wait * (-spare * t).exp_m1()).min(1.0)
    }
}

pub(crate) fn measure(queue: &Queue, agents: Precise, horizons: Horizons) -> Measures {
    let load = queue.load.hi;
    let spare = agents.minus(queue.load);
    if spare <= 0.0 {
        return unstable(load, agents.hi, horizons);
    }
    let delay = Delay::new(agents.hi, spare, inverse_blocking(agents.hi, load));
    let mean_wait = delay.p_wait / spare;
    let level = horizons.within.map(|t| delay.within(spare, t / queue.aht));
    Measures {
        offered_load: load,
        agents: agents.hi,
        stable: true,
        occupancy: load / agents.hi,
        p_wait: Some(delay.p_wait),
        p_block: None,
        p_abandon: None,
        mean_wait: Some(mean_wait * queue.aht),
        asa: Some(mean_wait * queue.aht),
        queue_length: Some(mean_wait * load),
        service_level: level.map_or_else(ServiceLevels::default, |level| {
            ServiceLevels::without_abandonment(level, horizons.short.is_some())
        }),
    }
}

/// The queue grows without end: every caller waits, and longer than any T.
fn unstable(load: f64, agents: f64, horizons: Horizons) -> Measures {
    Measures {
        offered_load: load,
        agents,
        stable: false,
        occupancy: 1.0,
        p_wait: Some(1.0),
        p_block: None,
        p_abandon: None,
        mean_wait: None,
        asa: None,
        queue_length: None,
        service_level: horizons.within.map_or_else(ServiceLevels::default, |_| {
            ServiceLevels::without_abandonment(0.0, horizons.short.is_some())
        }),
    }
}
