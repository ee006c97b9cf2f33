//! What Prometheus reads. Labels are queues, clients, teams, kinds and hosts, bounded by the tenant, and agents up to
//! a bound of their own; never a contact.

mod agents;

use std::fmt::{Debug, Write as _};
use std::hash::Hash;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use trunkline_routing::metrics::{Counts, Kept, Scope};
use trunkline_routing::{AgentState, CancelReason, Output, StretchKind};
use trunkline_tenant::crds::ClientName;

use self::agents::Agents;
use crate::figures::Figure;
use crate::run::Decision;
use crate::state::State;

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
struct TeamPlan {
    team: String,
    /// `as-planned` or `as-amended`.
    plan: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ClientLabel {
    client: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct QueueCount {
    queue: String,
    /// By the metric contract: see [`counts`].
    what: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ClientCount {
    client: String,
    what: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct TeamCount {
    team: String,
    /// `answered` or `handled`.
    what: &'static str,
}

/// What those who answer are counted by: who is being talked with is answered, and not handled yet.
fn work(of: &Counts) -> [(&'static str, u64); 2] {
    [("answered", of.answered), ("handled", of.handled)]
}

/// What the six formulas are made of, each by its name, and what AHT is over. Of these answered, abandoned,
/// flowed-out, dropped and waiting make up offered.
fn counts(of: &Counts) -> [(&'static str, u64); 13] {
    [
        ("offered", of.offered),
        ("answered", of.answered),
        ("answered-within", of.answered_within),
        ("abandoned", of.abandoned),
        ("abandoned-within", of.abandoned_within),
        ("short-abandoned", of.short_abandons),
        ("flowed-out", of.flowed_out),
        ("callback-within", of.callbacks_within),
        ("dropped", of.dropped),
        ("dropped-talking", of.dropped_talking),
        ("called-back", of.called_back),
        ("waiting", of.waiting),
        ("handled", of.handled),
    ]
}

/// Adherence by both readings, each by its name, where anything was planned.
fn adherence(figure: &Figure) -> impl Iterator<Item = (&'static str, f64)> {
    let adherence = figure.adherence.unwrap_or_default();
    let readings = [
        ("as-planned", adherence.as_planned),
        ("as-amended", adherence.as_amended),
    ];
    let ratio = |(plan, kept): (_, Kept)| Some((plan, kept.ratio()?));
    readings.into_iter().filter_map(ratio)
}

fn whole(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
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

/// ASA and AHT since midnight, of each that has such a label.
#[derive(Debug)]
struct Averages<L> {
    asa: Level<L>,
    aht: Level<L>,
}

impl<L: Clone + Eq + Hash> Default for Averages<L> {
    fn default() -> Self {
        Self {
            asa: Family::default(),
            aht: Family::default(),
        }
    }
}

impl<L: Label> Averages<L> {
    fn register(&self, of: &str, r: &mut Registry) {
        r.register(
            format!("{of}_asa_seconds"),
            "Average speed of answer since midnight: wait of those answered over their number, ring time in it",
            self.asa.clone(),
        );
        r.register(
            format!("{of}_aht_seconds"),
            "Average handle time since midnight: talk, hold and wrap-up over those handled",
            self.aht.clone(),
        );
    }

    fn clear(&self) {
        self.asa.clear();
        self.aht.clear();
    }

    /// Of whom there is nothing yet there is no series.
    fn set(&self, label: &L, of: &Counts) {
        for (family, value) in [(&self.asa, of.asa()), (&self.aht, of.aht())] {
            if let Some(value) = value {
                family.get_or_create(label).set(value);
            }
        }
    }
}

/// What a family can be told apart by.
trait Label: EncodeLabelSet + Clone + Eq + Hash + Debug + Send + Sync + 'static {}
impl<L: EncodeLabelSet + Clone + Eq + Hash + Debug + Send + Sync + 'static> Label for L {}

/// The figures since midnight, by the metric contract: what a scrape finds is what the API says.
#[derive(Debug, Default)]
struct Today {
    counts: Family<QueueCount, Gauge>,
    client_counts: Family<ClientCount, Gauge>,
    queue_level: Level<QueueLabel>,
    client_level: Level<ClientLabel>,
    queues: Averages<QueueLabel>,
    clients: Averages<ClientLabel>,
    teams: Averages<TeamLabel>,
    team_counts: Family<TeamCount, Gauge>,
    occupancy: Level<TeamLabel>,
    load: Level<TeamLabel>,
    adherence: Level<TeamPlan>,
    agents: Agents,
}

impl Today {
    fn register(&self, r: &mut Registry) {
        r.register(
            "queue_contacts_today",
            "Contacts of each queue since its midnight, by the metric contract",
            self.counts.clone(),
        );
        r.register(
            "client_contacts_today",
            "Contacts of each client since its midnight, by the metric contract",
            self.client_counts.clone(),
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
        self.queues.register("queue", r);
        self.clients.register("client", r);
        self.teams.register("team", r);
        r.register(
            "team_contacts_today",
            "Contacts that each team's agents answered since midnight, and those of them that are over",
            self.team_counts.clone(),
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
        r.register(
            "team_adherence",
            "Planned time that was kept over planned time since midnight, against the rotas as they stood \
             and as amended, 0 to 1",
            self.adherence.clone(),
        );
        self.agents.register(r);
    }

    fn set(&self, figures: &[Figure]) {
        self.counts.clear();
        self.client_counts.clear();
        self.queue_level.clear();
        self.client_level.clear();
        self.queues.clear();
        self.clients.clear();
        self.teams.clear();
        self.team_counts.clear();
        self.occupancy.clear();
        self.load.clear();
        self.adherence.clear();
        self.agents.set(figures);
        for figure in figures {
            match &figure.scope {
                Scope::Queue(queue) => self.set_queue(queue.to_string(), figure),
                Scope::Client(client) => {
                    let client = client
                        .as_ref()
                        .map_or("centre", ClientName::as_str)
                        .to_owned();
                    for (what, n) in counts(&figure.counts) {
                        let client = client.clone();
                        let label = ClientCount { client, what };
                        self.client_counts.get_or_create(&label).set(whole(n));
                    }
                    let label = ClientLabel { client };
                    if let Some(level) = figure.service_level() {
                        self.client_level.get_or_create(&label).set(level);
                    }
                    self.clients.set(&label, &figure.counts);
                }
                Scope::Team(team) => {
                    let team = team.to_string();
                    for (what, n) in work(&figure.counts) {
                        let team = team.clone();
                        let label = TeamCount { team, what };
                        self.team_counts.get_or_create(&label).set(whole(n));
                    }
                    let label = TeamLabel { team };
                    self.teams.set(&label, &figure.counts);
                    let occupancy = figure.hours.and_then(|hours| hours.occupancy());
                    for (family, value) in [(&self.occupancy, occupancy), (&self.load, figure.load)]
                    {
                        if let Some(value) = value {
                            family.get_or_create(&label).set(value);
                        }
                    }
                    self.set_adherence(&label.team, figure);
                }
                // All at once, for they are bounded together.
                Scope::Agent(_) => {}
            }
        }
    }

    fn set_adherence(&self, team: &str, figure: &Figure) {
        for (plan, ratio) in adherence(figure) {
            let team = team.to_owned();
            let label = TeamPlan { team, plan };
            self.adherence.get_or_create(&label).set(ratio);
        }
    }

    fn set_queue(&self, queue: String, figure: &Figure) {
        for (what, n) in counts(&figure.counts) {
            let queue = queue.clone();
            let label = QueueCount { queue, what };
            self.counts.get_or_create(&label).set(whole(n));
        }
        let label = QueueLabel { queue };
        if let Some(level) = figure.service_level() {
            self.queue_level.get_or_create(&label).set(level);
        }
        self.queues.set(&label, &figure.counts);
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
        self.epoch.set(whole(epoch));
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
                    // A consult, a callback's work, a later stretch: nobody waited in line for these.
                    let waited = segment.kind == StretchKind::Plain && !segment.again;
                    if let Some(answered) = segment.answered.filter(|_| waited) {
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
        self.contacts.clear();
        self.agents.clear();
        for live in directory.live.values() {
            let label = QueueStage {
                queue: live.queue.to_string(),
                stage: live.stage.word(),
            };
            self.contacts.get_or_create(&label).inc();
        }
        for (agent, view) in &directory.agents {
            let team = state.core.team_of(agent);
            let team = team.map(ToString::to_string).unwrap_or_default();
            let label = TeamState {
                team,
                state: state_word(&view.state),
            };
            self.agents.get_or_create(&label).inc();
        }
        let mut text = String::new();
        if encode(&mut text, &self.registry).is_err() {
            // Writing to a String does not fail; say so rather than nothing, if it ever does.
            let _ = writeln!(text, "# could not be encoded");
        }
        text
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

#[cfg(test)]
mod tests {
    use trunkline_routing::{ContactId, Input, Segment};

    use super::*;
    use crate::figures::Figures;
    use crate::journal::{Actor, Context, Seq};
    use crate::testing::{Replay, small_tenant};

    #[test]
    fn queues_clients_teams_and_agents_read_as_the_figures_of_today_and_no_contact_is_a_label() {
        let mut tenant = serde_json::to_value(small_tenant()).unwrap();
        tenant["clients"]["acme"]["contract"] = serde_json::json!({
            "from": null,
            "serviceLevel": {"percent": 80.0, "within": "5s", "formula": "AllOffered"},
        });
        let mut centre = Replay::of(serde_json::from_value(tenant).unwrap());
        let ten = 36_000;
        let shift = (ten - 100, ten + 1000);
        centre.rota(ten - 200, "maria", shift, (ten + 290, ten + 320));
        centre.sign_in(ten, "maria");
        centre.arrive(ten + 100, 41, "acme/orders");
        centre.answer(ten + 110, 41);
        centre.arrive(ten + 120, 42, "acme/orders");
        centre.done(ten + 200, 41);
        centre.answer(ten + 205, 42);
        centre.arrive(ten + 210, 43, "acme/orders");
        centre.rota(ten + 250, "maria", shift, (ten - 100, ten));
        let now = centre.second(ten + 300);
        let mut figures = Figures::default();
        figures.add(&centre.rows, centre.tenant());
        let today = figures.today(&centre.state, now);
        let text = Metrics::default().render(&centre.state, &today);
        let has = |line: &str| {
            let line = format!("trunkline_engine_{line}");
            assert!(text.lines().any(|it| it == line), "{line}\n{text}");
        };
        let counted = |what: &str, n: u32| {
            has(&format!(
                r#"queue_contacts_today{{queue="acme/orders",what="{what}"}} {n}"#
            ));
        };
        counted("offered", 3);
        counted("answered", 2);
        counted("waiting", 1);
        counted("abandoned", 0);
        // 41 is over, and 42 is talked with.
        counted("handled", 1);
        // One of two within 20 s; for the client one of two within 5.
        counted("answered-within", 1);
        has(r#"queue_service_level{queue="acme/orders"} 0.5"#);
        has(r#"client_service_level{client="acme"} 0.0"#);
        // (10 + 85) / 2; 90 of talk and 1 of wrap-up.
        has(r#"queue_asa_seconds{queue="acme/orders"} 47.5"#);
        has(r#"queue_aht_seconds{queue="acme/orders"} 91.0"#);
        for of in [
            r#"client_asa_seconds{client="acme"}"#,
            r#"team_asa_seconds{team="frontline"}"#,
            r#"agent_asa_seconds{agent="maria"}"#,
        ] {
            has(&format!("{of} 47.5"));
            has(&format!("{} 91.0", of.replace("asa", "aht")));
        }
        has(r#"team_contacts_today{team="frontline",what="answered"} 2"#);
        has(r#"team_contacts_today{team="frontline",what="handled"} 1"#);
        // Idle 100; with contacts 90 + 1 and 95; asked for 10 and 4.
        has(&format!(
            r#"team_occupancy{{team="frontline"}} {}"#,
            186.0 / 286.0
        ));
        // Of 400 s she was there for 300, and is excused for the hundred before.
        has(r#"team_adherence{team="frontline",plan="as-planned"} 0.75"#);
        has(r#"team_adherence{team="frontline",plan="as-amended"} 1.0"#);
        has(&format!(r#"team_load{{team="frontline"}} {}"#, 1.0 / 9.0));
        // She is the team's only one today: 41 is over, 42 is not.
        has(r#"agent_contacts_today{agent="maria",what="answered"} 2"#);
        has(r#"agent_contacts_today{agent="maria",what="handled"} 1"#);
        has(&format!(
            r#"agent_occupancy{{agent="maria"}} {}"#,
            186.0 / 286.0
        ));
        has(&format!(r#"agent_load{{agent="maria"}} {}"#, 1.0 / 9.0));
        has(r#"agent_adherence{agent="maria",plan="as-planned"} 0.75"#);
        has(r#"agent_adherence{agent="maria",plan="as-amended"} 1.0"#);
        has("agents_left_out 0");
        has(r#"contacts{queue="acme/orders",stage="waiting"} 1"#);
        has(r#"contacts{queue="acme/orders",stage="talking"} 1"#);
        has(r#"agents{team="frontline",state="busy"} 1"#);
        has(r#"client_contacts_today{client="acme",what="offered"} 3"#);
        has(r#"client_contacts_today{client="acme",what="answered-within"} 0"#);
        has(r#"client_contacts_today{client="acme",what="handled"} 1"#);
        for never in ["41", "42", "43"] {
            let labels = text.lines().filter_map(|line| line.split('{').nth(1));
            let mut labels = labels.filter_map(|rest| rest.split('}').next());
            assert!(labels.all(|labels| !labels.contains(never)), "{never}");
        }
    }

    #[test]
    fn who_is_lost_in_conversation_is_among_the_answered_and_no_part_of_the_offered_beside_them() {
        let mut centre = Replay::new();
        let ten = 36_000;
        centre.sign_in(ten, "maria");
        centre.arrive(ten + 100, 1, "acme/orders");
        centre.answer(ten + 110, 1);
        let lost = |contact| Input::Dropped {
            contact: ContactId(contact),
            cause: "its media pod died".into(),
        };
        centre.at(ten + 150, lost(1));
        let agent = "maria".into();
        centre.at(ten + 160, Input::SignOut { agent });
        centre.arrive(ten + 200, 2, "acme/orders");
        centre.at(ten + 210, lost(2));
        let now = centre.second(ten + 300);
        let mut figures = Figures::default();
        figures.add(&centre.rows, centre.tenant());
        let today = figures.today(&centre.state, now);
        let text = Metrics::default().render(&centre.state, &today);
        let counted = |what: &str| -> i64 {
            let name = r#"trunkline_engine_queue_contacts_today{queue="acme/orders",what="#;
            let line = format!(r#"{name}"{what}"}} "#);
            let found = text.lines().find_map(|it| it.strip_prefix(line.as_str()));
            found
                .unwrap_or_else(|| panic!("{what}\n{text}"))
                .parse()
                .unwrap()
        };
        assert_eq!(counted("answered"), 1);
        assert_eq!(counted("dropped"), 1);
        assert_eq!(counted("dropped-talking"), 1);
        let parts = ["answered", "abandoned", "flowed-out", "dropped", "waiting"];
        let all: i64 = parts.into_iter().map(counted).sum();
        assert_eq!(counted("offered"), all);
    }

    #[test]
    fn the_waits_are_of_those_who_stood_in_line_and_not_of_consults_or_work_that_follows() {
        let mut centre = Replay::new();
        centre.sign_in(0, "maria");
        centre.arrive(10, 1, "acme/orders");
        centre.answer(14, 1);
        centre.done(60, 1);
        centre.at(90, Input::Tick);
        let plain = centre.rows.segments[0].clone();
        let metrics = Metrics::default();
        let decided = |segment: Segment| {
            metrics.decided(&Decision {
                seq: Seq(1),
                at: segment.ended,
                input: Input::Tick,
                context: Context::by(Actor::Engine),
                outputs: vec![Output::Record(Box::new(segment))],
            });
        };
        decided(plain.clone());
        for (again, kind) in [
            (true, StretchKind::Plain),
            (false, StretchKind::CalledBack),
            (false, StretchKind::Consult(ContactId(9))),
        ] {
            decided(Segment {
                again,
                kind,
                ..plain.clone()
            });
        }
        let text = metrics.render(&centre.state, &[]);
        let count = r#"trunkline_engine_answer_wait_seconds_count{queue="acme/orders"} 1"#;
        assert!(text.contains(count), "{text}");
    }
}
