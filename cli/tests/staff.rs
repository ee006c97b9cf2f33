//! What `trunkline staff --forecast` prints and refuses.

#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use common::trunkline;
use serde_json::Value;

const CENTRE: &str = include_str!("common/centre.yaml");

fn staff(forecast: &str, options: &[&str]) -> (Option<i32>, String, String) {
    let words = [&["staff", "c.yaml", "--forecast", "f.csv"][..], options].concat();
    trunkline(&words, &[("c.yaml", CENTRE), ("f.csv", forecast)])
}

#[test]
fn the_agents_required_come_with_and_without_shrinkage_as_csv_json_and_text() {
    let forecast = "at,queue,calls\n2027-01-04T08:00,desk,100\n";
    let calls = ["--per", "1800", "--handle", "180", "--patience", "120"];
    let (code, out, err) = staff(forecast, &[&calls[..], &["-o", "csv"]].concat());
    // What Erlang A says: 12 agents, and 12 / (0.8 × 0.85) is 17.6.
    assert_eq!(
        out, "at,team,required,scheduled\n2027-01-04T08:00,front,12,18\n",
        "{err}"
    );
    assert_eq!(code, Some(0));
    let (_, out, _) = staff(forecast, &[&calls[..], &["-o", "json"]].concat());
    let answer: Value = serde_json::from_str(&out).unwrap();
    let interval = &answer["intervals"][0];
    assert_eq!(interval["pooled"], 12);
    assert_eq!(interval["queues"][0]["met"], "surely");
    let low = interval["queues"][0]["service_level_95"][0]
        .as_f64()
        .unwrap();
    assert!((0.8..0.83).contains(&low), "{interval}");
    let (_, out, _) = staff(forecast, &calls);
    assert!(out.contains("12 (18)"), "{out}");
    // Erlang A has 6.2 % of the callers give up.
    let (head, row) = (out.lines().nth(1).unwrap(), out.lines().nth(2).unwrap());
    assert!(head.trim_end().ends_with("desk         abandon"), "{out}");
    let lost = row.rsplit_once("  ").unwrap().1.trim();
    let (share, half) = lost.split_once(" % ± ").unwrap();
    let share: f64 = share.parse().unwrap();
    let half: f64 = half.parse().unwrap();
    assert!(
        (share - 6.2).abs() < 0.5 && half > 0.0 && half < 1.0,
        "{row}"
    );
}

#[test]
fn what_cannot_be_staffed_says_why() {
    let handle = ["--per", "1800", "--handle", "180"];
    for (forecast, code, says) in [
        (
            "at,queue,calls\n0,law,10\n",
            1,
            "queue law: nobody can serve it",
        ),
        (
            "at,queue,calls\n0,sure,10\n",
            1,
            "met by no number of agents",
        ),
        (
            "at,queue,calls\n0,chatty,200\n",
            1,
            "team bots has 2 agents at most (maxPods × contactsPerPod)",
        ),
        ("at,queue,calls\n", 2, "nothing is expected"),
        ("at,queue,calls\n0,desk,0\n", 2, "no calls at all"),
        ("at,queue,calls\n0,desk,inf\n", 2, "row 2, column calls"),
        (
            "at,queue,calls\n0,desk,5\n1800,desk,5\n7200,desk,5\n",
            2,
            "row 4, column at: 2 intervals are missing",
        ),
    ] {
        let (ended, _, err) = staff(forecast, &handle);
        assert!(err.contains(says), "{forecast:?}: {err}");
        assert_eq!(ended, Some(code), "{forecast:?}: {err}");
    }
    let (code, _, err) = staff("at,queue,calls\n0,desk,5\n", &["--per", "1800"]);
    assert!(err.contains("give --handle") && code == Some(2), "{err}");
    let options = [&handle[..], &["--cost", "nobody=2"]].concat();
    let (code, _, err) = staff("at,queue,calls\n0,desk,5\n", &options);
    assert!(
        err.contains("the cost of team nobody") && code == Some(2),
        "{err}"
    );
}

#[test]
fn more_work_than_can_be_simulated_is_refused_by_row_value_and_limit() {
    let options = ["--per", "1800", "--handle", "180"];
    for (forecast, says) in [
        (
            "at,queue,calls\n0,desk,100\n1800,desk,1e6\n",
            "f.csv: row 3, column calls: 100000 erlangs are expected in this interval (calls × handling time over its length); at most 2000 can be staffed for",
        ),
        // Neither of the two is too much for itself.
        (
            "at,queue,calls\n0,desk,12000\n0,chatty,8001\n",
            "f.csv: row 2, column calls: 2000.1 erlangs",
        ),
    ] {
        let (code, out, err) = staff(forecast, &options);
        assert!(err.contains(says), "{forecast:?}: {err}");
        assert_eq!((code, out.as_str()), (Some(2), ""), "{forecast:?}");
    }
    let many: String = (0..60)
        .map(|at| format!("{},desk,17500\n", 1800 * at))
        .collect();
    let (code, _, err) = staff(&format!("at,queue,calls\n{many}"), &options);
    assert!(
        err.contains(
            "f.csv: 1050000 calls in all are more than can be staffed for at once; at most 1000000"
        ),
        "{err}"
    );
    assert_eq!(code, Some(2));
}

#[test]
fn what_lacks_of_the_people_on_shift_is_said_with_what_would_cure_it() {
    // Of three people two work from eight to twelve and one from noon; bots may help at the desk.
    let centre = CENTRE
        .replace("maxPods: 2}", "maxPods: 5}")
        .replace(
            "{name: desk, medium: Voice, teams: [front],",
            "{name: desk, medium: Voice, teams: [front, bots],",
        )
        .replace(
            "  skills: [law]\n",
            "  skills: [law]\n  shifts:\n  - {name: early, start: '08:00', length: 4h, breaks: []}\n  - {name: late, start: '12:00', length: 4h, breaks: []}\n",
        );
    let agent = |name: &str, shift: &str| {
        format!(
            "---\napiVersion: trunkline.dev/v1alpha1\nkind: Agent\nmetadata: {{name: {name}, namespace: c}}\nspec: {{callCenter: c, displayName: {name}, team: front, roles: [], shifts: [{shift}], endpoint: {{type: Sip}}}}\n"
        )
    };
    let centre = format!(
        "{centre}{}{}{}",
        agent("ada", "early"),
        agent("bea", "early"),
        agent("cem", "late")
    );
    let forecast = "at,queue,calls\n2027-01-04T11:00,desk,20\n2027-01-04T11:30,desk,20\n";
    let run = |options: &[&str]| {
        let words = [
            "staff",
            "c.yaml",
            "--forecast",
            "f.csv",
            "--handle=180",
            "--patience=120",
            "--cost=bots=9",
            "--shifts",
        ];
        let files = [("c.yaml", centre.as_str()), ("f.csv", forecast)];
        trunkline(&[&words[..], options].concat(), &files)
    };
    let (code, out, err) = run(&["-o", "json"]);
    assert_eq!(code, Some(0), "{err}");
    let answer: Value = serde_json::from_str(&out).unwrap();
    for interval in answer["intervals"].as_array().unwrap() {
        let teams = interval["teams"].as_array().unwrap();
        let front = teams.iter().find(|team| team["team"] == "front").unwrap();
        let bots = teams.iter().find(|team| team["team"] == "bots").unwrap();
        assert_eq!(bots.get("on_shift"), None, "people only: {bots}");
        let wanted = front["scheduled"].as_u64().unwrap();
        assert_eq!(front["on_shift"], 2, "{front}");
        assert_eq!(front["missing"], wanted - 2, "{front}");
        // One is off; the others have to be hired, or software takes the calls.
        let cure = format!(
            "overtime or another shift for 1 of the 1 who are off and {} more people; or {} agents more of the virtual team bots",
            wanted - 3,
            (wanted - 2).min(5)
        );
        assert_eq!(front["cure"], cure);
    }
    let (_, out, _) = run(&[]);
    assert!(out.contains("missing, by the documents' shifts"), "{out}");
    let (code, _, err) = staff(
        "at,queue,calls\n0,desk,20\n",
        &["--per=1800", "--handle=180", "--shifts"],
    );
    assert_eq!(code, Some(2));
    assert!(
        err.contains("--shifts: shifts start at times of the day"),
        "{err}"
    );
}
