//! Shifts on paper: CSV for spreadsheets and the engine, iCalendar for people's phones.

use std::fmt::Write as _;

use super::roster::{Agent, Assignment};
use crate::forecast::Date;

/// Minutes of a day.
const DAY: usize = 24 * 60;

/// `agent,date,kind,start,end` lines, kind `shift` or `break`, local times as
/// `2026-03-02T08:00`.
pub fn to_csv(
    agents: &[Agent],
    assignments: &[Assignment],
    first_day: Date,
    interval_minutes: usize,
) -> String {
    let mut text = String::from("agent,kind,start,end\n");
    for assignment in assignments {
        let name = quoted(&agents[assignment.agent].name);
        for (kind, from, to) in pieces(assignment) {
            let at = |interval| time(first_day, assignment.day, interval, interval_minutes);
            let (from, to) = (at(from), at(to));
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{name},{kind},{},{}", from.dashed(), to.dashed());
        }
    }
    text
}

/// One person's shifts as an iCalendar (RFC 5545) of floating local times, a break an event
/// inside its shift. `stamp` is the time of writing, as `20260301T120000Z`.
pub fn to_icalendar(
    agents: &[Agent],
    agent: usize,
    assignments: &[Assignment],
    first_day: Date,
    interval_minutes: usize,
    stamp: &str,
) -> String {
    let mut lines = vec![
        "BEGIN:VCALENDAR".to_owned(),
        "VERSION:2.0".to_owned(),
        "PRODID:-//Trunkline//Shift plan//EN".to_owned(),
    ];
    let name = escaped(&agents[agent].name);
    for assignment in assignments.iter().filter(|one| one.agent == agent) {
        for (number, (kind, from, to)) in pieces(assignment).into_iter().enumerate() {
            let at = |interval| time(first_day, assignment.day, interval, interval_minutes);
            let date = first_day.plus(assignment.day as i32);
            lines.extend([
                "BEGIN:VEVENT".to_owned(),
                format!("UID:{date}-{number}-{agent}@shifts.trunkline"),
                format!("DTSTAMP:{stamp}"),
                format!("DTSTART:{}", at(from).compact()),
                format!("DTEND:{}", at(to).compact()),
                format!(
                    "SUMMARY:{} ({name})",
                    if kind == "shift" { "Shift" } else { "Break" }
                ),
                "END:VEVENT".to_owned(),
            ]);
        }
    }
    lines.push("END:VCALENDAR".to_owned());
    lines
        .iter()
        .flat_map(|line| [folded(line), "\r\n".to_owned()])
        .collect()
}

/// The shift and its breaks: kind, first interval, first interval after.
fn pieces(assignment: &Assignment) -> Vec<(&'static str, usize, usize)> {
    let shift = &assignment.shift;
    let mut pieces = vec![("shift", shift.start, shift.end)];
    pieces.extend(
        shift
            .breaks
            .iter()
            .map(|off| ("break", off.start, off.start + off.length)),
    );
    pieces
}

struct Time {
    date: Date,
    hour: usize,
    minute: usize,
}

fn time(first_day: Date, day: usize, interval: usize, interval_minutes: usize) -> Time {
    let minutes = interval * interval_minutes;
    Time {
        date: first_day.plus((day + minutes / DAY) as i32),
        hour: minutes % DAY / 60,
        minute: minutes % 60,
    }
}

impl Time {
    fn dashed(&self) -> String {
        format!("{}T{:02}:{:02}", self.date, self.hour, self.minute)
    }

    fn compact(&self) -> String {
        let (year, month, day) = self.date.parts();
        format!(
            "{year:04}{month:02}{day:02}T{:02}{:02}00",
            self.hour, self.minute
        )
    }
}

/// A CSV cell; a leading sign of a formula is made harmless for spreadsheets.
fn quoted(name: &str) -> String {
    let formula = name.starts_with(['=', '+', '-', '@']);
    let safe = if formula {
        format!("'{name}")
    } else {
        name.to_owned()
    };
    if safe.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", safe.replace('"', "\"\""))
    } else {
        safe
    }
}

/// An iCalendar text value.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '\\' | ';' | ',' => escaped.extend(['\\', letter]),
            '\n' => escaped.push_str("\\n"),
            '\r' => {}
            other => escaped.push(other),
        }
    }
    escaped
}

/// Lines of at most 75 octets, continued after a space.
fn folded(line: &str) -> String {
    const WIDTH: usize = 75;
    let mut folded = String::with_capacity(line.len());
    let mut width = 0;
    for letter in line.chars() {
        if width + letter.len_utf8() > WIDTH {
            folded.push_str("\r\n ");
            width = 1;
        }
        folded.push(letter);
        width += letter.len_utf8();
    }
    folded
}

#[cfg(test)]
mod tests {
    use super::super::pattern::{Break, Pattern};
    use super::*;

    fn late_shift() -> ([Agent; 1], [Assignment; 1]) {
        let agent = Agent {
            name: "Ada, of the night".to_owned(),
            group: 0,
        };
        let shift = Pattern {
            start: 88,
            end: 100,
            breaks: vec![Break {
                start: 95,
                length: 2,
                paid: true,
            }],
        };
        let assignment = Assignment {
            agent: 0,
            day: 1,
            shift,
        };
        ([agent], [assignment])
    }

    #[test]
    fn a_shift_past_midnight_ends_on_the_next_day() {
        let (agents, assignments) = late_shift();
        let text = to_csv(&agents, &assignments, "2026-03-01".parse().unwrap(), 15);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines[1],
            "\"Ada, of the night\",shift,2026-03-02T22:00,2026-03-03T01:00"
        );
        assert_eq!(
            lines[2],
            "\"Ada, of the night\",break,2026-03-02T23:45,2026-03-03T00:15"
        );
    }

    #[test]
    fn a_calendar_names_each_shift_and_break() {
        let (agents, assignments) = late_shift();
        let first = "2026-03-01".parse().unwrap();
        let text = to_icalendar(&agents, 0, &assignments, first, 15, "20260228T120000Z");
        assert!(text.starts_with("BEGIN:VCALENDAR\r\n") && text.ends_with("END:VCALENDAR\r\n"));
        assert_eq!(text.matches("BEGIN:VEVENT\r\n").count(), 2);
        assert!(text.contains("DTSTART:20260302T220000\r\nDTEND:20260303T010000\r\n"));
        assert!(text.contains("SUMMARY:Shift (Ada\\, of the night)\r\n"));
        assert!(text.split("\r\n").all(|line| line.len() <= 75));
    }
}
