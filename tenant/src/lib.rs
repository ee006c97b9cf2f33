//! Trunkline: tenant.
