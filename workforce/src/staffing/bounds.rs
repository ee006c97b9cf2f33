//! Between which numbers the answer lies, and where the search begins.
//!
//! Were everyone able to do everything, queues that share anybody at all would be one, and Erlang
//! says how many that takes; were each queue's people its own, Erlang says it queue by queue.
//! Neither is a proof where patience, targets and handling times differ; both are close.

use microlp::{ComparisonOp, LinearExpr, OptimizationDirection, Problem as Program};

use super::problem::Problem;
use crate::erlang::{
    Bounds, Callers, Formula, Horizons, LARGEST, OccupancyCap, Queue, SMALLEST, least_agents,
    modified_offered_load,
};
use crate::exact::Exact;

/// Agents that one interval needs at least and at most, as Erlang's formulae have it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bracket {
    /// With everyone able to do everything.
    pub pooled: u64,
    /// With each queue's people its own.
    pub separate: u64,
}

/// One queue in one interval.
#[derive(Clone, Copy)]
struct Station {
    load: f64,
    aht: f64,
    /// Calls that give up a second of waiting.
    impatience: f64,
    formula: Formula,
    level: f64,
    within: f64,
    short: f64,
    max_abandonment: Option<f64>,
}

impl Station {
    /// Agents for it; fractions of one where one agent takes several contacts at once.
    fn least(&self, max_occupancy: f64) -> u64 {
        if self.load < SMALLEST {
            return u64::from(self.load > 0.0);
        }
        let queue = Queue {
            load: self.load.min(LARGEST).into(),
            aht: self.aht,
            callers: if self.impatience > 0.0 {
                Callers::Impatient(1.0 / self.impatience)
            } else {
                Callers::Patient
            },
        };
        let cap = Exact::from_f64(self.load)
            .zip(Exact::from_f64(max_occupancy))
            .and_then(|(load, most)| OccupancyCap::new(&load, &most));
        let bounds = Bounds {
            service_level: (self.level > 0.0).then_some((self.formula, self.level)),
            max_occupancy: cap,
            max_abandon: self.max_abandonment,
            ..Bounds::default()
        };
        let horizons = Horizons {
            within: Some(self.within),
            short: Some(self.short),
        };
        // What no number reaches was refused before; beyond the computable the search decides.
        least_agents(&queue, 0.0, &bounds, horizons)
            .unwrap_or_else(|_| self.load.ceil() as u64 + 1)
            .max(1)
    }
}

/// By interval: the bracket, and a beginning for the search, by group.
pub(super) fn begin(problem: &Problem) -> Vec<(Bracket, Vec<u32>)> {
    let stations = stations(problem);
    let parts = components(problem);
    stations
        .iter()
        .enumerate()
        .map(|(interval, stations)| {
            let cap = problem.max_occupancy;
            let separate: Vec<u64> = stations.iter().map(|one| one.least(cap)).collect();
            let mut wanted = vec![0.0; stations.len()];
            let mut bracket = Bracket::default();
            for part in &parts {
                let here = part.iter().map(|&queue| stations[queue]);
                let load: f64 = here.clone().map(|one| one.load).sum();
                let pooled = pool(here).map_or(0, |one| one.least(cap));
                let apart: u64 = part.iter().map(|&queue| separate[queue]).sum();
                bracket.pooled += pooled.min(apart);
                bracket.separate += apart;
                // Each queue's load, and of its own reserve what pooling leaves.
                let spare = apart as f64 - load;
                let left = ((pooled as f64 - load) / spare).clamp(0.0, 1.0);
                let left = if left.is_finite() { left } else { 1.0 };
                for &queue in part {
                    let load = stations[queue].load;
                    wanted[queue] = (load + left * (separate[queue] as f64 - load)).max(0.0);
                }
            }
            (bracket, spread(problem, interval, &wanted))
        })
        .collect()
}

/// Queues that have to do with each other: they share a group, directly or over others.
fn components(problem: &Problem) -> Vec<Vec<usize>> {
    let mut part: Vec<usize> = (0..problem.targets.len()).collect();
    for group in &problem.groups {
        for pair in group.serves.windows(2) {
            let (from, to) = (part[pair[1]], part[pair[0]]);
            part.iter_mut()
                .filter(|part| **part == from)
                .for_each(|part| *part = to);
        }
    }
    let mut parts = vec![Vec::new(); part.len()];
    for (queue, part) in part.into_iter().enumerate() {
        parts[part].push(queue);
    }
    parts.retain(|part| !part.is_empty());
    parts
}

fn stations(problem: &Problem) -> Vec<Vec<Station>> {
    let mut by_queue: Vec<Vec<Station>> = Vec::new();
    for (queue, (demand, target)) in problem.demands.iter().zip(&problem.targets).enumerate() {
        let laws = |interval: usize| {
            let (from, to) = problem.intervals[interval];
            let mut periods = demand.periods.iter();
            let period = periods.find(|period| period.from >= from && period.to <= to);
            period.and_then(|period| period.laws.clone())
        };
        let mut before = 0.0;
        let mut ended = None;
        let of_queue = problem
            .intervals
            .iter()
            .enumerate()
            .map(|(at, (from, to))| {
                let length = (to.0 - from.0) as f64 / 1e6;
                let laws = laws(at);
                let handle = laws.as_ref().map_or(0.0, |laws| laws.handle.mean());
                // A call of no length still takes somebody's wrap-up, or next to nothing.
                let aht = (handle + target.wrap_up + problem.options.ring.as_secs_f64()).max(1e-3);
                let rate = problem.calls[at][queue] / length;
                if ended != Some(*from) {
                    before = 0.0;
                }
                ended = Some(*to);
                let load = if problem.options.steady {
                    rate * aht
                } else {
                    let moved = modified_offered_load(&[rate], length, aht, before);
                    before = moved.first().map_or(0.0, |moved| moved.end);
                    // An interval is met on average, and its end weighs as much as its start.
                    moved.first().map_or(0.0, |moved| moved.mean)
                };
                let patience = laws
                    .and_then(|laws| laws.patience.clone())
                    .map_or(f64::INFINITY, |law| law.mean());
                Station {
                    load: load / f64::from(target.at_once),
                    aht,
                    impatience: if patience > 0.0 { 1.0 / patience } else { 0.0 },
                    formula: target.formula.into(),
                    level: target.level,
                    within: (target.within.0 - problem.options.ring.0).max(0) as f64 / 1e6,
                    short: target.short.as_secs_f64(),
                    max_abandonment: target.max_abandonment.filter(|most| *most < 1.0),
                }
            });
        by_queue.push(of_queue.collect());
    }
    (0..problem.intervals.len())
        .map(|at| by_queue.iter().map(|queue| queue[at]).collect())
        .collect()
}

/// One queue of all of them, with the mildest of their promises.
fn pool(stations: impl Iterator<Item = Station> + Clone) -> Option<Station> {
    let rate = |one: &Station| one.load / one.aht;
    let load: f64 = stations.clone().map(|one| one.load).sum();
    let calls: f64 = stations.clone().map(|one| rate(&one)).sum();
    let busy = stations.filter(|one| one.load > 0.0);
    let impatience: f64 = busy.clone().map(|one| rate(&one) * one.impatience).sum();
    let first = busy.clone().next()?;
    Some(busy.fold(
        Station {
            load,
            aht: load / calls,
            impatience: impatience / calls,
            ..first
        },
        |all, one| {
            Station {
                level: all.level.min(one.level),
                within: all.within.max(one.within),
                short: all.short.max(one.short),
                max_abandonment: all
                    .max_abandonment
                    .zip(one.max_abandonment)
                    .map(|(a, b)| a.max(b)),
                ..all
            }
        },
    ))
}

/// So many agents for each queue, out of the groups, as cheaply as can be; rounded down. Where caps
/// are in the way, as little as can be is missing.
fn spread(problem: &Problem, interval: usize, wanted: &[f64]) -> Vec<u32> {
    /// What is missing is dearer than any agent.
    const MISSING: f64 = 1e7;
    let mut program = Program::new(OptimizationDirection::Minimize);
    let nobody = vec![0; problem.groups.len()];
    let mut pods = LinearExpr::empty();
    let mut pods_left = None;
    let mut agents = Vec::new();
    for (at, group) in problem.groups.iter().enumerate() {
        let most = problem.most_beside(&nobody, at);
        let of_group = program.add_var(group.cost, (0.0, most.map_or(1e9, f64::from)));
        if most.is_some() {
            pods.add(of_group, 1.0 / f64::from(group.per_pod));
            pods_left = Some(f64::from(problem.budget.pods()));
        }
        agents.push(of_group);
    }
    if let Some(left) = pods_left {
        program.add_constraint(pods, ComparisonOp::Le, left);
    }
    let mut rows = vec![LinearExpr::empty(); wanted.len()];
    for (group, agents) in problem.groups.iter().zip(&agents) {
        let mut shared = LinearExpr::empty();
        for &queue in &group.serves {
            let part = program.add_var(0.0, (0.0, f64::INFINITY));
            rows[queue].add(part, 1.0);
            shared.add(part, 1.0);
        }
        shared.add(*agents, -1.0);
        program.add_constraint(shared, ComparisonOp::Le, 0.0);
    }
    for (mut row, wanted) in rows.into_iter().zip(wanted) {
        row.add(program.add_var(MISSING, (0.0, f64::INFINITY)), 1.0);
        program.add_constraint(row, ComparisonOp::Ge, *wanted);
    }
    let solution = program.solve().ok();
    let solution = solution.and_then(|outcome| outcome.into_solution().ok());
    // Were there none, the search would begin with one for each queue.
    let mut found = solution.map_or(nobody, |solution| {
        let whole = agents
            .iter()
            .map(|agents| (solution.var_value(*agents) + 1e-6) as u32);
        whole.collect()
    });
    // Pods are whole, too.
    for group in 0..found.len() {
        if let Some(most) = problem.most_beside(&found, group) {
            found[group] = found[group].min(most);
        }
    }
    cover(problem, interval, &mut found);
    found
}

/// At least one for each queue that is called.
fn cover(problem: &Problem, interval: usize, agents: &mut [u32]) {
    for (queue, calls) in problem.calls[interval].iter().enumerate() {
        let serves = |group: usize| problem.groups[group].serves.contains(&queue);
        if *calls == 0.0 || (0..agents.len()).any(|group| serves(group) && agents[group] > 0) {
            continue;
        }
        let can_be_had = |group: usize| {
            let most = problem.most_beside(agents, group);
            most.is_none_or(|most| agents[group] < most)
        };
        let cheapest = (0..agents.len())
            .filter(|&group| serves(group) && can_be_had(group))
            .min_by(|&a, &b| problem.groups[a].cost.total_cmp(&problem.groups[b].cost));
        if let Some(group) = cheapest {
            agents[group] += 1;
        }
    }
}
