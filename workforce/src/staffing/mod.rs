//! The least agents per interval and team, for the tenant's queues, routes, shares and contracts.
//!
//! Where agents of several skills serve several queues there is no formula. What is done instead:
//!
//! 1. [`Problem`] reads from the Tenant who can serve what (groups: members of a team who can do
//!    the same) and what is promised (each queue's own service level by its own formula, its
//!    bound on abandonment, the centre's on occupancy).
//! 2. `bounds`: with everyone able to do everything, Erlang A says that fewer agents hardly
//!    suffice; with each queue's agents apart, that more are hardly needed.
//! 3. `search`: from a linear program between the two, agents are added where they help most for
//!    their cost, then taken away and exchanged (a local search, as of Koole & Pot 2006), each try
//!    measured by `trial` on the routing core, with the same callers in every try.
//! 4. The answer is verified with callers that the search never met, and says the interval.
//!
//! A flexible agent is one agent: there is one of them in the simulation.

mod answer;
mod bounds;
mod gap;
mod problem;
mod search;
mod trial;

pub use answer::{Level, Met, Required, Staffing, TeamNeed, Unmet, scheduled};
pub use bounds::Bracket;
pub use gap::{Gap, gaps};
pub use problem::{Group, MOST_CALLS, MOST_ERLANGS, Options, Problem, StaffingError, Target};
pub use search::staff;
