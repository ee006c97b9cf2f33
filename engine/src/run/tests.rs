//! The main loop alone, over a journal that fails where it is told to.

mod hanging;
mod retention;
mod sealed;
mod stalled;

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use trunkline_routing::metrics::{Interval, RotaVersion, Scope, Spell};
use trunkline_routing::{AgentState, ContactId, Input, OfferId, Output, Segment, Span, Time};
use trunkline_tenant::{QueueId, Tenant};

use super::handle::{Arriving, Handle, Role};
use super::main_loop::{LoopEnd, MainLoop, silent_telephony};
use super::recover::{figures_of, recover};
use super::watchdog::{self, Turns};
use crate::config::Loaded;
use crate::figures::{Figures, history};
use crate::journal::{
    Actor, Context, Cut, Entry, Epoch, Journal, JournalError, Leadership, Names, Rows, Rules,
    Sealed, Seq, Snapshot, Sqlite, Writer,
};
use crate::metrics::Metrics;
use crate::state::{Stage, State};
use crate::telephony::ari::{ChannelId, HostName};
use crate::telephony::driver::clock;
use crate::telephony::{Arrival, CallRef, Command, Report, Told};
use crate::testing::{Replay, as_its_store_does, small_tenant};

/// Fails every append but the first so many, before anything is written; none is written while it is stalled, and each
/// takes a while.
struct Failing {
    store: Sqlite,
    appends_left: usize,
    stalled: Arc<Mutex<()>>,
    each_takes: Duration,
    keeps: Option<retention::Housekeeping>,
}

impl Journal for Failing {
    as_its_store_does! {
        acquire customers_by customers scrub project save_snapshot snapshot
        marks marked rules read records spells rotas record leadership beat
    }
    fn append_with(
        &mut self,
        epoch: Epoch,
        entries: &[Entry],
        customers: &[Sealed],
    ) -> Result<(), JournalError> {
        let _goes_on = self.stalled.lock().unwrap();
        std::thread::sleep(self.each_takes);
        match self.appends_left.checked_sub(1) {
            Some(left) => {
                self.appends_left = left;
                self.store.append_with(epoch, entries, customers)
            }
            None => Err(JournalError::WriterGone),
        }
    }
    fn cut(&mut self, epoch: Epoch, before: Time, limit: usize) -> Result<Cut, JournalError> {
        let Some(keeps) = &mut self.keeps else {
            return self.store.cut(epoch, before, limit);
        };
        keeps
            .told
            .send(retention::Asked::Cut { before, limit })
            .unwrap();
        keeps.cuts.pop_front().unwrap_or_else(|| Ok(Cut::default()))
    }
    fn mark(&mut self, epoch: Epoch, apart: Span) -> Result<bool, JournalError> {
        let Some(keeps) = &self.keeps else {
            return self.store.mark(epoch, apart);
        };
        keeps.told.send(retention::Asked::Mark { apart }).unwrap();
        if keeps.stale {
            let current = Epoch(epoch.0 + 1);
            return Err(JournalError::Stale {
                ours: epoch,
                current,
            });
        }
        Ok(true)
    }
}

struct Bench {
    handle: Handle,
    commands: mpsc::UnboundedReceiver<Command>,
    reports: mpsc::UnboundedSender<Told>,
    stop: watch::Sender<Option<LoopEnd>>,
    config: watch::Sender<Loaded>,
    turns: Arc<Turns>,
    running: tokio::task::JoinHandle<Result<LoopEnd, JournalError>>,
}

impl Bench {
    async fn sign_in(&self, agent: &str) {
        let sign_in = Input::SignIn {
            agent: agent.into(),
            ready: true,
            team: None,
        };
        let context = Context::by(Actor::Admin);
        self.handle.submit(sign_in, context).await.unwrap();
    }
}

async fn bench(journal: Box<dyn Journal>) -> Bench {
    bench_of(small_tenant(), journal).await
}

async fn bench_of(tenant: Tenant, journal: Box<dyn Journal>) -> Bench {
    bench_with(tenant, |_| Writer::start(journal).unwrap()).await
}

async fn bench_with(tenant: Tenant, writer: impl FnOnce(&Names) -> Writer) -> Bench {
    let (handle, ends) = Handle::new();
    let writer = Arc::new(writer(handle.names()));
    let epoch = writer.acquire("test".into()).await.unwrap();
    let state = recover(&writer, epoch).await.unwrap();
    *ends.figures() = figures_of(&writer, &state).await.unwrap();
    *ends.state.write().unwrap() = state;
    ends.journal.set(Arc::downgrade(&writer)).unwrap();
    let (telephony, commands, reports) = silent_telephony();
    let (stop, stopped) = watch::channel(None);
    let (configure, config) = watch::channel(Loaded::from_tenant(tenant).unwrap());
    let (keep_hosts, hosts) = watch::channel(None);
    let turns = Arc::<Turns>::default();
    let main = MainLoop {
        epoch,
        writer,
        ends,
        telephony,
        config,
        hosts,
        stop: stopped,
        metrics: Arc::new(Metrics::default()),
        turns: Arc::clone(&turns),
    };
    let running = tokio::spawn(async move {
        let end = main.run().await;
        drop(keep_hosts);
        end
    });
    let mut role = handle.role();
    role.wait_for(|role| matches!(role, Role::Leading(_)))
        .await
        .unwrap();
    Bench {
        handle,
        commands,
        reports,
        stop,
        config: configure,
        turns,
        running,
    }
}

/// The journal there, once whoever had it has let it go.
async fn opened(path: &Path) -> Sqlite {
    loop {
        match Sqlite::open(path) {
            Ok(store) => return store,
            Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
}

fn arrival(number: u64) -> Report {
    Report::Arrived(Arrival {
        call: CallRef {
            host: HostName::new("media-0"),
            channel: ChannelId::new(format!("media-0-{number}")),
        },
        number: "+18005550100".into(),
        queue: QueueId::of("acme", "orders"),
        customer: None,
        callable: true,
        since: None,
    })
}

#[tokio::test]
async fn nothing_is_commanded_that_the_journal_does_not_hold() {
    for appends in 0..6 {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal");
        let store = Sqlite::open(&path).unwrap();
        let mut bench = bench(Box::new(Failing {
            store,
            appends_left: appends,
            stalled: Arc::default(),
            each_takes: Duration::ZERO,
            keeps: None,
        }))
        .await;
        // Until it has ended: how many go with one commit is the machine's affair.
        for number in 0.. {
            if bench.running.is_finished() {
                break;
            }
            let _ = bench.reports.send(arrival(number).into());
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        let end = bench.running.await.unwrap();
        assert!(matches!(end, Err(JournalError::WriterGone)), "{end:?}");
        let mut admitted = Vec::new();
        while let Some(command) = bench.commands.recv().await {
            if let Command::Admit { contact, .. } = command {
                admitted.push(contact);
            }
        }
        let mut journal = Sqlite::open(&path).unwrap();
        let entries = journal.read(Seq(0), usize::MAX).unwrap();
        let durable: Vec<_> = entries
            .iter()
            .filter_map(|entry| match &entry.input {
                Input::Arrive { contact, .. } => Some(*contact),
                _ => None,
            })
            .collect();
        assert_eq!(admitted, durable, "after {appends} commits");
        assert!(appends < 3 || !durable.is_empty());
    }
}

#[tokio::test]
async fn a_leader_that_another_has_replaced_in_the_journal_ends_and_commands_nothing_more() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal");
    let mut bench = bench(Box::new(Sqlite::open(&path).unwrap())).await;
    bench.sign_in("maria").await;
    // As another node's engine would, which this machine's lock doesn't keep out.
    let other = rusqlite::Connection::open(&path).unwrap();
    other
        .execute("UPDATE leader SET epoch = epoch + 1", [])
        .unwrap();
    while bench.commands.try_recv().is_ok() {}
    bench.reports.send(arrival(1).into()).unwrap();
    let end = bench.running.await.unwrap();
    assert!(matches!(end, Err(JournalError::Stale { .. })), "{end:?}");
    assert!(bench.commands.recv().await.is_none());
}

#[tokio::test]
async fn who_can_not_be_called_is_told_to_the_core_by_the_journal() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal");
    let bench = bench(Box::new(Sqlite::open(&path).unwrap())).await;
    for (number, callable) in [(1, true), (2, false)] {
        let Report::Arrived(came) = arrival(number) else {
            panic!("it is an arrival");
        };
        let customer = Some("030123456".to_owned());
        let came = Report::Arrived(Arrival {
            customer,
            callable,
            ..came
        });
        bench.reports.send(came.into()).unwrap();
    }
    let tick = bench
        .handle
        .submit(Input::Tick, Context::by(Actor::Admin))
        .await;
    tick.unwrap();
    bench.stop.send_replace(Some(LoopEnd::Stopped));
    assert_eq!(bench.running.await.unwrap().unwrap(), LoopEnd::Stopped);
    let entries = opened(&path).await.read(Seq(0), usize::MAX).unwrap();
    let told = entries.iter().filter_map(|entry| match &entry.input {
        Input::Arrive { callable, .. } => Some(*callable),
        _ => None,
    });
    assert_eq!(told.collect::<Vec<_>>(), [true, false]);
}

#[tokio::test]
async fn a_call_that_is_reported_twice_is_one_contact() {
    let dir = tempfile::tempdir().unwrap();
    let mut bench = bench(Box::new(Sqlite::open(&dir.path().join("journal")).unwrap())).await;
    for number in [1, 1, 2, 1] {
        bench.reports.send(arrival(number).into()).unwrap();
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
    bench.reports.send(arrival(2).into()).unwrap();
    assert_eq!(bench.handle.state().directory.live.len(), 2);
    bench.stop.send_replace(Some(LoopEnd::Stopped));
    assert_eq!(bench.running.await.unwrap().unwrap(), LoopEnd::Stopped);
    let mut admitted = 0;
    while let Some(command) = bench.commands.recv().await {
        admitted += usize::from(matches!(command, Command::Admit { .. }));
    }
    assert_eq!(admitted, 2);
}

#[tokio::test]
async fn a_phone_rings_for_as_long_as_the_core_means_where_the_wall_clock_shows_another_time() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal");
    // What was decided last was ten minutes ahead of the wall, which has been set back since.
    let mut store = Sqlite::open(&path).unwrap();
    let epoch = store.acquire("before").unwrap();
    let entry = Entry {
        seq: Seq(1),
        at: clock() + Span::seconds(600),
        input: Input::Tick,
        context: Context::by(Actor::Engine),
    };
    store.append(epoch, &[entry]).unwrap();
    let mut bench = bench(Box::new(store)).await;
    bench.sign_in("maria").await;
    bench.reports.send(arrival(1).into()).unwrap();
    let until = loop {
        if let Command::Do(Output::Offer { deadline, .. }) = bench.commands.recv().await.unwrap() {
            break deadline;
        }
    };
    let queue = &small_tenant().queues[&QueueId::of("acme", "orders")];
    let ring = Span::from(queue.ring);
    let left = until - clock();
    assert!(
        left <= ring && left.0 > ring.0 - 10_000_000,
        "{left:?} of {ring:?} are left"
    );
}

#[tokio::test]
async fn a_caller_is_told_their_own_place_and_the_wait_that_the_core_expects() {
    let mut tenant = small_tenant();
    tenant.teams.get_mut("frontline").unwrap().wrap_up = serde_json::from_str("\"0s\"").unwrap();
    let dir = tempfile::tempdir().unwrap();
    let journal = Sqlite::open(&dir.path().join("journal")).unwrap();
    let mut bench = bench_of(tenant, Box::new(journal)).await;
    let asks = |contact| Report::Asks { contact };
    let told = async |bench: &mut Bench| loop {
        if let Command::Tell { contact, standing } = bench.commands.recv().await.unwrap() {
            return (contact, standing);
        }
    };
    for number in 1..=20 {
        bench.reports.send(arrival(number).into()).unwrap();
    }
    let decided = async |bench: &Bench| {
        let tick = (bench.handle).submit(Input::Tick, Context::by(Actor::Admin));
        tick.await.unwrap();
    };
    decided(&bench).await;
    bench.reports.send(asks(ContactId(3)).into()).unwrap();
    let (contact, standing) = told(&mut bench).await;
    assert_eq!((contact, standing.position), (ContactId(3), Some(3)));
    assert_eq!(standing.wait, None, "nobody has been served yet");
    // Twelve are served, each in some milliseconds.
    bench.sign_in("maria").await;
    for _ in 0..12 {
        let offer = loop {
            if let Command::Do(Output::Offer { offer, .. }) = bench.commands.recv().await.unwrap() {
                break offer;
            }
        };
        tokio::time::sleep(Duration::from_millis(5)).await;
        let contact = offer.contact;
        for input in [
            Input::Accept { offer },
            Input::Connected { offer },
            Input::AgentDone { contact },
        ] {
            bench.reports.send(Report::Input(input).into()).unwrap();
        }
    }
    decided(&bench).await;
    bench.reports.send(asks(ContactId(18)).into()).unwrap();
    let (contact, standing) = told(&mut bench).await;
    let (place, wait) = {
        let state = bench.handle.state();
        let expected = state.core.estimate(contact).unwrap();
        (state.core.position(contact), (expected.low, expected.high))
    };
    assert_eq!((contact, standing.position), (ContactId(18), place));
    assert_eq!(standing.wait, Some(wait));
    assert!(wait.0 < wait.1, "{wait:?}");
    bench.stop.send_replace(Some(LoopEnd::Stopped));
    assert_eq!(bench.running.await.unwrap().unwrap(), LoopEnd::Stopped);
}

#[tokio::test]
async fn the_messages_of_a_customer_are_found_with_their_hosts_and_one_whose_host_does_not_answer_is_not_gone()
 {
    let dir = tempfile::tempdir().unwrap();
    let mut bench = bench(Box::new(Sqlite::open(&dir.path().join("journal")).unwrap())).await;
    let handle = bench.handle.clone();
    let host = HostName::new("media-0");
    for (number, customer) in [(1, Some("+49301")), (2, Some("+49302")), (3, None)] {
        let Report::Arrived(came) = arrival(number) else {
            panic!("it is an arrival");
        };
        let customer = customer.map(str::to_owned);
        let came = Report::Arrived(Arrival { customer, ..came });
        bench.reports.send(came.into()).unwrap();
        let left = Input::VoicemailLeft {
            contact: ContactId(number),
            recording: format!("media-0/v-{number}"),
            length: Span::seconds(3),
        };
        bench.reports.send(Report::Input(left).into()).unwrap();
    }
    let tick = handle.submit(Input::Tick, Context::by(Actor::Admin));
    tick.await.unwrap();
    assert_eq!(
        handle.messages_of("+49302").await.unwrap(),
        [(ContactId(2), host.clone())]
    );
    assert_eq!(handle.messages_of("+49303").await.unwrap(), []);
    for told in [Some(true), Some(false), None] {
        let asking = handle.clone();
        let asked = host.clone();
        let forget =
            tokio::spawn(async move { asking.forget_message(ContactId(2), asked).await.unwrap() });
        let (contact, answer) = loop {
            if let Command::Forget {
                contact,
                host: named,
                answer,
            } = bench.commands.recv().await.unwrap()
            {
                assert_eq!(named, host);
                break (contact, answer);
            }
        };
        assert_eq!(contact, ContactId(2));
        if let Some(told) = told {
            answer.send(told).await.unwrap();
        }
        drop(answer);
        assert_eq!(forget.await.unwrap(), told == Some(true));
    }
    bench.stop.send_replace(Some(LoopEnd::Stopped));
    assert_eq!(bench.running.await.unwrap().unwrap(), LoopEnd::Stopped);
}

#[tokio::test]
async fn a_record_lost_with_a_killed_engine_is_written_again_by_its_successor() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal");
    let bench = bench(Box::new(Sqlite::open(&path).unwrap())).await;
    bench.reports.send(arrival(1).into()).unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    let contact = *bench.handle.state().directory.live.keys().next().unwrap();
    let gone = Input::CustomerGone { contact };
    bench
        .handle
        .submit(gone, Context::by(Actor::Telephony))
        .await
        .unwrap();
    bench.running.abort();
    assert!(bench.running.await.unwrap_err().is_cancelled());

    let mut store = opened(&path).await;
    let other = rusqlite::Connection::open(&path).unwrap();
    other.execute("DELETE FROM record", []).unwrap();
    assert!(store.record(contact.0).unwrap().is_empty());
    let writer = Writer::start(Box::new(store)).unwrap();
    let epoch = writer.acquire("successor".into()).await.unwrap();
    recover(&writer, epoch).await.unwrap();
    assert_eq!(writer.record(contact.0).await.unwrap().len(), 1);
    assert_eq!(writer.records(Time(0)).await.unwrap().len(), 1);
}

/// A morning with calls, a lunch and a sign-out, by rotas that are amended; some rows are open at its end.
fn morning() -> Replay {
    let mut centre = Replay::new();
    let eight = 8 * 3600;
    let (half, ten) = (1800, 2 * 3600);
    let (shift, rest) = (
        (eight, eight + 10 * half),
        (eight + ten, eight + ten + half),
    );
    // Both are to rest at ten. Noah's lunch was not planned before it had begun.
    for agent in ["maria", "noah"] {
        centre.rota(0, agent, shift, rest);
    }
    centre.sign_in(eight, "maria");
    centre.sign_in(eight + 60, "noah");
    for n in 0..60 {
        let (second, contact) = (eight + n * 200, n.unsigned_abs() + 1);
        centre.arrive(second, contact, "acme/orders");
        centre.answer(second + 5, contact);
        centre.done(second + 90, contact);
        let agent = "noah".into();
        match n {
            20 => {
                let reason = "lunch".into();
                centre.at(second + 100, Input::NotReady { agent, reason });
            }
            30 => {
                let lunch = (eight + 4100, eight + 4700);
                centre.rota(second + 100, "noah", shift, lunch);
            }
            40 => centre.at(second + 100, Input::SignOut { agent }),
            _ => {}
        }
    }
    centre.arrive(eight + 12_000, 61, "acme/orders");
    centre.arrive(eight + 12_001, 62, "acme/orders");
    centre
}

#[tokio::test]
async fn figures_and_history_of_a_successor_are_the_leaders_though_old_entries_are_cut_and_new_rows_lost()
 {
    let centre = morning();
    let dir = tempfile::tempdir().unwrap();
    let writer = Writer::start(Box::new(Sqlite::open(&dir.path().join("j")).unwrap())).unwrap();
    let epoch = writer.acquire("leader".into()).await.unwrap();
    let mut leader = State::default();
    let mut figures = Figures::default();
    let mut kept = Rows::default();
    let snapshots = [centre.entries.len() / 3, centre.entries.len() * 2 / 3];
    for (n, entry) in centre.entries.iter().enumerate() {
        writer.append(epoch, vec![entry.clone()]).await.unwrap();
        let made = leader.apply(entry).rows;
        figures.add(&made, leader.directory.tenant.as_ref().unwrap());
        kept.extend(made.clone());
        // What is made behind the newest snapshot is lost with the leader.
        if n <= snapshots[1] {
            writer.project(epoch, made);
        }
        if snapshots.contains(&n) {
            writer.save_snapshot(epoch, leader.snapshot().unwrap());
        }
    }
    let noon = centre.second(12 * 3600);
    let cut = writer.cut(epoch, noon, usize::MAX).await.unwrap();
    assert!(cut.entries as usize > centre.entries.len() / 4, "{cut:?}");

    let epoch = writer.acquire("successor".into()).await.unwrap();
    let successor = recover(&writer, epoch).await.unwrap();
    let again = figures_of(&writer, &successor).await.unwrap();
    let today = figures.today(&leader, noon);
    assert_eq!(again.today(&successor, noon), today);
    let maria = Scope::Agent("maria".into());
    let of_maria = today.iter().find(|it| it.scope == maria).unwrap();
    let all = of_maria.hours.unwrap();
    let sum = all.contact.0 + all.idle.0 + all.offered.0 + all.not_ready.0;
    assert_eq!(sum, Span::seconds(4 * 3600).0, "from eight to noon");
    let of_noah = today
        .iter()
        .find(|it| it.scope == Scope::Agent("noah".into()));
    let of_noah = of_noah.unwrap().adherence.unwrap();
    assert_eq!(of_noah.as_planned.scheduled, Span::seconds(4 * 3600));
    // Signed in a minute late, and away from 4,100 s on. His break at ten was gone before it began; as
    // amended he was to rest for the first ten minutes of it.
    assert_eq!(of_noah.as_planned.adherent, Span::seconds(4_100 - 60));
    assert_eq!(of_noah.as_amended.adherent, Span::seconds(4_700 - 60));

    let day = (centre.second(0), noon);
    for interval in [Interval::Quarter, Interval::Half] {
        let by_leader = {
            let mut rows = kept.clone();
            rows.add_open(leader.open_rows(noon));
            history(&rows, centre.tenant(), interval, day, noon)
        };
        let by_successor = {
            let mut rows = Rows {
                segments: writer.records(day.0).await.unwrap(),
                spells: writer.spells(day.0, day.1).await.unwrap(),
                rotas: writer.rotas(day.0, day.1).await.unwrap(),
            };
            rows.add_open(successor.open_rows(noon));
            history(&rows, centre.tenant(), interval, day, noon)
        };
        assert!(!by_leader.is_empty());
        assert_eq!(by_successor, by_leader);
    }
}
