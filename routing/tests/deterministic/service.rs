//! Who is served by whom, and when: rules 1, 5, 7, 9, 10 and 12 as the checker reads them.

use std::collections::{BTreeMap, BTreeSet};

use trunkline_routing::metrics::RotaVersion;
use trunkline_routing::*;
use trunkline_tenant::QueueId;
use trunkline_tenant::crds::{AgentName, Medium, SkillName, TeamName};

use super::{Checker, Choice, find, slot};

/// Of each queue the moving mean of its handle times in µs, and how many are in it.
pub(super) type Handles = BTreeMap<QueueId, (i64, i64)>;

impl Checker {
    /// When the break or the end of a shift begins that the agent is near.
    fn free_by(&self, name: &AgentName, now: Time) -> Option<Time> {
        let guard = Span::from(self.tenant.capacity.break_guard);
        if guard.0 == 0 {
            return None;
        }
        let shifts = self.rotas.get(name)?;
        shifts
            .iter()
            .flat_map(|shift| {
                let end = (shift.to, shift.to + guard);
                shift.breaks.iter().copied().chain([end])
            })
            .filter(|(from, to)| *from - guard <= now && now < *to)
            .map(|(from, _)| from)
            .min()
    }

    /// Near a break, or in one that ends at this instant: it may do so after what else is due then.
    pub(super) fn is_guarded(&self, name: &AgentName, now: Time) -> bool {
        self.free_by(name, now).is_some() || self.free_by(name, now - Span(1)).is_some()
    }

    /// Whether a contact of the queue would overrun a break that the agent is near, by its handle time as it was known.
    fn overruns(&self, name: &AgentName, queue: &QueueId, handle: &Handles, now: Time) -> bool {
        let expected = handle.get(queue).map_or(180_000_000, |(mean, _)| *mean);
        let free_by = self.free_by(name, now);
        free_by.is_some_and(|free_by| now + Span(expected) > free_by)
    }

    /// A row of a rota says where it counts, and what is planned: all of a new one, of one that goes on
    /// what is ahead, and nothing of who is off the list.
    pub(super) fn plan_is(&mut self, now: Time, row: &RotaVersion) -> Result<(), String> {
        let name = &row.agent;
        ensure!(
            row.given == now,
            "the row of {name}'s rota is of another time"
        );
        let rota = self.rotas.get(name).map(Vec::as_slice).unwrap_or_default();
        let given = self.new_rota.take_if(|(agent, _)| agent == name);
        if given.is_some() {
            ensure!(row.shifts == rota, "the row of {name}'s rota is another");
        } else if !row.shifts.is_empty() {
            let ahead: Vec<Time> = rota.iter().map(|it| it.to).filter(|to| *to > now).collect();
            let told: Vec<Time> = row.shifts.iter().map(|it| it.to).collect();
            ensure!(told == ahead, "{name}'s rota goes on as another");
        }
        let Some(listed) = self.tenant.agents.get(name) else {
            return Ok(());
        };
        ensure!(
            row.place.zone == self.tenant.time_zone && row.place.team == listed.team,
            "the rota of {name} counts for {:?}, who are of {:?}",
            row.place,
            listed.team
        );
        Ok(())
    }

    pub(super) fn team_of(&self, name: &AgentName) -> Option<&trunkline_tenant::TenantTeam> {
        let listed = self
            .tenant
            .agents
            .get(name)
            .and_then(|agent| agent.team.as_ref());
        match listed {
            Some(team) => self.tenant.teams.get(team),
            None => self
                .tenant
                .teams
                .get(self.agents.get(name)?.team.as_ref()?.as_str()),
        }
    }

    /// Whether the agent can do what the contact's present step asks, free or not.
    pub(super) fn qualifies(&self, name: &AgentName, contact: &ContactView) -> bool {
        let (Some(team), Some(step)) = (self.team_of(name), contact.step) else {
            return false;
        };
        let queue = &self.queues[&contact.queue];
        let listed = self.tenant.agents.get(name);
        let team_name = match listed.and_then(|agent| agent.team.as_ref()) {
            Some(team) => team.as_str(),
            None => self.agents[name].team.as_deref().unwrap_or_default(),
        };
        let skills = listed.map_or(&team.skills, |agent| &agent.skills);
        let capacity = [team.media.voice, team.media.chat, team.media.email];
        queue
            .teams
            .iter()
            .any(|share| share.name.as_str() == team_name)
            && capacity[slot(contact.medium)] > 0
            && queue.route.get(step).is_none_or(|step| {
                let level = |skill| skills.get(skill).copied().unwrap_or(0);
                step.require
                    .iter()
                    .all(|(skill, least)| level(skill) >= *least)
            })
    }

    /// Somebody else who takes contacts qualifies and has not refused it.
    fn another(&self, contact: &ContactView) -> bool {
        let refused = self.refused.get(&contact.id);
        self.agents.iter().any(|(name, one)| {
            one.takes(contact.medium)
                && refused.is_none_or(|who| !who.contains(name))
                && self.qualifies(name, contact)
        })
    }

    pub(super) fn work_is_conserved(
        &self,
        now: Time,
        due_yet: bool,
        contacts: &[ContactView],
        agents: &[AgentView],
    ) -> Result<(), String> {
        let waiting: Vec<&ContactView> = contacts
            .iter()
            .filter(|view| view.stage == StageView::Waiting)
            .collect();
        if waiting.is_empty() {
            return Ok(());
        }
        for view in agents {
            let Some(one) = self.agents.get(&view.name) else {
                continue;
            };
            if !one.in_pool() || one.offer.is_some() || one.wraps > 0 {
                continue;
            }
            for contact in &waiting {
                let room = self.has_room(view, contact.medium, contacts);
                let reached = one.takes(contact.medium);
                if !room || !reached || !self.qualifies(&view.name, contact) {
                    continue;
                }
                let overruns = |at| self.overruns(&view.name, &contact.queue, &self.handle, at);
                // A break that ends at an instant may do so after what else is due then.
                if (overruns(now) || due_yet && overruns(now - Span(1)))
                    && !self
                        .debts
                        .owes(&contact.queue, &self.queues[&contact.queue])
                {
                    continue;
                }
                let refused = self.refused.get(&contact.id);
                if refused.is_some_and(|who| who.contains(&view.name)) {
                    if contact.consult_of.is_some() {
                        continue;
                    }
                    let failed = self.last_failed.get(&contact.id).copied();
                    let just = failed.is_some_and(|at| now - at < Span::seconds(40));
                    if just || self.another(contact) {
                        continue;
                    }
                }
                return Err(format!(
                    "{} is free and qualifies for contact {}, which waits in {} at step {:?}",
                    view.name, contact.id, contact.queue, contact.step
                ));
            }
        }
        Ok(())
    }

    pub(super) fn rank(&self, view: &ContactView) -> (i64, ContactId) {
        let minutes = self.bases.get(&view.id).copied().unwrap_or(0) + view.priority;
        (view.place.0 - i64::from(minutes) * 60_000_000, view.id)
    }

    /// What the contact's present step asks for: of which teams, and what they must know.
    fn asks(&self, view: &ContactView) -> Option<(BTreeSet<&TeamName>, BTreeMap<&SkillName, u8>)> {
        let queue = &self.queues[&view.queue];
        let step = queue.route.get(view.step?);
        let require = step.into_iter().flat_map(|step| &step.require);
        let teams = queue.teams.iter().map(|share| &share.name);
        Some((
            teams.collect(),
            require.map(|(skill, least)| (skill, *least)).collect(),
        ))
    }

    /// Whether a contact of the medium may come on top of what the agent has in hand.
    pub(super) fn has_room(
        &self,
        agent: &AgentView,
        medium: Medium,
        contacts: &[ContactView],
    ) -> bool {
        let Some(team) = self.team_of(&agent.name) else {
            return false;
        };
        let mut used = [0; 3];
        for id in &agent.contacts {
            let held = find(contacts, *id).map_or(0, |held| slot(held.medium));
            used[held] += 1;
        }
        let capacity = [team.media.voice, team.media.chat, team.media.email];
        let medium = slot(medium);
        let interrupts = (0..3).all(|during| {
            let listed = team
                .interrupts
                .iter()
                .any(|rule| slot(rule.by) == medium && slot(rule.during) == during);
            during == medium || used[during] == 0 || listed
        });
        used[medium] < capacity[medium] && interrupts
    }

    /// Of those of one client who ask for the same of the same teams nobody was passed over, whatever
    /// their queues; nobody is asked again for what they did not take while another qualifies; who
    /// is asked qualifies, and has room.
    pub(super) fn order_of_service(
        &self,
        choice: &Choice,
        fresh: &BTreeSet<ContactId>,
        core: &Core,
        contacts: &[ContactView],
    ) -> Result<(), String> {
        let Choice {
            contact,
            agent,
            handle,
            owing,
            ..
        } = choice;
        let contact = *contact;
        let offered = |view: &&ContactView| matches!(view.stage, StageView::Offered { .. });
        let (Some(taken), Some(asked)) =
            (find(contacts, contact).filter(offered), core.agent(agent))
        else {
            return Ok(());
        };
        ensure!(
            self.agents[agent].takes(taken.medium),
            "{agent} is asked for contact {contact}, a {:?}, which does not reach them",
            taken.medium
        );
        ensure!(
            self.has_room(&asked, taken.medium, contacts),
            "{agent} is asked for contact {contact}, a {:?}, and has no room for it",
            taken.medium
        );
        if taken.step.is_none() {
            return Ok(());
        }
        ensure!(
            self.qualifies(agent, taken),
            "{agent} is asked for {contact} and can't do it"
        );
        let keeps_break = |view: &ContactView| {
            owing.contains(&view.queue) || !self.overruns(agent, &view.queue, handle, core.now())
        };
        ensure!(
            keeps_break(taken),
            "{agent} is asked for contact {contact}, which overruns a break, and {} owes nobody",
            taken.queue
        );
        let refused = |id| self.refused.get(&id).is_some_and(|who| who.contains(agent));
        ensure!(
            !refused(contact) || !self.another(taken),
            "{agent} is asked again for contact {contact} while another qualifies"
        );
        let asks = self.asks(taken);
        for other in contacts {
            let alike = other.stage == StageView::Waiting
                && other.client == taken.client
                && slot(other.medium) == slot(taken.medium)
                && !fresh.contains(&other.id)
                && !refused(other.id)
                && self.asks(other) == asks
                && keeps_break(other);
            ensure!(
                !alike || self.rank(other) > self.rank(taken),
                "contact {contact} is served before contact {}, which has the earlier rank",
                other.id
            );
        }
        Ok(())
    }
}
