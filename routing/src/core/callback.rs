//! Rule 14: customers who are called back. The contact keeps its number and its place in line;
//! an agent is found first, then the customer is called.

use trunkline_tenant::crds::{AgentName, Callbacks, ClientName, Medium, PromptName};
use trunkline_tenant::{Exhausted, QueueId};

use super::contact::{At, Callback, Contact, Nature, Stage};
use super::{Core, refuse};
use crate::bug::Bug;
use crate::ix::{AgentIx, QueueIx, Slot};
use crate::timers::{Owner, Phase};
use crate::{CancelReason, ContactId, OfferId, Output, SegmentEnd, Span, Time, Window, hours};

/// How long the agent whom the customer talked with is waited for.
const SAME_AGENT: Span = Span::seconds(60);
/// Minutes of age that put a caller whom we lost before everybody else: two years.
const RESCUE: i32 = 2 * 366 * 24 * 60;
/// Calendars that never open are looked at again after so long.
const LOOK_AGAIN: Span = Span::seconds(86_400);

/// What is asked for when a callback is booked.
pub(super) struct Booking {
    pub(super) customer: String,
    pub(super) due: Option<Time>,
    pub(super) window: Option<Window>,
    pub(super) agent: Option<AgentName>,
    pub(super) priority: i32,
}

type Key = (Option<ClientName>, String);

impl Core {
    /// Whether its customer could be called instead: on the telephone now, from a number that is known and can be
    /// dialled. Whom we have called can be called again.
    pub(super) fn can_be_called(&self, slot: Slot) -> bool {
        let contact = &self.contacts[slot.at()];
        let callable = contact.callable || self.has(Bug::EmptyPromise);
        let known = contact.callback().is_some() || callable && contact.customer.is_some();
        self.would_be_called(slot) && known
    }

    /// Whether it is one whose customer is called back, where that can be.
    pub(super) fn would_be_called(&self, slot: Slot) -> bool {
        let contact = &self.contacts[slot.at()];
        self.options.call_back && contact.medium.is_call() && contact.consult_of().is_none()
    }

    /// How its customer is tried, by the queue as it is now.
    fn tried_by(&self, slot: Slot) -> &Callbacks {
        &self.queue_of(slot).definition.callbacks
    }

    fn key(&self, slot: Slot) -> Option<Key> {
        let contact = &self.contacts[slot.at()];
        let customer = contact.customer.clone()?;
        Some((self.plan.clients[contact.client.at()].clone(), customer))
    }

    /// Notes a callback as what a new call of its customer is merged with. One that has come to a conversation
    /// is none any more, and must not hide another of the same customer.
    pub(super) fn index_callback(&mut self, slot: Slot) {
        if self.is_pending(slot)
            && let Some(key) = self.key(slot)
        {
            let id = self.contacts[slot.at()].id;
            self.callbacks.insert(key, id);
        }
    }

    /// A callback of the customer that has not come to a conversation.
    fn pending(&self, key: &Key) -> Option<Slot> {
        let slot = self.slot(*self.callbacks.get(key)?)?;
        self.is_pending(slot).then_some(slot)
    }

    fn is_pending(&self, slot: Slot) -> bool {
        let contact = &self.contacts[slot.at()];
        let pending = contact.waits() || matches!(contact.stage, Stage::Later { .. });
        pending && contact.callback().is_some()
    }

    /// A customer who is to be called back comes in again, and is let in: the new contact takes the place, and
    /// the callback ends. Who was being asked for it is returned, to be settled after.
    #[inline]
    pub(super) fn merge(&mut self, slot: Slot, out: &mut Vec<Output>) -> Option<AgentIx> {
        if self.callbacks.is_empty() {
            return None;
        }
        self.merge_with_one(slot, out)
    }

    #[inline(never)]
    fn merge_with_one(&mut self, slot: Slot, out: &mut Vec<Output>) -> Option<AgentIx> {
        let contact = &self.contacts[slot.at()];
        if !contact.medium.is_call() || !self.options.call_back {
            return None;
        }
        if self.has(Bug::ServedTwice) {
            return None;
        }
        let other = self.pending(&self.key(slot)?).filter(|it| *it != slot)?;
        let freed = self.take_out(other, CancelReason::Merged, out);
        let elder = &self.contacts[other.at()];
        let (place, priority, base) = (elder.place, elder.priority, elder.base_priority);
        let contact = &mut self.contacts[slot.at()];
        contact.place = contact.place.min(place);
        contact.priority = contact.priority.max(priority);
        contact.base_priority = contact.base_priority.max(base);
        self.end_unserved(other, SegmentEnd::Merged, None, out);
        freed
    }

    /// Out of line, or out of the hands of who is asked for it.
    fn take_out(
        &mut self,
        slot: Slot,
        why: CancelReason,
        out: &mut Vec<Output>,
    ) -> Option<AgentIx> {
        match self.contacts[slot.at()].stage {
            Stage::Waiting => self.dequeue(slot),
            Stage::Offered { agent, .. } | Stage::Connecting { agent, .. } => {
                self.cancel_offer(slot, agent, why, out);
                self.refresh(agent, out);
                self.unpool(agent);
                return Some(agent);
            }
            Stage::Talking { .. }
            | Stage::Outside { .. }
            | Stage::Away { .. }
            | Stage::Later { .. } => {}
        }
        None
    }

    pub(super) fn call_me_back(
        &mut self,
        id: ContactId,
        number: Option<String>,
        window: Option<Window>,
        out: &mut Vec<Output>,
    ) {
        let Some(slot) = self.known(id, out) else {
            return;
        };
        let contact = &self.contacts[slot.at()];
        let waits = matches!(contact.stage, Stage::Waiting | Stage::Offered { .. });
        if !waits || contact.nature != Nature::Live || contact.medium != Medium::Voice {
            return refuse(
                out,
                format!("contact {id} is no caller who waits: only one who does is called back"),
            );
        }
        if number.is_none() && !(contact.callable && contact.customer.is_some()) {
            return refuse(
                out,
                format!("contact {id} has no number that can be called: ask the caller for one"),
            );
        }
        if let Err(why) = check_window(window) {
            return refuse(out, why);
        }
        let freed = self.take_out(slot, CancelReason::Cancelled, out);
        let contact = &mut self.contacts[slot.at()];
        if contact.customer.is_none() {
            contact.customer.clone_from(&number);
            contact.callable = true;
        }
        let number = number.or_else(|| contact.customer.clone());
        let callback = Callback {
            window,
            counted: true,
            begun: true,
            ..Callback::to(number.unwrap_or_default())
        };
        let stretch = self.segment(slot, SegmentEnd::Callback);
        out.push(Output::Record(stretch));
        self.count_unserved(slot, SegmentEnd::Callback);
        self.contacts[slot.at()].segment += 1;
        self.turns_into(slot, callback, None, false, out);
        if let Some(agent) = freed {
            self.settle(agent, out);
        }
    }

    /// A caller whom the queue sends away to be called back. Out of line by now. Outside the queue's hours it
    /// has not been in line, and its route begins when they do; else it waits on under the last step.
    pub(super) fn becomes_callback(
        &mut self,
        slot: Slot,
        end: SegmentEnd,
        prompt: Option<PromptName>,
        begun: bool,
        out: &mut Vec<Output>,
    ) {
        let stretch = self.segment(slot, end);
        out.push(Output::Record(stretch));
        self.count_unserved(slot, end);
        let contact = &mut self.contacts[slot.at()];
        contact.segment += 1;
        contact.at = if begun { At::Held } else { At::Route(0) };
        contact.step_due = None;
        let callback = Callback {
            counted: true,
            begun,
            ..Callback::to(contact.customer.clone().unwrap_or_default())
        };
        self.turns_into(slot, callback, prompt, false, out);
    }

    /// We lost a caller whose number is known: they are called back, before everybody else, by
    /// the agent whom they talked with, if that can be.
    pub(super) fn rescue(&mut self, slot: Slot, out: &mut Vec<Output>) {
        let stage = self.contacts[slot.at()].stage.clone();
        let mut talked = None;
        let mut freed = None;
        // Between two stretches none ends: the next has its number already.
        let between = matches!(stage, Stage::Outside { .. });
        match stage {
            Stage::Talking { agent, .. } => {
                talked = Some(self.agents[agent.at()].name.clone());
                freed = Some(agent);
                let whose = self.whose(slot);
                if let Some((agent, over)) = self.close_talk(slot, SegmentEnd::Dropped) {
                    self.wrap_up(agent, whose, over, out);
                    self.unpool(agent);
                }
                self.contacts[slot.at()].again = true;
            }
            Stage::Outside { origin, .. } => talked = Some(*origin),
            Stage::Waiting | Stage::Offered { .. } | Stage::Connecting { .. } => {
                freed = self.take_out(slot, CancelReason::Dropped, out);
                let stretch = self.segment(slot, SegmentEnd::Dropped);
                out.push(Output::Record(stretch));
                self.count_unserved(slot, SegmentEnd::Dropped);
            }
            Stage::Away { .. } | Stage::Later { .. } => {}
        }
        let most = self.tried_by(slot).attempts;
        let contact = &mut self.contacts[slot.at()];
        contact.stage = Stage::Waiting;
        contact.priority = RESCUE;
        contact.refusals.clear();
        let called = contact.callback();
        let earlier = called.map_or(0, |it| it.attempts + 1);
        // Whom we have called is called where they were reached.
        let number = called.map(|it| it.number.clone());
        let number = number.or_else(|| contact.customer.clone());
        let callback = Callback {
            counted: true,
            attempts: earlier,
            agent: talked,
            ..Callback::to(number.unwrap_or_default())
        };
        contact.segment += u32::from(!between);
        contact.entered = self.now;
        if earlier < most {
            self.turns_into(slot, callback, None, true, out);
        } else {
            contact.nature = Nature::Callback(Box::new(callback));
            self.end_unserved(slot, SegmentEnd::Unreached, None, out);
        }
        if let Some(agent) = freed {
            self.settle(agent, out);
        }
    }

    /// What was a call is to be called back from now on. Its stretch has been recorded, the next
    /// one has its number.
    fn turns_into(
        &mut self,
        slot: Slot,
        callback: Callback,
        prompt: Option<PromptName>,
        rescue: bool,
        out: &mut Vec<Output>,
    ) {
        let now = self.now;
        let freed = self.merge(slot, out);
        let contact = &mut self.contacts[slot.at()];
        contact.entered = now;
        contact.stage = Stage::Waiting;
        contact.nature = Nature::Callback(Box::new(callback));
        self.book(slot, prompt, rescue, out);
        self.await_time(slot, out);
        if let Some(agent) = freed {
            self.settle(agent, out);
        }
    }

    /// Says what is to be called back, and when.
    pub(super) fn book(
        &mut self,
        slot: Slot,
        prompt: Option<PromptName>,
        rescue: bool,
        out: &mut Vec<Output>,
    ) {
        self.index_callback(slot);
        let contact = &self.contacts[slot.at()];
        let Some(callback) = contact.callback() else {
            return;
        };
        let (from, queue) = (self.now.max(contact.arrived), contact.queue);
        let due = self.opens(queue, callback.window, from);
        out.push(Output::CallbackBooked {
            contact: contact.id,
            queue: self.plan.queues[queue.at()].id.clone(),
            customer: callback.number.clone(),
            due,
            prompt,
            rescue,
        });
        self.not_before(slot, due);
    }

    fn not_before(&mut self, slot: Slot, at: Time) {
        if let Nature::Callback(callback) = &mut self.contacts[slot.at()].nature {
            callback.not_before = Some(at);
        }
    }

    pub(super) fn book_callback(
        &mut self,
        id: ContactId,
        queue_id: &QueueId,
        booking: Booking,
        out: &mut Vec<Output>,
    ) {
        let Some(queue) = self.asked_for("callback", id, queue_id, out) else {
            return;
        };
        let plan = &self.plan.queues[queue.at()];
        let (client, medium) = (plan.client, plan.medium);
        if !medium.is_call() {
            return refuse(
                out,
                format!(
                    "callback {id} asks for {queue_id}, whose agents take {medium:?}: name a queue of calls"
                ),
            );
        }
        if let Err(why) = check_window(booking.window) {
            return refuse(out, why);
        }
        let key = (
            self.plan.clients[client.at()].clone(),
            booking.customer.clone(),
        );
        if let Some(other) = self.pending(&key) {
            let other = self.contacts[other.at()].id;
            return refuse(
                out,
                format!("that customer is to be called back already: contact {other}"),
            );
        }
        let from = booking.due.unwrap_or(self.now).max(self.now);
        let arrives = self.opens(queue, booking.window, from);
        let callback = Callback {
            window: booking.window,
            agent: booking.agent,
            ..Callback::to(booking.customer.clone())
        };
        let nature = Nature::Callback(Box::new(callback));
        let plan = &self.plan.queues[queue.at()];
        let slot = self.insert(Contact {
            medium: Medium::Callback,
            customer: Some(booking.customer),
            entered: arrives,
            priority: booking.priority,
            ..Contact::new(id, queue, plan, nature, arrives, self.now)
        });
        self.book(slot, None, false, out);
        self.await_time(slot, out);
    }

    /// When a customer may first be called from `from` on: the queue is open, and so is their window.
    fn opens(&self, queue: QueueIx, window: Option<Window>, from: Time) -> Time {
        if !self.options.dates {
            return from;
        }
        let window = window.filter(|_| !self.has(Bug::WindowForgotten));
        let hours = self.plan.queues[queue.at()].definition.hours.as_ref();
        let tenant = self.tenant.as_ref();
        let hours = hours.and_then(|it| Some((tenant?.calendars.get(&it.calendar)?, it.zone)));
        let mut at = from;
        // Two weekly calendars that meet at all meet within two weeks.
        for _ in 0..32 {
            let windowed = match &window {
                Some(window) => hours::daily_opens(window, at),
                None => Some(at),
            };
            let open = windowed.and_then(|at| match hours {
                Some((calendar, zone)) => hours::opens(calendar, zone, at),
                None => Some(at),
            });
            match open {
                Some(open) if open == at => return at,
                Some(open) => at = open,
                None => break,
            }
        }
        from + LOOK_AGAIN
    }

    /// When a customer who may be called now may be no longer.
    fn closes(&self, queue: QueueIx, window: Option<Window>) -> Option<Time> {
        if !self.options.dates {
            return None;
        }
        let hours = self.plan.queues[queue.at()].definition.hours.as_ref();
        let tenant = self.tenant.as_ref();
        let hours = hours.and_then(|it| {
            let calendar = tenant?.calendars.get(&it.calendar)?;
            hours::closes(calendar, it.zone, self.now)
        });
        let window = window.and_then(|window| hours::daily_closes(&window, self.now));
        hours.into_iter().chain(window).min()
    }

    /// In line if the customer may be called now, else out of it until they may. Out of line
    /// when this begins.
    pub(super) fn await_time(&mut self, slot: Slot, out: &mut Vec<Output>) {
        let contact = &self.contacts[slot.at()];
        let (queue, id) = (contact.queue, contact.id);
        let Some(callback) = contact.callback().cloned() else {
            return;
        };
        let from = self.now.max(callback.not_before.unwrap_or(self.now));
        let until = self.opens(queue, callback.window, from);
        if until > self.now {
            return self.put_off(slot, until);
        }
        self.heed_close(slot);
        let contact = &mut self.contacts[slot.at()];
        contact.stage = Stage::Waiting;
        if let Nature::Callback(it) = &mut contact.nature {
            it.begun = true;
        }
        out.push(Output::Waiting {
            contact: id,
            queue: self.plan.queues[queue.at()].id.clone(),
        });
        match callback.agent {
            _ if callback.begun => {
                self.enqueue(slot);
                self.arm_step(slot);
                self.match_contact(slot, out);
            }
            Some(agent) => self.begin(slot, At::Named(agent.into()), Some(SAME_AGENT), out),
            None => self.begin_route(slot, out),
        }
    }

    /// Notes until when it may be called, where it may be now.
    fn heed_close(&mut self, slot: Slot) {
        let contact = &self.contacts[slot.at()];
        let window = contact.callback().and_then(|it| it.window);
        let closes = self.closes(contact.queue, window);
        if let Nature::Callback(it) = &mut self.contacts[slot.at()].nature {
            it.closes = closes;
        }
        self.arm_callback(slot);
    }

    /// A callback that was in line when its customer could last be called.
    pub(super) fn hours_are_over(&self, slot: Slot) -> bool {
        let callback = self.contacts[slot.at()].callback();
        let closes = callback.and_then(|it| it.closes);
        let closes = closes.filter(|_| !self.has(Bug::CalledAfterHours));
        closes.is_some_and(|closes| closes <= self.now)
    }

    fn put_off(&mut self, slot: Slot, until: Time) {
        let contact = &mut self.contacts[slot.at()];
        // What has not been in line arrives when it may be.
        if contact
            .callback()
            .is_some_and(|it| !it.begun && !it.counted)
        {
            contact.arrived = until;
            contact.place = until;
            contact.entered = until;
        }
        self.contacts[slot.at()].stage = Stage::Later { until };
        self.arm_contact(slot, until, Phase::Arrivals, Owner::Due(slot));
    }

    /// What a callback's own timer is armed for.
    pub(super) fn callback_timer(&self, contact: &Contact) -> Option<Time> {
        let callback = contact.callback()?;
        match contact.stage {
            Stage::Later { until } => Some(until),
            Stage::Waiting | Stage::Offered { .. } => callback.closes,
            _ => None,
        }
    }

    /// At the instant at which hours end nobody is asked or called any more, so that comes first.
    pub(super) fn arm_callback(&mut self, slot: Slot) {
        let contact = &self.contacts[slot.at()];
        let phase = match contact.stage {
            Stage::Later { .. } => Phase::Arrivals,
            _ => Phase::Ends,
        };
        if let Some(at) = self.callback_timer(contact) {
            self.arm_contact(slot, at, phase, Owner::Due(slot));
        }
    }

    /// A callback's time has come, or the hours in which it may be called have ended.
    pub(super) fn callback_due(&mut self, slot: Slot, out: &mut Vec<Output>) {
        if !matches!(self.contacts[slot.at()].stage, Stage::Later { .. }) {
            return self.hours_end(slot, out);
        }
        self.contacts[slot.at()].stage = Stage::Waiting;
        if self.queue_of(slot).live || self.may_be_called_from(slot) > self.now {
            return self.await_time(slot, out);
        }
        // Its queue has been removed since: rule 16. It arrives there all the same.
        let end = self.queue_of(slot).definition.on_exhausted.clone();
        let contact = &mut self.contacts[slot.at()];
        contact.step_due = None;
        contact.at = match end {
            Exhausted::Widen => At::Widened,
            _ => At::Held,
        };
        if let Nature::Callback(it) = &mut contact.nature {
            it.begun = true;
        }
        match end {
            Exhausted::Overflow(to) if self.live_queue(&to).is_some() => {
                self.exhausted(slot, out);
            }
            _ => self.await_time(slot, out),
        }
    }

    /// The hours in which it may be called have ended: it leaves the line, and so does whatever
    /// ends with it, before anybody who is freed by that is asked for the next.
    fn hours_end(&mut self, slot: Slot, out: &mut Vec<Output>) {
        let ends_too = |other: &Slot| {
            *other != slot
                && self.contacts[other.at()].awaits_answer()
                && self.hours_are_over(*other)
        };
        let others = self.callbacks.values().filter_map(|id| self.slot(*id));
        let others: Vec<Slot> = others.filter(ends_too).collect();
        let all = std::iter::once(slot).chain(others);
        let freed: Vec<AgentIx> = all.filter_map(|slot| self.leaves_line(slot, out)).collect();
        for agent in freed {
            self.settle(agent, out);
        }
    }

    /// A callback in line, or asked for, leaves unless its customer may be called still; whoever was
    /// asked for it is to be settled.
    fn leaves_line(&mut self, slot: Slot, out: &mut Vec<Output>) -> Option<AgentIx> {
        if self.has(Bug::CalledAfterHours) {
            return None;
        }
        let until = self.may_be_called_from(slot);
        if until <= self.now {
            self.heed_close(slot);
            return None;
        }
        let freed = self.take_out(slot, CancelReason::Closed, out);
        self.put_off(slot, until);
        freed
    }

    /// From when on the queue is open and the customer's window, too: now, if both are.
    fn may_be_called_from(&self, slot: Slot) -> Time {
        let contact = &self.contacts[slot.at()];
        let window = contact.callback().and_then(|it| it.window);
        self.opens(contact.queue, window, self.now)
    }

    /// What an agent gives back goes on waiting, for as long as its customer may be called by the hours as
    /// they are now; `false`: not any more.
    pub(super) fn stays_in_line(&mut self, slot: Slot) -> bool {
        if self.contacts[slot.at()].callback().is_none() || self.has(Bug::CalledAfterHours) {
            return true;
        }
        let stays = self.may_be_called_from(slot) <= self.now;
        if stays {
            self.heed_close(slot);
        }
        stays
    }

    /// New hours hold for callbacks that are here: who may no longer be called is not, and what
    /// was put off comes back as soon as it may. Whoever is being called is.
    pub(super) fn heed_new_hours(&mut self, out: &mut Vec<Output>) {
        let ranks = self.all_ranks();
        let slots = ranks.iter().filter_map(|(_, id)| self.slot(*id));
        let callbacks = slots.filter(|slot| self.contacts[slot.at()].callback().is_some());
        let (in_line, others): (Vec<Slot>, Vec<Slot>) =
            callbacks.partition(|slot| self.contacts[slot.at()].awaits_answer());
        // Nobody is asked for what is about to leave.
        let freed: Vec<AgentIx> = in_line
            .into_iter()
            .filter_map(|slot| self.leaves_line(slot, out))
            .collect();
        for slot in others {
            let contact = &self.contacts[slot.at()];
            if let (Stage::Later { until }, Some(callback)) = (&contact.stage, contact.callback()) {
                let from = self.now.max(callback.not_before.unwrap_or(*until));
                let until = self.opens(contact.queue, callback.window, from);
                self.put_off(slot, until);
                if until <= self.now {
                    self.callback_due(slot, out);
                }
            }
        }
        for agent in freed {
            self.settle(agent, out);
        }
    }

    /// The agent is there: the customer is called.
    pub(super) fn dial(
        &mut self,
        slot: Slot,
        agent: AgentIx,
        deadline: Time,
        out: &mut Vec<Output>,
    ) {
        let contact = &self.contacts[slot.at()];
        if let Some(callback) = contact.callback() {
            out.push(Output::Dial {
                offer: contact.offer(),
                agent: self.agents[agent.at()].name.clone(),
                customer: callback.number.clone(),
                queue: self.queue_of(slot).id.clone(),
                deadline,
            });
        }
    }

    pub(super) fn not_reached(&mut self, offer: OfferId, out: &mut Vec<Output>) {
        let Some((slot, agent)) = self.standing(offer, out) else {
            return;
        };
        let contact = &self.contacts[slot.at()];
        let calls = matches!(contact.stage, Stage::Connecting { .. });
        if !calls || contact.callback().is_none() {
            return refuse(out, format!("nobody is being called under offer {offer}"));
        }
        self.customer_not_reached(slot, agent, out);
    }

    /// Nobody is to blame: the agent is free for others, the customer is called later.
    pub(super) fn customer_not_reached(
        &mut self,
        slot: Slot,
        agent: AgentIx,
        out: &mut Vec<Output>,
    ) {
        self.cancel_offer(slot, agent, CancelReason::NotReached, out);
        let contact = &mut self.contacts[slot.at()];
        let mut tried = 0;
        if let Nature::Callback(callback) = &mut contact.nature {
            callback.attempts += 1;
            tried = callback.attempts;
        }
        let by = self.tried_by(slot);
        let (most, apart) = (by.attempts, Span::from(by.retry_after));
        if tried >= most && !self.has(Bug::TriedForEver) {
            self.end_unserved(slot, SegmentEnd::Unreached, None, out);
        } else {
            let again = self.now + apart;
            self.not_before(slot, again);
            let contact = &self.contacts[slot.at()];
            let window = contact.callback().and_then(|it| it.window);
            let until = self.opens(contact.queue, window, again);
            if self.has(Bug::ForgottenCallback) {
                self.contacts[slot.at()].stage = Stage::Later { until };
            } else {
                self.put_off(slot, until);
            }
        }
        self.settle(agent, out);
    }

    pub(super) fn cancel_callback(&mut self, id: ContactId, out: &mut Vec<Output>) {
        let Some(slot) = self.known(id, out) else {
            return;
        };
        let contact = &self.contacts[slot.at()];
        let pending = contact.waits() || matches!(contact.stage, Stage::Later { .. });
        if !pending || contact.callback().is_none() {
            return refuse(
                out,
                format!("contact {id} is no callback that is still to come"),
            );
        }
        let freed = self.take_out(slot, CancelReason::Cancelled, out);
        self.end_unserved(slot, SegmentEnd::Cancelled, None, out);
        if let Some(agent) = freed {
            self.settle(agent, out);
        }
    }

    /// The customer of a callback is said to have gone, or to be lost, before they talk.
    pub(super) fn callback_lost(&mut self, slot: Slot, end: SegmentEnd, out: &mut Vec<Output>) {
        let contact = &self.contacts[slot.at()];
        match contact.stage {
            Stage::Connecting { agent, .. } if end == SegmentEnd::Dropped => {
                self.customer_not_reached(slot, agent, out);
            }
            _ => refuse(
                out,
                format!(
                    "contact {} is to be called back: its customer is not on the line",
                    contact.id
                ),
            ),
        }
    }
}

fn check_window(window: Option<Window>) -> Result<(), String> {
    match window {
        Some(window) if window.from >= window.to || window.to > 24 * 60 => Err(format!(
            "the window {}–{} is none: minutes after midnight, 0 ≤ from < to ≤ 1440",
            window.from, window.to
        )),
        _ => Ok(()),
    }
}
