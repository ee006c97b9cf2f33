//! Exact Erlang formulae.

mod blocking;

pub use blocking::inverse_blocking;
