//! The journal in one SQLite file.
//!
//! WAL with `synchronous=FULL`: each commit is synced to the disk before it returns, so what was
//! acknowledged survives a loss of power, and a commit costs one sync of the log. A torn tail of
//! the log fails its checksum and is left out when the file is opened again: it was never
//! acknowledged. Records are a fold of the entries and wait for no sync of their own.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};
use serde::Serialize;
use serde::de::DeserializeOwned;
use trunkline_routing::metrics::{RotaVersion, Spell};
use trunkline_routing::{Segment, Span, Time};

use super::{
    Cut, Entry, Epoch, Journal, JournalError, LONG, Leadership, RULES_BETWEEN, RowKey, Rows, Rules,
    Sealed, Seq, Snapshot, Touched,
};

/// What this engine writes.
const FORMAT: u32 = 2;
/// Checkpoints are cheap at this size of the log (in pages of 4 KiB), and it stays small.
const WAL_PAGES: u32 = 4096;
/// Whoever else has the file open (a backup) may hold its lock: waited for as long as a database that is away.
const BUSY: Duration = Duration::from_secs(60);
/// A backup reads for minutes, and every commit waits for whoever waits for it: what is overwritten can be so later.
const BUSY_SCRUBBING: Duration = Duration::from_millis(100);

const SCHEMA: &str = "
CREATE TABLE leader (one INTEGER PRIMARY KEY CHECK (one = 1), epoch INTEGER NOT NULL, holder TEXT NOT NULL);
INSERT INTO leader VALUES (1, 0, '');
CREATE TABLE entry (seq INTEGER PRIMARY KEY, epoch INTEGER NOT NULL, at INTEGER NOT NULL, body TEXT NOT NULL);
CREATE TABLE snapshot (seq INTEGER PRIMARY KEY, state BLOB NOT NULL);
CREATE TABLE record (contact INTEGER NOT NULL, stretch INTEGER NOT NULL, entered INTEGER NOT NULL, body TEXT NOT NULL,
                     PRIMARY KEY (contact, stretch)) WITHOUT ROWID;
CREATE INDEX record_entered ON record (entered);
";
/// Since format 2. Deleted rows are overwritten (`secure_delete`).
const CUSTOMERS: &str = "
CREATE TABLE customer (id TEXT PRIMARY KEY, lookup BLOB NOT NULL UNIQUE, key BLOB NOT NULL, text BLOB NOT NULL,
                       seen INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX customer_seen ON customer (seen);
";

/// Of a row: when it ended, and when its contact came. Read from the rows themselves, so that those of an older release
/// are found like the others.
const ENDED: &str = "json_extract(body, '$.ended')";
const CAME: &str = "min(entered, json_extract(body, '$.arrived'))";

/// Whoever asks for a time wants the conversations that went on into it, too: see [`LONG`]. No format of its own. A
/// release before had all rows by their ends, which it makes anew if it comes back.
fn long() -> String {
    format!(
        "CREATE INDEX IF NOT EXISTS record_long ON record (entered, contact, stretch, {ENDED}, {CAME}) WHERE {ENDED} - {CAME} > {LONG};
         DROP INDEX IF EXISTS record_ended;",
        LONG = LONG.0
    )
}

/// What agents' time went to. An older release leaves it as it is, so it is no format of its own; the
/// time of its days is in no row.
const SPELLS: &str = "
CREATE TABLE IF NOT EXISTS spell (agent TEXT NOT NULL, began INTEGER NOT NULL, ended INTEGER NOT NULL, body TEXT NOT NULL,
                                  PRIMARY KEY (agent, began)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS spell_ended ON spell (ended);
";

/// What was planned for agents, version by version; no format of its own either.
const ROTAS: &str = "
CREATE TABLE IF NOT EXISTS rota (agent TEXT NOT NULL, given INTEGER NOT NULL, speaks INTEGER NOT NULL, body TEXT NOT NULL,
                                 PRIMARY KEY (agent, given));
";

/// Snapshots that stay, to replay from; no format of its own either. A release that doesn't know them cuts
/// behind them: then they are of no use.
const MARKS: &str = "CREATE TABLE IF NOT EXISTS mark (seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, state BLOB NOT NULL);";

/// By which rules each epoch's leader decides; no format of its own either. One of a release that doesn't know it has
/// no row.
const RULED: &str = "CREATE TABLE IF NOT EXISTS ruled (epoch INTEGER PRIMARY KEY, revision INTEGER NOT NULL, release TEXT NOT NULL);";

/// When what is committed is on the disk. The log is one file: a sync takes along all that was
/// written before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sync {
    /// Before the commit returns.
    Now,
    /// With the next commit that is synced.
    Later,
}

/// A journal in a file. Holding it holds an exclusive lock beside the file, so that no second
/// engine of this machine opens it; the lock ends with the process, however that ends.
#[derive(Debug)]
pub struct Sqlite {
    connection: Connection,
    sync: Sync,
    _lock: File,
}

impl Sqlite {
    /// Opens or makes the journal, and locks it by the file `PATH.lock` beside it.
    ///
    /// # Errors
    /// [`JournalError::Locked`] where another process has it; [`JournalError::Format`] where a
    /// newer release wrote it; [`JournalError::Open`].
    pub fn open(path: &Path) -> Result<Self, JournalError> {
        if let Some(dir) = path.parent() {
            std::fs::create_dir_all(dir).map_err(|source| JournalError::Open {
                path: dir.display().to_string(),
                source,
            })?;
        }
        let mut beside = path.as_os_str().to_owned();
        beside.push(".lock");
        let lock = lock(&PathBuf::from(beside))?;
        let connection = connect(path)?;
        Ok(Self {
            connection,
            sync: Sync::Now,
            _lock: lock,
        })
    }

    fn rows<T: DeserializeOwned>(
        &mut self,
        select: &str,
        by: impl rusqlite::Params,
    ) -> Result<Vec<T>, JournalError> {
        const DOING: &str = "reading rows";
        let mut select = self
            .connection
            .prepare_cached(select)
            .map_err(sqlite(DOING))?;
        let rows = select
            .query_map(by, |row| row.get::<_, String>(0))
            .map_err(sqlite(DOING))?;
        rows.map(|row| {
            let body = row.map_err(sqlite(DOING))?;
            serde_json::from_str(&body).map_err(|source| JournalError::Entry {
                seq: Seq(0),
                source,
            })
        })
        .collect()
    }

    fn begin(&mut self, sync: Sync, doing: &'static str) -> Result<Transaction<'_>, JournalError> {
        if self.sync != sync {
            let mode = match sync {
                Sync::Now => "FULL",
                Sync::Later => "NORMAL",
            };
            self.connection
                .pragma_update(None, "synchronous", mode)
                .map_err(sqlite(doing))?;
            self.sync = sync;
        }
        self.connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(sqlite(doing))
    }

    /// A transaction under an epoch that is still the leader's.
    fn led(
        &mut self,
        ours: Epoch,
        sync: Sync,
        doing: &'static str,
    ) -> Result<Transaction<'_>, JournalError> {
        let transaction = self.begin(sync, doing)?;
        let current = epoch(&transaction).map_err(sqlite(doing))?;
        if current != ours {
            return Err(JournalError::Stale { ours, current });
        }
        Ok(transaction)
    }
}

fn lock(path: &PathBuf) -> Result<File, JournalError> {
    let shown = || path.display().to_string();
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path)
        .map_err(|source| JournalError::Open {
            path: shown(),
            source,
        })?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(JournalError::Locked { path: shown() }),
        Err(TryLockError::Error(source)) => Err(JournalError::Open {
            path: shown(),
            source,
        }),
    }
}

fn connect(path: &Path) -> Result<Connection, JournalError> {
    let opening = sqlite("opening it");
    let mut connection = Connection::open(path).map_err(sqlite("opening it"))?;
    connection
        .busy_timeout(BUSY)
        .map_err(sqlite("opening it"))?;
    for (name, value) in [
        ("journal_mode", "WAL"),
        ("synchronous", "FULL"),
        ("secure_delete", "ON"),
    ] {
        connection
            .pragma_update(None, name, value)
            .map_err(sqlite("opening it"))?;
    }
    connection
        .pragma_update(None, "wal_autocheckpoint", WAL_PAGES)
        .map_err(sqlite("opening it"))?;
    let transaction = connection
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_err(sqlite("opening it"))?;
    let found: u32 = transaction
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .map_err(sqlite("reading its format"))?;
    let made = |tables: &str| {
        transaction
            .execute_batch(tables)
            .and_then(|()| transaction.pragma_update(None, "user_version", FORMAT))
            .map_err(sqlite("making its tables"))
    };
    match found {
        0 => made(&format!("{SCHEMA}{CUSTOMERS}"))?,
        // What the release before wrote names customers in the open, until it is cut.
        1 => made(CUSTOMERS)?,
        FORMAT => {}
        found => {
            return Err(JournalError::Format {
                found,
                known: FORMAT,
            });
        }
    }
    transaction
        .execute_batch(&format!("{}{SPELLS}{ROTAS}{MARKS}{RULED}", long()))
        .map_err(sqlite("making its tables"))?;
    transaction.commit().map_err(opening)?;
    Ok(connection)
}

fn sqlite(doing: &'static str) -> impl FnOnce(rusqlite::Error) -> JournalError {
    move |source| JournalError::Sqlite { doing, source }
}

fn epoch(connection: &Connection) -> rusqlite::Result<Epoch> {
    connection.query_row("SELECT epoch FROM leader", [], |row| {
        row.get::<_, i64>(0).map(|n| Epoch(n.unsigned_abs()))
    })
}

fn written(row: &impl Serialize) -> Result<String, JournalError> {
    serde_json::to_string(row).map_err(|source| JournalError::Entry {
        seq: Seq(0),
        source,
    })
}

/// SQLite's integers are signed; our counters never come near the end of either.
fn signed(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

/// Of entries that may all have been cut: a snapshot holds the newest then.
fn last_seq(connection: &Connection) -> rusqlite::Result<Seq> {
    connection.query_row(
        "SELECT coalesce((SELECT max(seq) FROM entry), (SELECT max(seq) FROM snapshot), 0)",
        [],
        |row| row.get::<_, i64>(0).map(|n| Seq(n.unsigned_abs())),
    )
}

impl Journal for Sqlite {
    fn acquire(&mut self, holder: &str) -> Result<Epoch, JournalError> {
        const DOING: &str = "acquiring the leadership";
        let transaction = self.begin(Sync::Now, DOING)?;
        let next = Epoch(epoch(&transaction).map_err(sqlite(DOING))?.0 + 1);
        transaction
            .execute(
                "UPDATE leader SET epoch = ?1, holder = ?2",
                params![signed(next.0), holder],
            )
            .map_err(sqlite(DOING))?;
        let rules = Rules::ours();
        transaction
            .execute(
                "INSERT OR REPLACE INTO ruled VALUES (?1, ?2, ?3)",
                params![signed(next.0), rules.revision, rules.release],
            )
            .map_err(sqlite(DOING))?;
        transaction.commit().map_err(sqlite(DOING))?;
        Ok(next)
    }

    fn append_with(
        &mut self,
        ours: Epoch,
        entries: &[Entry],
        customers: &[Sealed],
    ) -> Result<(), JournalError> {
        const DOING: &str = "appending";
        let transaction = self.led(ours, Sync::Now, DOING)?;
        let mut last = last_seq(&transaction).map_err(sqlite(DOING))?;
        {
            let mut insert = transaction
                .prepare_cached("INSERT INTO entry (seq, epoch, at, body) VALUES (?1, ?2, ?3, ?4)")
                .map_err(sqlite(DOING))?;
            for entry in entries {
                if entry.seq != last.next() {
                    return Err(JournalError::Gap {
                        got: entry.seq,
                        last,
                    });
                }
                last = entry.seq;
                let body = serde_json::to_string(entry).map_err(|source| JournalError::Entry {
                    seq: entry.seq,
                    source,
                })?;
                insert
                    .execute(params![
                        signed(entry.seq.0),
                        signed(ours.0),
                        entry.at.0,
                        body
                    ])
                    .map_err(sqlite(DOING))?;
            }
        }
        // First, for whoever comes again in the same commit has a new row under the same lookup.
        for erased in entries.iter().filter_map(|e| e.context.erased.as_ref()) {
            transaction
                .execute("DELETE FROM customer WHERE id = ?1", [erased])
                .map_err(sqlite(DOING))?;
        }
        for row in customers {
            transaction
                .prepare_cached(
                    "INSERT INTO customer (id, lookup, key, text, seen) VALUES (?1, ?2, ?3, ?4, ?5)
                     ON CONFLICT (id) DO UPDATE SET seen = excluded.seen",
                )
                .and_then(|mut insert| {
                    insert.execute(params![row.id, row.lookup, row.key, row.text, row.seen])
                })
                .map_err(sqlite(DOING))?;
        }
        transaction.commit().map_err(sqlite(DOING))
    }

    fn project(&mut self, ours: Epoch, rows: &Rows) -> Result<(), JournalError> {
        const DOING: &str = "writing rows";
        let transaction = self.led(ours, Sync::Later, DOING)?;
        {
            let mut insert = transaction
                .prepare_cached("INSERT OR REPLACE INTO record VALUES (?1, ?2, ?3, ?4)")
                .map_err(sqlite(DOING))?;
            for row in &rows.segments {
                insert
                    .execute(params![
                        signed(row.contact.0),
                        row.index,
                        row.entered.0,
                        written(row)?
                    ])
                    .map_err(sqlite(DOING))?;
            }
            let mut insert = transaction
                .prepare_cached("INSERT OR REPLACE INTO spell VALUES (?1, ?2, ?3, ?4)")
                .map_err(sqlite(DOING))?;
            for row in &rows.spells {
                insert
                    .execute(params![
                        row.agent.as_str(),
                        row.from.0,
                        row.to.0,
                        written(row)?
                    ])
                    .map_err(sqlite(DOING))?;
            }
            let mut insert = transaction
                .prepare_cached("INSERT OR REPLACE INTO rota VALUES (?1, ?2, ?3, ?4)")
                .map_err(sqlite(DOING))?;
            for row in &rows.rotas {
                insert
                    .execute(params![
                        row.agent.as_str(),
                        row.given.0,
                        row.speaks_from().0,
                        written(row)?
                    ])
                    .map_err(sqlite(DOING))?;
            }
        }
        transaction.commit().map_err(sqlite(DOING))
    }

    fn save_snapshot(&mut self, ours: Epoch, snapshot: &Snapshot) -> Result<(), JournalError> {
        const DOING: &str = "writing a snapshot";
        let transaction = self.led(ours, Sync::Now, DOING)?;
        transaction
            .execute(
                "INSERT OR REPLACE INTO snapshot VALUES (?1, ?2)",
                params![signed(snapshot.seq.0), snapshot.state],
            )
            .map_err(sqlite(DOING))?;
        transaction
            .execute(
                "DELETE FROM snapshot WHERE seq NOT IN (SELECT seq FROM snapshot ORDER BY seq DESC LIMIT 2)",
                [],
            )
            .map_err(sqlite(DOING))?;
        transaction.commit().map_err(sqlite(DOING))
    }

    fn snapshot(&mut self) -> Result<Option<Snapshot>, JournalError> {
        self.connection
            .query_row(
                "SELECT seq, state FROM snapshot ORDER BY seq DESC LIMIT 1",
                [],
                |row| {
                    Ok(Snapshot {
                        seq: Seq(row.get::<_, i64>(0)?.unsigned_abs()),
                        state: row.get(1)?,
                    })
                },
            )
            .optional()
            .map_err(sqlite("reading a snapshot"))
    }

    fn mark(&mut self, ours: Epoch, apart: Span) -> Result<bool, JournalError> {
        const DOING: &str = "keeping a mark";
        let transaction = self.led(ours, Sync::Now, DOING)?;
        let kept = transaction
            .execute(
                "INSERT OR IGNORE INTO mark SELECT snapshot.seq, entry.at, snapshot.state FROM snapshot JOIN entry USING (seq)
                  WHERE seq = (SELECT max(seq) FROM snapshot)
                    AND NOT EXISTS (SELECT 1 FROM mark WHERE mark.at > entry.at - ?1)",
                [apart.0],
            )
            .map_err(sqlite(DOING))?;
        transaction.commit().map_err(sqlite(DOING))?;
        Ok(kept > 0)
    }

    fn marks(&mut self) -> Result<Vec<Seq>, JournalError> {
        const DOING: &str = "reading marks";
        let mut select = self
            .connection
            .prepare_cached(
                "SELECT seq FROM mark WHERE seq + 1 >= (SELECT min(seq) FROM entry) ORDER BY seq",
            )
            .map_err(sqlite(DOING))?;
        let rows = select
            .query_map([], |row| row.get::<_, i64>(0))
            .map_err(sqlite(DOING))?;
        rows.map(|seq| Ok(Seq(seq.map_err(sqlite(DOING))?.unsigned_abs())))
            .collect()
    }

    fn marked(&mut self, seq: Seq) -> Result<Option<Snapshot>, JournalError> {
        self.connection
            .query_row(
                "SELECT state FROM mark WHERE seq = ?1",
                [signed(seq.0)],
                |row| {
                    Ok(Snapshot {
                        seq,
                        state: row.get(0)?,
                    })
                },
            )
            .optional()
            .map_err(sqlite("reading a mark"))
    }

    fn rules(&mut self, after: Seq, last: Seq) -> Result<Vec<Option<Rules>>, JournalError> {
        const DOING: &str = "reading by which rules was decided";
        let mut select = self
            .connection
            .prepare_cached(RULES_BETWEEN)
            .map_err(sqlite(DOING))?;
        let rules = |row: &rusqlite::Row<'_>| {
            let (revision, release): (Option<u32>, Option<String>) = (row.get(0)?, row.get(1)?);
            let known = revision.zip(release);
            Ok(known.map(|(revision, release)| Rules { revision, release }))
        };
        let rows = select
            .query_map([signed(after.0), signed(last.0)], rules)
            .map_err(sqlite(DOING))?;
        rows.map(|row| row.map_err(sqlite(DOING))).collect()
    }

    fn read(&mut self, after: Seq, limit: usize) -> Result<Vec<Entry>, JournalError> {
        const DOING: &str = "reading entries";
        let mut select = self
            .connection
            .prepare_cached("SELECT seq, body FROM entry WHERE seq > ?1 ORDER BY seq LIMIT ?2")
            .map_err(sqlite(DOING))?;
        let rows = select
            .query_map(
                params![signed(after.0), i64::try_from(limit).unwrap_or(i64::MAX)],
                |row| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?)),
            )
            .map_err(sqlite(DOING))?;
        rows.map(|row| {
            let (seq, body) = row.map_err(sqlite(DOING))?;
            serde_json::from_str(&body).map_err(|source| JournalError::Entry {
                seq: Seq(seq.unsigned_abs()),
                source,
            })
        })
        .collect()
    }

    fn records(
        &mut self,
        within: (Time, Time),
        after: Option<RowKey>,
        limit: usize,
    ) -> Result<Vec<Segment>, JournalError> {
        let it = Touched::new(within, after, limit);
        // Left to itself it walks through other indexes, for the order's sake; and of the long ones, to the end of theirs.
        self.rows(
            &format!(
                "WITH short AS MATERIALIZED (
                   SELECT entered, contact, stretch, body FROM record INDEXED BY record_entered
                    WHERE entered >= ?3 AND entered < ?4 AND (entered, contact, stretch) > (?5, ?6, ?7)
                      AND (entered >= ?1 OR {ENDED} >= ?1) AND (entered < ?2 OR {CAME} < ?2)
                    ORDER BY entered, contact, stretch LIMIT ?8),
                 long AS (
                   SELECT entered, contact, stretch, body FROM record INDEXED BY record_long
                    WHERE {ENDED} - {CAME} > {LONG} AND entered >= ?5
                      AND entered <= (SELECT CASE WHEN count(*) < ?8 THEN {LAST} ELSE max(entered) END FROM short)
                      AND (+entered, contact, stretch) > (?5, ?6, ?7) AND {ENDED} >= ?1 AND {CAME} < ?2
                    ORDER BY entered, contact, stretch LIMIT ?8)
                 SELECT body FROM (SELECT * FROM short UNION SELECT * FROM long) AS touched
                  ORDER BY entered, contact, stretch LIMIT ?8",
                LONG = LONG.0,
                LAST = i64::MAX
            ),
            params![
                it.from,
                it.to,
                it.entered.0,
                it.entered.1,
                it.after.0,
                it.after.1,
                it.after.2,
                it.limit
            ],
        )
    }

    fn spells(&mut self, from: Time, to: Time) -> Result<Vec<Spell>, JournalError> {
        self.rows(
            "SELECT body FROM spell WHERE ended > ?1 AND began < ?2 ORDER BY began, agent",
            [from.0, to.0],
        )
    }

    fn rotas(&mut self, from: Time, to: Time) -> Result<Vec<RotaVersion>, JournalError> {
        self.rows(
            "SELECT body FROM rota AS one WHERE speaks < ?2
                AND given >= coalesce((SELECT max(given) FROM rota WHERE agent = one.agent AND given <= ?1), given)
              ORDER BY given, agent",
            [from.0, to.0],
        )
    }

    fn record(&mut self, contact: u64) -> Result<Vec<Segment>, JournalError> {
        self.rows(
            "SELECT body FROM record WHERE contact = ?1 ORDER BY stretch",
            [signed(contact)],
        )
    }

    fn leadership(&mut self) -> Result<Leadership, JournalError> {
        self.connection
            .query_row(
                "SELECT epoch, holder, (SELECT coalesce(max(seq), 0) FROM snapshot) FROM leader",
                [],
                |row| {
                    Ok(Leadership {
                        epoch: Epoch(row.get::<_, i64>(0)?.unsigned_abs()),
                        holder: row.get(1)?,
                        beat: 0,
                        // Whoever reads this has the file's lock.
                        held: false,
                        snapshot: Seq(row.get::<_, i64>(2)?.unsigned_abs()),
                    })
                },
            )
            .map_err(sqlite("reading who leads"))
    }

    /// Nobody stands by on one file: its lock says who lives.
    fn beat(&mut self, ours: Epoch) -> Result<(), JournalError> {
        let current = epoch(&self.connection).map_err(sqlite("giving a sign of life"))?;
        if current == ours {
            Ok(())
        } else {
            Err(JournalError::Stale { ours, current })
        }
    }

    fn customers_by(&mut self, lookups: &[Vec<u8>]) -> Result<Vec<Sealed>, JournalError> {
        const DOING: &str = "reading a customer";
        let mut select = self
            .connection
            .prepare_cached("SELECT id, lookup, key, text, seen FROM customer WHERE lookup = ?1")
            .map_err(sqlite(DOING))?;
        let rows = lookups
            .iter()
            .map(|lookup| select.query_row([lookup], sealed).optional());
        let rows: rusqlite::Result<Vec<Option<Sealed>>> = rows.collect();
        Ok(rows.map_err(sqlite(DOING))?.into_iter().flatten().collect())
    }

    fn customers(&mut self, ids: &[String]) -> Result<Vec<Sealed>, JournalError> {
        const DOING: &str = "reading customers";
        let mut select = self
            .connection
            .prepare_cached("SELECT id, lookup, key, text, seen FROM customer WHERE id = ?1")
            .map_err(sqlite(DOING))?;
        let rows = ids
            .iter()
            .map(|id| select.query_row([id], sealed).optional());
        let rows: rusqlite::Result<Vec<Option<Sealed>>> = rows.collect();
        Ok(rows.map_err(sqlite(DOING))?.into_iter().flatten().collect())
    }

    /// Deleted rows are overwritten in the file as they go; the log holds earlier pages until it is
    /// emptied, which it can't be while somebody reads.
    fn scrub(&mut self) -> Result<(), JournalError> {
        const DOING: &str = "emptying its log";
        self.connection
            .busy_timeout(BUSY_SCRUBBING)
            .map_err(sqlite(DOING))?;
        let busy = self
            .connection
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| {
                row.get::<_, bool>("busy")
            });
        self.connection.busy_timeout(BUSY).map_err(sqlite(DOING))?;
        if busy.map_err(sqlite(DOING))? {
            return Err(JournalError::Read);
        }
        Ok(())
    }

    fn cut(&mut self, ours: Epoch, before: Time, limit: usize) -> Result<Cut, JournalError> {
        const DOING: &str = "cutting what is old";
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let transaction = self.led(ours, Sync::Now, DOING)?;
        let taken = |delete: &str| {
            transaction
                .execute(delete, params![before.0, limit])
                .map(|rows| rows as u64)
                .map_err(sqlite(DOING))
        };
        let cut = Cut {
            entries: taken(
                "DELETE FROM entry WHERE seq IN (SELECT seq FROM entry
                  WHERE at < ?1 AND seq <= (SELECT min(seq) FROM snapshot)
                    AND seq <= coalesce((SELECT max(seq) FROM mark WHERE at < ?1), seq) ORDER BY seq LIMIT ?2)",
            )?,
            customers: taken(
                "DELETE FROM customer WHERE id IN (SELECT id FROM customer WHERE seen < ?1 ORDER BY seen LIMIT ?2)",
            )?,
        };
        transaction
            .execute(
                "DELETE FROM mark WHERE seq < (SELECT max(seq) FROM mark WHERE at < ?1)",
                [before.0],
            )
            .map_err(sqlite(DOING))?;
        transaction.commit().map_err(sqlite(DOING))?;
        Ok(cut)
    }
}

fn sealed(row: &rusqlite::Row<'_>) -> rusqlite::Result<Sealed> {
    Ok(Sealed {
        id: row.get(0)?,
        lookup: row.get(1)?,
        key: row.get(2)?,
        text: row.get(3)?,
        seen: row.get(4)?,
    })
}

#[cfg(test)]
mod tests {
    use super::super::conformance::entries;
    use super::*;

    #[test]
    fn a_log_that_somebody_reads_is_said_to_be_full_yet_and_commits_are_as_patient_as_before() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("j");
        let mut journal = Sqlite::open(&path).unwrap();
        let epoch = journal.acquire("a").unwrap();
        let reader = Connection::open(&path).unwrap();
        let read = "BEGIN; SELECT count(*) FROM entry";
        reader.execute_batch(read).unwrap();
        journal.append(epoch, &entries(1..=1)).unwrap();
        let busy = journal.scrub();
        assert!(matches!(busy, Err(JournalError::Read)), "{busy:?}");
        let patience: i64 = journal
            .connection
            .pragma_query_value(None, "busy_timeout", |row| row.get(0))
            .unwrap();
        assert_eq!(patience, i64::try_from(BUSY.as_millis()).unwrap());
        reader.execute_batch("COMMIT").unwrap();
        journal.scrub().unwrap();
        let log = std::fs::metadata(dir.path().join("j-wal")).unwrap();
        assert_eq!(log.len(), 0);
    }

    #[test]
    fn records_wait_for_no_sync_and_every_entry_after_them_does() {
        let dir = tempfile::tempdir().unwrap();
        let mut journal = Sqlite::open(&dir.path().join("j")).unwrap();
        let epoch = journal.acquire("a").unwrap();
        let mode = |journal: &Sqlite| -> i64 {
            let pragma = journal
                .connection
                .pragma_query_value(None, "synchronous", |row| row.get(0));
            pragma.unwrap()
        };
        let (normal, full) = (1, 2);
        assert_eq!(mode(&journal), full);
        journal.project(epoch, &Rows::default()).unwrap();
        assert_eq!(mode(&journal), normal);
        journal.append(epoch, &entries(1..=1)).unwrap();
        assert_eq!(mode(&journal), full);
    }
}
