//! A small sound tenant, and ways to spoil it.

#![allow(dead_code, reason = "each test binary uses its part")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use serde_json::{Value, json};
use trunkline_tenant::{Compiled, Document, compile};

/// Kind and name → object.
pub struct Docs(pub Vec<Value>);

pub fn sound() -> Docs {
    let object = |kind: &str, name: &str, spec: Value| {
        json!({
            "apiVersion": "trunkline.dev/v1alpha1", "kind": kind,
            "metadata": {"name": name, "namespace": "n"}, "spec": spec
        })
    };
    Docs(vec![
        object(
            "CallCenter",
            "c",
            json!({
                "timeZone": "Europe/Berlin",
                "calendars": [
                    {"name": "day", "open": [{"days": ["Mon", "Tue"], "from": "08:00", "to": "20:00"}]},
                    {"name": "night", "open": [
                        {"days": ["Mon", "Tue"], "from": "00:00", "to": "08:00"},
                        {"days": ["Mon", "Tue"], "from": "20:00", "to": "24:00"},
                        {"days": ["Wed", "Thu", "Fri", "Sat", "Sun"]}
                    ]}
                ],
                "departments": [{"name": "legal", "calendar": "day"}],
                "skills": ["english", "orders"],
                "roles": [{"name": "chief", "includes": ["senior"]}],
                "prompts": [{"name": "welcome", "from": {"configMap": "p", "key": "w.wav"}}],
                "courses": [{"name": "basics"}],
                "teams": [
                    {"name": "people", "kind": "Human", "seats": 3, "lead": "maria", "shifts": ["early"]},
                    {"name": "robots", "kind": "Virtual", "skills": {"english": 3},
                     "virtual": {"image": "i", "contactsPerPod": 2, "minPods": 1, "maxPods": 4}}
                ],
                "shifts": [{"name": "early", "start": "06:00", "length": "8h",
                            "breaks": [{"after": "2h", "length": "15m"}, {"after": "4h", "length": "30m"}]}],
                "queues": [
                    {"name": "desk", "medium": "Voice", "teams": ["people"], "onExhausted": {"action": "Hold"}},
                    {"name": "orders", "medium": "Voice", "teams": ["people", "robots"], "calendar": "day",
                     "route": [{"require": {"orders": 3}, "for": "20s"}, {"require": {"english": 1}}],
                     "onExhausted": {"action": "Overflow", "queue": "desk"}}
                ]
            }),
        ),
        object(
            "Trunk",
            "t",
            json!({
                "callCenter": "c", "carrier": {"host": "h"},
                "auth": {"type": "Registration", "secretRef": {"name": "s"}}, "numbers": ["+4930*"]
            }),
        ),
        object(
            "Client",
            "acme",
            json!({
                "callCenter": "c", "numbers": ["+49301", "+49302"], "trunks": ["t"], "hours": "day",
                "contract": {"from": "2027-01-01"},
                "menu": {"prompt": "welcome", "choices": {"1": "in", "0": "centre/desk"}},
                "queues": [{"name": "in", "medium": "Voice", "teams": [{"name": "people", "guaranteed": 1}],
                            "route": [{"require": {"orders": 2}, "for": "30s"}],
                            "onExhausted": {"action": "Hold"}}],
                "training": {"courses": ["basics"]},
                "kpis": [{"metric": "AHT", "max": "240s"}]
            }),
        ),
        object(
            "Agent",
            "maria",
            json!({
                "callCenter": "c", "team": "people", "roles": ["agent", "chief"],
                "skills": {"english": 5, "orders": 4},
                "employment": {"from": "2026-03-01"},
                "training": [{"course": "basics", "completed": "2026-12-12"}]
            }),
        ),
    ])
}

impl Docs {
    pub fn of(&mut self, name: &str) -> &mut Value {
        let is_it = |d: &&mut Value| d["metadata"]["name"] == name;
        self.0.iter_mut().find(is_it).unwrap()
    }
    /// Sets a field by its JSON pointer below the document of that name.
    pub fn set(&mut self, name: &str, pointer: &str, value: Value) -> &mut Self {
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        let parent = self
            .of(name)
            .pointer_mut(parent)
            .unwrap_or_else(|| panic!("no {pointer}"));
        match parent {
            Value::Array(items) if key == "-" => items.push(value),
            Value::Array(items) => items[key.parse::<usize>().unwrap()] = value,
            other => {
                other.as_object_mut().unwrap().insert(key.to_owned(), value);
            }
        }
        self
    }
    pub fn remove(&mut self, name: &str, pointer: &str) -> &mut Self {
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        match self.of(name).pointer_mut(parent).unwrap() {
            Value::Array(items) => {
                items.remove(key.parse().unwrap());
            }
            other => {
                other.as_object_mut().unwrap().remove(key).unwrap();
            }
        }
        self
    }
    /// A copy of a document under another name.
    pub fn copy(&mut self, name: &str, new: &str) -> &mut Self {
        let mut copy = self.of(name).clone();
        copy["metadata"]["name"] = json!(new);
        self.0.push(copy);
        self
    }
    pub fn without(&mut self, name: &str) -> &mut Self {
        self.0.retain(|d| d["metadata"]["name"] != name);
        self
    }
    /// What the API server adds.
    pub fn generation(&mut self, name: &str, generation: i64, created: &str) -> &mut Self {
        let metadata = &mut self.of(name)["metadata"];
        metadata["generation"] = json!(generation);
        metadata["creationTimestamp"] = json!(created);
        self
    }
    pub fn documents(&self) -> Vec<Document> {
        self.0
            .iter()
            .cloned()
            .map(|v| Document::from_object(v).unwrap())
            .collect()
    }
    pub fn compile(&self) -> Compiled {
        compile(&self.documents(), None)
    }
}

/// Findings in brief: `error unknown-team Client/acme spec.queues[0].teams[0].name`.
pub fn brief(compiled: &Compiled) -> Vec<String> {
    compiled
        .findings
        .iter()
        .map(|f| {
            format!(
                "{} {} {}/{} {}",
                f.severity, f.code, f.object.kind, f.object.name, f.field
            )
        })
        .collect()
}
