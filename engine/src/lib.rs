//! Trunkline: engine.
