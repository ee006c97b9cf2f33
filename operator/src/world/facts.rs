//! Objects of the API, reduced to what a reconcile asks of them.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use chrono::{DateTime, Utc};
use kube::ResourceExt;
use kube::api::DynamicObject;
use kube::core::ObjectMeta;
use serde_json::{Value, json};
use trunkline_tenant::Document;

use crate::children::{ChildKey, Kind};
use crate::names::{ANNOTATION_APPLIED, LABEL_COMPONENT, LABEL_OWNER, LABEL_REPORT};

/// Something that is watched.
#[derive(Clone, Debug)]
pub enum Fact {
    /// One of the four kinds.
    Doc(DocFact),
    /// A child of which the metadata is enough.
    Child(ChildFact),
    /// A child of which the status matters, too.
    Workload(ChildFact, WorkloadFact),
    /// A pod.
    Pod(PodFact),
    /// A report.
    Report(ReportFact),
}

/// One of the four kinds, as a document that nobody has judged yet: what can't be decoded
/// is a finding of the compile step and never stops the watch.
#[derive(Clone, Debug)]
pub struct DocFact {
    /// The document, without managed fields and status.
    pub document: Document,
    /// Its status as it stands.
    pub status: Value,
    /// `metadata.uid`.
    pub uid: String,
    /// `metadata.generation`.
    pub generation: i64,
    /// When somebody asked for its deletion.
    pub deleting: Option<DateTime<Utc>>,
    /// Its finalizers.
    pub finalizers: Vec<String>,
    /// Its annotations.
    pub annotations: BTreeMap<String, String>,
}

/// What is kept of a child.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChildFact {
    /// Its kind and name.
    pub key: ChildKey,
    /// `metadata.uid`.
    pub uid: String,
    /// The UID of the CallCenter that it says it was made for.
    pub owner: Option<String>,
    /// The hash of what was applied, by its annotation.
    pub applied: Option<String>,
    /// Changes whenever something that we own may have changed.
    pub fingerprint: u64,
    /// Whether it is being deleted.
    pub deleting: bool,
}

/// The status of a StatefulSet or Deployment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WorkloadFact {
    /// `metadata.generation`.
    pub generation: i64,
    /// `status.observedGeneration`.
    pub observed_generation: i64,
    /// `spec.replicas`.
    pub wanted: i64,
    /// `status.replicas`.
    pub replicas: i64,
    /// `status.readyReplicas`.
    pub ready: i64,
    /// `status.updatedReplicas`.
    pub updated: i64,
    /// `status.updateRevision` of a StatefulSet.
    pub update_revision: Option<String>,
}

/// A pod of a tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodFact {
    /// Its name.
    pub name: String,
    /// Its UID.
    pub uid: String,
    /// `engine` or `media`.
    pub component: String,
    /// Whether it is Ready.
    pub ready: bool,
    /// Whether it is being deleted.
    pub deleting: bool,
    /// The revision of a StatefulSet's template that it was made from.
    pub revision: Option<String>,
    /// The address of its node, once it has one.
    pub node_address: Option<String>,
    /// An image that can't be had.
    pub image: Option<ImageProblem>,
    /// A container that ends again and again: its name and why it last ended.
    pub crashing: Option<String>,
}

/// An image that can't be had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageProblem {
    /// Kubernetes' reason, `ErrImagePull` and the like.
    pub reason: String,
    /// Which image.
    pub image: String,
}

/// A report ConfigMap's data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportFact {
    /// The ConfigMap's name.
    pub name: String,
    /// `engine` or `media`.
    pub component: String,
    /// Key → JSON text.
    pub data: BTreeMap<String, String>,
}

impl DocFact {
    /// From the object as it came; `None` where it is of none of the four kinds.
    pub fn read(object: &DynamicObject) -> Option<Self> {
        let meta = &object.metadata;
        let types = object.types.as_ref()?;
        // What the compile step wants to see, and no more.
        let value = json!({
            "apiVersion": types.api_version,
            "kind": types.kind,
            "metadata": {
                "name": meta.name,
                "namespace": meta.namespace,
                "uid": meta.uid,
                "generation": meta.generation,
                "creationTimestamp": meta.creation_timestamp,
            },
            "spec": object.data.get("spec").cloned().unwrap_or(Value::Null),
        });
        Some(Self {
            document: Document::from_object(value)?,
            status: object.data.get("status").cloned().unwrap_or(Value::Null),
            uid: meta.uid.clone()?,
            generation: meta.generation.unwrap_or(0),
            deleting: meta
                .deletion_timestamp
                .as_ref()
                .and_then(|time| DateTime::from_timestamp(time.0.as_second(), 0)),
            finalizers: object.finalizers().to_vec(),
            annotations: object.annotations().clone(),
        })
    }

    /// Whether a reconcile could decide otherwise than before; a status is our own word.
    fn differs(&self, other: &Self) -> bool {
        self.uid != other.uid
            || self.generation != other.generation
            || self.deleting != other.deleting
            || self.finalizers != other.finalizers
            || self.annotations != other.annotations
    }
}

impl ChildFact {
    /// From an object's metadata.
    pub fn read(kind: Kind, meta: &ObjectMeta, report: bool) -> Option<Self> {
        let annotations = meta.annotations.clone().unwrap_or_default();
        let labels = meta.labels.clone().unwrap_or_default();
        let owners = meta.owner_references.clone().unwrap_or_default();
        let uid = meta.uid.clone()?;
        let controller = owners
            .iter()
            .find(|owner| owner.controller == Some(true))
            .map(|owner| owner.uid.clone());
        let mut hasher = DefaultHasher::new();
        uid.hash(&mut hasher);
        annotations.hash(&mut hasher);
        labels.hash(&mut hasher);
        for owner in &owners {
            (
                &owner.uid,
                &owner.name,
                owner.controller,
                owner.block_owner_deletion,
            )
                .hash(&mut hasher);
        }
        if report {
            // Its data is the pods'.
        } else if kind.counts_generations() {
            meta.generation.hash(&mut hasher);
        } else {
            meta.resource_version.hash(&mut hasher);
        }
        Some(Self {
            key: ChildKey {
                kind,
                name: meta.name.clone()?,
            },
            uid,
            owner: controller.or_else(|| labels.get(LABEL_OWNER).cloned()),
            applied: annotations.get(ANNOTATION_APPLIED).cloned(),
            fingerprint: hasher.finish(),
            deleting: meta.deletion_timestamp.is_some(),
        })
    }

    /// From the object as an apply returned it.
    pub fn of(kind: Kind, object: &DynamicObject) -> Option<Self> {
        Self::read(
            kind,
            &object.metadata,
            object.labels().contains_key(LABEL_REPORT),
        )
    }
}

impl WorkloadFact {
    /// From the whole object.
    pub fn read(object: &DynamicObject) -> Self {
        let number = |path: &str| {
            object
                .data
                .pointer(path)
                .and_then(Value::as_i64)
                .unwrap_or(0)
        };
        Self {
            generation: object.metadata.generation.unwrap_or(0),
            observed_generation: number("/status/observedGeneration"),
            wanted: number("/spec/replicas"),
            replicas: number("/status/replicas"),
            ready: number("/status/readyReplicas"),
            updated: number("/status/updatedReplicas"),
            update_revision: object
                .data
                .pointer("/status/updateRevision")
                .and_then(Value::as_str)
                .map(str::to_owned),
        }
    }
}

impl PodFact {
    /// From the whole pod.
    pub fn read(object: &DynamicObject) -> Option<Self> {
        let list = |path: &str| {
            object
                .data
                .pointer(path)
                .and_then(Value::as_array)
                .cloned()
                .unwrap_or_default()
        };
        let text = |value: &Value, path: &str| {
            value
                .pointer(path)
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        let mut containers = list("/status/initContainerStatuses");
        containers.extend(list("/status/containerStatuses"));
        let waiting = |reasons: &[&str]| {
            containers
                .iter()
                .find(|status| reasons.contains(&text(status, "/state/waiting/reason").as_str()))
        };
        let image = waiting(&[
            "ErrImagePull",
            "ImagePullBackOff",
            "ErrImageNeverPull",
            "InvalidImageName",
            "ImageInspectError",
        ])
        .map(|status| ImageProblem {
            // The two alternate with each try; one word for both, or the status would flap.
            reason: match text(status, "/state/waiting/reason").as_str() {
                "ImagePullBackOff" => "ErrImagePull".to_owned(),
                reason => reason.to_owned(),
            },
            image: text(status, "/image"),
        });
        let crashing = waiting(&["CrashLoopBackOff"]).map(|status| {
            let code = status
                .pointer("/lastState/terminated/exitCode")
                .and_then(Value::as_i64)
                .unwrap_or(0);
            format!("{} exits with code {code}", text(status, "/name"))
        });
        let labels = object.labels();
        Some(Self {
            name: object.metadata.name.clone()?,
            uid: object.metadata.uid.clone()?,
            component: labels.get(LABEL_COMPONENT)?.clone(),
            ready: list("/status/conditions")
                .iter()
                .any(|c| text(c, "/type") == "Ready" && text(c, "/status") == "True"),
            deleting: object.metadata.deletion_timestamp.is_some(),
            revision: labels.get("controller-revision-hash").cloned(),
            node_address: object
                .data
                .pointer("/status/hostIP")
                .and_then(Value::as_str)
                .map(str::to_owned),
            image,
            crashing,
        })
    }
}

impl ReportFact {
    /// From the whole ConfigMap.
    pub fn read(object: &DynamicObject) -> Option<Self> {
        let data = object
            .data
            .get("data")
            .and_then(Value::as_object)
            .map(|map| {
                map.iter()
                    .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
                    .collect()
            })
            .unwrap_or_default();
        Some(Self {
            name: object.metadata.name.clone()?,
            component: object.labels().get(LABEL_REPORT)?.clone(),
            data,
        })
    }
}

impl Fact {
    /// Whether this, after `before`, could make a reconcile decide otherwise.
    pub fn matters_after(&self, before: &Self) -> bool {
        match (self, before) {
            (Self::Doc(new), Self::Doc(old)) => new.differs(old),
            (Self::Child(new), Self::Child(old)) => new != old,
            (Self::Workload(child, new), Self::Workload(old_child, old)) => {
                new != old || child != old_child
            }
            (Self::Pod(new), Self::Pod(old)) => new != old,
            (Self::Report(new), Self::Report(old)) => new != old,
            _ => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(value: Value) -> DynamicObject {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn a_document_that_cant_be_decoded_is_still_a_document() {
        let fact = DocFact::read(&object(json!({
            "apiVersion": "trunkline.dev/v1alpha1", "kind": "Client",
            "metadata": {"name": "a", "namespace": "n", "uid": "u", "generation": 3},
            "spec": {"callCenter": "n", "numbers": 17},
        })))
        .unwrap();
        assert_eq!(fact.document.call_center(), Some("n"));
        assert_eq!(fact.generation, 3);
    }

    #[test]
    fn a_pull_that_backs_off_reads_as_one_that_failed() {
        let pod = |reason: &str| {
            PodFact::read(&object(json!({
                "apiVersion": "v1", "kind": "Pod",
                "metadata": {"name": "p", "uid": "u", "labels": {LABEL_COMPONENT: "engine"}},
                "status": {"containerStatuses": [{"name": "c", "image": "i", "state": {"waiting": {"reason": reason}}}]},
            })))
            .unwrap()
        };
        assert_eq!(pod("ImagePullBackOff"), pod("ErrImagePull"));
        assert_eq!(pod("ContainerCreating").image, None);
    }

    #[test]
    fn a_status_of_a_workload_leaves_its_fingerprint() {
        let meta = |resource_version: &str, generation: i64| ObjectMeta {
            name: Some("x".into()),
            uid: Some("u".into()),
            resource_version: Some(resource_version.into()),
            generation: Some(generation),
            ..ObjectMeta::default()
        };
        let print = |kind, rv, generation| {
            ChildFact::read(kind, &meta(rv, generation), false)
                .unwrap()
                .fingerprint
        };
        assert_eq!(
            print(Kind::StatefulSet, "1", 1),
            print(Kind::StatefulSet, "2", 1)
        );
        assert_ne!(
            print(Kind::StatefulSet, "1", 1),
            print(Kind::StatefulSet, "2", 2)
        );
        assert_ne!(print(Kind::Role, "1", 0), print(Kind::Role, "2", 0));
    }
}
