//! The HTTP API: health for the kubelet, sessions for agents, contacts and queues for everyone
//! who runs the centre.

mod agents;
mod asyncapi;
mod auth;
mod callbacks;
mod command;
mod contacts;
mod erasures;
mod error;
mod extract;
mod figures;
mod front;
mod health;
mod model;
mod openapi;
mod overview;
mod rota;
mod routes;
mod session;
mod sockets;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use trunkline_routing::Time;
use trunkline_tenant::QueueId;

pub use asyncapi::asyncapi;
pub use auth::Tokens;
pub(crate) use front::FrontDoor;
pub use health::metrics_router;
pub use openapi::openapi;
pub use sockets::Sockets;

use crate::metrics::Metrics;
use crate::run::Handle;
use error::ApiError;

const MAX_BODY: usize = 64 << 10;

/// What the API is made of.
#[derive(Clone, Debug)]
pub struct App {
    /// The main loop.
    pub handle: Handle,
    /// Who may.
    pub tokens: Tokens,
    /// Whether a call is taken by answering a telephone (else a desk accepts it, as where calls
    /// are simulated).
    pub calls_ring_on_phones: bool,
    /// What `/metrics` shows.
    pub metrics: Arc<Metrics>,
    /// The sessions that are open.
    pub sockets: Sockets,
}

/// The API and the health checks, for the listener that agents and the kubelet reach.
pub fn router(app: App) -> Router {
    routes::router(&app)
        .merge(health::router())
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .with_state(app)
}

fn queue_id(text: &str) -> Result<QueueId, ApiError> {
    text.parse()
        .map_err(|error| ApiError::Invalid(format!("{error}")))
}

/// Now, for what a view shows as under way. Decisions have the main loop's own clock.
fn now() -> Time {
    crate::telephony::driver::clock()
}
