use std::time::Duration;

use serde_json::json;
use trunkline_engine::run::Voice;
use trunkline_engine::telephony::sim::SimSettings;

use crate::support::{Client, engine, eventually};

fn busy() -> SimSettings {
    SimSettings {
        seed: 7,
        between_callers: Duration::from_millis(60),
        patience: Duration::from_secs(20),
        talk: Duration::from_millis(80),
        rings: (Duration::from_millis(5), Duration::from_millis(20)),
        unanswered: 0.0,
    }
}

#[tokio::test]
async fn imagined_callers_are_answered_one_after_another_and_each_leaves_a_record() {
    let dir = tempfile::tempdir().unwrap();
    let engine = engine(dir.path(), Voice::Sim(busy())).await;
    let admin = Client::admin(&engine);
    for agent in ["maria", "noah"] {
        let sign_in = json!({"do": "signIn", "ready": true, "presence": "endpoint"});
        admin.does(agent, sign_in).await;
    }
    let ended = async || {
        let (_, ended) = admin.get("/api/v1/contacts?state=ended").await;
        ended.as_array().unwrap().clone()
    };
    eventually("three answered callers", async || {
        let ended = ended().await;
        ended
            .iter()
            .filter(|c| c["outcome"] == "answered" && c["complete"] == true)
            .count()
            >= 3
    })
    .await;
    let mut talks = Vec::new();
    for contact in ended().await {
        assert_eq!(contact["client"], "acme");
        assert_eq!(contact["number"], "+18005550100");
        if contact["outcome"] == "answered" {
            talks.push(contact["talkSeconds"].as_f64().unwrap());
        }
    }
    // They are short: on a busy machine one may end as it begins.
    assert!(talks.iter().any(|talk| *talk > 0.0), "{talks:?}");
    engine.stop().await.unwrap();
}
