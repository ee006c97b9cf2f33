//! A discrete-event run of a Tenant on the routing core itself: there is no second model of
//! routing. Given the arrivals with their handle times and patience it has no randomness;
//! what is not given is drawn from a seed, per customer and purpose, so that two tenants meet
//! the same callers.
//!
//! Seams, for what is built on it:
//!
//! - [`arrivals`] makes contacts from rates ([`Demand`]); a trace is a list of [`Contact`]s.
//! - [`run`] is the tenant with people; [`run_with`] adds [`Fleet`]s, virtual teams whose size a
//!   policy decides: a closure that is called at each tick with a [`Sight`] and answers a count.
//! - [`Setup::slices`] asks for [`Slices`], figures by interval; [`Run::fates`] has each contact.
//! - [`working_hours`] reads who is there from the documents' shifts and breaks; [`rotas`] tells the
//!   core of these, so that rule 12 keeps them free ([`Run::held_back`] traces it).
//! - [`estimate`] turns the values of several runs, each with its own seed, into a mean with its
//!   interval. The same seeds for two configurations are common random numbers.

mod demand;
mod draw;
mod events;
mod fleet;
mod replicate;
mod rotas;
mod run;
mod runner;
mod shifts;
mod slices;
mod summary;

pub use demand::{Demand, Laws, Period, arrivals};
pub use draw::{BadLaw, BadValues, Empirical, Law};
pub use fleet::{Change, Fleet, FleetFigures, Removal, Sight};
pub use replicate::{Estimate, estimate, ratio};
pub use rotas::{HeldBack, Rotas, rotas};
pub use run::{Contact, Fate, MOST_REDIALS, Presence, Redial, Run, Setup, run, run_with};
pub use shifts::working_hours;
pub use slices::{Slices, TeamTime};
pub use summary::{QueueFigures, Summary, TeamFigures};
