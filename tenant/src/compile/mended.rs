//! A field that doesn't fit its schema has been mended to something nobody wrote. What the
//! cross-object rules find because of that is noise: the misfit itself has been reported.

use super::Loaded;
use super::references::Home;
use crate::document::Kind;
use crate::finding::Code;
use crate::path::{FieldPath, Segment};
use crate::rules::Draft;

/// Whether a draft may be due to a mended field alone.
pub(super) fn is_noise(draft: &Draft, loaded: &[Loaded<'_>]) -> bool {
    if loaded.iter().all(|l| l.misfits.is_empty()) {
        return false;
    }
    let own = loaded.iter().find(|l| *l.id() == draft.object);
    let at_the_field = own.is_some_and(|l| l.misfits.iter().any(|m| m.overlaps(&draft.field)));
    at_the_field || target_is_mended(draft, own, loaded) || people_are_mended(draft, loaded)
}

/// The name that is missed may be one that couldn't be read.
fn target_is_mended(draft: &Draft, own: Option<&Loaded<'_>>, loaded: &[Loaded<'_>]) -> bool {
    let Some((target, _)) = &draft.unresolved else {
        return false;
    };
    let (document, list) = match target.home() {
        Home::Centre(list) => {
            let centre = loaded.iter().find(|l| l.id().kind == Kind::CallCenter);
            (centre, list)
        }
        Home::Itself => (own, "queues"),
        Home::Document(_) => return false,
    };
    let head = FieldPath::spec().key(list);
    document.is_some_and(|l| {
        l.misfits
            .iter()
            .filter(|m| m.overlaps(&head))
            .any(|m| match m.segments() {
                [_, _] | [_, _, Segment::Index(_)] => true,
                [_, _, Segment::Index(_), Segment::Key(key)] => key == "name",
                _ => false,
            })
    })
}

/// Who can do what is not known for sure.
fn people_are_mended(draft: &Draft, loaded: &[Loaded<'_>]) -> bool {
    let people = ["skills", "team", "teams"];
    draft.code == Code::NobodyQualified
        && loaded
            .iter()
            .filter(|l| matches!(l.id().kind, Kind::Agent | Kind::CallCenter))
            .flat_map(|l| &l.misfits)
            .any(|m| matches!(m.segments(), [_, Segment::Key(key), ..] if people.contains(&key.as_ref())))
}
