//! A contact as the core holds it.

use trunkline_tenant::crds::{AgentName, Medium};

use crate::ix::{AgentIx, CENTRE, ClientIx, LineIx, QueueIx, TeamIx};
use crate::plan::QueuePlan;
use crate::pool::Rank;
use crate::{ContactId, OfferId, Span, StretchKind, Target, Time, Window};

#[derive(Clone, Debug)]
pub(crate) struct Contact {
    pub(crate) id: ContactId,
    pub(crate) queue: QueueIx,
    /// Whose it is, wherever it waits.
    pub(crate) client: ClientIx,
    pub(crate) medium: Medium,
    pub(crate) customer: Option<String>,
    /// Nothing is known against calling its customer at that.
    pub(crate) callable: bool,
    pub(crate) arrived: Time,
    /// What its rank counts from: its arrival, or that of a callback whose place it took.
    pub(crate) place: Time,
    /// To this queue.
    pub(crate) entered: Time,
    /// Of the queue where it first arrived.
    pub(crate) base_priority: i32,
    pub(crate) priority: i32,
    pub(crate) generation: u32,
    /// Its number of stretches before this one.
    pub(crate) segment: u32,
    /// It was answered in an earlier stretch.
    pub(crate) again: bool,
    /// Overflows so far.
    pub(crate) hops: u32,
    pub(crate) at: At,
    pub(crate) step_entered: Time,
    /// When the step ends; it does not end during an offer.
    pub(crate) step_due: Option<Time>,
    /// Who did not take it, and is not asked again while another qualifies.
    pub(crate) refusals: Vec<Refusal>,
    pub(crate) stage: Stage,
    pub(crate) nature: Nature,
    /// What its agent asks another about it.
    pub(crate) consult: Option<ContactId>,
    /// When it was last offered.
    pub(crate) asked_at: Time,
    /// When what it waits for now began: an offer, the joining of legs, or a hand-over outside.
    pub(crate) begun: Time,
    /// By how much that has been put off so far, for its host was not heard.
    pub(crate) unheard: Span,
    /// The place and the wait, µs, that were estimated when it came to this queue.
    pub(crate) reckoned: Option<(u32, i64)>,
    /// Where it stands while it waits.
    pub(crate) line: Option<LineIx>,
    /// It is counted among those in line.
    pub(crate) in_line: bool,
}

/// Who is at the other end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Nature {
    /// A customer who is there.
    Live,
    /// A customer who is to be called.
    Callback(Box<Callback>),
    /// An agent who asks about another contact.
    Consult {
        of: ContactId,
        /// The customer takes part.
        conference: bool,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Callback {
    pub(crate) number: String,
    pub(crate) window: Option<Window>,
    /// How often the customer was called in vain.
    pub(crate) attempts: u32,
    /// The wait before it was a stretch of its own, which has been counted.
    pub(crate) counted: bool,
    /// It has been in line.
    pub(crate) begun: bool,
    /// While it is in line or asked for: when it may no longer be called.
    pub(crate) closes: Option<Time>,
    /// As was promised, or a while after a call in vain: not before, whatever the hours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) not_before: Option<Time>,
    /// Who is tried first.
    pub(crate) agent: Option<AgentName>,
}

impl Callback {
    pub(crate) fn to(number: String) -> Self {
        Self {
            number,
            window: None,
            attempts: 0,
            counted: false,
            begun: false,
            closes: None,
            not_before: None,
            agent: None,
        }
    }
}

/// When one may be asked who must not be.
pub(crate) const NEVER: Time = Time(i64::MAX);

/// Where in its route a contact is. What few contacts have is boxed: the table of contacts is smaller, and what
/// most have is told apart by a plain tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum At {
    /// Only this agent is tried; then the route begins.
    Named(Box<AgentName>),
    /// Only this team; then it goes back to who handed it over.
    Team(TeamIx, Option<Box<AgentName>>),
    /// A target of a hand-over is tried; then it goes back to who handed it over.
    Target(Box<AgentName>, Box<AgentName>),
    /// A step of its queue's route.
    Route(usize),
    /// Its route has ended, and it waits on under the last step.
    Held,
    /// Any agent of the queue's teams.
    Widened,
}

impl At {
    /// A hand-over whose target was removed with what it was of: nobody is left to ask.
    pub(crate) fn is_nobody(&self) -> bool {
        matches!(self, Self::Target(target, origin) if target == origin)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) agent: AgentIx,
    pub(crate) times: u32,
    /// Not before, whoever else qualifies.
    pub(crate) until: Time,
    /// Of the last offer to that agent.
    pub(crate) generation: u32,
}

/// What becomes of a contact just now; boxed like [`At`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    Waiting,
    Offered {
        agent: AgentIx,
        deadline: Time,
    },
    /// Accepted; the legs are being joined.
    Connecting {
        agent: AgentIx,
        deadline: Time,
    },
    Talking {
        agent: AgentIx,
        since: Time,
        hold_since: Option<Time>,
        held: Span,
    },
    /// Handed to a place outside; it goes back to `origin` at the deadline.
    Outside {
        origin: Box<AgentName>,
        to: Box<Target>,
        deadline: Time,
    },
    /// The party outside that was consulted talks with who asked.
    Away {
        to: Box<Target>,
        since: Time,
    },
    /// A callback whose time has not come: in no line.
    Later {
        until: Time,
    },
}

impl Contact {
    /// In a slot that none is in.
    pub(crate) fn vacant() -> Self {
        Self {
            id: ContactId(u64::MAX),
            queue: QueueIx(0),
            client: CENTRE,
            medium: Medium::Voice,
            customer: None,
            callable: true,
            arrived: Time(0),
            place: Time(0),
            entered: Time(0),
            base_priority: 0,
            priority: 0,
            generation: 0,
            segment: 0,
            again: false,
            hops: 0,
            at: At::Route(0),
            step_entered: Time(0),
            step_due: None,
            refusals: Vec::new(),
            stage: Stage::Waiting,
            nature: Nature::Live,
            consult: None,
            asked_at: Time(0),
            begun: Time(0),
            unheard: Span(0),
            reckoned: None,
            line: None,
            in_line: false,
        }
    }

    /// One that comes to a queue, at the beginning of its route.
    pub(crate) fn new(
        new_id: ContactId,
        to: QueueIx,
        plan: &QueuePlan,
        whose: Nature,
        came: Time,
        now: Time,
    ) -> Self {
        let mut contact = Self::vacant();
        contact.begin(new_id, to, plan, whose, came, now);
        contact
    }

    /// Puts a new one in the place of one that is over. Each field by itself, for the whole is large and would be
    /// made elsewhere first and moved.
    pub(crate) fn begin(
        &mut self,
        new_id: ContactId,
        to: QueueIx,
        plan: &QueuePlan,
        whose: Nature,
        came: Time,
        now: Time,
    ) {
        // Named one and all, so that none is left as it was.
        let Self {
            id,
            queue,
            client,
            medium,
            customer,
            callable,
            arrived,
            place,
            entered,
            base_priority,
            priority,
            generation,
            segment,
            again,
            hops,
            at,
            step_entered,
            step_due,
            refusals,
            stage,
            nature,
            consult,
            asked_at,
            begun,
            unheard,
            reckoned,
            line,
            in_line,
        } = self;
        *id = new_id;
        *queue = to;
        *client = plan.client;
        *medium = plan.medium;
        *customer = None;
        *callable = true;
        *arrived = came;
        *place = came;
        *entered = now;
        *base_priority = plan.priority;
        *priority = 0;
        *generation = 0;
        *segment = 0;
        *again = false;
        *hops = 0;
        *at = At::Route(0);
        *step_entered = now;
        *step_due = None;
        refusals.clear();
        *stage = Stage::Waiting;
        *nature = whose;
        *consult = None;
        *asked_at = now;
        *begun = now;
        *unheard = Span(0);
        *reckoned = None;
        *line = None;
        *in_line = false;
    }

    /// Its place in the tenant's one order: `enqueued − priority × 60 s`, then its id.
    pub(crate) fn rank(&self) -> Rank {
        let minutes = i64::from(self.base_priority) + i64::from(self.priority);
        let head_start = minutes.saturating_mul(60_000_000);
        (self.place.0.saturating_sub(head_start), self.id)
    }

    pub(crate) fn offer(&self) -> OfferId {
        OfferId {
            contact: self.id,
            generation: self.generation,
        }
    }

    /// What it waits for from now on begins now.
    pub(crate) fn begins(&mut self, now: Time) {
        self.begun = now;
        self.unheard = Span(0);
    }

    /// The deadline of an offer, of the joining of legs, or of a hand-over.
    pub(crate) fn asked_until(&self) -> Option<Time> {
        match self.stage {
            Stage::Offered { deadline, .. }
            | Stage::Connecting { deadline, .. }
            | Stage::Outside { deadline, .. } => Some(deadline),
            Stage::Waiting | Stage::Talking { .. } | Stage::Away { .. } | Stage::Later { .. } => {
                None
            }
        }
    }

    /// Waits, or is asked for.
    pub(crate) fn waits(&self) -> bool {
        matches!(
            self.stage,
            Stage::Waiting | Stage::Offered { .. } | Stage::Connecting { .. }
        )
    }

    /// Waits, or is asked for, and nobody has taken it.
    pub(crate) fn awaits_answer(&self) -> bool {
        matches!(self.stage, Stage::Waiting | Stage::Offered { .. })
    }

    pub(crate) fn callback(&self) -> Option<&Callback> {
        match &self.nature {
            Nature::Callback(callback) => Some(callback),
            Nature::Live | Nature::Consult { .. } => None,
        }
    }

    /// Whose consult it is.
    pub(crate) fn consult_of(&self) -> Option<ContactId> {
        match self.nature {
            Nature::Consult { of, .. } => Some(of),
            Nature::Live | Nature::Callback(_) => None,
        }
    }

    pub(crate) fn kind(&self) -> StretchKind {
        match &self.nature {
            Nature::Consult { of, .. } => StretchKind::Consult(*of),
            Nature::Callback(callback) if callback.counted => StretchKind::CalledBack,
            Nature::Live | Nature::Callback(_) => StretchKind::Plain,
        }
    }

    /// Who is asked or talks.
    pub(crate) fn agent(&self) -> Option<AgentIx> {
        match self.stage {
            Stage::Offered { agent, .. }
            | Stage::Connecting { agent, .. }
            | Stage::Talking { agent, .. } => Some(agent),
            Stage::Waiting | Stage::Outside { .. } | Stage::Away { .. } | Stage::Later { .. } => {
                None
            }
        }
    }

    pub(crate) fn refusal(&self, agent: AgentIx) -> Option<&Refusal> {
        self.refusals.iter().find(|refusal| refusal.agent == agent)
    }

    /// Whether the agent asks by it, and so is not the one to answer.
    pub(crate) fn is_never_for(&self, agent: AgentIx) -> bool {
        self.refusal(agent)
            .is_some_and(|refusal| refusal.until == NEVER)
    }
}
