//! The least whole number of agents that keeps every bound.

use super::blocking::inverse_blocking;
use super::redial::with_redials;
use super::waiting::Delay;
use super::{Callers, Formula, Horizons, LARGEST, Measures, Queue};
use crate::exact::{Exact, Precise};

/// What a number of agents has to keep; every bound given must hold at once.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Bounds {
    /// At least this share in time, by this formula, 0 < share < 1.
    pub service_level: Option<(Formula, f64)>,
    /// At most this share turned away.
    pub max_blocking: Option<f64>,
    /// At most this occupancy.
    pub max_occupancy: Option<OccupancyCap>,
    /// At most this share abandoned.
    pub max_abandon: Option<f64>,
    /// At most this mean wait of the answered, in seconds.
    pub max_asa: Option<f64>,
}

/// A cap on occupancy, with the number of agents that surely keeps it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OccupancyCap {
    /// The cap, in 0..1.
    pub most: f64,
    /// `⌈load / cap⌉`, from exact numbers where there are any: 2.1 erlangs under 70 % need
    /// 3 agents, though 2.1/0.7 is above 3 in doubles.
    pub surely_kept_by: u64,
}

impl OccupancyCap {
    /// For a load in erlangs; `None` if the cap is not above zero or needs more than can
    /// be computed with.
    pub fn new(load: &Exact, most: &Exact) -> Option<Self> {
        let needed = load.checked_div(most).filter(Exact::is_positive)?;
        Some(Self {
            most: most.to_f64(),
            surely_kept_by: needed.ceil().filter(|&n| n as f64 <= LARGEST)?,
        })
    }
}

/// No number of agents meets the bounds.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Unreachable {
    /// Nothing was asked for.
    #[error("no bound is given: name a service level, an occupancy, an abandonment or an ASA")]
    NoBound,
    /// A bound that only an infinite number of agents would meet, or that is no bound.
    #[error("{bound} of {value} cannot be asked for: {needs}")]
    OutOfRange {
        /// Which bound.
        bound: &'static str,
        /// As given.
        value: f64,
        /// What would be right.
        needs: &'static str,
    },
    /// A level that needs a time, without one.
    #[error("a service level needs the time to answer within")]
    NoTime,
    /// `ExcludeShortAbandons` without the bound of a short abandonment.
    #[error("ExcludeShortAbandons needs the time below which an abandonment is short")]
    NoShort,
    /// A bound that has no meaning for callers of this kind.
    #[error("{bound} does not apply where {callers}")]
    DoesNotApply {
        /// Which bound.
        bound: &'static str,
        /// What the callers do.
        callers: &'static str,
    },
    /// The search went as far as can be computed.
    #[error("no number of agents up to {LARGEST:e} meets the bounds at {load} erlangs")]
    Beyond {
        /// Offered load.
        load: f64,
    },
}

const OPEN: &str = "it lies between 0 and 1, both excluded";
const HALF_OPEN: &str = "it is above 0 and at most 1";

impl Bounds {
    /// Whether the bounds can be asked for at all of such callers.
    pub fn check(&self, callers: Callers, horizons: Horizons) -> Result<(), Unreachable> {
        let refuse = |bound, value, needs| {
            Err(Unreachable::OutOfRange {
                bound,
                value,
                needs,
            })
        };
        let inapplicable = |bound, callers| Err(Unreachable::DoesNotApply { bound, callers });
        if *self == Self::default() {
            return Err(Unreachable::NoBound);
        }
        if let Some((formula, share)) = self.service_level {
            if callers == Callers::Blocked {
                return inapplicable("a service level", "callers do not wait");
            }
            if !(share > 0.0 && share < 1.0) {
                return refuse("a service level", share, OPEN);
            }
            if horizons.within.is_none() {
                return Err(Unreachable::NoTime);
            }
            if formula == Formula::ExcludeShortAbandons && horizons.short.is_none() {
                return Err(Unreachable::NoShort);
            }
        }
        if let Some(share) = self.max_blocking {
            if callers != Callers::Blocked {
                return inapplicable("a bound on blocking", "nobody is turned away");
            }
            if !(share > 0.0 && share < 1.0) {
                return refuse("blocking", share, OPEN);
            }
        }
        if let Some(cap) = self.max_occupancy
            && !(cap.most > 0.0 && cap.most <= 1.0)
        {
            return refuse("an occupancy", cap.most, HALF_OPEN);
        }
        if let Some(share) = self.max_abandon {
            if callers == Callers::Blocked {
                return inapplicable("a bound on abandonment", "callers do not wait");
            }
            if !(share > 0.0 && share <= 1.0) {
                return refuse("abandonment", share, HALF_OPEN);
            }
        }
        if let Some(seconds) = self.max_asa {
            if callers == Callers::Blocked {
                return inapplicable("a bound on the ASA", "callers do not wait");
            }
            if !(seconds > 0.0 && seconds.is_finite()) {
                return refuse("an ASA", seconds, "it is a positive number of seconds");
            }
        }
        Ok(())
    }

    /// Whether the measured station keeps them all.
    pub fn kept_by(&self, measured: &Measures) -> bool {
        let at_most = |bound: Option<f64>, value: Option<f64>| {
            bound.is_none_or(|most| value.is_some_and(|value| value <= most))
        };
        measured.stable
            && self.service_level.is_none_or(|(formula, least)| {
                measured
                    .service_level
                    .by(formula)
                    .is_some_and(|level| level >= least)
            })
            && self.max_occupancy.is_none_or(|cap| {
                measured.occupancy <= cap.most || measured.agents >= cap.surely_kept_by as f64
            })
            && at_most(self.max_blocking, measured.p_block)
            // Patient callers never abandon.
            && at_most(self.max_abandon, Some(measured.p_abandon.unwrap_or(0.0)))
            && at_most(self.max_asa, measured.asa.or(Some(0.0)))
    }
}

/// The least whole number of agents that keeps every bound, where a share `redial` of those
/// who abandon call again (0: nobody does). Every measure moves one way
/// with the number of agents, so one that holds beside one that does not is the least.
///
/// # Errors
/// If a bound cannot be asked for, or no number of agents keeps it.
pub fn least_agents(
    queue: &Queue,
    redial: f64,
    bounds: &Bounds,
    horizons: Horizons,
) -> Result<u64, Unreachable> {
    bounds.check(queue.callers, horizons)?;
    let beyond = Unreachable::Beyond {
        load: queue.load.hi,
    };
    if queue.callers == Callers::Patient {
        return least_patient(queue, bounds, horizons).ok_or(beyond);
    }
    least_where(queue.load.hi, |agents| {
        let agents = Precise::from(agents as f64);
        if redial == 0.0 {
            return bounds.kept_by(&queue.measure(agents, horizons));
        }
        with_redials(queue, redial, agents, horizons)
            .is_some_and(|measured| bounds.kept_by(&measured))
    })
    .ok_or(beyond)
}

/// Brackets the answer outwards from the load, then halves the bracket. Zero agents keep
/// nothing.
pub(crate) fn least_where(load: f64, keeps: impl Fn(u64) -> bool) -> Option<u64> {
    let start = (load.ceil() as u64).max(1);
    let mut step = ((load.sqrt() / 2.0) as u64).max(1);
    let (mut fails, mut holds);
    if keeps(start) {
        holds = start;
        loop {
            fails = holds.saturating_sub(step);
            if fails == 0 || !keeps(fails) {
                break;
            }
            holds = fails;
            step *= 2;
        }
    } else {
        fails = start;
        loop {
            holds = fails + step;
            if holds as f64 > LARGEST {
                return None;
            }
            if keeps(holds) {
                break;
            }
            fails = holds;
            step *= 2;
        }
    }
    while holds - fails > 1 {
        let middle = fails + (holds - fails) / 2;
        if keeps(middle) {
            holds = middle;
        } else {
            fails = middle;
        }
    }
    Some(holds)
}

/// Erlang C: one walk up from the least stable number, carrying `1/B` along.
fn least_patient(queue: &Queue, bounds: &Bounds, horizons: Horizons) -> Option<u64> {
    let load = queue.load.hi;
    let mut agents = load.floor().max(1.0);
    while Precise::from(agents).minus(queue.load) <= 0.0 {
        agents += 1.0;
    }
    if let Some(cap) = bounds.max_occupancy {
        agents = agents.max(cap.surely_kept_by as f64);
    }
    let within = horizons.within.unwrap_or(0.0) / queue.aht;
    let level = bounds.service_level.map_or(0.0, |(_, level)| level);
    let asa = bounds.max_asa.map_or(f64::INFINITY, |asa| asa / queue.aht);
    let per_load = load.recip();
    let mut inverse = inverse_blocking(agents, load);
    loop {
        let spare = Precise::from(agents).minus(queue.load);
        let delay = Delay::new(agents, spare, inverse);
        if delay.p_wait <= asa * spare && delay.within(spare, within) >= level {
            return Some(agents as u64);
        }
        if delay.p_wait == 0.0 || agents >= LARGEST {
            return None;
        }
        agents += 1.0;
        inverse = (agents * per_load).mul_add(inverse, 1.0);
    }
}
