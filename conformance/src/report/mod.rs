//! The result of a run as one value, from which every form of the report is made.

mod text;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use crate::finding::{Attribution, Finding, Location};
use crate::fixture::ProvenanceKind;

/// How far a run went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// Spec and fixtures were checked.
    Lint,
    /// And their coverage.
    Check,
    /// And every fixture was replayed to a client.
    Run,
}

/// The numbers that a reader looks at first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Totals {
    /// Fixture files in the suite, broken ones included.
    pub fixtures: usize,
    /// Those that the filter let through.
    pub selected: usize,
    /// Those that were replayed to the client. 0 where no client ran.
    pub executed: usize,
    /// Fixtures without a finding.
    pub passed: usize,
    /// Fixtures with a finding against subject, spec or fixture.
    pub failed: usize,
    /// Fixtures at which the harness itself failed.
    pub errors: usize,
    /// Fixtures whose findings are all waived.
    pub waived: usize,
    /// Fixtures of operations that the client does not implement. They never pass.
    pub unsupported: usize,
    /// Findings that count.
    pub findings: usize,
    /// Findings that are waived.
    pub waived_findings: usize,
}

/// How one fixture ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// Nothing is wrong.
    Passed,
    /// All that is wrong is waived.
    Waived,
    /// The subject, the fixture or the spec is wrong.
    Failed,
    /// The harness failed, so nothing is known.
    Error,
}

/// One fixture in the report.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct FixtureResult {
    /// The fixture's id.
    pub id: String,
    /// Its operationId; `None` for a file that is no fixture.
    pub operation: Option<String>,
    /// What it shows.
    pub summary: Option<String>,
    /// How much weight it carries.
    pub provenance: Option<ProvenanceKind>,
    /// Its file.
    pub file: String,
    /// How it ended.
    pub status: Status,
    /// How many findings count against it.
    pub findings: usize,
}

/// What one dimension of the spec has of coverage.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct DimensionCoverage {
    /// The check, `V701` to `V711`.
    pub id: &'static str,
    /// What is counted.
    pub title: &'static str,
    /// Whether a missing item is a finding.
    pub gates: bool,
    /// How many items passing fixtures cover.
    pub covered: usize,
    /// How many items the spec has.
    pub total: usize,
    /// Every item that no passing fixture covers.
    pub missing: Vec<MissingItem>,
}

/// An item that no passing fixture covers.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct MissingItem {
    /// Its name.
    pub key: String,
    /// Where it stands in the spec.
    pub spec_at: Option<Location>,
    /// Whether a waiver speaks of it.
    pub waived: bool,
}

/// A waiver that took effect.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct UsedWaiver {
    /// What is exempt.
    pub item: String,
    /// Why.
    pub reason: String,
    /// The last day on which it holds.
    pub until: String,
    /// How many findings it covered.
    pub findings: usize,
}

/// One scenario in the report.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct ScenarioSummary {
    /// The scenario's id.
    pub id: String,
    /// What it shows.
    pub summary: String,
    /// Its file.
    pub file: String,
    /// How it ended.
    pub status: Status,
    /// How many attempts the client made; `None` where no client ran.
    pub attempts: Option<usize>,
    /// How long it took by the virtual clock; `None` where no client ran.
    pub seconds: Option<f64>,
    /// How many findings count against it.
    pub findings: usize,
}

/// Everything that a run has to say. Two runs over the same input give the same bytes.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Report {
    /// Version of this format; 1.
    pub report: u32,
    /// How far the run went.
    pub mode: Mode,
    /// The numbers.
    pub totals: Totals,
    /// What counts, sorted.
    pub findings: Vec<Finding>,
    /// Every fixture that was selected, sorted by id.
    pub fixtures: Vec<FixtureResult>,
    /// The scenarios, sorted by id; left out where there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scenarios: Vec<ScenarioSummary>,
    /// Coverage by dimension; empty where it was not judged.
    pub coverage: Vec<DimensionCoverage>,
    /// Waivers that took effect.
    pub waivers: Vec<UsedWaiver>,
}

impl Report {
    /// 0: nothing is wrong, 1: there are findings, 3: the harness itself failed. (2 is for wrong usage of the program.)
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        let is_engine = |finding: &Finding| finding.attribution == Attribution::Engine;
        match self.findings.is_empty() {
            true => 0,
            false if self.findings.iter().any(is_engine) => 3,
            false => 1,
        }
    }

    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_pass(&self) -> bool {
        self.findings.is_empty()
    }

    /// The report for people; `colour` adds the escape codes of terminals.
    #[must_use]
    pub fn to_text(&self, colour: bool) -> String {
        text::write(self, colour)
    }

    /// The report for programs, with a line break at the end.
    #[must_use]
    pub fn to_json(&self) -> String {
        // Strings as keys and no foreign `Serialize`: this cannot fail, and an empty report would be noticed at once.
        serde_json::to_string_pretty(self).map(|text| text + "\n").unwrap_or_default()
    }
}

/// The JSON Schema of [`Report::to_json`].
#[must_use]
pub fn report_schema() -> Value {
    schemars::schema_for!(Report).to_value()
}
