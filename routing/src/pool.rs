//! Who is free and who waits, kept in order, so that the matcher looks only at the heads of
//! classes that fit and are not empty.

use std::collections::HashMap;

use foldhash::fast::FixedState;

use crate::ix::{AgentIx, Bits, CENTRE, ClientIx, LineIx, NeedIx, ProfileIx, Slot};
use crate::ordered::Ordered;
use crate::plan::{MEDIA, Plan};
use crate::{ContactId, Time};

/// What orders free agents: idle since, then the place in name order.
pub(crate) type IdleKey = (Time, u64);
/// What orders waiting contacts: the rank in µs, then the id.
pub(crate) type Rank = (i64, ContactId);

const NOBODY: IdleKey = (Time(i64::MAX), u64::MAX);
const NOTHING: Rank = (i64::MAX, ContactId(u64::MAX));

/// As one number, which is compared in one step.
const fn in_order((place, id): Rank) -> u128 {
    ((place as u64 ^ 1 << 63) as u128) << 64 | id.0 as u128
}

/// Contacts that wait for the same agents through the same capacity.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) need: NeedIx,
    /// Whose they are; [`CENTRE`] for all where no team of the need is shared out.
    pub(crate) client: ClientIx,
    pub(crate) waiting: Ordered<Rank, Slot>,
}

#[derive(Clone, Debug, Default)]
struct Idle {
    /// Per profile.
    agents: Vec<Ordered<IdleKey, AgentIx>>,
    heads: Vec<IdleKey>,
    filled: Bits,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Pool {
    idle: [Idle; MEDIA],
    pub(crate) lines: Vec<Line>,
    /// Looked up with each contact that must wait, and never walked.
    line_of: HashMap<(NeedIx, usize, ClientIx), LineIx, FixedState>,
    heads: Vec<Rank>,
    filled: Bits,
    /// How many of the lines are not empty.
    lines_filled: usize,
    /// Per capacity and profile: the lines that it fits.
    fits: [Vec<Bits>; MEDIA],
}

impl Pool {
    /// Empty, for the plan's classes.
    pub(crate) fn new(plan: &Plan) -> Self {
        let profiles = plan.profiles.len();
        let idle = || Idle {
            agents: vec![Ordered::default(); profiles],
            heads: vec![NOBODY; profiles],
            filled: Bits::default(),
        };
        Self {
            idle: std::array::from_fn(|_| idle()),
            fits: std::array::from_fn(|_| vec![Bits::default(); profiles]),
            ..Self::default()
        }
    }

    pub(crate) fn add_idle(
        &mut self,
        slot: usize,
        profile: ProfileIx,
        key: IdleKey,
        agent: AgentIx,
    ) {
        let idle = &mut self.idle[slot];
        idle.agents[profile.at()].insert(key, agent);
        let head = &mut idle.heads[profile.at()];
        if key < *head {
            if *head == NOBODY {
                idle.filled.set(profile.at(), true);
            }
            *head = key;
        }
    }

    /// Says who is the longest idle of the profile from now on, where that changes.
    pub(crate) fn remove_idle(
        &mut self,
        slot: usize,
        profile: ProfileIx,
        key: IdleKey,
    ) -> Option<AgentIx> {
        let idle = &mut self.idle[slot];
        let agents = &mut idle.agents[profile.at()];
        agents.remove(&key);
        if idle.heads[profile.at()] != key {
            return None;
        }
        let head = agents.first();
        idle.heads[profile.at()] = head.map_or(NOBODY, |(key, _)| key);
        if head.is_none() {
            idle.filled.set(profile.at(), false);
        }
        head.map(|(_, agent)| agent)
    }

    /// Profiles that fit the need and have somebody free, with the longest idle of each.
    pub(crate) fn free<'a>(
        &'a self,
        plan: &'a Plan,
        need: NeedIx,
        slot: usize,
    ) -> impl Iterator<Item = (ProfileIx, IdleKey)> + 'a {
        let idle = &self.idle[slot];
        plan.fits[need.at()]
            .both(&idle.filled)
            .map(|at| (ProfileIx::new(at), idle.heads[at]))
    }

    /// The longest idle agent of a profile.
    #[inline]
    pub(crate) fn first_idle(&self, slot: usize, profile: ProfileIx) -> Option<AgentIx> {
        self.idle[slot].agents[profile.at()]
            .first()
            .map(|(_, agent)| agent)
    }

    /// The free agents of a profile, longest idle first.
    pub(crate) fn idle(
        &self,
        slot: usize,
        profile: ProfileIx,
    ) -> impl Iterator<Item = (IdleKey, AgentIx)> + '_ {
        self.idle[slot].agents[profile.at()].iter()
    }

    /// The line for contacts of this kind.
    pub(crate) fn line(
        &mut self,
        plan: &Plan,
        need: NeedIx,
        slot: usize,
        client: ClientIx,
    ) -> LineIx {
        let client = if plan.is_shared(need) { client } else { CENTRE };
        if let Some(&line) = self.line_of.get(&(need, slot, client)) {
            return line;
        }
        let line = LineIx::new(self.lines.len());
        self.line_of.insert((need, slot, client), line);
        self.lines.push(Line {
            need,
            client,
            waiting: Ordered::default(),
        });
        self.heads.push(NOTHING);
        for profile in plan.fits[need.at()].iter() {
            self.fits[slot][profile].set(line.at(), true);
        }
        line
    }

    pub(crate) fn enqueue(&mut self, line: LineIx, rank: Rank, slot: Slot) {
        self.lines[line.at()].waiting.insert(rank, slot);
        let head = &mut self.heads[line.at()];
        if *head == NOTHING {
            self.filled.set(line.at(), true);
            self.lines_filled += 1;
        }
        if rank < *head {
            *head = rank;
        }
    }

    /// Says what is the first of the line from now on, where that changes.
    pub(crate) fn dequeue(&mut self, line: LineIx, rank: Rank) -> Option<Slot> {
        let waiting = &mut self.lines[line.at()].waiting;
        waiting.remove(&rank);
        if self.heads[line.at()] != rank {
            return None;
        }
        let head = waiting.first();
        self.heads[line.at()] = head.map_or(NOTHING, |(rank, _)| rank);
        if head.is_none() {
            self.filled.set(line.at(), false);
            self.lines_filled -= 1;
        }
        head.map(|(_, slot)| slot)
    }

    /// Whether anybody stands in any line.
    pub(crate) fn has_queued(&self) -> bool {
        self.lines_filled > 0
    }

    /// The first in rank of all lines that the profile fits.
    pub(crate) fn first_queued(&self, capacity: usize, profile: ProfileIx) -> Option<(Rank, Slot)> {
        let (mut first, mut line) = (in_order(NOTHING), None);
        for at in self.fits[capacity][profile.at()].both(&self.filled) {
            let head = in_order(self.heads[at]);
            // No branch: which of them it is can't be foretold.
            let is_first = head < first;
            first = if is_first { head } else { first };
            line = if is_first { Some(at) } else { line };
        }
        let line = line?;
        self.lines[line].waiting.first()
    }

    /// The lines that the profile fits and that are not empty.
    pub(crate) fn queued(
        &self,
        capacity: usize,
        profile: ProfileIx,
    ) -> impl Iterator<Item = &Line> + '_ {
        self.fits[capacity][profile.at()]
            .both(&self.filled)
            .map(|at| &self.lines[at])
    }
}
