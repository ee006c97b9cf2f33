//! What the operator sees of the cluster: watched, reduced to what it needs, and indexed by
//! tenant, so that a reconcile scans nothing and asks nobody.

mod cache;
mod facts;
mod watch;

pub use cache::{Cache, Stream, View};
pub use facts::{ChildFact, DocFact, Fact, ImageProblem, PodFact, ReportFact, WorkloadFact};
pub use watch::{Watcher, Watching};

use std::fmt;

/// A tenant: a CallCenter by namespace and name, whether it exists or is only spoken of.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TenantKey {
    /// Its namespace.
    pub namespace: String,
    /// The CallCenter's name.
    pub name: String,
}

impl fmt::Display for TenantKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}
