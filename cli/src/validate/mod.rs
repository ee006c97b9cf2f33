//! `trunkline validate`: every rule about the documents, offline.

mod junit;
mod sarif;

use std::io::{IsTerminal, Write};

use anyhow::Result;
use clap::ValueEnum;
use serde::Serialize;
use trunkline_tenant::manifest::{Manifest, NotKnown};
use trunkline_tenant::{Code, Document, Finding, Severity, compile_all};

use crate::documents;
use crate::outcome::Outcome;
use crate::stdio::note;

/// `trunkline validate FILES`
#[derive(clap::Args)]
pub struct Args {
    /// Files or folders of YAML, or `-`
    #[arg(required = true, value_name = "FILES")]
    files: Vec<String>,
    /// How the findings are written
    #[arg(short, long, value_enum, default_value_t = Format::Text)]
    output: Format,
    /// Fail on a warning, too
    #[arg(long)]
    strict: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    Text,
    Json,
    Sarif,
    Junit,
}

/// A finding as scripts read it; the names and their order are fixed.
#[derive(Clone, Debug, PartialEq, Serialize)]
struct Row {
    code: String,
    severity: Severity,
    file: Option<String>,
    line: Option<usize>,
    kind: String,
    name: String,
    field: String,
    message: String,
    hint: String,
}

impl From<&Finding> for Row {
    fn from(finding: &Finding) -> Self {
        Self {
            code: finding.code.to_string(),
            severity: finding.severity,
            file: finding.file.clone(),
            line: finding.line,
            kind: finding.object.kind.to_string(),
            name: finding.object.name.clone(),
            field: in_the_object(finding.field.to_string()),
            message: finding.message.clone(),
            hint: finding.hint.clone(),
        }
    }
}

impl From<&NotKnown> for Row {
    fn from(object: &NotKnown) -> Self {
        Self {
            code: Code::Schema.to_string(),
            severity: Severity::Error,
            file: Some(object.file.clone()),
            line: Some(object.line),
            kind: object.kind.clone(),
            name: object.name.clone(),
            field: in_the_object("kind".to_owned()),
            message: format!(
                "there is no kind `{}` in {}",
                object.kind, object.api_version
            ),
            hint: "the kinds are CallCenter, Client, Trunk and Agent of trunkline.dev/v1alpha1"
                .to_owned(),
        }
    }
}

/// A field as scripts are promised it: from `spec` or `metadata` on. What stands beside these (the kind, a key that is
/// nobody's) is told at `metadata`, with its own line and its name in the message.
fn in_the_object(field: String) -> String {
    match field.split(['.', '[']).next() {
        Some("spec" | "metadata") => field,
        _ => "metadata".to_owned(),
    }
}

/// Prints every finding; whether there is an error decides how it ends.
pub fn run(args: Args) -> Result<Outcome> {
    let manifest = documents::read(&args.files)?;
    let rows = rows(&manifest);
    let mut out = std::io::stdout().lock();
    match args.output {
        Format::Text => text(&mut out, &rows, colour(&std::io::stdout()))?,
        Format::Json => {
            serde_json::to_writer_pretty(&mut out, &rows)?;
            writeln!(out)?;
        }
        Format::Sarif => {
            serde_json::to_writer_pretty(&mut out, &sarif::log(&rows))?;
            writeln!(out)?;
        }
        Format::Junit => junit::write(&mut out, &manifest.documents, &rows, args.strict)?,
    }
    let count = |severity| rows.iter().filter(|r| r.severity == severity).count();
    let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
    note!(
        "{} of trunkline.dev, {}, {}",
        counted(manifest.documents.len(), "document"),
        counted(errors, "error"),
        counted(warnings, "warning")
    );
    let failed = errors > 0 || (args.strict && warnings > 0);
    Ok(if failed {
        Outcome::Found
    } else {
        Outcome::Fine
    })
}

/// Every finding, in the order of the files and their lines.
fn rows(manifest: &Manifest) -> Vec<Row> {
    let mut rows: Vec<Row> = manifest.not_known.iter().map(Row::from).collect();
    let compiled = compile_all(&manifest.documents);
    rows.extend(compiled.iter().flat_map(|c| &c.findings).map(Row::from));
    let order: Vec<&str> = files(&manifest.documents);
    let place = |row: &Row| {
        let file = row.file.as_deref();
        order.iter().position(|f| Some(*f) == file)
    };
    rows.sort_by_key(|row| (place(row), row.line));
    rows
}

/// The files that the documents stand in, each once, in order.
fn files(documents: &[Document]) -> Vec<&str> {
    let mut files: Vec<&str> = Vec::new();
    for position in documents.iter().filter_map(|d| d.position.as_ref()) {
        if files.last() != Some(&&*position.file) {
            files.push(&position.file);
        }
    }
    files
}

fn counted(n: usize, what: &str) -> String {
    match n {
        1 => format!("1 {what}"),
        n => format!("{n} {what}s"),
    }
}

/// Whether what goes there may have colours.
pub fn colour(to: &impl IsTerminal) -> bool {
    to.is_terminal() && std::env::var_os("NO_COLOR").is_none()
}

fn text(out: &mut impl Write, rows: &[Row], colour: bool) -> std::io::Result<()> {
    let paint = |severity: Severity, text: &str| match (colour, severity) {
        (false, _) => text.to_owned(),
        (true, Severity::Error) => format!("\x1b[1;31m{text}\x1b[0m"),
        (true, Severity::Warning) => format!("\x1b[1;33m{text}\x1b[0m"),
    };
    for row in rows {
        let file = row.file.as_deref().unwrap_or("-");
        let line = row.line.unwrap_or(1);
        let label = paint(row.severity, &format!("{}[{}]", row.severity, row.code));
        writeln!(
            out,
            "{file}:{line}: {label} {}/{} {}",
            row.kind, row.name, row.field
        )?;
        writeln!(out, "    {}", row.message)?;
        writeln!(out, "    hint: {}", row.hint)?;
    }
    Ok(())
}
