//! Who is to blame for a reference that used to resolve: the document that removed its target.

use std::collections::BTreeMap;

use super::references::{Catalog, Home, Target, references};
use super::view::View;
use super::{Last, Loaded};
use crate::document::{DocumentId, Kind};
use crate::path::FieldPath;
use crate::rules::Draft;
use crate::typed::Typed;

/// Moves each draft about a reference that resolved in `last` to the document that has removed
/// the target since, if that is still there to be mended. Many references to one target become one draft.
pub(super) fn settle(drafts: Vec<Draft>, loaded: &[Loaded<'_>], last: Option<&Last>) -> Vec<Draft> {
    let Some(last) = last.filter(|_| drafts.iter().any(|d| d.unresolved.is_some())) else {
        return drafts;
    };
    let before = Before::new(last);
    let mut settled = Vec::new();
    let mut moved: BTreeMap<(DocumentId, Target, String), Vec<Draft>> = BTreeMap::new();
    for draft in drafts {
        match before.remover(&draft, loaded) {
            Some((remover, target, name)) => {
                moved
                    .entry((remover, target, name))
                    .or_default()
                    .push(draft);
            }
            None => settled.push(draft),
        }
    }
    for ((remover, target, name), drafts) in moved {
        settled.extend(removed(remover, target, &name, &drafts));
    }
    settled
}

/// The last good versions, read.
struct Before(BTreeMap<DocumentId, Typed>);

impl Before {
    fn new(last: &Last) -> Self {
        let read = |s: &super::Source| {
            let typed = Typed::read(s.id.kind, s.spec.clone()).ok()?;
            Some((s.id.clone(), typed))
        };
        Self(last.sources.iter().filter_map(read).collect())
    }

    fn remover(
        &self,
        draft: &Draft,
        loaded: &[Loaded<'_>],
    ) -> Option<(DocumentId, Target, String)> {
        let (target, name) = draft.unresolved.as_ref()?;
        let old = self.0.get(&draft.object)?;
        let named_it = references(old)
            .iter()
            .any(|r| r.target == *target && r.name == name);
        let view = View::new(self.0.iter().map(|(id, typed)| (id, typed, None)))?;
        let resolved = Catalog::of(&view).has(old, *target, name);
        if !named_it || !resolved {
            return None;
        }
        let home = match target.home() {
            Home::Centre(_) => Some(Kind::CallCenter),
            Home::Document(kind) => Some(kind),
            Home::Itself => None,
        }?;
        let is_remover = |l: &&Loaded<'_>| {
            let id = l.id();
            id.kind == home && !l.is_last() && (home == Kind::CallCenter || id.name == *name)
        };
        let remover = loaded.iter().find(is_remover)?.id();
        (*remover != draft.object).then(|| (remover.clone(), *target, name.clone()))
    }
}

fn removed(remover: DocumentId, target: Target, name: &str, drafts: &[Draft]) -> Option<Draft> {
    let first = drafts.first()?;
    let field = match target.home() {
        Home::Centre(list) => FieldPath::spec().key(list),
        Home::Document(_) | Home::Itself => FieldPath::spec().key("callCenter"),
    };
    let others = match drafts.len() {
        1 => String::new(),
        n => format!(" and {} more", n - 1),
    };
    Some(Draft {
        object: remover,
        code: first.code,
        severity: first.severity,
        field,
        message: format!(
            "the {} `{name}` is gone, but {} needs it at {}{others}",
            target.word(),
            first.object,
            first.field
        ),
        hint: "put it back, or first remove what names it".to_owned(),
        unresolved: first.unresolved.clone(),
    })
}
