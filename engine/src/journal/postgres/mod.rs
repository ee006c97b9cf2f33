//! The journal in a Postgres database, which two engines have open: one leads, one stands by.
//!
//! An append is one statement: it checks the epoch under the leader's row lock, and the numbers,
//! and inserts; it returns when the server has synced it (`synchronous_commit` on, whatever the
//! server's setting). Where the connection breaks before the answer, nobody knows whether it was
//! committed: the next connection looks, for none but the leader of this epoch writes. It may not
//! even be over: the next try waits for it then, and finds its own entries there.
//!
//! Rows are not waited for until they are synced, so a crash of the server takes those of the last
//! moment. They are kept here until a commit behind them is synced, and written again where the
//! connection broke before that.
//!
//! A database that is away for a while (restarted, failed over) is waited for; the engine commands
//! nothing meanwhile, and calls go on.

mod failure;
mod session;
mod url;

use std::collections::BTreeMap;
use std::thread::sleep;
use std::time::{Duration, Instant};

use postgres::error::SqlState;
use postgres::types::ToSql;
use postgres::{Row, SimpleQueryMessage};
use serde::Serialize;
use serde::de::DeserializeOwned;
use trunkline_routing::metrics::{RotaVersion, Spell};
use trunkline_routing::{Segment, Span, Time};

use self::failure::{Failure, passes};
use self::session::{CAME, ENDED, Session, signed};
pub use self::url::DatabaseUrl;
use super::{
    Cut, Entry, Epoch, Journal, JournalError, LONG, Leadership, RULES_BETWEEN, RowKey, Rows, Rules,
    Sealed, Seq, Snapshot, Touched,
};

/// A database that is away for longer is given up: the engine ends, and stands by anew.
const PATIENCE: Duration = Duration::from_secs(60);
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

/// How many of these entries are there, word for word and of this epoch.
const OURS: &str = "
SELECT count(*) FROM entry JOIN unnest($2::BIGINT[], $3::TEXT[]) AS given (seq, body) USING (seq, body) WHERE epoch = $1";

/// A journal in a database.
pub struct Postgres {
    url: DatabaseUrl,
    session: Option<Session>,
    /// The epoch under which this process leads, once it has acquired.
    ours: Option<Epoch>,
    /// Rows that the server has, and may not have on its disk.
    unsynced: Rows,
    /// The connection broke since they were written: the server may have crashed, and they be gone.
    doubtful: bool,
}

impl Postgres {
    /// Connects, and makes the tables where there are none.
    ///
    /// # Errors
    /// [`JournalError::Postgres`], [`JournalError::Format`] where a newer release wrote it.
    pub fn open(url: DatabaseUrl) -> Result<Self, JournalError> {
        let mut new = Self {
            url,
            session: None,
            ours: None,
            unsynced: Rows::default(),
            doubtful: false,
        };
        new.work("opening it", |_, _| Ok(()))?;
        Ok(new)
    }

    /// Does a piece of work, on a new connection where the old one breaks; `again` says that an
    /// earlier try may have succeeded.
    fn work<T>(
        &mut self,
        doing: &'static str,
        mut piece: impl FnMut(&mut Session, bool) -> Result<T, Failure>,
    ) -> Result<T, JournalError> {
        let began = Instant::now();
        let mut pause = FIRST_PAUSE;
        let mut again = false;
        loop {
            let session = match self.session.take() {
                Some(session) => Ok(session),
                None => {
                    self.doubtful = !self.unsynced.is_empty();
                    Session::open(&self.url, self.ours)
                }
            };
            let done = session.and_then(|mut session| {
                let done = piece(&mut session, again)?;
                Ok((session, done))
            });
            let source = match done {
                Ok((session, done)) => {
                    self.session = Some(session);
                    return Ok(done);
                }
                // What was refused by our own rules leaves a connection that is as good as new,
                // but whoever is refused is about to end.
                Err(Failure::Journal(error)) => return Err(error),
                Err(Failure::Database(error)) => error,
            };
            if !passes(&source) || began.elapsed() >= PATIENCE {
                return Err(JournalError::Postgres { doing, source });
            }
            tracing::warn!(doing, error = %told(&source), "the database is away; trying again");
            again = true;
            sleep(pause);
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    fn rows<T: DeserializeOwned>(
        &mut self,
        select: &str,
        by: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<T>, JournalError> {
        let rows = self.work("reading rows", |session, _| {
            Ok(session.client.query(select, by)?)
        })?;
        rows.iter().map(|row| parsed(row.get(0), Seq(0))).collect()
    }

    /// Writes rows, without waiting for the disk.
    fn write_rows(&mut self, ours: Epoch, rows: &Rows) -> Result<(), JournalError> {
        // One statement may write a row once: the newest version of it.
        let mut segments = BTreeMap::new();
        for row in &rows.segments {
            segments.insert((row.contact.0, row.index), row);
        }
        let contacts: Vec<i64> = segments.keys().map(|(it, _)| signed(*it)).collect();
        let stretches: Vec<i64> = segments.keys().map(|(_, it)| i64::from(*it)).collect();
        let entered: Vec<i64> = segments.values().map(|row| row.entered.0).collect();
        let segments = written(segments.values().copied())?;
        let mut spells = BTreeMap::new();
        for row in &rows.spells {
            spells.insert((row.agent.as_str(), row.from.0), row);
        }
        let agents: Vec<&str> = spells.keys().map(|(agent, _)| *agent).collect();
        let began: Vec<i64> = spells.keys().map(|(_, began)| *began).collect();
        let ended: Vec<i64> = spells.values().map(|row| row.to.0).collect();
        let spells = written(spells.values().copied())?;
        let mut rotas = BTreeMap::new();
        for row in &rows.rotas {
            rotas.insert((row.agent.as_str(), row.given.0), row);
        }
        let planned: Vec<&str> = rotas.keys().map(|(agent, _)| *agent).collect();
        let given: Vec<i64> = rotas.keys().map(|(_, given)| *given).collect();
        let speaks: Vec<i64> = rotas.values().map(|row| row.speaks_from().0).collect();
        let rotas = written(rotas.values().copied())?;
        self.work("writing rows", |session, _| {
            let project = session.project()?;
            let led = session.client.query_one(
                &project,
                &[
                    &signed(ours.0),
                    &contacts,
                    &stretches,
                    &entered,
                    &segments,
                    &agents,
                    &began,
                    &ended,
                    &spells,
                    &planned,
                    &given,
                    &speaks,
                    &rotas,
                ],
            )?;
            if led.get::<_, i64>(0) > 0 {
                return Ok(());
            }
            self::led(session, ours)
        })
    }

    /// Writes those rows again that the server may have lost.
    fn write_again(&mut self, ours: Epoch) -> Result<(), JournalError> {
        // Until the connection holds: it may break while they are written.
        while self.doubtful {
            self.doubtful = false;
            let rows = self.unsynced.clone();
            let done = self.write_rows(ours, &rows);
            self.doubtful |= done.is_err();
            done?;
        }
        Ok(())
    }

    /// What was written before is on the disk, with the rows.
    fn synced(&mut self) {
        if !self.doubtful {
            self.unsynced = Rows::default();
        }
    }

    /// Returns once all rows are on the disk.
    fn sync_rows(&mut self, ours: Epoch) -> Result<(), JournalError> {
        while !self.unsynced.is_empty() {
            self.write_again(ours)?;
            self.work("syncing rows", |session, _| sync(session, ours))?;
            self.synced();
        }
        Ok(())
    }
}

impl Journal for Postgres {
    fn acquire(&mut self, holder: &str) -> Result<Epoch, JournalError> {
        let rules = Rules::ours();
        let next = self.work("acquiring the leadership", |session, _| {
            // Twice, where the answer got lost: an epoch more, which nobody ever led under.
            let row = session.client.query_one(
                "WITH next AS (UPDATE leader SET epoch = epoch + 1, holder = $1 RETURNING epoch)
                 INSERT INTO ruled SELECT epoch, $2, $3 FROM next
                 ON CONFLICT (epoch) DO UPDATE SET revision = excluded.revision, release = excluded.release
                 RETURNING epoch",
                &[&holder, &i64::from(rules.revision), &rules.release],
            )?;
            let next = Epoch(row.get::<_, i64>(0).unsigned_abs());
            session::name(&mut session.client, next)?;
            Ok(next)
        })?;
        self.ours = Some(next);
        Ok(next)
    }

    fn append_with(
        &mut self,
        ours: Epoch,
        entries: &[Entry],
        customers: &[Sealed],
    ) -> Result<(), JournalError> {
        let Some((first, newest)) = ends(entries)? else {
            return self.beat(ours);
        };
        let seqs: Vec<i64> = entries.iter().map(|entry| signed(entry.seq.0)).collect();
        let ats: Vec<i64> = entries.iter().map(|entry| entry.at.0).collect();
        let bodies = entries
            .iter()
            .map(|entry| {
                serde_json::to_string(entry).map_err(|source| JournalError::Entry {
                    seq: entry.seq,
                    source,
                })
            })
            .collect::<Result<Vec<String>, _>>()?;
        let ids: Vec<&str> = customers.iter().map(|row| row.id.as_str()).collect();
        let lookups: Vec<&[u8]> = customers.iter().map(|row| row.lookup.as_slice()).collect();
        let keys: Vec<&[u8]> = customers.iter().map(|row| row.key.as_slice()).collect();
        let texts: Vec<&[u8]> = customers.iter().map(|row| row.text.as_slice()).collect();
        let seen: Vec<i64> = customers.iter().map(|row| row.seen).collect();
        let erased: Vec<&str> = entries
            .iter()
            .filter_map(|entry| entry.context.erased.as_deref())
            .collect();
        let appended = self.work("appending", |session, again| {
            let inserted = session.client.execute(
                &session.append,
                &[
                    &signed(ours.0),
                    &seqs,
                    &ats,
                    &bodies,
                    &signed(first.0 - 1),
                    &ids,
                    &lookups,
                    &keys,
                    &texts,
                    &seen,
                    &erased,
                ],
            );
            let inserted = match inserted {
                // An earlier try was still under way, and has just been committed.
                Err(error) if again && error.code() == Some(&SqlState::UNIQUE_VIOLATION) => 0,
                inserted => inserted?,
            };
            if inserted == entries.len() as u64 {
                return Ok(());
            }
            led(session, ours)?;
            let row = session.client.query_one(session::NEWEST, &[])?;
            let last = Seq(row.get::<_, i64>(0).unsigned_abs());
            if again && last == newest {
                // It had been committed; the answer got lost. Unless it is somebody else's.
                let there = [&signed(ours.0) as &(dyn ToSql + Sync), &seqs, &bodies];
                let row = session.client.query_one(OURS, &there)?;
                if row.get::<_, i64>(0).unsigned_abs() == entries.len() as u64 {
                    // That session's wait for its sync may have been cut short.
                    return sync(session, ours);
                }
            }
            Err(JournalError::Gap { got: first, last }.into())
        });
        appended?;
        self.synced();
        Ok(())
    }

    fn project(&mut self, ours: Epoch, rows: &Rows) -> Result<(), JournalError> {
        self.write_again(ours)?;
        self.write_rows(ours, rows)?;
        self.unsynced.extend(rows.clone());
        Ok(())
    }

    fn save_snapshot(&mut self, ours: Epoch, snapshot: &Snapshot) -> Result<(), JournalError> {
        // First of all: a restart begins at the snapshot, and makes no rows of what is before.
        self.sync_rows(ours)?;
        self.work("writing a snapshot", |session, _| {
            let mut transaction = session.client.transaction()?;
            let current = transaction
                .query_one("SELECT epoch FROM leader FOR SHARE", &[])?
                .get::<_, i64>(0);
            stale(ours, current)?;
            transaction.execute(
                "INSERT INTO snapshot VALUES ($1, $2) ON CONFLICT (seq) DO UPDATE SET state = excluded.state",
                &[&signed(snapshot.seq.0), &snapshot.state],
            )?;
            transaction.execute(
                "DELETE FROM snapshot WHERE seq NOT IN (SELECT seq FROM snapshot ORDER BY seq DESC LIMIT 2)",
                &[],
            )?;
            Ok(transaction.commit()?)
        })
    }

    fn snapshot(&mut self) -> Result<Option<Snapshot>, JournalError> {
        let row = self.work("reading a snapshot", |session, _| {
            Ok(session.client.query_opt(
                "SELECT seq, state FROM snapshot ORDER BY seq DESC LIMIT 1",
                &[],
            )?)
        })?;
        Ok(row.map(|row| Snapshot {
            seq: Seq(row.get::<_, i64>(0).unsigned_abs()),
            state: row.get(1),
        }))
    }

    fn mark(&mut self, ours: Epoch, apart: Span) -> Result<bool, JournalError> {
        self.work("keeping a mark", |session, _| {
            let mut transaction = session.client.transaction()?;
            let current = transaction
                .query_one("SELECT epoch FROM leader FOR SHARE", &[])?
                .get::<_, i64>(0);
            stale(ours, current)?;
            let kept = transaction.execute(
                "INSERT INTO mark SELECT seq, entry.at, snapshot.state FROM snapshot JOIN entry USING (seq)
                  WHERE seq = (SELECT max(seq) FROM snapshot)
                    AND NOT EXISTS (SELECT 1 FROM mark WHERE mark.at > entry.at - $1)
                 ON CONFLICT DO NOTHING",
                &[&apart.0],
            )?;
            transaction.commit()?;
            Ok(kept > 0)
        })
    }

    fn marks(&mut self) -> Result<Vec<Seq>, JournalError> {
        let rows = self.work("reading marks", |session, _| {
            // Whoever only reads may come to a database of the release before.
            let there = session
                .client
                .query_one("SELECT to_regclass('mark') IS NOT NULL", &[])?;
            if !there.get::<_, bool>(0) {
                return Ok(Vec::new());
            }
            let select =
                "SELECT seq FROM mark WHERE seq + 1 >= (SELECT min(seq) FROM entry) ORDER BY seq";
            Ok(session.client.query(select, &[])?)
        })?;
        let seq = |row: &Row| Seq(row.get::<_, i64>(0).unsigned_abs());
        Ok(rows.iter().map(seq).collect())
    }

    fn marked(&mut self, seq: Seq) -> Result<Option<Snapshot>, JournalError> {
        let row = self.work("reading a mark", |session, _| {
            let select = "SELECT state FROM mark WHERE seq = $1";
            Ok(session.client.query_opt(select, &[&signed(seq.0)])?)
        })?;
        Ok(row.map(|row| Snapshot {
            seq,
            state: row.get(0),
        }))
    }

    fn rules(&mut self, after: Seq, last: Seq) -> Result<Vec<Option<Rules>>, JournalError> {
        let rows = self.work("reading by which rules was decided", |session, _| {
            // Whoever only reads may come to a database of the release before.
            let there = session
                .client
                .query_one("SELECT to_regclass('ruled') IS NOT NULL", &[])?;
            let select = if there.get(0) {
                RULES_BETWEEN
            } else {
                "SELECT NULL::BIGINT, NULL::TEXT FROM entry WHERE seq > $1 AND seq <= $2 LIMIT 1"
            };
            let range = [&signed(after.0) as &(dyn ToSql + Sync), &signed(last.0)];
            Ok(session.client.query(select, &range)?)
        })?;
        let rules = |row: &Row| {
            let known = row.get::<_, Option<i64>>(0).zip(row.get(1));
            known.map(|(revision, release)| Rules {
                revision: u32::try_from(revision).unwrap_or(u32::MAX),
                release,
            })
        };
        Ok(rows.iter().map(rules).collect())
    }

    fn read(&mut self, after: Seq, limit: usize) -> Result<Vec<Entry>, JournalError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows = self.work("reading entries", |session, _| {
            let read = &session.read;
            Ok(session.client.query(read, &[&signed(after.0), &limit])?)
        })?;
        let entry = |row: &Row| parsed(row.get(1), Seq(row.get::<_, i64>(0).unsigned_abs()));
        rows.iter().map(entry).collect()
    }

    fn records(
        &mut self,
        within: (Time, Time),
        after: Option<RowKey>,
        limit: usize,
    ) -> Result<Vec<Segment>, JournalError> {
        let it = Touched::new(within, after, limit);
        self.rows(
            // By the expressions of the index `record_long`; of those no more than may be told.
            &format!(
                "WITH short AS MATERIALIZED (
                   SELECT entered, contact, stretch, body FROM record
                    WHERE entered >= $3 AND entered < $4 AND (entered, contact, stretch) > ($5, $6, $7)
                      AND (entered >= $1 OR {ENDED} >= $1) AND (entered < $2 OR {CAME} < $2)
                    ORDER BY entered, contact, stretch LIMIT $8),
                 long AS (
                   SELECT entered, contact, stretch, body FROM record
                    WHERE {ENDED} - {CAME} > {LONG} AND entered >= $5
                      AND entered <= (SELECT CASE WHEN count(*) < $8 THEN {LAST} ELSE max(entered) END FROM short)
                      AND (entered, contact, stretch) > ($5, $6, $7) AND {ENDED} >= $1 AND {CAME} < $2
                    ORDER BY entered, contact, stretch LIMIT $8)
                 SELECT body FROM (SELECT * FROM short UNION SELECT * FROM long) AS touched
                  ORDER BY entered, contact, stretch LIMIT $8",
                LONG = LONG.0,
                LAST = i64::MAX
            ),
            &[
                &it.from,
                &it.to,
                &it.entered.0,
                &it.entered.1,
                &it.after.0,
                &it.after.1,
                &it.after.2,
                &it.limit,
            ],
        )
    }

    fn spells(&mut self, from: Time, to: Time) -> Result<Vec<Spell>, JournalError> {
        self.rows(
            "SELECT body FROM spell WHERE ended > $1 AND began < $2 ORDER BY began, agent",
            &[&from.0, &to.0],
        )
    }

    fn rotas(&mut self, from: Time, to: Time) -> Result<Vec<RotaVersion>, JournalError> {
        self.rows(
            "SELECT body FROM rota AS one WHERE speaks < $2
                AND given >= coalesce((SELECT max(given) FROM rota WHERE agent = one.agent AND given <= $1), given)
              ORDER BY given, agent",
            &[&from.0, &to.0],
        )
    }

    fn record(&mut self, contact: u64) -> Result<Vec<Segment>, JournalError> {
        self.rows(
            "SELECT body FROM record WHERE contact = $1 ORDER BY stretch",
            &[&signed(contact)],
        )
    }

    fn customers_by(&mut self, lookups: &[Vec<u8>]) -> Result<Vec<Sealed>, JournalError> {
        let rows = self.work("reading a customer", |session, _| {
            let by = "SELECT id, lookup, key, text, seen FROM customer WHERE lookup = ANY ($1)
                       ORDER BY array_position($1, lookup)";
            Ok(session.client.query(by, &[&lookups])?)
        })?;
        Ok(rows.iter().map(sealed).collect())
    }

    fn customers(&mut self, ids: &[String]) -> Result<Vec<Sealed>, JournalError> {
        let rows = self.work("reading customers", |session, _| {
            let by = "SELECT id, lookup, key, text, seen FROM customer WHERE id = ANY ($1)";
            Ok(session.client.query(by, &[&ids])?)
        })?;
        Ok(rows.iter().map(sealed).collect())
    }

    /// Has the place of rows that were deleted used again. Their bytes stay in the table's file until then, for
    /// Postgres overwrites nothing unless the whole table is rewritten, which takes seconds; and in the server's own
    /// log and backups for as long as those are kept. That is for whoever runs the server.
    fn scrub(&mut self) -> Result<(), JournalError> {
        self.work("vacuuming customers", |session, _| {
            Ok(session.client.batch_execute("VACUUM customer")?)
        })
    }

    fn cut(&mut self, ours: Epoch, before: Time, limit: usize) -> Result<Cut, JournalError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.work("cutting what is old", |session, _| {
            let mut transaction = session.client.transaction()?;
            let current = transaction
                .query_one("SELECT epoch FROM leader FOR SHARE", &[])?
                .get::<_, i64>(0);
            stale(ours, current)?;
            let entries = transaction.execute(
                "DELETE FROM entry WHERE seq IN (SELECT seq FROM entry
                  WHERE at < $1 AND seq <= (SELECT min(seq) FROM snapshot)
                    AND seq <= coalesce((SELECT max(seq) FROM mark WHERE at < $1), seq) ORDER BY seq LIMIT $2)",
                &[&before.0, &limit],
            )?;
            transaction.execute(
                "DELETE FROM mark WHERE seq < (SELECT max(seq) FROM mark WHERE at < $1)",
                &[&before.0],
            )?;
            let customers = transaction.execute(
                "DELETE FROM customer WHERE id IN (SELECT id FROM customer WHERE seen < $1 ORDER BY seen LIMIT $2)",
                &[&before.0, &limit],
            )?;
            transaction.commit()?;
            Ok(Cut { entries, customers })
        })
    }

    fn leadership(&mut self) -> Result<Leadership, JournalError> {
        let row = self.work("reading who leads", |session, _| {
            Ok(session.client.query_one(
                "SELECT leader.epoch, leader.holder, pulse.beat,
                        EXISTS (SELECT 1 FROM pg_stat_activity AS there
                                 WHERE there.pid = leader.pid AND there.backend_start = leader.since),
                        (SELECT coalesce(max(seq), 0) FROM snapshot)
                   FROM leader, pulse WHERE leader.one = 1 AND pulse.one = 1",
                &[],
            )?)
        })?;
        let count = |at: usize| row.get::<_, i64>(at).unsigned_abs();
        Ok(Leadership {
            epoch: Epoch(count(0)),
            holder: row.get(1),
            beat: count(2),
            held: row.get(3),
            snapshot: Seq(count(4)),
        })
    }

    fn beat(&mut self, ours: Epoch) -> Result<(), JournalError> {
        // One round trip, and no sync: a beat that is lost with the server proves nothing anyway.
        let beat = format!(
            "BEGIN; SET LOCAL synchronous_commit TO off;
             UPDATE pulse SET beat = beat + 1 WHERE EXISTS (SELECT 1 FROM leader WHERE epoch = {});
             COMMIT",
            signed(ours.0)
        );
        self.work("giving a sign of life", |session, _| {
            let told = session.client.simple_query(&beat)?;
            let counts = told.iter().map(|message| match message {
                SimpleQueryMessage::CommandComplete(count) => *count,
                _ => 0,
            });
            if counts.sum::<u64>() > 0 {
                return Ok(());
            }
            led(session, ours)
        })
    }
}

fn sealed(row: &Row) -> Sealed {
    Sealed {
        id: row.get(0),
        lookup: row.get(1),
        key: row.get(2),
        text: row.get(3),
        seen: row.get(4),
    }
}

/// The numbers of the first and last entry; they follow one another.
fn ends(entries: &[Entry]) -> Result<Option<(Seq, Seq)>, JournalError> {
    for pair in entries.windows(2) {
        if pair[1].seq != pair[0].seq.next() {
            return Err(JournalError::Gap {
                got: pair[1].seq,
                last: pair[0].seq,
            });
        }
    }
    Ok(entries
        .first()
        .zip(entries.last())
        .map(|(first, last)| (first.seq, last.seq)))
}

fn written<'a, T: Serialize + 'a>(
    rows: impl Iterator<Item = &'a T>,
) -> Result<Vec<String>, JournalError> {
    let bodies = rows.map(|row| {
        serde_json::to_string(row).map_err(|source| JournalError::Entry {
            seq: Seq(0),
            source,
        })
    });
    bodies.collect()
}

fn parsed<T: DeserializeOwned>(body: &str, seq: Seq) -> Result<T, JournalError> {
    serde_json::from_str(body).map_err(|source| JournalError::Entry { seq, source })
}

/// An error where the epoch is no longer ours.
fn led(session: &mut Session, ours: Epoch) -> Result<(), Failure> {
    let row = session.client.query_one("SELECT epoch FROM leader", &[])?;
    stale(ours, row.get(0))
}

/// Commits something and waits for it: all that was committed before is on the disk then, and on the
/// disk of whoever the server waits for.
fn sync(session: &mut Session, ours: Epoch) -> Result<(), Failure> {
    let beat =
        "UPDATE pulse SET beat = beat + 1 WHERE EXISTS (SELECT 1 FROM leader WHERE epoch = $1)";
    if session.client.execute(beat, &[&signed(ours.0)])? > 0 {
        return Ok(());
    }
    led(session, ours)
}

fn stale(ours: Epoch, current: i64) -> Result<(), Failure> {
    let current = Epoch(current.unsigned_abs());
    if current == ours {
        Ok(())
    } else {
        Err(JournalError::Stale { ours, current }.into())
    }
}

/// An error with its causes.
fn told(error: &postgres::Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(one) = cause {
        text = format!("{text}: {one}");
        cause = one.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use postgres::{Client, NoTls};

    use super::super::conformance::{entries, records, segment, spell};
    use super::*;
    use crate::testing::database::Server;

    #[test]
    fn records_wait_for_no_sync_and_what_comes_after_them_does() {
        let url = DatabaseUrl::new(&Server::shared().database(), None).unwrap();
        let mut journal = Postgres::open(url).unwrap();
        let epoch = journal.acquire("a").unwrap();
        let rows = Rows {
            segments: vec![segment(1, 0)],
            spells: vec![spell("maria", 1)],
            ..Rows::default()
        };
        journal.project(epoch, &rows).unwrap();
        let mode = "SELECT current_setting('synchronous_commit')";
        let session = journal.session.as_mut().unwrap();
        let mode: String = session.client.query_one(mode, &[]).unwrap().get(0);
        assert_eq!(mode, "on");
        journal.append(epoch, &entries(1..=1)).unwrap();
        assert_eq!(journal.record(1).unwrap(), [segment(1, 0)]);
    }

    #[test]
    fn rows_that_a_crash_of_the_server_took_are_written_again_with_the_next_and_before_a_snapshot()
    {
        let database = Server::shared().database();
        let url = DatabaseUrl::new(&database, None).unwrap();
        let mut journal = Postgres::open(url.clone()).unwrap();
        let epoch = journal.acquire("a").unwrap();
        let mut admin = Client::connect(&database, NoTls).unwrap();
        // As a crash does: the sessions are gone, and so are rows that no sync has taken along.
        let mut crash = |left: i64| {
            let end = "SELECT pg_terminate_backend(pid, 10000) FROM leader";
            admin.query_one(end, &[]).unwrap();
            let lost = "DELETE FROM record WHERE contact > $1";
            admin.execute(lost, &[&left]).unwrap();
        };
        let rows = |contact| Rows {
            segments: vec![segment(contact, 0)],
            ..Rows::default()
        };
        let kept = |contacts: &[u64]| {
            let mut reader = Postgres::open(url.clone()).unwrap();
            let all = records(&mut reader, Time(i64::MIN));
            let all: Vec<u64> = all.iter().map(|row| row.contact.0).collect();
            assert_eq!(all, contacts);
        };
        journal.append(epoch, &entries(1..=1)).unwrap();
        journal.project(epoch, &rows(1)).unwrap();
        crash(0);
        journal.append(epoch, &entries(2..=2)).unwrap();
        journal.project(epoch, &rows(2)).unwrap();
        kept(&[1, 2]);
        // Both are of the last moment yet.
        crash(0);
        let snapshot = Snapshot {
            seq: Seq(2),
            state: vec![1],
        };
        journal.save_snapshot(epoch, &snapshot).unwrap();
        kept(&[1, 2]);
        assert_eq!(journal.snapshot().unwrap(), Some(snapshot));
        // What a commit has taken along is not kept any longer.
        assert!(journal.unsynced.is_empty());
        journal.project(epoch, &rows(3)).unwrap();
        journal.append(epoch, &entries(3..=3)).unwrap();
        assert!(journal.unsynced.is_empty());
        crash(3);
        journal.project(epoch, &rows(4)).unwrap();
        kept(&[1, 2, 3, 4]);
    }

    /// An append breaks off, and its session, which stands still for whatever reason, writes this entry and
    /// commits only when the next try waits for it.
    fn after_a_late_commit_of(
        written: &Entry,
        under: impl Fn(Epoch) -> Epoch,
    ) -> (Result<(), JournalError>, Vec<Entry>) {
        let database = Server::shared().database();
        let url = DatabaseUrl::new(&database, None).unwrap();
        let mut journal = Postgres::open(url.clone()).unwrap();
        let epoch = journal.acquire("a").unwrap();
        let mut late = Client::connect(&database, NoTls).unwrap();
        let mut late = late.transaction().unwrap();
        let body = serde_json::to_string(written).unwrap();
        late.execute(
            "INSERT INTO entry VALUES (1, $1, $2, $3)",
            &[&signed(under(epoch).0), &written.at.0, &body],
        )
        .unwrap();
        let mut admin = Client::connect(&database, NoTls).unwrap();
        let end = "SELECT pg_terminate_backend(pid, 10000) FROM leader";
        admin.query_one(end, &[]).unwrap();
        let appending = std::thread::spawn(move || journal.append(epoch, &entries(1..=1)));
        let waits = "SELECT count(*) FROM pg_locks JOIN leader USING (pid) WHERE NOT granted";
        while admin.query_one(waits, &[]).unwrap().get::<_, i64>(0) == 0 {
            sleep(FIRST_PAUSE);
        }
        late.commit().unwrap();
        let appended = appending.join().unwrap();
        let mut reader = Postgres::open(url).unwrap();
        (appended, reader.read(Seq(0), 9).unwrap())
    }

    #[test]
    fn an_append_whose_first_try_is_committed_while_the_next_waits_is_done_and_there_once() {
        let written = entries(1..=1).remove(0);
        let (appended, kept) = after_a_late_commit_of(&written, |epoch| epoch);
        appended.unwrap();
        assert_eq!(kept, [written]);
    }

    #[test]
    fn what_somebody_else_commits_in_the_place_of_an_append_is_not_taken_for_it() {
        let gap = |appended| matches!(appended, Err(JournalError::Gap { .. }));
        let mut written = entries(1..=1).remove(0);
        let (appended, kept) = after_a_late_commit_of(&written, |epoch| Epoch(epoch.0 - 1));
        assert!(gap(appended), "a leader before us wrote it");
        assert_eq!(kept, [written.clone()]);
        written.at = written.at + Span(1);
        let (appended, kept) = after_a_late_commit_of(&written, |epoch| epoch);
        assert!(gap(appended), "it is another entry");
        assert_eq!(kept, [written]);
    }
}
