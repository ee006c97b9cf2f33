//! A line for each event.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use trunkline_engine::run::{Decision, Handle};
use trunkline_engine::state::Stage;
use trunkline_routing::{AgentState, CancelReason, ContactId, Input, Outcome, Output, Time};
use trunkline_tenant::Tenant;

use super::say;

/// Now, as the engine's API tells it.
pub fn now() -> Time {
    Time(Utc::now().timestamp_micros())
}

/// Writes what is decided, until the engine ends.
pub async fn follow(handle: Handle, mut decisions: Receiver<Arc<Decision>>) {
    loop {
        match decisions.recv().await {
            Ok(decision) => told(&handle, &decision).iter().for_each(say),
            Err(RecvError::Lagged(missed)) => {
                say(format_args!("({missed} events came too fast to be shown)"));
            }
            Err(RecvError::Closed) => return,
        }
    }
}

/// The lines of one decision.
fn told(handle: &Handle, decision: &Decision) -> Vec<String> {
    let zone = zone(handle);
    let line = |contact: ContactId, what: &str, more: String| {
        let clock = clock(decision.at, zone);
        let number = format!("#{}", contact.0);
        format!("{clock}  {number:<6} {what:<9} {more}")
            .trim_end()
            .to_owned()
    };
    let mut lines = Vec::new();
    if decision.refused().is_none() {
        match &decision.input {
            Input::Configure { tenant } => {
                let clock = clock(decision.at, zone);
                lines.push(format!("{clock}  documents taken up: {}", sizes(tenant)));
            }
            Input::Arrive {
                contact,
                queue,
                customer,
                ..
            } => {
                // An input holds our name for a customer, which tells a reader nothing.
                let number = customer.as_deref().and_then(|name| handle.names().of(name));
                let from = number.as_deref().unwrap_or("somebody");
                lines.push(line(*contact, "arrives", format!("{queue}, from {from}")));
            }
            _ => {}
        }
    }
    for output in &decision.outputs {
        match output {
            Output::Offer { offer, agent, .. } => {
                lines.push(line(offer.contact, "offered", format!("to {agent}")));
            }
            Output::CancelOffer { offer, agent, why } => {
                let why = reason(*why);
                lines.push(line(
                    offer.contact,
                    "withdrawn",
                    format!("from {agent}: {why}"),
                ));
            }
            Output::Overflowed { contact, from, to } => {
                lines.push(line(*contact, "moves", format!("from {from} to {to}")));
            }
            Output::Answered {
                contact,
                agent,
                wait,
            } => {
                let wait = wait.as_secs_f64();
                lines.push(line(
                    *contact,
                    "answered",
                    format!("by {agent} after {wait:.1} s"),
                ));
            }
            Output::Ended {
                contact, outcome, ..
            } => {
                let more = how_it_ended(handle, *contact, *outcome);
                lines.push(line(*contact, "ended", more));
            }
            Output::Agent {
                agent,
                state: AgentState::NotReady { reason },
            } => {
                let clock = clock(decision.at, zone);
                lines.push(format!("{clock}  {agent} is not ready: {reason}"));
            }
            _ => {}
        }
    }
    lines
}

fn zone(handle: &Handle) -> Tz {
    let state = handle.state();
    let tenant = state.directory.tenant.as_ref();
    tenant.map_or(Tz::UTC, |tenant| tenant.time_zone)
}

fn clock(at: Time, zone: Tz) -> String {
    let utc: DateTime<Utc> = DateTime::from_timestamp_micros(at.0).unwrap_or_default();
    utc.with_timezone(&zone).format("%H:%M:%S").to_string()
}

/// How much there is of what.
pub fn sizes(tenant: &Tenant) -> String {
    let counted = |n: usize, what: &str| format!("{n} {what}{}", if n == 1 { "" } else { "s" });
    format!(
        "{}, {}, {}",
        counted(tenant.queues.len(), "queue"),
        counted(tenant.agents.len(), "agent"),
        counted(tenant.numbers.len(), "number")
    )
}

fn reason(why: CancelReason) -> &'static str {
    match why {
        CancelReason::Rona => "it rang out",
        CancelReason::CustomerGone => "the caller has gone",
        CancelReason::AgentGone => "the agent has gone",
        CancelReason::NotConnected => "the legs were not joined",
        CancelReason::Dropped => "the call was lost",
        CancelReason::Reconfigured => "the documents changed",
        CancelReason::NotReached => "the customer was not reached",
        CancelReason::Merged => "the customer called again",
        CancelReason::Cancelled => "it was cancelled",
        CancelReason::Closed => "the hours have ended",
    }
}

fn how_it_ended(handle: &Handle, contact: ContactId, outcome: Outcome) -> String {
    let word = outcome.word();
    let state = handle.state();
    let mut recent = state.directory.recent.iter().rev();
    let Some(record) = recent.find(|record| record.contact == contact) else {
        return word.to_owned();
    };
    match &record.last.stage {
        Stage::Talking { since, .. } => {
            let talked = (record.ended - *since).as_secs_f64();
            format!("{word}, after {talked:.1} s of talk")
        }
        _ => {
            let waited = (record.ended - record.last.arrived).as_secs_f64();
            format!("{word}, after {waited:.1} s of waiting")
        }
    }
}
