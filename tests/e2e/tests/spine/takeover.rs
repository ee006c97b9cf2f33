//! The engine dies under calls; its successor goes on with the same calls in the same order.

use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::json;
use trunkline_e2e::centre::TENANT;
use trunkline_e2e::cluster::Cluster;

use super::fixture::{Fixture, SOON, centre};

const POD: &str = "northwind-engine-0";

#[test]
fn ten_kills_of_process_and_pod_lose_no_call_and_no_rank() {
    let mut fixture = centre();
    let _phone = fixture.maria("3600");
    let talking = fixture
        .centre
        .caller("bridged", "carrier-b", 5081, &["--until-bye"])
        .unwrap();
    let one = fixture.newcomer(&[]);
    fixture.becomes(one, "talking");
    let joined = Instant::now();
    let second = fixture
        .centre
        .caller("waiting-2", "carrier-a", 5082, &["--until-bye"])
        .unwrap();
    let two = fixture.newcomer(&[one]);
    let third = fixture
        .centre
        .caller("waiting-3", "carrier-b", 5083, &["--until-bye"])
        .unwrap();
    let three = fixture.newcomer(&[one, two]);
    let arrived =
        [two, three].map(|contact| fixture.becomes(contact, "waiting")["arrived"].clone());

    for round in 1..=10 {
        let (customer_before, agent_before) = fixture.packets(one);
        let before = incarnation(&fixture.centre.cluster).expect("the engine's pod");
        let died = Instant::now();
        if round % 2 == 0 {
            delete_pod(&fixture.centre.cluster);
        } else {
            kill_process(&fixture.centre.cluster, TENANT, POD);
        }
        successor(&mut fixture, &before);
        assert_eq!(
            fixture.becomes(one, "talking")["agent"],
            "maria",
            "round {round}"
        );
        fixture.centre.progress.say(format!(
            "round {round}: the successor answered after {:.1} s",
            died.elapsed().as_secs_f64()
        ));
        for (contact, since) in [two, three].into_iter().zip(&arrived) {
            assert_eq!(
                &fixture.becomes(contact, "waiting")["arrived"],
                since,
                "round {round}: contact {contact}"
            );
        }
        let live: Vec<u64> = fixture
            .centre
            .engine
            .live()
            .unwrap()
            .iter()
            .filter_map(|c| c["id"].as_u64())
            .collect();
        assert_eq!(
            live,
            [one, two, three],
            "round {round}: a call was lost or counted twice"
        );
        let (customer, agent) = fixture.packets(one);
        assert!(
            customer > customer_before && agent > agent_before,
            "round {round}: the audio stopped"
        );
    }

    let talked = joined.elapsed().as_secs_f64();
    end(&mut fixture, one);
    assert_eq!(fixture.becomes(two, "talking")["agent"], "maria");
    fixture.becomes(three, "waiting");
    end(&mut fixture, two);
    fixture.becomes(three, "talking");
    end(&mut fixture, three);
    for caller in [talking, second, third] {
        caller.finish(&fixture.centre.progress, SOON).unwrap();
    }
    for contact in [one, two, three] {
        let record = fixture.centre.complete(contact, SOON).unwrap();
        for (field, value) in [
            ("outcome", "answered"),
            ("agent", "maria"),
            ("client", "acme"),
            ("queue", "acme/orders"),
        ] {
            assert_eq!(record[field], value, "{record}");
        }
        let seconds = |field: &str| record[field].as_f64().unwrap();
        if contact == one {
            assert!(
                seconds("talkSeconds") >= talked - 1.0,
                "{talked} s: {record}"
            );
        } else {
            // They came before the first kill and were answered after the last.
            assert!(
                seconds("waitSeconds") >= talked - 30.0,
                "{talked} s: {record}"
            );
        }
    }
}

#[test]
fn a_caller_who_comes_while_no_engine_is_there_is_in_the_queue_when_one_is_back() {
    let mut fixture = centre();
    let before = incarnation(&fixture.centre.cluster).expect("the engine's pod");
    delete_pod(&fixture.centre.cluster);
    let caller = fixture
        .centre
        .caller("early", "carrier-b", 5081, &["--until-bye"])
        .unwrap();
    let progress = fixture.centre.progress;
    let look = Duration::from_millis(20);
    progress
        .wait("the call", SOON, look, || {
            let events = caller.events();
            let invited = events.contains("invited").then_some(());
            invited.ok_or_else(|| "its phone has not sent it".to_owned())
        })
        .unwrap();
    let called = Instant::now();
    successor(&mut fixture, &before);
    let away = called.elapsed().as_secs_f64();
    let contact = fixture.newcomer(&[]);
    // By its own clock it was in the queue before the successor was there.
    let waited = fixture.becomes(contact, "waiting")["waitSeconds"]
        .as_f64()
        .unwrap();
    assert!(
        waited >= away - 1.0,
        "it has waited {waited} s; no engine was there for {away} s of its call"
    );
    let _phone = fixture
        .centre
        .phone("maria", "phone-1", &["--answer", "1", "--talk", "2"])
        .unwrap();
    fixture.centre.engine.sign_in("maria").unwrap();
    // A phone that comes back at the same address counts as away until it is next asked.
    caller.finish(&fixture.centre.progress, SOON * 3).unwrap();
    assert_eq!(
        fixture.centre.complete(contact, SOON).unwrap()["outcome"],
        "answered"
    );
}

fn end(fixture: &mut Fixture, contact: u64) {
    fixture
        .centre
        .engine
        .agent("maria", &json!({"do": "end", "contact": contact}))
        .unwrap();
}

/// Which process of which pod it is: the pod's UID and how often its container was restarted.
type Incarnation = (String, u64);

/// The engine's present incarnation, and whether it serves; `None` while there is no pod.
fn incarnation(cluster: &Cluster) -> Option<(Incarnation, bool)> {
    let pod = cluster.get(TENANT, "pod", POD).ok()??;
    let status = &pod["status"]["containerStatuses"][0];
    let uid = pod["metadata"]["uid"].as_str()?.to_owned();
    Some((
        (uid, status["restartCount"].as_u64()?),
        status["ready"] == true,
    ))
}

/// So long may Kubernetes take to make the pod again. After the API server was away, its controllers
/// ask again only once in half a minute or so: that is their wait, not ours.
const MADE_AGAIN: Duration = Duration::from_secs(180);

/// Waits until another incarnation serves, and speaks to that one from then on.
fn successor(fixture: &mut Fixture, before: &(Incarnation, bool)) {
    let cluster = &fixture.centre.cluster;
    fixture
        .centre
        .progress
        .wait(
            "the successor",
            MADE_AGAIN,
            Duration::from_millis(100),
            || match incarnation(cluster) {
                Some((now, true)) if now != before.0 => Ok(()),
                other => Err(format!("the pod is {other:?}")),
            },
        )
        .unwrap();
    fixture.centre.engine.reconnect();
}

fn delete_pod(cluster: &Cluster) {
    cluster
        .kubectl(&[
            "-n",
            TENANT,
            "delete",
            "pod",
            POD,
            "--grace-period=0",
            "--force",
        ])
        .unwrap();
}

/// `kill -9` of the engine's process: the one in a cgroup of the pod's UID that runs our program.
pub fn kill_process(cluster: &Cluster, namespace: &str, pod: &str) {
    let pod = cluster.get(namespace, "pod", pod).unwrap();
    let pod = pod.expect("the engine's pod");
    let uid = format!("pod{}", pod["metadata"]["uid"].as_str().unwrap());
    let mut killed = 0;
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let read =
            |file: &str| std::fs::read_to_string(entry.path().join(file)).unwrap_or_default();
        // The kernel cuts a name at 15 characters.
        if read("comm").trim() == "trunkline-engin" && read("cgroup").contains(&uid) {
            let pid = entry.file_name().into_string().unwrap();
            assert!(
                Command::new("kill")
                    .args(["-9", &pid])
                    .status()
                    .unwrap()
                    .success()
            );
            killed += 1;
        }
    }
    assert_eq!(killed, 1, "processes of {uid}");
}
