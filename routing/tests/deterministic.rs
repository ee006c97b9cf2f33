//! Deterministic simulation: a seed makes agents, callers, hang-ups, silence, hand-overs, late and
//! lost events, clocks that step, new configurations, restarts and crashes, on a day somewhere on earth
//! whose clock may change and on which queues open and close; after each of them an independent checker
//! looks at everybody.
//!
//! `TRUNKLINE_SIMULATION_INPUTS=100000000` plays longer, `TRUNKLINE_SIMULATION_SEED=7` starts elsewhere.
#![allow(clippy::unwrap_used, clippy::panic)]

/// Ends a check with what was found, where something does not hold.
macro_rules! ensure {
    ($holds:expr, $($what:tt)*) => {
        if !$holds {
            return Err(format!($($what)*));
        }
    };
}

#[path = "deterministic/checker.rs"]
mod checker;
#[path = "deterministic/debts.rs"]
mod debts;
#[path = "deterministic/line.rs"]
mod line;
#[path = "deterministic/opening.rs"]
mod opening;
#[path = "deterministic/play.rs"]
mod play;
#[path = "deterministic/spells.rs"]
mod spells;
#[path = "deterministic/sums.rs"]
mod sums;
#[path = "deterministic/tally.rs"]
mod tally;
mod world;
#[path = "deterministic/worlds.rs"]
mod worlds;

use std::sync::Arc;

use play::{Case, Move, Play, replay, run_seed, shrink};
use trunkline_routing::{Bug, Core, Input, Output, RULES};
use worlds::Place;

const MOVES_A_SEED: usize = 2_000;

fn setting(name: &str, otherwise: u64) -> u64 {
    std::env::var(name)
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(otherwise)
}

fn report(places: &[Place], seed: u64, case: Case, why: &str) -> ! {
    eprintln!("seed {seed}: {why}; making it small, which may take minutes");
    let case = shrink(places, case, None);
    let again = replay(places, &case, None).unwrap_err();
    let text = serde_json::to_string(&case).unwrap();
    panic!(
        "seed {seed}: {why}\nshrunk to {} moves: {again}\n{text}",
        case.moves.len()
    );
}

#[test]
fn a_million_inputs_break_no_invariant() {
    let places = worlds::places();
    let inputs = setting("TRUNKLINE_SIMULATION_INPUTS", 1_000_000);
    let first = setting("TRUNKLINE_SIMULATION_SEED", 1);
    for seed in first..first + inputs.div_ceil(MOVES_A_SEED as u64) {
        if let Err((case, why)) = run_seed(&places, seed, MOVES_A_SEED, None) {
            report(&places, seed, case, &why);
        }
    }
}

#[test]
fn a_replay_of_the_journal_gives_the_live_state_and_outputs_byte_for_byte() {
    let places = worlds::places();
    for seed in 900..920 {
        let case = run_seed(&places, seed, MOVES_A_SEED, None);
        let case = case.unwrap_or_else(|(case, why)| report(&places, seed, case, &why));
        let mut live = Play::new(&places, case.begins, None, true);
        for (at, what) in &case.moves {
            live.play(*at, what).unwrap();
        }
        // The journal knows inputs and their times, nothing of restarts.
        let mut core = Core::new(case.begins.options());
        let mut said: Vec<Output> = Vec::new();
        let tenant = Arc::clone(&places[case.begins.place].tenants[0]);
        core.handle(case.begins.at, Input::Configure { tenant }, &mut Vec::new());
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

/// Whoever changes what is decided raises [`RULES`], by which `explain` knows that a journal was decided otherwise.
#[test]
fn what_a_revision_of_the_rules_decides_stays_as_it_is() {
    /// Both change together; the second alone where nothing but the play itself did.
    const DECIDED: (u32, u64) = (2, 9_808_859_729_450_151_273);
    let places = worlds::places();
    // FNV-1a.
    let mut digest = 0xCBF2_9CE4_8422_2325_u64;
    for seed in 1..=20 {
        let case = run_seed(&places, seed, MOVES_A_SEED, None);
        let case = case.unwrap_or_else(|(case, why)| report(&places, seed, case, &why));
        let mut play = Play::new(&places, case.begins, None, true);
        for (at, what) in &case.moves {
            play.play(*at, what).unwrap();
        }
        for byte in serde_json::to_vec(&play.said).unwrap() {
            digest = (digest ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3);
        }
    }
    assert_eq!(
        (RULES, digest),
        DECIDED,
        "other decisions than before: raise RULES in routing/src/lib.rs, and put both numbers here"
    );
}

/// Plays with a bug until the checker sees it; one of the first cases shrinks, and is fine without the bug.
fn is_seen(bug: Bug) {
    /// What a person can follow.
    const SMALL: usize = 40;
    let places = worlds::places();
    let found = (1..200).filter_map(|seed| run_seed(&places, seed, MOVES_A_SEED, Some(bug)).err());
    let mut found: Vec<_> = found.take(3).collect();
    assert!(!found.is_empty(), "{bug:?} went unseen");
    // One without dates where there is one, and a short one, which is not seen by a recovery from far back: it shrinks in
    // a moment, and others in minutes.
    let by_recovery = |case: &Case| matches!(case.moves.last(), Some((_, Move::Crash { .. })));
    found.sort_by_key(|(case, _)| (by_recovery(case), case.begins.dates, case.moves.len()));
    let mut sizes = Vec::new();
    for (case, why) in found {
        let long = case.moves.len();
        let case = shrink(&places, case, Some(bug));
        // From its text, which is what a failing seed leaves to whoever looks for the fault.
        let text = serde_json::to_string(&case).unwrap();
        let case: Case = serde_json::from_str(&text).unwrap();
        assert_eq!(serde_json::to_string(&case).unwrap(), text);
        let again = replay(&places, &case, Some(bug)).unwrap_err();
        sizes.push(case.moves.len());
        println!(
            "{bug:?}: {why}; {long} moves shrink to {}: {again}",
            case.moves.len()
        );
        assert!(
            replay(&places, &case, None).is_ok(),
            "{bug:?}: the case fails without it too"
        );
        if case.moves.len() <= SMALL {
            return;
        }
    }
    panic!("{bug:?} shrinks to {sizes:?} moves only");
}

/// What users of other systems suffer from, and the bug here that stands for it: a test each.
mod the_checker_sees {
    use super::{Bug, is_seen};

    macro_rules! classes {
        ($($class:ident: $bug:ident,)*) => {
            $(
                #[test]
                fn $class() {
                    is_seen(Bug::$bug);
                }
            )*

            /// Does not compile while a bug has no class.
            #[allow(dead_code, reason = "compiled, never run")]
            const fn has_a_class(bug: Bug) {
                match bug {
                    $(Bug::$bug => (),)*
                }
            }
        };
    }

    classes! {
        a_ghost_agent_in_a_call_after_a_lost_end: GhostAgent,
        an_agent_stuck_reserved: StuckReserved,
        two_agents_who_answer_one_caller: StaleAnswer,
        a_caller_dropped_when_the_first_answer_fails: LostAfterFailure,
        an_agent_still_rung_whose_caller_has_left: ZombieLeg,
        a_fast_re_offer_loop: FastReOffer,
        a_wrap_up_too_short_or_too_long: WrapUpCutShort,
        one_unavailable_agent_who_stalls_the_queue: UnavailableHead,
        an_agent_away_whom_nobody_could_hear: BlamedForStall,
        an_agent_away_whose_host_nobody_could_hear: BlamedForSilence,
        an_agent_not_ready_and_offered_all_the_same: NotReadyInPool,
        an_agent_logged_in_and_absent: AbsentInPool,
        wrong_statistics: WrongStatistics,
        a_row_that_moves_to_another_team_with_its_agent: PastTakenAlong,
        time_that_is_told_as_something_else: UntoldWrapUp,
        an_abandonment_that_is_counted_nowhere: UncountedAbandon,
        a_customer_tried_for_ever: TriedForEver,
        a_customer_called_after_hours: CalledAfterHours,
        a_customer_called_outside_their_own_window: WindowForgotten,
        a_queue_open_on_a_holiday: HolidayForgotten,
        queues_compared_before_ranks: QueueBeforeRank,
        an_agent_with_more_than_they_have_room_for: Overloaded,
        an_agent_paused_for_ever_after_a_restart: PausedAfterRestart,
        the_eldest_who_starves: OldestStarved,
        a_step_that_ends_and_asks_nobody: StalledStep,
        a_step_that_never_ends: EndlessStep,
        a_caller_behind_everybody_after_a_missed_offer: BackOfTheLine,
        a_customer_served_twice_called_back_and_calling: ServedTwice,
        a_consult_that_outlives_its_caller: ForgottenConsult,
        a_caller_promised_a_call_whom_nobody_can_call: EmptyPromise,
        a_callback_that_nobody_tries_again: ForgottenCallback,
        a_long_contact_just_before_a_break: BreakForgotten,
        a_queue_in_debt_that_nobody_serves_before_a_break: DebtForgotten,
        a_queue_served_before_a_break_that_owes_nobody: DebtAssumed,
        a_client_passed_over_who_has_fewer_agents_than_guaranteed: FairShareIgnored,
        the_longest_idle_who_is_passed_over: IdleSinceSignIn,
        the_most_skilled_who_is_passed_over: SkillIgnored,
        turns_that_are_not_taken: TurnForgotten,
        an_agent_with_more_in_hand_who_is_asked_first: LoadIgnored,
        an_agent_who_has_worked_more_and_is_asked_first: WorkIgnored,
        a_preference_that_orders_nobody: PreferenceIgnored,
        a_client_served_as_if_it_weighed_less: WeightIgnored,
        a_client_that_comes_back_for_what_it_did_not_use: PastClaimed,
    }
}

#[test]
#[ignore = "plays the case in the file TRUNKLINE_SIMULATION_CASE, as a failing run printed it"]
fn play_a_case() {
    let places = worlds::places();
    let path = std::env::var("TRUNKLINE_SIMULATION_CASE").unwrap();
    let case: Case = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let mut play = Play::new(&places, case.begins, None, true);
    for (at, what) in &case.moves {
        println!("{at} {what:?}");
        let verdict = play.play(*at, what);
        for output in play.said.drain(..) {
            println!("    {output:?}");
        }
        verdict.unwrap();
    }
}
