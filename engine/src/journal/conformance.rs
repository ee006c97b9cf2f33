//! What every store must do: one suite, run on a SQLite file and on a real Postgres server.

use std::path::PathBuf;

use trunkline_routing::{Input, Time};

use super::*;
use crate::run::recover;
use crate::state::State;
use crate::state::tests::Disorder;
use crate::testing::database::Server;

mod customers;
mod rows;

use customers::{
    a_number_is_one_customer_however_it_is_written_and_a_name_is_what_it_is,
    customers_are_sealed_found_again_and_erased,
    whoever_comes_again_when_retention_has_cut_them_is_somebody_new,
    whoever_comes_in_the_commit_that_erases_them_is_somebody_new,
};
pub(super) use customers::{arrival, erasure, key, named};
use rows::{
    LATEST, a_record_written_again_is_one_record,
    agents_time_written_again_is_there_once_and_is_found_by_what_it_touches,
    of_rotas_the_versions_that_speak_of_a_time_are_found_and_of_those_given_before_it_the_last,
    rows_come_in_pages_that_join_and_none_of_whom_came_behind_the_time, segments,
    stretches_are_found_by_what_they_touch_however_long_before_they_began,
};
pub(super) use rows::{records, rota, segment, spell};

/// Where a test's journal lives.
pub(super) struct Home {
    location: Location,
    _dir: tempfile::TempDir,
}

impl Home {
    fn sqlite() -> Self {
        let dir = tempfile::tempdir().unwrap();
        Self {
            location: Location::Sqlite(dir.path().join("j")),
            _dir: dir,
        }
    }

    pub(super) fn postgres() -> Self {
        let url = Server::shared().database();
        Self {
            location: Location::Postgres(DatabaseUrl::new(&url, None).unwrap()),
            _dir: tempfile::tempdir().unwrap(),
        }
    }

    /// A process that another test is about to start has our file lock too, until it runs its own program.
    pub(super) fn open(&self) -> Box<dyn Journal> {
        let mut opened = self.location.open();
        for _ in 0..100 {
            if !matches!(opened, Err(JournalError::Locked { .. })) {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(20));
            opened = self.location.open();
        }
        opened.unwrap()
    }
}

macro_rules! on_every_store {
    ($($name:ident,)*) => {
        mod sqlite {
            $(#[test] fn $name() { super::$name(&super::Home::sqlite()) })*
        }
        mod postgres {
            $(#[test] fn $name() { super::$name(&super::Home::postgres()) })*
        }
    };
}

on_every_store! {
    each_acquisition_has_an_epoch_above_all_before_also_after_reopening,
    a_stale_leader_writes_nothing,
    a_batch_that_does_not_follow_is_refused_whole,
    what_is_written_is_read_in_order_and_in_parts_after_reopening,
    the_newest_snapshot_is_kept_and_the_one_before_it,
    a_record_written_again_is_one_record,
    stretches_are_found_by_what_they_touch_however_long_before_they_began,
    rows_come_in_pages_that_join_and_none_of_whom_came_behind_the_time,
    agents_time_written_again_is_there_once_and_is_found_by_what_it_touches,
    of_rotas_the_versions_that_speak_of_a_time_are_found_and_of_those_given_before_it_the_last,
    whoever_leads_is_seen_with_epoch_and_snapshot,
    what_waits_goes_in_order_and_all_of_it_before_the_store_is_let_go,
    replay_and_snapshot_with_tail_give_the_live_state_byte_for_byte,
    what_is_cut_is_old_and_in_both_snapshots_and_the_records_stay,
    of_the_marks_before_the_cut_the_last_stays_with_all_entries_behind_it,
    customers_are_sealed_found_again_and_erased,
    a_number_is_one_customer_however_it_is_written_and_a_name_is_what_it_is,
    whoever_comes_in_the_commit_that_erases_them_is_somebody_new,
    whoever_comes_again_when_retention_has_cut_them_is_somebody_new,
    a_snapshot_that_cannot_be_read_is_no_fresh_start_where_entries_are_cut,
}

pub(super) fn entry(seq: u64) -> Entry {
    let long = usize::try_from(seq % 50).unwrap() * 20;
    Entry {
        seq: Seq(seq),
        at: Time(i64::try_from(seq).unwrap() * 1_000),
        input: Input::NotReady {
            agent: "maria".into(),
            // With what a database might stumble upon.
            reason: format!("reason {seq} \0 ' \\ é {}", "x".repeat(long)),
        },
        context: Context::by(Actor::Admin),
    }
}

pub(super) fn entries(range: std::ops::RangeInclusive<u64>) -> Vec<Entry> {
    range.map(entry).collect()
}

pub(super) fn all(journal: &mut dyn Journal) -> Vec<Entry> {
    journal.read(Seq(0), usize::MAX).unwrap()
}

fn each_acquisition_has_an_epoch_above_all_before_also_after_reopening(home: &Home) {
    let mut epochs = Vec::new();
    for _ in 0..3 {
        let mut journal = home.open();
        epochs.push(journal.acquire("a").unwrap());
        epochs.push(journal.acquire("b").unwrap());
    }
    assert_eq!(epochs, (1..=6).map(Epoch).collect::<Vec<_>>());
}

fn a_stale_leader_writes_nothing(home: &Home) {
    let mut journal = home.open();
    let stale = journal.acquire("old").unwrap();
    journal.append(stale, &entries(1..=2)).unwrap();
    let current = journal.acquire("new").unwrap();

    let told = |result: Result<(), JournalError>| match result {
        Err(JournalError::Stale { ours, current }) => (ours, current),
        other => panic!("{other:?}"),
    };
    assert_eq!(told(journal.append(stale, &[entry(3)])), (stale, current));
    assert_eq!(told(journal.append(stale, &[])), (stale, current));
    assert_eq!(
        told(journal.project(stale, &Rows::default())),
        (stale, current)
    );
    assert_eq!(
        told(journal.project(stale, &segments([segment(1, 0)]))),
        (stale, current)
    );
    assert_eq!(told(journal.beat(stale)), (stale, current));
    let snapshot = Snapshot {
        seq: Seq(2),
        state: vec![1],
    };
    assert_eq!(
        told(journal.save_snapshot(stale, &snapshot)),
        (stale, current)
    );
    assert_eq!(all(journal.as_mut()), entries(1..=2));
    let spells = Rows {
        spells: vec![spell("maria", 1)],
        rotas: vec![rota("maria", 1, Some((0, 9)))],
        ..Rows::default()
    };
    assert_eq!(told(journal.project(stale, &spells)), (stale, current));
    assert!(journal.record(1).unwrap().is_empty());
    assert!(journal.spells(Time(0), LATEST).unwrap().is_empty());
    assert!(journal.rotas(Time(0), LATEST).unwrap().is_empty());
    assert_eq!(journal.snapshot().unwrap(), None);
    journal.append(current, &[entry(3)]).unwrap();
    journal.beat(current).unwrap();
}

fn a_batch_that_does_not_follow_is_refused_whole(home: &Home) {
    let mut journal = home.open();
    let epoch = journal.acquire("a").unwrap();
    let refused = |result: Result<(), JournalError>| match result {
        Err(JournalError::Gap { got, last }) => (got.0, last.0),
        other => panic!("{other:?}"),
    };
    let gap = journal.append(epoch, &[entry(1), entry(3)]);
    assert_eq!(refused(gap), (3, 1));
    assert!(all(journal.as_mut()).is_empty());
    journal.append(epoch, &entries(1..=4)).unwrap();
    assert_eq!(refused(journal.append(epoch, &entries(4..=5))), (4, 4));
    assert_eq!(refused(journal.append(epoch, &entries(6..=7))), (6, 4));
    assert_eq!(all(journal.as_mut()), entries(1..=4));
}

fn what_is_written_is_read_in_order_and_in_parts_after_reopening(home: &Home) {
    let mut journal = home.open();
    let epoch = journal.acquire("a").unwrap();
    for batch in [1..=1, 2..=40, 41..=300] {
        journal.append(epoch, &entries(batch)).unwrap();
    }
    drop(journal);
    let mut journal = home.open();
    assert_eq!(all(journal.as_mut()), entries(1..=300));
    assert_eq!(journal.read(Seq(99), 7).unwrap(), entries(100..=106));
    assert_eq!(journal.read(Seq(300), 7).unwrap(), []);
    let epoch = journal.acquire("b").unwrap();
    journal.append(epoch, &entries(301..=301)).unwrap();
}

fn the_newest_snapshot_is_kept_and_the_one_before_it(home: &Home) {
    let mut journal = home.open();
    let epoch = journal.acquire("a").unwrap();
    assert_eq!(journal.snapshot().unwrap(), None);
    for seq in [3, 9, 9, 20] {
        let snapshot = Snapshot {
            seq: Seq(seq),
            state: vec![u8::try_from(seq).unwrap(); 100_000],
        };
        journal.save_snapshot(epoch, &snapshot).unwrap();
        assert_eq!(journal.snapshot().unwrap(), Some(snapshot));
    }
}

fn whoever_leads_is_seen_with_epoch_and_snapshot(home: &Home) {
    let mut journal = home.open();
    let nobody = journal.leadership().unwrap();
    assert_eq!(
        (nobody.epoch, nobody.snapshot, nobody.held),
        (Epoch(0), Seq(0), false)
    );
    let epoch = journal.acquire("maria's engine").unwrap();
    let snapshot = Snapshot {
        seq: Seq(7),
        state: Vec::new(),
    };
    journal.save_snapshot(epoch, &snapshot).unwrap();
    let seen = journal.leadership().unwrap();
    assert_eq!((seen.epoch, seen.snapshot), (epoch, Seq(7)));
    assert_eq!(seen.holder, "maria's engine");
}

pub(super) fn running<T>(task: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.unwrap().block_on(task)
}

fn what_waits_goes_in_order_and_all_of_it_before_the_store_is_let_go(home: &Home) {
    let writer = Writer::start(home.open()).unwrap();
    let snapshot = Snapshot {
        seq: Seq(60),
        state: b"state".to_vec(),
    };
    running(async {
        let epoch = writer.acquire("a".into()).await.unwrap();
        let batches = (0..20).map(|n| writer.append(epoch, entries(n * 3 + 1..=n * 3 + 3)));
        for done in futures::future::join_all(batches).await {
            done.unwrap();
        }
        writer.save_snapshot(epoch, snapshot.clone());
    });
    drop(writer);
    let mut again = home.open();
    assert_eq!(all(again.as_mut()), entries(1..=60));
    assert_eq!(again.snapshot().unwrap(), Some(snapshot));
}

fn replay_and_snapshot_with_tail_give_the_live_state_byte_for_byte(home: &Home) {
    let mut live = Disorder::new(11);
    let mut journal = home.open();
    let epoch = journal.acquire("a").unwrap();
    let mut written = 0;
    for round in 0..6 {
        for _ in 0..150 {
            live.step();
        }
        journal.append(epoch, &live.entries[written..]).unwrap();
        written = live.entries.len();
        if round == 3 {
            let snapshot = live.state.snapshot().unwrap();
            journal.save_snapshot(epoch, &snapshot).unwrap();
        }
    }
    let mut replayed = State::default();
    for entry in all(journal.as_mut()) {
        replayed.apply(&entry);
    }
    drop(journal);
    let writer = Writer::start(home.open()).unwrap();
    let recovered = running(async {
        let epoch = writer.acquire("b".into()).await.unwrap();
        recover(&writer, epoch).await.unwrap()
    });
    let bytes = |state: &State| state.snapshot().unwrap();
    assert_eq!(bytes(&replayed), bytes(&live.state));
    assert_eq!(bytes(&recovered), bytes(&live.state));
}

fn what_is_cut_is_old_and_in_both_snapshots_and_the_records_stay(home: &Home) {
    let mut journal = home.open();
    let epoch = journal.acquire("a").unwrap();
    journal.append(epoch, &entries(1..=100)).unwrap();
    journal
        .project(
            epoch,
            &Rows {
                segments: vec![segment(1, 0), segment(2, 0)],
                spells: vec![spell("maria", 1)],
                rotas: vec![rota("maria", 1, None), rota("maria", 2, None)],
            },
        )
        .unwrap();
    let long_after = entry(1_000).at;
    let cut = |journal: &mut dyn Journal, before| {
        let cut = journal.cut(epoch, before, 7).unwrap();
        (cut.entries, cut.customers)
    };
    assert_eq!(
        cut(journal.as_mut(), long_after),
        (0, 0),
        "no snapshot holds them"
    );
    for seq in [40, 90] {
        let snapshot = Snapshot {
            seq: Seq(seq),
            state: Vec::new(),
        };
        journal.save_snapshot(epoch, &snapshot).unwrap();
    }
    assert_eq!(cut(journal.as_mut(), entry(3).at), (2, 0), "not yet old");
    let mut total = 2;
    while let (taken @ 1.., _) = cut(journal.as_mut(), long_after) {
        assert!(taken <= 7);
        total += taken;
    }
    assert_eq!(total, 40, "the older snapshot goes on to be of use");
    assert_eq!(all(journal.as_mut()), entries(41..=100));
    assert_eq!(records(journal.as_mut(), Time(0)).len(), 2);
    assert_eq!(journal.spells(Time(0), LATEST).unwrap().len(), 1);
    assert_eq!(journal.rotas(Time(0), LATEST).unwrap().len(), 2);
    let stale = journal.cut(Epoch(0), long_after, 7);
    assert!(
        matches!(stale, Err(JournalError::Stale { .. })),
        "{stale:?}"
    );
    // With nothing behind the newest snapshot the numbers go on all the same.
    for seq in [100, 101] {
        let snapshot = Snapshot {
            seq: Seq(seq.min(100)),
            state: vec![1],
        };
        journal.save_snapshot(epoch, &snapshot).unwrap();
    }
    while cut(journal.as_mut(), long_after).0 > 0 {}
    journal.append(epoch, &entries(101..=101)).unwrap();
}

fn of_the_marks_before_the_cut_the_last_stays_with_all_entries_behind_it(home: &Home) {
    let mut journal = home.open();
    let epoch = journal.acquire("a").unwrap();
    let apart = entry(31).at - entry(1).at;
    assert!(!journal.mark(epoch, apart).unwrap(), "nothing to keep");
    let mut kept = Vec::new();
    for seq in (10..=100).step_by(10) {
        journal.append(epoch, &entries(seq - 9..=seq)).unwrap();
        let snapshot = Snapshot {
            seq: Seq(seq),
            state: seq.to_string().into_bytes(),
        };
        journal.save_snapshot(epoch, &snapshot).unwrap();
        if journal.mark(epoch, apart).unwrap() {
            kept.push(snapshot);
        }
        assert!(!journal.mark(epoch, apart).unwrap(), "it is kept already");
    }
    let seqs = |kept: &[Snapshot]| kept.iter().map(|mark| mark.seq).collect::<Vec<_>>();
    assert_eq!(seqs(&kept), [Seq(10), Seq(40), Seq(70), Seq(100)]);
    drop(journal);
    let mut journal = home.open();
    assert_eq!(journal.marks().unwrap(), seqs(&kept));
    for mark in &kept {
        assert_eq!(journal.marked(mark.seq).unwrap().as_ref(), Some(mark));
    }
    assert_eq!(journal.marked(Seq(20)).unwrap(), None);
    let epoch = journal.acquire("b").unwrap();
    while journal.cut(epoch, entry(65).at, 7).unwrap().entries > 0 {}
    assert_eq!(journal.marks().unwrap(), seqs(&kept[1..]));
    assert_eq!(all(journal.as_mut()), entries(41..=100));
    let stale = journal.mark(Epoch(0), apart);
    assert!(
        matches!(stale, Err(JournalError::Stale { .. })),
        "{stale:?}"
    );
}

fn a_snapshot_that_cannot_be_read_is_no_fresh_start_where_entries_are_cut(home: &Home) {
    let mut journal = home.open();
    let epoch = journal.acquire("a").unwrap();
    journal.append(epoch, &entries(1..=9)).unwrap();
    for seq in [5, 6] {
        let snapshot = Snapshot {
            seq: Seq(seq),
            state: br#"{"layout":999}"#.to_vec(),
        };
        journal.save_snapshot(epoch, &snapshot).unwrap();
    }
    drop(journal);
    let recovered = || {
        let writer = Writer::start(home.open()).unwrap();
        running(async {
            let epoch = writer.acquire("b".into()).await.unwrap();
            recover(&writer, epoch).await.map(|state| state.seq)
        })
    };
    assert_eq!(recovered().unwrap(), Seq(9), "all entries are there");
    let mut journal = home.open();
    let epoch = journal.acquire("c").unwrap();
    journal.cut(epoch, Time(i64::MAX), 100).unwrap();
    drop(journal);
    let told = recovered().unwrap_err().to_string();
    assert!(
        told.contains("999") && told.contains("run the release"),
        "{told}"
    );
}

/// For what only a server can suffer.
mod server {
    use super::*;

    fn journal(server: &Server) -> (String, Postgres) {
        let url = server.database();
        let journal = Postgres::open(DatabaseUrl::new(&url, None).unwrap()).unwrap();
        (url, journal)
    }

    #[test]
    fn what_was_acknowledged_survives_crashes_of_the_server_and_the_leader_writes_on() {
        let server = Server::start();
        let (url, mut journal) = journal(&server);
        let epoch = journal.acquire("a").unwrap();
        let mut written = 0;
        for batch in [1_u64, 30, 2] {
            let next = entries(written + 1..=written + batch);
            journal.append(epoch, &next).unwrap();
            written += batch;
            server.crash_and_start();
        }
        journal
            .append(epoch, &entries(written + 1..=written + 1))
            .unwrap();
        let mut reader = Postgres::open(DatabaseUrl::new(&url, None).unwrap()).unwrap();
        assert_eq!(all(&mut reader), entries(1..=written + 1));
        assert!(
            reader.leadership().unwrap().held,
            "the new session is the leader's"
        );
    }

    #[test]
    fn a_batch_whose_answer_was_lost_is_there_once() {
        let server = Server::shared();
        let (url, mut journal) = journal(server);
        let epoch = journal.acquire("a").unwrap();
        let mut admin = ::postgres::Client::connect(&url, ::postgres::NoTls).unwrap();
        // Each time the leader's session is cut somewhere between request and answer.
        for number in 1..=40_u64 {
            let cut = std::thread::spawn({
                let url = url.clone();
                move || {
                    std::thread::sleep(std::time::Duration::from_micros(number * 60));
                    let mut client = ::postgres::Client::connect(&url, ::postgres::NoTls).unwrap();
                    let cut = "SELECT pg_terminate_backend(pid) FROM leader";
                    client.query_one(cut, &[]).unwrap();
                }
            });
            let next = entries(number * 20 - 19..=number * 20);
            journal.append(epoch, &next).unwrap();
            cut.join().unwrap();
        }
        let count = admin.query_one("SELECT count(*) FROM entry", &[]).unwrap();
        assert_eq!(count.get::<_, i64>(0), 800);
        assert_eq!(all(&mut journal), entries(1..=800));
    }

    #[test]
    fn of_two_who_write_at_once_only_the_one_of_the_newest_epoch_does() {
        let (url, mut old) = journal(Server::shared());
        let before = old.acquire("old").unwrap();
        let mut new = Postgres::open(DatabaseUrl::new(&url, None).unwrap()).unwrap();
        let writing = std::thread::spawn(move || {
            for number in 1.. {
                if let Err(error) = old.append(before, &[entry(number)]) {
                    assert!(matches!(error, JournalError::Stale { .. }), "{error:?}");
                    return number - 1;
                }
            }
            0
        });
        std::thread::sleep(std::time::Duration::from_millis(100));
        let after = new.acquire("new").unwrap();
        let seen = u64::try_from(all(&mut new).len()).unwrap();
        new.append(after, &entries(seen + 1..=seen + 3)).unwrap();
        assert_eq!(writing.join().unwrap(), seen, "nothing came between");
        assert_eq!(all(&mut new), entries(1..=seen + 3));
    }

    #[test]
    fn a_session_that_ends_is_seen_at_once_and_beats_tell_of_one_that_lives() {
        let (url, mut leader) = journal(Server::shared());
        let epoch = leader.acquire("a").unwrap();
        let mut standby = Postgres::open(DatabaseUrl::new(&url, None).unwrap()).unwrap();
        let before = standby.leadership().unwrap();
        assert!(before.held);
        leader.beat(epoch).unwrap();
        assert_eq!(standby.leadership().unwrap().beat, before.beat + 1);
        drop(leader);
        let began = std::time::Instant::now();
        while standby.leadership().unwrap().held {
            assert!(began.elapsed() < std::time::Duration::from_secs(5));
        }
    }

    #[test]
    fn a_journal_of_a_newer_release_is_left_alone() {
        let (url, leader) = journal(Server::shared());
        drop(leader);
        let mut admin = ::postgres::Client::connect(&url, ::postgres::NoTls).unwrap();
        admin
            .batch_execute("UPDATE leader SET format = 99")
            .unwrap();
        let error = Postgres::open(DatabaseUrl::new(&url, None).unwrap())
            .err()
            .unwrap();
        assert!(
            matches!(error, JournalError::Format { found: 99, .. }),
            "{error}"
        );
    }

    #[test]
    fn a_database_of_the_release_before_is_read_as_it_is_and_led_with_the_tables_it_lacks() {
        let (url, mut leader) = journal(Server::shared());
        let epoch = leader.acquire("a").unwrap();
        leader.append(epoch, &entries(1..=3)).unwrap();
        drop(leader);
        let mut admin = ::postgres::Client::connect(&url, ::postgres::NoTls).unwrap();
        admin
            .batch_execute("DROP TABLE spell, rota; DROP INDEX record_long")
            .unwrap();
        let location = Location::Postgres(DatabaseUrl::new(&url, None).unwrap());
        let mut reader = location.open_to_read().unwrap();
        assert_eq!(all(reader.as_mut()), entries(1..=3));
        assert!(records(reader.as_mut(), Time(0)).is_empty());
        let rows = Rows {
            segments: vec![segment(1, 0)],
            spells: vec![spell("maria", 1)],
            rotas: vec![rota("maria", 1, Some((0, 9)))],
        };
        let mut leader = location.open().unwrap();
        leader.project(epoch, &rows).unwrap();
        let made = "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass('record_long')";
        assert!(admin.query_one(made, &[]).unwrap().get::<_, bool>(0));
        assert_eq!(records(reader.as_mut(), Time(0)), rows.segments);
        assert_eq!(reader.spells(Time(0), LATEST).unwrap(), rows.spells);
        assert_eq!(reader.rotas(Time(0), LATEST).unwrap(), rows.rotas);
    }

    #[test]
    fn the_server_keeps_no_samples_of_what_customers_are_sealed_in_also_where_a_release_before_let_it()
     {
        let (url, mut leader) = journal(Server::shared());
        let epoch = leader.acquire("a").unwrap();
        let sealed = |n: u8| Sealed {
            id: format!("c-{n}"),
            lookup: vec![n; 32],
            key: vec![n; 60],
            text: vec![n; 40],
            seen: n.into(),
        };
        let come: Vec<Sealed> = (0..100).map(sealed).collect();
        leader.append_with(epoch, &entries(1..=1), &come).unwrap();
        let mut admin = ::postgres::Client::connect(&url, ::postgres::NoTls).unwrap();
        let mut sampled = |before: &str| {
            admin.batch_execute(before).unwrap();
            let select =
                "SELECT attname::TEXT FROM pg_stats WHERE tablename = 'customer' ORDER BY 1";
            let rows = admin.query(select, &[]).unwrap();
            rows.iter().map(|row| row.get(0)).collect::<Vec<String>>()
        };
        assert_eq!(sampled("ANALYZE customer"), ["id", "seen"]);
        drop(leader);
        let release_before =
            "ALTER TABLE customer ALTER lookup SET STATISTICS -1, ALTER key SET STATISTICS -1,
                                                   ALTER text SET STATISTICS -1;
                              ANALYZE customer";
        assert_eq!(sampled(release_before).len(), 5);
        let mut leader = Postgres::open(DatabaseUrl::new(&url, None).unwrap()).unwrap();
        assert_eq!(sampled("SELECT 1"), ["id", "seen"]);
        assert_eq!(sampled("ANALYZE customer"), ["id", "seen"]);
        let lookups = [7, 3].map(|at| come[at].lookup.clone());
        let found = leader.customers_by(&lookups).unwrap();
        assert_eq!(found, [7, 3].map(|at| come[at].clone()));
    }

    #[test]
    fn a_database_that_lets_us_not_in_is_said_without_the_password() {
        let url = Server::shared()
            .database()
            .replace("trunkline:", "trunkline:x");
        let error = Postgres::open(DatabaseUrl::new(&url, None).unwrap())
            .err()
            .unwrap();
        let told = format!("{:#}", anyhow::Error::from(error));
        assert!(told.contains("password authentication failed"), "{told}");
        let password = url.split([':', '@']).nth(2).unwrap();
        assert!(!told.contains(password), "{told}");
    }

    #[test]
    fn the_file_of_a_secret_names_the_database() {
        let dir = tempfile::tempdir().unwrap();
        let file: PathBuf = dir.path().join("uri");
        std::fs::write(&file, Server::shared().database() + "\n").unwrap();
        Location::read(&file).unwrap().open().unwrap();
    }
}
