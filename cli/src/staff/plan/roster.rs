//! A team as the planner sees it: its shifts on the dates of the plan, its people, its needs.

use std::collections::BTreeMap;

use anyhow::{Result, bail, ensure};
use chrono::{DateTime, Datelike as _, Duration, NaiveDate, NaiveDateTime, TimeZone as _, Utc};
use chrono_tz::Tz;
use trunkline_tenant::crds::{AgentName, ShiftName, TeamName};
use trunkline_tenant::{Tenant, TenantAgent, WorkShift};
use trunkline_workforce::rota::{Need, Person, Rota, Rules, Stint};
use trunkline_workforce::shifts::Skills;

use super::Options;
use super::required::{Ability, Wanted};

/// The night, in minutes of the day: shifts that touch it are shared out evenly.
const NIGHT_UNTIL: i64 = 6 * 60;
const NIGHT_FROM: i64 = 22 * 60;

/// A team to be planned, and what its numbers mean.
pub struct Roster {
    pub team: TeamName,
    pub zone: Tz,
    pub rota: Rota,
    /// The names of the shifts that stints number.
    pub shifts: Vec<ShiftName>,
    /// By person.
    pub agents: Vec<AgentName>,
    /// What people are called, by person.
    pub names: Vec<String>,
    /// Agents on contacts, by interval, over all skills.
    pub on_contacts: Vec<u32>,
    /// What a planner should know of it.
    pub notes: Vec<String>,
}

/// Sets a team out.
///
/// # Errors
/// Where it has no people or none with shifts, saying which field would cure it.
pub fn of(tenant: &Tenant, team: &TeamName, wanted: &Wanted, options: &Options) -> Result<Roster> {
    let zone = tenant.time_zone;
    let members: BTreeMap<&AgentName, &TenantAgent> = tenant
        .agents
        .iter()
        .filter(|(_, agent)| agent.team.as_ref() == Some(team))
        .collect();
    ensure!(
        !members.is_empty(),
        "it has no agents: an Agent with `spec.team: {team}` would be one"
    );
    let mut shifts: Vec<ShiftName> = Vec::new();
    for name in members.values().flat_map(|agent| &agent.shifts) {
        if !shifts.contains(name) {
            shifts.push(name.clone());
        }
    }
    if shifts.is_empty() {
        let place = tenant
            .teams
            .keys()
            .position(|name| name == team)
            .unwrap_or(0);
        bail!(
            "there are no shifts to work: declare some in the CallCenter's `spec.shifts` and name \
             them in `shifts` of its team {team} (number {place} by name), or of its Agents"
        );
    }
    let starts: Vec<DateTime<Utc>> = wanted.intervals.keys().copied().collect();
    let needs = needs(wanted, &starts);
    let dates = dates(&starts, zone);
    let stints = stints(tenant, &shifts, &dates, zone, &needs, options);
    let mut notes = holes(&starts, wanted.length, zone);
    let idle: Vec<&str> = members
        .iter()
        .filter(|(_, agent)| agent.shifts.is_empty())
        .map(|(name, _)| name.as_str())
        .collect();
    if !idle.is_empty() {
        notes.push(format!(
            "{} have no shifts and are not planned",
            idle.join(", ")
        ));
    }
    let people = members
        .iter()
        .map(|(name, agent)| person(name, agent, wanted, &shifts, &stints, &dates, options))
        .collect();
    let rota = Rota {
        needs,
        stints,
        people,
        rules: Rules {
            rest: options.rest.get() as i64,
            days_in_seven: usize::from(options.days_in_seven),
            seats: tenant.teams.get(team).and_then(|team| team.seats),
            hand_over: options.hand_over.get() as i64,
            shortage: f64::from(options.shortage),
        },
    };
    refuse_unserved(&rota, &wanted.abilities)?;
    ensure!(
        !rota.stints.is_empty(),
        "no shift of its people works in any interval of the file; shifts: {}",
        shifts
            .iter()
            .map(ShiftName::as_str)
            .collect::<Vec<_>>()
            .join(", ")
    );
    Ok(Roster {
        team: team.clone(),
        zone,
        rota,
        shifts,
        agents: members.keys().map(|name| (*name).clone()).collect(),
        names: members
            .values()
            .map(|agent| agent.display_name.clone())
            .collect(),
        on_contacts: wanted
            .intervals
            .values()
            .map(|agents| agents.iter().map(|one| one.0).sum())
            .collect(),
        notes,
    })
}

fn needs(wanted: &Wanted, starts: &[DateTime<Utc>]) -> Vec<Need> {
    let agents = wanted.intervals.values();
    starts
        .iter()
        .zip(agents)
        .map(|(start, agents)| Need {
            start: start.timestamp(),
            end: start.timestamp() + wanted.length,
            required: agents.iter().map(|one| one.1).collect(),
        })
        .collect()
}

/// From the day before the first interval, whose night shifts reach into it.
fn dates(starts: &[DateTime<Utc>], zone: Tz) -> Vec<NaiveDate> {
    let date = |time: &DateTime<Utc>| time.with_timezone(&zone).date_naive();
    let (Some(first), Some(last)) = (starts.first().map(date), starts.last().map(date)) else {
        return Vec::new();
    };
    let first = first - Duration::days(1);
    first.iter_days().take_while(|day| *day <= last).collect()
}

/// Every shift on every date on which it works in an interval of the plan.
fn stints(
    tenant: &Tenant,
    shifts: &[ShiftName],
    dates: &[NaiveDate],
    zone: Tz,
    needs: &[Need],
    options: &Options,
) -> Vec<Stint> {
    let Some(first) = dates.first() else {
        return Vec::new();
    };
    let monday = *first - Duration::days(i64::from(first.weekday().num_days_from_monday()));
    let mut stints = Vec::new();
    for (day, date) in dates.iter().enumerate() {
        for (number, name) in shifts.iter().enumerate() {
            let Some(shift) = tenant.shifts.get(name) else {
                continue;
            };
            let minute = Duration::minutes(i64::from(shift.start_minute));
            let local = date.and_time(chrono::NaiveTime::MIN) + minute;
            let Some(start) = instant(local, zone) else {
                continue;
            };
            let week = (*date - monday).num_days() / 7;
            let stint = Stint {
                day,
                week: usize::try_from(week).unwrap_or(0),
                ..on_the_axis(shift, number, start.timestamp(), *date, options)
            };
            if needs
                .iter()
                .any(|need| stint.works_within(need.start, need.end) > 0)
            {
                stints.push(stint);
            }
        }
    }
    stints
}

/// A shift that starts then. Its length and its breaks are time that passes: on a night when
/// clocks go forward, eight hours from 22:00 end at 07:00.
fn on_the_axis(
    shift: &WorkShift,
    number: usize,
    start: i64,
    date: NaiveDate,
    options: &Options,
) -> Stint {
    let seconds = |length: trunkline_tenant::crds::Seconds| length.get() as i64;
    let end = start + seconds(shift.length);
    let breaks: Vec<(i64, i64)> = shift
        .breaks
        .iter()
        .map(|off| {
            let from = start + seconds(off.after);
            (from, from + seconds(off.length))
        })
        .collect();
    let unpaid: i64 = shift
        .breaks
        .iter()
        .filter(|off| off.length >= options.unpaid_breaks && off.length.get() > 0)
        .map(|off| seconds(off.length))
        .sum();
    let from = i64::from(shift.start_minute);
    let to = from + seconds(shift.length) / 60;
    Stint {
        shift: number,
        day: 0,
        week: 0,
        start,
        end,
        breaks,
        counted: (end - start - unpaid).max(0),
        unsocial: date.weekday().num_days_from_monday() >= 5
            || from < NIGHT_UNTIL
            || to > NIGHT_FROM,
    }
}

/// When the centre's clock shows a time: the first time it does; where it jumps over it, as
/// much later as it jumps. `None` where a whole day is left out.
fn instant(local: NaiveDateTime, zone: Tz) -> Option<DateTime<Utc>> {
    let at = |local: NaiveDateTime| zone.from_local_datetime(&local).earliest();
    let before = Duration::hours(3);
    at(local)
        .or_else(|| at(local - before).map(|time| time + before))
        .map(|time| time.with_timezone(&Utc))
}

fn person(
    name: &AgentName,
    agent: &TenantAgent,
    wanted: &Wanted,
    shifts: &[ShiftName],
    stints: &[Stint],
    dates: &[NaiveDate],
    options: &Options,
) -> Person {
    let has = |ability: &Ability| match ability {
        None => true,
        Some((skill, level)) => agent.skills.get(skill).is_some_and(|own| own >= level),
    };
    let skills = wanted.abilities.iter().enumerate();
    let skills: u16 = skills
        .filter(|(_, ability)| has(ability))
        .map(|(at, _)| 1 << at)
        .sum();
    let employed = |date: NaiveDate| {
        agent.employed_from.is_none_or(|from| from <= date)
            && agent.employed_to.is_none_or(|to| date <= to)
    };
    let opens = |stint: &Stint| {
        let theirs = agent.shifts.contains(&shifts[stint.shift]);
        theirs && employed(dates[stint.day])
    };
    let hours = agent.hours_per_week.unwrap_or(f64::from(options.max_hours));
    Person {
        name: name.as_str().to_owned(),
        skills: Skills(skills),
        stints: (0..stints.len()).filter(|&at| opens(&stints[at])).collect(),
        week: (hours * 3600.0).round() as i64,
        on_site: !agent.remote,
    }
}

fn refuse_unserved(rota: &Rota, abilities: &[Ability]) -> Result<()> {
    for (at, ability) in abilities.iter().enumerate() {
        let needed = rota.needs.iter().any(|need| need.required[at] > 0);
        let served = rota.people.iter().any(|one| one.skills.has(at));
        if let (true, false, Some((skill, level))) = (needed, served, ability) {
            bail!(
                "{skill} of level {level} or more is required, and nobody in the team has it: \
                 an Agent with `spec.skills.{skill}: {level}` would"
            );
        }
    }
    Ok(())
}

/// Intervals that are not in the file though the ones around them on the same day are.
fn holes(starts: &[DateTime<Utc>], length: i64, zone: Tz) -> Vec<String> {
    let local = |time: &DateTime<Utc>| time.with_timezone(&zone);
    starts
        .windows(2)
        .filter(|pair| {
            let apart = (pair[1] - pair[0]).num_seconds();
            apart > length && local(&pair[0]).date_naive() == local(&pair[1]).date_naive()
        })
        .map(|pair| {
            let from = local(&pair[0]) + Duration::seconds(length);
            format!(
                "no row from {} to {}: nobody is required then",
                from.format("%Y-%m-%d %H:%M"),
                local(&pair[1]).format("%H:%M")
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_start_that_clocks_jump_over_is_as_much_later_and_one_that_comes_twice_is_the_first() {
        let zone = chrono_tz::Europe::Berlin;
        let shown = |text: &str| {
            let local = text.parse().unwrap();
            instant(local, zone)
                .unwrap()
                .with_timezone(&zone)
                .to_rfc3339()
        };
        assert_eq!(shown("2026-03-29T02:30:00"), "2026-03-29T03:30:00+02:00");
        assert_eq!(shown("2026-10-25T02:30:00"), "2026-10-25T02:30:00+02:00");
        assert_eq!(shown("2026-10-26T02:30:00"), "2026-10-26T02:30:00+01:00");
    }
}
