//! What no rota can cost less than: the linear relaxation over people who are alike.
//!
//! Whole people become shares of a kind, and only these rules stay: one stint a day, hours and
//! days of a week, rest between a day and the next, seats. Weeks are relaxed apart; what a
//! shift brings into the week after is free there, so the sum of the weeks stays a bound.

use std::collections::BTreeMap;
use std::time::Duration;

use microlp::{
    ComparisonOp, LinearExpr, OptimizationDirection, Problem as Program, SolveOptions,
    SolveOutcome, Variable,
};

use super::ground::Ground;
use super::search::kinds;

/// The program counts in hours: seconds would spread its numbers over too many magnitudes.
const HOUR: f64 = 3600.0;

/// The bound, in the cost's units; `None` if the solver gave up or ran out of time.
pub(super) fn bound(ground: &Ground<'_>, patience: Duration) -> Option<f64> {
    let owner = owners(ground);
    let shortage = ground.rota.rules.shortage;
    let beyond = owner.iter().enumerate().filter(|(_, week)| week.is_none());
    // What no shift reaches is missing whatever the rota is.
    let mut sum: f64 = beyond
        .map(|(at, _)| shortage * ground.empty_short(at) as f64)
        .sum();
    for week in 0..ground.weeks {
        let own: Vec<usize> = (0..owner.len())
            .filter(|&at| owner[at] == Some(week))
            .collect();
        if own.is_empty() {
            continue;
        }
        sum += HOUR * of_week(ground, week, &own, patience)?;
    }
    Some(sum)
}

/// The week that each interval is counted in: the last one that has a stint there.
fn owners(ground: &Ground<'_>) -> Vec<Option<usize>> {
    ground
        .covering
        .iter()
        .map(|stints| {
            let weeks = stints.iter().map(|&stint| ground.rota.stints[stint].week);
            weeks.max()
        })
        .collect()
}

/// A stint as worked by a kind of people.
struct Column {
    kind: usize,
    stint: usize,
    variable: Variable,
}

fn of_week(ground: &Ground<'_>, week: usize, own: &[usize], patience: Duration) -> Option<f64> {
    let rota = ground.rota;
    let mut program = Program::new(OptimizationDirection::Minimize);
    let kinds = kinds(rota);
    let reaches = |stint: usize| {
        let works = ground.works[stint].iter();
        works
            .map(|(at, _)| at)
            .any(|at| own.binary_search(at).is_ok())
    };
    let mut columns = Vec::new();
    for (kind, people) in kinds.iter().enumerate() {
        for &stint in &rota.people[people[0]].stints {
            let ours = rota.stints[stint].week == week;
            if !ours && !reaches(stint) {
                continue;
            }
            let cost = if ours {
                rota.stints[stint].counted as f64 / HOUR
            } else {
                0.0
            };
            let variable = program.add_var(cost, (0.0, people.len() as f64));
            columns.push(Column {
                kind,
                stint,
                variable,
            });
        }
    }
    for (kind, people) in kinds.iter().enumerate() {
        let of_kind: Vec<&Column> = columns.iter().filter(|one| one.kind == kind).collect();
        contract(ground, week, people, &of_kind, &mut program);
        rest(ground, people.len() as f64, &of_kind, &mut program);
    }
    seats(ground, week, &kinds, &columns, &mut program);
    cover(ground, own, &kinds, &columns, &mut program);
    let mut options = SolveOptions::default();
    options.time_limit = Some(patience);
    match program.solve_with(options).ok()? {
        SolveOutcome::Interrupted(_) => None,
        SolveOutcome::Solution(solution) => Some(solution.objective()),
    }
}

fn sum<'c>(columns: impl Iterator<Item = &'c Column>, program: &mut Program, most: f64) {
    let mut row = LinearExpr::empty();
    columns.for_each(|column| row.add(column.variable, 1.0));
    program.add_constraint(row, ComparisonOp::Le, most);
}

/// One stint a day, and the hours and days of a week.
fn contract(
    ground: &Ground<'_>,
    week: usize,
    people: &[usize],
    columns: &[&Column],
    program: &mut Program,
) {
    let rota = ground.rota;
    let day_of = |column: &Column| rota.stints[column.stint].day;
    let mut days: Vec<usize> = columns.iter().map(|column| day_of(column)).collect();
    days.sort_unstable();
    days.dedup();
    for day in days {
        let today = columns.iter().copied().filter(|one| day_of(one) == day);
        sum(today, program, people.len() as f64);
    }
    let ours = || {
        let of_week = |one: &&Column| rota.stints[one.stint].week == week;
        columns.iter().copied().filter(of_week)
    };
    let counted = |column: &Column| rota.stints[column.stint].counted;
    let Some(shortest) = ours().map(counted).min() else {
        return;
    };
    let hours: i64 = people.iter().map(|&one| rota.people[one].week).sum();
    let stints: i64 = people
        .iter()
        .map(|&one| {
            let days = rota.rules.days_in_seven as i64;
            let by_hours = rota.people[one].week.checked_div(shortest);
            by_hours.unwrap_or(days).min(days)
        })
        .sum();
    sum(ours(), program, stints as f64);
    let mut row = LinearExpr::empty();
    ours().for_each(|one| row.add(one.variable, counted(one) as f64 / HOUR));
    program.add_constraint(row, ComparisonOp::Le, hours as f64 / HOUR);
}

/// Of stints that end late and those of the next day that start too soon after, one each.
fn rest(ground: &Ground<'_>, heads: f64, columns: &[&Column], program: &mut Program) {
    let rota = ground.rota;
    let mut by_day: BTreeMap<usize, Vec<&Column>> = BTreeMap::new();
    for column in columns {
        let day = rota.stints[column.stint].day;
        by_day.entry(day).or_default().push(column);
    }
    for (day, today) in &by_day {
        let Some(tomorrow) = by_day.get(&(day + 1)) else {
            continue;
        };
        let mut ends: Vec<i64> = today.iter().map(|one| rota.stints[one.stint].end).collect();
        ends.sort_unstable();
        ends.dedup();
        for end in ends {
            let too_soon = |one: &&&Column| rota.stints[one.stint].start < end + rota.rules.rest;
            let late = |one: &&&Column| rota.stints[one.stint].end >= end;
            if tomorrow.iter().any(|one| too_soon(&one)) {
                let clash = today
                    .iter()
                    .filter(late)
                    .chain(tomorrow.iter().filter(too_soon));
                sum(clash.copied(), program, heads);
            }
        }
    }
}

fn seats(
    ground: &Ground<'_>,
    week: usize,
    kinds: &[Vec<usize>],
    columns: &[Column],
    program: &mut Program,
) {
    let Some(seats) = ground.rota.rules.seats else {
        return;
    };
    for stretch in 0..ground.stretches.len() {
        let sitting = |one: &&Column| {
            let stint = &ground.rota.stints[one.stint];
            let on_site = ground.rota.people[kinds[one.kind][0]].on_site;
            on_site && stint.week == week && ground.sits_in(one.stint, stretch)
        };
        if columns.iter().any(|one| sitting(&one)) {
            sum(columns.iter().filter(sitting), program, f64::from(seats));
        }
    }
}

/// For each set of skills and interval: who works and who is missing make what is required.
fn cover(
    ground: &Ground<'_>,
    own: &[usize],
    kinds: &[Vec<usize>],
    columns: &[Column],
    program: &mut Program,
) {
    let rota = ground.rota;
    // By interval of the week and set.
    let mut rows: BTreeMap<(usize, usize), LinearExpr> = BTreeMap::new();
    for column in columns {
        let skills = rota.people[kinds[column.kind][0]].skills.0;
        for &(at, seconds) in &ground.works[column.stint] {
            if own.binary_search(&at).is_err() {
                continue;
            }
            for (set, &of) in ground.sets.iter().enumerate() {
                if of & skills != 0 {
                    let row = rows.entry((at, set)).or_insert_with(LinearExpr::empty);
                    row.add(column.variable, seconds as f64 / HOUR);
                }
            }
        }
    }
    for &at in own {
        let missing = program.add_var(rota.rules.shortage, (0.0, f64::INFINITY));
        for set in 0..ground.sets.len() {
            let required = ground.required(at, set) as f64 / HOUR;
            if required > 0.0 {
                let mut row = rows.remove(&(at, set)).unwrap_or_else(LinearExpr::empty);
                row.add(missing, 1.0);
                program.add_constraint(row, ComparisonOp::Ge, required);
            }
        }
    }
}
