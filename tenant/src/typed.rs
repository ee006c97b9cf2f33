//! A document's spec, read into its kind's type.

use serde_json::Value;
use trunkline_crds::{AgentSpec, CallCenterSpec, ClientSpec, TrunkSpec};

use crate::document::Kind;

/// One of the four specs.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Typed {
    CallCenter(Box<CallCenterSpec>),
    Client(Box<ClientSpec>),
    Trunk(Box<TrunkSpec>),
    Agent(Box<AgentSpec>),
}

impl Typed {
    /// Reads a spec that the schema's walk has passed or mended.
    pub fn read(kind: Kind, spec: Value) -> Result<Self, serde_json::Error> {
        Ok(match kind {
            Kind::CallCenter => Self::CallCenter(serde_json::from_value(spec)?),
            Kind::Client => Self::Client(serde_json::from_value(spec)?),
            Kind::Trunk => Self::Trunk(serde_json::from_value(spec)?),
            Kind::Agent => Self::Agent(serde_json::from_value(spec)?),
        })
    }

    /// The CallCenter that it names; `None` for a CallCenter.
    pub fn call_center(&self) -> Option<&str> {
        match self {
            Self::CallCenter(_) => None,
            Self::Client(spec) => Some(spec.call_center.as_str()),
            Self::Trunk(spec) => Some(spec.call_center.as_str()),
            Self::Agent(spec) => Some(spec.call_center.as_str()),
        }
    }
}
