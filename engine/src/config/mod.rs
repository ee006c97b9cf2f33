//! What to run: the compiled Tenant, from a file or a ConfigMap, and its changes.

mod packed;

pub use packed::{HASH_KEY, Loaded, PackedError, TENANT_KEY, pack};
