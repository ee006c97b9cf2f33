//! Trunkline's engine: drives the routing core with real calls, from a durable journal.
pub mod config;
pub mod journal;
pub mod keys;
pub mod media;
pub mod telephony;
#[cfg(test)]
mod testing;
