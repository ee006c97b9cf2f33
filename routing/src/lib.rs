//! The ACD as a pure state machine: inputs with their time in, outputs out, deadlines asked
//! for. No clock, no socket, no thread, no hash order, and no randomness but from a seed in
//! its state. The engine drives it with real calls, the simulator with imagined ones.

mod input;
mod output;
mod time;

pub use input::{ContactId, DeclineCause, Input, OfferId, Target};
pub use output::{AgentState, CancelReason, Outcome, Output, Segment, SegmentEnd};
pub use time::{Span, Time};
