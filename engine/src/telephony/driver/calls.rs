//! The calls as we know them, and what follows from a command or an event. Pure: deeds and
//! reports out, no socket, no clock. Who gets which call is decided elsewhere.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use trunkline_routing::{
    CancelReason, ContactId, DeclineCause, Input, OfferId, Outcome, Output, Span, Time, Unreached,
};
use trunkline_tenant::crds::{AgentName, EndpointType, TrunkName};
use trunkline_tenant::{QueueId, Tenant};

use super::super::ari::{BridgeId, Cause, ChannelId, HostName, PlaybackId};
use super::super::{Arrival, CallRef, Command, Report};
use super::act::{Act, Failed, Ring, What};
use super::callback::{Booked, Unfound};
use super::menu::Choosing;
use super::outbound::{self, Destination, Shown, Usage};
use super::outside::{Outsider, Reached};
use super::{Settings, names};

/// Asterisk's own ring time-out comes this much after the core's deadline: a safety net for when no engine is there. So
/// long may a journal stall, which puts the core's deadline off, before Asterisk ends a ringing that the core knows of.
const RING_GRACE: Span = Span::seconds(30);

/// A waiting caller is told how long it may take this soon, where no greeting plays.
const FIRST_NEWS: Span = Span::seconds(2);

/// How long Asterisk itself lets a leg ring that the core gives up on at `deadline`.
pub(crate) fn rings_until(now: Time, deadline: Time) -> Duration {
    let until = (deadline + RING_GRACE) - now;
    Duration::from_micros(u64::try_from(until.0).unwrap_or_default())
}

/// Q.850: a leg that Asterisk would not even make.
const UNALLOCATED: i32 = 1;

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

    /// What an agent did by their phone; `None`: whose it was is not known.
    pub(crate) fn done_by(&mut self, agent: Option<AgentName>, input: Input) {
        self.reports.push(match agent {
            Some(agent) => Report::Agent { agent, input },
            None => Report::Input(input),
        });
    }
}

/// A caller's channel in our app.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Caller {
    /// Hears the client's menu: no contact yet.
    Choosing(Choosing),
    /// Reported; the engine has not said yet whether it is let in.
    Asking(Arrival),
    /// Hung up before it was let in.
    GoneEarly,
    /// Let in.
    Admitted(ContactId),
    /// Its contact has ended; since then it talks with somebody outside, on this leg.
    Away {
        leg: CallRef,
        bridge: BridgeId,
        since: Time,
    },
    /// Its contact has ended; it leaves a message.
    Speaking(ContactId),
    /// Over; a last prompt plays, or the hang-up is under way.
    Leaving { farewell: Option<PlaybackId> },
}

/// What a contact's call is at.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Stage {
    Waiting,
    Ringing {
        offer: OfferId,
    },
    Joining {
        offer: OfferId,
    },
    Talking {
        offer: OfferId,
        held: bool,
    },
    /// Handed over to a place outside the centre, on the leg that is named for this talk.
    Outside {
        talk: OfferId,
        reached: Reached,
    },
}

impl Stage {
    /// The offer under which an agent is asked or talks.
    pub(crate) fn offer(&self) -> Option<OfferId> {
        match self {
            Self::Waiting | Self::Outside { .. } => None,
            Self::Ringing { offer } | Self::Joining { offer } | Self::Talking { offer, .. } => {
                Some(*offer)
            }
        }
    }
}

/// Who is at the other end of a contact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A customer who called.
    Caller,
    /// An agent who consults about that contact: the contact's call is the agent's own leg.
    Consult { of: ContactId, conferenced: bool },
    /// A customer whom we call, once an agent is there: the contact's call is a leg that we make.
    Callback { dialled: bool },
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Contact {
    pub call: CallRef,
    pub kind: Kind,
    /// Where the two talk.
    pub bridge: BridgeId,
    /// Where it waits, or waited.
    pub queue: QueueId,
    /// The caller's number, where the carrier tells it.
    pub number: Option<String>,
    pub stage: Stage,
    /// The greeting, or what a waiting caller is told, while it plays.
    pub playing: Option<PlaybackId>,
    /// When the caller is told next how long it may take.
    pub told_next: Time,
    /// How often they have been told.
    pub told: u32,
    /// The caller's channel is gone; the core has been told.
    pub gone: bool,
    /// When we last did something to it: a listing taken at about that time proves nothing.
    pub touched: Time,
}

impl Contact {
    /// The channel that is there already: whose codecs an agent's leg takes over.
    fn customer_or_agent(&self) -> Option<ChannelId> {
        let there = !matches!(self.kind, Kind::Callback { dialled: false });
        there.then(|| self.call.channel.clone())
    }

    pub(crate) fn new(
        call: CallRef,
        kind: Kind,
        bridge: BridgeId,
        queue: QueueId,
        now: Time,
    ) -> Self {
        Self {
            call,
            kind,
            bridge,
            queue,
            number: None,
            stage: Stage::Waiting,
            playing: None,
            told_next: now + FIRST_NEWS,
            told: 0,
            gone: false,
            touched: now,
        }
    }

    /// A customer is on the line: there is somebody to play music to.
    pub(crate) fn customer_listens(&self) -> bool {
        let on_the_line = match self.kind {
            Kind::Caller => true,
            Kind::Consult { .. } => false,
            Kind::Callback { dialled } => dialled,
        };
        on_the_line && !self.gone
    }

    /// Takes them out of the bridge, to music. An agent who consults hears nothing meanwhile.
    pub(crate) fn back_to_music(&self, music: &str, out: &mut Effects) {
        if self.customer_listens() {
            let leave = self.bridge.clone();
            let music = music.to_owned();
            out.act(&self.call, What::Music { leave, music });
        }
    }
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
    /// The customer is on hold by the hold of this phone, and not of the desk or for a consult.
    pub holds: bool,
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
    /// Legs to somebody outside the centre.
    pub(crate) outsiders: BTreeMap<CallRef, Outsider>,
    /// Contacts that are to be called back, and what is known of them, until the core has them talk.
    pub(crate) callbacks: BTreeMap<ContactId, Booked>,
    /// Callbacks with an agent that a predecessor left, until a host shows their legs.
    pub(crate) unfound: BTreeMap<ContactId, Unfound>,
    /// What each trunk carries.
    pub(crate) usage: Usage,
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
            outsiders: BTreeMap::new(),
            callbacks: BTreeMap::new(),
            unfound: BTreeMap::new(),
            usage: Usage::default(),
            ended: BTreeMap::new(),
            newest: None,
            online: BTreeMap::new(),
            reachable: BTreeMap::new(),
        }
    }

    /// Does what the engine says. [`Command::Hosts`], [`Command::Measure`], [`Command::Fetch`] and [`Command::Forget`]
    /// are not for here.
    pub(crate) fn command(&mut self, now: Time, command: Command, out: &mut Effects) {
        match command {
            Command::Configure(tenant) => self.tenant = Some(tenant),
            Command::Hosts(_)
            | Command::Measure { .. }
            | Command::Fetch { .. }
            | Command::Forget { .. } => {}
            Command::Admit {
                contact,
                call,
                queue,
            } => self.admit(now, contact, call, &queue, out),
            Command::TurnAway { call } => self.turn_away(call, out),
            Command::Do(output) => self.carry_out(now, output, out),
            Command::Hold { contact, on } => self.hold(now, contact, on, out),
            Command::Tell { contact, standing } => self.tell(now, contact, standing, out),
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
        let (number, gone) = match self.callers.remove(&call) {
            Some(Caller::Asking(arrival)) => (arrival.customer, false),
            _ => (None, true),
        };
        if gone {
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
                gone,
                number,
                playing,
                ..Contact::new(call, Kind::Caller, names::bridge(id), queue.clone(), now)
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
            Output::Waiting { contact, queue } => self.wait_again(now, contact, queue, out),
            Output::Ended {
                contact,
                outcome,
                prompt,
            } => {
                let media = prompt.map(|name| names::prompt(&self.settings.prompts, &name));
                self.end(now, contact, outcome, media, out);
            }
            Output::HandOver {
                contact,
                to,
                deadline,
            } => self.hand_over(now, contact, &to, deadline, out),
            Output::Consulting {
                contact, consult, ..
            } => self.consulting(now, contact, consult, out),
            Output::Conferenced { contact, consult } => {
                self.conferenced(now, contact, consult, out)
            }
            Output::ConsultOver {
                contact,
                consult,
                how,
            } => self.consult_over(now, contact, consult, how, out),
            Output::CallbackBooked {
                contact,
                queue,
                customer,
                prompt,
                ..
            } => self.book(contact, queue, customer, prompt, out),
            Output::Dial {
                offer,
                customer,
                queue,
                deadline,
                ..
            } => self.dial(now, offer, &customer, &queue, deadline, out),
            // Only now: the core may have given them up as the two were joined.
            Output::Answered { contact, .. } => {
                self.callbacks.remove(&contact);
            }
            // Facts to record, not deeds to do.
            Output::Step { .. }
            | Output::Overflowed { .. }
            | Output::Record(_)
            | Output::Rota(_)
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
        self.forget_unfound(offer.contact);
        if !self.prepare_callback(now, offer, &agent, out) {
            // Nobody hears of it where nobody is rung; and it is nobody's fault.
            let cause = self.out_of_reach(&agent);
            return out.input(Input::Decline { offer, cause });
        }
        let Some(contact) = self.contacts.get_mut(&offer.contact) else {
            return; // a chat, or a contact whose caller was gone before it began
        };
        if contact.gone {
            return; // the core has been told, and takes the offer back
        }
        let shown = contact
            .number
            .clone()
            .map_or(Shown::TrunksOwn, Shown::Number);
        let reached = self
            .tenant
            .as_ref()
            .and_then(|tenant| phone(tenant, &agent, contact, shown, &self.usage, now));
        let Some(reached) = reached else {
            let cause = self.out_of_reach(&agent);
            return out.input(Input::Decline { offer, cause });
        };
        contact.stage = Stage::Ringing { offer };
        contact.touched = now;
        let place = CallRef {
            host: contact.call.host.clone(),
            channel: names::leg(offer),
        };
        let ring = Ring {
            args: [names::LEG.into(), offer.to_string()],
            contact: offer.contact,
            endpoint: reached.endpoint,
            originator: contact.customer_or_agent(),
            shown: reached.shown,
            timeout: rings_until(now, deadline),
        };
        if let Some(trunk) = reached.trunk {
            self.usage.begins(place.clone(), trunk, now);
        }
        out.act(&place, What::Ring(ring));
        self.legs.insert(
            place,
            Leg {
                offer,
                agent,
                deadline: Some(deadline),
                cancelled: false,
                holds: false,
                touched: now,
            },
        );
    }

    fn cancel(&mut self, now: Time, offer: OfferId, why: CancelReason, out: &mut Effects) {
        let unfound = self.unfound.get(&offer.contact);
        if unfound.is_some_and(|unfound| unfound.stage.offer() == Some(offer)) {
            self.forget_unfound(offer.contact);
        }
        let cause = match why {
            CancelReason::Rona => Cause::NoAnswer,
            CancelReason::CustomerGone
            | CancelReason::AgentGone
            | CancelReason::NotConnected
            | CancelReason::Dropped
            | CancelReason::NotReached
            | CancelReason::Merged
            | CancelReason::Cancelled
            | CancelReason::Closed
            | CancelReason::Reconfigured => Cause::Normal,
        };
        self.release_leg(now, offer, cause, out);
        let Some(contact) = self.contacts.get(&offer.contact) else {
            return;
        };
        if contact.stage.offer() != Some(offer) {
            return;
        }
        let silent = matches!(contact.stage, Stage::Joining { .. } | Stage::Talking { .. });
        self.asks_nobody(now, offer.contact, silent, out);
    }

    /// The core has it wait: only news where it talked, as after a transfer to a queue.
    fn wait_again(&mut self, now: Time, id: ContactId, queue: QueueId, out: &mut Effects) {
        let Some(contact) = self.contacts.get_mut(&id) else {
            return;
        };
        contact.queue = queue;
        if matches!(contact.stage, Stage::Outside { .. }) {
            return self.not_reached(now, id, out);
        }
        let Some(offer) = contact.stage.offer() else {
            return;
        };
        self.asks_nobody(now, id, true, out);
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
        self.callbacks.remove(&id);
        self.unfound.remove(&id);
        let Some(contact) = self.contacts.remove(&id) else {
            return;
        };
        let legs: Vec<OfferId> = self
            .legs
            .values()
            .filter(|leg| {
                let its = leg.offer.contact == id || contact.stage.offer() == Some(leg.offer);
                its && !leg.cancelled
            })
            .map(|leg| leg.offer)
            .collect();
        for offer in legs {
            self.release_leg(now, offer, Cause::Normal, out);
        }
        if let Stage::Outside { talk, reached } = contact.stage {
            let leg = Self::place(&contact.call.host, &names::outside(talk));
            if outcome == Outcome::Transferred && reached == Reached::Together && !contact.gone {
                return self.let_talk(now, id, contact.call, leg, out);
            }
            self.release_outsider(&leg, out);
        }
        if matches!(
            contact.stage,
            Stage::Joining { .. } | Stage::Talking { .. } | Stage::Outside { .. }
        ) {
            out.act(&contact.call, What::DestroyBridge(contact.bridge.clone()));
        }
        if !contact.customer_listens() {
            return;
        }
        // Else the greeting is heard to its end before "we are closed".
        if let Some(playing) = contact.playing {
            out.act(&contact.call, What::Quiet(playing));
        }
        if outcome == Outcome::Voicemail {
            return self.take_message(id, contact.call, farewell, out);
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
        // Whatever the button of the phone has done before, this is the desk's.
        let leg = Self::place(&contact.call.host, &names::leg(*offer));
        if let Some(leg) = self.legs.get_mut(&leg) {
            leg.holds = false;
        }
        let bridge = contact.bridge.clone();
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

    /// Their host was lost as they were joined: they are whatever its next listing shows.
    pub(crate) fn unsettle(&mut self, id: ContactId) {
        if let Some(contact) = self.contacts.get_mut(&id) {
            contact.touched = Time(i64::MIN + 1);
        }
    }

    /// Whether this is still what a contact waits for.
    pub(crate) fn is_joining(&self, offer: OfferId) -> bool {
        let contact = self.contacts.get(&offer.contact);
        contact.is_some_and(|it| !it.gone && it.stage == Stage::Joining { offer })
    }

    /// A deed did not succeed.
    pub(crate) fn failed(&mut self, now: Time, failed: Failed, out: &mut Effects) {
        let Failed { act, error, .. } = failed;
        tracing::warn!(host = %act.host, leg = %act.leg, what = act.what.word(), %error, "telephony command failed");
        let place = CallRef {
            host: act.host,
            channel: act.leg,
        };
        match act.what {
            What::Ring(_) => {
                self.usage.over(&place);
                if self.outsiders.contains_key(&place) {
                    return self.outsider_gone(now, &place, out);
                }
                if self.callers.contains_key(&place) {
                    return self.channel_gone(now, &place, Some(UNALLOCATED), out);
                }
                let Some(leg) = self.legs.remove(&place) else {
                    return;
                };
                if !leg.cancelled {
                    // Asterisk refuses at once where the endpoint has no address to ring.
                    let away = self.out_of_reach(&leg.agent);
                    let cause = error.status().map_or(DeclineCause::Failed, |_| away);
                    self.declined(now, leg.offer, cause, out);
                }
            }
            What::Join { agent, .. } => {
                if names::outside_of(&agent).is_some() {
                    let leg = Self::place(&place.host, &agent);
                    if self.outsiders.contains_key(&leg) {
                        // Told here: who is let go by us is not heard of again.
                        self.usage.over(&leg);
                        out.act(&leg, What::Hangup(Cause::Normal));
                        self.outsider_gone(now, &leg, out);
                    }
                    return;
                }
                let Some(offer) = names::offer_of(&agent) else {
                    return;
                };
                // A caller who is gone is told by their own StasisEnd; the offer is the core's to end. Of those who talk
                // already the end of either leg tells, or the next comparison joins them.
                let cause = DeclineCause::Failed;
                if self.is_joining(offer) {
                    self.release_leg(now, offer, Cause::Normal, out);
                    self.declined(now, offer, cause, out);
                }
            }
            // Where Asterisk can't be reached a message is looked for again.
            What::SeekMessage(_) if error.status().is_none() => {}
            What::Farewell { .. } | What::TakeMessage { .. } | What::SeekMessage(_)
                if !error.is_gone() =>
            {
                self.callers
                    .insert(place.clone(), Caller::Leaving { farewell: None });
                out.act(&place, What::Hangup(Cause::Normal));
            }
            // Nothing will end that never began.
            What::Welcome { .. } | What::Ask { .. } | What::Announce { .. } => {
                if let Some(playback) = self.awaited(&place) {
                    self.finished(now, &place, &playback, out);
                }
            }
            // The channel's own end, or the next comparison with Asterisk, tells what to do.
            What::Music { .. }
            | What::Quiet(_)
            | What::Gather { .. }
            | What::SeekMessage(_)
            | What::TakeMessage { .. }
            | What::Farewell { .. }
            | What::Hangup(_)
            | What::DestroyBridge(_) => {}
        }
    }

    /// An offer came to nothing on our side; the caller hears music again if it was cut. A customer whose phone rings
    /// already has been tried: they are let go, and not rung again at once for the next agent.
    pub(crate) fn declined(
        &mut self,
        now: Time,
        offer: OfferId,
        cause: DeclineCause,
        out: &mut Effects,
    ) {
        let Some(contact) = self.contacts.get(&offer.contact) else {
            return;
        };
        if contact.stage.offer() != Some(offer) {
            return;
        }
        let silent = !matches!(contact.stage, Stage::Ringing { .. });
        let tried = silent && contact.kind == (Kind::Callback { dialled: true });
        self.asks_nobody(now, offer.contact, silent, out);
        out.input(if tried {
            let cause = Unreached::Failed;
            Input::NotReached { offer, cause }
        } else {
            Input::Decline { offer, cause }
        });
    }

    /// A host is given up: its callers are lost by us, not by themselves. Messages that are left there are looked for
    /// if it comes back.
    pub(crate) fn lose_host(&mut self, host: &HostName, cause: &str, out: &mut Effects) {
        self.callers
            .retain(|call, caller| call.host != *host || matches!(caller, Caller::Speaking(_)));
        self.legs.retain(|leg, _| leg.host != *host);
        self.outsiders.retain(|leg, _| leg.host != *host);
        self.usage.keep(host, Time(i64::MAX), |_| false);
        // Its phones are not told away: whom it lost are to be called back by the agents that they talked with, whose phones may be
        // there again by then. Where they aren't, they can't be rung, and that is told.
        self.online.remove(host);
        for (id, contact) in &mut self.contacts {
            if contact.call.host == *host && !contact.gone {
                contact.gone = true;
                out.input(match (contact.kind, &contact.stage) {
                    // Their customer was on no line yet.
                    (Kind::Callback { dialled: false }, Stage::Ringing { offer }) => {
                        Input::Decline {
                            offer: *offer,
                            cause: DeclineCause::Failed,
                        }
                    }
                    _ => Input::Dropped {
                        contact: *id,
                        cause: cause.to_owned(),
                    },
                });
            }
        }
    }

    /// The contact that is asked or talks under this offer. After a consult was completed that is not
    /// the one that the offer is numbered for.
    pub(crate) fn holder(&self, offer: OfferId) -> Option<ContactId> {
        let has = |contact: &Contact| contact.stage.offer() == Some(offer);
        if self.contacts.get(&offer.contact).is_some_and(has) {
            return Some(offer.contact);
        }
        let found = self.contacts.iter().find(|(_, contact)| has(contact));
        found.map(|(id, _)| *id)
    }

    /// A host is there no more, and with it whoever left a message on it.
    pub(crate) fn forget_host(&mut self, host: &HostName) {
        self.callers.retain(|call, _| call.host != *host);
    }

    /// Every host that a caller leaves a message on.
    pub(crate) fn speaking_on(&self) -> BTreeSet<HostName> {
        let speaking = self.callers.iter();
        let speaking = speaking.filter(|(_, caller)| matches!(caller, Caller::Speaking(_)));
        speaking.map(|(call, _)| call.host.clone()).collect()
    }

    /// Every host that a contact of ours is on.
    pub(crate) fn hosts(&self) -> BTreeSet<HostName> {
        let live = self.contacts.values().filter(|contact| !contact.gone);
        live.map(|contact| contact.call.host.clone()).collect()
    }

    /// Whether this leg is still of interest.
    pub(crate) fn knows(&self, place: &CallRef) -> bool {
        self.callers.contains_key(place)
            || self.legs.contains_key(place)
            || self.outsiders.contains_key(place)
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

/// How an agent is rung.
struct Phone {
    endpoint: String,
    trunk: Option<TrunkName>,
    shown: Shown,
}

/// Where an agent's phone rings: their endpoint has their name; a plain telephone is called as any
/// number is, by a trunk of the contact's client. `None`: nowhere.
fn phone(
    tenant: &Tenant,
    agent: &AgentName,
    contact: &Contact,
    shown: Shown,
    usage: &Usage,
    now: Time,
) -> Option<Phone> {
    let endpoint = &tenant.agents.get(agent)?.endpoint;
    match endpoint.kind {
        EndpointType::Sip | EndpointType::Browser => Some(Phone {
            endpoint: format!("PJSIP/{agent}"),
            trunk: None,
            shown,
        }),
        EndpointType::Phone => {
            let number = endpoint.number.as_ref()?;
            let client = contact.queue.client();
            let to = Destination::of_number(&number.to_string());
            let route = to.and_then(|to| outbound::route(tenant, client.as_ref(), &to, usage, now));
            match route {
                Ok(route) => Some(Phone {
                    endpoint: route.endpoint,
                    trunk: Some(route.trunk),
                    shown: route.shown,
                }),
                Err(why) => {
                    tracing::warn!(%agent, why = why.word(), "an agent's telephone can't be called");
                    None
                }
            }
        }
    }
}
