//! The search: add where it helps, take away what is not needed, exchange for less, verify.

use super::answer::{Met, Staffing, Unmet, occupied, verified};
use super::bounds::{self, Bracket};
use super::problem::Problem;
use super::trial::{Cells, Pairs, Plan, Trials};
use crate::simulate::ratio;

/// More tries than this in one phase are not worth their time.
const MOST_TRIES: usize = 400;

/// Verifications that send the search back.
const MOST_REPAIRS: usize = 8;

/// What happens in an interval is felt in so many after it.
const REACH: usize = 3;

/// So many times what a formula asks for, and so many more, are agents whom nobody has to wait for.
const PLENTY: (u64, u64) = (8, 100);

/// Runs of a stage in each try, at least.
const LEAST_RUNS: u64 = 8;

/// The least agents that keep every promise, verified.
pub fn staff(problem: &Problem) -> Staffing {
    let (brackets, plan): (Vec<Bracket>, Plan) = bounds::begin(problem).into_iter().unzip();
    let trials = Trials::new(problem);
    let separate = brackets.iter().map(|bracket| bracket.separate).max();
    let plenty = (separate.unwrap_or(0).saturating_mul(PLENTY.0)).saturating_add(PLENTY.1);
    let mut search = Search {
        problem,
        trials,
        margins: vec![vec![0.0; problem.targets.len()]; plan.len()],
        capped: vec![false; plan.len()],
        plenty,
        plan,
        seed: problem.options.seed.wrapping_mul(1_000_003),
        effort: problem.options.effort,
    };
    search.add();
    search.improve();
    let mut cells = search.verify();
    for _ in 0..MOST_REPAIRS {
        if !search.heed(&cells) {
            break;
        }
        search.effort = (search.effort * 3 / 2).min(problem.options.effort * 8);
        search.seed = search.seed.wrapping_add(1 << 20);
        search.add();
        cells = search.verify();
    }
    let unmet = search.unmet(&cells);
    Staffing::new(problem, &brackets, &search.plan, &cells, unmet)
}

struct Search<'a> {
    problem: &'a Problem,
    trials: Trials<'a>,
    plan: Plan,
    /// What a level has to be above its target, because the verification fell short of it.
    margins: Vec<Vec<f64>>,
    /// Intervals in which nobody more can be had, or more would be no use.
    capped: Vec<bool>,
    /// With so many agents in an interval nobody waits for one any more: what is still missed then, as where callers
    /// give up while a phone rings, no number of agents mends.
    plenty: u64,
    seed: u64,
    effort: usize,
}

/// How far an interval is from what is promised.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Shortfall {
    /// Added over promises.
    sum: f64,
    /// Of the worst.
    worst: f64,
    /// Whether other callers might have met some promise that these missed, or missed one that they met.
    doubtful: bool,
    /// Whether some promise is missed by more than chance.
    surely: bool,
}

impl Shortfall {
    /// `half` is half the 95 % interval of what was measured.
    fn note(&mut self, by: f64, half: f64) {
        // One and a half standard errors: one look in eight that is believed is wrong by then, and a
        // wrong yes is found out by the verification.
        let doubt = 0.75 * half;
        self.doubtful |= by.abs() < doubt;
        self.surely |= by >= doubt && by > 0.0;
        let by = by.max(0.0);
        self.sum += by;
        self.worst = self.worst.max(by);
    }
    fn is_none(self) -> bool {
        self.sum <= 0.0
    }
}

impl Search<'_> {
    /// How far each interval is from its promises. Where one interval stands for itself, and
    /// chance alone may have decided, it is looked at again with more callers, and again.
    fn shortfalls(&self, plan: &Plan) -> Vec<Shortfall> {
        /// So many times as many callers in each look.
        const LOOKS: [usize; 3] = [1, 6, 36];
        let mut found = Vec::new();
        let mut before = Vec::new();
        for look in LOOKS {
            let effort = self.effort * look;
            let runs = self.trials.runs(effort, LEAST_RUNS);
            // So great a load is looked at as often as in the last look, by the same callers.
            if runs == before {
                continue;
            }
            before = runs;
            let cells = self.trials.measure(plan, self.seed, effort, LEAST_RUNS);
            let each = cells.iter().enumerate();
            found = each
                .map(|(at, cells)| self.shortfall(at, plan, cells))
                .collect();
            let doubtful = |short: &Shortfall| short.doubtful && !short.surely;
            if !self.problem.options.steady || !found.iter().any(doubtful) {
                break;
            }
        }
        found
    }

    fn shortfall(&self, at: usize, plan: &Plan, cells: &Cells) -> Shortfall {
        let mut short = Shortfall::default();
        for (queue, target) in self.problem.targets.iter().enumerate() {
            if self.problem.calls[at][queue] == 0.0 {
                continue;
            }
            let margin = self.margins[at][queue];
            if let Some((level, doubt)) = share(cells.level.get(queue)) {
                short.note(target.level + margin - level, doubt);
            }
            if let Some(most) = target.max_abandonment
                && let Some((gone, doubt)) = share(cells.abandoned.get(queue))
            {
                short.note(gone - (most - margin.min(most / 2.0)), doubt);
            }
        }
        for (team, pairs) in cells.occupied.iter().enumerate() {
            if let Some((busy, doubt)) = share(Some(pairs))
                && self.problem.of_team(team, &plan[at]) > 0
            {
                short.note(busy - self.problem.max_occupancy, doubt);
            }
        }
        short
    }

    /// Adds agents until every promise is kept, or nobody more can be had.
    fn add(&mut self) {
        for _ in 0..MOST_TRIES {
            let now = self.shortfalls(&self.plan);
            for at in 0..self.plan.len() {
                self.capped[at] |= self.are_plenty(at);
            }
            let open: Vec<usize> = (0..self.plan.len())
                .filter(|&at| !now[at].is_none() && !self.capped[at])
                .collect();
            if open.is_empty() {
                return;
            }
            // A share of service level is worth about so many agents at a load like this one
            // (Halfin & Whitt 1981); the last one is always added singly.
            let steps: Vec<u32> = (0..self.plan.len())
                .map(|at| {
                    let there: u32 = self.plan[at].iter().sum();
                    (now[at].worst * f64::from(there).sqrt()).floor().max(1.0) as u32
                })
                .collect();
            let groups = self.problem.groups.len();
            let mut best: Vec<Option<(f64, usize)>> = vec![None; self.plan.len()];
            for group in 0..groups {
                let mut tried = self.plan.clone();
                let mut any = false;
                for &at in &open {
                    if self.helps(at, group) {
                        tried[at][group] = self.more(at, group, steps[at]);
                        any |= tried[at][group] > self.plan[at][group];
                    }
                }
                if !any {
                    continue;
                }
                // With nothing to choose between, there is nothing to try.
                let then = (groups > 1).then(|| self.shortfalls(&tried));
                for &at in &open {
                    let more = tried[at][group] - self.plan[at][group];
                    if more == 0 {
                        continue;
                    }
                    let cost = f64::from(more) * self.problem.groups[group].cost;
                    let gain = then.as_ref().map_or(1.0, |then| now[at].sum - then[at].sum);
                    // What doesn't help at all is still the way on, the cheapest first.
                    let worth = if gain > 0.0 { gain / cost } else { -cost };
                    if best[at].is_none_or(|(most, _)| worth > most) {
                        best[at] = Some((worth, group));
                    }
                }
            }
            for &at in &open {
                match best[at] {
                    Some((_, group)) => {
                        self.plan[at][group] = self.more(at, group, steps[at]);
                    }
                    None => self.capped[at] = true,
                }
            }
        }
    }

    /// The interval's agents of a group, and so many more as far as they can be had.
    fn more(&self, at: usize, group: usize, by: u32) -> u32 {
        let here = &self.plan[at];
        let most = self.problem.most_beside(here, group).unwrap_or(u32::MAX);
        (here[group].saturating_add(by)).min(most).max(here[group])
    }

    fn are_plenty(&self, at: usize) -> bool {
        let there: u64 = self.plan[at].iter().copied().map(u64::from).sum();
        there >= self.plenty
    }

    /// Whether more of the group are any use in the interval: somebody calls whom they serve.
    fn helps(&self, at: usize, group: usize) -> bool {
        let serves = &self.problem.groups[group].serves;
        serves
            .iter()
            .any(|&queue| self.problem.calls[at][queue] > 0.0)
    }

    /// Takes away and exchanges until neither is any use.
    fn improve(&mut self) {
        let moves = moves(self.problem);
        for _ in 0..6 {
            self.drop_all();
            let mut better = false;
            for exchange in &moves {
                better |= self.attempt(exchange);
            }
            if !better {
                return;
            }
        }
        self.drop_all();
    }

    /// Takes away one after the other, of the dearest first.
    fn drop_all(&mut self) {
        let groups = self.problem.groups.len();
        let mut order: Vec<usize> = (0..groups).collect();
        let cost = |group: usize| self.problem.groups[group].cost;
        order.sort_by(|&a, &b| cost(b).total_cmp(&cost(a)));
        for _ in 0..MOST_TRIES {
            let mut any = false;
            for &group in &order {
                let mut less = vec![0; groups];
                less[group] = -1;
                any |= self.attempt(&less);
            }
            if !any {
                return;
            }
        }
    }

    /// Tries a change in every interval, those apart at once that don't feel each other; keeps it
    /// where every promise is still kept.
    fn attempt(&mut self, change: &[i32]) -> bool {
        let reach = if self.problem.options.steady {
            1
        } else {
            REACH
        };
        let mut any = false;
        for first in 0..reach.min(self.plan.len()) {
            let mut tried = self.plan.clone();
            let mut changed = Vec::new();
            for at in (first..self.plan.len()).step_by(reach) {
                if self.capped[at] {
                    continue;
                }
                if let Some(agents) = self.changed(at, change) {
                    tried[at] = agents;
                    changed.push(at);
                }
            }
            if changed.is_empty() {
                continue;
            }
            let then = self.shortfalls(&tried);
            for at in changed {
                let felt = at..(at + reach).min(self.plan.len());
                let kept = felt
                    .into_iter()
                    .all(|at| self.capped[at] || then[at].is_none());
                if kept {
                    self.plan[at].clone_from(&tried[at]);
                    any = true;
                }
            }
        }
        any
    }

    fn changed(&self, at: usize, change: &[i32]) -> Option<Vec<u32>> {
        let here = &self.plan[at];
        let agents: Option<Vec<u32>> = here
            .iter()
            .zip(change)
            .map(|(agents, by)| agents.checked_add_signed(*by))
            .collect();
        agents.filter(|agents| self.problem.can_be_had(agents) && self.problem.covers(at, agents))
    }

    /// The plan's figures from callers that no try has met; more of them where it is a near thing.
    fn verify(&mut self) -> Vec<Cells> {
        self.seed = self.seed.wrapping_add(1 << 21);
        let effort = self.problem.options.effort;
        let cells =
            self.trials
                .measure(&self.plan, self.seed ^ VERIFY, effort * 24, 2 * LEAST_RUNS);
        let near = (0..self.plan.len()).any(|at| {
            let mut queues = 0..self.problem.targets.len();
            queues.any(|queue| {
                let called = self.problem.calls[at][queue] > 0.0;
                called && verified(self.problem, at, queue, &cells[at]).met() == Met::Likely
            })
        });
        if !near {
            return cells;
        }
        let seed = self.seed ^ VERIFY ^ 1 << 40;
        self.trials
            .measure(&self.plan, seed, effort * 48, 4 * LEAST_RUNS)
    }

    /// Raises the margins where the verification falls short; whether it does anywhere.
    fn heed(&mut self, cells: &[Cells]) -> bool {
        let mut any = false;
        for (at, cells) in cells.iter().enumerate() {
            if self.capped[at] {
                continue;
            }
            for queue in 0..self.problem.targets.len() {
                if self.problem.calls[at][queue] == 0.0 {
                    continue;
                }
                let level = verified(self.problem, at, queue, cells);
                if level.met() == Met::No {
                    let target = &self.problem.targets[queue];
                    let by_level = level.level.map_or(0.0, |found| target.level - found.mean);
                    let by_abandonment = target.max_abandonment.zip(level.abandoned);
                    let by_abandonment =
                        by_abandonment.map_or(0.0, |(most, found)| found.mean - most);
                    self.margins[at][queue] += by_level.max(by_abandonment).max(1e-3);
                    any = true;
                }
            }
        }
        any
    }

    /// What is not kept, and why.
    fn unmet(&self, cells: &[Cells]) -> Vec<Unmet> {
        let mut all = Vec::new();
        for (at, cells) in cells.iter().enumerate() {
            let why = self.full(at);
            for queue in 0..self.problem.targets.len() {
                if self.problem.calls[at][queue] == 0.0 {
                    continue;
                }
                let level = verified(self.problem, at, queue, cells);
                if level.met() == Met::No {
                    let found = level.level.map_or(0.0, |found| 100.0 * found.mean);
                    let lost = level.abandoned.map_or(0.0, |found| 100.0 * found.mean);
                    all.push(Unmet {
                        interval: at,
                        why: format!(
                            "queue {} comes to {found:.1} % of {:.1} %, {lost:.1} % abandon{why}",
                            level.queue,
                            100.0 * level.target
                        ),
                    });
                }
            }
            for (team, name) in self.problem.team_names().iter().enumerate() {
                let there = self.problem.of_team(team, &self.plan[at]) > 0;
                let found = occupied(team, cells).filter(|_| there);
                let most = self.problem.max_occupancy;
                let doubt = found.and_then(|found| found.half_width).unwrap_or(0.0);
                if let Some(found) = found.filter(|found| found.mean - doubt > most) {
                    all.push(Unmet {
                        interval: at,
                        why: format!(
                            "team {name} is occupied {:.1} % of its time, more than {:.1} %{why}",
                            100.0 * found.mean,
                            100.0 * most
                        ),
                    });
                }
            }
        }
        all
    }

    /// Which caps are in the way.
    fn full(&self, at: usize) -> String {
        let groups = self.problem.groups.iter().zip(&self.plan[at]);
        let capped = groups.filter_map(|(group, agents)| {
            let most = group.most.filter(|most| agents >= most)?;
            Some(format!(
                "team {} has {most} agents at most (maxPods × contactsPerPod)",
                group.team
            ))
        });
        let mut capped: Vec<String> = capped.collect();
        let spent = (0..self.plan[at].len()).any(|group| {
            let there = self.plan[at][group];
            let mine = self.problem.groups[group].most;
            mine.is_some_and(|most| there < most) && self.more(at, group, 1) == there
        });
        if spent {
            capped.push(format!(
                "the {} pods over all virtual teams are used up (spec.capacity.virtualBudget)",
                self.problem.budget.pods()
            ));
        }
        if self.are_plenty(at) {
            capped.push(
                "nobody waits for an agent any more, so that more agents would change nothing"
                    .to_owned(),
            );
        }
        if capped.is_empty() {
            String::new()
        } else {
            format!("; {}", capped.join("; "))
        }
    }
}

/// Keeps verifying seeds apart from those of tries.
const VERIFY: u64 = 0x5EED_0000_0000_0000;

/// A share over runs, and half its interval; `None` where there is nothing.
fn share(pairs: Option<&Pairs>) -> Option<(f64, f64)> {
    let found = ratio(pairs?)?;
    Some((found.mean, found.half_width.unwrap_or(0.0)))
}

/// Exchanges of a few agents for a few others that cost less, the greatest saving first.
fn moves(problem: &Problem) -> Vec<Vec<i32>> {
    /// Pairs for pairs are as many as the fourth power of the groups; larger sets are for a few
    /// only. Two of three kinds for three of the others may be the only way to a cheaper mix.
    const MOST_GROUPS_FOR_PAIRS: usize = 4;
    const MOST_GROUPS_FOR_FOURS: usize = 3;
    const MOST_MOVES: usize = 120;
    let groups = problem.groups.len();
    let largest = if groups <= MOST_GROUPS_FOR_FOURS {
        4
    } else {
        2
    };
    let mut sets: Vec<Vec<i32>> = vec![vec![0; groups]];
    let mut first = 0;
    for _ in 0..largest {
        let last = sets.len();
        for at in first..last {
            // In the order of groups, so that each set comes once.
            let from = sets[at].iter().rposition(|n| *n > 0).unwrap_or(0);
            for group in from..groups {
                let mut set = sets[at].clone();
                set[group] += 1;
                sets.push(set);
            }
        }
        first = last;
    }
    sets.remove(0);
    let size = |set: &Vec<i32>| set.iter().sum::<i32>();
    let cost = |change: &Vec<i32>| -> f64 {
        let each = change.iter().zip(&problem.groups);
        each.map(|(by, group)| f64::from(*by) * group.cost).sum()
    };
    let mut all: Vec<(f64, Vec<i32>)> = Vec::new();
    for less in &sets {
        for more in &sets {
            let pairs = size(less) == 2 && size(more) == 2;
            let overlap = less.iter().zip(more).any(|(a, b)| *a > 0 && *b > 0);
            let saving = cost(less) - cost(more);
            // Of many at once, two fewer in all hardly ever do.
            let bold = size(less) > 2 && size(less) > size(more) + 1;
            if overlap || bold || saving <= 1e-9 || pairs && groups > MOST_GROUPS_FOR_PAIRS {
                continue;
            }
            let change = more.iter().zip(less).map(|(more, less)| more - less);
            all.push((saving, change.collect()));
        }
    }
    all.sort_by(|a, b| b.0.total_cmp(&a.0));
    all.truncate(MOST_MOVES);
    all.into_iter().map(|(_, change)| change).collect()
}
