//! From a spec, fixtures and a client to a report.

use std::collections::{BTreeMap, BTreeSet};

use crate::closed;
use crate::compare::CaseResult;
use crate::finding::{Attribution, Finding};
use crate::fixture::ClientExpectation;
use crate::lint::lint;
use crate::options::Options;
use crate::report::{DimensionCoverage, FixtureResult, MissingItem, Mode, Report, Status, Totals, UsedWaiver};
use crate::spec::{Dimension, Item, Spec};
use crate::subject::Outcome;
use crate::suite::{Case, Suite};
use crate::waivers::{Scope, Waivers};

/// Checks the spec and the fixtures.
#[must_use]
pub fn lint_only(spec: &Spec, suite: &Suite, waivers: &Waivers, options: &Options) -> Report {
    Assembly::new(spec, suite, options, Mode::Lint).finish(waivers, &[])
}

/// Checks the spec, the fixtures and what the fixtures cover. No client runs.
#[must_use]
pub fn check(spec: &Spec, suite: &Suite, waivers: &Waivers, options: &Options) -> Report {
    Assembly::new(spec, suite, options, Mode::Check).finish(waivers, &[])
}

/// Replays every selected fixture through a client and judges all there is to judge.
///
/// ```no_run
/// # async fn example(subject: impl opusclip_conformance::subject::Subject) -> Result<(), Box<dyn std::error::Error>> {
/// use std::path::Path;
///
/// use opusclip_conformance::{options::Options, run::run, spec::Spec, suite::Suite, waivers::Waivers};
///
/// let spec = Spec::load(Path::new("openapi.yaml"))?;
/// let suite = Suite::load(Path::new("tests/fixtures"))?;
/// let report = run(&spec, &suite, &Waivers::none(), &subject, &Options::default()).await;
/// assert!(report.is_pass(), "{}", report.to_text(false));
/// # Ok(())
/// # }
/// ```
#[cfg(feature = "replay")]
pub async fn run<S: crate::subject::Subject>(spec: &Spec, suite: &Suite, waivers: &Waivers, subject: &S, options: &Options) -> Report {
    let (results, beyond) = execute(spec, suite, subject, options).await;
    conclude(spec, suite, waivers, options, &results, beyond)
}

/// The calls of a run without its report: the results of the selected fixtures, and findings that belong to none.
/// [`conclude`] makes the report of them.
#[cfg(feature = "replay")]
pub async fn execute<S: crate::subject::Subject>(
    spec: &Spec,
    suite: &Suite,
    subject: &S,
    options: &Options,
) -> (Vec<CaseResult>, Vec<Finding>) {
    use futures_util::StreamExt as _;

    let replayer = match crate::replay::Replayer::start(spec, suite).await {
        Ok(replayer) => replayer,
        Err(error) => {
            let finding = Finding::new("E911", format!("the mock server could not start: {error}"));
            return (Vec::new(), vec![finding]);
        }
    };
    let selected: Vec<&Case> = suite.cases.iter().filter(|case| options.selects(&case.fixture.id)).collect();
    let mut calls = Vec::with_capacity(selected.len());
    for case in selected {
        calls.push(replayer.run(spec, case, subject, options));
    }
    let results: Vec<CaseResult> = futures_util::stream::iter(calls).buffered(options.jobs.max(1)).collect().await;
    (results, replayer.strays())
}

/// Makes the report from results that the caller had from the replay one by one, as from one test for each fixture.
/// `beyond` are findings that belong to no case.
#[must_use]
pub fn conclude(spec: &Spec, suite: &Suite, waivers: &Waivers, options: &Options, results: &[CaseResult], beyond: Vec<Finding>) -> Report {
    let mut report = Assembly::new(spec, suite, options, Mode::Run);
    report.findings.extend(beyond);
    report.finish(waivers, results)
}

struct Assembly<'a> {
    spec: &'a Spec,
    suite: &'a Suite,
    options: &'a Options,
    mode: Mode,
    findings: Vec<Finding>,
}

impl<'a> Assembly<'a> {
    fn new(spec: &'a Spec, suite: &'a Suite, options: &'a Options, mode: Mode) -> Self {
        Self { spec, suite, options, mode, findings: Vec::new() }
    }

    fn finish(mut self, waivers: &Waivers, results: &[CaseResult]) -> Report {
        self.findings.extend(self.spec.lint().into_iter().map(|violation| {
            let at = self.spec.locate(&violation.spec_at);
            Finding::new(violation.check, violation.message).with_pointer(violation.spec_at).with_spec_location(at)
        }));
        let selects = |finding: &Finding| finding.fixture.as_deref().is_none_or(|id| self.options.selects(id));
        self.findings.extend(lint(self.spec, self.suite).into_iter().filter(selects));
        self.findings.extend(results.iter().flat_map(|result| result.findings.iter().cloned()));
        let selected: Vec<&Case> = self.suite.cases.iter().filter(|case| self.options.selects(&case.fixture.id)).collect();
        if self.mode == Mode::Run {
            self.findings.extend(tally(selected.iter().map(|case| case.fixture.id.as_str()), results));
        }

        let blamed: BTreeSet<String> = self.findings.iter().filter_map(|finding| finding.fixture.clone()).collect();
        let inventory = self.spec.inventory().items;
        let covered = if self.judges_coverage() { self.covered(&selected, &blamed, Some(results)) } else { BTreeSet::new() };
        let mut shown = BTreeSet::new();
        if self.judges_coverage() {
            // What the fixtures would show if nothing were held against them: the gaps that are left then are real ones.
            shown = if blamed.is_empty() { covered.clone() } else { self.covered(&selected, &BTreeSet::new(), None) };
            let missing = inventory.difference(&covered).filter(|item| item.dimension.gates());
            let spec = self.spec;
            self.findings.extend(missing.map(|item| uncovered(spec, item, shown.contains(item))));
        }

        let letters = match self.mode {
            Mode::Lint => "SFR",
            Mode::Check => "SFRV",
            Mode::Run => "SFRVC",
        };
        let exists = |item: &str| self.exists(item, &inventory);
        let scope = Scope { letters, is_complete: self.is_complete(), exists: &exists };
        let applied = waivers.apply(self.findings.clone(), &scope);
        // A set, as two checks of one layer may find the same thing.
        let findings: BTreeSet<Finding> = applied.findings.into_iter().map(|finding| self.finished(finding)).collect();
        let findings: Vec<Finding> = findings.into_iter().collect();

        let fixtures = self.fixtures(&findings, &applied.waived);
        let count = |status: Status| fixtures.iter().filter(|fixture| fixture.status == status).count();
        let totals = Totals {
            fixtures: self.suite.files(),
            selected: fixtures.len(),
            executed: results.len(),
            passed: count(Status::Passed),
            failed: count(Status::Failed),
            errors: count(Status::Error),
            waived: count(Status::Waived),
            unsupported: results.iter().filter(|result| result.outcome == Some(Outcome::Unsupported)).count(),
            findings: findings.len(),
            waived_findings: applied.waived.len(),
        };
        let coverage = if self.judges_coverage() {
            let waived: BTreeSet<String> = applied.waived.iter().map(Finding::item).collect();
            dimensions(self.spec, &inventory, &Seen { covered: &covered, shown: &shown, waived: &waived })
        } else {
            Vec::new()
        };
        let waivers = applied.used.into_iter().map(|(waiver, findings)| UsedWaiver {
            item: waiver.item,
            reason: waiver.reason,
            until: waiver.until.to_string(),
            findings,
        });
        Report { report: 1, mode: self.mode, totals, findings, fixtures, scenarios: Vec::new(), coverage, waivers: waivers.collect() }
    }

    fn is_complete(&self) -> bool {
        self.options.filter.is_none() && !self.suite.is_partial()
    }

    /// A part of a suite cannot tell what the whole does not cover.
    fn judges_coverage(&self) -> bool {
        self.mode != Mode::Lint && self.is_complete()
    }

    /// What the cases that nothing is held against show of the spec; without results, what they would show.
    fn covered(&self, selected: &[&Case], blamed: &BTreeSet<String>, results: Option<&[CaseResult]>) -> BTreeSet<Item> {
        let results = results.filter(|_| self.mode == Mode::Run);
        let results: Option<BTreeMap<&str, &CaseResult>> =
            results.map(|results| results.iter().map(|result| (result.fixture.as_str(), result)).collect());
        let mut covered = BTreeSet::new();
        for case in selected.iter().filter(|case| !blamed.contains(&case.fixture.id)) {
            let Some(operation) = self.spec.operation(&case.fixture.operation) else { continue };
            if case.fixture.expect.client == ClientExpectation::Rejected {
                continue;
            }
            let request = match &results {
                Some(results) => results.get(case.fixture.id.as_str()).and_then(|result| result.request.clone()),
                None => closed::whole_request(self.spec, operation, case),
            };
            if let Some(request) = request {
                covered.extend(self.spec.touch(operation, Some(&request), case.response().as_ref()));
            }
        }
        covered
    }

    fn exists(&self, item: &str, inventory: &BTreeSet<Item>) -> bool {
        let Some((id, name)) = item.split_once(' ') else { return false };
        if Dimension::ALL.iter().any(|dimension| dimension.check() == id) {
            let names = |item: &Item| item.key.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
            return inventory.iter().any(|item| item.dimension.check() == id && names(item));
        }
        if id.starts_with('S') {
            return true;
        }
        let fixture = name.split(' ').next().unwrap_or_default();
        let broken = self.suite.broken.iter().filter_map(|finding| finding.fixture.as_deref());
        self.suite.ids().chain(broken).any(|id| id.strip_prefix(fixture).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
    }

    fn fixtures(&self, findings: &[Finding], waived: &[Finding]) -> Vec<FixtureResult> {
        let mut counts: BTreeMap<&str, (usize, bool)> = BTreeMap::new();
        for finding in findings {
            if let Some(id) = finding.fixture.as_deref() {
                let (count, is_error) = counts.entry(id).or_default();
                *count += 1;
                *is_error |= finding.attribution == Attribution::Engine;
            }
        }
        let exempt: BTreeSet<&str> = waived.iter().filter_map(|finding| finding.fixture.as_deref()).collect();
        let status = |id: &str| match counts.get(id) {
            Some((_, true)) => Status::Error,
            Some(_) => Status::Failed,
            None if exempt.contains(id) => Status::Waived,
            None => Status::Passed,
        };
        let count = |id: &str| counts.get(id).map_or(0, |(count, _)| *count);
        let selected = self.suite.cases.iter().filter(|case| self.options.selects(&case.fixture.id));
        let mut fixtures: Vec<FixtureResult> = selected
            .map(|case| FixtureResult {
                id: case.fixture.id.clone(),
                operation: Some(case.fixture.operation.clone()),
                summary: Some(case.fixture.summary.clone()),
                provenance: Some(case.fixture.provenance.kind),
                file: case.file.clone(),
                status: status(&case.fixture.id),
                findings: count(&case.fixture.id),
            })
            .collect();
        for finding in &self.suite.broken {
            let Some(id) = finding.fixture.as_deref().filter(|id| self.options.selects(id)) else { continue };
            if !fixtures.iter().any(|fixture| fixture.id == id) {
                fixtures.push(FixtureResult {
                    id: id.to_owned(),
                    operation: None,
                    summary: None,
                    provenance: None,
                    file: finding.at.as_ref().map(|at| at.file.clone()).unwrap_or_default(),
                    status: status(id),
                    findings: count(id),
                });
            }
        }
        fixtures.sort_by(|a, b| (&a.id, &a.file).cmp(&(&b.id, &b.file)));
        fixtures
    }

    fn finished(&self, mut finding: Finding) -> Finding {
        finding.message = self.options.redact(&finding.message);
        finding.reproduce = finding.reproduce.take().or_else(|| self.reproduction(&finding));
        finding
    }

    /// The command that shows a finding again.
    fn reproduction(&self, finding: &Finding) -> Option<String> {
        let flags = &self.options.flags;
        let flags = if flags.is_empty() { String::new() } else { format!(" {flags}") };
        match (finding.attribution, &finding.fixture) {
            (Attribution::Client | Attribution::Engine, Some(fixture)) => {
                self.options.reproduce.as_ref().map(|command| command.replace("{fixture}", fixture))
            }
            (Attribution::Fixture | Attribution::Redaction, Some(fixture)) => Some(format!("conformance lint{flags} --filter {fixture}")),
            (Attribution::Spec, _) => Some(format!("conformance lint{flags}")),
            (Attribution::Coverage, _) if finding.id < "V720" => Some(format!("conformance coverage{flags} --missing")),
            (Attribution::Coverage, _) => Some(format!("conformance check{flags}")),
            _ => None,
        }
    }
}

/// Whether each selected case has exactly one result, and there is one at all.
fn tally<'a>(selected: impl Iterator<Item = &'a str>, results: &[CaseResult]) -> Vec<Finding> {
    let mut missing: BTreeMap<&str, i64> = BTreeMap::new();
    selected.for_each(|id| *missing.entry(id).or_default() += 1);
    if missing.is_empty() {
        return vec![Finding::new("E901", "no fixture was executed: the suite or the filter's selection is empty")];
    }
    for result in results {
        *missing.entry(&result.fixture).or_default() -= 1;
    }
    let uneven = missing.into_iter().filter(|(_, difference)| *difference != 0);
    uneven
        .map(|(id, difference)| {
            let what = if difference > 0 { "was not executed" } else { "was executed more often than it was selected" };
            let mut finding = Finding::new("E901", format!("this fixture {what}"));
            finding.fixture = Some(id.to_owned());
            finding
        })
        .collect()
}

fn uncovered(spec: &Spec, item: &Item, is_lost: bool) -> Finding {
    let noun = noun(item.dimension);
    let message = match is_lost {
        true => format!("only fixtures with findings cover this {noun}: it comes back when they pass"),
        false => format!("no fixture covers this {noun}"),
    };
    Finding::new(item.dimension.check(), message).with_pointer(&item.key).with_spec_location(spec.locate(&item.spec_at))
}

fn noun(dimension: Dimension) -> &'static str {
    match dimension {
        Dimension::Operation => "operation",
        Dimension::Status => "status",
        Dimension::Parameter => "parameter",
        Dimension::ParameterEnum => "parameter value",
        Dimension::ResponseProperty => "response property",
        Dimension::RequestProperty => "request property",
        Dimension::EnumValue => "enum value",
        Dimension::OptionalAbsent => "optional property left out",
        Dimension::NullableNull => "nullable property as null",
        Dimension::ArrayLength => "array length",
        Dimension::MediaType => "media type",
    }
}

/// What became of the items of an inventory.
struct Seen<'a> {
    covered: &'a BTreeSet<Item>,
    /// By any fixture, whatever is held against it.
    shown: &'a BTreeSet<Item>,
    waived: &'a BTreeSet<String>,
}

fn dimensions(spec: &Spec, inventory: &BTreeSet<Item>, seen: &Seen<'_>) -> Vec<DimensionCoverage> {
    let of = |dimension: Dimension| {
        let items = inventory.iter().filter(|item| item.dimension == dimension);
        let (shown, missing): (Vec<&Item>, Vec<&Item>) = items.partition(|item| seen.covered.contains(*item));
        let missing = missing.into_iter().map(|item| MissingItem {
            key: item.key.clone(),
            spec_at: spec.locate(&item.spec_at),
            operation: operation_of(spec, &item.key),
            waived: seen.waived.contains(&format!("{} {}", dimension.check(), item.key)),
            lost: seen.shown.contains(item),
        });
        let missing: Vec<MissingItem> = missing.collect();
        DimensionCoverage {
            id: dimension.check(),
            title: title(dimension),
            gates: dimension.gates(),
            covered: shown.len(),
            total: shown.len() + missing.len(),
            missing,
            shown: shown.into_iter().map(|item| item.key.clone()).collect(),
        }
    };
    Dimension::ALL.into_iter().map(of).collect()
}

/// The operation that the name of an item begins with; an operationId that is made up has spaces in it.
fn operation_of(spec: &Spec, key: &str) -> Option<String> {
    let begins = |id: &str| key.strip_prefix(id).is_some_and(|rest| rest.is_empty() || rest.starts_with(' '));
    let ids = spec.operations().iter().map(|operation| &operation.id);
    ids.filter(|id| begins(id)).max_by_key(|id| id.len()).cloned()
}

fn title(dimension: Dimension) -> &'static str {
    match dimension {
        Dimension::Operation => "operations",
        Dimension::Status => "statuses",
        Dimension::Parameter => "parameters",
        Dimension::ParameterEnum => "parameter values",
        Dimension::ResponseProperty => "response properties",
        Dimension::RequestProperty => "request properties",
        Dimension::EnumValue => "enum values",
        Dimension::OptionalAbsent => "optional properties left out",
        Dimension::NullableNull => "nullable properties as null",
        Dimension::ArrayLength => "array lengths 0, 1, many",
        Dimension::MediaType => "media types",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result(id: &str) -> CaseResult {
        CaseResult { fixture: id.into(), request: None, outcome: None, findings: Vec::new() }
    }

    #[test]
    fn no_case_is_skipped_in_silence() {
        let all = || ["a", "b"].into_iter();
        assert!(tally(all(), &[result("a"), result("b")]).is_empty());
        let found = tally(all(), &[result("a")]);
        assert_eq!(found.first().map(|finding| (finding.id, finding.fixture.as_deref())), Some(("E901", Some("b"))));
        assert_eq!(tally(all(), &[result("a"), result("b"), result("b")]).len(), 1);
        assert_eq!(tally(std::iter::empty(), &[]).len(), 1, "nothing executed is not a pass");
    }
}
