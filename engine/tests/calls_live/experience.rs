//! What callers hear: menus, news while they wait, messages after hours, their own messages.

use trunkline_engine::telephony::{Command, Recovered, Report, Standing};
use trunkline_routing::{ContactId, Input, Outcome, Output, Span};
use trunkline_tenant::crds::{ClientName, PromptName};
use trunkline_tenant::{QueueId, TenantMenu};

use crate::desk::*;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs live/run.sh"]
async fn a_caller_chooses_the_queue_by_a_key_and_who_presses_nothing_goes_to_the_first() {
    // Five seconds of it, so that one can tell whether it was cut short.
    prompt("menu", 600.0, 10);
    let tenant = changed(|tenant| {
        let acme = tenant.clients.get_mut(&ClientName::from("acme")).unwrap();
        acme.menu = Some(TenantMenu {
            prompt: Some(PromptName::from("menu")),
            choices: [("2".to_owned(), QueueId::centre("orders"))].into(),
        });
    });
    let mut desk = Desk::fresh_of(tenant).await;
    let ear = Ear::at("10.88.0.10", 600.0, &["600"]);
    let chooses = Party::caller(&["--digits", "2", "--digits-after", "1.5", "--until-bye"]);
    let arrival = desk.arrival().await;
    assert_eq!(arrival.queue.to_string(), "orders");
    let heard = ear.heard_by_now().await;
    assert!(
        (0.2..4.8).contains(&heard["600"]),
        "the key cuts the menu short: {heard:?}"
    );
    desk.send(Command::TurnAway { call: arrival.call });
    drop(chooses);
    desk.nothing_is_left().await;

    // A key that leads nowhere has the menu played again; then three times in vain.
    prompt("menu", 600.0, 2);
    let lost = Party::caller(&["--digits", "9", "--digits-after", "0.3", "--until-bye"]);
    let arrival = desk.arrival().await;
    assert_eq!(arrival.queue.to_string(), "acme/orders");
    desk.send(Command::TurnAway { call: arrival.call });
    drop(lost);
    desk.nothing_is_left().await;
}

/// Words of the tenant's own, as tones: short, and told apart.
const WORDS: [(&str, f64); 5] = [
    ("queue-thereare", 700.0),
    ("queue-callswaiting", 700.0),
    ("queue-holdtime", 800.0),
    ("queue-less-than", 800.0),
    ("queue-minutes", 800.0),
];

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs live/run.sh"]
async fn a_waiting_caller_hears_the_greeting_then_their_place_and_the_wait_and_music_between() {
    prompt("welcome", 600.0, 2);
    for (word, hertz) in WORDS {
        prompt(word, hertz, 1);
    }
    let tenant = changed(|tenant| {
        let from = serde_json::json!({"configMap": "prompts", "key": "x"});
        for name in WORDS.map(|(word, _)| word).into_iter().chain(["welcome"]) {
            let from = serde_json::from_value(from.clone()).unwrap();
            tenant.prompts.insert(PromptName::from(name), from);
        }
        let queue = tenant
            .queues
            .get_mut(&QueueId::of("acme", "orders"))
            .unwrap();
        queue.announcements.greeting = Some(PromptName::from("welcome"));
        queue.announcements.position = true;
        queue.announcements.estimated_wait = true;
    });
    let mut desk = Desk::fresh_of(tenant).await;
    let _maria = Party::maria(&[]);
    let ear = Ear::at("10.88.0.10", 600.0, &["600", "700", "800", "1000"]);
    let caller = Party::caller(&["--until-bye"]);
    let arrival = desk.admit(70).await;
    let contact = ContactId(70);
    let standing = Standing {
        position: Some(3),
        wait: Some((Span::seconds(60), Span::seconds(150))),
    };
    for _ in 0..2 {
        desk.asked(70).await;
        desk.send(Command::Tell { contact, standing });
    }
    // An agent who answers in the midst of it cuts it short.
    let offer = desk.offer(70, 1, "maria");
    desk.input(Input::Connected { offer }).await;
    desk.audio_flows_both_ways([&arrival.call.channel, &leg(offer)])
        .await;
    let heard = ear.heard_by_now().await;
    assert!(
        (0.6..=1.1).contains(&heard["600"]),
        "the greeting, once: {heard:?}"
    );
    assert!(
        heard["700"] > 0.9 && heard["800"] > 1.4,
        "place and wait: {heard:?}"
    );
    assert!(heard["other"] > 1.0, "numbers and music: {heard:?}");
    assert!(heard["1000"] > 0.5, "the agent: {heard:?}");
    desk.end(70, Outcome::Answered);
    assert!(caller.ended_well().await);
    desk.nothing_is_left().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs live/run.sh"]
async fn who_calls_after_hours_hears_why_and_is_hung_up() {
    prompt("closed", 600.0, 2);
    let mut desk = Desk::fresh().await;
    let ear = Ear::at("10.88.0.10", 600.0, &["600"]);
    let caller = Party::caller(&["--until-bye"]);
    desk.admit(71).await;
    desk.send(Command::Do(Output::Ended {
        contact: ContactId(71),
        outcome: Outcome::Closed,
        prompt: Some(PromptName::from("closed")),
    }));
    assert!(caller.ended_well().await, "the centre hangs up");
    let heard = ear.heard_by_now().await;
    assert!((0.6..=1.1).contains(&heard["600"]), "{heard:?}");
    desk.nothing_is_left().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs live/run.sh"]
async fn a_caller_leaves_a_message_that_is_theirs_to_the_tone() {
    prompt("nobody", 600.0, 1);
    let mut desk = Desk::fresh().await;
    let caller = Party::caller(&["--until-bye", "--tone", "440"]);
    let arrival = desk.admit(72).await;
    desk.send(Command::Do(Output::Ended {
        contact: ContactId(72),
        outcome: Outcome::Voicemail,
        prompt: Some(PromptName::from("nobody")),
    }));
    spoken(72, 2).await;
    caller.hangs_up().await;
    let (recording, length) = message_of(&mut desk, 72).await;
    assert!(length >= Span::seconds(2), "{length:?}");
    assert!(caller.ended_well().await);
    let (answer, mut file) = tokio::sync::mpsc::channel(1);
    assert_eq!(recording, format!("{}/v-72", arrival.call.host));
    desk.send(Command::Fetch {
        contact: ContactId(72),
        answer,
    });
    let wav = file.recv().await.expect("the message is there");
    assert_eq!(&wav[..4], b"RIFF");
    let samples: Vec<f64> = wav[44..]
        .chunks_exact(2)
        .map(|two| f64::from(i16::from_le_bytes([two[0], two[1]])))
        .collect();
    let energy: f64 = samples.iter().map(|x| x * x).sum();
    let (mut a, mut b) = (0.0, 0.0);
    let turn = 2.0 * (std::f64::consts::TAU * 440.0 / 8000.0).cos();
    for x in &samples {
        (a, b) = (x + turn * a - b, a);
    }
    let share = (a * a + b * b - turn * a * b) / (samples.len() as f64 / 2.0 * energy);
    println!(
        "{:.1} s, of which {:.0} % is the caller's tone",
        samples.len() as f64 / 8000.0,
        share * 100.0
    );
    assert!(share > 0.5, "it is the caller's voice: {share}");
    desk.nothing_is_left().await;
}

/// The next message of a contact that is entered.
async fn message_of(desk: &mut Desk, contact: u64) -> (String, Span) {
    desk.wait(|report| match report {
        Report::Input(Input::VoicemailLeft {
            contact: of,
            recording,
            length,
        }) if *of == ContactId(contact) => Some((recording.clone(), *length)),
        _ => None,
    })
    .await
}

/// The engine dies while somebody leaves a message; they are still on the line.
async fn speaks_to_an_engine_that_dies(contact: u64) -> (Party, Recovered) {
    let mut desk = Desk::fresh().await;
    let caller = Party::caller(&["--until-bye", "--tone", "440"]);
    let arrival = desk.admit(contact).await;
    desk.send(Command::Do(Output::Ended {
        contact: ContactId(contact),
        outcome: Outcome::Voicemail,
        prompt: None,
    }));
    spoken(contact, 1).await;
    drop(desk);
    let recovered = Recovered {
        speaking: vec![(ContactId(contact), arrival.call.clone())],
        newest: Some(ContactId(contact)),
        ..Recovered::default()
    };
    (caller, recovered)
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs live/run.sh"]
async fn a_caller_who_leaves_a_message_is_not_cut_off_by_another_engine() {
    let (caller, recovered) = speaks_to_an_engine_that_dies(73).await;
    let mut desk = Desk::open(recovered).await;
    desk.has_its_host().await;
    spoken(73, 4).await;
    caller.hangs_up().await;
    let (_, length) = message_of(&mut desk, 73).await;
    assert!(length >= Span::seconds(4), "{length:?}");
    assert!(caller.ended_well().await);
    desk.nothing_is_left().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs live/run.sh"]
async fn a_message_that_an_engine_died_before_taking_is_taken_by_the_next() {
    let mut desk = Desk::fresh().await;
    let caller = Party::caller(&["--until-bye", "--tone", "440"]);
    let arrival = desk.admit(75).await;
    drop(desk);
    let recovered = Recovered {
        speaking: vec![(ContactId(75), arrival.call.clone())],
        newest: Some(ContactId(75)),
        ..Recovered::default()
    };
    let mut desk = Desk::open(recovered).await;
    spoken(75, 2).await;
    caller.hangs_up().await;
    let (_, length) = message_of(&mut desk, 75).await;
    assert!(length >= Span::seconds(2), "{length:?}");
    assert!(caller.ended_well().await);
    desk.nothing_is_left().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs live/run.sh"]
async fn a_message_that_ended_while_no_engine_was_there_is_entered_by_the_next() {
    let (caller, recovered) = speaks_to_an_engine_that_dies(74).await;
    caller.hangs_up().await;
    assert!(caller.ended_well().await);
    callers_are(0).await;
    let mut desk = Desk::open(recovered).await;
    let (_, length) = message_of(&mut desk, 74).await;
    assert!(length >= Span::seconds(1), "{length:?}");
    desk.nothing_is_left().await;
}

impl Desk {
    /// The caller is to be told where they stand.
    pub async fn asked(&mut self, contact: u64) {
        let asks = Report::Asks {
            contact: ContactId(contact),
        };
        self.wait(|report| (*report == asks).then_some(())).await;
    }
}
