//! The Tenant as it travels: gzipped JSON with the hash of the JSON.
//!
//! In a ConfigMap `<callcenter>-tenant`: `binaryData["tenant.json.gz"]`, and the hash under
//! `data["hash"]`: SHA-256, in hex, of the JSON before it was compressed.

use std::io::{Read, Write};
use std::sync::Arc;

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use sha2::{Digest, Sha256};
use trunkline_tenant::Tenant;

/// The key of the ConfigMap's `binaryData`.
pub const TENANT_KEY: &str = "tenant.json.gz";
/// The key of the ConfigMap's `data`.
pub const HASH_KEY: &str = "hash";
/// No Tenant is larger; a bomb is.
const MAX_JSON_BYTES: u64 = 256 << 20;

/// A Tenant that can't be used.
#[derive(Debug, thiserror::Error)]
pub enum PackedError {
    /// Not gzip, or damaged.
    #[error("the packed Tenant can't be decompressed: want gzip")]
    Gzip(#[source] std::io::Error),
    /// Larger than any Tenant.
    #[error("the packed Tenant holds more than {MAX_JSON_BYTES} bytes")]
    TooLarge,
    /// Not what was hashed.
    #[error(
        "the packed Tenant's hash is {got}, and {want} was announced: a write was torn, or its two halves are of different versions"
    )]
    Hash {
        /// Of what came.
        got: String,
        /// As announced.
        want: String,
    },
    /// Not a Tenant of this version.
    #[error("the packed Tenant isn't one that this engine can read")]
    Json(#[source] serde_json::Error),
}

/// A Tenant and the hash that names it.
#[derive(Clone, Debug, PartialEq)]
pub struct Loaded {
    /// What to run.
    pub tenant: Arc<Tenant>,
    /// SHA-256 of its JSON, in hex.
    pub hash: String,
}

impl Loaded {
    /// From JSON text.
    ///
    /// # Errors
    /// [`PackedError::Json`].
    pub fn from_json(json: &[u8]) -> Result<Self, PackedError> {
        let tenant = serde_json::from_slice(json).map_err(PackedError::Json)?;
        Ok(Self {
            tenant: Arc::new(tenant),
            hash: hash(json),
        })
    }

    /// From a Tenant in memory, as `pack` would have written it.
    ///
    /// # Errors
    /// [`PackedError::Json`], where it holds a number that JSON can't.
    pub fn from_tenant(tenant: Tenant) -> Result<Self, PackedError> {
        let json = serde_json::to_vec(&tenant).map_err(PackedError::Json)?;
        Ok(Self {
            hash: hash(&json),
            tenant: Arc::new(tenant),
        })
    }

    /// From what a ConfigMap holds; `announced` is its hash, checked before anything is believed.
    ///
    /// # Errors
    /// [`PackedError`].
    pub fn unpack(packed: &[u8], announced: Option<&str>) -> Result<Self, PackedError> {
        let mut json = Vec::new();
        GzDecoder::new(packed)
            .take(MAX_JSON_BYTES + 1)
            .read_to_end(&mut json)
            .map_err(PackedError::Gzip)?;
        if json.len() as u64 > MAX_JSON_BYTES {
            return Err(PackedError::TooLarge);
        }
        let got = hash(&json);
        match announced {
            Some(want) if want != got => Err(PackedError::Hash {
                got,
                want: want.to_owned(),
            }),
            _ => Self::from_json(&json),
        }
    }
}

/// Packs a Tenant: the compressed JSON, and its hash.
///
/// # Errors
/// [`PackedError`], where it can't be written as JSON.
pub fn pack(tenant: &Tenant) -> Result<(Vec<u8>, String), PackedError> {
    let json = serde_json::to_vec(tenant).map_err(PackedError::Json)?;
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    gzip.write_all(&json).map_err(PackedError::Gzip)?;
    Ok((gzip.finish().map_err(PackedError::Gzip)?, hash(&json)))
}

fn hash(json: &[u8]) -> String {
    format!("{:x}", Sha256::digest(json))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::small_tenant;

    #[test]
    fn what_is_packed_is_unpacked_under_the_same_hash() {
        let (packed, hash) = pack(&small_tenant()).unwrap();
        let loaded = Loaded::unpack(&packed, Some(&hash)).unwrap();
        assert_eq!(*loaded.tenant, small_tenant());
        assert_eq!(loaded, Loaded::from_tenant(small_tenant()).unwrap());
    }

    #[test]
    fn a_tenant_under_another_hash_is_refused() {
        let (packed, _) = pack(&small_tenant()).unwrap();
        let refused = Loaded::unpack(&packed, Some("00")).unwrap_err();
        assert!(matches!(refused, PackedError::Hash { .. }), "{refused}");
    }

    #[test]
    fn a_torn_tenant_is_refused() {
        let (packed, hash) = pack(&small_tenant()).unwrap();
        for cut in 0..packed.len() {
            Loaded::unpack(&packed[..cut], Some(&hash)).unwrap_err();
        }
    }
}
