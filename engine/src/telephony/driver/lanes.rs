//! Deeds about one leg are done one after the other, those about different legs side by side: a
//! phone is never rung after it was hung up, and no call waits for another's.

use std::collections::HashMap;

use tokio::sync::mpsc;
use tokio::time::Instant;

use super::super::CallRef;
use super::super::ari::{Ari, HostName};
use super::act::{Act, Failed, Told};

/// The lanes, by leg.
#[derive(Debug)]
pub(crate) struct Lanes {
    lanes: HashMap<CallRef, mpsc::UnboundedSender<(Ari, Act)>>,
    tell: mpsc::UnboundedSender<Told>,
}

impl Lanes {
    /// Lanes that tell of failed deeds, and what others found.
    pub(crate) fn new(tell: mpsc::UnboundedSender<Told>) -> Self {
        Self {
            lanes: HashMap::new(),
            tell,
        }
    }

    /// Puts a deed in its leg's lane.
    pub(crate) fn push(&mut self, ari: &Ari, act: Act) {
        let place = CallRef {
            host: act.host.clone(),
            channel: act.leg.clone(),
        };
        let tell = &self.tell;
        let lane = self
            .lanes
            .entry(place)
            .or_insert_with(|| start(tell.clone()));
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

fn start(tell: mpsc::UnboundedSender<Told>) -> mpsc::UnboundedSender<(Ari, Act)> {
    let (sender, mut deeds) = mpsc::unbounded_channel::<(Ari, Act)>();
    tokio::spawn(async move {
        while let Some((ari, act)) = deeds.recv().await {
            let begun = Instant::now();
            let told = match act.carry_out(&ari).await {
                Ok(found) => found.map(Told::Found),
                Err(error) => Some(Told::Failed(Box::new(Failed { act, error, begun }))),
            };
            if let Some(told) = told {
                // Nobody listens once we have stepped down.
                let _ = tell.send(told);
            }
        }
    });
    sender
}
