//! The calls as we know them, and what follows from a command or an event. Pure: deeds and
//! reports out, no socket, no clock. Who gets which call is decided elsewhere.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use trunkline_routing::{
    CancelReason, ContactId, DeclineCause, Input, OfferId, Outcome, Output, Span, Time, Unreached,
};
use trunkline_tenant::crds::AgentName;
use trunkline_tenant::{QueueId, Tenant};

use super::super::ari::{Cause, ChannelId, HostName, PlaybackId};
use super::super::{CallRef, Command, Report};
use super::act::{Act, Failed, Ring, What};
use super::{Settings, names};

/// Asterisk's own ring time-out comes this much after the core's deadline: a safety net.
const RING_GRACE: Span = Span::seconds(5);

/// What is to be done and told.
#[derive(Debug, Default)]
pub(crate) struct Effects {
    pub acts: Vec<Act>,
    pub reports: Vec<Report>,
}

impl Effects {
    pub(crate) fn act(&mut self, call: &CallRef, what: What) {
        self.acts.push(Act {
            host: call.host.clone(),
            leg: call.channel.clone(),
            what,
        });
    }

    pub(crate) fn input(&mut self, input: Input) {
        self.reports.push(Report::Input(input));
    }
}

/// A caller's channel in our app.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Caller {
    /// Reported; the engine has not said yet whether it is let in.
    Asking,
    /// Hung up before it was let in.
    GoneEarly,
    /// Let in.
    Admitted(ContactId),
    /// Over; a last prompt plays, or the hang-up is under way.
    Leaving { farewell: Option<PlaybackId> },
}

/// What a contact's call is at.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Stage {
    Waiting,
    Ringing { offer: OfferId },
    Joining { offer: OfferId },
    Talking { offer: OfferId, held: bool },
}

impl Stage {
    pub(crate) fn offer(&self) -> Option<OfferId> {
        match self {
            Self::Waiting => None,
            Self::Ringing { offer } | Self::Joining { offer } | Self::Talking { offer, .. } => {
                Some(*offer)
            }
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Contact {
    pub call: CallRef,
    pub stage: Stage,
    /// The greeting, while it plays.
    pub greeting: Option<PlaybackId>,
    /// The caller's channel is gone; the core has been told.
    pub gone: bool,
    /// When we last did something to it: a listing taken at about that time proves nothing.
    pub touched: Time,
}

/// An agent's leg that we made and that is not known to be gone.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Leg {
    pub offer: OfferId,
    pub agent: AgentName,
    /// When the offer lapses, while it is one.
    pub deadline: Option<Time>,
    /// Hang-up sent: whatever else it does, it is not joined.
    pub cancelled: bool,
    pub touched: Time,
}

/// All calls of the tenant, on all hosts.
#[derive(Debug)]
pub(crate) struct Calls {
    pub(crate) settings: Settings,
    pub(crate) tenant: Option<Arc<Tenant>>,
    pub(crate) callers: BTreeMap<CallRef, Caller>,
    pub(crate) contacts: BTreeMap<ContactId, Contact>,
    pub(crate) legs: BTreeMap<CallRef, Leg>,
    /// Callers that left a moment ago: a listing may still show them.
    pub(crate) ended: BTreeMap<CallRef, Time>,
    /// The highest contact number that the journal or we know.
    pub(crate) newest: Option<ContactId>,
    /// Agents whose phone each host reaches.
    pub(crate) online: BTreeMap<HostName, BTreeSet<AgentName>>,
    /// What we last told of each agent's endpoint.
    pub(crate) reachable: BTreeMap<AgentName, bool>,
}

impl Calls {
    pub(crate) fn new(settings: Settings) -> Self {
        Self {
            settings,
            tenant: None,
            callers: BTreeMap::new(),
            contacts: BTreeMap::new(),
            legs: BTreeMap::new(),
            ended: BTreeMap::new(),
            newest: None,
            online: BTreeMap::new(),
            reachable: BTreeMap::new(),
        }
    }

    /// Does what the engine says. [`Command::Hosts`] and
    /// [`Command::Measure`] are not for here.
    pub(crate) fn command(&mut self, now: Time, command: Command, out: &mut Effects) {
        match command {
            Command::Configure(tenant) => self.tenant = Some(tenant),
            Command::Hosts(_) | Command::Measure { .. } => {}
            Command::Admit {
                contact,
                call,
                queue,
            } => self.admit(now, contact, call, &queue, out),
            Command::TurnAway { call } => {
                if let Some(caller) = self.callers.get_mut(&call) {
                    *caller = Caller::Leaving { farewell: None };
                    out.act(&call, What::Hangup(Cause::Congestion));
                }
            }
            Command::Do(output) => self.carry_out(now, output, out),
            Command::Hold { contact, on } => self.hold(now, contact, on, out),
        }
    }

    fn admit(
        &mut self,
        now: Time,
        id: ContactId,
        call: CallRef,
        queue: &QueueId,
        out: &mut Effects,
    ) {
        if self.contacts.contains_key(&id) {
            return;
        }
        self.newest = self.newest.max(Some(id));
        let gone = !matches!(self.callers.get(&call), Some(Caller::Asking));
        if gone {
            self.callers.remove(&call);
            out.input(Input::CustomerGone { contact: id });
        } else {
            self.callers.insert(call.clone(), Caller::Admitted(id));
        }
        let greeting = self.greeting_of(id, queue);
        let playing = greeting.as_ref().map(|(playback, _)| playback.clone());
        if !gone {
            out.act(
                &call,
                What::Welcome {
                    contact: id,
                    greeting,
                    music: self.settings.music.clone(),
                },
            );
        }
        self.contacts.insert(
            id,
            Contact {
                call,
                stage: Stage::Waiting,
                greeting: playing,
                gone,
                touched: now,
            },
        );
    }

    fn greeting_of(&self, id: ContactId, queue: &QueueId) -> Option<(PlaybackId, String)> {
        let queue = self.tenant.as_ref()?.queues.get(queue)?;
        let prompt = queue.announcements.greeting.as_ref()?;
        let media = names::prompt(&self.settings.prompts, prompt);
        Some((names::greeting(id), media))
    }

    fn carry_out(&mut self, now: Time, output: Output, out: &mut Effects) {
        match output {
            Output::Offer {
                offer,
                agent,
                deadline,
            } => self.offer(now, offer, agent, deadline, out),
            Output::CancelOffer { offer, why, .. } => self.cancel(now, offer, why, out),
            Output::Waiting { contact, .. } => self.wait_again(now, contact, out),
            Output::Ended {
                contact,
                outcome,
                prompt,
            } => {
                let media = prompt.map(|name| names::prompt(&self.settings.prompts, &name));
                self.end(now, contact, outcome, media, out);
            }
            // Nobody outside the centre is dialled from here: the contact goes back at once to
            // the agent who handed it over.
            Output::HandOver { contact, .. } => {
                let taken = false;
                out.input(Input::HandedOver { contact, taken });
            }
            // The caller is let go; whom to call back is heard again when an agent is asked.
            Output::CallbackBooked {
                contact, prompt, ..
            } => {
                let media = prompt.map(|name| names::prompt(&self.settings.prompts, &name));
                self.end(now, contact, Outcome::Callback, media, out);
            }
            // Customers are not called from here yet.
            Output::Dial { offer, .. } => {
                let cause = Unreached::Failed;
                out.input(Input::NotReached { offer, cause });
            }
            // Facts to record, not deeds to do.
            Output::Consulting { .. }
            | Output::Conferenced { .. }
            | Output::ConsultOver { .. }
            | Output::Step { .. }
            | Output::Overflowed { .. }
            | Output::Answered { .. }
            | Output::Record(_)
            | Output::Agent { .. }
            | Output::Refused { .. } => {}
        }
    }

    pub(crate) fn offer(
        &mut self,
        now: Time,
        offer: OfferId,
        agent: AgentName,
        deadline: Time,
        out: &mut Effects,
    ) {
        let Some(contact) = self.contacts.get_mut(&offer.contact) else {
            return; // a chat, or a contact whose caller was gone before it began
        };
        if contact.gone {
            return; // the core has been told, and takes the offer back
        }
        let endpoint = self
            .tenant
            .as_ref()
            .and_then(|tenant| names::endpoint(tenant, &agent));
        let Some(endpoint) = endpoint else {
            let cause = DeclineCause::Unreachable;
            return out.input(Input::Decline { offer, cause });
        };
        contact.stage = Stage::Ringing { offer };
        contact.touched = now;
        let place = CallRef {
            host: contact.call.host.clone(),
            channel: names::leg(offer),
        };
        let until = (deadline + RING_GRACE) - now;
        let ring = Ring {
            offer,
            endpoint,
            caller: contact.call.channel.clone(),
            caller_id: None,
            timeout: Duration::from_micros(u64::try_from(until.0).unwrap_or_default()),
        };
        out.act(&place, What::Ring(ring));
        self.legs.insert(
            place,
            Leg {
                offer,
                agent,
                deadline: Some(deadline),
                cancelled: false,
                touched: now,
            },
        );
    }

    fn cancel(&mut self, now: Time, offer: OfferId, why: CancelReason, out: &mut Effects) {
        let cause = match why {
            CancelReason::Rona => Cause::NoAnswer,
            CancelReason::CustomerGone
            | CancelReason::AgentGone
            | CancelReason::NotConnected
            | CancelReason::Dropped
            | CancelReason::Reconfigured
            | CancelReason::NotReached
            | CancelReason::Merged
            | CancelReason::Cancelled => Cause::Normal,
        };
        self.release_leg(now, offer, cause, out);
        let music = self.settings.music.clone();
        let Some(contact) = self.contacts.get_mut(&offer.contact) else {
            return;
        };
        if contact.stage.offer() != Some(offer) {
            return;
        }
        let silent = matches!(contact.stage, Stage::Joining { .. } | Stage::Talking { .. });
        contact.stage = Stage::Waiting;
        contact.touched = now;
        if silent && !contact.gone {
            let leave = names::bridge(offer.contact);
            out.act(&contact.call, What::Music { leave, music });
        }
    }

    /// The core has it wait: only news where it talked, as after a transfer to a queue.
    fn wait_again(&mut self, now: Time, id: ContactId, out: &mut Effects) {
        let music = self.settings.music.clone();
        let Some(contact) = self.contacts.get_mut(&id) else {
            return;
        };
        let Some(offer) = contact.stage.offer() else {
            return;
        };
        contact.stage = Stage::Waiting;
        contact.touched = now;
        if !contact.gone {
            let leave = names::bridge(id);
            out.act(&contact.call, What::Music { leave, music });
        }
        self.release_leg(now, offer, Cause::Normal, out);
    }

    fn end(
        &mut self,
        now: Time,
        id: ContactId,
        outcome: Outcome,
        farewell: Option<String>,
        out: &mut Effects,
    ) {
        let Some(contact) = self.contacts.remove(&id) else {
            return;
        };
        let legs: Vec<OfferId> = self
            .legs
            .values()
            .filter(|leg| leg.offer.contact == id && !leg.cancelled)
            .map(|leg| leg.offer)
            .collect();
        for offer in legs {
            self.release_leg(now, offer, Cause::Normal, out);
        }
        if matches!(contact.stage, Stage::Joining { .. } | Stage::Talking { .. }) {
            out.act(&contact.call, What::DestroyBridge(names::bridge(id)));
        }
        if contact.gone {
            return;
        }
        let playback = farewell.map(|media| (names::farewell(id), media));
        let leaving = playback.as_ref().map(|(id, _)| id.clone());
        match playback {
            Some((playback, media)) => {
                out.act(&contact.call, What::Farewell { playback, media });
            }
            None => {
                let cause = match outcome {
                    Outcome::Dropped => Cause::Congestion,
                    _ => Cause::Normal,
                };
                out.act(&contact.call, What::Hangup(cause));
            }
        }
        self.callers
            .insert(contact.call, Caller::Leaving { farewell: leaving });
    }

    fn hold(&mut self, now: Time, id: ContactId, on: bool, out: &mut Effects) {
        let music = self.settings.music.clone();
        let Some(contact) = self.contacts.get_mut(&id) else {
            return;
        };
        let Stage::Talking { offer, held } = &mut contact.stage else {
            return;
        };
        if *held == on || contact.gone {
            return;
        }
        *held = on;
        let bridge = names::bridge(id);
        let what = if on {
            What::Music {
                leave: bridge,
                music,
            }
        } else {
            What::Join {
                bridge,
                agent: names::leg(*offer),
                stop: None,
            }
        };
        contact.touched = now;
        out.act(&contact.call, what);
    }

    /// Hangs up an agent's leg, at most once; it stays known until it is gone.
    pub(crate) fn release_leg(
        &mut self,
        now: Time,
        offer: OfferId,
        cause: Cause,
        out: &mut Effects,
    ) {
        let id = names::leg(offer);
        for (place, leg) in self
            .legs
            .iter_mut()
            .filter(|(place, _)| place.channel == id)
        {
            if !leg.cancelled {
                leg.cancelled = true;
                leg.touched = now;
                out.act(place, What::Hangup(cause));
            }
        }
    }

    /// A deed did not succeed.
    pub(crate) fn failed(&mut self, now: Time, failed: Failed, out: &mut Effects) {
        let Failed { act, error } = failed;
        tracing::warn!(host = %act.host, leg = %act.leg, what = ?act.what, %error, "telephony command failed");
        let place = CallRef {
            host: act.host,
            channel: act.leg,
        };
        match act.what {
            What::Ring(ring) => {
                let Some(leg) = self.legs.remove(&place) else {
                    return;
                };
                if !leg.cancelled {
                    // Asterisk refuses at once where the endpoint has no address to ring.
                    let cause = match error.status() {
                        Some(_) => DeclineCause::Unreachable,
                        None => DeclineCause::Failed,
                    };
                    self.reachable.remove(&leg.agent);
                    self.declined(now, ring.offer, cause, out);
                }
            }
            What::Join { agent, .. } => {
                let Some(offer) = names::offer_of(&agent) else {
                    return;
                };
                // A caller who is gone is told by their own StasisEnd; the offer is the core's to end.
                let cause = DeclineCause::Failed;
                let known = self.contacts.get(&offer.contact);
                if known.is_some_and(|contact| !contact.gone) {
                    self.release_leg(now, offer, Cause::Normal, out);
                    self.declined(now, offer, cause, out);
                }
            }
            What::Farewell { .. } if !error.is_gone() => {
                out.act(&place, What::Hangup(Cause::Normal));
            }
            // The channel's own end, or the next comparison with Asterisk, tells what to do.
            What::Welcome { .. }
            | What::Music { .. }
            | What::Farewell { .. }
            | What::Hangup(_)
            | What::DestroyBridge(_) => {}
        }
    }

    /// An offer came to nothing on our side; the caller hears music again if it was cut.
    pub(crate) fn declined(
        &mut self,
        now: Time,
        offer: OfferId,
        cause: DeclineCause,
        out: &mut Effects,
    ) {
        let music = self.settings.music.clone();
        if let Some(contact) = self.contacts.get_mut(&offer.contact)
            && contact.stage.offer() == Some(offer)
        {
            if !matches!(contact.stage, Stage::Ringing { .. }) && !contact.gone {
                let leave = names::bridge(offer.contact);
                out.act(&contact.call, What::Music { leave, music });
            }
            contact.stage = Stage::Waiting;
            contact.touched = now;
            out.input(Input::Decline { offer, cause });
        }
    }

    /// A host is gone for good: its callers are lost by us, not by themselves.
    pub(crate) fn lose_host(&mut self, host: &HostName, cause: &str, out: &mut Effects) {
        self.callers.retain(|call, _| call.host != *host);
        self.legs.retain(|leg, _| leg.host != *host);
        self.online.remove(host);
        for (id, contact) in &mut self.contacts {
            if contact.call.host == *host && !contact.gone {
                contact.gone = true;
                out.input(Input::Dropped {
                    contact: *id,
                    cause: cause.to_owned(),
                });
            }
        }
    }

    /// Every host that a contact of ours is on.
    pub(crate) fn hosts(&self) -> BTreeSet<HostName> {
        let live = self.contacts.values().filter(|contact| !contact.gone);
        live.map(|contact| contact.call.host.clone()).collect()
    }

    /// Whether this leg is still of interest.
    pub(crate) fn knows(&self, place: &CallRef) -> bool {
        self.callers.contains_key(place) || self.legs.contains_key(place)
    }

    /// The caller's channel of a contact, by its place.
    pub(crate) fn contact_at(&mut self, place: &CallRef) -> Option<(ContactId, &mut Contact)> {
        let Some(Caller::Admitted(id)) = self.callers.get(place) else {
            return None;
        };
        let id = *id;
        self.contacts.get_mut(&id).map(|contact| (id, contact))
    }

    pub(crate) fn place(host: &HostName, channel: &ChannelId) -> CallRef {
        CallRef {
            host: host.clone(),
            channel: channel.clone(),
        }
    }
}
