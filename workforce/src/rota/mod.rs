//! Rotas: who works which shift on which day, so that every interval has the people it needs.
//!
//! Shifts are given, with their breaks fixed in them; people have contracts, skills, rest and
//! perhaps a seat. Times are seconds on an axis without gaps (UTC), so that days on which
//! clocks change need no care here. [`plan`] builds a rota greedily and betters it by a local
//! search; a linear relaxation says how far from the best it can be at most.
//!
//! There are two solvers, for two problems. [`shifts::solve`](crate::shifts::solve) says *how many* of
//! a kind work which shift of one day: a cover, whose bound is the linear program's and which is proven
//! where the day is small. [`plan`] says *who*, over weeks, with hours, rest and fairness, which no
//! cover knows; its bound relaxes these. It begins anew from each day's cover where its first rota is
//! not known to be the cheapest, and keeps the better of the two.

mod bound;
mod cover;
mod exhaust;
mod ground;
mod problem;
mod report;
mod search;

pub use problem::{Need, Person, ProblemError, Rota, Rules, Stint};
pub use report::{Lack, Peak, Plan, Row, Worked};
pub use search::{Effort, plan};
