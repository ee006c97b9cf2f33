//! NetworkPolicies: nothing in or out of a tenant's pods but what the tenant needs.

use serde_json::{Value, json};
use trunkline_crds::ExposureType;

use super::services::{RTP_BASE, RTP_PORTS_PER_POD};
use super::{Blueprint, Child, Kind};
use crate::names::{
    Component, PORT_API, PORT_ARI, PORT_METRICS, PORT_SIDECAR, PORT_SIP, PORTS_RTP,
};

/// One a component. Selecting a pod for both directions denies the rest by itself.
pub(super) fn build(plan: &Blueprint<'_>) -> Vec<Child> {
    let policy = |component, name, ingress: Value, egress: Value| {
        plan.child(
            component,
            Kind::NetworkPolicy,
            name,
            json!({"spec": {
                "podSelector": {"matchLabels": plan.names.selector(component)},
                "policyTypes": ["Ingress", "Egress"],
                "ingress": ingress,
                "egress": egress,
            }}),
        )
    };
    vec![
        policy(
            Component::Engine,
            plan.names.engine(),
            engine_ingress(),
            engine_egress(plan),
        ),
        policy(
            Component::Media,
            plan.names.media(),
            media_ingress(plan),
            media_egress(plan),
        ),
    ]
}

fn tcp(port: i32) -> Value {
    json!({"protocol": "TCP", "port": port})
}
fn udp(port: i32) -> Value {
    json!({"protocol": "UDP", "port": port})
}
fn pods(plan: &Blueprint<'_>, component: Component) -> Value {
    json!([{"podSelector": {"matchLabels": plan.names.selector(component)}}])
}
fn dns() -> Value {
    json!({"ports": [udp(53), tcp(53)]})
}

/// The API server, by its addresses where they are known, else by its usual ports.
fn api_server(plan: &Blueprint<'_>) -> Vec<Value> {
    if plan.api_servers.is_empty() {
        return vec![json!({"ports": [tcp(443), tcp(6443)]})];
    }
    plan.api_servers
        .iter()
        .map(|server| {
            let bits = if server.ip.contains(':') { 128 } else { 32 };
            json!({
                "to": [{"ipBlock": {"cidr": format!("{}/{bits}", server.ip)}}],
                "ports": [tcp(server.port)],
            })
        })
        // The Service's own address, for those plug-ins that judge before they translate.
        .chain([json!({"ports": [tcp(443)]})])
        .collect()
}

fn engine_ingress() -> Value {
    json!([
        // The API is for people and programs, and has tokens of its own.
        {"ports": [tcp(PORT_API)]},
        // Prometheus is in a namespace that we don't know, and has no token: counts, no contact in them.
        {"ports": [tcp(PORT_METRICS)]},
    ])
}

fn engine_egress(plan: &Blueprint<'_>) -> Value {
    let mut rules = vec![
        dns(),
        json!({"to": pods(plan, Component::Media), "ports": [tcp(PORT_ARI), tcp(PORT_SIDECAR)]}),
        json!({"to": pods(plan, Component::Engine), "ports": [tcp(PORT_API)]}),
    ];
    rules.extend(api_server(plan));
    if !plan.on_sqlite() {
        rules.push(json!({"ports": [tcp(5432)]}));
    }
    json!(rules)
}

fn media_ingress(plan: &Blueprint<'_>) -> Value {
    let (first, last) = rtp_ports(plan);
    json!([
        {"from": pods(plan, Component::Engine), "ports": [tcp(PORT_ARI), tcp(PORT_SIDECAR)]},
        // Carriers and phones; who they are is Asterisk's to judge, by address or password.
        {"ports": [udp(PORT_SIP), tcp(PORT_SIP), {"protocol": "UDP", "port": first, "endPort": last}]},
    ])
}

fn media_egress(plan: &Blueprint<'_>) -> Value {
    let mut rules = vec![dns()];
    rules.extend(api_server(plan));
    // Where a carrier takes its audio is said call by call; signalling ports are the Trunks'.
    rules.push(json!({"ports": [{"protocol": "UDP"}, tcp(5060), tcp(5061)]}));
    json!(rules)
}

/// The first and the last port at which this tenant's media pods hear audio.
pub(super) fn rtp_ports(plan: &Blueprint<'_>) -> (i32, i32) {
    match plan.tenant.telephony.exposure.kind {
        ExposureType::PodIP | ExposureType::HostNetwork => PORTS_RTP,
        ExposureType::PerPodService => {
            let base = i32::from(plan.knobs.rtp_base.unwrap_or(RTP_BASE));
            let pods = i32::try_from(plan.tenant.telephony.media.max_pods).unwrap_or(1);
            (base, base + pods * i32::from(RTP_PORTS_PER_POD) - 1)
        }
    }
}
