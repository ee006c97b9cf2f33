//! What people and telephony ask about: live contacts, agents, the newest records.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use trunkline_routing::metrics::Spell;
use trunkline_routing::{
    AgentState, ConsultEnd, ContactId, ContactView, Core, Input, OfferId, Outcome, Output, Segment,
    Span, StageView, Time,
};
use trunkline_tenant::crds::{AgentName, ClientName, TeamName};
use trunkline_tenant::{QueueId, Tenant};

use super::ContactRecord;
use crate::journal::{Actor, Entry, Presence, Wanted};
use crate::telephony::{Beside, CallRef, Recovered, RecoveredCall, RecoveredOther, RecoveredStage};

/// Records kept at hand; older ones are in the journal.
const RECENT: usize = 1000;
/// So long after a contact's end its caller may still leave a message, which takes three minutes at most and has a prompt
/// before it.
const MESSAGE_UNDER_WAY: Span = Span::seconds(600);

/// Everything at hand.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Directory {
    /// The tenant that runs.
    pub tenant: Option<Arc<Tenant>>,
    /// Its hash.
    pub config_hash: Option<String>,
    /// When the last entry was.
    pub last: Time,
    /// The highest contact number given out.
    pub newest: Option<ContactId>,
    /// Live contacts.
    pub live: BTreeMap<ContactId, LiveContact>,
    /// Agents who ever signed in.
    pub agents: BTreeMap<AgentName, AgentView>,
    /// When an agent first answered a contact of each client.
    pub first_answered: BTreeMap<ClientName, Time>,
    /// The newest records of contacts that have ended, the eldest first.
    pub recent: VecDeque<ContactRecord>,
    /// The newest erasures of customers, the eldest first.
    #[serde(default)]
    pub erasures: VecDeque<Erasure>,
}

/// A customer was erased: for the audit. The journal's entries have all of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Erasure {
    /// Our name for them, which leads nowhere since.
    pub customer: String,
    /// When.
    pub at: Time,
    /// By whom.
    pub by: Option<Actor>,
}

/// A contact that lives.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LiveContact {
    /// Where it is.
    pub queue: QueueId,
    /// When it first arrived.
    pub arrived: Time,
    /// When it entered this queue.
    pub entered: Time,
    /// The call that it is, if it is one.
    pub call: Option<CallRef>,
    /// The number dialled.
    pub number: Option<String>,
    /// Who it is from, by our name for them ([`crate::journal::Vault`]).
    pub customer: Option<String>,
    /// The word under which it came through the API; a customer's is sealed ([`crate::journal::Vault`]).
    pub reference: Option<String>,
    /// The last offer of it.
    pub offer: Option<OfferId>,
    /// The number to call, of a callback.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calls: Option<String>,
    /// Its customer has been called, and is no caller of ours: their leg is known by its name alone.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub called_back: bool,
    /// The contact that it is a consult about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consult_of: Option<ContactId>,
    /// The consult about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consult: Option<ContactId>,
    /// The message that its caller left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub voicemail: Option<Voicemail>,
    /// What it is at.
    pub stage: Stage,
    /// Its stretches that are complete, by index.
    pub segments: Vec<Segment>,
}

/// Who handed a contact over may wrap up for longer than who took it: stretches are not complete in
/// the order in which they were.
fn insert(segments: &mut Vec<Segment>, segment: &Segment) {
    let at = segments.partition_point(|other| other.index < segment.index);
    segments.insert(at, segment.clone());
}

/// A message that a caller left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Voicemail {
    /// What the recording is called in the store.
    pub recording: String,
    /// How long it is.
    pub length: Span,
}

/// What a live contact is at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    tag = "stage",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
pub enum Stage {
    /// It waits.
    Waiting,
    /// An agent is being asked.
    Offered {
        /// Which offer.
        offer: OfferId,
        /// Whom.
        agent: AgentName,
        /// When it lapses.
        deadline: Time,
    },
    /// The agent said yes; the legs are being joined.
    Accepted {
        /// Which offer.
        offer: OfferId,
        /// Who.
        agent: AgentName,
    },
    /// It is being connected to a place outside the centre.
    Outside {
        /// The offer that led to the conversation that it comes from.
        offer: OfferId,
        /// Who handed it over.
        agent: AgentName,
        /// When it goes back to them.
        deadline: Time,
    },
    /// A consult: somebody outside is called.
    Calling {
        /// Until when.
        deadline: Time,
    },
    /// A consult: the party outside talks with who asked.
    Away {
        /// Since when.
        since: Time,
    },
    /// A callback whose time has not come.
    Later {
        /// When it comes.
        until: Time,
    },
    /// It talks.
    Talking {
        /// The offer that led to it.
        offer: OfferId,
        /// With whom.
        agent: AgentName,
        /// Since when.
        since: Time,
        /// Since when it is on hold, if it is.
        held_since: Option<Time>,
        /// Earlier holds.
        hold: Span,
    },
}

impl Stage {
    /// What the API and metrics call it; one on hold still talks.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Offered { .. } => "offered",
            Self::Accepted { .. } => "accepted",
            Self::Outside { .. } | Self::Calling { .. } => "outside",
            Self::Away { .. } => "away",
            Self::Later { .. } => "later",
            Self::Talking { .. } => "talking",
        }
    }

    /// Who is asked, or talks.
    pub fn agent(&self) -> Option<&AgentName> {
        match self {
            Self::Waiting | Self::Calling { .. } | Self::Away { .. } | Self::Later { .. } => None,
            Self::Offered { agent, .. }
            | Self::Accepted { agent, .. }
            | Self::Outside { agent, .. }
            | Self::Talking { agent, .. } => Some(agent),
        }
    }

    /// Since when it is on hold, if it is, and earlier holds, in the conversation since `since`.
    fn hold(&self, since: Time, on: bool, at: Time) -> (Option<Time>, Span) {
        let (before, sum) = match self {
            Self::Talking {
                since: same,
                held_since,
                hold,
                ..
            } if *same == since => (*held_since, *hold),
            _ => (None, Span(0)),
        };
        match (before, on) {
            (Some(from), false) => (None, Span(sum.0 + (at - from).0)),
            (from, true) => (from.or(Some(at)), sum),
            (None, false) => (None, sum),
        }
    }

    /// The offer under which it is asked or talks.
    pub fn offer(&self) -> Option<OfferId> {
        match self {
            Self::Waiting | Self::Calling { .. } | Self::Away { .. } | Self::Later { .. } => None,
            Self::Offered { offer, .. }
            | Self::Accepted { offer, .. }
            | Self::Outside { offer, .. }
            | Self::Talking { offer, .. } => Some(*offer),
        }
    }
}

/// An agent as the engine sees them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AgentView {
    /// What they are at.
    pub state: AgentState,
    /// Since when.
    pub since: Time,
    /// Their team then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub team: Option<TeamName>,
    /// For how many contacts at once they had room then.
    #[serde(default)]
    pub capacity: u32,
    /// Whether they have signed in and not out.
    pub signed_in: bool,
    /// Whether their session lives.
    pub alive: bool,
    /// How that is known.
    pub presence: Presence,
}

impl AgentView {
    /// What their time goes to, up to a moment; `None` where that is nothing.
    fn spell(&self, agent: &AgentName, to: Time) -> Option<Spell> {
        (self.state != AgentState::SignedOut && self.since < to).then(|| Spell {
            agent: agent.clone(),
            team: self.team.clone(),
            capacity: self.capacity,
            from: self.since,
            to,
            state: self.state.clone(),
        })
    }
}

impl LiveContact {
    /// One of which nothing is known but where it waits, since when.
    pub fn new(queue: QueueId, arrived: Time) -> Self {
        Self {
            queue,
            arrived,
            entered: arrived,
            call: None,
            number: None,
            customer: None,
            reference: None,
            offer: None,
            calls: None,
            called_back: false,
            consult_of: None,
            consult: None,
            voicemail: None,
            stage: Stage::Waiting,
            segments: Vec::new(),
        }
    }

    /// Takes over what the core says that the contact is at.
    fn heed(&mut self, view: &ContactView, at: Time) {
        self.queue.clone_from(&view.queue);
        self.arrived = view.arrived;
        self.entered = view.entered;
        // Who was called and is handed over waits like any other.
        self.called_back |= self.calls.is_some() && view.calls.is_none();
        self.calls.clone_from(&view.calls);
        self.consult_of = view.consult_of;
        self.consult = view.consult;
        self.stage = match (&view.stage, self.offer) {
            (StageView::Waiting, _) => Stage::Waiting,
            (
                StageView::Offered {
                    offer,
                    agent,
                    deadline,
                },
                _,
            ) => Stage::Offered {
                offer: *offer,
                agent: agent.clone(),
                deadline: *deadline,
            },
            (StageView::Connecting { offer, agent, .. }, _) => Stage::Accepted {
                offer: *offer,
                agent: agent.clone(),
            },
            (
                StageView::Talking {
                    agent,
                    since,
                    on_hold,
                },
                Some(offer),
            ) => {
                let (held_since, hold) = self.stage.hold(*since, *on_hold, at);
                Stage::Talking {
                    offer,
                    agent: agent.clone(),
                    since: *since,
                    held_since,
                    hold,
                }
            }
            // No agent is asked first, so there is no offer.
            (StageView::Outside { deadline, .. }, None) if view.consult_of.is_some() => {
                Stage::Calling {
                    deadline: *deadline,
                }
            }
            (StageView::Outside { deadline, .. }, Some(offer)) => match self.stage.agent() {
                Some(agent) => Stage::Outside {
                    offer,
                    agent: agent.clone(),
                    deadline: *deadline,
                },
                None => Stage::Waiting,
            },
            (StageView::Away { since, .. }, _) => Stage::Away { since: *since },
            (StageView::Later { until }, _) => Stage::Later { until: *until },
            // Nobody talks who was not offered.
            (StageView::Talking { .. } | StageView::Outside { .. }, None) => Stage::Waiting,
        };
    }
}

/// The contact that an output has go on elsewhere, or otherwise, where it isn't over.
pub(crate) fn contact_of(output: &Output) -> Option<ContactId> {
    match output {
        Output::Offer { offer, .. } | Output::CancelOffer { offer, .. } => Some(offer.contact),
        Output::Waiting { contact, .. }
        | Output::Step { contact, .. }
        | Output::Overflowed { contact, .. }
        | Output::Answered { contact, .. }
        | Output::HandOver { contact, .. }
        | Output::Consulting { contact, .. }
        | Output::Conferenced { contact, .. }
        | Output::ConsultOver { contact, .. }
        | Output::CallbackBooked { contact, .. } => Some(*contact),
        Output::Dial { offer, .. } => Some(offer.contact),
        Output::Ended { .. }
        | Output::Record(_)
        | Output::Rota(_)
        | Output::Agent { .. }
        | Output::Refused { .. } => None,
    }
}

impl Directory {
    /// Remembers what an entry did, and gives what agents were at before it. What contacts are at is
    /// read from the core, which decided it.
    pub(super) fn apply(&mut self, entry: &Entry, outputs: &[Output], core: &Core) -> Vec<Spell> {
        self.last = entry.at;
        let mut spells = Vec::new();
        if let Some(customer) = &entry.context.erased {
            if self.erasures.len() == RECENT {
                self.erasures.pop_front();
            }
            self.erasures.push_back(Erasure {
                customer: customer.clone(),
                at: entry.at,
                by: entry.context.by.clone(),
            });
        }
        // The number is used up even where the core would not have the contact.
        if let Input::Arrive { contact, .. }
        | Input::BookCallback { contact, .. }
        | Input::Consult {
            consult: contact, ..
        } = &entry.input
        {
            self.newest = self.newest.max(Some(*contact));
        }
        let refused = outputs.iter().any(|o| matches!(o, Output::Refused { .. }));
        if !refused {
            self.heed(entry);
        }
        for output in outputs {
            if let Output::Agent { agent, state } = output {
                spells.extend(self.becomes(agent, state, entry.at, core));
            }
            self.follow(entry.at, output);
        }
        self.forget_who_is_gone(entry, outputs, core);
        let by_input = match &entry.input {
            Input::Accept { offer } => Some(offer.contact),
            Input::Hold { contact, .. }
            | Input::HandedOver { contact, .. }
            | Input::BookCallback { contact, .. } => Some(*contact),
            Input::Consult { consult, .. } => Some(*consult),
            _ => None,
        };
        if matches!(entry.input, Input::Stalled { .. } | Input::Unheard { .. }) {
            // Deadlines are put off, and no output says so.
            for (contact, live) in &mut self.live {
                if let Some(view) = core.contact(*contact) {
                    live.heed(&view, entry.at);
                }
            }
        }
        for contact in outputs.iter().filter_map(contact_of).chain(by_input) {
            if let (Some(live), Some(view)) = (self.live.get_mut(&contact), core.contact(contact)) {
                live.heed(&view, entry.at);
                if let Stage::Talking { since, .. } = live.stage
                    && let Some(client) = view.client
                {
                    self.first_answered.entry(client).or_insert(since);
                }
            }
        }
        spells
    }

    /// Whoever is neither listed nor signed in any more is no agent of this centre: a token is made of a name alone, so
    /// whoever was taken off the list still has theirs, and each pod of virtual agents has names of its own.
    fn forget_who_is_gone(&mut self, entry: &Entry, outputs: &[Output], core: &Core) {
        let is_gone =
            |agent: &AgentName, view: &AgentView| !view.signed_in && core.agent(agent).is_none();
        if matches!(entry.input, Input::Configure { .. }) {
            self.agents.retain(|agent, view| !is_gone(agent, view));
        }
        for output in outputs {
            if let Output::Agent {
                agent,
                state: AgentState::SignedOut,
            } = output
                && self
                    .agents
                    .get(agent)
                    .is_some_and(|view| is_gone(agent, view))
            {
                self.agents.remove(agent);
            }
        }
    }

    /// An agent's state from a moment on; what their time went to until then.
    fn becomes(
        &mut self,
        agent: &AgentName,
        state: &AgentState,
        at: Time,
        core: &Core,
    ) -> Option<Spell> {
        let team = core.team_of(agent).cloned();
        let view = self.agent(agent, at);
        let mut spell = view.spell(agent, at);
        if let Some(spell) = &mut spell
            && spell.team.is_none()
        {
            // A snapshot of the release before knew no teams.
            spell.team.clone_from(&team);
        }
        view.state = state.clone();
        view.since = at;
        view.team = team;
        view.capacity = core.capacity_of(agent);
        if *state == AgentState::SignedOut {
            view.signed_in = false;
        }
        spell
    }

    /// What agents' time goes to at present, up to a moment.
    pub fn open_spells(&self, to: Time) -> impl Iterator<Item = Spell> {
        self.agents
            .iter()
            .filter_map(move |(agent, view)| view.spell(agent, to))
    }

    /// What an input says that no output repeats.
    fn heed(&mut self, entry: &Entry) {
        let Entry {
            at, input, context, ..
        } = entry;
        match input {
            Input::Configure { tenant } => {
                self.tenant = Some(Arc::clone(tenant));
                self.config_hash.clone_from(&context.config_hash);
            }
            Input::Arrive {
                contact,
                queue,
                since,
                customer,
                ..
            } => {
                self.live.insert(
                    *contact,
                    LiveContact {
                        call: context.call.clone(),
                        number: context.number.clone(),
                        customer: customer.clone(),
                        reference: context.reference.clone(),
                        ..LiveContact::new(queue.clone(), since.unwrap_or(*at))
                    },
                );
            }
            Input::BookCallback {
                contact,
                queue,
                customer,
                due,
                ..
            } => {
                let at = due.unwrap_or(*at);
                let live = LiveContact {
                    customer: Some(customer.clone()),
                    reference: context.reference.clone(),
                    ..LiveContact::new(queue.clone(), at)
                };
                self.live.insert(*contact, live);
            }
            Input::Consult {
                contact, consult, ..
            } => {
                if let Some(about) = self.live.get(contact) {
                    let live = LiveContact::new(about.queue.clone(), about.arrived);
                    self.live.insert(*consult, live);
                }
            }
            Input::VoicemailLeft {
                contact,
                recording,
                length,
            } => {
                let voicemail = Some(Voicemail {
                    recording: recording.clone(),
                    length: *length,
                });
                let mut recent = self.recent.iter_mut().rev();
                if let Some(record) = recent.find(|record| record.contact == *contact) {
                    record.last.voicemail = voicemail;
                }
            }
            Input::SignIn { agent, .. } => {
                let view = self.agent(agent, *at);
                view.signed_in = true;
                view.alive = true;
                if let Some(presence) = context.presence {
                    view.presence = presence;
                }
            }
            Input::SignOut { agent } => self.agent(agent, *at).signed_in = false,
            Input::Session { agent, alive } => self.agent(agent, *at).alive = *alive,
            _ => {}
        }
    }

    fn follow(&mut self, at: Time, output: &Output) {
        match output {
            Output::Offer { offer, .. } => {
                if let Some(live) = self.live.get_mut(&offer.contact) {
                    live.offer = Some(*offer);
                }
            }
            Output::Ended {
                contact, outcome, ..
            } => {
                if let Some(live) = self.live.remove(contact) {
                    if self.recent.len() == RECENT {
                        self.recent.pop_front();
                    }
                    self.recent
                        .push_back(ContactRecord::ended(*contact, live, at, *outcome));
                }
            }
            Output::ConsultOver {
                contact,
                how: ConsultEnd::TakenOver { offer, .. },
                ..
            } => {
                if let Some(live) = self.live.get_mut(contact) {
                    live.offer = Some(*offer);
                }
            }
            // Whoever was on the line has been let go.
            Output::CallbackBooked { contact, .. } => {
                if let Some(live) = self.live.get_mut(contact) {
                    live.call = None;
                }
            }
            Output::Record(segment) => self.keep(segment),
            Output::Agent { .. }
            | Output::Rota(_)
            | Output::CancelOffer { .. }
            | Output::Waiting { .. }
            | Output::Step { .. }
            | Output::Overflowed { .. }
            | Output::Answered { .. }
            | Output::HandOver { .. }
            | Output::Consulting { .. }
            | Output::Conferenced { .. }
            | Output::ConsultOver { .. }
            | Output::Dial { .. }
            | Output::Refused { .. } => {}
        }
    }

    /// A stretch is complete when its wrap-up is, which is often after the contact's end.
    fn keep(&mut self, segment: &Segment) {
        if let Some(live) = self.live.get_mut(&segment.contact) {
            insert(&mut live.segments, segment);
        } else if let Some(record) = self
            .recent
            .iter_mut()
            .rev()
            .find(|record| record.contact == segment.contact)
        {
            insert(&mut record.segments, segment);
        }
    }

    fn agent(&mut self, agent: &AgentName, at: Time) -> &mut AgentView {
        self.agents
            .entry(agent.clone())
            .or_insert_with(|| AgentView {
                state: AgentState::SignedOut,
                since: at,
                team: None,
                capacity: 0,
                signed_in: false,
                alive: false,
                presence: Presence::default(),
            })
    }

    /// Whether there is such an agent: listed by name, or signed in.
    pub fn knows(&self, agent: &AgentName) -> bool {
        self.agents.contains_key(agent)
            || self
                .tenant
                .as_ref()
                .is_some_and(|tenant| tenant.agents.contains_key(agent))
    }

    /// The live contact that is this call.
    pub fn by_call(&self, call: &CallRef) -> Option<ContactId> {
        self.live
            .iter()
            .find(|(_, live)| live.call.as_ref() == Some(call))
            .map(|(contact, _)| *contact)
    }

    /// The contacts that live, and those that ended of late, as they were last.
    pub fn contacts(&self) -> impl Iterator<Item = (ContactId, &LiveContact)> {
        let live = self.live.iter().map(|(contact, it)| (*contact, it));
        let ended = self.recent.iter();
        live.chain(ended.map(|record| (record.contact, &record.last)))
    }

    /// Whom and what the contacts here are told by: those that live, and those that ended of late.
    pub fn wanted(&self) -> Wanted {
        let mut wanted = Wanted {
            contacts: self.live.keys().copied().collect(),
            ..Wanted::default()
        };
        for (_, contact) in self.contacts() {
            let names = contact.customer.iter().chain(&contact.calls);
            wanted.names.extend(names.cloned());
            wanted.references.extend(contact.reference.clone());
        }
        wanted
    }

    /// The live contact that came through the API under this word, if it is of no customer's: the others' are
    /// sealed ([`crate::journal::Names::contact_under`]).
    pub fn by_reference(&self, reference: &str) -> Option<ContactId> {
        self.live
            .iter()
            .find(|(_, live)| live.reference.as_deref() == Some(reference))
            .map(|(contact, _)| *contact)
    }

    /// Contacts that ended so shortly before a moment that their caller may still leave a message, where none is entered yet.
    pub fn speaking(&self, now: Time) -> impl Iterator<Item = &ContactRecord> {
        let lately = self.recent.iter().rev();
        lately
            .take_while(move |record| record.ended >= now - MESSAGE_UNDER_WAY)
            .filter(|record| {
                record.outcome == Outcome::Voicemail
                    && record.last.call.is_some()
                    && record.last.voicemail.is_none()
            })
    }

    /// Releases before this one kept a consult that rings outside as one that waits.
    pub(super) fn heed_consults(&mut self, core: &Core) {
        for (contact, live) in &mut self.live {
            let waits = live.consult_of.is_some() && live.stage == Stage::Waiting;
            if let Some(view) = core.contact(*contact).filter(|_| waits) {
                live.heed(&view, self.last);
            }
        }
    }

    /// What telephony must know to take over.
    pub fn recovered(&self) -> Recovered {
        let calls = self
            .live
            .iter()
            .filter(|(_, live)| live.calls.is_none() && live.consult_of.is_none())
            .filter_map(|(contact, live)| {
                Some(RecoveredCall {
                    contact: *contact,
                    call: live.call.clone()?,
                    queue: live.queue.clone(),
                    stage: recovered_stage(*contact, &live.stage),
                })
            })
            .collect();
        let others = self.live.iter().filter_map(|(contact, live)| {
            let what = match (live.consult_of, live.calls.clone()) {
                (Some(of), _) => Beside::Consult { of },
                (None, Some(customer)) => Beside::Callback { customer },
                (None, None) if live.called_back => Beside::Called,
                (None, None) => return None,
            };
            Some(RecoveredOther {
                contact: *contact,
                queue: live.queue.clone(),
                what,
                stage: recovered_stage(*contact, &live.stage),
            })
        });
        let speaking = self
            .speaking(self.last)
            .filter_map(|record| Some((record.contact, record.last.call.clone()?)));
        Recovered {
            others: others.collect(),
            calls,
            speaking: speaking.collect(),
            newest: self.newest,
        }
    }
}

fn recovered_stage(contact: ContactId, stage: &Stage) -> RecoveredStage {
    match stage.clone() {
        Stage::Waiting | Stage::Later { .. } => RecoveredStage::Waiting,
        // A consult's leg outside comes from no offer.
        Stage::Calling { .. } | Stage::Away { .. } => RecoveredStage::Outside {
            talk: OfferId {
                contact,
                generation: 0,
            },
            together: matches!(stage, Stage::Away { .. }),
        },
        Stage::Outside { offer, .. } => RecoveredStage::Outside {
            talk: OfferId {
                contact,
                generation: offer.generation,
            },
            together: false,
        },
        Stage::Offered {
            offer,
            agent,
            deadline,
        } => RecoveredStage::Offered {
            offer,
            agent,
            deadline,
        },
        Stage::Accepted { offer, agent } => RecoveredStage::Accepted { offer, agent },
        Stage::Talking {
            offer,
            agent,
            held_since,
            ..
        } => RecoveredStage::Talking {
            offer,
            agent,
            held: held_since.is_some(),
        },
    }
}
