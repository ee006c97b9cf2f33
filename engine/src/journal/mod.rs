//! The journal: every input, durable before its effects are commanded.
//!
//! Appending is all-or-nothing, in order, and refused under a stale [`Epoch`]: that is half of
//! the fence (the other half is the ARI password). What the live state is, is a fold of it: the
//! newest snapshot and the entries behind that.
//!
//! A store is blocking and has one owner; the main loop speaks to it through [`Writer`].

mod entry;
mod error;
mod location;
mod postgres;
mod rows;
mod sqlite;
mod vault;
mod writer;

#[cfg(test)]
mod conformance;
#[cfg(test)]
mod tests;

use std::fmt;

use serde::{Deserialize, Serialize};
use trunkline_routing::metrics::{RotaVersion, Spell};
use trunkline_routing::{ContactId, Segment, Span, Time};

pub use entry::{Actor, Context, Entry, Presence};
pub use error::JournalError;
pub use location::Location;
pub use postgres::{DatabaseUrl, Postgres};
pub use rows::Rows;
pub use sqlite::Sqlite;
pub use vault::{Names, Referred, Sealed, Vault, Wanted};
pub use writer::Writer;

/// Which leadership this is: minted by the journal at each acquisition, strictly rising.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Epoch(pub u64);

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// An entry's place: 1, 2, … without a gap.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Seq(pub u64);

impl Seq {
    /// The one behind it.
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

/// The whole state as it was behind an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// The last entry that is in it.
    pub seq: Seq,
    /// The state, as the engine writes it.
    pub state: Vec<u8>,
}

/// What a cut took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cut {
    /// Entries.
    pub entries: u64,
    /// Customers.
    pub customers: u64,
}

/// What anybody who reads the journal sees of who leads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leadership {
    /// The newest epoch; 0: nobody has ever led.
    pub epoch: Epoch,
    /// Who acquired it, for people.
    pub holder: String,
    /// How often the leader has given a sign of life ([`Journal::beat`]).
    pub beat: u64,
    /// Whether the session under which the leader writes is there. A killed process loses it at
    /// once; one that froze, or whose network broke, keeps it for a while.
    pub held: bool,
    /// The last entry that the newest snapshot holds.
    pub snapshot: Seq,
}

/// What decided upon entries.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rules {
    /// The core's own number of them: [`trunkline_routing::RULES`].
    pub revision: u32,
    /// The engine's release.
    pub release: String,
}

/// See [`Journal::rules`]; of either store. Epochs rise with the entries, so the first and the last name those between.
const RULES_BETWEEN: &str = "
WITH found AS (SELECT (SELECT epoch FROM entry WHERE seq > $1 AND seq <= $2 ORDER BY seq LIMIT 1) AS begins,
                      (SELECT epoch FROM entry WHERE seq > $1 AND seq <= $2 ORDER BY seq DESC LIMIT 1) AS ends)
SELECT DISTINCT revision, release FROM ruled, found WHERE epoch BETWEEN begins AND ends
UNION ALL
SELECT NULL, NULL FROM found
 WHERE ends - begins + 1 > (SELECT count(*) FROM ruled WHERE epoch BETWEEN begins AND ends)";

impl Rules {
    /// Those of this engine.
    pub fn ours() -> Self {
        Self {
            revision: trunkline_routing::RULES,
            release: env!("CARGO_PKG_VERSION").into(),
        }
    }
}

/// Where a stretch's row stands among all: by when it entered its queue, its contact and its number there.
pub type RowKey = (Time, ContactId, u32);

fn key_of(row: &Segment) -> RowKey {
    (row.entered, row.contact, row.index)
}

/// A stretch whose contact came so long before its end is found by an index of such stretches alone; so all others
/// that touch a time entered their queue little before it, in it, or little behind it. The index has what is asked of them
/// beside their order: a page reads no row that isn't told.
const LONG: Span = Span::seconds(2 * 3600);

/// Which rows [`Journal::records`] asks for, as a store's numbers.
struct Touched {
    from: i64,
    to: i64,
    /// When those that aren't [`LONG`] entered: at this or later, and before that.
    entered: (i64, i64),
    /// The row behind which it goes on.
    after: (i64, i64, i64),
    limit: i64,
}

impl Touched {
    fn new((from, to): (Time, Time), after: Option<RowKey>, limit: usize) -> Self {
        let signed = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
        let after = after.map_or((i64::MIN, -1, -1), |(entered, contact, index)| {
            (entered.0, signed(contact.0), i64::from(index))
        });
        let first = from.0.saturating_sub(LONG.0).max(after.0);
        Self {
            from: from.0,
            to: to.0,
            entered: (first, to.0.saturating_add(LONG.0)),
            after,
            limit: i64::try_from(limit).unwrap_or(i64::MAX),
        }
    }
}

/// A store. All of it is durable when a method returns.
pub trait Journal: Send {
    /// Makes this process the writer: a new epoch, above all before. `holder` is kept for people, and by which
    /// rules this engine decides.
    ///
    /// # Errors
    /// [`JournalError`].
    fn acquire(&mut self, holder: &str) -> Result<Epoch, JournalError>;

    /// Appends entries, all or none, and with them the rows of the customers whom they name. Rows
    /// of customers whom an entry erases ([`Context::erased`]) go in the same transaction, before those are
    /// written: one of them may be of who was erased and came again, under the same lookup. No row given is of
    /// a customer whom an entry erases.
    ///
    /// # Errors
    /// [`JournalError::Stale`] where another leader acquired since; [`JournalError::Gap`].
    fn append_with(
        &mut self,
        epoch: Epoch,
        entries: &[Entry],
        customers: &[Sealed],
    ) -> Result<(), JournalError>;

    /// Appends entries that name no customer.
    ///
    /// # Errors
    /// As [`Journal::append_with`].
    fn append(&mut self, epoch: Epoch, entries: &[Entry]) -> Result<(), JournalError> {
        self.append_with(epoch, entries, &[])
    }

    /// The customers' rows that are found by these, in their order.
    ///
    /// # Errors
    /// [`JournalError`].
    fn customers_by(&mut self, lookups: &[Vec<u8>]) -> Result<Vec<Sealed>, JournalError>;

    /// The rows of these customers, as far as there are any.
    ///
    /// # Errors
    /// [`JournalError`].
    fn customers(&mut self, ids: &[String]) -> Result<Vec<Sealed>, JournalError>;

    /// Overwrites what has been deleted, as far as the store can. Whoever reads meanwhile is not waited for.
    ///
    /// # Errors
    /// [`JournalError::Read`] where somebody does: to be tried again.
    fn scrub(&mut self) -> Result<(), JournalError>;

    /// Cuts entries that are older than `before` and are in both snapshots, and customers who last
    /// came before it; at most `limit` of each. Rows and snapshots stay. Of the marks that are older
    /// than `before` the last stays, and all entries behind it: what is newer can be replayed from there.
    ///
    /// # Errors
    /// [`JournalError::Stale`].
    fn cut(&mut self, epoch: Epoch, before: Time, limit: usize) -> Result<Cut, JournalError>;

    /// Keeps the rows that figures and records are read from. They are a fold of the entries, so a
    /// row may be written again by a replay: the same row then. It may return before they are on the
    /// disk; whatever is synced after them takes them along.
    ///
    /// # Errors
    /// [`JournalError::Stale`].
    fn project(&mut self, epoch: Epoch, rows: &Rows) -> Result<(), JournalError>;

    /// Keeps a snapshot; older ones but the one before it may go.
    ///
    /// # Errors
    /// [`JournalError::Stale`].
    fn save_snapshot(&mut self, epoch: Epoch, snapshot: &Snapshot) -> Result<(), JournalError>;

    /// The newest snapshot.
    ///
    /// # Errors
    /// [`JournalError`].
    fn snapshot(&mut self) -> Result<Option<Snapshot>, JournalError>;

    /// Keeps the newest snapshot as a mark, for whoever asks about the past once the beginning is cut;
    /// `false` where the last mark is of less than `apart` before it, or there is no snapshot.
    ///
    /// # Errors
    /// [`JournalError::Stale`].
    fn mark(&mut self, epoch: Epoch, apart: Span) -> Result<bool, JournalError>;

    /// The marks, the eldest first. All entries behind each are there.
    ///
    /// # Errors
    /// [`JournalError`].
    fn marks(&mut self) -> Result<Vec<Seq>, JournalError>;

    /// The snapshot that was kept as a mark there.
    ///
    /// # Errors
    /// [`JournalError`].
    fn marked(&mut self, seq: Seq) -> Result<Option<Snapshot>, JournalError>;

    /// By which rules those decided who led while the entries behind `after` up to `last` were written, each once;
    /// `None` among them: a release that kept no word of it.
    ///
    /// # Errors
    /// [`JournalError`].
    fn rules(&mut self, after: Seq, last: Seq) -> Result<Vec<Option<Rules>>, JournalError>;

    /// At most `limit` entries behind `after`, in order.
    ///
    /// # Errors
    /// [`JournalError`].
    fn read(&mut self, after: Seq, limit: usize) -> Result<Vec<Entry>, JournalError>;

    /// The rows of stretches that touch what is between two moments, in the order of their beginnings: those that were
    /// not over before the first, however long they had lasted, and whose contact had come before the second, however
    /// late it entered this queue. At most `limit` of them, behind the row at `after`.
    ///
    /// # Errors
    /// [`JournalError`].
    fn records(
        &mut self,
        within: (Time, Time),
        after: Option<RowKey>,
        limit: usize,
    ) -> Result<Vec<Segment>, JournalError>;

    /// The rows of agents' time that touch what is between two moments, in the order of their
    /// beginnings.
    ///
    /// # Errors
    /// [`JournalError`].
    fn spells(&mut self, from: Time, to: Time) -> Result<Vec<Spell>, JournalError>;

    /// The rows of agents' rotas that say what is planned between two moments, as it stood or as it was
    /// amended, also afterwards: of those given up to the first moment each agent's last, and all later
    /// ones that speak of a time before the second. In the order in which they were given.
    ///
    /// # Errors
    /// [`JournalError`].
    fn rotas(&mut self, from: Time, to: Time) -> Result<Vec<RotaVersion>, JournalError>;

    /// The rows of one contact, by index.
    ///
    /// # Errors
    /// [`JournalError`].
    fn record(&mut self, contact: u64) -> Result<Vec<Segment>, JournalError>;

    /// Who leads, as far as the store knows.
    ///
    /// # Errors
    /// [`JournalError`].
    fn leadership(&mut self) -> Result<Leadership, JournalError>;

    /// A sign of life of the leader, for those who stand by. It need not survive a crash.
    ///
    /// # Errors
    /// [`JournalError::Stale`].
    fn beat(&mut self, epoch: Epoch) -> Result<(), JournalError>;
}
