//! A folder of scenarios, read with the place of every value and tied to the fixtures that they name.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use serde_json::Value;

use super::format::{Fault, Scenario, StepSpec, scenario_schema};
use crate::finding::{Finding, Location};
use crate::fixture::{RequestSpec, ResponseSpec};
use crate::shape::Shape;
use crate::spec::{Locator, Spec, read_yaml};
use crate::suite::{Suite, SuiteError, list, show};

static SHAPE: LazyLock<Shape> = LazyLock::new(|| Shape::new(scenario_schema()));

/// One scenario and the file it stands in.
#[derive(Clone, Debug)]
pub struct ScenarioCase {
    /// What the file says.
    pub scenario: Scenario,
    /// The file, as it was given to the harness.
    pub file: String,
    path_id: String,
    locator: Locator,
}

/// The scenarios of a folder, and the files that are none.
#[derive(Clone, Debug, Default)]
pub struct ScenarioSuite {
    /// The scenarios, sorted by path.
    pub cases: Vec<ScenarioCase>,
    /// What is wrong with files that could not be read as scenarios.
    pub broken: Vec<Finding>,
}

/// One attempt, with everything that a fixture gives it.
#[derive(Clone, Debug)]
pub(super) struct Step {
    /// Of the file's list, from 0.
    pub(super) index: usize,
    pub(super) request: RequestSpec,
    pub(super) response: ResponseSpec,
    pub(super) fault: Option<Fault>,
}

impl ScenarioCase {
    /// A finding of the check `id` at a pointer of this scenario.
    #[must_use]
    pub fn finding(&self, id: &'static str, at: &str, message: impl Into<String>) -> Finding {
        let mut finding = Finding::new(id, message).with_pointer(at).with_location(self.locator.locate(at));
        finding.fixture = Some(self.scenario.id.clone());
        finding
    }

    /// The operation and the input that are asked for, those of a named fixture included.
    pub(super) fn asked(&self, suite: &Suite) -> (Option<String>, Value) {
        let task = &self.scenario.task;
        let mut input = serde_json::Map::new();
        let mut operation = task.operation.clone();
        if let Some(case) = task.fixture.as_deref().and_then(|id| suite.case(id)) {
            operation = Some(case.fixture.operation.clone());
            input.extend(case.fixture.call.clone());
        }
        input.extend(task.input.clone());
        (operation, Value::Object(input))
    }

    /// Every attempt in order; a step that comes more than once is there as often.
    pub(super) fn steps(&self, suite: &Suite) -> Vec<Step> {
        let steps = self.scenario.steps.iter().enumerate();
        steps.flat_map(|(index, spec)| std::iter::repeat_n(step(index, spec, suite), spec.times.unwrap_or(1))).collect()
    }

    /// What is wrong with it, beyond its shape.
    fn lint(&self, spec: &Spec, suite: &Suite) -> Vec<Finding> {
        let mut found = Vec::new();
        let mut say = |id, at: &str, message: String| found.push(self.finding(id, at, message));
        let Scenario { id, task, steps, provenance, .. } = &self.scenario;
        if *id != self.path_id {
            say("F241", "/id", format!("the id is `{id}`, the path asks for `{}`", self.path_id));
        }
        if provenance.kind == crate::fixture::ProvenanceKind::Synthetic && provenance.fact.is_none() {
            say("F241", "/provenance", "a synthetic scenario needs the `fact` that it enacts".into());
        }
        let named = [task.operation.is_some(), task.workflow.is_some(), task.fixture.is_some()];
        if named.into_iter().filter(|there| *there).count() != 1 {
            say("F241", "/do", "exactly one of `operation`, `workflow` and `fixture` says what is done".into());
        }
        if let Some(operation) = task.operation.as_deref().filter(|id| spec.operation(id).is_none()) {
            say("F242", "/do/operation", format!("the document has no operation `{operation}`"));
        }
        let unknown =
            |id: &Option<String>| id.as_deref().filter(|id| suite.case(id).is_none()).map(|id| format!("there is no fixture `{id}`"));
        if let Some(message) = unknown(&task.fixture) {
            say("F242", "/do/fixture", message);
        }
        let is_silent = steps.iter().any(|step| step.fault == Some(Fault::Silence));
        if is_silent && task.attempt_timeout.is_none() {
            say("F241", "/do", "the fault `silence` needs an `attempt_timeout`".into());
        }
        let mut is_open = false;
        for (index, step) in steps.iter().enumerate() {
            let at = format!("/steps/{index}");
            let fixture = step.fixture.as_deref().and_then(|id| suite.case(id)).map(|case| &case.fixture);
            if let Some(message) = unknown(&step.fixture) {
                say("F242", &format!("{at}/fixture"), message);
                continue;
            }
            if step.request.is_none() && fixture.is_none_or(|fixture| fixture.request.is_none()) {
                say("F241", &at, "nothing says which request is expected: name a fixture that has one, or give a `request`".into());
            }
            if step.response.is_some() && step.status.is_some() {
                say("F241", &format!("{at}/status"), "`status` is short for a `response`; give one of them".into());
            }
            let answered = !matches!(step.fault, Some(Fault::Refuse | Fault::Reset | Fault::LoseReply | Fault::Silence));
            let status = self::step(index, step, suite).response.status;
            match status {
                None if answered => say("F241", &at, "nothing says what is answered: give a `response`, a `status` or a `fault`".into()),
                Some(status) if answered && !(200..=599).contains(&status) => {
                    say("F241", &at, format!("{status} is no status that can be answered: 200 to 599"));
                }
                _ => {}
            }
            if step.fault == Some(Fault::Refuse) && is_open {
                say("F241", &format!("{at}/fault"), "`refuse` stands only before any other step".into());
            }
            is_open |= step.fault != Some(Fault::Refuse);
            if step.times == Some(0) {
                say("F241", &format!("{at}/times"), "a step that comes 0 times is none; leave it out".into());
            }
            if let Some(after) = step.after.filter(|after| matches!((after.at_least, after.at_most), (Some(a), Some(b)) if a > b)) {
                say("F241", &format!("{at}/after"), format!("no pause is both {after:?}"));
            }
        }
        found
    }
}

fn step(index: usize, spec: &StepSpec, suite: &Suite) -> Step {
    let fixture = spec.fixture.as_deref().and_then(|id| suite.case(id)).map(|case| &case.fixture);
    let request = spec.request.clone().or_else(|| fixture.and_then(|fixture| fixture.request.clone()));
    let short = spec.status.map(|status| ResponseSpec { status: Some(status), ..ResponseSpec::default() });
    let response = spec.response.clone().or(short).or_else(|| fixture.and_then(|fixture| fixture.response.clone()));
    let mut response = response.unwrap_or_default();
    if let Some(pause) = &spec.retry_after {
        response.headers.insert("retry-after".into(), pause.clone());
    }
    let request = request.unwrap_or_default();
    Step { index, request, response, fault: spec.fault }
}

impl ScenarioSuite {
    /// Reads every `*.yaml` below a folder. A file that is not a scenario becomes a finding, never a silent skip.
    ///
    /// # Errors
    ///
    /// A folder that cannot be listed, or that holds no scenario.
    pub fn load(folder: &Path) -> Result<Self, SuiteError> {
        let mut files = Vec::new();
        list(folder, &mut files).map_err(|(path, error)| SuiteError::new(&path, error.to_string()))?;
        if files.is_empty() {
            return Err(SuiteError::new(folder, "no *.yaml file below this folder".into()));
        }
        let mut suite = Self::default();
        for file in files {
            let relative = file.strip_prefix(folder).unwrap_or(&file);
            let path_id = show(&relative.with_extension(""));
            if file.extension().is_some_and(|extension| extension == "yml") {
                suite.broken.push(broken(&show(&file), &path_id, "this file would be skipped: scenarios end in .yaml"));
                continue;
            }
            match fs::read_to_string(&file) {
                Ok(text) => suite.add(&show(&file), &path_id, &text),
                Err(error) => suite.broken.push(broken(&show(&file), &path_id, error.to_string())),
            }
        }
        Ok(suite)
    }

    /// Adds one scenario from its text; `path_id` is the id that its path asks for.
    pub fn add(&mut self, file: &str, path_id: &str, text: &str) {
        let (source, locator) = match read_yaml(file, text) {
            Ok(read) => read,
            Err(error) => {
                let mut finding = broken(file, path_id, error.message());
                finding.at = error.location().cloned().or(finding.at);
                self.broken.push(finding);
                return;
            }
        };
        let wrong = SHAPE.misshapen(&source);
        let misshapen = !wrong.is_empty();
        self.broken.extend(wrong.into_iter().map(|(at, message)| {
            let mut finding = broken(file, path_id, message);
            finding.at = locator.locate(&at).or(finding.at);
            finding.with_pointer(at)
        }));
        if misshapen {
            return;
        }
        match serde_json::from_value::<Scenario>(source) {
            Ok(scenario) => {
                self.cases.push(ScenarioCase { scenario, file: file.to_owned(), path_id: path_id.to_owned(), locator });
            }
            Err(error) => self.broken.push(broken(file, path_id, error.to_string())),
        }
    }

    /// What is wrong with the scenarios by themselves, sorted.
    #[must_use]
    pub fn lint(&self, spec: &Spec, suite: &Suite) -> Vec<Finding> {
        let found: BTreeSet<Finding> =
            self.broken.iter().cloned().chain(self.cases.iter().flat_map(|case| case.lint(spec, suite))).collect();
        found.into_iter().collect()
    }
}

fn broken(file: &str, path_id: &str, message: impl Into<String>) -> Finding {
    let at = Location { file: file.to_owned(), line: 1, column: 1 };
    let mut finding = Finding::new("F240", message).with_location(Some(at));
    finding.fixture = Some(path_id.to_owned());
    finding
}
