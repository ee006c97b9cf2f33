//! What the tests share.

use trunkline_tenant::Tenant;

#[allow(dead_code, reason = "a test that harms a server uses more of it")]
#[path = "../tests/support/database.rs"]
pub(crate) mod database;

/// A centre with one team of two, a voice and a chat queue, and a client.
pub fn small_tenant() -> Tenant {
    serde_json::from_str(include_str!("../tests/fixtures/tenant.json")).unwrap()
}
