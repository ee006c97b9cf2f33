//! A `Client` by itself.

use trunkline_crds::{Bound, ClientSpec, KpiMetric};

use super::{Report, queue};
use crate::finding::Code;
use crate::path::FieldPath;

pub(super) fn check(spec: &ClientSpec, report: &mut Report<'_>) {
    let root = FieldPath::spec();
    if let Some(zone) = &spec.time_zone {
        report.zone(zone, root.key("timeZone"));
    }
    if let Some(from) = spec.contract.as_ref().and_then(|c| c.from.as_ref()) {
        report.date(from, root.key("contract").key("from"));
    }
    for (i, q) in spec.queues.iter().enumerate() {
        queue::check(&q.common, &root.key("queues").at(i), report);
    }
    if let Some(menu) = &spec.menu {
        for key in menu.choices.keys() {
            let one_key = key.len() == 1
                && key
                    .bytes()
                    .all(|b| b.is_ascii_digit() || b"*#".contains(&b));
            if !one_key {
                report.error(
                    Code::Schema,
                    root.key("menu").key("choices").key(key.clone()),
                    format!("`{key}` is no key of a telephone"),
                    "use one of 0 to 9, * and #",
                );
            }
        }
    }
    for (i, kpi) in spec.kpis.iter().enumerate() {
        let path = root.key("kpis").at(i);
        if kpi.max.is_none() && kpi.min.is_none() {
            report.error(
                Code::KpiBound,
                path.clone(),
                "nothing says which value is meant",
                "add `max` or `min`",
            );
        }
        let timed = matches!(kpi.metric, KpiMetric::AHT | KpiMetric::ASA);
        for (name, bound) in [("max", &kpi.max), ("min", &kpi.min)] {
            match bound {
                Some(Bound::Number(_)) if timed => report.error(
                    Code::KpiBound,
                    path.key(name),
                    "a time is bounded by a number without a unit",
                    "write a duration, as `240s`",
                ),
                Some(Bound::Duration(_)) if !timed => report.error(
                    Code::KpiBound,
                    path.key(name),
                    "a percentage is bounded by a duration",
                    "write a number, as `85`",
                ),
                _ => {}
            }
        }
    }
}
