//! Commands about bridges.

use reqwest::StatusCode;

use super::channels::RecordOptions;
use super::error::AriError;
use super::ids::{BridgeId, ChannelId, RecordingName};
use super::model::Bridge;
use super::rest::{Ari, Done, already};

impl Ari {
    /// All bridges of this Asterisk.
    pub async fn bridges(&self) -> Result<Vec<Bridge>, AriError> {
        self.get(&["bridges"], &[]).await
    }

    /// One bridge.
    pub async fn bridge(&self, id: &BridgeId) -> Result<Bridge, AriError> {
        self.get(&["bridges", id.as_str()], &[]).await
    }

    /// Makes a mixing bridge. A repeat (409) is [`Done::Already`].
    pub async fn create_bridge(&self, id: &BridgeId) -> Result<Done, AriError> {
        let sent = self
            .post(
                &["bridges"],
                &[("type", Some("mixing")), ("bridgeId", Some(id.as_str()))],
            )
            .await;
        already(sent, |error| error.status() == Some(StatusCode::CONFLICT))
    }

    /// Puts legs into a bridge, taking them out of any other. Asterisk lets a leg that is in it
    /// already leave and enter anew (a short gap): who may be repeating asks [`Self::bridge`] first.
    ///
    /// # Errors
    /// 400 where a leg is gone, 422 where one is not in the app.
    pub async fn add_to_bridge(
        &self,
        id: &BridgeId,
        channels: &[&ChannelId],
    ) -> Result<(), AriError> {
        let list: Vec<&str> = channels.iter().map(|channel| channel.as_str()).collect();
        self.post(
            &["bridges", id.as_str(), "addChannel"],
            &[("channel", Some(&list.join(",")))],
        )
        .await
    }

    /// Takes a leg out. One that isn't in (422), is gone (400), or whose bridge is gone (404) or just
    /// going (409), is [`Done::Already`].
    pub async fn remove_from_bridge(
        &self,
        id: &BridgeId,
        channel: &ChannelId,
    ) -> Result<Done, AriError> {
        let sent = self
            .post(
                &["bridges", id.as_str(), "removeChannel"],
                &[("channel", Some(channel.as_str()))],
            )
            .await;
        already(sent, |error| {
            matches!(
                error.status(),
                Some(
                    StatusCode::NOT_FOUND
                        | StatusCode::CONFLICT
                        | StatusCode::BAD_REQUEST
                        | StatusCode::UNPROCESSABLE_ENTITY
                )
            )
        })
    }

    /// Ends a bridge; its legs stay up, in the app. One that is gone, or that is just going (409: it is
    /// the app's no more), is [`Done::Already`].
    pub async fn destroy_bridge(&self, id: &BridgeId) -> Result<Done, AriError> {
        let sent = self.delete(&["bridges", id.as_str()], &[]).await;
        already(sent, |error| {
            error.is_gone() || error.status() == Some(StatusCode::CONFLICT)
        })
    }

    /// Records all that is heard in the bridge. A recording of this name that is under way is
    /// [`Done::Already`].
    pub async fn record_bridge(
        &self,
        id: &BridgeId,
        name: &RecordingName,
        options: RecordOptions<'_>,
    ) -> Result<Done, AriError> {
        options.start(self, ["bridges", id.as_str()], name).await
    }
}
