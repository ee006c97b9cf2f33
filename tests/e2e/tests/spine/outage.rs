//! The API server is away for a minute under calls.

use std::time::Duration;

use serde_json::json;
use trunkline_e2e::command::run;

use super::fixture::{SOON, centre};

#[test]
fn sixty_seconds_without_an_api_server_lose_nothing() {
    let mut fixture = centre();
    let _phone = fixture.maria("3600");
    let talking = fixture
        .centre
        .caller("bridged", "carrier-b", 5081, &["--until-bye"])
        .unwrap();
    let one = fixture.newcomer(&[]);
    fixture.becomes(one, "talking");
    let waiting = fixture
        .centre
        .caller("waiting", "carrier-b", 5082, &["--until-bye"])
        .unwrap();
    let two = fixture.newcomer(&[one]);
    let arrived = fixture.becomes(two, "waiting")["arrived"].clone();
    let (customer_before, _) = fixture.packets(one);
    let epoch = fixture.centre.engine.get("/api/v1/config").unwrap()["epoch"].clone();

    let script = |name: &str| {
        fixture
            .centre
            .repository
            .join("tests/cluster")
            .join(name)
            .to_string_lossy()
            .into_owned()
    };
    run(&script("api-stop.sh"), [""; 0]).unwrap();
    fixture.centre.progress.say("the API server is away");
    std::thread::sleep(Duration::from_secs(20));
    let newcomer = fixture
        .centre
        .caller("meanwhile", "carrier-b", 5083, &["--until-bye"])
        .unwrap();
    std::thread::sleep(Duration::from_secs(40));
    run(&script("api-start.sh"), [""; 0]).unwrap();
    fixture.centre.progress.say("the API server is back");

    fixture.becomes(one, "talking");
    assert_eq!(fixture.becomes(two, "waiting")["arrived"], arrived);
    let three = fixture.newcomer(&[one, two]);
    let waited = fixture.becomes(three, "waiting")["waitSeconds"]
        .as_f64()
        .unwrap();
    assert!(
        waited > 30.0,
        "the caller who came meanwhile has waited {waited} s"
    );
    assert_eq!(
        fixture.centre.engine.get("/api/v1/config").unwrap()["epoch"],
        epoch,
        "the leader has changed"
    );
    let (customer, _) = fixture.packets(one);
    // 50 packets a second; a half of them would already be a broken call.
    assert!(
        customer > customer_before + 50 * 50,
        "{customer_before} packets before, {customer} after"
    );

    for contact in [one, two, three] {
        fixture.becomes(contact, "talking");
        fixture
            .centre
            .engine
            .agent("maria", &json!({"do": "end", "contact": contact}))
            .unwrap();
    }
    for caller in [talking, waiting, newcomer] {
        caller.finish(&fixture.centre.progress, SOON).unwrap();
    }
    fixture.centre.complete(three, SOON).unwrap();
}
