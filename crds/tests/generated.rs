//! The generated files are fresh: what is committed is what `crdgen` writes.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::path::Path;
use std::process::Command;

#[test]
fn the_committed_manifests_and_schemas_are_what_crdgen_writes() {
    let fresh = std::env::temp_dir().join(format!("trunkline-crdgen-{}", std::process::id()));
    let ran = Command::new(env!("CARGO_BIN_EXE_crdgen"))
        .arg(&fresh)
        .status()
        .unwrap();
    assert!(ran.success());
    let committed = Path::new(env!("CARGO_MANIFEST_DIR")).join("manifests");
    for folder in ["", "schemas"] {
        let names = |root: &Path| {
            let entries = std::fs::read_dir(root.join(folder)).unwrap();
            let files = entries.map(|e| e.unwrap().path()).filter(|p| p.is_file());
            let mut names: Vec<_> = files.map(|p| p.file_name().unwrap().to_owned()).collect();
            names.sort();
            names
        };
        assert_eq!(names(&committed), names(&fresh), "{folder}");
        for name in names(&fresh) {
            let read =
                |root: &Path| std::fs::read_to_string(root.join(folder).join(&name)).unwrap();
            assert!(
                read(&committed) == read(&fresh),
                "crds/manifests/{folder}/{} is stale: cargo run -p trunkline-crds --bin crdgen -- crds/manifests",
                name.display()
            );
        }
    }
    std::fs::remove_dir_all(fresh).unwrap();
}
