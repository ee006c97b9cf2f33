//! The engine as a whole, over its own HTTP API on a real listener.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod api;
mod killed;
mod session;
mod simulated;
mod support;
