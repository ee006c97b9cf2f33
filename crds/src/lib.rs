//! The four kinds of `trunkline.dev/v1alpha1`: `CallCenter`, `Client`, `Trunk`, `Agent`.
//!
//! These are the documents as people write them. What they mean together is
//! `trunkline-tenant`'s to say; nobody else reads raw documents.

#![allow(
    clippy::duplicated_attributes,
    reason = "every printcolumn of #[kube] has a `type_` of its own"
)]

mod agent;
mod call_center;
mod client;
mod common;
mod names;
mod rules;
mod trunk;
mod values;

pub use agent::*;
pub use call_center::*;
pub use client::*;
pub use common::*;
pub use names::*;
pub use rules::{CEL_RULES, CelRule};
pub use trunk::*;
pub use values::*;

/// The API group.
pub const GROUP: &str = "trunkline.dev";
/// The API version.
pub const VERSION: &str = "v1alpha1";

/// The four CustomResourceDefinitions with their CEL rules, in the order they are written and applied.
pub fn definitions()
-> Vec<k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition>
{
    use kube::CustomResourceExt;
    let mut all = vec![CallCenter::crd(), Client::crd(), Trunk::crd(), Agent::crd()];
    all.iter_mut().for_each(rules::write);
    all
}
