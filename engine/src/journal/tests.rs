//! What only a file can suffer.

use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::conformance::{
    all, arrival, entries, erasure, key, named, records, rota, running, segment, spell,
};
use super::*;

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
fn a_journal_of_the_release_before_gets_what_it_lacks_and_keeps_what_it_has() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("j");
    let mut journal = Sqlite::open(&path).unwrap();
    let epoch = journal.acquire("a").unwrap();
    journal.append(epoch, &entries(1..=3)).unwrap();
    let rows = Rows {
        segments: vec![segment(1, 0)],
        spells: vec![spell("maria", 1)],
        rotas: vec![rota("maria", 1, Some((0, 9)))],
    };
    journal.project(epoch, &rows).unwrap();
    drop(journal);
    let connection = Connection::open(&path).unwrap();
    connection
        .execute_batch("DROP TABLE spell; DROP TABLE rota; DROP INDEX record_long")
        .unwrap();
    drop(connection);
    let mut journal = Sqlite::open(&path).unwrap();
    assert_eq!(all(&mut journal), entries(1..=3));
    let always = Time(i64::MAX);
    assert!(journal.spells(Time(0), always).unwrap().is_empty());
    assert!(journal.rotas(Time(0), always).unwrap().is_empty());
    journal.project(epoch, &rows).unwrap();
    assert_eq!(records(&mut journal, Time(0)), rows.segments);
    assert_eq!(journal.spells(Time(0), always).unwrap(), rows.spells);
    assert_eq!(journal.rotas(Time(0), always).unwrap(), rows.rotas);
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

/// Whether something stands anywhere in the files, as whoever has the disk reads them.
fn stands_in_files(dir: &Path, what: &[u8]) -> bool {
    ["j", "j-wal"].into_iter().any(|name| {
        let bytes = std::fs::read(dir.join(name)).unwrap_or_default();
        bytes.windows(what.len()).any(|part| part == what)
    })
}

#[test]
fn an_erasure_waits_for_no_reader_and_is_overwritten_once_they_are_gone() {
    let dir = tempfile::tempdir().unwrap();
    let home = dir.path().join("home");
    let path = home.join("j");
    let open = |path: &Path| {
        let store = Sqlite::open(path).unwrap();
        Writer::sealing(Box::new(store), Vault::new(&key(), Names::default())).unwrap()
    };
    let writer = open(&path);
    let beginning = Time(i64::MIN);
    running(async {
        let epoch = writer.acquire("a".into()).await.unwrap();
        let callers = ["+4930111111", "+4930222222", "+4930333333", "+4930444444"];
        let batch = (1..).zip(callers).map(|(seq, it)| arrival(seq, it));
        let batch = batch.collect();
        let written = writer.append(epoch, batch).await.unwrap();
        let backup = Connection::open(&path).unwrap();
        let sealed = |customer: &String| -> Vec<u8> {
            let select = "SELECT text FROM customer WHERE id = ?1";
            backup
                .query_row(select, [customer], |row| row.get(0))
                .unwrap()
        };
        let customers: Vec<String> = written.iter().map(named).collect();
        let texts: Vec<Vec<u8>> = customers.iter().map(sealed).collect();
        let stands = |n: usize| stands_in_files(&home, &texts[n]);
        let hold = |backup: &Connection| {
            backup.execute_batch("BEGIN").unwrap();
            let count = "SELECT count(*) FROM customer";
            let _: i64 = backup.query_row(count, [], |row| row.get(0)).unwrap();
        };

        hold(&backup);
        let began = Instant::now();
        let erase = erasure(5, &customers[0]);
        writer.append(epoch, vec![erase]).await.unwrap();
        let next = writer.append(epoch, entries(6..=6)).await;
        assert_eq!(next.unwrap(), entries(6..=6));
        let took = began.elapsed();
        assert!(took < Duration::from_secs(10), "{took:?}");
        assert!(stands(0), "the backup reads on from before");
        // What can't be overwritten yet keeps nothing from being cut.
        writer.cut(epoch, beginning, 9).await.unwrap();
        let took = began.elapsed();
        assert!(took < Duration::from_secs(10), "{took:?}");
        assert!(stands(0));

        backup.execute_batch("COMMIT").unwrap();
        assert!(stands(0), "nobody has come to it yet");
        let cut = writer.cut(epoch, beginning, 9).await.unwrap();
        assert_eq!(cut, Cut::default());
        assert!(!stands(0), "the next sweep, though there is nothing to cut");

        // The next erasure takes along what an earlier one owes.
        hold(&backup);
        let erase = erasure(7, &customers[1]);
        writer.append(epoch, vec![erase]).await.unwrap();
        assert!(stands(1));
        backup.execute_batch("COMMIT").unwrap();
        let erase = erasure(8, &customers[2]);
        writer.append(epoch, vec![erase]).await.unwrap();
        assert!(!stands(1) && !stands(2));

        // So does the first sweep of whoever leads after an engine that died.
        hold(&backup);
        let erase = erasure(9, &customers[3]);
        writer.append(epoch, vec![erase]).await.unwrap();
        let grave = dir.path().join("grave");
        as_left_behind(&home, &grave);
        assert!(stands_in_files(&grave, &texts[3]));
        let successor = open(&grave.join("j"));
        let epoch = successor.acquire("b".into()).await.unwrap();
        successor.cut(epoch, beginning, 9).await.unwrap();
        for text in &texts {
            assert!(!stands_in_files(&grave, text));
        }
    });
}
