//! ServiceAccounts, Roles and RoleBindings: what the pods may do with the API, by name.

use serde_json::{Value, json};

use super::{Blueprint, Child, Kind};
use crate::names::{AGENTS_PER_SECRET, Component};

/// One account for the engine, one for the media side-cars; no token is mounted by default.
pub(super) fn accounts(plan: &Blueprint<'_>) -> Vec<Child> {
    [
        (Component::Engine, plan.names.engine()),
        (Component::Media, plan.names.media()),
    ]
    .map(|(component, name)| {
        plan.child(
            component,
            Kind::ServiceAccount,
            name,
            json!({"automountServiceAccountToken": false}),
        )
    })
    .into()
}

/// What each account may do, and the bindings.
pub(super) fn roles(plan: &Blueprint<'_>) -> Vec<Child> {
    let bound = |component, name: String, rules: Value| {
        let binding = json!({
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name},
            "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": plan.owner.namespace}],
        });
        [
            plan.child(component, Kind::Role, name.clone(), json!({"rules": rules})),
            plan.child(component, Kind::RoleBinding, name, binding),
        ]
    };
    bound(Component::Engine, plan.names.engine(), engine_rules(plan))
        .into_iter()
        .chain(bound(
            Component::Media,
            plan.names.media(),
            media_rules(plan),
        ))
        .collect()
}

fn named(resources: &str, names: &[String], verbs: &[&str]) -> Value {
    json!({"apiGroups": [""], "resources": [resources], "resourceNames": names, "verbs": verbs})
}

/// What the engine asks for, and nothing else.
fn engine_rules(plan: &Blueprint<'_>) -> Value {
    json!([
        // Its configuration. A list or watch by `metadata.name` is allowed by resourceNames.
        named("configmaps", &[plan.names.tenant()], &["get", "list", "watch"]),
        // Its word on what it runs; the operator has made it.
        named("configmaps", &[plan.names.engine_report()], &["get", "patch"]),
        // The Lease by which one engine leads.
        {
            "apiGroups": ["coordination.k8s.io"], "resources": ["leases"],
            "resourceNames": [plan.names.lease()], "verbs": ["get", "update"],
        },
        // The engine makes it, so that a leader can come without an operator. A create can't be limited to a name.
        {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["create"]},
        // Where the media pods are, ready or draining.
        {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": ["list", "watch"]},
    ])
}

fn media_rules(plan: &Blueprint<'_>) -> Value {
    let mut configs = vec![plan.names.tenant()];
    configs.extend(prompts(plan));
    json!([
        // Its configuration, and the prompts that it names.
        named("configmaps", &configs, &["get", "list", "watch"]),
        // Credentials of phones and trunks. They never pass through the engine.
        named("secrets", &secrets(plan), &["get", "list", "watch"]),
        // Its word on what it runs; the operator has made it.
        named(
            "configmaps",
            &[plan.names.media_report()],
            &["get", "patch"]
        ),
    ])
}

/// The ConfigMaps of the prompts that the tenant names.
fn prompts(plan: &Blueprint<'_>) -> Vec<String> {
    let prompts = plan.tenant.prompts.values();
    let mut names: Vec<String> = prompts.map(|prompt| prompt.config_map.clone()).collect();
    names.sort();
    names.dedup();
    names
}

/// The Secrets that a side-car may read: the agents' shards and the trunks' own.
fn secrets(plan: &Blueprint<'_>) -> Vec<String> {
    let shards = plan.agents.len().div_ceil(AGENTS_PER_SECRET).max(1);
    let mut names: Vec<String> = (0..shards)
        .map(|shard| plan.names.agents(shard))
        .chain(
            plan.tenant
                .trunks
                .values()
                .filter_map(|trunk| Some(trunk.auth.secret_ref.as_ref()?.name.clone())),
        )
        .collect();
    names.sort();
    names.dedup();
    names
}
