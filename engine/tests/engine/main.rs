//! The engine as a whole, over its own HTTP API on a real listener.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod api;
mod centre;
mod commands;
#[allow(dead_code, reason = "other tests use more of it")]
#[path = "../support/database.rs"]
mod database;
mod dismissed;
mod documented;
mod erasure;
mod figures;
mod killed;
mod mail;
mod pretended;
mod rules_callback;
mod rules_mail;
mod rules_offered;
mod rules_waiting;
mod session;
mod simulated;
mod standby;
mod support;
mod unheard;
