//! What is to come in a run, in the order of instants: by phase, then agents by name and contacts
//! by id.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use trunkline_routing::{Phase, Time};

/// Something that the run itself does, beside the core's deadlines and the arrivals.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Deed {
    /// The agent accepts, if it is still this offer.
    Accept {
        contact: u32,
        generation: u32,
    },
    /// The conversation ends.
    Done {
        contact: u32,
    },
    /// Somebody comes or goes; of one agent's at an instant, the elder presence first.
    Turn {
        turn: u32,
        presence: u32,
        comes: bool,
    },
    /// A pod takes contacts.
    PodUp {
        fleet: u32,
        pod: u32,
    },
    /// A pod dies.
    PodDies {
        fleet: u32,
        pod: u32,
    },
    /// A fleet's policy is asked.
    Tick {
        fleet: u32,
    },
    Gone {
        contact: u32,
    },
    /// One who gave up calls again.
    Again {
        contact: u32,
    },
}

/// Where something stands among all that is to come.
pub(super) type Place = (Time, Phase, u64);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Event {
    pub(super) at: Time,
    phase: Phase,
    key: u64,
    pub(super) deed: Deed,
}

#[derive(Debug, Default)]
pub(super) struct Events(BinaryHeap<Reverse<Event>>);

impl Events {
    pub(super) fn plan(&mut self, at: Time, phase: Phase, key: u64, deed: Deed) {
        self.0.push(Reverse(Event {
            at,
            phase,
            key,
            deed,
        }));
    }

    pub(super) fn next(&self) -> Option<Place> {
        let event = &self.0.peek()?.0;
        Some((event.at, event.phase, event.key))
    }

    pub(super) fn pop(&mut self) -> Option<Event> {
        self.0.pop().map(|event| event.0)
    }
}
