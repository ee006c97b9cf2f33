//! What `staff --forecast` prints.

use std::io::{BufWriter, Write as _};

use anyhow::Result;
use serde_json::{Map, Value, json};
use trunkline_tenant::Tenant;
use trunkline_workforce::simulate::Estimate;
use trunkline_workforce::staffing::{Gap, Level, Met, Problem, Required, Staffing, TeamNeed};

use super::Format;
use crate::number::shown as number;

/// The head of the column beside each queue's own.
const ABANDONMENT: &str = "abandon";

/// What is printed.
pub struct Shown<'a> {
    pub tenant: &'a Tenant,
    pub problem: &'a Problem,
    pub answer: &'a Staffing,
    /// What people lack, if that is asked.
    pub gaps: Option<&'a [Gap]>,
    /// The intervals as the forecast calls them.
    pub labels: &'a [&'a str],
}

/// Prints the answer.
///
/// # Errors
/// Where stdout can't be written.
pub fn print(shown: &Shown<'_>, format: Format) -> Result<()> {
    match format {
        Format::Text => text(shown),
        Format::Csv => csv(shown.answer, shown.labels),
        Format::Json => json(shown),
    }
}

fn csv(answer: &Staffing, labels: &[&str]) -> Result<()> {
    let mut out = csv::Writer::from_writer(std::io::stdout().lock());
    out.write_record(["at", "team", "required", "scheduled"])?;
    for (interval, label) in answer.intervals.iter().zip(labels) {
        for need in &interval.teams {
            let required = need.required.to_string();
            let scheduled = need.scheduled.to_string();
            out.write_record([label, need.team.as_str(), &required, &scheduled])?;
        }
    }
    out.flush()?;
    Ok(())
}

fn text(shown: &Shown<'_>) -> Result<()> {
    let Shown {
        problem,
        answer,
        labels,
        ..
    } = *shown;
    let mut out = BufWriter::new(std::io::stdout().lock());
    writeln!(
        out,
        "agents required, and in brackets with shrinkage; service level and abandonment as verified by simulation, ± half the 95 % interval"
    )?;
    let teams: Vec<&str> = answer
        .intervals
        .first()
        .into_iter()
        .flat_map(|interval| &interval.teams)
        .map(|need| need.team.as_str())
        .collect();
    let queues: Vec<String> = problem
        .targets()
        .iter()
        .map(|target| target.queue.to_string())
        .collect();
    let wide = |name: &str| name.chars().count().max(16) + 2;
    write!(out, "{:<28}", "at")?;
    for name in &teams {
        write!(out, "{name:>width$}", width = wide(name))?;
    }
    for name in &queues {
        write!(out, "{name:>width$}{ABANDONMENT:>16}", width = wide(name))?;
    }
    writeln!(out)?;
    for (interval, label) in answer.intervals.iter().zip(labels) {
        write!(out, "{label:<28}")?;
        for (need, name) in interval.teams.iter().zip(&teams) {
            let cell = format!("{} ({})", need.required, need.scheduled);
            write!(out, "{cell:>width$}", width = wide(name))?;
        }
        for name in &queues {
            let level = interval
                .levels
                .iter()
                .find(|level| level.queue.to_string() == *name);
            let cell = |share: fn(&Level) -> (Option<Estimate>, Met)| {
                let share = level.map(share);
                share.map_or("–".to_owned(), |(found, met)| share_text(found, met))
            };
            let kept = cell(|level| (level.level, level.level_met));
            let lost = cell(|level| (level.abandoned, level.abandonment_met));
            write!(out, "{kept:>width$}{lost:>16}", width = wide(name))?;
        }
        writeln!(out)?;
    }
    writeln!(
        out,
        "\n{:<28}{:>16}{:>16}{:>24}",
        "team", "required", "with shrinkage", "occupancy, at most"
    )?;
    for (at, team) in teams.iter().enumerate() {
        let each = || answer.intervals.iter().map(|interval| &interval.teams[at]);
        let hours = |agents: &dyn Fn(&TeamNeed) -> f64| {
            let intervals = answer.intervals.iter();
            intervals
                .map(|one| agents(&one.teams[at]) * (one.to.0 - one.from.0) as f64 / 3.6e9)
                .sum::<f64>()
        };
        let busiest = each().filter_map(|need| need.occupancy.map(|found| found.mean));
        let busiest = busiest.reduce(f64::max);
        let busiest = busiest.map_or("–".to_owned(), |share| format!("{:.1} %", 100.0 * share));
        writeln!(
            out,
            "{team:<28}{:>14.1} h{:>14.1} h{busiest:>24}",
            hours(&|need| f64::from(need.required)),
            hours(&|need| need.scheduled as f64),
        )?;
    }
    if answer.groups.len() > teams.len() {
        groups(answer, labels, &mut out)?;
    }
    if let Some(gaps) = shown.gaps {
        lacking(gaps, labels, &mut out)?;
    }
    out.flush()?;
    Ok(())
}

/// Where people lack, by the documents' shifts.
fn lacking(gaps: &[Gap], labels: &[&str], out: &mut impl std::io::Write) -> Result<()> {
    if gaps.iter().all(|gap| gap.cure.is_none()) {
        writeln!(out, "\nby the documents' shifts nobody is missing")?;
        return Ok(());
    }
    writeln!(out, "\nmissing, by the documents' shifts")?;
    for gap in gaps {
        if let Some(cure) = &gap.cure {
            writeln!(
                out,
                "{:<28}{}: {:.1} of {} are on shift, {:.1} missing: {cure}",
                labels[gap.interval], gap.team, gap.on_shift, gap.with_shrinkage, gap.missing
            )?;
        }
    }
    Ok(())
}

/// Where a team's members differ in what they can do.
fn groups(answer: &Staffing, labels: &[&str], out: &mut impl std::io::Write) -> Result<()> {
    writeln!(out, "\nof whom, by what they can do:")?;
    for (at, group) in answer.groups.iter().enumerate() {
        let skills = group
            .skills
            .iter()
            .map(|(skill, level)| format!("{skill} {level}"));
        let skills: Vec<String> = skills.collect();
        let numbers = answer.intervals.iter().zip(labels);
        let numbers: Vec<String> = numbers
            .filter(|(interval, _)| interval.agents[at] > 0)
            .map(|(interval, label)| format!("{label}: {}", interval.agents[at]))
            .collect();
        let none = "none".to_owned();
        let numbers = if numbers.is_empty() {
            none
        } else {
            numbers.join(", ")
        };
        writeln!(out, "{} ({}): {numbers}", group.team, skills.join(", "))?;
    }
    Ok(())
}

fn share_text(found: Option<Estimate>, met: Met) -> String {
    let Some(found) = found else {
        return "–".to_owned();
    };
    let half = found.half_width.unwrap_or(f64::NAN);
    let mark = match met {
        Met::No => " !",
        Met::Likely => " ?",
        Met::Surely => "",
    };
    format!("{:.1} % ± {:.1}{mark}", 100.0 * found.mean, 100.0 * half)
}

fn json(shown: &Shown<'_>) -> Result<()> {
    let Shown { answer, labels, .. } = *shown;
    let unmet = answer.unmet.iter();
    let object = json!({
        "groups": answer.groups.iter().map(|group| json!({
            "team": group.team,
            "skills": group.skills,
            "courses": group.courses,
            "listed": group.listed,
            "most": group.most,
        })).collect::<Vec<_>>(),
        "intervals": (0..answer.intervals.len())
            .map(|at| of_interval(shown, at))
            .collect::<Vec<_>>(),
        "unmet": unmet
            .map(|unmet| json!({"at": labels[unmet.interval], "why": unmet.why}))
            .collect::<Vec<_>>(),
    });
    let mut out = std::io::stdout().lock();
    writeln!(out, "{object}")?;
    Ok(())
}

fn of_interval(shown: &Shown<'_>, at: usize) -> Value {
    let (interval, label): (&Required, &str) = (&shown.answer.intervals[at], shown.labels[at]);
    let teams = interval.teams.iter().map(|need| {
        let mut fields = Map::new();
        fields.insert("team".into(), json!(need.team));
        fields.insert("required".into(), json!(need.required));
        fields.insert("scheduled".into(), json!(need.scheduled));
        let virtually = shown
            .tenant
            .teams
            .get(&need.team)
            .and_then(|team| team.virtual_agents.as_ref());
        if let Some(pods) = virtually {
            let pods = need.required.div_ceil(pods.contacts_per_pod.max(1));
            fields.insert("pods".into(), json!(pods));
        }
        estimate("occupancy", need.occupancy, &mut fields);
        let mut gaps = shown.gaps.into_iter().flatten();
        let gap = gaps.find(|gap| gap.interval == at && gap.team == need.team);
        if let Some(gap) = gap {
            fields.insert("on_shift".into(), number(gap.on_shift));
            fields.insert("missing".into(), number(gap.missing));
            fields.insert("cure".into(), json!(gap.cure));
        }
        Value::Object(fields)
    });
    let queues = interval.levels.iter().map(|level| {
        let mut fields = Map::new();
        fields.insert("queue".into(), json!(level.queue.to_string()));
        fields.insert("calls".into(), number(level.calls));
        fields.insert("target".into(), number(level.target));
        estimate("service_level", level.level, &mut fields);
        estimate("abandoned", level.abandoned, &mut fields);
        let met = match level.met() {
            Met::No => "no",
            Met::Likely => "likely",
            Met::Surely => "surely",
        };
        fields.insert("met".into(), json!(met));
        Value::Object(fields)
    });
    json!({
        "at": label,
        "from": interval.from.as_secs_f64(),
        "to": interval.to.as_secs_f64(),
        "pooled": interval.bracket.pooled,
        "separate": interval.bracket.separate,
        "groups": interval.agents,
        "teams": teams.collect::<Vec<_>>(),
        "queues": queues.collect::<Vec<_>>(),
    })
}

/// A figure, and its interval under the name with `_95`.
fn estimate(name: &str, found: Option<Estimate>, fields: &mut Map<String, Value>) {
    fields.insert(
        name.to_owned(),
        found.map_or(Value::Null, |found| number(found.mean)),
    );
    if let Some((mean, half)) = found.and_then(|found| Some((found.mean, found.half_width?))) {
        fields.insert(
            format!("{name}_95"),
            json!([number(mean - half), number(mean + half)]),
        );
    }
}
