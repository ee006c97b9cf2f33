//! What is known of each carrier: registered with it, reachable or not, and what last went wrong.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use trunkline_tenant::crds::TrunkName;
use trunkline_tenant::report::{Registration, TrunkReport};

use super::ami::Message;
use super::render::trunk_endpoint;

/// What Asterisk says at one moment, by endpoint name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Seen {
    /// `Registered`, `Rejected`, …
    registrations: BTreeMap<String, String>,
    /// Whether OPTIONS are answered; absent: not known yet.
    contacts: BTreeMap<String, bool>,
}

impl Seen {
    /// From `PJSIPShowRegistrationsOutbound`, and what is known of contacts.
    pub(super) fn new(registrations: &[Message], contacts: &BTreeMap<String, bool>) -> Self {
        let one = |message: &Message| {
            let (name, status) = (message.get("ObjectName")?, message.get("Status")?);
            Some((name.to_owned(), status.to_owned()))
        };
        Self {
            registrations: registrations.iter().filter_map(one).collect(),
            contacts: contacts.clone(),
        }
    }
}

/// A trunk that is configured, as the report wants it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    /// Whether this pod registers it.
    pub(super) registers: bool,
    /// Why it could not be rendered, or a part of it.
    pub(super) problem: Option<String>,
    /// `host:port`, for the words of a failure.
    pub(super) carrier: Option<String>,
}

/// The report of each trunk, from what is wanted, what is seen, and the report before.
///
/// Why a registration failed is in Asterisk's log alone: its events carry no status. Whether the
/// carrier answers OPTIONS tells a refusal from silence. A failure stays told until the trunk
/// works again, so that a person sees why it went though it is being tried anew.
pub(super) fn report(
    wanted: &BTreeMap<TrunkName, Wanted>,
    seen: &Seen,
    before: &BTreeMap<TrunkName, TrunkReport>,
    now: DateTime<Utc>,
) -> BTreeMap<TrunkName, TrunkReport> {
    let one = |name: &TrunkName, wanted: &Wanted| {
        let old = before.get(name);
        let endpoint = trunk_endpoint(name);
        let carrier = wanted.carrier.as_deref().unwrap_or("its carrier");
        let status = seen.registrations.get(&endpoint).map(String::as_str);
        let registration = match (wanted.registers, status) {
            (false, _) if wanted.problem.is_none() => Registration::None,
            (false, _) => old.map_or(Registration::None, |old| old.registration),
            (true, Some("Registered")) => Registration::Registered,
            (true, Some("Rejected" | "Stopped" | "Failed")) => Registration::Failed,
            (true, _) => Registration::Trying,
        };
        let reachable = seen.contacts.get(&endpoint).copied();
        let failure = match (&wanted.problem, registration, reachable) {
            (Some(problem), _, _) => Some(problem.clone()),
            (None, Registration::Failed, Some(true)) => Some(format!(
                "{carrier} refuses the registration: compare the Secret of spec.auth.secretRef with the carrier's account"
            )),
            (None, Registration::Failed, _) => Some(format!(
                "{carrier} accepts no registration and does not answer OPTIONS: is spec.carrier right, and the carrier up?"
            )),
            (None, _, Some(false)) => Some(format!("{carrier} does not answer OPTIONS")),
            (None, Registration::Trying, _) => old.and_then(|old| old.last_failure.clone()),
            _ => None,
        };
        let mut report = TrunkReport {
            registration,
            reachable,
            last_failure: failure,
            since: old.and_then(|old| old.since),
        };
        let same = old.is_some_and(|old| {
            (old.registration, old.reachable) == (report.registration, report.reachable)
        });
        if !same {
            report.since = Some(now);
        }
        (name.clone(), report)
    };
    wanted.iter().map(|(name, w)| one(name, w)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(second, 0).unwrap()
    }

    fn seen(status: Option<&str>, reachable: Option<bool>) -> Seen {
        Seen {
            registrations: status
                .map(|s| ("trunk_a".into(), s.into()))
                .into_iter()
                .collect(),
            contacts: reachable
                .map(|r| ("trunk_a".into(), r))
                .into_iter()
                .collect(),
        }
    }

    fn wanted(problem: Option<&str>) -> BTreeMap<TrunkName, Wanted> {
        let wanted = Wanted {
            registers: problem.is_none(),
            problem: problem.map(str::to_owned),
            carrier: Some("sip.a.example:5060".into()),
        };
        BTreeMap::from([("a".into(), wanted)])
    }

    #[test]
    fn since_moves_at_a_transition_only_and_a_failure_is_told_until_it_is_mended() {
        let a = TrunkName::from("a");
        let step = |status, reachable, before: &_, second| {
            report(&wanted(None), &seen(status, reachable), before, at(second))
        };
        let one = step(Some("Unregistered"), None, &BTreeMap::new(), 1);
        assert_eq!(one[&a].registration, Registration::Trying);
        let two = step(Some("Rejected"), Some(true), &one, 2);
        assert_eq!(two[&a].registration, Registration::Failed);
        let told = two[&a].last_failure.as_deref().unwrap();
        assert!(
            told.starts_with("sip.a.example:5060 refuses the registration"),
            "{told}"
        );
        let same = step(Some("Rejected"), Some(true), &two, 3);
        assert_eq!(same, two, "the next refusal is no transition");
        let four = step(Some("Registered"), Some(true), &two, 4);
        assert_eq!(four[&a].last_failure, None);
        assert_eq!(four[&a].since, Some(at(4)));
        let five = step(Some("Registered"), Some(false), &four, 5);
        assert_eq!(five[&a].reachable, Some(false));
        let told = "sip.a.example:5060 does not answer OPTIONS";
        assert_eq!(five[&a].last_failure.as_deref(), Some(told));
        let six = step(Some("Rejected"), Some(false), &five, 6);
        let told = six[&a].last_failure.as_deref().unwrap();
        assert!(told.contains("is spec.carrier right"), "{told}");
    }

    #[test]
    fn a_trunk_that_cannot_be_rendered_says_why() {
        let reports = report(
            &wanted(Some("the Secret x isn't there")),
            &Seen::default(),
            &BTreeMap::new(),
            at(1),
        );
        let told = reports[&TrunkName::from("a")].last_failure.as_deref();
        assert_eq!(told, Some("the Secret x isn't there"));
    }
}
