//! Deterministic simulation: a seed makes agents, callers, hang-ups, silence, hand-overs, late and
//! lost events, clocks that step, new configurations and restarts; after each of them an
//! independent checker looks at everybody.
//!
//! `TRUNKLINE_SIMULATION_INPUTS=100000000` plays longer, `TRUNKLINE_SIMULATION_SEED=7` starts elsewhere.
#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "deterministic/checker.rs"]
mod checker;
#[path = "deterministic/play.rs"]
mod play;
mod world;
#[path = "deterministic/worlds.rs"]
mod worlds;

use std::sync::Arc;

use play::{Case, Play, replay, run_seed, shrink};
use trunkline_routing::{Bug, Core, Input, Options, Output, Time};
use trunkline_tenant::Tenant;

/// What users of other systems suffer from, and the bug here that stands for it.
const CLASSES: [(&str, Bug); 18] = [
    ("ghost agent in a call after a lost end", Bug::GhostAgent),
    ("agent stuck reserved", Bug::StuckReserved),
    ("two agents answer one caller", Bug::StaleAnswer),
    (
        "caller dropped when the first answer fails",
        Bug::LostAfterFailure,
    ),
    ("caller left and the agent is still rung", Bug::ZombieLeg),
    ("fast re-offer loop", Bug::FastReOffer),
    ("wrap-up too short or too long", Bug::WrapUpCutShort),
    (
        "one unavailable agent stalls the queue",
        Bug::UnavailableHead,
    ),
    ("not ready and offered all the same", Bug::NotReadyInPool),
    ("logged in and absent", Bug::AbsentInPool),
    ("wrong statistics", Bug::WrongStatistics),
    ("paused for ever after a restart", Bug::PausedAfterRestart),
    ("the eldest starves", Bug::OldestStarved),
    ("a step that ends asks nobody", Bug::StalledStep),
    ("served twice: called back and calling", Bug::ServedTwice),
    ("a consult that outlives its caller", Bug::ForgottenConsult),
    ("a callback that nobody tries again", Bug::ForgottenCallback),
    ("a long contact just before a break", Bug::BreakForgotten),
];

const MOVES_A_SEED: usize = 2_000;

fn setting(name: &str, otherwise: u64) -> u64 {
    std::env::var(name)
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(otherwise)
}

fn report(tenants: &[Arc<Tenant>], seed: u64, case: Case, why: &str) -> ! {
    let case = shrink(tenants, case, None);
    let again = replay(tenants, &case, None).unwrap_err();
    let text = serde_json::to_string(&case).unwrap();
    panic!(
        "seed {seed}: {why}\nshrunk to {} moves: {again}\n{text}",
        case.len()
    );
}

#[test]
fn a_million_inputs_break_no_invariant() {
    let tenants = worlds::tenants();
    let inputs = setting("TRUNKLINE_SIMULATION_INPUTS", 1_000_000);
    let first = setting("TRUNKLINE_SIMULATION_SEED", 1);
    for seed in first..first + inputs.div_ceil(MOVES_A_SEED as u64) {
        if let Err((case, why)) = run_seed(&tenants, seed, MOVES_A_SEED, None) {
            report(&tenants, seed, case, &why);
        }
    }
}

#[test]
fn a_replay_of_the_journal_gives_the_live_state_and_outputs_byte_for_byte() {
    let tenants = worlds::tenants();
    for seed in 900..920 {
        let case = run_seed(&tenants, seed, MOVES_A_SEED, None);
        let case = case.unwrap_or_else(|(case, why)| report(&tenants, seed, case, &why));
        let mut live = Play::new(&tenants, None, true).unwrap();
        for (at, what) in &case {
            live.play(*at, what).unwrap();
        }
        // The journal knows inputs and their times, nothing of restarts.
        let mut core = Core::new(Options {
            dates: false,
            ..Options::default()
        });
        let mut said: Vec<Output> = Vec::new();
        let tenant = Arc::clone(&tenants[0]);
        core.handle(Time(0), Input::Configure { tenant }, &mut Vec::new());
        for (at, input) in live.journal.drain(..) {
            core.handle(at, input, &mut said);
        }
        let text = |core: &Core| serde_json::to_string(&core.snapshot()).unwrap();
        let (replayed, lived) = (text(&core), text(&live.core));
        let same = replayed.bytes().zip(lived.bytes());
        let same = same.take_while(|(a, b)| a == b).count();
        let near = |text: &str| -> String {
            let from = same.saturating_sub(120);
            text.chars().skip(from).take(240).collect()
        };
        assert!(
            replayed == lived,
            "seed {seed}: replayed …{}…, lived …{}…",
            near(&replayed),
            near(&lived)
        );
        assert_eq!(said, live.said, "seed {seed}");
    }
}

#[test]
fn the_checker_sees_each_seeded_bug_and_the_case_shrinks() {
    let tenants = worlds::tenants();
    for (class, bug) in CLASSES {
        let found =
            (1..60).find_map(|seed| run_seed(&tenants, seed, MOVES_A_SEED, Some(bug)).err());
        let (case, why) = found.unwrap_or_else(|| panic!("{bug:?} went unseen: {class}"));
        let long = case.len();
        let case = shrink(&tenants, case, Some(bug));
        let again = replay(&tenants, &case, Some(bug)).unwrap_err();
        println!(
            "{bug:?}: {why}; {long} moves shrink to {}: {again}",
            case.len()
        );
        assert!(
            case.len() <= 30,
            "{bug:?} shrinks to {} moves only",
            case.len()
        );
        assert!(
            replay(&tenants, &case, None).is_ok(),
            "{bug:?}: the case fails without it too"
        );
    }
}

#[test]
#[ignore = "plays the case in the file TRUNKLINE_SIMULATION_CASE, as a failing run printed it"]
fn play_a_case() {
    let tenants = worlds::tenants();
    let path = std::env::var("TRUNKLINE_SIMULATION_CASE").unwrap();
    let case: Case = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let mut play = Play::new(&tenants, None, true).unwrap();
    for (at, what) in &case {
        println!("{at} {what:?}");
        let verdict = play.play(*at, what);
        for output in play.said.drain(..) {
            println!("    {output:?}");
        }
        verdict.unwrap();
    }
}
