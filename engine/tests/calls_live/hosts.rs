//! Media hosts that freeze, die, or are no longer there.

use std::time::{Duration, Instant};

use trunkline_engine::telephony::{Command, Report};
use trunkline_routing::{ContactId, Input, Outcome};

use crate::desk::*;

/// Asterisk, stopped until this is dropped: the next test wants it, however this one ends.
struct Frozen(String);

impl Frozen {
    fn now() -> Self {
        let pid = asterisk(&["pid", "media-0"]);
        signal("-STOP", &pid);
        Self(pid)
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        let Self(pid) = self;
        signal("-CONT", pid);
        // nsenter, which started it, has stopped itself in sympathy.
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let parent = status.lines().find_map(|line| line.strip_prefix("PPid:"));
        signal("-CONT", parent.unwrap().trim());
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs live/run.sh"]
async fn a_media_host_that_freezes_is_noticed_in_three_seconds_and_its_call_goes_on() {
    let mut desk = Desk::fresh().await;
    let _maria = Party::maria(&[]);
    let caller = Party::caller(&["--until-bye"]);
    let (arrival, offer) = desk.talking(40).await;
    let ice = Frozen::now();
    let frozen = Instant::now();
    desk.wait(|report| matches!(report, Report::Host { up: false, .. }).then_some(()))
        .await;
    let noticed = frozen.elapsed();
    println!("noticed after {noticed:?}");
    drop(ice);
    // Three seconds are promised; a machine that is busy with other tests may take a few more.
    assert!(noticed < Duration::from_secs(8), "{noticed:?}");
    desk.wait(|report| matches!(report, Report::Host { up: true, .. }).then_some(()))
        .await;
    desk.audio_flows_both_ways([&arrival.call.channel, &leg(offer)])
        .await;
    while let Ok(told) = desk.telephony.reports.try_recv() {
        assert!(
            !matches!(
                told.report.input(),
                Some(Input::AgentDone { .. } | Input::CustomerGone { .. } | Input::Dropped { .. })
            ),
            "{told:?}"
        );
    }
    desk.end(40, Outcome::Answered);
    assert!(caller.ended_well().await);
    desk.nothing_is_left().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs live/run.sh"]
async fn callers_of_a_media_host_that_dies_and_comes_back_are_dropped_not_abandoned() {
    let mut desk = Desk::fresh().await;
    let _caller = Party::caller(&["--until-bye"]);
    desk.admit(41).await;
    signal("-KILL", &asterisk(&["pid", "media-0"]));
    let etc = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/live/etc");
    asterisk(&["start", "media-0", etc]);
    desk.wait(|report| match report {
        Report::Input(Input::Dropped {
            contact: ContactId(41),
            cause,
        }) => {
            println!("{cause}");
            Some(())
        }
        Report::Input(Input::CustomerGone { .. }) => panic!("taken for an abandon"),
        _ => None,
    })
    .await;
    desk.end(41, Outcome::Dropped);
    // The new one takes calls.
    let caller = Party::caller(&["--until-bye", "--from", "10.88.0.10:5084"]);
    desk.admit(42).await;
    caller.hangs_up().await;
    desk.input(Input::CustomerGone {
        contact: ContactId(42),
    })
    .await;
    assert!(caller.ended_well().await);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs live/run.sh"]
async fn callers_of_a_media_host_that_is_no_longer_named_are_dropped_at_once() {
    let mut desk = Desk::fresh().await;
    let caller = Party::caller(&["--until-bye"]);
    desk.admit(43).await;
    caller.said("answered").await;
    desk.send(Command::Hosts(vec![].into()));
    desk.wait(|report| {
        matches!(
            report,
            Report::Input(Input::Dropped {
                contact: ContactId(43),
                ..
            })
        )
        .then_some(())
    })
    .await;
    caller.hangs_up().await;
    assert!(caller.ended_well().await, "no call was touched");
    desk.nothing_is_left().await;
}
