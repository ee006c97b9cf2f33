//! The side-car's word on itself: one value that everything else watches.

use std::collections::BTreeMap;
use std::time::Duration;

use trunkline_tenant::crds::TrunkName;
use trunkline_tenant::report::{MediaReport, MediaState, TrunkReport};

use super::carriers::Wanted;

/// Where things stand.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Status {
    /// Asterisk may start: its files are there.
    pub(super) rendered: bool,
    /// Asterisk has booted and its manager interface is open.
    pub(super) up: bool,
    /// The hash of the Tenant that Asterisk was seen to run.
    pub(super) running: Option<String>,
    /// Why the newest isn't run, or not whole.
    pub(super) problem: Option<String>,
    /// It was ready once: since then readiness doesn't wait for an engine.
    pub(super) was_ready: bool,
    /// It takes no new calls.
    pub(super) draining: bool,
    /// Its last call has ended.
    pub(super) drained: bool,
    /// How long recordings are kept; `None`: for ever.
    pub(super) retention: Option<Duration>,
    /// How long a drain waits, in seconds.
    pub(super) drain_deadline: u64,
    /// The trunks of the newest configuration.
    pub(super) wanted: BTreeMap<TrunkName, Wanted>,
    /// What is known of them.
    pub(super) trunks: BTreeMap<TrunkName, TrunkReport>,
}

impl Status {
    /// What the operator is told.
    pub(super) fn report(&self, pod_uid: &str) -> MediaReport {
        let state = match self {
            Self { drained: true, .. } => MediaState::Drained,
            Self { draining: true, .. } => MediaState::Draining,
            Self {
                was_ready: true,
                up: true,
                ..
            } => MediaState::Serving,
            _ => MediaState::Starting,
        };
        MediaReport {
            pod_uid: pod_uid.to_owned(),
            config_hash: self.running.clone().unwrap_or_default(),
            state,
            problem: self.problem.clone(),
            trunks: self.trunks.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pod_serves_once_it_was_ready_and_says_how_far_its_drain_has_come() {
        let mut status = Status::default();
        assert_eq!(status.report("u").state, MediaState::Starting);
        (status.was_ready, status.up) = (true, true);
        assert_eq!(status.report("u").state, MediaState::Serving);
        status.draining = true;
        assert_eq!(status.report("u").state, MediaState::Draining);
        status.drained = true;
        assert_eq!(status.report("u").state, MediaState::Drained);
    }
}
