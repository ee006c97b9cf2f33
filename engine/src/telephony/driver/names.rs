//! What our things are called inside Asterisk, so that a successor finds them.

use trunkline_routing::{ContactId, OfferId, Time};
use trunkline_tenant::crds::{AgentName, EndpointType, PhoneNumber, PromptName};
use trunkline_tenant::{QueueId, Tenant};

use super::super::ari::{BridgeId, ChannelId, PlaybackId};

/// The caller's channel carries its contact's number in this variable.
pub(crate) const CONTACT_VARIABLE: &str = "TRUNKLINE_CONTACT";
/// First argument of the app for a call that comes in; the second is the number dialled.
pub(crate) const INBOUND: &str = "inbound";
/// First argument of the app for a leg that we made.
pub(crate) const LEG: &str = "leg";

pub(crate) fn leg(offer: OfferId) -> ChannelId {
    ChannelId::new(format!("o-{offer}"))
}

/// The offer that a leg of ours was made for.
pub(crate) fn offer_of(leg: &ChannelId) -> Option<OfferId> {
    let (contact, generation) = leg.as_str().strip_prefix("o-")?.split_once('-')?;
    Some(OfferId {
        contact: ContactId(contact.parse().ok()?),
        generation: generation.parse().ok()?,
    })
}

/// When Asterisk made a channel that it named itself, to the second: `SYSTEMNAME-SECONDS.N`.
pub(crate) fn made_at(channel: &ChannelId) -> Option<Time> {
    let (_, stamp) = channel.as_str().rsplit_once('-')?;
    let seconds: i64 = stamp.split_once('.')?.0.parse().ok()?;
    Some(Time(seconds.checked_mul(1_000_000)?))
}

pub(crate) fn bridge(contact: ContactId) -> BridgeId {
    BridgeId::new(format!("b-{contact}"))
}

/// The contact that a bridge of ours was made for.
pub(crate) fn contact_of(bridge: &BridgeId) -> Option<ContactId> {
    let number = bridge.as_str().strip_prefix("b-")?;
    number.parse().ok().map(ContactId)
}

pub(crate) fn greeting(contact: ContactId) -> PlaybackId {
    PlaybackId::new(format!("g-{contact}"))
}

pub(crate) fn farewell(contact: ContactId) -> PlaybackId {
    PlaybackId::new(format!("f-{contact}"))
}

/// What `play` is given for a prompt: the side-car renders it to `FOLDER/NAME.wav`.
pub(crate) fn prompt(folder: &str, name: &PromptName) -> String {
    format!("sound:{}/{name}", folder.trim_end_matches('/'))
}

/// Where an agent's phone rings: their endpoint has their name; a plain telephone is called
/// through the first trunk that may call out. `None`: nowhere.
pub(crate) fn endpoint(tenant: &Tenant, agent: &AgentName) -> Option<String> {
    let endpoint = &tenant.agents.get(agent)?.endpoint;
    match endpoint.kind {
        EndpointType::Sip | EndpointType::Browser => Some(format!("PJSIP/{agent}")),
        EndpointType::Phone => {
            let number = endpoint.number.as_ref()?;
            let (trunk, _) = tenant
                .trunks
                .iter()
                .find(|(_, trunk)| trunk.carrier.is_some() && trunk.outbound.is_some())?;
            Some(format!(
                "PJSIP/{number}@{}",
                crate::media::trunk_endpoint(trunk)
            ))
        }
    }
}

/// The number as the tenant writes it, and the queue where its callers wait. Carriers dial with
/// a plus sign, with `00`, or with neither. `None`: nobody here has that number, or its client is
/// not live yet.
pub(crate) fn destination(tenant: &Tenant, dialled: &str) -> Option<(PhoneNumber, QueueId)> {
    let digits = dialled
        .strip_prefix('+')
        .or_else(|| dialled.strip_prefix("00"))
        .unwrap_or(dialled);
    let spellings = [format!("+{digits}"), dialled.to_owned()];
    let (number, client) = spellings.into_iter().find_map(|spelling| {
        let number = PhoneNumber(spelling);
        let client = tenant.numbers.get(&number)?;
        Some((number, tenant.clients.get(client)?))
    })?;
    if client.manual_go_live && !client.approved {
        return None;
    }
    Some((number, client.entry.clone()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_legs_and_a_bridges_name_lead_back_to_what_they_serve() {
        let offer = OfferId {
            contact: ContactId(17),
            generation: 3,
        };
        assert_eq!(leg(offer).as_str(), "o-17-3");
        assert_eq!(offer_of(&leg(offer)), Some(offer));
        assert_eq!(contact_of(&bridge(offer.contact)), Some(offer.contact));
        for other in ["o-17", "o-x-3", "media-0-1795383183.12", "o-17-3;2"] {
            assert_eq!(offer_of(&ChannelId::new(other)), None, "{other}");
        }
        assert_eq!(contact_of(&BridgeId::new("b-")), None);
    }

    #[test]
    fn a_channels_own_name_tells_when_it_was_made() {
        let made = |name| made_at(&ChannelId::new(name));
        assert_eq!(
            made("northwind-media-0-1795383183.12"),
            Some(Time(1_795_383_183_000_000))
        );
        assert_eq!(made("o-17-3"), None);
    }
}
