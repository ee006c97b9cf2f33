//! The media side-car: Asterisk's other half in a media pod.
//!
//! It renders Asterisk's files from the compiled Tenant and the Secrets that it names, before
//! Asterisk starts and at each change, has them reloaded and reads them back; follows the
//! carriers' registrations; reports to the operator; changes the ARI password when a new leader
//! fences the old one; and holds the pod's end until the last call is over. It knows nothing of
//! contacts and routing, and works with or without an engine.
//!
//! | module | what |
//! |---|---|
//! | `render` | pure: inputs → files, problems |
//! | `keeper` | the one task that changes files and has them run |
//! | `source` | the tenant from the API server or a folder |
//! | `follow`, `ami`, `carriers` | registrations and reachability |
//! | `retention` | old recordings and messages are deleted |
//! | `http` | probes, fence, drain |

mod ami;
mod asterisk;
mod carriers;
mod files;
mod follow;
mod http;
mod inputs;
mod keeper;
mod kept;
mod render;
mod retention;
mod sidecar;
mod source;
mod status;

pub use inputs::{Access, Credential, External, Inputs, Places, PodFacts, SecretData, Secrets};
pub use render::{
    PROMPTS, Problem, Rendered, Subject, TEST_CALLER, render, trunk_endpoint, trunk_of,
};
pub use sidecar::{OnMachine, SidecarArgs, run, run_until};
