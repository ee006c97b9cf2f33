//! `trunkline erlang` as scripts meet it.
// Clippy takes helpers outside #[test] functions for production code.
#![allow(clippy::unwrap_used, clippy::panic, clippy::excessive_precision)]

use std::io::Write;
use std::process::{Command, Output};

use serde_json::Value;

fn trunkline(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_trunkline"))
        .args(args)
        .output()
        .unwrap()
}

/// The object printed for options written in one line.
fn erlang(options: &str) -> Value {
    let args: Vec<&str> = std::iter::once("erlang")
        .chain(options.split_whitespace())
        .collect();
    let output = trunkline(&args);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{options}: {said}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Exit code and what was said on stderr.
fn refused(options: &str) -> (i32, String) {
    let args: Vec<&str> = std::iter::once("erlang")
        .chain(options.split_whitespace())
        .collect();
    let output = trunkline(&args);
    assert!(output.stdout.is_empty(), "{options} printed an answer");
    let said = String::from_utf8(output.stderr).unwrap();
    (output.status.code().unwrap(), said)
}

#[track_caller]
fn close(value: &Value, known: f64) {
    let got = value
        .as_f64()
        .unwrap_or_else(|| panic!("{value} is no number"));
    assert!((got / known - 1.0).abs() < 1e-13, "{got} for {known}");
}

#[test]
fn the_object_has_the_fixed_keys_in_their_order() {
    let output = trunkline(&[
        "erlang",
        "a",
        "--calls",
        "100",
        "--per",
        "1800",
        "--aht",
        "180",
        "--patience",
        "120",
        "--agents",
        "14",
        "--within",
        "20",
    ]);
    let text = String::from_utf8(output.stdout).unwrap();
    let keys: Vec<&str> = text.split('"').skip(1).step_by(2).collect();
    assert_eq!(
        keys,
        [
            "offered_load",
            "agents",
            "stable",
            "occupancy",
            "p_wait",
            "p_block",
            "p_abandon",
            "mean_wait",
            "asa",
            "queue_length",
            "service_level",
            "answered_of_offered",
            "answered_of_answered",
            "excluding_short_abandons",
            "wait_within",
            "virtual",
        ]
    );
    assert_eq!(text.lines().count(), 1);
}

#[test]
fn fractions_are_read_exactly() {
    let m = erlang("a --calls 100/3 --per 10 --aht 3 --patience 5 --agents 13 --within 1/3");
    close(
        &m["service_level"]["answered_of_offered"],
        0.858_177_700_030_762_6,
    );
    close(&m["asa"], 0.115_232_805_101_096_33);
    assert_eq!(m["offered_load"], 10);
}

#[test]
fn what_does_not_apply_is_null() {
    let c = erlang("c --calls 360 --per 1800 --aht 240 --agents 55 --within 15");
    assert!(c["p_block"].is_null() && c["p_abandon"].is_null());
    close(&c["asa"], 8.184_032_104_388_887_5);
    let b = erlang("b --load 8 --agents 10");
    assert!(b["p_wait"].is_null() && b["asa"].is_null());
    close(&b["p_block"], 0.121_661_064_252_951_51);
}

#[test]
fn an_unstable_queue_is_said_to_be() {
    let m = erlang("c --calls 100 --per 1800 --aht 180 --agents 10 --within 20");
    assert_eq!(m["stable"], false);
    assert!(m["asa"].is_null() && m["queue_length"].is_null());
    assert_eq!(m["service_level"]["answered_of_offered"], 0);
}

#[test]
fn a_target_finds_the_least_agents_and_shrinkage_the_scheduled() {
    let m = erlang(
        "c --calls 100 --per 1800 --aht 180 --target 0.8 --within 20 --max-occupancy 0.85 --shrinkage 0.30",
    );
    assert_eq!((&m["agents"], &m["scheduled"]), (&14.into(), &20.into()));
    let exact = erlang("c --load 1 --aht 1 --agents 17 --shrinkage 0.32");
    assert_eq!(exact["scheduled"], 25);
    let few_abandon = erlang("a --load 10 --aht 180 --patience 120 --max-abandon 0.2");
    assert_eq!(few_abandon["agents"], 9);
    let blocked = erlang("b --calls 100 --aht 180 --target 0.01");
    assert_eq!(blocked["agents"], 11);
}

#[test]
fn each_formula_can_be_the_target() {
    let agents = |formula: &str| {
        erlang(&format!(
            "a --load 10 --aht 180 --patience 120 --target 0.8 --within 20 --short 5 --formula {formula}"
        ))["agents"]
            .as_u64()
            .unwrap()
    };
    let offered = agents("answered_of_offered");
    assert_eq!(offered, agents("AllOffered"));
    assert!(agents("answered_of_answered") <= offered);
    assert!(agents("AbandonsCount") <= agents("virtual"));
    assert!(agents("ExcludeShortAbandons") <= offered);
}

#[test]
fn blocking_gives_the_load_that_agents_carry() {
    close(
        &erlang("b --target 0.01 --agents 5")["offered_load"],
        1.360_786_796_662_545_8,
    );
}

#[test]
fn redials_inflate_the_load() {
    let m = erlang(
        "a --calls 100 --per 1800 --aht 180 --patience 120 --agents 11 --within 20 --redial 0.5",
    );
    close(&m["offered_load"], 180.0 * 0.058_996_707_926_110_215);
    let endless = erlang("a --load 12 --aht 180 --patience 120 --agents 11 --redial 1");
    assert_eq!(endless["stable"], false);
}

#[test]
fn endless_patience_is_erlang_c_in_which_nobody_abandons() {
    let a = erlang("a --load 10 --aht 180 --patience inf --agents 14 --within 20");
    assert_eq!(a["p_abandon"], 0);
    close(&a["asa"], 7.835_937_011_777_24);
}

#[test]
fn wrong_options_are_refused_by_name() {
    for (options, name) in [
        ("c --calls 0 --aht 180 --agents 3", "--calls"),
        ("c --calls 10 --aht -180 --agents 3", "--aht"),
        ("c --calls 10 --agents 3", "--aht"),
        ("c --calls 10 --aht 180", "--agents"),
        ("c --calls 10 --aht 180 --agents nan", "--agents"),
        ("c --calls 10 --aht 180 --agents inf", "--agents"),
        ("c --calls 10 --aht 180 --agents 0", "--agents"),
        ("c --calls 1e300 --aht 180 --agents 3", "--calls"),
        ("c --calls 10 --per 0 --aht 180 --agents 3", "--per"),
        ("c --calls 10/0 --aht 180 --agents 3", "--calls"),
        ("c --calls 10 --aht 180 --target 1 --within 20", "--target"),
        ("c --calls 10 --aht 180 --target 80 --within 20", "--target"),
        ("c --calls 10 --aht 180 --target 0.8", "--within"),
        (
            "c --calls 10 --aht 180 --agents 3 --target 0.8 --within 20",
            "--agents",
        ),
        (
            "c --calls 10 --aht 180 --agents 3 --patience 60",
            "--patience",
        ),
        ("b --calls 10 --aht 180 --agents 3 --within 20", "--within"),
        ("a --calls 10 --aht 180 --agents 3", "--patience"),
        (
            "a --calls 10 --aht 180 --patience 60 --agents 3 --shrinkage 1",
            "--shrinkage",
        ),
        (
            "a --calls 10 --aht 180 --patience 60 --max-abandon 0",
            "--max-abandon",
        ),
        (
            "a --calls 10 --aht 180 --patience 60 --target .8 --within 20 --formula x",
            "--formula",
        ),
    ] {
        let (code, said) = refused(options);
        assert_eq!(code, 2, "{options}: {said}");
        assert!(said.contains(name), "{options}: {said}");
    }
}

#[test]
fn a_missing_batch_file_is_wrong_usage() {
    let (code, said) = refused("c --batch /nowhere/at/all.csv");
    assert_eq!(code, 2);
    assert!(said.contains("/nowhere/at/all.csv"), "{said}");
}

#[test]
fn a_batch_with_a_column_twice_is_refused() {
    for header in ["calls,calls", "max-asa,max_asa"] {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        writeln!(file, "{header}\n1,2").unwrap();
        let path = file.path().to_str().unwrap();
        let (code, said) = refused(&format!("c --batch {path} --aht 180 --agents 5"));
        assert_eq!(code, 2, "{said}");
        assert!(
            said.contains("row 1, column 2: there is a column"),
            "{said}"
        );
    }
}

#[test]
fn a_batch_answers_row_by_row_and_names_the_row_it_cannot() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    writeln!(file, "calls,per,aht,agents,within,target").unwrap();
    writeln!(file, "360,1800,240,55,15,").unwrap();
    writeln!(file, "360,1800,abc,55,15,").unwrap();
    writeln!(file, "100,1800,180,,20,0.8").unwrap();
    let path = file.path().to_str().unwrap();
    let output = trunkline(&["erlang", "c", "--batch", path]);
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("row 2: aht: 'abc' is not a number"), "{said}");
    let lines: Vec<Value> = String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 3);
    close(&lines[0]["p_wait"], 0.238_700_936_378_009_2);
    assert_eq!(lines[1]["row"], 2);
    assert_eq!(lines[2]["agents"], 14);
}

#[test]
fn who_waits_for_ever_never_calls_again_and_too_great_a_load_is_said_to_be_unstable() {
    for (load, agents, stable) in [("12", "11", false), ("11", "11", false), ("10", "11", true)] {
        let case = format!("--load {load} --aht 180 --agents {agents} --within 20");
        let endless = erlang(&format!("a {case} --patience inf"));
        assert_eq!(endless["stable"], stable, "{endless}");
        for redial in ["0.5", "1"] {
            let again = erlang(&format!("a {case} --patience inf --redial {redial}"));
            assert_eq!(again, endless, "{case}, {redial}");
        }
        let c = erlang(&format!("c {case}"));
        assert_eq!(endless["mean_wait"], c["mean_wait"]);
    }
    let output = trunkline(&[
        "erlang",
        "a",
        "--load=12",
        "--aht=180",
        "--agents=11",
        "--patience=inf",
        "--redial=0.5",
    ]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.starts_with("warning: unstable"), "{said}");

    let mut rows = tempfile::NamedTempFile::new().unwrap();
    writeln!(rows, "load,agents\n10,11\n12,11").unwrap();
    let path = rows.path().to_str().unwrap();
    let output = trunkline(&[
        "erlang",
        "a",
        "--aht=180",
        "--patience=inf",
        "--redial=0.5",
        "--batch",
        path,
    ]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("row 2: unstable"), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
}

#[test]
fn who_goes_first_waits_least_as_cobham_has_it() {
    // workforce/tests/known/priority_cobham.csv
    let waits = erlang("priority --calls 3,5 --per 180 --aht 180 --agents 10");
    close(&waits["classes"][0]["mean_wait"], 10.521775306194262);
    close(&waits["classes"][1]["mean_wait"], 52.608876530971311);
    close(&waits["offered_load"], 8.0);
    assert_eq!(waits["stable"], true);
    let flooded = erlang("priority --calls 3,9 --per 180 --aht 180 --agents 10");
    assert_eq!(flooded["stable"], false);
    assert!(flooded["classes"][0]["mean_wait"].is_number(), "{flooded}");
    assert!(flooded["classes"][1]["mean_wait"].is_null(), "{flooded}");
    for (options, says) in [
        (
            "priority --calls 3,x --aht 180 --agents 10",
            "--calls: 'x' is not a number",
        ),
        (
            "priority --calls 3,0 --aht 180 --agents 10",
            "--calls: 0 is out of range",
        ),
        (
            "priority --calls 3 --aht 0 --agents 10",
            "--aht: 0 is out of range",
        ),
        ("priority --calls 3 --agents 10", "--aht"),
        ("", "<MODEL>"),
    ] {
        let (code, said) = refused(options);
        assert!(said.contains(says), "{options}: {said}");
        assert_eq!(code, 2);
    }
}

/// The lines that `erlang transient` prints for these rows, and what it says.
fn transient_of(rows: &str, options: &str) -> (Option<i32>, Vec<Value>, String) {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    write!(file, "{rows}").unwrap();
    let path = file.path().to_str().unwrap();
    let words = ["erlang", "transient", "--batch", path];
    let options: Vec<&str> = options.split_whitespace().collect();
    let output = trunkline(&[&words[..], &options].concat());
    let lines = String::from_utf8(output.stdout).unwrap();
    let lines = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap());
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code(), lines.collect(), said)
}

#[test]
fn after_a_rush_the_next_interval_has_those_who_wait_still() {
    // 5 erlangs, a rush of 20, and 5 again, for 12 agents.
    let rows = "id,calls,agents\nbefore,50,12\nrush,200,\nafter,50,\n";
    let options = "--per 1800 --aht 180 --patience 600 --within 20 --agents 12";
    let (code, lines, said) = transient_of(rows, options);
    assert_eq!(code, Some(0), "{said}");
    let of = |at: usize, name: &str| lines[at][name].as_f64().unwrap();
    let level = |at: usize| {
        lines[at]["service_level"]["answered_of_offered"]
            .as_f64()
            .unwrap()
    };
    let steady = erlang("a --load 5 --aht 180 --patience 600 --agents 12 --within 20");
    let formula = steady["service_level"]["answered_of_offered"]
        .as_f64()
        .unwrap();
    assert!(formula > 0.99 && level(0) > 0.99, "{formula} {lines:?}");
    assert!(level(2) < formula - 0.1, "{formula} {lines:?}");
    assert_eq!((of(0, "offered_load"), of(2, "offered_load")), (5.0, 5.0));
    assert!(of(2, "modified_offered_load") > 6.0, "{lines:?}");

    // What lasts long enough ends where the formula is.
    let long = "calls,agents,per\n10000,12,360000\n";
    let (_, lines, said) = transient_of(long, "--aht 180 --patience 600 --within 20");
    assert!(said.is_empty(), "{said}");
    let last = lines[0]["service_level"]["answered_of_offered"]
        .as_f64()
        .unwrap();
    assert!((last - formula).abs() < 1e-4, "{last} {formula}");
}

#[test]
fn intervals_that_cannot_be_followed_are_named_by_row() {
    let options = "--aht 180 --patience 600 --within 20";
    let many = format!("calls,agents\n{}", "1,1\n".repeat(1_001));
    for (rows, says) in [
        (
            "calls,agents\n5,2\n-1,2\n",
            "row 3, column calls: -1 is out of range",
        ),
        (
            "calls,agents\n5,2.5\n",
            "row 2: 5/2 agents are no whole number",
        ),
        (
            "calls\n5\n",
            "row 2, column agents: it is missing, and so is --agents",
        ),
        (
            "calls,agents,per\n5,2,0\n",
            "row 2, column per: 0 is out of range",
        ),
        ("calls,staff\n5,2\n", "`staff` is no column of intervals"),
        ("calls,agents\n", "it has no rows"),
        ("calls,agents\n1e9,99999\n", "too many to follow exactly"),
        (&many, "row 1002: at most 1000 intervals can be followed"),
    ] {
        let (code, lines, said) = transient_of(rows, options);
        assert!(said.contains(says), "{rows:.40}: {said}");
        assert!(code == Some(2) && lines.is_empty(), "{said}");
    }
}
