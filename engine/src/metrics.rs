//! What Prometheus reads. Labels are queues, teams, kinds and hosts: bounded by the tenant,
//! never a contact.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use trunkline_routing::metrics::Scope;
use trunkline_routing::{AgentState, CancelReason, Core, Output};
use trunkline_tenant::crds::ClientName;

use crate::figures::Figure;
use crate::run::Decision;
use crate::state::{Stage, State};

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
struct TeamLabel {
    team: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ClientLabel {
    client: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct QueueCount {
    queue: String,
    /// By the metric contract: offered, answered, abandoned, short, flowed-out, dropped.
    what: &'static str,
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
    today: Today,
}

type Level<L> = Family<L, Gauge<f64, AtomicU64>>;

/// The figures since midnight, by the metric contract: what a scrape finds is what the API says.
#[derive(Debug, Default)]
struct Today {
    counts: Family<QueueCount, Gauge>,
    queue_level: Level<QueueLabel>,
    client_level: Level<ClientLabel>,
    asa: Level<QueueLabel>,
    aht: Level<QueueLabel>,
    occupancy: Level<TeamLabel>,
    load: Level<TeamLabel>,
}

impl Today {
    fn register(&self, r: &mut Registry) {
        r.register(
            "queue_contacts_today",
            "Contacts of each queue since its midnight, by the metric contract",
            self.counts.clone(),
        );
        r.register(
            "queue_service_level",
            "Since midnight, by the queue's own formula, 0 to 1",
            self.queue_level.clone(),
        );
        r.register(
            "client_service_level",
            "Since the client's midnight, by its contract, 0 to 1",
            self.client_level.clone(),
        );
        r.register(
            "queue_asa_seconds",
            "Average speed of answer since midnight",
            self.asa.clone(),
        );
        r.register(
            "queue_aht_seconds",
            "Average handle time since midnight",
            self.aht.clone(),
        );
        r.register(
            "team_occupancy",
            "Contact time over contact and idle time since midnight, 0 to 1",
            self.occupancy.clone(),
        );
        r.register(
            "team_load",
            "Capacity in use over that of those who are signed in and ready, now, 0 to 1",
            self.load.clone(),
        );
    }

    fn set(&self, figures: &[Figure]) {
        self.counts.clear();
        self.queue_level.clear();
        self.client_level.clear();
        self.asa.clear();
        self.aht.clear();
        self.occupancy.clear();
        for figure in figures {
            match &figure.scope {
                Scope::Queue(queue) => self.set_queue(queue.to_string(), figure),
                Scope::Client(client) => {
                    let client = client
                        .as_ref()
                        .map_or("centre", ClientName::as_str)
                        .to_owned();
                    if let Some(level) = figure.service_level() {
                        let label = ClientLabel { client };
                        self.client_level.get_or_create(&label).set(level);
                    }
                }
                Scope::Team(team) => {
                    if let Some(occupancy) = figure.hours.and_then(|hours| hours.occupancy()) {
                        let team = team.to_string();
                        self.occupancy
                            .get_or_create(&TeamLabel { team })
                            .set(occupancy);
                    }
                }
                // An agent is no label: a large centre has thousands.
                Scope::Agent(_) => {}
            }
        }
    }

    fn set_queue(&self, queue: String, figure: &Figure) {
        let counts = &figure.counts;
        for (what, n) in [
            ("offered", counts.offered),
            ("answered", counts.answered),
            ("answered-within", counts.answered_within),
            ("abandoned", counts.abandoned),
            ("short-abandoned", counts.short_abandons),
            ("flowed-out", counts.flowed_out),
            ("called-back", counts.called_back),
            ("dropped", counts.dropped + counts.dropped_talking),
        ] {
            let queue = queue.clone();
            let n = i64::try_from(n).unwrap_or(i64::MAX);
            self.counts
                .get_or_create(&QueueCount { queue, what })
                .set(n);
        }
        let label = QueueLabel { queue };
        for (family, value) in [
            (&self.queue_level, figure.service_level()),
            (&self.asa, counts.asa()),
            (&self.aht, counts.aht()),
        ] {
            if let Some(value) = value {
                family.get_or_create(&label).set(value);
            }
        }
    }

    fn set_load(&self, core: &Core) {
        self.load.clear();
        let mut teams: BTreeMap<String, (u32, u32)> = BTreeMap::new();
        for view in core.agents() {
            let ready = !matches!(
                view.state,
                AgentState::SignedOut | AgentState::NotReady { .. }
            );
            if let Some(team) = view.team.filter(|_| ready) {
                let (used, capacity) = teams.entry(team.to_string()).or_default();
                *used += view.used;
                *capacity += view.capacity;
            }
        }
        for (team, (used, capacity)) in teams {
            let load = f64::from(used) / f64::from(capacity.max(1));
            self.load.get_or_create(&TeamLabel { team }).set(load);
        }
    }
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
            today: Today::default(),
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
        self.today.register(r);
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
                    let outcome = outcome.word();
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

    /// Everything in the text format: the live counts as the state has them, and the figures of today.
    pub fn render(&self, state: &State, today: &[Figure]) -> String {
        let directory = &state.directory;
        self.today.set(today);
        self.today.set_load(&state.core);
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

fn stage_word(stage: &Stage) -> &'static str {
    match stage {
        Stage::Waiting => "waiting",
        Stage::Offered { .. } => "offered",
        Stage::Accepted { .. } => "accepted",
        Stage::Outside { .. } => "outside",
        Stage::Away { .. } => "away",
        Stage::Later { .. } => "later",
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
