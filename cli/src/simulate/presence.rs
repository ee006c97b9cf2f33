//! Who is there when.

use std::path::Path;

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use chrono::DateTime;
use csv::StringRecord;
use trunkline_routing::{Span, Time};
use trunkline_tenant::crds::{AgentName, TeamName};
use trunkline_tenant::{Tenant, slot_parts};
use trunkline_workforce::simulate::Presence;

use super::seconds;

/// Everyone whom the documents list, from the start; a virtual team as its least pods.
pub fn everyone(tenant: &Tenant) -> Vec<Presence> {
    let always = |agent: AgentName, team: Option<TeamName>| Presence {
        agent,
        team,
        from: Span(0),
        to: None,
    };
    let listed = tenant
        .agents
        .iter()
        .filter(|(_, agent)| agent.team.is_some());
    let mut all: Vec<Presence> = listed.map(|(name, _)| always(name.clone(), None)).collect();
    for (name, team) in &tenant.teams {
        let Some(pods) = &team.virtual_agents else {
            continue;
        };
        for pod in 0..pods.min_pods {
            for slot in 0..pods.contacts_per_pod {
                let agent = AgentName::new(format!("{name}-{pod}-{slot}"));
                all.push(always(agent, Some(name.clone())));
            }
        }
    }
    all
}

/// Reads `agent,from,to`; dates count from `start`.
///
/// # Errors
/// Where the file is missing, or a cell can't be read or names nobody.
pub fn read(path: &Path, tenant: &Tenant, start: Option<Time>) -> Result<Vec<Presence>> {
    let mut reader = csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .from_path(path)?;
    let header = reader.headers()?.clone();
    let column = |name: &str| header.iter().position(|column| column == name);
    let must = |name: &str| {
        column(name)
            .ok_or_else(|| anyhow!("row 1: there is no column {name}: it needs agent, from, to"))
    };
    let (agent, from, to) = (must("agent")?, must("from")?, must("to")?);
    let mut presences = Vec::new();
    let mut record = StringRecord::new();
    let mut row = 1;
    while reader
        .read_record(&mut record)
        .with_context(|| format!("row {}", row + 1))?
    {
        row += 1;
        let cell = |at: usize| record.get(at).unwrap_or_default();
        let span = |at: usize, name: &str| {
            moment(cell(at), start).map_err(|why| anyhow!("row {row}, column {name}: {why}"))
        };
        let (name, team) = known(cell(agent), tenant, row)?;
        let from = span(from, "from")?;
        let to = (!cell(to).is_empty()).then(|| span(to, "to")).transpose()?;
        ensure!(
            to.is_none_or(|to| to >= from),
            "row {row}, column to: it is before `from`"
        );
        presences.push(Presence {
            agent: name,
            team,
            from,
            to,
        });
    }
    Ok(presences)
}

/// Seconds from the start, or a date where the start has one.
fn moment(text: &str, start: Option<Time>) -> Result<Span, String> {
    if !text.contains(['T', 't', ':']) {
        return seconds::parse(text);
    }
    let date = DateTime::parse_from_rfc3339(text).map_err(|error| format!("`{text}`: {error}"))?;
    let start = start.ok_or_else(|| {
        format!("`{text}` is a date, and the run has none: give --start, or seconds")
    })?;
    // Who is there before the start is there from the start.
    Ok(Span((Time(date.timestamp_micros()) - start).0.max(0)))
}

/// An agent who is listed, or one of a virtual team.
fn known(name: &str, tenant: &Tenant, row: usize) -> Result<(AgentName, Option<TeamName>)> {
    if let Some((name, agent)) = tenant.agents.get_key_value(name) {
        ensure!(
            agent.team.is_some(),
            "row {row}, column agent: {name} has no team, so takes no contacts"
        );
        return Ok((name.clone(), None));
    }
    match slot_parts(name).and_then(|(team, ..)| tenant.teams.get_key_value(team)) {
        Some((team, plan)) if plan.virtual_agents.is_some() => {
            Ok((AgentName::from(name), Some(team.clone())))
        }
        _ => bail!("row {row}, column agent: there is no agent `{name}` in these documents"),
    }
}
