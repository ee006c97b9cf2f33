//! What a tenant *is*: the documents compiled into one [`Tenant`].
//!
//! Whoever needs to know what the YAML means asks this crate; nobody else reads raw
//! documents. It knows neither Kubernetes nor I/O, and judges nothing by today's date.

mod ids;
mod model;
pub mod report;

pub use ids::{BadQueueId, QueueId};
pub use model::*;
/// The vocabulary that the Tenant shares with the documents.
pub use trunkline_crds as crds;
