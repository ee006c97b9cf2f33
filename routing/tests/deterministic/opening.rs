//! When queues are open and customers may be called, read off a wall clock here; and what becomes of
//! a contact that comes to a queue, or to the end of its route.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Datelike, NaiveDate, TimeZone, Timelike};
use chrono_tz::Tz;
use trunkline_routing::*;
use trunkline_tenant::crds::Medium;
use trunkline_tenant::{Exhausted, Queue, QueueId, Shut, Tenant};

/// What is known of one who is here.
#[derive(Clone, Debug)]
struct Customer {
    medium: Medium,
    /// It is known who they are.
    named: bool,
    /// Their number is known, and can be called.
    known: bool,
    /// They are to be called, or are by this contact.
    called: bool,
    window: Option<Window>,
    /// As they were told, or ten minutes after a call in vain.
    not_before: Time,
    /// Calls in vain, one that broke among them.
    attempts: u32,
    consult: bool,
    /// They have waited in another queue, or talked.
    was_here: bool,
}

/// What becomes of a contact.
#[derive(Clone, Debug, PartialEq)]
enum Fate {
    Waits,
    Overflows(QueueId),
    Booked,
    Ends(Outcome),
}

#[derive(Default)]
pub struct Opening {
    pub dates: bool,
    customers: BTreeMap<ContactId, Customer>,
    /// Whose fate in this event was that of one who comes to a closed queue.
    turned_away: BTreeSet<ContactId>,
}

/// From a call in vain to the next.
const RETRY: Span = Span::seconds(600);
/// After so many nobody tries again.
const MOST_ATTEMPTS: u32 = 3;

fn wall(at: Time, zone: Tz) -> Option<(NaiveDate, usize, u16)> {
    let utc = DateTime::from_timestamp_micros(at.0)?;
    let local = zone.from_utc_datetime(&utc.naive_utc());
    let weekday = local.weekday().num_days_from_monday() as usize;
    let minute = (local.hour() * 60 + local.minute()) as u16;
    Some((local.date_naive(), weekday, minute))
}

/// What an output says of the contact's fate.
fn fate(output: &Output, id: ContactId) -> Option<Fate> {
    match output {
        Output::Waiting { contact, .. } if *contact == id => Some(Fate::Waits),
        Output::Overflowed { contact, to, .. } if *contact == id => {
            Some(Fate::Overflows(to.clone()))
        }
        Output::CallbackBooked { contact, .. } if *contact == id => Some(Fate::Booked),
        Output::Ended {
            contact, outcome, ..
        } if *contact == id => Some(Fate::Ends(*outcome)),
        _ => None,
    }
}

impl Opening {
    pub fn new(dates: bool) -> Self {
        Self {
            dates,
            ..Self::default()
        }
    }

    /// A removed queue whose calendar was removed with it has no hours any more.
    fn is_open(&self, queue: &Queue, tenant: &Tenant, now: Time) -> bool {
        let Some(hours) = queue.hours.as_ref().filter(|_| self.dates) else {
            return true;
        };
        let (Some(calendar), Some((date, weekday, minute))) =
            (tenant.calendars.get(&hours.calendar), wall(now, hours.zone))
        else {
            return true;
        };
        let mut windows = calendar.week[weekday].iter();
        !calendar.closed.contains(&date) && windows.any(|&(from, to)| (from..to).contains(&minute))
    }

    fn may_be_called(&self, id: ContactId, queue: &Queue, tenant: &Tenant, now: Time) -> bool {
        let window = self.customers.get(&id).and_then(|one| one.window);
        let within = |window: Window| {
            let wall = wall(now, window.zone);
            wall.is_some_and(|(_, _, minute)| (window.from..window.to).contains(&minute))
        };
        let wanted = !self.dates || window.is_none_or(within);
        wanted && self.is_open(queue, tenant, now)
    }

    /// Follows an input that was not refused.
    pub fn input(
        &mut self,
        now: Time,
        input: Option<&Input>,
        out: &[Output],
        queues: &BTreeMap<QueueId, Queue>,
        tenant: &Tenant,
    ) -> Result<(), String> {
        self.turned_away.clear();
        let mut customer = Customer {
            medium: Medium::Callback,
            named: true,
            known: true,
            called: true,
            window: None,
            not_before: now,
            attempts: 0,
            consult: false,
            was_here: false,
        };
        match input {
            Some(Input::Arrive {
                contact,
                queue,
                customer: number,
                callable,
                ..
            }) => {
                customer.medium = queues[queue].medium;
                customer.named = number.is_some();
                customer.known = number.is_some() && *callable;
                customer.called = customer.medium == Medium::Callback;
                let called = customer.called;
                self.customers.insert(*contact, customer);
                if !called {
                    self.enters(now, *contact, queue, out, queues, tenant)?;
                }
            }
            Some(Input::BookCallback {
                contact, window, ..
            }) => {
                customer.window = *window;
                self.customers.insert(*contact, customer);
            }
            Some(Input::CallMeBack {
                contact, window, ..
            }) => {
                if let Some(one) = self.customers.get_mut(contact) {
                    // Who is known by another number is called at the one that they gave this once.
                    one.known |= !one.named;
                    one.named = true;
                    one.window = *window;
                }
            }
            Some(Input::Transfer { contact, to }) => {
                if let Some(one) = self.customers.get_mut(contact) {
                    one.called = false;
                    one.was_here = true;
                    one.window = None;
                }
                if let Target::Queue(queue) = to {
                    self.enters(now, *contact, queue, out, queues, tenant)?;
                }
            }
            Some(Input::CompleteConsult { contact }) => {
                if let Some(one) = self.customers.get_mut(contact) {
                    one.called = false;
                    one.window = None;
                }
            }
            Some(Input::Consult {
                contact,
                consult,
                to,
            }) => {
                let of = self.customers.get(contact);
                customer.medium = of.map_or(Medium::Voice, |one| one.medium);
                customer.named = false;
                customer.known = false;
                customer.called = false;
                customer.consult = true;
                self.customers.insert(*consult, customer);
                if let Target::Queue(queue) = to {
                    self.enters(now, *consult, queue, out, queues, tenant)?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// A contact comes to a queue: it waits there, or goes by what the queue says for outside its
    /// hours.
    fn enters(
        &mut self,
        now: Time,
        id: ContactId,
        to: &QueueId,
        rest: &[Output],
        queues: &BTreeMap<QueueId, Queue>,
        tenant: &Tenant,
    ) -> Result<(), String> {
        let queue = &queues[to];
        let Some(one) = self.customers.get(&id) else {
            return Ok(());
        };
        let phone = one.medium.is_call();
        let is_open = self.is_open(queue, tenant, now);
        let wanted = match &queue.closed {
            _ if is_open => Fate::Waits,
            Shut::Overflow(on) if tenant.queues.contains_key(on) => Fate::Overflows(on.clone()),
            Shut::Overflow(_) => Fate::Waits,
            _ if one.consult => Fate::Ends(Outcome::Consulted),
            Shut::Close(_) => Fate::Ends(Outcome::Closed),
            Shut::Voicemail(_) => Fate::Ends(Outcome::Voicemail),
            Shut::Callback(_) if one.known && phone => Fate::Booked,
            Shut::Callback(_) if phone && one.was_here => Fate::Waits,
            Shut::Callback(_) if phone => Fate::Ends(Outcome::Closed),
            Shut::Callback(_) => Fate::Ends(Outcome::Callback),
        };
        let fate = rest.iter().find_map(|output| fate(output, id));
        ensure!(
            fate.as_ref() == Some(&wanted),
            "contact {id} comes to {to}, which is {}, and {fate:?} follows, not {wanted:?}",
            if is_open { "open" } else { "closed" }
        );
        if wanted != Fate::Waits {
            self.turned_away.insert(id);
        }
        Ok(())
    }

    /// Follows an output. `at` is the contact's queue before it, `rest` what was said after.
    #[allow(
        clippy::too_many_arguments,
        reason = "an event and all that it is judged by"
    )]
    pub fn output(
        &mut self,
        now: Time,
        output: &Output,
        rest: &[Output],
        input: Option<&Input>,
        at: impl Fn(ContactId) -> Option<QueueId>,
        queues: &BTreeMap<QueueId, Queue>,
        tenant: &Tenant,
    ) -> Result<(), String> {
        match output {
            Output::Dial { offer, queue, .. } => ensure!(
                self.may_be_called(offer.contact, &queues[queue], tenant, now),
                "the customer of contact {} is called outside the hours of {queue} or their own",
                offer.contact
            ),
            Output::Overflowed { contact, to, .. } => {
                self.exhausts(*contact, output, at(*contact), queues)?;
                if let Some(one) = self.customers.get_mut(contact) {
                    one.was_here = true;
                }
                if self.customers.get(contact).is_some_and(|one| !one.called) {
                    self.enters(now, *contact, to, rest, queues, tenant)?;
                }
            }
            Output::CallbackBooked {
                contact,
                due,
                rescue,
                ..
            } => {
                let asked = matches!(input, Some(
                    Input::CallMeBack { contact: who, .. }
                    | Input::Arrive { contact: who, .. }
                    | Input::BookCallback { contact: who, .. }
                ) if who == contact);
                if !*rescue && !asked {
                    self.exhausts(*contact, output, at(*contact), queues)?;
                }
                if let Some(one) = self.customers.get_mut(contact) {
                    ensure!(
                        asked || one.called || one.known,
                        "contact {contact} is to be called, and nobody can call it"
                    );
                    let broke = one.called && *rescue;
                    one.attempts = if broke { one.attempts + 1 } else { 0 };
                    one.called = true;
                    one.not_before = *due;
                    // Whom we lost had been called in their window, or called us: by the queue's
                    // hours alone.
                    one.window = one.window.filter(|_| !rescue);
                }
            }
            Output::CancelOffer {
                offer,
                why: CancelReason::NotReached,
                ..
            } => {
                if let Some(one) = self.customers.get_mut(&offer.contact) {
                    one.not_before = now + RETRY;
                    one.attempts += 1;
                }
            }
            Output::Ended {
                contact, outcome, ..
            } => {
                if matches!(
                    outcome,
                    Outcome::Closed | Outcome::Voicemail | Outcome::Callback
                ) {
                    self.exhausts(*contact, output, at(*contact), queues)?;
                }
                let one = self.customers.remove(contact);
                if *outcome == Outcome::Unreached {
                    let broke = matches!(input, Some(Input::Dropped { .. }));
                    let tried = one.map_or(0, |one| one.attempts) + u32::from(broke);
                    // A call that could not be placed counts as one in vain already.
                    ensure!(
                        (MOST_ATTEMPTS..=MOST_ATTEMPTS + u32::from(broke)).contains(&tried),
                        "contact {contact} is given up after {tried} calls"
                    );
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// What the queue does not serve goes by its `onExhausted`, unless it came outside its hours.
    fn exhausts(
        &mut self,
        id: ContactId,
        output: &Output,
        at: Option<QueueId>,
        queues: &BTreeMap<QueueId, Queue>,
    ) -> Result<(), String> {
        if self.turned_away.remove(&id) {
            return Ok(());
        }
        let (Some(one), Some(at)) = (self.customers.get(&id), at) else {
            return Ok(());
        };
        let phone = one.medium.is_call();
        let wanted = match &queues[&at].on_exhausted {
            Exhausted::Hold | Exhausted::Widen => Fate::Waits,
            Exhausted::Overflow(to) => Fate::Overflows(to.clone()),
            Exhausted::Callback(_) if one.known && phone => Fate::Booked,
            Exhausted::Callback(_) if phone => Fate::Waits,
            Exhausted::Callback(_) => Fate::Ends(Outcome::Callback),
            Exhausted::Voicemail(_) => Fate::Ends(Outcome::Voicemail),
            Exhausted::Close(_) => Fate::Ends(Outcome::Closed),
        };
        let fate = fate(output, id);
        ensure!(
            fate.as_ref() == Some(&wanted),
            "contact {id} is not served in {at}, and {fate:?} follows, not {wanted:?}"
        );
        Ok(())
    }

    /// Callbacks are in line, and asked for, while their customers may be called, and only then. Not
    /// at an instant at which something is due yet: hours that end then are among that.
    pub fn state(
        &self,
        now: Time,
        contacts: &[ContactView],
        next: Time,
        queues: &BTreeMap<QueueId, Queue>,
        tenant: &Tenant,
    ) -> Result<(), String> {
        if next <= now {
            return Ok(());
        }
        for view in contacts.iter().filter(|view| view.calls.is_some()) {
            let id = view.id;
            let may = self.may_be_called(id, &queues[&view.queue], tenant, now);
            let one = self.customers.get(&id);
            let told = one.map_or(now, |one| one.not_before);
            let tried = one.map_or(0, |one| one.attempts);
            ensure!(
                tried < MOST_ATTEMPTS,
                "contact {id} is tried again, after {tried} calls"
            );
            match view.stage {
                StageView::Waiting | StageView::Offered { .. } => ensure!(
                    may && told <= now,
                    "contact {id} is in line in {}, and its customer may not be called",
                    view.queue
                ),
                StageView::Later { until } => {
                    ensure!(
                        until >= told,
                        "contact {id} is to be called at {until}, before {told}"
                    );
                    ensure!(
                        now < told || !may,
                        "contact {id} is put off to {until}, and its customer may be called"
                    );
                }
                _ => {}
            }
        }
        Ok(())
    }
}
