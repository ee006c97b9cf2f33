//! What our things are called inside Asterisk, so that a successor finds them.

use trunkline_routing::{ContactId, OfferId, Time};
use trunkline_tenant::crds::{PhoneNumber, PromptName};
use trunkline_tenant::{QueueId, Tenant, TenantClient};

use super::super::ari::{BridgeId, Channel, ChannelId, PlaybackId, RecordingName};

/// The caller's channel carries its contact's number in this variable.
pub(crate) const CONTACT_VARIABLE: &str = "TRUNKLINE_CONTACT";
/// First argument of the app for a call that comes in; the second is the number dialled.
pub(crate) const INBOUND: &str = "inbound";
/// First argument of the app for an agent's leg that we made.
pub(crate) const LEG: &str = "leg";
/// First argument of the app for a leg to a customer who is called back.
pub(crate) const CUSTOMER: &str = "customer";
/// First argument of the app for a leg to somebody outside the centre.
pub(crate) const OUTSIDE: &str = "outside";

/// The caller's number, where it is shown. Carriers write one of these where it is withheld (RFC 3323, RFC 3325, and
/// what gateways make of ISUP's presentation): taken for a number, all who withhold theirs would be one customer.
pub(crate) fn number_of(caller: &Channel) -> Option<String> {
    const WITHHELD: [&str; 7] = [
        "",
        "anonymous",
        "restricted",
        "unavailable",
        "unknown",
        "private",
        "withheld",
    ];
    let number = caller.caller.number.trim();
    let is_withheld = WITHHELD
        .iter()
        .any(|word| number.eq_ignore_ascii_case(word));
    (!is_withheld).then(|| number.to_owned())
}

pub(crate) fn leg(offer: OfferId) -> ChannelId {
    ChannelId::new(format!("o-{offer}"))
}

/// The offer that a leg of ours was made for.
pub(crate) fn offer_of(leg: &ChannelId) -> Option<OfferId> {
    numbered(leg, "o-")
}

/// The leg to a customer who is called back, for the agent who took this offer.
pub(crate) fn customer(offer: OfferId) -> ChannelId {
    ChannelId::new(format!("c-{offer}"))
}

/// The offer for which such a leg was made.
pub(crate) fn customer_of(leg: &ChannelId) -> Option<OfferId> {
    numbered(leg, "c-")
}

/// The leg to whom a contact is handed over outside: named for the talk that it comes from.
pub(crate) fn outside(talk: OfferId) -> ChannelId {
    ChannelId::new(format!("x-{talk}"))
}

/// The talk that such a leg comes from.
pub(crate) fn outside_of(leg: &ChannelId) -> Option<OfferId> {
    numbered(leg, "x-")
}

fn numbered(leg: &ChannelId, prefix: &str) -> Option<OfferId> {
    let (contact, generation) = leg.as_str().strip_prefix(prefix)?.split_once('-')?;
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

/// The menu that a caller hears, for the nth time.
pub(crate) fn menu(caller: &ChannelId, nth: u8) -> PlaybackId {
    PlaybackId::new(format!("m-{caller}-{nth}"))
}

/// What a waiting caller is told, for the nth time.
pub(crate) fn news(contact: ContactId, nth: u32) -> PlaybackId {
    PlaybackId::new(format!("n-{contact}-{nth}"))
}

/// A message that a caller leaves.
pub(crate) fn message(contact: ContactId) -> RecordingName {
    RecordingName::new(format!("v-{contact}"))
}

/// The contact whose caller left this message.
pub(crate) fn message_of(recording: &RecordingName) -> Option<ContactId> {
    let number = recording.as_str().strip_prefix("v-")?;
    number.parse().ok().map(ContactId)
}

pub(crate) fn farewell(contact: ContactId) -> PlaybackId {
    PlaybackId::new(format!("f-{contact}"))
}

/// What `play` is given for a prompt: the side-car renders it to `FOLDER/NAME.wav`.
pub(crate) fn prompt(folder: &str, name: &PromptName) -> String {
    format!("sound:{}/{name}", folder.trim_end_matches('/'))
}

/// The number as the tenant writes it, whose it is, and the queue where its callers wait if no menu
/// asks them. Carriers dial with a plus sign, with `00`, or with neither. `None`: nobody here has that
/// number, or its client is not live yet.
pub(crate) fn destination<'a>(
    tenant: &'a Tenant,
    dialled: &str,
) -> Option<(PhoneNumber, &'a TenantClient, QueueId)> {
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
    Some((number, client, client.entry.clone()?))
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
        assert_eq!(outside_of(&outside(offer)), Some(offer));
        assert_eq!(offer_of(&outside(offer)), None);
        assert_eq!(message_of(&message(offer.contact)), Some(offer.contact));
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
