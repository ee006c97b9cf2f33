//! What can go wrong between us and Asterisk, by what the caller can do about it.

use std::time::Duration;

use reqwest::StatusCode;

/// A command that did not do what was asked. Each message says which command, on which host.
#[derive(Debug, thiserror::Error)]
pub enum AriError {
    /// The host could not be reached, or the connection broke: the command may or may not have
    /// run. Ids are ours, so it is safe to send it again.
    #[error("{method} {path} on {host}: no answer")]
    Unreachable {
        /// Media host, as configured.
        host: String,
        /// HTTP method.
        method: reqwest::Method,
        /// Path under `/ari`.
        path: String,
        /// What the HTTP client says.
        #[source]
        source: reqwest::Error,
    },
    /// The password is of another epoch: a newer leader fenced us. Step down, don't retry.
    #[error(
        "{host} refuses our password: a newer leader has fenced this one, or the side-car has not yet set ours"
    )]
    Fenced {
        /// Media host.
        host: String,
    },
    /// The channel, bridge, playback … is not there (any more).
    #[error("{method} {path} on {host}: not there ({message})")]
    Gone {
        /// Media host.
        host: String,
        /// HTTP method.
        method: reqwest::Method,
        /// Path under `/ari`.
        path: String,
        /// Asterisk's message.
        message: String,
    },
    /// Asterisk understood and refused.
    #[error("{method} {path} on {host}: refused with {status} ({message})")]
    Refused {
        /// Media host.
        host: String,
        /// HTTP method.
        method: reqwest::Method,
        /// Path under `/ari`.
        path: String,
        /// HTTP status.
        status: StatusCode,
        /// Asterisk's message.
        message: String,
    },
    /// The answer isn't what the API's description says.
    #[error("{method} {path} on {host}: an answer we can't read")]
    Unreadable {
        /// Media host.
        host: String,
        /// HTTP method.
        method: reqwest::Method,
        /// Path under `/ari`.
        path: String,
        /// Where it departs.
        #[source]
        source: serde_json::Error,
    },
    /// The address of the host is not a URL we can use.
    #[error(
        "the ARI address {address:?} of {host} can't be used: want http://HOST:PORT/ari ({reason})"
    )]
    Address {
        /// Media host.
        host: String,
        /// As configured.
        address: String,
        /// Why not.
        reason: String,
    },
}

impl AriError {
    /// The object of the command no longer exists.
    pub fn is_gone(&self) -> bool {
        matches!(self, Self::Gone { .. })
    }

    /// HTTP status of a refusal.
    pub fn status(&self) -> Option<StatusCode> {
        match self {
            Self::Refused { status, .. } => Some(*status),
            Self::Gone { .. } => Some(StatusCode::NOT_FOUND),
            Self::Fenced { .. } => Some(StatusCode::UNAUTHORIZED),
            _ => None,
        }
    }
}

/// Why an event stream ended.
#[derive(Debug, thiserror::Error)]
pub enum StreamEnd {
    /// Another engine connected under our app name. It leads now: never reconnect.
    #[error("another engine has taken the app over: stepping down")]
    Replaced,
    /// The password is of another epoch. Never reconnect with it.
    #[error("the password is refused: a newer leader has fenced this one")]
    Fenced,
    /// No frame, not even the answer to a ping, for this long.
    #[error("silent for {0:?}: the host or the network is gone")]
    Silent(Duration),
    /// No connection could be made.
    #[error("can't connect to {address}")]
    Connect {
        /// Host and port.
        address: String,
        /// The reason.
        #[source]
        source: std::io::Error,
    },
    /// Nobody answered in time.
    #[error("{address} did not answer {what} in {patience:?}")]
    TimedOut {
        /// Host and port.
        address: String,
        /// What was asked of it: `a connection`, `the handshake`.
        what: &'static str,
        /// How long was waited.
        patience: Duration,
    },
    /// Connected, but it isn't an ARI socket that answers there.
    #[error("{address} does not speak ARI's WebSocket")]
    Handshake {
        /// Host and port.
        address: String,
        /// The reason.
        #[source]
        source: Box<tokio_tungstenite::tungstenite::Error>,
    },
    /// The peer closed, or the connection broke.
    #[error("the event socket closed")]
    Closed(#[source] Option<Box<tokio_tungstenite::tungstenite::Error>>),
}

impl StreamEnd {
    /// Another leader is at work: this process must not connect again.
    pub fn is_final(&self) -> bool {
        matches!(self, Self::Replaced | Self::Fenced)
    }
}
