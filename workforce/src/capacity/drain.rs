//! Which pods may go.

/// What a pod is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PodState {
    /// Not ready yet.
    Starting,
    /// Ready, in this many contacts, and without any since the given second.
    Ready {
        /// Contacts in progress.
        contacts: u32,
        /// Since when it has none, in whole seconds; meaningless with contacts.
        idle_since: u64,
    },
}

/// A pod of a virtual team.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pod {
    /// Its name.
    pub name: String,
    /// What it is doing.
    pub state: PodState,
}

/// At most `surplus` pods to take away: those still starting, then the longest idle; never
/// one in a contact. May be fewer: the rest goes when it has come free.
pub fn drainable(pods: &[Pod], surplus: usize) -> Vec<&Pod> {
    let rank = |pod: &&Pod| match pod.state {
        PodState::Starting => Some((0, 0)),
        PodState::Ready {
            contacts: 0,
            idle_since,
        } => Some((1, idle_since)),
        PodState::Ready { .. } => None,
    };
    let mut free: Vec<&Pod> = pods.iter().filter(|pod| rank(pod).is_some()).collect();
    free.sort_by_key(|pod| (rank(pod), &pod.name));
    free.truncate(surplus);
    free
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pod(name: &str, state: PodState) -> Pod {
        Pod {
            name: name.to_owned(),
            state,
        }
    }

    #[test]
    fn a_pod_in_a_contact_is_never_taken_away() {
        let idle = |idle_since| PodState::Ready {
            contacts: 0,
            idle_since,
        };
        let busy = PodState::Ready {
            contacts: 1,
            idle_since: 0,
        };
        let pods = [
            pod("a", busy),
            pod("b", idle(50)),
            pod("c", idle(10)),
            pod("d", PodState::Starting),
        ];
        let names = |surplus| -> Vec<&str> {
            let taken = drainable(&pods, surplus);
            taken.into_iter().map(|pod| pod.name.as_str()).collect()
        };
        assert_eq!(names(2), ["d", "c"]);
        assert_eq!(names(9), ["d", "c", "b"]);
    }
}
