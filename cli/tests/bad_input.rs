//! Whatever a planner's files and options hold, a command ends soon: with an answer, or with an
//! error that says where; never with a panic, and never silently.

// Clippy takes helpers outside #[test] functions for production code.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::fmt::Write as _;
use std::io::{Read as _, Seek as _, Write as _};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use proptest::prelude::*;
use serde_json::Value;

/// Longer than this is a hang, on a busy machine, too.
const PATIENCE: Duration = Duration::from_secs(60);

const CENTRE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/common/centre.yaml");

struct Ended {
    code: Option<i32>,
    out: String,
    said: String,
}

/// Runs the command on a file with this text, which is its last argument.
fn run(words: &[&str], text: &str) -> Ended {
    let mut input = tempfile::NamedTempFile::with_suffix(".csv").unwrap();
    input.write_all(text.as_bytes()).unwrap();
    let (mut out, mut said) = (tempfile::tempfile().unwrap(), tempfile::tempfile().unwrap());
    let mut child = Command::new(env!("CARGO_BIN_EXE_trunkline"))
        .args(words)
        .arg(input.path())
        .stdin(Stdio::null())
        .stdout(out.try_clone().unwrap())
        .stderr(said.try_clone().unwrap())
        .spawn()
        .unwrap();
    let begun = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if begun.elapsed() > PATIENCE {
            child.kill().unwrap();
            panic!("{words:?} hangs on {text:?}");
        }
        std::thread::sleep(Duration::from_millis(3));
    };
    let read = |file: &mut std::fs::File| {
        let mut text = String::new();
        file.rewind().unwrap();
        file.read_to_string(&mut text).unwrap();
        text
    };
    Ended {
        code: status.code(),
        out: read(&mut out),
        said: read(&mut said),
    }
}

/// What every end has to be; gives whether there was an answer.
fn is_said(ended: &Ended, words: &[&str], text: &str) -> bool {
    let about = format!("{words:?} on {text:?}: {}", ended.said);
    assert!(!ended.said.contains("panicked"), "{about}");
    match ended.code {
        Some(0) => assert!(!ended.out.is_empty(), "{about}"),
        Some(1) => assert!(!ended.out.is_empty() || !ended.said.is_empty(), "{about}"),
        Some(2) => {
            // What is found in documents is said before.
            let mut lines = ended.said.lines();
            assert!(lines.any(|line| line.starts_with("error: ")), "{about}");
            assert!(ended.out.is_empty(), "{about}");
        }
        other => panic!("{other:?}: {about}"),
    }
    ended.code == Some(0)
}

/// Numbers as people and programs write them, most of them wrong somewhere.
fn number() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => (0_u32..400).prop_map(|n| n.to_string()),
        1 => Just("0".to_owned()),
        1 => any::<i64>().prop_map(|n| n.to_string()),
        1 => any::<f64>().prop_map(|n| n.to_string()),
        1 => prop::sample::select(vec![
            "", "-1", "nan", "inf", "-inf", "1e308", "1e-308", "1e999", "0.5", "1/3", "1/0", "ten", "1,5", "0x10", "+7", " 7 ", "−3", "1e", "--", "\"", "=1+1",
        ]).prop_map(str::to_owned),
    ]
}

/// A time near the beginning of 2025, or none.
fn moment() -> impl Strategy<Value = String> {
    prop_oneof![
        12 => (1_u32..29, 0_u32..24, 0_u32..4)
            .prop_map(|(day, hour, quarter)| format!("2025-03-{day:02}T{hour:02}:{:02}", 15 * quarter)),
        1 => prop::sample::select(vec![
            "", "2025-02-30T10:00", "0000-01-01T00:00", "9999-12-31T23:59", "2025-03-30T02:30",
            "-99999-01-01T00:00:00Z", "2025-03-01", "10:00", "yesterday", "2025-03-01T10:00:00+99:00",
            "2025-03-01T10:00:00.5Z",
        ]).prop_map(str::to_owned),
    ]
}

fn quoted(cell: &str) -> String {
    format!("\"{}\"", cell.replace('"', "\"\""))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, max_shrink_iters: 50, ..ProptestConfig::default() })]

    #[test]
    fn a_forecast_of_any_file_ends_with_an_answer_or_a_reason(
        rows in prop::collection::vec((moment(), number()), 0..40),
        zone in prop::option::of(Just("Europe/Berlin")),
    ) {
        let mut text = String::from("at,count\n");
        for (at, count) in &rows {
            writeln!(text, "{},{}", quoted(at), quoted(count)).unwrap();
        }
        let mut words = vec!["forecast", "-o", "json"];
        words.extend(zone.iter().flat_map(|zone| ["--zone", zone]));
        let ended = run(&words, &text);
        if is_said(&ended, &words, &text) {
            serde_json::from_str::<Value>(&ended.out).unwrap();
        }
    }

    /// Weeks that would do, with one thing wrong: a hole, a spike, a level that breaks, a constant.
    #[test]
    fn a_spoilt_history_is_forecast_in_finite_numbers_or_refused(
        days in 1_usize..40,
        spoilt in prop::collection::vec((0_usize..40, 0_usize..10, prop_oneof![
            Just(None), Just(Some(0.0)), Just(Some(1e9)), (0.0..1e6).prop_map(Some)]), 0..60),
        level in prop::sample::select(vec![0_u32, 1, 3, 100, 100_000]),
    ) {
        let mut text = String::from("at,count\n");
        for day in 0..days {
            let date = trunkline_workforce::forecast::Date(20_000 + day as i32);
            for hour in 0..10 {
                let changed = spoilt.iter().find(|one| (one.0, one.1) == (day, hour));
                let count = changed.map_or(Some(f64::from(level)), |one| one.2);
                if let Some(count) = count {
                    writeln!(text, "{date}T{:02}:00,{count}", 8 + hour).unwrap();
                }
            }
        }
        let words = ["forecast", "-o", "json", "--days", "3"];
        let ended = run(&words, &text);
        if is_said(&ended, &words, &text) {
            let report: Value = serde_json::from_str(&ended.out).unwrap();
            for row in report["intervals"].as_array().unwrap() {
                let of = |name: &str| row[name].as_f64().unwrap_or_else(|| panic!("{row} after {text}"));
                prop_assert!(0.0 <= of("low") && of("low") <= of("high"), "{row}");
                prop_assert!(of("calls") >= 0.0, "{row}");
            }
        }
    }

    #[test]
    fn a_fit_of_any_log_ends_with_an_answer_or_a_reason(
        rows in prop::collection::vec(
            (number(), prop::sample::select(vec!["answered", "abandoned", "abandoned", "lost", ""]), number()), 0..30),
        clean in any::<bool>(),
    ) {
        let mut text = String::from("wait,outcome,handle,queue\n");
        for (at, (wait, outcome, handle)) in rows.iter().enumerate() {
            let (wait, handle) = if clean { ("0", if *outcome == "answered" { "0" } else { "" }) } else { (wait.as_str(), handle.as_str()) };
            writeln!(text, "{},{outcome},{},q{}", quoted(wait), quoted(handle), at % 3).unwrap();
        }
        let words = ["fit", "-o", "json"];
        let ended = run(&words, &text);
        if is_said(&ended, &words, &text) {
            serde_json::from_str::<Value>(&ended.out).unwrap();
        }
    }

    #[test]
    fn hiring_for_any_requirement_ends_with_an_answer_or_a_reason(
        required in prop::collection::vec(number(), 0..12),
        tenured in number(), attrition in number(), ramp in number(), lead in number(), training in number(),
    ) {
        let mut text = String::from("month,required\n");
        for (month, fte) in required.iter().enumerate() {
            writeln!(text, "{month},{}", quoted(fte)).unwrap();
        }
        let options = [
            format!("--tenured={tenured}"), format!("--attrition={attrition}"), format!("--ramp={ramp},1"),
            format!("--lead={lead}"), format!("--training={training}"),
        ];
        let mut words = vec!["hire", "-o", "json"];
        words.extend(options.iter().map(String::as_str));
        words.push("--required");
        let ended = run(&words, &text);
        if is_said(&ended, &words, &text) {
            serde_json::from_str::<Value>(&ended.out).unwrap();
        }
    }
}

/// It was sought for minutes, among ever more agents: callers give up while a phone rings.
#[test]
fn a_promise_that_no_number_of_agents_keeps_is_told_as_such() {
    let words = [
        "staff",
        CENTRE,
        "-o",
        "json",
        "--effort",
        "1000",
        "--per",
        "1800",
        "--handle=67",
        "--patience=12",
        "--ring=16",
        "--forecast",
    ];
    let ended = run(&words, "at,queue,calls\n2025-03-01T00:00,desk,3\n");
    assert!(!is_said(&ended, &words, "3 calls"), "it is not met");
    assert!(
        ended.said.contains("more agents would change nothing"),
        "{}",
        ended.said
    );
}

proptest! {
    // Each case may be a search on the simulator.
    #![proptest_config(ProptestConfig { cases: 24, max_shrink_iters: 20, ..ProptestConfig::default() })]

    #[test]
    fn staffing_for_any_forecast_ends_with_an_answer_or_a_reason(
        rows in prop::collection::vec((0_u32..6, prop::sample::select(vec!["desk", "desk", "chatty", "nobody", "law", ""]), number()), 0..8),
        odd in prop::option::of(moment()),
        laws in (number(), number(), number()),
        sane in any::<bool>(),
    ) {
        let mut text = String::from("at,queue,calls\n");
        for (at, queue, calls) in &rows {
            writeln!(text, "{},{queue},{}", 1800 * at, quoted(calls)).unwrap();
        }
        if let Some(odd) = odd {
            writeln!(text, "{},desk,3", quoted(&odd)).unwrap();
        }
        let (handle, patience, ring) = if sane { ("180".to_owned(), "90".to_owned(), "2".to_owned()) } else { laws };
        let options = [format!("--handle={handle}"), format!("--patience={patience}"), format!("--ring={ring}")];
        let mut words = vec!["staff", CENTRE, "-o", "json", "--effort", "1000", "--per", "1800"];
        words.extend(options.iter().map(String::as_str));
        words.push("--forecast");
        let ended = run(&words, &text);
        if is_said(&ended, &words, &text) {
            serde_json::from_str::<Value>(&ended.out).unwrap();
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, max_shrink_iters: 50, ..ProptestConfig::default() })]

    #[test]
    fn erlang_of_any_numbers_ends_with_an_answer_or_a_reason_for_each_row(
        model in prop::sample::select(vec!["b", "c", "a"]),
        columns in prop::sample::subsequence(vec![
            "calls", "per", "load", "aht", "patience", "agents", "within", "short", "target",
            "max-occupancy", "max-abandon", "max-asa", "shrinkage", "redial",
        ], 1..9),
        cells in prop::collection::vec(prop::collection::vec(number(), 14), 1..4),
    ) {
        let mut text = columns.join(",");
        text.push('\n');
        for row in &cells {
            let row: Vec<String> = row.iter().take(columns.len()).map(|cell| quoted(cell)).collect();
            writeln!(text, "{}", row.join(",")).unwrap();
        }
        let words = ["erlang", model, "--load", "3", "--aht", "200", "--within", "20", "--patience", "60", "--batch"];
        let words: Vec<&str> = match model {
            "a" => words.to_vec(),
            "c" => words.iter().copied().filter(|word| !["--patience", "60"].contains(word)).collect(),
            _ => vec!["erlang", model, "--load", "3", "--batch"],
        };
        let ended = run(&words, &text);
        if is_said(&ended, &words, &text) {
            let lines: Vec<Value> = ended.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
            prop_assert_eq!(lines.len(), cells.len());
        }
    }
}

#[test]
fn a_file_that_is_empty_binary_or_of_another_shape_is_refused() {
    for words in [
        &["forecast"][..],
        &["fit"],
        &["hire", "--tenured", "9", "--attrition", "0.1", "--required"],
        &["staff", CENTRE, "--handle=180", "--per=1800", "--forecast"],
        &["erlang", "a", "--calls=9", "--agents=3", "--batch"],
    ] {
        for text in [
            "",
            "\n",
            "\u{0}\u{1}\u{2}",
            "{}",
            "at;count\n1;2\n",
            "at,count,wait,outcome,required\n",
            "\"",
            "at,count\n\"2025",
        ] {
            let ended = run(words, text);
            assert!(!is_said(&ended, words, text), "{words:?} takes {text:?}");
            assert_eq!(ended.code, Some(2));
        }
    }
}

#[test]
fn one_day_of_history_is_too_few_and_said() {
    let text = "at,count\n2025-03-03T08:00,5\n2025-03-03T08:30,7\n";
    let ended = run(&["forecast"], text);
    assert_eq!(ended.code, Some(2));
    assert!(
        ended.said.contains("1 usable days are too few"),
        "{}",
        ended.said
    );
}
