//! The engine as a whole, over its own HTTP API on a real listener.

mod api;
mod killed;
mod session;
mod simulated;
mod support;
