//! Health, readiness and metrics over HTTP.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::telemetry::Metrics;

/// What is told over HTTP.
#[derive(Clone, Debug)]
pub struct Health {
    /// Whether the caches are whole. A replica that doesn't lead is ready, too: it could.
    pub ready: watch::Receiver<bool>,
    /// What is counted.
    pub metrics: Arc<Metrics>,
}

/// Serves `/livez`, `/readyz` and `/metrics` until told to stop.
pub async fn serve(listener: TcpListener, health: Health, mut stop: watch::Receiver<bool>) {
    let router = Router::new()
        .route("/livez", get(|| async { "ok" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .with_state(health);
    let stopped = async move {
        let _ = stop.wait_for(|stop| *stop).await;
    };
    if let Err(error) = axum::serve(listener, router)
        .with_graceful_shutdown(stopped)
        .await
    {
        tracing::error!(error = %error, "health and metrics are no longer served");
    }
}

async fn ready(State(health): State<Health>) -> (StatusCode, &'static str) {
    if *health.ready.borrow() {
        (StatusCode::OK, "ok")
    } else {
        (
            StatusCode::SERVICE_UNAVAILABLE,
            "the caches are not whole yet",
        )
    }
}

async fn metrics(State(health): State<Health>) -> String {
    health.metrics.text()
}
