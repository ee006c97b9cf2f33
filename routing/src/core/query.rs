//! What can be asked of the core without changing it.

use trunkline_tenant::crds::{AgentName, ClientName, Medium, TeamName};
use trunkline_tenant::{QueueId, Tenant};

use super::Core;
use super::contact::{At, Contact, Stage};
use crate::ix::AgentIx;
use crate::timers::{Owner, Phase};
use crate::{AgentState, ContactId, OfferId, Segment, SegmentEnd, Target, Time};

/// Where a contact stands.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ContactView {
    /// Which.
    pub id: ContactId,
    /// Where it is, or was last.
    pub queue: QueueId,
    /// Whose it is; `None`: the centre's.
    pub client: Option<ClientName>,
    /// What it came in by.
    pub medium: Medium,
    /// Who it is from.
    pub customer: Option<String>,
    /// When it first arrived.
    pub arrived: Time,
    /// What its rank counts from: its arrival, or that of a callback whose place it took.
    pub place: Time,
    /// When it entered this queue.
    pub entered: Time,
    /// The number to call, of a callback.
    pub calls: Option<String>,
    /// The contact that this is a consult about.
    pub consult_of: Option<ContactId>,
    /// The consult about this contact.
    pub consult: Option<ContactId>,
    /// Its own priority, beside its queue's.
    pub priority: i32,
    /// The step of its route; `None` while one agent or team is tried by name.
    pub step: Option<usize>,
    /// What it is at.
    pub stage: StageView,
}

/// What a contact is at.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(
    tag = "stage",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
pub enum StageView {
    /// Waits.
    Waiting,
    /// An agent is asked.
    Offered {
        /// Which offer.
        offer: OfferId,
        /// Whom.
        agent: AgentName,
        /// When it lapses.
        deadline: Time,
    },
    /// Accepted; the legs are being joined.
    Connecting {
        /// Which offer.
        offer: OfferId,
        /// By whom.
        agent: AgentName,
        /// When it goes back in line.
        deadline: Time,
    },
    /// Talks.
    Talking {
        /// With whom.
        agent: AgentName,
        /// Since when.
        since: Time,
        /// Whether the customer is on hold.
        on_hold: bool,
    },
    /// Is being handed to a place outside.
    Outside {
        /// Where to.
        to: Target,
        /// When it goes back.
        deadline: Time,
    },
    /// The party outside that a consult reached talks with who asked.
    Away {
        /// Where.
        to: Target,
        /// Since when.
        since: Time,
    },
    /// A callback whose time has not come.
    Later {
        /// When it comes.
        until: Time,
    },
}

impl StageView {
    /// Waits, or is asked for: not yet answered, and in line or on its way to an agent.
    pub fn waits(&self) -> bool {
        matches!(
            self,
            Self::Waiting | Self::Offered { .. } | Self::Connecting { .. }
        )
    }
}

/// Where an agent stands.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AgentView {
    /// Who.
    pub name: AgentName,
    /// Their team.
    pub team: Option<TeamName>,
    /// What they are at.
    pub state: AgentState,
    /// The end of the last wrap-up, or the sign-in.
    pub idle_since: Time,
    /// The contacts in hand.
    pub contacts: Vec<ContactId>,
    /// What they are asked.
    pub offer: Option<OfferId>,
    /// Capacity in use, over all media, and what there is.
    pub used: u32,
    /// As the team declares it.
    pub capacity: u32,
}

/// Whose turn is next at the instant of the next deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NextKey<'a> {
    /// Nobody's: the day changes.
    Day,
    /// An agent's.
    Agent(&'a AgentName),
    /// A contact's.
    Contact(ContactId),
}

impl Core {
    /// The tenant that is in force.
    pub fn tenant(&self) -> Option<&std::sync::Arc<Tenant>> {
        self.tenant.as_ref()
    }

    /// The time of the latest input.
    pub fn now(&self) -> Time {
        self.now
    }

    /// The next thing due: when, in which phase of its instant, and whose.
    pub fn next_due(&self) -> Option<(Time, Phase, NextKey<'_>)> {
        let next = self.timers.peek()?;
        let key = match next.owner {
            Owner::Day => NextKey::Day,
            Owner::WrapUp(agent) => NextKey::Agent(&self.agents[agent.at()].name),
            Owner::Guard(agent) => NextKey::Agent(&self.agents[agent.at()].name),
            Owner::Asked(slot) | Owner::Step(slot) | Owner::Again(slot) | Owner::Due(slot) => {
                NextKey::Contact(self.contacts[slot.at()].id)
            }
        };
        Some((next.at, next.phase, key))
    }

    /// A contact that is here; `None` once it has ended.
    pub fn contact(&self, id: ContactId) -> Option<ContactView> {
        Some(self.view(&self.contacts[self.slot(id)?.at()]))
    }

    /// The offer of a contact that an agent may accept now.
    pub fn contact_offer(&self, id: ContactId) -> Option<OfferId> {
        let contact = &self.contacts[self.slot(id)?.at()];
        matches!(contact.stage, Stage::Offered { .. }).then(|| contact.offer())
    }

    /// Who talks with a contact, or is being joined with it.
    pub fn in_hands_of(&self, id: ContactId) -> Option<&AgentName> {
        match self.contacts[self.slot(id)?.at()].stage {
            Stage::Connecting { agent, .. } | Stage::Talking { agent, .. } => {
                Some(&self.agents[agent.at()].name)
            }
            _ => None,
        }
    }

    /// How many contacts are here.
    pub fn contact_count(&self) -> usize {
        self.contacts.len() - self.vacant_contacts.len()
    }

    /// Every contact that is here, by id.
    pub fn contacts(&self) -> Vec<ContactView> {
        let live = self.slots.values().map(|slot| &self.contacts[slot.at()]);
        let mut views: Vec<ContactView> = live.map(|contact| self.view(contact)).collect();
        views.sort_unstable_by_key(|view| view.id);
        views
    }

    /// Who waits in a queue, or is being offered there, first in rank first.
    pub fn waiting(&self, queue: &QueueId) -> Vec<ContactView> {
        let Some(&queue) = self.plan.queue_of.get(queue) else {
            return Vec::new();
        };
        let live = self.slots.values().map(|slot| &self.contacts[slot.at()]);
        let mut here: Vec<&Contact> = live
            .filter(|contact| contact.queue == queue)
            .filter(|contact| contact.waits())
            .collect();
        here.sort_unstable_by_key(|contact| contact.rank());
        here.into_iter().map(|contact| self.view(contact)).collect()
    }

    /// How many of its queue are before this waiting contact, itself counted: 1 is next.
    pub fn position(&self, id: ContactId) -> Option<usize> {
        let contact = &self.contacts[self.slot(id)?.at()];
        contact.waits().then(|| {
            let rank = contact.rank();
            let live = self.slots.values().map(|slot| &self.contacts[slot.at()]);
            live.filter(|other| {
                other.queue == contact.queue && other.waits() && other.rank() <= rank
            })
            .count()
        })
    }

    /// The rows that are not over yet, up to now: who waits, talks, and is wrapped up. Together
    /// with those recorded they make the present figures.
    pub fn open_rows(&self) -> Vec<Segment> {
        let live = self.contacts().into_iter();
        let mut rows: Vec<Segment> = live.filter_map(|view| self.open_row(view.id)).collect();
        let wraps = self.agents.iter().flat_map(|agent| &agent.wraps);
        rows.extend(wraps.map(|wrap| (*wrap.talked.segment).clone()));
        rows.sort_unstable_by_key(|row| (row.contact, row.index));
        rows
    }

    /// The stretch of a contact that is not over yet, up to now; none while it is being handed
    /// to a place outside.
    pub fn open_row(&self, id: ContactId) -> Option<Segment> {
        let slot = self.slot(id)?;
        let contact = &self.contacts[slot.at()];
        // One that is booked for later has not come yet.
        if contact
            .callback()
            .is_some_and(|it| !it.begun && !it.counted)
        {
            return None;
        }
        let mut row = self.segment(slot, SegmentEnd::Open);
        match contact.stage {
            Stage::Outside { .. } => return None,
            Stage::Away { since, .. } => row.answered = Some(since),
            Stage::Talking {
                agent, since, held, ..
            } => {
                row = self.segment_of(slot, SegmentEnd::Open, agent);
                row.answered = Some(since);
                row.hold = held;
            }
            Stage::Waiting
            | Stage::Offered { .. }
            | Stage::Connecting { .. }
            | Stage::Later { .. } => {}
        }
        Some(*row)
    }

    /// An agent's rota, as it was last given; `None`: no such agent.
    pub fn rota_of(&self, name: &AgentName) -> Option<&[crate::RotaShift]> {
        let agent = *self.agent_of.get(name)?;
        Some(&self.agents[agent.at()].rota)
    }

    /// An agent who is listed or signed in.
    pub fn agent(&self, name: &AgentName) -> Option<AgentView> {
        Some(self.agent_view(*self.agent_of.get(name)?))
    }

    /// The team of an agent who is listed or signed in.
    pub fn team_of(&self, name: &AgentName) -> Option<&TeamName> {
        let agent = *self.agent_of.get(name)?;
        let team = self.agents[agent.at()].team?;
        Some(&self.plan.teams[team.at()].name)
    }

    /// For how many contacts at once an agent has room, all media together.
    pub fn capacity_of(&self, name: &AgentName) -> u32 {
        self.agent_of
            .get(name)
            .map_or(0, |agent| self.room_of(*agent))
    }

    fn room_of(&self, agent: AgentIx) -> u32 {
        let team = self.agents[agent.at()].team;
        team.map_or(0, |team| self.plan.teams[team.at()].capacity.iter().sum())
    }

    /// All agents who are listed or signed in, by name.
    pub fn agents(&self) -> Vec<AgentView> {
        self.agent_of
            .values()
            .map(|agent| self.agent_view(*agent))
            .collect()
    }

    fn agent_view(&self, agent: AgentIx) -> AgentView {
        let capacity = self.room_of(agent);
        let agent = &self.agents[agent.at()];
        AgentView {
            name: agent.name.clone(),
            team: agent
                .team
                .map(|team| self.plan.teams[team.at()].name.clone()),
            state: agent.state(agent.team.map(|team| &self.plan.teams[team.at()])),
            idle_since: agent.idle_since,
            contacts: agent
                .hands
                .iter()
                .map(|slot| self.contacts[slot.at()].id)
                .collect(),
            offer: agent.offer.map(|slot| self.contacts[slot.at()].offer()),
            used: agent.used.iter().sum(),
            capacity,
        }
    }

    fn view(&self, contact: &Contact) -> ContactView {
        let queue = &self.plan.queues[contact.queue.at()];
        let name = |agent: AgentIx| self.agents[agent.at()].name.clone();
        ContactView {
            id: contact.id,
            queue: queue.id.clone(),
            client: self.plan.clients[contact.client.at()].clone(),
            medium: contact.medium,
            customer: contact.customer.clone(),
            arrived: contact.arrived,
            place: contact.place,
            entered: contact.entered,
            calls: contact.callback().map(|callback| callback.number.clone()),
            consult_of: contact.consult_of(),
            consult: contact.consult,
            priority: contact.priority,
            step: match contact.at {
                At::Route(step) => Some(step),
                At::Held => Some(queue.steps.len() - 1),
                At::Widened => Some(queue.steps.len()),
                At::Named(_) | At::Team(..) | At::Target(..) => None,
            },
            stage: match &contact.stage {
                Stage::Waiting => StageView::Waiting,
                Stage::Offered { agent, deadline } => StageView::Offered {
                    offer: contact.offer(),
                    agent: name(*agent),
                    deadline: *deadline,
                },
                Stage::Connecting { agent, deadline } => StageView::Connecting {
                    offer: contact.offer(),
                    agent: name(*agent),
                    deadline: *deadline,
                },
                Stage::Talking {
                    agent,
                    since,
                    hold_since,
                    ..
                } => StageView::Talking {
                    agent: name(*agent),
                    since: *since,
                    on_hold: hold_since.is_some(),
                },
                Stage::Outside { to, deadline, .. } => StageView::Outside {
                    to: to.as_ref().clone(),
                    deadline: *deadline,
                },
                Stage::Away { to, since } => StageView::Away {
                    to: to.as_ref().clone(),
                    since: *since,
                },
                Stage::Later { until } => StageView::Later { until: *until },
            },
        }
    }
}
