//! How often the true wait fell inside the interval that was announced: the back-test of
//! [`Core::estimate`]. Each waiting caller is told an estimate when they come and, as callers are
//! on the telephone, again every 30 s; each is compared with when they were answered. Callers who
//! gave up count where the estimate is proved wrong by their patience (they outwaited its upper
//! end); where it could still have been right it is not judged, and how many those are is told beside.
//! What is announced is the upper end, in whole minutes: how often that was kept is told too.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::sync::Arc;

use anyhow::{Context as _, Result};
use trunkline_routing::{ContactId, Core, Estimate, Input, Options, Output, Span, Time};
use trunkline_tenant::{Tenant, compile, manifest};

/// Callers hear it again this often.
const AGAIN: Span = Span::seconds(30);
const HOURS: i64 = 60;
const MINUTE: Span = Span::seconds(60);
/// As the engine: of a wait that may take longer nothing is announced.
const LONGEST: Span = Span::seconds(3600);

/// A centre and its load.
struct Scene {
    name: &'static str,
    agents: usize,
    queues: usize,
    /// Offered load over agents.
    load: f64,
    handle: Law,
    /// Mean patience, seconds.
    patience: f64,
    /// The load swings by this share over four hours.
    swing: f64,
}

#[derive(Clone, Copy)]
enum Law {
    Exponential(f64),
    /// Median and σ of the logarithm: handle times of real centres look like it.
    LogNormal(f64, f64),
}

const SCENES: [Scene; 7] = [
    Scene {
        name: "10 agents, overload",
        agents: 10,
        queues: 1,
        load: 1.15,
        handle: Law::Exponential(180.0),
        patience: 600.0,
        swing: 0.0,
    },
    Scene {
        name: "10 agents, lognormal",
        agents: 10,
        queues: 1,
        load: 1.15,
        handle: Law::LogNormal(150.0, 0.8),
        patience: 600.0,
        swing: 0.0,
    },
    Scene {
        name: "10 agents, at the limit",
        agents: 10,
        queues: 1,
        load: 0.95,
        handle: Law::LogNormal(150.0, 0.8),
        patience: 300.0,
        swing: 0.0,
    },
    Scene {
        name: "50 agents, overload",
        agents: 50,
        queues: 1,
        load: 1.1,
        handle: Law::LogNormal(150.0, 0.8),
        patience: 600.0,
        swing: 0.0,
    },
    Scene {
        name: "50 agents, day swing",
        agents: 50,
        queues: 1,
        load: 1.0,
        handle: Law::LogNormal(150.0, 0.8),
        patience: 600.0,
        swing: 0.3,
    },
    Scene {
        name: "20 agents, 3 queues share",
        agents: 20,
        queues: 3,
        load: 1.1,
        handle: Law::LogNormal(150.0, 0.8),
        patience: 600.0,
        swing: 0.0,
    },
    Scene {
        name: "200 agents, 3 queues, swing",
        agents: 200,
        queues: 3,
        load: 1.0,
        handle: Law::LogNormal(150.0, 0.8),
        patience: 300.0,
        swing: 0.2,
    },
];

/// SplitMix64: the same callers on each machine.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }
    fn exponential(&mut self, mean: f64) -> f64 {
        -mean * (1.0 - self.next()).ln()
    }
    fn draw(&mut self, law: Law) -> f64 {
        match law {
            Law::Exponential(mean) => self.exponential(mean),
            Law::LogNormal(median, sigma) => {
                // Box and Muller.
                let radius = (-2.0 * (1.0 - self.next()).ln()).sqrt();
                let normal = radius * (std::f64::consts::TAU * self.next()).cos();
                median * (sigma * normal).exp()
            }
        }
    }
}

impl Law {
    fn mean(self) -> f64 {
        match self {
            Self::Exponential(mean) => mean,
            Self::LogNormal(median, sigma) => median * (sigma * sigma / 2.0).exp(),
        }
    }
}

fn tenant(scene: &Scene) -> Result<Arc<Tenant>> {
    let queues: Vec<String> = (0..scene.queues)
        .map(|n| {
            format!("{{name: q{n}, medium: Voice, teams: [front], onExhausted: {{action: Hold}}}}")
        })
        .collect();
    let mut text = format!(
        "apiVersion: trunkline.dev/v1alpha1\nkind: CallCenter\nmetadata: {{name: bench, namespace: bench}}\n\
         spec: {{timeZone: UTC, teams: [{{name: front, kind: Human}}], queues: [{}]}}\n",
        queues.join(", ")
    );
    for n in 0..scene.agents {
        text += &format!(
            "---\napiVersion: trunkline.dev/v1alpha1\nkind: Agent\nmetadata: {{name: a{n}, namespace: bench}}\n\
             spec: {{callCenter: bench, team: front}}\n"
        );
    }
    let documents = manifest::read("scene.yaml", &text)?.documents;
    let tenant = compile(&documents, None).tenant.context("it compiles")?;
    Ok(Arc::new(tenant))
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Arrive,
    Done(u64),
    GiveUp(u64),
    Ask(u64),
}

/// What came of the estimates.
#[derive(Default)]
struct Tally {
    inside: u64,
    below: u64,
    above: u64,
    unknown: u64,
    /// Waits told to callers who gave up before they could be proved wrong, and those of these callers of whom
    /// nothing was judged.
    unjudged: u64,
    unjudged_callers: u64,
    /// Of what was announced and can be judged: kept, and not.
    kept: u64,
    broken: u64,
    /// Σ of interval widths over the true wait.
    width: f64,
    errors: Vec<f64>,
}

struct Run<'a> {
    scene: &'a Scene,
    core: Core,
    dice: Dice,
    events: BinaryHeap<Reverse<(i64, Event)>>,
    told: BTreeMap<u64, Vec<(Time, Estimate)>>,
    unknown: u64,
    next: u64,
    tally: Tally,
}

fn seconds(s: f64) -> i64 {
    (s * 1e6) as i64
}

impl Run<'_> {
    fn handle(&mut self, now: i64, input: Input) {
        let mut out = Vec::new();
        self.core.handle(Time(now), input, &mut out);
        let mut at = 0;
        while at < out.len() {
            match out[at].clone() {
                Output::Offer { offer, .. } => {
                    self.core
                        .handle(Time(now), Input::Accept { offer }, &mut out);
                    self.core
                        .handle(Time(now), Input::Connected { offer }, &mut out);
                }
                Output::Answered { contact, .. } => self.answered(now, contact.0),
                _ => {}
            }
            at += 1;
        }
    }

    fn answered(&mut self, now: i64, id: u64) {
        let talk = self.dice.draw(self.scene.handle);
        self.events
            .push(Reverse((now + seconds(talk), Event::Done(id))));
        for (at, estimate) in self.told.remove(&id).unwrap_or_default() {
            let wait = Time(now) - at;
            self.judge(wait, &estimate, true);
            self.judge_announced(wait, &estimate, true);
        }
    }

    /// "Less than so many minutes", rounded up from the upper end.
    fn judge_announced(&mut self, wait: Span, estimate: &Estimate, answered: bool) {
        if estimate.high > LONGEST {
            return;
        }
        let minutes = ((estimate.high.0.max(0) + MINUTE.0 - 1) / MINUTE.0).max(1);
        if wait.0 > minutes * MINUTE.0 {
            self.tally.broken += 1;
        } else if answered {
            self.tally.kept += 1;
        }
    }

    fn judge(&mut self, wait: Span, estimate: &Estimate, answered: bool) {
        if wait > estimate.high {
            self.tally.above += 1;
        } else if answered && wait < estimate.low {
            self.tally.below += 1;
        } else if answered {
            self.tally.inside += 1;
        } else {
            self.tally.unjudged += 1;
        }
        if answered {
            let width = (estimate.high.0 - estimate.low.0) as f64;
            self.tally.width += width / (wait.0 as f64).max(1e6);
            self.tally
                .errors
                .push(estimate.likely.0 as f64 / (wait.0 as f64).max(1e6));
        }
    }

    fn ask(&mut self, now: i64, id: u64) {
        match self.core.estimate(ContactId(id)) {
            Some(estimate) => self.told.entry(id).or_default().push((Time(now), estimate)),
            None if self.core.position(ContactId(id)).is_some() => self.unknown += 1,
            None => return,
        }
        self.events.push(Reverse((now + AGAIN.0, Event::Ask(id))));
    }

    fn waits(&self, id: u64) -> bool {
        self.core.position(ContactId(id)).is_some()
    }

    fn event(&mut self, now: i64, event: Event) -> Result<()> {
        match event {
            Event::Arrive => {
                let id = self.next;
                self.next += 1;
                let queue = (self.dice.next() * self.scene.queues as f64) as usize;
                self.handle(
                    now,
                    Input::Arrive {
                        contact: ContactId(id),
                        queue: format!("q{queue}").parse()?,
                        since: None,
                        priority: 0,
                        customer: None,
                        callable: true,
                    },
                );
                if self.waits(id) {
                    self.ask(now, id);
                    let patience = self.dice.exponential(self.scene.patience);
                    self.events
                        .push(Reverse((now + seconds(patience), Event::GiveUp(id))));
                }
                let hours = now as f64 / 3.6e9;
                let swing = 1.0 + self.scene.swing * (std::f64::consts::TAU * hours / 4.0).sin();
                let mean = self.scene.handle.mean();
                let rate = self.scene.load * swing * self.scene.agents as f64 / mean;
                let gap = self.dice.exponential(1.0 / rate);
                self.events
                    .push(Reverse((now + seconds(gap), Event::Arrive)));
            }
            Event::Done(id) => {
                let contact = ContactId(id);
                self.handle(now, Input::AgentDone { contact });
            }
            Event::GiveUp(id) if self.waits(id) => {
                let told = self.told.remove(&id).unwrap_or_default();
                let before = self.tally.unjudged;
                for (at, estimate) in &told {
                    self.judge(Time(now) - *at, estimate, false);
                    self.judge_announced(Time(now) - *at, estimate, false);
                }
                let unjudged = self.tally.unjudged - before;
                let whole = unjudged > 0 && unjudged == told.len() as u64;
                self.tally.unjudged_callers += u64::from(whole);
                let contact = ContactId(id);
                self.handle(now, Input::CustomerGone { contact });
            }
            Event::Ask(id) if self.waits(id) => self.ask(now, id),
            Event::GiveUp(_) | Event::Ask(_) => {}
        }
        Ok(())
    }
}

fn run(scene: &Scene) -> Result<(Tally, u64)> {
    let mut run = Run {
        scene,
        core: Core::new(Options {
            dates: false,
            ..Options::default()
        }),
        dice: Dice(7),
        events: BinaryHeap::from([Reverse((1, Event::Arrive))]),
        told: BTreeMap::new(),
        unknown: 0,
        next: 1,
        tally: Tally::default(),
    };
    let tenant = tenant(scene)?;
    let names: Vec<_> = tenant.agents.keys().cloned().collect();
    run.handle(0, Input::Configure { tenant });
    for agent in names {
        run.handle(
            0,
            Input::SignIn {
                agent,
                ready: true,
                team: None,
            },
        );
    }
    while let Some(Reverse((now, event))) = run.events.pop() {
        if now > HOURS * 3_600_000_000 {
            break;
        }
        run.event(now, event)?;
    }
    run.tally.unknown = run.unknown;
    Ok((run.tally, run.next))
}

/// Prints the table.
pub fn back_test() -> Result<()> {
    println!(
        "{:<30}{:>9}{:>9}{:>9}{:>9}{:>9}{:>11}{:>11}{:>11}{:>11}{:>11}",
        "scene",
        "told",
        "inside",
        "shorter",
        "longer",
        "unknown",
        "likely/true",
        "width/true",
        "announced",
        "unjudged",
        "of callers"
    );
    for scene in &SCENES {
        let (mut tally, _) = run(scene)?;
        let told = (tally.inside + tally.below + tally.above).max(1);
        let percent = |n: u64| format!("{:.1} %", n as f64 * 100.0 / told as f64);
        let announced = (tally.kept + tally.broken).max(1);
        let kept = tally.kept as f64 * 100.0 / announced as f64;
        tally.errors.sort_unstable_by(f64::total_cmp);
        let answered = tally.errors.len().max(1);
        println!(
            "{:<30}{:>9}{:>9}{:>9}{:>9}{:>9}{:>11.2}{:>11.2}{:>11}{:>11}{:>11}",
            scene.name,
            told,
            percent(tally.inside),
            percent(tally.below),
            percent(tally.above),
            tally.unknown,
            tally.errors.get(answered / 2).copied().unwrap_or_default(),
            tally.width / answered as f64,
            format!("{kept:.1} %"),
            tally.unjudged,
            tally.unjudged_callers,
        );
    }
    Ok(())
}
