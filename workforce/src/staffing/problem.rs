//! Who can serve what, and what is promised.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use trunkline_routing::{Span, Time};
use trunkline_tenant::crds::{CourseName, Formula, Medium, SkillName, TeamName};
use trunkline_tenant::{Exhausted, Queue, QueueId, Tenant, TenantTeam};

use crate::capacity::Budget;
use crate::simulate::Demand;

/// More work in one interval than this takes very long to try on the simulator. In erlangs.
pub const MOST_ERLANGS: f64 = 2_000.0;

/// So do more calls than this in all.
pub const MOST_CALLS: f64 = 1e6;

/// What there is beside documents and demand.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// What is drawn is drawn from it.
    pub seed: u64,
    /// The date that the demand counts from: calendars then apply.
    pub start: Option<Time>,
    /// How long an agent takes to accept.
    pub ring: Span,
    /// In place of what the teams declare.
    pub wrap_up: Option<Span>,
    /// Each interval for itself, as if it had gone on for ever.
    pub steady: bool,
    /// What an agent of a team costs; 1 where nothing is said.
    pub costs: BTreeMap<TeamName, f64>,
    /// How busy whole days are: see [`arrivals`](crate::simulate::arrivals).
    pub swing: f64,
    /// Contacts simulated in each try; the verification takes 24 times as many, and twice that where it is a near thing.
    pub effort: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            seed: 1,
            start: None,
            ring: Span(0),
            wrap_up: None,
            steady: false,
            costs: BTreeMap::new(),
            swing: 0.0,
            effort: 20_000,
        }
    }
}

/// Members of a team who can do the same, as far as any route or queue asks.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// Of which team.
    pub team: TeamName,
    /// Their levels.
    pub skills: BTreeMap<SkillName, u8>,
    /// The courses that they have completed.
    pub courses: BTreeSet<CourseName>,
    /// How many of them the documents list.
    pub listed: usize,
    /// No more of them can be had: a virtual team's pods. The budget over all virtual teams may
    /// leave fewer.
    pub most: Option<u32>,
    /// Contacts that a pod of it takes at once; 1 for people.
    pub(super) per_pod: u32,
    /// What one costs.
    pub cost: f64,
    /// The queues that they serve, by place.
    pub(super) serves: Vec<usize>,
}

/// What is promised of a queue.
#[derive(Clone, Debug, PartialEq)]
pub struct Target {
    /// Which.
    pub queue: QueueId,
    /// How the share is counted.
    pub formula: Formula,
    /// At least this share, 0..1.
    pub level: f64,
    /// Answered within.
    pub within: Span,
    /// An abandonment sooner than this is short.
    pub short: Span,
    /// At most this share abandoned, 0..1.
    pub max_abandonment: Option<f64>,
    /// Contacts of it that one agent takes at once.
    pub(super) at_once: u32,
    /// After-call work, the least of its teams'; seconds.
    pub(super) wrap_up: f64,
}

/// Why there is no answer, or none that keeps the promises.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum StaffingError {
    /// A number out of range.
    #[error("{field} is {value}; it must be {needs}")]
    OutOfRange {
        /// Which.
        field: String,
        /// As given.
        value: f64,
        /// What would be right.
        needs: &'static str,
    },
    /// Nothing to staff for.
    #[error("no calls are expected in any interval")]
    NoDemand,
    /// More work than can be simulated.
    #[error(
        "queue {queue}: {erlangs:.0} erlangs are expected in one interval (calls × handling time over its length, with those of other queues); at most {MOST_ERLANGS:.0} can be staffed for"
    )]
    TooMuch {
        /// The queue that has the most of it.
        queue: QueueId,
        /// In which interval.
        interval: usize,
        /// Of all queues.
        erlangs: f64,
    },
    /// More calls than can be simulated.
    #[error(
        "{calls:.0} calls in all are more than can be staffed for at once; at most {MOST_CALLS:.0}: give fewer days at a time"
    )]
    TooMany {
        /// Of all queues in all intervals.
        calls: f64,
    },
    /// Demand for what is not there.
    #[error("there is no queue {0} in these documents")]
    NoQueue(QueueId),
    /// Nobody could ever take its contacts.
    #[error("queue {queue}: nobody can serve it: {why}")]
    NobodyServes {
        /// Which.
        queue: QueueId,
        /// What is asked, and what is missing.
        why: String,
    },
    /// No number of agents keeps the promise.
    #[error("queue {queue}: {promise} is met by no number of agents: {why}")]
    OutOfReach {
        /// Which.
        queue: QueueId,
        /// What is promised.
        promise: String,
        /// Why it can't be kept.
        why: String,
    },
}

/// A staffing problem.
#[derive(Clone, Debug)]
pub struct Problem {
    pub(super) tenant: Arc<Tenant>,
    pub(super) demands: Vec<Demand>,
    /// From when until when, in order.
    pub(super) intervals: Vec<(Span, Span)>,
    pub(super) options: Options,
    pub(super) groups: Vec<Group>,
    pub(super) budget: Budget,
    /// Of every queue with demand.
    pub(super) targets: Vec<Target>,
    /// Calls by interval and target.
    pub(super) calls: Vec<Vec<f64>>,
    /// The most occupied that a team may be.
    pub(super) max_occupancy: f64,
}

impl Problem {
    /// For these documents and this demand, interval by interval. Every period of the demand is
    /// one of the intervals.
    ///
    /// # Errors
    /// Where nothing is expected, nobody can serve a queue, or no number keeps a promise.
    pub fn new(
        tenant: &Arc<Tenant>,
        demands: &[Demand],
        intervals: &[(Span, Span)],
        options: Options,
    ) -> Result<Self, StaffingError> {
        check_costs(tenant, &options)?;
        check_shrinkage(tenant)?;
        let demands: Vec<Demand> = demands
            .iter()
            .filter(|demand| demand.periods.iter().any(|period| period.calls > 0.0))
            .cloned()
            .collect();
        if demands.is_empty() {
            return Err(StaffingError::NoDemand);
        }
        let mut groups = groups(tenant, &options);
        let mut targets = Vec::new();
        for demand in &demands {
            let Some(queue) = tenant.queues.get(&demand.queue) else {
                return Err(StaffingError::NoQueue(demand.queue.clone()));
            };
            let at = targets.len();
            let servers = groups
                .iter_mut()
                .filter(|group| serves(group, queue, tenant));
            let teams: BTreeSet<TeamName> = servers
                .map(|group| {
                    group.serves.push(at);
                    group.team.clone()
                })
                .collect();
            if teams.is_empty() {
                return Err(StaffingError::NobodyServes {
                    queue: demand.queue.clone(),
                    why: asked(queue, tenant),
                });
            }
            targets.push(target(&demand.queue, queue, &teams, tenant, &options)?);
        }
        groups.retain(|group| !group.serves.is_empty());
        // Who can do more is dearer by next to nothing, so that of equals the specialist is taken.
        for group in &mut groups {
            group.cost *= 1.0 + 1e-3 * (group.serves.len() as f64 - 1.0);
        }
        let calls = intervals.iter().map(|(from, to)| {
            let in_it = |demand: &Demand| {
                let periods = demand.periods.iter();
                let here = periods.filter(|period| period.from >= *from && period.to <= *to);
                here.map(|period| period.calls).sum::<f64>()
            };
            demands.iter().map(in_it).collect()
        });
        let calls: Vec<Vec<f64>> = calls.collect();
        check_size(&demands, &targets, &calls, intervals, &options)?;
        Ok(Self {
            calls,
            max_occupancy: tenant.capacity.max_occupancy.0 / 100.0,
            budget: Budget::of(tenant),
            tenant: Arc::clone(tenant),
            demands,
            intervals: intervals.to_vec(),
            options,
            groups,
            targets,
        })
    }

    /// Who can be had.
    pub fn groups(&self) -> &[Group] {
        &self.groups
    }

    /// What is promised.
    pub fn targets(&self) -> &[Target] {
        &self.targets
    }

    /// The teams that anybody is needed of, as places in the tenant's list, in order.
    pub(super) fn teams(&self) -> Vec<usize> {
        let teams: BTreeSet<&TeamName> = self.groups.iter().map(|group| &group.team).collect();
        let all = self.tenant.teams.keys().enumerate();
        all.filter(|(_, team)| teams.contains(team))
            .map(|(at, _)| at)
            .collect()
    }

    /// The names of these.
    pub(super) fn team_names(&self) -> Vec<TeamName> {
        let teams: BTreeSet<&TeamName> = self.groups.iter().map(|group| &group.team).collect();
        teams.into_iter().cloned().collect()
    }

    /// How many of a team there are, by its place among [`Self::team_names`].
    pub(super) fn of_team(&self, number: usize, agents: &[u32]) -> u32 {
        let mut names: Vec<&TeamName> = self.groups.iter().map(|group| &group.team).collect();
        names.dedup();
        let each = agents.iter().zip(&self.groups);
        each.filter(|(_, group)| names.get(number) == Some(&&group.team))
            .map(|(n, _)| n)
            .sum()
    }

    /// The most agents of a group that there can be beside those of the others: of a virtual team
    /// what its own bound and the budget over all allow. `None`: as many as are wanted.
    pub(super) fn most_beside(&self, agents: &[u32], group: usize) -> Option<u32> {
        let Group {
            team,
            most,
            per_pod,
            ..
        } = &self.groups[group];
        let most = (*most)?;
        // A virtual team is one group.
        let pods_of = |team: &TeamName| {
            let mut each = self.groups.iter().zip(agents);
            let of_team = each.find(|(group, _)| group.team == *team);
            of_team.map_or(0, |(group, agents)| agents.div_ceil(group.per_pod))
        };
        let left = self.budget.left(team, pods_of);
        Some(most.min(left.saturating_mul(*per_pod)))
    }

    /// Whether so many can be had of every group at once.
    pub(super) fn can_be_had(&self, agents: &[u32]) -> bool {
        agents.iter().enumerate().all(|(group, agents_of)| {
            let most = self.most_beside(agents, group);
            most.is_none_or(|most| *agents_of <= most)
        })
    }

    /// Whether somebody is there for each queue that is called in the interval.
    pub(super) fn covers(&self, interval: usize, agents: &[u32]) -> bool {
        let calls = self.calls[interval].iter().enumerate();
        calls.filter(|(_, calls)| **calls > 0.0).all(|(queue, _)| {
            let each = agents.iter().zip(&self.groups);
            each.clone()
                .any(|(n, group)| *n > 0 && group.serves.contains(&queue))
        })
    }
}

fn check_size(
    demands: &[Demand],
    targets: &[Target],
    calls: &[Vec<f64>],
    intervals: &[(Span, Span)],
    options: &Options,
) -> Result<(), StaffingError> {
    for (interval, ((from, to), calls)) in intervals.iter().zip(calls).enumerate() {
        let length = (to.0 - from.0) as f64 / 1e6;
        let erlangs = demands
            .iter()
            .zip(targets)
            .zip(calls)
            .map(|((demand, target), calls)| {
                let mut periods = demand.periods.iter();
                let period = periods.find(|period| period.from >= *from && period.to <= *to);
                let handle = period.and_then(|period| Some(period.laws.as_ref()?.handle.mean()));
                let aht = handle.unwrap_or(0.0) + target.wrap_up + options.ring.as_secs_f64();
                (calls * aht / length, &target.queue)
            });
        let erlangs: Vec<(f64, &QueueId)> = erlangs.collect();
        let sum: f64 = erlangs.iter().map(|(erlangs, _)| erlangs).sum();
        let most = erlangs.into_iter().max_by(|a, b| a.0.total_cmp(&b.0));
        if let Some((_, queue)) = most
            && sum > MOST_ERLANGS
        {
            return Err(StaffingError::TooMuch {
                queue: queue.clone(),
                interval,
                erlangs: sum,
            });
        }
    }
    let calls: f64 = calls.iter().flatten().sum();
    if calls > MOST_CALLS {
        return Err(StaffingError::TooMany { calls });
    }
    Ok(())
}

fn check_costs(tenant: &Tenant, options: &Options) -> Result<(), StaffingError> {
    for (team, cost) in &options.costs {
        let field = format!("the cost of team {team}");
        if !tenant.teams.contains_key(team) {
            return Err(StaffingError::OutOfRange {
                field,
                value: *cost,
                needs: "that of a team in these documents",
            });
        }
        if !(*cost > 0.0 && *cost <= 1e6) {
            return Err(StaffingError::OutOfRange {
                field,
                value: *cost,
                needs: "above 0 and at most 1e6",
            });
        }
    }
    Ok(())
}

fn check_shrinkage(tenant: &Tenant) -> Result<(), StaffingError> {
    for (name, team) in &tenant.teams {
        for (which, percent) in [
            ("planned", team.shrinkage.planned.0),
            ("unplanned", team.shrinkage.unplanned.0),
        ] {
            if !(0.0..100.0).contains(&percent) {
                return Err(StaffingError::OutOfRange {
                    field: format!("the {which} shrinkage of team {name}"),
                    value: percent,
                    needs: "from 0 to below 100 per cent, or nobody is left to work",
                });
            }
        }
    }
    Ok(())
}

/// Everyone who could be had: of each team, those whom the documents list by what they can do;
/// of a team without a list, its plain member.
fn groups(tenant: &Tenant, options: &Options) -> Vec<Group> {
    let steps = tenant.queues.values().flat_map(|queue| &queue.route);
    let skills: BTreeSet<&SkillName> = steps
        .flat_map(|step| step.require.keys().chain(step.prefer.keys()))
        .collect();
    let courses: BTreeSet<&CourseName> = tenant
        .queues
        .values()
        .flat_map(|queue| &queue.training)
        .collect();
    let asked = |levels: &BTreeMap<SkillName, u8>| -> BTreeMap<SkillName, u8> {
        let kept = levels.iter().filter(|(skill, _)| skills.contains(skill));
        kept.map(|(skill, level)| (skill.clone(), *level)).collect()
    };
    let mut all = Vec::new();
    for (name, team) in &tenant.teams {
        let mut kinds: BTreeMap<(BTreeMap<SkillName, u8>, BTreeSet<CourseName>), usize> =
            BTreeMap::new();
        for agent in tenant.agents.values() {
            if agent.team.as_ref() == Some(name) {
                let done = agent
                    .trained
                    .keys()
                    .filter(|course| courses.contains(course));
                let kind = (asked(&agent.skills), done.cloned().collect());
                *kinds.entry(kind).or_default() += 1;
            }
        }
        if kinds.is_empty() || team.virtual_agents.is_some() {
            kinds = BTreeMap::from([((asked(&team.skills), BTreeSet::new()), 0)]);
        }
        let cost = options.costs.get(name).copied().unwrap_or(1.0);
        all.extend(kinds.into_iter().map(|((skills, courses), listed)| {
            Group {
                team: name.clone(),
                skills,
                courses,
                listed,
                most: team
                    .virtual_agents
                    .as_ref()
                    .map(|pods| pods.max_pods.saturating_mul(pods.contacts_per_pod)),
                per_pod: team
                    .virtual_agents
                    .as_ref()
                    .map_or(1, |pods| pods.contacts_per_pod.max(1)),
                cost,
                serves: Vec::new(),
            }
        }));
    }
    all
}

/// Whether members of the group take contacts of the queue in any of its steps.
fn serves(group: &Group, queue: &Queue, tenant: &Tenant) -> bool {
    let of_team = queue.teams.iter().any(|share| share.name == group.team);
    let trained = queue.training.is_subset(&group.courses);
    let takes = tenant
        .teams
        .get(&group.team)
        .is_some_and(|team| at_once(team, queue.medium) > 0);
    let meets = |require: &BTreeMap<SkillName, u8>| {
        let mut asked = require.iter();
        asked.all(|(skill, least)| group.skills.get(skill) >= Some(least))
    };
    let by_route = queue.route.is_empty() || queue.route.iter().any(|step| meets(&step.require));
    of_team && trained && takes && (by_route || queue.on_exhausted == Exhausted::Widen)
}

fn at_once(team: &TenantTeam, medium: Medium) -> u32 {
    match medium {
        Medium::Voice | Medium::Callback => team.media.voice,
        Medium::Chat => team.media.chat,
        Medium::Email => team.media.email,
    }
}

/// What a queue asks of its agents, in words.
fn asked(queue: &Queue, tenant: &Tenant) -> String {
    let teams: Vec<&str> = queue.teams.iter().map(|team| team.name.as_str()).collect();
    let teams = teams.join(", ");
    let takes = |share: &trunkline_tenant::crds::TeamShare| {
        let team = tenant.teams.get(&share.name);
        team.is_some_and(|team| at_once(team, queue.medium) > 0)
    };
    if !queue.teams.iter().any(takes) {
        return format!(
            "no member of {teams} takes contacts of its medium ({:?}); see the teams' media",
            queue.medium
        );
    }
    let step = |step: &trunkline_tenant::Step| {
        let asks = step.require.iter();
        let asks: Vec<String> = asks
            .map(|(skill, level)| format!("{skill} {level}"))
            .collect();
        asks.join(" and ")
    };
    let steps: Vec<String> = queue.route.iter().map(step).collect();
    let courses: Vec<&str> = queue
        .training
        .iter()
        .map(|course| course.as_str())
        .collect();
    let courses = if courses.is_empty() {
        String::new()
    } else {
        format!(" with the courses {}", courses.join(", "))
    };
    format!(
        "its route asks members of {teams} for {}{courses}, and no group of them has it; give the team the skill, or list an agent who has it",
        steps.join(", then ")
    )
}

fn target(
    id: &QueueId,
    queue: &Queue,
    teams: &BTreeSet<TeamName>,
    tenant: &Tenant,
    options: &Options,
) -> Result<Target, StaffingError> {
    let promised = queue.service_level.clone().unwrap_or_default();
    let within = Span::from(promised.within);
    let level = promised.percent.0 / 100.0;
    let promise = format!("{} % within {}", promised.percent.0, promised.within);
    let refuse = |promise: String, why: &str| {
        Err(StaffingError::OutOfReach {
            queue: id.clone(),
            promise,
            why: why.to_owned(),
        })
    };
    if level >= 1.0 {
        return refuse(
            promise,
            "with any number there is a chance that all are busy; 99.9 % can be had",
        );
    }
    if level > 0.0 && options.ring > within {
        return refuse(promise, "agents take longer than that to accept (--ring)");
    }
    let max_abandonment = queue.max_abandonment.map(|most| most.0 / 100.0);
    if max_abandonment.is_some_and(|most| most <= 0.0) {
        return refuse(
            "an abandonment of 0 %".to_owned(),
            "with any number there is a chance that somebody waits too long; 0.1 % can be had",
        );
    }
    if tenant.capacity.max_occupancy.0 <= 0.0 {
        return refuse(
            format!("{promise} at an occupancy of 0 %"),
            "spec.capacity.maxOccupancy leaves no time for contacts",
        );
    }
    let declared = teams.iter().filter_map(|team| tenant.teams.get(team));
    let wrap_up = declared.clone().map(|team| team.wrap_up).min();
    let wrap_up = options.wrap_up.or(wrap_up.map(Span::from));
    let at_once = declared.map(|team| at_once(team, queue.medium)).max();
    Ok(Target {
        queue: id.clone(),
        formula: promised.formula,
        level,
        within,
        short: Span::from(queue.short_abandon),
        max_abandonment,
        at_once: at_once.unwrap_or(1).max(1),
        wrap_up: wrap_up.unwrap_or_default().as_secs_f64(),
    })
}
