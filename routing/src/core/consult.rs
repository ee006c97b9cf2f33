//! Rule 13, the part where two agents talk: consult and conference.
//!
//! A consult is a contact of its own, whose customer is the agent who asks. It has the
//! customer's age and client, so it is ranked, offered, missed and wrapped up by the same rules.

use trunkline_tenant::crds::AgentName;

use super::contact::{At, Contact, NEVER, Nature, Refusal, Stage};
use super::transfer::Found;
use super::{Core, refuse};
use crate::ix::{AgentIx, Slot};
use crate::{CancelReason, ConsultEnd, ContactId, Outcome, Output, SegmentEnd, Span, Target};

impl Core {
    /// The agent's contact, the agent and the consult about it, where there is one to end.
    fn consulting(&self, id: ContactId, out: &mut Vec<Output>) -> Option<(Slot, Slot)> {
        let slot = self.known(id, out)?;
        let consult = self.contacts[slot.at()].consult;
        let consult = consult.and_then(|consult| self.slot(consult));
        if consult.is_none() {
            refuse(out, format!("contact {id} has no consult under way"));
        }
        Some((slot, consult?))
    }

    pub(super) fn consult(
        &mut self,
        id: ContactId,
        consult: ContactId,
        to: Target,
        out: &mut Vec<Output>,
    ) {
        let Some(slot) = self.known(id, out) else {
            return;
        };
        if self.slot(consult).is_some() || consult == ContactId(u64::MAX) {
            return refuse(
                out,
                format!("contact {consult} is here already: each has its own number"),
            );
        }
        let contact = &self.contacts[slot.at()];
        let Stage::Talking { agent, .. } = contact.stage else {
            return refuse(
                out,
                format!("contact {id} is not talking: nobody can consult about it"),
            );
        };
        if contact.consult.is_some() || contact.consult_of().is_some() {
            return refuse(out, format!("contact {id} has a consult under way already"));
        }
        let name = self.agents[agent.at()].name.clone();
        let found = match self.find(slot, &to, &name) {
            Ok(found) => found,
            Err(why) => return refuse(out, format!("{name} can't consult: {why}")),
        };
        let child = self.insert(self.consult_about(slot, consult, agent));
        self.contacts[slot.at()].consult = Some(consult);
        self.hold_for_consult(slot, true);
        out.push(Output::Consulting {
            contact: id,
            consult,
            agent: name.clone(),
            to: to.clone(),
        });
        match found {
            Found::Queue(queue) => self.enter(child, queue, out),
            Found::Agent(target) => {
                self.wait_for(child, At::Target(target.into(), name.into()), out)
            }
            Found::Team(team) => self.wait_for(child, At::Team(team, Some(name.into())), out),
            Found::Outside(deadline) => self.ask_outside(child, name, to, deadline, out),
        }
    }

    /// A contact like the customer's, in their stead.
    fn consult_about(&self, slot: Slot, id: ContactId, agent: AgentIx) -> Contact {
        let customers = &self.contacts[slot.at()];
        let never = Refusal {
            agent,
            times: 1,
            until: NEVER,
            generation: 0,
        };
        Contact {
            id,
            customer: None,
            entered: self.now,
            generation: 0,
            segment: 0,
            again: true,
            hops: 0,
            at: At::Route(0),
            step_entered: self.now,
            step_due: None,
            // Who asks is not the one to answer.
            refusals: vec![never],
            stage: Stage::Waiting,
            nature: Nature::Consult {
                of: customers.id,
                conference: false,
            },
            consult: None,
            reckoned: None,
            line: None,
            in_line: false,
            ..customers.clone()
        }
    }

    /// A place outside is called for the contact; it goes back to `origin` where nobody answers there.
    pub(super) fn ask_outside(
        &mut self,
        slot: Slot,
        origin: AgentName,
        to: Target,
        deadline: crate::Time,
        out: &mut Vec<Output>,
    ) {
        let now = self.now;
        let contact = &mut self.contacts[slot.at()];
        contact.begins(now);
        contact.stage = Stage::Outside {
            origin: origin.into(),
            to: to.clone().into(),
            deadline,
        };
        let contact = contact.id;
        self.arm_asked(slot, deadline);
        out.push(Output::HandOver {
            contact,
            to,
            deadline,
        });
    }

    /// The customer is on hold while the two talk.
    fn hold_for_consult(&mut self, slot: Slot, on: bool) {
        let now = self.now;
        if let Stage::Talking {
            hold_since, held, ..
        } = &mut self.contacts[slot.at()].stage
        {
            match (*hold_since, on) {
                (None, true) => *hold_since = Some(now),
                (Some(since), false) => {
                    *held = Span(held.0 + (now - since).0);
                    *hold_since = None;
                }
                _ => {}
            }
        }
    }

    pub(super) fn conference(&mut self, id: ContactId, out: &mut Vec<Output>) {
        let Some((slot, child)) = self.consulting(id, out) else {
            return;
        };
        let consult = &mut self.contacts[child.at()];
        let answered = matches!(consult.stage, Stage::Talking { .. } | Stage::Away { .. });
        let child_id = consult.id;
        match &mut consult.nature {
            Nature::Consult { conference, .. } if answered && !*conference => *conference = true,
            _ => {
                return refuse(
                    out,
                    format!("the consult about contact {id} is not two who talk in private"),
                );
            }
        }
        self.hold_for_consult(slot, false);
        out.push(Output::Conferenced {
            contact: id,
            consult: child_id,
        });
    }

    pub(super) fn cancel_consult(&mut self, id: ContactId, out: &mut Vec<Output>) {
        if let Some((_, child)) = self.consulting(id, out) {
            let consult = self.contacts[child.at()].id;
            self.consult_ends(consult, &ConsultEnd::Cancelled, out);
        }
    }

    pub(super) fn outside_gone(&mut self, id: ContactId, out: &mut Vec<Output>) {
        let Some(slot) = self.known(id, out) else {
            return;
        };
        if matches!(self.contacts[slot.at()].stage, Stage::Away { .. }) {
            self.consult_ends(id, &ConsultEnd::Left, out);
        } else {
            refuse(
                out,
                format!("contact {id} is no consult with a party outside"),
            );
        }
    }

    /// Nobody took it.
    pub(super) fn consult_failed(&mut self, slot: Slot, out: &mut Vec<Output>) {
        let consult = self.contacts[slot.at()].id;
        self.consult_ends(consult, &ConsultEnd::NotAnswered, out);
    }

    /// Who is at the other end of the consult is gone.
    pub(super) fn consult_lost(&mut self, slot: Slot, out: &mut Vec<Output>) {
        let contact = &self.contacts[slot.at()];
        let joined = matches!(contact.stage, Stage::Talking { .. } | Stage::Away { .. });
        let how = if joined {
            ConsultEnd::Left
        } else {
            ConsultEnd::NotAnswered
        };
        self.consult_ends(contact.id, &how, out);
    }

    /// The consult is over, and the agent goes on with the customer if there is one.
    pub(super) fn consult_ends(
        &mut self,
        consult: ContactId,
        how: &ConsultEnd,
        out: &mut Vec<Output>,
    ) {
        let Some(child) = self.slot(consult) else {
            return;
        };
        let of = self.contacts[child.at()].consult_of();
        if let Some(customers) = of.and_then(|of| self.slot(of)) {
            self.contacts[customers.at()].consult = None;
            self.hold_for_consult(customers, false);
        }
        out.push(Output::ConsultOver {
            contact: of.unwrap_or(consult),
            consult,
            how: how.clone(),
        });
        match self.contacts[child.at()].stage.clone() {
            Stage::Waiting => {
                self.dequeue(child);
                self.end_unserved(child, SegmentEnd::Cancelled, None, out);
            }
            Stage::Offered { agent, .. } | Stage::Connecting { agent, .. } => {
                self.cancel_offer(child, agent, CancelReason::Cancelled, out);
                self.end_unserved(child, SegmentEnd::Cancelled, None, out);
                self.settle(agent, out);
            }
            Stage::Talking { .. } => {
                let outcome = Some(Outcome::Consulted);
                self.talk_over(child, SegmentEnd::Answered, outcome, out);
            }
            Stage::Outside { .. } | Stage::Later { .. } => {
                self.end_unserved(child, SegmentEnd::Cancelled, None, out);
            }
            Stage::Away { since, .. } => self.outside_over(child, since, out),
        }
    }

    fn outside_over(&mut self, child: Slot, since: crate::Time, out: &mut Vec<Output>) {
        let mut segment = self.segment(child, SegmentEnd::Answered);
        segment.answered = Some(since);
        out.push(Output::Ended {
            contact: segment.contact,
            outcome: Outcome::Consulted,
            prompt: None,
        });
        out.push(Output::Record(segment));
        self.forget(child);
    }

    /// The agent leaves the customer with who was consulted.
    pub(super) fn complete_consult(&mut self, id: ContactId, out: &mut Vec<Output>) {
        let Some((slot, child)) = self.consulting(id, out) else {
            return;
        };
        match self.contacts[child.at()].stage.clone() {
            Stage::Talking { agent, .. } => self.take_over(slot, child, agent, out),
            Stage::Away { since, .. } => {
                let consult = self.contacts[child.at()].id;
                out.push(Output::ConsultOver {
                    contact: id,
                    consult,
                    how: ConsultEnd::Outside,
                });
                self.contacts[slot.at()].consult = None;
                self.outside_over(child, since, out);
                let outcome = Some(Outcome::Transferred);
                self.talk_over(slot, SegmentEnd::Answered, outcome, out);
            }
            _ => refuse(
                out,
                format!("nobody has answered the consult about contact {id} yet"),
            ),
        }
    }

    /// From the hands of who asked into those of who was asked: a new stretch, answered at once.
    fn take_over(&mut self, slot: Slot, child: Slot, heir: AgentIx, out: &mut Vec<Output>) {
        let offer = self.contacts[child.at()].offer();
        let id = self.contacts[slot.at()].id;
        let (whose, (client, queue)) = (self.whose(slot), self.whose(child));
        let name = self.agents[heir.at()].name.clone();
        let Some((asker, talked)) = self.close_talk(slot, SegmentEnd::Answered) else {
            return;
        };
        let Some((_, consulted)) = self.close_talk(child, SegmentEnd::Answered) else {
            return;
        };
        // Their work goes on with the customer: no wrap-up of its own.
        if let Some(team) = self.agents[heir.at()].team {
            self.shares.gives_back(team, heir, client);
        }
        out.push(Output::ConsultOver {
            contact: id,
            consult: offer.contact,
            how: ConsultEnd::TakenOver {
                agent: name.clone(),
                offer,
            },
        });
        out.push(Output::Ended {
            contact: offer.contact,
            outcome: Outcome::Consulted,
            prompt: None,
        });
        out.push(Output::Record(consulted));
        self.forget(child);
        self.wrap_up(asker, whose, talked, out);
        self.unpool(asker);
        let now = self.now;
        let capacity = self.capacity_slot(slot);
        let contact = &mut self.contacts[slot.at()];
        contact.consult = None;
        contact.segment += 1;
        contact.again = true;
        contact.nature = Nature::Live;
        contact.queue = queue;
        contact.entered = now;
        contact.refusals.clear();
        contact.stage = Stage::Talking {
            agent: heir,
            since: now,
            hold_since: None,
            held: Span(0),
        };
        let client = contact.client;
        let person = &mut self.agents[heir.at()];
        person.hands.push(slot);
        person.used[capacity] += 1;
        if let Some(team) = person.team {
            self.shares.takes(team, heir, client);
        }
        self.remember_agent(slot, heir);
        out.push(Output::Answered {
            contact: id,
            agent: name,
            wait: Span(0),
        });
        self.refresh(heir, out);
        self.settle(asker, out);
    }
}
