//! The JSON object of one case, in the form that scripts rely on.

use serde::Serialize;
use serde_json::Value;
use trunkline_workforce::erlang::Measures;

use crate::number::{shown, shown_if};

/// Keys in their fixed order; times in seconds; `null` for what does not apply or is
/// infinite.
#[derive(Serialize)]
pub struct Printed {
    offered_load: Value,
    agents: Value,
    /// Whether a steady state exists.
    pub stable: bool,
    occupancy: Value,
    p_wait: Value,
    p_block: Value,
    p_abandon: Value,
    mean_wait: Value,
    asa: Value,
    queue_length: Value,
    service_level: Levels,
    #[serde(skip_serializing_if = "Option::is_none")]
    scheduled: Option<Value>,
}

#[derive(Serialize)]
struct Levels {
    answered_of_offered: Value,
    answered_of_answered: Value,
    excluding_short_abandons: Value,
    wait_within: Value,
    r#virtual: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    exclude_short_abandons: Option<Value>,
}

impl Printed {
    /// `with_short`: a bound of short abandonments was given. `scheduled`: agents with
    /// shrinkage, if it was given.
    pub fn new(m: &Measures, with_short: bool, scheduled: Option<u64>) -> Self {
        let levels = &m.service_level;
        Self {
            offered_load: shown(m.offered_load),
            agents: shown(m.agents),
            stable: m.stable,
            occupancy: shown(m.occupancy),
            p_wait: shown_if(m.p_wait),
            p_block: shown_if(m.p_block),
            p_abandon: shown_if(m.p_abandon),
            mean_wait: shown_if(m.mean_wait),
            asa: shown_if(m.asa),
            queue_length: shown_if(m.queue_length),
            service_level: Levels {
                answered_of_offered: shown_if(levels.answered_of_offered),
                answered_of_answered: shown_if(levels.answered_of_answered),
                excluding_short_abandons: shown_if(levels.excluding_short_abandons),
                wait_within: shown_if(levels.wait_within),
                r#virtual: shown_if(levels.virtual_wait),
                exclude_short_abandons: with_short.then(|| shown_if(levels.exclude_short_abandons)),
            },
            scheduled: scheduled.map(Value::from),
        }
    }
}
