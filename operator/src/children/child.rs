//! A child as it shall be: its kind, its name, and the fields that are ours.

use std::fmt;

use kube::api::ApiResource;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::names::{
    ANNOTATION_APPLIED, Component, LABEL_CENTER, LABEL_COMPONENT, LABEL_MANAGED_BY, LABEL_OWNER,
    MANAGER,
};

/// The kinds of children, in the order that they are applied: what others name comes first,
/// workloads last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "the names are Kubernetes' own")]
pub enum Kind {
    ServiceAccount,
    Secret,
    ConfigMap,
    Role,
    RoleBinding,
    NetworkPolicy,
    Service,
    PersistentVolumeClaim,
    PodDisruptionBudget,
    ServiceMonitor,
    StatefulSet,
    Deployment,
}

impl Kind {
    /// Every kind, in the order of application.
    pub const ALL: [Self; 12] = [
        Self::ServiceAccount,
        Self::Secret,
        Self::ConfigMap,
        Self::Role,
        Self::RoleBinding,
        Self::NetworkPolicy,
        Self::Service,
        Self::PersistentVolumeClaim,
        Self::PodDisruptionBudget,
        Self::ServiceMonitor,
        Self::StatefulSet,
        Self::Deployment,
    ];

    /// Kubernetes' name of the kind.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ServiceAccount => "ServiceAccount",
            Self::Secret => "Secret",
            Self::ConfigMap => "ConfigMap",
            Self::Role => "Role",
            Self::RoleBinding => "RoleBinding",
            Self::NetworkPolicy => "NetworkPolicy",
            Self::Service => "Service",
            Self::PersistentVolumeClaim => "PersistentVolumeClaim",
            Self::PodDisruptionBudget => "PodDisruptionBudget",
            Self::ServiceMonitor => "ServiceMonitor",
            Self::StatefulSet => "StatefulSet",
            Self::Deployment => "Deployment",
        }
    }

    /// Where the API serves it.
    pub fn resource(self) -> ApiResource {
        let (group, plural) = match self {
            Self::ServiceAccount => ("", "serviceaccounts"),
            Self::Secret => ("", "secrets"),
            Self::ConfigMap => ("", "configmaps"),
            Self::Role => ("rbac.authorization.k8s.io", "roles"),
            Self::RoleBinding => ("rbac.authorization.k8s.io", "rolebindings"),
            Self::NetworkPolicy => ("networking.k8s.io", "networkpolicies"),
            Self::Service => ("", "services"),
            Self::PersistentVolumeClaim => ("", "persistentvolumeclaims"),
            Self::PodDisruptionBudget => ("policy", "poddisruptionbudgets"),
            Self::ServiceMonitor => ("monitoring.coreos.com", "servicemonitors"),
            Self::StatefulSet => ("apps", "statefulsets"),
            Self::Deployment => ("apps", "deployments"),
        };
        let api_version = if group.is_empty() {
            "v1".to_owned()
        } else {
            format!("{group}/v1")
        };
        ApiResource {
            group: group.to_owned(),
            version: "v1".to_owned(),
            api_version,
            kind: self.as_str().to_owned(),
            plural: plural.to_owned(),
        }
    }

    /// Whether `metadata.generation` counts the changes of its spec; where it doesn't, every
    /// change of `resourceVersion` may be one.
    pub fn counts_generations(self) -> bool {
        matches!(
            self,
            Self::NetworkPolicy
                | Self::PodDisruptionBudget
                | Self::StatefulSet
                | Self::Deployment
                | Self::ServiceMonitor
        )
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Which child of a tenant: its kind and its name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChildKey {
    /// Its kind.
    pub kind: Kind,
    /// Its name, in the tenant's namespace.
    pub name: String,
}

impl fmt::Display for ChildKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.kind, self.name)
    }
}

/// The CallCenter that children are made for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// Its name.
    pub name: String,
    /// Its namespace, and theirs.
    pub namespace: String,
    /// Its UID: a CallCenter of the same name made anew is another owner.
    pub uid: String,
}

/// What of a child's content is ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// All that `body` says.
    Fixed,
    /// The metadata; others write the rest, as pods do with their reports.
    Metadata,
    /// Secret values made once at random, 32 bytes each, and anew when `rotation` changes.
    Random {
        /// The keys that shall exist.
        keys: Vec<&'static str>,
        /// The text that asks for new ones.
        rotation: String,
    },
    /// Secret values derived from the tenant's key, and anew when that is.
    Derived {
        /// Key → what is derived for.
        entries: Vec<(String, String)>,
        /// The text that asked for the tenant's key.
        rotation: String,
    },
}

/// One child as it shall be.
#[derive(Clone, Debug, PartialEq)]
pub struct Child {
    /// Its kind and name.
    pub key: ChildKey,
    /// The whole object, with labels and owner, as it is applied.
    pub body: Value,
    /// What of it is ours.
    pub content: Content,
}

impl Child {
    /// A child with the tenant's labels, owned by its CallCenter. `fields` are merged into
    /// the object's top level.
    pub fn new(
        owner: &Owner,
        component: Component,
        kind: Kind,
        name: String,
        fields: Value,
    ) -> Self {
        let resource = kind.resource();
        let mut body = json!({
            "apiVersion": resource.api_version,
            "kind": resource.kind,
            "metadata": {
                "name": name,
                "namespace": owner.namespace,
                "labels": {
                    "app.kubernetes.io/name": "trunkline",
                    "app.kubernetes.io/instance": owner.name,
                    LABEL_COMPONENT: component.as_str(),
                    LABEL_MANAGED_BY: MANAGER,
                    LABEL_CENTER: owner.name,
                    LABEL_OWNER: owner.uid,
                },
                "ownerReferences": [{
                    "apiVersion": "trunkline.dev/v1alpha1",
                    "kind": "CallCenter",
                    "name": owner.name,
                    "uid": owner.uid,
                    "controller": true,
                    "blockOwnerDeletion": true,
                }],
            },
        });
        merge(&mut body, fields);
        Self {
            key: ChildKey { kind, name },
            body,
            content: Content::Fixed,
        }
    }

    /// With content that is not all ours, or made when it is applied.
    #[must_use]
    pub fn with(mut self, content: Content) -> Self {
        self.content = content;
        self
    }

    /// With no owner: it outlives its CallCenter.
    #[must_use]
    pub fn kept(mut self) -> Self {
        if let Some(metadata) = self.body["metadata"].as_object_mut() {
            metadata.remove("ownerReferences");
        }
        self
    }

    /// The hash of what is wanted; for secrets of what they hold, never of the values.
    pub fn hash(&self) -> String {
        let mut hasher = Sha256::new();
        // A `Value`'s maps are ordered, so its text is canonical.
        hasher.update(self.body.to_string());
        match &self.content {
            Content::Fixed | Content::Metadata => {}
            Content::Random { keys, rotation } => {
                hasher.update(json!([keys, rotation]).to_string());
            }
            Content::Derived { entries, rotation } => {
                hasher.update(json!([entries, rotation]).to_string());
            }
        }
        hex(&hasher.finalize()[..16])
    }

    /// The object to apply: with its hash in an annotation.
    pub fn stamped(&self) -> Value {
        let mut body = self.body.clone();
        merge(
            &mut body,
            json!({"metadata": {"annotations": {ANNOTATION_APPLIED: self.hash()}}}),
        );
        body
    }
}

/// Lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Lays `over` onto `base`, object by object.
fn merge(base: &mut Value, over: Value) {
    match (base, over) {
        (Value::Object(base), Value::Object(over)) => {
            for (key, value) in over {
                merge(base.entry(key).or_insert(Value::Null), value);
            }
        }
        (base, over) => *base = over,
    }
}

/// Whether everything that `wanted` says is in `live`: maps may have more, lists may not,
/// but that lists of named things are matched by name, as server-side apply does.
pub fn holds(live: &Value, wanted: &Value) -> bool {
    match (live, wanted) {
        (Value::Object(live), Value::Object(wanted)) => wanted.iter().all(|(key, value)| {
            let Some(live) = live.get(key) else {
                return is_empty(value);
            };
            match key.as_str() {
                "requests" | "limits" => same_quantities(live, value),
                // A subject too many is a right too many.
                "subjects" => {
                    holds(live, value)
                        && live.as_array().map(Vec::len) == value.as_array().map(Vec::len)
                }
                _ => holds(live, value),
            }
        }),
        (Value::Array(live), Value::Array(wanted)) => {
            if let Some(key) = merge_key(wanted) {
                wanted.iter().all(|value| {
                    live.iter()
                        .any(|live| live.get(key) == value.get(key) && holds(live, value))
                })
            } else {
                live.len() == wanted.len()
                    && live
                        .iter()
                        .zip(wanted)
                        .all(|(live, wanted)| holds(live, wanted))
            }
        }
        (live, wanted) => live == wanted,
    }
}

/// Whether each quantity that is wanted is there, however it is written: the API server
/// keeps `0.5` as `500m`.
fn same_quantities(live: &Value, wanted: &Value) -> bool {
    let (Some(live), Some(wanted)) = (live.as_object(), wanted.as_object()) else {
        return live == wanted;
    };
    wanted.iter().all(|(resource, wanted)| {
        live.get(resource).is_some_and(|live| {
            live == wanted
                || live
                    .as_str()
                    .and_then(quantity)
                    .is_some_and(|live| wanted.as_str().and_then(quantity) == Some(live))
        })
    })
}

/// A quantity in thousandths; `None` where it isn't one.
fn quantity(text: &str) -> Option<i128> {
    let digits = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, suffix) = text.split_at(digits);
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let scale = 10_i128.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    let value = format!("{whole}{fraction}").parse::<i128>().ok()?;
    let factor: i128 = match suffix {
        "m" => 1,
        "" => 1_000,
        "k" => 1_000_000,
        "M" => 1_000_000_000,
        "G" => 1_000_000_000_000,
        "T" => 1_000_000_000_000_000,
        "Ki" => 1_000 << 10,
        "Mi" => 1_000 << 20,
        "Gi" => 1_000 << 30,
        "Ti" => 1_000 << 40,
        _ => return None,
    };
    Some(value.checked_mul(factor)? / scale)
}

/// What a list of associative entries is keyed by, where all of them have it.
fn merge_key(list: &[Value]) -> Option<&'static str> {
    ["uid", "mountPath", "name"].into_iter().find(|key| {
        !list.is_empty()
            && list
                .iter()
                .all(|entry| entry.get(*key).is_some_and(Value::is_string))
    })
}

/// Kubernetes drops empty maps and lists.
fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(map) => map.is_empty(),
        Value::Array(list) => list.is_empty(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_fields_and_named_entries_do_not_count_as_drift_and_owned_ones_do() {
        let wanted = json!({"a": {"b": 1}, "c": [{"name": "x", "v": 1}], "l": [1, 2], "e": {}});
        let live = json!({"a": {"b": 1, "z": 9}, "c": [{"name": "y"}, {"name": "x", "v": 1, "d": 0}], "l": [1, 2]});
        assert!(holds(&live, &wanted));
        for tampered in [
            json!({"a": {"b": 2}, "c": [{"name": "x", "v": 1}], "l": [1, 2]}),
            json!({"a": {"b": 1}, "c": [{"name": "x", "v": 2}], "l": [1, 2]}),
            json!({"a": {"b": 1}, "c": [{"name": "x", "v": 1}], "l": [1, 2, 3]}),
            json!({"a": {"b": 1}, "l": [1, 2]}),
        ] {
            assert!(!holds(&tampered, &wanted), "{tampered}");
        }
    }

    #[test]
    fn a_quantity_is_the_same_however_it_is_written() {
        for (a, b) in [
            ("0.5", "500m"),
            ("1024Mi", "1Gi"),
            ("1000m", "1"),
            ("1.5Gi", "1536Mi"),
        ] {
            assert!(
                holds(&json!({"limits": {"x": a}}), &json!({"limits": {"x": b}})),
                "{a} {b}"
            );
        }
        assert!(!holds(
            &json!({"limits": {"x": "1"}}),
            &json!({"limits": {"x": "2"}})
        ));
    }

    #[test]
    fn a_subject_that_somebody_added_is_drift() {
        let wanted = json!({"subjects": [{"name": "a"}]});
        assert!(!holds(
            &json!({"subjects": [{"name": "a"}, {"name": "b"}]}),
            &wanted
        ));
    }

    #[test]
    fn a_secrets_hash_changes_with_what_it_shall_hold_and_not_with_values() {
        let owner = Owner {
            name: "n".into(),
            namespace: "n".into(),
            uid: "u".into(),
        };
        let child = |rotation: &str| {
            Child::new(
                &owner,
                Component::Tenant,
                Kind::Secret,
                "s".into(),
                json!({"type": "Opaque"}),
            )
            .with(Content::Random {
                keys: vec!["k"],
                rotation: rotation.into(),
            })
        };
        assert_eq!(child("").hash(), child("").hash());
        assert_ne!(child("").hash(), child("2").hash());
        // A key that is new makes what is derived from it new.
        let derived = |rotation: &str| {
            child("").with(Content::Derived {
                entries: vec![("maria".into(), "sip:maria:".into())],
                rotation: rotation.into(),
            })
        };
        assert_eq!(derived("").hash(), derived("").hash());
        assert_ne!(derived("").hash(), derived("2").hash());
    }
}
