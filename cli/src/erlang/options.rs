//! The options of one case, from the command line or from a row of a CSV.

use anyhow::{Result, bail};
use csv::StringRecord;

use crate::table::no_column_twice;

macro_rules! options {
    ($($field:ident $name:literal $value:literal: $help:literal;)*) => {
        /// Every option as written; read when it is known which model asks.
        #[derive(Debug, Clone, Default, clap::Args)]
        pub struct Options {
            $(
                #[doc = $help]
                #[arg(long = $name, value_name = $value, allow_hyphen_values = true)]
                pub $field: Option<String>,
            )*
        }

        /// The names that columns of a batch may have.
        const COLUMNS: &[&str] = &[$($name),*];

        impl Options {
            /// These options, with every cell of a row that is not empty in their place.
            pub fn with_row(&self, columns: &StringRecord, row: &StringRecord) -> Self {
                let mut options = self.clone();
                for (column, cell) in columns.iter().zip(row) {
                    if cell.is_empty() {
                        continue;
                    }
                    match column_name(column).as_str() {
                        $($name => options.$field = Some(cell.to_owned()),)*
                        _ => {}
                    }
                }
                options
            }

            /// The names of the options that are given.
            pub fn given(&self) -> Vec<&'static str> {
                let mut names = Vec::new();
                $(if self.$field.is_some() { names.push($name); })*
                names
            }
        }
    };
}

options! {
    calls "calls" "N": "Calls offered in the period";
    per "per" "SECONDS": "The period; 3600 if not given";
    load "load" "ERLANGS": "Offered load, in place of calls, period and handling time";
    aht "aht" "SECONDS": "Mean handling time, wrap-up included";
    patience "patience" "SECONDS": "Mean patience; 'inf' for callers who never hang up (a)";
    agents "agents" "N": "Number of agents; need not be whole";
    within "within" "SECONDS": "T, the time to answer within (c, a)";
    short "short" "SECONDS": "S: abandonments within it are left out of exclude_short_abandons";
    target "target" "SHARE": "Find the least agents for this service level (b: for this blocking; with agents given, the greatest load)";
    formula "formula" "NAME": "The service level that target means; answered_of_offered if not given";
    max_occupancy "max-occupancy" "SHARE": "Bound on occupancy";
    max_abandon "max-abandon" "SHARE": "Bound on the share that abandons";
    max_asa "max-asa" "SECONDS": "Bound on the mean wait of the answered";
    shrinkage "shrinkage" "SHARE": "Share of paid time not on the queue; adds scheduled";
    redial "redial" "SHARE": "Share of those who abandon that call again (a)";
}

fn column_name(column: &str) -> String {
    column.trim().trim_start_matches("--").replace('_', "-")
}

/// Refuses a batch whose columns would be passed over without a word.
pub fn check_columns(columns: &StringRecord) -> Result<()> {
    for column in columns {
        let name = column_name(column);
        if name != "id" && name != "note" && !COLUMNS.contains(&name.as_str()) {
            bail!(
                "column '{column}' is no option; known are {}, and id and note, which are not read",
                COLUMNS.join(", ")
            );
        }
    }
    let names: Vec<String> = columns.iter().map(column_name).collect();
    no_column_twice(names.iter().map(String::as_str))
}
