//! Services: how engines find media pods, carriers find the centre, people find the API.

use serde_json::{Value, json};
use trunkline_crds::ExposureType;

use super::{Blueprint, Child, Kind, SipService};
use crate::names::{Component, PORT_API, PORT_ARI, PORT_METRICS, PORT_SIDECAR, PORT_SIP};

/// RTP ports that each media pod has with `PerPodService`: two a call, and the RTCP beside.
pub(super) const RTP_PORTS_PER_POD: u16 = 80;
/// The first of them where no annotation says otherwise.
pub(super) const RTP_BASE: u16 = 31_000;

pub(super) fn build(plan: &Blueprint<'_>) -> Vec<Child> {
    let mut all = vec![headless(plan), entry(plan), api(plan)];
    if plan.tenant.telephony.exposure.kind == ExposureType::PerPodService {
        all.extend((0..plan.tenant.telephony.media.max_pods).map(|ordinal| per_pod(plan, ordinal)));
    }
    all
}

/// For the engine: every media pod, ready or draining, by its EndpointSlices.
fn headless(plan: &Blueprint<'_>) -> Child {
    plan.child(
        Component::Media,
        Kind::Service,
        plan.names.media(),
        json!({"spec": {
            "clusterIP": "None",
            "publishNotReadyAddresses": true,
            "selector": plan.names.selector(Component::Media),
            "ports": [
                {"name": "ari", "port": PORT_ARI, "protocol": "TCP", "targetPort": PORT_ARI},
                {"name": "side-car", "port": PORT_SIDECAR, "protocol": "TCP", "targetPort": PORT_SIDECAR},
            ],
        }}),
    )
}

/// For carriers and phones: initial requests only; a dialog goes on with its pod's address.
fn entry(plan: &Blueprint<'_>) -> Child {
    let mut port =
        json!({"name": "sip", "port": PORT_SIP, "protocol": "UDP", "targetPort": PORT_SIP});
    if let Some(number) = plan.knobs.sip_node_port
        && plan.knobs.sip_service != SipService::ClusterIP
    {
        port["nodePort"] = json!(number);
    }
    let mut spec = json!({
        "selector": plan.names.selector(Component::Media),
        "ports": [port],
    });
    let kind = match plan.knobs.sip_service {
        SipService::NodePort => "NodePort",
        SipService::LoadBalancer => "LoadBalancer",
        SipService::ClusterIP => "ClusterIP",
    };
    spec["type"] = json!(kind);
    if plan.knobs.sip_service != SipService::ClusterIP {
        // With `Cluster` the pod would see a node's address in place of the carrier's.
        spec["externalTrafficPolicy"] = json!("Local");
    }
    plan.child(
        Component::Media,
        Kind::Service,
        plan.names.sip(),
        json!({"spec": spec}),
    )
}

/// For people and programs: the engine's API; for Prometheus: its metrics.
fn api(plan: &Blueprint<'_>) -> Child {
    plan.child(
        Component::Engine,
        Kind::Service,
        plan.names.api(),
        json!({"spec": {
            "type": "ClusterIP",
            "selector": plan.names.selector(Component::Engine),
            "ports": [
                {"name": "api", "port": PORT_API, "protocol": "TCP", "targetPort": PORT_API},
                {"name": "metrics", "port": PORT_METRICS, "protocol": "TCP", "targetPort": PORT_METRICS},
            ],
        }}),
    )
}

/// For audio, where pod addresses aren't routed: one pod's RTP ports, the same inside and out.
fn per_pod(plan: &Blueprint<'_>, ordinal: u32) -> Child {
    let base = i64::from(plan.knobs.rtp_base.unwrap_or(RTP_BASE))
        + i64::from(ordinal) * i64::from(RTP_PORTS_PER_POD);
    let ports: Vec<Value> = (base..base + i64::from(RTP_PORTS_PER_POD))
        .map(|port| {
            json!({"name": format!("rtp-{port}"), "port": port, "targetPort": port, "nodePort": port, "protocol": "UDP"})
        })
        .collect();
    let mut selector = json!(plan.names.selector(Component::Media));
    selector["statefulset.kubernetes.io/pod-name"] = json!(plan.names.media_pod(ordinal));
    plan.child(
        Component::Media,
        Kind::Service,
        plan.names.media_pod(ordinal),
        json!({"spec": {
            "type": "NodePort",
            "externalTrafficPolicy": "Local",
            "publishNotReadyAddresses": true,
            "selector": selector,
            "ports": ports,
        }}),
    )
}
