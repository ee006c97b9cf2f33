//! One entry: an input with its time, and what the engine itself must remember beside it.

use serde::{Deserialize, Serialize};
use trunkline_routing::{Input, Time};
use trunkline_tenant::crds::AgentName;

use super::Seq;
use crate::telephony::CallRef;

/// One input as it is journalled.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Its place.
    pub seq: Seq,
    /// When; never before the entry in front.
    pub at: Time,
    /// What happened.
    pub input: Input,
    /// What the routing core doesn't need to know and a successor does.
    #[serde(default, skip_serializing_if = "Context::is_empty")]
    pub context: Context,
}

/// What stands beside an input.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Context {
    /// Who brought it, for the audit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<Actor>,
    /// With what an agent does to a conversation: whose it was when they did it. Where another has taken it over
    /// by the time this is decided, it is refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent: Option<AgentName>,
    /// With an arrival: the call that it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub call: Option<CallRef>,
    /// With an arrival: the number dialled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub number: Option<String>,
    /// With an arrival through the API: the caller's own word for it; that of a customer's contact is written
    /// sealed ([`crate::journal::Vault`]).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// With a sign-in: how the agent's presence is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub presence: Option<Presence>,
    /// The customer who is erased with this entry, by our name for them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub erased: Option<String>,
    /// With a configuration: its hash.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub config_hash: Option<String>,
}

impl Context {
    /// Nothing to remember.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Brought by somebody, and nothing else to remember.
    pub fn by(actor: Actor) -> Self {
        Self {
            by: Some(actor),
            ..Self::default()
        }
    }
}

/// Who brought an input.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Actor {
    /// A call.
    Telephony,
    /// The engine itself: its clock, its configuration, its watch over sessions.
    Engine,
    /// Whoever holds the administration's token.
    Admin,
    /// An agent's own session.
    Agent(String),
}

/// How it is known that an agent who signed in is there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Presence {
    /// Their desk says so every few seconds.
    #[default]
    Heartbeat,
    /// Their telephone is registered: for those who have no desk open.
    Endpoint,
}
