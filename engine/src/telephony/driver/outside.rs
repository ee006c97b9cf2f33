//! Rule 13: somebody outside the centre is called for a customer who is handed over to them. The
//! customer hears music meanwhile; who doesn't answer is let go, and the core has the contact go back.

use trunkline_routing::{ContactId, Input, OfferId, Target, Time};
use trunkline_tenant::crds::ClientName;

use super::super::CallRef;
use super::super::ari::{Cause, ChannelId, HostName};
use super::act::{Ring, What};
use super::calls::{Caller, Calls, Effects, Kind, Stage, rings_until};
use super::names;
use super::outbound::{self, NoRoute, Route};

/// How far a call to somebody outside has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reached {
    /// It rings.
    Not,
    /// They answered; the two are being joined.
    Answered,
    /// They talk; the core has been told.
    Together,
}

/// For whom a leg outside was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outsider {
    /// A contact that the core knows.
    Of(ContactId),
    /// A caller whose contact has ended: they talk until one of the two hangs up.
    With(CallRef),
}

impl Calls {
    /// Calls whom the contact is handed over to.
    pub(crate) fn hand_over(
        &mut self,
        now: Time,
        id: ContactId,
        to: &Target,
        deadline: Time,
        out: &mut Effects,
    ) {
        let not_taken = Input::HandedOver {
            contact: id,
            taken: false,
        };
        let Some(contact) = self.contacts.get(&id) else {
            return out.input(not_taken); // a chat: there is no voice to hand over
        };
        if contact.gone {
            return;
        }
        let client = contact.queue.client();
        let route = match self.route_to(client.as_ref(), to, now) {
            Ok(route) => route,
            Err(why) => {
                tracing::warn!(contact = %id, why = why.word(), "nobody outside is called");
                return out.input(not_taken);
            }
        };
        let (call, stage) = (contact.call.clone(), contact.stage.clone());
        let talk = OfferId {
            contact: id,
            generation: stage.offer().map_or(0, |offer| offer.generation),
        };
        let place = Self::place(&call.host, &names::outside(talk));
        if let Some(contact) = self.contacts.get_mut(&id) {
            contact.stage = Stage::Outside {
                talk,
                reached: Reached::Not,
            };
            contact.touched = now;
        }
        if let Some(offer) = stage.offer() {
            if let Some(contact) = self.contacts.get(&id) {
                contact.back_to_music(&self.settings.music, out);
            }
            self.release_leg(now, offer, Cause::Normal, out);
        }
        self.usage.begins(place.clone(), route.trunk, now);
        let ring = Ring {
            args: [names::OUTSIDE.into(), talk.to_string()],
            contact: id,
            endpoint: route.endpoint,
            originator: Some(call.channel),
            shown: route.shown,
            timeout: rings_until(now, deadline),
        };
        out.act(&place, What::Ring(ring));
        self.outsiders.insert(place, Outsider::Of(id));
    }

    fn route_to(
        &self,
        client: Option<&ClientName>,
        to: &Target,
        now: Time,
    ) -> Result<Route, NoRoute> {
        let tenant = self.tenant.as_ref().ok_or(NoRoute::NoTenant)?;
        let to = outbound::destination(tenant, to)?.ok_or(NoRoute::Inside)?;
        outbound::route(tenant, client, &to, &self.usage, now)
    }

    /// They answered, unless we have given up on them meanwhile.
    pub(crate) fn outsider_answered(
        &mut self,
        now: Time,
        host: &HostName,
        leg: &ChannelId,
        out: &mut Effects,
    ) {
        let place = Self::place(host, leg);
        let wanted = match self.outsiders.get(&place) {
            Some(Outsider::Of(id)) => self.contacts.get_mut(id),
            _ => None,
        };
        if let Some(contact) = wanted
            && let Stage::Outside { talk, reached } = &mut contact.stage
            && names::outside(*talk) == *leg
            && !contact.gone
        {
            if *reached != Reached::Not {
                return; // seen in a listing before the event came
            }
            *reached = Reached::Answered;
            contact.touched = now;
            let join = What::Join {
                bridge: contact.bridge.clone(),
                agent: leg.clone(),
                stop: contact.playing.take(),
            };
            return out.act(&contact.call, join);
        }
        out.act(&place, What::Hangup(Cause::Normal));
    }

    /// Their leg is over, whatever it was at.
    pub(crate) fn outsider_gone(&mut self, now: Time, place: &CallRef, out: &mut Effects) {
        match self.outsiders.remove(place) {
            Some(Outsider::With(caller)) => self.is_left(caller, out),
            Some(Outsider::Of(id)) => {
                let Some(contact) = self.contacts.get_mut(&id) else {
                    return;
                };
                let Stage::Outside { reached, .. } = contact.stage else {
                    return;
                };
                contact.stage = Stage::Waiting;
                contact.touched = now;
                if contact.gone {
                    return;
                }
                if reached != Reached::Together {
                    let taken = false;
                    out.input(Input::HandedOver { contact: id, taken });
                } else if matches!(contact.kind, Kind::Consult { .. }) {
                    out.input(Input::OutsideGone { contact: id });
                }
                if reached != Reached::Not {
                    contact.back_to_music(&self.settings.music, out);
                }
            }
            None => {}
        }
    }

    /// A caller who talked with somebody outside, without us, is alone.
    pub(crate) fn is_left(&mut self, caller: CallRef, out: &mut Effects) {
        if let Some(Caller::Away { bridge, .. }) = self.callers.get(&caller).cloned() {
            out.act(&caller, What::DestroyBridge(bridge));
            out.act(&caller, What::Hangup(Cause::Normal));
            self.callers
                .insert(caller, Caller::Leaving { farewell: None });
        }
    }

    /// The core waits for them no longer.
    pub(crate) fn not_reached(&mut self, now: Time, id: ContactId, out: &mut Effects) {
        let music = self.settings.music.clone();
        let Some(contact) = self.contacts.get_mut(&id) else {
            return;
        };
        let Stage::Outside { talk, reached } = contact.stage else {
            return;
        };
        contact.stage = Stage::Waiting;
        contact.touched = now;
        if reached != Reached::Not {
            contact.back_to_music(&music, out);
        }
        let leg = Self::place(&contact.call.host, &names::outside(talk));
        self.release_outsider(&leg, out);
    }

    /// Hangs up a leg outside; it is forgotten, so its end says nothing.
    pub(crate) fn release_outsider(&mut self, leg: &CallRef, out: &mut Effects) {
        if self.outsiders.remove(leg).is_some() {
            self.usage.over(leg);
            out.act(leg, What::Hangup(Cause::Normal));
        }
    }

    /// The contact has ended as transferred: the two talk on, without us.
    pub(crate) fn let_talk(
        &mut self,
        now: Time,
        id: ContactId,
        call: CallRef,
        leg: CallRef,
        out: &mut Effects,
    ) {
        if !self.outsiders.contains_key(&leg) {
            // They hung up as the core said so.
            out.act(&call, What::Hangup(Cause::Normal));
            self.callers
                .insert(call, Caller::Leaving { farewell: None });
            return;
        }
        self.outsiders
            .insert(leg.clone(), Outsider::With(call.clone()));
        let (bridge, since) = (names::bridge(id), now);
        self.callers
            .insert(call, Caller::Away { leg, bridge, since });
    }
}
