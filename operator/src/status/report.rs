//! Writes statuses where they differ, and tells of turns in Events.

use std::sync::Arc;

use futures::TryStreamExt;
use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::api::{DynamicObject, Patch};
use kube::runtime::events::{Event, EventType, Recorder, Reporter as EventSource};
use kube::{Api, Client};
use serde_json::{Value, json};

use super::{DocStatus, is_bad};
use crate::controller::ReconcileError;
use crate::controller::apply::{doc_resource, params};
use crate::controller::gather::Gathered;
use crate::names::MANAGER;
use crate::telemetry::Metrics;

/// Statuses written at once for one tenant: a thousand agents are a thousand documents.
const AT_ONCE: usize = 8;
/// An Event's note may have 1 KiB.
const NOTE_BYTES: usize = 1000;

/// Writes statuses and Events. One for all reconciles: what it has told it doesn't tell again.
#[derive(Clone)]
pub struct Reporter {
    client: Client,
    recorder: Recorder,
    metrics: Arc<Metrics>,
}

impl Reporter {
    /// A reporter under this replica's name.
    pub fn new(client: Client, instance: String, metrics: Arc<Metrics>) -> Self {
        let source = EventSource {
            controller: MANAGER.to_owned(),
            instance: Some(instance),
        };
        Self {
            recorder: Recorder::new(client.clone(), source),
            client,
            metrics,
        }
    }

    /// Writes what differs.
    ///
    /// # Errors
    /// When a status can't be written; a document that is gone is no error.
    pub async fn write(
        &self,
        gathered: &Gathered,
        statuses: &[DocStatus],
    ) -> Result<(), ReconcileError> {
        let differing = statuses.iter().filter(|new| {
            let old = gathered.view.docs.get(&new.id).map(|doc| &doc.status);
            old.is_none_or(|old| !same(old, &new.status))
        });
        futures::stream::iter(differing.map(Ok))
            .try_for_each_concurrent(AT_ONCE, |status| self.one(status))
            .await
    }

    async fn one(&self, new: &DocStatus) -> Result<(), ReconcileError> {
        let resource = doc_resource(new.id.kind);
        let api: Api<DynamicObject> =
            Api::namespaced_with(self.client.clone(), &new.id.namespace, &resource);
        // What we know of it may be older than our last write: a time that was set then stays.
        let mut status = new.status.clone();
        match api.get_opt(&new.id.name).await {
            Ok(Some(live)) => keep_times(&mut status, &live.data["status"]),
            Ok(None) => return Ok(()),
            Err(error) => return Err(ReconcileError::Document(new.id.clone(), error)),
        }
        let body = json!({
            "apiVersion": resource.api_version,
            "kind": resource.kind,
            "metadata": {"name": new.id.name, "uid": new.uid},
            "status": status,
        });
        match api
            .patch_status(&new.id.name, &params(), &Patch::Apply(&body))
            .await
        {
            Ok(_) => self.metrics.wrote("status"),
            // Deleted, or made anew, in the meantime: its going is an event.
            Err(kube::Error::Api(status)) if status.code == 404 || status.code == 409 => {
                return Ok(());
            }
            Err(error) => return Err(ReconcileError::Document(new.id.clone(), error)),
        }
        for turn in &new.turned {
            self.tell(new, turn).await;
        }
        Ok(())
    }

    async fn tell(&self, of: &DocStatus, turn: &Condition) {
        let resource = doc_resource(of.id.kind);
        let reference = ObjectReference {
            api_version: Some(resource.api_version),
            kind: Some(resource.kind),
            name: Some(of.id.name.clone()),
            namespace: Some(of.id.namespace.clone()),
            uid: Some(of.uid.clone()),
            ..ObjectReference::default()
        };
        let mut note = match turn.message.as_str() {
            "" => format!("{} is {}", turn.type_, turn.status),
            message => format!("{} is {}: {message}", turn.type_, turn.status),
        };
        if note.len() > NOTE_BYTES {
            let cut = (0..=NOTE_BYTES).rev().find(|at| note.is_char_boundary(*at));
            note.truncate(cut.unwrap_or(0));
        }
        let event = Event {
            type_: if is_bad(turn) {
                EventType::Warning
            } else {
                EventType::Normal
            },
            reason: turn.reason.clone(),
            note: Some(note),
            action: turn.type_.clone(),
            secondary: None,
        };
        // An Event that is lost is a pity; a status that isn't written because of it is a lie.
        if let Err(error) = self.recorder.publish(&event, &reference).await {
            tracing::warn!(object = %of.id, error = %error, "can't write an Event");
        }
    }
}

/// Gives each condition that `live` has with the same status the time that it has there.
fn keep_times(status: &mut Value, live: &Value) {
    let Some(conditions) = status.get_mut("conditions").and_then(Value::as_array_mut) else {
        return;
    };
    let known = live["conditions"].as_array().map_or(&[][..], Vec::as_slice);
    for new in conditions {
        let same = |old: &&Value| old["type"] == new["type"] && old["status"] == new["status"];
        if let Some(old) = known.iter().find(same) {
            new["lastTransitionTime"] = old["lastTransitionTime"].clone();
        }
    }
}

/// Whether two statuses say the same; what is null or absent is the same.
fn same(old: &Value, new: &Value) -> bool {
    match (old, new) {
        (Value::Object(old), Value::Object(new)) => {
            let absent = Value::Null;
            old.keys().chain(new.keys()).all(|key| {
                same(
                    old.get(key).unwrap_or(&absent),
                    new.get(key).unwrap_or(&absent),
                )
            })
        }
        (Value::Array(old), Value::Array(new)) => {
            old.len() == new.len() && old.iter().zip(new).all(|(old, new)| same(old, new))
        }
        (old, new) => old == new,
    }
}
