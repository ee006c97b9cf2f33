//! From the journal to the live state: the newest snapshot, and the entries behind it; once, by
//! whoever takes over, or all along, by whoever stands by.

use std::collections::VecDeque;
use std::time::Instant;

use trunkline_routing::Time;

use crate::figures::{AT_HAND, Figures};
use crate::journal::{Epoch, JournalError, Referred, Rows, Seq, Snapshot, Writer};
use crate::state::{State, StateError};

/// Entries read at once.
const CHUNK: usize = 5_000;

/// Reads the journal into a state, and writes again the rows that the entries behind the
/// snapshot make: those of the last moments may have been lost with the predecessor. A snapshot that
/// can't be read (of another release) costs time, as long as all entries are there.
///
/// # Errors
/// [`JournalError`].
pub async fn recover(journal: &Writer, epoch: Epoch) -> Result<State, JournalError> {
    Tail::default().take_over(journal, epoch).await
}

/// The live state as far as the journal has been read.
#[derive(Debug, Default)]
pub(super) struct Tail {
    state: State,
    /// The rows of the entries behind the newest snapshot, with the entry that made each: a
    /// leader that dies may not have written them.
    rows: VecDeque<(Seq, Rows)>,
    begun: bool,
}

impl Tail {
    /// Reads what there is, to its end.
    pub(super) async fn catch_up(&mut self, journal: &Writer) -> Result<(), JournalError> {
        if !self.begun {
            self.begin(journal).await?;
        }
        loop {
            let entries = journal.read(self.state.seq, CHUNK).await?;
            for entry in &entries {
                if entry.seq != self.state.seq.next() {
                    return Err(JournalError::Gap {
                        got: entry.seq,
                        last: self.state.seq,
                    });
                }
                let made = self.state.apply(entry).rows;
                if !made.is_empty() {
                    self.rows.push_back((entry.seq, made));
                }
            }
            if entries.len() < CHUNK {
                return Ok(());
            }
        }
    }

    async fn begin(&mut self, journal: &Writer) -> Result<(), JournalError> {
        let snapshot = journal.snapshot().await?;
        let began = Instant::now();
        if let Some(snapshot) = snapshot {
            self.state = match State::restore(&snapshot) {
                Ok(state) => state,
                Err(error) => whole(journal, &snapshot, &error).await?,
            };
        }
        self.begun = true;
        tracing::info!(
            snapshot = self.state.seq.0,
            took_ms = began.elapsed().as_millis(),
            "the journal's snapshot is read"
        );
        Ok(())
    }

    /// Who are at hand, by our names for them.
    fn customers(&self) -> Vec<String> {
        self.state.directory.wanted().names.into_iter().collect()
    }

    /// The references of their contacts; the elder first, so that of two that are alike the later is found.
    fn references(&self) -> Vec<(Referred, String)> {
        let contacts = self.state.directory.contacts();
        let mut sealed: Vec<_> = contacts
            .filter_map(|(contact, it)| {
                let customer = it.customer.clone()?;
                let referred = Referred { contact, customer };
                Some((referred, it.reference.clone()?))
            })
            .collect();
        sealed.sort_unstable_by_key(|(it, _)| it.contact);
        sealed
    }

    /// Lets go of the rows that the leader wrote: those that a snapshot has left behind.
    pub(super) fn written_up_to(&mut self, snapshot: Seq) {
        while self.rows.front().is_some_and(|(seq, _)| *seq <= snapshot) {
            self.rows.pop_front();
        }
    }

    /// Reads the rest: under the new epoch nobody else writes any more.
    pub(super) async fn take_over(
        mut self,
        journal: &Writer,
        epoch: Epoch,
    ) -> Result<State, JournalError> {
        let (began, known) = (Instant::now(), self.state.seq);
        self.catch_up(journal).await?;
        journal.open_customers(self.customers()).await?;
        journal.open_references(self.references()).await?;
        let mut rows = Rows::default();
        for (_, made) in self.rows {
            rows.extend(made);
            if rows.len() >= CHUNK {
                journal.project(epoch, std::mem::take(&mut rows));
            }
        }
        if !rows.is_empty() {
            journal.project(epoch, rows);
        }
        tracing::info!(
            known = known.0,
            last = self.state.seq.0,
            live = self.state.directory.live.len(),
            took_ms = began.elapsed().as_millis(),
            "the journal is replayed"
        );
        Ok(self.state)
    }
}

/// The figures that are at hand behind a state, from the rows that the journal keeps.
///
/// # Errors
/// [`JournalError`].
pub(super) async fn figures_of(journal: &Writer, state: &State) -> Result<Figures, JournalError> {
    let mut figures = Figures::default();
    if let Some(tenant) = &state.directory.tenant {
        let since = state.directory.last - AT_HAND;
        let within = (since, Time(i64::MAX));
        let add = |rows| figures.add(&rows, tenant);
        journal.each_rows(within, add).await?;
    }
    Ok(figures)
}

/// A state to fold all entries into, where a snapshot can't be read and none has been cut.
async fn whole(
    journal: &Writer,
    snapshot: &Snapshot,
    error: &StateError,
) -> Result<State, JournalError> {
    let first = journal.read(Seq(0), 1).await?;
    match first.first() {
        Some(entry) if entry.seq == Seq(1) => {
            tracing::warn!(%error, "folding the whole journal");
            Ok(State::default())
        }
        first => Err(JournalError::Snapshot {
            snapshot: snapshot.seq,
            begins: first.map_or(snapshot.seq, |entry| entry.seq),
            why: error.to_string(),
        }),
    }
}
