//! The operator against a real API server, with and without faults: `tests/run.sh cluster`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    reason = "a test's helpers fail by panic, as a test does"
)]

#[path = "../../tests/faults/mod.rs"]
mod faults;

#[path = "cluster/bad_things.rs"]
mod bad_things;
#[path = "cluster/children.rs"]
mod children;
#[path = "cluster/claims.rs"]
mod claims;
#[path = "cluster/fixpoint.rs"]
mod fixpoint;
#[path = "cluster/leaders.rs"]
mod leaders;
#[path = "cluster/life.rs"]
mod life;
