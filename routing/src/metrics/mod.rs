//! The metric contract: every figure is a fold over [`Segment`](crate::Segment)s, over [`Spell`]s and
//! over [`RotaVersion`]s, so live values, history and replay can't disagree.
//!
//! Queue figures count the wait from entry to that queue; client and contract figures from the
//! first arrival, each contact once.

mod adherence;
mod agents;
mod agreed;
mod counts;
mod interval;
mod ledger;

pub use adherence::{Adherence, Kept, RotaVersion};
pub use agents::{Hours, Load, Spell};
pub use agreed::{level_of_client, level_of_queue};
pub use counts::{Counts, Terms, View};
pub use interval::{Interval, clip};
pub use ledger::{Ledger, Scope, Sums};
