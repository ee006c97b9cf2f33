//! The Tenant and its sources as they are stored: gzipped JSON, and the hash that names it.
//!
//! A ConfigMap holds at most 1 MiB; what doesn't fit in 900 KiB, so that names and metadata have
//! room, is an error here and never a failed write.

use std::io::{Read as _, Write as _};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use serde::de::DeserializeOwned;
use sha2::{Digest as _, Sha256};

use crate::compile::{Last, Sources};
use crate::model::Tenant;

/// The most that a Tenant and its sources may take, compressed.
pub const MOST_PACKED_BYTES: usize = 900 * 1024;
/// The most that is believed to be a Tenant, uncompressed; a bomb is larger.
const MOST_JSON_BYTES: u64 = 256 << 20;

/// What can't be packed, or isn't what was packed.
#[derive(Debug, thiserror::Error)]
pub enum PackedError {
    /// More than a ConfigMap holds.
    #[error(
        "the tenant takes {bytes} bytes compressed, and at most {MOST_PACKED_BYTES} fit into its ConfigMap: \
         split the centre into two CallCenters"
    )]
    TooLarge {
        /// How much it takes.
        bytes: usize,
    },
    /// Not gzip, or damaged.
    #[error("what was packed can't be decompressed: want gzip of at most {MOST_JSON_BYTES} bytes")]
    Gzip(#[source] std::io::Error),
    /// Not what this version packs.
    #[error("what was packed isn't what this version reads")]
    Json(#[from] serde_json::Error),
}

/// A Tenant and its sources, ready to be stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packed {
    /// The Tenant: gzip of its JSON.
    pub tenant: Vec<u8>,
    /// The sources: gzip of their JSON.
    pub sources: Vec<u8>,
    /// SHA-256 of the Tenant's JSON, in hex.
    pub hash: String,
}

impl Tenant {
    /// SHA-256, in hex, of its JSON. The same Tenant has the same hash wherever it is computed:
    /// its maps are ordered, and its fields have their order from the type.
    ///
    /// # Errors
    /// Where it holds a number that JSON can't.
    pub fn hash(&self) -> Result<String, serde_json::Error> {
        Ok(hex_sha256(&serde_json::to_vec(self)?))
    }
}

/// Packs a Tenant with its sources. The same gives the same bytes.
///
/// # Errors
/// [`PackedError::TooLarge`], and [`PackedError::Json`] where it holds a number that JSON can't.
pub fn pack(tenant: &Tenant, sources: &Sources) -> Result<Packed, PackedError> {
    let json = serde_json::to_vec(tenant)?;
    let packed = Packed {
        hash: hex_sha256(&json),
        tenant: gzip(&json)?,
        sources: gzip(&serde_json::to_vec(sources)?)?,
    };
    let bytes = packed.tenant.len() + packed.sources.len();
    if bytes > MOST_PACKED_BYTES {
        return Err(PackedError::TooLarge { bytes });
    }
    Ok(packed)
}

/// Reads back what [`pack`] wrote.
///
/// # Errors
/// [`PackedError::Gzip`] and [`PackedError::Json`].
pub fn unpack(tenant: &[u8], sources: &[u8]) -> Result<Last, PackedError> {
    Ok(Last {
        tenant: read(tenant)?,
        sources: read(sources)?,
    })
}

fn gzip(json: &[u8]) -> Result<Vec<u8>, PackedError> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(json).map_err(PackedError::Gzip)?;
    encoder.finish().map_err(PackedError::Gzip)
}

fn read<T: DeserializeOwned>(packed: &[u8]) -> Result<T, PackedError> {
    let mut json = Vec::new();
    GzDecoder::new(packed)
        .take(MOST_JSON_BYTES)
        .read_to_end(&mut json)
        .map_err(PackedError::Gzip)?;
    Ok(serde_json::from_slice(&json)?)
}

fn hex_sha256(json: &[u8]) -> String {
    format!("{:x}", Sha256::digest(json))
}
