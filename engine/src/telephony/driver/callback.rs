//! Rule 14: callers who would rather be called back, and calling them.
//!
//! The contact lives on without a call. An agent is rung for it as for any other; once they have
//! answered, the customer is called by a trunk of the queue's client, and the two are joined.

use trunkline_routing::{ContactId, Input, OfferId, Time, Unreached};
use trunkline_tenant::crds::{AgentName, PromptName};
use trunkline_tenant::{QueueId, Tenant};

use super::super::ari::{Cause, ChannelId, HostName};
use super::super::{CallRef, RecoveredStage};
use super::act::{Ring, What};
use super::calls::{Caller, Calls, Contact, Effects, Kind, Stage, rings_until};
use super::names;
use super::outbound::{self, Destination, NoRoute};

/// A contact that is to be called back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Booked {
    pub queue: QueueId,
    pub customer: String,
}

/// A contact of a predecessor's whose legs are on one of the hosts.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Unfound {
    pub queue: QueueId,
    pub stage: RecoveredStage,
    /// Their customer is on the line, not yet to be called.
    pub called: bool,
    /// The consult about it.
    pub consult: Option<(ContactId, RecoveredStage)>,
}

impl Contact {
    /// Whether their customer could be called. Who is told "we call you back" and then is not, is lost, so nobody
    /// else is offered it: they wait on.
    pub(crate) fn can_be_called_back(&self, tenant: &Tenant) -> bool {
        let number = self.number.as_deref();
        number.is_some_and(|number| can_be_called(tenant, &self.queue, number))
    }
}

/// Whether a customer of a queue could be called at what they are known by: it can be dialled, and there is a trunk that
/// may.
pub(crate) fn can_be_called(tenant: &Tenant, queue: &QueueId, customer: &str) -> bool {
    Destination::of_customer(customer)
        .and_then(|to| outbound::may_call(tenant, queue.client().as_ref(), &to))
        .is_ok()
}

impl Calls {
    /// A waiting caller pressed the key that their queue offers a callback by.
    pub(crate) fn callback_key(&mut self, place: &CallRef, key: &str, out: &mut Effects) {
        let Some(tenant) = self.tenant.clone() else {
            return;
        };
        let Some((id, contact)) = self.contact_at(place) else {
            return;
        };
        let offered = tenant.queues.get(&contact.queue);
        let offered = offered.and_then(|queue| queue.announcements.callback.as_ref());
        let waits = matches!(contact.stage, Stage::Waiting | Stage::Ringing { .. });
        let chosen = contact.can_be_called_back(&tenant)
            && offered.is_some_and(|offered| offered.key == key);
        if waits && !contact.gone && chosen {
            out.input(Input::CallMeBack {
                contact: id,
                number: None,
                window: None,
            });
        }
    }

    /// The contact is to be called back: whoever is on the line is told so and let go.
    pub(crate) fn book(
        &mut self,
        id: ContactId,
        queue: QueueId,
        customer: String,
        prompt: Option<PromptName>,
        out: &mut Effects,
    ) {
        if let Some(contact) = self.contacts.remove(&id)
            && contact.customer_listens()
        {
            let confirmation = self.tenant.as_ref().and_then(|tenant| {
                let queue = tenant.queues.get(&contact.queue)?;
                queue.announcements.callback.as_ref()?.confirmation.clone()
            });
            if let Some(playing) = contact.playing {
                out.act(&contact.call, What::Quiet(playing));
            }
            let media = prompt
                .or(confirmation)
                .map(|name| names::prompt(&self.settings.prompts, &name));
            let farewell = media.is_some().then(|| names::farewell(id));
            match media {
                Some(media) => {
                    let playback = names::farewell(id);
                    out.act(&contact.call, What::Farewell { playback, media });
                }
                None => out.act(&contact.call, What::Hangup(Cause::Normal)),
            }
            self.callers
                .insert(contact.call, Caller::Leaving { farewell });
        }
        self.callbacks.insert(id, Booked { queue, customer });
    }

    /// An agent is to be rung for a callback: from a host that reaches their phone. `false`: it is one, and there is no
    /// host.
    pub(crate) fn prepare_callback(
        &mut self,
        now: Time,
        offer: OfferId,
        agent: &AgentName,
        out: &mut Effects,
    ) -> bool {
        // Whoever was on a line for an offer before.
        self.forget_callback(offer.contact, out);
        let Some(booked) = self.callbacks.get(&offer.contact) else {
            return true;
        };
        let reaches =
            |host: &&HostName| self.online.get(*host).is_some_and(|at| at.contains(agent));
        let host = self
            .online
            .keys()
            .find(reaches)
            .or(self.online.keys().next());
        let Some(host) = host.cloned() else {
            return false;
        };
        let call = Self::place(&host, &names::customer(offer));
        let kind = Kind::Callback { dialled: false };
        let bridge = names::bridge(offer.contact);
        let contact = Contact {
            number: Some(booked.customer.clone()),
            ..Contact::new(call, kind, bridge, booked.queue.clone(), now)
        };
        self.contacts.insert(offer.contact, contact);
        true
    }

    /// The agent is there: calls the customer.
    pub(crate) fn dial(
        &mut self,
        now: Time,
        offer: OfferId,
        customer: &str,
        queue: &QueueId,
        deadline: Time,
        out: &mut Effects,
    ) {
        let Some(contact) = self.contacts.get_mut(&offer.contact) else {
            return;
        };
        if contact.stage != (Stage::Joining { offer })
            || contact.kind != (Kind::Callback { dialled: false })
        {
            return;
        }
        let route = Destination::of_customer(customer).and_then(|to| match &self.tenant {
            Some(tenant) => outbound::route(tenant, queue.client().as_ref(), &to, &self.usage, now),
            None => Err(NoRoute::NoTenant),
        });
        let route = match route {
            Ok(route) => route,
            Err(why) => {
                tracing::warn!(contact = %offer.contact, why = why.word(), "a customer can't be called back");
                let cause = Unreached::Failed;
                return out.input(Input::NotReached { offer, cause });
            }
        };
        contact.kind = Kind::Callback { dialled: true };
        contact.touched = now;
        let place = contact.call.clone();
        let ring = Ring {
            args: [names::CUSTOMER.into(), offer.to_string()],
            contact: offer.contact,
            endpoint: route.endpoint,
            originator: Some(names::leg(offer)),
            shown: route.shown,
            timeout: rings_until(now, deadline),
        };
        out.act(&place, What::Ring(ring));
        self.usage.begins(place.clone(), route.trunk, now);
        self.callers.insert(place, Caller::Admitted(offer.contact));
    }

    /// The customer answered, unless they are wanted no longer.
    pub(crate) fn customer_answered(
        &mut self,
        now: Time,
        host: &HostName,
        channel: &ChannelId,
        out: &mut Effects,
    ) {
        let place = Self::place(host, channel);
        if let Some((_, contact)) = self.contact_at(&place)
            && let Stage::Joining { offer } = contact.stage
            && names::customer(offer) == *channel
        {
            contact.touched = now;
            let join = What::Join {
                bridge: contact.bridge.clone(),
                agent: names::leg(offer),
                stop: None,
            };
            return out.act(&place, join);
        }
        out.act(&place, What::Hangup(Cause::Normal));
    }

    /// A leg to a customer ended before they were joined. `true`: it was one.
    pub(crate) fn customer_not_reached(
        &mut self,
        now: Time,
        id: ContactId,
        cause: Option<i32>,
        out: &mut Effects,
    ) -> bool {
        let Some(contact) = self.contacts.get_mut(&id) else {
            return false;
        };
        let (Kind::Callback { .. }, Stage::Joining { offer }) = (contact.kind, &contact.stage)
        else {
            return false;
        };
        let cause = match cause {
            Some(17 | 21) => Unreached::Busy,
            Some(16 | 18 | 19) | None => Unreached::NoAnswer,
            Some(_) => Unreached::Failed,
        };
        let offer = *offer;
        contact.kind = Kind::Callback { dialled: false };
        contact.touched = now;
        out.input(Input::NotReached { offer, cause });
        true
    }

    /// Nobody is asked for it any more. A caller waits on, with music where they had none; who is to be called back
    /// is on no line while they wait.
    pub(crate) fn asks_nobody(
        &mut self,
        now: Time,
        id: ContactId,
        silent: bool,
        out: &mut Effects,
    ) {
        if self.forget_callback(id, out) {
            return;
        }
        if let Some(contact) = self.contacts.get_mut(&id) {
            contact.stage = Stage::Waiting;
            contact.touched = now;
            if silent {
                contact.back_to_music(&self.settings.music, out);
            }
        }
    }

    /// Nobody is on the line of a callback that waits again: the next offer begins anew. `false`: it is none.
    pub(crate) fn forget_callback(&mut self, id: ContactId, out: &mut Effects) -> bool {
        if !self.callbacks.contains_key(&id) {
            return false;
        }
        if let Some(contact) = self.contacts.remove(&id)
            && contact.customer_listens()
        {
            out.act(&contact.call, What::Hangup(Cause::Normal));
            self.callers
                .insert(contact.call, Caller::Leaving { farewell: None });
        }
        true
    }
}
