//! Where the media pods are, by the EndpointSlices of their headless Service. They are listed
//! though they aren't ready: a pod is ready only once an engine is connected.

use std::collections::BTreeSet;

use futures::StreamExt;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::runtime::reflector::store;
use kube::runtime::{WatchStreamExt, watcher};
use tokio::sync::watch;

use super::Cluster;
use crate::leader::MediaPod;

const SIDECAR_PORT: u16 = 8090;
const ARI_PORT: u16 = 8088;

impl Cluster {
    /// Keeps `pods` at the media pods that there are, until nobody listens; `None` before the
    /// first listing.
    pub(crate) async fn follow_media(&self, pods: watch::Sender<Option<Vec<MediaPod>>>) {
        let service = self.named("media");
        let only =
            watcher::Config::default().labels(&format!("kubernetes.io/service-name={service}"));
        let (reader, writer) = store();
        let stream = watcher(self.api::<EndpointSlice>(), only)
            .default_backoff()
            .reflect(writer);
        let mut stream = std::pin::pin!(stream);
        while let Some(event) = stream.next().await {
            match event {
                Ok(watcher::Event::Init | watcher::Event::InitApply(_)) => continue,
                Ok(_) => {}
                Err(error) => {
                    tracing::warn!(%error, service, "the watch of media pods broke; trying again");
                    continue;
                }
            }
            let found: BTreeSet<MediaPod> = reader
                .state()
                .iter()
                .flat_map(|slice| in_slice(slice))
                .collect();
            let found: Vec<MediaPod> = found.into_iter().collect();
            pods.send_if_modified(|current| {
                let changed = current.as_ref() != Some(&found);
                if changed {
                    tracing::info!(pods = found.len(), "media pods");
                    *current = Some(found);
                }
                changed
            });
            if pods.is_closed() {
                return;
            }
        }
    }
}

fn in_slice(slice: &EndpointSlice) -> Vec<MediaPod> {
    let port = |name: &str, usual: u16| {
        let ports = slice.ports.iter().flatten();
        let named = ports.filter(|port| port.name.as_deref() == Some(name));
        named
            .filter_map(|port| u16::try_from(port.port?).ok())
            .next()
            .unwrap_or(usual)
    };
    let (sidecar_port, ari_port) = (port("side-car", SIDECAR_PORT), port("ari", ARI_PORT));
    slice
        .endpoints
        .iter()
        .flatten()
        .filter_map(|endpoint| {
            let pod = endpoint.target_ref.as_ref()?;
            Some(MediaPod {
                name: pod.name.clone()?,
                uid: pod.uid.clone()?,
                address: endpoint.addresses.first()?.parse().ok()?,
                sidecar_port,
                ari_port,
            })
        })
        .collect()
}
