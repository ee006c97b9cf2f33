//! Dated rotas: when an agent works and rests. Nothing of ours writes a spec; a rota is a record
//! of the journal, the routing keeps breaks free by it, and adherence is measured by each version.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use trunkline_routing::{Input, RotaShift, Time};
use trunkline_tenant::crds::AgentName;

use super::App;
use super::auth::Caller;
use super::command::submit;
use super::error::ApiError;
use super::extract::{Body, Named};
use super::model::rfc3339;
use crate::journal::Context;

/// A year of shifts, some a day.
const MAX_SHIFTS: usize = 1_000;

/// An agent's rota.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Rota {
    /// In order, none overlapping another.
    shifts: Vec<Shift>,
}

/// One shift of a rota.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Shift {
    /// Work begins.
    from: DateTime<Utc>,
    /// Work ends.
    to: DateTime<Utc>,
    /// Within it, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    breaks: Vec<Rest>,
}

/// A break.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rest {
    from: DateTime<Utc>,
    to: DateTime<Utc>,
}

fn time(at: DateTime<Utc>) -> Time {
    Time(at.timestamp_micros())
}

impl From<Shift> for RotaShift {
    fn from(shift: Shift) -> Self {
        Self {
            from: time(shift.from),
            to: time(shift.to),
            breaks: shift
                .breaks
                .iter()
                .map(|rest| (time(rest.from), time(rest.to)))
                .collect(),
        }
    }
}

impl From<&RotaShift> for Shift {
    fn from(shift: &RotaShift) -> Self {
        let rest = |&(from, to): &(Time, Time)| Rest {
            from: rfc3339(from),
            to: rfc3339(to),
        };
        Self {
            from: rfc3339(shift.from),
            to: rfc3339(shift.to),
            breaks: shift.breaks.iter().map(rest).collect(),
        }
    }
}

pub(super) async fn put(
    State(app): State<App>,
    caller: Caller,
    Named(agent): Named<String>,
    Body(rota): Body<Rota>,
) -> Result<StatusCode, ApiError> {
    caller.admin()?;
    let agent = AgentName::from(agent.as_str());
    if !app.handle.state().directory.knows(&agent) {
        return Err(ApiError::NotFound(format!("there is no agent `{agent}`")));
    }
    if rota.shifts.len() > MAX_SHIFTS {
        return Err(ApiError::Invalid(format!("at most {MAX_SHIFTS} shifts")));
    }
    let shifts = rota.shifts.into_iter().map(RotaShift::from).collect();
    let input = Input::Rota { agent, shifts };
    submit(&app, input, Context::by(caller.actor())).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn get(
    State(app): State<App>,
    caller: Caller,
    Named(agent): Named<String>,
) -> Result<Json<Rota>, ApiError> {
    let name = AgentName::from(agent.as_str());
    caller.act_for(&name)?;
    let state = app.handle.state();
    let shifts = state.core.rota_of(&name);
    let shifts = shifts.ok_or_else(|| ApiError::NotFound(format!("there is no agent `{name}`")))?;
    Ok(Json(Rota {
        shifts: shifts.iter().map(Shift::from).collect(),
    }))
}
