//! The ACD as a pure state machine: inputs with their time in, outputs out, deadlines asked
//! for. No clock, no socket, no thread, no hash order, and no randomness but from a seed in
//! its state. The engine drives it with real calls, the simulator with imagined ones.

mod bug;
mod core;
mod heads;
mod hours;
mod input;
mod ix;
pub mod metrics;
mod near;
mod ordered;
mod output;
mod plan;
mod pool;
mod slots;
mod time;
mod timers;

#[cfg(feature = "seeded-bugs")]
pub use bug::Bug;
pub use core::{
    AgentView, BadSnapshot, CONNECT_DEADLINE, ContactView, Core, DIAL_DEADLINE, Estimate, NextKey,
    Options, Reason, Snapshot, StageView,
};
pub use hours::{is_open, moment};
pub use input::{ContactId, DeclineCause, Input, OfferId, RotaShift, Target, Unreached, Window};
pub use output::{
    AgentState, CancelReason, ConsultEnd, Judged, Outcome, Output, RowPlace, RowTerms, Segment,
    SegmentEnd, StretchKind,
};
pub use time::{Span, Time};
pub use timers::Phase;

/// The rules by which the core decides: one more with each change after which the same inputs may come to
/// something else. A journal holds it with each leadership, so that whoever replays one later knows whether what
/// they see is what was decided. `routing/tests/deterministic.rs` holds what a revision decides.
pub const RULES: u32 = 2;
