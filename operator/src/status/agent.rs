//! An Agent's status: whether contacts can be offered, and why not.

use chrono::NaiveDate;
use trunkline_crds::AgentStatus;
use trunkline_tenant::{Tenant, TenantAgent};

use super::{Conditions, DocStatus, Scene, Verdict, finished};
use crate::world::DocFact;

/// Whether somebody works here on that day, or why not.
pub(super) fn employed(agent: &TenantAgent, today: NaiveDate) -> Result<(), Verdict> {
    match (agent.employed_from, agent.employed_to) {
        (Some(from), _) if today < from => Err(Verdict::no(
            "NotYetEmployed",
            format!("spec.employment.from is {from}"),
        )),
        (_, Some(to)) if today > to => Err(Verdict::no(
            "NoLongerEmployed",
            format!("spec.employment.to was {to}"),
        )),
        _ => Ok(()),
    }
}

pub(super) fn status(scene: &Scene<'_>, doc: &DocFact) -> DocStatus {
    let mut conditions = Conditions::after(&doc.status, doc.generation, scene.gathered.now);
    let id = &doc.document.id;
    let stuck = scene.stuck(id);
    let known = scene
        .tenant
        .and_then(|tenant| Some((tenant, tenant.agents.get(id.name.as_str())?)));
    let ready = match (&stuck, known) {
        (Some(stuck), _) => Verdict::no(&stuck.reason, stuck.message.clone()),
        (None, None) => Verdict::no("Waiting", "the document isn't part of the tenant yet"),
        (None, Some(_)) => Verdict::yes("Accepted", "the document is part of the tenant"),
    };
    conditions.summary(&ready, None, stuck.as_ref());
    if let Some((tenant, agent)) = known {
        let today = scene
            .gathered
            .now
            .with_timezone(&tenant.time_zone)
            .date_naive();
        conditions.set("Eligible", &eligible(tenant, agent, today));
    }
    let status = AgentStatus {
        observed_generation: Some(doc.generation),
        conditions: conditions.list(),
    };
    finished(doc, &status, &conditions)
}

fn eligible(tenant: &Tenant, agent: &TenantAgent, today: NaiveDate) -> Verdict {
    let Some(team) = &agent.team else {
        return Verdict::no(
            "NoTeam",
            "spec.team is not set; somebody without a team takes no contacts",
        );
    };
    if let Err(why) = employed(agent, today) {
        return why;
    }
    let mut of_team = tenant
        .queues
        .values()
        .filter(|queue| queue.teams.iter().any(|share| share.name == *team))
        .peekable();
    if of_team.peek().is_none() {
        return Verdict::yes(
            "Eligible",
            format!("no queue is served by the team `{team}` yet"),
        );
    }
    let missing = |queue: &trunkline_tenant::Queue| {
        queue
            .training
            .iter()
            .find(|course| agent.trained.get(*course).is_none_or(|day| *day > today))
            .cloned()
    };
    let lacks: Vec<_> = of_team.map(missing).collect();
    match lacks.iter().flatten().next() {
        Some(course) if lacks.iter().all(Option::is_some) => Verdict::no(
            "TrainingMissing",
            format!("every queue of the team asks for training; `{course}` isn't completed"),
        ),
        Some(course) => Verdict::yes(
            "Eligible",
            format!("but for queues that ask for `{course}`, which isn't completed"),
        ),
        None => Verdict::yes("Eligible", "employed and trained"),
    }
}
