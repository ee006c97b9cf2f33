//! The contacts counted by themselves, from inputs and outputs alone: which rows each must have,
//! and what the figures of its queue and client must be at every instant. Nothing of
//! `routing/src/metrics` is used but to be compared with. What else follows from rows, also for teams and agents, is
//! in [`sums`](crate::sums).

use std::collections::{BTreeMap, BTreeSet};

use std::sync::Arc;

use trunkline_routing::metrics::{Interval, Ledger, Scope};
use trunkline_routing::*;
use trunkline_tenant::crds::{AgentName, ClientName, Medium, TeamName};
use trunkline_tenant::{Queue, QueueId, Tenant};

use crate::debts::{Wait, judged};
use crate::spells::Spells;
use crate::sums::{Key, Sum, Sums, keys};

/// A contact that is here.
#[derive(Clone, Debug)]
struct Life {
    client: Option<ClientName>,
    arrived: Time,
    /// Of the stretch that is open, or of the next.
    index: u32,
    kind: StretchKind,
    again: bool,
    /// Its queue, also while no stretch is open.
    queue: QueueId,
    open: Option<Stretch>,
    /// A callback that has not come yet.
    to_come: bool,
}

#[derive(Clone, Debug)]
struct Stretch {
    entered: Time,
    answered: Option<Time>,
    agent: Option<AgentName>,
    held: Span,
    hold_since: Option<Time>,
}

/// What a row must say.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    pub queue: QueueId,
    pub client: Option<ClientName>,
    pub arrived: Time,
    pub entered: Time,
    pub answered: Option<Time>,
    pub ended: Time,
    pub agent: Option<AgentName>,
    pub hold: Span,
    pub end: SegmentEnd,
    pub again: bool,
    pub kind: StretchKind,
    /// What it is judged by, and where it counts, as it was when the stretch ended.
    pub terms: RowTerms,
    pub place: RowPlace,
}

/// What is counted of a queue or a client in a quarter of an hour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Figures {
    offered: u64,
    answered: u64,
    abandoned: u64,
    flowed_out: u64,
    dropped: u64,
    waiting: u64,
    dropped_talking: u64,
    called_back: u64,
    consults: u64,
    handled: u64,
    answered_wait: i64,
}

impl Figures {
    fn of(counts: &metrics::Counts) -> Self {
        Self {
            offered: counts.offered,
            answered: counts.answered,
            abandoned: counts.abandoned,
            flowed_out: counts.flowed_out,
            dropped: counts.dropped,
            waiting: counts.waiting,
            dropped_talking: counts.dropped_talking,
            called_back: counts.called_back,
            consults: counts.consults,
            handled: counts.handled,
            answered_wait: counts.answered_wait.0,
        }
    }

    fn balance(&self) -> bool {
        let over = self.answered + self.abandoned + self.flowed_out + self.dropped;
        self.offered == over + self.waiting
    }
}

pub struct Tally {
    lives: BTreeMap<ContactId, Life>,
    /// Who came by this input, and since when they had been there.
    fresh: Option<(ContactId, Time)>,
    /// Rows that must be written in this instant: nobody talked.
    due: BTreeMap<(ContactId, u32), Row>,
    /// Rows of conversations, each complete once its wrap-up is over.
    owed: BTreeMap<(ContactId, u32), Row>,
    figures: BTreeMap<Scope, BTreeMap<Time, Figures>>,
    /// What figures this event has to do with.
    touched: BTreeSet<Key>,
    /// The rows so far, folded as the engine folds them, and as they are folded here.
    ledger: Ledger,
    sums: Sums,
    /// Everything open is to be compared, too.
    all_open: bool,
    events: u64,
    tenant: Arc<Tenant>,
    /// By what each queue is judged. No client has a contract here.
    judged: BTreeMap<QueueId, Judged>,
    /// Of those who are here and not listed: their team, which one who was taken off the list has no more.
    unlisted: BTreeMap<AgentName, Option<TeamName>>,
    spells: Spells,
    /// There was a while in which nothing could be decided.
    stalled: bool,
    /// Waits of customers that have just ended.
    pub waits: Vec<Wait>,
}

/// Every zone of today is whole quarters away from UTC, so their quarters are the same.
pub fn quarter(at: Time) -> Time {
    const QUARTER: i64 = 15 * 60 * 1_000_000;
    Time(at.0.div_euclid(QUARTER) * QUARTER)
}

impl Life {
    fn scopes(&self, entered: Time) -> [Key; 2] {
        [
            (Scope::Queue(self.queue.clone()), quarter(entered)),
            (Scope::Client(self.client.clone()), quarter(self.arrived)),
        ]
    }

    /// Whether the contact's client counts this stretch: only the first until somebody talks.
    fn is_first(&self) -> bool {
        self.kind == StretchKind::Plain && !self.again
    }
}

impl Tally {
    pub fn new(tenant: &Arc<Tenant>) -> Self {
        let mut tally = Self {
            lives: BTreeMap::new(),
            fresh: None,
            due: BTreeMap::new(),
            owed: BTreeMap::new(),
            figures: BTreeMap::new(),
            touched: BTreeSet::new(),
            ledger: Ledger::new(Interval::Quarter),
            sums: Sums::default(),
            all_open: true,
            events: 0,
            tenant: Arc::clone(tenant),
            judged: BTreeMap::new(),
            unlisted: BTreeMap::new(),
            spells: Spells::new(),
            stalled: false,
            waits: Vec::new(),
        };
        tally.configured(tenant);
        tally
    }

    /// Everything open counts elsewhere, and by other terms, from now on.
    fn configured(&mut self, tenant: &Arc<Tenant>) {
        for (id, queue) in &tenant.queues {
            self.judged.insert(id.clone(), judged(queue));
        }
        for name in self.tenant.agents.keys() {
            if !tenant.agents.contains_key(name) && self.spells.is_here(name) {
                self.unlisted.insert(name.clone(), None);
            }
        }
        self.unlisted
            .retain(|name, _| !tenant.agents.contains_key(name));
        for team in self.unlisted.values_mut() {
            team.take_if(|team| !tenant.teams.contains_key(team));
        }
        self.tenant = Arc::clone(tenant);
        self.all_open = true;
    }

    fn team_of(&self, agent: &AgentName) -> Option<TeamName> {
        match self.tenant.agents.get(agent) {
            Some(listed) => {
                let team = listed.team.clone()?;
                self.tenant.teams.contains_key(&team).then_some(team)
            }
            None => self.unlisted.get(agent)?.clone(),
        }
    }

    /// A stretch as a row, up to now.
    fn row(&self, life: &Life, stretch: &Stretch, now: Time, end: SegmentEnd) -> Row {
        let judged = self.judged[&life.queue];
        let agent = stretch.agent.as_ref();
        Row {
            queue: life.queue.clone(),
            client: life.client.clone(),
            arrived: life.arrived,
            entered: stretch.entered,
            answered: stretch.answered,
            ended: now,
            agent: stretch.agent.clone(),
            hold: stretch.held,
            end,
            again: life.again,
            kind: life.kind,
            terms: RowTerms {
                queue: judged,
                client: judged,
            },
            place: RowPlace {
                zone: self.tenant.zone_of(life.client.as_ref()),
                team: agent.and_then(|agent| self.team_of(agent)),
            },
        }
    }

    /// In the queue's figures and in the client's, where they count the stretch.
    fn count(&mut self, life: &Life, entered: Time, both: bool, what: impl Fn(&mut Figures, bool)) {
        for (n, (scope, start)) in life.scopes(entered).into_iter().enumerate() {
            if n == 0 || both {
                self.touched.insert((scope.clone(), start));
                let figures = self.figures.entry(scope).or_default();
                what(figures.entry(start).or_default(), n == 1);
            }
        }
    }

    /// A stretch begins. One that an overflow goes on with is no new contact of the client.
    fn open(&mut self, life: &mut Life, entered: Time, goes_on: bool) {
        life.open = Some(Stretch {
            entered,
            answered: None,
            agent: None,
            held: Span(0),
            hold_since: None,
        });
        if life.kind == StretchKind::Plain {
            let both = life.is_first() && !goes_on;
            self.count(life, entered, both, |figures, _| {
                figures.offered += 1;
                figures.waiting += 1;
            });
        }
    }

    fn answer(&mut self, life: &mut Life, now: Time, agent: Option<AgentName>) {
        let Some(stretch) = &mut life.open else {
            return;
        };
        stretch.answered = Some(now);
        stretch.agent = agent;
        let entered = stretch.entered;
        if let Some(stretch) = &life.open {
            let row = self.row(life, stretch, now, SegmentEnd::Open);
            self.touched.extend(keys(&row));
        }
        match life.kind {
            StretchKind::Plain => {
                self.waits.push(Wait {
                    queue: life.queue.clone(),
                    length: now - entered,
                    end: None,
                });
                let arrived = life.arrived;
                self.count(life, entered, life.is_first(), |figures, client| {
                    figures.waiting -= 1;
                    figures.answered += 1;
                    figures.answered_wait += (now - if client { arrived } else { entered }).0;
                });
            }
            StretchKind::CalledBack => {
                self.count(life, entered, true, |figures, _| figures.called_back += 1);
            }
            StretchKind::Consult(_) => {
                self.count(life, entered, true, |figures, _| figures.consults += 1);
            }
        }
    }

    /// A stretch ends: its row is due.
    fn close(&mut self, id: ContactId, life: &mut Life, now: Time, end: SegmentEnd) {
        if std::mem::take(&mut life.to_come) {
            life.arrived = now;
            self.open(life, now, false);
        }
        let Some(mut stretch) = life.open.take() else {
            return;
        };
        hold(&mut stretch, now, false);
        let talked = stretch.answered.is_some();
        let entered = stretch.entered;
        if !talked && life.kind == StretchKind::Plain {
            self.waits.push(Wait {
                queue: life.queue.clone(),
                length: now - entered,
                end: Some(end),
            });
            // A client's contact that overflows still waits.
            let both = life.is_first() && end != SegmentEnd::Overflow;
            self.count(life, entered, both, |figures, _| {
                figures.waiting -= 1;
                match end {
                    SegmentEnd::Abandoned => figures.abandoned += 1,
                    SegmentEnd::Dropped => figures.dropped += 1,
                    _ => figures.flowed_out += 1,
                }
            });
        }
        if talked && !matches!(life.kind, StretchKind::Consult(_)) {
            self.count(life, entered, true, |figures, _| figures.handled += 1);
        }
        if talked && life.kind == StretchKind::Plain && end == SegmentEnd::Dropped {
            self.count(life, entered, life.is_first(), |figures, _| {
                figures.dropped_talking += 1;
            });
        }
        let row = self.row(life, &stretch, now, end);
        self.touched.extend(keys(&row));
        let rows = if talked {
            &mut self.owed
        } else {
            &mut self.due
        };
        rows.insert((id, life.index), row);
        life.index += 1;
    }

    fn with<R>(
        &mut self,
        id: ContactId,
        what: impl FnOnce(&mut Self, &mut Life) -> R,
    ) -> Option<R> {
        let mut life = self.lives.remove(&id)?;
        let done = what(self, &mut life);
        self.lives.insert(id, life);
        Some(done)
    }

    /// The queue of a contact that is here.
    pub fn queue_of(&self, contact: ContactId) -> Option<QueueId> {
        Some(self.lives.get(&contact)?.queue.clone())
    }

    /// Another event.
    pub fn begin(&mut self) {
        self.fresh = None;
    }

    /// Follows an input that was not refused.
    pub fn input(&mut self, now: Time, input: &Input, queues: &BTreeMap<QueueId, Queue>) {
        match input {
            Input::Configure { tenant } => self.configured(tenant),
            Input::SignIn {
                agent,
                team: Some(team),
                ..
            } if !self.tenant.agents.contains_key(agent) => {
                let entry = self.unlisted.entry(agent.clone());
                entry.or_insert_with(|| Some(team.clone()));
            }
            Input::Arrive {
                contact,
                queue,
                since,
                ..
            } => {
                let arrived = since.map_or(now, |since| since.min(now));
                let to_come = queues[queue].medium == Medium::Callback;
                let mut life = Life {
                    client: queue.client(),
                    arrived,
                    index: 0,
                    kind: StretchKind::Plain,
                    again: false,
                    queue: queue.clone(),
                    open: None,
                    to_come,
                };
                self.fresh = Some((*contact, arrived));
                if !to_come {
                    self.open(&mut life, arrived, false);
                }
                self.lives.insert(*contact, life);
            }
            Input::BookCallback { contact, queue, .. } => {
                let life = Life {
                    client: queue.client(),
                    arrived: now,
                    index: 0,
                    kind: StretchKind::Plain,
                    again: false,
                    queue: queue.clone(),
                    open: None,
                    to_come: true,
                };
                self.lives.insert(*contact, life);
            }
            Input::Consult {
                contact,
                consult,
                to,
            } => {
                let Some(customers) = self.lives.get(contact) else {
                    return;
                };
                let mut life = Life {
                    client: customers.client.clone(),
                    arrived: customers.arrived,
                    index: 0,
                    kind: StretchKind::Consult(*contact),
                    again: true,
                    queue: customers.queue.clone(),
                    open: None,
                    to_come: false,
                };
                if let Target::Queue(queue) = to {
                    life.queue = queue.clone();
                }
                self.open(&mut life, now, false);
                self.lives.insert(*consult, life);
            }
            Input::Transfer { contact, to } => {
                self.with(*contact, |tally, life| {
                    tally.close(*contact, life, now, SegmentEnd::Answered);
                    life.again = true;
                    life.kind = StretchKind::Plain;
                    match to {
                        Target::Queue(queue) => life.queue = queue.clone(),
                        Target::Agent(_) | Target::Team(_) => {}
                        Target::Department(_) | Target::Number(_) => return,
                    }
                    tally.open(life, now, false);
                });
            }
            Input::HandedOver {
                contact,
                taken: true,
            } => {
                self.with(*contact, |tally, life| {
                    if matches!(life.kind, StretchKind::Consult(_)) {
                        tally.answer(life, now, None);
                    }
                });
            }
            Input::Hold { contact, on } => self.hold(*contact, now, *on),
            _ => {}
        }
    }

    fn hold(&mut self, contact: ContactId, now: Time, on: bool) {
        let life = self.lives.get_mut(&contact);
        if let Some(stretch) = life.and_then(|life| life.open.as_mut()) {
            hold(stretch, now, on);
        }
    }

    /// Follows an output; rows may be said before what they are of, and come after.
    pub fn output(&mut self, now: Time, output: &Output) -> Result<(), String> {
        match output {
            Output::Agent { agent, state } => {
                let team = self.team_of(agent);
                self.spells.said(now, agent, state, team, &self.tenant)?;
                if *state == AgentState::SignedOut {
                    self.unlisted.remove(agent);
                }
            }
            Output::Waiting { contact, queue } => {
                let waits = self.with(*contact, |tally, life| {
                    if std::mem::take(&mut life.to_come) {
                        let fresh = tally.fresh.filter(|(id, _)| id == contact);
                        life.arrived = fresh.map_or(now, |(_, since)| since);
                        tally.open(life, life.arrived, false);
                    } else if life.open.is_none() {
                        tally.open(life, now, false);
                    }
                    let open = life.open.as_ref();
                    life.queue == *queue && open.is_some_and(|it| it.answered.is_none())
                });
                ensure!(
                    waits == Some(true),
                    "contact {contact} is said to wait in {queue}, where it did not come"
                );
            }
            Output::Overflowed { contact, from, to } => {
                let left = self.with(*contact, |tally, life| {
                    let left = life.queue == *from;
                    tally.close(*contact, life, now, SegmentEnd::Overflow);
                    life.queue = to.clone();
                    tally.open(life, now, true);
                    left
                });
                ensure!(
                    left == Some(true),
                    "contact {contact} overflows from {from}, where it is not"
                );
            }
            Output::Answered {
                contact,
                agent,
                wait,
            } => {
                let waited = self.with(*contact, |tally, life| {
                    let entered = life.open.as_ref().map(|it| it.entered);
                    tally.answer(life, now, Some(agent.clone()));
                    entered.map(|entered| now - entered)
                });
                ensure!(
                    waited.flatten() == Some(*wait),
                    "contact {contact} is said to have waited {wait:?}, and did {waited:?}"
                );
            }
            Output::CallbackBooked {
                contact, rescue, ..
            } => {
                self.with(*contact, |tally, life| {
                    if life.to_come {
                        return;
                    }
                    let talked = life.open.as_ref().is_some_and(|it| it.answered.is_some());
                    let end = if *rescue {
                        SegmentEnd::Dropped
                    } else {
                        SegmentEnd::Callback
                    };
                    tally.close(*contact, life, now, end);
                    life.again |= talked;
                    life.kind = StretchKind::CalledBack;
                    tally.open(life, now, false);
                });
            }
            Output::Consulting { contact, .. } => self.hold(*contact, now, true),
            Output::Conferenced { contact, .. } => self.hold(*contact, now, false),
            Output::ConsultOver {
                contact,
                consult,
                how,
            } => {
                if let ConsultEnd::TakenOver { .. } = how {
                    let queue = self.lives.get(consult).map(|life| life.queue.clone());
                    self.with(*contact, |tally, life| {
                        tally.close(*contact, life, now, SegmentEnd::Answered);
                        life.again = true;
                        life.kind = StretchKind::Plain;
                        life.queue = queue.unwrap_or_else(|| life.queue.clone());
                        tally.open(life, now, false);
                    });
                } else {
                    self.hold(*contact, now, false);
                }
            }
            Output::Ended {
                contact, outcome, ..
            } => self.ended(now, *contact, *outcome)?,
            _ => {}
        }
        Ok(())
    }

    fn ended(&mut self, now: Time, id: ContactId, outcome: Outcome) -> Result<(), String> {
        let Some(mut life) = self.lives.remove(&id) else {
            return Err(format!("contact {id} ends and is not here"));
        };
        let talks = life.open.as_ref().is_some_and(|it| it.answered.is_some());
        let outside = life.open.is_none() && !life.to_come;
        let end = match outcome {
            Outcome::Answered | Outcome::Transferred if talks || outside => SegmentEnd::Answered,
            Outcome::Consulted if talks => SegmentEnd::Answered,
            Outcome::Consulted => SegmentEnd::Cancelled,
            Outcome::Dropped => SegmentEnd::Dropped,
            Outcome::Abandoned if !talks => SegmentEnd::Abandoned,
            Outcome::Closed if !talks => SegmentEnd::Closed,
            Outcome::Callback if !talks => SegmentEnd::Callback,
            Outcome::Voicemail if !talks => SegmentEnd::Voicemail,
            Outcome::Unreached if !talks => SegmentEnd::Unreached,
            Outcome::Merged if !talks => SegmentEnd::Merged,
            Outcome::Cancelled if !talks => SegmentEnd::Cancelled,
            // A line that broke once too often: the conversation was lost, nobody is called again.
            Outcome::Unreached => {
                self.close(id, &mut life, now, SegmentEnd::Dropped);
                life.again = true;
                life.kind = StretchKind::CalledBack;
                self.open(&mut life, now, false);
                SegmentEnd::Unreached
            }
            _ => {
                return Err(format!(
                    "contact {id} ends as {outcome:?}, and {} then",
                    if talks { "talked" } else { "did not talk" }
                ));
            }
        };
        if !outside {
            self.close(id, &mut life, now, end);
        }
        Ok(())
    }

    /// There was a while in which nothing could be decided.
    pub fn stalled(&mut self) {
        self.stalled = true;
    }

    /// A row is written.
    pub fn record(&mut self, now: Time, said: &Segment, tenant: &Tenant) -> Result<(), String> {
        let key = (said.contact, said.index);
        let row = self.due.remove(&key).or_else(|| self.owed.remove(&key));
        let Some(row) = row else {
            return Err(format!(
                "stretch {} of contact {} is recorded and is not over",
                said.index, said.contact
            ));
        };
        let says = row_of(said);
        ensure!(
            says.as_ref() == Some(&row),
            "stretch {} of contact {} is recorded as {says:?}, and was {row:?}",
            said.index,
            said.contact
        );
        let wraps = now - row.ended;
        // One that was over in a stall ends after it, and is not the longer for that.
        let held = self.stalled && said.wrap_up < wraps;
        ensure!(
            said.wrap_up == wraps || held,
            "stretch {} of contact {} is recorded with {:?} of wrap-up after {wraps:?}",
            said.index,
            said.contact,
            said.wrap_up
        );
        self.touched.extend(keys(&row));
        self.sums.add(&row, said.wrap_up);
        self.ledger.add(said, tenant);
        Ok(())
    }

    /// After an event: every row is written that must be, what is open is shown as it is, and the
    /// figures are those counted here.
    pub fn settle(
        &mut self,
        core: &Core,
        agents: &[AgentView],
        contacts: &[ContactView],
        tenant: &Tenant,
    ) -> Result<(), String> {
        if let Some(((contact, index), row)) = self.due.first_key_value() {
            return Err(format!(
                "no row was written of stretch {index} of contact {contact}: {row:?}"
            ));
        }
        self.spells.hold(agents)?;
        let rows = core.open_rows();
        let (mut open, mut wraps) = (0, 0);
        let mut touched = std::mem::take(&mut self.touched);
        // Each row that is open is what it should be after every event; what they add up to is looked at where
        // something changed, and now and then.
        self.events += 1;
        let all = std::mem::take(&mut self.all_open) || self.events.is_multiple_of(8);
        let adds_up = all || !touched.is_empty();
        let mut present = Ledger::new(Interval::Quarter);
        let mut sums = Sums::default();
        for row in &rows {
            let Some(shown) = row_of(row) else {
                return Err(format!("{row:?} does not say where it counts"));
            };
            if adds_up {
                present.add(row, tenant);
                sums.add(&shown, Span(0));
            }
            if all {
                touched.extend(keys(&shown));
            }
            let (contact, index) = (row.contact, row.index);
            if row.end != SegmentEnd::Open {
                wraps += 1;
                let owed = self.owed.get(&(contact, index));
                ensure!(
                    owed == Some(&shown),
                    "stretch {index} of contact {contact} is wrapped up as {shown:?}, and was {owed:?}"
                );
                continue;
            }
            open += 1;
            let life = self.lives.get(&contact);
            let stretch = life.and_then(|life| Some((life, life.open.as_ref()?)));
            let is = stretch
                .map(|(life, stretch)| self.row(life, stretch, core.now(), SegmentEnd::Open));
            let at = life.map(|life| life.index);
            ensure!(
                is.as_ref() == Some(&shown) && at == Some(index),
                "stretch {index} of contact {contact} is shown as {shown:?}, and is {at:?} {is:?}"
            );
        }
        ensure!(
            wraps == self.owed.len(),
            "{} conversations are wrapped up, {wraps} are shown",
            self.owed.len()
        );
        // Of a consult that is put to somebody outside no row is shown until they take it.
        let asks = |view: &&ContactView| {
            view.consult_of.is_some() && matches!(view.stage, StageView::Outside { .. })
        };
        let lives = self.lives.values().filter(|life| life.open.is_some());
        let lives = lives.count() - contacts.iter().filter(asks).count();
        ensure!(
            open == lives,
            "{lives} contacts wait or talk, {open} are shown"
        );
        self.compare(&present, &sums, touched)
    }

    /// Of what an event touched, and of all that is open: nothing else can have changed.
    fn compare(
        &mut self,
        present: &Ledger,
        open: &Sums,
        touched: BTreeSet<Key>,
    ) -> Result<(), String> {
        let empty = BTreeMap::new();
        for key in touched {
            let sum = self.sums.with(open, &key);
            let (scope, start) = key;
            let mut shown = metrics::Counts::default();
            for ledger in [&self.ledger, present] {
                let sums = ledger.intervals(&scope).find(|(at, _)| *at == start);
                if let Some((_, sums)) = sums {
                    shown.merge(&sums.counts);
                }
            }
            let shown_sum = Sum::of(&shown);
            ensure!(
                shown_sum == sum,
                "the figures of {scope:?} from {start} are {shown_sum:?}, and the rows add up to {sum:?}"
            );
            if let Scope::Team(_) | Scope::Agent(_) = scope {
                continue;
            }
            let figures = self.figures.get(&scope).unwrap_or(&empty).get(&start);
            let figures = figures.copied().unwrap_or_default();
            let shown = Figures::of(&shown);
            ensure!(
                shown == figures,
                "the figures of {scope:?} from {start} are {shown:?}, counted are {figures:?}"
            );
            ensure!(
                figures.balance(),
                "contacts of {scope:?} from {start} are nowhere: {figures:?}"
            );
        }
        Ok(())
    }
}

fn hold(stretch: &mut Stretch, now: Time, on: bool) {
    match (stretch.hold_since, on) {
        (None, true) if stretch.answered.is_some() => stretch.hold_since = Some(now),
        (Some(since), false) => {
            stretch.held = Span(stretch.held.0 + (now - since).0);
            stretch.hold_since = None;
        }
        _ => {}
    }
}

/// `None`: it does not say what it is judged by, or where it counts.
fn row_of(said: &Segment) -> Option<Row> {
    Some(Row {
        queue: said.queue.clone(),
        client: said.client.clone(),
        arrived: said.arrived,
        entered: said.entered,
        answered: said.answered,
        ended: said.ended,
        agent: said.agent.clone(),
        hold: said.hold,
        end: said.end,
        again: said.again,
        kind: said.kind,
        terms: said.terms?,
        place: said.place.clone()?,
    })
}
