//! Staffing mathematics: numbers in, numbers out.
//!
//! Nothing here knows of Kubernetes, sockets, clocks or files.

pub mod arrivals;
pub mod capacity;
pub mod erlang;
pub mod exact;
pub mod fit;
pub mod forecast;
pub mod people;
mod root;
pub mod rota;
pub mod shifts;
pub mod simulate;
pub mod staffing;
