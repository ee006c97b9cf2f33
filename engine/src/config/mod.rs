//! What to run: the compiled Tenant, from a file or a ConfigMap, and its changes.

mod file;
mod packed;

pub use file::{FileError, Files};
pub use packed::{HASH_KEY, Loaded, PackedError, TENANT_KEY, pack};
