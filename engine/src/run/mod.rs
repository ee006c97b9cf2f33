//! Running an engine: leadership, recovery, the main loop, telephony.

mod clock;
mod engine;
mod handle;
mod main_loop;
mod options;
mod pending;
mod presence;
mod recover;
mod reporting;
mod retention;
mod standby;
#[cfg(test)]
mod tests;
mod watchdog;

pub use engine::{Engine, run};
pub use handle::{Arriving, Booking, Decision, Fresh, Handle, NotTaken, Role};
pub use main_loop::LoopEnd;
pub use options::{Options, Place, RETENTION, Voice};
pub use presence::SILENCE;
pub use recover::recover;
