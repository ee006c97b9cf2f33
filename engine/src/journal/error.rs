//! What a store could not do.

use super::{Epoch, Seq};

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
    /// There is nothing to read.
    #[error("there is no journal in {place}: no engine has led with it")]
    Missing {
        /// Where it was looked for.
        place: String,
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
    /// What was deleted can't be overwritten yet.
    #[error(
        "somebody reads the journal, a backup perhaps: its log can't be emptied before they end"
    )]
    Read,
    /// Postgres says no, or has been away for too long.
    #[error("the journal failed while {doing}")]
    Postgres {
        /// What was tried.
        doing: &'static str,
        /// Postgres' words. The client never puts the password in them.
        #[source]
        source: postgres::Error,
    },
    /// What was given for the database's URL is none. It is never repeated: it holds a password.
    #[error(
        "the journal's URL can't be used: {why}; want postgres://USER:PASSWORD@HOST:5432/DATABASE"
    )]
    Url {
        /// What is wrong with it.
        why: String,
    },
    /// The newest snapshot can't be read, and the entries that it stands for are cut.
    #[error(
        "the snapshot at entry {snapshot:?} can't be read ({why}), and the journal begins behind {begins:?}: run the release that wrote it"
    )]
    Snapshot {
        /// Where it stands.
        snapshot: Seq,
        /// The first entry that there is.
        begins: Seq,
        /// Why it can't be read.
        why: String,
    },
    /// The thread that owns the store has ended.
    #[error("the journal's writer has ended: an earlier error tells why")]
    WriterGone,
}

impl JournalError {
    /// The store refuses this very text or number, now and later, as Postgres does a NUL or a key that is too long for an index;
    /// what else there is to write it takes.
    pub(super) fn is_of_what_is_written(&self) -> bool {
        let Self::Postgres { source, .. } = self else {
            return false;
        };
        // Data exceptions, and limits of the program.
        let state = source.code().map(postgres::error::SqlState::code);
        state.is_some_and(|state| state.starts_with("22") || state.starts_with("54"))
    }
}
