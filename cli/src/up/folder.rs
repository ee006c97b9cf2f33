//! The folder that a tenant on this machine lives in: journal, key, token, compiled Tenant.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use tempfile::TempDir;
use trunkline_engine::keys::TenantKey;
use trunkline_engine::process::{make_secret, read_secret};
use trunkline_tenant::Tenant;

/// Where everything is kept.
pub struct Folder {
    path: PathBuf,
    /// Removed when this is dropped.
    temporary: Option<TempDir>,
}

/// The file that the engine follows.
#[derive(Clone)]
pub struct Config(PathBuf);

impl Folder {
    /// The folder named, made where it isn't there; or a temporary one.
    pub fn open(named: Option<PathBuf>) -> Result<Self> {
        if let Some(path) = named {
            std::fs::create_dir_all(&path)
                .with_context(|| format!("--state {}: can't be made", path.display()))?;
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

    pub fn config(&self) -> Config {
        Config(self.tenant())
    }

    pub fn put(&self, tenant: &Tenant) -> Result<()> {
        self.config().put(tenant)
    }

    /// The tenant's key, made at first.
    pub fn key(&self) -> Result<TenantKey> {
        let file = self.path.join("tenant-key");
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
    /// Writes the Tenant whole or not at all: the engine may be reading.
    pub fn put(&self, tenant: &Tenant) -> Result<()> {
        let Self(file) = self;
        let cannot = || format!("can't write {}", file.display());
        let beside = file.with_extension("new");
        let json = serde_json::to_vec(tenant).with_context(cannot)?;
        std::fs::write(&beside, json).with_context(cannot)?;
        std::fs::rename(&beside, file).with_context(cannot)
    }
}
