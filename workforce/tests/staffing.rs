//! Staffing: what can be known otherwise, a flexible agent counted once, and bad input.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use trunkline_routing::Span;
use trunkline_tenant::{Tenant, compile, manifest};
use trunkline_workforce::erlang::{Bounds, Callers, Formula, Horizons, Queue, least_agents};
use trunkline_workforce::simulate::{Demand, Laws, Period, Presence, Setup, arrivals, ratio, run};
use trunkline_workforce::staffing::{Met, Options, Problem, Staffing, StaffingError, staff};

/// Teams with skills, and queues that each ask for one.
fn tenant(teams: &[(&str, &[&str])], queues: &[&str], queue: &str) -> Arc<Tenant> {
    let mut text = String::from(
        "
apiVersion: trunkline.dev/v1alpha1
kind: CallCenter
metadata: {name: c, namespace: c}
spec:
  timeZone: UTC
  calendars: [{name: always, open: [{from: '00:00', to: '24:00'}]}]
  skills: [billing, technical, law]
  capacity: {maxOccupancy: 100}
  engine: {}
  telephony: {media: {minPods: 1, maxPods: 1, callsPerPod: 10}, exposure: {type: PodIP}}
  storage: {journal: {sqlite: {size: 1Gi}}}
  teams:
",
    );
    for (name, skills) in teams {
        // Who can do one thing only does it better.
        let level = 5 - skills.len();
        let skills: Vec<String> = skills
            .iter()
            .map(|skill| format!("{skill}: {level}"))
            .collect();
        let skills = skills.join(", ");
        writeln!(
            text,
            "  - {{name: {name}, kind: Human, media: {{voice: 1}}, skills: {{{skills}}}, shrinkage: {{planned: 20, unplanned: 15}}}}"
        )
        .unwrap();
    }
    let names: Vec<&str> = teams.iter().map(|(name, _)| *name).collect();
    text.push_str("  queues:\n");
    for name in queues {
        writeln!(
            text,
            "  - {{name: {name}, medium: Voice, teams: [{}], calendar: always, onExhausted: {{action: Hold}}, route: [{{require: {{{name}: 1}}}}], {queue}}}",
            names.join(", ")
        )
        .unwrap();
    }
    let compiled = compile(&manifest::read("c.yaml", &text).unwrap().documents, None);
    let findings = compiled.findings;
    Arc::new(compiled.tenant.unwrap_or_else(|| panic!("{findings:?}")))
}

const EIGHTY_IN_TWENTY: &str = "serviceLevel: {percent: 80, within: 20s, formula: AllOffered}";

const BILLING_AND_TECHNICAL: [(&str, &[&str]); 3] = [
    ("bill", &["billing"]),
    ("tech", &["technical"]),
    ("both", &["billing", "technical"]),
];

/// Half hours of calls: queue, calls, handle time, patience.
fn demand(of: &[(&str, &[f64], &str, Option<&str>)]) -> (Vec<Demand>, Vec<(Span, Span)>) {
    let edge = |at: usize| Span::seconds(1800 * at as i64);
    let demands = of.iter().map(|(queue, calls, handle, patience)| {
        let laws = Arc::new(Laws {
            handle: handle.parse().unwrap(),
            patience: patience.map(|text| text.parse().unwrap()),
        });
        let periods = calls.iter().enumerate().map(|(at, &calls)| Period {
            from: edge(at),
            to: edge(at + 1),
            calls,
            laws: Some(Arc::clone(&laws)),
        });
        Demand {
            queue: queue.parse().unwrap(),
            periods: periods.collect(),
        }
    });
    let intervals = (0..of[0].1.len()).map(|at| (edge(at), edge(at + 1)));
    (demands.collect(), intervals.collect())
}

fn steady() -> Options {
    Options {
        steady: true,
        ..Options::default()
    }
}

fn solved(
    tenant: &Arc<Tenant>,
    of: &[(&str, &[f64], &str, Option<&str>)],
    options: Options,
) -> Staffing {
    let (demands, intervals) = demand(of);
    let problem = Problem::new(tenant, &demands, &intervals, options).unwrap();
    staff(&problem)
}

#[test]
fn where_there_is_one_queue_it_is_erlangs_answer() {
    let tenant = tenant(&[("bill", &["billing"])], &["billing"], EIGHTY_IN_TWENTY);
    // The last is a near miss: five agents come to 80.26 %.
    for (calls, patience) in [(100.0, Some("120")), (100.0, None), (33.0, Some("300"))] {
        let answer = solved(&tenant, &[("billing", &[calls], "180", patience)], steady());
        let queue = Queue {
            load: (calls * 180.0 / 1800.0).into(),
            aht: 180.0,
            callers: patience.map_or(Callers::Patient, |text| {
                Callers::Impatient(text.parse().unwrap())
            }),
        };
        let bounds = Bounds {
            service_level: Some((Formula::AllOffered, 0.8)),
            ..Bounds::default()
        };
        let horizons = Horizons {
            within: Some(20.0),
            short: None,
        };
        let least = least_agents(&queue, 0.0, &bounds, horizons).unwrap();
        let found = &answer.intervals[0];
        assert_eq!(
            u64::from(found.agents[0]),
            least,
            "{calls} calls, patience {patience:?}"
        );
        assert_eq!(
            (found.bracket.pooled, found.bracket.separate),
            (least, least)
        );
        let sure = if calls == 33.0 {
            Met::Likely
        } else {
            Met::Surely
        };
        assert!(found.levels[0].met() >= sure, "{:?}", found.levels);
        // 17 / (0.8 × 0.85) is 25 exactly.
        let scheduled = (f64::from(found.agents[0]) / 0.68 - 1e-9).ceil() as u64;
        assert_eq!(found.teams[0].scheduled, scheduled);
        assert!(answer.unmet.is_empty());
    }
}

/// The level of each queue with so many of each team, of long runs that the search never met.
fn held(
    tenant: &Arc<Tenant>,
    of: &[(&str, &[f64], &str, Option<&str>)],
    agents: &[(&str, u32)],
) -> Vec<f64> {
    let (mut demands, _) = demand(of);
    let hours = 400;
    for demand in &mut demands {
        let period = &mut demand.periods[0];
        period.to = Span::seconds(3600 * hours);
        period.calls *= 2.0 * hours as f64;
    }
    let there: Vec<Presence> = agents
        .iter()
        .flat_map(|&(team, count)| {
            (0..count).map(move |number| Presence {
                agent: format!("{team}-{number:03}").as_str().into(),
                team: Some(team.into()),
                from: Span(0),
                to: None,
            })
        })
        .collect();
    let runs: Vec<_> = (0..8)
        .map(|run_number| {
            let seed = 0xABCD_0000 + run_number;
            let setup = Setup {
                seed,
                slices: vec![Span::seconds(7200), Span::seconds(3600 * hours)],
                ..Setup::default()
            };
            run(tenant, &arrivals(&demands, seed, 0.0), &there, &setup)
        })
        .collect();
    (0..tenant.queues.len())
        .map(|at| {
            let pairs: Vec<(f64, f64)> = runs
                .iter()
                .map(|run| {
                    let counts = &run.slices.queues[at].1[0];
                    (counts.answered_within as f64, counts.offered as f64)
                })
                .collect();
            ratio(&pairs).unwrap().mean
        })
        .collect()
}

/// The documents' example of the best-known open tool: 6.7 erlangs of each of two skills, and one
/// who has both costs 1.4. It answers 13 agents or 10, who come nowhere near.
fn two_skills(
    patience: Option<&'static str>,
) -> [(
    &'static str,
    &'static [f64],
    &'static str,
    Option<&'static str>,
); 2] {
    [
        ("billing", &[50.0], "240", patience),
        ("technical", &[25.0], "480", Some("600")),
    ]
}

/// Beside each bound: what `multi_skill cheaper` finds to be the least of all mixes, each tried.
#[test]
fn a_flexible_agent_is_one_agent_and_the_cheapest_mix_that_really_holds_is_found() {
    const FLEXIBLE: f64 = 1.4;
    let tenant = tenant(
        &BILLING_AND_TECHNICAL,
        &["billing", "technical"],
        "strategy: MostSkilled, serviceLevel: {percent: 80, within: 20s, formula: AllOffered}",
    );
    for (patience, least) in [(None, 19.2), (Some("600"), 18.8)] {
        let calls = two_skills(patience);
        let options = Options {
            costs: BTreeMap::from([("both".into(), FLEXIBLE)]),
            ..steady()
        };
        let answer = solved(&tenant, &calls, options);
        let interval = &answer.intervals[0];
        let needs = interval.teams.iter();
        let agents: Vec<(&str, u32)> = needs
            .map(|need| (need.team.as_str(), need.required))
            .collect();
        let price = |team: &str| if team == "both" { FLEXIBLE } else { 1.0 };
        let costs = agents.iter().map(|&(team, n)| f64::from(n) * price(team));
        let cost: f64 = costs.sum();
        let levels = held(&tenant, &calls, &agents);
        println!("{agents:?} at {cost}: {levels:?}");
        assert!(cost <= least + 1e-9, "{agents:?} cost {cost}");
        assert!(
            levels.iter().all(|level| *level >= 0.798),
            "{agents:?}: {levels:?}"
        );
        assert!(
            interval
                .levels
                .iter()
                .all(|level| level.met() >= Met::Likely)
        );
    }
    let counted_twice = held(&tenant, &two_skills(None), &[("bill", 7), ("both", 6)]);
    assert!(
        counted_twice.iter().any(|level| *level < 0.4),
        "{counted_twice:?}"
    );
}

#[test]
fn a_day_is_followed_as_it_goes_and_each_interval_keeps_its_promise() {
    let tenant = tenant(
        &BILLING_AND_TECHNICAL,
        &["billing", "technical"],
        EIGHTY_IN_TWENTY,
    );
    let calls: [(&str, &[f64], &str, Option<&str>); 2] = [
        (
            "billing",
            &[10.0, 40.0, 60.0, 30.0, 0.0],
            "240",
            Some("180"),
        ),
        (
            "technical",
            &[5.0, 10.0, 20.0, 10.0, 0.0],
            "300",
            Some("180"),
        ),
    ];
    let answer = solved(&tenant, &calls, Options::default());
    assert!(answer.unmet.is_empty(), "{:?}", answer.unmet);
    for interval in &answer.intervals {
        assert!(
            interval
                .levels
                .iter()
                .all(|level| level.met() >= Met::Likely),
            "{interval:?}"
        );
        let agents: u32 = interval.agents.iter().sum();
        assert!(
            u64::from(agents) <= interval.bracket.separate + 1,
            "{interval:?}"
        );
    }
    assert_eq!(
        answer.intervals[4].agents,
        [0, 0, 0],
        "nobody calls, nobody is needed"
    );
    let again = solved(&tenant, &calls, Options::default());
    assert_eq!(answer, again, "the same seed, the same answer");
}

#[test]
fn what_no_number_meets_is_refused_or_answered_with_why() {
    let refused = |tenant: &Arc<Tenant>, queue: &str, calls: f64| {
        let (demands, intervals) = demand(&[(queue, &[calls], "180", None)]);
        Problem::new(tenant, &demands, &intervals, steady()).unwrap_err()
    };
    let plain = tenant(&[("bill", &["billing"])], &["billing"], EIGHTY_IN_TWENTY);
    assert_eq!(refused(&plain, "billing", 0.0), StaffingError::NoDemand);
    let sure = "serviceLevel: {percent: 100, within: 20s}";
    let sure = tenant(&[("bill", &["billing"])], &["billing"], sure);
    let why = refused(&sure, "billing", 10.0).to_string();
    assert!(
        why.contains("100 % within 20s") && why.contains("no number of agents"),
        "{why}"
    );
    // People could learn it, so the documents are sound; nobody has, so there is no group to staff.
    let unskilled = tenant(
        &[("bill", &["billing"])],
        &["billing", "law"],
        EIGHTY_IN_TWENTY,
    );
    let why = refused(&unskilled, "law", 10.0).to_string();
    assert!(
        why.contains("queue law: nobody can serve it") && why.contains("law 1"),
        "{why}"
    );
    let options = Options {
        costs: BTreeMap::from([("bill".into(), -1.0)]),
        ..steady()
    };
    let (demands, intervals) = demand(&[("billing", &[10.0], "180", None)]);
    let why = Problem::new(&plain, &demands, &intervals, options)
        .unwrap_err()
        .to_string();
    assert!(why.contains("the cost of team bill is -1"), "{why}");
}
