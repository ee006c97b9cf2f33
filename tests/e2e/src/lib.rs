//! The whole spine on a real cluster: what the demo shows and the end-to-end tests prove is
//! driven by the same few pieces, so the demo can't promise what no test has seen.

pub mod centre;
pub mod cluster;
pub mod command;
pub mod engine;
pub mod progress;
pub mod world;
