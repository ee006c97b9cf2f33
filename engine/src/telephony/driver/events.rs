//! What follows from an event of Asterisk's.

use trunkline_routing::{DeclineCause, Input, Span, Time};
use trunkline_tenant::QueueId;

use super::super::ari::{
    Bridge, Cause, Channel, ChannelId, Event, EventKind, HostName, Playback, PlaybackId,
};
use super::super::{Arrival, CallRef, Report};
use super::act::What;
use super::callback::can_be_called;
use super::calls::{Caller, Calls, Effects, Kind, Leg, Stage};
use super::menu::Choosing;
use super::names;
use super::outside::Reached;

/// A call younger than this when we see it has just come: it ranks by the engine's clock, not by
/// Asterisk's.
const FRESH: Span = Span::seconds(2);

impl Calls {
    /// Applies one event.
    pub(crate) fn event(&mut self, now: Time, host: &HostName, event: Event, out: &mut Effects) {
        match event.kind {
            EventKind::StasisStart { args, channel } => {
                match args.first().map(String::as_str) {
                    Some(names::INBOUND) => {
                        let dialled = args.get(1).map_or("", String::as_str);
                        let place = Self::place(host, &channel.id);
                        self.usage.notice(&place, channel.endpoint(), now);
                        self.caller_came(now, host, &channel, dialled, out);
                    }
                    Some(names::LEG) => self.leg_answered(now, host, &channel.id, out),
                    Some(names::CUSTOMER) => self.customer_answered(now, host, &channel.id, out),
                    Some(names::OUTSIDE) => self.outsider_answered(now, host, &channel.id, out),
                    // A call of another kind (an agent who dials out) is not ours yet.
                    _ => {
                        let kind = args.first();
                        tracing::info!(%host, channel = %channel.id, kind, "a call that nobody here handles")
                    }
                }
            }
            EventKind::StasisEnd { channel } => {
                self.channel_gone(now, &Self::place(host, &channel.id), None, out);
            }
            EventKind::ChannelDestroyed { cause, channel, .. } => {
                self.channel_gone(now, &Self::place(host, &channel.id), Some(cause), out);
            }
            EventKind::ChannelEnteredBridge { bridge, .. } => {
                self.bridged(now, host, &bridge, out);
            }
            EventKind::ChannelHold { channel } => self.phone_held(host, &channel.id, true, out),
            EventKind::ChannelUnhold { channel } => self.phone_held(host, &channel.id, false, out),
            EventKind::EndpointStateChange { endpoint } => {
                self.endpoint_changed(host, &endpoint, out);
            }
            EventKind::PlaybackFinished { playback } => self.played(now, host, &playback, out),
            EventKind::ChannelDtmfReceived { digit, channel, .. } => {
                self.key(now, host, &channel, &digit, out);
            }
            EventKind::RecordingFinished { recording } => {
                self.recorded(host, &recording, true, out)
            }
            EventKind::RecordingFailed { recording } => self.recorded(host, &recording, false, out),
            _ => {}
        }
    }

    /// A caller in our app that we may or may not know.
    pub(crate) fn caller_came(
        &mut self,
        now: Time,
        host: &HostName,
        channel: &Channel,
        dialled: &str,
        out: &mut Effects,
    ) {
        let call = Self::place(host, &channel.id);
        if self.callers.contains_key(&call) {
            return;
        }
        let Some(tenant) = &self.tenant else {
            return; // not configured yet: it rings on, and the next listing finds it
        };
        let Some((number, client, queue)) = names::destination(tenant, dialled) else {
            tracing::info!(%host, channel = %channel.id, dialled, "nobody has this number: 404");
            self.callers
                .insert(call.clone(), Caller::Leaving { farewell: None });
            return out.act(&call, What::Hangup(Cause::Unallocated));
        };
        let caller = names::number_of(channel);
        if client
            .menu
            .as_ref()
            .is_some_and(|menu| !menu.choices.is_empty())
            && let Some(client) = queue.client()
        {
            let choosing = Choosing {
                client,
                dialled: number.to_string(),
                otherwise: queue,
                number: caller,
                played: 0,
                playing: None,
                since: now,
            };
            return self.ask(now, &call, choosing, out);
        }
        let came = Time(channel.created.timestamp_micros());
        let arrival = Arrival {
            call,
            number: number.to_string(),
            queue,
            customer: caller,
            callable: true,
            since: (came < now - FRESH).then_some(came),
        };
        self.arrives(arrival, out);
    }

    /// Asks the engine to let a caller in; whether they could be called back is looked up.
    pub(crate) fn arrives(&mut self, mut arrival: Arrival, out: &mut Effects) {
        let tenant = self.tenant.as_deref();
        arrival.callable = arrival.customer.as_deref().is_none_or(|number| {
            tenant.is_some_and(|tenant| can_be_called(tenant, &arrival.queue, number))
        });
        let asking = Caller::Asking(arrival.clone());
        self.callers.insert(arrival.call.clone(), asking);
        out.reports.push(Report::Arrived(arrival));
    }

    /// The queue that a caller is to come to or, where a new configuration has it no more, the one that the number
    /// dialled leads to now. `None`: neither is there.
    pub(crate) fn leads_to(&self, queue: &QueueId, number: &str) -> Option<QueueId> {
        let tenant = self.tenant.as_ref()?;
        if tenant.queues.contains_key(queue) {
            return Some(queue.clone());
        }
        let (_, _, now) = names::destination(tenant, number)?;
        tenant.queues.contains_key(&now).then_some(now)
    }

    /// The engine doesn't let a caller in. One whose queue went as they came asks for another, which is there: so it is
    /// not refused again, but by a newer configuration still.
    pub(crate) fn turn_away(&mut self, call: CallRef, out: &mut Effects) {
        let Some(caller) = self.callers.get(&call) else {
            return;
        };
        if let Caller::Asking(arrival) = caller
            && let Some(queue) = self.leads_to(&arrival.queue, &arrival.number)
            && queue != arrival.queue
        {
            let arrival = arrival.clone();
            return self.arrives(Arrival { queue, ..arrival }, out);
        }
        out.act(&call, What::Hangup(Cause::Congestion));
        self.callers
            .insert(call, Caller::Leaving { farewell: None });
    }

    /// A caller pressed a key.
    fn key(
        &mut self,
        now: Time,
        host: &HostName,
        channel: &Channel,
        digit: &str,
        out: &mut Effects,
    ) {
        if self.chooses(host, &channel.id) {
            return self.menu_key(now, host, channel, digit, out);
        }
        self.callback_key(&Self::place(host, &channel.id), digit, out);
    }

    /// An agent's phone was answered, unless we have given up on it meanwhile.
    pub(crate) fn leg_answered(
        &mut self,
        now: Time,
        host: &HostName,
        channel: &ChannelId,
        out: &mut Effects,
    ) {
        let place = Self::place(host, channel);
        let wanted = self.legs.get_mut(&place).filter(|leg| !leg.cancelled);
        if let Some(leg) = &wanted
            && let Some(contact) = self.contacts.get(&leg.offer.contact)
            && contact.stage.offer() == Some(leg.offer)
            && !matches!(contact.stage, Stage::Ringing { .. })
        {
            return; // seen in a listing before the event came
        }
        let joinable = wanted.and_then(|leg| {
            leg.touched = now;
            let contact = self.contacts.get_mut(&leg.offer.contact)?;
            let rings = contact.stage == Stage::Ringing { offer: leg.offer };
            (rings && !contact.gone).then_some((leg.offer, contact))
        });
        let Some((offer, contact)) = joinable else {
            // The caller left, or another has them: whoever answered is let go at once.
            return out.act(&place, What::Hangup(Cause::Normal));
        };
        contact.stage = Stage::Joining { offer };
        contact.touched = now;
        let stop = contact.playing.take();
        let join = What::Join {
            bridge: contact.bridge.clone(),
            agent: channel.clone(),
            stop,
        };
        out.input(Input::Accept { offer });
        // Whom a callback is for is called once the core says so.
        if !matches!(contact.kind, Kind::Callback { .. }) {
            out.act(&contact.call, join);
        }
    }

    /// Somebody entered a bridge: talking begins when caller and agent are both in.
    pub(crate) fn bridged(
        &mut self,
        now: Time,
        host: &HostName,
        bridge: &Bridge,
        out: &mut Effects,
    ) {
        let Some(id) = names::contact_of(&bridge.id) else {
            return;
        };
        let Some(contact) = self.contacts.get_mut(&id) else {
            return;
        };
        let (with, told) = match contact.stage {
            Stage::Joining { offer } => (names::leg(offer), Input::Connected { offer }),
            Stage::Outside {
                talk,
                reached: Reached::Answered,
            } => {
                let taken = Input::HandedOver {
                    contact: id,
                    taken: true,
                };
                (names::outside(talk), taken)
            }
            _ => return,
        };
        let both = [&contact.call.channel, &with]
            .into_iter()
            .all(|leg| bridge.channels.contains(leg));
        if both && contact.call.host == *host {
            contact.stage = match contact.stage {
                Stage::Outside { talk, .. } => Stage::Outside {
                    talk,
                    reached: Reached::Together,
                },
                Stage::Joining { offer } => Stage::Talking { offer, held: false },
                ref stage => stage.clone(),
            };
            contact.touched = now;
            // From now on whom we called is on the line like any caller, whoever takes them next.
            if let Kind::Callback { .. } = contact.kind {
                contact.kind = Kind::Caller;
            }
            out.input(told);
        }
    }

    /// A channel has left our app, or is gone altogether; both may be told, in this order.
    pub(crate) fn channel_gone(
        &mut self,
        now: Time,
        place: &CallRef,
        cause: Option<i32>,
        out: &mut Effects,
    ) {
        self.usage.over(place);
        if self.outsiders.contains_key(place) {
            return self.outsider_gone(now, place, out);
        }
        if let Some(leg) = self.legs.remove(place) {
            return self.leg_gone(now, leg, cause, out);
        }
        if self.callers.contains_key(place) {
            self.ended.insert(place.clone(), now);
        }
        match self.callers.get(place) {
            Some(Caller::Asking(_)) => {
                self.callers.insert(place.clone(), Caller::GoneEarly);
            }
            Some(Caller::Away { leg, bridge, .. }) => {
                let (leg, bridge) = (leg.clone(), bridge.clone());
                out.act(&leg, What::DestroyBridge(bridge));
                self.callers.remove(place);
                self.release_outsider(&leg, out);
            }
            Some(Caller::Admitted(id)) => {
                let id = *id;
                self.callers.remove(place);
                // A line that their customer was called on before says nothing about this one.
                if (self.contacts.get(&id)).is_some_and(|contact| contact.call != *place) {
                    return;
                }
                if self.customer_not_reached(now, id, cause, out) {
                    return;
                }
                if let Some(contact) = self.contacts.get_mut(&id)
                    && !contact.gone
                {
                    contact.gone = true;
                    out.input(Input::CustomerGone { contact: id });
                }
            }
            Some(Caller::Leaving { .. } | Caller::Choosing(_)) => {
                self.callers.remove(place);
            }
            // What they said is kept yet: the recording's own end tells, or it is looked for.
            Some(Caller::Speaking(_) | Caller::GoneEarly) | None => {}
        }
    }

    fn leg_gone(&mut self, now: Time, leg: Leg, cause: Option<i32>, out: &mut Effects) {
        let offer = leg.offer;
        let holder = self.holder(offer);
        let Some((id, contact)) = holder.and_then(|id| Some((id, self.contacts.get_mut(&id)?)))
        else {
            return;
        };
        if leg.cancelled {
            return;
        }
        match contact.stage {
            Stage::Waiting | Stage::Outside { .. } => {}
            Stage::Ringing { .. } => {
                // What leaves the app had been answered: that we didn't hear of it is not the agent's doing.
                let cause = match cause.map_or(DeclineCause::Failed, decline_cause) {
                    DeclineCause::Unreachable => self.out_of_reach(&leg.agent),
                    cause => cause,
                };
                self.declined(now, offer, cause, out);
            }
            // They said yes, and we were too slow.
            Stage::Joining { .. } => self.declined(now, offer, DeclineCause::Failed, out),
            Stage::Talking { .. } => {
                contact.touched = now;
                self.agent_hung_up(id, Some(leg.agent), out);
            }
        }
    }

    /// The agent's phone put the caller on hold; Asterisk plays them music by itself.
    fn phone_held(&mut self, host: &HostName, channel: &ChannelId, on: bool, out: &mut Effects) {
        let place = Self::place(host, channel);
        let Some(of) = self.legs.get(&place).map(|leg| leg.offer) else {
            return;
        };
        let Some(contact) = self.holder(of) else {
            return;
        };
        // The core holds and resumes the customer then: the phone's hold is between it and Asterisk.
        let consults = self.is_consulted_about(contact);
        let known = self.contacts.get_mut(&contact);
        let (Some(leg), Some(stage)) = (
            self.legs.get_mut(&place),
            known.map(|known| &mut known.stage),
        ) else {
            return;
        };
        let held_by_it = leg.holds;
        if !on {
            leg.holds = false;
        }
        if let Stage::Talking { offer, held } = stage
            && *offer == of
            && *held != on
            && !consults
            && (on || held_by_it)
        {
            // Noted here: the engine's own command for this hold finds it done.
            *held = on;
            leg.holds = on;
            let agent = leg.agent.clone();
            out.done_by(Some(agent), Input::Hold { contact, on });
        }
    }

    /// A prompt ended: music after the greeting, the hang-up after the farewell.
    fn played(&mut self, now: Time, host: &HostName, playback: &Playback, out: &mut Effects) {
        let Some(channel) = playback.channel() else {
            return;
        };
        self.finished(now, &Self::place(host, &channel), &playback.id, out);
    }

    /// What plays on a caller's channel, where something waits for its end.
    pub(crate) fn awaited(&self, place: &CallRef) -> Option<PlaybackId> {
        match self.callers.get(place)? {
            Caller::Choosing(choosing) => choosing.playing.clone(),
            Caller::Leaving { farewell } => farewell.clone(),
            Caller::Admitted(id) => self.contacts.get(id)?.playing.clone(),
            Caller::Asking(_) | Caller::GoneEarly | Caller::Away { .. } | Caller::Speaking(_) => {
                None
            }
        }
    }

    /// Events of a host were missed, and none is told again: what was to end on it counts as ended, or callers would
    /// wait for it for good, in a silent menu or without music. Music waits for what still plays.
    pub(crate) fn all_finished(&mut self, now: Time, host: &HostName, out: &mut Effects) {
        let here: Vec<CallRef> = self
            .callers
            .keys()
            .filter(|place| place.host == *host)
            .cloned()
            .collect();
        for place in here {
            if let Some(playback) = self.awaited(&place) {
                self.finished(now, &place, &playback, out);
            }
        }
    }

    /// A playback is over.
    pub(crate) fn finished(
        &mut self,
        now: Time,
        place: &CallRef,
        playback: &PlaybackId,
        out: &mut Effects,
    ) {
        if self.menu_played(now, place, playback) {
            return;
        }
        if let Some(Caller::Leaving { farewell }) = self.callers.get(place) {
            if farewell.as_ref() == Some(playback) {
                out.act(place, What::Hangup(Cause::Normal));
            }
            return;
        }
        let music = self.settings.music.clone();
        if let Some((_, contact)) = self.contact_at(place)
            && contact.playing.as_ref() == Some(playback)
        {
            contact.playing = None;
            if contact.told == 0 {
                contact.told_next = now; // the greeting is over
            }
            if matches!(contact.stage, Stage::Waiting | Stage::Ringing { .. }) {
                contact.back_to_music(&music, out);
            }
        }
    }
}

/// Why a phone didn't take a call, from Q.850's cause. Many phones say 486 (17) for "decline".
fn decline_cause(cause: i32) -> DeclineCause {
    match cause {
        // No such endpoint, no route, no registration, out of order, no circuit.
        1 | 2 | 3 | 20 | 27 | 34 | 38 | 88 => DeclineCause::Unreachable,
        // Media could not be agreed on, or resources are short: not the agent's doing.
        41..=79 => DeclineCause::Failed,
        _ => DeclineCause::Refused,
    }
}
