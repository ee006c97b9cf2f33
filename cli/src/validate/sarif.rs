//! Findings as SARIF 2.1.0, which code hosts show beside the lines.

use serde_json::{Value, json};
use trunkline_tenant::{Code, Severity};

use super::Row;

/// The whole log: one run, every code as a rule, every finding as a result.
pub(super) fn log(rows: &[Row]) -> Value {
    let rules: Vec<Value> = Code::ALL
        .iter()
        .map(|code| json!({"id": code.as_str(), "shortDescription": {"text": code.meaning()}}))
        .collect();
    let results: Vec<Value> = rows.iter().map(result).collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "trunkline",
                "version": env!("CARGO_PKG_VERSION"),
                "informationUri": env!("CARGO_PKG_REPOSITORY"),
                "rules": rules
            }},
            "results": results
        }]
    })
}

fn result(row: &Row) -> Value {
    let level = match row.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let location = json!({
        "physicalLocation": {
            "artifactLocation": {"uri": row.file.as_deref().unwrap_or("-")},
            "region": {"startLine": row.line.unwrap_or(1)}
        },
        "logicalLocations": [{"fullyQualifiedName": format!("{}/{}/{}", row.kind, row.name, row.field)}]
    });
    json!({
        "ruleId": row.code,
        "level": level,
        "message": {"text": format!("{}: {}. Hint: {}", row.field, row.message, row.hint)},
        "locations": [location]
    })
}
