//! Calls without faults.

use super::fixture::{SOON, centre};

#[test]
fn a_call_is_answered_bridged_heard_both_ways_and_recorded_with_its_wrap_up() {
    let mut fixture = centre();
    let _phone = fixture.maria("4");
    let caller = fixture
        .centre
        .caller("plain", "carrier-b", 5081, &["--until-bye"])
        .unwrap();
    let contact = fixture.newcomer(&[]);
    fixture.becomes(contact, "talking");
    std::thread::sleep(std::time::Duration::from_secs(1));
    let (customer, agent) = fixture.packets(contact);
    assert!(
        customer > 10 && agent > 10,
        "audio: {customer} packets from the customer, {agent} from the agent"
    );
    caller.finish(&fixture.centre.progress, SOON).unwrap();
    let record = fixture.centre.complete(contact, SOON).unwrap();
    assert_eq!(record["outcome"], "answered");
    assert_eq!(record["queue"], "acme/orders");
    assert_eq!(record["agent"], "maria");
    let seconds = |key: &str| record[key].as_f64().unwrap();
    assert!(
        (3.5..6.0).contains(&seconds("talkSeconds")),
        "talked {} s",
        seconds("talkSeconds")
    );
    assert!(
        (4.5..7.0).contains(&seconds("wrapUpSeconds")),
        "wrap-up {} s",
        seconds("wrapUpSeconds")
    );
}

#[test]
fn an_offer_that_nobody_answers_goes_to_the_other_agent_at_the_callers_old_rank() {
    let mut fixture = centre();
    let _silent = fixture
        .centre
        .phone("jonas", "phone-2", &["--no-answer"])
        .unwrap();
    fixture.centre.sign_in("jonas").unwrap();
    let caller = fixture
        .centre
        .caller("rona", "carrier-b", 5081, &["--until-bye"])
        .unwrap();
    let contact = fixture.newcomer(&[]);
    let offered = fixture.becomes(contact, "offered");
    assert_eq!(offered["agent"], "jonas");
    let _phone = fixture.maria("2");
    fixture.centre.agent_is("jonas", "notReady", SOON).unwrap();
    let talking = fixture.becomes(contact, "talking");
    assert_eq!(talking["agent"], "maria");
    assert_eq!(
        talking["arrived"], offered["arrived"],
        "the caller's age was lost"
    );
    caller.finish(&fixture.centre.progress, SOON).unwrap();
    fixture.centre.complete(contact, SOON).unwrap();
}

#[test]
fn a_caller_who_leaves_the_queue_is_recorded_as_abandoned() {
    let mut fixture = centre();
    let caller = fixture
        .centre
        .caller("gone", "carrier-b", 5081, &["--talk", "2"])
        .unwrap();
    let contact = fixture.newcomer(&[]);
    caller.finish(&fixture.centre.progress, SOON).unwrap();
    let record = fixture.centre.complete(contact, SOON).unwrap();
    assert_eq!(record["outcome"], "abandoned");
}

#[test]
fn a_number_that_nobody_claims_gets_404() {
    let fixture = centre();
    let number = ["--number", "+493023125099"];
    let caller = fixture
        .centre
        .caller("unclaimed", "carrier-b", 5081, &number)
        .unwrap();
    let refused = caller
        .finish(&fixture.centre.progress, SOON)
        .unwrap_err()
        .to_string();
    assert!(refused.contains("404"), "{refused}");
}
