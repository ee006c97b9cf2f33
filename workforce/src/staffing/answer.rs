//! The answer: who is needed when, and how surely that keeps what was promised.

use trunkline_routing::Span;
use trunkline_tenant::QueueId;
use trunkline_tenant::crds::{Shrinkage, TeamName};

use super::bounds::Bracket;
use super::problem::{Group, Problem};
use super::trial::{Cells, Plan};
use crate::exact::Exact;
use crate::simulate::{Estimate, ratio};

/// How sure it is that a promise is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Met {
    /// It is not.
    No,
    /// On average; the interval of the verification reaches below.
    Likely,
    /// The whole interval of the verification keeps it.
    Surely,
}

/// One queue in one interval, as verified.
#[derive(Clone, Debug, PartialEq)]
pub struct Level {
    /// Which.
    pub queue: QueueId,
    /// Contacts expected.
    pub calls: f64,
    /// What is promised, 0..1.
    pub target: f64,
    /// By the queue's own formula; `None` where nobody came in any run.
    pub level: Option<Estimate>,
    /// Share that abandons.
    pub abandoned: Option<Estimate>,
    /// Whether the service level is kept.
    pub level_met: Met,
    /// Whether the bound on abandonment is kept; `Surely` where there is none.
    pub abandonment_met: Met,
}

impl Level {
    /// Whether both promises are kept.
    pub fn met(&self) -> Met {
        self.level_met.min(self.abandonment_met)
    }
}

/// One team in one interval.
#[derive(Clone, Debug, PartialEq)]
pub struct TeamNeed {
    /// Which.
    pub team: TeamName,
    /// Agents at work, all groups.
    pub required: u32,
    /// Agents on the roster, with the team's shrinkage, rounded up exactly.
    pub scheduled: u64,
    /// Share of their time with contacts and wrap-up; `None` where nobody is there.
    pub occupancy: Option<Estimate>,
}

/// What one interval needs.
#[derive(Clone, Debug, PartialEq)]
pub struct Required {
    /// From when.
    pub from: Span,
    /// Until when.
    pub to: Span,
    /// Between which numbers Erlang's formulae see the total.
    pub bracket: Bracket,
    /// By group.
    pub agents: Vec<u32>,
    /// By team.
    pub teams: Vec<TeamNeed>,
    /// By queue that is called in it.
    pub levels: Vec<Level>,
}

/// A promise that is not kept, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct Unmet {
    /// Which interval.
    pub interval: usize,
    /// In words.
    pub why: String,
}

/// The answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Staffing {
    /// Who could be had.
    pub groups: Vec<Group>,
    /// Interval by interval.
    pub intervals: Vec<Required>,
    /// What the numbers don't keep; empty where all is kept.
    pub unmet: Vec<Unmet>,
}

/// Agents on the roster for so many at work: ⌈n / ((1 − planned)(1 − unplanned))⌉, exactly.
/// `None` where shrinkage leaves nobody.
pub fn scheduled(required: u32, shrinkage: &Shrinkage) -> Option<u64> {
    let left = |percent: f64| -> Option<Exact> {
        // As the document says it: 12.1 is 121/10, not the double nearest to it.
        let share: Exact = format!("{percent}/100").parse().ok()?;
        let left = &Exact::one() - &share;
        left.is_positive().then_some(left)
    };
    let left = &left(shrinkage.planned.0)? * &left(shrinkage.unplanned.0)?;
    Exact::from(u64::from(required)).checked_div(&left)?.ceil()
}

/// One queue's cell as it is verified.
pub(super) fn verified(problem: &Problem, interval: usize, queue: usize, cells: &Cells) -> Level {
    let target = &problem.targets[queue];
    let none = Vec::new();
    let level = ratio(cells.level.get(queue).unwrap_or(&none));
    let abandoned = ratio(cells.abandoned.get(queue).unwrap_or(&none));
    let at_least = |found: Option<Estimate>, least: f64| match found {
        None => Met::Likely,
        Some(found) if found.mean - found.half_width.unwrap_or(f64::INFINITY) >= least => {
            Met::Surely
        }
        Some(found) if found.mean >= least => Met::Likely,
        Some(_) => Met::No,
    };
    let by_level = at_least(level, target.level);
    let by_abandonment = target.max_abandonment.map_or(Met::Surely, |most| {
        let kept = abandoned.map(|found| Estimate {
            mean: 1.0 - found.mean,
            ..found
        });
        at_least(kept, 1.0 - most)
    });
    Level {
        queue: target.queue.clone(),
        calls: problem.calls[interval][queue],
        target: target.level,
        level,
        abandoned,
        level_met: by_level,
        abandonment_met: by_abandonment,
    }
}

/// One team's cell.
pub(super) fn occupied(team: usize, cells: &Cells) -> Option<Estimate> {
    ratio(cells.occupied.get(team)?)
}

impl Staffing {
    pub(super) fn new(
        problem: &Problem,
        brackets: &[Bracket],
        plan: &Plan,
        cells: &[Cells],
        unmet: Vec<Unmet>,
    ) -> Self {
        let names = problem.team_names();
        let intervals = (0..plan.len()).map(|at| {
            let teams = names.iter().enumerate().map(|(number, team)| {
                let required = problem.of_team(number, &plan[at]);
                let shrinkage = problem.tenant.teams.get(team).map(|team| &team.shrinkage);
                TeamNeed {
                    team: team.clone(),
                    required,
                    // A problem with a shrinkage of all is refused.
                    scheduled: shrinkage
                        .and_then(|shrinkage| scheduled(required, shrinkage))
                        .unwrap_or(u64::from(required)),
                    occupancy: (required > 0)
                        .then(|| occupied(number, &cells[at]))
                        .flatten(),
                }
            });
            let called = (0..problem.targets.len()).filter(|&q| problem.calls[at][q] > 0.0);
            Required {
                from: problem.intervals[at].0,
                to: problem.intervals[at].1,
                bracket: brackets[at],
                agents: plan[at].clone(),
                teams: teams.collect(),
                levels: called
                    .map(|q| verified(problem, at, q, &cells[at]))
                    .collect(),
            }
        });
        Self {
            groups: problem.groups.clone(),
            intervals: intervals.collect(),
            unmet,
        }
    }
}

#[cfg(test)]
mod tests {
    use trunkline_tenant::crds::Percent;

    use super::*;

    #[test]
    fn shrinkage_is_rounded_up_exactly() {
        let of = |planned, unplanned| Shrinkage {
            planned: Percent(planned),
            unplanned: Percent(unplanned),
        };
        // 17 / (0.8 × 0.85) is 25 and not a hair more.
        assert_eq!(scheduled(17, &of(20.0, 15.0)), Some(25));
        assert_eq!(scheduled(17, &of(32.0, 0.0)), Some(25));
        assert_eq!(scheduled(13, &of(23.0, 0.0)), Some(17));
        assert_eq!(scheduled(0, &of(23.0, 10.0)), Some(0));
        assert_eq!(scheduled(1, &of(100.0, 0.0)), None);
    }
}
