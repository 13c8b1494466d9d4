//! The result of a run as one value, from which every form of the report is made.

mod coverage;
mod diff;
pub(crate) mod files;
pub(crate) mod group;
mod html;
mod junit;
mod markdown;
mod sarif;
mod text;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use crate::finding::{Attribution, Finding, Location};
use crate::fixture::ProvenanceKind;

pub use self::coverage::{CoverageReport, coverage_schema};
pub use self::diff::{Change, Diff, DiffError, diff, diff_schema};
pub use self::files::FILES;

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
    /// The names of the items that passing fixtures cover.
    pub shown: Vec<String>,
}

/// An item that no passing fixture covers.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct MissingItem {
    /// Its name.
    pub key: String,
    /// Where it stands in the spec.
    pub spec_at: Option<Location>,
    /// Its operation; `None` for what several operations share.
    pub operation: Option<String>,
    /// Whether a waiver speaks of it.
    pub waived: bool,
    /// Whether fixtures show it that do not count, as they have findings: it comes back when they pass.
    pub lost: bool,
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
        text::write(self, colour, false)
    }

    /// As [`Report::to_text`], with every finding in full: several of one cause are not folded into one.
    #[must_use]
    pub fn to_text_in_full(&self, colour: bool) -> String {
        text::write(self, colour, true)
    }

    /// `JUnit` XML for CI servers: a suite for each operation, a case for each fixture and group of checks.
    #[must_use]
    pub fn to_junit(&self) -> String {
        junit::write(self)
    }

    /// SARIF 2.1.0 for code scanning and editors: each finding at its line and column.
    #[must_use]
    pub fn to_sarif(&self) -> String {
        format!("{:#}\n", sarif::write(self))
    }

    /// One page of HTML that needs nothing else: no script, no font, no picture.
    #[must_use]
    pub fn to_html(&self) -> String {
        html::write(self)
    }

    /// A summary in Markdown of at most 60 lines, for a pull request or `$GITHUB_STEP_SUMMARY`.
    #[must_use]
    pub fn to_markdown(&self) -> String {
        markdown::write(self)
    }

    /// What is covered and every single item that is not; without dimensions where coverage was not judged.
    #[must_use]
    pub fn to_coverage(&self) -> CoverageReport {
        coverage::of(self)
    }

    /// Writes every form of the report into a folder, under the names of [`FILES`].
    ///
    /// ```
    /// # use opusclip_conformance::{options::Options, run::lint_only, spec::Spec, suite::Suite, waivers::Waivers};
    /// # let text = "{openapi: 3.0.3, info: {title: T, version: '1'}, paths: {}}";
    /// # let report = lint_only(&Spec::parse("t.yaml", text)?, &Suite::default(), &Waivers::none(), &Options::default());
    /// # let folder = std::env::temp_dir().join(format!("conformance-doc-{}", std::process::id()));
    /// report.write_dir(&folder)?;
    /// assert!(folder.join("report.html").is_file());
    /// # std::fs::remove_dir_all(&folder)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// A file is there whole or not at all: nobody reads half of one.
    ///
    /// # Errors
    ///
    /// A folder that cannot be made or written; files of an earlier report are then left as they were.
    pub fn write_dir(&self, folder: &std::path::Path) -> std::io::Result<()> {
        files::write(self, folder)
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
