//! The simulator against a second model of the rules, written to be slow and plain: no sets, no
//! classes, no heap; each event is found by looking at everything. Times are whole seconds, so
//! that most of what happens falls on the same instants.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use proptest::prelude::*;
use trunkline_routing::{Outcome, Span};
use trunkline_tenant::{compile, manifest};
use trunkline_workforce::simulate::{Contact, Presence, Setup, run};

const SKILLS: [&str; 3] = ["english", "german", "law"];
const TEAMS: [&str; 2] = ["front", "back"];

#[derive(Clone, Debug)]
struct Step {
    require: Vec<(usize, u8)>,
    lasts: Option<i64>,
}

#[derive(Clone, Copy, Debug)]
enum End {
    Hold,
    Widen,
    /// To a later queue, so that there are no circles.
    Overflow(usize),
    Close,
}

#[derive(Clone, Debug)]
struct Queue {
    teams: Vec<usize>,
    steps: Vec<Step>,
    end: End,
    priority: i32,
}

#[derive(Clone, Debug)]
struct Agent {
    team: usize,
    skills: BTreeMap<usize, u8>,
    from: i64,
    to: Option<i64>,
}

#[derive(Clone, Debug)]
struct Call {
    at: i64,
    queue: usize,
    handle: i64,
    patience: Option<i64>,
    priority: i32,
}

#[derive(Clone, Debug)]
struct Case {
    wrap_ups: [u32; 2],
    queues: Vec<Queue>,
    agents: Vec<Agent>,
    calls: Vec<Call>,
    ring: i64,
}

fn levels(most: usize) -> impl Strategy<Value = BTreeMap<usize, u8>> {
    prop::collection::btree_map(0..SKILLS.len(), 1..=5u8, 0..=most)
}

fn cases() -> impl Strategy<Value = Case> {
    let step = (levels(2), 1..12i64);
    let queue = (
        prop::sample::subsequence(vec![0, 1], 1..=2),
        prop::collection::vec(step, 0..4),
        any::<bool>(),
        0..4u8,
        0..4usize,
        -1..=2i32,
    );
    let agent = (0..2usize, levels(3), 0..30i64, prop::option::of(0..90i64));
    let call = (
        0..60i64,
        0..3usize,
        0..20i64,
        prop::option::of(0..25i64),
        -1..=2i32,
    );
    let wrap_ups = [0..6u32, 0..3u32];
    (
        wrap_ups,
        prop::collection::vec(queue, 1..=3),
        prop::collection::vec(agent, 1..6),
        prop::collection::vec(call, 1..40),
        prop::sample::select(vec![0, 0, 0, 3]),
    )
        .prop_map(|(wrap_ups, queues, agents, calls, ring)| {
            let count = queues.len();
            let queue = |(at, (teams, steps, open, end, to, priority)): (
                usize,
                (_, Vec<_>, _, _, usize, _),
            )| {
                let mut steps: Vec<Step> = steps
                    .into_iter()
                    .map(|(require, lasts): (BTreeMap<usize, u8>, i64)| Step {
                        require: require.into_iter().collect(),
                        lasts: Some(lasts),
                    })
                    .collect();
                if let Some(last) = steps.last_mut().filter(|_| open) {
                    last.lasts = None;
                }
                let later = at + 1 + to % (count - at).max(1);
                let end = match end {
                    0 => End::Hold,
                    1 => End::Widen,
                    2 if later < count => End::Overflow(later),
                    _ => End::Close,
                };
                Queue {
                    teams,
                    steps,
                    end,
                    priority,
                }
            };
            let queues: Vec<Queue> = queues.into_iter().enumerate().map(queue).collect();
            let agents = agents.into_iter().map(|(team, skills, from, stay)| Agent {
                team,
                skills,
                from,
                to: stay.map(|stay| from + stay),
            });
            let calls = calls
                .into_iter()
                .map(|(at, queue, handle, patience, priority)| Call {
                    at,
                    queue: queue % count,
                    handle,
                    patience,
                    priority,
                });
            Case {
                wrap_ups,
                queues,
                agents: agents.collect(),
                calls: calls.collect(),
                ring,
            }
        })
}

fn name(agent: usize) -> String {
    format!("agent-{agent:02}")
}

/// The documents of a case.
fn yaml(case: &Case) -> String {
    let map = |levels: Vec<(usize, u8)>| {
        let pairs: Vec<String> = levels
            .iter()
            .map(|(skill, level)| format!("{}: {level}", SKILLS[*skill]))
            .collect();
        format!("{{{}}}", pairs.join(", "))
    };
    let mut text = String::from(
        "apiVersion: trunkline.dev/v1alpha1\nkind: CallCenter\nmetadata: {name: c, namespace: c}\n\
         spec:\n  timeZone: UTC\n  skills: [english, german, law]\n  teams:\n",
    );
    for (team, wrap_up) in TEAMS.iter().zip(case.wrap_ups) {
        writeln!(
            text,
            "  - {{name: {team}, kind: Human, wrapUp: {wrap_up}s}}"
        )
        .unwrap();
    }
    text += "  queues:\n";
    for (at, queue) in case.queues.iter().enumerate() {
        let teams: Vec<&str> = queue.teams.iter().map(|team| TEAMS[*team]).collect();
        let steps: Vec<String> = queue
            .steps
            .iter()
            .map(|step| {
                let lasts = step
                    .lasts
                    .map_or(String::new(), |lasts| format!(", for: {lasts}s"));
                format!("{{require: {}{lasts}}}", map(step.require.clone()))
            })
            .collect();
        let end = match queue.end {
            End::Hold => "{action: Hold}".to_owned(),
            End::Widen => "{action: Widen}".to_owned(),
            End::Overflow(to) => format!("{{action: Overflow, queue: q{to}}}"),
            End::Close => "{action: Close}".to_owned(),
        };
        let (teams, steps) = (teams.join(", "), steps.join(", "));
        writeln!(
            text,
            "  - {{name: q{at}, medium: Voice, teams: [{teams}], route: [{steps}], \
             onExhausted: {end}, priority: {}}}",
            queue.priority
        )
        .unwrap();
    }
    for (at, agent) in case.agents.iter().enumerate() {
        writeln!(
            text,
            "---\napiVersion: trunkline.dev/v1alpha1\nkind: Agent\n\
             metadata: {{name: {}, namespace: c}}\nspec: {{callCenter: c, team: {}, skills: {}}}",
            name(at),
            TEAMS[agent.team],
            map(agent.skills.clone().into_iter().collect())
        )
        .unwrap();
    }
    text
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Is {
    Out,
    Idle,
    Rings(usize),
    Talks(usize),
    Wraps(i64),
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Stage {
    NotYet,
    Waits,
    Rings(i64),
    Talks(i64),
    Over,
}

#[derive(Clone, Debug, PartialEq)]
struct Fate {
    queue: usize,
    answered: Option<i64>,
    agent: Option<usize>,
    ended: Option<i64>,
    outcome: Option<Outcome>,
}

/// The plain model.
struct Model<'a> {
    case: &'a Case,
    is: Vec<Is>,
    idle_since: Vec<i64>,
    leaving: Vec<bool>,
    stage: Vec<Stage>,
    fate: Vec<Fate>,
    /// Step, or one past the last: widened.
    step: Vec<usize>,
    due: Vec<Option<i64>>,
    rank: Vec<i64>,
    signed: Vec<(bool, bool)>,
}

impl<'a> Model<'a> {
    fn new(case: &'a Case) -> Self {
        let (agents, calls) = (case.agents.len(), case.calls.len());
        let fate = |call: &Call| Fate {
            queue: call.queue,
            answered: None,
            agent: None,
            ended: None,
            outcome: None,
        };
        Self {
            case,
            is: vec![Is::Out; agents],
            idle_since: vec![0; agents],
            leaving: vec![false; agents],
            stage: vec![Stage::NotYet; calls],
            fate: case.calls.iter().map(fate).collect(),
            step: vec![0; calls],
            due: vec![None; calls],
            rank: vec![0; calls],
            signed: vec![(false, false); agents],
        }
    }

    fn qualifies(&self, agent: usize, call: usize) -> bool {
        let queue = &self.case.queues[self.fate[call].queue];
        let person = &self.case.agents[agent];
        let step = queue.steps.get(self.step[call]);
        queue.teams.contains(&person.team)
            && step.is_none_or(|step| {
                let has = |skill| person.skills.get(skill).copied().unwrap_or(0);
                step.require
                    .iter()
                    .all(|(skill, least)| has(skill) >= *least)
            })
    }

    /// All events of the model, as (time, phase, key, what).
    fn next(&self) -> Option<(i64, u8, usize, u8)> {
        let mut all = Vec::new();
        for (agent, is) in self.is.iter().enumerate() {
            match is {
                Is::Wraps(until) => all.push((*until, 0, agent, 0)),
                Is::Talks(call) => {
                    if let Stage::Talks(until) = self.stage[*call] {
                        all.push((until, 0, agent, 1));
                    }
                }
                Is::Rings(call) => {
                    if let Stage::Rings(until) = self.stage[*call] {
                        all.push((until, 0, agent, 2));
                    }
                }
                _ => {}
            }
            let person = &self.case.agents[agent];
            match (self.signed[agent], person.to) {
                ((false, _), _) => all.push((person.from, 1, agent, 3)),
                ((true, false), Some(to)) => all.push((to, 1, agent, 4)),
                _ => {}
            }
        }
        for (call, stage) in self.stage.iter().enumerate() {
            let given = &self.case.calls[call];
            match stage {
                Stage::NotYet => all.push((given.at, 4, call, 5)),
                Stage::Waits | Stage::Rings(_) => {
                    if let Some(patience) = given.patience {
                        all.push((given.at + patience, 2, call, 6));
                    }
                    if let Some(due) = self.due[call].filter(|_| *stage == Stage::Waits) {
                        all.push((due, 3, call, 7));
                    }
                }
                _ => {}
            }
        }
        all.into_iter().min()
    }

    fn run(mut self) -> Vec<Fate> {
        while let Some((now, _, key, what)) = self.next() {
            match what {
                0 => self.free(key, now),
                1 => {
                    let Is::Talks(call) = self.is[key] else {
                        unreachable!()
                    };
                    self.stage[call] = Stage::Over;
                    self.fate[call].ended = Some(now);
                    self.fate[call].outcome = Some(Outcome::Answered);
                    let wrap = i64::from(self.case.wrap_ups[self.case.agents[key].team]);
                    self.is[key] = Is::Wraps(now + wrap);
                    if wrap == 0 {
                        self.free(key, now);
                    }
                }
                2 => {
                    let Is::Rings(call) = self.is[key] else {
                        unreachable!()
                    };
                    self.answer(key, call, now);
                }
                3 => {
                    self.signed[key].0 = true;
                    self.is[key] = Is::Idle;
                    self.idle_since[key] = now;
                    self.take_one(key, now);
                }
                4 => {
                    self.signed[key].1 = true;
                    match self.is[key] {
                        Is::Idle => self.is[key] = Is::Out,
                        Is::Rings(call) => {
                            self.is[key] = Is::Out;
                            self.stage[call] = Stage::Waits;
                            if self.due[call].is_some_and(|due| due <= now) {
                                self.step_ends(call, now);
                            } else {
                                self.find_agent(call, now);
                            }
                        }
                        _ => self.leaving[key] = true,
                    }
                }
                5 => {
                    let given = &self.case.calls[key];
                    let priority = given.priority + self.case.queues[given.queue].priority;
                    self.rank[key] = now - i64::from(priority) * 60;
                    self.begin(key, 0, now);
                }
                6 => {
                    let rang = self.is.iter().position(|is| *is == Is::Rings(key));
                    self.over(key, now, Outcome::Abandoned);
                    if let Some(agent) = rang {
                        self.is[agent] = Is::Idle;
                        self.take_one(agent, now);
                    }
                }
                _ => self.step_ends(key, now),
            }
        }
        self.fate
    }

    fn over(&mut self, call: usize, now: i64, outcome: Outcome) {
        self.stage[call] = Stage::Over;
        self.fate[call].ended = Some(now);
        self.fate[call].outcome = Some(outcome);
    }

    fn free(&mut self, agent: usize, now: i64) {
        self.idle_since[agent] = now;
        if self.leaving[agent] {
            self.is[agent] = Is::Out;
        } else {
            self.is[agent] = Is::Idle;
            self.take_one(agent, now);
        }
    }

    fn take_one(&mut self, agent: usize, now: i64) {
        let waits = (0..self.stage.len()).filter(|call| self.stage[*call] == Stage::Waits);
        let fits = waits.filter(|call| self.qualifies(agent, *call));
        if let Some(call) = fits.min_by_key(|call| (self.rank[*call], *call)) {
            self.join(agent, call, now);
        }
    }

    fn find_agent(&mut self, call: usize, now: i64) {
        let idle = (0..self.is.len()).filter(|agent| self.is[*agent] == Is::Idle);
        let fits = idle.filter(|agent| self.qualifies(*agent, call));
        if let Some(agent) = fits.min_by_key(|agent| (self.idle_since[*agent], *agent)) {
            self.join(agent, call, now);
        }
    }

    fn join(&mut self, agent: usize, call: usize, now: i64) {
        if self.case.ring == 0 {
            return self.answer(agent, call, now);
        }
        self.is[agent] = Is::Rings(call);
        self.stage[call] = Stage::Rings(now + self.case.ring);
    }

    fn answer(&mut self, agent: usize, call: usize, now: i64) {
        self.is[agent] = Is::Talks(call);
        self.stage[call] = Stage::Talks(now + self.case.calls[call].handle);
        self.fate[call].answered = Some(now);
        self.fate[call].agent = Some(agent);
    }

    fn begin(&mut self, call: usize, step: usize, now: i64) {
        let queue = &self.case.queues[self.fate[call].queue];
        self.step[call] = step;
        self.due[call] = queue
            .steps
            .get(step)
            .and_then(|step| step.lasts)
            .map(|lasts| now + lasts);
        self.stage[call] = Stage::Waits;
        self.find_agent(call, now);
    }

    fn step_ends(&mut self, call: usize, now: i64) {
        let queue = &self.case.queues[self.fate[call].queue];
        if self.step[call] + 1 < queue.steps.len() {
            return self.begin(call, self.step[call] + 1, now);
        }
        match queue.end {
            End::Hold => {
                self.due[call] = None;
                self.find_agent(call, now);
            }
            End::Widen => self.begin(call, queue.steps.len(), now),
            End::Overflow(to) => {
                self.fate[call].queue = to;
                self.begin(call, 0, now);
            }
            End::Close => self.over(call, now, Outcome::Closed),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, ..ProptestConfig::default() })]

    #[test]
    fn every_trace_ends_for_each_contact_as_the_plain_model_says(case in cases()) {
        let documents = manifest::read("case.yaml", &yaml(&case)).unwrap().documents;
        let compiled = compile(&documents, None);
        // A route that nobody can ever satisfy is refused before it is simulated.
        prop_assume!(!compiled.has_errors());
        let tenant = Arc::new(compiled.tenant.unwrap());
        let contacts: Vec<Contact> = case
            .calls
            .iter()
            .map(|call| Contact {
                handle: Some(Span::seconds(call.handle)),
                patience: Some(call.patience.map(Span::seconds)),
                priority: call.priority,
                ..Contact::new(Span::seconds(call.at), format!("q{}", call.queue).parse().unwrap())
            })
            .collect();
        let presences: Vec<Presence> = case
            .agents
            .iter()
            .enumerate()
            .map(|(at, agent)| Presence {
                agent: name(at).as_str().into(),
                team: None,
                from: Span::seconds(agent.from),
                to: agent.to.map(Span::seconds),
            })
            .collect();
        let setup = Setup {
            ring: Span::seconds(case.ring),
            ..Setup::default()
        };
        let done = run(&tenant, &contacts, &presences, &setup);
        prop_assert!(done.refusals.is_empty(), "{:?}", done.refusals);
        for queue in &done.summary.queues {
            prop_assert!(queue.counts.is_balanced(), "{queue:?}");
        }
        let seconds = |span: Span| span.0 / 1_000_000;
        let found: Vec<Fate> = done
            .fates
            .iter()
            .map(|fate| Fate {
                queue: fate.queue.queue().as_str()[1..].parse().unwrap(),
                answered: fate.answered_at.map(seconds),
                agent: fate.agent.as_ref().map(|name| name.as_str()[6..].parse().unwrap()),
                ended: fate.ended_at.map(seconds),
                outcome: fate.outcome,
            })
            .collect();
        prop_assert_eq!(found, Model::new(&case).run());
    }
}
