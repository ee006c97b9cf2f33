//! How a queue is named across a whole tenant.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use trunkline_crds::{ClientName, QueueName};

/// A queue of the tenant: `orders` is the centre's own, `acme-pharma/orders` a client's.
///
/// The centre's queues sort before any client's.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QueueId {
    /// Whose it is; `None`: the centre's.
    pub client: Option<ClientName>,
    /// Its name there.
    pub queue: QueueName,
}

impl QueueId {
    /// A queue of the centre's own.
    pub fn centre(queue: impl Into<QueueName>) -> Self {
        Self {
            client: None,
            queue: queue.into(),
        }
    }
    /// A client's queue.
    pub fn of(client: impl Into<ClientName>, queue: impl Into<QueueName>) -> Self {
        Self {
            client: Some(client.into()),
            queue: queue.into(),
        }
    }
}

impl fmt::Display for QueueId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.client {
            Some(client) => write!(f, "{client}/{}", self.queue),
            None => write!(f, "{}", self.queue),
        }
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
        s.collect_str(self)
    }
}
impl<'de> Deserialize<'de> for QueueId {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d)?.parse().map_err(de::Error::custom)
    }
}
