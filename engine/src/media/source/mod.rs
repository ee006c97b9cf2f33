//! Where the tenant comes from and where the report goes: the API server, or a folder.

mod assemble;
mod cluster;
mod dir;

use tokio::sync::mpsc;
use trunkline_tenant::report::MediaReport;

pub(super) use cluster::Cluster;
pub(super) use dir::Dir;

use super::keeper::Order;

/// One of the two.
#[derive(Clone)]
pub(super) enum Source {
    /// In a pod.
    Cluster(Cluster),
    /// Without a cluster.
    Dir(Dir),
}

impl Source {
    /// Sends [`Order::Run`] for what is there now and at each change, until the keeper is gone.
    pub(super) async fn follow(self, orders: mpsc::Sender<Order>) {
        match self {
            Self::Cluster(cluster) => cluster.follow(orders).await,
            Self::Dir(dir) => dir.follow(orders).await,
        }
    }

    /// Writes this pod's report.
    pub(super) async fn write_report(&self, pod: &str, report: &MediaReport) -> anyhow::Result<()> {
        match self {
            Self::Cluster(cluster) => cluster.write_report(pod, report).await,
            Self::Dir(dir) => dir.write_report(pod, report),
        }
    }
}
