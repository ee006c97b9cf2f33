//! The bench beside this one, `bench/queue`, is of scripts: what judges its captures has tests of its own.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::path::Path;
use std::process::Command;

#[test]
fn who_was_never_joined_is_lost_and_a_row_that_did_not_go_through_is_marked() {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("../queue/judge_test.py");
    let said = Command::new("python3").arg(tests).output().unwrap();
    let told = String::from_utf8_lossy(&said.stderr);
    assert!(said.status.success(), "{told}");
    assert!(told.contains("Ran 9 tests"), "{told}");
}
