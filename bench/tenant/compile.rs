//! How long a large tenant takes: 5,000 agents and 300 queues, in documents as the API gives them.
//!
//! `cargo bench -p trunkline-tenant`: prints the best and the median of the runs, in milliseconds,
//! and fails where the best takes more than 100: it is the one that neighbours on the machine
//! disturb least.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a bench")]

use std::time::Instant;

use serde_json::{Value, json};
use trunkline_tenant::packed::pack;
use trunkline_tenant::{Document, Last, compile};

const AGENTS: usize = 5_000;
const CLIENTS: usize = 25;
const QUEUES_OF_CENTRE: usize = 50;
const QUEUES_OF_CLIENT: usize = 10;
const TEAMS: usize = 50;
const SKILLS: usize = 60;
const RUNS: usize = 21;
const BOUND_MS: f64 = 100.0;

fn object(kind: &str, name: &str, spec: Value) -> Document {
    Document::from_object(json!({
        "apiVersion": "trunkline.dev/v1alpha1", "kind": kind, "spec": spec,
        "metadata": {
            "name": name, "namespace": "n", "uid": format!("uid-of-{kind}-{name}"),
            "generation": 1, "creationTimestamp": "2026-01-01T00:00:00Z"
        }
    }))
    .unwrap()
}

fn route(seed: usize) -> Value {
    json!([
        {"require": {format!("s{}", seed % SKILLS): 4, format!("s{}", (seed + 7) % SKILLS): 2}, "for": "20s"},
        {"require": {format!("s{}", seed % SKILLS): 2}, "for": "40s"}
    ])
}

fn documents() -> Vec<Document> {
    let queue = |i: usize, teams: Value| {
        json!({"name": format!("q{i}"), "medium": "Voice", "teams": teams, "route": route(i),
               "calendar": "day", "onExhausted": {"action": "Hold"}})
    };
    let team = |i: usize| format!("t{}", i % TEAMS);
    let mut documents = vec![
        object(
            "CallCenter",
            "c",
            json!({
                "calendars": [{"name": "day", "open": [{"from": "08:00", "to": "20:00"}]}],
                "skills": (0..SKILLS).map(|i| format!("s{i}")).collect::<Vec<_>>(),
                "teams": (0..TEAMS).map(|i| json!({"name": team(i), "kind": "Human"})).collect::<Vec<_>>(),
                "queues": (0..QUEUES_OF_CENTRE)
                    .map(|i| queue(i, json!([team(i), team(i + 1), team(i + 2)])))
                    .collect::<Vec<_>>()
            }),
        ),
        object(
            "Trunk",
            "t",
            json!({"callCenter": "c", "carrier": {"host": "h"}, "numbers": ["+49*"]}),
        ),
    ];
    for i in 0..CLIENTS {
        let queues = (0..QUEUES_OF_CLIENT).map(|j| {
            let seed = i * QUEUES_OF_CLIENT + j;
            queue(
                seed,
                json!([{"name": team(seed), "guaranteed": 1}, {"name": team(seed + 3)}]),
            )
        });
        documents.push(object(
            "Client",
            &format!("client{i}"),
            json!({
                "callCenter": "c", "trunks": ["t"], "hours": "day",
                "numbers": (0..20).map(|n| format!("+4930{i:03}{n:03}")).collect::<Vec<_>>(),
                "contract": {"serviceLevel": {"percent": 80, "within": "20s"}},
                "queues": queues.collect::<Vec<_>>()
            }),
        ));
    }
    for i in 0..AGENTS {
        documents.push(object("Agent", &format!("agent{i}"), json!({
            "callCenter": "c", "displayName": format!("Agent {i}"), "team": team(i), "roles": ["agent"],
            "skills": {format!("s{}", i % SKILLS): 5, format!("s{}", (i + 7) % SKILLS): 3, format!("s{}", (i * 13) % SKILLS): 1},
            "employment": {"from": "2026-03-01", "hoursPerWeek": 40}
        })));
    }
    documents
}

/// The best and the median.
fn best_and_median_ms(mut run: impl FnMut()) -> (f64, f64) {
    let mut times: Vec<f64> = (0..RUNS)
        .map(|_| {
            let start = Instant::now();
            run();
            start.elapsed().as_secs_f64() * 1e3
        })
        .collect();
    times.sort_by(f64::total_cmp);
    (times[0], times[RUNS / 2])
}

fn main() {
    let documents = documents();
    let first = compile(&documents, None);
    let errors: Vec<_> = first.findings.iter().filter(|f| f.is_error()).collect();
    assert!(errors.is_empty(), "{errors:#?}");
    let tenant = first.tenant.unwrap();
    let queues = tenant.queues.len();
    let last = Last {
        tenant,
        sources: first.sources,
    };
    let (alone, alone_median) =
        best_and_median_ms(|| assert!(compile(&documents, None).tenant.is_some()));
    let (after, after_median) =
        best_and_median_ms(|| assert!(compile(&documents, Some(&last)).tenant.is_some()));
    let packed = pack(&last.tenant, &last.sources).unwrap();
    let (packing, packing_median) =
        best_and_median_ms(|| assert!(pack(&last.tenant, &last.sources).is_ok()));
    println!("{AGENTS} agents, {queues} queues, {CLIENTS} clients; best / median of {RUNS} runs");
    println!("compile, first time       {alone:7.1} / {alone_median:.1} ms");
    println!("compile, with a last one  {after:7.1} / {after_median:.1} ms");
    println!(
        "pack                      {packing:7.1} / {packing_median:.1} ms, {} KiB tenant + {} KiB sources",
        packed.tenant.len() / 1024,
        packed.sources.len() / 1024
    );
    assert!(
        after < BOUND_MS,
        "compiling took {after:.1} ms, and {BOUND_MS} are allowed"
    );
}
