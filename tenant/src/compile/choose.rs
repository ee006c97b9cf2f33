//! Which version of each document is used: the one given, its last good one, or none.

use std::collections::BTreeMap;

use super::{Compiled, HeldBack, Last, Loaded, Source, Using, blame, build, cross, view};
use crate::document::{DocumentId, Kind};
use crate::finding::{Finding, Severity};
use crate::model::Tenant;
use crate::rules::Draft;
use crate::typed::Typed;

/// A document's version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Version {
    Given,
    LastGood,
    Out,
}

/// A document's version, with why it isn't the given one.
struct Choice {
    version: Version,
    because: Option<String>,
}

/// Sets aside what has an error, then what has one because of that, until nothing has. Where
/// nothing can be set aside any more and errors remain, the whole last Tenant stays.
pub(super) fn choose(
    loaded: &[Loaded<'_>],
    findings: Vec<Finding>,
    last: Option<&Last>,
) -> Compiled {
    let mut choices = alone(loaded, &findings);
    let sound = !findings.iter().any(Finding::is_error);
    loop {
        let types = chosen(loaded, &choices);
        let centre_in_use = types.keys().any(|id| id.kind == Kind::CallCenter);
        let in_use = loaded.iter().filter_map(|l| {
            let typed = types.get(l.id())?;
            Some((l.id(), *typed, l.document.created()))
        });
        let view = match view::View::new(in_use) {
            Some(view) if centre_in_use => view,
            _ => return stays(loaded, findings, last),
        };
        let errors = match sound {
            true => Vec::new(),
            false => errors_of(&view, &types, loaded, last),
        };
        if errors.is_empty() {
            let tenant = build::tenant(&view);
            return used(loaded, &choices, findings, tenant);
        }
        if !set_aside(loaded, &mut choices, &errors) {
            return stays(loaded, findings, last);
        }
    }
}

fn errors_of(
    view: &view::View<'_>,
    types: &super::Types<'_>,
    loaded: &[Loaded<'_>],
    last: Option<&Last>,
) -> Vec<Draft> {
    let drafts = cross(view, types, last.map(|l| &l.tenant.numbers));
    let mut errors = blame::settle(drafts, loaded, last);
    errors.retain(|d| d.severity == Severity::Error);
    errors
}

/// The first choice: every document by what was found wrong with it.
fn alone(loaded: &[Loaded<'_>], findings: &[Finding]) -> BTreeMap<DocumentId, Choice> {
    let mut choices: BTreeMap<DocumentId, Choice> = loaded
        .iter()
        .map(|l| {
            let given = Choice {
                version: Version::Given,
                because: None,
            };
            (l.id().clone(), given)
        })
        .collect();
    // Only what a document has wrong by itself settles its fate here; what lies between
    // documents is looked at anew for the versions that are in use.
    let own: BTreeMap<&DocumentId, &Finding> = findings
        .iter()
        .rev()
        .filter(|f| f.is_error() && f.code.is_about_one_object())
        .map(|f| (&f.object, f))
        .collect();
    for l in loaded {
        let broken = own.get(l.id()).map(|f| f.message.clone());
        let unread = l.typed.is_none().then(|| "it can't be read".to_owned());
        if let (Some(because), Some(choice)) = (broken.or(unread), choices.get_mut(l.id())) {
            choice.version = fallback(l);
            choice.because = Some(because);
        }
    }
    choices
}

fn fallback(l: &Loaded<'_>) -> Version {
    match l.last_good() {
        Some(_) => Version::LastGood,
        None => Version::Out,
    }
}

fn chosen<'a>(
    loaded: &'a [Loaded<'_>],
    choices: &BTreeMap<DocumentId, Choice>,
) -> super::Types<'a> {
    loaded
        .iter()
        .filter_map(|l| {
            let typed = chosen_version(l, choices.get(l.id())?.version);
            Some((l.id(), typed?))
        })
        .collect()
}

fn chosen_version<'l>(l: &'l Loaded<'_>, version: Version) -> Option<&'l Typed> {
    match version {
        Version::Given => l.typed.as_ref(),
        Version::LastGood => l.last_good(),
        Version::Out => None,
    }
}

/// Takes another version of what is to blame. False where there is none left to take.
fn set_aside(
    loaded: &[Loaded<'_>],
    choices: &mut BTreeMap<DocumentId, Choice>,
    errors: &[Draft],
) -> bool {
    let mut moved = false;
    let mut stuck: Option<&Draft> = None;
    for error in errors {
        let l = loaded.iter().find(|l| *l.id() == error.object);
        let (Some(l), Some(choice)) = (l, choices.get_mut(&error.object)) else {
            continue;
        };
        match choice.version {
            Version::Given if !l.is_last() => {
                choice.version = fallback(l);
                choice.because = Some(error.message.clone());
                moved = true;
            }
            Version::Given | Version::LastGood => stuck = stuck.or(Some(error)),
            Version::Out => {}
        }
    }
    if moved {
        return true;
    }
    // Documents that were good, and haven't changed, aren't any more: what changed around them is
    // to blame. Most hangs on the CallCenter, then on the trunks; clients contend for teams.
    let Some(error) = stuck else { return false };
    for kind in [Kind::CallCenter, Kind::Trunk, Kind::Client] {
        for l in loaded
            .iter()
            .filter(|l| l.id().kind == kind && !l.is_last())
        {
            if let Some(choice) = choices.get_mut(l.id())
                && choice.version == Version::Given
                && l.last_good().is_some()
            {
                choice.version = Version::LastGood;
                choice.because = Some(format!(
                    "with it, {} would have an error: {}",
                    error.object, error.message
                ));
                moved = true;
            }
        }
        if moved {
            return true;
        }
    }
    false
}

fn used(
    loaded: &[Loaded<'_>],
    choices: &BTreeMap<DocumentId, Choice>,
    findings: Vec<Finding>,
    tenant: Tenant,
) -> Compiled {
    let centre = tenant.name.as_str();
    let mut sources = Vec::new();
    let mut held_back = Vec::new();
    for l in loaded {
        let Some(choice) = choices.get(l.id()) else {
            continue;
        };
        let source = match choice.version {
            Version::Given => Some(source_of(l)),
            Version::LastGood => l.last.cloned(),
            Version::Out => None,
        };
        if let Some(because) = &choice.because {
            held_back.push(HeldBack {
                object: l.id().clone(),
                using: source.as_ref().map(|s| Using {
                    generation: s.generation,
                }),
                because: because.clone(),
            });
        }
        let used = chosen_version(l, choice.version);
        let is_ours = used
            .and_then(Typed::call_center)
            .is_none_or(|c| c == centre);
        sources.extend(source.filter(|_| is_ours));
    }
    Compiled {
        tenant: Some(tenant),
        findings,
        sources: sources.into_iter().collect(),
        held_back,
    }
}

fn source_of(l: &Loaded<'_>) -> Source {
    Source {
        id: l.id().clone(),
        uid: l.document.uid().map(str::to_owned),
        generation: l.document.generation(),
        created: l.document.created().map(str::to_owned),
        spec: l.document.value.get("spec").cloned().unwrap_or_default(),
    }
}

/// The whole last Tenant stays, or there is none.
fn stays(loaded: &[Loaded<'_>], findings: Vec<Finding>, last: Option<&Last>) -> Compiled {
    let changed = loaded.iter().filter(|l| !l.is_last());
    let held_back = changed
        .map(|l| {
            let own = findings
                .iter()
                .find(|f| f.is_error() && f.object == *l.id());
            let any = findings.iter().find(|f| f.is_error());
            let because = match (own, any) {
                (Some(f), _) => f.message.clone(),
                (None, Some(f)) => {
                    format!("the tenant stays as it is: {}: {}", f.object, f.message)
                }
                (None, None) => "there is no CallCenter to use it".to_owned(),
            };
            HeldBack {
                object: l.id().clone(),
                using: l.last.map(|s| Using {
                    generation: s.generation,
                }),
                because,
            }
        })
        .collect();
    Compiled {
        tenant: last.map(|l| l.tenant.clone()),
        findings,
        sources: last.map(|l| l.sources.clone()).unwrap_or_default(),
        held_back,
    }
}
