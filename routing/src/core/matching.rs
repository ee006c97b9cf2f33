//! Rules 1, 4, 5, 9, 10, 11: which agent for a contact, which contact for an agent.

use trunkline_tenant::crds::Strategy;

use super::contact::{At, NEVER, Refusal, Stage};
use super::{Core, tell};
use crate::bug::Bug;
use crate::ix::{AgentIx, NeedIx, ProfileIx, Slot};
use crate::plan::{MEDIA, StepPlan};
use crate::pool::{IdleKey, Rank};
use crate::timers::{Owner, Phase};
use crate::{Output, Span, Time, near};

/// What orders the agents who qualify: the least is asked.
type Preference = (i64, i64, i64, IdleKey);

impl Core {
    /// Puts a waiting contact in line; it is not offered by that.
    pub(super) fn enqueue(&mut self, slot: Slot) {
        let contact = &mut self.contacts[slot.at()];
        if !std::mem::replace(&mut contact.in_line, true) {
            self.running[contact.queue.at()].in_line += 1;
        }
        let contact = &self.contacts[slot.at()];
        let (rank, client) = (contact.rank(), contact.client);
        if let At::Named(agent) | At::Target(agent, _) = &contact.at {
            self.named
                .entry(agent.as_ref().clone())
                .or_default()
                .insert(rank);
        } else {
            let need = self.need(slot);
            let line = self
                .pool
                .line(&self.plan, need, self.capacity_slot(slot), client);
            self.pool.enqueue(line, rank, slot);
            if self.has(Bug::PastClaimed) {
                self.shares.stays(&self.plan, need, client);
            }
            self.shares.waits(&self.plan, need, client);
            self.contacts[slot.at()].line = Some(line);
        }
        if !self.contacts[slot.at()].refusals.is_empty() {
            self.refused.insert(rank);
        }
    }

    /// Takes a contact out of its line, if it is in one.
    #[inline]
    pub(super) fn dequeue(&mut self, slot: Slot) {
        if std::mem::take(&mut self.contacts[slot.at()].in_line) {
            self.leave_line(slot);
        }
    }

    fn leave_line(&mut self, slot: Slot) {
        let contact = &mut self.contacts[slot.at()];
        let running = &mut self.running[contact.queue.at()];
        running.in_line = running.in_line.saturating_sub(1);
        let (rank, client) = (contact.rank(), contact.client);
        if let Some(line) = contact.line.take() {
            let need = self.pool.lines[line.at()].need;
            if let Some(next) = self.pool.dequeue(line, rank) {
                near::fetch(&self.contacts[next.at()]);
            }
            self.shares.waits_no_more(&self.plan, need, client);
        } else if let At::Named(agent) | At::Target(agent, _) = &contact.at
            && let Some(waiting) = self.named.get_mut(agent.as_ref())
        {
            waiting.remove(&rank);
            if waiting.is_empty() {
                self.named.remove(agent.as_ref());
            }
        }
        if !self.contacts[slot.at()].refusals.is_empty() {
            self.refused.remove(&rank);
        }
    }

    /// What the contact's present step asks for.
    pub(super) fn need(&self, slot: Slot) -> NeedIx {
        let queue = self.queue_of(slot);
        match &self.contacts[slot.at()].at {
            At::Route(step) => queue.steps[(*step).min(queue.steps.len() - 1)].need,
            At::Held => queue.steps[queue.steps.len() - 1].need,
            At::Team(team, _) => self.plan.teams[team.at()].anyone,
            At::Widened | At::Named(_) | At::Target(..) => queue.widen,
        }
    }

    fn step_plan(&self, slot: Slot) -> Option<&StepPlan> {
        let queue = self.queue_of(slot);
        match &self.contacts[slot.at()].at {
            At::Route(step) => queue.steps.get((*step).min(queue.steps.len() - 1)),
            At::Held => queue.steps.last(),
            _ => None,
        }
    }

    /// Offers a waiting contact to the best agent who is free for it, if there is one.
    pub(super) fn match_contact(&mut self, slot: Slot, out: &mut Vec<Output>) {
        if self.contacts[slot.at()].stage != Stage::Waiting {
            return;
        }
        if let Some(agent) = self.pick_agent(slot) {
            self.offer(slot, agent, out);
        } else {
            self.waits_on(slot);
        }
    }

    /// Nobody is free for a contact that is in line.
    pub(super) fn waits_on(&mut self, slot: Slot) {
        self.arm_retry(slot);
        self.reckon(slot);
    }

    /// Whether the agent could take one more of this medium now, near a break or not.
    pub(super) fn is_free(&self, agent: AgentIx, capacity: usize) -> bool {
        let person = &self.agents[agent.at()];
        let team = person.team.map(|team| &self.plan.teams[team.at()]);
        person.pooled[capacity]
            || person.free_by.is_some()
                && !person.apart
                && person.available()
                && team.is_some_and(|team| person.is_open_to(team, capacity))
    }

    /// Offers the best waiting contact to an agent who is free, if there is one.
    #[inline]
    pub(super) fn match_agent(&mut self, agent: AgentIx, out: &mut Vec<Output>) {
        if self.somebody_waits() {
            self.match_with_queued(agent, out);
        }
    }

    /// Anything stands in any line.
    pub(super) fn somebody_waits(&self) -> bool {
        self.pool.has_queued() || !self.named.is_empty()
    }

    /// The best waiting contact for an agent who is about to stand among the idle, near no break.
    pub(super) fn pick_for_next_idle(&self, agent: AgentIx) -> Option<Slot> {
        let person = &self.agents[agent.at()];
        let team = &self.plan.teams[person.team?.at()];
        if !person.available() {
            return None;
        }
        self.pick_contact(agent, |capacity| person.is_open_to(team, capacity))
    }

    fn match_with_queued(&mut self, agent: AgentIx, out: &mut Vec<Output>) {
        let person = &self.agents[agent.at()];
        // Who is in no set of the pool, and not near a break, is free for nothing.
        if (person.is_pooled() || person.free_by.is_some())
            && person.available()
            && let Some(slot) = self.pick_contact(agent, |capacity| self.is_free(agent, capacity))
        {
            self.offer(slot, agent, out);
        }
    }

    pub(super) fn pick_agent(&self, slot: Slot) -> Option<AgentIx> {
        let contact = &self.contacts[slot.at()];
        let capacity = self.capacity_slot(slot);
        if let At::Named(name) | At::Target(name, _) = &contact.at {
            let agent = *self.agent_of.get(name.as_ref())?;
            let free = self.is_free(agent, capacity) && self.may_begin(agent, slot);
            return (free && !contact.is_never_for(agent)).then_some(agent);
        }
        let need = self.need(slot);
        if contact.refusals.is_empty() {
            // The longest idle agent of each class is its best, if every agent of it may be asked.
            let step = self.step_plan(slot);
            let heads_suffice = self.queue_of(slot).strategy == Strategy::LongestIdle
                && self.guarded.is_empty()
                && step.is_none_or(|step| step.prefer.is_empty());
            if heads_suffice {
                return self.pool.first_free(&self.plan, need, capacity);
            }
            return self.best_free(slot, need, capacity, &|_| true);
        }
        let refusal = |agent| contact.refusal(agent);
        let fresh = self.best_free(slot, need, capacity, &|agent| refusal(agent).is_none());
        if fresh.is_some() || self.another_qualifies(slot) {
            return fresh;
        }
        let allowed = |agent| refusal(agent).is_none_or(|refusal| refusal.until <= self.now);
        self.best_free(slot, need, capacity, &allowed)
    }

    /// Whether somebody who takes contacts, free or not, qualifies and has not refused it.
    pub(super) fn another_qualifies(&self, slot: Slot) -> bool {
        let contact = &self.contacts[slot.at()];
        let fits = &self.plan.fits[self.need(slot).at()];
        let capacity = self.capacity_slot(slot);
        self.agents.iter().enumerate().any(|(at, agent)| {
            agent.takes(capacity)
                && agent.profile.is_some_and(|profile| fits.has(profile.at()))
                && agent
                    .team
                    .is_some_and(|team| self.plan.teams[team.at()].capacity[capacity] > 0)
                && contact.refusal(AgentIx::new(at)).is_none()
        })
    }

    /// The free agent whom the queue's strategy asks first, of those that are `allowed`.
    fn best_free(
        &self,
        slot: Slot,
        need: NeedIx,
        capacity: usize,
        allowed: &dyn Fn(AgentIx) -> bool,
    ) -> Option<AgentIx> {
        let queue = self.queue_of(slot);
        let strategy = queue.strategy;
        let step = self.step_plan(slot);
        let heads_suffice = strategy == Strategy::LongestIdle;
        let turn = self
            .turns
            .get(&queue.id)
            .and_then(|name| self.agent_of.get(name))
            .filter(|_| !self.has(Bug::TurnForgotten));
        let turn = turn.map(|agent| self.agents[agent.at()].order);
        let mut best: Option<(Preference, AgentIx)> = None;
        let prefer = |(preferred, skill): (i64, i64), key: IdleKey, agent| {
            let by_name = (Time(0), key.1);
            match strategy {
                Strategy::LongestIdle => (-preferred, 0, 0, key),
                Strategy::MostSkilled => (-preferred, -skill, 0, by_name),
                Strategy::RoundRobin => {
                    let passed = turn.is_some_and(|turn| key.1 <= turn);
                    (-preferred, i64::from(passed), 0, by_name)
                }
                Strategy::LeastOccupied => {
                    let (load, occupancy) = self.occupation(agent);
                    (-preferred, load, occupancy, by_name)
                }
            }
        };
        let mut consider = |preference: Preference, agent| {
            if best.is_none_or(|(least, _)| preference < least) {
                best = Some((preference, agent));
            }
        };
        for profile in self.pool.free(&self.plan, need, capacity) {
            let skills = self.skill_of(profile, step, strategy);
            for (key, agent) in self.pool.idle(capacity, profile) {
                if !allowed(agent) {
                    if self.has(Bug::UnavailableHead) {
                        break;
                    }
                    continue;
                }
                consider(prefer(skills, key, agent), agent);
                if heads_suffice {
                    break;
                }
            }
        }
        // Those near a break compete by the same order, for what ends before it.
        for &agent in &self.guarded {
            let person = &self.agents[agent.at()];
            if let Some(profile) = person.profile
                && self.plan.fits[need.at()].has(profile.at())
                && self.is_free(agent, capacity)
                && allowed(agent)
                && self.may_begin(agent, slot)
            {
                let key = (person.idle_since, person.order);
                let skills = self.skill_of(profile, step, strategy);
                consider(prefer(skills, key, agent), agent);
            }
        }
        best.map(|(_, agent)| agent)
    }

    /// How many preferred skills a class has, and where the most skilled is asked the sum of its levels in
    /// what the step names.
    fn skill_of(
        &self,
        profile: ProfileIx,
        step: Option<&StepPlan>,
        strategy: Strategy,
    ) -> (i64, i64) {
        let Some(step) = step else { return (0, 0) };
        let profile = &self.plan.profiles[profile.at()];
        let preferred = step
            .prefer
            .iter()
            .filter(|(skill, least)| profile.level(*skill) >= *least);
        let preferred = preferred.count() as i64 * i64::from(!self.has(Bug::PreferenceIgnored));
        if strategy != Strategy::MostSkilled || self.has(Bug::SkillIgnored) {
            return (preferred, 0);
        }
        let require = &self.plan.needs[step.need.at()].require;
        let named = require.iter().chain(
            step.prefer
                .iter()
                .filter(|(skill, _)| !require.iter().any(|(other, _)| other == skill)),
        );
        let sum: i64 = named
            .map(|(skill, _)| i64::from(profile.level(*skill)))
            .sum();
        (preferred, sum)
    }

    /// Millionths of capacity in use, and of the time since sign-in that was worked.
    fn occupation(&self, agent: AgentIx) -> (i64, i64) {
        let agent = &self.agents[agent.at()];
        let Some(team) = agent.team else {
            return (0, 0);
        };
        let capacity: u32 = self.plan.teams[team.at()].capacity.iter().sum();
        let used: u32 = agent.used.iter().sum();
        let used = if self.has(Bug::LoadIgnored) { 0 } else { used };
        let load = i64::from(used) * 1_000_000 / i64::from(capacity.max(1));
        let present = (self.now - agent.signed_in_at).0.max(1);
        let present_work = agent
            .working_since
            .map_or(Span(0), |since| self.now - since);
        let ignored = self.has(Bug::WorkIgnored);
        let worked = i128::from(agent.worked.0 + present_work.0) * i128::from(!ignored);
        (load, (worked * 1_000_000 / i128::from(present)) as i64)
    }

    /// For an agent who is free for what is said.
    #[inline]
    fn pick_contact(&self, agent: AgentIx, is_free: impl Fn(usize) -> bool) -> Option<Slot> {
        let person = &self.agents[agent.at()];
        let (team, profile) = (person.team?, person.profile?);
        let heads_suffice = self.refused.is_empty() && person.free_by.is_none();
        let shared = self.shares.is_shared(team) && !self.has(Bug::FairShareIgnored);
        let odd = self.has(Bug::QueueBeforeRank) || self.has(Bug::OldestStarved);
        if !heads_suffice || shared || odd {
            return self.pick_with_care(agent, &is_free);
        }
        // No line needs a look inside: the first of all is the least of the heads.
        let mut best: Option<(Rank, Slot)> = None;
        for capacity in 0..MEDIA {
            if is_free(capacity)
                && let Some(head) = self.pool.first_queued(capacity, profile)
                && best.is_none_or(|first| head < first)
            {
                best = Some(head);
            }
        }
        if !self.named.is_empty() {
            best = self.named_for(agent, &is_free).chain(best).min();
        }
        let (rank, slot) = best?;
        debug_assert_eq!(self.contacts[slot.at()].rank(), rank, "a line is stale");
        Some(slot)
    }

    /// Where more than ranks counts: shares, refusals, a break that is near.
    #[inline(never)]
    fn pick_with_care(&self, agent: AgentIx, is_free: &dyn Fn(usize) -> bool) -> Option<Slot> {
        let person = &self.agents[agent.at()];
        let (team, profile) = (person.team?, person.profile?);
        let heads_suffice = self.refused.is_empty() && person.free_by.is_none();
        let shared = self.shares.is_shared(team) && !self.has(Bug::FairShareIgnored);
        let precedence_of = |client| {
            if shared {
                self.shares.precedence(&self.plan, team, client)
            } else {
                (0, 0)
            }
        };
        let mut best: Option<((i64, i128), Rank, Slot)> = None;
        let mut consider = |precedence: (i64, i128), (rank, slot): (Rank, Slot)| {
            if best.is_none_or(|(most, least, _)| (precedence, rank) < (most, least)) {
                best = Some((precedence, rank, slot));
            }
        };
        for capacity in (0..MEDIA).filter(|&capacity| is_free(capacity)) {
            for line in self.pool.queued(capacity, profile) {
                let waiting = || line.waiting.iter();
                let head = if self.has(Bug::OldestStarved) {
                    waiting().last()
                } else if self.has(Bug::QueueBeforeRank) {
                    waiting().min_by_key(|&(rank, slot)| (self.contacts[slot.at()].queue, rank))
                } else {
                    line.waiting.first()
                };
                let first = if heads_suffice {
                    head
                } else {
                    waiting().find(|(_, slot)| self.may_take(agent, *slot))
                };
                if let Some(first) = first {
                    consider(precedence_of(line.client), first);
                }
            }
        }
        for (rank, slot) in self.named_for(agent, is_free) {
            let client = self.contacts[slot.at()].client;
            consider(precedence_of(client), (rank, slot));
        }
        let (_, rank, slot) = best?;
        debug_assert_eq!(self.contacts[slot.at()].rank(), rank, "a line is stale");
        Some(slot)
    }

    /// What waits for the agent by name, and may be theirs.
    fn named_for(
        &self,
        agent: AgentIx,
        is_free: &dyn Fn(usize) -> bool,
    ) -> impl Iterator<Item = (Rank, Slot)> {
        let waiting = self.named.get(&self.agents[agent.at()].name);
        waiting.into_iter().flatten().filter_map(move |rank| {
            let slot = self.slot(rank.1)?;
            let may = is_free(self.capacity_slot(slot))
                && self.may_begin(agent, slot)
                && !self.contacts[slot.at()].is_never_for(agent);
            may.then_some((*rank, slot))
        })
    }

    /// Whether what the agent did with the contact before allows another offer.
    fn may_take(&self, agent: AgentIx, slot: Slot) -> bool {
        if !self.may_begin(agent, slot) {
            return false;
        }
        match self.contacts[slot.at()].refusal(agent) {
            Some(refusal) => refusal.until <= self.now && !self.another_qualifies(slot),
            None => true,
        }
    }

    /// Reserves the agent for the contact until the ring time is over.
    pub(super) fn offer(&mut self, slot: Slot, agent: AgentIx, out: &mut Vec<Output>) {
        self.dequeue(slot);
        let ring = self.queue_of(slot).ring;
        let capacity = self.capacity_slot(slot);
        let deadline = self.now + ring;
        if self.queue_of(slot).strategy == Strategy::RoundRobin {
            let queue = self.queue_of(slot).id.clone();
            self.turns
                .insert(queue, self.agents[agent.at()].name.clone());
        }
        let contact = &mut self.contacts[slot.at()];
        contact.generation += 1;
        self.queue_moves(slot);
        let contact = &mut self.contacts[slot.at()];
        contact.stage = Stage::Offered { agent, deadline };
        let (offer, client) = (contact.offer(), contact.client);
        let person = &mut self.agents[agent.at()];
        person.offer = Some(slot);
        person.used[capacity] += 1;
        if let Some(team) = person.team {
            self.shares.takes(team, agent, client);
        }
        if !self.has(Bug::StuckReserved) {
            self.arm_asked(slot, deadline);
        }
        tell(out, || Output::Offer {
            offer,
            agent: self.agents[agent.at()].name.clone(),
            deadline,
        });
        self.refresh(agent, out);
    }

    /// Remembers that the agent did not take the contact.
    pub(super) fn note_refusal(&mut self, slot: Slot, agent: AgentIx, back_off: bool) {
        if self.has(Bug::FastReOffer) {
            return;
        }
        let now = self.now;
        let contact = &mut self.contacts[slot.at()];
        let generation = contact.generation;
        let at = contact
            .refusals
            .iter()
            .position(|refusal| refusal.agent == agent);
        let at = at.unwrap_or_else(|| {
            contact.refusals.push(Refusal {
                agent,
                times: 0,
                until: now,
                generation,
            });
            contact.refusals.len() - 1
        });
        let refusal = &mut contact.refusals[at];
        refusal.times = refusal.times.saturating_add(1);
        refusal.generation = generation;
        // Where nobody else qualifies and the agent stays ready, the wait doubles from 1 s to 32 s.
        let wait = if back_off {
            Span::seconds(1 << (refusal.times - 1).min(5))
        } else {
            Span(0)
        };
        refusal.until = now + wait;
    }

    /// A contact that only those qualify for who could not be reached just now is tried again.
    pub(super) fn arm_retry(&mut self, slot: Slot) {
        let refusals = &self.contacts[slot.at()].refusals;
        let next = refusals
            .iter()
            .map(|refusal| refusal.until)
            .filter(|until| *until > self.now && *until != NEVER);
        if let Some(at) = next.min() {
            self.arm_contact(slot, at, Phase::Steps, Owner::Again(slot));
        }
    }

    /// After somebody left the pool, or takes no more calls: what they alone kept from those who had
    /// refused it goes on. What they take still, comes to them by rank.
    pub(super) fn match_refused(&mut self, left: AgentIx, out: &mut Vec<Output>) {
        let waiting: Vec<Rank> = self.refused.iter().copied().collect();
        for (_, id) in waiting {
            if let Some(slot) = self.slot(id)
                && !self.still_takes(left, slot)
            {
                self.match_contact(slot, out);
            }
        }
    }
}
