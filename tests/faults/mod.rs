//! The fault harness: an operator in this process, the real API server behind it, and what
//! stands between them: a layer that counts, loses, cuts off or falsifies what the operator
//! writes. Tests of the operator use it by `operator/tests/cluster.rs`.

pub mod home;
pub mod layer;
pub mod leaves;
pub mod oracle;
pub mod puppet;
pub mod tenant;

mod r1_crash;
mod r6_tamper;
mod r9_truth;
mod seeded_bugs;
