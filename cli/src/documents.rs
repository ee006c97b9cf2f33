//! Finds and reads the documents that a command is given: files, folders, `-`.

use std::collections::BTreeSet;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Context as _, Result, bail, ensure};
use trunkline_tenant::manifest::{self, Manifest};
use trunkline_tenant::{Compiled, Finding, Tenant, compile_all};

use crate::stdio::note;

/// What a folder is searched for.
const EXTENSIONS: [&str; 3] = ["yaml", "yml", "json"];

/// Reads every document of ours in `files`, each a file, a folder (searched to its bottom) or
/// `-` for stdin. A file that is named twice is read once.
///
/// # Errors
/// Where a file is missing or can't be read, a folder holds no YAML, or a text isn't YAML; all
/// such texts are named at once.
pub fn read(files: &[String]) -> Result<Manifest> {
    let mut all = Manifest::default();
    let mut broken = Vec::new();
    for (name, text) in texts(files)? {
        match manifest::read(&name, &text) {
            Ok(mut manifest) => {
                all.documents.append(&mut manifest.documents);
                all.not_known.append(&mut manifest.not_known);
                all.data.append(&mut manifest.data);
            }
            Err(error) => broken.push(error.to_string()),
        }
    }
    ensure!(broken.is_empty(), "{}", broken.join("\n"));
    Ok(all)
}

/// The one Tenant that `files` describe, for commands that work on it. Its findings go to
/// stderr; `None` where there is an error among them.
///
/// # Errors
/// As [`read`]; and where the files hold no CallCenter, or more than one.
pub fn tenant(files: &[String]) -> Result<Option<Tenant>> {
    Ok(whole(files)?.map(|whole| whole.tenant))
}

/// A Tenant, and what else is in its files.
pub struct Whole {
    pub tenant: Tenant,
    /// Secrets and ConfigMaps, as they were written.
    pub data: Vec<serde_json::Value>,
}

/// As [`tenant`], with the Secrets and ConfigMaps that stand beside it.
pub fn whole(files: &[String]) -> Result<Option<Whole>> {
    let manifest = read(files)?;
    let mut compiled = compile_all(&manifest.documents);
    let findings = compiled.iter().flat_map(|c| &c.findings);
    for finding in findings {
        note!("{}", line_of(finding));
    }
    if compiled.iter().any(Compiled::has_errors) {
        return Ok(None);
    }
    let mut tenants: Vec<Tenant> = compiled.drain(..).filter_map(|c| c.tenant).collect();
    match (tenants.pop(), tenants.len()) {
        (Some(tenant), 0) => Ok(Some(Whole {
            tenant,
            data: manifest.data,
        })),
        (Some(_), others) => bail!(
            "{}: {} CallCenters where this command works on one: name the files of one tenant",
            files.join(" "),
            others + 1
        ),
        (None, _) => bail!("{}: no CallCenter in these files", files.join(" ")),
    }
}

/// When each file of `files` was last written: where this differs, they are worth reading again.
/// `-` and what can't be read now are left out.
pub fn stamps(files: &[String]) -> Vec<(PathBuf, SystemTime)> {
    let named = files.iter().filter(|file| *file != "-");
    let found = named.flat_map(|file| paths(Path::new(file)).unwrap_or_default());
    found
        .filter_map(|path| {
            let written = std::fs::metadata(&path).and_then(|about| about.modified());
            Some((path, written.ok()?))
        })
        .collect()
}

/// A finding in one line, as compilers write them.
pub fn line_of(finding: &Finding) -> String {
    let place = match (&finding.file, finding.line) {
        (Some(file), Some(line)) => format!("{file}:{line}: "),
        (Some(file), None) => format!("{file}: "),
        _ => String::new(),
    };
    format!(
        "{place}{}[{}] {} {}: {}: {} ({})",
        finding.severity,
        finding.code,
        finding.object.kind,
        finding.object.name,
        finding.field,
        finding.message,
        finding.hint
    )
}

/// The texts to read, by the name that findings give them.
fn texts(files: &[String]) -> Result<Vec<(String, String)>> {
    let mut seen = BTreeSet::new();
    let mut texts = Vec::new();
    for file in files {
        if file == "-" {
            let mut text = String::new();
            std::io::stdin()
                .read_to_string(&mut text)
                .context("stdin can't be read as text")?;
            texts.push(("-".to_owned(), text));
            continue;
        }
        for path in paths(Path::new(file))? {
            let name = path.display().to_string();
            let identity = path
                .canonicalize()
                .with_context(|| format!("{name}: can't be read"))?;
            if seen.insert(identity) {
                let text = std::fs::read_to_string(&path)
                    .with_context(|| format!("{name}: can't be read as text"))?;
                texts.push((name, text));
            }
        }
    }
    Ok(texts)
}

fn paths(path: &Path) -> Result<Vec<PathBuf>> {
    let about = std::fs::metadata(path).with_context(|| {
        format!(
            "{}: no such file or folder that can be read",
            path.display()
        )
    })?;
    if !about.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut found = Vec::new();
    search(path, &mut found)?;
    ensure!(
        !found.is_empty(),
        "{}: no .yaml, .yml or .json file in this folder",
        path.display()
    );
    Ok(found)
}

/// Every manifest of a folder and of those in it, in the order of their names; hidden ones are left out.
fn search(folder: &Path, found: &mut Vec<PathBuf>) -> Result<()> {
    let cannot = || format!("{}: can't be read", folder.display());
    let entries = std::fs::read_dir(folder).with_context(cannot)?;
    let mut entries = entries
        .collect::<Result<Vec<_>, _>>()
        .with_context(cannot)?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        if entry.file_name().to_string_lossy().starts_with('.') {
            continue;
        }
        let is_manifest = path
            .extension()
            .is_some_and(|e| EXTENSIONS.iter().any(|x| e == *x));
        if entry.file_type().with_context(cannot)?.is_dir() {
            search(&path, found)?;
        } else if is_manifest {
            found.push(path);
        }
    }
    Ok(())
}
