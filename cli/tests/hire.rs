//! `trunkline hire` as planners meet it.

// Clippy takes helpers outside #[test] functions for production code.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::io::Write as _;
use std::process::{Command, Output};

use serde_json::Value;

fn hire(options: &str) -> Output {
    Command::new(env!("CARGO_BIN_EXE_trunkline"))
        .arg("hire")
        .args(options.split_whitespace())
        .output()
        .unwrap()
}

const CENTRE: &str = "--required 100 --tenured 104 --ramp 1/2,3/4";

fn json(options: &str) -> Value {
    let output = hire(&format!("{CENTRE} {options} -o json"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn the_first_class_and_the_gap_before_it_are_the_known_ones() {
    let plan = json("--attrition 0.03");
    let months = &plan["months"];
    assert_eq!(months[0]["decide"], 12);
    assert_eq!(months[1]["fte_exact"], "122317/1250");
    assert_eq!(months[1]["uncoverable"], true);
    assert_eq!(months[2]["fte_exact"], "12539749/125000");
    assert_eq!(months[2]["gap"], Value::Null);
}

#[test]
fn a_yearly_turnover_has_to_say_how_it_is_meant() {
    let monthly = |reading: &str| {
        json(&format!("--turnover 0.30 --turnover-is {reading}"))["monthly_attrition"]
            .as_f64()
            .unwrap()
    };
    assert!((monthly("rate") - 0.025).abs() < 1e-15);
    assert!((monthly("cohort") - 0.0293).abs() < 5e-5);
    let unsaid = hire(&format!("{CENTRE} --turnover 0.30"));
    assert_eq!(unsaid.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&unsaid.stderr).contains("--turnover-is"));
}

#[test]
fn seats_and_space_follow_the_heads() {
    let plan = json("--attrition 0.03 --remote-share 0.4 --on-shift 0.5 --ceiling 2.5");
    let (seats, space) = (
        plan["seats"].as_f64().unwrap(),
        plan["floor_space_m2"].as_f64().unwrap(),
    );
    assert!(seats > 30.0 && seats < 45.0, "{seats}");
    assert!((space - seats * 8.0).abs() < 1e-9, "{space} m2 for {seats}");
}

#[test]
fn wrong_options_are_refused_by_name() {
    for (options, name) in [
        ("--attrition 1.5", "--attrition"),
        ("--attrition 0.03 --new-attrition x", "--new-attrition"),
        ("--attrition 0.03 --ramp 0.5,7", "--ramp"),
        ("--attrition 0.03 --training 0", "training"),
        ("--attrition 0.03 --lead 99999999", "--lead"),
        ("--attrition 0.03 --months 121", "--months: 121"),
        ("--attrition 0.03 --training 121", "--training"),
        ("", "--attrition"),
    ] {
        let output = hire(&format!("{CENTRE} {options}"));
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{options}: {said}");
        assert!(said.contains(name), "{options}: {said}");
    }
    let output = hire("--required /nowhere.csv --tenured 10 --attrition 0.1");
    assert_eq!(output.status.code(), Some(2));
}

/// What comes of this file of months.
fn hire_for(required: &str) -> Output {
    let mut file = tempfile::NamedTempFile::with_suffix(".csv").unwrap();
    file.write_all(required.as_bytes()).unwrap();
    let path = file.path().display();
    hire(&format!(
        "--required {path} --tenured 100 --attrition 0.03 -o json"
    ))
}

#[test]
fn the_months_of_a_file_are_those_of_the_plan() {
    let labels = |required: &str| -> Vec<Value> {
        let output = hire_for(required);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{said}");
        let plan: Value = serde_json::from_slice(&output.stdout).unwrap();
        let months = plan["months"].as_array().unwrap();
        months.iter().map(|month| month["month"].clone()).collect()
    };
    let calendar = labels("month,required\n2026-12,90\n2027-01,91\n2027-02,92\n");
    assert_eq!(calendar, ["2026-12", "2027-01", "2027-02"]);
    assert_eq!(labels("month,required\n1,90\n2,91\n"), [1, 2]);
    assert_eq!(labels("required\n90\n91\n"), [0, 1]);
}

#[test]
fn months_out_of_order_missing_twice_or_malformed_are_named_by_their_row() {
    let many: String = (0..121).map(|month| format!("{month},100\n")).collect();
    for (rows, says) in [
        (
            "2027-01,90\n2027-03,91\n",
            "row 3, column month: 1 months are missing before 2027-03; 2027-02 would be next",
        ),
        (
            "2027-02,90\n2027-01,91\n",
            "row 3, column month: 2027-01 comes after 2027-02",
        ),
        ("7,90\n7,91\n", "row 3, column month: 7 is given twice"),
        (
            "1,90\n2027-02,91\n",
            "row 3, column month: 2027-02 is another kind of month than 1",
        ),
        (
            "2027-13,90\n",
            "row 2, column month: `2027-13` is no month: write it as 2027-01",
        ),
        ("January,90\n", "row 2, column month: `January` is no month"),
        (",90\n", "row 2, column month: `` is no month"),
        ("-1,90\n", "row 2, column month: `-1` is no month"),
        ("1,many\n", "row 2, column required: 'many'"),
        (&many, "row 122: at most 120 months can be planned"),
    ] {
        let output = hire_for(&format!("month,required\n{rows}"));
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{rows}: {said}");
        assert!(said.contains(says), "{rows}: {said}");
    }
}
