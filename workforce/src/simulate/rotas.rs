//! Scheduled breaks and ends of shifts in a run, so that rule 12 keeps them free as it does in the
//! engine, and a trace of whom it kept from what.

use std::collections::BTreeMap;

use trunkline_routing::{ContactId, Core, Reason, RotaShift, Span, Time};
use trunkline_tenant::Tenant;
use trunkline_tenant::crds::AgentName;

use super::run::Presence;

/// Who is scheduled when.
pub type Rotas = BTreeMap<AgentName, Vec<RotaShift>>;

/// A contact that waited when it came, though an agent was free: their break, or the end of their
/// shift, was too near (rule 12).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldBack {
    /// When, from the start of the run.
    pub at: Span,
    /// The contact, by its place in the list of fates.
    pub contact: u32,
    /// Who was free.
    pub agent: AgentName,
    /// What they should be free by, from the start of the run.
    pub free_by: Span,
    /// How long the contact was expected to be handled.
    pub expected: Span,
}

/// The rota of everyone whom the documents list and whose time has an end, from when they are
/// there, in a run that starts at `start`. What lies between two stretches of one agent is a break:
/// it is kept free all the same where it is a night.
pub fn rotas(tenant: &Tenant, presences: &[Presence], start: Time) -> Rotas {
    let mut stretches: BTreeMap<&AgentName, Vec<(Time, Time)>> = BTreeMap::new();
    for presence in presences {
        // Who stays to the end has neither break nor end before it.
        let to = presence.to.map_or(Time(i64::MAX / 2), |to| start + to);
        let from = start + presence.from;
        if from < to && tenant.agents.contains_key(&presence.agent) {
            stretches
                .entry(&presence.agent)
                .or_default()
                .push((from, to));
        }
    }
    let rota = |mut stretches: Vec<(Time, Time)>| {
        stretches.sort_unstable();
        let (from, mut to) = stretches[0];
        let mut breaks = Vec::new();
        for &(comes, goes) in &stretches[1..] {
            if comes > to {
                breaks.push((to, comes));
            }
            to = to.max(goes);
        }
        vec![RotaShift { from, to, breaks }]
    };
    let each = stretches.into_iter();
    each.map(|(agent, stretches)| (agent.clone(), rota(stretches)))
        .collect()
}

/// When breaks are near, in the order of time.
#[derive(Default)]
pub(super) struct Watch {
    /// From when until when, and whose.
    windows: Vec<(Time, Time, AgentName)>,
    next: usize,
    /// Those that have begun, by place.
    near: Vec<usize>,
    pub(super) held_back: Vec<HeldBack>,
}

impl Watch {
    pub(super) fn new(rotas: &Rotas, guard: Span) -> Self {
        let mut windows = Vec::new();
        if guard.0 > 0 {
            for (agent, shifts) in rotas {
                for shift in shifts {
                    let ends = (shift.to, shift.to + guard);
                    for (from, to) in shift.breaks.iter().copied().chain([ends]) {
                        windows.push((from - guard, to, agent.clone()));
                    }
                }
            }
        }
        windows.sort_unstable();
        Self {
            windows,
            ..Self::default()
        }
    }

    /// A contact has come and waits: whom did a break keep from it?
    pub(super) fn look(&mut self, core: &Core, at: Time, start: Time, contact: u32) {
        while self.windows.get(self.next).is_some_and(|one| one.0 <= at) {
            self.near.push(self.next);
            self.next += 1;
        }
        let windows = &self.windows;
        self.near.retain(|&place| windows[place].1 > at);
        for &place in &self.near {
            let agent = &windows[place].2;
            let reasons = core.explain(ContactId(u64::from(contact)), agent);
            if let [Reason::BreakSoon { free_by, expected }] = reasons[..] {
                self.held_back.push(HeldBack {
                    at: at - start,
                    contact,
                    agent: agent.clone(),
                    free_by: free_by - start,
                    expected,
                });
            }
        }
    }
}
