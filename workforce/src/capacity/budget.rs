//! `spec.capacity.virtualBudget`: one budget of pods over all virtual teams of a tenant.

use std::collections::BTreeMap;

use trunkline_tenant::Tenant;
use trunkline_tenant::crds::TeamName;

/// The pods that a tenant's virtual teams may have between them. What a team has at least
/// (`minPods`) is kept for it; the rest goes to whoever needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Budget {
    pods: u32,
    kept: BTreeMap<TeamName, u32>,
}

impl Budget {
    /// As the documents have it. Without `virtualBudget` nothing binds but each team's own
    /// `maxPods`. Where even the least of all teams are more than it, teams have theirs in the
    /// order of their names, as far as it goes.
    pub fn of(tenant: &Tenant) -> Self {
        let virtually = tenant.teams.iter().filter_map(|(name, team)| {
            Some((name.clone(), team.virtual_agents.as_ref()?.min_pods))
        });
        Self::new(tenant.capacity.virtual_budget, virtually)
    }

    fn new(pods: Option<u32>, least: impl Iterator<Item = (TeamName, u32)>) -> Self {
        let pods = pods.unwrap_or(u32::MAX);
        let mut free = pods;
        let kept = least.map(|(team, least)| {
            let kept = least.min(free);
            free -= kept;
            (team, kept)
        });
        Self {
            kept: kept.collect(),
            pods,
        }
    }

    /// Pods over all virtual teams.
    pub fn pods(&self) -> u32 {
        self.pods
    }

    /// Pods that one team may have while each other has so many, or what is kept for it where
    /// that is more.
    pub fn left(&self, team: &TeamName, pods_of: impl Fn(&TeamName) -> u32) -> u32 {
        let others = self.kept.iter().filter(|(other, _)| *other != team);
        let taken = others.fold(0_u32, |sum, (other, kept)| {
            sum.saturating_add(pods_of(other).max(*kept))
        });
        self.pods.saturating_sub(taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arrivals::Random;

    #[test]
    fn teams_that_ask_in_any_order_never_have_more_than_the_budget_between_them() {
        let mut random = Random::new(3);
        let mut below = |most: f64| (random.uniform() * most) as u32;
        for _ in 0..200 {
            let pods = below(30.0);
            let names: Vec<TeamName> = (0..4).map(|n| TeamName::new(format!("t{n}"))).collect();
            let least: Vec<(TeamName, u32)> = names
                .iter()
                .map(|name| (name.clone(), below(12.0)))
                .collect();
            let budget = Budget::new(Some(pods), least.into_iter());
            let mut has: BTreeMap<TeamName, u32> = BTreeMap::new();
            for _ in 0..40 {
                let team = &names[below(4.0) as usize];
                let left = budget.left(team, |other| has.get(other).copied().unwrap_or(0));
                assert!(left >= budget.kept[team], "its own is kept for it");
                has.insert(team.clone(), below(40.0).min(left));
                assert!(has.values().sum::<u32>() <= pods, "{has:?} of {pods}");
            }
        }
    }
}
