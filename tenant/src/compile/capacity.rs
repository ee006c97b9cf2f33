//! Who could ever take a contact, and who could today: routes, shares and contracts.

use std::collections::BTreeMap;

use trunkline_crds::{
    AgentSpec, CallCenterSpec, ExhaustedAction, Level, MediaCapacity, Medium, QueueCommon,
    RouteStep, SkillName, Team, TeamKind,
};

use super::contention::in_order_of_age;
use super::view::View;
use crate::finding::{Code, Severity};
use crate::path::FieldPath;
use crate::rules::{Draft, Report};

/// A team with its people.
struct Crew<'a> {
    team: &'a Team,
    members: Vec<&'a AgentSpec>,
    /// The highest level that any member has, by skill.
    best: BTreeMap<&'a SkillName, Level>,
    /// Agents at once, at the very most; `None`: no bound is declared.
    ever: Option<u64>,
}

impl<'a> Crew<'a> {
    fn new(team: &'a Team, members: Vec<&'a AgentSpec>, budget: Option<u32>) -> Self {
        let ever = match (&team.virtual_agents, team.kind) {
            (Some(pods), TeamKind::Virtual) => {
                let most = pods.max_pods.min(budget.unwrap_or(u32::MAX));
                Some(u64::from(most) * u64::from(pods.contacts_per_pod))
            }
            _ => team.seats.map(|seats| {
                let remote = |a: &&&AgentSpec| a.employment.as_ref().is_some_and(|e| e.remote);
                u64::from(seats) + members.iter().filter(remote).count() as u64
            }),
        };
        let mut best: BTreeMap<&SkillName, Level> = BTreeMap::new();
        if !members.is_empty() || team.kind == TeamKind::Virtual {
            best.extend(team.skills.iter().map(|(skill, level)| (skill, *level)));
        }
        for (skill, level) in members.iter().flat_map(|a| &a.skills) {
            let known = best.entry(skill).or_insert(*level);
            *known = (*known).max(*level);
        }
        Self {
            team,
            members,
            best,
            ever,
        }
    }

    /// Agents that there are today. Pods come when they are needed, so a virtual team has them all.
    fn now(&self) -> u64 {
        match self.team.kind {
            TeamKind::Human => self.members.len() as u64,
            TeamKind::Virtual => self.ever.unwrap_or(0),
        }
    }

    fn takes(&self, medium: Medium) -> bool {
        let MediaCapacity { voice, chat, email } = self.team.media;
        let capacity = match medium {
            Medium::Voice | Medium::Callback => voice,
            Medium::Chat => chat,
            Medium::Email => email,
        };
        capacity > 0 && self.ever != Some(0)
    }

    /// Whether someone could have these levels: people learn, software has what it has.
    fn could_ever(&self, require: &BTreeMap<SkillName, Level>) -> bool {
        match self.team.kind {
            TeamKind::Human => true,
            TeamKind::Virtual => suffices(&self.team.skills, require),
        }
    }

    fn can_now(&self, require: &BTreeMap<SkillName, Level>) -> bool {
        if self.now() == 0 || !require.iter().all(|(s, l)| self.best.get(s) >= Some(l)) {
            return false;
        }
        if self.team.kind == TeamKind::Virtual {
            return true;
        }
        self.members.iter().any(|agent| {
            require.iter().all(|(skill, level)| {
                let own = agent
                    .skills
                    .get(skill)
                    .or_else(|| self.team.skills.get(skill));
                own >= Some(level)
            })
        })
    }
}

fn suffices(has: &BTreeMap<SkillName, Level>, require: &BTreeMap<SkillName, Level>) -> bool {
    require
        .iter()
        .all(|(skill, level)| has.get(skill) >= Some(level))
}

/// Routes no one can satisfy, shares above the team, contracts without capacity.
pub(super) fn check(view: &View<'_>, drafts: &mut Vec<Draft>) {
    let crews = crews(view);
    let spec: &CallCenterSpec = view.centre.spec;
    let mut report = Report::new(view.centre.id, drafts);
    for (i, queue) in spec.queues.iter().enumerate() {
        let teams: Vec<_> = queue.teams.iter().map(|t| t.as_str()).collect();
        let path = FieldPath::spec().key("queues").at(i);
        route(&queue.common, &teams, &path, &crews, &mut report);
    }
    for client in view.clients.values() {
        let mut report = Report::new(client.id, drafts);
        for (i, queue) in client.spec.queues.iter().enumerate() {
            let teams: Vec<_> = queue.teams.iter().map(|t| t.name.as_str()).collect();
            let path = FieldPath::spec().key("queues").at(i);
            route(&queue.common, &teams, &path, &crews, &mut report);
        }
        if client.spec.contract.is_some() {
            contract(client.spec, &crews, &mut report);
        }
    }
    shares(view, &crews, drafts);
}

fn crews<'a>(view: &View<'a>) -> BTreeMap<&'a str, Crew<'a>> {
    let mut members: BTreeMap<&str, Vec<&AgentSpec>> = BTreeMap::new();
    for agent in view.agents.values() {
        if let Some(team) = &agent.spec.team {
            members.entry(team.as_str()).or_default().push(agent.spec);
        }
    }
    let spec = view.centre.spec;
    let budget = spec.capacity.virtual_budget;
    spec.teams
        .iter()
        .map(|team| {
            let name = team.name.as_str();
            let crew = Crew::new(team, members.remove(name).unwrap_or_default(), budget);
            (name, crew)
        })
        .collect()
}

fn route(
    queue: &QueueCommon,
    teams: &[&str],
    path: &FieldPath,
    crews: &BTreeMap<&str, Crew<'_>>,
    report: &mut Report<'_>,
) {
    let known: Vec<&Crew<'_>> = teams.iter().filter_map(|t| crews.get(t)).collect();
    if known.len() < teams.len() || teams.is_empty() {
        return; // The unknown team is the finding; what it could do can't be told.
    }
    let able: Vec<&Crew<'_>> = known
        .into_iter()
        .filter(|c| c.takes(queue.medium))
        .collect();
    if able.is_empty() {
        report.error(
            Code::Unroutable,
            path.key("teams"),
            format!(
                "none of its teams ({}) can ever take a {:?} contact",
                teams.join(", "),
                queue.medium
            ),
            "give a team `media` for it, and seats or pods; or name a team that has them",
        );
        return;
    }
    let require_of = |step: usize| path.key("route").at(step).key("require");
    let possible = |step: &RouteStep| able.iter().any(|c| c.could_ever(&step.require));
    let widens = queue.on_exhausted.action == ExhaustedAction::Widen;
    let some_possible = widens || queue.route.is_empty() || queue.route.iter().any(possible);
    if !some_possible {
        report.error(
            Code::Unroutable,
            require_of(0),
            format!("no agent can ever satisfy this route: its teams ({}) are software without these levels", teams.join(", ")),
            "raise the team's `skills`, lower what is required, or add a team of people",
        );
        return;
    }
    for (i, step) in queue.route.iter().enumerate() {
        if !possible(step) {
            report.warning(
                Code::NobodyQualified,
                require_of(i),
                format!(
                    "no agent can ever satisfy step {i}: {}",
                    written(&step.require)
                ),
                "the step only makes callers wait: raise the team's `skills`, or remove the step",
            );
        } else if !able.iter().any(|c| c.can_now(&step.require)) {
            report.warning(
                Code::NobodyQualified,
                require_of(i),
                format!(
                    "no agent of {} has {} yet",
                    teams.join(", "),
                    written(&step.require)
                ),
                "hire or train someone, or lower what the step requires",
            );
        }
    }
    if queue.route.is_empty() && !able.iter().any(|c| c.can_now(&BTreeMap::new())) {
        report.warning(
            Code::NobodyQualified,
            path.key("teams"),
            format!("{} has no agent yet", teams.join(", ")),
            "add an Agent of this team",
        );
    }
}

fn written(require: &BTreeMap<SkillName, Level>) -> String {
    if require.is_empty() {
        return "anyone at all".to_owned();
    }
    let each: Vec<_> = require
        .iter()
        .map(|(s, l)| format!("{s} {}", l.0))
        .collect();
    each.join(" and ")
}

fn contract(
    spec: &trunkline_crds::ClientSpec,
    crews: &BTreeMap<&str, Crew<'_>>,
    report: &mut Report<'_>,
) {
    let field = FieldPath::spec().key("contract");
    if spec.queues.is_empty() {
        report.error(
            Code::ContractWithoutCapacity,
            field,
            "a contract is promised, but the client has no queue",
            "add `queues` with the teams that will keep it",
        );
        return;
    }
    for queue in &spec.queues {
        let crews_of: Vec<_> = queue
            .teams
            .iter()
            .map(|t| crews.get(t.name.as_str()))
            .collect();
        if crews_of.iter().any(Option::is_none) {
            continue;
        }
        let able: Vec<_> = crews_of
            .into_iter()
            .flatten()
            .filter(|c| c.takes(queue.common.medium))
            .collect();
        let (severity, message, hint) = if able.is_empty() {
            (
                Severity::Error,
                format!(
                    "a contract is promised, but no one can ever answer `{}`",
                    queue.name
                ),
                "give its teams seats or pods, or name others",
            )
        } else if able.iter().all(|c| c.now() == 0) {
            (
                Severity::Warning,
                format!(
                    "a contract is promised, but the teams of `{}` have no agent yet",
                    queue.name
                ),
                "add Agents to its teams before the contract starts",
            )
        } else {
            continue;
        };
        report.push(
            Code::ContractWithoutCapacity,
            severity,
            field,
            message,
            hint.to_owned(),
        );
        return;
    }
}

/// What one client is guaranteed of one team: the greatest of what its queues say.
struct Claim<'a> {
    team: &'a str,
    agents: u64,
    field: FieldPath,
}

fn claims(spec: &trunkline_crds::ClientSpec) -> Vec<Claim<'_>> {
    let mut claims: BTreeMap<&str, Claim<'_>> = BTreeMap::new();
    for (i, queue) in spec.queues.iter().enumerate() {
        for (j, share) in queue.teams.iter().enumerate() {
            let claim = Claim {
                team: share.name.as_str(),
                agents: u64::from(share.guaranteed),
                field: FieldPath::spec()
                    .key("queues")
                    .at(i)
                    .key("teams")
                    .at(j)
                    .key("guaranteed"),
            };
            match claims.get(claim.team) {
                Some(known) if known.agents >= claim.agents => {}
                _ => {
                    claims.insert(claim.team, claim);
                }
            }
        }
    }
    claims.into_values().filter(|c| c.agents > 0).collect()
}

fn shares(view: &View<'_>, crews: &BTreeMap<&str, Crew<'_>>, drafts: &mut Vec<Draft>) {
    let mut taken: BTreeMap<&str, u64> = BTreeMap::new();
    for client in in_order_of_age(&view.clients) {
        let mut report = Report::new(client.id, drafts);
        for Claim {
            team,
            agents,
            field,
        } in claims(client.spec)
        {
            let Some(crew) = crews.get(team) else {
                continue;
            };
            let before = taken.get(team).copied().unwrap_or(0);
            let all = before + agents;
            let others = match before {
                0 => String::new(),
                n => format!(", {n} to others"),
            };
            match crew.ever {
                Some(ever) if all > ever => {
                    report.error(
                        Code::ShareAboveTeam,
                        field,
                        format!("{agents} agents of `{team}` are guaranteed{others}, and it can never have more than {ever}"),
                        "lower the guarantee, or give the team more seats or pods",
                    );
                    continue;
                }
                _ if all > crew.now() => report.warning(
                    Code::ShareAboveTeam,
                    field,
                    format!(
                        "{agents} agents of `{team}` are guaranteed{others}, and it has {} today",
                        crew.now()
                    ),
                    "hire, or lower the guarantee",
                ),
                _ => {}
            }
            taken.insert(team, all);
        }
    }
}
