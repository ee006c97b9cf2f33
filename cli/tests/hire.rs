//! `trunkline hire` as planners meet it.

// Clippy takes helpers outside #[test] functions for production code.
#![allow(clippy::unwrap_used, clippy::panic)]

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
