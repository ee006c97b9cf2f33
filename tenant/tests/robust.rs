//! Whatever stands in the documents: no panic, and every Tenant that comes out is whole.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod common;

use common::{Docs, sound};
use proptest::prelude::*;
use serde_json::{Value, json};
use trunkline_tenant::{Exhausted, Last, QueueId, Shut, Tenant, compile};

/// Every place in a value, as a JSON pointer.
fn places(value: &Value, at: &str, found: &mut Vec<String>) {
    let mut child = |key: String, value: &Value| {
        let place = format!("{at}/{}", key.replace('~', "~0").replace('/', "~1"));
        found.push(place.clone());
        places(value, &place, found);
    };
    match value {
        Value::Object(fields) => fields.iter().for_each(|(k, v)| child(k.clone(), v)),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .for_each(|(i, v)| child(i.to_string(), v)),
        _ => {}
    }
}

fn anything() -> impl Strategy<Value = Value> {
    prop_oneof![
        prop::sample::select(vec![
            json!(null),
            json!(true),
            json!(0),
            json!(-1),
            json!(1e300),
            json!(""),
            json!([]),
            json!({}),
            json!("ghost"),
            json!("desk"),
            json!("centre/orders"),
            json!("orders"),
            json!("robots"),
            json!("24:00"),
            json!("2026-02-30"),
            json!("20s"),
            json!("+4930*"),
            json!("+49301"),
            json!([null]),
            json!([[]]),
            json!({"x": {}}),
            json!("Virtual"),
            json!("Overflow"),
            json!("Chat"),
        ]),
        any::<String>().prop_map(Value::String),
        any::<i64>().prop_map(|n| json!(n)),
    ]
}

/// Every name in the Tenant is somebody's.
fn whole(tenant: &Tenant) {
    let queue = |id: &QueueId| assert!(tenant.queues.contains_key(id), "no queue {id}");
    for (id, q) in &tenant.queues {
        q.teams
            .iter()
            .for_each(|t| assert!(tenant.teams.contains_key(&t.name), "{id}"));
        assert!(!q.teams.is_empty() && !q.route.is_empty(), "{id}");
        let last = q.route.len() - 1;
        assert!(q.route[..last].iter().all(|s| s.duration.is_some()), "{id}");
        q.hours
            .iter()
            .for_each(|h| assert!(tenant.calendars.contains_key(&h.calendar), "{id}"));
        q.training
            .iter()
            .for_each(|c| assert!(tenant.courses.contains_key(c), "{id}"));
        if let Exhausted::Overflow(to) = &q.on_exhausted {
            queue(to);
        }
        if let Shut::Overflow(to) = &q.closed {
            queue(to);
        }
        id.client()
            .into_iter()
            .for_each(|c| assert!(tenant.clients.contains_key(&c), "{id}"));
    }
    for (name, client) in &tenant.clients {
        client
            .trunks
            .iter()
            .for_each(|t| assert!(tenant.trunks.contains_key(t), "{name}"));
        client.entry.iter().for_each(queue);
        client
            .menu
            .iter()
            .flat_map(|m| m.choices.values())
            .for_each(queue);
        client
            .numbers
            .iter()
            .for_each(|n| assert_eq!(tenant.numbers[n], *name));
    }
    for (name, agent) in &tenant.agents {
        agent
            .team
            .iter()
            .for_each(|t| assert!(tenant.teams.contains_key(t), "{name}"));
        agent
            .shifts
            .iter()
            .for_each(|s| assert!(tenant.shifts.contains_key(s), "{name}"));
    }
    for team in tenant.teams.values() {
        let is_virtual = team.kind == trunkline_tenant::crds::TeamKind::Virtual;
        assert_eq!(team.virtual_agents.is_some(), is_virtual);
    }
}

fn spoil(docs: &mut Docs, changes: &[(prop::sample::Index, prop::sample::Index, Option<Value>)]) {
    for (which, place, value) in changes {
        let document = &mut docs.0[which.index(4)];
        let mut all = Vec::new();
        places(&document["spec"], "/spec", &mut all);
        if all.is_empty() {
            continue;
        }
        let place = &all[place.index(all.len())];
        match value {
            Some(value) => *document.pointer_mut(place).unwrap() = value.clone(),
            None => {
                let (parent, key) = place.rsplit_once('/').unwrap();
                match document.pointer_mut(parent).unwrap() {
                    Value::Object(fields) => {
                        drop(fields.remove(&key.replace("~1", "/").replace("~0", "~")))
                    }
                    Value::Array(items) => drop(items.remove(key.parse().unwrap())),
                    _ => {}
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]
    #[test]
    fn no_document_makes_compile_panic_or_a_tenant_that_is_not_whole(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), prop::option::weighted(0.8, anything())), 1..5)
    ) {
        let before = sound().compile();
        let last = Last { tenant: before.tenant.unwrap(), sources: before.sources };
        let mut docs = sound();
        spoil(&mut docs, &changes);
        let documents = docs.documents();

        let first = compile(&documents, None);
        first.tenant.iter().for_each(whole);
        // Offline: what has no finding of error is used, what is held back has one, or hangs on one that has.
        prop_assert_eq!(first.has_errors(), !first.held_back.is_empty(), "{:#?}", first);

        let after = compile(&documents, Some(&last));
        let tenant = after.tenant.as_ref().expect("the last one at least");
        whole(tenant);
        // What runs is what its sources say: compiled again, they give the same with nothing to object.
        let sources = after.sources.iter().map(|s| trunkline_tenant::Document::from_object(json!({
            "apiVersion": "trunkline.dev/v1alpha1", "kind": s.id.kind.as_str(), "spec": s.spec,
            "metadata": {"name": s.id.name, "namespace": s.id.namespace}
        })).unwrap());
        let again = compile(&sources.collect::<Vec<_>>(), None);
        prop_assert!(!again.has_errors(), "{:#?}", again.findings);
        prop_assert_eq!(again.tenant.as_ref(), Some(tenant));
    }
}
