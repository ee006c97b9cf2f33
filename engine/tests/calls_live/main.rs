//! Telephony against a real Asterisk, real callers and real phones (sipp). `live/run.sh` makes
//! their world and runs this. But for `centre`, the routing core is played by the tests, so that each
//! decision can be put at the worst moment. Each test has threads of its own for the engine: the test itself
//! stands still for the scripts that it starts.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test"
)]

mod callbacks;
mod calls;
mod centre;
mod desk;
mod experience;
mod hosts;
mod outside;
mod rules;
#[path = "../engine/support.rs"]
#[allow(dead_code, reason = "shared with other tests")]
mod support;
mod takeover;
mod timing;
mod transfers;
