//! The operator: turns a tenant's documents into a running call centre.
//!
//! [`controller`] reads as the whole: gather → compile → plan → apply → status. [`children`]
//! builds what a tenant becomes, [`world`] is what is seen of the cluster, [`status`] what is
//! said of it. Nothing here knows SIP or how a contact is routed.

pub mod children;
pub mod controller;
pub mod health;
pub mod lease;
pub mod names;
pub mod settings;
pub mod status;
pub mod telemetry;
pub mod world;
