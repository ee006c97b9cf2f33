//! Reads what was rendered the way Asterisk will, before Asterisk does: a reload answers success
//! whatever it made of the files.

use std::collections::{BTreeMap, BTreeSet};

/// What Asterisk would trip over.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}: {what}")]
pub struct Fault {
    /// Which rendered file.
    pub file: String,
    /// Which line of it, from 1.
    pub line: usize,
    /// What is wrong.
    pub what: String,
}

/// The options that we set, by the type of SIP object. One that isn't here would be refused by
/// Asterisk together with its object, or is a slip of ours.
const OPTIONS: [(&str, &[&str]); 6] = [
    (
        "endpoint",
        &[
            "accountcode",
            "allow",
            "allow_overlap",
            "aors",
            "auth",
            "context",
            "direct_media",
            "disallow",
            "dtmf_mode",
            "force_rport",
            "from_domain",
            "from_user",
            "identify_by",
            "media_encryption",
            "outbound_auth",
            "rewrite_contact",
            "rtp_symmetric",
            "rtp_timeout",
            "rtp_timeout_hold",
            "transport",
            "trust_id_inbound",
            "webrtc",
        ],
    ),
    ("auth", &["auth_type", "password", "username"]),
    (
        "aor",
        &[
            "contact",
            "mailboxes",
            "max_contacts",
            "qualify_frequency",
            "remove_existing",
        ],
    ),
    ("identify", &["endpoint", "match"]),
    (
        "registration",
        &[
            "auth_rejection_permanent",
            "client_uri",
            "contact_user",
            "endpoint",
            "expiration",
            "fatal_retry_interval",
            "forbidden_retry_interval",
            "line",
            "max_random_initial_delay",
            "max_retries",
            "outbound_auth",
            "retry_interval",
            "server_uri",
            "transport",
        ],
    ),
    (
        "transport",
        &[
            "allow_reload",
            "bind",
            "ca_list_file",
            "external_media_address",
            "external_signaling_address",
            "external_signaling_port",
            "local_net",
            "method",
            "protocol",
            "verify_server",
        ],
    ),
];

/// Checks the SIP files together, for names are unique over all of them.
pub fn lint(files: &BTreeMap<String, Vec<u8>>) -> Result<(), Fault> {
    let mut objects = BTreeSet::new();
    let ours = |path: &str| path.starts_with("etc/pjsip.d/") || path == "etc/transports.conf";
    for (path, bytes) in files.iter().filter(|(path, _)| ours(path)) {
        let text = std::str::from_utf8(bytes).map_err(|error| Fault {
            file: path.clone(),
            line: 0,
            what: error.to_string(),
        })?;
        File { path, text }.check(&mut objects)?;
    }
    Ok(())
}

struct File<'a> {
    path: &'a str,
    text: &'a str,
}

impl<'a> File<'a> {
    fn check(&self, objects: &mut BTreeSet<(&'a str, &'a str)>) -> Result<(), Fault> {
        let mut section = None;
        let mut options: &[&str] = &[];
        let mut typed = true;
        for (index, line) in self.text.lines().enumerate() {
            let fault = |what: String| Fault {
                file: self.path.to_owned(),
                line: index + 1,
                what,
            };
            if line.is_empty() || line.starts_with(';') {
                continue;
            }
            if let Some(name) = line.strip_prefix('[') {
                let name = name.strip_suffix(']');
                let name = name.ok_or_else(|| fault(format!("no section: {line}")))?;
                if !typed {
                    return Err(fault("the section before has no type".into()));
                }
                (section, options, typed) = (Some(name), &[], false);
                continue;
            }
            let (option, value) = line
                .split_once(" = ")
                .ok_or_else(|| fault("neither a section nor `option = value`".into()))?;
            let id = section.ok_or_else(|| fault("an option before any section".into()))?;
            if option == "type" {
                let known = OPTIONS.iter().find(|(kind, _)| *kind == value);
                let (kind, allowed) =
                    known.ok_or_else(|| fault(format!("no type of ours: {value}")))?;
                if !objects.insert((id, kind)) {
                    // Asterisk would reject every object of the type and keep the old set
                    return Err(fault(format!("a second {kind} {id}")));
                }
                (options, typed) = (allowed, true);
            } else if !options.contains(&option) {
                return Err(fault(format!("{option} is no option of [{id}]")));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(text: &str) -> String {
        let files = BTreeMap::from([("etc/pjsip.d/x.conf".to_owned(), text.as_bytes().to_vec())]);
        lint(&files).unwrap_err().what
    }

    #[test]
    fn a_duplicate_over_two_files_is_found_before_asterisk_rejects_the_whole_type() {
        let aor = b"[a]\ntype = aor\nmax_contacts = 1\n".to_vec();
        let mut files = BTreeMap::from([("etc/pjsip.d/a.conf".to_owned(), aor.clone())]);
        assert_eq!(lint(&files), Ok(()));
        files.insert("etc/pjsip.d/b.conf".to_owned(), aor);
        let fault = lint(&files).unwrap_err();
        assert_eq!(fault.to_string(), "etc/pjsip.d/b.conf:2: a second aor a");
    }

    #[test]
    fn an_unknown_option_or_a_broken_line_is_a_fault() {
        assert_eq!(
            faults("[a]\ntype = aor\nbogus = 1\n"),
            "bogus is no option of [a]"
        );
        assert_eq!(faults("[a\ntype = aor\n"), "no section: [a");
        assert_eq!(
            faults("[a]\ntype = aor\nnonsense\n"),
            "neither a section nor `option = value`"
        );
        assert_eq!(
            faults("[a]\n[b]\ntype = aor\n"),
            "the section before has no type"
        );
        assert_eq!(faults("[a]\ntype = queue\n"), "no type of ours: queue");
    }
}
