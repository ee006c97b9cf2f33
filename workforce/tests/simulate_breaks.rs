//! Rule 12 in the simulator: with the agents' rota and a guard, breaks are kept as in the engine.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::fmt::Write as _;
use std::sync::Arc;

use trunkline_routing::{RotaShift, Span, Time};
use trunkline_tenant::{Tenant, compile, manifest};
use trunkline_workforce::simulate::{
    Demand, Law, Period, Presence, Rotas, Run, Setup, arrivals, rotas, run, working_hours,
};

const AGENTS: usize = 8;

/// A day of eight hours with three breaks each, staggered by two shifts.
fn tenant(guard: &str) -> Arc<Tenant> {
    let mut text = format!(
        "
apiVersion: trunkline.dev/v1alpha1
kind: CallCenter
metadata: {{name: c, namespace: c}}
spec:
  timeZone: UTC
  calendars: [{{name: always, open: [{{from: '00:00', to: '24:00'}}]}}]
  capacity: {{breakGuard: {guard}}}
  shifts:
  - {{name: early, start: '08:00', length: 8h, breaks: [{{after: 2h, length: 15m}}, {{after: 4h, length: 30m}}, {{after: 6h, length: 15m}}]}}
  - {{name: late, start: '09:00', length: 8h, breaks: [{{after: 2h, length: 15m}}, {{after: 4h, length: 30m}}, {{after: 6h, length: 15m}}]}}
  teams: [{{name: front, kind: Human, media: {{voice: 1}}, shifts: [early, late]}}]
  queues: [{{name: desk, medium: Voice, teams: [front], calendar: always, onExhausted: {{action: Hold}}}}]
  engine: {{}}
  telephony: {{media: {{minPods: 1, maxPods: 1, callsPerPod: 10}}, exposure: {{type: PodIP}}}}
  storage: {{journal: {{sqlite: {{size: 1Gi}}}}}}
"
    );
    for number in 0..AGENTS {
        let shift = ["early", "late"][number % 2];
        write!(
            text,
            "---
apiVersion: trunkline.dev/v1alpha1
kind: Agent
metadata: {{name: agent-{number}, namespace: c}}
spec: {{callCenter: c, displayName: A, team: front, shifts: [{shift}], roles: []}}
"
        )
        .unwrap();
    }
    let compiled = compile(&manifest::read("c.yaml", &text).unwrap().documents, None);
    let findings = compiled.findings;
    Arc::new(compiled.tenant.unwrap_or_else(|| panic!("{findings:?}")))
}

/// 2027-01-04, a Monday, 08:00.
const START: Time = Time(1_799_049_600_000_000);

fn days(tenant: &Arc<Tenant>, with_rotas: bool) -> Vec<Run> {
    let there = working_hours(tenant, START, Span::seconds(9 * 3600));
    assert!(there.len() > 4 * AGENTS - 1, "{there:?}");
    let demands = [Demand {
        queue: "desk".parse().unwrap(),
        periods: vec![Period {
            from: Span(0),
            to: Span::seconds(9 * 3600),
            calls: 9.0 * 90.0,
            laws: None,
        }],
    }];
    let one = |seed| {
        let setup = Setup {
            seed,
            handle: Some(Law::Lognormal {
                mean: 180.0,
                sigma: 0.6,
            }),
            patience: Some(Law::Exponential(300.0)),
            start: Some(START),
            rotas: if with_rotas {
                rotas(tenant, &there, START)
            } else {
                Rotas::new()
            },
            ..Setup::default()
        };
        let done = run(tenant, &arrivals(&demands, seed, 0.0), &there, &setup);
        assert!(done.refusals.is_empty(), "{:?}", done.refusals);
        done
    };
    (0..10).map(one).collect()
}

fn overruns(runs: &[Run]) -> (u32, f64) {
    let teams = runs.iter().map(|run| &run.summary.teams[0]);
    teams.fold((0, 0.0), |sum, team| {
        (sum.0 + team.overruns, sum.1 + team.overrun_hours)
    })
}

#[test]
fn with_a_guard_fewer_contacts_overrun_breaks_and_the_trace_says_whom_it_kept_from_what() {
    let guarded = tenant("5m");
    let (with, without) = (days(&guarded, true), days(&tenant("0s"), true));
    let (kept, broken) = (overruns(&with), overruns(&without));
    println!("overruns and hours: {kept:?} with, {broken:?} without");
    // Ten days of eight agents have 320 breaks and ends; at this load half are overrun.
    assert!(broken.0 > 100, "{broken:?}");
    assert!(kept.0 * 2 < broken.0 && kept.1 * 2.0 < broken.1, "{kept:?}");

    assert!(without.iter().all(|run| run.held_back.is_empty()));
    let begins = |minute: i64| Span::seconds(60 * minute);
    // Early ones' breaks, late ones', and both ends, from 08:00.
    let due = [120, 240, 360, 480, 180, 300, 420, 540].map(begins);
    let mut held = 0;
    for run in &with {
        for one in &run.held_back {
            held += 1;
            assert!(due.contains(&one.free_by), "{one:?}");
            let left = one.free_by.0 - one.at.0;
            assert!(left <= Span::seconds(300).0, "not near yet: {one:?}");
            assert!(one.expected.0 > left, "it would have fitted: {one:?}");
            // Somebody else took it, or they did after the break.
            let fate = &run.fates[one.contact as usize];
            let theirs = fate.agent.as_ref() == Some(&one.agent);
            assert!(
                !theirs || fate.answered_at.unwrap() >= one.free_by,
                "{one:?}, {fate:?}"
            );
        }
    }
    assert!(held > 10, "{held}");
}

#[test]
fn a_guard_without_a_rota_keeps_nothing() {
    let guarded = tenant("5m");
    let blind = days(&guarded, false);
    assert!(blind.iter().all(|run| run.held_back.is_empty()));
    assert_eq!(overruns(&blind), overruns(&days(&tenant("0s"), true)));
}

#[test]
fn what_lies_between_two_stretches_is_a_break_and_who_stays_has_no_end() {
    let tenant = tenant("5m");
    let stretch = |agent: &str, from: i64, to: Option<i64>| Presence {
        agent: agent.into(),
        team: None,
        from: Span::seconds(from),
        to: to.map(Span::seconds),
    };
    let found = rotas(
        &tenant,
        &[
            stretch("agent-0", 7200, Some(10_000)),
            stretch("agent-0", 0, Some(3600)),
            stretch("agent-0", 3600, Some(5000)),
            stretch("agent-1", 100, None),
            stretch("front-0-0", 0, Some(3600)),
        ],
        START,
    );
    let at = |second: i64| START + Span::seconds(second);
    let shift = RotaShift {
        from: at(0),
        to: at(10_000),
        breaks: vec![(at(5000), at(7200))],
    };
    assert_eq!(found["agent-0"], [shift]);
    assert!(found["agent-1"][0].to > at(1 << 40));
    assert_eq!(found.len(), 2, "who isn't listed has no rota: {found:?}");
}
