//! Making our picture and Asterisk's agree: at takeover, after a lost connection, and every ten
//! seconds for what events failed to tell. Asterisk says what is; the core says what should be.

use std::collections::BTreeMap;

use trunkline_routing::{ContactId, DIAL_DEADLINE, DeclineCause, Input, OfferId, Span, Time};
use trunkline_tenant::QueueId;
use trunkline_tenant::crds::{AgentName, EndpointType};

use super::super::ari::{Bridge, Cause, Channel, ChannelId, ChannelState, Endpoint, HostName};
use super::super::{Beside, CallRef, Recovered, RecoveredStage};
use super::act::What;
use super::callback::{Booked, Unfound};
use super::calls::{Caller, Calls, Contact, Effects, Kind, Leg, Stage};
use super::names;
use super::outside::{Outsider, Reached};

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
    /// And joined already, where there is a bridge: a predecessor did it, and the news died with them.
    LegUp(OfferId, Option<Bridge>),
    Apart(OfferId),
    Together(Bridge),
    OutsiderGone(ChannelId),
    OutsiderUp(ChannelId),
    OutsiderApart(ChannelId),
}

impl Calls {
    /// Takes over what the journal knows, to be compared when its hosts are listed.
    pub(crate) fn recover(&mut self, recovered: Recovered) {
        self.newest = recovered.newest;
        for call in recovered.calls {
            self.callers
                .insert(call.call.clone(), Caller::Admitted(call.contact));
            let bridge = names::bridge(call.contact);
            let contact = Contact::new(call.call, Kind::Caller, bridge, call.queue, NEVER);
            self.resume(call.contact, contact, call.stage);
        }
        for (contact, call) in recovered.speaking {
            self.callers.insert(call, Caller::Speaking(contact));
        }
        for other in recovered.others {
            match other.what {
                Beside::Consult { of } => self.recover_consult(other.contact, of, other.stage),
                Beside::Callback { customer } => {
                    let called = matches!(other.stage, RecoveredStage::Talking { .. });
                    if other.stage != RecoveredStage::Waiting {
                        self.seek(other.contact, &other.queue, other.stage, called);
                    }
                    let queue = other.queue;
                    self.callbacks
                        .insert(other.contact, Booked { queue, customer });
                }
                Beside::Called => self.seek(other.contact, &other.queue, other.stage, true),
            }
        }
    }

    fn seek(&mut self, id: ContactId, queue: &QueueId, stage: RecoveredStage, called: bool) {
        let unfound = Unfound {
            queue: queue.clone(),
            stage,
            called,
            consult: None,
        };
        self.unfound.insert(id, unfound);
    }

    /// Agents who were asked for a callback and are on none of the hosts, now that all of them have been looked at: our
    /// predecessor may have died before it rang them. They are rung while the offer stands.
    pub(crate) fn ask_unfound(&mut self, now: Time, out: &mut Effects) {
        let asked: Vec<_> = self
            .unfound
            .extract_if(.., |_, unfound| !unfound.called)
            .collect();
        for (_, unfound) in asked {
            match unfound.stage {
                RecoveredStage::Offered {
                    offer,
                    agent,
                    deadline,
                } if deadline > now => self.offer(now, offer, agent, deadline, out),
                stage => lapses(&stage, out),
            }
        }
    }

    /// Gives up whoever was on the line and is on none of the hosts, where all of them have been looked
    /// at or given up. Where nobody is on the line, what the core waits for lapses.
    pub(crate) fn give_up_unfound(&mut self, cause: Option<&str>, out: &mut Effects) {
        for (contact, unfound) in std::mem::take(&mut self.unfound) {
            if !unfound.called {
                // On a host that never came: it may be asked again.
                lapses(&unfound.stage, out);
                continue;
            }
            tracing::warn!(%contact, "a customer who was called back is on none of the media hosts");
            out.input(match cause {
                Some(cause) => Input::Dropped {
                    contact,
                    cause: cause.to_owned(),
                },
                None => Input::CustomerGone { contact },
            });
        }
    }

    /// A contact as it was left, with its agent's leg.
    fn resume(&mut self, id: ContactId, mut contact: Contact, stage: RecoveredStage) {
        let host = contact.call.host.clone();
        let (stage, agent) = match stage {
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
            RecoveredStage::Outside { talk, together } => {
                let place = Self::place(&host, &names::outside(talk));
                self.outsiders.insert(place, Outsider::Of(id));
                let reached = if together {
                    Reached::Together
                } else {
                    Reached::Not
                };
                (Stage::Outside { talk, reached }, None)
            }
            RecoveredStage::Talking { offer, agent, held } => {
                (Stage::Talking { offer, held }, Some((offer, agent, None)))
            }
        };
        if let Some((offer, agent, deadline)) = agent {
            let leg = Leg {
                offer,
                agent,
                deadline,
                cancelled: false,
                // By whose hold nobody remembers: the phone's button is the one that would not be heard otherwise.
                holds: matches!(stage, Stage::Talking { held: true, .. }),
                touched: NEVER,
            };
            self.legs
                .insert(Self::place(&host, &names::leg(offer)), leg);
        }
        contact.stage = stage;
        contact.touched = NEVER;
        self.contacts.insert(id, contact);
    }

    /// Its call is the leg of who consults. A customer who is not on hold is in the conference.
    fn recover_consult(&mut self, id: ContactId, of: ContactId, stage: RecoveredStage) {
        if let Some(unfound) = self.unfound.get_mut(&of) {
            unfound.consult = Some((id, stage));
            return;
        }
        let Some(about) = self.contacts.get(&of) else {
            return;
        };
        let Stage::Talking { offer, held } = about.stage else {
            return;
        };
        // Asked for with music in their customer's ear, who is taken back by a conference alone.
        let begun = matches!(
            stage,
            RecoveredStage::Talking { .. } | RecoveredStage::Outside { .. }
        );
        let conferenced = begun && !held;
        let bridge = if conferenced {
            about.bridge.clone()
        } else {
            names::bridge(id)
        };
        let leg = Self::place(&about.call.host, &names::leg(offer));
        let kind = Kind::Consult { of, conferenced };
        let consult = Contact::new(leg, kind, bridge, about.queue.clone(), NEVER);
        self.resume(id, consult, stage);
    }

    /// Customers who were called, or for whom an agent was asked: their legs are on one of the hosts, and which is
    /// seen here. Whose agent has picked up and whom nobody has called yet is called.
    fn find_callbacks(
        &mut self,
        now: Time,
        host: &HostName,
        channels: &BTreeMap<&ChannelId, &Channel>,
        out: &mut Effects,
    ) {
        let called = |id: ContactId| {
            let of_it = |channel: &&&ChannelId| {
                names::customer_of(channel).is_some_and(|offer| offer.contact == id)
            };
            channels
                .keys()
                .find(of_it)
                .map(|channel| (*channel).clone())
        };
        let here: Vec<ContactId> = self
            .unfound
            .iter()
            .filter(|(id, unfound)| {
                let leg = unfound.stage.offer().map(names::leg);
                leg.is_some_and(|leg| channels.contains_key(&leg)) || called(**id).is_some()
            })
            .map(|(id, _)| *id)
            .collect();
        for id in here {
            let Some(unfound) = self.unfound.remove(&id) else {
                continue;
            };
            let customers = called(id);
            let expected = unfound.stage.offer().map(names::customer);
            let Some(channel) = customers.clone().or(expected) else {
                continue;
            };
            let call = Self::place(host, &channel);
            let kind = if unfound.called {
                self.callbacks.remove(&id);
                Kind::Caller
            } else {
                let dialled = customers.is_some();
                Kind::Callback { dialled }
            };
            let number = self
                .callbacks
                .get(&id)
                .map(|booked| booked.customer.clone());
            let contact = Contact {
                number: number.clone(),
                ..Contact::new(call.clone(), kind, names::bridge(id), unfound.queue, NEVER)
            };
            if customers.is_some() {
                self.callers.insert(call, Caller::Admitted(id));
            }
            let accepted = match unfound.stage {
                RecoveredStage::Accepted { offer, .. } => Some(offer),
                _ => None,
            };
            let queue = contact.queue.clone();
            self.resume(id, contact, unfound.stage);
            if let (Some(offer), Some(customer), None) = (accepted, number, &customers) {
                self.dial(now, offer, &customer, &queue, now + DIAL_DEADLINE, out);
            }
            if let Some((consult, stage)) = unfound.consult {
                self.recover_consult(consult, id, stage);
            }
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
        for channel in channels.values() {
            let place = Self::place(host, &channel.id);
            self.usage.notice(&place, channel.endpoint(), now);
        }
        self.usage
            .keep(host, settled, |call| channels.contains_key(&call.channel));
        self.adopt_transferred(host, listing);
        self.find_callbacks(now, host, &channels, out);
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
            if contact.call.host != *host || contact.gone {
                continue;
            }
            let moves = contact.touched > settled;
            if contact.touched == NEVER {
                contact.touched = now;
                let caller = channels.get(&contact.call.channel);
                contact.number = caller.and_then(|caller| names::number_of(caller));
                resumed.push(*id);
            }
            let bridge = listing
                .bridges
                .iter()
                .find(|bridge| bridge.id == contact.bridge);
            let finding = judge(contact, channels, bridge);
            let holds = |finding: &Finding| !moves || finding.is_progress();
            findings.extend(finding.filter(holds).map(|finding| (*id, finding)));
        }
        for (id, finding) in findings {
            tracing::info!(%host, contact = %id, finding = finding.word(), "our picture and Asterisk's differ");
            self.mend(now, id, finding, listing, out);
        }
        // Their music may have ended with the greeting that our predecessor waited for.
        for id in resumed {
            if let Some(contact) = self.contacts.get(&id)
                && matches!(contact.stage, Stage::Waiting | Stage::Ringing { .. })
            {
                contact.back_to_music(&self.settings.music, out);
            }
        }
    }

    fn mend(
        &mut self,
        now: Time,
        id: ContactId,
        finding: Finding,
        listing: &Listing,
        out: &mut Effects,
    ) {
        let Some(contact) = self.contacts.get_mut(&id) else {
            return;
        };
        let call = contact.call.clone();
        match finding {
            // An agent who consulted is gone: their customer's contact tells.
            Finding::CallerGone if matches!(contact.kind, Kind::Consult { .. }) => {
                contact.gone = true;
            }
            Finding::CallerGone => {
                if self.customer_not_reached(now, id, None, out) {
                    return;
                }
                let Some(contact) = self.contacts.get_mut(&id) else {
                    return;
                };
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
                        self.agent_hung_up(id, leg.map(|leg| leg.agent), out);
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
            Finding::LegUp(offer, together) => {
                self.leg_answered(now, &call.host, &names::leg(offer), out);
                // Nobody will enter it any more: what Asterisk shows is the news.
                if let Some(bridge) = together {
                    self.bridged(now, &call.host, &bridge, out);
                }
            }
            Finding::Apart(offer) => {
                contact.touched = now;
                out.act(
                    &call,
                    What::Join {
                        bridge: contact.bridge.clone(),
                        agent: names::leg(offer),
                        stop: None,
                    },
                );
            }
            Finding::Together(bridge) => self.bridged(now, &call.host, &bridge, out),
            Finding::OutsiderGone(leg) => {
                self.outsider_gone(now, &Self::place(&call.host, &leg), out);
            }
            Finding::OutsiderUp(leg) => self.outsider_answered(now, &call.host, &leg, out),
            Finding::OutsiderApart(leg) => {
                contact.touched = now;
                let bridge = contact.bridge.clone();
                let join = What::Join {
                    bridge,
                    agent: leg,
                    stop: None,
                };
                out.act(&call, join);
            }
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
        let away: Vec<CallRef> = self
            .callers
            .iter()
            .filter(|(place, caller)| matches!(caller, Caller::Away { .. }) && here(place))
            .map(|(place, _)| place.clone())
            .collect();
        for place in away {
            self.channel_gone(now, &place, None, out);
        }
        // And those whom the other party left.
        let left: Vec<(CallRef, CallRef)> = (self.callers.iter())
            .filter_map(|(place, caller)| match caller {
                Caller::Away { leg, since, .. } if *since <= settled && here(leg) => {
                    Some((place.clone(), leg.clone()))
                }
                _ => None,
            })
            .collect();
        for (place, leg) in left {
            self.outsider_gone(now, &leg, out);
            // Where we have let go of that party ourselves, their end says nothing.
            self.is_left(place, out);
        }
        self.callers.retain(|place, caller| match caller {
            Caller::Leaving { .. } | Caller::Choosing(_) => !here(place),
            Caller::Asking(_) if here(place) => {
                *caller = Caller::GoneEarly;
                true
            }
            _ => true,
        });
        for (place, caller) in &self.callers {
            if let Caller::Speaking(id) = caller
                && place.host == *host
            {
                // In the lane of their leg, so behind what has the message taken.
                out.act(place, What::SeekMessage(*id));
            }
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
            let place = Self::place(host, id);
            if names::outside_of(id).is_some() && !self.outsiders.contains_key(&place) {
                tracing::info!(%host, leg = %id, "somebody outside whom nobody wants: hung up");
                out.act(&place, What::Hangup(Cause::Normal));
            }
            if names::customer_of(id).is_some() && !self.callers.contains_key(&place) {
                tracing::info!(%host, leg = %id, "a customer whom nobody calls back: hung up");
                out.act(&place, What::Hangup(Cause::Normal));
            }
            if names::offer_of(id).is_none() {
                continue;
            }
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

    /// Callers whose contact had ended as transferred, and who still talk with somebody outside:
    /// what a predecessor let talk is left alone. An agent with somebody outside is in a consult, or has just been in one.
    fn adopt_transferred(&mut self, host: &HostName, listing: &Listing) {
        for bridge in &listing.bridges {
            let known = names::contact_of(&bridge.id);
            if known.is_none_or(|id| self.contacts.contains_key(&id) || self.newest < Some(id)) {
                continue;
            }
            let outside = |id: &&ChannelId| names::outside_of(id).is_some();
            let leg = bridge.channels.iter().find(outside);
            let agents = |id: &&ChannelId| names::offer_of(id).is_some();
            let caller = bridge
                .channels
                .iter()
                .find(|id| !outside(id) && !agents(id));
            let Some((leg, caller)) = leg.zip(caller) else {
                continue;
            };
            let (leg, caller) = (Self::place(host, leg), Self::place(host, caller));
            if self.outsiders.contains_key(&leg) || self.callers.contains_key(&caller) {
                continue;
            }
            self.outsiders
                .insert(leg.clone(), Outsider::With(caller.clone()));
            let (bridge, since) = (bridge.id.clone(), NEVER);
            self.callers
                .insert(caller, Caller::Away { leg, bridge, since });
        }
    }

    fn stage_offer(&self, offer: OfferId) -> Option<OfferId> {
        self.contacts.get(&self.holder(offer)?)?.stage.offer()
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
    /// is no endpoint of ours, and always can: a phone that it replaces may have been away.
    pub(crate) fn tell_endpoint(&mut self, agent: &AgentName, out: &mut Effects) {
        let tenant = self.tenant.as_ref();
        let known = tenant.is_some_and(|tenant| tenant.agents.contains_key(agent));
        if !known {
            return;
        }
        let reachable = self.is_plain_telephone(agent)
            || self.online.values().any(|online| online.contains(agent));
        if self.reachable.insert(agent.clone(), reachable) != Some(reachable) {
            let agent = agent.clone();
            out.input(Input::Endpoint { agent, reachable });
        }
    }
}

impl Calls {
    /// Whether it is no phone that registers here.
    fn is_plain_telephone(&self, agent: &AgentName) -> bool {
        let tenant = self.tenant.as_ref();
        let settings = tenant.and_then(|tenant| tenant.agents.get(agent));
        settings.is_some_and(|settings| settings.endpoint.kind == EndpointType::Phone)
    }

    /// An agent can't be rung now. The core takes a phone of ours for out of reach until a listing tells it anew. Of a plain
    /// telephone none ever would: it is tried again, a little later.
    pub(crate) fn out_of_reach(&mut self, agent: &AgentName) -> DeclineCause {
        if self.is_plain_telephone(agent) {
            return DeclineCause::Failed;
        }
        self.reachable.remove(agent);
        DeclineCause::Unreachable
    }

    /// Nobody is asked any more for a callback that a predecessor had asked for.
    pub(crate) fn forget_unfound(&mut self, id: ContactId) {
        if self.unfound.get(&id).is_some_and(|unfound| !unfound.called) {
            self.unfound.remove(&id);
        }
    }
}

/// What an agent was asked came to nothing on our side.
fn lapses(stage: &RecoveredStage, out: &mut Effects) {
    if let Some(offer) = stage.offer() {
        let cause = DeclineCause::Failed;
        out.input(Input::Decline { offer, cause });
    }
}

/// What is wrong with a contact, if anything.
fn judge(
    contact: &Contact,
    channels: &BTreeMap<&ChannelId, &Channel>,
    bridge: Option<&Bridge>,
) -> Option<Finding> {
    if contact.kind == (Kind::Callback { dialled: false }) {
        let offer = contact.stage.offer()?;
        return match (channels.get(&names::leg(offer)), &contact.stage) {
            (None, _) => Some(Finding::LegGone(offer)),
            (Some(leg), Stage::Ringing { .. }) if leg.state == ChannelState::Up => {
                Some(Finding::LegUp(offer, None))
            }
            _ => None,
        };
    }
    let Some(caller) = channels.get(&contact.call.channel) else {
        return Some(Finding::CallerGone);
    };
    if let Stage::Outside { talk, reached } = contact.stage {
        let leg = names::outside(talk);
        let Some(channel) = channels.get(&leg) else {
            return Some(Finding::OutsiderGone(leg));
        };
        let both = [&leg, &contact.call.channel];
        let together = bridge.filter(|bridge| both.iter().all(|leg| bridge.channels.contains(leg)));
        return match (reached, together) {
            (Reached::Answered, Some(bridge)) => Some(Finding::Together(bridge.clone())),
            (Reached::Not, _) if channel.state == ChannelState::Up => {
                Some(Finding::OutsiderUp(leg))
            }
            (Reached::Together, None) => Some(Finding::OutsiderApart(leg)),
            _ => None,
        };
    }
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
        (Stage::Ringing { .. }, together) => {
            (channel.state == ChannelState::Up).then(|| Finding::LegUp(offer, together.cloned()))
        }
        (Stage::Joining { .. }, Some(bridge)) => Some(Finding::Together(bridge.clone())),
        // Whom we call back may not have answered yet.
        (Stage::Joining { .. }, None)
            if matches!(contact.kind, Kind::Callback { .. })
                && caller.state != ChannelState::Up =>
        {
            None
        }
        (Stage::Joining { .. } | Stage::Talking { held: false, .. }, None) => {
            Some(Finding::Apart(offer))
        }
        _ => None,
    }
}

impl Finding {
    /// Somebody has got further than we knew: that is so however lately we did something. What is not
    /// there may only be under way.
    fn is_progress(&self) -> bool {
        matches!(
            self,
            Self::LegUp(..) | Self::Together(_) | Self::OutsiderUp(_)
        )
    }

    fn word(&self) -> &'static str {
        match self {
            Self::CallerGone => "the caller is gone",
            Self::NotAnswered => "the caller isn't answered",
            Self::LegGone(_) => "the agent's leg is gone",
            Self::LegUp(_, None) => "the agent has answered",
            Self::LegUp(_, Some(_)) => "the agent has answered and talks",
            Self::Apart(_) => "caller and agent are not joined",
            Self::Together(_) => "caller and agent are joined",
            Self::OutsiderGone(_) => "who was called outside is gone",
            Self::OutsiderUp(_) => "who was called outside has answered",
            Self::OutsiderApart(_) => {
                "who was called outside and who talks with them are not joined"
            }
        }
    }
}
