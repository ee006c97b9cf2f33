//! From shifts to people: who works which shift on which day of the plan, with rest between
//! shifts, so many days at most, and the hours spread evenly.

use super::pattern::Pattern;
use super::problem::Problem;
use super::solve::Plan;

/// A person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agent {
    /// As in the output.
    pub name: String,
    /// The group, by number.
    pub group: usize,
}

/// What a person may be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RosterRules {
    /// Intervals of a day.
    pub day: usize,
    /// Intervals of rest between two shifts, at least.
    pub rest: usize,
    /// Shifts a person works over the whole plan, at most.
    pub most_shifts: usize,
}

/// One person's shift.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assignment {
    /// The person, by number.
    pub agent: usize,
    /// The day of the plan, from 0.
    pub day: usize,
    /// The shift, with its breaks.
    pub shift: Pattern,
}

/// Why the shifts could not be given to people.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RosterError {
    /// A shift that nobody can take.
    #[error(
        "day {day}: nobody of group {group} is free for the shift from interval {start}; {short} more people would be"
    )]
    NobodyFree {
        /// Which day.
        day: usize,
        /// The group's name.
        group: String,
        /// Where the shift starts.
        start: usize,
        /// Shifts of that day and group that stay open.
        short: usize,
    },
}

/// Gives each day's shifts to people, day by day: the earliest shift first, to whoever of the
/// group is rested and has worked least so far (at a tie the one longest off, then the lesser
/// number, so that rotas float evenly).
///
/// # Errors
/// If a shift finds nobody.
pub fn roster(
    problem: &Problem,
    plans: &[Plan],
    agents: &[Agent],
    rules: RosterRules,
) -> Result<Vec<Assignment>, RosterError> {
    let mut worked = vec![0_usize; agents.len()];
    let mut shifts = vec![0_usize; agents.len()];
    let mut off_since: Vec<Option<usize>> = vec![None; agents.len()];
    let mut assigned = Vec::new();
    for (day, plan) in plans.iter().enumerate() {
        let mut open: Vec<(usize, usize)> = plan
            .people
            .iter()
            .flat_map(|&(group, pattern, count)| {
                std::iter::repeat_n((group, pattern), count as usize)
            })
            .collect();
        open.sort_by_key(|&(group, pattern)| (problem.patterns[pattern].start, group, pattern));
        for (at, &(group, pattern)) in open.iter().enumerate() {
            let shift = &problem.patterns[pattern];
            let start = day * rules.day + shift.start;
            let free = |agent: &usize| {
                let rested = off_since[*agent].is_none_or(|since| since + rules.rest <= start);
                agents[*agent].group == group && rested && shifts[*agent] < rules.most_shifts
            };
            let chosen = (0..agents.len())
                .filter(free)
                .min_by_key(|&agent| (worked[agent], off_since[agent], agent));
            let Some(agent) = chosen else {
                return Err(RosterError::NobodyFree {
                    day,
                    group: problem.groups[group].name.clone(),
                    start: shift.start,
                    short: open[at..].iter().filter(|other| other.0 == group).count(),
                });
            };
            worked[agent] += shift.paid();
            shifts[agent] += 1;
            off_since[agent] = Some(day * rules.day + shift.end);
            assigned.push(Assignment {
                agent,
                day,
                shift: shift.clone(),
            });
        }
    }
    Ok(assigned)
}
