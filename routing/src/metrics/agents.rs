//! What agents' time went to: a fold of the times at which their states changed.

use std::collections::BTreeMap;

use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use trunkline_tenant::crds::AgentName;

use super::{Interval, clip};
use crate::{AgentState, Span, Time};

/// Where time went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Hours {
    /// With contacts, being joined, and in wrap-up.
    pub contact: Span,
    /// Free and ready.
    pub idle: Span,
    /// Being asked; in no one's occupancy.
    pub offered: Span,
    /// Signed in, not ready.
    pub not_ready: Span,
}

impl Hours {
    /// Contact time / (contact + idle); `None` for one who was never ready.
    pub fn occupancy(&self) -> Option<f64> {
        let ready = self.contact.0 + self.idle.0;
        (ready > 0).then(|| self.contact.0 as f64 / ready as f64)
    }

    /// Adds another's.
    pub fn merge(&mut self, other: &Self) {
        self.contact.0 += other.contact.0;
        self.idle.0 += other.idle.0;
        self.offered.0 += other.offered.0;
        self.not_ready.0 += other.not_ready.0;
    }

    fn add(&mut self, state: &AgentState, time: Span) {
        match state {
            AgentState::SignedOut => {}
            AgentState::NotReady { .. } => self.not_ready.0 += time.0,
            AgentState::Idle => self.idle.0 += time.0,
            AgentState::Offered => self.offered.0 += time.0,
            AgentState::Busy | AgentState::WrapUp { .. } => self.contact.0 += time.0,
        }
    }
}

/// The fold of every agent's states, by interval in one zone.
#[derive(Clone, Debug)]
pub struct AgentTimes {
    interval: Interval,
    zone: Tz,
    present: BTreeMap<AgentName, (Time, AgentState)>,
    by_interval: BTreeMap<(AgentName, Time), Hours>,
}

impl AgentTimes {
    /// Empty.
    pub fn new(interval: Interval, zone: Tz) -> Self {
        Self {
            interval,
            zone,
            present: BTreeMap::new(),
            by_interval: BTreeMap::new(),
        }
    }

    /// An agent's state from a moment on.
    pub fn changed(&mut self, at: Time, agent: &AgentName, state: AgentState) {
        self.count_until(agent, at);
        self.present.insert(agent.clone(), (at, state));
    }

    /// Counts everybody's present state up to a moment.
    pub fn until(&mut self, at: Time) {
        let agents: Vec<AgentName> = self.present.keys().cloned().collect();
        for agent in agents {
            self.count_until(&agent, at);
        }
    }

    fn count_until(&mut self, agent: &AgentName, at: Time) {
        let Some((since, state)) = self.present.get_mut(agent) else {
            return;
        };
        for (start, part) in clip(*since, at, self.interval, self.zone) {
            self.by_interval
                .entry((agent.clone(), start))
                .or_default()
                .add(state, part);
        }
        *since = at.max(*since);
    }

    /// Forgets the intervals that began before a moment.
    pub fn forget_before(&mut self, moment: Time) {
        self.by_interval.retain(|(_, start), _| *start >= moment);
    }

    /// An agent's times between two moments, by the interval that begins there, the present stretch
    /// up to `to` included.
    pub fn between(&self, agent: &AgentName, from: Time, to: Time) -> Hours {
        let mut all = Hours::default();
        let range = (agent.clone(), from)..(agent.clone(), to.max(from));
        for (_, hours) in self.by_interval.range(range) {
            all.merge(hours);
        }
        if let Some((since, state)) = self.present.get(agent) {
            let since = (*since).max(from);
            if since < to {
                all.add(state, to - since);
            }
        }
        all
    }

    /// Everybody who was ever seen.
    pub fn agents(&self) -> impl Iterator<Item = &AgentName> {
        self.present.keys()
    }

    /// Each agent's times, by interval.
    pub fn iter(&self) -> impl Iterator<Item = (&AgentName, Time, &Hours)> {
        self.by_interval
            .iter()
            .map(|((agent, start), hours)| (agent, *start, hours))
    }

    /// An agent's times, all intervals together.
    pub fn of(&self, agent: &AgentName) -> Hours {
        let mut all = Hours::default();
        for ((name, _), hours) in &self.by_interval {
            if name == agent {
                all.merge(hours);
            }
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn occupancy_is_contact_time_over_contact_and_idle_and_breaks_are_in_neither() {
        let mut times = AgentTimes::new(Interval::Quarter, chrono_tz::UTC);
        let ann: AgentName = "ann".into();
        let until = Time(0);
        for (second, state) in [
            (0, AgentState::Idle),
            (600, AgentState::Offered),
            (610, AgentState::Busy),
            (1000, AgentState::WrapUp { until }),
            (
                1010,
                AgentState::NotReady {
                    reason: "lunch".into(),
                },
            ),
            (4000, AgentState::Idle),
        ] {
            times.changed(Time(0) + Span::seconds(second), &ann, state);
        }
        times.until(Time(0) + Span::seconds(4600));
        let all = times.of(&ann);
        assert_eq!(all.contact, Span::seconds(400));
        assert_eq!(all.idle, Span::seconds(1200));
        assert_eq!(all.occupancy(), Some(0.25));
        let first: Vec<_> = times.iter().take(1).collect();
        assert_eq!(
            first[0].2.contact,
            Span::seconds(290),
            "clipped at the quarter"
        );
    }
}
