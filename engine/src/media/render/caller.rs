//! A phone that may call every number, on a machine that no carrier reaches.

use trunkline_tenant::crds::TrunkName;

use super::TEST_CALLER;
use super::conf::{Conf, Id, Unsafe, Value};
use super::trunks::Entry;
use crate::media::inputs::Inputs;

/// `pjsip.d/test-caller.conf` and what the dialplan lets in by it, where it has a password.
pub(super) fn render(inputs: &Inputs) -> Result<Option<(Vec<u8>, Entry)>, Unsafe> {
    let Some(password) = &inputs.secrets.test_caller else {
        return Ok(None);
    };
    let id = Id::new("the test caller's name", TEST_CALLER)?;
    let mut conf = Conf::new("the test caller's phone");
    conf.section(&id)
        .set("type", "endpoint")
        .set("context", &id)
        .set("identify_by", "username")
        .set("auth", &id)
        .set("aors", &id)
        .set("disallow", "all")
        .set("allow", "alaw,ulaw,g722,opus")
        .set("direct_media", "no")
        .set("rtp_symmetric", "yes")
        .set("force_rport", "yes")
        .set("rewrite_contact", "yes")
        .set("dtmf_mode", "rfc4733")
        .set("allow_overlap", "no")
        .set("rtp_timeout", 120)
        .set("rtp_timeout_hold", 3600);
    conf.section(&id)
        .set("type", "auth")
        .set("auth_type", "digest")
        .set("username", &id)
        .set(
            "password",
            Value::text("the test caller's password", password)?,
        );
    // Many a phone calls only once it is registered, though nobody calls this one.
    conf.section(&id)
        .set("type", "aor")
        .set("max_contacts", 1)
        .set("remove_existing", "yes");
    let entry = Entry {
        trunk: TrunkName::from(TEST_CALLER),
        id,
        numbers: inputs.tenant.numbers.keys().cloned().collect(),
        contact_user: None,
    };
    Ok(Some((conf.finish(), entry)))
}
