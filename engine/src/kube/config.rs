//! The tenant's ConfigMap, watched through the API: a mounted volume would be up to a minute late.

use futures::StreamExt;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::runtime::{WatchStreamExt, watcher};
use tokio::sync::watch;

use super::Cluster;
use crate::config::{HASH_KEY, Loaded, PackedError, TENANT_KEY};

impl Cluster {
    /// Hands on every new Tenant until nobody listens. One that can't be used is told of and left:
    /// the engine goes on with what it has.
    pub(crate) async fn follow_config(
        &self,
        loaded: watch::Sender<Option<Loaded>>,
        problem: watch::Sender<Option<String>>,
    ) {
        let name = self.named("tenant");
        let only = watcher::Config::default().fields(&format!("metadata.name={name}"));
        let stream = watcher(self.api::<ConfigMap>(), only)
            .default_backoff()
            .applied_objects();
        let mut stream = std::pin::pin!(stream);
        while let Some(next) = stream.next().await {
            let map = match next {
                Ok(map) => map,
                Err(error) => {
                    tracing::warn!(%error, name, "the watch of the configuration broke; trying again");
                    continue;
                }
            };
            match read(&map) {
                Ok(new) => {
                    problem.send_replace(None);
                    loaded.send_if_modified(|current| {
                        let changed = current.as_ref().is_none_or(|old| old.hash != new.hash);
                        if changed {
                            *current = Some(new);
                        }
                        changed
                    });
                }
                Err(error) => {
                    let why = format!("ConfigMap {name}: {}", chain(&error));
                    tracing::error!(why, "the configuration can't be used; the last one runs on");
                    problem.send_replace(Some(why));
                }
            }
            if loaded.is_closed() {
                return;
            }
        }
    }
}

#[derive(Debug, thiserror::Error)]
enum Unusable {
    #[error("it holds no `binaryData[\"{TENANT_KEY}\"]`")]
    Missing,
    #[error(transparent)]
    Packed(#[from] PackedError),
}

fn read(map: &ConfigMap) -> Result<Loaded, Unusable> {
    let packed = map
        .binary_data
        .as_ref()
        .and_then(|data| data.get(TENANT_KEY))
        .ok_or(Unusable::Missing)?;
    let announced = map.data.as_ref().and_then(|data| data.get(HASH_KEY));
    Ok(Loaded::unpack(&packed.0, announced.map(String::as_str))?)
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
