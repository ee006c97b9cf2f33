//! The side-car with a real Asterisk, real SIP and no cluster: the files that it renders, the calls
//! that they let in, carriers, changes under calls, the fence, the drain, restarts.
//!
//! Needs root (or sudo) and the media image's file system (made when it isn't there), and runs each test in
//! a network of its own: `cargo test -p trunkline-engine --test media_live -- --ignored`

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test"
)]

#[allow(dead_code, reason = "another test uses more of it")]
#[path = "media_live/pod.rs"]
mod pod;

use std::time::{Duration, Instant};

use pod::{Pod, in_a_world};
use reqwest::StatusCode;
use serde_json::json;
use trunkline_engine::telephony::ari::Cause;

/// Two seconds are promised; a machine that is busy with other tests may take a few more.
const SOON: Duration = Duration::from_secs(10);

#[test]
#[ignore = "needs a media image"]
fn asterisk_takes_every_rendered_file_without_a_warning() {
    in_a_world(
        "asterisk_takes_every_rendered_file_without_a_warning",
        async || {
            let pod = Pod::start(|_| {}).await;
            pod.report_where(|r| r["configHash"] != "").await;
            tokio::time::sleep(Duration::from_secs(1)).await;
            let log = pod.log();
            let bad: Vec<_> = log
                .lines()
                .filter(|line| line.contains("WARNING") || line.contains("ERROR"))
                .collect();
            assert!(bad.is_empty(), "{}", bad.join("\n"));
            assert!(
                log.contains("modules will be loaded"),
                "that is Asterisk's log: {log}"
            );
        },
    );
}

#[test]
#[ignore = "needs a media image"]
fn asterisk_takes_a_phone_or_a_carrier_that_it_hears_nothing_of_for_two_minutes_for_gone() {
    in_a_world(
        "asterisk_takes_a_phone_or_a_carrier_that_it_hears_nothing_of_for_two_minutes_for_gone",
        async || {
            let pod = Pod::start(|_| {}).await;
            pod.report_where(|r| r["configHash"] != "").await;
            for endpoint in ["maria", "noah", "trunk_carrier-a", "trunk_carrier-b"] {
                let told = pod.cli(&format!("pjsip show endpoint {endpoint}"));
                let said = |name: &str| {
                    let mut lines = told.lines().filter_map(|line| line.split_once(':'));
                    lines.find_map(|(key, value)| (key.trim() == name).then(|| value.trim()))
                };
                assert_eq!(said("rtp_timeout"), Some("120"), "{endpoint}: {told}");
                assert_eq!(said("rtp_timeout_hold"), Some("3600"), "{endpoint}: {told}");
            }
        },
    );
}

#[test]
#[ignore = "needs a media image"]
fn readiness_waits_for_the_first_engine_and_for_no_later_one() {
    in_a_world(
        "readiness_waits_for_the_first_engine_and_for_no_later_one",
        async || {
            let pod = Pod::start(|_| {}).await;
            pod.report_where(|r| r["configHash"] != "").await;
            let (status, words) = pod.get("/readyz").await;
            assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
            assert_eq!(words, "no engine has connected yet\n");
            assert_eq!(pod.get("/livez").await.0, StatusCode::OK);

            let engine = pod.lead(1).await;
            pod.ready().await;
            pod.report_where(|r| r["state"] == "Serving").await;
            drop(engine);
            tokio::time::sleep(Duration::from_secs(1)).await;
            assert_eq!(pod.get("/readyz").await.0, StatusCode::OK);
        },
    );
}

#[test]
#[ignore = "needs a media image"]
fn a_phone_registers_by_its_password_alone() {
    in_a_world("a_phone_registers_by_its_password_alone", async || {
        let pod = Pod::start(|_| {}).await;
        let phone = |password: &str| {
            pod.script("phone.sh")
                .args(["--at", "10.88.0.20:5070", "--register", "10.88.0.1:5060"])
                .args(["--user", "maria", "--password", password, "--calls", "1"])
                .spawn()
                .unwrap()
        };
        let mut wrong = phone("pw");
        assert!(!wrong.wait().await.unwrap().success());
        assert_eq!(pod.online("maria").await, "offline");
        // its password has a semicolon, which begins a comment where it isn't escaped
        let _right = phone("pw;maria");
        pod.eventually("maria is online", async || {
            pod.online("maria").await == "online"
        })
        .await;
    });
}

#[test]
#[ignore = "needs a media image"]
fn a_call_comes_in_by_its_trunk_and_a_number_nobody_claims_is_404() {
    in_a_world(
        "a_call_comes_in_by_its_trunk_and_a_number_nobody_claims_is_404",
        async || {
            let pod = Pod::start(|_| {}).await;
            let mut engine = pod.lead(1).await;
            // with the plus, with `00` and with neither, as carriers do
            for dialled in ["+18005550100", "18005550100", "0018005550100"] {
                let mut caller = pod.caller(dialled, &["--talk", "1"]).spawn().unwrap();
                let (args, channel) = engine.call().await;
                assert_eq!(args, ["inbound", "+18005550100", "carrier-a"]);
                assert_eq!(channel.variable("TRUNKLINE_TRUNK"), Some("carrier-a"));
                assert_eq!(channel.variable("TRUNKLINE_NUMBER"), Some("+18005550100"));
                engine.ari.answer(&channel.id).await.unwrap();
                assert!(caller.wait().await.unwrap().success());
            }
            // nobody's; a client's, but not by this trunk; the head of a number
            for dialled in ["+18005550199", "+442079460000", "+1800555"] {
                let refused = pod.refused(dialled, "10.88.0.10:5080").await;
                assert!(refused.contains("SIP/2.0 404"), "{dialled}: {refused}");
            }
            // a stranger who claims to be the trunk
            let refused = pod.refused("+18005550100", "10.88.0.29:5080").await;
            assert!(refused.contains("SIP/2.0 401"), "{refused}");
        },
    );
}

#[test]
#[ignore = "needs a media image"]
fn a_trunk_registers_and_its_calls_name_the_number_in_to() {
    in_a_world(
        "a_trunk_registers_and_its_calls_name_the_number_in_to",
        async || {
            let pod = Pod::start(|_| {}).await;
            let mut engine = pod.lead(1).await;
            let registrar = pod
                .script("registrar.sh")
                .args(["--at", "10.88.0.11:5060", "--user", "4930555"])
                .args(["--password", "carrier-pw", "--name", "registrar"])
                .spawn()
                .unwrap();
            let report = pod
                .report_where(|r| r["trunks"]["carrier-b"]["registration"] == "Registered")
                .await;
            assert_eq!(report["trunks"]["carrier-a"]["registration"], "None");

            let log = pod.world_file("log/registrar/events.log");
            let contact = log.split_once('<').unwrap().1.split_once('>').unwrap().0;
            assert!(
                contact.starts_with("sip:4930555@10.88.0.1:5060;line="),
                "{contact}"
            );
            // from another address than the registrar's: the line tells whose it is
            let mut caller = pod
                .caller(
                    "+493055500",
                    &["--uri", contact, "--from", "10.88.0.29:5080", "--talk", "1"],
                )
                .spawn()
                .unwrap();
            let (args, channel) = engine.call().await;
            assert_eq!(args, ["inbound", "+493055500", "carrier-b"]);
            engine.ari.answer(&channel.id).await.unwrap();
            assert!(caller.wait().await.unwrap().success());
            drop(registrar);
        },
    );
}

#[test]
#[ignore = "needs a media image"]
fn a_carrier_that_refuses_shows_in_the_report_and_clears_when_mended() {
    in_a_world(
        "a_carrier_that_refuses_shows_in_the_report_and_clears_when_mended",
        async || {
            let pod = Pod::start(|_| {}).await;
            let registrar = |refuse: &[&str]| {
                pod.script("registrar.sh")
                    .args(["--at", "10.88.0.11:5060", "--user", "4930555"])
                    .args(["--password", "carrier-pw"])
                    .args(refuse)
                    .spawn()
                    .unwrap()
            };
            let mut refusing = registrar(&["--refuse", "403"]);
            let report = pod
                .report_where(|r| {
                    let trunk = &r["trunks"]["carrier-b"];
                    trunk["registration"] == "Failed" && trunk["reachable"] == true
                })
                .await;
            let told = report["trunks"]["carrier-b"]["lastFailure"]
                .as_str()
                .unwrap();
            assert!(
                told.contains("10.88.0.11:5060 refuses the registration"),
                "{told}"
            );
            refusing.start_kill().unwrap();
            refusing.wait().await.unwrap();

            let _mended = registrar(&[]);
            let report = pod
                .report_where(|r| r["trunks"]["carrier-b"]["registration"] == "Registered")
                .await;
            assert_eq!(report["trunks"]["carrier-b"].get("lastFailure"), None);
        },
    );
}

#[test]
#[ignore = "needs a media image"]
fn a_changed_tenant_is_live_within_two_seconds_and_no_call_is_touched() {
    in_a_world(
        "a_changed_tenant_is_live_within_two_seconds_and_no_call_is_touched",
        async || {
            let pod = Pod::start(|_| {}).await;
            let mut engine = pod.lead(1).await;
            let mut caller = pod
                .caller("+18005550100", &["--until-bye", "--name", "talks"])
                .spawn()
                .unwrap();
            let (_, channel) = engine.call().await;
            engine.ari.answer(&channel.id).await.unwrap();
            engine
                .ari
                .music_start(&channel.id, "default")
                .await
                .unwrap();

            let refused = pod.refused("+18005550177", "10.88.0.10:5082").await;
            assert!(refused.contains("SIP/2.0 404"), "{refused}");
            let hash = pod.report()["configHash"].clone();
            let begun = Instant::now();
            pod.change(|tenant| {
                tenant["numbers"]["+18005550177"] = json!("acme");
                tenant["trunks"]["carrier-a"]["numbers"] = json!(["+1800555*"]);
                tenant["trunks"]["carrier-c"] = tenant["trunks"]["carrier-a"].clone();
                tenant["trunks"]["carrier-c"]["auth"]["match"] = json!(["10.88.0.28"]);
            });
            pod.report_where(|r| r["configHash"] != hash).await;
            let took = begun.elapsed();
            println!("a changed tenant was read back after {took:?}");
            assert!(took < SOON, "{took:?}");
            for (from, trunk) in [
                ("10.88.0.10:5082", "carrier-a"),
                ("10.88.0.28:5080", "carrier-c"),
            ] {
                let mut second = pod
                    .caller(
                        "+18005550177",
                        &["--from", from, "--talk", "1", "--name", trunk],
                    )
                    .spawn()
                    .unwrap();
                let (args, channel) = engine.call().await;
                assert_eq!(args, ["inbound", "+18005550177", trunk]);
                engine.ari.answer(&channel.id).await.unwrap();
                assert!(second.wait().await.unwrap().success());
            }
            pod.eventually("two seconds of the call", async || {
                let heard = engine.ari.rtp_statistics(&channel.id).await.unwrap();
                assert_eq!(heard.rxploss, 0, "{heard:?}");
                heard.rxcount > 100
            })
            .await;
            pod.hangs_up("talks").await;
            assert!(
                caller.wait().await.unwrap().success(),
                "the call went on to its own end"
            );
        },
    );
}

#[test]
#[ignore = "needs a media image"]
fn a_thousand_agents_more_are_live_within_two_seconds() {
    in_a_world(
        "a_thousand_agents_more_are_live_within_two_seconds",
        async || {
            let pod = Pod::start(|_| {}).await;
            let engine = pod.lead(1).await;
            let hash = pod.report()["configHash"].clone();
            for n in 0..1000 {
                // 1,002 agents are three Secrets of at most 500
                let shard = format!("secrets/northwind-agents-{}", n / 500);
                std::fs::create_dir_all(pod.dir(&shard)).unwrap();
                std::fs::write(pod.dir(&format!("{shard}/agent-{n}")), "pw").unwrap();
            }
            let begun = Instant::now();
            pod.change(|tenant| {
                for n in 0..1000 {
                    tenant["agents"][format!("agent-{n}")] = tenant["agents"]["maria"].clone();
                }
            });
            pod.report_where(|r| r["configHash"] != hash).await;
            let took = begun.elapsed();
            println!("1,000 agents more were read back after {took:?}");
            assert!(took < SOON, "{took:?}");
            assert_eq!(pod.report().get("problem"), None);
            let read = engine
                .ari
                .dynamic_config("res_pjsip", "endpoint", "agent-999")
                .await;
            assert!(read.unwrap().is_some());
        },
    );
}

#[test]
#[ignore = "needs a media image"]
fn what_is_wrong_with_one_trunk_is_told_and_leaves_the_others() {
    in_a_world(
        "what_is_wrong_with_one_trunk_is_told_and_leaves_the_others",
        async || {
            let pod = Pod::start(|_| {}).await;
            let mut engine = pod.lead(1).await;
            pod.report_where(|r| r["configHash"] != "").await;
            std::fs::write(pod.dir("secrets/carrier-b/password"), "two\nlines").unwrap();
            let report = pod
                .report_where(|r| r["trunks"]["carrier-b"]["lastFailure"].is_string())
                .await;
            let told = report["trunks"]["carrier-b"]["lastFailure"]
                .as_str()
                .unwrap();
            assert!(
                told.contains("line break") && !told.contains("two"),
                "{told}"
            );
            let mut caller = pod
                .caller("+18005550100", &["--talk", "1"])
                .spawn()
                .unwrap();
            let (_, channel) = engine.call().await;
            engine.ari.answer(&channel.id).await.unwrap();
            assert!(caller.wait().await.unwrap().success());
        },
    );
}

#[test]
#[ignore = "needs a media image"]
fn a_new_leader_fences_the_old_one() {
    in_a_world("a_new_leader_fences_the_old_one", async || {
        let pod = Pod::start(|_| {}).await;
        assert!(
            pod.engine_ari(1).ping().await.is_err(),
            "no fence yet: nobody gets in"
        );
        let (status, facts) = pod.fence(7).await;
        assert_eq!(status, StatusCode::OK, "{facts}");
        assert_eq!(facts["pod"], "northwind-media-0");
        assert_eq!(facts["ari"], "http://10.88.0.1:8088/ari");
        pod.engine_ari(7).ping().await.unwrap();

        let begun = Instant::now();
        assert_eq!(pod.fence(9).await.0, StatusCode::OK);
        println!("a fence took {:?}", begun.elapsed());
        pod.engine_ari(9).ping().await.unwrap();
        let fenced = pod.engine_ari(7).ping().await.unwrap_err();
        assert_eq!(fenced.status(), Some(StatusCode::UNAUTHORIZED));
        for stale in [7, 9] {
            let (status, told) = pod.fence(stale).await;
            assert_eq!(status, StatusCode::CONFLICT, "{told}");
            assert_eq!(told["epoch"], 9);
        }
        let (status, _) = pod.fence_with(10, "no token of ours").await;
        assert_eq!(status, StatusCode::UNAUTHORIZED);
        let (status, _) = pod
            .fence_with(11, &pod.key().fence_token(pod::epoch(10)))
            .await;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "a token is one epoch's");
        pod.engine_ari(9).ping().await.unwrap();
    });
}

#[test]
#[ignore = "needs a media image"]
fn either_container_restarts_alone_and_the_fence_holds() {
    in_a_world(
        "either_container_restarts_alone_and_the_fence_holds",
        async || {
            let mut pod = Pod::start(|_| {}).await;
            assert_eq!(pod.fence(5).await.0, StatusCode::OK);
            let engine = pod.lead(6).await;
            pod.ready().await;
            drop(engine);

            pod.stop_asterisk();
            pod.eventually("not ready", async || !pod.is_ready().await)
                .await;
            assert_eq!(
                pod.fence(7).await.0,
                StatusCode::SERVICE_UNAVAILABLE,
                "nothing to fence"
            );
            pod.start_asterisk();
            // no engine is connected: readiness has seen one, and doesn't wait for another
            pod.ready().await;
            pod.engine_ari(6).ping().await.unwrap();

            // an engine is in the middle of things while the side-car restarts, and is not disturbed
            let mut engine = pod.lead(8).await;
            pod.restart_sidecar().await;
            pod.ready().await;
            pod.report_where(|r| r["configHash"] != "" && r["state"] == "Serving")
                .await;
            assert_eq!(pod.fence(8).await.0, StatusCode::CONFLICT);
            pod.engine_ari(8).ping().await.unwrap();
            let mut caller = pod
                .caller("+18005550100", &["--talk", "1"])
                .spawn()
                .unwrap();
            let (_, channel) = engine.call().await;
            engine.ari.answer(&channel.id).await.unwrap();
            assert!(caller.wait().await.unwrap().success());
        },
    );
}

#[test]
#[ignore = "needs a media image"]
fn a_caller_is_kept_while_no_engine_is_there_and_enters_when_one_comes() {
    in_a_world(
        "a_caller_is_kept_while_no_engine_is_there_and_enters_when_one_comes",
        async || {
            let pod = Pod::start(|_| {}).await;
            let mut callers = Vec::new();
            for (from, name) in [("10.88.0.10:5080", "first"), ("10.88.0.10:5082", "second")] {
                let extra = ["--from", from, "--until-bye", "--name", name];
                callers.push(pod.caller("+18005550100", &extra).spawn().unwrap());
                pod.said(name, "ringing").await;
                if name == "first" {
                    pod.said(name, "answered").await; // by music
                    tokio::time::sleep(Duration::from_secs(2)).await;
                }
            }
            let heard = pod.world_file("log/second/events.log");
            assert!(!heard.contains("answered"), "it rings yet: {heard}");

            let mut engine = pod.lead(1).await;
            let mut came = Vec::new();
            for _ in 0..2 {
                let (_, channel) = engine.call().await;
                engine.ari.answer(&channel.id).await.unwrap();
                came.push(channel.created);
            }
            came.sort();
            let apart = came[1] - came[0];
            assert!(
                apart.num_milliseconds() > 6000,
                "rank is by when they came: {apart}"
            );
            for (mut caller, name) in callers.into_iter().zip(["first", "second"]) {
                pod.hangs_up(name).await;
                assert!(caller.wait().await.unwrap().success());
            }
        },
    );
}

#[test]
#[ignore = "needs a media image"]
fn a_drain_takes_no_new_call_and_waits_for_the_last() {
    in_a_world(
        "a_drain_takes_no_new_call_and_waits_for_the_last",
        async || {
            let mut pod = Pod::start(|_| {}).await;
            let mut engine = pod.lead(1).await;
            pod.ready().await;
            let mut caller = pod
                .caller("+18005550100", &["--until-bye"])
                .spawn()
                .unwrap();
            let (_, channel) = engine.call().await;
            engine.ari.answer(&channel.id).await.unwrap();

            let drain = tokio::spawn(pod::get(format!("{}/drain", pod::SIDECAR)));
            pod.eventually("not ready", async || !pod.is_ready().await)
                .await;
            pod.report_where(|r| r["state"] == "Draining").await;
            let refused = pod.refused("+18005550100", "10.88.0.10:5082").await;
            assert!(refused.contains("SIP/2.0 503"), "{refused}");
            tokio::time::sleep(Duration::from_secs(4)).await;
            assert!(!drain.is_finished(), "a call is left");

            // a restarted side-car still drains
            pod.restart_sidecar().await;
            pod.report_where(|r| r["state"] == "Draining").await;
            assert!(!pod.is_ready().await);
            let drain = tokio::spawn(pod::get(format!("{}/drain", pod::SIDECAR)));
            tokio::time::sleep(Duration::from_secs(1)).await;
            assert!(!drain.is_finished(), "a call is left");
            engine.ari.hangup(&channel.id, Cause::Normal).await.unwrap();
            assert!(caller.wait().await.unwrap().success());
            let (status, left) = drain.await.unwrap();
            assert_eq!(
                (status, left.as_str()),
                (StatusCode::OK, r#"{"channels":0}"#)
            );
            pod.report_where(|r| r["state"] == "Drained").await;
        },
    );
}

#[test]
#[ignore = "needs a media image"]
fn a_drain_ends_at_its_deadline() {
    in_a_world("a_drain_ends_at_its_deadline", async || {
        let pod = Pod::start(|t| t["telephony"] = json!({"media": {"drainDeadline": "4s"}})).await;
        let mut engine = pod.lead(1).await;
        let _caller = pod
            .caller("+18005550100", &["--until-bye"])
            .spawn()
            .unwrap();
        let (_, channel) = engine.call().await;
        engine.ari.answer(&channel.id).await.unwrap();
        let begun = Instant::now();
        let (_, left) = pod.get("/drain").await;
        assert_eq!(left, r#"{"channels":1}"#);
        let took = begun.elapsed();
        let deadline = Duration::from_secs(4);
        assert!(took >= deadline && took < deadline + SOON, "{took:?}");
    });
}
