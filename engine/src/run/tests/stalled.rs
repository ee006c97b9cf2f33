//! Whiles in which nothing could be decided: the journal stalls, the process is paused, nobody leads.

use super::*;

/// A bench whose journal can be made to stall; offers ring for a second.
pub(super) struct Stalling {
    pub(super) bench: Bench,
    stalled: Arc<Mutex<()>>,
    dir: tempfile::TempDir,
}

const RING: Duration = Duration::from_secs(1);

/// A stall that has begun.
pub(super) struct Stall {
    over: std::sync::mpsc::Sender<()>,
    holds: tokio::task::JoinHandle<()>,
}

impl Stall {
    pub(super) async fn end(self) {
        drop(self.over);
        self.holds.await.unwrap();
    }
}

impl Stalling {
    pub(super) async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let it = Self::over(dir, Duration::ZERO).await;
        for agent in ["maria", "noah"] {
            it.bench.sign_in(agent).await;
        }
        it
    }

    /// An engine that leads over the journal in a directory.
    async fn over(dir: tempfile::TempDir, each_takes: Duration) -> Self {
        let stalled = Arc::<Mutex<()>>::default();
        let store = opened(&dir.path().join("journal")).await;
        let journal = Failing {
            store,
            appends_left: usize::MAX,
            stalled: Arc::clone(&stalled),
            each_takes,
            keeps: None,
        };
        let bench = bench_of(Self::tenant(), Box::new(journal)).await;
        Self {
            bench,
            stalled,
            dir,
        }
    }

    fn tenant() -> Tenant {
        let mut tenant = small_tenant();
        for queue in tenant.queues.values_mut() {
            queue.ring = serde_json::from_str("\"1s\"").unwrap();
        }
        tenant
    }

    /// The engine is gone, and after a while another leads.
    async fn dies(self, for_so_long: Duration) -> Self {
        self.bench.running.abort();
        assert!(self.bench.running.await.unwrap_err().is_cancelled());
        tokio::time::sleep(for_so_long).await;
        Self::over(self.dir, Duration::ZERO).await
    }

    /// Nothing is written from now on.
    pub(super) async fn stall(&self) -> Stall {
        let stalled = Arc::clone(&self.stalled);
        let (over, ends) = std::sync::mpsc::channel();
        let (begin, begun) = tokio::sync::oneshot::channel();
        let holds = tokio::task::spawn_blocking(move || {
            let _nothing_is_written = stalled.lock().unwrap();
            begin.send(()).unwrap();
            assert!(ends.recv().is_err());
        });
        begun.await.unwrap();
        Stall { over, holds }
    }

    pub(super) fn report(&self, report: Report) {
        self.bench.reports.send(report.into()).unwrap();
    }

    pub(super) async fn offered(&mut self) -> OfferId {
        loop {
            if let Command::Do(Output::Offer { offer, .. }) =
                self.bench.commands.recv().await.unwrap()
            {
                return offer;
            }
        }
    }

    /// When everything that was told so far has been decided.
    async fn settled(&self) {
        let tick = (self.bench.handle).submit(Input::Tick, Context::by(Actor::Admin));
        tick.await.unwrap();
    }

    /// What its contact is at.
    fn stage(&self, offer: OfferId) -> Stage {
        let state = self.bench.handle.state();
        state.directory.live[&offer.contact].stage.clone()
    }

    pub(super) async fn end(self) {
        self.bench.stop.send_replace(Some(LoopEnd::Stopped));
        let end = self.bench.running.await.unwrap().unwrap();
        assert_eq!(end, LoopEnd::Stopped);
    }
}

#[tokio::test]
async fn who_answers_while_the_journal_stalls_talks_and_who_comes_meanwhile_has_waited_since_and_rings_for_a_whole_ring()
 {
    let mut it = Stalling::new().await;
    it.report(arrival(1));
    let offer = it.offered().await;
    let stall = it.stall().await;
    // The first one's commit waits, and with it all that comes meanwhile.
    for report in [
        Report::Input(Input::Tick),
        arrival(2),
        Report::Input(Input::Accept { offer }),
        Report::Input(Input::Connected { offer }),
    ] {
        it.report(report);
        tokio::time::sleep(RING / 10).await;
    }
    tokio::time::sleep(2 * RING).await;
    stall.end().await;
    let second = it.offered().await;
    let first = it.stage(offer);
    assert!(matches!(first, Stage::Talking { .. }), "{first:?}");
    let waited = {
        let state = it.bench.handle.state();
        state.directory.last - state.directory.live[&second.contact].arrived
    };
    assert!(waited > Span(2_000_000), "{waited:?}");
    tokio::time::sleep(RING / 2).await;
    it.report(Report::Input(Input::Accept { offer: second }));
    it.settled().await;
    let stage = it.stage(second);
    assert!(matches!(stage, Stage::Accepted { .. }), "{stage:?}");
    it.end().await;
}

#[tokio::test]
async fn an_offer_from_the_very_commit_that_stalls_rings_for_a_whole_ring() {
    let mut it = Stalling::new().await;
    let stall = it.stall().await;
    it.report(arrival(1));
    tokio::time::sleep(2 * RING).await;
    stall.end().await;
    let offer = it.offered().await;
    tokio::time::sleep(RING / 2).await;
    it.report(Report::Input(Input::Accept { offer }));
    it.settled().await;
    let stage = it.stage(offer);
    assert!(matches!(stage, Stage::Accepted { .. }), "{stage:?}");
    // And it is given up when that is over, by who is asked next.
    it.report(arrival(2));
    let next = it.offered().await;
    tokio::time::sleep(2 * RING).await;
    let stage = it.stage(next);
    assert!(
        !matches!(stage, Stage::Offered { offer, .. } if offer == next),
        "{stage:?}"
    );
    it.end().await;
}

#[tokio::test]
async fn an_answer_behind_thousands_of_others_is_heard_though_the_journal_stalled_and_is_slow_after_it()
 {
    let dir = tempfile::tempdir().unwrap();
    let mut it = Stalling::over(dir, Duration::from_millis(80)).await;
    // What sockets may hold is waited for once in a while, and that was now: no such grace is given below.
    let before = it.stall().await;
    it.report(Report::Input(Input::Tick));
    tokio::time::sleep(6 * RING / 5).await;
    before.end().await;
    it.bench.sign_in("maria").await;
    it.report(arrival(1));
    let offer = it.offered().await;
    let stall = it.stall().await;
    // Its commit waits, and what follows is in none yet.
    it.report(Report::Input(Input::Tick));
    tokio::time::sleep(RING / 10).await;
    for _ in 0..5_000 {
        it.report(Report::Input(Input::Tick));
    }
    it.report(Report::Input(Input::Accept { offer }));
    tokio::time::sleep(2 * RING).await;
    stall.end().await;
    it.settled().await;
    let stage = it.stage(offer);
    assert!(matches!(stage, Stage::Accepted { .. }), "{stage:?}");
    it.end().await;
}

#[tokio::test]
async fn what_happened_while_the_whole_process_was_paused_is_heard_before_anybody_is_given_up() {
    let mut it = Stalling::new().await;
    it.report(arrival(1));
    let offer = it.offered().await;
    it.settled().await;
    // This runtime has one thread, which does nothing else meanwhile.
    std::thread::sleep(5 * RING / 2);
    tokio::time::sleep(RING / 5).await;
    // It was in a socket.
    it.report(Report::Input(Input::Accept { offer }));
    it.settled().await;
    let stage = it.stage(offer);
    assert!(matches!(stage, Stage::Accepted { .. }), "{stage:?}");
    it.end().await;
}

#[tokio::test]
async fn a_chat_accepted_while_the_journal_stalls_for_longer_than_joining_may_take_is_joined_after_it()
 {
    let mut it = Stalling::new().await;
    let handle = it.bench.handle.clone();
    let arriving = Arriving {
        queue: QueueId::centre("chats"),
        priority: 0,
        customer: None,
        context: Context::by(Actor::Admin),
    };
    handle.arrive(arriving).await.unwrap();
    let offer = it.offered().await;
    let stall = it.stall().await;
    let accepting = handle.clone();
    let accept = tokio::spawn(async move {
        let context = Context::by(Actor::Admin);
        accepting.submit(Input::Accept { offer }, context).await
    });
    let longer = trunkline_routing::CONNECT_DEADLINE.as_secs_f64() + 0.5;
    tokio::time::sleep(Duration::from_secs_f64(longer)).await;
    stall.end().await;
    assert_eq!(accept.await.unwrap().unwrap().refused(), None);
    let connected = handle.submit(Input::Connected { offer }, Context::by(Actor::Admin));
    assert_eq!(connected.await.unwrap().refused(), None);
    let stage = it.stage(offer);
    assert!(matches!(stage, Stage::Talking { .. }), "{stage:?}");
    it.end().await;
}

#[tokio::test]
async fn a_journal_whose_every_commit_is_slow_keeps_nothing_from_ending() {
    let dir = tempfile::tempdir().unwrap();
    let mut it = Stalling::over(dir, Duration::from_millis(120)).await;
    for agent in ["maria", "noah"] {
        it.bench.sign_in(agent).await;
    }
    it.report(arrival(1));
    let first = it.offered().await;
    // Who doesn't answer is not asked for ever.
    let second = it.offered().await;
    assert_eq!(second.contact, first.contact);
    it.report(Report::Input(Input::Accept { offer: second }));
    it.report(Report::Input(Input::Connected { offer: second }));
    it.settled().await;
    let contact = second.contact;
    it.report(Report::Input(Input::AgentDone { contact }));
    it.settled().await;
    // The wrap-up's second, and a new configuration, while there is always something to do.
    let mut changed = Stalling::tenant();
    changed
        .queues
        .get_mut(&QueueId::centre("orders"))
        .unwrap()
        .priority = 3;
    let changed = Loaded::from_tenant(changed).unwrap();
    let hash = changed.hash.clone();
    it.bench.config.send_replace(changed);
    let busy = async {
        loop {
            it.report(Report::Input(Input::Tick));
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let until_done = async {
        loop {
            {
                let state = it.bench.handle.state();
                let wraps = (state.directory.agents.values())
                    .any(|agent| matches!(agent.state, AgentState::WrapUp { .. }));
                if !wraps && state.directory.config_hash.as_ref() == Some(&hash) {
                    return;
                }
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let both = async {
        tokio::select! {
            () = until_done => {}
            () = busy => {}
        }
    };
    tokio::time::timeout(Duration::from_secs(20), both)
        .await
        .expect("the wrap-up ends, and the configuration is taken in");
    it.end().await;
}

#[tokio::test]
async fn who_answered_while_nobody_led_is_heard_by_the_next_leader() {
    let mut it = Stalling::new().await;
    it.report(arrival(1));
    let offer = it.offered().await;
    let it = it.dies(2 * RING).await;
    // Its hosts are listed a second after it leads.
    tokio::time::sleep(RING).await;
    it.report(Report::Input(Input::Accept { offer }));
    it.report(Report::Input(Input::Connected { offer }));
    it.settled().await;
    let stage = it.stage(offer);
    assert!(matches!(stage, Stage::Talking { .. }), "{stage:?}");
    it.end().await;
}

#[tokio::test]
async fn who_has_not_answered_by_the_time_that_the_next_leader_knows_is_given_up() {
    let mut it = Stalling::new().await;
    it.report(arrival(1));
    let offer = it.offered().await;
    let mut it = it.dies(2 * RING).await;
    let leads = std::time::Instant::now();
    let next = it.offered().await;
    assert!(leads.elapsed() > 3 * RING, "{:?}", leads.elapsed());
    assert_eq!(next.contact, offer.contact);
    assert!(next.generation > offer.generation);
    it.end().await;
}

#[tokio::test]
async fn desks_that_are_heard_while_the_journal_stalls_keep_nobody_else_out() {
    let it = Stalling::new().await;
    let stall = it.stall().await;
    it.report(Report::Input(Input::Tick));
    for _ in 0..10_000 {
        it.bench.handle.heartbeat("maria".into()).unwrap();
    }
    let handle = it.bench.handle.clone();
    let ready = tokio::spawn(async move {
        let agent = "maria".into();
        let context = Context::by(Actor::Admin);
        handle.submit(Input::Ready { agent }, context).await
    });
    tokio::time::sleep(RING / 10).await;
    stall.end().await;
    assert_eq!(ready.await.unwrap().unwrap().refused(), None);
    it.end().await;
}
