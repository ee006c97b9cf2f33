//! The operator's process: wires, and decides nothing.

use std::sync::Arc;

use anyhow::Context;
use clap::Parser;
use kube::Client;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use trunkline_operator::controller::{Operator, Running};
use trunkline_operator::health::{self, Health};
use trunkline_operator::lease::{Election, LeaseName};
use trunkline_operator::settings::Settings;
use trunkline_operator::telemetry::{Metrics, init_logs};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let settings = Settings::parse();
    init_logs();
    let client = Client::try_default().await.context(
        "can't find the API server: neither a kubeconfig nor a service account is there",
    )?;
    let metrics = Arc::new(Metrics::default());
    let (stop_sender, stop) = watch::channel(false);
    let (ready_sender, ready) = watch::channel(false);
    let (resign_sender, resign) = watch::channel(false);
    let (leads_sender, leads) = watch::channel(settings.no_lease);

    let listener = tokio::net::TcpListener::bind(settings.listen)
        .await
        .with_context(|| format!("can't listen on {}", settings.listen))?;
    let health = Health {
        ready,
        metrics: metrics.clone(),
    };
    tokio::spawn(health::serve(listener, health, stop.clone()));

    let election = (!settings.no_lease).then(|| {
        let name = LeaseName {
            namespace: settings.own_namespace.clone(),
            name: "trunkline-operator".to_owned(),
        };
        let election = Election::new(client.clone(), name, &settings.pod_name);
        tokio::spawn(election.run(leads_sender, metrics.clone(), resign))
    });
    let operator = Operator {
        client,
        images: settings.images(),
        scope: settings.scope(),
        concurrency: settings.concurrency,
        instance: settings.pod_name.clone(),
        metrics,
    };
    let running = Running {
        leads,
        ready: ready_sender,
        stop,
    };
    let mut work = tokio::spawn(operator.run(running));
    let mut terminate = signal(SignalKind::terminate()).context("can't listen for SIGTERM")?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
        ended = &mut work => ended.context("the operator's loop broke off")?,
    }
    // First the work ends, then the Lease is let go, so that there are never two leaders.
    let _ = stop_sender.send(true);
    if !work.is_finished() {
        work.await.context("the operator's loop broke off")?;
    }
    if let Some(election) = election {
        let _ = resign_sender.send(true);
        election.await.context("the election broke off")?;
    }
    Ok(())
}
