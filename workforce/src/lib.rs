//! Trunkline: workforce.
