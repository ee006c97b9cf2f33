//! The checker: folds the journal anew, and compares it with what Asterisk saw.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chrono::{DateTime, FixedOffset};
use serde_json::Value;
use trunkline_engine::journal::Entry;
use trunkline_engine::state::State;
use trunkline_routing::{AgentState, ContactId, Input, OfferId, Outcome, Output, SegmentEnd};

use super::centre::Centre;
use super::witness::leg;

/// While one leg is being let go the next may be rung.
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
    /// Whom we lost, and called back.
    pub rescued: BTreeSet<ContactId>,
    /// Who was offered since the first of those, in order.
    pub offered_after_rescue: Vec<ContactId>,
}

/// Ends the engines and checks everything that they left.
pub async fn check(centre: Centre) -> Told {
    centre.nothing_is_left_in_asterisk().await;
    let events = centre.witness.events();
    let entries = centre.end_engines().await;
    let told = fold(&entries);
    compare(&entries, &told, &events);
    println!(
        "checked: {} entries, {} contacts, {} events of Asterisk",
        entries.len(),
        told.outcomes.len(),
        events.len()
    );
    told
}

/// By the journal: no double offer, no stuck agent, no ghost.
fn fold(entries: &[Entry]) -> Told {
    let mut state = State::default();
    let mut asked: BTreeMap<String, OfferId> = BTreeMap::new();
    let mut told = Told::default();
    let mut dropped = BTreeSet::new();
    let mut newest: BTreeMap<ContactId, u32> = BTreeMap::new();
    let mut calls = BTreeSet::new();
    for entry in entries {
        if let (Input::Arrive { contact, .. }, Some(call)) = (&entry.input, &entry.context.call) {
            let first = calls.insert((call.host.clone(), call.channel.clone()));
            assert!(first, "{call:?} came twice, again as {contact}");
        }
        if let Input::Decline { offer, .. } = &entry.input {
            asked.retain(|_, asked| asked != offer);
        }
        for output in state.apply(entry).outputs {
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
                    dropped.insert(segment.contact);
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
    // A stretch is recorded once its wrap-up is over.
    assert!(
        told.rescued.is_subset(&dropped),
        "rescued, but not counted as dropped: {:?} of {dropped:?}",
        told.rescued
    );
    told.came = calls.len();
    let live = &state.directory.live;
    assert!(live.is_empty(), "ghosts: {live:#?}");
    for (agent, view) in &state.directory.agents {
        assert_eq!(view.state, AgentState::Idle, "{agent} is stuck");
    }
    told
}

#[derive(Debug, Default)]
struct Life {
    created: Option<DateTime<FixedOffset>>,
    destroyed: Option<DateTime<FixedOffset>>,
    endpoint: String,
    contact: Option<u64>,
}

/// Against Asterisk: each caller is one contact, whoever talked is answered, no phone rang twice.
fn compare(entries: &[Entry], told: &Told, events: &[Value]) {
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
                    destroyed: None,
                    endpoint: endpoint.to_owned(),
                    contact: leg(&channel["id"]),
                };
                // Whoever picked up while nobody led was let go, and is rung again for the same offer.
                let before = lives.insert(id.clone(), life);
                let over = before.is_none_or(|before| before.destroyed.is_some());
                assert!(over, "the leg {id} was made twice");
            }
            "ChannelDestroyed" => {
                if let Some(life) = lives.get_mut(&id) {
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
    for (contact, outcome) in &told.outcomes {
        let talked = talked.contains(&contact.0);
        match outcome {
            // Of whom we lost, that they had talked before that doesn't count.
            Outcome::Answered if told.rescued.contains(contact) => assert!(
                called_back.contains(&contact.0),
                "{contact} was lost and is told answered, and was not called back"
            ),
            Outcome::Answered => assert!(talked, "{contact} is told answered, and was not"),
            Outcome::Dropped => {}
            other => assert!(!talked, "{contact} talked, and is told {other:?}"),
        }
    }
    // One leg a contact at a time, one leg a phone at a time.
    let legs: Vec<(&String, &Life)> = lives.iter().filter(|(_, l)| l.contact.is_some()).collect();
    for (n, (one, a)) in legs.iter().enumerate() {
        for (other, b) in &legs[n + 1..] {
            if a.contact != b.contact && a.endpoint != b.endpoint {
                continue;
            }
            let (first, second) = if a.created <= b.created {
                (a, b)
            } else {
                (b, a)
            };
            // Legs that died with their Asterisk are never told destroyed.
            let (Some(end), Some(next)) = (first.destroyed, second.created) else {
                continue;
            };
            let overlap = (end - next).to_std().unwrap_or_default();
            assert!(
                overlap < LETTING_GO,
                "{one} and {other} rang together for {overlap:?}"
            );
        }
    }
}
