//! The media side-car: Asterisk's other half in a media pod.
//!
//! It renders Asterisk's files from the compiled Tenant and the Secrets that it names, before
//! Asterisk starts and at each change, has them reloaded and reads them back; follows the
//! carriers' registrations; reports to the operator; changes the ARI password when a new leader
//! fences the old one; and holds the pod's end until the last call is over. It knows nothing of
//! contacts and routing, and works with or without an engine.

mod inputs;
mod render;

pub use inputs::{Access, Credential, External, Inputs, PodFacts, SecretData, Secrets};
pub use render::{
    Fault, MARKER, PROMPTS, Problem, Rendered, Subject, Unsafe, lint, mark_query, prompt_media,
    render, render_ari, trunk_endpoint,
};
