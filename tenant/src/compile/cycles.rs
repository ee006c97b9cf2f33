//! Overflow: circles of queues, and queues of another medium.
//!
//! At one instant a queue hands its contacts to at most one other: open, to where
//! `onExhausted` says; outside its calendar, to where `closed` says. A circle is a fault
//! only if there is an instant at which it closes: a day desk and a night desk may name
//! each other.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{Datelike, NaiveDate};
use trunkline_crds::{
    CalendarName, ClosedAction, ExhaustedAction, Medium, QueueCommon, QueueReference,
};

use super::hours::opening_hours;
use super::view::View;
use crate::finding::Code;
use crate::model::OpeningHours;
use crate::path::FieldPath;
use crate::rules::{Draft, Report};

/// A queue of one document, as far as overflow goes.
struct Stop<'a> {
    name: &'a str,
    medium: Medium,
    calendar: Option<&'a CalendarName>,
    exhausted: Option<&'a QueueReference>,
    closed: Option<&'a QueueReference>,
}

impl<'a> Stop<'a> {
    fn new(name: &'a str, queue: &'a QueueCommon, hours: Option<&'a CalendarName>) -> Self {
        let exhausted = &queue.on_exhausted;
        let overflows = exhausted.action == ExhaustedAction::Overflow;
        let closed = queue.closed.as_ref();
        let closed = closed.filter(|c| c.action == ClosedAction::Overflow);
        Self {
            name,
            medium: queue.medium,
            calendar: queue.calendar.as_ref().or(hours),
            exhausted: exhausted.queue.as_ref().filter(|_| overflows),
            closed: closed.and_then(|c| c.queue.as_ref()),
        }
    }
}

pub(super) fn check(view: &View<'_>, drafts: &mut Vec<Draft>) {
    let calendars: BTreeMap<&str, OpeningHours> = view
        .centre
        .spec
        .calendars
        .iter()
        .map(|c| (c.name.as_str(), opening_hours(c)))
        .collect();
    let centre: Vec<Stop<'_>> = view
        .centre
        .spec
        .queues
        .iter()
        .map(|q| Stop::new(q.name.as_str(), &q.common, None))
        .collect();
    let of_centre = Ring {
        stops: &centre,
        centre: None,
        calendars: &calendars,
    };
    of_centre.check(&mut Report::new(view.centre.id, drafts));
    for client in view.clients.values() {
        let stops: Vec<Stop<'_>> = client
            .spec
            .queues
            .iter()
            .map(|q| Stop::new(q.name.as_str(), &q.common, client.spec.hours.as_ref()))
            .collect();
        let ring = Ring {
            stops: &stops,
            centre: Some(&centre),
            calendars: &calendars,
        };
        let mut report = Report::new(client.id, drafts);
        ring.check(&mut report);
        for (key, to) in client.spec.menu.iter().flat_map(|m| &m.choices) {
            let field = FieldPath::spec()
                .key("menu")
                .key("choices")
                .key(key.clone());
            ring.medium(Medium::Voice, "a caller", to, field, &mut report);
        }
    }
}

/// The queues of one document. A client's may overflow to the centre's, but never back: a
/// circle lies within one document.
struct Ring<'a> {
    stops: &'a [Stop<'a>],
    centre: Option<&'a [Stop<'a>]>,
    calendars: &'a BTreeMap<&'a str, OpeningHours>,
}

/// A moment of the week, or of a date that is closed somewhere.
#[derive(Clone, Copy)]
struct Moment {
    weekday: usize,
    minute: u16,
    date: Option<NaiveDate>,
}

impl Ring<'_> {
    fn check(&self, report: &mut Report<'_>) {
        for (i, stop) in self.stops.iter().enumerate() {
            let path = FieldPath::spec().key("queues").at(i);
            for (to, field) in [(stop.exhausted, "onExhausted"), (stop.closed, "closed")] {
                if let Some(to) = to {
                    let what = format!("`{}`", stop.name);
                    let field = path.key(field).key("queue");
                    self.medium(stop.medium, &what, to, field, report);
                }
            }
        }
        self.circles(report);
    }

    /// The place of a queue of this document.
    fn own(&self, to: &QueueReference) -> Option<usize> {
        let name = match (to.0.strip_prefix("centre/"), self.centre) {
            (Some(_), Some(_)) => return None,
            (Some(name), None) => name,
            (None, _) => to.0.as_str(),
        };
        self.stops.iter().position(|s| s.name == name)
    }

    fn medium(
        &self,
        from: Medium,
        what: &str,
        to: &QueueReference,
        field: FieldPath,
        report: &mut Report<'_>,
    ) {
        let target = match (self.own(to), to.0.strip_prefix("centre/"), self.centre) {
            (Some(place), _, _) => self.stops.get(place),
            (None, Some(name), Some(centre)) => centre.iter().find(|s| s.name == name),
            _ => None,
        };
        let Some(target) = target else { return };
        if !from.is_like(target.medium) {
            report.error(
                Code::MediumMismatch,
                field,
                format!(
                    "{what} ({from:?}) would go to `{}`, a queue for {:?}",
                    to.0, target.medium
                ),
                "name a queue of the same medium",
            );
        }
    }

    fn circles(&self, report: &mut Report<'_>) {
        let edges: Vec<[Option<usize>; 2]> = self
            .stops
            .iter()
            .map(|s| [s.exhausted, s.closed].map(|to| to.and_then(|to| self.own(to))))
            .collect();
        let suspects = on_a_circle(&edges);
        if suspects.is_empty() {
            return;
        }
        let mut told: BTreeSet<BTreeSet<usize>> = BTreeSet::new();
        let mut seen: BTreeSet<Vec<bool>> = BTreeSet::new();
        for moment in self.moments(&suspects) {
            let state = suspects.iter().map(|&i| self.open(i, moment)).collect();
            if !seen.insert(state) {
                continue;
            }
            let next: Vec<Option<(usize, &'static str)>> = (0..self.stops.len())
                .map(|i| {
                    let (way, field) = match self.open(i, moment) {
                        true => (0, "onExhausted"),
                        false => (1, "closed"),
                    };
                    edges[i][way].map(|to| (to, field))
                })
                .collect();
            for &start in &suspects {
                let Some(circle) = circle_from(start, &next) else {
                    continue;
                };
                if !told.insert(circle.iter().copied().collect()) {
                    continue;
                }
                let Some((_, field)) = next[start] else {
                    continue;
                };
                let mut names: Vec<_> = circle.iter().map(|&i| self.stops[i].name).collect();
                names.push(self.stops[start].name);
                report.error(
                    Code::OverflowCycle,
                    FieldPath::spec()
                        .key("queues")
                        .at(start)
                        .key(field)
                        .key("queue"),
                    format!("contacts would go round in a circle: {}", names.join(" → ")),
                    "let one of these queues Hold, or end elsewhere",
                );
            }
        }
    }

    fn hours(&self, stop: usize) -> Option<&OpeningHours> {
        let name = self.stops[stop].calendar?;
        self.calendars.get(name.as_str())
    }

    fn open(&self, stop: usize, moment: Moment) -> bool {
        self.hours(stop).is_none_or(|hours| {
            let closed = moment.date.is_some_and(|d| hours.closed.contains(&d));
            let windows = &hours.week[moment.weekday];
            !closed
                && windows
                    .iter()
                    .any(|&(from, to)| (from..to).contains(&moment.minute))
        })
    }

    /// Every moment at which one of the queues may come to differ: each window's edges, on
    /// each day of a week and on each date that one of them is closed.
    fn moments(&self, suspects: &BTreeSet<usize>) -> Vec<Moment> {
        let mut edges: [BTreeSet<u16>; 7] = Default::default();
        let mut dates = BTreeSet::new();
        for minutes in &mut edges {
            minutes.insert(0);
        }
        for hours in suspects.iter().filter_map(|&i| self.hours(i)) {
            for (minutes, windows) in edges.iter_mut().zip(&hours.week) {
                minutes.extend(windows.iter().flat_map(|&(from, to)| [from, to]));
            }
            dates.extend(hours.closed.iter().copied());
        }
        for minutes in &mut edges {
            minutes.remove(&1440);
        }
        let days = (0..7).map(|weekday| (weekday, None));
        let closed = dates
            .into_iter()
            .map(|d| (d.weekday().num_days_from_monday() as usize, Some(d)));
        days.chain(closed)
            .flat_map(|(weekday, date)| {
                edges[weekday].iter().map(move |&minute| Moment {
                    weekday,
                    minute,
                    date,
                })
            })
            .collect()
    }
}

/// The queues that lie on a circle whatever the hour: cheap to tell, and mostly none.
fn on_a_circle(edges: &[[Option<usize>; 2]]) -> BTreeSet<usize> {
    // Take away, over and over, whatever leads nowhere; what stays leads round.
    let mut stays: Vec<bool> = vec![true; edges.len()];
    loop {
        let mut changed = false;
        for i in 0..edges.len() {
            let leads_on = edges[i].iter().flatten().any(|&to| stays[to]);
            if stays[i] && !leads_on {
                stays[i] = false;
                changed = true;
            }
        }
        if !changed {
            break;
        }
    }
    (0..edges.len()).filter(|&i| stays[i]).collect()
}

/// The circle that starts and ends here, if there is one.
fn circle_from(start: usize, next: &[Option<(usize, &str)>]) -> Option<Vec<usize>> {
    let mut circle = vec![start];
    let mut at = start;
    while let Some((to, _)) = next[at] {
        if to == start {
            return Some(circle);
        }
        if circle.contains(&to) {
            return None;
        }
        circle.push(to);
        at = to;
    }
    None
}
