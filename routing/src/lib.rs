//! Trunkline: routing.
