//! The charts' generated parts are fresh.

#![allow(
    clippy::unwrap_used,
    reason = "a test's helpers fail by panic, as a test does"
)]

use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

#[test]
fn the_crd_chart_holds_what_the_types_say_and_keeps_it_when_uninstalled() {
    let fresh = tempfile::tempdir().unwrap();
    let status = Command::new(root().join("charts/generate.sh"))
        .arg(fresh.path())
        .status()
        .unwrap();
    assert!(status.success());
    let mut compared = 0;
    for entry in std::fs::read_dir(fresh.path()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap();
        let wanted = std::fs::read_to_string(&path).unwrap();
        let have =
            std::fs::read_to_string(root().join("charts/trunkline-crds/templates").join(name));
        assert_eq!(
            have.unwrap_or_default(),
            wanted,
            "{} isn't fresh: run charts/generate.sh",
            name.display()
        );
        assert!(wanted.contains("helm.sh/resource-policy: keep"));
        assert!(!wanted.contains("{{"), "helm would take it for a template");
        compared += 1;
    }
    assert_eq!(compared, 4);
}
