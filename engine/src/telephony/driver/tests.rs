//! The state machine alone: commands and events in, deeds and reports out.

mod called;
mod consult;
mod menu;
mod unasked;

use std::sync::Arc;

use tokio::time::Instant;
use trunkline_routing::{
    CancelReason, ConsultEnd, ContactId, DeclineCause, Input, OfferId, Outcome, Output, Span,
    Target, Time,
};
use trunkline_tenant::crds::{AgentName, ClientName, PromptName};

use super::super::ari::{AriError, Bridge, Cause, Channel, ChannelId, Event, EventKind, HostName};
use super::super::{
    Beside, CallRef, Command, Recovered, RecoveredCall, RecoveredOther, RecoveredStage, Report,
};
use super::act::{Failed, What};
use super::adopt::Listing;
use super::calls::{Calls, Effects};
use super::{Settings, names};

const CALLER: &str = "media-0-1795383183.1";
const CONTACT: ContactId = ContactId(1);
const OFFER: OfferId = OfferId {
    contact: CONTACT,
    generation: 1,
};
/// A minute after the epoch: what was touched at the start has settled.
const LATER: Time = Time(60_000_000);

fn host() -> HostName {
    HostName::new("media-0")
}

fn caller() -> CallRef {
    Calls::place(&host(), &CALLER.into())
}

pub(super) fn channel(id: &str, state: &str) -> Channel {
    serde_json::from_value(serde_json::json!({
        "id": id, "name": "PJSIP/x-00000001", "state": state,
        "caller": {"name": "", "number": "+4930"},
        "dialplan": {"app_name": "Stasis", "app_data": if id == CALLER {"acd,inbound,+18005550100"} else {"acd,leg"}},
        "creationtime": "1970-01-01T00:00:00.000+0000",
        "channelvars": {},
    }))
    .unwrap()
}

fn bridge(channels: &[&str]) -> Bridge {
    serde_json::from_value(serde_json::json!({"id": "b-1", "channels": channels})).unwrap()
}

fn start(id: &str, args: &[&str]) -> EventKind {
    EventKind::StasisStart {
        args: args.iter().map(|arg| (*arg).to_owned()).collect(),
        channel: channel(id, "Up"),
    }
}

fn end(id: &str) -> EventKind {
    EventKind::StasisEnd {
        channel: channel(id, "Up"),
    }
}

/// The machine, its clock, and what it did last.
pub(super) struct Machine {
    pub calls: Calls,
    now: Time,
}

impl Machine {
    fn new() -> Self {
        let mut calls = Calls::new(Settings::default());
        calls.tenant = Some(Arc::new(crate::testing::small_tenant()));
        Self {
            calls,
            now: Time(0),
        }
    }

    fn event(&mut self, kind: EventKind) -> Effects {
        let mut out = Effects::default();
        let event = Event {
            application: "acd".into(),
            timestamp: None,
            kind,
        };
        self.calls.event(self.now, &host(), event, &mut out);
        out
    }

    fn command(&mut self, command: Command) -> Effects {
        let mut out = Effects::default();
        self.calls.command(self.now, command, &mut out);
        out
    }

    fn output(&mut self, output: Output) -> Effects {
        self.command(Command::Do(output))
    }

    fn compare(&mut self, listing: Listing) -> Effects {
        let mut out = Effects::default();
        self.calls.compare(self.now, &host(), &listing, &mut out);
        out
    }

    fn failed(&mut self, leg: &str, what: What, error: AriError) -> Effects {
        let mut out = Effects::default();
        let act = super::act::Act {
            host: host(),
            leg: leg.into(),
            what,
        };
        let begun = Instant::now();
        let failed = Failed { act, error, begun };
        self.calls.failed(self.now, failed, &mut out);
        out
    }

    /// Where the queue announces.
    fn announcing(what: serde_json::Value) -> Self {
        let mut machine = Self::new();
        let mut tenant = crate::testing::tenant_that_calls_out();
        let queue = tenant.queues.get_mut(&"acme/orders".parse().unwrap());
        queue.unwrap().announcements = serde_json::from_value(what).unwrap();
        machine.calls.tenant = Some(Arc::new(tenant));
        machine
    }

    fn waiting() -> Self {
        let mut machine = Self::new();
        machine.comes_in();
        machine
    }

    fn comes_in(&mut self) {
        self.event(start(CALLER, &["inbound", "+18005550100"]));
        self.admit();
    }

    fn admit(&mut self) {
        self.command(Command::Admit {
            contact: CONTACT,
            call: caller(),
            queue: "acme/orders".parse().unwrap(),
        });
    }

    /// What the journal knows of the one call.
    fn recover(&mut self, stage: RecoveredStage) {
        self.calls.recover(Recovered {
            calls: vec![RecoveredCall {
                contact: CONTACT,
                call: caller(),
                queue: "acme/orders".parse().unwrap(),
                stage,
            }],
            newest: Some(CONTACT),
            ..Recovered::default()
        });
    }

    fn ringing() -> Self {
        let mut machine = Self::waiting();
        let out = machine.offer("maria");
        assert!(matches!(out.acts[0].what, What::Ring(_)), "{out:?}");
        machine
    }

    fn offer(&mut self, agent: &str) -> Effects {
        self.output(Output::Offer {
            offer: OFFER,
            agent: AgentName::new(agent),
            deadline: self.now + Span::seconds(20),
        })
    }

    pub fn joining() -> Self {
        let mut machine = Self::ringing();
        let out = machine.event(start("o-1-1", &["leg", "1-1"]));
        assert_eq!(inputs(&out), [Input::Accept { offer: OFFER }]);
        machine
    }

    fn talking() -> Self {
        let mut machine = Self::joining();
        let out = machine.entered(&[CALLER, "o-1-1"]);
        assert_eq!(inputs(&out), [Input::Connected { offer: OFFER }]);
        machine
    }

    fn entered(&mut self, channels: &[&str]) -> Effects {
        self.event(EventKind::ChannelEnteredBridge {
            bridge: bridge(channels),
            channel: channel(CALLER, "Up"),
        })
    }

    fn cancel(&mut self, why: CancelReason) -> Effects {
        self.output(Output::CancelOffer {
            offer: OFFER,
            agent: AgentName::new("maria"),
            why,
        })
    }

    fn ended(&mut self, outcome: Outcome, prompt: Option<&str>) -> Effects {
        self.output(Output::Ended {
            contact: CONTACT,
            outcome,
            prompt: prompt.map(PromptName::new),
        })
    }
}

fn inputs(out: &Effects) -> Vec<Input> {
    let inputs = out.reports.iter().filter_map(Report::input);
    inputs.cloned().collect()
}

fn deeds(out: &Effects) -> Vec<(&str, &What)> {
    out.acts
        .iter()
        .map(|act| (act.leg.as_str(), &act.what))
        .collect()
}

/// Of contact 1 and the agent whom it was offered to first.
fn join() -> What {
    What::Join {
        bridge: names::bridge(CONTACT),
        agent: ChannelId::new("o-1-1"),
        stop: None,
    }
}

fn gone() -> AriError {
    AriError::Gone {
        host: "media-0".into(),
        method: reqwest::Method::POST,
        path: "channels".into(),
        message: "Channel not found".into(),
    }
}

#[test]
fn nothing_is_answered_before_the_engine_lets_the_caller_in() {
    let mut machine = Machine::new();
    let out = machine.event(start(CALLER, &["inbound", "18005550100"]));
    assert!(out.acts.is_empty(), "{out:?}");
    let [Report::Arrived(arrival)] = &out.reports[..] else {
        panic!("{out:?}");
    };
    assert_eq!(arrival.number, "+18005550100", "as the tenant writes it");
    assert_eq!(arrival.customer.as_deref(), Some("+4930"));
}

#[test]
fn who_withholds_their_number_is_nobodys_customer() {
    for (shown, customer) in [
        ("anonymous", None),
        ("Anonymous", None),
        ("unavailable", None),
        ("", None),
        ("+4930", Some("+4930")),
    ] {
        let mut machine = Machine::new();
        let mut channel = channel(CALLER, "Up");
        channel.caller.number = shown.to_owned();
        let out = machine.event(EventKind::StasisStart {
            args: vec!["inbound".to_owned(), "+18005550100".to_owned()],
            channel,
        });
        let [Report::Arrived(arrival)] = &out.reports[..] else {
            panic!("{out:?}");
        };
        assert_eq!(arrival.customer.as_deref(), customer, "{shown}");
    }
}

#[test]
fn a_callback_is_offered_to_none_whose_number_cant_be_dialled() {
    for (shown, can) in [
        ("+4930900001", true),
        ("004930900001", true),
        ("4930900001", true),
        ("030900001", false),
        ("alice", false),
        ("+882900001", false),
        ("sip:+19005550100@carrier", false),
        ("anonymous", false),
    ] {
        let offer = serde_json::json!({"callback": {"key": "1", "prompt": "call-me"}});
        let mut machine = Machine::announcing(offer);
        let mut channel = channel(CALLER, "Up");
        channel.caller.number = shown.to_owned();
        machine.event(EventKind::StasisStart {
            args: vec!["inbound".to_owned(), "+18005550100".to_owned()],
            channel: channel.clone(),
        });
        machine.admit();
        let mut out = Effects::default();
        machine.calls.news_due(LATER, &mut out);
        assert_eq!(!out.reports.is_empty(), can, "told to {shown}");
        let out = machine.event(EventKind::ChannelDtmfReceived {
            digit: "1".to_owned(),
            duration_ms: 100,
            channel,
        });
        let booked = |report: &Report| matches!(report, Report::Input(Input::CallMeBack { .. }));
        assert_eq!(out.reports.iter().any(booked), can, "taken from {shown}");
    }
}

#[test]
fn the_engine_is_told_of_a_number_that_cant_be_dialled_with_a_menu_or_without() {
    for (shown, can) in [
        ("+4930900001", true),
        ("4930900001", true),
        ("030900001", false),
        ("alice", false),
        // Which no trunk may call.
        ("+882900001", false),
        ("sip:+19005550100@carrier", false),
    ] {
        for menu in [false, true] {
            let mut machine = Machine::new();
            let mut tenant = crate::testing::tenant_that_calls_out();
            if menu {
                let menu = serde_json::json!({"prompt": null, "choices": {"1": "acme/orders"}});
                let acme = tenant.clients.get_mut(&ClientName::new("acme")).unwrap();
                acme.menu = serde_json::from_value(menu).unwrap();
            }
            machine.calls.tenant = Some(Arc::new(tenant));
            let mut channel = channel(CALLER, "Up");
            channel.caller.number = shown.to_owned();
            let mut out = machine.event(EventKind::StasisStart {
                args: vec!["inbound".to_owned(), "+18005550100".to_owned()],
                channel: channel.clone(),
            });
            if menu {
                assert!(out.reports.is_empty(), "{out:?}");
                out = machine.event(EventKind::ChannelDtmfReceived {
                    digit: "1".to_owned(),
                    duration_ms: 100,
                    channel,
                });
            }
            let [Report::Arrived(arrival)] = &out.reports[..] else {
                panic!("{out:?}");
            };
            assert_eq!(arrival.customer.as_deref(), Some(shown));
            assert_eq!(arrival.callable, can, "{shown}, menu: {menu}");
        }
    }
}

#[test]
fn the_same_arrival_told_twice_is_one_caller() {
    let mut machine = Machine::waiting();
    let out = machine.event(start(CALLER, &["inbound", "+18005550100"]));
    assert!(out.acts.is_empty() && out.reports.is_empty(), "{out:?}");
}

#[test]
fn a_caller_who_hangs_up_before_being_let_in_is_gone_when_let_in() {
    let mut machine = Machine::new();
    machine.event(start(CALLER, &["inbound", "+18005550100"]));
    machine.event(end(CALLER));
    let out = machine.command(Command::Admit {
        contact: CONTACT,
        call: caller(),
        queue: "acme/orders".parse().unwrap(),
    });
    assert!(out.acts.is_empty(), "{out:?}");
    assert_eq!(inputs(&out), [Input::CustomerGone { contact: CONTACT }]);
    let out = machine.offer("maria");
    assert!(out.acts.is_empty(), "no phone rings for nobody: {out:?}");
}

#[test]
fn a_number_that_nobody_has_is_refused_before_it_is_answered() {
    let mut machine = Machine::new();
    let out = machine.event(start(CALLER, &["inbound", "+4930000"]));
    assert_eq!(deeds(&out), [(CALLER, &What::Hangup(Cause::Unallocated))]);
    assert!(out.reports.is_empty());
}

#[test]
fn a_contact_counts_as_connected_only_with_both_legs_in_the_bridge() {
    let mut machine = Machine::joining();
    let out = machine.entered(&[CALLER]);
    assert_eq!(inputs(&out), []);
    let out = machine.entered(&[CALLER, "o-1-1"]);
    assert_eq!(inputs(&out), [Input::Connected { offer: OFFER }]);
    let out = machine.entered(&[CALLER, "o-1-1"]);
    assert_eq!(inputs(&out), [], "once");
}

#[test]
fn who_answers_after_the_offer_was_taken_back_is_let_go() {
    let mut machine = Machine::ringing();
    machine.cancel(CancelReason::Rona);
    let out = machine.event(start("o-1-1", &["leg", "1-1"]));
    assert_eq!(deeds(&out), [("o-1-1", &What::Hangup(Cause::Normal))]);
    assert_eq!(inputs(&out), []);
}

#[test]
fn an_offer_taken_back_as_the_agent_says_yes_gives_the_caller_music_again() {
    let mut machine = Machine::joining();
    let out = machine.cancel(CancelReason::NotConnected);
    let deeds = deeds(&out);
    assert_eq!(deeds[0], ("o-1-1", &What::Hangup(Cause::Normal)));
    assert!(
        matches!(deeds[1], (CALLER, What::Music { .. })),
        "{deeds:?}"
    );
}

#[test]
fn a_withdrawn_leg_that_ends_declines_nothing() {
    let mut machine = Machine::ringing();
    machine.cancel(CancelReason::Rona);
    let out = machine.event(EventKind::ChannelDestroyed {
        cause: 19,
        cause_txt: String::new(),
        channel: channel("o-1-1", "Down"),
    });
    assert_eq!(inputs(&out), []);
}

#[test]
fn why_a_phone_did_not_take_it_is_told_apart() {
    for (q850, cause) in [
        (17, DeclineCause::Refused),
        (21, DeclineCause::Refused),
        (20, DeclineCause::Unreachable),
        (3, DeclineCause::Unreachable),
        (58, DeclineCause::Failed),
    ] {
        let mut machine = Machine::ringing();
        let out = machine.event(EventKind::ChannelDestroyed {
            cause: q850,
            cause_txt: String::new(),
            channel: channel("o-1-1", "Down"),
        });
        let offer = OFFER;
        assert_eq!(inputs(&out), [Input::Decline { offer, cause }], "{q850}");
    }
}

#[test]
fn a_caller_who_leaves_is_told_once_though_two_events_tell_it() {
    let mut machine = Machine::talking();
    let out = machine.event(end(CALLER));
    assert_eq!(inputs(&out), [Input::CustomerGone { contact: CONTACT }]);
    let out = machine.event(EventKind::ChannelDestroyed {
        cause: 16,
        cause_txt: String::new(),
        channel: channel(CALLER, "Up"),
    });
    assert_eq!(inputs(&out), []);
    let out = machine.ended(Outcome::Answered, None);
    let deeds = deeds(&out);
    assert!(
        deeds.contains(&("o-1-1", &What::Hangup(Cause::Normal))),
        "{deeds:?}"
    );
    assert!(
        !deeds
            .iter()
            .any(|(leg, what)| *leg == CALLER && matches!(what, What::Hangup(_)))
    );
}

#[test]
fn an_agent_who_hangs_up_ends_it_and_the_caller_is_hung_up_when_the_core_says_so() {
    let mut machine = Machine::talking();
    let out = machine.event(end("o-1-1"));
    let told = Report::Agent {
        agent: AgentName::new("maria"),
        input: Input::AgentDone { contact: CONTACT },
    };
    assert_eq!(out.reports, [told], "whose phone it was");
    assert!(out.acts.is_empty());
    let out = machine.ended(Outcome::Answered, None);
    assert!(deeds(&out).contains(&(CALLER, &What::Hangup(Cause::Normal))));
}

#[test]
fn a_closing_prompt_is_played_before_the_caller_is_hung_up() {
    let mut machine = Machine::waiting();
    let out = machine.ended(Outcome::Closed, Some("sorry"));
    let [(CALLER, What::Farewell { playback, media })] = &deeds(&out)[..] else {
        panic!("{out:?}");
    };
    assert_eq!(media, "sound:/var/lib/asterisk/prompts/sorry");
    let playback = serde_json::json!({"id": playback, "target_uri": format!("channel:{CALLER}")});
    let out = machine.event(EventKind::PlaybackFinished {
        playback: serde_json::from_value(playback).unwrap(),
    });
    assert_eq!(deeds(&out), [(CALLER, &What::Hangup(Cause::Normal))]);
}

#[test]
fn a_phone_that_can_not_be_rung_declines_the_offer() {
    let mut machine = Machine::waiting();
    let out = machine.offer("nobody");
    let offer = OFFER;
    let cause = DeclineCause::Unreachable;
    assert_eq!(inputs(&out), [Input::Decline { offer, cause }]);

    let mut machine = Machine::ringing();
    let act = machine.offer("maria").acts.remove(0);
    let out = machine.failed("o-1-1", act.what, gone());
    assert_eq!(inputs(&out), [Input::Decline { offer, cause }]);
}

#[test]
fn a_bridge_that_fails_gives_the_offer_back_and_the_caller_music() {
    let mut machine = Machine::joining();
    let out = machine.failed(CALLER, join(), gone());
    let offer = OFFER;
    let cause = DeclineCause::Failed;
    assert_eq!(inputs(&out), [Input::Decline { offer, cause }]);
    let deeds = deeds(&out);
    assert!(deeds.contains(&("o-1-1", &What::Hangup(Cause::Normal))));
    assert!(
        deeds
            .iter()
            .any(|(leg, what)| *leg == CALLER && matches!(what, What::Music { .. }))
    );
}

#[test]
fn the_callers_of_a_host_that_is_lost_are_dropped_by_us_once() {
    let mut machine = Machine::talking();
    for times in [1, 0] {
        let mut out = Effects::default();
        machine.calls.lose_host(&host(), "gone", &mut out);
        let dropped = inputs(&out)
            .iter()
            .filter(|input| matches!(input, Input::Dropped { .. }))
            .count();
        assert_eq!(dropped, times);
    }
}

fn listing(channels: Vec<Channel>, bridges: Vec<Bridge>) -> Listing {
    Listing {
        begun: LATER,
        channels,
        bridges,
        ..Listing::default()
    }
}

#[test]
fn what_events_failed_to_tell_is_found_by_the_comparison() {
    // The caller's end.
    let mut machine = Machine::waiting();
    machine.now = LATER;
    let out = machine.compare(listing(vec![], vec![]));
    assert!(inputs(&out).contains(&Input::CustomerGone { contact: CONTACT }));

    // The agent's end.
    let mut machine = Machine::talking();
    machine.now = LATER;
    let out = machine.compare(listing(
        vec![channel(CALLER, "Up")],
        vec![bridge(&[CALLER])],
    ));
    assert!(inputs(&out).contains(&Input::AgentDone { contact: CONTACT }));

    // The bridge's end.
    let mut machine = Machine::talking();
    machine.now = LATER;
    let both = vec![channel(CALLER, "Up"), channel("o-1-1", "Up")];
    let out = machine.compare(listing(both, vec![]));
    assert!(
        deeds(&out)
            .iter()
            .any(|(_, what)| matches!(what, What::Join { .. }))
    );

    // The agent's yes.
    let mut machine = Machine::ringing();
    machine.now = LATER;
    let both = vec![channel(CALLER, "Up"), channel("o-1-1", "Up")];
    let out = machine.compare(listing(both, vec![]));
    assert!(inputs(&out).contains(&Input::Accept { offer: OFFER }));
}

#[test]
fn a_yes_that_a_lost_connection_swallowed_counts_at_once_and_only_once() {
    let mut machine = Machine::ringing();
    let mut fresh = listing(vec![channel(CALLER, "Up"), channel("o-1-1", "Up")], vec![]);
    fresh.begun = machine.now + Span::seconds(1);
    let out = machine.compare(fresh);
    assert!(inputs(&out).contains(&Input::Accept { offer: OFFER }));
    // The event was on its way while the listing was taken.
    let out = machine.event(start("o-1-1", &["leg", "1-1"]));
    assert!(out.acts.is_empty() && out.reports.is_empty(), "{out:?}");
}

#[test]
fn an_agent_whose_yes_we_never_heard_has_not_refused() {
    let mut machine = Machine::ringing();
    let out = machine.event(end("o-1-1"));
    let cause = DeclineCause::Failed;
    assert_eq!(
        inputs(&out),
        [Input::Decline {
            offer: OFFER,
            cause
        }]
    );
}

#[test]
fn a_listing_taken_while_we_act_proves_nothing() {
    let mut machine = Machine::ringing();
    let mut fresh = listing(vec![channel(CALLER, "Ring")], vec![]);
    fresh.begun = machine.now + Span::seconds(1);
    let out = machine.compare(fresh);
    let calls = inputs(&out)
        .into_iter()
        .filter(|input| !matches!(input, Input::Endpoint { .. }))
        .count();
    assert_eq!((calls, out.acts.len()), (0, 0), "{out:?}");
}

#[test]
fn a_settled_talk_is_left_alone_by_the_comparison() {
    let mut machine = Machine::talking();
    machine.now = LATER;
    let both = vec![channel(CALLER, "Up"), channel("o-1-1", "Up")];
    let out = machine.compare(listing(both, vec![bridge(&[CALLER, "o-1-1"])]));
    assert!(out.acts.is_empty(), "{out:?}");
}

#[test]
fn calls_of_an_asterisk_that_restarted_are_dropped_not_abandoned() {
    let made = Time(1_795_383_183 * 1_000_000);
    for (restarted, started, dropped) in [
        (true, made, true),                       // we knew the old process
        (false, made + Span::seconds(60), true),  // a successor never did: the names tell
        (false, made - Span::seconds(60), false), // the caller left by themselves
    ] {
        let mut machine = Machine::waiting();
        machine.now = LATER;
        let mut after = listing(vec![], vec![]);
        (after.restarted, after.started) = (restarted, Some(started));
        let out = machine.compare(after);
        let by_us = inputs(&out).iter().any(|input| {
            matches!(
                input,
                Input::Dropped {
                    contact: CONTACT,
                    ..
                }
            )
        });
        let by_them = inputs(&out).contains(&Input::CustomerGone { contact: CONTACT });
        assert_eq!((by_us, by_them), (dropped, !dropped), "{out:?}");
    }
}

#[test]
fn a_leg_that_nobody_wants_is_hung_up() {
    let mut machine = Machine::waiting();
    machine.now = LATER;
    let stray = vec![channel(CALLER, "Up"), channel("o-9-4", "Ringing")];
    let out = machine.compare(listing(stray, vec![]));
    assert_eq!(deeds(&out), [("o-9-4", &What::Hangup(Cause::Normal))]);
}

#[test]
fn two_whom_a_predecessor_joined_talk_at_once_though_no_event_will_tell() {
    let mut machine = Machine::new();
    machine.now = LATER;
    machine.recover(RecoveredStage::Offered {
        offer: OFFER,
        agent: AgentName::new("maria"),
        deadline: LATER + Span::seconds(5),
    });
    let both = vec![channel(CALLER, "Up"), channel("o-1-1", "Up")];
    let out = machine.compare(listing(both, vec![bridge(&[CALLER, "o-1-1"])]));
    let told: Vec<Input> = inputs(&out)
        .into_iter()
        .filter(|input| !matches!(input, Input::Endpoint { .. }))
        .collect();
    let expected = [
        Input::Accept { offer: OFFER },
        Input::Connected { offer: OFFER },
    ];
    assert_eq!(told, expected);
    // So an agent who hangs up soon after has talked, and has not refused.
    let out = machine.event(end("o-1-1"));
    assert_eq!(inputs(&out), [Input::AgentDone { contact: CONTACT }]);
}

#[test]
fn an_offer_that_a_predecessor_never_rang_is_rung_while_it_stands() {
    for (deadline, rings) in [
        (LATER + Span::seconds(5), true),
        (LATER - Span::seconds(5), false),
    ] {
        let mut machine = Machine::new();
        machine.now = LATER;
        machine.recover(RecoveredStage::Offered {
            offer: OFFER,
            agent: AgentName::new("maria"),
            deadline,
        });
        let out = machine.compare(listing(vec![channel(CALLER, "Up")], vec![]));
        let rung = deeds(&out)
            .iter()
            .any(|(_, what)| matches!(what, What::Ring(_)));
        assert_eq!(rung, rings, "{out:?}");
        let declined = inputs(&out)
            .iter()
            .any(|input| matches!(input, Input::Decline { .. }));
        assert_eq!(declined, !rings);
    }
}

#[test]
fn what_ended_while_nobody_listened_keeps_no_caller_waiting() {
    let mut machine =
        Machine::announcing(serde_json::json!({"greeting": "hello", "position": true}));
    machine.comes_in();
    let news = |machine: &mut Machine| {
        let mut out = Effects::default();
        machine.calls.news_due(LATER, &mut out);
        out.reports.len()
    };
    assert_eq!(news(&mut machine), 0, "the greeting plays");
    let mut out = Effects::default();
    machine.calls.all_finished(LATER, &host(), &mut out);
    assert!(
        matches!(deeds(&out)[..], [(CALLER, What::Music { .. })]),
        "{out:?}"
    );
    assert_eq!(news(&mut machine), 1);
    // A last prompt.
    machine.ended(Outcome::Closed, Some("closed"));
    let mut out = Effects::default();
    machine.calls.all_finished(LATER, &host(), &mut out);
    assert!(
        matches!(deeds(&out)[..], [(CALLER, What::Hangup(_))]),
        "{out:?}"
    );
}

#[test]
fn the_greeting_stops_before_who_comes_after_hours_is_told_so() {
    let mut machine = Machine::announcing(serde_json::json!({"greeting": "hello"}));
    machine.comes_in();
    let out = machine.ended(Outcome::Closed, Some("closed"));
    assert!(
        matches!(
            deeds(&out)[..],
            [(_, What::Quiet(_)), (_, What::Farewell { .. })]
        ),
        "{out:?}"
    );
}

impl Machine {
    /// Contact 1's customer is to be called back.
    fn book(&mut self) {
        self.output(Output::CallbackBooked {
            contact: CONTACT,
            queue: "acme/orders".parse().unwrap(),
            customer: "+4930900001".to_owned(),
            due: Time(0),
            prompt: None,
            rescue: false,
        });
    }
}

/// Maria has picked up, and contact 1's customer is called for her.
fn called_for_maria() -> Machine {
    let mut machine = Machine::new();
    machine.calls.tenant = Some(Arc::new(crate::testing::tenant_that_calls_out()));
    machine.compare(listing(vec![], vec![]));
    let queue: trunkline_tenant::QueueId = "acme/orders".parse().unwrap();
    machine.book();
    machine.offer("maria");
    let out = machine.event(start("o-1-1", &["leg", "1-1"]));
    assert_eq!(inputs(&out), [Input::Accept { offer: OFFER }]);
    let out = machine.output(Output::Dial {
        offer: OFFER,
        agent: AgentName::new("maria"),
        customer: "+4930900001".to_owned(),
        queue,
        deadline: LATER,
    });
    assert!(
        matches!(deeds(&out)[..], [("c-1-1", What::Ring(_))]),
        "{out:?}"
    );
    machine
}

/// They have picked up too, and the two are joined.
fn called_back() -> Machine {
    let mut machine = called_for_maria();
    let out = machine.event(start("c-1-1", &["customer", "1-1"]));
    assert!(
        matches!(deeds(&out)[..], [("c-1-1", What::Join { .. })]),
        "{out:?}"
    );
    let out = machine.entered(&["c-1-1", "o-1-1"]);
    assert_eq!(inputs(&out), [Input::Connected { offer: OFFER }]);
    machine
}

#[test]
fn whom_we_called_is_joined_to_the_next_agent_when_they_are_handed_over() {
    let mut machine = called_back();
    machine.output(Output::Answered {
        contact: CONTACT,
        agent: AgentName::new("maria"),
        wait: Span::seconds(20),
    });
    machine.output(Output::Waiting {
        contact: CONTACT,
        queue: "acme/orders".parse().unwrap(),
    });
    let second = OfferId {
        contact: CONTACT,
        generation: 2,
    };
    let out = machine.output(Output::Offer {
        offer: second,
        agent: AgentName::new("maria"),
        deadline: machine.now + Span::seconds(20),
    });
    assert!(
        matches!(deeds(&out)[..], [("o-1-2", What::Ring(_))]),
        "{out:?}"
    );
    let out = machine.event(start("o-1-2", &["leg", "1-2"]));
    assert!(
        deeds(&out)
            .iter()
            .any(|deed| matches!(deed, ("c-1-1", What::Join { .. }))),
        "to who is on the line: {out:?}"
    );
    let out = machine.event(end("c-1-1"));
    assert!(inputs(&out).contains(&Input::CustomerGone { contact: CONTACT }));
}

#[test]
fn an_address_that_an_agent_writes_is_called_by_nobody_and_a_departments_is() {
    let mut tenant = crate::testing::tenant_that_calls_out();
    let legal = serde_json::json!({"name": "legal", "transferTo": "sip:legal@pbx.example"});
    let legal = serde_json::from_value(legal).unwrap();
    tenant.departments.insert("legal".into(), legal);
    let mut machine = Machine::talking();
    machine.calls.tenant = Some(Arc::new(tenant));
    let deadline = machine.now + Span::seconds(30);
    let to = Target::Number("sip:+19005550100@carrier".into());
    let contact = CONTACT;
    let out = machine.output(Output::HandOver {
        contact,
        to,
        deadline,
    });
    let taken = false;
    assert_eq!(inputs(&out), [Input::HandedOver { contact, taken }]);
    assert!(out.acts.is_empty(), "{out:?}");
    let to = Target::Department("legal".into());
    let out = machine.output(Output::HandOver {
        contact,
        to,
        deadline,
    });
    let rings = out.acts.iter().find_map(|act| match &act.what {
        What::Ring(ring) => Some(ring.endpoint.as_str()),
        _ => None,
    });
    assert_eq!(rings, Some("PJSIP/trunk_carrier-a/sip:legal@pbx.example"));
}

#[test]
fn a_customer_is_called_at_a_number_and_never_at_an_address() {
    for (customer, endpoint) in [
        ("+4930900001", Some("PJSIP/+4930900001@trunk_carrier-a")),
        ("004930900001", Some("PJSIP/+4930900001@trunk_carrier-a")),
        ("sip:+4930900001@carrier", None),
        ("030900001", None),
        ("+19005550100", Some("PJSIP/+19005550100@trunk_carrier-b")),
        ("+88219005550", None),
    ] {
        let mut machine = Machine::new();
        machine.calls.tenant = Some(Arc::new(crate::testing::tenant_that_calls_out()));
        machine.compare(listing(vec![], vec![]));
        machine.book();
        machine.offer("maria");
        machine.event(start("o-1-1", &["leg", "1-1"]));
        let out = machine.output(Output::Dial {
            offer: OFFER,
            agent: AgentName::new("maria"),
            customer: customer.to_owned(),
            queue: "acme/orders".parse().unwrap(),
            deadline: LATER,
        });
        let rings = out.acts.iter().find_map(|act| match &act.what {
            What::Ring(ring) => Some(ring.endpoint.as_str()),
            _ => None,
        });
        assert_eq!(rings, endpoint, "{customer}");
        let cause = trunkline_routing::Unreached::Failed;
        let failed = Input::NotReached {
            offer: OFFER,
            cause,
        };
        let told = inputs(&out) == [failed];
        assert_eq!(told, endpoint.is_none(), "{customer}: {out:?}");
    }
}

fn called(stage: RecoveredStage, what: Beside) -> Machine {
    let mut machine = Machine::new();
    machine.now = LATER;
    machine.calls.recover(Recovered {
        others: vec![RecoveredOther {
            contact: CONTACT,
            queue: "acme/orders".parse().unwrap(),
            what,
            stage,
        }],
        newest: Some(CONTACT),
        ..Recovered::default()
    });
    machine
}

#[test]
fn whom_a_predecessor_called_is_found_by_their_leg_wherever_they_are_now() {
    let talks = || RecoveredStage::Talking {
        offer: OFFER,
        agent: AgentName::new("maria"),
        held: false,
    };
    let customer = "+4930900001".to_owned();
    let gone = Input::CustomerGone { contact: CONTACT };
    // Handed over, and waiting.
    let mut machine = called(RecoveredStage::Waiting, Beside::Called);
    let out = machine.compare(listing(vec![channel("c-1-1", "Up")], vec![]));
    assert!(
        !deeds(&out)
            .iter()
            .any(|(_, what)| matches!(what, What::Hangup(_))),
        "{out:?}"
    );
    let out = machine.event(end("c-1-1"));
    assert_eq!(inputs(&out), std::slice::from_ref(&gone));
    // Talking, and the agent's leg ended while nobody led.
    let mut machine = called(talks(), Beside::Callback { customer });
    let out = machine.compare(listing(vec![channel("c-1-1", "Up")], vec![]));
    assert!(
        inputs(&out).contains(&Input::AgentDone { contact: CONTACT }),
        "{out:?}"
    );
    // Talking, and the customer's did.
    let mut machine = called(talks(), Beside::Called);
    let out = machine.compare(listing(vec![channel("o-1-1", "Up")], vec![]));
    assert!(inputs(&out).contains(&gone), "{out:?}");
    // On no host at all.
    let mut machine = called(RecoveredStage::Waiting, Beside::Called);
    machine.compare(listing(vec![], vec![]));
    let mut out = Effects::default();
    machine.calls.give_up_unfound(None, &mut out);
    assert_eq!(inputs(&out), [gone]);
}

#[test]
fn a_consult_about_whom_a_predecessor_called_is_found_with_them() {
    let mut machine = Machine::new();
    machine.now = LATER;
    let talks = |offer| RecoveredStage::Talking {
        offer,
        agent: AgentName::new("maria"),
        held: true,
    };
    let second = ContactId(2);
    let asked = OfferId {
        contact: second,
        generation: 1,
    };
    let other = |contact, what, stage| RecoveredOther {
        contact,
        queue: "acme/orders".parse().unwrap(),
        what,
        stage,
    };
    machine.calls.recover(Recovered {
        others: vec![
            other(CONTACT, Beside::Called, talks(OFFER)),
            other(second, Beside::Consult { of: CONTACT }, talks(asked)),
        ],
        newest: Some(second),
        ..Recovered::default()
    });
    let legs = ["c-1-1", "o-1-1", "o-2-1"].map(|leg| channel(leg, "Up"));
    let out = machine.compare(listing(legs.to_vec(), vec![]));
    let hung_up = |(_, what): &(&str, &What)| matches!(what, What::Hangup(_));
    assert!(!deeds(&out).iter().any(hung_up), "{out:?}");
    let out = machine.event(end("o-2-1"));
    assert_eq!(inputs(&out), [Input::AgentDone { contact: second }]);
}

#[test]
fn a_caller_whom_the_party_outside_left_unheard_is_hung_up() {
    let mut machine = Machine::waiting();
    machine.calls.tenant = Some(Arc::new(crate::testing::tenant_that_calls_out()));
    machine.output(Output::HandOver {
        contact: CONTACT,
        to: Target::Number("+4930900009".to_owned()),
        deadline: LATER,
    });
    machine.event(start("x-1-0", &["outside", "1-0"]));
    let out = machine.entered(&[CALLER, "x-1-0"]);
    let taken = Input::HandedOver {
        contact: CONTACT,
        taken: true,
    };
    assert_eq!(inputs(&out), [taken]);
    machine.ended(Outcome::Transferred, None);
    let both = || vec![channel(CALLER, "Up"), channel("x-1-0", "Up")];
    let together = || vec![bridge(&[CALLER, "x-1-0"])];
    let hangs_up = |out: &Effects| deeds(out).contains(&(CALLER, &What::Hangup(Cause::Normal)));
    let out = machine.compare(listing(both(), together()));
    assert!(!hangs_up(&out), "they talk: {out:?}");
    let mut early = listing(vec![channel(CALLER, "Up")], vec![bridge(&[CALLER])]);
    early.begun = machine.now;
    let out = machine.compare(early);
    assert!(
        !hangs_up(&out),
        "a listing from before says nothing: {out:?}"
    );
    let out = machine.compare(listing(
        vec![channel(CALLER, "Up")],
        vec![bridge(&[CALLER])],
    ));
    assert!(hangs_up(&out), "{out:?}");
}

#[test]
fn a_phone_that_registers_or_goes_away_is_told_when_it_changes() {
    let mut machine = Machine::waiting();
    let maria = |state: &str| EventKind::EndpointStateChange {
        endpoint: serde_json::from_value(
            serde_json::json!({"technology": "PJSIP", "resource": "maria", "state": state}),
        )
        .unwrap(),
    };
    for (state, told) in [
        ("online", Some(true)),
        ("online", None),
        ("offline", Some(false)),
        ("offline", None),
    ] {
        let out = machine.event(maria(state));
        let told: Vec<Input> = told
            .map(|reachable| Input::Endpoint {
                agent: AgentName::new("maria"),
                reachable,
            })
            .into_iter()
            .collect();
        assert_eq!(inputs(&out), told, "{state}");
    }
}

#[test]
fn a_hold_by_the_phone_is_told_once_and_not_done_again_at_the_desk() {
    let mut machine = Machine::talking();
    let contact = CONTACT;
    for on in [true, false] {
        let channel = channel("o-1-1", "Up");
        let out = machine.event(if on {
            EventKind::ChannelHold { channel }
        } else {
            EventKind::ChannelUnhold { channel }
        });
        assert_eq!(inputs(&out), [Input::Hold { contact, on }]);
        let out = machine.command(Command::Hold { contact, on });
        assert!(out.acts.is_empty(), "the phone has done it: {out:?}");
    }
}

#[test]
fn a_hold_at_the_desk_takes_the_caller_out_and_brings_them_back() {
    let mut machine = Machine::talking();
    let contact = CONTACT;
    let out = machine.command(Command::Hold { contact, on: true });
    assert!(matches!(deeds(&out)[..], [(CALLER, What::Music { .. })]));
    let out = machine.command(Command::Hold { contact, on: false });
    assert!(matches!(deeds(&out)[..], [(CALLER, What::Join { .. })]));
}

#[test]
fn a_caller_who_comes_before_the_tenant_is_known_is_not_turned_away() {
    let mut machine = Machine::new();
    let tenant = machine.calls.tenant.take();
    let out = machine.event(start(CALLER, &["inbound", "+18005550100"]));
    assert!(out.acts.is_empty() && out.reports.is_empty(), "{out:?}");
    machine.calls.tenant = tenant;
    machine.now = LATER;
    let out = machine.compare(listing(vec![channel(CALLER, "Ring")], vec![]));
    assert!(
        out.reports
            .iter()
            .any(|report| matches!(report, Report::Arrived(_))),
        "{out:?}"
    );
}
