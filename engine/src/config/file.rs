//! The tenant from files: a compiled Tenant (`.json` with the shape of one), or documents (YAML,
//! a file or a folder), compiled here. For running on one machine; re-read when they change.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use tokio::sync::watch;
use trunkline_tenant::manifest::{self, NotYaml};
use trunkline_tenant::{Document, Finding, Last, compile};

use super::packed::{Loaded, PackedError};

/// Documents are re-read this soon after a change.
const POLL: Duration = Duration::from_millis(500);
/// The kinds of files that a folder is searched for.
const YAML: [&str; 2] = ["yaml", "yml"];

/// Files that make no tenant.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// Not there, or not to be read.
    #[error("can't read the configuration {path}")]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Not YAML.
    #[error(transparent)]
    NotYaml(#[from] NotYaml),
    /// Not a Tenant.
    #[error("{path} is no compiled Tenant (`trunkline compile` makes one)")]
    NotTenant {
        /// Which file.
        path: PathBuf,
        /// Where it departs.
        #[source]
        source: PackedError,
    },
    /// No CallCenter that can be used.
    #[error("{path} makes no tenant:\n{findings}")]
    NoTenant {
        /// Which file or folder.
        path: PathBuf,
        /// What is wrong with it, a line each.
        findings: String,
    },
    /// Larger than JSON can carry.
    #[error(transparent)]
    Packed(#[from] PackedError),
}

/// A tenant's files, and what was last well compiled from them.
#[derive(Debug)]
pub struct Files {
    path: PathBuf,
    last: Option<Last>,
    read_at: Vec<(PathBuf, Option<SystemTime>)>,
}

impl Files {
    /// Names the files; reads nothing yet.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            last: None,
            read_at: Vec::new(),
        }
    }

    /// Reads and compiles. A document with an error is replaced by its last good version.
    ///
    /// # Errors
    /// [`FileError`].
    pub fn load(&mut self) -> Result<Loaded, FileError> {
        let files = files(&self.path)?;
        self.read_at = stamps(files.clone());
        if self.path.extension().is_some_and(|kind| kind == "json") {
            return Loaded::from_json(read(&self.path)?.as_bytes()).map_err(|source| {
                FileError::NotTenant {
                    path: self.path.clone(),
                    source,
                }
            });
        }
        let mut documents: Vec<Document> = Vec::new();
        for file in files {
            let manifest = manifest::read(&file.display().to_string(), &read(&file)?)?;
            documents.extend(manifest.documents);
        }
        let compiled = compile(&documents, self.last.as_ref());
        for finding in &compiled.findings {
            tracing::warn!(finding = line(finding), "a document's finding");
        }
        let Some(tenant) = compiled.tenant else {
            let lines: Vec<String> = compiled.findings.iter().map(line).collect();
            return Err(FileError::NoTenant {
                path: self.path.clone(),
                findings: lines.join("\n"),
            });
        };
        self.last = Some(Last {
            tenant: tenant.clone(),
            sources: compiled.sources,
        });
        Ok(Loaded::from_tenant(tenant)?)
    }

    /// Hands on each change, until nobody listens.
    pub(crate) async fn follow(
        mut self,
        loaded: watch::Sender<Option<Loaded>>,
        problem: watch::Sender<Option<String>>,
    ) {
        while !loaded.is_closed() {
            tokio::time::sleep(POLL).await;
            let now = files(&self.path).map(stamps).unwrap_or_default();
            if now == self.read_at {
                continue;
            }
            match self.load() {
                Ok(new) => {
                    problem.send_replace(None);
                    loaded.send_replace(Some(new));
                }
                Err(error) => {
                    self.read_at = now;
                    tracing::error!(%error, "the configuration can't be used; the last one runs on");
                    problem.send_replace(Some(error.to_string()));
                }
            }
        }
    }
}

fn line(finding: &Finding) -> String {
    let Finding {
        code,
        file,
        line,
        field,
        message,
        hint,
        ..
    } = finding;
    let place = file.as_deref().unwrap_or_default();
    let line = line.unwrap_or_default();
    format!("{place}:{line}: {field}: {message} [{code}] {hint}")
}

fn read(path: &Path) -> Result<String, FileError> {
    std::fs::read_to_string(path).map_err(|source| FileError::Read {
        path: path.to_owned(),
        source,
    })
}

fn stamps(files: Vec<PathBuf>) -> Vec<(PathBuf, Option<SystemTime>)> {
    files
        .into_iter()
        .map(|file| {
            let stamp = std::fs::metadata(&file).and_then(|about| about.modified());
            (file, stamp.ok())
        })
        .collect()
}

/// The file itself, or the folder's YAML files to its bottom, in order.
fn files(path: &Path) -> Result<Vec<PathBuf>, FileError> {
    let unread = |source| FileError::Read {
        path: path.to_owned(),
        source,
    };
    if !std::fs::metadata(path).map_err(unread)?.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut found = Vec::new();
    for entry in std::fs::read_dir(path).map_err(unread)? {
        let inner = entry.map_err(unread)?.path();
        let is_yaml = inner
            .extension()
            .is_some_and(|kind| YAML.iter().any(|yaml| kind == *yaml));
        if inner.is_dir() {
            found.extend(files(&inner)?);
        } else if is_yaml {
            found.push(inner);
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::small_tenant;

    const CENTRE: &str = "
apiVersion: trunkline.dev/v1alpha1
kind: CallCenter
metadata: {name: northwind, namespace: northwind}
spec:
  timeZone: Europe/Berlin
  teams: [{name: frontline, kind: Human, media: {voice: 1}}]
  queues:
    - {name: orders, medium: Voice, teams: [frontline], onExhausted: {action: Hold}}
";

    #[tokio::test]
    async fn a_changed_document_is_taken_up_and_a_broken_one_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("centre.yaml");
        std::fs::write(&file, CENTRE).unwrap();
        let mut files = Files::new(dir.path());
        let first = files.load().unwrap();
        let (loaded, mut changes) = watch::channel(Some(first.clone()));
        let (problem, mut problems) = watch::channel(None);
        let following = tokio::spawn(files.follow(loaded, problem));

        std::fs::write(&file, "spec: [").unwrap();
        let told = problems.wait_for(Option::is_some).await.unwrap().clone();
        assert!(told.unwrap().contains("centre.yaml"));
        assert!(!changes.has_changed().unwrap());

        std::fs::write(&file, CENTRE.replace("orders", "sales")).unwrap();
        changes.changed().await.unwrap();
        let second = changes.borrow_and_update().clone().unwrap();
        assert_ne!(second.hash, first.hash);
        assert!(
            second
                .tenant
                .queues
                .keys()
                .any(|queue| queue.to_string() == "sales")
        );
        drop(changes);
        following.await.unwrap();
    }

    #[test]
    fn a_compiled_tenant_is_read_as_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("tenant.json");
        std::fs::write(&file, serde_json::to_vec(&small_tenant()).unwrap()).unwrap();
        assert_eq!(*Files::new(&file).load().unwrap().tenant, small_tenant());
    }

    #[test]
    fn a_folder_without_a_centre_says_so() {
        let dir = tempfile::tempdir().unwrap();
        let error = Files::new(dir.path()).load().unwrap_err();
        assert!(matches!(error, FileError::NoTenant { .. }), "{error}");
    }
}
