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
        (
            good.replacen("at,count", "at,count,count", 1),
            "row 1, column 3: there is a column count already",
        ),
        (
            good.replacen("at,count", "at,count,calls", 1),
            "a column count and a column calls",
        ),
        (
            "at,count\n2025-01-06T07:00,0\n2025-01-06T07:30,0\n".to_owned(),
            "not one call in all 2 intervals",
        ),
        (good, "2 usable days are too few"),
    ] {
        let output = forecast(&csv, &[]);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains(name), "{name}: {said}");
    }
}

/// What was said on stderr, and the same from the JSON.
fn notes(csv: &str, options: &[&str]) -> (String, Vec<String>) {
    let output = forecast(csv, &[options, &["-o", "json"]].concat());
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(0), "{said}");
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let notes = report["notes"].as_array().unwrap().iter();
    let notes: Vec<String> = notes
        .map(|note| note["note"].as_str().unwrap().to_owned())
        .collect();
    assert!(notes.iter().all(|note| said.contains(note)), "{said}");
    (said, notes)
}

#[test]
fn open_days_without_rows_are_noted_and_holidays_and_weekends_are_not() {
    let mut days = days(40);
    // Wednesday and Thursday, and the Monday after: all in one gap but for the Friday.
    assert_eq!(days[12].date.to_string(), "2025-01-22");
    let gone = [days[12].date, days[13].date, days[15].date];
    days.retain(|day| !gone.contains(&day.date));
    let csv = half_hours(&days);
    let (_, noted) = notes(&csv, &[]);
    assert_eq!(noted.len(), 2, "{noted:?}");
    assert!(
        noted[0].starts_with("2025-01-22 to 2025-01-23: 2 days without a record"),
        "{noted:?}"
    );
    assert!(
        noted[1].starts_with("2025-01-27: 1 day without a record")
            && noted[1].ends_with("read as a closure"),
        "{noted:?}"
    );
    let dates = gone.map(|date| date.to_string()).join(",");
    let (said, noted) = notes(&csv, &["--holidays", &dates]);
    assert!(noted.is_empty() && said.is_empty(), "{said}");
}

#[test]
fn days_of_nothing_but_zeros_are_read_as_closures_and_it_is_said() {
    let mut days = days(40);
    days[17].counts.fill(Some(0.0));
    let (date, last) = (days[17].date, days[39].date);
    let plain = rows(&forecast(&half_hours(&days), &["--days=6"]));
    // Zeros on the weekends, too.
    let mut all = days.clone();
    for week in 0..8 {
        for weekend in [5, 6] {
            let date = days[0].date.plus(7 * week + weekend);
            let counts = vec![Some(0.0); 28];
            if date < last {
                all.push(Day { date, counts });
            }
        }
    }
    let (_, noted) = notes(&half_hours(&all), &["--days=6"]);
    assert_eq!(noted.len(), 3, "{noted:?}");
    let zero = format!("{date}: every interval is 0 where ");
    assert!(
        noted.iter().any(|note| note.starts_with(&zero)),
        "{noted:?}"
    );
    for weekend in ["Saturdays", "Sundays"] {
        let closed = format!("{weekend}: every interval of all 7 is 0; they are read as closed");
        assert!(noted.contains(&closed), "{noted:?}");
    }
    let same = rows(&forecast(&half_hours(&all), &["--days=6"]));
    assert_eq!(plain, same, "a closure with rows is one without");

    // Who hardly ever calls may not call for a day.
    for day in &mut days {
        day.counts.fill(Some(0.0));
        day.counts[3] = Some(f64::from(day.date.0 % 3));
    }
    let (_, noted) = notes(&half_hours(&days), &[]);
    assert!(noted.is_empty(), "{noted:?}");
}

/// Four weeks around the clock, up to the Sunday on which clocks go back in Berlin; its rows are
/// these.
fn around_the_clock(sunday: &str) -> String {
    let last: trunkline_workforce::forecast::Date = "2025-10-26".parse().unwrap();
    let mut csv = String::from("at,count\n");
    for back in (1..29).rev() {
        for hour in 0..24 {
            writeln!(csv, "{}T{hour:02}:00,{}", last.plus(-back), 10 + hour).unwrap();
        }
    }
    for hour in (0..24).filter(|hour| *hour != 2) {
        writeln!(csv, "{last}T{hour:02}:00,{}", 10 + hour).unwrap();
    }
    csv + sunday
}

#[test]
fn an_hour_that_comes_twice_is_accepted_twice_and_how_it_is_read_is_said() {
    let local = "2025-10-26T02:00,10\n2025-10-26T02:00,20\n";
    let zone = ["--zone", "Europe/Berlin", "--days", "1"];
    let (_, noted) = notes(&around_the_clock(local), &zone);
    assert_eq!(noted.len(), 1, "{noted:?}");
    assert!(
        noted[0].starts_with("2025-10-26: from 02:00 on the clock shows the same twice")
            && noted[0].ends_with("the one before clocks went back"),
        "{noted:?}"
    );
    let once = "2025-10-26T02:00,15\n";
    let (_, noted) = notes(&around_the_clock(once), &zone);
    assert!(
        noted[0].contains("the count of one of the two intervals"),
        "{noted:?}"
    );

    // With offsets nothing is to be said, and all three say the same.
    let told = "2025-10-26T02:00:00+02:00,10\n2025-10-26T02:00:00+01:00,20\n";
    let utc = "2025-10-26T00:00:00Z,10\n2025-10-26T01:00:00Z,20\n";
    let by_local = rows(&forecast(&around_the_clock(local), &zone));
    for rows_of_it in [told, utc] {
        let csv = around_the_clock(rows_of_it);
        assert!(notes(&csv, &zone).1.is_empty());
        assert_eq!(rows(&forecast(&csv, &zone)), by_local);
    }
    assert_eq!(rows(&forecast(&around_the_clock(once), &zone)), by_local);

    for (rows, options, says) in [
        (
            local,
            &[][..],
            "2025-10-26T02:00 is given twice; where clocks went back, --zone says",
        ),
        (
            "2025-10-26T02:00,1\n2025-10-26T02:00,1\n2025-10-26T02:00,1\n",
            &zone,
            "2025-10-26T02:00 is given twice",
        ),
        (
            "2025-10-26T02:00,1\n2025-10-26T03:00,1\n",
            &zone,
            "2025-10-26T03:00 is given twice",
        ),
        (
            "2025-03-30T02:00,1\n",
            &zone,
            "2025-03-30T02:00 does not exist in Europe/Berlin",
        ),
    ] {
        let output = forecast(&around_the_clock(rows), options);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains(says), "{says}: {said}");
    }
}

#[test]
fn a_wrong_date_is_no_name_of_a_file() {
    let csv = half_hours(&days(40));
    for (given, says) in [
        (
            "2025-13-01",
            "'2025-13-01' is not a date; write it as 2026-03-29",
        ),
        ("25.12.2025", "'25.12.2025' is not a date"),
        ("2025/12/25,2025/12/26", "'2025/12/25' is not a date"),
        ("20251225", "'20251225' is not a date"),
        ("2025-12-25,26.12.2025", "'26.12.2025' is not a date"),
        ("2025-12-25,", "'' is not a date"),
        (
            "christmas",
            "it is no date as 2026-12-25, nor a file that can be read",
        ),
    ] {
        let output = forecast(&csv, &["--holidays", given]);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{given}: {said}");
        assert!(
            said.contains("--holidays") && said.contains(says),
            "{given}: {said}"
        );
    }
    let mut file = tempfile::NamedTempFile::new().unwrap();
    writeln!(file, "date\n2025-03-03").unwrap();
    let path = file.path().to_str().unwrap();
    let output = forecast(&csv, &["--days", "1", "--holidays", path]);
    assert_eq!(rows(&output)[0][0], "2025-03-04T07:00:00");
}
