//! Commands about Asterisk itself: is it there, what does it run, reload, read back.

use reqwest::Method;
use serde_json::json;

use super::error::AriError;
use super::model::{Application, AsteriskInfo, ConfigTuple, Endpoint, Pong};
use super::rest::Ari;

impl Ari {
    /// Is it there, and is our password the right one?
    pub async fn ping(&self) -> Result<Pong, AriError> {
        self.get(&["asterisk", "ping"], &[]).await
    }

    /// Version, start, `systemname`.
    pub async fn info(&self) -> Result<AsteriskInfo, AriError> {
        self.get(&["asterisk", "info"], &[]).await
    }

    /// Reloads a module (`res_pjsip.so`). Answers success even where the file was refused:
    /// read back with [`Self::dynamic_config`].
    pub async fn reload_module(&self, name: &str) -> Result<(), AriError> {
        self.send(Method::PUT, &["asterisk", "modules", name], &[], None)
            .await
            .map(drop)
    }

    /// A sorcery object as Asterisk has it now: `("res_pjsip", "endpoint", "maria")`. `None`: there
    /// is none.
    pub async fn dynamic_config(
        &self,
        class: &str,
        kind: &str,
        id: &str,
    ) -> Result<Option<Vec<ConfigTuple>>, AriError> {
        let read = self
            .get(&["asterisk", "config", "dynamic", class, kind, id], &[])
            .await;
        match read {
            Ok(tuples) => Ok(Some(tuples)),
            Err(error) if error.is_gone() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Sets a global variable of the dialplan (`DRAIN`). A repeat sets it again.
    pub async fn set_global(&self, name: &str, value: &str) -> Result<(), AriError> {
        self.post(
            &["asterisk", "variable"],
            &[("variable", Some(name)), ("value", Some(value))],
        )
        .await
    }

    /// Endpoints with their state. Removed ones may linger as `offline` ghosts.
    pub async fn endpoints(&self) -> Result<Vec<Endpoint>, AriError> {
        self.get(&["endpoints"], &[]).await
    }

    /// Our app as Asterisk has it; `None`: nobody is connected under it.
    pub async fn application(&self, name: &str) -> Result<Option<Application>, AriError> {
        match self.get(&["applications", name], &[]).await {
            Ok(application) => Ok(Some(application)),
            Err(error) if error.is_gone() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Event types that Asterisk shall not send us: `ChannelVarset` is most of the traffic.
    /// A repeat sets it again; a new connection under the app's name keeps it.
    pub async fn refuse_events(&self, types: &[&str]) -> Result<(), AriError> {
        let disallowed: Vec<_> = types.iter().map(|name| json!({ "type": name })).collect();
        self.send(
            Method::PUT,
            &["applications", &self.host().app, "eventFilter"],
            &[],
            Some(&json!({ "disallowed": disallowed })),
        )
        .await
        .map(drop)
    }

    /// Asks for the events of `source` (`endpoint:PJSIP`, `bridge:ID`, `channel:ID`) for our app.
    /// A repeat does nothing.
    pub async fn subscribe(&self, source: &str) -> Result<(), AriError> {
        self.post(
            &["applications", &self.host().app, "subscription"],
            &[("eventSource", Some(source))],
        )
        .await
    }
}
