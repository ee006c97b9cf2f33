//! Steps that end, and places in line: as inputs and outputs alone say.

use std::collections::BTreeMap;

use trunkline_routing::*;
use trunkline_tenant::{Queue, QueueId, Tenant};

/// No step goes on for longer here.
const LONGEST: Span = Span::seconds(86_400);

#[derive(Default)]
pub(super) struct Line {
    /// The step that each contact was said to be in, and since when.
    steps: BTreeMap<ContactId, (usize, Time)>,
    /// When it was said that nothing could be decided, of late; no step that went on then ends before the other.
    stalls: Vec<(Time, Time)>,
    /// What each contact's rank counts from.
    places: BTreeMap<ContactId, Time>,
    /// The place that a call has taken over from the callback that it stands for.
    taken: Option<Time>,
}

impl Line {
    pub(super) fn input(&mut self, now: Time, input: Option<&Input>) {
        self.taken = None;
        if let Some(Input::Stalled { until, .. }) = input {
            self.stalls.retain(|(at, _)| *at + LONGEST >= now);
            self.stalls.push((now, *until + Span(1)));
        }
    }

    pub(super) fn output(&mut self, now: Time, output: &Output) {
        match output {
            Output::Step { contact, step } => drop(self.steps.insert(*contact, (*step, now))),
            Output::Ended {
                contact, outcome, ..
            } => {
                self.steps.remove(contact);
                let place = self.places.remove(contact);
                if *outcome == Outcome::Merged {
                    self.taken = place;
                }
            }
            _ => {}
        }
    }

    pub(super) fn state(
        &mut self,
        now: Time,
        next: Time,
        contacts: &[ContactView],
        queues: &BTreeMap<QueueId, Queue>,
        tenant: &Tenant,
    ) -> Result<(), String> {
        for view in contacts {
            self.place_is_kept(view)?;
            if tenant.queues.contains_key(&view.queue) {
                self.step_will_end(now, next, view, &queues[&view.queue])?;
            } else {
                // It is held, also where its queue comes back.
                self.steps.remove(&view.id);
            }
        }
        Ok(())
    }

    /// Whatever becomes of a caller, they are as far in front as when they came, or as far as their callback was.
    fn place_is_kept(&mut self, view: &ContactView) -> Result<(), String> {
        let id = view.id;
        // The place of who is to be called is that of the call, and of each further try.
        if view.calls.is_none() && view.consult_of.is_none() {
            let was = self.places.get(&id).copied();
            let from = was.unwrap_or(view.arrived);
            let taken = self.taken.filter(|_| was.is_none());
            let expected = taken.map_or(from, |taken| taken.min(from));
            ensure!(
                view.place == expected,
                "contact {id} stands as from {}, it was from {expected}",
                view.place
            );
        }
        self.places.insert(id, view.place);
        Ok(())
    }

    /// Who waits in a step that has an end gets there.
    fn step_will_end(
        &self,
        now: Time,
        next: Time,
        view: &ContactView,
        queue: &Queue,
    ) -> Result<(), String> {
        let (StageView::Waiting, Some(step), None) = (&view.stage, view.step, &view.calls) else {
            return Ok(());
        };
        let Some((told, since)) = self.steps.get(&view.id) else {
            return Ok(());
        };
        let lasts = queue.route.get(step).and_then(|step| step.duration);
        if let Some(lasts) = lasts.filter(|_| *told == step) {
            let mut due = *since + Span::from(lasts);
            for (at, heard) in &self.stalls {
                if since <= at && *at < due {
                    due = due.max(*heard);
                }
            }
            // At the end of a route it may be held in its last step.
            ensure!(
                now >= due || next <= due,
                "step {step} of contact {} ends at {due}, the next deadline is {next}",
                view.id
            );
        }
        Ok(())
    }
}
