//! From the journal to the live state: the newest snapshot, and the entries behind it.

use std::time::Instant;

use crate::journal::{JournalError, Seq, Writer};
use crate::state::State;

/// Entries read at once.
const CHUNK: usize = 5_000;

/// Reads the journal into a state. A snapshot that can't be read (of another release) costs
/// time, nothing else: all entries are there.
///
/// # Errors
/// [`JournalError`].
pub async fn recover(journal: &Writer) -> Result<State, JournalError> {
    let began = Instant::now();
    let mut state = match journal.snapshot().await? {
        Some(snapshot) => State::restore(&snapshot).unwrap_or_else(|error| {
            tracing::warn!(%error, "folding the whole journal");
            State::default()
        }),
        None => State::default(),
    };
    let from = state.seq;
    loop {
        let entries = journal.read(state.seq, CHUNK).await?;
        for entry in &entries {
            if entry.seq != state.seq.next() {
                return Err(JournalError::Gap {
                    got: entry.seq,
                    last: state.seq,
                });
            }
            state.apply(entry);
        }
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
