//! Contacts: those that live, the records of those that have ended, and new ones.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use chrono::{DateTime, Utc};
use serde::Deserialize;
use trunkline_routing::{ContactId, Input, Time};
use trunkline_tenant::QueueId;

use super::App;
use super::auth::Caller;
use super::callbacks::{callable, identified};
use super::command::submit;
use super::error::ApiError;
use super::extract::{Asked, Body, Named};
use super::model::{Contact, ContactNumber, NewContact, NewPriority};
use super::queue_id;
use crate::explain::{Explanation, NoAnswer, Question};
use crate::journal::Context;
use crate::run::{Arriving, NotTaken};
use crate::telephony::CallAudio;

const DEFAULT_LIMIT: usize = 100;
const MAX_LIMIT: usize = 1000;
const MAX_REFERENCE: usize = 200;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Filter {
    queue: Option<String>,
    state: Option<Which>,
    limit: Option<usize>,
}

#[derive(Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Which {
    Live,
    Ended,
}

pub(super) async fn list(
    State(app): State<App>,
    caller: Caller,
    Asked(filter): Asked<Filter>,
) -> Result<Json<Vec<Contact>>, ApiError> {
    caller.admin()?;
    let queue = filter.queue.as_deref().map(queue_id).transpose()?;
    let wanted = |of: &QueueId| queue.as_ref().is_none_or(|queue| queue == of);
    let limit = filter.limit.unwrap_or(DEFAULT_LIMIT).min(MAX_LIMIT);
    let state = app.handle.state();
    let directory = &state.directory;
    let (tenant, names) = (directory.tenant.as_deref(), app.handle.names());
    let contacts = if filter.state == Some(Which::Ended) {
        directory
            .recent
            .iter()
            .rev()
            .filter(|record| wanted(&record.last.queue))
            .take(limit)
            .map(|record| Contact::ended(record, tenant).named(names))
            .collect()
    } else {
        let now = super::now();
        directory
            .live
            .iter()
            .filter(|(_, live)| wanted(&live.queue))
            .take(limit)
            .map(|(id, live)| Contact::living(*id, live, tenant, now).named(names))
            .collect()
    };
    Ok(Json(contacts))
}

pub(super) async fn one(
    State(app): State<App>,
    caller: Caller,
    Named(contact): Named<u64>,
) -> Result<Json<Contact>, ApiError> {
    let id = ContactId(contact);
    let missing = || ApiError::NotFound(format!("there is no contact {contact}"));
    {
        let state = app.handle.state();
        let directory = &state.directory;
        let tenant = directory.tenant.as_deref();
        if let Some(live) = directory.live.get(&id) {
            if let Caller::Agent(agent) = &caller
                && live.stage.agent() != Some(agent)
            {
                // An agent is not told whether somebody else's contact exists.
                return Err(missing());
            }
            let contact = Contact::living(id, live, tenant, super::now());
            return Ok(Json(contact.named(app.handle.names())));
        }
        if matches!(caller, Caller::Agent(_)) {
            return Err(missing());
        }
        if let Some(record) = directory.recent.iter().rev().find(|r| r.contact == id) {
            let contact = Contact::ended(record, tenant);
            return Ok(Json(contact.named(app.handle.names())));
        }
    }
    let segments = app.handle.record(id).await?;
    let state = app.handle.state();
    Contact::journalled(id, &segments, state.directory.tenant.as_deref())
        .map(Json)
        .ok_or_else(missing)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct About {
    agent: Option<String>,
    at: Option<DateTime<Utc>>,
}

/// From the journal alone, so for as long as that is kept.
pub(super) async fn explain(
    State(app): State<App>,
    caller: Caller,
    Named(contact): Named<u64>,
    Asked(about): Asked<About>,
) -> Result<Json<Explanation>, ApiError> {
    caller.admin()?;
    let question = Question {
        contact: ContactId(contact),
        agent: about.agent.as_deref().map(Into::into),
        at: about.at.map(|at| Time(at.timestamp_micros())),
    };
    // The replay goes through every midnight until then. The journal's clock may be ahead of ours.
    let now = super::now().max(app.handle.state().core.now());
    if let Some(at) = about.at.filter(|_| question.at > Some(now)) {
        return Err(ApiError::Invalid(format!(
            "`at` is {at}, which is yet to come: want a moment that is past"
        )));
    }
    match app.handle.explain(question).await? {
        Ok(explanation) => Ok(Json(explanation)),
        Err(NoAnswer::Journal(error)) => {
            tracing::error!(%error, contact, "the journal could not be read to explain");
            Err(NotTaken::NotLeading.into())
        }
        Err(none) => Err(ApiError::NotFound(none.to_string())),
    }
}

pub(super) async fn audio(
    State(app): State<App>,
    caller: Caller,
    Named(contact): Named<u64>,
) -> Result<Json<CallAudio>, ApiError> {
    caller.admin()?;
    let counted = app.handle.measure(ContactId(contact)).await?;
    counted
        .map(Json)
        .ok_or_else(|| ApiError::NotFound(format!("contact {contact} is no call that goes on now")))
}

pub(super) async fn voicemail(
    State(app): State<App>,
    caller: Caller,
    Named(contact): Named<u64>,
) -> Result<impl IntoResponse, ApiError> {
    caller.admin()?;
    let wav = app.handle.message(ContactId(contact)).await?;
    let wav = wav.ok_or_else(|| {
        ApiError::NotFound(format!(
            "there is no message of contact {contact}: none was left, its retention is over, or its media pod is gone"
        ))
    })?;
    Ok(([(CONTENT_TYPE, "audio/wav")], wav))
}

/// Whether a queue's customers are called, or call.
fn is_called(app: &App, queue: &QueueId) -> bool {
    let state = app.handle.state();
    let tenant = state.directory.tenant.as_deref();
    let queue = tenant.and_then(|tenant| tenant.queues.get(queue));
    queue.is_some_and(|queue| queue.medium.is_call())
}

pub(super) async fn arrive(
    State(app): State<App>,
    caller: Caller,
    Body(new): Body<NewContact>,
) -> Result<(StatusCode, Json<ContactNumber>), ApiError> {
    caller.admin()?;
    if new.reference.is_empty() || new.reference.len() > MAX_REFERENCE {
        return Err(ApiError::Invalid(format!(
            "`reference` wants 1 to {MAX_REFERENCE} bytes"
        )));
    }
    let queue = queue_id(&new.queue)?;
    let named = if is_called(&app, &queue) {
        callable
    } else {
        identified
    };
    new.customer.as_deref().map(named).transpose()?;
    let arriving = Arriving {
        queue,
        priority: new.priority,
        customer: new.customer,
        context: Context {
            reference: Some(new.reference),
            ..Context::by(caller.actor())
        },
    };
    let (contact, decision) = app.handle.arrive(arriving).await?;
    if let Some(why) = decision.as_ref().and_then(|decision| decision.refused()) {
        return Err(ApiError::Conflict(why.to_owned()));
    }
    let status = if decision.is_some() {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    Ok((status, Json(ContactNumber { id: contact.0 })))
}

pub(super) async fn gone(
    State(app): State<App>,
    caller: Caller,
    Named(contact): Named<u64>,
) -> Result<StatusCode, ApiError> {
    caller.admin()?;
    let contact = ContactId(contact);
    {
        let state = app.handle.state();
        match state.directory.live.get(&contact) {
            None => {
                return Err(ApiError::NotFound(format!(
                    "there is no live contact {contact}"
                )));
            }
            Some(live) if live.call.is_some() => {
                return Err(ApiError::Conflict(format!(
                    "contact {contact} is a call: it is gone when the caller hangs up"
                )));
            }
            Some(_) => {}
        }
    }
    let input = Input::CustomerGone { contact };
    submit(&app, input, Context::by(caller.actor())).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn prioritise(
    State(app): State<App>,
    caller: Caller,
    Named(contact): Named<u64>,
    Body(NewPriority { priority }): Body<NewPriority>,
) -> Result<StatusCode, ApiError> {
    caller.admin()?;
    let input = Input::Prioritise {
        contact: ContactId(contact),
        priority,
    };
    submit(&app, input, Context::by(caller.actor())).await?;
    Ok(StatusCode::NO_CONTENT)
}
