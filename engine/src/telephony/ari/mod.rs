//! Our own thin client of Asterisk's REST interface (ARI): typed commands over HTTP, typed
//! events over a WebSocket, ids that we choose.
//!
//! It knows nothing of contacts or agents, keeps no state of calls, and never retries: who calls
//! it knows whether a repeat still makes sense. Every command that makes something takes its id
//! from us, so a repeat after an answer that got lost is harmless ([`Done::Already`]).

mod admin;
mod bridges;
mod channels;
mod error;
mod event;
mod ids;
mod model;
mod rest;
mod stream;

pub use channels::{Cause, Originate, RecordOptions};
pub use error::{AriError, StreamEnd};
pub use event::{Event, EventKind};
pub use ids::{BridgeId, ChannelId, HostName, PlaybackId, RecordingName};
pub use model::{
    Application, AsteriskInfo, Bridge, Channel, ChannelState, ConfigTuple, DialplanPlace, Endpoint,
    LiveRecording, Party, Playback, Pong, RtpStatistics,
};
pub use rest::{Ari, Done, Host};
pub(crate) use stream::HANDSHAKE_TIMEOUT;
pub use stream::{Backlog, EventStream};
