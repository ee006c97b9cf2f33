//! A while in which nothing could be decided.

use super::Core;
use super::contact::Stage;
use crate::ix::{AgentIx, Slot};
use crate::timers::{Owner, Phase};
use crate::{Output, Span, Time};

/// The least that a time can be after another.
const NEXT: Span = Span(1);

impl Core {
    /// Puts off what is measured by what people do: from now until `until` nobody could be heard. Goes once through
    /// agents and contacts.
    pub(super) fn stalled(&mut self, until: Time, out: &mut Vec<Output>) {
        let by = until - self.now;
        if by <= Span(0) {
            return;
        }
        let heard = until + NEXT;
        for at in 0..self.contacts.len() {
            let slot = Slot::new(at);
            let contact = &mut self.contacts[at];
            if self.contact_of.get(&contact.id) != Some(&slot) {
                continue;
            }
            // Who is asked, rings or joins legs could do nothing meanwhile, or was not heard.
            if let Stage::Offered { deadline, .. }
            | Stage::Connecting { deadline, .. }
            | Stage::Outside { deadline, .. } = &mut contact.stage
            {
                let later = *deadline + by;
                *deadline = later;
                self.arm_contact(slot, later, Phase::Presence, Owner::Asked(slot));
            }
            let contact = &mut self.contacts[at];
            if contact.stage == Stage::Waiting && contact.step_due.is_some_and(|due| due < heard) {
                contact.step_due = Some(heard);
                self.arm_step(slot);
            }
        }
        for at in 0..self.agents.len() {
            let agent = AgentIx::new(at);
            let mut held = false;
            for wrap in &mut self.agents[at].wraps {
                if wrap.until < heard {
                    wrap.until = heard;
                    held = true;
                }
            }
            if held {
                self.next_wrap_up(agent, out);
            }
        }
    }
}
