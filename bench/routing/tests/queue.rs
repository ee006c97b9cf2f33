//! The bench beside this one, `bench/queue`, is of scripts: what judges its captures has tests of its own.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::path::Path;
use std::process::Command;

#[test]
fn the_judge_of_captures_tells_who_is_lost_or_overtaken_what_a_freed_phone_waits_and_which_rows_say_nothing()
 {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("../queue/judge_test.py");
    let said = Command::new("python3").arg(tests).output().unwrap();
    let told = String::from_utf8_lossy(&said.stderr);
    assert!(said.status.success(), "{told}");
    assert!(told.contains("Ran 11 tests"), "{told}");
}
