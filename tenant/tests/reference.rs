//! The reference of findings is what the code says. `UPDATE=1` writes it anew.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::fmt::Write as _;
use std::path::Path;

use trunkline_tenant::Code;

const HEAD: &str = "# Findings

What `trunkline validate` prints and the operator reports in `Stalled`: one rule set. A code's
text never changes its meaning. An *error* is what can never work: the document isn't used, its last
good version is. A *warning* is what waits for people, or is likely a slip: the document is used.

A finding names the document (kind, namespace, name), the field (`spec.queues[1].route[0].require`),
what is wrong, and a hint at what would be right; from a file, also the line of the field or of its
nearest ancestor that is there.

This file is written from the code: `UPDATE=1 cargo test -p trunkline-tenant --test reference`.

| code | what it means |
|---|---|
";

#[test]
fn the_reference_lists_every_code_with_its_meaning() {
    let mut page = HEAD.to_owned();
    for code in Code::ALL {
        writeln!(page, "| `{code}` | {} |", code.meaning()).unwrap();
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/reference/findings.md");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &page).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == page,
        "docs/reference/findings.md is stale: run with UPDATE=1"
    );
}
