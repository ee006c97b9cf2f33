//! What a run takes and gives.

use std::collections::BTreeSet;
use std::sync::Arc;

use trunkline_routing::{Outcome, Span, Time};
use trunkline_tenant::crds::{AgentName, TeamName};
use trunkline_tenant::{QueueId, Tenant};

use super::demand::Laws;
use super::draw::Law;
use super::fleet::{Fleet, FleetFigures};
use super::rotas::{HeldBack, Rotas};
use super::runner::Runner;
use super::slices::Slices;
use super::summary::Summary;

/// One who calls.
#[derive(Clone, Debug, PartialEq)]
pub struct Contact {
    /// When, from the start of the run.
    pub at: Span,
    /// Where to.
    pub queue: QueueId,
    /// Talk and hold; `None`: drawn.
    pub handle: Option<Span>,
    /// How long they wait; `None`: drawn, or for ever.
    pub patience: Option<Option<Span>>,
    /// Minutes of age to begin with, beside the queue's.
    pub priority: i32,
    /// Who they are.
    pub customer: Option<String>,
    /// What is drawn for them is drawn by; `None`: what the [`Setup`] says.
    pub laws: Option<Arc<Laws>>,
    /// Their number, which their draws follow from; `None`: their place in the list.
    pub stream: Option<u64>,
}

impl Contact {
    /// Somebody of whom nothing more is known.
    pub fn new(at: Span, queue: QueueId) -> Self {
        Self {
            at,
            queue,
            handle: None,
            patience: None,
            priority: 0,
            customer: None,
            laws: None,
            stream: None,
        }
    }
}

/// When an agent is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Presence {
    /// Who.
    pub agent: AgentName,
    /// The team of one who is not listed by name.
    pub team: Option<TeamName>,
    /// From when.
    pub from: Span,
    /// Until when; `None`: to the end.
    pub to: Option<Span>,
}

/// Nobody calls again more often than this: with a share next to 1 and nobody to answer, a run
/// would hardly end.
pub const MOST_REDIALS: u32 = 100;

/// Those who gave up and call again, [`MOST_REDIALS`] times at most.
#[derive(Clone, Debug, PartialEq)]
pub struct Redial {
    /// Which share of them, each time, 0..1.
    pub share: f64,
    /// After how long.
    pub after: Law,
}

/// How the run goes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Setup {
    /// What is drawn is drawn from it.
    pub seed: u64,
    /// How long an agent takes to accept.
    pub ring: Span,
    /// For contacts without a handle time.
    pub handle: Option<Law>,
    /// For contacts without patience; `None`: they wait for ever.
    pub patience: Option<Law>,
    /// In place of what the teams declare.
    pub wrap_up: Option<Span>,
    /// The date of the start, where calendars, employment and training are to apply.
    pub start: Option<Time>,
    /// Who calls again after giving up: the same customer with the same work, and patience anew
    /// where it is drawn.
    pub redial: Option<Redial>,
    /// Where figures by stretch of time are wanted: the edges, ascending, from the start of the run.
    pub slices: Vec<Span>,
    /// Who is scheduled when, where breaks and ends of shifts are to be kept free (rule 12); see
    /// [`rotas`](super::rotas).
    pub rotas: Rotas,
}

/// What became of one who called. Times are from the start of the run.
#[derive(Clone, Debug, PartialEq)]
pub struct Fate {
    /// The last queue that they were in.
    pub queue: QueueId,
    /// When they came.
    pub at: Span,
    /// When they were answered.
    pub answered_at: Option<Span>,
    /// By whom.
    pub agent: Option<AgentName>,
    /// When they went; wrap-up excluded.
    pub ended_at: Option<Span>,
    /// `None`: still waiting when no event was left.
    pub outcome: Option<Outcome>,
    /// Which contact gave up before and calls again with this one.
    pub redial_of: Option<u32>,
}

/// What a run came to.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    /// By contact, in the order given; after them those who called again, as they did.
    pub fates: Vec<Fate>,
    /// Figures by queue and team.
    pub summary: Summary,
    /// Figures by stretch of time, where the setup asks for them.
    pub slices: Slices,
    /// What became of each fleet.
    pub fleets: Vec<FleetFigures>,
    /// Callers who would have called again once more than [`MOST_REDIALS`] times, and didn't.
    pub worn_out: u32,
    /// Why the core refused something, each reason once.
    pub refusals: BTreeSet<String>,
    /// Contacts that waited when they came because of somebody's break, in the order of time.
    pub held_back: Vec<HeldBack>,
}

/// Runs the tenant on these contacts until no event is left.
pub fn run(
    tenant: &Arc<Tenant>,
    contacts: &[Contact],
    presences: &[Presence],
    setup: &Setup,
) -> Run {
    run_with(tenant, contacts, presences, setup, &mut [])
}

/// As [`run`], with virtual teams that scale.
pub fn run_with(
    tenant: &Arc<Tenant>,
    contacts: &[Contact],
    presences: &[Presence],
    setup: &Setup,
    fleets: &mut [Fleet<'_>],
) -> Run {
    let mut runner = Runner::new(tenant, contacts, presences, setup, fleets);
    runner.go(tenant);
    runner.finish(tenant)
}
