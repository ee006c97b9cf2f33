//! The metric contract: every figure is a fold over [`Segment`](crate::Segment)s and over
//! [`Spell`]s, so live values, history and replay can't disagree.
//!
//! Queue figures count the wait from entry to that queue; client and contract figures from the
//! first arrival, each contact once.

mod agents;
mod counts;
mod interval;
mod ledger;

pub use agents::{Hours, Load, Spell};
pub use counts::{Counts, Terms, View};
pub use interval::{Interval, clip};
pub use ledger::{Ledger, Scope, Sums};
