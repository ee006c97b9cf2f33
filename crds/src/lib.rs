//! Trunkline: crds.
