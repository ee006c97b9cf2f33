//! Rule 4: which agent is asked, of those who are free for the contact. What orders them is followed here by itself:
//! since when each is idle, how long each has worked since they signed in, and whom each queue asked last.

use std::collections::BTreeMap;

use trunkline_routing::*;
use trunkline_tenant::QueueId;
use trunkline_tenant::crds::{AgentName, SkillName, Strategy};

use super::{Checker, Choice, find};

#[derive(Clone, Copy, Default)]
struct Work {
    signed_in: Option<Time>,
    /// The end of the last wrap-up, or the sign-in.
    idle_since: Time,
    worked: Span,
    /// With contacts or in wrap-up after the event before.
    works: bool,
}

#[derive(Default)]
pub(super) struct Works {
    agents: BTreeMap<AgentName, Work>,
    /// When all the work was added up last.
    at: Option<Time>,
    asked_last: BTreeMap<QueueId, AgentName>,
    /// As everybody was after the event before.
    before: Vec<AgentView>,
}

impl Works {
    /// Time passes until an event.
    pub(super) fn passes(&mut self, now: Time) {
        let since = self.at.replace(now).unwrap_or(now);
        for work in self.agents.values_mut().filter(|work| work.works) {
            work.worked.0 += (now - since).0;
        }
    }

    pub(super) fn signs_in(&mut self, now: Time, agent: &AgentName) {
        let work = self.agents.entry(agent.clone()).or_default();
        if work.signed_in.is_none() {
            *work = Work {
                signed_in: Some(now),
                idle_since: now,
                ..Work::default()
            };
        }
    }

    pub(super) fn signs_out(&mut self, agent: &AgentName) {
        self.agents.remove(agent);
    }

    pub(super) fn wrapped_up(&mut self, agent: &AgentName, row: &Segment) {
        if let Some(work) = self.agents.get_mut(agent) {
            work.idle_since = row.ended + row.wrap_up;
        }
    }

    /// Everybody, after an event.
    pub(super) fn settle(&mut self, agents: Vec<AgentView>) {
        for view in &agents {
            if let Some(work) = self.agents.get_mut(&view.name) {
                let in_wrap_up = matches!(view.state, AgentState::WrapUp { .. });
                work.works = !view.contacts.is_empty() || in_wrap_up;
            }
        }
        self.before = agents;
    }
}

/// The least is asked.
type Place = (i64, i64, i64, Time, AgentName);

impl Checker {
    /// Whom the queue asked last, before it asks again.
    pub(super) fn takes_a_turn(
        &mut self,
        contact: ContactId,
        agent: &AgentName,
    ) -> Option<AgentName> {
        let queue = self.tally.queue_of(contact)?;
        if self.queues[&queue].strategy != Strategy::RoundRobin {
            return None;
        }
        self.works.asked_last.insert(queue, agent.clone())
    }

    fn level(&self, agent: &AgentName, skill: &SkillName) -> i64 {
        let team = || Some(&self.team_of(agent)?.skills);
        let listed = self.tenant.agents.get(agent).map(|agent| &agent.skills);
        let level = listed.or_else(team).and_then(|skills| skills.get(skill));
        level.copied().map_or(0, i64::from)
    }

    /// Where an agent stands among those who are free for the contact.
    fn place(&self, view: &AgentView, taken: &ContactView, choice: &Choice, now: Time) -> Place {
        let queue = &self.queues[&taken.queue];
        let name = &view.name;
        let step = taken.step.and_then(|step| queue.route.get(step));
        let prefer = step.into_iter().flat_map(|step| &step.prefer);
        let preferred =
            prefer.filter(|(skill, least)| self.level(name, skill) >= i64::from(**least));
        let preferred = -(preferred.count() as i64);
        let work = self.works.agents.get(name).copied().unwrap_or_default();
        let by = |first, second| (preferred, first, second, Time(0), name.clone());
        match queue.strategy {
            Strategy::LongestIdle => (preferred, 0, 0, work.idle_since, name.clone()),
            Strategy::MostSkilled => {
                let named = step.into_iter().flat_map(|step| {
                    let more = step.prefer.keys();
                    let more = more.filter(|skill| !step.require.contains_key(*skill));
                    step.require.keys().chain(more)
                });
                by(-named.map(|skill| self.level(name, skill)).sum::<i64>(), 0)
            }
            Strategy::RoundRobin => {
                let had_a_turn = choice.asked_last.as_ref().is_some_and(|last| name <= last);
                by(i64::from(had_a_turn), 0)
            }
            // In millionths, what is less is no difference.
            Strategy::LeastOccupied => {
                let used = view.contacts.len() as i64 * 1_000_000;
                let here = work.signed_in.map_or(1, |since| (now - since).0.max(1));
                let worked = i128::from(work.worked.0) * 1_000_000 / i128::from(here);
                by(used / i64::from(view.capacity.max(1)), worked as i64)
            }
        }
    }

    /// Nobody who was free for the contact all along, and is still, comes before who is asked.
    pub(super) fn the_right_one_is_asked(
        &self,
        choice: &Choice,
        core: &Core,
        contacts: &[ContactView],
        agents: &[AgentView],
    ) -> Result<(), String> {
        let offered = |view: &&ContactView| matches!(&view.stage, StageView::Offered { agent, .. } if *agent == choice.agent);
        let taken = find(contacts, choice.contact).filter(offered);
        let Some(taken) = taken.filter(|view| view.step.is_some()) else {
            return Ok(());
        };
        let queue = &self.queues[&taken.queue];
        let now = core.now();
        let before = |name: &AgentName| self.works.before.iter().find(|it| it.name == *name);
        // As they were when they were asked: what they were asked for is not in hand yet.
        let Some(asked) = agents.iter().find(|it| it.name == choice.agent) else {
            return Ok(());
        };
        // When who was asked last is gone the turns begin anew: that is the core's word, and not judged.
        let gone = |last: &AgentName| agents.iter().all(|it| it.name != *last);
        if queue.strategy == Strategy::RoundRobin && choice.asked_last.as_ref().is_some_and(gone) {
            return Ok(());
        }
        let place = self.place(asked, taken, choice, now);
        let refused = self.refused.get(&taken.id);
        for other in agents.iter().filter(|other| other.name != asked.name) {
            let name = &other.name;
            let Some(one) = self.agents.get(name) else {
                continue;
            };
            let free = one.takes(taken.medium)
                && one.wraps == 0
                && other.offer.is_none()
                && before(name) == Some(other)
                && refused.is_none_or(|who| !who.contains(name))
                && self.qualifies(name, taken)
                && self.has_room(other, taken.medium, contacts)
                && !self.is_guarded(name, now);
            if !free {
                continue;
            }
            let others = self.place(other, taken, choice, now);
            ensure!(
                place < others,
                "by {:?} {} is asked for contact {} of {} and not {name}: {place:?}, {others:?}",
                queue.strategy,
                asked.name,
                taken.id,
                taken.queue
            );
        }
        Ok(())
    }
}
