//! Telephony: from what the routing core decides to calls, and from what calls do to the core's
//! inputs.

pub mod ari;
