//! What becomes of the promises with so many agents: the tenant on the routing core, on callers
//! made from the demand.

use std::sync::Arc;
use std::thread;

use chrono::NaiveDate;
use trunkline_routing::metrics::Counts;
use trunkline_routing::{Span, Time};
use trunkline_tenant::crds::{AgentName, Endpoint};
use trunkline_tenant::{Tenant, TenantAgent};

use super::problem::{Problem, Target};
use crate::simulate::{Contact, Demand, Period, Presence, Setup, arrivals, run};

/// Agents by interval and group.
pub(super) type Plan = Vec<Vec<u32>>;

/// (part, whole) of each run.
pub(super) type Pairs = Vec<(f64, f64)>;

/// What an interval came to, run by run.
#[derive(Clone, Debug, Default)]
pub(super) struct Cells {
    /// By queue: contacts within the service level, and those that count.
    pub(super) level: Vec<Pairs>,
    /// By queue: contacts that abandoned, and those that did or were answered.
    pub(super) abandoned: Vec<Pairs>,
    /// By team: time not idle, and time there; seconds.
    pub(super) occupied: Vec<Pairs>,
}

/// Intervals that are lived through in one go.
struct Stage {
    /// Which intervals of the problem, in order.
    intervals: Vec<usize>,
    /// Where each begins and the last ends, by the stage's own time. What comes before the first
    /// fills the queues.
    edges: Vec<Span>,
    demands: Vec<Demand>,
    start: Option<Time>,
    /// Contacts expected in a run.
    calls: f64,
}

/// The means to try plans.
pub(super) struct Trials<'a> {
    problem: &'a Problem,
    stages: Vec<Stage>,
}

/// Runs of one stage beyond these tell nothing new.
const MOST_RUNS: u64 = 1_000;

impl<'a> Trials<'a> {
    pub(super) fn new(problem: &'a Problem) -> Self {
        let called = |at: &usize| problem.calls[*at].iter().any(|calls| *calls > 0.0);
        let stages = if problem.options.steady {
            let each = (0..problem.intervals.len()).filter(called);
            each.map(|at| steady(problem, at)).collect()
        } else {
            stretches(problem)
                .into_iter()
                .filter(|intervals| intervals.iter().any(called))
                .map(|intervals| lived(problem, intervals))
                .collect()
        };
        Self { problem, stages }
    }

    /// Runs of each stage in [`Self::measure`].
    pub(super) fn runs(&self, contacts: usize, least: u64) -> Vec<u64> {
        let share = contacts as f64 / self.stages.len() as f64;
        let runs = self.stages.iter().map(|stage| {
            let runs = (share / stage.calls.max(1.0)).ceil() as u64;
            runs.clamp(least.min(MOST_RUNS), MOST_RUNS)
        });
        runs.collect()
    }

    /// The plan's figures by interval. Runs of each stage are enough for `contacts` over all
    /// stages, and at least so many.
    pub(super) fn measure(
        &self,
        plan: &Plan,
        seed: u64,
        contacts: usize,
        least: u64,
    ) -> Vec<Cells> {
        let mut cells = vec![Cells::default(); plan.len()];
        for (stage, runs) in self.stages.iter().zip(self.runs(contacts, least)) {
            let world = World::new(self.problem, stage, plan);
            for found in in_parallel(runs, &|number| world.run(seed.wrapping_add(number))) {
                for (&interval, found) in stage.intervals.iter().zip(found) {
                    cells[interval].add(found);
                }
            }
        }
        cells
    }
}

impl Cells {
    fn add(&mut self, found: Cells) {
        for (all, more) in [
            (&mut self.level, found.level),
            (&mut self.abandoned, found.abandoned),
            (&mut self.occupied, found.occupied),
        ] {
            all.resize(more.len(), Vec::new());
            all.iter_mut()
                .zip(more)
                .for_each(|(all, more)| all.extend(more));
        }
    }
}

/// A stage with a plan, ready to run.
struct World<'a> {
    problem: &'a Problem,
    stage: &'a Stage,
    plan: &'a Plan,
    tenant: Arc<Tenant>,
    presences: Vec<Presence>,
    /// The team of each team's figures, and the place of each queue's.
    teams: Vec<usize>,
    queues: Vec<usize>,
}

impl<'a> World<'a> {
    fn new(problem: &'a Problem, stage: &'a Stage, plan: &'a Plan) -> Self {
        let most = |group: usize| stage.intervals.iter().map(|&at| plan[at][group]).max();
        let mut tenant = Tenant::clone(&problem.tenant);
        tenant.agents.clear();
        for (at, group) in problem.groups.iter().enumerate() {
            for number in 0..most(at).unwrap_or(0) {
                let agent = TenantAgent {
                    display_name: String::new(),
                    team: Some(group.team.clone()),
                    roles: Vec::new(),
                    skills: group.skills.clone(),
                    shifts: Vec::new(),
                    employed_from: None,
                    employed_to: None,
                    hours_per_week: None,
                    remote: false,
                    trained: group
                        .courses
                        .iter()
                        .map(|course| (course.clone(), NaiveDate::MIN))
                        .collect(),
                    endpoint: Endpoint::default(),
                };
                tenant.agents.insert(name(at, number), agent);
            }
        }
        let place =
            |queue: &trunkline_tenant::QueueId| tenant.queues.keys().position(|id| id == queue);
        let queues = problem
            .targets
            .iter()
            .filter_map(|target| place(&target.queue));
        let queues = queues.collect();
        Self {
            teams: problem.teams(),
            queues,
            presences: presences(problem, stage, plan),
            tenant: Arc::new(tenant),
            problem,
            stage,
            plan,
        }
    }

    fn run(&self, seed: u64) -> Vec<Cells> {
        let (problem, stage) = (self.problem, self.stage);
        let contacts: Vec<Contact> = arrivals(&stage.demands, seed, problem.options.swing);
        let setup = Setup {
            seed,
            ring: problem.options.ring,
            wrap_up: problem.options.wrap_up,
            start: stage.start,
            slices: stage.edges.clone(),
            ..Setup::default()
        };
        let done = run(&self.tenant, &contacts, &self.presences, &setup);
        let each = stage.intervals.iter().enumerate();
        each.map(|(slice, &interval)| {
            let counts = self.queues.iter().zip(&problem.targets);
            let counts = counts.map(|(&at, target)| (&done.slices.queues[at].1[slice], target));
            let length = (stage.edges[slice + 1].0 - stage.edges[slice].0) as f64 / 1e6;
            let occupied = self.teams.iter().enumerate().map(|(number, &at)| {
                let there = length * f64::from(problem.of_team(number, &self.plan[interval]));
                let idle = done.slices.teams[at].1[slice].idle.as_secs_f64();
                vec![((there - idle).max(0.0), there)]
            });
            Cells {
                level: counts
                    .clone()
                    .map(|(counts, target)| vec![level(counts, target)])
                    .collect(),
                abandoned: counts.map(|(counts, _)| vec![abandoned(counts)]).collect(),
                occupied: occupied.collect(),
            }
        })
        .collect()
    }
}

/// Who is never answered is never in time, whatever a formula leaves out.
fn level(counts: &Counts, target: &Target) -> (f64, f64) {
    let (met, of) = counts.level_counts(target.formula);
    (met as f64, (of + counts.waiting) as f64)
}

fn abandoned(counts: &Counts) -> (f64, f64) {
    let gone = counts.abandoned + counts.waiting;
    (gone as f64, (gone + counts.answered) as f64)
}

fn name(group: usize, number: u32) -> AgentName {
    AgentName::new(format!("g{group:03}-{number:06}"))
}

/// Who is there when, so many of each group in each interval.
fn presences(problem: &Problem, stage: &Stage, plan: &Plan) -> Vec<Presence> {
    let mut all = Vec::new();
    let groups = 0..problem.groups.len();
    for group in groups {
        let agents = |slice: usize| plan[stage.intervals[slice]][group];
        let there = |slice: usize, number: u32| number < agents(slice);
        let slices = stage.intervals.len();
        let most = (0..slices).map(agents).max();
        for number in 0..most.unwrap_or(0) {
            let mut slice = 0;
            while slice < slices {
                if !there(slice, number) {
                    slice += 1;
                    continue;
                }
                let first = slice;
                while slice < slices && there(slice, number) {
                    slice += 1;
                }
                all.push(Presence {
                    agent: name(group, number),
                    team: None,
                    // Who begins is there before the first edge, too.
                    from: if first == 0 {
                        Span(0)
                    } else {
                        stage.edges[first]
                    },
                    // Who is there at the end stays until everyone is served.
                    to: (slice < slices).then(|| stage.edges[slice]),
                });
            }
        }
    }
    all
}

/// Intervals that follow one another.
fn stretches(problem: &Problem) -> Vec<Vec<usize>> {
    let mut all: Vec<Vec<usize>> = Vec::new();
    for (at, (from, _)) in problem.intervals.iter().enumerate() {
        match all.last_mut() {
            Some(last) if at > 0 && problem.intervals[at - 1].1 == *from => last.push(at),
            _ => all.push(vec![at]),
        }
    }
    all
}

/// The course of a day, from empty queues.
fn lived(problem: &Problem, intervals: Vec<usize>) -> Stage {
    let (first, last) = (intervals[0], intervals[intervals.len() - 1]);
    let begin = problem.intervals[first].0;
    let shift = |at: Span| Span(at.0 - begin.0);
    let mut edges: Vec<Span> = intervals
        .iter()
        .map(|&at| shift(problem.intervals[at].0))
        .collect();
    let end = problem.intervals[last].1;
    edges.push(shift(end));
    let demands = problem.demands.iter().map(|demand| {
        let within = |period: &&Period| period.from >= begin && period.to <= end;
        let periods = demand.periods.iter().filter(within);
        Demand {
            queue: demand.queue.clone(),
            periods: periods
                .map(|period| Period {
                    from: shift(period.from),
                    to: shift(period.to),
                    ..period.clone()
                })
                .collect(),
        }
    });
    let calls = intervals.iter().flat_map(|&at| &problem.calls[at]).sum();
    Stage {
        edges,
        demands: demands.collect(),
        start: problem.options.start.map(|start| start + begin),
        calls,
        intervals,
    }
}

/// One interval as if it had gone on for ever: a warm-up, then a stretch of many calls.
fn steady(problem: &Problem, interval: usize) -> Stage {
    /// Calls measured in a run, and the least warm-up in mean handling times.
    const CALLS: f64 = 4_000.0;
    const WARM_UP: f64 = 30.0;
    let (from, to) = problem.intervals[interval];
    let length = (to.0 - from.0) as f64;
    let of_it = |demand: &Demand| {
        let mut periods = demand.periods.iter();
        let period = periods.find(|period| period.from >= from && period.to <= to);
        period.cloned()
    };
    let longest = problem
        .demands
        .iter()
        .zip(&problem.targets)
        .map(|(demand, target)| {
            let laws = of_it(demand).and_then(|period| period.laws);
            laws.map_or(0.0, |laws| laws.handle.mean()) + target.wrap_up
        });
    let warm_up = Span((longest.fold(120.0, f64::max) * WARM_UP * 1e6) as i64);
    let calls: f64 = problem.calls[interval].iter().sum();
    let end = Span(warm_up.0 + (CALLS / calls * length) as i64);
    let stretched = end.0 as f64 / length;
    let demands = problem.demands.iter().filter_map(|demand| {
        let period = of_it(demand)?;
        Some(Demand {
            queue: demand.queue.clone(),
            periods: vec![Period {
                from: Span(0),
                to: end,
                calls: period.calls * stretched,
                laws: period.laws,
            }],
        })
    });
    Stage {
        intervals: vec![interval],
        edges: vec![warm_up, end],
        demands: demands.collect(),
        start: None,
        calls: calls * stretched,
    }
}

/// What the function gives for 0..n, in order, on all processors.
fn in_parallel<T: Send>(n: u64, one: &(dyn Fn(u64) -> T + Sync)) -> Vec<T> {
    let threads = thread::available_parallelism().map_or(1, usize::from) as u64;
    let threads = threads.clamp(1, n.max(1));
    let part = |first: u64| {
        (first..n)
            .step_by(threads as usize)
            .map(one)
            .collect::<Vec<T>>()
    };
    let mut parts: Vec<_> = thread::scope(|scope| {
        let others: Vec<_> = (1..threads)
            .map(|first| scope.spawn(move || part(first)))
            .collect();
        let mut parts = vec![part(0).into_iter()];
        for other in others {
            match other.join() {
                Ok(found) => parts.push(found.into_iter()),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        parts
    });
    (0..n)
        .filter_map(|number| parts[(number % threads) as usize].next())
        .collect()
}
