//! The engine's HTTP API, reached as a user would: by `kubectl port-forward` and a token from the
//! tenant's Secret.

use std::fmt;
use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use crate::cluster::Cluster;
use crate::command::run_with_input;

/// For so long an engine that doesn't lead is asked again, as it says itself.
const LEADS: Duration = Duration::from_secs(10);
const AGAIN: Duration = Duration::from_millis(100);

/// What an engine says that doesn't lead.
#[derive(Debug)]
struct NotLeading(String);

impl fmt::Display for NotLeading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the engine does not lead: {}", self.0)
    }
}

impl std::error::Error for NotLeading {}

/// A tenant's engine.
pub struct Engine {
    cluster: Cluster,
    namespace: String,
    centre: String,
    token: String,
    forward: Option<Forward>,
    http: reqwest::Client,
    runtime: tokio::runtime::Runtime,
}

/// A `kubectl port-forward`, ended when dropped.
struct Forward {
    child: Child,
    base: String,
    /// Held open: kubectl tells of each connection there, and ends if nobody listens.
    _told: BufReader<ChildStdout>,
}

impl Drop for Forward {
    fn drop(&mut self) {
        // One that has ended already needs nothing.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Engine {
    /// The engine of a tenant whose API token is in the Secret `CENTRE-api`.
    ///
    /// # Errors
    /// Where the Secret isn't there.
    pub fn of(cluster: &Cluster, namespace: &str, centre: &str) -> Result<Self> {
        let token = secret(cluster, namespace, &format!("{centre}-api"), "admin-token")?;
        let http = reqwest::Client::builder()
            .timeout(Duration::from_secs(5))
            .build()?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        Ok(Self {
            cluster: cluster.clone(),
            namespace: namespace.to_owned(),
            centre: centre.to_owned(),
            token,
            forward: None,
            http,
            runtime,
        })
    }

    /// Lets go of the engine spoken to so far: the next call goes to whichever serves then.
    pub fn reconnect(&mut self) {
        self.forward = None;
    }

    /// `GET path`.
    ///
    /// # Errors
    /// Where the engine isn't there or refuses; its words are in the message.
    pub fn get(&mut self, path: &str) -> Result<Value> {
        self.call(reqwest::Method::GET, path, None)
    }

    /// `POST path`.
    ///
    /// # Errors
    /// As [`Engine::get`].
    pub fn post(&mut self, path: &str, body: &Value) -> Result<Value> {
        self.call(reqwest::Method::POST, path, Some(body))
    }

    /// What an agent does: one of the API's commands.
    ///
    /// # Errors
    /// As [`Engine::get`].
    pub fn agent(&mut self, agent: &str, command: &Value) -> Result<Value> {
        self.post(&format!("/api/v1/agents/{agent}/commands"), command)
    }

    /// Signs an agent in who is there as long as their phone is registered.
    ///
    /// # Errors
    /// As [`Engine::get`].
    pub fn sign_in(&mut self, agent: &str) -> Result<()> {
        self.agent(
            agent,
            &json!({"do": "signIn", "ready": true, "presence": "endpoint"}),
        )?;
        // Who is signed in already stays as they were, after a RONA for instance.
        self.agent(agent, &json!({"do": "ready"}))?;
        Ok(())
    }

    /// The live contacts, first arrived first.
    ///
    /// # Errors
    /// As [`Engine::get`].
    pub fn live(&mut self) -> Result<Vec<Value>> {
        Ok(self
            .get("/api/v1/contacts")?
            .as_array()
            .cloned()
            .unwrap_or_default())
    }

    /// The newest contacts that have ended.
    ///
    /// # Errors
    /// As [`Engine::get`].
    pub fn ended(&mut self) -> Result<Vec<Value>> {
        Ok(self
            .get("/api/v1/contacts?state=ended&limit=1000")?
            .as_array()
            .cloned()
            .unwrap_or_default())
    }

    /// One contact's record.
    ///
    /// # Errors
    /// As [`Engine::get`].
    pub fn contact(&mut self, id: u64) -> Result<Value> {
        self.get(&format!("/api/v1/contacts/{id}"))
    }

    /// What an agent is at.
    ///
    /// # Errors
    /// As [`Engine::get`].
    pub fn agent_state(&mut self, agent: &str) -> Result<Value> {
        self.get(&format!("/api/v1/agents/{agent}"))
    }

    fn call(&mut self, method: reqwest::Method, path: &str, body: Option<&Value>) -> Result<Value> {
        let until = Instant::now() + LEADS;
        loop {
            // A forward dies with the pod that it leads to: made anew, once.
            let answer = match self.try_call(method.clone(), path, body) {
                Err(error) if error.downcast_ref::<reqwest::Error>().is_some() => {
                    self.forward = None;
                    self.try_call(method.clone(), path, body)
                }
                answer => answer,
            };
            match answer {
                Err(error) if error.is::<NotLeading>() && Instant::now() < until => {
                    std::thread::sleep(AGAIN);
                }
                answer => return answer,
            }
        }
    }

    fn try_call(
        &mut self,
        method: reqwest::Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Value> {
        if self.forward.is_none() {
            self.forward = Some(self.open()?);
        }
        let base = self
            .forward
            .as_ref()
            .map(|f| f.base.clone())
            .unwrap_or_default();
        let mut request = self
            .http
            .request(method, format!("{base}{path}"))
            .bearer_auth(&self.token);
        if let Some(body) = body {
            request = request.json(body);
        }
        let (status, text) = self.runtime.block_on(async {
            let answer = request.send().await?;
            let status = answer.status();
            Ok::<_, reqwest::Error>((status, answer.text().await?))
        })?;
        if status == reqwest::StatusCode::SERVICE_UNAVAILABLE {
            return Err(NotLeading(text).into());
        }
        if !status.is_success() {
            bail!("the engine answered {path} with {status}: {text}");
        }
        if text.is_empty() {
            Ok(Value::Null)
        } else {
            Ok(serde_json::from_str(&text)?)
        }
    }

    fn open(&self) -> Result<Forward> {
        let mut child = Command::new(self.cluster.program())
            .arg("--kubeconfig")
            .arg(self.cluster.kubeconfig())
            .args([
                "-n",
                &self.namespace,
                "port-forward",
                &format!("service/{}-api", self.centre),
                ":8080",
            ])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .context("could not start kubectl port-forward")?;
        let stdout = child
            .stdout
            .take()
            .context("kubectl port-forward has no output")?;
        let mut first = String::new();
        let mut told = BufReader::new(stdout);
        told.read_line(&mut first)?;
        let port: Option<u16> = first
            .split_once("127.0.0.1:")
            .and_then(|(_, rest)| rest.split_whitespace().next())
            .and_then(|number| number.parse().ok());
        let base = format!("http://127.0.0.1:{}", port.unwrap_or_default());
        let forward = Forward {
            child,
            base,
            _told: told,
        };
        if port.is_none() {
            bail!(
                "kubectl port-forward to {}-api said `{}`: is the engine Ready?",
                self.centre,
                first.trim()
            );
        }
        Ok(forward)
    }
}

/// A value of a Secret.
///
/// # Errors
/// Where the Secret or the key isn't there.
pub fn secret(cluster: &Cluster, namespace: &str, name: &str, key: &str) -> Result<String> {
    let found = cluster
        .get(namespace, "secret", name)?
        .with_context(|| format!("there is no Secret {namespace}/{name}"))?;
    let encoded = found["data"][key]
        .as_str()
        .with_context(|| format!("Secret {namespace}/{name} has no key {key}"))?;
    run_with_input("base64", ["--decode"], encoded)
}
