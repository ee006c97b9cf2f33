//! What is wrong is refused or told, and stops nothing else.

use std::time::Duration;

use trunkline_e2e::centre::{Centre, TENANT};
use trunkline_e2e::cluster::condition_holds;

use super::fixture::{SOON, centre};

fn client(centre: &Centre) -> String {
    let text = std::fs::read_to_string(centre.repository.join("examples/northwind/30-client.yaml"))
        .unwrap();
    centre.world.localise(&text).unwrap()
}

#[test]
fn an_unknown_field_and_a_broken_rule_are_refused_by_the_api_server() {
    let fixture = centre();
    let good = client(&fixture.centre);
    let unknown = good.replace("displayName:", "displayname:");
    let refused = fixture
        .centre
        .cluster
        .apply(&unknown)
        .unwrap_err()
        .to_string();
    assert!(refused.contains("displayname"), "{refused}");
    let broken = good.replace(
        "onExhausted: {action: Hold}",
        "onExhausted: {action: Overflow}",
    );
    let refused = fixture
        .centre
        .cluster
        .apply(&broken)
        .unwrap_err()
        .to_string();
    assert!(refused.contains("queue"), "{refused}");
}

#[test]
fn a_client_that_can_t_be_used_is_stalled_with_the_field_while_its_calls_go_on() {
    let mut fixture = centre();
    let wrong = client(&fixture.centre).replace("{name: backoffice}", "{name: nobody}");
    fixture.centre.cluster.apply(&wrong).unwrap();
    let told = fixture
        .centre
        .progress
        .wait(
            "acme to be Stalled",
            SOON,
            Duration::from_millis(300),
            || {
                let found = fixture
                    .centre
                    .cluster
                    .get(TENANT, "ccl", "acme")
                    .map_err(|e| e.to_string())?
                    .ok_or("gone")?;
                let stalled = found["status"]["conditions"]
                    .as_array()
                    .into_iter()
                    .flatten()
                    .find(|c| c["type"] == "Stalled");
                match stalled {
                    Some(condition) if condition["status"] == "True" => {
                        Ok(condition["message"].to_string())
                    }
                    other => Err(format!("Stalled is {other:?}")),
                }
            },
        )
        .unwrap();
    assert!(told.contains("spec.queues[0].teams"), "{told}");

    let _phone = fixture.maria("2");
    let caller = fixture
        .centre
        .caller("meanwhile", "carrier-b", 5081, &["--until-bye"])
        .unwrap();
    let contact = fixture.newcomer(&[]);
    caller.finish(&fixture.centre.progress, SOON).unwrap();
    assert_eq!(
        fixture.centre.complete(contact, SOON).unwrap()["queue"],
        "acme/orders"
    );

    fixture.centre.apply_example().unwrap();
    fixture.centre.all_ready().unwrap();
}

#[test]
fn a_missing_secret_is_a_condition_of_its_trunk_and_clears_when_it_is_there() {
    let fixture = centre();
    let cluster = &fixture.centre.cluster;
    cluster
        .kubectl(&["-n", TENANT, "delete", "secret", "carrier-a"])
        .unwrap();
    fixture
        .centre
        .progress
        .wait(
            "carrier-a to say what is missing",
            SOON,
            Duration::from_millis(300),
            || {
                let found = cluster
                    .get(TENANT, "cct", "carrier-a")
                    .map_err(|e| e.to_string())?
                    .ok_or("gone")?;
                let conditions = found["status"]["conditions"].to_string();
                if conditions.contains("Secret") {
                    Ok(())
                } else {
                    Err("no condition names the Secret yet".to_owned())
                }
            },
        )
        .unwrap();
    fixture.centre.apply_example().unwrap();
    fixture.centre.all_ready().unwrap();
}

#[test]
fn a_carrier_that_falls_silent_is_told_in_a_condition_and_an_event_and_clears_when_it_answers() {
    let mut fixture = centre();
    drop(fixture.carrier_b.take());
    let centre = &fixture.centre;
    // It is asked every 10 s, and waited for another 3.
    let told = || {
        let trunk = centre.cluster.get(TENANT, "cct", "carrier-b");
        let trunk = trunk.map_err(|e| e.to_string())?.ok_or("gone")?;
        match condition_holds(&trunk, "Reachable") {
            Err(why) if why.starts_with("NoAnswer") => Ok(()),
            other => Err(format!("Reachable is {other:?}")),
        }
    };
    let pause = Duration::from_millis(300);
    let progress = centre.progress;
    progress
        .wait("carrier-b to be away", 2 * SOON, pause, told)
        .unwrap();
    let event = || {
        let events = centre.cluster.list(TENANT, "events");
        let events = events.map_err(|e| e.to_string())?;
        let found = events.iter().any(|event| {
            event["reason"] == "NoAnswer" && event["involvedObject"]["name"] == "carrier-b"
        });
        if found {
            Ok(())
        } else {
            Err("no Event yet".to_owned())
        }
    };
    progress.wait("an Event of it", SOON, pause, event).unwrap();

    fixture.carrier_b = Some(fixture.centre.carrier_b().unwrap());
    fixture.centre.all_ready().unwrap();
}
