//! Reads manifests: YAML text → documents with the line of every field.
//!
//! The values are `serde_yaml`'s, as the documents' schema was made for; the lines come
//! from a second pass over the events of a parser that keeps positions. Nothing else in
//! the project reads YAML.

use std::collections::HashMap;
use std::sync::Arc;

use granit_parser::{Event, Parser};
use serde::Deserialize;
use serde_json::Value;

use crate::document::{Children, Document, Lines, Position, Recognised};
use crate::path::Segment;

/// Text that isn't YAML.
#[derive(Debug, thiserror::Error)]
#[error("{file}: not YAML: {reason}")]
pub struct NotYaml {
    /// The file as it was named.
    pub file: String,
    /// What the parser says, with the place.
    pub reason: String,
}

/// What a manifest holds of ours.
#[derive(Debug, Default)]
pub struct Manifest {
    /// Documents of the four kinds.
    pub documents: Vec<Document>,
    /// Objects of our group that are of no kind or version that we know.
    pub not_known: Vec<NotKnown>,
    /// Secrets and ConfigMaps, for who runs a tenant where no API server holds them.
    pub data: Vec<Value>,
}

/// An object of our group, but of no kind or version that we know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotKnown {
    /// As written.
    pub api_version: String,
    /// As written.
    pub kind: String,
    /// `metadata.name`, as written.
    pub name: String,
    /// The file as it was named.
    pub file: String,
    /// The line of its `kind`, or of the object.
    pub line: usize,
}

/// Reads one file's text. Kinds that aren't ours are passed over, but for [`Manifest::data`]; a `List` is looked into.
///
/// # Errors
/// Where the text isn't YAML, a key stands twice in one map, or a key is no text.
pub fn read(file: &str, text: &str) -> Result<Manifest, NotYaml> {
    let not_yaml = |reason: String| NotYaml {
        file: file.to_owned(),
        reason,
    };
    let name: Arc<str> = file.into();
    let mut lines = lines_of_documents(text).into_iter();
    let mut manifest = Manifest::default();
    for document in serde_yaml::Deserializer::from_str(text) {
        let position = lines.next().unwrap_or_default();
        let mut yaml =
            serde_yaml::Value::deserialize(document).map_err(|e| not_yaml(e.to_string()))?;
        yaml.apply_merge().map_err(|e| not_yaml(e.to_string()))?;
        let value = json(yaml).map_err(not_yaml)?;
        add(&mut manifest, value, &name, position);
    }
    Ok(manifest)
}

fn add(manifest: &mut Manifest, mut value: Value, file: &Arc<str>, lines: Lines) {
    let is_list = value.get("kind").and_then(Value::as_str) == Some("List");
    if let (true, Some(Value::Array(items))) = (is_list, value.get_mut("items")) {
        let places = lines.child(&Segment::Key("items".into()));
        for (index, item) in std::mem::take(items).into_iter().enumerate() {
            let place = places
                .and_then(|p| p.child(&Segment::Index(index)))
                .cloned()
                .unwrap_or_else(|| lines.clone());
            add(manifest, item, file, place);
        }
        return;
    }
    let name = value
        .pointer("/metadata/name")
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned();
    let position = Position {
        file: file.clone(),
        lines,
    };
    let kind_line = position
        .lines
        .child(&Segment::Key("kind".into()))
        .map_or(position.lines.line, |l| l.line);
    match Document::recognise(value, Some(position)) {
        Recognised::Ours(document) => manifest.documents.push(document),
        Recognised::Foreign(value) => {
            let text = |key: &str| value.get(key).and_then(Value::as_str);
            if text("apiVersion") == Some("v1")
                && matches!(text("kind"), Some("Secret" | "ConfigMap"))
            {
                manifest.data.push(value);
            }
        }
        Recognised::NotKnown(api_version, kind) => manifest.not_known.push(NotKnown {
            api_version,
            kind,
            name,
            file: file.to_string(),
            line: kind_line,
        }),
    }
}

/// YAML as JSON. A key that is a number or a truth value becomes its text, as the API server's own clients do.
fn json(yaml: serde_yaml::Value) -> Result<Value, String> {
    use serde_yaml::Value as Yaml;
    Ok(match yaml {
        Yaml::Null => Value::Null,
        Yaml::Bool(b) => Value::Bool(b),
        Yaml::Number(n) => {
            let number = n
                .as_i64()
                .map(serde_json::Number::from)
                .or_else(|| n.as_u64().map(serde_json::Number::from))
                .or_else(|| n.as_f64().and_then(serde_json::Number::from_f64));
            Value::Number(number.ok_or_else(|| format!("{n} is no number that JSON has"))?)
        }
        Yaml::String(s) => Value::String(s),
        Yaml::Sequence(items) => {
            Value::Array(items.into_iter().map(json).collect::<Result<_, _>>()?)
        }
        Yaml::Mapping(entries) => {
            let mut object = serde_json::Map::new();
            for (key, value) in entries {
                let key = match key {
                    Yaml::String(s) => s,
                    Yaml::Number(n) => n.to_string(),
                    Yaml::Bool(b) => b.to_string(),
                    other => return Err(format!("a key is no text: {other:?}")),
                };
                let value = json(value)?;
                if object.insert(key.clone(), value).is_some() {
                    return Err(format!("the key `{key}` stands twice in one map"));
                }
            }
            Value::Object(object)
        }
        Yaml::Tagged(tagged) => json(tagged.value)?,
    })
}

/// The lines of each document of a stream. Where the text is broken, those before the break.
fn lines_of_documents(text: &str) -> Vec<Lines> {
    let mut walk = Walk::default();
    for next in Parser::new_from_str(text) {
        let Ok((event, span)) = next else { break };
        walk.on(event, span.start.line());
    }
    walk.documents
}

/// Builds the trees of lines from events.
#[derive(Default)]
struct Walk {
    documents: Vec<Lines>,
    /// Collections begun and not ended, outermost first.
    open: Vec<Open>,
    anchors: HashMap<usize, Children>,
}

struct Open {
    anchor: usize,
    node: Lines,
    /// In a map: the key whose value comes next, with its line.
    key: Option<(String, usize)>,
}

impl Walk {
    fn on(&mut self, event: Event<'_>, line: usize) {
        match event {
            Event::DocumentStart(..) => {
                self.anchors.clear();
                self.open.clear();
                self.documents.push(Lines {
                    line,
                    children: Children::None,
                });
            }
            Event::MappingStart(..) => {
                self.begin(event_anchor(&event), line, Children::Map(vec![]))
            }
            Event::SequenceStart(..) => {
                self.begin(event_anchor(&event), line, Children::List(vec![]));
            }
            Event::MappingEnd | Event::SequenceEnd => {
                if let Some(Open { anchor, node, .. }) = self.open.pop() {
                    self.end(anchor, node);
                }
            }
            Event::Scalar(ref text, ..) => {
                let anchor = event_anchor(&event);
                let awaits_key = self.open.last().is_some_and(|open| {
                    matches!(open.node.children, Children::Map(_)) && open.key.is_none()
                });
                match self.open.last_mut() {
                    Some(open) if awaits_key => open.key = Some((text.to_string(), line)),
                    _ => self.end(
                        anchor,
                        Lines {
                            line,
                            children: Children::None,
                        },
                    ),
                }
            }
            Event::Alias(id) => {
                let children = self.anchors.get(&id).cloned().unwrap_or_default();
                self.end(0, Lines { line, children });
            }
            _ => {}
        }
    }

    fn begin(&mut self, anchor: usize, line: usize, children: Children) {
        self.open.push(Open {
            anchor,
            node: Lines { line, children },
            key: None,
        });
    }

    /// Hangs a finished node where it belongs.
    fn end(&mut self, anchor: usize, mut node: Lines) {
        if anchor != 0 {
            self.anchors.insert(anchor, node.children.clone());
        }
        match self.open.last_mut() {
            None => {
                if let Some(document) = self.documents.last_mut() {
                    *document = node;
                }
            }
            Some(parent) => match &mut parent.node.children {
                Children::Map(entries) => {
                    // A collection used as a key has no text; its value is skipped with it.
                    if let Some((key, line)) = parent.key.take() {
                        node.line = line;
                        entries.push((key, node));
                    }
                }
                Children::List(items) => items.push(node),
                Children::None => {}
            },
        }
    }
}

/// The anchor's number; 0: none.
fn event_anchor(event: &Event<'_>) -> usize {
    event.anchor_id().unwrap_or_default()
}
