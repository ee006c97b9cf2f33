//! What a simulation prints.

use std::io::{BufWriter, Write as _};

use anyhow::Result;
use serde::Serialize;
use serde_json::{Map, Value, json};
use trunkline_routing::metrics::Counts;
use trunkline_routing::{Outcome, Span};
use trunkline_tenant::Tenant;
use trunkline_tenant::crds::Formula;
use trunkline_workforce::simulate::{
    Estimate, Fate, FleetFigures, HeldBack, QueueFigures, Run, TeamFigures, estimate, ratio,
};

/// What is printed.
pub struct Shown<'a> {
    pub tenant: &'a Tenant,
    pub runs: &'a [Run],
    /// Each contact of the first run, too.
    pub contacts: bool,
    /// The edges of stretches of time, where figures of these are wanted.
    pub edges: &'a [Span],
    /// Whether breaks and ends of shifts are known.
    pub rotas: bool,
}

#[derive(Serialize)]
struct Contact<'a> {
    id: usize,
    queue: &'a trunkline_tenant::QueueId,
    at: f64,
    answered_at: Option<f64>,
    agent: Option<&'a str>,
    ended_at: Option<f64>,
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    redial_of: Option<u32>,
}

#[derive(Serialize)]
struct Report<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    runs: Option<usize>,
    queues: Vec<Value>,
    teams: Vec<Value>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    fleets: Vec<Value>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    intervals: Vec<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    contacts: Option<Vec<Contact<'a>>>,
    /// Contacts that waited when they came, because of the break of an agent who was free.
    #[serde(skip_serializing_if = "Option::is_none")]
    held_back: Option<Vec<Held<'a>>>,
}

#[derive(Serialize)]
struct Held<'a> {
    at: f64,
    contact: u32,
    agent: &'a str,
    free_by: f64,
    expected: f64,
}

/// One JSON object. Of several runs it has the means, their intervals, and the contacts of the first.
///
/// # Errors
/// Where stdout can't be written.
pub fn json(shown: &Shown<'_>) -> Result<()> {
    let runs = shown.runs;
    let report = Report {
        runs: (runs.len() > 1).then_some(runs.len()),
        queues: queues(shown),
        teams: teams(runs, shown.rotas),
        fleets: fleets(runs),
        intervals: intervals(shown),
        contacts: shown
            .contacts
            .then(|| runs.first().map_or_else(Vec::new, |run| fates(&run.fates))),
        held_back: traced(shown).map(|held| held.iter().map(held_back).collect()),
    };
    let mut out = BufWriter::new(std::io::stdout().lock());
    serde_json::to_writer(&mut out, &report)?;
    writeln!(out)?;
    out.flush()?;
    Ok(())
}

/// The first run's trace of breaks that were kept, where contacts are printed.
fn traced<'a>(shown: &Shown<'a>) -> Option<&'a [HeldBack]> {
    let run = shown
        .runs
        .first()
        .filter(|_| shown.contacts && shown.rotas)?;
    Some(&run.held_back)
}

fn held_back(held: &HeldBack) -> Held<'_> {
    Held {
        at: seconds(held.at),
        contact: held.contact,
        agent: held.agent.as_str(),
        free_by: seconds(held.free_by),
        expected: seconds(held.expected),
    }
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
            redial_of: fate.redial_of,
        })
        .collect()
}

fn word(outcome: Option<Outcome>) -> &'static str {
    match outcome {
        // A simulated agent hands nothing over.
        Some(Outcome::Answered | Outcome::Transferred) => "answered",
        Some(outcome) => outcome.word(),
        None => "waiting",
    }
}

/// A figure of one run, by name; counts are whole numbers there.
type Figures = Vec<(&'static str, Option<f64>)>;

fn of_queue(queue: &QueueFigures) -> Figures {
    let mut figures = of_counts(&queue.counts);
    figures.push(("service_level", queue.service_level));
    figures.push(("asa", queue.counts.asa()));
    figures.push((
        "max_wait",
        (queue.counts.offered > 0).then(|| seconds(queue.counts.max_wait)),
    ));
    figures.push(("aht", queue.counts.aht()));
    figures.push(("occupancy", queue.occupancy));
    figures
}

fn of_counts(counts: &Counts) -> Figures {
    let whole = |n: u64| Some(n as f64);
    vec![
        ("offered", whole(counts.offered)),
        ("answered", whole(counts.answered)),
        ("abandoned", whole(counts.abandoned)),
        ("flowed_out", whole(counts.flowed_out)),
        ("dropped", whole(counts.dropped)),
        ("waiting", whole(counts.waiting)),
    ]
}

fn of_team(team: &TeamFigures, rotas: bool) -> Figures {
    let mut figures = vec![
        ("agents", Some(team.agents as f64)),
        ("contact_hours", Some(team.contact_hours)),
        ("idle_hours", Some(team.idle_hours)),
        ("occupancy", team.occupancy),
    ];
    if rotas {
        figures.push(("overruns", Some(f64::from(team.overruns))));
        figures.push(("overrun_hours", Some(team.overrun_hours)));
    }
    figures
}

fn of_fleet(fleet: &FleetFigures) -> Figures {
    let whole = |n: u32| Some(f64::from(n));
    vec![
        ("pod_hours", Some(fleet.pod_hours)),
        ("most_pods", whole(fleet.most)),
        ("started", whole(fleet.started)),
        ("drained", whole(fleet.removed)),
        ("changes", Some(fleet.changes.len() as f64)),
        ("cut", whole(fleet.cut)),
    ]
}

const WHOLE: [&str; 13] = [
    "overruns",
    "most_pods",
    "started",
    "drained",
    "changes",
    "cut",
    "offered",
    "answered",
    "abandoned",
    "flowed_out",
    "dropped",
    "waiting",
    "agents",
];

/// One run's figures as they are; several runs' as means, with their 95 % intervals. The service
/// level of several is that of all their contacts.
fn object(name: Map<String, Value>, runs: &[Figures], level: Option<Estimate>) -> Value {
    let mut fields = name;
    let mut intervals = Map::new();
    for (at, (figure, _)) in runs.first().into_iter().flatten().enumerate() {
        let values: Vec<Option<f64>> = runs.iter().map(|run| run[at].1).collect();
        let found = match *figure {
            "service_level" => level,
            _ => estimate(&values),
        };
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

fn named(key: &str, name: impl ToString) -> Map<String, Value> {
    let mut fields = Map::new();
    fields.insert(key.to_owned(), Value::String(name.to_string()));
    fields
}

/// The service level of all contacts of all runs.
fn level<'a>(counts: impl Iterator<Item = &'a Counts>, formula: Formula) -> Option<Estimate> {
    let shares = counts.map(|counts| {
        let (met, of) = counts.level_counts(formula);
        (met as f64, of as f64)
    });
    ratio(&shares.collect::<Vec<_>>())
}

/// The formula of each queue, in their order.
fn formulas(tenant: &Tenant) -> impl Iterator<Item = Formula> + '_ {
    let queues = tenant.queues.values();
    queues.map(|queue| queue.service_level.clone().unwrap_or_default().formula)
}

fn queues(shown: &Shown<'_>) -> Vec<Value> {
    let Some(first) = shown.runs.first() else {
        return Vec::new();
    };
    let queues = first.summary.queues.iter().zip(formulas(shown.tenant));
    let queues = queues.enumerate().map(|(at, (queue, formula))| {
        let each = || shown.runs.iter().map(|run| &run.summary.queues[at]);
        let figures: Vec<Figures> = each().map(of_queue).collect();
        let level = level(each().map(|queue| &queue.counts), formula);
        object(named("queue", &queue.queue), &figures, level)
    });
    queues.collect()
}

fn teams(runs: &[Run], rotas: bool) -> Vec<Value> {
    let Some(first) = runs.first() else {
        return Vec::new();
    };
    let teams = first.summary.teams.iter().enumerate().map(|(at, team)| {
        let figures: Vec<Figures> = runs
            .iter()
            .map(|run| of_team(&run.summary.teams[at], rotas))
            .collect();
        object(named("team", &team.team), &figures, None)
    });
    teams.collect()
}

fn fleets(runs: &[Run]) -> Vec<Value> {
    let Some(first) = runs.first() else {
        return Vec::new();
    };
    let fleets = first.fleets.iter().enumerate().map(|(at, fleet)| {
        let each = runs.iter().map(|run| of_fleet(&run.fleets[at]));
        object(named("team", &fleet.team), &each.collect::<Vec<_>>(), None)
    });
    fleets.collect()
}

/// Figures of each queue by stretch of time, of stretches in which somebody came.
fn intervals(shown: &Shown<'_>) -> Vec<Value> {
    let Some(first) = shown.runs.first() else {
        return Vec::new();
    };
    let mut all = Vec::new();
    let queues = first.slices.queues.iter().zip(formulas(shown.tenant));
    for (at, ((queue, slices), formula)) in queues.enumerate() {
        for (slice, edges) in (0..slices.len()).zip(shown.edges.windows(2)) {
            let each = || shown.runs.iter().map(|run| &run.slices.queues[at].1[slice]);
            if each().all(|counts| counts.offered == 0) {
                continue;
            }
            let figures: Vec<Figures> = each()
                .map(|counts| {
                    let mut figures = of_counts(counts);
                    figures.push(("service_level", counts.service_level(formula)));
                    figures.push(("asa", counts.asa()));
                    figures
                })
                .collect();
            let mut name = named("queue", queue);
            name.insert("from".to_owned(), json!(seconds(edges[0])));
            name.insert("to".to_owned(), json!(seconds(edges[1])));
            all.push(object(name, &figures, level(each(), formula)));
        }
    }
    all
}

/// Tables for people.
///
/// # Errors
/// Where stdout can't be written.
pub fn text(shown: &Shown<'_>) -> Result<()> {
    let runs = shown.runs;
    let mut out = BufWriter::new(std::io::stdout().lock());
    if runs.len() > 1 {
        writeln!(
            out,
            "means of {} runs, ± half the 95 % interval of the service level and the asa",
            runs.len()
        )?;
    }
    writeln!(
        out,
        "{:<28}{:>9}{:>9}{:>9}{:>8}{:>8}{:>8}{:>16}{:>14}{:>9}{:>9}",
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
    for queue in queues(shown) {
        writeln!(
            out,
            "{:<28}{:>9}{:>9}{:>9}{:>8}{:>8}{:>8}{:>16}{:>14}{:>9}{:>9}",
            queue["queue"].as_str().unwrap_or_default(),
            plain(&queue["offered"], false),
            plain(&queue["answered"], false),
            plain(&queue["abandoned"], false),
            plain(&queue["flowed_out"], false),
            plain(&queue["dropped"], false),
            plain(&queue["waiting"], false),
            doubted(&queue, "service_level", true),
            doubted(&queue, "asa", false),
            plain(&queue["max_wait"], false),
            plain(&queue["aht"], false),
        )?;
    }
    let overruns = if shown.rotas { "overruns" } else { "" };
    let head = format!(
        "{:<28}{:>9}{:>12}{overruns:>10}",
        "team", "agents", "occupancy"
    );
    writeln!(out, "\n{}", head.trim_end())?;
    for team in teams(runs, shown.rotas) {
        let name = team["team"].as_str().unwrap_or_default();
        let agents = plain(&team["agents"], false);
        let overruns = team
            .get("overruns")
            .map_or_else(String::new, |n| plain(n, false));
        let occupancy = plain(&team["occupancy"], true);
        let line = format!("{name:<28}{agents:>9}{occupancy:>12}{overruns:>10}");
        writeln!(out, "{}", line.trim_end())?;
    }
    let fleets = fleets(runs);
    if !fleets.is_empty() {
        writeln!(
            out,
            "\n{:<28}{:>11}{:>11}{:>9}{:>9}{:>9}{:>6}",
            "pods of", "pod-hours", "most pods", "started", "drained", "changes", "cut"
        )?;
    }
    for fleet in fleets {
        writeln!(
            out,
            "{:<28}{:>11}{:>11}{:>9}{:>9}{:>9}{:>6}",
            fleet["team"].as_str().unwrap_or_default(),
            plain(&fleet["pod_hours"], false),
            plain(&fleet["most_pods"], false),
            plain(&fleet["started"], false),
            plain(&fleet["drained"], false),
            plain(&fleet["changes"], false),
            plain(&fleet["cut"], false),
        )?;
    }
    let intervals = intervals(shown);
    if !intervals.is_empty() {
        writeln!(
            out,
            "\n{:<28}{:>12}{:>12}{:>10}{:>10}{:>10}{:>16}{:>14}",
            "queue", "from", "to", "offered", "answered", "abandon", "service level", "asa"
        )?;
    }
    for slice in intervals {
        writeln!(
            out,
            "{:<28}{:>12}{:>12}{:>10}{:>10}{:>10}{:>16}{:>14}",
            slice["queue"].as_str().unwrap_or_default(),
            plain(&slice["from"], false),
            plain(&slice["to"], false),
            plain(&slice["offered"], false),
            plain(&slice["answered"], false),
            plain(&slice["abandoned"], false),
            doubted(&slice, "service_level", true),
            doubted(&slice, "asa", false),
        )?;
    }
    if let Some(run) = runs.first().filter(|_| shown.contacts) {
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
    if let Some(held) = traced(shown).filter(|held| !held.is_empty()) {
        writeln!(
            out,
            "\n{:>8}{:>14}  waited, though free; by when, and what was expected",
            "contact", "at"
        )?;
        for held in held.iter().map(held_back) {
            writeln!(
                out,
                "{:>8}{:>14.3}  {}: should be free by {:.3}, and {:.0} s of work are expected",
                held.contact, held.at, held.agent, held.free_by, held.expected
            )?;
        }
    }
    out.flush()?;
    Ok(())
}

fn plain(value: &Value, share: bool) -> String {
    match value.as_f64() {
        None => "–".to_owned(),
        Some(n) if share => format!("{:.1} %", n * 100.0),
        Some(n) if n.fract() == 0.0 => format!("{n}"),
        Some(n) => format!("{n:.1}"),
    }
}

/// With half its interval, where there is one.
fn doubted(of: &Value, figure: &str, share: bool) -> String {
    let high = of["interval_95"][figure][1].as_f64();
    let half = high
        .zip(of[figure].as_f64())
        .map(|(high, mean)| high - mean);
    let by = if share { 100.0 } else { 1.0 };
    let half = half.map_or(String::new(), |half| format!(" ± {:.1}", half * by));
    plain(&of[figure], share) + &half
}
