//! The command line and the environment, as options.

use std::io::IsTerminal as _;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use clap::{Args, ValueEnum};
use tracing_subscriber::EnvFilter;
use trunkline_engine::api::Tokens;
use trunkline_engine::journal::{Epoch, Location};
use trunkline_engine::keys::{ARI_USER, TenantKey};
use trunkline_engine::kube::Cluster;
use trunkline_engine::leader::{APP, Me, MediaPod};
use trunkline_engine::process::{make_secret, read_secret};
use trunkline_engine::run::{Options, Place, Voice};
use trunkline_engine::telephony::ari::{Host, HostName};
use trunkline_engine::telephony::driver::Settings;
use trunkline_engine::telephony::sim::SimSettings;
use trunkline_routing::Span;

const DAY: i64 = 86_400;
/// In days: see [`trunkline_engine::run::RETENTION`].
const DEFAULT_RETENTION: u32 = 400;
/// Where the ARI of a media pod listens.
const ARI_PORT: u16 = 8088;

/// How calls are carried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Telephony {
    /// By Asterisk.
    Ari,
    /// By imagined callers and telephones.
    Sim,
    /// Not at all.
    None,
}

/// How log lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Logs {
    /// A JSON object a line.
    Json,
    /// For a person.
    Text,
}

/// `trunkline-engine run`.
#[derive(Args, Debug)]
pub struct RunArgs {
    /// Run as a pod: configuration, Lease and media pods come from the API server
    #[arg(long)]
    kube: bool,
    /// A compiled Tenant, a manifest or a folder of manifests
    #[arg(long, required_unless_present = "kube", conflicts_with = "kube")]
    config: Option<PathBuf>,
    /// The journal's file (SQLite)
    #[arg(long, env = "JOURNAL", required_unless_present = "journal_url_file")]
    journal: Option<PathBuf>,
    /// Instead: a file that holds the URL of a Postgres database. Two engines may share it, one
    /// stands by. With `ca.crt` beside it, those certificates are trusted for TLS
    #[arg(
        long,
        env = "JOURNAL_FILE",
        value_name = "FILE",
        conflicts_with = "journal"
    )]
    journal_url_file: Option<PathBuf>,
    /// For how many days entries and customers are kept; records and figures are kept for good
    #[arg(long, env = "RETENTION_DAYS", value_name = "DAYS", default_value_t = DEFAULT_RETENTION)]
    retention: u32,
    /// Where the API and the health checks listen
    #[arg(long, default_value = "0.0.0.0:8080")]
    listen: SocketAddr,
    /// With `--config` and a database that engines on several machines share: where the others reach this one's API, for an engine
    /// that stands by leads callers on to the leader
    #[arg(long, value_name = "IP:PORT", requires = "config")]
    advertise: Option<SocketAddr>,
    /// Where `/metrics` listens without a token: not to be published
    #[arg(long, default_value = "0.0.0.0:9090")]
    metrics_listen: SocketAddr,
    /// How calls are carried
    #[arg(long, value_enum, default_value = "ari")]
    telephony: Telephony,
    /// A media host, with `--config`: its Asterisk's `systemname` and ARI address, as
    /// `media-0=http://127.0.0.1:8088/ari`
    #[arg(long = "media", value_name = "NAME=URL")]
    media: Vec<String>,
    /// A media pod, with `--config`: its Asterisk's `systemname` and the address of its side-car,
    /// which is told of each new leader, as `media-0=10.88.0.1:8090`; its ARI is at port 8088
    #[arg(
        long = "media-pod",
        value_name = "NAME=IP:PORT",
        conflicts_with = "media"
    )]
    media_pods: Vec<String>,
    /// The ARI password of the media hosts, in a file
    #[arg(long, value_name = "FILE")]
    ari_password_file: Option<PathBuf>,
    /// The folder on the media hosts where prompts are
    #[arg(long)]
    prompts: Option<String>,
    /// The tenant's key; made if it isn't there, but with `--kube`
    #[arg(long, env = "TENANT_KEY_FILE")]
    tenant_key_file: PathBuf,
    /// The administration's token for the API; made if it isn't there, but with `--kube`
    #[arg(long, env = "ADMIN_TOKEN_FILE")]
    admin_token_file: PathBuf,
    /// The CallCenter's name
    #[arg(long, env = "TRUNKLINE_TENANT", required = false, requires = "kube")]
    tenant: Option<String>,
    #[command(flatten)]
    pod: PodArgs,
    /// How log lines are written
    #[arg(long, value_enum, default_value = "json")]
    pub logs: Logs,
}

/// Where the pod is.
#[derive(Args, Debug)]
struct PodArgs {
    /// The pod's name
    #[arg(long = "pod-name", env = "POD_NAME", hide = true)]
    name: Option<String>,
    /// The pod's namespace
    #[arg(long = "pod-namespace", env = "POD_NAMESPACE", hide = true)]
    namespace: Option<String>,
    /// The pod's UID
    #[arg(long = "pod-uid", env = "POD_UID", hide = true)]
    uid: Option<String>,
    /// The pod's address
    #[arg(long = "pod-ip", env = "POD_IP", hide = true)]
    ip: Option<IpAddr>,
}

/// `trunkline-engine agent-token`.
#[derive(Args, Debug)]
pub struct TokenArgs {
    /// The agent's name
    agent: String,
    /// The tenant's key
    #[arg(long, env = "TENANT_KEY_FILE")]
    tenant_key_file: PathBuf,
}

impl TokenArgs {
    /// The token.
    pub fn token(&self) -> Result<String> {
        Ok(TenantKey::read(&self.tenant_key_file)?.agent_token(&self.agent))
    }
}

/// Logs to stderr, at the level of `RUST_LOG` or `info`.
pub fn init_logs(logs: Logs) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let writer = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        // A file, or who collects logs, is no place for colours.
        .with_ansi(std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none());
    match logs {
        Logs::Json => writer.json().flatten_event(true).init(),
        Logs::Text => writer.init(),
    }
}

impl RunArgs {
    /// What the engine is to do.
    pub fn options(self) -> Result<Options> {
        if !self.kube {
            make_secret(&self.tenant_key_file)?;
            make_secret(&self.admin_token_file)?;
        }
        let key = TenantKey::read(&self.tenant_key_file)?;
        let admin = read_secret(&self.admin_token_file)?;
        let mut settings = Settings::default();
        if let Some(prompts) = &self.prompts {
            settings.prompts.clone_from(prompts);
        }
        let telephony = match self.telephony {
            Telephony::Ari => Voice::Ari(settings),
            Telephony::Sim => Voice::Sim(SimSettings::default()),
            Telephony::None => Voice::None,
        };
        Ok(Options {
            tokens: Tokens::new(admin, key.clone()),
            place: self.place(&key)?,
            journal: self.journal()?,
            retention: Span::seconds(i64::from(self.retention) * DAY),
            listen: self.listen,
            metrics: Some(self.metrics_listen),
            telephony,
            key,
        })
    }

    fn journal(&self) -> Result<Location> {
        match (&self.journal_url_file, &self.journal) {
            (Some(file), _) => Ok(Location::read(file)?),
            (None, Some(path)) => Ok(Location::Sqlite(path.clone())),
            (None, None) => bail!("want --journal or --journal-url-file"),
        }
    }

    fn place(&self, key: &TenantKey) -> Result<Place> {
        let Some(config) = &self.config else {
            return self.pod();
        };
        let password = match &self.ari_password_file {
            Some(file) => read_secret(file)?,
            None => key.ari_password(Epoch(0)),
        };
        let hosts = self
            .media
            .iter()
            .map(|text| {
                let (name, address) = text
                    .split_once('=')
                    .with_context(|| format!("--media {text}: want NAME=URL"))?;
                Ok(Host {
                    name: HostName::new(name),
                    address: address.to_owned(),
                    user: ARI_USER.into(),
                    password: password.clone(),
                    app: APP.into(),
                })
            })
            .collect::<Result<Vec<Host>>>()?;
        let pods = self.media_pods.iter().map(|text| {
            let (name, at) = text
                .split_once('=')
                .and_then(|(name, at)| Some((name, at.parse::<SocketAddr>().ok()?)))
                .with_context(|| format!("--media-pod {text}: want NAME=IP:PORT"))?;
            Ok(MediaPod {
                name: name.to_owned(),
                uid: String::new(),
                address: at.ip(),
                sidecar_port: at.port(),
                ari_port: ARI_PORT,
            })
        });
        Ok(Place::Machine {
            config: config.clone(),
            hosts,
            pods: pods.collect::<Result<_>>()?,
            reached_at: self.advertise,
        })
    }

    fn pod(&self) -> Result<Place> {
        let told = |value: &Option<String>, name: &str| {
            let value = value.clone().filter(|value| !value.is_empty());
            value.with_context(|| format!("--kube: the environment lacks {name}"))
        };
        let pod = told(&self.pod.name, "POD_NAME")?;
        let namespace = told(&self.pod.namespace, "POD_NAMESPACE")?;
        let tenant = told(&self.tenant, "TRUNKLINE_TENANT")?;
        let ip = self.pod.ip.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
        let at = SocketAddr::new(ip, self.listen.port());
        Ok(Place::Pod {
            cluster: Cluster::from_pod(&namespace, &tenant)?,
            // A Deployment's pods have names of their own; a StatefulSet's end in its ordinal.
            unique: pod == format!("{tenant}-engine-0"),
            me: Me {
                pod,
                uid: told(&self.pod.uid, "POD_UID")?,
                nonce: format!("{:08x}", rand::random::<u32>()),
            },
            address: format!("http://{at}"),
        })
    }
}
