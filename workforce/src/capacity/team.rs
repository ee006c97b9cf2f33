//! What the documents say to the policy of a virtual team.

use trunkline_tenant::crds::{Formula as Contracted, TeamName};
use trunkline_tenant::{Queue, Tenant};

use super::{Budget, Outlook, Settings};
use crate::erlang::Formula;

/// What the callers of a team's queues bring, on average. Seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Work {
    /// Handling time, wrap-up included.
    pub aht: f64,
    /// Patience; infinite for callers who never hang up.
    pub patience: f64,
}

/// Calls that are expected between two times, in seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Expected {
    /// From when.
    pub from: f64,
    /// Until when.
    pub to: f64,
    /// How many.
    pub calls: f64,
}

impl Settings {
    /// For a virtual team whose pods take contacts `start_up` seconds after they are asked for, as
    /// if it were alone on its queues: the strictest service level of these, the team's bounds with what
    /// the [`Budget`] leaves beside the least of the other teams, and the capacity's horizon. What documents don't say is as the judged days fixed it.
    /// `None` where the team isn't virtual, or has no queue.
    pub fn of_team(tenant: &Tenant, team: &TeamName, work: Work, start_up: f64) -> Option<Self> {
        let pods = tenant.teams.get(team)?.virtual_agents.as_ref()?;
        let promised = queues(tenant, team).map(|queue| {
            let level = queue.service_level.clone().unwrap_or_default();
            let (share, within) = (level.percent.0 / 100.0, level.within.0 as f64);
            (share, within, level.formula, queue.short_abandon)
        });
        let (share, within, formula, short) =
            promised.max_by(|a, b| a.0.total_cmp(&b.0).then(b.1.total_cmp(&a.1)))?;
        let most = pods.max_pods.min(Budget::of(tenant).left(team, |_| 0));
        let horizon = tenant.capacity.horizon.0 as f64;
        Some(Self {
            start_up,
            hold: (horizon - start_up).max(0.0),
            aht: work.aht,
            patience: work.patience,
            service_level: (
                Formula::from(formula),
                share.clamp(SMALLEST_SHARE, 1.0 - SMALLEST_SHARE),
                within,
            ),
            short_abandon: short.0 as f64,
            contacts_per_pod: pods.contacts_per_pod.max(1),
            least: pods.min_pods.min(most),
            most,
            ..Self::default()
        })
    }
}

/// What no number of agents reaches, and what needs none, is no aim.
const SMALLEST_SHARE: f64 = 1e-3;

/// The queues that a team serves.
pub fn queues<'a>(tenant: &'a Tenant, team: &TeamName) -> impl Iterator<Item = &'a Queue> {
    let served = move |queue: &&Queue| queue.teams.iter().any(|share| share.name == *team);
    tenant.queues.values().filter(served)
}

impl Outlook {
    /// What is expected, cut into intervals of this length, in seconds; it begins at 0. `level_cv` says how wrong
    /// its level usually is, as a coefficient of variation.
    pub fn of_calls(expected: &[Expected], interval: f64, level_cv: f64) -> Self {
        let end = expected.iter().map(|one| one.to).fold(0.0, f64::max);
        // One more, in which nobody is expected: the last one goes on without end.
        let mut rates = vec![0.0; (end / interval).ceil() as usize + 1];
        for one in expected.iter().filter(|one| one.to > one.from) {
            let rate = one.calls / (one.to - one.from);
            let first = (one.from / interval).floor().max(0.0) as usize;
            for (at, sum) in rates.iter_mut().enumerate().skip(first) {
                let (from, to) = (at as f64 * interval, (at as f64 + 1.0) * interval);
                if from >= one.to {
                    break;
                }
                *sum += rate * (one.to.min(to) - one.from.max(from)).max(0.0) / interval;
            }
        }
        Self {
            rates,
            interval,
            start: 0.0,
            level_cv,
            dispersion: 1.0,
        }
    }
}

impl From<Contracted> for Formula {
    /// The formula of one queue: what flows out of it has no place in it.
    fn from(contracted: Contracted) -> Self {
        match contracted {
            Contracted::ExcludeShortAbandons => Self::ExcludeShortAbandons,
            Contracted::AllOffered | Contracted::WithFlowOuts => Self::AllOffered,
            Contracted::AnsweredOnly => Self::AnsweredOnly,
            Contracted::AbandonsCount | Contracted::RemovedFromQueue => Self::AbandonsCount,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_expected_keeps_its_sum_however_it_is_cut() {
        let of = |from, to, calls| Expected { from, to, calls };
        let calls = [
            of(0.0, 1800.0, 60.0),
            of(900.0, 2700.0, 30.0),
            of(2700.0, 4500.0, 90.0),
        ];
        for interval in [300.0, 700.0, 1800.0] {
            let outlook = Outlook::of_calls(&calls, interval, 0.0);
            let sum = outlook.expected(0.0, 10_000.0);
            assert!((sum - 180.0).abs() < 1e-9, "{interval}: {sum}");
        }
        let outlook = Outlook::of_calls(&calls, 300.0, 0.0);
        assert!((outlook.expected(900.0, 1800.0) - 45.0).abs() < 1e-9);
    }
}
