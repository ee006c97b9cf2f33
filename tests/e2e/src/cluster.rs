//! The cluster, by kubectl: what a user would type, so that what the tests see is what users see.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::command::{run, run_with_input};
use crate::progress::Progress;

/// A cluster that a kubeconfig names.
#[derive(Clone, Debug)]
pub struct Cluster {
    kubeconfig: PathBuf,
    kubectl: String,
}

impl Cluster {
    /// The cluster that `KUBECONFIG` names.
    ///
    /// # Errors
    /// Where the variable isn't set.
    pub fn from_env() -> Result<Self> {
        let kubeconfig = std::env::var_os("KUBECONFIG")
            .context("KUBECONFIG is not set: `make demo` and `make test` set it")?;
        let kubectl = std::env::var("KUBECTL").unwrap_or_else(|_| "kubectl".to_owned());
        Ok(Self {
            kubeconfig: kubeconfig.into(),
            kubectl,
        })
    }

    /// The kubeconfig's path.
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// The kubectl program.
    pub fn program(&self) -> &str {
        &self.kubectl
    }

    /// Runs kubectl and gives what it printed.
    ///
    /// # Errors
    /// As kubectl's own.
    pub fn kubectl(&self, args: &[&str]) -> Result<String> {
        let mut all = vec![
            "--kubeconfig",
            self.kubeconfig
                .to_str()
                .context("the kubeconfig's path is not UTF-8")?,
        ];
        all.extend(args);
        run(&self.kubectl, all)
    }

    /// Applies YAML, server-side, as a user's own field manager.
    ///
    /// # Errors
    /// As kubectl's own: what the API server refuses is in the message.
    pub fn apply(&self, yaml: &str) -> Result<String> {
        let kubeconfig = self
            .kubeconfig
            .to_str()
            .context("the kubeconfig's path is not UTF-8")?;
        run_with_input(
            &self.kubectl,
            [
                "--kubeconfig",
                kubeconfig,
                "apply",
                "--server-side",
                "-f",
                "-",
            ],
            yaml,
        )
    }

    /// One object as JSON; `None` where it isn't.
    ///
    /// # Errors
    /// As kubectl's own.
    pub fn get(&self, namespace: &str, kind: &str, name: &str) -> Result<Option<Value>> {
        let text = self.kubectl(&[
            "-n",
            namespace,
            "get",
            kind,
            name,
            "--ignore-not-found",
            "-o",
            "json",
        ])?;
        if text.trim().is_empty() {
            Ok(None)
        } else {
            Ok(Some(serde_json::from_str(&text)?))
        }
    }

    /// All objects of some kinds in a namespace.
    ///
    /// # Errors
    /// As kubectl's own.
    pub fn list(&self, namespace: &str, kinds: &str) -> Result<Vec<Value>> {
        let text = self.kubectl(&["-n", namespace, "get", kinds, "-o", "json"])?;
        let mut list: Value = serde_json::from_str(&text)?;
        Ok(list["items"]
            .as_array_mut()
            .map(std::mem::take)
            .unwrap_or_default())
    }

    /// Waits until a condition is `True` for the object's present generation.
    ///
    /// # Errors
    /// After `limit`, with the condition's own message.
    pub fn wait_condition(
        &self,
        progress: &Progress,
        namespace: &str,
        object: &str,
        condition: &str,
        limit: Duration,
    ) -> Result<()> {
        let (kind, name) = object.split_once('/').context("write KIND/NAME")?;
        progress.wait(
            &format!("{object} {condition}"),
            limit,
            Duration::from_millis(300),
            || {
                let found = self
                    .get(namespace, kind, name)
                    .map_err(|e| e.to_string())?
                    .ok_or("it does not exist yet")?;
                condition_holds(&found, condition)
            },
        )
    }
}

/// Whether a condition is `True` for the present generation; else why not, in the operator's words.
///
/// # Errors
/// The reason why not.
pub fn condition_holds(object: &Value, condition: &str) -> Result<(), String> {
    let generation = object["metadata"]["generation"]
        .as_i64()
        .unwrap_or_default();
    let observed = object["status"]["observedGeneration"]
        .as_i64()
        .unwrap_or_default();
    let found = object["status"]["conditions"]
        .as_array()
        .and_then(|all| all.iter().find(|one| one["type"] == condition))
        .ok_or_else(|| format!("no condition {condition} yet"))?;
    if observed != generation {
        return Err(format!("generation {generation} is not observed yet"));
    }
    if found["status"] == "True" {
        return Ok(());
    }
    Err(format!(
        "{}: {}",
        found["reason"].as_str().unwrap_or("?"),
        found["message"].as_str().unwrap_or("")
    ))
}
