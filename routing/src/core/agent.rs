//! An agent as the core holds them.

use smallvec::SmallVec;
use trunkline_tenant::crds::AgentName;

use crate::ix::{CENTRE, ClientIx, ProfileIx, QueueIx, Slot, TeamIx};
use crate::plan::{MEDIA, PHONE, Plan, TeamPlan};
use crate::{AgentState, RowPlace, Segment, Span, Time};

#[derive(Clone, Debug)]
pub(crate) struct Agent {
    pub(crate) name: AgentName,
    /// Place in name order, with gaps for those who come later.
    pub(crate) order: u64,
    /// `None`: takes no contacts.
    pub(crate) team: Option<TeamIx>,
    pub(crate) profile: Option<ProfileIx>,
    /// In the tenant by name; the others are forgotten when they leave.
    pub(crate) listed: bool,
    pub(crate) signed_in: bool,
    /// Has signed out, and finishes what is in hand.
    pub(crate) leaving: bool,
    pub(crate) ready: bool,
    pub(crate) alive: bool,
    /// Whether their telephone, or whatever their calls ring on, can be reached.
    pub(crate) reachable: bool,
    /// Why not ready.
    pub(crate) reason: String,
    /// The end of the last wrap-up, or the sign-in.
    pub(crate) idle_since: Time,
    pub(crate) signed_in_at: Time,
    /// Time with contacts or wrap-up since sign-in, without the present stretch.
    pub(crate) worked: Span,
    pub(crate) working_since: Option<Time>,
    pub(crate) offer: Option<Slot>,
    /// Contacts taken: being joined or talking.
    pub(crate) hands: SmallVec<[Slot; 4]>,
    /// Capacity taken, the offer included.
    pub(crate) used: [u32; MEDIA],
    /// What is being wrapped up, the elder first.
    pub(crate) wraps: Vec<WrapUp>,
    /// When they work and rest.
    pub(crate) rota: Vec<crate::RotaShift>,
    /// Where the last row of it counts; `None`: there is none, or it says that nothing is planned any more.
    pub(crate) rota_told: Option<RowPlace>,
    /// Near a break: what they should be free by.
    pub(crate) free_by: Option<Time>,
    /// When that changes.
    pub(crate) guard_changes: Option<Time>,
    /// Out of the pool, near a break or not, until what frees them is done with.
    pub(crate) apart: bool,
    /// In which sets of the pool.
    pub(crate) pooled: [bool; MEDIA],
    pub(crate) reported: AgentState,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct WrapUp {
    pub(crate) since: Time,
    pub(crate) until: Time,
    /// It is not ended before this, though it is over by then: what came meanwhile has to be heard first.
    pub(crate) held: Option<Time>,
    pub(crate) extended: bool,
    pub(crate) talked: Talked,
}

impl WrapUp {
    /// When it is ended.
    pub(crate) fn ends(&self) -> Time {
        self.held.map_or(self.until, |held| held.max(self.until))
    }
}

/// A conversation that is over.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Talked {
    pub(crate) client: ClientIx,
    /// `None`: it is no longer configured and holds nothing.
    pub(crate) queue: Option<QueueIx>,
    /// Its row, which becomes complete with its wrap-up.
    pub(crate) segment: Box<Segment>,
}

impl Talked {
    /// From its row, which knows by name where it belongs.
    pub(crate) fn of(segment: Box<Segment>, plan: &Plan) -> Self {
        let mut talked = Self {
            client: CENTRE,
            queue: None,
            segment,
        };
        talked.place(plan);
        talked
    }

    /// The plan was made anew.
    pub(crate) fn place(&mut self, plan: &Plan) {
        self.client = plan.client(self.segment.client.as_ref());
        self.queue = plan.queue_of.get(&self.segment.queue).copied();
    }
}

impl Agent {
    pub(crate) fn new(name: AgentName) -> Self {
        Self {
            name,
            order: 0,
            team: None,
            profile: None,
            listed: false,
            signed_in: false,
            leaving: false,
            ready: false,
            alive: true,
            reachable: true,
            reason: String::new(),
            idle_since: Time(0),
            signed_in_at: Time(0),
            worked: Span(0),
            working_since: None,
            offer: None,
            hands: SmallVec::new(),
            used: [0; MEDIA],
            wraps: Vec::new(),
            rota: Vec::new(),
            rota_told: None,
            free_by: None,
            guard_changes: None,
            apart: false,
            pooled: [false; MEDIA],
            reported: AgentState::SignedOut,
        }
    }

    /// Takes contacts, now or when free, as far as they reach them.
    fn in_pool(&self) -> bool {
        self.signed_in && !self.leaving && self.ready && self.alive
    }

    /// Is in some set of the pool.
    pub(crate) fn is_pooled(&self) -> bool {
        self.pooled != [false; MEDIA]
    }

    /// Whether a contact of this medium reaches them: a chat needs no telephone.
    pub(crate) fn is_reached(&self, slot: usize) -> bool {
        self.reachable || slot != PHONE
    }

    /// Takes contacts of this medium, now or when free.
    pub(crate) fn takes(&self, slot: usize) -> bool {
        self.in_pool() && self.is_reached(slot)
    }

    /// May be offered a contact if it reaches them and there is room for it.
    pub(crate) fn available(&self) -> bool {
        self.in_pool() && self.offer.is_none() && self.wraps.is_empty()
    }

    /// Whether a contact of this medium reaches them and may come on top of what is in hand.
    pub(crate) fn is_open_to(&self, team: &TeamPlan, slot: usize) -> bool {
        self.is_reached(slot) && self.has_room(team, slot)
    }

    /// Whether a contact of this medium may come on top of what is in hand.
    pub(crate) fn has_room(&self, team: &TeamPlan, slot: usize) -> bool {
        self.used[slot] < team.capacity[slot]
            && (0..MEDIA)
                .all(|other| other == slot || self.used[other] == 0 || team.interrupts[slot][other])
    }

    pub(crate) fn wrap_until(&self) -> Option<Time> {
        self.wraps.iter().map(WrapUp::ends).min()
    }

    /// Has nothing in hand and nothing to finish.
    pub(crate) fn is_empty_handed(&self) -> bool {
        self.offer.is_none() && self.hands.is_empty() && self.wraps.is_empty()
    }

    /// Who takes nothing but calls is not ready without a telephone.
    pub(crate) fn state(&self, team: Option<&TeamPlan>) -> AgentState {
        let is_reached = || {
            (0..MEDIA).any(|slot| {
                self.is_reached(slot) && team.is_none_or(|team| team.capacity[slot] > 0)
            })
        };
        let not_ready = |reason: &str| AgentState::NotReady {
            reason: reason.to_owned(),
        };
        if !self.signed_in {
            AgentState::SignedOut
        } else if let Some(until) = self.wrap_until().filter(|_| self.hands.is_empty()) {
            AgentState::WrapUp { until }
        } else if !self.hands.is_empty() {
            AgentState::Busy
        } else if self.offer.is_some() {
            AgentState::Offered
        } else if !self.alive {
            not_ready("session lost")
        } else if !is_reached() {
            not_ready("unreachable")
        } else if !self.ready {
            not_ready(&self.reason)
        } else {
            AgentState::Idle
        }
    }
}
