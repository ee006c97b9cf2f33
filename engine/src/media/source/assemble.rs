//! From what a tenant names and what of it is there, to the inputs of a rendering.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use trunkline_tenant::Tenant;

use crate::config::Loaded;
use crate::media::inputs::{Inputs, SecretData, Secrets};

/// How many agents' credentials one Secret holds: the operator cuts at the same.
const AGENTS_PER_SECRET: usize = 500;

/// An object that a tenant names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Named {
    /// A Secret.
    Secret(String),
    /// A ConfigMap, for its recordings.
    ConfigMap(String),
}

/// What is in it, by key; `None`: it isn't there.
pub(super) type Content = Option<SecretData>;

/// The shards of the agents' credentials.
fn shards(tenant: &Tenant) -> impl Iterator<Item = String> {
    let center = tenant.name.clone();
    let count = tenant.agents.len().div_ceil(AGENTS_PER_SECRET).max(1);
    (0..count).map(move |shard| format!("{center}-agents-{shard}"))
}

/// The Secrets of the trunks.
fn trunk_secrets(tenant: &Tenant) -> impl Iterator<Item = &str> {
    let secret = |trunk: &'_ trunkline_tenant::TenantTrunk| trunk.auth.secret_ref.is_some();
    tenant
        .trunks
        .values()
        .filter(move |trunk| secret(trunk))
        .filter_map(|trunk| Some(trunk.auth.secret_ref.as_ref()?.name.as_str()))
}

/// Everything that a tenant names.
pub(super) fn named(tenant: &Tenant) -> BTreeSet<Named> {
    let prompts = tenant.prompts.values();
    shards(tenant)
        .map(Named::Secret)
        .chain(trunk_secrets(tenant).map(|name| Named::Secret(name.to_owned())))
        .chain(prompts.map(|from| Named::ConfigMap(from.config_map.clone())))
        .collect()
}

/// Puts it together. `registrar` names the pod that registers the trunks; absent: the pod of
/// ordinal 0, for carriers take one registration an account.
pub(super) fn assemble(
    loaded: &Loaded,
    contents: &BTreeMap<Named, Content>,
    registrar: Option<&str>,
    pod: &str,
) -> Inputs {
    let tenant = &loaded.tenant;
    let content = |named: &Named| contents.get(named).and_then(Option::as_ref);
    let mut secrets = Secrets::default();
    for shard in shards(tenant) {
        if let Some(data) = content(&Named::Secret(shard)) {
            secrets.add_agents(data);
        }
    }
    for name in trunk_secrets(tenant) {
        if let Some(data) = content(&Named::Secret(name.to_owned())) {
            secrets.add_trunk(name, data);
        }
    }
    let prompts = tenant.prompts.iter().filter_map(|(name, from)| {
        let data = content(&Named::ConfigMap(from.config_map.clone()))?;
        Some((name.clone(), Arc::from(data.get(&from.key)?.as_slice())))
    });
    Inputs {
        tenant: tenant.clone(),
        hash: loaded.hash.clone(),
        prompts: prompts.collect(),
        secrets,
        registrar: match registrar {
            Some(named) => named == pod,
            None => pod.ends_with("-0"),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::small_tenant;

    #[test]
    fn a_pod_registers_if_it_is_named_or_else_the_first() {
        let loaded = Loaded::from_tenant(small_tenant()).unwrap();
        let registers = |named, pod| assemble(&loaded, &BTreeMap::new(), named, pod).registrar;
        assert!(registers(None, "northwind-media-0"));
        assert!(!registers(None, "northwind-media-10"));
        assert!(registers(Some("northwind-media-1"), "northwind-media-1"));
        assert!(!registers(Some("northwind-media-1"), "northwind-media-0"));
    }

    #[test]
    fn agents_come_from_every_shard() {
        let mut tenant = small_tenant();
        let (_, agent) = tenant.agents.pop_first().unwrap();
        for n in 0..501 {
            let name = format!("agent-{n}").as_str().into();
            tenant.agents.insert(name, agent.clone());
        }
        let loaded = Loaded::from_tenant(tenant).unwrap();
        let shard = |n: usize| Named::Secret(format!("northwind-agents-{n}"));
        assert!(named(&loaded.tenant).is_superset(&[shard(0), shard(1)].into()));
        let one = |agent: &str| Some(SecretData::from([(agent.to_owned(), b"pw".to_vec())]));
        let contents = [(shard(0), one("agent-0")), (shard(1), one("agent-9"))].into();
        let inputs = assemble(&loaded, &contents, None, "x");
        assert_eq!(inputs.secrets.agents.len(), 2);
    }
}
