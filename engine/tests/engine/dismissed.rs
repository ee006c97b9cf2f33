//! Whoever is no longer an agent of the centre.

use reqwest::StatusCode;
use serde_json::json;
use trunkline_engine::run::Voice;

use crate::support::{Client, engine_on, eventually, fixture, reconfigure};

/// A token is made of a name alone, and there is nothing to take it back with but a new key for all.
#[tokio::test]
async fn the_token_of_an_agent_who_was_taken_off_the_list_does_nothing_once_they_have_gone() {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("tenant.json");
    std::fs::copy(fixture(), &config).unwrap();
    let engine = engine_on(dir.path(), config.clone(), Voice::None).await;
    let admin = Client::admin(&engine);
    let maria = Client::agent(&engine, "maria");
    let book = json!({"do": "bookCallback", "queue": "acme/orders", "customer": "+4930100"});
    for command in [json!({"do": "signIn", "ready": true}), book.clone()] {
        let (status, told) = maria.does("maria", command).await;
        assert!(status.is_success(), "{status} {told}");
    }
    reconfigure(&admin, &config, |tenant| {
        tenant.agents.retain(|agent, _| agent.as_str() != "maria");
    })
    .await;
    eventually("maria is gone", async || {
        admin.get("/api/v1/agents/maria").await.0 == StatusCode::NOT_FOUND
    })
    .await;
    for command in [
        book,
        json!({"do": "ready"}),
        json!({"do": "signIn", "ready": true}),
        json!({"do": "heartbeat"}),
    ] {
        let (status, told) = maria.does("maria", command.clone()).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{command}: {told}");
    }
    let (_, agents) = admin.get("/api/v1/agents").await;
    let names = agents.as_array().unwrap().iter();
    let names: Vec<&str> = names.filter_map(|agent| agent["name"].as_str()).collect();
    assert_eq!(names, ["noah"]);
    engine.stop().await.unwrap();
}
