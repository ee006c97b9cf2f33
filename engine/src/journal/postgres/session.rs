//! One connection to the database: its tables made where there are none, its statements prepared.

use postgres::error::SqlState;
use postgres::{Client, Statement};

use super::super::{Epoch, JournalError, LONG};
use super::DatabaseUrl;
use super::failure::{Failure, passes};

/// What this engine writes.
const FORMAT: u32 = 1;

/// Several engines may come to an empty database at once: one makes the tables.
const MAKING: &str =
    "SELECT pg_advisory_xact_lock(hashtext('trunkline journal'), hashtext(current_schema()))";

/// `leader` is the fence: whoever writes shares its row, whoever acquires updates it, so neither
/// gets between the other's check and commit. `pid` and `since` name the session of the leader.
const SCHEMA: &str = "
CREATE TABLE leader (one INTEGER PRIMARY KEY CHECK (one = 1), format INTEGER NOT NULL, epoch BIGINT NOT NULL,
                     holder TEXT NOT NULL, pid INTEGER, since TIMESTAMPTZ);
INSERT INTO leader VALUES (1, 1, 0, '', NULL, NULL);
CREATE TABLE pulse (one INTEGER PRIMARY KEY CHECK (one = 1), beat BIGINT NOT NULL);
INSERT INTO pulse VALUES (1, 0);
CREATE TABLE entry (seq BIGINT PRIMARY KEY, epoch BIGINT NOT NULL, at BIGINT NOT NULL, body TEXT NOT NULL);
CREATE TABLE snapshot (seq BIGINT PRIMARY KEY, state BYTEA NOT NULL);
CREATE TABLE record (contact BIGINT NOT NULL, stretch BIGINT NOT NULL, entered BIGINT NOT NULL, body TEXT NOT NULL,
                     PRIMARY KEY (contact, stretch));
CREATE INDEX record_entered ON record (entered);
CREATE TABLE customer (id TEXT PRIMARY KEY, lookup BYTEA NOT NULL UNIQUE, key BYTEA NOT NULL, text BYTEA NOT NULL,
                       seen BIGINT NOT NULL);
CREATE INDEX customer_seen ON customer (seen);
";

/// The server keeps samples of each column for its plans, also of rows that are deleted since: none of these. To give
/// a column the type that it has drops those that a release before let it take.
const UNSAMPLED: &str = "
ALTER TABLE customer ALTER lookup SET STATISTICS 0, ALTER key SET STATISTICS 0, ALTER text SET STATISTICS 0;
ALTER TABLE customer ALTER lookup TYPE BYTEA, ALTER key TYPE BYTEA, ALTER text TYPE BYTEA;
";

/// Of a row: when it ended, and when its contact came. Read from the rows themselves, so that those of an older release
/// are found like the others. As text: the server takes no JSON in which a NUL is escaped, and an agent's code may have
/// one. In a string of the row the quotes would be escaped.
pub(super) const ENDED: &str = r#"(substring(body from '"ended":(-?[0-9]+)')::bigint)"#;
pub(super) const CAME: &str =
    r#"least(entered, substring(body from '"arrived":(-?[0-9]+)')::bigint)"#;

/// Whoever asks for a time wants the conversations that went on into it, too: see [`LONG`]. No format of its own. The
/// index of all rows by their ends, which a release before goes by, stays: an engine of that may stand by yet.
fn long() -> String {
    format!(
        "IF NOT EXISTS record_long ON record (entered, contact, stretch, {ENDED}, ({CAME}))
          WHERE {ENDED} - {CAME} > {LONG}",
        LONG = LONG.0
    )
}

/// What agents' time went to. An older release leaves it as it is, so it is no format of its own; the
/// time of its days is in no row.
const SPELLS: &str = "
CREATE TABLE spell (agent TEXT NOT NULL, began BIGINT NOT NULL, ended BIGINT NOT NULL, body TEXT NOT NULL,
                    PRIMARY KEY (agent, began));
CREATE INDEX spell_ended ON spell (ended);
";

/// What was planned for agents, version by version; no format of its own either.
const ROTAS: &str = "
CREATE TABLE rota (agent TEXT NOT NULL, given BIGINT NOT NULL, speaks BIGINT NOT NULL, body TEXT NOT NULL,
                   PRIMARY KEY (agent, given));
";

/// Snapshots that stay, to replay from; no format of its own either. A release that doesn't know them cuts
/// behind them: then they are of no use.
const MARKS: &str =
    "CREATE TABLE mark (seq BIGINT PRIMARY KEY, at BIGINT NOT NULL, state BYTEA NOT NULL)";

/// By which rules each epoch's leader decides; no format of its own either. One of a release that doesn't know it has
/// no row.
const RULED: &str = "CREATE TABLE ruled (epoch BIGINT PRIMARY KEY, revision BIGINT NOT NULL, release TEXT NOT NULL)";

/// The last entry; where all have been cut, a snapshot holds it.
pub(super) const NEWEST: &str =
    "SELECT coalesce((SELECT max(seq) FROM entry), (SELECT max(seq) FROM snapshot), 0) AS seq";

/// One statement, so one round trip, and one sync: nothing is written where the epoch is another,
/// or where the entries don't follow what is there.
///
/// The parts of a statement run in no order of their own, but for what one reads of another. `come` reads how many
/// were erased, so the count is complete before its first row: who was erased and comes again in the same commit
/// has a new row, and the old one with the same lookup must be gone by then. No row is touched by both.
const APPEND: &str = "
WITH led AS (SELECT epoch FROM leader WHERE epoch = $1 FOR SHARE),
     newest AS ({NEWEST}),
     erased AS (DELETE FROM customer USING led, newest WHERE newest.seq = $5 AND customer.id = ANY ($11::TEXT[])
                RETURNING customer.id),
     gone AS MATERIALIZED (SELECT count(*) AS customers FROM erased),
     come AS (INSERT INTO customer (id, lookup, key, text, seen)
              SELECT given.id, given.lookup, given.key, given.text, given.seen
                FROM led, newest, gone,
                     unnest($6::TEXT[], $7::BYTEA[], $8::BYTEA[], $9::BYTEA[], $10::BIGINT[])
                     AS given (id, lookup, key, text, seen)
               WHERE newest.seq = $5 AND gone.customers >= 0
              ON CONFLICT (id) DO UPDATE SET seen = excluded.seen)
INSERT INTO entry (seq, epoch, at, body)
SELECT given.seq, led.epoch, given.at, given.body
  FROM led, newest, unnest($2::BIGINT[], $3::BIGINT[], $4::TEXT[]) AS given (seq, at, body)
 WHERE newest.seq = $5";

/// Not waited for until it is on the disk: it returns when the server has it. A later append's sync
/// takes it along, for the server's log is one. It counts the leader's row: 0 where another leads.
const PROJECT: &str = "
WITH led AS (SELECT epoch FROM leader WHERE epoch = $1 FOR SHARE),
     unsynced AS (SELECT set_config('synchronous_commit', 'off', true)),
     segments AS (INSERT INTO record (contact, stretch, entered, body)
                  SELECT given.contact, given.stretch, given.entered, given.body
                    FROM led, unsynced, unnest($2::BIGINT[], $3::BIGINT[], $4::BIGINT[], $5::TEXT[])
                         AS given (contact, stretch, entered, body)
                  ON CONFLICT (contact, stretch) DO UPDATE SET entered = excluded.entered, body = excluded.body),
     spells AS (INSERT INTO spell (agent, began, ended, body)
                SELECT given.agent, given.began, given.ended, given.body
                  FROM led, unsynced, unnest($6::TEXT[], $7::BIGINT[], $8::BIGINT[], $9::TEXT[])
                       AS given (agent, began, ended, body)
                ON CONFLICT (agent, began) DO UPDATE SET ended = excluded.ended, body = excluded.body),
     rotas AS (INSERT INTO rota (agent, given, speaks, body)
               SELECT made.agent, made.given, made.speaks, made.body
                 FROM led, unsynced, unnest($10::TEXT[], $11::BIGINT[], $12::BIGINT[], $13::TEXT[])
                      AS made (agent, given, speaks, body)
               ON CONFLICT (agent, given) DO UPDATE SET speaks = excluded.speaks, body = excluded.body)
SELECT count(*) FROM led";

/// This connection is the leader's.
const NAME_SESSION: &str = "
UPDATE leader SET pid = pg_backend_pid(),
       since = (SELECT backend_start FROM pg_stat_activity WHERE pid = pg_backend_pid())
 WHERE epoch = $1";

pub(super) struct Session {
    pub(super) client: Client,
    pub(super) append: Statement,
    /// Prepared once it is wanted: who only reads may find no table for it.
    project: Option<Statement>,
    pub(super) read: Statement,
}

impl Session {
    /// Connects; where `ours` leads, the new connection is named as the leader's.
    pub(super) fn open(url: &DatabaseUrl, ours: Option<Epoch>) -> Result<Self, Failure> {
        let mut client = url.connect()?;
        prepare_tables(&mut client, url.is_read_only())?;
        // Some servers are set to acknowledge before they have written: not for us.
        let durable = "SELECT set_config('synchronous_commit', 'on', false)
                        WHERE current_setting('synchronous_commit') = 'off'";
        client.simple_query(durable)?;
        // Our statements touch few rows; compiling one took the server a second and a half.
        client.simple_query("SET jit TO off")?;
        let fsync: String = client
            .query_one("SELECT current_setting('fsync')", &[])?
            .get(0);
        if fsync != "on" {
            tracing::warn!(
                "the database runs with fsync=off: a loss of power loses what it acknowledged"
            );
        }
        if let Some(epoch) = ours {
            name(&mut client, epoch)?;
        }
        Ok(Self {
            append: client.prepare(&APPEND.replace("{NEWEST}", NEWEST))?,
            project: None,
            read: client
                .prepare("SELECT seq, body FROM entry WHERE seq > $1 ORDER BY seq LIMIT $2")?,
            client,
        })
    }

    /// The statement that writes rows.
    pub(super) fn project(&mut self) -> Result<Statement, postgres::Error> {
        if let Some(prepared) = &self.project {
            return Ok(prepared.clone());
        }
        let prepared = self.client.prepare(PROJECT)?;
        Ok(self.project.insert(prepared).clone())
    }
}

/// Names the connection as that of the leader under `epoch`, if that leads.
pub(super) fn name(client: &mut Client, epoch: Epoch) -> Result<(), postgres::Error> {
    client.execute(NAME_SESSION, &[&signed(epoch.0)]).map(drop)
}

fn prepare_tables(client: &mut Client, only_reads: bool) -> Result<(), Failure> {
    let mut transaction = client.transaction()?;
    transaction.batch_execute(MAKING)?;
    // Asked first, for `IF NOT EXISTS` locks what is there: whoever stands by must not hold up who leads.
    let there = transaction.query_one(
        "SELECT to_regclass('leader') IS NOT NULL, to_regclass('spell') IS NOT NULL,
                to_regclass('rota') IS NOT NULL, to_regclass('mark') IS NOT NULL,
                to_regclass('ruled') IS NOT NULL, to_regclass('record_long') IS NOT NULL",
        &[],
    )?;
    let is_new = !there.get::<_, bool>(0);
    if only_reads && is_new {
        let place = "the database".into();
        return Err(Failure::Journal(JournalError::Missing { place }));
    }
    for (at, tables) in [SCHEMA, SPELLS, ROTAS, MARKS, RULED]
        .into_iter()
        .enumerate()
    {
        if !only_reads && !there.get::<_, bool>(at) {
            transaction.batch_execute(tables)?;
        }
    }
    if is_new {
        transaction.batch_execute(&format!("CREATE INDEX {}", long()))?;
        transaction.batch_execute(UNSAMPLED)?;
    }
    let found: i32 = transaction
        .query_one("SELECT format FROM leader", &[])?
        .get(0);
    let found = found.unsigned_abs();
    if found != FORMAT {
        return Err(Failure::Journal(JournalError::Format {
            found,
            known: FORMAT,
        }));
    }
    transaction.commit()?;
    if !only_reads && !is_new && !there.get::<_, bool>(5) {
        // Over all the rows of a release before, while another engine may lead and write more.
        client.batch_execute(&format!("CREATE INDEX CONCURRENTLY {}", long()))?;
    }
    if !only_reads && !is_new {
        drop_samples(client)?;
    }
    Ok(())
}

/// See [`UNSAMPLED`]. It takes a moment, for which another engine that leads is held up; where a backup reads, it is
/// left to the next who connects. Where it is not ours to say (the tables are somebody else's, a view is over them) it is left to
/// whoever's they are: no engine ends for that.
fn drop_samples(client: &mut Client) -> Result<(), postgres::Error> {
    let sampled = "SELECT 1 FROM pg_attribute
                    WHERE attrelid = to_regclass('customer') AND attname = 'key' AND attstattarget IS DISTINCT FROM 0";
    if client.query_opt(sampled, &[])?.is_none() {
        return Ok(());
    }
    let mut transaction = client.transaction()?;
    transaction.batch_execute("SET LOCAL lock_timeout TO '100ms'")?;
    match transaction.batch_execute(UNSAMPLED) {
        Ok(()) => transaction.commit(),
        Err(error) if passes(&error) => Err(error),
        Err(error) => {
            if error.code() != Some(&SqlState::LOCK_NOT_AVAILABLE) {
                tracing::warn!(%error, "the server goes on keeping samples of sealed customers");
            }
            transaction.rollback()
        }
    }
}

/// Postgres' integers are signed; our counters never come near the end of either.
pub(super) fn signed(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}
