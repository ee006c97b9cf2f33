//! A discrete-event run of a Tenant on the routing core itself: there is no second model of
//! routing. Given the arrivals with their handle times and patience it has no randomness;
//! what is not given is drawn from a seed, per contact, so that two tenants meet the same callers.

mod draw;
mod replicate;
mod run;
mod summary;

pub use draw::Law;
pub use replicate::{Estimate, estimate};
pub use run::{Contact, Fate, Presence, Run, Setup, run};
pub use summary::{QueueFigures, Summary, TeamFigures};
