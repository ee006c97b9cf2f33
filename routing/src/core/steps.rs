//! Rules 2, 3, 8: arrivals, steps, and what happens when a route ends.

use trunkline_tenant::crds::{AgentName, Medium, PromptName};
use trunkline_tenant::{Exhausted, QueueId, Shut};

use super::contact::{At, Callback, Nature, Stage};
use super::{Core, refuse, tell};
use crate::bug::Bug;
use crate::ix::{AgentIx, QueueIx, Slot};
use crate::timers::{Owner, Phase};
use crate::{
    ContactId, Outcome, Output, RowPlace, RowTerms, Segment, SegmentEnd, Span, Time, hours,
};

/// A contact that has overflowed so often waits where it is: nobody is sent round for ever.
const MOST_HOPS: u32 = 64;

/// Who a new contact is from.
pub(super) struct Customer {
    pub(super) known_as: Option<String>,
    /// Whether that is a number that can be dialled.
    pub(super) callable: bool,
}

impl Core {
    pub(super) fn arrive(
        &mut self,
        id: ContactId,
        queue_id: &QueueId,
        since: Option<Time>,
        priority: i32,
        customer: Customer,
        out: &mut Vec<Output>,
    ) {
        let Some(queue) = self.asked_for("contact", id, queue_id, out) else {
            return;
        };
        let plan = &self.plan.queues[queue.at()];
        let to_be_called = plan.medium == Medium::Callback && self.options.call_back;
        let nature = match (&customer.known_as, to_be_called) {
            (_, false) => Nature::Live,
            (Some(number), true) if customer.callable => {
                Nature::Callback(Box::new(Callback::to(number.clone())))
            }
            (Some(_), true) => {
                return refuse(
                    out,
                    format!("contact {id} is a callback: its `customer` is no number to call"),
                );
            }
            (None, true) => {
                return refuse(
                    out,
                    format!("contact {id} is a callback: say by `customer` which number to call"),
                );
            }
        };
        let arrived = since.map_or(self.now, |since| since.min(self.now));
        let slot = self.slot_for(id);
        let plan = &self.plan.queues[queue.at()];
        let contact = &mut self.contacts[slot.at()];
        contact.begin(id, queue, plan, nature, arrived, self.now);
        contact.customer = customer.known_as;
        contact.callable = customer.callable;
        contact.priority = priority;
        // Whose callback waits and who is turned away at the door is called back all the same.
        let may_merge = !self.callbacks.is_empty() && (to_be_called || self.lets_in(slot, queue));
        let freed = may_merge.then(|| self.merge(slot, out)).flatten();
        if to_be_called {
            self.book(slot, None, false, out);
        }
        // The first queue's wait counts from when the contact came, also if nobody was there then.
        self.enter_from(slot, queue, arrived, out);
        if let Some(agent) = freed {
            self.settle(agent, out);
        }
    }

    /// The queue for a new contact, or a refusal that says why there is none.
    pub(super) fn asked_for(
        &self,
        what: &str,
        id: ContactId,
        queue: &QueueId,
        out: &mut Vec<Output>,
    ) -> Option<QueueIx> {
        if self.slot(id).is_some() || id == ContactId(u64::MAX) {
            refuse(
                out,
                format!("contact {id} is here already: each has its own number"),
            );
            return None;
        }
        let live = self.live_queue(queue);
        if live.is_none() {
            refuse(
                out,
                format!("{what} {id} asks for the queue {queue}: no such queue"),
            );
        }
        live
    }

    /// A contact comes into a queue: it waits there, or goes elsewhere outside its hours.
    pub(super) fn enter(&mut self, slot: Slot, queue: QueueIx, out: &mut Vec<Output>) {
        self.enter_from(slot, queue, self.now, out);
    }

    /// The same, where its wait there began at `since`.
    fn enter_from(&mut self, slot: Slot, queue: QueueIx, since: Time, out: &mut Vec<Output>) {
        let contact = &mut self.contacts[slot.at()];
        contact.queue = queue;
        contact.entered = since;
        contact.reckoned = None;
        contact.stage = Stage::Waiting;
        if contact.callback().is_some() {
            return self.await_time(slot, out);
        }
        let contact = &self.contacts[slot.at()];
        let plan = &self.plan.queues[queue.at()];
        let sent_round = contact.hops >= MOST_HOPS;
        if !sent_round && !self.is_open(queue) {
            match plan.definition.closed.clone() {
                Shut::Overflow(to) if self.live_queue(&to).is_some() => {
                    return self.overflow(slot, &to, out);
                }
                Shut::Overflow(_) => {}
                Shut::Close(prompt) => {
                    return self.turn_away(slot, SegmentEnd::Closed, prompt, false, out);
                }
                // Who has waited, or talked, and can't be called is not cut off for that.
                Shut::Callback(_) if self.was_here_and_cannot_be_called(slot) => {}
                Shut::Callback(prompt) => {
                    return self.turn_away(slot, SegmentEnd::Callback, prompt, false, out);
                }
                Shut::Voicemail(prompt) => {
                    return self.turn_away(slot, SegmentEnd::Voicemail, prompt, false, out);
                }
            }
        }
        let contact = &self.contacts[slot.at()];
        let plan = &self.plan.queues[queue.at()];
        tell(out, || Output::Waiting {
            contact: contact.id,
            queue: plan.id.clone(),
        });
        self.begin_route(slot, out);
    }

    /// The beginning of its queue's route, or before that whoever talked last with its customer.
    pub(super) fn begin_route(&mut self, slot: Slot, out: &mut Vec<Output>) {
        match self.last_agent(slot) {
            Some((agent, tried)) => self.begin(slot, At::Named(agent.into()), Some(tried), out),
            None => self.begin(slot, At::Route(0), None, out),
        }
    }

    /// Who talked last with the contact's customer, and for how long they are tried first, where the queue wants that.
    fn last_agent(&self, slot: Slot) -> Option<(AgentName, Span)> {
        let contact = &self.contacts[slot.at()];
        let tried = self.queue_of(slot).last_agent?;
        if contact.consult_of().is_some() {
            return None;
        }
        let client = self.plan.clients[contact.client.at()].clone();
        let customer = contact.customer.clone()?;
        let (agent, _) = self.last_agents.get(&(client, customer))?;
        Some((agent.clone(), tried))
    }

    /// Whether who comes to a queue now stands in line, there or where closed queues send them on.
    fn lets_in(&self, slot: Slot, mut queue: QueueIx) -> bool {
        for hops in 0..MOST_HOPS {
            if self.is_open(queue) {
                return true;
            }
            match &self.plan.queues[queue.at()].definition.closed {
                Shut::Overflow(to) => match self.live_queue(to) {
                    Some(to) => queue = to,
                    None => return true,
                },
                // Who was sent on to it, and can't be called, waits there.
                Shut::Callback(_) if hops > 0 => {
                    return self.would_be_called(slot) && !self.can_be_called(slot);
                }
                Shut::Close(_) | Shut::Callback(_) | Shut::Voicemail(_) => return false,
            }
        }
        true
    }

    pub(super) fn is_open(&self, queue: QueueIx) -> bool {
        let plan = &self.plan.queues[queue.at()];
        if !plan.has_hours || !self.options.dates {
            return true;
        }
        let Some(hours) = &plan.definition.hours else {
            return true;
        };
        let tenant = self.tenant.as_ref();
        tenant
            .and_then(|tenant| tenant.calendars.get(&hours.calendar))
            .is_none_or(|calendar| {
                if self.has(Bug::HolidayForgotten) {
                    let mut week = calendar.clone();
                    week.closed.clear();
                    return hours::is_open(&week, hours.zone, self.now);
                }
                hours::is_open(calendar, hours.zone, self.now)
            })
    }

    /// The contact begins a step; a named agent's step lasts as long as `tried` says.
    /// Nothing begins the route of a queue that was removed.
    pub(super) fn begin(&mut self, slot: Slot, at: At, tried: Option<Span>, out: &mut Vec<Output>) {
        if matches!(at, At::Route(_)) && !self.queue_of(slot).live {
            return self.exhausted(slot, out);
        }
        let now = self.now;
        let steps = &self.plan.queues[self.contacts[slot.at()].queue.at()].steps;
        let (lasts, step) = match &at {
            At::Named(_) | At::Team(..) | At::Target(..) => (tried, None),
            At::Route(step) => (steps[(*step).min(steps.len() - 1)].duration, Some(*step)),
            At::Held => (None, None),
            At::Widened => (None, Some(steps.len())),
        };
        let contact = &mut self.contacts[slot.at()];
        contact.at = at;
        contact.step_entered = now;
        contact.step_due = lasts.map(|lasts| now + lasts);
        let id = contact.id;
        if let Some(step) = step {
            tell(out, || Output::Step { contact: id, step });
        }
        let contact = &self.contacts[slot.at()];
        let stalled =
            self.has(Bug::StalledStep) && matches!(contact.at, At::Route(1..) | At::Widened);
        let named = match &contact.at {
            At::Named(agent) | At::Target(agent, _) => {
                Some(self.agent_of.get(agent.as_ref()).copied())
            }
            _ => None,
        };
        // Who finds somebody free need not stand in line first, where nobody's share hangs on it.
        let passes = named.is_none() && !stalled && self.shares.are_none();
        if passes && let Some(agent) = self.pick_agent(slot) {
            return self.offer(slot, agent, out);
        }
        self.enqueue(slot);
        self.arm_step(slot);
        if stalled {
            return;
        }
        let capacity = self.capacity_slot(slot);
        let takes = |agent: AgentIx| self.agents[agent.at()].takes(capacity);
        if passes {
            self.waits_on(slot);
        } else if named.is_some_and(|agent| !agent.is_some_and(takes)) {
            // Nobody waits for an agent who isn't there.
            self.step_over(slot, out);
        } else {
            self.match_contact(slot, out);
        }
    }

    pub(super) fn arm_step(&mut self, slot: Slot) {
        let contact = &self.contacts[slot.at()];
        if self.has(Bug::EndlessStep) && contact.generation > 0 {
            return;
        }
        if let Some(due) = contact.step_due {
            self.arm_contact(slot, due, Phase::Steps, Owner::Step(slot));
        }
    }

    /// A waiting contact's step is over.
    pub(super) fn step_over(&mut self, slot: Slot, out: &mut Vec<Output>) {
        self.dequeue(slot);
        let steps = self.queue_of(slot).steps.len();
        match self.contacts[slot.at()].at.clone() {
            At::Named(_) => self.begin(slot, At::Route(0), None, out),
            At::Target(_, origin) => self.return_to(slot, origin, out),
            At::Team(_, Some(origin)) => self.return_to(slot, origin, out),
            At::Team(_, None) => self.begin(slot, At::Route(0), None, out),
            At::Route(step) if step + 1 < steps => {
                self.begin(slot, At::Route(step + 1), None, out);
            }
            At::Route(_) | At::Held | At::Widened => self.exhausted(slot, out),
        }
    }

    /// Rule 3. The contact is out of line when this begins.
    pub(super) fn exhausted(&mut self, slot: Slot, out: &mut Vec<Output>) {
        match self.queue_of(slot).definition.on_exhausted.clone() {
            Exhausted::Hold => self.wait_on(slot, out),
            Exhausted::Widen => self.begin(slot, At::Widened, None, out),
            Exhausted::Overflow(to) => {
                let contact = &self.contacts[slot.at()];
                if self.live_queue(&to).is_some() && contact.hops < MOST_HOPS {
                    self.overflow(slot, &to, out);
                } else {
                    self.wait_on(slot, out);
                }
            }
            Exhausted::Callback(prompt) => {
                self.turn_away(slot, SegmentEnd::Callback, prompt, true, out);
            }
            Exhausted::Voicemail(prompt) => {
                self.turn_away(slot, SegmentEnd::Voicemail, prompt, true, out);
            }
            Exhausted::Close(prompt) => {
                self.turn_away(slot, SegmentEnd::Closed, prompt, true, out);
            }
        }
    }

    fn was_here_and_cannot_be_called(&self, slot: Slot) -> bool {
        let contact = &self.contacts[slot.at()];
        let was_here = contact.hops > 0 || contact.again;
        was_here && self.would_be_called(slot) && !self.can_be_called(slot)
    }

    /// The queue will not have it: when it comes, or any longer, which `was_in_line` tells apart. A consult fails by
    /// that, a callback waits on; a caller who is to be called back keeps their place. Whom nobody could call is promised
    /// nothing: they wait on, or are told nothing more where the queue is closed.
    fn turn_away(
        &mut self,
        slot: Slot,
        end: SegmentEnd,
        prompt: Option<PromptName>,
        was_in_line: bool,
        out: &mut Vec<Output>,
    ) {
        let contact = &self.contacts[slot.at()];
        match contact.nature {
            Nature::Consult { .. } => self.consult_failed(slot, out),
            Nature::Callback(_) => self.wait_on(slot, out),
            Nature::Live if end == SegmentEnd::Callback && self.can_be_called(slot) => {
                self.becomes_callback(slot, end, prompt, was_in_line, out);
            }
            Nature::Live if end == SegmentEnd::Callback && self.would_be_called(slot) => {
                if was_in_line {
                    self.wait_on(slot, out);
                } else {
                    self.end_unserved(slot, SegmentEnd::Closed, None, out);
                }
            }
            Nature::Live => self.end_unserved(slot, end, prompt, out),
        }
    }

    /// It waits on under the last step, until the customer goes.
    pub(super) fn wait_on(&mut self, slot: Slot, out: &mut Vec<Output>) {
        self.begin(slot, At::Held, None, out);
    }

    fn overflow(&mut self, slot: Slot, to: &QueueId, out: &mut Vec<Output>) {
        let Some(queue) = self.live_queue(to) else {
            return self.wait_on(slot, out);
        };
        let segment = self.segment(slot, SegmentEnd::Overflow);
        self.count_unserved(slot, SegmentEnd::Overflow);
        let contact = &mut self.contacts[slot.at()];
        contact.segment += 1;
        contact.hops += 1;
        let (id, from) = (contact.id, segment.queue.clone());
        if !self.has(Bug::WrongStatistics) {
            out.push(Output::Record(segment));
        }
        out.push(Output::Overflowed {
            contact: id,
            from,
            to: to.clone(),
        });
        self.enter(slot, queue, out);
    }

    /// By what counts on the day that the stretch counts on: for a queue that of its entry there, for a client that of
    /// the contact's arrival.
    fn row_terms(&self, slot: Slot) -> RowTerms {
        let contact = &self.contacts[slot.at()];
        let (client, queue) = (contact.client, contact.queue);
        RowTerms {
            queue: self.plan.judged(queue, contact.entered),
            client: self.plan.judged_for(client, queue, contact.arrived),
        }
    }

    /// The row of the stretch that ends now, unanswered.
    pub(super) fn segment(&self, slot: Slot, end: SegmentEnd) -> Box<Segment> {
        self.row(slot, end, None)
    }

    /// The row of the stretch that ends now, or is open yet: an agent talked.
    pub(super) fn segment_of(&self, slot: Slot, end: SegmentEnd, agent: AgentIx) -> Box<Segment> {
        self.row(slot, end, Some(agent))
    }

    fn row(&self, slot: Slot, end: SegmentEnd, agent: Option<AgentIx>) -> Box<Segment> {
        let contact = &self.contacts[slot.at()];
        // Filled in where it is to stay: one that is made elsewhere is read as a whole just after it was written in
        // parts, which takes a processor longer than all the writing.
        let mut row = Box::new(Segment::BLANK);
        row.contact = contact.id;
        row.index = contact.segment;
        row.queue = self.plan.queues[contact.queue.at()].id.clone();
        row.client = self.plan.clients[contact.client.at()].clone();
        row.arrived = contact.arrived;
        row.entered = contact.entered;
        row.ended = self.now;
        row.end = end;
        row.again = contact.again;
        row.terms = Some(self.row_terms(slot));
        row.kind = contact.kind();
        let mut place = RowPlace {
            zone: self.plan.zones[contact.client.at()],
            team: None,
        };
        if let Some(agent) = agent {
            let agent = &self.agents[agent.at()];
            row.agent = Some(agent.name.clone());
            let team = agent.team.map(|team| &self.plan.teams[team.at()]);
            place.team = team.map(|team| team.name.clone());
        }
        row.place = Some(place);
        row
    }

    /// Ends a contact that nobody talks with and that is out of line.
    pub(super) fn end_unserved(
        &mut self,
        slot: Slot,
        end: SegmentEnd,
        prompt: Option<PromptName>,
        out: &mut Vec<Output>,
    ) {
        let now = self.now;
        let contact = &mut self.contacts[slot.at()];
        // What was booked for later and is given up has not waited.
        contact.arrived = contact.arrived.min(now);
        contact.entered = contact.entered.min(now);
        let segment = self.segment(slot, end);
        self.count_unserved(slot, end);
        let contact = &self.contacts[slot.at()];
        let outcome = match end {
            SegmentEnd::Answered => Outcome::Answered,
            SegmentEnd::Abandoned => Outcome::Abandoned,
            SegmentEnd::Callback => Outcome::Callback,
            SegmentEnd::Voicemail => Outcome::Voicemail,
            SegmentEnd::Dropped => Outcome::Dropped,
            SegmentEnd::Unreached => Outcome::Unreached,
            SegmentEnd::Merged => Outcome::Merged,
            SegmentEnd::Cancelled if contact.consult_of().is_some() => Outcome::Consulted,
            SegmentEnd::Cancelled => Outcome::Cancelled,
            SegmentEnd::Closed | SegmentEnd::Overflow | SegmentEnd::Open => Outcome::Closed,
        };
        out.push(Output::Ended {
            contact: segment.contact,
            outcome,
            prompt,
        });
        if !(end == SegmentEnd::Abandoned && self.has(Bug::UncountedAbandon)) {
            out.push(Output::Record(segment));
        }
        self.forget(slot);
    }
}
