//! Callbacks: booked, listed, cancelled.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use chrono::{DateTime, TimeDelta, Utc};
use schemars::JsonSchema;
use serde::Deserialize;
use trunkline_routing::{ContactId, Input, Time, Window};

use super::App;
use super::auth::Caller;
use super::command::{submit, submit_fresh};
use super::error::ApiError;
use super::extract::{Body, Named};
use super::model::{Contact, ContactNumber};
use crate::journal::Context;
use crate::run::{Booking, Fresh};
use crate::state::Stage;
use crate::telephony::driver::outbound::Destination;

/// The longest number or name of a customer.
const MAX_CUSTOMER: usize = 200;
/// How far ahead a callback is promised.
const MOST_AHEAD: TimeDelta = TimeDelta::days(366);

/// Whether a text can say who a customer is. An empty one would make one person of everybody who has none.
pub(super) fn identified(customer: &str) -> Result<(), ApiError> {
    if customer.is_empty() || customer.len() > MAX_CUSTOMER {
        return Err(ApiError::Invalid(format!(
            "`customer` wants a number or an address, in 1 to {MAX_CUSTOMER} bytes"
        )));
    }
    Ok(())
}

/// Whether a text is a number at which a customer can be called.
pub(super) fn callable(customer: &str) -> Result<(), ApiError> {
    identified(customer)?;
    let read = Destination::of_customer(customer);
    read.map(drop)
        .map_err(|why| ApiError::Invalid(format!("`customer`: {why}")))
}

/// A callback to be booked.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct NewCallback {
    /// Where agents are sought: `queue` or `client/queue`, of medium Voice or Callback.
    pub(super) queue: String,
    /// The number to call, in E.164, as `+493012345`.
    pub(super) customer: String,
    /// Not before; absent: now.
    #[serde(default)]
    pub(super) due: Option<DateTime<Utc>>,
    /// When the customer may be called; absent: while the queue is open.
    #[serde(default)]
    pub(super) window: Option<DailyWindow>,
    /// Who is tried first.
    #[serde(default)]
    pub(super) agent: Option<String>,
    /// Beside the queue's priority; a point is a minute of age.
    #[serde(default)]
    pub(super) priority: i32,
}

/// Every day on the customer's own wall clock.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct DailyWindow {
    /// The customer's zone, as `America/New_York`.
    zone: String,
    /// Not before, as `09:00`.
    from: String,
    /// Not at or after, as `17:30`.
    to: String,
}

fn minute(text: &str) -> Result<u16, ApiError> {
    let parsed = text.split_once(':').and_then(|(hours, minutes)| {
        let (hours, minutes): (u16, u16) = (hours.parse().ok()?, minutes.parse().ok()?);
        let minute = hours.checked_mul(60)?.checked_add(minutes)?;
        (minutes < 60 && minute <= 24 * 60).then_some(minute)
    });
    parsed.ok_or_else(|| {
        ApiError::Invalid(format!(
            "`{text}` is no time of day: write `00:00` to `24:00`"
        ))
    })
}

impl NewCallback {
    pub(crate) fn booking(self) -> Result<Booking, ApiError> {
        callable(&self.customer)?;
        if self.due.is_some_and(|due| due > Utc::now() + MOST_AHEAD) {
            return Err(ApiError::Invalid(format!(
                "`due` is more than {} days ahead",
                MOST_AHEAD.num_days()
            )));
        }
        let window = self.window.map(|window| {
            Ok::<_, ApiError>(Window {
                zone: window.zone.parse().map_err(|_| {
                    ApiError::Invalid(format!(
                        "`{}` is no time zone: write one as `Europe/Berlin`",
                        window.zone
                    ))
                })?,
                from: minute(&window.from)?,
                to: minute(&window.to)?,
            })
        });
        Ok(Booking {
            queue: super::queue_id(&self.queue)?,
            customer: self.customer,
            due: self.due.map(|due| Time(due.timestamp_micros())),
            window: window.transpose()?,
            agent: self.agent.as_deref().map(Into::into),
            priority: self.priority,
        })
    }
}

pub(super) async fn book(
    State(app): State<App>,
    caller: Caller,
    Body(new): Body<NewCallback>,
) -> Result<(StatusCode, Json<ContactNumber>), ApiError> {
    caller.admin()?;
    let fresh = Fresh::Callback(new.booking()?);
    let decision = submit_fresh(&app, fresh, Context::by(caller.actor())).await?;
    match &decision.input {
        Input::BookCallback { contact, .. } => {
            Ok((StatusCode::CREATED, Json(ContactNumber { id: contact.0 })))
        }
        // It is the input that was just made.
        _ => Err(ApiError::Invalid("no callback was booked".into())),
    }
}

/// Those to come, and those whose customers are being called.
pub(super) async fn list(
    State(app): State<App>,
    caller: Caller,
) -> Result<Json<Vec<Contact>>, ApiError> {
    caller.admin()?;
    let state = app.handle.state();
    let directory = &state.directory;
    let tenant = directory.tenant.as_deref();
    let now = super::now();
    let callbacks = directory
        .live
        .iter()
        .filter(|(_, live)| live.calls.is_some() && !matches!(live.stage, Stage::Talking { .. }))
        .map(|(id, live)| Contact::living(*id, live, tenant, now).named(app.handle.names()))
        .collect();
    Ok(Json(callbacks))
}

pub(super) async fn cancel(
    State(app): State<App>,
    caller: Caller,
    Named(contact): Named<u64>,
) -> Result<StatusCode, ApiError> {
    caller.admin()?;
    let contact = ContactId(contact);
    let known = app.handle.state().directory.live.contains_key(&contact);
    if !known {
        return Err(ApiError::NotFound(format!(
            "there is no live contact {contact}"
        )));
    }
    let input = Input::CancelCallback { contact };
    submit(&app, input, Context::by(caller.actor())).await?;
    Ok(StatusCode::NO_CONTENT)
}
