//! A while in which nothing could be decided, or some contacts could not be heard.

use super::Core;
use super::contact::Stage;
use crate::bug::Bug;
use crate::ix::{AgentIx, Slot};
use crate::{ContactId, Output, Span, Time};

/// The least that a time can be after another.
const NEXT: Span = Span(1);
/// By how much one offer, joining or hand-over is put off at most for a host that is not heard: longer than a silence until the
/// host is given up, 15 s after it is noticed; shorter than the 30 s after which Asterisk ends a ring by itself, which would look
/// like a refusal.
const UNHEARD_AT_MOST: Span = Span::seconds(25);

impl Core {
    /// Puts off what was due while nobody could be heard. Goes once through agents and contacts.
    pub(super) fn stalled(
        &mut self,
        since: Time,
        until: Time,
        listed: Option<Time>,
        out: &mut Vec<Output>,
    ) {
        let heard = until + NEXT;
        let told = listed.map_or(heard, |listed| heard.max(listed + NEXT));
        for at in 0..self.contacts.len() {
            let slot = Slot::new(at);
            let contact = &mut self.contacts[at];
            if self.slots.get(contact.id) != Some(slot) {
                continue;
            }
            if contact.step_due.is_some_and(|due| due < heard) {
                contact.step_due = Some(heard);
                if contact.stage == Stage::Waiting {
                    self.arm_step(slot);
                }
            }
            if !self.has(Bug::BlamedForStall) {
                self.ask_on(slot, since, until, told);
            }
        }
        for at in 0..self.agents.len() {
            let mut held = false;
            for wrap in &mut self.agents[at].wraps {
                if wrap.ends() < heard {
                    wrap.held = Some(heard);
                    held = true;
                }
            }
            if held {
                self.next_wrap_up(AgentIx::new(at), out);
            }
        }
    }

    /// Stops the clock of whoever is asked or called for these contacts, or is being joined.
    pub(super) fn unheard(
        &mut self,
        contacts: &[ContactId],
        since: Time,
        until: Time,
        listed: Time,
    ) {
        if self.has(Bug::BlamedForSilence) {
            return;
        }
        for id in contacts {
            let Some(slot) = self.slot(*id) else {
                continue; // over by the time that it was told
            };
            let contact = &self.contacts[slot.at()];
            let Some(deadline) = contact.asked_until() else {
                continue;
            };
            let lost = (until - since.max(contact.begun)).max(Span(0));
            let gains = (deadline + lost).max(listed) - deadline;
            let gains = gains.min(Span(UNHEARD_AT_MOST.0 - contact.unheard.0));
            self.contacts[slot.at()].unheard = Span(contact.unheard.0 + gains.0);
            self.waits_until(slot, deadline + gains);
        }
    }

    /// Who is asked, or joined, is given up when all has been taken in that they may have done; what was begun by the
    /// very decisions that were late has only begun now.
    fn ask_on(&mut self, slot: Slot, since: Time, until: Time, told: Time) {
        let contact = &self.contacts[slot.at()];
        let Some(deadline) = contact.asked_until() else {
            return;
        };
        let mut later = deadline.max(told);
        if contact.begun >= since && until > since {
            later = later.max(deadline + (until - since));
        }
        self.waits_until(slot, later);
    }

    /// Until when it is waited for an answer, for the joining of legs, or for a hand-over.
    fn waits_until(&mut self, slot: Slot, later: Time) {
        let (Stage::Offered { deadline, .. }
        | Stage::Connecting { deadline, .. }
        | Stage::Outside { deadline, .. }) = &mut self.contacts[slot.at()].stage
        else {
            return;
        };
        if later != *deadline {
            *deadline = later;
            self.arm_asked(slot, later);
        }
    }
}
