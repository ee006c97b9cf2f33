//! A run's figures by queue and team, by the metric contract.

use std::collections::BTreeMap;

use trunkline_routing::metrics::Counts;
use trunkline_routing::{AgentState, Span, Time};
use trunkline_tenant::crds::TeamName;
use trunkline_tenant::{QueueId, Tenant};

/// What an agent's time went to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Occupation {
    since: Option<(Time, Kind)>,
    contact: Span,
    idle: Span,
    /// Conversations begun.
    present: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Contact,
    Idle,
    Neither,
}

impl Occupation {
    pub(super) fn changed(&mut self, at: Time, state: &AgentState) {
        self.until(at);
        let kind = match state {
            AgentState::Busy | AgentState::WrapUp { .. } => Kind::Contact,
            AgentState::Idle => Kind::Idle,
            AgentState::Offered | AgentState::NotReady { .. } | AgentState::SignedOut => {
                Kind::Neither
            }
        };
        self.present |= *state != AgentState::SignedOut;
        self.since = Some((at, kind));
    }

    pub(super) fn until(&mut self, at: Time) {
        if let Some((since, kind)) = &mut self.since {
            let time = (at - *since).0;
            match kind {
                Kind::Contact => self.contact.0 += time,
                Kind::Idle => self.idle.0 += time,
                Kind::Neither => {}
            }
            *since = at;
        }
    }
}

/// A queue's figures; times in seconds, levels in 0..1, `None` where nothing counts.
#[derive(Clone, Debug, PartialEq)]
pub struct QueueFigures {
    /// Which.
    pub queue: QueueId,
    /// What was counted.
    pub counts: Counts,
    /// By the queue's own formula and target time.
    pub service_level: Option<f64>,
    /// Of the agents of its teams.
    pub occupancy: Option<f64>,
}

/// A team's figures.
#[derive(Clone, Debug, PartialEq)]
pub struct TeamFigures {
    /// Which.
    pub team: TeamName,
    /// How many of it were there.
    pub agents: usize,
    /// Time with contacts and wrap-up, in hours.
    pub contact_hours: f64,
    /// Time free and ready, in hours.
    pub idle_hours: f64,
    /// contact / (contact + idle).
    pub occupancy: Option<f64>,
}

/// A run's figures.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    /// By queue, the centre's first.
    pub queues: Vec<QueueFigures>,
    /// By team.
    pub teams: Vec<TeamFigures>,
}

impl Summary {
    pub(super) fn new(
        tenant: &Tenant,
        mut counts: BTreeMap<QueueId, Counts>,
        agents: &[(Option<TeamName>, Occupation)],
    ) -> Self {
        let mut by_team: BTreeMap<&TeamName, (usize, i64, i64)> = BTreeMap::new();
        for (team, occupation) in agents {
            let Some(team) = team else { continue };
            let (count, contact, idle) = by_team.entry(team).or_default();
            *count += usize::from(occupation.present);
            *contact += occupation.contact.0;
            *idle += occupation.idle.0;
        }
        let share = |contact: i64, idle: i64| {
            let ready = contact + idle;
            (ready > 0).then(|| contact as f64 / ready as f64)
        };
        let queues = tenant.queues.iter().map(|(id, queue)| {
            let counts = counts.remove(id).unwrap_or_default();
            let formula = queue.service_level.clone().unwrap_or_default().formula;
            let teams = queue
                .teams
                .iter()
                .filter_map(|team| by_team.get(&team.name));
            let (contact, idle) = teams.fold((0, 0), |sum, team| (sum.0 + team.1, sum.1 + team.2));
            QueueFigures {
                queue: id.clone(),
                counts,
                service_level: counts.service_level(formula),
                occupancy: share(contact, idle),
            }
        });
        let hours = |time: i64| time as f64 / 3.6e9;
        let teams = tenant.teams.keys().map(|name| {
            let (agents, contact, idle) = by_team.get(name).copied().unwrap_or_default();
            TeamFigures {
                team: name.clone(),
                agents,
                contact_hours: hours(contact),
                idle_hours: hours(idle),
                occupancy: share(contact, idle),
            }
        });
        Self {
            queues: queues.collect(),
            teams: teams.collect(),
        }
    }
}
