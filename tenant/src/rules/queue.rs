//! What the centre's and a client's queues have in common, each by itself.

use trunkline_crds::{Callbacks, ClosedAction, ExhaustedAction, Medium, QueueCommon, Seconds};

use super::Report;
use crate::finding::Code;
use crate::path::FieldPath;

/// Sooner a customer whose telephone is busy is called in one go until nobody tries any more.
const SOONEST_RETRY: Seconds = Seconds::new(5);
/// Later nobody remembers why they called.
const LATEST_RETRY: Seconds = Seconds::minutes(7 * 24 * 60);

pub(super) fn check(queue: &QueueCommon, path: &FieldPath, report: &mut Report<'_>) {
    let last = queue.route.len().saturating_sub(1);
    for (i, step) in queue.route.iter().enumerate() {
        if step.duration.is_none() && i != last {
            report.error(
                Code::StepWithoutEnd,
                path.key("route").at(i).key("for"),
                format!("step {i} has no `for`, so the steps after it never begin"),
                "say how long it lasts, as `for: 20s`; only the last step may leave it out",
            );
        }
    }
    overflow(
        queue.on_exhausted.action == ExhaustedAction::Overflow,
        queue.on_exhausted.queue.is_some(),
        path.key("onExhausted").key("queue"),
        report,
    );
    if let Some(callbacks) = &queue.callbacks {
        retries(callbacks, queue.medium, &path.key("callbacks"), report);
    }
    if let Some(closed) = &queue.closed {
        overflow(
            closed.action == ClosedAction::Overflow,
            closed.queue.is_some(),
            path.key("closed").key("queue"),
            report,
        );
    }
}

fn retries(callbacks: &Callbacks, medium: Medium, path: &FieldPath, report: &mut Report<'_>) {
    if !medium.is_call() {
        report.error(
            Code::CallbackRetry,
            path.clone(),
            format!("nobody is called back from a queue of {medium:?} contacts"),
            "remove it, or put it at a queue of calls",
        );
    }
    if !(SOONEST_RETRY..=LATEST_RETRY).contains(&callbacks.retry_after) {
        report.error(
            Code::CallbackRetry,
            path.key("retryAfter"),
            format!(
                "who isn't reached would be called again after {}",
                callbacks.retry_after
            ),
            format!("from {SOONEST_RETRY} to {LATEST_RETRY} is possible; 10m is usual"),
        );
    }
}

fn overflow(overflows: bool, names_queue: bool, field: FieldPath, report: &mut Report<'_>) {
    if overflows && !names_queue {
        report.error(
            Code::OverflowQueue,
            field,
            "Overflow doesn't say to which queue",
            "add `queue`, or choose another action",
        );
    } else if !overflows && names_queue {
        report.error(
            Code::OverflowQueue,
            field,
            "a queue is named, but only Overflow goes to one",
            "remove `queue`, or use `action: Overflow`",
        );
    }
}
