//! What a configuration is rendered from: the tenant, its secrets and prompts, and the pod.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use trunkline_tenant::Tenant;
use trunkline_tenant::crds::{AgentName, PromptName};

/// A user name and a password.
#[derive(Clone, PartialEq, Eq)]
pub struct Credential {
    /// The user.
    pub username: String,
    /// The password.
    pub password: String,
}

impl std::fmt::Debug for Credential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Credential({:?}, …)", self.username)
    }
}

/// The data of a Secret, by key.
pub type SecretData = BTreeMap<String, Vec<u8>>;

/// What the named Secrets hold. One that isn't there is absent here.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secrets {
    /// Each agent's SIP password; the user name is the agent's. From the shards
    /// `<callcenter>-agents-<n>`, whose keys are agents' names.
    pub agents: BTreeMap<AgentName, String>,
    /// Each trunk's Secret, by the Secret's name.
    pub trunks: BTreeMap<String, Credential>,
    /// The password of a phone that may call every number, on a machine that no carrier reaches:
    /// in a cluster there is none.
    pub test_caller: Option<String>,
}

impl Secrets {
    /// Takes the agents' passwords from one shard.
    pub fn add_agents(&mut self, shard: &SecretData) {
        for (agent, password) in shard {
            self.agents
                .insert(AgentName::new(agent.clone()), secret_text(password));
        }
    }

    /// Takes the password of the phone that may call every number.
    pub fn add_test_caller(&mut self, password: &[u8]) {
        self.test_caller = Some(secret_text(password));
    }

    /// Takes a trunk's Secret. One without `username` and `password` counts as absent.
    pub fn add_trunk(&mut self, name: &str, data: &SecretData) {
        if let (Some(username), Some(password)) = (data.get("username"), data.get("password")) {
            let credential = Credential {
                username: secret_text(username),
                password: secret_text(password),
            };
            self.trunks.insert(name.to_owned(), credential);
        }
    }
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Secrets")
            .field("agents", &self.agents.len())
            .field("trunks", &self.trunks.keys())
            .finish()
    }
}

/// A Secret's value as text. The line break that `kubectl create secret --from-file` takes over
/// from an editor is not part of it; what isn't UTF-8 is kept visibly wrong and fails to log in.
fn secret_text(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    text.strip_suffix('\n').map_or_else(
        || text.clone().into_owned(),
        |text| text.strip_suffix('\r').unwrap_or(text).to_owned(),
    )
}

/// Everything that may change while the pod lives.
#[derive(Clone, Debug)]
pub struct Inputs {
    /// What to run.
    pub tenant: Arc<Tenant>,
    /// The Tenant's hash, which names the configuration in reports.
    pub hash: String,
    /// The secrets that it names.
    pub secrets: Secrets,
    /// Recordings, as they were uploaded. One that isn't there is absent here.
    pub prompts: BTreeMap<PromptName, Arc<[u8]>>,
    /// Whether this pod registers the tenant's trunks with their carriers: one pod does.
    pub registrar: bool,
}

impl Inputs {
    /// Whether rendering them would give the same.
    pub fn same(&self, other: &Self) -> bool {
        (&self.hash, &self.secrets, &self.prompts, self.registrar)
            == (&other.hash, &other.secrets, &other.prompts, other.registrar)
    }
}

/// How carriers and phones reach the pod where its own address isn't routed to them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct External {
    /// What they see instead of the pod's address.
    pub address: IpAddr,
    /// What they see instead of the SIP port, where SIP doesn't reach the pod's own address.
    pub sip_port: Option<u16>,
    /// Networks in which the pod's own address is right, as `10.0.0.0/8`.
    pub local_nets: Vec<String>,
}

/// What is so as long as the pod lives.
#[derive(Clone, Debug)]
pub struct PodFacts {
    /// The pod's name, which becomes Asterisk's `systemname`.
    pub pod: String,
    /// The pod's UID; empty outside a cluster.
    pub uid: String,
    /// The pod's address: SIP is bound to it.
    pub ip: IpAddr,
    /// SIP over UDP and TCP.
    pub sip_port: u16,
    /// Where ARI listens: in a pod at the pod's address.
    pub ari: SocketAddr,
    /// The manager interface: on the loopback, for the side-car alone.
    pub ami: SocketAddr,
    /// First and last RTP port.
    pub rtp: (u16, u16),
    /// Where the pod's address isn't routed.
    pub external: Option<External>,
    /// Asterisk's folders.
    pub places: Places,
}

impl PodFacts {
    /// Where ARI answers.
    pub fn ari_address(&self) -> String {
        format!("http://{}/ari", self.ari)
    }
}

/// Where Asterisk finds things, as it sees them itself: by default, as the media image has them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Places {
    /// Its configuration.
    pub etc: PathBuf,
    /// Its state; prompts are below.
    pub lib: PathBuf,
    /// Recordings are below.
    pub spool: PathBuf,
    /// Its socket, and phones' contacts.
    pub run: PathBuf,
    /// What it logs into files.
    pub log: PathBuf,
    /// Its modules, as installed.
    pub modules: PathBuf,
    /// Its own sounds and music, as installed.
    pub data: PathBuf,
}

impl Default for Places {
    fn default() -> Self {
        let modules = format!(
            "/usr/lib/{}-linux-gnu/asterisk/modules",
            std::env::consts::ARCH
        );
        Self {
            etc: "/etc/asterisk".into(),
            lib: "/var/lib/asterisk".into(),
            spool: "/var/spool/asterisk".into(),
            run: "/run/asterisk".into(),
            log: "/var/log/asterisk".into(),
            modules: modules.into(),
            data: "/usr/share/asterisk".into(),
        }
    }
}

/// Who may speak to Asterisk.
#[derive(Clone, Default)]
pub struct Access {
    /// The side-car's own ARI password.
    pub sidecar: String,
    /// The manager interface's.
    pub ami: String,
    /// The leader's, of its epoch; `None`: no leader has fenced yet, and nobody else gets in.
    pub engine: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_editors_line_break_is_no_part_of_a_password() {
        assert_eq!(secret_text(b"pw\n"), "pw");
        assert_eq!(secret_text(b"pw\r\n"), "pw");
        assert_eq!(secret_text(b"p\nw\n\n"), "p\nw\n", "rendering refuses this");
    }

    #[test]
    fn a_password_is_never_printed() {
        let mut secrets = Secrets::default();
        secrets.add_agents(&BTreeMap::from([("maria".into(), b"hush".to_vec())]));
        let data = BTreeMap::from([
            ("username".into(), b"u".to_vec()),
            ("password".into(), b"hush".to_vec()),
        ]);
        secrets.add_trunk("carrier-a", &data);
        assert!(!format!("{secrets:?}{:?}", secrets.trunks).contains("hush"));
    }

    #[test]
    fn a_trunks_secret_without_a_password_counts_as_absent() {
        let mut secrets = Secrets::default();
        secrets.add_trunk("x", &BTreeMap::from([("username".into(), b"u".to_vec())]));
        assert!(secrets.trunks.is_empty());
    }
}
