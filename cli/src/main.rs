//! Trunkline: cli.
fn main() {}
