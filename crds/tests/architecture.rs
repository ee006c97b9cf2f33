//! ARCHITECTURE.md names the test that defends each invariant, and two pages of docs/ name those of the rules and of
//! what users of other systems suffer from. A test that is renamed leaves these without a defender that anybody could find.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::path::{Path, PathBuf};

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

/// Every Rust file of the tree by its path in it.
fn sources(root: &Path) -> Vec<(String, String)> {
    let mut all = Vec::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(root.join(&folder)).unwrap() {
            let entry = entry.unwrap();
            let name = entry.file_name().into_string().unwrap();
            let path = folder.join(&name);
            if entry.file_type().unwrap().is_dir() {
                if !name.starts_with('.') && name != "target" {
                    folders.push(path);
                }
            } else if name.ends_with(".rs") {
                let text = std::fs::read_to_string(root.join(&path)).unwrap();
                all.push((path.to_str().unwrap().to_owned(), text));
            }
        }
    }
    all
}

/// Whether a text has a test of that name, or one whose name goes on where `…` stands; also by a macro, as `name: …,`.
fn has_test(text: &str, name: &str) -> bool {
    text.lines().map(str::trim_start).any(|line| {
        let line = line.strip_prefix("async ").unwrap_or(line);
        let (named, by_macro) = match line.strip_prefix("fn ") {
            Some(rest) => (rest, false),
            None => (line, true),
        };
        match name.strip_suffix('…') {
            Some(begins) => !by_macro && named.starts_with(begins),
            None => named
                .strip_prefix(name)
                .is_some_and(|rest| rest.starts_with(if by_macro { ": " } else { "(" })),
        }
    })
}

/// What a page says of tests by names of its own: a file by the end of its path, or a letter that stands for one; a name alone
/// is of any file.
fn unknown(page: &str, letters: &[(&str, &str)], sources: &[(String, String)]) -> Vec<String> {
    let pieces: Vec<&str> = page.split('`').collect();
    let named = pieces.iter().zip(pieces.iter().skip(1)).step_by(2);
    let mut unknown = Vec::new();
    for (before, text) in named {
        let text: String = text.split_whitespace().collect();
        let (file, name) = match text.rsplit_once("::") {
            Some((path, name)) => (path.split("::").next().unwrap_or_default(), name),
            None => ("", text.as_str()),
        };
        let is_test = file.ends_with(".rs") || file == "the_checker_sees";
        // `rule_…` stands for all of a file's that begin so.
        let is_name = file.is_empty() && name.ends_with('…') && name.matches('_').count() > 1;
        if !is_test && !is_name {
            continue;
        }
        let letter = before.trim_end().trim_end_matches(':');
        let letter = letter.rsplit([' ', '*', '|', '\n']).next();
        let of_letter = letters.iter().find(|(word, _)| Some(*word) == letter);
        let file = match (file, of_letter) {
            ("the_checker_sees", _) => "routing/tests/deterministic.rs",
            ("", Some((_, file))) => file,
            _ => file,
        };
        let is_of = |path: &str| {
            let folder = path.strip_suffix(file);
            folder
                .is_some_and(|folder| folder.is_empty() || folder.ends_with('/') || file.is_empty())
        };
        let mut files = sources.iter().filter(|(path, _)| is_of(path));
        if !files.any(|(_, text)| has_test(text, name)) {
            unknown.push(format!("{file}::{name}"));
        }
    }
    unknown
}

#[test]
fn every_test_that_the_pages_of_rules_and_of_complaints_name_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let sources = sources(&root);
    let page = |name: &str| std::fs::read_to_string(root.join("docs").join(name)).unwrap();
    let letters = [
        ("V", "routing/tests/rules_voice.rs"),
        ("S", "routing/tests/rules_shared.rs"),
        ("W", "engine/tests/engine/rules_waiting.rs"),
        ("O", "engine/tests/engine/rules_offered.rs"),
        ("C", "engine/tests/engine/commands.rs"),
        ("E", "engine/tests/engine/rules_mail.rs"),
        ("B", "engine/tests/engine/rules_callback.rs"),
        ("R", "engine/tests/calls_live/rules.rs"),
    ];
    let rules = unknown(&page("concepts/routing.md"), &letters, &sources);
    assert!(rules.is_empty(), "routing.md: {rules:#?}");
    let complaints = unknown(&page("reference/complaints.md"), &[], &sources);
    assert!(complaints.is_empty(), "complaints.md: {complaints:#?}");
}

#[test]
fn what_a_page_says_of_tests_in_short_is_found_out_too() {
    let sources = [
        (
            "a/b.rs".to_owned(),
            "async fn rule_1_it_holds() {}\nit_is_two: it,".to_owned(),
        ),
        ("a/c.rs".to_owned(), "fn rule_2_it_does() {}".to_owned()),
    ];
    let fine = "| X `rule_1_it…` | `b.rs::rule_1_it_holds`; `b.rs::it_is_two`; *X: `rule_1_…`*; `rule_2_it_\n does…`, `c.rs`";
    let letters = [("X", "a/b.rs")];
    assert!(unknown(fine, &letters, &sources).is_empty());
    let wrong = "X `rule_2_it…`; `rule_3_it…`; `b.rs::rule_1_it_held`; `d/b.rs::it_is_two`; `the_checker_sees::it`; `.rs::it_is`";
    assert_eq!(
        unknown(wrong, &letters, &sources),
        [
            "a/b.rs::rule_2_it…",
            "::rule_3_it…",
            "b.rs::rule_1_it_held",
            "d/b.rs::it_is_two",
            "routing/tests/deterministic.rs::it",
            ".rs::it_is",
        ]
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
