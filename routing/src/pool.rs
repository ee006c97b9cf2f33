//! Who is free and who waits, kept in order, so that the matcher looks only at the heads of
//! classes that fit and are not empty.

use std::collections::HashMap;

use foldhash::fast::FixedState;

use crate::heads::{Heads, NOWHERE, Place};
use crate::ix::{AgentIx, Bits, CENTRE, ClientIx, LineIx, NeedIx, ProfileIx, Slot};
use crate::ordered::Ordered;
use crate::plan::{MEDIA, Plan};
use crate::{ContactId, Time};

/// What orders free agents: idle since, then the place in name order.
pub(crate) type IdleKey = (Time, u64);
/// What orders waiting contacts: the rank in µs, then the id.
pub(crate) type Rank = (i64, ContactId);

const fn idle_place((since, order): IdleKey) -> Place {
    Place::of(since.0, order)
}

const fn line_place((rank, id): Rank) -> Place {
    Place::of(rank, id.0)
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
    heads: Heads,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Pool {
    idle: [Idle; MEDIA],
    pub(crate) lines: Vec<Line>,
    /// Looked up, and never walked.
    line_of: HashMap<(NeedIx, usize, ClientIx), LineIx, FixedState>,
    /// Per need and capacity: its line, where that is the same for all clients and has been asked for.
    plain_lines: Vec<[Option<LineIx>; MEDIA]>,
    heads: Heads,
    /// Per line: which contact its first is; any, where it is empty.
    firsts: Vec<Slot>,
    /// Per capacity and profile: the lines that it fits.
    fits: [Vec<Bits>; MEDIA],
}

impl Pool {
    /// Empty, for the plan's classes.
    pub(crate) fn new(plan: &Plan) -> Self {
        let profiles = plan.profiles.len();
        let idle = || Idle {
            agents: vec![Ordered::default(); profiles],
            heads: Heads::new(profiles),
        };
        Self {
            idle: std::array::from_fn(|_| idle()),
            plain_lines: vec![[None; MEDIA]; plan.needs.len()],
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
        let place = idle_place(key);
        if place < idle.heads.place(profile.at()) {
            idle.heads.set(profile.at(), place);
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
        if idle.heads.place(profile.at()) != idle_place(key) {
            return None;
        }
        let head = agents.first();
        let place = head.map_or(NOWHERE, |(key, _)| idle_place(key));
        idle.heads.set(profile.at(), place);
        head.map(|(_, agent)| agent)
    }

    /// Profiles that fit the need and have somebody free.
    pub(crate) fn free<'a>(
        &'a self,
        plan: &'a Plan,
        need: NeedIx,
        slot: usize,
    ) -> impl Iterator<Item = ProfileIx> + 'a {
        let heads = &self.idle[slot].heads;
        heads.filled(&plan.fits[need.at()]).map(ProfileIx::new)
    }

    /// The longest idle agent of those who fit the need.
    pub(crate) fn first_free(&self, plan: &Plan, need: NeedIx, slot: usize) -> Option<AgentIx> {
        let idle = &self.idle[slot];
        if idle.heads.are_none() {
            return None;
        }
        let profile = idle.heads.first_in(&plan.fits[need.at()])?;
        idle.agents[profile].first().map(|(_, agent)| agent)
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
    #[inline]
    pub(crate) fn line(
        &mut self,
        plan: &Plan,
        need: NeedIx,
        slot: usize,
        client: ClientIx,
    ) -> LineIx {
        if let Some(line) = self.plain_lines[need.at()][slot] {
            return line;
        }
        let is_shared = plan.is_shared(need);
        let line = self.line_of(plan, need, slot, if is_shared { client } else { CENTRE });
        if !is_shared {
            self.plain_lines[need.at()][slot] = Some(line);
        }
        line
    }

    #[inline(never)]
    fn line_of(&mut self, plan: &Plan, need: NeedIx, slot: usize, client: ClientIx) -> LineIx {
        let need = plan.alike[need.at()];
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
        self.heads.reach(self.lines.len());
        self.firsts.push(Slot(u32::MAX));
        for profile in plan.fits[need.at()].iter() {
            self.fits[slot][profile].set(line.at(), true);
        }
        line
    }

    pub(crate) fn enqueue(&mut self, line: LineIx, rank: Rank, slot: Slot) {
        self.lines[line.at()].waiting.insert(rank, slot);
        let place = line_place(rank);
        if place < self.heads.place(line.at()) {
            self.heads.set(line.at(), place);
            self.firsts[line.at()] = slot;
        }
    }

    /// Says what is the first of the line from now on, where that changes.
    pub(crate) fn dequeue(&mut self, line: LineIx, rank: Rank) -> Option<Slot> {
        let waiting = &mut self.lines[line.at()].waiting;
        waiting.remove(&rank);
        if self.heads.place(line.at()) != line_place(rank) {
            return None;
        }
        let Some((rank, slot)) = waiting.first() else {
            self.heads.set(line.at(), NOWHERE);
            return None;
        };
        self.heads.set(line.at(), line_place(rank));
        self.firsts[line.at()] = slot;
        Some(slot)
    }

    /// Whether anybody stands in any line.
    pub(crate) fn has_queued(&self) -> bool {
        !self.heads.are_none()
    }

    /// The first in rank of all lines that the profile fits.
    pub(crate) fn first_queued(&self, capacity: usize, profile: ProfileIx) -> Option<(Rank, Slot)> {
        let line = self.heads.first_in(&self.fits[capacity][profile.at()])?;
        let (rank, id) = self.heads.place(line).parts();
        Some(((rank, ContactId(id)), self.firsts[line]))
    }

    /// The lines that the profile fits and that are not empty.
    pub(crate) fn queued(
        &self,
        capacity: usize,
        profile: ProfileIx,
    ) -> impl Iterator<Item = &Line> + '_ {
        let filled = self.heads.filled(&self.fits[capacity][profile.at()]);
        filled.map(|at| &self.lines[at])
    }
}
