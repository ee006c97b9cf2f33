//! The loop: hears of changes, asks the queue who is next, keeps so many reconciles going.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::Utc;
use futures::FutureExt;
use kube::Client;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use super::apply::Applier;
use super::gather::Memory;
use super::queue::{Ended, Queue};
use super::{Context, reconcile};
use crate::settings::{Images, Scope};
use crate::status::Reporter;
use crate::telemetry::Metrics;
use crate::world::{Cache, TenantKey, Watcher, Watching};

/// How often a cluster without ServiceMonitors is asked whether it has come to know them.
const ASK_FOR_MONITORS: Duration = Duration::from_secs(15);

/// An operator, ready to run.
#[derive(Clone)]
pub struct Operator {
    /// The API, by which everything is read and written.
    pub client: Client,
    /// What pods are made of.
    pub images: Images,
    /// Which namespaces are served.
    pub scope: Scope,
    /// Reconciles at once.
    pub concurrency: usize,
    /// This replica, in Events.
    pub instance: String,
    /// What is counted.
    pub metrics: Arc<Metrics>,
}

/// What a running operator tells and is told.
#[derive(Clone, Debug)]
pub struct Running {
    /// Whether this replica leads; only then does it reconcile.
    pub leads: watch::Receiver<bool>,
    /// Set when the caches are whole.
    pub ready: watch::Sender<bool>,
    /// Set to end.
    pub stop: watch::Receiver<bool>,
}

impl Operator {
    /// Runs until told to stop. Caches are kept by every replica; what they show is acted
    /// upon by the leader alone.
    pub async fn run(self, mut running: Running) {
        let (touched, mut changes) = mpsc::unbounded_channel();
        let watcher = Watcher {
            client: self.client.clone(),
            scope: self.scope.clone(),
            cache: Cache::default(),
            touched,
        };
        let watching = watcher.start();
        // Where ServiceMonitors are known from the start, they are known before the first look.
        let (monitors, service_monitors) = watch::channel(false);
        let mut watching_monitors = match knows_service_monitors(&self.client).await {
            true => Some(watcher.start_monitors()),
            false => None,
        };
        let caught_up = async {
            watching.caught_up().await;
            if let Some(monitors) = &watching_monitors {
                monitors.caught_up().await;
            }
        };
        let whole = tokio::select! {
            () = caught_up => true,
            () = told(&mut running.stop, true) => false,
        };
        if whole {
            monitors.send_replace(watching_monitors.is_some());
            tracing::info!(tenants = watcher.cache.tenants().len(), "caches are whole");
            let _ = running.ready.send(true);
            let context = self.context(&watcher, service_monitors);
            tokio::select! {
                () = work(&context, self.concurrency, &mut changes, &mut running) => {}
                () = learn_of_monitors(&watcher, &mut watching_monitors, &monitors) => {}
            }
        }
        watching.stop().await;
        if let Some(monitors) = watching_monitors {
            monitors.stop().await;
        }
    }

    fn context(&self, watcher: &Watcher, service_monitors: watch::Receiver<bool>) -> Context {
        Context {
            client: self.client.clone(),
            cache: watcher.cache.clone(),
            memory: Arc::new(Memory::default()),
            applier: Applier::new(self.client.clone(), self.metrics.clone()),
            reporter: Reporter::new(
                self.client.clone(),
                self.instance.clone(),
                self.metrics.clone(),
            ),
            images: self.images.clone(),
            service_monitors,
            metrics: self.metrics.clone(),
        }
    }
}

/// Waits for the lead and reconciles while it has it, until told to stop.
async fn work(
    context: &Context,
    concurrency: usize,
    changes: &mut mpsc::UnboundedReceiver<TenantKey>,
    running: &mut Running,
) {
    while !*running.stop.borrow() {
        if *running.leads.borrow() {
            lead(context, concurrency, changes, running).await;
            continue;
        }
        tokio::select! {
            () = told(&mut running.leads, true) => {}
            () = told(&mut running.stop, true) => {}
            // Whoever comes to lead looks at every tenant, so what changes until then is known.
            Some(_) = changes.recv() => {}
        }
    }
}

/// Asks now and then whether the cluster has come to know ServiceMonitors; from then on they are watched, and every tenant
/// is looked at for its own. Never ends.
async fn learn_of_monitors(
    watcher: &Watcher,
    watching: &mut Option<Watching>,
    known: &watch::Sender<bool>,
) {
    if watching.is_none() {
        while !knows_service_monitors(&watcher.client).await {
            tokio::time::sleep(ASK_FOR_MONITORS).await;
        }
        watching.insert(watcher.start_monitors()).caught_up().await;
        known.send_replace(true);
        tracing::info!("the cluster knows ServiceMonitors now");
        for key in watcher.cache.tenants() {
            // Whoever listens no more is ending.
            let _ = watcher.touched.send(key);
        }
    }
    std::future::pending().await
}

/// Reconciles for as long as this replica leads.
async fn lead(
    context: &Context,
    concurrency: usize,
    changes: &mut mpsc::UnboundedReceiver<TenantKey>,
    running: &mut Running,
) {
    let mut queue = Queue::default();
    for key in context.cache.tenants() {
        queue.ask(key, Instant::now());
    }
    let mut hands: JoinSet<(TenantKey, Ended)> = JoinSet::new();
    loop {
        while hands.len() < concurrency
            && let Some(key) = queue.next(Instant::now())
        {
            let context = context.clone();
            hands.spawn(async move {
                // A bug that one tenant's documents bring out is that tenant's alone.
                let outcome = AssertUnwindSafe(reconcile(&context, &key)).catch_unwind().await;
                let ended = match outcome {
                    Ok(Ok(wake)) => Ended::Well(wake.map(|at| {
                        let wait = (at - Utc::now()).to_std().unwrap_or(Duration::ZERO);
                        Instant::now() + wait + Duration::from_millis(10)
                    })),
                    Ok(Err(_)) => Ended::Failed,
                    Err(_) => {
                        tracing::error!(tenant = %key, "a reconcile panicked: this is a bug of the operator's");
                        Ended::Failed
                    }
                };
                (key, ended)
            });
        }
        context.metrics.waiting(queue.waiting());
        let due = queue.next_deadline().filter(|_| hands.len() < concurrency);
        tokio::select! {
            Some(done) = hands.join_next() => match done {
                Ok((key, ended)) => {
                    queue.done(&key, ended, Instant::now());
                    if !context.cache.knows(&key) {
                        queue.forget(&key);
                    }
                }
                // Panics are caught above, and nobody cancels a hand while this loop runs.
                Err(error) => tracing::error!(error = %error, "a reconcile was cut off"),
            },
            Some(key) = changes.recv() => queue.ask(key, Instant::now()),
            () = until(due) => {}
            () = told(&mut running.leads, false) => break,
            () = told(&mut running.stop, true) => break,
        }
    }
    if *running.stop.borrow() && *running.leads.borrow() {
        // What has begun may end; a new leader takes over only when we have let go.
        let grace = tokio::time::sleep(Duration::from_secs(5));
        tokio::pin!(grace);
        while !hands.is_empty() {
            tokio::select! {
                _ = hands.join_next() => {}
                () = &mut grace => break,
            }
        }
    }
    hands.shutdown().await;
}

/// Waits until that is told; for ever, where nobody is left to tell it.
async fn told(flag: &mut watch::Receiver<bool>, value: bool) {
    if flag.wait_for(|told| *told == value).await.is_err() {
        std::future::pending::<()>().await;
    }
}

async fn until(due: Option<Instant>) {
    match due {
        Some(at) => tokio::time::sleep_until(at.into()).await,
        None => std::future::pending().await,
    }
}

async fn knows_service_monitors(client: &Client) -> bool {
    match client
        .list_api_group_resources("monitoring.coreos.com/v1")
        .await
    {
        Ok(list) => list
            .resources
            .iter()
            .any(|resource| resource.kind == "ServiceMonitor"),
        Err(_) => false,
    }
}
