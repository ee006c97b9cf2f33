//! The agents required, from a CSV.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use chrono::{DateTime, MappedLocalTime, TimeZone as _, Utc};
use chrono_tz::Tz;
use trunkline_tenant::Tenant;
use trunkline_tenant::crds::{SkillName, TeamName};
use trunkline_workforce::exact::Exact;

use crate::forecast::plain;
use crate::number::read_within;
use crate::stdio::note;

/// Nobody plans for more agents in an interval, or longer ahead.
const MOST_AGENTS: f64 = 100_000.0;
const MOST_DAYS: i64 = 92;

/// Lengths of an interval, in seconds.
const SHORTEST: i64 = 300;
const LONGEST: i64 = 7_200;

/// What is asked of an agent beside belonging to the team.
pub type Ability = Option<(SkillName, u8)>;

/// A team's rows: agents on contacts and with shrinkage.
type Cells = BTreeMap<(DateTime<Utc>, Ability), (u32, u32)>;

/// What a team needs.
pub struct Wanted {
    /// What is told apart, in order.
    pub abilities: Vec<Ability>,
    /// By interval's start: agents on contacts and with shrinkage, by ability.
    pub intervals: BTreeMap<DateTime<Utc>, Vec<(u32, u32)>>,
    /// Seconds of an interval.
    pub length: i64,
}

/// Reads what each team of people needs; teams of software are passed over, with a note.
///
/// # Errors
/// Where the file is missing or a cell can't be read, with its row and column.
pub fn read(path: &Path, tenant: &Tenant, net: bool) -> Result<BTreeMap<TeamName, Wanted>> {
    let mut reader = csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .from_path(path)?;
    let header = reader.headers()?.clone();
    let find = |name: &str| header.iter().position(|column| column == name);
    let must = |name: &str| {
        find(name).ok_or_else(|| {
            anyhow!("row 1: there is no column {name}: it needs at, team and required")
        })
    };
    let (at, team, required) = (must("at")?, must("team")?, must("required")?);
    let (skill, scheduled) = (find("skill"), find("scheduled"));

    let mut cells: BTreeMap<TeamName, Cells> = BTreeMap::new();
    let mut software = BTreeSet::new();
    for (index, record) in reader.records().enumerate() {
        // As editors show them, with the header as the first.
        let row = index + 2;
        let record = record.with_context(|| format!("row {row}"))?;
        let cell = |column: usize| record.get(column).unwrap_or_default();
        let (name, plan) = tenant.teams.get_key_value(cell(team)).ok_or_else(|| {
            let teams: Vec<&str> = tenant.teams.keys().map(|name| name.as_str()).collect();
            anyhow!(
                "row {row}, column team: there is no team `{}`; the documents have {}",
                cell(team),
                teams.join(", ")
            )
        })?;
        if plan.virtual_agents.is_some() {
            software.insert(name.clone());
            continue;
        }
        let time = moment(cell(at), tenant.time_zone)
            .map_err(|why| anyhow!("row {row}, column at: {why}"))?;
        let ability = skill.map(cell).filter(|text| !text.is_empty());
        let ability = ability
            .map(|text| ability_of(text, tenant))
            .transpose()
            .map_err(|why| anyhow!("row {row}, column skill: {why}"))?;
        let agents =
            |column: usize, name: &str| whole(&format!("row {row}, column {name}"), cell(column));
        let on_contacts = agents(required, "required")?;
        let rostered = match scheduled {
            _ if net => on_contacts,
            Some(column) if !cell(column).is_empty() => agents(column, "scheduled")?,
            _ => {
                let shrinkage = &plan.shrinkage;
                with_shrinkage(on_contacts, shrinkage.planned.0, shrinkage.unplanned.0)?
            }
        };
        ensure!(
            rostered >= on_contacts,
            "row {row}, column scheduled: {rostered} is less than the {on_contacts} who are required; with shrinkage it is as many or more"
        );
        let rows = cells.entry(name.clone()).or_default();
        ensure!(
            rows.insert((time, ability), (on_contacts, rostered))
                .is_none(),
            "row {row}: team {name} has this interval already"
        );
    }
    for team in software {
        note!("note: team {team} is software: its pods follow the load, nobody is planned");
    }
    cells
        .into_iter()
        .map(|(team, rows)| {
            let wanted = set_out(rows).with_context(|| format!("team {team}"))?;
            Ok((team, wanted))
        })
        .collect()
}

/// A time with its offset, or by the centre's clock.
fn moment(text: &str, zone: Tz) -> Result<DateTime<Utc>, String> {
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Ok(time.with_timezone(&Utc));
    }
    let Some(local) = plain(text) else {
        return Err(format!(
            "`{text}` is not a time; write 2026-03-02T07:30 or 2026-03-02T07:30:00+01:00"
        ));
    };
    match zone.from_local_datetime(&local) {
        MappedLocalTime::Single(time) => Ok(time.with_timezone(&Utc)),
        MappedLocalTime::Ambiguous(first, second) => Err(format!(
            "{text} comes twice in {zone}; write {} or {}",
            first.to_rfc3339(),
            second.to_rfc3339()
        )),
        MappedLocalTime::None => Err(format!(
            "{text} does not exist in {zone}: clocks go forward over it"
        )),
    }
}

/// `german` or `german:3`.
fn ability_of(text: &str, tenant: &Tenant) -> Result<(SkillName, u8), String> {
    let (name, level) = text.split_once(':').unwrap_or((text, "1"));
    let level = level
        .parse::<u8>()
        .ok()
        .filter(|level| (1..=5).contains(level))
        .ok_or_else(|| format!("`{text}`: a level is from 1 to 5, as in `german:3`"))?;
    let somebody = tenant
        .agents
        .values()
        .any(|agent| agent.skills.contains_key(name));
    let team = tenant
        .teams
        .values()
        .any(|team| team.skills.contains_key(name));
    if !somebody && !team {
        return Err(format!("nobody in the documents has a skill `{name}`"));
    }
    Ok((SkillName::new(name), level))
}

fn whole(field: &str, text: &str) -> Result<u32> {
    let agents = read_within(field, text, 0.0, MOST_AGENTS)?.to_f64();
    ensure!(
        agents.fract() == 0.0,
        "{field}: {text} is not a whole number of agents"
    );
    Ok(agents as u32)
}

/// The least agents on the roster that leave so many (percentages), in exact arithmetic.
fn with_shrinkage(agents: u32, planned: f64, unplanned: f64) -> Result<u32> {
    let left = |percent: f64| -> Result<Exact> {
        // By its digits: 23.1 is 231/10, not the double next to it.
        let percent: Exact = percent.to_string().parse().context("shrinkage")?;
        Ok(&Exact::from(1) - &(&percent / &Exact::from(100)))
    };
    let left = &left(planned)? * &left(unplanned)?;
    ensure!(
        left.to_f64() > 0.0,
        "shrinkage of {planned} % and {unplanned} % leaves nobody"
    );
    let rostered = (&Exact::from(u64::from(agents)) / &left).ceil();
    rostered
        .and_then(|rostered| u32::try_from(rostered).ok())
        .context("shrinkage leaves too few to count")
}

fn set_out(rows: Cells) -> Result<Wanted> {
    let abilities: BTreeSet<Ability> = rows.keys().map(|(_, ability)| ability.clone()).collect();
    let abilities: Vec<Ability> = abilities.into_iter().collect();
    let most = trunkline_workforce::shifts::MOST_SKILLS;
    ensure!(
        abilities.len() <= most,
        "{} skills are told apart; at most {most} can be planned together",
        abilities.len()
    );
    let mut intervals: BTreeMap<DateTime<Utc>, Vec<(u32, u32)>> = BTreeMap::new();
    for ((time, ability), agents) in rows {
        let place = abilities.binary_search(&ability).unwrap_or_default();
        let row = intervals
            .entry(time)
            .or_insert_with(|| vec![(0, 0); abilities.len()]);
        row[place] = agents;
    }
    let starts: Vec<i64> = intervals.keys().map(DateTime::timestamp).collect();
    let length = starts.windows(2).map(|pair| pair[1] - pair[0]).min();
    let length = length.context("it has one interval only, so its length is unknown")?;
    ensure!(
        (SHORTEST..=LONGEST).contains(&length),
        "intervals of {length} s can't be planned; {SHORTEST} to {LONGEST} s can"
    );
    let last = starts.last().copied().unwrap_or_default();
    let days = (last - starts.first().copied().unwrap_or_default()) / 86_400;
    if days > MOST_DAYS {
        bail!("{days} days are too many at once; plan {MOST_DAYS} at most");
    }
    Ok(Wanted {
        abilities,
        intervals,
        length,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shrinkage_is_grossed_up_exactly() {
        // 17 / 0.68 is 25, where floating point has 26.
        assert_eq!(with_shrinkage(17, 20.0, 15.0).unwrap(), 25);
        assert_eq!(with_shrinkage(0, 20.0, 15.0).unwrap(), 0);
        assert!(with_shrinkage(1, 100.0, 0.0).is_err());
    }

    #[test]
    fn an_hour_that_comes_twice_or_not_at_all_is_said() {
        let zone = chrono_tz::Europe::Berlin;
        let twice = moment("2026-10-25T02:30", zone).unwrap_err();
        assert!(twice.contains("2026-10-25T02:30:00+02:00"), "{twice}");
        let never = moment("2026-03-29T02:30", zone).unwrap_err();
        assert!(never.contains("does not exist"), "{never}");
        let plain = moment("2026-03-29T03:30", zone).unwrap();
        assert_eq!(plain, moment("2026-03-29T03:30:00+02:00", zone).unwrap());
    }
}
