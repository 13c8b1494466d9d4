//! What changed between two reports.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Write as _};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::group::count;
use crate::finding::Location;

/// As much of a report as a comparison needs; it may be of an earlier version of the harness.
#[derive(Debug, Deserialize)]
struct Kept {
    mode: String,
    #[serde(default)]
    totals: BTreeMap<String, usize>,
    findings: Vec<KeptFinding>,
    #[serde(default)]
    coverage: Vec<KeptDimension>,
}

#[derive(Debug, Deserialize)]
struct KeptFinding {
    id: String,
    fixture: Option<String>,
    pointer: String,
    message: String,
    at: Option<Location>,
    spec_at: Option<Location>,
}

#[derive(Debug, Deserialize)]
struct KeptDimension {
    id: String,
    title: String,
    gates: bool,
    missing: Vec<KeptItem>,
    #[serde(default)]
    shown: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct KeptItem {
    key: String,
    #[serde(default)]
    waived: bool,
}

/// Something that only one of two reports has.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
pub struct Change {
    /// The check and what it speaks of, as a waiver names it.
    pub item: String,
    /// What the finding says, or what became of the coverage.
    pub message: String,
    /// Where it stands, where that is known.
    pub at: Option<Location>,
}

/// What changed from one report to the next.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Diff {
    /// Version of this format; 1.
    pub diff: u32,
    /// Findings that only the new report has.
    pub new: Vec<Change>,
    /// Findings that only the old report has.
    pub gone: Vec<Change>,
    /// Findings that both have, with another message.
    pub changed: Vec<Change>,
    /// Items that were covered and no longer are, and no waiver speaks of.
    pub lost: Vec<Change>,
    /// Items that are not covered and that the old report does not know.
    pub uncovered: Vec<Change>,
    /// Items that are covered now.
    pub gained: Vec<Change>,
    /// How many findings both have.
    pub same: usize,
    /// What makes the two reports hard to compare, in words.
    pub notes: Vec<String>,
}

/// A text is no report. Displays as one line.
#[derive(Debug)]
pub struct DiffError(String);

impl fmt::Display for DiffError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for DiffError {}

/// Compares two reports, as [`Report::to_json`](super::Report::to_json) wrote them; the names are for errors.
///
/// ```
/// # use opusclip_conformance::{options::Options, run::lint_only, spec::Spec, suite::Suite, waivers::Waivers};
/// # let text = "{openapi: 3.0.3, info: {title: T, version: '1'}, paths: {}}";
/// # let report = lint_only(&Spec::parse("t.yaml", text)?, &Suite::default(), &Waivers::none(), &Options::default());
/// use opusclip_conformance::report::diff;
///
/// let (old, new) = (report.to_json(), report.to_json());
/// let diff = diff(("old.json", &old), ("new.json", &new))?;
/// assert_eq!(diff.exit_code(), 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// A text that is not JSON, or not a report of this format.
pub fn diff(old: (&str, &str), new: (&str, &str)) -> Result<Diff, DiffError> {
    let (old, new) = (read(old)?, read(new)?);
    let mut diff = Diff { diff: 1, ..Diff::default() };
    if old.mode != new.mode {
        diff.notes.push(format!("the old report is of a {}, the new one of a {}: they do not judge the same", old.mode, new.mode));
    }
    let is_part = |report: &Kept| report.totals.get("selected") != report.totals.get("fixtures");
    if is_part(&old) != is_part(&new) {
        diff.notes.push("one of the reports is of a part of the fixtures only".to_owned());
    }
    findings(&old.findings, &new.findings, &mut diff);
    match (old.coverage.is_empty(), new.coverage.is_empty()) {
        (false, false) => coverage(&old.coverage, &new.coverage, &mut diff),
        (true, true) => {}
        _ => diff.notes.push("only one of the reports judged coverage, so it is not compared".to_owned()),
    }
    Ok(diff)
}

fn read((name, text): (&str, &str)) -> Result<Kept, DiffError> {
    let wrong = |what: String| DiffError(format!("{name}: {what}; a report is what `conformance check --format json` prints"));
    let value: Value = serde_json::from_str(text).map_err(|error| wrong(format!("this is not JSON: {error}")))?;
    match value.get("report") {
        Some(version) if *version == 1 => {}
        Some(version) => return Err(wrong(format!("this is a report of version {version}, and this program reads version 1"))),
        None => return Err(wrong("this is not a report: it has no key `report`".to_owned())),
    }
    serde_json::from_value(value).map_err(|error| wrong(format!("this is not a report: {error}")))
}

impl KeptFinding {
    fn item(&self) -> String {
        let parts = [Some(self.id.as_str()), self.fixture.as_deref(), Some(self.pointer.as_str())];
        parts.into_iter().flatten().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
    }

    fn change(&self) -> Change {
        Change { item: self.item(), message: self.message.clone(), at: self.at.clone().or_else(|| self.spec_at.clone()) }
    }
}

/// A finding is the same if it says the same of the same item, wherever that stands by now.
fn findings(old: &[KeptFinding], new: &[KeptFinding], diff: &mut Diff) {
    let mut before: BTreeMap<String, Vec<&KeptFinding>> = BTreeMap::new();
    for finding in old {
        before.entry(finding.item()).or_default().push(finding);
    }
    let mut others = Vec::new();
    for finding in new {
        let equal = before.get_mut(&finding.item());
        match equal.and_then(|list| list.iter().position(|old| old.message == finding.message).map(|at| list.remove(at))) {
            Some(_) => diff.same += 1,
            None => others.push(finding),
        }
    }
    for finding in others {
        match before.get_mut(&finding.item()).and_then(Vec::pop) {
            Some(_) => diff.changed.push(finding.change()),
            None => diff.new.push(finding.change()),
        }
    }
    diff.gone.extend(before.into_values().flatten().map(KeptFinding::change));
}

fn coverage(old: &[KeptDimension], new: &[KeptDimension], diff: &mut Diff) {
    for now in new {
        let Some(before) = old.iter().find(|dimension| dimension.id == now.id) else { continue };
        let gate = if now.gates { "" } else { " (no gate)" };
        let change =
            |key: &str, what: &str| Change { item: format!("{} {key}", now.id), message: format!("{}: {what}{gate}", now.title), at: None };
        let shown: BTreeSet<&str> = before.shown.iter().map(String::as_str).collect();
        let missing: BTreeSet<&str> = before.missing.iter().map(|item| item.key.as_str()).collect();
        for item in now.missing.iter().filter(|item| !item.waived) {
            if shown.contains(item.key.as_str()) {
                diff.lost.push(change(&item.key, "was covered, and no longer is"));
            } else if !missing.contains(item.key.as_str()) {
                diff.uncovered.push(change(&item.key, "is not covered, and the old report does not know it"));
            }
        }
        let gained = now.shown.iter().filter(|key| !shown.contains(key.as_str()));
        diff.gained.extend(gained.map(|key| change(key, "is covered now")));
    }
}

impl Diff {
    /// 1 where there is a new finding or where coverage was lost, else 0.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        u8::from(!(self.new.is_empty() && self.lost.is_empty()))
    }

    fn sections(&self) -> [(&'static str, &[Change]); 6] {
        [
            ("New findings", &self.new),
            ("Coverage lost", &self.lost),
            ("Findings that say something else now", &self.changed),
            ("New in the spec and not covered", &self.uncovered),
            ("Findings that are gone", &self.gone),
            ("Coverage gained", &self.gained),
        ]
    }

    fn verdict(&self) -> String {
        let numbers = [
            count(self.new.len(), "new finding"),
            format!("{} gone", self.gone.len()),
            format!("{} changed", self.changed.len()),
            format!("{} as before", self.same),
            format!("coverage: {} lost, {} gained", self.lost.len(), self.gained.len()),
        ];
        numbers.join(", ")
    }

    /// The changes for people.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut out = String::new();
        let word = if self.exit_code() == 0 { "PASS" } else { "FAIL" };
        // Writing into a String cannot fail.
        let _ = writeln!(out, "{word}  {}", self.verdict());
        for note in &self.notes {
            let _ = writeln!(out, "note  {note}");
        }
        for (title, changes) in self.sections() {
            if !changes.is_empty() {
                let _ = writeln!(out, "\n{title} ({})", changes.len());
            }
            for change in changes {
                let at = change.at.as_ref().map(|at| format!("\n    at    {at}")).unwrap_or_default();
                let _ = writeln!(out, "  {}\n    {}{at}", change.item, change.message);
            }
        }
        out
    }

    /// The changes for a pull request, at most 20 of each kind.
    #[must_use]
    pub fn to_markdown(&self) -> String {
        let mut out = String::new();
        let word = if self.exit_code() == 0 { "✅" } else { "❌" };
        // Writing into a String cannot fail.
        let _ = writeln!(out, "## {word} Conformance: what changed\n\n{}", self.verdict());
        for note in &self.notes {
            let _ = writeln!(out, "\n> {}", super::markdown::cell(note));
        }
        for (title, changes) in self.sections().into_iter().filter(|(_, changes)| !changes.is_empty()) {
            let _ = writeln!(out, "\n### {title}: {}\n\n| | |\n|---|---|", changes.len());
            for change in changes.iter().take(20) {
                let _ = writeln!(out, "| {} | {} |", super::markdown::cell(&change.item), super::markdown::cell(&change.message));
            }
            if let Some(more) = changes.len().checked_sub(20).filter(|more| *more > 0) {
                let _ = writeln!(out, "\nand {more} more");
            }
        }
        out
    }

    /// The changes for programs, with a line break at the end.
    #[must_use]
    pub fn to_json(&self) -> String {
        // Strings as keys and no foreign `Serialize`: this cannot fail, and an empty text would be noticed at once.
        serde_json::to_string_pretty(self).map(|text| text + "\n").unwrap_or_default()
    }
}

/// The JSON Schema of [`Diff::to_json`].
#[must_use]
pub fn diff_schema() -> Value {
    schemars::schema_for!(Diff).to_value()
}
