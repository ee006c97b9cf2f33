//! The thread that owns the store, and the main loop's way to it.
//!
//! Disk and database block, so they have a thread of their own. Commits group by themselves:
//! while one is under way (2–5 ms of sync), whatever arrives waits and goes with the next.

use std::sync::mpsc;
use std::thread;

use tokio::sync::oneshot;
use trunkline_routing::metrics::{RotaVersion, Spell};
use trunkline_routing::{Segment, Span, Time};

use super::{
    Cut, Entry, Epoch, Journal, JournalError, Leadership, Referred, Rows, Rules, Seq, Snapshot,
    Vault, key_of,
};

#[cfg(test)]
mod tests;

/// So many rows of contacts are read at once: a commit waits some milliseconds for them.
const PAGE: usize = 1_000;

/// So many rows may wait for a store that refuses them and takes entries; then it takes no entries any more, and
/// whoever leads next makes the rows anew.
const ROWS_AT_MOST: usize = 20_000;

/// The store, on its thread. Dropping it ends the thread once all that was asked is done.
#[derive(Debug)]
pub struct Writer {
    jobs: Option<mpsc::Sender<Job>>,
    thread: Option<thread::JoinHandle<()>>,
}

type Job = Box<dyn FnOnce(&mut Owned) + Send>;

/// What the thread owns.
struct Owned {
    store: Box<dyn Journal>,
    /// Absent where customers need no sealing: in tests, and in benches of the store alone.
    vault: Option<Vault>,
    /// What was deleted may not be overwritten yet. So it is at first: nobody knows what an engine that died
    /// has left.
    owes_scrub: bool,
    /// Rows that the store did not take when it was their turn.
    unwritten: Rows,
    /// Under which they are to be written.
    epoch: Epoch,
}

impl Owned {
    fn new(store: Box<dyn Journal>, vault: Option<Vault>) -> Self {
        Self {
            store,
            vault,
            owes_scrub: true,
            unwritten: Rows::default(),
            epoch: Epoch::default(),
        }
    }

    /// Writes rows behind those that were not written before; where that fails, all of them wait.
    fn project(&mut self, epoch: Epoch, rows: Rows) -> Result<(), JournalError> {
        self.epoch = epoch;
        self.unwritten.extend(rows);
        self.catch_up()
    }

    /// Writes the rows that wait. They are a fold of entries that are durable, so they are as true under a later epoch.
    fn catch_up(&mut self) -> Result<(), JournalError> {
        if self.unwritten.is_empty() {
            return Ok(());
        }
        match self.store.project(self.epoch, &self.unwritten) {
            Ok(()) => self.unwritten = Rows::default(),
            Err(error) if error.is_of_what_is_written() => self.leave_out()?,
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Writes the rows that wait one by one, but for those that the store will never take: one of them must not keep
    /// the others, and every snapshot, waiting for ever.
    fn leave_out(&mut self) -> Result<(), JournalError> {
        let mut rows = std::mem::take(&mut self.unwritten).one_by_one();
        while let Some(row) = rows.next() {
            match self.store.project(self.epoch, &row) {
                Ok(()) => {}
                Err(error) if error.is_of_what_is_written() => {
                    tracing::error!(%error, "a row that the store can't take is left out of figures and records");
                }
                Err(error) => {
                    self.unwritten.extend(row);
                    rows.for_each(|row| self.unwritten.extend(row));
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    /// See [`Journal::scrub`]. Where it can't be done now it is owed, until the next erasure or sweep: what is
    /// deleted is so all the same.
    fn scrub(&mut self) {
        let scrubbed = self.store.scrub();
        self.owes_scrub = scrubbed.is_err();
        if let Err(error) = scrubbed {
            tracing::warn!(
                %error,
                "what was erased or cut is deleted, but not yet overwritten; it is tried again with the next sweep"
            );
        }
    }
}

impl Writer {
    /// Gives the store a thread. Entries are written as they are.
    ///
    /// # Errors
    /// [`JournalError::Open`] where no thread can be had.
    pub fn start(store: Box<dyn Journal>) -> Result<Self, JournalError> {
        Self::own(Owned::new(store, None))
    }

    /// Gives the store a thread. What identifies customers is sealed before it is written.
    ///
    /// # Errors
    /// As [`Writer::start`].
    pub fn sealing(store: Box<dyn Journal>, vault: Vault) -> Result<Self, JournalError> {
        Self::own(Owned::new(store, Some(vault)))
    }

    fn own(mut owned: Owned) -> Result<Self, JournalError> {
        let (jobs, todo) = mpsc::channel::<Job>();
        let thread = thread::Builder::new()
            .name("journal".into())
            .spawn(move || {
                for job in todo {
                    job(&mut owned);
                }
            })
            .map_err(|source| JournalError::Open {
                path: "thread `journal`".into(),
                source,
            })?;
        Ok(Self {
            jobs: Some(jobs),
            thread: Some(thread),
        })
    }

    async fn ask<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut dyn Journal) -> Result<T, JournalError> + Send + 'static,
    ) -> Result<T, JournalError> {
        self.ask_all(move |owned| job(owned.store.as_mut())).await
    }

    /// Asks for rows, of which none is missing.
    async fn ask_rows<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut dyn Journal) -> Result<T, JournalError> + Send + 'static,
    ) -> Result<T, JournalError> {
        self.ask_all(move |owned| {
            owned.catch_up()?;
            job(owned.store.as_mut())
        })
        .await
    }

    async fn ask_all<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Owned) -> Result<T, JournalError> + Send + 'static,
    ) -> Result<T, JournalError> {
        let (answer, answered) = oneshot::channel();
        let job: Job = Box::new(move |owned| {
            // Who asked may have gone: then nobody wants the answer.
            let _ = answer.send(job(owned));
        });
        self.jobs
            .as_ref()
            .ok_or(JournalError::WriterGone)?
            .send(job)
            .map_err(|_| JournalError::WriterGone)?;
        answered.await.map_err(|_| JournalError::WriterGone)?
    }

    /// See [`Journal::acquire`].
    ///
    /// # Errors
    /// As there.
    pub async fn acquire(&self, holder: String) -> Result<Epoch, JournalError> {
        self.ask_all(move |owned| {
            owned.epoch = owned.store.acquire(&holder)?;
            Ok(owned.epoch)
        })
        .await
    }

    /// See [`Journal::append_with`]; gives the entries back as they were written, customers
    /// replaced by our names for them: to be decided upon.
    ///
    /// # Errors
    /// As there.
    pub async fn append(
        &self,
        epoch: Epoch,
        mut entries: Vec<Entry>,
    ) -> Result<Vec<Entry>, JournalError> {
        self.ask_all(move |owned| {
            if owned.unwritten.len() >= ROWS_AT_MOST {
                owned.catch_up()?;
            }
            let Owned { store, vault, .. } = owned;
            let customers = match vault {
                Some(vault) => vault.seal(store.as_mut(), &mut entries)?,
                None => Vec::new(),
            };
            store.append_with(epoch, &entries, &customers)?;
            if entries.iter().any(|entry| entry.context.erased.is_some()) {
                owned.scrub();
            }
            Ok(entries)
        })
        .await
    }

    /// Our names for a customer, if they have ever come and are not erased: one, but for whom a release before took
    /// for several, by as many spellings of their number.
    ///
    /// # Errors
    /// [`JournalError`].
    pub async fn find_customer(&self, text: String) -> Result<Vec<String>, JournalError> {
        self.ask_all(move |Owned { store, vault, .. }| match vault {
            Some(vault) => vault.find(store.as_mut(), &text),
            None => Ok(Vec::new()),
        })
        .await
    }

    /// Has the texts behind these names at hand from then on ([`super::Names`]).
    ///
    /// # Errors
    /// [`JournalError`].
    pub async fn open_customers(&self, ids: Vec<String>) -> Result<(), JournalError> {
        self.ask_all(move |Owned { store, vault, .. }| match vault {
            Some(vault) => vault.open(store.as_mut(), &ids),
            None => Ok(()),
        })
        .await
    }

    /// Has these contacts' references, which are sealed, at hand from then on ([`super::Names`]).
    ///
    /// # Errors
    /// [`JournalError`].
    pub async fn open_references(
        &self,
        sealed: Vec<(Referred, String)>,
    ) -> Result<(), JournalError> {
        self.ask_all(move |Owned { store, vault, .. }| match vault {
            Some(vault) => vault.open_references(store.as_mut(), sealed),
            None => Ok(()),
        })
        .await
    }

    /// See [`Journal::cut`]. Once there is nothing left to cut, the customers who were cut are overwritten, and what
    /// could not be so before. Entries are not: who they are of is in none.
    ///
    /// # Errors
    /// As there.
    pub async fn cut(&self, epoch: Epoch, before: Time, limit: usize) -> Result<Cut, JournalError> {
        self.ask_all(move |owned| {
            owned.catch_up()?;
            let cut = owned.store.cut(epoch, before, limit)?;
            if cut.customers > 0 {
                owned.owes_scrub = true;
                if let Some(vault) = &mut owned.vault {
                    vault.forget_rows();
                }
            }
            // Decisions wait for it, so not after each of many batches.
            if cut == Cut::default() && owned.owes_scrub {
                owned.scrub();
            }
            Ok(cut)
        })
        .await
    }

    /// See [`Journal::project`]. Not waited for: rows that the store doesn't take wait, and go before the next. No
    /// snapshot is saved, nor anything marked or cut, before they are written; so those that are lost with this
    /// process are made again by the replay.
    pub fn project(&self, epoch: Epoch, rows: Rows) {
        self.order("rows; they wait", move |owned| owned.project(epoch, rows));
    }

    /// See [`Journal::save_snapshot`]. Not waited for: without it a restart replays more.
    pub fn save_snapshot(&self, epoch: Epoch, snapshot: Snapshot) {
        self.order("a snapshot", move |owned| {
            owned.catch_up()?;
            owned.store.save_snapshot(epoch, &snapshot)
        });
    }

    fn order(
        &self,
        what: &'static str,
        job: impl FnOnce(&mut Owned) -> Result<(), JournalError> + Send + 'static,
    ) {
        let job: Job = Box::new(move |owned| {
            if let Err(error) = job(owned) {
                tracing::error!(%error, "the journal could not write {what}");
            }
        });
        if let Some(Err(_)) = self.jobs.as_ref().map(|jobs| jobs.send(job)) {
            tracing::error!("the journal's writer has ended");
        }
    }

    /// See [`Journal::snapshot`].
    ///
    /// # Errors
    /// As there.
    pub async fn snapshot(&self) -> Result<Option<Snapshot>, JournalError> {
        self.ask(|store| store.snapshot()).await
    }

    /// See [`Journal::mark`].
    ///
    /// # Errors
    /// As there.
    pub async fn mark(&self, epoch: Epoch, apart: Span) -> Result<bool, JournalError> {
        self.ask_all(move |owned| {
            owned.catch_up()?;
            owned.store.mark(epoch, apart)
        })
        .await
    }

    /// See [`Journal::marks`].
    ///
    /// # Errors
    /// As there.
    pub async fn marks(&self) -> Result<Vec<Seq>, JournalError> {
        self.ask(|store| store.marks()).await
    }

    /// See [`Journal::marked`].
    ///
    /// # Errors
    /// As there.
    pub async fn marked(&self, seq: Seq) -> Result<Option<Snapshot>, JournalError> {
        self.ask(move |store| store.marked(seq)).await
    }

    /// See [`Journal::rules`].
    ///
    /// # Errors
    /// As there.
    pub async fn rules(&self, after: Seq, last: Seq) -> Result<Vec<Option<Rules>>, JournalError> {
        self.ask(move |store| store.rules(after, last)).await
    }

    /// See [`Journal::read`].
    ///
    /// # Errors
    /// As there.
    pub async fn read(&self, after: Seq, limit: usize) -> Result<Vec<Entry>, JournalError> {
        self.ask(move |store| store.read(after, limit)).await
    }

    /// Shows all rows that [`Journal::records`] finds between two moments, page by page, in their order. The thread
    /// commits between two pages.
    ///
    /// # Errors
    /// As there.
    pub async fn each_record(
        &self,
        within: (Time, Time),
        mut take: impl FnMut(Vec<Segment>) + Send,
    ) -> Result<(), JournalError> {
        let mut after = None;
        loop {
            let page = self
                .ask_rows(move |store| store.records(within, after, PAGE))
                .await?;
            let is_last = page.len() < PAGE;
            after = page.last().map(key_of);
            take(page);
            if is_last {
                return Ok(());
            }
        }
    }

    /// Shows, part by part, all rows that touch what is between two moments: those of contacts by pages, then those of agents'
    /// time and of their rotas.
    ///
    /// # Errors
    /// [`JournalError`].
    pub async fn each_rows(
        &self,
        within: (Time, Time),
        mut take: impl FnMut(Rows) + Send,
    ) -> Result<(), JournalError> {
        let page = |segments| {
            take(Rows {
                segments,
                ..Rows::default()
            });
        };
        self.each_record(within, page).await?;
        take(Rows {
            segments: Vec::new(),
            spells: self.spells(within.0, within.1).await?,
            rotas: self.rotas(within.0, within.1).await?,
        });
        Ok(())
    }

    /// All rows of contacts that were not over before a moment.
    #[cfg(test)]
    pub async fn records(&self, since: Time) -> Result<Vec<Segment>, JournalError> {
        let mut all = Vec::new();
        let within = (since, Time(i64::MAX));
        self.each_record(within, |page| all.extend(page)).await?;
        Ok(all)
    }

    /// See [`Journal::spells`].
    ///
    /// # Errors
    /// As there.
    pub async fn spells(&self, from: Time, to: Time) -> Result<Vec<Spell>, JournalError> {
        self.ask_rows(move |store| store.spells(from, to)).await
    }

    /// See [`Journal::rotas`].
    ///
    /// # Errors
    /// As there.
    pub async fn rotas(&self, from: Time, to: Time) -> Result<Vec<RotaVersion>, JournalError> {
        self.ask_rows(move |store| store.rotas(from, to)).await
    }

    /// See [`Journal::record`].
    ///
    /// # Errors
    /// As there.
    pub async fn record(&self, contact: u64) -> Result<Vec<Segment>, JournalError> {
        self.ask_rows(move |store| store.record(contact)).await
    }

    /// See [`Journal::leadership`].
    ///
    /// # Errors
    /// As there.
    pub async fn leadership(&self) -> Result<Leadership, JournalError> {
        self.ask(|store| store.leadership()).await
    }

    /// See [`Journal::beat`].
    ///
    /// # Errors
    /// As there.
    pub async fn beat(&self, epoch: Epoch) -> Result<(), JournalError> {
        self.ask(move |store| store.beat(epoch)).await
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            // A panic there was reported there.
            let _ = thread.join();
        }
    }
}
