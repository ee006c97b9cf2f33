//! Documents → [`Tenant`], or findings. The one place that gives documents their meaning.
//!
//! 1. Each document alone: its schema, then the rules about one object.
//! 2. All side by side: references, numbers, routes, shares, circles.
//! 3. Which version of each is used: the one given, its last good one, or none.
//! 4. The Tenant, from the versions used.

mod blame;
mod build;
mod capacity;
mod choose;
mod contention;
mod cycles;
mod hours;
mod mended;
mod references;
mod view;

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::document::{Document, DocumentId, Kind};
use crate::finding::{Code, Finding, Severity};
use crate::model::Tenant;
use crate::path::FieldPath;
use crate::rules::{self, Draft};
use crate::schema;
use crate::typed::Typed;

pub(crate) use references::Target;

/// What compiling came to.
#[derive(Clone, Debug, PartialEq)]
pub struct Compiled {
    /// What runs; `None` while there is no usable CallCenter and never was.
    pub tenant: Option<Tenant>,
    /// What is wrong, in the order of the documents.
    pub findings: Vec<Finding>,
    /// The version of each document that the Tenant is made of.
    pub sources: Sources,
    /// Documents whose given version isn't used, and why.
    pub held_back: Vec<HeldBack>,
}

impl Compiled {
    /// Whether something has to be mended.
    pub fn has_errors(&self) -> bool {
        self.findings.iter().any(Finding::is_error)
    }
}

/// The version of a document that a Tenant was made of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// Which document.
    pub id: DocumentId,
    /// The object's uid; `None` where it came from a file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<String>,
    /// The generation; `None` where it came from a file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generation: Option<i64>,
    /// When the object was created, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<String>,
    /// The spec as it was given.
    pub spec: Value,
}

/// The versions that a Tenant was made of, by document.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sources(BTreeMap<DocumentId, Source>);

impl Sources {
    /// A document's version.
    pub fn get(&self, id: &DocumentId) -> Option<&Source> {
        self.0.get(id)
    }
    /// All of them, by kind, namespace and name.
    pub fn iter(&self) -> impl Iterator<Item = &Source> {
        self.0.values()
    }
}

impl FromIterator<Source> for Sources {
    fn from_iter<I: IntoIterator<Item = Source>>(sources: I) -> Self {
        Self(sources.into_iter().map(|s| (s.id.clone(), s)).collect())
    }
}

impl Serialize for Sources {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_seq(self.0.values())
    }
}
impl<'de> Deserialize<'de> for Sources {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        Ok(Vec::<Source>::deserialize(d)?.into_iter().collect())
    }
}

/// What ran before: a Tenant and the versions that it was made of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Last {
    /// What runs.
    pub tenant: Tenant,
    /// What it is made of.
    pub sources: Sources,
}

/// A document whose given version isn't used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldBack {
    /// Which.
    pub object: DocumentId,
    /// What is used instead; `None`: nothing, the document is left out.
    pub using: Option<Using>,
    /// Why, in a sentence.
    pub because: String,
}

/// The version used instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Using {
    /// Its generation; `None` where it came from a file.
    pub generation: Option<i64>,
}

/// One document on its way through.
struct Loaded<'a> {
    document: &'a Document,
    /// The given version, mended where it didn't fit; `None` where that couldn't be done.
    typed: Option<Typed>,
    /// The last good version, as it was stored.
    last: Option<&'a Source>,
    /// The same, read when it is needed.
    last_read: OnceCell<Option<Typed>>,
    /// Where the given version didn't fit its schema.
    misfits: Vec<FieldPath>,
}

impl Loaded<'_> {
    fn id(&self) -> &DocumentId {
        &self.document.id
    }

    /// Whether the given version is the last good one.
    fn is_last(&self) -> bool {
        let spec = self.document.value.get("spec");
        self.last.is_some_and(|source| Some(&source.spec) == spec)
    }

    /// The last good version, if it can still be read.
    fn last_good(&self) -> Option<&Typed> {
        let source = self.last?;
        let read = || Typed::read(source.id.kind, source.spec.clone()).ok();
        self.last_read.get_or_init(read).as_ref()
    }
}

/// Compiles one centre's documents. `last` is what ran before; without it (offline, or the
/// first time) a document with an error is left out.
///
/// Documents of another CallCenter than the first in `documents` are passed over, but where
/// their CallCenter is nowhere: that is a finding.
pub fn compile(documents: &[Document], last: Option<&Last>) -> Compiled {
    let is_centre = |d: &&Document| d.id.kind == Kind::CallCenter;
    let first = documents.iter().find(is_centre).map(|d| &d.id);
    let others: BTreeSet<(&str, &str)> = documents
        .iter()
        .filter(is_centre)
        .filter(|d| Some(&d.id) != first)
        .map(|d| (d.id.namespace.as_str(), d.id.name.as_str()))
        .collect();
    let ours = documents.iter().filter(|d| {
        let centre = d.call_center().map(|c| (d.id.namespace.as_str(), c));
        centre.is_none_or(|c| !others.contains(&c))
    });
    compile_these(&ours.collect::<Vec<_>>(), last)
}

/// Compiles every centre of a set of documents, each with what belongs to it; the findings of
/// documents without a centre come with the last.
pub fn compile_all(documents: &[Document]) -> Vec<Compiled> {
    let centre_of = |d: &Document| Some((d.id.namespace.clone(), d.call_center()?.to_owned()));
    let centres: BTreeSet<_> = documents
        .iter()
        .filter(|d| d.id.kind == Kind::CallCenter)
        .filter_map(centre_of)
        .collect();
    let mut groups: Vec<Vec<&Document>> = centres
        .iter()
        .map(|centre| {
            let members = documents
                .iter()
                .filter(|d| centre_of(d).as_ref() == Some(centre));
            members.collect()
        })
        .collect();
    let orphans: Vec<&Document> = documents
        .iter()
        .filter(|d| centre_of(d).is_none_or(|c| !centres.contains(&c)))
        .collect();
    if !orphans.is_empty() {
        groups.push(orphans);
    }
    groups
        .iter()
        .map(|group| compile_these(group, None))
        .collect()
}

fn compile_these(documents: &[&Document], last: Option<&Last>) -> Compiled {
    let mut drafts = Vec::new();
    let (loaded, twice) = load(documents, last, &mut drafts);
    without_centre(&loaded, &mut drafts);

    let given = loaded
        .iter()
        .filter_map(|l| Some((l.id(), l.typed.as_ref()?, l.document.created())));
    if let Some(view) = view::View::new(given) {
        let holders = last.map(|l| &l.tenant.numbers);
        let mut across = cross(&view, &loaded_types(&loaded), holders);
        across.retain(|draft| !mended::is_noise(draft, &loaded));
        drafts.extend(blame::settle(across, &loaded, last));
    }
    let findings = located(drafts, documents, &twice);
    choose::choose(&loaded, findings, last)
}

/// Reads every document, and reports what is wrong with each alone.
fn load<'a>(
    documents: &[&'a Document],
    last: Option<&'a Last>,
    drafts: &mut Vec<Draft>,
) -> (Vec<Loaded<'a>>, Vec<Finding>) {
    let mut loaded: Vec<Loaded<'a>> = Vec::new();
    let mut twice = Vec::new();
    let mut seen: BTreeMap<&DocumentId, &Document> = BTreeMap::new();
    for &document in documents {
        let id = &document.id;
        if let Some(first) = seen.get(id).filter(|_| !id.name.is_empty()) {
            twice.push(stands_twice(document, first));
            continue;
        }
        seen.insert(id, document);
        let (spec, misfits) = schema::check(document);
        let mut typed = None;
        match Typed::read(id.kind, spec) {
            Ok(read) => typed = Some(read),
            Err(error) if misfits.is_empty() => drafts.push(Draft {
                object: id.clone(),
                code: Code::Schema,
                severity: Severity::Error,
                field: FieldPath::spec(),
                message: error.to_string(),
                hint: "see the reference of this kind".to_owned(),
                unresolved: None,
            }),
            Err(_) => {}
        }
        let fields: Vec<FieldPath> = misfits.iter().map(|m| m.field.clone()).collect();
        if let Some(typed) = &typed {
            let mut own = Vec::new();
            rules::check(id, typed, &mut own);
            own.retain(|d| !fields.iter().any(|m| m.overlaps(&d.field)));
            drafts.extend(own);
        }
        drafts.extend(misfits.into_iter().map(|m| Draft {
            object: id.clone(),
            code: m.code,
            severity: Severity::Error,
            field: m.field,
            message: m.message,
            hint: m.hint,
            unresolved: None,
        }));
        loaded.push(Loaded {
            document,
            typed,
            last: last.and_then(|l| l.sources.get(id)),
            last_read: OnceCell::new(),
            misfits: fields,
        });
    }
    (loaded, twice)
}

fn stands_twice(document: &Document, first: &Document) -> Finding {
    let place = |d: &Document| {
        let position = d.position.as_ref()?;
        let line = position.lines.line_of(&FieldPath::name());
        Some((position.file.to_string(), line))
    };
    let before = match place(first) {
        Some((file, line)) => format!(", first at {file}:{line}"),
        None => String::new(),
    };
    let (file, line) = place(document).unzip();
    Finding {
        code: Code::DuplicateDocument,
        severity: Severity::Error,
        object: document.id.clone(),
        field: FieldPath::name(),
        message: format!("{} stands here a second time{before}", document.id),
        hint: "rename one of the two, or remove it".to_owned(),
        file,
        line,
    }
}

/// Documents whose CallCenter isn't there.
fn without_centre(loaded: &[Loaded<'_>], drafts: &mut Vec<Draft>) {
    let centres: BTreeSet<(&str, &str)> = loaded
        .iter()
        .filter(|l| l.id().kind == Kind::CallCenter)
        .map(|l| (l.id().namespace.as_str(), l.id().name.as_str()))
        .collect();
    for l in loaded {
        let Some(name) = l.typed.as_ref().and_then(Typed::call_center) else {
            continue;
        };
        let field = FieldPath::spec().key("callCenter");
        let namespace = l.id().namespace.as_str();
        if centres.contains(&(namespace, name)) || l.misfits.iter().any(|m| m.overlaps(&field)) {
            continue;
        }
        let here = centres
            .iter()
            .filter(|(n, _)| *n == namespace)
            .map(|(_, c)| *c);
        let elsewhere = centres.iter().find(|(_, c)| *c == name);
        let hint = match (schema::nearest(name, here), elsewhere) {
            (Some(near), _) => format!("did you mean `{near}`?"),
            (None, Some((other, _))) => {
                format!(
                    "there is one in the namespace `{other}`: a tenant's documents share one namespace"
                )
            }
            _ => "add the CallCenter, or name one that is there".to_owned(),
        };
        drafts.push(Draft {
            object: l.id().clone(),
            code: Code::UnknownCallCenter,
            severity: Severity::Error,
            field,
            message: format!("there is no CallCenter `{name}` in the namespace `{namespace}`"),
            hint,
            unresolved: None,
        });
    }
}

type Types<'a> = BTreeMap<&'a DocumentId, &'a Typed>;

fn loaded_types<'a>(loaded: &'a [Loaded<'_>]) -> Types<'a> {
    loaded
        .iter()
        .filter_map(|l| Some((l.id(), l.typed.as_ref()?)))
        .collect()
}

/// Every rule that takes more than one document.
fn cross(
    view: &view::View<'_>,
    types: &Types<'_>,
    holders: Option<&BTreeMap<trunkline_crds::PhoneNumber, trunkline_crds::ClientName>>,
) -> Vec<Draft> {
    let mut drafts = Vec::new();
    let catalog = references::Catalog::of(view);
    let members = std::iter::once(view.centre.id)
        .chain(view.clients.values().map(|c| c.id))
        .chain(view.agents.values().map(|a| a.id));
    for id in members {
        if let Some(typed) = types.get(id) {
            references::unresolved(id, typed, &catalog, &mut drafts);
        }
    }
    contention::claimed_twice(view, holders, &mut drafts);
    contention::not_carried(view, &mut drafts);
    capacity::check(view, &mut drafts);
    cycles::check(view, &mut drafts);
    drafts
}

/// Drafts with their place in the files, in the order of the documents and their lines.
fn located(drafts: Vec<Draft>, documents: &[&Document], twice: &[Finding]) -> Vec<Finding> {
    let mut places: BTreeMap<&DocumentId, (usize, &Document)> = BTreeMap::new();
    for (place, document) in documents.iter().enumerate() {
        places.entry(&document.id).or_insert((place, document));
    }
    let mut findings: Vec<(usize, Finding)> = drafts
        .into_iter()
        .map(|draft| {
            let (place, document) = match places.get(&draft.object) {
                Some((place, document)) => (*place, Some(*document)),
                None => (usize::MAX, None),
            };
            let position = document.and_then(|d| d.position.as_ref());
            let finding = Finding {
                file: position.map(|p| p.file.to_string()),
                line: position.map(|p| p.lines.line_of(&draft.field)),
                code: draft.code,
                severity: draft.severity,
                object: draft.object,
                field: draft.field,
                message: draft.message,
                hint: draft.hint,
            };
            (place, finding)
        })
        .chain(twice.iter().map(|f| (usize::MAX, f.clone())))
        .collect();
    findings.sort_by(|(a, x), (b, y)| {
        (a, x.line, &x.field, x.code).cmp(&(b, y.line, &y.field, y.code))
    });
    findings.into_iter().map(|(_, finding)| finding).collect()
}
