//! What is wrong with one document by itself, beyond its schema.
//!
//! The CRDs carry the same rules as CEL where CEL can say them; a test holds the two together.

mod agent;
mod centre;
mod client;
mod queue;
mod trunk;

pub(crate) use centre::BUILT_IN_ROLES;
use chrono::NaiveDate;
use chrono_tz::Tz;
use trunkline_crds::{Date, TimeOfDay, TimeZone};

use crate::document::DocumentId;
use crate::finding::{Code, Severity};
use crate::path::FieldPath;
use crate::typed::Typed;

/// A finding before its place in the file is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Draft {
    pub object: DocumentId,
    pub code: Code,
    pub severity: Severity,
    pub field: FieldPath,
    pub message: String,
    pub hint: String,
    /// What couldn't be resolved, where the finding is about a reference.
    pub unresolved: Option<(crate::compile::Target, String)>,
}

/// Collects drafts about one document.
pub(crate) struct Report<'a> {
    object: &'a DocumentId,
    drafts: &'a mut Vec<Draft>,
}

impl<'a> Report<'a> {
    pub fn new(object: &'a DocumentId, drafts: &'a mut Vec<Draft>) -> Self {
        Self { object, drafts }
    }

    pub fn error(
        &mut self,
        code: Code,
        field: FieldPath,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) {
        self.push(code, Severity::Error, field, message.into(), hint.into());
    }

    pub fn warning(
        &mut self,
        code: Code,
        field: FieldPath,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) {
        self.push(code, Severity::Warning, field, message.into(), hint.into());
    }

    pub fn push(
        &mut self,
        code: Code,
        severity: Severity,
        field: FieldPath,
        message: String,
        hint: String,
    ) {
        self.drafts.push(Draft {
            object: self.object.clone(),
            code,
            severity,
            field,
            message,
            hint,
            unresolved: None,
        });
    }

    /// A date that a calendar has.
    pub fn date(&mut self, date: &Date, field: FieldPath) -> Option<NaiveDate> {
        let parsed = parse_date(date);
        if parsed.is_none() {
            self.error(
                Code::ImpossibleDate,
                field,
                format!("no calendar has the day {date}"),
                "write a day that exists, as 2027-01-31",
            );
        }
        parsed
    }

    /// A zone that the IANA database has.
    pub fn zone(&mut self, zone: &TimeZone, field: FieldPath) {
        if zone.as_str().parse::<Tz>().is_err() {
            let names = chrono_tz::TZ_VARIANTS.iter().map(|tz| tz.name());
            let hint = match crate::schema::nearest(zone.as_str(), names) {
                Some(name) => format!("did you mean `{name}`?"),
                None => "write an IANA name, as `Europe/Berlin`".to_owned(),
            };
            self.error(
                Code::BadTimeZone,
                field,
                format!("the IANA database has no zone `{zone}`"),
                hint,
            );
        }
    }

    /// `to` must come after `from`, where both are dates that exist.
    pub fn date_order(&mut self, from: Option<NaiveDate>, to: Option<NaiveDate>, field: FieldPath) {
        if let (Some(from), Some(to)) = (from, to)
            && to < from
        {
            self.error(
                Code::DateOrder,
                field,
                format!("the last day, {to}, lies before the first, {from}"),
                "exchange the two, or leave the last day out",
            );
        }
    }
}

/// A day, if a calendar has it.
pub(crate) fn parse_date(date: &Date) -> Option<NaiveDate> {
    NaiveDate::parse_from_str(date.as_str(), "%Y-%m-%d").ok()
}

/// Minutes after midnight, 0 to 1440.
pub(crate) fn minutes(time: &TimeOfDay) -> Option<u16> {
    let (hours, minutes) = time.as_str().split_once(':')?;
    let total = hours.parse::<u16>().ok()? * 60 + minutes.parse::<u16>().ok()?;
    (total <= 1440).then_some(total)
}

/// Everything that is wrong with a document by itself.
pub(crate) fn check(object: &DocumentId, typed: &Typed, drafts: &mut Vec<Draft>) {
    let mut report = Report::new(object, drafts);
    match typed {
        Typed::CallCenter(spec) => centre::check(spec, &mut report),
        Typed::Client(spec) => client::check(spec, &mut report),
        Typed::Trunk(spec) => trunk::check(spec, &mut report),
        Typed::Agent(spec) => agent::check(spec, &mut report),
    }
}
