//! Rule 11: fair shares between the clients of a team.

use std::collections::BTreeMap;

use crate::Span;
use crate::ix::{AgentIx, ClientIx, NeedIx, TeamIx};
use crate::plan::{Plan, Share};

/// Divisible by every weight to 16, so that equal shares come out exactly equal.
const SCALE: i128 = 720_720;

/// How a client stands on a team.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Standing {
    /// Agents of the team who are asked for, talk with, or wrap up contacts of the client.
    pub(crate) busy: u32,
    /// Its contacts that wait for the team.
    pub(crate) waiting: u32,
    /// Handle time over weight, in µs × [`SCALE`].
    pub(crate) virtual_time: i128,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Shares {
    /// Per shared team.
    standings: BTreeMap<TeamIx, BTreeMap<ClientIx, Standing>>,
    /// How many contacts of a client an agent has.
    serving: BTreeMap<(AgentIx, ClientIx), u32>,
    /// Who had work waiting on a team, or asked for there, until this input or deadline took it out.
    left: Vec<(TeamIx, ClientIx)>,
}

impl Shares {
    pub(crate) fn new(plan: &Plan) -> Self {
        let shared = plan
            .teams
            .iter()
            .enumerate()
            .filter(|(_, team)| team.shares.is_some());
        Self {
            standings: shared
                .map(|(at, _)| (TeamIx::new(at), BTreeMap::new()))
                .collect(),
            serving: BTreeMap::new(),
            left: Vec::new(),
        }
    }

    /// Another input or deadline begins: whose work was taken out before that has none waiting.
    pub(crate) fn next_event(&mut self) {
        self.left.clear();
    }

    /// An agent of the team was asked for a contact of the client and doesn't take it.
    #[inline]
    pub(crate) fn not_taken(&mut self, team: TeamIx, client: ClientIx) {
        if self.is_shared(team) {
            self.left.push((team, client));
        }
    }

    /// No team is shared out.
    pub(crate) fn are_none(&self) -> bool {
        self.standings.is_empty()
    }

    #[inline]
    pub(crate) fn is_shared(&self, team: TeamIx) -> bool {
        !self.are_none() && self.has_standings(team)
    }

    #[inline(never)]
    fn has_standings(&self, team: TeamIx) -> bool {
        self.standings.contains_key(&team)
    }

    fn standing(&mut self, team: TeamIx, client: ClientIx) -> Option<&mut Standing> {
        Some(self.standings.get_mut(&team)?.entry(client).or_default())
    }

    /// A contact of the client begins to wait for the need's teams. Who had none waiting wakes,
    /// and is raised to the least virtual time of the others at work there. One that only changes its place,
    /// its step or its queue, or comes back from an offer, wakes nobody.
    pub(crate) fn waits(&mut self, plan: &Plan, need: NeedIx, client: ClientIx) {
        if self.are_none() {
            return;
        }
        for &team in &plan.needs[need.at()].teams {
            let Some(standings) = self.standings.get(&team) else {
                continue;
            };
            let least = |at_work: fn(&Standing) -> bool| {
                let others = standings.iter().filter(|(other, _)| **other != client);
                let at_work = others.filter(|(_, standing)| at_work(standing));
                at_work.map(|(_, standing)| standing.virtual_time).min()
            };
            let current =
                least(|other| other.waiting > 0).or_else(|| least(|other| other.busy > 0));
            let stays = self.left.contains(&(team, client));
            if let Some(standing) = self.standing(team, client) {
                if standing.waiting == 0 && !stays {
                    let current = current.unwrap_or(standing.virtual_time);
                    standing.virtual_time = standing.virtual_time.max(current);
                }
                standing.waiting += 1;
            }
        }
    }

    /// What begins to wait for the need's teams wakes nobody.
    pub(crate) fn stays(&mut self, plan: &Plan, need: NeedIx, client: ClientIx) {
        let teams = plan.needs[need.at()].teams.iter();
        self.left.extend(teams.map(|&team| (team, client)));
    }

    pub(crate) fn waits_no_more(&mut self, plan: &Plan, need: NeedIx, client: ClientIx) {
        if self.are_none() {
            return;
        }
        for &team in &plan.needs[need.at()].teams {
            if let Some(standing) = self.standing(team, client) {
                standing.waiting = standing.waiting.saturating_sub(1);
                self.left.push((team, client));
            }
        }
    }

    /// An agent of the team has one more contact of the client in hand.
    #[inline]
    pub(crate) fn takes(&mut self, team: TeamIx, agent: AgentIx, client: ClientIx) {
        if self.is_shared(team) {
            self.takes_shared(team, agent, client);
        }
    }

    #[inline(never)]
    fn takes_shared(&mut self, team: TeamIx, agent: AgentIx, client: ClientIx) {
        let count = self.serving.entry((agent, client)).or_default();
        *count += 1;
        if *count == 1
            && let Some(standing) = self.standing(team, client)
        {
            standing.busy += 1;
        }
    }

    /// One less.
    #[inline]
    pub(crate) fn gives_back(&mut self, team: TeamIx, agent: AgentIx, client: ClientIx) {
        if !self.are_none() {
            self.gives_back_shared(team, agent, client);
        }
    }

    #[inline(never)]
    fn gives_back_shared(&mut self, team: TeamIx, agent: AgentIx, client: ClientIx) {
        let Some(count) = self.serving.get_mut(&(agent, client)) else {
            return;
        };
        *count -= 1;
        if *count == 0 {
            self.serving.remove(&(agent, client));
            if let Some(standing) = self.standing(team, client) {
                standing.busy = standing.busy.saturating_sub(1);
            }
        }
    }

    /// The client has used the team for so long.
    #[inline]
    pub(crate) fn used(&mut self, plan: &Plan, team: TeamIx, client: ClientIx, time: Span) {
        if !self.are_none() {
            self.used_shared(plan, team, client, time);
        }
    }

    #[inline(never)]
    fn used_shared(&mut self, plan: &Plan, team: TeamIx, client: ClientIx, time: Span) {
        let weight = i128::from(share(plan, team, client).weight);
        if let Some(standing) = self.standing(team, client) {
            standing.virtual_time += i128::from(time.0) * SCALE / weight;
        }
    }

    /// What the client weighs on the team.
    pub(crate) fn weight(&self, plan: &Plan, team: TeamIx, client: ClientIx) -> i64 {
        i64::from(share(plan, team, client).weight)
    }

    /// What decides between clients when an agent of the team frees: the least wins.
    pub(crate) fn precedence(&self, plan: &Plan, team: TeamIx, client: ClientIx) -> (i64, i128) {
        let Some(standings) = self.standings.get(&team) else {
            return (0, 0);
        };
        let standing = standings.get(&client).copied().unwrap_or_default();
        let guaranteed = share(plan, team, client).guaranteed;
        if standing.busy < guaranteed {
            // Below its guarantee: the most below comes first, whatever the virtual times.
            (i64::from(standing.busy) - i64::from(guaranteed), 0)
        } else {
            (0, standing.virtual_time)
        }
    }

    /// Empties what follows from who waits and who has whom in hand; virtual times stay.
    pub(crate) fn forget_present(&mut self) {
        self.serving.clear();
        for standing in self.standings.values_mut().flat_map(BTreeMap::values_mut) {
            standing.busy = 0;
            standing.waiting = 0;
        }
    }

    pub(crate) fn virtual_times(&self) -> impl Iterator<Item = (TeamIx, ClientIx, i128)> + '_ {
        self.standings.iter().flat_map(|(team, clients)| {
            clients
                .iter()
                .map(|(client, standing)| (*team, *client, standing.virtual_time))
        })
    }

    /// These, and none for who is not among them.
    pub(crate) fn set_virtual_times(&mut self, times: Vec<(TeamIx, ClientIx, i128)>) {
        for standing in self.standings.values_mut().flat_map(BTreeMap::values_mut) {
            standing.virtual_time = 0;
        }
        for (team, client, time) in times {
            self.set_virtual_time(team, client, time);
        }
    }

    pub(crate) fn set_virtual_time(&mut self, team: TeamIx, client: ClientIx, time: i128) {
        if let Some(standing) = self.standing(team, client) {
            standing.virtual_time = time;
        }
    }
}

fn share(plan: &Plan, team: TeamIx, client: ClientIx) -> Share {
    let shares = plan.teams[team.at()].shares.as_ref();
    shares
        .and_then(|shares| shares.get(&client))
        .copied()
        .unwrap_or(Share::PLAIN)
}
