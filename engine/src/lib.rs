//! Trunkline's engine: drives the routing core with real calls, from a durable journal.

pub mod api;
pub mod config;
pub mod explain;
pub mod figures;
pub mod journal;
pub mod keys;
pub mod kube;
pub mod leader;
pub mod media;
pub mod metrics;
pub mod process;
pub mod run;
pub mod state;
pub mod telephony;
#[cfg(test)]
mod testing;
