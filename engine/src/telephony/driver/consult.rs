//! Rule 13: an agent consults while the customer is on hold, has all three talk, and completes it or
//! comes back.
//!
//! A consult is a contact whose call is the asking agent's own leg. So whom they ask is rung, joined and
//! released as for any contact, only in a bridge of its own.

use trunkline_routing::{ConsultEnd, ContactId, Input, Time};
use trunkline_tenant::crds::AgentName;

use super::super::ari::{Cause, ChannelId};
use super::act::What;
use super::calls::{Calls, Contact, Effects, Kind, Stage};
use super::names;
use super::outside::{Outsider, Reached};

impl Calls {
    /// Whether somebody is being asked about a contact, or talks with both.
    pub(crate) fn is_consulted_about(&self, id: ContactId) -> bool {
        let about =
            |contact: &Contact| matches!(contact.kind, Kind::Consult { of, .. } if of == id);
        self.contacts
            .values()
            .any(|contact| about(contact) && !contact.gone)
    }

    /// The customer is on hold; the agent's leg stays up alone until somebody answers.
    pub(crate) fn consulting(
        &mut self,
        now: Time,
        id: ContactId,
        consult: ContactId,
        out: &mut Effects,
    ) {
        let music = self.settings.music.clone();
        let Some(contact) = self.contacts.get_mut(&id) else {
            return; // a chat
        };
        let Stage::Talking { offer, held } = &mut contact.stage else {
            return;
        };
        *held = true;
        let leg = Self::place(&contact.call.host, &names::leg(*offer));
        contact.touched = now;
        contact.back_to_music(&music, out);
        let kind = Kind::Consult {
            of: id,
            conferenced: false,
        };
        let (queue, number) = (contact.queue.clone(), contact.number.clone());
        self.contacts.insert(
            consult,
            Contact {
                number,
                ..Contact::new(leg, kind, names::bridge(consult), queue, now)
            },
        );
    }

    /// The leg of whom a consult has reached.
    fn consulted_leg(consult: &Contact) -> Option<ChannelId> {
        match consult.stage {
            Stage::Joining { offer } | Stage::Talking { offer, .. } => Some(names::leg(offer)),
            Stage::Outside { talk, .. } => Some(names::outside(talk)),
            Stage::Waiting | Stage::Ringing { .. } => None,
        }
    }

    /// All three hear each other.
    pub(crate) fn conferenced(
        &mut self,
        now: Time,
        id: ContactId,
        consult: ContactId,
        out: &mut Effects,
    ) {
        let Some(asked) = self.contacts.get(&consult) else {
            return;
        };
        let legs: Vec<ChannelId> = std::iter::once(asked.call.channel.clone())
            .chain(Self::consulted_leg(asked))
            .collect();
        let Some(contact) = self.contacts.get_mut(&id) else {
            return;
        };
        if let Stage::Talking { held, .. } = &mut contact.stage {
            *held = false;
        }
        contact.touched = now;
        let bridge = contact.bridge.clone();
        out.act(
            &contact.call,
            What::Gather {
                bridge: bridge.clone(),
                legs,
                leave: names::bridge(consult),
            },
        );
        if let Some(asked) = self.contacts.get_mut(&consult) {
            asked.bridge = bridge;
            asked.touched = now;
            asked.kind = Kind::Consult {
                of: id,
                conferenced: true,
            };
        }
    }

    /// Who goes on with the customer, if anybody does.
    pub(crate) fn consult_over(
        &mut self,
        now: Time,
        id: ContactId,
        consult: ContactId,
        how: ConsultEnd,
        out: &mut Effects,
    ) {
        let Some(asked) = self.contacts.remove(&consult) else {
            return;
        };
        let Kind::Consult { conferenced, .. } = asked.kind else {
            return;
        };
        let moved = matches!(how, ConsultEnd::TakenOver { .. } | ConsultEnd::Outside);
        if !moved {
            if let Some(offer) = asked.stage.offer() {
                self.release_leg(now, offer, Cause::Normal, out);
            }
            if let Stage::Outside { talk, .. } = asked.stage {
                let leg = Self::place(&asked.call.host, &names::outside(talk));
                self.release_outsider(&leg, out);
            }
        }
        let Some(contact) = self.contacts.get_mut(&id) else {
            return;
        };
        contact.touched = now;
        let former = contact.stage.offer();
        let with = match (&how, &asked.stage) {
            (ConsultEnd::TakenOver { offer, .. }, _) => {
                contact.stage = Stage::Talking {
                    offer: *offer,
                    held: false,
                };
                Some(names::leg(*offer))
            }
            (ConsultEnd::Outside, Stage::Outside { talk, .. }) => {
                let (talk, reached) = (*talk, Reached::Together);
                contact.stage = Stage::Outside { talk, reached };
                let leg = names::outside(talk);
                self.outsiders
                    .insert(Self::place(&asked.call.host, &leg), Outsider::Of(id));
                Some(leg)
            }
            (ConsultEnd::NotAnswered | ConsultEnd::Cancelled | ConsultEnd::Left, _) => {
                if let Stage::Talking { held, .. } = &mut contact.stage {
                    *held = false;
                }
                former.map(names::leg)
            }
            (ConsultEnd::Outside | ConsultEnd::ContactOver, _) => None,
        };
        let (call, bridge) = (contact.call.clone(), contact.bridge.clone());
        if let Some(agent) = with.filter(|_| !conferenced && contact.customer_listens()) {
            let stop = None;
            out.act(
                &call,
                What::Join {
                    bridge,
                    agent,
                    stop,
                },
            );
        }
        if !conferenced {
            out.act(&call, What::DestroyBridge(names::bridge(consult)));
        }
        if moved && let Some(former) = former {
            self.release_leg(now, former, Cause::Normal, out);
        }
        if let ConsultEnd::TakenOver { agent, offer } = how
            && !self
                .legs
                .contains_key(&Self::place(&call.host, &names::leg(offer)))
        {
            // They hung up as the core said so, and told of the consult, which was over.
            self.agent_hung_up(id, Some(agent), out);
        }
    }

    /// An agent's phone left a conversation. Out of a conference the others go on; else it is over, where it is
    /// still theirs.
    pub(crate) fn agent_hung_up(
        &mut self,
        id: ContactId,
        agent: Option<AgentName>,
        out: &mut Effects,
    ) {
        let conference = self.contacts.values().any(|other| {
            other.kind
                == Kind::Consult {
                    of: id,
                    conferenced: true,
                }
        });
        let input = if conference {
            Input::CompleteConsult { contact: id }
        } else {
            Input::AgentDone { contact: id }
        };
        out.done_by(agent, input);
        let leg = |contact: &Contact| contact.stage.offer().map(names::leg);
        let hers = self.contacts.get(&id).and_then(leg);
        for other in self.contacts.values_mut() {
            let about_it = matches!(other.kind, Kind::Consult { of, .. } if of == id);
            if about_it && Some(&other.call.channel) == hers.as_ref() {
                other.gone = true;
            }
        }
    }
}
