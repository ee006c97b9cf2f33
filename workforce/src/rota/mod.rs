//! Rotas: who works which shift on which day, so that every interval has the people it needs.
//!
//! Shifts are given, with their breaks fixed in them; people have contracts, skills, rest and
//! perhaps a seat. Times are seconds on an axis without gaps (UTC), so that days on which
//! clocks change need no care here. [`plan`] builds a rota greedily and betters it by a local
//! search; a linear relaxation says how far from the best it can be at most.

mod bound;
mod exhaust;
mod ground;
mod problem;
mod report;
mod search;

pub use problem::{Need, Person, ProblemError, Rota, Rules, Stint};
pub use report::{Lack, Peak, Plan, Row, Worked};
pub use search::{Effort, plan};
