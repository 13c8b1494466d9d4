//! What became of all mutants together.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use schemars::JsonSchema;
use serde::Serialize;

use super::{Mutant, Reason, Settings, Verdict};
use crate::explain::explain;
use crate::finding::{Finding, Location};
use crate::suite::Case;

/// How many mutants there were of one kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Count {
    /// All of them.
    pub mutants: usize,
    /// Noticed by a check.
    pub killed: usize,
    /// Needing no check.
    pub equivalent: usize,
    /// Noticed by none.
    pub survived: usize,
}

/// A mutant that needs no check.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Equivalent {
    /// Always M802.
    pub id: &'static str,
    /// The mutant's id.
    pub mutant: String,
    /// The rule that proves it.
    pub reason: Reason,
    /// The place in the fixture.
    pub at: Option<Location>,
}

/// The JSON Schema of [`Score::to_json`].
#[must_use]
pub fn mutation_schema() -> serde_json::Value {
    schemars::schema_for!(Score).to_value()
}

/// The result of a mutation run.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
pub struct Score {
    /// Fixtures that have mutants.
    pub fixtures: usize,
    /// Fixtures that have none of those asked for: calls that the client refuses before anything is sent, for one.
    pub without_mutants: usize,
    /// All mutants.
    pub totals: Count,
    /// By what was done.
    pub by_operator: BTreeMap<&'static str, Count>,
    /// How many mutants each check killed; of several that would speak, the first.
    pub by_check: BTreeMap<&'static str, usize>,
    /// How many mutants each rule proves equivalent.
    pub by_reason: BTreeMap<Reason, usize>,
    /// What is wrong with fixtures as they are; these were not mutated.
    pub baseline: Vec<Finding>,
    /// The mutants that no check noticed.
    pub survivors: Vec<Finding>,
    /// The mutants that need no check.
    pub equivalents: Vec<Equivalent>,
}

impl Score {
    pub(super) fn add(&mut self, case: &Case, findings: Vec<Finding>, mutants: &[Mutant], settings: &Settings) {
        self.baseline.extend(findings);
        if mutants.is_empty() {
            self.without_mutants += 1;
        } else {
            self.fixtures += 1;
        }
        for mutant in mutants {
            let of_operator = self.by_operator.entry(mutant.operator.name()).or_default();
            for count in [&mut self.totals, of_operator] {
                count.mutants += 1;
                match mutant.verdict {
                    Verdict::Killed(_) => count.killed += 1,
                    Verdict::Equivalent(_) => count.equivalent += 1,
                    Verdict::Survived(_) => count.survived += 1,
                }
            }
            match mutant.verdict {
                Verdict::Killed(check) => *self.by_check.entry(check).or_default() += 1,
                Verdict::Equivalent(reason) => {
                    *self.by_reason.entry(reason).or_default() += 1;
                    let at = case.locate(&mutant.at);
                    self.equivalents.push(Equivalent { id: "M802", mutant: mutant.id.clone(), reason, at });
                }
                Verdict::Survived(expected) => self.survivors.push(survivor(case, mutant, expected, settings)),
            }
        }
    }

    /// Whether every mutant that needs a check was noticed, and no fixture was wrong before.
    #[must_use]
    pub fn is_pass(&self) -> bool {
        self.baseline.is_empty() && self.survivors.is_empty()
    }

    /// The score as JSON.
    #[must_use]
    pub fn to_json(&self) -> String {
        let value = serde_json::to_value(self).unwrap_or_default();
        format!("{value:#}\n")
    }

    /// The score for a person to read.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut out = String::new();
        // Writing into a String cannot fail.
        let _ = self.write(&mut out);
        out
    }

    fn write(&self, out: &mut String) -> std::fmt::Result {
        for finding in self.baseline.iter().chain(&self.survivors) {
            writeln!(out, "{finding}")?;
            if let Some(command) = &finding.reproduce {
                writeln!(out, "    {command}")?;
            }
        }
        if !self.is_pass() {
            writeln!(out)?;
        }
        writeln!(out, "{:14} {:>8} {:>8} {:>10} {:>8}", "operator", "mutants", "killed", "equivalent", "survived")?;
        let row = |out: &mut String, name: &str, count: &Count| {
            writeln!(out, "{name:14} {:>8} {:>8} {:>10} {:>8}", count.mutants, count.killed, count.equivalent, count.survived)
        };
        for (name, count) in &self.by_operator {
            row(out, name, count)?;
        }
        row(out, "all", &self.totals)?;
        writeln!(out, "\nkilled by")?;
        for (check, count) in &self.by_check {
            let title = explain(check).map_or("", |check| check.title);
            writeln!(out, "  {check} {count:>8}  {title}")?;
        }
        if !self.by_reason.is_empty() {
            writeln!(out, "\nequivalent (M802), because")?;
            for (reason, count) in &self.by_reason {
                writeln!(out, "  {count:>8}  {}", reason.words())?;
            }
        }
        let needing = self.totals.mutants - self.totals.equivalent;
        let baseline = self.baseline.len();
        writeln!(
            out,
            "\n{} of {needing} mutants of {} fixtures killed, {} survived; {baseline} finding(s) before any fault; {} fixture(s) without mutants",
            self.totals.killed, self.fixtures, self.totals.survived, self.without_mutants
        )
    }
}

fn survivor(case: &Case, mutant: &Mutant, expected: &'static str, settings: &Settings) -> Finding {
    let title = explain(expected).map_or("", |check| check.title);
    let message = format!("`{}` was not noticed; {expected} ({title}) should have spoken", mutant.id);
    let mut finding = case.finding("M801", &mutant.at, message);
    let flags = if settings.flags.is_empty() { String::new() } else { format!("{} ", settings.flags) };
    finding.reproduce = Some(format!("conformance mutate {flags}--only '{}'", mutant.id.replace('\'', "'\\''")));
    finding
}
