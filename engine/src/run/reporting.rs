//! Tells the operator what this leader runs, at transitions.

use std::time::Duration;

use tokio::sync::watch;
use trunkline_tenant::report::EngineReport;

use super::engine::config_hash;
use super::handle::Handle;
use crate::figures::Figure;
use crate::journal::Epoch;
use crate::kube::{Cluster, SETTLE, counts};
use crate::leader::Me;
use crate::state::Directory;

/// A configuration is reported at once; this is how often we look.
const LOOK: Duration = Duration::from_millis(200);
const RETRY: Duration = Duration::from_secs(2);

pub(super) async fn follow(
    cluster: Cluster,
    me: Me,
    epoch: Epoch,
    handle: Handle,
    problem: watch::Receiver<Option<String>>,
) {
    let mut told: Option<EngineReport> = None;
    let mut told_at = tokio::time::Instant::now();
    loop {
        tokio::time::sleep(LOOK).await;
        let problem = problem.borrow().clone();
        let (hash, configured, now) = {
            let state = handle.state();
            let directory = &state.directory;
            (
                config_hash(directory),
                directory.tenant.is_some(),
                directory.last,
            )
        };
        if !configured {
            continue;
        }
        // Counts alone wait; what is decided by people is told at once.
        let urgent = told
            .as_ref()
            .is_none_or(|told| (&told.config_hash, &told.problem) != (&hash, &problem));
        if !urgent && told_at.elapsed() < SETTLE {
            continue;
        }
        let today = handle.today(now);
        let report = report(&me, epoch, problem, &handle.state().directory, &today);
        if told.as_ref() == Some(&report) {
            told_at = tokio::time::Instant::now();
            continue;
        }
        match cluster.report(&report).await {
            Ok(()) => {
                told = Some(report);
                told_at = tokio::time::Instant::now();
            }
            Err(error) => {
                tracing::warn!(%error, "the report can't be written; trying again");
                tokio::time::sleep(RETRY).await;
            }
        }
    }
}

fn report(
    me: &Me,
    epoch: Epoch,
    problem: Option<String>,
    directory: &Directory,
    today: &[Figure],
) -> EngineReport {
    let (teams, clients) = counts(directory, today);
    let draining_clients = directory
        .live
        .values()
        .filter_map(|live| live.queue.client())
        .filter(|client| !clients.contains_key(client))
        .collect();
    EngineReport {
        pod: me.pod.clone(),
        pod_uid: me.uid.clone(),
        config_hash: config_hash(directory),
        epoch: epoch.0,
        problem,
        draining_clients,
        clients,
        teams,
        ..EngineReport::default()
    }
}
