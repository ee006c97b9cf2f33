//! Where the journal is: a file of this machine, or a database that two engines share.

use std::path::{Path, PathBuf};

use super::{DatabaseUrl, Journal, JournalError, Postgres, Sqlite};

/// Where the journal is.
#[derive(Clone, Debug)]
pub enum Location {
    /// A SQLite file. Its lock is the leadership: one engine.
    Sqlite(PathBuf),
    /// A Postgres database. Two engines open it, one of which leads.
    Postgres(DatabaseUrl),
}

impl From<PathBuf> for Location {
    fn from(path: PathBuf) -> Self {
        Self::Sqlite(path)
    }
}

impl Location {
    /// The database whose URL a file holds, as the key `uri` of a mounted Secret; where a file
    /// `ca.crt` stands beside it, its certificates are trusted for TLS, and no others.
    ///
    /// # Errors
    /// [`JournalError::Open`] where the file can't be read, [`JournalError::Url`].
    pub fn read(file: &Path) -> Result<Self, JournalError> {
        DatabaseUrl::read(file).map(Self::Postgres)
    }

    /// Whether a second engine can have it open, and stand by.
    pub fn is_shared(&self) -> bool {
        matches!(self, Self::Postgres(_))
    }

    /// Opens one that is there, to read it: of a database nothing is written, and an engine may lead
    /// with it meanwhile. Blocks, and must not be called by a task of an async runtime.
    ///
    /// # Errors
    /// [`JournalError::Missing`], [`JournalError::Locked`] where an engine has the file.
    pub fn open_to_read(&self) -> Result<Box<dyn Journal>, JournalError> {
        Ok(match self {
            Self::Sqlite(path) if !path.exists() => {
                let place = path.display().to_string();
                return Err(JournalError::Missing { place });
            }
            Self::Sqlite(path) => Box::new(Sqlite::open(path)?),
            Self::Postgres(url) => Box::new(Postgres::open(url.clone().read_only())?),
        })
    }

    /// Opens it. Blocks, and must not be called by a task of an async runtime.
    ///
    /// # Errors
    /// [`JournalError`].
    pub fn open(&self) -> Result<Box<dyn Journal>, JournalError> {
        Ok(match self {
            Self::Sqlite(path) => Box::new(Sqlite::open(path)?),
            Self::Postgres(url) => Box::new(Postgres::open(url.clone())?),
        })
    }
}
