//! Telephony: from what the routing core decides to calls, and from what calls do to the core's
//! inputs.

pub mod ari;
mod seam;

pub use seam::{
    Decision, Epoch, LiveContact, Origin, Recovered, Report, Seam, Stage, TelephonyEnd,
};
