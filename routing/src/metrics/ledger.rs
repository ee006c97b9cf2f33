//! Rows folded by queue, client, team, agent and interval.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use trunkline_tenant::crds::{AgentName, ClientName, TeamName};
use trunkline_tenant::{QueueId, Tenant, slot_parts};

use super::adherence::Attendance;
use super::agreed::{level_of_client, level_of_queue};
use super::{Adherence, Counts, Hours, Interval, Load, RotaVersion, Spell, Terms, View, clip};
use crate::{AgentState, Judged, Segment, Span, Time};

/// What figures are of.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Scope {
    /// A queue: each stretch there.
    Queue(QueueId),
    /// A client, each contact once; `None`: the centre itself.
    Client(Option<ClientName>),
    /// A team: what its agents answered.
    Team(TeamName),
    /// An agent: what they answered.
    Agent(AgentName),
}

/// What is summed up of a scope in an interval.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sums {
    /// Its contacts.
    pub counts: Counts,
    /// Of agents and teams: where time went.
    pub hours: Hours,
    /// Of agents and teams: how full their hands were.
    pub load: Load,
    /// Of queues and clients: the terms and the formula that the newest row was judged by.
    pub judged: Option<Judged>,
}

impl Sums {
    /// Adds those of another part; what that was judged by is the newer.
    pub fn merge(&mut self, other: &Self) {
        self.counts.merge(&other.counts);
        self.hours.merge(&other.hours);
        self.load.merge(&other.load);
        self.judged = other.judged.or(self.judged);
    }
}

/// Sums by scope and interval. Contacts count by the time of enqueue, in the client's zone for queues
/// and clients and in the centre's for teams and agents; agents' time is clipped to the intervals.
#[derive(Clone, Debug)]
pub struct Ledger {
    interval: Interval,
    sums: BTreeMap<(Scope, Time), Sums>,
    attendance: Attendance,
}

impl Ledger {
    /// Empty.
    pub fn new(interval: Interval) -> Self {
        Self {
            interval,
            sums: BTreeMap::new(),
            attendance: Attendance::default(),
        }
    }

    /// Forgets the intervals that began before a moment.
    pub fn forget_before(&mut self, moment: Time) {
        self.sums.retain(|(_, start), _| *start >= moment);
        self.attendance.forget_before(moment);
    }

    /// Takes a row in: by the terms, the team and the zone that it brings; one of an older release by
    /// those that the tenant has.
    pub fn add(&mut self, row: &Segment, tenant: &Tenant) {
        let zone = row
            .place
            .as_ref()
            .map_or_else(|| tenant.zone_of(row.client.as_ref()), |place| place.zone);
        let of_tenant = || {
            let queue = terms_of_queue(tenant, &row.queue, row.entered);
            (queue, terms_of_client(tenant, row))
        };
        let (queue, client) = row
            .terms
            .map_or_else(of_tenant, |it| (it.queue.terms, it.client.terms));
        let entered = self.interval.start(row.entered, zone);
        let arrived = self.interval.start(row.arrived, zone);
        let sums = self.of(Scope::Queue(row.queue.clone()), entered);
        sums.counts.add(row, queue, View::Queue);
        sums.judged = row.terms.map(|it| it.queue).or(sums.judged);
        let sums = self.of(Scope::Client(row.client.clone()), arrived);
        sums.counts.add(row, client, View::Contact);
        sums.judged = row.terms.map(|it| it.client).or(sums.judged);
        let Some(agent) = &row.agent else {
            return;
        };
        let team = match &row.place {
            Some(place) => place.team.clone(),
            None => team_of(tenant, agent),
        };
        let entered = self.interval.start(row.entered, tenant.time_zone);
        let team = team.map(Scope::Team);
        let talk = row.answered.map(|from| {
            let zone = tenant.time_zone;
            clip(from, row.ended, self.interval, zone)
        });
        for scope in team.into_iter().chain([Scope::Agent(agent.clone())]) {
            for (start, part) in talk.iter().flatten() {
                self.of(scope.clone(), *start).load.used.0 += part.0;
            }
            self.of(scope, entered).counts.add(row, queue, View::Queue);
        }
    }

    /// Takes in what an agent's time went to.
    pub fn add_spell(&mut self, spell: &Spell, tenant: &Tenant) {
        if spell.state == AgentState::SignedOut {
            return;
        }
        self.attendance.add_spell(spell);
        for (start, part) in clip(spell.from, spell.to, self.interval, tenant.time_zone) {
            let team = spell.team.clone().map(Scope::Team);
            for scope in team.into_iter().chain([Scope::Agent(spell.agent.clone())]) {
                let sums = self.of(scope, start);
                sums.hours.add(&spell.state, part);
                sums.load.capacity.0 += spell.room(part).0;
            }
        }
    }

    /// Takes in what was planned for an agent.
    pub fn add_rota(&mut self, version: &RotaVersion) {
        self.attendance.add_rota(version);
    }

    /// How agents and teams kept to their plans between two moments: no sum of intervals, because a plan
    /// may be amended afterwards. `open` has the agents' time that isn't over.
    pub fn adherence(&self, open: &Self, within: (Time, Time)) -> BTreeMap<Scope, Adherence> {
        self.attendance.sums(&open.attendance, within)
    }

    /// The same by interval, on the clock of the centre as it was then.
    pub fn adherence_by_interval(
        &self,
        within: (Time, Time),
    ) -> BTreeMap<(Scope, Time), Adherence> {
        self.attendance.intervals(self.interval, within)
    }

    fn of(&mut self, scope: Scope, start: Time) -> &mut Sums {
        self.sums.entry((scope, start)).or_default()
    }

    /// The sums of a scope, interval by interval.
    pub fn intervals(&self, scope: &Scope) -> impl Iterator<Item = (Time, &Sums)> {
        let all = (scope.clone(), Time(i64::MIN))..=(scope.clone(), Time(i64::MAX));
        self.sums
            .range(all)
            .map(|((_, start), sums)| (*start, sums))
    }

    /// The sums of a scope from a moment on, by the interval that begins there.
    pub fn since(&self, scope: &Scope, from: Time) -> Sums {
        let mut all = Sums::default();
        for (_, sums) in self.intervals(scope).filter(|(start, _)| *start >= from) {
            all.merge(sums);
        }
        all
    }

    /// The scopes of which there is anything.
    pub fn scopes(&self) -> Vec<Scope> {
        let mut scopes: Vec<Scope> = self.sums.keys().map(|(scope, _)| scope.clone()).collect();
        scopes.dedup();
        scopes
    }
}

/// A queue's own terms at a moment, or its client's, or the plain ones.
fn terms_of_queue(tenant: &Tenant, id: &QueueId, at: Time) -> Terms {
    let queue = tenant.queues.get(id);
    let short = queue.map_or(Span::seconds(5), |queue| queue.short_abandon.into());
    Terms::new(&level_of_queue(tenant, id, at).unwrap_or_default(), short)
}

fn terms_of_client(tenant: &Tenant, row: &Segment) -> Terms {
    let queue = terms_of_queue(tenant, &row.queue, row.arrived);
    let level = level_of_client(tenant, row.client.as_ref(), row.arrived);
    level.map_or(queue, |level| Terms::new(level, queue.short))
}

/// An agent's team as it is now; who isn't listed is one of a virtual team's, `<team>-<pod>-<slot>`.
fn team_of(tenant: &Tenant, agent: &AgentName) -> Option<TeamName> {
    let listed = tenant.agents.get(agent);
    listed.and_then(|agent| agent.team.clone()).or_else(|| {
        let (team, ..) = slot_parts(agent.as_str())?;
        tenant
            .teams
            .get_key_value(team)
            .map(|(name, _)| name.clone())
    })
}
