//! Coverage as data: what is shown, and every item that is not.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::Report;
use crate::finding::Location;

/// What passing fixtures show of the spec, and every item that they do not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct CoverageReport {
    /// Version of this format; 1.
    pub coverage: u32,
    /// Whether every item of every dimension that gates is covered or waived. `false` where nothing was judged.
    pub is_complete: bool,
    /// The numbers; empty where coverage was not judged.
    pub dimensions: Vec<Share>,
    /// Every item that no passing fixture covers, by dimension and name.
    pub missing: Vec<Gap>,
}

/// The numbers of one dimension.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Share {
    /// The check, `V701` to `V711`.
    pub id: &'static str,
    /// What is counted.
    pub title: &'static str,
    /// Whether a missing item is a finding.
    pub gates: bool,
    /// How many items are covered.
    pub covered: usize,
    /// How many items there are.
    pub total: usize,
    /// How many of the missing ones are waived.
    pub waived: usize,
    /// How many of the missing ones only fixtures with findings show.
    pub lost: usize,
}

/// One item that no passing fixture covers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Gap {
    /// The check, `V701` to `V711`.
    pub id: &'static str,
    /// What kind of item it is, as in `dimensions`.
    pub kind: &'static str,
    /// Its name, as a waiver and a finding have it.
    pub item: String,
    /// Its operation; `None` for what several operations share.
    pub operation: Option<String>,
    /// What it is within the operation, as `404`, `query page` or `200 /data`; empty for the operation itself.
    pub name: String,
    /// Where it stands in the spec.
    pub spec_at: Option<Location>,
    /// Whether it is a finding.
    pub gates: bool,
    /// Whether a waiver speaks of it.
    pub waived: bool,
    /// Whether only fixtures with findings show it.
    pub lost: bool,
}

impl CoverageReport {
    /// The coverage for programs, with a line break at the end.
    #[must_use]
    pub fn to_json(&self) -> String {
        // Strings as keys and no foreign `Serialize`: this cannot fail, and an empty text would be noticed at once.
        serde_json::to_string_pretty(self).map(|text| text + "\n").unwrap_or_default()
    }
}

pub(super) fn of(report: &Report) -> CoverageReport {
    let dimensions = report.coverage.iter().map(|dimension| Share {
        id: dimension.id,
        title: dimension.title,
        gates: dimension.gates,
        covered: dimension.covered,
        total: dimension.total,
        waived: dimension.missing.iter().filter(|item| item.waived).count(),
        lost: dimension.missing.iter().filter(|item| item.lost).count(),
    });
    let missing = report.coverage.iter().flat_map(|dimension| {
        dimension.missing.iter().map(|item| Gap {
            id: dimension.id,
            kind: dimension.title,
            item: item.key.clone(),
            operation: item.operation.clone(),
            name: item.operation.as_ref().and_then(|id| item.key.strip_prefix(id.as_str())).unwrap_or(&item.key).trim_start().to_owned(),
            spec_at: item.spec_at.clone(),
            gates: dimension.gates,
            waived: item.waived,
            lost: item.lost,
        })
    });
    let missing: Vec<Gap> = missing.collect();
    let is_complete = !report.coverage.is_empty() && !missing.iter().any(|gap| gap.gates && !gap.waived);
    CoverageReport { coverage: 1, is_complete, dimensions: dimensions.collect(), missing }
}

/// The JSON Schema of [`CoverageReport::to_json`].
#[must_use]
pub fn coverage_schema() -> Value {
    schemars::schema_for!(CoverageReport).to_value()
}
