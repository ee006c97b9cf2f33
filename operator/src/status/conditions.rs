//! Conditions: set by type, with a time that moves only when the status does.

use chrono::{DateTime, Utc};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use k8s_openapi::jiff::Timestamp;
use serde_json::Value;

/// True, False, or not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Is {
    /// It holds.
    True,
    /// It doesn't.
    False,
    /// Nobody has said.
    Unknown,
}

impl Is {
    fn as_str(self) -> &'static str {
        match self {
            Self::True => "True",
            Self::False => "False",
            Self::Unknown => "Unknown",
        }
    }
}

impl From<bool> for Is {
    fn from(holds: bool) -> Self {
        if holds { Self::True } else { Self::False }
    }
}

/// A state with a reason for programs and a message for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Whether it holds.
    pub is: Is,
    /// One word, `CamelCase`.
    pub reason: String,
    /// What is so, and what would mend it.
    pub message: String,
}

impl Verdict {
    /// It holds.
    pub fn yes(reason: &str, message: impl Into<String>) -> Self {
        Self::new(Is::True, reason, message)
    }
    /// It doesn't.
    pub fn no(reason: &str, message: impl Into<String>) -> Self {
        Self::new(Is::False, reason, message)
    }
    /// Nobody has said.
    pub fn unknown(reason: &str, message: impl Into<String>) -> Self {
        Self::new(Is::Unknown, reason, message)
    }
    /// Any of the three.
    pub fn new(is: Is, reason: &str, message: impl Into<String>) -> Self {
        let mut message: String = message.into();
        // The API's own limit is 32 KiB; a person's is much lower.
        if message.len() > 1000 {
            let cut = (0..=1000).rev().find(|at| message.is_char_boundary(*at));
            message.truncate(cut.unwrap_or(0));
            message.push('…');
        }
        Self {
            is,
            reason: reason.to_owned(),
            message,
        }
    }
    /// Whether it holds.
    pub fn holds(&self) -> bool {
        self.is == Is::True
    }
}

/// The conditions of one object as they shall be.
#[derive(Clone, Debug)]
pub struct Conditions {
    before: Vec<Condition>,
    now: Timestamp,
    generation: i64,
    list: Vec<Condition>,
}

impl Conditions {
    /// From the status as it stands.
    pub fn after(status: &Value, generation: i64, now: DateTime<Utc>) -> Self {
        let before = status
            .get("conditions")
            .and_then(|list| serde_json::from_value(list.clone()).ok())
            .unwrap_or_default();
        Self {
            before,
            now: Timestamp::from_second(now.timestamp()).unwrap_or_default(),
            generation,
            list: Vec::new(),
        }
    }

    /// Sets one.
    pub fn set(&mut self, kind: &str, verdict: &Verdict) {
        let status = verdict.is.as_str();
        let since = self
            .before
            .iter()
            .find(|c| c.type_ == kind && c.status == status)
            .map_or(Time(self.now), |c| c.last_transition_time.clone());
        self.list.push(Condition {
            type_: kind.to_owned(),
            status: status.to_owned(),
            reason: verdict.reason.clone(),
            message: verdict.message.clone(),
            observed_generation: Some(self.generation),
            last_transition_time: since,
        });
    }

    /// Sets the three by which tools judge: `Ready`, `Reconciling`, `Stalled`. What can't go on
    /// without a person is not under way.
    pub fn summary(
        &mut self,
        ready: &Verdict,
        under_way: Option<&Verdict>,
        stuck: Option<&Verdict>,
    ) {
        self.set("Ready", ready);
        let none = Verdict::no("None", "");
        self.set(
            "Reconciling",
            under_way.filter(|_| stuck.is_none()).unwrap_or(&none),
        );
        self.set("Stalled", stuck.unwrap_or(&none));
    }

    /// What has come about: conditions whose status or reason is another than before.
    pub fn turned(&self) -> Vec<Condition> {
        self.list
            .iter()
            .filter(|new| {
                let old = self.before.iter().find(|old| old.type_ == new.type_);
                match old {
                    Some(old) => old.status != new.status || old.reason != new.reason,
                    // That nothing is wrong with something new is no news.
                    None => new.status == "True" || (new.status == "False" && is_bad(new)),
                }
            })
            .filter(|new| new.status != "Unknown")
            .filter(|new| new.type_ != "Reconciling" || self.holds_up(new))
            .cloned()
            .collect()
    }

    /// Whether what is under way is held up by something that `Ready` doesn't tell of: a roll whose new pods can't
    /// start, beside old ones that serve. What else is under way is no news.
    fn holds_up(&self, reconciling: &Condition) -> bool {
        let ready = self.list.iter().find(|c| c.type_ == "Ready");
        is_bad(reconciling) && ready.is_none_or(|ready| ready.reason != reconciling.reason)
    }

    /// The list for the status.
    pub fn list(&self) -> Vec<Condition> {
        self.list.clone()
    }
}

/// Whether a condition tells of something wrong that a person should see.
pub fn is_bad(condition: &Condition) -> bool {
    match condition.type_.as_str() {
        "Stalled" => condition.status == "True",
        "Reconciling" => {
            condition.status == "True" && !WAITING.contains(&condition.reason.as_str())
        }
        _ => {
            condition.status == "False"
                && !WAITING.contains(&condition.reason.as_str())
                && condition.reason != "None"
        }
    }
}

/// Reasons that say no more than that something takes its time.
const WAITING: [&str; 7] = [
    "Starting",
    "Applying",
    "Rolling",
    "NotReported",
    "Waiting",
    "Hibernating",
    "Deleting",
];

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(second, 0).unwrap()
    }

    #[test]
    fn the_time_moves_with_the_status_and_with_nothing_else() {
        let mut first = Conditions::after(&json!(null), 1, at(100));
        first.set("Ready", &Verdict::no("Starting", "a"));
        let status = json!({"conditions": first.list()});
        let mut second = Conditions::after(&status, 2, at(200));
        second.set("Ready", &Verdict::no("Starting", "b"));
        assert_eq!(
            second.list()[0].last_transition_time,
            first.list()[0].last_transition_time
        );
        assert!(second.turned().is_empty());
        let mut third = Conditions::after(&status, 2, at(300));
        third.set("Ready", &Verdict::yes("Serving", "c"));
        assert_eq!(third.list()[0].last_transition_time.0.as_second(), 300);
        assert_eq!(third.turned().len(), 1);
    }

    #[test]
    fn what_is_under_way_is_told_where_it_is_held_up_and_ready_doesnt_say_why() {
        let told = |ready: Verdict, reason: &str| {
            let mut conditions = Conditions::after(&json!(null), 1, at(0));
            conditions.summary(&ready, Some(&Verdict::yes(reason, "")), None);
            let turned = conditions.turned();
            turned.iter().any(|c| c.type_ == "Reconciling")
        };
        let serves = || Verdict::yes("Serving", "");
        assert!(told(serves(), "ErrImagePull"));
        assert!(told(serves(), "Crashing"));
        assert!(!told(serves(), "Rolling"), "a roll that goes on is no news");
        assert!(!told(serves(), "Applying"));
        let image = Verdict::no("ErrImagePull", "");
        assert!(!told(image, "ErrImagePull"), "Ready has told it");
    }

    #[test]
    fn what_is_stuck_is_not_under_way() {
        let mut conditions = Conditions::after(&json!(null), 1, at(0));
        conditions.summary(
            &Verdict::no("UnknownTeam", ""),
            Some(&Verdict::yes("Applying", "")),
            Some(&Verdict::yes("UnknownTeam", "")),
        );
        let status = |kind: &str| {
            let list = conditions.list();
            list.iter()
                .find(|c| c.type_ == kind)
                .unwrap()
                .status
                .clone()
        };
        assert_eq!(
            (status("Reconciling").as_str(), status("Stalled").as_str()),
            ("False", "True")
        );
    }
}
