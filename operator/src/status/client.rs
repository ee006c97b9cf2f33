//! A Client's status: the gates of its onboarding, and whether it is served.

use std::collections::{BTreeMap, BTreeSet};

use trunkline_crds::{ClientStatus, TeamKind, TeamName};
use trunkline_tenant::{Queue, Tenant, TenantClient};

use super::trunk::TrunkState;
use super::{Conditions, DocStatus, Is, Scene, Verdict, finished};
use crate::controller::plan::UNREACHABLE_GRACE;
use crate::world::DocFact;

pub(super) fn status(
    scene: &Scene<'_>,
    doc: &DocFact,
    trunks: &BTreeMap<String, TrunkState>,
) -> DocStatus {
    let mut conditions = Conditions::after(&doc.status, doc.generation, scene.gathered.now);
    let id = &doc.document.id;
    let stuck = scene.stuck(id);
    let known = scene
        .tenant
        .and_then(|tenant| Some((tenant, tenant.clients.get(id.name.as_str())?)));
    let serving = scene.serving();
    let ready = match (&stuck, known) {
        _ if doc.deleting.is_some() => Verdict::no("Deleting", "its live contacts may end"),
        (Some(stuck), _) => Verdict::no(&stuck.reason, stuck.message.clone()),
        (None, None) => Verdict::no("Waiting", "it isn't part of the tenant yet"),
        (None, Some(_)) if !serving.holds() => serving,
        (None, Some((_, client))) => cut_off(scene, client, trunks)
            .unwrap_or_else(|| Verdict::yes("Serving", "its contacts are taken")),
    };
    let under_way = (!ready.holds()).then(|| Verdict::yes(&ready.reason, ready.message.clone()));
    conditions.summary(&ready, under_way.as_ref(), stuck.as_ref());
    let report = scene
        .plan
        .reports
        .engine
        .as_ref()
        .and_then(|report| report.clients.get(id.name.as_str()));
    if let Some((tenant, client)) = known {
        let gates = [
            ("TrunksVerified", trunks_verified(client, trunks)),
            (
                "NumbersRouted",
                numbers_routed(scene, tenant, &id.name, client, doc),
            ),
            ("TeamStaffed", team_staffed(scene, tenant, &id.name)),
            ("AgentsTrained", agents_trained(scene, tenant, &id.name)),
        ];
        let test_call = match report.and_then(|report| report.first_answered) {
            Some(at) => Verdict::yes(
                "CallAnswered",
                format!(
                    "an agent first answered one of its contacts at {}; it stands for the test call",
                    at.format("%Y-%m-%dT%H:%M:%SZ")
                ),
            ),
            None => Verdict::no(
                "Waiting",
                "no agent has answered one of its contacts yet; call one of its numbers",
            ),
        };
        let live = live(client, &gates);
        for (kind, verdict) in &gates {
            conditions.set(kind, verdict);
        }
        conditions.set("TestCallPassed", &test_call);
        conditions.set("Live", &live);
    }
    let status = ClientStatus {
        observed_generation: Some(doc.generation),
        conditions: conditions.list(),
        service_level: report.and_then(|report| report.service_level.clone()),
    };
    finished(doc, &status, &conditions)
}

/// When none of its carriers has answered for a minute.
fn cut_off(
    scene: &Scene<'_>,
    client: &TenantClient,
    trunks: &BTreeMap<String, TrunkState>,
) -> Option<Verdict> {
    let states: Vec<&TrunkState> = client
        .trunks
        .iter()
        .filter_map(|name| trunks.get(name.as_str()))
        .collect();
    let all_gone = !states.is_empty()
        && states.iter().all(|state| {
            state
                .unreachable_since
                .is_some_and(|since| scene.gathered.now >= since + UNREACHABLE_GRACE)
        });
    all_gone.then(|| {
        Verdict::no(
            "CarriersUnreachable",
            "none of its trunks' carriers has answered for a minute",
        )
    })
}

fn trunks_verified(client: &TenantClient, trunks: &BTreeMap<String, TrunkState>) -> Verdict {
    if client.trunks.is_empty() {
        return Verdict::yes("NotNeeded", "it names no trunk");
    }
    let bad = client
        .trunks
        .iter()
        .find(|name| !trunks.get(name.as_str()).is_some_and(TrunkState::works));
    match bad {
        Some(name) => Verdict::no(
            "Waiting",
            format!("the trunk `{name}` doesn't work yet; see its conditions"),
        ),
        None => Verdict::yes("Verified", "its trunks work"),
    }
}

fn numbers_routed(
    scene: &Scene<'_>,
    tenant: &Tenant,
    name: &str,
    client: &TenantClient,
    doc: &DocFact,
) -> Verdict {
    let asked = doc
        .document
        .value
        .pointer("/spec/numbers")
        .and_then(|list| list.as_array())
        .cloned()
        .unwrap_or_default();
    let missing = asked
        .iter()
        .filter_map(|number| number.as_str())
        .find(|number| {
            tenant
                .numbers
                .get(&trunkline_crds::PhoneNumber::from(*number))
                .is_none_or(|holder| holder.as_str() != name)
        });
    match missing {
        Some(number) => Verdict::no(
            "NotHeld",
            format!(
                "{number} isn't this client's; another client holds it, or this version isn't used"
            ),
        ),
        None if client.entry.is_none() && client.menu.is_none() && !asked.is_empty() => {
            Verdict::no(
                "NoEntry",
                "its numbers lead nowhere: it has neither a voice queue nor a menu",
            )
        }
        None if !scene.config.holds() => Verdict::no("Applying", scene.config.message.clone()),
        None => Verdict::yes("Routed", "its numbers lead to its queues"),
    }
}

fn queues<'a>(tenant: &'a Tenant, client: &str) -> Vec<&'a Queue> {
    tenant
        .queues
        .iter()
        .filter(|(id, _)| id.client().is_some_and(|name| name.as_str() == client))
        .map(|(_, queue)| queue)
        .collect()
}

fn is_virtual(tenant: &Tenant, team: &TeamName) -> bool {
    tenant
        .teams
        .get(team)
        .is_some_and(|team| team.kind == TeamKind::Virtual)
}

fn team_staffed(scene: &Scene<'_>, tenant: &Tenant, client: &str) -> Verdict {
    let today = scene
        .gathered
        .now
        .with_timezone(&tenant.time_zone)
        .date_naive();
    let mut needed: BTreeMap<&TeamName, u32> = BTreeMap::new();
    for share in queues(tenant, client).iter().flat_map(|queue| &queue.teams) {
        let most = needed.entry(&share.name).or_default();
        *most = (*most).max(share.guaranteed.max(1));
    }
    for (team, needed) in needed {
        let staffed = tenant
            .agents
            .values()
            .filter(|agent| agent.team.as_ref() == Some(team))
            .filter(|agent| super::agent::employed(agent, today).is_ok())
            .count();
        if !is_virtual(tenant, team) && staffed < needed as usize {
            return Verdict::no(
                "Waiting",
                format!(
                    "the team `{team}` has {staffed} of the {needed} people that the client asks for"
                ),
            );
        }
    }
    Verdict::yes("Staffed", "its teams have the people that it asks for")
}

fn agents_trained(scene: &Scene<'_>, tenant: &Tenant, client: &str) -> Verdict {
    let today = scene
        .gathered
        .now
        .with_timezone(&tenant.time_zone)
        .date_naive();
    for queue in queues(tenant, client) {
        let teams: BTreeSet<&TeamName> = queue.teams.iter().map(|share| &share.name).collect();
        if queue.training.is_empty() || teams.iter().any(|team| is_virtual(tenant, team)) {
            continue;
        }
        let trained = tenant.agents.values().any(|agent| {
            agent.team.as_ref().is_some_and(|team| teams.contains(team))
                && super::agent::employed(agent, today).is_ok()
                && queue
                    .training
                    .iter()
                    .all(|course| agent.trained.get(course).is_some_and(|day| *day <= today))
        });
        if !trained {
            let courses: Vec<&str> = queue
                .training
                .iter()
                .map(|course| course.as_str())
                .collect();
            return Verdict::no(
                "Waiting",
                format!("nobody of its teams has completed {}", courses.join(", ")),
            );
        }
    }
    Verdict::yes(
        "Trained",
        "every queue has agents with the training that it asks for",
    )
}

fn live(client: &TenantClient, gates: &[(&str, Verdict)]) -> Verdict {
    if let Some((gate, _)) = gates.iter().find(|(_, verdict)| verdict.is != Is::True) {
        return Verdict::no("Waiting", format!("{gate} isn't passed yet"));
    }
    if client.manual_go_live && !client.approved {
        return Verdict::no("Waiting", "goLive is Manual: set spec.approved to true");
    }
    Verdict::yes("Live", "its gates are passed")
}
