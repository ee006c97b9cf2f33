//! The reference of the command is what the command itself says. `UPDATE=1` writes it anew.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

const HEAD: &str = "# The command: `trunkline`

One binary. Data goes to stdout, everything else to stderr. It ends with 0 where all is well; with 1
where it found an error (`validate --strict`: a warning, too); with 2 for wrong usage, a missing file
or text that isn't YAML. `FILES` are files or folders of YAML, many documents each, or `-` for stdin;
kinds that are not ours are passed over. What findings mean is in [findings.md](findings.md).

This file is written from the command's own help: `UPDATE=1 cargo test -p trunkline-cli --test reference`.
";

fn help(of: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_trunkline"))
        .args(of)
        .arg("--help")
        .output()
        .unwrap();
    assert!(output.status.success(), "{of:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// The names below `Commands:`.
fn commands(help: &str) -> Vec<&str> {
    help.lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .take_while(|line| !line.is_empty())
        // A line that is further in goes on with the one above.
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| *name != "help")
        .collect()
}

#[test]
fn the_reference_has_a_section_for_each_command_with_its_help() {
    let all = help(&[]);
    let names = commands(&all);
    for known in ["validate", "erlang", "simulate", "up"] {
        assert!(names.contains(&known), "{known}: {names:?}");
    }
    let mut page = HEAD.to_owned();
    for name in names {
        let text = help(&[name]);
        let text = text.trim_end();
        write!(page, "\n## trunkline {name}\n\n```text\n{text}\n```\n").unwrap();
        for part in commands(text) {
            let text = help(&[name, part]);
            let text = text.trim_end();
            write!(
                page,
                "\n### trunkline {name} {part}\n\n```text\n{text}\n```\n"
            )
            .unwrap();
        }
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/reference/cli.md");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == page,
        "docs/reference/cli.md is stale: run with UPDATE=1"
    );
}
