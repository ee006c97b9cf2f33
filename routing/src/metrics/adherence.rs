//! Adherence: what agents did, held against what was planned for them.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Bound::{Excluded, Unbounded};

use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use trunkline_tenant::crds::{AgentName, TeamName};

use super::{Interval, Scope, Spell, clip};
use crate::{AgentState, RotaShift, RowPlace, Span, Time};

/// What was planned for an agent, from a moment on: the row that is made when a rota is given, and when
/// the place where it counts has changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RotaVersion {
    /// Whose.
    pub agent: AgentName,
    /// When it was given; it replaces those before.
    pub given: Time,
    /// The agent's team then, and the centre's zone.
    pub place: RowPlace,
    /// When they work and rest: in order, none overlapping another.
    pub shifts: Vec<RotaShift>,
}

impl RotaVersion {
    /// From when on it says what was planned, once it is known: from when it was given, or from its
    /// first shift where that is earlier. Before, those in front of it stand.
    pub fn speaks_from(&self) -> Time {
        let first = self.shifts.first().map(|shift| shift.from);
        first.map_or(self.given, |first| first.min(self.given))
    }
}

/// Planned time, and how much of it was kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Kept {
    /// Planned: work and breaks.
    pub scheduled: Span,
    /// As planned: at work (idle, being asked, with contacts, in wrap-up) in planned work, signed out or
    /// not ready in a planned break.
    pub adherent: Span,
}

impl Kept {
    /// Adherent / scheduled, in 0..1; `None` where nothing was planned.
    pub fn ratio(&self) -> Option<f64> {
        (self.scheduled.0 > 0).then(|| self.adherent.0 as f64 / self.scheduled.0 as f64)
    }

    fn merge(&mut self, other: &Self) {
        self.scheduled.0 += other.scheduled.0;
        self.adherent.0 += other.adherent.0;
    }
}

/// Adherence by both readings of the plan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Adherence {
    /// Against the plan as it stood: of each moment, the latest version that had been given by then.
    pub as_planned: Kept,
    /// Against the plan as amended: of each moment, the latest version of all that speaks of it.
    pub as_amended: Kept,
}

impl Adherence {
    /// Adds another's.
    pub fn merge(&mut self, other: &Self) {
        self.as_planned.merge(&other.as_planned);
        self.as_amended.merge(&other.as_amended);
    }

    fn add(&mut self, reading: Reading, time: Span, kept: bool) {
        let part = Kept {
            scheduled: time,
            adherent: if kept { time } else { Span(0) },
        };
        match reading {
            Reading::AsPlanned => self.as_planned.merge(&part),
            Reading::AsAmended => self.as_amended.merge(&part),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reading {
    AsPlanned,
    AsAmended,
}

/// A stretch of time: from, to.
type Stretch = (Time, Time);

/// What was planned for agents, and when they were at work. Both may come in any order, and again.
///
/// Working out a stretch of time costs, for each agent with a rota, the versions and shifts and the
/// changes between work and rest that it touches: it is a sweep over these, in the order of time.
#[derive(Clone, Debug, Default)]
pub(super) struct Attendance {
    people: BTreeMap<AgentName, Person>,
}

#[derive(Clone, Debug, Default)]
struct Person {
    /// By when they were given; of two at one moment the later stands.
    versions: BTreeMap<Time, RotaVersion>,
    /// In order, none touching another.
    at_work: Vec<Stretch>,
}

impl Attendance {
    pub(super) fn add_rota(&mut self, version: &RotaVersion) {
        let versions = &mut self.person(&version.agent).versions;
        versions.insert(version.given, version.clone());
    }

    pub(super) fn add_spell(&mut self, spell: &Spell) {
        let works = match spell.state {
            AgentState::SignedOut | AgentState::NotReady { .. } => false,
            AgentState::Idle | AgentState::Offered | AgentState::Busy => true,
            AgentState::WrapUp { .. } => true,
        };
        if works && spell.from < spell.to {
            unite(
                &mut self.person(&spell.agent).at_work,
                (spell.from, spell.to),
            );
        }
    }

    fn person(&mut self, agent: &AgentName) -> &mut Person {
        if !self.people.contains_key(agent) {
            self.people.insert(agent.clone(), Person::default());
        }
        self.people.entry(agent.clone()).or_default()
    }

    /// Forgets what says nothing of the time from a moment on.
    pub(super) fn forget_before(&mut self, moment: Time) {
        for person in self.people.values_mut() {
            person.at_work.retain(|(_, to)| *to > moment);
            let stood = person.versions.range(..=moment).next_back();
            if let Some(stood) = stood.map(|(given, _)| *given) {
                person.versions = person.versions.split_off(&stood);
            }
        }
        let is_empty = |it: &Person| it.at_work.is_empty() && it.versions.is_empty();
        self.people.retain(|_, person| !is_empty(person));
    }

    /// Of each agent and team, between two moments. `open` has the time of agents that isn't over.
    pub(super) fn sums(&self, open: &Self, within: Stretch) -> BTreeMap<Scope, Adherence> {
        let sums = self.fold(open, within, |part, _| vec![(within.0, part.1 - part.0)]);
        let of_scope = sums.into_iter().map(|((scope, _), sum)| (scope, sum));
        of_scope.collect()
    }

    /// Of each agent and team between two moments, by the interval that begins there.
    pub(super) fn intervals(
        &self,
        interval: Interval,
        within: Stretch,
    ) -> BTreeMap<(Scope, Time), Adherence> {
        let cut = |(from, to), zone| clip(from, to, interval, zone);
        self.fold(&Self::default(), within, cut)
    }

    fn fold(
        &self,
        open: &Self,
        within: Stretch,
        cut: impl Fn(Stretch, Tz) -> Vec<(Time, Span)>,
    ) -> BTreeMap<(Scope, Time), Adherence> {
        let mut sums: BTreeMap<_, Adherence> = BTreeMap::new();
        for (agent, person) in &self.people {
            let mut at_work = Cow::Borrowed(&person.at_work);
            for part in open.people.get(agent).iter().flat_map(|it| &it.at_work) {
                unite(at_work.to_mut(), *part);
            }
            let mut own: BTreeMap<(Option<&TeamName>, Time), Adherence> = BTreeMap::new();
            for reading in [Reading::AsPlanned, Reading::AsAmended] {
                person.planned(reading, within, |planned, rests, place| {
                    split(planned, &at_work, |part, works| {
                        for (start, time) in cut(part, place.zone) {
                            let sum = own.entry((place.team.as_ref(), start)).or_default();
                            sum.add(reading, time, works != rests);
                        }
                    });
                });
            }
            for ((team, start), sum) in own {
                let team = team.cloned().map(Scope::Team);
                for scope in team.into_iter().chain([Scope::Agent(agent.clone())]) {
                    let all = sums.entry((scope, start)).or_default();
                    all.merge(&sum);
                }
            }
        }
        sums
    }
}

impl Person {
    /// Shows each planned stretch between two moments, whether it is a break, and where it counts.
    fn planned<'a>(
        &'a self,
        reading: Reading,
        within: Stretch,
        mut take: impl FnMut(Stretch, bool, &'a RowPlace),
    ) {
        for (version, (from, to)) in self.reigns(reading, within) {
            let behind = version.shifts.partition_point(|shift| shift.to <= from);
            let touched = version.shifts[behind..].iter();
            for shift in touched.take_while(|shift| shift.from < to) {
                let mut at = shift.from;
                let end = (shift.to, shift.to);
                for (rest, back) in shift.breaks.iter().copied().chain([end]) {
                    for ((begins, ends), rests) in [((at, rest), false), ((rest, back), true)] {
                        let part = (begins.max(from), ends.min(to));
                        self.by_place(part, |part, place| take(part, rests, place));
                    }
                    at = back;
                }
            }
        }
    }

    /// The versions, the newest first, each with the time between two moments that goes by it.
    fn reigns(&self, reading: Reading, within: Stretch) -> Vec<(&RotaVersion, Stretch)> {
        let mut reigns = Vec::new();
        let mut end = within.1;
        for version in self.versions.values().rev() {
            let since = match reading {
                Reading::AsPlanned => version.given,
                Reading::AsAmended => version.speaks_from(),
            };
            if since < end {
                reigns.push((version, (since.max(within.0), end)));
                end = since;
            }
            if end <= within.0 {
                break;
            }
        }
        reigns
    }

    /// Cuts a stretch where another version came into force: each part counts where the agent was then,
    /// so that an amendment takes nothing along to a new team. Before the first it counts as that says.
    fn by_place<'a>(
        &'a self,
        (mut from, to): Stretch,
        mut take: impl FnMut(Stretch, &'a RowPlace),
    ) {
        while from < to {
            let stood = self.versions.range(..=from).next_back();
            let Some((_, version)) = stood.or_else(|| self.versions.first_key_value()) else {
                return;
            };
            let next = self.versions.range((Excluded(from), Unbounded)).next();
            let until = next.map_or(to, |(given, _)| to.min(*given));
            take((from, until), &version.place);
            from = until;
        }
    }
}

/// Adds a stretch to others, which are in order and don't touch.
fn unite(stretches: &mut Vec<Stretch>, (mut from, mut to): Stretch) {
    let begin = stretches.partition_point(|other| other.1 < from);
    let end = begin + stretches[begin..].partition_point(|other| other.0 <= to);
    for other in &stretches[begin..end] {
        from = from.min(other.0);
        to = to.max(other.1);
    }
    stretches.splice(begin..end, [(from, to)]);
}

/// Cuts a stretch where work begins and ends, and tells of each part whether it is work.
fn split((mut from, to): Stretch, at_work: &[Stretch], mut take: impl FnMut(Stretch, bool)) {
    let behind = at_work.partition_point(|work| work.1 <= from);
    let mut works = at_work[behind..].iter();
    while from < to {
        let (begins, ends) = works.next().map_or((to, to), |work| (work.0, work.1));
        for (until, is_work) in [(begins.min(to), false), (ends.min(to), true)] {
            if from < until {
                take((from, until), is_work);
                from = until;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stretches_that_touch_are_one_however_often_and_in_whatever_order_they_come() {
        let at = |n: i64| Time(n);
        let mut all = Vec::new();
        for (from, to) in [(50, 60), (10, 20), (30, 40), (20, 30), (10, 20), (58, 59)] {
            unite(&mut all, (at(from), at(to)));
        }
        assert_eq!(all, [(at(10), at(40)), (at(50), at(60))]);
        let mut parts = Vec::new();
        split((at(5), at(55)), &all, |(from, to), works| {
            parts.push((from.0, to.0, works));
        });
        let expected = [
            (5, 10, false),
            (10, 40, true),
            (40, 50, false),
            (50, 55, true),
        ];
        assert_eq!(parts, expected);
    }
}
