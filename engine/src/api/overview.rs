//! The whole at a glance.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;

use super::App;
use super::auth::Caller;
use super::error::ApiError;
use super::model::{QueueNow, Running};
use crate::run::Role;
use crate::state::Stage;

pub(super) async fn running(State(app): State<App>, _: Caller) -> Json<Running> {
    let state = app.handle.state();
    let directory = &state.directory;
    let (role, epoch) = match &*app.handle.role().borrow() {
        Role::Standby => ("standby", None),
        Role::Recovering => ("recovering", None),
        Role::Leading(epoch) => ("leading", Some(epoch.0)),
        Role::Ended => ("ended", None),
    };
    Json(Running {
        call_center: directory.tenant.as_ref().map(|t| t.name.to_string()),
        config_hash: directory.config_hash.clone(),
        role,
        epoch,
    })
}

pub(super) async fn queues(
    State(app): State<App>,
    caller: Caller,
) -> Result<Json<Vec<QueueNow>>, ApiError> {
    caller.admin()?;
    let state = app.handle.state();
    let directory = &state.directory;
    let now = super::now();
    let mut queues: BTreeMap<_, QueueNow> = directory
        .tenant
        .iter()
        .flat_map(|tenant| &tenant.queues)
        .map(|(id, queue)| {
            let fresh = QueueNow {
                queue: id.to_string(),
                client: id.client.as_ref().map(ToString::to_string),
                medium: queue.medium,
                waiting: 0,
                talking: 0,
                longest_wait_seconds: 0.0,
            };
            (id, fresh)
        })
        .collect();
    for live in directory.live.values() {
        if let Some(queue) = queues.get_mut(&live.queue) {
            if matches!(live.stage, Stage::Talking { .. } | Stage::Outside { .. }) {
                queue.talking += 1;
            } else {
                queue.waiting += 1;
                let waited = (now - live.arrived).as_secs_f64();
                queue.longest_wait_seconds = queue.longest_wait_seconds.max(waited);
            }
        }
    }
    Ok(Json(queues.into_values().collect()))
}
