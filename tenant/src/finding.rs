//! What is wrong with a document: code, object, field, why, and what would be right.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::document::DocumentId;
use crate::path::FieldPath;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// It can never work: the document is not used.
    Error,
    /// It waits for people, or is likely a slip: the document is used.
    Warning,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Error => "error",
            Self::Warning => "warning",
        })
    }
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $meaning:literal;)*) => {
        /// What a finding is about. The text of a code never changes its meaning.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code {
            $(#[doc = $meaning] $name,)*
        }
        impl Code {
            /// Every code, in the order of the reference.
            pub const ALL: &'static [Code] = &[$(Self::$name,)*];
            /// The stable text.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
            /// What it means, in a sentence.
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$name => $meaning,)* }
            }
        }
    };
}

codes! {
    Schema = "schema", "The document doesn't fit its kind: a missing or unknown field, a wrong type, word or range.";
    DuplicateDocument = "duplicate-document", "The same kind, namespace and name stands in the files twice.";
    DuplicateName = "duplicate-name", "Two entries of one list have the same name.";
    NameTooLong = "name-too-long", "A name is longer than the children that carry it allow.";
    ReservedName = "reserved-name", "A name has a meaning of its own.";
    UnknownCallCenter = "unknown-call-center", "The document belongs to a CallCenter that isn't there.";
    UnknownTeam = "unknown-team", "A team is named that the CallCenter doesn't have.";
    UnknownSkill = "unknown-skill", "A skill is named that the CallCenter doesn't declare.";
    UnknownQueue = "unknown-queue", "A queue is named that neither the document nor the CallCenter has.";
    UnknownTrunk = "unknown-trunk", "A Trunk is named that isn't there.";
    UnknownPrompt = "unknown-prompt", "A prompt is named that the CallCenter doesn't have.";
    UnknownCourse = "unknown-course", "A course is named that the CallCenter doesn't have.";
    UnknownShift = "unknown-shift", "A shift is named that the CallCenter doesn't have.";
    UnknownRole = "unknown-role", "A role is named that is neither built in nor declared.";
    UnknownCalendar = "unknown-calendar", "A calendar is named that the CallCenter doesn't have.";
    UnknownLead = "unknown-lead", "A team's lead is no Agent of the centre yet (warning).";
    NumberClaimedTwice = "number-claimed-twice", "Two clients claim the same number.";
    NumberNotCarried = "number-not-carried", "None of the client's trunks may bring the number in.";
    Unroutable = "unroutable", "No agent of the queue's teams can ever satisfy the route.";
    NobodyQualified = "nobody-qualified", "No agent satisfies the step yet, or the step never applies while another does (warning).";
    OverflowCycle = "overflow-cycle", "Queues hand their contacts round in a circle.";
    MediumMismatch = "medium-mismatch", "A contact would go to a queue of another medium.";
    ShareAboveTeam = "share-above-team", "More agents are guaranteed than the team has (warning) or can ever have (error).";
    ContractWithoutCapacity = "contract-without-capacity", "A contract is promised that no one could ever keep (error) or no one can yet (warning).";
    CalendarNeverOpens = "calendar-never-opens", "A calendar has no time at which it is open.";
    WindowOrder = "window-order", "A window ends at or before its start.";
    ImpossibleDate = "impossible-date", "A date that no calendar has.";
    DateOrder = "date-order", "A last day lies before its first.";
    BadTimeZone = "bad-time-zone", "A time zone that the IANA database doesn't have.";
    ShiftLength = "shift-length", "A shift lasts no time, or more than a day.";
    BreakOutsideShift = "break-outside-shift", "A break lies outside its shift.";
    BreakOverlap = "break-overlap", "A break overlaps another.";
    VirtualMismatch = "virtual-mismatch", "`virtual` stands on a Human team, or is missing on a Virtual one.";
    PodsRange = "pods-range", "The least number of pods is above the greatest.";
    StepWithoutEnd = "step-without-end", "A step that isn't the last has no `for`.";
    OverflowQueue = "overflow-queue", "Overflow without a queue, or a queue without Overflow.";
    CallbackRetry = "callback-retry", "Who isn't reached would be called again at once, or after more than a week, or the queue makes no calls.";
    TrunkAuth = "trunk-auth", "What the way of authentication needs is missing, or what it can't use is given.";
    EndpointNumber = "endpoint-number", "A Phone endpoint without a number, or a number on another endpoint.";
    JournalStore = "journal-store", "Both SQLite and Postgres are named.";
    RoleCycle = "role-cycle", "Roles include each other in a circle.";
    BuiltInRole = "built-in-role", "A declared role has the name of a built-in one.";
    KpiBound = "kpi-bound", "A KPI without a bound, or with a bound of the wrong unit.";
    FloorSpace = "floor-space", "Less than 20 m³ of room a seat.";
}

impl Code {
    /// Whether the document has it wrong whatever the others say.
    pub(crate) fn is_about_one_object(self) -> bool {
        !matches!(
            self,
            Self::UnknownTeam
                | Self::UnknownSkill
                | Self::UnknownQueue
                | Self::UnknownTrunk
                | Self::UnknownPrompt
                | Self::UnknownCourse
                | Self::UnknownShift
                | Self::UnknownRole
                | Self::UnknownCalendar
                | Self::UnknownLead
                | Self::NumberClaimedTwice
                | Self::NumberNotCarried
                | Self::Unroutable
                | Self::NobodyQualified
                | Self::OverflowCycle
                | Self::MediumMismatch
                | Self::ShareAboveTeam
                | Self::ContractWithoutCapacity
        )
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(self.as_str())
    }
}

/// One thing that is wrong, or likely to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What it is about.
    pub code: Code,
    /// How bad it is.
    pub severity: Severity,
    /// The document that has to change.
    pub object: DocumentId,
    /// The field that has to change.
    pub field: FieldPath,
    /// What is wrong.
    pub message: String,
    /// What would be right.
    pub hint: String,
    /// The file, where the document came from one.
    pub file: Option<String>,
    /// The field's line there, else its nearest present ancestor's; from 1.
    pub line: Option<usize>,
}

impl Finding {
    /// Whether the document can't be used.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_code_has_a_text_of_its_own() {
        let texts: BTreeSet<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(texts.len(), Code::ALL.len());
    }
}
