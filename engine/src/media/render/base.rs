//! The files that hang on the pod alone.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::Path;

use super::conf::{Conf, Id, Unsafe, Value};
use crate::media::inputs::{Access, PodFacts};

/// Variables that come with every channel, in events and listings: what an engine rebuilds its
/// picture from after a restart.
const CHANNEL_VARIABLES: &str = "TRUNKLINE_ROLE,TRUNKLINE_CONTACT,TRUNKLINE_NUMBER,TRUNKLINE_TRUNK,TRUNKLINE_QUEUE,TRUNKLINE_OFFER,TRUNKLINE_AGENT";

macro_rules! templates {
    ($($name:literal),* $(,)?) => {
        [$(($name, include_str!(concat!("../asterisk/", $name)))),*]
    };
}

/// What is the same in every pod but for the words in `@…@`. `extensions.conf` is the dialplan's.
const TEMPLATES: [(&str, &str); 19] = templates![
    "acl.conf",
    "asterisk.conf",
    "ccss.conf",
    "cdr.conf",
    "cel.conf",
    "features.conf",
    "http.conf",
    "indications.conf",
    "logger.conf",
    "manager.conf",
    "modules.conf",
    "musiconhold.conf",
    "pjproject.conf",
    "pjsip.conf",
    "rtp.conf",
    "sorcery.conf",
    "stasis.conf",
    "udptl.conf",
    "websocket_client.conf",
];

/// All base files.
pub(super) fn render(
    facts: &PodFacts,
    access: &Access,
) -> Result<BTreeMap<String, Vec<u8>>, Unsafe> {
    let pod = Id::new("the pod's name", &facts.pod)?;
    Value::text("the side-car's AMI password", &access.ami)?;
    let words = [
        ("@POD_NAME@", pod.to_string()),
        ("@ARI_IP@", facts.ari.ip().to_string()),
        ("@ARI_PORT@", facts.ari.port().to_string()),
        ("@AMI_ADDRESS@", facts.ami.ip().to_string()),
        ("@AMI_PORT@", facts.ami.port().to_string()),
        ("@AMI_PASSWORD@", access.ami.clone()),
        ("@RTP_START@", facts.rtp.0.to_string()),
        ("@RTP_END@", facts.rtp.1.to_string()),
        ("@ETC@", folder(&facts.places.etc)?),
        ("@LIB@", folder(&facts.places.lib)?),
        ("@SPOOL@", folder(&facts.places.spool)?),
        ("@RUN@", folder(&facts.places.run)?),
        ("@LOG@", folder(&facts.places.log)?),
        ("@MODULES@", folder(&facts.places.modules)?),
        ("@DATA@", folder(&facts.places.data)?),
    ];
    let mut files: BTreeMap<String, Vec<u8>> = TEMPLATES
        .iter()
        .map(|(name, template)| {
            let filled = words
                .iter()
                .fold((*template).to_owned(), |text, (word, value)| {
                    text.replace(word, value)
                });
            (format!("etc/{name}"), filled.into_bytes())
        })
        .collect();
    files.insert("etc/ari.conf".into(), ari(access)?);
    files.insert("etc/transports.conf".into(), transports(facts)?);
    Ok(files)
}

/// A folder as a value; outside a pod its name is a user's.
fn folder(path: &Path) -> Result<String, Unsafe> {
    let text = path.to_string_lossy();
    Ok(Value::text("a folder of Asterisk's", &text)?.to_string())
}

/// ARI's users: the side-car's, whose password lives as long as the pod, and the leader's, whose
/// password changes with the epoch. That change is the fence.
///
/// It fences REST over HTTP and new sockets. An event socket that is already open stays open, so
/// an engine must never send REST over its socket; ours doesn't.
pub(super) fn ari(access: &Access) -> Result<Vec<u8>, Unsafe> {
    let mut conf = Conf::new("the engine's password changes with each leader");
    conf.section(&Id::new("a section", "general")?)
        .set("enabled", "yes")
        .set("pretty", "no")
        // 100 ms by default: a busy engine's socket would be cut
        .set("websocket_write_timeout", 1000)
        .set("channelvars", CHANNEL_VARIABLES);
    let users = [
        ("sidecar", Some(&access.sidecar)),
        ("engine", access.engine.as_ref()),
    ];
    for (user, password) in users {
        let Some(password) = password else { continue };
        conf.section(&Id::new("a user", user)?)
            .set("type", "user")
            .set("read_only", "no")
            .set("password", Value::text("an ARI password", password)?)
            .set("password_format", "plain");
    }
    Ok(conf.finish())
}

/// SIP's transports. They don't reload, so all that any trunk may want are there from the start.
fn transports(facts: &PodFacts) -> Result<Vec<u8>, Unsafe> {
    let mut conf = Conf::new("transports don't reload: the facts of the pod alone go in here");
    let host = match facts.ip {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("[{ip}]"),
    };
    // TLS without a certificate of our own: good for calling out, as to a carrier's trunk.
    let tls_port = facts.sip_port.saturating_add(1);
    for (protocol, port) in [
        ("udp", facts.sip_port),
        ("tcp", facts.sip_port),
        ("tls", tls_port),
    ] {
        let bind = Value::text("an address", &format!("{host}:{port}"))?;
        conf.section(&Id::new("a transport", &format!("transport-{protocol}"))?)
            .set("type", "transport")
            .set("protocol", Value::text("a protocol", protocol)?)
            .set("bind", bind)
            .set("allow_reload", "no");
        if protocol == "tls" {
            conf.set("method", "tlsv1_2").set("verify_server", "yes");
            conf.set("ca_list_file", "/etc/ssl/certs/ca-certificates.crt");
        }
        if let Some(external) = &facts.external {
            let address = Value::text("the external address", &external.address.to_string())?;
            conf.set("external_media_address", address.clone());
            if let Some(port) = external.sip_port {
                conf.set("external_signaling_address", address)
                    .set("external_signaling_port", u32::from(port));
            }
            for net in &external.local_nets {
                conf.set("local_net", Value::text("a local network", net)?);
            }
        }
    }
    conf.section(&Id::new("a transport", "transport-ws")?)
        .set("type", "transport")
        .set("protocol", "ws")
        .set("bind", Value::text("an address", &host)?)
        .set("allow_reload", "no");
    Ok(conf.finish())
}
