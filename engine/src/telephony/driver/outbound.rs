//! By which trunk somebody outside may be called, and whose number they see. Pure.
//!
//! A client's calls go out by the client's trunks, in its order; the centre's own by any, by name. A trunk
//! carries a number that begins as one of its `prefixes` does, and no more calls, both ways, than its
//! `limits` say. `dailySpend` is not heeded: no rates are known here.

use std::collections::{BTreeMap, VecDeque};

use trunkline_routing::{Span, Target, Time};
use trunkline_tenant::crds::{CallerId, ClientName, TrunkName};
use trunkline_tenant::{Tenant, TenantTrunk};

use super::super::CallRef;
use super::super::ari::HostName;
use crate::media::{trunk_endpoint, trunk_of};

/// E.164's longest number.
const MAX_DIGITS: usize = 15;

/// Who is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Destination {
    /// A number in E.164.
    Number(String),
    /// A `sip:` or `sips:` address, which the platform's people wrote: it is called by a trunk's settings,
    /// but at the address itself.
    Address(String),
}

impl Destination {
    /// Reads `+49…` (blanks, dashes, dots and brackets are dropped) or `sip:…`.
    pub(crate) fn read(text: &str) -> Result<Self, NoRoute> {
        let not = || NoRoute::Unreadable(text.chars().take(80).collect());
        if text.starts_with("sip:") || text.starts_with("sips:") {
            let plain =
                |c: char| c.is_ascii_graphic() && !matches!(c, ',' | '/' | '<' | '>' | '"' | '&');
            let whole = text
                .split_once(':')
                .is_some_and(|(_, rest)| !rest.is_empty());
            return if whole && text.chars().all(plain) {
                Ok(Self::Address(text.to_owned()))
            } else {
                Err(not())
            };
        }
        let number: String = text
            .chars()
            .filter(|c| !matches!(c, ' ' | '-' | '.' | '(' | ')'))
            .collect();
        let digits = number.strip_prefix('+').ok_or_else(not)?;
        let fits = (3..=MAX_DIGITS).contains(&digits.len())
            && !digits.starts_with('0')
            && digits.bytes().all(|b| b.is_ascii_digit());
        if fits {
            Ok(Self::Number(number))
        } else {
            Err(not())
        }
    }

    fn text(&self) -> &str {
        match self {
            Self::Number(text) | Self::Address(text) => text,
        }
    }
}

/// How somebody is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Route {
    pub trunk: TrunkName,
    /// What Asterisk dials.
    pub endpoint: String,
    pub shown: Shown,
}

/// Whose number the called party sees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Shown {
    Number(String),
    /// What the trunk sends by itself.
    TrunksOwn,
    Nobodys,
}

/// Why nobody can be called.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoRoute {
    #[error("{0:?} can't be called: want a number in E.164, as +493012345")]
    Unreadable(String),
    #[error("department {0} is not there, or has no `transferTo`")]
    Nowhere(String),
    #[error("nobody is called outside for somebody inside")]
    Inside,
    #[error("there is no tenant yet")]
    NoTenant,
    #[error("no trunk may call {to}: {why}")]
    Forbidden { to: String, why: String },
    #[error("no trunk that may call {to} has room: {why}")]
    Full { to: String, why: String },
}

impl NoRoute {
    /// For the log, which is told no number.
    pub(crate) fn word(&self) -> &'static str {
        match self {
            Self::Unreadable(_) => "the number can't be read",
            Self::Nowhere(_) => "the department is not there, or has no `transferTo`",
            Self::Inside => "nobody is called outside for somebody inside",
            Self::NoTenant => "there is no tenant yet",
            Self::Forbidden { .. } => "no trunk may call the number",
            Self::Full { .. } => "no trunk that may call the number has room",
        }
    }
}

/// The calls that each trunk carries, and those that it began within the last second.
#[derive(Debug, Default)]
pub(crate) struct Usage {
    calls: BTreeMap<CallRef, (TrunkName, Time)>,
    begun: BTreeMap<TrunkName, VecDeque<Time>>,
}

impl Usage {
    /// A call came in or goes out by this trunk.
    pub(crate) fn begins(&mut self, call: CallRef, trunk: TrunkName, now: Time) {
        if self.calls.insert(call, (trunk.clone(), now)).is_none() {
            let begun = self.begun.entry(trunk).or_default();
            begun.push_back(now);
            while begun
                .front()
                .is_some_and(|at| *at <= now - Span::seconds(1))
            {
                begun.pop_front();
            }
        }
    }

    /// A channel is by a trunk where its endpoint is one.
    pub(crate) fn notice(&mut self, call: &CallRef, endpoint: Option<&str>, now: Time) {
        if let Some(trunk) = endpoint.and_then(trunk_of) {
            self.begins(call.clone(), trunk, now);
        }
    }

    pub(crate) fn over(&mut self, call: &CallRef) {
        self.calls.remove(call);
    }

    /// Forgets what a host no longer has, but for what began after `settled`.
    pub(crate) fn keep(
        &mut self,
        host: &HostName,
        settled: Time,
        there: impl Fn(&CallRef) -> bool,
    ) {
        self.calls
            .retain(|call, (_, at)| call.host != *host || *at > settled || there(call));
    }

    fn room(&self, name: &TrunkName, trunk: &TenantTrunk, now: Time) -> Result<(), String> {
        let carried = self.calls.values().filter(|(by, _)| by == name).count();
        if let Some(most) = trunk
            .limits
            .channels
            .filter(|most| carried >= *most as usize)
        {
            return Err(format!("{name} carries {carried} of {most} calls"));
        }
        let since = now - Span::seconds(1);
        let begun = self
            .begun
            .get(name)
            .map_or(0, |begun| begun.iter().filter(|at| **at > since).count());
        match trunk.limits.calls_per_second {
            Some(most) if begun >= most as usize => Err(format!(
                "{name} began {begun} calls within a second, of {most}"
            )),
            _ => Ok(()),
        }
    }
}

/// Where a contact is handed over to, as somebody to call; `None`: somebody inside.
pub(crate) fn destination(tenant: &Tenant, to: &Target) -> Result<Option<Destination>, NoRoute> {
    let text = match to {
        Target::Number(number) => number.as_str(),
        Target::Department(name) => tenant
            .departments
            .get(name)
            .and_then(|department| department.transfer_to.as_deref())
            .ok_or_else(|| NoRoute::Nowhere(name.to_string()))?,
        Target::Queue(_) | Target::Agent(_) | Target::Team(_) => return Ok(None),
    };
    Destination::read(text).map(Some)
}

/// Whether any trunk may ever call it, however busy it is now. Somebody inside is called by none.
pub(crate) fn permitted(
    tenant: &Tenant,
    client: Option<&ClientName>,
    to: &Target,
) -> Result<(), NoRoute> {
    match destination(tenant, to)? {
        Some(to) => route(tenant, client, &to, &Usage::default(), Time(0)).map(drop),
        None => Ok(()),
    }
}

/// By which trunk, now.
pub(crate) fn route(
    tenant: &Tenant,
    client: Option<&ClientName>,
    to: &Destination,
    usage: &Usage,
    now: Time,
) -> Result<Route, NoRoute> {
    let own = client
        .and_then(|client| tenant.clients.get(client))
        .map(|client| client.trunks.as_slice())
        .filter(|trunks| !trunks.is_empty());
    let order: Vec<&TrunkName> = match own {
        Some(own) => own.iter().collect(),
        None => tenant.trunks.keys().collect(),
    };
    let (mut forbidden, mut full) = (Vec::new(), Vec::new());
    for name in order {
        let Some(trunk) = tenant.trunks.get(name) else {
            continue;
        };
        if let Err(why) = permits(name, trunk, to) {
            forbidden.push(why);
            continue;
        }
        match usage.room(name, trunk, now) {
            Ok(()) => {
                let endpoint = match to {
                    Destination::Number(number) => {
                        format!("PJSIP/{number}@{}", trunk_endpoint(name))
                    }
                    Destination::Address(address) => {
                        format!("PJSIP/{}/{address}", trunk_endpoint(name))
                    }
                };
                return Ok(Route {
                    trunk: name.clone(),
                    endpoint,
                    shown: shown(tenant, client, trunk),
                });
            }
            Err(why) => full.push(why),
        }
    }
    let to = to.text().to_owned();
    if full.is_empty() {
        let none = "there is none".to_owned();
        let why = if forbidden.is_empty() {
            none
        } else {
            forbidden.join("; ")
        };
        Err(NoRoute::Forbidden { to, why })
    } else {
        Err(NoRoute::Full {
            to,
            why: full.join("; "),
        })
    }
}

fn permits(name: &TrunkName, trunk: &TenantTrunk, to: &Destination) -> Result<(), String> {
    if trunk.carrier.is_none() {
        return Err(format!("{name} only brings calls in"));
    }
    let Some(outbound) = &trunk.outbound else {
        return Err(format!("{name} has no `outbound`"));
    };
    match to {
        Destination::Address(_) => Ok(()),
        Destination::Number(number) => {
            let permitted = outbound
                .prefixes
                .iter()
                .any(|prefix| number.starts_with(prefix.as_str()));
            permitted
                .then_some(())
                .ok_or_else(|| match outbound.prefixes.as_slice() {
                    [] => format!("{name} permits no prefix"),
                    prefixes => format!("{name} permits {}", prefixes.join(", ")),
                })
        }
    }
}

fn shown(tenant: &Tenant, client: Option<&ClientName>, trunk: &TenantTrunk) -> Shown {
    let kind = trunk
        .outbound
        .as_ref()
        .map(|outbound| outbound.caller_id)
        .unwrap_or_default();
    match kind {
        CallerId::Anonymous => Shown::Nobodys,
        CallerId::Client => client
            .and_then(|client| tenant.clients.get(client)?.numbers.first())
            .map_or_else(
                || trunks_own(trunk),
                |number| Shown::Number(number.to_string()),
            ),
        CallerId::Trunk => trunks_own(trunk),
    }
}

/// The first number that the trunk names in full.
fn trunks_own(trunk: &TenantTrunk) -> Shown {
    let whole = trunk
        .numbers
        .iter()
        .map(ToString::to_string)
        .find(|number| !number.ends_with('*'));
    whole.map_or(Shown::TrunksOwn, Shown::Number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::tenant_that_calls_out as tenant;

    fn acme(tenant: &Tenant, to: &str, usage: &Usage, now: Time) -> Result<Route, NoRoute> {
        route(
            tenant,
            Some(&"acme".into()),
            &Destination::read(to)?,
            usage,
            now,
        )
    }

    fn call(n: u32) -> CallRef {
        CallRef {
            host: HostName::new("media-0"),
            channel: format!("c{n}").as_str().into(),
        }
    }

    #[test]
    fn a_number_goes_out_by_the_first_of_the_clients_trunks_that_permits_its_prefix() {
        let mut tenant = tenant();
        let usage = Usage::default();
        let by =
            |tenant: &Tenant, to| acme(tenant, to, &usage, Time(0)).map(|route| route.endpoint);
        assert_eq!(
            by(&tenant, "+49 30 123").unwrap(),
            "PJSIP/+4930123@trunk_carrier-a"
        );
        assert_eq!(
            by(&tenant, "+1800555").unwrap(),
            "PJSIP/+1800555@trunk_carrier-b"
        );
        if let Some(acme) = tenant.clients.get_mut(&ClientName::from("acme")) {
            acme.trunks = vec!["carrier-b".into()];
        }
        assert_eq!(
            by(&tenant, "+4930123").unwrap(),
            "PJSIP/+4930123@trunk_carrier-b"
        );
        assert_eq!(
            by(&tenant, "sip:legal@pbx.example").unwrap(),
            "PJSIP/trunk_carrier-b/sip:legal@pbx.example"
        );
    }

    #[test]
    fn what_no_prefix_permits_is_refused_with_what_is_permitted() {
        let tenant = tenant();
        let refused = acme(&tenant, "+882123", &Usage::default(), Time(0))
            .unwrap_err()
            .to_string();
        assert_eq!(
            refused,
            "no trunk may call +882123: carrier-a permits +49; carrier-b permits +49, +1"
        );
        for text in [
            "0190123",
            "+0190",
            "+49x",
            "",
            "+1234567890123456",
            "sip:",
            "sip:a@b,c",
            "sip:a/b@c",
        ] {
            assert!(Destination::read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_trunk_carries_no_more_calls_than_its_limits_say() {
        let tenant = tenant();
        let mut usage = Usage::default();
        let later = Time(5_000_000);
        usage.begins(call(1), "carrier-a".into(), Time(0));
        usage.begins(call(2), "carrier-a".into(), later);
        let by = |usage: &Usage| {
            acme(&tenant, "+4930123", usage, later).map(|route| route.trunk.to_string())
        };
        assert_eq!(
            by(&usage).unwrap(),
            "carrier-b",
            "two calls are all that carrier-a may carry"
        );
        usage.begins(call(3), "carrier-b".into(), later);
        usage.begins(call(4), "carrier-b".into(), later);
        usage.over(&call(4));
        let refused = by(&usage).unwrap_err().to_string();
        assert!(
            refused.contains("carrier-b began 2 calls within a second, of 2"),
            "{refused}"
        );
        usage.over(&call(1));
        assert_eq!(by(&usage).unwrap(), "carrier-a");
    }

    #[test]
    fn the_called_party_sees_the_number_that_the_trunk_says() {
        let mut tenant = tenant();
        let shown = |tenant: &Tenant, client: Option<&str>| {
            let client = client.map(ClientName::from);
            let to = Destination::read("+4930123").unwrap();
            route(tenant, client.as_ref(), &to, &Usage::default(), Time(0))
                .unwrap()
                .shown
        };
        assert_eq!(
            shown(&tenant, Some("acme")),
            Shown::Number("+18005550100".into())
        );
        assert_eq!(shown(&tenant, None), Shown::Number("+493055500".into()));
        if let Some(trunk) = tenant.trunks.get_mut(&TrunkName::from("carrier-a"))
            && let Some(outbound) = &mut trunk.outbound
        {
            outbound.caller_id = CallerId::Anonymous;
        }
        assert_eq!(shown(&tenant, Some("acme")), Shown::Nobodys);
    }
}
