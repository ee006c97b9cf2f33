//! The keeper: the one task that changes Asterisk's files, and so the one order in which a new
//! tenant, a fence, a restarted Asterisk and a drain take effect.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use chrono::Utc;
use tokio::sync::{mpsc, oneshot, watch};
use trunkline_tenant::crds::TrunkAuthType;

use super::asterisk::{Asterisk, AsteriskError, RELOADED};
use super::carriers::Wanted;
use super::files::{FileError, Folders};
use super::inputs::{Inputs, PodFacts};
use super::kept::{Kept, KeptFile};
use super::render::{self, Fault, Rendered, Subject, Unsafe};
use super::status::Status;
use crate::journal::Epoch;
use crate::keys::TenantKey;

/// What the keeper is asked to do.
#[derive(Debug)]
pub(super) enum Order {
    /// There is a new tenant, or a Secret of it has changed.
    Run(Arc<Inputs>),
    /// Asterisk has booted, for the first time or again.
    Booted,
    /// A new leader wants the old one out.
    Fence(Epoch, oneshot::Sender<Result<(), FenceRefused>>),
    /// Take no new call from now on.
    Drain(oneshot::Sender<()>),
    /// Readiness has seen an engine.
    Ready,
}

/// A fence that was not set.
#[derive(Debug, thiserror::Error)]
pub(super) enum FenceRefused {
    /// Whoever asks is no newer than the one who fenced last.
    #[error("epoch {asked} is not above {highest}, which has fenced already")]
    Stale {
        /// The epoch asked for.
        asked: Epoch,
        /// The highest that was seen.
        highest: Epoch,
    },
    /// Nobody is fenced out and nobody let in: try again.
    #[error("Asterisk is not up, so nothing was changed: ask again")]
    Away,
    /// The epoch stands, and what Asterisk does could not be read back.
    #[error("the fence could not be confirmed")]
    Unconfirmed(#[from] AsteriskError),
    /// The files could not be written.
    #[error(transparent)]
    File(#[from] FileError),
    /// A password that can't be written: never one of ours.
    #[error(transparent)]
    Unsafe(#[from] Unsafe),
}

/// Why a configuration isn't run.
#[derive(Debug, thiserror::Error)]
enum NotRun {
    #[error(transparent)]
    Unsafe(#[from] Unsafe),
    #[error("what was rendered would trip Asterisk, so it was not written: {0}")]
    Lint(#[from] Fault),
    #[error(transparent)]
    File(#[from] FileError),
    #[error(transparent)]
    Asterisk(#[from] AsteriskError),
}

pub(super) struct Keeper {
    facts: PodFacts,
    key: TenantKey,
    folders: Folders,
    file: KeptFile,
    kept: Kept,
    asterisk: Asterisk,
    inputs: Option<Arc<Inputs>>,
    /// Changed files that a running Asterisk has not been told of.
    pending: BTreeSet<String>,
    status: watch::Sender<Status>,
}

impl Keeper {
    pub(super) fn new(
        facts: PodFacts,
        key: TenantKey,
        folders: Folders,
        asterisk: Asterisk,
        file: KeptFile,
        kept: Kept,
        status: watch::Sender<Status>,
    ) -> Self {
        // After a restart of the side-car alone the files are there and Asterisk runs by them.
        let rendered = folders.etc.join("extensions.conf").exists();
        status.send_modify(|s| {
            s.was_ready = kept.was_ready;
            s.draining = kept.draining.is_some();
            s.rendered = rendered;
        });
        Self {
            facts,
            key,
            folders,
            file,
            kept,
            asterisk,
            inputs: None,
            pending: BTreeSet::new(),
            status,
        }
    }

    pub(super) async fn run(mut self, mut orders: mpsc::Receiver<Order>) {
        while let Some(order) = orders.recv().await {
            match order {
                Order::Run(inputs) => {
                    let recording = inputs.tenant.telephony.recording.as_ref();
                    let kept = recording.and_then(|recording| recording.retention);
                    let kept = kept.map(|kept| Duration::from_secs(kept.get()));
                    self.status.send_if_modified(|status| {
                        std::mem::replace(&mut status.retention, kept) != kept
                    });
                    self.inputs = Some(inputs);
                    self.apply().await;
                }
                Order::Booted => self.booted().await,
                Order::Fence(epoch, answer) => {
                    let fenced = self.fence(epoch).await;
                    match &fenced {
                        Ok(()) => tracing::info!(%epoch, "fenced"),
                        // As every leader meets it that is there before Asterisk; it asks again.
                        Err(FenceRefused::Away) => tracing::info!(%epoch, "not fenced yet"),
                        Err(error) => tracing::warn!(%epoch, %error, "not fenced"),
                    }
                    // whoever asked may have gone; the fence stands
                    let _ = answer.send(fenced);
                }
                Order::Drain(answer) => {
                    self.drain().await;
                    let _ = answer.send(());
                }
                Order::Ready => {
                    self.kept.was_ready = true;
                    self.save();
                    self.status.send_modify(|s| s.was_ready = true);
                }
            }
        }
    }

    fn save(&self) {
        if let Err(error) = self.file.save(&self.kept) {
            tracing::error!(%error, "what must survive a restart is not written");
        }
    }

    /// Renders the newest inputs, has them run, and says what came of it.
    async fn apply(&mut self) {
        let Some(inputs) = self.inputs.clone() else {
            return;
        };
        // A draining pod gives its registrations back: new calls would meet 503.
        let inputs = Arc::new(Inputs {
            registrar: inputs.registrar && self.kept.draining.is_none(),
            ..(*inputs).clone()
        });
        match self.try_apply(&inputs).await {
            Ok((rendered, ran)) => {
                let told = Told::of(&inputs, &rendered);
                self.status.send_modify(|s| {
                    s.rendered = true;
                    s.problem = told.problem;
                    s.wanted = told.wanted;
                    s.drain_deadline = inputs.tenant.telephony.media.drain_deadline.get();
                    if ran {
                        s.running = Some(inputs.hash.clone());
                    }
                });
                tracing::info!(hash = inputs.hash, ran, "configuration rendered");
            }
            Err(error) => {
                let problem = format!("{:#}", anyhow::Error::from(error));
                tracing::error!(hash = inputs.hash, problem, "configuration not run");
                self.status.send_modify(|s| s.problem = Some(problem));
            }
        }
    }

    /// What was rendered, and whether Asterisk was seen to run it; without an Asterisk it will
    /// be when that has booted.
    async fn try_apply(&mut self, inputs: &Inputs) -> Result<(Rendered, bool), NotRun> {
        let rendered = render::render(inputs, &self.facts, &self.kept.access(&self.key))?;
        render::lint(&rendered.files)?;
        for problem in &rendered.problems {
            tracing::warn!(%problem, "left out");
        }
        self.pending.extend(self.folders.sync(&rendered.files)?);
        if !self.asterisk.answers().await {
            return Ok((rendered, false));
        }
        let runs = self.asterisk.runs(&rendered).await;
        if self.pending.is_empty() && runs.map_err(AsteriskError::from)? {
            return Ok((rendered, true));
        }
        if self.pending.is_empty() {
            // nothing was written, and yet it runs something else: it read an older set
            self.pending
                .extend(RELOADED.map(|(path, _)| path.to_owned()));
        }
        let reloaded = self.asterisk.reload(&self.pending).await;
        reloaded.map_err(AsteriskError::from)?;
        self.pending.clear();
        self.asterisk.confirm(&rendered).await?;
        Ok((rendered, true))
    }

    /// Asterisk has read the files as it started, perhaps an older set than is there now. Or it is
    /// the side-car that has started anew, and Asterisk has been serving all the while.
    async fn booted(&mut self) {
        self.pending.clear();
        self.apply().await;
        if self.kept.draining.is_some()
            && let Err(error) = self.asterisk.set_drain(true).await
        {
            tracing::error!(%error, "the dialplan could not be told to drain");
        }
    }

    /// The epoch is kept first: whatever happens then, the old leader's password is in no file
    /// that a later start reads.
    async fn fence(&mut self, epoch: Epoch) -> Result<(), FenceRefused> {
        let highest = Epoch(self.kept.epoch);
        if epoch <= highest {
            return Err(FenceRefused::Stale {
                asked: epoch,
                highest,
            });
        }
        if !self.asterisk.answers().await {
            return Err(FenceRefused::Away);
        }
        let old = self.kept.access(&self.key).engine;
        let mut raised = self.kept.clone();
        raised.epoch = epoch.0;
        self.file.save(&raised)?;
        self.kept = raised;
        let access = self.kept.access(&self.key);
        self.folders
            .write("etc/ari.conf", &render::render_ari(&access)?)?;
        let changed = BTreeSet::from(["etc/ari.conf".to_owned()]);
        let reloaded = self.asterisk.reload(&changed).await;
        reloaded.map_err(AsteriskError::from)?;
        let new = self.key.ari_password(epoch);
        self.asterisk.confirm_fence(&new, old.as_deref()).await?;
        Ok(())
    }

    async fn drain(&mut self) {
        if self.kept.draining.is_none() {
            tracing::info!("draining");
            self.kept.draining = Some(Utc::now());
            self.save();
        }
        self.status.send_modify(|s| s.draining = true);
        if let Err(error) = self.asterisk.set_drain(true).await {
            tracing::error!(%error, "the dialplan could not be told to drain");
        }
        self.apply().await;
    }
}

/// What the status says of a configuration.
struct Told {
    problem: Option<String>,
    wanted: std::collections::BTreeMap<trunkline_tenant::crds::TrunkName, Wanted>,
}

impl Told {
    /// A trunk's problem is told with the trunk; the others together, the first few in full.
    fn of(inputs: &Inputs, rendered: &Rendered) -> Self {
        let trunks = inputs.tenant.trunks.iter().map(|(name, trunk)| {
            let mut problems = rendered.problems.iter();
            let problem = problems.find(|p| p.subject == Subject::Trunk(name.clone()));
            let wanted = Wanted {
                registers: trunk.auth.kind == TrunkAuthType::Registration
                    && rendered.registrations.contains_key(name),
                problem: problem.map(|p| p.message.clone()),
                carrier: trunk
                    .carrier
                    .as_ref()
                    .map(|carrier| format!("{}:{}", carrier.host, carrier.port)),
            };
            (name.clone(), wanted)
        });
        let others: Vec<_> = rendered
            .problems
            .iter()
            .filter(|p| !matches!(p.subject, Subject::Trunk(_)))
            .map(ToString::to_string)
            .collect();
        let more = others.len().saturating_sub(3);
        let mut problem = others
            .iter()
            .take(3)
            .cloned()
            .collect::<Vec<_>>()
            .join("; ");
        if more > 0 {
            problem.push_str(&format!("; and {more} more"));
        }
        Self {
            problem: (!problem.is_empty()).then_some(problem),
            wanted: trunks.collect(),
        }
    }
}
