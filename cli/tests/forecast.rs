//! `trunkline forecast` on files as planners have them.

// Clippy takes helpers outside #[test] functions for production code.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Command, Output};

use trunkline_workforce::arrivals::bank_days;
use trunkline_workforce::forecast::Day;

fn forecast(csv: &str, options: &[&str]) -> Output {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(csv.as_bytes()).unwrap();
    Command::new(env!("CARGO_BIN_EXE_trunkline"))
        .arg("forecast")
        .arg(file.path())
        .args(options)
        .output()
        .unwrap()
}

fn days(count: usize) -> Vec<Day> {
    bank_days(3, "2025-01-06".parse().unwrap(), count, 0.1)
}

/// Half hours from 07:00, as `at,count`.
fn half_hours(days: &[Day]) -> String {
    let mut text = String::from("at,count\n");
    for day in days {
        for (slot, count) in day.counts.iter().enumerate() {
            let minutes = 7 * 60 + 30 * slot;
            if let Some(count) = count {
                let (hour, minute) = (minutes / 60, minutes % 60);
                writeln!(text, "{}T{hour:02}:{minute:02},{count}", day.date).unwrap();
            }
        }
    }
    text
}

fn rows(output: &Output) -> Vec<Vec<String>> {
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}");
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .skip(1)
        .map(|line| line.split(',').map(str::to_owned).collect())
        .collect()
}

#[test]
fn the_next_open_days_are_forecast_interval_by_interval() {
    let output = forecast(&half_hours(&days(40)), &["--days", "2"]);
    let rows = rows(&output);
    assert_eq!(rows.len(), 2 * 28);
    assert_eq!(rows[0][0], "2025-03-03T07:00:00");
    let peak: f64 = rows[6][1].parse().unwrap();
    assert!((100.0..300.0).contains(&peak), "{peak} at ten on a Monday");
    let bounds: (f64, f64) = (rows[6][2].parse().unwrap(), rows[6][3].parse().unwrap());
    assert!(bounds.0 < peak && peak < bounds.1);
}

#[test]
fn a_day_in_progress_is_kept_as_far_as_it_came_and_moves_the_rest() {
    let mut days = days(41);
    let last = days.last_mut().unwrap();
    last.counts[10..].fill(None);
    let calm = forecast(&half_hours(&days), &["--days", "1"]);
    let last = days.last_mut().unwrap();
    last.counts[..10]
        .iter_mut()
        .flatten()
        .for_each(|count| *count = (*count * 1.3).round());
    let busy = forecast(&half_hours(&days), &["--days", "1"]);
    assert!(String::from_utf8_lossy(&busy.stderr).contains("is in progress"));
    let number = |rows: &[Vec<String>], row: usize| rows[row][1].parse::<f64>().unwrap();
    let (calm, busy) = (rows(&calm), rows(&busy));
    assert_eq!(calm.len(), 2 * 28);
    assert_eq!(Some(number(&busy, 3)), days[40].counts[3]);
    let ratio = number(&busy, 20) / number(&calm, 20);
    assert!(ratio > 1.1, "the afternoon follows the morning: {ratio}");
}

#[test]
fn hours_that_clocks_skip_or_repeat_are_skipped_or_repeated() {
    // All weeks alike, hourly around the clock, up to a Saturday.
    let day_before = |text: &str| {
        let last: trunkline_workforce::forecast::Date = text.parse().unwrap();
        let mut csv = String::from("at,count\n");
        for back in (0..28).rev() {
            for hour in 0..24 {
                writeln!(csv, "{}T{hour:02}:00,{}", last.plus(-back), 10 + hour).unwrap();
            }
        }
        csv
    };
    let zone = ["--days", "1", "--zone", "Europe/Berlin"];
    let spring = rows(&forecast(&day_before("2025-03-29"), &zone));
    assert_eq!(spring.len(), 23);
    assert!(
        spring
            .iter()
            .all(|row| !row[0].starts_with("2025-03-30T02"))
    );
    let autumn = rows(&forecast(&day_before("2025-10-25"), &zone));
    assert_eq!(autumn.len(), 25);
    let twice = autumn
        .iter()
        .filter(|row| row[0].starts_with("2025-10-26T02"));
    assert_eq!(twice.count(), 2);
}

#[test]
fn holidays_are_passed_over() {
    let csv = half_hours(&days(40));
    let output = forecast(&csv, &["--days", "1", "--holidays", "2025-03-03"]);
    assert_eq!(rows(&output)[0][0], "2025-03-04T07:00:00");
}

#[test]
fn queues_are_forecast_apart() {
    let mut csv = String::from("at,queue,count\n");
    for line in half_hours(&days(30)).lines().skip(1) {
        let (at, count) = line.split_once(',').unwrap();
        writeln!(
            csv,
            "{at},sales,{count}\n{at},support,{}",
            2 * count.parse::<u32>().unwrap()
        )
        .unwrap();
    }
    let rows = rows(&forecast(&csv, &["--days", "1"]));
    assert_eq!(rows.len(), 2 * 28);
    assert_eq!(
        (rows[0][1].as_str(), rows[28][1].as_str()),
        ("sales", "support")
    );
}

#[test]
fn bad_rows_and_thin_histories_are_named() {
    let good = half_hours(&days(2));
    for (csv, name) in [
        ("at,count\n".to_owned(), "no rows"),
        ("when,count\n".to_owned(), "column named at"),
        (format!("{good}yesterday,3\n"), "row 57: at: 'yesterday'"),
        (format!("{good}2025-02-03T07:00,-3\n"), "row 57: count: -3"),
        (
            format!("{good}2025-02-03T07:00,many\n"),
            "row 57: count: 'many'",
        ),
        (
            format!("{good}2025-01-06T07:00,3\n"),
            "row 57: at: 2025-01-06T07:00 is given twice",
        ),
        (good, "2 usable days are too few"),
    ] {
        let output = forecast(&csv, &[]);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains(name), "{name}: {said}");
    }
}
