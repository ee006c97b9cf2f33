//! From documents in which every reference resolves to the [`Tenant`].

use std::collections::BTreeMap;

use chrono_tz::Tz;
use trunkline_crds::{
    AgentSpec, CalendarName, CallCenterSpec, ClientName, ClientSpec, Closed, ClosedAction,
    ExhaustedAction, Level, Medium, OnExhausted, QueueCommon, QueueReference, RouteStep, Shift,
    SkillName, TeamShare, TimeZone, TrunkSpec,
};

use super::hours::opening_hours;
use super::view::View;
use crate::ids::QueueId;
use crate::model::{
    Exhausted, Hours, Queue, Shut, Step, Tenant, TenantAgent, TenantClient, TenantMenu, TenantTeam,
    TenantTrunk, WorkShift,
};
use crate::rules::{minutes, parse_date};

/// The Tenant. What the checks refuse (a zone that isn't one, an Overflow to nowhere) never comes
/// here; each has a harmless reading all the same, so that no document can stop the build.
pub(super) fn tenant(view: &View<'_>) -> Tenant {
    let spec = view.centre.spec;
    let zone = zone(&spec.time_zone);
    let mut queues: BTreeMap<QueueId, Queue> = spec
        .queues
        .iter()
        .map(|q| {
            let lender = Lender {
                client: None,
                zone,
                spec: None,
            };
            let shares = q.teams.iter().map(|name| TeamShare {
                name: name.clone(),
                guaranteed: 0,
                weight: None,
            });
            let id = QueueId::centre(q.name.clone());
            (id, lender.queue(&q.common, shares.collect(), None))
        })
        .collect();
    let mut clients = BTreeMap::new();
    let mut numbers = BTreeMap::new();
    for (name, member) in &view.clients {
        let client = member.spec;
        let name = ClientName::from(*name);
        let lender = Lender {
            client: Some(&name),
            zone: client.time_zone.as_ref().map_or(zone, self::zone),
            spec: Some(client),
        };
        for q in &client.queues {
            let script = q.script.as_ref().map(|s| s.config_map.clone());
            let id = QueueId::of(name.clone(), q.name.clone());
            queues.insert(id, lender.queue(&q.common, q.teams.clone(), script));
        }
        numbers.extend(client.numbers.iter().map(|n| (n.clone(), name.clone())));
        clients.insert(name.clone(), lender.client(client));
    }
    Tenant {
        name: view.centre.id.name.as_str().into(),
        namespace: view.centre.id.namespace.clone(),
        time_zone: zone,
        calendars: named(&spec.calendars, |c| (c.name.clone(), opening_hours(c))),
        departments: named(&spec.departments, |d| (d.name.clone(), d.clone())),
        roles: named(&spec.roles, |r| (r.name.clone(), r.clone())),
        prompts: named(&spec.prompts, |p| (p.name.clone(), p.from.clone())),
        courses: named(&spec.courses, |c| (c.name.clone(), c.hours)),
        shifts: named(&spec.shifts, |s| (s.name.clone(), shift(s))),
        teams: named(&spec.teams, |t| (t.name.clone(), team(t))),
        queues,
        clients,
        trunks: view
            .trunks
            .iter()
            .map(|(name, t)| ((*name).into(), trunk(t.spec)))
            .collect(),
        agents: view
            .agents
            .iter()
            .map(|(name, a)| ((*name).into(), agent(name, a.spec, spec)))
            .collect(),
        numbers,
        capacity: spec.capacity.clone(),
        engine: spec.engine.clone(),
        telephony: spec.telephony.clone(),
        storage: spec.storage.clone(),
        facility: spec.facility.clone(),
        hibernate: spec.hibernate,
    }
}

fn named<T, K: Ord, V>(list: &[T], entry: impl Fn(&T) -> (K, V)) -> BTreeMap<K, V> {
    list.iter().map(entry).collect()
}

fn zone(zone: &TimeZone) -> Tz {
    zone.as_str().parse().unwrap_or(Tz::UTC)
}

fn levels(of: &BTreeMap<SkillName, Level>) -> BTreeMap<SkillName, u8> {
    of.iter().map(|(s, l)| (s.clone(), l.0)).collect()
}

fn shift(shift: &Shift) -> WorkShift {
    let mut breaks = shift.breaks.clone();
    breaks.sort_by_key(|b| b.after);
    WorkShift {
        start_minute: minutes(&shift.start).unwrap_or(0) % 1440,
        length: shift.length,
        breaks,
    }
}

fn team(team: &trunkline_crds::Team) -> TenantTeam {
    TenantTeam {
        kind: team.kind,
        lead: team.lead.clone(),
        media: team.media.clone(),
        interrupts: team.interrupts.clone(),
        skills: levels(&team.skills),
        seats: team.seats,
        shifts: team.shifts.clone(),
        shrinkage: team.shrinkage.clone().unwrap_or_default(),
        wrap_up: team.wrap_up,
        virtual_agents: team.virtual_agents.clone(),
    }
}

fn trunk(trunk: &TrunkSpec) -> TenantTrunk {
    TenantTrunk {
        carrier: trunk.carrier.clone(),
        auth: trunk.auth.clone(),
        codecs: trunk.codecs.clone(),
        numbers: trunk.numbers.clone(),
        limits: trunk.limits.clone(),
        outbound: trunk.outbound.clone(),
        drain_deadline: trunk.drain_deadline,
    }
}

fn agent(name: &str, agent: &AgentSpec, centre: &CallCenterSpec) -> TenantAgent {
    let team = agent
        .team
        .as_ref()
        .and_then(|name| centre.teams.iter().find(|t| t.name == *name));
    let mut skills = team.map(|t| levels(&t.skills)).unwrap_or_default();
    skills.extend(levels(&agent.skills));
    let employment = agent.employment.clone().unwrap_or_default();
    TenantAgent {
        display_name: agent
            .display_name
            .clone()
            .unwrap_or_else(|| name.to_owned()),
        team: agent.team.clone(),
        roles: agent.roles.clone(),
        skills,
        shifts: match (agent.shifts.is_empty(), team) {
            (true, Some(team)) => team.shifts.clone(),
            _ => agent.shifts.clone(),
        },
        employed_from: employment.from.as_ref().and_then(parse_date),
        employed_to: employment.to.as_ref().and_then(parse_date),
        hours_per_week: employment.hours_per_week,
        remote: employment.remote,
        trained: agent
            .training
            .iter()
            .filter_map(|t| Some((t.course.clone(), parse_date(t.completed.as_ref()?)?)))
            .collect(),
        endpoint: agent.endpoint.clone(),
    }
}

/// Whoever a queue belongs to: it lends hours, zone, contract and training.
struct Lender<'a> {
    client: Option<&'a ClientName>,
    zone: Tz,
    spec: Option<&'a ClientSpec>,
}

impl Lender<'_> {
    fn hours(&self, calendar: Option<&CalendarName>) -> Option<Hours> {
        Some(Hours {
            calendar: calendar?.clone(),
            zone: self.zone,
        })
    }

    fn id(&self, to: &QueueReference) -> QueueId {
        match (to.0.strip_prefix("centre/"), self.client) {
            (Some(name), _) => QueueId::centre(name),
            (None, Some(client)) => QueueId::of(client.clone(), to.0.as_str()),
            (None, None) => QueueId::centre(to.0.as_str()),
        }
    }

    fn queue(&self, q: &QueueCommon, teams: Vec<TeamShare>, script: Option<String>) -> Queue {
        let contract = self.spec.and_then(|c| c.contract.as_ref());
        let own_hours = self.spec.and_then(|c| c.hours.as_ref());
        let mut route: Vec<Step> = q.route.iter().map(step).collect();
        if route.is_empty() {
            route.push(Step::default());
        }
        Queue {
            medium: q.medium,
            teams,
            hours: self.hours(q.calendar.as_ref().or(own_hours)),
            route,
            on_exhausted: self.exhausted(&q.on_exhausted),
            strategy: q.strategy,
            ring: q.ring,
            priority: q.priority,
            short_abandon: q.short_abandon,
            last_agent: q.last_agent.as_ref().map(|l| l.duration),
            closed: self.shut(q.closed.as_ref()),
            service_level: q
                .service_level
                .clone()
                .or_else(|| contract?.service_level.clone()),
            level_of_contract: q.service_level.is_none()
                && contract.is_some_and(|contract| contract.service_level.is_some()),
            max_abandonment: q.max_abandonment.or_else(|| contract?.max_abandonment),
            announcements: q.announcements.clone().unwrap_or_default(),
            callbacks: q.callbacks.clone().unwrap_or_default(),
            training: self
                .spec
                .and_then(|c| c.training.as_ref())
                .map(|t| t.courses.iter().cloned().collect())
                .unwrap_or_default(),
            script,
        }
    }

    fn exhausted(&self, end: &OnExhausted) -> Exhausted {
        let prompt = end.prompt.clone();
        match (end.action, &end.queue) {
            (ExhaustedAction::Overflow, Some(to)) => Exhausted::Overflow(self.id(to)),
            (ExhaustedAction::Hold | ExhaustedAction::Overflow, _) => Exhausted::Hold,
            (ExhaustedAction::Widen, _) => Exhausted::Widen,
            (ExhaustedAction::Callback, _) => Exhausted::Callback(prompt),
            (ExhaustedAction::Voicemail, _) => Exhausted::Voicemail(prompt),
            (ExhaustedAction::Close, _) => Exhausted::Close(prompt),
        }
    }

    fn shut(&self, closed: Option<&Closed>) -> Shut {
        let Some(closed) = closed else {
            return Shut::Close(None);
        };
        let prompt = closed.prompt.clone();
        match (closed.action, &closed.queue) {
            (ClosedAction::Overflow, Some(to)) => Shut::Overflow(self.id(to)),
            (ClosedAction::Close | ClosedAction::Overflow, _) => Shut::Close(prompt),
            (ClosedAction::Callback, _) => Shut::Callback(prompt),
            (ClosedAction::Voicemail, _) => Shut::Voicemail(prompt),
        }
    }

    fn client(&self, client: &ClientSpec) -> TenantClient {
        let name = self.client.map(ToString::to_string).unwrap_or_default();
        let first_voice = client
            .queues
            .iter()
            .find(|q| q.common.medium == Medium::Voice);
        TenantClient {
            display_name: client.display_name.clone().unwrap_or(name),
            project_manager: client.project_manager.clone(),
            time_zone: self.zone,
            contract: client.contract.clone(),
            numbers: client.numbers.iter().cloned().collect(),
            hours: self.hours(client.hours.as_ref()),
            trunks: client.trunks.clone(),
            manual_go_live: client.go_live == trunkline_crds::GoLive::Manual,
            approved: client.approved,
            menu: client.menu.as_ref().map(|menu| TenantMenu {
                prompt: menu.prompt.clone(),
                choices: menu
                    .choices
                    .iter()
                    .map(|(key, to)| (key.clone(), self.id(to)))
                    .collect(),
            }),
            entry: first_voice
                .zip(self.client)
                .map(|(q, c)| QueueId::of(c.clone(), q.name.clone())),
            kpis: client.kpis.clone(),
            drain_deadline: client.drain_deadline,
        }
    }
}

fn step(step: &RouteStep) -> Step {
    Step {
        require: levels(&step.require),
        prefer: levels(&step.prefer),
        duration: step.duration,
    }
}
