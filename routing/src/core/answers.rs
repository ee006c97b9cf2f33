//! Rules 6 and 7: what becomes of an offer.

use super::contact::Stage;
use super::{CONNECT_DEADLINE, Core, DIAL_DEADLINE, refuse, tell};
use crate::bug::Bug;
use crate::ix::{AgentIx, Slot};
use crate::plan::PHONE;
use crate::{CancelReason, DeclineCause, OfferId, Output, Span};

impl Core {
    /// The slot of an offer that still stands; who answers an older one is told again that it is over.
    pub(super) fn standing(
        &self,
        offer: OfferId,
        out: &mut Vec<Output>,
    ) -> Option<(Slot, AgentIx)> {
        let slot = self.known(offer.contact, out)?;
        let contact = &self.contacts[slot.at()];
        if contact.generation == offer.generation || self.has(Bug::StaleAnswer) {
            match contact.stage {
                Stage::Offered { agent, .. } | Stage::Connecting { agent, .. } => {
                    return Some((slot, agent));
                }
                Stage::Talking { .. } => {
                    refuse(out, format!("offer {offer} was taken already"));
                    return None;
                }
                Stage::Waiting
                | Stage::Outside { .. }
                | Stage::Away { .. }
                | Stage::Later { .. } => {}
            }
        }
        self.answer_too_late(slot, offer, out);
        None
    }

    #[cold]
    fn answer_too_late(&self, slot: Slot, offer: OfferId, out: &mut Vec<Output>) {
        let contact = &self.contacts[slot.at()];
        let refusals = &contact.refusals;
        match refusals
            .iter()
            .find(|refusal| refusal.generation == offer.generation)
        {
            Some(refusal) => {
                let agent = self.agents[refusal.agent.at()].name.clone();
                out.push(Output::CancelOffer {
                    offer,
                    agent,
                    why: CancelReason::Rona,
                });
            }
            None => refuse(
                out,
                format!("offer {offer} is over: the contact has moved on"),
            ),
        }
    }

    pub(super) fn accept(&mut self, offer: OfferId, out: &mut Vec<Output>) {
        let Some((slot, agent)) = self.standing(offer, out) else {
            return;
        };
        if matches!(self.contacts[slot.at()].stage, Stage::Connecting { .. }) {
            return refuse(out, format!("offer {offer} was accepted already"));
        }
        if self.hours_are_over(slot) {
            self.callback_due(slot, out);
            if self.contacts[slot.at()].agent() != Some(agent) {
                return;
            }
        }
        self.take(slot, agent);
        let dials = self.contacts[slot.at()].callback().is_some();
        let within = if dials {
            DIAL_DEADLINE
        } else {
            CONNECT_DEADLINE
        };
        let deadline = self.now + within;
        let now = self.now;
        let contact = &mut self.contacts[slot.at()];
        contact.stage = Stage::Connecting { agent, deadline };
        contact.begins(now);
        self.arm_asked(slot, deadline);
        if dials {
            self.dial(slot, agent, deadline, out);
        }
        self.refresh(agent, out);
        self.match_agent(agent, out);
    }

    /// From an offer into the agent's hands.
    fn take(&mut self, slot: Slot, agent: AgentIx) {
        let person = &mut self.agents[agent.at()];
        person.offer = None;
        person.hands.push(slot);
    }

    pub(super) fn connected(&mut self, offer: OfferId, out: &mut Vec<Output>) {
        let Some((slot, agent)) = self.standing(offer, out) else {
            return;
        };
        let at_once = matches!(self.contacts[slot.at()].stage, Stage::Offered { .. });
        if at_once {
            self.take(slot, agent);
        }
        self.count_answered(slot);
        let now = self.now;
        let contact = &mut self.contacts[slot.at()];
        contact.stage = Stage::Talking {
            agent,
            since: now,
            hold_since: None,
            held: Span(0),
        };
        contact.step_due = None;
        let wait = now - contact.entered;
        self.remember_agent(slot, agent);
        tell(out, || Output::Answered {
            contact: offer.contact,
            agent: self.agents[agent.at()].name.clone(),
            wait,
        });
        // Else they have it in hand since they accepted it, and nothing about them changes.
        if at_once {
            self.refresh(agent, out);
            self.match_agent(agent, out);
        }
    }

    /// For the next time that this customer calls.
    #[inline]
    pub(super) fn remember_agent(&mut self, slot: Slot, agent: AgentIx) {
        if self.queue_of(slot).last_agent.is_some() {
            self.remember_for_customer(slot, agent);
        }
    }

    #[inline(never)]
    fn remember_for_customer(&mut self, slot: Slot, agent: AgentIx) {
        /// About a month of a large centre's customers; the eldest half goes then.
        const MOST: usize = 200_000;
        let contact = &self.contacts[slot.at()];
        let Some(customer) = contact.customer.clone() else {
            return;
        };
        let client = self.plan.clients[contact.client.at()].clone();
        let agent = self.agents[agent.at()].name.clone();
        self.last_agents
            .insert((client, customer), (agent, self.now));
        if self.last_agents.len() > MOST {
            let mut times: Vec<_> = self.last_agents.values().map(|(_, at)| *at).collect();
            times.sort_unstable();
            let middle = times[times.len() / 2];
            self.last_agents.retain(|_, (_, at)| *at > middle);
        }
    }

    pub(super) fn decline(&mut self, offer: OfferId, cause: DeclineCause, out: &mut Vec<Output>) {
        let Some((slot, agent)) = self.standing(offer, out) else {
            return;
        };
        self.release(slot, agent);
        // Who stays ready for it is not asked again at once.
        let stays = match cause {
            DeclineCause::Refused => false,
            DeclineCause::Unreachable => self.capacity_slot(slot) != PHONE,
            DeclineCause::Failed => true,
        };
        self.note_refusal(slot, agent, stays);
        let person = &mut self.agents[agent.at()];
        match cause {
            DeclineCause::Refused => {
                person.ready = false;
                person.reason = "refused".to_owned();
            }
            DeclineCause::Unreachable => person.reachable = false,
            DeclineCause::Failed => {}
        }
        self.offer_came_to_nothing(slot, agent, out);
    }

    fn offer_came_to_nothing(&mut self, slot: Slot, agent: AgentIx, out: &mut Vec<Output>) {
        self.refresh(agent, out);
        let slot = (!self.has(Bug::LostAfterFailure)).then_some(slot);
        self.miss(agent, slot, out);
        self.settle(agent, out);
    }

    /// The deadline of an offer, of joining the legs, or of a hand-over has passed.
    pub(super) fn not_answered(&mut self, slot: Slot, out: &mut Vec<Output>) {
        match self.contacts[slot.at()].stage.clone() {
            Stage::Offered { agent, .. } => {
                self.cancel_offer(slot, agent, CancelReason::Rona, out);
                self.note_refusal(slot, agent, false);
                let person = &mut self.agents[agent.at()];
                person.ready = false;
                person.reason = "rona".to_owned();
                self.offer_came_to_nothing(slot, agent, out);
            }
            Stage::Connecting { agent, .. } if self.contacts[slot.at()].callback().is_some() => {
                self.customer_not_reached(slot, agent, out);
            }
            Stage::Connecting { agent, .. } => self.not_connected(slot, agent, out),
            Stage::Outside { origin, .. } => self.return_to(slot, origin, out),
            Stage::Waiting | Stage::Talking { .. } | Stage::Away { .. } | Stage::Later { .. } => {}
        }
    }

    /// The legs were not joined: nobody is to blame, and the pair is not tried again at once.
    pub(super) fn not_connected(&mut self, slot: Slot, agent: AgentIx, out: &mut Vec<Output>) {
        self.cancel_offer(slot, agent, CancelReason::NotConnected, out);
        self.note_refusal(slot, agent, true);
        self.offer_came_to_nothing(slot, agent, out);
    }
}
