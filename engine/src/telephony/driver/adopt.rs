//! Making our picture and Asterisk's agree: at takeover, after a lost connection, and every ten
//! seconds for what events failed to tell. Asterisk says what is; the core says what should be.

use std::collections::BTreeMap;

use trunkline_routing::{ContactId, DeclineCause, Input, OfferId, Span, Time};
use trunkline_tenant::crds::{AgentName, EndpointType};

use super::super::ari::{Bridge, Cause, Channel, ChannelId, ChannelState, Endpoint, HostName};
use super::super::{CallRef, Recovered, RecoveredStage};
use super::act::What;
use super::calls::{Caller, Calls, Contact, Effects, Leg, Stage};
use super::names;

/// What was touched this shortly before a listing may be under way: it proves nothing.
const SETTLES_WITHIN: Span = Span::seconds(5);
/// A recovered contact was touched by nobody.
const NEVER: Time = Time(i64::MIN);

/// What one Asterisk holds. Events that came before `begun` have been applied; those that come
/// while it is taken are applied after it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Listing {
    pub begun: Time,
    pub channels: Vec<Channel>,
    pub bridges: Vec<Bridge>,
    pub endpoints: Vec<Endpoint>,
    /// Asterisk itself has started since we last knew it.
    pub restarted: bool,
    /// When it started, told on connecting: calls from before were lost by us.
    pub started: Option<Time>,
}

impl Listing {
    /// Asterisk started after this channel was made. Names tell seconds, so a start within the
    /// same one is not seen here; who knew the old process sees it by `restarted`.
    fn began_after(&self, channel: &ChannelId) -> bool {
        let made = names::made_at(channel);
        made.zip(self.started)
            .is_some_and(|(made, started)| made + Span::seconds(1) <= started)
    }
}

/// What is to be done about one contact; found first, done after.
enum Finding {
    CallerGone,
    NotAnswered,
    LegGone(OfferId),
    LegUp(OfferId),
    Apart(OfferId),
    Together(Bridge),
}

impl Calls {
    /// Takes over what the journal knows, to be compared when its hosts are listed.
    pub(crate) fn recover(&mut self, recovered: Recovered) {
        self.newest = recovered.newest;
        for call in recovered.calls {
            let (stage, agent) = match call.stage {
                RecoveredStage::Waiting => (Stage::Waiting, None),
                RecoveredStage::Offered {
                    offer,
                    agent,
                    deadline,
                } => (
                    Stage::Ringing { offer },
                    Some((offer, agent, Some(deadline))),
                ),
                RecoveredStage::Accepted { offer, agent } => {
                    (Stage::Joining { offer }, Some((offer, agent, None)))
                }
                RecoveredStage::Talking { offer, agent, held } => {
                    (Stage::Talking { offer, held }, Some((offer, agent, None)))
                }
            };
            if let Some((offer, agent, deadline)) = agent {
                let place = Self::place(&call.call.host, &names::leg(offer));
                let leg = Leg {
                    offer,
                    agent,
                    deadline,
                    cancelled: false,
                    touched: NEVER,
                };
                self.legs.insert(place, leg);
            }
            self.callers
                .insert(call.call.clone(), Caller::Admitted(call.contact));
            self.contacts.insert(
                call.contact,
                Contact {
                    call: call.call,
                    stage,
                    greeting: None,
                    gone: false,
                    touched: NEVER,
                },
            );
        }
    }

    /// Compares one host's listing with what we know of it.
    pub(crate) fn compare(
        &mut self,
        now: Time,
        host: &HostName,
        listing: &Listing,
        out: &mut Effects,
    ) {
        let settled = if listing.restarted {
            listing.begun // what was under way died with the old process
        } else {
            listing.begun - SETTLES_WITHIN
        };
        let channels: BTreeMap<&ChannelId, &Channel> = listing
            .channels
            .iter()
            .map(|channel| (&channel.id, channel))
            .collect();
        self.compare_contacts(now, host, listing, &channels, settled, out);
        self.compare_callers(now, host, &channels, settled, out);
        self.compare_legs(now, host, &channels, settled, out);
        for bridge in &listing.bridges {
            let ours = names::contact_of(&bridge.id);
            if ours.is_some_and(|id| !self.contacts.contains_key(&id)) && bridge.channels.is_empty()
            {
                let lane = ChannelId::new(bridge.id.as_str());
                out.act(
                    &Self::place(host, &lane),
                    What::DestroyBridge(bridge.id.clone()),
                );
            }
        }
        self.compare_endpoints(host, &listing.endpoints, out);
        self.ended.retain(|_, at| *at > settled);
    }

    fn compare_contacts(
        &mut self,
        now: Time,
        host: &HostName,
        listing: &Listing,
        channels: &BTreeMap<&ChannelId, &Channel>,
        settled: Time,
        out: &mut Effects,
    ) {
        let mut findings = Vec::new();
        let mut resumed = Vec::new();
        for (id, contact) in &mut self.contacts {
            if contact.call.host != *host || contact.gone || contact.touched > settled {
                continue;
            }
            if contact.touched == NEVER {
                contact.touched = now;
                resumed.push(*id);
            }
            let bridge = listing
                .bridges
                .iter()
                .find(|bridge| bridge.id == names::bridge(*id));
            findings.extend(judge(contact, channels, bridge).map(|finding| (*id, finding)));
        }
        for (id, finding) in findings {
            tracing::info!(%host, contact = %id, finding = finding.word(), "our picture and Asterisk's differ");
            self.mend(now, id, finding, listing, channels, out);
        }
        // Their music may have ended with the greeting that our predecessor waited for.
        for id in resumed {
            if let Some(contact) = self.contacts.get(&id)
                && !contact.gone
                && matches!(contact.stage, Stage::Waiting | Stage::Ringing { .. })
            {
                let leave = names::bridge(id);
                let music = self.settings.music.clone();
                out.act(&contact.call, What::Music { leave, music });
            }
        }
    }

    fn mend(
        &mut self,
        now: Time,
        id: ContactId,
        finding: Finding,
        listing: &Listing,
        channels: &BTreeMap<&ChannelId, &Channel>,
        out: &mut Effects,
    ) {
        let Some(contact) = self.contacts.get_mut(&id) else {
            return;
        };
        let call = contact.call.clone();
        match finding {
            Finding::CallerGone => {
                contact.gone = true;
                self.callers.remove(&call);
                let outlived = listing.restarted || listing.began_after(&call.channel);
                out.input(if outlived {
                    let cause = format!("media host {} restarted", call.host);
                    Input::Dropped { contact: id, cause }
                } else {
                    Input::CustomerGone { contact: id }
                });
            }
            Finding::NotAnswered => {
                contact.touched = now;
                let music = self.settings.music.clone();
                out.act(
                    &call,
                    What::Welcome {
                        contact: id,
                        greeting: None,
                        music,
                    },
                );
            }
            Finding::LegGone(offer) => {
                let leg = self
                    .legs
                    .remove(&Self::place(&call.host, &names::leg(offer)));
                match contact.stage {
                    Stage::Talking { .. } => {
                        contact.touched = now;
                        out.input(Input::AgentDone { contact: id });
                    }
                    // Our predecessor may have died before it rang the phone; the offer still stands.
                    Stage::Ringing { .. } => match leg
                        .and_then(|leg| leg.deadline.map(|deadline| (leg.agent, deadline)))
                    {
                        Some((agent, deadline)) if deadline > now => {
                            self.offer(now, offer, agent, deadline, out);
                        }
                        _ => self.declined(now, offer, DeclineCause::Failed, out),
                    },
                    _ => self.declined(now, offer, DeclineCause::Failed, out),
                }
            }
            Finding::LegUp(offer) => {
                let leg = names::leg(offer);
                if channels.contains_key(&leg) {
                    self.leg_answered(now, &call.host, &leg, out);
                }
            }
            Finding::Apart(offer) => {
                contact.touched = now;
                out.act(
                    &call,
                    What::Join {
                        bridge: names::bridge(id),
                        agent: names::leg(offer),
                        stop: None,
                    },
                );
            }
            Finding::Together(bridge) => self.bridged(now, &call.host, &bridge, out),
        }
    }

    /// Callers in the app that are no contact, and the reverse.
    fn compare_callers(
        &mut self,
        now: Time,
        host: &HostName,
        channels: &BTreeMap<&ChannelId, &Channel>,
        settled: Time,
        out: &mut Effects,
    ) {
        let app = self.settings.app.clone();
        for channel in channels.values() {
            let place = Self::place(host, &channel.id);
            let args = channel.stasis_args(&app).unwrap_or_default();
            let [names::INBOUND, dialled, ..] = args[..] else {
                continue;
            };
            if self.callers.contains_key(&place) || self.ended.contains_key(&place) {
                continue;
            }
            let marked = channel
                .variable(names::CONTACT_VARIABLE)
                .and_then(|number| number.parse().ok())
                .map(ContactId);
            if marked.is_some() && marked <= self.newest {
                // Its contact has ended; only the hang-up was never sent.
                self.callers
                    .insert(place.clone(), Caller::Leaving { farewell: None });
                out.act(&place, What::Hangup(Cause::Normal));
            } else {
                self.caller_came(now, host, channel, dialled, out);
            }
        }
        let here = |place: &CallRef| place.host == *host && !channels.contains_key(&place.channel);
        self.callers.retain(|place, caller| match caller {
            Caller::Leaving { .. } => !here(place),
            Caller::Asking if here(place) => {
                *caller = Caller::GoneEarly;
                true
            }
            _ => true,
        });
        for (place, caller) in &self.callers {
            let stuck = matches!(caller, Caller::Leaving { farewell: None });
            let old = channels
                .get(&place.channel)
                .is_some_and(|channel| Time(channel.created.timestamp_micros()) < settled);
            if place.host == *host && stuck && old {
                out.act(place, What::Hangup(Cause::Normal));
            }
        }
    }

    /// Legs of ours that nobody wants, and legs that we only believe in.
    fn compare_legs(
        &mut self,
        now: Time,
        host: &HostName,
        channels: &BTreeMap<&ChannelId, &Channel>,
        settled: Time,
        out: &mut Effects,
    ) {
        for id in channels.keys() {
            if names::offer_of(id).is_none() {
                continue;
            }
            let place = Self::place(host, id);
            let unwanted = match self.legs.get(&place) {
                None => true,
                Some(leg) => {
                    leg.touched <= settled
                        && (leg.cancelled || self.stage_offer(leg.offer) != Some(leg.offer))
                }
            };
            if unwanted {
                tracing::info!(%host, leg = %id, "a leg without an offer: hung up");
                out.act(&place, What::Hangup(Cause::Normal));
            }
        }
        self.legs.retain(|place, leg| {
            place.host != *host || channels.contains_key(&place.channel) || leg.touched > settled
        });
        for leg in self.legs.values_mut().filter(|leg| leg.touched == NEVER) {
            leg.touched = now;
        }
    }

    fn stage_offer(&self, offer: OfferId) -> Option<OfferId> {
        self.contacts.get(&offer.contact)?.stage.offer()
    }

    /// The phones that a host reaches now.
    fn compare_endpoints(&mut self, host: &HostName, listed: &[Endpoint], out: &mut Effects) {
        let Some(tenant) = self.tenant.clone() else {
            return;
        };
        let online = listed
            .iter()
            .filter(|endpoint| endpoint.is_online())
            .map(|endpoint| AgentName::new(&endpoint.resource))
            .collect();
        self.online.insert(host.clone(), online);
        for agent in tenant.agents.keys() {
            self.tell_endpoint(agent, out);
        }
    }

    /// A phone registered or went away.
    pub(crate) fn endpoint_changed(
        &mut self,
        host: &HostName,
        endpoint: &Endpoint,
        out: &mut Effects,
    ) {
        let agent = AgentName::new(&endpoint.resource);
        let online = self.online.entry(host.clone()).or_default();
        if endpoint.is_online() {
            online.insert(agent.clone());
        } else {
            online.remove(&agent);
        }
        self.tell_endpoint(&agent, out);
    }

    /// An agent can be reached if any host reaches them; told when it changes. A plain telephone
    /// is no endpoint of ours.
    fn tell_endpoint(&mut self, agent: &AgentName, out: &mut Effects) {
        let tenant = self.tenant.as_ref();
        let settings = tenant.and_then(|tenant| tenant.agents.get(agent));
        if settings.is_none_or(|settings| settings.endpoint.kind == EndpointType::Phone) {
            return;
        }
        let reachable = self.online.values().any(|online| online.contains(agent));
        if self.reachable.insert(agent.clone(), reachable) != Some(reachable) {
            let agent = agent.clone();
            out.input(Input::Endpoint { agent, reachable });
        }
    }
}

/// What is wrong with a contact, if anything.
fn judge(
    contact: &Contact,
    channels: &BTreeMap<&ChannelId, &Channel>,
    bridge: Option<&Bridge>,
) -> Option<Finding> {
    let Some(caller) = channels.get(&contact.call.channel) else {
        return Some(Finding::CallerGone);
    };
    let Some(offer) = contact.stage.offer() else {
        return (caller.state != ChannelState::Up).then_some(Finding::NotAnswered);
    };
    let leg = names::leg(offer);
    let Some(channel) = channels.get(&leg) else {
        return Some(Finding::LegGone(offer));
    };
    let together = bridge.filter(|bridge| {
        bridge.channels.contains(&leg) && bridge.channels.contains(&contact.call.channel)
    });
    match (&contact.stage, together) {
        (Stage::Ringing { .. }, _) => {
            (channel.state == ChannelState::Up).then_some(Finding::LegUp(offer))
        }
        (Stage::Joining { .. }, Some(bridge)) => Some(Finding::Together(bridge.clone())),
        (Stage::Joining { .. } | Stage::Talking { held: false, .. }, None) => {
            Some(Finding::Apart(offer))
        }
        _ => None,
    }
}

impl Finding {
    fn word(&self) -> &'static str {
        match self {
            Self::CallerGone => "the caller is gone",
            Self::NotAnswered => "the caller isn't answered",
            Self::LegGone(_) => "the agent's leg is gone",
            Self::LegUp(_) => "the agent has answered",
            Self::Apart(_) => "caller and agent are not joined",
            Self::Together(_) => "caller and agent are joined",
        }
    }
}
