//! Rule 12: who is near a scheduled break or the end of their shift gets nothing that would
//! overrun, unless the queue owes its customers.

use trunkline_tenant::crds::AgentName;

use super::{Core, refuse};
use crate::bug::Bug;
use crate::ix::{AgentIx, Slot};
use crate::metrics::RotaVersion;
use crate::timers::{Owner, Phase};
use crate::{Output, RotaShift, RowPlace, Span, Time};

/// So long after its end a rota is kept for one who is not there. A guard is shorter than that.
const PARKED_AFTER: Span = Span::seconds(24 * 3600);

/// Where an agent stands in their rota at a moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Standing {
    /// Near a break or an end: what they should be free by.
    free_by: Option<Time>,
    /// When that changes next.
    until: Option<Time>,
}

/// The rota at a moment. A break is kept free from `guard` before it to its end; the end of a
/// shift from `guard` before to `guard` after it, by when who is still there works on.
fn standing(shifts: &[RotaShift], guard: Span, now: Time) -> Standing {
    let mut standing = Standing::default();
    if guard.0 == 0 {
        return standing;
    }
    let breaks = shifts.iter().flat_map(|shift| {
        let end = (shift.to, shift.to + guard);
        shift.breaks.iter().copied().chain([end])
    });
    let mut change = |at: Time| {
        if at > now && standing.until.is_none_or(|until| at < until) {
            standing.until = Some(at);
        }
    };
    let mut free_by: Option<Time> = None;
    for (begins, ends) in breaks {
        let from = begins - guard;
        change(from);
        if from <= now && now < ends {
            change(ends);
            free_by = Some(free_by.map_or(begins, |other| other.min(begins)));
        }
    }
    standing.free_by = free_by;
    standing
}

impl Core {
    pub(super) fn rota(&mut self, name: &AgentName, shifts: Vec<RotaShift>, out: &mut Vec<Output>) {
        let Some(&agent) = self.agent_of.get(name) else {
            return refuse(
                out,
                format!("agent {name} is not known: nobody has a rota of that name"),
            );
        };
        if let Err(why) = check(&shifts) {
            return refuse(out, format!("the rota of {name} is none: {why}"));
        }
        let place = self.place_of_rota(agent);
        let person = &mut self.agents[agent.at()];
        if let Some(place) =
            place.filter(|it| person.rota != shifts || person.rota_told.as_ref() != Some(it))
        {
            out.push(self.tell_rota(agent, place, shifts.clone()));
        }
        self.agents[agent.at()].rota = shifts;
        self.guard(agent);
        self.refresh(agent, out);
        self.match_agent(agent, out);
    }

    /// Where an agent's plan counts; `None` for one who has been taken off the list, of whom nothing
    /// is planned any more.
    fn place_of_rota(&self, agent: AgentIx) -> Option<RowPlace> {
        let zone = self.tenant.as_ref()?.time_zone;
        let person = &self.agents[agent.at()];
        let team = person.team.map(|team| &self.plan.teams[team.at()].name);
        (person.listed || team.is_some()).then(|| RowPlace {
            zone,
            team: team.cloned(),
        })
    }

    fn tell_rota(&mut self, agent: AgentIx, place: RowPlace, shifts: Vec<RotaShift>) -> Output {
        let person = &mut self.agents[agent.at()];
        person.rota_told = Some(place.clone());
        Output::Rota(Box::new(RotaVersion {
            agent: person.name.clone(),
            given: self.now,
            place,
            shifts,
        }))
    }

    /// A new configuration may move agents to other teams or take them off the list: what is planned
    /// for them from now on counts there, or is void.
    pub(super) fn tell_rotas(&mut self, out: &mut Vec<Output>) {
        let agents: Vec<AgentIx> = self.agent_of.values().copied().collect();
        for agent in agents {
            let place = self.place_of_rota(agent);
            let person = &mut self.agents[agent.at()];
            if person.rota_told == place {
                continue;
            }
            let ahead = from_now(&person.rota, self.now);
            if ahead.is_empty() {
                continue;
            }
            if let Some(place) = place {
                out.push(self.tell_rota(agent, place, ahead));
            } else if let Some(told) = person.rota_told.take() {
                out.push(self.tell_rota(agent, told, Vec::new()));
                self.agents[agent.at()].rota_told = None;
            }
        }
    }

    /// Forgets the parked rotas that are over, so that they don't pile up with those who have left.
    pub(super) fn forget_old_rotas(&mut self) {
        let now = self.now;
        self.parked_rotas
            .retain(|_, shifts| shifts.iter().any(|shift| shift.to + PARKED_AFTER > now));
    }

    /// Works out whether the agent is near a break, and when that changes.
    pub(super) fn guard(&mut self, agent: AgentIx) {
        let guard = self
            .tenant
            .as_ref()
            .map(|tenant| tenant.capacity.break_guard);
        let guard = guard.map_or(Span(0), Span::from);
        let person = &mut self.agents[agent.at()];
        if person.rota.is_empty() && person.free_by.is_none() {
            return;
        }
        let standing = standing(&person.rota, guard, self.now);
        person.free_by = standing.free_by;
        person.guard_changes = standing.until;
        if standing.free_by.is_some() {
            self.guarded.insert(agent);
        } else {
            self.guarded.remove(&agent);
        }
        if let Some(at) = standing.until {
            self.arm_agent(agent, at, Phase::Rota, Owner::Guard(agent));
        }
    }

    /// An agent comes near to a break, or is past it.
    pub(super) fn guard_changed(&mut self, agent: AgentIx, out: &mut Vec<Output>) {
        self.guard(agent);
        self.refresh(agent, out);
        self.match_agent(agent, out);
    }

    /// Whether the agent may be asked for the contact, as their rota goes.
    pub(super) fn may_begin(&self, agent: AgentIx, slot: Slot) -> bool {
        let free_by = self.agents[agent.at()].free_by;
        let Some(free_by) = free_by.filter(|_| !self.has(Bug::BreakForgotten)) else {
            return true;
        };
        let queue = self.contacts[slot.at()].queue;
        self.now + self.expected_handle(queue) <= free_by || self.in_debt(queue)
    }

    /// A figure has changed that agents near a break are judged by: they are looked at again once
    /// the input is done with.
    pub(super) fn guarded_may_gain(&mut self) {
        self.look_at_guarded = !self.guarded.is_empty();
    }

    pub(super) fn match_guarded(&mut self, out: &mut Vec<Output>) {
        while std::mem::take(&mut self.look_at_guarded) {
            // The longest idle first, whatever slots they have: a successor gives them others.
            let mut guarded: Vec<AgentIx> = self.guarded.iter().copied().collect();
            guarded.sort_unstable_by_key(|agent| {
                let person = &self.agents[agent.at()];
                (person.idle_since, person.order)
            });
            for agent in guarded {
                self.match_agent(agent, out);
            }
        }
    }
}

/// What a rota says of the time from a moment on.
fn from_now(shifts: &[RotaShift], now: Time) -> Vec<RotaShift> {
    let ahead = shifts.iter().filter(|shift| shift.to > now);
    let cut = ahead.map(|shift| RotaShift {
        from: shift.from.max(now),
        to: shift.to,
        breaks: shift
            .breaks
            .iter()
            .filter(|(_, to)| *to > now)
            .map(|&(from, to)| (from.max(now), to))
            .collect(),
    });
    cut.collect()
}

fn check(shifts: &[RotaShift]) -> Result<(), String> {
    let mut last = Time(i64::MIN);
    for shift in shifts {
        if shift.from < last || shift.to <= shift.from {
            return Err(format!(
                "the shift {}–{} ends before it begins, or begins before the one in front ends",
                shift.from, shift.to
            ));
        }
        last = shift.to;
        let mut free = shift.from;
        for &(from, to) in &shift.breaks {
            if from < free || to <= from || to > shift.to {
                return Err(format!(
                    "the break {from}–{to} is not within its shift, or not behind the break in front"
                ));
            }
            free = to;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_break_is_kept_free_from_the_guard_before_it_to_its_end() {
        let at = |minute: i64| Time(0) + Span::seconds(60 * minute);
        let shifts = [RotaShift {
            from: at(0),
            to: at(480),
            breaks: vec![(at(120), at(135))],
        }];
        let guard = Span::seconds(300);
        let stands = |minute| {
            let it = standing(&shifts, guard, at(minute));
            (it.free_by, it.until)
        };
        assert_eq!(stands(10), (None, Some(at(115))));
        assert_eq!(stands(115), (Some(at(120)), Some(at(135))));
        assert_eq!(stands(134), (Some(at(120)), Some(at(135))));
        assert_eq!(stands(135), (None, Some(at(475))));
        assert_eq!(stands(481), (Some(at(480)), Some(at(485))));
        assert_eq!(stands(485), (None, None));
        assert_eq!(standing(&shifts, Span(0), at(119)), Standing::default());
    }
}
