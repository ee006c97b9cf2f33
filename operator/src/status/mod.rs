//! What is said of a tenant: statuses computed from what was gathered and done, written where
//! they differ, with an Event for each turn.

mod agent;
mod center;
mod client;
mod conditions;
mod report;
mod trunk;

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use serde::Serialize;
use serde_json::Value;
use trunkline_tenant::{DocumentId, Finding, Kind as DocKind, Tenant};

pub use conditions::{Conditions, Is, Verdict, is_bad};
pub use report::Reporter;

use crate::controller::apply::Applied;
use crate::controller::gather::Gathered;
use crate::controller::plan::Plan;
use crate::world::DocFact;

/// The status of one document as it shall be.
#[derive(Clone, Debug)]
pub struct DocStatus {
    /// Of which document.
    pub id: DocumentId,
    /// Of that very one.
    pub uid: String,
    /// The status.
    pub status: Value,
    /// What has turned.
    pub turned: Vec<Condition>,
}

/// The statuses of all of a tenant's documents.
pub fn of(gathered: &Gathered, plan: &Plan, applied: &Applied) -> Vec<DocStatus> {
    if plan.pause.status {
        return Vec::new();
    }
    let scene = Scene::new(gathered, plan, applied);
    let mut trunks = BTreeMap::new();
    for doc in gathered.view.of_kind(DocKind::Trunk) {
        trunks.insert(doc.document.id.name.clone(), trunk::state(&scene, doc));
    }
    let statuses = gathered
        .view
        .docs
        .values()
        .map(|doc| match doc.document.id.kind {
            DocKind::CallCenter => center::status(&scene, doc),
            DocKind::Client => client::status(&scene, doc, &trunks),
            DocKind::Trunk => trunk::status(&scene, doc, &trunks),
            DocKind::Agent => agent::status(&scene, doc),
        });
    statuses.collect()
}

/// What the statuses of a tenant have in common.
struct Scene<'a> {
    gathered: &'a Gathered,
    plan: &'a Plan,
    applied: &'a Applied,
    tenant: Option<&'a Tenant>,
    /// Whether engine and media run the newest configuration.
    config: Verdict,
    engine: Verdict,
    media: Verdict,
}

impl<'a> Scene<'a> {
    fn new(gathered: &'a Gathered, plan: &'a Plan, applied: &'a Applied) -> Self {
        Self {
            gathered,
            plan,
            applied,
            tenant: plan.compiled.tenant.as_ref(),
            config: center::config_applied(gathered, plan),
            engine: center::engine_ready(gathered, plan),
            media: center::media_ready(gathered, plan),
        }
    }

    /// Why a document's newest version isn't used: its first error.
    fn error(&self, id: &DocumentId) -> Option<Verdict> {
        let errors: Vec<&Finding> = self
            .plan
            .compiled
            .findings
            .iter()
            .filter(|finding| finding.is_error() && finding.object == *id)
            .collect();
        let first = errors.first()?;
        let more = match errors.len() {
            1 => String::new(),
            n => format!(" ({} more)", n - 1),
        };
        let kept = self
            .plan
            .compiled
            .held_back
            .iter()
            .find(|held| held.object == *id)
            .map(|held| match &held.using {
                Some(using) => match using.generation {
                    Some(generation) => format!("; generation {generation} goes on"),
                    None => "; its last good version goes on".to_owned(),
                },
                None => "; it is left out".to_owned(),
            })
            .unwrap_or_default();
        Some(Verdict::yes(
            &camel(first.code.as_str()),
            format!(
                "{}: {}; {}{more}{kept}",
                first.field, first.message, first.hint
            ),
        ))
    }

    /// Why a document isn't used though nothing is wrong with it: another's error holds it back.
    fn held_back(&self, id: &DocumentId) -> Option<Verdict> {
        let held = self
            .plan
            .compiled
            .held_back
            .iter()
            .find(|held| held.object == *id)?;
        Some(Verdict::yes("HeldBack", held.because.clone()))
    }

    /// What a person must mend before a document is used as it is written.
    fn stuck(&self, id: &DocumentId) -> Option<Verdict> {
        self.error(id).or_else(|| self.held_back(id))
    }

    /// Whether the tenant serves: configuration applied, engine and media there.
    fn serving(&self) -> Verdict {
        [&self.engine, &self.media, &self.config]
            .into_iter()
            .find(|verdict| !verdict.holds())
            .cloned()
            .map(|verdict| Verdict {
                is: Is::False,
                ..verdict
            })
            .unwrap_or_else(|| {
                Verdict::yes("Serving", "configuration applied, engine and media serve")
            })
    }
}

/// A status as JSON, its conditions and all.
fn finished(doc: &DocFact, status: &impl Serialize, conditions: &Conditions) -> DocStatus {
    DocStatus {
        id: doc.document.id.clone(),
        uid: doc.uid.clone(),
        status: serde_json::to_value(status).unwrap_or(Value::Null),
        turned: conditions.turned(),
    }
}

/// `unknown-team` → `UnknownTeam`.
fn camel(code: &str) -> String {
    code.split('-')
        .map(|word| {
            let mut letters = word.chars();
            match letters.next() {
                Some(first) => first.to_ascii_uppercase().to_string() + letters.as_str(),
                None => String::new(),
            }
        })
        .collect()
}
