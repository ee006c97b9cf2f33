//! A conversation, its end, and wrap-up.

use trunkline_tenant::crds::AgentName;

use super::agent::{Talked, WrapUp};
use super::contact::Stage;
use super::{Core, refuse, tell};
use crate::bug::Bug;
use crate::ix::{AgentIx, ClientIx, QueueIx, Slot, TeamIx};
use crate::timers::{Owner, Phase};
use crate::{
    CancelReason, ConsultEnd, ContactId, Outcome, Output, Segment, SegmentEnd, Span, Time,
};

impl Core {
    pub(super) fn customer_gone(&mut self, id: ContactId, out: &mut Vec<Output>) {
        self.ends(id, CancelReason::CustomerGone, SegmentEnd::Abandoned, out);
    }

    pub(super) fn dropped(&mut self, id: ContactId, out: &mut Vec<Output>) {
        self.ends(id, CancelReason::Dropped, SegmentEnd::Dropped, out);
    }

    /// The contact is over from the customer's side, or by our failure.
    fn ends(&mut self, id: ContactId, why: CancelReason, end: SegmentEnd, out: &mut Vec<Output>) {
        let Some(slot) = self.known(id, out) else {
            return;
        };
        let contact = &self.contacts[slot.at()];
        if contact.consult_of().is_some() {
            return self.consult_lost(slot, out);
        }
        let talks = matches!(contact.stage, Stage::Talking { .. });
        if contact.callback().is_some() && !talks {
            return self.callback_lost(slot, end, out);
        }
        if let Some(consult) = contact.consult.filter(|_| !self.has(Bug::ForgottenConsult)) {
            self.consult_ends(consult, &ConsultEnd::ContactOver, out);
        }
        if end == SegmentEnd::Dropped && self.can_be_called(slot) {
            return self.rescue(slot, out);
        }
        match self.contacts[slot.at()].stage.clone() {
            Stage::Waiting => {
                self.dequeue(slot);
                self.end_unserved(slot, end, None, out);
            }
            Stage::Offered { agent, .. } | Stage::Connecting { agent, .. } => {
                if self.has(Bug::ZombieLeg) {
                    self.release(slot, agent);
                } else {
                    self.cancel_offer(slot, agent, why, out);
                }
                self.end_unserved(slot, end, None, out);
                self.settle(agent, out);
            }
            Stage::Talking { .. } if end == SegmentEnd::Dropped => {
                self.talk_over(slot, end, Some(Outcome::Dropped), out);
            }
            Stage::Talking { .. } => {
                self.talk_over(slot, SegmentEnd::Answered, Some(Outcome::Answered), out);
            }
            Stage::Outside { .. } => {
                // They were answered by who handed them over; no stretch is open.
                out.push(Output::Ended {
                    contact: id,
                    outcome: Outcome::Answered,
                    prompt: None,
                });
                self.forget(slot);
            }
            // Of consults and of callbacks, which are gone by now.
            Stage::Away { .. } | Stage::Later { .. } => {}
        }
    }

    pub(super) fn agent_done(&mut self, id: ContactId, out: &mut Vec<Output>) {
        let Some(slot) = self.known(id, out) else {
            return;
        };
        let contact = &self.contacts[slot.at()];
        match contact.stage {
            Stage::Talking { .. } if contact.consult_of().is_some() => {
                self.consult_lost(slot, out);
            }
            Stage::Talking { .. } => {
                if let Some(consult) = contact.consult {
                    self.consult_ends(consult, &ConsultEnd::ContactOver, out);
                }
                self.talk_over(slot, SegmentEnd::Answered, Some(Outcome::Answered), out);
            }
            Stage::Connecting { agent, .. } if contact.callback().is_some() => {
                self.customer_not_reached(slot, agent, out);
            }
            Stage::Connecting { agent, .. } => self.not_connected(slot, agent, out),
            _ => refuse(out, format!("contact {id} is in no agent's hands")),
        }
    }

    pub(super) fn hold(&mut self, id: ContactId, on: bool, out: &mut Vec<Output>) {
        let Some(slot) = self.known(id, out) else {
            return;
        };
        let now = self.now;
        if self.contacts[slot.at()].consult.is_some() {
            return refuse(
                out,
                format!(
                    "contact {id} has a consult under way, which holds and resumes the customer"
                ),
            );
        }
        match &mut self.contacts[slot.at()].stage {
            Stage::Talking {
                hold_since, held, ..
            } => match (*hold_since, on) {
                (None, true) => *hold_since = Some(now),
                (Some(since), false) => {
                    *held = Span(held.0 + (now - since).0);
                    *hold_since = None;
                }
                _ => {}
            },
            _ => refuse(
                out,
                format!("contact {id} is not talking: only a conversation is held"),
            ),
        }
    }

    /// The conversation ends: the agent wraps up. With an outcome the contact is over, without
    /// one it goes on elsewhere.
    pub(super) fn talk_over(
        &mut self,
        slot: Slot,
        end: SegmentEnd,
        outcome: Option<Outcome>,
        out: &mut Vec<Output>,
    ) {
        let (id, whose) = (self.contacts[slot.at()].id, self.whose(slot));
        if let Some((agent, segment)) = self.close_talk(slot, end) {
            if let Some(outcome) = outcome {
                tell(out, || Output::Ended {
                    contact: id,
                    outcome,
                    prompt: None,
                });
                self.forget(slot);
            }
            self.wrap_up(agent, whose, segment, out);
            self.settle(agent, out);
        }
    }

    /// An agent of the team has worked for the client for so long.
    #[inline]
    fn has_used(&mut self, team: TeamIx, client: ClientIx, time: Span) {
        let weight = if self.has(Bug::WeightIgnored) {
            self.shares.weight(&self.plan, team, client)
        } else {
            1
        };
        self.shares
            .used(&self.plan, team, client, Span(time.0 * weight));
    }

    /// Takes the conversation out of the agent's hands; what it was is returned as a row.
    pub(super) fn close_talk(
        &mut self,
        slot: Slot,
        end: SegmentEnd,
    ) -> Option<(AgentIx, Box<Segment>)> {
        let Stage::Talking {
            agent,
            since,
            hold_since,
            held,
        } = self.contacts[slot.at()].stage
        else {
            return None;
        };
        let holding = hold_since.map_or(0, |from| (self.now - from).0);
        let mut segment = self.segment_of(slot, end, agent);
        segment.answered = Some(since);
        segment.hold = Span(held.0 + holding);
        let contact = &self.contacts[slot.at()];
        let client = contact.client;
        // Until the wrap-up is over the agent counts as the client's; it takes this over.
        if let Some(team) = self.agents[agent.at()].team {
            self.shares.takes(team, agent, client);
            self.has_used(team, client, self.now - since);
        }
        if !self.has(Bug::GhostAgent) {
            self.release(slot, agent);
        }
        Some((agent, segment))
    }

    /// The client and the queue that a conversation is of, asked before it is closed: a handful of registers, beside the row.
    #[inline]
    pub(super) fn whose(&self, slot: Slot) -> (ClientIx, QueueIx) {
        let contact = &self.contacts[slot.at()];
        (contact.client, contact.queue)
    }

    /// The agent's after-call work begins; without any the row is complete at once.
    pub(super) fn wrap_up(
        &mut self,
        agent: AgentIx,
        (client, queue): (ClientIx, QueueIx),
        segment: Box<Segment>,
        out: &mut Vec<Output>,
    ) {
        let team = self.agents[agent.at()].team;
        let declared = team.map_or(Span(0), |team| self.plan.teams[team.at()].wrap_up);
        let length = self.options.wrap_up.unwrap_or(declared);
        let length = if self.has(Bug::WrapUpCutShort) {
            Span(length.0 / 2)
        } else {
            length
        };
        if length.0 == 0 {
            return self.wrapped(agent, client, Some(queue), segment, self.now, out);
        }
        let until = self.now + length;
        self.agents[agent.at()].wraps.push(WrapUp {
            since: self.now,
            until,
            held: None,
            extended: false,
            talked: Talked {
                client,
                queue: Some(queue),
                segment,
            },
        });
        self.arm_agent(agent, until, Phase::Ends, Owner::WrapUp(agent));
    }

    /// A wrap-up has ended, as long as the row says: that is complete, and idle time begins.
    fn wrapped(
        &mut self,
        agent: AgentIx,
        client: ClientIx,
        queue: Option<QueueIx>,
        mut segment: Box<Segment>,
        at: Time,
        out: &mut Vec<Output>,
    ) {
        if self.has(Bug::PastTakenAlong)
            && let (Some(place), Some(team)) = (&mut segment.place, self.agents[agent.at()].team)
        {
            place.team = Some(self.plan.teams[team.at()].name.clone());
        }
        if let Some(team) = self.agents[agent.at()].team {
            self.shares.gives_back(team, agent, client);
            self.has_used(team, client, segment.wrap_up);
        }
        if let Some(queue) = queue {
            self.count_handled(queue, &segment);
        }
        tell(out, || Output::Record(segment));
        self.idle_from(agent, at);
    }

    /// The deadline of an agent's wrap-up has come.
    pub(super) fn wrap_up_over(&mut self, agent: AgentIx, due: Time, out: &mut Vec<Output>) {
        while let Some(at) = self.agents[agent.at()]
            .wraps
            .iter()
            .position(|wrap| wrap.ends() <= due)
        {
            let wrap = self.agents[agent.at()].wraps.remove(at);
            self.wrap_up_ended(agent, wrap, out);
        }
        self.next_wrap_up(agent, out);
    }

    /// One that was taken out of the agent's hands.
    fn wrap_up_ended(&mut self, agent: AgentIx, wrap: WrapUp, out: &mut Vec<Output>) {
        let Talked {
            client,
            queue,
            mut segment,
        } = wrap.talked;
        segment.wrap_up = wrap.until - wrap.since;
        self.wrapped(agent, client, queue, segment, wrap.until, out);
    }

    pub(super) fn next_wrap_up(&mut self, agent: AgentIx, out: &mut Vec<Output>) {
        if let Some(until) = self.agents[agent.at()].wrap_until() {
            self.arm_agent(agent, until, Phase::Ends, Owner::WrapUp(agent));
        }
        self.settle(agent, out);
    }

    /// The agent is done with the eldest wrap-up.
    pub(super) fn wrap_up_done(
        &mut self,
        name: &AgentName,
        codes: Vec<String>,
        out: &mut Vec<Output>,
    ) {
        let Some(agent) = self.wrapping(name, out) else {
            return;
        };
        let mut wrap = self.agents[agent.at()].wraps.remove(0);
        wrap.talked.segment.codes = codes;
        // It was over, and only kept for these.
        wrap.until = self.now.min(wrap.until);
        self.wrap_up_ended(agent, wrap, out);
        self.next_wrap_up(agent, out);
    }

    pub(super) fn extend_wrap_up(&mut self, name: &AgentName, out: &mut Vec<Output>) {
        let Some(agent) = self.wrapping(name, out) else {
            return;
        };
        let wrap = &mut self.agents[agent.at()].wraps[0];
        if wrap.extended {
            return refuse(
                out,
                format!("agent {name} has extended this wrap-up already"),
            );
        }
        wrap.extended = true;
        wrap.until = wrap.until + (wrap.until - wrap.since);
        self.next_wrap_up(agent, out);
    }

    fn wrapping(&self, name: &AgentName, out: &mut Vec<Output>) -> Option<AgentIx> {
        let agent = self.present(name, out)?;
        if self.agents[agent.at()].wraps.is_empty() {
            refuse(out, format!("agent {name} has nothing to wrap up"));
            return None;
        }
        Some(agent)
    }

    pub(super) fn prioritise(&mut self, id: ContactId, priority: i32, out: &mut Vec<Output>) {
        let Some(slot) = self.known(id, out) else {
            return;
        };
        if self.contacts[slot.at()].stage == Stage::Waiting {
            self.dequeue(slot);
            self.contacts[slot.at()].priority = priority;
            self.enqueue(slot);
        } else {
            self.contacts[slot.at()].priority = priority;
        }
    }
}
