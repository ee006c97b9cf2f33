//! The thread that owns the store, and the main loop's way to it.
//!
//! Disk and database block, so they have a thread of their own. Commits group by themselves:
//! while one is under way (2–5 ms of sync), whatever arrives waits and goes with the next.

use std::sync::mpsc;
use std::thread;

use tokio::sync::oneshot;
use trunkline_routing::{Segment, Time};

use super::{Entry, Epoch, Journal, JournalError, Seq, Snapshot};

/// The store, on its thread. Dropping it ends the thread once all that was asked is done.
#[derive(Debug)]
pub struct Writer {
    jobs: Option<mpsc::Sender<Job>>,
    thread: Option<thread::JoinHandle<()>>,
}

type Job = Box<dyn FnOnce(&mut dyn Journal) + Send>;

impl Writer {
    /// Gives the store a thread.
    ///
    /// # Errors
    /// [`JournalError::Open`] where no thread can be had.
    pub fn start(mut store: Box<dyn Journal>) -> Result<Self, JournalError> {
        let (jobs, todo) = mpsc::channel::<Job>();
        let thread = thread::Builder::new()
            .name("journal".into())
            .spawn(move || {
                for job in todo {
                    job(store.as_mut());
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
        let (answer, answered) = oneshot::channel();
        let job: Job = Box::new(move |store| {
            // Who asked may have gone: then nobody wants the answer.
            let _ = answer.send(job(store));
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
        self.ask(move |store| store.acquire(&holder)).await
    }

    /// See [`Journal::append`]; gives the entries back, to be decided upon.
    ///
    /// # Errors
    /// As there.
    pub async fn append(
        &self,
        epoch: Epoch,
        entries: Vec<Entry>,
    ) -> Result<Vec<Entry>, JournalError> {
        self.ask(move |store| store.append(epoch, &entries).map(|()| entries))
            .await
    }

    /// See [`Journal::project`]. Not waited for: rows lost here are written again by the replay,
    /// for a snapshot that would skip them queues behind.
    pub fn project(&self, epoch: Epoch, rows: Vec<Segment>) {
        self.order("records", move |store| store.project(epoch, &rows));
    }

    /// See [`Journal::save_snapshot`]. Not waited for: without it a restart replays more.
    pub fn save_snapshot(&self, epoch: Epoch, snapshot: Snapshot) {
        self.order("a snapshot", move |store| {
            store.save_snapshot(epoch, &snapshot)
        });
    }

    fn order(
        &self,
        what: &'static str,
        job: impl FnOnce(&mut dyn Journal) -> Result<(), JournalError> + Send + 'static,
    ) {
        let job: Job = Box::new(move |store| {
            if let Err(error) = job(store) {
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

    /// See [`Journal::read`].
    ///
    /// # Errors
    /// As there.
    pub async fn read(&self, after: Seq, limit: usize) -> Result<Vec<Entry>, JournalError> {
        self.ask(move |store| store.read(after, limit)).await
    }

    /// See [`Journal::records`].
    ///
    /// # Errors
    /// As there.
    pub async fn records(&self, since: Time) -> Result<Vec<Segment>, JournalError> {
        self.ask(move |store| store.records(since)).await
    }

    /// See [`Journal::record`].
    ///
    /// # Errors
    /// As there.
    pub async fn record(&self, contact: u64) -> Result<Vec<Segment>, JournalError> {
        self.ask(move |store| store.record(contact)).await
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
