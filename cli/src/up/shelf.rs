//! What no document of ours holds and a side-car needs: passwords and recordings, as files below
//! the state folder. In a cluster they are Secrets and ConfigMaps; here they come from the
//! documents that stand beside ours, and the phones' passwords from the tenant's key.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};
use trunkline_engine::keys::TenantKey;
use trunkline_engine::media::TEST_CALLER;
use trunkline_tenant::Tenant;
use trunkline_tenant::crds::{AgentName, EndpointType};

use crate::documents::Whole;

/// What a trunk's Secret holds.
const LOGIN: [&str; 2] = ["username", "password"];

/// Where they are, and whose they are.
#[derive(Clone)]
pub struct Shelf {
    state: PathBuf,
    key: TenantKey,
}

/// Files by their path below the state folder, and what is missing, in words.
#[derive(Debug, Default, PartialEq, Eq)]
struct Wanted {
    files: BTreeMap<PathBuf, Vec<u8>>,
    missing: Vec<String>,
}

impl Shelf {
    pub fn new(state: &Path, key: TenantKey) -> Self {
        Self {
            state: state.to_owned(),
            key,
        }
    }

    /// Makes the files what the documents say; returns what they lack, a line each.
    ///
    /// # Errors
    /// Where the folder can't be written.
    pub fn put(&self, whole: &Whole) -> Result<Vec<String>> {
        let wanted = wanted(whole, &self.key);
        sync(&self.state, &wanted.files)
            .with_context(|| format!("can't write below {}", self.state.display()))?;
        Ok(wanted.missing)
    }

    /// Where the agents' passwords are, a file for each.
    pub fn agents(&self, tenant: &Tenant) -> PathBuf {
        self.state.join(agents_folder(tenant))
    }

    /// Whether there is what a trunk with this Secret registers by.
    pub fn has_login(&self, secret: &str) -> bool {
        let folder = self.state.join("secrets").join(secret);
        LOGIN.iter().all(|key| folder.join(key).exists())
    }

    /// The file with the password of the phone that may call every number.
    pub fn test_caller(&self) -> PathBuf {
        self.state.join(test_caller())
    }
}

/// The Secret that the operator would make; one is enough here.
fn agents_folder(tenant: &Tenant) -> PathBuf {
    Path::new("secrets").join(format!("{}-agents-0", tenant.name))
}

fn test_caller() -> PathBuf {
    Path::new("secrets").join(TEST_CALLER).join("password")
}

/// Those whose phone registers here.
pub fn with_a_phone(tenant: &Tenant) -> impl Iterator<Item = &AgentName> {
    let agents = tenant.agents.iter();
    agents
        .filter(|(_, agent)| agent.endpoint.kind != EndpointType::Phone)
        .map(|(name, _)| name)
}

fn wanted(whole: &Whole, key: &TenantKey) -> Wanted {
    let tenant = &whole.tenant;
    let mut wanted = Wanted::default();
    let agents = agents_folder(tenant);
    for agent in with_a_phone(tenant).filter(|agent| is_plain(agent.as_str())) {
        let password = key.sip_password(agent.as_str());
        let file = agents.join(agent.as_str());
        wanted.files.insert(file, password.into_bytes());
    }
    let password = key.sip_password(TEST_CALLER);
    wanted.files.insert(test_caller(), password.into_bytes());

    let mut trunks: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (name, trunk) in &tenant.trunks {
        if let Some(secret) = &trunk.auth.secret_ref {
            trunks.entry(&secret.name).or_default().push(name.as_str());
        }
    }
    for (secret, trunks) in trunks {
        let found = object(whole, "Secret", secret);
        let complete = LOGIN
            .iter()
            .all(|key| found.as_ref().is_some_and(|data| data.contains_key(*key)));
        if !complete {
            wanted.missing.push(format!(
                "warning: no Secret {secret} with `username` and `password` is in these documents: left out is trunk {}",
                trunks.join(", ")
            ));
        }
        wanted.add("secrets", secret, found);
    }
    let named: BTreeSet<&str> = tenant
        .prompts
        .values()
        .map(|from| from.config_map.as_str())
        .collect();
    for name in named {
        let found = object(whole, "ConfigMap", name);
        for (prompt, from) in &tenant.prompts {
            let there = found
                .as_ref()
                .is_some_and(|data| data.contains_key(&from.key));
            if from.config_map == name && !there {
                wanted.missing.push(format!(
                    "warning: no ConfigMap {name} with the key {} is in these documents: prompt {prompt} is not played",
                    from.key
                ));
            }
        }
        wanted.add("configmaps", name, found);
    }
    wanted
}

impl Wanted {
    fn add(&mut self, kind: &str, name: &str, data: Option<BTreeMap<String, Vec<u8>>>) {
        if !is_plain(name) {
            return;
        }
        for (key, bytes) in data.unwrap_or_default() {
            if is_plain(&key) {
                self.files
                    .insert(Path::new(kind).join(name).join(key), bytes);
            }
        }
    }
}

/// No way out of a folder, as an API server would have it: nothing has checked these names.
fn is_plain(name: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    !name.is_empty() && name.chars().all(fits) && name != "." && name != ".."
}

/// What an object of the tenant's namespace holds, by key.
fn object(whole: &Whole, kind: &str, name: &str) -> Option<BTreeMap<String, Vec<u8>>> {
    let text =
        |value: &Value, at: &str| value.pointer(at).and_then(Value::as_str).map(str::to_owned);
    let ours = |value: &&Value| {
        let namespace = text(value, "/metadata/namespace").unwrap_or_else(|| "default".into());
        text(value, "/kind").as_deref() == Some(kind)
            && text(value, "/metadata/name").as_deref() == Some(name)
            && namespace == whole.tenant.namespace
    };
    // The last one stands, as with `kubectl apply`.
    let object = whole.data.iter().rev().find(ours)?;
    let (encoded, plain) = match kind {
        "Secret" => ("data", "stringData"),
        _ => ("binaryData", "data"),
    };
    let entries = |field: &str| {
        let map = object.get(field).and_then(Value::as_object);
        map.map(strings).unwrap_or_default()
    };
    let mut data: BTreeMap<String, Vec<u8>> = entries(encoded)
        .into_iter()
        .filter_map(|(key, text)| {
            // Line breaks are in it as `base64` writes them.
            let text: String = text.split_whitespace().collect();
            Some((key, STANDARD.decode(text).ok()?))
        })
        .collect();
    let plain = entries(plain).into_iter();
    data.extend(plain.map(|(key, text)| (key, text.into_bytes())));
    Some(data)
}

fn strings(map: &Map<String, Value>) -> Vec<(String, String)> {
    let text = |(key, value): (&String, &Value)| Some((key.clone(), value.as_str()?.to_owned()));
    map.iter().filter_map(text).collect()
}

/// Writes what differs, each file whole and for its owner alone, and removes what is no longer
/// wanted.
fn sync(state: &Path, files: &BTreeMap<PathBuf, Vec<u8>>) -> io::Result<()> {
    for (path, bytes) in files {
        let file = state.join(path);
        if std::fs::read(&file).is_ok_and(|old| old == *bytes) {
            continue;
        }
        if let Some(folder) = file.parent() {
            private_folder(folder)?;
        }
        // Beside the folders that are read: every file of theirs is a key.
        let mut new = tempfile::NamedTempFile::new_in(state)?;
        new.write_all(bytes)?;
        new.persist(&file).map_err(|error| error.error)?;
    }
    for kind in ["secrets", "configmaps"] {
        for folder in entries(&state.join(kind))? {
            for file in entries(&folder)? {
                let wanted = file
                    .strip_prefix(state)
                    .is_ok_and(|key| files.contains_key(key));
                if !wanted {
                    std::fs::remove_file(&file)?;
                }
            }
            if entries(&folder)?.is_empty() {
                std::fs::remove_dir(&folder)?;
            }
        }
    }
    Ok(())
}

/// Makes a folder that its owner alone can look into.
pub fn private_folder(folder: &Path) -> io::Result<()> {
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
}

fn entries(folder: &Path) -> io::Result<Vec<PathBuf>> {
    match std::fs::read_dir(folder) {
        Ok(entries) => entries.map(|entry| Ok(entry?.path())).collect(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::documents;

    const EXAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/northwind");

    fn example() -> Whole {
        documents::whole(&[EXAMPLE.to_owned()]).unwrap().unwrap()
    }

    fn shelf(state: &Path) -> Shelf {
        Shelf::new(state, TenantKey::new(b"0123456789abcdef").unwrap())
    }

    #[test]
    fn passwords_and_recordings_are_files_for_their_owner_alone() {
        let state = tempfile::tempdir().unwrap();
        let shelf = shelf(state.path());
        let whole = example();
        assert_eq!(shelf.put(&whole).unwrap(), [""; 0]);
        let read = |path: &str| std::fs::read(state.path().join(path)).unwrap();
        assert_eq!(read("secrets/carrier-a/username"), b"northwind");
        assert_eq!(
            &read("configmaps/northwind-prompts/welcome.wav")[..4],
            b"RIFF"
        );
        let maria = shelf.agents(&whole.tenant).join("maria");
        assert_eq!(std::fs::read(&maria).unwrap().len(), 24);
        assert_eq!(std::fs::read(shelf.test_caller()).unwrap().len(), 24);
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&maria), 0o600);
        assert_eq!(mode(&state.path().join("secrets")), 0o700);
    }

    #[test]
    fn what_the_documents_lack_is_said_and_what_they_no_longer_hold_is_removed() {
        let state = tempfile::tempdir().unwrap();
        let shelf = shelf(state.path());
        let mut whole = example();
        shelf.put(&whole).unwrap();
        whole.data.clear();
        whole.tenant.agents.remove(&AgentName::from("jonas"));
        let missing = shelf.put(&whole).unwrap();
        assert_eq!(missing.len(), 2, "{missing:?}");
        assert!(
            missing[0].contains("left out is trunk carrier-a"),
            "{missing:?}"
        );
        assert!(
            missing[1].contains("prompt welcome is not played"),
            "{missing:?}"
        );
        assert!(!state.path().join("secrets/carrier-a").exists());
        assert!(!state.path().join("configmaps/northwind-prompts").exists());
        let agents = entries(&shelf.agents(&whole.tenant)).unwrap();
        assert_eq!(agents.len(), 1, "maria is left: {agents:?}");
    }

    #[test]
    fn no_name_in_a_document_leads_out_of_the_folder() {
        let mut whole = example();
        let up = serde_json::json!({
            "apiVersion": "v1", "kind": "Secret",
            "metadata": {"name": "carrier-a", "namespace": "northwind"},
            "stringData": {"username": "u", "password": "p", "../../x": "out", "..": "out"},
            "data": {"encoded": "aGVs\nbG8=", "broken": "%"},
        });
        whole.data.push(up);
        let wanted = wanted(&whole, &TenantKey::new(b"0123456789abcdef").unwrap());
        let folder = Path::new("secrets/carrier-a");
        let keys: Vec<_> = wanted
            .files
            .iter()
            .filter(|(path, _)| path.starts_with(folder))
            .collect();
        let names: Vec<_> = keys
            .iter()
            .map(|(path, _)| path.file_name().unwrap())
            .collect();
        assert_eq!(names, ["encoded", "password", "username"]);
        assert_eq!(keys[0].1, b"hello");
        for name in ["", ".", "..", "a/b", "a b"] {
            assert!(!is_plain(name), "{name}");
        }
    }
}
