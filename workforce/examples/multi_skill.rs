//! Two skills and agents who have one or both: the least costly mix that keeps 80 % within 20 s
//! of each, and what any mix really comes to.
//!
//!     multi_skill solve CASE             our mix, its cost, the time, and what it comes to
//!     multi_skill try CASE A B BOTH      what this mix comes to
//!     multi_skill cheaper CASE COST      every mix that costs less and holds, or nearly
//!
//! CASE 1 is the documentation's example of pyworkforce's MultiSkillStaffing: 100 calls of 4 min
//! whose callers wait for ever, 50 of 8 min with a patience of 10 min, a flexible agent at 1.4. In
//! case 2 all callers have that patience; case 3 is case 2 with half as many calls again.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a bench")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use trunkline_routing::Span;
use trunkline_routing::metrics::Counts;
use trunkline_tenant::{Tenant, compile, manifest};
use trunkline_workforce::simulate::{
    Demand, Estimate, Laws, Period, Presence, Setup, arrivals, ratio, run,
};
use trunkline_workforce::staffing::{Options, Problem, staff};

const TEAMS: [&str; 3] = ["a-billing", "b-technical", "c-both"];
const HOUR: Span = Span::seconds(3600);

fn tenant() -> Arc<Tenant> {
    let text = "
apiVersion: trunkline.dev/v1alpha1
kind: CallCenter
metadata: {name: c, namespace: c}
spec:
  timeZone: UTC
  calendars: [{name: always, open: [{from: '00:00', to: '24:00'}]}]
  skills: [billing, technical]
  capacity: {maxOccupancy: 100}
  engine: {}
  telephony: {media: {minPods: 1, maxPods: 1, callsPerPod: 10}, exposure: {type: PodIP}}
  storage: {journal: {sqlite: {size: 1Gi}}}
  teams:
  - {name: a-billing, kind: Human, media: {voice: 1}, skills: {billing: 4}}
  - {name: b-technical, kind: Human, media: {voice: 1}, skills: {technical: 4}}
  - {name: c-both, kind: Human, media: {voice: 1}, skills: {billing: 2, technical: 2}}
  queues:
  - {name: billing, medium: Voice, teams: [a-billing, c-both], calendar: always, route: [{require: {billing: 1}}],
     onExhausted: {action: Hold}, strategy: MostSkilled, serviceLevel: {percent: 80, within: 20s, formula: AllOffered}}
  - {name: technical, medium: Voice, teams: [b-technical, c-both], calendar: always, route: [{require: {technical: 1}}],
     onExhausted: {action: Hold}, strategy: MostSkilled, serviceLevel: {percent: 80, within: 20s, formula: AllOffered}}
";
    let compiled = compile(&manifest::read("c.yaml", text).unwrap().documents, None);
    Arc::new(compiled.tenant.unwrap())
}

/// What is asked.
#[derive(Clone, Copy)]
struct Case {
    /// Calls an hour.
    calls: [f64; 2],
    /// Seconds that callers wait; none: for ever.
    patience: [Option<&'static str>; 2],
}

/// What one who has both skills costs.
const FLEXIBLE: f64 = 1.4;

fn case(number: &str) -> Case {
    const TEN_MINUTES: Option<&str> = Some("600");
    let (calls, billing) = match number {
        "1" => ([100.0, 50.0], None),
        "2" => ([100.0, 50.0], TEN_MINUTES),
        "3" => ([150.0, 75.0], TEN_MINUTES),
        other => panic!("there is no case {other}"),
    };
    Case {
        calls,
        patience: [billing, TEN_MINUTES],
    }
}

fn cost(agents: &[u32]) -> f64 {
    f64::from(agents[0]) + f64::from(agents[1]) + FLEXIBLE * f64::from(agents[2])
}

fn demand(case: Case, hours: f64) -> Vec<Demand> {
    let queues = ["billing", "technical"].into_iter().zip(["240", "480"]);
    queues
        .enumerate()
        .map(|(at, (queue, handle))| Demand {
            queue: queue.parse().unwrap(),
            periods: vec![Period {
                from: Span(0),
                to: Span((hours * HOUR.0 as f64) as i64),
                calls: case.calls[at] * hours,
                laws: Some(Arc::new(Laws {
                    handle: handle.parse().unwrap(),
                    patience: case.patience[at].map(|text| text.parse().unwrap()),
                })),
            }],
        })
        .collect()
}

/// The share in time and the share that abandons, of both queues, over so many runs of so many
/// hours, the first four left out.
fn come_to(case: Case, agents: &[u32], runs: u64, hours: i64) -> [(Estimate, Estimate); 2] {
    let tenant = tenant();
    let mut there = Vec::new();
    for (team, count) in TEAMS.iter().zip(agents) {
        for number in 0..*count {
            there.push(Presence {
                agent: format!("{team}-{number:03}").as_str().into(),
                team: Some((*team).into()),
                from: Span(0),
                to: None,
            });
        }
    }
    let runs: Vec<_> = (0..runs)
        .map(|number| {
            let seed = 0x1CE_0000 + number;
            let setup = Setup {
                seed,
                slices: vec![Span(4 * HOUR.0), Span(hours * HOUR.0)],
                ..Setup::default()
            };
            let contacts = arrivals(&demand(case, hours as f64), seed, 0.0);
            run(&tenant, &contacts, &there, &setup)
        })
        .collect();
    [0, 1].map(|queue| {
        let share = |part: &dyn Fn(&Counts) -> u64| {
            let each = runs.iter().map(|run| &run.slices.queues[queue].1[0]);
            let pairs = each.map(|counts| (part(counts) as f64, counts.offered as f64));
            ratio(&pairs.collect::<Vec<_>>()).unwrap()
        };
        (
            share(&|counts| counts.answered_within),
            share(&|counts| counts.abandoned),
        )
    })
}

fn shown(found: &[(Estimate, Estimate); 2]) -> String {
    let each = found.iter().map(|(level, gone)| {
        format!(
            "{:.2} % ± {:.2} within 20 s, {:.1} % abandon",
            100.0 * level.mean,
            100.0 * level.half_width.unwrap(),
            100.0 * gone.mean
        )
    });
    each.collect::<Vec<_>>().join("; ")
}

/// 20 runs of 500 hours: what is said of a mix.
fn judged(case: Case, agents: &[u32]) -> [(Estimate, Estimate); 2] {
    come_to(case, agents, 20, 500)
}

fn least_level(found: &[(Estimate, Estimate); 2]) -> f64 {
    found[0].0.mean.min(found[1].0.mean)
}

/// Tries every mix that costs less, but for those to which one more can be added for less, too:
/// more agents of any kind never do worse.
fn cheaper(case: Case, than: f64) {
    const NEAR: f64 = 0.78;
    let most = than.ceil() as u32;
    let mixes =
        (0..most).flat_map(|a| (0..most).flat_map(move |b| (0..most).map(move |c| [a, b, c])));
    let fits = |mix: &[u32; 3]| cost(mix) < than - 1e-9;
    let mut tried = 0;
    for mix in mixes.filter(fits) {
        let more = [[mix[0] + 1, mix[1], mix[2]], [mix[0], mix[1] + 1, mix[2]]];
        if more.iter().any(fits) {
            continue;
        }
        tried += 1;
        if least_level(&come_to(case, &mix, 1, 400)) < NEAR - 0.05
            || least_level(&come_to(case, &mix, 4, 400)) < NEAR
        {
            continue;
        }
        let found = judged(case, &mix);
        println!("{mix:?} at {:.1}: {}", cost(&mix), shown(&found));
    }
    println!("{tried} mixes that cost less than {than}");
}

fn main() {
    let given: Vec<String> = std::env::args().skip(1).collect();
    let what = given.first().map_or("solve", String::as_str);
    let case = case(given.get(1).map_or("1", String::as_str));
    match what {
        "try" => {
            let agents: Vec<u32> = given[2..5]
                .iter()
                .map(|text| text.parse().unwrap())
                .collect();
            let found = judged(case, &agents);
            println!("{agents:?} at {:.1}: {}", cost(&agents), shown(&found));
        }
        "cheaper" => cheaper(case, given[2].parse().unwrap()),
        _ => {
            let options = Options {
                steady: true,
                costs: BTreeMap::from([(TEAMS[2].into(), FLEXIBLE)]),
                ..Options::default()
            };
            let begun = Instant::now();
            let hour = [(Span(0), HOUR)];
            let problem = Problem::new(&tenant(), &demand(case, 1.0), &hour, options).unwrap();
            let answer = staff(&problem);
            let took = begun.elapsed().as_secs_f64();
            let agents = &answer.intervals[0].agents;
            let found = judged(case, agents);
            println!(
                "{agents:?} at {:.1} in {took:.1} s: {}",
                cost(agents),
                shown(&found)
            );
        }
    }
}
