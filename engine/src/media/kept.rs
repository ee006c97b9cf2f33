//! What must survive a restart of either container, in a volume that lives as long as the pod.

use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use rand::RngCore;
use serde::{Deserialize, Serialize};

use super::files::{FileError, replace};
use super::inputs::Access;
use crate::journal::Epoch;
use crate::keys::TenantKey;

/// The record.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Kept {
    /// The highest epoch that has fenced; 0: none has.
    pub(super) epoch: u64,
    /// The side-car's own ARI password. Kept, because an Asterisk that goes on while the side-car
    /// is restarted knows this one.
    sidecar: String,
    /// The manager interface's password.
    ami: String,
    /// Readiness once waited for an engine; it doesn't again, or an engine's restart would
    /// take every media pod out of the Services, and with it the flows of live calls.
    pub(super) was_ready: bool,
    /// Since when this pod takes no new call.
    pub(super) draining: Option<DateTime<Utc>>,
}

impl Kept {
    fn fresh() -> Self {
        Self {
            epoch: 0,
            sidecar: random_password(),
            ami: random_password(),
            was_ready: false,
            draining: None,
        }
    }

    /// Who may speak to Asterisk now.
    pub(super) fn access(&self, key: &TenantKey) -> Access {
        Access {
            sidecar: self.sidecar.clone(),
            ami: self.ami.clone(),
            engine: (self.epoch > 0).then(|| key.ari_password(Epoch(self.epoch))),
        }
    }
}

/// 256 bits, in hex.
fn random_password() -> String {
    let mut bytes = [0; 32];
    rand::rng().fill_bytes(&mut bytes);
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A record that can't be read.
#[derive(Debug, thiserror::Error)]
#[error(
    "{path} can't be read, and with it who has fenced this pod is lost: delete the pod, and a fresh one takes its place"
)]
pub(super) struct KeptError {
    path: PathBuf,
    #[source]
    source: std::io::Error,
}

/// The file that the record is in.
#[derive(Clone, Debug)]
pub(super) struct KeptFile(PathBuf);

impl KeptFile {
    pub(super) fn in_folder(lib: &Path) -> Self {
        Self(lib.join("trunkline/kept.json"))
    }

    /// What was kept, or a fresh record where there is none.
    ///
    /// # Errors
    /// Where it is there and can't be read: a start without it would forget who has fenced.
    pub(super) fn load(&self) -> Result<Kept, KeptError> {
        let damaged = |source: std::io::Error| KeptError {
            path: self.0.clone(),
            source,
        };
        match std::fs::read(&self.0) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|error| damaged(error.into())),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Kept::fresh()),
            Err(error) => Err(damaged(error)),
        }
    }

    /// Writes it, through to the disk.
    pub(super) fn save(&self, kept: &Kept) -> Result<(), FileError> {
        // plain strings, numbers and a time: it can't fail
        let bytes = serde_json::to_vec(kept).unwrap_or_default();
        replace(&self.0, &bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_epoch_and_the_passwords_survive_a_restart_and_are_fresh_in_a_new_pod() {
        let scratch = tempfile::tempdir().unwrap();
        let file = KeptFile::in_folder(scratch.path());
        let mut kept = file.load().unwrap();
        assert_eq!((kept.epoch, kept.was_ready), (0, false));
        kept.epoch = 7;
        file.save(&kept).unwrap();
        assert!(file.load().unwrap() == kept);

        let elsewhere = KeptFile::in_folder(&scratch.path().join("other"));
        let elsewhere = elsewhere.load().unwrap();
        assert_ne!(elsewhere.sidecar, kept.sidecar);
        assert_eq!(kept.sidecar.len(), 64);
    }

    #[test]
    fn a_damaged_record_is_no_fresh_start() {
        let scratch = tempfile::tempdir().unwrap();
        let file = KeptFile::in_folder(scratch.path());
        replace(&file.0, b"{\"epoch\": 7").unwrap();
        let Err(error) = file.load() else {
            panic!("the epoch would be forgotten");
        };
        assert!(error.to_string().contains("delete the pod"), "{error}");
    }

    #[test]
    fn the_engine_gets_in_only_after_a_fence() {
        let key = TenantKey::new(b"0123456789abcdef").unwrap();
        let mut kept = Kept::fresh();
        assert_eq!(kept.access(&key).engine, None);
        kept.epoch = 3;
        assert_eq!(kept.access(&key).engine, Some(key.ari_password(Epoch(3))));
    }
}
