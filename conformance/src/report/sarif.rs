//! The report as SARIF 2.1.0: each finding with file, line and column, each check that spoke with its explanation.

use std::collections::BTreeMap;
use std::path::Path;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use super::Report;
use super::group::{place, who};
use crate::explain::explain;
use crate::finding::{Finding, Location};

/// Everything but what a path is made of (RFC 3986, unreserved and `/`).
const PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');

pub(super) fn write(report: &Report) -> Value {
    let mut ids: Vec<&str> = report.findings.iter().map(|finding| finding.id).collect();
    ids.sort_unstable();
    ids.dedup();
    let files: BTreeMap<&str, &str> = report
        .fixtures
        .iter()
        .map(|fixture| (fixture.id.as_str(), fixture.file.as_str()))
        .chain(report.scenarios.iter().map(|scenario| (scenario.id.as_str(), scenario.file.as_str())))
        .collect();
    let results = report.findings.iter().map(|finding| {
        let rule = ids.binary_search(&finding.id).unwrap_or_default();
        let file = finding.fixture.as_deref().and_then(|id| files.get(id)).copied();
        result(finding, rule, file)
    });
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "conformance",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": ids.iter().map(|id| rule(id)).collect::<Vec<_>>(),
            } },
            "invocations": [{ "executionSuccessful": report.exit_code() != 3, "exitCode": report.exit_code() }],
            "columnKind": "unicodeCodePoints",
            "results": results.collect::<Vec<_>>(),
        }],
    })
}

fn rule(id: &str) -> Value {
    let Some(check) = explain(id) else { return json!({ "id": id }) };
    let markdown = format!("{}\n\n**Cause:** {}\n\n**Fix:** {}\n\n**Example:** `{}`", check.meaning, check.cause, check.fix, check.example);
    json!({
        "id": id,
        "shortDescription": { "text": check.title },
        "fullDescription": { "text": check.meaning },
        "help": {
            "text": format!("{}\n\nCause: {}\n\nFix: {}\n\nExample: {}", check.meaning, check.cause, check.fix, check.example),
            "markdown": markdown,
        },
        "defaultConfiguration": { "level": "error" },
        "properties": { "tags": [who(check.attribution())] },
    })
}

fn result(finding: &Finding, rule: usize, file: Option<&str>) -> Value {
    // A place in the fixture, else in the spec, else the fixture's first line: code scanning drops what has no place.
    let primary = finding.at.clone().or_else(|| finding.spec_at.clone());
    let primary = primary.or_else(|| file.map(|file| Location { file: file.to_owned(), line: 1, column: 1 }));
    let related = finding.spec_at.as_ref().filter(|_| finding.at.is_some());
    let place = place(finding);
    let mut locations = Vec::new();
    if primary.is_some() || !place.is_empty() {
        let mut location = json!({});
        if let Some(at) = &primary {
            location["physicalLocation"] = physical(at);
        }
        if !place.is_empty() {
            location["logicalLocations"] = json!([{ "fullyQualifiedName": place }]);
        }
        locations.push(location);
    }
    let mut result = json!({
        "ruleId": finding.id,
        "ruleIndex": rule,
        "level": "error",
        "message": { "text": finding.message },
        "locations": locations,
        // Lines move; what the finding speaks of does not.
        "partialFingerprints": { "conformanceItem/v1": finding.item() },
        "properties": { "attribution": finding.attribution },
    });
    if let Some(at) = related {
        result["relatedLocations"] = json!([{ "id": 0, "message": { "text": "what the spec says" }, "physicalLocation": physical(at) }]);
    }
    if let Some(command) = &finding.reproduce {
        result["properties"]["reproduce"] = json!(command);
    }
    result
}

fn physical(at: &Location) -> Value {
    json!({
        "artifactLocation": artifact(&at.file),
        "region": { "startLine": at.line.max(1), "startColumn": at.column.max(1) },
    })
}

/// Relative to the root of the sources, as far as the harness was given a relative path.
fn artifact(file: &str) -> Value {
    let path = utf8_percent_encode(file, PATH).to_string();
    match Path::new(file).is_absolute() {
        true => json!({ "uri": format!("file:///{}", path.trim_start_matches('/')) }),
        false => json!({ "uri": path.strip_prefix("./").unwrap_or(&path), "uriBaseId": "%SRCROOT%" }),
    }
}
