//! Another beginning for the search: each day as a shift plan of its own.
//!
//! [`shifts`](crate::shifts) knows how many of which kind should work which shift of a day, from a
//! linear program and a search that proves it where the day is small; it doesn't know who, nor
//! that there is a week. So its plans, handed out by name as far as hours, rest, days and seats let
//! them, are where a rota may begin, not where it ends.

use super::ground::{Ground, State};
use super::problem::Stint;
use super::search::kinds;
use crate::shifts::{self, Break, Group, Pattern, Problem, solve};

/// Intervals of a day at most, and shifts of all kinds times intervals: a larger program takes longer
/// than the search that it is to help.
const MOST_INTERVALS: usize = 400;
const MOST_CELLS: usize = 60_000;

/// Moves of a day's search: its linear program has done the most of it.
const MOVES: u64 = 20_000;

/// How many of which kind work which of the day's stints.
type People = Vec<(usize, usize, u32)>;

/// Every day's shift plan, handed out. `None` if some day is too large, or can't be cut into even
/// intervals.
pub(super) fn start(ground: &Ground<'_>, seed: u64) -> Option<State> {
    let rota = ground.rota;
    let kinds = kinds(rota);
    let mut state = ground.empty();
    // Days that are alike are planned once.
    let mut known: Vec<(Problem, People)> = Vec::new();
    for day in 0..ground.days {
        let stints: Vec<usize> = (0..rota.stints.len())
            .filter(|&stint| rota.stints[stint].day == day)
            .collect();
        let Some(problem) = of_day(ground, &kinds, &stints)? else {
            continue;
        };
        let found = known.iter().find(|(other, _)| *other == problem);
        let people = match found {
            Some((_, people)) => people.clone(),
            None => {
                let effort = shifts::Effort {
                    moves: MOVES,
                    nodes: 0,
                    seed,
                    ..shifts::Effort::default()
                };
                let people = solve(&problem, &effort).ok()?.people;
                known.push((problem, people.clone()));
                people
            }
        };
        for (kind, pattern, count) in people {
            for _ in 0..count {
                let stint = stints[pattern];
                let free = kinds[kind].iter().copied();
                let free = free.filter(|&person| ground.may(&state, person, stint));
                let least = free.min_by_key(|&person| (state.total(person), person));
                if let Some(person) = least {
                    ground.shift(&mut state, person, stint, 1);
                }
            }
        }
    }
    Some(state)
}

/// The day as a shift plan; nothing of it if nobody can work it. `None` if it is too large.
fn of_day(ground: &Ground<'_>, kinds: &[Vec<usize>], stints: &[usize]) -> Option<Option<Problem>> {
    let rota = ground.rota;
    let of = |stint: &usize| &rota.stints[*stint];
    let (Some(from), Some(to)) = (
        stints.iter().map(|stint| of(stint).start).min(),
        stints.iter().map(|stint| of(stint).end).max(),
    ) else {
        return Some(None);
    };
    let needs = || {
        rota.needs
            .iter()
            .filter(|need| need.start < to && need.end > from)
    };
    let in_needs = needs().flat_map(|need| [need.start.max(from), need.end.min(to)]);
    let in_stints = stints.iter().flat_map(|stint| edges(of(stint)));
    let step = in_needs
        .chain(in_stints)
        .fold(0, |step, edge| gcd(step, edge - from));
    let intervals = usize::try_from((to - from).checked_div(step)?).ok()?;
    if intervals > MOST_INTERVALS || stints.len() * kinds.len() * intervals > MOST_CELLS {
        return None;
    }
    let place = |time: i64| ((time - from) / step) as usize;
    let pattern = |stint: &usize| {
        let stint = of(stint);
        let off: i64 = stint.breaks.iter().map(|(from, to)| to - from).sum();
        // Paid or not, as the hours of the contract have it; of some each way all count as unpaid.
        let paid = stint.counted > stint.end - stint.start - off;
        Pattern {
            start: place(stint.start),
            end: place(stint.end),
            breaks: stint
                .breaks
                .iter()
                .map(|&(from, to)| Break {
                    start: place(from),
                    length: place(to) - place(from),
                    paid,
                })
                .collect(),
        }
    };
    let mut required = vec![vec![0; intervals]; rota.skills()];
    for need in needs() {
        for (skill, agents) in need.required.iter().enumerate() {
            let (first, last) = (place(need.start.max(from)), place(need.end.min(to)));
            required[skill][first..last].fill(*agents);
        }
    }
    let groups = kinds.iter().map(|people| {
        let one = &rota.people[people[0]];
        let opens = |at: &usize| one.stints.contains(&stints[*at]);
        Group {
            name: String::new(),
            skills: one.skills,
            cost: 1.0,
            most: Some(people.len() as u32),
            patterns: Some((0..stints.len()).filter(opens).collect()),
            remote_share: if one.on_site { 0.0 } else { 1.0 },
        }
    });
    let problem = Problem {
        patterns: stints.iter().map(pattern).collect(),
        groups: groups.collect(),
        required,
        seats: rota.rules.seats,
        shortage: rota.rules.shortage,
    };
    let anybody = problem.groups.iter().flat_map(|group| &group.patterns);
    Some(anybody.flatten().next().is_some().then_some(problem))
}

fn edges(stint: &Stint) -> impl Iterator<Item = i64> + '_ {
    let breaks = stint.breaks.iter().flat_map(|&(from, to)| [from, to]);
    breaks.chain([stint.start, stint.end])
}

fn gcd(a: i64, b: i64) -> i64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::super::problem::{Need, Person, Rota, Rules};
    use super::*;
    use crate::shifts::Skills;

    const HOUR: i64 = 3600;

    /// Shifts of eight hours with a paid break and of four, from every hour of a day from 6 to 22.
    fn rota(days: i64, heads: usize) -> Rota {
        let mut stints = Vec::new();
        for day in 0..days {
            for (length, last) in [(8, 14), (4, 18)] {
                for from in 6..=last {
                    let start = (24 * day + from) * HOUR;
                    let pause = (start + 4 * HOUR, start + 4 * HOUR + 1800);
                    stints.push(Stint {
                        shift: from as usize,
                        day: day as usize,
                        week: (day / 7) as usize,
                        start,
                        end: start + length * HOUR,
                        breaks: if length == 8 { vec![pause] } else { Vec::new() },
                        counted: length * HOUR,
                        unsocial: false,
                    });
                }
            }
        }
        let half_hours = |day: i64| (12..44).map(move |half| (day, half));
        let needs = (0..days).flat_map(half_hours).map(|(day, half)| Need {
            start: (48 * day + half) * 1800,
            end: (48 * day + half + 1) * 1800,
            // Two peaks.
            required: vec![
                2 + (half as u32 % 9) / 2 + if (18..26).contains(&half) { 6 } else { 0 },
            ],
        });
        let person = |name: usize| Person {
            name: format!("p{name}"),
            skills: Skills(1),
            stints: (0..stints.len()).collect(),
            week: 40 * HOUR,
            on_site: true,
        };
        Rota {
            needs: needs.collect(),
            people: (0..heads).map(person).collect(),
            stints,
            rules: Rules {
                rest: 11 * HOUR,
                days_in_seven: 5,
                seats: None,
                hand_over: 0,
                shortage: 50.0,
            },
        }
    }

    #[test]
    fn a_day_with_people_enough_begins_at_its_shift_plan() {
        let rota = rota(1, 40);
        let ground = Ground::new(&rota);
        let stints: Vec<usize> = (0..rota.stints.len()).collect();
        let kinds = kinds(&rota);
        let problem = of_day(&ground, &kinds, &stints).unwrap().unwrap();
        let effort = shifts::Effort {
            moves: MOVES,
            nodes: 0,
            ..shifts::Effort::default()
        };
        let plan = solve(&problem, &effort).unwrap();
        let state = start(&ground, effort.seed).unwrap();
        // The plan counts half hours, the rota seconds.
        assert!((state.cost(&ground) - 1800.0 * plan.cost).abs() < 1e-6);
        assert!(plan.gap() < 0.02, "{}", plan.gap());
    }

    #[test]
    fn what_the_week_does_not_allow_is_not_handed_out() {
        let rota = rota(7, 9);
        let ground = Ground::new(&rota);
        let state = start(&ground, 1).unwrap();
        for person in 0..rota.people.len() {
            let days = (0..7).filter(|&day| state.on(&ground, person, day).is_some());
            assert!(days.count() <= 5 && state.total(person) <= 40 * HOUR);
        }
    }

    #[test]
    fn days_of_odd_minutes_are_left_to_the_search() {
        let mut rota = rota(1, 5);
        rota.stints[0].end += 7;
        assert!(start(&Ground::new(&rota), 1).is_none());
    }
}
