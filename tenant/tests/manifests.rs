//! Manifests: values, and the line of each field.

#![allow(clippy::unwrap_used, reason = "tests")]

use trunkline_tenant::manifest::read;
use trunkline_tenant::{FieldPath, Kind};

const HEAD: &str = "apiVersion: trunkline.dev/v1alpha1\nkind: Client\nmetadata: {name: a}\n";

fn line(text: &str, path: &FieldPath) -> usize {
    let manifest = read("f", text).unwrap();
    let position = manifest.documents[0].position.clone().unwrap();
    position.lines.line_of(path)
}

#[test]
fn a_field_has_the_line_of_its_key_and_an_absent_one_its_nearest_ancestors() {
    let text = format!(
        "# a comment\n---\n{HEAD}spec:\n  queues:\n    - name: x\n      route:\n      - for: 20s\n        require:\n          english: 3\n"
    );
    let queue = FieldPath::spec().key("queues").at(0);
    assert_eq!(line(&text, &FieldPath::spec()), 6);
    assert_eq!(line(&text, &queue), 8);
    assert_eq!(line(&text, &queue.key("name")), 8);
    let step = queue.key("route").at(0);
    assert_eq!(line(&text, &step), 10);
    assert_eq!(line(&text, &step.key("require")), 11);
    assert_eq!(line(&text, &step.key("require").key("english")), 12);
    assert_eq!(line(&text, &step.key("prefer")), 10);
    assert_eq!(line(&text, &queue.key("medium")), 8);
    assert_eq!(line(&text, &queue.key("route").at(4)), 9);
    assert_eq!(line(&text, &FieldPath::spec().key("menu")), 6);
}

#[test]
fn lines_hold_through_flow_style_block_text_anchors_and_windows_line_ends() {
    let text = format!(
        "{HEAD}spec:\n  displayName: |\n    two\n    lines\n  a: &q {{x: 1,\n    y: [1,\n      2]}}\n  b: *q\n  c: end\n"
    );
    for text in [text.clone(), text.replace('\n', "\r\n")] {
        let at = |key: &str| line(&text, &FieldPath::spec().key(key.to_owned()));
        assert_eq!(
            (at("displayName"), at("a"), at("b"), at("c")),
            (5, 8, 11, 12)
        );
        let y = FieldPath::spec().key("a").key("y");
        assert_eq!(line(&text, &y), 9);
        assert_eq!(line(&text, &y.at(1)), 10);
        // What an alias repeats stands where it was first written.
        assert_eq!(line(&text, &FieldPath::spec().key("b").key("y")), 9);
    }
}

#[test]
fn empty_documents_and_other_kinds_shift_no_line() {
    let text = format!(
        "---\n---\n# nothing\n---\nkind: Pod\napiVersion: v1\n---\n{HEAD}spec:\n  hours: x\n"
    );
    assert_eq!(line(&text, &FieldPath::spec().key("hours")), 12);
}

#[test]
fn a_list_is_looked_into_and_merge_keys_are_merged() {
    let text = "apiVersion: v1\nkind: List\nitems:\n- apiVersion: trunkline.dev/v1alpha1\n  kind: Agent\n  metadata: {name: a, namespace: n}\n  spec:\n    <<: {team: t}\n    callCenter: c\n";
    let manifest = read("f", text).unwrap();
    let document = &manifest.documents[0];
    assert_eq!(
        (document.id.kind, document.id.name.as_str()),
        (Kind::Agent, "a")
    );
    assert_eq!(document.value["spec"]["team"], "t");
    let lines = &document.position.as_ref().unwrap().lines;
    assert_eq!(lines.line_of(&FieldPath::spec().key("callCenter")), 9);
}

#[test]
fn a_document_without_a_namespace_is_in_the_default_one() {
    assert_eq!(
        read("f", HEAD).unwrap().documents[0].id.namespace,
        "default"
    );
}

#[test]
fn a_key_that_stands_twice_and_broken_text_are_no_yaml() {
    for text in [
        "a: 1\na: 2",
        "a: [",
        "a: *b",
        "{1: a, \"1\": b}",
        "? [a]\n: b",
        "\tx: 1",
    ] {
        let error = read("some.yaml", text).unwrap_err().to_string();
        assert!(
            error.starts_with("some.yaml: not YAML: "),
            "{text}: {error}"
        );
    }
}
