//! The journal: every input, durable before its effects are commanded.
//!
//! Appending is all-or-nothing, in order, and refused under a stale [`Epoch`]: that is half of
//! the fence (the other half is the ARI password). What the live state is, is a fold of it: the
//! newest snapshot and the entries behind that.
//!
//! A store is blocking and has one owner; the main loop speaks to it through [`Writer`].

mod entry;
mod sqlite;
mod writer;

#[cfg(test)]
mod tests;

use std::fmt;

use serde::{Deserialize, Serialize};
use trunkline_routing::{Segment, Time};

pub use entry::{Actor, Context, Entry, Presence};
pub use sqlite::Sqlite;
pub use writer::Writer;

/// Which leadership this is: minted by the journal at each acquisition, strictly rising.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Epoch(pub u64);

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// An entry's place: 1, 2, … without a gap.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Seq(pub u64);

impl Seq {
    /// The one behind it.
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

/// The whole state as it was behind an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// The last entry that is in it.
    pub seq: Seq,
    /// The state, as the engine writes it.
    pub state: Vec<u8>,
}

/// What a store could not do.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// Another leader has acquired the journal since: step down, write nothing more.
    #[error("the journal is led under epoch {current} now; ours is {ours}: stepping down")]
    Stale {
        /// Under which we tried.
        ours: Epoch,
        /// Of the leader.
        current: Epoch,
    },
    /// Another process holds the journal.
    #[error(
        "{path} is held by another engine on this machine: end that one, or name another journal"
    )]
    Locked {
        /// The lock file.
        path: String,
    },
    /// The entries don't follow what is there.
    #[error(
        "an entry numbered {got:?} can't follow {last:?}: the journal has been written by somebody else"
    )]
    Gap {
        /// The number of the entry refused.
        got: Seq,
        /// The last one there.
        last: Seq,
    },
    /// The store is of a newer version.
    #[error("the journal has format {found}; this engine writes {known}: run the newer release")]
    Format {
        /// As found.
        found: u32,
        /// The newest that we know.
        known: u32,
    },
    /// An entry that can't be read or written as JSON.
    #[error("the journal's entry {seq:?} can't be read or written")]
    Entry {
        /// Which.
        seq: Seq,
        /// Where it departs.
        #[source]
        source: serde_json::Error,
    },
    /// The file system, or the like.
    #[error("the journal {path} can't be opened")]
    Open {
        /// Which.
        path: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// SQLite says no.
    #[error("the journal failed while {doing}")]
    Sqlite {
        /// What was tried.
        doing: &'static str,
        /// SQLite's words.
        #[source]
        source: rusqlite::Error,
    },
    /// The thread that owns the store has ended.
    #[error("the journal's writer has ended: an earlier error tells why")]
    WriterGone,
}

/// A store. All of it is durable when a method returns.
pub trait Journal: Send {
    /// Makes this process the writer: a new epoch, above all before. `holder` is kept for people.
    ///
    /// # Errors
    /// [`JournalError`].
    fn acquire(&mut self, holder: &str) -> Result<Epoch, JournalError>;

    /// Appends entries, all or none.
    ///
    /// # Errors
    /// [`JournalError::Stale`] where another leader acquired since; [`JournalError::Gap`].
    fn append(&mut self, epoch: Epoch, entries: &[Entry]) -> Result<(), JournalError>;

    /// Keeps the rows that figures and records are read from. They are a fold of the entries, so a
    /// row may be written again by a replay: the same row then.
    ///
    /// # Errors
    /// [`JournalError::Stale`].
    fn project(&mut self, epoch: Epoch, rows: &[Segment]) -> Result<(), JournalError>;

    /// Keeps a snapshot; older ones but the one before it may go.
    ///
    /// # Errors
    /// [`JournalError::Stale`].
    fn save_snapshot(&mut self, epoch: Epoch, snapshot: &Snapshot) -> Result<(), JournalError>;

    /// The newest snapshot.
    ///
    /// # Errors
    /// [`JournalError`].
    fn snapshot(&mut self) -> Result<Option<Snapshot>, JournalError>;

    /// At most `limit` entries behind `after`, in order.
    ///
    /// # Errors
    /// [`JournalError`].
    fn read(&mut self, after: Seq, limit: usize) -> Result<Vec<Entry>, JournalError>;

    /// The rows of stretches that began at `since` or later, in that order.
    ///
    /// # Errors
    /// [`JournalError`].
    fn records(&mut self, since: Time) -> Result<Vec<Segment>, JournalError>;

    /// The rows of one contact, by index.
    ///
    /// # Errors
    /// [`JournalError`].
    fn record(&mut self, contact: u64) -> Result<Vec<Segment>, JournalError>;
}
