//! The cluster, as far as an engine knows it: its configuration, its Lease, its report, and where
//! the media pods are. Nothing else in the engine knows Kubernetes.
//!
//! No name is looked up: the API server is found by `KUBERNETES_SERVICE_HOST`, media pods by
//! their addresses (the binary is linked statically and has no resolver).

mod config;
mod lease;
mod media;
mod report;
#[cfg(test)]
mod tests;

use k8s_openapi::jiff::Timestamp;
use kube::Client;

pub use lease::Election;
pub(crate) use report::{SETTLE, counts};

/// The tenant's place in the cluster.
#[derive(Clone)]
pub struct Cluster {
    client: Client,
    namespace: String,
    call_center: String,
}

impl std::fmt::Debug for Cluster {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cluster")
            .field("namespace", &self.namespace)
            .field("call_center", &self.call_center)
            .finish_non_exhaustive()
    }
}

/// No way to the API server.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// Not in a pod, or without its token.
    #[error(
        "no way to the API server: an engine that runs with --kube is a pod, with its service account's token mounted"
    )]
    InCluster(#[from] kube::config::InClusterError),
    /// No client.
    #[error("no client of the API server can be made")]
    Client(#[from] kube::Error),
}

impl Cluster {
    /// From inside a pod.
    ///
    /// # Errors
    /// [`ClusterError`].
    pub fn from_pod(namespace: &str, call_center: &str) -> Result<Self, ClusterError> {
        let config = kube::Config::incluster_env()?;
        Ok(Self::new(Client::try_from(config)?, namespace, call_center))
    }

    /// Through a client at hand.
    pub fn new(client: Client, namespace: &str, call_center: &str) -> Self {
        Self {
            client,
            namespace: namespace.to_owned(),
            call_center: call_center.to_owned(),
        }
    }

    fn named(&self, suffix: &str) -> String {
        format!("{}-{suffix}", self.call_center)
    }

    fn api<K>(&self) -> kube::Api<K>
    where
        K: kube::Resource<DynamicType = (), Scope = k8s_openapi::NamespaceResourceScope>,
    {
        kube::Api::namespaced(self.client.clone(), &self.namespace)
    }
}

fn now() -> Timestamp {
    Timestamp::now()
}
