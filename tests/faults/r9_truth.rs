//! R9: all the time, a CallCenter that calls itself Ready at its newest generation is what an
//! independent checker finds satisfied; and a condition's time moves only when its status does.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures::StreamExt;
use kube::api::{Api, DeleteParams, Patch, PatchParams};
use kube::runtime::watcher::{self, Event, watcher};
use serde_json::{Value, json};
use trunkline_tenant::Kind as DocKind;

use super::home::Home;
use super::{oracle, tenant};

/// How long the operator has to hear that a pod has gone.
const NEWS: Duration = Duration::from_secs(10);

/// How long a step of the life waits to be looked at.
const PATIENCE: Duration = Duration::from_secs(30);

/// How often each change is looked at before the next.
const LOOKS: usize = 4;

/// What the life and those who watch it share.
struct Watched {
    /// The wrap-up seconds that the spec has now, and by which a configuration is known.
    marker: AtomicU64,
    /// How often a claim of Ready at [`Watched::marker`] was looked behind.
    looks: AtomicUsize,
    stop: AtomicBool,
}

impl Watched {
    /// Sets the marker, before the spec is changed: between the two nothing counts.
    fn mark(&self, wrap_up: u32) {
        self.marker.store(u64::from(wrap_up), Ordering::SeqCst);
    }

    /// Waits for that many more looks, so that a slow machine looks as often as a quick one.
    async fn looked(&self, times: usize) {
        let goal = self.looks.load(Ordering::SeqCst) + times;
        let until = Instant::now() + PATIENCE;
        while self.looks.load(Ordering::SeqCst) < goal && Instant::now() < until {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// Watches until told to stop; gives what it found to be untrue.
async fn monitor(home: &Home, watched: &Watched) -> Vec<String> {
    let Watched {
        marker,
        looks,
        stop,
    } = watched;
    let mut lies = Vec::new();
    let mut since: Option<Instant> = None;
    while !stop.load(Ordering::SeqCst) {
        let wanted = marker.load(Ordering::SeqCst);
        let claimed = oracle::claims_ready(home, "centre").await;
        if let Some(generation) = claimed {
            looks.fetch_add(1, Ordering::SeqCst);
            let found = oracle::satisfied(home, "centre", wanted).await;
            // It counts where nobody has changed the spec meanwhile.
            let still = oracle::claims_ready(home, "centre").await == Some(generation)
                && marker.load(Ordering::SeqCst) == wanted;
            match found {
                Err(why) if still => {
                    let begun = *since.get_or_insert_with(Instant::now);
                    // A configuration is written before it is claimed, so that is a lie at once.
                    if why.contains("wrap-up") || begun.elapsed() > NEWS {
                        lies.push(why);
                    }
                }
                _ => since = None,
            }
        } else {
            since = None;
        }
        tokio::time::sleep(Duration::from_millis(40)).await;
    }
    lies
}

/// Follows every version of the CallCenter; tells of conditions whose time moved without them.
/// By a watch: a look now and then would miss a status that turned and turned back.
async fn times(home: &Home, stop: &AtomicBool) -> Vec<String> {
    let mut lies = Vec::new();
    let mut before: Value = json!([]);
    let api = home.docs(DocKind::CallCenter);
    let mut events = std::pin::pin!(watcher(api, watcher::Config::default()));
    while !stop.load(Ordering::SeqCst) {
        let next = tokio::time::timeout(Duration::from_millis(200), events.next()).await;
        let Ok(Some(Ok(Event::Apply(object) | Event::InitApply(object)))) = next else {
            continue;
        };
        let conditions = object.data.pointer("/status/conditions").cloned();
        let conditions = conditions.unwrap_or(json!([]));
        for new in conditions.as_array().unwrap() {
            let list = before.as_array().unwrap();
            if let Some(old) = list.iter().find(|old| old["type"] == new["type"])
                && old["status"] == new["status"]
                && old["lastTransitionTime"] != new["lastTransitionTime"]
            {
                lies.push(format!(
                    "{} stayed {} and its time moved",
                    new["type"], new["status"]
                ));
            }
        }
        before = conditions;
    }
    lies
}

/// A tenant's life: made, changed, its reports held back, its pods killed, its spec spoiled
/// and mended. Gives what wasn't true, and how often Ready was looked behind.
pub async fn life(home: &Arc<Home>) -> (Vec<String>, usize) {
    let watched = Arc::new(Watched {
        marker: AtomicU64::new(5),
        looks: AtomicUsize::new(0),
        stop: AtomicBool::new(false),
    });
    let monitor = {
        let (home, watched) = (home.clone(), watched.clone());
        tokio::spawn(async move { monitor(&home, &watched).await })
    };
    let clock = {
        let (home, watched) = (home.clone(), watched.clone());
        tokio::spawn(async move { times(&home, &watched.stop).await })
    };
    let operator = home.operator();
    for document in tenant::all("centre") {
        home.apply(&document).await;
    }
    let settle = Duration::from_millis(1500);
    tokio::time::sleep(2 * settle).await;
    watched.looked(LOOKS).await;
    for round in 0..3_u32 {
        let wrap_up = 20 + round;
        watched.mark(wrap_up);
        home.apply(&tenant::center("centre", wrap_up)).await;
        tokio::time::sleep(settle).await;
        watched.looked(LOOKS).await;
    }
    // The engine is slow to take over a configuration.
    home.puppet.script.lock().unwrap().silent = true;
    watched.mark(30);
    home.apply(&tenant::center("centre", 30)).await;
    tokio::time::sleep(2 * settle).await;
    home.puppet.script.lock().unwrap().silent = false;
    tokio::time::sleep(settle).await;
    watched.looked(LOOKS).await;
    // A pod dies.
    let pods: Api<k8s_openapi::api::core::v1::Pod> =
        Api::namespaced(home.admin.clone(), &home.namespace);
    for name in ["centre-engine-0", "centre-media-0"] {
        let _ = pods
            .delete(name, &DeleteParams::default().grace_period(0))
            .await;
        tokio::time::sleep(settle).await;
    }
    // A pod stays, and is no longer ready.
    let unready = json!({"status": {"conditions": [{"type": "Ready", "status": "False"}]}});
    let _ = pods
        .patch_status(
            "centre-engine-0",
            &PatchParams::default(),
            &Patch::Strategic(unready),
        )
        .await;
    tokio::time::sleep(2 * settle + NEWS).await;
    // A spec that can't be used.
    watched.mark(40);
    let mut spoiled = tenant::center("centre", 40);
    spoiled["spec"]["queues"][0]["teams"] = json!(["nobody"]);
    home.apply(&spoiled).await;
    tokio::time::sleep(settle).await;
    home.apply(&tenant::center("centre", 40)).await;
    tokio::time::sleep(settle).await;
    watched.looked(LOOKS).await;
    watched.stop.store(true, Ordering::SeqCst);
    let mut lies = monitor.await.unwrap();
    lies.extend(clock.await.unwrap());
    operator.stop().await;
    (lies, watched.looks.load(Ordering::SeqCst))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a control plane: tests/run.sh cluster"]
async fn ready_is_true_only_when_an_independent_checker_agrees() {
    let home = Arc::new(Home::new("r9").await);
    let (lies, looks) = life(&home).await;
    assert!(lies.is_empty(), "{lies:#?}");
    assert!(
        looks >= 6 * LOOKS,
        "Ready was looked behind only {looks} times"
    );
    println!("Ready was looked behind {looks} times and true each time");
    Arc::into_inner(home).unwrap().end().await;
}
