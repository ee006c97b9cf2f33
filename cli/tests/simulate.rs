//! What `trunkline simulate` says of files that it can't use.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::path::PathBuf;
use std::process::Command;

fn sample(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../workforce/tests/routing-sample")
        .join(name)
}

#[test]
fn a_cell_that_cannot_be_read_is_named_by_row_and_column() {
    let folder = tempfile::tempdir().unwrap();
    let arrivals = folder.path().join("arrivals.csv");
    for (text, says) in [
        (
            "at,queue,handle\n1,desk,5\n2,nowhere,5\n",
            "row 3, column queue: there is no queue `nowhere`",
        ),
        (
            "at,queue,handle\n1,desk,abc\n",
            "row 2, column handle: `abc` is not a number of seconds",
        ),
        (
            "at,queue,handle\n-1,desk,3\n",
            "row 2, column at: `-1` is not a number of seconds",
        ),
        (
            "at,queue,handle,priority\n1,desk,3,high\n",
            "row 2, column priority: `high`",
        ),
        (
            "when,queue\n1,desk\n",
            "row 1, column 1: `when` is no column of arrivals",
        ),
        ("at,queue\n1,desk\n", "give --handle"),
    ] {
        std::fs::write(&arrivals, text).unwrap();
        let ended = Command::new(env!("CARGO_BIN_EXE_trunkline"))
            .arg("simulate")
            .arg(sample("tenant.yaml"))
            .arg("--arrivals")
            .arg(&arrivals)
            .output()
            .unwrap();
        let stderr = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert!(stderr.contains(says), "{text:?}: {stderr}");
        assert_eq!(ended.status.code(), Some(2), "{text:?}");
        assert!(ended.stdout.is_empty());
    }
}

#[test]
fn the_sample_comes_out_as_json_with_the_fixed_names() {
    let ended = Command::new(env!("CARGO_BIN_EXE_trunkline"))
        .arg("simulate")
        .arg(sample("tenant.yaml"))
        .args(["--ring", "0", "--contacts", "-o", "json", "--arrivals"])
        .arg(sample("arrivals.csv"))
        .arg("--agents")
        .arg(sample("agents.csv"))
        .output()
        .unwrap();
    assert_eq!(ended.status.code(), Some(0));
    let report: serde_json::Value = serde_json::from_slice(&ended.stdout).unwrap();
    for name in [
        "queue",
        "offered",
        "answered",
        "abandoned",
        "flowed_out",
        "dropped",
        "waiting",
        "service_level",
        "asa",
        "max_wait",
        "aht",
        "occupancy",
    ] {
        assert!(report["queues"][0].get(name).is_some(), "{name}");
    }
    for name in [
        "id",
        "queue",
        "at",
        "answered_at",
        "agent",
        "ended_at",
        "outcome",
    ] {
        assert!(report["contacts"][7].get(name).is_some(), "{name}");
    }
    assert_eq!(report["contacts"][7]["outcome"], "abandoned");
    assert_eq!(report["contacts"].as_array().unwrap().len(), 60);
}

fn simulate(rates: &str, options: &[&str]) -> (Option<i32>, String, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rates.csv");
    std::fs::write(&path, rates).unwrap();
    let ended = Command::new(env!("CARGO_BIN_EXE_trunkline"))
        .arg("simulate")
        .arg(sample("tenant.yaml"))
        .arg("--rates")
        .arg(&path)
        .args(options)
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (
        ended.status.code(),
        text(&ended.stdout),
        text(&ended.stderr),
    )
}

#[test]
fn expected_calls_that_cannot_be_read_are_named_by_row_and_column() {
    for (rates, options, says) in [
        ("at,queue,calls\n", &[][..], "nothing is expected"),
        (
            "at,queue,calls\n0,desk,0\n1800,desk,0\n",
            &[],
            "it expects no calls at all",
        ),
        ("at,queue\n0,desk\n", &[], "row 1: there is no column calls"),
        ("at,calls\n0,3\n", &[], "say with --queue which is meant"),
        (
            "at,queue,calls\n0,desk,nan\n",
            &[],
            "row 2, column calls: `nan`",
        ),
        (
            "at,queue,calls\n0,desk,-1\n",
            &[],
            "row 2, column calls: `-1`",
        ),
        (
            "at,queue,calls\n0,desk,1e8\n1800,desk,1\n",
            &[],
            "more than can be followed one by one",
        ),
        (
            "at,queue,calls\n0,nowhere,1\n",
            &[],
            "row 2, column queue: there is no queue `nowhere`",
        ),
        ("at,queue,calls\n0,desk,1\n", &[], "say it, as --per 1800"),
        (
            "at,queue,calls\n0,desk,1\n1800,desk,1\n5400,desk,1\n",
            &[],
            "row 4, column at: 1 intervals are missing",
        ),
        (
            "at,queue,calls\n0,desk,1\n1800,desk,1\n4000,desk,1\n",
            &[],
            "row 4, column at: intervals of 1800 s",
        ),
        (
            "at,queue,calls\n0,desk,1\n0,desk,1\n",
            &[],
            "row 3, column at: 0 is given for desk in row 2 already",
        ),
        (
            "at,queue,calls\n0,desk,1\n1800,desk,1\n",
            &[],
            "give --handle",
        ),
        (
            "at,queue,calls,patience\n0,desk,1,60\n1800,desk,1,60\n",
            &[],
            "give --handle",
        ),
        (
            "at,queue,calls,handle\n0,desk,1,fast\n",
            &[],
            "row 2, column handle: `fast` is no distribution",
        ),
        (
            "at,queue,calls\n0,desk,1\n1800,desk,1\n",
            &["--handle", "60", "--redial", "2"],
            "no share from 0 to 1",
        ),
        (
            "at,queue,calls\n0,desk,1\n1800,desk,1\n",
            &["--handle", "empirical:/nowhere.csv"],
            "/nowhere.csv",
        ),
        (
            "at,queue,calls\n0,desk,1\n1800,desk,1\n",
            &["--handle", "60", "--shifts"],
            "give the date of the start",
        ),
    ] {
        let (code, out, err) = simulate(rates, options);
        assert!(err.contains(says), "{rates:?} {options:?}: {err}");
        assert_eq!((code, out.as_str()), (Some(2), ""), "{rates:?}");
    }
}

#[test]
fn runs_on_expected_calls_say_their_intervals_and_redials_and_slices() {
    let rates = "at,queue,calls,handle,patience\n0,desk,400,60,30\n1800,desk,700,fixed:90,inf\n";
    let options = [
        "--runs", "6", "--redial", "0.5", "--every", "1800", "-o", "json",
    ];
    let (code, out, err) = simulate(rates, &options);
    assert_eq!(code, Some(0), "{err}");
    let report: serde_json::Value = serde_json::from_str(&out).unwrap();
    let queues = report["queues"].as_array().unwrap();
    let desk = queues
        .iter()
        .find(|queue| queue["queue"] == "desk")
        .unwrap();
    for figure in ["offered", "service_level", "asa", "aht"] {
        let mean = desk[figure].as_f64().unwrap();
        let low = desk["interval_95"][figure][0].as_f64().unwrap();
        let high = desk["interval_95"][figure][1].as_f64().unwrap();
        assert!(low < mean && mean < high, "{figure}: {desk}");
    }
    let offered = desk["offered"].as_f64().unwrap();
    assert!((1_000.0..1_600.0).contains(&offered), "{offered}");
    let slices = report["intervals"].as_array().unwrap();
    let of_desk = slices.iter().filter(|slice| slice["queue"] == "desk");
    let sum: f64 = of_desk
        .map(|slice| slice["offered"].as_f64().unwrap())
        .sum();
    assert!(sum <= offered && sum > 0.8 * offered, "{sum} of {offered}");
    let (_, again, _) = simulate(rates, &options);
    assert_eq!(out, again, "the same seed, the same callers");
}
