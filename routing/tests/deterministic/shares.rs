//! Rule 11 as the checker reads it: who is busy with whom's contacts it follows by itself; for virtual times see
//! [`standings`](super::standings).

use std::collections::{BTreeMap, BTreeSet};

use trunkline_routing::*;
use trunkline_tenant::Tenant;
use trunkline_tenant::crds::{AgentName, ClientName, TeamName};

use super::{Checker, Choice, find};

/// Who has which contact: is asked for it, talks with it or wraps it up.
pub(super) type Busy = Vec<(AgentName, ContactId)>;

#[derive(Default)]
pub(super) struct Guarantees {
    /// How many agents of a team a client may have at least: the largest number that any of its queues names.
    least: BTreeMap<(TeamName, ClientName), u32>,
    /// Whose each contact is, the centre's left out.
    clients: BTreeMap<ContactId, ClientName>,
    /// Wrap-ups begun less those recorded.
    wraps: BTreeMap<(ContactId, AgentName), i64>,
    /// Who waited after the input before, and in which step.
    waited: BTreeMap<ContactId, Option<usize>>,
}

impl Guarantees {
    pub(super) fn of(tenant: &Tenant) -> Self {
        let mut guarantees = Self::default();
        guarantees.configured(tenant);
        guarantees
    }

    pub(super) fn configured(&mut self, tenant: &Tenant) {
        self.least.clear();
        for (id, queue) in &tenant.queues {
            let Some(client) = id.client() else { continue };
            for share in queue.teams.iter().filter(|share| share.guaranteed > 0) {
                let key = (share.name.clone(), client.clone());
                let least = self.least.entry(key).or_default();
                *least = (*least).max(share.guaranteed);
            }
        }
    }

    pub(super) fn client(&self, id: ContactId) -> Option<ClientName> {
        self.clients.get(&id).cloned()
    }

    pub(super) fn wraps(&mut self, contact: ContactId, agent: &AgentName, more: i64) {
        let key = (contact, agent.clone());
        let count = self.wraps.entry(key.clone()).or_default();
        *count += more;
        if *count == 0 {
            self.wraps.remove(&key);
        }
    }

    /// After an event, when what came of it has been judged.
    pub(super) fn settle(&mut self, contacts: &[ContactView]) {
        self.waited.clear();
        for view in contacts {
            if view.stage == StageView::Waiting {
                self.waited.insert(view.id, view.step);
            }
        }
    }

    pub(super) fn knows(&mut self, contacts: &[ContactView]) {
        for view in contacts {
            if let Some(client) = &view.client
                && !self.clients.contains_key(&view.id)
            {
                self.clients.insert(view.id, client.clone());
            }
        }
    }
}

impl Checker {
    /// Everybody who is busy just now, where that is of any weight.
    pub(super) fn busy(&self) -> Busy {
        if self.standings.are_none() {
            return Vec::new();
        }
        let asked = self.offers.iter().map(|(id, (_, agent))| (agent, *id));
        let talking = self.talking.iter().map(|(id, agent)| (agent, *id));
        let wraps = self.guarantees.wraps.iter();
        let wraps = wraps.filter(|(_, count)| **count > 0);
        let wraps = wraps.map(|((id, agent), _)| (agent, *id));
        let all = asked.chain(talking).chain(wraps);
        all.map(|(agent, id)| (agent.clone(), id)).collect()
    }

    /// How many more agents of the team the client is guaranteed than were busy for it.
    fn is_short_of(&self, client: &ClientName, team: &TeamName, busy: &Busy, core: &Core) -> usize {
        let key = (team.clone(), client.clone());
        let least = self.guarantees.least.get(&key).copied();
        let of_client = |id| self.guarantees.clients.get(id) == Some(client);
        let of_team = |agent| core.team_of(agent) == Some(team);
        let theirs = busy
            .iter()
            .filter(|(agent, id)| of_client(id) && of_team(agent));
        let agents: BTreeSet<&AgentName> = theirs.map(|(agent, _)| agent).collect();
        (least.unwrap_or(0) as usize).saturating_sub(agents.len())
    }

    /// Nobody of a client that has fewer agents of a shared team than it is guaranteed is passed over for one of
    /// another that lacks fewer; where nobody of either lacks any, for one of another whose virtual time is greater; and of
    /// two that are alike the earlier rank is first. Only those are looked at who waited all along: what becomes of
    /// others, this event may have done after the agent was asked.
    pub(super) fn shares_are_kept(
        &self,
        choice: &Choice,
        times_known: bool,
        core: &Core,
        contacts: &[ContactView],
    ) -> Result<(), String> {
        let agent = &choice.agent;
        let offered = |view: &&ContactView| matches!(view.stage, StageView::Offered { .. });
        let taken = find(contacts, choice.contact).filter(offered);
        let taken = taken.filter(|view| view.step.is_some());
        let (Some(taken), Some(asked), Some(team)) =
            (taken, core.agent(agent), core.team_of(agent))
        else {
            return Ok(());
        };
        if !self.standings.is_shared(team) || self.is_guarded(agent, core.now()) {
            return Ok(());
        }
        let lacks = |view: &ContactView| {
            let client = view.client.as_ref();
            client.map_or(0, |client| {
                self.is_short_of(client, team, &choice.busy, core)
            })
        };
        let time = |view: &ContactView| {
            let key = (team.clone(), view.client.clone());
            choice.times.get(&key).copied().unwrap_or(0)
        };
        let (own, own_time) = (lacks(taken), time(taken));
        let refused = |id| {
            let who = self.refused.get(&id);
            who.is_some_and(|who| who.contains(agent))
        };
        for other in contacts {
            let passed_over = other.stage == StageView::Waiting
                && other.client != taken.client
                && self.guarantees.waited.get(&other.id) == Some(&other.step)
                && !refused(other.id)
                && self.qualifies(agent, other)
                && self.agents[agent].takes(other.medium)
                && self.has_room(&asked, other.medium, contacts);
            if !passed_over {
                continue;
            }
            let (others, others_time) = (lacks(other), time(other));
            let is_earlier = self.rank(other) < self.rank(taken);
            let first = others > own || others == own && own > 0 && is_earlier;
            ensure!(
                !first,
                "{agent} is asked for contact {} though contact {} waits, whose client lacks {others} of \
                 {team} and the other's {own}",
                taken.id,
                other.id
            );
            let first = others_time < own_time || others_time == own_time && is_earlier;
            ensure!(
                !(times_known && own == 0 && others == 0 && first),
                "{agent} of {team} is asked for contact {}, whose client has had {own_time}, though contact {} waits, \
                 whose client has had {others_time}",
                taken.id,
                other.id
            );
        }
        Ok(())
    }
}
