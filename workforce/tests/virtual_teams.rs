//! Virtual teams: what the documents say of them reaches the policy and the staffing.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeMap;
use std::sync::Arc;

use trunkline_routing::Span;
use trunkline_tenant::crds::TeamName;
use trunkline_tenant::{Tenant, compile, manifest};
use trunkline_workforce::capacity::{Settings, Work};
use trunkline_workforce::simulate::{Demand, Laws, Period};
use trunkline_workforce::staffing::{Options, Problem, Staffing, staff};

/// A queue for each of these virtual teams (name, contacts a pod, least and most pods), with a
/// centre's capacity and a queue's own terms.
fn tenant(teams: &[(&str, u32, u32, u32)], capacity: &str, queue: &str) -> Arc<Tenant> {
    let each = teams.iter().map(|(name, contacts, least, most)| {
        format!(
            "  - {{name: {name}, kind: Virtual, media: {{voice: 1}}, virtual: {{image: a, minPods: {least}, maxPods: {most}, contactsPerPod: {contacts}}}}}\n"
        )
    });
    let queues = teams.iter().map(|(name, ..)| {
        format!(
            "  - {{name: for-{name}, medium: Voice, teams: [{name}], calendar: always, onExhausted: {{action: Hold}}, {queue}}}\n"
        )
    });
    let text = format!(
        "
apiVersion: trunkline.dev/v1alpha1
kind: CallCenter
metadata: {{name: c, namespace: c}}
spec:
  timeZone: UTC
  calendars: [{{name: always, open: [{{from: '00:00', to: '24:00'}}]}}]
  capacity: {{maxOccupancy: 100, {capacity}}}
  engine: {{}}
  telephony: {{media: {{minPods: 1, maxPods: 1, callsPerPod: 10}}, exposure: {{type: PodIP}}}}
  storage: {{journal: {{sqlite: {{size: 1Gi}}}}}}
  teams:
{}  queues:
{}",
        each.collect::<String>(),
        queues.collect::<String>()
    );
    let compiled = compile(&manifest::read("c.yaml", &text).unwrap().documents, None);
    let findings = compiled.findings;
    Arc::new(compiled.tenant.unwrap_or_else(|| panic!("{findings:?}")))
}

const EIGHTY_IN_TWENTY: &str = "serviceLevel: {percent: 80, within: 20s, formula: AllOffered}";

/// The least agents for half hours of calls, of every queue as many.
fn staffed(tenant: &Arc<Tenant>, calls: &[f64]) -> Staffing {
    let intervals: Vec<(Span, Span)> = (0..calls.len() as i64)
        .map(|at| (Span::seconds(1800 * at), Span::seconds(1800 * (at + 1))))
        .collect();
    let laws = Arc::new(Laws {
        handle: "180".parse().unwrap(),
        patience: Some("120".parse().unwrap()),
    });
    let demands: Vec<Demand> = tenant
        .queues
        .keys()
        .map(|queue| Demand {
            queue: queue.clone(),
            periods: intervals
                .iter()
                .zip(calls)
                .map(|((from, to), calls)| Period {
                    from: *from,
                    to: *to,
                    calls: *calls,
                    laws: Some(Arc::clone(&laws)),
                })
                .collect(),
        })
        .collect();
    let options = Options {
        effort: 4_000,
        ..Options::default()
    };
    staff(&Problem::new(tenant, &demands, &intervals, options).unwrap())
}

/// By interval, the pods of each team.
fn pods(tenant: &Tenant, answer: &Staffing) -> Vec<BTreeMap<TeamName, u32>> {
    let of = |team: &TeamName, agents: u32| {
        let pods = tenant.teams[team].virtual_agents.as_ref().unwrap();
        agents.div_ceil(pods.contacts_per_pod)
    };
    let of_interval = |teams: &[trunkline_workforce::staffing::TeamNeed]| {
        teams
            .iter()
            .map(|need| (need.team.clone(), of(&need.team, need.required)))
            .collect()
    };
    answer
        .intervals
        .iter()
        .map(|interval| of_interval(&interval.teams))
        .collect()
}

#[test]
fn staffing_spends_one_budget_of_pods_over_all_virtual_teams() {
    // Each of the three queues takes some 7 agents in the first half hour: 7, 7 and 4 pods.
    let teams = [("a", 1, 0, 40), ("b", 1, 0, 40), ("c", 2, 0, 40)];
    let free = tenant(&teams, "horizon: 30m", EIGHTY_IN_TWENTY);
    let calls = [50.0, 10.0];
    let wanted = staffed(&free, &calls);
    assert!(wanted.unmet.is_empty(), "{:?}", wanted.unmet);
    let sum = |each: &BTreeMap<TeamName, u32>| each.values().sum::<u32>();
    let asked: Vec<u32> = pods(&free, &wanted).iter().map(sum).collect();
    assert!(asked[0] > 15 && asked[1] < 12, "{asked:?}");

    let enough = tenant(
        &teams,
        &format!("virtualBudget: {}", asked[0]),
        EIGHTY_IN_TWENTY,
    );
    let same = staffed(&enough, &calls);
    assert!(same.unmet.is_empty(), "{:?}", same.unmet);

    let few = tenant(&teams, "virtualBudget: 12", EIGHTY_IN_TWENTY);
    let answer = staffed(&few, &calls);
    for each in pods(&few, &answer) {
        assert!(sum(&each) <= 12, "{each:?}");
    }
    let unmet: Vec<usize> = answer.unmet.iter().map(|unmet| unmet.interval).collect();
    assert!(
        unmet.contains(&0) && !unmet.contains(&1),
        "{:?}",
        answer.unmet
    );
    assert!(
        answer.unmet[0].why.contains(
            "the 12 pods over all virtual teams are used up (spec.capacity.virtualBudget)"
        ),
        "{:?}",
        answer.unmet
    );
}

#[test]
fn what_other_teams_have_at_least_is_spent_already() {
    // Nobody calls b, and its six pods run all the same.
    let teams = [("a", 1, 0, 40), ("b", 1, 6, 40)];
    let tenant = tenant(&teams, "virtualBudget: 10", EIGHTY_IN_TWENTY);
    let work = Work {
        aht: 180.0,
        patience: 120.0,
    };
    let settings = |team: &str| Settings::of_team(&tenant, &team.into(), work, 60.0).unwrap();
    assert_eq!((settings("a").least, settings("a").most), (0, 4));
    assert_eq!((settings("b").least, settings("b").most), (6, 10));
}

#[test]
fn the_policy_leaves_out_the_abandonments_that_the_queue_calls_short() {
    use trunkline_workforce::capacity::{Outlook, Sight, decide};

    let pods = |short: &str| {
        let terms = "serviceLevel: {percent: 90, within: 60s, formula: ExcludeShortAbandons}";
        let tenant = tenant(
            &[("bots", 1, 0, 200)],
            "horizon: 30m",
            &format!("{terms}, shortAbandon: {short}"),
        );
        let work = Work {
            aht: 180.0,
            patience: 60.0,
        };
        let settings = Settings::of_team(&tenant, &"bots".into(), work, 3_600.0).unwrap();
        // Far ahead the load is the settled one, and Erlang A's number decides.
        let settings = Settings {
            surety: 0.0,
            ..settings
        };
        let outlook = Outlook {
            rates: vec![40.0 / 180.0],
            interval: 1_800.0,
            start: 0.0,
            level_cv: 0.0,
            dispersion: 1.0,
        };
        let sight = Sight {
            now: 600.0,
            ready: 0,
            starting: 0,
            in_progress: 40,
            waiting: 0,
            seen: 0.0,
            seen_since: 600.0,
            judged_since: 600.0,
            judged: 0.0,
            missed: 0.0,
        };
        (
            settings.short_abandon,
            decide(&settings, &outlook, &sight).unwrap().pods,
        )
    };
    let (none, most) = (pods("0s"), pods("60s"));
    assert_eq!((none.0, most.0), (0.0, 60.0));
    // Who gave up within a minute was missed, or was not.
    assert!(none.1 > most.1, "{none:?} {most:?}");
}
