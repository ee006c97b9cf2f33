//! The ACD itself. This file holds the state and takes inputs in; what each does is in the
//! module that is named for it.

mod agent;
mod answers;
mod callback;
mod configure;
mod consult;
mod contact;
mod explain;
mod matching;
mod presence;
mod query;
mod rota;
mod running;
mod shares;
mod snapshot;
mod stalled;
mod steps;
mod talk;
mod transfer;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use trunkline_tenant::crds::{AgentName, ClientName};
use trunkline_tenant::{QueueId, Tenant};

use crate::input::yes;
use crate::ix::{AgentIx, QueueIx, Slot};
use crate::plan::{Plan, slot_of};
use crate::pool::{Pool, Rank};
use crate::slots::Slots;
use crate::timers::{Deadline, Owner, Phase, Timers};
use crate::{ContactId, Input, Output, RotaShift, Span, Time, near};
use agent::Agent;
use callback::Booking;
use contact::{Contact, Nature, Stage};
use running::Running;
use shares::Shares;
use steps::Customer;

pub use explain::Reason;
pub use query::{AgentView, ContactView, NextKey, StageView};
pub use running::Estimate;
pub use snapshot::{BadSnapshot, Snapshot};

/// How long an accepted contact may take until both legs are joined.
pub const CONNECT_DEADLINE: Span = Span::seconds(10);

/// How long the customer of a callback is called, from the agent's yes.
pub const DIAL_DEADLINE: Span = Span::seconds(45);

/// So many void timers are let stand, and as many as were valid at the last sweep: a sweep, which looks at all, costs
/// each that was armed since no more than two looks. Where few are valid, all stay in the nearest caches.
const SWEPT_BEFORE: usize = 1024;

/// What the core is told once, when it is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Options {
    /// Whether times are dates: calendars, employment, training and shifts apply. Off for a
    /// simulation whose times are seconds from its start.
    pub dates: bool,
    /// Everyone's wrap-up, in place of what their teams declare.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wrap_up: Option<Span>,
    /// Whether callers who are to be called back stay, as callbacks; off for a simulation, where
    /// they are gone by that.
    #[serde(default = "yes")]
    pub call_back: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            dates: true,
            wrap_up: None,
            call_back: true,
        }
    }
}

/// What was asked for a contact last. Small, for what is far has to be found by it: most timers that are void are told
/// without a look at their contacts.
#[derive(Clone, Copy, Debug)]
struct Asked {
    /// Until when, its low half: no other deadline for an answer is valid.
    until: u32,
    /// Whom, or who had it in hand. May be somebody who has it no more; [`NOBODY`] before anybody was.
    agent: AgentIx,
}

const NOBODY: AgentIx = AgentIx(u32::MAX);

/// The ACD of one tenant. The same inputs at the same times give the same outputs and the same
/// state, bit for bit.
#[derive(Clone, Debug)]
pub struct Core {
    options: Options,
    tenant: Option<Arc<Tenant>>,
    now: Time,
    plan: Plan,
    /// The day that the plan was made for, where dates apply.
    day: Option<NaiveDate>,
    agents: Vec<Agent>,
    agent_of: BTreeMap<AgentName, AgentIx>,
    vacant_agents: Vec<AgentIx>,
    /// Rotas of those who are not in the table: a configuration that leaves somebody out and is taken
    /// back, or an unlisted agent who signs in again, must not lose what was planned.
    parked_rotas: BTreeMap<AgentName, Vec<RotaShift>>,
    contacts: Vec<Contact>,
    slots: Slots,
    vacant_contacts: Vec<Slot>,
    /// Of each contact what is wanted before it is near.
    asked: Vec<Asked>,
    pool: Pool,
    /// Contacts that wait for one agent by name.
    named: BTreeMap<AgentName, BTreeSet<Rank>>,
    /// Waiting contacts that somebody did not take.
    refused: BTreeSet<Rank>,
    /// Agents near a break, who are in no set of the pool.
    guarded: BTreeSet<AgentIx>,
    /// They are to be looked at again.
    look_at_guarded: bool,
    /// By queue.
    running: Vec<Running>,
    shares: Shares,
    /// Whom each queue asked last, for `RoundRobin`.
    turns: BTreeMap<QueueId, AgentName>,
    /// Who talked last with a customer of a client, and when.
    last_agents: BTreeMap<(Option<ClientName>, String), (AgentName, Time)>,
    /// Who is to be called back, by whose customer they are: what a new call is merged with.
    callbacks: BTreeMap<(Option<ClientName>, String), ContactId>,
    timers: Timers,
    /// With how many those that are void are swept out.
    sweep_at: usize,
    #[cfg(feature = "seeded-bugs")]
    pub(crate) bug: Option<crate::bug::Bug>,
}

impl Core {
    /// Without a tenant: everything is refused until it is configured.
    pub fn new(options: Options) -> Self {
        Self {
            options,
            tenant: None,
            now: Time(i64::MIN),
            plan: Plan::default(),
            day: None,
            agents: Vec::new(),
            agent_of: BTreeMap::new(),
            vacant_agents: Vec::new(),
            parked_rotas: BTreeMap::new(),
            contacts: Vec::new(),
            slots: Slots::default(),
            vacant_contacts: Vec::new(),
            asked: Vec::new(),
            pool: Pool::default(),
            named: BTreeMap::new(),
            refused: BTreeSet::new(),
            guarded: BTreeSet::new(),
            look_at_guarded: false,
            running: Vec::new(),
            shares: Shares::default(),
            turns: BTreeMap::new(),
            last_agents: BTreeMap::new(),
            callbacks: BTreeMap::new(),
            timers: Timers::default(),
            sweep_at: SWEPT_BEFORE,
            #[cfg(feature = "seeded-bugs")]
            bug: None,
        }
    }

    /// Takes an input in. What was due before it is done first; a time before the last one
    /// counts as the last one, so a clock that steps back does no harm.
    pub fn handle(&mut self, now: Time, input: Input, out: &mut Vec<Output>) {
        self.now = self.now.max(now);
        if self.timers.peek().is_some_and(|next| next.at <= self.now) {
            self.do_what_is_due(now, &input, out);
        }
        self.shares.next_event();
        match input {
            Input::Arrive {
                contact,
                queue,
                since,
                priority,
                customer,
                callable,
            } => {
                let customer = Customer {
                    known_as: customer,
                    callable,
                };
                self.arrive(contact, &queue, since, priority, customer, out);
            }
            Input::Accept { offer } => self.accept(offer, out),
            Input::Connected { offer } => self.connected(offer, out),
            Input::AgentDone { contact } => self.agent_done(contact, out),
            other => self.take_in(other, out),
        }
        if self.look_at_guarded {
            self.match_guarded(out);
        }
        self.tidy_timers();
    }

    /// The inputs that no plain contact's life is made of. Beside [`handle`](Self::handle), which else would keep
    /// account with each input of what of any of them is to be dropped.
    #[inline(never)]
    fn take_in(&mut self, input: Input, out: &mut Vec<Output>) {
        match input {
            // Taken in already.
            Input::Arrive { .. }
            | Input::Accept { .. }
            | Input::Connected { .. }
            | Input::AgentDone { .. } => {}
            Input::Configure { tenant } => self.configure(tenant, out),
            Input::SignIn { agent, ready, team } => self.sign_in(agent, ready, team, out),
            Input::SignOut { agent } => self.sign_out(&agent, out),
            Input::Session { agent, alive } => self.session(&agent, alive, out),
            Input::Endpoint { agent, reachable } => self.endpoint(&agent, reachable, out),
            Input::Ready { agent } => self.ready(&agent, out),
            Input::NotReady { agent, reason } => self.not_ready(&agent, reason, out),
            Input::CustomerGone { contact } => self.customer_gone(contact, out),
            Input::Decline { offer, cause } => self.decline(offer, cause, out),
            Input::Hold { contact, on } => self.hold(contact, on, out),
            Input::Dropped { contact, .. } => self.dropped(contact, out),
            Input::Transfer { contact, to } => self.transfer(contact, to, out),
            Input::HandedOver { contact, taken } => self.handed_over(contact, taken, out),
            Input::Consult {
                contact,
                consult,
                to,
            } => self.consult(contact, consult, to, out),
            Input::Conference { contact } => self.conference(contact, out),
            Input::CompleteConsult { contact } => self.complete_consult(contact, out),
            Input::CancelConsult { contact } => self.cancel_consult(contact, out),
            Input::OutsideGone { contact } => self.outside_gone(contact, out),
            Input::CallMeBack {
                contact,
                number,
                window,
            } => self.call_me_back(contact, number, window, out),
            Input::BookCallback {
                contact,
                queue,
                customer,
                due,
                window,
                agent,
                priority,
            } => {
                let booking = Booking {
                    customer,
                    due,
                    window,
                    agent,
                    priority,
                };
                self.book_callback(contact, &queue, booking, out);
            }
            Input::CancelCallback { contact } => self.cancel_callback(contact, out),
            Input::NotReached { offer, .. } => self.not_reached(offer, out),
            // Nothing that routing needs to know.
            Input::VoicemailLeft { .. } => {}
            Input::Rota { agent, shifts } => self.rota(&agent, shifts, out),
            Input::Prioritise { contact, priority } => self.prioritise(contact, priority, out),
            Input::WrapUpDone { agent, codes } => self.wrap_up_done(&agent, codes, out),
            Input::ExtendWrapUp { agent } => self.extend_wrap_up(&agent, out),
            Input::Stalled {
                since,
                until,
                listed,
            } => self.stalled(since, until, listed, out),
            Input::Unheard {
                contacts,
                since,
                until,
                listed,
            } => self.unheard(&contacts, since, until, listed),
            Input::Tick => {}
        }
    }

    /// What was due before the input. Beside [`handle`](Self::handle), for most inputs find nothing due.
    #[inline(never)]
    fn do_what_is_due(&mut self, now: Time, input: &Input, out: &mut Vec<Output>) {
        let before = self.order_of(input);
        while let Some(next) = self.timers.peek() {
            let due = next.at < self.now
                || next.at == self.now && before.is_none_or(|at| (next.phase, next.key) < at);
            if !due {
                break;
            }
            self.fire_next(now, out);
        }
    }

    /// When something is due next, whatever else happens.
    pub fn next_deadline(&self) -> Option<Time> {
        self.timers.peek().map(|deadline| deadline.at)
    }

    /// Does the one thing that is due next, if it is due by `now`. For a driver that has events
    /// of its own at the same instant; `Tick` does all that is due.
    pub fn fire_next(&mut self, now: Time, out: &mut Vec<Output>) -> bool {
        self.now = self.now.max(now);
        let Some(deadline) = self.timers.pop_due(self.now) else {
            return false;
        };
        self.shares.next_event();
        if self.is_valid(&deadline) {
            match deadline.owner {
                Owner::Day => self.new_day(out),
                Owner::WrapUp(agent) => self.wrap_up_over(agent, deadline.at, out),
                Owner::Asked(slot) => self.not_answered(slot, out),
                Owner::Step(slot) => self.step_over(slot, out),
                Owner::Again(slot) => self.match_contact(slot, out),
                Owner::Due(slot) => self.callback_due(slot, out),
                Owner::Guard(agent) => self.guard_changed(agent, out),
            }
            self.match_guarded(out);
        }
        self.tidy_timers();
        true
    }

    /// Where the input stands among what is due at its instant; `None`: after all of it.
    fn order_of(&self, input: &Input) -> Option<(Phase, u64)> {
        let ends = |id: ContactId| {
            let agent = self
                .slot(id)
                .and_then(|slot| self.contacts[slot.at()].agent());
            agent.map_or((Phase::Gone, id.0), |agent| {
                (Phase::Ends, self.agents[agent.at()].order)
            })
        };
        let named = |phase, agent: &AgentName| {
            let known = self.agent_of.get(agent);
            (
                phase,
                known.map_or(u64::MAX, |agent| self.agents[agent.at()].order),
            )
        };
        Some(match input {
            Input::Tick | Input::Stalled { .. } | Input::Unheard { .. } => return None,
            Input::Configure { .. } => (Phase::Presence, 0),
            Input::SignIn { agent, .. }
            | Input::SignOut { agent }
            | Input::Session { agent, .. }
            | Input::Endpoint { agent, .. }
            | Input::Ready { agent }
            | Input::NotReady { agent, .. }
            | Input::Rota { agent, .. } => named(Phase::Presence, agent),
            Input::WrapUpDone { agent, .. } | Input::ExtendWrapUp { agent } => {
                named(Phase::Ends, agent)
            }
            Input::Accept { offer }
            | Input::Connected { offer }
            | Input::Decline { offer, .. }
            | Input::NotReached { offer, .. } => ends(offer.contact),
            Input::Arrive { contact, .. } | Input::BookCallback { contact, .. } => {
                (Phase::Arrivals, contact.0)
            }
            Input::CustomerGone { contact }
            | Input::Hold { contact, .. }
            | Input::AgentDone { contact }
            | Input::Dropped { contact, .. }
            | Input::Transfer { contact, .. }
            | Input::HandedOver { contact, .. }
            | Input::Consult { contact, .. }
            | Input::Conference { contact }
            | Input::CompleteConsult { contact }
            | Input::CancelConsult { contact }
            | Input::OutsideGone { contact }
            | Input::CallMeBack { contact, .. }
            | Input::CancelCallback { contact }
            | Input::VoicemailLeft { contact, .. }
            | Input::Prioritise { contact, .. } => ends(*contact),
        })
    }

    #[inline]
    fn slot(&self, contact: ContactId) -> Option<Slot> {
        let slot = self.slots.get(contact);
        if let Some(slot) = slot {
            near::fetch(&self.contacts[slot.at()]);
            if let Some(agent) = self.agents.get(self.asked[slot.at()].agent.at()) {
                near::fetch(agent);
            }
        }
        slot
    }

    /// The slot of a live contact, or a refusal that says so.
    fn known(&self, contact: ContactId, out: &mut Vec<Output>) -> Option<Slot> {
        let slot = self.slot(contact);
        if slot.is_none() {
            refuse_unknown(out, contact);
        }
        slot
    }

    fn is_valid(&self, deadline: &Deadline) -> bool {
        if let Owner::Asked(slot) = deadline.owner {
            // As most are.
            return self.is_asked(slot, deadline);
        }
        self.is_other_valid(deadline)
    }

    #[inline]
    fn is_asked(&self, slot: Slot, deadline: &Deadline) -> bool {
        if self.asked[slot.at()].until != low_half(deadline.at) {
            return false;
        }
        let contact = &self.contacts[slot.at()];
        contact.id.0 == deadline.key && contact.asked_until() == Some(deadline.at)
    }

    #[inline(never)]
    fn is_other_valid(&self, deadline: &Deadline) -> bool {
        let contact = |slot: Slot| {
            let contact = &self.contacts[slot.at()];
            (contact.id.0 == deadline.key).then_some(contact)
        };
        let waits = |contact: &&Contact| contact.stage == Stage::Waiting;
        match deadline.owner {
            Owner::Day => true,
            Owner::WrapUp(agent) => {
                let agent = &self.agents[agent.at()];
                agent.order == deadline.key && agent.wrap_until() == Some(deadline.at)
            }
            Owner::Asked(slot) => self.is_asked(slot, deadline),
            Owner::Step(slot) => contact(slot)
                .filter(waits)
                .is_some_and(|contact| contact.step_due == Some(deadline.at)),
            Owner::Due(slot) => {
                contact(slot).is_some_and(|it| self.callback_timer(it) == Some(deadline.at))
            }
            Owner::Guard(agent) => {
                let agent = &self.agents[agent.at()];
                agent.order == deadline.key && agent.guard_changes == Some(deadline.at)
            }
            Owner::Again(slot) => contact(slot).filter(waits).is_some_and(|contact| {
                contact
                    .refusals
                    .iter()
                    .any(|refusal| refusal.until == deadline.at)
            }),
        }
    }

    #[inline]
    fn arm(&mut self, at: Time, phase: Phase, key: u64, owner: Owner) {
        self.timers.arm(
            self.now,
            Deadline {
                at,
                phase,
                key,
                owner,
            },
        );
    }

    fn arm_contact(&mut self, slot: Slot, at: Time, phase: Phase, owner: Owner) {
        let key = self.contacts[slot.at()].id.0;
        self.arm(at, phase, key, owner);
    }

    /// What is asked for a contact is to be answered by then.
    fn arm_asked(&mut self, slot: Slot, until: Time) {
        self.asked[slot.at()] = Asked {
            until: low_half(until),
            agent: self.contacts[slot.at()].agent().unwrap_or(NOBODY),
        };
        self.arm_contact(slot, until, Phase::Presence, Owner::Asked(slot));
    }

    fn arm_agent(&mut self, agent: AgentIx, at: Time, phase: Phase, owner: Owner) {
        let key = self.agents[agent.at()].order;
        self.arm(at, phase, key, owner);
    }

    /// Leaves a valid deadline on top, and the timers in proportion to what lives.
    fn tidy_timers(&mut self) {
        if let Some(top) = self.timers.peek()
            && !self.is_valid(top)
        {
            self.drop_void_timers();
        }
        if self.timers.len() > self.sweep_at {
            self.sweep_timers();
        }
    }

    /// Drops what is void in front, up to the first that is not. Those of calls that were answered come in runs.
    #[inline(never)]
    fn drop_void_timers(&mut self) {
        while let Some(top) = self.timers.peek()
            && !self.is_valid(top)
        {
            let Some(lane) = self.timers.top_lane() else {
                self.timers.pop_due(top.at);
                continue;
            };
            while let Some(first) = self.timers.drop_first(lane)
                && !self.is_valid(&first)
            {}
            self.timers.find_next();
        }
    }

    #[inline(never)]
    fn sweep_timers(&mut self) {
        let mut timers = std::mem::take(&mut self.timers);
        timers.keep(|deadline| self.is_valid(deadline));
        self.timers = timers;
        self.sweep_at = SWEPT_BEFORE + 2 * self.timers.len();
    }

    fn queue_of(&self, slot: Slot) -> &crate::plan::QueuePlan {
        &self.plan.queues[self.contacts[slot.at()].queue.at()]
    }

    fn capacity_slot(&self, slot: Slot) -> usize {
        slot_of(self.contacts[slot.at()].medium)
    }

    /// Gives a new contact a slot.
    fn insert(&mut self, contact: Contact) -> Slot {
        let slot = self.slot_for(contact.id);
        self.contacts[slot.at()] = contact;
        slot
    }

    /// A slot that is to be filled, with what was forgotten there.
    fn slot_for(&mut self, id: ContactId) -> Slot {
        let slot = self.vacant_contacts.pop().unwrap_or_else(|| {
            self.contacts.push(Contact::vacant());
            self.asked.push(Asked {
                until: 0,
                agent: NOBODY,
            });
            Slot::new(self.contacts.len() - 1)
        });
        self.slots.insert(id, slot);
        slot
    }

    /// Forgets a contact that is over.
    fn forget(&mut self, slot: Slot) {
        let contact = &mut self.contacts[slot.at()];
        let rank = contact.rank();
        if !contact.refusals.is_empty() {
            self.refused.remove(&rank);
        }
        self.slots.remove(contact.id);
        if let Some(customer) = contact.customer.take() {
            let key = (self.plan.clients[contact.client.at()].clone(), customer);
            if self.callbacks.get(&key) == Some(&contact.id) {
                self.callbacks.remove(&key);
            }
        }
        contact.nature = Nature::Live;
        contact.consult = None;
        contact.id = ContactId(u64::MAX);
        contact.refusals = Vec::new();
        contact.stage = Stage::Waiting;
        contact.step_due = None;
        self.vacant_contacts.push(slot);
    }

    fn live_queue(&self, id: &QueueId) -> Option<QueueIx> {
        let queue = *self.plan.queue_of.get(id)?;
        self.plan.queues[queue.at()].live.then_some(queue)
    }
}

/// Enough of a time to tell it from nearly all others.
const fn low_half(time: Time) -> u32 {
    time.0 as u32
}

/// Puts an output behind the others. It is made where it is to stand: one that is pushed is made elsewhere and moved,
/// and outputs are large.
#[inline]
fn tell(out: &mut Vec<Output>, make: impl FnOnce() -> Output) {
    out.extend(std::iter::once_with(make));
}

#[cold]
fn refuse_unknown(out: &mut Vec<Output>, contact: ContactId) {
    let why = format!("contact {contact} is not here: it never arrived or has ended");
    refuse(out, why);
}

#[cold]
fn refuse(out: &mut Vec<Output>, why: String) {
    out.push(Output::Refused { why });
}
