//! What the tests share.

use trunkline_routing::{ContactId, Input, Output, RotaShift, Span, Time};
use trunkline_tenant::Tenant;

use crate::journal::{Actor, Context, Entry, Rows};
use crate::state::State;

#[allow(dead_code, reason = "a test that harms a server uses more of it")]
#[path = "../tests/support/database.rs"]
pub(crate) mod database;

/// The named methods of a [`Journal`](crate::journal::Journal) that has another in its field `store`, as that one has them: what is
/// left is where a test's store fails or tells.
macro_rules! as_its_store_does {
    (@ acquire) => {
        fn acquire(&mut self, holder: &str) -> Result<Epoch, JournalError> {
            self.store.acquire(holder)
        }
    };
    (@ append_with) => {
        fn append_with(
            &mut self,
            epoch: Epoch,
            entries: &[Entry],
            customers: &[Sealed],
        ) -> Result<(), JournalError> {
            self.store.append_with(epoch, entries, customers)
        }
    };
    (@ customers_by) => {
        fn customers_by(&mut self, lookups: &[Vec<u8>]) -> Result<Vec<Sealed>, JournalError> {
            self.store.customers_by(lookups)
        }
    };
    (@ customers) => {
        fn customers(&mut self, ids: &[String]) -> Result<Vec<Sealed>, JournalError> {
            self.store.customers(ids)
        }
    };
    (@ scrub) => {
        fn scrub(&mut self) -> Result<(), JournalError> {
            self.store.scrub()
        }
    };
    (@ cut) => {
        fn cut(&mut self, epoch: Epoch, before: Time, limit: usize) -> Result<Cut, JournalError> {
            self.store.cut(epoch, before, limit)
        }
    };
    (@ project) => {
        fn project(&mut self, epoch: Epoch, rows: &Rows) -> Result<(), JournalError> {
            self.store.project(epoch, rows)
        }
    };
    (@ save_snapshot) => {
        fn save_snapshot(&mut self, epoch: Epoch, snapshot: &Snapshot) -> Result<(), JournalError> {
            self.store.save_snapshot(epoch, snapshot)
        }
    };
    (@ snapshot) => {
        fn snapshot(&mut self) -> Result<Option<Snapshot>, JournalError> {
            self.store.snapshot()
        }
    };
    (@ mark) => {
        fn mark(&mut self, epoch: Epoch, apart: Span) -> Result<bool, JournalError> {
            self.store.mark(epoch, apart)
        }
    };
    (@ marks) => {
        fn marks(&mut self) -> Result<Vec<Seq>, JournalError> {
            self.store.marks()
        }
    };
    (@ marked) => {
        fn marked(&mut self, seq: Seq) -> Result<Option<Snapshot>, JournalError> {
            self.store.marked(seq)
        }
    };
    (@ rules) => {
        fn rules(&mut self, after: Seq, last: Seq) -> Result<Vec<Option<Rules>>, JournalError> {
            self.store.rules(after, last)
        }
    };
    (@ read) => {
        fn read(&mut self, after: Seq, limit: usize) -> Result<Vec<Entry>, JournalError> {
            self.store.read(after, limit)
        }
    };
    (@ records) => {
        fn records(
            &mut self,
            within: (Time, Time),
            after: Option<crate::journal::RowKey>,
            limit: usize,
        ) -> Result<Vec<Segment>, JournalError> {
            self.store.records(within, after, limit)
        }
    };
    (@ spells) => {
        fn spells(&mut self, from: Time, to: Time) -> Result<Vec<Spell>, JournalError> {
            self.store.spells(from, to)
        }
    };
    (@ rotas) => {
        fn rotas(&mut self, from: Time, to: Time) -> Result<Vec<RotaVersion>, JournalError> {
            self.store.rotas(from, to)
        }
    };
    (@ record) => {
        fn record(&mut self, contact: u64) -> Result<Vec<Segment>, JournalError> {
            self.store.record(contact)
        }
    };
    (@ leadership) => {
        fn leadership(&mut self) -> Result<Leadership, JournalError> {
            self.store.leadership()
        }
    };
    (@ beat) => {
        fn beat(&mut self, epoch: Epoch) -> Result<(), JournalError> {
            self.store.beat(epoch)
        }
    };
    ($($method:ident)*) => {
        $(crate::testing::as_its_store_does!(@ $method);)*
    };
}
pub(crate) use as_its_store_does;

/// With two trunks that call out.
pub fn tenant_that_calls_out() -> Tenant {
    let mut tenant = small_tenant();
    for (name, prefixes) in [("carrier-a", vec!["+49"]), ("carrier-b", vec!["+49", "+1"])] {
        let trunk: trunkline_tenant::TenantTrunk = serde_json::from_value(serde_json::json!({
            "carrier": {"host": "10.88.0.10"}, "auth": {"type": "Address"}, "codecs": ["alaw"],
            "numbers": ["+4930555*", "+493055500"], "limits": {"channels": 2, "callsPerSecond": 2},
            "outbound": {"prefixes": prefixes, "callerId": "Client"}, "drainDeadline": "30m"
        }))
        .unwrap();
        tenant.trunks.insert(name.into(), trunk);
    }
    tenant
}

/// A centre with one team of two, a voice and a chat queue, and a client.
pub fn small_tenant() -> Tenant {
    serde_json::from_str(include_str!("../tests/fixtures/tenant.json")).unwrap()
}

/// A small centre whose entries are given by the second, from a midnight (UTC) on.
pub struct Replay {
    pub state: State,
    pub entries: Vec<Entry>,
    /// The rows that are complete.
    pub rows: Rows,
}

impl Replay {
    /// 2027-01-05.
    const MIDNIGHT: Time = Time(1_799_107_200_000_000);

    /// The centre of [`small_tenant`].
    pub fn new() -> Self {
        Self::of(small_tenant())
    }

    pub fn of(tenant: Tenant) -> Self {
        let mut new = Self {
            state: State::default(),
            entries: Vec::new(),
            rows: Rows::default(),
        };
        let tenant = tenant.into();
        new.at(0, Input::Configure { tenant });
        new
    }

    pub fn tenant(&self) -> &Tenant {
        self.state.directory.tenant.as_ref().unwrap()
    }

    pub fn second(&self, second: i64) -> Time {
        Self::MIDNIGHT + Span::seconds(second)
    }

    /// Puts an input in at a second, after all that is due until then.
    pub fn at(&mut self, second: i64, input: Input) {
        let at = self.second(second);
        while let Some(due) = self.state.core.next_deadline().filter(|due| *due < at) {
            self.put(due, Input::Tick);
        }
        self.put(at, input);
    }

    fn put(&mut self, at: Time, input: Input) {
        self.put_by(Context::by(Actor::Engine), at, input);
    }

    /// Puts an input in with what stands beside it; what the core makes of it.
    pub fn put_by(&mut self, context: Context, at: Time, input: Input) -> Vec<Output> {
        let entry = Entry {
            seq: self.state.seq.next(),
            at,
            input,
            context,
        };
        let applied = self.state.apply(&entry);
        self.rows.extend(applied.rows);
        self.entries.push(entry);
        applied.outputs
    }

    pub fn sign_in(&mut self, second: i64, agent: &str) {
        let agent = agent.into();
        let input = Input::SignIn {
            agent,
            ready: true,
            team: None,
        };
        self.at(second, input);
    }

    pub fn arrive(&mut self, second: i64, contact: u64, queue: &str) {
        let input = Input::Arrive {
            contact: ContactId(contact),
            queue: queue.parse().unwrap(),
            since: None,
            priority: 0,
            customer: None,
            callable: true,
        };
        self.at(second, input);
    }

    /// Gives an agent a rota of one shift with one break, by the second.
    pub fn rota(&mut self, second: i64, agent: &str, shift: (i64, i64), rest: (i64, i64)) {
        let shift = RotaShift {
            from: self.second(shift.0),
            to: self.second(shift.1),
            breaks: vec![(self.second(rest.0), self.second(rest.1))],
        };
        let (agent, shifts) = (agent.into(), vec![shift]);
        self.at(second, Input::Rota { agent, shifts });
    }

    /// Accepts a contact's present offer and joins both legs.
    pub fn answer(&mut self, second: i64, contact: u64) {
        self.at(second, Input::Tick);
        let live = &self.state.directory.live[&ContactId(contact)];
        let offer = live.stage.offer().unwrap();
        self.at(second, Input::Accept { offer });
        self.at(second, Input::Connected { offer });
    }

    pub fn done(&mut self, second: i64, contact: u64) {
        let contact = ContactId(contact);
        self.at(second, Input::AgentDone { contact });
    }
}
