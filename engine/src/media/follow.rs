//! Follows Asterisk over its manager interface: when it boots, and how its carriers are.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use chrono::Utc;
use tokio::sync::{mpsc, watch};
use tokio::time::sleep;

use trunkline_tenant::crds::TrunkName;

use super::ami::{Ami, AmiError, Message};
use super::asterisk::Asterisk;
use super::carriers::{Seen, report};
use super::keeper::Order;
use super::render::{TRUNK_PREFIX, trunk_endpoint};
use super::status::Status;

/// Asterisk takes 0.6 to 1 s to start.
const RECONNECT_EVERY: Duration = Duration::from_millis(100);

/// By this uptime, in seconds, every carrier has been asked: `qualify_frequency` is 10, and an
/// answer is waited for 3.
const ASKED_AFTER: u64 = 20;

/// The endless following.
pub(super) struct Follower {
    pub(super) address: SocketAddr,
    pub(super) secret: String,
    pub(super) asterisk: Asterisk,
    pub(super) orders: mpsc::Sender<Order>,
    pub(super) status: watch::Sender<Status>,
}

impl Follower {
    pub(super) async fn run(self) {
        loop {
            match self.session().await {
                Ok(()) => return,
                Err(error) => {
                    let was_up = self.status.borrow().up;
                    if was_up {
                        tracing::warn!(%error, "Asterisk is gone");
                        self.status.send_modify(|s| s.up = false);
                    }
                }
            }
            sleep(RECONNECT_EVERY).await;
        }
    }

    /// One Asterisk, from its boot to its end. `Ok`: the keeper is gone.
    async fn session(&self) -> Result<(), AmiError> {
        let mut ami = Ami::connect(self.address, "sidecar", &self.secret).await?;
        // sent at once to who logs in later than it happened
        let uptime = loop {
            let event = ami.event().await?;
            if event.event() == Some("FullyBooted") {
                break event.get("Uptime").and_then(|s| s.parse::<u64>().ok());
            }
        };
        if self.orders.send(Order::Booted).await.is_err() {
            return Ok(());
        }
        self.status.send_modify(|s| s.up = true);
        let mut status = self.status.subscribe();
        let mut known = Known::default();
        let mut wanted: Option<BTreeMap<_, _>> = None;
        loop {
            let changed = {
                let now = &status.borrow_and_update().wanted;
                (wanted.as_ref() != Some(now)).then(|| now.clone())
            };
            if let Some(changed) = changed {
                if wanted.is_none() {
                    self.ask(changed.keys(), uptime, &mut known).await;
                }
                wanted = Some(changed);
                self.look(&mut ami, &known).await?;
            }
            tokio::select! {
                event = ami.event() => {
                    if known.note(&event?) {
                        self.look(&mut ami, &known).await?;
                    }
                }
                changed = status.changed() => if changed.is_err() { return Ok(()) },
            }
        }
    }

    /// A side-car that was started anew has missed the events: what ARI says stands for them.
    async fn ask(
        &self,
        trunks: impl Iterator<Item = &TrunkName>,
        uptime: Option<u64>,
        known: &mut Known,
    ) {
        let asked_before = uptime.is_some_and(|seconds| seconds >= ASKED_AFTER);
        for trunk in trunks {
            let endpoint = trunk_endpoint(trunk);
            let online = self.asterisk.is_online(&endpoint).await;
            if online || asked_before {
                known.contacts.insert(endpoint, online);
            }
        }
    }

    /// Asks for the registrations anew: few trunks, and only when something has changed.
    async fn look(&self, ami: &mut Ami, known: &Known) -> Result<(), AmiError> {
        let registrations = ami.list("PJSIPShowRegistrationsOutbound").await?;
        let seen = Seen::new(&registrations, &known.contacts);
        self.status.send_if_modified(|status| {
            let trunks = report(&status.wanted, &seen, &status.trunks, Utc::now());
            let changed = trunks != status.trunks;
            status.trunks = trunks;
            changed
        });
        Ok(())
    }
}

/// What events have said.
#[derive(Debug, Default)]
struct Known {
    /// Whether the carrier answers OPTIONS, by endpoint.
    contacts: BTreeMap<String, bool>,
}

impl Known {
    /// Takes an event; whether it changes anything.
    fn note(&mut self, event: &Message) -> bool {
        match event.event() {
            // it names the account, not the trunk: the listing says the rest
            Some("Registry") => true,
            Some("ContactStatus") => {
                let endpoint = event.get("AOR").unwrap_or_default().to_owned();
                // phones come and go all day: they are the engine's
                if !endpoint.starts_with(TRUNK_PREFIX) {
                    return false;
                }
                match event.get("ContactStatus") {
                    Some("Reachable") => self.contacts.insert(endpoint, true),
                    Some("Unreachable") => self.contacts.insert(endpoint, false),
                    Some("Removed") => self.contacts.remove(&endpoint),
                    _ => return false,
                };
                true
            }
            _ => false,
        }
    }
}
