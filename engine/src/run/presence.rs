//! Whose desk still says that it is there.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use trunkline_tenant::crds::AgentName;

use crate::journal::Presence;
use crate::state::Directory;

/// A desk says so every five seconds; three that are missed are enough.
pub const SILENCE: Duration = Duration::from_secs(15);

/// When each desk was last heard. Not journalled: what follows from it is. Shared with whoever hears them, so that
/// desks take no place among the requests that wait for the journal.
#[derive(Clone, Debug, Default)]
pub(crate) struct Beats(Arc<Mutex<BTreeMap<AgentName, Instant>>>);

impl Beats {
    pub(crate) fn heard(&self, agent: AgentName) {
        self.table().insert(agent, Instant::now());
    }

    /// Those whose session is thought alive, is known by heartbeats, and has been silent for too long at `now`. Nobody is
    /// blamed for silence before `from`, when no engine led, or none could listen.
    pub(super) fn silent(
        &self,
        directory: &Directory,
        from: Instant,
        now: Instant,
    ) -> Vec<AgentName> {
        let table = self.table();
        directory
            .agents
            .iter()
            .filter(|(_, view)| {
                view.signed_in && view.alive && view.presence == Presence::Heartbeat
            })
            .filter(|(agent, _)| {
                let heard = table.get(*agent).map_or(from, |heard| from.max(*heard));
                now.saturating_duration_since(heard) >= SILENCE
            })
            .map(|(agent, _)| agent.clone())
            .collect()
    }

    fn table(&self) -> MutexGuard<'_, BTreeMap<AgentName, Instant>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
