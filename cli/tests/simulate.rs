//! What `trunkline simulate` says of files that it can't use.

#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use common::trunkline;

fn sample(name: &str) -> String {
    let folder = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../workforce/tests/routing-sample"
    );
    format!("{folder}/{name}")
}

#[test]
fn a_cell_that_cannot_be_read_is_named_by_row_and_column() {
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
        let words = [
            "simulate",
            &sample("tenant.yaml"),
            "--arrivals",
            "arrivals.csv",
        ];
        let (code, out, err) = trunkline(&words, &[("arrivals.csv", text)]);
        assert!(err.contains(says), "{text:?}: {err}");
        assert_eq!((code, out.as_str()), (Some(2), ""), "{text:?}");
    }
}

#[test]
fn the_sample_comes_out_as_json_with_the_fixed_names() {
    let words = [
        "simulate",
        &sample("tenant.yaml"),
        "--ring=0",
        "--contacts",
        "-ojson",
        "--arrivals",
        &sample("arrivals.csv"),
        "--agents",
        &sample("agents.csv"),
    ];
    let (code, out, err) = trunkline(&words, &[]);
    assert_eq!(code, Some(0), "{err}");
    let report: serde_json::Value = serde_json::from_str(&out).unwrap();
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
    let tenant = sample("tenant.yaml");
    let words = [&["simulate", &tenant, "--rates", "rates.csv"][..], options].concat();
    trunkline(&words, &[("rates.csv", rates)])
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
            &["--handle", "60", "--redial", "1"],
            "`1`: somebody gives up calling in the end; give a share of 0 or more that is below 1",
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

const WITH_A_BREAK: &str = "
apiVersion: trunkline.dev/v1alpha1
kind: CallCenter
metadata: {name: c, namespace: c}
spec:
  timeZone: UTC
  calendars: [{name: always, open: [{from: '00:00', to: '24:00'}]}]
  capacity: {breakGuard: 5m}
  shifts: [{name: early, start: '08:00', length: 4h, breaks: [{after: 1h, length: 15m}]}]
  teams: [{name: front, kind: Human, media: {voice: 1}, shifts: [early]}]
  queues: [{name: desk, medium: Voice, teams: [front], calendar: always, onExhausted: {action: Hold}}]
  engine: {}
  telephony: {media: {minPods: 1, maxPods: 1, callsPerPod: 10}, exposure: {type: PodIP}}
  storage: {journal: {sqlite: {size: 1Gi}}}
---
apiVersion: trunkline.dev/v1alpha1
kind: Agent
metadata: {name: ann, namespace: c}
spec: {callCenter: c, displayName: Ann, team: front, shifts: [early], roles: []}
";

#[test]
fn a_dated_run_keeps_breaks_free_by_the_guard_and_says_so() {
    // Four minutes each; the second comes 100 s before the break at 09:00.
    let calls = "at,queue,handle\n60,desk,240\n3500,desk,240\n";
    let plan = "agent,from,to\nann,2027-01-04T08:00:00Z,2027-01-04T09:00:00Z\nann,2027-01-04T09:15:00Z,2027-01-04T12:00:00Z\n";
    let start = "--start=2027-01-04T08:00:00Z";
    let words = [
        "simulate",
        "c.yaml",
        "--arrivals=a.csv",
        "--contacts",
        start,
    ];
    let run = |options: &[&str], tenant: &str| {
        let files = [("c.yaml", tenant), ("a.csv", calls), ("plan.csv", plan)];
        let (code, out, err) = trunkline(&[&words, options].concat(), &files);
        assert_eq!(code, Some(0), "{err}");
        out
    };
    for options in [["--shifts", "-ojson"], ["--agents=plan.csv", "-ojson"]] {
        let report: serde_json::Value = serde_json::from_str(&run(&options, WITH_A_BREAK)).unwrap();
        assert_eq!(report["contacts"][1]["answered_at"], 4500.0, "{report}");
        let held = serde_json::json!([{
            "at": 3500.0, "contact": 1, "agent": "ann", "free_by": 3600.0, "expected": 240.0
        }]);
        assert_eq!(report["held_back"], held, "{report}");
        assert_eq!(report["teams"][0]["overruns"], 0, "{report}");
        let unguarded = WITH_A_BREAK.replace("breakGuard: 5m", "breakGuard: 0s");
        let report: serde_json::Value = serde_json::from_str(&run(&options, &unguarded)).unwrap();
        assert_eq!(report["contacts"][1]["answered_at"], 3500.0, "{report}");
        assert_eq!(report["held_back"], serde_json::json!([]), "{report}");
        assert_eq!(report["teams"][0]["overruns"], 1, "{report}");
        assert_eq!(report["teams"][0]["overrun_hours"], 140.0 / 3600.0);
    }
    let text = run(&["--shifts"], WITH_A_BREAK);
    let says = "ann: should be free by 3600.000, and 240 s of work are expected";
    assert!(text.contains(says), "{text}");
}

const WITH_BOTS: &str = "
apiVersion: trunkline.dev/v1alpha1
kind: CallCenter
metadata: {name: c, namespace: c}
spec:
  timeZone: UTC
  calendars: [{name: always, open: [{from: '00:00', to: '24:00'}]}]
  capacity: {horizon: 15m, virtualBudget: 60}
  engine: {}
  telephony: {media: {minPods: 1, maxPods: 1, callsPerPod: 10}, exposure: {type: PodIP}}
  storage: {journal: {sqlite: {size: 1Gi}}}
  teams:
  - {name: bots, kind: Virtual, media: {voice: 1}, virtual: {image: a, minPods: 2, maxPods: 100}}
  - {name: front, kind: Human, media: {voice: 1}}
  queues:
  - {name: chatty, medium: Voice, teams: [bots], calendar: always, onExhausted: {action: Hold},
     serviceLevel: {percent: 80, within: 20s, formula: AllOffered}}
  - {name: desk, medium: Voice, teams: [front], calendar: always, onExhausted: {action: Hold}}
";

fn with_bots(words: &[&str], rates: &str) -> (Option<i32>, String, String) {
    let all = [
        &[
            "simulate",
            "c.yaml",
            "--rates",
            "r.csv",
            "--handle=180",
            "--patience=120",
        ][..],
        words,
    ];
    let files = [
        ("c.yaml", WITH_BOTS),
        ("r.csv", rates),
        ("a.csv", "agent,from,to\nbots-0-0,0,\n"),
    ];
    trunkline(&all.concat(), &files)
}

#[test]
fn pods_of_a_virtual_team_start_ahead_of_the_peak_and_are_drained_after_it_cutting_nobody() {
    // 5 erlangs, then 30, then 5 again.
    let rates = "at,queue,calls\n0,chatty,50\n1800,chatty,300\n3600,chatty,50\n5400,chatty,50\n";
    let run = |words: &[&str]| -> serde_json::Value {
        let (code, out, err) = with_bots(&[words, &["--runs=8", "-ojson"]].concat(), rates);
        assert_eq!(code, Some(0), "{err}");
        serde_json::from_str(&out).unwrap()
    };
    let number = |value: &serde_json::Value| value.as_f64().unwrap_or_else(|| panic!("{value}"));
    let level = |report: &serde_json::Value| {
        let queues = report["queues"].as_array().unwrap();
        let chatty = queues.iter().find(|one| one["queue"] == "chatty").unwrap();
        number(&chatty["service_level"])
    };
    let fixed = run(&[]);
    assert!(
        fixed.get("fleets").is_none() && level(&fixed) < 0.1,
        "two pods serve nobody in time"
    );
    let quick = run(&["--scale=bots=30"]);
    let slow = run(&["--scale=bots=600"]);
    for report in [&quick, &slow] {
        assert!(level(report) >= 0.8, "{report}");
        let fleet = &report["fleets"][0];
        assert_eq!(
            (fleet["team"].as_str(), number(&fleet["cut"])),
            (Some("bots"), 0.0)
        );
        assert!(
            number(&fleet["started"]) > 20.0 && number(&fleet["drained"]) > 20.0,
            "{fleet}"
        );
        // For the peak all day it would be 35 pods for two hours, and more.
        assert!(
            (20.0..60.0).contains(&number(&fleet["pod_hours"])),
            "{fleet}"
        );
        assert!(number(&fleet["most_pods"]) <= 60.0, "{fleet}");
    }
    let hours = |report: &serde_json::Value| number(&report["fleets"][0]["pod_hours"]);
    assert!(hours(&slow) > hours(&quick), "a slow start is paid for");
    let (_, text, _) = with_bots(&["--scale", "bots=30"], rates);
    assert!(
        text.contains("pods of") && text.contains("pod-hours"),
        "{text}"
    );
}

#[test]
fn what_cannot_scale_is_refused_by_name() {
    let rates = "at,queue,calls\n0,chatty,50\n1800,chatty,300\n";
    let desk = "at,queue,calls\n0,desk,50\n1800,desk,300\n";
    for (options, rates, says) in [
        (
            &["--scale=bots"][..],
            rates,
            "`bots` is no team and its start-up",
        ),
        (
            &["--scale=bots=soon"],
            rates,
            "`soon` is not a number of seconds",
        ),
        (&["--scale=nobody=30"], rates, "there is no team nobody"),
        (&["--scale=front=30"], rates, "its members are people"),
        (
            &["--scale=bots=30", "--scale=bots=60"],
            rates,
            "named twice",
        ),
        (
            &["--scale=bots=30"],
            desk,
            "nobody calls a queue of the team",
        ),
        (
            &["--scale=bots=30", "--agents=a.csv"],
            rates,
            "--agents says when bots-0-0 is there",
        ),
    ] {
        let (code, out, err) = with_bots(options, rates);
        assert!(err.contains(says), "{options:?}: {err}");
        assert_eq!((code, out.as_str()), (Some(2), ""), "{options:?}");
    }
}

#[test]
fn whom_nobody_answers_stops_calling_again_and_it_is_said() {
    // Nobody is there, and of all who give up hardly one in 10^12 doesn't call again.
    let arrivals = "at,queue,handle,patience\n0,desk,60,5\n1,desk,60,0\n";
    let (code, out, err) = trunkline(
        &[
            "simulate",
            &sample("tenant.yaml"),
            "--arrivals",
            "arrivals.csv",
            "--agents",
            "agents.csv",
            "--redial",
            "0.999999999999",
            "--redial-after",
            "fixed:0",
            "-o",
            "json",
        ],
        &[
            ("arrivals.csv", arrivals),
            ("agents.csv", "agent,from,to\n"),
        ],
    );
    assert_eq!(code, Some(0), "{err}");
    assert!(
        err.contains("2 callers would have called again for the 101st time"),
        "{err}"
    );
    let report: serde_json::Value = serde_json::from_str(&out).unwrap();
    let queues = report["queues"].as_array().unwrap();
    let offered = queues.iter().filter_map(|queue| queue["offered"].as_u64());
    // Each of the two once, and a hundred times again.
    assert_eq!(offered.sum::<u64>(), 202, "{out}");
}

#[test]
fn the_budget_of_pods_is_one_over_all_virtual_teams_those_that_do_not_scale_too() {
    let two = WITH_BOTS
        .replace(
            "  - {name: front,",
            "  - {name: more, kind: Virtual, media: {voice: 1}, virtual: {image: a, minPods: 50, maxPods: 100}}\n  - {name: front,",
        )
        .replace("teams: [front]", "teams: [more]");
    let rates = "at,queue,calls\n0,chatty,300\n0,desk,300\n1800,chatty,300\n1800,desk,300\n";
    let words = [
        "simulate",
        "c.yaml",
        "--rates",
        "r.csv",
        "--handle=180",
        "--patience=120",
        "-ojson",
    ];
    let most_pods = |scale: &[&str]| -> Vec<f64> {
        let files = [("c.yaml", two.as_str()), ("r.csv", rates)];
        let (code, out, err) = trunkline(&[&words[..], scale].concat(), &files);
        assert_eq!(code, Some(0), "{err}");
        let report: serde_json::Value = serde_json::from_str(&out).unwrap();
        let fleets = report["fleets"].as_array().unwrap().iter();
        fleets
            .map(|fleet| fleet["most_pods"].as_f64().unwrap())
            .collect()
    };
    // Of 60 pods 50 are those of a team that doesn't scale, and 30 erlangs want more than the rest.
    assert_eq!(most_pods(&["--scale=bots=30"]), [10.0]);
    // Whoever asks first can't take what is kept for the other.
    let both = most_pods(&["--scale=bots=30", "--scale=more=30"]);
    assert_eq!(both, [10.0, 50.0]);
}

#[test]
fn a_queue_where_nobody_ever_is_is_named_and_options_of_rates_go_with_no_arrivals() {
    let tenant = sample("tenant.yaml");
    let words = ["simulate", &tenant, "--arrivals", "arrivals.csv"];
    let arrivals = ("arrivals.csv", "at,queue,handle\n1,desk,5\n");
    let nobody = ("agents.csv", "agent,from,to\n");
    let (code, _, err) = trunkline(
        &[&words[..], &["--agents", "agents.csv"]].concat(),
        &[arrivals, nobody],
    );
    assert_eq!(code, Some(0), "{err}");
    assert!(
        err.contains("queue desk: of its teams nobody is there at any time"),
        "{err}"
    );
    let (_, _, err) = trunkline(&words, &[arrivals]);
    assert!(!err.contains("nobody is there"), "{err}");
    for option in [["--swing", "1"], ["--per", "60"], ["--queue", "desk"]] {
        let (code, _, err) = trunkline(&[&words[..], &option].concat(), &[arrivals]);
        assert_eq!(code, Some(2), "{option:?}");
        assert!(err.contains("cannot be used with"), "{option:?}: {err}");
    }
}
