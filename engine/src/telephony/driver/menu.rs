//! A client's menu: a caller chooses the queue by a key. Not a contact yet, so no wait counts; who
//! leaves now was in no queue, and who is found in a menu by a new leader hears it again.

use trunkline_routing::{Span, Time};
use trunkline_tenant::QueueId;
use trunkline_tenant::crds::ClientName;

use super::super::ari::{Channel, ChannelId, HostName, PlaybackId};
use super::super::{Arrival, CallRef};
use super::act::What;
use super::calls::{Caller, Calls, Effects};
use super::names;

/// A caller who has pressed nothing for this long after the prompt hears it again.
const PATIENCE: Span = Span::seconds(5);
/// So often is it played; then the caller goes where they would without a menu.
const MOST: u8 = 3;

/// A caller in a menu.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Choosing {
    pub client: ClientName,
    /// The number dialled, as the tenant writes it.
    pub dialled: String,
    /// Where those go who choose nothing, while that is there.
    pub otherwise: QueueId,
    /// The caller's number.
    pub number: Option<String>,
    /// How often the prompt was begun.
    pub played: u8,
    /// While the prompt plays.
    pub playing: Option<PlaybackId>,
    /// Since when nothing happens.
    pub since: Time,
}

impl Calls {
    /// Asks a caller what they want.
    pub(crate) fn ask(
        &mut self,
        now: Time,
        call: &CallRef,
        mut choosing: Choosing,
        out: &mut Effects,
    ) {
        let media = self.tenant.as_ref().and_then(|tenant| {
            let menu = tenant.clients.get(&choosing.client)?.menu.as_ref()?;
            let prompt = menu.prompt.as_ref()?;
            Some(names::prompt(&self.settings.prompts, prompt))
        });
        let playback = names::menu(&call.channel, choosing.played);
        choosing.played += 1;
        choosing.since = now;
        choosing.playing = media.is_some().then(|| playback.clone());
        out.act(call, What::Ask { playback, media });
        self.callers
            .insert(call.clone(), Caller::Choosing(choosing));
    }

    /// A caller pressed a key, or has had enough time to: as long as a menu lasts their queue may be gone.
    fn chosen(&mut self, call: &CallRef, choosing: Choosing, queue: QueueId, out: &mut Effects) {
        if let Some(playing) = choosing.playing {
            out.act(call, What::Quiet(playing));
        }
        let there = self.leads_to(&queue, &choosing.dialled);
        let arrival = Arrival {
            call: call.clone(),
            number: choosing.dialled,
            queue: there.unwrap_or(queue),
            customer: choosing.number,
            callable: true,
            since: None,
        };
        self.arrives(arrival, out);
    }

    /// A key of a caller in a menu; one that leads nowhere has the prompt played again.
    pub(crate) fn menu_key(
        &mut self,
        now: Time,
        host: &HostName,
        channel: &Channel,
        key: &str,
        out: &mut Effects,
    ) {
        let call = Self::place(host, &channel.id);
        let Some(Caller::Choosing(choosing)) = self.callers.get(&call).cloned() else {
            return;
        };
        let choice = self.tenant.as_ref().and_then(|tenant| {
            let menu = tenant.clients.get(&choosing.client)?.menu.as_ref()?;
            menu.choices.get(key).cloned()
        });
        match choice {
            Some(queue) => self.chosen(&call, choosing, queue, out),
            None => {
                if let Some(playing) = choosing.playing.clone() {
                    out.act(&call, What::Quiet(playing));
                }
                self.ask_again(now, &call, choosing, out);
            }
        }
    }

    fn ask_again(&mut self, now: Time, call: &CallRef, choosing: Choosing, out: &mut Effects) {
        if choosing.played < MOST {
            self.ask(now, call, choosing, out);
        } else {
            let queue = choosing.otherwise.clone();
            self.chosen(call, choosing, queue, out);
        }
    }

    /// The prompt ended: the caller's time to choose begins. `true`: it was a menu's.
    pub(crate) fn menu_played(
        &mut self,
        now: Time,
        place: &CallRef,
        playback: &PlaybackId,
    ) -> bool {
        let Some(Caller::Choosing(choosing)) = self.callers.get_mut(place) else {
            return false;
        };
        if choosing.playing.as_ref() == Some(playback) {
            choosing.playing = None;
            choosing.since = now;
        }
        true
    }

    /// Callers who press nothing.
    pub(crate) fn menus_due(&mut self, now: Time, out: &mut Effects) {
        let due: Vec<(CallRef, Choosing)> = self
            .callers
            .iter()
            .filter_map(|(call, caller)| match caller {
                Caller::Choosing(choosing)
                    if choosing.playing.is_none() && choosing.since + PATIENCE <= now =>
                {
                    Some((call.clone(), choosing.clone()))
                }
                _ => None,
            })
            .collect();
        for (call, choosing) in due {
            self.ask_again(now, &call, choosing, out);
        }
    }

    /// Whether this channel is a caller's who still chooses.
    pub(crate) fn chooses(&self, host: &HostName, channel: &ChannelId) -> bool {
        matches!(
            self.callers.get(&Self::place(host, channel)),
            Some(Caller::Choosing(_))
        )
    }
}
