//! How many virtual agents to run: a decision from the forecast and what is seen now.
//!
//! Pure: settings, outlook and sight in, a number of pods and the reason for it out. Whoever
//! holds the cluster or the simulator calls it each tick.

mod budget;
mod drain;
mod outlook;
mod policy;
mod team;

pub use budget::Budget;
pub use drain::{Pod, PodState, drainable};
pub use outlook::Outlook;
pub use policy::{Decision, PolicyError, Reason, Settings, Sight, decide};
pub use team::{Expected, Work, queues};
