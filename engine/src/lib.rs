//! Trunkline: engine.
pub mod telephony;
