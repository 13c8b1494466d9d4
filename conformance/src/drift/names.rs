//! The names by which another party's document goes, and ours for them.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde_json::Value;

use super::found::{Effect, Found};
use crate::json;
use crate::spec::{Locator, Spec, read_yaml};

/// Names of the new document, and what the old one calls the same thing.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Names {
    /// operationIds.
    operations: BTreeMap<String, String>,
    /// Component schemas.
    schemas: BTreeMap<String, String>,
    /// Parameters, whatever their place.
    parameters: BTreeMap<String, String>,
    /// Paths.
    paths: BTreeMap<String, String>,
    #[serde(skip)]
    locator: Option<Locator>,
}

/// Why a map of names cannot be used. Displays as one line.
#[derive(Debug)]
pub struct NamesError(String);

impl fmt::Display for NamesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for NamesError {}

impl Names {
    /// Reads a map of names from YAML; `name` is what errors call the file.
    ///
    /// # Errors
    ///
    /// A text that is not YAML, or has other keys than `operations`, `schemas`, `parameters` and `paths`.
    pub fn parse(name: &str, text: &str) -> Result<Self, NamesError> {
        let (value, locator) = read_yaml(name, text).map_err(|error| NamesError(error.to_string()))?;
        let names: Self = serde_json::from_value(value).map_err(|error| {
            NamesError(format!(
                "{name}: {error}; a map of names has `operations`, `schemas`, `parameters` and `paths`, each `theirs: ours`"
            ))
        })?;
        Ok(Self { locator: Some(locator), ..names })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.locator.is_none()
    }

    pub(super) fn operation<'a>(&'a self, theirs: &'a str) -> &'a str {
        self.operations.get(theirs).map_or(theirs, String::as_str)
    }

    pub(super) fn schema<'a>(&'a self, theirs: &'a str) -> &'a str {
        self.schemas.get(theirs).map_or(theirs, String::as_str)
    }

    pub(super) fn parameter<'a>(&'a self, theirs: &'a str) -> &'a str {
        self.parameters.get(theirs).map_or(theirs, String::as_str)
    }

    pub(super) fn path<'a>(&'a self, theirs: &'a str) -> &'a str {
        self.paths.get(theirs).map_or(theirs, String::as_str)
    }

    /// Every entry that names nothing: `D902`.
    pub(super) fn stale(&self, ours: &Spec, theirs: &Spec, found: &mut Found) {
        let keys = |spec: &Spec, pointer: &str| -> Vec<String> {
            let object = spec.document().pointer(pointer).and_then(Value::as_object);
            object.into_iter().flat_map(|object| object.keys().cloned()).collect()
        };
        let operations = |spec: &Spec| spec.operations().iter().map(|operation| operation.id.clone()).collect::<Vec<_>>();
        let parameters = |spec: &Spec| {
            let all = spec.operations().iter().flat_map(|operation| &operation.parameters);
            all.map(|parameter| parameter.name.clone()).collect::<Vec<_>>()
        };
        let parts = [
            ("operations", &self.operations, operations(theirs), operations(ours)),
            ("schemas", &self.schemas, keys(theirs, "/components/schemas"), keys(ours, "/components/schemas")),
            ("parameters", &self.parameters, parameters(theirs), parameters(ours)),
            ("paths", &self.paths, keys(theirs, "/paths"), keys(ours, "/paths")),
        ];
        for (part, entries, in_theirs, in_ours) in parts {
            for (from, to) in entries {
                let (missing, which) = match (in_theirs.contains(from), in_ours.contains(to)) {
                    (true, true) => continue,
                    (false, _) => (from, "their document"),
                    (true, false) => (to, "ours"),
                };
                let place = json::join(&format!("/{part}"), from);
                let at = self.locator.as_ref().and_then(|locator| locator.locate(&place)).map_or(place, |at| at.to_string());
                let summary = format!("{at}: the map of names has `{missing}` under {part}, which is not in {which}");
                found.add("D902", (None, None), summary, Effect::yes("none; take the entry out, or correct it"), None);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Accepted, against};
    use super::*;

    #[test]
    fn a_name_that_no_document_has_is_told_with_its_place() {
        let text = "openapi: 3.0.3\ninfo: {title: T, version: '1'}\npaths: {/a: {get: {operationId: ours, responses: {'204': {description: D}}}}}\n";
        let spec = Spec::parse("t.yaml", text).expect("a document");
        let names = Names::parse("names.yaml", "operations:\n  ours: ours\n  gone: ours\n").expect("a map of names");
        let drift = against(&spec, &spec, &names, &Accepted::default());
        let told: Vec<&str> = drift.changes.iter().filter(|change| change.id == "D902").map(|change| change.summary.as_str()).collect();
        assert!(told.len() == 1 && told[0].starts_with("names.yaml:3:3: "), "{told:?}");
    }
}
