//! The leaves of an object that a manager owns, by the object's managed fields, and merge
//! patches that change them.

use serde_json::{Value, json};

/// A step down to a field.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// A key of a map.
    Key(String),
    /// The entry of a list that has these values.
    Entry(Value),
}

/// Paths to everything that the manager owns and that holds no more.
pub fn owned(object: &Value, manager: &str) -> Vec<Vec<Step>> {
    let mut all = Vec::new();
    for entry in object
        .pointer("/metadata/managedFields")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        if entry["manager"] == manager
            && entry["operation"] == "Apply"
            && entry.get("subresource").is_none()
        {
            walk(&entry["fieldsV1"], &mut Vec::new(), &mut all);
        }
    }
    all
}

fn walk(fields: &Value, at: &mut Vec<Step>, all: &mut Vec<Vec<Step>>) {
    let Some(map) = fields.as_object() else {
        return;
    };
    let mut leaf = true;
    for (key, below) in map {
        let step = if let Some(name) = key.strip_prefix("f:") {
            Step::Key(name.to_owned())
        } else if let Some(entry) = key.strip_prefix("k:") {
            Step::Entry(serde_json::from_str(entry).unwrap())
        } else {
            continue;
        };
        leaf = false;
        at.push(step);
        walk(below, at, all);
        at.pop();
    }
    if leaf && !at.is_empty() {
        all.push(at.clone());
    }
}

/// The value at a path.
pub fn at<'a>(object: &'a mut Value, path: &[Step]) -> Option<&'a mut Value> {
    path.iter().try_fold(object, |value, step| match step {
        Step::Key(key) => value.get_mut(key),
        Step::Entry(entry) => value.as_array_mut()?.iter_mut().find(|item| {
            entry
                .as_object()
                .unwrap()
                .iter()
                .all(|(key, wanted)| item.get(key) == Some(wanted))
        }),
    })
}

/// Another value of the same kind.
pub fn other(value: &Value) -> Value {
    match value {
        Value::String(text) if text.chars().all(|c| c.is_ascii_digit()) && !text.is_empty() => {
            json!(format!("{text}1"))
        }
        Value::String(text) => json!(format!("{text}x")),
        Value::Number(number) => json!(number.as_i64().unwrap_or(0) + 1),
        Value::Bool(held) => json!(!held),
        Value::Array(_) => json!([]),
        Value::Object(_) => json!({}),
        Value::Null => json!("x"),
    }
}
