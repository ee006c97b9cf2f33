//! Greedy to begin with, then simulated annealing over whole rotas; again from the days' shift
//! plans where that is not known to be the cheapest; then all of them where they are few.
//!
//! A move gives, takes, swaps or hands on one or two stints; what would break hours, rest,
//! days or seats is not tried. The search counts moves, not seconds, so that a rota is the
//! same on every machine; and it takes as long as its moves, each of which costs what the
//! intervals of a stint and the sets of skills cost. The search through all rotas stops after as
//! much work again, or begins none, where somebody has more ways than can be listed: a rota of
//! four weeks and fifty people pays nothing for it.

use std::time::Duration;

use super::bound::bound;
use super::cover;
use super::exhaust::exhaust;
use super::ground::{Ground, State};
use super::problem::{ProblemError, Rota};
use super::report::{self, Plan};
use crate::arrivals::Random;

/// How hard to try.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Effort {
    /// Moves of the local search, some hundred thousand a second; half as many again from the second
    /// beginning.
    pub moves: u64,
    /// Of the search's choices.
    pub seed: u64,
    /// Time for the bound of a week, at most; without it the plan stands, its distance unknown.
    pub bound_time: Duration,
}

impl Default for Effort {
    fn default() -> Self {
        Self {
            moves: 1_000_000,
            seed: 1,
            bound_time: Duration::from_secs(20),
        }
    }
}

/// Temperatures at the start and the end, in shares of a mean stint's counted time: the last
/// is below what fairness tells apart.
const HOT: f64 = 0.02;
const COLD: f64 = 0.000_2;

/// Makes a rota.
///
/// # Errors
/// If the problem is not one.
pub fn plan(rota: &Rota, effort: &Effort) -> Result<Plan, ProblemError> {
    rota.check()?;
    let ground = Ground::new(rota);
    let mut state = ground.empty();
    build(&ground, &mut state);
    let mut best = anneal(&ground, state, effort);
    let mut least = bound(&ground, effort.bound_time);
    let is_least = |cost, bound| report::is_least(&ground, cost, bound);
    if !least.is_some_and(|bound| is_least(best.cost(&ground), bound))
        && let Some(mut state) = cover::start(&ground, effort.seed)
    {
        build(&ground, &mut state);
        let half = Effort {
            moves: effort.moves / 2,
            ..*effort
        };
        let other = anneal(&ground, state, &half);
        if other.full_cost(&ground) < best.full_cost(&ground) - 1e-6 {
            best = other;
        }
    }
    if !least.is_some_and(|bound| is_least(best.cost(&ground), bound)) {
        let all = exhaust(&ground, &best, effort.moves);
        if let Some(better) = all.better {
            let cost = better.cost(&ground);
            // The cheapest need not be fair yet.
            let fairer = anneal(&ground, better.clone(), effort);
            let holds = fairer.cost(&ground) <= cost + 1e-6;
            best = if holds { fairer } else { better };
        }
        if all.complete {
            least = Some(best.cost(&ground));
        }
    }
    Ok(report::of(&ground, &best, least))
}

/// Adds the stint that gains most, again and again. People of a kind gain the same, so that
/// only kinds are compared, and of a kind the one who has worked least is asked.
fn build(ground: &Ground<'_>, state: &mut State) {
    let kinds = kinds(ground.rota);
    let mut closed: Vec<Vec<bool>> = kinds
        .iter()
        .map(|people| vec![false; ground.rota.people[people[0]].stints.len()])
        .collect();
    loop {
        let mut best: Option<(f64, usize, usize)> = None;
        for (kind, people) in kinds.iter().enumerate() {
            let one = people[0];
            for (at, &stint) in ground.rota.people[one].stints.iter().enumerate() {
                if closed[kind][at] {
                    continue;
                }
                let gain = ground.gain(state, one, stint);
                if gain < best.map_or(-1e-9, |best| best.0) {
                    best = Some((gain, kind, at));
                }
            }
        }
        let Some((_, kind, at)) = best else { return };
        let stint = ground.rota.people[kinds[kind][0]].stints[at];
        let free = kinds[kind]
            .iter()
            .copied()
            .filter(|&person| ground.may(state, person, stint));
        match free.min_by_key(|&person| (state.total(person), person)) {
            Some(person) => ground.shift(state, person, stint, 1),
            // A state that only grows opens nothing again.
            None => closed[kind][at] = true,
        }
    }
}

/// People who are alike in skills, stints and seat.
pub(super) fn kinds(rota: &Rota) -> Vec<Vec<usize>> {
    let mut kinds: Vec<Vec<usize>> = Vec::new();
    for (at, one) in rota.people.iter().enumerate() {
        let alike = |kind: &&mut Vec<usize>| {
            let other = &rota.people[kind[0]];
            (other.skills, &other.stints, other.on_site) == (one.skills, &one.stints, one.on_site)
        };
        match kinds.iter_mut().find(alike) {
            Some(kind) => kind.push(at),
            None => kinds.push(vec![at]),
        }
    }
    kinds
}

fn anneal(ground: &Ground<'_>, mut state: State, effort: &Effort) -> State {
    let stints = &ground.rota.stints;
    let mean = stints.iter().map(|s| s.counted).sum::<i64>() as f64 / stints.len() as f64;
    let cooling = (COLD / HOT).ln();
    let mut random = Random::new(effort.seed);
    let mut best = state.clone();
    let mut best_cost = state.full_cost(ground);
    for done in 0..effort.moves {
        let heat = HOT * mean.max(1.0) * (cooling * done as f64 / effort.moves as f64).exp();
        let Some(moves) = propose(ground, &state, &mut random) else {
            continue;
        };
        let before = state.full_cost(ground);
        let unfair = state.unfairness_so_far();
        if !apply(ground, &mut state, &moves) {
            continue;
        }
        let after = state.full_cost(ground);
        let worse = after - before;
        if worse <= 0.0 || random.uniform() < (-worse / heat).exp() {
            if after < best_cost - 1e-6 {
                best_cost = after;
                best.clone_from(&state);
            }
        } else {
            undo(ground, &mut state, &moves);
            // Without the rounding of there and back.
            state.restore_unfairness(unfair);
        }
    }
    best
}

/// One or two stints taken and given: (person, stint, sign), what is taken first.
type Moves = Vec<(usize, usize, i32)>;

fn propose(ground: &Ground<'_>, state: &State, random: &mut Random) -> Option<Moves> {
    let rota = ground.rota;
    let person = pick(rota.people.len(), random)?;
    let any = |person: usize, random: &mut Random| {
        let open = &rota.people[person].stints;
        Some(open[pick(open.len(), random)?])
    };
    let choice = random.uniform();
    // Where somebody is missing, somebody comes.
    if choice < 0.15 {
        for _ in 0..8 {
            let at = pick(state.short.len(), random)?;
            if state.short[at] > 0 && !ground.covering[at].is_empty() {
                let stint = ground.covering[at][pick(ground.covering[at].len(), random)?];
                let day = rota.stints[stint].day;
                let free = state.on(ground, person, day).is_none();
                let opens = ground.open[person * ground.days + day].contains(&stint);
                return (free && opens).then(|| vec![(person, stint, 1)]);
            }
        }
    }
    let wish = any(person, random)?;
    let day = rota.stints[wish].day;
    let has = state.on(ground, person, day);
    // The same person: another stint that day, none, or another day.
    if choice < 0.45 {
        return match has {
            None => Some(vec![(person, wish, 1)]),
            Some(old) if old == wish || random.uniform() < 0.1 => Some(vec![(person, old, -1)]),
            Some(old) => Some(vec![(person, old, -1), (person, wish, 1)]),
        };
    }
    if choice < 0.6 {
        let old = has?;
        let other = any(person, random)?;
        let other_day = rota.stints[other].day;
        if other_day == day || state.on(ground, person, other_day).is_some() {
            return None;
        }
        return Some(vec![(person, old, -1), (person, other, 1)]);
    }
    // Somebody else takes it over, in exchange for theirs if they have one that day.
    let other = pick(rota.people.len(), random)?;
    let mine = has?;
    if other == person {
        return None;
    }
    let opens = |person: usize, stint: usize| {
        ground.open[person * ground.days + rota.stints[stint].day].contains(&stint)
    };
    if choice < 0.9 {
        return match state.on(ground, other, day) {
            _ if !opens(other, mine) => None,
            None => Some(vec![(person, mine, -1), (other, mine, 1)]),
            Some(theirs) if theirs == mine || !opens(person, theirs) => None,
            Some(theirs) => Some(vec![
                (person, mine, -1),
                (other, theirs, -1),
                (other, mine, 1),
                (person, theirs, 1),
            ]),
        };
    }
    // Somebody else works something else instead.
    let theirs = any(other, random)?;
    let free = state.on(ground, other, rota.stints[theirs].day).is_none();
    free.then(|| vec![(person, mine, -1), (other, theirs, 1)])
}

/// Makes the moves if all may be made; else leaves everything as it was.
fn apply(ground: &Ground<'_>, state: &mut State, moves: &Moves) -> bool {
    let unfair = state.unfairness_so_far();
    for (done, &(person, stint, sign)) in moves.iter().enumerate() {
        if sign > 0 && !ground.may(state, person, stint) {
            undo(ground, state, &moves[..done]);
            state.restore_unfairness(unfair);
            return false;
        }
        ground.shift(state, person, stint, sign);
    }
    true
}

fn undo(ground: &Ground<'_>, state: &mut State, moves: &[(usize, usize, i32)]) {
    for &(person, stint, sign) in moves.iter().rev() {
        ground.shift(state, person, stint, -sign);
    }
}

/// One of so many; `None` of none.
fn pick(count: usize, random: &mut Random) -> Option<usize> {
    let at = (random.uniform() * count as f64) as usize;
    (count > 0).then(|| at.min(count - 1))
}
