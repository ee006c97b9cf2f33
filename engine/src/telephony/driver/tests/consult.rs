//! Consults whose end crosses with a hang-up.

use super::*;

const CONSULT: ContactId = ContactId(2);
const ASKED: OfferId = OfferId {
    contact: CONSULT,
    generation: 1,
};

impl Machine {
    /// Maria talks with noah about her customer, who is on hold or with them.
    fn consults(conferenced: bool) -> Self {
        let mut machine = Self::talking();
        machine.output(Output::Consulting {
            contact: CONTACT,
            consult: CONSULT,
            agent: AgentName::new("maria"),
            to: Target::Agent(AgentName::new("noah")),
        });
        machine.output(Output::Offer {
            offer: ASKED,
            agent: AgentName::new("noah"),
            deadline: machine.now + Span::seconds(20),
        });
        machine.event(start("o-2-1", &["leg", "2-1"]));
        let out = machine.event(EventKind::ChannelEnteredBridge {
            bridge: serde_json::from_value(
                serde_json::json!({"id": "b-2", "channels": ["o-1-1", "o-2-1"]}),
            )
            .unwrap(),
            channel: channel("o-2-1", "Up"),
        });
        assert_eq!(inputs(&out), [Input::Connected { offer: ASKED }]);
        if conferenced {
            machine.output(Output::Conferenced {
                contact: CONTACT,
                consult: CONSULT,
            });
        }
        machine
    }

    fn taken_over(&mut self) -> Effects {
        self.output(Output::ConsultOver {
            contact: CONTACT,
            consult: CONSULT,
            how: ConsultEnd::TakenOver {
                agent: AgentName::new("noah"),
                offer: ASKED,
            },
        })
    }
}

#[test]
fn a_customer_is_left_with_nobody_who_hung_up_as_they_took_them_over() {
    for conferenced in [false, true] {
        let mut machine = Machine::consults(conferenced);
        let out = machine.event(end("o-2-1"));
        assert_eq!(inputs(&out), [Input::AgentDone { contact: CONSULT }]);
        // Which is refused: the core had completed the consult before.
        let out = machine.taken_over();
        let told: Vec<_> = out.reports.iter().collect();
        let [Report::Agent { agent, input }] = told[..] else {
            panic!("{out:?}");
        };
        assert_eq!(agent.to_string(), "noah");
        assert_eq!(*input, Input::AgentDone { contact: CONTACT });
    }
}

#[test]
fn a_customer_who_is_taken_over_by_one_who_is_there_talks_with_them() {
    for conferenced in [false, true] {
        let mut machine = Machine::consults(conferenced);
        let out = machine.taken_over();
        assert!(out.reports.is_empty(), "{out:?}");
        let out = machine.event(end("o-2-1"));
        assert_eq!(inputs(&out), [Input::AgentDone { contact: CONTACT }]);
    }
}

fn bridge_of(contact: u64, channels: &[&str]) -> Bridge {
    let id = format!("b-{contact}");
    serde_json::from_value(serde_json::json!({"id": id, "channels": channels})).unwrap()
}

fn up(channels: &[&str]) -> Vec<Channel> {
    channels.iter().map(|id| channel(id, "Up")).collect()
}

/// What is told of contacts; phones are not listed here.
fn told(out: &Effects) -> Vec<Input> {
    let mut inputs = inputs(out);
    inputs.retain(|input| !matches!(input, Input::Endpoint { .. }));
    inputs
}

fn hung_up(out: &Effects) -> Vec<&str> {
    let deeds = deeds(out).into_iter();
    deeds
        .filter(|(_, what)| matches!(what, What::Hangup(_)))
        .map(|(leg, _)| leg)
        .collect()
}

impl Machine {
    /// Maria talks with somebody outside about her customer.
    fn consults_outside() -> Self {
        let mut machine = Self::talking();
        machine.calls.tenant = Some(Arc::new(crate::testing::tenant_that_calls_out()));
        let to = || Target::Number("+4930900009".to_owned());
        machine.output(Output::Consulting {
            contact: CONTACT,
            consult: CONSULT,
            agent: AgentName::new("maria"),
            to: to(),
        });
        machine.output(Output::HandOver {
            contact: CONSULT,
            to: to(),
            deadline: machine.now + Span::seconds(20),
        });
        machine.event(start("x-2-0", &["outside", "2-0"]));
        let out = machine.event(EventKind::ChannelEnteredBridge {
            bridge: bridge_of(2, &["o-1-1", "x-2-0"]),
            channel: channel("x-2-0", "Up"),
        });
        let taken = Input::HandedOver {
            contact: CONSULT,
            taken: true,
        };
        assert_eq!(told(&out), [taken]);
        machine
    }

    /// What a journal knows of maria's customer and of her consult with somebody outside.
    fn recovers_consult_outside(held: bool, together: bool) -> Self {
        let mut machine = Self::new();
        machine.now = LATER;
        let queue = || "acme/orders".parse().unwrap();
        machine.calls.recover(Recovered {
            calls: vec![RecoveredCall {
                contact: CONTACT,
                call: caller(),
                queue: queue(),
                stage: RecoveredStage::Talking {
                    offer: OFFER,
                    agent: AgentName::new("maria"),
                    held,
                },
            }],
            others: vec![RecoveredOther {
                contact: CONSULT,
                queue: queue(),
                what: Beside::Consult { of: CONTACT },
                stage: RecoveredStage::Outside {
                    talk: OfferId {
                        contact: CONSULT,
                        generation: 0,
                    },
                    together,
                },
            }],
            newest: Some(CONSULT),
            ..Recovered::default()
        });
        machine
    }
}

#[test]
fn an_agent_whose_consult_outside_is_cancelled_as_the_host_is_listed_keeps_their_customer() {
    let mut machine = Machine::consults_outside();
    // Somebody has come since.
    machine.calls.newest = Some(ContactId(3));
    let out = machine.output(Output::ConsultOver {
        contact: CONTACT,
        consult: CONSULT,
        how: ConsultEnd::Cancelled,
    });
    assert_eq!(hung_up(&out), ["x-2-0"]);
    // Taken before that was done.
    machine.compare(listing(
        up(&[CALLER, "o-1-1", "x-2-0"]),
        vec![bridge(&[CALLER]), bridge_of(2, &["o-1-1", "x-2-0"])],
    ));
    let out = machine.event(end("x-2-0"));
    assert_eq!((hung_up(&out), told(&out)), (vec![], vec![]));
}

#[test]
fn a_conference_with_somebody_outside_goes_on_under_a_successor() {
    let mut machine = Machine::recovers_consult_outside(false, true);
    let all = [CALLER, "o-1-1", "x-2-0"];
    for _ in 0..2 {
        let out = machine.compare(listing(up(&all), vec![bridge(&all)]));
        assert_eq!((deeds(&out), told(&out)), (vec![], vec![]));
    }
    // The agent leaves the two.
    let out = machine.event(end("o-1-1"));
    assert_eq!(told(&out), [Input::CompleteConsult { contact: CONTACT }]);
}

#[test]
fn a_conference_that_a_predecessor_had_not_brought_together_is_brought_together() {
    let mut machine = Machine::recovers_consult_outside(false, true);
    let out = machine.compare(listing(
        up(&[CALLER, "o-1-1", "x-2-0"]),
        vec![bridge(&[CALLER]), bridge_of(2, &["o-1-1", "x-2-0"])],
    ));
    let joins = |leg: &str, with: &str| {
        let what = What::Join {
            bridge: names::bridge(CONTACT),
            agent: ChannelId::new(with),
            stop: None,
        };
        deeds(&out).contains(&(leg, &what))
    };
    assert!(joins(CALLER, "o-1-1") && joins("o-1-1", "x-2-0"), "{out:?}");
}

#[test]
fn a_private_talk_with_somebody_outside_goes_on_under_a_successor_and_its_end_is_told() {
    let mut machine = Machine::recovers_consult_outside(true, true);
    for _ in 0..2 {
        let out = machine.compare(listing(
            up(&[CALLER, "o-1-1", "x-2-0"]),
            vec![bridge_of(2, &["o-1-1", "x-2-0"])],
        ));
        assert_eq!((deeds(&out), told(&out)), (vec![], vec![]));
    }
    let out = machine.event(end("x-2-0"));
    assert_eq!(told(&out), [Input::OutsideGone { contact: CONSULT }]);
}

#[test]
fn somebody_outside_who_rings_for_a_consult_rings_on_under_a_successor() {
    let mut machine = Machine::recovers_consult_outside(true, false);
    let ringing = || {
        let mut channels = up(&[CALLER, "o-1-1"]);
        channels.push(channel("x-2-0", "Ringing"));
        listing(channels, vec![])
    };
    let out = machine.compare(ringing());
    assert_eq!((deeds(&out), told(&out)), (vec![], vec![]));
    let out = machine.event(start("x-2-0", &["outside", "2-0"]));
    let join = What::Join {
        bridge: names::bridge(CONSULT),
        agent: ChannelId::new("x-2-0"),
        stop: None,
    };
    assert_eq!(deeds(&out), [("o-1-1", &join)]);
    // One who has hung up meanwhile is told, so that the agent need not wait for them.
    let mut machine = Machine::recovers_consult_outside(true, false);
    let out = machine.compare(listing(up(&[CALLER, "o-1-1"]), vec![]));
    let not_taken = Input::HandedOver {
        contact: CONSULT,
        taken: false,
    };
    assert_eq!(told(&out), [not_taken]);
}

#[test]
fn a_caller_who_talks_without_us_with_somebody_we_let_go_is_not_left_alone() {
    let mut machine = Machine::consults_outside();
    machine.output(Output::ConsultOver {
        contact: CONTACT,
        consult: CONSULT,
        how: ConsultEnd::Outside,
    });
    machine.ended(Outcome::Transferred, None);
    machine.now = LATER;
    let mut out = Effects::default();
    let leg = Calls::place(&host(), &"x-2-0".into());
    machine.calls.release_outsider(&leg, &mut out);
    machine.event(end("x-2-0"));
    let out = machine.compare(listing(up(&[CALLER]), vec![bridge_of(2, &[CALLER])]));
    assert!(hung_up(&out).contains(&CALLER), "{out:?}");
}

#[test]
fn an_agent_is_told_where_somebody_outside_cannot_be_joined_with_them_again() {
    let mut machine = Machine::recovers_consult_outside(false, true);
    machine.compare(listing(
        up(&[CALLER, "o-1-1", "x-2-0"]),
        vec![bridge(&[CALLER]), bridge_of(2, &["o-1-1", "x-2-0"])],
    ));
    let what = What::Join {
        bridge: names::bridge(CONTACT),
        agent: ChannelId::new("x-2-0"),
        stop: None,
    };
    let out = machine.failed("o-1-1", what, gone());
    assert_eq!(hung_up(&out), ["x-2-0"]);
    assert_eq!(told(&out), [Input::OutsideGone { contact: CONSULT }]);
    let out = machine.event(end("x-2-0"));
    assert_eq!((hung_up(&out), told(&out)), (vec![], vec![]));
}

#[test]
fn a_consult_of_whom_we_called_back_is_asked_for_until_their_host_is_found() {
    let mut machine = Machine::new();
    machine.now = LATER;
    let other = |contact, what, stage| RecoveredOther {
        contact,
        queue: "acme/orders".parse().unwrap(),
        what,
        stage,
    };
    let talks = RecoveredStage::Talking {
        offer: OFFER,
        agent: AgentName::new("maria"),
        held: true,
    };
    let rings = RecoveredStage::Offered {
        offer: ASKED,
        agent: AgentName::new("noah"),
        deadline: LATER,
    };
    machine.calls.recover(Recovered {
        others: vec![
            other(CONTACT, Beside::Called, talks),
            other(CONSULT, Beside::Consult { of: CONTACT }, rings),
        ],
        newest: Some(CONSULT),
        ..Recovered::default()
    });
    assert_eq!(machine.calls.asked_somewhere(), [CONSULT]);
}
