//! From a Tenant to Asterisk's files. Pure: the same inputs give the same bytes.
//!
//! A part that can't be rendered (a trunk without its Secret, a password with a line break) is
//! left out and told as a [`Problem`]; the rest of the tenant works.

mod agents;
mod base;
mod caller;
mod conf;
mod dialplan;
mod lint;
mod prompts;
mod trunks;

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};
use trunkline_tenant::crds::{AgentName, PromptName, TrunkName};

pub use conf::Unsafe;
use conf::{Conf, Id, Value};
pub(super) use dialplan::MARK_VARIABLE;
pub(super) use lint::{Fault, lint};

use super::inputs::{Access, Inputs, PodFacts};

/// Where the prompts are in a pod, as Asterisk sees it. Asterisk's own sounds are in a root file system
/// that nobody can write to, so prompts are played by their absolute path.
pub const PROMPTS: &str = "/var/lib/asterisk/prompts";

/// What a trunk's endpoint begins with. An underscore is in no agent's name, so that no agent can
/// be taken for a trunk.
pub(super) const TRUNK_PREFIX: &str = "trunk_";

/// The user of the phone that may call every number; no agent's name, by its underscore.
pub const TEST_CALLER: &str = "test_caller";

/// The endpoint that calls go out by: `PJSIP/NUMBER@ENDPOINT`.
pub fn trunk_endpoint(trunk: &TrunkName) -> String {
    format!("{TRUNK_PREFIX}{trunk}")
}

/// The trunk whose endpoint this is, if it is one.
pub fn trunk_of(endpoint: &str) -> Option<TrunkName> {
    endpoint.strip_prefix(TRUNK_PREFIX).map(TrunkName::from)
}

/// The object whose attributes say which configuration Asterisk runs; see [`mark_pjsip`].
pub const MARKER: &str = "zz_marker";

/// What a problem is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// A trunk is left out, or a part of it.
    Trunk(TrunkName),
    /// An agent's phone can't register.
    Agent(AgentName),
    /// A prompt can't be played.
    Prompt(PromptName),
}

/// A part of the tenant that could not be rendered, and what would be right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// What it is about.
    pub subject: Subject,
    /// Why, and what would be right.
    pub message: String,
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.subject {
            Subject::Trunk(name) => write!(f, "trunk {name}: {}", self.message),
            Subject::Agent(name) => write!(f, "agent {name}: {}", self.message),
            Subject::Prompt(name) => write!(f, "prompt {name}: {}", self.message),
        }
    }
}

/// What was rendered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rendered {
    /// Path below the media pod's folders (`etc/…` is `/etc/asterisk`, `prompts/…` is
    /// [`PROMPTS`]) → bytes.
    pub files: BTreeMap<String, Vec<u8>>,
    /// What was left out.
    pub problems: Vec<Problem>,
    /// What the marker of the SIP configuration says.
    pub pjsip_mark: String,
    /// What the marker of the dialplan says.
    pub dialplan_mark: String,
    /// The trunks that this pod registers, with the name of their registration.
    pub registrations: BTreeMap<TrunkName, String>,
}

/// Renders everything.
pub fn render(inputs: &Inputs, facts: &PodFacts, access: &Access) -> Result<Rendered, Unsafe> {
    let mut rendered = Rendered {
        files: base::render(facts, access)?,
        ..Rendered::default()
    };
    let mut sip = BTreeMap::new();
    let mut trunks = trunks::render(inputs, &mut rendered.problems);
    rendered.registrations = trunks.registrations;
    sip.extend(trunks.files);
    if let Some((file, entry)) = caller::render(inputs)? {
        sip.insert("etc/pjsip.d/test-caller.conf".to_owned(), file);
        trunks.entries.push(entry);
    }
    sip.insert(
        "etc/pjsip.d/agents.conf".to_owned(),
        agents::render(inputs, &mut rendered.problems),
    );
    rendered.pjsip_mark = mark(sip.values());
    sip.insert(
        format!("etc/pjsip.d/{MARKER}.conf"),
        mark_pjsip(&rendered.pjsip_mark)?,
    );
    rendered.files.extend(sip);

    let dialplan = dialplan::render(inputs, &trunks.entries);
    rendered.dialplan_mark = mark([&dialplan]);
    let marked = dialplan::marked(dialplan, &rendered.dialplan_mark);
    rendered.files.insert("etc/extensions.conf".into(), marked);

    let prompts = prompts::render(inputs, &mut rendered.problems);
    rendered.files.extend(prompts);
    Ok(rendered)
}

/// ARI's users alone: what a fence changes.
pub fn render_ari(access: &Access) -> Result<Vec<u8>, Unsafe> {
    base::ari(access)
}

/// The first 16 hex digits of a hash of the files.
fn mark<'a>(files: impl IntoIterator<Item = &'a Vec<u8>>) -> String {
    let mut hash = Sha256::new();
    for file in files {
        hash.update(file.len().to_le_bytes());
        hash.update(file);
    }
    format!("{:x}", hash.finalize())[..16].to_owned()
}

/// One object of each type that comes last of all and carries the hash of all before it.
///
/// A reload always answers success. But a parse error drops what follows it, so the markers are
/// missing; and a duplicate rejects the whole of its type, so that type's marker is the old one:
/// three reads confirm any number of objects. The endpoint can't be called by (it is identified
/// by address, and has none) and the address of record takes no registration.
fn mark_pjsip(mark: &str) -> Result<Vec<u8>, Unsafe> {
    let mut conf = Conf::new("says which configuration runs; see the side-car's read-back");
    let id = Id::new("the marker", MARKER)?;
    let mark = || Value::text("the mark", mark);
    conf.section(&id)
        .set("type", "endpoint")
        .set("identify_by", "ip")
        .set("context", "nowhere")
        .set("disallow", "all")
        .set("allow", "alaw")
        .set("accountcode", mark()?);
    conf.section(&id)
        .set("type", "auth")
        .set("auth_type", "digest")
        .set("username", mark()?)
        .set("password", mark()?);
    conf.section(&id)
        .set("type", "aor")
        .set("max_contacts", 0)
        .set("mailboxes", mark()?);
    Ok(conf.finish())
}

#[cfg(test)]
mod tests;
