//! What Asterisk itself tells of every channel and bridge, whoever leads: events of an application
//! of our own that is subscribed to everything.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::StreamExt as _;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};
use tokio_tungstenite::connect_async;

/// An event of our own: Asterisk went away, and with it what was in it. It tells of none of that.
pub const LOST: &str = "Lost";

pub struct Witness {
    events: Arc<Mutex<Vec<Value>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Witness {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Witness {
    /// Watches until it is dropped; an Asterisk that went away is watched again when it is back. Where only our own connection
    /// was lost, it is not taken for dead: it began when it began before.
    pub async fn open(password: impl Fn() -> String + Send + 'static) -> Self {
        let events = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&events);
        let (told, first) = tokio::sync::oneshot::channel();
        let task = tokio::spawn(async move {
            let mut told = Some(told);
            // When the Asterisk that we watched began, and when we lost sight of it.
            let mut watched: Option<(String, String)> = None;
            loop {
                let password = password();
                let url = format!(
                    "ws://10.88.0.1:8088/ari/events?app=witness&subscribeAll=true&api_key=sidecar:{password}"
                );
                if let Ok((mut stream, _)) = connect_async(url).await
                    && let Some(began) = began(&password).await
                {
                    if let Some((before, at)) = watched.take()
                        && before != began
                    {
                        let lost = json!({"type": LOST, "timestamp": at});
                        kept.lock().unwrap().push(lost);
                    }
                    if let Some(told) = told.take() {
                        let _ = told.send(());
                    }
                    while let Some(Ok(message)) = stream.next().await {
                        if let Ok(text) = message.into_text()
                            && let Ok(event) = serde_json::from_str::<Value>(&text)
                        {
                            kept.lock().unwrap().push(event);
                        }
                    }
                    // In Asterisk's own form, so that it has its place among what is told.
                    let now = chrono::Utc::now().format("%Y-%m-%dT%H:%M:%S%.3f%z");
                    watched = Some((began, now.to_string()));
                }
                sleep(Duration::from_millis(50)).await;
            }
        });
        first.await.unwrap();
        Self { events, task }
    }

    pub fn events(&self) -> Vec<Value> {
        self.events.lock().unwrap().clone()
    }

    pub fn len(&self) -> usize {
        self.events.lock().unwrap().len()
    }

    /// Waits until of each channel that was seen its end is known, then tells all.
    pub async fn to_the_end(&self) -> Vec<Value> {
        self.wait("the end of each channel", |events| {
            let mut there = BTreeSet::new();
            for event in events {
                let id = event["channel"]["id"].as_str().unwrap_or_default();
                match event["type"].as_str().unwrap_or_default() {
                    "ChannelCreated" => _ = there.insert(id),
                    "ChannelDestroyed" => _ = there.remove(id),
                    LOST => there.clear(),
                    _ => {}
                }
            }
            there.is_empty()
        })
        .await;
        self.events()
    }

    /// Waits for an agent's leg that was made after the first `seen` events.
    pub async fn offered_since(&self, seen: usize) {
        self.wait("an offer", |events| {
            events[seen..].iter().any(|event| {
                event["type"] == "ChannelCreated" && leg(&event["channel"]["id"]).is_some()
            })
        })
        .await;
    }

    pub async fn wait(&self, what: &str, holds: impl Fn(&[Value]) -> bool) {
        let until = Instant::now() + Duration::from_secs(40);
        while !holds(&self.events.lock().unwrap()) {
            assert!(
                Instant::now() < until,
                "Asterisk did not see {what} in 40 s"
            );
            sleep(Duration::from_millis(5)).await;
        }
    }
}

/// When Asterisk began, by its own word, if it answers.
async fn began(password: &str) -> Option<String> {
    let client = reqwest::Client::builder()
        .no_proxy()
        .timeout(Duration::from_secs(2))
        .build()
        .unwrap();
    let request = client
        .get("http://10.88.0.1:8088/ari/asterisk/info?only=status")
        .basic_auth("sidecar", Some(password));
    let info: Value = request.send().await.ok()?.json().await.ok()?;
    Some(info["status"]["startup_time"].as_str()?.to_owned())
}

/// The contact whose offer this leg is: `o-CONTACT-GENERATION`.
pub fn leg(id: &Value) -> Option<u64> {
    contact_behind("o-", id)
}

/// The contact whose customer is called by this leg: `c-CONTACT-GENERATION`.
pub fn customer(id: &Value) -> Option<u64> {
    contact_behind("c-", id)
}

fn contact_behind(kind: &str, id: &Value) -> Option<u64> {
    let (contact, _) = id.as_str()?.strip_prefix(kind)?.split_once('-')?;
    contact.parse().ok()
}
