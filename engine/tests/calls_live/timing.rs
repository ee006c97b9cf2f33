//! How long it takes.

use std::time::{Duration, Instant};

use serde_json::json;
use tokio::time::timeout;
use trunkline_engine::telephony::{Command, Report};
use trunkline_routing::{ContactId, Input, Outcome};

use crate::centre::Centre;
use crate::desk::*;
use crate::support::eventually;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs live/run.sh"]
async fn from_a_callers_invite_to_the_agents_it_takes_less_than_a_tenth_of_a_second_for_half_of_them()
 {
    let mut desk = Desk::fresh().await;
    let _maria = Party::maria(&["--answer", "0.02"]);
    const CALLS: u64 = 100;
    let many = ["--calls", "100", "--rate", "20", "--until-bye"];
    let callers = Party::named("many", NUMBER, &many);
    let (mut arrived, mut ended) = (0, 0);
    let mut answered = Vec::new();
    let mut asked = std::collections::HashMap::new();
    while ended < CALLS {
        let report = timeout(PATIENCE, desk.telephony.reports.recv())
            .await
            .expect("calls go on")
            .unwrap()
            .report;
        match report {
            Report::Arrived(arrival) => {
                arrived += 1;
                let contact = ContactId(1_000 + arrived);
                asked.insert(contact, (Instant::now(), arrival.call.clone()));
                desk.send(Command::Admit {
                    contact,
                    call: arrival.call,
                    queue: arrival.queue,
                });
                desk.offer(contact.0, 1, "maria");
            }
            Report::Input(Input::Connected { offer }) => {
                answered.push(asked[&offer.contact].0.elapsed());
                ended += 1;
                desk.end(offer.contact.0, Outcome::Answered);
            }
            _ => {}
        }
    }
    assert!(callers.ended_well().await);
    desk.nothing_is_left().await;
    answered.sort();
    assert_eq!(answered.len() as u64, CALLS);
    let [placed, offered] =
        [("many", "invited"), ("maria", "offered")].map(|(log, word)| moments(log, word));
    let mut rings: Vec<Duration> = placed
        .iter()
        .zip(&offered)
        // sipp writes its line after it has sent: on a busy machine the phone may have written before that.
        .map(|(placed, offered)| Duration::try_from_secs_f64(offered - placed).unwrap_or_default())
        .collect();
    assert_eq!(rings.len() as u64, CALLS);
    rings.sort();
    let at = |times: &[Duration], share: f64| times[((CALLS - 1) as f64 * share) as usize];
    println!(
        "{CALLS} calls at 20/s: caller's INVITE → agent's INVITE p50 {:?}, p95 {:?}, max {:?}",
        at(&rings, 0.5),
        at(&rings, 0.95),
        at(&rings, 1.0)
    );
    println!(
        "arrival reported → both legs bridged, the phone rings 20 ms: p50 {:?}, p95 {:?}, max {:?}",
        at(&answered, 0.5),
        at(&answered, 0.95),
        at(&answered, 1.0)
    );
    // A look each 200 ms would take that long for half of them.
    assert!(at(&rings, 0.5) < Duration::from_millis(100), "{rings:?}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs live/run.sh"]
async fn from_an_agents_hang_up_to_the_next_ring_it_takes_less_than_a_tenth_of_a_second_for_half_of_them()
 {
    const CALLS: usize = 12;
    let centre = Centre::open(|tenant| {
        let team = tenant.teams.get_mut("frontline").unwrap();
        team.wrap_up = serde_json::from_value(json!("0s")).unwrap();
    })
    .await;
    let many = ["--calls", "12", "--rate", "20", "--until-bye"];
    let callers = Party::named("in-line", NUMBER, &many);
    eventually("all wait", async || {
        let contacts = centre.contacts().await;
        let waiting = contacts.iter().filter(|one| one["state"] == "waiting");
        waiting.count() == CALLS
    })
    .await;
    let _maria = Party::maria(&["--answer", "0.1", "--talk", "0.3"]);
    centre.works("maria").await;
    assert!(callers.ended_well().await);
    let [offered, hung_up] = ["offered", "hung"].map(|word| moments("maria", word));
    // The last may be written yet.
    assert!(
        offered.len() == CALLS && hung_up.len() >= CALLS - 1,
        "{hung_up:?}"
    );
    // That she hangs up is written when Asterisk has said yes to it, which it does at once.
    let next = hung_up.iter().zip(&offered[1..]);
    let mut rings: Vec<Duration> = next
        .map(|(free, rings)| Duration::try_from_secs_f64(rings - free).unwrap_or_default())
        .collect();
    rings.sort();
    let p50 = rings[rings.len() / 2];
    println!(
        "the agent hangs up → their phone rings for the next: p50 {p50:?}, max {:?}",
        rings.last()
    );
    assert!(p50 < Duration::from_millis(100), "{rings:?}");
    centre.close().await;
}

/// When each line with `word` was written to a party's log, in Unix seconds; calls are 50 ms apart,
/// so the nth of one log belongs to the nth of the other.
fn moments(log: &str, word: &str) -> Vec<f64> {
    let path = format!("{}/log/{log}/events.log", needed("WORLD"));
    let text = std::fs::read_to_string(path).unwrap();
    text.lines()
        .filter(|line| {
            line.split_whitespace()
                .nth(4)
                .is_some_and(|said| said == word)
        })
        .map(|line| line.split_whitespace().nth(2).unwrap().parse().unwrap())
        .collect()
}
