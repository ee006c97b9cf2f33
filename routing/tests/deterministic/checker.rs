//! The independent checker: it follows inputs and outputs alone, knows nothing of classes, sets
//! and timers, and after each event looks at everybody.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{DateTime, NaiveDate, TimeZone};
use trunkline_routing::*;
use trunkline_tenant::crds::{AgentName, Medium};
use trunkline_tenant::{Queue, QueueId, Tenant};

use crate::debts::Debts;
use crate::line::Line;
use crate::opening::Opening;
use crate::tally::Tally;
use service::Handles;
use shares::{Busy, Guarantees};
use standings::{Standings, Times};
use strategy::Works;

#[path = "service.rs"]
mod service;
#[path = "shares.rs"]
mod shares;
#[path = "standings.rs"]
mod standings;
#[path = "strategy.rs"]
mod strategy;

#[derive(Clone, Debug, Default)]
struct Presence {
    team: Option<String>,
    signed_in: bool,
    leaving: bool,
    ready: bool,
    dead: bool,
    unreachable: bool,
    offer: Option<OfferId>,
    /// Wrap-ups begun less those recorded.
    wraps: i64,
}

impl Presence {
    fn in_pool(&self) -> bool {
        self.signed_in && !self.leaving && self.ready && !self.dead
    }

    /// A chat reaches who has no telephone just now; a call doesn't.
    fn takes(&self, medium: Medium) -> bool {
        self.in_pool() && !(self.unreachable && slot(medium) == 0)
    }
}

/// Who was asked for whom, and what was known just then: one input may free an agent first, and change more
/// thereafter.
struct Choice {
    contact: ContactId,
    agent: AgentName,
    handle: Handles,
    owing: BTreeSet<QueueId>,
    busy: Busy,
    times: Times,
    /// Whom a queue that takes turns asked before.
    asked_last: Option<AgentName>,
}

pub struct Checker {
    tenant: Arc<Tenant>,
    /// As they were last declared: a removed queue goes on with what it had.
    queues: BTreeMap<QueueId, Queue>,
    agents: BTreeMap<AgentName, Presence>,
    offers: BTreeMap<ContactId, (OfferId, AgentName)>,
    talking: BTreeMap<ContactId, AgentName>,
    refused: BTreeMap<ContactId, BTreeSet<AgentName>>,
    last_failed: BTreeMap<ContactId, Time>,
    ended: BTreeSet<ContactId>,
    /// The priority of the queue where each first arrived.
    bases: BTreeMap<ContactId, i32>,
    /// Rows and figures.
    tally: Tally,
    /// Hours.
    opening: Opening,
    /// Steps and places.
    line: Line,
    /// The day of the centre, by which the core looks at everybody anew.
    day: Option<NaiveDate>,
    /// Consults under way, and whose they are.
    consults: BTreeMap<ContactId, ContactId>,
    /// Who goes on with the customer of a consult just completed.
    heir: Option<(ContactId, AgentName)>,
    /// What is to be called back, and when that was booked; and when each contact came.
    booked: BTreeMap<ContactId, u64>,
    came: BTreeMap<ContactId, u64>,
    /// The base of a callback whose place is taken by the contact that is heard of next.
    merged: Option<i32>,
    /// Inputs so far.
    inputs: u64,
    /// Everybody who came and has not ended.
    alive: BTreeSet<ContactId>,
    rotas: BTreeMap<AgentName, Vec<RotaShift>>,
    /// Who was given a rota by this input, until its row has come, and whether it must come: it is another
    /// than before, of an agent who is listed.
    new_rota: Option<(AgentName, bool)>,
    /// The moving mean of handle times, and of how many.
    handle: Handles,
    debts: Debts,
    /// Queues that have contacts.
    held: BTreeSet<QueueId>,
    /// Queues with a past: the tenant's, and removed ones that still had contacts when it was configured.
    counted: BTreeSet<QueueId>,
    /// Shares.
    guarantees: Guarantees,
    standings: Standings,
    works: Works,
    /// One that a late answer was just given for.
    stale: Option<ContactId>,
    /// The configuration has not changed yet.
    steady: bool,
    /// Since when each contact is asked for or joined, and before when that is not given up.
    asked: BTreeMap<ContactId, (Time, Time)>,
    /// By how much that was put off for what was not heard.
    unheard: BTreeMap<ContactId, Span>,
}

fn slot(medium: Medium) -> usize {
    match medium {
        Medium::Voice | Medium::Callback => 0,
        Medium::Chat => 1,
        Medium::Email => 2,
    }
}

/// A contact among those that are here, by id.
fn find(contacts: &[ContactView], id: ContactId) -> Option<&ContactView> {
    let at = contacts.binary_search_by_key(&id, |view| view.id).ok()?;
    Some(&contacts[at])
}

fn day(now: Time, tenant: &Tenant) -> NaiveDate {
    let utc = DateTime::from_timestamp_micros(now.0).unwrap_or_default();
    let local = tenant.time_zone.from_utc_datetime(&utc.naive_utc());
    local.date_naive()
}

/// Nobody is said to have left who did not, nor to be dropped whom we did not lose.
fn has_a_cause(id: ContactId, outcome: Outcome, input: Option<&Input>) -> Result<(), String> {
    let caused = match (outcome, input) {
        (Outcome::Abandoned, Some(Input::CustomerGone { contact }))
        | (Outcome::Dropped, Some(Input::Dropped { contact, .. }))
        | (Outcome::Cancelled, Some(Input::CancelCallback { contact })) => *contact == id,
        (Outcome::Abandoned | Outcome::Dropped | Outcome::Cancelled, _) => false,
        _ => true,
    };
    ensure!(caused, "contact {id} ends as {outcome:?} by {input:?}");
    Ok(())
}

impl Checker {
    pub fn new(tenant: &Arc<Tenant>, dates: bool) -> Self {
        Self {
            tenant: Arc::clone(tenant),
            queues: tenant.queues.clone(),
            agents: BTreeMap::new(),
            offers: BTreeMap::new(),
            talking: BTreeMap::new(),
            refused: BTreeMap::new(),
            last_failed: BTreeMap::new(),
            ended: BTreeSet::new(),
            bases: BTreeMap::new(),
            tally: Tally::new(tenant),
            opening: Opening::new(dates),
            line: Line::default(),
            day: None,
            consults: BTreeMap::new(),
            heir: None,
            booked: BTreeMap::new(),
            came: BTreeMap::new(),
            merged: None,
            inputs: 0,
            alive: BTreeSet::new(),
            rotas: BTreeMap::new(),
            new_rota: None,
            handle: BTreeMap::new(),
            debts: Debts::default(),
            held: BTreeSet::new(),
            counted: tenant.queues.keys().cloned().collect(),
            guarantees: Guarantees::of(tenant),
            standings: Standings::of(tenant),
            works: Works::default(),
            stale: None,
            steady: true,
            asked: BTreeMap::new(),
            unheard: BTreeMap::new(),
        }
    }

    /// Follows one input, or one thing that fell due (`None`), and judges what came of it.
    pub fn check(
        &mut self,
        now: Time,
        input: Option<&Input>,
        out: &[Output],
        core: &Core,
    ) -> Result<(), String> {
        let refused = out
            .iter()
            .any(|output| matches!(output, Output::Refused { .. }));
        let today = day(now, &self.tenant);
        let new_day = self.day.replace(today).is_some_and(|day| day != today);
        if new_day && self.opening.dates {
            self.debts.new_day();
        }
        self.works.passes(now);
        let heard = input.filter(|_| !refused);
        self.standings.input(heard);
        if let Some(Input::Decline { offer, .. }) = heard {
            self.taken_back(offer);
        }
        if let Some(input) = input {
            self.input(now, input, refused)?;
        }
        self.tally.begin();
        if let Some(input) = heard {
            self.tally.input(now, input, &self.queues);
        }
        self.line.input(now, heard);
        self.opening
            .input(now, heard, out, &self.queues, &self.tenant)?;
        let contacts = core.contacts();
        self.guarantees.knows(&contacts);
        let mut fresh = BTreeSet::new();
        let mut offered = Vec::new();
        for (n, output) in out.iter().enumerate() {
            let at = |id| self.tally.queue_of(id);
            let rest = &out[n + 1..];
            self.opening
                .output(now, output, rest, heard, at, &self.queues, &self.tenant)?;
            self.tally.output(now, output)?;
            for wait in self.tally.waits.drain(..) {
                self.debts.count(wait, &self.queues);
            }
            self.line.output(now, output);
            if let Output::CancelOffer { offer, .. } = output {
                self.taken_back(offer);
            }
            self.output(now, output, &mut fresh, &mut offered)?;
            self.moves_in_line(now, output, rest, &contacts);
            if let Output::Ended {
                contact, outcome, ..
            } = output
            {
                has_a_cause(*contact, *outcome, input)?;
            }
        }
        ensure!(
            self.merged.is_none(),
            "a callback has ended for a call that did not take its place"
        );
        ensure!(
            !matches!(self.new_rota, Some((_, true))),
            "the rota of {:?} has changed, and no row says so",
            self.new_rota
        );
        for output in out {
            if let Output::Record(row) = output {
                self.tally.record(now, row, &self.tenant)?;
            }
        }
        let agents = core.agents();
        self.state(now, core, &contacts, &agents)?;
        self.held.clear();
        for view in &contacts {
            if !self.held.contains(&view.queue) {
                self.held.insert(view.queue.clone());
            }
        }
        // A new configuration, or a new day, re-matches everybody, in an order of its own.
        let anew = new_day || matches!(input, Some(Input::Configure { .. }));
        let known = self.stand_as_thought(core, &contacts, anew)?;
        if !anew {
            for choice in offered {
                self.order_of_service(&choice, &fresh, core, &contacts)?;
                self.shares_are_kept(&choice, known, core, &contacts)?;
                self.the_right_one_is_asked(&choice, core, &contacts, &agents)?;
            }
        }
        self.guarantees.settle(&contacts);
        self.tally.settle(core, &agents, &contacts, &self.tenant)?;
        self.works.settle(agents);
        Ok(())
    }

    fn input(&mut self, now: Time, input: &Input, refused: bool) -> Result<(), String> {
        if let Input::Accept { offer } | Input::Connected { offer } = input {
            let stands = self
                .offers
                .get(&offer.contact)
                .is_some_and(|(live, _)| live == offer);
            let taken = self.talking.contains_key(&offer.contact);
            if let (Input::Accept { .. }, true) = (input, stands && !refused) {
                // Joined next; until then it is still the contact's one offer.
                let agent = self.offers[&offer.contact].1.clone();
                if let Some(agent) = self.agents.get_mut(&agent) {
                    agent.offer = agent.offer.filter(|asked| asked != offer);
                }
                // At least: whom a callback is for may be called for longer.
                self.asked
                    .insert(offer.contact, (now, now + CONNECT_DEADLINE));
                self.unheard.remove(&offer.contact);
            }
            // What this may lead to is judged by `Answered` below.
            self.stale = (!stands && !taken).then_some(offer.contact);
        } else {
            self.stale = None;
        }
        self.inputs += 1;
        self.heir = None;
        self.merged = None;
        self.new_rota = None;
        if refused {
            return Ok(());
        }
        if let Input::Arrive { contact, .. }
        | Input::BookCallback { contact, .. }
        | Input::Consult {
            consult: contact, ..
        } = input
        {
            self.came.insert(*contact, self.inputs);
            self.alive.insert(*contact);
        }
        let agent = |agents: &mut BTreeMap<AgentName, Presence>, name: &AgentName| {
            agents.entry(name.clone()).or_default().clone()
        };
        match input {
            Input::Configure { tenant } => {
                let before = std::mem::replace(&mut self.tenant, Arc::clone(tenant));
                self.steady = false;
                // A removed queue that holds nothing loses its past.
                let has_past =
                    |id: &QueueId| before.queues.contains_key(id) || self.held.contains(id);
                self.handle.retain(|id, _| has_past(id));
                self.debts.retain(has_past);
                self.counted = tenant.queues.keys().chain(&self.held).cloned().collect();
                for (id, queue) in &tenant.queues {
                    self.queues.insert(id.clone(), queue.clone());
                }
                self.reconfigured(&before);
                self.guarantees.configured(tenant);
                self.standings.configured(tenant);
            }
            Input::Arrive { contact, queue, .. } => {
                self.bases.insert(*contact, self.queues[queue].priority);
            }
            Input::BookCallback { contact, queue, .. } => {
                self.bases.insert(*contact, self.queues[queue].priority);
            }
            Input::Consult {
                contact, consult, ..
            } => {
                let base = self.bases.get(contact).copied().unwrap_or_default();
                self.bases.insert(*consult, base);
                let asker = self.talking.get(contact).cloned();
                self.refused.insert(*consult, asker.into_iter().collect());
            }
            Input::Stalled {
                since,
                until,
                listed,
            } => {
                self.tally.stalled();
                let told = until.max(&listed.unwrap_or(*until)).to_owned() + Span(1);
                for (begun, deadline) in self.asked.values_mut() {
                    let late = if *begun >= *since {
                        *deadline + (*until - *since)
                    } else {
                        *deadline
                    };
                    *deadline = late.max(told);
                }
            }
            Input::Unheard {
                contacts,
                since,
                until,
                listed,
            } => {
                for id in contacts {
                    if let Some((begun, deadline)) = self.asked.get_mut(id) {
                        let counts_not = (*until - (*since).max(*begun)).max(Span(0));
                        let gained = self.unheard.entry(*id).or_insert(Span(0));
                        let whole = (*deadline + counts_not).max(*listed) - *deadline;
                        let gains = whole.min(Span(Span::seconds(25).0 - gained.0));
                        *gained = Span(gained.0 + gains.0);
                        *deadline = *deadline + gains;
                    }
                }
            }
            Input::Rota { agent, shifts } => {
                let before = self.rotas.insert(agent.clone(), shifts.clone());
                let new = before.as_ref() != Some(shifts) && self.tenant.agents.contains_key(agent);
                self.new_rota = Some((agent.clone(), new));
            }
            Input::SignIn {
                agent: name,
                ready,
                team,
            } => {
                self.works.signs_in(now, name);
                let mut one = agent(&mut self.agents, name);
                one.dead = false;
                if !one.signed_in {
                    one.ready = *ready;
                    one.team = team.as_ref().map(ToString::to_string);
                }
                one.signed_in = true;
                one.leaving = false;
                self.agents.insert(name.clone(), one);
            }
            Input::SignOut { agent: name } => self.change(name, |one| one.leaving = true),
            Input::Session { agent: name, alive } => self.change(name, |one| one.dead = !alive),
            Input::Endpoint {
                agent: name,
                reachable,
            } => {
                self.change(name, |one| one.unreachable = !reachable);
            }
            Input::Ready { agent: name } => self.change(name, |one| one.ready = true),
            Input::NotReady { agent: name, .. } => self.change(name, |one| one.ready = false),
            Input::Decline { offer, cause } => {
                let live = self
                    .offers
                    .get(&offer.contact)
                    .filter(|(live, _)| live == offer);
                if let Some((_, name)) = live.cloned() {
                    self.offers.remove(&offer.contact);
                    self.refused
                        .entry(offer.contact)
                        .or_default()
                        .insert(name.clone());
                    self.last_failed.insert(offer.contact, now);
                    self.change(&name, |one| {
                        one.offer = one.offer.filter(|asked| asked != offer);
                        match cause {
                            DeclineCause::Refused => one.ready = false,
                            DeclineCause::Unreachable => one.unreachable = true,
                            DeclineCause::Failed => {}
                        }
                    });
                }
            }
            Input::Transfer { contact, .. } => {
                if let Some(name) = self.talking.get(contact) {
                    let only = BTreeSet::from([name.clone()]);
                    self.refused.insert(*contact, only);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn change(&mut self, name: &AgentName, to: impl FnOnce(&mut Presence)) {
        to(self.agents.entry(name.clone()).or_default());
    }

    fn output(
        &mut self,
        now: Time,
        output: &Output,
        fresh: &mut BTreeSet<ContactId>,
        offered: &mut Vec<Choice>,
    ) -> Result<(), String> {
        match output {
            Output::Offer {
                offer,
                agent: name,
                deadline,
            } => {
                ensure!(*deadline >= now, "offer {offer} lapses before it is made");
                let busy = self.busy();
                let asked_last = self.takes_a_turn(offer.contact, name);
                self.asked.insert(offer.contact, (now, *deadline));
                self.unheard.remove(&offer.contact);
                let had = self.offers.insert(offer.contact, (*offer, name.clone()));
                ensure!(
                    had.is_none(),
                    "contact {} has two live offers",
                    offer.contact
                );
                ensure!(
                    !self.talking.contains_key(&offer.contact),
                    "{offer} of one who talks"
                );
                let one = self.agents.entry(name.clone()).or_default();
                ensure!(one.offer.is_none(), "{name} has two live offers");
                ensure!(
                    one.in_pool(),
                    "{name} is offered {offer} and is not in the pool: {one:?}"
                );
                ensure!(one.wraps <= 0, "{name} is offered {offer} in wrap-up");
                one.offer = Some(*offer);
                if let Some(of) = self.consults.get(&offer.contact) {
                    ensure!(
                        self.talking.get(of) != Some(name),
                        "{name} is asked for the consult {offer} that they began"
                    );
                }
                offered.push(Choice {
                    contact: offer.contact,
                    agent: name.clone(),
                    handle: self.handle.clone(),
                    owing: self.debts.owing(&self.queues),
                    busy,
                    times: self.standings.times(),
                    asked_last,
                });
            }
            Output::CancelOffer {
                offer,
                agent: name,
                why,
            } => {
                if self
                    .offers
                    .get(&offer.contact)
                    .is_some_and(|(live, _)| live == offer)
                {
                    self.offers.remove(&offer.contact);
                    let failed = matches!(why, CancelReason::Rona | CancelReason::NotConnected);
                    if *why == CancelReason::Rona {
                        let not_before = self.asked.get(&offer.contact);
                        let not_before = not_before.map_or(now, |(_, deadline)| *deadline);
                        ensure!(
                            now >= not_before,
                            "offer {offer} is given up at {now}, and may be answered until {not_before}"
                        );
                    }
                    if failed {
                        self.refused
                            .entry(offer.contact)
                            .or_default()
                            .insert(name.clone());
                        self.last_failed.insert(offer.contact, now);
                    }
                    self.change(name, |one| {
                        one.offer = one.offer.filter(|asked| asked != offer);
                        one.ready &= *why != CancelReason::Rona;
                    });
                }
            }
            Output::Waiting { contact, .. } => {
                self.inherits(*contact);
                self.leaves_talk(now, *contact);
                fresh.insert(*contact);
            }
            Output::HandOver { contact, .. } => self.leaves_talk(now, *contact),
            Output::Consulting {
                contact,
                consult,
                agent,
                ..
            } => {
                ensure!(
                    self.talking.get(contact) == Some(agent),
                    "{agent} consults about contact {contact} and does not talk with it"
                );
                let other = self.consults.values().any(|of| of == contact);
                ensure!(!other, "contact {contact} has two consults");
                self.consults.insert(*consult, *contact);
            }
            Output::Conferenced { contact, consult } => ensure!(
                self.consults.get(consult) == Some(contact),
                "contact {contact} joins a consult that is not its own"
            ),
            Output::ConsultOver {
                contact,
                consult,
                how,
            } => {
                let of = self.consults.remove(consult);
                ensure!(
                    of == Some(*contact),
                    "the consult {consult} of contact {contact} ends, and never began"
                );
                if let ConsultEnd::TakenOver { agent, offer } = how {
                    ensure!(
                        offer.contact == *consult && self.talking.get(consult) == Some(agent),
                        "{agent} takes contact {contact} over and was not asked about it"
                    );
                    self.leaves_talk(now, *contact);
                    self.heir = Some((*contact, agent.clone()));
                }
            }
            Output::CallbackBooked {
                contact, rescue, ..
            } => {
                self.inherits(*contact);
                // Whoever handed it over may be the very one to call back.
                if *rescue {
                    self.refused.remove(contact);
                }
                self.leaves_talk(now, *contact);
                self.booked.insert(*contact, self.inputs);
                fresh.insert(*contact);
            }
            Output::Dial { offer, agent, .. } => {
                let live = self.offers.get(&offer.contact);
                ensure!(
                    live == Some(&(*offer, agent.clone())),
                    "a customer is called under {offer}, which is not {agent}'s"
                );
            }
            Output::Answered {
                contact,
                agent: name,
                ..
            } => {
                let just = offered.iter().any(|choice| choice.contact == *contact);
                ensure!(
                    self.stale != Some(*contact) || just,
                    "a late answer took contact {contact}"
                );
                let live = self.offers.remove(contact);
                let inherits = self.heir.take() == Some((*contact, name.clone()));
                ensure!(
                    inherits || live.as_ref().is_some_and(|(_, asked)| asked == name),
                    "contact {contact} is answered by {name}, who was not asked"
                );
                self.change(name, |one| {
                    one.offer = one.offer.filter(|asked| asked.contact != *contact);
                });
                self.talking.insert(*contact, name.clone());
            }
            Output::Ended {
                contact, outcome, ..
            } => {
                if *outcome == Outcome::Merged {
                    self.merged = self.bases.get(contact).copied();
                }
                ensure!(self.ended.insert(*contact), "contact {contact} ends twice");
                self.alive.remove(contact);
                self.leaves_talk(now, *contact);
                let live = self.offers.contains_key(contact);
                ensure!(
                    !live,
                    "contact {contact} is over and an agent still rings for it"
                );
            }
            Output::Record(row) => self.record(row)?,
            Output::Agent { agent: name, state } => {
                if *state == AgentState::SignedOut {
                    self.works.signs_out(name);
                    self.change(name, |one| {
                        let unreachable = one.unreachable;
                        *one = Presence {
                            unreachable,
                            wraps: one.wraps,
                            ..Presence::default()
                        };
                    });
                    if !self.tenant.agents.contains_key(name) {
                        self.agents.remove(name);
                        self.refused.values_mut().for_each(|who| {
                            who.remove(name);
                        });
                    }
                }
            }
            Output::Rota(row) => self.plan_is(now, row)?,
            Output::Step { .. } | Output::Overflowed { .. } | Output::Refused { .. } => {}
        }
        Ok(())
    }

    /// A new call has the place of the callback that it is merged with.
    fn inherits(&mut self, contact: ContactId) {
        if let Some(base) = self.merged.take() {
            let own = self.bases.entry(contact).or_default();
            *own = (*own).max(base);
        }
    }

    fn leaves_talk(&mut self, now: Time, contact: ContactId) {
        if let Some(name) = self.talking.remove(&contact) {
            self.talk_advances(now, contact, &name);
            self.change(&name, |one| one.wraps += 1);
            self.guarantees.wraps(contact, &name, 1);
        }
    }

    fn record(&mut self, row: &Segment) -> Result<(), String> {
        let Some(name) = row.agent.as_ref().filter(|_| row.answered.is_some()) else {
            return Ok(());
        };
        let consult = matches!(row.kind, StretchKind::Consult(_));
        if let Some(answered) = row
            .answered
            .filter(|_| !consult && self.counted.contains(&row.queue))
        {
            let took = (row.ended - answered).0 + row.wrap_up.0;
            let (mean, count) = self.handle.entry(row.queue.clone()).or_default();
            *count = (*count + 1).min(16);
            *mean += (took - *mean) / *count;
        }
        // Who takes the customer over goes on: their consult has no wrap-up of its own.
        let goes_on = consult && self.heir.as_ref().is_some_and(|(_, heir)| heir == name);
        let declared = self
            .tenant
            .agents
            .get(name)
            .and_then(|agent| agent.team.as_ref());
        let declared = declared.and_then(|team| self.tenant.teams.get(team));
        if let Some(team) = declared.filter(|_| row.codes.is_empty() && self.steady && !goes_on) {
            let full = Span::from(team.wrap_up);
            ensure!(
                row.wrap_up == full || row.wrap_up.0 == 2 * full.0,
                "{name} wraps up for {:?}, the team for {full:?}",
                row.wrap_up
            );
        }
        self.change(name, |one| one.wraps -= 1);
        self.guarantees.wraps(row.contact, name, -1);
        self.wrap_up_advances(row, name);
        if !goes_on {
            self.works.wrapped_up(name, row);
        }
        Ok(())
    }

    /// Who is in the tenant no more finishes and leaves.
    fn reconfigured(&mut self, before: &Tenant) {
        let tenant = Arc::clone(&self.tenant);
        self.agents
            .retain(|name, one| one.signed_in || tenant.agents.contains_key(name));
        for (name, one) in &mut self.agents {
            let team = tenant
                .agents
                .get(name)
                .and_then(|agent| agent.team.as_ref());
            let team = team.map(ToString::to_string).or_else(|| one.team.clone());
            let removed = before.agents.contains_key(name) && !tenant.agents.contains_key(name);
            if removed || team.is_none_or(|team| !tenant.teams.contains_key(team.as_str())) {
                one.leaving = true;
            }
        }
        let here: BTreeSet<AgentName> = self.agents.keys().cloned().collect();
        for who in self.refused.values_mut() {
            who.retain(|name| here.contains(name) || tenant.agents.contains_key(name));
        }
    }

    /// Everybody, as the core shows them, against what was said.
    fn state(
        &mut self,
        now: Time,
        core: &Core,
        contacts: &[ContactView],
        agents: &[AgentView],
    ) -> Result<(), String> {
        let next = core.next_deadline().unwrap_or(Time(i64::MAX));
        let armed = |what: String, deadline: Time| -> Result<(), String> {
            ensure!(
                deadline >= now,
                "{what} was due at {deadline} and it is {now}"
            );
            ensure!(
                next <= deadline,
                "{what} is due at {deadline}, the next deadline is {next}"
            );
            Ok(())
        };
        for view in contacts {
            let id = view.id;
            ensure!(
                !self.ended.contains(&id),
                "contact {id} has ended and is still here"
            );
            let live = self.offers.get(&id);
            match &view.stage {
                StageView::Waiting => {
                    ensure!(live.is_none(), "contact {id} waits and is offered");
                    ensure!(
                        !self.talking.contains_key(&id),
                        "contact {id} waits and talks"
                    );
                }
                StageView::Offered { deadline, .. }
                    if self
                        .asked
                        .get(&id)
                        .is_none_or(|(_, until)| until != deadline) =>
                {
                    let until = self.asked.get(&id);
                    return Err(format!(
                        "contact {id} may be answered until {deadline}, and it should be {until:?}"
                    ));
                }
                StageView::Offered {
                    offer,
                    agent,
                    deadline,
                }
                | StageView::Connecting {
                    offer,
                    agent,
                    deadline,
                } => {
                    let said = live.is_some_and(|(said, whom)| said == offer && whom == agent);
                    ensure!(
                        said,
                        "contact {id} is at {offer} with {agent}, which nobody was told"
                    );
                    armed(format!("offer {offer}"), *deadline)?;
                }
                StageView::Talking { agent, .. } => {
                    ensure!(
                        self.talking.get(&id) == Some(agent),
                        "contact {id} talks unanswered"
                    );
                }
                StageView::Outside { deadline, .. } => armed(format!("contact {id}"), *deadline)?,
                StageView::Away { .. } => ensure!(
                    self.consults.contains_key(&id),
                    "contact {id} talks outside and is no consult"
                ),
                StageView::Later { until } => {
                    ensure!(
                        self.booked.contains_key(&id),
                        "contact {id} waits for later and was not booked"
                    );
                    armed(format!("callback {id}"), *until)?;
                }
            }
        }
        let here: BTreeSet<ContactId> = contacts.iter().map(|view| view.id).collect();
        ensure!(
            here == self.alive,
            "{:?} came and are not here, {:?} are here and never came",
            self.alive.difference(&here).collect::<Vec<_>>(),
            here.difference(&self.alive).collect::<Vec<_>>()
        );
        self.opening
            .state(now, contacts, next, &self.queues, &self.tenant)?;
        self.line
            .state(now, next, contacts, &self.queues, &self.tenant)?;
        self.consults_hang_together(contacts)?;
        self.callbacks_are_merged(contacts)?;
        for (id, (offer, agent)) in &self.offers {
            let here = contacts.iter().any(|view| view.id == *id);
            ensure!(
                here,
                "{agent} is asked for {offer}, and the contact is not here"
            );
        }
        for view in agents {
            for id in &view.contacts {
                let mine = contacts
                    .iter()
                    .find(|other| other.id == *id)
                    .is_some_and(|other| {
                        matches!(&other.stage, StageView::Talking { agent, .. }
                        | StageView::Connecting { agent, .. } if *agent == view.name)
                    });
                ensure!(
                    mine,
                    "{} has contact {id} in hand, which is not theirs",
                    view.name
                );
            }
            if let AgentState::WrapUp { until } = view.state {
                armed(format!("the wrap-up of {}", view.name), until)?;
            }
        }
        self.work_is_conserved(now, next <= now, contacts, agents)
    }

    fn consults_hang_together(&self, contacts: &[ContactView]) -> Result<(), String> {
        let find = |id: ContactId| contacts.iter().find(|view| view.id == id);
        for view in contacts {
            if let Some(of) = view.consult_of {
                let customers = find(of);
                ensure!(
                    customers.is_some_and(|it| it.consult == Some(view.id)),
                    "the consult {} goes on without contact {of}",
                    view.id
                );
                ensure!(
                    self.consults.get(&view.id) == Some(&of),
                    "nobody was told of the consult {}",
                    view.id
                );
            }
            if let Some(consult) = view.consult {
                ensure!(
                    find(consult).is_some_and(|it| it.consult_of == Some(view.id)),
                    "contact {} is kept by the consult {consult}, which is over",
                    view.id
                );
                ensure!(
                    matches!(view.stage, StageView::Talking { .. }),
                    "contact {} is consulted about and does not talk",
                    view.id
                );
            }
        }
        Ok(())
    }

    /// No customer is both called back and served by a call that came later.
    fn callbacks_are_merged(&self, contacts: &[ContactView]) -> Result<(), String> {
        let pending = |view: &&ContactView| {
            view.calls.is_some()
                && (view.stage.waits() || matches!(view.stage, StageView::Later { .. }))
        };
        for callback in contacts.iter().filter(pending) {
            let booked = self.booked.get(&callback.id).copied().unwrap_or_default();
            for other in contacts {
                let same = other.id != callback.id
                    && other.customer == callback.customer
                    && other.client == callback.client
                    && slot(other.medium) == 0
                    && other.consult_of.is_none();
                let later = self.came.get(&other.id).copied().unwrap_or_default() > booked;
                ensure!(
                    !(same && (later || pending(&other))),
                    "the customer of contact {} is to be called back for contact {} too",
                    other.id,
                    callback.id
                );
            }
        }
        Ok(())
    }
}
