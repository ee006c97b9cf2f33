//! The checker: folds the journal anew, and compares it with what Asterisk saw.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chrono::{DateTime, FixedOffset};
use serde_json::Value;
use trunkline_engine::journal::Entry;
use trunkline_engine::state::State;
use trunkline_routing::{AgentState, ContactId, Input, OfferId, Outcome, Output, SegmentEnd};

use super::centre::Centre;
use super::witness::{LOST, customer, leg};

/// That a leg is to go and that the next is to ring is told to Asterisk side by side, in lanes of their own: on a busy machine one of
/// them may have to wait for its turn.
const SIDE_BY_SIDE: Duration = Duration::from_millis(250);
/// Then it is gone once its phone says so.
const LETTING_GO: Duration = Duration::from_millis(700);

/// What became of each contact.
#[derive(Default)]
pub struct Told {
    /// Of those that are over.
    pub outcomes: BTreeMap<ContactId, Outcome>,
    /// How often somebody was asked.
    pub offers: usize,
    /// How many calls came.
    pub came: usize,
    /// Whom we lost: with a stretch that is counted as dropped.
    pub dropped: BTreeSet<ContactId>,
    /// Whom of them we are to call back.
    pub rescued: BTreeSet<ContactId>,
    /// Whose media host was not heard while somebody was asked or joined for them.
    pub unheard: BTreeSet<ContactId>,
    /// Who was offered since the first of those whom we are to call back, in order.
    pub offered_after_rescue: Vec<ContactId>,
}

/// Ends the engines and checks everything that they left.
pub async fn check(centre: Centre) -> Told {
    centre.nothing_is_left_in_asterisk().await;
    let events = centre.witness.to_the_end().await;
    let entries = centre.end_engines().await;
    let told = fold(&entries);
    let together = compare(&entries, &told, &events);
    println!(
        "checked: {} entries, {} contacts, {} events of Asterisk, two legs together for {together:?} at most",
        entries.len(),
        told.outcomes.len(),
        events.len()
    );
    told
}

/// By the journal: no double offer, no stuck agent, no ghost.
fn fold(entries: &[Entry]) -> Told {
    let mut state = State::default();
    let mut folding = Folding::default();
    let mut calls = BTreeSet::new();
    for entry in entries {
        if let (Input::Arrive { contact, .. }, Some(call)) = (&entry.input, &entry.context.call) {
            let first = calls.insert((call.host.clone(), call.channel.clone()));
            assert!(first, "{call:?} came twice, again as {contact}");
        }
        if let Input::Unheard { contacts, .. } = &entry.input {
            folding.told.unheard.extend(contacts);
        }
        let outputs = state.apply(entry).outputs;
        let refused = |output: &Output| matches!(output, Output::Refused { .. });
        if let Input::Decline { offer, .. } = &entry.input
            && !outputs.iter().any(refused)
        {
            folding.asked.retain(|_, asked| asked != offer);
        }
        for output in outputs {
            folding.output(output);
        }
    }
    let mut told = folding.told;
    // A stretch is recorded once its wrap-up is over.
    assert!(
        told.rescued.is_subset(&told.dropped),
        "rescued, but not counted as dropped: {:?} of {:?}",
        told.rescued,
        told.dropped
    );
    told.came = calls.len();
    let live = &state.directory.live;
    assert!(live.is_empty(), "ghosts: {live:#?}");
    for (agent, view) in &state.directory.agents {
        assert_eq!(view.state, AgentState::Idle, "{agent} is stuck");
    }
    told
}

/// What the core decided, one by one.
#[derive(Default)]
struct Folding {
    told: Told,
    /// The offers that stand.
    asked: BTreeMap<String, OfferId>,
    newest: BTreeMap<ContactId, u32>,
}

impl Folding {
    fn output(&mut self, output: Output) {
        let Self {
            told,
            asked,
            newest,
        } = self;
        match output {
            Output::Offer { offer, agent, .. } => {
                told.offers += 1;
                let last = newest.insert(offer.contact, offer.generation);
                assert!(last < Some(offer.generation), "{offer:?} after {last:?}");
                let twice = asked.values().any(|o| o.contact == offer.contact);
                assert!(
                    !twice,
                    "{offer:?} while another offer of it lives: {asked:?}"
                );
                let before = asked.insert(agent.to_string(), offer);
                assert_eq!(before, None, "{agent} is asked twice at once");
                if !told.rescued.is_empty() {
                    told.offered_after_rescue.push(offer.contact);
                }
            }
            Output::Record(segment) if segment.end == SegmentEnd::Dropped => {
                told.dropped.insert(segment.contact);
            }
            Output::CallbackBooked {
                contact,
                rescue: true,
                ..
            } => {
                told.rescued.insert(contact);
            }
            Output::CancelOffer { offer, .. } => asked.retain(|_, o| *o != offer),
            Output::Answered { contact, .. } => asked.retain(|_, o| o.contact != contact),
            Output::Ended {
                contact, outcome, ..
            } => {
                asked.retain(|_, o| o.contact != contact);
                let before = told.outcomes.insert(contact, outcome);
                assert_eq!(before, None, "{contact} ended twice");
            }
            _ => {}
        }
    }
}

#[derive(Debug, Default)]
struct Life {
    created: Option<DateTime<FixedOffset>>,
    /// When Asterisk was told to end it, or it ended by itself.
    let_go: Option<DateTime<FixedOffset>>,
    destroyed: Option<DateTime<FixedOffset>>,
    /// Its Asterisk ended first.
    died: bool,
    endpoint: String,
    /// Whose agent is rung.
    contact: Option<u64>,
    /// Whose customer is called.
    customer: Option<u64>,
}

impl Life {
    /// Two of which one is to be over as the other begins: for one contact, or on one phone, to which customers' trunks are
    /// none.
    fn excludes(&self, other: &Self) -> bool {
        let same = |one: Option<u64>, other| one.is_some() && one == other;
        let agents = self.contact.is_some() && other.contact.is_some();
        same(self.customer, other.customer)
            || same(self.contact, other.contact)
            || agents && self.endpoint == other.endpoint
    }
}

/// Against Asterisk: each caller is one contact, whoever talked is answered, whose call died is dropped, no phone
/// rang twice. For how long one leg was there with the next, at most.
fn compare(entries: &[Entry], told: &Told, events: &[Value]) -> Duration {
    let mut lives: BTreeMap<String, Life> = BTreeMap::new();
    let mut inside: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut talked: BTreeSet<u64> = BTreeSet::new();
    let mut called_back: BTreeSet<u64> = BTreeSet::new();
    let outward = |id: &String| id.starts_with("c-");
    for event in events {
        let at = event["timestamp"]
            .as_str()
            .and_then(|text| DateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f%z").ok());
        let channel = &event["channel"];
        let id = channel["id"].as_str().unwrap_or_default().to_owned();
        match event["type"].as_str().unwrap_or_default() {
            "ChannelCreated" => {
                let name = channel["name"].as_str().unwrap_or_default();
                let endpoint = name.rsplit_once('-').map_or(name, |(before, _)| before);
                let life = Life {
                    created: at,
                    endpoint: endpoint.to_owned(),
                    contact: leg(&channel["id"]),
                    customer: customer(&channel["id"]),
                    ..Life::default()
                };
                // Whoever picked up while nobody led was let go, and is rung again for the same offer.
                let before = lives.insert(id.clone(), life);
                let over = before.is_none_or(|before| before.destroyed.is_some());
                assert!(over, "the leg {id} was made twice");
            }
            "ChannelHangupRequest" => {
                if let Some(life) = lives.get_mut(&id) {
                    life.let_go = life.let_go.or(at);
                }
            }
            LOST => {
                let there = lives.values_mut().filter(|life| life.destroyed.is_none());
                for life in there {
                    life.died = true;
                    life.let_go = life.let_go.or(at);
                    life.destroyed = at;
                }
            }
            "ChannelDestroyed" => {
                if let Some(life) = lives.get_mut(&id) {
                    life.let_go = life.let_go.or(at);
                    life.destroyed = at;
                }
                for there in inside.values_mut() {
                    there.remove(&id);
                }
            }
            // One of that name may have died with its Asterisk, and nobody was told to have left it.
            "BridgeCreated" => {
                let bridge = event["bridge"]["id"].as_str().unwrap_or_default();
                inside.insert(bridge.to_owned(), BTreeSet::new());
            }
            "ChannelEnteredBridge" => {
                let bridge = event["bridge"]["id"].as_str().unwrap_or_default();
                let there = inside.entry(bridge.to_owned()).or_default();
                there.insert(id);
                let legs = there.iter().filter(|id| id.starts_with("o-")).count();
                assert!(legs <= 1, "two agents in {bridge}: {there:?}");
                assert!(there.len() <= 2, "a crowd in {bridge}: {there:?}");
                if there.len() == 2 {
                    let contact = bridge.strip_prefix("b-").and_then(|n| n.parse().ok());
                    let contact = contact.expect("a contact's bridge");
                    talked.insert(contact);
                    if there.iter().any(outward) {
                        called_back.insert(contact);
                    }
                }
            }
            "ChannelLeftBridge" => {
                let bridge = event["bridge"]["id"].as_str().unwrap_or_default();
                if let Some(there) = inside.get_mut(bridge) {
                    there.remove(&id);
                }
            }
            _ => {}
        }
    }
    // Every caller is a contact, and one only (that it came once, the fold has seen).
    let mut of_call = BTreeMap::new();
    for entry in entries {
        if let (Input::Arrive { contact, .. }, Some(call)) = (&entry.input, &entry.context.call) {
            of_call.insert(call.channel.as_str().to_owned(), *contact);
        }
    }
    let callers = lives
        .iter()
        .filter(|(id, life)| life.endpoint.contains("carrier") && !outward(id));
    for (id, life) in callers {
        assert!(
            of_call.contains_key(id),
            "the caller {id} was lost: {life:?}"
        );
    }
    for id in of_call.keys() {
        assert!(
            lives.contains_key(id),
            "{id} is in the journal and never was"
        );
    }
    // Whose call died with its Asterisk is dropped and called back, and nobody else is.
    let died: BTreeSet<ContactId> = lives
        .iter()
        .filter(|(_, life)| life.died)
        .filter_map(|(id, _)| of_call.get(id).copied())
        // Whose agent had hung up were let go just then.
        .filter(|id| {
            let legs = || lives.values().filter(|life| life.contact == Some(id.0));
            told.outcomes.get(id) != Some(&Outcome::Answered)
                || told.rescued.contains(id)
                || legs().next().is_none()
                || legs().any(|leg| leg.died)
        })
        .collect();
    assert_eq!(told.dropped, died, "dropped, and whose call died");
    assert_eq!(told.rescued, died, "called back, and whose call died");
    for (contact, outcome) in &told.outcomes {
        let talked = talked.contains(&contact.0);
        match outcome {
            // Of whom we lost, that they had talked before that doesn't count.
            Outcome::Answered if told.rescued.contains(contact) => assert!(
                called_back.contains(&contact.0),
                "{contact} was lost and is told answered, and was not called back"
            ),
            Outcome::Answered => assert!(talked, "{contact} is told answered, and was not"),
            Outcome::Dropped => panic!("{contact} has a number, and was not called back"),
            other => assert!(!talked, "{contact} talked, and is told {other:?}"),
        }
    }
    // One leg a contact at a time, one leg a phone at a time, one call to a customer at a time.
    let ours = |life: &Life| life.contact.is_some() || life.customer.is_some();
    let legs: Vec<(&String, &Life)> = lives.iter().filter(|(_, life)| ours(life)).collect();
    let mut longest = Duration::ZERO;
    for (n, (one, a)) in legs.iter().enumerate() {
        for (other, b) in &legs[n + 1..] {
            if !a.excludes(b) {
                continue;
            }
            let (first, second) = if a.created <= b.created {
                (a, b)
            } else {
                (b, a)
            };
            let beyond = |end: Option<DateTime<FixedOffset>>| {
                let (end, next) = (end.unwrap(), second.created.unwrap());
                (end - next).to_std().unwrap_or_default()
            };
            let (told, gone) = (beyond(first.let_go), beyond(first.destroyed));
            assert!(
                told <= SIDE_BY_SIDE && gone <= LETTING_GO,
                "{one} and {other} rang together: for {told:?} until one was let go, {gone:?} until it was gone"
            );
            longest = longest.max(gone);
        }
    }
    longest
}

/// What the checker is there to see, in events of our own.
mod sees {
    use serde_json::json;
    use trunkline_engine::journal::{Context, Seq};
    use trunkline_engine::telephony::CallRef;
    use trunkline_engine::telephony::ari::{ChannelId, HostName};
    use trunkline_routing::Time;

    use super::*;

    fn event(kind: &str, milliseconds: u32, id: &str, phone: &str) -> Value {
        json!({
            "type": kind,
            "timestamp": format!("2027-01-04T08:00:00.{milliseconds:03}+0000"),
            "channel": {"id": id, "name": format!("PJSIP/{phone}-0001")},
        })
    }

    /// A leg that is told to go, and goes.
    fn leg_from(id: &str, phone: &str, made: u32, let_go: u32, gone: u32) -> Vec<Value> {
        vec![
            event("ChannelCreated", made, id, phone),
            event("ChannelHangupRequest", let_go, id, phone),
            event("ChannelDestroyed", gone, id, phone),
        ]
    }

    fn legs(of: [Vec<Value>; 2]) -> Duration {
        compare(&[], &Told::default(), &of.concat())
    }

    #[test]
    fn a_leg_that_is_let_go_as_the_next_rings() {
        let first = leg_from("o-1-1", "maria", 0, 500, 600);
        let next = leg_from("o-1-2", "noah", 490, 900, 900);
        assert_eq!(legs([first, next]), Duration::from_millis(110));
    }

    #[test]
    #[should_panic(expected = "rang together")]
    fn a_contact_for_which_two_phones_ring() {
        let first = leg_from("o-1-1", "maria", 0, 500, 510);
        legs([first, leg_from("o-1-2", "noah", 200, 900, 900)]);
    }

    #[test]
    #[should_panic(expected = "rang together")]
    fn a_phone_that_rings_twice() {
        let first = leg_from("o-1-1", "maria", 0, 500, 510);
        legs([first, leg_from("o-2-1", "maria", 200, 900, 900)]);
    }

    #[test]
    #[should_panic(expected = "rang together")]
    fn a_customer_who_is_called_twice() {
        let first = leg_from("c-1-1", "trunk_carrier-a", 0, 500, 510);
        legs([first, leg_from("c-1-2", "trunk_carrier-a", 200, 900, 900)]);
    }

    #[test]
    fn two_customers_who_are_called_by_one_trunk_and_the_agent_of_one() {
        let first = leg_from("c-1-1", "trunk_carrier-a", 0, 500, 510);
        let agents = leg_from("o-1-1", "maria", 0, 500, 510);
        let other = leg_from("c-2-1", "trunk_carrier-a", 200, 900, 900);
        assert_eq!(legs([[first, agents].concat(), other]), Duration::ZERO);
    }

    /// A caller, as the journal has them.
    fn arrival(contact: u64, channel: &str) -> Entry {
        Entry {
            seq: Seq(contact),
            at: Time(0),
            input: Input::Arrive {
                contact: ContactId(contact),
                queue: "acme/orders".parse().unwrap(),
                since: None,
                priority: 0,
                customer: None,
                callable: true,
            },
            context: Context {
                call: Some(CallRef {
                    host: HostName::new("media-0"),
                    channel: ChannelId::new(channel),
                }),
                ..Context::default()
            },
        }
    }

    /// One caller, of whom the journal says this; their call died with its Asterisk, or ended.
    fn caller(told: Told, died: bool) {
        let there = event("ChannelCreated", 0, "media-0-1", "trunk_carrier-a");
        let kind = if died { LOST } else { "ChannelDestroyed" };
        let ends = event(kind, 500, "media-0-1", "trunk_carrier-a");
        compare(&[arrival(1, "media-0-1")], &told, &[there, ends]);
    }

    fn dropped(rescued: bool) -> Told {
        let one = BTreeSet::from([ContactId(1)]);
        Told {
            outcomes: [(ContactId(1), Outcome::Unreached)].into(),
            rescued: one.clone().into_iter().filter(|_| rescued).collect(),
            dropped: one,
            ..Told::default()
        }
    }

    #[test]
    fn a_caller_who_is_dropped_and_called_back_for_their_call_died() {
        caller(dropped(true), true);
    }

    #[test]
    #[should_panic(expected = "dropped, and whose call died")]
    fn a_caller_who_is_dropped_and_whose_call_ended() {
        caller(dropped(true), false);
    }

    #[test]
    #[should_panic(expected = "dropped, and whose call died")]
    fn a_caller_whose_call_died_and_who_is_told_abandoned() {
        let outcomes = [(ContactId(1), Outcome::Abandoned)].into();
        let told = Told {
            outcomes,
            ..Told::default()
        };
        caller(told, true);
    }

    #[test]
    #[should_panic(expected = "dropped, and whose call died")]
    fn a_caller_for_whom_a_phone_rang_in_vain_before_their_call_died_and_who_is_told_abandoned() {
        let told = Told {
            outcomes: [(ContactId(1), Outcome::Abandoned)].into(),
            ..Told::default()
        };
        let call = ["ChannelCreated", LOST].map(|kind| {
            let at = if kind == LOST { 500 } else { 0 };
            event(kind, at, "media-0-1", "trunk_carrier-a")
        });
        let there = [&call[..], &leg_from("o-1-1", "maria", 10, 200, 210)].concat();
        compare(&[arrival(1, "media-0-1")], &told, &there);
    }

    #[test]
    #[should_panic(expected = "called back, and whose call died")]
    fn a_caller_who_is_dropped_and_not_called_back() {
        caller(dropped(false), true);
    }

    #[test]
    #[should_panic(expected = "the caller media-0-1 was lost")]
    fn a_caller_who_is_not_in_the_journal() {
        let there = leg_from("media-0-1", "trunk_carrier-a", 0, 500, 500);
        compare(&[], &Told::default(), &there);
    }

    #[test]
    #[should_panic(expected = "is in the journal and never was")]
    fn a_caller_who_is_in_the_journal_alone() {
        compare(&[arrival(1, "media-0-1")], &Told::default(), &[]);
    }

    /// One enters the bridge of contact 1.
    fn enters(id: &str) -> Value {
        let mut event = event("ChannelEnteredBridge", 100, id, "any");
        event["bridge"] = json!({"id": "b-1"});
        event
    }

    #[test]
    #[should_panic(expected = "two agents in b-1")]
    fn two_agents_in_one_bridge() {
        let inside = [enters("o-1-1"), enters("o-1-2")];
        compare(&[], &Told::default(), &inside);
    }

    #[test]
    #[should_panic(expected = "a crowd in b-1")]
    fn two_callers_and_an_agent_in_one_bridge() {
        let inside = [enters("media-0-1"), enters("media-0-2"), enters("o-1-1")];
        compare(&[], &Told::default(), &inside);
    }

    fn with(outcome: Outcome) -> Told {
        Told {
            outcomes: [(ContactId(1), outcome)].into(),
            ..Told::default()
        }
    }

    #[test]
    fn who_is_told_answered_and_talked() {
        let inside = [enters("media-0-1"), enters("o-1-1")];
        compare(&[], &with(Outcome::Answered), &inside);
    }

    #[test]
    #[should_panic(expected = "is told answered, and was not")]
    fn who_is_told_answered_and_never_talked() {
        compare(&[], &with(Outcome::Answered), &[enters("media-0-1")]);
    }

    #[test]
    #[should_panic(expected = "talked, and is told Abandoned")]
    fn who_talked_and_is_told_abandoned() {
        let inside = [enters("media-0-1"), enters("o-1-1")];
        compare(&[], &with(Outcome::Abandoned), &inside);
    }

    #[test]
    #[should_panic(expected = "came twice, again as 2")]
    fn a_caller_who_came_twice() {
        fold(&[arrival(1, "media-0-1"), arrival(2, "media-0-1")]);
    }

    /// The configuration, and then these.
    fn journal(inputs: Vec<Input>) -> Vec<Entry> {
        let tenant = serde_json::from_str(include_str!("../fixtures/tenant.json"));
        let tenant = Input::Configure {
            tenant: std::sync::Arc::new(tenant.unwrap()),
        };
        let inputs = std::iter::once(tenant).chain(inputs).enumerate();
        let entry = |(n, input)| Entry {
            seq: Seq(n as u64 + 1),
            at: Time(1_800_000_000_000_000),
            input,
            context: Context::default(),
        };
        inputs.map(entry).collect()
    }

    fn signs_in(ready: bool) -> Input {
        Input::SignIn {
            agent: "maria".into(),
            ready,
            team: None,
        }
    }

    #[test]
    fn an_agent_who_is_idle_at_the_end() {
        fold(&journal(vec![signs_in(true)]));
    }

    #[test]
    #[should_panic(expected = "maria is stuck")]
    fn an_agent_who_is_stuck() {
        fold(&journal(vec![signs_in(false)]));
    }

    #[test]
    #[should_panic(expected = "ghosts")]
    fn a_contact_that_nobody_ended() {
        fold(&journal(vec![arrival(1, "media-0-1").input]));
    }

    /// The core decides this, one after the other.
    fn decided(outputs: impl IntoIterator<Item = Output>) {
        let mut folding = Folding::default();
        outputs
            .into_iter()
            .for_each(|output| folding.output(output));
    }

    fn offer(contact: u64, generation: u32, agent: &str) -> Output {
        Output::Offer {
            offer: OfferId {
                contact: ContactId(contact),
                generation,
            },
            agent: agent.into(),
            deadline: Time(0),
        }
    }

    #[test]
    #[should_panic(expected = "while another offer of it lives")]
    fn a_contact_that_is_offered_to_two() {
        decided([offer(1, 1, "maria"), offer(1, 2, "noah")]);
    }

    #[test]
    #[should_panic(expected = "maria is asked twice at once")]
    fn an_agent_who_is_offered_two() {
        decided([offer(1, 1, "maria"), offer(2, 1, "maria")]);
    }

    #[test]
    #[should_panic(expected = "after Some(1)")]
    fn an_offer_that_is_made_again() {
        decided([offer(1, 1, "maria"), offer(1, 1, "noah")]);
    }

    #[test]
    #[should_panic(expected = "1 ended twice")]
    fn a_contact_that_ended_twice() {
        let ended = || Output::Ended {
            contact: ContactId(1),
            outcome: Outcome::Answered,
            prompt: None,
        };
        decided([ended(), ended()]);
    }
}
