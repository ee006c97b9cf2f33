//! From the journal to the live state: the newest snapshot, and the entries behind it.

use std::time::Instant;

use trunkline_routing::{Output, Segment};

use crate::journal::{Epoch, JournalError, Seq, Writer};
use crate::state::State;

/// Entries read at once.
const CHUNK: usize = 5_000;

/// Reads the journal into a state, and writes again the records that the entries behind the
/// snapshot make: those of the last moments may have been lost with the predecessor. A snapshot that can't be read (of another release) costs
/// time, nothing else: all entries are there.
///
/// # Errors
/// [`JournalError`].
pub async fn recover(journal: &Writer, epoch: Epoch) -> Result<State, JournalError> {
    let began = Instant::now();
    let mut state = match journal.snapshot().await? {
        Some(snapshot) => State::restore(&snapshot).unwrap_or_else(|error| {
            tracing::warn!(%error, "folding the whole journal");
            State::default()
        }),
        None => State::default(),
    };
    let from = state.seq;
    let mut rows: Vec<Segment> = Vec::new();
    loop {
        let entries = journal.read(state.seq, CHUNK).await?;
        for entry in &entries {
            if entry.seq != state.seq.next() {
                return Err(JournalError::Gap {
                    got: entry.seq,
                    last: state.seq,
                });
            }
            rows.extend(records(&state.apply(entry)));
        }
        journal.project(epoch, std::mem::take(&mut rows));
        if entries.len() < CHUNK {
            break;
        }
    }
    let Seq(replayed) = Seq(state.seq.0 - from.0);
    tracing::info!(
        snapshot = from.0,
        replayed,
        live = state.directory.live.len(),
        took_ms = began.elapsed().as_millis(),
        "the journal is replayed"
    );
    Ok(state)
}

/// The complete stretches among a decision's outputs.
pub(super) fn records(outputs: &[Output]) -> impl Iterator<Item = Segment> {
    outputs.iter().filter_map(|output| match output {
        Output::Record(segment) => Some(segment.as_ref().clone()),
        _ => None,
    })
}
