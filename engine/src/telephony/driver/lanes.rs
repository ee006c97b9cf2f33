//! Deeds about one leg are done one after the other, those about different legs side by side: a
//! phone is never rung after it was hung up, and no call waits for another's.

use std::collections::HashMap;

use tokio::sync::mpsc;

use super::super::CallRef;
use super::super::ari::{Ari, HostName};
use super::act::{Act, Failed};

/// The lanes, by leg.
#[derive(Debug)]
pub(crate) struct Lanes {
    lanes: HashMap<CallRef, mpsc::UnboundedSender<(Ari, Act)>>,
    failures: mpsc::UnboundedSender<Failed>,
}

impl Lanes {
    /// Lanes that tell of failed deeds.
    pub(crate) fn new(failures: mpsc::UnboundedSender<Failed>) -> Self {
        Self {
            lanes: HashMap::new(),
            failures,
        }
    }

    /// Puts a deed in its leg's lane.
    pub(crate) fn push(&mut self, ari: &Ari, act: Act) {
        let place = CallRef {
            host: act.host.clone(),
            channel: act.leg.clone(),
        };
        let failures = &self.failures;
        let lane = self
            .lanes
            .entry(place)
            .or_insert_with(|| start(failures.clone()));
        // A lane's receiver lives as long as its sender.
        let _ = lane.send((ari.clone(), act));
    }

    /// Lets go of lanes whose leg is over; what is in them is still done.
    pub(crate) fn keep(&mut self, alive: impl Fn(&CallRef) -> bool) {
        self.lanes.retain(|place, _| alive(place));
    }

    /// Lets go of a host's lanes.
    pub(crate) fn drop_host(&mut self, host: &HostName) {
        self.lanes.retain(|place, _| place.host != *host);
    }
}

fn start(failures: mpsc::UnboundedSender<Failed>) -> mpsc::UnboundedSender<(Ari, Act)> {
    let (sender, mut deeds) = mpsc::unbounded_channel::<(Ari, Act)>();
    tokio::spawn(async move {
        while let Some((ari, act)) = deeds.recv().await {
            if let Err(error) = act.carry_out(&ari).await {
                // Nobody listens once we have stepped down.
                let _ = failures.send(Failed { act, error });
            }
        }
    });
    sender
}
