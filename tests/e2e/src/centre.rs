//! The centre of `examples/northwind`, as the demo and the tests deploy it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::cluster::Cluster;
use crate::command::run;
use crate::engine::{Engine, secret};
use crate::progress::Progress;
use crate::world::{Party, World};

/// The namespace of the operator itself.
pub const SYSTEM: &str = "trunkline-system";
/// The tenant's namespace and name.
pub const TENANT: &str = "northwind";
/// The client's number, which both carriers may bring in.
pub const NUMBER: &str = "+493023125001";

/// The deployed centre.
pub struct Centre {
    /// The repository's root.
    pub repository: PathBuf,
    /// Where it runs.
    pub cluster: Cluster,
    /// Who is around it.
    pub world: World,
    /// Its engine's API.
    pub engine: Engine,
    /// The entry Service as the world reaches it: `HOST:PORT`.
    pub entry: String,
    /// Says what is done.
    pub progress: Progress,
    /// Phones started so far.
    phones: u16,
}

/// The repository that this program was built from.
pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Installs the two charts, with the images that `images/build.sh` named.
///
/// # Errors
/// As helm's own.
pub fn install(cluster: &Cluster, progress: &Progress) -> Result<()> {
    let charts = repository().join("charts");
    let kubeconfig = cluster
        .kubeconfig()
        .to_str()
        .context("the kubeconfig's path is not UTF-8")?;
    let image = |variable: &str| {
        std::env::var(variable)
            .with_context(|| format!("{variable} is not set: `make demo` and `make test` set it"))
    };
    let chart = |name: &str| charts.join(name).to_string_lossy().into_owned();
    let helm = |release: &str, more: &[String]| -> Result<()> {
        let mut args: Vec<String> = ["--kubeconfig", kubeconfig, "upgrade", "--install", release]
            .map(str::to_owned)
            .to_vec();
        args.push(chart(release));
        args.extend(["--namespace", SYSTEM, "--create-namespace"].map(str::to_owned));
        args.extend_from_slice(more);
        run("helm", args).map(drop)
    };
    progress.say("installing charts/trunkline-crds and charts/trunkline with helm");
    helm("trunkline-crds", &[])?;
    let set = |key: &str, value: String| ["--set-string".to_owned(), format!("{key}={value}")];
    let mut images = Vec::new();
    images.extend(set("images.operator", image("OPERATOR_IMAGE")?));
    images.extend(set("images.engine", image("ENGINE_IMAGE")?));
    images.extend(set("images.media", image("MEDIA_IMAGE")?));
    helm("trunkline", &images)?;
    cluster.kubectl(&[
        "-n",
        SYSTEM,
        "rollout",
        "status",
        "deployment/trunkline-operator",
        "--timeout=90s",
    ])?;
    Ok(())
}

impl Centre {
    /// Applies the example, starts nothing outside yet, and waits until the tenant serves.
    ///
    /// # Errors
    /// Where a stage doesn't come, with the operator's own words.
    pub fn deploy(cluster: Cluster, world: World, progress: Progress) -> Result<Self> {
        let repository = repository();
        progress.say("applying examples/northwind");
        apply_example(&cluster, &world, &repository)?;
        let minute = Duration::from_secs(90);
        for condition in ["ConfigApplied", "EngineReady", "MediaReady", "Ready"] {
            cluster.wait_condition(&progress, TENANT, "cc/northwind", condition, minute)?;
            progress.say(format!("cc/northwind {condition}"));
        }
        let engine = Engine::of(&cluster, TENANT, TENANT)?;
        let entry = world.entry(TENANT, "northwind-sip")?;
        Ok(Self {
            repository,
            cluster,
            world,
            engine,
            entry,
            progress,
            phones: 0,
        })
    }

    /// Applies the example again: what a test has changed is as it was.
    ///
    /// # Errors
    /// As kubectl's own.
    pub fn apply_example(&self) -> Result<()> {
        apply_example(&self.cluster, &self.world, &self.repository)
    }

    /// Waits until every document of the tenant is Ready.
    ///
    /// # Errors
    /// After a minute and a half, with the first that isn't.
    pub fn all_ready(&self) -> Result<()> {
        for object in ["cct/carrier-a", "cct/carrier-b", "ccl/acme", "cc/northwind"] {
            self.cluster.wait_condition(
                &self.progress,
                TENANT,
                object,
                "Ready",
                Duration::from_secs(90),
            )?;
            self.progress.say(format!("{object} Ready"));
        }
        Ok(())
    }

    /// Starts the carrier that the first trunk registers with.
    ///
    /// # Errors
    /// Where it can't be started.
    pub fn carrier_a(&self) -> Result<Party> {
        let user = secret(&self.cluster, TENANT, "carrier-a", "username")?;
        let password = secret(&self.cluster, TENANT, "carrier-a", "password")?;
        let at = format!("{}:5060", self.world.address("carrier-a")?);
        self.world.start(
            "carrier-a",
            "registrar.sh",
            &["--at", &at, "--user", &user, "--password", &password],
        )
    }

    /// Starts the carrier that is known by its address: it answers our OPTIONS.
    ///
    /// # Errors
    /// Where it can't be started.
    pub fn carrier_b(&self) -> Result<Party> {
        let at = format!("{}:5060", self.world.address("carrier-b")?);
        self.world.start("carrier-b", "phone.sh", &["--at", &at])
    }

    /// Starts an agent's phone, registered under their name, with more options of `phone.sh`.
    ///
    /// # Errors
    /// Where it can't register.
    pub fn phone(&mut self, agent: &str, role: &str, more: &[&str]) -> Result<Party> {
        let password = secret(&self.cluster, TENANT, "northwind-agents-0", agent)?;
        // A port of its own: a phone that comes back at an address which has failed counts as
        // away until Asterisk next asks it.
        self.phones += 1;
        let at = format!(
            "{}:{}",
            self.world.address(role)?,
            5100 + (std::process::id() % 400) as u16 + 7 * self.phones
        );
        let mut args = vec![
            "--at",
            &at,
            "--register",
            &self.entry,
            "--user",
            agent,
            "--password",
            &password,
        ];
        args.extend_from_slice(more);
        self.world
            .phone(&self.progress, &format!("phone-{agent}"), &args)
    }

    /// Starts a caller behind a carrier, with more options of `caller.sh`.
    ///
    /// # Errors
    /// Where the script can't be run.
    pub fn caller(&self, name: &str, carrier: &str, port: u16, more: &[&str]) -> Result<Party> {
        let from = format!("{}:{port}", self.world.address(carrier)?);
        let mut args = vec!["--from", &from, "--to", &self.entry];
        if !more.contains(&"--number") {
            args.extend(["--number", NUMBER]);
        }
        args.extend_from_slice(more);
        self.world.start(name, "caller.sh", &args)
    }

    /// Signs an agent in, ready, and waits until they are idle.
    ///
    /// # Errors
    /// Where they don't become idle.
    pub fn sign_in(&mut self, agent: &str) -> Result<()> {
        self.engine.sign_in(agent)?;
        // A phone that comes back at the same address counts as away until it is next asked.
        self.agent_is(agent, "idle", Duration::from_secs(45))
    }

    /// Waits until an agent is at something.
    ///
    /// # Errors
    /// After `limit`, with what they are at.
    pub fn agent_is(&mut self, agent: &str, state: &str, limit: Duration) -> Result<()> {
        let engine = &mut self.engine;
        self.progress.wait(
            &format!("{agent} to be {state}"),
            limit,
            Duration::from_millis(100),
            || {
                let now = engine.agent_state(agent).map_err(|e| e.to_string())?;
                if now["state"] == state {
                    Ok(())
                } else {
                    Err(format!("they are {}", now["state"]))
                }
            },
        )
    }

    /// Waits for a live contact in a state, of a caller's number where one is given.
    ///
    /// # Errors
    /// After `limit`, with the live contacts.
    pub fn contact_is(
        &mut self,
        customer: Option<&str>,
        state: &str,
        limit: Duration,
    ) -> Result<Value> {
        let engine = &mut self.engine;
        self.progress.wait(
            &format!("a contact to be {state}"),
            limit,
            Duration::from_millis(50),
            || {
                let live = engine.live().map_err(|e| e.to_string())?;
                let states: Vec<&str> = live.iter().filter_map(|c| c["state"].as_str()).collect();
                let waiting = format!("live contacts are {states:?}");
                live.into_iter()
                    .find(|c| {
                        c["state"] == state && customer.is_none_or(|who| c["customer"] == who)
                    })
                    .ok_or(waiting)
            },
        )
    }

    /// Waits until a contact's record is complete: ended, and its wrap-up over.
    ///
    /// # Errors
    /// After `limit`.
    pub fn complete(&mut self, id: u64, limit: Duration) -> Result<Value> {
        let engine = &mut self.engine;
        self.progress.wait(
            &format!("the record of contact {id}"),
            limit,
            Duration::from_millis(200),
            || {
                let record = engine.contact(id).map_err(|e| e.to_string())?;
                if record["complete"] == true {
                    Ok(record)
                } else {
                    Err(format!("it is {}", record["state"]))
                }
            },
        )
    }
}

fn apply_example(cluster: &Cluster, world: &World, repository: &Path) -> Result<()> {
    for file in example(repository)? {
        cluster.apply(&world.localise(&std::fs::read_to_string(&file)?)?)?;
    }
    Ok(())
}

fn example(repository: &Path) -> Result<Vec<PathBuf>> {
    let folder = repository.join("examples/northwind");
    let mut files: Vec<PathBuf> = std::fs::read_dir(&folder)?
        .map(|entry| entry.map(|e| e.path()))
        .collect::<Result<_, _>>()?;
    files.retain(|file| file.extension().is_some_and(|e| e == "yaml"));
    files.sort();
    ensure!(!files.is_empty(), "no YAML in {}", folder.display());
    Ok(files)
}
