//! A site: its size, its pods' start-up, its tenant; a day there under a rule, and the score.

use std::sync::Arc;

use anyhow::{Context as _, Result};
use trunkline_routing::{Outcome, Span};
use trunkline_tenant::{QueueId, Tenant, compile, manifest};
use trunkline_workforce::erlang::{Bounds, Callers, Formula, Horizons, Queue, least_agents};
use trunkline_workforce::simulate::{Fleet, Law, Removal, Setup, Sight, run_with};

use crate::days::{Calls, HALF_HOUR, HALF_HOURS};
use crate::rivals::Scale;

/// Pods at most, as the documents' team has it. A rule that takes its own orders for demand
/// would double them every 15 s otherwise.
const MOST_PODS: u32 = 400;

const DOCUMENTS: &str = "
apiVersion: trunkline.dev/v1alpha1
kind: CallCenter
metadata: {name: bench, namespace: bench}
spec:
  timeZone: UTC
  teams:
    - {name: bots, kind: Virtual, media: {voice: 1}, virtual: {image: registry.example/bot, contactsPerPod: 1, minPods: 0, maxPods: 400}}
  queues:
    - {name: desk, medium: Voice, teams: [bots], onExhausted: {action: Hold}, serviceLevel: {percent: 80, within: 20s, formula: AllOffered}}
";

pub const AHT: f64 = 240.0;
pub const PATIENCE: f64 = 120.0;
pub const WITHIN: f64 = 20.0;
pub const TARGET: f64 = 0.8;
/// Of a lognormal with a coefficient of variation of 1.2: ln(1 + 1.2²), rooted.
const SIGMA: f64 = 0.944_5;

/// When the last five minutes of arrivals are over.
const END: i64 = 169 * 300;

pub fn queue() -> QueueId {
    QueueId::centre("desk")
}

pub fn tenant() -> Result<Arc<Tenant>> {
    let documents = manifest::read("bench.yaml", DOCUMENTS)?.documents;
    let compiled = compile(&documents, None);
    let findings: Vec<String> = compiled
        .findings
        .iter()
        .map(|one| one.message.clone())
        .collect();
    let tenant = compiled.tenant.with_context(|| findings.join("; "))?;
    Ok(Arc::new(tenant))
}

/// What a day, or several, came to.
#[derive(Clone, Copy, Default)]
pub struct Score {
    pub days: f64,
    pub half_hours: f64,
    pub met: f64,
    pub offered: f64,
    pub abandoned: f64,
    pub paid_hours: f64,
    pub changes: f64,
    /// Pods with a contact in hand among those taken away, had victims been picked blindly.
    pub hit: f64,
    pub cut: f64,
}

impl Score {
    pub fn plus(self, other: Self) -> Self {
        Self {
            days: self.days + other.days,
            half_hours: self.half_hours + other.half_hours,
            met: self.met + other.met,
            offered: self.offered + other.offered,
            abandoned: self.abandoned + other.abandoned,
            paid_hours: self.paid_hours + other.paid_hours,
            changes: self.changes + other.changes,
            hit: self.hit + other.hit,
            cut: self.cut + other.cut,
        }
    }

    pub fn met_share(&self) -> f64 {
        self.met / self.half_hours.max(1.0)
    }

    pub fn hours(&self) -> f64 {
        self.paid_hours / self.days.max(1.0)
    }
}

/// The pods that a load given in erlangs wants, as the formula has it: what everybody opens with.
pub fn opening(load: f64) -> u32 {
    let queue = Queue {
        load: load.max(0.01).into(),
        aht: AHT,
        callers: Callers::Impatient(PATIENCE),
    };
    let bounds = Bounds {
        service_level: Some((Formula::AllOffered, TARGET)),
        ..Bounds::default()
    };
    let horizons = Horizons {
        within: Some(WITHIN),
        short: None,
    };
    least_agents(&queue, 0.0, &bounds, horizons).map_or(1, |agents| agents as u32)
}

/// A day under a rule.
pub fn day(
    tenant: &Arc<Tenant>,
    calls: &Calls,
    start_up: f64,
    tick: i64,
    initial: u32,
    rule: &mut dyn Scale,
) -> Score {
    let contacts = calls.contacts(&queue(), 1);
    let setup = Setup {
        seed: 1 ^ calls.date.0 as u64,
        ring: Span(0),
        handle: Some(Law::Lognormal {
            mean: AHT,
            sigma: SIGMA,
        }),
        patience: Some(Law::Exponential(PATIENCE)),
        wrap_up: None,
        start: None,
        redial: None,
        rotas: trunkline_workforce::simulate::Rotas::new(),
        slices: Vec::new(),
    };
    let fleet = Fleet {
        team: "bots".into(),
        policy: Box::new(|sight: &Sight| rule.pods(sight).min(MOST_PODS)),
        tick: Span(tick * 1_000_000),
        until: Span(END * 1_000_000),
        start_up: Span((start_up * 1e6) as i64),
        per_pod: 1,
        at_start: initial,
        removal: Removal::IdleFirst,
        lifetime: None,
    };
    let run = run_with(tenant, &contacts, &[], &setup, &mut [fleet]);
    let pods = run.fleets.first().cloned().unwrap_or_default();

    let mut offered = [0.0; HALF_HOURS];
    let mut good = [0.0; HALF_HOURS];
    for fate in &run.fates {
        let half_hour = (fate.at.as_secs_f64() / HALF_HOUR) as usize;
        if half_hour < HALF_HOURS {
            let within = fate
                .answered_at
                .is_some_and(|at| at.as_secs_f64() - fate.at.as_secs_f64() <= WITHIN);
            offered[half_hour] += 1.0;
            good[half_hour] += f64::from(u8::from(within));
        }
    }
    let judged = offered
        .iter()
        .zip(&good)
        .filter(|(offered, _)| **offered > 0.0);
    let met = judged
        .clone()
        .filter(|(offered, good)| **good >= TARGET * **offered);
    let hit = pods
        .changes
        .iter()
        .filter(|change| change.to < change.from)
        .map(|change| {
            let (busy, free) = (f64::from(change.busy), f64::from(change.idle));
            f64::from(change.from - change.to) * busy / (busy + free).max(1.0)
        });
    let abandoned = run
        .fates
        .iter()
        .filter(|fate| fate.outcome == Some(Outcome::Abandoned));
    Score {
        days: 1.0,
        half_hours: judged.count() as f64,
        met: met.count() as f64,
        offered: run.fates.len() as f64,
        abandoned: abandoned.count() as f64,
        paid_hours: pods.pod_hours,
        changes: pods.changes.len() as f64,
        hit: hit.sum(),
        cut: f64::from(pods.cut),
    }
}
