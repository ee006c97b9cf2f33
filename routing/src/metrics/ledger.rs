//! Rows folded by queue, client, team, agent and interval.

use std::collections::BTreeMap;

use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use trunkline_tenant::crds::{AgentName, ClientName, ServiceLevel, TeamName};
use trunkline_tenant::{QueueId, Tenant};

use super::{Counts, Interval, Terms, View};
use crate::{Judged, Segment, Span, Time};

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

/// Counts by scope and interval. Counts go by the time of enqueue, in the client's zone.
#[derive(Clone, Debug)]
pub struct Ledger {
    interval: Interval,
    counts: BTreeMap<(Scope, Time), Counts>,
    /// What the newest row of each was judged by.
    judged: BTreeMap<(Scope, Time), Judged>,
}

impl Ledger {
    /// Empty.
    pub fn new(interval: Interval) -> Self {
        Self {
            interval,
            counts: BTreeMap::new(),
            judged: BTreeMap::new(),
        }
    }

    /// Forgets the intervals that began before a moment.
    pub fn forget_before(&mut self, moment: Time) {
        self.counts.retain(|(_, start), _| *start >= moment);
        self.judged.retain(|(_, start), _| *start >= moment);
    }

    /// The terms and the formula that a scope was judged by in an interval: of queues and clients.
    pub fn judged(&self, scope: &Scope, start: Time) -> Option<Judged> {
        self.judged.get(&(scope.clone(), start)).copied()
    }

    /// Takes a row in, by the terms that it brings; one of an older release by those that the
    /// tenant has for its queue and its client.
    pub fn add(&mut self, row: &Segment, tenant: &Tenant) {
        let zone = zone_of(tenant, row.client.as_ref());
        let of_tenant = || {
            let queue = terms_of_queue(tenant, &row.queue);
            (queue, terms_of_client(tenant, row.client.as_ref(), queue))
        };
        let (queue, client) = row
            .terms
            .map_or_else(of_tenant, |it| (it.queue.terms, it.client.terms));
        let entered = self.interval.start(row.entered, zone);
        let arrived = self.interval.start(row.arrived, zone);
        if let Some(terms) = row.terms {
            let scope = Scope::Queue(row.queue.clone());
            self.judged.insert((scope, entered), terms.queue);
            let scope = Scope::Client(row.client.clone());
            self.judged.insert((scope, arrived), terms.client);
        }
        let mut add = |scope: Scope, at: Time, terms: Terms, view: View| {
            self.counts
                .entry((scope, at))
                .or_default()
                .add(row, terms, view);
        };
        add(Scope::Queue(row.queue.clone()), entered, queue, View::Queue);
        add(
            Scope::Client(row.client.clone()),
            arrived,
            client,
            View::Contact,
        );
        if let Some(agent) = &row.agent {
            let team = tenant
                .agents
                .get(agent)
                .and_then(|agent| agent.team.clone());
            if let Some(team) = team.or_else(|| virtual_team(tenant, agent)) {
                add(Scope::Team(team), entered, queue, View::Queue);
            }
            add(Scope::Agent(agent.clone()), entered, queue, View::Queue);
        }
    }

    /// The counts of a scope, interval by interval.
    pub fn intervals(&self, scope: &Scope) -> impl Iterator<Item = (Time, &Counts)> {
        let all = (scope.clone(), Time(i64::MIN))..=(scope.clone(), Time(i64::MAX));
        self.counts
            .range(all)
            .map(|((_, start), counts)| (*start, counts))
    }

    /// The counts of a scope between two moments, by the interval that begins there.
    pub fn between(&self, scope: &Scope, from: Time, to: Time) -> Counts {
        let mut sum = Counts::default();
        for (start, counts) in self.intervals(scope) {
            if from <= start && start < to {
                sum.merge(counts);
            }
        }
        sum
    }

    /// Everything that was counted of a scope.
    pub fn total(&self, scope: &Scope) -> Counts {
        self.between(scope, Time(i64::MIN), Time(i64::MAX))
    }

    /// The scopes that have counts.
    pub fn scopes(&self) -> Vec<Scope> {
        let mut scopes: Vec<Scope> = self.counts.keys().map(|(scope, _)| scope.clone()).collect();
        scopes.dedup();
        scopes
    }
}

/// The zone that a client's reports are in, or the centre's.
fn zone_of(tenant: &Tenant, client: Option<&ClientName>) -> Tz {
    let client = client.and_then(|name| tenant.clients.get(name));
    client.map_or(tenant.time_zone, |client| client.time_zone)
}

/// A queue's own terms, or its client's, or the plain ones.
fn terms_of_queue(tenant: &Tenant, queue: &QueueId) -> Terms {
    let plain = || Terms::new(&ServiceLevel::default(), Span::seconds(5));
    tenant.queues.get(queue).map_or_else(plain, Terms::of)
}

fn terms_of_client(tenant: &Tenant, client: Option<&ClientName>, queue: Terms) -> Terms {
    let client = client.and_then(|name| tenant.clients.get(name));
    let contract = client.and_then(|client| client.contract.as_ref());
    match contract.and_then(|contract| contract.service_level.as_ref()) {
        Some(level) => Terms::new(level, queue.short),
        None => queue,
    }
}

/// The team of `<team>-<pod>-<slot>`.
fn virtual_team(tenant: &Tenant, agent: &AgentName) -> Option<TeamName> {
    let mut parts = agent.as_str().rsplitn(3, '-').skip(2);
    parts
        .next()
        .and_then(|team| tenant.teams.get_key_value(team))
        .map(|(name, _)| name.clone())
}
