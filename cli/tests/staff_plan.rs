//! `trunkline staff --plan` on a small centre: who works when, and what is said where nobody can.

// Clippy takes helpers outside #[test] functions for production code.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::process::{Command, Output};

use chrono::{DateTime, Duration, FixedOffset, NaiveDateTime};
use serde_json::Value;
use tempfile::TempDir;

/// A centre in Berlin: one team with two shifts, and what else is asked for.
struct Centre {
    folder: TempDir,
}

const SHIFTS: &str = "
    - {name: early, start: \"06:00\", length: 8h30m, breaks: [{after: 2h, length: 15m}, {after: 4h, length: 30m}]}
    - {name: late, start: \"13:30\", length: 8h30m, breaks: [{after: 2h, length: 15m}, {after: 4h, length: 30m}]}
    - {name: short, start: \"08:00\", length: 4h}
    - {name: night, start: \"22:00\", length: 8h, breaks: [{after: 4h, length: 1h}]}";

impl Centre {
    fn new(team: &str, shifts: &str, agents: &[&str]) -> Self {
        let mut text = format!(
            "apiVersion: trunkline.dev/v1alpha1
kind: CallCenter
metadata: {{name: north, namespace: north}}
spec:
  timeZone: Europe/Berlin
  skills: [german, english]
  teams:
    - {{name: desk, kind: Human, media: {{voice: 1}}, {team}}}
    - {{name: bots, kind: Virtual, media: {{voice: 1}}, virtual: {{image: registry.example/bot, contactsPerPod: 1, minPods: 0, maxPods: 4}}}}
  queues:
    - {{name: front, medium: Voice, teams: [desk, bots], onExhausted: {{action: Hold}}}}
"
        );
        if !shifts.is_empty() {
            writeln!(text, "  shifts:{shifts}").unwrap();
        }
        for (at, agent) in agents.iter().enumerate() {
            write!(
                text,
                "---
apiVersion: trunkline.dev/v1alpha1
kind: Agent
metadata: {{name: a{at}, namespace: north}}
spec: {{callCenter: north, team: desk, {agent}}}
"
            )
            .unwrap();
        }
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("centre.yaml"), text).unwrap();
        Self { folder }
    }

    fn plan(&self, required: &str, options: &[&str]) -> Output {
        let csv = self.folder.path().join("required.csv");
        std::fs::write(&csv, required).unwrap();
        Command::new(env!("CARGO_BIN_EXE_trunkline"))
            .arg("staff")
            .arg(self.folder.path().join("centre.yaml"))
            .arg("--plan")
            .arg(csv)
            .args(["--moves", "60000"])
            .args(options)
            .output()
            .unwrap()
    }

    fn json(&self, required: &str, options: &[&str]) -> Value {
        let output = self.plan(required, &[options, &["-o", "json"]].concat());
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{said}");
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        report["teams"][0].clone()
    }

    fn refused(&self, required: &str) -> String {
        let output = self.plan(required, &[]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(output.stdout.is_empty());
        said
    }
}

const FULL: &str = "employment: {hoursPerWeek: 40}";
const HALF: &str = "employment: {hoursPerWeek: 20}";

/// Half hours of the days, local times without offsets, `agents` from 06:00 to 22:00.
fn half_hours(days: &[&str], agents: u32) -> String {
    let mut text = String::from("at,team,required\n");
    for day in days {
        for slot in 12..44 {
            let (hour, minute) = (slot / 2, slot % 2 * 30);
            writeln!(text, "{day}T{hour:02}:{minute:02},desk,{agents}").unwrap();
        }
    }
    text
}

const WEEK: [&str; 7] = [
    "2026-11-02",
    "2026-11-03",
    "2026-11-04",
    "2026-11-05",
    "2026-11-06",
    "2026-11-07",
    "2026-11-08",
];

fn time(value: &Value) -> DateTime<FixedOffset> {
    DateTime::parse_from_rfc3339(value.as_str().unwrap()).unwrap()
}

/// Kind, from, to.
type Piece<'a> = (&'a str, DateTime<FixedOffset>, DateTime<FixedOffset>);

/// By agent: shifts and breaks in order.
fn by_agent(team: &Value) -> BTreeMap<&str, Vec<Piece<'_>>> {
    let mut rows: BTreeMap<&str, Vec<_>> = BTreeMap::new();
    for piece in team["shifts"].as_array().unwrap() {
        rows.entry(piece["agent"].as_str().unwrap())
            .or_default()
            .push((
                piece["kind"].as_str().unwrap(),
                time(&piece["from"]),
                time(&piece["to"]),
            ));
    }
    rows
}

#[test]
fn a_week_is_planned_within_everybodys_contract_with_the_breaks_as_declared() {
    let people = [FULL, FULL, FULL, FULL, FULL, FULL, FULL, FULL, HALF, HALF];
    let centre = Centre::new("seats: 9, shifts: [early, late, short]", SHIFTS, &people);
    let team = centre.json(&half_hours(&WEEK, 2), &["--net"]);
    assert!(team["peak_seats"].as_u64().unwrap() <= 9);
    for (agent, pieces) in by_agent(&team) {
        let shifts: Vec<_> = pieces.iter().filter(|piece| piece.0 == "shift").collect();
        for pair in shifts.windows(2) {
            assert!(
                pair[1].1 - pair[0].2 >= Duration::hours(11),
                "{agent} rests"
            );
        }
        assert!(shifts.len() <= 5, "{agent} works {} days", shifts.len());
        for (_, from, to) in &shifts {
            let breaks: Vec<_> = pieces
                .iter()
                .filter(|piece| piece.0 == "break" && piece.1 >= *from && piece.2 <= *to)
                .map(|piece| {
                    (
                        (piece.1 - *from).num_minutes(),
                        (piece.2 - piece.1).num_minutes(),
                    )
                })
                .collect();
            if *to - *from == Duration::hours(4) {
                assert!(breaks.is_empty());
            } else {
                assert_eq!(breaks, [(120, 15), (240, 30)]);
            }
        }
    }
    for person in team["people"].as_array().unwrap() {
        assert!(
            person["hours"].as_f64() <= person["hours_a_week"].as_f64(),
            "{person}"
        );
    }
    // Each interval adds up, and the percentage is the gap's.
    for row in team["intervals"].as_array().unwrap() {
        let of = |name: &str| row[name].as_f64().unwrap();
        assert!(
            of("scheduled") + of("gap") >= of("required") - 1e-9,
            "{row}"
        );
        assert!((of("gap_percent") - 50.0 * of("gap")).abs() < 1e-9, "{row}");
    }
}

#[test]
fn shrinkage_is_in_the_plan_unless_net_is_asked_for() {
    let centre = Centre::new(
        "shifts: [early, late], shrinkage: {planned: 20, unplanned: 15}",
        SHIFTS,
        &[FULL; 4],
    );
    let required = half_hours(&WEEK[..1], 1);
    let of = |options: &[&str]| {
        centre.json(&required, options)["intervals"][0]["with_shrinkage"].clone()
    };
    assert_eq!(of(&[]), 2, "1 / 0.68");
    assert_eq!(of(&["--net"]), 1);
    let given = required
        .replace("required\n", "required,scheduled\n")
        .replace(",1\n", ",1,3\n");
    assert_eq!(
        centre.json(&given, &[])["intervals"][0]["with_shrinkage"],
        3,
        "as the file has it"
    );
}

#[test]
fn who_has_both_skills_is_one_agent() {
    let both = format!("{FULL}, skills: {{german: 3, english: 3}}");
    let centre = Centre::new("shifts: [early]", SHIFTS, &[&both]);
    let required = "at,team,skill,required\n\
        2026-11-02T06:00,desk,german,1\n2026-11-02T06:30,desk,german,1\n\
        2026-11-02T06:00,desk,english:3,1\n2026-11-02T06:30,desk,english:3,1\n";
    let team = centre.json(required, &["--net"]);
    let first = &team["intervals"][0];
    assert_eq!(
        (&first["required"], &first["scheduled"], &first["gap"]),
        (&2.into(), &1.into(), &1.into())
    );
    let nobody = centre.refused(&required.replace("english:3", "english:4"));
    assert!(nobody.contains("`spec.skills.english: 4`"), "{nobody}");
}

#[test]
fn a_night_when_clocks_change_is_worked_for_as_long_as_its_shift_lasts() {
    let centre = Centre::new("shifts: [night]", SHIFTS, &[FULL]);
    let hours = |from: &str, count: i64| {
        let from = DateTime::parse_from_rfc3339(from).unwrap();
        let mut text = String::from("at,team,required\n");
        for hour in 0..count {
            writeln!(
                text,
                "{},desk,1",
                (from + Duration::hours(hour)).to_rfc3339()
            )
            .unwrap();
        }
        text
    };
    // From 22:00 to 06:00 there are seven hours in spring and nine in autumn.
    for (from, ends, missing) in [
        ("2026-03-28T22:00:00+01:00", "2026-03-29T07:00:00+02:00", 1),
        ("2026-10-24T22:00:00+02:00", "2026-10-25T05:00:00+01:00", 1),
    ] {
        let team = centre.json(&hours(from, 8), &["--net"]);
        let night = &by_agent(&team)["a0"];
        assert_eq!(night[0].2.to_rfc3339(), ends);
        assert_eq!(night[0].2 - night[0].1, Duration::hours(8));
        assert_eq!(
            night[1].1 - night[0].1,
            Duration::hours(4),
            "the break, as it passes"
        );
        // The break's hour alone is missing.
        assert_eq!(team["missing_hours"], missing, "{from}");
    }
    let twice =
        centre.refused("at,team,required\n2026-10-25T02:00,desk,1\n2026-10-25T03:00,desk,1\n");
    assert!(
        twice.contains("row 2, column at: 2026-10-25T02:00 comes twice"),
        "{twice}"
    );
}

#[test]
fn the_night_before_the_plan_reaches_into_it() {
    let centre = Centre::new("shifts: [night]", SHIFTS, &[FULL]);
    let required = "at,team,required\n2026-11-02T03:00,desk,1\n2026-11-02T04:00,desk,1\n";
    let team = centre.json(required, &["--net"]);
    assert_eq!(team["missing_hours"], 0);
    assert_eq!(
        by_agent(&team)["a0"][0].1.to_rfc3339(),
        "2026-11-01T22:00:00+01:00"
    );
}

#[test]
fn the_files_hold_the_same_rota_and_the_simulator_reads_who_is_there() {
    let centre = Centre::new("seats: 5, shifts: [early, late]", SHIFTS, &[FULL; 5]);
    let into = centre.folder.path().join("plan");
    let options = ["--net", "--into", into.to_str().unwrap()];
    let team = centre.json(&half_hours(&WEEK, 1), &options);
    let shifts = std::fs::read_to_string(into.join("shifts.csv")).unwrap();
    assert_eq!(
        shifts.lines().count() - 1,
        team["shifts"].as_array().unwrap().len()
    );
    for (agent, pieces) in by_agent(&team) {
        let text = std::fs::read_to_string(into.join(format!("calendars/{agent}.ics"))).unwrap();
        let lines: Vec<&str> = text.strip_suffix("\r\n").unwrap().split("\r\n").collect();
        assert!(
            lines
                .iter()
                .all(|line| line.len() <= 75 && !line.contains('\n')),
            "{text}"
        );
        assert_eq!(
            (lines[0], lines[lines.len() - 1]),
            ("BEGIN:VCALENDAR", "END:VCALENDAR")
        );
        let values = |name: &str| -> Vec<&str> {
            lines
                .iter()
                .filter_map(|line| line.strip_prefix(name))
                .collect()
        };
        let utc = |text: &str| {
            NaiveDateTime::parse_from_str(text, "%Y%m%dT%H%M%SZ")
                .unwrap()
                .and_utc()
        };
        let mut names = values("UID:");
        assert_eq!(values("DTSTAMP:").len(), names.len());
        let ends = values("DTEND:");
        let events: Vec<_> = values("DTSTART:")
            .iter()
            .zip(&ends)
            .map(|(from, to)| (utc(from), utc(to)))
            .collect();
        assert_eq!(events.len(), pieces.len());
        for ((from, to), piece) in events.iter().zip(&pieces) {
            assert_eq!((from, to), (&piece.1.to_utc(), &piece.2.to_utc()));
        }
        names.sort();
        names.dedup();
        assert_eq!(
            names.len(),
            events.len(),
            "each event has a name of its own"
        );
    }
    let arrivals = centre.folder.path().join("arrivals.csv");
    // At ten o'clock of the first day: four hours after the first interval.
    std::fs::write(&arrivals, "at,queue,handle\n16200,front,60\n").unwrap();
    let ended = Command::new(env!("CARGO_BIN_EXE_trunkline"))
        .arg("simulate")
        .arg(centre.folder.path().join("centre.yaml"))
        .arg("--agents")
        .arg(into.join("presence.csv"))
        .arg("--arrivals")
        .arg(&arrivals)
        .args(["-o", "json", "--contacts"])
        .output()
        .unwrap();
    let report: Value = serde_json::from_slice(&ended.stdout).unwrap();
    assert_eq!(report["contacts"][0]["outcome"], "answered", "{report}");
}

#[test]
fn what_cannot_be_planned_says_what_would_cure_it() {
    let required = half_hours(&WEEK[..1], 3);
    let no_shifts = Centre::new("seats: 5", "", &[FULL]);
    let said = no_shifts.refused(&required);
    assert!(
        said.contains("team desk: there are no shifts to work"),
        "{said}"
    );
    let nobody = Centre::new("shifts: [early]", SHIFTS, &[]);
    let said = nobody.refused(&required);
    assert!(
        said.contains("team desk: it has no agents: an Agent with `spec.team: desk`"),
        "{said}"
    );

    let centre = Centre::new("seats: 2, shifts: [early, late]", SHIFTS, &[FULL; 8]);
    let output = centre.plan(&required, &["--net"]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(text.contains("seats        2 at most (of 2)"), "{text}");
    assert!(text.contains("every seat is taken"), "{text}");
    assert!(
        text.contains("would be used if there were enough"),
        "{text}"
    );
    assert_eq!(
        centre.plan(&required, &["--net", "--strict"]).status.code(),
        Some(1)
    );

    let absurd = half_hours(&WEEK[..1], 90_000);
    let team = centre.json(&absurd, &["--net"]);
    assert!(team["missing_percent"].as_f64().unwrap() > 99.9);
    let early = "at,team,required\n2026-11-02T04:00,desk,1\n2026-11-02T05:30,desk,1\n2026-11-02T06:00,desk,1\n";
    let output = centre.plan(early, &["--net"]);
    let (text, said) = (
        String::from_utf8_lossy(&output.stdout).into_owned(),
        String::from_utf8_lossy(&output.stderr).into_owned(),
    );
    assert!(
        text.contains("04:00 to 04:30  1.00  no shift works through it"),
        "{text}"
    );
    assert!(
        said.contains("no row from 2026-11-02 04:30 to 05:30"),
        "{said}"
    );
}

#[test]
fn bad_rows_are_named() {
    let centre = Centre::new("shifts: [early]", SHIFTS, &[FULL]);
    let rows = |rows: &str| centre.refused(&format!("at,team,required\n{rows}"));
    for (text, name) in [
        ("2026-11-02T08:00,desk,1\n", "its length is unknown"),
        (
            "2026-11-02T08:00,dusk,1\n",
            "row 2, column team: there is no team `dusk`",
        ),
        (
            "8 o'clock,desk,1\n",
            "row 2, column at: `8 o'clock` is not a time",
        ),
        (
            "2026-11-02T08:00,desk,-1\n",
            "row 2, column required: -1 is out of range",
        ),
        (
            "2026-11-02T08:00,desk,1e99\n",
            "row 2, column required: 1e99 is out of range",
        ),
        ("2026-11-02T08:00,desk,nan\n", "row 2, column required"),
        ("2026-11-02T08:00,desk,1.5\n", "not a whole number"),
        ("2026-11-02T08:00,desk,\n", "row 2, column required"),
        ("2026-11-02T08:00,desk\n", "row 2"),
        (
            "2026-11-02T08:00,desk,1\n2026-11-02T08:00,desk,2\n",
            "row 3: team desk has this interval already",
        ),
        (
            "2026-11-02T08:00,desk,1\n2026-11-02T08:01,desk,2\n",
            "intervals of 60 s can't be planned",
        ),
        (
            "2026-11-02T08:00,desk,1\n2026-11-02T08:30,desk,2\n2029-11-02T08:00,desk,2\n",
            "days are too many",
        ),
        ("", "nobody to plan"),
        (
            "2026-11-02T08:00,bots,1\n2026-11-02T08:30,bots,2\n",
            "nobody to plan",
        ),
    ] {
        let said = rows(text);
        assert!(said.contains(name), "{text}: {said}");
    }
    assert!(
        centre
            .refused("when,team,required\n")
            .contains("there is no column at")
    );
    let fewer = centre.refused("at,team,required,scheduled\n2026-11-02T08:00,desk,5,2\n");
    assert!(
        fewer.contains("row 2, column scheduled: 2 is less than the 5 who are required"),
        "{fewer}"
    );
    assert!(
        centre
            .refused("at,team,skill,required\n2026-11-02T08:00,desk,greek,1\n")
            .contains("a skill `greek`")
    );
    for options in [
        ["--rest", "long"],
        ["--days-in-seven", "8"],
        ["--max-hours", "0"],
        ["--shortage", "0"],
    ] {
        let output = centre.plan(&half_hours(&WEEK[..1], 1), &options);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains(options[0]), "{said}");
    }
}

#[test]
fn what_only_a_plan_knows_is_refused_where_none_is_asked_for() {
    for option in [
        ["--rest", "11h"],
        ["--moves", "5"],
        ["--shortage", "8"],
        ["--hand-over", "5m"],
    ] {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_trunkline"))
            .args(["staff", "nowhere.yaml", "--forecast", "nowhere.csv"])
            .args(option)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{option:?}");
        assert!(said.contains("--plan <REQUIRED.csv>"), "{option:?}: {said}");
    }
}
