//! A rota being made: one stint given or taken at a time, the change in cost counted exactly.
//!
//! Agents missing in an interval are the greatest excess, over all sets of skills, of what is
//! required of the set over who has any skill of it (max-flow min-cut, as in
//! [`shifts`](crate::shifts)): so who has two skills counts once.

use super::problem::{Rota, Stint};

/// What fairness may cost, in shares of a paid second: enough to choose between rotas of equal
/// cost, too little to buy a shift.
const FAIRNESS: f64 = 0.01;

const HOUR: f64 = 3600.0;

/// Everything about the problem that a move looks up.
pub(super) struct Ground<'a> {
    pub rota: &'a Rota,
    pub days: usize,
    pub weeks: usize,
    /// Sets of skills, by their bits.
    pub sets: Vec<u16>,
    /// By person: which of the sets they serve.
    serves: Vec<Vec<usize>>,
    /// By stint: seconds worked, by interval.
    pub works: Vec<Vec<(usize, i64)>>,
    /// By stint: the stretches between two comings or goings in which a seat is taken.
    sits: Vec<(usize, usize)>,
    /// When each stretch begins.
    pub stretches: Vec<i64>,
    /// By person and day: stints open to them.
    pub open: Vec<Vec<usize>>,
    /// By interval: stints that work in it.
    pub covering: Vec<Vec<usize>>,
    /// By person: hours of their contract over the whole rota, at least one.
    contract: Vec<f64>,
}

/// Who works what so far.
#[derive(Clone)]
pub(super) struct State {
    /// By person and day.
    pub given: Vec<Option<u32>>,
    counted: Vec<i64>,
    total: Vec<i64>,
    unsocial: Vec<i32>,
    /// By interval and set: seconds required less worked.
    excess: Vec<i64>,
    /// By interval: agent-seconds missing.
    pub short: Vec<i64>,
    /// By stretch: seats taken.
    pub sitting: Vec<u32>,
    missing: i64,
    paid: i64,
    unfair: f64,
}

impl<'a> Ground<'a> {
    pub fn new(rota: &'a Rota) -> Self {
        let count = |of: fn(&Stint) -> usize| rota.stints.iter().map(of).max().map_or(0, |n| n + 1);
        let (days, weeks) = (count(|stint| stint.day), count(|stint| stint.week));
        let works: Vec<Vec<(usize, i64)>> = rota
            .stints
            .iter()
            .map(|stint| {
                let first = rota.needs.partition_point(|need| need.end <= stint.start);
                let last = rota.needs.partition_point(|need| need.start < stint.end);
                (first..last.max(first))
                    .map(|at| {
                        (
                            at,
                            stint.works_within(rota.needs[at].start, rota.needs[at].end),
                        )
                    })
                    .filter(|&(_, seconds)| seconds > 0)
                    .collect()
            })
            .collect();
        let mut covering = vec![Vec::new(); rota.needs.len()];
        for (stint, works) in works.iter().enumerate() {
            works.iter().for_each(|&(at, _)| covering[at].push(stint));
        }
        let mut open = vec![Vec::new(); rota.people.len() * days];
        for (person, one) in rota.people.iter().enumerate() {
            for &stint in &one.stints {
                open[person * days + rota.stints[stint].day].push(stint);
            }
        }
        let leaves = |stint: &Stint| stint.end + rota.rules.hand_over;
        let edges = |stint: &Stint| [stint.start, leaves(stint)];
        let mut stretches: Vec<i64> = rota.stints.iter().flat_map(edges).collect();
        stretches.sort_unstable();
        stretches.dedup();
        let place = |time: i64| stretches.partition_point(|&edge| edge < time);
        let sits = rota
            .stints
            .iter()
            .map(|stint| (place(stint.start), place(leaves(stint))))
            .collect();
        let sets = binding_sets(rota);
        let serves = |skills: crate::shifts::Skills| {
            let meets = |&set: &usize| skills.0 & sets[set] != 0;
            (0..sets.len()).filter(meets).collect()
        };
        Self {
            rota,
            days,
            weeks,
            serves: rota.people.iter().map(|one| serves(one.skills)).collect(),
            works,
            sits,
            open,
            covering,
            contract: rota
                .people
                .iter()
                .map(|one| (one.week as f64 / HOUR * weeks as f64).max(1.0))
                .collect(),
            stretches,
            sets,
        }
    }

    pub fn empty(&self) -> State {
        let (people, sets) = (self.rota.people.len(), self.sets.len());
        let excess: Vec<i64> = (0..self.rota.needs.len())
            .flat_map(|at| (0..sets).map(move |set| self.required(at, set)))
            .collect();
        let short: Vec<i64> = excess.chunks(sets).map(missing).collect();
        State {
            given: vec![None; people * self.days],
            counted: vec![0; people * self.weeks],
            total: vec![0; people],
            unsocial: vec![0; people],
            missing: short.iter().sum(),
            short,
            excess,
            sitting: vec![0; self.stretches.len()],
            paid: 0,
            unfair: 0.0,
        }
    }

    fn unfairness(&self, state: &State, person: usize) -> f64 {
        let hours = state.total[person] as f64 / HOUR;
        let unsocial = f64::from(state.unsocial[person]);
        FAIRNESS * HOUR * (hours * hours / self.contract[person] + unsocial * unsocial)
    }

    /// Gives the stint to the person (`sign` 1) or takes it from them (−1).
    pub fn shift(&self, state: &mut State, person: usize, stint: usize, sign: i32) {
        let sets = self.sets.len();
        for &(at, seconds) in &self.works[stint] {
            let excess = &mut state.excess[at * sets..(at + 1) * sets];
            for &set in &self.serves[person] {
                excess[set] -= i64::from(sign) * seconds;
            }
            let short = missing(excess);
            state.missing += short - state.short[at];
            state.short[at] = short;
        }
        let stint_is = &self.rota.stints[stint];
        let counted = i64::from(sign) * stint_is.counted;
        let before = self.unfairness(state, person);
        state.total[person] += counted;
        state.unsocial[person] += sign * i32::from(stint_is.unsocial);
        state.unfair += self.unfairness(state, person) - before;
        state.paid += counted;
        state.counted[person * self.weeks + stint_is.week] += counted;
        state.given[person * self.days + stint_is.day] = (sign > 0).then_some(stint as u32);
        if self.rota.people[person].on_site {
            let (from, to) = self.sits[stint];
            for seats in &mut state.sitting[from..to] {
                *seats = seats.wrapping_add_signed(sign);
            }
        }
    }

    /// What the stint would change, in cost without fairness.
    pub fn gain(&self, state: &State, person: usize, stint: usize) -> f64 {
        let sets = self.sets.len();
        let mut change = 0;
        for &(at, seconds) in &self.works[stint] {
            let excess = &state.excess[at * sets..(at + 1) * sets];
            let served = &self.serves[person];
            let after = (0..sets).map(|set| {
                let less = if served.contains(&set) { seconds } else { 0 };
                excess[set] - less
            });
            change += after.fold(0, i64::max) - state.short[at];
        }
        self.rota.stints[stint].counted as f64 + self.rota.rules.shortage * change as f64
    }

    /// Whether the person, free on that day, may take the stint: hours, rest, days and a seat.
    pub fn may(&self, state: &State, person: usize, stint: usize) -> bool {
        self.is_rested(state, person, stint) && self.has_seat(state, person, stint)
    }

    /// As [`may`](Self::may), but for the seat.
    pub fn is_rested(&self, state: &State, person: usize, stint: usize) -> bool {
        let one = &self.rota.people[person];
        let new = &self.rota.stints[stint];
        let days = &state.given[person * self.days..(person + 1) * self.days];
        if days[new.day].is_some()
            || state.counted[person * self.weeks + new.week] + new.counted > one.week
        {
            return false;
        }
        let rest = self.rota.rules.rest;
        let of = |given: &Option<u32>| given.map(|at| &self.rota.stints[at as usize]);
        let before = days[..new.day].iter().rev().find_map(of);
        let after = days[new.day + 1..].iter().find_map(of);
        before.is_none_or(|old| old.end + rest <= new.start)
            && after.is_none_or(|old| new.end + rest <= old.start)
            && self.days_in_seven(days, new.day) < self.rota.rules.days_in_seven
    }

    /// Whether somebody with this person's claim to a seat finds one.
    pub fn has_seat(&self, state: &State, person: usize, stint: usize) -> bool {
        let (from, to) = self.sits[stint];
        !self.rota.people[person].on_site
            || self
                .rota
                .rules
                .seats
                .is_none_or(|seats| state.sitting[from..to].iter().all(|&taken| taken < seats))
    }

    /// Whether a stint takes a seat in a stretch.
    pub fn sits_in(&self, stint: usize, stretch: usize) -> bool {
        let (from, to) = self.sits[stint];
        (from..to).contains(&stretch)
    }

    /// The most seats taken at once between two times.
    pub fn seats_within(&self, state: &State, from: i64, to: i64) -> u32 {
        let first = self.stretches.partition_point(|&edge| edge <= from);
        let last = self.stretches.partition_point(|&edge| edge < to);
        let touched = &state.sitting[first.saturating_sub(1)..last];
        touched.iter().copied().max().unwrap_or(0)
    }

    /// Agent-seconds required of a set of skills in an interval.
    pub fn required(&self, at: usize, set: usize) -> i64 {
        let need = &self.rota.needs[at];
        let of_set = |skill: &usize| self.sets[set] >> skill & 1 == 1;
        let skills = (0..need.required.len()).filter(of_set);
        let agents: i64 = skills.map(|skill| i64::from(need.required[skill])).sum();
        agents * (need.end - need.start)
    }

    /// Agent-seconds missing in an interval where nobody works.
    pub fn empty_short(&self, at: usize) -> i64 {
        let sets = 0..self.sets.len();
        sets.map(|set| self.required(at, set)).max().unwrap_or(0)
    }

    /// Whether the person has what is missing most in an interval.
    pub fn cures(&self, state: &State, person: usize, at: usize) -> bool {
        let sets = self.sets.len();
        let excess = &state.excess[at * sets..(at + 1) * sets];
        (0..sets)
            .filter(|&set| excess[set] == state.short[at])
            .all(|set| self.serves[person].contains(&set))
    }

    /// The most days worked in seven in a row around a day.
    fn days_in_seven(&self, days: &[Option<u32>], day: usize) -> usize {
        let first = day.saturating_sub(6);
        (first..=day)
            .map(|from| {
                let window = &days[from..days.len().min(from + 7)];
                window.iter().flatten().count()
            })
            .max()
            .unwrap_or(0)
    }
}

impl State {
    /// Shifts and what is missing: what the bound is compared with.
    pub fn cost(&self, ground: &Ground<'_>) -> f64 {
        self.paid as f64 + ground.rota.rules.shortage * self.missing as f64
    }

    /// With fairness.
    pub fn full_cost(&self, ground: &Ground<'_>) -> f64 {
        self.cost(ground) + self.unfair
    }

    /// What fairness costs so far.
    pub fn unfairness_so_far(&self) -> f64 {
        self.unfair
    }

    /// Puts it back as it was.
    pub fn restore_unfairness(&mut self, unfair: f64) {
        self.unfair = unfair;
    }

    /// Counted seconds of a person so far.
    pub fn total(&self, person: usize) -> i64 {
        self.total[person]
    }

    /// Unsocial stints of a person so far.
    pub fn unsocial(&self, person: usize) -> i32 {
        self.unsocial[person]
    }

    /// What the person works on the day.
    pub fn on(&self, ground: &Ground<'_>, person: usize, day: usize) -> Option<usize> {
        self.given[person * ground.days + day].map(|stint| stint as usize)
    }
}

fn missing(excess: &[i64]) -> i64 {
    excess.iter().copied().fold(0, i64::max)
}

/// Sets of skills that can bind: of those served by the same people only the greatest.
fn binding_sets(rota: &Rota) -> Vec<u16> {
    let skills = rota.skills();
    let mut kinds: Vec<u16> = rota.people.iter().map(|one| one.skills.0).collect();
    kinds.sort_unstable();
    kinds.dedup();
    let served_by = |set: u16| -> Vec<bool> { kinds.iter().map(|kind| kind & set != 0).collect() };
    (1..1_u16 << skills)
        .filter(|&set| {
            (0..skills).all(|skill| {
                let wider = set | 1 << skill;
                wider == set || served_by(wider) != served_by(set)
            })
        })
        .collect()
}
