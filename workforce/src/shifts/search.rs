//! Simulated annealing over whole plans: one person's shift changed, added or taken away at a
//! time, the change in cost counted exactly.
//!
//! With skills shared inside an interval, agents missing there are the greatest excess, over
//! all sets of skills, of what is required of the set over who has any skill of it (max-flow
//! min-cut; Hall's condition is the case of none missing). So the state is a count for each
//! interval and set, and a change touches only the intervals that a shift works in.

use super::problem::{Column, Problem};
use crate::arrivals::Random;

/// Shifts most alike that a shift is changed for.
const NEIGHBOURS: usize = 40;

/// Temperatures at the start and the end, in shares of the mean cost of a shift.
const HOT: f64 = 0.008;
const COLD: f64 = 0.002;

/// Everything about the problem that a move looks up.
pub(crate) struct Terrain<'a> {
    problem: &'a Problem,
    columns: &'a [Column],
    /// Intervals that each pattern works in.
    works: Vec<Vec<usize>>,
    /// Patterns most like each pattern.
    alike: Vec<Vec<usize>>,
    /// Column by group and pattern.
    column_of: Vec<Vec<Option<usize>>>,
    /// Columns that work in each interval.
    covering: Vec<Vec<usize>>,
    /// Sets of skills that can bind, and for each group which of them it serves.
    sets: Vec<u16>,
    serves: Vec<Vec<usize>>,
    /// Required of each set, by interval.
    needs: Vec<i32>,
    on_site: Vec<f64>,
}

/// A plan being changed.
#[derive(Clone)]
struct State {
    people: Vec<usize>,
    heads: Vec<u32>,
    /// By interval and set: required less on duty.
    excess: Vec<i32>,
    short: Vec<i32>,
    sitting: Vec<f64>,
    cost: f64,
}

/// A plan found.
pub(crate) struct Found {
    /// The column of each person.
    pub people: Vec<usize>,
    /// Agents missing by interval.
    pub short: Vec<u32>,
    /// Shifts and shortage.
    pub cost: f64,
}

impl<'a> Terrain<'a> {
    pub(crate) fn new(problem: &'a Problem, columns: &'a [Column]) -> Self {
        let intervals = problem.intervals();
        let works: Vec<Vec<usize>> = problem
            .patterns
            .iter()
            .map(|pattern| (0..intervals).filter(|&t| pattern.works(t)).collect())
            .collect();
        let mut column_of = vec![vec![None; problem.patterns.len()]; problem.groups.len()];
        let mut covering = vec![Vec::new(); intervals];
        for (at, column) in columns.iter().enumerate() {
            column_of[column.group][column.pattern] = Some(at);
            for &t in &works[column.pattern] {
                covering[t].push(at);
            }
        }
        let sets = binding_sets(problem);
        let serves = problem
            .groups
            .iter()
            .map(|group| {
                (0..sets.len())
                    .filter(|&set| group.skills.meets(sets[set]))
                    .collect()
            })
            .collect();
        let needs = (0..intervals)
            .flat_map(|t| {
                sets.iter().map(move |set| {
                    let of_set = |skill: &usize| set >> skill & 1 == 1;
                    (0..problem.required.len())
                        .filter(of_set)
                        .map(|skill| problem.required[skill][t])
                        .sum::<u32>() as i32
                })
            })
            .collect();
        Self {
            problem,
            columns,
            alike: alike(&works, intervals),
            works,
            column_of,
            covering,
            sets,
            serves,
            needs,
            on_site: problem
                .groups
                .iter()
                .map(|group| 1.0 - group.remote_share)
                .collect(),
        }
    }

    fn empty(&self) -> State {
        let intervals = self.problem.intervals();
        let mut state = State {
            people: Vec::new(),
            heads: vec![0; self.problem.groups.len()],
            excess: self.needs.clone(),
            short: vec![0; intervals],
            sitting: vec![0.0; intervals],
            cost: 0.0,
        };
        for t in 0..intervals {
            state.short[t] = self.shortage(&state, t);
            state.cost += self.problem.shortage * f64::from(state.short[t]);
        }
        state
    }

    fn shortage(&self, state: &State, t: usize) -> i32 {
        let of = &state.excess[t * self.sets.len()..(t + 1) * self.sets.len()];
        of.iter().copied().fold(0, i32::max)
    }

    /// Puts one person more (`sign` 1) or less (−1) on a column.
    fn shift(&self, state: &mut State, column: usize, sign: i32) {
        let Column {
            group,
            pattern,
            cost,
        } = self.columns[column];
        let sets = self.sets.len();
        let mut shortage = 0;
        for &t in &self.works[pattern] {
            for &set in &self.serves[group] {
                state.excess[t * sets + set] -= sign;
            }
            let short = self.shortage(state, t);
            shortage += short - state.short[t];
            state.short[t] = short;
        }
        state.heads[group] = state.heads[group].wrapping_add_signed(sign);
        if self.problem.seats.is_some() {
            let pattern = &self.problem.patterns[pattern];
            for t in pattern.start..pattern.end.min(state.sitting.len()) {
                state.sitting[t] += f64::from(sign) * self.on_site[group];
            }
        }
        state.cost += f64::from(sign) * cost + self.problem.shortage * f64::from(shortage);
    }

    /// Whether one more on this column keeps the heads and the seats there are.
    fn has_room(&self, state: &State, column: usize) -> bool {
        let Column { group, pattern, .. } = self.columns[column];
        let heads = self.problem.groups[group]
            .most
            .is_none_or(|most| state.heads[group] < most);
        let seats = self.problem.seats.is_none_or(|seats| {
            let pattern = &self.problem.patterns[pattern];
            let end = pattern.end.min(state.sitting.len());
            let free = f64::from(seats) - self.on_site[group] + 1e-9;
            (pattern.start.min(end)..end).all(|t| state.sitting[t] <= free)
        });
        heads && seats
    }

    /// Anneals from the given people for so many moves.
    pub(crate) fn anneal(&self, start: &[usize], moves: u64, random: &mut Random) -> Found {
        let mut state = self.empty();
        for &column in start {
            if self.has_room(&state, column) {
                self.shift(&mut state, column, 1);
                state.people.push(column);
            }
        }
        let mean_cost =
            self.columns.iter().map(|c| c.cost).sum::<f64>() / self.columns.len() as f64;
        let cooling = (COLD / HOT).ln();
        let mut best = (state.cost, state.people.clone());
        for done in 0..moves {
            let progress = done as f64 / moves as f64;
            let heat = HOT * mean_cost * (cooling * progress).exp();
            self.try_move(&mut state, heat, random);
            if state.cost < best.0 - 1e-9 {
                best.0 = state.cost;
                best.1.clone_from(&state.people);
            }
        }
        self.found(&best.1)
    }

    /// What people on these columns cost, counted afresh.
    pub(crate) fn found(&self, people: &[usize]) -> Found {
        let mut state = self.empty();
        for &column in people {
            self.shift(&mut state, column, 1);
        }
        Found {
            people: people.to_vec(),
            short: state.short.iter().map(|&short| short as u32).collect(),
            cost: state.cost,
        }
    }

    fn try_move(&self, state: &mut State, heat: f64, random: &mut Random) {
        let choice = random.uniform();
        let leaving =
            (choice < 0.85 && !state.people.is_empty()).then(|| pick(state.people.len(), random));
        let joining = match leaving {
            Some(_) if choice >= 0.70 => None,
            Some(person) => self.replacement(state, state.people[person], random),
            None => Some(self.newcomer(state, random)),
        };
        let before = state.cost;
        if let Some(person) = leaving {
            self.shift(state, state.people[person], -1);
        }
        let fits = joining.is_none_or(|column| self.has_room(state, column));
        if fits && let Some(column) = joining {
            self.shift(state, column, 1);
        }
        let worse = state.cost - before;
        let accepted = fits && (worse <= 0.0 || random.uniform() < (-worse / heat).exp());
        match (accepted, leaving, joining) {
            (true, Some(person), Some(column)) => state.people[person] = column,
            (true, Some(person), None) => {
                state.people.swap_remove(person);
            }
            (true, None, Some(column)) => state.people.push(column),
            (false, ..) => {
                if fits && let Some(column) = joining {
                    self.shift(state, column, -1);
                }
                if let Some(person) = leaving {
                    self.shift(state, state.people[person], 1);
                }
                state.cost = before; // without the rounding of there and back
            }
            (true, None, None) => {}
        }
    }

    /// A shift much like this one, the same in another group, or any that helps.
    fn replacement(&self, state: &State, column: usize, random: &mut Random) -> Option<usize> {
        let Column { group, pattern, .. } = self.columns[column];
        let choice = random.uniform();
        if choice < 0.7 {
            let alike = &self.alike[pattern];
            if alike.is_empty() {
                return None;
            }
            self.column_of[group][alike[pick(alike.len(), random)]]
        } else if choice < 0.85 {
            self.column_of[pick(self.problem.groups.len(), random)][pattern]
        } else {
            Some(self.newcomer(state, random))
        }
    }

    /// A shift that works where agents are missing, if a few looks find such an interval.
    fn newcomer(&self, state: &State, random: &mut Random) -> usize {
        for _ in 0..8 {
            let t = pick(state.short.len(), random);
            if state.short[t] > 0 && !self.covering[t].is_empty() {
                return self.covering[t][pick(self.covering[t].len(), random)];
            }
        }
        pick(self.columns.len(), random)
    }
}

fn pick(count: usize, random: &mut Random) -> usize {
    ((random.uniform() * count as f64) as usize).min(count - 1)
}

/// Sets of skills that can bind: of those served by the same groups only the greatest.
fn binding_sets(problem: &Problem) -> Vec<u16> {
    let skills = problem.required.len();
    let served_by = |set: u16| -> Vec<bool> {
        problem
            .groups
            .iter()
            .map(|group| group.skills.meets(set))
            .collect()
    };
    (1..1_u16 << skills)
        .filter(|&set| {
            (0..skills).all(|skill| {
                let wider = set | 1 << skill;
                wider == set || served_by(wider) != served_by(set)
            })
        })
        .collect()
}

/// For each pattern those that differ from it in the fewest intervals.
fn alike(works: &[Vec<usize>], intervals: usize) -> Vec<Vec<usize>> {
    let words = intervals.div_ceil(64);
    let bits: Vec<Vec<u64>> = works
        .iter()
        .map(|intervals| {
            let mut bits = vec![0; words];
            intervals.iter().for_each(|t| bits[t / 64] |= 1 << (t % 64));
            bits
        })
        .collect();
    let distance = |a: usize, b: usize| -> u32 {
        let differ = |(a, b): (&u64, &u64)| (a ^ b).count_ones();
        bits[a].iter().zip(&bits[b]).map(differ).sum()
    };
    (0..works.len())
        .map(|a| {
            let mut others: Vec<(u32, usize)> = (0..works.len())
                .filter(|&b| b != a)
                .map(|b| (distance(a, b), b))
                .collect();
            let kept = NEIGHBOURS.min(others.len());
            if kept > 0 {
                others.select_nth_unstable(kept - 1);
            }
            others.truncate(kept);
            others.into_iter().map(|(_, b)| b).collect()
        })
        .collect()
}
