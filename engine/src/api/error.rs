//! What the API says when it can't do what was asked.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use schemars::JsonSchema;
use serde::Serialize;

use crate::run::NotTaken;

/// A refusal: the status, and a message a person can act on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ApiError {
    /// No token, or not one of ours.
    Unauthorized,
    /// A good token, of somebody who may not.
    Forbidden(String),
    /// Not there.
    NotFound(String),
    /// Not as things stand.
    Conflict(String),
    /// Can't be understood.
    Invalid(String),
    /// Ask again.
    Unavailable(String),
}

/// The body of every refusal.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Problem {
    /// What is wrong, and what would be right.
    error: String,
}

impl From<NotTaken> for ApiError {
    fn from(why: NotTaken) -> Self {
        Self::Unavailable(why.to_string())
    }
}

impl ApiError {
    /// For a person.
    pub(crate) fn message(&self) -> &str {
        match self {
            Self::Unauthorized => {
                "a token is needed: `Authorization: Bearer TOKEN`, the administration's or the agent's own"
            }
            Self::Forbidden(why)
            | Self::NotFound(why)
            | Self::Conflict(why)
            | Self::Invalid(why)
            | Self::Unavailable(why) => why,
        }
    }

    fn status(&self) -> StatusCode {
        match self {
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::Forbidden(_) => StatusCode::FORBIDDEN,
            Self::NotFound(_) => StatusCode::NOT_FOUND,
            Self::Conflict(_) => StatusCode::CONFLICT,
            Self::Invalid(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let status = self.status();
        let error = self.message().to_owned();
        let mut response = (status, Json(Problem { error })).into_response();
        let headers = response.headers_mut();
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
            // The next request goes to whoever leads by then, which the same connection would not.
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}
