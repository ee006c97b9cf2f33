use std::path::Path;

use rusqlite::Connection;
use trunkline_routing::{Input, Time};

use super::*;

fn entry(seq: u64) -> Entry {
    Entry {
        seq: Seq(seq),
        at: Time(i64::try_from(seq).unwrap() * 1_000),
        input: Input::NotReady {
            agent: "maria".into(),
            reason: format!(
                "reason {seq} {}",
                "x".repeat(usize::try_from(seq % 50).unwrap() * 20)
            ),
        },
        context: Context::by(Actor::Admin),
    }
}

fn entries(range: std::ops::RangeInclusive<u64>) -> Vec<Entry> {
    range.map(entry).collect()
}

fn all(journal: &mut Sqlite) -> Vec<Entry> {
    journal.read(Seq(0), usize::MAX).unwrap()
}

/// The files as a process that dies now leaves them.
fn as_left_behind(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for name in ["j", "j-wal"] {
        if from.join(name).exists() {
            std::fs::copy(from.join(name), to.join(name)).unwrap();
        }
    }
}

#[test]
fn each_acquisition_has_an_epoch_above_all_before_also_after_reopening() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("j");
    let mut epochs = Vec::new();
    for _ in 0..3 {
        let mut journal = Sqlite::open(&path).unwrap();
        epochs.push(journal.acquire("a").unwrap());
        epochs.push(journal.acquire("b").unwrap());
    }
    assert_eq!(epochs, (1..=6).map(Epoch).collect::<Vec<_>>());
}

#[test]
fn a_stale_leader_writes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let mut journal = Sqlite::open(&dir.path().join("j")).unwrap();
    let stale = journal.acquire("old").unwrap();
    journal.append(stale, &entries(1..=2)).unwrap();
    let current = journal.acquire("new").unwrap();

    let told = |result: Result<(), JournalError>| match result {
        Err(JournalError::Stale { ours, current }) => (ours, current),
        other => panic!("{other:?}"),
    };
    assert_eq!(told(journal.append(stale, &[entry(3)])), (stale, current));
    assert_eq!(told(journal.project(stale, &[])), (stale, current));
    let snapshot = Snapshot {
        seq: Seq(2),
        state: vec![1],
    };
    assert_eq!(
        told(journal.save_snapshot(stale, &snapshot)),
        (stale, current)
    );
    assert_eq!(all(&mut journal), entries(1..=2));
    assert_eq!(journal.snapshot().unwrap(), None);
    journal.append(current, &[entry(3)]).unwrap();
}

#[test]
fn a_batch_with_a_gap_is_refused_whole() {
    let dir = tempfile::tempdir().unwrap();
    let mut journal = Sqlite::open(&dir.path().join("j")).unwrap();
    let epoch = journal.acquire("a").unwrap();
    let gap = journal.append(epoch, &[entry(1), entry(3)]);
    assert!(
        matches!(
            gap,
            Err(JournalError::Gap {
                got: Seq(3),
                last: Seq(1)
            })
        ),
        "{gap:?}"
    );
    assert!(all(&mut journal).is_empty());
}

#[test]
fn a_second_engine_on_this_machine_is_kept_out_until_the_first_is_gone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("j");
    let first = Sqlite::open(&path).unwrap();
    let second = Sqlite::open(&path);
    assert!(
        matches!(second, Err(JournalError::Locked { .. })),
        "{second:?}"
    );
    drop(first);
    Sqlite::open(&path).unwrap();
}

#[test]
fn a_journal_of_a_newer_release_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("j");
    drop(Sqlite::open(&path).unwrap());
    let connection = Connection::open(&path).unwrap();
    connection.pragma_update(None, "user_version", 99).unwrap();
    drop(connection);
    let error = Sqlite::open(&path).unwrap_err();
    assert!(
        matches!(error, JournalError::Format { found: 99, .. }),
        "{error}"
    );
}

#[test]
fn killed_after_any_write_it_holds_exactly_what_was_acknowledged() {
    let dir = tempfile::tempdir().unwrap();
    let home = dir.path().join("home");
    let mut journal = Sqlite::open(&home.join("j")).unwrap();
    let epoch = journal.acquire("a").unwrap();
    let mut written = 0;
    for (kill, batch) in [1_u64, 1, 3, 40, 1, 7, 200, 2, 1].into_iter().enumerate() {
        journal
            .append(epoch, &entries(written + 1..=written + batch))
            .unwrap();
        written += batch;
        if kill % 3 == 2 {
            let snapshot = Snapshot {
                seq: Seq(written),
                state: vec![7; 10_000],
            };
            journal.save_snapshot(epoch, &snapshot).unwrap();
        }
        let grave = dir.path().join(format!("kill{kill}"));
        as_left_behind(&home, &grave);
        let mut successor = Sqlite::open(&grave.join("j")).unwrap();
        assert_eq!(all(&mut successor), entries(1..=written));
        assert!(successor.acquire("b").unwrap() > epoch);
    }
}

#[test]
fn a_log_torn_at_any_byte_loses_a_tail_of_whole_batches_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let home = dir.path().join("home");
    let mut journal = Sqlite::open(&home.join("j")).unwrap();
    let epoch = journal.acquire("a").unwrap();
    // What the log's length was when each batch had been acknowledged.
    let mut acknowledged = Vec::new();
    let mut written = 0;
    for batch in [2_u64, 5, 1, 9, 3] {
        journal
            .append(epoch, &entries(written + 1..=written + batch))
            .unwrap();
        written += batch;
        let length = std::fs::metadata(home.join("j-wal")).unwrap().len();
        acknowledged.push((length, written));
    }
    let whole = std::fs::metadata(home.join("j-wal")).unwrap().len();
    let grave = dir.path().join("grave");
    for cut in (0..whole).step_by(509).chain([whole - 1, whole]) {
        as_left_behind(&home, &grave);
        let log = std::fs::OpenOptions::new()
            .write(true)
            .open(grave.join("j-wal"))
            .unwrap();
        log.set_len(cut).unwrap();
        drop(log);
        let Ok(mut successor) = Sqlite::open(&grave.join("j")) else {
            panic!("torn at {cut} of {whole}: can't be opened");
        };
        let found = all(&mut successor);
        let whole_batches = acknowledged
            .iter()
            .filter(|(length, _)| *length <= cut)
            .map(|(_, count)| *count)
            .max()
            .unwrap_or(0);
        assert_eq!(found, entries(1..=whole_batches), "torn at {cut}");
        drop(successor);
        std::fs::remove_dir_all(&grave).unwrap();
    }
}

#[tokio::test]
async fn what_waits_goes_in_order_and_all_of_it_before_the_store_is_let_go() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("j");
    let writer = Writer::start(Box::new(Sqlite::open(&path).unwrap())).unwrap();
    let epoch = writer.acquire("a".into()).await.unwrap();
    let batches = (0..20).map(|n| writer.append(epoch, entries(n * 3 + 1..=n * 3 + 3)));
    for done in futures::future::join_all(batches).await {
        done.unwrap();
    }
    let snapshot = Snapshot {
        seq: Seq(60),
        state: b"state".to_vec(),
    };
    writer.save_snapshot(epoch, snapshot.clone());
    drop(writer);
    let mut again = Sqlite::open(&path).unwrap();
    assert_eq!(all(&mut again), entries(1..=60));
    assert_eq!(again.snapshot().unwrap(), Some(snapshot));
}
