//! How fast the simulator is.
//!
//!     simulate_speed station LOAD AGENTS CALLS   one queue with patience, beside other simulators
//!     simulate_speed day [CONTACTS AGENTS QUEUES]   with skills; 100,000, 300 and 20 where nothing is said
#![allow(clippy::unwrap_used, reason = "a bench")]

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use trunkline_routing::Span;
use trunkline_routing::metrics::Counts;
use trunkline_tenant::{Tenant, compile, manifest};
use trunkline_workforce::simulate::{
    Contact, Demand, Laws, Period, Presence, Run, Setup, arrivals, run,
};

const AHT: f64 = 180.0;
const PATIENCE: f64 = 300.0;
const TIMES: usize = 5;

const HEAD: &str = "
apiVersion: trunkline.dev/v1alpha1
kind: CallCenter
metadata: {name: c, namespace: c}
spec:
  timeZone: UTC
  calendars: [{name: always, open: [{from: '00:00', to: '24:00'}]}]
  engine: {}
  telephony: {media: {minPods: 1, maxPods: 1, callsPerPod: 10}, exposure: {type: PodIP}}
  storage: {journal: {sqlite: {size: 1Gi}}}
";

fn main() {
    let given: Vec<String> = std::env::args().skip(1).collect();
    let number =
        |at: usize, default: f64| given.get(at).map_or(default, |text| text.parse().unwrap());
    match given.first().map(String::as_str) {
        Some("station") => {
            station(
                number(1, 40.0),
                number(2, 41.0) as usize,
                number(3, 100_000.0),
            );
        }
        _ => day(&Size {
            contacts: number(1, 100_000.0),
            agents: number(2, 300.0) as usize,
            queues: number(3, 20.0) as usize,
        }),
    }
}

fn tenant(rest: &str) -> Arc<Tenant> {
    let (centre, others) = rest.split_once("\n---").unwrap_or((rest, ""));
    let text = format!("{HEAD}{centre}\n---{others}");
    let compiled = compile(&manifest::read("c.yaml", &text).unwrap().documents, None);
    for finding in &compiled.findings {
        eprintln!("{} {}: {}", finding.code, finding.field, finding.message);
    }
    Arc::new(compiled.tenant.unwrap())
}

/// The median of a few runs, each timed whole: signing everyone in, every contact, the figures.
fn timed(one: impl Fn() -> Run) -> (Run, Duration) {
    let mut times = Vec::new();
    let mut last = None;
    for _ in 0..TIMES {
        let begun = Instant::now();
        let done = one();
        times.push(begun.elapsed());
        last = Some(done);
    }
    times.sort();
    (last.unwrap(), times[TIMES / 2])
}

/// Arrivals, answers and ends: what each simulator has to do at least.
fn events(run: &Run) -> usize {
    let answers = run.fates.iter().filter(|fate| fate.answered_at.is_some());
    2 * run.fates.len() + answers.count()
}

fn station(load: f64, agents: usize, calls: f64) {
    let tenant = tenant(
        "  teams:
  - {name: front, kind: Virtual, media: {voice: 1}, virtual: {image: a, maxPods: 1000}}
  queues:
  - {name: desk, medium: Voice, teams: [front], calendar: always, onExhausted: {action: Hold},
     serviceLevel: {percent: 80, within: 20s, formula: AllOffered}}
",
    );
    let laws = Laws {
        handle: format!("{AHT}").parse().unwrap(),
        patience: Some(format!("{PATIENCE}").parse().unwrap()),
    };
    let contacts = arrivals(
        &[Demand {
            queue: "desk".parse().unwrap(),
            periods: vec![Period {
                from: Span(0),
                to: Span((calls * AHT / load * 1e6) as i64),
                calls,
                laws: Some(Arc::new(laws)),
            }],
        }],
        1,
        0.0,
    );
    let there: Vec<Presence> = (0..agents)
        .map(|number| Presence {
            agent: format!("front-{number:04}-0").as_str().into(),
            team: Some("front".into()),
            from: Span(0),
            to: None,
        })
        .collect();
    let (done, time) = timed(|| run(&tenant, &contacts, &there, &Setup::default()));
    let level = done.summary.queues[0].service_level.unwrap();
    println!(
        "trunkline,{},{:.4},{:.0},{level:.4}",
        done.fates.len(),
        time.as_secs_f64(),
        events(&done) as f64 / time.as_secs_f64()
    );
}

struct Size {
    contacts: f64,
    agents: usize,
    queues: usize,
}

/// Share of the day in each half hour from seven o'clock: a large bank's.
const PROFILE: [f64; 28] = [
    0.0148, 0.0165, 0.0256, 0.0338, 0.0473, 0.0520, 0.0525, 0.0523, 0.0514, 0.0499, 0.0484, 0.0476,
    0.0463, 0.0458, 0.0449, 0.0447, 0.0434, 0.0424, 0.0399, 0.0358, 0.0304, 0.0266, 0.0233, 0.0208,
    0.0183, 0.0167, 0.0150, 0.0137,
];

fn centre(size: &Size) -> Arc<Tenant> {
    let (agents, queues) = (size.agents, size.queues);
    let mut text = String::from("  skills: [");
    (0..queues).for_each(|skill| write!(text, "s{skill}, ").unwrap());
    text.push_str("general]\n  teams:\n");
    for team in 0..4 {
        writeln!(
            text,
            "  - {{name: t{team}, kind: Human, media: {{voice: 1}}, skills: {{general: 3}}, wrapUp: 5s}}"
        )
        .unwrap();
    }
    text.push_str("  queues:\n");
    for queue in 0..queues {
        writeln!(
            text,
            "  - {{name: q{queue}, medium: Voice, teams: [t0, t1, t2, t3], calendar: always, route: [{{require: {{s{queue}: 2}}, prefer: {{s{queue}: 4}}, for: 30s}}, {{require: {{s{queue}: 1}}, for: 30s}}, {{require: {{general: 2}}}}], onExhausted: {{action: Hold}}}}"
        )
        .unwrap();
    }
    for agent in 0..agents {
        // Three skills in a chain, at levels 1 to 5.
        let skills = [0, 1, 7].map(|by| {
            let skill = (agent + by) % queues;
            format!("s{skill}: {}", 1 + (agent / queues + by) % 5)
        });
        write!(
            text,
            "\n---\napiVersion: trunkline.dev/v1alpha1\nkind: Agent\nmetadata: {{name: a{agent:04}, namespace: c}}\nspec: {{callCenter: c, displayName: A, team: t{}, skills: {{{}}}}}\n",
            agent % 4,
            skills.join(", ")
        )
        .unwrap();
    }
    tenant(&text)
}

fn day(size: &Size) {
    let tenant = centre(size);
    let half_hour = |at: usize| Span::seconds(1800 * at as i64);
    let laws = Arc::new(Laws {
        handle: "lognormal:80:0.9".parse().unwrap(),
        patience: Some("120".parse().unwrap()),
    });
    let demands: Vec<Demand> = tenant
        .queues
        .keys()
        .map(|queue| Demand {
            queue: queue.clone(),
            periods: PROFILE
                .iter()
                .enumerate()
                .map(|(at, share)| Period {
                    from: half_hour(at),
                    to: half_hour(at + 1),
                    calls: size.contacts / size.queues as f64 * share,
                    laws: Some(Arc::clone(&laws)),
                })
                .collect(),
        })
        .collect();
    let begun = Instant::now();
    let contacts: Vec<Contact> = arrivals(&demands, 1, 0.0);
    let made = begun.elapsed();
    let there: Vec<Presence> = tenant
        .agents
        .keys()
        .map(|agent| Presence {
            agent: agent.clone(),
            team: None,
            from: Span(0),
            to: None,
        })
        .collect();
    let (done, time) = timed(|| run(&tenant, &contacts, &there, &Setup::default()));
    let queues = &done.summary.queues;
    let sum = |of: fn(&Counts) -> u64| queues.iter().map(|one| of(&one.counts)).sum::<u64>();
    let offered = sum(|counts| counts.offered);
    let in_time = sum(|counts| counts.answered_within);
    println!(
        "contacts {}, agents {}, queues {}: {:.3} s a day (median of {TIMES}; arrivals made in {:.3} s before), {:.0} contacts/s, {:.0} events/s, {:.1} % within 20 s",
        done.fates.len(),
        size.agents,
        size.queues,
        time.as_secs_f64(),
        made.as_secs_f64(),
        done.fates.len() as f64 / time.as_secs_f64(),
        events(&done) as f64 / time.as_secs_f64(),
        100.0 * in_time as f64 / offered as f64
    );
}
