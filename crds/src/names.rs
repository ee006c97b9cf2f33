//! The names that documents refer to each other by. One type a thing, so that a
//! team can't be passed where a queue is meant.

use std::borrow::{Borrow, Cow};
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

/// A lower-case DNS label: what Kubernetes accepts as part of a child's name.
pub const LABEL_PATTERN: &str = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$";
/// A name that never becomes part of a Kubernetes name.
const WORD_PATTERN: &str = "^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$";

macro_rules! name {
    ($(#[$doc:meta])* $type:ident, $max:literal, $pattern:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $type(SmolStr);

        impl $type {
            /// Wraps a name; its form is checked by the schema, not here.
            pub fn new(name: impl Into<String>) -> Self {
                Self(name.into().into())
            }
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl From<&str> for $type {
            fn from(name: &str) -> Self {
                Self(name.into())
            }
        }
        impl Borrow<str> for $type {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
        impl AsRef<str> for $type {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }
        impl JsonSchema for $type {
            fn schema_name() -> Cow<'static, str> {
                stringify!($type).into()
            }
            fn inline_schema() -> bool {
                true
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({"type": "string", "minLength": 1, "maxLength": $max, "pattern": $pattern})
            }
        }
    };
}

name!(/// A `CallCenter`'s `metadata.name`: at most 20 characters, for its children carry it.
    CallCenterName, 20, LABEL_PATTERN);
name!(/// A team: at most 20 characters, for its Deployment carries it.
    TeamName, 20, LABEL_PATTERN);
name!(/// A queue, unique within the centre or within its client.
    QueueName, 63, LABEL_PATTERN);
name!(/// A `Client`'s `metadata.name`.
    ClientName, 63, LABEL_PATTERN);
name!(/// A `Trunk`'s `metadata.name`.
    TrunkName, 63, LABEL_PATTERN);
name!(/// An `Agent`'s `metadata.name`.
    AgentName, 63, LABEL_PATTERN);
name!(/// A business calendar.
    CalendarName, 63, LABEL_PATTERN);
name!(/// A department outside the centre.
    DepartmentName, 63, LABEL_PATTERN);
name!(/// A skill that routes ask for.
    SkillName, 63, WORD_PATTERN);
name!(/// A role, built in or declared.
    RoleName, 63, LABEL_PATTERN);
name!(/// A recorded prompt.
    PromptName, 63, LABEL_PATTERN);
name!(/// A training course.
    CourseName, 63, LABEL_PATTERN);
name!(/// A work shift.
    ShiftName, 63, LABEL_PATTERN);
