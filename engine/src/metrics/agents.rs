//! The figures of today by agent, of so many agents and no more.

use std::collections::BTreeMap;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use trunkline_routing::metrics::Scope;
use trunkline_tenant::crds::AgentName;

use super::{Averages, Level, adherence, whole, work};
use crate::figures::Figure;

/// So many have series of their own, the first by name. Each has eight: eight thousand are 0.7 MB a scrape, and a
/// larger centre, or virtual agents whose names come and go with their pods, can't make more.
const MOST: usize = 1000;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct AgentLabel {
    agent: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct AgentCount {
    agent: String,
    /// `answered` or `handled`.
    what: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct AgentPlan {
    agent: String,
    /// `as-planned` or `as-amended`.
    plan: &'static str,
}

/// Since the centre's midnight; see [`MOST`].
#[derive(Debug, Default)]
pub(super) struct Agents {
    counts: Family<AgentCount, Gauge>,
    averages: Averages<AgentLabel>,
    occupancy: Level<AgentLabel>,
    load: Level<AgentLabel>,
    adherence: Level<AgentPlan>,
    left_out: Gauge,
}

impl Agents {
    pub(super) fn register(&self, r: &mut Registry) {
        r.register(
            "agent_contacts_today",
            "Contacts that each agent answered since midnight, and those of them that are over",
            self.counts.clone(),
        );
        self.averages.register("agent", r);
        r.register(
            "agent_occupancy",
            "Contact time over contact and idle time since midnight, 0 to 1",
            self.occupancy.clone(),
        );
        r.register(
            "agent_load",
            "Capacity in use over capacity of who is signed in and ready, now, 0 to 1",
            self.load.clone(),
        );
        r.register(
            "agent_adherence",
            "Planned time that was kept over planned time since midnight, against the rota as it stood and as \
             amended, 0 to 1",
            self.adherence.clone(),
        );
        r.register(
            "agents_left_out",
            "Agents who have figures today and no series here, for they are too many",
            self.left_out.clone(),
        );
    }

    pub(super) fn set(&self, figures: &[Figure]) {
        self.counts.clear();
        self.averages.clear();
        self.occupancy.clear();
        self.load.clear();
        self.adherence.clear();
        let of_agents = figures.iter().filter_map(|figure| match &figure.scope {
            Scope::Agent(agent) => Some((agent, figure)),
            _ => None,
        });
        let all: BTreeMap<&AgentName, &Figure> = of_agents.collect();
        let left_out = all.len().saturating_sub(MOST);
        self.left_out.set(whole(left_out as u64));
        for (agent, figure) in all.into_iter().take(MOST) {
            self.set_agent(agent.as_str(), figure);
        }
    }

    fn set_agent(&self, agent: &str, figure: &Figure) {
        let name = || agent.to_owned();
        for (what, n) in work(&figure.counts) {
            let label = AgentCount {
                agent: name(),
                what,
            };
            self.counts.get_or_create(&label).set(whole(n));
        }
        let label = AgentLabel { agent: name() };
        self.averages.set(&label, &figure.counts);
        let occupancy = figure.hours.and_then(|hours| hours.occupancy());
        for (family, value) in [(&self.occupancy, occupancy), (&self.load, figure.load)] {
            if let Some(value) = value {
                family.get_or_create(&label).set(value);
            }
        }
        for (plan, ratio) in adherence(figure) {
            let label = AgentPlan {
                agent: name(),
                plan,
            };
            self.adherence.get_or_create(&label).set(ratio);
        }
    }
}

#[cfg(test)]
mod tests {
    use trunkline_routing::Time;
    use trunkline_routing::metrics::Counts;

    use super::*;
    use crate::metrics::Metrics;
    use crate::state::State;

    fn figure(agent: usize) -> Figure {
        let name = format!("agent-{agent:05}");
        Figure {
            scope: Scope::Agent(AgentName::new(name)),
            from: Time(0),
            interval: None,
            counts: Counts {
                answered: 1,
                ..Counts::default()
            },
            judged: None,
            terms: None,
            hours: None,
            load: Some(0.5),
            adherence: None,
        }
    }

    #[test]
    fn the_first_so_many_agents_by_name_have_series_and_it_is_said_how_many_are_left_out() {
        let metrics = Metrics::default();
        let read = |agents: usize| {
            let figures: Vec<Figure> = (0..agents).rev().map(figure).collect();
            let text = metrics.render(&State::default(), &figures);
            let count = |start: &str| text.lines().filter(|line| line.starts_with(start)).count();
            let series = [
                count("trunkline_engine_agent_contacts_today{"),
                count("trunkline_engine_agent_load{"),
            ];
            (series, text)
        };
        let (series, text) = read(MOST + 3);
        assert_eq!(series, [2 * MOST, MOST]);
        assert!(text.contains("\ntrunkline_engine_agents_left_out 3\n"));
        let last = format!("agent-{:05}", MOST - 1);
        assert!(text.contains(&format!(
            r#"trunkline_engine_agent_load{{agent="{last}"}} 0.5"#
        )));
        // Who has no figures any more, on a new day, has no series either.
        let (series, text) = read(2);
        assert_eq!(series, [4, 2]);
        assert!(text.contains("\ntrunkline_engine_agents_left_out 0\n"));
    }
}
