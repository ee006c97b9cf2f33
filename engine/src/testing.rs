//! What the tests share.

use trunkline_tenant::Tenant;

/// A centre with one team of two, a voice and a chat queue, and a client.
pub fn small_tenant() -> Tenant {
    serde_json::from_str(include_str!("../tests/fixtures/tenant.json")).unwrap()
}
