//! The linear relaxation, and for small problems the whole integer program, by microlp.
//!
//! A group of one skill counts in its skill's row itself. One of several shares itself out:
//! `Σ_k y_gkt ≤ Σ_p a_pt·x_pg`, and y counts in the rows.

use std::time::Duration;

use microlp::{
    ComparisonOp, LinearExpr, OptimizationDirection, Problem as Program, Solution, SolutionStatus,
    SolveOptions, SolveOutcome, Variable,
};

use super::problem::{Column, Problem};

/// A number of people so near a whole one is that one.
const WHOLE: f64 = 1e-6;

/// The relaxation's answer.
pub(crate) struct Relaxed {
    /// No plan can cost less.
    pub bound: f64,
    /// People by column, of a whole plan near the relaxation's answer.
    pub people: Vec<u32>,
}

/// An integer program's answer.
pub(crate) struct Whole {
    /// People by column.
    pub people: Vec<u32>,
    /// Whether no plan is better.
    pub proven: bool,
}

struct Built {
    program: Program,
    people: Vec<Variable>,
}

/// Builds the program; `whole`: with people in whole numbers.
fn build(problem: &Problem, columns: &[Column], whole: bool) -> Built {
    let mut program = Program::new(OptimizationDirection::Minimize);
    let intervals = problem.intervals();
    let most_needed: u32 = problem
        .required
        .iter()
        .map(|skill| skill.iter().copied().max().unwrap_or(0))
        .sum();
    let people: Vec<Variable> = columns
        .iter()
        .map(|column| {
            let most = problem.groups[column.group].most.unwrap_or(most_needed);
            let most = most.min(most_needed);
            if whole {
                // `most_needed` people on one shift cover everything there is.
                program.add_integer_var(column.cost, (0, i32::try_from(most).unwrap_or(i32::MAX)))
            } else {
                program.add_var(column.cost, (0.0, f64::from(most)))
            }
        })
        .collect();
    // By interval, then skill.
    let mut rows: Vec<Vec<LinearExpr>> = (0..intervals)
        .map(|_| {
            problem
                .required
                .iter()
                .map(|_| LinearExpr::empty())
                .collect()
        })
        .collect();
    for (at, group) in problem.groups.iter().enumerate() {
        let skills: Vec<usize> = (0..problem.required.len())
            .filter(|&skill| group.skills.has(skill))
            .collect();
        for (interval, rows) in rows.iter_mut().enumerate() {
            let on_duty = columns
                .iter()
                .zip(&people)
                .filter(|(column, _)| {
                    column.group == at && problem.patterns[column.pattern].works(interval)
                })
                .map(|(_, &variable)| variable);
            if let [skill] = skills[..] {
                on_duty.for_each(|variable| rows[skill].add(variable, 1.0));
                continue;
            }
            let mut shared = LinearExpr::empty();
            on_duty.for_each(|variable| shared.add(variable, -1.0));
            for &skill in &skills {
                if problem.required[skill][interval] > 0 {
                    let share = program.add_var(0.0, (0.0, f64::INFINITY));
                    shared.add(share, 1.0);
                    rows[skill].add(share, 1.0);
                }
            }
            program.add_constraint(shared, ComparisonOp::Le, 0.0);
        }
        if let Some(most) = group.most {
            let mut all = LinearExpr::empty();
            columns
                .iter()
                .zip(&people)
                .filter(|(column, _)| column.group == at)
                .for_each(|(_, &variable)| all.add(variable, 1.0));
            program.add_constraint(all, ComparisonOp::Le, f64::from(most));
        }
    }
    for (interval, rows) in rows.into_iter().enumerate() {
        for (required, mut row) in problem.required.iter().zip(rows) {
            let required = required[interval];
            if required > 0 {
                let short = program.add_var(problem.shortage, (0.0, f64::from(required)));
                row.add(short, 1.0);
                program.add_constraint(row, ComparisonOp::Ge, f64::from(required));
            }
        }
    }
    seats(problem, columns, &people, &mut program);
    Built { program, people }
}

fn seats(problem: &Problem, columns: &[Column], people: &[Variable], program: &mut Program) {
    let Some(seats) = problem.seats else { return };
    for interval in 0..problem.intervals() {
        let mut sitting = LinearExpr::empty();
        for (column, &variable) in columns.iter().zip(people) {
            let pattern = &problem.patterns[column.pattern];
            let on_site = 1.0 - problem.groups[column.group].remote_share;
            if (pattern.start..pattern.end).contains(&interval) && on_site > 0.0 {
                sitting.add(variable, on_site);
            }
        }
        program.add_constraint(sitting, ComparisonOp::Le, f64::from(seats));
    }
}

/// Solves the relaxation, then dives: fixes the shift nearest to a whole number of people,
/// solves again from there, until all are whole. `None` if the solver gave up numerically.
pub(crate) fn relax(problem: &Problem, columns: &[Column]) -> Option<Relaxed> {
    let built = build(problem, columns, false);
    let mut solution = built.program.solve().ok()?.into_solution().ok()?;
    let bound = solution.objective();
    let mut fixed = vec![false; columns.len()];
    let values = |solution: &Solution| -> Vec<f64> {
        built
            .people
            .iter()
            .map(|&variable| solution.var_value(variable).max(0.0))
            .collect()
    };
    let mut people = values(&solution);
    while let Some(next) = nearest_to_whole(&people, &fixed) {
        fixed[next] = true;
        let edited = solution.fix_var(built.people[next], people[next].round());
        // Rounding up may leave no room for the rest; what is known so far then stands.
        let Some(edited) = edited.ok().and_then(|outcome| outcome.into_solution().ok()) else {
            break;
        };
        solution = edited;
        people = values(&solution);
    }
    Some(Relaxed {
        bound,
        people: people
            .into_iter()
            // What is whole up to the solver's tolerance is whole.
            .map(|people| (people + WHOLE).floor() as u32)
            .collect(),
    })
}

/// The fractional number of people nearest to a whole one above zero; to zero only when none
/// is nearer to another.
fn nearest_to_whole(people: &[f64], fixed: &[bool]) -> Option<usize> {
    let fraction = |at: usize| people[at] - people[at].floor();
    (0..people.len())
        .filter(|&at| !fixed[at] && fraction(at) > WHOLE && fraction(at) < 1.0 - WHOLE)
        .max_by(|&a, &b| {
            let nearness = |at: usize| {
                let fraction = fraction(at);
                if fraction >= 0.5 || people[at] > 1.0 {
                    (fraction - 0.5).abs() + 0.5
                } else {
                    fraction
                }
            };
            nearness(a).total_cmp(&nearness(b))
        })
}

/// Branch and bound from a known plan, for so many nodes.
pub(crate) fn prove(
    problem: &Problem,
    columns: &[Column],
    known: &[u32],
    nodes: u64,
    patience: Duration,
) -> Option<Whole> {
    let built = build(problem, columns, true);
    let mut options = SolveOptions::default();
    options.node_limit = Some(nodes);
    options.time_limit = Some(patience);
    options.warm_start = Some(
        built
            .people
            .iter()
            .zip(known)
            .map(|(&variable, &count)| (variable, f64::from(count)))
            .collect(),
    );
    match built.program.solve_with(options).ok()? {
        SolveOutcome::Interrupted(_) => None,
        SolveOutcome::Solution(solution) => Some(Whole {
            people: built
                .people
                .iter()
                .map(|&variable| solution.var_value(variable).round().max(0.0) as u32)
                .collect(),
            proven: solution.status() == SolutionStatus::Optimal,
        }),
    }
}
