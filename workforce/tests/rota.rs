//! Rotas: possible for the people there are, and as cheap as the best where that can be counted.

// Clippy takes helpers outside #[test] functions for production code.
#![allow(clippy::unwrap_used)]

use std::time::Duration;

use proptest::prelude::*;
use trunkline_workforce::rota::{
    Effort, Lack, Need, Person, Plan, ProblemError, Rota, Rules, Stint, plan,
};
use trunkline_workforce::shifts::Skills;

const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;

const QUICK: Effort = Effort {
    moves: 60_000,
    seed: 1,
    bound_time: Duration::from_secs(20),
};

const RULES: Rules = Rules {
    rest: 11 * HOUR,
    days_in_seven: 5,
    seats: None,
    hand_over: 0,
    shortage: 100.0,
};

/// A shift of a day, in hours, paid throughout, with a break of whole hours.
fn stint(day: usize, from: i64, to: i64, pause: Option<i64>) -> Stint {
    let start = day as i64 * DAY;
    Stint {
        shift: from as usize,
        day,
        week: day / 7,
        start: start + from * HOUR,
        end: start + to * HOUR,
        breaks: pause
            .map(|at| (start + at * HOUR, start + (at + 1) * HOUR))
            .into_iter()
            .collect(),
        counted: (to - from) * HOUR,
        unsocial: day % 7 >= 5,
    }
}

fn hours(days: usize, required: impl Fn(usize, i64) -> Vec<u32>) -> Vec<Need> {
    (0..days)
        .flat_map(|day| (0..24).map(move |hour| (day, hour)))
        .map(|(day, hour)| Need {
            start: day as i64 * DAY + hour * HOUR,
            end: day as i64 * DAY + (hour + 1) * HOUR,
            required: required(day, hour),
        })
        .collect()
}

fn person(name: usize, skills: &[usize], stints: usize, week_hours: i64) -> Person {
    Person {
        name: format!("p{name}"),
        skills: Skills::of(skills).unwrap(),
        stints: (0..stints).collect(),
        week: week_hours * HOUR,
        on_site: true,
    }
}

/// Whether one person may work these stints, in order.
fn one_may(rota: &Rota, person: usize, own: &[usize]) -> bool {
    let one = &rota.people[person];
    let of = |at: usize| &rota.stints[at];
    let weeks = own
        .iter()
        .map(|&at| of(at).week)
        .max()
        .map_or(0, |week| week + 1);
    let in_week = |week| -> i64 {
        let these = own.iter().filter(|&&at| of(at).week == week);
        these.map(|&at| of(at).counted).sum()
    };
    let in_seven = |first: usize| {
        let these = own
            .iter()
            .filter(|&&at| (first..first + 7).contains(&of(at).day));
        these.count()
    };
    own.iter().all(|at| one.stints.contains(at))
        && (0..weeks).all(|week| in_week(week) <= one.week)
        && own.windows(2).all(|pair| {
            let (a, b) = (of(pair[0]), of(pair[1]));
            a.day != b.day && a.end + rota.rules.rest <= b.start
        })
        && own
            .iter()
            .all(|&at| in_seven(of(at).day) <= rota.rules.days_in_seven)
}

/// The most seats taken at any hour's middle.
fn seats_taken(rota: &Rota, given: &[(usize, usize)]) -> u32 {
    let last = rota.needs.last().unwrap().end + 2 * DAY;
    let at_once = |time: i64| {
        let sitting = given.iter().filter(|&&(person, at)| {
            let stint = &rota.stints[at];
            let until = stint.end + rota.rules.hand_over;
            rota.people[person].on_site && stint.start <= time && time < until
        });
        sitting.count() as u32
    };
    (-24 * HOUR..last)
        .step_by(1800)
        .map(at_once)
        .max()
        .unwrap_or(0)
}

/// Agents missing in an hour, by trying every way to share the flexible out.
fn missing(staff: &[Skills], required: &[u32]) -> u32 {
    let Some((skills, rest)) = staff.split_first() else {
        return required.iter().sum();
    };
    (0..required.len())
        .filter(|&skill| skills.has(skill) && required[skill] > 0)
        .map(|skill| {
            let mut left = required.to_vec();
            left[skill] -= 1;
            missing(rest, &left)
        })
        .min()
        .unwrap_or_else(|| missing(rest, required))
}

/// Seconds paid and hundredfold agent-seconds missing, counted afresh.
fn recount(rota: &Rota, given: &[(usize, usize)]) -> f64 {
    let paid: i64 = given.iter().map(|&(_, at)| rota.stints[at].counted).sum();
    let short: u32 = rota
        .needs
        .iter()
        .map(|need| {
            let at_work = given
                .iter()
                .filter(|&&(_, at)| rota.stints[at].works_within(need.start, need.end) > 0);
            let staff: Vec<Skills> = at_work.map(|&(one, _)| rota.people[one].skills).collect();
            missing(&staff, &need.required)
        })
        .sum();
    paid as f64 + rota.rules.shortage * f64::from(short) * HOUR as f64
}

fn own(given: &[(usize, usize)], person: usize) -> Vec<usize> {
    let of = given.iter().filter(|one| one.0 == person);
    of.map(|one| one.1).collect()
}

/// Every rule of a rota, counted by other means than the planner's.
fn is_possible(rota: &Rota, plan: &Plan) {
    for person in 0..rota.people.len() {
        let own = own(&plan.given, person);
        assert!(one_may(rota, person, &own), "person {person} works {own:?}");
        let counted: i64 = own.iter().map(|&at| rota.stints[at].counted).sum();
        assert_eq!(plan.worked[person].seconds, counted);
    }
    let taken = seats_taken(rota, &plan.given);
    assert!(
        rota.rules.seats.is_none_or(|seats| taken <= seats),
        "{taken} seats"
    );
    assert_eq!(plan.peak.map_or(0, |peak| peak.seats), taken);
    let cost = recount(rota, &plan.given);
    assert!((plan.cost - cost).abs() < 1e-3, "{} is {cost}", plan.cost);
    if let Some(bound) = plan.bound {
        assert!(
            bound <= plan.cost + 1e-6 * plan.cost + 1e-3,
            "{bound} above {}",
            plan.cost
        );
    }
}

/// The least cost, by trying everything.
fn least(rota: &Rota) -> f64 {
    let days = rota.stints.iter().map(|stint| stint.day).max().unwrap() + 1;
    let of_one: Vec<Vec<Vec<usize>>> = (0..rota.people.len())
        .map(|person| {
            let mut all = vec![Vec::new()];
            for day in 0..days {
                let today = |at: &&usize| rota.stints[**at].day == day;
                let longer: Vec<Vec<usize>> = all
                    .iter()
                    .flat_map(|so_far: &Vec<usize>| {
                        let stints = rota.people[person].stints.iter().filter(today);
                        stints.map(|&at| [so_far.clone(), vec![at]].concat())
                    })
                    .collect();
                all.extend(longer);
            }
            all.retain(|stints| one_may(rota, person, stints));
            all
        })
        .collect();
    let mut together: Vec<Vec<(usize, usize)>> = vec![Vec::new()];
    for (person, ways) in of_one.iter().enumerate() {
        together = together
            .iter()
            .flat_map(|so_far| {
                ways.iter().map(move |way| {
                    let mut all = so_far.clone();
                    all.extend(way.iter().map(|&at| (person, at)));
                    all
                })
            })
            .collect();
    }
    together
        .iter()
        .filter(|given| {
            rota.rules
                .seats
                .is_none_or(|seats| seats_taken(rota, given) <= seats)
        })
        .map(|given| recount(rota, given))
        .fold(f64::INFINITY, f64::min)
}

/// Small rotas: three days, an early shift, a late one and one over midnight, three people.
fn small() -> impl Strategy<Value = Rota> {
    let people = prop::collection::vec((1_u16..4, 8_i64..33, any::<bool>()), 2..4);
    let needs = prop::collection::vec(0_u32..3, 9);
    let seats = prop::option::of(1_u32..3);
    (people, needs, seats, 0_i64..13, 0_i64..2).prop_map(|(people, needs, seats, rest, over)| {
        let stints: Vec<Stint> = (0..3)
            .flat_map(|day| {
                [
                    stint(day, 6, 14, Some(9)),
                    stint(day, 13, 21, None),
                    stint(day, 21, 29, Some(25)),
                ]
            })
            .collect();
        let required = |day: usize, hour: i64| match hour {
            7..13 => vec![needs[day], needs[(day + 1) % 9]],
            13..20 => vec![needs[day + 3], 0],
            22..24 => vec![0, needs[day + 6]],
            _ => vec![0, 0],
        };
        Rota {
            needs: hours(3, required),
            people: people
                .iter()
                .enumerate()
                .map(|(at, &(skills, hours, on_site))| Person {
                    skills: Skills(skills),
                    on_site,
                    ..person(at, &[], stints.len(), hours)
                })
                // So that no skill lacks somebody.
                .chain([person(9, &[0, 1], 0, 40)])
                .collect(),
            stints,
            rules: Rules {
                rest: rest * HOUR,
                seats,
                hand_over: over * HOUR,
                ..RULES
            },
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn a_small_rota_costs_what_the_best_of_all_costs(rota in small()) {
        let made = plan(&rota, &QUICK).unwrap();
        is_possible(&rota, &made);
        let least = least(&rota);
        prop_assert!((made.cost - least).abs() < 1e-3, "{} where {least} is the least", made.cost);
        prop_assert!(made.proven, "{:?} is not known to be the least", made.bound);
        if let Some(bound) = made.bound {
            prop_assert!(bound <= least + 1e-3, "a bound of {bound} above {least}");
        }
    }

    #[test]
    fn no_rota_breaks_a_rule(
        required in prop::collection::vec(0_u32..7, 14 * 3),
        contracts in prop::collection::vec((8_i64..41, 1_u16..4, any::<bool>()), 1..14),
        seats in prop::option::of(1_u32..9),
        days_in_seven in 1_usize..8,
        rest in 0_i64..20,
    ) {
        let stints: Vec<Stint> = (0..14)
            .flat_map(|day| [
                stint(day, 6, 14, Some(10)),
                stint(day, 8, 12, None),
                stint(day, 14, 22, Some(18)),
                stint(day, 22, 30, Some(26)),
            ])
            .collect();
        let rota = Rota {
            needs: hours(14, |day, hour| match hour {
                6..14 => vec![required[day * 3], required[day * 3 + 1]],
                14..22 => vec![required[day * 3 + 1], 0],
                _ => vec![required[day * 3 + 2] / 3, 0],
            }),
            people: contracts
                .iter()
                .enumerate()
                .map(|(at, &(hours, skills, on_site))| Person {
                    skills: Skills(skills),
                    on_site,
                    ..person(at, &[], stints.len(), hours)
                })
                .chain([person(99, &[0, 1], stints.len(), 20)])
                .collect(),
            stints,
            rules: Rules { rest: rest * HOUR, seats, days_in_seven, hand_over: HOUR / 2, ..RULES },
        };
        let made = plan(&rota, &Effort { moves: 10_000, ..QUICK }).unwrap();
        is_possible(&rota, &made);
    }
}

/// A week of one shift for some people.
fn week(people: usize, required: u32) -> Rota {
    let stints: Vec<Stint> = (0..7).map(|day| stint(day, 8, 16, None)).collect();
    Rota {
        needs: hours(7, |_, hour| {
            vec![if (8..16).contains(&hour) { required } else { 0 }]
        }),
        people: (0..people)
            .map(|at| person(at, &[0], stints.len(), 40))
            .collect(),
        stints,
        rules: RULES,
    }
}

#[test]
fn a_week_of_seven_days_is_shared_evenly_and_proven_the_best() {
    let rota = week(7, 5);
    let made = plan(&rota, &QUICK).unwrap();
    is_possible(&rota, &made);
    assert!(made.proven && made.gap() == Some(0.0), "{:?}", made.bound);
    assert!(made.rows.iter().all(|row| row.gap == 0.0));
    // 35 shifts for seven people, of them ten at the weekend.
    assert!(
        made.worked.iter().all(|one| one.stints == 5),
        "{:?}",
        made.worked
    );
    assert!(
        made.worked
            .iter()
            .all(|one| (1..=2).contains(&one.unsocial)),
        "{:?}",
        made.worked
    );
}

#[test]
fn part_timers_work_their_share() {
    let mut rota = week(8, 4);
    rota.people[6].week = 20 * HOUR;
    rota.people[7].week = 20 * HOUR;
    let made = plan(&rota, &QUICK).unwrap();
    is_possible(&rota, &made);
    assert!(made.rows.iter().all(|row| row.gap == 0.0));
    for (one, stints) in made.worked.iter().zip([4, 4, 4, 4, 4, 4, 2, 2]) {
        assert_eq!(one.stints, stints, "{:?}", made.worked);
    }
}

#[test]
fn who_has_two_skills_is_one_agent() {
    let stints = vec![stint(0, 8, 16, None)];
    let rota = Rota {
        needs: hours(1, |_, hour| vec![u32::from((8..16).contains(&hour)); 2]),
        people: vec![person(0, &[0, 1], 1, 40)],
        stints,
        rules: RULES,
    };
    let made = plan(&rota, &QUICK).unwrap();
    assert_eq!(made.given, [(0, 0)]);
    let noon = made.rows[12];
    assert_eq!((noon.required, noon.scheduled, noon.gap), (2, 1.0, 1.0));
    assert_eq!(noon.lack, Some(Lack::People));
}

#[test]
fn what_is_missing_says_why() {
    let why = |rota: &Rota, hour: usize| plan(rota, &QUICK).unwrap().rows[hour].lack;
    assert_eq!(why(&week(2, 3), 8), Some(Lack::People));
    let seats = Rota {
        rules: Rules {
            seats: Some(2),
            ..RULES
        },
        ..week(9, 3)
    };
    assert_eq!(why(&seats, 8), Some(Lack::Seat));
    let mut early = week(9, 3);
    early.needs[7].required[0] = 1;
    assert_eq!(why(&early, 7), Some(Lack::Shift));
    let dear = Rota {
        rules: Rules {
            shortage: 0.1,
            ..RULES
        },
        ..week(9, 3)
    };
    assert_eq!(why(&dear, 8), Some(Lack::Worth));
    let mut home = seats.clone();
    home.people
        .iter_mut()
        .take(5)
        .for_each(|one| one.on_site = false);
    assert_eq!(why(&home, 8), None);
}

#[test]
fn the_peak_of_seats_has_the_hand_over_in_it() {
    let stints = vec![stint(0, 6, 14, None), stint(0, 14, 22, None)];
    let needs = hours(1, |_, hour| {
        vec![if (6..22).contains(&hour) { 3 } else { 0 }]
    });
    let people = (0..6).map(|at| person(at, &[0], 2, 40)).collect();
    let rota = Rota {
        needs,
        stints,
        people,
        rules: RULES,
    };
    let peak = |hand_over| {
        let rules = Rules { hand_over, ..RULES };
        plan(
            &Rota {
                rules,
                ..rota.clone()
            },
            &QUICK,
        )
        .unwrap()
        .peak
        .unwrap()
    };
    assert_eq!(peak(0).seats, 3);
    let with = peak(HOUR / 4);
    assert_eq!((with.seats, with.at), (6, 14 * HOUR));
}

#[test]
fn the_same_seed_gives_the_same_rota() {
    let made = [(); 2].map(|()| plan(&week(9, 6), &QUICK).unwrap());
    assert_eq!(made[0], made[1]);
}

#[test]
fn what_is_no_rota_is_refused_by_its_field() {
    let good = week(3, 2);
    let mut upside_down = good.clone();
    upside_down.stints[2].end = 0;
    let mut outside = good.clone();
    outside.stints[1].breaks = vec![(0, HOUR)];
    let mut strangers = good.clone();
    strangers.people[1].stints.push(7);
    let mut skill = good.clone();
    skill
        .people
        .iter_mut()
        .for_each(|one| one.skills = Skills(2));
    let mut rule = good.clone();
    rule.rules.shortage = f64::NAN;
    let nobody = Rota {
        people: Vec::new(),
        ..good
    };
    let refused = |rota: &Rota| plan(rota, &QUICK).unwrap_err();
    assert_eq!(refused(&upside_down), ProblemError::Stint(2));
    assert_eq!(refused(&outside), ProblemError::Stint(1));
    assert_eq!(refused(&strangers), ProblemError::Person(1));
    assert_eq!(refused(&skill), ProblemError::NobodyFor { skill: 0 });
    assert!(
        refused(&rule)
            .to_string()
            .starts_with("rules.shortage is NaN")
    );
    assert_eq!(refused(&nobody), ProblemError::Empty("people"));
}
