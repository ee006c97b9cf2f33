//! Findings as JUnit XML: a test case for each document.

use std::io::Write;

use trunkline_tenant::{Document, Severity};

use super::Row;

/// One suite; a document with an error (with `strict`, a warning too) is a failed case. Other
/// warnings are its output.
pub(super) fn write(
    out: &mut impl Write,
    documents: &[Document],
    rows: &[Row],
    strict: bool,
) -> std::io::Result<()> {
    let mut cases: Vec<(String, String, String)> = Vec::new();
    for d in documents {
        let file = d.position.as_ref().map_or("-", |p| &p.file);
        cases.push((file.to_owned(), d.id.kind.to_string(), d.id.name.clone()));
    }
    for row in rows {
        let case = case_of(row);
        if !cases.contains(&case) {
            cases.push(case);
        }
    }
    cases.dedup();
    let fails = |row: &&Row| strict || row.severity == Severity::Error;
    let failed = cases
        .iter()
        .filter(|case| rows.iter().any(|r| case_of(r) == **case && fails(&r)));
    writeln!(out, r#"<?xml version="1.0" encoding="UTF-8"?>"#)?;
    writeln!(
        out,
        r#"<testsuite name="trunkline validate" tests="{}" failures="{}">"#,
        cases.len(),
        failed.count()
    )?;
    for case in &cases {
        let (file, kind, name) = case;
        writeln!(
            out,
            r#"  <testcase classname="{}" name="{}/{}">"#,
            escaped(file),
            escaped(kind),
            escaped(name)
        )?;
        for row in rows.iter().filter(|r| case_of(r) == *case) {
            let line = row.line.unwrap_or(1);
            let text = format!(
                "{file}:{line}: {}: {}. Hint: {}",
                row.field, row.message, row.hint
            );
            let text = escaped(&text);
            if fails(&row) {
                let message = escaped(&row.message);
                writeln!(
                    out,
                    r#"    <failure type="{}" message="{message}">{text}</failure>"#,
                    row.code
                )?;
            } else {
                writeln!(out, "    <system-out>{} {text}</system-out>", row.code)?;
            }
        }
        writeln!(out, "  </testcase>")?;
    }
    writeln!(out, "</testsuite>")
}

fn case_of(row: &Row) -> (String, String, String) {
    let file = row.file.clone().unwrap_or_else(|| "-".to_owned());
    (file, row.kind.clone(), row.name.clone())
}

/// As XML text; control characters, which XML can't hold, are shown as `?`.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\n' | '\t' => safe.push(' '),
            c if c.is_control() => safe.push('?'),
            c => safe.push(c),
        }
    }
    safe
}
