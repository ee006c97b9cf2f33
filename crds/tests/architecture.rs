//! ARCHITECTURE.md names the test that defends each invariant. A test that is renamed leaves its invariant without a
//! defender that anybody could find.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::path::Path;

/// What stands between backticks, with the line breaks of the page taken out.
fn quoted(page: &str) -> impl Iterator<Item = String> {
    page.split('`')
        .skip(1)
        .step_by(2)
        .map(|text| text.split_whitespace().collect::<String>())
}

/// The tests of a page as file and function; `::name` stands for one more of the file named before it.
fn tests(page: &str) -> Vec<(String, String)> {
    let mut file = String::new();
    let mut all = Vec::new();
    for text in quoted(page) {
        let (path, function) = match text.split_once("::") {
            Some((path, rest)) => (path, rest.rsplit("::").next()),
            None => (text.as_str(), None),
        };
        if path.ends_with(".rs") && path.contains('/') {
            file = path.to_owned();
        } else if !path.is_empty() {
            continue;
        }
        if let Some(function) = function {
            all.push((file.clone(), function.to_owned()));
        }
    }
    all
}

/// The tests that a page names and `source` doesn't hold.
fn missing(page: &str, source: impl Fn(&str) -> Option<String>) -> Vec<String> {
    tests(page)
        .into_iter()
        .filter(|(file, function)| {
            !source(file).is_some_and(|text| text.contains(&format!("fn {function}(")))
        })
        .map(|(file, function)| format!("{file}::{function}"))
        .collect()
}

#[test]
fn every_test_that_the_architecture_names_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let page = std::fs::read_to_string(root.join("ARCHITECTURE.md")).unwrap();
    assert!(tests(&page).len() > 60, "{}", tests(&page).len());
    let missing = missing(&page, |file| std::fs::read_to_string(root.join(file)).ok());
    assert!(
        missing.is_empty(),
        "ARCHITECTURE.md names tests that aren't there: {missing:#?}"
    );
}

#[test]
fn a_test_that_was_renamed_or_whose_file_moved_is_found_out() {
    let page = "1. It holds: `a/b.rs::it_holds`,\n   `::deep::it_also_\n   holds`. 2. `c/d.rs::gone`, `Type::method`.";
    let source = |file: &str| {
        (file == "a/b.rs").then(|| "fn it_holds() {}\nfn it_also_held() {}".to_owned())
    };
    assert_eq!(
        missing(page, source),
        ["a/b.rs::it_also_holds", "c/d.rs::gone"]
    );
}
