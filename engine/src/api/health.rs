//! For the kubelet and for Prometheus.
//!
//! `/livez`: the process answers. `/readyz`: this engine leads, its journal is replayed and a
//! configuration runs; with `?standby=ok` a standby is ready too. `/metrics` wants the
//! administration's token here; it also has a listener of its own without one, which no Service
//! publishes to anybody but Prometheus.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Query, State};
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use serde::Deserialize;

use super::App;
use super::auth::Caller;
use super::error::ApiError;
use crate::metrics::Metrics;
use crate::run::{Handle, Role};

#[derive(Deserialize)]
struct Asked {
    standby: Option<String>,
}

pub(super) fn router() -> Router<App> {
    Router::new()
        .route("/livez", get(async || "ok"))
        .route("/readyz", get(ready))
        .route("/metrics", get(guarded))
}

async fn ready(State(app): State<App>, Query(asked): Query<Asked>) -> (StatusCode, &'static str) {
    let standby = asked.standby.as_deref() == Some("ok");
    let configured = app.handle.state().directory.tenant.is_some();
    match &*app.handle.role().borrow() {
        Role::Leading(_) if configured => (StatusCode::OK, "leads"),
        Role::Leading(_) => (StatusCode::SERVICE_UNAVAILABLE, "no configuration yet"),
        Role::Standby if standby => (StatusCode::OK, "stands by"),
        Role::Standby => (StatusCode::SERVICE_UNAVAILABLE, "stands by"),
        Role::Recovering => (StatusCode::SERVICE_UNAVAILABLE, "replays its journal"),
        Role::Ended => (StatusCode::SERVICE_UNAVAILABLE, "ends"),
    }
}

async fn guarded(State(app): State<App>, caller: Caller) -> Result<impl IntoResponse, ApiError> {
    caller.admin()?;
    Ok(text(&app.handle, &app.metrics))
}

/// `/metrics`, for the listener that Prometheus alone reaches.
pub fn metrics_router(handle: Handle, metrics: Arc<Metrics>) -> Router {
    Router::new()
        .route("/metrics", get(render))
        .with_state((handle, metrics))
}

async fn render(State((handle, metrics)): State<(Handle, Arc<Metrics>)>) -> impl IntoResponse {
    text(&handle, &metrics)
}

fn text(handle: &Handle, metrics: &Metrics) -> impl IntoResponse + use<> {
    let today = handle.today(super::now());
    let text = metrics.render(&handle.state(), &today);
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, kind)], text)
}
