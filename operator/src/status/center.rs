//! A CallCenter's status.

use trunkline_crds::{CallCenterStatus, Counts, TeamKind, TeamStatus};
use trunkline_tenant::Tenant;

use super::{Conditions, DocStatus, Is, Scene, Verdict, finished};
use crate::children::{ChildKey, Kind};
use crate::controller::gather::{EntryFact, Gathered, SecretFact};
use crate::controller::plan::Plan;
use crate::names::{Names, PORT_SIP};
use crate::world::{DocFact, PodFact, WorkloadFact};

pub(super) fn status(scene: &Scene<'_>, doc: &DocFact) -> DocStatus {
    let mut conditions = Conditions::after(&doc.status, doc.generation, scene.gathered.now);
    let stuck = stuck(scene, doc);
    let rolling = rolling(scene.gathered, scene.plan);
    let serving = scene.serving();
    let ready = match &stuck {
        _ if doc.deleting.is_some() => Verdict::no("Deleting", "the tenant is being taken down"),
        Some(stuck) => Verdict::no(&stuck.reason, stuck.message.clone()),
        None => serving.clone(),
    };
    let hibernating = scene.tenant.is_some_and(|tenant| tenant.hibernate);
    let under_way = if doc.deleting.is_some() {
        Some(Verdict::yes("Deleting", "waiting for the last calls"))
    } else if let Some(rolling) = rolling {
        Some(rolling)
    } else if !serving.holds() && !hibernating {
        Some(Verdict::yes(&serving.reason, serving.message.clone()))
    } else if scene.applied.wrote {
        Some(Verdict::yes("Applying", "children were written just now"))
    } else {
        None
    };
    conditions.summary(&ready, under_way.as_ref(), stuck.as_ref());
    conditions.set("ConfigApplied", &scene.config);
    conditions.set("EngineReady", &scene.engine);
    conditions.set("MediaReady", &scene.media);
    let status = CallCenterStatus {
        observed_generation: Some(doc.generation),
        conditions: conditions.list(),
        counts: scene.tenant.map(counts).unwrap_or_default(),
        config_hash: scene.plan.packed.as_ref().map(|packed| packed.hash.clone()),
        addresses: addresses(scene.gathered),
        teams: scene
            .tenant
            .map(|tenant| teams(scene, tenant))
            .unwrap_or_default(),
    };
    finished(doc, &status, &conditions)
}

/// What a person must mend.
fn stuck(scene: &Scene<'_>, doc: &DocFact) -> Option<Verdict> {
    if let Some(error) = scene.stuck(&doc.document.id) {
        return Some(error);
    }
    if let Some(error) = &scene.plan.pack_error {
        return Some(Verdict::yes("TenantTooLarge", error.to_string()));
    }
    if let Some(problem) = scene.applied.problems.first() {
        let more = match scene.applied.problems.len() {
            1 => String::new(),
            n => format!(" ({} more)", n - 1),
        };
        return Some(Verdict::yes(
            problem.reason,
            format!("{}{more}", problem.message),
        ));
    }
    if let Some(postgres) = scene
        .tenant
        .and_then(|tenant| tenant.storage.journal.postgres.as_ref())
    {
        let name = &postgres.secret_ref.name;
        let verdict = match scene.gathered.secrets.get(name) {
            Some(SecretFact::Present(keys)) if keys.iter().any(|key| key == "uri") => None,
            Some(SecretFact::Present(_)) => Some(("SecretIncomplete", "has no key `uri`")),
            Some(SecretFact::Missing) | None => Some(("SecretMissing", "isn't there")),
        };
        if let Some((reason, what)) = verdict {
            return Some(Verdict::yes(
                reason,
                format!(
                    "spec.storage.journal.postgres.secretRef: the Secret `{name}` {what}; it needs the key `uri`"
                ),
            ));
        }
    }
    if let Some(problem) = scene.plan.knob_problems.first() {
        return Some(Verdict::yes("BadAnnotation", problem.clone()));
    }
    if scene.tenant.is_none() && doc.deleting.is_none() {
        return Some(Verdict::yes(
            "NoTenant",
            "nothing usable was ever compiled; see the other documents' conditions",
        ));
    }
    None
}

/// Where carriers send their calls: of nodes those that have a media pod that serves, for the entry Service takes
/// calls nowhere else.
fn addresses(gathered: &Gathered) -> Vec<String> {
    let (hosts, port): (Vec<&str>, i32) = match &gathered.entry {
        None => return Vec::new(),
        Some(EntryFact::Cluster(address)) => (vec![address], PORT_SIP),
        Some(EntryFact::Balancer(places)) => {
            (places.iter().map(String::as_str).collect(), PORT_SIP)
        }
        Some(EntryFact::Nodes(port)) => {
            let serving = pods(gathered, "media").filter(|pod| pod.ready && !pod.deleting);
            let nodes = serving.filter_map(|pod| pod.node_address.as_deref());
            (nodes.collect(), *port)
        }
    };
    let mut all: Vec<String> = hosts
        .into_iter()
        .map(|host| match host.contains(':') {
            true => format!("[{host}]:{port}"),
            false => format!("{host}:{port}"),
        })
        .collect();
    all.sort();
    all.dedup();
    all
}

fn counts(tenant: &Tenant) -> Counts {
    let count = |len: usize| u32::try_from(len).unwrap_or(u32::MAX);
    Counts {
        clients: count(tenant.clients.len()),
        trunks: count(tenant.trunks.len()),
        agents: count(tenant.agents.len()),
    }
}

fn teams(scene: &Scene<'_>, tenant: &Tenant) -> Vec<TeamStatus> {
    let today = scene
        .gathered
        .now
        .with_timezone(&tenant.time_zone)
        .date_naive();
    tenant
        .teams
        .iter()
        .map(|(name, team)| {
            let staffed = tenant
                .agents
                .values()
                .filter(|agent| agent.team.as_ref() == Some(name))
                .filter(|agent| super::agent::employed(agent, today).is_ok())
                .count();
            let report = scene.plan.reports.engine.as_ref();
            TeamStatus {
                name: name.to_string(),
                staffed: u32::try_from(staffed).unwrap_or(u32::MAX),
                ready: (team.kind == TeamKind::Human)
                    .then(|| Some(report?.teams.get(name)?.ready))
                    .flatten(),
                ..TeamStatus::default()
            }
        })
        .collect()
}

fn workload<'a>(gathered: &'a Gathered, plan: &Plan, media: bool) -> Option<&'a WorkloadFact> {
    let names = Names::of(&gathered.key.name.as_str().into());
    let owner = plan.owner.as_ref()?;
    let keys = if media {
        vec![(Kind::StatefulSet, names.media())]
    } else {
        vec![
            (Kind::StatefulSet, names.engine()),
            (Kind::Deployment, names.engine()),
        ]
    };
    keys.into_iter().find_map(|(kind, name)| {
        let key = ChildKey { kind, name };
        let child = gathered.view.children.get(&key)?;
        let ours = child.owner.as_deref() == Some(&owner.uid);
        ours.then(|| gathered.view.workloads.get(&key).map(AsRef::as_ref))
            .flatten()
    })
}

fn pods<'a>(gathered: &'a Gathered, component: &'a str) -> impl Iterator<Item = &'a PodFact> {
    gathered
        .view
        .pods
        .values()
        .map(AsRef::as_ref)
        .filter(move |pod| pod.component == component)
}

/// Why pods of a component aren't there, by what the kubelet says of them.
fn trouble(gathered: &Gathered, component: &str) -> Option<Verdict> {
    let mut staying = pods(gathered, component).filter(|pod| !pod.deleting);
    staying.find_map(|pod| {
        if let Some(image) = &pod.image {
            return Some(Verdict::no(
                &image.reason,
                format!(
                    "the image `{}` of pod {} can't be had; is its name right, and may this node pull it (or was it loaded)?",
                    image.image, pod.name
                ),
            ));
        }
        let crash = pod.crashing.as_ref()?;
        Some(Verdict::no("Crashing", format!("in pod {} {crash}; its log says why", pod.name)))
    })
}

pub(super) fn engine_ready(gathered: &Gathered, plan: &Plan) -> Verdict {
    component_ready(gathered, plan, false, 1)
}

pub(super) fn media_ready(gathered: &Gathered, plan: &Plan) -> Verdict {
    let least = plan
        .compiled
        .tenant
        .as_ref()
        .map_or(1, |tenant| tenant.telephony.media.min_pods);
    component_ready(gathered, plan, true, i64::from(least))
}

fn component_ready(gathered: &Gathered, plan: &Plan, media: bool, least: i64) -> Verdict {
    let component = if media { "media" } else { "engine" };
    if plan
        .compiled
        .tenant
        .as_ref()
        .is_some_and(|tenant| tenant.hibernate)
    {
        return Verdict::no("Hibernating", "spec.hibernate is true; no pod runs");
    }
    // Pods are counted, not the workload's status: of the two that is the older news.
    let ready = pods(gathered, component)
        .filter(|pod| pod.ready && !pod.deleting)
        .count();
    let ready = i64::try_from(ready).unwrap_or(i64::MAX);
    if workload(gathered, plan, media).is_some() && ready >= least {
        return Verdict::yes(
            "Serving",
            format!("{least} of {least} needed {component} pods serve"),
        );
    }
    trouble(gathered, component).unwrap_or_else(|| {
        Verdict::no(
            "Starting",
            format!("{ready} of {least} needed {component} pods are Ready"),
        )
    })
}

/// Whether what runs is what was compiled last, by the word of those that run it.
pub(super) fn config_applied(gathered: &Gathered, plan: &Plan) -> Verdict {
    let Some(packed) = &plan.packed else {
        return Verdict::no("NoTenant", "there is no usable configuration");
    };
    if plan
        .compiled
        .tenant
        .as_ref()
        .is_some_and(|tenant| tenant.hibernate)
    {
        return Verdict::no("Hibernating", "spec.hibernate is true; nothing runs");
    }
    let Some(engine) = &plan.reports.engine else {
        return Verdict::no("NotReported", "no engine has said yet what it runs");
    };
    if engine.config_hash != packed.hash {
        return match &engine.problem {
            Some(problem) => Verdict::no(
                "EngineRefuses",
                format!("the engine runs an older configuration: {problem}"),
            ),
            None => Verdict::no("Applying", "the engine runs an older configuration"),
        };
    }
    for pod in pods(gathered, "media").filter(|pod| pod.ready && !pod.deleting) {
        let report = plan
            .reports
            .media
            .iter()
            .find(|(name, _)| *name == pod.name);
        let Some((_, report)) = report else {
            return Verdict::no(
                "NotReported",
                format!("{} has not said yet what it runs", pod.name),
            );
        };
        if report.config_hash != packed.hash {
            return match &report.problem {
                Some(problem) => Verdict::no(
                    "MediaRefuses",
                    format!("{} runs an older configuration: {problem}", pod.name),
                ),
                None => Verdict::no(
                    "Applying",
                    format!("{} runs an older configuration", pod.name),
                ),
            };
        }
    }
    let held = plan.compiled.held_back.len();
    let message = match held {
        0 => "engine and media run it".to_owned(),
        n => format!("engine and media run it; {n} documents are held back"),
    };
    Verdict::yes("Applied", message)
}

/// Whether pods are being replaced, added or taken away. Where some of them can't come about, that is why, for the old
/// ones may serve meanwhile, and `Ready` says nothing of it.
fn rolling(gathered: &Gathered, plan: &Plan) -> Option<Verdict> {
    let moving: Vec<(&str, Verdict)> = [("engine", false), ("media", true)]
        .into_iter()
        .filter_map(|(component, media)| Some((component, moving(gathered, plan, media)?)))
        .collect();
    let held_up = moving
        .iter()
        .find_map(|(component, _)| trouble(gathered, component));
    match held_up {
        Some(trouble) => Some(Verdict {
            is: Is::True,
            ..trouble
        }),
        None => moving.into_iter().next().map(|(_, verdict)| verdict),
    }
}

fn moving(gathered: &Gathered, plan: &Plan, media: bool) -> Option<Verdict> {
    let fact = workload(gathered, plan, media)?;
    let what = if media { "media" } else { "engine" };
    if fact.observed_generation < fact.generation
        || fact.replicas != fact.wanted
        || fact.updated < fact.wanted
        || fact.ready < fact.wanted
    {
        return Some(Verdict::yes(
            "Rolling",
            format!(
                "{what} pods: {} wanted, {} there, {} of the newest kind, {} Ready",
                fact.wanted, fact.replicas, fact.updated, fact.ready
            ),
        ));
    }
    let tenant = plan.compiled.tenant.as_ref()?;
    let surges = fact.wanted > i64::from(tenant.telephony.media.min_pods);
    (media && !plan.pause.capacity && surges)
        .then(|| Verdict::yes("Rolling", "media pods are being replaced, one at a time"))
}
