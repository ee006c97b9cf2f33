//! A run's figures by queue and team, by the metric contract.

use std::collections::BTreeMap;

use trunkline_routing::metrics::Counts;
use trunkline_routing::{AgentState, Span, Time};
use trunkline_tenant::crds::TeamName;
use trunkline_tenant::{QueueId, Tenant};

use super::slices::Kind;

/// What an agent's time went to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Occupation {
    since: Option<(Time, Now)>,
    contact: Span,
    idle: Span,
    /// Was signed in at some time.
    present: bool,
    /// Since when a break or the time to go is overrun.
    late_since: Option<Time>,
    overruns: u32,
    overrun: Span,
}

/// What an agent is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Now {
    /// As time is counted.
    pub(super) kind: Kind,
    /// Whether there is an offer, a contact or a wrap-up in hand.
    pub(super) in_hand: bool,
}

impl Occupation {
    /// The agent's state is this from now on; what it was, and what it is.
    pub(super) fn changed(&mut self, at: Time, state: &AgentState) -> (Now, Now) {
        self.until(at);
        let before = self.since.map_or(
            Now {
                kind: Kind::Neither,
                in_hand: false,
            },
            |(_, now)| now,
        );
        let kind = match state {
            AgentState::Busy | AgentState::WrapUp { .. } => Kind::Contact,
            AgentState::Idle => Kind::Idle,
            AgentState::Offered | AgentState::NotReady { .. } | AgentState::SignedOut => {
                Kind::Neither
            }
        };
        let in_hand = kind == Kind::Contact || *state == AgentState::Offered;
        let after = Now { kind, in_hand };
        self.present |= *state != AgentState::SignedOut;
        self.since = Some((at, after));
        if !in_hand {
            self.caught_up(at);
        }
        (before, after)
    }

    /// Their break, or the time to go, is there.
    pub(super) fn leaves(&mut self, at: Time) {
        if self.since.is_some_and(|(_, now)| now.in_hand) {
            self.overruns += 1;
            self.late_since = Some(at);
        }
    }

    /// What overran is over, or so is the break.
    pub(super) fn caught_up(&mut self, at: Time) {
        if let Some(since) = self.late_since.take() {
            self.overrun.0 += (at - since).0;
        }
    }

    pub(super) fn until(&mut self, at: Time) {
        if let Some((since, now)) = &mut self.since {
            let time = (at - *since).0;
            match now.kind {
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
    /// Breaks and ends of work that began with a contact or a wrap-up in hand.
    pub overruns: u32,
    /// By how much, in hours, all together; of a break no more than its length.
    pub overrun_hours: f64,
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
        counts: impl Iterator<Item = Counts>,
        agents: &[(Option<TeamName>, Occupation)],
    ) -> Self {
        let mut by_team: BTreeMap<&TeamName, (usize, i64, i64, u32, i64)> = BTreeMap::new();
        for (team, occupation) in agents {
            let Some(team) = team else { continue };
            let (count, contact, idle, overruns, overrun) = by_team.entry(team).or_default();
            *count += usize::from(occupation.present);
            *contact += occupation.contact.0;
            *idle += occupation.idle.0;
            *overruns += occupation.overruns;
            *overrun += occupation.overrun.0;
        }
        let share = |contact: i64, idle: i64| {
            let ready = contact + idle;
            (ready > 0).then(|| contact as f64 / ready as f64)
        };
        let queues = tenant
            .queues
            .iter()
            .zip(counts)
            .map(|((id, queue), counts)| {
                let formula = queue.service_level.clone().unwrap_or_default().formula;
                let teams = queue
                    .teams
                    .iter()
                    .filter_map(|team| by_team.get(&team.name));
                let (contact, idle) =
                    teams.fold((0, 0), |sum, team| (sum.0 + team.1, sum.1 + team.2));
                QueueFigures {
                    queue: id.clone(),
                    counts,
                    service_level: counts.service_level(formula),
                    occupancy: share(contact, idle),
                }
            });
        let hours = |time: i64| time as f64 / 3.6e9;
        let teams = tenant.teams.keys().map(|name| {
            let (agents, contact, idle, overruns, overrun) =
                by_team.get(name).copied().unwrap_or_default();
            TeamFigures {
                team: name.clone(),
                agents,
                contact_hours: hours(contact),
                idle_hours: hours(idle),
                occupancy: share(contact, idle),
                overruns,
                overrun_hours: hours(overrun),
            }
        });
        Self {
            queues: queues.collect(),
            teams: teams.collect(),
        }
    }
}
