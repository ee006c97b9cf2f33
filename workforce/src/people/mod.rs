//! People: how many leave, when to hire, where they sit.

mod pipeline;
mod space;
mod turnover;

pub use pipeline::{HiringError, MOST_MONTHS, Month, Pipeline, plan};
pub use space::{Seating, SpaceError, SpaceRule, floor_space, seats};
pub use turnover::{MonthlyRates, TurnoverError, monthly_rates};
