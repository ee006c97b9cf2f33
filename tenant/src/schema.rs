//! Does a document fit its kind? A walk over the very schemas that the API server is given.
//!
//! It reports everything at once, each with the deepest field known, and mends what it
//! reports (drops, clamps, fills in), so that the cross-object rules can still be
//! checked on the rest: one run tells all.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use regex::Regex;
use serde_json::{Map, Value, json};

use crate::document::{Document, Kind};
use crate::finding::Code;
use crate::path::FieldPath;

/// What is wrong with one value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Misfit {
    pub code: Code,
    pub field: FieldPath,
    pub message: String,
    pub hint: String,
}

/// Checks the whole object; gives its `spec`, mended, and what had to be mended.
pub(crate) fn check(document: &Document) -> (Value, Vec<Misfit>) {
    let mut misfits = Vec::new();
    if let Some(object) = document.value.as_object() {
        for key in object.keys() {
            if !["apiVersion", "kind", "metadata", "spec", "status"].contains(&key.as_str()) {
                misfits.push(unknown_field(
                    &FieldPath::root(),
                    key,
                    &["metadata", "spec"],
                ));
            }
        }
    }
    metadata(document, &mut misfits);
    let schema = &SCHEMAS[document.id.kind as usize];
    let mut spec = document.value.get("spec").cloned().unwrap_or(Value::Null);
    if spec.is_null() {
        misfits.push(Misfit {
            code: Code::Schema,
            field: FieldPath::spec(),
            message: "`spec` is missing".to_owned(),
            hint: format!("give the {} a spec", document.id.kind),
        });
        spec = schema.filler();
    } else {
        schema.walk(&mut spec, &SPEC, &mut misfits);
    }
    (spec, misfits)
}

/// The way from the root to where the walk is. It lives on the stack and becomes a path only
/// where there is something to report: most documents have nothing.
#[derive(Clone, Copy)]
struct Trail<'a> {
    before: Option<&'a Trail<'a>>,
    here: Here<'a>,
}

#[derive(Clone, Copy)]
enum Here<'a> {
    Key(&'a str),
    Index(usize),
}

impl<'a> Trail<'a> {
    fn key(&'a self, key: &'a str) -> Self {
        Self {
            before: Some(self),
            here: Here::Key(key),
        }
    }
    fn at(&'a self, index: usize) -> Self {
        Self {
            before: Some(self),
            here: Here::Index(index),
        }
    }
    fn path(&self) -> FieldPath {
        let before = self.before.map_or_else(FieldPath::root, Self::path);
        match self.here {
            Here::Key(key) => before.key(key.to_owned()),
            Here::Index(index) => before.at(index),
        }
    }
}

const SPEC: Trail<'static> = Trail {
    before: None,
    here: Here::Key("spec"),
};

/// One node of a schema, made ready for walking.
#[derive(Debug, Default)]
struct Node {
    kind: Type,
    nullable: bool,
    default: Option<Value>,
    properties: BTreeMap<String, Node>,
    required: BTreeSet<String>,
    additional: Option<Box<Node>>,
    items: Option<Box<Node>>,
    unique_by: Option<UniqueBy>,
    words: Vec<String>,
    pattern: Option<Regex>,
    length: (u64, u64),
    count: (u64, u64),
    range: (f64, f64),
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Type {
    #[default]
    Object,
    List,
    Text,
    Whole,
    Number,
    Truth,
    WholeOrText,
}

#[derive(Debug)]
enum UniqueBy {
    Value,
    Key(String),
}

static SCHEMAS: LazyLock<Vec<Node>> = LazyLock::new(|| {
    let kinds = trunkline_crds::definitions();
    debug_assert!(
        kinds
            .iter()
            .zip(Kind::ALL)
            .all(|(c, k)| c.spec.names.kind == k.as_str())
    );
    kinds
        .iter()
        .map(|crd| {
            // Plain data of the API's own types: it has no map with keys that JSON lacks.
            let crd = serde_json::to_value(crd).unwrap_or_default();
            let spec = crd
                .pointer("/spec/versions/0/schema/openAPIV3Schema/properties/spec")
                .cloned()
                .unwrap_or_default();
            Node::read(&spec)
        })
        .collect()
});

impl Node {
    fn read(schema: &Value) -> Self {
        let number = |key: &str| schema.get(key).and_then(Value::as_f64);
        let whole = |key: &str| schema.get(key).and_then(Value::as_u64);
        let flag = |key: &str| schema.get(key).and_then(Value::as_bool) == Some(true);
        let texts = |key: &str| -> Vec<String> {
            let list = schema.get(key).and_then(Value::as_array);
            list.into_iter()
                .flatten()
                .filter_map(|v| v.as_str().map(str::to_owned))
                .collect()
        };
        let child = |key: &str| {
            let node = schema.get(key).filter(|v| v.is_object());
            node.map(|v| Box::new(Self::read(v)))
        };
        let kind = match schema.get("type").and_then(Value::as_str) {
            Some("array") => Type::List,
            Some("string") => Type::Text,
            Some("integer") => Type::Whole,
            Some("number") => Type::Number,
            Some("boolean") => Type::Truth,
            _ if flag("x-kubernetes-int-or-string") => Type::WholeOrText,
            _ => Type::Object,
        };
        let (least, most) = match kind {
            Type::List => ("minItems", "maxItems"),
            _ => ("minProperties", "maxProperties"),
        };
        Self {
            kind,
            nullable: flag("nullable"),
            default: schema.get("default").cloned(),
            properties: schema
                .get("properties")
                .and_then(Value::as_object)
                .into_iter()
                .flatten()
                .map(|(name, node)| (name.clone(), Self::read(node)))
                .collect(),
            required: texts("required").into_iter().collect(),
            additional: child("additionalProperties"),
            items: child("items"),
            unique_by: match schema.get("x-kubernetes-list-type").and_then(Value::as_str) {
                Some("set") => Some(UniqueBy::Value),
                Some("map") => {
                    let keys = texts("x-kubernetes-list-map-keys");
                    keys.into_iter().next().map(UniqueBy::Key)
                }
                _ => None,
            },
            words: texts("enum"),
            // The patterns are ours and compile in the API server's RE2, whose syntax this is;
            // a test compiles every one of them.
            pattern: schema
                .get("pattern")
                .and_then(Value::as_str)
                .and_then(|p| Regex::new(p).ok()),
            length: (
                whole("minLength").unwrap_or(0),
                whole("maxLength").unwrap_or(u64::MAX),
            ),
            count: (whole(least).unwrap_or(0), whole(most).unwrap_or(u64::MAX)),
            range: (
                number("minimum").unwrap_or(f64::NEG_INFINITY),
                number("maximum").unwrap_or(f64::INFINITY),
            ),
        }
    }

    fn expected(&self) -> &'static str {
        match self.kind {
            Type::Object => "a map",
            Type::List => "a list",
            Type::Text => "a text",
            Type::Whole => "a whole number",
            Type::Number => "a number",
            Type::Truth => "true or false",
            Type::WholeOrText => "a whole number or a text",
        }
    }

    /// The least value that fits, so that the rest of a document can be read.
    fn filler(&self) -> Value {
        if let Some(default) = &self.default {
            return default.clone();
        }
        match self.kind {
            Type::Object => {
                let fields = self.required.iter().filter_map(|name| {
                    let node = self.properties.get(name)?;
                    Some((name.clone(), node.filler()))
                });
                Value::Object(fields.collect())
            }
            Type::List => json!([]),
            Type::Text | Type::WholeOrText => match self.words.first() {
                Some(word) => json!(word),
                None if self.is_duration() => json!("0s"),
                None => json!(""),
            },
            Type::Whole => json!(self.range.0.max(0.0) as i64),
            Type::Number => json!(self.range.0.max(0.0)),
            Type::Truth => json!(false),
        }
    }

    fn is_duration(&self) -> bool {
        self.pattern
            .as_ref()
            .is_some_and(|p| p.as_str() == trunkline_crds::DURATION_PATTERN)
    }

    /// Reports what doesn't fit, and mends it.
    fn walk(&self, value: &mut Value, path: &Trail<'_>, misfits: &mut Vec<Misfit>) {
        let fits = match (self.kind, &*value) {
            (_, Value::Null) => self.nullable,
            (Type::Object, Value::Object(_))
            | (Type::List, Value::Array(_))
            | (Type::Text, Value::String(_))
            | (Type::Number, Value::Number(_))
            | (Type::Truth, Value::Bool(_))
            | (Type::WholeOrText, Value::String(_)) => true,
            (Type::Whole | Type::WholeOrText, Value::Number(n)) => {
                n.is_i64() || n.is_u64() || n.as_f64().is_some_and(|f| f.fract() == 0.0)
            }
            _ => false,
        };
        if !fits {
            misfits.push(self.wrong_type(value, path));
            *value = self.filler();
            return;
        }
        if let (Type::WholeOrText, Value::String(text)) = (self.kind, &*value)
            && text.parse::<trunkline_crds::Seconds>().is_err()
        {
            // Our only such fields are bounds: a number, or a duration.
            misfits.push(misfit(
                &path.path(),
                format!("`{}` is neither a number nor a duration", shortened(text)),
                "write a number, as `85`, or a duration, as `240s`".to_owned(),
            ));
            *value = json!(0);
            return;
        }
        match value {
            Value::Object(fields) => self.walk_object(fields, path, misfits),
            Value::Array(items) => self.walk_list(items, path, misfits),
            Value::String(text) => self.check_text(text, path, misfits),
            Value::Number(_) => self.check_number(value, path, misfits),
            Value::Null | Value::Bool(_) => {}
        }
    }

    fn walk_object(
        &self,
        fields: &mut Map<String, Value>,
        path: &Trail<'_>,
        misfits: &mut Vec<Misfit>,
    ) {
        if let Some(additional) = &self.additional {
            self.check_count(fields.len(), "entries", path, misfits);
            for (key, value) in fields.iter_mut() {
                additional.walk(value, &path.key(key), misfits);
            }
            return;
        }
        fields.retain(|key, value| {
            if !self.properties.contains_key(key) {
                misfits.push(unknown_field(
                    &path.path(),
                    key,
                    &self
                        .properties
                        .keys()
                        .map(String::as_str)
                        .collect::<Vec<_>>(),
                ));
                return false;
            }
            // The API server drops a null where there is a default to take its place.
            let node = &self.properties[key];
            !(value.is_null() && !node.nullable && node.default.is_some())
        });
        for (name, value) in fields.iter_mut() {
            if let Some(node) = self.properties.get(name) {
                let before = misfits.len();
                node.walk(value, &path.key(name), misfits);
                // An optional value that can't be read is left out rather than made up.
                if misfits.len() > before && node.is_scalar() && !self.required.contains(name) {
                    *value = node.default.clone().unwrap_or(Value::Null);
                }
            }
        }
        for name in &self.required {
            let Some(node) = self.properties.get(name) else {
                continue;
            };
            if !fields.contains_key(name) {
                misfits.push(Misfit {
                    code: Code::Schema,
                    field: path.path().key(name.clone()),
                    message: format!("`{name}` is missing"),
                    hint: match node.words.as_slice() {
                        [] => format!("`{name}` is required: {}", node.expected()),
                        words => format!("`{name}` is required: one of {}", words.join(", ")),
                    },
                });
                fields.insert(name.clone(), node.filler());
            }
        }
    }

    fn is_scalar(&self) -> bool {
        !matches!(self.kind, Type::Object | Type::List)
    }

    fn walk_list(&self, items: &mut [Value], path: &Trail<'_>, misfits: &mut Vec<Misfit>) {
        self.check_count(items.len(), "items", path, misfits);
        if let Some(node) = &self.items {
            for (index, item) in items.iter_mut().enumerate() {
                node.walk(item, &path.at(index), misfits);
            }
        }
        let Some(unique_by) = &self.unique_by else {
            return;
        };
        // All our keys are texts, and most lists are short; a set's items are texts, too.
        let identity = |item: &Value| -> Option<String> {
            let key = match unique_by {
                UniqueBy::Value => Some(item),
                UniqueBy::Key(key) => item.get(key),
            };
            key.and_then(Value::as_str).map(str::to_owned)
        };
        let mut seen = BTreeMap::new();
        for (index, item) in items.iter().enumerate() {
            let Some(name) = identity(item) else { continue };
            if let Some(first) = seen.insert(name.clone(), index) {
                let field = path.path().at(index);
                misfits.push(Misfit {
                    code: Code::DuplicateName,
                    message: format!(
                        "`{name}` stands here a second time, first at {}",
                        path.path().at(first)
                    ),
                    hint: "rename one of the two, or remove it".to_owned(),
                    field: match unique_by {
                        UniqueBy::Value => field,
                        UniqueBy::Key(key) => field.key(key.clone()),
                    },
                });
            }
        }
    }

    fn check_count(&self, n: usize, what: &str, path: &Trail<'_>, misfits: &mut Vec<Misfit>) {
        let n = n as u64;
        let (least, most) = self.count;
        if n < least || n > most {
            let bound = if n < least {
                format!("at least {least}")
            } else {
                format!("at most {most}")
            };
            misfits.push(misfit(
                &path.path(),
                format!("has {n} {what}"),
                format!("{bound} {what} are allowed"),
            ));
        }
    }

    fn check_text(&self, text: &mut String, path: &Trail<'_>, misfits: &mut Vec<Misfit>) {
        let length = text.chars().count() as u64;
        let (least, most) = self.length;
        if !self.words.is_empty() {
            if !self.words.contains(text) {
                let nearest = nearest(text, self.words.iter().map(String::as_str));
                misfits.push(misfit(
                    &path.path(),
                    format!("`{text}` is none of the words allowed here"),
                    match nearest {
                        Some(word) => {
                            format!("did you mean `{word}`? one of {}", self.words.join(", "))
                        }
                        None => format!("one of {}", self.words.join(", ")),
                    },
                ));
                text.clone_from(&self.words[0]);
            }
        } else if length > most || length < least {
            misfits.push(misfit(
                &path.path(),
                format!("`{}` has {length} characters", shortened(text)),
                if length > most {
                    format!("at most {most}")
                } else {
                    format!("at least {least}")
                },
            ));
            if self.is_duration() {
                "0s".clone_into(text);
            }
        } else if let Some(pattern) = &self.pattern
            && !pattern.is_match(text)
        {
            misfits.push(misfit(
                &path.path(),
                format!("`{}` isn't written as it must be here", shortened(text)),
                meaning_of(pattern.as_str()),
            ));
            if self.is_duration() {
                "0s".clone_into(text);
            }
        }
    }

    fn check_number(&self, value: &mut Value, path: &Trail<'_>, misfits: &mut Vec<Misfit>) {
        let (least, most) = self.range;
        let n = value.as_f64().unwrap_or_default();
        if n < least || n > most {
            misfits.push(misfit(
                &path.path(),
                format!("{value} is out of range"),
                match (least.is_finite(), most.is_finite()) {
                    (true, true) => format!("{least} to {most}"),
                    (true, false) => format!("{least} or more"),
                    _ => format!("{most} or less"),
                },
            ));
            let clamped = n.clamp(least, most);
            *value = match self.kind {
                Type::Whole => json!(clamped as i64),
                _ => json!(clamped),
            };
        } else if self.kind == Type::Whole && value.is_f64() {
            *value = json!(n as i64);
        }
    }

    fn wrong_type(&self, value: &Value, path: &Trail<'_>) -> Misfit {
        let got = match value {
            Value::Null => "nothing".to_owned(),
            Value::Bool(b) => format!("`{b}`"),
            Value::Number(n) => format!("the number {n}"),
            Value::String(s) => format!("the text `{}`", shortened(s)),
            Value::Array(_) => "a list".to_owned(),
            Value::Object(_) => "a map".to_owned(),
        };
        let hint = match (self.kind, value) {
            (Type::Text, Value::Number(_) | Value::Bool(_)) => {
                format!("{} is expected: put it in quotes", self.expected())
            }
            _ => format!("{} is expected", self.expected()),
        };
        misfit(&path.path(), format!("is {got}"), hint)
    }
}

fn misfit(path: &FieldPath, what: String, hint: String) -> Misfit {
    let name = path.to_string();
    let last = name.rsplit('.').next().unwrap_or_default();
    Misfit {
        code: Code::Schema,
        field: path.clone(),
        message: format!("`{last}`: {what}"),
        hint,
    }
}

fn unknown_field(path: &FieldPath, key: &str, known: &[&str]) -> Misfit {
    Misfit {
        code: Code::Schema,
        field: path.key(key.to_owned()),
        message: format!("`{key}` is no field here"),
        hint: match nearest(key, known.iter().copied()) {
            Some(word) => format!("did you mean `{word}`?"),
            None => format!("the fields are {}", known.join(", ")),
        },
    }
}

/// The candidate that differs least from a text, if it is near enough to be meant.
pub(crate) fn nearest<'a>(text: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    known
        .map(|word| {
            (
                strsim::osa_distance(&text.to_lowercase(), &word.to_lowercase()),
                word,
            )
        })
        .min()
        .filter(|(distance, word)| *distance <= word.chars().count().max(3) / 3)
        .map(|(_, word)| word)
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// A pattern in words: what the person at the keyboard has to write.
fn meaning_of(pattern: &str) -> String {
    use trunkline_crds::{DURATION_PATTERN, LABEL_PATTERN};
    let known = match pattern {
        LABEL_PATTERN => {
            "lower-case letters, digits and `-`, beginning and ending with a letter or digit"
        }
        DURATION_PATTERN => {
            "a duration: days, hours, minutes and seconds in that order, as `20s`, `4h30m` or `90d`"
        }
        "^\\+[1-9][0-9]{1,14}$" => {
            "a number in E.164: `+`, the country code and the number, digits only"
        }
        "^\\+[1-9][0-9]{0,14}\\*?$" => "a number in E.164, or the head of many, as `+4930*`",
        "^[0-9]{4}-[0-9]{2}-[0-9]{2}$" => "a date, as `2027-01-31`",
        "^([01][0-9]|2[0-3]):[0-5][0-9]$|^24:00$" => "a time of day, `00:00` to `24:00`",
        "^[A-Z]{3}$" => "an ISO 4217 code, as `EUR`",
        _ => return format!("it must match {pattern}"),
    };
    known.to_owned()
}

const METADATA_FIELDS: [&str; 15] = [
    "annotations",
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "finalizers",
    "generateName",
    "generation",
    "labels",
    "managedFields",
    "name",
    "namespace",
    "ownerReferences",
    "resourceVersion",
    "selfLink",
    "uid",
];

static OBJECT_NAME: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(trunkline_crds::LABEL_PATTERN).ok());

/// What the API server asks of every object's metadata, and what our children's names ask of it.
fn metadata(document: &Document, misfits: &mut Vec<Misfit>) {
    let path = FieldPath::root().key("metadata");
    let Some(metadata) = document.value.get("metadata").and_then(Value::as_object) else {
        misfits.push(Misfit {
            code: Code::Schema,
            field: FieldPath::name(),
            message: "`metadata.name` is missing".to_owned(),
            hint: "give the document a name".to_owned(),
        });
        return;
    };
    for key in metadata.keys() {
        if !METADATA_FIELDS.contains(&key.as_str()) {
            misfits.push(unknown_field(&path, key, &METADATA_FIELDS));
        }
    }
    for maps in ["labels", "annotations"] {
        if let Some(Value::Object(entries)) = metadata.get(maps) {
            for (key, value) in entries {
                if !value.is_string() {
                    misfits.push(misfit(
                        &path.key(maps).key(key.clone()),
                        format!("is {value}"),
                        "a text is expected: put it in quotes".to_owned(),
                    ));
                }
            }
        }
    }
    match metadata.get("namespace") {
        None | Some(Value::String(_)) => {}
        Some(other) => misfits.push(misfit(
            &path.key("namespace"),
            format!("is {other}"),
            "a text is expected: put it in quotes".to_owned(),
        )),
    }
    match metadata.get("name") {
        None => misfits.push(Misfit {
            code: Code::Schema,
            field: FieldPath::name(),
            message: "`metadata.name` is missing".to_owned(),
            hint: "give the document a name".to_owned(),
        }),
        Some(Value::String(name)) => {
            let well_formed = OBJECT_NAME.as_ref().is_none_or(|p| p.is_match(name));
            if !well_formed {
                misfits.push(misfit(
                    &FieldPath::name(),
                    format!("`{}` isn't written as it must be here", shortened(name)),
                    meaning_of(trunkline_crds::LABEL_PATTERN),
                ));
            }
            let most = if document.id.kind == Kind::CallCenter {
                20
            } else {
                63
            };
            if name.len() > most {
                misfits.push(Misfit {
                    code: Code::NameTooLong,
                    field: FieldPath::name(),
                    message: format!("`{}` has {} characters", shortened(name), name.len()),
                    hint: format!(
                        "a {}'s name has at most {most}: its children carry it",
                        document.id.kind
                    ),
                });
            }
            if document.id.kind == Kind::Client && name == "centre" {
                misfits.push(Misfit {
                    code: Code::ReservedName,
                    field: FieldPath::name(),
                    message: "a Client can't be called `centre`: `centre/orders` is a queue of the centre's own"
                        .to_owned(),
                    hint: "give it another name".to_owned(),
                });
            }
        }
        Some(other) => misfits.push(misfit(
            &FieldPath::name(),
            format!("is {other}"),
            "a text is expected: put it in quotes".to_owned(),
        )),
    }
}
