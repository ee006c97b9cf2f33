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

    /// Whose session is known by heartbeats and is not what it is thought to be at `now`: silent for too long, or heard and
    /// thought gone. Nobody is blamed for silence before `from`, when no engine led, or none could listen.
    pub(super) fn changed(
        &self,
        directory: &Directory,
        from: Instant,
        now: Instant,
    ) -> Vec<(AgentName, bool)> {
        let mut table = self.table();
        // Each pod of virtual agents has names of its own: who is known no more is forgotten.
        table.retain(|agent, heard| {
            let lately = now.saturating_duration_since(*heard) < SILENCE;
            lately || directory.agents.contains_key(agent)
        });
        let there = |agent: &AgentName, alive: bool| {
            let heard = table.get(agent).copied();
            let heard = if alive { heard.max(Some(from)) } else { heard };
            heard.is_some_and(|heard| now.saturating_duration_since(heard) < SILENCE)
        };
        directory
            .agents
            .iter()
            .filter(|(_, view)| view.signed_in && view.presence == Presence::Heartbeat)
            .map(|(agent, view)| (agent, view.alive, there(agent, view.alive)))
            .filter(|(_, alive, there)| alive != there)
            .map(|(agent, _, there)| (agent.clone(), there))
            .collect()
    }

    fn table(&self) -> MutexGuard<'_, BTreeMap<AgentName, Instant>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Replay;

    const BEAT: Duration = Duration::from_secs(5);

    #[test]
    fn of_a_desk_whose_agent_nobody_knows_any_more_nothing_is_kept() {
        let mut centre = Replay::new();
        centre.sign_in(0, "maria");
        let directory = centre.state.directory;
        let beats = Beats::default();
        for agent in ["maria", "frontline-pod-7-1", "frontline-pod-7-2"] {
            beats.heard(agent.into());
        }
        let now = Instant::now();
        beats.changed(&directory, now, now + BEAT);
        assert_eq!(beats.table().len(), 3, "they may sign in yet");
        beats.changed(&directory, now, now + SILENCE);
        let kept: Vec<String> = beats.table().keys().map(ToString::to_string).collect();
        assert_eq!(kept, ["maria"]);
    }

    #[test]
    fn a_desk_is_gone_after_fifteen_seconds_of_silence_that_somebody_could_hear_and_back_when_it_is_heard()
     {
        let mut centre = Replay::new();
        centre.sign_in(0, "maria");
        let mut directory = centre.state.directory;
        let agent = AgentName::new("maria");
        let beats = Beats::default();
        beats.heard(agent.clone());
        let now = Instant::now();
        assert_eq!(beats.changed(&directory, now, now + 2 * BEAT), []);
        let gone = [(agent.clone(), false)];
        assert_eq!(beats.changed(&directory, now, now + SILENCE), gone);
        // Nobody could hear them until then.
        let from = now + 2 * BEAT;
        assert_eq!(beats.changed(&directory, from, now + SILENCE), []);
        assert_eq!(beats.changed(&directory, from, from + SILENCE), gone);
        directory.agents.get_mut(&agent).unwrap().alive = false;
        let back = [(agent, true)];
        assert_eq!(beats.changed(&directory, now, now + BEAT), back);
        assert_eq!(beats.changed(&directory, from, now + SILENCE), []);
    }
}
