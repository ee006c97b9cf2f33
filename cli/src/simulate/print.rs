//! What a simulation prints.

use std::io::{BufWriter, Write as _};

use anyhow::Result;
use serde::Serialize;
use serde_json::{Map, Value, json};
use trunkline_routing::{Outcome, Span};
use trunkline_workforce::simulate::{Fate, QueueFigures, Run, TeamFigures, estimate};

#[derive(Serialize)]
struct Contact<'a> {
    id: usize,
    queue: &'a trunkline_tenant::QueueId,
    at: f64,
    answered_at: Option<f64>,
    agent: Option<&'a str>,
    ended_at: Option<f64>,
    outcome: &'static str,
}

#[derive(Serialize)]
struct Report<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    runs: Option<usize>,
    queues: Vec<Value>,
    teams: Vec<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    contacts: Option<Vec<Contact<'a>>>,
}

/// One JSON object. Of several runs it has the means, their intervals, and the contacts of the first.
///
/// # Errors
/// Where stdout can't be written.
pub fn json(runs: &[Run], contacts: bool) -> Result<()> {
    let report = Report {
        runs: (runs.len() > 1).then_some(runs.len()),
        queues: queues(runs),
        teams: teams(runs),
        contacts: contacts.then(|| runs.first().map_or_else(Vec::new, |run| fates(&run.fates))),
    };
    let mut out = BufWriter::new(std::io::stdout().lock());
    serde_json::to_writer(&mut out, &report)?;
    writeln!(out)?;
    out.flush()?;
    Ok(())
}

fn seconds(span: Span) -> f64 {
    span.as_secs_f64()
}

fn fates(fates: &[Fate]) -> Vec<Contact<'_>> {
    fates
        .iter()
        .enumerate()
        .map(|(id, fate)| Contact {
            id,
            queue: &fate.queue,
            at: seconds(fate.at),
            answered_at: fate.answered_at.map(seconds),
            agent: fate.agent.as_ref().map(|agent| agent.as_str()),
            ended_at: fate.ended_at.map(seconds),
            outcome: word(fate.outcome),
        })
        .collect()
}

fn word(outcome: Option<Outcome>) -> &'static str {
    match outcome {
        // A simulated agent hands nothing over.
        Some(Outcome::Answered | Outcome::Transferred) => "answered",
        Some(Outcome::Abandoned) => "abandoned",
        Some(Outcome::Closed) => "closed",
        Some(Outcome::Callback) => "callback",
        Some(Outcome::Voicemail) => "voicemail",
        Some(Outcome::Dropped) => "dropped",
        None => "waiting",
    }
}

/// A figure of one run, by name; counts are whole numbers there.
type Figures = Vec<(&'static str, Option<f64>)>;

fn of_queue(queue: &QueueFigures) -> Figures {
    let counts = &queue.counts;
    let whole = |n: u64| Some(n as f64);
    vec![
        ("offered", whole(counts.offered)),
        ("answered", whole(counts.answered)),
        ("abandoned", whole(counts.abandoned)),
        ("flowed_out", whole(counts.flowed_out)),
        ("dropped", whole(counts.dropped)),
        ("waiting", whole(counts.waiting)),
        ("service_level", queue.service_level),
        ("asa", counts.asa()),
        (
            "max_wait",
            (counts.offered > 0).then(|| seconds(counts.max_wait)),
        ),
        ("aht", counts.aht()),
        ("occupancy", queue.occupancy),
    ]
}

fn of_team(team: &TeamFigures) -> Figures {
    vec![
        ("agents", Some(team.agents as f64)),
        ("contact_hours", Some(team.contact_hours)),
        ("idle_hours", Some(team.idle_hours)),
        ("occupancy", team.occupancy),
    ]
}

const WHOLE: [&str; 7] = [
    "offered",
    "answered",
    "abandoned",
    "flowed_out",
    "dropped",
    "waiting",
    "agents",
];

/// One run's figures as they are; several runs' as means, with their 95 % intervals.
fn object(key: &str, name: String, runs: &[Figures]) -> Value {
    let mut fields = Map::new();
    fields.insert(key.to_owned(), Value::String(name));
    let mut intervals = Map::new();
    for (at, (figure, _)) in runs.first().into_iter().flatten().enumerate() {
        let values: Vec<Option<f64>> = runs.iter().map(|run| run[at].1).collect();
        let found = estimate(&values);
        let value = match found {
            Some(found) if runs.len() == 1 && WHOLE.contains(figure) => json!(found.mean as u64),
            Some(found) => json!(found.mean),
            None => Value::Null,
        };
        fields.insert((*figure).to_owned(), value);
        if let Some((mean, half)) = found.and_then(|found| Some((found.mean, found.half_width?))) {
            intervals.insert((*figure).to_owned(), json!([mean - half, mean + half]));
        }
    }
    if !intervals.is_empty() {
        fields.insert("interval_95".to_owned(), Value::Object(intervals));
    }
    Value::Object(fields)
}

fn queues(runs: &[Run]) -> Vec<Value> {
    let Some(first) = runs.first() else {
        return Vec::new();
    };
    let queues = first.summary.queues.iter().enumerate().map(|(at, queue)| {
        let figures: Vec<Figures> = runs
            .iter()
            .map(|run| of_queue(&run.summary.queues[at]))
            .collect();
        object("queue", queue.queue.to_string(), &figures)
    });
    queues.collect()
}

fn teams(runs: &[Run]) -> Vec<Value> {
    let Some(first) = runs.first() else {
        return Vec::new();
    };
    let teams = first.summary.teams.iter().enumerate().map(|(at, team)| {
        let figures: Vec<Figures> = runs
            .iter()
            .map(|run| of_team(&run.summary.teams[at]))
            .collect();
        object("team", team.team.to_string(), &figures)
    });
    teams.collect()
}

/// Tables for people.
///
/// # Errors
/// Where stdout can't be written.
pub fn text(runs: &[Run], contacts: bool) -> Result<()> {
    let mut out = BufWriter::new(std::io::stdout().lock());
    let shown = |value: &Value, share: bool| match value.as_f64() {
        None => "–".to_owned(),
        Some(n) if share => format!("{:.1} %", n * 100.0),
        Some(n) if n.fract() == 0.0 => format!("{n}"),
        Some(n) => format!("{n:.1}"),
    };
    if runs.len() > 1 {
        writeln!(
            out,
            "means of {} runs, ± half the 95 % interval of the service level",
            runs.len()
        )?;
    }
    writeln!(
        out,
        "{:<28}{:>9}{:>9}{:>9}{:>8}{:>8}{:>8}{:>16}{:>9}{:>9}{:>9}",
        "queue",
        "offered",
        "answered",
        "abandon",
        "flow",
        "drop",
        "wait",
        "service level",
        "asa",
        "max",
        "aht"
    )?;
    for queue in queues(runs) {
        let half = queue["interval_95"]["service_level"][1].as_f64();
        let half = half
            .zip(queue["service_level"].as_f64())
            .map(|(high, mean)| high - mean);
        let level = shown(&queue["service_level"], true)
            + &half.map_or(String::new(), |half| format!(" ± {:.1}", half * 100.0));
        writeln!(
            out,
            "{:<28}{:>9}{:>9}{:>9}{:>8}{:>8}{:>8}{:>16}{:>9}{:>9}{:>9}",
            queue["queue"].as_str().unwrap_or_default(),
            shown(&queue["offered"], false),
            shown(&queue["answered"], false),
            shown(&queue["abandoned"], false),
            shown(&queue["flowed_out"], false),
            shown(&queue["dropped"], false),
            shown(&queue["waiting"], false),
            level,
            shown(&queue["asa"], false),
            shown(&queue["max_wait"], false),
            shown(&queue["aht"], false),
        )?;
    }
    writeln!(out, "\n{:<28}{:>9}{:>12}", "team", "agents", "occupancy")?;
    for team in teams(runs) {
        let name = team["team"].as_str().unwrap_or_default();
        let agents = shown(&team["agents"], false);
        writeln!(
            out,
            "{name:<28}{agents:>9}{:>12}",
            shown(&team["occupancy"], true)
        )?;
    }
    if let Some(run) = runs.first().filter(|_| contacts) {
        writeln!(
            out,
            "\n{:>8}  {:<28}{:>14}{:>14}{:>14}  {:<10} agent",
            "contact", "queue", "at", "answered", "ended", "outcome"
        )?;
        for contact in fates(&run.fates) {
            let time = |at: Option<f64>| at.map_or("–".to_owned(), |at| format!("{at:.3}"));
            writeln!(
                out,
                "{:>8}  {:<28}{:>14.3}{:>14}{:>14}  {:<10} {}",
                contact.id,
                contact.queue.to_string(),
                contact.at,
                time(contact.answered_at),
                time(contact.ended_at),
                contact.outcome,
                contact.agent.unwrap_or("–")
            )?;
        }
    }
    out.flush()?;
    Ok(())
}
