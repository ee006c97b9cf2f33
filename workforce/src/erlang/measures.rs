//! What a station does for its callers, in numbers.

use std::str::FromStr;

/// The steady state of one queue. `None`: it does not apply to the model, or is infinite.
/// Times in seconds, probabilities in 0..1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Measures {
    /// Erlangs offered: arrival rate × mean handling time.
    pub offered_load: f64,
    /// Number of agents; need not be whole.
    pub agents: f64,
    /// Whether a steady state exists. Without one the queue grows without end and the
    /// probabilities are those that it tends to.
    pub stable: bool,
    /// Share of the agents' time that is spent with callers.
    pub occupancy: f64,
    /// P(a caller has to wait).
    pub p_wait: Option<f64>,
    /// P(a caller is turned away).
    pub p_block: Option<f64>,
    /// P(a caller hangs up before being answered).
    pub p_abandon: Option<f64>,
    /// Mean wait of all callers.
    pub mean_wait: Option<f64>,
    /// Mean wait of the answered.
    pub asa: Option<f64>,
    /// Mean number of callers who wait.
    pub queue_length: Option<f64>,
    /// The share answered in time, by each definition.
    pub service_level: ServiceLevels,
}

/// One service level by each definition; with W the time in queue of a caller, answered or
/// gone, T the time to answer in and S the bound of a short abandonment.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct ServiceLevels {
    /// P(answered, W ≤ T): the contract's `AllOffered`.
    pub answered_of_offered: Option<f64>,
    /// P(answered, W ≤ T) / P(answered): the contract's `AnsweredOnly`.
    pub answered_of_answered: Option<f64>,
    /// P(answered, W ≤ T) / (1 − P(abandoned, W ≤ T)).
    pub excluding_short_abandons: Option<f64>,
    /// P(W ≤ T): an abandonment in time counts as good. The contract's `AbandonsCount`.
    pub wait_within: Option<f64>,
    /// P(V ≤ T), V the wait of a caller who never hangs up.
    pub virtual_wait: Option<f64>,
    /// P(answered, W ≤ T) / (1 − P(abandoned, W ≤ S)): the contract's
    /// `ExcludeShortAbandons`; `None` unless S is given.
    pub exclude_short_abandons: Option<f64>,
}

impl Measures {
    /// What is known where the load itself is without bound: every agent is busy, every
    /// caller waits.
    pub fn without_end(agents: f64) -> Self {
        Self {
            offered_load: f64::INFINITY,
            agents,
            stable: false,
            occupancy: 1.0,
            p_wait: Some(1.0),
            p_block: None,
            p_abandon: None,
            mean_wait: None,
            asa: None,
            queue_length: None,
            service_level: ServiceLevels::default(),
        }
    }
}

impl ServiceLevels {
    /// Where nobody abandons all definitions are one.
    pub(crate) fn without_abandonment(level: f64, with_short: bool) -> Self {
        Self {
            answered_of_offered: Some(level),
            answered_of_answered: Some(level),
            excluding_short_abandons: Some(level),
            wait_within: Some(level),
            virtual_wait: Some(level),
            exclude_short_abandons: with_short.then_some(level),
        }
    }

    /// The level by this definition.
    pub fn by(&self, formula: Formula) -> Option<f64> {
        match formula {
            Formula::AllOffered => self.answered_of_offered,
            Formula::AnsweredOnly => self.answered_of_answered,
            Formula::ExcludingShortAbandons => self.excluding_short_abandons,
            Formula::AbandonsCount => self.wait_within,
            Formula::Virtual => self.virtual_wait,
            Formula::ExcludeShortAbandons => self.exclude_short_abandons,
        }
    }
}

/// Which definition of the service level a target means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Formula {
    /// Answered in time, of all offered.
    #[default]
    AllOffered,
    /// Answered in time, of all answered.
    AnsweredOnly,
    /// Answered in time, of all but those who abandoned within T.
    ExcludingShortAbandons,
    /// Answered or gone in time, of all offered.
    AbandonsCount,
    /// In time for a caller who never hangs up.
    Virtual,
    /// Answered in time, of all but those who abandoned within S.
    ExcludeShortAbandons,
}

/// A name that is none of a service level's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "'{0}' is no service-level formula; they are answered_of_offered (AllOffered), \
     answered_of_answered (AnsweredOnly), excluding_short_abandons, wait_within \
     (AbandonsCount), virtual and exclude_short_abandons (ExcludeShortAbandons)"
)]
pub struct UnknownFormula(pub String);

impl FromStr for Formula {
    type Err = UnknownFormula;

    fn from_str(name: &str) -> Result<Self, UnknownFormula> {
        match name.trim() {
            "answered_of_offered" | "AllOffered" => Ok(Self::AllOffered),
            "answered_of_answered" | "AnsweredOnly" => Ok(Self::AnsweredOnly),
            "excluding_short_abandons" => Ok(Self::ExcludingShortAbandons),
            "wait_within" | "AbandonsCount" => Ok(Self::AbandonsCount),
            "virtual" => Ok(Self::Virtual),
            "exclude_short_abandons" | "ExcludeShortAbandons" => Ok(Self::ExcludeShortAbandons),
            other => Err(UnknownFormula(other.to_owned())),
        }
    }
}
