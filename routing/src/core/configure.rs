//! Rule 16: a new tenant, with nothing lost. A start, a change and a new day take one path.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use trunkline_tenant::crds::{ClientName, TeamName};
use trunkline_tenant::{Queue, QueueId, Tenant};

use super::Core;
use super::agent::Agent;
use super::contact::{At, Stage};
use super::running::Running;
use super::shares::Shares;
use crate::ix::{AgentIx, ClientIx, QueueIx, Slot, TeamIx};
use crate::plan::Plan;
use crate::pool::{Pool, Rank};
use crate::timers::{Owner, Phase};
use crate::{CancelReason, Output, hours};

/// What must be put back in place by name once the numbers have changed.
struct Names {
    teams: Vec<TeamName>,
    clients: Vec<Option<ClientName>>,
    queues: Vec<QueueId>,
}

impl Core {
    pub(super) fn configure(&mut self, tenant: Arc<Tenant>, out: &mut Vec<Output>) {
        let before: BTreeSet<QueueId> = self.live_queues().cloned().collect();
        self.rebuild(tenant, out);
        let gone: BTreeSet<QueueId> = before
            .into_iter()
            .filter(|id| self.live_queue(id).is_none())
            .collect();
        self.heed_new_hours(out);
        for rank in self.waiting_ranks() {
            let Some(slot) = self.slot(rank.1) else {
                continue;
            };
            if self.contacts[slot.at()].stage != Stage::Waiting {
                continue;
            }
            if gone.contains(&self.queue_of(slot).id) {
                self.dequeue(slot);
                self.exhausted(slot, out);
            } else if self.contacts[slot.at()].at.is_nobody() {
                self.step_over(slot, out);
            }
        }
        self.rematch(out);
    }

    fn live_queues(&self) -> impl Iterator<Item = &QueueId> {
        self.plan
            .queues
            .iter()
            .filter(|queue| queue.live)
            .map(|queue| &queue.id)
    }

    /// A new day: training, employment and shifts are judged anew.
    pub(super) fn new_day(&mut self, out: &mut Vec<Output>) {
        if let Some(tenant) = self.tenant.clone() {
            self.forget_today();
            self.rebuild(tenant, out);
            self.rematch(out);
        }
    }

    /// Everything that follows from the tenant and the day, made anew around what lives.
    pub(super) fn rebuild(&mut self, tenant: Arc<Tenant>, out: &mut Vec<Output>) {
        self.day = self
            .options
            .dates
            .then(|| hours::day(self.now, tenant.time_zone));
        let names = Names {
            teams: self
                .plan
                .teams
                .iter()
                .map(|team| team.name.clone())
                .collect(),
            clients: self.plan.clients.clone(),
            queues: self
                .plan
                .queues
                .iter()
                .map(|queue| queue.id.clone())
                .collect(),
        };
        let virtual_times: Vec<(TeamIx, ClientIx, i128)> = self.shares.virtual_times().collect();
        // A removed queue that holds nothing any more is forgotten, as by a restart.
        let held = self.slots.values();
        let held: BTreeSet<QueueIx> = held.map(|slot| self.contacts[slot.at()].queue).collect();
        let running = std::mem::take(&mut self.running);
        let mut past: BTreeMap<QueueId, Running> = self
            .plan
            .queues
            .iter()
            .zip(running)
            .enumerate()
            .filter(|(at, (queue, _))| queue.live || held.contains(&QueueIx::new(*at)))
            .map(|(_, (queue, running))| (queue.id.clone(), running))
            .collect();
        let plan = Plan::new(&tenant, &self.ghosts(&tenant), &self.clients(), self.day);
        self.plan = plan;
        let queues = self.plan.queues.iter();
        self.running = queues
            .map(|queue| past.remove(&queue.id).unwrap_or_default())
            .collect();
        self.tenant = Some(tenant);
        self.place_contacts(&names);
        let leavers = self.place_agents(&names, out);
        self.shares = Shares::new(&self.plan);
        for (team, client, time) in virtual_times {
            let team = self.plan.team_of.get(&names.teams[team.at()]).copied();
            let client = self.plan.find_client(names.clients[client.at()].as_ref());
            if let Some((team, client)) = team.zip(client) {
                self.shares.set_virtual_time(team, client, time);
            }
        }
        // Another team may be one for which they have no telephone.
        self.reindex_and_tell(out);
        for agent in leavers {
            self.agents[agent.at()].leaving = true;
            self.left_pool(agent, CancelReason::Reconfigured, out);
            self.settle(agent, out);
        }
    }

    /// Queues that are no longer in the tenant but hold contacts.
    fn ghosts(&self, tenant: &Tenant) -> BTreeMap<QueueId, Arc<Queue>> {
        let live = self.slots.values();
        let held: BTreeSet<QueueIx> = live.map(|slot| self.contacts[slot.at()].queue).collect();
        held.into_iter()
            .map(|queue| &self.plan.queues[queue.at()])
            .filter(|queue| !tenant.queues.contains_key(&queue.id))
            .map(|queue| (queue.id.clone(), Arc::clone(&queue.definition)))
            .collect()
    }

    /// Clients whose contacts are here or being wrapped up, in the tenant or not.
    fn clients(&self) -> BTreeSet<ClientName> {
        let live = self.slots.values();
        let contacts = live.map(|slot| self.contacts[slot.at()].client);
        let wraps = self.agents.iter().flat_map(|agent| &agent.wraps);
        let all = contacts.chain(wraps.map(|wrap| wrap.talked.client));
        all.filter_map(|client| self.plan.clients[client.at()].clone())
            .collect()
    }

    fn place_contacts(&mut self, names: &Names) {
        for slot in self.slots.values() {
            let contact = &mut self.contacts[slot.at()];
            // Its queue is in the tenant or among the ghosts, so it is in the plan.
            if let Some(&queue) = self.plan.queue_of.get(&names.queues[contact.queue.at()]) {
                contact.queue = queue;
            }
            contact.client = self
                .plan
                .client(names.clients[contact.client.at()].as_ref());
            let steps = &self.plan.queues[contact.queue.at()].steps;
            match &mut contact.at {
                At::Route(step) => {
                    *step = (*step).min(steps.len() - 1);
                    let lasts = steps[*step].duration;
                    contact.step_due = lasts.map(|lasts| contact.step_entered + lasts);
                }
                At::Team(team, origin) => match self.plan.team_of.get(&names.teams[team.at()]) {
                    Some(&now) => *team = now,
                    None => {
                        let origin = origin.take();
                        let is_consult = contact.consult_of().is_some();
                        contact.at = match origin {
                            // Whom it asks is gone, and who asks is not the one to answer.
                            Some(asker) if is_consult => At::Target(asker.clone(), asker),
                            origin => origin.map_or(At::Route(0), At::Named),
                        };
                    }
                },
                At::Named(_) | At::Target(..) | At::Held | At::Widened => {}
            }
            if !contact.waits() && !matches!(contact.stage, Stage::Later { .. }) {
                contact.step_due = None;
            }
        }
    }

    /// Gives agents their team and profile anew; those who must leave are returned.
    fn place_agents(&mut self, names: &Names, out: &mut Vec<Output>) -> Vec<AgentIx> {
        let Some(tenant) = self.tenant.clone() else {
            return Vec::new();
        };
        self.forget_old_rotas();
        for name in tenant.agents.keys() {
            if !self.agent_of.contains_key(name) {
                self.seat(Agent::new(name.clone()));
            }
        }
        let mut leavers = Vec::new();
        let mut strangers = Vec::new();
        for (name, &ix) in &self.agent_of {
            let agent = &mut self.agents[ix.at()];
            for wrap in &mut agent.wraps {
                wrap.talked.place(&self.plan);
            }
            let listed = tenant.agents.get(name);
            let was_listed = std::mem::replace(&mut agent.listed, listed.is_some());
            let removed = was_listed && listed.is_none();
            if let Some(listed) = listed {
                agent.profile = self.plan.profile_for(listed, self.day);
                agent.team = listed
                    .team
                    .as_ref()
                    .and_then(|t| self.plan.team_of.get(t))
                    .copied();
            } else {
                let team = agent.team.filter(|_| !removed);
                let team = team.and_then(|t| self.plan.team_of.get(&names.teams[t.at()]));
                agent.team = team.copied();
                agent.profile = agent.team.map(|team| self.plan.teams[team.at()].base);
            }
            let employed = listed.zip(self.day).is_none_or(|(listed, today)| {
                listed.employed_from.is_none_or(|from| from <= today)
                    && listed.employed_to.is_none_or(|to| today <= to)
            });
            if agent.signed_in && (removed || agent.team.is_none() || !employed) {
                leavers.push(ix);
            } else if !agent.signed_in && listed.is_none() {
                strangers.push(ix);
            }
        }
        self.tell_rotas(out);
        for ix in strangers {
            self.remove_agent(ix);
        }
        leavers
    }

    /// Order numbers, sets and deadlines from what agents and contacts are at, where that has not changed.
    pub(super) fn reindex(&mut self) {
        self.reindex_and_tell(&mut Vec::new());
    }

    /// The same, where what agents are at may have changed by it.
    fn reindex_and_tell(&mut self, out: &mut Vec<Output>) {
        for (at, ix) in self.agent_of.values().enumerate() {
            let agent = &mut self.agents[ix.at()];
            agent.order = (at as u64 + 1) << 32;
            agent.pooled = Default::default();
        }
        self.pool = Pool::new(&self.plan);
        self.named.clear();
        self.refused.clear();
        self.callbacks.clear();
        self.timers.clear();
        self.shares.forget_present();
        self.arm_day();
        // Who waits waited before: nobody wakes by this.
        let virtual_times: Vec<_> = self.shares.virtual_times().collect();
        let agents: Vec<AgentIx> = self.agent_of.values().copied().collect();
        for running in &mut self.running {
            running.in_line = 0;
        }
        self.guarded.clear();
        for ix in agents {
            self.guard(ix);
            self.reindex_agent(ix);
            self.refresh(ix, out);
        }
        for rank in self.all_ranks() {
            let Some(slot) = self.slot(rank.1) else {
                continue;
            };
            if let Some(deadline) = self.contacts[slot.at()].asked_until() {
                self.arm_asked(slot, deadline);
            }
            if self.contacts[slot.at()].stage == Stage::Waiting {
                self.contacts[slot.at()].line = None;
                self.contacts[slot.at()].in_line = false;
                self.enqueue(slot);
                self.arm_step(slot);
                self.arm_retry(slot);
            }
            self.index_callback(slot);
            self.arm_callback(slot);
        }
        self.shares.set_virtual_times(virtual_times);
    }

    fn reindex_agent(&mut self, ix: AgentIx) {
        let agent = &self.agents[ix.at()];
        let held: Vec<Slot> = agent.hands.iter().copied().chain(agent.offer).collect();
        let wraps: Vec<ClientIx> = agent.wraps.iter().map(|wrap| wrap.talked.client).collect();
        let held = held.iter().map(|slot| self.contacts[slot.at()].client);
        if let Some(team) = agent.team {
            for client in held.chain(wraps) {
                self.shares.takes(team, ix, client);
            }
        }
        if let Some(until) = self.agents[ix.at()].wrap_until() {
            self.arm_agent(ix, until, Phase::Ends, Owner::WrapUp(ix));
        }
    }

    fn arm_day(&mut self) {
        let zone = self.tenant.as_ref().map(|tenant| tenant.time_zone);
        let next = self.day.and_then(|day| day.succ_opt());
        if let (Some(zone), Some(next)) = (zone, next)
            && let Some(at) = hours::moment(next, 0, zone)
        {
            self.arm(at, Phase::Ends, 0, Owner::Day);
        }
    }

    pub(super) fn all_ranks(&self) -> Vec<Rank> {
        let live = self.slots.values();
        let mut ranks: Vec<Rank> = live.map(|slot| self.contacts[slot.at()].rank()).collect();
        ranks.sort_unstable();
        ranks
    }

    pub(super) fn waiting_ranks(&self) -> Vec<Rank> {
        let live = self.slots.values().map(|slot| &self.contacts[slot.at()]);
        let waiting = live.filter(|contact| contact.stage == Stage::Waiting);
        let mut ranks: Vec<Rank> = waiting.map(|contact| contact.rank()).collect();
        ranks.sort_unstable();
        ranks
    }

    fn rematch(&mut self, out: &mut Vec<Output>) {
        for rank in self.waiting_ranks() {
            if let Some(slot) = self.slot(rank.1) {
                self.match_contact(slot, out);
            }
        }
    }
}
