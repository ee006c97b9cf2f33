//! A changed document is live at once, and no call is touched by it.

use std::time::{Duration, Instant};

use serde_json::json;
use trunkline_e2e::centre::TENANT;

use super::fixture::{SOON, centre};

#[test]
fn a_number_moved_to_another_queue_is_there_within_two_seconds_and_the_live_call_goes_on() {
    let mut fixture = centre();
    let _phone = fixture.maria("3600");
    let before = fixture
        .centre
        .caller("before", "carrier-b", 5081, &["--until-bye"])
        .unwrap();
    let live = fixture.newcomer(&[]);
    assert_eq!(fixture.becomes(live, "talking")["queue"], "acme/orders");

    let mut client = fixture
        .centre
        .cluster
        .get(TENANT, "ccl", "acme")
        .unwrap()
        .unwrap();
    let spec = client["spec"].as_object_mut().unwrap();
    let queues = spec["queues"].as_array_mut().unwrap();
    let mut returns = queues[0].clone();
    returns["name"] = json!("returns");
    // Its first queue is where a client's callers go.
    queues.insert(0, returns);
    let changed = json!({
        "apiVersion": client["apiVersion"], "kind": "Client",
        "metadata": {"name": "acme", "namespace": TENANT}, "spec": client["spec"],
    });
    fixture.centre.cluster.apply(&changed.to_string()).unwrap();
    let applied = Instant::now();
    std::thread::sleep(Duration::from_secs(2).saturating_sub(applied.elapsed()));

    let after = fixture
        .centre
        .caller("after", "carrier-b", 5082, &["--until-bye"])
        .unwrap();
    let next = fixture.newcomer(&[live]);
    assert_eq!(fixture.becomes(next, "waiting")["queue"], "acme/returns");
    let (customer, agent) = fixture.packets(live);
    std::thread::sleep(Duration::from_secs(1));
    let (customer_after, agent_after) = fixture.packets(live);
    assert!(
        customer_after > customer && agent_after > agent,
        "the live call's audio stopped"
    );

    for contact in [live, next] {
        fixture.becomes(contact, "talking");
        fixture
            .centre
            .engine
            .agent("maria", &json!({"do": "end", "contact": contact}))
            .unwrap();
    }
    for caller in [before, after] {
        caller.finish(&fixture.centre.progress, SOON).unwrap();
    }
    fixture.centre.complete(next, SOON).unwrap();
    fixture.centre.apply_example().unwrap();
}
