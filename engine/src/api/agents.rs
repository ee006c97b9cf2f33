//! Agents: what they are at, and what they do.

use std::collections::BTreeSet;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use trunkline_tenant::crds::AgentName;

use super::App;
use super::auth::Caller;
use super::command::{AgentCommand, carry_out};
use super::error::ApiError;
use super::extract::{Body, Named};
use super::model::{Agent, Contact};
use crate::journal::Names;
use crate::state::Directory;

pub(super) async fn list(
    State(app): State<App>,
    caller: Caller,
) -> Result<Json<Vec<Agent>>, ApiError> {
    caller.admin()?;
    let state = app.handle.state();
    let directory = &state.directory;
    let tenant = directory.tenant.as_deref();
    let listed = tenant.into_iter().flat_map(|tenant| tenant.agents.keys());
    let names: BTreeSet<&AgentName> = listed.chain(directory.agents.keys()).collect();
    let agents = names
        .into_iter()
        .map(|name| Agent::new(name, directory.agents.get(name), tenant))
        .collect();
    Ok(Json(agents))
}

pub(super) async fn one(
    State(app): State<App>,
    caller: Caller,
    Named(agent): Named<String>,
) -> Result<Json<Agent>, ApiError> {
    let name = AgentName::from(agent.as_str());
    caller.act_for(&name)?;
    let state = app.handle.state();
    let directory = &state.directory;
    let tenant = directory.tenant.as_deref();
    if !directory.knows(&name) {
        return Err(ApiError::NotFound(format!("there is no agent `{name}`")));
    }
    Ok(Json(Agent::new(&name, directory.agents.get(&name), tenant)))
}

pub(super) async fn contacts(
    State(app): State<App>,
    caller: Caller,
    Named(agent): Named<String>,
) -> Result<Json<Vec<Contact>>, ApiError> {
    let name = AgentName::from(agent.as_str());
    caller.act_for(&name)?;
    let state = app.handle.state();
    Ok(Json(in_hand(&state.directory, app.handle.names(), &name)))
}

/// What is offered to an agent, or what they talk with.
pub(super) fn in_hand(directory: &Directory, names: &Names, agent: &AgentName) -> Vec<Contact> {
    let tenant = directory.tenant.as_deref();
    directory
        .live
        .iter()
        .filter(|(_, live)| live.stage.agent() == Some(agent))
        .map(|(id, live)| Contact::living(*id, live, tenant, super::now()).named(names))
        .collect()
}

pub(super) async fn command(
    State(app): State<App>,
    caller: Caller,
    Named(agent): Named<String>,
    Body(command): Body<AgentCommand>,
) -> Result<StatusCode, ApiError> {
    carry_out(&app, &caller, agent.as_str().into(), command).await?;
    Ok(StatusCode::NO_CONTENT)
}
