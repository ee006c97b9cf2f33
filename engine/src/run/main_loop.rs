//! The main loop: the one writer.
//!
//! report or request → journal, durable → core → telephony and subscribers. Whatever comes while
//! a commit is under way goes with the next one. Nothing is commanded that isn't durable.
//!
//! A commit that takes long has kept everybody waiting who had a deadline, and so has a pause of the whole process, and a
//! leader's death. What is decided next is told so first, by [`Input::Stalled`], and then all that came meanwhile.

use std::collections::VecDeque;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot, watch};
use trunkline_routing::{ContactId, Input, Output, Span, Target, Time};

use super::clock::Clock;
use super::handle::{Arrived, Arriving, Decision, Ends, NotTaken, Request, Role};
use super::pending::{Event, PRESENCE_CHECK, Pending, Presence, Stall};
use super::watchdog::Turns;
use crate::config::Loaded;
use crate::journal::{Actor, Context, Entry, Epoch, JournalError, Rows, Seq, Writer};
use crate::metrics::Metrics;
use crate::state::{Applied, State};
use crate::telephony::{Arrival, CallRef, Command, MediaHosts, Report, Standing, Telephony, Told};

/// Entries in one commit at most: a commit of this size takes some 10 ms.
const BATCH: usize = 512;
/// Entries between two snapshots: replaying this many takes well under a second.
const SNAPSHOT_EVERY: u64 = 20_000;
/// Between two snapshots at most, where anything happened: what is cut must be in one.
const SNAPSHOT_AFTER: Duration = Duration::from_secs(6 * 3600);
/// The longest sleep where the core asks for nothing.
const NO_DEADLINE: Duration = Duration::from_secs(3600);
/// A commit that takes this long has stalled. What is due in a shorter one is due.
const STALL: Duration = Duration::from_millis(50);
/// Telephony has told again by then that it hears nothing, or what it has heard since, though it is late itself.
const TOLD_AGAIN: Span = Span::seconds(3);
/// The loop turns at least as often as it looks for presence; where it is this much later, the process was paused.
const PAUSE: Duration = Duration::from_millis(500);

/// Why the main loop ended without an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LoopEnd {
    /// It was asked to.
    Stopped,
    /// Another engine leads.
    SteppedDown(String),
}

/// What the main loop is made of.
pub(super) struct MainLoop {
    /// Told of each turn. The first to go: nobody is to watch a loop that is over while the journal's last orders are waited for.
    pub(super) turns: Arc<Turns>,
    pub(super) epoch: Epoch,
    pub(super) writer: Arc<Writer>,
    pub(super) ends: Ends,
    pub(super) telephony: Telephony,
    pub(super) config: watch::Receiver<Loaded>,
    /// The media hosts that there are; `None`: not known yet.
    pub(super) hosts: watch::Receiver<Option<MediaHosts>>,
    pub(super) stop: watch::Receiver<Option<LoopEnd>>,
    pub(super) metrics: Arc<Metrics>,
}

type Answer = oneshot::Sender<Result<Arc<Decision>, NotTaken>>;
type ArrivalAnswer = oneshot::Sender<Arrived>;

/// Who waits for an entry's decision.
enum Waiter {
    Nobody,
    Request(Answer),
    Arrival(ContactId, ArrivalAnswer),
}

/// Entries that will be committed together.
struct Batch {
    at: Time,
    next: Seq,
    newest: ContactId,
    entries: Vec<Entry>,
    waiters: Vec<Waiter>,
}

impl Batch {
    fn push(&mut self, input: Input, context: Context, waiter: Waiter) {
        self.entries.push(Entry {
            seq: self.next,
            at: self.at,
            input,
            context,
        });
        self.next = self.next.next();
        self.waiters.push(waiter);
    }

    fn number(&mut self) -> ContactId {
        self.newest = ContactId(self.newest.0 + 1);
        self.newest
    }

    fn brings(&self, is_it: impl Fn(&Context) -> bool) -> Option<ContactId> {
        self.entries.iter().find_map(|entry| match &entry.input {
            Input::Arrive { contact, .. } if is_it(&entry.context) => Some(*contact),
            _ => None,
        })
    }
}

impl MainLoop {
    /// Runs until it is told to stop, or must step down. The state has been replayed into `ends`.
    ///
    /// # Errors
    /// [`JournalError`], where the journal fails: nothing may be commanded then.
    pub(super) async fn run(mut self) -> Result<LoopEnd, JournalError> {
        let mut clock = Clock::starting_behind(self.read(|state| state.directory.last));
        let mut presence = Presence::from_now();
        let mut since_snapshot = 0_u64;
        let mut snapshot_at = Instant::now();
        self.config.mark_changed();
        self.hosts.mark_changed();
        let tenant = self.read(|state| state.directory.tenant.clone());
        if let Some(tenant) = tenant {
            self.command(Command::Configure(tenant));
        }
        self.ends.role.send_replace(Role::Leading(self.epoch));

        let idle = self.read(|state| state.core.next_deadline().is_none());
        let last = self.read(|state| state.directory.last);
        let mut pending = Pending::of_a_new_leader(clock.now(), (!idle).then_some(last));
        let end = 'leads: loop {
            self.turns.turn();
            if pending.events.is_empty() {
                let began = Instant::now();
                let event = self.next_event(&mut clock, &mut presence).await;
                pending.events.push_back(event);
                self.gather(&mut pending.events, &mut presence);
                pending.at = clock.now();
                if began.elapsed() >= PRESENCE_CHECK + PAUSE {
                    // What was begun before it had been commanded.
                    let since = clock.at(began);
                    pending.late(since, began, &mut presence);
                    pending.heard = Some(Instant::now());
                }
            }
            if let Some(before) = clock.take_leap() {
                // Nothing was decided in the time that was leapt over, and nothing that came in it has been heard.
                pending.leapt(before);
            }
            let (mut batch, stalled) = self.begin(&mut pending);
            while batch.entries.len() < BATCH
                && let Some(event) = pending.events.pop_front()
            {
                if let Some(end) = self.take(event, &mut batch, &clock, &presence) {
                    break 'leads end;
                }
            }
            if let Some(stall) = stalled
                && batch.entries.len() == 1
            {
                // Nothing to decide yet: nothing to tell either.
                pending.stall = Some(stall);
                continue;
            }
            since_snapshot += batch.entries.len() as u64;
            let began = Instant::now();
            self.commit(batch, &clock).await?;
            let due = since_snapshot > 0 && snapshot_at.elapsed() >= SNAPSHOT_AFTER;
            if due || since_snapshot >= SNAPSHOT_EVERY {
                since_snapshot = 0;
                snapshot_at = Instant::now();
                self.snapshot();
            }
            if began.elapsed() >= STALL {
                let next = pending.events.front().and_then(Event::came);
                let unheard = next.is_some_and(|came| Some(came) <= pending.heard);
                self.gather(&mut pending.events, &mut presence);
                pending.at = clock.now();
                let since = self.read(|state| state.directory.last);
                pending.late(since, began, &mut presence);
                if let Some(stall) = &mut pending.stall {
                    stall.holds = unheard;
                }
                if !unheard {
                    pending.heard = Some(Instant::now());
                }
            }
        };
        if end == LoopEnd::Stopped {
            self.snapshot();
        }
        self.ends.role.send_replace(Role::Ended);
        Ok(end)
    }

    /// An empty batch, or one that begins with the stall that is to be told.
    fn begin(&self, pending: &mut Pending) -> (Batch, Option<Stall>) {
        let mut batch = self.read(|state| Batch {
            at: state.directory.last,
            next: state.seq.next(),
            newest: state.directory.newest.unwrap_or(ContactId(0)),
            entries: Vec::new(),
            waiters: Vec::new(),
        });
        let stall = pending.stall.take();
        if let Some(Stall {
            since,
            until,
            listed,
            holds,
        }) = stall
        {
            // As of its beginning, so that nothing is due before it is known; but what an earlier stall put off is.
            let input = Input::Stalled {
                since,
                until,
                listed,
            };
            if !holds {
                batch.at = batch.at + Span(1);
            }
            batch.push(input, Context::by(Actor::Engine), Waiter::Nobody);
        }
        batch.at = batch.at.max(pending.at);
        (batch, stall)
    }

    async fn next_event(&mut self, clock: &mut Clock, presence: &mut Presence) -> Event {
        let deadline = self.read(|state| state.core.next_deadline());
        let sleep = deadline.map_or(NO_DEADLINE, |due| {
            Duration::from_micros(u64::try_from((due - clock.now()).0).unwrap_or(0))
        });
        tokio::select! {
            biased;
            end = stopped(&mut self.stop) => Event::End(end),
            Ok(()) = self.hosts.changed() => Event::Hosts,
            Ok(()) = self.config.changed() => Event::Config,
            told = self.telephony.reports.recv() => match told {
                Some(told) => Event::Report(told),
                None => Event::End(LoopEnd::SteppedDown("telephony has ended".into())),
            },
            Some((at, request)) = self.ends.requests.recv() => Event::Request(at, request),
            () = tokio::time::sleep(sleep) => Event::Deadline,
            () = tokio::time::sleep_until(presence.next.into()) => presence.look(),
        }
    }

    /// All that waits: what has no time first, then the others in the order in which they came.
    fn gather(&mut self, events: &mut VecDeque<Event>, presence: &mut Presence) {
        if let Some(end) = self.stop.borrow().clone() {
            events.push_back(Event::End(end));
        }
        if self.hosts.has_changed().unwrap_or_default() {
            events.push_back(Event::Hosts);
        }
        if self.config.has_changed().unwrap_or_default() {
            events.push_back(Event::Config);
        }
        if Instant::now() >= presence.next {
            events.push_back(presence.look());
        }
        while let Ok(told) = self.telephony.reports.try_recv() {
            events.push_back(Event::Report(told));
        }
        while let Ok((at, request)) = self.ends.requests.try_recv() {
            events.push_back(Event::Request(at, request));
        }
        events.make_contiguous().sort_by_key(Event::came);
    }

    fn take(
        &mut self,
        event: Event,
        batch: &mut Batch,
        clock: &Clock,
        presence: &Presence,
    ) -> Option<LoopEnd> {
        // Who came long before we could take them in, and has waited since.
        let came = event.came().map(|at| clock.at(at));
        let late =
            came.filter(|came| Duration::from_micros((batch.at - *came).0.unsigned_abs()) >= STALL);
        match event {
            Event::End(why) => return Some(why),
            Event::Hosts => {
                let there = self.hosts.borrow_and_update().clone();
                if let Some(hosts) = there {
                    self.command(Command::Hosts(hosts));
                }
            }
            Event::Config => self.configure(batch),
            Event::Report(told) => return self.report(told, late, batch, clock),
            Event::Request(_, request) => self.request(request, late, batch),
            Event::Deadline => {
                batch.push(Input::Tick, Context::default(), Waiter::Nobody);
            }
            Event::Presence => {
                let beats = self.ends.beats();
                let changed = self
                    .read(|state| beats.changed(&state.directory, presence.from, Instant::now()));
                for (agent, alive) in changed {
                    let input = Input::Session { agent, alive };
                    batch.push(input, Context::by(Actor::Engine), Waiter::Nobody);
                }
            }
        }
        None
    }

    fn configure(&mut self, batch: &mut Batch) {
        let loaded = self.config.borrow_and_update().clone();
        let runs = self.read(|state| state.directory.config_hash.clone());
        if runs.as_deref() == Some(loaded.hash.as_str()) {
            return;
        }
        tracing::info!(hash = %loaded.hash, before = ?runs, "a new configuration");
        let context = Context {
            config_hash: Some(loaded.hash),
            ..Context::by(Actor::Engine)
        };
        let input = Input::Configure {
            tenant: loaded.tenant,
        };
        batch.push(input, context, Waiter::Nobody);
    }

    fn report(
        &mut self,
        told: Told,
        late: Option<Time>,
        batch: &mut Batch,
        clock: &Clock,
    ) -> Option<LoopEnd> {
        match told.report {
            Report::Arrived(arrival) => self.arrived(arrival, late, batch),
            Report::Input(input) => {
                batch.push(input, Context::by(Actor::Telephony), Waiter::Nobody);
            }
            Report::Agent { agent, input } => {
                let context = Context {
                    agent: Some(agent),
                    ..Context::by(Actor::Telephony)
                };
                batch.push(input, context, Waiter::Nobody);
            }
            Report::Asks { contact } => {
                let standing = self.read(|state| Standing {
                    position: state.core.position(contact),
                    wait: state.core.estimate(contact).map(|it| (it.low, it.high)),
                });
                self.command(Command::Tell { contact, standing });
            }
            Report::Unheard { contacts, since } => {
                let until = clock.at(told.at);
                let input = Input::Unheard {
                    contacts,
                    since: clock.at(since),
                    until,
                    listed: batch.at.max(until) + TOLD_AGAIN,
                };
                batch.push(input, Context::by(Actor::Telephony), Waiter::Nobody);
            }
            Report::Host { host, up } => {
                tracing::info!(host = %host, up, "media host");
                self.metrics.media_host(host.as_str(), up);
            }
            Report::SteppedDown { host, why } => {
                return Some(LoopEnd::SteppedDown(format!("{host}: {why}")));
            }
        }
        None
    }

    fn arrived(&self, arrival: Arrival, late: Option<Time>, batch: &mut Batch) {
        let Arrival {
            call,
            number,
            queue,
            customer,
            callable,
            since,
        } = arrival;
        let known = self
            .read(|state| state.directory.by_call(&call))
            .or_else(|| batch.brings(|context| context.call.as_ref() == Some(&call)));
        if known.is_some() {
            return;
        }
        let contact = batch.number();
        let context = Context {
            call: Some(call),
            number: Some(number),
            ..Context::by(Actor::Telephony)
        };
        let input = Input::Arrive {
            contact,
            queue,
            since: since.or(late),
            priority: 0,
            customer,
            callable,
        };
        batch.push(input, context, Waiter::Nobody);
    }

    fn request(&self, request: Request, late: Option<Time>, batch: &mut Batch) {
        match request {
            Request::Submit {
                input,
                context,
                answer,
            } => {
                if let Input::SignIn { agent, .. } = input.as_ref() {
                    self.ends.beats().heard(agent.clone());
                }
                batch.push(*input, context, Waiter::Request(answer));
            }
            Request::SubmitFresh {
                fresh,
                context,
                answer,
            } => {
                let input = fresh.numbered(batch.number());
                batch.push(input, context, Waiter::Request(answer));
            }
            Request::Arrive { arriving, answer } => {
                let Arriving {
                    queue,
                    priority,
                    customer,
                    context,
                } = *arriving;
                let names = self.ends.handle().names().clone();
                let known = context.reference.as_deref().and_then(|reference| {
                    let sealed = names.contact_under(reference);
                    self.read(|state| {
                        let lives =
                            |contact: &ContactId| state.directory.live.contains_key(contact);
                        let sealed = sealed.filter(lives);
                        sealed.or_else(|| state.directory.by_reference(reference))
                    })
                    .or_else(|| batch.brings(|c| c.reference.as_deref() == Some(reference)))
                });
                if let Some(contact) = known {
                    // Who asked may have gone.
                    let _ = answer.send(Ok((contact, None)));
                    return;
                }
                let contact = batch.number();
                let input = Input::Arrive {
                    contact,
                    queue,
                    since: late,
                    priority,
                    customer,
                    // The API takes no number for a call that can't be dialled; whether a trunk may call it is asked when it is.
                    callable: true,
                };
                batch.push(input, context, Waiter::Arrival(contact, answer));
            }
            Request::Measure { contact, answer } => {
                // Without telephony the answer closes unsent, which is the answer.
                let _ = (self.telephony.commands).send(Command::Measure { contact, answer });
            }
            Request::ForgetMessage {
                contact,
                host,
                answer,
            } => {
                let forget = Command::Forget {
                    contact,
                    host,
                    answer,
                };
                let _ = self.telephony.commands.send(forget);
            }
            Request::Message { contact, answer } => {
                let _ = (self.telephony.commands).send(Command::Fetch { contact, answer });
            }
            Request::Back(agent) => {
                let back = self.read(|state| {
                    let view = state.directory.agents.get(&agent);
                    view.is_some_and(|view| view.signed_in && !view.alive)
                });
                if back {
                    let input = Input::Session { agent, alive: true };
                    batch.push(input, Context::by(Actor::Engine), Waiter::Nobody);
                }
            }
        }
    }

    /// Makes a batch durable, decides upon it, and tells everyone.
    async fn commit(&mut self, batch: Batch, clock: &Clock) -> Result<(), JournalError> {
        let Batch {
            entries, waiters, ..
        } = batch;
        if entries.is_empty() {
            return Ok(());
        }
        let began = Instant::now();
        let durable = self.writer.append(self.epoch, entries);
        let entries = self.turns.waiting(durable).await?;
        self.metrics.committed(entries.len(), began.elapsed());
        let mut rows = Rows::default();
        for (entry, waiter) in entries.into_iter().zip(waiters) {
            let Applied {
                outputs,
                rows: made,
            } = self.apply(&entry);
            let Entry {
                seq,
                at,
                input,
                context,
            } = entry;
            let decision = Arc::new(Decision {
                seq,
                at,
                input,
                context,
                outputs,
            });
            self.metrics.decided(&decision);
            self.tell_telephony(&decision, clock);
            rows.extend(made);
            // Nobody may be listening, and who asked may have gone: neither matters here.
            let _ = self.ends.decisions.send(Arc::clone(&decision));
            match waiter {
                Waiter::Nobody => {}
                Waiter::Request(answer) => drop(answer.send(Ok(decision))),
                Waiter::Arrival(contact, answer) => {
                    drop(answer.send(Ok((contact, Some(decision)))));
                }
            }
        }
        if !rows.is_empty() {
            self.writer.project(self.epoch, rows);
        }
        let names = self.ends.handle().names().clone();
        names.sweep(|| self.read(|state| state.directory.wanted()));
        Ok(())
    }

    /// The state and the figures change as one: who looks at both sees each row once.
    fn apply(&self, entry: &Entry) -> Applied {
        let mut figures = self.ends.figures();
        let mut state = self
            .ends
            .state
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        let applied = state.apply(entry);
        if let Some(tenant) = &state.directory.tenant {
            figures.add(&applied.rows, tenant);
        }
        applied
    }

    fn tell_telephony(&self, decision: &Decision, clock: &Clock) {
        let refused = decision.refused();
        if let Some(why) = refused {
            tracing::info!(
                seq = decision.seq.0,
                input = word(&decision.input),
                why,
                "refused"
            );
        }
        match &decision.input {
            Input::Configure { tenant } if refused.is_none() => {
                self.command(Command::Configure(Arc::clone(tenant)));
            }
            Input::Arrive { contact, queue, .. } => {
                if let Some(call) = decision.context.call.clone() {
                    self.command(admission(refused.is_none(), *contact, call, queue.clone()));
                }
            }
            Input::Hold { contact, on } if refused.is_none() => {
                self.command(Command::Hold {
                    contact: *contact,
                    on: *on,
                });
            }
            _ => {}
        }
        for output in &decision.outputs {
            self.command(Command::Do(self.as_carried_out(output.clone(), clock)));
        }
    }

    /// The core knows customers, and numbers outside, by our names for them; who dials needs the number. And it has a clock of its own, which
    /// may be a minute from the wall's, while telephony and Asterisk have the wall's: a phone must ring for as long as
    /// the core means.
    fn as_carried_out(&self, mut output: Output, clock: &Clock) -> Output {
        if let Output::Dial { customer, .. } | Output::CallbackBooked { customer, .. } = &mut output
            && let Some(number) = self.ends.handle().names().of(customer)
        {
            *customer = number;
        }
        if let Output::HandOver { to, .. } | Output::Consulting { to, .. } = &mut output
            && let Target::Number(name) = to
            && let Some(number) = self.ends.handle().names().number(name)
        {
            *name = number;
        }
        if let Output::Offer { deadline, .. }
        | Output::HandOver { deadline, .. }
        | Output::Dial { deadline, .. } = &mut output
        {
            *deadline = clock.on_the_wall(*deadline);
        }
        output
    }

    fn command(&self, command: Command) {
        if self.telephony.commands.send(command).is_err() {
            // Its reports are at an end too, which ends this loop.
            tracing::warn!("telephony has ended");
        }
    }

    fn snapshot(&self) {
        match self.read(State::snapshot) {
            Ok(snapshot) => self.writer.save_snapshot(self.epoch, snapshot),
            Err(error) => tracing::error!(%error, "no snapshot: a restart will replay more"),
        }
    }

    fn read<T>(&self, look: impl FnOnce(&State) -> T) -> T {
        look(
            &self
                .ends
                .state
                .read()
                .unwrap_or_else(PoisonError::into_inner),
        )
    }
}

fn admission(
    accepted: bool,
    contact: ContactId,
    call: CallRef,
    queue: trunkline_tenant::QueueId,
) -> Command {
    if accepted {
        Command::Admit {
            contact,
            call,
            queue,
        }
    } else {
        Command::TurnAway { call }
    }
}

async fn stopped(stop: &mut watch::Receiver<Option<LoopEnd>>) -> LoopEnd {
    match stop.wait_for(Option::is_some).await {
        Ok(end) => end.clone().unwrap_or(LoopEnd::Stopped),
        Err(_) => LoopEnd::Stopped,
    }
}

/// A telephony that nobody drives: for a tenant without calls, and for tests.
pub(crate) fn silent_telephony() -> (
    Telephony,
    mpsc::UnboundedReceiver<Command>,
    mpsc::UnboundedSender<Told>,
) {
    let (commands, commanded) = mpsc::unbounded_channel();
    let (report, reports) = mpsc::unbounded_channel();
    (Telephony { commands, reports }, commanded, report)
}

/// What an input is, without whom it is about: a number to call is in some.
fn word(input: &Input) -> String {
    let whole = format!("{input:?}");
    let end = whole.find(|c: char| !c.is_alphanumeric());
    whole[..end.unwrap_or(whole.len())].to_owned()
}
