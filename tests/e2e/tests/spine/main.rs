//! The spine on a real cluster with real calls. One centre is deployed for all tests; each leaves
//! it with nobody signed in and no call.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

mod bad_input;
mod calls;
mod change;
mod fixture;
mod outage;
mod standby;
mod takeover;
