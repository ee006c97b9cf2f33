//! Against a real API server (`KUBECONFIG`, `kubectl` in `PATH`): it takes the CRDs without a
//! warning, every example, and a tenant at the maxima; and it refuses what compiling refuses of
//! one object.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod common;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Once;

use common::{Docs, sound};
use serde_json::{Value, json};
use trunkline_tenant::crds::CEL_RULES;
use trunkline_tenant::{compile, manifest};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn kubectl(args: &[&str], stdin: &str) -> Output {
    let mut child = Command::new("kubectl")
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("kubectl in PATH");
    child
        .stdin
        .take()
        .unwrap()
        .write_all(stdin.as_bytes())
        .unwrap();
    child.wait_with_output().unwrap()
}

fn said(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

fn works(args: &[&str], stdin: &str) -> String {
    let output = kubectl(args, stdin);
    assert!(
        output.status.success(),
        "kubectl {args:?}: {}",
        said(&output)
    );
    said(&output)
}

/// The CRDs, served, and the namespace of the sound tenant.
fn ready() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let manifests = root().join("crds/manifests");
        let said = works(
            &["apply", "--server-side", "-f", manifests.to_str().unwrap()],
            "",
        );
        assert!(!said.contains("Warning"), "{said}");
        let crds = ["callcenters", "clients", "trunks", "agents"]
            .map(|p| format!("crd/{p}.trunkline.dev"));
        let mut wait = vec!["wait", "--for=condition=Established", "--timeout=30s"];
        wait.extend(crds.iter().map(String::as_str));
        works(&wait, "");
        let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "n"}});
        works(&["apply", "-f", "-"], &namespace.to_string());
    });
}

fn list(docs: &Docs) -> String {
    json!({"apiVersion": "v1", "kind": "List", "items": docs.0}).to_string()
}

#[test]
#[ignore = "needs a real API server"]
fn the_kinds_have_their_short_names_and_category() {
    ready();
    let resources = works(
        &[
            "api-resources",
            "--api-group=trunkline.dev",
            "--categories=callcenter",
            "--no-headers",
        ],
        "",
    );
    let rows: Vec<Vec<&str>> = resources
        .lines()
        .map(|l| l.split_whitespace().collect())
        .collect();
    let mut names: Vec<_> = rows.iter().map(|r| (r[0], r[1])).collect();
    names.sort_unstable();
    assert_eq!(
        names,
        [
            ("agents", "cca"),
            ("callcenters", "cc"),
            ("clients", "ccl"),
            ("trunks", "cct")
        ]
    );
}

#[test]
#[ignore = "needs a real API server"]
fn every_example_is_applied_and_its_columns_are_printed() {
    ready();
    for folder in std::fs::read_dir(root().join("examples")).unwrap() {
        let folder = folder.unwrap().path();
        let namespace = folder.file_name().unwrap().to_str().unwrap().to_owned();
        works(&["apply", "-f", folder.to_str().unwrap()], "");
        let table = works(&["get", "cc,ccl,cct,cca", "-n", &namespace], "");
        for column in ["READY", "LIVE", "REACHABLE", "ELIGIBLE", "MESSAGE"] {
            assert!(table.contains(column), "{table}");
        }
        works(&["delete", "namespace", &namespace, "--wait=false"], "");
    }
}

/// What is wrong with one object: a spoiled field, by document, and the code that compiling gives it.
fn faults() -> Vec<(&'static str, &'static str, Value, &'static str)> {
    vec![
        (
            "c",
            "/spec/calendars/0/open/0/to",
            json!("08:00"),
            "window-order",
        ),
        ("c", "/spec/roles/0/name", json!("hr"), "built-in-role"),
        (
            "c",
            "/spec/teams/0/virtual",
            json!({"image": "i"}),
            "virtual-mismatch",
        ),
        (
            "c",
            "/spec/teams/1/virtual",
            json!(null),
            "virtual-mismatch",
        ),
        ("c", "/spec/teams/1/virtual/minPods", json!(5), "pods-range"),
        (
            "c",
            "/spec/telephony",
            json!({"media": {"minPods": 3, "maxPods": 2}}),
            "pods-range",
        ),
        (
            "c",
            "/spec/queues/1/route/0",
            json!({"require": {"orders": 3}}),
            "step-without-end",
        ),
        (
            "c",
            "/spec/queues/1/onExhausted",
            json!({"action": "Overflow"}),
            "overflow-queue",
        ),
        (
            "c",
            "/spec/queues/1/closed",
            json!({"action": "Close", "queue": "desk"}),
            "overflow-queue",
        ),
        (
            "c",
            "/spec/storage",
            json!({"journal": {"sqlite": {}, "postgres": {"secretRef": {"name": "s"}}}}),
            "journal-store",
        ),
        ("c", "/spec/queues/0/colour", json!("red"), "schema"),
        ("c", "/spec/queues/0/medium", json!("Phone"), "schema"),
        ("c", "/spec/queues/1/name", json!("desk"), "duplicate-name"),
        ("acme", "/metadata/name", json!("centre"), "reserved-name"),
        ("acme", "/metadata/name", json!("a.b"), "schema"),
        ("acme", "/spec/menu/choices", json!({"A": "in"}), "schema"),
        (
            "acme",
            "/spec/queues/0/onExhausted",
            json!({"action": "Hold", "queue": "in"}),
            "overflow-queue",
        ),
        (
            "acme",
            "/spec/queues/0/closed",
            json!({"action": "Overflow"}),
            "overflow-queue",
        ),
        (
            "acme",
            "/spec/queues/0/route",
            json!([{}, {"for": "20s"}]),
            "step-without-end",
        ),
        (
            "acme",
            "/spec/queues/0/route/0/require/orders",
            json!(6),
            "schema",
        ),
        (
            "acme",
            "/spec/kpis/0",
            json!({"metric": "AHT"}),
            "kpi-bound",
        ),
        ("acme", "/spec/kpis/0/max", json!(240), "kpi-bound"),
        (
            "acme",
            "/spec/kpis/0",
            json!({"metric": "Quality", "min": "85s"}),
            "kpi-bound",
        ),
        (
            "acme",
            "/spec/numbers",
            json!(["+49301", "+49301"]),
            "duplicate-name",
        ),
        (
            "t",
            "/spec/auth",
            json!({"type": "Registration"}),
            "trunk-auth",
        ),
        ("t", "/spec/carrier", json!(null), "trunk-auth"),
        (
            "t",
            "/spec/auth",
            json!({"type": "Address", "secretRef": {"name": "s"}}),
            "trunk-auth",
        ),
        (
            "t",
            "/spec",
            json!({"callCenter": "c", "numbers": ["+4930*"]}),
            "trunk-auth",
        ),
        (
            "t",
            "/spec",
            json!({"callCenter": "c", "numbers": ["+4930*"], "auth": {"match": ["1.2.3.4"]}, "outbound": {"prefixes": ["+49"]}}),
            "trunk-auth",
        ),
        (
            "maria",
            "/spec/endpoint",
            json!({"type": "Phone"}),
            "endpoint-number",
        ),
        (
            "maria",
            "/spec/endpoint",
            json!({"type": "Sip", "number": "+49301"}),
            "endpoint-number",
        ),
        (
            "maria",
            "/spec/employment/to",
            json!("2026-02-01"),
            "date-order",
        ),
    ]
}

#[test]
fn compiling_refuses_every_fault_of_one_object() {
    for (name, pointer, value, code) in faults() {
        let mut docs = sound();
        docs.set(name, pointer, value);
        let compiled = compile(&docs.documents(), None);
        let found = compiled
            .findings
            .iter()
            .any(|f| f.is_error() && f.code.as_str() == code);
        assert!(
            found,
            "{name}{pointer}: {code} is not among {:?}",
            common::brief(&compiled)
        );
    }
}

#[test]
#[ignore = "needs a real API server"]
fn the_api_server_refuses_every_fault_of_one_object_and_takes_the_sound_tenant() {
    ready();
    let apply = ["apply", "--dry-run=server", "-f", "-"];
    works(&apply, &list(&sound()));
    let mut refusals = String::new();
    for (name, pointer, value, _) in faults() {
        let mut docs = sound();
        docs.set(name, pointer, value.clone());
        let spoilt = docs
            .0
            .iter()
            .zip(&sound().0)
            .find(|(a, b)| a != b)
            .unwrap()
            .0
            .clone();
        let output = kubectl(&apply, &spoilt.to_string());
        assert!(
            !output.status.success(),
            "{name}{pointer} = {value} was taken"
        );
        refusals.push_str(&said(&output));
    }
    // A long name, which no fault above has.
    let mut docs = sound();
    docs.of("c")["metadata"]["name"] = json!("a-name-of-21-letters-");
    docs.of("t")["metadata"]["name"] = json!("t".repeat(64));
    docs.of("maria")["metadata"]["name"] = json!("m".repeat(64));
    docs.of("acme")["metadata"]["name"] = json!("a".repeat(64));
    for document in &mut docs.0 {
        let name = document["metadata"]["name"]
            .as_str()
            .unwrap()
            .replace("letters-", "letters");
        document["metadata"]["name"] = json!(format!("{name}x"));
        refusals.push_str(&said(&kubectl(&apply, &document.to_string())));
        document["metadata"]["name"] = json!("a.b");
        refusals.push_str(&said(&kubectl(&apply, &document.to_string())));
    }
    // Every rule of the table has refused something, but those about a change.
    for rule in CEL_RULES.iter().filter(|r| !r.rule.contains("oldSelf")) {
        assert!(
            refusals.contains(rule.message),
            "no fault was refused by {rule:?}"
        );
    }
}

#[test]
#[ignore = "needs a real API server"]
fn a_document_can_not_move_to_another_centre() {
    ready();
    let mut docs = sound();
    docs.0.retain(|d| d["kind"] != "CallCenter");
    for document in &mut docs.0 {
        let name = format!("moves-{}", document["metadata"]["name"].as_str().unwrap());
        document["metadata"]["name"] = json!(name);
    }
    works(&["apply", "-f", "-"], &list(&docs));
    for document in &mut docs.0 {
        document["spec"]["callCenter"] = json!("other");
        let refused = said(&kubectl(&["apply", "-f", "-"], &document.to_string()));
        assert!(refused.contains("callCenter can't be changed"), "{refused}");
    }
    works(&["delete", "-f", "-"], &list(&docs));
}

/// As long as the lists may be, as far as an object of the API (1.5 MiB) can hold them at once.
fn at_the_maxima() -> Docs {
    let mut docs = sound();
    let name = |kind: char, i: usize| format!("{kind}{i:03}-{}", "x".repeat(14));
    let require: Value = (0..16)
        .map(|s| (format!("s{s:03}"), json!(1 + s % 5)))
        .collect::<serde_json::Map<_, _>>()
        .into();
    let steps = |n: usize| {
        (0..n)
            .map(|_| json!({"require": {"s001": 1, "s002": 2}, "for": "20s"}))
            .collect::<Vec<_>>()
    };
    let queue = |i: usize, teams: Value| {
        let mut q = json!({
            "name": format!("q{i:03}"), "medium": "Voice", "teams": teams, "route": steps(10),
            "onExhausted": {"action": "Hold"}, "closed": {"action": "Close"}
        });
        if i == 0 {
            q["route"][0]["require"] = require.clone();
        }
        q
    };
    let windows = || {
        (0..50)
            .map(|_| json!({"days": ["Mon"], "from": "08:00", "to": "20:00"}))
            .collect::<Vec<_>>()
    };
    docs.of("c")["spec"] = json!({
        "skills": (0..256).map(|i| format!("s{i:03}")).collect::<Vec<_>>(),
        "roles": (0..50).map(|i| json!({"name": format!("r{i}"), "includes": ["agent"]})).collect::<Vec<_>>(),
        "calendars": (0..100).map(|i| json!({"name": format!("c{i}"), "open": windows()})).collect::<Vec<_>>(),
        "shifts": (0..100).map(|i| json!({"name": format!("h{i}"), "start": "06:00", "length": "8h",
            "breaks": (0..8).map(|b| json!({"after": format!("{b}h"), "length": "5m"})).collect::<Vec<_>>()})).collect::<Vec<_>>(),
        "teams": (0..200).map(|i| json!({"name": name('t', i), "kind": "Virtual", "virtual": {"image": "i"},
            "skills": {"s001": 5, "s002": 5}})).collect::<Vec<_>>(),
        "queues": (0..500).map(|i| queue(i, json!([name('t', i % 200)]))).collect::<Vec<_>>(),
    });
    docs.of("acme")["spec"] = json!({
        "callCenter": "c", "trunks": ["t"],
        "numbers": (0..2000).map(|i| format!("+4930{i:06}")).collect::<Vec<_>>(),
        "menu": {"choices": {"0": "q000", "1": "q001", "2": "q002", "3": "q003", "4": "q004", "5": "q005",
            "6": "q006", "7": "q007", "8": "q008", "9": "q009", "*": "q010", "#": "q011"}},
        "queues": (0..500).map(|i| queue(i, json!([{"name": name('t', i % 200)}]))).collect::<Vec<_>>(),
        "kpis": (0..50).map(|_| json!({"metric": "AHT", "max": "240s"})).collect::<Vec<_>>()
    });
    docs.set(
        "t",
        "/spec/numbers",
        (0..2000).map(|i| json!(format!("+4930{i:06}"))).collect(),
    );
    docs.set("maria", "/spec/team", json!(name('t', 0)));
    docs.remove("maria", "/spec/training")
        .remove("maria", "/spec/skills")
        .set("maria", "/spec/roles", json!(["agent"]));
    docs
}

#[test]
fn a_tenant_at_the_maxima_compiles() {
    let compiled = at_the_maxima().compile();
    let errors: Vec<_> = compiled
        .findings
        .iter()
        .filter(|f| f.is_error())
        .take(3)
        .collect();
    assert!(errors.is_empty(), "{errors:#?}");
    assert_eq!(compiled.tenant.unwrap().queues.len(), 1000);
}

#[test]
#[ignore = "needs a real API server"]
fn the_api_server_takes_a_tenant_at_the_maxima() {
    ready();
    let docs = at_the_maxima();
    let namespace =
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "maxima"}});
    works(&["apply", "-f", "-"], &namespace.to_string());
    for mut document in docs.0 {
        document["metadata"]["namespace"] = json!("maxima");
        works(
            &["apply", "--server-side", "-f", "-"],
            &document.to_string(),
        );
    }
    works(&["delete", "namespace", "maxima", "--wait=false"], "");
}

#[test]
fn every_example_compiles_without_an_error() {
    for folder in std::fs::read_dir(root().join("examples")).unwrap() {
        let mut documents = Vec::new();
        let folder = folder.unwrap().path();
        for file in std::fs::read_dir(&folder).unwrap() {
            let path = file.unwrap().path();
            let text = std::fs::read_to_string(&path).unwrap();
            documents.extend(
                manifest::read(path.to_str().unwrap(), &text)
                    .unwrap()
                    .documents,
            );
        }
        let compiled = compile(&documents, None);
        assert!(
            !compiled.has_errors(),
            "{folder:?}: {:#?}",
            compiled.findings
        );
        assert!(compiled.tenant.is_some(), "{folder:?}");
    }
}
