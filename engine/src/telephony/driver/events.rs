//! What follows from an event of Asterisk's.

use trunkline_routing::{DeclineCause, Input, Span, Time};

use super::super::ari::{Bridge, Cause, Channel, ChannelId, Event, EventKind, HostName, Playback};
use super::super::{Arrival, CallRef, Report};
use super::act::What;
use super::calls::{Caller, Calls, Effects, Stage};
use super::names;

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
                        self.caller_came(now, host, &channel, dialled, out);
                    }
                    Some(names::LEG) => self.leg_answered(now, host, &channel.id, out),
                    // A call of another kind (an agent who dials out) is not ours yet.
                    _ => {
                        tracing::info!(%host, channel = %channel.id, ?args, "a call that nobody here handles")
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
            EventKind::PlaybackFinished { playback } => self.played(host, &playback, out),
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
        let Some((number, queue)) = names::destination(tenant, dialled) else {
            tracing::info!(%host, channel = %channel.id, dialled, "nobody has this number: 404");
            self.callers
                .insert(call.clone(), Caller::Leaving { farewell: None });
            return out.act(&call, What::Hangup(Cause::Unallocated));
        };
        let came = Time(channel.created.timestamp_micros());
        self.callers.insert(call.clone(), Caller::Asking);
        out.reports.push(Report::Arrived(Arrival {
            call,
            number: number.to_string(),
            queue,
            customer: Some(channel.caller.number.clone()).filter(|number| !number.is_empty()),
            since: (came < now - FRESH).then_some(came),
        }));
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
        let stop = contact.greeting.take();
        let call = contact.call.clone();
        out.input(Input::Accept { offer });
        out.act(
            &call,
            What::Join {
                bridge: names::bridge(offer.contact),
                agent: channel.clone(),
                stop,
            },
        );
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
        let Stage::Joining { offer } = contact.stage else {
            return;
        };
        let both = [&contact.call.channel, &names::leg(offer)]
            .into_iter()
            .all(|leg| bridge.channels.contains(leg));
        if both && contact.call.host == *host {
            contact.stage = Stage::Talking { offer, held: false };
            contact.touched = now;
            out.input(Input::Connected { offer });
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
        if let Some(leg) = self.legs.remove(place) {
            if cause.map(decline_cause) == Some(DeclineCause::Unreachable) {
                // The core takes them for out of reach now; the next listing tells it anew.
                self.reachable.remove(&leg.agent);
            }
            return self.leg_gone(now, leg.offer, leg.cancelled, cause, out);
        }
        if self.callers.contains_key(place) {
            self.ended.insert(place.clone(), now);
        }
        match self.callers.get(place) {
            Some(Caller::Asking) => {
                self.callers.insert(place.clone(), Caller::GoneEarly);
            }
            Some(Caller::Admitted(id)) => {
                let id = *id;
                self.callers.remove(place);
                if let Some(contact) = self.contacts.get_mut(&id)
                    && !contact.gone
                {
                    contact.gone = true;
                    out.input(Input::CustomerGone { contact: id });
                }
            }
            Some(Caller::Leaving { .. }) => {
                self.callers.remove(place);
            }
            Some(Caller::GoneEarly) | None => {}
        }
    }

    fn leg_gone(
        &mut self,
        now: Time,
        offer: trunkline_routing::OfferId,
        cancelled: bool,
        cause: Option<i32>,
        out: &mut Effects,
    ) {
        let Some(contact) = self.contacts.get_mut(&offer.contact) else {
            return;
        };
        if cancelled || contact.stage.offer() != Some(offer) {
            return;
        }
        match contact.stage {
            Stage::Waiting => {}
            Stage::Ringing { .. } => {
                self.declined(now, offer, decline_cause(cause.unwrap_or_default()), out);
            }
            Stage::Joining { .. } => self.declined(now, offer, DeclineCause::Refused, out),
            Stage::Talking { .. } => {
                contact.touched = now;
                out.input(Input::AgentDone {
                    contact: offer.contact,
                });
            }
        }
    }

    /// The agent's phone put the caller on hold; Asterisk plays them music by itself.
    fn phone_held(&mut self, host: &HostName, channel: &ChannelId, on: bool, out: &mut Effects) {
        let Some(leg) = self.legs.get(&Self::place(host, channel)) else {
            return;
        };
        let (contact, of) = (leg.offer.contact, leg.offer);
        let stage = self
            .contacts
            .get_mut(&contact)
            .map(|known| &mut known.stage);
        if let Some(Stage::Talking { offer, held }) = stage
            && *offer == of
            && *held != on
        {
            // Noted here: the engine's own command for this hold finds it done.
            *held = on;
            out.input(Input::Hold { contact, on });
        }
    }

    /// A prompt ended: music after the greeting, the hang-up after the farewell.
    fn played(&mut self, host: &HostName, playback: &Playback, out: &mut Effects) {
        let Some(channel) = playback.channel() else {
            return;
        };
        let place = Self::place(host, &channel);
        if let Some(Caller::Leaving { farewell }) = self.callers.get(&place) {
            if farewell.as_ref() == Some(&playback.id) {
                out.act(&place, What::Hangup(Cause::Normal));
            }
            return;
        }
        let music = self.settings.music.clone();
        if let Some((id, contact)) = self.contact_at(&place)
            && contact.greeting.as_ref() == Some(&playback.id)
        {
            contact.greeting = None;
            if matches!(contact.stage, Stage::Waiting | Stage::Ringing { .. }) {
                let leave = names::bridge(id);
                out.act(&place, What::Music { leave, music });
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
