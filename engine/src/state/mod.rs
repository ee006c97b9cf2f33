//! The live state: a fold of the journal, and nothing else.
//!
//! Two halves: the routing core, which decides, and the [`Directory`], which remembers what
//! people and telephony ask about. Both change in [`State::apply`] only, so replaying the journal
//! gives them again, byte for byte.

mod directory;
mod record;
#[cfg(test)]
pub(crate) mod tests;

use serde::{Deserialize, Serialize};
use trunkline_routing::{BadSnapshot, Core, Options, Output, Snapshot as CoreSnapshot};

pub use directory::{AgentView, Directory, Erasure, LiveContact, Stage, Voicemail};
pub use record::ContactRecord;

use crate::journal::{Entry, Seq, Snapshot};

/// What a snapshot is written as; another number is another layout.
const LAYOUT: u32 = 2;

/// The live state behind an entry.
#[derive(Debug)]
pub struct State {
    /// The last entry that is in it.
    pub seq: Seq,
    /// Who gets what.
    pub core: Core,
    /// What is asked about.
    pub directory: Directory,
}

#[derive(Serialize)]
struct Written<'a> {
    layout: u32,
    core: CoreSnapshot,
    directory: &'a Directory,
}

/// A state that can't be written or read.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// Not JSON of ours.
    #[error("a snapshot can't be written or read")]
    Json(#[from] serde_json::Error),
    /// Of another release, or damaged.
    #[error(transparent)]
    Core(#[from] BadSnapshot),
    /// Of another release.
    #[error(
        "the snapshot has layout {0}, this engine reads {LAYOUT}: the state is folded from the journal's entries instead"
    )]
    Layout(u32),
}

impl Default for State {
    fn default() -> Self {
        Self {
            seq: Seq::default(),
            core: Core::new(Options::default()),
            directory: Directory::default(),
        }
    }
}

impl State {
    /// Decides upon one entry: the core first, then what is remembered of it. The entry is
    /// durable by then.
    pub fn apply(&mut self, entry: &Entry) -> Vec<Output> {
        let mut outputs = Vec::new();
        self.core
            .handle(entry.at, entry.input.clone(), &mut outputs);
        self.directory.apply(entry, &outputs, &self.core);
        self.seq = entry.seq;
        outputs
    }

    /// The state in bytes: the same state gives the same bytes.
    ///
    /// # Errors
    /// [`StateError::Json`].
    pub fn snapshot(&self) -> Result<Snapshot, StateError> {
        Ok(Snapshot {
            seq: self.seq,
            state: serde_json::to_vec(&Written {
                layout: LAYOUT,
                core: self.core.snapshot(),
                directory: &self.directory,
            })?,
        })
    }

    /// The state that a snapshot holds.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn restore(snapshot: &Snapshot) -> Result<Self, StateError> {
        #[derive(Deserialize)]
        struct Layout {
            layout: u32,
        }
        #[derive(Deserialize)]
        struct Halves {
            core: CoreSnapshot,
            directory: Directory,
        }
        // First: halves of another layout would only be told to lack fields.
        let Layout { layout } = serde_json::from_slice(&snapshot.state)?;
        if layout != LAYOUT {
            return Err(StateError::Layout(layout));
        }
        let Halves { core, directory } = serde_json::from_slice(&snapshot.state)?;
        Ok(Self {
            seq: snapshot.seq,
            core: Core::restore(core)?,
            directory,
        })
    }
}
