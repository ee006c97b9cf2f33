//! The routing core alone: no journal, no I/O. Each cell has all agents signed in and so many
//! contacts waiting, and then, in turn, contacts arrive and conversations end. Each of those is a
//! decision: who is asked for the contact, or what the agent is asked for. The offers that follow are accepted and
//! joined; the rate is told without the time for that, and with it. Levels, wrap-up of zero, one strategy: what the
//! other systems' tables are of.
//!
//! `cargo run --release -p trunkline-bench-routing [-- SECONDS]`, one core, each cell in a process of
//! its own, so that its memory is its own, and told by the fastest of three passes; `-- estimate` is the back-test of estimated waits.

mod estimate;

use std::collections::VecDeque;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use trunkline_routing::{ContactId, Core, Input, OfferId, Options, Output, Time};
use trunkline_tenant::crds::AgentName;
use trunkline_tenant::{QueueId, Tenant, compile, manifest};

/// One team, one queue and one agent, from which the large tenant is copied.
const SEED: &str = "
apiVersion: trunkline.dev/v1alpha1
kind: CallCenter
metadata: {name: bench, namespace: bench}
spec:
  timeZone: UTC
  skills: [s0]
  teams: [{name: front, kind: Human}]
  queues: [{name: q, medium: Voice, teams: [front], route: [{require: {s0: 1}}], onExhausted: {action: Hold}}]
---
apiVersion: trunkline.dev/v1alpha1
kind: Agent
metadata: {name: a, namespace: bench}
spec: {callCenter: bench, team: front, skills: {s0: 1}}
";

/// So many different agents: real centres have tens to hundreds of profiles.
const PROFILES: usize = 200;

/// Each cell is measured so often, and its fastest told.
const PASSES: usize = 3;

struct Cell {
    agents: usize,
    queues: usize,
    skills: usize,
    waiting: usize,
}

fn tenant(cell: &Cell) -> Result<Arc<Tenant>> {
    let documents = manifest::read("seed.yaml", SEED)?.documents;
    let mut tenant = compile(&documents, None)
        .tenant
        .context("the seed compiles")?;
    let queue = tenant
        .queues
        .values()
        .next()
        .cloned()
        .context("the seed has a queue")?;
    let agent = tenant
        .agents
        .values()
        .next()
        .cloned()
        .context("the seed has an agent")?;
    tenant.queues.clear();
    tenant.agents.clear();
    let skill = |n: usize| format!("s{n}").as_str().into();
    for n in 0..cell.queues {
        let mut queue = queue.clone();
        queue.route[0].require.clear();
        let level = 1 + (n / cell.skills) as u8 % 3;
        queue.route[0].require.insert(skill(n % cell.skills), level);
        tenant
            .queues
            .insert(QueueId::centre(format!("q{n}").as_str()), queue);
    }
    for n in 0..cell.agents {
        let mut agent = agent.clone();
        agent.skills.clear();
        let profile = n % PROFILES;
        // A third of the skills each, no two profiles the same, at any level. Where one skill is all that is asked
        // for, everybody has it, at some level.
        let one_asked = cell.queues == 1 || cell.skills == 1;
        for s in 0..cell.skills {
            let drawn = scatter((profile * cell.skills + s) as u64);
            if drawn.is_multiple_of(3) || (one_asked && s == 0) {
                agent.skills.insert(skill(s), 1 + (drawn / 3 % 5) as u8);
            }
        }
        tenant
            .agents
            .insert(AgentName::new(format!("a{n:06}")), agent);
    }
    Ok(Arc::new(tenant))
}

/// A number that looks drawn at random, the same each time: the finaliser of SplitMix64 (Steele, Lea, Flood 2014).
fn scatter(n: u64) -> u64 {
    let n = n.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let n = (n ^ n >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let n = (n ^ n >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
    n ^ n >> 31
}

/// Resident memory in bytes.
fn resident() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = statm
        .split(' ')
        .nth(1)
        .and_then(|pages| pages.parse::<usize>().ok());
    pages.unwrap_or(0) * 4096
}

struct Bench {
    core: Core,
    out: Vec<Output>,
    now: i64,
    queues: Vec<QueueId>,
    next_id: u64,
    talking: VecDeque<ContactId>,
    offers: Vec<OfferId>,
    inputs: u64,
}

impl Bench {
    fn handle(&mut self, input: Input) {
        self.now += 7;
        self.inputs += 1;
        self.core.handle(Time(self.now), input, &mut self.out);
        for output in self.out.drain(..) {
            if let Output::Offer { offer, .. } = output {
                self.offers.push(offer);
            }
        }
    }
    fn arrive(&mut self) {
        let contact = ContactId(self.next_id);
        self.next_id += 1;
        // A multiplicative hash spreads arrivals over the queues.
        let at = (self.next_id.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 33) as usize;
        let queue = self.queues[at % self.queues.len()].clone();
        self.handle(Input::Arrive {
            contact,
            queue,
            since: None,
            priority: 0,
            customer: None,
            callable: true,
        });
    }
    fn answer(&mut self) {
        while let Some(offer) = self.offers.pop() {
            self.handle(Input::Accept { offer });
            self.handle(Input::Connected { offer });
            self.talking.push_back(offer.contact);
        }
    }
}

fn run(cell: &Cell, long: Duration) -> Result<()> {
    let tenant = tenant(cell)?;
    let mut bench = Bench {
        core: Core::new(Options {
            dates: false,
            ..Options::default()
        }),
        out: Vec::new(),
        now: 0,
        queues: tenant.queues.keys().cloned().collect(),
        next_id: 0,
        talking: VecDeque::new(),
        offers: Vec::new(),
        inputs: 0,
    };
    let names: Vec<AgentName> = tenant.agents.keys().cloned().collect();
    let before = resident();
    bench.handle(Input::Configure { tenant });
    for agent in names {
        bench.handle(Input::SignIn {
            agent,
            ready: true,
            team: None,
        });
    }
    let per_agent = per(resident().saturating_sub(before), cell.agents);
    // With callers waiting nobody is free; without, one agent in ten is.
    let busy = if cell.waiting > 0 {
        cell.agents
    } else {
        cell.agents * 9 / 10
    };
    while bench.talking.len() < busy && bench.next_id < 20 * cell.agents as u64 {
        bench.arrive();
        bench.answer();
    }
    let before = resident();
    let had = bench.core.contacts().len();
    while bench.core.contacts().len() < busy + cell.waiting {
        for _ in 0..(busy + cell.waiting - bench.core.contacts().len()) {
            bench.arrive();
            bench.answer();
        }
    }
    let more = bench.core.contacts().len().saturating_sub(had);
    let per_contact = per(resident().saturating_sub(before), more);

    let mut took: Vec<u32> = Vec::with_capacity(1 << 20);
    let (mut decisions, mut deciding, mut all) = (0, Duration::ZERO, Duration::ZERO);
    let mut inputs = 0;
    // As many arrivals in a row as there surely are agents for, then as many ends.
    let block = (cell.agents / 20).clamp(5, 100);
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
                } else if let Some(contact) = bench.talking.pop_front() {
                    bench.handle(Input::AgentDone { contact });
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
    let at = |share: f64| took[((took.len() - 1) as f64 * share) as usize];
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

fn thousands(n: usize) -> String {
    match n {
        1_000.. => format!("{},{:03}", n / 1_000, n % 1_000),
        n => n.to_string(),
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
