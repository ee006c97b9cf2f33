//! The side-car as a process: its arguments, and its tasks put together.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use tokio::sync::{mpsc, watch};
use tokio::time::sleep;
use trunkline_tenant::crds::CallCenterName;
use trunkline_tenant::report::MediaReport;

use super::asterisk::Asterisk;
use super::files::Folders;
use super::follow::Follower;
use super::http::{Shared, router};
use super::inputs::{External, Places, PodFacts};
use super::keeper::{Keeper, Order};
use super::kept::KeptFile;
use super::source::{Cluster, Dir, Source};
use super::status::Status;
use crate::keys::TenantKey;

/// How often the start looks for an engine, until the first.
const LOOK_FOR_ENGINE: Duration = Duration::from_millis(250);
/// How long a report that could not be written waits, at first and at most.
const REPORT_AGAIN: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(15));

/// `trunkline-engine media-sidecar`: renders Asterisk's files, has them run, reports, drains.
#[derive(Args, Clone, Debug)]
pub struct SidecarArgs {
    /// The CallCenter's name
    #[arg(long, env = "TRUNKLINE_TENANT", default_value = "")]
    call_center: String,
    /// Its namespace
    #[arg(long, env = "POD_NAMESPACE", default_value = "default")]
    namespace: String,
    /// Take the tenant from this folder (tenant.json, secrets/NAME/KEY, configmaps/NAME/KEY) and
    /// write the report there, instead of asking an API server
    #[arg(long, env = "TENANT_DIR")]
    dir: Option<PathBuf>,
    /// The pod's name: Asterisk's systemname
    #[arg(long, env = "POD_NAME")]
    pod: String,
    /// The pod's UID
    #[arg(long, env = "POD_UID", default_value = "")]
    pod_uid: String,
    /// The address that SIP and ARI are bound to
    #[arg(long, env = "POD_IP")]
    pod_ip: IpAddr,
    /// The node's address
    #[arg(long, env = "NODE_IP")]
    node_ip: Option<IpAddr>,
    /// How carriers reach the pod: PodIP, PerPodService (by the node's address) or HostNetwork
    #[arg(long, env = "EXPOSURE", default_value = "PodIP", value_parser = ["PodIP", "PerPodService", "HostNetwork"])]
    exposure: String,
    /// The SIP port at the node's address, where there is one for this pod
    #[arg(long, env = "EXTERNAL_SIP_PORT")]
    external_sip_port: Option<u16>,
    /// With PerPodService: networks in which the pod's own address is right
    #[arg(long, env = "LOCAL_NETS", value_delimiter = ',')]
    local_nets: Vec<String>,
    /// The first RTP port
    #[arg(long, env = "RTP_FIRST", default_value_t = 10_000)]
    rtp_first: u16,
    /// The last RTP port
    #[arg(long, env = "RTP_LAST", default_value_t = 20_000)]
    rtp_last: u16,
    /// The size of each pod's block of RTP ports, the n-th for ordinal n; without it all pods have all
    #[arg(long, env = "RTP_PORTS_PER_POD")]
    rtp_ports_per_pod: Option<u16>,
    /// SIP's port, UDP and TCP
    #[arg(long, env = "SIP_PORT", default_value_t = 5060)]
    sip_port: u16,
    /// ARI's port
    #[arg(long, env = "ARI_PORT", default_value_t = 8088)]
    ari_port: u16,
    /// Its address, where it isn't SIP's
    #[arg(skip)]
    ari_ip: Option<IpAddr>,
    /// The manager interface
    #[arg(long, env = "AMI_ADDRESS", default_value = "127.0.0.1:5038")]
    ami: SocketAddr,
    /// Where probes, fences and drains are answered
    #[arg(long, env = "SIDECAR_LISTEN", default_value = "0.0.0.0:8090")]
    listen: SocketAddr,
    /// The tenant's key
    #[arg(
        long,
        env = "TENANT_KEY_FILE",
        default_value = "/etc/trunkline/keys/tenant-key"
    )]
    key: PathBuf,
    /// How long a drain waits, in seconds, until the tenant is known, which says it too
    #[arg(long, env = "DRAIN_DEADLINE_SECONDS", default_value_t = 1800)]
    drain_deadline: u64,
    /// Asterisk's configuration
    #[arg(long, default_value = "/etc/asterisk")]
    etc: PathBuf,
    /// Asterisk's state: prompts and what we keep go there
    #[arg(long, default_value = "/var/lib/asterisk")]
    lib: PathBuf,
    /// Asterisk's recordings and messages
    #[arg(long, default_value = "/var/spool/asterisk/recording")]
    recordings: PathBuf,
    /// Asterisk's folders, as it sees them
    #[arg(skip)]
    places: Places,
}

/// A side-car for an Asterisk on this machine, in no pod.
#[derive(Clone, Debug)]
pub struct OnMachine {
    /// Asterisk's `systemname`; it registers the trunks if it ends in `-0`.
    pub name: String,
    /// The folder with `tenant.json`, `secrets` and `configmaps`.
    pub dir: PathBuf,
    /// The file with the tenant's key.
    pub key: PathBuf,
    /// SIP, UDP and TCP.
    pub sip: SocketAddr,
    /// ARI.
    pub ari: SocketAddr,
    /// The manager interface.
    pub ami: SocketAddr,
    /// The side-car's own HTTP.
    pub listen: SocketAddr,
    /// Asterisk's folders.
    pub places: Places,
}

impl From<OnMachine> for SidecarArgs {
    fn from(machine: OnMachine) -> Self {
        Self {
            call_center: String::new(),
            namespace: String::new(),
            dir: Some(machine.dir),
            pod: machine.name,
            pod_uid: String::new(),
            pod_ip: machine.sip.ip(),
            node_ip: None,
            exposure: "PodIP".into(),
            external_sip_port: None,
            local_nets: Vec::new(),
            rtp_first: 10_000,
            rtp_last: 20_000,
            rtp_ports_per_pod: None,
            sip_port: machine.sip.port(),
            ari_port: machine.ari.port(),
            ari_ip: Some(machine.ari.ip()),
            ami: machine.ami,
            listen: machine.listen,
            key: machine.key,
            drain_deadline: 0,
            etc: machine.places.etc.clone(),
            lib: machine.places.lib.clone(),
            recordings: machine.places.spool.join("recording"),
            places: machine.places,
        }
    }
}

impl SidecarArgs {
    fn facts(&self) -> anyhow::Result<PodFacts> {
        let external = match (self.exposure.as_str(), self.node_ip) {
            ("PerPodService", Some(address)) => Some(External {
                address,
                sip_port: self.external_sip_port,
                local_nets: self.local_nets.clone(),
            }),
            ("PerPodService", None) => {
                anyhow::bail!("PerPodService needs the node's address: set NODE_IP")
            }
            _ => None,
        };
        let rtp = match self.rtp_ports_per_pod {
            None => (self.rtp_first, self.rtp_last),
            Some(block) => rtp_block(&self.pod, self.rtp_first, block)?,
        };
        Ok(PodFacts {
            pod: self.pod.clone(),
            uid: self.pod_uid.clone(),
            ip: self.pod_ip,
            sip_port: self.sip_port,
            ari: SocketAddr::new(self.ari_ip.unwrap_or(self.pod_ip), self.ari_port),
            ami: self.ami,
            rtp,
            external,
            places: self.places.clone(),
        })
    }

    async fn source(&self) -> anyhow::Result<Source> {
        if let Some(path) = &self.dir {
            return Ok(Source::Dir(Dir {
                path: path.clone(),
                pod: self.pod.clone(),
            }));
        }
        anyhow::ensure!(
            !self.call_center.is_empty(),
            "which CallCenter? set TRUNKLINE_TENANT, or --dir for a folder"
        );
        // in a pod by address: its first breath must not wait for DNS
        let config = match kube::Config::incluster_env() {
            Ok(config) => config,
            Err(_) => kube::Config::infer().await.context(
                "neither in a pod with a token nor with a kubeconfig; --dir takes the tenant from a folder",
            )?,
        };
        Ok(Source::Cluster(Cluster {
            client: kube::Client::try_from(config)?,
            namespace: self.namespace.clone(),
            center: CallCenterName::new(self.call_center.clone()),
            pod: self.pod.clone(),
        }))
    }
}

/// The ordinal's block of ports.
fn rtp_block(pod: &str, first: u16, block: u16) -> anyhow::Result<(u16, u16)> {
    let ordinal = pod
        .rsplit_once('-')
        .and_then(|(_, n)| n.parse::<u16>().ok());
    let ordinal = ordinal.with_context(|| {
        format!("the pod {pod} has no ordinal, so no block of RTP ports is its")
    })?;
    let begin = ordinal
        .checked_mul(block)
        .and_then(|offset| first.checked_add(offset));
    let range = begin.and_then(|begin| Some((begin, begin.checked_add(block.checked_sub(1)?)?)));
    range.with_context(|| format!("no {block} RTP ports are left for {pod} from {first} on"))
}

/// Runs until it is told to end, or its HTTP port is lost.
///
/// # Errors
/// Where it can't start: no key, no token, an address in use.
pub async fn run(args: SidecarArgs) -> anyhow::Result<()> {
    run_until(args, ended()).await
}

/// Runs until `until` is over, or its HTTP port is lost.
///
/// # Errors
/// As [`run`].
pub async fn run_until(
    args: SidecarArgs,
    until: impl Future<Output = ()> + Send + 'static,
) -> anyhow::Result<()> {
    let facts = args.facts()?;
    let key = TenantKey::read(&args.key)?;
    let source = args.source().await?;
    let folders = Folders {
        etc: args.etc.clone(),
        lib: args.lib.clone(),
    };
    let file = KeptFile::in_folder(&args.lib);
    let kept = file.load()?;
    file.save(&kept)?;
    let access = kept.access(&key);
    let asterisk = Asterisk::new(&facts, &access)?;
    let listener = tokio::net::TcpListener::bind(args.listen)
        .await
        .with_context(|| format!("can't listen on {}", args.listen))?;

    let (status, _) = watch::channel(Status {
        drain_deadline: args.drain_deadline,
        ..Status::default()
    });
    let (orders, taken) = mpsc::channel(16);
    let keeper = Keeper::new(
        facts.clone(),
        key.clone(),
        folders,
        asterisk.clone(),
        file,
        kept,
        status.clone(),
    );
    let follower = Follower {
        address: args.ami,
        secret: access.ami,
        asterisk: asterisk.clone(),
        orders: orders.clone(),
        status: status.clone(),
    };
    let shared = Arc::new(Shared {
        facts: facts.clone(),
        key,
        asterisk: asterisk.clone(),
        orders: orders.clone(),
        status: status.clone(),
    });
    let serve = axum::serve(listener, router(shared)).with_graceful_shutdown(until);
    tracing::info!(pod = facts.pod, listen = %args.listen, "side-car begins");

    // None of these ends by itself but with the keeper, which ends when nobody can order any more.
    tokio::select! {
        served = serve => served.context("the HTTP server ended"),
        () = keeper.run(taken) => Ok(()),
        () = follower.run() => Ok(()),
        () = source.clone().follow(orders.clone()) => Ok(()),
        () = await_engine(asterisk, orders, status.subscribe()) => Ok(()),
        () = report(source, facts, status.subscribe()) => Ok(()),
        () = super::retention::follow(args.recordings.clone(), status.subscribe()) => Ok(()),
    }
}

/// The kubelet's word, or a person's.
async fn ended() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut term) => {
            tokio::select! {
                _ = term.recv() => {}
                _ = tokio::signal::ctrl_c() => {}
            }
        }
        Err(error) => {
            tracing::error!(%error, "no signal can be received");
            std::future::pending::<()>().await;
        }
    }
    tracing::info!("told to end");
}

/// Says once that an engine has connected; never ends.
async fn await_engine(
    asterisk: Asterisk,
    orders: mpsc::Sender<Order>,
    mut status: watch::Receiver<Status>,
) {
    loop {
        let runs = status.wait_for(|s| s.was_ready || (s.up && s.running.is_some()));
        let Ok(now) = runs.await.map(|now| now.was_ready) else {
            return;
        };
        if now {
            std::future::pending::<()>().await;
        }
        if asterisk.has_engine().await && orders.send(Order::Ready).await.is_err() {
            return;
        }
        sleep(LOOK_FOR_ENGINE).await;
    }
}

/// Writes the report at each transition, and again until it is written; the newest alone counts.
async fn report(source: Source, facts: PodFacts, mut status: watch::Receiver<Status>) {
    let mut written: Option<MediaReport> = None;
    let mut wait = REPORT_AGAIN.0;
    loop {
        let now = status.borrow_and_update().report(&facts.uid);
        if written.as_ref() != Some(&now) {
            if let Err(error) = source.write_report(&facts.pod, &now).await {
                tracing::warn!(error = format!("{error:#}"), "the report is not written");
                sleep(wait).await;
                wait = (wait * 2).min(REPORT_AGAIN.1);
                continue;
            }
            written = Some(now);
            wait = REPORT_AGAIN.0;
        }
        if status.changed().await.is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_ordinal_has_a_block_of_ports_of_its_own() {
        assert_eq!(rtp_block("x-media-0", 31000, 80).unwrap(), (31000, 31079));
        assert_eq!(rtp_block("x-media-2", 31000, 80).unwrap(), (31160, 31239));
        assert!(rtp_block("media", 31000, 80).is_err());
        assert!(
            rtp_block("x-999", 31000, 80).is_err(),
            "beyond the last port"
        );
    }
}
