//! Shift plans: how many people of which group work which shift, so that every skill has the
//! agents it needs in every interval at the least cost. Which shifts to have, before anybody is
//! named; who then works them on which day is a [`rota`](crate::rota), which begins from these plans
//! where its own beginning isn't known to lead to the cheapest.
//!
//! A shift has its breaks fixed in it. The plan is a set cover over shifts and groups with
//! skills shared inside each interval: the linear relaxation bounds the cost from below, a
//! dive from it starts the plan, a local search betters it ([`solve`]).

mod pattern;
mod problem;
mod relaxation;
mod search;
mod solve;

pub use pattern::{Break, BreakRule, Pattern, RuleError, ShiftRule};
pub use problem::{Group, MOST_SKILLS, Problem, ProblemError, Skills};
pub use solve::{Effort, Plan, SolveError, solve};
