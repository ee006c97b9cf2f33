//! The best of all rotas, where there are few enough to be sure.
//!
//! Person after person is given each of their ways through the whole time, the most saving
//! first. A branch is left when even the best of the rest can't make it cheaper than the best
//! known: who comes when more people are there already saves no more than who comes when fewer
//! are (a maximal flow is submodular in its sources), so what each of the rest would save now
//! is the most that they can save later.

use super::ground::{Ground, State};
use super::report::grain;
use super::search::kinds;

/// Ways of one person at most: with more, rotas are too many to try.
const MOST_WAYS: usize = 4_096;

/// Ways that are weighed in the time of one move of the local search.
const WEIGHED_IN_A_MOVE: u64 = 50;

/// What the search came to.
pub(super) struct Outcome {
    /// Cheaper than the one that it began with, if there is one.
    pub better: Option<State>,
    /// Whether nothing is cheaper than `better`, or than the one that it began with.
    pub complete: bool,
}

/// Looks for a rota that costs less than this. Gives up after as much work as so many moves of
/// the local search; at once, where somebody has too many ways.
pub(super) fn exhaust(ground: &Ground<'_>, known: &State, moves: u64) -> Outcome {
    let Some((people, ways)) = all_ways(ground) else {
        return Outcome {
            better: None,
            complete: false,
        };
    };
    let mut search = Search {
        ground,
        people,
        ways,
        grain: grain(ground),
        least: known.cost(ground),
        better: None,
        left: moves.saturating_mul(WEIGHED_IN_A_MOVE),
    };
    let complete = search.from(&mut ground.empty(), 0, 0);
    Outcome {
        better: search.better,
        complete,
    }
}

/// A person's stints through the whole time, in order of the days.
type Way = Vec<usize>;

/// Who takes part: those who are alike stand side by side.
struct Member {
    person: usize,
    /// Whose ways they have, by number.
    kind: usize,
    /// As the one before in everything that costs are made of.
    as_before: bool,
}

struct Search<'g, 'r> {
    ground: &'g Ground<'r>,
    people: Vec<Member>,
    ways: Vec<Vec<Way>>,
    grain: f64,
    least: f64,
    better: Option<State>,
    left: u64,
}

/// Everybody, with the ways of each sort of people; `None` if somebody has too many.
fn all_ways(ground: &Ground<'_>) -> Option<(Vec<Member>, Vec<Vec<Way>>)> {
    let (mut people, mut ways) = (Vec::new(), Vec::new());
    for mut alike in kinds(ground.rota) {
        let hours = |person: usize| ground.rota.people[person].week;
        alike.sort_by_key(|&person| (hours(person), person));
        let mut before = None;
        for person in alike {
            let as_before = before == Some(hours(person));
            if !as_before {
                let mut own = Vec::new();
                let mut state = ground.empty();
                ways_from(ground, &mut state, person, 0, &mut Vec::new(), &mut own)?;
                ways.push(own);
            }
            before = Some(hours(person));
            people.push(Member {
                person,
                kind: ways.len() - 1,
                as_before,
            });
        }
    }
    Some((people, ways))
}

fn ways_from(
    ground: &Ground<'_>,
    state: &mut State,
    person: usize,
    day: usize,
    so_far: &mut Way,
    all: &mut Vec<Way>,
) -> Option<()> {
    if day == ground.days {
        all.push(so_far.clone());
        return (all.len() <= MOST_WAYS).then_some(());
    }
    ways_from(ground, state, person, day + 1, so_far, all)?;
    for &stint in &ground.open[person * ground.days + day] {
        if ground.is_rested(state, person, stint) {
            ground.shift(state, person, stint, 1);
            so_far.push(stint);
            let went_on = ways_from(ground, state, person, day + 1, so_far, all);
            so_far.pop();
            ground.shift(state, person, stint, -1);
            went_on?;
        }
    }
    Some(())
}

impl Search<'_, '_> {
    /// Tries everything for those from `at` on; `first`: of who is as the one before only this
    /// way and later ones, for the others are the same with the two exchanged. `false` if it
    /// had to give up.
    fn from(&mut self, state: &mut State, at: usize, first: usize) -> bool {
        let cost = state.cost(self.ground);
        let Some(member) = self.people.get(at) else {
            if cost < self.least - slack(cost) {
                self.least = cost;
                self.better = Some(state.clone());
            }
            return true;
        };
        let (person, kind) = (member.person, member.kind);
        let first = if member.as_before { first } else { 0 };
        let Some(rest) = self.most_saved(state, at + 1) else {
            return false;
        };
        let mut gains: Vec<(f64, usize)> = self.gains(state, person, kind).collect();
        gains.retain(|&(_, way)| way >= first);
        gains.sort_by(|a, b| a.0.total_cmp(&b.0));
        for (gain, way) in gains {
            // A cheaper one is cheaper by a grain.
            if cost + gain - rest > self.least - self.grain.max(slack(cost)) + slack(cost) / 2.0 {
                break;
            }
            let unfair = state.unfairness_so_far();
            let mut given = 0;
            let length = self.ways[kind][way].len();
            while given < length {
                let stint = self.ways[kind][way][given];
                if !self.ground.has_seat(state, person, stint) {
                    break;
                }
                self.ground.shift(state, person, stint, 1);
                given += 1;
            }
            let went_on = given < length || self.from(state, at + 1, way);
            for done in (0..given).rev() {
                let stint = self.ways[kind][way][done];
                self.ground.shift(state, person, stint, -1);
            }
            state.restore_unfairness(unfair);
            if !went_on {
                return false;
            }
        }
        true
    }

    /// What each way of a person changes now, at the least: two of its stints may share an
    /// interval.
    fn gains(
        &self,
        state: &State,
        person: usize,
        kind: usize,
    ) -> impl Iterator<Item = (f64, usize)> {
        let mut of = vec![0.0; self.ground.rota.stints.len()];
        for &stint in &self.ground.rota.people[person].stints {
            of[stint] = self.ground.gain(state, person, stint);
        }
        let gain = move |way: &Way| way.iter().map(|&stint| of[stint]).sum::<f64>();
        let ways = self.ways[kind].iter().zip(0..);
        ways.map(move |(way, at)| (gain(way), at))
    }

    /// The most that those from `at` on can save; `None` if there is no time left to weigh it.
    fn most_saved(&mut self, state: &State, at: usize) -> Option<f64> {
        let (mut sum, mut of_kind) = (0.0, None);
        for next in at..self.people.len() {
            let (person, kind) = (self.people[next].person, self.people[next].kind);
            let known = of_kind.filter(|&(known, _)| known == kind);
            let saved = match known {
                Some((_, saved)) => saved,
                None => {
                    self.left = self.left.checked_sub(self.ways[kind].len() as u64)?;
                    let gains = self.gains(state, person, kind).map(|(gain, _)| -gain);
                    gains.fold(0.0, f64::max)
                }
            };
            of_kind = Some((kind, saved));
            sum += saved;
        }
        self.left = self.left.checked_sub(1)?;
        Some(sum)
    }
}

/// What rounding may make of a cost.
fn slack(cost: f64) -> f64 {
    1e-9 * cost.abs().max(1.0)
}
