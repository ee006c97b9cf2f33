//! Counts of contacts by interval: what tomorrow brings, and what today still will.
//!
//! Roots of counts have a variance that hardly depends on their mean. A day is a mean profile
//! plus a few shapes times a score each (`model`); scores follow their weekday and remember
//! yesterday (Shen & Huang 2008). What a day's first hours show moves the rest of it.

mod calendar;
mod history;
mod linear;
mod model;
mod normal;

pub use calendar::{Calendar, Date, DayClass, NotADate};
pub use history::{Day, History, HistoryError, Note};
pub use model::{DayForecast, Expected, ForecastError, Model};

pub(crate) use normal::quantile;
