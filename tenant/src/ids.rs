//! How a queue is named across a whole tenant.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use smol_str::{SmolStr, format_smolstr};
use trunkline_crds::{ClientName, QueueName};

/// A queue of the tenant: `orders` is the centre's own, `acme-pharma/orders` a client's.
///
/// The centre's queues sort before any client's.
// One text, as it is written: each contact's way is told in these, and to copy one that is short takes two moves.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct QueueId(SmolStr);

impl QueueId {
    /// What no queue is named.
    pub const NONE: Self = Self(SmolStr::new_inline(""));

    /// A queue of the centre's own.
    pub fn centre(queue: impl Into<QueueName>) -> Self {
        Self(SmolStr::new(queue.into().as_str()))
    }
    /// A client's queue.
    pub fn of(client: impl Into<ClientName>, queue: impl Into<QueueName>) -> Self {
        Self(format_smolstr!("{}/{}", client.into(), queue.into()))
    }
    /// Whose it is; `None`: the centre's.
    pub fn client(&self) -> Option<ClientName> {
        let (client, _) = self.0.split_once('/')?;
        Some(client.into())
    }
    /// Its name there.
    pub fn queue(&self) -> QueueName {
        self.parts().1.into()
    }

    /// Its client, empty for the centre, and its name there.
    fn parts(&self) -> (&str, &str) {
        self.0.split_once('/').unwrap_or(("", &self.0))
    }
}

impl Ord for QueueId {
    fn cmp(&self, other: &Self) -> Ordering {
        self.parts().cmp(&other.parts())
    }
}
impl PartialOrd for QueueId {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for QueueId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A text that names no queue.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` names no queue: write `queue` for one of the centre's, `client/queue` for a client's"
)]
pub struct BadQueueId(String);

impl FromStr for QueueId {
    type Err = BadQueueId;
    fn from_str(text: &str) -> Result<Self, BadQueueId> {
        let mut parts = text.split('/');
        let id = match (parts.next(), parts.next(), parts.next()) {
            (Some(queue), None, None) if !queue.is_empty() => Self::centre(queue),
            (Some("centre"), Some(queue), None) if !queue.is_empty() => Self::centre(queue),
            (Some(client), Some(queue), None) if !client.is_empty() && !queue.is_empty() => {
                Self::of(client, queue)
            }
            _ => return Err(BadQueueId(text.to_owned())),
        };
        Ok(id)
    }
}

impl Serialize for QueueId {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&self.0)
    }
}
impl<'de> Deserialize<'de> for QueueId {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d)?.parse().map_err(de::Error::custom)
    }
}
