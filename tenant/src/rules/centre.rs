//! A `CallCenter` by itself.

use std::collections::BTreeMap;

use trunkline_crds::{CallCenterSpec, Role, Seconds, Shift, Team, TeamKind};

use super::{Report, minutes, queue};
use crate::finding::Code;
use crate::path::FieldPath;

/// The roles that every centre has.
pub(crate) const BUILT_IN_ROLES: [&str; 15] = [
    "agent",
    "specialist",
    "senior",
    "supervisor",
    "manager",
    "project-manager",
    "director",
    "operations-manager",
    "resource-planner",
    "quality-analyst",
    "trainer",
    "hr",
    "recruiter",
    "it-admin",
    "sales",
];

/// The least room a seat needs, in cubic metres.
const ROOM_PER_SEAT: f64 = 20.0;
const DAY: u64 = 86_400;

pub(super) fn check(spec: &CallCenterSpec, report: &mut Report<'_>) {
    let root = FieldPath::spec();
    report.zone(&spec.time_zone, root.key("timeZone"));
    calendars(spec, &root, report);
    roles(&spec.roles, &root, report);
    for (i, team) in spec.teams.iter().enumerate() {
        check_team(team, &root.key("teams").at(i), report);
    }
    for (i, shift) in spec.shifts.iter().enumerate() {
        check_shift(shift, &root.key("shifts").at(i), report);
    }
    for (i, q) in spec.queues.iter().enumerate() {
        queue::check(&q.common, &root.key("queues").at(i), report);
    }
    let media = &spec.telephony.media;
    pods(
        media.min_pods,
        media.max_pods,
        root.key("telephony").key("media"),
        report,
    );
    if spec.storage.journal.sqlite.is_some() && spec.storage.journal.postgres.is_some() {
        report.error(
            Code::JournalStore,
            root.key("storage").key("journal"),
            "the journal can't be on SQLite and on Postgres",
            "remove one of the two",
        );
    }
    floor_space(spec, &root, report);
}

fn calendars(spec: &CallCenterSpec, root: &FieldPath, report: &mut Report<'_>) {
    for (i, calendar) in spec.calendars.iter().enumerate() {
        let path = root.key("calendars").at(i);
        let mut disordered = false;
        for (j, window) in calendar.open.iter().enumerate() {
            if let (Some(from), Some(to)) = (minutes(&window.from), minutes(&window.to))
                && to <= from
            {
                disordered = true;
                report.error(
                    Code::WindowOrder,
                    path.key("open").at(j).key("to"),
                    format!(
                        "the window ends at {}, at or before its start at {}",
                        window.to, window.from
                    ),
                    "let it end later; write a window over midnight as two: up to 24:00, and from 00:00 of the next day",
                );
            }
        }
        let opens = calendar.open.iter().any(|window| !window.days.is_empty());
        if !opens && !disordered {
            report.error(
                Code::CalendarNeverOpens,
                path.key("open"),
                format!("the calendar `{}` never opens", calendar.name),
                "add a window, as `{days: [Mon, Fri], from: \"08:00\", to: \"20:00\"}`",
            );
        }
        for (j, day) in calendar.closed.iter().enumerate() {
            report.date(day, path.key("closed").at(j));
        }
    }
}

fn check_team(team: &Team, path: &FieldPath, report: &mut Report<'_>) {
    match (team.kind, &team.virtual_agents) {
        (TeamKind::Human, Some(_)) => report.error(
            Code::VirtualMismatch,
            path.key("virtual"),
            format!("the team `{}` is Human and can't run as pods", team.name),
            "remove `virtual`, or use `kind: Virtual`",
        ),
        (TeamKind::Virtual, None) => report.error(
            Code::VirtualMismatch,
            path.key("virtual"),
            format!(
                "the team `{}` is Virtual, but nothing says which pods it runs as",
                team.name
            ),
            "add `virtual: {image: …}`, or use `kind: Human`",
        ),
        (_, Some(pods_of)) => pods(
            pods_of.min_pods,
            pods_of.max_pods,
            path.key("virtual"),
            report,
        ),
        (TeamKind::Human, None) => {}
    }
}

fn pods(least: u32, most: u32, path: FieldPath, report: &mut Report<'_>) {
    if least > most {
        report.error(
            Code::PodsRange,
            path.key("minPods"),
            format!("minPods is {least}, maxPods only {most}"),
            format!("lower minPods to {most}, or raise maxPods to {least}"),
        );
    }
}

fn check_shift(shift: &Shift, path: &FieldPath, report: &mut Report<'_>) {
    let length = shift.length.get();
    if length == 0 || length > DAY {
        report.error(
            Code::ShiftLength,
            path.key("length"),
            format!("the shift `{}` lasts {}", shift.name, shift.length),
            "a shift lasts more than nothing and at most 24h",
        );
        return;
    }
    let mut in_order: Vec<(usize, u64, u64)> = Vec::new();
    for (i, pause) in shift.breaks.iter().enumerate() {
        let (from, to) = (pause.after.get(), pause.after.get() + pause.length.get());
        if to > length || pause.length == Seconds(0) {
            report.error(
                Code::BreakOutsideShift,
                path.key("breaks").at(i),
                format!(
                    "the break runs from {} to {} of a shift of {}",
                    pause.after,
                    Seconds(to),
                    shift.length
                ),
                "a break lasts more than nothing and ends with its shift at the latest",
            );
        } else {
            in_order.push((i, from, to));
        }
    }
    in_order.sort_by_key(|&(i, from, _)| (from, i));
    for pair in in_order.windows(2) {
        let ((a, _, end), (b, start, _)) = (pair[0], pair[1]);
        if start < end {
            let (first, second) = (a.min(b), a.max(b));
            report.error(
                Code::BreakOverlap,
                path.key("breaks").at(second),
                format!("the break overlaps breaks[{first}]"),
                "let one begin when the other has ended",
            );
        }
    }
}

fn roles(roles: &[Role], root: &FieldPath, report: &mut Report<'_>) {
    let by_name: BTreeMap<&str, &Role> = roles.iter().map(|r| (r.name.as_str(), r)).collect();
    for (i, role) in roles.iter().enumerate() {
        let path = root.key("roles").at(i);
        if BUILT_IN_ROLES.contains(&role.name.as_str()) {
            report.error(
                Code::BuiltInRole,
                path.key("name"),
                format!("`{}` is a built-in role", role.name),
                "choose another name, and include the built-in one",
            );
        }
        if let Some(at) = reaches_itself(role, &by_name) {
            report.error(
                Code::RoleCycle,
                path.key("includes").at(at),
                format!(
                    "the role `{}` includes itself by way of `{}`",
                    role.name, role.includes[at]
                ),
                "remove one of the inclusions",
            );
        }
    }
}

/// The inclusion by which a role comes to include itself.
fn reaches_itself(role: &Role, by_name: &BTreeMap<&str, &Role>) -> Option<usize> {
    role.includes.iter().position(|first| {
        let mut seen = vec![first.as_str()];
        let mut next = 0;
        while let Some(name) = seen.get(next).copied() {
            if name == role.name.as_str() {
                return true;
            }
            for included in by_name.get(name).into_iter().flat_map(|r| &r.includes) {
                if !seen.contains(&included.as_str()) {
                    seen.push(included.as_str());
                }
            }
            next += 1;
        }
        false
    })
}

fn floor_space(spec: &CallCenterSpec, root: &FieldPath, report: &mut Report<'_>) {
    let Some(facility) = &spec.facility else {
        return;
    };
    let human = spec.teams.iter().filter(|t| t.kind == TeamKind::Human);
    let seats: u64 = human.filter_map(|t| t.seats).map(u64::from).sum();
    let room = facility.area_m2 * facility.height_m;
    if seats > 0 && room < seats as f64 * ROOM_PER_SEAT {
        let fit = (room / ROOM_PER_SEAT).floor();
        report.error(
            Code::FloorSpace,
            root.key("facility"),
            format!(
                "{seats} seats share {room:.1} m³: {:.1} m³ each, and 20 are needed",
                room / seats as f64
            ),
            format!(
                "this room holds {fit} seats; {seats} need {} m³",
                seats as f64 * ROOM_PER_SEAT
            ),
        );
    }
}
