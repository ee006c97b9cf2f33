//! The routing engine: one pod and its claim on SQLite, two pods on Postgres.

use serde_json::{Value, json};
use trunkline_crds::Resources;

use super::{Blueprint, Child, Kind};
use crate::names::{Component, PORT_API, PORT_METRICS};

/// The user that the engine and the side-car run as.
pub(super) const ENGINE_USER: i64 = 65_532;

pub(super) fn build(plan: &Blueprint<'_>) -> Child {
    let sqlite = plan.on_sqlite();
    let replicas = match (plan.tenant.hibernate, sqlite) {
        (true, _) => 0,
        (false, true) => 1,
        (false, false) => 2,
    };
    let selector = plan.names.selector(Component::Engine);
    let mut spec = json!({
        "replicas": replicas,
        "revisionHistoryLimit": 3,
        "selector": {"matchLabels": selector},
        "template": {
            "metadata": {"labels": labels(plan, Component::Engine)},
            "spec": pod(plan),
        },
    });
    if sqlite {
        spec["serviceName"] = json!(plan.names.api());
        spec["podManagementPolicy"] = json!("Parallel");
        spec["updateStrategy"] = json!({"type": "RollingUpdate"});
        plan.child(
            Component::Engine,
            Kind::StatefulSet,
            plan.names.engine(),
            json!({"spec": spec}),
        )
    } else {
        // The standby first: the new pod is ready before an old one goes.
        spec["strategy"] =
            json!({"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}});
        plan.child(
            Component::Engine,
            Kind::Deployment,
            plan.names.engine(),
            json!({"spec": spec}),
        )
    }
}

/// What pods are found by: the tenant, the component, and who manages them.
pub(super) fn labels(plan: &Blueprint<'_>, component: Component) -> Value {
    let mut labels = json!(plan.names.selector(component));
    labels["app.kubernetes.io/name"] = json!("trunkline");
    labels["app.kubernetes.io/instance"] = json!(plan.owner.name);
    labels
}

/// What every program of ours is told of where it runs.
pub(super) fn environment(plan: &Blueprint<'_>) -> Vec<Value> {
    let field = |name: &str, path: &str| json!({"name": name, "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": path}}});
    vec![
        json!({"name": "TRUNKLINE_TENANT", "value": plan.owner.name}),
        field("POD_NAME", "metadata.name"),
        field("POD_NAMESPACE", "metadata.namespace"),
        field("POD_UID", "metadata.uid"),
        field("POD_IP", "status.podIP"),
        json!({"name": "TENANT_KEY_FILE", "value": "/etc/trunkline/keys/tenant-key"}),
    ]
}

/// Restricted, to the letter of the pod security standard.
pub(super) fn container_security() -> Value {
    json!({
        "allowPrivilegeEscalation": false,
        "readOnlyRootFilesystem": true,
        "capabilities": {"drop": ["ALL"]},
    })
}

/// Restricted, for the pod.
pub(super) fn pod_security(user: i64) -> Value {
    json!({
        "runAsNonRoot": true,
        "runAsUser": user,
        "runAsGroup": user,
        "fsGroup": user,
        "seccompProfile": {"type": "RuntimeDefault"},
    })
}

/// A token for the API server, and what is needed to trust it. The pod doesn't mount one by
/// itself, so that each container's right to it is written down.
pub(super) fn token_volume() -> Value {
    json!({"name": "api-access", "projected": {"defaultMode": 0o440, "sources": [
        {"serviceAccountToken": {"path": "token", "expirationSeconds": 3607}},
        {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
        {"downwardAPI": {"items": [{"path": "namespace", "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}}]}},
    ]}})
}

/// Where the token is mounted.
pub(super) fn token_mount() -> Value {
    json!({"name": "api-access", "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount", "readOnly": true})
}

pub(super) fn secret_volume(name: &str, secret: String) -> Value {
    json!({"name": name, "secret": {"secretName": secret, "defaultMode": 0o440}})
}

/// Requests and limits as the spec has them, over defaults.
pub(super) fn resources(spec: Option<&Resources>, cpu: &str, memory: &str) -> Value {
    let mut requests = json!({"cpu": cpu, "memory": memory});
    let mut out = json!({});
    if let Some(spec) = spec {
        for (resource, quantity) in &spec.requests {
            requests[resource] = json!(quantity);
        }
        if !spec.limits.is_empty() {
            out["limits"] = json!(spec.limits);
        }
    }
    out["requests"] = requests;
    out
}

fn pod(plan: &Blueprint<'_>) -> Value {
    let image = plan
        .tenant
        .engine
        .image
        .clone()
        .unwrap_or_else(|| plan.images.engine.clone());
    let mut env = environment(plan);
    env.push(json!({"name": "ADMIN_TOKEN_FILE", "value": "/etc/trunkline/api/admin-token"}));
    let mut volumes = vec![
        token_volume(),
        secret_volume("keys", plan.names.keys()),
        secret_volume("api", plan.names.api()),
        json!({"name": "tmp", "emptyDir": {"medium": "Memory", "sizeLimit": "16Mi"}}),
    ];
    let mut mounts = vec![
        token_mount(),
        json!({"name": "keys", "mountPath": "/etc/trunkline/keys", "readOnly": true}),
        json!({"name": "api", "mountPath": "/etc/trunkline/api", "readOnly": true}),
        json!({"name": "tmp", "mountPath": "/tmp"}),
    ];
    match &plan.tenant.storage.journal.postgres {
        None => {
            env.push(json!({"name": "JOURNAL", "value": "/var/lib/trunkline/journal.sqlite"}));
            volumes.push(json!({"name": "journal", "persistentVolumeClaim": {"claimName": plan.names.journal()}}));
            mounts.push(json!({"name": "journal", "mountPath": "/var/lib/trunkline"}));
        }
        Some(postgres) => {
            // The URL is read from the file: it is in no environment, argument or log.
            env.push(json!({"name": "JOURNAL_FILE", "value": "/etc/trunkline/journal/uri"}));
            volumes.push(secret_volume("journal", postgres.secret_ref.name.clone()));
            mounts.push(
                json!({"name": "journal", "mountPath": "/etc/trunkline/journal", "readOnly": true}),
            );
        }
    }
    let probe = |path: &str, period: i32, failures: i32| {
        json!({
            "httpGet": {"path": path, "port": PORT_API, "scheme": "HTTP"},
            "periodSeconds": period, "failureThreshold": failures, "timeoutSeconds": 2,
        })
    };
    json!({
        "serviceAccountName": plan.names.engine(),
        "automountServiceAccountToken": false,
        "enableServiceLinks": false,
        "terminationGracePeriodSeconds": 30,
        "securityContext": pod_security(ENGINE_USER),
        "topologySpreadConstraints": [{
            "maxSkew": 1,
            "topologyKey": "kubernetes.io/hostname",
            "whenUnsatisfiable": "ScheduleAnyway",
            "labelSelector": {"matchLabels": plan.names.selector(Component::Engine)},
        }],
        "containers": [{
            "name": "engine",
            "image": image,
            "imagePullPolicy": plan.images.pull_policy,
            "args": ["run", "--kube"],
            "env": env,
            "ports": [
                {"name": "api", "containerPort": PORT_API, "protocol": "TCP"},
                {"name": "metrics", "containerPort": PORT_METRICS, "protocol": "TCP"},
            ],
            // One that stands by is ready, or no roll would end; it leads callers of the API on to the leader.
            "readinessProbe": probe(if plan.on_sqlite() { "/readyz" } else { "/readyz?standby=ok" }, 2, 2),
            "livenessProbe": probe("/livez", 10, 6),
            "securityContext": container_security(),
            "resources": resources(plan.tenant.engine.resources.as_ref(), "100m", "64Mi"),
            "volumeMounts": mounts,
        }],
        "volumes": volumes,
    })
}
