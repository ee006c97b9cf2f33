//! `Agent` (`cca`): a person, written by HR and team leads.

use std::collections::BTreeMap;

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::common::*;
use crate::names::*;
use crate::values::*;

/// A person of the centre: team, roles, skills, employment, training, endpoint.
#[derive(CustomResource, Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "trunkline.dev",
    version = "v1alpha1",
    kind = "Agent",
    plural = "agents",
    shortname = "cca",
    category = "callcenter",
    namespaced,
    status = "AgentStatus",
    derive = "PartialEq",
    doc = "A person who works in the centre.",
    printcolumn(
        name = "Eligible",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Eligible\")].status"
    ),
    printcolumn(name = "Team", type_ = "string", json_path = ".spec.team"),
    printcolumn(
        name = "Message",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Eligible\")].message"
    ),
    printcolumn(
        name = "Age",
        type_ = "date",
        json_path = ".metadata.creationTimestamp"
    )
)]
#[serde(rename_all = "camelCase")]
pub struct AgentSpec {
    /// The centre, by name, in the same namespace.
    pub call_center: CallCenterName,
    /// As people call them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 128))]
    pub display_name: Option<String>,
    /// Their team; a person without one takes no contacts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub team: Option<TeamName>,
    /// Built-in or declared roles; a person may hold several.
    #[serde(default = "just_agent")]
    #[schemars(length(max = 20), extend("x-kubernetes-list-type" = "set"))]
    pub roles: Vec<RoleName>,
    /// Levels 1–5, over the team's.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "own_levels")]
    pub skills: BTreeMap<SkillName, Level>,
    /// The shifts worked, over the team's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 50), extend("x-kubernetes-list-type" = "set"))]
    pub shifts: Vec<ShiftName>,
    /// From when, how much, where.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub employment: Option<Employment>,
    /// Courses completed; a floor under what the journal knows.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 200), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["course"]))]
    pub training: Vec<Training>,
    /// Where calls ring.
    #[serde(default)]
    pub endpoint: Endpoint,
}

fn just_agent() -> Vec<RoleName> {
    vec!["agent".into()]
}

/// From when, how much, where.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Employment {
    /// First day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Date>,
    /// Last day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Date>,
    /// Contracted hours a week.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0, max = 168.0))]
    pub hours_per_week: Option<f64>,
    /// Whether they work from elsewhere: no seat, no floor.
    #[serde(default)]
    pub remote: bool,
}

/// A course completed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Training {
    /// Which.
    pub course: CourseName,
    /// When; absent: not yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub completed: Option<Date>,
}

/// The kind of an agent's endpoint.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub enum EndpointType {
    /// A SIP phone that registers.
    #[default]
    Sip,
    /// The web desk's phone.
    Browser,
    /// Any telephone, called by its number.
    Phone,
}

/// Where an agent's calls ring.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Endpoint {
    /// The kind.
    #[serde(default, rename = "type")]
    pub kind: EndpointType,
    /// The number; with `Phone`, and only then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<PhoneNumber>,
}

/// What the operator reports of a person.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AgentStatus {
    /// The generation that the conditions speak of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// `Ready`, `Stalled`, `Eligible`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Conditions,
}
