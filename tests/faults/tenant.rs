//! The tenant that the tests apply.

use serde_json::{Value, json};

/// A CallCenter of that name, with a marker that shows which version runs.
pub fn center(name: &str, wrap_up: u32) -> Value {
    json!({
        "apiVersion": "trunkline.dev/v1alpha1", "kind": "CallCenter",
        "metadata": {"name": name},
        "spec": {
            "timeZone": "Europe/Berlin",
            "skills": ["orders"],
            "teams": [{"name": "frontline", "kind": "Human", "wrapUp": format!("{wrap_up}s")}],
            "queues": [{"name": "front-desk", "medium": "Voice", "teams": ["frontline"], "onExhausted": {"action": "Hold"}}],
        },
    })
}

/// A Client of a CallCenter, and of both its Trunks.
pub fn client(center: &str, number: &str) -> Value {
    json!({
        "apiVersion": "trunkline.dev/v1alpha1", "kind": "Client",
        "metadata": {"name": format!("{center}-acme")},
        "spec": {
            "callCenter": center,
            "numbers": [number],
            "trunks": [format!("{center}-reg"), format!("{center}-ip")],
            "queues": [{"name": "orders", "medium": "Voice", "teams": [{"name": "frontline"}],
                        "route": [{"require": {"orders": 2}, "for": "30s"}], "onExhausted": {"action": "Hold"}}],
        },
    })
}

/// A Trunk that registers.
pub fn registering(center: &str) -> Value {
    json!({
        "apiVersion": "trunkline.dev/v1alpha1", "kind": "Trunk",
        "metadata": {"name": format!("{center}-reg")},
        "spec": {
            "callCenter": center, "carrier": {"host": "192.0.2.1"}, "numbers": ["+18*"],
            "auth": {"type": "Registration", "secretRef": {"name": "carrier"}},
        },
    })
}

/// A Trunk that is known by its address.
pub fn by_address(center: &str) -> Value {
    json!({
        "apiVersion": "trunkline.dev/v1alpha1", "kind": "Trunk",
        "metadata": {"name": format!("{center}-ip")},
        "spec": {
            "callCenter": center, "carrier": {"host": "192.0.2.2"}, "numbers": ["+18*"],
            "auth": {"type": "Address", "match": ["192.0.2.2/32"]},
        },
    })
}

/// An Agent.
pub fn agent(center: &str, name: &str) -> Value {
    json!({
        "apiVersion": "trunkline.dev/v1alpha1", "kind": "Agent",
        "metadata": {"name": format!("{center}-{name}")},
        "spec": {"callCenter": center, "team": "frontline", "skills": {"orders": 4}},
    })
}

/// The Secret that the registering Trunk names.
pub fn secret() -> Value {
    json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "carrier"},
        "stringData": {"username": "u", "password": "p"},
    })
}

/// A CallCenter whose journal is on a Postgres server: two engines, and no claim for them.
pub fn on_postgres(mut center: Value) -> Value {
    center["spec"]["storage"] =
        json!({"journal": {"postgres": {"secretRef": {"name": "journal-db"}}}});
    center
}

/// The Secret that such a journal names.
pub fn journal_secret() -> Value {
    json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "journal-db"},
        "stringData": {"uri": "postgres://journal@192.0.2.3/journal"},
    })
}

/// A whole tenant.
pub fn all(name: &str) -> Vec<Value> {
    vec![
        secret(),
        center(name, 5),
        client(name, "+18005550100"),
        registering(name),
        by_address(name),
        agent(name, "maria"),
        agent(name, "tom"),
    ]
}
