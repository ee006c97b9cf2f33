//! The writer over a store that fails where it is told to.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use super::super::conformance::{arrival, entries, entry, key, running, segment};
use super::*;
use crate::journal::{DatabaseUrl, Names, Postgres, RowKey, Sealed, Sqlite};
use crate::run::recover;
use crate::testing::Replay;
use crate::testing::as_its_store_does;
use crate::testing::database::Server;

/// What a store is asked for, and what it refuses.
#[derive(Default)]
struct Told {
    /// Rows are refused so many times.
    refuses: AtomicUsize,
    scrubs: AtomicUsize,
}

impl Told {
    fn refuse(&self, times: usize) {
        self.refuses.store(times, Ordering::SeqCst);
    }

    fn scrubs(&self) -> usize {
        self.scrubs.load(Ordering::SeqCst)
    }
}

struct Refusing {
    store: Sqlite,
    told: Arc<Told>,
}

impl Journal for Refusing {
    as_its_store_does! {
        acquire append_with customers_by customers cut save_snapshot snapshot mark
        marks marked rules read records spells rotas record leadership beat
    }
    fn scrub(&mut self) -> Result<(), JournalError> {
        self.told.scrubs.fetch_add(1, Ordering::SeqCst);
        self.store.scrub()
    }
    fn project(&mut self, epoch: Epoch, rows: &Rows) -> Result<(), JournalError> {
        let one_less = |left: usize| left.checked_sub(1);
        let refuses = &self.told.refuses;
        let refused = refuses.fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_less);
        if refused.is_ok() {
            return Err(JournalError::Read);
        }
        self.store.project(epoch, rows)
    }
}

fn refusing(dir: &tempfile::TempDir) -> (Refusing, Arc<Told>) {
    let store = Sqlite::open(&dir.path().join("j")).unwrap();
    let told = Arc::<Told>::default();
    let refusing = Refusing {
        store,
        told: Arc::clone(&told),
    };
    (refusing, told)
}

/// An hour of calls, by rotas.
fn an_hour() -> Replay {
    let mut centre = Replay::new();
    for agent in ["maria", "noah"] {
        centre.rota(0, agent, (0, 3_600), (600, 900));
        centre.sign_in(1, agent);
    }
    for n in 0..30_i64 {
        let (second, contact) = (10 + n * 100, n.unsigned_abs() + 1);
        centre.arrive(second, contact, "acme/orders");
        centre.answer(second + 5, contact);
        centre.done(second + 60, contact);
    }
    centre
}

/// All rows that there are, in the order in which a store tells them.
async fn all_rows(writer: &Writer) -> Rows {
    let (first, last) = (Time(i64::MIN), Time(i64::MAX));
    Rows {
        segments: writer.records(first).await.unwrap(),
        spells: writer.spells(first, last).await.unwrap(),
        rotas: writer.rotas(first, last).await.unwrap(),
    }
}

#[test]
fn rows_that_the_store_refused_are_no_fewer_for_a_successor_that_begins_at_a_later_snapshot() {
    let mut fold = an_hour().rows;
    let by_store = |a: &Segment, b: &Segment| {
        (a.entered, a.contact.0, a.index).cmp(&(b.entered, b.contact.0, b.index))
    };
    fold.segments.sort_by(by_store);
    fold.spells
        .sort_by(|a, b| (a.from, &a.agent).cmp(&(b.from, &b.agent)));
    let made = (fold.segments.len(), fold.spells.len(), fold.rotas.len());
    assert!(made >= (20, 20, 2), "{made:?}");
    // Once, for a while, and until the leader dies.
    for refused in [1, 5, usize::MAX] {
        let dir = tempfile::tempdir().unwrap();
        let (store, told) = refusing(&dir);
        let writer = Writer::start(Box::new(store)).unwrap();
        let centre = an_hour();
        let half = centre.entries.len() / 2;
        let (state, saved) = running(async {
            let epoch = writer.acquire("leader".into()).await.unwrap();
            let mut state = crate::state::State::default();
            for (n, entry) in centre.entries.iter().enumerate() {
                writer.append(epoch, vec![entry.clone()]).await.unwrap();
                if n == half {
                    told.refuse(refused);
                }
                let made = state.apply(entry).rows;
                if !made.is_empty() {
                    writer.project(epoch, made);
                }
            }
            writer.save_snapshot(epoch, state.snapshot().unwrap());
            let saved = writer.snapshot().await.unwrap();
            (state, saved)
        });
        drop(writer);
        // No snapshot stands before rows that are in no table.
        let all_written = refused != usize::MAX;
        let last = saved.map(|snapshot| snapshot.seq);
        assert_eq!(last, all_written.then_some(state.seq), "{refused}");

        told.refuse(0);
        let store = Sqlite::open(&dir.path().join("j")).unwrap();
        let writer = Writer::start(Box::new(store)).unwrap();
        let rows = running(async {
            let epoch = writer.acquire("successor".into()).await.unwrap();
            let successor = recover(&writer, epoch).await.unwrap();
            assert_eq!(successor.seq, state.seq);
            all_rows(&writer).await
        });
        assert_eq!(rows, fold, "{refused}");
    }
}

#[test]
fn while_rows_wait_nothing_is_marked_or_cut_and_nobody_is_told_of_fewer() {
    let dir = tempfile::tempdir().unwrap();
    let (store, told) = refusing(&dir);
    let writer = Writer::start(Box::new(store)).unwrap();
    let snapshot = |seq| Snapshot {
        seq: Seq(seq),
        state: Vec::new(),
    };
    let rows = |contact| Rows {
        segments: vec![segment(contact, 0)],
        ..Rows::default()
    };
    running(async {
        let epoch = writer.acquire("a".into()).await.unwrap();
        writer.append(epoch, entries(1..=9)).await.unwrap();
        writer.save_snapshot(epoch, snapshot(5));
        writer.save_snapshot(epoch, snapshot(9));
        told.refuse(6);
        writer.project(epoch, rows(1));
        writer.project(epoch, rows(2));
        let old = Time(i64::MAX);
        writer.cut(epoch, old, 99).await.unwrap_err();
        writer.mark(epoch, Span(1)).await.unwrap_err();
        writer.record(1).await.unwrap_err();
        writer.records(Time(0)).await.unwrap_err();
        // Entries go on to be taken, and the next rows take along those that wait.
        writer.append(epoch, entries(10..=10)).await.unwrap();
        writer.project(epoch, rows(3));
        assert_eq!(writer.records(Time(0)).await.unwrap().len(), 3);
        assert!(writer.mark(epoch, Span(1)).await.unwrap());
        assert_eq!(writer.cut(epoch, old, 99).await.unwrap().entries, 5);
    });
}

#[test]
fn a_store_that_takes_entries_and_no_rows_takes_no_more_entries_before_too_many_rows_wait() {
    let dir = tempfile::tempdir().unwrap();
    let (store, told) = refusing(&dir);
    let writer = Writer::start(Box::new(store)).unwrap();
    let rows = |from: u64, to: u64| Rows {
        segments: (from..to).map(|contact| segment(contact, 0)).collect(),
        ..Rows::default()
    };
    let most = ROWS_AT_MOST as u64;
    running(async {
        let epoch = writer.acquire("a".into()).await.unwrap();
        told.refuse(usize::MAX);
        writer.project(epoch, rows(1, most));
        writer.append(epoch, vec![entry(1)]).await.unwrap();
        writer.project(epoch, rows(most, most + 1));
        let refused = writer.append(epoch, vec![entry(2)]).await;
        assert!(matches!(refused, Err(JournalError::Read)), "{refused:?}");
        told.refuse(0);
        writer.append(epoch, vec![entry(2)]).await.unwrap();
        let kept = writer.records(Time(0)).await.unwrap();
        assert_eq!(kept.len(), ROWS_AT_MOST);
    });
}

#[test]
fn to_cut_entries_alone_overwrites_nothing_and_customers_are_overwritten_once_all_that_are_old_are_cut()
 {
    let dir = tempfile::tempdir().unwrap();
    let (store, told) = refusing(&dir);
    let vault = Vault::new(&key(), Names::default());
    let writer = Writer::sealing(Box::new(store), vault).unwrap();
    let callers = (51..=60).map(|seq| arrival(seq, &format!("+49301{seq}")));
    let callers: Vec<Entry> = callers.collect();
    running(async {
        let epoch = writer.acquire("a".into()).await.unwrap();
        writer.append(epoch, entries(1..=50)).await.unwrap();
        writer.append(epoch, callers).await.unwrap();
        for seq in [49, 50] {
            let state = Vec::new();
            let seq = Seq(seq);
            writer.save_snapshot(epoch, Snapshot { seq, state });
        }
        // What a predecessor left behind.
        let nothing = writer.cut(epoch, Time(i64::MIN), 7).await.unwrap();
        assert_eq!((nothing, told.scrubs()), (Cut::default(), 1));
        let sweep = async |before| {
            let mut batches = 0;
            while writer.cut(epoch, before, 3).await.unwrap() != Cut::default() {
                batches += 1;
                assert_eq!(told.scrubs(), 1, "not in the midst of it");
            }
            batches
        };
        assert_eq!(sweep(entry(41).at).await, 14);
        assert_eq!(told.scrubs(), 1, "entries alone");
        assert_eq!(sweep(Time(i64::MAX)).await, 4, "ten customers");
        assert_eq!(told.scrubs(), 2, "once");
        sweep_again(&writer, epoch).await;
        assert_eq!(told.scrubs(), 2);
    });
}

async fn sweep_again(writer: &Writer, epoch: Epoch) {
    let nothing = writer.cut(epoch, Time(i64::MAX), 3).await.unwrap();
    assert_eq!(nothing, Cut::default());
}

/// Postgres takes no NUL in a text, which a name may have had before that was refused.
#[test]
fn a_row_that_the_store_will_never_take_keeps_no_other_and_no_snapshot_waiting() {
    let url = Server::shared().database();
    let store = Postgres::open(DatabaseUrl::new(&url, None).unwrap()).unwrap();
    let writer = Writer::start(Box::new(store)).unwrap();
    let of = |agent: &str| {
        let mut spells = an_hour().rows.spells;
        spells.truncate(1);
        spells[0].agent = agent.into();
        spells
    };
    running(async {
        let epoch = writer.acquire("a".into()).await.unwrap();
        writer.append(epoch, entries(1..=1)).await.unwrap();
        let rows = Rows {
            segments: vec![segment(1, 0)],
            spells: [of("mar\0ia"), of("noah")].concat(),
            ..Rows::default()
        };
        writer.project(epoch, rows);
        let (seq, state) = (Seq(1), Vec::new());
        writer.save_snapshot(epoch, Snapshot { seq, state });
        assert!(writer.snapshot().await.unwrap().is_some());
        assert_eq!(writer.records(Time(0)).await.unwrap().len(), 1);
        let spells = writer.spells(Time(i64::MIN), Time(i64::MAX)).await.unwrap();
        assert_eq!(spells, of("noah"));
    });
}

/// Tells of what it is asked.
struct Listening {
    store: Sqlite,
    heard: Arc<Mutex<Vec<&'static str>>>,
}

impl Listening {
    fn hear(&self, what: &'static str) {
        self.heard.lock().unwrap().push(what);
    }
}

impl Journal for Listening {
    as_its_store_does! {
        acquire customers_by customers cut save_snapshot snapshot mark scrub project
        marks marked rules read spells rotas record leadership beat
    }
    fn append_with(
        &mut self,
        epoch: Epoch,
        entries: &[Entry],
        customers: &[Sealed],
    ) -> Result<(), JournalError> {
        self.hear("a commit");
        self.store.append_with(epoch, entries, customers)
    }
    fn records(
        &mut self,
        within: (Time, Time),
        after: Option<RowKey>,
        limit: usize,
    ) -> Result<Vec<Segment>, JournalError> {
        self.hear("a page");
        self.store.records(within, after, limit)
    }
}

#[test]
fn whoever_asks_for_the_rows_of_months_has_commits_wait_for_one_page_of_them() {
    let dir = tempfile::tempdir().unwrap();
    let heard = Arc::<Mutex<Vec<&'static str>>>::default();
    let store = Listening {
        store: Sqlite::open(&dir.path().join("j")).unwrap(),
        heard: Arc::clone(&heard),
    };
    let writer = Writer::start(Box::new(store)).unwrap();
    let most = 50_000;
    running(async {
        let epoch = writer.acquire("a".into()).await.unwrap();
        for first in (1..=most).step_by(10_000) {
            let segments = (first..first + 10_000).map(|contact| segment(contact, 0));
            let segments = segments.collect();
            let rows = Rows {
                segments,
                ..Rows::default()
            };
            writer.project(epoch, rows);
        }
        let mut pages = Vec::new();
        let within = (segment(1, 0).entered, segment(most, 0).entered);
        let asked = writer.each_record(within, |page| pages.push(page.len()));
        let commit = writer.append(epoch, vec![entry(1)]);
        let (asked, committed) = tokio::join!(asked, commit);
        asked.unwrap();
        committed.unwrap();
        // The last one came at the end of the time.
        assert_eq!(pages.iter().sum::<usize>() as u64, most - 1);
        assert!(pages.iter().all(|page| *page <= PAGE), "{pages:?}");
    });
    let heard = heard.lock().unwrap();
    assert_eq!(heard[..3], ["a page", "a commit", "a page"]);
    assert_eq!(heard.iter().filter(|it| **it == "a page").count(), 50);
}
