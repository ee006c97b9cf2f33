//! A document as it came in: its identity, its value, and where it stands in a file.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use trunkline_crds::{GROUP, VERSION};

use crate::path::{FieldPath, Segment};

/// One of the four kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Kind {
    CallCenter,
    Client,
    Trunk,
    Agent,
}

impl Kind {
    /// All four.
    pub const ALL: [Self; 4] = [Self::CallCenter, Self::Client, Self::Trunk, Self::Agent];

    /// As documents write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CallCenter => "CallCenter",
            Self::Client => "Client",
            Self::Trunk => "Trunk",
            Self::Agent => "Agent",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Kind, namespace and name: what makes a document that document.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct DocumentId {
    /// Which of the four.
    pub kind: Kind,
    /// Its namespace; `default` where it names none.
    pub namespace: String,
    /// Its name; empty where it has none, which is a finding.
    pub name: String,
}

impl fmt::Display for DocumentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}/{}", self.kind, self.namespace, self.name)
    }
}

/// The lines of a YAML node and of what it holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lines {
    /// The line of the node's key, or of the node itself; from 1.
    pub line: usize,
    /// The entries of a map, or the items of a list.
    pub children: Children,
}

/// What a YAML node holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Children {
    /// Nothing.
    #[default]
    None,
    /// A map's entries, in the order of the file.
    Map(Vec<(String, Lines)>),
    /// A list's items.
    List(Vec<Lines>),
}

impl Lines {
    /// The node below this one, if it is there.
    pub fn child(&self, segment: &Segment) -> Option<&Lines> {
        match (segment, &self.children) {
            (Segment::Key(key), Children::Map(entries)) => entries
                .iter()
                .find(|(name, _)| name == key)
                .map(|(_, lines)| lines),
            (Segment::Index(index), Children::List(items)) => items.get(*index),
            _ => None,
        }
    }

    /// The line of the field, else of its nearest ancestor that is there.
    pub fn line_of(&self, path: &FieldPath) -> usize {
        let mut node = self;
        for segment in path.segments() {
            match node.child(segment) {
                Some(child) => node = child,
                None => break,
            }
        }
        node.line
    }
}

/// Where a document stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    /// The file as it was named.
    pub file: Arc<str>,
    /// Its lines.
    pub lines: Lines,
}

/// A document of one of the four kinds, not yet judged.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    /// Which.
    pub id: DocumentId,
    /// The whole object, with its metadata.
    pub value: Value,
    /// Where it stands, if it came from a file.
    pub position: Option<Position>,
}

/// What an object is to us.
#[derive(Clone, Debug, PartialEq)]
pub enum Recognised {
    /// One of the four kinds.
    Ours(Document),
    /// Another project's kind, or no Kubernetes object.
    Foreign(Value),
    /// Of our group, but of a version or kind that we don't know: its `apiVersion` and `kind`.
    NotKnown(String, String),
}

impl Document {
    /// Tells what an object is by its `apiVersion` and `kind`.
    pub fn recognise(value: Value, position: Option<Position>) -> Recognised {
        let text = |key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default();
        let (api_version, kind) = (text("apiVersion"), text("kind"));
        if api_version.split('/').next() != Some(GROUP) {
            return Recognised::Foreign(value);
        }
        let known = Kind::ALL.into_iter().find(|k| k.as_str() == kind);
        match known {
            Some(kind) if api_version.strip_prefix(GROUP) == Some(&format!("/{VERSION}")) => {
                let metadata = |key: &str| {
                    value
                        .pointer(&format!("/metadata/{key}"))
                        .and_then(Value::as_str)
                        .unwrap_or_default()
                        .to_owned()
                };
                let mut namespace = metadata("namespace");
                if namespace.is_empty() {
                    namespace = "default".to_owned();
                }
                let id = DocumentId {
                    kind,
                    namespace,
                    name: metadata("name"),
                };
                Recognised::Ours(Document {
                    id,
                    value,
                    position,
                })
            }
            _ => Recognised::NotKnown(api_version.to_owned(), kind.to_owned()),
        }
    }

    /// An object of the API, as JSON; `None` where it is none of ours.
    pub fn from_object(value: Value) -> Option<Self> {
        match Self::recognise(value, None) {
            Recognised::Ours(document) => Some(document),
            Recognised::Foreign(_) | Recognised::NotKnown(..) => None,
        }
    }

    /// `metadata.uid`, which the API server gives.
    pub fn uid(&self) -> Option<&str> {
        self.value.pointer("/metadata/uid").and_then(Value::as_str)
    }
    /// `metadata.generation`, which the API server gives.
    pub fn generation(&self) -> Option<i64> {
        self.value
            .pointer("/metadata/generation")
            .and_then(Value::as_i64)
    }
    /// `metadata.creationTimestamp`, which the API server gives; RFC 3339 in UTC, so that text order is time order.
    pub fn created(&self) -> Option<&str> {
        self.value
            .pointer("/metadata/creationTimestamp")
            .and_then(Value::as_str)
    }
    /// The CallCenter that it belongs to, by name; a CallCenter belongs to itself.
    pub fn call_center(&self) -> Option<&str> {
        match self.id.kind {
            Kind::CallCenter => Some(&self.id.name),
            _ => self
                .value
                .pointer("/spec/callCenter")
                .and_then(Value::as_str),
        }
    }
}
