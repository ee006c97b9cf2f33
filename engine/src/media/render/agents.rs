//! Agents' phones: each registers with the agent's name and a password of its own.

use trunkline_tenant::crds::{AgentName, EndpointType};

use super::conf::{Conf, Id, Unsafe, Value};
use super::{Problem, Subject};
use crate::media::inputs::Inputs;

/// `pjsip.d/agents.conf`. An agent without a password gets no endpoint: one without `auth` could
/// be called by from anywhere.
pub(super) fn render(inputs: &Inputs, problems: &mut Vec<Problem>) -> Vec<u8> {
    let mut conf = Conf::new("agents' phones");
    for (name, agent) in &inputs.tenant.agents {
        let browser = match agent.endpoint.kind {
            EndpointType::Sip => false,
            EndpointType::Browser => true,
            // called by its number, by a trunk
            EndpointType::Phone => continue,
        };
        let written = match inputs.secrets.agents.get(name) {
            Some(password) => phone(&mut conf, name, password, browser).map_err(|e| e.to_string()),
            None => Err(format!(
                "no SIP password: want the key {name} in a Secret {}-agents-N",
                inputs.tenant.name
            )),
        };
        if let Err(message) = written {
            problems.push(Problem {
                subject: Subject::Agent(name.clone()),
                message,
            });
        }
    }
    conf.finish()
}

fn phone(conf: &mut Conf, name: &AgentName, password: &str, browser: bool) -> Result<(), Unsafe> {
    let id = Id::new("an agent's name", name.as_str())?;
    let password = Value::text("the SIP password", password)?;
    conf.section(&id)
        .set("type", "endpoint")
        .set("context", "agents")
        .set("identify_by", "username")
        .set("auth", &id)
        .set("aors", &id)
        .set("disallow", "all")
        .set(
            "allow",
            if browser {
                "opus,alaw"
            } else {
                "alaw,ulaw,g722,opus"
            },
        )
        .set("direct_media", "no")
        .set("rtp_symmetric", "yes")
        .set("force_rport", "yes")
        // the phone's own word for its address is wrong behind NAT
        .set("rewrite_contact", "yes")
        .set("dtmf_mode", "rfc4733")
        // a phone that has died leaves its call stuck otherwise
        .set("rtp_timeout", 120)
        .set("rtp_timeout_hold", 3600);
    if browser {
        conf.set("webrtc", "yes");
    }
    conf.section(&id)
        .set("type", "auth")
        .set("auth_type", "digest")
        .set("username", &id)
        .set("password", password);
    conf.section(&id)
        .set("type", "aor")
        // one phone an agent: who registers anew has moved
        .set("max_contacts", 1)
        .set("remove_existing", "yes")
        .set("qualify_frequency", 30);
    Ok(())
}
