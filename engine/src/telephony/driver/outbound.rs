//! By which trunk somebody outside may be called, and whose number they see. Pure.
//!
//! A client's calls go out by the client's trunks, in its order; the centre's own by any, by name. A trunk
//! carries a number that begins as one of its `prefixes` does, and no more calls, both ways, than its
//! `limits` say. `dailySpend` is not heeded: no rates are known here.

use std::collections::{BTreeMap, VecDeque};

use trunkline_routing::{Span, Target, Time};
use trunkline_tenant::crds::{CallerId, ClientName, Department, TrunkName};
use trunkline_tenant::{Tenant, TenantTrunk};

use super::super::CallRef;
use super::super::ari::HostName;
use crate::media::{trunk_endpoint, trunk_of};

/// E.164's longest number.
const MAX_DIGITS: usize = 15;

/// Who is called. Nothing but a document of the tenant's makes an address of one: a trunk's `prefixes` say nothing
/// about addresses, so whoever could write one could call anybody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Destination(Kind);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    /// A number in E.164.
    Number(String),
    /// A `sip:` or `sips:` address: it is called by a trunk's settings, but at the address itself.
    Address(String),
}

impl Destination {
    /// A number, whoever wrote it: `+49…`; blanks, dashes, dots and brackets are dropped.
    pub(crate) fn of_number(text: &str) -> Result<Self, NoRoute> {
        let number: String = text
            .chars()
            .filter(|c| !matches!(c, ' ' | '-' | '.' | '(' | ')'))
            .collect();
        let fits = number.strip_prefix('+').is_some_and(|digits| {
            (3..=MAX_DIGITS).contains(&digits.len())
                && !digits.starts_with('0')
                && digits.bytes().all(|b| b.is_ascii_digit())
        });
        if fits {
            Ok(Self(Kind::Number(number)))
        } else {
            Err(unreadable(text))
        }
    }

    /// A customer's number, which carriers also tell with `00`, or with neither.
    pub(crate) fn of_customer(text: &str) -> Result<Self, NoRoute> {
        let in_full = match text.strip_prefix("00") {
            Some(rest) => format!("+{rest}"),
            None if text.starts_with(|c: char| c.is_ascii_digit() && c != '0') => {
                format!("+{text}")
            }
            None => text.to_owned(),
        };
        Self::of_number(&in_full).map_err(|_| unreadable(text))
    }

    /// A customer's number in full, however it is written, where it is one.
    pub(crate) fn number_of_customer(text: &str) -> Option<String> {
        match Self::of_customer(text).ok()?.0 {
            Kind::Number(number) => Some(number),
            Kind::Address(_) => None,
        }
    }

    /// Where the platform's people have a department called: at a number, or at a `sip:` or `sips:` address.
    fn of_department(department: &Department) -> Result<Self, NoRoute> {
        let text = department.transfer_to.as_deref();
        let text = text.ok_or_else(|| NoRoute::Nowhere(department.name.to_string()))?;
        let address = text
            .strip_prefix("sip:")
            .or_else(|| text.strip_prefix("sips:"));
        let Some(address) = address else {
            return Self::of_number(text);
        };
        let plain =
            |c: char| c.is_ascii_graphic() && !matches!(c, ',' | '/' | '<' | '>' | '"' | '&');
        if !address.is_empty() && address.chars().all(plain) {
            Ok(Self(Kind::Address(text.to_owned())))
        } else {
            Err(unreadable(text))
        }
    }

    fn text(&self) -> &str {
        match &self.0 {
            Kind::Number(text) | Kind::Address(text) => text,
        }
    }
}

fn unreadable(text: &str) -> NoRoute {
    NoRoute::Unreadable(text.chars().take(80).collect())
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
    match to {
        Target::Number(number) => Destination::of_number(number).map(Some),
        Target::Department(name) => {
            let department = tenant.departments.get(name);
            let department = department.ok_or_else(|| NoRoute::Nowhere(name.to_string()))?;
            Destination::of_department(department).map(Some)
        }
        Target::Queue(_) | Target::Agent(_) | Target::Team(_) => Ok(None),
    }
}

/// Whether any trunk may ever call it, however busy it is now. Somebody inside is called by none.
pub(crate) fn permitted(
    tenant: &Tenant,
    client: Option<&ClientName>,
    to: &Target,
) -> Result<(), NoRoute> {
    match destination(tenant, to)? {
        Some(to) => may_call(tenant, client, &to),
        None => Ok(()),
    }
}

/// Whether a trunk may call somebody, were all of them idle.
pub(crate) fn may_call(
    tenant: &Tenant,
    client: Option<&ClientName>,
    to: &Destination,
) -> Result<(), NoRoute> {
    route(tenant, client, to, &Usage::default(), Time(0)).map(drop)
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
                let endpoint = match &to.0 {
                    Kind::Number(number) => {
                        format!("PJSIP/{number}@{}", trunk_endpoint(name))
                    }
                    Kind::Address(address) => {
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
    match &to.0 {
        Kind::Address(_) => Ok(()),
        Kind::Number(number) => {
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
            &Destination::of_number(to)?,
            usage,
            now,
        )
    }

    fn legal(tenant: &mut Tenant, transfer_to: &str) {
        let legal = serde_json::json!({"name": "legal", "transferTo": transfer_to});
        let legal = serde_json::from_value(legal).unwrap();
        tenant.departments.insert("legal".into(), legal);
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
        legal(&mut tenant, "sip:legal@pbx.example");
        let to = destination(&tenant, &Target::Department("legal".into()));
        let to = to.unwrap().unwrap();
        let by = route(&tenant, Some(&"acme".into()), &to, &usage, Time(0));
        assert_eq!(
            by.unwrap().endpoint,
            "PJSIP/trunk_carrier-b/sip:legal@pbx.example"
        );
    }

    #[test]
    fn an_address_is_called_where_a_document_says_so_and_for_nobody_who_writes_one_as_a_number() {
        let mut tenant = tenant();
        for address in [
            "sip:+19005550100@carrier",
            "sips:+19005550100@carrier",
            "SIP:+19005550100@carrier",
            " sip:+19005550100@carrier",
            "+49@carrier",
        ] {
            let to = Target::Number(address.into());
            let refused = permitted(&tenant, Some(&"acme".into()), &to).unwrap_err();
            assert_eq!(refused, NoRoute::Unreadable(address.into()));
            assert!(Destination::of_customer(address).is_err(), "{address}");
        }
        let department = Target::Department("legal".into());
        for (address, may) in [
            ("sip:legal@pbx.example", true),
            ("sips:legal@pbx.example", true),
            ("+49 30 123", true),
            ("+882123", false),
            ("sip:", false),
            ("sip:a@b,c", false),
            ("sip:a/b@c", false),
        ] {
            legal(&mut tenant, address);
            let told = permitted(&tenant, Some(&"acme".into()), &department);
            assert_eq!(told.is_ok(), may, "{address}: {told:?}");
        }
    }

    #[test]
    fn a_customers_number_is_read_as_carriers_tell_it() {
        for told in ["+4930900001", "004930900001", "4930900001", "+49 30 900001"] {
            let read = Destination::of_customer(told).unwrap();
            assert_eq!(read.text(), "+4930900001", "{told}");
        }
        for told in ["030900001", "alice", "", "0", "00", "+0301"] {
            let why = Destination::of_customer(told).unwrap_err();
            assert_eq!(why, NoRoute::Unreadable(told.into()));
        }
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
        for text in ["0190123", "+0190", "+49x", "", "+1234567890123456"] {
            assert!(Destination::of_number(text).is_err(), "{text}");
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
            let to = Destination::of_number("+4930123").unwrap();
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
