//! Rule 9: who is there. Sign-in, session, endpoint, readiness.

use trunkline_tenant::crds::{AgentName, TeamName};

use super::agent::Agent;
use super::contact::{At, Stage};
use super::{Core, refuse, tell};
use crate::bug::Bug;
use crate::ix::{AgentIx, Slot};
use crate::plan::{MEDIA, PHONE};
use crate::pool::Rank;
use crate::{AgentState, CancelReason, Output, Time, near};

impl Core {
    pub(super) fn sign_in(
        &mut self,
        name: AgentName,
        ready: bool,
        team: Option<TeamName>,
        out: &mut Vec<Output>,
    ) {
        let agent = match self.agent_of.get(&name) {
            Some(&agent) => agent,
            None => match self.admit(&name, team.as_ref()) {
                Ok(agent) => agent,
                Err(why) => return refuse(out, why),
            },
        };
        if let Err(why) = self.may_work(agent) {
            return refuse(out, why);
        }
        let now = self.now;
        let person = &mut self.agents[agent.at()];
        person.alive = true;
        if person.signed_in {
            person.leaving = false;
        } else {
            person.signed_in = true;
            person.ready = ready;
            person.reason = if ready {
                String::new()
            } else {
                "signed in".to_owned()
            };
            person.idle_since = now;
            person.signed_in_at = now;
            person.worked = crate::Span(0);
        }
        self.refresh(agent, out);
        self.match_agent(agent, out);
    }

    /// A slot for one who is not listed by name.
    fn admit(&mut self, name: &AgentName, team: Option<&TeamName>) -> Result<AgentIx, String> {
        let Some(team_name) = team else {
            return Err(format!(
                "agent {name} is not listed; one who is not says of which team"
            ));
        };
        let Some(&team) = self.plan.team_of.get(team_name) else {
            return Err(format!(
                "agent {name} names the team {team_name}, and there is none"
            ));
        };
        let mut agent = Agent::new(name.clone());
        agent.team = Some(team);
        agent.profile = Some(self.plan.teams[team.at()].base);
        let agent = self.add_agent(agent);
        self.guard(agent);
        Ok(agent)
    }

    /// Puts an agent into the table, and into its place in name order.
    pub(super) fn add_agent(&mut self, mut agent: Agent) -> AgentIx {
        let order = |neighbour: Option<(&AgentName, &AgentIx)>| {
            neighbour.map(|(_, agent)| self.agents[agent.at()].order)
        };
        let name = &agent.name;
        let before = order(self.agent_of.range::<AgentName, _>(..name).next_back()).unwrap_or(0);
        let after = order(self.agent_of.range::<AgentName, _>(name..).next())
            .unwrap_or(before.saturating_add(1 << 33));
        agent.order = before + (after - before) / 2;
        let fits = agent.order > before && agent.order < after;
        let ix = self.seat(agent);
        if !fits {
            self.reindex();
        }
        ix
    }

    /// Gives an agent a slot, and what was planned for them while they had none.
    pub(super) fn seat(&mut self, mut agent: Agent) -> AgentIx {
        let name = agent.name.clone();
        agent.rota = self.parked_rotas.remove(&name).unwrap_or_default();
        let ix = match self.vacant_agents.pop() {
            Some(ix) => {
                self.agents[ix.at()] = agent;
                ix
            }
            None => {
                self.agents.push(agent);
                AgentIx::new(self.agents.len() - 1)
            }
        };
        self.agent_of.insert(name, ix);
        ix
    }

    /// Whether a listed agent may take contacts at all.
    fn may_work(&self, agent: AgentIx) -> Result<(), String> {
        let person = &self.agents[agent.at()];
        if person.team.is_none() {
            return Err(format!(
                "agent {} has no team, so takes no contacts",
                person.name
            ));
        }
        let listed = self
            .tenant
            .as_ref()
            .and_then(|tenant| tenant.agents.get(&person.name));
        if let (Some(today), Some(listed)) = (self.day, listed) {
            if let Some(from) = listed.employed_from.filter(|from| today < *from) {
                return Err(format!("agent {} is employed from {from}", person.name));
            }
            if let Some(to) = listed.employed_to.filter(|to| today > *to) {
                return Err(format!("agent {} was employed until {to}", person.name));
            }
        }
        Ok(())
    }

    /// A signed-in agent, or a refusal that says so.
    pub(super) fn present(&self, name: &AgentName, out: &mut Vec<Output>) -> Option<AgentIx> {
        let agent = self.agent_of.get(name).copied();
        let agent = agent.filter(|agent| self.agents[agent.at()].signed_in);
        if agent.is_none() {
            refuse(out, format!("agent {name} is not signed in"));
        }
        agent
    }

    pub(super) fn sign_out(&mut self, name: &AgentName, out: &mut Vec<Output>) {
        let Some(agent) = self.present(name, out) else {
            return;
        };
        self.agents[agent.at()].leaving = true;
        self.left_pool(agent, CancelReason::AgentGone, out);
        self.settle(agent, out);
    }

    pub(super) fn session(&mut self, name: &AgentName, alive: bool, out: &mut Vec<Output>) {
        let Some(agent) = self.present(name, out) else {
            return;
        };
        self.agents[agent.at()].alive = alive || self.has(Bug::AbsentInPool);
        self.presence_changed(agent, alive, out);
    }

    pub(super) fn endpoint(&mut self, name: &AgentName, reachable: bool, out: &mut Vec<Output>) {
        // Also of one who is not signed in yet: a phone registers when it likes.
        let Some(&agent) = self.agent_of.get(name) else {
            return refuse(out, format!("agent {name} is not known"));
        };
        self.agents[agent.at()].reachable = reachable;
        if self.agents[agent.at()].signed_in {
            self.presence_changed(agent, reachable, out);
        }
    }

    fn presence_changed(&mut self, agent: AgentIx, there: bool, out: &mut Vec<Output>) {
        if there {
            self.refresh(agent, out);
            self.match_agent(agent, out);
        } else {
            self.left_pool(agent, CancelReason::AgentGone, out);
            // Without a telephone, and with no call to answer any more, they may have a chat.
            self.match_agent(agent, out);
        }
    }

    pub(super) fn ready(&mut self, name: &AgentName, out: &mut Vec<Output>) {
        let Some(agent) = self.present(name, out) else {
            return;
        };
        let person = &mut self.agents[agent.at()];
        person.ready = true;
        person.reason.clear();
        self.refresh(agent, out);
        self.match_agent(agent, out);
    }

    pub(super) fn not_ready(&mut self, name: &AgentName, reason: String, out: &mut Vec<Output>) {
        let Some(agent) = self.present(name, out) else {
            return;
        };
        let person = &mut self.agents[agent.at()];
        person.ready = false;
        person.reason = reason;
        if self.has(Bug::NotReadyInPool) {
            return;
        }
        self.refresh(agent, out);
        self.miss(agent, None, out);
    }

    /// An agent takes no contacts any more, or no calls: an offer goes back in line, and so does
    /// what waited for them.
    pub(super) fn left_pool(&mut self, agent: AgentIx, why: CancelReason, out: &mut Vec<Output>) {
        let offered = self.agents[agent.at()].offer;
        let offered = offered.filter(|slot| !self.still_takes(agent, *slot));
        if let Some(slot) = offered {
            self.cancel_offer(slot, agent, why, out);
        }
        self.refresh(agent, out);
        self.miss(agent, offered, out);
    }

    pub(super) fn still_takes(&self, agent: AgentIx, slot: Slot) -> bool {
        self.agents[agent.at()].takes(self.capacity_slot(slot))
    }

    /// What the agent was asked for and did not take comes back in line, and what waited for them
    /// alone, if they take no more, moves on: by rank. What others had refused may be theirs again.
    pub(super) fn miss(&mut self, agent: AgentIx, not_taken: Option<Slot>, out: &mut Vec<Output>) {
        let takes_calls = self.agents[agent.at()].takes(PHONE);
        let name = &self.agents[agent.at()].name;
        let waiting = self.named.get(name).filter(|_| !takes_calls);
        let not_taken = not_taken.map(|slot| self.contacts[slot.at()].rank());
        let mut ranks: Vec<Rank> = waiting.into_iter().flatten().copied().collect();
        ranks.extend(not_taken);
        ranks.sort_unstable();
        for rank in ranks {
            let Some(slot) = self.slot(rank.1) else {
                continue;
            };
            if Some(rank) == not_taken {
                self.requeue(slot, out);
            } else if !self.still_takes(agent, slot) {
                self.step_over(slot, out);
            }
        }
        if !takes_calls {
            self.match_refused(agent, out);
        }
    }

    /// Takes back an offer or an acceptance; the contact is neither in line nor offered after it.
    pub(super) fn cancel_offer(
        &mut self,
        slot: Slot,
        agent: AgentIx,
        why: CancelReason,
        out: &mut Vec<Output>,
    ) {
        let offer = self.contacts[slot.at()].offer();
        let name = self.agents[agent.at()].name.clone();
        out.push(Output::CancelOffer {
            offer,
            agent: name,
            why,
        });
        self.release(slot, agent);
    }

    /// The agent has the contact in hand no more.
    pub(super) fn release(&mut self, slot: Slot, agent: AgentIx) {
        let capacity = self.capacity_slot(slot);
        let contact = &mut self.contacts[slot.at()];
        let asked = std::mem::replace(&mut contact.stage, Stage::Waiting);
        let client = contact.client;
        let person = &mut self.agents[agent.at()];
        if person.offer == Some(slot) {
            person.offer = None;
        }
        if let (Some(team), Stage::Offered { .. } | Stage::Connecting { .. }) = (person.team, asked)
        {
            self.shares.not_taken(team, client);
        }
        // Nearly always the only one.
        if person.hands.last() == Some(&slot) {
            person.hands.pop();
        } else {
            person.hands.retain(|held| *held != slot);
        }
        person.used[capacity] = person.used[capacity].saturating_sub(1);
        if let Some(team) = person.team {
            self.shares.gives_back(team, agent, client);
        }
    }

    /// A contact comes back from an offer that led to nothing, at its old rank.
    pub(super) fn requeue(&mut self, slot: Slot, out: &mut Vec<Output>) {
        let contact = &self.contacts[slot.at()];
        let queue = self.plan.queues[contact.queue.at()].id.clone();
        let by_name = matches!(contact.at, At::Named(_) | At::Target(..));
        out.push(Output::Waiting {
            contact: contact.id,
            queue,
        });
        let over = contact.step_due.is_some_and(|due| due <= self.now);
        if self.has(Bug::BackOfTheLine) {
            self.contacts[slot.at()].place = self.now;
        }
        if !self.stays_in_line(slot) {
            return self.await_time(slot, out);
        }
        let on_its_way = matches!(self.contacts[slot.at()].at, At::Route(_));
        if on_its_way && !self.queue_of(slot).live {
            return self.exhausted(slot, out);
        }
        self.enqueue(slot);
        if over || by_name {
            self.step_over(slot, out);
        } else {
            self.arm_step(slot);
            self.match_contact(slot, out);
        }
    }

    /// After a contact or a wrap-up ended: the agent leaves, or is free for the next.
    pub(super) fn settle(&mut self, agent: AgentIx, out: &mut Vec<Output>) {
        let person = &mut self.agents[agent.at()];
        if person.leaving && person.is_empty_handed() {
            person.leaving = false;
            person.signed_in = false;
            person.ready = false;
        }
        let person = &self.agents[agent.at()];
        let is_out = !person.is_pooled() && person.free_by.is_none();
        if is_out && self.somebody_waits() && !self.has(Bug::Overloaded) {
            // Who is asked at once for what waits need not stand among the idle first.
            self.account(agent, out);
            if let Some(slot) = self.pick_for_next_idle(agent) {
                return self.offer(slot, agent, out);
            }
            self.seat_idle(agent);
        } else {
            self.refresh(agent, out);
            if self.agents[agent.at()].signed_in {
                self.match_agent(agent, out);
            }
        }
        let person = &self.agents[agent.at()];
        if !person.signed_in && !person.listed {
            self.remove_agent(agent);
        }
    }

    /// Forgets an unlisted agent who has left.
    pub(super) fn remove_agent(&mut self, agent: AgentIx) {
        let name = self.agents[agent.at()].name.clone();
        if self.agent_of.get(&name) == Some(&agent) {
            self.agent_of.remove(&name);
            self.guarded.remove(&agent);
            let person = &mut self.agents[agent.at()];
            // Else the timer would look as if it were still wanted.
            person.guard_changes = None;
            person.free_by = None;
            let rota = std::mem::take(&mut person.rota);
            if !rota.is_empty() {
                self.parked_rotas.insert(name, rota);
            }
            self.vacant_agents.push(agent);
        }
        let ranks: Vec<Rank> = self.refused.iter().copied().collect();
        for rank in ranks {
            if let Some(slot) = self.slot(rank.1) {
                let refusals = &mut self.contacts[slot.at()].refusals;
                refusals.retain(|refusal| refusal.agent != agent);
                if refusals.is_empty() {
                    self.refused.remove(&rank);
                }
            }
        }
        // An offered or talking contact may remember them too.
        for contact in &mut self.contacts {
            contact.refusals.retain(|refusal| refusal.agent != agent);
        }
    }

    /// Changes when an agent's idle time began; they are out of the pool until refreshed.
    pub(super) fn idle_from(&mut self, agent: AgentIx, since: Time) {
        self.unpool(agent);
        if !self.has(Bug::IdleSinceSignIn) {
            self.agents[agent.at()].idle_since = since;
        }
    }

    /// Nobody finds them free until they are refreshed.
    #[inline]
    pub(super) fn unpool(&mut self, agent: AgentIx) {
        let person = &mut self.agents[agent.at()];
        person.apart = true;
        if person.is_pooled() {
            self.leave_pool(agent);
        }
    }

    fn leave_pool(&mut self, agent: AgentIx) {
        let person = &mut self.agents[agent.at()];
        let Some(profile) = person.profile else {
            return;
        };
        let key = (person.idle_since, person.order);
        let mut next = None;
        for slot in 0..MEDIA {
            if std::mem::take(&mut person.pooled[slot]) {
                next = self.pool.remove_idle(slot, profile, key).or(next);
            }
        }
        if let Some(next) = next {
            near::fetch(&self.agents[next.at()]);
        }
    }

    /// Brings the pool, the work account and what was reported into line with the agent.
    #[inline]
    pub(super) fn refresh(&mut self, agent: AgentIx, out: &mut Vec<Output>) {
        self.account(agent, out);
        self.seat_idle(agent);
    }

    /// Brings the pool into line with the agent.
    fn seat_idle(&mut self, agent: AgentIx) {
        let overloaded = self.has(Bug::Overloaded);
        let person = &mut self.agents[agent.at()];
        let available = person.available() && person.free_by.is_none();
        let (Some(profile), Some(team)) = (person.profile, person.team) else {
            return;
        };
        if !available && !person.is_pooled() {
            return;
        }
        let team = &self.plan.teams[team.at()];
        let key = (person.idle_since, person.order);
        let mut next = None;
        for slot in 0..MEDIA {
            let room = overloaded && person.used[slot] < team.capacity[slot];
            let free = available && (person.is_open_to(team, slot) || room);
            if free == person.pooled[slot] {
                continue;
            }
            person.pooled[slot] = free;
            if free {
                self.pool.add_idle(slot, profile, key, agent);
            } else {
                next = self.pool.remove_idle(slot, profile, key).or(next);
            }
        }
        if let Some(next) = next {
            near::fetch(&self.agents[next.at()]);
        }
    }

    /// Brings the work account and what was reported into line with the agent, who may be found from now on.
    fn account(&mut self, agent: AgentIx, out: &mut Vec<Output>) {
        let untold = self.has(Bug::UntoldWrapUp);
        let person = &mut self.agents[agent.at()];
        person.apart = false;
        let team = person.team.map(|team| &self.plan.teams[team.at()]);
        let works = !person.hands.is_empty() || !person.wraps.is_empty();
        match person.working_since {
            None if works => person.working_since = Some(self.now),
            Some(since) if !works => {
                person.worked = crate::Span(person.worked.0 + (self.now - since).0);
                person.working_since = None;
            }
            _ => {}
        }
        let state = person.state(team);
        if state != person.reported && !(untold && matches!(state, AgentState::WrapUp { .. })) {
            tell(out, || Output::Agent {
                agent: person.name.clone(),
                state: state.clone(),
            });
            person.reported = state;
        }
    }
}
