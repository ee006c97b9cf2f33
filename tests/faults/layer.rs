//! What stands between the operator and the API server.

use std::future::pending;
use std::sync::{Arc, Mutex};

use http::{Method, Request, Response, StatusCode};
use http_body_util::BodyExt;
use kube::Client;
use kube::client::Body;
use serde_json::Value;
use tokio::sync::watch;
use tower::{BoxError, service_fn};

/// What goes wrong, at the operator's `n`-th write, counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing.
    None,
    /// The operator dies before the write is sent.
    CrashBefore(usize),
    /// The operator dies when the write is done and before it hears of it.
    CrashAfter(usize),
    /// The write is done, the answer is lost, the operator lives on.
    LoseAnswer(usize),
}

/// An operator with a bug, as the API server would see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mutant {
    /// It never repairs a child that exists.
    NeverRepairs,
    /// It calls itself Ready whatever is so.
    AlwaysReady,
    /// It writes at every look, for it doesn't mark what it has written.
    NeverAtRest,
    /// It doesn't look whose an object is before it writes.
    Adopts,
    /// It forgets a child and takes it for made.
    LosesChild,
}

/// What the layer does and has seen.
#[derive(Debug)]
pub struct Layer {
    fault: Mutex<Fault>,
    mutant: Option<Mutant>,
    writes: Mutex<Vec<String>>,
    hidden: Mutex<Option<&'static str>>,
    crashed: watch::Sender<bool>,
}

impl Layer {
    /// A layer that does nothing yet.
    pub fn new(mutant: Option<Mutant>) -> Arc<Self> {
        Arc::new(Self {
            fault: Mutex::new(Fault::None),
            mutant,
            writes: Mutex::default(),
            hidden: Mutex::default(),
            crashed: watch::channel(false).0,
        })
    }

    /// From now on, counting from now.
    pub fn set(&self, fault: Fault) {
        *self.fault.lock().unwrap() = fault;
        self.writes.lock().unwrap().clear();
        self.crashed.send_replace(false);
    }

    /// From now on the API knows nothing under that path.
    pub fn hide(&self, path: Option<&'static str>) {
        *self.hidden.lock().unwrap() = path;
    }

    /// What was written since, but for Events and Leases.
    pub fn writes(&self) -> Vec<String> {
        self.writes.lock().unwrap().clone()
    }

    /// Waits for the crash.
    pub async fn crashed(&self) {
        let mut crashed = self.crashed.subscribe();
        crashed.wait_for(|crashed| *crashed).await.unwrap();
    }

    /// A client whose requests pass through here.
    pub fn client(self: &Arc<Self>, inner: Client) -> Client {
        let layer = self.clone();
        let service = service_fn(move |request: Request<Body>| {
            let (layer, inner) = (layer.clone(), inner.clone());
            async move { layer.pass(inner, request).await }
        });
        Client::new(service, "default")
    }

    async fn pass(
        &self,
        inner: Client,
        request: Request<Body>,
    ) -> Result<Response<Body>, BoxError> {
        let path = request.uri().path().to_owned();
        let hidden = *self.hidden.lock().unwrap();
        if hidden.is_some_and(|hidden| path.starts_with(hidden)) {
            return Ok(not_found());
        }
        let is_write = !matches!(*request.method(), Method::GET)
            && !path.contains("/events")
            && !path.contains("/leases/");
        if !is_write {
            if self.mutant == Some(Mutant::Adopts) && path.ends_with("/services/centre-sip") {
                return Ok(not_found());
            }
            return send(&inner, request).await;
        }
        let number = {
            let mut writes = self.writes.lock().unwrap();
            writes.push(format!("{} {path}", request.method()));
            writes.len()
        };
        let fault = *self.fault.lock().unwrap();
        match fault {
            Fault::CrashBefore(at) if number >= at => {
                self.crashed.send_replace(true);
                pending().await
            }
            Fault::CrashAfter(at) if number >= at => {
                if number == at {
                    send(&inner, request).await?;
                }
                self.crashed.send_replace(true);
                pending().await
            }
            Fault::LoseAnswer(at) if number == at => {
                send(&inner, request).await?;
                Err("the connection was reset before the answer came".into())
            }
            _ => self.as_mutant(&inner, request, &path).await,
        }
    }

    /// Sends the write as the seeded bug would have it.
    async fn as_mutant(
        &self,
        inner: &Client,
        request: Request<Body>,
        path: &str,
    ) -> Result<Response<Body>, BoxError> {
        let (mut parts, body) = request.into_parts();
        let bytes = body.collect().await?.to_bytes();
        let mut object: Value = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        // A falsified body has another length.
        parts.headers.remove(http::header::CONTENT_LENGTH);
        let read = |path: &str| {
            Request::get(path.to_owned())
                .body(Body::empty())
                .map_err(BoxError::from)
        };
        match self.mutant {
            Some(Mutant::NeverRepairs) if parts.method == Method::PATCH && !is_doc(path) => {
                let live = send(inner, read(path)?).await?;
                if live.status().is_success() {
                    return Ok(live);
                }
            }
            Some(Mutant::LosesChild) if path.ends_with("/poddisruptionbudgets/centre-media") => {
                return Ok(Response::new(Body::from(bytes.to_vec())));
            }
            Some(Mutant::NeverAtRest) => {
                if let Some(annotations) = object
                    .pointer_mut("/metadata/annotations")
                    .and_then(Value::as_object_mut)
                {
                    annotations.remove("trunkline.dev/applied");
                }
            }
            Some(Mutant::AlwaysReady) => {
                let conditions = object.pointer_mut("/status/conditions");
                for condition in conditions
                    .and_then(Value::as_array_mut)
                    .into_iter()
                    .flatten()
                {
                    let healthy = match condition["type"].as_str() {
                        Some("Stalled" | "Reconciling") => "False",
                        _ => "True",
                    };
                    condition["status"] = healthy.into();
                }
            }
            _ => {}
        }
        let bytes = if object.is_null() {
            bytes.to_vec()
        } else {
            serde_json::to_vec(&object)?
        };
        send(inner, Request::from_parts(parts, Body::from(bytes))).await
    }
}

fn is_doc(path: &str) -> bool {
    path.contains("/apis/trunkline.dev/")
}

fn not_found() -> Response<Body> {
    let status = r#"{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"NotFound","message":"not found","code":404}"#;
    let mut response = Response::new(Body::from(status.as_bytes().to_vec()));
    *response.status_mut() = StatusCode::NOT_FOUND;
    response
}

async fn send(inner: &Client, request: Request<Body>) -> Result<Response<Body>, BoxError> {
    Ok(inner.send(request).await?)
}
