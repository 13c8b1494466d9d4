//! The report of scenarios.

use std::collections::BTreeSet;

use super::runner::ScenarioResult;
use super::suite::ScenarioSuite;
use crate::finding::{Attribution, Finding};
use crate::options::Options;
use crate::report::{Mode, Report, ScenarioSummary, Status, Totals};
use crate::spec::Spec;
use crate::suite::Suite;

/// What scenarios have to say, as a report without fixtures. Without results it tells what is wrong with the files.
#[must_use]
pub fn report_scenarios(
    spec: &Spec,
    suite: &Suite,
    scenarios: &ScenarioSuite,
    results: Option<&[ScenarioResult]>,
    options: &Options,
) -> Report {
    let ran = results.unwrap_or_default();
    let selects = |finding: &Finding| finding.fixture.as_deref().is_none_or(|id| options.selects(id));
    let found = scenarios.lint(spec, suite).into_iter().filter(selects);
    let mut findings: BTreeSet<Finding> = found.chain(ran.iter().flat_map(|result| result.findings.iter().cloned())).collect();
    let selected: Vec<_> = scenarios.cases.iter().filter(|case| options.selects(&case.scenario.id)).collect();
    if results.is_some() && ran.is_empty() {
        findings.insert(Finding::new("E901", "no scenario was executed: the folder or the filter's selection is empty"));
    }
    let summaries = selected.into_iter().map(|case| {
        let id = &case.scenario.id;
        let own = || findings.iter().filter(|finding| finding.fixture.as_deref() == Some(id));
        let status = match own().count() {
            0 => Status::Passed,
            _ if own().any(|finding| finding.attribution == Attribution::Engine) => Status::Error,
            _ => Status::Failed,
        };
        let result = ran.iter().find(|result| result.id == *id);
        ScenarioSummary {
            id: id.clone(),
            summary: case.scenario.summary.clone(),
            file: case.file.clone(),
            status,
            attempts: result.map(|result| result.attempts),
            seconds: result.map(|result| result.elapsed.as_secs_f64()),
            findings: own().count(),
        }
    });
    let scenarios = summaries.collect();
    let findings: Vec<Finding> = findings
        .into_iter()
        .map(|mut finding| {
            let is_client = matches!(finding.attribution, Attribution::Client | Attribution::Engine);
            let command = options.reproduce.as_ref().filter(|_| is_client).zip(finding.fixture.as_ref());
            finding.reproduce = command.map(|(command, id)| command.replace("{fixture}", id));
            finding
        })
        .collect();
    let mode = if results.is_some() { Mode::Run } else { Mode::Lint };
    let totals = Totals { findings: findings.len(), ..Totals::default() };
    Report { report: 1, mode, totals, findings, fixtures: Vec::new(), scenarios, coverage: Vec::new(), waivers: Vec::new() }
}
