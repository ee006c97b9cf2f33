//! Hosts that are not heard: what their phones do meanwhile nobody knows, so whom the core waits for there is told to it.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;
use trunkline_routing::{ContactId, Span, Time};

use super::super::RecoveredStage;
use super::super::Report;
use super::super::ari::HostName;
use super::calls::{Calls, Effects, Stage};
use super::outside::Reached;

/// A host that has answered no ping for this long may be doing anything: two pings are unanswered then, where one may be only
/// late, of an Asterisk that is busy. Before it is given up as lost: what falls due until that is noticed falls due by the
/// wrong clock.
const DOUBTED_AFTER: Duration = Duration::from_millis(1_800);
/// How often it is told again; the core waits a few times as long.
const TOLD_EVERY: Duration = Duration::from_secs(1);

/// Where contacts are: on a host, or on one that is still looked for.
type Place = Option<HostName>;

/// The places that are not heard, each with until when that was told.
#[derive(Debug, Default)]
pub(crate) struct Unheard(BTreeMap<Place, Instant>);

/// Whether a host that was last heard then is to be doubted.
pub(crate) fn is_doubted(heard: Instant) -> bool {
    heard.elapsed() > DOUBTED_AFTER
}

impl Unheard {
    /// These hosts are not heard, since when each; all others are. Tells what is news.
    pub(crate) fn look(
        &mut self,
        hosts: BTreeMap<HostName, Instant>,
        now: Time,
        calls: &mut Calls,
        out: &mut Effects,
    ) {
        // What is looked for may be on any of them.
        let sought = hosts.values().min().map(|since| (None, *since));
        let hosts = hosts.into_iter().map(|(host, since)| (Some(host), since));
        let silent: BTreeMap<Place, Instant> = hosts.chain(sought).collect();
        let heard = self
            .0
            .extract_if(.., |place, _| !silent.contains_key(place));
        for (place, told) in heard {
            tell(&place, told, now, calls, out);
        }
        for (place, since) in silent {
            let told = self.0.get(&place).copied();
            if told.is_none_or(|told| told.elapsed() >= TOLD_EVERY) {
                tell(&place, told.unwrap_or(since), now, calls, out);
                self.0.insert(place, Instant::now());
            }
        }
    }
}

fn tell(place: &Place, since: Instant, now: Time, calls: &mut Calls, out: &mut Effects) {
    let contacts = match place {
        Some(host) => {
            let lost = i64::try_from(since.elapsed().as_micros()).unwrap_or(i64::MAX);
            calls.ring_on(host, now, Span(lost));
            calls.asked_on(host)
        }
        None => calls.asked_somewhere(),
    };
    if !contacts.is_empty() {
        let since = since.into_std();
        out.reports.push(Report::Unheard { contacts, since });
    }
}

impl Calls {
    /// Phones on a host ring for as much longer, as the core has it. One that picked up when Asterisk had nobody to tell it
    /// any more was let go by it, and is rung again while the offer stands.
    fn ring_on(&mut self, host: &HostName, now: Time, lost: Span) {
        for (place, leg) in &mut self.legs {
            if place.host == *host
                && let Some(deadline) = &mut leg.deadline
            {
                *deadline = *deadline + lost.min(now - leg.touched);
            }
        }
    }

    /// Contacts on a host for which somebody is asked or called, or being joined.
    fn asked_on(&self, host: &HostName) -> Vec<ContactId> {
        let asked = self.contacts.iter().filter(|(_, contact)| {
            let waits = match contact.stage {
                Stage::Waiting | Stage::Talking { .. } => false,
                Stage::Ringing { .. } | Stage::Joining { .. } => true,
                Stage::Outside { reached, .. } => reached != Reached::Together,
            };
            waits && contact.call.host == *host && !contact.gone
        });
        asked.map(|(id, _)| *id).collect()
    }

    /// The same of those whose host is not known yet.
    pub(super) fn asked_somewhere(&self) -> Vec<ContactId> {
        let waits = |stage: &RecoveredStage| {
            !matches!(
                stage,
                RecoveredStage::Waiting
                    | RecoveredStage::Talking { .. }
                    | RecoveredStage::Outside { together: true, .. }
            )
        };
        let stages = self.unfound.iter().flat_map(|(id, unfound)| {
            let consult = unfound.consult.iter().map(|(id, stage)| (*id, stage));
            consult.chain([(*id, &unfound.stage)])
        });
        let asked = stages.filter(|(_, stage)| waits(stage));
        asked.map(|(id, _)| id).collect()
    }
}
