//! What `trunkline simulate` says of files that it can't use.

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
