//! The ConfigMap that carries the compiled Tenant to engines and side-cars.

use std::io::{Read, Write};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use serde::Serialize;
use serde_json::json;
use sha2::{Digest, Sha256};
use trunkline_tenant::Tenant;

use super::{Blueprint, Child, Kind, hex};
use crate::names::Component;

/// `binaryData`: the Tenant as gzipped JSON.
pub const TENANT_KEY: &str = "tenant.json.gz";
/// `data`: the SHA-256 of the JSON, in hex.
pub const HASH_KEY: &str = "hash";
/// `binaryData`: each document's last good source, for the operator alone.
pub const LAST_KEY: &str = "last.json.gz";

/// Above this a Tenant is refused: the ConfigMap's limit is 1 MiB.
pub const MAX_PACKED: usize = 900 << 10;
/// Nothing that we packed is larger.
const MAX_UNPACKED: u64 = 256 << 20;

/// A Tenant as it travels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packed {
    /// Names the Tenant: SHA-256 of its JSON, in hex.
    pub hash: String,
    /// The Tenant, gzipped.
    pub tenant: Vec<u8>,
    /// The last good sources, gzipped.
    pub last: Vec<u8>,
}

/// A Tenant that can't travel.
#[derive(Debug, thiserror::Error)]
pub enum PackError {
    /// Larger than a ConfigMap may be.
    #[error(
        "the tenant is {size} KiB compressed and {max} KiB are the most; split the CallCenter, or shorten scripts and number lists"
    )]
    TooLarge {
        /// Its size in KiB.
        size: usize,
        /// The most, in KiB.
        max: usize,
    },
    /// It can't be written as JSON.
    #[error("the tenant can't be written as JSON")]
    Json(#[from] serde_json::Error),
    /// Compression failed.
    #[error("the tenant can't be compressed or decompressed")]
    Gzip(#[from] std::io::Error),
}

impl Packed {
    /// Packs a Tenant and the sources that it was last well compiled from.
    ///
    /// # Errors
    /// [`PackError::TooLarge`] above 900 KiB together.
    pub fn new(tenant: &Tenant, last: &impl Serialize) -> Result<Self, PackError> {
        let json = serde_json::to_vec(tenant)?;
        let packed = Self {
            hash: hex(&Sha256::digest(&json)),
            tenant: gzip(&json)?,
            last: gzip(&serde_json::to_vec(last)?)?,
        };
        let size = packed.tenant.len() + packed.last.len();
        if size > MAX_PACKED {
            return Err(PackError::TooLarge {
                size: size >> 10,
                max: MAX_PACKED >> 10,
            });
        }
        Ok(packed)
    }
}

fn gzip(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    // No time stamp goes into the header, so the same input makes the same output.
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes)?;
    encoder.finish()
}

/// Undoes the compression.
///
/// # Errors
/// Where it isn't gzip, or holds more than anything that we packed.
pub fn unpack(bytes: &[u8]) -> Result<Vec<u8>, PackError> {
    let mut out = Vec::new();
    GzDecoder::new(bytes)
        .take(MAX_UNPACKED)
        .read_to_end(&mut out)?;
    Ok(out)
}

pub(super) fn build(plan: &Blueprint<'_>) -> Child {
    plan.child(
        Component::Tenant,
        Kind::ConfigMap,
        plan.names.tenant(),
        json!({
            "data": {HASH_KEY: plan.packed.hash},
            "binaryData": {
                TENANT_KEY: STANDARD.encode(&plan.packed.tenant),
                LAST_KEY: STANDARD.encode(&plan.packed.last),
            },
        }),
    )
}
