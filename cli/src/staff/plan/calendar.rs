//! A person's shifts for their calendar (RFC 5545).
//!
//! Times are written in UTC: exact on days when clocks change, and valid without describing
//! the zone's rules in each file; a phone shows them by its own clock. The writer is our own:
//! these eight properties are a page, and the crates for it bring a parser and a browser's clock.

use chrono::{DateTime, Utc};

use super::Planned;
use super::print::{Kind, pieces};

/// The calendar of one person. `written` is when, for programs that compare versions.
pub fn of(planned: &Planned, person: usize, written: DateTime<Utc>) -> String {
    let roster = &planned.roster;
    let agent = &roster.agents[person];
    let mut lines = vec![
        "BEGIN:VCALENDAR".to_owned(),
        "VERSION:2.0".to_owned(),
        "PRODID:-//Trunkline//Shift plan//EN".to_owned(),
        format!("NAME:Shifts of {}", escaped(&roster.names[person])),
        format!("X-WR-TIMEZONE:{}", roster.zone.name()),
    ];
    for piece in pieces(planned).filter(|piece| piece.person == person) {
        let start = piece.from.with_timezone(&Utc);
        let summary = match piece.kind {
            Kind::Shift => format!("{}: {}", roster.team, piece.shift),
            Kind::Break => format!("{}: break", roster.team),
        };
        lines.extend([
            "BEGIN:VEVENT".to_owned(),
            // The same at each writing, so that a calendar updates what it has.
            format!(
                "UID:{}-{}-{agent}@{}.trunkline.dev",
                start.format("%Y%m%dT%H%MZ"),
                piece.kind.word(),
                roster.team
            ),
            format!("DTSTAMP:{}", utc(written)),
            format!("DTSTART:{}", utc(start)),
            format!("DTEND:{}", utc(piece.to.with_timezone(&Utc))),
            format!("SUMMARY:{}", escaped(&summary)),
            "END:VEVENT".to_owned(),
        ]);
    }
    lines.push("END:VCALENDAR".to_owned());
    lines
        .iter()
        .flat_map(|line| [folded(line), "\r\n".to_owned()])
        .collect()
}

fn utc(time: DateTime<Utc>) -> String {
    time.format("%Y%m%dT%H%M%SZ").to_string()
}

/// A text value: no letter of it ends the line or begins another property.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '\\' | ';' | ',' => escaped.extend(['\\', letter]),
            '\n' => escaped.push_str("\\n"),
            other if other.is_control() => {}
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
    use super::*;

    #[test]
    fn no_name_breaks_out_of_its_line_and_long_ones_come_back_whole() {
        let name = "Ada, of the night; she\\he\r\nEND:VCALENDAR\u{7} ".to_owned() + &"ü".repeat(90);
        let line = format!("NAME:{}", escaped(&name));
        let text = folded(&line);
        assert!(text.split("\r\n").all(|part| part.len() <= 75), "{text}");
        assert!(text.split("\r\n").skip(1).all(|part| part.starts_with(' ')));
        assert_eq!(text.replace("\r\n ", ""), line);
        assert!(line.starts_with("NAME:Ada\\, of the night\\; she\\\\he\\nEND:VCALENDAR ü"));
    }
}
