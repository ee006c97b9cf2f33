//! One engine's life: configuration, leadership, recovery, the main loop; and its end.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::{Arc, Weak};
use std::time::Duration;

use anyhow::{Context as _, Result};
use tokio::net::TcpListener;
use tokio::sync::{oneshot, watch};
use tokio::task::{JoinHandle, JoinSet};

use super::handle::{Ends, Handle, Role};
use super::main_loop::{LoopEnd, MainLoop, silent_telephony};
use super::options::{Options, Place, Voice};
use super::recover::{Tail, figures_of};
use super::reporting;
use super::standby::{holder, stand_by};
use super::watchdog::{self, Turns};
use crate::api::{self, App, FrontDoor, Sockets};
use crate::config::{Files, Loaded};
use crate::journal::{Epoch, JournalError, Location, Names, Vault, Writer};
use crate::keys::TenantKey;
use crate::kube::Election;
use crate::leader::{BEAT, Fence, MediaPod, MissingApp, Sign, Witness};
use crate::metrics::Metrics;
use crate::state::Directory;
use crate::telephony::{MediaHosts, Recovered, Telephony, driver, sim};

/// The predecessor's process may take a moment to let go of the journal.
const LOCK_RETRY: Duration = Duration::from_millis(250);

/// A running engine.
#[derive(Debug)]
pub struct Engine {
    /// Where the API listens.
    pub api: SocketAddr,
    /// Where `/metrics` listens.
    pub metrics: Option<SocketAddr>,
    /// The main loop, from outside.
    pub handle: Handle,
    stop: oneshot::Sender<()>,
    life: JoinHandle<Result<LoopEnd>>,
}

impl Engine {
    /// Binds the listeners and begins; leading comes later ([`Handle::role`]).
    ///
    /// # Errors
    /// Where a listener can't be bound.
    pub async fn start(options: Options) -> Result<Self> {
        let (handle, ends) = Handle::new();
        let metrics = Arc::new(Metrics::default());
        let mut servers = JoinSet::new();
        let app = App {
            handle: handle.clone(),
            tokens: options.tokens.clone(),
            calls_ring_on_phones: matches!(options.telephony, Voice::Ari(_)),
            metrics: Arc::clone(&metrics),
            sockets: Sockets::default(),
        };
        let (leader, led_by) = watch::channel(None);
        let api = serve(&mut servers, options.listen, led_by, api::router(app)).await?;
        let metrics_at = match options.metrics {
            None => None,
            Some(at) => {
                let router = api::metrics_router(handle.clone(), Arc::clone(&metrics));
                let (_, nobody) = watch::channel(None);
                Some(serve(&mut servers, at, nobody, router).await?)
            }
        };
        tracing::info!(%api, metrics = ?metrics_at, "listening");
        let (stop, stopped) = oneshot::channel();
        let life = tokio::spawn(async move {
            let role = ends.role.clone();
            let end = live(options, ends, metrics, (api, leader), stopped).await;
            role.send_replace(Role::Ended);
            drop(servers);
            end
        });
        Ok(Self {
            api,
            metrics: metrics_at,
            handle,
            stop,
            life,
        })
    }

    /// Ends it in order: a snapshot is written, the Lease given back, no call touched.
    ///
    /// # Errors
    /// What ended it before.
    pub async fn stop(self) -> Result<LoopEnd> {
        // It may have ended by itself.
        let _ = self.stop.send(());
        self.life.await.context("the engine's task broke off")?
    }

    /// Waits until it ends by itself, or `until` is over and it is stopped.
    ///
    /// # Errors
    /// What ended it.
    pub async fn run_until(mut self, until: impl Future<Output = ()>) -> Result<LoopEnd> {
        tokio::select! {
            end = &mut self.life => end.context("the engine's task broke off")?,
            () = until => self.stop().await,
        }
    }
}

/// Runs an engine until `until` is over.
///
/// # Errors
/// What ended it.
pub async fn run(options: Options, until: impl Future<Output = ()>) -> Result<LoopEnd> {
    Engine::start(options).await?.run_until(until).await
}

async fn serve(
    servers: &mut JoinSet<()>,
    at: SocketAddr,
    led_by: watch::Receiver<Option<SocketAddr>>,
    router: axum::Router,
) -> Result<SocketAddr> {
    let listener = TcpListener::bind(at)
        .await
        .with_context(|| format!("can't listen on {at}"))?;
    let bound = listener
        .local_addr()
        .context("the listener has no address")?;
    servers.spawn(async move {
        let door = FrontDoor::new(listener, led_by);
        if let Err(error) = axum::serve(door, router).await {
            tracing::error!(%error, "a listener ended");
        }
    });
    Ok(bound)
}

/// What the place gives: the configuration, and its followers, which end with the engine.
struct Surroundings {
    config: watch::Receiver<Loaded>,
    problem: watch::Receiver<Option<String>>,
    tasks: JoinSet<()>,
}

async fn live(
    options: Options,
    ends: Ends,
    metrics: Arc<Metrics>,
    (api, leader): (SocketAddr, watch::Sender<Option<SocketAddr>>),
    mut stopped: oneshot::Receiver<()>,
) -> Result<LoopEnd> {
    let Options {
        place,
        journal,
        telephony,
        key,
        retention,
        ..
    } = options;
    let opening = Opening {
        location: journal,
        key: key.clone(),
        names: ends.handle().names().clone(),
    };
    let ours = reached_at(&place, api)?;
    let won = async {
        let surroundings = follow_config(&place).await?;
        let won = win(&place, &opening, (&leader, ours)).await?;
        anyhow::Ok((surroundings, won))
    };
    let (surroundings, won) = tokio::select! {
        won = won => won?,
        _ = &mut stopped => return Ok(LoopEnd::Stopped),
    };
    let Surroundings {
        config,
        problem,
        mut tasks,
    } = surroundings;
    let Won {
        election,
        writer,
        tail,
    } = won;

    leader.send_replace(None);
    ends.role.send_replace(Role::Recovering);
    let holder = match &place {
        Place::Machine { .. } => holder(&format!("process {}", std::process::id()), ours),
        Place::Pod { me, .. } => holder(&me.identity(), ours),
    };
    let writer = Arc::new(writer);
    let epoch = writer.acquire(holder).await?;
    tracing::info!(epoch = epoch.0, "leading");
    metrics.leads(epoch.0);
    // Set once: an engine leads once in its life.
    let _ = ends.journal.set(Arc::downgrade(&writer));
    let state = tail.take_over(&writer, epoch).await?;
    *ends.figures() = figures_of(&writer, &state).await?;
    let names = ends.handle().names().clone();
    let recovered = state
        .directory
        .recovered()
        .by_number(|customer| names.of(customer))
        .due_after(state.directory.last, driver::clock());
    *ends
        .state
        .write()
        .unwrap_or_else(std::sync::PoisonError::into_inner) = state;

    let (end_loop, stop) = watch::channel(None);
    let end_loop = Arc::new(end_loop);
    let hosts = media_hosts(&place, epoch, key, &end_loop, &mut tasks)?;
    if let Place::Pod { cluster, me, .. } = &place {
        tasks.spawn(reporting::follow(
            cluster.clone(),
            me.clone(),
            epoch,
            ends.handle(),
            problem,
        ));
    }
    tasks.spawn(give_signs_of_life(
        Arc::downgrade(&writer),
        epoch,
        Arc::clone(&end_loop),
    ));
    tasks.spawn(super::retention::keep(
        Arc::downgrade(&writer),
        epoch,
        ends.handle(),
        retention,
    ));
    let election = election.map(Arc::new);
    if let Some(election) = election.clone() {
        let end_loop = Arc::clone(&end_loop);
        tasks.spawn(async move {
            let why = election.keep().await;
            end_loop.send_replace(Some(LoopEnd::SteppedDown(why)));
        });
    }
    let main = MainLoop {
        epoch,
        writer,
        ends,
        telephony: carry(telephony, recovered, &mut tasks),
        config,
        hosts,
        stop,
        metrics,
        turns: watched()?,
    };
    let mut main = std::pin::pin!(main.run());
    let end = tokio::select! {
        end = &mut main => end,
        _ = &mut stopped => {
            end_loop.send_replace(Some(LoopEnd::Stopped));
            main.await
        }
    };
    drop(tasks);
    let end = match end {
        Ok(end) => end,
        Err(error @ JournalError::Stale { .. }) => LoopEnd::SteppedDown(error.to_string()),
        Err(error) => return Err(error).context("the journal failed: nothing may be commanded"),
    };
    if let (Some(election), LoopEnd::Stopped) = (election, &end) {
        election.give_back().await;
    }
    tracing::info!(?end, "the engine ends");
    Ok(end)
}

/// The turns of a main loop; where it hangs, the process ends, so that another leads: at once where one stands by, else once
/// whoever runs it has begun it again.
fn watched() -> Result<Arc<Turns>> {
    let turns = Arc::<Turns>::default();
    watchdog::watch(&turns, watchdog::LOOK, watchdog::LOOKS, || {
        tracing::error!(
            "the main loop hangs: the process breaks off, so that another engine leads"
        );
        std::process::abort();
    })
    .context("nobody can watch the main loop")?;
    Ok(turns)
}

/// Follows the configuration; returns once there is one.
async fn follow_config(place: &Place) -> Result<Surroundings> {
    let (loaded, mut changes) = watch::channel(None);
    let (problem, problems) = watch::channel(None);
    let mut tasks = JoinSet::new();
    match place {
        Place::Machine { config, .. } => {
            let mut files = Files::new(config);
            loaded.send_replace(Some(files.load()?));
            tasks.spawn(files.follow(loaded, problem));
        }
        Place::Pod { cluster, .. } => {
            let cluster = cluster.clone();
            tasks.spawn(async move { cluster.follow_config(loaded, problem).await });
        }
    }
    let first = changes
        .wait_for(Option::is_some)
        .await
        .context("the configuration is followed no longer")?
        .clone();
    let first = first.context("there is a configuration")?;
    let (given, config) = watch::channel(first);
    tasks.spawn(async move {
        while changes.changed().await.is_ok() {
            if let Some(next) = changes.borrow_and_update().clone() {
                given.send_replace(next);
            }
        }
    });
    Ok(Surroundings {
        config,
        problem: problems,
        tasks,
    })
}

/// What a leadership begins with.
struct Won {
    election: Option<Election>,
    writer: Writer,
    /// As much of the journal as has been read already.
    tail: Tail,
}

/// Waits until this process leads: by the Lease in a cluster, else by the journal itself.
async fn win(
    place: &Place,
    journal: &Opening,
    (leader, ours): (&watch::Sender<Option<SocketAddr>>, SocketAddr),
) -> Result<Won> {
    let mut tail = Tail::default();
    let (signs, seen) = watch::channel(None);
    match place {
        Place::Machine { .. } => {
            let writer = journal.open(false).await?;
            if journal.location.is_shared() {
                let gone = |sign| sign != Sign::Lives;
                let sign = stand_by(&writer, &mut tail, &signs, (leader, ours), gone).await;
                tracing::info!(?sign, "taking the lead");
            }
            Ok(Won {
                election: None,
                writer,
                tail,
            })
        }
        Place::Pod {
            cluster,
            me,
            unique,
            address,
        } => {
            let election = Election::new(cluster.clone(), me.clone(), *unique, address.clone())?;
            let (pods, there) = watch::channel(None);
            let mut tasks = JoinSet::new();
            let follows = cluster.clone();
            tasks.spawn(async move { follows.follow_media(pods).await });
            let missing = MissingApp::new(there)?;
            let won = election.win(async || Witness {
                app_missing: missing.is_missing().await,
                journal: *seen.borrow(),
                ..Witness::default()
            });
            let writer = if journal.location.is_shared() {
                let writer = journal.open(true).await?;
                tokio::select! {
                    () = won => {}
                    _ = stand_by(&writer, &mut tail, &signs, (leader, ours), |_| false) => {}
                }
                writer
            } else {
                won.await;
                journal.open(true).await?
            };
            Ok(Won {
                election: Some(election),
                writer,
                tail,
            })
        }
    }
}

/// What a journal is opened with.
struct Opening {
    location: Location,
    key: TenantKey,
    names: Names,
}

impl Opening {
    /// `wait`: a predecessor may hold it yet.
    async fn open(&self, wait: bool) -> Result<Writer> {
        loop {
            let location = self.location.clone();
            let opened = tokio::task::spawn_blocking(move || location.open());
            match opened.await.context("the journal's opening broke off")? {
                Err(JournalError::Locked { path }) if wait => {
                    tracing::warn!(path, "an earlier engine still holds the journal; waiting");
                    tokio::time::sleep(LOCK_RETRY).await;
                }
                opened => {
                    let vault = Vault::new(&self.key, self.names.clone());
                    return Ok(Writer::sealing(opened?, vault)?);
                }
            }
        }
    }
}

/// Where other engines reach this one.
fn reached_at(place: &Place, api: SocketAddr) -> Result<SocketAddr> {
    match place {
        Place::Machine { reached_at, .. } => Ok(reached_at.unwrap_or(near(api))),
        Place::Pod { address, .. } => {
            let at = address.trim_start_matches("http://").parse();
            at.with_context(|| format!("{address} is no address"))
        }
    }
}

/// Where others on this machine reach what listens everywhere.
fn near(mut api: SocketAddr) -> SocketAddr {
    if api.ip().is_unspecified() {
        api.set_ip(std::net::Ipv4Addr::LOCALHOST.into());
    }
    api
}

/// Beats for those who stand by, and learns from it whether this engine still leads.
async fn give_signs_of_life(
    writer: Weak<Writer>,
    epoch: Epoch,
    end_loop: Arc<watch::Sender<Option<LoopEnd>>>,
) {
    loop {
        tokio::time::sleep(BEAT).await;
        let Some(writer) = writer.upgrade() else {
            return;
        };
        match writer.beat(epoch).await {
            Ok(()) => {}
            Err(error @ JournalError::Stale { .. }) => {
                end_loop.send_replace(Some(LoopEnd::SteppedDown(error.to_string())));
                return;
            }
            // The next append will say it where it matters.
            Err(error) => tracing::warn!(%error, "no sign of life could be given"),
        }
    }
}

fn media_hosts(
    place: &Place,
    epoch: Epoch,
    key: crate::keys::TenantKey,
    end_loop: &Arc<watch::Sender<Option<LoopEnd>>>,
    tasks: &mut JoinSet<()>,
) -> Result<watch::Receiver<Option<MediaHosts>>> {
    match place {
        Place::Machine { hosts, pods, .. } if pods.is_empty() => {
            let (keep, fixed) = watch::channel(Some(hosts.clone().into()));
            tasks.spawn(async move { keep.closed().await });
            Ok(fixed)
        }
        Place::Machine { .. } | Place::Pod { .. } => {
            let (pods, seen) = watch::channel(None::<Vec<MediaPod>>);
            let (named, hosts) = watch::channel(None);
            match place {
                Place::Pod { cluster, .. } => {
                    let cluster = cluster.clone();
                    tasks.spawn(async move { cluster.follow_media(pods).await });
                }
                Place::Machine { pods: fixed, .. } => {
                    pods.send_replace(Some(fixed.clone()));
                    tasks.spawn(async move { pods.closed().await });
                }
            }
            let fence = Fence::new(epoch, key)?;
            let end_loop = Arc::clone(end_loop);
            tasks.spawn(async move {
                if let Some(why) = fence.run(seen, named).await {
                    end_loop.send_replace(Some(LoopEnd::SteppedDown(why)));
                }
            });
            Ok(hosts)
        }
    }
}

fn carry(voice: Voice, recovered: Recovered, tasks: &mut JoinSet<()>) -> Telephony {
    match voice {
        Voice::Ari(settings) => driver::start(settings, recovered),
        Voice::Sim(settings) => sim::start(settings, recovered),
        Voice::None => {
            let (telephony, mut commands, reports) = silent_telephony();
            tasks.spawn(async move {
                while commands.recv().await.is_some() {}
                drop(reports);
            });
            telephony
        }
    }
}

/// What an engine that leads says of itself.
pub(super) fn config_hash(directory: &Directory) -> String {
    directory.config_hash.clone().unwrap_or_default()
}
