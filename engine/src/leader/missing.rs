//! Whether media pods miss their engine: the witness that a silent leader is gone, and not only
//! out of our own reach.

use std::time::Duration;

use futures::future::join_all;
use tokio::sync::watch;

use super::MediaPod;

/// A pod that takes longer is no witness this time.
const TIMEOUT: Duration = Duration::from_millis(500);

/// Asks the media pods that there are.
#[derive(Debug)]
pub struct MissingApp {
    pods: watch::Receiver<Option<Vec<MediaPod>>>,
    http: reqwest::Client,
}

#[derive(serde::Deserialize)]
struct Engine {
    connected: bool,
}

impl MissingApp {
    /// Of the pods that `pods` names.
    ///
    /// # Errors
    /// Where no HTTP client can be made.
    pub fn new(pods: watch::Receiver<Option<Vec<MediaPod>>>) -> Result<Self, reqwest::Error> {
        let http = reqwest::Client::builder()
            .timeout(TIMEOUT)
            .no_proxy()
            .build()?;
        Ok(Self { pods, http })
    }

    /// Whether a pod says that no engine is connected.
    pub async fn is_missing(&self) -> bool {
        let pods = self.pods.borrow().clone().unwrap_or_default();
        let asked = pods.iter().map(async |pod| {
            let answer = self.http.get(pod.sidecar("engine")).send().await.ok()?;
            answer.json::<Engine>().await.ok()
        });
        let said = join_all(asked).await;
        said.into_iter().flatten().any(|engine| !engine.connected)
    }
}
