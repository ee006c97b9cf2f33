//! Media hosts that freeze, die, or are no longer there.

use std::time::{Duration, Instant};

use trunkline_engine::telephony::ari::Host;
use trunkline_engine::telephony::{Command, Report};
use trunkline_routing::{ContactId, Input, Outcome};

use crate::callbacks::{offers, telephone};
use crate::centre::{Centre, calls_back, they_talk};
use crate::desk::*;
use crate::rules::{BOLT, orders, with_bolt};
use crate::support::eventually;

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
    let mut noticed = Vec::new();
    for _ in 0..3 {
        let ice = Frozen::now();
        let frozen = Instant::now();
        desk.wait(|report| matches!(report, Report::Host { up: false, .. }).then_some(()))
            .await;
        noticed.push(frozen.elapsed());
        drop(ice);
        desk.wait(|report| matches!(report, Report::Host { up: true, .. }).then_some(()))
            .await;
    }
    println!("noticed after {noticed:?}");
    // Up to 2.9 s by its timers; what a machine that is busy with other tests adds must not be a second.
    noticed.sort();
    assert!(noticed[1] < Duration::from_millis(3_900), "{noticed:?}");
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

/// A second media host: the same Asterisk at another address, for as long as this lives.
struct Second;

impl Second {
    const AT: &str = "10.88.0.29";
    const NAME: &str = "media-1";

    fn start() -> Self {
        let of_first = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/live/etc");
        let etc = tempfile::tempdir().unwrap();
        for file in std::fs::read_dir(of_first).unwrap() {
            let file = file.unwrap();
            let text = std::fs::read_to_string(file.path()).unwrap();
            let text = text
                .replace("10.88.0.1:5060", "10.88.0.29:5060")
                .replace("bindaddr = 10.88.0.1", "bindaddr = 10.88.0.29")
                .replace("systemname = media-0", "systemname = media-1")
                .replace("rtpstart=31000", "rtpstart=31200")
                .replace("rtpend=31199", "rtpend=31399");
            std::fs::write(etc.path().join(file.file_name()), text).unwrap();
        }
        let second = Self;
        asterisk(&["start", Self::NAME, etc.path().to_str().unwrap()]);
        second
    }

    fn host() -> Host {
        Host {
            name: Self::NAME.into(),
            address: format!("http://{}:8088/ari", Self::AT),
            ..host()
        }
    }
}

impl Drop for Second {
    fn drop(&mut self) {
        let script = format!("{}/asterisk.sh", needed("VOIP"));
        let _ = std::process::Command::new(script)
            .args(["stop", Self::NAME])
            .status();
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs live/run.sh"]
async fn whom_a_dead_media_host_lost_is_called_back_before_an_elder_caller_with_priority_who_waits_on_another()
 {
    let _second = Second::start();
    let centre = Centre::open_on(vec![host(), Second::host()], |tenant| {
        calls_back(tenant);
        with_bolt(tenant);
        orders(tenant, "bolt").priority = 5;
    })
    .await;
    let elder = Party::to(BOLT, &["--until-bye", "--from", "10.88.0.10:5081"]);
    let preferred = centre.waits_in("bolt/orders").await;
    let there = ["--to", Second::AT, "--from", "10.88.0.10:5083"];
    let loses = Party::caller(&[&there[..], &["--until-bye"]].concat());
    let lost = centre.waits_in("acme/orders").await;
    assert!(preferred < lost, "they came later");

    // It dies for good: after fifteen seconds its caller is given up.
    signal("-KILL", &asterisk(&["pid", Second::NAME]));
    eventually("whose call died is to be called back", async || {
        centre.to_be_called().await == 1
    })
    .await;
    drop(loses);
    assert_eq!(centre.state_of(preferred).await, "waiting");
    let _maria = Party::maria(&["--tone", "1000"]);
    let of_customer = telephone(&["--tone", "700"]);
    centre.works("maria").await;
    assert_eq!(centre.contact("talking", Some("maria")).await, lost);
    assert_eq!(centre.state_of(preferred).await, "waiting");
    they_talk(("10.88.0.20", "1000"), ("10.88.0.11", "700")).await;
    of_customer.hangs_up().await;
    // Not at once: what the hang-up frees, is told a little later.
    eventually("maria talks with the elder", async || {
        centre.state_of(preferred).await == "talking"
    })
    .await;
    assert_eq!(centre.contact("talking", Some("maria")).await, preferred);
    centre.lets_go("maria", preferred).await;
    assert!(elder.ended_well().await);
    let record = centre.ended(lost).await;
    let ends = record["segments"].as_array().unwrap().iter();
    let ends: Vec<&str> = ends.filter_map(|row| row["end"].as_str()).collect();
    assert_eq!(ends, ["dropped", "answered"], "{record}");
    assert_eq!((offers("maria"), offers("customer")), (2, 1));
    centre.close().await;
}
