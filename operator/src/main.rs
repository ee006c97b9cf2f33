//! Trunkline: operator.
fn main() {}
