//! The tenant as the matcher needs it: profiles and needs interned, who fits what worked out
//! once for each configuration.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use chrono::NaiveDate;
use chrono_tz::Tz;
use foldhash::fast::FixedState;
use smallvec::SmallVec;
use trunkline_tenant::crds::*;
use trunkline_tenant::{Queue, QueueId, Tenant, TenantAgent};

use crate::ix::{Bits, ClientIx, NeedIx, ProfileIx, QueueIx, TeamIx};
use crate::metrics::Terms;
use crate::{Judged, Span, Time, hours};

/// How many kinds of capacity an agent has: voice, chat, e-mail.
pub(crate) const MEDIA: usize = 3;

/// The capacity that wants a telephone: of calls and callbacks.
pub(crate) const PHONE: usize = 0;

/// Which capacity a contact of this medium takes; a callback is a call.
pub(crate) const fn slot_of(medium: Medium) -> usize {
    match medium {
        Medium::Voice | Medium::Callback => PHONE,
        Medium::Chat => 1,
        Medium::Email => 2,
    }
}

/// What an agent is asked for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Need {
    pub(crate) teams: Vec<TeamIx>,
    /// (skill, least level), by skill.
    pub(crate) require: Vec<(u16, u8)>,
    pub(crate) courses: Vec<u16>,
}

/// What an agent can do.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Profile {
    pub(crate) team: TeamIx,
    /// Level by skill; 0: none.
    pub(crate) levels: Vec<u8>,
    pub(crate) courses: Vec<u16>,
}

impl Profile {
    pub(crate) fn level(&self, skill: u16) -> u8 {
        self.levels.get(skill as usize).copied().unwrap_or(0)
    }
    fn meets(&self, need: &Need) -> bool {
        need.teams.contains(&self.team)
            && need
                .require
                .iter()
                .all(|&(skill, least)| self.level(skill) >= least)
            && need
                .courses
                .iter()
                .all(|course| self.courses.contains(course))
    }
}

#[derive(Clone, Debug)]
pub(crate) struct StepPlan {
    pub(crate) need: NeedIx,
    pub(crate) prefer: Vec<(u16, u8)>,
    pub(crate) duration: Option<Span>,
}

#[derive(Clone, Debug)]
pub(crate) struct QueuePlan {
    pub(crate) id: QueueId,
    pub(crate) definition: Arc<Queue>,
    // Of the definition, which is far away where there are many queues, what each contact asks for.
    pub(crate) medium: Medium,
    pub(crate) priority: i32,
    pub(crate) strategy: Strategy,
    pub(crate) ring: Span,
    /// For how long whoever talked last with a customer is tried first.
    pub(crate) last_agent: Option<Span>,
    /// It is not open at all hours.
    pub(crate) has_hours: bool,
    /// Its service level is its client's contract's.
    level_of_contract: bool,
    /// Still in the tenant.
    pub(crate) live: bool,
    pub(crate) client: ClientIx,
    pub(crate) steps: SmallVec<[StepPlan; 1]>,
    pub(crate) widen: NeedIx,
    /// What its service level counts by in routing; rows go by [`Plan::judged`].
    pub(crate) judged: Judged,
}

#[derive(Clone, Debug)]
pub(crate) struct TeamPlan {
    pub(crate) name: TeamName,
    pub(crate) capacity: [u32; MEDIA],
    /// `interrupts[by][during]`.
    pub(crate) interrupts: [[bool; MEDIA]; MEDIA],
    pub(crate) wrap_up: Span,
    /// What a member has who is not listed by name.
    pub(crate) base: ProfileIx,
    /// Any agent of the team.
    pub(crate) anyone: NeedIx,
    /// Per client: guaranteed agents and weight; `None` where no queue on the team names a share.
    pub(crate) shares: Option<BTreeMap<ClientIx, Share>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Share {
    pub(crate) guaranteed: u32,
    pub(crate) weight: u32,
}

impl Share {
    /// Of a client that the team's queues don't name, as the centre itself.
    pub(crate) const PLAIN: Self = Self {
        guaranteed: 0,
        weight: 1,
    };
}

/// The T of a client's contract and its formula.
#[derive(Clone, Copy, Debug)]
struct Promise {
    /// The first day that they count on; `None`: they count always, or there are no dates.
    from: Option<NaiveDate>,
    within: Span,
    formula: Formula,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Plan {
    pub(crate) teams: Vec<TeamPlan>,
    pub(crate) team_of: BTreeMap<TeamName, TeamIx>,
    /// By number; the centre is 0 and has no name.
    pub(crate) clients: Vec<Option<ClientName>>,
    /// By number: what the client's contract promises.
    contracts: Vec<Option<Promise>>,
    /// By number: the zone of the client's intervals.
    pub(crate) zones: Vec<Tz>,
    client_of: BTreeMap<ClientName, ClientIx>,
    pub(crate) queues: Vec<QueuePlan>,
    /// Looked up with each arrival, and never walked.
    pub(crate) queue_of: HashMap<QueueId, QueueIx, FixedState>,
    pub(crate) needs: Vec<Need>,
    need_of: BTreeMap<Need, NeedIx>,
    pub(crate) profiles: Vec<Profile>,
    profile_of: BTreeMap<Profile, ProfileIx>,
    skills: BTreeMap<SkillName, u16>,
    courses: BTreeMap<CourseName, u16>,
    /// Per need: the profiles that meet it.
    pub(crate) fits: Vec<Bits>,
    /// Per need: the first of those that ask the same teams and are met by the same profiles. What waits for them
    /// waits for the same agents, in one line.
    pub(crate) alike: Vec<NeedIx>,
}

impl Plan {
    /// The plan of a tenant, with removed queues that still hold contacts, and clients that still
    /// have some; `today` judges training where dates apply, and without it contracts count always.
    pub(crate) fn new(
        tenant: &Tenant,
        ghosts: &BTreeMap<QueueId, Arc<Queue>>,
        clients: &BTreeSet<ClientName>,
        today: Option<NaiveDate>,
    ) -> Self {
        let mut plan = Self {
            clients: vec![None],
            ..Self::default()
        };
        plan.number_words(tenant, ghosts, clients);
        plan.take_contracts(tenant, today.is_some());
        for (name, team) in &tenant.teams {
            let ix = TeamIx::new(plan.teams.len());
            let levels = plan.levels(&team.skills);
            let base = plan.profile(Profile {
                team: ix,
                levels,
                courses: Vec::new(),
            });
            let anyone = plan.need(Need {
                teams: vec![ix],
                require: vec![],
                courses: vec![],
            });
            let mut interrupts = [[false; MEDIA]; MEDIA];
            for rule in &team.interrupts {
                interrupts[slot_of(rule.by)][slot_of(rule.during)] = true;
            }
            plan.team_of.insert(name.clone(), ix);
            plan.teams.push(TeamPlan {
                name: name.clone(),
                capacity: [team.media.voice, team.media.chat, team.media.email],
                interrupts,
                wrap_up: team.wrap_up.into(),
                base,
                anyone,
                shares: None,
            });
        }
        for (id, queue) in &tenant.queues {
            plan.add_queue(id, Arc::new(queue.clone()), true);
        }
        for (id, queue) in ghosts {
            if !tenant.queues.contains_key(id) {
                plan.add_queue(id, Arc::clone(queue), false);
            }
        }
        for agent in tenant.agents.values() {
            plan.profile_for(agent, today);
        }
        plan.fits = plan
            .needs
            .iter()
            .map(|need| {
                let mut fits = Bits::default();
                for (at, profile) in plan.profiles.iter().enumerate() {
                    fits.set(at, profile.meets(need));
                }
                fits
            })
            .collect();
        let mut first_of = HashMap::new();
        for (at, need) in plan.needs.iter().enumerate() {
            let asked = (&need.teams, &plan.fits[at]);
            let first = *first_of.entry(asked).or_insert(NeedIx::new(at));
            plan.alike.push(first);
        }
        plan
    }

    fn number_words(
        &mut self,
        tenant: &Tenant,
        ghosts: &BTreeMap<QueueId, Arc<Queue>>,
        others: &BTreeSet<ClientName>,
    ) {
        let queues = || {
            tenant
                .queues
                .values()
                .chain(ghosts.values().map(Arc::as_ref))
        };
        let steps = queues().flat_map(|queue| &queue.route);
        let skills: BTreeSet<&SkillName> = steps
            .flat_map(|step| step.require.keys().chain(step.prefer.keys()))
            .collect();
        // What no route asks for tells no agents apart, unless a queue wants the most skilled:
        // that too looks only at what its step asks for.
        self.skills = skills.into_iter().cloned().zip(0..).collect();
        let courses: BTreeSet<&CourseName> = queues().flat_map(|queue| &queue.training).collect();
        self.courses = courses.into_iter().cloned().zip(0..).collect();
        let ids = tenant.queues.keys().chain(ghosts.keys());
        let clients: BTreeSet<ClientName> = tenant
            .clients
            .keys()
            .cloned()
            .chain(ids.filter_map(QueueId::client))
            .chain(others.iter().cloned())
            .collect();
        for name in clients {
            self.client_of
                .insert(name.clone(), ClientIx::new(self.clients.len()));
            self.clients.push(Some(name));
        }
        let zone = |name: &Option<ClientName>| tenant.zone_of(name.as_ref());
        self.zones = self.clients.iter().map(zone).collect();
    }

    fn take_contracts(&mut self, tenant: &Tenant, dates: bool) {
        let promise = |name: &Option<ClientName>| {
            let client = tenant.clients.get(name.as_ref()?)?;
            let level = client.contract.as_ref()?.service_level.as_ref()?;
            Some(Promise {
                from: client.contract_from().filter(|_| dates),
                within: level.within.into(),
                formula: level.formula,
            })
        };
        self.contracts = self.clients.iter().map(promise).collect();
    }

    /// Whether the promise counts on the day that a moment is of, in the client's zone.
    fn counts(&self, client: ClientIx, promise: Promise, at: Time) -> bool {
        let day = || hours::day(at, self.zones[client.at()]);
        promise.from.is_none_or(|from| from <= day())
    }

    /// What a queue's rows are judged by that count at a moment: by the plain terms, as without a contract, where its
    /// target is the contract's and that is yet to come.
    pub(crate) fn judged(&self, queue: QueueIx, at: Time) -> Judged {
        let queue = &self.queues[queue.at()];
        let to_come = queue.level_of_contract
            && self.contracts[queue.client.at()]
                .is_some_and(|promise| !self.counts(queue.client, promise, at));
        if !to_come {
            return queue.judged;
        }
        let plain = ServiceLevel::default();
        Judged {
            terms: Terms::new(&plain, queue.definition.short_abandon),
            formula: plain.formula,
        }
    }

    /// What a client's rows are judged by that count at a moment: by its contract, or by the queue's terms.
    pub(crate) fn judged_for(&self, client: ClientIx, queue: QueueIx, at: Time) -> Judged {
        let queue = self.judged(queue, at);
        let promise = self.contracts[client.at()];
        match promise.filter(|promise| self.counts(client, *promise, at)) {
            None => queue,
            Some(promise) => Judged {
                terms: Terms {
                    within: promise.within,
                    short: queue.terms.short,
                },
                formula: promise.formula,
            },
        }
    }

    fn levels(&self, skills: &BTreeMap<SkillName, u8>) -> Vec<u8> {
        let mut levels = vec![0; self.skills.len()];
        for (name, level) in skills {
            if let Some(&at) = self.skills.get(name) {
                levels[at as usize] = *level;
            }
        }
        levels
    }

    fn pairs(&self, wanted: &BTreeMap<SkillName, u8>) -> Vec<(u16, u8)> {
        let pair = |(name, level): (&SkillName, &u8)| Some((*self.skills.get(name)?, *level));
        wanted.iter().filter_map(pair).collect()
    }

    fn profile(&mut self, profile: Profile) -> ProfileIx {
        if let Some(&ix) = self.profile_of.get(&profile) {
            return ix;
        }
        let ix = ProfileIx::new(self.profiles.len());
        self.profile_of.insert(profile.clone(), ix);
        self.profiles.push(profile);
        ix
    }

    fn need(&mut self, need: Need) -> NeedIx {
        if let Some(&ix) = self.need_of.get(&need) {
            return ix;
        }
        let ix = NeedIx::new(self.needs.len());
        self.need_of.insert(need.clone(), ix);
        self.needs.push(need);
        ix
    }

    /// The class of a listed agent; `None` for one without a team.
    pub(crate) fn profile_for(
        &mut self,
        agent: &TenantAgent,
        today: Option<NaiveDate>,
    ) -> Option<ProfileIx> {
        let team = *self.team_of.get(agent.team.as_ref()?)?;
        let levels = self.levels(&agent.skills);
        let done = agent
            .trained
            .iter()
            .filter(|(_, day)| today.is_none_or(|today| **day <= today));
        let courses = done
            .filter_map(|(course, _)| self.courses.get(course).copied())
            .collect();
        Some(self.profile(Profile {
            team,
            levels,
            courses,
        }))
    }

    /// A client's number; `None`: it is not in the plan.
    pub(crate) fn find_client(&self, name: Option<&ClientName>) -> Option<ClientIx> {
        match name {
            Some(name) => self.client_of.get(name).copied(),
            None => Some(crate::ix::CENTRE),
        }
    }

    /// A client's number; every one that has a queue or a contact is in the plan.
    pub(crate) fn client(&self, name: Option<&ClientName>) -> ClientIx {
        self.find_client(name).unwrap_or(crate::ix::CENTRE)
    }

    fn add_queue(&mut self, id: &QueueId, queue: Arc<Queue>, live: bool) {
        let mut teams: Vec<TeamIx> = queue
            .teams
            .iter()
            .filter_map(|share| self.team_of.get(&share.name).copied())
            .collect();
        teams.sort_unstable();
        teams.dedup();
        let client = self.client(id.client().as_ref());
        let courses: Vec<u16> = queue
            .training
            .iter()
            .filter_map(|course| self.courses.get(course).copied())
            .collect();
        let mut steps = SmallVec::new();
        for step in &queue.route {
            let require = self.pairs(&step.require);
            let need = Need {
                teams: teams.clone(),
                require,
                courses: courses.clone(),
            };
            steps.push(StepPlan {
                need: self.need(need),
                prefer: self.pairs(&step.prefer),
                duration: step.duration.map(Span::from),
            });
        }
        let widen = self.need(Need {
            teams,
            require: Vec::new(),
            courses,
        });
        if steps.is_empty() {
            steps.push(StepPlan {
                need: widen,
                prefer: Vec::new(),
                duration: None,
            });
        }
        if live {
            self.add_shares(&queue, client);
        }
        self.queue_of
            .insert(id.clone(), QueueIx::new(self.queues.len()));
        self.queues.push(QueuePlan {
            id: id.clone(),
            judged: Judged {
                terms: Terms::of(&queue),
                formula: queue
                    .service_level
                    .as_ref()
                    .map_or_else(Formula::default, |it| it.formula),
            },
            medium: queue.medium,
            priority: queue.priority,
            strategy: queue.strategy,
            ring: Span::from(queue.ring),
            last_agent: queue.last_agent.map(Span::from),
            has_hours: queue.hours.is_some(),
            level_of_contract: queue.level_of_contract,
            definition: queue,
            live,
            client,
            steps,
            widen,
        });
    }

    /// A client's share of a team is the largest that any of its queues there names.
    fn add_shares(&mut self, queue: &Queue, client: ClientIx) {
        for named in &queue.teams {
            let Some(&team) = self.team_of.get(&named.name) else {
                continue;
            };
            if named.guaranteed == 0 && named.weight.is_none() {
                continue;
            }
            let shares = self.teams[team.at()].shares.get_or_insert_default();
            let share = shares.entry(client).or_insert(Share::PLAIN);
            share.guaranteed = share.guaranteed.max(named.guaranteed);
            share.weight = share.weight.max(named.weight.unwrap_or(1)).max(1);
        }
    }

    /// What a skill is called.
    pub(crate) fn skill_name(&self, skill: u16) -> Option<SkillName> {
        let found = self.skills.iter().find(|(_, at)| **at == skill);
        found.map(|(name, _)| name.clone())
    }

    /// What a course is called.
    pub(crate) fn course_name(&self, course: u16) -> Option<CourseName> {
        let found = self.courses.iter().find(|(_, at)| **at == course);
        found.map(|(name, _)| name.clone())
    }

    /// Whether any team of the need is shared out between clients.
    pub(crate) fn is_shared(&self, need: NeedIx) -> bool {
        let teams = &self.needs[need.at()].teams;
        teams
            .iter()
            .any(|team| self.teams[team.at()].shares.is_some())
    }
}
