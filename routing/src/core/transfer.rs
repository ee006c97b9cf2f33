//! Rule 13: a contact is handed over. It keeps its age and begins a new stretch.

use trunkline_tenant::crds::AgentName;

use super::contact::{At, Nature, Stage};
use super::{Core, refuse};
use crate::ix::{QueueIx, Slot, TeamIx};
use crate::{ContactId, Outcome, Output, SegmentEnd, Span, Target, Time};

/// How long an outside number may ring before the contact goes back.
const OUTSIDE_DEADLINE: Span = Span::seconds(60);

/// A target that was found to be there.
pub(super) enum Found {
    Queue(QueueIx),
    Agent(AgentName),
    Team(TeamIx),
    Outside(Time),
}

impl Core {
    pub(super) fn transfer(&mut self, id: ContactId, to: Target, out: &mut Vec<Output>) {
        let Some(slot) = self.known(id, out) else {
            return;
        };
        let Stage::Talking { agent, .. } = self.contacts[slot.at()].stage else {
            return refuse(
                out,
                format!("contact {id} is not talking: nobody can hand it over"),
            );
        };
        if self.contacts[slot.at()].consult.is_some() {
            return refuse(
                out,
                format!("contact {id} has a consult under way: complete it, or cancel it first"),
            );
        }
        if let Some(of) = self.contacts[slot.at()].consult_of() {
            return refuse(
                out,
                format!(
                    "contact {id} is a consult about contact {of}: complete it, and hand that over"
                ),
            );
        }
        let origin = self.agents[agent.at()].name.clone();
        let found = match self.find(slot, &to, &origin) {
            Ok(found) => found,
            Err(why) => return refuse(out, format!("contact {id} stays with {origin}: {why}")),
        };
        let whose = self.whose(slot);
        let Some((agent, segment)) = self.close_talk(slot, SegmentEnd::Answered) else {
            return;
        };
        self.wrap_up(agent, whose, segment, out);
        let now = self.now;
        let contact = &mut self.contacts[slot.at()];
        contact.segment += 1;
        contact.again = true;
        contact.entered = now;
        contact.nature = Nature::Live;
        contact.refusals.clear();
        // Who hands it over is not the one to take it again while another qualifies.
        self.note_refusal(slot, agent, false);
        // They are free for the first in rank once it is in line, not for this one before that.
        self.unpool(agent);
        match found {
            Found::Queue(queue) => self.enter(slot, queue, out),
            Found::Agent(target) => {
                self.wait_for(slot, At::Target(target.into(), origin.into()), out)
            }
            Found::Team(team) => self.wait_for(slot, At::Team(team, Some(origin.into())), out),
            Found::Outside(deadline) => self.ask_outside(slot, origin, to, deadline, out),
        }
        self.settle(agent, out);
    }

    pub(super) fn find(
        &self,
        slot: Slot,
        to: &Target,
        origin: &AgentName,
    ) -> Result<Found, String> {
        match to {
            Target::Queue(queue) => {
                let found = self.live_queue(queue);
                let found = found.ok_or(format!("there is no queue {queue}"))?;
                let (medium, of_queue) = (
                    self.contacts[slot.at()].medium,
                    self.plan.queues[found.at()].medium,
                );
                if medium.is_like(of_queue) {
                    Ok(Found::Queue(found))
                } else {
                    Err(format!(
                        "{queue} is a queue for {of_queue:?}, and this is {medium:?}"
                    ))
                }
            }
            Target::Agent(name) if name == origin => Err(format!("{name} has it already")),
            Target::Agent(name) => {
                let capacity = self.capacity_slot(slot);
                let agent = self.agent_of.get(name);
                if agent.is_some_and(|agent| self.is_free(*agent, capacity)) {
                    Ok(Found::Agent(name.clone()))
                } else {
                    Err(format!("agent {name} is not free"))
                }
            }
            Target::Team(team) => self
                .plan
                .team_of
                .get(team)
                .map(|team| Found::Team(*team))
                .ok_or(format!("there is no team {team}")),
            Target::Department(name) => {
                let department = self.tenant.as_ref().and_then(|it| it.departments.get(name));
                let department = department.ok_or(format!("there is no department {name}"))?;
                let within = department
                    .answer_within
                    .map_or(OUTSIDE_DEADLINE, Span::from);
                Ok(Found::Outside(self.now + within))
            }
            Target::Number(_) => Ok(Found::Outside(self.now + OUTSIDE_DEADLINE)),
        }
    }

    /// Waits in its queue, outside the route, for as long as an agent is asked there.
    pub(super) fn wait_for(&mut self, slot: Slot, at: At, out: &mut Vec<Output>) {
        let queue = self.queue_of(slot);
        let (id, ring) = (queue.id.clone(), queue.ring);
        out.push(Output::Waiting {
            contact: self.contacts[slot.at()].id,
            queue: id,
        });
        self.begin(slot, at, Some(ring), out);
    }

    /// The target did not take it: who handed it over is asked, then the queue.
    pub(super) fn return_to(&mut self, slot: Slot, origin: Box<AgentName>, out: &mut Vec<Output>) {
        if self.contacts[slot.at()].consult_of().is_some() {
            return self.consult_failed(slot, out);
        }
        let now = self.now;
        let contact = &mut self.contacts[slot.at()];
        if matches!(contact.stage, Stage::Outside { .. }) {
            contact.entered = now;
        }
        contact.stage = Stage::Waiting;
        self.wait_for(slot, At::Named(origin), out);
    }

    pub(super) fn handed_over(&mut self, id: ContactId, taken: bool, out: &mut Vec<Output>) {
        let Some(slot) = self.known(id, out) else {
            return;
        };
        match self.contacts[slot.at()].stage.clone() {
            Stage::Outside { to, .. }
                if taken && self.contacts[slot.at()].consult_of().is_some() =>
            {
                self.contacts[slot.at()].stage = Stage::Away {
                    to,
                    since: self.now,
                };
            }
            Stage::Outside { .. } if taken => {
                out.push(Output::Ended {
                    contact: id,
                    outcome: Outcome::Transferred,
                    prompt: None,
                });
                self.forget(slot);
            }
            Stage::Outside { origin, .. } => self.return_to(slot, origin, out),
            _ => refuse(
                out,
                format!("contact {id} is not being handed to anybody outside"),
            ),
        }
    }
}
