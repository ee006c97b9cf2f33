//! Erasing customers: what identifies one is destroyed, and that it was is kept.

use axum::Json;
use axum::extract::State;
use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use trunkline_routing::{ContactId, Input};

use super::App;
use super::auth::Caller;
use super::command::submit;
use super::error::ApiError;
use super::extract::Body;
use super::model::rfc3339;
use crate::journal::{Actor, Context};

/// Whom to erase. In a body and not in a path: paths are logged on their way.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Erase {
    /// The telephone number in full, in any spelling of it (`+49 30…`, with dashes too, `0049 30…`, `4930…`); or the address
    /// or name, exactly as it came with their contacts.
    customer: String,
    /// Erase them although a message that they left can't be deleted, because its media pod can't be reached: for a
    /// pod that never comes back. Without it that is refused.
    #[serde(default)]
    leave_messages: bool,
}

/// An erasure. The customer is named by the name that the journal has for them, which leads nowhere.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Erased {
    /// The journal's name for them.
    customer: String,
    /// When.
    at: DateTime<Utc>,
    /// By whom.
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<String>,
}

pub(super) async fn erase(
    State(app): State<App>,
    caller: Caller,
    Body(Erase {
        customer,
        leave_messages,
    }): Body<Erase>,
) -> Result<Json<Erased>, ApiError> {
    caller.admin()?;
    let ids = app.handle.find_customer(&customer).await?;
    if ids.is_empty() {
        return Err(ApiError::NotFound(
            "no customer is known by that: none came from there, or they are erased already; want the number as \
             the contacts show it"
                .into(),
        ));
    }
    // They may be several, of a release before: none is erased until nothing of any stands in the way.
    for id in &ids {
        cancel_callbacks(&app, &caller, id).await?;
        forget_messages(&app, id, leave_messages).await?;
    }
    for id in ids {
        let context = Context {
            erased: Some(id),
            ..Context::by(caller.actor())
        };
        submit(&app, Input::Tick, context).await?;
    }
    let state = app.handle.state();
    let newest = state.directory.erasures.back().map(Erased::from);
    newest.map(Json).ok_or(ApiError::NotFound(
        "it is not among the newest erasures".into(),
    ))
}

/// Whoever is forgotten is not called back. One whose call is under way already is talked to.
async fn cancel_callbacks(app: &App, caller: &Caller, customer: &str) -> Result<(), ApiError> {
    let theirs: Vec<ContactId> = {
        let state = app.handle.state();
        let live = state.directory.live.iter();
        live.filter(|(_, live)| live.calls.as_deref() == Some(customer))
            .map(|(id, _)| *id)
            .collect()
    };
    for contact in theirs {
        let input = Input::CancelCallback { contact };
        match submit(app, input, Context::by(caller.actor())).await {
            Ok(_) | Err(ApiError::Conflict(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Before the key: without it nobody would know whose they are.
async fn forget_messages(app: &App, customer: &str, leave: bool) -> Result<(), ApiError> {
    let speaks = {
        let state = app.handle.state();
        let mut speaking = state.directory.speaking(super::now());
        let theirs = speaking.find(|record| record.last.customer.as_deref() == Some(customer));
        theirs.map(|record| record.contact)
    };
    if let Some(contact) = speaks.filter(|_| !leave) {
        return Err(ApiError::Unavailable(format!(
            "contact {contact} was to leave a message, and how that went is not known yet. They are not erased yet: ask \
             again in ten minutes"
        )));
    }
    for (contact, host) in app.handle.messages_of(customer).await? {
        let gone = app.handle.forget_message(contact, host.clone()).await?;
        if !gone && !leave {
            return Err(ApiError::Unavailable(format!(
                "the message that they left as contact {contact} can't be deleted now: its media pod {host} can't be reached. \
                 They are not erased yet: ask again, or with `leaveMessages: true` where that pod never comes back"
            )));
        }
    }
    Ok(())
}

pub(super) async fn list(
    State(app): State<App>,
    caller: Caller,
) -> Result<Json<Vec<Erased>>, ApiError> {
    caller.admin()?;
    let state = app.handle.state();
    Ok(Json(
        state
            .directory
            .erasures
            .iter()
            .rev()
            .map(Erased::from)
            .collect(),
    ))
}

impl From<&crate::state::Erasure> for Erased {
    fn from(erasure: &crate::state::Erasure) -> Self {
        let by = erasure.by.as_ref().map(|by| match by {
            Actor::Telephony => "telephony".to_owned(),
            Actor::Engine => "engine".to_owned(),
            Actor::Admin => "admin".to_owned(),
            Actor::Agent(agent) => format!("agent {agent}"),
        });
        Self {
            customer: erasure.customer.clone(),
            at: rfc3339(erasure.at),
            by,
        }
    }
}
