//! What a rota comes to: who works when, what is missing and why, seats, hours, the distance
//! from the best.

use super::ground::{Ground, State};

/// Why somebody is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lack {
    /// No shift works through the interval.
    Shift,
    /// Somebody could come, but every seat is taken.
    Seat,
    /// Everybody with the skills is at work, resting, or out of hours.
    People,
    /// Somebody could come; it costs more than what it cures.
    Worth,
}

/// An interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Row {
    /// Agents required, over all skills.
    pub required: u32,
    /// Agents at work on average: present and on no break.
    pub scheduled: f64,
    /// Agents missing on average, whoever could do several things counted once.
    pub gap: f64,
    /// Why, if any are missing.
    pub lack: Option<Lack>,
    /// The most seats taken at once.
    pub seats: u32,
}

/// What a person works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Worked {
    /// Counted seconds.
    pub seconds: i64,
    /// Stints.
    pub stints: usize,
    /// At night or on weekends.
    pub unsocial: u32,
}

/// When most seats are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peak {
    /// Seats taken.
    pub seats: u32,
    /// From when.
    pub at: i64,
}

/// A rota.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// (person, stint) by their numbers, in order of the persons and then the days.
    pub given: Vec<(usize, usize)>,
    /// By interval.
    pub rows: Vec<Row>,
    /// By person.
    pub worked: Vec<Worked>,
    /// The most seats taken at once, with hand-over; `None` if nobody sits.
    pub peak: Option<Peak>,
    /// Counted seconds and what is missing, the latter times its weight.
    pub cost: f64,
    /// No rota can cost less; `None` if that could not be found out in time.
    pub bound: Option<f64>,
    /// Whether no rota costs less.
    pub proven: bool,
}

impl Plan {
    /// How far the cost may lie above the least, as a share of the bound.
    pub fn gap(&self) -> Option<f64> {
        match self.bound {
            _ if self.proven => Some(0.0),
            Some(bound) if bound > 0.0 => Some((self.cost - bound).max(0.0) / bound),
            _ => None,
        }
    }
}

pub(super) fn of(ground: &Ground<'_>, state: &State, bound: Option<f64>) -> Plan {
    let rota = ground.rota;
    let given: Vec<(usize, usize)> = (0..rota.people.len())
        .flat_map(|person| {
            let on = move |day| Some((person, state.on(ground, person, day)?));
            (0..ground.days).filter_map(on)
        })
        .collect();
    let mut worked_in = vec![0; rota.needs.len()];
    for &(_, stint) in &given {
        for &(at, seconds) in &ground.works[stint] {
            worked_in[at] += seconds;
        }
    }
    let rows = rota.needs.iter().enumerate().map(|(at, need)| {
        let length = (need.end - need.start) as f64;
        Row {
            required: need.required.iter().sum(),
            scheduled: worked_in[at] as f64 / length,
            gap: state.short[at] as f64 / length,
            lack: (state.short[at] > 0).then(|| lack(ground, state, at)),
            seats: ground.seats_within(state, need.start, need.end),
        }
    });
    let worked = (0..rota.people.len()).map(|person| Worked {
        seconds: state.total(person),
        stints: given.iter().filter(|one| one.0 == person).count(),
        unsocial: state.unsocial(person).unsigned_abs(),
    });
    let peak = (0..ground.stretches.len())
        .map(|at| Peak {
            seats: state.sitting[at],
            at: ground.stretches[at],
        })
        .filter(|peak| peak.seats > 0)
        // Of equals the first.
        .min_by_key(|peak| (std::cmp::Reverse(peak.seats), peak.at));
    let cost = state.cost(ground);
    Plan {
        rows: rows.collect(),
        worked: worked.collect(),
        peak,
        cost,
        bound,
        proven: bound.is_some_and(|bound| is_least(ground, cost, bound)),
        given,
    }
}

/// Why somebody is missing in an interval.
fn lack(ground: &Ground<'_>, state: &State, at: usize) -> Lack {
    let rota = ground.rota;
    let need = &rota.needs[at];
    let through = |&&stint: &&usize| {
        rota.stints[stint].works_within(need.start, need.end) == need.end - need.start
    };
    let through: Vec<usize> = ground.covering[at]
        .iter()
        .filter(through)
        .copied()
        .collect();
    if through.is_empty() {
        return Lack::Shift;
    }
    let mut seat = false;
    for person in 0..rota.people.len() {
        for &stint in &through {
            let opens = ground.open[person * ground.days + rota.stints[stint].day].contains(&stint);
            let helps = opens && ground.cures(state, person, at);
            if helps && ground.is_rested(state, person, stint) {
                if ground.has_seat(state, person, stint) {
                    return Lack::Worth;
                }
                seat = true;
            }
        }
    }
    if seat { Lack::Seat } else { Lack::People }
}

/// Whether nothing between the bound and the cost is a possible cost.
pub(super) fn is_least(ground: &Ground<'_>, cost: f64, bound: f64) -> bool {
    let slack = 1e-7 * cost.abs().max(1.0);
    cost < bound + grain(ground) - slack || cost <= bound + slack
}

/// Every cost is a multiple of this: what the stints' hours and the missing time have in
/// common; 0 if they have nothing.
pub(super) fn grain(ground: &Ground<'_>) -> f64 {
    let gcd = |mut a: i64, mut b: i64| {
        while b > 0 {
            (a, b) = (b, a % b);
        }
        a
    };
    let rota = ground.rota;
    let lengths = rota.needs.iter().map(|need| need.end - need.start);
    let works = ground.works.iter().flatten().map(|&(_, seconds)| seconds);
    let second = lengths.chain(works).fold(0, gcd) as f64 * rota.rules.shortage;
    let counted = rota.stints.iter().map(|stint| stint.counted);
    if second.fract() == 0.0 && second < 1e15 {
        counted.fold(second as i64, gcd) as f64
    } else {
        0.0
    }
}
