//! An `Agent` by itself.

use trunkline_crds::{AgentSpec, EndpointType};

use super::Report;
use crate::finding::Code;
use crate::path::FieldPath;

pub(super) fn check(spec: &AgentSpec, report: &mut Report<'_>) {
    let root = FieldPath::spec();
    if let Some(employment) = &spec.employment {
        let path = root.key("employment");
        let from = employment.from.as_ref();
        let from = from.and_then(|d| report.date(d, path.key("from")));
        let to = employment.to.as_ref();
        let to = to.and_then(|d| report.date(d, path.key("to")));
        report.date_order(from, to, path.key("to"));
    }
    for (i, training) in spec.training.iter().enumerate() {
        if let Some(day) = &training.completed {
            report.date(day, root.key("training").at(i).key("completed"));
        }
    }
    let path = root.key("endpoint");
    match (spec.endpoint.kind, &spec.endpoint.number) {
        (EndpointType::Phone, None) => report.error(
            Code::EndpointNumber,
            path.key("number"),
            "a Phone endpoint has no number to call",
            "add `number`, or use type Sip or Browser",
        ),
        (EndpointType::Sip | EndpointType::Browser, Some(_)) => report.error(
            Code::EndpointNumber,
            path.key("number"),
            "only a Phone endpoint has a number",
            "remove `number`, or use type Phone",
        ),
        _ => {}
    }
}
