//! Linear relaxation → dive to whole numbers → local search → proof where the problem is small.

use std::time::Duration;

use super::problem::{Column, Problem, ProblemError};
use super::relaxation::{prove, relax};
use super::search::{Found, Terrain};
use crate::arrivals::Random;

/// How hard to try. The search counts moves, not seconds, so that a plan is the same on
/// every machine; only the proof may end by the clock.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Effort {
    /// Moves of the local search; half a million a second or more.
    pub moves: u64,
    /// Nodes of the branch and bound that follows where the problem is small.
    pub nodes: u64,
    /// Its time at most.
    pub proof_time: Duration,
    /// Of the search's choices.
    pub seed: u64,
}

impl Default for Effort {
    fn default() -> Self {
        Self {
            moves: 1_000_000,
            nodes: 20_000,
            proof_time: Duration::from_secs(5),
            seed: 1,
        }
    }
}

/// Columns times intervals up to which a proof is tried.
const SMALL: usize = 20_000;

/// A plan, and how good it is known to be.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// People by group and shift: (group, pattern, how many), in order.
    pub people: Vec<(usize, usize, u32)>,
    /// Agents missing in each interval.
    pub short: Vec<u32>,
    /// Cost of the shifts and of what is missing.
    pub cost: f64,
    /// No plan can cost less than this.
    pub bound: f64,
    /// Whether this plan is known to be a cheapest one.
    pub proven: bool,
}

impl Plan {
    /// How far the cost may lie above the cheapest plan's, as a share of the bound.
    pub fn gap(&self) -> f64 {
        if self.proven || self.cost <= self.bound {
            0.0
        } else {
            (self.cost - self.bound) / self.bound.max(f64::MIN_POSITIVE)
        }
    }
}

/// Why there is no plan.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum SolveError {
    /// The problem makes no sense.
    #[error(transparent)]
    Problem(#[from] ProblemError),
    /// The linear solver failed.
    #[error(
        "the linear relaxation could not be solved; costs many orders of magnitude apart can do that"
    )]
    Numerical,
}

/// Plans a day.
///
/// # Errors
/// If the problem is not one, or the linear solver fails on it.
pub fn solve(problem: &Problem, effort: &Effort) -> Result<Plan, SolveError> {
    problem.check()?;
    let columns = problem.columns();
    if columns.is_empty() {
        return Err(ProblemError::Empty("patterns of every group").into());
    }
    let relaxed = relax(problem, &columns).ok_or(SolveError::Numerical)?;
    let terrain = Terrain::new(problem, &columns);
    let start: Vec<usize> = relaxed
        .people
        .iter()
        .enumerate()
        .flat_map(|(column, &people)| std::iter::repeat_n(column, people as usize))
        .collect();
    let mut random = Random::new(effort.seed);
    let found = terrain.anneal(&start, effort.moves, &mut random);

    let grain = grain(problem, &columns);
    let reached = |cost: f64| is_least(cost, relaxed.bound, grain);
    let small = columns.len() * problem.intervals() <= SMALL;
    let (found, proven) = if reached(found.cost) {
        (found, true)
    } else if small && effort.nodes > 0 {
        with_proof(problem, &columns, &terrain, found, effort)
    } else {
        (found, false)
    };
    Ok(plan(&columns, found, relaxed.bound, proven))
}

/// Whether nothing between the bound and the cost is a possible cost.
fn is_least(cost: f64, bound: f64, grain: Option<f64>) -> bool {
    let slack = 1e-6 * cost.abs().max(1.0);
    match grain {
        Some(grain) => cost < bound + grain - slack,
        None => cost <= bound + slack,
    }
}

/// The greatest number that every cost is a multiple of, if costs are whole in thousandths.
fn grain(problem: &Problem, columns: &[Column]) -> Option<f64> {
    const PART: f64 = 1000.0;
    let gcd = |mut a: u64, mut b: u64| {
        while b > 0 {
            (a, b) = (b, a % b);
        }
        a
    };
    let costs = columns.iter().map(|column| column.cost);
    let mut common = 0;
    for cost in costs.chain([problem.shortage]) {
        let parts = cost * PART;
        if (parts - parts.round()).abs() > 1e-6 || parts > 1e15 {
            return None;
        }
        common = gcd(common, parts.round() as u64);
    }
    (common > 0).then_some(common as f64 / PART)
}

fn with_proof(
    problem: &Problem,
    columns: &[Column],
    terrain: &Terrain,
    found: Found,
    effort: &Effort,
) -> (Found, bool) {
    let mut known = vec![0; columns.len()];
    found.people.iter().for_each(|&column| known[column] += 1);
    let Some(whole) = prove(problem, columns, &known, effort.nodes, effort.proof_time) else {
        return (found, false);
    };
    let people: Vec<usize> = whole
        .people
        .iter()
        .enumerate()
        .flat_map(|(column, &count)| std::iter::repeat_n(column, count as usize))
        .collect();
    let better = terrain.found(&people);
    if better.cost <= found.cost + 1e-9 {
        (better, whole.proven)
    } else {
        // A proof of something dearer than what is at hand proves nothing.
        (found, false)
    }
}

fn plan(columns: &[Column], found: Found, bound: f64, proven: bool) -> Plan {
    let mut people: Vec<(usize, usize, u32)> = Vec::new();
    let mut sorted = found.people;
    sorted.sort_unstable();
    for column in sorted {
        let Column { group, pattern, .. } = columns[column];
        match people.last_mut() {
            Some(last) if (last.0, last.1) == (group, pattern) => last.2 += 1,
            _ => people.push((group, pattern, 1)),
        }
    }
    Plan {
        people,
        short: found.short,
        cost: found.cost,
        bound,
        proven,
    }
}
