//! The only step that writes children: server-side apply, one field manager, and nothing at
//! all where the live object already is as it shall be.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use kube::api::{
    DeleteParams, DynamicObject, Patch, PatchParams, Preconditions, PropagationPolicy,
};
use kube::core::params::ValidationDirective;
use kube::{Api, Client, ResourceExt};
use rand::Rng;
use serde_json::{Map, Value, json};

use super::ReconcileError;
use super::gather::encode;
use super::plan::{DeletePod, Plan, SetFinalizer, Teardown};
use crate::children::{Child, ChildKey, Content, Kind, Owner, hex, holds, sip_password};
use crate::names::{
    ANNOTATION_APPLIED, LABEL_CENTER, LABEL_MANAGED_BY, LABEL_OWNER, MANAGER, Names,
};
use crate::telemetry::Metrics;
use crate::world::{ChildFact, TenantKey, View};

/// Marks the rotation text that a Secret's random values were made under.
const ANNOTATION_ROTATED: &str = "trunkline.dev/rotated";

/// A child that couldn't be brought about, in a way that somebody must mend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChildProblem {
    /// Which child.
    pub child: ChildKey,
    /// A condition's reason.
    pub reason: &'static str,
    /// What is wrong and what would be right.
    pub message: String,
}

/// What applying came to.
#[derive(Clone, Debug, Default)]
pub struct Applied {
    /// Children that couldn't be brought about.
    pub problems: Vec<ChildProblem>,
    /// Whether anything was written: what the caches say is then of before.
    pub wrote: bool,
}

/// Namespace and child → the fingerprint at which its content was seen to hold what the hash says.
type Verified = HashMap<(String, ChildKey), (u64, String)>;

/// Writes, and remembers what it has seen to be right.
#[derive(Clone)]
pub struct Applier {
    client: Client,
    metrics: Arc<Metrics>,
    verified: Arc<Mutex<Verified>>,
}

impl Applier {
    /// A writer with nothing remembered.
    pub fn new(client: Client, metrics: Arc<Metrics>) -> Self {
        Self {
            client,
            metrics,
            verified: Arc::default(),
        }
    }

    /// Forgets a tenant that is gone.
    pub fn forget(&self, key: &TenantKey) {
        let prefix = format!("{}-", key.name);
        self.remembered().retain(|(namespace, child), _| {
            *namespace != key.namespace
                || !(child.name.starts_with(&prefix) || child.name == key.name)
        });
    }

    fn remembered(&self) -> std::sync::MutexGuard<'_, Verified> {
        self.verified.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Brings about what was planned.
    ///
    /// # Errors
    /// What trying again may mend: the API server away, a conflict. What it can't mend is among
    /// [`Applied::problems`].
    pub async fn apply(
        &self,
        key: &TenantKey,
        view: &View,
        plan: &Plan,
    ) -> Result<Applied, ReconcileError> {
        let mut applied = Applied::default();
        for finalizer in &plan.finalizers {
            self.set_finalizer(key, finalizer).await?;
            applied.wrote = true;
        }
        let Some(owner) = &plan.owner else {
            return Ok(applied);
        };
        if let Some(step) = &plan.teardown {
            self.tear_down(owner, step, &mut applied).await?;
            return Ok(applied);
        }
        let Some(children) = &plan.children else {
            return Ok(applied);
        };
        for child in children {
            self.child(owner, view, child, &mut applied).await?;
        }
        self.sweep(owner, view, children, &mut applied).await?;
        if let Some(pod) = &plan.roll {
            self.delete_pod(owner, pod, &mut applied).await?;
        }
        Ok(applied)
    }

    fn api(&self, namespace: &str, kind: Kind) -> Api<DynamicObject> {
        Api::namespaced_with(self.client.clone(), namespace, &kind.resource())
    }

    async fn child(
        &self,
        owner: &Owner,
        view: &View,
        child: &Child,
        applied: &mut Applied,
    ) -> Result<(), ReconcileError> {
        let hash = child.hash();
        let place = (owner.namespace.clone(), child.key.clone());
        if let Some(seen) = view.children.get(&child.key) {
            let good = self.remembered().get(&place) == Some(&(seen.fingerprint, hash.clone()));
            if good && seen.applied.as_deref() == Some(&hash) {
                return Ok(());
            }
        }
        let api = self.api(&owner.namespace, child.key.kind);
        let live = api
            .get_opt(&child.key.name)
            .await
            .map_err(|error| ReconcileError::Child(child.key.clone(), error))?;
        if let Some(live) = &live {
            if !is_ours(owner, &child.key, live) {
                applied.problems.push(foreign(&child.key, live));
                return Ok(());
            }
            if live.metadata.deletion_timestamp.is_some() {
                // It comes back when it is gone, and its going is an event.
                return Ok(());
            }
        }
        let wanted = self.filled(owner, child, live.as_ref()).await?;
        if let Some(live) = &live {
            let stamped = live.annotations().get(ANNOTATION_APPLIED) == Some(&hash);
            let value = serde_json::to_value(live).unwrap_or(Value::Null);
            if stamped && holds(&value, &wanted) {
                self.remember(place, live, &hash);
                return Ok(());
            }
        }
        let mut outcome = self.write(&api, &wanted, live.as_ref()).await;
        if let (Err(error), Some(live)) = (&outcome, &live)
            && is_invalid(error)
            && self.clear(&api, &wanted, live).await.is_ok()
        {
            outcome = self.write(&api, &wanted, Some(live)).await;
        }
        match outcome {
            Ok(object) => {
                tracing::info!(child = %child.key, created = live.is_none(), "applied");
                self.metrics.wrote(child.key.kind.as_str());
                applied.wrote = true;
                self.remember(place, &object, &hash);
                Ok(())
            }
            Err(error) => match refusal(&child.key, &error) {
                Some(problem) => {
                    applied.problems.push(problem);
                    Ok(())
                }
                None => Err(ReconcileError::Child(child.key.clone(), error)),
            },
        }
    }

    /// Clears the way where a stranger's entry in one of our lists makes ours invalid (a port
    /// of the same name, say): an apply never removes what another manager owns, a merge
    /// replaces our lists whole. Who owned what is forgotten, or the merge would be an owner, too.
    async fn clear(
        &self,
        api: &Api<DynamicObject>,
        wanted: &Value,
        live: &DynamicObject,
    ) -> kube::Result<()> {
        let mut body = wanted.clone();
        body["metadata"]["uid"] = json!(live.metadata.uid);
        body["metadata"]["resourceVersion"] = json!(live.metadata.resource_version);
        body["metadata"]["managedFields"] = json!([{}]);
        let name = live.metadata.name.clone().unwrap_or_default();
        api.patch(&name, &PatchParams::default(), &Patch::Merge(&body))
            .await
            .map(drop)
    }

    fn remember(&self, place: (String, ChildKey), object: &DynamicObject, hash: &str) {
        if let Some(fact) = ChildFact::of(place.1.kind, object) {
            self.remembered()
                .insert(place, (fact.fingerprint, hash.to_owned()));
        }
    }

    async fn write(
        &self,
        api: &Api<DynamicObject>,
        wanted: &Value,
        live: Option<&DynamicObject>,
    ) -> kube::Result<DynamicObject> {
        let mut body = wanted.clone();
        // Only that very object: one made anew in the meantime is looked at first.
        if let Some(uid) = live.and_then(|live| live.metadata.uid.as_deref()) {
            body["metadata"]["uid"] = json!(uid);
        }
        let name = body["metadata"]["name"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        api.patch(&name, &params(), &Patch::Apply(&body)).await
    }

    /// The object to apply, with what is made at the time of writing.
    async fn filled(
        &self,
        owner: &Owner,
        child: &Child,
        live: Option<&DynamicObject>,
    ) -> Result<Value, ReconcileError> {
        let mut body = child.stamped();
        match &child.content {
            Content::Fixed | Content::Metadata => {}
            Content::Random { keys, rotation } => {
                body["metadata"]["annotations"][ANNOTATION_ROTATED] = json!(rotation);
                let same_rotation = live
                    .and_then(|live| live.annotations().get(ANNOTATION_ROTATED))
                    == Some(rotation);
                let mut data = Map::new();
                for key in keys {
                    let kept = live
                        .filter(|_| same_rotation)
                        .and_then(|live| live.data.pointer(&format!("/data/{key}")))
                        .filter(|value| value.as_str().is_some_and(|text| text.len() >= 32));
                    let value = kept
                        .cloned()
                        .unwrap_or_else(|| json!(encode(random_hex().as_bytes())));
                    data.insert((*key).to_owned(), value);
                }
                body["data"] = Value::Object(data);
            }
            Content::Derived { entries, .. } => {
                let tenant_key = self.tenant_key(owner).await?;
                let data: Map<String, Value> = entries
                    .iter()
                    .map(|(key, purpose)| {
                        let password = sip_password(&tenant_key, purpose);
                        (key.clone(), json!(encode(password.as_bytes())))
                    })
                    .collect();
                body["data"] = Value::Object(data);
            }
        }
        Ok(body)
    }

    /// The tenant's key, which stands before what is derived from it.
    async fn tenant_key(&self, owner: &Owner) -> Result<Vec<u8>, ReconcileError> {
        use base64::Engine as _;
        let name = Names::of(&owner.name.as_str().into()).keys();
        let key = ChildKey {
            kind: Kind::Secret,
            name: name.clone(),
        };
        let secret = self
            .api(&owner.namespace, Kind::Secret)
            .get(&name)
            .await
            .map_err(|error| ReconcileError::Child(key.clone(), error))?;
        secret
            .data
            .pointer("/data/tenant-key")
            .and_then(Value::as_str)
            .and_then(|text| base64::engine::general_purpose::STANDARD.decode(text).ok())
            .ok_or(ReconcileError::NoTenantKey(name))
    }

    /// Deletes children that are no longer wanted, each after a look at the live object.
    async fn sweep(
        &self,
        owner: &Owner,
        view: &View,
        children: &[Child],
        applied: &mut Applied,
    ) -> Result<(), ReconcileError> {
        let wanted: BTreeSet<&ChildKey> = children.iter().map(|child| &child.key).collect();
        for (key, seen) in view.children.iter().rev() {
            let ours = seen.owner.as_deref() == Some(&owner.uid);
            // Data is deleted with its CallCenter, if the spec says so, and never before.
            let is_data = key.kind == Kind::PersistentVolumeClaim;
            if ours && !seen.deleting && !is_data && !wanted.contains(key) {
                self.delete(owner, key, PropagationPolicy::Background, applied)
                    .await?;
            }
        }
        Ok(())
    }

    async fn delete(
        &self,
        owner: &Owner,
        key: &ChildKey,
        propagation: PropagationPolicy,
        applied: &mut Applied,
    ) -> Result<(), ReconcileError> {
        let failed = |error| ReconcileError::Child(key.clone(), error);
        let api = self.api(&owner.namespace, key.kind);
        let Some(live) = api.get_opt(&key.name).await.map_err(failed)? else {
            return Ok(());
        };
        if !is_ours(owner, key, &live) || live.metadata.deletion_timestamp.is_some() {
            return Ok(());
        }
        let params = DeleteParams {
            propagation_policy: Some(propagation),
            preconditions: Some(Preconditions {
                uid: live.metadata.uid.clone(),
                resource_version: live.metadata.resource_version.clone(),
            }),
            ..DeleteParams::default()
        };
        api.delete(&key.name, &params).await.map_err(failed)?;
        tracing::info!(child = %key, "deleted");
        self.metrics.wrote(key.kind.as_str());
        applied.wrote = true;
        Ok(())
    }

    async fn delete_pod(
        &self,
        owner: &Owner,
        pod: &DeletePod,
        applied: &mut Applied,
    ) -> Result<(), ReconcileError> {
        use k8s_openapi::api::core::v1::Pod;
        let api: Api<Pod> = Api::namespaced(self.client.clone(), &owner.namespace);
        let Some(live) = api.get_opt(&pod.name).await.map_err(ReconcileError::Read)? else {
            return Ok(());
        };
        if live.metadata.uid.as_deref() != Some(&pod.uid)
            || live.metadata.deletion_timestamp.is_some()
        {
            return Ok(());
        }
        let params = DeleteParams {
            preconditions: Some(Preconditions {
                uid: Some(pod.uid.clone()),
                resource_version: None,
            }),
            ..DeleteParams::default()
        };
        api.delete(&pod.name, &params)
            .await
            .map_err(ReconcileError::Read)?;
        tracing::info!(pod = pod.name, "deleted for its roll; it drains first");
        self.metrics.wrote("Pod");
        applied.wrote = true;
        Ok(())
    }

    async fn tear_down(
        &self,
        owner: &Owner,
        step: &Teardown,
        applied: &mut Applied,
    ) -> Result<(), ReconcileError> {
        match step {
            // In the foreground: it is there until its pods have drained and gone.
            Teardown::Delete(key) => {
                self.delete(owner, key, PropagationPolicy::Foreground, applied)
                    .await
            }
            Teardown::Wait(_) | Teardown::Release => Ok(()),
        }
    }

    /// Sets or takes off a finalizer by an apply that says nothing but the finalizer.
    async fn set_finalizer(
        &self,
        key: &TenantKey,
        finalizer: &SetFinalizer,
    ) -> Result<(), ReconcileError> {
        let kind = finalizer.id.kind;
        let resource = doc_resource(kind);
        let api: Api<DynamicObject> =
            Api::namespaced_with(self.client.clone(), &key.namespace, &resource);
        let mut metadata = json!({"name": finalizer.id.name, "uid": finalizer.uid});
        if finalizer.present {
            metadata["finalizers"] = json!([finalizer.name]);
        }
        let body = json!({
            "apiVersion": resource.api_version,
            "kind": resource.kind,
            "metadata": metadata,
        });
        let outcome = api
            .patch(&finalizer.id.name, &params(), &Patch::Apply(&body))
            .await;
        match outcome {
            Ok(_) => {
                tracing::info!(object = %finalizer.id, finalizer = finalizer.name, present = finalizer.present, "finalizer");
                self.metrics.wrote(kind.as_str());
                Ok(())
            }
            Err(error) => Err(ReconcileError::Document(finalizer.id.clone(), error)),
        }
    }
}

/// How the API serves one of the four kinds.
pub fn doc_resource(kind: trunkline_tenant::Kind) -> kube::api::ApiResource {
    use trunkline_crds::{GROUP, VERSION};
    kube::api::ApiResource {
        group: GROUP.to_owned(),
        version: VERSION.to_owned(),
        api_version: format!("{GROUP}/{VERSION}"),
        kind: kind.as_str().to_owned(),
        plural: format!("{}s", kind.as_str().to_lowercase()),
    }
}

/// One manager, which takes back what is its own, and no field that the schema doesn't have.
pub fn params() -> PatchParams {
    PatchParams {
        field_validation: Some(ValidationDirective::Strict),
        ..PatchParams::apply(MANAGER).force()
    }
}

/// Ours by its controller; where it has none, by the label that says for whom it was made. A
/// claim that was kept when its CallCenter went is there for the next of that name.
fn is_ours(owner: &Owner, key: &ChildKey, live: &DynamicObject) -> bool {
    let controller = live
        .owner_references()
        .iter()
        .find(|reference| reference.controller == Some(true));
    if let Some(controller) = controller {
        return controller.uid == owner.uid;
    }
    let labels = live.labels();
    let is = |label, value: &str| labels.get(label).map(String::as_str) == Some(value);
    let kept = key.kind == Kind::PersistentVolumeClaim
        && is(LABEL_MANAGED_BY, MANAGER)
        && is(LABEL_CENTER, &owner.name);
    kept || is(LABEL_OWNER, &owner.uid)
}

fn foreign(key: &ChildKey, live: &DynamicObject) -> ChildProblem {
    let whose = live
        .owner_references()
        .iter()
        .find(|reference| reference.controller == Some(true))
        .map_or_else(
            || "nobody that we know".to_owned(),
            |owner| format!("{} {}", owner.kind, owner.name),
        );
    ChildProblem {
        child: key.clone(),
        reason: "NameTaken",
        message: format!(
            "{key} exists and belongs to {whose}; it is left as it is. Delete or rename it, or give the CallCenter another name"
        ),
    }
}

fn is_invalid(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == 422)
}

/// An answer that trying again won't change.
fn refusal(key: &ChildKey, error: &kube::Error) -> Option<ChildProblem> {
    let kube::Error::Api(status) = error else {
        return None;
    };
    let reason = match status.code {
        403 => "Forbidden",
        422 | 400 => "Refused",
        _ => return None,
    };
    Some(ChildProblem {
        child: key.clone(),
        reason,
        message: format!("the API server refuses {key}: {}", status.message),
    })
}

fn random_hex() -> String {
    let mut bytes = [0_u8; 32];
    rand::rng().fill(&mut bytes);
    hex(&bytes)
}
