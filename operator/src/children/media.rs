//! The media pods: Asterisk, and the side-car that renders, reports and drains.

use serde_json::{Value, json};
use trunkline_crds::{Disruption, ExposureType};

use super::engine::{
    container_security, environment, labels, pod_security, secret_volume, token_mount, token_volume,
};
use super::network::rtp_ports;
use super::services::RTP_PORTS_PER_POD;
use super::storage::{RECORDINGS, recordings_template};
use super::{Blueprint, Child, Kind};
use crate::names::{Component, PORT_ARI, PORT_SIDECAR, PORT_SIP};

/// The user that the media image is made for.
const MEDIA_USER: i64 = 101;
/// What a pod has beyond the drain's deadline, to end by itself.
const GRACE_BEYOND_DEADLINE: u64 = 30;

pub(super) fn build(plan: &Blueprint<'_>) -> Child {
    let replicas = if plan.tenant.hibernate {
        0
    } else {
        plan.media_replicas
    };
    plan.child(
        Component::Media,
        Kind::StatefulSet,
        plan.names.media(),
        json!({"spec": {
            "replicas": replicas,
            "serviceName": plan.names.media(),
            "podManagementPolicy": "Parallel",
            "revisionHistoryLimit": 3,
            // A changed pod waits until the operator has drained the old one.
            "updateStrategy": {"type": "OnDelete"},
            "selector": {"matchLabels": plan.names.selector(Component::Media)},
            "template": {
                "metadata": {"labels": labels(plan, Component::Media)},
                "spec": pod(plan),
            },
            "volumeClaimTemplates": [recordings_template(plan)],
        }}),
    )
}

fn pod(plan: &Blueprint<'_>) -> Value {
    let host_network = plan.tenant.telephony.exposure.kind == ExposureType::HostNetwork;
    let memory = |name: &str, size: &str| json!({"name": name, "emptyDir": {"medium": "Memory", "sizeLimit": size}});
    let disk = |name: &str| json!({"name": name, "emptyDir": {}});
    let mut pod = json!({
        "serviceAccountName": plan.names.media(),
        "automountServiceAccountToken": false,
        "enableServiceLinks": false,
        "terminationGracePeriodSeconds": drain_limit(plan) + GRACE_BEYOND_DEADLINE,
        "securityContext": pod_security(MEDIA_USER),
        "topologySpreadConstraints": [{
            "maxSkew": 1,
            "topologyKey": "kubernetes.io/hostname",
            "whenUnsatisfiable": "ScheduleAnyway",
            "labelSelector": {"matchLabels": plan.names.selector(Component::Media)},
        }],
        // A native side-car: it starts before Asterisk and ends after it.
        "initContainers": [side_car(plan)],
        "containers": [asterisk(plan)],
        "volumes": [
            token_volume(),
            secret_volume("keys", plan.names.keys()),
            memory("etc", "64Mi"),
            memory("run", "16Mi"),
            memory("tmp", "64Mi"),
            disk("lib"),
            disk("spool"),
            disk("log"),
        ],
    });
    if host_network {
        pod["hostNetwork"] = json!(true);
        pod["dnsPolicy"] = json!("ClusterFirstWithHostNet");
    }
    pod
}

/// How long a drain may take, in seconds. With `Never` a pod waits for its last call, and a
/// week is longer than any.
fn drain_limit(plan: &Blueprint<'_>) -> u64 {
    let media = &plan.tenant.telephony.media;
    match media.disruption {
        Disruption::Always | Disruption::OnUpgrade => media.drain_deadline.get(),
        Disruption::Never => 7 * 24 * 3600,
    }
}

/// Folders that the side-car and Asterisk share.
fn shared_mounts() -> Vec<Value> {
    [
        ("etc", "/etc/asterisk"),
        ("run", "/run/asterisk"),
        ("lib", "/var/lib/asterisk"),
        ("spool", "/var/spool/asterisk"),
        // Recordings and messages: of all that Asterisk spools only these outlive the pod.
        (RECORDINGS, "/var/spool/asterisk/recording"),
    ]
    .map(|(name, path)| json!({"name": name, "mountPath": path}))
    .into()
}

fn side_car(plan: &Blueprint<'_>) -> Value {
    let exposure = match plan.tenant.telephony.exposure.kind {
        ExposureType::PodIP => "PodIP",
        ExposureType::PerPodService => "PerPodService",
        ExposureType::HostNetwork => "HostNetwork",
    };
    let (rtp_first, rtp_last) = rtp_ports(plan);
    let mut env = environment(plan);
    env.extend([
        json!({"name": "NODE_IP", "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": "status.hostIP"}}}),
        json!({"name": "EXPOSURE", "value": exposure}),
        json!({"name": "RTP_FIRST", "value": rtp_first.to_string()}),
        json!({"name": "RTP_LAST", "value": rtp_last.to_string()}),
        json!({"name": "DRAIN_DEADLINE_SECONDS", "value": drain_limit(plan).to_string()}),
    ]);
    if plan.tenant.telephony.exposure.kind == ExposureType::PerPodService {
        // The pod of ordinal n has the n-th block of this size.
        env.push(json!({"name": "RTP_PORTS_PER_POD", "value": RTP_PORTS_PER_POD.to_string()}));
    }
    let mut mounts = vec![
        token_mount(),
        json!({"name": "keys", "mountPath": "/etc/trunkline/keys", "readOnly": true}),
    ];
    mounts.extend(shared_mounts());
    json!({
        "name": "side-car",
        "image": plan.tenant.engine.image.clone().unwrap_or_else(|| plan.images.engine.clone()),
        "imagePullPolicy": plan.images.pull_policy,
        "restartPolicy": "Always",
        "args": ["media-sidecar"],
        "env": env,
        "ports": [{"name": "side-car", "containerPort": PORT_SIDECAR, "protocol": "TCP"}],
        // Asterisk starts when its files are rendered.
        "startupProbe": {"httpGet": {"path": "/startz", "port": PORT_SIDECAR, "scheme": "HTTP"}, "periodSeconds": 1, "failureThreshold": 120, "timeoutSeconds": 1},
        "securityContext": container_security(),
        "resources": {"requests": {"cpu": "20m", "memory": "32Mi"}},
        "volumeMounts": mounts,
    })
}

fn asterisk(plan: &Blueprint<'_>) -> Value {
    // Asterisk's own HTTP answers without a password, so the side-car is asked.
    let probe = |path: &str, period: i32, failures: i32, timeout: i32| {
        json!({
            "httpGet": {"path": path, "port": PORT_SIDECAR, "scheme": "HTTP"},
            "periodSeconds": period, "failureThreshold": failures, "timeoutSeconds": timeout,
        })
    };
    let mut mounts = shared_mounts();
    mounts.extend([
        json!({"name": "log", "mountPath": "/var/log/asterisk"}),
        json!({"name": "tmp", "mountPath": "/tmp"}),
    ]);
    json!({
        "name": "asterisk",
        "image": plan.tenant.telephony.media.image.clone().unwrap_or_else(|| plan.images.media.clone()),
        "imagePullPolicy": plan.images.pull_policy,
        // Memory goes back to the system sooner: 290 MB at the plateau, not 740.
        "env": [{"name": "MALLOC_ARENA_MAX", "value": "2"}],
        "ports": [
            {"name": "sip", "containerPort": PORT_SIP, "protocol": "UDP"},
            {"name": "ari", "containerPort": PORT_ARI, "protocol": "TCP"},
        ],
        // Up is enough. Readiness waits for an engine, however long: a start that did too would end in
        // Asterisk being killed, and with it the callers that its dialplan keeps meanwhile.
        "startupProbe": probe("/livez", 1, 120, 2),
        "readinessProbe": probe("/readyz", 2, 2, 2),
        "livenessProbe": probe("/livez", 10, 6, 5),
        // Held until the last call has ended or the deadline has come.
        "lifecycle": {"preStop": {"httpGet": {"path": "/drain", "port": PORT_SIDECAR, "scheme": "HTTP"}}},
        "securityContext": container_security(),
        "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"memory": "1Gi"}},
        "volumeMounts": mounts,
    })
}
