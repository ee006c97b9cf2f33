//! The state as data, by names: what a successor starts from, and what replay is compared by.
//! What can be worked out from it is left out.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use trunkline_tenant::crds::{AgentName, ClientName, Medium, TeamName};
use trunkline_tenant::{Queue, QueueId, Tenant};

use super::agent::{Agent, Talked, WrapUp};
use super::contact::{At, Callback, Contact, Nature, Refusal, Stage};
use super::running::Running;
use super::{Core, Options};
use crate::bug::Bug;
use crate::hours;
use crate::input::{is_true, yes};
use crate::ix::{AgentIx, TeamIx};
use crate::plan::{MEDIA, Plan, slot_of};
use crate::{AgentState, ContactId, RotaShift, RowPlace, Segment, Span, Target, Time};

/// The whole state of a [`Core`]. Its serialised form is the same, byte for byte, for the same
/// inputs; customers are in it as the driver named them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Snapshot {
    options: Options,
    now: Time,
    tenant: Option<Arc<Tenant>>,
    /// Removed queues that hold contacts.
    ghosts: BTreeMap<QueueId, Arc<Queue>>,
    agents: Vec<SavedAgent>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    parked_rotas: BTreeMap<AgentName, Vec<RotaShift>>,
    contacts: Vec<SavedContact>,
    /// In µs × scale over weight, as text: they outgrow 64 bits.
    virtual_times: Vec<(TeamName, Option<ClientName>, String)>,
    turns: BTreeMap<QueueId, AgentName>,
    /// Of queues that have a past.
    running: BTreeMap<QueueId, Running>,
    last_agents: Vec<(Option<ClientName>, String, AgentName, Time)>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct SavedAgent {
    name: AgentName,
    team: Option<TeamName>,
    signed_in: bool,
    leaving: bool,
    ready: bool,
    alive: bool,
    reachable: bool,
    reason: String,
    idle_since: Time,
    signed_in_at: Time,
    worked: Span,
    working_since: Option<Time>,
    wraps: Vec<SavedWrapUp>,
    /// In the order in which they were taken.
    hands: Vec<ContactId>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    rota: Vec<RotaShift>,
    /// Absent in a snapshot of a release that made no rows of rotas.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rota_told: Option<RowPlace>,
    reported: AgentState,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct SavedWrapUp {
    since: Time,
    until: Time,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    held: Option<Time>,
    extended: bool,
    segment: Box<Segment>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct SavedContact {
    id: ContactId,
    queue: QueueId,
    client: Option<ClientName>,
    medium: Medium,
    customer: Option<String>,
    #[serde(default = "yes", skip_serializing_if = "is_true")]
    callable: bool,
    arrived: Time,
    place: Time,
    entered: Time,
    base_priority: i32,
    priority: i32,
    generation: u32,
    segment: u32,
    again: bool,
    hops: u32,
    at: SavedAt,
    step_entered: Time,
    step_due: Option<Time>,
    refusals: Vec<(AgentName, u32, Time, u32)>,
    stage: SavedStage,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    callback: Option<Box<Callback>>,
    /// The contact that it is a consult about, and whether the customer takes part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    consult_of: Option<(ContactId, bool)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    consult: Option<ContactId>,
    asked_at: Time,
    /// Absent in snapshots of releases that didn't know it.
    #[serde(default)]
    begun: Time,
    #[serde(default, skip_serializing_if = "is_none_lost")]
    unheard: Span,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reckoned: Option<(u32, i64)>,
}

fn is_none_lost(unheard: &Span) -> bool {
    *unheard == Span(0)
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum SavedAt {
    Named(AgentName),
    Team(TeamName, Option<AgentName>),
    Target(AgentName, AgentName),
    Route(usize),
    Held,
    Widened,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum SavedStage {
    Waiting,
    Offered(AgentName, Time),
    Connecting(AgentName, Time),
    Talking(AgentName, Time, Option<Time>, Span),
    Outside(AgentName, Target, Time),
    Away(Target, Time),
    Later(Time),
}

/// A snapshot that doesn't hang together: written by other code, or damaged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the snapshot names the {kind} `{name}`, which is not in it: it is damaged or of another version"
)]
pub struct BadSnapshot {
    kind: &'static str,
    name: String,
}

fn missing(kind: &'static str, name: impl ToString) -> BadSnapshot {
    BadSnapshot {
        kind,
        name: name.to_string(),
    }
}

impl Core {
    /// The state as data.
    pub fn snapshot(&self) -> Snapshot {
        let ghosts = self.plan.queues.iter().filter(|queue| !queue.live);
        // A removed queue that holds nothing any more is no part of the state.
        let ghosts = ghosts.filter(|queue| {
            let at = self.plan.queue_of[&queue.id];
            self.slots
                .values()
                .any(|slot| self.contacts[slot.at()].queue == at)
        });
        let ghosts = ghosts.map(|queue| (queue.id.clone(), Arc::clone(&queue.definition)));
        let mut contacts: Vec<SavedContact> = self
            .slots
            .values()
            .map(|slot| self.save_contact(&self.contacts[slot.at()]))
            .collect();
        contacts.sort_unstable_by_key(|contact| contact.id);
        let team = |ix: TeamIx| self.plan.teams[ix.at()].name.clone();
        Snapshot {
            options: self.options,
            now: self.now,
            tenant: self.tenant.clone(),
            ghosts: ghosts.collect(),
            agents: self
                .agent_of
                .values()
                .map(|agent| self.save_agent(&self.agents[agent.at()]))
                .collect(),
            contacts,
            virtual_times: self
                .shares
                .virtual_times()
                .filter(|(_, _, time)| *time != 0)
                .map(|(ix, client, time)| {
                    (
                        team(ix),
                        self.plan.clients[client.at()].clone(),
                        time.to_string(),
                    )
                })
                .collect(),
            turns: self.turns.clone(),
            running: self.save_running(),
            parked_rotas: self.parked_rotas.clone(),
            last_agents: self
                .last_agents
                .iter()
                .map(|((client, customer), (agent, at))| {
                    (client.clone(), customer.clone(), agent.clone(), *at)
                })
                .collect(),
        }
    }

    fn save_running(&self) -> BTreeMap<QueueId, Running> {
        let queues = self.plan.queues.iter().zip(&self.running);
        let past = queues.filter_map(|(queue, running)| {
            let running = running.past();
            // A removed queue that holds nothing any more is no part of the state.
            let held = || {
                let at = self.plan.queue_of[&queue.id];
                let mut live = self.slots.values();
                live.any(|slot| self.contacts[slot.at()].queue == at)
            };
            let kept = !running.is_empty() && (queue.live || held());
            kept.then(|| (queue.id.clone(), running))
        });
        past.collect()
    }

    fn save_agent(&self, agent: &Agent) -> SavedAgent {
        SavedAgent {
            name: agent.name.clone(),
            team: agent
                .team
                .map(|team| self.plan.teams[team.at()].name.clone()),
            signed_in: agent.signed_in,
            leaving: agent.leaving,
            ready: agent.ready && !self.has(Bug::PausedAfterRestart),
            alive: agent.alive,
            reachable: agent.reachable,
            reason: agent.reason.clone(),
            idle_since: agent.idle_since,
            signed_in_at: agent.signed_in_at,
            worked: agent.worked,
            working_since: agent.working_since,
            wraps: agent
                .wraps
                .iter()
                .map(|wrap| SavedWrapUp {
                    since: wrap.since,
                    until: wrap.until,
                    held: wrap.held,
                    extended: wrap.extended,
                    segment: wrap.talked.segment.clone(),
                })
                .collect(),
            hands: agent
                .hands
                .iter()
                .map(|slot| self.contacts[slot.at()].id)
                .collect(),
            rota: agent.rota.clone(),
            rota_told: agent.rota_told.clone(),
            reported: agent.reported.clone(),
        }
    }

    fn save_contact(&self, contact: &Contact) -> SavedContact {
        let name = |agent: AgentIx| self.agents[agent.at()].name.clone();
        SavedContact {
            id: contact.id,
            queue: self.plan.queues[contact.queue.at()].id.clone(),
            client: self.plan.clients[contact.client.at()].clone(),
            medium: contact.medium,
            customer: contact.customer.clone(),
            callable: contact.callable,
            arrived: contact.arrived,
            place: contact.place,
            entered: contact.entered,
            base_priority: contact.base_priority,
            priority: contact.priority,
            generation: contact.generation,
            segment: contact.segment,
            again: contact.again,
            hops: contact.hops,
            at: match &contact.at {
                At::Named(agent) => SavedAt::Named(agent.as_ref().clone()),
                At::Team(team, origin) => {
                    let origin = origin.as_deref().cloned();
                    SavedAt::Team(self.plan.teams[team.at()].name.clone(), origin)
                }
                At::Target(agent, origin) => {
                    SavedAt::Target(agent.as_ref().clone(), origin.as_ref().clone())
                }
                At::Route(step) => SavedAt::Route(*step),
                At::Held => SavedAt::Held,
                At::Widened => SavedAt::Widened,
            },
            step_entered: contact.step_entered,
            step_due: contact.step_due,
            refusals: contact
                .refusals
                .iter()
                .map(|it| (name(it.agent), it.times, it.until, it.generation))
                .collect(),
            stage: match &contact.stage {
                Stage::Waiting => SavedStage::Waiting,
                Stage::Offered { agent, deadline } => SavedStage::Offered(name(*agent), *deadline),
                Stage::Connecting { agent, deadline } => {
                    SavedStage::Connecting(name(*agent), *deadline)
                }
                Stage::Talking {
                    agent,
                    since,
                    hold_since,
                    held,
                } => SavedStage::Talking(name(*agent), *since, *hold_since, *held),
                Stage::Outside {
                    origin,
                    to,
                    deadline,
                } => SavedStage::Outside(origin.as_ref().clone(), to.as_ref().clone(), *deadline),
                Stage::Away { to, since } => SavedStage::Away(to.as_ref().clone(), *since),
                Stage::Later { until } => SavedStage::Later(*until),
            },
            callback: match &contact.nature {
                Nature::Callback(callback) => Some(callback.clone()),
                Nature::Live | Nature::Consult { .. } => None,
            },
            consult_of: match contact.nature {
                Nature::Consult { of, conference } => Some((of, conference)),
                Nature::Live | Nature::Callback(_) => None,
            },
            consult: contact.consult,
            asked_at: contact.asked_at,
            begun: contact.begun,
            unheard: contact.unheard,
            reckoned: contact.reckoned,
        }
    }

    /// The core that a snapshot was taken of.
    pub fn restore(snapshot: Snapshot) -> Result<Self, BadSnapshot> {
        let mut core = Self::new(snapshot.options);
        core.now = snapshot.now;
        let Some(tenant) = snapshot.tenant else {
            return Ok(core);
        };
        core.day = core
            .options
            .dates
            .then(|| hours::day(core.now, tenant.time_zone));
        let wraps = snapshot.agents.iter().flat_map(|agent| &agent.wraps);
        let clients = wraps.filter_map(|wrap| wrap.segment.client.clone());
        let times = snapshot.virtual_times.iter();
        let clients = clients.chain(times.filter_map(|(_, client, _)| client.clone()));
        let contacts = snapshot.contacts.iter();
        let clients = clients.chain(contacts.filter_map(|contact| contact.client.clone()));
        core.plan = Plan::new(&tenant, &snapshot.ghosts, &clients.collect(), core.day);
        core.shares = super::Shares::new(&core.plan);
        core.turns = snapshot.turns;
        let mut past = snapshot.running;
        let queues = core.plan.queues.iter();
        core.running = queues
            .map(|queue| (past.remove(&queue.id).unwrap_or_default()).restored())
            .collect();
        core.parked_rotas = snapshot.parked_rotas;
        for (client, customer, agent, at) in snapshot.last_agents {
            core.last_agents.insert((client, customer), (agent, at));
        }
        for agent in &snapshot.agents {
            core.load_agent(agent, &tenant)?;
        }
        core.tenant = Some(tenant);
        for contact in snapshot.contacts {
            core.load_contact(contact)?;
        }
        for agent in &snapshot.agents {
            core.load_hands(agent)?;
        }
        for (team, client, time) in snapshot.virtual_times {
            let ix = *core
                .plan
                .team_of
                .get(&team)
                .ok_or_else(|| missing("team", &team))?;
            let client = core.plan.client(client.as_ref());
            let time = time.parse().map_err(|_| missing("virtual time", &time))?;
            core.shares.set_virtual_time(ix, client, time);
        }
        core.reindex();
        core.tidy_timers();
        Ok(core)
    }

    fn load_agent(&mut self, saved: &SavedAgent, tenant: &Tenant) -> Result<(), BadSnapshot> {
        let team = |name: &TeamName| {
            self.plan
                .team_of
                .get(name)
                .copied()
                .ok_or_else(|| missing("team", name))
        };
        let listed = tenant.agents.get(&saved.name);
        let mut agent = Agent::new(saved.name.clone());
        agent.team = saved.team.as_ref().map(team).transpose()?;
        agent.profile = match listed {
            Some(listed) => self.plan.profile_for(listed, self.day),
            None => agent.team.map(|team| self.plan.teams[team.at()].base),
        };
        agent.listed = listed.is_some();
        agent.signed_in = saved.signed_in;
        agent.leaving = saved.leaving;
        agent.ready = saved.ready;
        agent.alive = saved.alive;
        agent.reachable = saved.reachable;
        agent.reason.clone_from(&saved.reason);
        agent.idle_since = saved.idle_since;
        agent.signed_in_at = saved.signed_in_at;
        agent.worked = saved.worked;
        agent.working_since = saved.working_since;
        agent.rota.clone_from(&saved.rota);
        agent.rota_told.clone_from(&saved.rota_told);
        agent.reported.clone_from(&saved.reported);
        agent.wraps = saved
            .wraps
            .iter()
            .map(|wrap| WrapUp {
                since: wrap.since,
                until: wrap.until,
                held: wrap.held,
                extended: wrap.extended,
                talked: Talked::of(wrap.segment.clone(), &self.plan),
            })
            .collect();
        self.agents.push(agent);
        self.agent_of
            .insert(saved.name.clone(), AgentIx::new(self.agents.len() - 1));
        Ok(())
    }

    fn load_contact(&mut self, saved: SavedContact) -> Result<(), BadSnapshot> {
        let agent = |name: &AgentName| {
            self.agent_of
                .get(name)
                .copied()
                .ok_or_else(|| missing("agent", name))
        };
        let queue = self.plan.queue_of.get(&saved.queue).copied();
        let contact = Contact {
            id: saved.id,
            queue: queue.ok_or_else(|| missing("queue", &saved.queue))?,
            client: self.plan.client(saved.client.as_ref()),
            medium: saved.medium,
            customer: saved.customer,
            callable: saved.callable,
            arrived: saved.arrived,
            place: saved.place,
            entered: saved.entered,
            base_priority: saved.base_priority,
            priority: saved.priority,
            generation: saved.generation,
            segment: saved.segment,
            again: saved.again,
            hops: saved.hops,
            at: match saved.at {
                SavedAt::Named(agent) => At::Named(agent.into()),
                SavedAt::Team(team, origin) => {
                    let ix = self.plan.team_of.get(&team).copied();
                    At::Team(
                        ix.ok_or_else(|| missing("team", &team))?,
                        origin.map(Box::new),
                    )
                }
                SavedAt::Target(agent, origin) => At::Target(agent.into(), origin.into()),
                SavedAt::Route(step) => At::Route(step),
                SavedAt::Held => At::Held,
                SavedAt::Widened => At::Widened,
            },
            step_entered: saved.step_entered,
            step_due: saved.step_due,
            refusals: saved
                .refusals
                .iter()
                .map(|(name, times, until, generation)| {
                    let (times, until, generation) = (*times, *until, *generation);
                    Ok(Refusal {
                        agent: agent(name)?,
                        times,
                        until,
                        generation,
                    })
                })
                .collect::<Result<_, BadSnapshot>>()?,
            stage: match saved.stage {
                SavedStage::Waiting => Stage::Waiting,
                SavedStage::Offered(name, deadline) => Stage::Offered {
                    agent: agent(&name)?,
                    deadline,
                },
                SavedStage::Connecting(name, deadline) => Stage::Connecting {
                    agent: agent(&name)?,
                    deadline,
                },
                SavedStage::Talking(name, since, hold_since, held) => Stage::Talking {
                    agent: agent(&name)?,
                    since,
                    hold_since,
                    held,
                },
                SavedStage::Outside(origin, to, deadline) => Stage::Outside {
                    origin: origin.into(),
                    to: to.into(),
                    deadline,
                },
                SavedStage::Away(to, since) => Stage::Away {
                    to: to.into(),
                    since,
                },
                SavedStage::Later(until) => Stage::Later { until },
            },
            nature: match (saved.callback, saved.consult_of) {
                (Some(callback), _) => Nature::Callback(callback),
                (None, Some((of, conference))) => Nature::Consult { of, conference },
                (None, None) => Nature::Live,
            },
            consult: saved.consult,
            asked_at: saved.asked_at,
            begun: saved.begun,
            unheard: saved.unheard,
            reckoned: saved.reckoned,
            line: None,
            in_line: false,
        };
        let (medium, stage) = (contact.medium, contact.stage.clone());
        let slot = self.insert(contact);
        let mut uses = |agent: AgentIx| {
            let used: &mut [u32; MEDIA] = &mut self.agents[agent.at()].used;
            used[slot_of(medium)] += 1;
        };
        match stage {
            Stage::Offered { agent, .. } => {
                uses(agent);
                self.agents[agent.at()].offer = Some(slot);
            }
            Stage::Connecting { agent, .. } | Stage::Talking { agent, .. } => uses(agent),
            Stage::Waiting | Stage::Outside { .. } | Stage::Away { .. } | Stage::Later { .. } => {}
        }
        Ok(())
    }

    fn load_hands(&mut self, saved: &SavedAgent) -> Result<(), BadSnapshot> {
        let hands = saved
            .hands
            .iter()
            .map(|id| self.slot(*id).ok_or_else(|| missing("contact", id)));
        let hands = hands.collect::<Result<_, _>>()?;
        if let Some(agent) = self.agent_of.get(&saved.name) {
            self.agents[agent.at()].hands = hands;
        }
        Ok(())
    }
}
