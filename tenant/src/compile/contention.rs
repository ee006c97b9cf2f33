//! Numbers: who may have them, and which trunk brings them in.

use std::collections::{BTreeMap, HashSet};

use trunkline_crds::{ClientName, ClientSpec, PhoneNumber, TrunkSpec};

use super::view::{Member, View};
use crate::finding::Code;
use crate::path::FieldPath;
use crate::rules::{Draft, Report};

/// The elder document first, then the lesser name; a document without an age is the youngest.
pub(super) fn in_order_of_age<'v, 'a>(
    clients: &'v BTreeMap<&'a str, Member<'a, ClientSpec>>,
) -> Vec<&'v Member<'a, ClientSpec>> {
    let mut sorted: Vec<_> = clients.values().collect();
    sorted.sort_by_key(|c| (c.created.is_none(), c.created, c.id.name.as_str()));
    sorted
}

/// A number stays with the client that holds it; with none, the first in age has it.
pub(super) fn claimed_twice(
    view: &View<'_>,
    holders: Option<&BTreeMap<PhoneNumber, ClientName>>,
    drafts: &mut Vec<Draft>,
) {
    let mut owners: BTreeMap<&str, &str> = BTreeMap::new();
    let by_age = in_order_of_age(&view.clients);
    for client in &by_age {
        for number in &client.spec.numbers {
            let holds = holders.and_then(|h| h.get(number)).map(ClientName::as_str);
            if holds == Some(client.id.name.as_str()) {
                owners.insert(number.as_str(), client.id.name.as_str());
            }
        }
    }
    for client in by_age {
        let mut report = Report::new(client.id, drafts);
        let name = client.id.name.as_str();
        for (i, number) in client.spec.numbers.iter().enumerate() {
            let owner = *owners.entry(number.as_str()).or_insert(name);
            if owner != name {
                report.error(
                    Code::NumberClaimedTwice,
                    FieldPath::spec().key("numbers").at(i),
                    format!("{number} belongs to the Client `{owner}`"),
                    format!("remove it here, or from `{owner}` first"),
                );
            }
        }
    }
}

/// The numbers that some trunks may bring in.
#[derive(Default)]
pub(super) struct Carried<'a> {
    exact: HashSet<&'a str>,
    heads: HashSet<&'a str>,
}

impl<'a> Carried<'a> {
    pub fn add(&mut self, trunk: &'a TrunkSpec) {
        for pattern in &trunk.numbers {
            match pattern.as_str().strip_suffix('*') {
                Some(head) => self.heads.insert(head),
                None => self.exact.insert(pattern.as_str()),
            };
        }
    }

    pub fn has(&self, number: &PhoneNumber) -> bool {
        let text = number.as_str();
        self.exact.contains(text)
            || text
                .char_indices()
                .skip(1)
                .any(|(end, _)| self.heads.contains(&text[..end]))
            || self.heads.contains(text)
    }
}

/// Every number has to be on one of the client's trunks.
pub(super) fn not_carried(view: &View<'_>, drafts: &mut Vec<Draft>) {
    for client in view.clients.values() {
        let trunks: Vec<_> = client
            .spec
            .trunks
            .iter()
            .map(|t| view.trunks.get(t.as_str()))
            .collect();
        if trunks.iter().any(Option::is_none) {
            continue; // The unknown trunk is the finding; what it brings in can't be told.
        }
        let mut carried = Carried::default();
        for trunk in trunks.into_iter().flatten() {
            carried.add(trunk.spec);
        }
        let mut report = Report::new(client.id, drafts);
        for (i, number) in client.spec.numbers.iter().enumerate() {
            if carried.has(number) {
                continue;
            }
            let field = FieldPath::spec().key("numbers").at(i);
            if client.spec.trunks.is_empty() {
                report.error(
                    Code::NumberNotCarried,
                    field,
                    format!("no trunk brings {number} in: the client names none"),
                    "name one in spec.trunks",
                );
            } else {
                let names: Vec<_> = client.spec.trunks.iter().map(|t| t.as_str()).collect();
                report.error(
                    Code::NumberNotCarried,
                    field,
                    format!(
                        "none of its trunks ({}) may bring {number} in",
                        names.join(", ")
                    ),
                    "add it to a Trunk's spec.numbers, or name the trunk that has it",
                );
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_with_a_star_carries_every_number_that_begins_so() {
        let trunk: TrunkSpec = serde_json::from_value(serde_json::json!({
            "callCenter": "c", "numbers": ["+4930*", "+18005550100"]
        }))
        .unwrap();
        let mut carried = Carried::default();
        carried.add(&trunk);
        for (number, yes) in [
            ("+493012345", true),
            ("+4930", true),
            ("+493", false),
            ("+18005550100", true),
            ("+180055501001", false),
        ] {
            assert_eq!(carried.has(&number.into()), yes, "{number}");
        }
    }
}
