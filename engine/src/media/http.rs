//! The side-car's HTTP: what the kubelet asks, and the leader's fence.
//!
//! `/drain` has no password: the kubelet calls it (preStop) and could carry one only in the open.
//! The tenant's NetworkPolicy lets the node and the tenant's own engine in, nobody else.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, sleep};

use super::asterisk::{APP, Asterisk};
use super::inputs::PodFacts;
use super::keeper::{FenceRefused, Order};
use super::status::Status;
use crate::journal::Epoch;
use crate::keys::{ARI_USER, TenantKey, same_secret};

/// kube-proxy drops a pod's UDP flows 1 to 3 s after readiness has failed; calls come until then.
const SETTLE: Duration = Duration::from_secs(3);
const COUNT_EVERY: Duration = Duration::from_millis(250);
/// An Asterisk that hasn't answered for so long has taken its calls with it.
const GONE_AFTER: u32 = 40;

/// What the handlers share.
pub(super) struct Shared {
    pub(super) facts: PodFacts,
    pub(super) key: TenantKey,
    pub(super) asterisk: Asterisk,
    pub(super) orders: mpsc::Sender<Order>,
    pub(super) status: watch::Sender<Status>,
}

pub(super) fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/startz", get(startz))
        .route("/readyz", get(readyz))
        .route("/livez", get(livez))
        .route("/engine", get(engine))
        .route("/drain", get(drain).post(drain))
        .route("/fence", post(fence))
        .with_state(shared)
}

/// 503 with the reason, or 200.
fn verdict(fault: Option<&'static str>) -> Response {
    match fault {
        None => (StatusCode::OK, "ok\n").into_response(),
        Some(why) => (StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n")).into_response(),
    }
}

/// Asterisk may start.
async fn startz(State(shared): State<Arc<Shared>>) -> Response {
    let rendered = shared.status.borrow().rendered;
    verdict((!rendered).then_some("no tenant has been rendered yet"))
}

/// New calls may come.
async fn readyz(State(shared): State<Arc<Shared>>) -> Response {
    let status = shared.status.borrow().clone();
    verdict(match status {
        Status { draining: true, .. } => Some("draining"),
        Status { up: false, .. } => Some("Asterisk is not up"),
        Status {
            was_ready: false,
            running: None,
            ..
        } => Some("Asterisk has not confirmed its configuration yet"),
        Status {
            was_ready: false, ..
        } => Some("no engine has connected yet"),
        _ if !shared.asterisk.answers().await => Some("Asterisk does not answer"),
        _ => None,
    })
}

/// Asterisk answers.
async fn livez(State(shared): State<Arc<Shared>>) -> Response {
    let answers = shared.asterisk.answers().await;
    verdict((!answers).then_some("Asterisk does not answer"))
}

/// Whether an engine is connected: what a standby asks before it takes over from a silent leader.
async fn engine(State(shared): State<Arc<Shared>>) -> Response {
    match shared.asterisk.engine_connected().await {
        Ok(connected) => Json(json!({"connected": connected})).into_response(),
        Err(_) => verdict(Some("Asterisk does not answer")),
    }
}

/// Takes no new call and answers when the last has ended, or the deadline has come.
async fn drain(State(shared): State<Arc<Shared>>) -> Response {
    let begun = Instant::now();
    let (done, begins) = oneshot::channel();
    if shared.orders.send(Order::Drain(done)).await.is_err() || begins.await.is_err() {
        return (
            StatusCode::INTERNAL_SERVER_ERROR,
            "the side-car is ending\n",
        )
            .into_response();
    }
    let deadline = Duration::from_secs(shared.status.borrow().drain_deadline);
    let mut unanswered = 0;
    loop {
        let left = shared.asterisk.channels().await;
        match left {
            Ok(left) => {
                unanswered = 0;
                if left == 0 && begun.elapsed() >= SETTLE {
                    shared.status.send_modify(|s| s.drained = true);
                    return Json(json!({"channels": 0})).into_response();
                }
                if begun.elapsed() >= deadline.max(SETTLE) {
                    tracing::warn!(left, "the drain's deadline has come");
                    return Json(json!({"channels": left})).into_response();
                }
            }
            Err(error) => {
                unanswered += 1;
                if unanswered >= GONE_AFTER {
                    tracing::warn!(%error, "Asterisk went away during the drain");
                    shared.status.send_modify(|s| s.drained = true);
                    return Json(json!({"channels": 0})).into_response();
                }
            }
        }
        sleep(COUNT_EVERY).await;
    }
}

#[derive(Deserialize)]
struct FenceRequest {
    epoch: Epoch,
}

/// What a leader needs to connect.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Fenced<'a> {
    pod: &'a str,
    ari: String,
    user: &'a str,
    app: &'a str,
    epoch: Epoch,
    config_hash: Option<String>,
}

/// Changes the ARI password to the one of this epoch. Answers 409 with the highest epoch where it
/// isn't above it: a leader that finds its own epoch there had fenced already, and its answer got
/// lost.
async fn fence(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    Json(request): Json<FenceRequest>,
) -> Response {
    let bearer = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("Bearer "));
    let token = shared.key.fence_token(request.epoch);
    if !bearer.is_some_and(|bearer| same_secret(bearer, &token)) {
        let told = json!({"error": "want Authorization: Bearer, with the token of this epoch"});
        return (StatusCode::UNAUTHORIZED, Json(told)).into_response();
    }
    let (answer, answered) = oneshot::channel();
    let order = Order::Fence(request.epoch, answer);
    let refused = match shared.orders.send(order).await {
        Ok(()) => answered.await,
        Err(_) => return verdict(Some("the side-car is ending")),
    };
    match refused {
        Err(_) => verdict(Some("the side-car is ending")),
        Ok(Ok(())) => Json(Fenced {
            pod: &shared.facts.pod,
            ari: shared.facts.ari_address(),
            user: ARI_USER,
            app: APP,
            epoch: request.epoch,
            config_hash: shared.status.borrow().running.clone(),
        })
        .into_response(),
        Ok(Err(error)) => {
            let status = match &error {
                FenceRefused::Stale { .. } => StatusCode::CONFLICT,
                FenceRefused::Away => StatusCode::SERVICE_UNAVAILABLE,
                _ => StatusCode::INTERNAL_SERVER_ERROR,
            };
            let highest = match &error {
                FenceRefused::Stale { highest, .. } => Some(*highest),
                _ => None,
            };
            let words = format!("{:#}", anyhow::Error::from(error));
            (status, Json(json!({"error": words, "epoch": highest}))).into_response()
        }
    }
}
