//! What Prometheus reads. Labels are queues, teams, kinds and hosts: bounded by the tenant,
//! never a contact.

use std::fmt::Write as _;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use trunkline_routing::{AgentState, CancelReason, Outcome, Output};

use crate::run::Decision;
use crate::state::{Directory, Stage};

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct QueueLabel {
    queue: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct QueueStage {
    queue: String,
    stage: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct TeamState {
    team: String,
    state: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabel {
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct HostLabel {
    host: String,
}

/// The engine's metrics.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    entries: Counter,
    refused: Counter,
    commit_seconds: Histogram,
    commit_entries: Histogram,
    wait_seconds: Family<QueueLabel, Histogram, fn() -> Histogram>,
    ended: Family<OutcomeLabel, Counter>,
    rona: Counter,
    contacts: Family<QueueStage, Gauge>,
    agents: Family<TeamState, Gauge>,
    media: Family<HostLabel, Gauge>,
    epoch: Gauge,
    config_changes: Counter,
}

fn waits() -> Histogram {
    Histogram::new([1.0, 5.0, 10.0, 15.0, 20.0, 30.0, 60.0, 120.0, 300.0, 900.0])
}

impl Default for Metrics {
    fn default() -> Self {
        let metrics = Self {
            registry: Registry::with_prefix("trunkline_engine"),
            entries: Counter::default(),
            refused: Counter::default(),
            commit_seconds: Histogram::new([
                0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 2.0,
            ]),
            commit_entries: Histogram::new([1.0, 2.0, 4.0, 8.0, 16.0, 64.0, 256.0]),
            wait_seconds: Family::new_with_constructor(waits),
            ended: Family::default(),
            rona: Counter::default(),
            contacts: Family::default(),
            agents: Family::default(),
            media: Family::default(),
            epoch: Gauge::default(),
            config_changes: Counter::default(),
        };
        metrics.registered()
    }
}

impl Metrics {
    fn registered(mut self) -> Self {
        let r = &mut self.registry;
        r.register("journal_entries", "Inputs journalled", self.entries.clone());
        r.register(
            "refused",
            "Inputs that the core would not have",
            self.refused.clone(),
        );
        r.register(
            "journal_commit_seconds",
            "From an input's taking until it was durable",
            self.commit_seconds.clone(),
        );
        r.register(
            "journal_commit_entries",
            "Inputs in one commit",
            self.commit_entries.clone(),
        );
        r.register(
            "answer_wait_seconds",
            "From entry to the queue until both legs were joined",
            self.wait_seconds.clone(),
        );
        r.register("contacts_ended", "Contacts by outcome", self.ended.clone());
        r.register("rona", "Offers that nobody answered", self.rona.clone());
        r.register("contacts", "Live contacts", self.contacts.clone());
        r.register("agents", "Agents by team and state", self.agents.clone());
        r.register(
            "media_host_up",
            "Whether a media host can be commanded",
            self.media.clone(),
        );
        r.register(
            "leader_epoch",
            "The epoch under which this engine leads; 0: it does not",
            self.epoch.clone(),
        );
        r.register(
            "config_changes",
            "Configurations taken up",
            self.config_changes.clone(),
        );
        self
    }

    pub(crate) fn committed(&self, entries: usize, took: Duration) {
        self.entries.inc_by(entries as u64);
        self.commit_entries.observe(entries as f64);
        self.commit_seconds.observe(took.as_secs_f64());
    }

    pub(crate) fn leads(&self, epoch: u64) {
        self.epoch.set(i64::try_from(epoch).unwrap_or(i64::MAX));
    }

    pub(crate) fn media_host(&self, host: &str, up: bool) {
        let label = HostLabel {
            host: host.to_owned(),
        };
        self.media.get_or_create(&label).set(i64::from(up));
    }

    pub(crate) fn decided(&self, decision: &Decision) {
        if matches!(decision.input, trunkline_routing::Input::Configure { .. }) {
            self.config_changes.inc();
        }
        for output in &decision.outputs {
            match output {
                Output::Refused { .. } => drop(self.refused.inc()),
                Output::CancelOffer {
                    why: CancelReason::Rona,
                    ..
                } => drop(self.rona.inc()),
                Output::Ended { outcome, .. } => {
                    let outcome = outcome_word(*outcome);
                    self.ended.get_or_create(&OutcomeLabel { outcome }).inc();
                }
                Output::Record(segment) => {
                    if let Some(answered) = segment.answered {
                        let queue = segment.queue.to_string();
                        self.wait_seconds
                            .get_or_create(&QueueLabel { queue })
                            .observe((answered - segment.entered).as_secs_f64());
                    }
                }
                _ => {}
            }
        }
    }

    /// Everything in the text format, the live counts as the directory has them.
    pub fn render(&self, directory: &Directory) -> String {
        self.contacts.clear();
        self.agents.clear();
        for live in directory.live.values() {
            let label = QueueStage {
                queue: live.queue.to_string(),
                stage: stage_word(&live.stage),
            };
            self.contacts.get_or_create(&label).inc();
        }
        for (agent, view) in &directory.agents {
            let team = directory
                .tenant
                .as_ref()
                .and_then(|tenant| tenant.agents.get(agent))
                .and_then(|agent| agent.team.as_ref())
                .map(ToString::to_string)
                .unwrap_or_default();
            let state = state_word(&view.state);
            self.agents.get_or_create(&TeamState { team, state }).inc();
        }
        let mut text = String::new();
        if encode(&mut text, &self.registry).is_err() {
            // Writing to a String does not fail; say so rather than nothing, if it ever does.
            let _ = writeln!(text, "# could not be encoded");
        }
        text
    }
}

fn outcome_word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Answered => "answered",
        Outcome::Abandoned => "abandoned",
        Outcome::Closed => "closed",
        Outcome::Callback => "callback",
        Outcome::Voicemail => "voicemail",
        Outcome::Dropped => "dropped",
        Outcome::Transferred => "transferred",
    }
}

fn stage_word(stage: &Stage) -> &'static str {
    match stage {
        Stage::Waiting => "waiting",
        Stage::Offered { .. } => "offered",
        Stage::Accepted { .. } => "accepted",
        Stage::Outside { .. } => "outside",
        Stage::Talking { .. } => "talking",
    }
}

fn state_word(state: &AgentState) -> &'static str {
    match state {
        AgentState::SignedOut => "signed-out",
        AgentState::NotReady { .. } => "not-ready",
        AgentState::Idle => "idle",
        AgentState::Offered => "offered",
        AgentState::Busy => "busy",
        AgentState::WrapUp { .. } => "wrap-up",
    }
}
