//! What is derived from the tenant's key, which engine and media side-car share.
//!
//! The Secret `<callcenter>-keys` holds it under `tenant-key`: 32 random bytes or more, as text
//! or not. It never leaves the pods: everything shown to somebody else is an HMAC of it.

use std::fmt;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use crate::journal::Epoch;

/// The user under which an engine speaks to ARI.
pub const ARI_USER: &str = "engine";
/// Shorter than this and it is no key.
const MIN_KEY_BYTES: usize = 16;

/// The tenant's key.
#[derive(Clone)]
pub struct TenantKey(Vec<u8>);

/// A key that can't be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file can't be read.
    #[error(
        "can't read the tenant's key from {path}: it is the key `tenant-key` of the Secret `<callcenter>-keys`"
    )]
    Read {
        /// Where it was looked for.
        path: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// Too short to be one.
    #[error("the tenant's key has {got} bytes; {MIN_KEY_BYTES} are the least")]
    Short {
        /// Its length.
        got: usize,
    },
}

impl TenantKey {
    /// Wraps a key; white space around it is not part of it.
    ///
    /// # Errors
    /// [`KeyError::Short`] below 16 bytes.
    pub fn new(bytes: &[u8]) -> Result<Self, KeyError> {
        let bytes = bytes.trim_ascii();
        if bytes.len() < MIN_KEY_BYTES {
            return Err(KeyError::Short { got: bytes.len() });
        }
        Ok(Self(bytes.to_vec()))
    }

    /// Reads a key from a file.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn read(path: &Path) -> Result<Self, KeyError> {
        let bytes = std::fs::read(path).map_err(|source| KeyError::Read {
            path: path.to_owned(),
            source,
        })?;
        Self::new(&bytes)
    }

    /// The ARI password of an epoch: it changes with each leader, which is what fences.
    pub fn ari_password(&self, epoch: Epoch) -> String {
        self.derive(&format!("ari:{epoch}"))
    }

    /// What `POST /fence {"epoch": N}` of a media side-car wants as its bearer token: good for
    /// this epoch alone, so a token overheard can't fence anew.
    pub fn fence_token(&self, epoch: Epoch) -> String {
        self.derive(&format!("fence:{epoch}"))
    }

    /// An agent's token for the HTTP API: their name, a dot, and what only we could have made of it.
    pub fn agent_token(&self, agent: &str) -> String {
        format!("{agent}.{}", self.derive(&format!("agent:{agent}")))
    }

    /// The SIP password of an agent's phone, where no operator is there to derive it: as that does,
    /// for an agent whose password was never rotated.
    pub fn sip_password(&self, agent: &str) -> String {
        let mut text = URL_SAFE_NO_PAD.encode(self.mac(&format!("sip:{agent}:")));
        text.truncate(24);
        text
    }

    /// Under which customers' own keys are wrapped.
    pub(crate) fn customer_wrapping(&self) -> [u8; 32] {
        self.mac("customer:wrap")
    }

    /// By which a customer's row is found again without their number being in it.
    pub(crate) fn customer_finding(&self) -> [u8; 32] {
        self.mac("customer:find")
    }

    /// Hex of HMAC-SHA256 of the purpose.
    fn derive(&self, purpose: &str) -> String {
        let bytes = self.mac(purpose);
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn mac(&self, purpose: &str) -> [u8; 32] {
        // HMAC takes keys of any length, so this is `Ok` always.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.0) else {
            unreachable!("HMAC takes a key of any length")
        };
        mac.update(purpose.as_bytes());
        mac.finalize().into_bytes().into()
    }
}

impl fmt::Debug for TenantKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TenantKey(…)")
    }
}

/// Whether two secrets are the same, in a time that depends on their lengths alone.
pub fn same_secret(a: &str, b: &str) -> bool {
    bool::from(a.as_bytes().ct_eq(b.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> TenantKey {
        TenantKey::new(b"0123456789abcdef\n").unwrap()
    }

    #[test]
    fn a_password_is_the_hmac_of_its_purpose_and_epoch() {
        // printf 'ari:7' | openssl dgst -sha256 -hmac 0123456789abcdef
        assert_eq!(
            key().ari_password(Epoch(7)),
            "2a63686e8af51c8914485f1b49db1c4b53dbccae787e1d2b235f8ae6a2c46e8f"
        );
        assert_ne!(key().ari_password(Epoch(7)), key().ari_password(Epoch(8)));
        assert_ne!(key().ari_password(Epoch(7)), key().fence_token(Epoch(7)));
    }

    #[test]
    fn a_phones_password_is_the_one_that_the_operator_derives() {
        // printf 'sip:maria:' | openssl dgst -sha256 -hmac 0123456789abcdef -binary | basenc --base64url
        let password = key().sip_password("maria");
        assert_eq!(password, "N3g5bRRoABcSEI42Pjr8F8WI");
        assert_ne!(password, key().sip_password("jonas"));
    }

    #[test]
    fn a_key_is_never_printed_and_never_short() {
        assert_eq!(format!("{:?}", key()), "TenantKey(…)");
        assert!(matches!(
            TenantKey::new(b" short\n"),
            Err(KeyError::Short { got: 5 })
        ));
    }

    #[test]
    fn secrets_are_compared_whole() {
        assert!(same_secret("abc", "abc"));
        assert!(!same_secret("abc", "abd"));
        assert!(!same_secret("abc", "ab"));
    }
}
