//! Exact Erlang B, C and A for any real number of agents, and their inverses.
//!
//! All three are one station: callers arrive at random, are served in order of arrival, and
//! take an exponential time to serve. They differ in what a caller does who finds every
//! agent busy ([`Callers`]). Inside the formulae the unit of time is the mean handling time.

mod abandonment;
mod blocking;
mod load;
mod measures;
mod priority;
mod quadrature;
mod redial;
mod search;
mod transient;
mod varying;
mod waiting;

pub use blocking::{blocking, inverse_blocking};
pub use load::{greatest_load, load_for_blocking};
pub use measures::{Formula, Measures, ServiceLevels, UnknownFormula};
pub use priority::{PriorityError, priority_waits};
pub use redial::with_redials;
pub use search::{Bounds, OccupancyCap, Unreachable, least_agents};
pub use transient::{Behaviour, Passage, Period, TransientError, transient};
pub use varying::{OfferedLoad, modified_offered_load};

use crate::exact::Precise;

/// The largest load or number of agents that is computed, in erlangs and agents; more is
/// surely a slip of the pen, and the formulae stay within a second below it.
pub const LARGEST: f64 = 1e9;

/// The smallest load or number of agents that is computed.
pub const SMALLEST: f64 = 1e-9;

/// What a caller does who finds every agent busy.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Callers {
    /// Is turned away at once: Erlang B.
    Blocked,
    /// Waits for ever: Erlang C.
    Patient,
    /// Hangs up after an exponential time of this mean, in seconds: Erlang A.
    /// Zero is the limit in which everyone leaves who is not answered at once.
    Impatient(f64),
}

/// One queue at one rate of arrival.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Queue {
    /// Arrival rate × mean handling time, in erlangs.
    pub load: Precise,
    /// Mean handling time, in seconds.
    pub aht: f64,
    /// What callers do who must wait.
    pub callers: Callers,
}

/// The times, in seconds, that service levels are counted at.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Horizons {
    /// T: within which an answer is in time.
    pub within: Option<f64>,
    /// S: an abandonment within it is short, and left out by
    /// [`Formula::ExcludeShortAbandons`].
    pub short: Option<f64>,
}

impl Queue {
    /// What callers meet with this many agents (more than zero).
    pub fn measure(&self, agents: Precise, horizons: Horizons) -> Measures {
        match self.callers {
            Callers::Blocked => blocking::measure(self, agents),
            Callers::Patient => waiting::measure(self, agents, horizons),
            Callers::Impatient(patience) => abandonment::measure(self, patience, agents, horizons),
        }
    }
}
