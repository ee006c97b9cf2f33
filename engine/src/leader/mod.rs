//! Who leads, and that nobody else does.
//!
//! The Lease elects: it says who should lead, and a standby when to take over. It does not fence:
//! a leader that sleeps may wake up believing in it. What fences is the epoch, which the journal
//! mints at each acquisition: the journal refuses entries under an older one, and each media
//! side-car changes the ARI password to the epoch's before the new leader connects.
//!
//! So a leader that can't reach the API server goes on: as long as nobody has fenced it, it leads.

mod fence;
mod missing;
mod pulse;
mod rules;

pub use fence::{APP, Fence, MediaPod};
pub use missing::MissingApp;
pub use pulse::{BEAT, LOOK, Pulse, Sign};
pub use rules::{DURATION, Holder, Lease, Me, RENEW, Verdict, Witness, decide};
