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
use trunkline_routing::{
    BadSnapshot, ContactId, Core, Input, Options, Output, SegmentEnd, Snapshot as CoreSnapshot,
    Span, Time,
};

pub(crate) use directory::contact_of;
pub use directory::{AgentView, Directory, Erasure, LiveContact, Stage, Voicemail};
pub use record::ContactRecord;

use crate::journal::{Entry, Rows, Seq, Snapshot};

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

/// What came of an entry.
#[derive(Debug)]
pub struct Applied {
    /// What the core asks for, in order.
    pub outputs: Vec<Output>,
    /// The rows that it completed.
    pub rows: Rows,
}

/// Has the core decide upon an entry. What an agent does to a conversation that another has taken over
/// meanwhile is refused here: the core's inputs don't say whose doing they are.
pub(crate) fn decide(core: &mut Core, entry: &Entry, outputs: &mut Vec<Output>) {
    let agent = entry.context.agent.as_ref();
    let taken_over = agent
        .zip(conversation(&entry.input))
        .and_then(|(agent, contact)| {
            let now = core.in_hands_of(contact).filter(|now| *now != agent)?;
            Some(format!(
                "{agent} does not talk with contact {contact} now: {now} does"
            ))
        });
    match taken_over {
        Some(why) => {
            core.handle(entry.at, Input::Tick, outputs);
            outputs.push(Output::Refused { why });
        }
        None => core.handle(entry.at, entry.input.clone(), outputs),
    }
}

/// The contact that an agent talks with and does this to.
fn conversation(input: &Input) -> Option<ContactId> {
    match input {
        Input::Hold { contact, .. }
        | Input::AgentDone { contact }
        | Input::Transfer { contact, .. }
        | Input::Consult { contact, .. }
        | Input::Conference { contact }
        | Input::CompleteConsult { contact }
        | Input::CancelConsult { contact } => Some(*contact),
        _ => None,
    }
}

impl State {
    /// Decides upon one entry: the core first, then what is remembered of it. The entry is
    /// durable by then.
    pub fn apply(&mut self, entry: &Entry) -> Applied {
        let mut outputs = Vec::new();
        decide(&mut self.core, entry, &mut outputs);
        let spells = self.directory.apply(entry, &outputs, &self.core);
        self.seq = entry.seq;
        Applied {
            rows: Rows::made(&outputs, spells),
            outputs,
        }
    }

    /// The rows that are not over yet, as they would be at a moment: who waits, talks and is wrapped
    /// up, and what agents are at. With those that are complete they make the present figures.
    pub fn open_rows(&self, now: Time) -> Rows {
        let mut segments = self.core.open_rows();
        for row in &mut segments {
            match row.end {
                SegmentEnd::Open => row.ended = row.ended.max(now),
                // Of a conversation that is over: in wrap-up.
                _ => row.wrap_up = (now - row.ended).max(Span(0)),
            }
        }
        Rows {
            segments,
            spells: self.directory.open_spells(now).collect(),
            rotas: Vec::new(),
        }
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
        let mut state = Self {
            seq: snapshot.seq,
            core: Core::restore(core)?,
            directory,
        };
        state.directory.heed_consults(&state.core);
        Ok(state)
    }
}
