//! The Secrets that are ours: the tenant's key, the API's token, the phones' credentials.
//!
//! The first two are random and made once. A phone's password is derived from the tenant's
//! key, so that it stays when agents come and go and their shards shift.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac};
use serde_json::json;
use sha2::Sha256;

use super::{Blueprint, Child, Content, Kind};
use crate::names::{AGENTS_PER_SECRET, Component};

pub(super) fn build(plan: &Blueprint<'_>) -> Vec<Child> {
    let opaque = |name, content| {
        plan.child(
            Component::Tenant,
            Kind::Secret,
            name,
            json!({"type": "Opaque"}),
        )
        .with(content)
    };
    let random = |key| Content::Random {
        keys: vec![key],
        rotation: plan.knobs.rotation.clone(),
    };
    let mut all = vec![
        // First: what follows is derived from it.
        opaque(plan.names.keys(), random("tenant-key")),
        opaque(plan.names.api(), random("admin-token")),
    ];
    let shards: Vec<&[(String, String)]> = if plan.agents.is_empty() {
        vec![&[]]
    } else {
        plan.agents.chunks(AGENTS_PER_SECRET).collect()
    };
    for (number, agents) in shards.into_iter().enumerate() {
        let entries = agents
            .iter()
            .map(|(agent, rotation)| (agent.clone(), sip_purpose(agent, rotation)))
            .collect();
        let derived = Content::Derived {
            entries,
            rotation: plan.knobs.rotation.clone(),
        };
        all.push(opaque(plan.names.agents(number), derived));
    }
    all
}

/// What an agent's SIP password is derived for.
pub fn sip_purpose(agent: &str, rotation: &str) -> String {
    format!("sip:{agent}:{rotation}")
}

/// An agent's SIP password: 24 characters of the HMAC-SHA256 of its purpose.
pub fn sip_password(tenant_key: &[u8], purpose: &str) -> String {
    // HMAC takes keys of any length, so this is `Ok` always.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(tenant_key) else {
        unreachable!("HMAC takes a key of any length")
    };
    mac.update(purpose.as_bytes());
    let mut text = URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes());
    text.truncate(24);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_the_agents_own_and_changes_with_its_rotation() {
        let key = b"0123456789abcdef";
        let password = |agent, rotation| sip_password(key, &sip_purpose(agent, rotation));
        assert_eq!(password("maria", ""), password("maria", ""));
        assert_ne!(password("maria", ""), password("maria", "2"));
        assert_ne!(password("maria", ""), password("tom", ""));
        assert_eq!(password("maria", "").len(), 24);
    }
}
