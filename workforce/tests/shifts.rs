//! Shift plans: covered, cheap, and possible for the people there are.

// Clippy takes helpers outside #[test] functions for production code.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::time::Duration;

use trunkline_workforce::shifts::{
    BreakRule, Effort, Group, Pattern, Plan, Problem, ProblemError, ShiftRule, Skills, SolveError,
    solve,
};

const QUICK: Effort = Effort {
    moves: 150_000,
    nodes: 20_000,
    proof_time: Duration::from_secs(20),
    seed: 1,
};

fn block(start: usize, end: usize) -> Pattern {
    Pattern {
        start,
        end,
        breaks: Vec::new(),
    }
}

fn group(name: &str, skills: &[usize], cost: f64) -> Group {
    Group {
        name: name.to_owned(),
        skills: Skills::of(skills).unwrap(),
        cost,
        most: None,
        patterns: None,
        remote_share: 0.0,
    }
}

/// Shifts of eight and four hours over a day of half hours, lunch in the long ones.
fn day_of_half_hours() -> Vec<Pattern> {
    let long = ShiftRule {
        length: 17,
        earliest: 14,
        latest: 26,
        step: 2,
        breaks: vec![BreakRule {
            earliest: 7,
            latest: 9,
            step: 1,
            length: 1,
            paid: false,
        }],
    };
    let short = ShiftRule {
        length: 8,
        earliest: 14,
        latest: 34,
        step: 2,
        breaks: Vec::new(),
    };
    let mut patterns = long.patterns().unwrap();
    patterns.extend(short.patterns().unwrap());
    patterns
}

fn hump(peak: f64, at: f64, width: f64) -> Vec<u32> {
    (0..48)
        .map(|t| (peak * (-((f64::from(t) - at) / width).powi(2)).exp()).round() as u32)
        .collect()
}

/// Shortage in one interval by trying every way to share the flexible agents out.
fn shortage(staff: &[(Skills, u32)], required: &[u32]) -> u32 {
    match staff.split_first() {
        None => required.iter().sum(),
        Some((&(_, 0), rest)) => shortage(rest, required),
        Some((&(skills, count), rest)) => (0..required.len())
            .filter(|&skill| skills.has(skill) && required[skill] > 0)
            .map(|skill| {
                let mut left = required.to_vec();
                left[skill] -= 1;
                let mut staff = rest.to_vec();
                staff.push((skills, count - 1));
                shortage(&staff, &left)
            })
            .min()
            .unwrap_or_else(|| shortage(rest, required)),
    }
}

/// The plan's cost and shortage, counted anew.
fn recount(problem: &Problem, plan: &Plan) -> (f64, Vec<u32>) {
    let short: Vec<u32> = (0..problem.intervals())
        .map(|t| {
            let staff: Vec<(Skills, u32)> = problem
                .groups
                .iter()
                .enumerate()
                .map(|(at, group)| {
                    let on_duty = plan
                        .people
                        .iter()
                        .filter(|(g, p, _)| *g == at && problem.patterns[*p].works(t))
                        .map(|(_, _, count)| count)
                        .sum();
                    (group.skills, on_duty)
                })
                .collect();
            let required: Vec<u32> = problem.required.iter().map(|skill| skill[t]).collect();
            shortage(&staff, &required)
        })
        .collect();
    let shifts: f64 = plan
        .people
        .iter()
        .map(|&(group, pattern, count)| {
            let paid = problem.patterns[pattern].paid() as f64;
            f64::from(count) * problem.groups[group].cost * paid
        })
        .sum();
    let missing: u32 = short.iter().sum();
    (shifts + problem.shortage * f64::from(missing), short)
}

#[test]
fn a_small_cover_is_solved_to_a_proven_optimum() {
    // Dantzig's question in small: eight hours of need, shifts of four.
    let problem = Problem {
        patterns: (0..=4).map(|start| block(start, start + 4)).collect(),
        groups: vec![group("all", &[0], 1.0)],
        required: vec![vec![2, 3, 5, 4, 4, 5, 3, 2]],
        seats: None,
        shortage: 100.0,
    };
    let plan = solve(&problem, &QUICK).unwrap();
    assert!(plan.proven && plan.gap() == 0.0);
    // The second hour needs three of the first two shifts, the sixth five of the others.
    assert_eq!((plan.cost, plan.short), (32.0, vec![0; 8]));
}

#[test]
fn a_day_of_one_skill_is_solved_to_a_proven_optimum() {
    let problem = Problem {
        patterns: day_of_half_hours(),
        groups: vec![group("all", &[0], 1.0)],
        required: vec![hump(9.0, 26.0, 6.0)],
        seats: None,
        shortage: 8.0,
    };
    let plan = solve(&problem, &QUICK).unwrap();
    assert!(plan.proven, "{} of {}", plan.cost, plan.bound);
    assert_eq!(recount(&problem, &plan), (plan.cost, plan.short.clone()));
}

#[test]
fn a_flexible_agent_is_one_agent() {
    let problem = Problem {
        patterns: vec![block(0, 4)],
        groups: vec![group("both", &[0, 1], 1.0)],
        required: vec![vec![1; 4], vec![1; 4]],
        seats: None,
        shortage: 100.0,
    };
    let plan = solve(&problem, &QUICK).unwrap();
    assert_eq!(
        plan.people,
        [(0, 0, 2)],
        "one person cannot serve two skills at once"
    );
}

fn three_skills() -> Problem {
    Problem {
        patterns: day_of_half_hours(),
        groups: vec![
            group("a", &[0], 1.0),
            group("b", &[1], 1.0),
            group("ab", &[0, 1], 1.1),
            group("abc", &[0, 1, 2], 1.2),
        ],
        required: vec![
            hump(5.0, 24.0, 6.0),
            hump(4.0, 28.0, 7.0),
            hump(2.0, 26.0, 9.0),
        ],
        seats: None,
        shortage: 8.0,
    }
}

#[test]
fn a_plan_of_three_skills_is_near_its_bound_and_counts_itself_rightly() {
    let problem = three_skills();
    let plan = solve(&problem, &QUICK).unwrap();
    assert!(plan.gap() < 0.03, "gap {}", plan.gap());
    let (cost, short) = recount(&problem, &plan);
    assert!((cost - plan.cost).abs() < 1e-6, "{cost} for {}", plan.cost);
    assert_eq!(short, plan.short);
}

#[test]
fn the_same_seed_gives_the_same_plan() {
    let effort = Effort { nodes: 0, ..QUICK };
    let plans = [(); 2].map(|()| solve(&three_skills(), &effort).unwrap());
    assert_eq!(plans[0], plans[1]);
}

#[test]
fn heads_and_seats_are_kept_and_remote_people_need_no_seat() {
    let mut problem = three_skills();
    problem.groups[3].most = Some(2);
    problem.seats = Some(6);
    let sitting = |problem: &Problem, plan: &Plan| -> f64 {
        (0..problem.intervals())
            .map(|t| {
                plan.people
                    .iter()
                    .filter(|(_, p, _)| {
                        (problem.patterns[*p].start..problem.patterns[*p].end).contains(&t)
                    })
                    .map(|&(g, _, count)| f64::from(count) * (1.0 - problem.groups[g].remote_share))
                    .sum::<f64>()
            })
            .fold(0.0, f64::max)
    };
    let plan = solve(&problem, &QUICK).unwrap();
    let heads: u32 = plan
        .people
        .iter()
        .filter(|one| one.0 == 3)
        .map(|one| one.2)
        .sum();
    assert!(heads <= 2, "{heads} of a group of two");
    assert!(sitting(&problem, &plan) <= 6.0 + 1e-9);
    assert!(plan.short.iter().sum::<u32>() > 0, "six seats are too few");

    problem
        .groups
        .iter_mut()
        .for_each(|group| group.remote_share = 0.5);
    let half_remote = solve(&problem, &QUICK).unwrap();
    assert!(half_remote.cost < plan.cost);
    assert!(sitting(&problem, &half_remote) <= 6.0 + 1e-9);
}

#[test]
fn part_timers_work_only_the_shifts_open_to_them() {
    let mut problem = three_skills();
    let short: Vec<usize> = (0..problem.patterns.len())
        .filter(|&pattern| problem.patterns[pattern].paid() == 8)
        .collect();
    problem.groups[0].patterns = Some(short.clone());
    let plan = solve(&problem, &QUICK).unwrap();
    assert!(
        plan.people
            .iter()
            .all(|(g, p, _)| *g != 0 || short.contains(p))
    );
}

#[test]
fn a_skill_that_nobody_has_is_named() {
    let mut problem = three_skills();
    problem.groups.truncate(3);
    let refused = solve(&problem, &QUICK).unwrap_err();
    assert_eq!(
        refused,
        SolveError::Problem(ProblemError::NobodyFor { skill: 2 })
    );
}

#[test]
fn impossible_numbers_are_named() {
    let mut problem = three_skills();
    problem.groups[1].cost = f64::NAN;
    let said = solve(&problem, &QUICK).unwrap_err().to_string();
    assert!(said.starts_with("groups[1].cost is NaN"), "{said}");
    let mut uneven = three_skills();
    uneven.required[2].pop();
    let said = solve(&uneven, &QUICK).unwrap_err().to_string();
    assert!(said.contains("required[2] has 47 intervals"), "{said}");
}
