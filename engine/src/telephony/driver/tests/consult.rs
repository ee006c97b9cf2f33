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
