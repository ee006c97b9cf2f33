//! Customers who are called back: whose phone rings, and for whom.

use trunkline_routing::Unreached;

use super::*;

const SECOND: OfferId = OfferId {
    contact: CONTACT,
    generation: 2,
};

fn is_hung_up(out: &Effects, leg: &str) -> bool {
    let mut hangups = out.acts.iter().filter(|act| act.leg.as_str() == leg);
    hangups.any(|act| matches!(act.what, What::Hangup(_)))
}

fn is_rung(out: &Effects, leg: &str) -> bool {
    matches!(deeds(out)[..], [(rung, What::Ring(_))] if rung == leg)
}

impl Machine {
    fn offer_again(&mut self) -> Effects {
        self.output(Output::Offer {
            offer: SECOND,
            agent: AgentName::new("noah"),
            deadline: self.now + Span::seconds(20),
        })
    }
}

#[test]
fn an_agent_who_hangs_up_while_their_customer_is_rung_leaves_no_phone_ringing_and_the_try_counts() {
    let mut machine = called_for_maria();
    let out = machine.event(end("o-1-1"));
    assert!(is_hung_up(&out, "c-1-1"), "{out:?}");
    let (offer, cause) = (OFFER, Unreached::Failed);
    assert_eq!(inputs(&out), [Input::NotReached { offer, cause }]);
    let out = machine.cancel(CancelReason::NotReached);
    assert!(out.acts.is_empty() && out.reports.is_empty(), "{out:?}");
    // What becomes of that line is no news of the next try.
    let out = machine.offer_again();
    assert!(is_rung(&out, "o-1-2"), "{out:?}");
    let out = machine.event(start("c-1-1", &["customer", "1-1"]));
    assert!(is_hung_up(&out, "c-1-1"), "{out:?}");
    machine.event(start("o-1-2", &["leg", "1-2"]));
    let out = machine.event(end("c-1-1"));
    assert!(out.acts.is_empty() && out.reports.is_empty(), "{out:?}");
    assert!(!machine.calls.contacts[&CONTACT].gone);
}

#[test]
fn a_customer_who_picked_up_and_cannot_be_joined_is_let_go_and_tried_later() {
    let mut machine = called_for_maria();
    machine.event(start("c-1-1", &["customer", "1-1"]));
    let out = machine.failed("c-1-1", join(), gone());
    assert!(
        is_hung_up(&out, "c-1-1") && is_hung_up(&out, "o-1-1"),
        "{out:?}"
    );
    let (offer, cause) = (OFFER, Unreached::Failed);
    assert_eq!(inputs(&out), [Input::NotReached { offer, cause }]);
}

#[test]
fn an_agent_who_hangs_up_before_their_customer_is_rung_has_cost_no_try() {
    let mut machine = Machine::new();
    machine.calls.tenant = Some(Arc::new(crate::testing::tenant_that_calls_out()));
    machine.compare(listing(vec![], vec![]));
    machine.book();
    machine.offer("maria");
    machine.event(start("o-1-1", &["leg", "1-1"]));
    let out = machine.event(end("o-1-1"));
    let (offer, cause) = (OFFER, DeclineCause::Failed);
    assert_eq!(inputs(&out), [Input::Decline { offer, cause }]);
    assert!(out.acts.is_empty(), "{out:?}");
}

#[test]
fn a_callback_that_the_core_gives_to_another_rings_its_customer_for_nobody() {
    let mut machine = called_for_maria();
    let out = machine.output(Output::Waiting {
        contact: CONTACT,
        queue: "acme/orders".parse().unwrap(),
    });
    assert!(
        is_hung_up(&out, "c-1-1") && is_hung_up(&out, "o-1-1"),
        "{out:?}"
    );
}

#[test]
fn a_customer_joined_as_the_core_gave_them_up_is_let_go_and_called_again() {
    for leaves in [false, true] {
        let mut machine = called_back();
        if leaves {
            machine.event(end("c-1-1"));
        }
        let out = machine.cancel(CancelReason::NotReached);
        assert!(is_hung_up(&out, "o-1-1"), "{out:?}");
        assert_eq!(is_hung_up(&out, "c-1-1"), !leaves, "{out:?}");
        let out = machine.offer_again();
        assert!(is_rung(&out, "o-1-2"), "{out:?}");
    }
}
