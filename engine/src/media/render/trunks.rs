//! Trunks: how carriers are known, called and registered with.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};

use trunkline_tenant::TenantTrunk;
use trunkline_tenant::crds::{
    Carrier, NumberPattern, PhoneNumber, Transport, TrunkAuthType, TrunkName,
};

use super::conf::{Conf, Id, Unsafe, Value};
use super::{Problem, Subject, trunk_endpoint};
use crate::media::inputs::{Credential, Inputs};

/// What the dialplan must let in by a trunk.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    /// The trunk.
    pub(super) trunk: TrunkName,
    /// Its endpoint and its context.
    pub(super) id: Id,
    /// The tenant's numbers that it may bring in.
    pub(super) numbers: Vec<PhoneNumber>,
    /// The user of the Contact that was registered: carriers call it and leave the number in To.
    pub(super) contact_user: Option<Id>,
}

/// What became of the trunks.
#[derive(Debug, Default)]
pub(super) struct Trunks {
    /// One file a trunk.
    pub(super) files: BTreeMap<String, Vec<u8>>,
    /// One context a trunk.
    pub(super) entries: Vec<Entry>,
    /// The registrations that this pod keeps.
    pub(super) registrations: BTreeMap<TrunkName, String>,
}

/// `pjsip.d/trunk-NAME.conf` of each trunk that can be rendered.
pub(super) fn render(inputs: &Inputs, problems: &mut Vec<Problem>) -> Trunks {
    let mut trunks = Trunks::default();
    // An address that two trunks claim would be the first one's, silently.
    let mut claimed = BTreeMap::new();
    for (name, trunk) in &inputs.tenant.trunks {
        let mut told = Vec::new();
        let one = Trunk {
            name,
            trunk,
            inputs,
        };
        match one.render(&mut claimed, &mut told, &mut trunks) {
            Ok(()) => {}
            Err(error) => told.push(error.to_string()),
        }
        problems.extend(told.into_iter().map(|message| Problem {
            subject: Subject::Trunk(name.clone()),
            message,
        }));
    }
    trunks
}

/// A trunk that can't be rendered at all.
#[derive(Debug, thiserror::Error)]
enum Unusable {
    #[error(transparent)]
    Unsafe(#[from] Unsafe),
    #[error("registers with its carrier and names none: set spec.carrier")]
    NoCarrier,
    #[error(
        "the Secret {0} isn't there, or lacks `username` or `password`: the trunk can't register"
    )]
    NoSecret(String),
    #[error("registers and names no Secret: set spec.auth.secretRef")]
    NoSecretRef,
}

struct Trunk<'a> {
    name: &'a TrunkName,
    trunk: &'a TenantTrunk,
    inputs: &'a Inputs,
}

impl Trunk<'_> {
    fn render(
        &self,
        claimed: &mut BTreeMap<String, TrunkName>,
        told: &mut Vec<String>,
        trunks: &mut Trunks,
    ) -> Result<(), Unusable> {
        Id::new("a trunk's name", self.name.as_str())?;
        let id = Id::new("a trunk's name", &trunk_endpoint(self.name))?;
        let carrier = self.trunk.carrier.as_ref().map(Peer::new).transpose()?;
        let login = self.login()?;
        let mut conf = Conf::new("a trunk");

        self.endpoint(&mut conf, &id, carrier.as_ref(), login)?;
        if let Some(peer) = &carrier {
            conf.section(&id)
                .set("type", "aor")
                .set(
                    "contact",
                    Value::text("the carrier's address", &peer.uri())?,
                )
                .set("qualify_frequency", 10);
        }
        let addresses = self.addresses(carrier.as_ref(), claimed, told);
        if !addresses.is_empty() {
            conf.section(&id)
                .set("type", "identify")
                .set("endpoint", &id);
            for address in addresses {
                conf.set("match", Value::text("an address", &address)?);
            }
        }
        let mut contact_user = None;
        if let Some(login) = login {
            let peer = carrier.as_ref().ok_or(Unusable::NoCarrier)?;
            contact_user = Some(self.contact_user(login)?);
            auth(&mut conf, &id, login)?;
            if self.inputs.registrar {
                let user = contact_user.as_ref().map_or("", Id::as_str);
                registration(&mut conf, &id, peer, login, user)?;
                trunks
                    .registrations
                    .insert(self.name.clone(), id.to_string());
            }
        }
        trunks.files.insert(
            format!("etc/pjsip.d/trunk-{}.conf", self.name),
            conf.finish(),
        );
        trunks.entries.push(Entry {
            trunk: self.name.clone(),
            id,
            numbers: self.numbers(),
            contact_user,
        });
        Ok(())
    }

    /// The Secret's content, where the trunk registers.
    fn login(&self) -> Result<Option<&Credential>, Unusable> {
        if self.trunk.auth.kind == TrunkAuthType::Address {
            return Ok(None);
        }
        let named = self.trunk.auth.secret_ref.as_ref();
        let named = &named.ok_or(Unusable::NoSecretRef)?.name;
        let login = self.inputs.secrets.trunks.get(named);
        login
            .map(Some)
            .ok_or_else(|| Unusable::NoSecret(named.clone()))
    }

    fn endpoint(
        &self,
        conf: &mut Conf,
        id: &Id,
        peer: Option<&Peer<'_>>,
        login: Option<&Credential>,
    ) -> Result<(), Unsafe> {
        let codecs: Vec<_> = self.trunk.codecs.iter().map(|c| c.as_str()).collect();
        let transport = match self.trunk.carrier.as_ref().map(|c| c.transport) {
            None | Some(Transport::UDP) => "transport-udp",
            Some(Transport::TCP) => "transport-tcp",
            Some(Transport::TLS) => "transport-tls",
        };
        conf.section(id)
            .set("type", "endpoint")
            .set("context", id)
            .set("transport", transport)
            // never by name: whoever claims to be the carrier would be let in without a password
            .set("identify_by", "ip")
            .set("disallow", "all")
            .set("allow", Value::text("the codecs", &codecs.join(","))?)
            .set("direct_media", "no")
            .set("rtp_symmetric", "yes")
            .set("force_rport", "yes")
            .set("dtmf_mode", "rfc4733")
            // the head of a number is another number, so 404 rather than 484
            .set("allow_overlap", "no")
            .set("trust_id_inbound", "yes")
            // BYEs get lost on the way in: without these a call could stay for ever
            .set("rtp_timeout", 120)
            .set("rtp_timeout_hold", 3600);
        if let Some(peer) = peer {
            conf.set("aors", id).set(
                "from_domain",
                Value::text("the carrier's host", &peer.host)?,
            );
            if peer.carrier.srtp {
                conf.set("media_encryption", "sdes");
            }
        }
        if let Some(login) = login {
            conf.set("outbound_auth", id)
                .set("from_user", Value::text("the user name", &login.username)?);
        }
        Ok(())
    }

    /// The addresses that identify the carrier, none with a port: carriers send from any. A
    /// carrier that is itself written as an address need not be repeated.
    fn addresses(
        &self,
        peer: Option<&Peer<'_>>,
        claimed: &mut BTreeMap<String, TrunkName>,
        told: &mut Vec<String>,
    ) -> Vec<String> {
        let mut wanted: Vec<&str> = self.trunk.auth.r#match.iter().map(String::as_str).collect();
        if let Some(peer) = peer
            && peer.host.parse::<IpAddr>().is_ok()
            && (wanted.is_empty() || self.trunk.auth.kind == TrunkAuthType::Registration)
        {
            wanted.push(&peer.host);
        }
        let mut addresses = Vec::new();
        for text in wanted {
            let Some(network) = network(text) else {
                told.push(format!(
                    "spec.auth.match {text:?} is no address: want 203.0.113.10, 203.0.113.0/24 or IPv6, without a port"
                ));
                continue;
            };
            match claimed.get(&network) {
                Some(owner) if owner != self.name => told.push(format!(
                    "spec.auth.match {text} identifies the trunk {owner} already: one address is one trunk's"
                )),
                _ => {
                    claimed.insert(network.clone(), self.name.clone());
                    addresses.push(network);
                }
            }
        }
        addresses.dedup();
        addresses
    }

    /// The account where it can be dialled, for carriers call it so; else the trunk's name.
    fn contact_user(&self, login: &Credential) -> Result<Id, Unsafe> {
        let digits = login.username.trim_start_matches('+');
        match Id::new("the user name", digits) {
            // a leading underscore would make it a pattern, letters alone may be `h` or `s`
            Ok(id) if digits.len() > 1 && !digits.starts_with('_') => Ok(id),
            _ => Id::new("a trunk's name", &trunk_endpoint(self.name)),
        }
    }

    /// The tenant's numbers that the trunk may bring in.
    fn numbers(&self) -> Vec<PhoneNumber> {
        let may = |number: &PhoneNumber| self.trunk.numbers.iter().any(|p| brings(p, number));
        let numbers = self.inputs.tenant.numbers.keys();
        numbers.filter(|number| may(number)).cloned().collect()
    }
}

/// Whether the pattern is this number, or its head.
fn brings(pattern: &NumberPattern, number: &PhoneNumber) -> bool {
    match pattern.as_str().strip_suffix('*') {
        Some(head) => number.as_str().starts_with(head),
        None => number.as_str() == pattern.as_str(),
    }
}

fn auth(conf: &mut Conf, id: &Id, login: &Credential) -> Result<(), Unsafe> {
    conf.section(id)
        .set("type", "auth")
        .set("auth_type", "digest")
        .set("username", Value::text("the user name", &login.username)?)
        .set("password", Value::text("the password", &login.password)?);
    Ok(())
}

fn registration(
    conf: &mut Conf,
    id: &Id,
    peer: &Peer<'_>,
    login: &Credential,
    contact_user: &str,
) -> Result<(), Unsafe> {
    let account = peer.account(&login.username);
    conf.section(id)
        .set("type", "registration")
        .set("endpoint", id)
        // the Contact names the trunk: a call to it is this trunk's, from whatever address
        .set("line", "yes")
        .set("outbound_auth", id)
        .set("transport", peer.transport())
        .set(
            "server_uri",
            Value::text("the carrier's address", &peer.uri())?,
        )
        .set("client_uri", Value::text("the account", &account)?)
        .set(
            "contact_user",
            Value::text("the Contact's user", contact_user)?,
        )
        .set("expiration", 300)
        // 10 s by default, before the first call can come
        .set("max_random_initial_delay", 1)
        .set("retry_interval", 10)
        .set("max_retries", 100_000)
        // a carrier that refuses today may accept tomorrow: whoever mends it doesn't know of us
        .set("auth_rejection_permanent", "no")
        .set("forbidden_retry_interval", 30)
        .set("fatal_retry_interval", 40);
    Ok(())
}

/// The carrier, with a host that is one.
struct Peer<'a> {
    carrier: &'a Carrier,
    host: String,
}

impl<'a> Peer<'a> {
    fn new(carrier: &'a Carrier) -> Result<Self, Unsafe> {
        let host = carrier.host.trim_matches(['[', ']']).to_owned();
        let name = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
        let good = host.parse::<Ipv6Addr>().is_ok()
            || (!host.is_empty() && host.len() <= 253 && host.chars().all(name));
        if !good {
            return Err(Unsafe::Form {
                what: "spec.carrier.host",
                got: host,
                want: "a host name or an address, without a port",
            });
        }
        Ok(Self { carrier, host })
    }

    fn transport(&self) -> &'static str {
        match self.carrier.transport {
            Transport::UDP => "transport-udp",
            Transport::TCP => "transport-tcp",
            Transport::TLS => "transport-tls",
        }
    }

    /// The host as a URI has it.
    fn uri_host(&self) -> String {
        match self.host.parse::<Ipv6Addr>() {
            Ok(ip) => format!("[{ip}]"),
            Err(_) => self.host.clone(),
        }
    }

    /// Where requests go: `sip:host:port[;transport=…]`.
    fn uri(&self) -> String {
        let transport = match self.carrier.transport {
            Transport::UDP => "",
            Transport::TCP => ";transport=tcp",
            Transport::TLS => ";transport=tls",
        };
        format!("sip:{}:{}{transport}", self.uri_host(), self.carrier.port)
    }

    /// Who registers: `sip:user@host`. It is a name, so no port.
    fn account(&self, user: &str) -> String {
        format!("sip:{}@{}", uri_user(user), self.uri_host())
    }
}

/// The user part of a SIP URI (RFC 3261 section 25.1: `unreserved` and `user-unreserved` as they
/// are, the rest by their bytes).
fn uri_user(user: &str) -> String {
    let mut text = String::with_capacity(user.len());
    for byte in user.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.!~*'()&=+$,?/".contains(&byte) {
            text.push(char::from(byte));
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
    }
    text
}

/// An address or a network in the form that Asterisk takes; `None`: it is neither.
fn network(text: &str) -> Option<String> {
    let (address, bits) = match text.split_once('/') {
        Some((address, bits)) => (address, Some(bits.parse::<u8>().ok()?)),
        None => (text, None),
    };
    let address: IpAddr = address.parse().ok()?;
    let most = if address.is_ipv4() { 32 } else { 128 };
    match bits {
        Some(bits) if bits > most => None,
        Some(bits) if bits < most => Some(format!("{address}/{bits}")),
        _ => Some(address.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_with_a_port_is_no_address() {
        assert_eq!(network("203.0.113.10:5060"), None);
        assert_eq!(network("203.0.113.10/33"), None);
        assert_eq!(network("carrier.example"), None);
        assert_eq!(network("203.0.113.10/32").as_deref(), Some("203.0.113.10"));
        assert_eq!(network("203.0.113.0/24").as_deref(), Some("203.0.113.0/24"));
        assert_eq!(network("2001:DB8::1").as_deref(), Some("2001:db8::1"));
    }

    #[test]
    fn a_prefix_brings_what_it_heads_and_a_number_itself_alone() {
        let number = PhoneNumber::from("+493055500");
        assert!(brings(&NumberPattern::from("+4930*"), &number));
        assert!(brings(&NumberPattern::from("+493055500"), &number));
        assert!(!brings(&NumberPattern::from("+49305550"), &number));
        assert!(!brings(&NumberPattern::from("+1*"), &number));
    }

    #[test]
    fn an_account_is_written_as_a_uris_user() {
        assert_eq!(uri_user("+49 30;a@b"), "+49%2030%3Ba%40b");
    }
}
