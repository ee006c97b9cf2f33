//! Callbacks that no phone could ring for, joins and holds that a lost host or a button came between.

use std::sync::Mutex;

use super::super::super::ari::Endpoint;
use super::*;

fn endpoint(agent: &str, state: &str) -> Endpoint {
    serde_json::from_value(
        serde_json::json!({"technology": "PJSIP", "resource": agent, "state": state}),
    )
    .unwrap()
}

fn offered(deadline: Time) -> RecoveredStage {
    RecoveredStage::Offered {
        offer: OFFER,
        agent: AgentName::new("maria"),
        deadline,
    }
}

#[test]
fn an_agent_asked_for_a_callback_while_no_host_is_known_is_away_until_one_is_and_not_blamed() {
    let mut machine = Machine::new();
    machine.now = LATER;
    machine.book();
    let out = machine.offer("maria");
    let offer = OFFER;
    let cause = DeclineCause::Unreachable;
    assert_eq!(inputs(&out), [Input::Decline { offer, cause }]);
    assert!(out.acts.is_empty());
    let out = machine.compare(Listing {
        endpoints: vec![endpoint("maria", "online")],
        ..listing(vec![], vec![])
    });
    let agent = AgentName::new("maria");
    let reachable = true;
    assert!(inputs(&out).contains(&Input::Endpoint { agent, reachable }));
    let out = machine.offer("maria");
    assert!(
        matches!(deeds(&out)[..], [("o-1-1", What::Ring(_))]),
        "{out:?}"
    );
}

#[test]
fn whom_a_host_lost_is_called_back_by_no_phone_that_cannot_ring() {
    let mut machine = Machine::talking();
    machine.compare(Listing {
        endpoints: vec![endpoint("maria", "online")],
        ..listing(
            vec![channel(CALLER, "Up"), channel("o-1-1", "Up")],
            vec![bridge(&[CALLER, "o-1-1"])],
        )
    });
    let mut out = Effects::default();
    machine.calls.lose_host(&host(), "gone", &mut out);
    assert!(
        matches!(inputs(&out)[..], [Input::Dropped { .. }]),
        "{out:?}"
    );
    machine.book();
    let again = OfferId {
        contact: CONTACT,
        generation: 2,
    };
    let out = machine.output(Output::Offer {
        offer: again,
        agent: AgentName::new("maria"),
        deadline: machine.now + Span::seconds(20),
    });
    let cause = DeclineCause::Unreachable;
    assert_eq!(
        inputs(&out),
        [Input::Decline {
            offer: again,
            cause
        }]
    );
    assert!(out.acts.is_empty());
}

#[test]
fn a_callback_that_a_predecessor_offered_is_not_rung_once_the_offer_is_taken_back() {
    let customer = "+4930900001".to_owned();
    let what = Beside::Callback { customer };
    let mut machine = called(offered(LATER + Span::seconds(5)), what);
    machine.cancel(CancelReason::AgentGone);
    machine.compare(listing(vec![], vec![]));
    let mut out = Effects::default();
    machine.calls.ask_unfound(machine.now, &mut out);
    assert!(out.acts.is_empty() && out.reports.is_empty(), "{out:?}");
}

#[test]
fn a_plain_telephone_that_cannot_be_rung_is_tried_again_and_not_away_for_ever() {
    let mut machine = Machine::new();
    let mut tenant = crate::testing::small_tenant();
    let maria = tenant.agents.get_mut(&AgentName::new("maria")).unwrap();
    maria.endpoint.kind = trunkline_tenant::crds::EndpointType::Phone;
    machine.calls.tenant = Some(Arc::new(tenant));
    machine.book();
    let out = machine.offer("maria");
    let offer = OFFER;
    let cause = DeclineCause::Failed;
    assert_eq!(inputs(&out), [Input::Decline { offer, cause }]);
}

/// What is logged meanwhile.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn the_log_says_that_an_agents_telephone_cannot_be_called_and_not_its_number() {
    let mut machine = Machine::waiting();
    let mut tenant = crate::testing::small_tenant();
    let maria = tenant.agents.get_mut(&AgentName::new("maria")).unwrap();
    let endpoint = serde_json::json!({"type": "Phone", "number": "+4917012345678"});
    maria.endpoint = serde_json::from_value(endpoint).unwrap();
    machine.calls.tenant = Some(Arc::new(tenant));
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt().with_writer(move || writer.clone());
    tracing::subscriber::with_default(subscriber.finish(), || machine.offer("maria"));
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(log.contains("maria"), "{log}");
    assert!(log.contains("no trunk may call the number"), "{log}");
    assert!(!log.contains("17012345678"), "{log}");
}

#[test]
fn who_changes_from_a_phone_that_is_off_to_a_plain_telephone_can_be_reached_and_is_told_so_once() {
    let mut machine = Machine::new();
    let agent = AgentName::new("maria");
    let told = |out: &Effects| -> Vec<bool> {
        let inputs = inputs(out).into_iter();
        let of = inputs.filter_map(|input| match input {
            Input::Endpoint { agent, reachable } => {
                (agent.as_str() == "maria").then_some(reachable)
            }
            _ => None,
        });
        of.collect()
    };
    assert_eq!(told(&machine.compare(listing(vec![], vec![]))), [false]);
    let mut tenant = crate::testing::small_tenant();
    let phone = trunkline_tenant::crds::EndpointType::Phone;
    tenant.agents.get_mut(&agent).unwrap().endpoint.kind = phone;
    let tenant = Arc::new(tenant);
    machine.command(Command::Configure(Arc::clone(&tenant)));
    assert_eq!(told(&machine.compare(listing(vec![], vec![]))), [true]);
    assert_eq!(told(&machine.compare(listing(vec![], vec![]))), [true; 0]);
    // A new leader knows of no word before: it says it anew.
    let mut successor = Machine::new();
    successor.calls.tenant = Some(tenant);
    assert_eq!(told(&successor.compare(listing(vec![], vec![]))), [true]);
    // And back: the phone is still off.
    let tenant = Arc::new(crate::testing::small_tenant());
    machine.command(Command::Configure(tenant));
    assert_eq!(told(&machine.compare(listing(vec![], vec![]))), [false]);
}

#[test]
fn who_is_rung_for_a_callback_by_a_host_that_is_lost_is_not_away_for_it_and_the_callback_waits_on()
{
    let mut machine = Machine::new();
    machine.compare(listing(vec![], vec![]));
    machine.book();
    machine.offer("maria");
    let mut out = Effects::default();
    machine.calls.lose_host(&host(), "gone", &mut out);
    let offer = OFFER;
    let cause = DeclineCause::Failed;
    assert_eq!(inputs(&out), [Input::Decline { offer, cause }]);
}

#[test]
fn a_callback_that_a_predecessor_offered_and_never_rang_is_rung_while_the_offer_stands() {
    let customer = || "+4930900001".to_owned();
    for (deadline, rings) in [
        (LATER + Span::seconds(5), true),
        (LATER - Span::seconds(5), false),
    ] {
        let what = Beside::Callback {
            customer: customer(),
        };
        let mut machine = called(offered(deadline), what);
        machine.compare(listing(vec![], vec![]));
        let mut out = Effects::default();
        machine.calls.ask_unfound(machine.now, &mut out);
        let rung = matches!(deeds(&out)[..], [("o-1-1", What::Ring(_))]);
        assert_eq!(rung, rings, "{out:?}");
        let cause = DeclineCause::Failed;
        let offer = OFFER;
        assert_eq!(inputs(&out) == [Input::Decline { offer, cause }], !rings);
        let mut out = Effects::default();
        machine.calls.ask_unfound(machine.now, &mut out);
        assert!(out.acts.is_empty() && out.reports.is_empty(), "once");
    }
}

#[test]
fn a_customer_whom_a_predecessor_never_called_is_called_where_the_agent_has_picked_up() {
    let stage = || RecoveredStage::Accepted {
        offer: OFFER,
        agent: AgentName::new("maria"),
    };
    let customer = "+4930900001".to_owned();
    let what = Beside::Callback { customer };
    for (channels, calls) in [
        (vec![channel("o-1-1", "Up")], true),
        (
            vec![channel("o-1-1", "Up"), channel("c-1-1", "Ringing")],
            false,
        ),
    ] {
        let mut machine = called(stage(), what.clone());
        machine.calls.tenant = Some(Arc::new(crate::testing::tenant_that_calls_out()));
        let out = machine.compare(listing(channels, vec![]));
        let rung = |out: &Effects| {
            deeds(out)
                .iter()
                .any(|deed| matches!(deed, ("c-1-1", What::Ring(_))))
        };
        assert_eq!(rung(&out), calls, "{out:?}");
    }
}

#[test]
fn a_hold_that_cannot_be_undone_keeps_the_talk_and_hangs_up_nobody() {
    let mut machine = Machine::talking();
    let out = machine.failed(CALLER, join(), gone());
    assert!(out.acts.is_empty() && out.reports.is_empty(), "{out:?}");
    // It was because the agent had hung up.
    let out = machine.event(end("o-1-1"));
    assert!(
        inputs(&out).contains(&Input::AgentDone { contact: CONTACT }),
        "{out:?}"
    );
}

#[test]
fn who_was_to_be_joined_as_the_host_was_lost_is_joined_by_its_next_listing() {
    let mut machine = Machine::joining();
    let both = || vec![channel(CALLER, "Up"), channel("o-1-1", "Up")];
    let joins = |out: &Effects| {
        let mut what = deeds(out).into_iter().map(|(_, what)| what);
        what.any(|what| matches!(what, What::Join { .. }))
    };
    let now = machine.now;
    let soon = || Listing {
        begun: now + Span::seconds(4),
        ..listing(both(), vec![])
    };
    assert!(!joins(&machine.compare(soon())), "it may be under way");
    machine.calls.unsettle(CONTACT);
    assert!(joins(&machine.compare(soon())));
}

#[test]
fn the_hold_of_a_phone_ends_no_hold_of_the_desk_and_none_for_a_consult() {
    let button = |on: bool| {
        let channel = channel("o-1-1", "Up");
        if on {
            EventKind::ChannelHold { channel }
        } else {
            EventKind::ChannelUnhold { channel }
        }
    };
    let mut machine = Machine::talking();
    machine.command(Command::Hold {
        contact: CONTACT,
        on: true,
    });
    for on in [true, false] {
        let out = machine.event(button(on));
        assert_eq!(inputs(&out), [], "the desk's hold: {on}");
    }
    // The phone's own hold, which the desk has ended, and then the desk's.
    let mut machine = Machine::talking();
    machine.event(button(true));
    for on in [false, true] {
        let contact = CONTACT;
        machine.command(Command::Hold { contact, on });
    }
    assert_eq!(inputs(&machine.event(button(false))), []);
    let mut machine = Machine::talking();
    let contact = CONTACT;
    for (on, told) in [(true, 1), (true, 0), (false, 1), (false, 0)] {
        let out = machine.event(button(on));
        let hold = [Input::Hold { contact, on }];
        assert_eq!(
            inputs(&out),
            hold[..told],
            "told once, though it is said twice: {on}"
        );
    }
    let mut machine = Machine::talking();
    machine.event(button(true));
    machine.output(Output::Consulting {
        contact: CONTACT,
        agent: AgentName::new("maria"),
        consult: ContactId(2),
        to: Target::Agent(AgentName::new("noah")),
    });
    let out = machine.event(button(false));
    assert_eq!(inputs(&out), [], "so as to hear the colleague");
    let out = machine.compare(Listing {
        begun: LATER + Span::seconds(60),
        ..listing(vec![channel(CALLER, "Up"), channel("o-1-1", "Up")], vec![])
    });
    let caller_is_joined = deeds(&out)
        .iter()
        .any(|deed| matches!(deed, (CALLER, What::Join { .. })));
    assert!(!caller_is_joined, "{out:?}");
}
