//! The routing core alone: no journal, no I/O. Each cell has all agents signed in and so many
//! contacts waiting, and then, in turn, contacts arrive and conversations end. Each of those is a
//! decision: who is asked for the contact, or what the agent is asked for. The offers that follow are accepted and
//! joined; the rate is told without the time for that, and with it. Levels, wrap-up of zero, one strategy: what the
//! other systems' tables are of.
//!
//! `cargo run --release -p trunkline-bench-routing [-- SECONDS]`, one core, each cell in a process of
//! its own, so that its memory is its own, and told by the fastest of five passes; `-- estimate` is the back-test of estimated waits.

mod estimate;

use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use trunkline_bench_routing::{Cell, Centre, quantile, tenant, thousands};
use trunkline_tenant::crds::AgentName;

/// Each cell is measured so often, and its fastest told.
const PASSES: usize = 5;

/// Resident memory in bytes.
fn resident() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = statm
        .split(' ')
        .nth(1)
        .and_then(|pages| pages.parse::<usize>().ok());
    pages.unwrap_or(0) * 4096
}

fn run(cell: &Cell, long: Duration) -> Result<()> {
    let tenant = tenant(cell)?;
    let names: Vec<AgentName> = tenant.agents.keys().cloned().collect();
    let before = resident();
    let mut bench = Centre::new(tenant);
    bench.sign_in(names);
    let per_agent = per(resident().saturating_sub(before), cell.agents);
    bench.occupy(cell);
    let before = resident();
    let had = bench.contacts();
    bench.let_wait(cell);
    let more = bench.contacts().saturating_sub(had);
    let per_contact = per(resident().saturating_sub(before), more);

    let mut took: Vec<u32> = Vec::with_capacity(1 << 20);
    let (mut decisions, mut deciding, mut all) = (0, Duration::ZERO, Duration::ZERO);
    let mut inputs = 0;
    // As many arrivals in a row as there surely are agents for, then as many ends.
    let block = cell.at_once();
    let reading = clock_reading();
    let started = Instant::now();
    for turn in 0u64.. {
        if started.elapsed() >= long {
            break;
        }
        // The clocks are read around each decision in every eighth turn for the spread, else around each block for
        // the rate. The rate is of the time that this thread had a core: others may want it too.
        let spread = turn.is_multiple_of(8);
        let before = bench.inputs;
        for ends in [false, true] {
            let from = on_core();
            for _ in 0..block {
                let from = spread.then(Instant::now);
                if !ends {
                    bench.arrive();
                } else if let Some(end) = bench.end() {
                    bench.handle(end);
                }
                if let Some(from) = from {
                    took.push(from.elapsed().as_nanos() as u32);
                }
            }
            let decided = on_core();
            bench.answer();
            if !spread {
                decisions += block;
                deciding += (decided - from).saturating_sub(reading);
                all += (on_core() - from).saturating_sub(2 * reading);
            }
        }
        if !spread {
            inputs += bench.inputs - before;
        }
    }
    let rate = |n: u64, time: Duration| n as f64 / time.as_secs_f64() / 1e6;
    took.sort_unstable();
    let at = |share: f64| quantile(&took, share).unwrap_or_default();
    println!(
        "| {} | {} | {} | {} | {:.2} | {:.2} | {:.2} | {} | {} | {:.0} | {per_agent} | {per_contact} |",
        thousands(cell.agents),
        cell.queues,
        cell.skills,
        thousands(cell.waiting),
        rate(decisions as u64, deciding),
        rate(decisions as u64, all),
        rate(inputs, all),
        at(0.5),
        at(0.99),
        f64::from(at(1.0)) / 1e3,
    );
    Ok(())
}

/// What a reading of [`on_core`] takes itself.
fn clock_reading() -> Duration {
    let readings = (0..1_000).map(|_| {
        let from = on_core();
        on_core() - from
    });
    readings.min().unwrap_or_default()
}

/// How long this thread has been on a core.
fn on_core() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::from_secs(time.tv_sec.unsigned_abs())
        + Duration::from_nanos(time.tv_nsec.unsigned_abs())
}

/// Pages are 4 KiB: of few things this says nothing.
fn per(bytes: usize, things: usize) -> String {
    if things >= 5_000 {
        (bytes / things).to_string()
    } else {
        String::new()
    }
}

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1).peekable();
    match arguments.peek().map(String::as_str) {
        Some("estimate") => return estimate::back_test(),
        Some("cell") => {
            let numbers: Result<Vec<f64>, _> = arguments.skip(1).map(|text| text.parse()).collect();
            let [seconds, agents, queues, skills, waiting] = numbers?[..] else {
                anyhow::bail!("cell SECONDS AGENTS QUEUES SKILLS WAITING");
            };
            let cell = Cell {
                agents: agents as usize,
                queues: queues as usize,
                skills: skills as usize,
                waiting: waiting as usize,
            };
            return run(&cell, Duration::from_secs_f64(seconds));
        }
        _ => {}
    }
    let seconds = arguments.next().unwrap_or_else(|| "0.5".into());
    println!(
        "| agents | queues | skills | waiting | decisions, M/s | with answers, M/s | inputs, M/s | p50, ns | p99, ns | max, µs | B an agent | B a contact |"
    );
    println!("|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|");
    let me = std::env::current_exe()?;
    let mut cells = Vec::new();
    for agents in [100, 1_000, 5_000, 10_000, 100_000] {
        for (queues, skills) in [(1, 1), (1, 64), (50, 1), (50, 64), (500, 1), (500, 64)] {
            for waiting in [0, 1_000, 100_000] {
                cells.push([agents, queues, skills, waiting].map(|n| n.to_string()));
            }
        }
    }
    // Of a machine that others use too, the fastest of several passes over the whole grid says what the core
    // takes: the passes of one cell lie a minute apart.
    let mut best: Vec<(f64, String)> = vec![(0.0, String::new()); cells.len()];
    for _ in 0..PASSES {
        for (cell, best) in cells.iter().zip(&mut best) {
            let run = Command::new(&me)
                .args(["cell", &seconds])
                .args(cell)
                .output()?;
            anyhow::ensure!(run.status.success(), "the cell {cell:?} broke off");
            let row = String::from_utf8(run.stdout)?;
            let rate = row
                .split('|')
                .nth(5)
                .and_then(|rate| rate.trim().parse().ok());
            let rate: f64 = rate.context("a row has its rate in the fifth place")?;
            if rate > best.0 {
                *best = (rate, row);
            }
        }
    }
    for (_, row) in best {
        print!("{row}");
    }
    Ok(())
}
