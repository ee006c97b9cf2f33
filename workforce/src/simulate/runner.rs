//! The run itself: events in the order of `routing.md`, the core's own deadlines among them.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use foldhash::fast::FixedState;
use trunkline_routing::metrics::{Counts, Terms, View};
use trunkline_routing::{
    AgentState, ContactId, Core, Input, NextKey, OfferId, Options, Outcome, Output, Phase, Segment,
    Span, Time,
};
use trunkline_tenant::crds::{AgentName, TeamName};
use trunkline_tenant::{QueueId, Tenant};

use super::draw::{Law, Purpose, Stream, mix};
use super::events::{Deed, Event, Events, Place};
use super::fleet::{Fleet, Order, Pods, Sight};
use super::rotas::Watch;
use super::run::{Contact, Fate, MOST_REDIALS, Presence, Run, Setup};
use super::slices::{Slicer, Slices};
use super::summary::{Occupation, Summary};

/// Days go on for ever: with nothing else to come for a month, none is left.
const MOST_QUIET_DAYS: u32 = 32;

/// One who is there some time in the run.
struct Person {
    team: Option<usize>,
    /// Which pod of which fleet.
    pod: Option<(u32, u32)>,
    occupation: Occupation,
}

/// A call of one who gave up before.
struct Again {
    contact: Contact,
    /// Which of their redials it is, from 1.
    redial: u32,
}

/// What is counted of a queue.
struct Tally {
    terms: Terms,
    counts: Counts,
    waiting: u32,
    arrived: u64,
    late: u64,
}

pub(super) struct Runner<'a, 'f, 'p> {
    core: Core,
    contacts: &'a [Contact],
    /// Those who call again; they are numbered after the others.
    again: Vec<Again>,
    worn_out: u32,
    presences: &'a [Presence],
    setup: &'a Setup,
    start: Time,
    events: Events,
    /// Everyone's place: people in the order of names, then agents of pods as they come.
    places: HashMap<AgentName, u32, FixedState>,
    people: Vec<Person>,
    teams: Vec<TeamName>,
    fates: Vec<Fate>,
    queue_at: HashMap<QueueId, usize, FixedState>,
    tallies: Vec<Tally>,
    slicer: Option<Slicer>,
    fleets: Vec<Pods<'f, 'p>>,
    refusals: BTreeSet<String>,
    watch: Watch,
    out: Vec<Output>,
}

impl<'a, 'f, 'p> Runner<'a, 'f, 'p> {
    pub(super) fn new(
        tenant: &Arc<Tenant>,
        contacts: &'a [Contact],
        presences: &'a [Presence],
        setup: &'a Setup,
        fleets: &'f mut [Fleet<'p>],
    ) -> Self {
        let options = Options {
            dates: setup.start.is_some(),
            wrap_up: setup.wrap_up,
            call_back: false,
        };
        let start = setup.start.unwrap_or_default();
        let tally = |queue: &trunkline_tenant::Queue| Tally {
            terms: Terms::new(
                &queue.service_level.clone().unwrap_or_default(),
                queue.short_abandon,
            ),
            counts: Counts::default(),
            waiting: 0,
            arrived: 0,
            late: 0,
        };
        let teams: Vec<TeamName> = tenant.teams.keys().cloned().collect();
        let slicer = (setup.slices.len() > 1)
            .then(|| Slicer::new(&setup.slices, start, tenant.queues.len(), teams.len()));
        let mut runner = Self {
            core: Core::new(options),
            contacts,
            again: Vec::new(),
            worn_out: 0,
            presences,
            setup,
            start,
            events: Events::default(),
            places: HashMap::default(),
            people: Vec::new(),
            fates: contacts.iter().map(|contact| fate(contact, None)).collect(),
            queue_at: tenant.queues.keys().cloned().zip(0..).collect(),
            tallies: tenant.queues.values().map(tally).collect(),
            slicer,
            fleets: fleets
                .iter_mut()
                .zip(0..)
                .map(|(fleet, at)| Pods::new(fleet, setup.seed, at))
                .collect(),
            teams,
            refusals: BTreeSet::new(),
            watch: Watch::new(&setup.rotas, Span::from(tenant.capacity.break_guard)),
            out: Vec::new(),
        };
        runner.admit_people(tenant);
        runner
    }

    /// Gives everyone who is named a place in the order of names.
    fn admit_people(&mut self, tenant: &Tenant) {
        let mut by_name: Vec<&Presence> = self.presences.iter().collect();
        by_name.sort_by(|a, b| a.agent.cmp(&b.agent));
        by_name.dedup_by(|a, b| a.agent == b.agent);
        for presence in by_name {
            let listed = tenant.agents.get(&presence.agent);
            let team = listed.and_then(|agent| agent.team.clone());
            self.admit(
                presence.agent.clone(),
                team.or_else(|| presence.team.clone()),
                None,
            );
        }
    }

    fn admit(&mut self, name: AgentName, team: Option<TeamName>, pod: Option<(u32, u32)>) {
        let team = team.and_then(|team| self.teams.binary_search(&team).ok());
        self.places.insert(name, self.people.len() as u32);
        self.people.push(Person {
            team,
            pod,
            occupation: Occupation::default(),
        });
    }

    pub(super) fn go(&mut self, tenant: &Arc<Tenant>) {
        self.tell(
            self.start,
            Input::Configure {
                tenant: Arc::clone(tenant),
            },
        );
        for (agent, shifts) in &self.setup.rotas {
            let (agent, shifts) = (agent.clone(), shifts.clone());
            self.tell(self.start, Input::Rota { agent, shifts });
        }
        self.plan_turns();
        self.open_fleets();
        let mut order: Vec<u32> = (0..self.contacts.len() as u32).collect();
        order.sort_by_key(|id| (self.contacts[*id as usize].at, *id));
        let mut arrivals = order.into_iter().peekable();
        let mut days = 0;
        loop {
            let arrival = arrivals.peek().map(|id| {
                let at = self.start + self.contacts[*id as usize].at;
                (at, Phase::Arrivals, u64::from(*id))
            });
            let ours = match (arrival, self.events.next()) {
                (Some(arrival), Some(event)) => Some(arrival.min(event)),
                (arrival, event) => arrival.or(event),
            };
            let next = self.core.next_due();
            let day = matches!(next, Some((.., NextKey::Day)));
            let due = next.map(|due| self.place_of(due));
            days = if day && ours.is_none() { days + 1 } else { 0 };
            match (due, ours) {
                (Some(due), ours)
                    if days < MOST_QUIET_DAYS && ours.is_none_or(|ours| due <= ours) =>
                {
                    self.fire(due.0);
                }
                (_, None) => break,
                (_, Some(ours)) if arrival == Some(ours) => {
                    if let Some(id) = arrivals.next() {
                        self.arrive(ours.0, id);
                    }
                }
                _ => {
                    if let Some(event) = self.events.pop() {
                        self.act(event);
                    }
                }
            }
        }
    }

    fn plan_turns(&mut self) {
        let mut presences: Vec<u32> = (0..self.presences.len() as u32).collect();
        presences.sort_by_key(|at| {
            let presence = &self.presences[*at as usize];
            (presence.from, presence.to.unwrap_or(Span(i64::MAX)))
        });
        for (turn, at) in presences.into_iter().enumerate() {
            let presence = &self.presences[at as usize];
            let key = u64::from(self.places[&presence.agent]);
            let turn = 2 * turn as u32;
            let comes = Deed::Turn {
                turn,
                presence: at,
                comes: true,
            };
            self.events
                .plan(self.start + presence.from, Phase::Presence, key, comes);
            if let Some(to) = presence.to {
                let goes = Deed::Turn {
                    turn: turn + 1,
                    presence: at,
                    comes: false,
                };
                self.events
                    .plan(self.start + to, Phase::Presence, key, goes);
            }
        }
    }

    fn open_fleets(&mut self) {
        for fleet in 0..self.fleets.len() as u32 {
            for _ in 0..self.fleets[fleet as usize].fleet.at_start {
                let pod = self.fleets[fleet as usize].ask(self.start);
                let up = Deed::PodUp { fleet, pod };
                self.events
                    .plan(self.start, Phase::Presence, key_of(fleet, pod), up);
            }
            self.plan_tick(fleet, self.start);
        }
    }

    /// Where the core's next deadline stands among our events.
    fn place_of(&self, (at, phase, key): (Time, Phase, NextKey<'_>)) -> Place {
        let key = match key {
            NextKey::Day => 0,
            NextKey::Agent(name) => self.place(name),
            NextKey::Contact(id) => id.0,
        };
        (at, phase, key)
    }

    fn place(&self, agent: &AgentName) -> u64 {
        u64::from(self.places.get(agent).copied().unwrap_or(u32::MAX))
    }

    fn contact(&self, id: u32) -> &Contact {
        let at = id as usize;
        match at.checked_sub(self.contacts.len()) {
            None => &self.contacts[at],
            Some(at) => &self.again[at].contact,
        }
    }

    /// How often the caller has called again, this call included.
    fn redials(&self, id: u32) -> u32 {
        let at = (id as usize).checked_sub(self.contacts.len());
        at.map_or(0, |at| self.again[at].redial)
    }

    fn stream(&self, id: u32, purpose: Purpose) -> Stream {
        let number = self.contact(id).stream.unwrap_or(u64::from(id));
        Stream::new(self.setup.seed, number, purpose)
    }

    fn fire(&mut self, at: Time) {
        let mut out = std::mem::take(&mut self.out);
        self.core.fire_next(at, &mut out);
        self.out = out;
        self.take_in(at);
    }

    fn tell(&mut self, at: Time, input: Input) {
        let mut out = std::mem::take(&mut self.out);
        self.core.handle(at, input, &mut out);
        self.out = out;
        self.take_in(at);
    }

    fn act(&mut self, event: Event) {
        let at = event.at;
        match event.deed {
            Deed::Accept {
                contact,
                generation,
            } => self.accept(at, contact, generation),
            Deed::Done { contact } => {
                // A contact whose pod died is not there any more.
                if self.fates[contact as usize].outcome.is_none() {
                    let contact = ContactId(u64::from(contact));
                    self.tell(at, Input::AgentDone { contact });
                }
            }
            Deed::Turn {
                presence, comes, ..
            } => {
                let presence = &self.presences[presence as usize];
                let (agent, team) = (presence.agent.clone(), presence.team.clone());
                self.turn(at, agent, team, comes);
            }
            Deed::Gone { contact } => {
                let fate = &self.fates[contact as usize];
                if fate.answered_at.is_none() && fate.outcome.is_none() {
                    let contact = ContactId(u64::from(contact));
                    self.tell(at, Input::CustomerGone { contact });
                }
            }
            Deed::Again { contact } => self.arrive(at, contact),
            Deed::Tick { fleet } => self.tick(at, fleet),
            Deed::PodUp { fleet, pod } => self.pod_up(at, fleet, pod),
            Deed::PodDies { fleet, pod } => {
                if self.fleets[fleet as usize].dies(pod, at) {
                    self.kill(at, fleet, pod);
                }
            }
        }
    }

    fn turn(&mut self, at: Time, agent: AgentName, team: Option<TeamName>, comes: bool) {
        if let Some(&place) = self.places.get(&agent) {
            let occupation = &mut self.people[place as usize].occupation;
            if comes {
                occupation.caught_up(at);
            } else {
                occupation.leaves(at);
            }
        }
        let input = if comes {
            Input::SignIn {
                agent,
                ready: true,
                team,
            }
        } else {
            Input::SignOut { agent }
        };
        self.tell(at, input);
    }

    fn arrive(&mut self, at: Time, id: u32) {
        let contact = self.contact(id);
        let law = match &contact.laws {
            Some(laws) => laws.patience.as_ref(),
            None => self.setup.patience.as_ref(),
        };
        let drawn = || law?.span(&mut self.stream(id, Purpose::Patience));
        let patience = contact.patience.unwrap_or_else(drawn);
        let input = Input::Arrive {
            contact: ContactId(u64::from(id)),
            queue: contact.queue.clone(),
            since: None,
            priority: contact.priority,
            customer: contact.customer.clone(),
            callable: true,
        };
        if let Some(&queue) = self.queue_at.get(&contact.queue) {
            self.tallies[queue].waiting += 1;
            self.tallies[queue].arrived += 1;
        }
        if let Some(patience) = patience {
            let gone = Deed::Gone { contact: id };
            self.events
                .plan(at + patience, Phase::Gone, u64::from(id), gone);
        }
        self.tell(at, input);
        self.watch_breaks(at, id);
    }

    /// Traces who is kept from a contact that has just come.
    fn watch_breaks(&mut self, at: Time, id: u32) {
        let fate = &self.fates[id as usize];
        let waits = fate.answered_at.is_none() && fate.outcome.is_none();
        if waits && self.core.contact_offer(ContactId(u64::from(id))).is_none() {
            self.watch.look(&self.core, at, self.start, id);
        }
    }

    fn accept(&mut self, at: Time, contact: u32, generation: u32) {
        let offer = OfferId {
            contact: ContactId(u64::from(contact)),
            generation,
        };
        let stands = self.core.contact_offer(offer.contact) == Some(offer);
        if stands {
            self.connect(at, offer);
            self.take_in(at);
        }
    }

    fn connect(&mut self, at: Time, offer: OfferId) {
        let mut out = std::mem::take(&mut self.out);
        self.core.handle(at, Input::Accept { offer }, &mut out);
        self.core.handle(at, Input::Connected { offer }, &mut out);
        self.out = out;
    }

    /// Follows what the core has said. Answering at once adds to it.
    fn take_in(&mut self, at: Time) {
        let mut next = 0;
        while next < self.out.len() {
            let output =
                std::mem::replace(&mut self.out[next], Output::Refused { why: String::new() });
            next += 1;
            match output {
                Output::Offer { offer, .. } if self.setup.ring.0 == 0 => self.connect(at, offer),
                Output::Offer { offer, agent, .. } => {
                    let accept = Deed::Accept {
                        contact: offer.contact.0 as u32,
                        generation: offer.generation,
                    };
                    let key = self.place(&agent);
                    self.events
                        .plan(at + self.setup.ring, Phase::Ends, key, accept);
                }
                Output::Answered { contact, agent, .. } => self.answered(at, contact, agent),
                Output::Ended {
                    contact, outcome, ..
                } => self.ended(at, contact.0 as u32, outcome),
                Output::Overflowed { contact, from, to } => {
                    self.waits(&from, -1);
                    self.waits(&to, 1);
                    self.fates[contact.0 as usize].queue = to;
                }
                Output::Record(row) => self.count(&row),
                Output::Agent { agent, state } => self.agent_is(at, &agent, &state),
                Output::Refused { why } => {
                    self.refusals.insert(why);
                }
                Output::HandOver { .. }
                | Output::CancelOffer { .. }
                | Output::Waiting { .. }
                | Output::Step { .. }
                | Output::Rota(_)
                // Nobody consults here, and who is to be called back has gone.
                | Output::Consulting { .. }
                | Output::Conferenced { .. }
                | Output::ConsultOver { .. }
                | Output::CallbackBooked { .. }
                | Output::Dial { .. } => {}
            }
        }
        self.out.clear();
    }

    fn waits(&mut self, queue: &QueueId, more: i32) {
        if let Some(&at) = self.queue_at.get(queue) {
            let waiting = &mut self.tallies[at].waiting;
            *waiting = waiting.saturating_add_signed(more);
        }
    }

    fn count(&mut self, row: &Segment) {
        let Some(&at) = self.queue_at.get(&row.queue) else {
            return;
        };
        let tally = &mut self.tallies[at];
        tally.counts.add(row, tally.terms, View::Queue);
        if let Some(slicer) = &mut self.slicer
            && let Some(slice) = slicer.at(row.entered)
        {
            slicer.queues[at][slice].add(row, tally.terms, View::Queue);
        }
    }

    fn answered(&mut self, at: Time, contact: ContactId, agent: AgentName) {
        let id = contact.0 as u32;
        let given = self.contact(id);
        let handle = given.handle.unwrap_or_else(|| {
            let law = match &given.laws {
                Some(laws) => Some(&laws.handle),
                None => self.setup.handle.as_ref(),
            };
            let law = law.unwrap_or(&Law::Fixed(0.0));
            // A conversation without end is one that outlasts the run.
            let drawn = law.span(&mut self.stream(id, Purpose::Handle));
            drawn.unwrap_or(Span(i64::MAX / 4))
        });
        let key = self.place(&agent);
        let done = Deed::Done { contact: id };
        self.events.plan(at + handle, Phase::Ends, key, done);
        let fate = &mut self.fates[id as usize];
        fate.answered_at = Some(at - self.start);
        fate.agent = Some(agent);
        if !self.fleets.is_empty() {
            let waited = at - (self.start + fate.at);
            let queue = fate.queue.clone();
            self.waits(&queue, -1);
            if let Some(&at) = self.queue_at.get(&queue) {
                let tally = &mut self.tallies[at];
                tally.late += u64::from(waited > tally.terms.within);
            }
        }
    }

    fn ended(&mut self, at: Time, id: u32, outcome: Outcome) {
        let fate = &mut self.fates[id as usize];
        fate.ended_at = Some(at - self.start);
        fate.outcome = Some(outcome);
        if !self.fleets.is_empty() && fate.answered_at.is_none() {
            let queue = fate.queue.clone();
            self.waits(&queue, -1);
            if let Some(&at) = self.queue_at.get(&queue) {
                self.tallies[at].late += 1;
            }
        }
        if outcome == Outcome::Abandoned {
            self.redial(at, id);
        }
    }

    /// One who gave up may call again.
    fn redial(&mut self, at: Time, id: u32) {
        let Some(redial) = &self.setup.redial else {
            return;
        };
        let mut stream = self.stream(id, Purpose::Redial);
        if stream.uniform() >= redial.share {
            return;
        }
        let before = self.redials(id);
        if before >= MOST_REDIALS {
            self.worn_out += 1;
            return;
        }
        let number = before + 1;
        let Some(after) = redial.after.span(&mut stream) else {
            return;
        };
        let before = self.contact(id);
        let law = match &before.laws {
            Some(laws) => Some(&laws.handle),
            None => self.setup.handle.as_ref(),
        };
        let work = law.and_then(|law| law.span(&mut self.stream(id, Purpose::Handle)));
        let contact = Contact {
            at: Span((at - self.start).0 + after.0),
            // The same work; another number, so that patience is drawn anew.
            handle: before.handle.or(work),
            stream: Some(mix(before.stream.unwrap_or(u64::from(id))) | 1),
            ..before.clone()
        };
        let next = (self.contacts.len() + self.again.len()) as u32;
        self.fates.push(fate(&contact, Some(id)));
        self.again.push(Again {
            contact,
            redial: number,
        });
        let again = Deed::Again { contact: next };
        self.events
            .plan(at + after, Phase::Arrivals, u64::from(next), again);
    }

    fn agent_is(&mut self, at: Time, agent: &AgentName, state: &AgentState) {
        let Some(&place) = self.places.get(agent) else {
            return;
        };
        let person = &mut self.people[place as usize];
        let (before, after) = person.occupation.changed(at, state);
        if before.kind != after.kind
            && let (Some(slicer), Some(team)) = (&mut self.slicer, person.team)
        {
            slicer.changed(at, team, before.kind, after.kind);
        }
        if before.in_hand != after.in_hand
            && let Some((fleet, pod)) = person.pod
        {
            self.fleets[fleet as usize].hand(pod, at, after.in_hand);
        }
    }

    fn plan_tick(&mut self, fleet: u32, at: Time) {
        let pods = &self.fleets[fleet as usize];
        if at <= self.start + pods.fleet.until && pods.fleet.tick.0 > 0 {
            let tick = Deed::Tick { fleet };
            // Behind everyone who comes or goes at the instant.
            self.events.plan(at, Phase::Presence, u64::MAX, tick);
        }
    }

    fn tick(&mut self, at: Time, fleet: u32) {
        let tenant = self.core.tenant();
        let team = &self.fleets[fleet as usize].fleet.team;
        let mut sight = Sight {
            now: at - self.start,
            ..Sight::default()
        };
        let queues = tenant.iter().flat_map(|tenant| tenant.queues.values());
        for (queue, tally) in queues.zip(&self.tallies) {
            if queue.teams.iter().any(|share| share.name == *team) {
                sight.waiting += tally.waiting;
                sight.arrived += tally.arrived;
                sight.late += tally.late;
            }
        }
        for order in self.fleets[fleet as usize].tick(sight, at) {
            match order {
                Order::Start(pod) => {
                    let ready_at = at + self.fleets[fleet as usize].fleet.start_up;
                    let up = Deed::PodUp { fleet, pod };
                    self.events
                        .plan(ready_at, Phase::Presence, key_of(fleet, pod), up);
                }
                Order::Drain(pod) => {
                    for agent in self.fleets[fleet as usize].agents(pod) {
                        self.turn(at, agent, None, false);
                    }
                }
                Order::Kill(pod) => self.kill(at, fleet, pod),
            }
        }
        self.plan_tick(fleet, at + self.fleets[fleet as usize].fleet.tick);
    }

    fn pod_up(&mut self, at: Time, fleet: u32, pod: u32) {
        if !self.fleets[fleet as usize].ready(pod, at) {
            return;
        }
        let team = self.fleets[fleet as usize].fleet.team.clone();
        for agent in self.fleets[fleet as usize].agents(pod) {
            self.admit(agent.clone(), Some(team.clone()), Some((fleet, pod)));
            self.turn(at, agent, Some(team.clone()), true);
        }
        if let Some(life) = self.fleets[fleet as usize].lifetime(self.setup.seed, pod) {
            let dies = Deed::PodDies { fleet, pod };
            self.events
                .plan(at + life, Phase::Presence, key_of(fleet, pod), dies);
        }
    }

    /// A pod is gone at once: what it holds is dropped, and counted as such.
    fn kill(&mut self, at: Time, fleet: u32, pod: u32) {
        for agent in self.fleets[fleet as usize].agents(pod) {
            let held = self.core.agent(&agent).map(|agent| agent.contacts);
            for contact in held.into_iter().flatten() {
                self.fleets[fleet as usize].figures.cut += 1;
                let cause = "its pod is gone".to_owned();
                self.tell(at, Input::Dropped { contact, cause });
            }
            if self.core.agent(&agent).is_some() {
                self.turn(at, agent, None, false);
            }
        }
    }

    pub(super) fn finish(mut self, tenant: &Tenant) -> Run {
        for row in self.core.open_rows() {
            self.count(&row);
        }
        let end = self.core.now().max(self.start);
        for person in &mut self.people {
            person.occupation.until(end);
            person.occupation.caught_up(end);
        }
        let slices = self.slicer.map_or_else(Slices::default, |slicer| {
            slicer.finish(end, tenant.queues.keys(), self.teams.iter())
        });
        let people = self.people.iter().map(|person| {
            let team = person.team.map(|team| self.teams[team].clone());
            (team, person.occupation)
        });
        let people: Vec<_> = people.collect();
        let counts = self.tallies.iter().map(|tally| tally.counts);
        Run {
            fates: self.fates,
            summary: Summary::new(tenant, counts, &people),
            slices,
            fleets: self
                .fleets
                .into_iter()
                .map(|pods| pods.finish(end))
                .collect(),
            worn_out: self.worn_out,
            refusals: self.refusals,
            held_back: self.watch.held_back,
        }
    }
}

fn fate(contact: &Contact, redial_of: Option<u32>) -> Fate {
    Fate {
        queue: contact.queue.clone(),
        at: contact.at,
        answered_at: None,
        agent: None,
        ended_at: None,
        outcome: None,
        redial_of,
    }
}

/// Behind all people, by number.
fn key_of(fleet: u32, pod: u32) -> u64 {
    (1 << 40) + (u64::from(fleet) << 32) + u64::from(pod)
}
