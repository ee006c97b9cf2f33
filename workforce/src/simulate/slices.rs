//! A run's figures by stretch of time: counts go by the time of entry to the queue, agents' time
//! is cut at the edges.

use trunkline_routing::metrics::Counts;
use trunkline_routing::{Span, Time};
use trunkline_tenant::QueueId;
use trunkline_tenant::crds::TeamName;

/// What the agents of a team had their time for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TeamTime {
    /// With contacts and wrap-up, added over agents.
    pub contact: Span,
    /// Free and ready, added over agents.
    pub idle: Span,
}

/// Figures between each two edges of [`Setup::slices`](super::Setup::slices).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Slices {
    /// Of each queue, slice by slice.
    pub queues: Vec<(QueueId, Vec<Counts>)>,
    /// Of each team, slice by slice.
    pub teams: Vec<(TeamName, Vec<TeamTime>)>,
}

/// What an agent is at, as far as time is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Contact,
    Idle,
    Neither,
}

/// Adds up a run, slice by slice.
pub(super) struct Slicer {
    /// In the core's time.
    edges: Vec<Time>,
    pub(super) queues: Vec<Vec<Counts>>,
    teams: Vec<Vec<TeamTime>>,
    present: Vec<Present>,
}

/// How many of a team are at what, since when.
#[derive(Clone, Copy, Default)]
struct Present {
    since: Time,
    contact: i64,
    idle: i64,
    /// The slice of `since`, from 0; where time is before the first, 0 too.
    slice: usize,
}

impl Slicer {
    pub(super) fn new(edges: &[Span], start: Time, queues: usize, teams: usize) -> Self {
        let slices = edges.len().saturating_sub(1);
        Self {
            edges: edges.iter().map(|edge| start + *edge).collect(),
            queues: vec![vec![Counts::default(); slices]; queues],
            teams: vec![vec![TeamTime::default(); slices]; teams],
            present: vec![
                Present {
                    since: start,
                    ..Present::default()
                };
                teams
            ],
        }
    }

    /// The slice that a time lies in.
    pub(super) fn at(&self, time: Time) -> Option<usize> {
        let passed = self.edges.partition_point(|edge| *edge <= time);
        (passed > 0 && passed < self.edges.len()).then(|| passed - 1)
    }

    /// An agent of a team goes from one kind of time to another.
    pub(super) fn changed(&mut self, at: Time, team: usize, from: Kind, to: Kind) {
        self.upto(at, team);
        let present = &mut self.present[team];
        for (kind, by) in [(from, -1), (to, 1)] {
            match kind {
                Kind::Contact => present.contact += by,
                Kind::Idle => present.idle += by,
                Kind::Neither => {}
            }
        }
    }

    fn upto(&mut self, at: Time, team: usize) {
        let present = &mut self.present[team];
        while present.since < at && present.slice + 1 < self.edges.len() {
            let (from, to) = (self.edges[present.slice], self.edges[present.slice + 1]);
            let time = (at.min(to).0 - present.since.max(from).0).max(0);
            let sum = &mut self.teams[team][present.slice];
            sum.contact.0 += time * present.contact;
            sum.idle.0 += time * present.idle;
            if at < to {
                break;
            }
            present.since = to;
            present.slice += 1;
        }
        present.since = present.since.max(at);
    }

    pub(super) fn finish<'a>(
        mut self,
        end: Time,
        queues: impl Iterator<Item = &'a QueueId>,
        teams: impl Iterator<Item = &'a TeamName>,
    ) -> Slices {
        for team in 0..self.present.len() {
            self.upto(end, team);
        }
        Slices {
            queues: queues.cloned().zip(self.queues).collect(),
            teams: teams.cloned().zip(self.teams).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_is_cut_at_the_edges_and_left_out_before_and_after() {
        let edges = [10, 20, 30].map(Span::seconds);
        let mut slicer = Slicer::new(&edges, Time(0), 0, 1);
        let at = |seconds: i64| Time(seconds * 1_000_000);
        slicer.changed(at(0), 0, Kind::Neither, Kind::Idle);
        slicer.changed(at(5), 0, Kind::Neither, Kind::Idle);
        slicer.changed(at(14), 0, Kind::Idle, Kind::Contact);
        slicer.changed(at(26), 0, Kind::Contact, Kind::Neither);
        let team = TeamName::from("front");
        let slices = slicer.finish(at(99), std::iter::empty(), std::iter::once(&team));
        let seconds = |time: &TeamTime| (time.contact.0 / 1_000_000, time.idle.0 / 1_000_000);
        let found: Vec<_> = slices.teams[0].1.iter().map(seconds).collect();
        // One is idle all along, one from 14 to 26 with a contact, and gone after it.
        assert_eq!(found, [(6, 14), (6, 10)]);
    }
}
