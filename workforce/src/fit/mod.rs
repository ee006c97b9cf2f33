//! What a log of calls says about its callers: patience, of which most waits show only a
//! part, and handling times.

mod handling;
mod patience;

pub use handling::{Handling, HandlingError, fit_handling};
pub use patience::{Ending, Patience, PatienceError, Step, Wait, fit_patience};

/// The standard normal's 97.5 % point: intervals are of 95 %.
const NORMAL_95: f64 = 1.959_963_984_540_054;
