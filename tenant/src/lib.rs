//! What a tenant *is*: the documents compiled into one [`Tenant`].
//!
//! Whoever needs to know what the YAML means asks this crate; nobody else reads raw
//! documents. It knows neither Kubernetes nor I/O, and judges nothing by today's date.

mod calendar;
mod compile;
mod document;
mod finding;
mod ids;
pub mod manifest;
mod model;
pub mod packed;
mod path;
pub mod report;
mod rules;
mod schema;
mod typed;

pub use compile::{Compiled, HeldBack, Last, Source, Sources, Using, compile, compile_all};
pub use document::{Children, Document, DocumentId, Kind, Lines, Position, Recognised};
pub use finding::{Code, Finding, Severity};
pub use ids::{BadQueueId, QueueId};
pub use model::*;
pub use path::{FieldPath, Segment};
/// The vocabulary that the Tenant shares with the documents.
pub use trunkline_crds as crds;
