//! Against a real API server, whose kubeconfig `KUBECONFIG` names: `tests/run.sh cluster`.

use std::collections::BTreeMap;
use std::path::Path;
use std::pin::pin;
use std::time::{Duration, Instant};

use futures::future::select;
use k8s_openapi::ByteString;
use k8s_openapi::api::coordination::v1::Lease as KubeLease;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::api::{DeleteParams, ObjectMeta, Patch, PatchParams, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client};
use serde_json::json;
use tokio::sync::watch;
use trunkline_tenant::Tenant;
use trunkline_tenant::report::EngineReport;

use super::{Cluster, Election};
use crate::api::Tokens;
use crate::config::pack;
use crate::journal::Epoch;
use crate::keys::TenantKey;
use crate::leader::{Me, Witness};
use crate::run::{Engine, LoopEnd, Options, Place, RETENTION, Role, Voice};
use crate::testing::small_tenant;

/// A namespace of the test's own, gone when the test is.
struct Home {
    client: Client,
    namespace: String,
}

impl Home {
    async fn make() -> Self {
        let path = std::env::var("KUBECONFIG").expect("KUBECONFIG names a control plane");
        let kubeconfig = Kubeconfig::read_from(path).unwrap();
        let config =
            kube::Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default())
                .await
                .unwrap();
        let client = Client::try_from(config).unwrap();
        let namespace = format!("engine-test-{:08x}", rand::random::<u32>());
        let object = Namespace {
            metadata: ObjectMeta {
                name: Some(namespace.clone()),
                ..ObjectMeta::default()
            },
            ..Namespace::default()
        };
        let all: Api<Namespace> = Api::all(client.clone());
        all.create(&PostParams::default(), &object).await.unwrap();
        let home = Self { client, namespace };
        home.map("nw-engine-report", BTreeMap::new(), BTreeMap::new())
            .await;
        home
    }

    async fn leave(self) {
        let all: Api<Namespace> = Api::all(self.client.clone());
        all.delete(&self.namespace, &DeleteParams::default())
            .await
            .unwrap();
    }

    fn cluster(&self) -> Cluster {
        Cluster::new(self.client.clone(), &self.namespace, "nw")
    }

    fn maps(&self) -> Api<ConfigMap> {
        self.cluster().api()
    }

    fn leases(&self) -> Api<KubeLease> {
        self.cluster().api()
    }

    async fn map(
        &self,
        name: &str,
        data: BTreeMap<String, String>,
        bytes: BTreeMap<String, ByteString>,
    ) {
        let map = ConfigMap {
            metadata: ObjectMeta {
                name: Some(name.into()),
                ..ObjectMeta::default()
            },
            data: Some(data),
            binary_data: Some(bytes),
            ..ConfigMap::default()
        };
        let made = self.maps().create(&PostParams::default(), &map).await;
        if made.is_err() {
            let patch = Patch::Merge(json!({"data": map.data, "binaryData": map.binary_data}));
            self.maps()
                .patch(name, &PatchParams::default(), &patch)
                .await
                .unwrap();
        }
    }

    /// As the operator does; the Tenant's hash.
    async fn configure(&self, tenant: &Tenant) -> String {
        let (packed, hash) = pack(tenant).unwrap();
        let data = BTreeMap::from([(crate::config::HASH_KEY.into(), hash.clone())]);
        let bytes = BTreeMap::from([(crate::config::TENANT_KEY.into(), ByteString(packed))]);
        self.map("nw-tenant", data, bytes).await;
        hash
    }

    async fn report(&self) -> Option<EngineReport> {
        let map = self.maps().get("nw-engine-report").await.unwrap();
        serde_json::from_str(map.data?.get("leader")?).ok()
    }

    async fn engine(&self, dir: &Path, pod: &str) -> Engine {
        let key = TenantKey::new(b"0123456789abcdef").unwrap();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let listen = listener.local_addr().unwrap();
        drop(listener);
        let options = Options {
            place: Place::Pod {
                cluster: self.cluster(),
                me: me(pod),
                unique: false,
                address: format!("http://{listen}"),
            },
            journal: dir.join("journal").into(),
            retention: RETENTION,
            listen,
            metrics: None,
            telephony: Voice::None,
            tokens: Tokens::new("admin", key.clone()),
            key,
        };
        Engine::start(options).await.unwrap()
    }
}

fn me(pod: &str) -> Me {
    Me {
        pod: pod.into(),
        uid: format!("uid-of-{pod}"),
        nonce: format!("{:08x}", rand::random::<u32>()),
    }
}

fn other_tenant(which: u32) -> Tenant {
    let text = serde_json::to_string(&small_tenant()).unwrap();
    serde_json::from_str(&text.replace("chats", &format!("talks-{which}"))).unwrap()
}

async fn leads(engine: &Engine) -> Epoch {
    let mut role = engine.handle.role();
    let leading = role.wait_for(|role| matches!(role, Role::Leading(_)));
    let role = tokio::time::timeout(Duration::from_secs(45), leading)
        .await
        .unwrap()
        .unwrap()
        .clone();
    let Role::Leading(epoch) = role else {
        unreachable!()
    };
    epoch
}

async fn within<T>(
    limit: Duration,
    what: &str,
    look: impl AsyncFn() -> Option<T>,
) -> (T, Duration) {
    let began = Instant::now();
    loop {
        if let Some(found) = look().await {
            return (found, began.elapsed());
        }
        assert!(began.elapsed() < limit, "waited in vain for {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
#[ignore = "needs a control plane: tests/run.sh cluster"]
async fn a_pod_leads_reports_and_takes_up_a_changed_configuration_in_two_seconds() {
    let home = Home::make().await;
    let dir = tempfile::tempdir().unwrap();
    let first = home.configure(&small_tenant()).await;
    let engine = home.engine(dir.path(), "nw-engine-0").await;
    assert_eq!(leads(&engine).await, Epoch(1));
    let limit = Duration::from_secs(20);
    let (report, _) = within(limit, "a report", async || home.report().await).await;
    assert_eq!(
        (report.config_hash, report.epoch, report.pod.as_str()),
        (first, 1, "nw-engine-0")
    );

    let (mut second, mut took) = (String::new(), Vec::new());
    for change in 0..5 {
        second = home.configure(&other_tenant(change)).await;
        let ((), live) = within(limit, "the new configuration", async || {
            let hash = engine.handle.state().directory.config_hash.clone();
            (hash.as_deref() == Some(second.as_str())).then_some(())
        })
        .await;
        took.push(live);
    }
    println!("live after {took:?}");
    // A machine that runs a cluster beside may stand still for some of them, and does not hide a look each ten seconds.
    took.sort();
    assert!(took[1] < Duration::from_secs(2), "{took:?}");
    within(limit, "its report", async || {
        home.report()
            .await
            .filter(|report| report.config_hash == second)
    })
    .await;

    // Half of a write: the old hash with another's bytes. The engine says so and goes on.
    let (packed, _) = pack(&small_tenant()).unwrap();
    let bytes = BTreeMap::from([(crate::config::TENANT_KEY.into(), ByteString(packed))]);
    home.map("nw-tenant", BTreeMap::new(), bytes).await;
    let (report, _) = within(limit, "the problem", async || {
        home.report()
            .await
            .filter(|report| report.problem.is_some())
    })
    .await;
    assert_eq!(report.config_hash, second);
    assert!(report.problem.unwrap().contains("hash"));
    engine.stop().await.unwrap();
    home.leave().await;
}

#[tokio::test]
#[ignore = "needs a control plane: tests/run.sh cluster"]
async fn a_report_is_written_at_a_transition_and_never_between() {
    let home = Home::make().await;
    let dir = tempfile::tempdir().unwrap();
    home.configure(&small_tenant()).await;
    let engine = home.engine(dir.path(), "nw-engine-0").await;
    leads(&engine).await;
    let version = async || {
        home.maps()
            .get("nw-engine-report")
            .await
            .unwrap()
            .metadata
            .resource_version
    };
    within(Duration::from_secs(20), "a report", async || {
        home.report().await
    })
    .await;
    let before = version().await;
    tokio::time::sleep(Duration::from_secs(7)).await;
    assert_eq!(version().await, before);
    engine.stop().await.unwrap();
    home.leave().await;
}

#[tokio::test]
#[ignore = "needs a control plane: tests/run.sh cluster"]
async fn a_standby_takes_over_as_soon_as_the_leader_gives_the_lease_back() {
    let home = Home::make().await;
    let dir = tempfile::tempdir().unwrap();
    home.configure(&small_tenant()).await;
    let first = home.engine(dir.path(), "a").await;
    assert_eq!(leads(&first).await, Epoch(1));
    let second = home.engine(dir.path(), "b").await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(*second.handle.role().borrow(), Role::Standby);
    assert_eq!(first.stop().await.unwrap(), LoopEnd::Stopped);
    let stopped = Instant::now();
    assert_eq!(leads(&second).await, Epoch(2));
    let took = stopped.elapsed();
    assert!(took < crate::leader::DURATION, "{took:?}");
    second.stop().await.unwrap();
    home.leave().await;
}

#[tokio::test]
#[ignore = "needs a control plane: tests/run.sh cluster"]
async fn a_deleted_lease_costs_nobody_the_lead_and_the_next_epoch_still_rises() {
    let home = Home::make().await;
    let dir = tempfile::tempdir().unwrap();
    home.configure(&small_tenant()).await;
    let first = home.engine(dir.path(), "a").await;
    assert_eq!(leads(&first).await, Epoch(1));
    home.leases()
        .delete("nw-engine", &DeleteParams::default())
        .await
        .unwrap();
    within(Duration::from_secs(30), "the Lease", async || {
        home.leases().get_opt("nw-engine").await.unwrap()
    })
    .await;
    assert_eq!(*first.handle.role().borrow(), Role::Leading(Epoch(1)));
    first.stop().await.unwrap();
    home.leases()
        .delete("nw-engine", &DeleteParams::default())
        .await
        .unwrap();
    let second = home.engine(dir.path(), "a").await;
    assert_eq!(leads(&second).await, Epoch(2));
    second.stop().await.unwrap();
    home.leave().await;
}

#[tokio::test]
#[ignore = "needs a control plane: tests/run.sh cluster"]
async fn a_leader_whose_lease_is_taken_steps_down() {
    let home = Home::make().await;
    let dir = tempfile::tempdir().unwrap();
    home.configure(&small_tenant()).await;
    let engine = home.engine(dir.path(), "a").await;
    leads(&engine).await;
    let taken = json!({"spec": {"holderIdentity": "b/uid/nonce"}});
    let params = PatchParams::default();
    home.leases()
        .patch("nw-engine", &params, &Patch::Merge(taken))
        .await
        .unwrap();
    let end = engine
        .run_until(tokio::time::sleep(Duration::from_secs(30)))
        .await
        .unwrap();
    assert!(
        matches!(&end, LoopEnd::SteppedDown(why) if why.contains("b/uid/nonce")),
        "{end:?}"
    );
    home.leave().await;
}

#[tokio::test]
#[ignore = "needs a control plane: tests/run.sh cluster"]
async fn of_two_who_take_a_lease_at_once_one_has_it() {
    let home = Home::make().await;
    let election = |pod: &str| {
        let address = "http://127.0.0.1:1".to_owned();
        Election::new(home.cluster(), me(pod), false, address).unwrap()
    };
    let (a, b) = (election("a"), election("b"));
    let (a, b) = (
        pin!(a.win(async || Witness::default())),
        pin!(b.win(async || Witness::default())),
    );
    let race = tokio::time::timeout(Duration::from_secs(20), select(a, b));
    let (_, other) = race.await.unwrap().factor_first();
    // Not for long: who has won here answers no heartbeat, so the other rightly takes over some seconds later.
    let second = tokio::time::timeout(Duration::from_secs(1), other).await;
    assert!(second.is_err(), "both have it");
    home.leave().await;
}

/// Needs no cluster: there is none.
#[tokio::test(start_paused = true)]
async fn a_leader_that_cannot_reach_the_api_server_leads_on() {
    let nowhere = kube::Config::new("http://127.0.0.1:1".parse().unwrap());
    let cluster = Cluster::new(Client::try_from(nowhere).unwrap(), "nw", "nw");
    let address = "http://127.0.0.1:1".to_owned();
    let election = Election::new(cluster, me("a"), true, address).unwrap();
    let kept = tokio::time::timeout(Duration::from_secs(600), election.keep()).await;
    assert!(kept.is_err(), "{kept:?}");
}

#[tokio::test]
#[ignore = "needs a control plane: tests/run.sh cluster"]
async fn media_pods_are_found_though_they_are_not_ready_and_lost_when_they_go() {
    let home = Home::make().await;
    let slices: Api<EndpointSlice> = home.cluster().api();
    let slice: EndpointSlice = serde_json::from_value(json!({
        "metadata": {"name": "nw-media-x", "labels": {"kubernetes.io/service-name": "nw-media"}},
        "addressType": "IPv4",
        "ports": [{"name": "ari", "port": 8088}, {"name": "side-car", "port": 18090}],
        "endpoints": [{
            "addresses": ["10.1.2.3"],
            "conditions": {"ready": false},
            "targetRef": {"kind": "Pod", "name": "nw-media-0", "uid": "u0"},
        }],
    }))
    .unwrap();
    let (pods, mut seen) = watch::channel(None);
    let cluster = home.cluster();
    let following = tokio::spawn(async move { cluster.follow_media(pods).await });
    slices.create(&PostParams::default(), &slice).await.unwrap();
    let limit = Duration::from_secs(20);
    let found = tokio::time::timeout(
        limit,
        seen.wait_for(|pods| pods.as_ref().is_some_and(|p| !p.is_empty())),
    );
    let found = found.await.unwrap().unwrap().clone().unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(
        (found[0].name.as_str(), found[0].sidecar_port),
        ("nw-media-0", 18090)
    );
    assert_eq!(found[0].address.to_string(), "10.1.2.3");
    slices
        .delete("nw-media-x", &DeleteParams::default())
        .await
        .unwrap();
    tokio::time::timeout(
        limit,
        seen.wait_for(|pods| pods.as_ref().is_some_and(Vec::is_empty)),
    )
    .await
    .unwrap()
    .unwrap();
    following.abort();
    home.leave().await;
}
