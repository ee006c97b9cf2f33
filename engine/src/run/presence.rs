//! Whose desk still says that it is there.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use trunkline_tenant::crds::AgentName;

use crate::journal::Presence;
use crate::state::Directory;

/// A desk says so every five seconds; three that are missed are enough.
pub const SILENCE: Duration = Duration::from_secs(15);

/// When each desk was last heard. Not journalled: what follows from it is.
#[derive(Debug)]
pub(super) struct Beats {
    heard: BTreeMap<AgentName, Instant>,
    began: Instant,
}

impl Beats {
    /// Nobody is blamed for the silence before this engine led.
    pub(super) fn new(began: Instant) -> Self {
        Self {
            heard: BTreeMap::new(),
            began,
        }
    }

    pub(super) fn heard(&mut self, agent: AgentName, at: Instant) {
        self.heard.insert(agent, at);
    }

    /// Those whose session is thought alive, is known by heartbeats, and is silent for too long.
    pub(super) fn silent(&self, directory: &Directory, now: Instant) -> Vec<AgentName> {
        directory
            .agents
            .iter()
            .filter(|(_, view)| {
                view.signed_in && view.alive && view.presence == Presence::Heartbeat
            })
            .filter(|(agent, _)| {
                let heard = self.heard.get(*agent).copied().unwrap_or(self.began);
                now.saturating_duration_since(heard) >= SILENCE
            })
            .map(|(agent, _)| agent.clone())
            .collect()
    }
}
