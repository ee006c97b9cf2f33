//! Virtual teams whose pods come and go in the run, as the capacity policy asks for them.

use std::cell::Cell;
use std::collections::BTreeMap;

use anyhow::{Result, anyhow, ensure};
use trunkline_routing::Span;
use trunkline_tenant::crds::TeamName;
use trunkline_tenant::{QueueId, Tenant};
use trunkline_workforce::capacity::{self, Budget, Expected, Outlook, Settings, Work, decide};
use trunkline_workforce::simulate::{Contact, Demand, Fleet, Presence, Removal, Setup, Sight};

use super::{Callers, seconds};

/// How often the policy is asked, as a controller would.
const TICK: Span = Span::seconds(15);

/// A trace's calls are looked at by intervals of this length.
const HALF_HOUR: f64 = 1_800.0;

/// What has come is compared with what was expected over so long: a day's level, not a year's.
const REMEMBERED: f64 = 12.0 * 3_600.0;

/// A team that scales, as an option names it.
#[derive(Clone, Debug)]
pub struct Scaled {
    team: TeamName,
    start_up: Span,
}

/// Reads `bots=120`.
pub fn scaled(text: &str) -> Result<Scaled, String> {
    let (team, start_up) = text.split_once('=').ok_or_else(|| {
        format!("`{text}` is no team and its start-up in seconds: write it as bots=120")
    })?;
    Ok(Scaled {
        team: TeamName::from(team),
        start_up: seconds::parse(start_up)?,
    })
}

/// A team that scales, with what the policy knows of it.
pub struct Plan {
    pub team: TeamName,
    start_up: Span,
    settings: Settings,
    outlook: Outlook,
}

/// Every team that scales.
pub struct Plans {
    pub each: Vec<Plan>,
    /// Of these and of the virtual teams that don't scale, too.
    budget: Budget,
    until: Span,
}

impl Plans {
    /// What documents, callers and options say of these teams. `swing` is how busy whole days are.
    ///
    /// # Errors
    /// Where one is no virtual team, is named twice, or has no work to be seen.
    pub fn new(
        scaled: &[Scaled],
        tenant: &Tenant,
        callers: &Callers,
        setup: &Setup,
        swing: f64,
    ) -> Result<Self> {
        let mut each: Vec<Plan> = Vec::new();
        for Scaled { team, start_up } in scaled {
            let about = format!("--scale {team}");
            ensure!(
                each.iter().all(|plan| plan.team != *team),
                "{about}: the team is named twice"
            );
            let virtual_agents = tenant
                .teams
                .get(team)
                .ok_or_else(|| anyhow!("{about}: there is no team {team} in these documents"))?
                .virtual_agents
                .as_ref();
            ensure!(
                virtual_agents.is_some(),
                "{about}: its members are people; only a virtual team has pods"
            );
            let (expected, work) = work(team, tenant, callers, setup)
                .ok_or_else(|| anyhow!("{about}: nobody calls a queue of the team"))?;
            let settings = Settings::of_team(tenant, team, work, start_up.as_secs_f64())
                .ok_or_else(|| anyhow!("{about}: no queue has the team"))?;
            each.push(Plan {
                team: team.clone(),
                start_up: *start_up,
                settings,
                outlook: Outlook::of_calls(&expected, HALF_HOUR, swing),
            });
        }
        Ok(Self {
            each,
            budget: Budget::of(tenant),
            until: callers.last(),
        })
    }

    /// Who is there without these teams' pods.
    ///
    /// # Errors
    /// Where an agent of such a team is listed.
    pub fn others(&self, presences: Vec<Presence>, listed: bool) -> Result<Vec<Presence>> {
        let scales = |presence: &Presence| {
            let mut plans = self.each.iter();
            plans.find(|plan| presence.team.as_ref() == Some(&plan.team))
        };
        if let Some((presence, plan)) = presences
            .iter()
            .find_map(|presence| Some((presence, scales(presence)?)))
            .filter(|_| listed)
        {
            return Err(anyhow!(
                "--scale {}: --agents says when {} is there; its pods come and go by themselves",
                plan.team,
                presence.agent
            ));
        }
        let others = presences.into_iter().filter(|one| scales(one).is_none());
        Ok(others.collect())
    }

    /// Fleets for one run. `desired` holds what each team wants, for the budget over all.
    pub fn fleets<'a>(&'a self, desired: &'a [Cell<u32>]) -> Vec<Fleet<'a>> {
        self.each
            .iter()
            .enumerate()
            .map(|(at, plan)| {
                let mut policy = Policy {
                    plan,
                    counted: 0,
                    since: 0.0,
                    judged_since: 0.0,
                    before: (0, 0),
                };
                let pods_of = move |team: &TeamName| {
                    let mut plans = self.each.iter().zip(desired);
                    let plan = plans.find(|(plan, _)| plan.team == *team);
                    plan.map_or(0, |(_, pods)| pods.get())
                };
                let left = move || self.budget.left(&plan.team, pods_of);
                // Whoever scales was there before the run began.
                let at_start = policy.pods(&Sight::default(), left());
                desired[at].set(at_start);
                Fleet {
                    team: plan.team.clone(),
                    policy: Box::new(move |sight| {
                        let pods = policy.pods(sight, left());
                        desired[at].set(pods);
                        pods
                    }),
                    tick: TICK,
                    until: self.until,
                    start_up: plan.start_up,
                    per_pod: plan.settings.contacts_per_pod,
                    at_start,
                    removal: Removal::IdleFirst,
                    lifetime: None,
                }
            })
            .collect()
    }
}

struct Policy<'a> {
    plan: &'a Plan,
    /// Arrivals before `since`.
    counted: u64,
    since: f64,
    /// When the interval began that is judged.
    judged_since: f64,
    /// Arrivals, and late ones, before it.
    before: (u64, u64),
}

impl Policy<'_> {
    fn pods(&mut self, sight: &Sight, budget: u32) -> u32 {
        let now = sight.now.as_secs_f64();
        if now - self.since >= REMEMBERED {
            (self.since, self.counted) = (now, sight.arrived);
        }
        let over = self.plan.settings.judged_over;
        if now - self.judged_since >= over {
            self.judged_since = (now / over).floor() * over;
            self.before = (sight.arrived, sight.late);
        }
        let most = self.plan.settings.most.min(budget);
        let settings = Settings {
            most,
            least: self.plan.settings.least.min(most),
            ..self.plan.settings
        };
        let seen = capacity::Sight {
            now,
            ready: sight.ready,
            starting: sight.starting,
            in_progress: sight.in_progress,
            waiting: sight.waiting,
            seen: (sight.arrived - self.counted) as f64,
            seen_since: self.since,
            judged_since: self.judged_since,
            judged: (sight.arrived - self.before.0) as f64,
            missed: (sight.late - self.before.1) as f64,
        };
        // What documents and options may say is within what the policy takes; should it refuse
        // all the same, what is there stays.
        decide(&settings, &self.plan.outlook, &seen)
            .map_or(sight.ready + sight.starting, |decision| decision.pods)
    }
}

/// What the team's queues expect, and what their callers bring on average.
fn work(
    team: &TeamName,
    tenant: &Tenant,
    callers: &Callers,
    setup: &Setup,
) -> Option<(Vec<Expected>, Work)> {
    let serves = |queue: &QueueId| {
        let queue = tenant.queues.get(queue)?;
        queue.teams.iter().find(|share| share.name == *team)
    };
    let mut sums = Sums::default();
    match callers {
        Callers::Rates(demands, _) => {
            for demand in demands.iter().filter(|one| serves(&one.queue).is_some()) {
                sums.add_demand(demand);
            }
        }
        Callers::Trace(contacts) => {
            for contact in contacts.iter().filter(|one| serves(&one.queue).is_some()) {
                sums.add_contact(contact, setup);
            }
        }
    }
    let wrap_up = setup
        .wrap_up
        .or_else(|| Some(Span::from(tenant.teams.get(team)?.wrap_up)))?;
    sums.done(wrap_up.as_secs_f64())
}

#[derive(Default)]
struct Sums {
    /// By half hour, or by the file's own intervals.
    expected: Vec<Expected>,
    by_half_hour: BTreeMap<i64, f64>,
    calls: f64,
    handle: f64,
    /// Hang-ups a second of waiting, added over calls.
    impatience: f64,
}

impl Sums {
    fn add(&mut self, calls: f64, handle: f64, patience: f64) {
        self.calls += calls;
        self.handle += calls * handle;
        // A patience of nothing is one of next to nothing, or no mean would be left.
        self.impatience += calls / patience.max(1e-3);
    }

    fn add_demand(&mut self, demand: &Demand) {
        for period in demand.periods.iter().filter(|period| period.calls > 0.0) {
            let laws = period.laws.as_deref();
            let handle = laws.map_or(0.0, |laws| laws.handle.mean());
            let patience = laws.and_then(|laws| laws.patience.as_ref());
            let patience = patience.map_or(f64::INFINITY, |law| law.mean());
            self.add(period.calls, handle, patience);
            self.expected.push(Expected {
                from: period.from.as_secs_f64(),
                to: period.to.as_secs_f64(),
                calls: period.calls,
            });
        }
    }

    fn add_contact(&mut self, contact: &Contact, setup: &Setup) {
        let drawn = || setup.handle.as_ref().map_or(0.0, |law| law.mean());
        let handle = contact.handle.map_or_else(drawn, Span::as_secs_f64);
        let drawn = || {
            setup
                .patience
                .as_ref()
                .map_or(f64::INFINITY, |law| law.mean())
        };
        let patience = contact.patience.map_or_else(drawn, |given| {
            given.map_or(f64::INFINITY, Span::as_secs_f64)
        });
        self.add(1.0, handle, patience);
        let half_hour = (contact.at.as_secs_f64() / HALF_HOUR) as i64;
        *self.by_half_hour.entry(half_hour).or_default() += 1.0;
    }

    fn done(mut self, wrap_up: f64) -> Option<(Vec<Expected>, Work)> {
        let aht = self.handle / self.calls + wrap_up;
        for (half_hour, calls) in self.by_half_hour {
            let from = half_hour as f64 * HALF_HOUR;
            self.expected.push(Expected {
                from,
                to: from + HALF_HOUR,
                calls,
            });
        }
        let work = Work {
            aht: aht.max(1e-3),
            patience: self.calls / self.impatience,
        };
        (self.calls > 0.0).then_some((self.expected, work))
    }
}
