//! What the centre's and a client's queues have in common, each by itself.

use trunkline_crds::{ClosedAction, ExhaustedAction, QueueCommon};

use super::Report;
use crate::finding::Code;
use crate::path::FieldPath;

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
    if let Some(closed) = &queue.closed {
        overflow(
            closed.action == ClosedAction::Overflow,
            closed.queue.is_some(),
            path.key("closed").key("queue"),
            report,
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
