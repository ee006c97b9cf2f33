//! The run: events in the order of `routing.md`, the core's own deadlines among them.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap, HashMap};
use std::sync::Arc;

use trunkline_routing::metrics::{Counts, Terms, View};
use trunkline_routing::{
    AgentState, ContactId, Core, Input, NextKey, Options, Outcome, Output, Phase, Span, Time,
};
use trunkline_tenant::crds::{AgentName, ServiceLevel, TeamName};
use trunkline_tenant::{QueueId, Tenant};

use super::draw::{Law, Purpose};
use super::summary::{Occupation, Summary};

/// One who calls.
#[derive(Clone, Debug, PartialEq)]
pub struct Contact {
    /// When, from the start of the run.
    pub at: Span,
    /// Where to.
    pub queue: QueueId,
    /// Talk and hold; `None`: drawn.
    pub handle: Option<Span>,
    /// How long they wait; `None`: drawn, or for ever.
    pub patience: Option<Option<Span>>,
    /// Minutes of age to begin with, beside the queue's.
    pub priority: i32,
    /// Who they are.
    pub customer: Option<String>,
}

/// When an agent is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Presence {
    /// Who.
    pub agent: AgentName,
    /// The team of one who is not listed by name.
    pub team: Option<TeamName>,
    /// From when.
    pub from: Span,
    /// Until when; `None`: to the end.
    pub to: Option<Span>,
}

/// How the run goes.
#[derive(Clone, Debug, PartialEq)]
pub struct Setup {
    /// What is drawn is drawn from it.
    pub seed: u64,
    /// How long an agent takes to accept.
    pub ring: Span,
    /// For contacts without a handle time.
    pub handle: Option<Law>,
    /// For contacts without patience; `None`: they wait for ever.
    pub patience: Option<Law>,
    /// In place of what the teams declare.
    pub wrap_up: Option<Span>,
    /// The date of the start, where calendars, employment and training are to apply.
    pub start: Option<Time>,
}

/// What became of one who called. Times are from the start of the run.
#[derive(Clone, Debug, PartialEq)]
pub struct Fate {
    /// The last queue that they were in.
    pub queue: QueueId,
    /// When they came.
    pub at: Span,
    /// When they were answered.
    pub answered_at: Option<Span>,
    /// By whom.
    pub agent: Option<AgentName>,
    /// When they went; wrap-up excluded.
    pub ended_at: Option<Span>,
    /// `None`: still waiting when no event was left.
    pub outcome: Option<Outcome>,
}

/// What a run came to.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    /// By contact, in the order given.
    pub fates: Vec<Fate>,
    /// Figures by queue and team.
    pub summary: Summary,
    /// Why the core refused something, each reason once.
    pub refusals: BTreeSet<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Deed {
    /// The agent accepts, if it is still this offer.
    Accept {
        contact: u32,
        generation: u32,
    },
    /// The conversation ends.
    Done {
        contact: u32,
    },
    /// Somebody comes or goes; of one agent's at an instant, the elder presence first.
    Turn {
        turn: u32,
        presence: u32,
        comes: bool,
    },
    Gone {
        contact: u32,
    },
}

/// At one instant by phase, then agents by name and contacts by id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Event {
    at: Time,
    phase: Phase,
    key: u64,
    deed: Deed,
}

struct Runner<'a> {
    core: Core,
    contacts: &'a [Contact],
    presences: &'a [Presence],
    setup: &'a Setup,
    start: Time,
    events: BinaryHeap<Reverse<Event>>,
    /// Everyone who will ever be there, by name, with their place in name order.
    places: HashMap<AgentName, u32>,
    names: Vec<AgentName>,
    occupation: Vec<Occupation>,
    fates: Vec<Fate>,
    queues: HashMap<QueueId, (Terms, Counts)>,
    refusals: BTreeSet<String>,
    out: Vec<Output>,
}

/// Runs the tenant on these contacts until no event is left.
pub fn run(
    tenant: &Arc<Tenant>,
    contacts: &[Contact],
    presences: &[Presence],
    setup: &Setup,
) -> Run {
    let mut runner = Runner::new(tenant, contacts, presences, setup);
    runner.go(tenant);
    runner.finish(tenant)
}

impl<'a> Runner<'a> {
    fn new(
        tenant: &Arc<Tenant>,
        contacts: &'a [Contact],
        presences: &'a [Presence],
        setup: &'a Setup,
    ) -> Self {
        let names: BTreeSet<&AgentName> = presences.iter().map(|there| &there.agent).collect();
        let names: Vec<AgentName> = names.into_iter().cloned().collect();
        let options = Options {
            dates: setup.start.is_some(),
            wrap_up: setup.wrap_up,
        };
        let start = setup.start.unwrap_or_default();
        let fate = |contact: &Contact| Fate {
            queue: contact.queue.clone(),
            at: contact.at,
            answered_at: None,
            agent: None,
            ended_at: None,
            outcome: None,
        };
        let terms = tenant.queues.iter().map(|(id, queue)| {
            let level = queue
                .service_level
                .clone()
                .unwrap_or_else(ServiceLevel::default);
            (
                id.clone(),
                (Terms::new(&level, queue.short_abandon), Counts::default()),
            )
        });
        Self {
            core: Core::new(options),
            contacts,
            presences,
            setup,
            start,
            events: BinaryHeap::new(),
            places: names.iter().cloned().zip(0..).collect(),
            occupation: vec![Occupation::default(); names.len()],
            names,
            fates: contacts.iter().map(fate).collect(),
            queues: terms.collect(),
            refusals: BTreeSet::new(),
            out: Vec::new(),
        }
    }

    fn go(&mut self, tenant: &Arc<Tenant>) {
        self.tell(
            self.start,
            Input::Configure {
                tenant: Arc::clone(tenant),
            },
        );
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
            self.plan(self.start + presence.from, Phase::Presence, key, comes);
            if let Some(to) = presence.to {
                let goes = Deed::Turn {
                    turn: turn + 1,
                    presence: at,
                    comes: false,
                };
                self.plan(self.start + to, Phase::Presence, key, goes);
            }
        }
        let mut order: Vec<u32> = (0..self.contacts.len() as u32).collect();
        order.sort_by_key(|id| (self.contacts[*id as usize].at, *id));
        let mut arrivals = order.into_iter().peekable();
        let mut days = 0;
        loop {
            let arrival = arrivals.peek().map(|id| {
                let at = self.start + self.contacts[*id as usize].at;
                (at, Phase::Arrivals, u64::from(*id))
            });
            let event = self
                .events
                .peek()
                .map(|event| (event.0.at, event.0.phase, event.0.key));
            let ours = match (arrival, event) {
                (Some(arrival), Some(event)) => Some(arrival.min(event)),
                (arrival, event) => arrival.or(event),
            };
            let due = self.core.next_due().map(|due| self.place_of(due));
            // Days go on for ever: with nothing else to come for a month, none is left.
            let day = matches!(self.core.next_due(), Some((.., NextKey::Day)));
            days = if day && ours.is_none() { days + 1 } else { 0 };
            match (due, ours) {
                (Some(due), ours) if days < 32 && ours.is_none_or(|ours| due <= ours) => {
                    self.fire(due.0);
                }
                (_, None) => break,
                (_, Some(ours)) if arrival == Some(ours) => {
                    if let Some(id) = arrivals.next() {
                        self.arrive(ours.0, id);
                    }
                }
                _ => {
                    if let Some(Reverse(event)) = self.events.pop() {
                        self.act(event);
                    }
                }
            }
        }
    }

    /// Where the core's next deadline stands among our events.
    fn place_of(&self, (at, phase, key): (Time, Phase, NextKey<'_>)) -> (Time, Phase, u64) {
        let key = match key {
            NextKey::Day => 0,
            NextKey::Agent(name) => u64::from(self.places.get(name).copied().unwrap_or(u32::MAX)),
            NextKey::Contact(id) => id.0,
        };
        (at, phase, key)
    }

    fn plan(&mut self, at: Time, phase: Phase, key: u64, deed: Deed) {
        self.events.push(Reverse(Event {
            at,
            phase,
            key,
            deed,
        }));
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
                self.tell(
                    at,
                    Input::AgentDone {
                        contact: ContactId(u64::from(contact)),
                    },
                );
            }
            Deed::Turn {
                presence, comes, ..
            } => {
                let presence = &self.presences[presence as usize];
                let (agent, team) = (presence.agent.clone(), presence.team.clone());
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
            Deed::Gone { contact } => {
                let fate = &self.fates[contact as usize];
                if fate.answered_at.is_none() && fate.outcome.is_none() {
                    let contact = ContactId(u64::from(contact));
                    self.tell(at, Input::CustomerGone { contact });
                }
            }
        }
    }

    fn arrive(&mut self, at: Time, id: u32) {
        let contact = &self.contacts[id as usize];
        let drawn = || {
            let law = self.setup.patience?;
            Some(law.draw(self.setup.seed, u64::from(id), Purpose::Patience))
        };
        if let Some(patience) = contact.patience.unwrap_or_else(drawn) {
            self.plan(
                at + patience,
                Phase::Gone,
                u64::from(id),
                Deed::Gone { contact: id },
            );
        }
        let contact = &self.contacts[id as usize];
        let input = Input::Arrive {
            contact: ContactId(u64::from(id)),
            queue: contact.queue.clone(),
            since: None,
            priority: contact.priority,
            customer: contact.customer.clone(),
        };
        self.tell(at, input);
    }

    fn accept(&mut self, at: Time, contact: u32, generation: u32) {
        let offer = trunkline_routing::OfferId {
            contact: ContactId(u64::from(contact)),
            generation,
        };
        let stands = self.core.contact_offer(offer.contact) == Some(offer);
        if stands {
            let mut out = std::mem::take(&mut self.out);
            self.core.handle(at, Input::Accept { offer }, &mut out);
            self.core.handle(at, Input::Connected { offer }, &mut out);
            self.out = out;
            self.take_in(at);
        }
    }

    /// Follows what the core has said. Answering at once adds to it.
    fn take_in(&mut self, at: Time) {
        let mut next = 0;
        while next < self.out.len() {
            let output =
                std::mem::replace(&mut self.out[next], Output::Refused { why: String::new() });
            next += 1;
            match output {
                Output::Offer { offer, .. } if self.setup.ring.0 == 0 => {
                    let mut out = std::mem::take(&mut self.out);
                    self.core.handle(at, Input::Accept { offer }, &mut out);
                    self.core.handle(at, Input::Connected { offer }, &mut out);
                    self.out = out;
                }
                Output::Offer { offer, agent, .. } => {
                    let (contact, generation) = (offer.contact.0 as u32, offer.generation);
                    let key = self.places.get(&agent).copied().unwrap_or(u32::MAX);
                    let deed = Deed::Accept {
                        contact,
                        generation,
                    };
                    self.plan(at + self.setup.ring, Phase::Ends, u64::from(key), deed);
                }
                Output::Answered { contact, agent, .. } => self.answered(at, contact, agent),
                Output::Ended {
                    contact, outcome, ..
                } => {
                    let fate = &mut self.fates[contact.0 as usize];
                    fate.ended_at = Some(at - self.start);
                    fate.outcome = Some(outcome);
                }
                Output::Overflowed { contact, to, .. } => {
                    self.fates[contact.0 as usize].queue = to;
                }
                Output::Record(row) => {
                    if let Some((terms, counts)) = self.queues.get_mut(&row.queue) {
                        counts.add(&row, *terms, View::Queue);
                    }
                }
                Output::Agent { agent, state } => self.agent_is(at, &agent, &state),
                Output::Refused { why } => {
                    self.refusals.insert(why);
                }
                Output::HandOver { .. }
                | Output::CancelOffer { .. }
                | Output::Waiting { .. }
                | Output::Step { .. } => {}
            }
        }
        self.out.clear();
    }

    fn answered(&mut self, at: Time, contact: ContactId, agent: AgentName) {
        let id = contact.0 as u32;
        let draw = || {
            let law = self.setup.handle.unwrap_or(Law::Fixed(0.0));
            law.draw(self.setup.seed, contact.0, Purpose::Handle)
        };
        let handle = self.contacts[id as usize].handle.unwrap_or_else(draw);
        let key = self.places.get(&agent).copied().unwrap_or(u32::MAX);
        self.plan(
            at + handle,
            Phase::Ends,
            u64::from(key),
            Deed::Done { contact: id },
        );
        let fate = &mut self.fates[id as usize];
        fate.answered_at = Some(at - self.start);
        fate.agent = Some(agent);
    }

    fn agent_is(&mut self, at: Time, agent: &AgentName, state: &AgentState) {
        if let Some(place) = self.places.get(agent) {
            self.occupation[*place as usize].changed(at, state);
        }
    }

    fn finish(mut self, tenant: &Tenant) -> Run {
        for row in self.core.open_rows() {
            if let Some((terms, counts)) = self.queues.get_mut(&row.queue) {
                counts.add(&row, *terms, View::Queue);
            }
        }
        let end = self.core.now();
        for one in &mut self.occupation {
            one.until(end);
        }
        let teams = self
            .names
            .iter()
            .zip(&self.occupation)
            .map(|(name, occupation)| {
                let listed = tenant.agents.get(name).and_then(|agent| agent.team.clone());
                let by_hand = || {
                    self.presences
                        .iter()
                        .find(|one| one.agent == *name)?
                        .team
                        .clone()
                };
                (listed.or_else(by_hand), *occupation)
            });
        let teams: Vec<_> = teams.collect();
        let counts = self
            .queues
            .into_iter()
            .map(|(id, (_, counts))| (id, counts))
            .collect();
        Run {
            fates: self.fates,
            summary: Summary::new(tenant, counts, &teams),
            refusals: self.refusals,
        }
    }
}
