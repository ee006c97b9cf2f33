//! The small table: what each queue and the agents are at.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval_at};
use trunkline_engine::figures::Figure;
use trunkline_engine::run::Handle;
use trunkline_engine::state::{Directory, Stage};
use trunkline_routing::AgentState;
use trunkline_routing::metrics::Scope;
use trunkline_tenant::{QueueId, Tenant};

use super::lines::now;
use super::say;

/// Shows it now and then.
pub async fn every(handle: Handle, pause: Duration) {
    let mut ticks = interval_at(Instant::now() + pause, pause);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        show(&handle);
    }
}

/// Shows it once.
pub fn show(handle: &Handle) {
    let figures = handle.today(now());
    let state = handle.state();
    let Some(tenant) = &state.directory.tenant else {
        return;
    };
    let text = render(&state.directory, tenant, &figures);
    drop(state);
    say(text);
}

/// One queue's line.
#[derive(Default)]
struct Row {
    waiting: usize,
    talking: usize,
    answered: u64,
    abandoned: u64,
    level: String,
}

fn render(directory: &Directory, tenant: &Tenant, figures: &[Figure]) -> String {
    let mut rows: BTreeMap<&QueueId, Row> = BTreeMap::new();
    // A consult has no customer of its own.
    let customers = directory.live.values();
    for live in customers.filter(|live| live.consult_of.is_none()) {
        let row = rows.entry(&live.queue).or_default();
        match live.stage {
            Stage::Talking { .. }
            | Stage::Outside { .. }
            | Stage::Calling { .. }
            | Stage::Away { .. } => row.talking += 1,
            // Nobody waits for what is booked.
            Stage::Later { .. } => {}
            Stage::Waiting | Stage::Offered { .. } | Stage::Accepted { .. } => row.waiting += 1,
        }
    }
    for figure in figures {
        if let Scope::Queue(queue) = &figure.scope {
            let row = rows.entry(queue).or_default();
            row.answered = figure.counts.answered;
            row.abandoned = figure.counts.abandoned;
            row.level = level(figure);
        }
    }
    let width = rows.keys().map(|queue| queue.to_string().len());
    let width = width.max().unwrap_or_default().max("queue".len());
    let mut text = "\n".to_owned();
    // Writing to a String can't fail.
    if !rows.is_empty() {
        let _ = writeln!(
            text,
            "  {:<width$}  waiting  talking  answered  abandoned  service level (today)",
            "queue"
        );
    }
    for (queue, row) in &rows {
        let Row {
            waiting,
            talking,
            answered,
            abandoned,
            level,
        } = row;
        let queue = queue.to_string();
        let _ = writeln!(
            text,
            "  {queue:<width$}  {waiting:>7}  {talking:>7}  {answered:>8}  {abandoned:>9}  {level}"
        );
    }
    let quiet = tenant
        .queues
        .keys()
        .filter(|queue| !rows.contains_key(queue));
    let quiet = quiet.count();
    if quiet > 0 {
        let _ = writeln!(text, "  quiet queues: {quiet}");
    }
    let _ = writeln!(text, "  agents: {}", agents(directory));
    text
}

fn level(figure: &Figure) -> String {
    match (figure.service_level(), &figure.terms) {
        (Some(level), Some(terms)) => format!(
            "{:.0} % in {}, wanted {} %",
            level * 100.0,
            terms.within,
            terms.percent.0
        ),
        _ => String::new(),
    }
}

fn agents(directory: &Directory) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for view in directory.agents.values() {
        let word = match &view.state {
            AgentState::SignedOut => "signed out",
            AgentState::NotReady { .. } => "not ready",
            AgentState::Idle => "idle",
            AgentState::Offered => "ringing",
            AgentState::Busy => "talking",
            AgentState::WrapUp { .. } => "in wrap-up",
        };
        *counts.entry(word).or_default() += 1;
    }
    if counts.is_empty() {
        return "none at work".to_owned();
    }
    let counts: Vec<String> = counts
        .iter()
        .map(|(word, n)| format!("{n} {word}"))
        .collect();
    counts.join(", ")
}
