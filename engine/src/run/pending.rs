//! What the main loop takes in next, and what kept it from that.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use trunkline_routing::{Span, Time};

use super::handle::Request;
use super::main_loop::LoopEnd;
use crate::telephony::Told;

/// How often it is looked who is there.
pub(super) const PRESENCE_CHECK: Duration = Duration::from_secs(1);
/// After this long a desk may have been heard by nobody: its session waits for what it asked.
const DEAF: Duration = Duration::from_secs(5);
/// A leader's media hosts are mostly listed by then; who is asked is not given up before.
const LISTED: Span = Span::seconds(5);
/// After this long what happened may still be in a socket, or behind what its desk had asked before.
const LONG: Duration = Duration::from_secs(1);
/// By then it has been read.
const READ: Span = Span::seconds(2);
/// That is waited for at most this often where the journal is slow: who is asked is not asked for ever.
const READ_EVERY: Duration = Duration::from_secs(30);

/// What woke the loop.
pub(super) enum Event {
    Report(Told),
    Request(Instant, Request),
    Config,
    Hosts,
    Deadline,
    Presence,
    End(LoopEnd),
}

impl Event {
    /// When it was told or asked.
    pub(super) fn came(&self) -> Option<Instant> {
        match self {
            Self::Report(told) => Some(told.at),
            Self::Request(at, _) => Some(*at),
            _ => None,
        }
    }
}

/// The watch over who is there.
pub(super) struct Presence {
    /// Nobody is blamed for silence before this.
    pub(super) from: Instant,
    /// When it is looked next.
    pub(super) next: Instant,
}

impl Presence {
    pub(super) fn from_now() -> Self {
        let now = Instant::now();
        Self {
            from: now,
            next: now,
        }
    }

    /// It is looked now, and again in a while.
    pub(super) fn look(&mut self) -> Event {
        self.next = Instant::now() + PRESENCE_CHECK;
        Event::Presence
    }
}

/// What is to be taken in next, as of one moment.
pub(super) struct Pending {
    pub(super) at: Time,
    pub(super) events: VecDeque<Event>,
    /// To be told before it.
    pub(super) stall: Option<Stall>,
    /// All that came by then was to be heard before what stalls have put off so far is done.
    pub(super) heard: Option<Instant>,
    /// When it was last waited for what may be in sockets.
    read: Option<Instant>,
}

impl Pending {
    /// Nobody led since the last entry, if there is one that anything follows from.
    pub(super) fn of_a_new_leader(at: Time, last: Option<Time>) -> Self {
        Self {
            at,
            events: VecDeque::new(),
            stall: last.map(|since| Stall {
                since,
                until: at,
                listed: Some(at + LISTED),
                holds: false,
            }),
            heard: Some(Instant::now()),
            read: None,
        }
    }

    /// Nothing was decided since a moment; what kept us from it began at `began`.
    pub(super) fn late(&mut self, since: Time, began: Instant, presence: &mut Presence) {
        let now = Instant::now();
        let took = now - began;
        if took >= DEAF {
            presence.from = now;
        }
        let mut listed = None;
        if took >= LONG {
            tracing::warn!(seconds = took.as_secs_f64(), "nothing could be decided");
            if (self.read).is_none_or(|last| now.saturating_duration_since(last) >= READ_EVERY) {
                self.read = Some(now);
                listed = Some(self.at + READ);
            }
        }
        self.stalls(since, listed);
    }

    /// The clock leapt, from a moment to now.
    pub(super) fn leapt(&mut self, since: Time) {
        self.stalls(since, Some(self.at + READ));
        self.heard = Some(Instant::now());
    }

    fn stalls(&mut self, since: Time, listed: Option<Time>) {
        let before = self.stall.take();
        self.stall = Some(Stall {
            since: before.map_or(since, |stall| stall.since.min(since)),
            until: self.at,
            listed: listed.max(before.and_then(|stall| stall.listed)),
            holds: false,
        });
    }
}

/// A while in which nothing could be decided; see [`trunkline_routing::Input::Stalled`].
#[derive(Clone, Copy)]
pub(super) struct Stall {
    pub(super) since: Time,
    pub(super) until: Time,
    pub(super) listed: Option<Time>,
    /// What earlier ones put off is put off again: some of what came before is still to be heard.
    pub(super) holds: bool,
}
