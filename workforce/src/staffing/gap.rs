//! What lacks of a team of people, interval by interval, and what would cure it: people can't be
//! started as pods are, so it has to be known early enough to act.

use trunkline_tenant::Tenant;
use trunkline_tenant::crds::TeamName;

use super::answer::{Required, Staffing};
use crate::capacity::Budget;
use crate::simulate::Presence;

/// A team of people in one interval.
#[derive(Clone, Debug, PartialEq)]
pub struct Gap {
    /// Which team.
    pub team: TeamName,
    /// Which interval of the answer.
    pub interval: usize,
    /// Agents who have to be at work.
    pub required: u32,
    /// Agents who have to be on the roster for that, with the team's shrinkage.
    pub with_shrinkage: u64,
    /// Agents on the roster and on no break, on average over the interval.
    pub on_shift: f64,
    /// What the roster lacks; 0 where it suffices.
    pub missing: f64,
    /// What would cure it, in words; `None` where nothing is missing.
    pub cure: Option<String>,
}

/// Compares what is needed of each team of people with who is there by these presences.
pub fn gaps(tenant: &Tenant, answer: &Staffing, presences: &[Presence]) -> Vec<Gap> {
    let mut all = Vec::new();
    for (interval, needed) in answer.intervals.iter().enumerate() {
        for need in &needed.teams {
            let team = tenant.teams.get(&need.team);
            if team.is_none_or(|team| team.virtual_agents.is_some()) {
                continue;
            }
            let on_shift = on_shift(tenant, &need.team, needed, presences);
            let missing = (need.scheduled as f64 - on_shift).max(0.0);
            let cure = (missing > 0.0).then(|| {
                let people = missing.ceil() as u64;
                cure(tenant, answer, needed, &need.team, people, on_shift)
            });
            all.push(Gap {
                team: need.team.clone(),
                interval,
                required: need.required,
                with_shrinkage: need.scheduled,
                on_shift,
                missing,
                cure,
            });
        }
    }
    all
}

fn on_shift(tenant: &Tenant, team: &TeamName, of: &Required, presences: &[Presence]) -> f64 {
    let length = (of.to.0 - of.from.0) as f64;
    let there = presences.iter().filter(|presence| {
        let listed = tenant.agents.get(&presence.agent);
        let listed = listed.and_then(|agent| agent.team.as_ref());
        listed.or(presence.team.as_ref()) == Some(team)
    });
    let time = there.map(|presence| {
        let to = presence.to.map_or(of.to, |to| to.min(of.to));
        (to.0 - presence.from.max(of.from).0).max(0) as f64
    });
    time.sum::<f64>() / length
}

/// Who of the team is off, who else could take the contacts, and whom to hire for the rest.
fn cure(
    tenant: &Tenant,
    answer: &Staffing,
    needed: &Required,
    team: &TeamName,
    people: u64,
    on_shift: f64,
) -> String {
    let members = tenant.agents.values();
    let members = members.filter(|agent| agent.team.as_ref() == Some(team));
    let off = (members.count() as u64).saturating_sub(on_shift.ceil() as u64);
    let mut ways = Vec::new();
    if off > 0 {
        ways.push(format!(
            "overtime or another shift for {} of the {off} who are off",
            people.min(off)
        ));
    }
    if people > off {
        ways.push(format!(
            "{} more people{}",
            people - off,
            skills(answer, needed, team)
        ));
    }
    let mut cures = vec![ways.join(" and ")];
    let serving = |of: &TeamName| {
        let queues = needed.levels.iter();
        let queues = queues.filter_map(|level| tenant.queues.get(&level.queue));
        queues
            .filter(|queue| queue.teams.iter().any(|share| share.name == *of))
            .collect::<Vec<_>>()
    };
    for (other, room) in rooms(tenant, needed) {
        let shares = serving(team)
            .iter()
            .any(|queue| queue.teams.iter().any(|share| share.name == *other));
        if shares && room > 0 {
            cures.push(format!(
                "{} agents more of the virtual team {other}",
                people.min(u64::from(room))
            ));
        }
    }
    cures.join("; or ")
}

/// What those of the team who are needed most can do.
fn skills(answer: &Staffing, needed: &Required, team: &TeamName) -> String {
    let groups = answer.groups.iter().zip(&needed.agents);
    let of_team = groups.filter(|(group, agents)| group.team == *team && **agents > 0);
    let most = of_team.max_by_key(|(_, agents)| **agents);
    let skills = most.into_iter().flat_map(|(group, _)| &group.skills);
    let skills: Vec<String> = skills
        .map(|(skill, level)| format!("{skill} {level}"))
        .collect();
    if skills.is_empty() {
        String::new()
    } else {
        format!(" with {}", skills.join(" and "))
    }
}

/// Virtual teams, and how many agents more of each the bounds and the budget allow.
fn rooms<'a>(tenant: &'a Tenant, needed: &Required) -> Vec<(&'a TeamName, u32)> {
    let budget = Budget::of(tenant);
    let agents_of = |team: &TeamName| {
        let need = needed.teams.iter().find(|need| need.team == *team);
        need.map_or(0, |need| need.required)
    };
    let per_pod = |team: &TeamName| {
        let pods = tenant.teams.get(team)?.virtual_agents.as_ref()?;
        Some(pods.contacts_per_pod.max(1))
    };
    let pods_of = |team: &TeamName| agents_of(team).div_ceil(per_pod(team).unwrap_or(1));
    let virtually = tenant.teams.iter().filter_map(|(name, team)| {
        let pods = team.virtual_agents.as_ref()?;
        let most = pods.max_pods.min(budget.left(name, pods_of));
        let most = most.saturating_mul(pods.contacts_per_pod.max(1));
        Some((name, most.saturating_sub(agents_of(name))))
    });
    virtually.collect()
}
