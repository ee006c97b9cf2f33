//! The folder that a tenant on this machine lives in: journal, key, token, compiled Tenant; and,
//! where callers are real, what Asterisk and its side-car need.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use tempfile::TempDir;
use trunkline_engine::keys::TenantKey;
use trunkline_engine::process::{make_secret, read_secret};

use super::shelf::Shelf;
use crate::documents::Whole;

/// Where everything is kept.
pub struct Folder {
    path: PathBuf,
    /// Removed when this is dropped.
    temporary: Option<TempDir>,
}

/// What the engine follows, and a side-car where there is one.
#[derive(Clone)]
pub struct Config {
    tenant: PathBuf,
    shelf: Option<Shelf>,
}

impl Folder {
    /// The folder named, made where it isn't there; or a temporary one.
    pub fn open(named: Option<PathBuf>) -> Result<Self> {
        if let Some(path) = named {
            std::fs::create_dir_all(&path)
                .with_context(|| format!("--state {}: can't be made", path.display()))?;
            // Asterisk takes no path from where it happens to be started.
            let path = std::path::absolute(path).context("--state: from where?")?;
            return Ok(Self {
                path,
                temporary: None,
            });
        }
        let temporary = tempfile::Builder::new()
            .prefix("trunkline-up.")
            .tempdir()
            .context("no temporary folder can be made: name one with --state")?;
        Ok(Self {
            path: temporary.path().to_owned(),
            temporary: Some(temporary),
        })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn is_kept(&self) -> bool {
        self.temporary.is_none()
    }

    pub fn journal(&self) -> PathBuf {
        self.path.join("journal.sqlite")
    }

    pub fn tenant(&self) -> PathBuf {
        self.path.join("tenant.json")
    }

    /// `shelf`: where a side-car finds what is in no Tenant.
    pub fn config(&self, shelf: Option<Shelf>) -> Config {
        Config {
            tenant: self.tenant(),
            shelf,
        }
    }

    pub fn key_file(&self) -> PathBuf {
        self.path.join("tenant-key")
    }

    /// The tenant's key, made at first.
    pub fn key(&self) -> Result<TenantKey> {
        let file = self.key_file();
        make_secret(&file)?;
        Ok(TenantKey::read(&file)?)
    }

    /// The administration's token, made at first.
    pub fn token(&self) -> Result<String> {
        let file = self.path.join("admin-token");
        make_secret(&file)?;
        read_secret(&file)
    }
}

impl Config {
    /// Writes the Tenant whole or not at all: the engine may be reading. Before it, what it names;
    /// returns what of that the documents lack, a line each.
    pub fn put(&self, whole: &Whole) -> Result<Vec<String>> {
        let missing = match &self.shelf {
            Some(shelf) => shelf.put(whole)?,
            None => Vec::new(),
        };
        let file = &self.tenant;
        let cannot = || format!("can't write {}", file.display());
        let beside = file.with_extension("new");
        let json = serde_json::to_vec(&whole.tenant).with_context(cannot)?;
        std::fs::write(&beside, json).with_context(cannot)?;
        std::fs::rename(&beside, file).with_context(cannot)?;
        Ok(missing)
    }
}
