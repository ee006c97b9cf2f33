//! The rules about one object, as CEL in the CRDs: what the API server refuses at the door.
//!
//! One table, written into the schemas by [`crate::definitions`]. `trunkline-tenant` finds the
//! same faults offline, with a code and a hint; its tests hold the two together.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, JSONSchemaProps, JSONSchemaPropsOrArray, ValidationRule,
};

/// One CEL rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CelRule {
    /// The kind that it is about.
    pub kind: &'static str,
    /// Where in the schema it stands, from the root; `[]` enters a list's items.
    pub at: &'static str,
    /// The expression.
    pub rule: &'static str,
    /// What is wrong, and what would be right.
    pub message: &'static str,
}

const fn rule(
    kind: &'static str,
    at: &'static str,
    rule: &'static str,
    message: &'static str,
) -> CelRule {
    CelRule {
        kind,
        at,
        rule,
        message,
    }
}

const LABEL: &str = "self.metadata.name.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')";
const LABEL_MESSAGE: &str = "metadata.name: lower-case letters, digits and `-` only, beginning and ending with a letter or digit";
const AT_MOST_63: &str = "self.metadata.name.size() <= 63";
const AT_MOST_63_MESSAGE: &str = "metadata.name: at most 63 characters, for its children carry it";
const SAME_CENTRE: &str = "self == oldSelf";
const SAME_CENTRE_MESSAGE: &str =
    "callCenter can't be changed: delete the document and create it in the other centre";
const OVERFLOW: &str = "(self.action == 'Overflow') == has(self.queue)";
const OVERFLOW_MESSAGE: &str = "Overflow needs `queue`, and nothing else has one";
const STEPS: &str = "self.filter(s, !has(s.__for__)).size() <= (self.size() == 0 || has(self[self.size() - 1].__for__) ? 0 : 1)";
const STEPS_MESSAGE: &str =
    "only the last step may leave out `for`: those after it would never begin";
const PODS: &str = "self.minPods <= self.maxPods";
const PODS_MESSAGE: &str = "minPods is above maxPods";

/// Every rule.
pub const CEL_RULES: &[CelRule] = &[
    rule(
        "CallCenter",
        "",
        "self.metadata.name.size() <= 20",
        "metadata.name: at most 20 characters, for its children carry it",
    ),
    rule("CallCenter", "", LABEL, LABEL_MESSAGE),
    rule(
        "CallCenter",
        "spec.calendars[].open[]",
        "self.from < self.to",
        "`to` is at or before `from`: write a window over midnight as two",
    ),
    rule(
        "CallCenter",
        "spec.roles[]",
        "!(self.name in ['agent', 'specialist', 'senior', 'supervisor', 'manager', 'project-manager', 'director', 'operations-manager', 'resource-planner', 'quality-analyst', 'trainer', 'hr', 'recruiter', 'it-admin', 'sales'])",
        "this is a built-in role: choose another name, and include it",
    ),
    rule(
        "CallCenter",
        "spec.teams[]",
        "(self.kind == 'Virtual') == has(self.virtual)",
        "a Virtual team needs `virtual`, a Human one can't have it",
    ),
    rule("CallCenter", "spec.teams[].virtual", PODS, PODS_MESSAGE),
    rule("CallCenter", "spec.queues[].route", STEPS, STEPS_MESSAGE),
    rule(
        "CallCenter",
        "spec.queues[].onExhausted",
        OVERFLOW,
        OVERFLOW_MESSAGE,
    ),
    rule(
        "CallCenter",
        "spec.queues[].closed",
        OVERFLOW,
        OVERFLOW_MESSAGE,
    ),
    rule("CallCenter", "spec.telephony.media", PODS, PODS_MESSAGE),
    rule(
        "CallCenter",
        "spec.storage.journal",
        "!(has(self.sqlite) && has(self.postgres))",
        "the journal is on SQLite or on Postgres, not on both",
    ),
    rule("Client", "", AT_MOST_63, AT_MOST_63_MESSAGE),
    rule("Client", "", LABEL, LABEL_MESSAGE),
    rule(
        "Client",
        "",
        "self.metadata.name != 'centre'",
        "a Client can't be called `centre`: `centre/orders` is a queue of the centre's own",
    ),
    rule(
        "Client",
        "spec.callCenter",
        SAME_CENTRE,
        SAME_CENTRE_MESSAGE,
    ),
    rule(
        "Client",
        "spec.menu.choices",
        "self.all(key, key in ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', '*', '#'])",
        "a choice is one key of a telephone: 0 to 9, * or #",
    ),
    rule("Client", "spec.queues[].route", STEPS, STEPS_MESSAGE),
    rule(
        "Client",
        "spec.queues[].onExhausted",
        OVERFLOW,
        OVERFLOW_MESSAGE,
    ),
    rule("Client", "spec.queues[].closed", OVERFLOW, OVERFLOW_MESSAGE),
    rule(
        "Client",
        "spec.kpis[]",
        "has(self.max) || has(self.min)",
        "a KPI needs `max` or `min`",
    ),
    rule(
        "Client",
        "spec.kpis[]",
        "(!has(self.max) || (type(self.max) == string) == (self.metric in ['AHT', 'ASA'])) && (!has(self.min) || (type(self.min) == string) == (self.metric in ['AHT', 'ASA']))",
        "AHT and ASA are bounded by durations, as `240s`; the others by numbers",
    ),
    rule("Trunk", "", AT_MOST_63, AT_MOST_63_MESSAGE),
    rule("Trunk", "", LABEL, LABEL_MESSAGE),
    rule(
        "Trunk",
        "spec",
        "self.auth.type != 'Registration' || (has(self.auth.secretRef) && has(self.carrier))",
        "Registration needs `auth.secretRef` and `carrier`",
    ),
    rule(
        "Trunk",
        "spec",
        "self.auth.type != 'Address' || !has(self.auth.secretRef)",
        "a carrier known by its address has no use for `auth.secretRef`",
    ),
    rule(
        "Trunk",
        "spec",
        "self.auth.type != 'Address' || has(self.carrier) || (has(self.auth.match) && self.auth.match.size() > 0)",
        "nothing says by which address the carrier is known: add `auth.match` or `carrier`",
    ),
    rule(
        "Trunk",
        "spec",
        "has(self.carrier) || !has(self.outbound) || self.outbound.prefixes.size() == 0",
        "calls may go out, but there is no `carrier` to send them to",
    ),
    rule("Trunk", "spec.callCenter", SAME_CENTRE, SAME_CENTRE_MESSAGE),
    rule("Agent", "", AT_MOST_63, AT_MOST_63_MESSAGE),
    rule("Agent", "", LABEL, LABEL_MESSAGE),
    rule("Agent", "spec.callCenter", SAME_CENTRE, SAME_CENTRE_MESSAGE),
    rule(
        "Agent",
        "spec.employment",
        "!has(self.from) || !has(self.to) || self.from <= self.to",
        "the last day lies before the first",
    ),
    rule(
        "Agent",
        "spec.endpoint",
        "(self.type == 'Phone') == has(self.number)",
        "a Phone endpoint needs `number`, and no other has one",
    ),
];

/// Writes the rules into a definition's schemas, and takes out what the API server warns of. A rule whose place isn't there is left out; a
/// test counts them.
pub(crate) fn write(crd: &mut CustomResourceDefinition) {
    let kind = crd.spec.names.kind.clone();
    for version in &mut crd.spec.versions {
        let schema = version.schema.as_mut();
        let Some(root) = schema.and_then(|s| s.open_api_v3_schema.as_mut()) else {
            continue;
        };
        drop_unknown_formats(root);
        for rule in CEL_RULES.iter().filter(|r| r.kind == kind) {
            if let Some(node) = node_at(root, rule.at) {
                node.x_kubernetes_validations
                    .get_or_insert_default()
                    .push(ValidationRule {
                        rule: rule.rule.to_owned(),
                        message: Some(rule.message.to_owned()),
                        ..ValidationRule::default()
                    });
            }
        }
    }
}

/// Takes away formats that the API server doesn't know and warns of: `uint32` and the like. The
/// ranges beside them say the same.
fn drop_unknown_formats(node: &mut JSONSchemaProps) {
    if node.format.as_ref().is_some_and(|f| f.starts_with("uint")) {
        node.format = None;
    }
    for child in node.properties.iter_mut().flat_map(|p| p.values_mut()) {
        drop_unknown_formats(child);
    }
    if let Some(JSONSchemaPropsOrArray::Schema(items)) = node.items.as_mut() {
        drop_unknown_formats(items);
    }
}

fn node_at<'a>(root: &'a mut JSONSchemaProps, at: &str) -> Option<&'a mut JSONSchemaProps> {
    let mut node = root;
    for step in at.split('.').filter(|s| !s.is_empty()) {
        let name = step.trim_end_matches("[]");
        node = node.properties.as_mut()?.get_mut(name)?;
        if step.ends_with("[]") {
            node = match node.items.as_mut()? {
                JSONSchemaPropsOrArray::Schema(items) => items,
                JSONSchemaPropsOrArray::Schemas(_) => return None,
            };
        }
    }
    Some(node)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_finds_its_place_in_the_schema() {
        for rule in CEL_RULES {
            let mut crds = crate::definitions();
            let crd = crds
                .iter_mut()
                .find(|c| c.spec.names.kind == rule.kind)
                .unwrap();
            let schema = crd.spec.versions[0].schema.as_mut().unwrap();
            let root = schema.open_api_v3_schema.as_mut().unwrap();
            let node = node_at(root, rule.at);
            let node = node.unwrap_or_else(|| panic!("{} has no {}", rule.kind, rule.at));
            let rules = node.x_kubernetes_validations.as_ref().unwrap();
            assert!(rules.iter().any(|r| r.rule == rule.rule), "{rule:?}");
        }
    }
}
