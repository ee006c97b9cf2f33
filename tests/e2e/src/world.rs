//! Carriers and phones around the centre: real SIP from outside the cluster, by the scripts of
//! `tests/voip`. Each process ends with the value that started it, and with the world.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::command::{run, run_with_input};
use crate::progress::Progress;

/// The closed network that the carriers and the phones live in.
#[derive(Clone, Debug)]
pub struct World {
    scripts: PathBuf,
    logs: PathBuf,
}

/// A running SIP party; ended when dropped.
pub struct Party {
    name: String,
    child: Child,
    logs: PathBuf,
}

impl World {
    /// The world that is up already.
    ///
    /// # Errors
    /// Where `STATE` is not set.
    pub fn attach(repository: &Path) -> Result<Self> {
        let state = std::env::var("STATE")
            .context("STATE is not set: `make demo` and `make test` set it")?;
        let world = std::env::var("WORLD").unwrap_or_else(|_| format!("{state}.world"));
        Ok(Self {
            scripts: repository.join("tests/voip"),
            logs: PathBuf::from(world).join("log"),
        })
    }

    /// The address of a role: `carrier-a`, `carrier-b`, `phone-1`, `phone-2`.
    ///
    /// # Errors
    /// Where the world has no such role.
    pub fn address(&self, role: &str) -> Result<String> {
        Ok(
            run(path(&self.scripts.join("world.sh"))?, ["address", role])?
                .trim()
                .to_owned(),
        )
    }

    /// A document of the examples with the carriers' addresses as they are in this world.
    ///
    /// # Errors
    /// Where the world can't say.
    pub fn localise(&self, yaml: &str) -> Result<String> {
        run_with_input(path(&self.scripts.join("world.sh"))?, ["localise"], yaml)
    }

    /// A tenant's entry Service as this world reaches it: `HOST:PORT`.
    ///
    /// # Errors
    /// Where the Service has no port yet.
    pub fn entry(&self, namespace: &str, service: &str) -> Result<String> {
        Ok(run(
            path(&self.scripts.join("world.sh"))?,
            ["entry", namespace, service],
        )?
        .trim()
        .to_owned())
    }

    /// Starts a party by its script: `phone.sh`, `registrar.sh`, `caller.sh`.
    ///
    /// # Errors
    /// Where the script can't be run.
    pub fn start(&self, name: &str, script: &str, args: &[&str]) -> Result<Party> {
        let child = Command::new(self.scripts.join(script))
            .args(args)
            .args(["--name", name])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("could not start {script} for {name}"))?;
        Ok(Party {
            name: name.to_owned(),
            child,
            logs: self.logs.join(name),
        })
    }

    /// Starts a phone and waits until it is registered and listens.
    ///
    /// # Errors
    /// Where it could not register.
    pub fn phone(&self, progress: &Progress, name: &str, args: &[&str]) -> Result<Party> {
        let mut phone = self.start(name, "phone.sh", args)?;
        let ready = phone.logs.join("ready");
        progress
            .wait(
                &format!("phone {name}"),
                // three attempts, of 5 s each where no answer comes
                Duration::from_secs(30),
                Duration::from_millis(50),
                || {
                    if ready.exists() {
                        return Ok(Ok(()));
                    }
                    match phone.child.try_wait() {
                        Ok(Some(_)) => Ok(Err(phone.words())),
                        _ => Err("it is registering".to_owned()),
                    }
                },
            )?
            .map_err(|words| {
                anyhow::anyhow!("phone {name} ended before it was registered: {words}")
            })?;
        Ok(phone)
    }
}

impl Party {
    /// Waits for its end; whether it went as the scenario says is its exit status.
    ///
    /// # Errors
    /// Where the scenario failed, with the script's words.
    pub fn finish(mut self, progress: &Progress, limit: Duration) -> Result<()> {
        let name = self.name.clone();
        let status = progress.wait(&name, limit, Duration::from_millis(50), || {
            match self.child.try_wait() {
                Ok(Some(status)) => Ok(status),
                Ok(None) => Err("its call goes on".to_owned()),
                Err(error) => Err(error.to_string()),
            }
        })?;
        if !status.success() {
            bail!("{name} ended with {status}: {}", self.words());
        }
        Ok(())
    }

    /// Whether it still runs.
    pub fn runs(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// What its SIP scenario has logged so far.
    pub fn events(&self) -> String {
        std::fs::read_to_string(self.logs.join("events.log")).unwrap_or_default()
    }

    fn words(&mut self) -> String {
        let mut words = String::new();
        if let Some(pipe) = self.child.stderr.as_mut() {
            // Only colour for an error that is being reported anyway.
            let _ = pipe.read_to_string(&mut words);
        }
        words.push_str(&std::fs::read_to_string(self.logs.join("errors.log")).unwrap_or_default());
        words
    }
}

impl Drop for Party {
    fn drop(&mut self) {
        // Its script ends the SIP process with itself; one that has ended already needs nothing.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn path(script: &Path) -> Result<&str> {
    script
        .to_str()
        .context("the repository's path is not UTF-8")
}
