//! What the cluster should hold, decided from what was gathered: pure, the same for the same.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;
use trunkline_tenant::report::{EngineReport, LEADER_KEY, MediaReport};
use trunkline_tenant::{Compiled, Document, DocumentId, Kind as DocKind, Tenant, compile};

use super::gather::Gathered;
use super::knobs::{self, Pause};
use crate::children::{Blueprint, Child, ChildKey, Children, Kind, Owner, PackError, Packed};
use crate::names::{ANNOTATION_ROTATE, FINALIZER_DRAIN, FINALIZER_TENANT, Names};
use crate::settings::Images;
use crate::world::{DocFact, PodFact};

/// What is decided of a tenant.
#[derive(Debug)]
pub struct Plan {
    /// What compiling came to.
    pub compiled: Compiled,
    /// The Tenant as it travels; `None` where there is none, or it can't.
    pub packed: Option<Packed>,
    /// Why the Tenant can't travel.
    pub pack_error: Option<PackError>,
    /// Annotations that can't be used, in words.
    pub knob_problems: Vec<String>,
    /// Whose children they are; `None`: there is no CallCenter.
    pub owner: Option<Owner>,
    /// What is left alone.
    pub pause: Pause,
    /// Finalizers to set or to take off, before anything else.
    pub finalizers: Vec<SetFinalizer>,
    /// The children as they shall be, in order; `None`: they are left as they are.
    pub children: Option<Vec<Child>>,
    /// A media pod whose turn it is in a roll.
    pub roll: Option<DeletePod>,
    /// The next step of taking a tenant down.
    pub teardown: Option<Teardown>,
    /// What the pods report.
    pub reports: Reports,
    /// When to look again though nothing has changed.
    pub wake: Option<DateTime<Utc>>,
}

/// A finalizer of ours on a document, to be there or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetFinalizer {
    /// On which document.
    pub id: DocumentId,
    /// That very one, not another of its name.
    pub uid: String,
    /// Which finalizer.
    pub name: &'static str,
    /// Whether it shall be there.
    pub present: bool,
}

/// A pod to delete, and no other of its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeletePod {
    /// Its name.
    pub name: String,
    /// Its UID.
    pub uid: String,
}

/// The next step of taking a tenant down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Teardown {
    /// Delete this child; once its pods are gone, go on.
    Delete(ChildKey),
    /// Wait for what is being deleted.
    Wait(ChildKey),
    /// Nothing is left that must go in order.
    Release,
}

/// What the living pods report.
#[derive(Clone, Debug, Default)]
pub struct Reports {
    /// The leading engine's word; `None` where no living pod has spoken.
    pub engine: Option<EngineReport>,
    /// The side-cars' words, by pod, of living pods only.
    pub media: Vec<(String, MediaReport)>,
}

/// Decides.
pub fn plan(gathered: &Gathered, images: &Images, service_monitors: bool) -> Plan {
    let documents: Vec<Document> = gathered
        .view
        .docs
        .values()
        .filter(|doc| doc.deleting.is_none() || doc.document.id.kind == DocKind::CallCenter)
        .map(|doc| doc.document.clone())
        .collect();
    let compiled = compile(&documents, gathered.last.as_ref());
    let names = Names::of(&gathered.key.name.as_str().into());
    let reports = reports(gathered, &names);
    let mut plan = Plan {
        compiled,
        packed: None,
        pack_error: None,
        knob_problems: Vec::new(),
        owner: None,
        pause: Pause::default(),
        finalizers: Vec::new(),
        children: None,
        roll: None,
        teardown: None,
        reports,
        wake: None,
    };
    let Some(center) = gathered.center() else {
        plan.finalizers = without_center(gathered);
        return plan;
    };
    let owner = Owner {
        name: gathered.key.name.clone(),
        namespace: gathered.key.namespace.clone(),
        uid: center.uid.clone(),
    };
    plan.owner = Some(owner.clone());
    plan.pause = knobs::pause(&center.annotations, &mut plan.knob_problems);
    let asked = knobs::knobs(&center.annotations, &mut plan.knob_problems);
    if center.deleting.is_some() {
        let step = teardown(gathered, center, &names);
        plan.finalizers = without_center(gathered);
        if step == Teardown::Release {
            plan.finalizers.extend(set(center, FINALIZER_TENANT, false));
        }
        plan.teardown = Some(step);
        return plan;
    }
    if let Some(tenant) = &plan.compiled.tenant {
        match Packed::new(tenant, &plan.compiled.sources) {
            Ok(packed) => plan.packed = Some(packed),
            Err(error) => plan.pack_error = Some(error),
        }
    }
    plan.finalizers = finalizers(gathered, center, &plan);
    plan.wake = wake(gathered, &plan);
    if let (
        Some(tenant),
        Some(packed),
        Pause {
            children: false, ..
        },
    ) = (&plan.compiled.tenant, &plan.packed, plan.pause)
    {
        let media = media(gathered, tenant, &names, plan.pause);
        plan.roll = media.roll;
        let agents = agents(gathered, tenant);
        let children = Children::of(&Blueprint {
            owner: &owner,
            names: &names,
            tenant,
            packed,
            images,
            knobs: &asked,
            agents: &agents,
            media_replicas: media.replicas,
            media_claims: media_claims(gathered, &owner, &names),
            api_servers: &gathered.view.api_servers,
            service_monitors,
        });
        plan.children = Some(children.in_order());
    }
    plan
}

/// The reports of pods that live.
fn reports(gathered: &Gathered, names: &Names) -> Reports {
    let lives = |uid: &str| gathered.view.pods.values().any(|pod| pod.uid == uid);
    let engine = gathered
        .view
        .reports
        .get(&names.engine_report())
        .and_then(|report| serde_json::from_str::<EngineReport>(report.data.get(LEADER_KEY)?).ok())
        .filter(|report| lives(&report.pod_uid));
    let media = gathered
        .view
        .reports
        .get(&names.media_report())
        .map(|report| {
            report
                .data
                .iter()
                .filter_map(|(pod, text)| {
                    let report: MediaReport = serde_json::from_str(text).ok()?;
                    let pod_lives = gathered
                        .view
                        .pods
                        .get(pod)
                        .is_some_and(|fact| fact.uid == report.pod_uid);
                    pod_lives.then(|| (pod.clone(), report))
                })
                .collect()
        })
        .unwrap_or_default();
    Reports { engine, media }
}

/// Agents and their own rotation texts, by name.
fn agents(gathered: &Gathered, tenant: &Tenant) -> Vec<(String, String)> {
    tenant
        .agents
        .keys()
        .map(|name| {
            let id = DocumentId {
                kind: DocKind::Agent,
                namespace: gathered.key.namespace.clone(),
                name: name.to_string(),
            };
            let rotation = gathered
                .view
                .docs
                .get(&id)
                .and_then(|doc| doc.annotations.get(ANNOTATION_ROTATE))
                .cloned()
                .unwrap_or_default();
            (name.to_string(), rotation)
        })
        .collect()
}

fn set(doc: &DocFact, name: &'static str, present: bool) -> Option<SetFinalizer> {
    let has = doc.finalizers.iter().any(|finalizer| finalizer == name);
    // Nothing can be added to what is being deleted.
    let possible = !present || doc.deleting.is_none();
    (has != present && possible).then(|| SetFinalizer {
        id: doc.document.id.clone(),
        uid: doc.uid.clone(),
        name,
        present,
    })
}

/// With no CallCenter nothing runs, so nothing holds what is being deleted.
fn without_center(gathered: &Gathered) -> Vec<SetFinalizer> {
    gathered
        .view
        .docs
        .values()
        .filter(|doc| doc.deleting.is_some() && doc.document.id.kind != DocKind::CallCenter)
        .filter_map(|doc| set(doc, FINALIZER_DRAIN, false))
        .collect()
}

fn finalizers(gathered: &Gathered, center: &DocFact, plan: &Plan) -> Vec<SetFinalizer> {
    let mut all: Vec<SetFinalizer> = set(center, FINALIZER_TENANT, true).into_iter().collect();
    for kind in [DocKind::Client, DocKind::Trunk] {
        for doc in gathered.view.of_kind(kind) {
            let held = doc.deleting.is_none() || drain_until(gathered, doc, plan).is_some();
            all.extend(set(doc, FINALIZER_DRAIN, held));
        }
    }
    all
}

/// Until when a deleted Client or Trunk is held for its live calls; `None`: it can go.
pub fn drain_until(gathered: &Gathered, doc: &DocFact, plan: &Plan) -> Option<DateTime<Utc>> {
    let since = doc.deleting?;
    let name = doc.document.id.name.as_str();
    let deadline = since + drain_deadline(doc);
    if gathered.now >= deadline {
        return None;
    }
    let tenant = plan.compiled.tenant.as_ref()?;
    let packed = plan.packed.as_ref()?;
    let still_used = match doc.document.id.kind {
        DocKind::Client => tenant.clients.contains_key(name),
        DocKind::Trunk => tenant.trunks.contains_key(name),
        DocKind::CallCenter | DocKind::Agent => false,
    };
    if still_used {
        return Some(deadline);
    }
    if tenant.hibernate {
        return None;
    }
    let drained = plan.reports.engine.as_ref().is_some_and(|report| {
        let draining = match doc.document.id.kind {
            DocKind::Client => report.draining_clients.contains(name),
            DocKind::Trunk => report.draining_trunks.contains(name),
            DocKind::CallCenter | DocKind::Agent => false,
        };
        report.config_hash == packed.hash && !draining
    });
    (!drained).then_some(deadline)
}

fn drain_deadline(doc: &DocFact) -> TimeDelta {
    let seconds = doc
        .document
        .value
        .pointer("/spec/drainDeadline")
        .and_then(Value::as_str)
        .and_then(|text| text.parse::<trunkline_crds::Seconds>().ok())
        .map_or(1800, trunkline_crds::Seconds::get);
    TimeDelta::seconds(i64::try_from(seconds).unwrap_or(1800))
}

/// When a deadline passes that no event will tell of.
fn wake(gathered: &Gathered, plan: &Plan) -> Option<DateTime<Utc>> {
    let drains = [DocKind::Client, DocKind::Trunk]
        .into_iter()
        .flat_map(|kind| gathered.view.of_kind(kind))
        .filter_map(|doc| drain_until(gathered, doc, plan));
    let trunks = plan
        .reports
        .media
        .iter()
        .flat_map(|(_, report)| report.trunks.values())
        .filter(|trunk| trunk.reachable == Some(false))
        .filter_map(|trunk| Some(trunk.since? + UNREACHABLE_GRACE));
    let days = plan.compiled.tenant.iter().filter_map(|tenant| {
        let dated = tenant
            .agents
            .values()
            .any(|agent| agent.employed_from.is_some() || agent.employed_to.is_some());
        let local = gathered.now.with_timezone(&tenant.time_zone);
        let tomorrow = local.date_naive().succ_opt()?.and_hms_opt(0, 0, 5)?;
        let at = tomorrow.and_local_timezone(tenant.time_zone).earliest()?;
        dated.then(|| at.with_timezone(&Utc))
    });
    drains
        .chain(trunks)
        .chain(days)
        .filter(|at| *at > gathered.now)
        .min()
}

/// For how long a client stays Ready when none of its carriers answers.
pub const UNREACHABLE_GRACE: TimeDelta = TimeDelta::seconds(60);

/// How many ordinals of media pods, from 0 on, have a claim of this CallCenter's.
fn media_claims(gathered: &Gathered, owner: &Owner, names: &Names) -> u32 {
    let has = |ordinal: &u32| {
        let key = ChildKey {
            kind: Kind::PersistentVolumeClaim,
            name: names.recordings(*ordinal),
        };
        let child = gathered.view.children.get(&key);
        child.is_some_and(|child| child.owner.as_deref() == Some(&owner.uid))
    };
    (0..).take_while(has).fold(0, |claims, _| claims + 1)
}

struct MediaPlan {
    replicas: u32,
    roll: Option<DeletePod>,
}

/// How many media pods there shall be, and which one is next in a roll: an ordinal is added,
/// then, with all of them Ready, the old ones are drained one at a time.
fn media(gathered: &Gathered, tenant: &Tenant, names: &Names, pause: Pause) -> MediaPlan {
    let target = tenant.telephony.media.min_pods;
    let keep = |replicas| MediaPlan {
        replicas,
        roll: None,
    };
    let key = ChildKey {
        kind: Kind::StatefulSet,
        name: names.media(),
    };
    let Some(workload) = gathered.view.workloads.get(&key) else {
        return keep(target);
    };
    if pause.capacity {
        return keep(u32::try_from(workload.wanted).unwrap_or(target));
    }
    // An old revision's name says nothing about the template that is there now.
    if workload.observed_generation < workload.generation || tenant.hibernate {
        return keep(u32::try_from(workload.wanted).unwrap_or(target).max(target));
    }
    let pods: Vec<&PodFact> = gathered
        .view
        .pods
        .values()
        .map(AsRef::as_ref)
        .filter(|pod| pod.component == "media")
        .collect();
    let ordinal = |pod: &PodFact| {
        pod.name
            .rsplit_once('-')
            .and_then(|(_, number)| number.parse::<u32>().ok())
            .unwrap_or(0)
    };
    let outdated = || {
        pods.iter()
            .filter(|pod| pod.revision != workload.update_revision)
    };
    let delete = |pod: &PodFact| DeletePod {
        name: pod.name.clone(),
        uid: pod.uid.clone(),
    };
    // One that doesn't serve gives way at once; it would hold up the roll for good.
    let broken = outdated().find(|pod| !pod.ready && !pod.deleting);
    let Some(next) = outdated()
        .filter(|pod| ordinal(pod) < target)
        .min_by_key(|pod| ordinal(pod))
    else {
        return MediaPlan {
            replicas: target,
            roll: broken.map(|pod| delete(pod)),
        };
    };
    let surge = target + 1;
    let all_ready = pods.len() == surge as usize
        && pods.iter().all(|pod| pod.ready && !pod.deleting)
        && workload.wanted == i64::from(surge);
    MediaPlan {
        replicas: surge,
        roll: broken.or(all_ready.then_some(next)).map(|pod| delete(pod)),
    }
}

/// Media first, which drains; then the engine, which has recorded it; then claims.
fn teardown(gathered: &Gathered, center: &DocFact, names: &Names) -> Teardown {
    let keep = center
        .document
        .value
        .pointer("/spec/storage/keepOnDelete")
        .and_then(Value::as_bool)
        .unwrap_or(true);
    let workloads = [
        (Kind::StatefulSet, names.media()),
        (Kind::StatefulSet, names.engine()),
        (Kind::Deployment, names.engine()),
    ];
    let mut steps = workloads
        .map(|(kind, name)| ChildKey { kind, name })
        .to_vec();
    if !keep {
        let claims = gathered.view.children.keys();
        steps.extend(
            claims
                .filter(|key| key.kind == Kind::PersistentVolumeClaim)
                .cloned(),
        );
    }
    for key in steps {
        match gathered.view.children.get(&key) {
            Some(child) if child.owner.as_deref() != Some(&center.uid) => {}
            Some(child) if child.deleting => return Teardown::Wait(key),
            Some(_) => return Teardown::Delete(key),
            None => {}
        }
    }
    Teardown::Release
}
