//! The command run on files of a test's own.

use std::process::Command;

/// Exit code, stdout and stderr of `trunkline` with these words, in a folder that holds these
/// files by name.
pub fn trunkline(words: &[&str], files: &[(&str, &str)]) -> (Option<i32>, String, String) {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    let ended = Command::new(env!("CARGO_BIN_EXE_trunkline"))
        .args(words)
        .current_dir(folder.path())
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (
        ended.status.code(),
        text(&ended.stdout),
        text(&ended.stderr),
    )
}
