//! The ARI client against a real Asterisk. Needs one with the app `acd`, a dialplan context
//! `from-trunk` that hands calls to it, and the default sounds:
//!
//! `TRUNKLINE_TEST_ARI=http://127.0.0.1:8088/ari TRUNKLINE_TEST_ARI_PASSWORD=… cargo test -p
//! trunkline-engine --test ari_live -- --ignored --test-threads 1`

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test"
)]

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::timeout;
use trunkline_engine::telephony::ari::{
    Ari, AriError, BridgeId, Cause, ChannelId, ChannelState, Done, Event, EventKind, EventStream,
    Host, Originate, PlaybackId, RecordOptions, RecordingName, StreamEnd,
};

/// So long a machine may take that has much else to do.
const PATIENCE: Duration = Duration::from_secs(60);

fn host(app: &str) -> Host {
    let needed = |name: &str| {
        std::env::var(name).unwrap_or_else(|_| panic!("set {name}: see the head of ari_live.rs"))
    };
    Host {
        name: "a1".into(),
        address: needed("TRUNKLINE_TEST_ARI"),
        user: "engine".into(),
        password: needed("TRUNKLINE_TEST_ARI_PASSWORD"),
        app: app.into(),
    }
}

async fn wait_for<T>(events: &mut EventStream, mut pick: impl FnMut(&Event) -> Option<T>) -> T {
    let found = async {
        loop {
            let event = events.next().await.expect("the stream goes on");
            if let Some(found) = pick(&event) {
                return found;
            }
        }
    };
    timeout(PATIENCE, found).await.expect("the event comes")
}

fn leg<'a>(id: &'a ChannelId, args: &'a [&'a str]) -> Originate<'a> {
    Originate {
        endpoint: "Local/+4930123@from-trunk/n",
        id,
        args,
        originator: None,
        caller_id: Some("\"Ann\" <+4940555>"),
        timeout: PATIENCE,
        variables: BTreeMap::from([("TRUNKLINE_CONTACT".into(), "0".into())]),
    }
}

/// A call over a Local channel: its far half is what a carrier's call would be.
async fn place(ari: &Ari, events: &mut EventStream, id: &str) -> (ChannelId, ChannelId) {
    let near = ChannelId::new(id);
    assert_eq!(
        ari.originate(&leg(&near, &["near"])).await.unwrap(),
        Done::Now
    );
    let far = wait_for(events, |event| match &event.kind {
        EventKind::StasisStart { args, channel } if args[0] == "inbound" => {
            assert_eq!(args[1], "+4930123");
            Some(channel.id.clone())
        }
        _ => None,
    })
    .await;
    (near, far)
}

#[tokio::test]
#[ignore = "needs an Asterisk"]
async fn every_command_sent_twice_is_one_command() {
    let ari = Ari::new(host("acd")).unwrap();
    let mut events = ari.events().await.unwrap();
    ari.refuse_events(&["ChannelVarset", "ChannelDialplan"])
        .await
        .unwrap();
    let (near, far) = place(&ari, &mut events, "twice-near").await;

    assert_eq!(
        ari.originate(&leg(&near, &["near"])).await.unwrap(),
        Done::Already
    );
    ari.ring(&far).await.unwrap();
    ari.ring(&far).await.unwrap();
    ari.answer(&far).await.unwrap();
    ari.answer(&far).await.unwrap();
    wait_for(&mut events, |event| {
        matches!(&event.kind, EventKind::StasisStart { channel, .. } if channel.id == near)
            .then_some(())
    })
    .await;
    assert_eq!(ari.channel(&far).await.unwrap().state, ChannelState::Up);
    assert_eq!(
        ari.channel(&near)
            .await
            .unwrap()
            .variable("TRUNKLINE_CONTACT"),
        Some("0")
    );

    for _ in 0..2 {
        ari.music_start(&far, "default").await.unwrap();
    }
    for _ in 0..2 {
        ari.music_stop(&far).await.unwrap();
    }

    let playback = PlaybackId::new("twice-playback");
    let media = ["sound:please-try-call-later"];
    assert_eq!(ari.play(&far, &playback, &media).await.unwrap(), Done::Now);
    assert_eq!(
        ari.play(&far, &playback, &media).await.unwrap(),
        Done::Already
    );
    assert_eq!(ari.stop_playback(&playback).await.unwrap(), Done::Now);
    wait_for(&mut events, |event| match &event.kind {
        EventKind::PlaybackFinished { playback: ended } => {
            assert_eq!((&ended.id, ended.channel()), (&playback, Some(far.clone())));
            Some(())
        }
        _ => None,
    })
    .await;
    assert_eq!(ari.stop_playback(&playback).await.unwrap(), Done::Already);

    let variables = BTreeMap::from([("TRUNKLINE_CONTACT".into(), "c-1".into())]);
    for _ in 0..2 {
        ari.set_channel_variables(&far, &variables).await.unwrap();
    }
    let read = |name| ari.channel_variable(&far, name);
    assert_eq!(
        read("TRUNKLINE_CONTACT").await.unwrap().as_deref(),
        Some("c-1")
    );
    assert_eq!(read("NO_SUCH_THING").await.unwrap(), None);
    let listed = ari.channels().await.unwrap();
    let listed = listed.iter().find(|channel| channel.id == far).unwrap();
    assert_eq!(listed.variable("TRUNKLINE_CONTACT"), Some("c-1"));
    assert_eq!(listed.stasis_args("acd"), Some(vec!["inbound", "+4930123"]));

    let bridge = BridgeId::new("twice-bridge");
    assert_eq!(ari.create_bridge(&bridge).await.unwrap(), Done::Now);
    assert_eq!(ari.create_bridge(&bridge).await.unwrap(), Done::Already);
    ari.add_to_bridge(&bridge, &[&far]).await.unwrap();
    assert_eq!(
        ari.bridge(&bridge).await.unwrap().channels,
        std::slice::from_ref(&far)
    );

    let recording = RecordingName::new("twice-recording");
    let options = RecordOptions {
        format: "wav",
        at_most: None,
        silence: None,
        beep: false,
        terminate_on: "none",
    };
    let record = || ari.record_bridge(&bridge, &recording, options);
    assert_eq!(record().await.unwrap(), Done::Now);
    assert_eq!(record().await.unwrap(), Done::Already);
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(ari.stop_recording(&recording).await.unwrap(), Done::Now);
    wait_for(&mut events, |event| {
        matches!(event.kind, EventKind::RecordingFinished { .. }).then_some(())
    })
    .await;
    assert_eq!(ari.stop_recording(&recording).await.unwrap(), Done::Already);
    let file = ari.recording_file(&recording).await.unwrap();
    assert_eq!(&file[..4], b"RIFF");

    assert_eq!(
        ari.remove_from_bridge(&bridge, &far).await.unwrap(),
        Done::Now
    );
    assert_eq!(
        ari.remove_from_bridge(&bridge, &far).await.unwrap(),
        Done::Already
    );
    assert_eq!(ari.destroy_bridge(&bridge).await.unwrap(), Done::Now);
    assert_eq!(ari.destroy_bridge(&bridge).await.unwrap(), Done::Already);
    assert_eq!(
        ari.remove_from_bridge(&bridge, &far).await.unwrap(),
        Done::Already
    );

    assert_eq!(ari.hangup(&far, Cause::Normal).await.unwrap(), Done::Now);
    wait_for(&mut events, |event| {
        matches!(&event.kind, EventKind::StasisEnd { channel } if channel.id == far).then_some(())
    })
    .await;
    wait_for(&mut events, |event| {
        matches!(&event.kind, EventKind::StasisEnd { channel } if channel.id == near).then_some(())
    })
    .await;
    assert_eq!(
        ari.hangup(&far, Cause::Normal).await.unwrap(),
        Done::Already
    );
    let error = ari.answer(&far).await.unwrap_err();
    assert!(error.is_gone(), "{error}");
}

#[tokio::test]
#[ignore = "needs an Asterisk"]
async fn who_connects_under_our_app_replaces_us_and_we_know_it() {
    let ari = Ari::new(host("acd")).unwrap();
    let mut old = ari.events().await.unwrap();
    assert!(ari.application("acd").await.unwrap().is_some());
    let mut new = ari.events().await.unwrap();
    let end = timeout(PATIENCE, old.next()).await.unwrap().unwrap_err();
    assert!(end.is_final(), "{end}");
    let (_, far) = place(&ari, &mut new, "replaced-near").await;
    ari.hangup(&far, Cause::Normal).await.unwrap();
}

#[tokio::test]
#[ignore = "needs an Asterisk"]
async fn a_password_of_another_epoch_fences_commands_and_events() {
    let stale = Ari::new(Host {
        password: "of-another-epoch".into(),
        ..host("acd")
    })
    .unwrap();
    assert!(matches!(stale.ping().await, Err(AriError::Fenced { .. })));
    assert!(matches!(stale.events().await, Err(StreamEnd::Fenced)));
}

#[tokio::test]
#[ignore = "needs an Asterisk"]
async fn asterisk_answers_pings_so_an_idle_stream_lives() {
    let ari = Ari::new(host("acd")).unwrap();
    let mut events = ari.events().await.unwrap();
    assert!(
        timeout(Duration::from_secs(5), events.next())
            .await
            .is_err(),
        "nothing happens, and the stream is not taken for dead"
    );
}

#[tokio::test]
#[ignore = "needs an Asterisk"]
async fn an_app_without_an_engine_is_seen_from_outside() {
    let ari = Ari::new(host("nobody-here")).unwrap();
    assert!(ari.application("nobody-here").await.unwrap().is_none());
}

#[tokio::test]
#[ignore = "needs an Asterisk"]
async fn configuration_is_read_back_after_a_reload() {
    let ari = Ari::new(host("acd")).unwrap();
    ari.reload_module("res_pjsip.so").await.unwrap();
    let info = ari.info().await.unwrap();
    assert!(
        !info.config.name.is_empty(),
        "systemname begins channel ids"
    );
    let read = |name| ari.dynamic_config("res_pjsip", "endpoint", name);
    let known = ari.endpoints().await.unwrap();
    let some = &known
        .first()
        .expect("the test's Asterisk has endpoints")
        .resource;
    let tuples = read(some.as_str())
        .await
        .unwrap()
        .expect("it is configured");
    assert!(tuples.iter().any(|tuple| tuple.attribute == "aors"));
    assert_eq!(read("nobody").await.unwrap(), None);
}
